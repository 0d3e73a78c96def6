"""The findings of ``engine check``: their codes, why they matter, and how they are waived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from engine.language.model import Chart, DataDef, EventDef, ParameterDef, State, Transition
from engine.language.position import Position

Level = Literal["warning", "note"]
Part = State | Transition | DataDef | EventDef | ParameterDef  # what a finding may be about, and waive it


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding. A ``note`` is shown on request and never fails a check; ``why`` is one sentence."""

    code: str
    title: str
    why: str
    level: Level = "warning"


_RULES = (
    Rule(
        "C101", "unreachable state", "A state that nothing leads to is dead text, or a transition to it was forgotten."
    ),
    Rule(
        "C102",
        "state that is never left",
        "The machine stays here for good although the state is not final: nobody is told, and its parent waits.",
    ),
    Rule(
        "C103",
        "transition never taken",
        "An earlier transition of the same state is taken whenever this one could be; the order or a guard is wrong.",
    ),
    Rule(
        "C104",
        "transition hidden by inner states",
        "Every state inside handles the event first, so the outer transition never acts; it suggests a safety net that "
        "is not there.",
    ),
    Rule("C105", "guard never true", "The transition or branch is dead: the conditions contradict each other."),
    Rule("C106", "guard always true", "It guards nothing, so it hides that the transition is unconditional."),
    Rule(
        "C107",
        "guards that may both be true",
        "Both conditions can hold at once and neither includes the other; which transition is taken depends on their "
        "order in the file only.",
        "note",
    ),
    Rule(
        "C108",
        "end that never comes",
        "The transition waits for a state or a child to finish, but it has no final state that can be reached.",
    ),
    Rule(
        "C109",
        "state left or kept against the look of it",
        "A transition of a parallel state to one of its own states leaves all its regions and enters them anew; a "
        "history of a state that the transition does not leave gives what was active some time before.",
    ),
    Rule(
        "C110",
        "timer that never fires",
        "The state is always left before the time is over, so the timeout protects nothing.",
    ),
    Rule(
        "C111",
        "main path with a gap",
        "Overviews draw the steps of `main` one below the other; a state put between two of them is drawn aside, and "
        "the drawing tells another story than the chart.",
    ),
    Rule("C120", "unused data", "Nothing reads or assigns it: dead text, or a name meant to be used."),
    Rule("C121", "data never read", "It is assigned but nothing depends on it: dead text, or a forgotten condition."),
    Rule("C122", "unused parameter", "Setting it changes nothing, which the person who sets it cannot know."),
    Rule("C123", "unused event", "It is declared, but neither sent nor handled here."),
    Rule(
        "C124", "event that nobody handles", "It is raised or sent to the machine itself, and no transition takes it."
    ),
    Rule("C125", "event that nobody sends", "A transition waits for it, but it comes from nowhere."),
    Rule("C126", "event never sent to the parent", "The parent may wait for it; it is declared as going out."),
    Rule("C127", "event from outside that nobody handles", "Whoever sends it sends it in vain."),
    Rule(
        "C130", "adapter events that nobody handles", "The adapter tells of something and the chart ignores it.", "note"
    ),
    Rule(
        "C131", "unused adapter", "The role is declared, but the chart neither orders, reads nor hears anything of it."
    ),
    Rule(
        "C132",
        "adapter events that a strict chart does not handle",
        "The chart is strict, so each of them would fail the run.",
    ),
    Rule(
        "C133",
        "reading that nobody asks the age of",
        "When the device falls silent the chart goes on with its last number: the contract says when that is too old.",
    ),
    Rule("C140", "charts that invoke each other", "Starting one starts the next without end."),
    Rule("C141", "child events that nobody handles", "The child tells its parent something and it is ignored.", "note"),
    Rule(
        "C142",
        "end of a child that nobody handles",
        "The child can finish while the state that invokes it is active, and nothing happens then.",
        "note",
    ),
    Rule(
        "C143",
        "copy of a child's parameter",
        "The value is declared twice, and whoever changes it in the chart that uses it changes nothing; without the "
        "copy it is set by the child's path, --set CHILD.NAME=….",
    ),
    Rule("C150", "constant invariant", "It promises nothing (always true) or cannot be kept (never true)."),
    Rule("C151", "invariant that can be broken", "These inputs, one after the other, lead to a state that breaks it."),
    Rule(
        "C160",
        "division by what may be zero",
        "It would be an error.execution in operation; bound or guard the divisor.",
    ),
    Rule(
        "C161",
        "deadlines in the wrong order",
        "Whoever waits gives up before the other has used the time it may take; each of them keeps to its own.",
    ),
    Rule(
        "C170",
        "endless eventless loop",
        "These transitions need no event and no condition, so the macrostep never ends and the machine is stopped.",
    ),
    Rule(
        "C180",
        "end that leaves an unsafe order standing",
        "Whatever ends the machine there (its parent, a signal, an error), its exit actions leave something energised, "
        "closed or locked: take the order back in an exit action of the state or of the chart.",
    ),
    Rule("C190", "waiver without a finding", "What it excused is gone; the next finding of this kind would be hidden."),
)
RULES: dict[str, Rule] = {rule.code: rule for rule in _RULES}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``place`` is the id of the state, transition, data item … it is about."""

    code: str
    chart: str
    place: str
    message: str
    position: Position

    @property
    def rule(self) -> Rule:
        """The rule of its code."""
        return RULES[self.code]

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object, with its rule's level, title and reason."""
        return {
            "code": self.code,
            "level": self.rule.level,
            "title": self.rule.title,
            "chart": self.chart,
            "place": self.place,
            "message": self.message,
            "why": self.rule.why,
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
        }

    def __str__(self) -> str:
        return f"{self.position}: {self.code} {self.rule.title}: {self.message}"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding before waivers. ``about`` is the part of the chart whose waivers apply, with those of its parents."""

    finding: Finding
    about: Part | None = None


def apply_waivers(chart: Chart, found: Iterable[Found]) -> tuple[list[Finding], list[Finding]]:
    """The findings that stand and those that are waived. A waiver that excuses nothing is a finding itself."""
    standing: list[Finding] = []
    waived: list[Finding] = []
    used: set[tuple[int, str]] = set()
    for item in found:
        code = item.finding.code
        holder = next((h for h in _holders(chart, item.about) if code in h.waivers), None)
        if holder is None:
            standing.append(item.finding)
        else:
            used.add((id(holder), code))
            waived.append(item.finding)
    for holder, place in _all_holders(chart):
        for code in holder.waivers:
            if (id(holder), code) not in used:
                known = "" if code in RULES else "; there is no such code"
                message = f"{place} waives {code}, of which there is no finding{known}"
                standing.append(Finding("C190", chart.name, place, message, holder.position))
    return standing, waived


def _holders(chart: Chart, about: Part | None) -> Iterable[Chart | Part]:
    if about is not None:
        yield about
    if isinstance(about, Transition):
        yield about.source
        yield from about.source.ancestors()
    elif isinstance(about, State):
        yield from about.ancestors()
    yield chart


def _all_holders(chart: Chart) -> Iterable[tuple[Chart | Part, str]]:
    yield chart, f"chart {chart.name}"
    for state in chart.root.walk():
        if state is not chart.root:
            yield state, f"state {state.id}"
    for transition in chart.transitions:
        yield transition, f"transition {transition.id}"
    declared: list[ParameterDef | DataDef | EventDef] = [*chart.parameters.values(), *chart.data.values()]
    for item in (*declared, *chart.events.values()):
        yield item, item.name
