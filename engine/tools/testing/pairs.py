"""Finds paths that take every pair of consecutive transitions: one, and the next one taken after it.

Candidates are the pairs that :mod:`engine.tools.testing.symbolic_pairs` cannot rule out. The search starts from every
situation on the paths that take all transitions, goes towards configurations from which a pair still missing is one
step away, and wherever the first transition of missing pairs has been taken it tries what takes their seconds.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.language.model import Chart
from engine.language.values import type_error
from engine.run.machine import Machine
from engine.semantics.errors import EngineError
from engine.semantics.step import Step
from engine.tools.testing.path import Pair, Path, answered, apply
from engine.tools.testing.stimuli import Stimuli, Stimulus, World
from engine.tools.testing.symbolic_pairs import Possible, possible_pairs
from engine.tools.testing.symbolic_reach import Reach, values_of
from engine.tools.testing.values import Situation

_NEVER = 1_000.0
Config = frozenset[str]


@dataclass(slots=True)
class PairsFound:
    """The result of the search for pairs.

    ``missing``: not taken, but perhaps possible. ``impossible``: reason -> how many; empty when nothing could be said.
    """

    taken: set[Pair] = field(default_factory=set)
    paths: list[Path] = field(default_factory=list)
    missing: list[Pair] = field(default_factory=list)
    impossible: dict[str, int] = field(default_factory=dict)
    steps: int = 0


@dataclass(slots=True)
class _Node:
    machine: Machine
    active: Config
    parameters: Mapping[str, Any]
    group: int  # number of its parameter set
    world: Stimulus  # the stimulus it came by, the start at the root
    before: _Node | None
    depth: int = 0
    last: str = ""  # the transition taken last
    crowd: int = 0
    wide: bool = False
    delays: int = 0  # how often others turned out to be better

    def path(self) -> tuple[Stimulus, tuple[Stimulus, ...]]:
        steps: list[Stimulus] = []
        node = self
        while node.before is not None:
            steps.append(node.world)
            node = node.before
        return node.world, tuple(reversed(steps))


class PairSearch:
    """``budget`` bounds the steps tried, ``patience`` those tried since a pair was taken for the first time."""

    def __init__(
        self, chart: Chart, stimuli: Stimuli, paths: Iterable[Path], *, budget: int = 600_000, patience: int = 100_000
    ) -> None:
        self.chart = chart
        self.stimuli = stimuli
        self.seeds = list(paths)
        self.budget = budget
        self.patience = patience
        self.found = PairsFound()
        self.possible = possible_pairs(chart, stimuli)
        self._missing: dict[str, set[str]] = {}  # first -> seconds
        self._seconds: Counter[str] = Counter()
        if self.possible is not None:
            for first, second in sorted(self.possible.pairs):
                self._want(first, second)
        self._guide = _Guide(self.possible, self._missing)
        self._reach = Reach(chart)
        self._gaps: dict[Any, float] = {}
        self._news_nodes: list[tuple[_Node, tuple[Pair, ...]]] = []
        self._allowed: dict[tuple[str, int], bool] = {}
        self._stood: dict[str, list[_Node]] = {}  # first of missing pairs -> situations after it
        self._tries: Counter[str] = Counter()
        self._queue: list[tuple[float, int, _Node]] = []
        self._number = itertools.count()
        self._groups: dict[str, int] = {}
        self._seen: set[Any] = set()
        self._crowds: Counter[Any] = Counter()
        self._fruitless: Counter[Any] = Counter()
        self._probed: set[Any] = set()
        self._probes: deque[_Node] = deque()
        self._asked = {t.id: sorted(stimuli.asked(t)) for t in chart.transitions}
        self._histories = any(s.kind.value in ("shallow", "deep") for s in chart.root.walk())
        self._last_news = 0

    def run(self) -> PairsFound:
        """Search until every possible pair is taken or the budget is used up."""
        for path in self.seeds:
            self._seed(path)
        self._go_on()
        self._transplant()
        self._go_on()
        found = self.found
        found.paths = self._paths()
        found.missing = sorted((a, b) for a, seconds in self._missing.items() for b in seconds)
        if self.possible is not None:
            ids = [t.id for t in self.chart.transitions]
            reasons = (self.possible.why_not((a, b)) for a in ids for b in ids)
            found.impossible = dict(Counter(filter(None, reasons)).most_common())
        return found

    def _go_on(self) -> None:
        while self._queue and self._searching():
            self._expand_best()

    def _transplant(self) -> None:
        """Go the ways to firsts once more with the parameters their seconds ask for."""
        transitions = {t.id: t for t in self.chart.transitions}
        for first, second in sorted((a, b) for a, seconds in self._missing.items() for b in seconds):
            for node in self._stood.get(first, ()):
                t = transitions[second]
                if t.source.id and t.source.id not in node.active:
                    continue
                now = node.machine.parameters
                for choice in self.stimuli.parameters_for(t, node.machine, node.active):
                    parameters = {**node.parameters, **choice}
                    bad = any(type_error(v, self.chart.parameters[name].type) for name, v in choice.items())
                    if not bad and any(now[name] != value for name, value in choice.items()):
                        start, steps = node.path()
                        self._seed(Path(parameters, start, steps, ()))
                if second not in self._missing.get(first, ()):
                    break

    def _paths(self) -> list[Path]:
        """One path for each situation in which a pair was new; those on the way of another are told by that one."""
        news = {id(node): fresh for node, fresh in self._news_nodes}
        paths: list[Path] = []
        for last, _ in reversed(self._news_nodes):
            pairs: list[Pair] = []
            node: _Node | None = last if id(last) in news else None
            while node is not None:
                pairs += reversed(news.pop(id(node), ()))
                node = node.before
            if pairs:
                start, steps = last.path()
                paths.append(Path(last.parameters, start, steps, (), tuple(reversed(pairs))))
        return paths[::-1]

    def _searching(self) -> bool:
        steps = self.found.steps
        return bool(self._seconds) and steps < self.budget and steps - self._last_news < self.patience

    def _want(self, first: str, second: str) -> None:
        self._missing.setdefault(first, set()).add(second)
        self._seconds[second] += 1

    # ------------------------------------------------------------ situations

    def _seed(self, path: Path) -> None:
        group = self._groups.setdefault(repr(sorted(path.parameters.items())), len(self._groups))
        try:
            machine = Machine(self.chart, path.parameters)
        except EngineError:
            return  # these values do not go together
        machine.surroundings = World(path.start.readings, path.start.alive)
        node = _Node(machine, frozenset(), path.parameters, group, path.start, None)
        step = machine.begin()
        for stimulus in (None, *path.steps):
            if stimulus is not None:
                node = self._after(node, stimulus)
                step = apply(node.machine, stimulus)
            self.found.steps += 1
            if not self._arrive(node, step) or node.machine.done:
                break
        self._probe_all()

    def _after(self, node: _Node, stimulus: Stimulus) -> _Node:
        machine = node.machine.fork()
        return _Node(machine, node.active, node.parameters, node.group, stimulus, node, node.depth + 1, node.last)

    def _try(self, node: _Node, stimulus: Stimulus) -> None:
        reached = self._after(node, stimulus)
        self.found.steps += 1
        try:
            step = apply(reached.machine, stimulus)
        except EngineError:
            return
        self._arrive(reached, step)

    def _arrive(self, node: _Node, step: Step) -> bool:
        """Note what a step took; False when it ends in an error nobody answers, from where nothing is gone on."""
        if step.failures:
            errors = any(not f.message.startswith("invariant broken: ") for f in step.failures)
            if errors and not answered(self.chart, step):
                return False
        taken = step.transitions
        if taken:
            pairs = [(node.last, taken[0])] if node.last else []
            pairs += itertools.pairwise(taken)
            fresh = tuple(dict.fromkeys(p for p in pairs if p not in self.found.taken))
            if fresh:
                self._news(node, fresh)
            node.last = taken[-1]
        node.active = frozenset(node.machine.configuration)
        if self.possible is None and taken:
            for t in self.stimuli.live(node.active):
                if (node.last, t.id) not in self.found.taken and t.id not in self._missing.get(node.last, ()):
                    self._want(node.last, t.id)
        if not node.machine.done:
            if node.last in self._missing:
                self._probes.append(node)
                stood = self._stood.setdefault(node.last, [])
                if len(stood) < 8 and all(node.active != other.active for other in stood):
                    stood.append(node)
            self._push(node)
        return True

    def _news(self, node: _Node, fresh: tuple[Pair, ...]) -> None:
        self._news_nodes.append((node, fresh))
        self._last_news = self.found.steps
        for first, second in fresh:
            self.found.taken.add((first, second))
            seconds = self._missing.get(first, set())
            if second in seconds:
                seconds.remove(second)
                self._seconds[second] -= 1
                if not self._seconds[second]:
                    del self._seconds[second]
                if not seconds:
                    del self._missing[first]

    def _push(self, node: _Node) -> None:
        data = repr(list(node.machine.data.items()))
        history = repr(node.machine.core_snapshot()["history"]) if self._histories else ""
        place = (node.active, history)
        exact = (place, node.group, data)
        if exact in self._seen:
            return
        self._seen.add(exact)
        self._crowds[place] += 1
        node.crowd = self._crowds[place]
        self._enqueue(node)

    def _enqueue(self, node: _Node) -> None:
        score, _ = self._score(node)
        if score < _NEVER:
            heapq.heappush(self._queue, (score, next(self._number), node))

    def _score(self, node: _Node) -> tuple[float, str]:
        """How promising a situation is (small is good), and the second of missing pairs it is good for."""
        best, target = _NEVER, ""
        for second in self._seconds:
            tries = 0.2 * self._tries[second]
            far = self._guide.distance(node.active, second, self._seconds) + tries
            if far >= best:
                continue
            gap = self._gap(node, second)
            if gap >= _NEVER:
                continue
            if gap:
                far += 3.0 + gap + 0.5 * min(self._reach.setting(node.active, second), 20.0)
            if far < best:
                best, target = far, second
                if far <= 0.0:
                    break
        tried = self._fruitless[(node.active, node.group, node.wide)]
        crowd = 0.3 * min(node.crowd, 20)
        return best + crowd + 0.5 * tried + 0.02 * node.depth + (2.0 if node.wide else 0.0), target

    def _gap(self, node: _Node, transition: str) -> float:
        allowed = self._allowed.get((transition, node.group))
        if allowed is None:
            where = Situation(node.machine.data, node.machine.parameters, node.active)
            allowed = self._allowed[(transition, node.group)] = self._reach.allowed(transition, where)
        names = self._reach.names[transition]
        if not names or not allowed:
            return 0.0 if allowed else _NEVER
        key = (transition, node.group, node.active, values_of(node.machine.data, names))
        gap = self._gaps.get(key)
        if gap is None:
            where = Situation(node.machine.data, node.machine.parameters, node.active)
            gap = self._gaps[key] = self._reach.data(transition, where)
        return gap

    # ------------------------------------------------------------ going on

    def _expand_best(self) -> None:
        score, _, node = heapq.heappop(self._queue)
        now, target = self._score(node)
        if now >= _NEVER:
            return
        if now > score + 0.5 and node.delays < 2 and self._queue and now > self._queue[0][0]:
            node.delays += 1
            heapq.heappush(self._queue, (now, next(self._number), node))
            return
        before = len(self.found.taken)
        source = self.stimuli.wide if node.wide else self.stimuli.narrow
        tried: set[Any] = set()
        for stimulus in source(node.machine, node.active, node.world, self._seconds, node.group):
            key = (stimulus.event, stimulus.timer, repr(stimulus.data), repr(stimulus.readings), repr(stimulus.alive))
            if key in tried:
                continue
            tried.add(key)
            self._try(node, stimulus)
            self._probe_all()
            if not self._searching():
                return
        if len(self.found.taken) == before:
            self._fruitless[(node.active, node.group, node.wide)] += 1
            self._tries[target] += 1
        if not node.wide:
            node.wide, node.delays = True, 0
            self._enqueue(node)

    def _probe_all(self) -> None:
        """Try what takes the seconds of missing pairs wherever their first has just been taken."""
        while self._probes:
            node = self._probes.pop()
            for second in sorted(self._missing.get(node.last, ())):
                for stimulus in self._leading(node, second):
                    self._try(node, stimulus)
                    if second not in self._missing.get(node.last, ()):
                        break

    def _leading(self, node: _Node, second: str) -> Iterator[Stimulus]:
        key = (second, node.last, node.active, node.group, values_of(node.machine.data, tuple(self._asked[second])))
        if key in self._probed:
            return
        self._probed.add(key)
        yield from self.stimuli.toward(second, node.machine, node.active, node.world, node.group)


class _Guide:
    """How many steps from a configuration to one from which a missing pair with a certain second is one step away."""

    def __init__(self, possible: Possible | None, missing: Mapping[str, set[str]]) -> None:
        self._missing = missing
        self._far: dict[str, dict[Config, int]] = {}  # by second
        self._known: dict[str, int] = {}  # how many pairs with this second were missing when that was measured
        self._back: dict[Config, set[Config]] = {}
        for config, edges in possible.leads.items() if possible is not None else ():
            for _, reached in edges:
                self._back.setdefault(reached, set()).add(config)
        self._chances: dict[str, dict[Config, set[str]]] = {}  # second -> configurations -> firsts
        for config, chances in possible.chances.items() if possible is not None else ():
            for first, seconds in chances.items():
                for second in seconds:
                    self._chances.setdefault(second, {}).setdefault(config, set()).add(first)

    def distance(self, config: Config, second: str, counts: Mapping[str, int]) -> float:
        """``counts``: how many pairs with each second are missing."""
        if not self._back:
            return 0.0
        known = self._known.get(second)
        if known is None or counts[second] < known - known // 8:
            self._known[second] = counts[second]
            self._far[second] = self._measure(second)
        return self._far[second].get(config, _NEVER)

    def _measure(self, second: str) -> dict[Config, int]:
        far = {
            config: 0
            for config, firsts in self._chances[second].items()
            if any(second in self._missing.get(first, ()) for first in firsts)
        }
        todo = deque(far)
        while todo:
            config = todo.popleft()
            for earlier in self._back.get(config, ()):
                if earlier not in far:
                    far[earlier] = far[config] + 1
                    todo.append(earlier)
        return far
