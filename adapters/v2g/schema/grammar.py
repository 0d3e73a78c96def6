"""From a complex type to the EXI grammar the emitters write code for (EXI 1.0, 8.5.4).

The content model becomes numbered positions (Glushkov): attributes in EXI order, then the element particles,
wildcards or the characters of simple content in schema order. A state is "just after position i" (-1: at the start)
and offers the positions that may follow, in event-code order, and the end of the element. The states of a repeated
particle differ only in what may follow, so counting replaces unrolled states. Every state has one more code, the
escape to the second level: a state with n productions takes ``n.bit_length()`` bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .model import (
    Attribute,
    ComplexType,
    Element,
    Group,
    Particle,
    SchemaError,
    SchemaSet,
    Wildcard,
    exi_order,
)

START = -1


@dataclass(eq=False)
class Position:
    """One attribute, element particle, wildcard or piece of simple content."""

    form: str
    """attribute, element, group (element with a substitution group), wildcard or text."""
    name: str
    least: int
    most: int | None
    attribute: Attribute | None = None
    elements: list[Element] = field(default_factory=list)
    """The element, or the members of its substitution group in EXI order: one event code each."""
    wildcard: Wildcard | None = None
    number: int = 0
    """First of this position's numbers; an event code is a number less the base of its state."""

    @property
    def size(self) -> int:
        """How many event codes this position takes."""
        return len(self.elements) if self.elements else 1


@dataclass
class _Set:
    nullable: bool
    first: set[int]
    last: set[int]


