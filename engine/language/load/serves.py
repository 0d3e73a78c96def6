"""``serves: CONTRACT``: a chart in the place of an adapter.

The contract's actions are the chart's events of direction ``in``, the contract's events are its events of direction
``out``, the contract's values its data of the same names. A long action arrives in the same way. The chart answers it
with ``ACTION.done`` (and the result) or ``ACTION.failed`` (and a ``reason``); it gets ``cancel.ACTION`` when nobody
waits for the result any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.expr import tree
from engine.language.expr.unify import BROKEN
from engine.language.expr.units import same, unit_of
from engine.language.load.build import Build
from engine.language.load.yaml_source import Node
from engine.language.model import STALE, Chart, Contract, EventDef, Send
from engine.language.position import Position
from engine.language.traverse import walk_blocks
from engine.language.types import STRING, Kind, Type
from engine.language.values import describe

_TAKEN = frozenset({"done", "error", "cancel"})  # what events of a chart begin with that mean something else


def declare_served(build: Build, node: Node, contract: Contract) -> None:
    """The events of a chart that serves ``contract``, before its own are known to the rest of the loader."""
    reader, chart = build.reader, build.chart
    at = reader.position(node)
    chart.serves, chart.serves_at = contract, at
    if build.untyped:
        reader.problem(node, "serves", "an imported chart serves nobody: its events are not known", "typed events")
        return
    for event in served_events(contract, at):
        own = chart.events.get(event.name)
        if own is not None:
            what = "an order" if event.direction == "in" else "an event"
            message = f"{own.name!r} is {what} of {contract.name}, which this chart serves: declared there"
            reader.problem_at(own.position, "duplicate-name", message, "another name", len(own.name))
        chart.events[event.name] = event
    if contract.stale and (own := chart.events.get(STALE)) is not None:
        message = f"{STALE!r} is what those hear whom this chart serves when it has not assigned a value in time"
        reader.problem_at(own.position, "duplicate-name", message, "another name", len(STALE))
    for name in sorted({*contract.actions, *contract.events} & _TAKEN):
        reader.problem(node, "serves", f"no chart can serve {contract.name}: {name!r} begins built-in events")
    for name in sorted(contract.actions.keys() & contract.events.keys()):
        reader.problem(node, "serves", f"no chart can serve {contract.name}: {name!r} is an action and an event")


def served_events(contract: Contract, at: Position) -> Iterator[EventDef]:
    """What a chart that serves ``contract`` takes and sends. What has urgent events takes orders that must not wait."""
    urgent = any(event.urgent for event in contract.events.values())
    for action in contract.actions.values():
        yield EventDef(action.name, action.args, "in", action.description, position=at, urgent=urgent)
        if action.result is not None:
            text = f"{action.name} is no longer wanted"
            yield EventDef(f"cancel.{action.name}", {}, "in", text, position=at, urgent=urgent)
            yield EventDef(f"{action.name}.done", action.result, "out", f"{action.name} ended well", position=at)
            yield EventDef(f"{action.name}.failed", {"reason": STRING}, "out", f"{action.name} failed", position=at)
    for event in contract.events.values():
        if event.name != STALE or not contract.stale:  # that is told by the age of its data, not by the chart
            yield EventDef(event.name, event.payload, "out", event.description, position=at, urgent=event.urgent)


def check_served(build: Build, node: Node) -> None:
    """Whether the finished chart does all its contract asks for; what is missing is named."""
    chart, contract = build.chart, build.chart.serves
    if contract is None or build.untyped:
        return
    reader, who = build.reader, f"{chart.name} serves {contract.name}"
    heard = {descriptor for state in chart.root.walk() for t in state.transitions for descriptor in t.descriptors}
    for action in contract.actions.values():
        if not heard & {action.name, "*"}:
            reader.problem(node, "serves", f"{who} and takes no order {action.name!r}", f"on: {{{action.name}: …}}")
    sent = set(_sent(chart))
    for action in contract.actions.values():
        if action.result is not None and f"{action.name}.done" not in sent:
            message = f"{who} and never answers {action.name!r}"
            reader.problem(node, "serves", message, f"send: {{event: {action.name}.done, to: parent, …}}")
    for name, type_ in contract.values.items():
        item = chart.data.get(name)
        if item is None:
            if build.variables.get(name) is not BROKEN:  # one that is wrong is told of already
                message = f"{who} and has no data {name!r}, its value"
                reader.problem(node, "serves", message, f"{name}: {{type: {describe(type_)}, …}} in 'data'")
        elif item.type is not BROKEN and (why := _misfit(item.type, type_)):
            message = f"{name!r} is a value of {contract.name}: {describe(item.type)} {why}"
            reader.problem_at(item.position, "type", message, describe(type_), len(name))


def _sent(chart: Chart) -> Iterator[str]:
    for state in chart.root.walk():
        for block in walk_blocks(state):
            for action in block:
                if isinstance(action, Send) and isinstance(action.event, tree.Literal):
                    yield str(action.event.value)


def _misfit(own: Type, wanted: Type) -> str:
    """Why data of this type cannot stand for a value of that one; bounds are held to when it is read."""
    if wanted.kind is not Kind.ANY:
        if own.kind is not wanted.kind and (own.kind, wanted.kind) != (Kind.INT, Kind.FLOAT):
            return f"where {describe(wanted)} is needed"
        if not same(unit_of(own), unit_of(wanted)):
            return f"where {describe(wanted)} is needed: units are not converted here"
        if not set(own.values) <= set(wanted.values):
            return f"where only {describe(wanted)} may stand"
        if own.item is not None and wanted.item is not None and (why := _misfit(own.item, wanted.item)):
            return f"holds {describe(own.item)} {why}"
    if own.optional and not wanted.optional:
        return "may be None, which it must not be"
    return "is secret, and its value is not" if own.secret and not wanted.secret else ""
