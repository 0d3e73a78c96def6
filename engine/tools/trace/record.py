"""The records of a trace as plain values; docs/trace.schema.json is their JSON Schema.

The first line is the header. Every other line is a *step* (one macrostep of one machine) or a *note* (something that is
no macrostep). Fields that say nothing (empty, default) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.language.model import Chart, StateKind
from engine.run.json_values import to_json
from engine.semantics.step import (
    Call,
    CancelSend,
    CancelTimer,
    Done,
    Effect,
    Event,
    LogText,
    SendEvent,
    StartCall,
    StartChild,
    StartTimer,
    Step,
    StopChild,
)
from engine.tools.trace.secrets import Veil, secrets_of
from engine.tools.trace.units import units_of

if TYPE_CHECKING:
    from engine.run import Actor, Note, StepRecord, System
    from engine.semantics.interfaces import Stepper

TRACE_VERSION = 1


def header(
    system: System,
    started: str = "",
    title: str = "",
    sides: Mapping[str, tuple[str, str]] | None = None,
    display: Mapping[str, str] | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
    setpoints: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """The first line: what runs. ``started`` is the wall clock time (ISO 8601) of time 0, empty on a virtual clock.
    ``sides``: who talks, from left to right: by label the machine and the unit it belongs to (or ""). ``display``: the
    values that matter most, by label; ``rows``: those of each ``unit`` (how many: ``count``), with ``{}`` for its
    number in ``columns``; ``setpoints``: what some of either are meant to be, by their label: ``of``,
    and ``during`` which state that is asked for."""
    return {
        "trace": TRACE_VERSION,
        **({"title": title} if title else {}),
        **({"started": started} if started else {}),
        "machines": {
            top.path: {"chart": top.machine.chart.name, "file": top.machine.chart.file} for top in system.tops()
        },
        **({"sides": {label: _side(*side) for label, side in sides.items()}} if sides else {}),
        **({"display": dict(display)} if display else {}),
        **({"rows": [dict(row) for row in rows]} if rows else {}),
        **({"setpoints": {label: dict(one) for label, one in setpoints.items()}} if setpoints else {}),
    }


def _side(machine: str, unit: str) -> dict[str, str]:
    return {"machine": machine, "unit": unit} if unit else {"machine": machine}


EFFECTS: dict[str, dict[str, type]] = {
    "call": {"role": str, "action": str, "args": dict},
    "start_call": {"id": str, "role": str, "action": str, "args": dict},
    "send": {"event": str},
    "cancel_send": {"id": str},
    "start_timer": {"id": str, "delay_ns": int},
    "cancel_timer": {"id": str},
    "start_child": {"id": str},
    "stop_child": {"id": str},
    "log": {"text": str},
    "done": {},
}
"""The effects of a record, by ``do``, with what a reader relies on."""


def effect_record(effect: Effect, value: Callable[[Any], Any] = to_json) -> dict[str, Any]:
    """One effect, tagged by ``do``; ``value`` makes what it writes of a value of the machine."""
    match effect:
        case Call(role, action, args):
            return {"do": "call", "role": role, "action": action, "args": value(args)}
        case SendEvent():
            return _lean(
                {
                    "do": "send",
                    "event": effect.event,
                    "data": value(effect.data),
                    "to": effect.target,
                    "key": value(effect.key),
                    "delay_ns": effect.delay_ns,
                    "id": effect.id,
                    "type": effect.type,
                }
            )
        case CancelSend(send_id):
            return {"do": "cancel_send", "id": send_id}
        case StartTimer(timer, delay_ns):
            return {"do": "start_timer", "id": timer, "delay_ns": delay_ns}
        case CancelTimer(timer):
            return {"do": "cancel_timer", "id": timer}
        case StartChild():
            return _lean(
                {
                    "do": "start_child",
                    "id": effect.id,
                    "key": value(effect.key),
                    "input": value(effect.input),
                    "source": value(effect.source),
                }
            )
        case StopChild(child, key):
            return _lean({"do": "stop_child", "id": child, "key": value(key)})
        case StartCall(call_id, role, action, args):
            return {"do": "start_call", "id": call_id, "role": role, "action": action, "args": value(args)}
        case LogText(text, label):
            return _lean({"do": "log", "text": text, "label": label})
        case Done(output):
            return _lean({"do": "done", "output": value(output)})


def failure_records(step: Step) -> list[dict[str, str]]:
    """The failures of a step."""
    return [{"message": failure.message, "position": failure.position} for failure in step.failures]


def event_record(event: Event, data: Any = None) -> dict[str, Any]:
    """An external event; ``type`` is left out when it is ``external``. ``data``: in place of its own."""
    line: dict[str, Any] = {"name": event.name}
    data = event.data if data is None else data
    if data is not None:
        line["data"] = to_json(data)
    if event.type not in ("", "external"):
        line["type"] = event.type
    if event.sendid:
        line["sendid"] = event.sendid
    if event.origin:
        line["origin"] = event.origin
    if event.origintype:
        line["origintype"] = event.origintype
    if event.invokeid:
        line["invokeid"] = event.invokeid
    return line


def note_record(note: Note, veil: Veil | None = None) -> dict[str, Any]:
    """A note; ``veil`` hides its secrets."""
    return _lean(
        {
            "time_ns": note.time_ns,
            "machine": note.path,
            "note": note.kind,
            "text": note.text,
            "data": to_json(veil.hide(note.data, note.secret) if veil is not None else note.data) or None,
        },
        keep=("time_ns", "machine"),
    )


def brief(record: StepRecord, configuration: tuple[str, ...], veil: Veil | None = None) -> dict[str, Any]:
    """The part of a step for a line that people read: no data, readings or timers; values as the machine has them.
    ``configuration``: the machine's after this step; it may have changed since. ``veil`` hides secrets."""
    step = record.step
    chart = record.actor.machine.chart
    if veil is not None and not secrets_of(chart):
        veil = None
    line: dict[str, Any] = {"time_ns": record.time_ns, "machine": record.actor.path, "cause": record.cause}
    if record.event is not None:
        data = record.event.data
        name = record.event.name
        line["event"] = {"name": name, "data": data if veil is None else veil.event(chart, name, data)}
    if record.timer is not None:
        line["timer"] = record.timer
    if not step.handled:
        line["unhandled"] = True
    line["exited"], line["entered"] = step.exited, step.entered
    line["configuration"] = configuration
    line["effects"] = [
        {"do": "call", "role": effect.role, "action": effect.action, "args": effect.args}  # by far the most, at once
        if type(effect) is Call
        else effect_record(effect, _as_it_is)
        for effect in (step.effects if veil is None else [veil.effect(chart, one) for one in step.effects])
        if type(effect) not in _TIMING
    ]
    if step.failures:
        line["failures"] = failure_records(step)
    return line


