"""Codecs as tables. A family of devices is a list of messages; a message is a pattern of the identifier, octets that
tell it from others, and fields. From the table each message gets one decoding and one encoding function, written at its
first use.

    ID = IdLayout(error=3, device=4, command=6, destination=8, source=8)
    FAMILY = Family("infy", "Infypower REG/BEG", "V1.13", [
        MessageType("set_output", "controller", ID(device=10, command=0x1C, destination="module", source=0xF0),
                    [uint("voltage", 0, 4, "V", per=1000), uint("current", 4, 4, "A", per=1000)]),
    ])
    FAMILY.decode(frame)  # a Message, a Misfit, or None: no frame of this family
    FAMILY.encode("set_output", module=1, voltage=400.0, current=10.0)

Decoding is total: whatever comes, it raises nothing. Encoding raises :class:`Unfit` for a value that its field cannot
hold. A field without a unit is an ``int``, one with a unit a ``float``; numbers are (raw - zero) / per.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from adapters.can.frame import EXTENDED_MASK, Frame, Message, Misfit

Values = dict[str, Any]
Reader = Callable[[bytes, Frame], Message | Misfit]
"""The data of a frame, and the frame for a misfit -> what it says. One is made for an identifier and a message."""
Writer = Callable[..., tuple[int, bytes]]
KNOWN: Final = 4096
"""How many readers a family keeps; then it begins anew. A bus has some dozens; somebody who sends all identifiers
fills no memory."""
_UNFIT: Final = (ValueError, OverflowError, KeyError, TypeError, AttributeError, struct.error)
"""What a writing function raises for a value that does not fit."""
_FORMATS: Final = {(1, False): "B", (2, False): "H", (4, False): "I", (1, True): "b", (2, True): "h", (4, True): "i"}


class Unfit(ValueError):
    """A value that its field of a message cannot hold, or a message that the family does not have."""


def within(name: str, number: float, least: float, most: float, *, whole: bool = False) -> None:
    """Raises ``ValueError``, which names it and its range, for a number of a profile that cannot be."""
    if not least <= number <= most or (whole and number != round(number)):
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} is {kind} from {least:g} to {most:g}, not {number:g}")


# ------------------------------------------------------------------------------------------------ fields


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: made by :func:`uint` and the functions below it.

    ``start`` and ``octets`` are its place; ``shift`` and ``width`` (bits; 0: all) its place in these octets as a
    number. ``kind``: ``number``, ``float``, ``word``, ``flags``, ``text``, ``bcd``, ``series``. ``default`` is what
    :meth:`Family.encode` takes when nobody gives a value; None: it has to be given. ``valid`` is the range that the
    source states, ``void`` that all ones mean "not given": values are read all the same, :meth:`doubt` tells people.
    """

    name: str
    kind: str
    start: int
    octets: int
    unit: str = ""
    signed: bool = False
    shift: int = 0
    width: int = 0
    per: float = 1
    times: float = 1
    zero: int = 0
    words: Mapping[int, str] = field(default_factory=dict)
    default: Any = None
    little: bool | None = None
    valid: tuple[float, float] | None = None
    void: bool = False

    def doubt(self, value: float) -> str:
        """Why a number cannot be what it says, for people: ``not given``, or out of the range of the source."""
        ones = (1 << (self.width or 8 * self.octets)) - 1
        if self.void and round(value * self.per) + self.zero == ones:
            return "not given"
        if self.valid is not None and not self.valid[0] <= value <= self.valid[1]:
            return f"out of range: {self.valid[0]:g} to {self.valid[1]:g}"
        return ""

    @property
    def type(self) -> str:
        """Its type as a contract writes it."""
        match self.kind:
            case "word":
                return f"enum({', '.join(self.words.values())})"
            case "flags":
                return "list of string"
            case "text":
                return "string"
            case "bcd":
                return "int?"
            case "series":
                return "list of float" if self.unit else "list of int"
        return f"float {self.unit}" if self.unit else "float" if self.kind == "float" else "int"


