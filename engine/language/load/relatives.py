"""The machines that a joint invariant may read, and what it may read of them: states, data, parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.language.expr.check import Scope
from engine.language.load.build import Build
from engine.language.model import Chart
from engine.language.traverse import child_nodes

_DEPTH = 12  # of machines in machines, as at run time


def relatives(build: Build) -> dict[str, Scope]:
    """The machines that an invariant of the chart may read, and what of them. Children spawned under keys are left out,
    since there may be several."""
    children = {id_: child.chart for id_, child in build.children.items() if child.key is None}
    return {id_: scope_of(chart) for id_, chart in children.items() if chart is not None and not build.untyped}


def scope_of(chart: Chart, depth: int = 1) -> Scope:
    """What another machine may read of a machine of this chart."""
    return Scope(
        variables={name: item.type for name, item in chart.data.items()},
        parameters={name: parameter.type for name, parameter in chart.parameters.items()},
        in_state=_finder(chart),
        relatives=_below(chart, depth),
    )


def _below(chart: Chart, depth: int) -> Mapping[str, Scope]:
    if depth >= _DEPTH or chart.untyped:
        return {}
    nodes = [node for node in child_nodes(chart) if getattr(node, "key", None) is None]
    return {node.id: scope_of(node.chart, depth + 1) for node in nodes if node.chart is not None}


def _finder(chart: Chart) -> Callable[[str], str | list[str]]:
    """Finds the full id of a state by its path, or by its name where that is the only one."""

    def find(name: str) -> str | list[str]:
        if name in chart.states and name:
            return name
        same = [state.id for state in chart.states.values() if state.name == name and name]
        return same[0] if len(same) == 1 else [state for state in chart.states if state]

    return find
