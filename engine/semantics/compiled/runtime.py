"""Functions that generated plans call: the record of the macrostep, reading the surroundings, recording errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from engine.language.expr.functions import field, index, scaled, show, truth
from engine.language.position import Position
from engine.language.types import Type
from engine.language.values import EvaluationError, kind_of, type_error
from engine.semantics.shared import (
    DEFERRED_BOUND,
    UNSET,
    check_send_type,
    error_event,
    event_value,
    lost_event,
    read_surroundings,
    send_target,
    system_value,
    too_many_rounds,
    unknown_session,
    with_optional,
)
from engine.semantics.step import Effect, Event, Failure, Microstep, SendEvent, StartTimer, Step

if TYPE_CHECKING:
    from engine.semantics.compiled.machine import CompiledMachine

# What evaluating an expression may raise: EvaluationError by the helpers, the others where a native operator met a
# value that is not of its declared type (surroundings that do not keep their word).
FAULTS = (EvaluationError, KeyError, TypeError, ArithmeticError)

NOTHING: dict[str, Any] = {}  # shared and never written


class Work:
    """A macrostep while it runs: the contents of its later :class:`~engine.semantics.step.Step`, and its internal
    queue."""

    __slots__ = (
        "all_changes",
        "changes",
        "count",
        "effects",
        "entered",
        "event",
        "exited",
        "failures",
        "final",
        "handled",
        "microsteps",
        "pending",
        "queue",
        "raised",
        "told",
        "transitions",
    )

    def __init__(self, event: str | None) -> None:
        self.event = event
        self.transitions: list[str] = []
        self.exited: list[str] = []
        self.entered: list[str] = []
        self.effects: list[Any] = []
        self.raised: list[str] = []
        self.failures: list[Failure] = []
        self.queue: list[Event] = []
        self.handled = True
        self.microsteps: list[Microstep] = []
        self.changes: dict[str, Any] = {}
        self.all_changes: dict[str, Any] = {}
        self.pending = 0  # states entered in this macrostep whose invocations have not started, as a mask
        self.final = -1  # the state that ends the machine
        self.told: set[str] = set()  # transitions whose guards have failed
        self.count = 1  # microsteps, the first included whether or not it took a transition

    def put(self, event: Event) -> None:
        """Put an event at the rear of the internal queue."""
        self.raised.append(event.name)
        self.queue.append(event)

    def fail(self, failure: Failure, sendid: str = "", name: str = "error.execution") -> None:
        """Record an error and queue its event."""
        self.failures.append(failure)
        self.put(error_event(failure, sendid, name))

    def defer(self, m: Any) -> None:
        """Keep the event that the machine ``m`` is processing."""
        if len(m._deferred) < DEFERRED_BOUND:
            m._deferred = (*m._deferred, m._event)
        else:
            self.put(lost_event(m._event))

    def record(self, transitions: tuple[str, ...], exited: tuple[str, ...], entered: tuple[str, ...]) -> None:
        """Record a microstep (not traced)."""
        self.transitions += transitions
        self.exited += exited
        self.entered += entered

    def trace(
        self,
        cause: str | None,
        transitions: tuple[str, ...],
        exited: tuple[str, ...],
        entered: tuple[str, ...],
        configuration: tuple[str, ...],
    ) -> None:
        """Record a microstep (traced)."""
        self.record(transitions, exited, entered)
        self.microsteps.append(Microstep(cause, transitions, exited, entered, configuration, self.changes))
        self.all_changes.update(self.changes)
        self.changes = {}

    def step(self) -> Step:
        """The finished record."""
        self.all_changes.update(self.changes)
        return Step(
            self.event,
            tuple(self.transitions),
            tuple(self.exited),
            tuple(self.entered),
            tuple(self.effects),
            tuple(self.raised),
            tuple(self.failures),
            self.handled,
            tuple(self.microsteps),
            self.all_changes,
        )


def fault(w: Work | None, error: Exception, lines: Mapping[int, Position], sendid: str = "") -> Work:
    """Record an error that a plan caught; its traceback begins with the plan's own line."""
    trace = error.__traceback__
    position = lines.get(trace.tb_lineno) if trace is not None else None
    message = f"the event has no field {error}" if type(error) is KeyError else str(error)
    work = Work(None) if w is None else w
    work.fail(Failure(message, str(position)), sendid)
    return work


def guard_fault(w: Work | None, error: Exception, lines: Mapping[int, Position], transition: str) -> Work:
    """Record that a transition's guard failed, once in a macrostep."""
    if w is not None and transition in w.told:
        return w
    work = fault(w, error, lines)
    work.told.add(transition)
    return work


def resumed(w: Work, step: Step, effects: list[Any] | None = None, changes: dict[str, Any] | None = None) -> Work:
    """Continue, in a :class:`Work`, a plan that began without one and met an error."""
    w.event = step.event
    w.handled = step.handled
    w.transitions += step.transitions
    w.exited += step.exited
    w.entered += step.entered
    w.effects += step.effects if effects is None else effects
    if changes is not None:
        w.changes = changes
    for micro in step.microsteps:
        taken = Microstep(micro.event, micro.transitions, micro.exited, micro.entered, micro.configuration, w.changes)
        w.microsteps.append(taken)
        w.all_changes.update(w.changes)
        w.changes = {}
    return w


