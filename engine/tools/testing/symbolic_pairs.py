"""Which transitions can follow which: every pair that any run could take, and some that none does.

The chart is run with open values (:mod:`engine.tools.testing.symbolic_values`), along every way through every
macrostep. Each real run is among these, so a pair seen in none of them is impossible. The data kept between two
macrosteps is finite: truth values, names of enumerations, constants. Computed numbers are open.

It gives up where nothing can be said: imported charts without types, reactions to ``error.execution`` (any action might
fail), too many situations.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.language.expr import tree
from engine.language.model import Assign, Chart, If, Transition
from engine.language.traverse import walk_blocks
from engine.semantics.compiled.symbols import expressions
from engine.semantics.shared import name_matches
from engine.tools.check.logic import satisfiable
from engine.tools.explore.path import Pair
from engine.tools.explore.reach import Reach
from engine.tools.explore.stimuli import Stimuli
from engine.tools.testing.symbolic_values import FINITE, GiveUp, OpenMachine, Place, variables_in

_FORKS = 4_000  # ways through one macrostep
APART = "the second's state is never active after the first"
GUARD = "the second's guard is false whenever the first was the last"
BETWEEN = "another transition always comes between"
PARAMETERS = "the two ask different parameters"


@dataclass(slots=True)
class Possible:
    """Which transition can follow which. ``pairs``: every pair that any run could take, and perhaps more."""

    pairs: set[Pair] = field(default_factory=set)
    together: set[Pair] = field(default_factory=set)  # the source of the second may be active after the first
    asked: set[Pair] = field(default_factory=set)  # and is when the first was the last of its step
    enabled: set[Pair] = field(default_factory=set)  # and its guard may hold then
    otherwise: set[Pair] = field(default_factory=set)  # no parameters let a machine take both
    # From a configuration: the transitions a macrostep may end with and the configuration it leads to; and the pairs
    # that lie one macrostep ahead, by their first.
    leads: dict[frozenset[str], set[tuple[str, frozenset[str]]]] = field(default_factory=dict)
    chances: dict[frozenset[str], dict[str, set[str]]] = field(default_factory=dict)
    places: int = 0

    def why_not(self, pair: Pair) -> str:
        """The reason why a pair is impossible; '' when it may be possible."""
        if pair in self.pairs:
            return ""
        if pair not in self.together:
            return APART
        if pair in self.otherwise:
            return PARAMETERS
        return GUARD if pair in self.asked and pair not in self.enabled else BETWEEN


def possible_pairs(chart: Chart, stimuli: Stimuli, limit: int = 100_000) -> Possible | None:
    """All pairs that may be possible; None where nothing can be said. ``limit``: macrosteps to try.

    It keeps as much data as the limit allows: everything conditions read, or only names and truth values, or none.
    """
    if chart.untyped or _answers_errors(chart) or any(i.finalize for s in chart.root.walk() for i in s.invokes):
        return None
    asked = frozenset(_asked(chart))
    named = frozenset(name for name in asked if chart.data[name].type.kind in FINITE)
    found = None
    for tracked in (named, frozenset[str]()):
        try:
            search = _Search(chart, stimuli, tracked, limit)
            found = search.run()
            break
        except GiveUp:
            continue
    if found is not None and tracked == named != asked and search.steps < limit // 20:
        with contextlib.suppress(GiveUp):
            found = _Search(chart, stimuli, asked, limit // 2).run()
    if found is not None:
        reach = Reach(chart)
        found.otherwise = {p for p in found.pairs if not satisfiable([(g, True) for t in p for g in reach.fixed[t]])}
        found.pairs -= found.otherwise
    return found


def _answers_errors(chart: Chart) -> bool:
    own = ("error.execution", "error.invariant", "error.communication")
    return any(name_matches(t.descriptors, name) for t in chart.transitions for name in own[:2])


def _asked(chart: Chart) -> set[str]:
    """The data that conditions depend on, through assignments as well."""
    conditions: list[tree.Expr] = [t.guard for t in chart.transitions if t.guard is not None]
    flows: dict[str, set[str]] = {}
    fields = {e.name for e in expressions(chart) if isinstance(e, tree.EventField)}
    for state in chart.root.walk():
        for block in walk_blocks(state):
            for action in block:
                if isinstance(action, If):
                    conditions += [guard for guard, _ in action.branches if guard is not None]
                elif isinstance(action, Assign):
                    flows.setdefault(action.name, set()).update(variables_in(action.value))
                elif (sent := action.sent()) and sent.is_internal:  # what it carries may be asked where it is heard
                    conditions += [value for name, value in sent.data if name in fields]
    todo = [name for condition in conditions for name in variables_in(condition)]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name in chart.data and name not in found:
            found.add(name)
            todo += flows.get(name, ())
    return found


class _Search:
    """Breadth first over places, every way through every macrostep."""

    def __init__(self, chart: Chart, stimuli: Stimuli, tracked: frozenset[str], limit: int) -> None:
        self.chart = chart
        self.stimuli = stimuli
        self.machine = OpenMachine(chart, tracked)
        self.limit = limit
        self.steps = 0
        self.found = Possible()
        self.seen: set[Place] = set()
        self.todo: deque[Place] = deque()
        self.last: dict[Place, set[str]] = {}
        self.first: dict[Place, set[str]] = {}
        self.holding: dict[Place, set[str]] = {}
        self.leads: dict[frozenset[str], set[tuple[str, Place]]] = {}
        self.inside: dict[frozenset[str], set[Pair]] = {}

    def run(self) -> Possible:
        for taken, place in self._ways(None, None):
            self._note(taken, place)
            self._reach(place)
        while self.todo:
            place = self.todo.popleft()
            config = frozenset(s.id for s in place.active)
            leads = self.leads.setdefault(config, set())
            inside = self.inside.setdefault(config, set())
            firsts = self.first[place] = set()
            for trigger in self._triggers(self.stimuli.live(config)):
                for taken, reached in self._ways(place, trigger):
                    if taken:
                        firsts.add(taken[0])
                        inside.update(itertools.pairwise(taken))
                        self._note(taken, reached)
                        self._reach(reached)
                        if reached is not None:
                            leads.add((taken[-1], reached))
        for place, lasts in self.last.items():
            self.found.pairs.update((a, b) for a in lasts for b in self.first.get(place, ()))
            holding = self._holding(place)
            self.found.enabled.update((a, b) for a in lasts for b in holding)
            live = self.stimuli.live(frozenset(s.id for s in place.active))
            self.found.asked.update((a, t.id) for a in lasts for t in live)
        self._look_ahead()
        self.found.together = self.machine.together
        self.found.places = len(self.seen)
        return self.found

    def _look_ahead(self) -> None:
        for config, edges in self.leads.items():
            chances = self.found.chances[config] = {}
            for last, reached in edges:
                chances.setdefault(last, set()).update(self.first.get(reached, ()))
            for first, second in self.inside[config]:
                chances.setdefault(first, set()).add(second)
            self.found.leads[config] = {(a, frozenset(s.id for s in place.active)) for a, place in edges}

    def _note(self, taken: tuple[str, ...], reached: Place | None) -> None:
        self.found.pairs.update(itertools.pairwise(taken))
        if taken and reached is not None:
            self.last.setdefault(reached, set()).add(taken[-1])

    def _reach(self, place: Place | None) -> None:
        if place is not None and place.running and place not in self.seen:
            self.seen.add(place)
            self.todo.append(place)

    def _triggers(self, live: Iterable[Transition]) -> Iterator[tuple[str, str]]:
        """Timers, and of the events that the same transitions hear one; and an event nobody hears."""
        yield "", ""
        groups: set[tuple[str, ...]] = set()
        for t in live:
            if t.timer is not None and (t.timer,) not in groups:
                groups.add((t.timer,))
                yield "", t.timer
        for name in self.stimuli.names:
            heard = tuple(t.id for t in live if t.id in self.stimuli.hearing[name])
            if heard and heard not in groups:
                groups.add(heard)
                yield name, ""

    def _ways(
        self, place: Place | None, trigger: tuple[str, str] | None
    ) -> Iterator[tuple[tuple[str, ...], Place | None]]:
        """Every way through one macrostep: the transitions taken, and where it ends (None: where it was before)."""
        choices: list[list[int]] = []
        for _ in range(_FORKS):
            self.steps += 1
            if self.steps > self.limit:
                raise GiveUp
            yield self.machine.go(place, trigger, choices)
            while choices and choices[-1][0] + 1 >= choices[-1][1]:
                choices.pop()
            if not choices:
                return
            choices[-1][0] += 1
        raise GiveUp

    def _holding(self, place: Place) -> set[str]:
        """Transitions of the active states whose guards are not false here."""
        found = self.holding.get(place)
        if found is None:
            live = self.stimuli.live(frozenset(s.id for s in place.active))
            found = self.holding[place] = {t.id for t in live if self.machine.may_hold(place, t.guard)}
        return found
