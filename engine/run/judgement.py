"""Whether a session went well, by what its chart says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.language.expr.evaluate import evaluate
from engine.language.model import SessionDef
from engine.language.values import EvaluationError


def went_well(session: SessionDef | None, parameters: Mapping[str, Any], data: Any) -> bool:
    """``data`` is what the event of its end carries. Well, too, where the chart does not say when."""
    if session is None or session.success is None:
        return True
    try:
        return bool(evaluate(session.success, _Payload(parameters, data if isinstance(data, Mapping) else {})))
    except EvaluationError:
        return False  # a result that cannot be judged is no good one


class _Payload:
    """Names of ``success``: the event's fields and the machine's parameters."""

    def __init__(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        self._parameters = parameters
        self._data = data

    def event_field(self, name: str) -> Any:
        return self._data.get(name)

    def parameter(self, name: str) -> Any:
        return self._parameters[name]

    def __getattr__(self, name: str) -> Any:
        raise EvaluationError(f"{name} has no meaning here")