def uint(name: str, start: int, octets: int, unit: str = "", **more: Any) -> Field:
    """An unsigned number of 1 to 4 octets. ``per`` counts are one of ``unit``; ``times`` of the unit are one count;
    ``zero`` is the count that means 0; ``shift`` and ``width`` cut bits out, both or ``width`` alone."""
    return Field(name, "number", start, octets, unit, **more)


def sint(name: str, start: int, octets: int, unit: str = "", **more: Any) -> Field:
    """A number in two's complement of 1, 2 or 4 octets."""
    return Field(name, "number", start, octets, unit, signed=True, **more)


def real(name: str, start: int, unit: str = "", **more: Any) -> Field:
    """An IEEE 754 number of 4 octets; what is not finite makes a misfit."""
    return Field(name, "float", start, 4, unit, **more)


def word(name: str, start: int, words: Mapping[int, str], octets: int = 1, **more: Any) -> Field:
    """A code with a name for each value; another value makes a misfit."""
    return Field(name, "word", start, octets, words=words, **more)


def flags(name: str, start: int, octets: int, bits: Mapping[int, str], **more: Any) -> Field:
    """Bits (0 is the lowest of the octets as one number) with a name each: the list of the names of those that are set.
    A bit without a name is ``bit_N``."""
    return Field(name, "flags", start, octets, words=bits, default=more.pop("default", ()), **more)


def text(name: str, start: int, octets: int) -> Field:
    """ASCII, filled up with FF (or 00); octets beyond ASCII are written ``\\xNN``."""
    return Field(name, "text", start, octets, default="")


def bcd(name: str, start: int, octets: int = 1, **more: Any) -> Field:
    """Packed decimal digits, the lower octet first; FF is None: not told."""
    return Field(name, "bcd", start, octets, little=True, **more)


def series(name: str, start: int, octets: int, unit: str = "", **more: Any) -> Field:
    """Equal numbers of so many octets from ``start`` to the end of the message."""
    return Field(name, "series", start, octets, unit, **more)


# ------------------------------------------------------------------------------------------------ identifiers


@dataclass(frozen=True, slots=True)
class IdField:
    """A variable part of an identifier: an ``int`` in ``values``, or one of ``words``. Without ``default`` it has to be
    given: nothing is sent to everybody because somebody forgot to say to whom."""

    name: str
    shift: int
    width: int
    default: int | str | None = None
    words: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IdPattern:
    """Identifiers of one message: ``base`` where ``mask`` is set, ``fields`` elsewhere; what neither names is not
    looked at and sent as in ``base``."""

    base: int
    mask: int
    fields: tuple[IdField, ...] = ()


class IdLayout:
    """The parts of an identifier from its highest bit on, with their widths in bits. Called with a value for each part,
    it gives an :class:`IdPattern`: a number is fixed, a text makes it a field of this name, an :class:`IdField`
    likewise with its default and words, None is not looked at."""

    def __init__(self, **widths: int) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        shift = sum(widths.values())
        for name, width in widths.items():
            shift -= width
            self._places[name] = (shift, width)

    def __call__(self, **parts: int | str | IdField | None) -> IdPattern:
        """The pattern; a part that is left out is 0."""
        base, mask, fields = 0, EXTENDED_MASK, []
        for name, (shift, width) in self._places.items():
            part = parts.pop(name, 0)
            if isinstance(part, int):
                base |= part << shift
                continue
            mask &= ~(((1 << width) - 1) << shift)
            if isinstance(part, str):
                fields.append(IdField(part, shift, width))
            elif part is not None:
                fields.append(IdField(part.name, shift, width, part.default, part.words))
        if parts:
            raise TypeError(f"the identifier has no part {', '.join(parts)}")
        return IdPattern(base, mask, tuple(fields))


def exactly(can_id: int) -> IdPattern:
    """One identifier."""
    return IdPattern(can_id, EXTENDED_MASK)


# ------------------------------------------------------------------------------------------------ messages


