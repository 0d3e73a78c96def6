"""What ends or interrupts the main path: a panel that lists it by where it leads.

These are the transitions of the composites that the path runs through, taken in whatever state of the path the chart
is, and the events on which such a composite raises another that one of its regions takes. The ways of the states on the
path stand beside these and are not repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise

from engine.language.model import Chart, Raise, State, StateKind, Transition
from engine.tools.diagram import describe
from engine.tools.diagram.causes import LINE, cause_lines
from engine.tools.diagram.graph import Line, Node, Shape
from engine.tools.diagram.main_path import Spine
from engine.tools.diagram.text import shorten

_FEW = 3  # so few arrows need no panel


def ends(chart: Chart, path: Spine, opened: Collection[State], line: int = LINE) -> Node | None:
    """The panel, for the composites of the path that are ``opened`` on the sheet; None when it would say hardly more
    than the arrows."""
    found: dict[State, dict[tuple[str, str], list[Transition]]] = {}
    anywhere = _anywhere(chart, path)
    places = [place for place in path.inside if place in opened]
    steps = {step for states in path.inside.values() for step in pairwise(states)}
    for place in places:
        for transition, target in (*_leaving(place), *_raised(place)):
            if any((place, state) in steps for state in (target, *target.ancestors())):
                continue
            cause = "" if place in anywhere else place.name, describe.trigger_text(chart, transition)
            found.setdefault(target, {}).setdefault(cause, []).append(transition)
    if len(places) <= len(anywhere) or sum(map(len, found.values())) < _FEW:
        return None
    sections = [[Line("What ends or interrupts it", "title")]]
    for target in sorted(found, key=lambda state: state.order):
        sections.append([Line("", "text", to=shorten(_called(target, path), line + 2))])
        for (inside, text), cases in found[target].items():
            sections[-1] += cause_lines(inside, text, cases, most=len(cases), line=line)
    return Node("(ends)", Shape.BOX, sections, css="panel")


def _anywhere(chart: Chart, path: Spine) -> list[State]:
    """The composites that hold all of the path."""
    found = [chart.root]
    while found[-1].kind is StateKind.PARALLEL:
        found.append(path.inside[found[-1]][0])
    return found


def _called(target: State, path: Spine) -> str:
    """Its name, with its region's where that is beside the path, and what it is."""
    home = target.parent
    beside = home is not None and home not in path.inside and home.parent is not None
    name = f"{home.name}.{target.name}" if beside and home is not None else target.name
    title = target.title or (home.title if beside and home is not None else "")
    return f"{name}: {title}" if title and title.lower() != target.name.lower() else name


def _leaving(place: State) -> Iterator[tuple[Transition, State]]:
    for transition in place.transitions:
        for target in transition.targets:
            yield transition, target


def _raised(place: State) -> Iterator[tuple[Transition, State]]:
    """Its transitions that stay and raise an event, with where that leads in another of its regions."""
    if place.kind is not StateKind.PARALLEL:
        return
    for transition in place.transitions:
        names = {a.event for a in transition.actions if isinstance(a, Raise)} if not transition.targets else set()
        for state in place.walk():
            for taken in state.transitions:
                if names & set(taken.descriptors):
                    for target in taken.targets:
                        yield transition, target
