"""Every expression, action and event of a chart with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from engine.language.expr import tree
from engine.language.expr.tree import Expr
from engine.language.expr.walk import within
from engine.language.model import Action, Assign, Block, Chart, If, Invoke, State, Transition
from engine.language.position import Position
from engine.language.traverse import assigned, expressions_of

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
        for expr in expressions_of(action):
            uses.expressions.append(Use(expr, role, about, action.position, given))
        if isinstance(action, If):
            before: Given = ()
            for guard, body in action.branches:
                if guard is not None:
                    uses.expressions.append(Use(guard, "branch", about, action.position, (*given, *before)))
                _block(uses, body, about, (*given, *before, (guard, True)))
                before = (*before, (guard, False)) if guard is not None else before
        else:
            for body in action.bodies():
                _block(uses, body, about, _without(given, assigned(action)))
        given = _without(given, assigned(action))


def _without(given: Given, names: set[str]) -> Given:
    """What still holds after these names were assigned."""
    return tuple(
        (guard, wanted)
        for guard, wanted in given
        if guard is None or not any(isinstance(e, tree.Variable) and e.name in names for e in within(guard))
    )
