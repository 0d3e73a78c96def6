"""What can be done to a machine in a situation: events with payloads, timers, and what its adapters show meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.content import event_definition, name_matches
from engine.core.facts import expressions
from engine.expr import tree
from engine.expr.functions import misfit
from engine.machine import Machine
from engine.model import Chart, Transition
from engine.testing.pools import Pools
from engine.testing.values import Choice, Situation, defaults, solve, terms
from engine.types import Kind, Type

Readings = dict[tuple[str, str], Any]


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One external event or timer expiry, and the world around it. ``alive`` counts children by id."""

    event: str = ""
    data: Mapping[str, Any] | None = None
    timer: str = ""
    readings: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    alive: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.timer:
            return f"after {self.timer.rpartition('/after ')[2]} in {self.timer.rpartition('/after ')[0] or 'the root'}"
        fields = ", ".join(f"{k}={v!r}" for k, v in (self.data or {}).items() if v is not None)
        return f"{self.event}({fields})" if fields else self.event


class World:
    """The :class:`engine.system.seam.Surroundings` a stimulus describes."""

    def __init__(self, readings: Mapping[tuple[str, str], Any], alive: Mapping[str, Any]) -> None:
        self.readings = readings
        self.children = alive

    def read(self, role: str, name: str) -> Any:
        return self.readings[(role, name)]

    def alive(self, child: str, key: Any = None) -> int:
        count = int(self.children.get(child, 0))
        return min(count, int(self.children.get(f"{child}/key", count > 0))) if key is not None else count


