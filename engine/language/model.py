"""A chart as data: the loader's result and the input of interpreter, compiled core, diagrams, tests, exports and
checks. Names and structure follow W3C SCXML 1.0; nothing here runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple

from engine.language.expr.tree import Expr, Literal
from engine.language.position import NOWHERE, Position
from engine.language.types import STRING, Type


class StateKind(Enum):
    """The kinds of state (SCXML 3.3 to 3.10)."""

    ATOMIC = "atomic"
    COMPOUND = "compound"
    PARALLEL = "parallel"
    FINAL = "final"
    SHALLOW_HISTORY = "shallow"
    DEEP_HISTORY = "deep"


class Clause(NamedTuple):
    """A citation of a standard: ``place`` in it (``CC.3.3``, ``Table A.1``), what it says there, and what it is of."""

    standard: str
    place: str
    note: str
    about: str
    position: Position


# ---------------------------------------------------------------- actions


class Sent(NamedTuple):
    """An event that an action gives to a queue. ``target`` as in :class:`Send`, where ``internal`` is the own internal
    queue."""

    event: Expr
    target: Expr | None
    data: tuple[tuple[str, Expr], ...]

    @property
    def is_internal(self) -> bool:
        """Whether it goes to the own internal queue for certain."""
        return isinstance(self.target, Literal) and self.target.value in ("internal", "#_internal")

    @property
    def name(self) -> str | None:
        """The event's name; None when it is known at run time only."""
        value = self.event.value if isinstance(self.event, Literal) else None
        return value if isinstance(value, str) else None


class ActionKind:
    """What an action tells of itself to all that reads charts: checks, tests, diagrams, exports. ``word`` is its key in
    YAML. The expressions in its fields are found by their types (:func:`engine.language.traverse.expressions_of`)."""

    __slots__ = ()
    word: ClassVar[str]

    def bodies(self) -> tuple[tuple[Action, ...], ...]:
        """The blocks inside it."""
        return ()

    def assigns(self) -> tuple[str, ...]:
        """The data items it gives a value by itself, what is inside it aside."""
        return ()

    def sent(self) -> Sent | None:
        """The event it gives to a queue."""
        return None


