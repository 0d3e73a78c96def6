"""Events that people send, typed in or by ``--events``: ``name``, ``name(field=value, …)``, or a wait (``5 s``).

A chart's event is for the main machine; ``machine.name`` is for another one. An adapter's (``role.name``) goes where
the adapter's own goes: to every machine that has the role and a transition for it. ``outlet2.role.name`` is a unit's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.language.model import Chart, EventDef
from engine.language.problems import nearest
from engine.language.text_values import duration, fields, parts, typed, untyped
from engine.language.traverse import event_definition
from engine.language.types import Type
from engine.language.values import check_fields
from engine.run import Actor, System
from engine.run.binding import Binding
from engine.run.station import StationError
from engine.semantics.errors import PayloadError
from engine.semantics.payloads import check_payload
from engine.semantics.step import Event

_EVENT = re.compile(r"([A-Za-z_][\w.-]*)\s*(?:\((.*)\))?", re.S)
SOME = 12
"""Of the events of adapters, so many are named when none is near."""
_WAIT = re.compile(r"[+-]?\.?\d")  # how one begins, and no event does


class EventScript:
    """Sends events, one after another, on the system's clock; done when ``finished``."""

    def __init__(self, system: System, main: Actor, items: Iterable[str]) -> None:
        self._system = system
        self._steps = [addressed(system, main, item) for item in items]
        self.finished = not self._steps

    def start(self) -> None:
        """Go on until the next wait."""
        while self._steps:
            actor, item = self._steps.pop(0)
            if isinstance(item, int):
                self._system.set_deadline(item, self.start)
                return
            deliver(self._system, actor, item)
        self.finished = True


def deliver(system: System, to: Actor | Binding, event: Event) -> None:
    """Send what :func:`addressed` has found: an adapter's event as if the adapter had said it."""
    if isinstance(to, Binding):
        to.emit(event.name, event.data or {})
        return
    role, _, name = event.name.partition(".")
    binding = to.roles.get(role)
    if binding is not None and name in binding.contract.events:
        binding.emit(name, event.data or {})
    else:
        system.enqueue(to, event)


def addressed(system: System, main: Actor, text: str) -> tuple[Actor | Binding, Event | int]:
    """One item and whom it is for: a machine, or the adapter of a unit; what the main machine knows is for that. The
    end of a name is enough where no other one ends so. Raises ``StationError``."""
    given = text.strip().partition("(")[0].strip()
    meant = _meant(given, offered_by_all(system, main)) if _EVENT.fullmatch(given) else []
    if len(meant) > 1:
        raise StationError(f"which {given}: {', '.join(meant)}?")
    text = text.strip().replace(given, meant[0], 1) if meant else text
    name, _, rest = text.strip().partition(".")
    other = system.roots.get(name)
    if other is not None and other is not main and text.partition("(")[0].strip() not in offered(main.machine.chart):
        return other, step(other.machine.chart, rest)
    before, _, what = text.partition("(")[0].strip().rpartition(".")
    unit = _of_units(main).get(before)
    if unit is not None:
        return unit, _of_unit(unit, before, what, text)
    return main, step(main.machine.chart, text)


def _of_units(main: Actor) -> dict[str, Binding]:
    """The adapters of the main machine's units by their names: ``outlet2.pilot``."""
    return {
        f"{unit}{number}.{role}": binding
        for (unit, number), roles in main.units.items()
        for role, binding in roles.items()
        if unit is not None
    }


def _of_unit(binding: Binding, role: str, name: str, text: str) -> Event:
    """An event of the adapter of a unit, checked by its contract."""
    events = binding.contract.events
    if name not in events:
        raise StationError(f"{role} knows no event {name!r}{_near(name, (), list(events))}")
    carried = events[name].payload
    given = dict(_fields(text.partition("(")[2].rpartition(")")[0], f"{role}.{name}", carried))
    try:
        return Event(name, check_fields(given, carried, f"event {role}.{name}") if carried is not None else given)
    except ValueError as error:
        raise StationError(str(error)) from None


def offered_by_all(system: System, main: Actor) -> list[str]:
    """The events a person may send: to the main machine, then those of direction ``in`` of the others."""
    others = [
        f"{root.path}.{name}"
        for root in system.roots.values()
        if root is not main
        for name in by_people(root.machine.chart)
    ]
    units = [f"{role}.{name}" for role, binding in _people_of_units(main).items() for name in binding.contract.events]
    return list(dict.fromkeys([*offered(main.machine.chart), *units, *others]))


def by_everybody(system: System, main: Actor) -> dict[str, tuple[EventDef, bool]]:
    """What people do by adapters, and what others tell the charts, by the name to send it by, and whether it is a
    person's: of the main machine first, then of its units, then of the others."""
    found: dict[str, tuple[EventDef, bool]] = {}
    for root in (main, *(root for root in system.roots.values() if root is not main)):
        before = "" if root is main else f"{root.path}."
        for name in by_people(root.machine.chart):
            definition = event_definition(root.machine.chart, name)
            if definition is not None:
                found[f"{before}{name}"] = definition, name not in root.machine.chart.events
        if root is main:
            for role, binding in _people_of_units(main).items():
                found |= {f"{role}.{name}": (event, True) for name, event in binding.contract.events.items()}
    return found


def _people_of_units(main: Actor) -> dict[str, Binding]:
    return {role: binding for role, binding in _of_units(main).items() if binding.contract.person}


def _meant(name: str, known: Sequence[str]) -> list[str]:
    """Those of the known events that this may be: the one that is called so, else all whose last parts are so."""
    return [name] if name in known else [one for one in known if one.endswith(f".{name}")]


