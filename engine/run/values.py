"""Checks values against declared types where they enter or leave the typed world: adapters, the user, files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from engine.language.expr.fast_checks import fast_check
from engine.language.expr.functions import type_error
from engine.language.model import Chart
from engine.language.traverse import event_definition
from engine.language.types import Kind, Type
from engine.semantics.errors import PayloadError


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
    why = type_error(value, expected)
    if why:
        raise ValueError(why)
    if kind is Kind.FLOAT and value != value:
        raise ValueError("not-a-number where a number is needed")
    return float(value) if kind is Kind.FLOAT and type(value) is int else value


class Fields:
    """The fields of a payload, an argument list or a result (``what``, for messages), ready to check many of them."""

    def __init__(self, fields: Mapping[str, Type], what: str) -> None:
        self._what = what
        self._fields = {name: fast_check(check_value, kind) for name, kind in fields.items()}

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
            why = error if name in given else f"is missing ({error})"
            raise ValueError(f"{self._what}, field {name!r}: {why}") from None
        return checked


class Payloads:
    """What the events of one chart carry: the one check of what comes to a machine from outside, by ``Machine.send``,
    ``System.post`` or the command line."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._fields: dict[str, Fields | None] = {}

    def check(self, event: str, data: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """The payload as a machine keeps it, with every declared field. Raises
        :class:`engine.semantics.errors.PayloadError`.

        The data of an event that nothing declares, or that declares no payload, are taken as they are.
        """
        if not (data is None or isinstance(data, Mapping)):
            raise PayloadError(f"event {event}: its data must be a mapping of fields, not {type(data).__name__}")
        fields = self._fields[event] if event in self._fields else self._of(event)
        if fields is None:
            return None if data is None else dict(data)
        try:
            return fields.check(data or {}) or None
        except ValueError as error:
            raise PayloadError(str(error)) from None

    def _of(self, event: str) -> Fields | None:
        if not isinstance(event, str):
            raise TypeError(f"an event's name is text, not {type(event).__name__}")
        definition = event_definition(self._chart, event)
        if definition is None:
            return None  # not kept: there is no end of such names
        fields = None if definition.payload is None else Fields(definition.payload, f"event {event}")
        self._fields[event] = fields
        return fields


@lru_cache(maxsize=512)
def payloads(chart: Chart) -> Payloads:
    """The :class:`Payloads` of a chart, made once while many are not in use."""
    return Payloads(chart)


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
