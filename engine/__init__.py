"""State charts in YAML: load, check, run, draw, test and translate them.

chart = engine.load("machines/traffic_light.yaml")
machine = engine.start(chart)
machine.send("timer")
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.adapter import Adapter
    from engine.language.model import Chart, Contract
    from engine.run.machine import Machine
    from engine.run.served import ServedChart

__all__ = ["load", "load_text", "resume", "serve", "start"]


def load(path: str | Path, contracts: Mapping[str, Contract] | None = None) -> Chart:
    """Load a chart and all it invokes: see :func:`engine.language.load.files.load`."""
    from engine.language.load.files import load as load_file

    return load_file(path, contracts)


def load_text(text: str, file: str = "<text>", contracts: Mapping[str, Contract] | None = None) -> Chart:
    """Load a chart from its text: see :func:`engine.language.load.files.load_text`."""
    from engine.language.load.files import load_text as load_from_text

    return load_from_text(text, file, contracts)


def serve(
    chart: Chart,
    parameters: Mapping[str, Any] | None = None,
    adapters: Mapping[str, Adapter | ServedChart] | None = None,
) -> ServedChart:
    """An entry of ``adapters`` for a chart with ``serves: CONTRACT``, in the place of an adapter of that contract."""
    from engine.run.served import ServedChart

    return ServedChart(chart, parameters or {}, adapters or {})


def start(
    chart: Chart,
    parameters: Mapping[str, Any] | None = None,
    adapters: Mapping[str, Adapter | ServedChart] | None = None,
) -> Machine:
    """A machine in its initial configuration on a private virtual clock: see :class:`engine.run.machine.Machine`.

    Raises :class:`engine.semantics.errors.ParameterError` and :class:`engine.adapter.AdapterError`.
    """
    from engine.run.machine import start as start_machine

    return start_machine(chart, parameters, adapters, resolve_source)


def resume(
    chart: Chart, snapshot: Mapping[str, Any], adapters: Mapping[str, Adapter | ServedChart] | None = None
) -> Machine:
    """The machine that a :meth:`engine.run.machine.Machine.snapshot` was taken of, with its timers and children.

    Raises :class:`engine.semantics.errors.SnapshotError` when the snapshot is not one of this chart.
    """
    from engine.run.machine import resume as resume_machine

    return resume_machine(chart, snapshot, adapters, resolve_source)


def resolve_source(source: Any, chart: Chart) -> Chart:
    """The chart that ``source`` means while ``chart`` runs: see :func:`engine.tools.scxml.resolve.resolve_source`."""
    from engine.tools.scxml import resolve  # only imported documents name charts at run time

    return resolve.resolve_source(source, chart)
