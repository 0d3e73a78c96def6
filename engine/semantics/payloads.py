"""The payloads of a chart's events."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.language.model import Chart
from engine.language.traverse import event_definition
from engine.language.values import Fields
from engine.semantics.errors import PayloadError


def check_payload(chart: Chart, event: str, data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The payload as a machine keeps it, with every declared field. This is the one check of what enters a machine from
    outside, by ``Machine.send``, ``System.post`` or the command line.

    Data of an event that is not declared, or is declared without a payload, are taken as they are. Raises
    :class:`engine.semantics.errors.PayloadError`.
    """
    if not (data is None or type(data) is dict or isinstance(data, Mapping)):
        raise PayloadError(f"event {event}: its data must be a mapping of fields, not {type(data).__name__}")
    known = _known(chart)
    fields = known[event] if event in known else _fields_of(chart, event)
    if fields is None:
        return None if data is None else dict(data)
    try:
        return fields.check(data or {}) or None
    except ValueError as error:
        raise PayloadError(str(error)) from None


@lru_cache(maxsize=512)
def _known(chart: Chart) -> dict[str, Fields | None]:
    """The declared events of a chart met so far."""
    return {}


def _fields_of(chart: Chart, event: str) -> Fields | None:
    if not isinstance(event, str):
        raise TypeError(f"an event's name is text, not {type(event).__name__}")
    definition = event_definition(chart, event)
    if definition is None:
        return None  # not kept: there is no end of such names
    fields = None if definition.payload is None else Fields(definition.payload, f"event {event}")
    _known(chart)[event] = fields
    return fields
