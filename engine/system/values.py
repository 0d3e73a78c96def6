"""Checks values against declared types where they enter or leave the typed world: adapters, the user, files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from engine.expr.functions import misfit
from engine.types import Kind, Type

_EXACT: dict[str, type] = {"float": float, "bool": bool, "string": str, "bytes": bytes}  # by the kind's value


def check_value(value: Any, expected: Type) -> Any:
    """The value as a machine stores it: ints under float become floats, tuples lists, buffers bytes.

    Raises ``ValueError`` saying what was expected and what was there; not-a-number is no number.
    """
    kind = expected.kind
    if (
        type(value) is _EXACT.get(kind._value_)
        and expected.minimum is None
        and expected.maximum is None
        and value == value
    ):
        return value  # nearly all there are
    if kind is Kind.BYTES and isinstance(value, (bytearray, memoryview)):
        value = bytes(value)
    elif kind is Kind.LIST and isinstance(value, (list, tuple)) and expected.item is not None:
        value = [check_value(item, expected.item) for item in value]
    elif kind is Kind.ENUM and isinstance(value, str):
        value = str(value)  # a StrEnum's member becomes its text
    why = misfit(value, expected)
    if why:
        raise ValueError(why)
    if kind is Kind.FLOAT and value != value:
        raise ValueError("not-a-number where a number is needed")
    return float(value) if kind is Kind.FLOAT and type(value) is int else value


def check_fields(given: Mapping[str, Any], fields: Mapping[str, Type], what: str) -> dict[str, Any]:
    """A payload, an argument list or a result against its declaration; optional fields left out become None.

    Raises ``ValueError`` naming ``what`` and the field.
    """
    checked: dict[str, Any] = {}
    for name in given:
        if name not in fields:
            raise ValueError(f"{what} has no field {name!r}{nearest(name, fields)}")
    for name, kind in fields.items():
        try:
            checked[name] = check_value(given.get(name), kind)
        except ValueError as error:
            raise ValueError(f"{what}, field {name!r}: {error}") from None
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
