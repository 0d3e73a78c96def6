"""Makes messages of every type from the public schemas: minimal, maximal, boundary and random ones.

They are valid but for one thing: abstract substitution heads appear too, because stations in the field send them (the
head SASchedules of DIN SPEC 70121).

The schemas are read by the library ``xmlschema``, not by our own schema compiler, so a misread particle or facet there
cannot hide here. One generator serves all shapes: every decision is one ``pick(n)``, where 0 is always the smallest
choice. Minimal messages pick 0 throughout, maximal ones n-1, boundary ones either, random ones anything; a failing
message is shrunk by replaying its picks with smaller ones.
"""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import xmlschema
from xmlschema.validators import XsdAnyElement, XsdElement, XsdGroup

from tests.v2g.oracle import SCHEMA_FILES, schema_dir

XSD = "http://www.w3.org/2001/XMLSchema"
_META = (XSD, "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2001/XMLSchema-instance")
SHAPES = ("minimal", "maximal", "boundary", "random")
_NODE_BUDGET = 300
_SHORT_LIST = 16
_INTEGERS = (0, 1, -1, 127, 128, -128, 255, 256, 4095, 4096, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32, 2**63)
_CHARACTERS = "Aa0~é \u07ff€\u0800\U0001d11e&<>\"'\u0085\t"


@dataclass(slots=True)
class Node:
    """An element: Clark name, attributes, and either text (`value` is its JSON form) or children."""

    name: str
    attributes: list[tuple[str, str, Any]] = field(default_factory=list)
    """(Clark name, text, JSON value)"""
    text: str | None = None
    value: Any = None
    children: list[Node | str] = field(default_factory=list)
    """Elements, and in mixed content text between them."""
    repeated: bool = False
    """Its particle may occur more than once, so the JSON view has a list."""
    is_plain: bool = False
    """It has a simple type, so the JSON view is the value alone."""
    is_open: bool = False
    """Its type has mixed, wildcard or repeated-group content: the JSON view has the list ``content``."""
    key: str = ""
    """The name that the JSON view uses where the element is named alone."""

    @property
    def local(self) -> str:
        return self.name.rpartition("}")[2]

    def xml(self) -> str:
        """This element as XML text; every element declares its own default namespace."""
        space = self.name[1:].partition("}")[0] if self.name.startswith("{") else ""
        attributes = "".join(_attribute(name, text) for name, text, _ in self.attributes)
        inner = "" if self.text is None else escape(self.text, _REFERENCES)
        for child in self.children:
            inner += escape(child, _REFERENCES) if isinstance(child, str) else child.xml()
        return f'<{self.local} xmlns="{space}"{attributes}>{inner}</{self.local}>'

    def view(self) -> dict[str, Any]:
        """The JSON view of this element as a whole message."""
        return {self.key: self.json()}

    def json(self) -> Any:
        """The JSON view of the content: a plain value, or an object with attributes and children by local name."""
        if self.is_plain:
            return self.value
        view: dict[str, Any] = {name.rpartition("}")[2]: value for name, _, value in self.attributes}
        if self.text is not None:
            view["value"] = self.value
        if self.is_open and self.children:
            view["content"] = [child if isinstance(child, str) else child.view() for child in self.children]
            return view
        for child in self.children:
            assert isinstance(child, Node)
            if child.repeated:
                view.setdefault(child.local, []).append(child.json())
            else:
                view[child.local] = child.json()
        return view


def _attribute(name: str, text: str) -> str:
    quoted = quoteattr(text, _REFERENCES)
    if not name.startswith("{"):
        return f" {name}={quoted}"
    space, _, local = name[1:].partition("}")
    return f' xmlns:a="{space}" a:{local}={quoted}'


