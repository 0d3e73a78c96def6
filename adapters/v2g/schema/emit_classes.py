"""Writes the message classes of a module and the descriptions of their fields."""

from __future__ import annotations

from .emit_common import Names, quoted
from .emit_reader import is_mandatory
from .grammar import Position
from .model import ComplexType, QName, SimpleType
from .units import unit_of

BASES = {"PhysicalValueType": "PhysicalValue", "RationalNumberType": "RationalNumber"}
OPEN = Position("content", "content", 0, None)


def ordered(types: list[ComplexType]) -> list[ComplexType]:
    """Base types before the types derived from them, otherwise by name."""
    done: list[ComplexType] = []
    seen: set[int] = set()

    def visit(kind: ComplexType) -> None:
        if id(kind) not in seen:
            seen.add(id(kind))
            if kind.base is not None:
                visit(kind.base)
            done.append(kind)

    for kind in sorted(types, key=lambda k: k.label):
        visit(kind)
    return done


def positions_of(names: Names, kind: ComplexType) -> list[Position]:
    """The fields of the class: the grammar's positions, or attributes and one content list for an open type."""
    grammar = names.grammar(kind)
    if not grammar.is_open:
        return grammar.positions
    return [*grammar.positions[: grammar.attribute_count], OPEN]


def is_required(names: Names, kind: ComplexType, position: Position) -> bool:
    """Whether every instance of the type has this field."""
    grammar = names.grammar(kind)
    if position.form == "content" or position.least == 0:
        return False
    if grammar.is_open:
        return True
    return is_mandatory(grammar, grammar.positions.index(position))


def namespace_of(kind: ComplexType) -> str:
    """The namespace of the type, or of the element that owns an anonymous type."""
    name = kind.name or kind.owner
    assert name is not None
    return name.namespace


def element_of(names: Names, kind: ComplexType) -> str:
    """The name of the global element that alone has this type; empty when there is none or more than one."""
    elements = [e for e in names.schema.elements.values() if e.type is kind]
    return names.element_name(elements[0].name) if len(elements) == 1 else ""


def class_lines(names: Names, kind: ComplexType, *, shared: bool) -> list[str]:
    """The class statement; what protocols share is of none of them."""
    positions = positions_of(names, kind)
    inherited = {p.name for p in positions_of(names, kind.base)} if kind.base is not None else set()
    own = [p.name for p in positions if p.name not in inherited]
    base = kind.base.label if kind.base is not None else BASES.get(kind.label, "Message")
    lines = [f"class {kind.label}({base}):", *_docstring(names, kind, positions), ""]
    if not shared:
        lines.append(f"    PROTOCOL = {quoted(names.protocol)}")
        lines.append(f"    ELEMENT = {quoted(element_of(names, kind))}")
    slots = ", ".join(quoted(name) for name in own)
    lines.append(f"    __slots__ = ({slots}{',' if len(own) == 1 else ''})")
    for position in positions:
        if position.name not in inherited:
            lines.append(f"    {position.name}: {_annotation(names, kind, position, optional='None')}")
    if not positions:
        return lines
    required = [p for p in positions if is_required(names, kind, p)]
    rest = [p for p in positions if not is_required(names, kind, p)]
    lines += ["", "    def __init__(", "        self,", "        *,"]
    lines += [f"        {p.name}: {_annotation(names, kind, p, optional='None')}," for p in required]
    lines += [f"        {p.name}: {_annotation(names, kind, p, optional='None', argument=True)} = None," for p in rest]
    lines.append("    ) -> None:")
    for position in positions:
        name = position.name
        absent_list = position.most != 1 and position in rest
        lines.append(
            f"        self.{name} = [] if {name} is None else {name}"
            if absent_list
            else f"        self.{name} = {name}"
        )
    lines.append("        check_fields(self)")
    return lines


def _docstring(names: Names, kind: ComplexType, positions: list[Position]) -> list[str]:
    abstract = " Abstract: messages carry a type derived from it." if kind.abstract else ""
    first = f'    """{kind.label} of {namespace_of(kind)}.{abstract}'
    notes = []
    for position in positions:
        if not position.elements or position.form == "group":
            continue
        element = position.elements[0].type
        label = element.kind if isinstance(element, SimpleType) else element.label
        if unit := unit_of(position.name, label):
            notes.append(f"    {position.name}: {unit}")
    if not notes:
        return [first + '"""']
    return [first, "", *notes, '    """']


def _annotation(names: Names, kind: ComplexType, position: Position, *, optional: str, argument: bool = False) -> str:
    if position.form == "content":
        item = "str | Element"
    elif position.form == "attribute":
        assert position.attribute is not None
        item = names.annotation(position.attribute.type)
    elif position.form == "text":
        assert kind.simple is not None
        item = names.annotation(kind.simple)
    else:
        element = position.elements[0].type
        if position.form == "group":
            element = names.schema.elements[_head(names, position)].type
        item = names.annotation(element) if isinstance(element, SimpleType) else element.label
    if position.most != 1:
        return f"list[{item}] | {optional}" if argument else f"list[{item}]"
    return item if is_required(names, kind, position) else f"{item} | {optional}"


def _head(names: Names, position: Position) -> QName:
    """The head of a group position's substitution group: the member that no other member is the head of."""
    members = {e.name: e for e in position.elements}
    return next(name for name, e in members.items() if e.head not in members)


def field_lines(names: Names, kind: ComplexType) -> list[str]:
    """Statements that fill in the class attributes."""
    lines = []
    positions = positions_of(names, kind)
    if positions:
        lines.append(f"{kind.label}.FIELDS = (")
        lines += [f"    {_field(names, kind, position)}," for position in positions]
        lines.append(")")
    if choices := names.grammar(kind).choices():
        lines.append(f"{kind.label}.CHOICES = (")
        for required, group in choices:
            lines.append(f"    ({required}, ({', '.join(quoted(name) for name in group)})),")
        lines.append(")")
    if together := names.grammar(kind).together():
        lines.append(f"{kind.label}.TOGETHER = (")
        lines += [f"    ({', '.join(quoted(name) for name in group)})," for group in together]
        lines.append(")")
    return lines


def _field(names: Names, kind: ComplexType, position: Position) -> str:
    least = (position.least if position.most != 1 else 1) if is_required(names, kind, position) else 0
    namespace, described = "", "None"
    if position.form == "attribute":
        assert position.attribute is not None
        namespace, described = position.attribute.name.namespace, names.constant(position.attribute.type)
    elif position.form == "text":
        assert kind.simple is not None
        described = names.constant(kind.simple)
    elif position.form == "group":
        members = ", ".join(f"{quoted(names.element_name(e.name))}: {_class(names, e.type)}" for e in position.elements)
        described = "{" + members + "}"
    elif position.form == "element":
        element = position.elements[0]
        namespace, described = element.name.namespace, _class(names, element.type)
    bounds = "" if (least, position.most) == (1, 1) else f", {least}, {position.most}"
    form = position.form
    return f"Field({quoted(form)}, {quoted(position.name)}, {quoted(namespace)}, {described}{bounds})"


def _class(names: Names, kind: SimpleType | ComplexType) -> str:
    return names.constant(kind) if isinstance(kind, SimpleType) else kind.label
