"""Do the invariants hold? Every state a chart without children can get into, as far as a limit, by running it.

The world may do anything: any event at any time, with any payload; readings may be any of their type. Payloads and
readings are taken whole where their type has few values, else at the values the chart compares them with and around
them; then nothing is proved, but what is found broken is broken. Of running timers those may expire that no older,
shorter one must precede. Parameters have their defaults.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.language.expr import tree
from engine.language.expr.walk import within
from engine.language.model import Chart, Invariant
from engine.language.traverse import child_nodes
from engine.language.types import Type
from engine.run.machine import Machine
from engine.semantics.errors import EngineError
from engine.semantics.step import CancelSend, CancelTimer, SendEvent, StartTimer, Step
from engine.tools.check.walk import Uses
from engine.tools.explore.search import ChartNode, ChartSearch, Group
from engine.tools.explore.stimuli import Readings, Stimuli, Stimulus
from engine.tools.explore.values import Term, every

MAX_VALUES = 6  # of one payload field or reading
MAX_PAYLOADS = 32  # of one event
MAX_READINGS = 16  # combinations in one state
MAX_WAITING = 8  # events to itself


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one invariant. ``path``: the inputs that break it, '' when none was found. ``proved``: all was looked at."""

    invariant: Invariant
    path: str
    proved: bool
    why_not: str
    states: int


@dataclass(slots=True, eq=False)
class _Place(ChartNode):
    timers: tuple[tuple[str, int], ...] = ()  # (id, delay), in the order they were started
    sends: tuple[SendEvent, ...] = ()  # to itself, not arrived yet
    own: bool = False  # came by an event to itself

    def told(self) -> str:
        """The inputs that led here."""
        places: list[_Place] = []
        at: ChartNode | None = self
        while isinstance(at, _Place):
            places.append(at)
            at = at.before
        return ", ".join(place.label() for place in reversed(places))

    def label(self) -> str:
        stimulus = self.world
        if self.own:
            return f"own {stimulus.event}"
        text = stimulus.timer.rpartition("/")[2] or stimulus.event or "start"
        if stimulus.data:
            text = f"{text}({', '.join(f'{k}={v!r}' for k, v in stimulus.data.items())})"
        shown = ", ".join(f"{role}.{name}={value!r}" for (role, name), value in stimulus.readings.items())
        return f"{text} [{shown}]" if shown else text


