"""Types and units of the chart language: data, parameters, event payloads, adapter arguments.

A value in a running machine is a plain Python object: ``bool``, ``int``, ``float``, ``str``, ``bytes``, ``list``
``dict`` (only under ``any``) or ``None``. A duration is an ``int`` of nanoseconds. A number with a unit is stored in
the unit its declaration names: data declared ``float kW`` holds kilowatts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """The kinds of value the chart language knows."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    BYTES = "bytes"
    DURATION = "duration"
    ENUM = "enum"
    LIST = "list"
    ANY = "any"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure: ``symbol`` as written, exponents of the base units, factor to the base unit.

    The base units are V, A, s, °C, %, dB, in this order; ``kW`` is ``Unit("kW", (1, 1, 0, 0, 0, 0), 1000.0)``.
    """

    symbol: str
    dimension: tuple[int, int, int, int, int, int]
    scale: float = 1.0


def _unit(
    symbol: str, v: int = 0, a: int = 0, s: int = 0, c: int = 0, pct: int = 0, db: int = 0, k: float = 1.0
) -> Unit:
    return Unit(symbol, (v, a, s, c, pct, db), k)


UNITS: dict[str, Unit] = {
    u.symbol: u
    for u in (
        _unit("V", v=1),
        _unit("mV", v=1, k=1e-3),
        _unit("kV", v=1, k=1e3),
        _unit("A", a=1),
        _unit("mA", a=1, k=1e-3),
        _unit("W", v=1, a=1),
        _unit("kW", v=1, a=1, k=1e3),
        _unit("VA", v=1, a=1),
        _unit("kVA", v=1, a=1, k=1e3),
        _unit("J", v=1, a=1, s=1),
        _unit("Wh", v=1, a=1, s=1, k=3600.0),
        _unit("kWh", v=1, a=1, s=1, k=3.6e6),
        _unit("Ah", a=1, s=1, k=3600.0),
        _unit("Ohm", v=1, a=-1),
        _unit("kOhm", v=1, a=-1, k=1e3),
        _unit("MOhm", v=1, a=-1, k=1e6),
        _unit("Ohm/V", a=-1),
        _unit("Hz", s=-1),
        _unit("kHz", s=-1, k=1e3),
        _unit("V/s", v=1, s=-1),
        _unit("A/s", a=1, s=-1),
        _unit("degC", c=1),
        _unit("%", pct=1),
        _unit("dB", db=1),
    )
}

# Duration suffixes, in nanoseconds.
DURATION_UNITS: dict[str, int] = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a value. Written in YAML as ``float V``, ``int``, ``duration``, ``bytes?`` or as a mapping.

    ``optional``: the value may be ``None``. ``values``: the literals of an enum. ``item``: the element type of a list.
    ``minimum``/``maximum``: inclusive bounds, in the declared unit (nanoseconds for a duration); for string, bytes and
    list they bound the length. ``secret``: the value is for machines and adapters only; lines, views and traces hide
    it. It is no part of what a value may be, so types that differ in it only are equal.
    """

    kind: Kind
    unit: Unit | None = None
    optional: bool = False
    values: tuple[str, ...] = ()
    item: Type | None = None
    minimum: float | int | None = None
    maximum: float | int | None = None
    secret: bool = field(default=False, compare=False)


BOOL = Type(Kind.BOOL)
INT = Type(Kind.INT)
FLOAT = Type(Kind.FLOAT)
STRING = Type(Kind.STRING)
BYTES = Type(Kind.BYTES)
DURATION = Type(Kind.DURATION)
ANY = Type(Kind.ANY, optional=True)
KEY = Type(Kind.ANY)  # of a spawned child: None would mean all of them
NONE = Type(Kind.NONE, optional=True)
