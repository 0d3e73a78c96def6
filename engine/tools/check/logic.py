"""When can a guard be true? Guards as disjunctions of conjunctions of comparisons; small, sound, gives up early.

``satisfiable`` answers "no" only when it is proved, ``surely_satisfiable`` answers "yes" only when it is proved.
Anything that is not a comparison of a term with a constant (a call, two lists) is an atom of its own: equal texts are
equal atoms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from engine.language.expr import tree
from engine.language.expr.tree import Expr
from engine.language.expr.walk import within
from engine.language.types import BOOL, Kind
from engine.tools.check.value_sets import ValueSet, value_set_of

MAX_CASES = 256  # conjunctions of one guard; a guard with more is not reasoned about

# A linear combination of opaque terms, sorted; one term with factor 1 is that term.
Linear = tuple[tuple[Expr, float], ...]
_FLIP = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "in": "not in", "not in": "in"}


class _GiveUp(Exception):
    """Too many cases."""


@dataclass(frozen=True, slots=True)
class Atom:
    """``term op bound`` with a constant bound; or, of an opaque term, op ``true``, ``false``, ``error`` (it raises) or
    ``fine`` (it does not)."""

    term: Linear
    op: str
    bound: object = None


Case = tuple[Atom, ...]


def satisfiable(guards: Iterable[tuple[Expr | None, bool]]) -> bool:
    """Whether all guards may have the wanted truth value at once; ``True`` also when it cannot be decided.

    ``None`` is a missing guard: always true."""
    try:
        cases = _conjunction(guards)
    except _GiveUp:
        return True
    return any(_possible(case) is not None for case in cases)


def surely_satisfiable(guards: Iterable[tuple[Expr | None, bool]]) -> bool:
    """Whether all guards provably can have the wanted truth value at once: there is a case that has only plain
    comparisons of independent values."""
    try:
        cases = _conjunction(guards)
    except _GiveUp:
        return False
    return any(_possible(case) is not None and all(_plain(atom) for atom in case) for case in cases)


def _plain(atom: Atom) -> bool:
    """Whether the atom speaks of one value that may be anything its type allows."""
    term = atom.term[0][0]
    return (
        len(atom.term) == 1
        and atom.op not in ("true", "false", "error")
        and isinstance(term, (tree.Variable, tree.EventField, tree.Parameter, tree.Reading))
        and (atom.op == "fine" or value_set_of(term.type) is not None)
    )


def _conjunction(guards: Iterable[tuple[Expr | None, bool]]) -> list[Case]:
    cases: list[Case] = [()]
    for guard, wanted in guards:
        if guard is None:
            if not wanted:
                return []
        elif wanted:
            cases = _product(cases, _cases(guard, "true"))
        else:  # a guard that raises is not true either
            cases = _product(cases, _union(_cases(guard, "false"), _cases(guard, "error")))
    return cases


def _product(left: list[Case], right: list[Case]) -> list[Case]:
    if len(left) * len(right) > MAX_CASES:
        left = [case for case in left if _possible(case) is not None]
        right = [case for case in right if _possible(case) is not None]
        if len(left) * len(right) > MAX_CASES:
            raise _GiveUp
    return [a + b for a in left for b in right]


def _union(*groups: list[Case]) -> list[Case]:
    found = list(dict.fromkeys(case for group in groups for case in group))
    if len(found) > MAX_CASES:
        raise _GiveUp
    return found


@lru_cache(maxsize=1024)  # a guard is held against many others
def _cases(expr: Expr, outcome: str) -> list[Case]:
    """The cases in which a condition is ``true``, is ``false``, or raises (``error``)."""
    match expr:
        case tree.Literal(value=bool() as value):
            return [()] if outcome == ("true" if value else "false") else []
        case tree.Unary(op="not", operand=operand):
            return _cases(operand, {"true": "false", "false": "true"}.get(outcome, outcome))
        case tree.BoolOp(op=op, operands=operands):
            goes_on, stops = ("true", "false") if op == "and" else ("false", "true")
            before: list[Case] = [()]
            found: list[Case] = []
            for operand in operands:  # left to right, as it is evaluated
                if outcome != goes_on:
                    found = _union(found, _product(before, _cases(operand, outcome)))
                before = _product(before, _cases(operand, goes_on))
            return before if outcome == goes_on else found if outcome in (stops, "error") else []
        case tree.Conditional(test=test, then=then, other=other):
            yes = _product(_cases(test, "true"), _cases(then, outcome))
            no = _product(_cases(test, "false"), _cases(other, outcome))
            return _union(yes, no, _cases(test, "error") if outcome == "error" else [])
        case tree.Compare(op=op, left=left, right=right):
            return _comparison(op, left, right, outcome)
        case tree.Variable() | tree.Parameter() | tree.EventField() | tree.Reading() if expr.type.kind is Kind.BOOL:
            if outcome == "error":
                return _errors(expr, [expr])
            return [(Atom(((expr, 1.0),), "==", outcome == "true"), *_fine(expr))]
        case tree.InState() if outcome == "error":
            return []
    return [(Atom(((expr, 1.0),), outcome),)]


def _errors(expr: Expr, needed: Iterable[Expr]) -> list[Case]:
    """The cases in which ``expr`` raises: a part that may, or a ``needed`` value that is None."""
    missing: list[Case] = [(Atom(((term, 1.0),), "==", None),) for term in needed if term.type.optional]
    return _union(missing, [(Atom(((part, 1.0),), "error"),) for part in _risky(expr)])


def _fine(expr: Expr, needed: Iterable[Expr] = ()) -> Case:
    """What holds when ``expr`` has a value."""
    present = tuple(Atom(((term, 1.0),), "!=", None) for term in needed if term.type.optional)
    return present + tuple(Atom(((part, 1.0),), "fine") for part in _risky(expr))


def _risky(expr: Expr) -> list[Expr]:
    """The parts of an expression that may raise for reasons of their own."""
    found: list[Expr] = []
    for part in within(expr):
        match part:
            case tree.Reading() | tree.Index() | tree.Field() | tree.Invalid() | tree.SystemField() | tree.Call():
                found.append(part)
            case tree.Binary(op="/" | "//" | "%"):
                found.append(part)
    return found


def _comparison(op: str, left: Expr, right: Expr, outcome: str) -> list[Case]:
    whole = tree.Compare(op, left, right, BOOL)  # type: ignore[arg-type]
    if op in ("in", "not in"):
        if isinstance(right, tree.ListOf) and all(isinstance(item, tree.Literal) for item in right.items):
            test = tree.BoolOp("or", tuple(tree.Compare("==", left, item, BOOL) for item in right.items), BOOL)
            member: Expr = test if right.items else tree.Literal(False, BOOL)
            return _cases(member if op == "in" else tree.Unary("not", member, BOOL), outcome)
        return [(Atom(((whole, 1.0),), outcome),)]
    equality = op in ("==", "!=")
    really = op if outcome == "true" else _NEGATE[op]
    linear = None if equality and (left.type.optional or right.type.optional) else _linear(left, right)
    if linear is not None:
        terms, constant, integral = linear
        needed = [term for term, _ in terms]
        if outcome == "error":
            return _errors(whole, needed)
        if not terms:
            return [_fine(whole)] if _holds(really, 0.0, -constant) else []
        factor = terms[0][1]
        scaled = tuple((term, coefficient / factor) for term, coefficient in terms)
        bound = -constant / factor
        if integral and float(bound).is_integer():
            bound = float(round(bound))
        return [(Atom(scaled, really if factor > 0 else _FLIP[really], bound), *_fine(whole, needed))]
    for term, other, operator in ((left, right, really), (right, left, _FLIP[really])):
        if isinstance(other, tree.Literal) and not isinstance(term, tree.Literal) and (equality or other.value is None):
            if outcome == "error":
                return _errors(whole, _inside(term))
            return [(Atom(((term, 1.0),), operator, other.value), *_fine(whole, _inside(term)))]
    return [(Atom(((whole, 1.0),), outcome),)]


def _inside(term: Expr) -> list[Expr]:
    """The values below a term, all of which it needs; none of a bare one."""
    return [part for part in within(term) if part is not term and not isinstance(part, tree.Literal)]


def _holds(op: str, left: float, right: float) -> bool:
    return {
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
        "==": left == right,
        "!=": left != right,
    }[op]


def _linear(left: Expr, right: Expr) -> tuple[list[tuple[Expr, float]], float, bool] | None:
    """``left - right`` as terms and a constant; None when one of them is no number."""
    numbers = (Kind.INT, Kind.FLOAT, Kind.DURATION)
    if left.type.kind not in numbers or right.type.kind not in numbers:
        return None
    sums: dict[Expr, float] = {}
    constant = _add(left, 1.0, sums) + _add(right, -1.0, sums)
    if not math.isfinite(constant):
        return None
    terms = sorted(((term, factor) for term, factor in sums.items() if factor != 0.0), key=lambda item: repr(item[0]))
    whole = all(term.type.kind is not Kind.FLOAT for term, _ in terms)
    return terms, constant, whole


def _add(expr: Expr, factor: float, sums: dict[Expr, float]) -> float:
    match expr:
        case tree.Literal(value=int() | float() as value) if not isinstance(value, bool):
            return factor * value
        case tree.Unary(op="-", operand=operand):
            return _add(operand, -factor, sums)
        case tree.Binary(op="+" | "-" as op, left=left, right=right, scale=1.0):
            return _add(left, factor, sums) + _add(right, factor if op == "+" else -factor, sums)
        case tree.Binary(op="*", left=left, right=tree.Literal(value=int() | float() as value), scale=scale):
            return _add(left, factor * value * scale, sums)
    sums[expr] = sums.get(expr, 0.0) + factor
    return 0.0


def _possible(case: Case) -> dict[Linear, ValueSet] | None:
    """The domains of the terms of one conjunction; None when one is empty."""
    domains: dict[Linear, ValueSet] = {}
    opaque: dict[Linear, str] = {}
    for atom in case:
        if atom.op in ("true", "false", "error", "fine"):
            before = opaque.get(atom.term)
            if before is None or before == "fine":
                opaque[atom.term] = atom.op
            if (
                before is not None
                and before != atom.op
                and ("error" in (before, atom.op) or "fine" not in (before, atom.op))
            ):
                return None
            continue
        domain = domains.get(atom.term) or _start(atom.term)
        narrowed = _narrow(domain, atom)
        if narrowed.empty:
            return None
        domains[atom.term] = narrowed
    return domains


def _start(term: Linear) -> ValueSet:
    if len(term) == 1:
        known = value_set_of(term[0][0].type)
        return _bounded(term[0][0], known) if known is not None else ValueSet(False, none=True)
    kinds = {part.type.kind for part, _ in term}
    whole = Kind.FLOAT not in kinds and all(float(factor).is_integer() for _, factor in term)
    low = high = 0.0
    for part, factor in term:
        inside = _start(((part, 1.0),))
        ends = (factor * inside.low, factor * inside.high)
        low, high = low + min(ends), high + max(ends)
    # A sum of terms is None when one of them is; that fails every comparison, as it does for one term.
    return ValueSet(True, whole, low, high, none=any(part.type.optional for part, _ in term))


def _bounded(expr: Expr, domain: ValueSet) -> ValueSet:
    """What a function's value cannot be, from the literals and declared minima it is called with."""
    if not isinstance(expr, tree.Call) or not domain.numeric:
        return domain
    if expr.function in ("len", "abs"):
        return domain.limit(">=", 0)
    literals = [a.value for a in expr.args if isinstance(a, tree.Literal) and isinstance(a.value, (int, float))]
    if expr.function == "max":
        held = (arg.type for arg in expr.args if isinstance(arg, tree.Parameter | tree.Variable))
        least = [*literals, *(type_.minimum for type_ in held if type_.minimum is not None and not type_.optional)]
        return domain.limit(">=", max(least)) if least else domain
    if expr.function == "min" and literals:
        return domain.limit("<=", min(literals))
    if expr.function == "clamp":
        bounds = [a.value for a in expr.args[1:] if isinstance(a, tree.Literal) and isinstance(a.value, (int, float))]
        if isinstance(expr.args[1], tree.Literal) and bounds:
            domain = domain.limit(">=", bounds[0])
        return domain.limit("<=", max(bounds)) if len(bounds) == 2 else domain
    return domain


def _narrow(domain: ValueSet, atom: Atom) -> ValueSet:
    if atom.bound is None:
        return domain.is_none() if atom.op == "==" else domain.is_some()
    if not domain.same_kind(atom.bound) or not isinstance(atom.bound, (bool, int, float, str, bytes)):
        # A comparison of `any`: numbers and texts may both occur, nothing is known.
        return replace(domain, but=frozenset())
    if atom.op == "==":
        narrowed = domain.equal(atom.bound)
    elif atom.op == "!=":
        narrowed = domain.unequal(atom.bound)
    else:
        assert isinstance(atom.bound, (int, float))
        narrowed = domain.limit(atom.op, atom.bound)
    return narrowed


def is_zero(divisor: Expr) -> Expr:
    """The condition that a divisor is zero."""
    return tree.Compare("==", divisor, tree.Literal(0, divisor.type), BOOL)
