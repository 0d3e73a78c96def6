"""Typed expression tree → Python source.

A native operator is used where the operand types make it equal to the function of :mod:`engine.language.expr.functions`
that defines the operator; everywhere else that function is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.language.expr import tree
from engine.language.expr.functions import ARITHMETIC, COMPARE, FUNCTIONS, neg
from engine.language.types import Kind, Type
from engine.language.values import INT_MAX, INT_MIN, fast_check
from engine.semantics.compiled.codegen_source import Source

_NUMBERS = (Kind.INT, Kind.FLOAT, Kind.DURATION)
_WHOLE = (Kind.INT, Kind.DURATION)
_TEXT = (Kind.STRING, Kind.ENUM)


@dataclass(slots=True)
class Scope:
    """Where the names of an expression live in the generated function.

    ``slots``: data item → index in ``D``; ``unset``: items that may have no value; ``parameters``: index in ``P``;
    ``loop``: foreach items → local variable; ``fields``: payload fields that are surely there; ``conf``: the active
    states, None when only the variable ``c`` knows; ``numbers``: state id → number.
    """

    slots: dict[str, int]
    unset: frozenset[str]
    parameters: dict[str, int]
    numbers: dict[str, int]
    reading_checks: dict[tuple[str, str], Callable[[Any], Any]]
    fields: frozenset[str] = frozenset()
    conf: int | None = None
    loop: dict[str, str] = field(default_factory=dict)


class Expression:
    """Source of one expression; ``fails`` tells whether evaluating it may raise."""

    def __init__(self, source: Source, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.fails = False

    def call(self, function: str, *arguments: str) -> str:
        """A call of a helper of the generated function's globals, which may raise."""
        self.fails = True
        return f"{function}({', '.join(arguments)})"

    def of(self, expr: tree.Expr) -> str:
        """Source for ``expr``, in parentheses where it needs them."""
        match expr:
            case tree.Literal(value=value):
                return self.source.literal(value)
            case tree.Variable(name=name):
                return self._variable(name)
            case tree.Parameter(name=name):
                return self.source.parameter(self.scope.parameters[name])
            case tree.EventField(name=name):
                if name in self.scope.fields:
                    self.fails = True
                    return f"d[{self.source.constant(name)}]"
                return self.call("event_value", "m._event", self.source.constant(name))
            case tree.SystemField(name=name):
                return self.call("system_field", "m", self.source.constant(name))
            case tree.Reading(role=role, name=name):
                check = self.scope.reading_checks.get((role, name))
                return self.call("read", "m", *(self.source.constant(x) for x in ((role, name), check)))
            case tree.Unary(op="-", operand=operand):
                inner = self.of(operand)
                return f"(-{inner})" if _is(operand, _NUMBERS) else self.call(neg.__name__, inner)
            case tree.Unary(operand=operand):
                return f"(not {self.condition(operand)})"
            case tree.Binary():
                return self._binary(expr)
            case tree.Compare():
                return self._compare(expr)
            case tree.BoolOp(op=op, operands=operands):
                return "(" + f" {op} ".join(self.condition(o) for o in operands) + ")"
            case tree.Conditional(test=test, then=then, other=other):
                return f"({self.of(then)} if {self.condition(test)} else {self.of(other)})"
            case tree.Call():
                return self._function(expr)
            case tree.InState(state=state):
                return self._in_state(state)
            case tree.Alive(child=child, key=key):
                return self.call("alive", "m", self.source.constant(child), "None" if key is None else self.of(key))
            case tree.ListOf(items=items):
                return "[" + ", ".join(self.of(item) for item in items) + "]"
            case tree.Index(base=base, index=index):
                return self.call("index", self.of(base), self.of(index))
            case tree.Field(base=base, name=name):
                return self.call("field", self.of(base), self.source.constant(name))
            case tree.OfChild(child=child):
                return self.call(
                    "invalid", self.source.constant(f"{child}: only a joint invariant reads another machine")
                )
            case tree.Invalid(text=text):
                return self.call("invalid", self.source.constant(text))

    def condition(self, expr: tree.Expr) -> str:
        """Source of a guard: True or False, or it raises."""
        inner = self.of(expr)
        return inner if _is(expr, (Kind.BOOL,)) else self.call("truth", inner)

    def static(self, expr: tree.Expr) -> bool | None:
        """The value of a condition that ``In`` decides alone, None when it must be computed."""
        match expr:
            case tree.Literal(value=bool(value)):
                return value
            case tree.InState(state=state) if self.scope.conf is not None:
                number = self.scope.numbers.get(state)
                return number is not None and bool(self.scope.conf >> number & 1)
            case tree.Unary(op="not", operand=operand):
                inner = self.static(operand)
                return None if inner is None else not inner
            case tree.BoolOp(op=op, operands=operands):
                values = [self.static(o) for o in operands]
                if values[0] is (op == "or"):
                    return values[0]
                return None if None in values else all(values) if op == "and" else any(values)
        return None

    # ------------------------------------------------------------ kinds of node

    def _variable(self, name: str) -> str:
        local = self.scope.loop.get(name)
        if local is not None:
            return local
        slot = self.scope.slots.get(name)
        if slot is None:
            return self.call("variable", "UNSET", self.source.constant(name))
        if name in self.scope.unset:
            return self.call("variable", self.source.data(slot), self.source.constant(name))
        return self.source.data(slot)

    def _in_state(self, state: str) -> str:
        number = self.scope.numbers.get(state)
        if number is None:
            return "False"
        if self.scope.conf is not None:
            return repr(bool(self.scope.conf >> number & 1))
        return f"(c >> {number} & 1 == 1)"

    def _binary(self, expr: tree.Binary) -> str:
        left, right = self.of(expr.left), self.of(expr.right)
        if _native_arithmetic(expr):
            value = f"({left} {expr.op} {right})"
        else:
            value = self.call(_OPERATORS[expr.op], left, right)
        if expr.scale == 1.0 and (expr.type.kind is not Kind.DURATION or _stays_whole(expr)):
            return value
        kind = self.source.constant(expr.type.kind)
        return self.call("scaled", value, self.source.literal(expr.scale), kind)

    def _compare(self, expr: tree.Compare) -> str:
        op, a, b = expr.op, expr.left, expr.right
        left, right = self.of(a), self.of(b)
        if op in ("==", "!="):
            identity = "is" if op == "==" else "is not"
            if isinstance(a, tree.Literal) and a.value is not None and _is_none(b):
                return repr(op == "!=")  # given to a template's argument that might be None
            if _is_none(a) or _is_none(b) or (_kind(a) is Kind.BOOL and _kind(b) is Kind.BOOL):
                return f"({left} {identity} {right})"
            if any(_kind(a) in family and _kind(b) in family for family in (_NUMBERS, _TEXT, (Kind.BYTES,))):
                return f"({left} {op} {right})"
        elif op in ("in", "not in"):
            same = isinstance(b, tree.ListOf) and all(
                any(_kind(a) in family and _kind(i) in family for family in (_NUMBERS, _TEXT)) for i in b.items
            )
            if same:
                return f"({left} {op} {right})"
        elif any(_is(a, family) and _is(b, family) for family in (_NUMBERS, (Kind.STRING,), (Kind.BYTES,))):
            return f"({left} {op} {right})"
        return self.call(_OPERATORS[op], left, right)

    def _function(self, expr: tree.Call) -> str:
        arguments = [self.of(argument) for argument in expr.args]
        numbers = all(_is(argument, _NUMBERS) for argument in expr.args)
        if expr.function == "checked":
            return self.call(self.source.constant(fast_check(expr.type)), arguments[0])
        if expr.function in ("min", "max", "abs") and numbers and (expr.function == "abs" or len(arguments) > 1):
            return f"{expr.function}({', '.join(arguments)})"
        if expr.function == "len" and _is(expr.args[0], (Kind.STRING, Kind.BYTES, Kind.LIST)):
            return f"len({arguments[0]})"
        return self.call(self.source.constant(FUNCTIONS[expr.function]), *arguments)


