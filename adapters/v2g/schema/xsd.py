"""Reads XML Schema documents into ``model`` objects."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from .model import (
    Attribute,
    ComplexType,
    Element,
    Group,
    Particle,
    QName,
    SchemaError,
    SchemaSet,
    SimpleType,
    Wildcard,
)

XSD = "{http://www.w3.org/2001/XMLSchema}"
XSD_NAMESPACE = XSD[1:-1]

SCHEMA_FILES = {
    "sap": "V2G_CI_AppProtocol.xsd",
    "din": "din_spec/V2G_CI_MsgDef.xsd",
    "iso2": "iso15118_2/V2G_CI_MsgDef.xsd",
    "iso20": "iso15118_20/V2G_CI_CommonMessages.xsd",
    "iso20-dc": "iso15118_20/V2G_CI_DC.xsd",
    "iso20-ac": "iso15118_20/V2G_CI_AC.xsd",
    "iso20-wpt": "iso15118_20/V2G_CI_WPT.xsd",
    "iso20-acdp": "iso15118_20/V2G_CI_ACDP.xsd",
    "xmldsig": "xmldsig-core-schema.xsd",
}
"""The root schema of each protocol, below the folder that holds the public schemas."""
FAMILIES = {
    "sap": ("sap",),
    "din": ("din",),
    "iso2": ("iso2",),
    "iso20": ("iso20", "iso20-dc", "iso20-ac", "iso20-wpt", "iso20-acdp"),
    "xmldsig": ("xmldsig",),
}
"""The protocols by standard; the parts of one import the same files of types."""

_STRINGS = ("string", "anyURI", "ID", "IDREF", "normalizedString", "token", "NCName")
_INTEGERS: dict[str, tuple[int | None, int | None]] = {
    "integer": (None, None),
    "nonNegativeInteger": (0, None),
    "positiveInteger": (1, None),
    "byte": (-(2**7), 2**7 - 1),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedByte": (0, 2**8 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedLong": (0, 2**64 - 1),
}


def _builtin(local: str) -> SimpleType:
    name = QName(XSD_NAMESPACE, local)
    if local in _STRINGS:
        return SimpleType(name, "string", local)
    if local in _INTEGERS:
        return SimpleType(name, "integer", local, *_INTEGERS[local])
    if local in ("boolean", "hexBinary", "base64Binary"):
        return SimpleType(name, local, local)
    raise SchemaError(f"built-in type xs:{local} is not supported")


class _Document:
    """One parsed schema file: its root node, target namespace and prefixes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prefixes: dict[str, str] = {}
        root: ElementTree.Element | None = None
        for event, item in ElementTree.iterparse(path, events=("start-ns", "start")):
            if event == "start-ns":
                prefix, uri = item
                self.prefixes[prefix] = uri
            elif root is None:
                root = item
        if root is None or root.tag != XSD + "schema":
            raise SchemaError(f"{path} is not an XML Schema")
        self.root = root
        self.namespace = root.get("targetNamespace", "")

    def name(self, text: str) -> QName:
        prefix, _, local = text.rpartition(":")
        if prefix and prefix not in self.prefixes:
            raise SchemaError(f"{self.path}: prefix of {text!r} is not declared")
        return QName(self.prefixes.get(prefix, ""), local)

    def local_name(self, node: ElementTree.Element, default: str) -> QName:
        """The name of a local element or attribute, qualified or not as form and the schema's default say."""
        qualified = node.get("form", self.root.get(default, "unqualified")) == "qualified"
        return QName(self.namespace if qualified else "", node.attrib["name"])


