"""Possible inputs of a machine in a situation: events with payloads, timers, and the readings of its adapters."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.language.expr import tree
from engine.language.model import Chart, Transition
from engine.language.traverse import child_nodes, event_definition
from engine.language.types import DURATION, Kind, Type
from engine.language.values import type_error
from engine.run.machine import Machine
from engine.semantics.compiled.symbols import expressions
from engine.semantics.shared import name_matches
from engine.semantics.step import Event
from engine.tools.testing.pools import Pools
from engine.tools.testing.values import Choice, Situation, Term, defaults, solve, terms

Readings = Mapping[tuple[str, str], Any]
_MOST = 6  # choices for one transition by one event
_PLATFORM_ONLY = ("done.state", "error.execution", "error.invariant")  # come from inside a macrostep


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One external event or timer expiry, and the world around it. ``alive`` counts children by id."""

    event: str = ""
    data: Mapping[str, Any] | None = None
    timer: str = ""
    readings: Readings = field(default_factory=dict)
    alive: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.timer:
            state, _, delay = self.timer.rpartition("/after ")
            return f"after {delay} in {state or 'the root'}"
        fields = ", ".join(f"{k}={v!r}" for k, v in (self.data or {}).items() if v is not None)
        return f"{self.event}({fields})" if fields else self.event


class World:
    """The :class:`engine.semantics.interfaces.Surroundings` a stimulus describes."""

    def __init__(self, readings: Readings, alive: Mapping[str, Any]) -> None:
        self.readings = readings
        self.children = alive

    def read(self, role: str, name: str) -> Any:
        return self.readings[(role, name)]

    def alive(self, child: str, key: Any = None) -> int:
        count = int(self.children.get(child, 0))
        return min(count, int(self.children.get(f"{child}/key", count > 0))) if key is not None else count


def event_of(stimulus: Stimulus) -> Event:
    """The event of a stimulus, as an adapter, parent or child would send it."""
    return Event(stimulus.event, dict(stimulus.data) if stimulus.data is not None else None)


