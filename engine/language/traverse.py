"""Walks through a chart that several floors need: its children, its blocks of actions, the definition of an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from engine.language.model import Chart, EventDef, Foreach, If, Invoke, Spawn, State
from engine.language.types import ANY


def child_ids(chart: Chart) -> frozenset[str]:
    """The ids under which this chart invokes or spawns children, as targets of ``send``."""
    return frozenset(node.id for node in child_nodes(chart))


def child_nodes(chart: Chart) -> Iterable[Invoke | Spawn]:
    """The invokes and spawns that start children in this chart."""
    for state in chart.root.walk():
        yield from state.invokes
        for actions in walk_blocks(state):
            yield from (a for a in actions if isinstance(a, Spawn))


def child_charts(chart: Chart) -> dict[str, Chart]:
    """The charts a chart invokes or spawns, by id."""
    found: dict[str, Chart] = {}
    for node in child_nodes(chart):
        if node.chart is not None:
            found.setdefault(node.id, node.chart)
    return found


def chart_tree(chart: Chart, path: str = "", depth: int = 0) -> Iterator[tuple[str, Chart]]:
    """The chart and all below it, each with its path of ids (``slac.session``)."""
    yield path, chart
    if depth < 12:
        for child_id, child in child_charts(chart).items():
            yield from chart_tree(child, f"{path}.{child_id}" if path else child_id, depth + 1)


def walk_blocks(state: State) -> Iterable[tuple[Any, ...]]:
    """All blocks of a state and its transitions, and the blocks nested in them."""
    todo: list[tuple[Any, ...]] = [*state.entry, *state.exit]
    for transition in (*state.transitions, state.initial, state.history_default):
        if transition is not None:
            todo.append(transition.actions)
    todo.extend(invoke.finalize for invoke in state.invokes)
    while todo:
        block = todo.pop()
        yield block
        for action in block:
            if isinstance(action, If):
                todo.extend(body for _, body in action.branches)
            elif isinstance(action, Foreach):
                todo.append(action.body)


def event_definition(chart: Chart, event: str) -> EventDef | None:
    """The definition of an event: the chart's own, a contract's of one of its roles, or a child chart's."""
    if event in chart.events:
        return chart.events[event]
    first, _, name = event.partition(".")
    if first in chart.adapters:
        return chart.adapters[first].events.get(name)
    for node in child_nodes(chart):
        if event.startswith(node.id + ".") and node.chart is not None and not getattr(node, "plain_events", False):
            definition = node.chart.events.get(event[len(node.id) + 1 :])
            if definition is None or not isinstance(node, Spawn) or node.key is None:
                return definition
            return replace(definition, payload={**(definition.payload or {}), "key": ANY})
    return None
