"""The values of the language, and the one meaning of "a value fits a type".

Every value that enters a running machine goes through :func:`checked`, once: parameters, payloads, readings, results of
long actions, text of files and options, and results of expressions whose type the loader could not prove.
:func:`fast_check` is the same for many values of one type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from math import inf
from typing import Any

from engine.adapter import MAX_LENGTH
from engine.language.problems import suggestion
from engine.language.types import DURATION_UNITS, Kind, Type

MAX_DEPTH = 32  # of lists and mappings in an `any` value
INT_MIN = -(2**63)
INT_MAX = 2**63 - 1

Check = Callable[[Any], Any]
"""Gives the value as it is stored, or raises :class:`EvaluationError`."""

_SIZED = (Kind.STRING, Kind.BYTES, Kind.LIST)


class EvaluationError(ValueError):
    """An expression has no value, or a value does not fit its type. In a machine it becomes ``error.execution``. The
    message gives the reason, without the place."""


def checked(value: Any, type_: Type) -> Any:
    """``value`` as it is stored under ``type_``: an int under float becomes a float, a tuple a list, a buffer bytes, a
    StrEnum's member its text.

    The loader wraps an expression in ``Call("checked", (expr,), type)`` where it cannot prove from the types that it
    fits. Raises :class:`EvaluationError` with the expected and the actual value; not-a-number is refused.
    """
    if value is None and type_.optional:
        return None
    kind = type_.kind
    if kind is Kind.LIST and type_.item is not None and isinstance(value, (list, tuple)):
        return _list(value, type_, fast_check(type_.item))
    if kind is Kind.BYTES and isinstance(value, (bytearray, memoryview)):
        value = bytes(value)
    elif kind is Kind.ENUM and isinstance(value, str):
        value = str(value)
    why = type_error(value, type_)
    if not why and kind is Kind.FLOAT and value != value:
        why = "not-a-number where a number is needed"
    if why:
        raise EvaluationError(why)
    return float(value) if kind is Kind.FLOAT and type(value) is int else value


def fast_check(type_: Type) -> Check:
    """:func:`checked` for values of one type: what plainly fits, in a run nearly all, comes back at once.

    Not-a-number lies between no bounds, so it is always for :func:`checked` to decide.
    """
    kind, low, high = type_.kind, type_.minimum, type_.maximum
    numbers = _numbers(type_)
    if numbers is not None:
        return _number(type_, *numbers)
    if kind in (Kind.STRING, Kind.BYTES):
        exact = str if kind is Kind.STRING else bytes
        return _sized(type_, exact, low or 0, MAX_LENGTH if high is None else min(high, MAX_LENGTH))
    if kind is Kind.ENUM:
        values = frozenset(type_.values)
        return lambda value: value if type(value) is str and value in values else checked(value, type_)
    if kind is Kind.BOOL:
        return lambda value: value if value is True or value is False else checked(value, type_)
    if kind is Kind.LIST and type_.item is not None:
        return _items(type_, type_.item, low or 0, MAX_LENGTH if high is None else min(high, MAX_LENGTH))
    return lambda value: checked(value, type_)


def _handed_on(type_: Type) -> Check:
    if type_.kind is not Kind.ANY:
        return fast_check(type_)
    return lambda value: checked(value, type_) if value is None else value


def _numbers(type_: Type) -> tuple[type[float] | type[int], float, float] | None:
    """The class and the bounds of the numbers that plainly fit; None for another type."""
    low, high = type_.minimum, type_.maximum
    if type_.kind is Kind.FLOAT:
        return float, -inf if low is None else low, inf if high is None else high
    if type_.kind in (Kind.INT, Kind.DURATION):
        least = INT_MIN if low is None else max(low, INT_MIN)
        return int, least, INT_MAX if high is None else min(high, INT_MAX)
    return None


def _number(type_: Type, exact: type[float] | type[int], low: float, high: float) -> Check:
    return lambda value: value if type(value) is exact and low <= value <= high else checked(value, type_)


def _sized(type_: Type, exact: type[str] | type[bytes], low: float, high: float) -> Check:
    return lambda value: value if type(value) is exact and low <= len(value) <= high else checked(value, type_)


def _items(type_: Type, of: Type, low: float, high: float) -> Check:
    """Of a list whose items plainly fit all at once."""
    item, fit = fast_check(of), _all_fit(of)

    def check(value: Any) -> Any:
        if type(value) is not list:
            return checked(value, type_)
        return value.copy() if low <= len(value) <= high and fit(value) else _list(value, type_, item)

    return check


def _all_fit(type_: Type) -> Callable[[list[Any]], bool]:
    numbers = _numbers(type_)
    if numbers is not None and numbers[0] is int:
        _, low, high = numbers
        return lambda values: set(map(type, values)) == {int} and low <= min(values) and max(values) <= high
    if type_.kind is Kind.STRING and type_.minimum is None and type_.maximum is None:
        return _short_texts
    return lambda values: False


def _short_texts(values: list[Any]) -> bool:
    try:
        return len("".join(values)) <= MAX_LENGTH
    except TypeError:
        return False


def _list(items: list[Any] | tuple[Any, ...], type_: Type, check: Check) -> list[Any]:
    why = _out_of_bounds(len(items), type_)
    if why:
        raise EvaluationError(why)
    stored: list[Any] = []
    try:
        for item in items:
            stored.append(check(item))
    except EvaluationError as error:
        raise EvaluationError(f"element {len(stored)}: {error}") from None
    return stored


def type_error(value: Any, type_: Type) -> str:
    """Why ``value``, as it is, is not of ``type_``, in a sentence; empty when it is. (Not-a-number is a float here:
    nothing may bring one in, but arithmetic on infinities makes one.)"""
    if value is None:
        needed = "a value" if type_.kind is Kind.ANY else describe(type_)
        return "" if type_.optional else f"None where {needed} is needed"
    kind = type_.kind
    if kind is Kind.ANY:
        return unwieldy(value)
    fits = _FITS.get(kind)
    if fits is None or not fits(value):
        return f"{kind_of(value)} where {describe(type_)} is needed"
    if kind is Kind.BOOL:
        return ""
    if kind is Kind.ENUM:
        return "" if value in type_.values else f"{shown(value)} is none of {', '.join(type_.values)}"
    if type(value) is int and not INT_MIN <= value <= INT_MAX:
        return "the number does not fit 64 bits"
    why = _out_of_bounds(len(value) if kind in _SIZED else value, type_)
    if not why and kind is Kind.LIST and type_.item is not None:
        errors = ((position, type_error(item, type_.item)) for position, item in enumerate(value))
        why = next((f"element {position}: {error}" for position, error in errors if error), "")
    return why


def _out_of_bounds(size: float, type_: Type) -> str:
    measured = f"length {size}" if type_.kind in _SIZED else _number_text(size, type_)
    if type_.minimum is not None and not size >= type_.minimum:
        return f"{measured} is below the minimum {_number_text(type_.minimum, type_)} of {describe(type_)}"
    if type_.maximum is not None and not size <= type_.maximum:
        return f"{measured} is above the maximum {_number_text(type_.maximum, type_)} of {describe(type_)}"
    return f"longer than {MAX_LENGTH}" if type_.kind in _SIZED and size > MAX_LENGTH else ""


def _number_text(number: float, type_: Type) -> str:
    if type_.kind is not Kind.DURATION:
        return f"{number}"
    count, unit = in_largest_unit(int(number))
    return f"{count} {unit}"


def in_largest_unit(nanoseconds: int) -> tuple[int, str]:
    """A duration as whole units of the largest kind it has: 250 and ``ms``, 90 and ``s``."""
    units = [unit for unit, size in DURATION_UNITS.items() if nanoseconds % size == 0]
    unit = units[-1] if nanoseconds else "s"
    return nanoseconds // DURATION_UNITS[unit], unit


OFTEN = 50  # checks after which a function for just these fields is worth writing


class Fields:
    """The fields of a payload, an argument list or a result (``what``, for messages), ready to check many of them.
    ``by_chart``: a chart's action gives them; an ``any`` value was counted when it came into the machine."""

    def __init__(self, fields: Mapping[str, Type], what: str, *, by_chart: bool = False) -> None:
        self._what = what
        self._types = fields
        check = _handed_on if by_chart else fast_check
        self._fields = {name: check(kind) for name, kind in fields.items()}
        self._left = OFTEN
        self._quick: Callable[[Mapping[str, Any]], dict[str, Any] | None] = self._plain

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """``given`` with every field, optional ones left out as None. Raises ``ValueError`` naming the field."""
        stored = self._quick(given)
        return self._told(given) if stored is None else stored

    def _plain(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Nearly always every field is there, and none that is unknown; else None."""
        self._left -= 1
        if self._left <= 0:
            self._quick = self._written()
        if len(given) == len(self._fields):
            try:
                return {name: check(given[name]) for name, check in self._fields.items()}
            except (KeyError, EvaluationError):
                pass
        return None

    def _written(self) -> Callable[[Mapping[str, Any]], dict[str, Any] | None]:
        """:meth:`_plain` for these fields alone. No text of theirs becomes source: all are the function's constants."""
        constants: dict[str, Any] = {"EvaluationError": EvaluationError, "ALL": self._fields.keys()}
        reads, some, values = [], [], []
        for at, (name, check) in enumerate(self._fields.items()):
            constants |= {f"K{at}": name, f"C{at}": check}
            reads.append(f"    v{at} = given[K{at}]")
            some.append(f"    v{at} = given.get(K{at})" if self._types[name].optional else reads[-1])
            numbers = _numbers(self._types[name])
            fits = f"None if v{at} is None else " if self._types[name].optional else ""
            if numbers is not None:
                constants |= {f"X{at}": numbers[0], f"L{at}": numbers[1], f"H{at}": numbers[2]}
                fits += f"v{at} if v{at}.__class__ is X{at} and L{at} <= v{at} <= H{at} else "
            values.append(f"K{at}: {fits}C{at}(v{at})")
        text = [
            f"def make({', '.join(constants)}):",
            " def check(given):",
            "  try:",
            f"   if len(given) == {len(self._fields)}:",
            *(reads or ["    pass"]),
            "   elif given.keys() <= ALL:",
            *(some or ["    pass"]),
            "   else:",
            "    return None",
            f"   return {{{', '.join(values)}}}",
            "  except (KeyError, EvaluationError):",
            "   return None",
            " return check",
        ]
        scope: dict[str, Any] = {}
        exec("\n".join(text), {}, scope)
        written: Callable[[Mapping[str, Any]], dict[str, Any] | None] = scope["make"](**constants)
        return written

    def _told(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same, field by field, so that the first that does not fit can be named."""
        if not given.keys() <= self._fields.keys():
            name = next(name for name in given if name not in self._fields)
            raise ValueError(f"{self._what} has no field {name!r}{suggestion(name, self._fields)}")
        stored: dict[str, Any] = {}
        name = ""
        try:
            for name, check in self._fields.items():
                stored[name] = check(given.get(name))
        except EvaluationError as error:
            why = error if name in given else f"is missing ({error})"
            raise ValueError(f"{self._what}, field {name!r}: {why}") from None
        return stored


def check_fields(given: Mapping[str, Any], fields: Mapping[str, Type], what: str) -> dict[str, Any]:
    """:meth:`Fields.check`, once."""
    return Fields(fields, what).check(given)


# ---------------------------------------------------------------- values and types in words


def kind_of(value: Any) -> str:
    """The name of a value's type in the chart language's words."""
    if value is None:
        return "None"
    names = {bool: "bool", int: "int", float: "float", str: "string", bytes: "bytes", list: "list", dict: "mapping"}
    return names.get(type(value), type(value).__name__)


def shown(value: Any) -> str:
    """A short text as it is, of anything else its kind."""
    return repr(value) if isinstance(value, str) and len(value) <= 40 else kind_of(value)


def describe(type_: Type) -> str:
    """A type as it is written in a chart: ``float V?``, ``list of int``, ``enum(a, b)``."""
    text = type_.kind.value
    if type_.kind is Kind.ENUM:
        text = f"enum({', '.join(type_.values)})"
    elif type_.kind is Kind.LIST:
        text = f"list of {describe(type_.item)}" if type_.item is not None else "list"
    if type_.unit is not None:
        text += f" {type_.unit.symbol}"
    if type_.optional and type_.kind not in (Kind.ANY, Kind.NONE):
        text += "?"
    return text


def is_number(value: Any) -> bool:
    """An int or a float; a bool is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def unwieldy(value: Any) -> str:
    """Why an ``any`` value is too large to keep, counted until just beyond the limit; empty when it is not."""
    count = 0
    parts: list[Any] = [value]  # of one depth; then what is in them
    for depth in range(MAX_DEPTH + 1):
        count += len(parts)
        inside: list[Any] = []
        kinds = set(map(type, parts)) if len(parts) > 1 else None
        if kinds == _TEXTS:  # of a message's objects most have texts only: all are counted at once
            count += len("".join(parts))
        elif kinds == _OBJECTS and depth < MAX_DEPTH:
            count += sum(map(len, parts))
            if count <= MAX_LENGTH:
                inside += chain.from_iterable(map(dict.values, parts))
        else:
            for part in parts:
                kind = part.__class__
                if kind is int:
                    if not INT_MIN <= part <= INT_MAX:
                        return "the number does not fit 64 bits"
                elif isinstance(part, (str, bytes)):
                    count += len(part)
                elif isinstance(part, (list, dict)):
                    count += len(part)
                    if depth == MAX_DEPTH:
                        return f"a value nested deeper than {MAX_DEPTH}"
                    if count <= MAX_LENGTH:
                        inside += part.values() if isinstance(part, dict) else part
        if count > MAX_LENGTH:
            return f"a value of more than {MAX_LENGTH} parts"
        if not inside:
            break
        parts = inside
    return ""


_TEXTS, _OBJECTS = {str}, {dict}


_FITS: dict[Kind, Callable[[Any], bool]] = {
    Kind.BOOL: lambda value: isinstance(value, bool),
    Kind.INT: lambda value: type(value) is int,
    Kind.DURATION: lambda value: type(value) is int,
    Kind.FLOAT: is_number,
    Kind.STRING: lambda value: isinstance(value, str),
    Kind.BYTES: lambda value: isinstance(value, bytes),
    Kind.ENUM: lambda value: isinstance(value, str),
    Kind.LIST: lambda value: isinstance(value, list),
}
