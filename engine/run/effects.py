"""Carries out the effects of a macrostep, in the order the chart's actions produced them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.adapter import AdapterError
from engine.language.model import Chart
from engine.language.problems import suggestion
from engine.language.traverse import charts_at
from engine.run.actor import Actor, DelayedSend, RunningCall
from engine.run.nothing import NOTHING
from engine.semantics.interfaces import Stepper
from engine.semantics.step import (
    Call,
    CancelSend,
    CancelTimer,
    Done,
    Event,
    LogText,
    SendEvent,
    StartCall,
    StartChild,
    StartTimer,
    Step,
    StopChild,
)

if TYPE_CHECKING:
    from engine.run.system import System

SCXML_PROCESSOR = "http://www.w3.org/TR/scxml/#SCXMLEventProcessor"
_OWN_QUEUE = (None, "", "self", "internal", "#_internal")


def perform(system: System, actor: Actor, step: Step) -> None:
    """Carry out all effects of ``step``; a failing adapter or child does not stop the rest.

    Children start when the macrostep ends, so an event sent to one of them waits until the child is there.
    """
    for_children: list[SendEvent] = []
    for effect in step.effects:
        match effect:  # those that are most come first
            case CancelTimer():
                if (deadline := actor.timers.pop(effect.id, None)) is not None:
                    deadline.cancel()
            case StartTimer():
                start_timer(system, actor, effect.id, effect.delay_ns)
            case Call():
                _call(actor, effect.role, effect.action, effect.args)
            case StartCall():
                start_call(system, actor, effect)
            case StopChild(child, key):
                if actor.state != "stopping":  # a machine that ends: its children go when its exit actions are done
                    _stop_children(system, actor, child, key)
            case SendEvent(target=None):
                _send(system, actor, effect)
            case SendEvent(target=str(target)):
                starting = any(type(other) is StartChild and other.id == target for other in step.effects)
                if starting and not _children_at(actor, target, None):
                    for_children.append(effect)
                else:
                    _send(system, actor, effect)
            case CancelSend(send_id):
                _cancel_sends(actor, send_id)
            case StartChild():
                _start_child(system, actor, effect)
            case LogText():
                pass  # observers read it from the step
            case Done(output):
                actor.output = output
                system.ended(actor, "done")
    for effect in for_children:
        _send(system, actor, effect)


# ---------------------------------------------------------------- adapters


def _call(actor: Actor, role: str, action: str, args: Mapping[str, Any]) -> None:
    binding = actor.roles.get(role)
    if binding is None:
        message = f"no adapter is bound to role {role!r} of {actor.path}"
        data = {"action": action, "message": message}
        actor.system.note(actor.path, "adapter_error", message, {"action": action})
        actor.system.enqueue(actor, Event(f"error.adapter.{role}", data, "platform"))
        return
    binding.call(action, args)


def start_call(system: System, actor: Actor, effect: StartCall) -> None:
    """Start an adapter's long action for an invocation."""
    binding = actor.roles.get(effect.role)
    if binding is None:
        reason = f"no adapter is bound to role {effect.role!r} of {actor.path}"
        system.enqueue(actor, Event(f"error.invoke.{effect.id}", {"reason": reason}, "platform", invokeid=effect.id))
        return
    call_id = binding.new_call(actor, effect.id, effect.action)
    if actor.calls is NOTHING:
        actor.calls = {}
    actor.calls[effect.id] = RunningCall(binding, call_id, effect)
    binding.start_call(call_id, effect.args)


# ---------------------------------------------------------------- timers and sends


def start_timer(system: System, actor: Actor, timer: str, delay_ns: int) -> None:
    """Start (or restart) an ``after`` timer."""
    timers = actor.timers
    if timers is NOTHING:
        timers = actor.timers = {}
    elif timer in timers:
        timers[timer].cancel()
    timers[timer] = system.set_deadline(delay_ns, partial(_expire, system, actor, timer))


def _expire(system: System, actor: Actor, timer: str) -> None:
    del actor.timers[timer]
    system.expire(actor, timer)


def _cancel_sends(actor: Actor, send_id: str) -> None:
    for sequence, send in list(actor.sends.items()):
        if send.effect.id == send_id:
            send.deadline.cancel()
            del actor.sends[sequence]


