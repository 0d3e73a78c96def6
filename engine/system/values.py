"""Checks values against declared types where they enter or leave the typed world: adapters, the user, files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from engine.expr.functions import misfit
from engine.expr.quick import quick
from engine.types import Kind, Type


def check_value(value: Any, expected: Type) -> Any:
    """The value as a machine stores it: ints under float become floats, tuples lists, buffers bytes.

    Raises ``ValueError`` saying what was expected and what was there; not-a-number is no number.
    """
    kind = expected.kind
    if value is None and expected.optional:
        return None
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


class Fields:
    """The fields of a payload, an argument list or a result (``what``, for messages), ready to check many of them."""

    def __init__(self, fields: Mapping[str, Type], what: str) -> None:
        self._what = what
        self._fields = {name: quick(check_value, kind) for name, kind in fields.items()}

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """``given`` with every field, optional ones left out as None. Raises ``ValueError`` naming the field."""
        if not given.keys() <= self._fields.keys():
            name = next(name for name in given if name not in self._fields)
            raise ValueError(f"{self._what} has no field {name!r}{nearest(name, self._fields)}")
        checked: dict[str, Any] = {}
        name = ""
        try:
            for name, check in self._fields.items():
                checked[name] = check(given.get(name))
        except ValueError as error:
            raise ValueError(f"{self._what}, field {name!r}: {error}") from None
        return checked


def check_fields(given: Mapping[str, Any], fields: Mapping[str, Type], what: str) -> dict[str, Any]:
    """:meth:`Fields.check`, once."""
    return Fields(fields, what).check(given)


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
