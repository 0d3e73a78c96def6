"""What is behind a role: an installed implementation, ``none``, a class in a Python file of one's own, a chart, or
another machine of the station."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from engine.adapter import Adapter, AdapterError, Registry
from engine.language.load.installed_files import installed_file
from engine.language.model import Chart, Contract
from engine.language.problems import suggestion
from engine.run import served
from engine.run.station.null_adapter import NONE, NullAdapter
from engine.run.station.plan import StationError

_MACHINE = "machine:"
_OWN = re.compile(r"(.+\.py):(\w+)")


def checked_use(use: str, contract: str, registry: Registry, folder: Path) -> str:
    """``use`` as a plan keeps it: ``FILE.py:Class`` with the full path; a relative one starts from ``folder``.

    Raises ``StationError`` when there is no such implementation, file or class.
    """
    own = _OWN.fullmatch(use)
    if own is None:
        known = registry.implementations(contract)
        if use in (*known, NONE):
            return use
        way = "" if suggestion(use, known).startswith("; did") else "; a class of your own is FILE.py:CLASS"
        raise StationError(f"no implementation {use!r} of {contract}{suggestion(use, known)}{way}")
    whole = f"{os.path.abspath(folder / own[1])}:{own[2]}"
    found = adapter_class(whole, contract, registry)
    declared = getattr(found, "contract", None)
    if declared != contract:
        raise StationError(f'{use}: the role needs contract = "{contract}" in class {own[2]}, not {declared!r}')
    return whole


def adapter_class(use: str, contract: str, registry: Registry) -> type[Adapter]:
    """The class of a ``use`` from :func:`checked_use`. Raises ``StationError`` when it cannot be imported."""
    if use == NONE:
        return NullAdapter
    own = _OWN.fullmatch(use)
    path, name = (own[1], own[2]) if own else registry.implementations(contract)[use].split(":")
    try:
        module = _module(Path(path)) if own else importlib.import_module(path)
    except ImportError as error:
        raise StationError(f"adapter {use} cannot be imported: {error}") from error
    found = getattr(module, name, None)
    if isinstance(found, type) and issubclass(found, Adapter):
        return found
    classes = [
        n for n, c in vars(module).items() if isinstance(c, type) and issubclass(c, Adapter) and c is not Adapter
    ]
    what = "is no subclass of engine.adapter.Adapter" if found is not None else "is not there"
    raise StationError(f"adapter {use}: class {name} {what}{suggestion(name, classes)}")


def named_machine(use: str) -> str:
    """The machine that ``machine:NAME`` names; nothing for another ``use``."""
    return use.removeprefix(_MACHINE) if use.startswith(_MACHINE) else ""


def refuse_machine(name: str, role: str, contract: Contract, own: str, charts: Mapping[str, Chart]) -> None:
    """Raises ``StationError`` when the machine ``name``, of those with these ``charts``, cannot stand behind a role of
    the machine ``own``."""
    if name not in charts:
        raise StationError(f"there is no machine {name!r} here{suggestion(name, charts)}")
    if name == own:
        raise StationError(f"{name} cannot stand behind a role of its own")
    try:
        served.refuse_other_contract(charts[name], role, contract)
    except AdapterError as error:
        raise StationError(str(error)) from None


def is_chart(use: str, contract: str, registry: Registry) -> bool:
    """Whether ``use`` is the file of a chart, or the name of an implementation that is one."""
    return registry.implementations(contract).get(use, use).endswith((".yaml", ".yml"))


def named_chart(use: str, contract: str, registry: Registry, load: Callable[[Path], Chart]) -> Chart:
    """The chart that the name of an implementation stands for. Raises what ``load`` raises."""
    name = registry.implementations(contract)[use]
    return load(installed_file(name) or Path(name))


def serving_chart(
    use: str, folder: Path, role: str, contract: Contract, registry: Registry, load: Callable[[Path], Chart]
) -> Chart:
    """The chart of a ``use``; a relative file is seen from ``folder``, else looked for among the installed ones.

    Raises ``StationError`` when there is none or it does not serve the contract, and what ``load`` raises.
    """
    named = registry.implementations(contract.name).get(use)
    path = Path(os.path.normpath(folder / use))
    if named is not None or not path.exists():
        path = installed_file(named or use) or Path(named or path)
    if not path.is_file():
        raise StationError(f"there is no file {path}")
    chart = load(path)
    try:
        served.refuse_other_contract(chart, role, contract)
    except AdapterError as error:
        raise StationError(str(error)) from None
    return chart


def refuse_circle(chart: Chart, above: list[Chart], origin: str) -> None:
    """Raises ``StationError`` when a chart is among those it is to serve."""
    try:
        served.refuse_circle(chart, above)
    except AdapterError as error:
        raise StationError(f"{origin}: {error}") from None


def _module(file: Path) -> ModuleType:
    """A Python file as a module of its own, imported once."""
    name = str(file)
    if name in sys.modules:
        return sys.modules[name]
    if not file.is_file():
        raise StationError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        place = f"{file}:{line}" if line else str(file)
        raise StationError(f"{place}: {type(error).__name__}: {error}") from error
    return module
