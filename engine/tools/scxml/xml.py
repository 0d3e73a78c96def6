"""XML text → a small tree with positions, for the SCXML importer. Hostile input: no DTD, no entities beyond the five of
XML, bounded size, depth and number of elements; every failure is an :class:`ImportProblem` with its place.
"""

from __future__ import annotations

import xml.parsers.expat as expat
from dataclasses import dataclass, field

from engine.language.position import Position

SCXML_NAMESPACE = "http://www.w3.org/2005/07/scxml"
MAX_BYTES = 4_000_000
MAX_DEPTH = 100
MAX_ELEMENTS = 100_000


class ImportProblem(Exception):
    """An SCXML document that cannot be read or has no place in the chart language: what, where, what to do."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(f"{position}: {message}")
        self.message = message
        self.position = position


@dataclass(slots=True, eq=False)
class Element:
    """An element. ``tag`` is the local name for SCXML's (or no) namespace, ``{uri}name`` otherwise; attributes alike.

    ``text`` is all character data directly inside, joined."""

    tag: str
    attributes: dict[str, str]
    position: Position
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, name: str) -> str | None:
        """The value of an attribute, or None."""
        return self.attributes.get(name)

    def all(self, tag: str) -> list[Element]:
        """The child elements with this tag."""
        return [child for child in self.children if child.tag == tag]


def _local(name: str) -> str:
    uri, separator, local = name.rpartition(" ")
    if not separator or uri == SCXML_NAMESPACE:
        return local
    return f"{{{uri}}}{local}"


def parse(text: str | bytes, file: str) -> Element:
    """The root element of an XML document. Raises :class:`ImportProblem`."""
    start = Position(file, 1, 1)
    if len(text) > MAX_BYTES:
        raise ImportProblem(f"the file is larger than {MAX_BYTES:,} bytes; no state chart needs that", start)
    # Namespaces may be undeclared in documents cut out of others; expat reports that as an error, which is right.
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    stack: list[Element] = []
    roots: list[Element] = []
    count = 0

    def here() -> Position:
        return Position(file, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS:
            raise ImportProblem(f"more than {MAX_ELEMENTS:,} elements", here())
        if len(stack) >= MAX_DEPTH:
            raise ImportProblem(f"elements nested deeper than {MAX_DEPTH}", here())
        element = Element(_local(name), {_local(k): v for k, v in attributes.items()}, here())
        (stack[-1].children if stack else roots).append(element)
        stack.append(element)

    def on_end(_name: str) -> None:
        stack.pop()

    def on_text(data: str) -> None:
        stack[-1].text += data

    def on_doctype(*_: object) -> None:
        raise ImportProblem("a document type declaration is refused: it may define entities; remove it", here())

    parser.StartElementHandler = on_start
    parser.EndElementHandler = on_end
    parser.CharacterDataHandler = on_text
    parser.StartDoctypeDeclHandler = on_doctype
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, True)
    except expat.ExpatError as error:
        where = Position(file, max(error.lineno, 1), error.offset + 1)
        raise ImportProblem(f"not well-formed XML: {expat.ErrorString(error.code)}", where) from None
    except (ValueError, LookupError) as error:  # an encoding Python does not know
        raise ImportProblem(f"not readable as XML: {error}", start) from None
    return roots[0]
