"""Bits to numbers, strings and octets and back (EXI 1.0, chapter 7), and the string table.

Bit reading works on one big integer ``v`` that holds the whole stream and a count ``p`` of the bits not read yet, so
that ``v >> p`` ends with the bits just consumed; a stream that is too short makes ``p`` negative and the shift raises
ValueError, which the callers turn into an ExiError. Bit writing shifts into one integer ``a`` whose top bit is the
first bit of the header byte 0x80.
"""

from __future__ import annotations

from .errors import ExiError, ValidationError

MAX_INTEGER_BITS = 4096
"""Bound of ``xs:integer`` (certificate serial numbers, 160 bits in X.509), so that no stream makes giant integers."""
HUGE = (1 << MAX_INTEGER_BITS) - 1
WINDOW = 1 << 13
"""Bits after which a loop drops what it has read or hands on what it has written, so that time stays linear."""
BIT = {False: 0, True: 1}
BEYOND = (1 << 63) - 1
"""The largest number that is read where a facet allows less (a misfit); what is larger is no message."""
MAX_TABLE_CHARACTERS = 1 << 23
"""Characters that string table hits may add to one message."""


class StringTable:
    """The value partitions of one stream (EXI 1.0, 7.3.3). V2G encoders never refer to them; a decoder has to follow.

    ``fits`` becomes False at a value beyond a facet of its type that the grammar does not know.
    """

    __slots__ = ("copied", "depth", "events", "everything", "fits", "local")

    def __init__(self) -> None:
        self.everything: list[str] = []
        self.local: dict[int, list[str]] = {}
        self.copied = 0
        self.depth = 0
        self.events = 0
        self.fits = True

    def add(self, key: int, value: str) -> None:
        """Enter a literal value of the element or attribute ``key``."""
        self.everything.append(value)
        self.local.setdefault(key, []).append(value)

    def hit(self, v: int, p: int, partition: list[str]) -> tuple[str, int]:
        """Read a compact identifier into ``partition``: the string, and the bits left. Raises ``ExiError`` for an entry
        that is not there, or when hits make the message too large."""
        width = (len(partition) - 1).bit_length() if partition else 0
        p -= width
        index = v >> p & (1 << width) - 1
        if index >= len(partition):
            raise ExiError(f"string table has {len(partition)} entries, entry {index} asked for", remaining=p + width)
        self.copied += len(partition[index])
        if self.copied > MAX_TABLE_CHARACTERS:
            raise ExiError("string table hits make the message too large", remaining=p + width)
        return partition[index], p


def read_uint(v: int, p: int, first: int, limit: int) -> tuple[int, int]:
    """The rest of an unsigned integer (EXI 7.1.6) whose ``first`` octet, greater than 127, has been read; and the bits
    left.

    EXI allows an encoder to append octets that add zeros (only Canonical EXI forbids it), so they are read too. Raises
    ``ExiError`` above ``limit``.
    """
    start = p + 8
    value = first & 127
    shift = 7
    while True:
        p -= 8
        octet = v >> p & 255
        value |= (octet & 127) << shift
        if octet < 128:
            if value > limit:
                raise ExiError(f"{shown(value)} is above {shown(limit)}", remaining=start)
            return value, p
        shift += 7
        if shift > MAX_INTEGER_BITS or value > limit:
            raise ExiError(f"integer is longer than its type allows (at most {shown(limit)})", remaining=start)


def write_uint(a: int, x: int) -> int:
    """Appends an unsigned integer."""
    while x > 127:
        a = a << 8 | x & 127 | 128
        x >>= 7
    return a << 8 | x


def write_sint(a: int, x: int) -> int:
    """Appends a signed integer (EXI 7.1.5): sign, then the magnitude, of negative numbers less one."""
    a <<= 1
    if x < 0:
        a |= 1
        x = ~x
    if x < 128:
        return a << 8 | x
    if x < 16384:
        return a << 16 | (x & 127 | 128) << 8 | x >> 7
    return write_uint(a, x)


def read_text(v: int, p: int, t: StringTable, key: int, least: int, most: int | None) -> tuple[str, int]:
    """A string, literal or a hit in the string table, and the bits left. ``t.fits`` becomes False outside ``least`` to
    ``most`` characters. Raises ``ExiError``."""
    p -= 8
    n = v >> p & 255
    if n > 127:
        n, p = read_uint(v, p, n, 1 << 32)
    if n < 2:
        text, p = t.hit(v, p, t.everything if n else t.local.get(key, []))
        n = len(text)
        if n < least or (most is not None and n > most):
            t.fits = False
        return text, p
    n -= 2
    if n < least or (most is not None and n > most):
        t.fits = False
    if n * 8 > p:
        raise ExiError(f"stream ends inside a string of {n} characters", remaining=0)
    octets = (v >> p - n * 8 & (1 << n * 8) - 1).to_bytes(n, "big")
    if octets.isascii():
        text = octets.decode("ascii")
        p -= n * 8
    else:
        text, p = _read_code_points(v, p, n)
    if n:
        t.add(key, text)
    return text, p


def _read_code_points(v: int, p: int, n: int) -> tuple[str, int]:
    characters = []
    origin = p
    for _ in range(n):
        if origin - p > WINDOW:
            origin = p
            v &= (1 << p) - 1
        start = p
        p -= 8
        c = v >> p & 255
        if c > 127:
            c, p = read_uint(v, p, c, 0x10FFFF)
        if 0xD800 <= c <= 0xDFFF:
            raise ExiError(f"U+{c:04X} is a surrogate, not a character", remaining=start)
        characters.append(chr(c))
    return "".join(characters), p