def variable(value: Any, name: str) -> Any:
    """The value of a data item. Raises ``EvaluationError`` when it has none."""
    if value is UNSET:
        raise EvaluationError(f"{name} has no value")
    return value


def read(m: CompiledMachine, what: tuple[str, str], check: Callable[[Any], Any] | None) -> Any:
    """``role.name``, the same value during a macrostep. Raises ``EvaluationError``."""
    readings = m._readings
    if readings is None:
        readings = m._readings = {}
    elif what in readings:
        return readings[what]
    value = readings[what] = read_surroundings(m.surroundings, *what, check)
    return value


def alive(m: CompiledMachine, child: str, key: Any) -> int | bool:
    """See :meth:`Environment.alive <engine.language.expr.evaluate.Environment.alive>`."""
    count = 0 if m.surroundings is None else m.surroundings.alive(child, key)
    return count if key is None else bool(count)


def system_field(m: CompiledMachine, name: str) -> Any:
    """See :meth:`Environment.system_field <engine.language.expr.evaluate.Environment.system_field>`."""
    return system_value(name, m._event, m.chart.name, m.session_id)


def invalid(text: str) -> Any:
    """Raises ``EvaluationError``: an imported document's text is not an expression (SCXML 5.9)."""
    raise EvaluationError(f"not an expression: {text}")


def bad(value: Any, type_: Type) -> Any:
    """Raises ``EvaluationError`` for a value outside its type."""
    raise EvaluationError(type_error(value, type_))


def delay_of(value: Any) -> int:
    """A delay in nanoseconds. Raises ``EvaluationError`` when it is negative or not a duration."""
    if type(value) is not int:
        raise EvaluationError(f"a delay must be a duration, not {kind_of(value)}")
    if value < 0:
        raise EvaluationError("a delay must not be negative")
    return value


def timer_of(cache: dict[int, StartTimer], timer: str, delay: Any) -> StartTimer:
    """The effect that starts a timer; kept, since most delays are parameters. Raises ``EvaluationError`` like
    :func:`delay_of`."""
    effect = cache.get(delay) if type(delay) is int else None
    if effect is None:
        effect = StartTimer(timer, delay_of(delay))
        if len(cache) >= 64:
            cache.clear()
        cache[delay] = effect
    return effect


def event_name(name: Any) -> str:
    """The name of an event to send. Raises ``EvaluationError`` when it is empty or not text."""
    if not isinstance(name, str) or not name:
        raise EvaluationError(f"an event's name must be text, not {kind_of(name)}")
    return name


def items_of(array: Any) -> list[Any]:
    """A copy of the list that a ``foreach`` runs over. Raises ``EvaluationError`` when it is not a list."""
    if not isinstance(array, list):
        raise EvaluationError(f"foreach needs a list, not {kind_of(array)}")
    return list(array)


def endless() -> None:
    """Raises the ``EvaluationError`` of nested ``foreach`` with too many rounds."""
    raise too_many_rounds()


def send_to(
    m: CompiledMachine,
    w: Work,
    effects: list[Any],
    place: str,
    name: str,
    data: Any,
    target: str | None,
    key: Any,
    delay: int,
    id_: str,
    type_: str,
) -> None:
    """Send to a target that is known only now; ``delay`` is in nanoseconds. Raises ``EvaluationError`` for a delayed
    event to the internal queue."""
    why = unknown_session(target, delay, m.session_id, m.surroundings)
    if why:
        w.fail(Failure(why, place), id_, "error.communication")
    elif target == "internal":
        if delay:
            raise EvaluationError("an event to the internal queue cannot be delayed")
        w.put(Event(name, data, "internal", id_))
    else:
        effects.append(SendEvent(name, data, target, key, delay, id_, type_))


def undeclared(name: str) -> Any:
    """Raises ``EvaluationError``: an imported document assigns to a data item that does not exist."""
    raise EvaluationError(f"there is no data item {name}")


NAMES: dict[str, Any] = {
    **{kind.__name__: kind for kind in get_args(Effect)},
    "Event": Event,
    "FAULTS": FAULTS,
    "Microstep": Microstep,
    "NOTHING": NOTHING,
    "Step": Step,
    "UNSET": UNSET,
    "Work": Work,
    "alive": alive,
    "bad": bad,
    "check_send_type": check_send_type,
    "delay_of": delay_of,
    "event_name": event_name,
    "event_value": event_value,
    "fault": fault,
    "guard_fault": guard_fault,
    "field": field,
    "index": index,
    "invalid": invalid,
    "endless": endless,
    "items_of": items_of,
    "read": read,
    "resumed": resumed,
    "scaled": scaled,
    "send_target": send_target,
    "send_to": send_to,
    "show": show,
    "system_field": system_field,
    "timer_of": timer_of,
    "truth": truth,
    "undeclared": undeclared,
    "variable": variable,
    "with_optional": with_optional,
}
