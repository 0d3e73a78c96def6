"""The reference interpreter with open values, for :mod:`engine.tools.testing.symbolic_pairs`.

The value of an event's field, a reading, a parameter or a data item is decided only where a condition reads it. A list
of choices says how; the caller counts through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from engine.language.expr import tree
from engine.language.expr.evaluate import evaluate
from engine.language.expr.walk import within
from engine.language.model import Action, Assign, Chart, If, Invoke, Raise, Send, State, Transition
from engine.language.position import Position
from engine.language.traverse import actions_of, assigned, walk_blocks
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError
from engine.semantics.compiled.symbols import expressions
from engine.semantics.errors import EngineError
from engine.semantics.reference import Interpreter
from engine.semantics.reference.interpreter import documentOrder, isAtomicState
from engine.semantics.step import Event, Step
from engine.tools.check.logic import satisfiable
from engine.tools.explore.path import Pair

FINITE = (Kind.BOOL, Kind.ENUM)


class _Open:
    """A value that may be any of its type."""

    def __repr__(self) -> str:
        return "OPEN"


OPEN = _Open()


class GiveUp(Exception):
    """Nothing can be said about this chart, or not with so much data kept."""


class Repeats(Exception):
    """This way through a macrostep has come back to where it was."""


@dataclass(frozen=True, slots=True)
class Place:
    """The state kept between two macrosteps."""

    active: tuple[State, ...]
    history: tuple[tuple[str, tuple[State, ...]], ...]
    values: tuple[Any, ...]
    running: bool


class OpenMachine(Interpreter):
    """The reference interpreter with open values. :meth:`go` follows a list of choices and extends it."""

    def __init__(self, chart: Chart, tracked: frozenset[str]) -> None:
        super().__init__(chart, dict.fromkeys(chart.parameters, OPEN))
        self.tracked = tuple(name for name in chart.data if name in tracked)
        self.together: set[Pair] = set()
        self.choices: list[list[int]] = []
        self.at = 0
        self.supposed: dict[Any, bool] = {}  # conditions decided in this macrostep
        self.heard: list[Event | None] = []
        self.known_parameters: dict[str, Any] = {}
        self.trail: set[Any] = set()
        self.domains = Domains(chart)
        self.noted: set[Any] = set()
        self.consistent: dict[Any, bool] = {}
        self.candidates: dict[Any, list[list[Transition]]] = {}  # by configuration and trigger, for each atomic state
        # Eventless transitions whose guards nothing from outside decides: false where a macrostep has ended.
        self.inner = {
            t.id: t.guard
            for t in chart.transitions
            if not t.descriptors and t.timer is None and t.guard is not None and not _outside(t.guard)
        }
        self.resting: set[str] = set()
        self.finite = {id(a): _is_finite(a.value) for s in chart.root.walk() for b in walk_blocks(s) for a in b
                       if isinstance(a, Assign)}  # fmt: skip

    def go(
        self, place: Place | None, trigger: tuple[str, str] | None, choices: list[list[int]]
    ) -> tuple[tuple[str, ...], Place | None]:
        """Run one macrostep from ``place`` (None: the start) along ``choices``: the transitions taken and the new
        place. Raises :class:`GiveUp`."""
        self.choices, self.at = choices, 0
        self.supposed, self.known_parameters, self.trail, self.heard = {}, {}, set(), []
        self.statesToInvoke.clear()
        self.internalQueue.clear()
        self.resting.clear()
        try:
            if place is None or trigger is None:
                self.configuration, self.historyValue, self.running = set(), {}, True
                self.values = dict.fromkeys(self.chart.data, OPEN)
                self.bound_late.clear()
                self.begin()
            else:
                self._load(place)
                self.resting = {t.id for s in self.configuration for t in s.transitions if t.id in self.inner}
                name, timer = trigger
                self.external(Event(name or "nothing", {}), timer or name or "nothing", timer or None)
        except Repeats:
            return tuple(self.transitions), None
        except EngineError as error:
            raise GiveUp from error
        return tuple(self.transitions), self._place()

    def _load(self, place: Place) -> None:
        self.configuration = {*place.active, self.chart.root}
        self.historyValue = {name: list(kept) for name, kept in place.history}
        self.values = dict.fromkeys(self.chart.data, OPEN)
        self.values.update(zip(self.tracked, place.values, strict=True))
        self.running = place.running

    def _place(self) -> Place:
        active = tuple(sorted((s for s in self.configuration if s.parent is not None), key=lambda s: s.order))
        history = tuple(sorted((name, tuple(kept)) for name, kept in self.historyValue.items()))
        return Place(active, history, tuple(map(_hashable, map(self.values.get, self.tracked))), self.running)

    def may_hold(self, place: Place, guard: tree.Expr | None) -> bool:
        """Whether a guard may be true here for some event."""
        if guard is None:
            return True
        self._load(place)
        self.event, self.readings, self.known_parameters, self.supposed = Event("", {}), {}, {}, {}
        return self.value(guard) is not False

    # ------------------------------------------------------------ the same as in the reference, remembered

    def external(self, event: Event, name: str, timer: str | None) -> Step:
        self.open_step()
        self.event = event
        enabled = self.selectTransitions(event, timer)
        if enabled:
            self.microstep(name, enabled)
        self.rest_of_macrostep()
        return self.close_step(name, True)

    def selectEventlessTransitions(self) -> list[Transition]:
        return self._selected("", lambda t: not t.descriptors and t.timer is None)

    def selectTransitions(self, event: Event, timer: str | None) -> list[Transition]:
        return self._selected(timer or event.name, lambda t: self.triggers(t, event, timer))

    def _selected(self, trigger: str, candidate: Callable[[Transition], bool]) -> list[Transition]:
        key = (frozenset(self.configuration), trigger)
        candidates = self.candidates.get(key)
        if candidates is None:
            atomic = sorted(filter(isAtomicState, self.configuration), key=documentOrder)
            rows = [[t for s in (state, *state.ancestors()) for t in s.transitions if candidate(t)] for state in atomic]
            candidates = self.candidates[key] = [row for row in rows if row]
        matched: dict[str, bool] = {}
        enabled: dict[Transition, None] = {}
        for row in candidates:
            chosen = next((t for t in row if self.conditionMatch(t, matched)), None)
            if chosen is not None:
                enabled[chosen] = None
        return self.removeConflictingTransitions(list(enabled)) if len(enabled) > 1 else list(enabled)

    # ------------------------------------------------------------ choices

    def choose(self, count: int) -> int:
        """The next choice among ``count`` ways; new choices begin at 0."""
        if self.at == len(self.choices):
            self.choices.append([0, count])
        chosen = self.choices[self.at][0]
        self.at += 1
        return chosen

    def conditionMatch(self, t: Transition, matched: dict[str, bool]) -> bool:
        return t.id not in self.resting and super().conditionMatch(t, matched)

    def holds(self, guard: tree.Expr, position: Position, transition: str = "") -> bool:
        """Whether the guard holds, by choice where its value is open. Raises :class:`GiveUp`."""
        passing: list[Any] = []
        while not isinstance(value := self.value(guard), bool):
            term = self._undecided(guard)
            if term is not None:
                domain = self.domains.of(term)
                self._decide(term, domain[self.choose(len(domain))])
                continue
            atom = self._open_atom(guard)
            if atom is None:
                raise GiveUp
            key = self._key(atom)
            truths = [truth for truth in (True, False) if self._consistent(key, truth)]
            self.supposed[key] = truths[self.choose(len(truths))] if len(truths) > 1 else truths == [True]
            if any(isinstance(e, (tree.InState, tree.Alive, tree.SystemField)) for e in within(atom)):
                passing.append(key)  # may be otherwise when it is asked next
        for key in passing:
            del self.supposed[key]
        return value

    def _consistent(self, key: Any, truth: bool) -> bool:
        """Whether a condition can have this truth beside what is supposed of the same event, data and readings."""
        atoms = {(atom, known) for (atom, event), known in self.supposed.items() if not event or event == key[1]}
        together = frozenset({*atoms, (key[0], truth)})
        known = self.consistent.get(together)
        if known is None:
            known = self.consistent[together] = satisfiable(together)
        return known

    def _undecided(self, guard: tree.Expr) -> tree.Expr | None:
        """A term of few values that the guard asks and that is still open."""
        named = (tree.Variable, tree.EventField, tree.Reading, tree.Parameter)
        terms = [part for part in within(guard) if isinstance(part, named) and self.domains.of(part)]
        return next((term for term in reversed(terms) if self.value(term) is OPEN), None)

    def _open_atom(self, guard: tree.Expr) -> tree.Expr | None:
        """A condition inside the guard that is true or false, nobody knows which."""
        match guard:
            case tree.Unary(op="not", operand=operand):
                return self._open_atom(operand)
            case tree.BoolOp(operands=parts):
                return next((self._open_atom(part) for part in parts if self.value(part) is OPEN), None)
            case tree.Conditional(test=test, then=then, other=other):
                return next((self._open_atom(part) for part in (test, then, other) if self.value(part) is OPEN), None)
        return guard

    def _key(self, atom: tree.Expr) -> Any:
        """What a supposition is kept under: a condition on the event is another one for another event."""
        if not any(isinstance(e, (tree.EventField, tree.SystemField)) for e in within(atom)):
            return atom, 0
        if not self.heard or self.heard[-1] is not self.event:
            self.heard.append(self.event)
        return atom, len(self.heard)

    def _decide(self, term: tree.Expr, value: Any) -> None:
        match term:
            case tree.Variable(name=name):
                self.values[name] = value
            case tree.EventField(name=name):
                assert self.event is not None
                self.event.data[name] = value
            case tree.Reading(role=role, name=name):
                self.readings[role, name] = value
            case tree.Parameter(name=name):
                self.known_parameters[name] = value

    # ------------------------------------------------------------ values

    def value(self, expr: tree.Expr) -> Any:
        """The value of an expression, OPEN when it depends on something open (or would fail)."""
        match expr:
            case tree.Unary(op="not", operand=operand):
                value = self.value(operand)
                return not value if isinstance(value, bool) else OPEN
            case tree.BoolOp(op=op, operands=operands):
                decisive = op == "or"
                values = [self.value(o) for o in operands]
                return decisive if decisive in values else OPEN if OPEN in values else not decisive
            case tree.Conditional(test=test, then=then, other=other):
                chosen = self.value(test)
                if isinstance(chosen, bool):
                    return self.value(then if chosen else other)
                one, two = self.value(then), self.value(other)
                return one if one is not OPEN and type(one) is type(two) and one == two else OPEN
        try:
            return evaluate(expr, self)
        except EvaluationError:
            return self.supposed.get(self._key(expr), OPEN) if expr.type.kind is Kind.BOOL else OPEN

    def variable(self, name: str) -> Any:
        return _settled(self.values.get(name, OPEN))

    def parameter(self, name: str) -> Any:
        return _settled(self.known_parameters.get(name, OPEN))

    def event_field(self, name: str) -> Any:
        data = self.event.data if self.event is not None else None
        return _settled(data.get(name, OPEN) if isinstance(data, dict) else OPEN)

    def reading(self, role: str, name: str) -> Any:
        return _settled(self.readings.get((role, name), OPEN))

    def system_field(self, name: str) -> Any:
        return _settled(OPEN)

    def alive(self, child: str, key: Any) -> int | bool:
        raise EvaluationError("open")

    # ------------------------------------------------------------ content

    def initial_value(self, name: str, initial: tree.Expr, position: Position) -> None:
        self.values[name] = self._kept(name, self.value(initial))

    def _kept(self, name: str, value: Any) -> Any:
        return value if name in self.tracked else OPEN

    def assign(self, name: str, value: Any) -> None:
        self.values[name] = value
        for key in [key for key in self.supposed if name in variables_in(key[0])]:
            del self.supposed[key]
        self.resting -= {t for t in self.resting if name in variables_in(self.inner[t])}

    def execute(self, action: Action) -> None:
        """Execute an action over open values. Raises :class:`GiveUp` where that cannot be followed."""
        match action:
            case Assign(name=name, value=value):
                self.assign(name, self._kept(name, self.value(value)) if self.finite[id(action)] else OPEN)
            case Raise(event=event, data=data):
                self.enqueue(Event(event, self._payload(event, data), "internal"))
            case Send(event=event, target=target, id_location=place):
                if place is not None:
                    self.assign(place, OPEN)
                to = None if target is None else self.value(target)
                if to is OPEN or not isinstance(event, tree.Literal):
                    raise GiveUp
                if to in ("internal", "#_internal"):
                    self.enqueue(Event(str(event.value), self._payload(str(event.value), action.data), "internal"))
            case If(branches=branches, position=position):
                for guard, body in branches:
                    if guard is None or self.holds(guard, position):
                        self.execute_nested(body)
                        break
            case _:
                for name in assigned(action):
                    self.assign(name, OPEN)
                if any(inner.sent() is not None for inner in actions_of((action,))):
                    raise GiveUp

    def _payload(self, event: str, data: Iterable[tuple[str, tree.Expr]]) -> dict[str, Any]:
        definition = self.chart.events.get(event)
        optional = {n: None for n, kind in (definition.payload or {}).items() if kind.optional} if definition else {}
        return {**optional, **{name: self.value(value) for name, value in data}}

    def donedata(self, s: State) -> Any:
        return {}

    def start_timer(self, timer: Any) -> None:
        pass

    def invoke(self, inv: Invoke) -> None:
        if inv.id_location is not None:
            self.assign(inv.id_location, OPEN)

    def checkInvariants(self, broken: Any) -> None:
        pass

    def record(self, cause: str | None, taken: list[Transition], exited: int, entered: int) -> None:
        """Record a microstep. Raises :class:`Repeats` when the run is where it has been before."""
        if not taken:
            return
        if entered < len(self.entered) or exited < len(self.exited):
            self.resting -= {t for t in self.resting if any(isinstance(e, tree.InState) for e in within(self.inner[t]))}
        active = frozenset(s.id for s in self.configuration)
        for t in taken:
            if (t.id, active) not in self.noted:
                self.noted.add((t.id, active))
                self.together.update((t.id, o.id) for s in self.configuration for o in s.transitions)
        here = (
            self._place(),
            repr([(e.name, e.data) for e in self.internalQueue]),
            repr((self.readings, self.known_parameters, self.event)),
            frozenset(self.supposed.items()),
            frozenset(self.resting),
            taken[-1].id,  # what comes next makes another pair with another one before it
        )
        if here in self.trail:
            raise Repeats
        self.trail.add(here)


class Domains:
    """All values of terms that have few; values that no condition tells apart count as one."""

    def __init__(self, chart: Chart) -> None:
        compares = [e for e in expressions(chart) if isinstance(e, tree.Compare) and _named(e.left.type, e.right.type)]
        plain = (tree.Literal, tree.ListOf)
        self.whole = any(not isinstance(e.left, plain) and not isinstance(e.right, plain) for e in compares)
        self.told = {e.value for c in compares for e in within(c) if isinstance(e, tree.Literal)}
        self.known: dict[Type, list[Any]] = {}

    def of(self, term: tree.Expr) -> list[Any]:
        """All values to try for the term."""
        kind = term.type
        found = self.known.get(kind)
        if found is None:
            found = self.known[kind] = self._of(kind)
        return found

    def _of(self, kind: Type) -> list[Any]:
        none = [None] if kind.optional else []
        if kind.kind is Kind.BOOL:
            return [True, False, *none]
        if kind.kind is not Kind.ENUM:
            return []
        told = [v for v in kind.values if self.whole or v in self.told]
        return [*told, *[v for v in kind.values if v not in told][:1], *none]


def variables_in(expr: tree.Expr) -> set[str]:
    """The variables in an expression."""
    return {e.name for e in within(expr) if isinstance(e, tree.Variable)}


def _named(*kinds: Type) -> bool:
    return any(kind.kind is Kind.ENUM or (kind.item is not None and kind.item.kind is Kind.ENUM) for kind in kinds)


def _is_finite(expr: tree.Expr) -> bool:
    """Whether an expression can only have values that stand in the chart or in what it copies: none are computed."""
    match expr:
        case tree.Literal() | tree.Variable() | tree.Parameter() | tree.EventField() | tree.Reading():
            return True
        case tree.Compare() | tree.BoolOp() | tree.Unary(op="not"):
            return True
        case tree.Conditional(then=then, other=other):
            return _is_finite(then) and _is_finite(other)
    return expr.type.kind in FINITE or all(isinstance(e, (tree.Literal, tree.Unary, tree.Call)) for e in within(expr))


def _outside(guard: tree.Expr) -> bool:
    """Whether a guard asks what may change without a transition."""
    changing = (tree.EventField, tree.Reading, tree.Alive, tree.SystemField)
    return any(isinstance(e, changing) for e in within(guard))


def _settled(value: Any) -> Any:
    if value is OPEN:
        raise EvaluationError("open")
    return value


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, (list, dict)) else value
