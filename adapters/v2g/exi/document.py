"""Documents and fragments: header byte, root element, end, and the elements a schema set declares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .bits import SECOND_LEVEL, StringTable, read_text, write_text
from .errors import ExiError, ValidationError
from .messages import Element, Message, Value, find_misfits, title
from .values import Text

HEADER = 0x80
MAX_DOCUMENT = 1 << 20
"""Octets of the largest stream that is decoded."""

Reader = Callable[[int, int, StringTable], tuple[Any, int]]
Writer = Callable[[Any, int], int]
GroupReaders = tuple[tuple[Reader, str], ...]
"""Reader and element name of the members of a substitution group, in event-code order."""
GroupWriters = dict[type[Message], tuple[int, Writer, str]]
"""Event code, writer and element name of the members, by class."""


class Declared:
    """An element declaration at run time.

    ``tail`` counts the zero bits (ends of elements) that the generated reader and writer leave to the caller, who joins
    them with what follows.
    """

    __slots__ = ("key", "local", "name", "namespace", "reader", "tail", "type", "writer")

    def __init__(
        self,
        name: str,
        namespace: str,
        key: int,
        type_: Value,
        reader: Reader | None = None,
        writer: Writer | None = None,
        tail: int = 0,
    ) -> None:
        self.name = name
        self.local = name.rpartition("}")[2]
        self.namespace = namespace
        self.key = key
        self.type = type_
        self.reader = reader
        self.writer = writer
        self.tail = tail

    def check(self, value: Any) -> None:
        """Raises ValidationError when ``value`` is of another type or outside its facets; parts are not looked at."""
        if not isinstance(self.type, type):
            self.type.check(value)
        elif type(value) is not self.type:
            raise ValidationError(f"{self.type.__name__} is required, not {type(value).__name__}")

    def read(self, v: int, p: int, t: StringTable) -> tuple[Any, int]:
        """Read content and end of the element: value, bits left. Raises ``ExiError``, with the element in its path
        (``inside``)."""
        try:
            if self.reader is None:
                assert not isinstance(self.type, type)
                return self.type.read(v, p, t, self.key)
            value, p = self.reader(v, p, t)
            p -= self.tail
            if bits := v >> p & (1 << self.tail) - 1:
                raise ExiError(SECOND_LEVEL, remaining=p + bits.bit_length())
        except ExiError as error:
            raise error.inside(self.name) from None
        except ValueError:
            raise ExiError("stream ends too early", remaining=0, path=self.name) from None
        return value, p

    def write(self, a: int, value: Any) -> int:
        """Append content and end of the element. Raises ``ValidationError``, with the element in its path
        (``inside``)."""
        try:
            if self.writer is None:
                assert not isinstance(self.type, type)
                return self.type.write(a, value)
            self.check(value)
            return self.writer(value, a) << self.tail
        except ValidationError as error:
            raise error.inside(self.name) from None


class Relaxed(Declared):
    """An element whose name the schema set declares with two types, in a fragment (EXI 8.5.3: relaxed grammar).

    Covers types with the same simple string content, which is all the V2G schemas need (ISO 15118-2 eMAID). The value
    is the message class ``type`` when an attribute is present, else a plain string; the grammar bounds neither, the
    types do. ``attributes`` are (event code, field, string table key) of the class; ``attribute_count`` and
    ``element_count`` size the grammar: it offers every attribute and every element the schema set declares.
    """

    __slots__ = ("attributes", "content_end", "first_end", "text")

    def __init__(
        self,
        name: str,
        namespace: str,
        key: int,
        type_: type[Message],
        attributes: Sequence[tuple[int, str, int]],
        attribute_count: int,
        element_count: int,
    ) -> None:
        super().__init__(name, namespace, key, type_)
        self.text: Text = next(field.type for field in type_.FIELDS if field.form == "text")
        self.attributes = tuple(attributes)
        self.first_end = attribute_count + 1 + element_count + 1
        """Code of EE in the first state: attributes, AT(*), elements, SE(*), EE, CH."""
        self.content_end = element_count + 1
        """Code of EE after the content: elements, SE(*), EE, CH."""

    def check(self, value: Any) -> None:
        if isinstance(value, str):
            self.text.check(value)
        else:
            super().check(value)

    def read(self, v: int, p: int, t: StringTable) -> tuple[Any, int]:
        try:
            return self._read(v, p, t)
        except ExiError as error:
            raise error.inside(self.name) from None
        except ValueError:
            raise ExiError("stream ends too early", remaining=0, path=self.name) from None

    def _read(self, v: int, p: int, t: StringTable) -> tuple[Any, int]:
        width = (self.first_end + 2).bit_length()
        found: dict[str, str] = {}
        text = ""
        while True:
            p -= width
            code = v >> p & (1 << width) - 1
            if code >= self.first_end:
                break
            for known, field, key in self.attributes:
                if code == known and field not in found:
                    found[field], p = read_text(v, p, t, key, 0, None)
                    break
            else:
                raise ExiError("attribute or element that no type of this name has", remaining=p + width)
        if code == self.first_end + 1:
            text, p = read_text(v, p, t, self.key, self.text.least, self.text.most)
            width = (self.content_end + 2).bit_length()
            p -= width
            if v >> p & (1 << width) - 1 != self.content_end:
                raise ExiError("end of element expected", remaining=p + width)
        elif code != self.first_end:
            raise ExiError(SECOND_LEVEL, remaining=p + width)
        elif self.text.least:
            t.fits = False
        if not found:
            return text, p
        return self.type(**found, value=text), p  # type: ignore[operator,call-arg]

    def write(self, a: int, value: Any) -> int:
        try:
            return self._write(a, value)
        except ValidationError as error:
            raise error.inside(self.name) from None

    def _write(self, a: int, value: Any) -> int:
        width = (self.first_end + 2).bit_length()
        self.check(value)
        text = value
        if isinstance(value, Message):
            for declared in value.FIELDS:
                declared.check(getattr(value, declared.name))
            text = value.value  # type: ignore[attr-defined]
            for code, field, _key in self.attributes:
                content = getattr(value, field)
                if content is not None:
                    a = write_text(a << width | code, content, 0, None)
        if not text:
            return a << width | self.first_end
        a = write_text(a << width | self.first_end + 1, text, 0, None)
        return a << (self.content_end + 2).bit_length() | self.content_end


class Schema:
    """The declarations of one generated module.

    ``documents`` and ``fragments`` are the possible roots in the order of their event codes; ``wildcard`` is what a
    wildcard can hold: the width of a namespace code, and per code the width of its local names and their elements.
    """

    def __init__(
        self,
        protocol: str,
        fragments: tuple[Declared, ...],
        documents: tuple[int, ...],
        wildcard: tuple[int, dict[int, tuple[int, dict[int, int]]]],
    ) -> None:
        self.protocol = protocol
        self.fragments = fragments
        self.documents = tuple(fragments[i] for i in documents)
        self.by_name = {d.name: d for d in fragments}
        self.document_codes = {d.name: code for code, d in enumerate(self.documents)}
        self.fragment_codes = {d.name: code for code, d in enumerate(fragments)}
        self.namespace_width, self.wildcard = wildcard
        self.wildcard_codes = {
            fragments[index].name: (space, width, local)
            for space, (width, names) in self.wildcard.items()
            for local, index in names.items()
        }


def decode(
    schema: Schema, data: bytes, *, fragment: bool, misfits: list[ValidationError] | None = None
) -> Message | Element:
    """The message in ``data``; ``misfits`` takes what is beyond a facet. Raises ExiError and nothing else."""
    total = len(data) * 8
    table = StringTable()
    try:
        message = _decode(schema, data, fragment, table)
        if not table.fits and misfits is not None:
            misfits += find_misfits(message, schema.by_name)
        return message
    except ExiError as error:
        if error.bit_offset is None:
            error.bit_offset = total - error.remaining
        raise


def _decode(schema: Schema, data: bytes, fragment: bool, table: StringTable) -> Message | Element:
    if len(data) > MAX_DOCUMENT:
        raise ExiError(f"{len(data)} octets, at most {MAX_DOCUMENT} are decoded", bit_offset=0)
    if not data:
        raise ExiError("empty stream", bit_offset=0)
    if data[0] != HEADER:
        if isinstance(data, str):
            raise TypeError("bytes are required, not a string; bytes.fromhex() makes them of hex digits")
        raise ExiError(f"EXI header is 0x{data[0]:02X}, not 0x80", bit_offset=0)
    v = int.from_bytes(data, "big")
    roots = schema.fragments if fragment else schema.documents
    width = len(roots).bit_length() if not fragment else (len(roots) + 1).bit_length()
    p = len(data) * 8 - 8 - width
    if p < 0:
        raise ExiError("stream ends too early", remaining=0)
    code = v >> p & (1 << width) - 1
    if code >= len(roots):
        raise ExiError(f"event code {code} is no element of the schema", remaining=p + width)
    root = roots[code]
    value, p = root.read(v, p, table)
    if fragment:
        p -= width
        if p < 0:
            raise ExiError("stream ends before the end of the fragment", remaining=0, path=root.name)
        if v >> p & (1 << width) - 1 != len(roots) + 1:
            raise ExiError("the fragment does not end after its element", remaining=p + width, path=root.name)
    if p > 7 and (p > 15 or data[-1] != 0):
        raise ExiError(f"{p // 8} octets after the end of the message", remaining=p, path=root.name)
    if isinstance(value, Message) and root.name == value.ELEMENT:
        return value
    return Element(root.name, value, schema.protocol)


def encode(schema: Schema, message: Message | Element, *, fragment: bool) -> bytes:
    """The EXI stream of ``message``. Raises ValidationError."""
    if isinstance(message, Element):
        name, value = message.name, message.value
    else:
        name, value = title(message), message
    roots = schema.fragments if fragment else schema.documents
    codes = schema.fragment_codes if fragment else schema.document_codes
    if name not in codes:
        kind = "fragment" if fragment else "document"
        raise ValidationError(f"is no {kind} element of {schema.protocol}", name)
    code = codes[name]
    width = len(roots).bit_length() if not fragment else (len(roots) + 1).bit_length()
    a = roots[code].write(HEADER << width | code, value)
    if fragment:
        a = a << width | len(roots) + 1
    padding = -a.bit_length() % 8
    return (a << padding).to_bytes((a.bit_length() + padding) // 8, "big")
