"""What the generator must know of a chart's names and expressions before it writes a plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any

from engine.language.expr import tree
from engine.language.model import Chart, DataDef, State, Transition
from engine.language.traverse import child_nodes, event_definition, walk_blocks
from engine.semantics.compiled.codegen_expressions import Expression, Scope
from engine.semantics.compiled.codegen_source import Source
from engine.semantics.compiled.topology import Topology
from engine.semantics.shared import name_matches, reading_checks

_NODES = frozenset(tree.Expr.__args__)


class Symbols:
    """Slots of data and parameters, items that may be unset, payload fields that are certainly there."""

    def __init__(self, chart: Chart, topology: Topology) -> None:
        self.chart = chart
        self.topology = topology
        self.child_nodes = tuple(child_nodes(chart))
        self.children = frozenset(node.id for node in self.child_nodes)
        self.data = list(chart.data.values())
        self.slots = {item.name: i for i, item in enumerate(self.data)}
        self.late = sorted({topology.number[chart.states[item.late_state]] for item in self.data if item.late_state})
        self.late_slots = {number: len(self.data) + i for i, number in enumerate(self.late)}
        self.parameters = {name: i for i, name in enumerate(chart.parameters)}
        self.numbers = {state.id: i for i, state in enumerate(topology.states)}
        self.reading_checks = reading_checks(chart)
        self.unset = frozenset(item.name for item in self.data if self._may_lack_value(item))
        self.known_events = self._known_events()
        self._shared = {prefix for name in self.known_events for prefix in _prefixes(name)}
        self._payloads: dict[str, frozenset[str]] = {}  # by descriptor
        self._fields: dict[Transition, frozenset[str]] = {}
        self.defers = any(t.defers for t in topology.all_transitions())
        every = list(expressions(chart))
        self.keeps_event = self.defers or self._keeps_event(every)
        self.has_readings = any(isinstance(e, tree.Reading) for e in every)

    def _may_lack_value(self, item: DataDef) -> bool:
        """Whether an item may have no value when it is read: none is declared, or computing it may fail."""
        if item.initial is None or item.late_state:
            return True
        scope = Scope(self.slots, frozenset(), self.parameters, self.numbers, self.reading_checks)
        expression = Expression(Source({}, ""), scope)
        expression.of(item.initial)
        return expression.fails and not self.chart.untyped

    def scope(self, conf: int | None) -> Scope:
        """The names of a plan for the active states ``conf`` (None: known only when it runs)."""
        return Scope(self.slots, self.unset, self.parameters, self.numbers, self.reading_checks, conf=conf)

    def fields_of(self, t: Transition) -> frozenset[str]:
        """Payload fields that are there whenever ``t`` is triggered, by the declarations of its events."""
        known = self._fields.get(t)
        if known is None:
            known = self._fields[t] = self._sure_fields(t)
        return known

    def _sure_fields(self, t: Transition) -> frozenset[str]:
        payloads = [self._payload_of(descriptor) for descriptor in t.descriptors]
        return frozenset.intersection(*payloads) if payloads else frozenset()

    def _payload_of(self, descriptor: str) -> frozenset[str]:
        """The fields of the one event a descriptor matches; none when it may match several."""
        known = self._payloads.get(descriptor)
        if known is None:
            one = descriptor in self.known_events and descriptor not in self._shared
            definition = event_definition(self.chart, descriptor, self.child_nodes) if one else None
            known = self._payloads[descriptor] = frozenset(definition.payload or () if definition is not None else ())
        return known

    def _known_events(self) -> frozenset[str]:
        names = set(self.chart.events)
        for role, contract in self.chart.adapters.items():
            names.update(f"{role}.{name}" for name in contract.events)
        for child in self.child_nodes:
            if child.chart is not None:
                names.update(f"{child.id}.{name}" for name in child.chart.events)
            names.update((f"done.invoke.{child.id}", f"error.invoke.{child.id}"))
        names.update(d for t in self.topology.all_transitions() for d in t.descriptors)
        return frozenset(names - {"*"})

    def _keeps_event(self, every: list[tree.Expr]) -> bool:
        """Whether a plan may need the event in work where its payload's fields are not surely there."""
        if any(isinstance(e, tree.SystemField) and e.name.startswith("_event") for e in every):
            return True
        fields = {id(e) for e in every if isinstance(e, tree.EventField)}
        for t in self.topology.all_transitions():
            sure = self.fields_of(t)
            inside = expressions([t.guard, t.actions]) if sure and fields else ()
            fields.difference_update(id(e) for e in inside if isinstance(e, tree.EventField) and e.name in sure)
        return bool(fields)


def expressions(part: Any) -> Iterator[tree.Expr]:
    """All expression nodes in a chart or in a part of the model; those of child charts are not included."""
    todo: list[Any] = [part]
    if isinstance(part, Chart):
        todo = [part.script, [d.initial for d in part.data.values()], *map(_of_state, part.root.walk())]
    while todo:
        item = todo.pop()
        if isinstance(item, (list, tuple)):
            todo.extend(item)
            continue
        kind = item.__class__
        if kind in _NODES:
            yield item
        todo.extend([getattr(item, name) for name in _parts(kind)])


@cache
def _parts(kind: type) -> tuple[str, ...]:
    """The fields of a part of the model in which expressions may be."""
    if not dataclasses.is_dataclass(kind) or issubclass(kind, (Chart, State, Transition)):
        return ()
    return tuple(f.name for f in dataclasses.fields(kind) if f.name != "type" or kind not in _NODES)


def _prefixes(name: str) -> Iterator[str]:
    """The descriptors, other than its name, that match an event."""
    prefix = name.rpartition(".")[0]
    while prefix:
        if name_matches((prefix,), name):
            yield prefix
        prefix = prefix.rpartition(".")[0]


def _of_state(state: State) -> list[Any]:
    """The parts of one state that hold expressions."""
    guards = [t.guard for t in state.transitions]
    return [
        guards,
        list(walk_blocks(state)),
        [timer.delay for timer in state.timers],
        [(invoke.input, invoke.source) for invoke in state.invokes],
        state.output,
        state.output_content,
        [invariant.condition for invariant in state.invariants],
    ]
