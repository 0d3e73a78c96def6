"""Which transitions a trigger enables, as a function of C: guards are asked in the order of selectTransitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.language.model import StateKind, Transition
from engine.semantics.compiled.topology import Topology, members
from engine.tools.export.c.design import Design
from engine.tools.export.c.layout import indented


class Selection:
    """The functions for the triggers of one chart. ``tests``: how the guard of a transition is asked; "" for none."""

    def __init__(self, design: Design, tests: dict[Transition, str]) -> None:
        self.design = design
        self.topology = design.topology
        self.tests = tests
        self.own: dict[int, list[Transition]] = {}  # what is heard, by source
        self.rivals = False  # whether one may take another one's place
        self.tried: list[int] = []  # sources that regions share
        self.chains = False  # whether an outer state is asked when an inner one has enabled nothing

    def lines(self, heard: Iterable[Transition]) -> list[str]:
        """The statements of a function with the arguments ``chart`` and ``all``; none when nothing is heard."""
        self.own = {}
        for t in sorted(heard, key=lambda t: self.design.transitions.index(t)):
            self.own.setdefault(self.topology.number[t.source], []).append(t)
        if not self.own:
            return []
        all_of_them = [t for own in self.own.values() for t in own]
        self.rivals = self._rivals(all_of_them)
        self.tried, self.chains = [], False
        body = [*self._asked(0, ()), "return all;"]
        lines = ["uint16_t *const first = all;"] if self.rivals else []
        if not self.chains:
            return [*lines, *(line for line in body if line.strip() not in ("found = true;", "found = false;"))]
        lines.append("bool found = false;")
        for number in self.tried:
            lines += [f"bool tried_{number} = false;", f"bool found_{number} = false;"]
        return [*lines, *body]

    def most(self, heard: Iterable[Transition]) -> int:
        """How many transitions a trigger may enable at once."""
        own = {self.topology.number[t.source] for t in heard}
        return greatest(self.topology, lambda number: int(number in own))

    # ------------------------------------------------------------ one state and what is inside

    def _asked(self, number: int, outer: Sequence[int]) -> list[str]:
        """What is asked while a state is active. ``outer``: sources that each atomic state inside goes on to."""
        kind = self.topology.states[number].kind
        inner = [c for c in self.topology.substates(number) if self._concerns(c)]
        beyond = [number, *outer] if number in self.own else [*outer]
        if kind is StateKind.PARALLEL and inner:
            lines: list[str] = []
            others = False
            for region in self.topology.substates(number):
                if region not in inner:
                    if others or not beyond:
                        continue  # it asks the same, which has been asked
                    others = True
                part = self._asked(region, beyond) if region in inner else self._shared(beyond)
                lines += [*(["found = false;"] if beyond or _uses_found(part) else []), *part]
            return lines
        if kind is StateKind.COMPOUND and inner and beyond and any(self._splits(c) for c in inner):
            return self._each(number, beyond)
        lines = self._one_of(self._sources_inside(number), ())
        if number in self.own:
            lines += self._unless_found(self._ladder(number), bool(inner))
        return lines + self._shared(outer)

    def _each(self, number: int, beyond: Sequence[int]) -> list[str]:
        """A state that several atomic states inside may come to: each of them goes on to it by itself."""
        branches = [
            (child, self._asked(child, beyond)) for child in self.topology.substates(number) if self._concerns(child)
        ]
        rest = len(branches) < len(self.topology.substates(number))
        return self._branches(branches, self._shared(beyond) if rest else ())

    def _one_of(self, sources: Sequence[int], otherwise: Sequence[str]) -> list[str]:
        return self._branches([(one, self._asked(one, ())) for one in sources], otherwise)

    def _branches(self, branches: Sequence[tuple[int, list[str]]], otherwise: Sequence[str]) -> list[str]:
        lines: list[str] = []
        for at, (number, part) in enumerate(branches):
            state = self.design.state_name(self.topology.states[number].id)
            lines += [f"{'} else ' if at else ''}if (chart_in(chart, {state})) {{", *indented(part)]
        if not branches:
            return list(otherwise)
        last = ["} else {", *indented(otherwise or ["/* nothing hears it */"])]
        return [*lines, *(last if otherwise or len(branches) > 1 else []), "}"]

    def _sources_inside(self, number: int) -> list[int]:
        """States inside of which one at most is active: those that are asked next."""
        found: list[int] = []
        for child in self.topology.substates(number):
            if child in self.own or (self.topology.states[child].kind is StateKind.PARALLEL and self._concerns(child)):
                found.append(child)
            elif self._concerns(child):
                found += self._sources_inside(child)
        return found

    # ------------------------------------------------------------ sources

    def _ladder(self, number: int) -> list[str]:
        """The transitions of a state, the first one that holds."""
        lines: list[str] = []
        for t in self.own[number]:
            test = self.tests.get(t, "")
            number_of_it = self.design.transitions.index(t)
            taken = [f"*all = {number_of_it}U;", "all++;"]
            if self.rivals:
                taken = [f"all = chart_compete(chart, first, all, {number_of_it}U);"]
            taken.append("found = true;")
            if not test:
                return [*lines, "} else {", *indented(taken), "}"] if lines else taken
            lines += [f"{'} else ' if lines else ''}if ({test}) {{", *indented(taken)]
        return [*lines, *(["} else {", "    /* none holds */"] if len(self.own[number]) > 1 else []), "}"]

    def _unless_found(self, lines: list[str], asked: bool) -> list[str]:
        if not asked:
            return lines
        self.chains = True
        return ["if (!found) {", *indented(lines), "}"]

    def _shared(self, sources: Sequence[int]) -> list[str]:
        """Sources that several atomic states come to: each is asked once, by the first one whose inner states have
        enabled nothing."""
        lines: list[str] = []
        for number in sources:
            self.chains = True
            if number not in self.tried:
                self.tried.append(number)
            once = ["if (!found) {", f"    if (!tried_{number}) {{", f"        tried_{number} = true;"]
            once += indented(indented(self._ladder(number)))
            lines += [*once, f"        found_{number} = found;", "    }", f"    found = found_{number};", "}"]
        return lines

    # ------------------------------------------------------------ what the chart says

    def _concerns(self, number: int) -> bool:
        inside = self.topology.below[number] | 1 << number
        return any(inside >> one & 1 for one in self.own)

    def _splits(self, number: int) -> bool:
        """Whether a parallel state, this one or one inside, has sources in its regions."""
        inside = self.topology.below[number] | 1 << number
        return any(
            self.topology.states[one].kind is StateKind.PARALLEL
            and any(self._concerns(region) for region in self.topology.substates(one))
            for one in members(inside)
        )

    def _rivals(self, heard: Sequence[Transition]) -> bool:
        """Whether two of them, enabled in two regions, would leave the same states."""
        return any(
            self._together(self.topology.number[one.source], self.topology.number[other.source])
            and self._meet(one, other)
            for at, one in enumerate(heard)
            for other in heard[at + 1 :]
        )

    def _together(self, one: int, other: int) -> bool:
        """Whether transitions of both may be enabled at once: from atomic states in different regions."""
        above = [one, *self.topology.ancestors(one)]
        common = next(number for number in [other, *self.topology.ancestors(other)] if number in above)
        if self.topology.states[common].kind is StateKind.PARALLEL:
            return one != other
        if common not in (one, other) or one == other:
            return False
        inner = other if common == one else one
        between = [number for number in self.topology.ancestors(inner) if self.topology.below[common] >> number & 1]
        return any(self.topology.states[number].kind is StateKind.PARALLEL for number in between)

    def _meet(self, one: Transition, other: Transition) -> bool:
        first, second = (self.topology.domain(t, self.topology.no_history) for t in (one, other))
        if first < 0 or second < 0:
            return False
        inside = [self.topology.below[number] | 1 << number for number in (first, second)]
        return bool(inside[0] >> second & 1 or inside[1] >> first & 1)


def _uses_found(lines: Sequence[str]) -> bool:
    return any("!found" in line for line in lines)


def greatest(topology: Topology, of: Callable[[int], int], number: int = 0) -> int:
    """The most that transitions from these states make together, when each active atomic state takes one: ``of`` a
    state, its greatest. Regions add up, and one region may take what is outside when another one does not."""
    parts = [greatest(topology, of, child) for child in topology.substates(number)]
    inner = sum(parts) if topology.states[number].kind is StateKind.PARALLEL else max(parts, default=0)
    split = any(
        topology.states[one].kind is StateKind.PARALLEL for one in members(topology.below[number] | 1 << number)
    )
    return inner + of(number) if split else max(inner, of(number))