@dataclass(frozen=True)
class MessageType:
    """A row of the table. ``match``: the first octets that make it this message, as hex digits, ``?`` for any half
    octet (``41 F0 00 01``, ``?3 00``). ``least`` is the length it must have, ``length`` its full one; what is missing
    between reads as ``fill``, which also fills what no field covers. Longer frames are read, what is too much is not.
    """

    name: str
    sender: str
    id: IdPattern
    fields: Sequence[Field] = ()
    match: str = ""
    length: int = 8
    least: int | None = None
    fill: int = 0
    little: bool = False

    @functools.cached_property
    def matched(self) -> tuple[int, int, int]:
        """How many octets are compared, their mask and their value as numbers, the first octet highest."""
        digits = self.match.replace(" ", "")
        mask = int("0" + "".join("0" if digit == "?" else "F" for digit in digits), 16)
        return len(digits) // 2, mask, int("0" + digits.replace("?", "0"), 16)

    @functools.cached_property
    def reader(self) -> Callable[[int], Reader]:
        """An identifier of this message -> what reads its frames: its parts are taken out once. Raises ``ValueError``
        for a row that contradicts itself."""
        return _Writer(self).reader()

    @functools.cached_property
    def write(self) -> Writer:
        """Values by their names -> (identifier, data). Raises one of ``_UNFIT``, ``TypeError`` for a name that is
        missing or unknown."""
        return _Writer(self).writer()

    @functools.cached_property
    def defaults(self) -> Values:
        """What is taken for values that nobody gives."""
        given: Values = {f.name: f.default for f in self.id.fields if f.default is not None}
        given.update({f.name: f.default for f in self.fields if f.default is not None or f.kind == "bcd"})
        return given


class Family:
    """All messages of one kind of devices on a bus, and how they are told apart.

    ``name`` is a word, ``title`` is for people, ``source`` says where the layouts are from, ``bitrates`` are those the
    devices use, the usual one first. Messages of 11-bit identifiers have ``extended`` false. Raises ``ValueError``
    for two messages of one name, or that no frame tells apart.
    """

    def __init__(
        self,
        name: str,
        title: str,
        source: str,
        messages: Iterable[MessageType],
        bitrates: tuple[int, ...] = (125_000,),
        extended: bool = True,
    ) -> None:
        self.name, self.title, self.source = name, title, source
        self.bitrates, self.extended = bitrates, extended
        self.messages: dict[str, MessageType] = {}
        self._groups: list[tuple[int, int, int, dict[int, dict[int, MessageType]]]] = []
        for message in messages:
            if message.name in self.messages:
                raise ValueError(f"family {name}: two messages are called {message.name}")
            self.messages[message.name] = message
        for message in sorted(self.messages.values(), key=lambda m: -m.matched[1].bit_count()):
            octets, mask, value = message.matched
            key = (message.id.mask, octets, mask)
            group = next((g for g in self._groups if g[:3] == key), None)
            if group is None:
                group = (*key, {})
                self._groups.append(group)
            alike = group[3].setdefault(message.id.base & message.id.mask, {})
            if value in alike:
                raise ValueError(f"family {name}: {message.name} and {alike[value].name} cannot be told apart")
            alike[value] = message
        self._readers: dict[int, Reader] = {}
        self._kept = 0

    def decode(self, frame: Frame) -> Message | Misfit | None:
        """What a frame says; None when its identifier is not of this family. Raises nothing, whatever comes."""
        can_id, data, extended = frame
        if extended is not self.extended:
            return None
        reader = self._readers.get(can_id)
        if reader is not None:
            return reader(data, frame)
        reader = self._reader_of(can_id)
        return None if reader is None else reader(data, frame)

    def _reader_of(self, can_id: int) -> Reader | None:
        """What reads the frames of an identifier; None when it is not of this family."""
        found = ((g, g[3].get(can_id & g[0])) for g in self._groups)
        possible = [(g[1], g[2], table) for g, table in found if table is not None]
        if not possible:
            return None
        self._keep()
        reader = possible[0][2][0].reader(can_id) if possible[0][0] == 0 else self._chooser(can_id, possible)
        self._readers[can_id] = reader
        return reader

    def _keep(self) -> None:
        if self._kept >= KNOWN:
            self._readers.clear()
            self._kept = 0
        self._kept += 1

    def _chooser(self, can_id: int, possible: list[tuple[int, int, dict[int, MessageType]]]) -> Reader:
        """What reads an identifier of several messages: by their first octets, each beginning sought once."""
        longest = possible[0][0]
        known: dict[bytes, Reader] = {}

        def choose(data: bytes, frame: Frame) -> Message | Misfit:
            reader = known.get(data[:longest])
            if reader is not None:
                return reader(data, frame)
            for octets, mask, table in possible:
                if len(data) >= octets:
                    found = table.get(int.from_bytes(data[:octets], "big") & mask)
                    if found is not None:
                        self._keep()
                        reader = known[data[:longest]] = found.reader(can_id)
                        return reader(data, frame)
            return Misfit(f"no message of {self.title} begins so", frame)

        return choose

    def encode(self, name: str, /, **values: Any) -> Frame:
        """The frame of a message. Raises :class:`Unfit` that names the field."""
        message = self.messages.get(name)
        if message is None:
            raise Unfit(f"{self.title} has no message '{name}'; there are: {', '.join(self.messages)}")
        try:
            can_id, data = message.write(**values)
        except _UNFIT as error:
            raise Unfit(_explained(message, {**message.defaults, **values}, error)) from None
        frame: Frame = _new(Frame, (can_id, data, self.extended))
        return frame


