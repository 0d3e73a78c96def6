"""Typed tree → text, for diagrams, exports and messages. Parsed again in the same scope, the text gives an equal tree,
except that a whole float with a unit is written ``400 V``.

The loader's additions are left out: the check of a stored value, the conversion of a product's unit.
"""

from __future__ import annotations

from engine.language.expr import tree
from engine.language.types import DURATION_UNITS, UNITS, Kind, Type

# How tightly operators bind, as in engine.language.expr.parse.
_CONDITIONAL, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(9)
_BINDING = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "//": _PRODUCT, "%": _PRODUCT}


def to_text(expr: tree.Expr) -> str:
    """The expression as it may be written in a chart."""
    return _text(expr, _CONDITIONAL)


def _text(expr: tree.Expr, least: int) -> str:
    """The text of ``expr``, in brackets when it binds less tightly than ``least``."""
    text, binding = _parts(expr)
    return f"({text})" if binding < least else text


def _parts(expr: tree.Expr) -> tuple[str, int]:
    match expr:
        case tree.Literal(value=value, type=type_):
            return _literal(value, type_)
        case tree.Variable(name=name):
            return name.rpartition(".")[2], _ATOM  # of a state's argument the name it is read by
        case tree.Parameter(name=name) | tree.SystemField(name=name):
            return name, _ATOM
        case tree.EventField(name=name):
            return f"event.{name}", _ATOM
        case tree.Reading(role=role, name=name):
            return f"{role}.{name}", _ATOM
        case tree.Unary(op="-", operand=operand):
            return f"-{_text(operand, _SIGN)}", _SIGN
        case tree.Unary(operand=operand):
            return f"not {_text(operand, _NOT)}", _NOT
        case tree.Binary(op=op, left=left, right=right):
            binding = _BINDING[op]
            second = _text(right, binding + 1)
            if op == "%" and second.startswith("-"):  # `5 % -x` is five percent minus x
                second = f"({second})"
            return f"{_text(left, binding)} {op} {second}", binding
        case tree.Compare(op=op, left=left, right=right):
            if isinstance(right, tree.Literal) and right.value is None and op in ("==", "!="):
                op_text = "is" if op == "==" else "is not"
                return f"{_text(left, _SUM)} {op_text} None", _COMPARE
            return f"{_text(left, _SUM)} {op} {_text(right, _SUM)}", _COMPARE
        case tree.BoolOp(op=op, operands=operands):
            binding = _OR if op == "or" else _AND
            return f" {op} ".join(_text(operand, binding + 1) for operand in operands), binding
        case tree.Conditional(test=test, then=then, other=other):
            return f"{_text(then, _OR)} if {_text(test, _OR)} else {_text(other, _CONDITIONAL)}", _CONDITIONAL
        case tree.Call(function="checked", args=(value,)):
            return _parts(value)
        case tree.Call(function="duration_text", args=(value,)):
            return f"str({to_text(value)})", _ATOM
        case tree.Call(function=function, args=args):
            return f"{function}({', '.join(to_text(arg) for arg in args)})", _ATOM
        case tree.InState(state=state):
            return f"In({state!r})", _ATOM
        case tree.Alive(child=child, key=key):
            return f"alive({child})" if key is None else f"alive({child}, {to_text(key)})", _ATOM
        case tree.OfChild(child=child, expr=inner):
            return f"{child}.{to_text(inner)}", _ATOM
        case tree.ListOf(items=items):
            return f"[{', '.join(to_text(item) for item in items)}]", _ATOM
        case tree.Index(base=base, index=index):
            return f"{_text(base, _ATOM)}[{to_text(index)}]", _ATOM
        case tree.Field(base=base, name=name):
            return f"{_text(base, _ATOM)}.{name}", _ATOM
        case tree.Invalid(text=text):
            return f"invalid({quoted(text)})", _ATOM


def _literal(value: object, type_: Type) -> tuple[str, int]:
    if isinstance(value, str):
        return quoted(value), _ATOM
    if isinstance(value, bytes):
        return f"hex('{value.hex()}')", _ATOM
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return repr(value), _ATOM
    binding = _SIGN if value < 0 or str(value).startswith("-") else _ATOM
    if type_.kind is Kind.DURATION and isinstance(value, int):
        return _duration(value), binding
    number = repr(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else repr(value)
    if type_.kind is Kind.FLOAT and type_.unit is None and "." not in number and "e" not in number:
        number += ".0"
    if isinstance(value, float) and value == 0 and str(value).startswith("-"):
        number = "-0.0"
    symbol = f" {type_.unit.symbol}" if type_.unit is not None and type_.unit.symbol in UNITS else ""
    return number + symbol, binding


def _duration(nanoseconds: int) -> str:
    for unit, size in reversed(DURATION_UNITS.items()):
        if nanoseconds % size == 0 and (nanoseconds != 0 or unit == "s"):
            return f"{nanoseconds // size} {unit}"
    raise AssertionError("a whole number of nanoseconds is a multiple of 1 ns")


def quoted(text: str) -> str:
    """A string literal."""
    out = "".join(_ESCAPES.get(character) or _escape(character) for character in text)
    return f"'{out}'"


_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def _escape(character: str) -> str:
    code = ord(character)
    if character.isprintable() or code > 0xFFFF:
        return character
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
