"""A station after resolution: everything that will run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.language.model import Chart, Invariant, Spawn
from engine.language.traverse import walk_blocks
from engine.run.faults import FaultRule


class StationError(Exception):
    """A station file, an environment variable or an option is wrong. The message says which, where and what to do."""


@dataclass(slots=True)
class AdapterPlan:
    """The implementation bound to a role (its name in the registry) and its settings."""

    use: str
    config: dict[str, Any] = field(default_factory=dict)
    origin: str = ""  # the file it stands in, for messages


@dataclass(slots=True)
class MachinePlan:
    """A root machine. ``parameters`` by path of invoke ids below it (``""``: its own), then by name."""

    name: str
    chart: Chart
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    adapters: dict[str, AdapterPlan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Headline:
    """A value the live view shows large: ``label`` and where it is (``machine.data`` or ``machine.role.value``)."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class RoleFault:
    """A fault rule on ``name`` of ``role`` of ``machine``, its values typed."""

    machine: str
    role: str
    name: str
    rule: FaultRule


@dataclass(slots=True)
class Station:
    """What ``engine run`` runs. ``session_end`` is ``(machine, event)``, counted by ``--sessions``. ``ready`` is
    ``(machine path, state)``: the station is ready when that state is first active; None: as soon as it runs."""

    title: str
    machines: dict[str, MachinePlan]
    session_end: tuple[str, str] | None = None
    ready: tuple[str, str] | None = None
    display: tuple[Headline, ...] = ()
    invariants: tuple[Invariant, ...] = ()  # over its machines
    file: str = ""
    sides: dict[str, str] = field(default_factory=dict)  # label -> machine path, of those that talk in a session
    faults: list[RoleFault] = field(default_factory=list)
    surroundings: str = ""  # which parts of the main machine's world are real and which only seem so

    @property
    def told(self) -> str:
        """Title and surroundings, for people."""
        return f"{self.title}, {self.surroundings}" if self.surroundings else self.title


def child_charts(chart: Chart) -> dict[str, Chart]:
    """The charts that a chart invokes or spawns, by id."""
    found: dict[str, Chart] = {}
    for state in chart.root.walk():
        for invoke in state.invokes:
            if invoke.chart is not None:
                found.setdefault(invoke.id, invoke.chart)
        for block in walk_blocks(state):
            for action in block:
                if isinstance(action, Spawn):
                    found.setdefault(action.id, action.chart)
    return found


def chart_tree(chart: Chart, path: str = "", depth: int = 0) -> Iterator[tuple[str, Chart]]:
    """The chart and all its descendants, each with its path of ids (``slac.match``)."""
    yield path, chart
    if depth < 12:
        for child_id, child in child_charts(chart).items():
            yield from chart_tree(child, f"{path}.{child_id}" if path else child_id, depth + 1)
