"""Finds paths through a chart that take every transition, and every pair of consecutive ones."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.facts import expressions
from engine.expr import tree
from engine.expr.functions import misfit
from engine.machine import Machine
from engine.model import Chart
from engine.testing.pools import small_counts
from engine.testing.stimuli import Stimuli, Stimulus, World
from engine.testing.values import defaults
from engine.types import Kind

Pair = tuple[str, str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Path:
    """Parameters and stimuli from the start; ``takes`` are the transitions its last step takes for the first time."""

    parameters: Mapping[str, Any]
    start: Stimulus
    steps: tuple[Stimulus, ...]
    takes: tuple[str, ...]


@dataclass(slots=True)
class Found:
    """What an exploration came to."""

    chart: Chart
    paths: list[Path] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    pairs: set[Pair] = field(default_factory=set)
    possible_pairs: set[Pair] = field(default_factory=set)
    steps: int = 0
    missing: dict[str, str] = field(default_factory=dict)  # transition id -> why it was not taken

    @property
    def all(self) -> list[str]:
        """The ids of all transitions of the chart."""
        return [t.id for t in self.chart.transitions]


@dataclass(slots=True)
class _Node:
    core: dict[str, Any]
    active: frozenset[str]
    parameters: Mapping[str, Any]
    start: Stimulus
    steps: tuple[Stimulus, ...]
    last: tuple[str, ...]


class Explorer:
    """Searches breadth-first, nodes with untaken transitions first; bounded by steps and data variants per configuration."""

    def __init__(self, chart: Chart, *, pairs: bool = False, budget: int = 20_000, variants: int = 12) -> None:
        self.chart = chart
        self.base = {n: defaults(p.type)[-1] for n, p in chart.parameters.items() if p.default is None}
        self.stimuli = Stimuli(chart, self.base)
        self.with_pairs = pairs
        self.budget = budget
        self.variants = variants
        self.found = Found(chart)
        self._untaken = {t.id for t in chart.transitions}
        self._sources: dict[str, list[str]] = {}
        for t in chart.transitions:
            self._sources.setdefault(t.source.id, []).append(t.id)
        self._seen: set[Any] = set()
        self._variants: Counter[Any] = Counter()
        self._queue: list[tuple[int, int, int, _Node]] = []
        self._number = 0

    def run(self, progress: Progress | None = None) -> Found:
        """Explore until everything is taken, nothing new is reachable, or the budget is used up."""
        for parameters in self._parameter_sets():
            for start in self._starts():
                self._begin(parameters, start)
        while self._queue and self.found.steps < self.budget and (self._untaken or self.with_pairs):
            node = heapq.heappop(self._queue)[3]
            self._expand(node)
            if progress is not None:
                progress(len(self.chart.transitions) - len(self._untaken), len(self.chart.transitions))
        exhausted = not self._queue
        for t in self.chart.transitions:
            if t.id in self._untaken:
                self.found.missing[t.id] = self._why(t.id, exhausted)
        return self.found

    # ------------------------------------------------------------ where to begin

    def _parameter_sets(self) -> list[dict[str, Any]]:
        """The defaults, and one set more per other value of a boolean or enumerated parameter that is asked for."""
        base = self.base
        sets = [base, {**base, **small_counts(self.chart)}]
        asked = {e.name for e in expressions(self.chart) if isinstance(e, tree.Parameter)}
        for name, definition in self.chart.parameters.items():
            if name in asked and definition.type.kind in (Kind.BOOL, Kind.ENUM):
                sets += [{**sets[1], name: value} for value in defaults(definition.type) if value is not None]
        for name, values in self.stimuli.pools.parameters.items():
            sets += [
                {**sets[1], name: value} for value in values if not misfit(value, self.chart.parameters[name].type)
            ]
        return sets

    def _starts(self) -> list[Stimulus]:
        variants = [Stimulus(readings=self.stimuli.base)]
        high = {key: defaults(kind)[-1] for key, kind in self.stimuli.reading_types.items()}
        if high != self.stimuli.base:
            variants.append(Stimulus(readings=high))
        return variants

    def _begin(self, parameters: Mapping[str, Any], start: Stimulus) -> None:
        machine = Machine(self.chart, parameters)
        machine.surroundings = World(start.readings, start.alive)
        step = machine.begin()
        self.found.steps += 1
        self._arrive(machine, step.transitions, (), parameters, start, ())

    # ------------------------------------------------------------ searching

    def _expand(self, node: _Node) -> None:
        machine = Machine.restore(self.chart, node.core)
        for stimulus in self.stimuli.of(machine, node.active, self._untaken):
            if self.found.steps >= self.budget:
                return
            machine = Machine.restore(self.chart, node.core)
            machine.surroundings = World(stimulus.readings, stimulus.alive)
            step = machine.expire(stimulus.timer) if stimulus.timer else machine.process(event_of(stimulus))
            self.found.steps += 1
            self._arrive(machine, step.transitions, node.last, node.parameters, node.start, (*node.steps, stimulus))

    def _arrive(
        self,
        machine: Machine,
        taken: tuple[str, ...],
        last: tuple[str, ...],
        parameters: Mapping[str, Any],
        start: Stimulus,
        steps: tuple[Stimulus, ...],
    ) -> None:
        new = tuple(dict.fromkeys(t for t in taken if t in self._untaken))
        pairs = {(one, two) for one in last for two in taken} | set(itertools.pairwise(taken))
        fresh = pairs - self.found.pairs
        self.found.taken.update(taken)
        self.found.pairs |= pairs
        self._untaken.difference_update(new)
        if new or (self.with_pairs and fresh):
            self.found.paths.append(Path(parameters, start, steps, new))
        active = frozenset(machine.configuration)
        if self.with_pairs:
            following = [t for state in (*active, "") for t in self._sources.get(state, ())]
            self.found.possible_pairs.update((one, two) for one in taken[-1:] for two in following)
        if machine.done:
            return
        key = (active, repr(sorted(machine.data.items())), taken[-1:] if self.with_pairs else None)
        if key in self._seen:
            return
        self._seen.add(key)
        self._variants[active] += 1
        crowd = self._variants[active]
        if crowd > self.variants:
            return
        waiting = sum(1 for state in (*active, "") for t in self._sources.get(state, ()) if t in self._untaken)
        core = machine.core_snapshot()
        self._number += 1
        node = _Node(core, active, parameters, start, steps, taken[-1:] or last)
        heapq.heappush(self._queue, (-min(waiting, 3) + crowd // 3, len(steps), self._number, node))

    def _why(self, transition: str, exhausted: bool) -> str:
        source = transition.partition("/")[0]
        visited = any(source in active or source == "" for active in self._variants)
        if not visited:
            return f"the state {source or '(root)'} was never entered"
        limit = "all reachable situations tried" if exhausted else f"search stopped after {self.budget} steps"
        return f"its guard held in no situation found, or another transition came first ({limit})"


def event_of(stimulus: Stimulus) -> Any:
    """The event of a stimulus, as an adapter, parent or child would send it."""
    from engine.step import Event

    return Event(stimulus.event, dict(stimulus.data) if stimulus.data is not None else None)