class _Reader:
    def __init__(self, root: Path) -> None:
        self.documents: dict[Path, _Document] = {}
        self._global_elements: dict[QName, tuple[_Document, ElementTree.Element]] = {}
        self._global_types: dict[QName, tuple[_Document, ElementTree.Element]] = {}
        self._simple: dict[QName, SimpleType] = {}
        main = self._read(root)
        self.set = SchemaSet(main.namespace)

    def _read(self, path: Path) -> _Document:
        path = path.resolve()
        if path in self.documents:
            return self.documents[path]
        document = self.documents[path] = _Document(path)
        for node in document.root:
            name = QName(document.namespace, node.get("name", ""))
            if node.tag == XSD + "import":
                self._read(_located(path, node.attrib["schemaLocation"]))
            elif node.tag == XSD + "element":
                self._global_elements[name] = (document, node)
            elif node.tag in (XSD + "complexType", XSD + "simpleType"):
                self._global_types[name] = (document, node)
            elif node.tag != XSD + "annotation":
                raise SchemaError(f"{path}: <{node.tag}> at the top level is not supported")
        return document

    def build(self) -> SchemaSet:
        for name, (document, node) in self._global_types.items():
            if node.tag == XSD + "simpleType":
                self.set.simple_types[name] = self._named_simple(name)
            else:
                self._named_complex(name)
            del document
        for name in self._global_elements:
            self._global_element(name)
        return self.set

    def _named_simple(self, name: QName) -> SimpleType:
        if name not in self._simple:
            if name.namespace == XSD_NAMESPACE:
                self._simple[name] = _builtin(name.local)
            else:
                document, node = self._global_types[name]
                self._simple[name] = self._simple_type(document, node, name)
        return self._simple[name]

    def _simple_type(self, document: _Document, node: ElementTree.Element, name: QName | None) -> SimpleType:
        restriction = node.find(XSD + "restriction")
        if restriction is None:
            raise SchemaError(f"{document.path}: simple type {name} is not a restriction")
        base = self._named_simple(document.name(restriction.attrib["base"]))
        made = SimpleType(
            name,
            base.kind,
            base.builtin,
            base.minimum,
            base.maximum,
            base.min_length,
            base.max_length,
            base.values,
        )
        values = []
        for facet in restriction:
            value = facet.attrib["value"]
            kind = facet.tag.removeprefix(XSD)
            if kind == "enumeration":
                values.append(value)
            elif kind == "minInclusive":
                made.minimum = int(value)
            elif kind == "maxInclusive":
                made.maximum = int(value)
            elif kind == "minLength":
                made.min_length = int(value)
            elif kind == "maxLength":
                made.max_length = int(value)
            elif kind == "length":
                made.min_length = made.max_length = int(value)
            else:
                raise SchemaError(f"{document.path}: facet {kind} of {name} is not supported")
        if values:
            if made.kind != "string":
                raise SchemaError(f"{document.path}: enumeration {name} of {made.kind} values is not supported")
            made.kind, made.values = "enumeration", tuple(values)
        return made

    def _type(self, name: QName) -> SimpleType | ComplexType:
        if name.namespace == XSD_NAMESPACE:
            return self._named_simple(name)
        if name not in self._global_types:
            raise SchemaError(f"type {name} is not declared")
        if self._global_types[name][1].tag == XSD + "simpleType":
            return self._named_simple(name)
        return self._named_complex(name)

    def _named_complex(self, name: QName) -> ComplexType:
        if name not in self.set.complex_types:
            document, node = self._global_types[name]
            made = self.set.complex_types[name] = ComplexType(name, None)
            self._fill_complex(document, node, made)
        return self.set.complex_types[name]

    def _fill_complex(self, document: _Document, node: ElementTree.Element, made: ComplexType) -> None:
        made.abstract = node.get("abstract") == "true"
        made.mixed = node.get("mixed") == "true"
        body = node
        inherited: Particle | None = None
        if (derived := node.find(XSD + "complexContent")) is not None:
            extension = derived.find(XSD + "extension")
            if extension is None:
                raise SchemaError(f"{document.path}: {made.label} restricts complex content")
            base = self._type(document.name(extension.attrib["base"]))
            if not isinstance(base, ComplexType):
                raise SchemaError(f"{document.path}: {made.label} extends a simple type as complex content")
            made.base, inherited, body = base, base.content, extension
            made.attributes.extend(base.attributes)
        elif (simple := node.find(XSD + "simpleContent")) is not None:
            extension = simple.find(XSD + "extension")
            if extension is None:
                raise SchemaError(f"{document.path}: {made.label} restricts simple content")
            base = self._type(document.name(extension.attrib["base"]))
            if not isinstance(base, SimpleType):
                raise SchemaError(f"{document.path}: {made.label} extends a complex type as simple content")
            made.simple, body = base, extension
        own: Particle | None = None
        for child in body:
            kind = child.tag.removeprefix(XSD)
            if kind in ("sequence", "choice"):
                own = self._group(document, child)
            elif kind == "attribute":
                made.attributes.append(self._attribute(document, child))
            elif kind != "annotation":
                raise SchemaError(f"{document.path}: <{kind}> in type {made.label} is not supported")
        if made.simple is None:
            parts = [part for part in (inherited, own) if part is not None]
            made.content = parts[0] if len(parts) == 1 else Particle(1, 1, Group("sequence", parts))

    def _attribute(self, document: _Document, node: ElementTree.Element) -> Attribute:
        kind = self._type(document.name(node.attrib["type"]))
        if not isinstance(kind, SimpleType):
            raise SchemaError(f"{document.path}: attribute {node.get('name')} has a complex type")
        name = document.local_name(node, "attributeFormDefault")
        made = Attribute(name, kind, node.get("use") == "required")
        self.set.attributes.append(made)
        return made

    def _group(self, document: _Document, node: ElementTree.Element) -> Particle:
        group = Group(node.tag.removeprefix(XSD))
        for child in node:
            kind = child.tag.removeprefix(XSD)
            if kind in ("sequence", "choice"):
                group.particles.append(self._group(document, child))
            elif kind == "element":
                group.particles.append(_occurring(child, self._element(document, child)))
            elif kind == "any":
                group.particles.append(_occurring(child, Wildcard(child.get("namespace", "##any"))))
            else:
                raise SchemaError(f"{document.path}: <{kind}> in a model group is not supported")
        return _occurring(node, group)

    def _element(self, document: _Document, node: ElementTree.Element) -> Element:
        if "ref" in node.attrib:
            return self._global_element(document.name(node.attrib["ref"]))
        return self._declare(document, node, document.local_name(node, "elementFormDefault"))

    def _global_element(self, name: QName) -> Element:
        if name not in self.set.elements:
            if name not in self._global_elements:
                raise SchemaError(f"element {name} is not declared")
            document, node = self._global_elements[name]
            self._declare(document, node, name, is_global=True)
        return self.set.elements[name]

    def _declare(
        self, document: _Document, node: ElementTree.Element, name: QName, *, is_global: bool = False
    ) -> Element:
        if node.get("nillable") == "true":
            raise SchemaError(f"{document.path}: nillable element {name} is not supported")
        element = Element(name, _builtin("string"), node.get("abstract") == "true", is_global)
        if "substitutionGroup" in node.attrib:
            element.head = document.name(node.attrib["substitutionGroup"])
        if is_global:
            self.set.elements[name] = element
        self.set.declarations.append(element)
        if "type" in node.attrib:
            element.type = self._type(document.name(node.attrib["type"]))
        elif (inner := node.find(XSD + "complexType")) is not None:
            element.type = ComplexType(None, name)
            self._fill_complex(document, inner, element.type)
        elif (inner := node.find(XSD + "simpleType")) is not None:
            element.type = self._simple_type(document, inner, None)
        else:
            raise SchemaError(f"{document.path}: element {name} has no type")
        return element


def _occurring(node: ElementTree.Element, term: Element | Wildcard | Group) -> Particle:
    most = node.get("maxOccurs", "1")
    return Particle(int(node.get("minOccurs", "1")), None if most == "unbounded" else int(most), term)


def _located(importer: Path, location: str) -> Path:
    """The imported file; the published set keeps xmldsig-core-schema.xsd in the parent folder of its importers."""
    for candidate in (importer.parent / location, importer.parent.parent / location):
        if candidate.exists():
            return candidate
    raise SchemaError(f"{importer}: imported schema {location} not found")


def load(schema_dir: Path, protocol: str) -> SchemaSet:
    """The schema set of ``protocol`` (a key of SCHEMA_FILES) from the folder that holds the public schemas.

    Raises SchemaError for an unknown construct or a missing file.
    """
    path = schema_dir / SCHEMA_FILES[protocol]
    if not path.exists():
        raise SchemaError(f"{path} does not exist")
    return _Reader(path).build()