def shortest(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """The shortest that may be typed for each of these; ``(…)`` for what it carries."""
    return [_short(name, known) for name in names]


def _short(name: str, known: Sequence[str]) -> str:
    name, carries, _ = name.partition("(")
    parts = name.split(".")
    ends = (".".join(parts[number:]) for number in range(len(parts) - 1, -1, -1))
    return next((end for end in ends if _meant(end, known) == [name]), name) + ("(…)" if carries else "")


def by_people(chart: Chart) -> list[str]:
    """What a person does by an adapter, ``reader.token``, then what others tell the chart."""
    contracts = chart.adapters.items()
    done = [f"{role}.{name}" for role, contract in contracts if contract.person for name in contract.events]
    return done + [name for name, event in chart.events.items() if event.direction == "in"]


def step(chart: Chart, text: str) -> Event | int:
    """One item: an event, its payload checked, or a wait in nanoseconds. Raises ``StationError``."""
    text = text.strip()
    if _WAIT.match(text):
        return _wait(text)
    match = _EVENT.fullmatch(text)
    if match is None:
        raise StationError(f"{text!r} is no event; write name, name(field=value) or a wait such as 5 s")
    name = match[1]
    known = offered(chart)
    if name not in known:
        raise StationError(f"{chart.name} knows no event {name!r}{_near(name, _own(chart), known)}")
    definition = event_definition(chart, name)
    given = dict(_fields(match[2] or "", name, definition.payload if definition is not None else None))
    try:
        return Event(name, check_payload(chart, name, given or None))
    except PayloadError as error:
        raise StationError(str(error)) from None


def offered(chart: Chart) -> list[str]:
    """The events a person may send: those of the chart first, then those of its adapters' contracts."""
    own = _own(chart)
    named = {d for t in chart.transitions for d in t.descriptors if _EVENT.fullmatch(d)}
    roles = [f"{role}.{name}" for role, contract in chart.adapters.items() for name in contract.events]
    rest = sorted(named.difference(own, roles))
    return own + [n for n in rest if not n.startswith(("done.", "error."))] + roles


def _own(chart: Chart) -> list[str]:
    return [name for name, event in chart.events.items() if event.direction != "out"]


def _near(name: str, own: Sequence[str], known: Sequence[str]) -> str:
    """``; did you mean 'x'?``, or what there is: the likest first, all that is the chart's own and a few others."""
    if best := nearest(name, known):
        return f"; did you mean {best!r}?"

    def unlike(one: str) -> tuple[float, str]:
        return -difflib.SequenceMatcher(None, name, one).ratio(), one

    others = sorted(set(known).difference(own), key=unlike)
    listed = sorted([*own, *others[:SOME]], key=unlike)
    return f"; there are: {', '.join(listed)}" + (", …" if len(others) > SOME else "") if listed else ""


def now_possible(system: System, main: Actor) -> list[str]:
    """The events a person may send that an active state has a transition for, with the names of what they carry: what
    a person does by an adapter, then the rest; of the main machine first. A chart that declares none may get any."""
    done: list[str] = []
    told: list[str] = []
    of_units: list[str] = []
    for root in (main, *(root for root in system.roots.values() if root is not main and root.is_running)):
        chart = root.machine.chart
        before = "" if root is main else f"{root.path}."
        for name in by_people(chart) or (offered(chart) if root is main else ()):
            if _takes(root, name):
                definition = event_definition(chart, name)
                carried = definition.payload if definition is not None else None
                found = told if name in chart.events else done
                found.append(f"{before}{name}{_carrying(carried)}")
    for role, binding in _people_of_units(main).items():
        for name, event in binding.contract.events.items():
            if any(_takes(actor, f"{own_role}.{name}") for actor, own_role in binding.attached):
                of_units.append(f"{role}.{name}{_carrying(event.payload)}")
    return done + told + of_units


def is_known(binding: Binding, name: str) -> bool:
    """Whether a machine that hears the adapter has a transition for its event, in whatever state."""
    return any(
        d == "*" or f"{role}.{name}" == d or f"{role}.{name}".startswith(d + ".")
        for actor, role in binding.attached
        for t in actor.machine.chart.transitions
        if not t.ignores
        for d in t.descriptors
    )


def _takes(actor: Actor, name: str) -> bool:
    """Whether an active state of the machine has a transition for the event."""
    active = {*actor.machine.configuration, ""}
    taken = (
        d for t in actor.machine.chart.transitions if t.source.id in active and not t.ignores for d in t.descriptors
    )
    return any(d in (name, "*") or name.startswith(d + ".") for d in taken)


def _carrying(payload: Mapping[str, Type] | None) -> str:
    return f"({'=…, '.join(payload)}=…)" if payload else ""


def split(text: str) -> list[str]:
    """``a, b(x=1, y=2), 5 s`` at its outer commas, or one per line; ``#`` begins a comment line."""
    items = []
    for one in text.splitlines():
        if not one.strip().startswith("#"):
            items += list(parts(one))
    return [item for item in items if item]


def _wait(text: str) -> int:
    try:
        found = duration(text)
    except ValueError as error:
        raise StationError(f"a wait: {error}") from None
    if found < 0:
        raise StationError(f"a wait of {text}: nothing is sent before now")
    return found


def _fields(text: str, event: str, types: dict[str, Type] | None) -> Iterator[tuple[str, Any]]:
    try:
        given = list(fields(text)) if text.strip() else []
    except ValueError as error:
        raise StationError(f"event {event}: {error}") from None
    for name, value in given:
        kind = (types or {}).get(name)
        try:
            yield name, typed(value, kind) if kind is not None else untyped(value)
        except ValueError as error:
            raise StationError(f"event {event}, field {name}: {error}") from None