class _Proof(ChartSearch[_Place]):
    """Every place in the order it is reached, so that what breaks an invariant is told by the shortest way.

    ``limit``: places to look at."""

    def __init__(self, chart: Chart, uses: Uses, limit: int) -> None:
        unbounded = 1 << 62
        super().__init__(chart, Stimuli(chart, {}), budget=unbounded, patience=unbounded, exact=True)
        self.limit = limit
        self.whole = True  # whether all values of all inputs are taken
        self.seen: set[Any] = set()
        self.broken: dict[str, str] = {}  # position -> shortest path
        asked = [e for use in uses.expressions for e in within(use.expr)]
        self._read: set[Term] = {("event", e.name) for e in asked if isinstance(e, tree.EventField)}
        readings = {("read", e.role, e.name): e.type for e in asked if isinstance(e, tree.Reading)}
        self._read |= set(readings)
        rows = self._rows([(term, self._values(term, kind)) for term, kind in readings.items()], MAX_READINGS)
        self._readings: list[Readings] = [{(term[1], term[2]): value for term, value in row} for row in rows]
        self._inputs = [
            (name, {term[1]: value for term, value in row} or None)
            for name in self.stimuli.from_outside()
            for row in self._rows(
                [
                    (("event", field), self._values(("event", field), kind))
                    for field, kind in self.stimuli.payload(name).items()
                ],
                MAX_PAYLOADS,
            )
        ]

    def run(self) -> bool:
        """True when everything was looked at."""
        for values in self._readings:
            self.begin({}, Stimulus(readings=values))
        self.go_on()
        return self.whole and self.searching()

    def searching(self) -> bool:
        return len(self.seen) <= self.limit

    def score(self, node: _Place, aim: str) -> float:
        return 0.0

    def root(self, machine: Machine, group: Group, start: Stimulus) -> _Place:
        return _Place(machine, group, start, None, 0)

    def after(self, node: _Place, stimulus: Stimulus) -> _Place:
        left = tuple(t for t in node.timers if t[0] != stimulus.timer)
        return _Place(node.machine.fork(), node.group, stimulus, node, node.depth + 1, left, node.sends)

    def moves(self, node: _Place, aim: str) -> Iterator[Stimulus]:
        due = list(_due(node.timers))
        for values in self._readings:
            for name, payload in self._inputs:
                yield Stimulus(name, payload, readings=values)
            for timer in due:
                yield Stimulus(timer=timer, readings=values)

    def expand(self, node: _Place, aim: str) -> None:
        for stimulus in self.moves(node, aim):
            self.go(node, stimulus)
        for values in self._readings:
            for number, send in enumerate(node.sends):
                reached = self.after(node, Stimulus(send.event, send.data, readings=values))
                reached.sends, reached.own = (*node.sends[:number], *node.sends[number + 1 :]), True
                self.give(reached, reached.world)

    def arrived(self, node: _Place, step: Step) -> bool:
        running, waiting = dict(node.timers), list(node.sends)
        for effect in step.effects:
            match effect:
                case StartTimer(id=timer, delay_ns=delay):
                    running.pop(timer, None)
                    running[timer] = delay
                case CancelTimer(id=timer):
                    running.pop(timer, None)
                case SendEvent(target=None) if len(waiting) < MAX_WAITING:
                    waiting.append(effect)
                case SendEvent(target=None):
                    self.whole = False
                case CancelSend(id=send):
                    waiting = [s for s in waiting if s.id != send]
        node.timers, node.sends = tuple(running.items()), tuple(waiting)
        for failure in step.failures:
            if failure.message.startswith("invariant broken: "):
                self.broken.setdefault(failure.position, node.told())
        if not node.machine.done:
            key = (self.situation(node), node.timers, str(node.sends))
            if key not in self.seen:
                self.seen.add(key)
                self.push(node)
        return True

    def failed(self, node: _Place, error: EngineError) -> None:
        self.whole = False  # an endless loop: told of by other means

    # ------------------------------------------------------------ what the world may do

    def _rows(self, fields: Iterable[tuple[Term, list[Any]]], most: int) -> list[list[tuple[Term, Any]]]:
        columns = [[(term, value) for value in values] for term, values in fields]
        rows = [list(row) for row in itertools.islice(itertools.product(*columns), most + 1)]
        self.whole = self.whole and len(rows) <= most
        return rows[:most]

    def _values(self, term: Term, kind: Type) -> list[Any]:
        if term not in self._read:
            return every(kind, [], 1)[0][:1]
        values, whole = every(kind, self.stimuli.pools.values(term, kind), MAX_VALUES)
        self.whole = self.whole and whole
        return values


def _due(timers: tuple[tuple[str, int], ...]) -> Iterator[str]:
    """Those that no older timer of at most the same delay must precede."""
    for at, (timer, delay) in enumerate(timers):
        if not any(older <= delay for _, older in timers[:at]):
            yield timer


def prove(chart: Chart, uses: Uses, limit: int) -> list[Verdict]:
    """A verdict on every invariant of the chart, or none when it has none. ``limit``: states to look at."""
    invariants = [i for state in chart.root.walk() for i in (*state.invariants, *state.joint_invariants)]
    if not invariants:
        return []
    reason = _undecidable(chart, uses)
    if reason:
        return [Verdict(i, "", False, reason, 0) for i in invariants]
    own = {i for i in invariants if not any(isinstance(e, (tree.Reading, tree.Alive)) for e in within(i.condition))}
    search = _Proof(chart, uses, limit)
    complete = bool(own) and search.run()
    verdicts = []
    for invariant in invariants:
        path = search.broken.get(str(invariant.position), "")
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
