"""Shared by the reader and the writer emitters: names of one generated module, indented lines, EXI facts of types."""

from __future__ import annotations

from collections.abc import Iterable

from .grammar import Grammar
from .model import ComplexType, QName, SchemaError, SchemaSet, SimpleType, exi_order

BIG_LOOP = 16
"""maxOccurs beyond which loops over complex items keep their integers short."""


class Lines:
    """Source lines with indentation."""

    def __init__(self, level: int = 0) -> None:
        self.text: list[str] = []
        self.level = level

    def add(self, line: str) -> None:
        """Add one line at the present indentation."""
        self.text.append("    " * self.level + line)


class StringKeys:
    """Keys of the string tables: each name in any of ``schemas`` has one, so that types they share have one."""

    def __init__(self, schemas: Iterable[SchemaSet]) -> None:
        schemas = list(schemas)
        elements = sorted({e.name for schema in schemas for e in schema.declarations}, key=exi_order)
        attributes = sorted({a.name for schema in schemas for a in schema.attributes}, key=exi_order)
        self.elements = {name: key for key, name in enumerate(elements)}
        self.attributes = {name: key for key, name in enumerate(attributes, len(elements))}


class Names:
    """Names and numbers of one protocol's module. Raises ``SchemaError`` when two types share a name."""

    def __init__(self, protocol: str, schema: SchemaSet, keys: StringKeys) -> None:
        self.protocol = protocol
        self.schema = schema
        self.simple: dict[tuple[object, ...], str] = {}
        """Constant names of simple types by their facets."""
        self.simple_source: dict[str, str] = {}
        self.literals: dict[str, str] = {}
        """Names of Literal aliases of enumerations, by constant name."""
        self.fragments = sorted({e.name for e in schema.declarations}, key=exi_order)
        self.attributes = sorted({a.name for a in schema.attributes}, key=exi_order)
        self._keys = keys
        self._element_names = self._name_elements()
        self.tails: dict[int, int] = {}
        self.grammars: dict[int, Grammar] = {}
        self.types = schema.all_complex_types()
        for kind in self.types:
            self.grammars[id(kind)] = Grammar(schema, kind)
        labels = [kind.label for kind in self.types]
        if len(set(labels)) != len(labels):
            raise SchemaError(f"{protocol}: two types share a name")
        self.members = {
            id(member.type)
            for kind in self.types
            for position in self.grammar(kind).positions
            if position.form == "group"
            for member in position.elements
        }
        """Types of members of substitution groups."""

    def _name_elements(self) -> dict[QName, str]:
        """The short name where it is unambiguous or the global element's, else the qualified one."""
        by_local: dict[str, list[QName]] = {}
        for name in self.fragments:
            by_local.setdefault(name.local, []).append(name)
        names = {}
        for local, candidates in by_local.items():
            owners = [name for name in candidates if name in self.schema.elements] or candidates
            for name in candidates:
                names[name] = local if [name] == owners or len(candidates) == 1 else str(name)
        return names

    def grammar(self, kind: ComplexType) -> Grammar:
        """The grammar of a complex type."""
        return self.grammars[id(kind)]

    def element_name(self, name: QName) -> str:
        """The name of an element in messages and paths."""
        return self._element_names[name]

    def key(self, name: QName) -> int:
        """String table key of an element."""
        return self._keys.elements[name]

    def attribute_key(self, name: QName) -> int:
        """String table key of an attribute."""
        return self._keys.attributes[name]

    def constant(self, simple: SimpleType) -> str:
        """The name of the run-time object of a simple type."""
        facets = (
            simple.kind,
            simple.builtin if simple.kind == "integer" and simple.minimum is None else "",
            simple.minimum,
            simple.maximum,
            simple.min_length,
            simple.max_length,
            simple.values,
        )
        if facets not in self.simple:
            label = simple.name.local if simple.name is not None else f"anonymous{len(self.simple)}"
            if simple.kind != "enumeration" and simple.min_length == 0 and simple.max_length is None:
                label = simple.kind if simple.kind != "integer" else label
            name = f"_S_{label}"
            while name in self.simple_source:
                name += "_"
            self.simple[facets] = name
            self.simple_source[name] = _constructor(simple)
            if simple.kind == "enumeration":
                # A field of the same name would hide the alias inside its class.
                declared = {e.name.local for e in self.schema.declarations}
                declared |= {a.name.local for a in self.schema.attributes}
                self.literals[name] = f"{label}Literal" if label in declared else label
        return self.simple[facets]

    def annotation(self, simple: SimpleType) -> str:
        """The Python type of a simple type's values."""
        if simple.kind == "enumeration":
            return self.literals[self.constant(simple)]
        return {"boolean": "bool", "integer": "int", "string": "str"}.get(simple.kind, "bytes")


def _constructor(simple: SimpleType) -> str:
    if simple.kind == "boolean":
        return "Boolean()"
    if simple.kind == "integer":
        return f"Integer({simple.minimum}, {simple.maximum})"
    if simple.kind == "enumeration":
        return f"Enumeration({', '.join(quoted(value) for value in simple.values)})"
    most = f", {simple.max_length}" if simple.max_length is not None else ""
    bounds = f"{simple.min_length}{most}" if simple.min_length or most else ""
    if simple.kind == "string":
        return f"Text({bounds})"
    notation = "hex" if simple.kind == "hexBinary" else "base64"
    return f'Octets("{notation}"{", " + bounds if bounds else ""})'


def quoted(text: str) -> str:
    """A Python string literal with double quotes. Raises ``SchemaError`` for text that would need an escape."""
    if '"' in text or "\\" in text or not text.isprintable():
        raise SchemaError(f"value {text!r} cannot be written into the generated module")
    return f'"{text}"'


def width_of(simple: SimpleType) -> int | None:
    """Bits of the n-bit unsigned integer that codes an enumeration, a boolean or a small range; None for others."""
    if simple.kind == "boolean":
        return 1
    if simple.kind == "enumeration":
        return (len(simple.values) - 1).bit_length()
    if simple.kind == "integer" and simple.minimum is not None and simple.maximum is not None:
        span = simple.maximum - simple.minimum
        if span < 4096:
            return span.bit_length()
    return None


def is_signed(simple: SimpleType) -> bool:
    """Whether the integer type has negative values."""
    return simple.minimum is None or simple.minimum < 0