_REFERENCES = {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;", "\u0085": "&#133;"}


@dataclass(frozen=True)
class Kind:
    """One kind of message: a global element, or `body` inside V2G_Message; `fragment` for the fragment grammar.

    `variant` counts the types a fragment's name is declared with (only eMAID of ISO 15118-2 has two).
    """

    protocol: str
    element: str
    body: str | None = None
    fragment: bool = False
    variant: int = 0

    def __str__(self) -> str:
        name = self.element.rpartition("}")[2] + (f"/{self.body.rpartition('}')[2]}" if self.body else "")
        return f"{self.protocol}{' fragment' if self.fragment else ''} {name}"


class Picks:
    """The source of all decisions, recorded so that they can be replayed and shrunk."""

    def __init__(self, choose: Callable[[int], int]) -> None:
        self._choose = choose
        self.recorded: list[int] = []
        self.nodes = 0

    def pick(self, options: int) -> int:
        """A number below `options`; 0 (the smallest choice) once the message is large enough."""
        if options < 2 or self.nodes > _NODE_BUDGET:
            return 0
        chosen = self._choose(options)
        self.recorded.append(chosen)
        return chosen

    @staticmethod
    def of_shape(shape: str, seed: int = 0) -> Picks:
        source = random.Random(seed)
        choosers: dict[str, Callable[[int], int]] = {
            "minimal": lambda options: 0,
            "maximal": lambda options: options - 1,
            "boundary": lambda options: source.choice((0, options - 1)),
            "random": source.randrange,
        }
        return Picks(choosers[shape])

    @staticmethod
    def replay(recorded: list[int]) -> Picks:
        rest = iter(recorded)
        return Picks(lambda options: min(next(rest, 0), options - 1))


@cache
def schema(protocol: str) -> xmlschema.XMLSchema:
    """The protocol's schema set as the foreign library reads it."""
    return xmlschema.XMLSchema(str(schema_dir() / SCHEMA_FILES[protocol]), allow="local")


@cache
def global_elements(protocol: str) -> dict[str, XsdElement]:
    """Every global element of the protocol's schemas by Clark name, abstract heads included."""
    elements = schema(protocol).maps.elements
    return {name: element for name, element in sorted(elements.items()) if name[1:].partition("}")[0] not in _META}


@cache
def kinds(protocol: str) -> tuple[Kind, ...]:
    """Every kind of document and of fragment of a protocol that has a concrete instance."""
    found: list[Kind] = []
    for name, element in global_elements(protocol).items():
        if element.local_name == "V2G_Message":
            body = next(member for member in global_elements(protocol).values() if member.local_name == "BodyElement")
            bodies = list(body.iter_substitutes())
            found += [Kind(protocol, name, member.name) for member in sorted(bodies, key=lambda each: str(each.name))]
        else:
            found.append(Kind(protocol, name))
    for name, variants in sorted(fragment_elements(protocol).items()):
        found += [Kind(protocol, name, fragment=True, variant=variant) for variant in range(len(variants))]
    return tuple(kind for kind in found if _has_instance(kind))


def _is_abstract(element: XsdElement) -> bool:
    return bool(element.abstract or element.type.abstract)


@cache
def fragment_elements(protocol: str) -> dict[str, list[XsdElement]]:
    """Every element declared anywhere in the protocol's schemas: each may be the root of an EXI fragment.

    A name declared with several types has one element for each.
    """
    found = {name: [element] for name, element in global_elements(protocol).items()}
    types: list[Any] = list(schema(protocol).maps.types.values())
    for kind in types:
        if kind.is_complex() and kind.has_complex_content() and kind.name[1:].partition("}")[0] not in _META:
            for particle in kind.content.iter_elements():
                if isinstance(particle, XsdElement):
                    variants = found.setdefault(str(particle.name), [])
                    if all(particle.type.name != known.type.name for known in variants):
                        variants.append(particle)
    return found


def _has_instance(kind: Kind) -> bool:
    """False where the schema asks for an element of a foreign namespace and there is none (SignatureProperty)."""
    try:
        generate(kind, Picks.of_shape("minimal"))
    except NoInstance:
        return False
    return True


class NoInstance(Exception):
    """The schema demands content that no known element can give."""


def generate(kind: Kind, picks: Picks) -> Node:
    """One valid message of this kind."""
    variants = fragment_elements(kind.protocol)[kind.element]
    node = _Generator(kind, picks).element(variants[kind.variant])
    # EXI's relaxed grammar does not tell which of the types it is: without attributes the JSON view is the text alone.
    node.is_plain = node.is_plain or (kind.fragment and len(variants) > 1 and not node.attributes)
    return node


def shrink(kind: Kind, recorded: list[int], fails: Callable[[Node], bool]) -> Node:
    """The smallest message found that still fails: blocks of picks set to 0 first, then single picks made smaller."""
    best = list(recorded)

    def attempt(candidate: list[int]) -> bool:
        picks = Picks.replay(candidate)
        try:
            node = generate(kind, picks)
        except NoInstance:
            return False
        if sum(picks.recorded) >= sum(best) or not fails(node):
            return False
        best[:] = picks.recorded
        return True

    width = len(best)
    while width >= 1:
        start = 0
        while start < len(best):
            block = best[start : start + width]
            if any(block) and not attempt([*best[:start], *[0] * len(block), *best[start + width :]]) and width == 1:
                attempt([*best[:start], best[start] // 2, *best[start + 1 :]])
            start += width
        width //= 2
    return generate(kind, Picks.replay(best))


class _Generator:
    def __init__(self, kind: Kind, picks: Picks) -> None:
        self._kind = kind
        self._picks = picks
        self._depth = 0

    def element(self, declared: XsdElement) -> Node:
        concrete = self._resolve(declared)
        self._picks.nodes += 1
        self._depth += 1
        kind: Any = concrete.type
        node = Node(
            name=str(concrete.name),
            repeated=declared.max_occurs is None or declared.max_occurs > 1,
            is_plain=kind.is_simple(),
            is_open=_is_open(kind),
            key=_key(self._kind.protocol, str(concrete.name)),
        )
        if kind.is_complex():
            for name, attribute in sorted(kind.attributes.items(), key=lambda item: str(item[0])):
                if name is not None and (attribute.use == "required" or self._picks.pick(2)):
                    node.attributes.append((name, *self._simple(attribute.type)))
        if kind.is_simple() or kind.has_simple_content():
            node.text, node.value = self._simple(kind if kind.is_simple() else kind.content)
        elif kind.content is not None:
            self._group(kind.content, node)
            if kind.mixed:
                self._mix(node)
        self._depth -= 1
        return node

    def _resolve(self, declared: XsdElement) -> XsdElement:
        if self._kind.body is not None and declared.local_name == "BodyElement":
            return global_elements(self._kind.protocol)[self._kind.body]
        head = global_elements(self._kind.protocol).get(str(declared.name)) if declared.ref is not None else None
        if head is None:
            return declared
        members = sorted((head, *head.iter_substitutes()), key=lambda each: str(each.name))
        concrete = [each for each in members if not _is_abstract(each)]
        abstract = [each for each in members if _is_abstract(each)]
        # Neither the minimal nor the maximal message has an abstract head, which has no content.
        members = [*concrete[:1], *abstract, *(concrete[1:] or concrete)]
        return members[self._picks.pick(len(members))]

    def _group(self, group: XsdGroup, node: Node) -> None:
        if not self._possible(group):
            if group.min_occurs:
                raise NoInstance(node.name)
            return
        for _ in range(self._count(group)):
            if group.model == "choice":
                options = [item for item in group if self._possible(item)]
                self._particle(options[self._picks.pick(len(options))], node)
            else:
                for item in group:
                    self._particle(item, node)

    def _particle(self, item: XsdGroup | XsdElement | XsdAnyElement, node: Node) -> None:
        if isinstance(item, XsdGroup):
            self._group(item, node)
        elif isinstance(item, XsdElement):
            for _ in range(self._count(item)):
                child = self.element(item)
                child.repeated = item.max_occurs is None or item.max_occurs > 1
                node.children.append(child)

        else:
            choices = self._wildcard(item)
            for _ in range(self._count(item) if choices else 0):
                node.children.append(self.element(choices[self._picks.pick(len(choices))]))

    def _mix(self, node: Node) -> None:
        """Text between the elements of mixed content; never two texts side by side."""
        mixed: list[Node | str] = []
        for child in [*node.children, None]:
            if self._picks.pick(2):
                mixed.append("mixed é" if child is None else "t")
            if child is not None:
                mixed.append(child)
        node.children = mixed

    def _wildcard(self, item: XsdAnyElement) -> list[XsdElement]:
        """Small global elements that a wildcard allows; none when nested deeply."""
        if self._depth > 8:
            return []
        allowed = (each for each in _by_size(self._kind.protocol) if item.is_matching(str(each.name)))
        return list(itertools.islice(allowed, 12))

    def _possible(self, item: XsdGroup | XsdElement | XsdAnyElement) -> bool:
        """Whether the particle has an instance."""
        if isinstance(item, XsdGroup):
            wanted = [self._possible(each) or each.min_occurs == 0 for each in item]
            return not wanted or (any(wanted) if item.model == "choice" else all(wanted))
        return isinstance(item, XsdElement) or bool(self._wildcard(item))

    def _count(self, item: XsdGroup | XsdElement | XsdAnyElement) -> int:
        least: int = item.min_occurs
        most = item.max_occurs
        if self._depth > 12 or item.max_occurs == 0:
            return least
        if most is None:
            most = least + 3
        options = [*range(least, min(most, least + 3) + 1)]
        # Few, or the most: a list at its full maxOccurs must code as well as a short one. A long one only near the
        # root, where it is what the message is about.
        if most > options[-1] and (most <= _SHORT_LIST or self._picks.nodes < _SHORT_LIST):
            options.append(most)
        elif most > options[-1]:
            options.append(options[-1] + 2)
        return options[self._picks.pick(len(options))]

    def _simple(self, kind: Any) -> tuple[str, Any]:
        """Text and JSON value of a simple type, at or inside its facets."""
        if kind.enumeration:
            value = kind.enumeration[self._picks.pick(len(kind.enumeration))]
            return str(value), value if not isinstance(value, str) else str(value)
        primitive = kind.root_type.local_name
        if primitive == "boolean":
            truth = bool(self._picks.pick(2))
            return str(truth).lower(), truth
        if primitive == "decimal":
            number = self._integer(kind)
            return str(number), number
        if primitive in ("base64Binary", "hexBinary"):
            data = self._bytes(kind)
            text = base64.b64encode(data).decode() if primitive == "base64Binary" else data.hex().upper()
            return text, text
        if primitive not in ("string", "anyURI"):
            raise AssertionError(f"no generator for {kind.name} ({primitive})")
        text = self._string(kind)
        return text, text

    def _integer(self, kind: Any) -> int:
        low = kind.min_value if kind.min_value is not None else -(2**70)
        high = kind.max_value if kind.max_value is not None else 2**70
        low, high = int(low), int(high)
        options = [0] if low <= 0 <= high else []
        options += sorted({n for n in (low, low + 1, high - 1, *_INTEGERS) if low <= n < high} - {0})
        options.append(high)
        chosen = self._picks.pick(len(options) + 1)
        if chosen == len(options) - 1 and high - low > 1:
            return low + self._picks.pick(high - low + 1)
        return options[min(chosen, len(options) - 1)]

    def _lengths(self, kind: Any, unbounded: int) -> int:
        least = kind.min_length or 0
        most = kind.max_length if kind.max_length is not None else unbounded
        options = sorted({n for n in (least, least + 1, least + 7, (least + most) // 2, most - 1) if least <= n < most})
        options.append(most)
        return options[self._picks.pick(len(options))]

    def _bytes(self, kind: Any) -> bytes:
        length = self._lengths(kind, unbounded=200)
        fill = self._picks.pick(256)
        return bytes((fill + 37 * index * (fill & 1)) & 0xFF for index in range(length))

    def _string(self, kind: Any) -> str:
        length = self._lengths(kind, unbounded=40)
        first = self._picks.pick(len(_CHARACTERS))
        name = kind.is_derived(_xsd_type("Name")) or kind.name in (f"{{{XSD}}}ID", f"{{{XSD}}}IDREF")
        if name:
            # Identifiers must differ within a document.
            return f"a{self._picks.nodes}" + "".join("bé-7_."[(first + index) % 6] for index in range(length))
        text = "".join(_CHARACTERS[(first + index * (first % 5)) % len(_CHARACTERS)] for index in range(length))
        if kind.white_space == "collapse":
            # The lexical value after collapsing is what a codec carries.
            return " ".join(text.replace(" ", "_").replace("\t", "_").replace("\u0085", "_").split())
        return text


def _is_open(kind: Any) -> bool:
    """Types whose content is a list of text and elements in the JSON view: those of XMLDSig that need it."""
    if kind.is_simple() or kind.has_simple_content() or kind.content is None:
        return False
    return kind.mixed or _has_open_group(kind.content)


def _has_open_group(group: Any) -> bool:
    for item in group:
        if isinstance(item, XsdAnyElement):
            return True
        if isinstance(item, XsdGroup) and _has_open_group(item):
            return True
    return group.max_occurs is None or group.max_occurs > 1


@cache
def _key(protocol: str, name: str) -> str:
    """The local name; the Clark name for a local element that shares its local name with another namespace's."""
    local = name.rpartition("}")[2]
    names = {each for each in _declared_names(protocol) if each.rpartition("}")[2] == local}
    is_only_global = {each for each in names if each in global_elements(protocol)} == {name}
    return local if len(names) == 1 or is_only_global else name


@cache
def _declared_names(protocol: str) -> frozenset[str]:
    found = set(global_elements(protocol))
    types: list[Any] = list(schema(protocol).maps.types.values())
    for kind in types:
        if kind.is_complex() and kind.has_complex_content() and kind.name[1:].partition("}")[0] not in _META:
            found |= {str(each.name) for each in kind.content.iter_elements() if isinstance(each, XsdElement)}
    return frozenset(found)


@cache
def _by_size(protocol: str) -> list[XsdElement]:
    """The concrete global elements whose smallest instance needs no wildcard, smallest first."""
    sizes = []
    for name, element in global_elements(protocol).items():
        picks = Picks.of_shape("minimal")
        generator = _Generator(Kind(protocol, name), picks)
        generator._depth = 100  # no wildcards inside
        try:
            if not _is_abstract(element) and element.local_name != "V2G_Message":
                generator.element(element)
                sizes.append((picks.nodes, name, element))
        except NoInstance:
            continue
    return [element for _, _, element in sorted(sizes, key=lambda each: each[:2])]


@cache
def _xsd_type(name: str) -> Any:
    meta: Any = xmlschema.XMLSchema.meta_schema
    return meta.types[name]


def tree(xml: str) -> tuple[Any, ...]:
    """XML as nested tuples that are equal when the documents mean the same: prefixes and attribute order fall away."""
    return _tuple(ElementTree.fromstring(xml))


def _tuple(element: ElementTree.Element) -> tuple[Any, ...]:
    text = element.text or ""
    children = tuple((_tuple(child), child.tail or "") for child in element)
    return (element.tag, tuple(sorted(element.attrib.items())), text, children)


def campaign(protocol: str, count: int, seed: int) -> Iterator[tuple[Kind, str, Picks]]:
    """At least `count` messages: each kind minimal and maximal, then boundary and random ones round-robin."""
    every = kinds(protocol)
    for kind in every:
        yield kind, "minimal", Picks.of_shape("minimal")
        yield kind, "maximal", Picks.of_shape("maximal")
    for index in range(max(0, count - 2 * len(every))):
        shape = SHAPES[2 + index % 2]
        yield every[index // 2 % len(every)], shape, Picks.of_shape(shape, seed * 1_000_003 + index)
