"""The fields of a chart's events and orders, where units and secrets of a record are looked up."""

from __future__ import annotations

from collections.abc import Mapping

from engine.language.built_in import BUILT_IN
from engine.language.model import Chart, Invoke
from engine.language.traverse import child_nodes
from engine.language.types import Type

Fields = Mapping[str, Mapping[str, Type]]


def fields_of(chart: Chart) -> Fields:
    """Types by the name of an event (``voltage_set``, ``link.CM_SLAC_PARM_CNF``), of an order (``supply.set()``) or of
    an event to a child (``output.demand()``): brackets mark what goes out. ``done()`` is the chart's own output,
    ``start CHILD()`` the parameters of a child."""
    heard = {descriptor for transition in chart.transitions for descriptor in transition.descriptors}
    fields: dict[str, Mapping[str, Type]] = {name: carried for name, carried in BUILT_IN.items() if name in heard}
    fields |= {name: event.payload or {} for name, event in chart.events.items()}
    for role, contract in chart.adapters.items():
        fields |= {f"{role}.{name}": event.payload or {} for name, event in contract.events.items()}
        fields |= {f"{role}.{name}()": action.args for name, action in contract.actions.items()}
    for node in child_nodes(chart):
        if node.chart is not None:
            fields |= {f"{node.id}.{name}": event.payload or {} for name, event in node.chart.events.items()}
            fields |= {f"{node.id}.{name}()": event.payload or {} for name, event in node.chart.events.items()}
            fields[f"done.invoke.{node.id}"] = node.chart.output
            fields[f"start {node.id}()"] = {name: given.type for name, given in node.chart.parameters.items()}
        elif isinstance(node, Invoke) and node.role in chart.adapters and node.action is not None:
            action = chart.adapters[node.role].actions.get(node.action)
            fields[f"done.invoke.{node.id}"] = (action.result if action is not None else None) or {}
    fields["done()"] = chart.output
    return fields
