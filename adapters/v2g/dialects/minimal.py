"""The smallest message of a class: every required field with its smallest value. Refusals use it, where only the code
matters."""

from __future__ import annotations

from typing import Any

from adapters.v2g.exi.messages import Field, Message
from adapters.v2g.exi.values import Boolean, Enumeration, Integer, Octets, Text
from adapters.v2g.schema.units import unit_of


def minimal(kind: type[Message], member: str = "DC_") -> Message:
    """An instance of ``kind`` that its schema accepts, with nothing optional in it. Where one of several must stand, it
    is the first; of a substitution group the first whose name begins with ``member``."""
    values: dict[str, Any] = {}
    for field in kind.FIELDS:
        if field.least:
            one = _value(field, member)
            values[field.name] = [one] * field.least if field.repeated else one
    for required, names in kind.CHOICES:
        if required and values.keys().isdisjoint(names):
            chosen = next(field for field in kind.FIELDS if field.name == names[0])
            values[chosen.name] = _value(chosen, member)
    return kind(**values)


def _value(field: Field, member: str) -> Any:
    kind = field.type
    if field.form == "group":
        members = kind.values()
        chosen = next((m for m in members if m.__name__.startswith(member)), next(iter(members)))
        return minimal(chosen, member)
    if isinstance(kind, type):
        least: Any = minimal(kind, member)
        if getattr(least, "Unit", None) is not None:  # no voltage in hours
            least.Unit = unit_of(field.name, kind.__name__) or least.Unit
        return least
    if isinstance(kind, Enumeration):
        return kind.values[0]
    if isinstance(kind, Integer):
        return max(kind.low or 0, 0)
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Octets):
        return bytes(max(kind.least, 1))
    if isinstance(kind, Text):
        return "0" * kind.least
    raise TypeError(f"no least value of {field.name}: {kind!r}")
