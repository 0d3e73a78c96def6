"""When can a guard be true? Guards as disjunctions of conjunctions of comparisons; small, sound, gives up early.

``satisfiable`` answers "no" only when it is proved, ``surely_satisfiable`` answers "yes" only when it is proved. What
is no comparison of a term with a constant (a call, two lists) is an atom of its own: equal texts are equal atoms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.check.domains import Domain, domain_of
from engine.expr import tree
from engine.expr.tree import Expr
from engine.types import BOOL, Kind

MAX_CASES = 256  # conjunctions of one guard; a guard with more is not reasoned about

# A linear combination of opaque terms, sorted; one term with factor 1 is that term.
Linear = tuple[tuple[Expr, float], ...]
_FLIP = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "in": "not in", "not in": "in"}


class _GiveUp(Exception):
    """Too many cases."""


@dataclass(frozen=True, slots=True)
class Atom:
    """``term op bound`` with a constant bound; or, with op ``holds``/``fails``, an opaque condition. ``or_none``: also
    true when the term is None (the negation of a comparison that None fails)."""

    term: Linear
    op: str
    bound: object = None
    or_none: bool = False


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
    """Whether they provably may: there is a case whose terms are all plain comparisons of independent values."""
    try:
        cases = _conjunction(guards)
    except _GiveUp:
        return False
    return any(_possible(case) is not None and all(_plain(atom) for atom in case) for case in cases)


def _plain(atom: Atom) -> bool:
    return (
        len(atom.term) == 1
        and isinstance(atom.term[0][0], (tree.Variable, tree.EventField, tree.Parameter, tree.Reading))
        and domain_of(atom.term[0][0].type) is not None
    )


def _conjunction(guards: Iterable[tuple[Expr | None, bool]]) -> list[Case]:
    cases: list[Case] = [()]
    for guard, wanted in guards:
        if guard is None:
            if not wanted:
                return []
            continue
        cases = _product(cases, _cases(guard, wanted))
    return cases


def _product(left: list[Case], right: list[Case]) -> list[Case]:
    if len(left) * len(right) > MAX_CASES:
        left = [case for case in left if _possible(case) is not None]
        right = [case for case in right if _possible(case) is not None]
        if len(left) * len(right) > MAX_CASES:
            raise _GiveUp
    return [a + b for a in left for b in right]


def _cases(expr: Expr, wanted: bool) -> list[Case]:
    """The cases in which ``expr`` is (not) true."""
    match expr:
        case tree.Literal(value=bool() as value):
            return [()] if value is wanted else []
        case tree.Unary(op="not", operand=operand):
            return _cases(operand, not wanted)
        case tree.BoolOp(op=op, operands=operands):
            if (op == "and") is wanted:
                cases: list[Case] = [()]
                for operand in operands:
                    cases = _product(cases, _cases(operand, wanted))
                return cases
            found = [case for operand in operands for case in _cases(operand, wanted)]
            if len(found) > MAX_CASES:
                raise _GiveUp
            return found
        case tree.Conditional(test=test, then=then, other=other):
            yes = _product(_cases(test, True), _cases(then, wanted))
            no = _product(_cases(test, False), _cases(other, wanted))
            return yes + no
        case tree.Compare(op=op, left=left, right=right):
            return _comparison(op, left, right, wanted)
        case tree.Variable() | tree.Parameter() | tree.EventField() | tree.Reading() if expr.type.kind is Kind.BOOL:
            return [(Atom(((expr, 1.0),), "==", wanted, or_none=not wanted and expr.type.optional),)]
    return [(Atom(((expr, 1.0),), "holds" if wanted else "fails"),)]


def _comparison(op: str, left: Expr, right: Expr, wanted: bool) -> list[Case]:
    if op in ("in", "not in"):
        if isinstance(right, tree.ListOf) and all(isinstance(item, tree.Literal) for item in right.items):
            test = tree.BoolOp("or", tuple(tree.Compare("==", left, item, BOOL) for item in right.items), BOOL)
            return _cases(test, wanted is (op == "in")) if right.items else ([()] if wanted is (op != "in") else [])
        member = tree.Compare("in", left, right, BOOL)
        return [(Atom(((member, 1.0),), "holds" if wanted is (op == "in") else "fails"),)]
    really = op if wanted else _NEGATE[op]
    # None fails an order, so the negation of an order is also true of None; == and != know None.
    or_none = not wanted and op in ("<", "<=", ">", ">=")
    linear = _linear(left, right)
    if linear is not None:
        terms, constant, whole = linear
        if not terms:
            return [()] if _holds(really, 0.0, -constant) else []
        factor = terms[0][1]
        scaled = tuple((term, coefficient / factor) for term, coefficient in terms)
        bound = -constant / factor
        if whole and float(bound).is_integer():
            bound = float(round(bound))
        return [(Atom(scaled, really if factor > 0 else _FLIP[really], bound, or_none),)]
    for term, other, operator in ((left, right, really), (right, left, _FLIP[really])):
        if isinstance(other, tree.Literal) and not isinstance(term, tree.Literal):
            return [(Atom(((term, 1.0),), operator, other.value, or_none),)]
    if op in ("==", "!="):
        first, second = sorted((left, right), key=repr)
        same = tree.Compare("==", first, second, BOOL)
        return [(Atom(((same, 1.0),), "holds" if really == "==" else "fails"),)]
    return [(Atom(((tree.Compare(op, left, right, BOOL), 1.0),), "holds" if wanted else "fails"),)]  # type: ignore[arg-type]


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


def _possible(case: Case) -> dict[Linear, Domain] | None:
    """The domains of the terms of one conjunction; None when one is empty."""
    domains: dict[Linear, Domain] = {}
    opaque: dict[Linear, str] = {}
    for atom in case:
        if atom.op in ("holds", "fails"):
            if opaque.setdefault(atom.term, atom.op) != atom.op:
                return None
            continue
        domain = domains.get(atom.term) or _start(atom.term)
        narrowed = _narrow(domain, atom)
        if narrowed.empty:
            return None
        domains[atom.term] = narrowed
    return domains


def _start(term: Linear) -> Domain:
    if len(term) == 1:
        known = domain_of(term[0][0].type)
        return _bounded(term[0][0], known) if known is not None else Domain(False, none=True)
    kinds = {part.type.kind for part, _ in term}
    whole = Kind.FLOAT not in kinds and all(float(factor).is_integer() for _, factor in term)
    # A sum of terms is None when one of them is; that fails every comparison, as it does for one term.
    return Domain(True, whole, none=any(part.type.optional for part, _ in term))


def _bounded(expr: Expr, domain: Domain) -> Domain:
    """What a function's value cannot be, from the literals it is called with."""
    if not isinstance(expr, tree.Call) or not domain.numeric:
        return domain
    if expr.function in ("len", "abs"):
        return domain.limit(">=", 0)
    literals = [a.value for a in expr.args if isinstance(a, tree.Literal) and isinstance(a.value, (int, float))]
    if expr.function == "max" and literals:
        return domain.limit(">=", max(literals))
    if expr.function == "min" and literals:
        return domain.limit("<=", min(literals))
    if expr.function == "clamp" and isinstance(expr.args[1], tree.Literal) and literals:
        return domain.limit(">=", literals[-2] if len(literals) > 1 else literals[0])
    return domain


def _narrow(domain: Domain, atom: Atom) -> Domain:
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
    return replace(narrowed, none=domain.none) if atom.or_none else narrowed


def may_be_zero(divisor: Expr, given: Iterable[tuple[Expr | None, bool]] = ()) -> bool:
    """Whether a divisor may be zero where all of ``given`` hold."""
    zero = tree.Compare("==", divisor, tree.Literal(0, divisor.type), BOOL)
    return satisfiable([*given, (zero, True)])