_new: Final[Any] = tuple.__new__
"""Makes a named tuple as its constructor does, without the detour: a third of the time of a short message."""


# ------------------------------------------------------------------------------------------------ functions from tables


class _Writer:
    """Writes the two functions of one message as Python text: one ``struct`` call and an expression per field."""

    def __init__(self, message: MessageType) -> None:
        self.message = message
        self.names: dict[str, Any] = {"_finite": isfinite}
        self.order = "<" if message.little else ">"
        self.meant: list[str] = []  # lines of the reading function that find the code without a meaning
        self.checks: list[str] = []  # lines of the writing function before its end
        carriers: dict[tuple[int, int], str] = {}
        for f in message.fields:
            if f.kind != "series":
                carriers.setdefault((f.start, f.octets), self._format(f))
        self.carriers = dict(sorted(carriers.items()))
        end = len(message.match.replace(" ", "")) // 2 if not self.carriers else 0
        for start, octets in self.carriers:
            if start < end:
                raise ValueError(f"{message.name}: fields overlap at octet {start}")
            end = start + octets
        if end > message.length:
            raise ValueError(f"{message.name}: a field ends at octet {end} of {message.length}")
        taken: dict[tuple[int, int], int] = {}
        for f in message.fields:
            if f.kind != "series":
                place, used = (f.start, f.octets), ((1 << (f.width or 8 * f.octets)) - 1) << f.shift
                if taken.get(place, 0) & used:
                    raise ValueError(f"{message.name}: fields overlap in octet {f.start}: {f.name} and one before it")
                taken[place] = taken.get(place, 0) | used

    def _format(self, f: Field) -> str:
        if f.kind == "float":
            return "f"
        if f.kind in ("text", "bcd") or f.octets == 3 or (f.octets, f.signed) not in _FORMATS or f.little is not None:
            return f"{f.octets}s"
        return _FORMATS[f.octets, f.signed]

    def _little(self, f: Field) -> bool:
        return self.message.little if f.little is None else f.little

    # -------------------------------------------------------------------------------- reading

    def reader(self) -> Callable[[int], Reader]:
        message = self.message
        least = message.length if message.least is None else message.least
        self.names["_misfit"] = lambda reason, frame: Misfit(f"{message.name}: {reason}", frame)
        wanted = str(least) if least == message.length else f"at least {least}"
        lines = [f"  if len(d) < {least}:", *self._no(f"{{len(d)}} octets instead of {wanted}")]
        if not self._series():
            lines = [" " + line for line in lines] if least == message.length else lines
            fill = bytes((message.fill,))
            other, cut = f"  if len(d) != {message.length}:", f"   d = d[:{message.length}]"
            lines = (
                [other, *lines, cut]
                if least == message.length
                else [*lines, other, f"{cut}.ljust({message.length}, {fill!r})"]
            )
        layout, at, raws = self.order, 0, {}
        for number, ((start, octets), form) in enumerate(self.carriers.items()):
            layout += f"{start - at}x" * (start > at) + form
            at = start + octets
            raws[start, octets] = f"r{number}"
        if raws:
            layout += f"{message.length - at}x" * (message.length > at and not self._series())
            self.names["_unpack"] = (
                struct.Struct(layout).unpack_from if self._series() else struct.Struct(layout).unpack
            )
            lines.append(f"  {', '.join(raws.values())}, = _unpack(d)")
        parts = [f" id_{f.name} = {self._id_part_read(f)}" for f in message.id.fields]
        items = [f"{f.name!r}: id_{f.name}" for f in message.id.fields]
        for f in message.fields:
            items.append(f"{f.name!r}: {self._reading(f, raws.get((f.start, f.octets), ''), lines)}")
        self.names["_new"], self.names["_Message"] = _new, Message
        made = f"return _new(_Message, ({message.name!r}, {message.sender!r}, {{{', '.join(items)}}}))"
        if self.meant:  # a code without a meaning is rare: it is sought when one of the look-ups failed
            lines += ["  try:", f"   {made}", "  except KeyError:", *self.meant, "   raise"]
        else:
            lines.append(f"  {made}")
        source = "\n".join(["def reader(i):", *parts, " def read(d, f):", *lines, " return read", ""])
        function: Callable[[int], Reader] = self._compiled(source, "reader")
        return function

    @staticmethod
    def _no(reason: str) -> list[str]:
        return [f"   return _misfit(f'{reason}', f)"]

    def _series(self) -> bool:
        return any(f.kind == "series" for f in self.message.fields)

    def _id_part_read(self, f: IdField) -> str:
        raw = f"i >> {f.shift} & {(1 << f.width) - 1}"
        if f.words:
            self.names[f"_id_{f.name}"] = dict(f.words)
            return f"_id_{f.name}.get({raw}, {raw})"
        return raw

    def _reading(self, f: Field, raw: str, lines: list[str]) -> str:
        little = "little" if self._little(f) else "big"
        if f.kind == "float":
            lines += [f"  if not _finite({raw}):", *self._no(f"{f.name} is {{{raw}}}")]
            return self._scaled(f, raw)
        if f.kind == "text":
            return f"{raw}.rstrip(b'\\xff\\x00').decode('ascii', 'backslashreplace')"
        if f.kind == "bcd":
            self.names["_from_bcd"] = from_bcd
            lines += [f"  v_{f.name} = _from_bcd({raw})", f"  if v_{f.name} == -1:"]
            lines += self._no(f"{f.name} {{{raw}.hex()}} is no decimal number")
            return f"v_{f.name}"
        if f.kind == "series":
            self.names[f"_series_{f.name}"] = functools.partial(_read_series, f, little)
            return f"_series_{f.name}(d)"
        if self._format(f).endswith("s"):
            raw = f'int.from_bytes({raw}, "{little}")'  # these quotes: it stands in an f-string of the others
            if f.signed:
                raw = f"{raw[:-1]}, signed=True)"
        if f.width:
            raw = f"({raw} >> {f.shift} & {(1 << f.width) - 1})" if f.shift else f"({raw} & {(1 << f.width) - 1})"
        if f.kind == "word":
            self.names[f"_words_{f.name}"] = dict(f.words)
            self.meant.append(f"   if {raw} not in _words_{f.name}:")
            self.meant += [f" {line}" for line in self._no(f"{f.name} is {{{raw}}}, which means nothing")]
            return f"_words_{f.name}[{raw}]"
        if f.kind == "flags":
            self.names[f"_bits_{f.name}"] = functools.lru_cache(256)(functools.partial(_names_of, f))
            return f"[*_bits_{f.name}({raw})] if {raw} else []"
        return self._scaled(f, raw)

    @staticmethod
    def _scaled(f: Field, raw: str) -> str:
        if f.zero:
            raw = f"({raw} - {f.zero})"
        if f.per != 1:
            return f"{raw} / {f.per}"
        if f.times != 1:
            return f"{raw} * {f.times!r}"
        return f"{raw} * 1.0" if f.unit and f.kind != "float" else raw

    # -------------------------------------------------------------------------------- writing

    def writer(self) -> Writer:
        message = self.message
        template = bytearray(bytes((message.fill,)) * message.length)
        digits = message.match.replace(" ", "").replace("?", "0")
        for place, octet in enumerate(bytes.fromhex(digits)):
            template[place] = octet
        layout, at = self.order, 0
        parts: list[str] = []
        for (start, octets), form in self.carriers.items():
            layout += self._constant(bytes(template[at:start]), parts)
            layout += form
            at = start + octets
            fields = [f for f in message.fields if (f.start, f.octets) == (start, octets) and f.kind != "series"]
            parts.append(self._carried(fields, form, bytes(template[start:at])))
        end = bytes(template[at : message.length]) if not self._series() else b""
        layout += self._constant(end, parts)
        self.names["_pack"] = struct.Struct(layout).pack
        data = f"_pack({', '.join(parts)})"
        for f in message.fields:
            if f.kind == "series":
                self.names[f"_to_{f.name}"] = functools.partial(
                    _write_series, f, "little" if self._little(f) else "big"
                )
                data += f" + _to_{f.name}({f.name})"
        can_id = " | ".join([str(message.id.base), *(self._id_part(f) for f in message.id.fields)])
        self.names["_given"] = message.defaults
        names = dict.fromkeys([*(f.name for f in message.id.fields), *(f.name for f in message.fields)])
        given = [f"{name}=_given[{name!r}]" if name in message.defaults else name for name in names]
        head = f"def write({'*, ' if given else ''}{', '.join(given)}):"
        source = "\n".join([head, *self.checks, f" return {can_id}, {data}", ""])
        function: Writer = self._compiled(source, "write")
        return function

    @staticmethod
    def _constant(octets: bytes, parts: list[str]) -> str:
        """The format of octets that no field covers; they become an argument unless they are zero."""
        if any(octets):
            parts.append(repr(octets))
            return f"{len(octets)}s"
        return f"{len(octets)}x" if octets else ""

    def _id_part(self, f: IdField) -> str:
        if f.words:
            self.names[f"_code_id_{f.name}"] = {w: code for code, w in f.words.items()}
            self.checks.append(f" id_{f.name} = _code_id_{f.name}.get({f.name}, {f.name})")
            return self._cut(f"id_{f.name}", f.width, f.shift)
        return self._cut(f.name, f.width, f.shift)

    def _cut(self, number: str, width: int, shift: int) -> str:
        """A part of some bits of a number; it is checked before anything is put together."""
        self.names["_wide"] = _wide
        self.checks += [f" if not 0 <= {number} <= {(1 << width) - 1}:", f"  _wide({number}, {width})"]
        return f"{number} << {shift}" if shift else number

    def _carried(self, fields: list[Field], form: str, template: bytes) -> str:
        first = fields[0]
        if first.kind == "text":
            self.names["_text"] = _text_octets
            return f"_text({first.name}, {first.octets}, {self.message.fill})"
        if first.kind == "bcd":
            self.names["_to_bcd"] = to_bcd
            return f"_to_bcd({first.name}, {first.octets})"
        if first.kind == "float":
            self.names["_real"] = _real
            value = f"_real({first.name})"
            return f"{value} * {first.per}" if first.per != 1 else value
        numbers = []
        little = "little" if self._little(first) else "big"
        if any(f.width for f in fields):
            rest = int.from_bytes(template, "little" if little == "little" else "big")
            for f in fields:
                rest &= ~(((1 << (f.width or 8 * f.octets)) - 1) << f.shift)
            numbers.append(str(rest))
        for f in fields:
            number = self._number(f)
            if f.width and f.kind != "word":
                self.checks.append(f" cut_{f.name} = {number}")
                number = self._cut(f"cut_{f.name}", f.width, f.shift)
            numbers.append(number)
        whole = " | ".join(f"({n})" for n in numbers) if len(numbers) > 1 else numbers[0]
        if form.endswith("s"):
            return f"({whole}).to_bytes({first.octets}, {little!r}, signed={first.signed})"
        return whole

    def _number(self, f: Field) -> str:
        value = f.name
        if f.kind == "word":
            if f.width and max(f.words) >> f.width:
                raise ValueError(f"{self.message.name}: {max(f.words)} of {f.name} needs more than {f.width} bits")
            self.names[f"_code_{f.name}"] = {w: code << f.shift for code, w in f.words.items()}
            return f"_code_{f.name}[{value}]"
        if f.kind == "flags":
            bits = {name: 1 << bit for bit, name in f.words.items()}
            self.names[f"_code_{f.name}"] = functools.partial(_bits_of, bits)
            return f"_code_{f.name}({value})"
        if f.per != 1:
            value = f"{value} * {f.per}"
        elif f.times != 1:
            value = f"{value} / {f.times!r}"
        value = f"({value}).__round__()"  # what round() would call, at half its time
        return f"{value} + {f.zero}" if f.zero else value

    def _compiled(self, source: str, name: str) -> Any:
        code = compile(source, f"<{self.message.name}>", "exec")
        exec(code, self.names)  # the text is made of this table alone
        return self.names[name]


