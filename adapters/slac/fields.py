"""Messages as tables of fields, with one reader and one writer for all tables. Sans-I/O.

    Table(AmpMap, Field("amlen", "H"), Items("amdata", "octets", count="amlen", per=2))

A table lists the fields as they are on the wire, in that order. Its dataclass has fields of the same names, in the
order that suits those who build a message.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

BadKind = Literal[
    "short",
    "too_long",
    "ethertype",
    "mmv",
    "fragment",
    "unknown_mmtype",
    "unknown_oui",
    "length",
    "value",
    "mvf_length",
    "mvf_length_big_endian",
    "nonconforming",
]


class Malformed(Exception):
    """Octets that do not match their table: ``kind`` and ``reason``. ``message`` is what they say when the fault is
    overlooked."""

    def __init__(self, kind: BadKind, reason: str, message: Any = None) -> None:
        super().__init__(reason)
        self.kind: BadKind = kind
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Field:
    """A field of fixed width. ``code`` is a :mod:`struct` code; numbers are little endian, octet strings are written
    ``17s``.

    ``8x`` are reserved octets: sent as zeros, not read. ``#aag`` is not a field of the message but the number of items
    in its field ``aag``; ``#`` alone is the number of octets that follow.
    """

    name: str
    code: str


RESERVED = ""
"""Name of reserved octets."""


@dataclass(frozen=True, slots=True)
class Items:
    """The end of a table: as many items as the field ``count`` says, ``per`` of them in an octet, at least ``least``.

    ``of`` says what an item is: octets, text (latin-1, one character per octet), 16-bit numbers, or records of a bound
    table.
    """

    name: str
    of: Literal["octets", "text", "numbers"] | Table
    count: str
    per: int = 1
    least: int = 0

    def read(self, frame: bytes, at: int, count: int, count_at: int) -> tuple[Any, int]:
        """The value and the position of the octet after it. Raises :class:`Malformed` when there are too few items, or
        more than the frame holds: its length bounds ``count``, which a peer has written."""
        if count < self.least:
            raise Malformed(
                "value", f"octet {count_at}: {count} items of {self.name}, at least {self.least} are needed"
            )
        width = 2 if self.of == "numbers" else self.of.head.size if isinstance(self.of, Table) else 1
        end = at + (count + self.per - 1) // self.per * width
        if end > len(frame):
            reason = f"octet {count_at}: {end - at} octets of {self.name} announced, the frame holds {len(frame) - at}"
            raise Malformed("length", reason)
        if self.of == "octets":
            return frame[at:end], end
        if self.of == "text":
            return frame[at:end].decode("latin-1"), end
        if self.of == "numbers":
            return struct.unpack(f"<{count}H", frame[at:end]), end
        records, end = [], at
        for _ in range(count):
            record, end = self.of.read(frame, end)
            records.append(record)
        return tuple(records), end

    def write(self, message: Any) -> bytes:
        """The items of a message as octets."""
        value = getattr(message, self.name)
        if isinstance(self.of, Table):
            return b"".join(self.of.write(record) for record in value)
        if self.of == "numbers":
            return struct.pack(f"<{len(value)}H", *value)
        written: bytes = value.encode("latin-1") if self.of == "text" else value
        if not self.count.startswith("#"):
            octets(written, (getattr(message, self.count) + self.per - 1) // self.per, self.name)
        return written


@dataclass(frozen=True, slots=True)
class When:
    """The end of a table that is there only if the field ``count`` is ``value``; ``absent`` is the value otherwise."""

    name: str
    table: Table
    count: str
    value: int
    absent: Any

    def read(self, frame: bytes, at: int, count: int, count_at: int) -> tuple[Any, int]:
        """The value and the position of the octet after it. Raises :class:`Malformed` like :meth:`Items.read`."""
        if count != self.value:
            return self.absent, at
        return self.table.read(frame, at)

    def write(self, message: Any) -> bytes:
        """The octets of a message's end, empty when it is absent."""
        return self.table.write(message) if getattr(message, self.count) == self.value else b""


