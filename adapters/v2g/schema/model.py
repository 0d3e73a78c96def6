"""An XML Schema set as plain objects: the input of the code generator and of random-message generators.

Covers the part of XML Schema 1.0 that the public V2G schemas and xmldsig-core use; anything else is a SchemaError and
never silently dropped. ``load`` reads one root schema with all its imports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class SchemaError(Exception):
    """The schema uses something this compiler does not know, or refers to something that does not exist."""


class QName(NamedTuple):
    """A qualified name. Sorting key of EXI (8.5.4.3): local name first, then namespace; see ``exi_order``."""

    namespace: str
    local: str

    def __str__(self) -> str:
        return f"{{{self.namespace}}}{self.local}" if self.namespace else self.local


def exi_order(name: QName) -> tuple[str, str]:
    """The lexicographic order EXI uses for attributes, substitution members and global elements."""
    return (name.local, name.namespace)


@dataclass(eq=False)
class SimpleType:
    """A simple type with its facets resolved down the restriction chain.

    ``kind`` is one of boolean, integer, string, hexBinary, base64Binary, enumeration. ``minimum``/``maximum`` bound an
    integer (None: unbounded). ``min_length``/``max_length`` count characters of a string or octets of a binary value
    (``xs:length`` sets both). ``values`` are the enumeration literals in schema order. ``builtin`` is the local name of
    the built-in XML Schema type it derives from.
    """

    name: QName | None
    kind: str
    builtin: str
    minimum: int | None = None
    maximum: int | None = None
    min_length: int = 0
    max_length: int | None = None
    values: tuple[str, ...] = ()


@dataclass(eq=False)
class Attribute:
    """An attribute use."""

    name: QName
    type: SimpleType
    required: bool


@dataclass(eq=False)
class Wildcard:
    """``xs:any``; ``namespace`` is its constraint (``##any`` or ``##other``)."""

    namespace: str


@dataclass(eq=False)
class Element:
    """An element declaration, global or local. ``head`` names the head of its substitution group."""

    name: QName
    type: SimpleType | ComplexType
    abstract: bool = False
    is_global: bool = False
    head: QName | None = None


@dataclass(eq=False)
class Group:
    """A model group; ``kind`` is sequence or choice."""

    kind: str
    particles: list[Particle] = field(default_factory=list)


@dataclass(eq=False)
class Particle:
    """A term with its occurrence bounds; ``maximum`` None means unbounded."""

    minimum: int
    maximum: int | None
    term: Element | Wildcard | Group


@dataclass(eq=False)
class ComplexType:
    """A complex type. ``content`` and ``attributes`` include what the base type contributes.

    Exactly one of ``content`` (element content, may be an empty sequence) and ``simple`` (simple content) is not None.
    ``name`` is None for an anonymous type; then ``owner`` is the element that declares it.
    """

    name: QName | None
    owner: QName | None
    abstract: bool = False
    mixed: bool = False
    base: ComplexType | None = None
    attributes: list[Attribute] = field(default_factory=list)
    content: Particle | None = None
    simple: SimpleType | None = None

    @property
    def label(self) -> str:
        """The local name of the type, or of the element that owns an anonymous type."""
        name = self.name or self.owner
        assert name is not None
        return name.local

    def elements(self) -> Iterator[tuple[Particle, Element]]:
        """Every element particle of the content, in schema order (substitution heads, not their members)."""
        if self.content is not None:
            yield from _elements(self.content)


def _elements(particle: Particle) -> Iterator[tuple[Particle, Element]]:
    if isinstance(particle.term, Element):
        yield particle, particle.term
    elif isinstance(particle.term, Group):
        for child in particle.term.particles:
            yield from _elements(child)


@dataclass(eq=False)
class SchemaSet:
    """All declarations of one root schema and its imports."""

    namespace: str
    """Target namespace of the root schema."""
    elements: dict[QName, Element] = field(default_factory=dict)
    """Global elements."""
    simple_types: dict[QName, SimpleType] = field(default_factory=dict)
    complex_types: dict[QName, ComplexType] = field(default_factory=dict)
    declarations: list[Element] = field(default_factory=list)
    """Every element declaration, global and local, once each, in reading order."""
    attributes: list[Attribute] = field(default_factory=list)
    """Every attribute declaration, in reading order."""

    def substitutes(self, head: Element) -> list[Element]:
        """The members of ``head``'s substitution group, transitively, with ``head`` itself, in EXI order."""
        members = {head.name: self.elements.get(head.name, head)}
        grew = head.is_global
        while grew:
            found = {e.name: e for e in self.elements.values() if e.head in members and e.name not in members}
            members.update(found)
            grew = bool(found)
        return [members[name] for name in sorted(members, key=exi_order)]

    def all_complex_types(self) -> list[ComplexType]:
        """Named and anonymous complex types, each once."""
        seen: dict[int, ComplexType] = {id(t): t for t in self.complex_types.values()}
        for element in self.declarations:
            if isinstance(element.type, ComplexType):
                seen.setdefault(id(element.type), element.type)
        return list(seen.values())
