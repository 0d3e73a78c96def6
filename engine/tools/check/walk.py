"""Every expression, action and event of a chart with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from engine.language.expr import tree
from engine.language.expr.tree import Expr
from engine.language.expr.walk import within
from engine.language.model import (
    Action,
    Assign,
    Block,
    CallAction,
    Cancel,
    Chart,
    Foreach,
    If,
    Invoke,
    Log,
    Raise,
    Send,
    Spawn,
    State,
    Stop,
    Transition,
)
from engine.language.position import Position

Given = tuple[tuple[Expr | None, bool], ...]  # conditions that hold where an expression is evaluated


@dataclass(frozen=True, slots=True)
class Use:
    """An expression at its place. ``given``: what is known to hold there; ``role``: guard, assigned, value, …"""

    expr: Expr
    role: str
    about: State | Transition | None
    position: Position
    given: Given = ()


@dataclass(slots=True)
class Uses:
    """Everything a chart does, in document order."""

    expressions: list[Use] = field(default_factory=list)
    actions: list[tuple[Action, State | Transition | None]] = field(default_factory=list)


MAX_RIVALS = 20
"""Earlier transitions that one is held against: a state with thousands for one event is checked in bounded time. Fewer
can only mean fewer findings."""


def collect(chart: Chart) -> Uses:
    """All expressions and actions of a chart."""
    uses = Uses()
    for parameter in chart.parameters.values():
        if parameter.default is not None:
            uses.expressions.append(Use(parameter.default, "value", None, parameter.position))
    for item in chart.data.values():
        if item.initial is not None:
            uses.expressions.append(Use(item.initial, "value", None, item.position))
    _block(uses, chart.script, None, ())
    for state in chart.root.walk():
        _state(uses, state)
    return uses


def _state(uses: Uses, state: State) -> None:
    def value(expr: Expr | None, position: Position, role: str = "value") -> None:
        if expr is not None:
            uses.expressions.append(Use(expr, role, state, position))

    for invariant in (*state.invariants, *state.joint_invariants):
        value(invariant.condition, invariant.position, "invariant")
    for block in (*state.entry, *state.exit):
        _block(uses, block, state, ())
    for timer in state.timers:
        value(timer.delay, timer.position)
    for invoke in state.invokes:
        _invoke(uses, invoke, state)
    for _, expr in state.output:
        value(expr, state.position)
    value(state.output_content, state.position)
    for extra in (state.initial, state.history_default):
        if extra is not None:
            _block(uses, extra.actions, state, ())
    earlier: list[Transition] = []
    for transition in state.transitions:
        rivals = (t.guard for t in reversed(earlier) if t.guard is not None and _same_trigger(t, transition))
        given: Given = tuple((guard, False) for guard in reversed(list(islice(rivals, MAX_RIVALS))))
        if transition.guard is not None:
            uses.expressions.append(Use(transition.guard, "guard", transition, transition.position, given))
        _block(uses, transition.actions, transition, tuple(_lasting((*given, (transition.guard, True)))))
        earlier.append(transition)


def _lasting(given: Given) -> Iterator[tuple[Expr | None, bool]]:
    """What of the guards still holds in the actions, when the states of before are left and children may have gone."""
    for guard, wanted in given:
        if isinstance(guard, tree.BoolOp) and (guard.op == "and") is wanted:
            yield from _lasting(tuple((operand, wanted) for operand in guard.operands))
        elif guard is None or not any(isinstance(e, (tree.InState, tree.Alive)) for e in within(guard)):
            yield guard, wanted


def _same_trigger(a: Transition, b: Transition) -> bool:
    return a.descriptors == b.descriptors and a.timer == b.timer


def _invoke(uses: Uses, invoke: Invoke, state: State) -> None:
    for expr in (invoke.source, *(expr for _, expr in invoke.input)):
        if expr is not None:
            uses.expressions.append(Use(expr, "value", state, invoke.position))
    _block(uses, invoke.finalize, state, ())


def _block(uses: Uses, block: Block, about: State | Transition | None, given: Given) -> None:
    for action in block:
        uses.actions.append((action, about))
        role = "assigned" if isinstance(action, Assign) else "value"
        for expr in _expressions(action):
            uses.expressions.append(Use(expr, role, about, action.position, given))
        if isinstance(action, If):
            before: Given = ()
            for guard, body in action.branches:
                if guard is not None:
                    uses.expressions.append(Use(guard, "branch", about, action.position, (*given, *before)))
                _block(uses, body, about, (*given, *before, (guard, True)))
                before = (*before, (guard, False)) if guard is not None else before
        elif isinstance(action, Foreach):
            _block(uses, action.body, about, _without(given, assigned(action)))
        given = _without(given, assigned(action))


def assigned(action: Action) -> set[str]:
    """The data items that an action assigns."""
    match action:
        case Assign(name=name):
            return {name}
        case Send(id_location=str() as name):
            return {name}
        case If(branches=branches):
            return {name for _, body in branches for inner in body for name in assigned(inner)}
        case Foreach(item=item, index=index, body=body):
            own = {item} if index is None else {item, index}
            return own | {name for inner in body for name in assigned(inner)}
    return set()


def _without(given: Given, names: set[str]) -> Given:
    """What still holds after these names were assigned."""
    return tuple(
        (guard, wanted)
        for guard, wanted in given
        if guard is None or not any(isinstance(e, tree.Variable) and e.name in names for e in within(guard))
    )


def _expressions(action: Action) -> Iterator[Expr]:
    match action:
        case Assign(value=value):
            yield value
        case Raise(data=data):
            yield from (expr for _, expr in data)
        case Send():
            optional = (action.target, action.key, action.content, action.delay, action.type)
            yield action.event
            yield from (expr for expr in optional if expr is not None)
            yield from (expr for _, expr in action.data)
        case Cancel(id=id_):
            yield id_
        case Log(parts=pieces):
            yield from pieces
        case Foreach(array=array):
            yield array
        case CallAction(args=args):
            yield from (expr for _, expr in args)
        case Spawn(key=key, input=given):
            yield from (expr for _, expr in given)
            if key is not None:
                yield key
        case Stop(key=key):
            if key is not None:
                yield key