@dataclass(frozen=True, slots=True)
class Assign(ActionKind):
    """``assign: {name: expr}``: one name each. ``argument_of``: the id of the state whose argument a target gives."""

    word: ClassVar[str] = "assign"
    name: str
    value: Expr
    position: Position = NOWHERE
    argument_of: str = ""

    def assigns(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Raise(ActionKind):
    """``raise: event``: to the rear of the machine's own internal queue (SCXML 4.2)."""

    word: ClassVar[str] = "raise"
    event: str
    data: tuple[tuple[str, Expr], ...] = ()
    position: Position = NOWHERE

    def sent(self) -> Sent:
        return Sent(Literal(self.event, STRING), Literal("internal", STRING), self.data)


@dataclass(frozen=True, slots=True)
class Send(ActionKind):
    """``send: {event, to, data, delay, id}`` (SCXML 6.2).

    ``target`` None is the own external queue. A target value is ``parent``, ``self``, ``internal``, the id of an
    invoked or spawned child, or an SCXML session location ``#_scxml_<sessionid>``. ``key`` picks one of several spawned
    children. ``content`` replaces named ``data`` by one value (SCXML 5.6). ``id_location`` is the data item that
    receives a generated id.
    """

    word: ClassVar[str] = "send"
    event: Expr
    target: Expr | None = None
    key: Expr | None = None
    data: tuple[tuple[str, Expr], ...] = ()
    content: Expr | None = None
    delay: Expr | None = None
    id: str | None = None
    id_location: str | None = None
    type: Expr | None = None
    position: Position = NOWHERE

    def assigns(self) -> tuple[str, ...]:
        return () if self.id_location is None else (self.id_location,)

    def sent(self) -> Sent:
        return Sent(self.event, self.target, self.data)


@dataclass(frozen=True, slots=True)
class Cancel(ActionKind):
    """``cancel: id``: drop a delayed send (SCXML 6.3)."""

    word: ClassVar[str] = "cancel"
    id: Expr
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Log(ActionKind):
    """``log: text``: for people. ``parts`` alternate literal text and expressions (``{expr}`` in the YAML)."""

    word: ClassVar[str] = "log"
    parts: tuple[Expr, ...]
    label: str = ""
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class If(ActionKind):
    """``if: guard`` / ``then`` / ``else``: the branches in order; the last guard may be None (else)."""

    word: ClassVar[str] = "if"
    branches: tuple[tuple[Expr | None, tuple[Action, ...]], ...]
    position: Position = NOWHERE

    def bodies(self) -> tuple[tuple[Action, ...], ...]:
        return tuple(body for _, body in self.branches)


@dataclass(frozen=True, slots=True)
class Foreach(ActionKind):
    """``foreach: {in, item, index, do}`` over a shallow copy (SCXML 4.6)."""

    word: ClassVar[str] = "foreach"
    array: Expr
    item: str
    index: str | None
    body: tuple[Action, ...]
    position: Position = NOWHERE

    def bodies(self) -> tuple[tuple[Action, ...], ...]:
        return (self.body,)

    def assigns(self) -> tuple[str, ...]:
        return (self.item,) if self.index is None else (self.item, self.index)


@dataclass(frozen=True, slots=True)
class CallAction(ActionKind):
    """``role.action(arg=expr)``: an order to an adapter; carried out after the macrostep, in order."""

    word: ClassVar[str] = ""
    role: str
    action: str
    args: tuple[tuple[str, Expr], ...]
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Spawn(ActionKind):
    """``spawn: {id, src, key, input}``: start a child machine that lives until it ends or is stopped. Several may share
    ``id`` when their keys differ; a second one with the same id and key replaces the first.

    With ``unit`` the key is a number of that unit, whose roles the child has; the others are the parent's, by the name
    ``adapters`` gives them or their own."""

    word: ClassVar[str] = "spawn"
    id: str
    chart: Chart
    key: Expr | None
    input: tuple[tuple[str, Expr], ...]
    position: Position = NOWHERE
    adapters: tuple[tuple[str, str], ...] = ()  # child's role -> own role, where the names differ, or with `unit` all
    unit: str | None = None
    kind: str = ""  # of units of several kinds: the one it is for


@dataclass(frozen=True, slots=True)
class Stop(ActionKind):
    """``stop: id`` or ``stop: {id, key}``: end spawned children, with their exit actions."""

    word: ClassVar[str] = "stop"
    id: str
    key: Expr | None = None
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Defer(ActionKind):
    """``defer: [event]`` of a state: the event being processed is kept, and taken again when no active state keeps it
    any more."""

    word: ClassVar[str] = "defer"
    position: Position = NOWHERE


Action = Defer | Assign | Raise | Send | Cancel | Log | If | Foreach | CallAction | Spawn | Stop
Block = tuple[Action, ...]  # an error in an action skips the rest of its block (SCXML 4.9)

# ---------------------------------------------------------------- structure


@dataclass(slots=True, eq=False)
class Transition:
    """A transition. ``id`` is unique and stable: ``<source state id>/<descriptor>`` plus ``#n`` from the second of the
    same descriptor on. Exactly one of ``descriptors``, ``timer`` or neither (eventless) applies."""

    id: str
    source: State
    descriptors: tuple[str, ...] = ()  # event names or dotted prefixes without the trailing ".*"; "*" matches all
    timer: str | None = None  # the timer whose expiry triggers it
    guard: Expr | None = None
    targets: tuple[State, ...] = ()
    internal: bool = False
    actions: Block = ()
    order: int = 0  # document order among all transitions
    description: str = ""
    citation: str = ""  # `clause` and `source` of the YAML
    waivers: dict[str, str] = field(default_factory=dict)
    position: Position = NOWHERE
    relays: str = ""  # `relay`: the id of the invocation whose event it passes on
    written: tuple[str, ...] = ()  # the descriptors for a reader, `v2g.*Req` instead of the events it stands for

    @property
    def ignores(self) -> bool:
        """Whether it does nothing but take an event, always and without a word of why (``ignore`` in the YAML)."""
        nothing = not self.targets and self.guard is None and not self.actions
        return nothing and bool(self.descriptors) and not (self.description or self.citation)

    @property
    def defers(self) -> bool:
        """Whether it keeps the event for later (``defer`` in the YAML)."""
        return any(isinstance(action, Defer) for action in self.actions)


@dataclass(frozen=True, slots=True)
class Timer:
    """``after``: started when the state's entry actions are done, cancelled before its exit actions.

    ``id`` is ``<state id>/after <text of the delay>``; its expiry is the external event ``after`` of this id only.
    """

    id: str
    delay: Expr
    text: str  # the delay as written, for diagrams and traces
    position: Position = NOWHERE
    periodic: bool = False  # of `poll`: it starts again unless the expiry leaves the state


@dataclass(frozen=True, slots=True)
class Invoke:
    """``invoke`` (SCXML 6.4): run another chart, or an adapter's long action, while the state is active.

    Invocations start at the end of the macrostep in which the state was entered and is still active. Their events are
    named ``<id>.<event>`` in this chart (plain names when ``plain_events``), their end ``done.invoke.<id>``, their
    failure ``error.invoke.<id>``. ``relay``: events that transitions of the state pass on, to it or to the parent.
    """

    id: str
    chart: Chart | None = None  # a static child chart …
    source: Expr | None = None  # … or, in imported documents, one named or given by an expression when it starts
    role: str | None = None  # … or an adapter's long action
    action: str | None = None
    input: tuple[tuple[str, Expr], ...] = ()  # the child's parameters, or the action's arguments
    adapters: tuple[tuple[str, str], ...] = ()  # child's role -> own role, where the names differ
    autoforward: bool = False
    finalize: Block = ()
    plain_events: bool = False
    id_location: str | None = None
    position: Position = NOWHERE
    relay: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invariant:
    """A promise that must hold at the end of every macrostep (a state's: while the state is active).

    A *joint* invariant also reads children. It must hold whenever all machines have settled; see
    :mod:`engine.run.joint`.
    """

    condition: Expr
    text: str
    message: str = ""
    citation: str = ""
    position: Position = NOWHERE


@dataclass(slots=True, eq=False)
class State:
    """A state. ``id`` is the dotted path of names from the root (``matching.sounding``); the root's id is ``""``."""

    id: str
    name: str
    kind: StateKind
    parent: State | None
    children: list[State] = field(default_factory=list)  # history states included, document order
    initial: Transition | None = None  # compound: the initial transition (targets, content)
    history_default: Transition | None = None  # history: its default transition
    entry: tuple[Block, ...] = ()
    exit: tuple[Block, ...] = ()
    transitions: list[Transition] = field(default_factory=list)  # on, always, after, onDone in document order
    timers: list[Timer] = field(default_factory=list)
    invokes: list[Invoke] = field(default_factory=list)
    args: dict[str, Type] = field(default_factory=dict)  # what a target that enters it gives; data `<id>.<name>`
    output: tuple[tuple[str, Expr], ...] = ()  # final: done data
    output_content: Expr | None = None
    template: str = ""  # the template it uses: what has a `position.used` is that template's
    given: tuple[tuple[str, str], ...] = ()  # the arguments of that use, as written
    invariants: tuple[Invariant, ...] = ()
    joint_invariants: tuple[Invariant, ...] = ()  # those that read children: the system's to hold, not the core's
    order: int = 0  # document order, the root is 0
    title: str = ""
    description: str = ""
    citation: str = ""
    waivers: dict[str, str] = field(default_factory=dict)
    position: Position = NOWHERE

    def walk(self) -> Iterator[State]:
        """This state and its descendants, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def ancestors(self) -> Iterator[State]:
        """The parent, its parent and so on, the root included."""
        state = self.parent
        while state is not None:
            yield state
            state = state.parent

    @property
    def template_states(self) -> list[State]:
        """The states inside that the template it uses has made."""
        return [s for s in self.walk() if s is not self and s.position.used == self.position] if self.template else []

    def __repr__(self) -> str:
        return f"<State {self.id or '(root)'}>"


@dataclass(frozen=True, slots=True)
class ParameterDef:
    """A parameter: fixed when a machine starts. ``default`` None means it must be given."""

    name: str
    type: Type
    default: Expr | None
    citation: str = ""
    description: str = ""
    waivers: dict[str, str] = field(default_factory=dict, compare=False)
    position: Position = NOWHERE
    before: str = ""  # a deadline, ``NAME`` or ``MACHINE.NAME``, that this one must come before


@dataclass(frozen=True, slots=True)
class DataDef:
    """A data item and its initial value (an expression over parameters). ``late``: bound when its state is first
    entered (imported documents only). ``missing``: declared without a value; reading it raises until it is assigned.
    ``argument_of``: it is an argument of this state, named ``<state id>.<argument>``: set by the targets that enter
    the state, read in it only."""

    name: str
    type: Type
    initial: Expr | None
    late_state: str | None = None
    description: str = ""
    waivers: dict[str, str] = field(default_factory=dict, compare=False)
    position: Position = NOWHERE
    argument_of: str = ""


@dataclass(frozen=True, slots=True)
class EventDef:
    """A named event of this chart: from the parent, to the parent, raised or sent to itself.

    ``payload`` None accepts any data (imported documents). ``urgent``: it goes before everything else that waits."""

    name: str
    payload: dict[str, Type] | None
    direction: str = ""  # "in" (others send it), "out" (sent to the parent), "" (own)
    description: str = ""
    waivers: dict[str, str] = field(default_factory=dict, compare=False)
    position: Position = NOWHERE
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Shutdown:
    """How a chart ends in order. ``event`` asks for it, ``within`` (over parameters) is the longest time it takes. It
    is done when the machine has ended or one of the states ``done`` is active."""

    event: str
    within: Expr
    text: str  # the time as written
    done: tuple[State, ...] = ()
    citation: str = ""
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class SessionDef:
    """``session``: the work a chart does again and again. It begins when the state ``during`` is entered, and ends with
    the event ``result`` (direction out). ``success``, over that event's payload and the parameters, says whether it
    went well."""

    result: str
    success: Expr | None
    during: str | None = None
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Stage:
    """One of ``stages``: a step of the chart's work. The machine is in the last of them whose ``condition`` holds."""

    title: str
    condition: Expr
    text: str
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class UnitDef:
    """``units``: a set of roles that a station has ``count`` times (over parameters), numbered from 1. ``kinds``: what
    each is, in turn (a list of strings over parameters). ``roles`` are those of the charts spawned on it, by kind;
    of a unit without kinds those of ``""``."""

    name: str
    count: Expr
    roles: dict[str, dict[str, Contract]] = field(default_factory=dict, compare=False)
    kinds: Expr | None = None
    description: str = ""
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class TemplateDef:
    """A template ``of`` a ``state`` or of ``actions``. ``args``: each argument with its type, or ``event``, ``state``,
    ``actions``. ``uses``: the ids of the states it is written out in."""

    name: str
    args: dict[str, str] = field(compare=False)
    description: str = ""
    citation: str = ""
    position: Position = NOWHERE
    uses: tuple[str, ...] = ()
    of: str = "state"


@dataclass(slots=True, eq=False)
class Chart:
    """A loaded chart: resolved, type-checked, immutable by convention."""

    name: str
    root: State
    parameters: dict[str, ParameterDef] = field(default_factory=dict)
    data: dict[str, DataDef] = field(default_factory=dict)
    events: dict[str, EventDef] = field(default_factory=dict)
    adapters: dict[str, Contract] = field(default_factory=dict)  # role -> contract
    roles: dict[str, Position] = field(default_factory=dict)  # role -> where it is declared
    serves: Contract | None = None  # it stands where an adapter of this contract stands
    serves_at: Position = NOWHERE
    units: dict[str, UnitDef] = field(default_factory=dict)
    output: dict[str, Type] = field(default_factory=dict)  # what the chart gives when it ends
    templates: dict[str, TemplateDef] = field(default_factory=dict)  # written out already: for people
    shutdown: Shutdown | None = None
    main: tuple[State, ...] = ()  # the states that a run which goes well passes, in their order: for drawings
    session: SessionDef | None = None
    stages: tuple[Stage, ...] = ()
    strict: bool = False
    untyped: bool = False  # an imported document (`events: any`): names, types and events are known at run time only
    title: str = ""
    description: str = ""
    citation: str = ""
    clauses: list[Clause] = field(default_factory=list)  # all citations of standards in the file, document order
    version: str = ""
    station: str | None = None  # default station file, relative to the chart
    file: str = ""
    text_hash: str = ""  # SHA-256 of the canonical text of this chart and all it invokes
    waivers: dict[str, str] = field(default_factory=dict)
    script: Block = ()  # actions before the initial configuration is entered (imported documents)
    states: dict[str, State] = field(default_factory=dict)  # id -> state, document order
    transitions: list[Transition] = field(default_factory=list)  # document order
    joint_invariants: list[tuple[str, Invariant]] = field(default_factory=list)  # with the state's id, of all states
    position: Position = NOWHERE


# ---------------------------------------------------------------- contracts


@dataclass(frozen=True, slots=True)
class ActionDef:
    """An action of a contract: an order to an adapter. With a ``result`` it is a long action, for ``invoke: {call:
    …}``."""

    name: str
    args: dict[str, Type]
    result: dict[str, Type] | None = None
    description: str = ""
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class OrderPattern:
    """An order as a contract's ``unsafe`` names it, ``set(closed=True)``; an argument that is not named may have any
    value."""

    action: str
    args: tuple[tuple[str, Any], ...] = ()
    text: str = ""

    def fits(self, action: str, args: Mapping[str, Any]) -> bool:
        """Whether this order, with all its arguments, matches the pattern."""
        return action == self.action and all(args.get(name) == value for name, value in self.args)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two orders that belong together: after ``order`` something is energised, closed or locked until one of ``until``
    is given. No way out of a chart may leave the first one standing alone."""

    order: OrderPattern
    until: tuple[OrderPattern, ...]
    description: str = ""
    position: Position = NOWHERE

    def after(self, stands: bool, action: str, args: Mapping[str, Any]) -> bool:
        """Whether the first order stands after this order, given whether it stood before."""
        if any(pattern.fits(action, args) for pattern in self.until):
            return False
        return stands or self.order.fits(action, args)


STALE = "stale"
"""The event of a contract with values that may grow too old; its field ``value`` names the one that has."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What an adapter offers a chart: actions, events with typed payloads, readable values, and the orders that are
    unsafe."""

    name: str
    actions: dict[str, ActionDef]
    events: dict[str, EventDef]
    values: dict[str, Type]
    description: str = ""
    citation: str = ""
    position: Position = NOWHERE
    unsafe: tuple[Pair, ...] = ()
    stale: dict[str, int] = field(default_factory=dict)
    """How old a value may grow (ns), by its name. The event :data:`STALE` says that one has."""
    clauses: tuple[Clause, ...] = ()
    lane: str = ""
    """The medium its messages cross, but for those named in ``local``."""
    local: frozenset[str] = frozenset()
    person: bool = False
    """Its events are what a person does."""
    formerly: dict[str, dict[str, str]] = field(default_factory=dict)
    """Contracts that are no more, of which this one has taken over what it has: by their names, its own names by those
    which they had there, where these differ."""
