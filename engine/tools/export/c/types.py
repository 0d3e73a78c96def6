"""Types of the chart language in C: what holds a value, and the range it has."""

from __future__ import annotations

from dataclasses import dataclass

from engine.language.types import Kind, Type
from engine.language.values import INT_MAX, INT_MIN, describe

TEXT_OCTETS = 255  # of a string that declares no maximum
WHOLE = (Kind.INT, Kind.DURATION)
_SIZES = [
    *(("uint8_t", 0, 2**8 - 1), ("int8_t", -(2**7), 2**7 - 1), ("uint16_t", 0, 2**16 - 1)),
    *(("int16_t", -(2**15), 2**15 - 1), ("uint32_t", 0, 2**32 - 1), ("int32_t", -(2**31), 2**31 - 1)),
]


class NotInC(Exception):
    """A construct that the export does not translate. The message says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest whole number a value may be."""

    low: int
    high: int

    @property
    def fits(self) -> bool:
        """Whether 64 bits, signed, hold them all."""
        return self.within(Range(INT_MIN, INT_MAX))

    def within(self, other: Range) -> bool:
        """Whether all of it lies in another one."""
        return other.low <= self.low and self.high <= other.high

    def joined(self, other: Range) -> Range:
        """Both together."""
        return Range(min(self.low, other.low), max(self.high, other.high))


def whole_range(type_: Type) -> Range:
    """The range of a declared int or duration.

    Raises:
        NotInC: a bound is no whole number of 64 bits, signed.
    """
    low = INT_MIN if type_.minimum is None else type_.minimum
    high = INT_MAX if type_.maximum is None else type_.maximum
    if low != int(low) or high != int(high) or not Range(int(low), int(high)).fits:
        raise NotInC(
            f"{describe(type_)} from {low} to {high} fits no integer type of C: declare whole bounds of 64 bits"
        )
    return Range(int(low), int(high))


def text_octets(type_: Type) -> int:
    """How many octets a string may have."""
    return TEXT_OCTETS if type_.maximum is None else int(type_.maximum)


def c_type(type_: Type, words: str) -> str:
    """What holds a value, but for a string: that is an array of ``char``. ``words``: the enumeration of the chart.

    Raises:
        NotInC: a type that the export does not translate.
    """
    if type_.optional:
        raise NotInC(f"{describe(type_)}: a value that may be None is not translated")
    match type_.kind:
        case Kind.BOOL:
            return "bool"
        case Kind.FLOAT:
            return "double"
        case Kind.ENUM:
            return words
        case Kind.INT | Kind.DURATION:
            own = whole_range(type_)
            return next((name for name, low, high in _SIZES if own.within(Range(low, high))), "int64_t")
        case Kind.STRING:
            return "char"
    raise NotInC(f"{describe(type_)} is not translated")


def declared(type_: Type, name: str, words: str) -> str:
    """The declaration of a member that holds a value. Raises :class:`NotInC`."""
    held = c_type(type_, words)
    return f"char {name}[{text_octets(type_) + 1}]" if type_.kind is Kind.STRING else f"{held} {name}"


def passed(type_: Type, name: str, words: str) -> str:
    """The declaration of an argument. Raises :class:`NotInC`."""
    held = c_type(type_, words)
    return f"const char *{name}" if type_.kind is Kind.STRING else f"{held} {name}"
