"""Numbers with units to PhysicalValueType of DIN and ISO 15118-2, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from adapters.v2g import codec

NS_PER_S = 1_000_000_000
LONGEST_NS = (1 << 63) - 1


@lru_cache(maxsize=4096)
def physical(protocol: str, number: float, unit: str) -> Any:
    """The PhysicalValueType nearest to ``number``. Equal values share one object, which nobody changes."""
    return codec.messages(protocol).PhysicalValueType.nearest(number, unit)


def optional_physical(protocol: str, number: float | None, unit: str) -> Any:
    """:func:`physical`, and None for None."""
    return None if number is None else physical(protocol, number, unit)


def number(value: Any, unit: str) -> float:
    """The number of a PhysicalValueType in ``unit``. Raises ``ValidationError`` when the value says another unit."""
    return float(value.value_in_unit(unit))


def optional_number(value: Any, unit: str) -> float | None:
    """:func:`number`, and None for None. Raises ``ValidationError`` too."""
    return None if value is None else number(value, unit)


def seconds_ns(value: Any) -> int | None:
    """A duration (s) in nanoseconds."""
    return None if value is None else nanoseconds(number(value, "s"))


def nanoseconds(seconds: float) -> int:
    """Seconds in nanoseconds, at most the longest duration there is."""
    return max(-LONGEST_NS, min(round(seconds * NS_PER_S), LONGEST_NS))