def _send(system: System, actor: Actor, effect: SendEvent) -> None:
    if effect.delay_ns <= 0:
        deliver(system, actor, effect)
        return
    if len(actor.sends) >= system.limits.delayed_sends:
        message = f"{actor.path} has {len(actor.sends)} delayed sends waiting, the most there may be"
        _complain(system, actor, effect, "error.execution", message)
        return
    delay(system, actor, effect, effect.delay_ns)


def delay(system: System, actor: Actor, effect: SendEvent, delay_ns: int) -> None:
    """Deliver ``effect`` after ``delay_ns``, unless it is cancelled or the machine ends before."""

    def due() -> None:
        del actor.sends[deadline.sequence]
        deliver(system, actor, effect)

    deadline = system.set_deadline(delay_ns, due)
    if actor.sends is NOTHING:
        actor.sends = {}
    actor.sends[deadline.sequence] = DelayedSend(deadline, effect)


def deliver(system: System, actor: Actor, effect: SendEvent) -> None:
    """Put a send into the queue it is for. One that cannot be delivered is ``error.communication`` for the sender."""
    if effect.type not in ("", "scxml", SCXML_PROCESSOR):
        _complain(system, actor, effect, "error.execution", f"no event processor of type {effect.type!r}")
        return
    origin = f"#_scxml_{actor.machine.session_id}"
    target = effect.target
    event = Event(effect.event, effect.data, sendid=effect.id, origin=origin, origintype=SCXML_PROCESSOR)
    if target in _OWN_QUEUE or target == origin:
        system.enqueue(actor, event)
    elif target in ("parent", "#_parent"):
        _to_parent(system, actor, effect, event)
    else:
        receivers = _children_at(actor, target or "", effect.key)
        session = system.session((target or "").removeprefix("#_scxml_"))
        if receivers:
            for child in receivers:
                system.enqueue(child, event)
        elif session is not None and (target or "").startswith("#_scxml_"):
            system.enqueue(session, event)
        else:
            _undeliverable(system, actor, effect)


def _to_parent(system: System, actor: Actor, effect: SendEvent, event: Event) -> None:
    parent, invoke = actor.parent, actor.invoke
    if parent is None or invoke is None:
        if actor.server is not None:
            actor.server.sent(effect.event, effect.data)
        elif effect.event in actor.machine.chart.events:  # a root's `out` events are for whoever watches it
            system.announce(actor, effect.event, effect.data)
        else:
            _complain(system, actor, effect, "error.communication", f"{actor.path} has no parent")
        return
    if not actor.is_running and actor.state != "done":  # SCXML 6.4.3: nothing from a cancelled child
        system.note(actor.path, "dropped", f"{effect.event} to the parent: the child was stopped")
        return
    plain = getattr(invoke, "plain_events", False)
    name = event.name if plain else f"{invoke.id}.{event.name}"
    data = event.data
    if actor.key is not None:
        data = {**data, "key": actor.key} if isinstance(data, Mapping) else {"key": actor.key}
    arrived = Event(name, data, "external", event.sendid, event.origin, event.origintype, invokeid=invoke.id)
    system.enqueue(parent, arrived, sender=actor)


def _children_at(actor: Actor, target: str, key: Any) -> list[Actor]:
    child_id = target.removeprefix("#_")
    return [child for (id_, key_), child in actor.children.items() if id_ == child_id and (key is None or key_ == key)]


def _undeliverable(system: System, actor: Actor, effect: SendEvent) -> None:
    target = effect.target or ""
    if target.startswith(("#_", "http:", "https:")) or target.isidentifier():
        which = f"{target}[{effect.key}]" if effect.key is not None else target
        known = suggestion(target, {id_ for id_, _ in actor.children})
        _complain(system, actor, effect, "error.communication", f"{actor.path} has no child {which!r} running{known}")
    else:  # SCXML 6.2.4: a target this processor does not understand
        _complain(system, actor, effect, "error.execution", f"{target!r} is no target of a send")


def _complain(system: System, actor: Actor, effect: SendEvent, name: str, message: str) -> None:
    text = f"send of {effect.event!r}: {message}"
    system.note(actor.path, "undelivered", text)
    system.enqueue(actor, Event(name, {"message": text, "position": ""}, "platform", sendid=effect.id))


# ---------------------------------------------------------------- children


