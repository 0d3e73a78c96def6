"""Transitions against each other: order, guards, inner states."""

from __future__ import annotations

from collections.abc import Iterable

from engine.check import logic
from engine.check.findings import Finding, Found
from engine.check.structure import Structure, resolve_in
from engine.check.walk import Given, Uses, parts
from engine.expr import tree
from engine.expr.tree import Expr
from engine.model import State, StateKind, Transition


def _guard(transition: Transition) -> Expr | None:
    return None if transition.guard is None else resolve_in(transition.guard, transition.source)


def _covers(descriptors: Iterable[str], descriptor: str) -> bool:
    """Whether every event of ``descriptor`` is one of ``descriptors`` too."""
    return any(d in ("*", descriptor) or descriptor.startswith(f"{d}.") for d in descriptors)


def _competes(earlier: Transition, descriptor: str | None, later: Transition) -> bool:
    """Whether ``earlier`` is tried before ``later`` whenever this descriptor of it (None: no event) matches."""
    if later.timer is not None:
        return earlier.timer == later.timer
    if descriptor is None:
        return not earlier.descriptors and earlier.timer is None
    return earlier.timer is None and bool(earlier.descriptors) and _covers(earlier.descriptors, descriptor)


def constant_guards(structure: Structure, uses: Uses) -> Iterable[Found]:
    """C105, C106: of transitions and of ``if`` branches."""
    chart = structure.chart
    for use in uses.expressions:
        if use.role not in ("guard", "branch"):
            continue
        guard = resolve_in(use.expr, use.about.source) if isinstance(use.about, Transition) else use.expr
        given = use.given if use.role == "branch" else ()
        place = use.about.id if use.about is not None else chart.name
        what = "the guard" if use.role == "guard" else "the condition of this 'if'"
        if not logic.satisfiable([*given, (guard, True)]):
            if logic.satisfiable(given):
                yield Found(Finding("C105", chart.name, place, f"{what} is never true", use.position), use.about)
                if use.role == "guard":
                    structure.dead.add(place)
        elif not logic.satisfiable([*given, (guard, False)]):
            yield Found(Finding("C106", chart.name, place, f"{what} is always true", use.position), use.about)


def never_taken(structure: Structure) -> Iterable[Found]:
    """C103: what earlier transitions of the same state always forestall."""
    for state in structure.chart.root.walk():
        for number, later in enumerate(state.transitions):
            if later.id in structure.dead:
                continue
            earlier = [t for t in state.transitions[:number] if t.id not in structure.dead]
            keys: tuple[str | None, ...] = later.descriptors or (None,)
            culprits: list[Transition] = []
            for descriptor in keys:
                rivals = [t for t in earlier if _competes(t, descriptor, later)]
                before = [(_guard(t), False) for t in rivals]
                if not rivals or logic.satisfiable([(_guard(later), True), *before]):
                    break
                culprits += [t for t in rivals if t not in culprits]
            else:
                structure.dead.add(later.id)
                names = " and ".join(f"'{t.id}' (line {t.position.line})" for t in culprits[-3:])
                message = f"'{later.id}' comes after {names}, of which one is always taken first"
                yield Found(Finding("C103", structure.chart.name, later.id, message, later.position), later)


def hidden_by_inner(structure: Structure) -> Iterable[Found]:
    """C104: what every state inside always handles first. Needs ``structure`` explored."""
    for state in structure.chart.root.walk():
        if state.kind not in (StateKind.COMPOUND, StateKind.PARALLEL) or state not in structure.reachable:
            continue
        atoms = structure.atoms(state)
        for outer in state.transitions:
            if outer.id in structure.dead or not outer.descriptors:
                continue
            if atoms and all(_inside_handles(atom, state, outer, d) for atom in atoms for d in outer.descriptors):
                structure.dead.add(outer.id)
                message = (
                    f"every state inside '{state.id or structure.chart.name}' handles {' '.join(outer.descriptors)}"
                )
                yield Found(Finding("C104", structure.chart.name, outer.id, message, outer.position), outer)


