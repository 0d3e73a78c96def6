"""Expressions as Python text, for targets whose expressions are Python: SCXML (``datamodel="python"``), transitions,
python-statemachine. Durations are whole nanoseconds, units are gone: what remains is arithmetic."""

from __future__ import annotations

from typing import Protocol

from engine.language.expr import tree
from engine.language.types import Kind

_POWER = {
    "or": 1,
    "and": 2,
    "not": 3,
    "compare": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "//": 6,
    "%": 6,
    "unary": 7,
    "atom": 9,
}


class NotPortable(Exception):
    """The target has no equivalent; the text says of what."""


class Names(Protocol):
    """How a target spells the names of an expression."""

    def variable(self, name: str) -> str:
        """A data item or an item of a loop."""
        ...

    def parameter(self, name: str) -> str:
        """A parameter."""
        ...

    def event_field(self, name: str, optional: bool) -> str:
        """A field of the event's payload; ``optional``: it may be absent."""
        ...

    def system_field(self, name: str) -> str:
        """A system variable by its dotted text. Raises NotPortable."""
        ...

    def reading(self, role: str, name: str) -> str:
        """A readable value of an adapter."""
        ...

    def in_state(self, state: str) -> str:
        """Whether a state is active."""
        ...

    def literal_bytes(self, value: bytes) -> str:
        """A constant of bytes. Raises NotPortable."""
        ...


def python_text(expr: tree.Expr, names: Names) -> str:
    """``expr`` as a Python expression. Raises NotPortable."""
    return _text(expr, names)[0]


def _text(expr: tree.Expr, names: Names) -> tuple[str, int]:
    """The text and how tightly it binds."""
    atom = _POWER["atom"]
    match expr:
        case tree.Literal(value=bytes() as value):
            return names.literal_bytes(value), atom
        case tree.Literal(value=value):
            return repr(value), _POWER["unary"] if isinstance(value, (int, float)) and value < 0 else atom
        case tree.Variable(name=name):
            return names.variable(name), atom
        case tree.Parameter(name=name):
            return names.parameter(name), atom
        case tree.EventField(name=name, type=type_):
            return names.event_field(name, type_.optional), atom
        case tree.SystemField(name=name):
            return names.system_field(name), atom
        case tree.Reading(role=role, name=name):
            return names.reading(role, name), atom
        case tree.InState(state=state):
            return names.in_state(state), atom
        case tree.ListOf(items=items):
            return f"[{', '.join(_text(i, names)[0] for i in items)}]", atom
        case tree.Index(base=base, index=key):
            return f"{_within(base, names, atom)}[{_text(key, names)[0]}]", atom
        case tree.Field(base=base, name=name):
            return f"{_within(base, names, atom)}[{name!r}]", atom
        case tree.Call():
            return _call(expr, names)
        case _:
            return _operator(expr, names)


def _within(expr: tree.Expr, names: Names, power: int) -> str:
    """The text, in parentheses when it binds less tightly than ``power``."""
    text, own = _text(expr, names)
    return text if own >= power else f"({text})"


def _operator(expr: tree.Expr, names: Names) -> tuple[str, int]:
    match expr:
        case tree.Unary(op="-", operand=operand):
            return f"-{_within(operand, names, _POWER['unary'])}", _POWER["unary"]
        case tree.Unary(operand=operand):
            return f"not {_within(operand, names, _POWER['not'])}", _POWER["not"]
        case tree.Binary(op=op, left=left, right=right, scale=scale, type=type_):
            power = _POWER[op]
            text = f"{_within(left, names, power)} {op} {_within(right, names, power + 1)}"
            if scale != 1.0:
                text, power = f"({text}) * {scale!r}", _POWER["*"]
            if type_.kind is Kind.DURATION and (scale != 1.0 or op == "/" or _fractional(left) or _fractional(right)):
                text, power = f"round({text})", _POWER["atom"]
            return text, power
        case tree.Compare(op=op, left=left, right=right):
            power = _POWER["compare"] + 1
            return f"{_within(left, names, power)} {op} {_within(right, names, power)}", _POWER["compare"]
        case tree.BoolOp(op=op, operands=operands):
            power = _POWER[op]
            return f" {op} ".join(_within(o, names, power + 1) for o in operands), power
        case tree.Conditional(test=test, then=then, other=other):
            parts = [_within(e, names, _POWER["or"]) for e in (then, test, other)]
            return f"{parts[0]} if {parts[1]} else {parts[2]}", 0
        case tree.Invalid(text=text):
            raise NotPortable(f"'{text}' is not an expression")
        case tree.Alive(child=child):
            raise NotPortable(f"alive({child})")
    raise NotPortable(f"{type(expr).__name__}")


def _fractional(expr: tree.Expr) -> bool:
    return expr.type.kind is Kind.FLOAT


def _call(expr: tree.Call, names: Names) -> tuple[str, int]:
    args = [_text(a, names)[0] for a in expr.args]
    atom = _POWER["atom"]
    match expr.function:
        case "checked":
            return _text(expr.args[0], names)
        case "clamp":
            return f"max({args[1]}, min({args[0]}, {args[2]}))", atom
        case "bool" | "abs" | "min" | "max" | "round" | "len" | "int" | "float" | "str" | "sum":
            return f"{expr.function}({', '.join(args)})", atom
        case "truthy":
            return f"bool({args[0]})", atom
        case "is_list":
            return f"isinstance({args[0]}, list)", atom
        case "floor" | "ceil":
            sign = "-" if expr.function == "ceil" else ""
            return f"{sign}int({sign}({args[0]}) // 1)", _POWER["unary"]
        case "range":
            return f"list(range({args[0]}))", atom
        case "index":
            return f"{_within(expr.args[0], names, atom)}.index({args[1]})", atom
        case "lower":
            return f"{_within(expr.args[0], names, atom)}.lower()", atom
        case "startswith":
            return f"{_within(expr.args[0], names, atom)}.startswith({args[1]})", atom
    raise NotPortable(f"the function {expr.function}()")
