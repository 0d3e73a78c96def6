"""The parameters of a machine: checked and completed by their defaults when it starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from engine.language.expr.evaluate import evaluate
from engine.language.expr.unify import unified
from engine.language.model import Chart, ParameterDef
from engine.language.problems import nearest, suggestion
from engine.language.traverse import chart_tree, charts_at
from engine.language.values import EvaluationError, checked
from engine.semantics.errors import ParameterError
from engine.semantics.shared import system_value

_KEY = re.compile(r"\[\d+\]")


class ParameterScope:
    """The environment of defaults: the parameters declared before, and nothing else."""

    def __init__(self, chart: Chart, values: Mapping[str, Any]) -> None:
        self.chart = chart
        self.values = values

    def variable(self, name: str) -> Any:
        raise EvaluationError(f"{name} has no value before the machine starts")

    def parameter(self, name: str) -> Any:
        if name not in self.values:
            raise EvaluationError(f"parameter {name} has no value yet")
        return self.values[name]

    def event_field(self, name: str) -> Any:
        raise EvaluationError(f"there is no event yet, so no event.{name}")

    def system_field(self, name: str) -> Any:
        return system_value(name, None, self.chart.name, "")

    def reading(self, role: str, name: str) -> Any:
        raise EvaluationError(f"{role}.{name} cannot be read before the machine starts")

    def in_state(self, state: str) -> bool:
        return False

    def alive(self, child: str, key: Any) -> int | bool:
        return 0 if key is None else False


def bind_parameters(chart: Chart, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """All parameters of the chart by name, in declaration order.

    Raises :class:`engine.semantics.errors.ParameterError` for an unknown name, a missing one, and a value that does not
    fit its type. Values are in the declared unit, durations in nanoseconds.
    """
    given = given or {}
    for name in given:
        if name not in chart.parameters:
            raise ParameterError(f"chart {chart.name!r} has no parameter {name!r}{_hint(chart, '', name)}")
    values: dict[str, Any] = {}
    scope = ParameterScope(chart, values)
    for name, definition in chart.parameters.items():
        try:
            if name in given:
                values[name] = checked(given[name], definition.type)
            elif definition.default is not None:
                values[name] = checked(evaluate(definition.default, scope), definition.type)
            else:
                raise ParameterError(f"chart {chart.name!r} needs the parameter {name!r}: it has no default")
        except EvaluationError as error:
            raise ParameterError(f"chart {chart.name!r}, parameter {name!r}: {error}") from None
    return values


def declaration(chart: Chart, address: str) -> tuple[str, ParameterDef]:
    """A parameter of the chart or of one below it, by the ids on the way: ``T_x``, ``slac.session.TT_match_sequence``;
    ``outlet[2].T_x`` is that of the child of this key alone.

    Its path (``""``: the chart's own) and its declaration. Raises :class:`engine.semantics.errors.ParameterError` that
    tells the nearest one.
    """
    written, _, name = address.rpartition(".")
    path = _KEY.sub("", written)
    there = charts_at(chart, path)
    if not there:
        known = list(dict.fromkeys(at for at, _ in chart_tree(chart) if at))
        hint = suggestion(path, known) if nearest(path, known) else _hint(chart, path, name)
        raise ParameterError(f"chart {chart.name!r} has no child {path!r}{hint}")
    found = [one.parameters[name] for one in there if name in one.parameters]
    if not found:
        raise ParameterError(f"chart {there[0].name!r} has no parameter {name!r}{_hint(chart, path, name)}")
    return written, replace(found[0], type=reduce(unified, (one.type for one in found)))


def _hint(chart: Chart, path: str, name: str) -> str:
    """The nearest parameter: one of this name in another chart, one like it here, one like it in another."""
    named: dict[str, list[str]] = {}
    for at, one in chart_tree(chart):
        for parameter in one.parameters:
            named.setdefault(parameter, []).append(f"{at}.{parameter}" if at else parameter)
    here = [one for one, places in named.items() if any(place.rpartition(".")[0] == path for place in places)]
    near = name if name in named else nearest(name, [*here, *named])
    if near and near not in here:
        return f"; did you mean {' or '.join(named[near][:4])}?"
    return suggestion(name, here) or "; it has none"


def split_below(chart: Chart, given: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The parameters of the chart itself, and those of the charts below it by path of ids, checked.

    Raises :class:`engine.semantics.errors.ParameterError`.
    """
    own: dict[str, Any] = {}
    below: dict[str, dict[str, Any]] = {}
    for address, value in (given or {}).items():
        if "." not in address or chart.untyped:
            own[address] = value
            continue
        path, found = declaration(chart, address)
        try:
            below.setdefault(path, {})[found.name] = checked(value, found.type)
        except EvaluationError as error:
            raise ParameterError(f"chart {chart.name!r}, parameter {address!r}: {error}") from None
    return own, below


def split_given(chart: Chart, given: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two parts of what a machine is given: all its parameters, and initial values of data items.

    Only imported documents are given data: SCXML 6.4.2 sets the items of these names and drops other names. Raises as
    :func:`bind_parameters`.
    """
    if not chart.untyped:
        return bind_parameters(chart, given), {}
    given = given or {}
    named = {name: value for name, value in given.items() if name in chart.parameters}
    return bind_parameters(chart, named), {name: value for name, value in given.items() if name in chart.data}
