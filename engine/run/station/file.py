"""Reads station files and parameter sets into assignments: (address, value, where it was written)."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.language.load.installed_files import installed_file
from engine.language.position import Position
from engine.language.problems import suggestion
from engine.language.text_values import parts
from engine.run.station.plan import StationError
from engine.run.station.settings import settings_file

_MAX_BYTES = 1_000_000
_TOP = (
    "station",
    "parameters",
    "adapters",
    "machines",
    "sets",
    "options",
    "display",
    "setpoints",
    "sides",
    "invariants",
    "units",
    "control",
    "control_texts",
    "web",
    "programs",
    "status",
    "option_values",
)
_STATION = (
    "machine",
    "name",
    "title",
    "session_end",
    "ready",
    "faults",
    "control",
    "control_token",
    "control_number",
    "control_ends",
    "status_every",
    "words",
)
_MACHINE = ("chart", "present", "parameters", "adapters")
_UNIT = ("adapters", "machines")
_BESIDE = (*_MACHINE, "kind")
_NOTES = ("title", "source", "description")  # in a parameter set, for people


@dataclass(frozen=True, slots=True)
class Assignment:
    """``value`` for ``address`` (``adapters.link.loss``), as written in ``origin``."""

    address: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """``[sets.NAME]``: files of parameters (and adapter settings, under ``adapters``) for one machine, one of which is
    chosen by name."""

    name: str
    directory: Path
    machine: str
    default: str | list[str] | None

    def choices(self) -> list[str]:
        """The names to choose from."""
        return sorted({p.stem for p in self.directory.glob("*.toml")} | {p.stem for p in self.directory.glob("*.yaml")})

    def read(self, choice: str, machine: str = "") -> list[Assignment]:
        """The assignments of a choice, for ``machine``. Raises ``StationError`` for one that is not there or does not
        read."""
        machine = machine or self.machine
        if choice not in self.choices():
            hint = suggestion(choice, self.choices())
            raise StationError(f"{self.name} {choice!r}: there is no such file in {self.directory}{hint}")
        path = self.directory / f"{choice}.toml"
        content = read_toml(path) if path.exists() else _read_yaml(self.directory / f"{choice}.yaml")
        origin = str(path if path.exists() else path.with_suffix(".yaml"))
        values = {name: value for name, value in content.items() if name not in (*_NOTES, "faults")}
        faults = [Assignment(f"faults.{machine}", rule, origin) for rule in rules(content, origin)]
        settings = _table(values.pop("adapters", {}), f"{origin}: [adapters]")
        return [
            *faults,
            *(Assignment(f"machines.{machine}.parameters.{key}", value, origin) for key, value in _flat(values)),
            *(Assignment(f"machines.{machine}.adapters.{key}", value, origin) for key, value in _flat(settings)),
        ]


_WISHES = ("ui", "sessions")  # options of the command itself: a station file may have something to say to them


class StationFile:
    """One station file, its keys checked; ``StationFile(None)`` is the empty one. ``settings``: by full address, in the
    place of those that stand beside it."""

    def __init__(self, path: Path | None, settings: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self.settings = dict(settings) if settings is not None else read_settings(path)
        self.content: dict[str, Any] = read_toml(path) if path is not None else {}
        self._check(self.content, _TOP, "")
        self._check(self.table("station"), _STATION, "station.")
        for name, machine in self.table("machines").items():
            self._check(machine, _MACHINE, f"machines.{name}.")
        for name, unit in self.units().items():
            self._check(unit, _UNIT, f"units.{name}.")
            for beside, machine in _table(unit.get("machines", {}), f"{path}: [units.{name}.machines]").items():
                self._check(machine, _BESIDE, f"units.{name}.machines.{beside}.")

    def table(self, name: str) -> dict[str, Any]:
        """A top-level table; empty when it is absent."""
        return _table(self.content.get(name, {}), f"{self.path}: [{name}]")

    def web(self) -> tuple[dict[str, Any], Path | None]:
        """``[web]``, and the file it names (``file``): what is said here goes before what that says, name by name."""
        own = dict(self.table("web"))
        if "file" not in own:
            return own, None
        path = self.relative(str(own.pop("file")))
        found = read_toml(path)
        for name, given in own.items():
            both = isinstance(given, Mapping) and isinstance(found.get(name), Mapping)
            found[name] = {**found[name], **given} if both else given
        return found, path

    def units(self) -> dict[str, Any]:
        """The contents of ``[units]``, by the unit's name."""
        return self.table("units")

    def relative(self, path: str) -> Path:
        """A path written in the file; when it does not exist, the installed file or folder of that name: a copy of a
        shipped station file runs from any folder."""
        beside = Path(os.path.normpath((self.path.parent if self.path else Path()) / path))
        return beside if beside.exists() else installed_file(re.sub(r"^(\.\./)+", "", path)) or beside

    def assignments(self, main: str) -> list[Assignment]:
        """Parameters and adapter settings under full addresses; top-level ones belong to machine ``main``. The settings
        beside the file come last."""
        found: list[Assignment] = []
        for part in ("parameters", "adapters"):
            found += self._assigned(f"machines.{main}.{part}", self.table(part))
        for name, unit in self.units().items():
            found += self._assigned(f"units.{name}.adapters", unit.get("adapters", {}))
            for beside, machine in unit.get("machines", {}).items():
                for key in ("parameters", "adapters"):
                    found += self._assigned(f"units.{name}.machines.{beside}.{key}", machine.get(key, {}))
        for name, machine in self.table("machines").items():  # also what is said of one of a unit: after what of all
            for key in _MACHINE:
                if isinstance(machine.get(key), dict):
                    found += self._assigned(f"machines.{name}.{key}", machine[key])
        beside = str(settings_file(self.path)) if self.path is not None else ""
        return [*found, *(Assignment(address, value, beside) for address, value in self.settings.items())]

    def option(self, name: str, value: str, main: str, command: Iterable[str] = ()) -> list[Assignment]:
        """The assignments of ``--name value`` (``[options.name]`` or ``[options.name.value]``); ``{}`` becomes the
        value, of units a list of values, one for each (:meth:`engine.run.station.units.Units.spread`). Without a value
        it is that of ``[option_values]``.

        ``command`` are the command's own options, for hints. Raises ``StationError`` for an unknown option or value.
        """
        options = self.table("options")
        where = str(self.path or "")
        if name not in options and name in _WISHES:
            return []
        if name not in options:
            hint = suggestion(f"--{name}", [*{*command} - {f"--{name}"}, *(f"--{option}" for option in options)])
            raise StationError(f"--{name}: there is no such option{f' in {where}' if where else ''}{hint}")
        if not value:
            value = str(self.table("option_values").get(name, ""))
        if not value:
            raise StationError(f"--{name}: write a value behind it")
        changes = _table(options[name], f"{where}: [options.{name}]")
        if changes and all(isinstance(change, dict) for change in changes.values()):
            if value not in changes:
                raise StationError(f"--{name} {value}: not one of {', '.join(changes)} ({where})")
            changes = changes[value]
        found = []
        for address, change in changes.items():
            if isinstance(change, str) and "{}" in change:
                of_units = address.startswith("units.")
                change = [change.replace("{}", one) for one in (parts(value) if of_units else [value])]
                change = change if of_units else change[0]
            found.append(Assignment(full_address(address, main), change, f"--{name} {value}"))
        return found

    def named_options(self) -> set[str]:
        """The options that are declared value by value (``[options.link.ethernet]``)."""
        options = self.table("options")
        return {
            name for name, values in options.items() if values and all(isinstance(v, dict) for v in values.values())
        }

    def sets(self, main: str) -> dict[str, ParameterSet]:
        """The parameter sets by name. Raises ``StationError`` for one that is wrong."""
        found = {}
        for name, content in self.table("sets").items():
            self._check(content, ("directory", "machine", "default"), f"sets.{name}.")
            if not isinstance(content.get("directory"), str):
                raise StationError(f"{self.path}: [sets.{name}] needs a directory")
            machine, default = content.get("machine", main), content.get("default")
            found[name] = ParameterSet(name, self.relative(content["directory"]), machine, default)
        return found

    def _assigned(self, prefix: str, content: Any) -> list[Assignment]:
        table = _table(content, f"{self.path}: [{prefix}]")
        return [Assignment(f"{prefix}.{address}", value, str(self.path)) for address, value in _flat(table)]

    def _check(self, content: Any, known: tuple[str, ...], prefix: str) -> None:
        for key in _table(content, f"{self.path}: [{prefix.rstrip('.')}]"):
            if key not in known:
                raise StationError(f"{self.path}: unknown key {prefix}{key}{suggestion(key, known)}")


