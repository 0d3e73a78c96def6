"""``engine check --clauses``: every citation of a standard, by standard and place in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.language.model import Chart, Clause


def all_clauses(charts: Iterable[Chart]) -> list[Clause]:
    """The citations of these charts and of their contracts, each once, ordered by standard (whatever its year), by
    place in it, and by where they stand."""
    found: dict[Clause, None] = {}
    for chart in charts:
        found.update(dict.fromkeys(chart.clauses))
        contracts = [*chart.adapters.values(), *([chart.serves] if chart.serves is not None else [])]
        for contract in contracts:
            found.update(dict.fromkeys(contract.clauses))
    return sorted(found, key=_order)


def _order(clause: Clause) -> tuple[object, ...]:
    at = clause.position
    return (
        _natural(clause.standard.partition(":")[0]),
        _natural(clause.place),
        clause.standard,
        at.file,
        at.line,
        at.column,
    )


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Numbers by their value: 8.4.3.9 before 8.4.3.10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def print_clauses(charts: Iterable[Chart]) -> None:
    """A line for each citation: standard and place, what it is of, what it says there, where it stands."""
    rows = [(f"{c.standard} {c.place}".strip(), c.about, c.note, str(c.position)) for c in all_clauses(charts)]
    widths = [min(48, max((len(row[i]) for row in rows), default=0)) for i in (0, 1)]
    for cited, about, note, place in rows:
        told = f"  ({note})" if note else ""
        print(f"{cited:<{widths[0]}}  {about:<{widths[1]}}  {place}{told}")
    standards = len({row.standard.partition(":")[0] for row in all_clauses(charts)})
    print(f"{len(rows)} citations of {standards} standards")
