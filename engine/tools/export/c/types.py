"""Types of the chart language in C: what holds a value, and the range it has."""

from __future__ import annotations

from dataclasses import dataclass

from engine.language.types import Kind, Type
from engine.language.values import INT_MAX, INT_MIN, describe

TEXT_OCTETS = 255  # of a string that declares no maximum
OCTETS = "struct chart_octets"
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


def most_octets(type_: Type) -> int:
    """How many octets bytes may have. Raises :class:`NotInC` where that is not declared."""
    if type_.maximum is None or not 0 < type_.maximum < 2**16:
        raise NotInC("bytes of any length: declare the most by `max`")
    return int(type_.maximum)


def most_items(type_: Type) -> int:
    """How many elements a list may have. Raises :class:`NotInC` where that is not declared."""
    if type_.maximum is None or not 0 < type_.maximum < 2**8:
        raise NotInC("a list of any length: declare the most by `max`, at most 255")
    return int(type_.maximum)


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
        case Kind.BYTES:
            most_octets(type_)
            return OCTETS
        case Kind.LIST if type_.item is not None:
            c_type(type_.item, words)
            return "struct"
    raise NotInC(f"{describe(type_)} is not translated")


def declared(type_: Type, name: str, words: str) -> str:
    """The declaration of a member that holds a value. Raises :class:`NotInC`."""
    held = c_type(type_, words)
    match type_.kind:
        case Kind.STRING:
            return f"char {name}[{text_octets(type_) + 1}]"
        case Kind.BYTES:
            return f"struct {{ uint16_t length; uint8_t octet[{most_octets(type_)}]; }} {name}"
        case Kind.LIST:
            assert type_.item is not None
            if type_.item.kind in (Kind.STRING, Kind.LIST):
                raise NotInC(f"{describe(type_)}: such a list is translated as an argument of an order, only")
            return f"struct {{ uint8_t count; {declared(type_.item, f'item[{most_items(type_)}]', words)}; }} {name}"
    return f"{held} {name}"


def passed(type_: Type, name: str, words: str) -> str:
    """The declaration of an argument. Raises :class:`NotInC`."""
    if type_.kind is Kind.LIST:
        if type_.item is None or type_.item.kind is not Kind.STRING:
            raise NotInC(f"{describe(type_)}: only a list of string is translated as an argument")
        return f"const char *const *{name}, uint8_t {name}_count"
    held = kept(type_, words)
    return f"{held}{name}" if held.endswith("*") else f"{held} {name}"


def kept(type_: Type, words: str) -> str:
    """What an expression's value is kept in. Raises :class:`NotInC`."""
    held = c_type(type_, words)
    return "const char *" if type_.kind is Kind.STRING else held
