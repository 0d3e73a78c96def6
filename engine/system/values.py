"""Checks values against declared types where they enter or leave the typed world: adapters, the user, files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from engine.types import Kind, Type

_SCALAR: dict[Kind, tuple[type[Any], ...]] = {
    Kind.BOOL: (bool,),
    Kind.INT: (int,),
    Kind.FLOAT: (float, int),
    Kind.STRING: (str,),
    Kind.BYTES: (bytes, bytearray, memoryview),
    Kind.DURATION: (int,),
    Kind.ENUM: (str,),
    Kind.LIST: (list, tuple),
}


def describe(kind: Type) -> str:
    """The type as a chart writes it: ``float V?``, ``enum(a, b)``, ``list of int``."""
    if kind.kind is Kind.ENUM:
        text = f"enum({', '.join(kind.values)})"
    elif kind.kind is Kind.LIST:
        text = f"list of {describe(kind.item)}" if kind.item else "list"
    else:
        text = kind.kind.value + (f" {kind.unit.symbol}" if kind.unit else "")
    return text + ("?" if kind.optional and kind.kind is not Kind.ANY else "")


def check_value(value: Any, expected: Type) -> Any:
    """The value as the machine stores it (ints become floats, tuples lists, buffers bytes).

    Raises ``ValueError`` saying what was expected and what was there.
    """
    kind = expected.kind
    if kind is Kind.ANY:
        return value
    if value is None:
        if expected.optional or kind is Kind.NONE:
            return None
        raise ValueError(f"expected {describe(expected)}, got nothing")
    if not isinstance(value, _SCALAR.get(kind, ())) or (isinstance(value, bool) and kind is not Kind.BOOL):
        raise ValueError(f"expected {describe(expected)}, got {value!r}"[:200])
    if kind is Kind.FLOAT:
        try:
            value = float(value)
        except OverflowError:
            raise ValueError(f"expected {describe(expected)}, got a number too large for it") from None
        if value != value:
            raise ValueError(f"expected {describe(expected)}, got not-a-number")
    elif kind is Kind.BYTES:
        value = bytes(value)
    elif kind is Kind.ENUM:
        if value not in expected.values:
            raise ValueError(f"expected one of {', '.join(expected.values)}, got {value!r}")
    elif kind is Kind.LIST and expected.item is not None:
        value = [check_value(item, expected.item) for item in value]
    measured = len(value) if kind in (Kind.STRING, Kind.BYTES, Kind.LIST) else value
    if kind not in (Kind.BOOL, Kind.ENUM):
        what = "length " if measured is not value else ""
        if expected.minimum is not None and measured < expected.minimum:
            raise ValueError(f"{what}{measured} is below the minimum {expected.minimum}")
        if expected.maximum is not None and measured > expected.maximum:
            raise ValueError(f"{what}{measured} is above the maximum {expected.maximum}")
    return value


def check_fields(given: Mapping[str, Any], fields: Mapping[str, Type], what: str) -> dict[str, Any]:
    """A payload, an argument list or a result against its declaration; optional fields left out become None.

    Raises ``ValueError`` naming ``what`` and the field.
    """
    checked: dict[str, Any] = {}
    for name, kind in fields.items():
        try:
            checked[name] = check_value(given.get(name), kind)
        except ValueError as error:
            raise ValueError(f"{what}, field {name!r}: {error}") from None
    for name in given:
        if name not in fields:
            raise ValueError(f"{what} has no field {name!r}{nearest(name, fields)}")
    return checked


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` or, without a near one, the names there are; empty when there are none."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"; there are: {shown}"
