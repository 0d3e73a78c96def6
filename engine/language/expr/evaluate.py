"""The reference evaluator: walks an expression tree, node by node, in the order it is written.

The reference interpreter runs on it and the compiled core is compared with it, so it has no shortcuts. The meaning of
operators and functions is in :mod:`engine.language.expr.functions`.
"""

from __future__ import annotations

from typing import Any, Protocol

from engine.language.expr import tree
from engine.language.expr.functions import ARITHMETIC, COMPARE, FUNCTIONS, field, index, neg, scaled, truth
from engine.language.values import EvaluationError, checked

__all__ = ["Environment", "EvaluationError", "evaluate"]


class Environment(Protocol):
    """The values of an expression's names. Each method raises :class:`EvaluationError` when there is none."""

    def variable(self, name: str) -> Any:
        """A data item, or the item or index of an enclosing ``foreach``. Raises ``EvaluationError``."""
        ...

    def parameter(self, name: str) -> Any:
        """A parameter, fixed since the machine started. Raises ``EvaluationError``."""
        ...

    def event_field(self, name: str) -> Any:
        """A payload field of the event being processed; an optional field that was not sent is None. Raises
        ``EvaluationError``."""
        ...

    def system_field(self, name: str) -> Any:
        """A system variable, by its dotted text: ``_event.name``, ``_event``, ``_name`` … (SCXML 5.10). Raises
        ``EvaluationError``."""
        ...

    def reading(self, role: str, name: str) -> Any:
        """A readable value of the adapter bound to ``role``; it stays the same during a macrostep. Raises
        ``EvaluationError``."""
        ...

    def in_state(self, state: str) -> bool:
        """Whether the state with this full id is active."""
        ...

    def alive(self, child: str, key: Any) -> int | bool:
        """``key`` None: how many instances of the child run. Else whether the one with this key runs. Raises
        ``EvaluationError`` where no machine runs."""
        ...


def evaluate(expr: tree.Expr, env: Environment) -> Any:
    """The value of ``expr``.

    Operands are evaluated left to right. ``and``, ``or`` and the conditional evaluate only what they need and take only
    True and False as conditions.

    Raises:
        EvaluationError: the expression has no value in this environment.
    """
    match expr:
        case tree.Literal(value=value):
            return value
        case tree.Variable(name=name):
            return env.variable(name)
        case tree.Parameter(name=name):
            return env.parameter(name)
        case tree.EventField(name=name):
            return env.event_field(name)
        case tree.SystemField(name=name):
            return env.system_field(name)
        case tree.Reading(role=role, name=name):
            return env.reading(role, name)
        case tree.Unary(op="-", operand=operand):
            return neg(evaluate(operand, env))
        case tree.Unary(operand=operand):
            return not truth(evaluate(operand, env))
        case tree.Binary(op=op, left=left, right=right, type=type_, scale=scale):
            return scaled(ARITHMETIC[op](evaluate(left, env), evaluate(right, env)), scale, type_.kind)
        case tree.Compare(op=op, left=left, right=right):
            return COMPARE[op](evaluate(left, env), evaluate(right, env))
        case tree.BoolOp(op=op, operands=operands):
            decisive = op == "or"
            return decisive if any(truth(evaluate(o, env)) is decisive for o in operands) else not decisive
        case tree.Conditional(test=test, then=then, other=other):
            return evaluate(then if truth(evaluate(test, env)) else other, env)
        case tree.Call(function="checked", args=(value,), type=type_):
            return checked(evaluate(value, env), type_)
        case tree.Call(function=function, args=args):
            return FUNCTIONS[function](*[evaluate(arg, env) for arg in args])
        case tree.InState(state=state):
            return env.in_state(state)
        case tree.Alive(child=child, key=key):
            return env.alive(child, None if key is None else evaluate(key, env))
        case tree.ListOf(items=items):
            return [evaluate(item, env) for item in items]
        case tree.Index(base=base, index=key):
            return index(evaluate(base, env), evaluate(key, env))
        case tree.Field(base=base, name=name):
            return field(evaluate(base, env), name)
        case tree.OfChild(child=child):
            raise EvaluationError(f"{child}: only a joint invariant reads another machine")
        case tree.Invalid(text=text):
            raise EvaluationError(f"not an expression: {text}")
