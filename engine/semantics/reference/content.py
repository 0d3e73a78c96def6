"""Executable content of the reference (SCXML 3.8, 4, 5, 6): each action in turn; it makes effects and does not act."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from engine.language.expr.evaluate import evaluate
from engine.language.expr.functions import show
from engine.language.expr.tree import Expr
from engine.language.model import (
    Action,
    Assign,
    Block,
    CallAction,
    Cancel,
    Chart,
    Defer,
    Foreach,
    If,
    Invoke,
    Log,
    Raise,
    Send,
    Spawn,
    State,
    Stop,
)
from engine.language.position import Position
from engine.language.traverse import child_ids
from engine.language.values import EvaluationError, kind_of
from engine.semantics.interfaces import Surroundings
from engine.semantics.shared import (
    DEFERRED_BOUND,
    INNER_ROUNDS_BOUND,
    UNSET,
    check_send_type,
    condition,
    error_event,
    event_value,
    failure_of,
    lost_event,
    read_surroundings,
    reading_checks,
    send_target,
    system_value,
    too_many_rounds,
    unknown_session,
    with_optional,
)
from engine.semantics.step import (
    Call,
    CancelSend,
    Effect,
    Event,
    Failure,
    LogText,
    SendEvent,
    StartCall,
    StartChild,
    StopChild,
)


class _BlockEnds(Exception):
    """An error inside a nested block ends all enclosing ones; it is already recorded."""


class Content:
    """Data, internal queue and effects of one machine; also the environment of its expressions."""

    def __init__(
        self, chart: Chart, parameters: Mapping[str, Any], surroundings: Surroundings | None, session_id: str
    ) -> None:
        self.chart = chart
        self.parameters = dict(parameters)
        self.surroundings = surroundings
        self.session_id = session_id
        self.children = child_ids(chart)
        self.reading_checks = reading_checks(chart)
        self.configuration: set[State] = set()
        self.values: dict[str, Any] = {name: UNSET for name in chart.data}
        self.loop: dict[str, Any] = {}  # items and indices of the foreach in work that are no data items
        self.foreachDepth = 0  # how many foreach are inside each other now
        self.innerRounds = 0
        self.bound_late: set[str] = set()
        self.internalQueue: list[Event] = []
        self.deferred: list[Event] = []  # events kept by `defer`
        self.event: Event | None = None
        self.generated = 0
        self.reset_content()

    def reset_content(self) -> None:
        """Begin the record of a macrostep."""
        self.effects: list[Effect] = []
        self.raised: list[str] = []
        self.failures: list[Failure] = []
        self.told: set[str] = set()  # transitions whose guards have failed in this macrostep
        self.readings: dict[tuple[str, str], Any] = {}
        self.changes: dict[str, Any] = {}
        self.all_changes: dict[str, Any] = {}

    def take_changes(self) -> dict[str, Any]:
        """The assignments since the last microstep."""
        changes, self.changes = self.changes, {}
        self.all_changes.update(changes)
        return changes

    # ------------------------------------------------------------ the environment of expressions

    def variable(self, name: str) -> Any:
        value = self.loop[name] if name in self.loop else self.values.get(name, UNSET)
        if value is UNSET:
            raise EvaluationError(f"{name} has no value")
        return value

    def parameter(self, name: str) -> Any:
        return self.parameters[name]

    def event_field(self, name: str) -> Any:
        return event_value(self.event, name)

    def system_field(self, name: str) -> Any:
        return system_value(name, self.event, self.chart.name, self.session_id)

    def reading(self, role: str, name: str) -> Any:
        if (role, name) not in self.readings:
            check = self.reading_checks.get((role, name))
            self.readings[role, name] = read_surroundings(self.surroundings, role, name, check)
        return self.readings[role, name]

    def in_state(self, state: str) -> bool:
        return any(s.id == state for s in self.configuration)

    def alive(self, child: str, key: Any) -> int | bool:
        count = 0 if self.surroundings is None else self.surroundings.alive(child, key)
        return count if key is None else bool(count)

    # ------------------------------------------------------------ data

    def initializeDatamodel(self, given: Mapping[str, Any]) -> None:
        """Give the data items their initial values; those of ``given`` replace them."""
        for item in self.chart.data.values():
            if item.name in given and item.late_state is None:
                self.values[item.name] = given[item.name]
            elif item.initial is not None and item.late_state is None:
                self.initial_value(item.name, item.initial, item.position)

    def initializeLateData(self, s: State) -> None:
        """Give the items of a state their initial values when it is first entered (late binding, SCXML 5.3.3)."""
        if s.id in self.bound_late:
            return
        self.bound_late.add(s.id)
        for item in self.chart.data.values():
            if item.late_state == s.id and item.initial is not None:
                self.initial_value(item.name, item.initial, item.position)

    def initial_value(self, name: str, initial: Expr, position: Position) -> None:
        """Compute an initial value. One that fails leaves a typed item without a value; in imported documents it is
        None."""
        before = len(self.failures)
        value = self.attempt(lambda: evaluate(initial, self), position)
        if self.chart.untyped or len(self.failures) == before:
            self.assign(name, value)

    def assign(self, name: str, value: Any) -> None:
        """Set a data item and record the change."""
        self.values[name] = value
        self.changes[name] = value

    def locate(self, name: str, id_: str) -> None:
        """Store an id where ``idlocation`` says. Raises ``EvaluationError`` when no such item is declared (SCXML
        5.4)."""
        if name not in self.chart.data:
            raise EvaluationError(f"there is no data item {name}")
        self.assign(name, id_)

    # ------------------------------------------------------------ errors

    def fail(self, failure: Failure, sendid: str = "", name: str = "error.execution") -> None:
        """Record an error and queue its event."""
        self.failures.append(failure)
        self.enqueue(error_event(failure, sendid, name))

    def enqueue(self, event: Event) -> None:
        """Put an event at the rear of the internal queue."""
        self.raised.append(event.name)
        self.internalQueue.append(event)

    def attempt(self, compute: Callable[[], Any], position: Position) -> Any:
        """The value, or None after recording the error."""
        try:
            return compute()
        except EvaluationError as error:
            self.fail(failure_of(error, position))
            return None

    def holds(self, guard: Expr, position: Position, transition: str = "") -> bool:
        """The value of a guard. One that fails is false and an ``error.execution`` (SCXML 5.9.1), a transition's once
        in a step."""
        try:
            return condition(evaluate(guard, self))
        except EvaluationError as error:
            if transition not in self.told:
                self.fail(failure_of(error, position))
            if transition:
                self.told.add(transition)
            return False

    # ------------------------------------------------------------ blocks and actions

    def execute_block(self, block: Block) -> None:
        """Execute a block; an error skips its rest (SCXML 4.9)."""
        with contextlib.suppress(_BlockEnds):
            self.execute_nested(block)
        self.loop.clear()

    def execute_nested(self, block: Block) -> None:
        """Execute the actions inside another; an error ends the enclosing blocks too."""
        for action in block:
            try:
                self.execute(action)
            except EvaluationError as error:
                self.fail(failure_of(error, action.position))
                raise _BlockEnds from None

    def execute(self, action: Action) -> None:
        """Execute one action. Raises ``EvaluationError``."""
        match action:
            case Defer():
                self.defer()
            case Assign(name=name, value=value):
                if name not in self.values:
                    raise EvaluationError(f"there is no data item {name}")
                self.assign(name, evaluate(value, self))
            case Raise(event=event, data=data):
                definition = self.chart.events.get(event)
                self.enqueue(Event(event, with_optional(definition, self.payload(data)), "internal"))
            case Send():
                self.send(action)
            case Cancel(id=id_):
                self.effects.append(CancelSend(show(evaluate(id_, self))))
            case Log(parts=parts, label=label):
                self.effects.append(LogText("".join(show(evaluate(part, self)) for part in parts), label))
            case If(branches=branches, position=place):
                for guard, body in branches:
                    if guard is None or self.holds(guard, place):
                        self.execute_nested(body)
                        break
            case Foreach():
                self.foreach(action)
            case CallAction(role=role, action=name, args=args):
                self.effects.append(Call(role, name, self.payload(args) or {}))
            case Spawn(id=id_, key=key, input=given):
                chosen = None if key is None else evaluate(key, self)
                self.effects.append(StartChild(id_, action, self.payload(given) or {}, chosen))
            case Stop(id=id_, key=which):
                self.effects.append(StopChild(id_, None if which is None else evaluate(which, self)))
            case _:
                assert_never(action)

    def defer(self) -> None:
        """Keep the event being processed."""
        assert self.event is not None
        if len(self.deferred) < DEFERRED_BOUND:
            self.deferred.append(self.event)
        else:
            self.enqueue(lost_event(self.event))

    def payload(self, fields: tuple[tuple[str, Expr], ...]) -> dict[str, Any] | None:
        """The values of named fields, None when there are none. Raises ``EvaluationError``."""
        return {name: evaluate(value, self) for name, value in fields} or None

    def foreach(self, action: Foreach) -> None:
        """SCXML 4.6. Raises ``EvaluationError`` for what is not a list, and after too many rounds inside each other."""
        array = evaluate(action.array, self)
        if not isinstance(array, list):
            raise EvaluationError(f"foreach needs a list, not {kind_of(array)}")
        enclosing = dict(self.loop)
        if self.foreachDepth == 0:
            self.innerRounds = 0
        self.foreachDepth += 1
        try:
            for position, item in enumerate(list(array)):
                if self.foreachDepth > 1:
                    self.innerRounds += 1
                    if self.innerRounds > INNER_ROUNDS_BOUND:
                        raise too_many_rounds()
                self.bind(action.item, item)
                if action.index is not None:
                    self.bind(action.index, position)
                self.execute_nested(action.body)
        finally:
            self.foreachDepth -= 1
        self.loop = enclosing

    def bind(self, name: str, value: Any) -> None:
        """Set the item or index of a ``foreach``."""
        if name in self.chart.data:
            self.assign(name, value)
        else:
            self.loop[name] = value

    def duration(self, delay: Expr) -> int:
        """A delay in nanoseconds. Raises ``EvaluationError`` when it is negative or not a duration."""
        value = evaluate(delay, self)
        if type(value) is not int:
            raise EvaluationError(f"a delay must be a duration, not {kind_of(value)}")
        if value < 0:
            raise EvaluationError("a delay must not be negative")
        return value

    def send(self, action: Send) -> None:
        """SCXML 6.2. The id exists before anything is evaluated, so that an error event can carry it.

        Raises ``EvaluationError``."""
        sendid = action.id or ""
        if action.id_location is not None:
            self.generated += 1
            sendid = f"send.{self.generated}"
        try:
            if action.id_location is not None:
                self.locate(action.id_location, sendid)
            if action.type is not None:
                check_send_type(evaluate(action.type, self))
            target = send_target(None if action.target is None else evaluate(action.target, self), self.children)
            name = evaluate(action.event, self)
            if not isinstance(name, str) or not name:
                raise EvaluationError(f"an event's name must be text, not {kind_of(name)}")
            data: Any = self.payload(action.data)
            if action.content is not None:
                data = evaluate(action.content, self)
            elif target in (None, "internal"):
                data = with_optional(self.chart.events.get(name), data)
            key = None if action.key is None else evaluate(action.key, self)
            delay = 0 if action.delay is None else self.duration(action.delay)
            if target == "internal" and delay:
                raise EvaluationError("an event to the internal queue cannot be delayed")
        except EvaluationError as error:
            self.fail(failure_of(error, action.position), sendid)
            raise _BlockEnds from None
        why = unknown_session(target, delay, self.session_id, self.surroundings)
        if why:
            self.fail(Failure(why, str(action.position)), sendid, "error.communication")
        elif target == "internal":
            self.enqueue(Event(name, data, "internal", sendid))
        else:
            scxml_type = "" if action.type is None else "scxml"
            self.effects.append(SendEvent(name, data, target, key, delay, sendid, scxml_type))

    def invoke(self, inv: Invoke) -> None:
        """SCXML 6.4: arguments that have no value cancel the invocation."""
        try:
            given = self.payload(inv.input) or {}
            source = None if inv.source is None else evaluate(inv.source, self)
            if inv.id_location is not None:
                self.locate(inv.id_location, inv.id)
        except EvaluationError as error:
            self.fail(failure_of(error, inv.position))
            return
        if inv.role is not None and inv.action is not None:
            self.effects.append(StartCall(inv.id, inv.role, inv.action, given))
        else:
            self.effects.append(StartChild(inv.id, inv, given, None, source))
