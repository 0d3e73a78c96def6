"""A station after resolution: everything that will run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.language.expr.tree import Expr
from engine.language.model import Chart, Contract, Invariant, Spawn
from engine.language.traverse import charts_at, child_nodes
from engine.run.faults import FaultRule


class StationError(Exception):
    """A station file, an environment variable or an option is wrong. The message says which, where and what to do."""


@dataclass(slots=True)
class AdapterPlan:
    """The implementation bound to a role (its name in the registry) and its settings; or a chart that serves the role's
    contract, ``served``: a machine of its own, named ``machine/role``; or ``machine``: the name of another one of the
    station that serves it. ``device``: the chart is what the name of an implementation stands for, so its settings are
    written as those of a class."""

    use: str
    config: dict[str, Any] = field(default_factory=dict)
    origin: str = ""  # the file it stands in, for messages
    origins: dict[str, str] = field(default_factory=dict)  # where `use` and each setting was set
    served: MachinePlan | None = None
    machine: str = ""
    device: bool = False


class _Holder:
    """What has roles."""

    __slots__ = ()
    adapters: dict[str, AdapterPlan]

    def served(self) -> Iterator[MachinePlan]:
        """The charts that stand behind its roles and behind theirs, whom they serve before them."""
        for plan in self.adapters.values():
            if plan.served is not None:
                yield plan.served
                yield from plan.served.served()

    def served_as(self, name: str) -> Iterator[tuple[str, MachinePlan]]:
        """:meth:`served`, each as it is written where this is called ``name``: ``name.role``, ``name.role.role``."""
        for role, plan in self.adapters.items():
            if plan.served is not None:
                yield f"{name}.{role}", plan.served
                yield from plan.served.served_as(f"{name}.{role}")

    def behind(self, key: str) -> str:
        """A short key of a chart behind a role, in full: ``adapters.supply.parameters.T_answer`` of
        ``supply.T_answer``. Empty where no chart stands."""
        role, _, rest = key.partition(".")
        plan = self.adapters.get(role)
        if not rest or plan is None or plan.served is None:
            return ""
        if rest.startswith(("parameters.", "adapters.")):
            return f"adapters.{key}"
        return f"adapters.{role}.{plan.served.behind(rest) or f'parameters.{rest}'}"


@dataclass(slots=True)
class UnitPlan(_Holder):
    """One of a unit, ``outlet2``: the roles that the child spawned on it has. ``kind``: what it is, of several."""

    name: str
    unit: str
    number: int
    contracts: Mapping[str, Contract]
    kind: str = ""
    adapters: dict[str, AdapterPlan] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """For people."""
        return f"{self.unit} that is {self.kind}" if self.kind else self.unit


@dataclass(slots=True)
class MachinePlan(_Holder):
    """A root machine, or one that serves. ``parameters`` by path of invoke ids below it (``""``: its own), then by
    name; ``outlet[2]`` in a path is the child of that key alone; ``origins``: where each was set, by ``path.name``.
    ``units``: those of its chart; ``unit``: the one it stands beside."""

    name: str
    chart: Chart
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    adapters: dict[str, AdapterPlan] = field(default_factory=dict)
    units: list[UnitPlan] = field(default_factory=list)
    unit: str = ""
    origins: dict[str, str] = field(default_factory=dict)

    @property
    def contracts(self) -> Mapping[str, Contract]:
        """By role."""
        return self.chart.adapters

    @property
    def given(self) -> dict[str, Any]:
        """The parameters by ``path.name``, as ``System.add`` takes them."""
        return {
            f"{path}.{name}" if path else name: value
            for path, values in self.parameters.items()
            for name, value in values.items()
        }


@dataclass(frozen=True, slots=True)
class Headline:
    """A value the live view shows large: ``label`` and where it is: ``machine.data`` or ``machine.role.value``;
    ``machine.state`` for the title of what is active in it, ``machine.role`` for its last message."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class UnitRows:
    """What the live view shows of every unit in a row of its own, ``{}`` in a value being its number."""

    unit: str
    count: int
    columns: tuple[Headline, ...]


@dataclass(frozen=True, slots=True)
class RoleFault:
    """A fault rule on ``name`` of ``role`` of ``machine``, its values typed."""

    machine: str
    role: str
    name: str
    rule: FaultRule


