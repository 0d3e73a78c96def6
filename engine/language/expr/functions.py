"""The meaning of the chart language's operators and functions at run time.

These helpers *are* the semantics: the reference evaluator calls them for every node. A code generator may use a native
operator instead only where the operand types make both the same (both operands present, no ``any``).

* ``None`` is equal to ``None`` only; it has no order and no arithmetic: that raises.
* ``bool`` is not a number: it is equal to no number, has no order and no arithmetic.
* ``/`` is float division; ``//`` and ``%`` round towards minus infinity (the sign of ``%`` is the divisor's). Dividing
  by zero raises.
* Integers are exact inside an expression and must fit 64 bits, signed, where they are stored (``checked``, in
  :mod:`engine.language.values`).
* Strings, bytes and lists may be joined with ``+`` up to :data:`MAX_LENGTH`. There is no repetition and no power, so
  the cost of an expression is bounded by its length.
* A negative or too large index raises.

Everything here raises :class:`EvaluationError` and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

from engine.adapter import MAX_LENGTH
from engine.language.text_values import duration as read_duration
from engine.language.types import Kind
from engine.language.values import (
    INT_MAX,
    INT_MIN,
    EvaluationError,
    in_largest_unit,
    is_number,
    kind_of,
    shown,
    unwieldy,
)


def _need_numbers(op: str, *values: Any) -> None:
    for value in values:
        if not is_number(value):
            raise EvaluationError(f"{op} needs numbers, not {kind_of(value)}")


# ---------------------------------------------------------------- operators


def add(a: Any, b: Any) -> Any:
    """``a + b`` of two numbers, strings, bytes or lists. Raises :class:`EvaluationError` for others and beyond
    :data:`MAX_LENGTH`."""
    if is_number(a) and is_number(b):
        return _number(lambda: a + b)
    if type(a) is type(b) and isinstance(a, (str, bytes, list)):
        if len(a) + len(b) > MAX_LENGTH:
            raise EvaluationError(f"+ would make a {kind_of(a)} longer than {MAX_LENGTH}")
        return a + b
    raise EvaluationError(f"+ needs two numbers, strings, bytes or lists, not {kind_of(a)} and {kind_of(b)}")


def sub(a: Any, b: Any) -> Any:
    """``a - b`` of numbers."""
    _need_numbers("-", a, b)
    return _number(lambda: a - b)


def mul(a: Any, b: Any) -> Any:
    """``a * b`` of numbers."""
    _need_numbers("*", a, b)
    return _number(lambda: a * b)


def div(a: Any, b: Any) -> float:
    """``a / b`` of numbers, as a float."""
    _need_numbers("/", a, b)
    return float(_number(lambda: a / b))


def floordiv(a: Any, b: Any) -> Any:
    """``a // b`` of numbers, rounded towards minus infinity."""
    _need_numbers("//", a, b)
    return _number(lambda: a // b)


def mod(a: Any, b: Any) -> Any:
    """``a % b`` of numbers, with the sign of ``b``."""
    _need_numbers("%", a, b)
    return _number(lambda: a % b)


def _number(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except ZeroDivisionError:
        raise EvaluationError("division by zero") from None
    except OverflowError:
        raise EvaluationError("the number is too large") from None


def neg(a: Any) -> Any:
    """``-a`` of a number."""
    _need_numbers("-", a)
    return -a


def scaled(value: Any, scale: float, kind: Kind) -> Any:
    """The unit conversion of a :class:`engine.language.expr.tree.Binary`: ``value * scale``; a duration is rounded to
    whole nanoseconds, half to even."""
    if scale != 1.0:
        value = mul(value, scale)
    if kind is Kind.DURATION and isinstance(value, float):
        return round_(value)
    return value


def truth(a: Any) -> bool:
    """The value of a condition. Raises :class:`EvaluationError` for anything but ``True`` and ``False``."""
    if a is True or a is False:
        return bool(a)
    raise EvaluationError(f"a condition must be True or False, not {kind_of(a)}")


def eq(a: Any, b: Any) -> bool:
    """Equal, and of one kind: ``True`` is not 1, also inside lists and mappings; 1 is 1.0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(eq(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(eq(x, b[key]) for key, x in a.items())
    return bool(a == b)


def ne(a: Any, b: Any) -> bool:
    """Not :func:`eq`."""
    return not eq(a, b)


def _need_order(op: str, a: Any, b: Any) -> None:
    if (is_number(a) and is_number(b)) or (type(a) is type(b) and isinstance(a, (str, bytes))):
        return
    raise EvaluationError(f"{kind_of(a)} {op} {kind_of(b)} has no meaning")


def lt(a: Any, b: Any) -> bool:
    """``a < b`` of two numbers, strings or bytes."""
    _need_order("<", a, b)
    return bool(a < b)


def le(a: Any, b: Any) -> bool:
    """``a <= b`` of two numbers, strings or bytes."""
    _need_order("<=", a, b)
    return bool(a <= b)


def gt(a: Any, b: Any) -> bool:
    """``a > b`` of two numbers, strings or bytes."""
    _need_order(">", a, b)
    return bool(a > b)


def ge(a: Any, b: Any) -> bool:
    """``a >= b`` of two numbers, strings or bytes."""
    _need_order(">=", a, b)
    return bool(a >= b)


def contains(a: Any, b: Any) -> bool:
    """``a in b``: an element of a list, a key of a mapping, a part of a string, a part or a value of bytes. Raises
    :class:`EvaluationError` for others."""
    if isinstance(b, list):
        return any(eq(a, item) for item in b)
    if isinstance(b, dict) and isinstance(a, str):
        return a in b
    if isinstance(b, str) and isinstance(a, str):
        return a in b
    if isinstance(b, bytes) and (isinstance(a, bytes) or (type(a) is int and 0 <= a <= 255)):
        return a in b
    raise EvaluationError(f"{kind_of(a)} in {kind_of(b)} has no meaning")


def contains_not(a: Any, b: Any) -> bool:
    """Not :func:`contains`."""
    return not contains(a, b)


def index(base: Any, key: Any) -> Any:
    """``base[key]``: a list or bytes by position from 0, a mapping by key. Raises :class:`EvaluationError` when it is
    not there."""
    if isinstance(base, (list, bytes)) and type(key) is int:
        if 0 <= key < len(base):
            return base[key]
        raise EvaluationError(f"index {key} is outside a {kind_of(base)} of length {len(base)}")
    if isinstance(base, dict) and isinstance(key, str):
        return field(base, key)
    raise EvaluationError(f"{kind_of(base)}[{kind_of(key)}] has no meaning")


def field(base: Any, name: str) -> Any:
    """``base.name`` of a mapping. Raises :class:`EvaluationError` when it is not there."""
    if not isinstance(base, dict):
        raise EvaluationError(f"{kind_of(base)} has no field {name!r}")
    if name not in base:
        raise EvaluationError(f"there is no field {name!r}")
    return base[name]


# ---------------------------------------------------------------- functions


def abs_(a: Any) -> Any:
    """The magnitude of a number."""
    _need_numbers("abs", a)
    return abs(a)


def min_(*values: Any) -> Any:
    """The smallest of the numbers."""
    _need_numbers("min", *values)
    return min(values)


def max_(*values: Any) -> Any:
    """The largest of the numbers."""
    _need_numbers("max", *values)
    return max(values)


def clamp(value: Any, low: Any, high: Any) -> Any:
    """``value``, but not below ``low`` and not above ``high``; ``low`` wins when they cross."""
    _need_numbers("clamp", value, low, high)
    return max(low, min(value, high))


def round_(a: Any, digits: Any = None) -> Any:
    """To the nearest whole number, half to even, as an int; with ``digits`` (0 to 15), to that many decimals as a
    float. Raises :class:`EvaluationError` for other digits."""
    _need_numbers("round", a)
    if digits is None:
        return _whole(round, a)
    if type(digits) is not int or not 0 <= digits <= 15:
        raise EvaluationError("round takes 0 to 15 digits")
    return cast(float, _number(lambda: float(round(a, digits))))


def floor(a: Any) -> int:
    """The next whole number below, as an int."""
    _need_numbers("floor", a)
    return _whole(math.floor, a)


def ceil(a: Any) -> int:
    """The next whole number above, as an int."""
    _need_numbers("ceil", a)
    return _whole(math.ceil, a)


def _whole(function: Callable[[Any], Any], a: Any) -> int:
    try:
        return int(function(a))
    except (OverflowError, ValueError):
        raise EvaluationError(f"{a} has no whole number") from None


def len_(a: Any) -> int:
    """The length of a string (characters), bytes, list or mapping. Raises :class:`EvaluationError` for others."""
    if isinstance(a, (str, bytes, list, dict)):
        return len(a)
    raise EvaluationError(f"{kind_of(a)} has no length")


def int_(a: Any) -> int:
    """A number cut towards zero, True and False as 1 and 0, or the decimal number in a string. Raises
    :class:`EvaluationError` for others."""
    if isinstance(a, (int, float)):
        return _whole(int, a)
    if isinstance(a, str) and len(a) <= 20 and _plain(a):
        try:
            return int(a)
        except ValueError:
            pass
    raise EvaluationError(f"int of {shown(a)} has no meaning")


def float_(a: Any) -> float:
    """A number as float, or the number in a string. Raises :class:`EvaluationError` for others."""
    if is_number(a) or (isinstance(a, str) and len(a) <= 40 and _plain(a)):
        try:
            return float(a)
        except (ValueError, OverflowError):
            pass
    raise EvaluationError(f"float of {shown(a)} has no meaning")


def _plain(text: str) -> bool:
    """Without what only Python takes for a part of a number: digits of other scripts, underscores."""
    return text.isascii() and "_" not in text


def bool_(a: Any) -> bool:
    """A bool as it is; a number is True unless it is zero. Raises :class:`EvaluationError` for others."""
    if isinstance(a, (int, float)):
        return a != 0
    raise EvaluationError(f"bool of {kind_of(a)} has no meaning")


def str_(a: Any) -> str:
    """The text of a value: numbers as Python writes them, bytes as hexadecimal digits. (The loader turns ``str`` of a
    duration into ``duration_text``.) Raises :class:`EvaluationError` for lists, mappings and numbers beyond 64 bits."""
    if isinstance(a, str):
        return a
    if isinstance(a, bytes):
        return a.hex()
    if isinstance(a, (list, dict)):
        raise EvaluationError(f"str of {kind_of(a)} has no meaning")
    if type(a) is int and not INT_MIN <= a <= INT_MAX:
        raise EvaluationError("the number is too large")
    return str(a)


def duration_text(a: Any) -> str:
    """A duration (ns) as it is written in a chart, in its largest whole unit: ``250 ms``, ``90 s``, ``-1 us``. Raises
    :class:`EvaluationError` for anything but an int."""
    if type(a) is not int:
        raise EvaluationError(f"{kind_of(a)} is no duration")
    count, unit = in_largest_unit(a)
    return f"{str_(count)} {unit}"


def show(a: Any) -> str:
    """The text of any value for people: what a ``log`` puts in place of ``{expr}``. Long ones are cut."""
    try:
        return str_(a)
    except EvaluationError:
        try:
            text = kind_of(a) if unwieldy(a) else repr(a)
        except ValueError:  # an integer of thousands of digits
            text = kind_of(a)
        return text if len(text) <= 1000 else text[:1000] + "…"


def hex_(text: Any) -> bytes:
    """The bytes of a string of hexadecimal digits, with or without spaces and colons between bytes. Raises
    :class:`EvaluationError` for others."""
    if isinstance(text, str) and len(text) <= MAX_LENGTH:
        try:
            return bytes.fromhex(text.replace(":", " "))
        except ValueError:
            pass
    raise EvaluationError(f"hex of {shown(text)} has no meaning")


def sum_(values: Any) -> Any:
    """The numbers of a list together; 0 of an empty one. Raises ``EvaluationError`` for anything else."""
    if not isinstance(values, list):
        raise EvaluationError(f"sum needs a list, not {kind_of(values)}")
    total: Any = 0
    for value in values:
        _need_numbers("sum", value)
        total = add(total, value)
    return total


def range_(count: Any) -> list[int]:
    """0, 1, … up to ``count`` - 1. Raises ``EvaluationError`` unless ``count`` is an int from 0 to ``MAX_LENGTH``."""
    if type(count) is not int or not 0 <= count <= MAX_LENGTH:
        raise EvaluationError(f"range of {shown(count)} has no meaning")
    return list(range(count))


def replaced(values: Any, position: Any, value: Any) -> list[Any]:
    """The list with another element at a position. Raises ``EvaluationError`` for a position outside it."""
    index(values, position)
    if not isinstance(values, list):
        raise EvaluationError(f"replaced needs a list, not {kind_of(values)}")
    return [*values[:position], value, *values[position + 1 :]]


def index_of(values: Any, value: Any) -> int:
    """Where a list has a value first, from 0. Raises ``EvaluationError`` when it has it nowhere."""
    if not isinstance(values, list):
        raise EvaluationError(f"index needs a list, not {kind_of(values)}")
    for position, item in enumerate(values):
        if eq(item, value):
            return position
    raise EvaluationError(f"{shown(value)} is not in the list")


def lower(text: Any) -> str:
    """A string in small letters. Raises :class:`EvaluationError` for other values."""
    if isinstance(text, str):
        return text.lower()
    raise EvaluationError(f"lower of {kind_of(text)} has no meaning")


def startswith(text: Any, prefix: Any) -> bool:
    """Whether a string begins with another. Raises :class:`EvaluationError` for other values."""
    if isinstance(text, str) and isinstance(prefix, str):
        return text.startswith(prefix)
    raise EvaluationError(f"startswith of {kind_of(text)} and {kind_of(prefix)} has no meaning")


def truthy(a: Any) -> bool:
    """How an imported document takes a value as a condition: false are None, False, zero and what is empty."""
    return bool(a)


def json_(text: Any) -> Any:
    """The value of a JSON text; for imported documents. Raises :class:`EvaluationError` for others, and for a value too
    large or too deep."""
    import json

    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        raise EvaluationError(f"json of {kind_of(text)} has no meaning")
    try:
        value = json.loads(text, parse_constant=float)
    except (ValueError, RecursionError):
        raise EvaluationError("this is no JSON") from None
    why = unwieldy(value)
    if why:
        raise EvaluationError(why)
    return value


def is_list(a: Any) -> bool:
    """Whether it is a list."""
    return isinstance(a, list)


def duration(text: Any) -> int:
    """The nanoseconds of a text such as ``250ms`` or ``1.5 s`` (SCXML takes the delays of CSS2). Raises
    :class:`EvaluationError` for others."""
    if not isinstance(text, str):
        raise EvaluationError(f"duration of {kind_of(text)} has no meaning")
    try:
        return read_duration(text)
    except ValueError as error:
        raise EvaluationError(f"duration: {error}") from None


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": div,
    "//": floordiv,
    "%": mod,
}

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "in": contains,
    "not in": contains_not,
}

# `duration_text` and `checked` are functions of the tree, never of the text; `checked` is not listed: it also takes the
# type of its node as well.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs_,
    "bool": bool_,
    "ceil": ceil,
    "clamp": clamp,
    "duration": duration,
    "duration_text": duration_text,
    "float": float_,
    "floor": floor,
    "hex": hex_,
    "index": index_of,
    "int": int_,
    "is_list": is_list,
    "json": json_,
    "len": len_,
    "lower": lower,
    "max": max_,
    "min": min_,
    "range": range_,
    "replaced": replaced,
    "round": round_,
    "startswith": startswith,
    "str": str_,
    "sum": sum_,
    "truthy": truthy,
}
