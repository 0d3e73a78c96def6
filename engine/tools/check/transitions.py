"""Transitions against each other: order, guards, inner states."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.expr import tree
from engine.language.expr.tree import Expr
from engine.language.expr.walk import parts, within
from engine.language.model import State, StateKind, Transition
from engine.tools.check import logic
from engine.tools.check.findings import Finding, Found
from engine.tools.check.static_facts import HISTORY
from engine.tools.check.structure import Structure
from engine.tools.check.walk import MAX_RIVALS, Given, Uses


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
    chart, known = structure.chart, structure.known
    for use in uses.expressions:
        if use.role not in ("guard", "branch"):
            continue
        # In an action some states are left and others not entered yet.
        at = use.about.source if use.role == "guard" and isinstance(use.about, Transition) else None
        given = use.given if use.role == "branch" else ()
        place = use.about.id if use.about is not None else chart.name
        what = "the guard" if use.role == "guard" else "the condition of this 'if'"
        if not known.satisfiable([*given, (use.expr, True)], at):
            if known.satisfiable(given, at):
                message = f"{what} is never true{_why(structure, use.expr)}"
                yield Found(Finding("C105", chart.name, place, message, use.position), use.about)
                if use.role == "guard":
                    structure.dead.add(place)
        elif not known.satisfiable([*given, (use.expr, False)], at):
            message = f"{what} is always true{_why(structure, use.expr)}"
            yield Found(Finding("C106", chart.name, place, message, use.position), use.about)


def _why(structure: Structure, guard: Expr) -> str:
    """The data in a guard that only ever has values written in the chart."""
    names = {e.name: None for e in within(guard) if isinstance(e, tree.Variable) and e.name in structure.known.values}
    told = [f"'{name}' is only ever {_listed(structure.known.values[name])}" for name in names]
    return f" ({'; '.join(told)})" if told else ""


def _listed(values: tuple[object, ...]) -> str:
    return " or ".join(", ".join(repr(v) for v in values).rsplit(", ", 1))


def never_taken(structure: Structure) -> Iterable[Found]:
    """C103: transitions that earlier ones of the same state always precede."""
    for state in structure.chart.root.walk():
        for number, later in enumerate(state.transitions):
            if later.id in structure.dead:
                continue
            earlier = [t for t in state.transitions[:number] if t.id not in structure.dead]
            keys: tuple[str | None, ...] = tuple(_events(structure, later)) or (None,)
            culprits: list[Transition] = []
            for descriptor in keys:
                rivals = [t for t in earlier if _competes(t, descriptor, later)]
                rivals = [t for t in rivals if t.guard is None][:1] or rivals[-MAX_RIVALS:]
                before = [(t.guard, False) for t in rivals]
                if not rivals or structure.known.satisfiable([(later.guard, True), *before], state):
                    break
                culprits += [t for t in rivals if t not in culprits]
            else:
                structure.dead.add(later.id)
                names = " and ".join(f"'{t.id}' (line {t.position.line})" for t in culprits[-3:])
                message = f"'{later.id}' comes after {names}, of which one is always taken first"
                yield Found(Finding("C103", structure.chart.name, later.id, message, later.position), later)


def _events(structure: Structure, transition: Transition) -> Iterable[str]:
    """Its descriptors; in place of a prefix for the events of a role, these events."""
    for descriptor in transition.descriptors:
        contract = structure.chart.adapters.get(descriptor)
        if contract is None or structure.chart.untyped:
            yield descriptor
        else:
            yield from (f"{descriptor}.{event}" for event in contract.events)


def hidden_by_inner(structure: Structure) -> Iterable[Found]:
    """C104: transitions whose events every inner state always handles first. Needs ``structure`` explored."""
    for state in structure.chart.root.walk():
        if state.kind not in (StateKind.COMPOUND, StateKind.PARALLEL) or state not in structure.reachable:
            continue
        for outer in state.transitions:
            if outer.id in structure.dead or not outer.descriptors:
                continue
            if all(_hidden(structure, state, outer, event) for event in _events(structure, outer)):
                structure.dead.add(outer.id)
                inside = state.id or structure.chart.name
                message = f"whatever is active inside '{inside}' handles {' '.join(outer.written)} first"
                yield Found(Finding("C104", structure.chart.name, outer.id, message, outer.position), outer)


def _hidden(structure: Structure, at: State, outer: Transition, event: str, leaving: bool = False) -> bool:
    """Whether below ``at`` a transition for ``event`` always goes before ``outer``; ``leaving``: one with a target."""
    inside = [child for child in at.children if child in structure.reachable and child.kind not in HISTORY]
    if at.kind is StateKind.PARALLEL:
        # One region that changes its state is enough: the outer transition would exit the same states, so it yields.
        alone = bool(outer.targets) and any(_hidden(structure, child, outer, event, True) for child in inside)
        return alone or all(_hidden(structure, child, outer, event, leaving) for child in inside)
    if inside:
        return all(_hidden(structure, child, outer, event, leaving) for child in inside)
    before: list[Transition] = []
    for state in (at, *at.ancestors()):
        if state is outer.source:
            break
        before += [t for t in state.transitions if t.id not in structure.dead and _competes(t, event, outer)]
    if not before or (leaving and not all(t.targets for t in before)):
        return False
    return not structure.known.satisfiable([(outer.guard, True), *((t.guard, False) for t in before)], at)


def overlapping_guards(structure: Structure) -> Iterable[Found]:
    """C107: two guards that may both be true, neither of which includes the other."""
    chart = structure.chart
    for state in chart.root.walk():
        for number, later in enumerate(state.transitions):
            if later.guard is None:
                continue
            for earlier in state.transitions[max(0, number - MAX_RIVALS) : number]:
                if earlier.guard is None or not _same_event(earlier, later):
                    continue
                if earlier.targets == later.targets and earlier.actions == later.actions:
                    continue
                if earlier.id in structure.dead or later.id in structure.dead:
                    continue
                a, b, known = earlier.guard, later.guard, structure.known
                both = known.surely_satisfiable([(a, True), (b, True)], state)
                ordered = not known.satisfiable([(a, True), (b, False)], state) or not known.satisfiable(
                    [(b, True), (a, False)], state
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
            if not structure.known.satisfiable([(invariant.condition, True)], state):
                text = "is never true"
            elif not structure.known.satisfiable([(invariant.condition, False)], state):
                text = "is always true"
            else:
                continue
            place = state.id or structure.chart.name
            finding = Finding("C150", structure.chart.name, place, f"'{invariant.text}' {text}", invariant.position)
            yield Found(finding, state)


def divisions(structure: Structure, uses: Uses) -> Iterable[Found]:
    """C160: divisions whose divisor may be zero, by what is known at each place."""
    for use in uses.expressions:
        for expr, given in _with_context(use.expr, use.given):
            if not isinstance(expr, tree.Binary) or expr.op not in ("/", "//", "%"):
                continue
            if structure.known.satisfiable([*given, (logic.is_zero(expr.right), True)]):
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
