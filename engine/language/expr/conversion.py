"""Making an expression fit what it is stored in: data, a payload field, an argument, a parameter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.language.expr import tree
from engine.language.expr.parse import Node
from engine.language.expr.unify import BROKEN, NUMBERS, to_unit
from engine.language.expr.units import NANOSECOND, PLAIN, same, unit_of
from engine.language.types import Kind, Type
from engine.language.values import describe, type_error

if TYPE_CHECKING:
    from engine.language.expr.check import Checker


def convert(checker: Checker, expr: tree.Expr, type_: Type, node: Node) -> tree.Expr:
    """``expr`` as a value of ``type_``.

    Literals are converted and checked now. Where only the run can decide (an optional or ``any`` source, bounds, 64
    bits), the expression is wrapped in ``Call("checked", …)``; an impossible fit is a fault.
    """
    source = expr.type
    if source is BROKEN or type_ is BROKEN:
        return expr
    if isinstance(expr, tree.Conditional) and node.kind == "if":
        then = convert(checker, expr.then, type_, node.children[0])
        other = convert(checker, expr.other, type_, node.children[2])
        return tree.Conditional(
            expr.test, then, other, replace(type_, optional=then.type.optional or other.type.optional)
        )
    if source.kind is Kind.NONE:
        if type_.optional:
            return tree.Literal(None, type_)
        return checker.fault(node, "type", f"None where {describe(type_)} is needed", describe(type_))
    if type_.kind is Kind.ANY:
        plain = isinstance(expr, tree.Literal) or source.kind in (Kind.BOOL, Kind.FLOAT, Kind.ENUM)
        if source.kind is Kind.ANY and not checker.scope.untyped:  # what a machine keeps was checked when it came in
            plain = plain or isinstance(expr, tree.Variable | tree.Parameter | tree.EventField)
        return expr if plain and (type_.optional or not source.optional) else _checked(expr, type_)
    if source.kind is Kind.ANY:
        return _checked(expr, type_)
    if source.kind in NUMBERS and type_.kind in NUMBERS:
        return _number(checker, expr, type_, node)
    if type_.kind is Kind.ENUM and source.kind in (Kind.STRING, Kind.ENUM):
        return _enum(checker, expr, type_, node)
    if type_.kind is Kind.STRING and source.kind in (Kind.STRING, Kind.ENUM):
        return _bounded(checker, expr, type_, node)
    if type_.kind is Kind.LIST and source.kind is Kind.LIST:
        return _list(checker, expr, type_, node)
    if type_.kind is source.kind:
        return _bounded(checker, expr, type_, node)
    return _conversion_error(checker, source, type_, node)


def _conversion_error(checker: Checker, source: Type, type_: Type, node: Node) -> tree.Expr:
    hint = ""
    if type_.kind in (Kind.STRING, Kind.ENUM) and node.kind == "constant":
        hint = "text stands in quotes of its own: \"'text'\""
    return checker.fault(node, "type", f"{describe(source)} where {describe(type_)} is needed", describe(type_), hint)


def _checked(expr: tree.Expr, type_: Type) -> tree.Expr:
    if isinstance(expr, tree.Call) and expr.function == "checked":
        expr = expr.args[0]
    return tree.Call("checked", (expr,), type_)


def _number(checker: Checker, expr: tree.Expr, type_: Type, node: Node) -> tree.Expr:
    wanted = unit_of(type_)
    converted = to_unit(expr, wanted)
    if converted is None:
        return _unit_error(checker, expr, type_, node)
    if type_.kind is Kind.INT and converted.type.kind is Kind.FLOAT:
        hint = "round(…), floor(…) and ceil(…) give an int"
        return checker.fault(
            node, "type", f"{describe(converted.type)} where {describe(type_)} is needed", "an int", hint
        )
    if type_.kind is Kind.FLOAT and converted.type.kind is Kind.INT:
        if isinstance(converted, tree.Literal) and isinstance(converted.value, int):
            converted = tree.Literal(float(converted.value), replace(type_, optional=False, minimum=None, maximum=None))
        elif not converted.type.optional:
            bounds = converted.type
            converted = tree.Call(
                "float", (converted,), Type(Kind.FLOAT, type_.unit, minimum=bounds.minimum, maximum=bounds.maximum)
            )
        else:
            return _checked(converted, type_)
    return _bounded(checker, converted, type_, node)


def _unit_error(checker: Checker, expr: tree.Expr, type_: Type, node: Node) -> tree.Expr:
    own, wanted = unit_of(expr.type), unit_of(type_)
    found = own.symbol or "a plain number"
    needed = "a duration" if wanted is NANOSECOND else wanted.symbol or "a plain number"
    hint = ""
    if same(own, PLAIN) and isinstance(expr, tree.Literal):
        spoken = wanted.symbol if wanted is not NANOSECOND else "s" if isinstance(expr.value, float) else "ms"
        hint = f"write the unit: {expr.value!r} {spoken}"
    elif own.dimension == wanted.dimension:
        hint = f"only literals change their unit by themselves; write x / 1 {own.symbol} * 1 {wanted.symbol}"
    return checker.fault(node, "unit", f"{found} where {needed} is needed", describe(type_), hint)


def _enum(checker: Checker, expr: tree.Expr, type_: Type, node: Node) -> tree.Expr:
    if isinstance(expr, tree.Literal) and isinstance(expr.value, str):
        if expr.value in type_.values:
            return tree.Literal(expr.value, replace(type_, optional=False))
        from engine.language.problems import did_you_mean

        message = f"{expr.value!r} is not a value of {describe(type_)}"
        return checker.fault(node, "unknown-name", message, hint=did_you_mean(expr.value, type_.values))
    source = expr.type
    if source.kind is Kind.ENUM and set(source.values) <= set(type_.values):
        return _bounded(checker, expr, type_, node)
    if source.kind is Kind.ENUM and not set(source.values) & set(type_.values):
        return _conversion_error(checker, source, type_, node)
    return _checked(expr, type_)


def _list(checker: Checker, expr: tree.Expr, type_: Type, node: Node) -> tree.Expr:
    wanted = type_.item
    if wanted is None:
        return _bounded(checker, expr, type_, node)
    if isinstance(expr, tree.ListOf) and node.kind == "list":
        items = tuple(
            convert(checker, item, wanted, child) for item, child in zip(expr.items, node.children, strict=True)
        )
        if any(item.type is BROKEN for item in items):
            return tree.Literal(None, BROKEN)
        return _length(checker, tree.ListOf(items, Type(Kind.LIST, item=wanted)), len(items), type_, node)
    source = expr.type.item
    if source is None or source == wanted:
        return _bounded(checker, expr, type_, node)
    sample = tree.Variable("", source)
    fitted = convert(checker, sample, wanted, node)
    return fitted if fitted.type is BROKEN else _checked(expr, type_)


def _length(checker: Checker, expr: tree.Expr, length: int, type_: Type, node: Node) -> tree.Expr:
    if type_.minimum is not None and length < type_.minimum:
        return checker.fault(
            node, "range", f"length {length} is below the minimum {type_.minimum} of {describe(type_)}"
        )
    if type_.maximum is not None and length > type_.maximum:
        return checker.fault(
            node, "range", f"length {length} is above the maximum {type_.maximum} of {describe(type_)}"
        )
    return expr


_LEAVES = (tree.Variable, tree.Parameter, tree.EventField, tree.Reading, tree.Alive)
_SMALL_FUNCTIONS = frozenset({"len", "checked"})


def _bounded(checker: Checker, expr: tree.Expr, type_: Type, node: Node) -> tree.Expr:
    """``expr``, of the right kind and unit already: bounds, presence and 64 bits proved now or checked at run time."""
    if isinstance(expr, tree.Literal):
        why = type_error(expr.value, type_)
        return checker.fault(node, "range", why) if why else expr
    source = expr.type
    optional = source.optional and not type_.optional
    low = type_.minimum is not None and (source.minimum is None or source.minimum < type_.minimum)
    high = type_.maximum is not None and (source.maximum is None or source.maximum > type_.maximum)
    whole = type_.kind in (Kind.INT, Kind.DURATION) and not (
        isinstance(expr, _LEAVES) or (isinstance(expr, tree.Call) and expr.function in _SMALL_FUNCTIONS)
    )
    return _checked(expr, type_) if optional or low or high or whole else expr
