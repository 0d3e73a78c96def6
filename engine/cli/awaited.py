"""What a machine waits for: the events that lead it on along the main path of its chart.

Where a guard holds the next step back, it is what makes the guard true: the event that gives its data another value or
reaches the state it asks for. What the parent says to a child is told by the event that makes the parent say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from engine.language.expr import tree
from engine.language.expr.text import to_text
from engine.language.expr.walk import within
from engine.language.model import Chart, State, Transition
from engine.language.traverse import actions_of, assigned
from engine.run import Actor
from engine.run.joint import holds
from engine.tools.diagram.main_path import Spine, spine

_HOPS = 3  # from a guard to what opens it, and on to the parent
_REFUGE = 3  # so many states lead to it: a place where failures end
_GUARD = 40  # characters of a guard that nothing is found for


def awaited(places: Iterable[tuple[Actor, str]]) -> list[str]:
    """The events that lead on from active states, the nearest to the root alone; of failures only where nothing else
    leads on."""
    found = sorted(((one, state) for one, state in places), key=lambda place: place[0].path.count("/"))
    for leads in (_forward, _later, _anywhere):
        for actor, state in found:
            ways = leads(actor, state)
            ways = [way for way in ways if way.descriptors and not _closed(actor, way)] or ways
            told = dict.fromkeys(event for way in ways for event in _opens(actor, way, _HOPS))
            events = [one for name in told for one in _of_child(actor, name)]
            if events:
                return [one for one in events if " " not in one] or events  # conditions, where nothing is said
    return []


def _of_child(actor: Actor, event: str) -> list[str]:
    """The event; what a child waits for where its end is waited for."""
    child = actor.children.get((event.removeprefix("done.invoke."), None))
    if child is None or not event.startswith("done.invoke."):
        return [event]
    active = [one for one in child.machine.configuration if one]
    leaves = [one for one in active if not any(other.startswith(f"{one}.") for other in active)]
    return awaited((child, leaf) for leaf in leaves) or [event]


def _forward(actor: Actor, state: str) -> list[Transition]:
    """The transitions to the next state of the main path."""
    path, chart = _spine(actor.machine.chart), actor.machine.chart
    near = {state, *(one.id for one in chart.states[state].ancestors())}
    aside = chart.states[state] not in path  # who is there waits for what the path waits for
    found = [
        (step, way)
        for way in _ways(actor)
        if aside or way.source.id in near or way.source.id.startswith(f"{state}.")
        for target in way.targets
        if (step := _step(actor, path, target)) is not None
    ]
    next_step = min((step for step, _ in found), default=None)
    ways = [way for step, way in found if step == next_step]
    inmost = max((way.source.id.count(".") for way in ways), default=0)  # it takes an event before those around it
    return [way for way in ways if way.source.id.count(".") == inmost]


def _step(actor: Actor, path: Spine, target: State) -> tuple[int, int] | None:
    """How far out and how far along the main path this is from where the machine is; None: not along it."""
    active = actor.machine.configuration
    line = [*reversed([target, *target.ancestors()])]
    for depth, (place, inside) in enumerate(pairwise(line)):
        if inside.id in active:
            continue
        states = path.inside.get(place, [])
        here = next((number for number, one in enumerate(states) if one.id in active), None)
        if here is not None and inside in states[here + 1 :]:
            return -depth, states.index(inside) - here
        return None
    return None


def _later(actor: Actor, state: str) -> list[Transition]:
    """What leads from inside ``state`` to a state that stands behind it in the file, and not to where many lead."""
    entered = _entered(actor.machine.chart)
    order = {one: number for number, one in enumerate(actor.machine.chart.states)}
    return [
        way
        for way in _inside(actor, state)
        if all(order[t.id] > order[way.source.id] and entered.get(t.id, 0) < _REFUGE for t in way.targets)
    ]


def _anywhere(actor: Actor, state: str) -> list[Transition]:
    return _inside(actor, state)


def _inside(actor: Actor, state: str) -> list[Transition]:
    return [way for way in _ways(actor) if way.source.id == state or way.source.id.startswith(f"{state}.")]


def _ways(actor: Actor) -> Iterator[Transition]:
    """What leads from an active state to another one, but by a timer or an error."""
    active = set(actor.machine.configuration)
    for way in actor.machine.chart.transitions:
        failure = bool(way.descriptors) and all(d.startswith("error.") for d in way.descriptors)
        if way.targets and way.timer is None and not failure and (way.source.id in active or not way.source.id):
            yield way


def _opens(actor: Actor, way: Transition, hops: int) -> Iterator[str]:
    """The events that let it be taken."""
    closed = _closed(actor, way)
    keys = [event for one in closed for event in _turns(actor, one, hops - 1)] if hops else []
    if keys:
        yield from keys
    elif way.descriptors:
        for event in way.written:
            yield from _said(actor, event, hops)
    elif closed:
        text = " and ".join(map(to_text, closed))
        yield text if len(text) <= _GUARD else f"{text[: _GUARD - 1]}…"


def _closed(actor: Actor, way: Transition) -> list[tree.Expr]:
    """The conditions of its guard that do not hold now, whatever an event carries."""
    return [one for one in _conjuncts(way.guard) if _is_of_data(one) and not _holds(one)(actor)]


def _turns(actor: Actor, condition: tree.Expr, hops: int) -> Iterator[str]:
    """The events that give its data another value, or lead to a state that it asks for."""
    parts = list(within(condition))
    names = {part.name for part in parts if isinstance(part, tree.Variable)}
    states = {part.state for part in parts if isinstance(part, tree.InState)}
    active = set(actor.machine.configuration)
    for way in actor.machine.chart.transitions:
        if way.timer is not None or (way.source.id and way.source.id not in active):
            continue
        reached = {one.id for target in way.targets for one in (target, *target.ancestors())} - active
        given = {name for action in way.actions for name in assigned(action)}
        if reached & states or given & names:
            if way.descriptors:
                for event in way.written:
                    yield from _said(actor, event, hops)
            elif hops:
                yield from _opens(actor, way, hops)


def _said(actor: Actor, event: str, hops: int) -> Iterator[str]:
    """The event, or those that make the parent say it."""
    parent, invoke = actor.parent, actor.invoke
    told = actor.machine.chart.events.get(event)
    reasons: dict[str, None] = {}
    if parent is not None and invoke is not None and hops and told is not None and told.direction == "in":
        active = set(parent.machine.configuration)
        for way in parent.machine.chart.transitions:
            if way.source.id and way.source.id not in active:
                continue
            if (way.relays == invoke.id and event in way.descriptors) or _sends(way, event, invoke.id):
                reasons |= {one: None for name in way.written for one in _said(parent, name, hops - 1)}
    asked = f"{invoke.id}." if invoke is not None else ""  # the child's own question is no answer
    others = [one for one in reasons if not one.startswith(asked) or not asked]
    yield from others or (event,)


def _sends(way: Transition, event: str, child: str) -> bool:
    entries = [block for target in way.targets for block in target.entry]
    for action in actions_of((*way.actions, *(action for block in entries for action in block))):
        sent = action.sent()
        if sent is not None and (_text(sent.event), _text(sent.target)) == (event, child):
            return True
    return False


def _text(expr: tree.Expr | None) -> object:
    return expr.value if isinstance(expr, tree.Literal) else None


def _conjuncts(guard: tree.Expr | None) -> tuple[tree.Expr, ...]:
    if isinstance(guard, tree.BoolOp) and guard.op == "and":
        return guard.operands
    return (guard,) if guard is not None else ()


def _is_of_data(condition: tree.Expr) -> bool:
    """Whether it has a value between events."""
    return not any(isinstance(part, (tree.EventField, tree.SystemField)) for part in within(condition))


@lru_cache(maxsize=1024)
def _holds(condition: tree.Expr) -> Callable[[Actor], bool]:
    return holds(condition)


@lru_cache(maxsize=64)
def _spine(chart: Chart) -> Spine:
    return spine(chart)


@lru_cache(maxsize=64)
def _entered(chart: Chart) -> dict[str, int]:
    """From how many states each is entered."""
    sources: dict[str, set[str]] = {}
    for way in chart.transitions:
        for target in way.targets:
            sources.setdefault(target.id, set()).add(way.source.id)
    return {target: len(found) for target, found in sources.items()}
