"""The parameters of a machine: checked and completed by their defaults when it starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from engine.language.expr.evaluate import evaluate
from engine.language.model import Chart
from engine.language.values import EvaluationError, checked
from engine.semantics.errors import ParameterError
from engine.semantics.shared import system_value


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
            near = difflib.get_close_matches(name, chart.parameters, n=1)
            known = ", ".join(chart.parameters) or "it has none"
            hint = f"did you mean {near[0]!r}?" if near else f"its parameters: {known}"
            raise ParameterError(f"chart {chart.name!r} has no parameter {name!r}; {hint}")
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