class Stimuli:
    """Stimuli of one chart. Guards are solved once for each event, configuration and values of the data they ask."""

    def __init__(self, chart: Chart, given: Mapping[str, Any]) -> None:
        self.chart = chart
        self.pools = Pools(chart, given)
        nodes = list(expressions(chart))
        self.reading_types: dict[tuple[str, str], Type] = {
            (e.role, e.name): e.type for e in nodes if isinstance(e, tree.Reading)
        }
        self.base: dict[tuple[str, str], Any] = {k: defaults(kind)[0] for k, kind in self.reading_types.items()}
        self.children = sorted({e.child for e in nodes if isinstance(e, tree.Alive)})
        self.names = external_events(chart)
        self.payloads = {name: _payload(chart, name) for name in self.names}
        self.by_source: dict[str, list[Transition]] = {}
        for t in chart.transitions:
            self.by_source.setdefault(t.source.id, []).append(t)
        self._matched = {t.id: [n for n in self.names if name_matches(t.descriptors, n)] for t in chart.transitions}
        self.hearing = {n: {t for t, heard in self._matched.items() if n in heard} for n in self.names}
        self._variables = {t.id: _variables(t.guard) for t in chart.transitions}
        self._solved: dict[Any, list[tuple[str, Choice]]] = {}

    def live(self, active: frozenset[str]) -> list[Transition]:
        """The transitions of the active states, inner states first, in document order."""
        states = sorted((*active, ""), key=lambda state: (-state.count(".") - (state != ""), state))
        return [t for state in states for t in self.by_source.get(state, ())]

    def narrow(
        self, machine: Machine, active: frozenset[str], world: Stimulus, wanted: Container[str], group: int
    ) -> Iterator[Stimulus]:
        """Stimuli that take each transition of the active states, and those that the eventless ones wait for."""
        live = self.live(active)
        triggers = self._triggers(live)
        data = machine.data
        for event, timer in triggers:
            for _, choice in self._choices(event, timer, live, data, machine.parameters, active, group):
                yield self._stimulus(choice, event, timer, world)
        where = Situation(data, machine.parameters, active)
        for t in live:
            if t.descriptors or t.timer is not None or t.guard is None or not _outside(t.guard):
                continue
            for choice in list(solve(t.guard, True, where, most=3)):
                for event, timer in triggers[: None if t.id in wanted else 1] or [("nothing", "")]:
                    yield self._stimulus(choice, event, timer, world)

    def wide(
        self, machine: Machine, active: frozenset[str], world: Stimulus, wanted: Container[str], group: int
    ) -> Iterator[Stimulus]:
        """The same with one field, reading or child changed to a value the chart tests somewhere."""
        live = self.live(active)
        readings = [
            (("read", *key), v)
            for key, kind in self.reading_types.items()
            for v in _some([*self.pools.values(("read", *key), kind), *defaults(kind)], 8)
            if not type_error(v, kind)
        ]
        outside: list[tuple[Term, Any]] = [*readings, *((("alive", c), n) for c in self.children for n in (0, 1, 2))]
        outer = self._lingering(Situation(machine.data, machine.parameters, active), wanted)
        for event, timer in self._triggers(live):
            choices = self._choices(event, timer, live, machine.data, machine.parameters, active, group)
            firsts: dict[str, Choice] = {}
            for t, choice in choices:
                firsts.setdefault(t, choice)
            for choice in list(firsts.values())[:4] or [{}]:
                for name, kind in self.payloads.get(event, {}).items():
                    for value in _some([*self.pools.values(("event", name), kind), *defaults(kind)], 12):
                        yield self._stimulus({**choice, ("event", name): value}, event, timer, world)
                yield from self._lists(choice, event, world)
                for change in outer:
                    yield self._stimulus({**choice, **change}, event, timer, world)
                for term, value in outside:
                    yield self._stimulus({**choice, term: value}, event, timer, world)

    def toward(
        self, transition: str, machine: Machine, active: frozenset[str], world: Stimulus, group: int
    ) -> Iterator[Stimulus]:
        """Stimuli that take one transition of the active states from here, if its guard can hold."""
        live = self.live(active)
        t = next((t for t in live if t.id == transition), None)
        if t is None:
            return
        if not t.descriptors and t.timer is None:
            if t.guard is not None and _outside(t.guard):
                for choice in solve(t.guard, True, Situation(machine.data, machine.parameters, active), most=3):
                    yield self._stimulus(choice, "nothing", "", world)
            return
        for event, timer in [("", t.timer)] if t.timer else [(name, "") for name in self._matched[t.id]]:
            for aim, choice in self._choices(event, timer, live, machine.data, machine.parameters, active, group):
                if aim == transition:
                    yield self._stimulus(choice, event, timer, world)

    def asked(self, t: Transition) -> frozenset[str]:
        """The data that decide whether a transition is taken: those of its guard, and of the guards before it."""
        names = self._variables[t.id]
        for state in (*t.source.walk(), *t.source.ancestors()):
            for other in state.transitions:
                if other.timer == t.timer and set(self._matched[other.id]) & set(self._matched[t.id]):
                    names |= self._variables[other.id]
        return names

    def _lingering(self, where: Situation, wanted: Container[str]) -> list[Choice]:
        """What lets states be stayed in, or left at once, whose eventless transitions ask what is outside."""
        choices: list[Choice] = []
        for t in self.chart.transitions:
            if t.descriptors or t.timer is not None or t.guard is None or not _outside(t.guard):
                continue
            around = [*t.source.walk(), *t.source.ancestors()]
            if any(o.id in wanted for state in around for o in state.transitions):
                for truth in (False, True):
                    choices += [c for c in solve(t.guard, truth, where, most=3) if c not in choices]
        return choices

    def parameters_for(self, t: Transition, machine: Machine, active: frozenset[str]) -> list[dict[str, Any]]:
        """Parameters with which the guard of ``t`` could hold here and those asked before it let it pass."""
        where = Situation(machine.data, machine.parameters, active, free_parameters=True)
        choices: list[Choice] = [{}] if t.guard is None else list(solve(t.guard, True, where, most=6))
        for other in self.by_source[t.source.id]:
            same = other.descriptors == t.descriptors and other.timer == t.timer
            if same and other.order < t.order and other.guard is not None:
                choices = [more for c in choices for more in solve(other.guard, False, where, c, most=6)][:12]
        return [{term[1]: v for term, v in choice.items() if term[0] == "param"} for choice in choices]

    # ------------------------------------------------------------ guards solved

    def _triggers(self, live: list[Transition]) -> list[tuple[str, str]]:
        found: dict[tuple[str, str], None] = {}
        for t in live:
            if t.timer is not None:
                found[("", t.timer)] = None
            elif t.descriptors:
                found.update(dict.fromkeys((name, "") for name in self._matched[t.id]))
        return list(found)

    def _choices(
        self,
        event: str,
        timer: str,
        live: list[Transition],
        data: Mapping[str, Any],
        parameters: Mapping[str, Any],
        active: frozenset[str],
        group: int,
    ) -> list[tuple[str, Choice]]:
        """What of payload and world takes each transition for this event; none asked before takes it."""
        mine = [t for t in live if (t.timer == timer if timer else event in self._matched[t.id])]
        asked = sorted({name for t in mine for name in self._variables[t.id]})
        key = (event, timer, active, group, repr([data.get(name) for name in asked]))
        known = self._solved.get(key)
        if known is not None:
            return known
        where = Situation(data, parameters, active)
        found: list[tuple[str, Choice]] = []
        for t in mine:
            before = [o.guard for o in mine if o is not t and o.guard is not None and _first_asked(o, t)]
            parts: list[Choice] = [{}] if t.guard is None else list(solve(t.guard, True, where, most=_MOST * 2))
            kept = 0
            for choice in parts:
                refined: list[Choice] = [choice]
                for guard in before:
                    refined = [more for c in refined for more in solve(guard, False, where, c, most=3)][:3]
                    if not refined:
                        break
                found += [(t.id, c) for c in refined]
                kept += len(refined)
                if kept >= _MOST:
                    break
        self._solved[key] = found
        return found

    def _lists(self, choice: Choice, event: str, world: Stimulus) -> Iterator[Stimulus]:
        """Lists that belong together, element by element, all of one length."""
        payload = self.payloads.get(event, {})
        lists = {
            k: [v for v in self.pools.values(("event", k), t) if isinstance(v, list) and v] for k, t in payload.items()
        }
        longest = max((len(vs[-1]) for vs in lists.values() if vs), default=0)
        if sum(bool(vs) for vs in lists.values()) < 2:
            return
        for size in {1, longest}:
            for at, plain in itertools.product(range(longest), (False, True)):
                filled = dict(choice)
                for name, kind in payload.items():
                    if kind.item is not None:
                        elements = lists[name][-1] if lists[name] else [defaults(kind.item)[0]]
                        if plain and kind.item.kind in (Kind.INT, Kind.FLOAT):
                            elements = [v for v in elements if v in (0, 1)] or defaults(kind.item)[:1]
                        filled[("event", name)] = [elements[(at + i) % len(elements)] for i in range(size)]
                yield self._stimulus(filled, event, "", world)

    def _stimulus(self, choice: Choice, event: str, timer: str, world: Stimulus) -> Stimulus:
        readings, alive = world.readings, world.alive
        outside = [term for term in choice if term[0] in ("read", "alive")]
        if outside:
            readings = {**readings, **{(t[1], t[2]): choice[t] for t in outside if t[0] == "read"}}
            alive = {**alive, **{"/".join(t[1:]): choice[t] for t in outside if t[0] == "alive"}}
        data = None
        payload = self.payloads.get(event)
        if payload:
            data = {}
            for name, kind in payload.items():
                value = choice.get(("event", name), _PLAIN)
                data[name] = _plain(kind) if value is _PLAIN or type_error(value, kind) else value
        return Stimulus(event, data, timer, readings, alive)