class Grammar:
    """The grammar of one complex type.

    ``follow[i]`` are the positions that may come after position i, ``ends`` the states in which the element may end.
    ``is_open``: the type has mixed content, wildcards or repeated groups, and is run from a state table.
    ``is_irregular``: the production numbers of some state are not consecutive (optional groups, as in DSAKeyValue).
    """

    def __init__(self, schema: SchemaSet, of: ComplexType) -> None:
        self.type = of
        self.positions: list[Position] = []
        self.follow: dict[int, set[int]] = {START: set()}
        self.ends: set[int] = set()
        self.is_open = of.mixed
        self._schema = schema
        self._build()
        number = 0
        for position in self.positions:
            position.number = number
            number += position.size
        self.end_number = number

    def _build(self) -> None:
        parts: list[_Set] = []
        for attribute in sorted(self.type.attributes, key=lambda a: exi_order(a.name)):
            least = 1 if attribute.required else 0
            parts.append(self._leaf(Position("attribute", attribute.name.local, least, 1, attribute=attribute)))
        self.attribute_count = len(parts)
        if self.type.simple is not None:
            parts.append(self._leaf(Position("text", "value", 1, 1)))
        elif self.type.content is not None:
            parts.append(self._particle(self.type.content))
        whole = self._sequence(parts)
        self.follow[START] = whole.first
        self.ends = set(whole.last) | ({START} if whole.nullable else set())
        for state, following in self.follow.items():
            if any(position <= state for position in following):
                self.is_open = True
        self.is_irregular = not self.is_open and any(
            codes != list(range(codes[0], codes[0] + len(codes))) for codes in map(self.codes, self.follow)
        )

    def _leaf(self, position: Position) -> _Set:
        number = len(self.positions)
        self.positions.append(position)
        self.follow[number] = set()
        return _Set(position.least == 0, {number}, {number})

    def _sequence(self, parts: list[_Set]) -> _Set:
        whole = _Set(True, set(), set())
        for part in parts:
            for state in whole.last:
                self.follow[state] |= part.first
            if whole.nullable:
                whole.first |= part.first
            whole.last = part.last | (whole.last if part.nullable else set())
            whole.nullable = whole.nullable and part.nullable
        return whole

    def _particle(self, particle: Particle) -> _Set:
        term = particle.term
        if isinstance(term, Element):
            members = self._schema.substitutes(term)
            form = "group" if len(members) > 1 else "element"
            if form == "group" and particle.maximum != 1:
                raise SchemaError(f"{self.type.label}: repeated substitution group {term.name} is not supported")
            made = Position(form, term.name.local, particle.minimum, particle.maximum, elements=members)
            return self._leaf(made)
        if isinstance(term, Wildcard):
            self.is_open = True
            made = Position("wildcard", "*", particle.minimum, particle.maximum, wildcard=term)
            return self._leaf(made)
        parts = [self._particle(child) for child in term.particles]
        if term.kind == "sequence":
            whole = self._sequence(parts)
        else:
            whole = _Set(not parts, set(), set())
            for part in parts:
                whole.nullable = whole.nullable or part.nullable
                whole.first |= part.first
                whole.last |= part.last
        if particle.maximum is None:
            self.is_open = True
            for state in whole.last:
                self.follow[state] |= whole.first
        elif particle.maximum != 1:
            raise SchemaError(f"{self.type.label}: group with maxOccurs={particle.maximum} is not supported")
        whole.nullable = whole.nullable or particle.minimum == 0
        return whole

    def codes(self, state: int) -> list[int]:
        """The numbers of the productions of ``state`` in event-code order; the end of the element comes last.

        Only for grammars that are not open.
        """
        numbers: list[int] = []
        number = 0
        starts = {}
        for index, position in enumerate(self.positions):
            starts[index] = number
            number += position.size
        for index in sorted(self.follow[state]):
            numbers.extend(range(starts[index], starts[index] + self.positions[index].size))
        if state in self.ends:
            numbers.append(number)
        return numbers

    def choices(self) -> list[tuple[bool, tuple[str, ...]]]:
        """Groups of fields that exclude each other; True where one of them is required."""
        found: list[tuple[bool, tuple[str, ...]]] = []
        if self.type.content is not None and not self.is_open:
            _collect_choices(self.type.content, found)
        return found

    def together(self) -> list[tuple[str, ...]]:
        """Fields of optional groups: all of them are present, or none."""
        found: list[tuple[str, ...]] = []
        if self.type.content is not None and not self.is_open:
            _collect_optional_groups(self.type.content, found)
        return found

    def table(self) -> list[list[tuple[str, int]]]:
        """The states of an open type: (event, next state) in event-code order; see exi.open_content."""
        states = []
        for state in range(START, len(self.positions)):
            following = sorted(self.follow[state])
            if state != START and self.positions[state].most is None:
                following = sorted({*following, state})
            declared = [i for i in following if self.positions[i].form != "wildcard"]
            wild = [i for i in following if self.positions[i].form == "wildcard"]
            row = [(self._event(i), i + 1) for i in (*declared, *wild)]
            if state in self.ends:
                row.append(("/", 0))
            if self.type.mixed and self._in_content(state):
                row.append(("#", max(state + 1, self.attribute_count)))
            states.append(row)
        return states

    def _in_content(self, state: int) -> bool:
        """Whether content may come in ``state``: no required attribute is still to come."""
        return all(p.least == 0 for p in self.positions[state + 1 : self.attribute_count])

    def _event(self, index: int) -> str:
        position = self.positions[index]
        if position.form != "wildcard" and (position.size > 1 or position.most not in (1, None)):
            raise SchemaError(f"{self.type.label}: {position.name} in open content is not supported")
        return f"@{position.name}" if position.form == "attribute" else position.name


def _collect_choices(particle: Particle, found: list[tuple[bool, tuple[str, ...]]]) -> None:
    group = particle.term
    if not isinstance(group, Group):
        return
    if group.kind == "choice":
        names = tuple(p.term.name.local for p in group.particles if isinstance(p.term, Element))
        if len(names) != len(group.particles) or any(p.minimum == 0 or p.maximum != 1 for p in group.particles):
            raise SchemaError(f"choice of {names} holds more than single elements, which is not supported")
        found.append((particle.minimum > 0, names))
    for child in group.particles:
        _collect_choices(child, found)


def _collect_optional_groups(particle: Particle, found: list[tuple[str, ...]]) -> None:
    group = particle.term
    if not isinstance(group, Group):
        return
    if group.kind == "sequence" and particle.minimum == 0 and len(group.particles) > 1:
        names = tuple(p.term.name.local for p in group.particles if isinstance(p.term, Element))
        if len(names) != len(group.particles) or any((p.minimum, p.maximum) != (1, 1) for p in group.particles):
            raise SchemaError(f"optional group of {names} holds more than required elements, which is not supported")
        found.append(names)
    for child in group.particles:
        _collect_optional_groups(child, found)