def _wide(value: int, width: int) -> None:
    raise ValueError(f"{value} needs more than {width} bits")


def _real(value: float) -> float:
    if not isfinite(value):
        raise ValueError(f"{value} is not finite")
    return value


def from_bcd(octets: bytes) -> int | None:
    """The number that packed decimal octets stand for, the lower ones first; None for FF, -1 for what is no digit."""
    if octets.count(0xFF) == len(octets):
        return None
    digits = octets[::-1].hex()
    return int(digits) if digits.isdecimal() else -1


def to_bcd(number: int | None, octets: int) -> bytes:
    """Packed decimal octets, the lower ones first."""
    return b"\xff" * octets if number is None else bytes.fromhex(f"{number:0{2 * octets}d}")[::-1]


def _text_octets(value: str, octets: int, fill: int) -> bytes:
    encoded = value.encode("ascii")
    if len(encoded) > octets:
        raise ValueError(f"{value!r} has more than {octets} characters")
    return encoded.ljust(octets, bytes((fill,)))


def _names_of(f: Field, raw: int) -> tuple[str, ...]:
    return tuple(f.words.get(bit, f"bit_{bit}") for bit in range(f.width or 8 * f.octets) if raw >> bit & 1)


def _bits_of(bits: Mapping[str, int], names: Iterable[str]) -> int:
    raw = 0
    for name in names:
        raw |= bits[name] if name in bits else 1 << int(name.removeprefix("bit_"))
    return raw


