"""Compares two traces: the same machines must do the same; times may differ."""

from __future__ import annotations

from dataclasses import dataclass

from engine.tools.trace.reader import Record, Trace

_INCIDENTAL = ("text_hash", "session", "titles", "display", "rows")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first step in which two traces differ: its number, the records (None: this trace has ended), the fields."""

    number: int
    left: Record | None
    right: Record | None
    fields: tuple[str, ...]


def first_difference(left: Trace, right: Trace, *, times: bool = False) -> Difference | None:
    """The first difference, None when all steps are the same; ``times``: times must be the same too."""
    a, b = left.steps(), right.steps()
    for number in range(max(len(a), len(b))):
        one = a[number] if number < len(a) else None
        other = b[number] if number < len(b) else None
        fields = _differing(one, other, times)
        if fields:
            return Difference(number + 1, one, other, fields)
    return None


def _differing(one: Record | None, other: Record | None, times: bool) -> tuple[str, ...]:
    if one is None or other is None:
        return ("end of the trace",)
    ignored = _INCIDENTAL if times else (*_INCIDENTAL, "time_ns")
    names = [*one, *(name for name in other if name not in one)]
    return tuple(name for name in names if name not in ignored and _stripped(one, name) != _stripped(other, name))


def _stripped(record: Record, name: str) -> object:
    value = record.get(name)
    if name == "event" and isinstance(value, dict):  # session ids differ from run to run
        value = {key: item for key, item in value.items() if key != "origin"}
    return _alike(value)


def _alike(value: object) -> object:
    """What stands in for a secret differs from trace to trace; that there is one does not."""
    if isinstance(value, dict):
        return {key: "" if key == "$secret" else _alike(item) for key, item in value.items()}
    return [_alike(item) for item in value] if isinstance(value, list) else value
