"""Do the invariants hold? Runs the chart into every state it can reach, up to a limit; charts without children only.

The world may do anything: any event at any time, with any payload; readings may have any value of their type. Where a
type has few values, all are tried. Otherwise those are tried that the chart compares with, and their neighbours; then
nothing is proved, but a broken invariant is broken. A running timer may expire unless an older, shorter one must expire
first. Parameters have their defaults.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.language.expr import tree
from engine.language.expr.walk import within
from engine.language.model import Chart, EventDef, Invariant
from engine.language.traverse import child_nodes
from engine.language.types import DURATION, INT, STRING, Kind, Type
from engine.run.json_values import to_json
from engine.run.machine import Machine
from engine.semantics.errors import EngineError
from engine.semantics.step import CancelSend, CancelTimer, Event, SendEvent, StartTimer, Step
from engine.tools.check.walk import Uses

MAX_VALUES = 6  # of one payload field or reading
MAX_PAYLOADS = 32  # of one event
MAX_READINGS = 16  # combinations in one state

Reading = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one invariant. ``path``: the inputs that break it, '' when none was found. ``proved``: everything
    was visited."""

    invariant: Invariant
    path: str
    proved: bool
    why_not: str
    states: int


@dataclass(slots=True)
class _Place:
    """A state of the search: how it was reached, what runs and waits."""

    core: dict[str, Any]
    timers: tuple[tuple[str, int], ...]  # (id, delay), in the order they were started
    sends: tuple[SendEvent, ...]  # to itself, not arrived yet
    before: _Place | None
    label: str

    def path(self) -> list[str]:
        labels: list[str] = []
        at: _Place | None = self
        while at is not None:
            labels.append(at.label)
            at = at.before
        return labels[::-1]


class _Readings:
    """The surroundings of a machine in the search: one combination of values."""

    def __init__(self, values: Mapping[Reading, Any]) -> None:
        self.values = values

    def read(self, role: str, name: str) -> Any:
        return self.values[role, name]

    def alive(self, child: str, key: Any = None) -> int:
        return 0