# ---------------------------------------------------------------- names of helpers, properties of types

_OPERATORS = {
    **{op: function.__name__ for op, function in ARITHMETIC.items()},
    **{op: function.__name__ for op, function in COMPARE.items()},
}


def helpers() -> dict[str, Any]:
    """The operators' functions by the names generated code calls them."""
    functions = (*ARITHMETIC.values(), *COMPARE.values(), neg)
    return {function.__name__: function for function in functions}


def _kind(expr: tree.Expr) -> Kind:
    return expr.type.kind


def _is(expr: tree.Expr, kinds: tuple[Kind, ...]) -> bool:
    """Surely a value of one of these kinds: not None, not ``any``."""
    return expr.type.kind in kinds and not expr.type.optional


def _is_none(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Literal) and expr.value is None


def _small(expr: tree.Expr) -> bool:
    """A number of at most 64 bits: it converts to float without overflow."""
    return isinstance(expr, (tree.Literal, tree.Variable, tree.Parameter, tree.EventField))


def _native_arithmetic(expr: tree.Binary) -> bool:
    left, right = expr.left, expr.right
    if not (_is(left, _NUMBERS) and _is(right, _NUMBERS)):
        return False
    whole = _kind(left) in _WHOLE and _kind(right) in _WHOLE
    if expr.op in ("+", "-", "*"):
        return whole or all(_kind(side) is Kind.FLOAT or _small(side) for side in (left, right))
    divides = isinstance(right, tree.Literal) and bool(right.value)
    return divides and (_kind(left) is Kind.FLOAT or _small(left)) and _small(right)


def _stays_whole(expr: tree.Binary) -> bool:
    """Integer arithmetic only: nothing to round."""
    return expr.op != "/" and _kind(expr.left) in _WHOLE and _kind(expr.right) in _WHOLE


def whole_range(type_: Type) -> tuple[int, int] | None:
    """The bounds of a stored whole number, when they are whole themselves."""
    if type_.kind not in _WHOLE:
        return None
    low = INT_MIN if type_.minimum is None else max(INT_MIN, type_.minimum)
    high = INT_MAX if type_.maximum is None else min(INT_MAX, type_.maximum)
    return (low, high) if isinstance(low, int) and isinstance(high, int) else None
