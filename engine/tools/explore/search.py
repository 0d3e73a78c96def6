"""The search: from situation to situation, the most promising first, none twice, until enough is found.

A goal is a subclass. :class:`Search` is the loop and its limits, for situations of any kind. :class:`ChartSearch` is
for situations of one chart's machine: it begins them, forks them, gives them stimuli, and tells equal ones.
"""

from __future__ import annotations

import heapq
import itertools
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.language.model import Chart
from engine.run.machine import Machine
from engine.semantics.errors import EngineError
from engine.semantics.step import Failure, Step
from engine.tools.explore.path import Path, answered, apply
from engine.tools.explore.stimuli import Stimuli, Stimulus, World
from engine.tools.explore.values import Situation

NEVER = 1_000.0
"""The score of a situation from which nothing is gone on."""
_PORTION = 40  # stimuli until others have their turn
_WAIT = 0.3  # what a try costs its aim
_SLACK = 0.5  # a situation may have become worse by this until it is put in its place again


@dataclass(slots=True, eq=False)
class Node:
    """A situation that may be gone on from. ``stage``: how often it was."""

    stage: int = field(default=0, init=False)


N = TypeVar("N", bound=Node)
_Queue = list[tuple[float, int, int, N]]  # score, number, stage, situation


class Search(ABC, Generic[N]):
    """``budget`` bounds the steps tried, ``patience`` those tried since the last news.

    A search may have several *aims*; each has its own order of the situations, made when its turn comes."""

    def __init__(self, *, budget: int, patience: int) -> None:
        self.budget = budget
        self.patience = patience
        self.steps = 0
        self.last_news = 0
        self.tries: Counter[str] = Counter()  # by aim
        self._open: dict[N, None] = {}  # to be gone on from
        self._queues: dict[str, _Queue[N]] = {}
        self._number = itertools.count()

    @abstractmethod
    def score(self, node: N, aim: str) -> float:
        """How promising a situation is for an aim, small is good; :data:`NEVER` when it is not worth going on from."""

    @abstractmethod
    def expand(self, node: N, aim: str) -> None:
        """Try what may happen in a situation, or some of it and :meth:`push` it again."""

    def aims(self) -> Iterable[str]:
        """What is looked for now."""
        return ("",)

    def searching(self) -> bool:
        """Whether to go on; a goal adds whether anything is left to find."""
        return self.steps < self.budget and self.steps - self.last_news < self.patience

    def push(self, node: N) -> None:
        """To be gone on from when its turn comes."""
        self._open[node] = None
        for aim, queue in self._queues.items():
            self._put(queue, node, aim)

    def go_on(self) -> None:
        """Search until there is no reason or no situation left to."""
        while self.searching():
            best = self._best()
            if best is None:
                return
            node, aim = best
            node.stage += 1
            self.tries[aim] += 1
            self._open.pop(node, None)
            self.expand(node, aim)

    def _put(self, queue: _Queue[N], node: N, aim: str) -> None:
        score = self.score(node, aim)
        if score < NEVER:
            heapq.heappush(queue, (score, next(self._number), node.stage, node))

    def _best(self) -> tuple[N, str] | None:
        """The most promising situation as things stand now, and what for: an aim that was tried often waits."""
        wanted = list(self.aims())
        for aim in [aim for aim in self._queues if aim not in wanted]:
            del self._queues[aim]
        best: tuple[float, str] | None = None
        for aim in wanted:
            queue = self._queues.get(aim)
            if queue is None:
                queue = self._queues[aim] = []
                for node in self._open:
                    self._put(queue, node, aim)
            self._settle(queue, aim)
            if queue:
                promise = queue[0][0] + _WAIT * self.tries[aim]
                if best is None or promise < best[0]:
                    best = promise, aim
        return (heapq.heappop(self._queues[best[1]])[3], best[1]) if best is not None else None

    def _settle(self, queue: _Queue[N], aim: str) -> None:
        """Let the first of a queue be one that is still open and not much worse than when it was put there."""
        while queue:
            score, _, stage, node = queue[0]
            if node.stage != stage or node not in self._open:
                heapq.heappop(queue)
                continue
            now = self.score(node, aim)
            if now <= score + _SLACK:
                return
            heapq.heappop(queue)
            if now < NEVER:
                heapq.heappush(queue, (now, next(self._number), stage, node))


@dataclass(slots=True, eq=False)
class Group:
    """A set of parameters: those given, and with the defaults all."""

    number: int
    given: Mapping[str, Any]
    all: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class ChartNode(Node):
    """A machine and how it came where it is. ``world``: the stimulus it came by, the start at the root, and so what
    adapters show now."""

    machine: Machine
    group: Group
    world: Stimulus
    before: ChartNode | None
    depth: int
    active: frozenset[str] = field(default=frozenset(), init=False)
    rest: Iterator[Stimulus | None] | None = field(default=None, init=False)  # stimuli not given yet
    tried: set[Any] = field(default_factory=set, init=False)

    @property
    def where(self) -> Situation:
        """Where conditions are solved."""
        return Situation(self.machine.data, self.group.all, self.active, self.group.number)

    def way(self) -> tuple[Stimulus, tuple[Stimulus, ...]]:
        """The start and the stimuli that led here."""
        steps: list[Stimulus] = []
        node: ChartNode = self
        while node.before is not None:
            steps.append(node.world)
            node = node.before
        return node.world, tuple(reversed(steps))


