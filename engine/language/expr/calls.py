"""Checking of function calls: the whitelist, each with what it takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from engine.language.expr import tree
from engine.language.expr.check import Checker, nearest_hint, of_child
from engine.language.expr.functions import hex_
from engine.language.expr.parse import Node
from engine.language.expr.unify import BROKEN, NUMBERS, computed, is_any, numeric, of_kind, unified
from engine.language.expr.units import unit_of
from engine.language.types import ANY, BOOL, BYTES, DURATION, FLOAT, INT, KEY, STRING, Kind, Type
from engine.language.values import EvaluationError, describe

_Check = Callable[[Checker, Node, list[Node]], tree.Expr]

# name -> (least, most arguments, what checks it)
_FUNCTIONS: dict[str, tuple[int, int, _Check]] = {}

SIGNATURES = {
    "abs": "abs(number)",
    "alive": "alive(child) or alive(child, key)",
    "bool": "bool(number)",
    "ceil": "ceil(number)",
    "clamp": "clamp(number, low, high)",
    "duration": "duration('250ms')",
    "float": "float(value)",
    "floor": "floor(number)",
    "hex": "hex('00ff')",
    "In": "In('state.path')",
    "index": "index(list, value)",
    "int": "int(value)",
    "invalid": "invalid('text')",
    "is_list": "is_list(value)",
    "json": "json('[1, 2]')",
    "len": "len(list)",
    "lower": "lower(text)",
    "max": "max(a, b, …)",
    "min": "min(a, b, …)",
    "range": "range(count)",
    "replaced": "replaced(list, index, value)",
    "round": "round(number) or round(number, digits)",
    "startswith": "startswith(text, prefix)",
    "str": "str(value)",
    "sum": "sum(list)",
    "truthy": "truthy(value)",
}


def check_call(checker: Checker, node: Node) -> tree.Expr:
    """The typed tree of a call node."""
    function, args = node.children[0], node.children[1:]
    if function.kind == "attribute" and function.value == "In":
        return _in_relative(checker, node)
    if function.kind != "name":
        message = "this cannot be called here"
        return checker.fault(function, "unknown-function", message, "a function; an adapter's action stands alone")
    name = cast(str, function.value)
    if name not in _FUNCTIONS:
        return checker.fault(
            function, "unknown-function", f"unknown function {name!r}", hint=nearest_hint(name, list(_FUNCTIONS))
        )
    least, most, check = _FUNCTIONS[name]
    if any(cast("list[str]", node.value)):
        return checker.fault(node, "syntax", f"{name} takes its arguments without names", SIGNATURES[name])
    if not least <= len(args) <= most:
        return checker.fault(node, "type", f"{name} with {len(args)} arguments", SIGNATURES[name])
    return check(checker, node, args)


def _in_relative(checker: Checker, node: Node) -> tree.Expr:
    """``child.In('state')``."""
    function, args = node.children[0], node.children[1:]
    relative = checker.relative(function.children[0])
    if relative is None:
        message = "this is no machine an expression may look into here; an invariant may look into the chart's children"
        return checker.fault(function, "unknown-function", message, "In('state'), or child.In('state') in an invariant")
    if len(args) != 1 or any(cast("list[str]", node.value)):
        return checker.fault(node, "type", "In takes a state's path in quotes", "child.In('state.path')")
    path, scope = relative
    inner = Checker(scope)
    inner.faults = checker.faults
    return of_child(path, _in(inner, node, args))


def _function(name: str, least: int, most: int) -> Callable[[_Check], _Check]:
    def register(check: _Check) -> _Check:
        _FUNCTIONS[name] = (least, most, check)
        return check

    return register


def _same_unit(checker: Checker, name: str, args: list[Node]) -> tree.Expr:
    """Numbers of one unit, the result in it too."""
    exprs = [checker.check(arg) for arg in args]
    if not all([checker.number(expr, arg, name) for expr, arg in zip(exprs, args, strict=True)]):
        return tree.Literal(None, BROKEN)
    # A literal takes the unit of the first argument that is none.
    lead = next((i for i, expr in enumerate(exprs) if not isinstance(expr, tree.Literal)), 0)
    for position in range(len(exprs)):
        if position != lead:
            both = checker.unify(exprs[lead], args[lead], exprs[position], args[position], name)
            if both is None:
                return tree.Literal(None, BROKEN)
            exprs[lead], exprs[position] = both
    type_ = exprs[0].type
    for expr in exprs[1:]:
        type_ = unified(type_, expr.type)
    return tree.Call(name, tuple(of_kind(expr, type_) for expr in exprs), computed(type_))


@_function("min", 2, 16)
def _min(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    return _same_unit(checker, "min", args)


@_function("max", 2, 16)
def _max(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    return _same_unit(checker, "max", args)


@_function("clamp", 3, 3)
def _clamp(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    return _same_unit(checker, "clamp", args)


@_function("abs", 1, 1)
def _abs(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    return _same_unit(checker, "abs", args)


def _whole(checker: Checker, name: str, args: list[Node]) -> tree.Expr:
    expr = checker.check(args[0])
    if not checker.number(expr, args[0], name):
        return tree.Literal(None, BROKEN)
    type_ = INT if is_any(expr.type) else numeric(unit_of(expr.type), Kind.INT)
    return tree.Call(name, (expr,), type_)


@_function("round", 1, 2)
def _round(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    rounded = _whole(checker, "round", args)
    if len(args) == 1 or not isinstance(rounded, tree.Call):
        return rounded
    digits = checker.check(args[1])
    if not isinstance(digits, tree.Literal) or type(digits.value) is not int or not 0 <= digits.value <= 15:
        return checker.fault(args[1], "type", "round takes a literal number of digits", "0 to 15")
    value = rounded.args[0]
    if value.type.kind is Kind.DURATION:
        return checker.fault(args[1], "type", "a duration has no decimals", "round(duration / 1 s, digits)")
    return tree.Call("round", (value, digits), replace(computed(value.type), kind=Kind.FLOAT))


@_function("floor", 1, 1)
def _floor(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    return _whole(checker, "floor", args)


@_function("ceil", 1, 1)
def _ceil(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    return _whole(checker, "ceil", args)


def _of_kinds(checker: Checker, name: str, node: Node, kinds: frozenset[Kind]) -> tree.Expr:
    expr = checker.check(node)
    if expr.type is BROKEN or is_any(expr.type) or expr.type.kind in kinds or checker.scope.untyped:
        return expr
    return checker.fault(node, "type", f"{name} of {describe(expr.type)} has no meaning", SIGNATURES[name])


_TEXT = frozenset({Kind.STRING, Kind.ENUM})


@_function("len", 1, 1)
def _len(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "len", args[0], frozenset({Kind.LIST, Kind.STRING, Kind.BYTES}))
    return tree.Call("len", (expr,), INT) if expr.type is not BROKEN else expr


@_function("lower", 1, 1)
def _lower(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "lower", args[0], _TEXT)
    return tree.Call("lower", (expr,), STRING) if expr.type is not BROKEN else expr


@_function("int", 1, 1)
def _int(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "int", args[0], frozenset({Kind.INT, Kind.FLOAT, Kind.BOOL}) | _TEXT)
    if expr.type is BROKEN:
        return expr
    return tree.Call("int", (expr,), numeric(unit_of(expr.type), Kind.INT) if expr.type.kind in NUMBERS else INT)


@_function("float", 1, 1)
def _float(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "float", args[0], frozenset({Kind.INT, Kind.FLOAT}) | _TEXT)
    if expr.type is BROKEN:
        return expr
    return tree.Call("float", (expr,), numeric(unit_of(expr.type), Kind.FLOAT) if expr.type.kind in NUMBERS else FLOAT)


@_function("bool", 1, 1)
def _bool(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "bool", args[0], NUMBERS | {Kind.BOOL})
    return tree.Call("bool", (expr,), BOOL) if expr.type is not BROKEN else expr


@_function("str", 1, 1)
def _str(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "str", args[0], NUMBERS | _TEXT | {Kind.BOOL, Kind.BYTES, Kind.NONE})
    if expr.type is BROKEN:
        return expr
    return tree.Call("duration_text" if expr.type.kind is Kind.DURATION else "str", (expr,), STRING)


@_function("hex", 1, 1)
def _hex(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "hex", args[0], _TEXT)
    if isinstance(expr, tree.Literal) and expr.type is not BROKEN:
        try:
            return tree.Literal(hex_(expr.value), BYTES)
        except EvaluationError as error:
            return checker.fault(args[0], "type", str(error), "pairs of hexadecimal digits")
    return tree.Call("hex", (expr,), BYTES) if expr.type is not BROKEN else expr


def _list(checker: Checker, name: str, node: Node) -> tuple[tree.Expr, Type]:
    """A list and the type of its elements; ``BROKEN`` after a fault."""
    expr = _of_kinds(checker, name, node, frozenset({Kind.LIST}))
    item = ANY if is_any(expr.type) else expr.type.item or ANY
    return expr, BROKEN if expr.type is BROKEN else item


@_function("sum", 1, 1)
def _sum(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr, item = _list(checker, "sum", args[0])
    if item is BROKEN:
        return tree.Literal(None, BROKEN)
    if not (is_any(item) or item.kind in NUMBERS):
        return checker.fault(args[0], "type", f"sum of {describe(expr.type)} has no meaning", "a list of numbers")
    return tree.Call("sum", (expr,), computed(item))


@_function("range", 1, 1)
def _range(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    count = checker.convert(checker.check(args[0]), INT, args[0])
    return tree.Call("range", (count,), Type(Kind.LIST, item=INT)) if count.type is not BROKEN else count


@_function("replaced", 3, 3)
def _replaced(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    values, item = _list(checker, "replaced", args[0])
    position = checker.convert(checker.check(args[1]), INT, args[1])
    value = checker.convert(checker.check(args[2]), item, args[2])
    if BROKEN in (values.type, position.type, value.type):
        return tree.Literal(None, BROKEN)
    return tree.Call("replaced", (values, position, value), values.type)


@_function("index", 2, 2)
def _index(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    values, item = _list(checker, "index", args[0])
    value = checker.convert(checker.check(args[1]), item, args[1])
    if BROKEN in (values.type, value.type):
        return tree.Literal(None, BROKEN)
    return tree.Call("index", (values, value), INT)


@_function("startswith", 2, 2)
def _startswith(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    exprs = [_of_kinds(checker, "startswith", arg, _TEXT) for arg in args]
    if any(expr.type is BROKEN for expr in exprs):
        return tree.Literal(None, BROKEN)
    return tree.Call("startswith", tuple(exprs), BOOL)


@_function("truthy", 1, 1)
def _truthy(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = checker.check(args[0])
    return tree.Call("truthy", (expr,), BOOL) if expr.type is not BROKEN else expr


@_function("json", 1, 1)
def _json(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "json", args[0], _TEXT)
    return tree.Call("json", (expr,), ANY) if expr.type is not BROKEN else expr


@_function("is_list", 1, 1)
def _is_list(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = checker.check(args[0])
    return tree.Call("is_list", (expr,), BOOL) if expr.type is not BROKEN else expr


@_function("duration", 1, 1)
def _duration(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    expr = _of_kinds(checker, "duration", args[0], _TEXT)
    return tree.Call("duration", (expr,), DURATION) if expr.type is not BROKEN else expr


@_function("invalid", 1, 1)
def _invalid(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    if args[0].kind != "string":
        return checker.fault(args[0], "type", "invalid takes a literal text", SIGNATURES["invalid"])
    return tree.Invalid(cast(str, args[0].value), ANY)


@_function("In", 1, 1)
def _in(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    if args[0].kind != "string":
        return checker.fault(args[0], "type", "In takes a state's path in quotes", SIGNATURES["In"])
    name = cast(str, args[0].value)
    found = checker.scope.in_state(name)
    if isinstance(found, str):
        return tree.InState(found, BOOL)
    return checker.fault(args[0], "unknown-state", f"no state {name!r}", hint=nearest_hint(name, found))


@_function("alive", 1, 2)
def _alive(checker: Checker, node: Node, args: list[Node]) -> tree.Expr:
    child, children = args[0], checker.scope.children
    if child.kind != "name" or child.value not in children:
        name = cast(str, child.value) if child.kind == "name" else ""
        if name and (name in checker.scope.told or "" in checker.scope.told):
            return tree.Literal(None, BROKEN)
        message = f"{name!r} is no child of this chart" if name else "alive takes the id of a child"
        return checker.fault(child, "unknown-name", message, SIGNATURES["alive"], nearest_hint(name, list(children)))
    name = cast(str, child.value)
    if len(args) == 1:
        return tree.Alive(name, None, INT)
    key_type = children[name]
    if key_type is None:
        return checker.fault(args[1], "type", f"{name!r} is not spawned with a key", f"alive({name})")
    key = checker.convert(checker.check(args[1]), KEY, args[1])
    return tree.Alive(name, key, BOOL) if key.type is not BROKEN else tree.Literal(None, BROKEN)
