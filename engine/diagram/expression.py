"""Expressions as text in the chart language, as short as parentheses allow."""

from __future__ import annotations

from engine.expr import tree
from engine.types import DURATION_UNITS, Kind

_POWER = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6}
_NOT, _COMPARE, _MINUS, _ATOM = 3, 4, 7, 9


def expr_text(expr: tree.Expr) -> str:
    """The expression as it would be written in YAML; units of literals are shown, conversions are not."""
    return _text(expr)[0]


def _text(expr: tree.Expr) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match expr:
        case tree.Literal():
            return _literal(expr), _ATOM
        case tree.Variable(name=name) | tree.Parameter(name=name) | tree.SystemField(name=name):
            return name, _ATOM
        case tree.EventField(name=name):
            return f"event.{name}", _ATOM
        case tree.Reading(role=role, name=name):
            return f"{role}.{name}", _ATOM
        case tree.Unary(op="-", operand=operand):
            return f"-{_within(operand, _MINUS)}", _MINUS
        case tree.Unary(operand=operand):
            return f"not {_within(operand, _NOT)}", _NOT
        case tree.Binary(op=op, left=left, right=right):
            power = _POWER[op]
            return f"{_within(left, power)} {op} {_within(right, power + 1)}", power
        case tree.Compare(op=op, left=left, right=right):
            return f"{_within(left, _COMPARE + 1)} {op} {_within(right, _COMPARE + 1)}", _COMPARE
        case tree.BoolOp(op=op, operands=operands):
            return f" {op} ".join(_within(o, _POWER[op] + 1) for o in operands), _POWER[op]
        case tree.Conditional(test=test, then=then, other=other):
            return f"{_within(then, 1)} if {_within(test, 1)} else {_within(other, 1)}", 0
        case tree.Call(function="checked", args=(value,)):
            return _text(value)
        case tree.Call(function=function, args=args):
            return f"{function}({', '.join(expr_text(a) for a in args)})", _ATOM
        case tree.InState(state=state):
            return f"In({state!r})", _ATOM
        case tree.Alive(child=child, key=key):
            return f"alive({child})" if key is None else f"alive({child}, {expr_text(key)})", _ATOM
        case tree.ListOf(items=items):
            return f"[{', '.join(expr_text(i) for i in items)}]", _ATOM
        case tree.Index(base=base, index=key):
            return f"{_within(base, _ATOM)}[{expr_text(key)}]", _ATOM
        case tree.Field(base=base, name=name):
            return f"{_within(base, _ATOM)}.{name}", _ATOM
        case tree.Invalid(text=text):
            return f"invalid({text!r})", _ATOM


def _within(expr: tree.Expr, power: int) -> str:
    """The text, in parentheses when it binds less tightly than ``power``."""
    text, own = _text(expr)
    return text if own >= power else f"({text})"


def _literal(literal: tree.Literal) -> str:
    value = literal.value
    if isinstance(value, bytes):
        return f"hex('{value.hex()}')"
    if literal.type.kind is Kind.DURATION and isinstance(value, int):
        return duration_text(value)
    if literal.type.unit is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
        return (
            f"{value:g} {literal.type.unit.symbol}"
            if isinstance(value, float)
            else f"{value} {literal.type.unit.symbol}"
        )
    return repr(value)


def duration_text(ns: int) -> str:
    """A duration in the largest unit up to seconds that gives a whole number: ``1500 ms``, ``40 s``."""
    for unit in ("s", "ms", "us"):
        if ns % DURATION_UNITS[unit] == 0:
            return f"{ns // DURATION_UNITS[unit]} {unit}"
    return f"{ns} ns"