C = TypeVar("C", bound=ChartNode)


class ChartSearch(Search[C]):
    """A search over the situations of one chart. ``exact``: all data tell situations apart, not only those that decide
    which transitions are taken."""

    def __init__(self, chart: Chart, stimuli: Stimuli, *, budget: int, patience: int, exact: bool = False) -> None:
        super().__init__(budget=budget, patience=patience)
        self.chart = chart
        self.stimuli = stimuli
        self._groups: dict[str, Group] = {}
        self._active: dict[tuple[str, ...], frozenset[str]] = {}  # equal configurations are one object
        self._untyped = chart.untyped  # 1, 1.0 and True are three values
        names = list(chart.data)
        self._slots = [slot for slot, name in enumerate(names) if exact or name in stimuli.influence.data]

    @abstractmethod
    def root(self, machine: Machine, group: Group, start: Stimulus) -> C:
        """The situation before the machine has begun."""

    @abstractmethod
    def after(self, node: C, stimulus: Stimulus) -> C:
        """The situation a stimulus leads to, before it was given."""

    @abstractmethod
    def arrived(self, node: C, step: Step) -> bool:
        """Note what a step came to; False when nothing is gone on from here."""

    @abstractmethod
    def moves(self, node: C, aim: str) -> Iterator[Stimulus | None]:
        """What may happen in a situation; None: a pause, in which others have their turn."""

    def group(self, parameters: Mapping[str, Any]) -> Group | None:
        """The set of these parameters; None when they do not go together."""
        key = repr(sorted(parameters.items()))
        known = self._groups.get(key)
        if known is None:
            try:
                values = Machine(self.chart, parameters).parameters
            except EngineError:
                return None
            known = self._groups[key] = Group(len(self._groups), parameters, values)
        return known

    def begin(self, parameters: Mapping[str, Any], start: Stimulus, steps: Sequence[Stimulus] = ()) -> None:
        """A machine from its start, through ``steps``; every situation on the way is one to go on from."""
        group = self.group(parameters)
        if group is None:
            return
        node = self.root(Machine(self.chart, parameters), group, start)
        for stimulus in (None, *steps):
            if stimulus is not None:
                node = self.after(node, stimulus)
            if not self.give(node, stimulus):
                return

    def go(self, node: C, stimulus: Stimulus) -> bool:
        """Give a stimulus; False when nothing is gone on from there."""
        return self.give(self.after(node, stimulus), stimulus)

    def give(self, node: C, stimulus: Stimulus | None) -> bool:
        """Let a new situation come to be, by a stimulus or by the start; False when nothing is gone on from it."""
        self.steps += 1
        machine = node.machine
        try:
            if stimulus is None:
                machine.surroundings = World(node.world.readings, node.world.alive)
                step = machine.begin()
            else:
                step = apply(machine, stimulus)
        except EngineError as error:
            self.failed(node, error)
            return False
        ids = machine.configuration
        node.active = self._active.setdefault(ids, frozenset(ids)) if ids not in self._active else self._active[ids]
        return self.arrived(node, step) and not machine.done

    def failed(self, node: C, error: EngineError) -> None:
        """A step never ended."""

    def expand(self, node: C, aim: str) -> None:
        """Give the stimuli up to the next pause; the others when the situation's turn comes again."""
        if node.rest is None:
            node.rest = self.moves(node, aim)
        for stimulus in node.rest:
            if stimulus is None:
                self.push(node)
                return
            key = (stimulus.event, stimulus.timer, id(stimulus.data), id(stimulus.readings), id(stimulus.alive))
            if key not in node.tried:
                node.tried.add(key)
                self.go(node, stimulus)
                if not self.searching():
                    return
        node.tried.clear()

    def guarded(
        self, node: C, wanted: Container[str], leading: Container[str], asked: Iterable[str]
    ) -> Iterator[Stimulus | None]:
        """What takes transitions from here; then, in portions, the same with one value changed, at first what may take
        the transitions ``leading`` on or set the data ``asked``."""
        yield from self.stimuli.narrow(node.where, node.world, wanted)
        yield None
        for number, stimulus in enumerate(self.stimuli.wide(node.where, node.world, wanted, leading, asked), 1):
            yield stimulus
            if number % _PORTION == 0:
                yield None

    def situation(self, node: C) -> tuple[Any, int, Hashable]:
        """Configuration with history, parameters, and the data that matter: no two situations with equal ones differ
        in what they lead to."""
        place, values = node.machine.situation
        if self._untyped:
            return place, node.group.number, repr(values)
        kept = [*[values[slot] for slot in self._slots], *values[len(self.chart.data) :]] if values else ()
        return place, node.group.number, tuple([repr(v) if v.__class__ is list else v for v in kept])

    def unanswered(self, step: Step) -> list[Failure]:
        """The errors of a step that no transition answers. A broken invariant is none."""
        errors = [f for f in step.failures if not f.message.startswith("invariant broken: ")]
        return errors if errors and not answered(self.chart, step) else []

    def replayed(self, node: C, parameters: Mapping[str, Any]) -> None:
        """Go the way to a situation once more with other parameters."""
        start, steps = node.way()
        self.begin({**node.group.given, **parameters}, start, steps)

    def path(self, node: C, **what: Any) -> Path:
        """The way to a situation as a path; ``what`` it is for."""
        start, steps = node.way()
        return Path(node.group.given, start, steps, **what)
