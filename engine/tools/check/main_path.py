"""Whether the path that the chart's ``main`` names can be walked: a transition leads from each step to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise

from engine.language.model import Chart, State, StateKind, Transition
from engine.tools.check.findings import Finding, Found
from engine.tools.check.static_facts import HISTORY, contains


def gaps(chart: Chart) -> Iterator[Found]:
    """C111: of each composite that the main path runs through, neighbours between which nothing leads.

    A way may begin anywhere inside the one, or in a state around both, and end anywhere inside the other, by default or
    by a history; states that are left at once may lie between, and one that the path has passed before: it is not named
    twice."""
    for place in chart.root.walk():
        if place.kind is StateKind.PARALLEL or not place.children:
            continue
        steps = _steps(chart, place)
        for number, (one, other) in enumerate(pairwise(steps)):
            if not _leads(chart, one, other, steps[:number]):
                message = (
                    f"no transition leads from '{one.id}' to '{other.id}' of the main path: was a state put between?"
                )
                yield Found(Finding("C111", chart.name, one.id, message, one.position), one)


def _steps(chart: Chart, place: State) -> list[State]:
    """The states right inside ``place`` that the path passes, in its order."""
    passed = (one for state in chart.main for one in (state, *state.ancestors()) if one.parent is place)
    return list(dict.fromkeys(passed))


def _leads(chart: Chart, one: State, other: State, before: Collection[State]) -> bool:
    """Whether a way from ``one`` ends in ``other``, past junctions and at most one of the steps ``before``."""
    seen, waiting = {one}, [one]
    while waiting:
        here = waiting.pop()
        for way in chart.transitions:
            if not (contains(here, way.source) or contains(way.source, here)):
                continue
            for target in way.targets:
                if _enters(target, other):
                    return True
                again = [step for step in before if contains(step, target)] if here is one else []
                for between in [target] if _is_junction(target) else again:
                    if between not in seen:
                        seen.add(between)
                        waiting.append(between)
    return False


def _enters(target: State, wanted: State) -> bool:
    """Whether ``wanted`` is entered with ``target``: around it, by default, or as a history remembers."""
    if contains(wanted, target):
        return True
    if target.kind in HISTORY:
        return target.parent is not None and contains(target.parent, wanted)
    if not contains(target, wanted):
        return False
    if target.kind is StateKind.PARALLEL:
        return any(_enters(region, wanted) for region in target.children)
    return target.initial is not None and any(_enters(one, wanted) for one in target.initial.targets)


def _is_junction(state: State) -> bool:
    """Whether it is left at once, whatever comes."""

    def at_once(way: Transition) -> bool:
        return not way.descriptors and way.timer is None

    return bool(state.transitions) and all(map(at_once, state.transitions)) and not state.children
