"""The main path: the states that a run which goes well passes, as the chart's ``main`` says, else found from the chart.

Found is, composite by composite, the chain of arrows with the most good steps. A step is none when all its causes are
timeouts or errors, or when it leads to a state that is entered from anywhere or from many places: that is where things
go when they fail. Of parallel regions without a name in ``main`` the one with the most states counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.language.model import Chart, State, StateKind, Transition

Pair = tuple[State, State]
_HISTORY = (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)
_MANY = 3  # so many states lead to it: a place where failures end


@dataclass(slots=True)
class Spine:
    """The main path of a chart: of each composite that it runs through, the states inside that it passes, in order.
    ``ways``: see :func:`all_ways`."""

    inside: dict[State, list[State]] = field(default_factory=dict)
    ways: Mapping[State, Mapping[Pair, Sequence[Transition]]] = field(default_factory=dict)

    def __contains__(self, state: State) -> bool:
        return any(state in states for states in self.inside.values()) or state in self.inside


def spine(chart: Chart) -> Spine:
    """The main path from the root inwards."""
    ways = all_ways(chart)
    found, waiting = Spine(ways=ways), [chart.root]
    while waiting:
        state = waiting.pop()
        found.inside[state] = path_of(chart, state, ways)
        waiting += [one for one in found.inside[state] if one.children]
    return found


def path_of(chart: Chart, place: State, ways: Mapping[State, Mapping[Pair, Sequence[Transition]]]) -> list[State]:
    """The path through one composite, whether or not the main path runs through it."""
    children = [child for child in place.children if child.kind not in _HISTORY]
    named = _named(chart, children)
    if named:
        return named
    if place.kind is StateKind.PARALLEL:
        return [max(children, key=lambda child: len(list(child.walk())))] if children else []
    start = _start(place, children)
    return _best(children, start, ways.get(place, {}), place) if start is not None else []


def all_ways(chart: Chart) -> dict[State, dict[Pair, list[Transition]]]:
    """Of each composite, the transitions between two of its states, or from itself to one, whatever is inside them."""
    found: dict[State, dict[Pair, list[Transition]]] = defaultdict(lambda: defaultdict(list))
    for transition in chart.transitions:
        source = [*reversed([transition.source, *transition.source.ancestors()])]
        for target in transition.targets:
            end = [*reversed([target, *target.ancestors()])]
            depth = next((i for i, (a, b) in enumerate(zip(source, end, strict=False)) if a is not b), 0)
            if depth:
                found[source[depth - 1]][source[depth], end[depth]].append(transition)
            elif len(end) > len(source):
                found[transition.source][transition.source, end[len(source)]].append(transition)
    return found


def _named(chart: Chart, children: Sequence[State]) -> list[State]:
    found: dict[State, None] = {}
    for state in chart.main:
        found.update(dict.fromkeys(s for s in (state, *state.ancestors()) if s in children))
    return list(found)


def _start(place: State, children: Sequence[State]) -> State | None:
    targets = place.initial.targets if place.initial else ()
    return next((s for t in targets for s in (t, *t.ancestors()) if s in children), None)


def _best(
    children: Sequence[State], start: State, ways: Mapping[Pair, Sequence[Transition]], place: State
) -> list[State]:
    place_of = {state: number for number, state in enumerate(children)}
    pairs = [pair for pair in ways if pair[0] in place_of and pair[1] in place_of and pair[0] is not pair[1]]
    entered: dict[State, int] = defaultdict(int)
    for _, target in pairs:
        entered[target] += 1
    anywhere = {target for source, target in ways if source is place}

    def is_good(pair: Pair) -> bool:
        refuge = pair[1] in anywhere or entered[pair[1]] >= _MANY
        return not refuge and not all(map(is_failure, ways[pair]))

    def rank(path: list[State]) -> tuple[int, int, int, bool, int]:
        good = sum(is_good(pair) for pair in pairwise(path))
        arrivals = sum(entered[state] for state in path)
        return good, good - len(path), -arrivals, path[-1].kind is StateKind.FINAL, -place_of[path[-1]]

    paths: dict[State, list[State]] = {start: [start]}
    for state in children:
        for source, target in pairs:
            if source is state and state in paths and place_of[target] > place_of[state]:
                longer = [*paths[state], target]
                if target not in paths or rank(longer) > rank(paths[target]):
                    paths[target] = longer
    going = {source for source, _ in pairs}
    ends = [path for path in paths.values() if _is_end(path, going, pairs)]
    return max(ends or paths.values(), key=rank)


def is_failure(transition: Transition) -> bool:
    """Whether it is taken when something is not as it should be: a time is up, an adapter or a child has failed."""
    return transition.timer is not None or (
        bool(transition.descriptors) and all(d.startswith("error.") for d in transition.descriptors)
    )


def _is_end(path: list[State], going: Collection[State], pairs: Collection[Pair]) -> bool:
    *before, last = path
    return last.kind is StateKind.FINAL or last not in going or any((last, state) in pairs for state in before)
