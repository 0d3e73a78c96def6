"""Finds paths that take every pair of consecutive transitions: one, and the next one taken after it.

Candidates are the pairs that :mod:`engine.tools.testing.symbolic_pairs` cannot rule out. The search starts from every
situation on the paths that take all transitions, goes towards configurations from which a pair still missing is one
step away, and wherever the first transition of missing pairs has been taken it tries what takes their seconds.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.language.model import Chart
from engine.language.values import type_error
from engine.run.machine import Machine
from engine.semantics.step import Step
from engine.tools.explore.path import Pair, Path
from engine.tools.explore.reach import Reach
from engine.tools.explore.search import NEVER, ChartNode, ChartSearch, Group
from engine.tools.explore.stimuli import Stimuli, Stimulus
from engine.tools.explore.values import values_of
from engine.tools.testing.symbolic_pairs import Possible, possible_pairs

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


@dataclass(slots=True, eq=False)
class _Node(ChartNode):
    last: str = ""  # the transition taken last
    crowd: int = 0


class PairSearch(ChartSearch[_Node]):
    """``budget`` bounds the steps tried, ``patience`` those tried since a pair was taken for the first time."""

    def __init__(
        self, chart: Chart, stimuli: Stimuli, paths: Iterable[Path], *, budget: int = 600_000, patience: int = 100_000
    ) -> None:
        super().__init__(chart, stimuli, budget=budget, patience=patience)
        self.seeds = list(paths)
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
        self._tried: Counter[str] = Counter()  # by second
        self._seen: set[Any] = set()
        self._crowds: Counter[Any] = Counter()
        self._fruitless: Counter[Any] = Counter()
        self._probed: set[Any] = set()
        self._probes: deque[_Node] = deque()
        self._asked = {t.id: tuple(sorted(stimuli.asked(t))) for t in chart.transitions}

    def run(self) -> PairsFound:
        """Search until every possible pair is taken or the budget is used up."""
        for path in self.seeds:
            self._seed(path)
        self.go_on()
        self._transplant()
        self.go_on()
        found = self.found
        found.steps = self.steps
        found.paths = self._paths()
        found.missing = sorted((a, b) for a, seconds in self._missing.items() for b in seconds)
        if self.possible is not None:
            ids = [t.id for t in self.chart.transitions]
            reasons = (self.possible.why_not((a, b)) for a in ids for b in ids)
            found.impossible = dict(Counter(filter(None, reasons)).most_common())
        return found

    def _seed(self, path: Path) -> None:
        self.begin(path.parameters, path.start, path.steps)
        self._probe_all()

    def _transplant(self) -> None:
        """Go the ways to firsts once more with the parameters their seconds ask for."""
        transitions = {t.id: t for t in self.chart.transitions}
        for first, second in sorted((a, b) for a, seconds in self._missing.items() for b in seconds):
            for node in self._stood.get(first, ()):
                t = transitions[second]
                if t.source.id and t.source.id not in node.active:
                    continue
                for choice in self.stimuli.parameters_for(t, node.where):
                    bad = any(type_error(v, self.chart.parameters[name].type) for name, v in choice.items())
                    if not bad and any(node.group.all[name] != value for name, value in choice.items()):
                        self.replayed(node, choice)
                        self._probe_all()
                if second not in self._missing.get(first, ()):
                    break

    def _paths(self) -> list[Path]:
        """One path for each situation in which a pair was new; those on the way of another are told by that one."""
        news = {id(node): fresh for node, fresh in self._news_nodes}
        paths: list[Path] = []
        for last, _ in reversed(self._news_nodes):
            pairs: list[Pair] = []
            node: ChartNode | None = last if id(last) in news else None
            while node is not None:
                pairs += reversed(news.pop(id(node), ()))
                node = node.before
            if pairs:
                paths.append(self.path(last, pairs=tuple(reversed(pairs))))
        return paths[::-1]

    def searching(self) -> bool:
        """Whether pairs are missing and the budget lasts."""
        return bool(self._seconds) and super().searching()

    def _want(self, first: str, second: str) -> None:
        self._missing.setdefault(first, set()).add(second)
        self._seconds[second] += 1

    # ------------------------------------------------------------ situations

    def root(self, machine: Machine, group: Group, start: Stimulus) -> _Node:
        """The situation before the start."""
        return _Node(machine, group, start, None, 0)

    def after(self, node: _Node, stimulus: Stimulus) -> _Node:
        """The situation that a stimulus leads to."""
        return _Node(node.machine.fork(), node.group, stimulus, node, node.depth + 1, node.last)

    def arrived(self, node: _Node, step: Step) -> bool:
        """Note the pairs of a step; False when it ends in an error nobody answers."""
        if step.failures and self.unanswered(step):
            return False
        taken = step.transitions
        if taken:
            pairs = [(node.last, taken[0])] if node.last else []
            pairs += itertools.pairwise(taken)
            fresh = tuple(dict.fromkeys(p for p in pairs if p not in self.found.taken))
            if fresh:
                self._news(node, fresh)
            node.last = taken[-1]
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
            place, group, data = self.situation(node)
            exact = (place, group, data, node.last if node.last in self._missing else "")
            if exact not in self._seen:
                self._seen.add(exact)
                self._crowds[place] += 1
                node.crowd = self._crowds[place]
                self.push(node)
        return True

    def _news(self, node: _Node, fresh: tuple[Pair, ...]) -> None:
        self._news_nodes.append((node, fresh))
        self.last_news = self.steps
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

    # ------------------------------------------------------------ how promising

    def score(self, node: _Node, aim: str) -> float:
        """The distance to a missing pair, and more where much was tried in vain."""
        best, _ = self._nearest(node)
        if best >= NEVER:
            return NEVER
        tried = self._fruitless[(node.active, node.group.number, node.stage)]
        return best + 0.3 * min(node.crowd, 20) + 0.5 * tried + 0.02 * node.depth + 2.0 * min(node.stage, 4)

    def _nearest(self, node: _Node) -> tuple[float, str]:
        """The second of missing pairs that a situation is good for, and how far it is."""
        best, target = NEVER, ""
        for second in self._seconds:
            far = self._guide.distance(node.active, second, self._seconds) + 0.2 * self._tried[second]
            if far >= best:
                continue
            gap = self._gap(node, second)
            if gap >= NEVER:
                continue
            if gap:
                far += 3.0 + gap + 0.5 * min(self._reach.setting(node.active, second), 20.0)
            if far < best:
                best, target = far, second
                if far <= 0.0:
                    break
        return best, target

    def _gap(self, node: _Node, transition: str) -> float:
        allowed = self._allowed.get((transition, node.group.number))
        if allowed is None:
            allowed = self._reach.allowed(transition, node.where)
            self._allowed[(transition, node.group.number)] = allowed
        names = self._reach.deciding[transition]
        if not names or not allowed:
            return 0.0 if allowed else NEVER
        key = (transition, node.group.number, node.active, values_of(node.machine.data, names))
        gap = self._gaps.get(key)
        if gap is None:
            gap = self._gaps[key] = self._reach.data(transition, node.where)
        return gap

    # ------------------------------------------------------------ going on

    def moves(self, node: _Node, aim: str) -> Iterator[Stimulus | None]:
        """Stimuli that take transitions, first those that lead to the nearest missing pair."""
        _, target = self._nearest(node)
        leading = self._reach.leading(node.active, target) if target else ()
        return self.guarded(node, self._seconds, leading, self._reach.names[target] if target else ())

    def expand(self, node: _Node, aim: str) -> None:
        """Give the next stimuli, and count those without a new pair."""
        before = len(self.found.taken)
        _, target = self._nearest(node)
        super().expand(node, aim)
        if len(self.found.taken) == before:
            self._fruitless[(node.active, node.group.number, node.stage - 1)] += 1
            self._tried[target] += 1

    def go(self, node: _Node, stimulus: Stimulus) -> bool:
        """Give a stimulus, and then what may take the second of a missing pair."""
        goes_on = super().go(node, stimulus)
        self._probe_all()
        return goes_on

    def _probe_all(self) -> None:
        """Try what takes the seconds of missing pairs wherever their first has just been taken."""
        while self._probes:
            node = self._probes.pop()
            for second in sorted(self._missing.get(node.last, ())):
                for stimulus in self._leading(node, second):
                    super().go(node, stimulus)
                    if second not in self._missing.get(node.last, ()):
                        break

    def _leading(self, node: _Node, second: str) -> Iterator[Stimulus]:
        data = values_of(node.machine.data, self._asked[second])
        key = (second, node.last, node.active, node.group.number, data)
        if key not in self._probed:
            self._probed.add(key)
            yield from self.stimuli.toward(second, node.where, node.world)


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
        return self._far[second].get(config, NEVER)

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
