"""The machines that a joint invariant may read, and what it may read of them: states, data, parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.language.expr.check import Scope
from engine.language.model import Chart
from engine.language.traverse import charts_below, child_nodes
from engine.language.types import Type

if TYPE_CHECKING:
    from engine.language.load.build import Build

_DEPTH = 12  # of machines in machines, as at run time


def relatives(build: Build) -> dict[str, Scope]:
    """The machines that an invariant of the chart may read, and what of them. Children spawned under keys are left out,
    since there may be several."""
    children = {id_: child.charts for id_, child in build.children.items() if child.key is None and child.charts}
    return {} if build.untyped else {id_: _in_turn([scope_of(c) for c in charts]) for id_, charts in children.items()}


def scope_of(chart: Chart, depth: int = 1, *, readings: bool = False) -> Scope:
    """What another machine may read of a machine of this chart; ``readings``: those of its adapters, too."""
    values = {role: contract.values for role, contract in chart.adapters.items()} if readings else {}
    return Scope(
        readings=values,
        variables={name: item.type for name, item in chart.data.items()},
        parameters={name: parameter.type for name, parameter in chart.parameters.items()},
        in_state=_finder(chart),
        relatives=_below(chart, depth),
    )


def _below(chart: Chart, depth: int) -> Mapping[str, Scope]:
    if depth >= _DEPTH or chart.untyped:
        return {}
    keyed = {node.id for node in child_nodes(chart) if getattr(node, "key", None) is not None}
    below = {id_: charts for id_, charts in charts_below(chart).items() if id_ not in keyed}
    return {id_: _in_turn([scope_of(one, depth + 1) for one in charts]) for id_, charts in below.items()}


def scope_of_any(charts: Sequence[Chart]) -> Scope:
    """The same of one that runs any of these charts, and of every machine that one of them may start: who does not run
    is in no state."""
    scopes = [scope_of(chart) for chart in charts]
    below: dict[str, Scope] = {}
    for scope in reversed(scopes):
        below |= scope.relatives
    return replace(_in_turn(scopes), relatives=below)


def _in_turn(scopes: list[Scope]) -> Scope:
    """What may be read of a child that runs one of several charts: the states of each, and the data, parameters and
    machines that all have alike."""
    if len(scopes) == 1:
        return scopes[0]
    first, *others = scopes

    def find(name: str) -> str | list[str]:
        found = [scope.in_state(name) for scope in scopes]
        return next((one for one in found if isinstance(one, str)), [each for one in found for each in one])

    return Scope(
        variables=_common(first.variables, [other.variables for other in others]),
        parameters=_common(first.parameters, [other.parameters for other in others]),
        in_state=find,
        relatives={name: each for name, each in first.relatives.items() if all(name in o.relatives for o in others)},
    )


def _common(first: Mapping[str, Type], others: list[Mapping[str, Type]]) -> dict[str, Type]:
    return {name: type_ for name, type_ in first.items() if all(other.get(name) == type_ for other in others)}


def _finder(chart: Chart) -> Callable[[str], str | list[str]]:
    """Finds the full id of a state by its path, or by its name where that is the only one."""

    def find(name: str) -> str | list[str]:
        if name in chart.states and name:
            return name
        same = [state.id for state in chart.states.values() if state.name == name and name]
        return same[0] if len(same) == 1 else [state for state in chart.states if state]

    return find
