"""Pairs of deadlines (``before`` of a parameter): what one may take must be over before the other stops waiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.language.expr.text import to_text
from engine.language.expr.tree import Literal
from engine.language.model import Chart, ParameterDef
from engine.language.types import Kind
from engine.tools.check.findings import Finding, Found


def wrong_order(chart: Chart, known: Mapping[str, Chart]) -> Iterator[Found]:
    """C161: by their defaults. The other machine's deadline is looked for in ``known``; where that is not checked, too,
    nothing can be said."""
    for own in chart.parameters.values():
        machine, _, name = own.before.rpartition(".")
        other = known.get(machine) if machine else chart
        if not own.before or other is None:
            continue
        why = _why(own, other.parameters.get(name), own.before)
        if why:
            yield Found(Finding("C161", chart.name, own.name, why, own.position), own)


def _why(own: ParameterDef, other: ParameterDef | None, name: str) -> str:
    if other is None or other.type.kind is not Kind.DURATION:
        return f"{own.name} must come before {name}, and there is no such duration"
    if not isinstance(own.default, Literal) or not isinstance(other.default, Literal):
        return ""  # given when it runs
    if own.default.value < other.default.value:  # type: ignore[operator]
        return ""
    return f"{own.name} ({to_text(own.default)}) must come before {name} ({to_text(other.default)})"
