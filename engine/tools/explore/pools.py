"""Values to try for a payload field, a reading or a parameter, collected from the whole chart.

A guard alone does not show all of them: a counter is compared with a parameter, a value is kept in data and tested
later, a name is looked up in a list. So everything that is compared with, assigned to or looked up in something else is
in one class with it, and each value known for one member is tried for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.language.expr import tree
from engine.language.expr.evaluate import evaluate
from engine.language.model import Assign, Chart, Foreach
from engine.language.traverse import walk_blocks
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError, type_error
from engine.semantics.compiled.symbols import expressions
from engine.semantics.parameters import ParameterScope, bind_parameters
from engine.tools.explore.values import Term, related, same

MOST = 16
_FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_CLEAR = ("checked", "lower", "abs", "round", "int", "float", "min", "max", "floor", "ceil")  # functions looked through


class Pools:
    """Classes of terms and data items, and the values known for each."""

    def __init__(self, chart: Chart, given: Mapping[str, Any]) -> None:
        self._scope = ParameterScope(chart, bind_parameters(chart, given))
        self._parent: dict[Term, Term] = {}
        self._values: dict[Term, list[Any]] = {}
        self._facts(chart)
        for name, value in self._scope.values.items():
            self._know(("param", name), value)
        for item in chart.data.values():
            if item.initial is not None:
                self._flow(("data", item.name), item.initial)
        self._steps: dict[Term, set[float]] = {}  # how far values of this class are counted, or lie apart
        for node in expressions(chart):
            if isinstance(node, tree.Compare):
                self._compared(node.op, node.left, node.right)
                self._compared(_FLIP.get(node.op, node.op), node.right, node.left)
            elif isinstance(node, tree.Binary) and node.op in ("+", "-") and isinstance(node.right, tree.Literal):
                self._step(node.left, node.right.value)
        for key, steps in self._steps.items():
            known = [v for v in self._values.get(self._root(key), []) if type(v) in (int, float)]
            self._add(key, [type(v)(v + way * step) for step in sorted(steps) for way in (1, -1) for v in known])

    def values(self, term: Term, kind: Type) -> list[Any]:
        """Values to try that fit ``kind``, without doubles."""
        found = [v for v in self._values.get(self._root(term), []) if not type_error(v, kind)]
        elements = [v for v in self._values.get(self._root(("element", *term)), []) if not type_error([v], kind)]
        if elements:
            found += [[v] for v in elements] + [elements]
            found += [pair for v in elements[:4] if not type_error(pair := [v, v], kind)]  # more than was asked for
        return found

    # ------------------------------------------------------------ what belongs together

    def _facts(self, chart: Chart) -> None:
        for state in chart.root.walk():
            for block in walk_blocks(state):
                for action in block:
                    if isinstance(action, Assign):
                        self._flow(("data", action.name), action.value)
                    elif isinstance(action, Foreach):
                        for key in _keys(action.array):
                            self._join(("data", action.item), ("element", *key))
                    elif (sent := action.sent()) is not None:
                        for name, value in sent.data:
                            self._flow(("event", name), value)

    def _flow(self, to: Term, value: tree.Expr) -> None:
        if isinstance(value, tree.Literal):
            self._know(to, value.value)
        for key in _keys(value):
            self._join(to, key)

    def _compared(self, op: str, mine: tree.Expr, other: tree.Expr) -> None:
        keys = list(_keys(mine))
        members = op in ("in", "not in")
        if members and isinstance(mine, tree.Literal):
            for further in _keys(other):
                self._add(("element", *further), [mine.value])
        if not keys:
            return
        if op in _FLIP:
            self._step(mine, 1)
        for key in keys:
            for further in _keys(other):
                self._join(key, ("element", *further) if members else further)
            try:
                bound = evaluate(other, self._scope)
            except EvaluationError:
                continue
            if members:
                self._add(key, list(bound) if isinstance(bound, list) else [])
            else:
                for way in (op, "==", "!="):
                    self._add(key, related(way, bound, mine.type))

    def _step(self, expr: tree.Expr, step: Any) -> None:
        if type(step) in (int, float) and expr.type.kind in (Kind.INT, Kind.FLOAT, Kind.DURATION):
            for key in _keys(expr):
                self._steps.setdefault(key, set()).add(step)

    def _know(self, key: Term, value: Any) -> None:
        self._add(key, [value])
        if isinstance(value, list):
            self._add(("element", *key), value)

    # ------------------------------------------------------------ classes

    def _root(self, key: Term) -> Term:
        while (up := self._parent.get(key, key)) != key:
            key = up
        return key

    def _join(self, one: Term, other: Term) -> None:
        a, b = self._root(one), self._root(other)
        if a == b:
            return
        self._parent[b] = a
        self._add(a, self._values.pop(b, []))
        for wrapped in (("element", *one), ("element", *other)):
            self._parent.setdefault(wrapped, wrapped)
        if len(one) < 8 and len(other) < 8 and (one[0] != "element" or other[0] != "element"):
            left, right = self._root(("element", *one)), self._root(("element", *other))
            if left != right:
                self._parent[right] = left
                self._add(left, self._values.pop(right, []))

    def _add(self, key: Term, values: list[Any]) -> None:
        pool = self._values.setdefault(self._root(key), [])
        for value in values:
            if len(pool) < MOST and not any(same(value, known) for known in pool):
                pool.append(value)


def _keys(expr: tree.Expr) -> Iterator[Term]:
    """What an expression's value may come from."""
    match expr:
        case tree.EventField(name=name):
            yield ("event", name)
        case tree.Reading(role=role, name=name):
            yield ("read", role, name)
        case tree.Variable(name=name):
            yield ("data", name)
        case tree.Parameter(name=name):
            yield ("param", name)
        case tree.Index(base=base):
            for key in _keys(base):
                yield ("element", *key)
        case tree.Conditional(then=then, other=other):
            yield from _keys(then)
            yield from _keys(other)
        case tree.Call(function=function, args=args) if function in _CLEAR:
            for arg in args:
                yield from _keys(arg)


def small_counts(chart: Chart) -> dict[str, Any]:
    """Whole-number parameters without a unit, reduced to 1, so that a retry counter is used up soon."""
    small = {}
    for name, definition in chart.parameters.items():
        kind = definition.type
        if kind.kind.value == "int" and kind.unit is None and definition.default is not None:
            try:
                value = evaluate(definition.default, ParameterScope(chart, {}))
            except EvaluationError:
                continue
            if isinstance(value, int) and 1 < value <= 100 and (kind.minimum is None or kind.minimum <= 1):
                small[name] = 1
    return small
