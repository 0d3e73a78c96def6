"""Arithmetic of units: which unit a product has, and how one scale becomes another."""

from __future__ import annotations

from fractions import Fraction

from engine.language.types import DURATION_UNITS, UNITS, Kind, Type, Unit

# A duration counts nanoseconds; in the arithmetic of units it is one like the others.
NANOSECOND = Unit("duration", (0, 0, 1, 0, 0, 0), 1e-9)
PLAIN = Unit("", (0, 0, 0, 0, 0, 0), 1.0)

_BASE_SYMBOLS = ("V", "A", "s", "degC", "%", "dB")


def unit_of(type_: Type) -> Unit:
    """The unit of a number or duration; :data:`PLAIN` without one."""
    if type_.kind is Kind.DURATION:
        return NANOSECOND
    return type_.unit or PLAIN


def same(a: Unit, b: Unit) -> bool:
    """Whether values in both units may be added and compared as they are (VA and W, for example)."""
    return a.dimension == b.dimension and a.scale == b.scale


def ratio(a: Unit, b: Unit) -> float:
    """The factor from a value in ``a`` to the same value in ``b``."""
    return float(Fraction(repr(a.scale)) / Fraction(repr(b.scale)))


def convert(value: int | float, a: Unit, b: Unit) -> int | float:
    """``value`` in ``a`` converted to ``b``, exact in decimals; an int stays an int where it can."""
    exact = Fraction(repr(value)) * Fraction(repr(a.scale)) / Fraction(repr(b.scale))
    if exact.denominator == 1 and (isinstance(value, int) or b is NANOSECOND):
        return int(exact)
    return float(exact)


def nanoseconds(number: int | float, symbol: str) -> int | None:
    """``number`` of the duration unit ``symbol`` in nanoseconds; None when the result is not whole."""
    exact = Fraction(repr(number)) * DURATION_UNITS[symbol]
    return int(exact) if exact.denominator == 1 else None


def product(a: Unit, b: Unit, divide: bool) -> tuple[Unit, float]:
    """The unit of ``a * b`` (or ``a / b``), and the factor that converts the product of the values to it.

    It is the unit in the table that needs no factor, else the first of its dimension, else one composed of the base
    units; pure time is a duration.
    """
    sign = -1 if divide else 1
    d, e = a.dimension, b.dimension
    dimension = (
        d[0] + sign * e[0],
        d[1] + sign * e[1],
        d[2] + sign * e[2],
        d[3] + sign * e[3],
        d[4] + sign * e[4],
        d[5] + sign * e[5],
    )
    left, right = Fraction(repr(a.scale)), Fraction(repr(b.scale))
    natural = left / right if divide else left * right
    unit = _unit_for(dimension, natural)
    return unit, float(natural / Fraction(repr(unit.scale)))


def _unit_for(dimension: tuple[int, int, int, int, int, int], scale: Fraction) -> Unit:
    if dimension == PLAIN.dimension:
        return PLAIN
    if dimension == NANOSECOND.dimension:
        return NANOSECOND
    candidates = [unit for unit in UNITS.values() if unit.dimension == dimension]
    for unit in candidates:
        if Fraction(repr(unit.scale)) == scale:
            return unit
    if candidates:
        return candidates[0]
    parts = [
        symbol if power == 1 else f"{symbol}^{power}"
        for symbol, power in zip(_BASE_SYMBOLS, dimension, strict=True)
        if power != 0
    ]
    return Unit("*".join(parts), dimension, 1.0)