class Stimuli:
    """Stimuli of one chart."""

    def __init__(self, chart: Chart, given: Mapping[str, Any]) -> None:
        self.chart = chart
        self.pools = Pools(chart, given)
        nodes = list(expressions(chart))
        self.reading_types: dict[tuple[str, str], Type] = {
            (e.role, e.name): e.type for e in nodes if isinstance(e, tree.Reading)
        }
        self.base: Readings = {key: _first(kind) for key, kind in self.reading_types.items()}
        self.children = sorted({e.child for e in nodes if isinstance(e, tree.Alive)})
        known = set(chart.events)
        for role, contract in chart.adapters.items():
            known.update(f"{role}.{name}" for name in contract.events)
        known.update(d for t in chart.transitions for d in t.descriptors)
        known.discard("*")
        self.known = sorted(n for n in known if not any(o != n and o.startswith(n + ".") for o in known))
        self.silent = [t for t in chart.transitions if t.guard is not None and not t.descriptors and t.timer is None]

    def of(self, machine: Machine, active: frozenset[str], wanted: set[str]) -> Iterator[Stimulus]:
        """Stimuli for what the active states have transitions for, the ``wanted`` transitions' first."""
        where = Situation(machine.data, machine.parameters, active)
        live = [t for t in self.chart.transitions if t.source.id == "" or t.source.id in active]
        for t in sorted(live, key=lambda t: t.id not in wanted):
            if t.timer is not None:
                yield from self._timer(t, where)
            elif t.descriptors:
                for name in self._names(t):
                    yield from self._event(name, t, where, live)
        yield from self._by_readings(live, where)
        yield from self._by_pools(live)

    def _names(self, t: Transition) -> list[str]:
        return [name for name in self.known if name_matches(t.descriptors, name) and not name.startswith("done.state")]

    def _timer(self, t: Transition, where: Situation) -> Iterator[Stimulus]:
        assert t.timer is not None
        for choice in self._choices(t, where):
            yield self._stimulus(choice, timer=t.timer)

    def _event(self, name: str, t: Transition, where: Situation, live: list[Transition]) -> Iterator[Stimulus]:
        definition = event_definition(self.chart, name)
        payload = (definition.payload if definition is not None else None) or {}
        plain = {("event", key): _first(kind) for key, kind in payload.items()}
        before = [
            o.guard
            for o in live
            if o is not t and o.guard is not None and name_matches(o.descriptors, name) and _first_asked(o, t)
        ]
        for choice in self._choices(t, where, before):
            chosen = {**plain, **choice}
            data = {key: chosen[("event", key)] for key in payload}
            yield self._stimulus(choice, event=name, data=data or None)

    def _choices(self, t: Transition, where: Situation, before: list[tree.Expr] | None = None) -> Iterator[Choice]:
        """Choices for which the guard holds, those first for which the guards asked before it do not; then the rest."""
        if t.guard is None:
            parts: list[Choice] = [{}]
        else:
            parts = list(solve(t.guard, True, where))
        for choice in parts:
            refined: list[Choice] = [choice]
            for guard in before or []:
                refined = [more for c in refined for more in solve(guard, False, where, c)][:4]
            yield from refined
        yield from parts
        if t.guard is not None:
            yield from list(solve(t.guard, False, where))[:3]

    def _by_readings(self, live: list[Transition], where: Situation) -> Iterator[Stimulus]:
        """The plain stimuli once more for each way the adapters' values decide an eventless transition somewhere."""
        timers = {t.timer for t in live if t.timer is not None}
        names = {name for t in live if t.descriptors for name in self._names(t)}
        for silent in self.silent:
            assert silent.guard is not None
            if not any(term[0] in ("read", "alive") for term, _ in terms(silent.guard)):
                continue
            for wanted in (True, False):
                for choice in list(solve(silent.guard, wanted, where))[:2]:
                    outer = {term: v for term, v in choice.items() if term[0] != "event"}
                    for timer in sorted(timers):
                        yield self._stimulus(outer, timer=timer)
                    for name in sorted(names):
                        definition = event_definition(self.chart, name)
                        payload = (definition.payload if definition is not None else None) or {}
                        yield self._stimulus(outer, event=name, data={k: _first(v) for k, v in payload.items()} or None)

    def _by_pools(self, live: list[Transition]) -> Iterator[Stimulus]:
        """Plain stimuli with one field or reading changed to a value the chart asks for somewhere."""
        readings = [(term, value) for term, values in self.pools.of.items() if term[0] == "read" for value in values]
        for timer in sorted({t.timer for t in live if t.timer is not None}):
            for term, value in readings:
                yield self._stimulus({term: value}, timer=timer)
        for name in sorted({name for t in live if t.descriptors for name in self._names(t)}):
            definition = event_definition(self.chart, name)
            payload = (definition.payload if definition is not None else None) or {}
            plain = {key: _first(kind) for key, kind in payload.items()}
            wide = {key: self.pools.of.get(("event", key), []) for key in payload}
            for key, values in wide.items():
                for value in values:
                    if not misfit(value, payload[key]):
                        yield self._stimulus({}, event=name, data={**plain, key: value})
            # every field at once: lists that belong together, element by element
            together = {k: next((v for v in vs if isinstance(v, list) and v), None) for k, vs in wide.items()}
            if sum(v is not None for v in together.values()) > 1:
                longest = max(len(v) for v in together.values() if v is not None)
                lists = {k: _stretched(together.get(k), payload[k], longest) for k in payload}
                yield self._stimulus(
                    {}, event=name, data={k: lists[k] if lists[k] is not None else plain[k] for k in payload}
                )
            for term, value in readings:
                yield self._stimulus({term: value}, event=name, data=plain or None)

    def _stimulus(self, choice: Choice, **what: Any) -> Stimulus:
        readings = {**self.base, **{(t[1], t[2]): v for t, v in choice.items() if t[0] == "read"}}
        alive = {"/".join(t[1:]): v for t, v in choice.items() if t[0] == "alive"}
        return Stimulus(readings=readings, alive=alive, **what)


def _stretched(value: Any, kind: Type, length: int) -> Any:
    """A list of this length: the value's elements repeated, or plain ones."""
    if kind.kind is not Kind.LIST or kind.item is None:
        return None
    elements = value or [defaults(kind.item)[0]]
    return [elements[i % len(elements)] for i in range(length)]


def _first(kind: Type) -> Any:
    return defaults(kind)[0]


def _first_asked(one: Transition, other: Transition) -> bool:
    """Whether ``one`` is asked before ``other``: in a state inside the other's, or earlier in the same."""
    if one.source is other.source:
        return one.order < other.order
    return other.source in one.source.ancestors()
