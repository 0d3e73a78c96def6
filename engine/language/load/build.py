"""State that the parts of the loader share while one chart is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from engine.language.expr import tree
from engine.language.expr.check import Scope, expression, guard
from engine.language.load.events import EventTable, Payload
from engine.language.load.reader import Reader
from engine.language.load.templates import Templates, Use
from engine.language.load.yaml_source import Mapping, Node, Scalar
from engine.language.model import Chart, State
from engine.language.types import DURATION, STRING, Type

ENTRY_HINT = "it may be entered for several reasons: keep the field in data by `assign` in the transition"


@dataclass(slots=True)
class Child:
    """A child of the chart being built: another chart, or an adapter's long action (``chart`` None). ``others``: charts
    that run under the same id in its turn; ``on``: of those spawned on units of several kinds, the unit."""

    chart: Chart | None
    result: Payload
    key: Type | None = None
    spawned: bool = False
    plain_events: bool = False
    states: list[State] = field(default_factory=list)  # that invoke it; never two of them at once
    others: list[Chart] = field(default_factory=list)
    invoked: dict[int, Chart] = field(default_factory=dict)  # by the id() of the state that does
    on: str = ""

    @property
    def charts(self) -> list[Chart]:
        """All that run under this id, never two of them at once."""
        return [] if self.chart is None else [self.chart, *self.others]


@dataclass(slots=True)
class Build:
    """One chart while it is built."""

    reader: Reader
    chart: Chart
    untyped: bool
    events: EventTable
    load_child: Callable[[Node], Chart | None]
    templates: Templates
    children: dict[str, Child] = field(default_factory=dict)
    bodies: list[tuple[State, Mapping]] = field(default_factory=list)  # states with their nodes, document order
    by_name: dict[str, list[State]] = field(default_factory=dict)
    variables: dict[str, Type] = field(default_factory=dict)
    parameters: dict[str, Type] = field(default_factory=dict)
    readings: dict[str, dict[str, Type]] = field(default_factory=dict)
    charts: dict[int, Chart] = field(default_factory=dict)  # by the id() of the node that invokes or spawns them
    broken_children: set[str] = field(default_factory=set)  # told of already; "": one whose id is not known
    broken_roles: set[str] = field(default_factory=set)
    events_known: bool = True  # False when 'events' itself is broken: what is missing in it is no news
    older: bool = False  # a chart of an older version of the language, which `engine upgrade` reads
    cancels: list[tuple[str, Node]] = field(default_factory=list)
    send_ids: set[str] = field(default_factory=set)
    ids: dict[str, int] = field(default_factory=dict)  # of transitions, with how many there are
    descriptors: dict[tuple[str, int], tuple[tuple[str, ...], Scope]] = field(
        default_factory=dict
    )  # by the key of `on`
    argument_keys: dict[str, Scalar] = field(default_factory=dict)  # of states, by `<state id>.<argument>`
    place: State | None = None  # the state whose parts are read, see inside()
    _expressions: dict[tuple[str, int, int], tuple[tree.Expr, Scope, Type | None]] = field(default_factory=dict)
    _given: dict[str, dict[str, tree.Expr]] = field(default_factory=dict)  # by the id of a state
    _here: dict[str, tree.Expr] = field(default_factory=dict)
    _plain: dict[int, Scope] = field(default_factory=dict)
    _used: dict[tuple[int, int], tuple[Scope, Scope]] = field(default_factory=dict)  # by the ids of scope and use

    def charts_of(self, child: Child) -> list[Chart]:
        """The charts that may run as this child here: where a state around invokes it, that state's."""
        around = () if self.place is None else (self.place, *self.place.ancestors())
        chart = next((child.invoked[id(state)] for state in around if id(state) in child.invoked), None)
        return child.charts if chart is None else [chart]

    def declare_failure(self, child: str, key: Payload) -> None:
        """Declare ``error.invoke.<child>`` with its payload: ``reason``, and the child's key."""
        self.events.add(f"error.invoke.{child}", {"reason": STRING, **key})

    # ------------------------------------------------------------ scopes

    def scope(self, event: Payload | None = None, no_event: str = ENTRY_HINT) -> Scope:
        """What an expression may name. ``event`` is the payload of the event being processed, where there is one."""
        return Scope(
            self.variables,
            self.parameters,
            self.readings,
            event,
            no_event,
            self._in_state,
            {name: child.key for name, child in self.children.items()},
            self.untyped,
            self.broken_roles | self.broken_children,
            given=self._here,
        )

    def plain_scope(self) -> Scope:
        """The scope where no event is being processed."""
        known = self._plain.get(id(self._here))
        if known is None:
            known = self._plain[id(self._here)] = self.scope()
        return known

    def inside(self, state: State) -> int:
        """From here on the scopes are those of ``state``: its arguments and those of the states around it are known.
        The number is the same for states that know the same arguments."""
        self.place = state
        self._here = self._arguments(state)
        return id(self._here)

    def _arguments(self, state: State) -> dict[str, tree.Expr]:
        known = self._given.get(state.id)
        if known is None:
            known = {} if state.parent is None else self._arguments(state.parent)
            if state.args:
                own = {name: tree.Variable(f"{state.id}.{name}", type_) for name, type_ in state.args.items()}
                known = {**known, **own}
            self._given[state.id] = known
        return known

    def _in_state(self, name: str) -> str | list[str]:
        states = self.chart.states
        if name in states and name:
            return name
        same = self.by_name.get(name, [])
        return same[0].id if len(same) == 1 else [state for state in states if state]

    def seen_from(self, node: Node, scope: Scope) -> Scope:
        """The scope in which the text of ``node`` is read: in a template its arguments are known, too."""
        use: Use | None = node.source.use if node.source is not None else None
        if use is None:
            return scope
        known = self._used.get((id(scope), id(use)))
        if known is None:
            given = {**scope.given, **use.values()}
            known = self._used[id(scope), id(use)] = scope, replace(scope, given=given)
        return known[1]

    # ------------------------------------------------------------ expressions

    def expression(self, node: Node, what: str, scope: Scope, expected: Type | None = None) -> tree.Expr:
        """The checked expression of a node. Equal texts in one scope share one tree; keeping it keeps the ids valid."""
        scope = self.seen_from(node, scope)

        def make(text: str) -> tree.Expr:
            key = (text, id(scope), id(expected))
            known = self._expressions.get(key)
            if known is None:
                known = self._expressions[key] = (expression(text, scope, expected), scope, expected)
            return known[0]

        if self.reader.typed is not None and expected is not None:
            self.reader.typed.append((node, scope, expected))
        return self.reader.compile(node, what, make)

    def delay(self, node: Node, scope: Scope) -> tree.Expr:
        """The checked duration of a timer or a delayed send."""
        delay = self.expression(node, "a delay", scope, DURATION)
        if isinstance(delay, tree.Literal) and isinstance(delay.value, int) and delay.value < 0:
            self.reader.problem(node, "range", "a delay cannot be negative", "a duration from 0 s")
        return delay

    def guard(self, node: Node, what: str, scope: Scope) -> tree.Expr:
        """The checked condition of a node."""
        scope = self.seen_from(node, scope)

        def make(text: str) -> tree.Expr:
            key = (text, id(scope), 0)
            known = self._expressions.get(key)
            if known is None:
                known = self._expressions[key] = (guard(text, scope), scope, None)
            return known[0]

        return self.reader.compile(node, what, make)