_PLAIN = object()


def _plain(kind: Type) -> Any:
    return defaults(kind)[0]


def external_events(chart: Chart) -> list[str]:
    """The names of the events that may come from outside: adapters, parent, children, the system, delayed sends."""
    names = {name for name, definition in chart.events.items() if definition.direction == "in"}
    sends = [e for state in chart.root.walk() for e in _sent(state)]
    names.update(name for name in sends if name in chart.events)
    for role, contract in chart.adapters.items():
        names.update(f"{role}.{name}" for name in contract.events)
        names.add(f"error.adapter.{role}")
    for child in child_nodes(chart):
        if child.chart is not None:
            names.update(
                f"{child.id}.{n}" for n, definition in child.chart.events.items() if definition.direction == "out"
            )
        names.update((f"done.invoke.{child.id}", f"error.invoke.{child.id}"))
    names.update(("error.communication", "error.queue", "error.host"))
    heard = {name for name in names if any(name_matches(t.descriptors, name) for t in chart.transitions)}
    return sorted(name for name in heard if not name.startswith(_PLATFORM_ONLY))


def _sent(state: Any) -> Iterator[str]:
    from engine.language.traverse import walk_blocks

    for block in walk_blocks(state):
        for action in block:
            sent = action.sent()
            if sent is not None and not sent.is_internal and sent.name is not None:
                yield sent.name


def _payload(chart: Chart, name: str) -> dict[str, Type]:
    definition = event_definition(chart, name)
    if definition is not None:
        return definition.payload or {}
    return _built_in(chart, name)


def _built_in(chart: Chart, name: str) -> dict[str, Type]:
    """The fields of events the system makes (docs/chart-reference.md, built-in events)."""
    from engine.language.types import INT, STRING

    if name.startswith("error.adapter."):
        return {"action": STRING, "message": STRING}
    if name.startswith("error.invoke."):
        return {"reason": STRING}
    if name == "error.communication":
        return {"message": STRING}
    if name == "error.queue":
        return {"dropped": INT, "event": STRING}
    if name == "error.host":
        return {"late": DURATION}
    if name.startswith("done.invoke."):
        for child in child_nodes(chart):
            if name == f"done.invoke.{child.id}":
                if child.chart is not None:
                    return dict(child.chart.output)
                role, action = getattr(child, "role", None), getattr(child, "action", None)
                if role is not None and action is not None:
                    return dict(chart.adapters[role].actions[action].result or {})
    return {}


def _variables(guard: tree.Expr | None) -> frozenset[str]:
    if guard is None:
        return frozenset()
    return frozenset(e.name for e in expressions(guard) if isinstance(e, tree.Variable))


def _outside(guard: tree.Expr) -> bool:
    return any(term[0] in ("read", "alive") for term, _ in terms(guard))


def _some(values: list[Any], most: int) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if len(found) < most and not any(value == known and type(value) is type(known) for known in found):
            found.append(value)
    return found


def _first_asked(one: Transition, other: Transition) -> bool:
    """Whether ``one`` is asked before ``other``: in a state inside the other's, or earlier in the same."""
    if one.source is other.source:
        return one.order < other.order
    return other.source in one.source.ancestors()