def _inside_handles(atom: State, outside: State, outer: Transition, descriptor: str) -> bool:
    before: list[tuple[Expr | None, bool]] = []
    for state in (atom, *atom.ancestors()):
        if state is outside:
            break
        before += [(_guard(t), False) for t in state.transitions if _competes(t, descriptor, outer)]
    return bool(before) and not logic.satisfiable([(_guard(outer), True), *before])


def overlapping_guards(structure: Structure) -> Iterable[Found]:
    """C107: two guards that may both be true, neither of which includes the other."""
    chart = structure.chart
    for state in chart.root.walk():
        for number, later in enumerate(state.transitions):
            for earlier in state.transitions[:number]:
                if later.guard is None or earlier.guard is None or not _same_event(earlier, later):
                    continue
                if earlier.targets == later.targets and earlier.actions == later.actions:
                    continue
                if earlier.id in structure.dead or later.id in structure.dead:
                    continue
                a, b = resolve_in(earlier.guard, state), resolve_in(later.guard, state)
                both = logic.surely_satisfiable([(a, True), (b, True)])
                ordered = not logic.satisfiable([(a, True), (b, False)]) or not logic.satisfiable(
                    [(b, True), (a, False)]
                )
                if both and not ordered:
                    message = f"the guards of '{earlier.id}' and '{later.id}' may both be true; the first wins"
                    yield Found(Finding("C107", chart.name, later.id, message, later.position), later)


def _same_event(a: Transition, b: Transition) -> bool:
    if a.timer is not None or b.timer is not None:
        return a.timer == b.timer
    if not a.descriptors or not b.descriptors:
        return a.descriptors == b.descriptors
    return any(_covers(b.descriptors, d) for d in a.descriptors) or any(
        _covers(a.descriptors, d) for d in b.descriptors
    )


def constant_invariants(structure: Structure) -> Iterable[Found]:
    """C150."""
    for state in structure.chart.root.walk():
        for invariant in state.invariants:
            condition = resolve_in(invariant.condition, state) if state.parent is not None else invariant.condition
            if not logic.satisfiable([(condition, True)]):
                text = "is never true"
            elif not logic.satisfiable([(condition, False)]):
                text = "is always true"
            else:
                continue
            place = state.id or structure.chart.name
            finding = Finding("C150", structure.chart.name, place, f"'{invariant.text}' {text}", invariant.position)
            yield Found(finding, state)


def divisions(structure: Structure, uses: Uses) -> Iterable[Found]:
    """C160: at every division, with what is known to hold there."""
    for use in uses.expressions:
        for expr, given in _with_context(use.expr, use.given):
            if isinstance(expr, tree.Binary) and expr.op in ("/", "//", "%") and logic.may_be_zero(expr.right, given):
                place = use.about.id if use.about is not None else structure.chart.name
                finding = Finding("C160", structure.chart.name, place, _divisor(expr), use.position)
                yield Found(finding, use.about)


def _divisor(expr: tree.Binary) -> str:
    match expr.right:
        case tree.Variable(name=name) | tree.Parameter(name=name):
            return f"'{name}' may be 0; give its type a 'min', or guard the expression"
        case tree.EventField(name=name):
            return f"'event.{name}' may be 0; guard the expression"
        case tree.Reading(role=role, name=name):
            return f"'{role}.{name}' may be 0; guard the expression"
    return f"the right side of '{expr.op}' may be 0; guard the expression"


def _with_context(expr: Expr, given: Given) -> Iterable[tuple[Expr, Given]]:
    yield expr, given
    match expr:
        case tree.BoolOp(op=op, operands=operands):
            for operand in operands:
                yield from _with_context(operand, given)
                given = (*given, (operand, op == "and"))
        case tree.Conditional(test=test, then=then, other=other):
            yield from _with_context(test, given)
            yield from _with_context(then, (*given, (test, True)))
            yield from _with_context(other, (*given, (test, False)))
        case _:
            for part in parts(expr):
                yield from _with_context(part, given)
