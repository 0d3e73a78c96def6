"""Simple types: what a value may be, how it reads and writes as bits, as text and as JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Protocol

from .bits import (
    BEYOND,
    HUGE,
    MAX_INTEGER_BITS,
    SECOND_LEVEL,
    StringTable,
    length_error,
    read_octets_element,
    read_text_element,
    read_uint,
    shown,
    write_octets_element,
    write_sint,
    write_text_element,
    write_uint,
)
from .errors import ExiError, ValidationError


class Simple(Protocol):
    """A simple type at run time."""

    def check(self, x: Any) -> None:
        """Raise ``ValidationError`` when ``x`` is not a value of the type."""

    def read(self, v: int, p: int, t: StringTable, key: int) -> tuple[Any, int]:
        """Read content and end of an element of this type: value, bits left. Raises ``ExiError``."""

    def write(self, a: int, x: Any) -> int:
        """Append content and end of an element of this type. Raises ``ValidationError``."""

    def to_text(self, x: Any) -> str:
        """The XML text of a value."""

    def to_json(self, x: Any) -> Any:
        """The JSON value of a value."""

    def from_json(self, x: Any) -> Any:
        """The value of a JSON value. Raises ``ValidationError`` for a wrong JSON type; the value itself is not
        checked."""


def _end(v: int, p: int) -> int:
    p -= 1
    if v >> p & 1:
        raise ExiError(SECOND_LEVEL, remaining=p + 1)
    return p


class Text:
    """A string of ``least`` to ``most`` characters."""

    __slots__ = ("least", "most")

    def __init__(self, least: int = 0, most: int | None = None) -> None:
        self.least = least
        self.most = most

    def check(self, x: Any) -> None:
        if not isinstance(x, str):
            raise ValidationError(f"a string is required, not {shown(x)}")
        if len(x) < self.least or (self.most is not None and len(x) > self.most):
            raise ValidationError(length_error(len(x), self.least, self.most, "characters"))
        if not x.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in x):
            raise ValidationError("the string holds a surrogate, which is not a character")

    def read(self, v: int, p: int, t: StringTable, key: int) -> tuple[str, int]:
        return read_text_element(v, p, t, key, self.least, self.most)

    def write(self, a: int, x: str) -> int:
        self.check(x)
        return write_text_element(a, x, self.least, self.most)

    def to_text(self, x: str) -> str:
        return x

    def to_json(self, x: str) -> str:
        return x

    def from_json(self, x: Any) -> Any:
        return x


class Octets:
    """Binary data of ``least`` to ``most`` octets; ``notation`` is how text shows it: hex or base64."""

    __slots__ = ("least", "most", "notation")

    def __init__(self, notation: str, least: int = 0, most: int | None = None) -> None:
        self.notation = notation
        self.least = least
        self.most = most

    def check(self, x: Any) -> None:
        if not isinstance(x, bytes):
            raise ValidationError(f"bytes are required, not {shown(x)}")
        if len(x) < self.least or (self.most is not None and len(x) > self.most):
            raise ValidationError(length_error(len(x), self.least, self.most, "octets"))

    def read(self, v: int, p: int, t: StringTable, key: int) -> tuple[bytes, int]:
        return read_octets_element(v, p, t, self.least, self.most)

    def write(self, a: int, x: bytes) -> int:
        self.check(x)
        return write_octets_element(a, x, self.least, self.most)

    def to_text(self, x: bytes) -> str:
        return x.hex().upper() if self.notation == "hex" else base64.b64encode(x).decode("ascii")

    def to_json(self, x: bytes) -> str:
        return self.to_text(x)

    def from_json(self, x: Any) -> Any:
        if not isinstance(x, str):
            raise ValidationError(f"a {self.notation} string is required, not {shown(x)}")
        try:
            return bytes.fromhex(x) if self.notation == "hex" else base64.b64decode(x, validate=True)
        except (ValueError, binascii.Error) as error:
            raise ValidationError(f"not {self.notation}: {error}") from None


class Integer:
    """A whole number from ``low`` to ``high`` (None: unbounded)."""

    __slots__ = ("high", "low", "width")

    def __init__(self, low: int | None, high: int | None) -> None:
        self.low = low
        self.high = high
        self.width: int | None = None
        """Bits of the n-bit form, which EXI uses for a range of at most 4096 values."""
        if low is not None and high is not None and high - low < 4096:
            self.width = (high - low).bit_length()

    def check(self, x: Any) -> None:
        if not isinstance(x, int) or isinstance(x, bool):
            raise ValidationError(f"a whole number is required, not {shown(x)}")
        if self.low is not None and x < self.low:
            raise ValidationError(f"{shown(x)} is below {self.low}")
        if self.high is not None and x > self.high:
            raise ValidationError(f"{shown(x)} is above {self.high}")
        if not ~HUGE <= x <= HUGE:
            raise ValidationError(f"a number of {x.bit_length()} bits, at most {MAX_INTEGER_BITS} are supported")

    def read(self, v: int, p: int, t: StringTable, key: int) -> tuple[int, int]:
        p = _end(v, p)
        if self.width is not None:
            assert self.low is not None
            p -= self.width
            x = (v >> p & (1 << self.width) - 1) + self.low
        else:
            negative = False
            if self.low is None or self.low < 0:
                p -= 1
                negative = bool(v >> p & 1)
            p -= 8
            x = v >> p & 255
            if x > 127:
                limit = HUGE if self.low is None or self.high is None else max(self.high, BEYOND)
                x, p = read_uint(v, p, x, limit)
            if negative:
                x = ~x
        if (self.low is not None and x < self.low) or (self.high is not None and x > self.high):
            t.fits = False
        return x, _end(v, p)

    def write(self, a: int, x: int) -> int:
        self.check(x)
        a <<= 1
        if self.width is not None:
            assert self.low is not None
            return (a << self.width | x - self.low) << 1
        if self.low is None or self.low < 0:
            return write_sint(a, x) << 1
        return write_uint(a, x) << 1

    def to_text(self, x: int) -> str:
        return str(x)

    def to_json(self, x: int) -> int:
        return x

    def from_json(self, x: Any) -> Any:
        return x


class Boolean:
    """True or False."""

    __slots__ = ()

    def check(self, x: Any) -> None:
        if not isinstance(x, bool):
            raise ValidationError(f"true or false is required, not {shown(x)}")

    def read(self, v: int, p: int, t: StringTable, key: int) -> tuple[bool, int]:
        p -= 3
        x = v >> p & 7
        if x & 5:
            raise ExiError(SECOND_LEVEL, remaining=p + (x & 5).bit_length())
        return x == 2, p

    def write(self, a: int, x: bool) -> int:
        self.check(x)
        return a << 3 | x << 1

    def to_text(self, x: bool) -> str:
        return "true" if x else "false"

    def to_json(self, x: bool) -> bool:
        return x

    def from_json(self, x: Any) -> Any:
        return x


class Enumeration:
    """One of ``values``, in schema order: the position is the code."""

    __slots__ = ("index", "values", "width")

    def __init__(self, *values: str) -> None:
        self.values = values
        self.index = {value: position for position, value in enumerate(values)}
        self.width = (len(values) - 1).bit_length()

    def check(self, x: Any) -> None:
        if not isinstance(x, str) or x not in self.index:
            raise ValidationError(f"{shown(x)} is not one of {', '.join(self.values)}")

    def read(self, v: int, p: int, t: StringTable, key: int) -> tuple[str, int]:
        p = _end(v, p) - self.width
        x = v >> p & (1 << self.width) - 1
        if x >= len(self.values):
            raise ExiError(f"enumeration value {x} of {len(self.values)}", remaining=p + self.width)
        return self.values[x], _end(v, p)

    def write(self, a: int, x: str) -> int:
        self.check(x)
        return (a << self.width + 1 | self.index[x]) << 1

    def to_text(self, x: str) -> str:
        return x

    def to_json(self, x: str) -> str:
        return x

    def from_json(self, x: Any) -> Any:
        return x
