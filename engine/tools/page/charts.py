"""What the page has to know of a chart, as plain values: its states, transitions, data and stages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.language.expr import tree
from engine.language.expr.text import to_text
from engine.language.model import Chart, State, Transition
from engine.language.traverse import child_nodes
from engine.language.types import Kind, Type

Plain = dict[str, Any]


def chart_key(chart: Chart) -> str:
    """What names a chart in the page: the beginning of the hash of its text."""
    return chart.text_hash[:16]


def with_children(charts: Iterable[Chart]) -> list[Chart]:
    """These charts and all that they may start, each once."""
    found: dict[str, Chart] = {}
    waiting = list(charts)
    while waiting:
        chart = waiting.pop()
        if chart.text_hash not in found:
            found[chart.text_hash] = chart
            waiting += [node.chart for node in child_nodes(chart) if node.chart is not None]
    return list(found.values())


def chart_values(chart: Chart) -> Plain:
    """The chart: ``states`` in document order, ``transitions`` by id, ``data`` and ``parameters`` with unit and
    description, ``stages`` with their conditions, ``session``: what it is during, and the event of its result."""
    session = chart.session
    return {
        "name": chart.name,
        "title": chart.title,
        "file": chart.file,
        "states": [_state(state) for state in chart.states.values() if state.id],
        "transitions": {one.id: _transition(one) for one in chart.transitions},
        "data": {
            name: _typed(item.type, item.description) for name, item in chart.data.items() if not item.argument_of
        },
        "arguments": {
            name: {**_typed(item.type, item.description), "of": item.argument_of}
            for name, item in chart.data.items()
            if item.argument_of
        },
        "values": {
            f"{role}.{name}": _typed(type_, "")
            for role, contract in chart.adapters.items()
            for name, type_ in contract.values.items()
        },
        "parameters": {name: _typed(item.type, item.description) for name, item in chart.parameters.items()},
        "stages": [{"title": stage.title, "holds": condition(stage.condition)} for stage in chart.stages],
        "session": {"during": session.during, "result": session.result} if session is not None else None,
    }


def _state(state: State) -> Plain:
    found: Plain = {"id": state.id, "kind": state.kind.value}
    if state.title:
        found["title"] = state.title
    if state.timers:
        found["timers"] = {one.id: one.text for one in state.timers}
    return found


def _transition(one: Transition) -> Plain:
    found: Plain = {"from": one.source.id, "to": [target.id for target in one.targets]}
    if one.written or one.descriptors:
        found["on"] = list(one.written or one.descriptors)
    if one.descriptors and one.written and one.written != one.descriptors:
        found["takes"] = list(one.descriptors)
    if one.timer is not None:
        found["timer"] = one.timer
    if one.guard is not None:
        found["guard"] = to_text(one.guard)
    for name in ("description", "citation"):
        if getattr(one, name):
            found[name] = getattr(one, name)
    if one.ignores:
        found["ignores"] = True
    return found


def _typed(type_: Type, description: str) -> Plain:
    found: Plain = {}
    inner = type_.item if type_.kind is Kind.LIST and type_.item is not None else type_
    if inner.kind is Kind.DURATION:
        found["unit"] = "ns"
    elif inner.unit is not None:
        found["unit"] = inner.unit.symbol
    if description:
        found["text"] = description
    if type_.secret:
        found["secret"] = True
    return found


def condition(expr: tree.Expr) -> Plain:
    """A stage's condition over active states: ``all``, ``any``, ``not``, ``in`` (``of``: the child); ``unknown`` for
    what a record of a run does not tell."""
    match expr:
        case tree.BoolOp(op, operands):
            return {"all" if op == "and" else "any": [condition(one) for one in operands]}
        case tree.Unary(op="not", operand=operand):
            return {"not": condition(operand)}
        case tree.InState(state=state):
            return {"in": state}
        case tree.OfChild(child=child, expr=inner):
            return {"of": child, "holds": condition(inner)}
        case _:
            return {"unknown": to_text(expr)}
