"""What can be done to a machine in a situation: events with payloads, timers, and what its adapters show meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.language.expr import tree
from engine.language.model import Chart, Transition
from engine.language.traverse import child_nodes, event_definition, walk_blocks
from engine.language.types import DURATION, INT, STRING, Kind, Type
from engine.language.values import type_error
from engine.semantics.compiled.symbols import expressions
from engine.semantics.shared import name_matches
from engine.semantics.step import Event
from engine.tools.explore.influence import influence_of
from engine.tools.explore.pools import Pools
from engine.tools.explore.values import (
    Choice,
    Situation,
    Term,
    defaults,
    rising_list,
    same,
    solve,
    terms,
    values_of,
)

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


@dataclass(frozen=True, slots=True)
class _Option:
    """What takes a transition: a payload, and what has to change in the world around."""

    aim: str  # id of the transition
    choice: Choice
    data: Mapping[str, Any] | None
    outside: Choice
    told: str  # ``outside`` as text


@dataclass(frozen=True, slots=True)
class _Trigger:
    """An event or a timer in a configuration, with the transitions it may take there and the data they ask."""

    event: str
    timer: str
    mine: tuple[Transition, ...]
    before: tuple[tuple[tree.Expr, ...], ...]  # per transition, the guards asked before its own
    asked: tuple[str, ...]


class Stimuli:
    """Stimuli of one chart. Guards are solved once for each event, configuration and values of the data they ask.

    Equal payloads are one object, and so are equal changes of one world: whoever tries many compares by identity."""

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
        self._watching = {  # eventless transitions that ask what is outside
            t.id: t.guard
            for t in chart.transitions
            if not t.descriptors and t.timer is None and t.guard is not None and _outside(t.guard)
        }
        self.influence = influence_of(chart)
        self._fields = {  # a payload's fields with the values tried for each
            name: [
                (field_, _some([*self.pools.values(("event", field_), kind), *defaults(kind)], 12))
                for field_, kind in payload.items()
                if field_ in self.influence.fields
            ]
            for name, payload in self.payloads.items()
        }
        self._around: list[Choice] = [
            {("read", *key): value}
            for key, kind in self.reading_types.items()
            for value in _some([*self.pools.values(("read", *key), kind), *defaults(kind)], 8)
            if key in self.influence.readings and not type_error(value, kind)
        ]
        self._around += [{("alive", child): count} for child in self.children for count in (0, 1, 2)]
        self._live: dict[frozenset[str], tuple[Transition, ...]] = {}
        self._triggered: dict[frozenset[str], tuple[_Trigger, ...]] = {}
        self._solved: dict[Any, list[_Option]] = {}
        self._data: dict[tuple[str, str], Mapping[str, Any]] = {}  # payloads, by event and text
        self._worlds: dict[Any, tuple[Stimulus, Readings, Mapping[str, Any]]] = {}

    def live(self, active: frozenset[str]) -> tuple[Transition, ...]:
        """The transitions of the active states, inner states first, in document order."""
        found = self._live.get(active)
        if found is None:
            states = sorted((*active, ""), key=lambda state: (-state.count(".") - (state != ""), state))
            found = self._live[active] = tuple(t for state in states for t in self.by_source.get(state, ()))
        return found

    def from_outside(self) -> list[str]:
        """The events that may come at any time, whether a transition hears them or not."""
        names = [event.name for event in self.chart.events.values() if event.direction == "in"]
        for role, contract in self.chart.adapters.items():
            names += [*(f"{role}.{event}" for event in contract.events), f"error.adapter.{role}"]
        return [*names, "error.communication", "error.queue", "error.host"]

    def payload(self, event: str) -> Mapping[str, Type]:
        """The fields of an event from outside."""
        known = self.payloads.get(event)
        return known if known is not None else _payload(self.chart, event)

    def narrow(self, where: Situation, world: Stimulus, wanted: Container[str]) -> Iterator[Stimulus]:
        """What takes each transition of the active states, and what the eventless ones wait for."""
        triggers = self._triggers(where.active)
        for trigger in triggers:
            for option in self._options(trigger, where):
                yield self._stimulus(trigger.event, trigger.timer, option.data, world, option.outside, option.told)
        for t in self.live(where.active):
            guard = self._watching.get(t.id)
            if guard is None:
                continue
            sources = [(trigger.event, trigger.timer) for trigger in triggers[: None if t.id in wanted else 1]]
            for choice in list(solve(guard, True, where, most=3)):
                for event, timer in sources or [("nothing", "")]:
                    yield self._made(choice, event, timer, world)

    def wide(
        self,
        where: Situation,
        world: Stimulus,
        wanted: Container[str],
        leading: Container[str] = (),
        asked: Iterable[str] = (),
    ) -> Iterator[Stimulus]:
        """The same with one field, reading or child changed to a value the chart asks for somewhere.

        First what may take the transitions ``leading`` on, set the data ``asked`` or let a state be stayed in; from
        each event in turn."""
        outer = self._lingering(where, wanted)
        triggers = self._triggers(where.active)
        sources = frozenset().union(*(self.influence.sources[name] for name in asked))
        first = [trigger for trigger in triggers if any(t.id in leading for t in trigger.mine)]
        yield from in_turn([self._changed(trigger, where, world, outer, None) for trigger in first])
        yield from in_turn([self._changed(trigger, where, world, outer, sources) for trigger in triggers])
        yield from in_turn([self._changed(trigger, where, world, outer, None) for trigger in triggers])

    def _changed(
        self,
        trigger: _Trigger,
        where: Situation,
        world: Stimulus,
        outer: list[Choice],
        sources: frozenset[Term] | None,
    ) -> Iterator[Stimulus]:
        """One event with one thing changed, of ``sources`` if they are given."""
        event, timer = trigger.event, trigger.timer
        firsts: dict[str, Choice] = {}
        for option in self._options(trigger, where):
            firsts.setdefault(option.aim, option.choice)
        for choice in list(firsts.values())[:4] or [{}]:
            for name, values in self._fields.get(event, ()):
                if sources is None or ("event", name) in sources:
                    for value in values:
                        yield self._made({**choice, ("event", name): value}, event, timer, world)
            if sources is None or any(("event", name) in sources for name in self.payloads.get(event, ())):
                yield from self._lists(choice, event, world)
            for change in outer:
                yield self._made({**choice, **change}, event, timer, world)
            for change in self._around:
                if sources is None or not sources.isdisjoint(change):
                    yield self._made({**choice, **change}, event, timer, world)

    def toward(self, transition: str, where: Situation, world: Stimulus) -> Iterator[Stimulus]:
        """What takes one transition of the active states from here, if its guard can hold."""
        t = next((t for t in self.live(where.active) if t.id == transition), None)
        if t is None:
            return
        if not t.descriptors and t.timer is None:
            guard = self._watching.get(t.id)
            for choice in solve(guard, True, where, most=3) if guard is not None else ():
                yield self._made(choice, "nothing", "", world)
            return
        for trigger in self._triggers(where.active):
            if t in trigger.mine:
                for option in self._options(trigger, where):
                    if option.aim == transition:
                        yield self._stimulus(
                            trigger.event, trigger.timer, option.data, world, option.outside, option.told
                        )

    def asked(self, t: Transition) -> frozenset[str]:
        """The data that decide whether a transition is taken: its guard's, and those of the ones asked before it."""
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
            guard = self._watching.get(t.id)
            if guard is None:
                continue
            around = [*t.source.walk(), *t.source.ancestors()]
            if any(o.id in wanted for state in around for o in state.transitions):
                for truth in (False, True):
                    choices += [c for c in solve(guard, truth, where, most=3) if c not in choices]
        return choices

    def parameters_for(self, t: Transition, here: Situation) -> list[dict[str, Any]]:
        """Parameters with which the guard of ``t`` could hold here and those asked before it let it pass."""
        where = Situation(here.data, here.parameters, here.active, free_parameters=True)
        choices: list[Choice] = [{}] if t.guard is None else list(solve(t.guard, True, where, most=6))
        for other in self.by_source[t.source.id]:
            same = other.descriptors == t.descriptors and other.timer == t.timer
            if same and other.order < t.order and other.guard is not None:
                choices = [more for c in choices for more in solve(other.guard, False, where, c, most=6)][:12]
        return [{term[1]: v for term, v in choice.items() if term[0] == "param"} for choice in choices]

    # ------------------------------------------------------------ guards solved

    def _triggers(self, active: frozenset[str]) -> tuple[_Trigger, ...]:
        found = self._triggered.get(active)
        if found is None:
            live = self.live(active)
            names: dict[tuple[str, str], None] = {}
            for t in live:
                if t.timer is not None:
                    names[("", t.timer)] = None
                elif t.descriptors:
                    names.update(dict.fromkeys((name, "") for name in self._matched[t.id]))
            found = self._triggered[active] = tuple(self._trigger(live, *name) for name in names)
        return found

    def _trigger(self, live: tuple[Transition, ...], event: str, timer: str) -> _Trigger:
        mine = tuple(t for t in live if (t.timer == timer if timer else event in self._matched[t.id]))
        before = tuple(
            tuple(o.guard for o in mine if o is not t and o.guard is not None and _first_asked(o, t)) for t in mine
        )
        asked = tuple(sorted({name for t in mine for name in self._variables[t.id]}))
        return _Trigger(event, timer, mine, before, asked)

    def _options(self, trigger: _Trigger, where: Situation) -> list[_Option]:
        """What of payload and world takes each transition for this event; none asked before takes it."""
        key = (trigger.event, trigger.timer, where.active, where.group, values_of(where.data, trigger.asked))
        known = self._solved.get(key)
        if known is not None:
            return known
        found: list[_Option] = []
        for t, before in zip(trigger.mine, trigger.before, strict=True):
            parts: list[Choice] = [{}] if t.guard is None else list(solve(t.guard, True, where, most=_MOST * 2))
            kept = 0
            for choice in parts:
                refined: list[Choice] = [choice]
                for guard in before:
                    refined = [more for c in refined for more in solve(guard, False, where, c, most=3)][:3]
                    if not refined:
                        break
                found += [self._option(t.id, c, trigger.event) for c in refined]
                kept += len(refined)
                if kept >= _MOST:
                    break
        self._solved[key] = found
        return found

    def _option(self, aim: str, choice: Choice, event: str) -> _Option:
        outside = {term: value for term, value in choice.items() if term[0] in ("read", "alive")}
        return _Option(aim, choice, self._payload(choice, event), outside, repr(outside) if outside else "")

    def _lists(self, choice: Choice, event: str, world: Stimulus) -> Iterator[Stimulus]:
        """Lists that belong together, element by element, all of one length: of what is known, and rising ones."""
        payload = self.payloads.get(event, {})
        rising: Choice = {("event", k): numbers for k, t in payload.items() if (numbers := rising_list(t, 2))}
        if len(rising) >= 2:
            yield self._made({**choice, **rising}, event, "", world)
        lists = {
            k: [v for v in self.pools.values(("event", k), t) if isinstance(v, list) and v]
            for k, t in payload.items()
            if t.item is not None
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
                yield self._made(filled, event, "", world)

    # ------------------------------------------------------------ stimuli made

    def _made(self, choice: Choice, event: str, timer: str, world: Stimulus) -> Stimulus:
        option = self._option("", choice, event)
        return self._stimulus(event, timer, option.data, world, option.outside, option.told)

    def _stimulus(
        self, event: str, timer: str, data: Mapping[str, Any] | None, world: Stimulus, outside: Choice, told: str
    ) -> Stimulus:
        if not outside:
            return Stimulus(event, data, timer, world.readings, world.alive)
        key = (id(world.readings), id(world.alive), told)
        known = self._worlds.get(key)
        if known is None:
            readings = {**world.readings, **{(t[1], t[2]): v for t, v in outside.items() if t[0] == "read"}}
            alive = {**world.alive, **{"/".join(t[1:]): v for t, v in outside.items() if t[0] == "alive"}}
            for term, value in outside.items():
                if term[0] == "alive" and term[2:] and value:  # that one is one of them
                    alive[term[1]] = max(int(alive.get(term[1], 0)), 1)
            changed = Stimulus(
                readings=world.readings if readings == world.readings else readings,
                alive=world.alive if alive == world.alive else alive,
            )
            known = self._worlds[key] = (world, changed.readings, changed.alive)  # the world lives as long as its id
        return Stimulus(event, data, timer, known[1], known[2])

    def _payload(self, choice: Choice, event: str) -> Mapping[str, Any] | None:
        payload = self.payloads.get(event)
        if not payload:
            return None
        data = {}
        for name, kind in payload.items():
            value = choice.get(("event", name), _PLAIN)
            data[name] = _plain(kind) if value is _PLAIN or type_error(value, kind) else value
        return self._data.setdefault((event, repr(data)), data)


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
    if name.startswith("error.adapter."):
        actions = tuple(chart.adapters[name.removeprefix("error.adapter.")].actions)
        return {"action": Type(Kind.ENUM, values=actions) if actions else STRING, "message": STRING}
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


def in_turn(sources: list[Iterator[Stimulus]]) -> Iterator[Stimulus]:
    """One of each in turn."""
    while sources:
        left = []
        for source in sources:
            for stimulus in itertools.islice(source, 1):
                left.append(source)
                yield stimulus
        sources = left


def _some(values: list[Any], most: int) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if len(found) < most and not any(same(value, known) for known in found):
            found.append(value)
    return found


def _first_asked(one: Transition, other: Transition) -> bool:
    """Whether ``one`` is asked before ``other``: in a state inside the other's, or earlier in the same."""
    if one.source is other.source:
        return one.order < other.order
    return other.source in one.source.ancestors()
