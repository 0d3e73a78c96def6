"""Types that meet: the type that joins them, and the conversion of an expression to another unit or kind without
run-time cost."""

from __future__ import annotations

from dataclasses import replace

from engine.language.expr import tree
from engine.language.expr.units import NANOSECOND, PLAIN, convert, ratio, same, unit_of
from engine.language.types import ANY, DURATION, FLOAT, INT, Kind, Type, Unit

# The type of what is wrong and told of already: it fits everything.
BROKEN = Type(Kind.ANY, optional=True, values=("broken",))
NUMBERS = frozenset({Kind.INT, Kind.FLOAT, Kind.DURATION})


def is_any(type_: Type) -> bool:
    """Whether the type is ``any``."""
    return type_.kind is Kind.ANY


def numeric(unit: Unit, kind: Kind) -> Type:
    """The type of a computed number in this unit."""
    if unit is NANOSECOND:
        return DURATION
    plain = INT if kind is Kind.INT else FLOAT
    return plain if unit.dimension == PLAIN.dimension and unit.scale == 1.0 else Type(plain.kind, unit)


def kind_of_number(number: int | float) -> Kind:
    """``int`` or ``float``, as the number is."""
    return Kind.INT if isinstance(number, int) else Kind.FLOAT


def plain_number(number: int | float) -> Type:
    """The type of a number without a unit, int or float as the number is."""
    return INT if isinstance(number, int) else FLOAT


def computed(type_: Type) -> Type:
    """The type of a value computed from one of ``type_``: no bounds, present."""
    return Type(type_.kind, type_.unit) if type_.kind in NUMBERS else ANY


def unified(a: Type, b: Type) -> Type:
    """The type that holds the values of both types; they have one kind and unit already."""
    if a == b:
        return a
    if is_any(a) or is_any(b):
        return ANY
    if a.kind is Kind.NONE or b.kind is Kind.NONE:
        return replace(b if a.kind is Kind.NONE else a, optional=True)
    optional = a.optional or b.optional
    if a.kind in NUMBERS:
        kind = a.kind if a.kind is b.kind else Kind.FLOAT
        return Type(kind, a.unit, optional)
    if a.kind is Kind.ENUM and b.kind is Kind.ENUM:
        return Type(Kind.ENUM, optional=optional, values=tuple(dict.fromkeys(a.values + b.values)))
    if {a.kind, b.kind} <= {Kind.STRING, Kind.ENUM}:
        return Type(Kind.STRING, optional=optional)
    if a.kind is not b.kind:  # only where nothing is typed
        return ANY
    if a.kind is Kind.LIST:
        return Type(Kind.LIST, optional=optional, item=a.item or b.item)
    return Type(a.kind, optional=optional)


def of_kind(expr: tree.Expr, type_: Type) -> tree.Expr:
    """``expr``, converted to float where ``type_`` is one: a value always has the type its node says."""
    if type_.kind is not Kind.FLOAT or expr.type.kind is not Kind.INT:
        return expr
    if isinstance(expr, tree.Literal) and isinstance(expr.value, int):
        return tree.Literal(float(expr.value), Type(Kind.FLOAT, expr.type.unit))
    if expr.type.optional:
        return tree.Call("checked", (expr,), Type(Kind.FLOAT, expr.type.unit, optional=True))
    return tree.Call("float", (expr,), Type(Kind.FLOAT, expr.type.unit))


def alike(a: Type, b: Type) -> bool:
    """Whether two lists may meet: nothing is converted inside a list, so their elements must have one kind and unit."""
    if is_any(a) or is_any(b):
        return True
    if a.kind is Kind.LIST and b.kind is Kind.LIST:
        return a.item is None or b.item is None or alike(a.item, b.item)
    if {a.kind, b.kind} <= {Kind.STRING, Kind.ENUM}:
        return True
    return a.kind is b.kind and same(unit_of(a), unit_of(b))


def item_of(both: tuple[tree.Expr, tree.Expr]) -> Type | None:
    """The type that holds the elements of two lists, when there is one."""
    a, b = both[0].type.item, both[1].type.item
    return unified(a, b) if a is not None and b is not None else a or b


def to_unit(expr: tree.Expr, unit: Unit) -> tree.Expr | None:
    """``expr`` in another unit of its dimension, without a computation at run time; None where that cannot be.

    Literals change their value, products their factor, sums and choices their parts. A literal 0 has any unit.
    """
    own = unit_of(expr.type)
    if same(own, unit):
        return expr
    if isinstance(expr, tree.Literal) and expr.value == 0 and own.dimension == PLAIN.dimension:
        kind = Kind.INT if isinstance(expr.value, int) else Kind.FLOAT
        return tree.Literal(0 if unit is NANOSECOND else expr.value, numeric(unit, kind))
    if isinstance(expr, (tree.Conditional, tree.Call, tree.Unary)) or (
        isinstance(expr, tree.Binary) and expr.op in ("+", "-", "%")
    ):
        return _parts_to_unit(expr, unit)
    if own.dimension != unit.dimension:
        return None
    if isinstance(expr, tree.Literal) and isinstance(expr.value, (int, float)):
        value = convert(expr.value, own, unit)
        if unit is NANOSECOND and not isinstance(value, int):
            return None
        return tree.Literal(value, numeric(unit, kind_of_number(value)))
    if isinstance(expr, tree.Binary) and expr.op in ("*", "/"):
        factor = expr.scale * ratio(own, unit)
        return replace(expr, scale=factor, type=numeric(unit, Kind.FLOAT))
    return None


def _parts_to_unit(expr: tree.Conditional | tree.Call | tree.Unary | tree.Binary, unit: Unit) -> tree.Expr | None:
    if isinstance(expr, tree.Unary):
        operand = to_unit(expr.operand, unit) if expr.op == "-" else None
        return operand and tree.Unary("-", operand, computed(operand.type))
    if isinstance(expr, tree.Conditional):
        then, other = to_unit(expr.then, unit), to_unit(expr.other, unit)
        if then is None or other is None:
            return None
        type_ = unified(then.type, other.type)
        return tree.Conditional(expr.test, of_kind(then, type_), of_kind(other, type_), type_)
    if isinstance(expr, tree.Binary):
        left, right = to_unit(expr.left, unit), to_unit(expr.right, unit)
        if left is None or right is None:
            return None
        kind = Kind.INT if {left.type.kind, right.type.kind} == {Kind.INT} else Kind.FLOAT
        return tree.Binary(expr.op, left, right, numeric(unit, kind))
    if expr.function not in ("min", "max", "abs", "clamp"):
        return None
    args = [to_unit(arg, unit) for arg in expr.args]
    present = [arg for arg in args if arg is not None]
    if len(present) < len(args):
        return None
    type_ = present[0].type
    for arg in present[1:]:
        type_ = unified(type_, arg.type)
    return tree.Call(expr.function, tuple(of_kind(arg, type_) for arg in present), computed(type_))
