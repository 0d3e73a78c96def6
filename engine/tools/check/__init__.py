"""``engine check``: what a reviewer would ask about a chart that loads. docs/checks.md has all codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.language.model import Chart
from engine.tools.check import main_path, names, orders, structure, transitions
from engine.tools.check.deadlines import wrong_order
from engine.tools.check.findings import RULES, Finding, Found, Rule, apply_waivers
from engine.tools.check.invariants import Verdict, prove
from engine.tools.check.static_facts import StaticFacts
from engine.tools.check.walk import Uses, collect

__all__ = ["RULES", "Finding", "Report", "Rule", "Verdict", "check", "check_all"]

LIMIT = 300  # states, unless told: a second or so
_NONE: Mapping[str, Chart] = {}


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one chart's check. ``waived``: those the chart excuses, with the reason it gives."""

    chart: Chart
    findings: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...] = ()

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.rule.level == "warning")

    @property
    def notes(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.rule.level == "note")


def check(chart: Chart, limit: int = LIMIT, known: Mapping[str, Chart] = _NONE) -> Report:
    """All findings of this chart (not of its children), in the order of the file. ``limit``: how many states to visit
    for its invariants; ``known``: the charts checked together, by name, whose deadlines it may name."""
    uses = collect(chart)
    verdicts = tuple(prove(chart, uses, limit)) if limit else ()
    standing, waived = apply_waivers(
        chart, [*_rules(chart, uses), *wrong_order(chart, known), *_broken(chart, verdicts)]
    )
    return Report(chart, _ordered(standing), _ordered(waived), verdicts)


def _broken(chart: Chart, verdicts: tuple[Verdict, ...]) -> Iterator[Found]:
    holders = {i: state for state in chart.root.walk() for i in (*state.invariants, *state.joint_invariants)}
    for verdict in verdicts:
        if verdict.path:
            state, invariant = holders[verdict.invariant], verdict.invariant
            message = f"'{invariant.text}' is broken by: {verdict.path}"
            yield Found(Finding("C151", chart.name, state.id or chart.name, message, invariant.position), state)


def check_all(chart: Chart, limit: int = LIMIT, known: Mapping[str, Chart] = _NONE) -> list[Report]:
    """The reports of this chart and of all it invokes or spawns, each once, parents first."""
    reports: list[Report] = []
    seen: set[tuple[str, str, int]] = set()
    todo = [chart]
    while todo:
        current = todo.pop(0)
        key = (current.file, current.name, current.position.line)  # charts in place share a file
        if key in seen:
            continue
        seen.add(key)
        reports.append(check(current, limit, known))
        todo.extend(child for _, child in names.children(current, collect(current)))
    return reports


def _rules(chart: Chart, uses: Uses) -> Iterator[Found]:
    # A state that only a dead transition leads to is not told of: the transition is.
    known = StaticFacts(chart, uses)
    drawn = structure.Structure(chart, known)
    drawn.explore()
    yield from structure.unreachable_states(drawn)
    at = structure.Structure(chart, known)
    yield from transitions.constant_guards(at, uses)
    yield from transitions.never_taken(at)
    at.explore()
    yield from structure.timers_that_never_fire(at)
    yield from transitions.hidden_by_inner(at)
    yield from structure.ends_that_never_come(at)
    yield from structure.seemingly_inside(at)
    at.explore()
    yield from structure.states_never_left(at)
    yield from structure.endless_loops(at)
    yield from transitions.overlapping_guards(at)
    yield from transitions.constant_invariants(at)
    yield from transitions.divisions(at, uses)
    yield from names.unused_data(chart, uses)
    yield from names.unused_parameters(chart, uses)
    yield from names.unused_events(chart, uses)
    yield from names.adapters(chart, uses)
    yield from names.child_events(chart, uses)
    yield from names.copied_parameters(chart, uses)
    yield from names.cycles(chart, uses)
    yield from orders.left_standing(chart)
    yield from main_path.gaps(chart)


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (f.position.file, f.position.line, f.position.column, f.code)))
