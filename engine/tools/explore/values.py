"""Values worth trying: of a type, and those that make a condition true or false: at its boundaries, one step beside
them, every name of an enumeration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from engine.language.expr import tree
from engine.language.expr.evaluate import evaluate
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError

Term = tuple[str, ...]  # ("event", field), ("read", role, name), ("alive", child[, "key"]) or ("param", name)
Choice = dict[Term, Any]
MOST = 24  # choices kept per part of a guard
_FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
NEGATED: dict[tree.CompareOp, tree.CompareOp] = {
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
}


def defaults(kind: Type) -> list[Any]:
    """Some values of a type, the plainest first."""
    found: list[Any]
    low, high = kind.minimum, kind.maximum
    if kind.kind is Kind.BOOL:
        found = [False, True]
    elif kind.kind is Kind.ENUM:
        found = list(kind.values)
    elif kind.kind is Kind.INT:
        found = [v for v in (0, 1, low, high) if v is not None]
    elif kind.kind is Kind.FLOAT:
        found = [float(v) for v in (0.0, 1.0, low, high) if v is not None]
    elif kind.kind is Kind.DURATION:
        found = [0, 1_000_000_000]
    elif kind.kind is Kind.STRING:
        found = ["", "x"]
    elif kind.kind is Kind.BYTES:
        length = int(low or 0)
        found = [b"\x01" * max(length, 1), bytes(length)]  # with content first: an empty one is the special case
    elif kind.kind is Kind.LIST:
        found = [[], [defaults(kind.item)[-1]] if kind.item is not None else [0]]
    else:
        found = [None]
    if low is not None and kind.kind in (Kind.INT, Kind.FLOAT):
        found = [v for v in found if v >= low]
    if high is not None and kind.kind in (Kind.INT, Kind.FLOAT):
        found = [v for v in found if v <= high]
    return [*found, None] if kind.optional else found


def rising_list(kind: Type, size: int) -> list[Any]:
    """A list of so many numbers, each greater than the one before and none below zero, as rows and tables want them;
    empty for what is no list of numbers, and where the type has not so many."""
    item = kind.item
    if item is None or item.kind not in (Kind.INT, Kind.FLOAT, Kind.DURATION):
        return []
    step = 1_000_000_000 if item.kind is Kind.DURATION else 1
    number = float if item.kind is Kind.FLOAT else int
    low = max(item.minimum or 0, 0)
    found = [number(low + i * step) for i in range(size)]
    return found if item.maximum is None or found[-1] <= item.maximum else []


def every(kind: Type, boundaries: list[Any], most: int) -> tuple[list[Any], bool]:
    """Values of a type, at most ``most`` of a number, and whether these are all: else ``boundaries`` first of all."""
    none: list[Any] = [None] if kind.optional else []
    low, high = kind.minimum, kind.maximum
    if kind.kind in (Kind.BOOL, Kind.ENUM):
        return defaults(kind), True
    if kind.kind in (Kind.INT, Kind.DURATION) and low is not None and high is not None and high - low < most:
        return [*range(int(low), int(high) + 1), *none], True
    found: list[Any] = []
    for value in (*boundaries, *defaults(kind)):
        if value is not None and len(found) < most and not any(same(value, known) for known in found):
            found.append(value)
    return [*found, *none] or [None], False


def same(one: Any, other: Any) -> bool:
    """Whether two values are one: ``1``, ``1.0`` and ``True`` are three."""
    return type(one) is type(other) and bool(one == other)


class Situation:
    """Where conditions are solved: a machine's data, parameters and active states, and the terms chosen so far.

    ``group``: equal for equal parameters."""

    def __init__(
        self,
        data: Mapping[str, Any],
        parameters: Mapping[str, Any],
        active: frozenset[str],
        group: int = 0,
        *,
        free_parameters: bool = False,
    ) -> None:
        self.data = data
        self.parameters = parameters
        self.active = active
        self.group = group
        self.free_parameters = free_parameters  # parameters are chosen, too: terms ("param", name)
        self.choice: Choice = {}

    def variable(self, name: str) -> Any:
        if name not in self.data:
            raise EvaluationError(f"{name} has no value")
        return self.data[name]

    def parameter(self, name: str) -> Any:
        return self.choice.get(("param", name), self.parameters[name])

    def event_field(self, name: str) -> Any:
        return self._chosen(("event", name))

    def system_field(self, name: str) -> Any:
        raise EvaluationError("system variables are not chosen")

    def reading(self, role: str, name: str) -> Any:
        return self._chosen(("read", role, name))

    def in_state(self, state: str) -> bool:
        return state in self.active

    def alive(self, child: str, key: Any) -> int | bool:
        return bool(self._chosen(("alive", child, "key"))) if key is not None else int(self._chosen(("alive", child)))

    def _chosen(self, term: Term) -> Any:
        if term not in self.choice:
            raise EvaluationError("not chosen yet")
        return self.choice[term]

    def value(self, expr: tree.Expr, choice: Choice) -> Any:
        """The value of ``expr`` with the terms of ``choice``. Raises ``EvaluationError``."""
        self.choice = choice
        return evaluate(expr, self)


def term_of(expr: tree.Expr, free_parameters: bool = False) -> Term | None:
    """The expression as a term, or None."""
    match expr:
        case tree.Parameter(name=name) if free_parameters:
            return ("param", name)
        case tree.Call(function="checked" | "lower", args=(inner,)):
            return term_of(inner, free_parameters)
        case tree.EventField(name=name):
            return ("event", name)
        case tree.Reading(role=role, name=name):
            return ("read", role, name)
        case tree.Alive(child=child, key=None):
            return ("alive", child)
        case tree.Alive(child=child):
            return ("alive", child, "key")
    return None


def terms(expr: tree.Expr, free_parameters: bool = False) -> list[tuple[Term, Type]]:
    """The terms in an expression, each once, with its type."""
    found: dict[Term, Type] = {}
    todo: list[Any] = [expr]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple):
            todo.extend(part)
            continue
        term = term_of(part, free_parameters) if hasattr(part, "type") else None
        if term is not None:
            found.setdefault(term, part.type)
        todo.extend(getattr(part, name) for name in getattr(part, "__slots__", ()) if name not in ("type", "value"))
    return list(found.items())


def solve(
    expr: tree.Expr, wanted: bool, where: Situation, given: Choice | None = None, most: int = MOST
) -> Iterator[Choice]:
    """Choices that give ``expr`` the wanted truth value, at most ``most``, boundaries first; every one is tried."""
    seen: list[Choice] = []
    asked = terms(expr, where.free_parameters)
    for choice in chain([given] if given else [], _candidates(expr, wanted, where, given or {})):
        for whole in _completed(asked, choice, where):
            try:
                if where.value(expr, whole) is wanted and whole not in seen:
                    seen.append(whole)
                    yield whole
                    break
            except EvaluationError:
                continue
        if len(seen) >= most:
            return


def _completed(asked: list[tuple[Term, Type]], choice: Choice, where: Situation) -> Iterator[Choice]:
    """``choice`` with plain values for the terms it leaves open."""
    missing = [(term, kind) for term, kind in asked if term not in choice and term[0] != "param"]
    plain = {term: defaults(kind)[0] for term, kind in missing}
    yield {**plain, **choice}
    for term, kind in missing:
        for value in defaults(kind)[1:]:
            yield {**plain, term: value, **choice}


def _candidates(expr: tree.Expr, wanted: bool, where: Situation, given: Choice) -> Iterator[Choice]:
    match expr:
        case tree.Unary(op="not", operand=operand):
            yield from _candidates(operand, not wanted, where, given)
        case tree.BoolOp(op=op, operands=operands) if (op == "and") == wanted:
            yield from _all_of(operands, wanted, where, given)
        case tree.BoolOp(operands=operands):
            for operand in operands:
                yield from islice(_candidates(operand, wanted, where, given), MOST)
        case tree.Compare(op=op, left=left, right=right):
            yield from _compared(op if wanted else NEGATED[op], left, right, where, given)
        case _:
            term = term_of(expr, where.free_parameters)
            yield {**given, term: wanted} if term is not None and term not in given else dict(given)


def _all_of(operands: tuple[tree.Expr, ...], wanted: bool, where: Situation, given: Choice) -> Iterator[Choice]:
    choices = [given]
    for operand in operands:
        choices = [
            {**choice, **more}
            for choice in choices
            for more in islice(_candidates(operand, wanted, where, choice), MOST)
            if all(choice.get(term, value) == value for term, value in more.items())
        ][: MOST * 2]
    yield from choices


def _compared(op: str, left: tree.Expr, right: tree.Expr, where: Situation, given: Choice) -> Iterator[Choice]:
    direct = False
    for mine, other, way in ((left, right, op), (right, left, _FLIP.get(op, op))):
        term = term_of(mine, where.free_parameters)
        if term is None or term in given or (way in ("in", "not in") and mine is right):
            continue
        try:
            bound = where.value(other, given)
        except EvaluationError:
            continue
        direct = True
        for value in related(way, bound, mine.type):
            yield {**given, term: value}
    if not direct:
        yield from _indirect(op, left, right, where, given)
    listed = term_of(right, where.free_parameters)
    if op == "in" and listed is not None and listed not in given and right.type.item is not None:
        term = term_of(left, where.free_parameters)
        for value in defaults(right.type.item)[::-1]:
            yield (
                {**given, listed: [value]} if term is None or term in given else {**given, listed: [value], term: value}
            )
    yield dict(given)


def _indirect(op: str, left: tree.Expr, right: tree.Expr, where: Situation, given: Choice) -> Iterator[Choice]:
    """One term inside an expression: where the line through two of its values crosses the bound, and beside it."""
    asked = [(t, k) for t, k in (*terms(left, where.free_parameters), *terms(right, where.free_parameters))]
    open_terms = {t: k for t, k in asked if t not in given and (t[0] != "param" or k.kind is not Kind.LIST)}
    rest = {t: _middle(k) for t, k in open_terms.items() if t[0] != "param"}
    yield from _crossing(left, right, where, given, open_terms, rest)
    if len(rest) > 1:  # a product with nothing is nothing, whatever the other is
        much = {t: _middle(k, last=True) for t, k in open_terms.items() if t[0] != "param"}
        yield from _crossing(left, right, where, given, open_terms, much)


def _crossing(
    left: tree.Expr, right: tree.Expr, where: Situation, given: Choice, open_terms: Mapping[Term, Type], rest: Choice
) -> Iterator[Choice]:
    """``rest``: the values of the other terms."""
    for term, kind in open_terms.items():
        if kind.kind in (Kind.LIST, Kind.BYTES, Kind.STRING):
            for size in (0, 1, 2, 3, 6, 8):
                yield {**rest, **given, term: _of_length(kind, size)}
        if kind.kind not in (Kind.INT, Kind.FLOAT, Kind.DURATION):
            continue
        number = float if kind.kind is Kind.FLOAT else int
        low = number(kind.minimum if kind.minimum is not None else 0)
        high = number(kind.maximum if kind.maximum is not None else low + 1000)
        try:
            ends = []
            for value in (low, high):
                filled = {**rest, **given, term: value}
                ends.append(float(where.value(left, filled)) - float(where.value(right, filled)))
        except (EvaluationError, TypeError, ValueError, ZeroDivisionError):
            continue
        values: list[Any] = [low, high]
        if ends[0] != ends[1]:
            root = low - ends[0] * (high - low) / (ends[1] - ends[0])
            values = [number(root), *related("!=", number(root), kind), low, high]
        for value in values:
            yield {**rest, **given, term: value}


def _middle(kind: Type, last: bool = False) -> Any:
    found = [v for v in defaults(kind) if v is not None] or [None]
    return found[-1 if last else 0]


def _of_length(kind: Type, size: int) -> Any:
    if kind.kind is Kind.LIST:
        return [_middle(kind.item) if kind.item is not None else 0] * size
    return b"\x01" * size if kind.kind is Kind.BYTES else "x" * size


def related(op: str, bound: Any, kind: Type) -> list[Any]:
    """Values ``v`` with ``v op bound``, those next to the boundary first."""
    if op in ("in", "not in"):
        members = list(bound) if isinstance(bound, (list, str)) else []
        beside = [max(members) + 1, min(members) - 1] if members and all(type(v) is int for v in members) else []
        return members if op == "in" else [v for v in [*defaults(kind), *beside] if v not in members]
    if bound is None:
        return [None] if op == "==" else [v for v in defaults(kind) if v is not None]
    if isinstance(bound, (int, float)) and not isinstance(bound, bool):
        step: float = 1 if kind.kind in (Kind.INT, Kind.DURATION) else max(abs(bound) * 1e-3, 1e-3)
        near: dict[str, list[Any]] = {
            "==": [bound],
            "!=": [bound + step, bound - step],
            "<": [bound - step],
            "<=": [bound, bound - step],
            ">": [bound + step],
            ">=": [bound, bound + step],
        }
        number = int if kind.kind in (Kind.INT, Kind.DURATION) else float
        return [number(v) for v in near[op]]
    if op == "==":
        return [bound]
    others = [v for v in defaults(kind) if v != bound]
    if isinstance(bound, bytes):
        others.insert(0, bytes([bound[0] ^ 1]) + bound[1:] if bound else b"\x01")
    return others


def values_of(data: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Any, ...]:
    """The values of some data items, lists as text, to compare situations by."""
    return tuple(repr(v) if isinstance(v, list) else v for v in map(data.get, names))
