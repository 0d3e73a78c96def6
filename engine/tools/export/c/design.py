"""What the C of a chart is made of: numbers of states and events, names, what events carry, what a host must provide.

The engine's own analysis (:mod:`engine.semantics.compiled`) says which states a transition leaves and enters and which
events there are, so the language has no second implementation here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePath
from typing import Any

from engine.language.expr import tree
from engine.language.model import Action, Chart, EventDef, State, StateKind, Timer, Transition
from engine.language.position import NOWHERE, Position
from engine.language.traverse import event_definition, walk_blocks
from engine.language.types import Kind, Type
from engine.language.values import describe
from engine.semantics.compiled.symbols import Symbols, expressions
from engine.semantics.compiled.topology import Topology
from engine.semantics.shared import name_matches
from engine.tools.export.c.expressions import Expression
from engine.tools.export.c.names import Names, identifier
from engine.tools.export.c.types import NotInC, c_type, declared, passed
from engine.tools.export.losses import Construct, Exported

FAILURE = "error.execution"
KEY = Type(Kind.BYTES, maximum=2**16 - 1)
"""The key of a spawned child, however it is put together."""


@dataclass(slots=True)
class EventOf:
    """An event that some transition hears. ``number`` is its trigger; ``payload`` what expressions read of it;
    ``from_outside``: a host gives it."""

    name: str
    number: int
    payload: dict[str, Type]
    from_outside: bool
    heard: list[Transition] = field(default_factory=list)


@dataclass(slots=True)
class Port:
    """A function that the host provides. ``result`` is set for a value that is read."""

    name: str
    arguments: tuple[tuple[str, Type], ...]
    about: str
    result: Type | None = None
    returns: str = "void"


class Design:
    """See above. What cannot be translated is a loss of ``exported``, with its place."""

    def __init__(self, chart: Chart, exported: Exported) -> None:
        self.chart = chart
        self.exported = exported
        self.name = identifier(chart.name)
        self.upper = self.name.upper()
        self.topology = Topology(chart)
        self.symbols = Symbols(chart, self.topology)
        self.states: list[State] = self.topology.states
        self.numbers = self.symbols.numbers
        self.transitions: list[Transition] = list(self.topology.all_transitions())
        self.timers: list[tuple[State, Timer]] = [(s, timer) for s in self.states for timer in s.timers]
        self.words = f"enum {self.name}_word"
        self.uses_real = False
        self.places: list[str] = [""]
        self.ports: dict[str, Port] = {}
        self.readings: dict[tuple[str, str], Type] = {}
        self.fields: dict[tuple[str, str], Type] = {}  # by name and what holds it
        self.most: dict[str, int] = {}  # children of an id that may run
        self.members: dict[str, Type] = {}  # lists in which a value is looked for, by their place: their items
        self.data_names, self.parameter_names, self.event_names, self.state_names = (Names() for _ in range(4))
        self.field_names, self.word_names = Names(), Names()
        self._words: dict[str, None] = {}
        self.events = self._events()
        self.by_name = {event.name: event for event in self.events}

    # ------------------------------------------------------------ losses

    def refuse(self, what: str, where: str, position: Position, construct: Construct = Construct.EXPRESSION) -> None:
        """Note what is not translated."""
        self.exported.lose(construct, where, what, position)

    def place(self, position: Position) -> int:
        """The number of a place in the YAML, for errors at run time."""
        text = place_text(position)
        if text not in self.places:
            self.places.append(text)
        return self.places.index(text)

    # ------------------------------------------------------------ names

    def state_name(self, state: str) -> str:
        """The constant of a state."""
        return f"{self.upper}_STATE_{self.state_names.of(state or 'root')}"

    def event_name(self, event: str) -> str:
        """The constant of an event."""
        return f"{self.upper}_EVENT_{self.event_names.of(event)}"

    def word(self, value: str) -> str:
        """The constant of a value of an enumeration."""
        self._words[value] = None
        return f"{self.upper}_WORD_{self.word_names.of(value)}"

    @property
    def all_words(self) -> list[str]:
        """The values of all enumerations met so far."""
        return list(self._words)

    def c_type(self, type_: Type) -> str:
        """:func:`engine.tools.export.c.types.c_type` here; its words are known afterwards."""
        for value in type_.values:
            self.word(value)
        return c_type(type_, self.words)

    def declared(self, type_: Type, name: str) -> str:
        """The declaration of a member. Raises ``NotInC``."""
        self.c_type(type_)
        return declared(type_, name, self.words)

    def passed(self, type_: Type, name: str) -> str:
        """The declaration of an argument. Raises ``NotInC``."""
        self.c_type(type_)
        return passed(type_, name, self.words)

    # ------------------------------------------------------------ what the host provides

    def port(
        self,
        name: str,
        arguments: Iterable[tuple[str, Type]],
        about: str,
        result: Type | None = None,
        returns: str = "void",
    ) -> str:
        """A function of the host; its name in the struct of them. ``result``: it reads a value, ``returns``: it gives
        an answer. Raises ``NotInC``."""
        name = identifier(name)
        known = self.ports.setdefault(name, Port(name, tuple(arguments), about, result, returns))
        if known.about != about:
            raise NotInC(f"{about} and {known.about} would both be the function {name}: rename one")
        for _, type_ in known.arguments:
            self.passed(type_, "given")
        return name

    def alive(self, child: str, key: tree.Expr | None) -> str:
        """The function of the host that counts children, or knows whether there is one of a key. Raises ``NotInC``."""
        if key is None:
            return self.port(f"alive_{child}", (), f"how many {child} run", returns="uint8_t")
        return self.port(f"has_{child}", (("key", KEY),), f"whether the {child} of this key runs", returns="bool")

    def child(self, name: str) -> Chart | None:
        """The chart that runs under an id."""
        return next((node.chart for node in self.symbols.child_nodes if node.id == name), None)

    def member_of(self, place: str, item: Type) -> str:
        """The function of the machine that looks for a value in a list at a place. Raises ``NotInC``."""
        if item.kind not in (Kind.BYTES, Kind.INT, Kind.DURATION, Kind.BOOL, Kind.ENUM):
            raise NotInC(f"looking for {describe(item)} in a list is not translated")
        self.members[place] = item
        return f"in_{identifier(place.removeprefix('me->'))}"

    def reading(self, role: str, name: str, type_: Type) -> str:
        """The function of the machine that reads a value once in a step. Raises ``NotInC``."""
        if type_.kind is Kind.LIST:
            raise NotInC(f"{describe(type_)}: a list that an adapter shows is not translated")
        self.c_type(type_)
        self.readings[role, name] = type_
        self.port(f"read_{role}_{name}", (), f"{role}.{name}, the value", type_)
        return f"read_{identifier(role)}_{identifier(name)}"

    def field(self, name: str, type_: Type) -> str:
        """The function of the machine that reads a field of the event in work. Raises ``NotInC``."""
        if type_.kind is Kind.LIST:
            raise NotInC(f"{describe(type_)}: a list in an event is not translated")
        held = self.c_type(type_)
        known = self.fields.setdefault((name, held), type_)
        kinds = [key for key in self.fields if key[0] == name]
        suffix = "" if kinds[0] == (name, held) else f"_{kinds.index((name, held)) + 1}"
        assert known is not None
        return f"event_{identifier(name)}{suffix}"

    # ------------------------------------------------------------ events

    def _events(self) -> list[EventOf]:
        raised = {name for name in self._raised() if name in self.symbols.known_events}
        found: list[EventOf] = []
        for name in sorted(self.symbols.known_events | {FAILURE}):
            heard = [t for t in self.transitions if name_matches(t.descriptors, name)]
            if heard or name in raised:
                found.append(EventOf(name, len(found) + 1, self._payload(name, heard), self._outside(name), heard))
        return found

    def _raised(self) -> Iterable[str]:
        for block in self.blocks():
            for action in block:
                sent = action.sent()
                if sent is not None and sent.is_internal and sent.name:
                    yield sent.name

    def blocks(self) -> Iterable[tuple[Action, ...]]:
        """All blocks of actions, with those inside others."""
        for state in self.states:
            yield from walk_blocks(state)

    @cached_property
    def internal_event(self) -> str:
        """The type of internal events: those of most charts carry nothing, and need no room for what others do."""
        carries = any(event.payload for event in self.events if event.name in set(self._raised()))
        return f"struct {self.name}_event" if carries else "struct chart_event"

    def _outside(self, name: str) -> bool:
        own = self.chart.events.get(name)
        return not (own is not None and own.direction != "in") and not name.startswith(("done.state.", FAILURE))

    def _payload(self, name: str, heard: list[Transition]) -> dict[str, Type]:
        """What is read of an event, in the order it is declared."""
        definition: EventDef | None = event_definition(self.chart, name)
        declared_: dict[str, Type] = dict((definition.payload or {}) if definition is not None else {})
        parts: list[Any] = [(t.guard, t.actions) for t in heard]
        parts += [(*s.entry, *s.exit, *(t.guard for t in s.transitions if not t.descriptors)) for s in self.states]
        read = {e.name: e.type for e in expressions(parts) if isinstance(e, tree.EventField)}
        found = {field_: type_ for field_, type_ in declared_.items() if field_ in read}
        for t in heard:
            for e in expressions([t.guard, t.actions]):
                if isinstance(e, tree.EventField) and e.name not in declared_:
                    found[e.name] = e.type
        return found

    def event_position(self, event: EventOf) -> Position:
        """Where an event is declared, or first heard."""
        definition = event_definition(self.chart, event.name)
        if definition is not None and definition.position != NOWHERE:
            return definition.position
        return event.heard[0].position if event.heard else NOWHERE

    # ------------------------------------------------------------ output

    @property
    def ends(self) -> bool:
        """Whether the machine may end by itself."""
        return any(s.kind is StateKind.FINAL and s.parent is self.states[0] for s in self.states)

    @cached_property
    def output(self) -> dict[str, Type]:
        """The types of the output; a string without a maximum has room for the longest that a final state gives."""
        found = dict(self.chart.output)
        for name, type_ in found.items():
            if type_.kind is Kind.STRING and type_.maximum is None:
                given = [value for state in self.states for one, value in state.output if one == name]
                try:
                    octets = [Expression(self).octets(value) for value in given]
                except NotInC:
                    continue  # said where it is given
                found[name] = replace(type_, maximum=max(octets, default=0))
        return found


def place_text(position: Position) -> str:
    """``evse.yaml:93:15``: the folder would make the C differ from one machine to the next."""
    text = f"{PurePath(position.file).name}:{position.line}:{position.column}"
    return text if position.used is None else f"{text} (used in {place_text(position.used)})"