def rules(content: Mapping[str, Any], where: str) -> list[str]:
    """The list of fault rules under ``faults``. Raises ``StationError`` when it is not a list of texts."""
    found = content.get("faults", [])
    if not isinstance(found, list) or not all(isinstance(rule, str) for rule in found):
        raise StationError(f'{where}: faults is a list of rules: faults = ["drop:v2g.PreChargeReq"]')
    return found


def full_address(address: str, main: str) -> str:
    """An address with its machine: ``parameters.X`` and ``adapters.…`` are the main machine's."""
    head = address.partition(".")[0]
    return f"machines.{main}.{address}" if head in ("parameters", "adapters") else address


def place_of(path: Path, written: str) -> Position:
    """Where a text first stands in the file; its beginning when it is written in another way."""
    first = next(iter(written.splitlines()), "")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if first in line:
            return Position(str(path), number, line.index(first) + 1)
    return Position(str(path), 1, 1)


def read_toml(path: Path) -> dict[str, Any]:
    """The contents of a TOML file. Raises ``StationError`` that names file, line and column."""
    try:
        data = path.read_bytes()
        if len(data) > _MAX_BYTES:
            raise StationError(f"{path}: {len(data)} bytes; a station file has at most {_MAX_BYTES}")
        return tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise StationError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StationError(f"{path}: not valid TOML: {error}") from None


def read_settings(station_file: Path | None) -> dict[str, Any]:
    """The settings beside a station file, by full address; none where there are none. Raises ``StationError``."""
    if station_file is None or not settings_file(station_file).exists():
        return {}
    return read_toml(settings_file(station_file))


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = path.read_bytes()
        if len(data) > _MAX_BYTES:
            raise StationError(f"{path}: {len(data)} bytes; a parameter set has at most {_MAX_BYTES}")
        content = yaml.safe_load(data)
    except OSError as error:
        raise StationError(f"{path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise StationError(f"{path}: not valid YAML: {error}") from None
    return _table(content or {}, str(path))


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StationError(f"{where} must be a table, not {value!r}"[:300])
    return value


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
