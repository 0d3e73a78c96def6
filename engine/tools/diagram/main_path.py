"""The main path through the states of a composite: as the chart's ``main`` says, else found from the chart alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from engine.language.model import Chart, State, StateKind

Pair = tuple[State, State]


def main_path(chart: Chart, children: Sequence[State], start: State | None, pairs: Collection[Pair]) -> list[State]:
    """The states of ``children`` that a run which goes well passes, in its order.

    ``pairs`` are the arrows among them, each once. Of what the chart names in ``main`` those that are here count;
    where it names none, the longest chain of arrows that lead forward in the file, from ``start`` to an end: a final
    state, one that leads back into the chain, or one with no way to another. Of equally long ones it is the one that
    the fewest arrows lead to, since what many lead to is where things go when they fail; then one to a final state.
    """
    named = _named(chart, children)
    if named:
        return named
    return _longest(children, start, pairs) if start is not None else []


def _named(chart: Chart, children: Sequence[State]) -> list[State]:
    found: dict[State, None] = {}
    for state in chart.main:
        found.update(dict.fromkeys(s for s in (state, *state.ancestors()) if s in children))
    return list(found)


def _longest(children: Sequence[State], start: State, pairs: Collection[Pair]) -> list[State]:
    place = {state: number for number, state in enumerate(children)}
    arriving = Counter(target for _, target in pairs)
    paths: dict[State, list[State]] = {start: [start]}

    def rank(path: list[State]) -> tuple[int, int, bool, int]:
        arrivals = sum(arriving[state] for state in path)
        return len(path), -arrivals, path[-1].kind is StateKind.FINAL, -place[path[-1]]

    for state in children:
        for source, target in pairs:
            if source is state and state in paths and place[target] > place[state]:
                longer = [*paths[state], target]
                if target not in paths or rank(longer) > rank(paths[target]):
                    paths[target] = longer
    going = {source for source, _ in pairs}
    ends = [path for path in paths.values() if _is_end(path, going, pairs)]
    return max(ends or paths.values(), key=rank)


def _is_end(path: list[State], going: Collection[State], pairs: Collection[Pair]) -> bool:
    *before, last = path
    return last.kind is StateKind.FINAL or last not in going or any((last, state) in pairs for state in before)
