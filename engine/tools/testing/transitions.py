"""Finds paths through a chart that take every transition."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from engine.tools.explore.path import Pair, Path
from engine.tools.explore.pools import small_counts
from engine.tools.explore.reach import FAR, Reach, distance
from engine.tools.explore.search import NEVER, ChartNode, ChartSearch, Group
from engine.tools.explore.stimuli import Stimuli, Stimulus
from engine.tools.explore.values import Choice, Situation, defaults, solve, values_of

Progress = Callable[[int, int], None]
_OFFERS = 8
_LATER = 2_000  # steps without news until further parameters are tried


@dataclass(slots=True)
class Found:
    """What an exploration came to."""

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


@dataclass(slots=True, eq=False)
class _Node(ChartNode):
    crowd: int = 0
    gaps: dict[str, float] = field(default_factory=dict)  # how far its data are from what guards ask


class TransitionSearch(ChartSearch[_Node]):
    """Searches from the situations nearest to transitions not taken yet.

    ``variants``: the situations kept per configuration in which all conditions on data are alike.
    """

    def __init__(self, chart: Chart, *, budget: int = 80_000, patience: int = 40_000, variants: int = 4) -> None:
        self.base = {n: defaults(p.type)[-1] for n, p in chart.parameters.items() if p.default is None}
        super().__init__(chart, Stimuli(chart, self.base), budget=budget, patience=patience)
        self.reach = Reach(chart)
        self.variants = variants
        self.found = Found(chart)
        self._transitions = {t.id: t for t in chart.transitions}
        self._untaken = dict.fromkeys(self._transitions)  # a dictionary, for its order
        self._seen: set[Any] = set()
        self._crowds: Counter[Any] = Counter()
        self._nearest: dict[Any, float] = {}
        self._atom_cache: dict[Any, float] = {}
        self._atoms_cache: dict[Any, tuple[float, ...]] = {}
        self._allowed_cache: dict[tuple[str, int], bool] = {}
        self._gap_cache: dict[Any, float] = {}
        self._penalties: dict[int, float] = {}  # of parameter sets that few transitions ask for
        self._alike_tried: Counter[tuple[str, float, int]] = Counter()
        self._offers: Counter[str] = Counter()  # places from which only other parameters take a transition
        self._transplanted: Counter[tuple[str, str]] = Counter()
        self._visited: set[str] = {""}
        # Transitions not taken from states that were active: there is no way to any other but by one of these.
        self._near_by: dict[str, None] = {}
        self._broken: set[str] = set()  # places of invariants a path breaks
        self._endless: set[str] = set()
        self._aside: list[_Node] = []
        self._further: Iterator[dict[str, Any]] = iter(())
        self._progress: Progress | None = None
        self._exhausted = False
        self._later = _LATER

    def run(self, progress: Progress | None = None) -> Found:
        """Explore until everything is taken, nothing new is reachable, or the budget is used up."""
        self._progress = progress
        sets = self._parameter_sets()
        for parameters in itertools.islice(sets, 2):
            self._begin_all(parameters)
        for parameters in self._demanded():
            self._begin_later(parameters)
        self._further = sets
        self.go_on()
        while self.searching() and (self._begin_further() or self._take_up()):
            self.go_on()
        self._exhausted = self.searching()
        for t in self._untaken:
            self.found.missing[t] = self._why(t)
        self.found.steps = self.steps
        return self.found

    def searching(self) -> bool:
        """Whether transitions are missing and the budget lasts; begins with further parameters when it takes long."""
        if self.steps > self._later:
            self._later = self.steps + _LATER
            self._begin_further()
        return bool(self._untaken) and super().searching()

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

    def _begin_further(self) -> bool:
        """Begin with the parameters kept for when the others lead nowhere."""
        further = list(itertools.islice(self._further, 100))
        for parameters in further:
            self._begin_later(parameters)
        return bool(further)

    def _begin_later(self, parameters: Mapping[str, Any]) -> None:
        """Begin with parameters that nothing but a few transitions ask for."""
        if any(type_error(value, self.chart.parameters[name].type) for name, value in parameters.items()):
            return
        group = self.group(parameters)
        if group is not None:
            self._penalties.setdefault(group.number, 0.5 + 0.02 * len(self._penalties))
            self._begin_all(parameters)

    def _begin_all(self, parameters: Mapping[str, Any]) -> None:
        kinds = self.stimuli.reading_types
        low = Stimulus(readings=self.stimuli.base)
        high = Stimulus(readings={key: defaults(kind)[-1] for key, kind in kinds.items()})
        for start in (low, high) if high != low else (low,):
            self.begin(parameters, start)

    def _take_up(self) -> bool:
        """Go on from the situations that were put aside because there are many like them."""
        aside, self._aside = self._aside, []
        self.variants *= 4
        for node in aside:
            if node.crowd <= self.variants:
                self.push(node)
            else:
                self._aside.append(node)
        return bool(aside)

    # ------------------------------------------------------------ situations

    def root(self, machine: Machine, group: Group, start: Stimulus) -> _Node:
        """The situation before the start."""
        return _Node(machine, group, start, None, 0)

    def after(self, node: _Node, stimulus: Stimulus) -> _Node:
        """The situation that a stimulus leads to."""
        return _Node(node.machine.fork(), node.group, stimulus, node, node.depth + 1)

    def aims(self) -> Iterable[str]:
        """The transitions not taken whose source was entered: every way to the others is by one of them."""
        return self._near_by

    def moves(self, node: _Node, aim: str) -> Iterator[Stimulus | None]:
        """Stimuli that take transitions, first those that lead to the one aimed at."""
        return self.guarded(node, self._untaken, self.reach.leading(node.active, aim), self.reach.names[aim])

    def expand(self, node: _Node, aim: str) -> None:
        """Give the next stimuli, with other parameters as well where the transition aimed at asks for them."""
        self._alike_tried[(aim, self._near(node, aim), node.stage - 1)] += 1
        if self.reach.steps(node.active, aim) == 0:
            self._transplant(node, aim)
        super().expand(node, aim)

    def arrived(self, node: _Node, step: Step) -> bool:
        """Note what a step takes; False when it ends in an error nobody answers."""
        if step.failures and not self._sound(node, step):
            return False
        taken = step.transitions
        new = tuple(dict.fromkeys(t for t in taken if t in self._untaken))
        self.found.taken.update(taken)
        broken = {f.position for f in step.failures if f.message.startswith("invariant broken: ")} - self._broken
        self._broken |= broken
        if new or broken:
            for t in new:
                self._untaken.pop(t)
                self._near_by.pop(t, None)
            self.last_news = self.steps
            self._later = self.steps + _LATER
            self.found.paths.append(self.path(node, takes=new))
            if self._progress is not None:
                self._progress(len(self._transitions) - len(self._untaken), len(self._transitions))
        if not self._visited.issuperset(step.entered):
            self._visited.update(step.entered)
            self._near_by = {t: None for t in self._untaken if self._transitions[t].source.id in self._visited}
        if node.machine.done or not self._is_new(node):
            return True
        if node.crowd > self.variants:
            self._aside.append(node)
        else:
            self.push(node)
            for t in [t for t in self._untaken if not self._allowed(node, t) and not self.reach.steps(node.active, t)]:
                if self._offers[t] < _OFFERS:
                    self._offers[t] += 1
                    self._transplant(node, t)
        return True

    def failed(self, node: _Node, error: EngineError) -> None:
        """A path that never ends is one to show."""
        if str(error) not in self._endless:
            self._endless.add(str(error))
            self.found.paths.append(self.path(node))

    def _sound(self, node: _Node, step: Step) -> bool:
        errors = self.unanswered(step)
        for failure in errors:
            self.found.errors.setdefault(f"{failure.position}: {failure.message}", str(node.world))
        return not errors

    def _is_new(self, node: _Node) -> bool:
        exact = self.situation(node)
        if exact in self._seen:
            return False
        self._seen.add(exact)
        place, group, values = exact
        gaps = self._atoms_cache.get((group, values))
        if gaps is None:
            gaps = self._atoms_cache[(group, values)] = self._distances(node)
        place = (place, group)
        nearer = False
        for number, gap in enumerate(gaps):
            if gap < self._nearest.get((place, number), FAR):
                nearer = bool(gap) or nearer
                self._nearest[(place, number)] = gap
        alike = (place, tuple([gap == 0 for gap in gaps]))
        self._crowds[alike] += 1
        node.crowd = 0 if nearer else self._crowds[alike]
        return True

    def _distances(self, node: _Node) -> tuple[float, ...]:
        """From every condition on data."""
        where = Situation(dict(node.machine.data), node.group.all, node.active)
        gaps = []
        for number, (atom, names) in enumerate(self.reach.atoms):
            key = (number, node.group.number, values_of(where.data, names))
            gap = self._atom_cache.get(key)
            if gap is None:
                gap = self._atom_cache[key] = distance(atom, where)
            gaps.append(gap)
        return tuple(gaps)

    # ------------------------------------------------------------ how promising

    def score(self, node: _Node, aim: str) -> float:
        """The distance to the transition aimed at, and more where much alike was tried."""
        if not self._allowed(node, aim):
            return NEVER
        near = self._near(node, aim)
        if near >= NEVER:
            return NEVER
        # Many configurations differ only in regions this transition does not ask: after a few of them, go deeper
        # (wide stimuli) rather than through all the others.
        near += 0.05 * self._alike_tried[(aim, near, node.stage)]
        return (
            near + 0.5 * node.crowd + 0.02 * node.depth + 0.3 * node.stage + self._penalties.get(node.group.number, 0.0)
        )

    def _near(self, node: _Node, transition: str) -> float:
        """How far a situation is from taking a transition."""
        steps = self.reach.steps(node.active, transition)
        if steps >= FAR:
            return NEVER
        gap = node.gaps.get(transition)
        if gap is None:
            gap = node.gaps[transition] = self._gap(node, transition)
        if gap >= FAR:
            return NEVER
        return steps + 6.0 + gap + 0.5 * min(self.reach.setting(node.active, transition), 20.0) if gap else steps

    def _allowed(self, node: _Node, transition: str) -> bool:
        key = (transition, node.group.number)
        known = self._allowed_cache.get(key)
        if known is None:
            where = Situation({}, node.group.all, frozenset())
            known = self._allowed_cache[key] = self.reach.allowed(transition, where)
        return known

    def _gap(self, node: _Node, transition: str) -> float:
        names = self.reach.deciding[transition]
        if not names:
            return 0.0
        key = (transition, node.group.number, values_of(node.machine.data, names), node.active)
        known = self._gap_cache.get(key)
        if known is None:
            known = self._gap_cache[key] = self.reach.data(transition, node.where)
        return known

    def _transplant(self, node: _Node, target: str) -> None:
        """Go the same way once more with parameters that the guard of ``target`` asks for."""
        for choice in self.stimuli.parameters_for(self._transitions[target], node.where):
            change = {name: value for name, value in choice.items() if node.group.all[name] != value}
            key = (target, repr(change))
            bad = any(type_error(v, self.chart.parameters[name].type) for name, v in change.items())
            if not bad and change and self._transplanted[key] < 3:
                self._transplanted[key] += 1
                self.replayed(node, change)

    # ------------------------------------------------------------ what was not taken

    def _why(self, transition: str) -> str:
        source = self._transitions[transition].source.id
        if source and source not in self._visited:
            return f"the state {source} was never entered"
        limit = "all situations found were tried" if self._exhausted else f"search stopped after {self.steps} steps"
        return f"its guard held in no situation found, or another transition came first ({limit})"
