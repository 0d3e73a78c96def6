"""Small meanings that the reference and the compiled core share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from engine.language.expr.functions import show
from engine.language.model import Chart, EventDef, Transition
from engine.language.position import Position
from engine.language.values import EvaluationError, fast_check, kind_of
from engine.semantics.step import Event, Failure

DONE_STATE = "done.state."
MICROSTEP_BOUND = 1_000  # of one macrostep; beyond it the chart loops without end
DEFERRED_BOUND = 100
"""Events a machine keeps by ``defer``; one more is lost, which is an ``error.queue``."""
INNER_ROUNDS_BOUND = 100_000
"""Rounds of all ``foreach`` inside one ``foreach``: lists are bounded, but lists in lists in lists take hours."""

SCXML_PROCESSOR = "http://www.w3.org/TR/scxml/#SCXMLEventProcessor"


def kept_for_later(ladders: Iterable[Iterable[Transition]]) -> bool:
    """Whether an event of ``defer`` stays where it is. ``ladders``: for each active atomic state the transitions for
    it, in order. It is taken again when none defers it, or only behind a transition without a guard."""
    for ladder in ladders:
        for t in ladder:
            if t.defers:
                return True
            if t.guard is None:
                break
    return False


def kept_or_taken(enabled: list[Transition]) -> list[Transition]:
    """The transitions for an event, of those that the regions have chosen: as long as one region defers it, it is kept
    and none takes it (UML 2.5.1, 14.2.3.4.4: it is not dispatched)."""
    return [t for t in enabled if t.defers] or enabled


def performed(enabled: list[Transition]) -> list[Transition]:
    """The transitions of a microstep whose actions run: however many regions defer an event, it is kept once."""
    return enabled[:1] if len(enabled) > 1 and enabled[0].defers else enabled


def lost_event(event: Event) -> Event:
    """What a machine is told of an event that it can keep no more."""
    return Event("error.queue", {"dropped": 1, "event": event.name}, "platform")


class _Unset:
    """The value of a data item that has none yet (late binding, declared without a value)."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()


def name_matches(descriptors: Iterable[str], name: str) -> bool:
    """SCXML 3.12.1: a descriptor matches the event of this name and all names it is a dotted prefix of; ``*`` matches
    all.

    State ids are dotted paths, unlike SCXML's: ``done.state.a`` is the end of ``a`` only, not of ``a.b``.
    """
    done = name.startswith(DONE_STATE)
    return any(
        d in ("*", name) or (name.startswith(d + ".") and not (done and d.startswith(DONE_STATE))) for d in descriptors
    )


def error_event(failure: Failure, sendid: str = "", name: str = "error.execution") -> Event:
    """The platform event that reports a failure to the chart."""
    return Event(name, {"message": failure.message, "position": failure.position}, "platform", sendid)


def failure_of(error: Exception, position: Position) -> Failure:
    """The record of an error raised while an expression was evaluated or an effect was made."""
    return Failure(str(error) or type(error).__name__, str(position))


def condition(value: Any) -> bool:
    """The value of a guard or an invariant. Raises ``EvaluationError`` for anything but True and False."""
    if value is True or value is False:
        return bool(value)
    raise EvaluationError(f"a condition must be True or False, not {kind_of(value)}")


def with_optional(definition: EventDef | None, data: Any) -> Any:
    """The payload of an event, with None for the optional fields left out; a mapping when any field is declared."""
    if definition is None or not definition.payload or not (data is None or isinstance(data, dict)):
        return data
    if data is not None and definition.payload.keys() <= data.keys():
        return data
    filled = {name: None for name, type_ in definition.payload.items() if type_.optional}
    return {**filled, **(data or {})}


def too_many_rounds() -> EvaluationError:
    """The ``EvaluationError`` of nested ``foreach`` that have used up ``INNER_ROUNDS_BOUND``."""
    return EvaluationError(f"foreach inside foreach goes round more than {INNER_ROUNDS_BOUND} times")


def send_target(value: Any, children: frozenset[str]) -> str | None:
    """The target of a ``send`` as :class:`engine.semantics.step.SendEvent` names it; ``internal`` is the machine's own
    internal queue.

    Raises ``EvaluationError`` for a target no machine can have (SCXML 6.2.4).
    """
    if value is None or value == "self":
        return None
    if isinstance(value, str):
        if value in ("internal", "#_internal"):
            return "internal"
        if value in ("parent", "#_parent"):
            return "parent"
        if value in children or value.startswith("#_scxml_"):
            return value
        if value.startswith("#_") and len(value) > 2:
            return value[2:]
    raise EvaluationError(f"there is no target {show(value)!r}: a child's id, parent, self or internal")


def unknown_session(target: str | None, delay_ns: int, session_id: str, surroundings: Any) -> str:
    """Why an event cannot be sent to ``target`` when that is a session that does not run; '' otherwise.

    SCXML C.1: that is an ``error.communication`` at once, before the next event the block raises. For a delayed event
    it is found out when it is due.
    """
    if target is None or delay_ns or not target.startswith("#_scxml_") or target == f"#_scxml_{session_id}":
        return ""
    if surroundings is not None and surroundings.alive(target):
        return ""
    return f"there is no session {target[:80]!r}"


def check_send_type(value: Any) -> None:
    """Raise ``EvaluationError`` for an event processor other than SCXML's own, the only one there is (SCXML 6.2.4)."""
    if value not in (None, "", "scxml", SCXML_PROCESSOR):
        raise EvaluationError(f"there is no event processor {show(value)!r}")


def system_value(name: str, event: Event | None, chart: str, session_id: str) -> Any:
    """A system variable by its dotted text (SCXML 5.10). Raises ``EvaluationError`` before the first event."""
    if name == "_name":
        return chart
    if name == "_sessionid":
        return session_id
    if name == "_ioprocessors":
        location = {"location": f"#_scxml_{session_id}"}
        return {"scxml": location, SCXML_PROCESSOR: location}
    if event is None:
        raise EvaluationError("there is no event yet")
    fields = ("name", "type", "sendid", "origin", "origintype", "invokeid", "data")
    if name == "_event":
        return {field: getattr(event, field) for field in fields}
    field = name.removeprefix("_event.")
    if field not in fields:
        raise EvaluationError(f"_event has no field {field!r}")
    return getattr(event, field)


def event_value(event: Event | None, name: str) -> Any:
    """``event.name``. Raises ``EvaluationError`` when the event being processed has no such field."""
    if event is None:
        raise EvaluationError(f"there is no event yet, so no event.{name}")
    data = event.data
    if isinstance(data, Mapping) and name in data:
        return data[name]
    raise EvaluationError(f"the event {event.name} has no field {name!r}")


def read_surroundings(surroundings: Any, role: str, name: str, check: Callable[[Any], Any] | None) -> Any:
    """A reading from the adapter. Raises ``EvaluationError`` for whatever it raises, and for a value its contract does
    not allow."""
    if surroundings is None:
        raise EvaluationError(f"no adapter is bound to the role {role!r}")
    try:
        value = surroundings.read(role, name)
        return value if check is None else check(value)
    except Exception as error:
        raise EvaluationError(f"{role}.{name} cannot be read: {error}") from error


def reading_checks(chart: Chart) -> dict[tuple[str, str], Callable[[Any], Any]]:
    """(role, name) of each readable value -> the check of a value against the contract's type."""
    return {
        (role, name): fast_check(type_)
        for role, contract in chart.adapters.items()
        for name, type_ in contract.values.items()
    }