@dataclass(frozen=True, slots=True)
class Ready:
    """When a station is ready: ``condition`` has held in the machine at ``path``, of a unit in all of them. ``text``:
    as people are told of it."""

    path: str
    condition: Expr
    text: str


@dataclass(frozen=True, slots=True)
class Hand:
    """What one event of a bench does (``[control]``): ``acts`` in their order, each an event as ``--events`` takes it,
    or ``order …``, ``fault RULE``, ``heal RULE``; ``{field}`` in them is what the bench says. ``by``: the field whose
    value chooses among ``choices``."""

    acts: tuple[str, ...] = ()
    by: str = ""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Control:
    """``where``: HOST:PORT, as it was given, empty where nobody listens; ``token``: what a caller must show, if
    anything; ``number``: the field that says which of several is meant, a number from 1 on, 1 where a caller does not
    say it; ``texts``: fields that are texts, of so many characters at least and at most; ``ends``: what of all that can
    be asked for may end a session, None where nobody says it."""

    where: str
    token: str
    hands: Mapping[str, Hand]
    number: str = ""
    texts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    ends: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SetPoint:
    """What a value is meant to be: ``of``, written as a headline's value. ``during``: the state
    (``machine.child.state``) outside of which nothing is asked for; empty: always."""

    of: str
    during: str = ""


@dataclass(slots=True)
class Station:
    """What ``engine run`` runs. ``session_end`` is ``(machine, event)``, counted by ``--sessions``. ``ready`` None: as
    soon as it runs."""

    title: str
    machines: dict[str, MachinePlan]
    session_end: tuple[str, str] | None = None
    ready: Ready | None = None
    display: tuple[Headline, ...] = ()
    rows: tuple[UnitRows, ...] = ()
    setpoints: Mapping[str, SetPoint] = field(default_factory=dict)  # by the label of a headline or a column
    status: tuple[Headline, ...] = ()  # as `display`, of status lines
    status_rows: tuple[UnitRows, ...] = ()
    status_every_ns: int | None = None
    invariants: tuple[Invariant, ...] = ()  # over its machines
    file: str = ""
    sides: dict[str, str] = field(default_factory=dict)  # label -> machine path, of those that talk in a session
    faults: list[RoleFault] = field(default_factory=list)
    control: Control | None = None  # of the simulated world, from outside
    beside: tuple[str, ...] = ()  # what machines beside units are called, of whatever kind; not all need be there
    programs: dict[str, str] = field(default_factory=dict)  # name -> command of a program that runs with it
    words: Path | None = None  # the folder with what people read (words.py)
    web: Mapping[str, Any] = field(default_factory=dict)  # paths of another system: engine/tools/page/paths.py
    web_file: Path | None = None  # where what is not in the station file's own [web] stands
    absent: frozenset[str] = frozenset()  # machines of its file that are not here
    settings: Mapping[str, Any] = field(default_factory=dict)  # those beside its file, by full address
    surroundings: str = ""  # which parts of the main machine's world are real and which only seem so

    @property
    def holders(self) -> Iterator[MachinePlan | UnitPlan]:
        """Everything that has roles: the machines and their units."""
        for machine in self.machines.values():
            yield machine
            yield from machine.units

    def charts_at(self, path: str) -> tuple[list[Chart], int]:
        """The charts that may run at ``machine/child``, and how many run there: those on units are as many as these."""
        root, _, below = path.partition("/")
        machine = self.machines.get(root)
        if machine is None:
            return [], 0
        charts = charts_at(machine.chart, below.replace("/", "."))
        for node in child_nodes(machine.chart):
            if node.id == below.partition("/")[0] and isinstance(node, Spawn) and node.unit is not None:
                return charts, sum(unit.unit == node.unit for unit in machine.units)
        return charts, 1

    def unit_of(self, path: str) -> str:
        """The unit a running machine belongs to: ``outlet2`` of ``site/outlet[2]/session`` and of ``pev2``."""
        root, _, below = path.partition("/")
        machine = self.machines.get(root)
        if machine is None:
            return ""
        spawned = re.match(r"([^/\[]+)\[(\d+)\]", below)
        if spawned is None:
            return machine.unit
        units = {node.id: node.unit for node in child_nodes(machine.chart) if isinstance(node, Spawn)}
        return f"{units.get(spawned[1])}{spawned[2]}" if units.get(spawned[1]) else ""

    @property
    def told(self) -> str:
        """Title and surroundings, for people."""
        return f"{self.title}, {self.surroundings}" if self.surroundings else self.title