def _as_it_is(value: Any) -> Any:
    return value


_TIMING = frozenset((StartTimer, CancelTimer, CancelSend))


def outcome(step: Step, machine: Stepper, before: Mapping[str, Any], veil: Veil | None = None) -> dict[str, Any]:
    """The part of a step's record that a replay must reproduce. ``before``: the data before the step. ``veil`` hides
    secrets."""
    line: dict[str, Any] = {}
    if not step.handled:
        line["unhandled"] = True
    for name in ("transitions", "exited", "entered", "raised"):
        value = getattr(step, name)
        if value:
            line[name] = list(value)
    if step.effects:
        effects = step.effects if veil is None else [veil.effect(machine.chart, effect) for effect in step.effects]
        line["effects"] = [effect_record(effect) for effect in effects]
    if step.failures:
        line["failures"] = failure_records(step)
    line["configuration"] = list(machine.configuration)
    data = machine.data
    changes = {name: value for name, value in data.items() if name not in before or _differs(value, before[name])}
    if changes:
        line["data"] = to_json(veil.own(machine.chart, "data", changes) if veil else changes)
    return line


def _differs(value: Any, before: Any) -> bool:
    return value is not before and value != before


def kept(machine: Stepper) -> dict[str, Any]:
    """A machine's data, to compare with later."""
    return {name: list(value) if isinstance(value, list) else value for name, value in machine.data.items()}


def start_record(actor: Actor, veil: Veil | None = None) -> dict[str, Any]:
    """What the record of a machine's first step tells besides; ``veil`` hides secrets."""
    machine = actor.machine
    line: dict[str, Any] = {
        "chart": machine.chart.name,
        "text_hash": machine.chart.text_hash,
        "session": machine.session_id,
        "parameters": to_json(
            veil.own(machine.chart, "parameters", machine.parameters) if veil else machine.parameters
        ),
        "roles": {role: binding.machine or binding.role for role, binding in actor.roles.items()},
    }
    if units := units_of(machine.chart):
        line["units"] = units
    contracts = machine.chart.adapters
    if lanes := {role: contract.lane for role, contract in contracts.items() if contract.lane}:
        line["lanes"] = lanes
        if local := [f"{role}.{name}" for role in lanes for name in sorted(contracts[role].local)]:
            line["local"] = local
    if persons := [role for role, contract in contracts.items() if contract.person]:
        line["persons"] = persons
    if titles := _titles(machine.chart):
        line["titles"] = titles
    if actor.parent is not None and actor.invoke is not None:
        line["child"] = actor.invoke.id
        if actor.key is not None:
            line["key"] = to_json(actor.key)
    return line


def _titles(chart: Chart) -> dict[str, str]:
    """Titles of states, without those of regions: these are always active with what they are in."""
    return {
        state.id: state.title
        for state in chart.states.values()
        if state.title and state.parent is not None and state.parent.kind is not StateKind.PARALLEL
    }


def _lean(record: dict[str, Any], keep: tuple[str, ...] = ("data",)) -> dict[str, Any]:
    return {
        name: value
        for name, value in record.items()
        if (value not in (None, "") and not (name == "delay_ns" and value == 0)) or (name in keep and value is not None)
    }
