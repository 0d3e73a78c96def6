"""Finds paths through a chart that take every transition."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.language.expr import tree
from engine.language.model import Chart
from engine.language.types import Kind
from engine.language.values import type_error
from engine.run.machine import Machine
from engine.semantics.compiled.symbols import expressions
from engine.semantics.errors import EngineError
from engine.semantics.step import Step
from engine.tools.testing.path import Pair, Path, answered, apply
from engine.tools.testing.pools import small_counts
from engine.tools.testing.stimuli import Stimuli, Stimulus, World
from engine.tools.testing.symbolic_reach import FAR, Reach, distance, values_of
from engine.tools.testing.values import Choice, Situation, defaults, solve

Progress = Callable[[int, int], None]
_OFFERS = 8


@dataclass(slots=True)
class Found:
    """The result of an exploration."""

    chart: Chart
    paths: list[Path] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    pairs: set[Pair] = field(default_factory=set)
    steps: int = 0
    missing: dict[str, str] = field(default_factory=dict)  # transition id -> why it was not taken
    errors: dict[str, str] = field(default_factory=dict)  # unanswered error.execution -> a stimulus that leads to it

    @property
    def all(self) -> list[str]:
        """The ids of all transitions of the chart."""
        return [t.id for t in self.chart.transitions]


@dataclass(slots=True)
class _Node:
    machine: Machine
    active: frozenset[str]
    parameters: Mapping[str, Any]
    group: int  # number of its parameter set
    start: Stimulus
    steps: tuple[Stimulus, ...]
    crowd: int = 0
    wide: bool | None = False  # what is next: the narrow stimuli, the wide ones, nothing
    penalty: float = 0.0  # of a parameter set that nothing asked for
    gaps: dict[str, float] = field(default_factory=dict)  # how far its data are from what guards ask

    @property
    def world(self) -> Stimulus:
        """What the adapters show now: what the last step showed."""
        return self.steps[-1] if self.steps else self.start


_Entry = tuple[float, int, bool, _Node]


class Explorer:
    """Searches from the situations nearest to transitions not taken yet.

    ``budget`` bounds the steps tried, ``patience`` those tried since something new was taken, ``variants`` the
    situations kept per configuration in which all conditions on data are alike.
    """

    def __init__(self, chart: Chart, *, budget: int = 80_000, patience: int = 40_000, variants: int = 4) -> None:
        self.chart = chart
        self.base = {n: defaults(p.type)[-1] for n, p in chart.parameters.items() if p.default is None}
        self.stimuli = Stimuli(chart, self.base)
        self.reach = Reach(chart)
        self.budget = budget
        self.patience = patience
        self.variants = variants
        self.found = Found(chart)
        self._untaken = dict.fromkeys(t.id for t in chart.transitions)  # a dictionary, for its order
        self._seen: set[Any] = set()
        self._crowds: Counter[Any] = Counter()
        self._nearest: dict[Any, float] = {}
        self._atom_cache: dict[Any, float] = {}
        self._allowed_cache: dict[tuple[str, int], bool] = {}
        self._gap_cache: dict[Any, float] = {}
        # Two orders of the same nodes, taken from in turn: by all that is known, and with data left aside.
        self._queues: tuple[list[_Entry], list[_Entry]] = ([], [])
        self._turns = itertools.cycle((0, 0, 0, 0, 0, 0, 0, 1))
        self._number = itertools.count()
        self._groups: dict[str, int] = {}
        self._penalties: dict[int, float] = {}
        self._tries: Counter[str] = Counter()
        self._alike_tried: Counter[tuple[str, float, bool]] = Counter()
        self._offers: Counter[str] = Counter()  # places from which only other parameters take a transition
        self._transplanted: Counter[tuple[str, str]] = Counter()
        self._visited: set[str] = set()
        self._broken: set[str] = set()  # places of invariants a path breaks
        self._last_news = 0
        self._histories = any(s.kind.value in ("shallow", "deep") for s in chart.root.walk())

    def run(self, progress: Progress | None = None) -> Found:
        """Explore until everything is taken, nothing new is reachable, or the budget is used up."""
        total = len(self.chart.transitions)
        sets = self._parameter_sets()
        for parameters in itertools.islice(sets, 2):
            self._begin_all(parameters)
        for parameters in self._demanded():
            self._begin_later(parameters)
        while self._searching():
            if not any(self._queues) or self.found.steps - self._last_news > self.patience // 2:
                further = list(itertools.islice(sets, 100))
                for parameters in further if self._untaken else ():
                    self._begin_later(parameters)
                if not any(self._queues):
                    break
            if any(self._queues):
                self._expand_best()
            if progress is not None:
                progress(total - len(self._untaken), total)
        exhausted = not any(self._queues)
        for t in self.chart.transitions:
            if t.id in self._untaken:
                self.found.missing[t.id] = self._why(t.id, exhausted)
        return self.found

    def _searching(self) -> bool:
        if self.found.steps >= self.budget or not self._untaken:
            return False
        return self.found.steps - self._last_news < self.patience

    # ------------------------------------------------------------ where to begin

    def _parameter_sets(self) -> Iterator[dict[str, Any]]:
        """The defaults, short counts, then one set more per other value of a parameter that is asked for."""
        small = {**self.base, **small_counts(self.chart)}
        yield self.base
        if small != self.base:
            yield small
        asked = {e.name for e in expressions(self.chart) if isinstance(e, tree.Parameter)}
        for name, definition in self.chart.parameters.items():
            kind = definition.type
            if name not in asked or kind.kind is Kind.DURATION:
                continue
            values = [v for v in defaults(kind)[:4] if v is not None] if kind.kind in (Kind.BOOL, Kind.ENUM) else []
            for value in [*values, *self.stimuli.pools.values(("param", name), kind)][:6]:
                if not type_error(value, kind):
                    yield {**small, name: value}

    def _demanded(self) -> Iterator[dict[str, Any]]:
        """What transitions ask of the parameters alone that the defaults do not give: no path leads there without."""
        values = Machine(self.chart, self.base).parameters
        where = Situation({}, values, frozenset(), free_parameters=True)
        for t, parts in self.reach.fixed.items():
            if t not in self._untaken or self.reach.allowed(t, Situation({}, values, frozenset())):
                continue
            choices: list[Choice] = [{}]
            for part in parts:
                choices = [more for c in choices for more in solve(part, True, where, c, most=3)][:3]
            for choice in choices:
                yield {**self.base, **{term[1]: v for term, v in choice.items() if term[0] == "param"}}

    def _begin_later(self, parameters: Mapping[str, Any]) -> None:
        """Begin with parameters that nothing but a few transitions ask for."""
        if any(type_error(value, self.chart.parameters[name].type) for name, value in parameters.items()):
            return
        group = self._groups.setdefault(repr(sorted(parameters.items())), len(self._groups))
        self._penalties.setdefault(group, 0.5 + 0.02 * len(self._penalties))
        self._begin_all(parameters)

    def _begin_all(self, parameters: Mapping[str, Any]) -> None:
        kinds = self.stimuli.reading_types
        low = Stimulus(readings=self.stimuli.base)
        high = Stimulus(readings={key: defaults(kind)[-1] for key, kind in kinds.items()})
        for start in (low, high) if high != low else (low,):
            self._begin(parameters, start)

    def _begin(self, parameters: Mapping[str, Any], start: Stimulus, steps: tuple[Stimulus, ...] = ()) -> None:
        """A machine from its start, through ``steps``; every situation on the way is looked at."""
        group = self._groups.setdefault(repr(sorted(parameters.items())), len(self._groups))
        try:
            machine = Machine(self.chart, parameters)
        except EngineError:
            return  # these values do not go together
        machine.surroundings = World(start.readings, start.alive)
        step = machine.begin()
        node = _Node(machine, frozenset(), parameters, group, start, ())
        for stimulus in (None, *steps):
            if stimulus is not None:
                machine = machine.fork()
                step = apply(machine, stimulus)
                node = _Node(machine, frozenset(), parameters, group, start, (*node.steps, stimulus))
            self.found.steps += 1
            if not self._arrive(node, step) or machine.done:
                return

    # ------------------------------------------------------------ searching

    def _expand_best(self) -> None:
        order = next(self._turns)
        if not self._queues[order]:
            order = 1 - order
        queue = self._queues[order]
        score, _, wide, node = heapq.heappop(queue)
        if node.wide != wide:
            return  # it was expanded in the other order's turn
        now, target = self._score(node, order)
        if queue and now > score + 1.0 and now > queue[0][0]:
            heapq.heappush(queue, (now, next(self._number), wide, node))
            return
        if now >= FAR:
            return
        if target:
            self._tries[target] += 1
            self._alike_tried[(target, self._near(node, target, order), wide)] += 1
            if self.reach.steps(node.active, target) == 0:
                self._transplant(node, target)
        source = self.stimuli.wide if node.wide else self.stimuli.narrow
        tried: set[Any] = set()
        for stimulus in source(node.machine, node.active, node.world, self._untaken, node.group):
            if self.found.steps >= self.budget:
                return
            key = (stimulus.event, stimulus.timer, repr(stimulus.data), id(stimulus.readings), id(stimulus.alive))
            if key in tried and stimulus.readings is node.world.readings and stimulus.alive is node.world.alive:
                continue
            tried.add(key)
            machine = node.machine.fork()
            step = apply(machine, stimulus)
            self.found.steps += 1
            steps = (*node.steps, stimulus)
            self._arrive(_Node(machine, node.active, node.parameters, node.group, node.start, steps), step)
        if node.wide is False:
            node.wide = True
            self._push(node)
        else:
            node.wide = None

    def _arrive(self, node: _Node, step: Step) -> bool:
        """Note what a step came to; False when it ends in an error nobody answers, from where nothing is gone on."""
        if step.failures and not self._sound(node, step):
            return False
        machine, taken = node.machine, step.transitions
        new = tuple(dict.fromkeys(t for t in taken if t in self._untaken))
        self.found.taken.update(taken)
        broken = {f.position for f in step.failures if f.message.startswith("invariant broken: ")} - self._broken
        self._broken |= broken
        if new or broken:
            for t in new:
                self._untaken.pop(t)
            self._last_news = self.found.steps
            self.found.paths.append(Path(node.parameters, node.start, node.steps, new))
        active = node.active = frozenset(machine.configuration)
        self._visited |= active
        node.penalty = self._penalties.get(node.group, 0.0)
        if not machine.done and self._is_new(node):
            self._push(node)
            for t in [t for t in self._untaken if not self._allowed(node, t) and not self.reach.steps(active, t)]:
                if self._offers[t] < _OFFERS:
                    self._offers[t] += 1
                    self._transplant(node, t)
        return True

    def _sound(self, node: _Node, step: Step) -> bool:
        errors = [f for f in step.failures if not f.message.startswith("invariant broken: ")]
        if not errors or answered(self.chart, step):
            return True
        for failure in errors:
            self.found.errors.setdefault(f"{failure.position}: {failure.message}", str(node.world))
        return False

    def _is_new(self, node: _Node) -> bool:
        data = node.machine.data
        history = repr(node.machine.core_snapshot()["history"]) if self._histories else ""
        place = (node.active, node.group, history)
        exact = (place, repr(list(data.items())))
        if exact in self._seen:
            return False
        self._seen.add(exact)
        where = Situation(data, node.machine.parameters, node.active)
        gaps = []
        for number, (atom, names) in enumerate(self.reach.atoms):
            key = (number, node.group, values_of(data, names))
            gap = self._atom_cache.get(key)
            if gap is None:
                gap = self._atom_cache[key] = distance(atom, where)
            gaps.append(gap)
        nearer = False
        for number, gap in enumerate(gaps):
            if gap < self._nearest.get((place, number), 3.0):
                nearer = bool(gap) or nearer
                self._nearest[(place, number)] = gap
        alike = (place, tuple(gap == 0 for gap in gaps))
        self._crowds[alike] += 1
        node.crowd = self._crowds[alike]
        return nearer or node.crowd <= self.variants

    def _score(self, node: _Node, order: int) -> tuple[float, str]:
        """How promising a node is (small is good), and which transition it is good for."""
        best, target = FAR, ""
        for t in self._untaken:
            if not self._allowed(node, t):
                continue
            tries = 0.3 * self._tries[t]
            if self.reach.steps(node.active, t) + tries >= best:
                continue
            near = self._near(node, t, order)
            # Many configurations differ only in regions this transition does not ask: after a few of them, go deeper
            # (wide stimuli) rather than through all the others.
            near += tries + 0.05 * self._alike_tried[(t, near, bool(node.wide))]
            if near < best:
                best, target = near, t
        return best + 0.5 * node.crowd + 0.02 * len(node.steps) + (0.3 if node.wide else 0.0) + node.penalty, target

    def _near(self, node: _Node, transition: str, order: int) -> float:
        """How far a node is from taking a transition; the second order leaves data aside."""
        steps = self.reach.steps(node.active, transition)
        gap = 0.0 if order or steps >= FAR else node.gaps.get(transition)
        if gap is None:
            gap = node.gaps[transition] = self._gap(node, transition)
        return steps + 6.0 + gap + 0.5 * min(self.reach.setting(node.active, transition), 20.0) if gap else steps

    def _allowed(self, node: _Node, transition: str) -> bool:
        key = (transition, node.group)
        known = self._allowed_cache.get(key)
        if known is None:
            where = Situation({}, node.machine.parameters, frozenset())
            known = self._allowed_cache[key] = self.reach.allowed(transition, where)
        return known

    def _gap(self, node: _Node, transition: str) -> float:
        names = self.reach.names[transition]
        if not names:
            return 0.0
        key = (transition, node.group, values_of(node.machine.data, names), node.active)
        known = self._gap_cache.get(key)
        if known is None:
            where = Situation(node.machine.data, node.machine.parameters, node.active)
            known = self._gap_cache[key] = self.reach.data(transition, where)
        return known

    def _push(self, node: _Node) -> None:
        for order, queue in enumerate(self._queues):
            heapq.heappush(queue, (self._score(node, order)[0], next(self._number), bool(node.wide), node))

    def _transplant(self, node: _Node, target: str) -> None:
        """Go the same way once more with parameters that the guard of ``target`` asks for."""
        t = next(t for t in self.chart.transitions if t.id == target)
        now = node.machine.parameters
        for choice in self.stimuli.parameters_for(t, node.machine, node.active):
            change = {name: value for name, value in choice.items() if now[name] != value}
            parameters = {**node.parameters, **change}
            key = (target, repr(change))
            bad = any(type_error(v, self.chart.parameters[name].type) for name, v in change.items())
            if bad or not change or self._transplanted[key] >= 3:
                continue
            self._transplanted[key] += 1
            self._begin(parameters, node.start, node.steps)

    # ------------------------------------------------------------ what was not taken

    def _why(self, transition: str, exhausted: bool) -> str:
        source = next(t.source.id for t in self.chart.transitions if t.id == transition)
        if source and source not in self._visited:
            return f"the state {source} was never entered"
        limit = "all situations found were tried" if exhausted else f"search stopped after {self.found.steps} steps"
        return f"its guard held in no situation found, or another transition came first ({limit})"