class Table:
    """The fields of a dataclass: some of fixed width, then perhaps :class:`Items` or :class:`When`. Without a dataclass
    (None) the table is of a single value.

    A field that is a class variable of the dataclass is always sent with that value. A received ``MVF_LENGTH`` must
    equal it.
    """

    def __init__(self, made: type | None, *columns: Field | Items | When) -> None:
        self._made = made
        self._heads = [column for column in columns if isinstance(column, Field)]
        self._rest = columns[-1] if not isinstance(columns[-1], Field) else None
        self.head = struct.Struct("<" + "".join(column.code for column in self._heads))
        ends = accumulate((struct.calcsize("<" + column.code) for column in self._heads), initial=0)
        self._starts = {column.name: start for column, start in zip(self._heads, ends, strict=False)}

    @cached_property
    def read(self) -> Callable[..., tuple[Any, int]]:
        """``read(frame, at=0)`` returns the message at octet ``at`` and the position after it. It raises
        :class:`Malformed`."""
        names = [_variable(column.name) for column in self._heads if column.name]
        lines = [
            "def run(frame, at=0):",
            f"    end = at + {self.head.size}",
            "    if len(frame) < end: raise short(frame, end)",
            f"    {', '.join(names)}, = unpack_from(frame, at)",
        ]
        if "#" in self._starts:
            lines.append(f"    check_follow(frame, at + {self._starts['#']}, {_variable('#')})")
        if self._rest:
            count, count_at = _variable(self._rest.count), self._starts[self._rest.count]
            names.append(self._rest.name)
            lines.append(f"    {names[-1]}, end = read_rest(frame, end, {count}, at + {count_at})")
        values = ", ".join(field.name for field in fields(self._made)) if self._made else names[-1]
        lines.append(f"    found = made({values})" if self._made else f"    found = {values}")
        if "MVF_LENGTH" in self._starts:
            at = self._starts["MVF_LENGTH"]
            lines.append(f"    if MVF_LENGTH != found.MVF_LENGTH: raise wrong(MVF_LENGTH, at + {at}, found)")
        return self._compiled(*lines, "    return found, end")

    @cached_property
    def write(self) -> Callable[[Any], bytes]:
        """``write(message)`` returns the octets. It raises ``ValueError`` or ``struct.error`` for a value that has no
        place there."""
        lines, values = ["def run(made):"], []
        if self._rest:
            lines.append("    end = write_rest(made)")
        for column in self._heads:
            value = f"made.{column.name.removeprefix('#')}"
            if column.code.endswith("s"):
                width = int(column.code[:-1])
                lines.append(f"    if len({value}) != {width}: octets({value}, {width}, '{column.name}')")
            if column.name == "#":
                values.append(f"len(end) + {self.head.size - self._starts['#'] - 2}")
            elif column.name:
                values.append(f"len({value})" if column.name.startswith("#") else value)
        return self._compiled(*lines, f"    return pack({', '.join(values)}){' + end' if self._rest else ''}")

    def _compiled(self, *lines: str) -> Callable[..., Any]:
        """The function ``run`` of these lines, which come from the table alone (as dataclasses make ``__init__``)."""
        known: dict[str, Any] = {"made": self._made, "pack": self.head.pack, "unpack_from": self.head.unpack_from}
        known |= {"short": _short, "check_follow": _check_follow, "wrong": _wrong, "octets": octets}
        if self._rest:
            known |= {"read_rest": self._rest.read, "write_rest": self._rest.write}
        exec("\n".join(lines), known)
        run: Callable[..., Any] = known["run"]
        return run


def _variable(name: str) -> str:
    return name.replace("#", "number_of_")


def octets(value: bytes, length: int, name: str) -> bytes:
    """Return ``value``, which must have exactly ``length`` octets (``struct`` would pad or cut it silently); else
    raises ``ValueError`` that names the field."""
    if len(value) != length:
        raise ValueError(f"{name} has {length} octets, not {len(value)}")
    return value


def _short(frame: bytes, end: int) -> Malformed:
    return Malformed("short", f"{len(frame)} octets, the layout needs at least {end}")


def _check_follow(frame: bytes, at: int, count: int) -> None:
    if at + 2 + count > len(frame):
        raise Malformed("length", f"octet {at}: {count} octets announced, the frame holds {len(frame) - at - 2}")


def _wrong(found: int, at: int, message: Any) -> Malformed:
    """Which wrong MVFLength it was: the other octet order has a kind of its own (a known error of some vehicles)."""
    expected = message.MVF_LENGTH
    if found == expected << 8:
        return Malformed("mvf_length_big_endian", f"octet {at}: MVFLength 0x{expected:04x} sent big endian", message)
    reason = f"octet {at}: MVFLength is 0x{found:04x}, expected 0x{expected:04x} (little endian)"
    return Malformed("mvf_length", reason, message)
