"""Step records as lines of text, at once: a busy system writes tens of thousands a second.

The same text as JSON of the values of :mod:`engine.tools.trace.record` gives, without making these values. What returns
again and again (names, configurations, the transitions of a step) is kept as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from math import isfinite
from typing import TYPE_CHECKING, Any

from engine.run.json_values import to_json
from engine.semantics.compiled.machine import DataView
from engine.semantics.shared import UNSET
from engine.semantics.step import Call, CancelTimer, Effect, Event, SendEvent, StartTimer
from engine.tools.trace.record import effect_record, event_record, failure_records, start_record
from engine.tools.trace.secrets import Veil, secrets_of

if TYPE_CHECKING:
    from engine.run import Actor, StepRecord

FEW = 3  # a mapping with fewer fields is written here, one with more sooner by the encoder in C
KEPT = 4_096  # texts of each kind; names may come from outside without end

encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""JSON of plain values, on one line."""


class _Texts(dict[Any, str]):
    """What was made of a key, as long as there are not too many."""

    def __init__(self, make: Callable[[Any], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> str:
        if len(self) >= KEPT:
            self.clear()
        text = self[key] = self._make(key)
        return text


def _taken(parts: tuple[Any, ...]) -> str:
    """The fields of a step that name what was done, each after a comma."""
    handled, *lists = parts
    named = zip(("transitions", "exited", "entered", "raised"), lists, strict=True)
    line = ({} if handled else {"unhandled": True}) | {name: list(value) for name, value in named if value}
    return f",{encode(line)[1:-1]}" if line else ""


_QUOTED = _Texts(encode_basestring)
_FIELDS = _Texts(lambda name: f",{encode_basestring(name)}:" if name.__class__ is str and name[:1] != "$" else "")
_WRITERS: dict[type, Callable[[Any], str]] = {
    float: float.__repr__,
    int: int.__repr__,
    str: encode_basestring,
    bool: encode,
}
_TAKEN = _Texts(_taken)
_ACTIVE = _Texts(lambda states: f',"configuration":{encode(list(states))}')
_WHOLE = _Texts(lambda parts: _TAKEN[parts[:-1]] + _ACTIVE[parts[-1]])


Look = Callable[[], Mapping[str, Any]]
"""The values that a station displays as they are now, as ``display`` and ``rows`` of a step; steps need not read
them."""


class Recorder:
    """Writes step records; remembers each machine's data to find what changed. ``veil`` hides secrets. Once in
    ``every_ns`` a step has what ``look`` sees."""

    def __init__(self, veil: Veil | None = None, look: Look | None = None, every_ns: int = 1_000_000_000) -> None:
        self._veil = veil
        self._look, self._every_ns, self._look_ns = look, every_ns, 0
        self._machines: dict[Actor, _Known] = {}
        self._tags = 0  # values that JSON has no word for, in the text that is being made
        make: Any = getattr(json.encoder, "c_make_encoder", None)  # kept: making one takes longer than a short text
        self._make = make and make(None, self._tagged, encode_basestring, None, ":", ",", False, False, False)

    def step(self, record: StepRecord) -> str:
        """The line of a step: see the schema. Call once per step, in order, before its effects are carried out."""
        actor, step, event = record.actor, record.step, record.event
        machine = actor.machine
        known = self._machines.get(actor)
        if known is None:
            known = self._machines[actor] = _Known(actor, self._veil)
        veil = self._veil if known.secrets else None
        text = f'{{"time_ns":{record.time_ns}{known.heads[record.cause]}'
        if record.cause == "start":
            text += f",{encode(start_record(actor, veil))[1:-1]}"
        if event is not None:
            data = event.data if veil is None else veil.event(machine.chart, event.name, event.data)
            text += f',"event":{self.event(event, data)}'
        if record.timer is not None:
            text += f',"timer":{_QUOTED[record.timer]}'
        if machine.readings:
            read = {f"{role}.{name}": value for (role, name), value in machine.readings.items()}
            text += f',"readings":{self.value(veil.own(machine.chart, "readings", read) if veil else read)}'
        taken = (step.handled, step.transitions, step.exited, step.entered, step.raised)
        if step.effects or step.failures:
            text += _TAKEN[taken]
            if step.effects:
                effects = [veil.effect(machine.chart, one) for one in step.effects] if veil else step.effects
                text += f',"effects":[{",".join([self.effect(one) for one in effects])}]'
            if step.failures:
                text += f',"failures":{encode(failure_records(step))}'
            text += _ACTIVE[machine.configuration]
        else:
            text += _WHOLE[*taken, machine.configuration]
        changes = known.changes()
        if changes:
            text += f',"data":{self.value(veil.own(machine.chart, "data", changes) if veil else changes)}'
        if self._look is not None and record.time_ns >= self._look_ns:
            self._look_ns = record.time_ns + self._every_ns
            text += f",{encode(seen)[1:-1]}" if (seen := to_json(self._look())) else ""
        if machine.done or actor.state != "running":
            del self._machines[actor]
        return f"{text}}}"

    def event(self, event: Event, data: Any) -> str:
        """An event; ``data``: in place of its own."""
        if event.type != "external" or event.sendid:
            return encode(event_record(event, data))
        carried = "" if data is None else f',"data":{self.value(data)}'
        if event.origin or event.origintype or event.invokeid:
            fields = (("origin", event.origin), ("origintype", event.origintype), ("invokeid", event.invokeid))
            carried += "".join([f',"{name}":{_QUOTED[value]}' for name, value in fields if value])
        return f'{{"name":{_QUOTED[event.name]}{carried}}}'

    def effect(self, effect: Effect) -> str:
        """An effect: the most frequent ones at once, the others by their records."""
        if isinstance(effect, CancelTimer):
            return f'{{"do":"cancel_timer","id":{_QUOTED[effect.id]}}}'
        if isinstance(effect, StartTimer):
            return f'{{"do":"start_timer","id":{_QUOTED[effect.id]},"delay_ns":{effect.delay_ns}}}'
        if isinstance(effect, Call):
            role, action = _QUOTED[effect.role], _QUOTED[effect.action]
            return f'{{"do":"call","role":{role},"action":{action},"args":{self.value(effect.args)}}}'
        if isinstance(effect, SendEvent) and effect.key is None and not (effect.delay_ns or effect.id or effect.type):
            data = "" if effect.data is None else f',"data":{self.value(effect.data)}'
            to = f',"to":{_QUOTED[effect.target]}' if effect.target else ""
            return f'{{"do":"send","event":{_QUOTED[effect.event]}{data}{to}}}'
        return encode(effect_record(effect))

    def value(self, value: Any) -> str:
        """The text of :func:`engine.run.json_values.to_json` of a value, mostly without that."""
        if value.__class__ is dict and len(value) < FEW:
            text = ""
            for name, item in value.items():
                field, write = _FIELDS[name], _WRITERS.get(item.__class__)
                if not field or write is None or (item.__class__ is float and not isfinite(item)):
                    break
                text += field + write(item)
            else:
                return f"{{{text[1:]}}}"
        if self._make is None:
            return encode(to_json(value))
        self._tags = 0
        try:
            text = "".join(self._make(value, 0))
        except (TypeError, ValueError):  # a key that is no text, an infinity
            return encode(to_json(value))
        if '{"$' in text and text.count('{"$') != self._tags:  # a mapping that looks like a tag gets one itself
            return encode(to_json(value))
        return text

    def _tagged(self, value: Any) -> Any:
        self._tags += 1
        return to_json(value)


class _Known:
    """What the lines of one machine have in common, and its data as they were after its last step."""

    __slots__ = ("_before", "_machine", "_names", "_view", "heads", "secrets")

    def __init__(self, actor: Actor, veil: Veil | None) -> None:
        chart = actor.machine.chart
        self.heads = _Texts(lambda cause: f',"machine":{encode(actor.path)},"cause":{encode(cause)}')
        self.secrets = veil is not None and bool(secrets_of(chart))
        self._machine = actor.machine
        view = actor.machine.data
        self._view = view if isinstance(view, DataView) else None
        self._names = tuple(chart.data)
        self._before: list[Any] = []

    def changes(self) -> dict[str, Any]:
        """The items that have another value than before, which they have from now on."""
        before, view = self._before, self._view
        if view is not None:
            now = view.slots
        else:
            data = self._machine.data
            now = [data.get(name, UNSET) for name in self._names]
        if now == before:
            return _NOTHING
        if len(before) != len(now):
            before[:] = [UNSET] * len(now)
        names = self._names
        found: dict[str, Any] = {}
        for at, (old, new) in enumerate(zip(before, now, strict=True)):
            if new is not old and new != old:
                before[at] = new.copy() if new.__class__ is list else new
                if new is not UNSET and at < len(names):
                    found[names[at]] = new
        return found


_NOTHING: dict[str, Any] = {}
