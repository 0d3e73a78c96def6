"""Pairs of deadlines (``before`` of a parameter): what one may take must be over before the other stops waiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from engine.language.expr.text import to_text
from engine.language.expr.tree import Literal
from engine.language.load.installed_files import installed_charts
from engine.language.model import Chart, ParameterDef
from engine.language.problems import nearest
from engine.language.traverse import chart_tree
from engine.language.types import Kind
from engine.tools.check.findings import Finding, Found

_NEARLY = 0.85  # of the letters are the same


def wrong_order(chart: Chart, known: Mapping[str, Chart]) -> Iterator[Found]:
    """C161: by their defaults. The other machine's deadline is looked for in ``known``; where that is not checked, too,
    nothing can be said but that there is no such machine: among the charts that are checked together and those
    installed, or, of a chart alone, none but one with nearly this name."""
    for own in chart.parameters.values():
        machine, _, name = own.before.rpartition(".")
        other = known.get(machine) if machine else chart
        if machine and other is None and (meant := _meant(machine, chart, known)) is not None:
            hint = f"; did you mean {meant!r}?" if meant else ""
            why = f"{own.name} must come before {own.before}, and there is no machine {machine!r}{hint}"
            yield Found(Finding("C161", chart.name, own.name, why, own.position), own)
        if not own.before or other is None:
            continue
        why = _why(own, other.parameters.get(name), own.before)
        if why:
            yield Found(Finding("C161", chart.name, own.name, why, own.position), own)


def _meant(machine: str, chart: Chart, known: Mapping[str, Chart]) -> str | None:
    """The machine that was meant, or '' where none is like it; None where the machine may well be."""
    installed = installed_charts()
    if machine in installed:
        return None
    alone = known.keys() <= {one.name for _, one in chart_tree(chart)}
    near = get_close_matches(machine, [*known, *installed], 1, _NEARLY)
    if alone:
        return near[0] if near else None
    return nearest(machine, [*known, *installed])


def _why(own: ParameterDef, other: ParameterDef | None, name: str) -> str:
    if other is None or other.type.kind is not Kind.DURATION:
        return f"{own.name} must come before {name}, and there is no such duration"
    if not isinstance(own.default, Literal) or not isinstance(other.default, Literal):
        return ""  # given when it runs
    if own.default.value < other.default.value:  # type: ignore[operator]
        return ""
    return f"{own.name} ({to_text(own.default)}) must come before {name} ({to_text(other.default)})"
