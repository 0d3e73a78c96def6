"""``[[invariants]]`` of a station file: promises over its machines together, see :mod:`engine.run.joint`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from engine.language.expr.check import Scope, expression, guard, secret_in
from engine.language.expr.lex import ExpressionError
from engine.language.expr.parse import parse
from engine.language.expr.tree import Expr
from engine.language.load.relatives import scope_of
from engine.language.model import Chart, Invariant
from engine.language.position import NOWHERE, Position
from engine.language.problems import Problem, suggestion
from engine.run.station.file import place_of
from engine.run.station.plan import StationError

_KEYS = ("expr", "message", "clause", "source")


def read_promises(
    path: Path | None, content: Any, charts: Mapping[str, Chart], absent: set[str]
) -> tuple[Invariant, ...]:
    """The invariants of a station file over its machines. Those that name an ``absent`` machine are left out.

    Raises ``StationError`` with the place of the fault.
    """
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise StationError(f'{path}: write [[invariants]] above each, with expr = "…"')
    scope = Scope(relatives={name: scope_of(chart) for name, chart in charts.items()})
    found = []
    for entry in content:
        for key in entry:
            if key not in _KEYS:
                raise StationError(f"{path}: unknown key invariants.{key}{suggestion(key, _KEYS)}")
        if not all(isinstance(entry.get(key, ""), str) for key in _KEYS) or not entry.get("expr"):
            raise StationError(f'{path}: [[invariants]] needs expr = "…"; message, clause and source are texts, too')
        written = str(entry["expr"])
        if names_one_of(written, absent):
            continue
        condition, position = condition_of(path, written, scope), _place(path, written)
        citation = "; ".join(filter(None, (entry.get("clause", ""), entry.get("source", ""))))
        found.append(Invariant(condition, written, entry.get("message", ""), citation, position))
    return tuple(found)


def names_one_of(written: str, machines: Collection[str]) -> bool:
    """Whether an expression reads one of these machines. What is no expression reads none."""
    try:
        nodes = [parse(written)]
    except ExpressionError:
        return False  # who reads it tells what is wrong
    while nodes:
        node = nodes.pop()
        if node.kind == "attribute" and node.children[0].kind == "name" and node.children[0].value in machines:
            return True
        nodes += node.children
    return False


def condition_of(path: Path | None, written: str, scope: Scope) -> Expr:
    """A condition that stands in a station file. Raises ``StationError`` with the place of the fault."""
    return _read(guard, path, written, scope)


def value_of(path: Path | None, written: str, scope: Scope) -> Expr:
    """A value that stands in a station file; a secret is none. Raises ``StationError`` with the place of the fault."""
    found = _read(expression, path, written, scope)
    if secret := secret_in(found):
        raise StationError(f"{_place(path, written)}: {secret} is secret\n    {written}")
    return found


def _read(read: Callable[[str, Scope], Expr], path: Path | None, written: str, scope: Scope) -> Expr:
    try:
        return read(written, scope)
    except ExpressionError as error:
        position = _place(path, written)
        raise StationError("\n".join(_told(fault, position, written) for fault in error.faults)) from None


def _place(path: Path | None, written: str) -> Position:
    return place_of(path, written) if path is not None else NOWHERE


def _told(fault: Any, at: Position, written: str) -> str:
    place = Position(at.file, at.line, at.column + fault.start)
    problem = Problem(place, fault.code, fault.message, "", fault.expected, fault.hint)
    return f"{problem}\n    {written}"