def read_text_element(v: int, p: int, t: StringTable, key: int, least: int, most: int | None) -> tuple[str, int]:
    """Content and end of an element that holds a string; an empty one may end at once by a second-level code."""
    p -= 1
    if v >> p & 1:
        return "", read_empty(v, p, t, least)
    return read_text_rest(v, p, t, key, least, most)


def read_text_rest(v: int, p: int, t: StringTable, key: int, least: int, most: int | None) -> tuple[str, int]:
    """:func:`read_text` and the end of the element, after the event code of the characters. Raises ``ExiError``."""
    text, p = read_text(v, p, t, key, least, most)
    p -= 1
    if v >> p & 1:
        raise ExiError(SECOND_LEVEL, remaining=p + 1)
    return text, p


def read_octets_element(v: int, p: int, t: StringTable, least: int, most: int | None) -> tuple[bytes, int]:
    """Content and end of an element that holds binary data."""
    p -= 1
    if v >> p & 1:
        return b"", read_empty(v, p, t, least)
    return read_octets_rest(v, p, t, least, most)


def read_octets_rest(v: int, p: int, t: StringTable, least: int, most: int | None) -> tuple[bytes, int]:
    """Octets (EXI 7.1.1) and the end of the element, after the event code of the characters. ``t.fits`` becomes False
    outside ``least`` to ``most`` octets. Raises ``ExiError``."""
    p -= 8
    n = v >> p & 255
    if n > 127:
        n, p = read_uint(v, p, n, 1 << 32)
    if n < least or (most is not None and n > most):
        t.fits = False
    bits = n * 8 + 1
    if bits > p:
        raise ExiError(f"stream ends inside a value of {n} octets", remaining=0)
    p -= bits
    x = v >> p & (1 << bits) - 1
    if x & 1:
        raise ExiError(SECOND_LEVEL, remaining=p + 1)
    return (x >> 1).to_bytes(n, "big"), p


SECOND_LEVEL = "event code for content that the schema does not declare"


def read_empty(v: int, p: int, t: StringTable, least: int) -> int:
    """Read the second-level end of element after a first-level escape, which is how EXI codes an empty value. Raises
    ``ExiError`` for another second-level code."""
    p -= 3
    if v >> p & 7:
        raise ExiError(SECOND_LEVEL, remaining=p + 3)
    if least:
        t.fits = False
    return p


def write_text(a: int, x: str, least: int, most: int | None) -> int:
    """Append a string as a literal. Raises ``ValidationError`` outside ``least`` to ``most`` characters, or for a
    surrogate."""
    n = len(x)
    if n < least or (most is not None and n > most):
        raise ValidationError(length_error(n, least, most, "characters"))
    a = write_uint(a, n + 2)
    if x.isascii():
        return a << n * 8 | int.from_bytes(x.encode("ascii"), "big")
    octets = bytearray()
    for character in x:
        c = ord(character)
        if 0xD800 <= c <= 0xDFFF:
            raise ValidationError(f"U+{c:04X} is a surrogate, not a character")
        while c > 127:
            octets.append(c & 127 | 128)
            c >>= 7
        octets.append(c)
    return a << len(octets) * 8 | int.from_bytes(octets, "big")


def write_text_element(a: int, x: str, least: int, most: int | None) -> int:
    """Appends content and end of an element that holds a string."""
    if x == "" and least == 0:
        return a << 4 | 8
    return write_text(a << 1, x, least, most) << 1


def write_octets(a: int, x: bytes, least: int, most: int | None) -> int:
    """Append a binary value. Raises ``ValidationError`` outside ``least`` to ``most`` octets."""
    n = len(x)
    if n < least or (most is not None and n > most):
        raise ValidationError(length_error(n, least, most, "octets"))
    return write_uint(a, n) << n * 8 | int.from_bytes(x, "big")


def write_octets_element(a: int, x: bytes, least: int, most: int | None) -> int:
    """Appends content and end of an element that holds binary data."""
    if x == b"" and least == 0:
        return a << 4 | 8
    return write_octets(a << 1, x, least, most) << 1


def write_text_rest(a: int, x: str, least: int, most: int | None) -> int:
    """Append a string and the end of its element where an absent attribute made the event code two bits wide."""
    if x == "" and least == 0:
        return a << 5 | 16
    return write_text(a << 2 | 1, x, least, most) << 1


def write_octets_rest(a: int, x: bytes, least: int, most: int | None) -> int:
    """Append octets and the end of their element where an absent attribute made the event code two bits wide."""
    if x == b"" and least == 0:
        return a << 5 | 16
    return write_octets(a << 2 | 1, x, least, most) << 1


def length_error(n: int, least: int, most: int | None, what: str) -> str:
    """What is wrong with a length of ``n``, for an error message."""
    if most is None:
        return f"{n} {what}, at least {least} are required"
    if least == most:
        return f"{n} {what}, exactly {least} are required"
    return f"{n} {what}, {least} to {most} are allowed"


def shown(x: object) -> str:
    """A value for an error message, cut when long."""
    if isinstance(x, int) and not isinstance(x, bool) and x.bit_length() > 256:
        return f"a number of {x.bit_length()} bits"
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."