@dataclass(slots=True)
class _Search:
    chart: Chart
    uses: Uses
    limit: int
    whole: bool = True  # whether all values of all inputs are taken
    constants: dict[str, set[Any]] = field(default_factory=dict)  # what inputs are compared with, by their text
    read: set[str] = field(default_factory=set)  # the inputs anything depends on
    readings: list[dict[Reading, Any]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    todo: deque[_Place] = field(default_factory=deque)
    broken: dict[str, list[str]] = field(default_factory=dict)  # position -> shortest path

    def run(self) -> bool:
        """True when everything was looked at."""
        self._find_constants()
        self.readings = self._all_readings()
        inputs = [
            (name, payload) for name, definition in self._events() for payload in self._payloads(name, definition)
        ]
        for values in self.readings:
            machine = Machine(self.chart)
            self._after(machine, None, (), (), _with(values, "start"), values, begin=True)
        while self.todo:
            if len(self.seen) > self.limit:
                return False
            place = self.todo.popleft()
            for values in self.readings:
                for name, payload in inputs:
                    self._step(place, values, Event(name, payload), _with(values, _shown(name, payload)))
                for number, send in enumerate(place.sends):
                    rest = (*place.sends[:number], *place.sends[number + 1 :])
                    self._step(place, values, Event(send.event, send.data, sendid=send.id), f"own {send.event}", rest)
                for timer, delay in _due(place.timers):
                    kept = tuple(t for t in place.timers if t != (timer, delay))
                    self._step(place, values, timer, _with(values, timer.rpartition("/")[2]), None, kept)
        return self.whole

    # ------------------------------------------------------------ one step

    def _step(
        self,
        place: _Place,
        values: Mapping[Reading, Any],
        what: Event | str,
        label: str,
        sends: tuple[SendEvent, ...] | None = None,
        timers: tuple[tuple[str, int], ...] | None = None,
    ) -> None:
        machine = Machine.restore(self.chart, place.core)
        sends = place.sends if sends is None else sends
        timers = place.timers if timers is None else timers
        self._after(machine, what, timers, sends, label, values, place)

    def _after(
        self,
        machine: Machine,
        what: Event | str | None,
        timers: tuple[tuple[str, int], ...],
        sends: tuple[SendEvent, ...],
        label: str,
        values: Mapping[Reading, Any],
        place: _Place | None = None,
        begin: bool = False,
    ) -> None:
        machine.surroundings = _Readings(values)
        try:
            if begin:
                step = machine.begin()
            else:
                step = machine.expire(what) if isinstance(what, str) else machine.process(what or Event(""))
        except EngineError:  # an endless loop: told of by other means
            self.whole = False
            return
        running, waiting = dict(timers), list(sends)
        for effect in step.effects:
            match effect:
                case StartTimer(id=timer, delay_ns=delay):
                    running.pop(timer, None)
                    running[timer] = delay
                case CancelTimer(id=timer):
                    running.pop(timer, None)
                case SendEvent(target=None) if len(waiting) < 8:
                    waiting.append(effect)
                case SendEvent(target=None):
                    self.whole = False
                case CancelSend(id=send):
                    waiting = [s for s in waiting if s.id != send]
        reached = _Place({}, tuple(running.items()), tuple(waiting), place, label)
        self._note_broken(step, reached)
        if machine.done:
            return
        reached.core = machine.core_snapshot()
        key = json.dumps(
            [
                to_json({k: v for k, v in reached.core.items() if k in ("configuration", "history", "data", "bound")}),
                reached.timers,
                str(reached.sends),
            ],
            sort_keys=True,
        )
        if key not in self.seen:
            self.seen.add(key)
            self.todo.append(reached)

    def _note_broken(self, step: Step, reached: _Place) -> None:
        if "error.invariant" in step.raised:
            for failure in step.failures:
                if failure.message.startswith("invariant broken: "):
                    self.broken.setdefault(failure.position, reached.path())

    # ------------------------------------------------------------ what the world may do

    def _events(self) -> Iterator[tuple[str, EventDef | None]]:
        for event in self.chart.events.values():
            if event.direction == "in":
                yield event.name, event
        for role, contract in self.chart.adapters.items():
            for event in contract.events.values():
                yield f"{role}.{event.name}", event
            actions = Type(Kind.ENUM, values=tuple(contract.actions))
            yield f"error.adapter.{role}", EventDef("", {"action": actions, "message": STRING})
        yield "error.communication", EventDef("", {"message": STRING})
        yield "error.queue", EventDef("", {"dropped": INT, "event": STRING})
        yield "error.host", EventDef("", {"late": DURATION})

    def _payloads(self, name: str, definition: EventDef | None) -> list[dict[str, Any] | None]:
        if definition is None or not definition.payload:
            return [None]
        fields = [(f, self._values(type_, f"event.{f}")) for f, type_ in definition.payload.items()]
        return list(map(dict, self._rows(fields, MAX_PAYLOADS)))

    def _all_readings(self) -> list[dict[Reading, Any]]:
        used = {(e.role, e.name): e.type for use in self.uses.expressions for e in within(use.expr)
                if isinstance(e, tree.Reading)}  # fmt: skip
        fields = [(key, self._values(type_, ".".join(key))) for key, type_ in used.items()]
        return [dict(row) for row in self._rows(fields, MAX_READINGS)]

    def _rows(self, fields: list[tuple[Any, list[Any]]], most: int) -> list[list[tuple[Any, Any]]]:
        columns = [[(name, value) for value in values] for name, values in fields]
        rows = [list(row) for row in itertools.islice(itertools.product(*columns), most + 1)]
        self.whole = self.whole and len(rows) <= most
        return rows[:most]

    def _values(self, type_: Type, name: str) -> list[Any]:
        values, whole = _all_of(type_, sorted(self.constants.get(name, ()), key=repr))
        self.whole = self.whole and (whole or name not in self.read)
        return values if name in self.read else values[:1]

    def _find_constants(self) -> None:
        for use in self.uses.expressions:
            for e in within(use.expr):
                self.read.add(_input_name(e))
                if isinstance(e, tree.Compare):
                    for one, other in ((e.left, e.right), (e.right, e.left)):
                        name = _input_name(one)
                        if name and isinstance(other, tree.Literal):
                            self.constants.setdefault(name, set()).add(other.value)
                        elif name and isinstance(other, tree.ListOf):
                            items = [i.value for i in other.items if isinstance(i, tree.Literal)]
                            self.constants.setdefault(name, set()).update(items)


def _input_name(expr: tree.Expr) -> str:
    if isinstance(expr, tree.EventField):
        return f"event.{expr.name}"
    return f"{expr.role}.{expr.name}" if isinstance(expr, tree.Reading) else ""


def _all_of(type_: Type, compared: list[Any]) -> tuple[list[Any], bool]:
    """Values of a type and whether these are all."""
    none: list[Any] = [None] if type_.optional else []
    if type_.kind is Kind.BOOL:
        return [True, False, *none], True
    if type_.kind is Kind.ENUM:
        return [*type_.values, *none], True
    if type_.kind in (Kind.INT, Kind.DURATION, Kind.FLOAT):
        low, high = type_.minimum, type_.maximum
        whole = type_.kind is not Kind.FLOAT
        if whole and low is not None and high is not None and high - low < MAX_VALUES:
            return [*range(int(low), int(high) + 1), *none], True
        numbers = [n for n in compared if isinstance(n, (int, float)) and not isinstance(n, bool)]
        around = [n + d for n in numbers for d in (0, 1, -1)] or [0, 1]
        chosen = {n if not whole else int(n) for n in (*around, *(b for b in (low, high) if b is not None))}
        inside = [n for n in sorted(chosen) if (low is None or n >= low) and (high is None or n <= high)]
        return [*inside[:MAX_VALUES], *none], False
    if type_.kind is Kind.STRING:
        return [*[c for c in compared if isinstance(c, str)][:MAX_VALUES], "", *none], False
    if type_.kind is Kind.BYTES:
        return [b"\x00" * int(type_.minimum or 0), *none], False
    if type_.kind is Kind.LIST:
        return [[], *none], False
    return [None], False


def _due(timers: tuple[tuple[str, int], ...]) -> list[tuple[str, int]]:
    """Those that no older timer of at most the same delay must precede."""
    return [t for at, t in enumerate(timers) if not any(older[1] <= t[1] for older in timers[:at])]


def _shown(name: str, payload: Mapping[str, Any] | None) -> str:
    return name if not payload else f"{name}({', '.join(f'{k}={v!r}' for k, v in payload.items())})"


def _with(values: Mapping[Reading, Any], label: str) -> str:
    if not values:
        return label
    return f"{label} [{', '.join(f'{role}.{name}={value!r}' for (role, name), value in values.items())}]"


def prove(chart: Chart, uses: Uses, limit: int) -> list[Verdict]:
    """A verdict on every invariant of the chart, or none when it has none. ``limit``: states to look at."""
    invariants = [i for state in chart.root.walk() for i in (*state.invariants, *state.joint_invariants)]
    if not invariants:
        return []
    reason = _undecidable(chart, uses)
    if reason:
        return [Verdict(i, "", False, reason, 0) for i in invariants]
    own = {i for i in invariants if not any(isinstance(e, (tree.Reading, tree.Alive)) for e in within(i.condition))}
    search = _Search(chart, uses, limit)
    complete = bool(own) and search.run()
    verdicts = []
    for invariant in invariants:
        path = ", ".join(search.broken.get(str(invariant.position), ()))
        if invariant not in own:
            verdicts.append(Verdict(invariant, "", False, "it speaks of what an adapter measures", len(search.seen)))
        else:
            why = (
                ""
                if complete or path
                else "inputs were sampled"
                if len(search.seen) <= limit
                else "the limit is reached"
            )
            verdicts.append(Verdict(invariant, path, complete and not path, why, len(search.seen)))
    return verdicts


def _undecidable(chart: Chart, uses: Uses) -> str:
    if any(True for _ in child_nodes(chart)):
        return "the chart has children"
    if chart.untyped:
        return "the chart is untyped"
    missing = [p.name for p in chart.parameters.values() if p.default is None]
    return f"the parameter {missing[0]} has no default" if missing else ""
