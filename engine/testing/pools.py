"""Values worth trying for a payload field, a reading or a parameter, gathered from the whole chart.

A counter compared with a parameter, a value that is first kept in data and asked for later, a name looked up in a list: a
guard alone does not tell them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.content import walk_blocks
from engine.core.facts import expressions
from engine.expr import tree
from engine.expr.evaluate import EvaluationError, evaluate
from engine.model import Assign, Chart, Foreach
from engine.start import ParameterScope, bind_parameters
from engine.testing.values import Term, related, term_of

MOST = 10


class Pools:
    """``of[term]``: values to try, without doubles; ``parameters[name]`` likewise."""

    def __init__(self, chart: Chart, given: Mapping[str, Any]) -> None:
        self.of: dict[Term, list[Any]] = {}
        self.parameters: dict[str, list[Any]] = {}
        self._scope = ParameterScope(chart, bind_parameters(chart, given))
        self._aliases: dict[str, set[Term]] = {}
        self._lists: dict[str, tree.Expr] = {}
        for state in chart.root.walk():
            for block in walk_blocks(state):
                for action in block:
                    if isinstance(action, Assign):
                        self._alias(action.name, action.value)
                    elif isinstance(action, Foreach):
                        self._lists[action.item] = action.array
        for _ in range(3):  # data kept in other data
            for name, terms in list(self._aliases.items()):
                for term in list(terms):
                    if term[0] == "data":
                        self._aliases[name] |= {t for t in self._aliases.get(term[1], ()) if t[0] != "data"}
        for node in expressions(chart):
            if isinstance(node, tree.Compare):
                self._compared(node.op, node.left, node.right)
                self._compared(
                    {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(node.op, node.op), node.right, node.left
                )

    def _alias(self, name: str, value: tree.Expr) -> None:
        todo: list[Any] = [value]
        while todo:
            part = todo.pop()
            if isinstance(part, tuple):
                todo.extend(part)
                continue
            if isinstance(part, tree.Variable):
                self._aliases.setdefault(name, set()).add(("data", part.name))
            term = term_of(part) if hasattr(part, "type") else None
            if term is not None and term[0] != "alive":
                self._aliases.setdefault(name, set()).add(term)
            todo.extend(getattr(part, slot) for slot in getattr(part, "__slots__", ()) if slot not in ("type", "value"))

    def _compared(self, op: str, mine: tree.Expr, other: tree.Expr) -> None:
        if isinstance(mine, tree.Call) and len(mine.args) == 1:
            return
        values = self._values(op, mine, other)
        term = term_of(mine)
        if isinstance(mine, tree.Parameter):
            self._add(self.parameters.setdefault(mine.name, []), values)
        elif term is not None and term[0] != "alive":
            self._add(self.of.setdefault(term, []), values)
        elif isinstance(mine, tree.Variable):
            for aliased in self._aliases.get(mine.name, ()):
                if aliased[0] != "data":
                    self._add(self.of.setdefault(aliased, []), values)
        elif isinstance(mine, tree.Index) and (term := term_of(mine.base)) is not None:
            self._add(self.of.setdefault(term, []), [[value] for value in values])

    def _values(self, op: str, mine: tree.Expr, other: tree.Expr) -> list[Any]:
        if isinstance(other, tree.Variable) and other.name in self._lists:
            try:
                elements = evaluate(self._lists[other.name], self._scope)
            except EvaluationError:
                return []
            return [*elements, [*elements]] if isinstance(elements, list) else []
        if isinstance(other, tree.Index):
            other = other.base
            try:
                elements = evaluate(other, self._scope)
            except EvaluationError:
                return []
            return list(elements) if isinstance(elements, list) else []
        try:
            bound = evaluate(other, self._scope)
        except EvaluationError:
            return []
        kind = mine.type
        return [*related(op, bound, kind), *related("==", bound, kind), *related("!=", bound, kind)]

    def _add(self, pool: list[Any], values: list[Any]) -> None:
        for value in values:
            if len(pool) < MOST and not any(value == known and type(value) is type(known) for known in pool):
                pool.append(value)


def small_counts(chart: Chart) -> dict[str, Any]:
    """Whole-number parameters without a unit brought down to 1, so that a retry counter is through soon."""
    small = {}
    for name, definition in chart.parameters.items():
        kind = definition.type
        if kind.kind.value == "int" and kind.unit is None and definition.default is not None:
            scope = ParameterScope(chart, {})
            try:
                value = evaluate(definition.default, scope)
            except EvaluationError:
                continue
            if isinstance(value, int) and 1 < value <= 100 and (kind.minimum is None or kind.minimum <= 1):
                small[name] = 1
    return small