def _start_child(system: System, actor: Actor, effect: StartChild) -> None:
    try:
        hash(effect.key)
        old = actor.children.get((effect.id, effect.key))
        if old is not None:
            system.stop(old)
        _check_room(system, actor)
        _check_unit(actor, effect)
        name = effect.id if effect.key is None else f"{effect.id}[{_written(effect.key)}]"
        outside = _given_outside(system, (*actor.ids, effect.id), (*actor.names, name))
        chart = chart_of(system, actor, effect)
        outside = {name: value for name, value in outside.items() if _is_for(chart, name, actor, effect.id)}
        machine = system.make(chart, {**effect.input, **outside})
    except Exception as error:
        text = str(error) if isinstance(error, (AdapterError, ValueError)) else f"{type(error).__name__}: {error}"
        reason = f"{actor.path} cannot start {effect.id}: {text}"
        system.note(actor.path, "child_refused", reason)
        data = {"reason": reason} | ({"key": effect.key} if effect.key is not None else {})
        system.enqueue(actor, Event(f"error.invoke.{effect.id}", data, "platform", invokeid=effect.id))
        return
    system.begin(enrol_child(system, actor, effect, machine))


def _is_for(chart: Chart, name: str, parent: Actor, id_: str) -> bool:
    """Whether a parameter given for a child is this chart's: it may be that of another that runs in its place, or at
    the same path on a unit of another kind."""
    if name in chart.parameters:
        return True
    root = parent
    while root.parent is not None:
        root = root.parent
    others = charts_at(root.machine.chart, ".".join((*parent.ids[1:], id_)))
    return not any(name in other.parameters for other in others)


def _given_outside(system: System, ids: tuple[str, ...], names: tuple[str, ...]) -> dict[str, Any]:
    """The parameters given for a child by its path from the root down. Every step may be written without its key, which
    means all of them (``outlet[2]``, ``slac``, ``session``); what is said of fewer goes before it, an outer key before
    inner ones."""
    fitting = [
        path
        for path in system.parameters
        if len(path) == len(ids) and all(step in (id_, name) for step, id_, name in zip(path, ids, names, strict=True))
    ]
    fitting.sort(key=lambda path: [step != id_ for step, id_ in zip(path, ids, strict=True)])
    return {name: value for path in fitting for name, value in system.parameters[path].items()}


def enrol_child(system: System, actor: Actor, effect: StartChild, machine: Stepper) -> Actor:
    """Take a child's machine in, on its parent's adapters."""
    name = effect.id if effect.key is None else f"{effect.id}[{_written(effect.key)}]"
    child = system.register(machine, f"{actor.path}/{name}", actor, effect)
    own_roles = dict(getattr(effect.invoke, "adapters", ()))
    unit = getattr(effect.invoke, "unit", None)
    of_unit = actor.units.get((unit, effect.key), {})
    for role in machine.chart.adapters:
        own = own_roles.get(role)
        binding = of_unit.get(role) if unit is not None and own is None else actor.roles.get(own or role)
        if binding is not None:
            child.roles[role] = binding
            binding.attach(child)
    return child


def _written(key: Any) -> str:
    return key.hex() if isinstance(key, bytes) else str(key)


def _check_unit(actor: Actor, effect: StartChild) -> None:
    unit = getattr(effect.invoke, "unit", None)
    if unit is not None and actor.units and (unit, effect.key) not in actor.units:
        last = max((number for name, number in actor.units if name == unit), default=0)
        raise ValueError(f"there is no {unit} {effect.key!r} here, only 1 to {last}")


def _check_room(system: System, actor: Actor) -> None:
    if len(actor.children) >= system.limits.children:
        raise ValueError(f"it has {len(actor.children)} children, the most there may be")
    if actor.depth + 1 >= system.limits.depth:
        raise ValueError(f"machines are nested {actor.depth + 1} deep, the most there may be")


def chart_of(system: System, actor: Actor, effect: StartChild) -> Chart:
    """The chart a child runs. Raises ``ValueError`` when there is none."""
    chart: Chart | None = effect.invoke.chart
    if chart is not None:
        return chart
    if system.resolve is None:
        raise ValueError(f"{effect.source!r} names a chart at run time, and nobody here resolves such names")
    return system.resolve(effect.source, actor.machine.chart)


def _stop_children(system: System, actor: Actor, child_id: str, key: Any) -> None:
    call = actor.calls.pop(child_id, None)
    if call is not None:
        call.binding.cancel_call(call.call_id)
    if actor.children:
        for child in _children_at(actor, child_id, key):
            system.stop(child)
