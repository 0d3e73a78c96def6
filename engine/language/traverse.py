"""Walks through a chart that several floors need: its children, its blocks of actions, the definition of an event."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, cast, get_args

from engine.language.expr.tree import Expr
from engine.language.model import Action, ActionKind, Block, Chart, EventDef, Invoke, Spawn, State
from engine.language.types import ANY, INT


def child_ids(chart: Chart) -> frozenset[str]:
    """The ids under which this chart invokes or spawns children, as targets of ``send``."""
    return frozenset(node.id for node in child_nodes(chart))


@lru_cache(256)  # a start asks for those of its dozen charts some three hundred times
def child_nodes(chart: Chart) -> tuple[Invoke | Spawn, ...]:
    """The invokes and spawns that start children in this chart."""
    found: list[Invoke | Spawn] = []
    for state in chart.root.walk():
        found += state.invokes
        for actions in walk_blocks(state):
            found += [a for a in actions if isinstance(a, Spawn)]
    return tuple(found)


def charts_below(chart: Chart) -> dict[str, list[Chart]]:
    """The charts a chart invokes or spawns, by id: several under one that run in turn."""
    found: dict[str, list[Chart]] = {}
    for node in child_nodes(chart):
        if node.chart is not None and node.chart not in found.setdefault(node.id, []):
            found[node.id].append(node.chart)
    return found


def chart_tree(chart: Chart, path: str = "", depth: int = 0) -> Iterator[tuple[str, Chart]]:
    """The chart and all below it, each with its path of ids (``slac.session``); several of one path run in turn."""
    yield path, chart
    if depth < 12:
        for child_id, children in charts_below(chart).items():
            for child in children:
                yield from chart_tree(child, f"{path}.{child_id}" if path else child_id, depth + 1)


def charts_at(chart: Chart, path: str) -> list[Chart]:
    """Those of :func:`chart_tree` at this path."""
    return [one for at, one in chart_tree(chart) if at == path]


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
            todo.extend(action.bodies())


def actions_of(block: Block) -> Iterator[Action]:
    """The actions of a block and those inside them, in document order."""
    for action in block:
        yield action
        for body in action.bodies():
            yield from actions_of(body)


def assigned(action: Action) -> set[str]:
    """The data items an action, or one inside it, gives a value."""
    return {name for one in actions_of((action,)) for name in one.assigns()}


def expressions_of(action: ActionKind) -> Iterator[Expr]:
    """The expressions an action evaluates always when it is carried out: those of its fields, alone, in a list or as
    named values. The guards of an ``if`` are not among them, nor what is in its bodies."""
    kind: Any = action.__class__
    for name in _field_names(kind):
        value = getattr(action, name)
        for part in value if isinstance(value, tuple) else (value,):
            named = isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], str)
            expr: Any = part[1] if named else part
            if isinstance(expr, _EXPRESSIONS):
                yield cast(Expr, expr)


_EXPRESSIONS: tuple[type, ...] = get_args(Expr)


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def event_definition(chart: Chart, event: str, children: Iterable[Invoke | Spawn] | None = None) -> EventDef | None:
    """The definition of an event: the chart's own, a contract's of one of its roles, or a child chart's. ``children``:
    :func:`child_nodes` of the chart, for who asks often."""
    if event in chart.events:
        return chart.events[event]
    first, _, name = event.partition(".")
    if first in chart.adapters:
        return chart.adapters[first].events.get(name)
    for node in child_nodes(chart) if children is None else children:
        if event.startswith(node.id + ".") and node.chart is not None and not getattr(node, "plain_events", False):
            definition = node.chart.events.get(event[len(node.id) + 1 :])
            if definition is None:
                continue  # another chart may run under this id, too
            if not isinstance(node, Spawn) or node.key is None:
                return definition
            return replace(definition, payload={**(definition.payload or {}), "key": ANY if node.unit is None else INT})
    return None