def _read_series(f: Field, order: Any, data: bytes) -> list[Any]:
    mask = (1 << (f.width or 8 * f.octets)) - 1
    found = []
    for at in range(f.start, len(data) - f.octets + 1, f.octets):
        raw = (int.from_bytes(data[at : at + f.octets], order) >> f.shift & mask) - f.zero
        found.append(raw / f.per if f.unit else raw)
    return found


def _write_series(f: Field, order: Any, values: Iterable[float]) -> bytes:
    """All series of a message that share their place are written by the first one; a table has one such field."""
    return b"".join((round(value * f.per) + f.zero << f.shift).to_bytes(f.octets, order) for value in values)


def _explained(message: MessageType, values: Values, error: Exception) -> str:
    """Which value did not fit, found by trying them one by one."""
    for name in [*(part.name for part in message.id.fields), *(f.name for f in message.fields)]:
        if name not in values:
            return f"{message.name} needs '{name}'"
    for part in message.id.fields:
        value, most = values[part.name], (1 << part.width) - 1
        if value not in part.words.values() and not (isinstance(value, int) and 0 <= value <= most):
            other = "".join(f" or {word}" for word in part.words.values())
            return f"{message.name}: '{part.name}' cannot be {value!r}; it is 0 to {most}{other}"
    for f in message.fields:
        alone = MessageType(message.name, "", exactly(0), [f], length=message.length, little=message.little)
        try:
            alone.write(**{f.name: values[f.name]})
        except _UNFIT as why:
            kind = f" ({f.type})" if f.type else ""
            reason = f"; it is one of: {', '.join(f.words.values())}" if f.kind in ("word", "flags") else f": {why}"
            return f"{message.name}: '{f.name}'{kind} cannot be {values[f.name]!r}{reason}"
    known = sorted({f.name for f in message.id.fields} | {f.name for f in message.fields})
    unknown = ", ".join(sorted(set(values) - set(known)))
    return (
        f"{message.name} has no field {unknown}; it has: {', '.join(known)}" if unknown else f"{message.name}: {error}"
    )
