"""Joint invariants: promises over several machines, a chart and its children, or the machines of a station.

Machines agree by messages, so they can agree only when the messages have been delivered. A joint invariant must
therefore hold when its machines have *settled*: at one instant, no event waits in any queue and no deadline is due.
What happens within that instant cannot be seen from outside. The invariant of a state must hold while that state is
active.

A broken one is reported once, until it has held again: as a failure of the run, as a note, and as the event
``error.invariant`` to the machine whose chart states it, if that has a transition for it. One that cannot be evaluated
(a child that does not run has no data) is reported in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from engine.adapter import AdapterError
from engine.language.expr import tree
from engine.language.expr.functions import ARITHMETIC, COMPARE, FUNCTIONS, neg, scaled, truth
from engine.language.model import Invariant
from engine.language.values import EvaluationError, fast_check
from engine.semantics.compiled.codegen_source import Source
from engine.semantics.compiled.symbols import expressions
from engine.semantics.step import Event

if TYPE_CHECKING:
    from engine.run.actor import Actor
    from engine.run.system import System


class _Place(Protocol):
    """Where an expression is evaluated: a machine with its children, or a station with its machines."""

    @property
    def children(self) -> Mapping[tuple[str, Any], Actor]: ...


_Value = Callable[[Any], Any]


class _Promise:
    """One joint invariant of one machine (or, ``holder`` None, of the station)."""

    def __init__(self, invariant: Invariant, state: str, holder: Actor | None) -> None:
        self.invariant = invariant
        self.state = state
        self.holder = holder
        self.value = _of(invariant.condition)
        self.broken = False
        parts = list(expressions(invariant.condition))
        self._others = frozenset(part.child for part in parts if isinstance(part, (tree.OfChild, tree.Alive)))
        self._reads = any(isinstance(part, tree.Reading) for part in parts)

    def concerns(self, actor: Actor) -> bool:
        """Whether a step of this machine may change what the promise says. An adapter may say something else after any
        step."""
        name = actor.path if actor.invoke is None else actor.invoke.id
        return self._reads or actor is self.holder or name in self._others

    @property
    def active(self) -> bool:
        holder = self.holder
        if holder is None:
            return True
        return holder.is_running and (not self.state or self.state in holder.machine.configuration)


@dataclass(slots=True)
class _Station:
    """The root machines, in the place of children."""

    system: System

    @property
    def children(self) -> Mapping[tuple[str, Any], Actor]:
        return {(name, None): actor for name, actor in self.system.roots.items() if actor.is_running}


@dataclass(slots=True)
class Joint:
    """The joint invariants of a system. ``touched``: machines that have taken a step since the last check."""

    system: System
    _promises: dict[Actor, list[_Promise]] = field(default_factory=dict)  # by the root of the machine that states them
    _of_station: list[_Promise] = field(default_factory=list)
    _concerned: dict[Actor, list[_Promise]] = field(default_factory=dict)  # what to check after a step of a machine
    touched: dict[Actor, None] = field(default_factory=dict)
    any: bool = False  # whether there is one: asked after every step of a system

    def register(self, actor: Actor) -> None:
        """Add the promises of a machine that begins."""
        found = [_Promise(i, state, actor) for state, i in actor.machine.chart.joint_invariants]
        if found:
            self._promises.setdefault(actor.root, []).extend(found)
            self._concerned.clear()
            self.any = True

    def hold(self, invariants: Iterable[Invariant]) -> None:
        """Add promises of the station: children of these expressions are root machines by name."""
        self._of_station += [_Promise(i, "", None) for i in invariants]
        self._concerned.clear()
        self.any = bool(self._promises or self._of_station)

    def leave(self, actor: Actor) -> None:
        """Forget a machine that has ended, and its promises."""
        self._concerned.pop(actor, None)
        promises = self._promises.get(actor.root) if actor.machine.chart.joint_invariants else None
        if promises is not None:
            self._concerned.clear()
            promises[:] = [promise for promise in promises if promise.holder is not actor]
            if not promises:
                del self._promises[actor.root]
                self.any = bool(self._promises or self._of_station)

    def check(self) -> None:
        """The machines have settled: check the promises that steps since the last time may have broken."""
        touched, self.touched = self.touched, {}
        for promise in dict.fromkeys(promise for actor in touched for promise in self._concerned_by(actor)):
            self._look(promise, promise.holder if promise.holder is not None else _Station(self.system))

    def _concerned_by(self, actor: Actor) -> list[_Promise]:
        """What to check after a step of this machine."""
        found = self._concerned.get(actor)
        if found is None:
            promises = (*self._promises.get(actor.root, ()), *self._of_station)
            found = [promise for promise in promises if promise.concerns(actor)]
            if actor.is_running:
                self._concerned[actor] = found
        return found

    def _look(self, promise: _Promise, place: _Place) -> None:
        why = ""
        if promise.active:
            invariant = promise.invariant
            try:
                if not truth(promise.value(place)):
                    why = f"invariant broken: {invariant.message or invariant.text}"
            except Exception as error:
                why = f"the invariant '{invariant.text}' has no value: {error}"
        if why and not promise.broken:
            self._tell(promise, why)
        promise.broken = bool(why)

    def _tell(self, promise: _Promise, why: str) -> None:
        system, holder, position = self.system, promise.holder, str(promise.invariant.position)
        path = holder.path if holder is not None else "station"
        system.fail(f"{path}: {why} ({position})")
        system.note(path, "invariant", f"{why} ({position})")
        if holder is not None and system.subscriptions(holder.machine.chart)("error.invariant"):
            system.enqueue(holder, Event("error.invariant", {"message": why, "position": position}, "platform"))


def holds(condition: tree.Expr) -> Callable[[Actor], bool]:
    """Whether a condition holds in a machine between two events; one without a value does not."""
    value = _of(condition)

    def ask(actor: Actor) -> bool:
        try:
            return truth(value(actor))
        except (EvaluationError, AdapterError, LookupError):
            return False

    return ask


def of_station(expr: tree.Expr, system: System) -> Callable[[], Any]:
    """The value of an expression over the root machines between two events; None where it has none (a machine that does
    not run, an adapter that cannot be read)."""
    value, station = _of(expr), _Station(system)

    def ask() -> Any:
        try:
            return value(station)
        except (EvaluationError, AdapterError, LookupError):
            return None

    return ask


def _of(expr: tree.Expr) -> _Value:
    """The function that computes ``expr`` at a :class:`_Place`. They are looked at after nearly every event, so each is
    written as one expression of Python."""
    source = Source(_NAMES, "at")
    source.add(f"return {_text(source, expr, 'at')}")
    return source.function("joint")


_NAMES: dict[str, Any] = {"truth": truth, "scaled": scaled}


def _text(source: Source, expr: tree.Expr, at: str) -> str:
    """Source of ``expr`` at the place that is called ``at`` there."""
    constant = source.constant
    match expr:
        case tree.Literal(value=value):
            return constant(value)
        case tree.Variable(name=name):
            return f"{at}.machine.data[{constant(name)}]"
        case tree.Parameter(name=name):
            return f"{at}.machine.parameters[{constant(name)}]"
        case tree.InState(state=state):
            return f"({constant(state)} in {at}.machine.configuration)"
        case tree.Reading(role=role, name=name, type=type_):
            return f"{constant(fast_check(type_))}({at}.read({constant(role)}, {constant(name)}))"
        case tree.OfChild(child=child, expr=inner):
            machine = source.local()
            found = f"({machine} := {at}.children.get({constant((child, None))})) is not None"
            missing = "False" if _asks_state(inner) else f"{constant(partial(_missing, child))}()"  # it is in no state
            return f"({_text(source, inner, machine)} if {found} else {missing})"
        case tree.Alive(child=child, key=None):
            return f"{at}.alive({constant(child)})"
        case tree.Alive(child=child, key=tree.Literal(value=key)):
            return f"{at}.alive({constant(child)}, {constant(key)})"
        case tree.Unary(op="-", operand=operand):
            return _call(source, neg, at, operand)
        case tree.Unary(operand=operand):
            return f"(not {_condition(source, operand, at)})"
        case tree.BoolOp(op=op, operands=operands):
            return f"({f' {op} '.join([_condition(source, operand, at) for operand in operands])})"
        case tree.Compare(op=op, left=left, right=right):
            return _call(source, COMPARE[op], at, left, right)
        case tree.Binary(op=op, left=left, right=right, type=type_, scale=scale):
            unscaled = _call(source, ARITHMETIC[op], at, left, right)
            return f"scaled({unscaled}, {constant(scale)}, {constant(type_.kind)})"
        case tree.Conditional(test=test, then=then, other=other):
            first, second = _text(source, then, at), _text(source, other, at)
            return f"({first} if {_condition(source, test, at)} else {second})"
        case tree.Call(function="checked", args=(inner,), type=type_):
            return _call(source, fast_check(type_), at, inner)
        case tree.Call(function=function, args=args):
            return _call(source, FUNCTIONS[function], at, *args)
        case tree.ListOf(items=items):
            return f"[{', '.join([_text(source, item, at) for item in items])}]"
    return f"{constant(partial(_nothing, type(expr).__name__))}()"


def _condition(source: Source, expr: tree.Expr, at: str) -> str:
    text = _text(source, expr, at)
    plain = isinstance(expr, (tree.BoolOp, tree.Compare)) or _asks_state(expr)  # True or False, whatever happens
    return text if plain else f"truth({text})"


def _call(source: Source, function: Callable[..., Any], at: str, *operands: tree.Expr) -> str:
    return f"{source.constant(function)}({', '.join([_text(source, operand, at) for operand in operands])})"


def _missing(child: str) -> Any:
    raise EvaluationError(f"{child!r} does not run")


def _nothing(kind: str) -> Any:
    raise EvaluationError(f"{kind} has no value between events")


def _asks_state(expr: tree.Expr) -> bool:
    while isinstance(expr, tree.OfChild):
        expr = expr.expr
    return isinstance(expr, tree.InState)
