"""What a transition and a trigger do, written out: states that are left and entered, in the order of SCXML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.language.model import State, StateKind, Transition
from engine.semantics.compiled.topology import members
from engine.tools.export.c.blocks import Functions
from engine.tools.export.c.design import FAILURE, Design
from engine.tools.export.c.layout import indented
from engine.tools.export.c.names import comment
from engine.tools.export.c.selection import Selection
from engine.tools.export.losses import Construct

NO_STATE = "CHART_NONE"
MOST_STATES = 254  # their numbers are octets, 255 is none


@dataclass(slots=True)
class Tables:
    """Rows as text, and functions by name, "" for none. ``blocks``: those that rows name by number; 0 does nothing."""

    transitions: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=lambda: [""])
    choices: list[tuple[str, str]] = field(default_factory=list)  # function, trigger
    begin: str = ""
    end: str = ""
    invoke: str = ""
    again: str = ""
    failure: str = "0U"
    enabled: int = 0  # transitions of a microstep, at most

    def number(self, block: str) -> int:
        """The number of a function."""
        if block not in self.blocks:
            self.blocks.append(block)
        return self.blocks.index(block)


class Writer:
    """Writes the functions of a design that the core calls."""

    def __init__(self, design: Design, functions: Functions) -> None:
        self.design = design
        self.functions = functions
        self.topology = design.topology
        self.timers: dict[State, int] = {}  # the number of the first timer
        for number, (state, _) in enumerate(design.timers):
            self.timers.setdefault(state, number)
        self.exits = {s: functions.block(s.exit, s.id) for s in design.states}
        self.entries = {s: functions.block(s.entry, s.id) for s in design.states}
        self.starts = {s: functions.start(s) for s in design.states}
        self.stops = {s: functions.stop(s) for s in design.states}
        self.outputs = {s: functions.output(s) for s in design.states if s.kind is StateKind.FINAL}

    def in_words(self, name: str, mask: int, drop: bool = False) -> list[str]:
        """Statements that put states into a set of the machine, or take them out."""
        lines = []
        for word in range((mask.bit_length() + 31) // 32):
            bits = mask >> 32 * word & 0xFFFFFFFF
            if bits:
                changed = f"&= 0x{bits ^ 0xFFFFFFFF:08X}U" if drop else f"|= 0x{bits:08X}U"
                lines.append(f"chart->{name}.word[{word}] {changed};")
        return lines

    def leave(self, mask: int, end: bool = False) -> list[str]:
        """Those of some states that are active are left, the last one first. ``end``: the machine ends."""
        lines: list[str] = []
        left = 0  # in the machine's set still
        for number in sorted(members(mask), reverse=True):
            state = self.design.states[number]
            first = self.timers.get(state, 0)
            duties = [f"chart_stop(chart, {first + at}U);" for at in range(len(state.timers))]
            duties += [f"{self.exits[state]}(chart);"] if self.exits[state] else []
            if self.starts[state] or self.stops[state]:
                begun = self.in_words("starting", 1 << number, drop=True)
                named = f"{_word('starting', number)}"
                stop = [f"    {self.stops[state]}(chart);"] if self.stops[state] else ["    /* nothing ends */"]
                duties += [f"if ({named}) {{ /* not begun */", *indented(begun), "} else {", *stop, "}"]
            if end and self.outputs.get(state) and state.parent is self.design.states[0]:
                duties.append(f"{self.outputs[state]}(chart);")
            if duties:
                lines += self.in_words("active", left, drop=True)
                left = 0
                lines += [f"if (chart_in(chart, {self.design.state_name(state.id)})) {{", *indented(duties), "}"]
            left |= 1 << number
        return lines + self.in_words("active", left, drop=True)

    def enter(self, mask: int) -> list[str]:
        """These states are entered, the first one first."""
        lines: list[str] = []
        entered = 0
        for number in members(mask):
            state = self.design.states[number]
            entered |= 1 << number
            duties = self.in_words("starting", 1 << number) if self.starts[state] else []
            duties += [f"{self.entries[state]}(chart);"] if self.entries[state] else []
            for at, timer in enumerate(state.timers):
                duties += self.functions.start_timer(timer, self.timers[state] + at, state.id)
            if state.kind is StateKind.FINAL and state.parent is self.design.states[0]:
                duties.append("chart->running = false;")
            if duties:
                lines += [*self.in_words("active", entered), f"{self.functions.function('enter', duties)}(chart);"]
                entered = 0
        return lines + self.in_words("active", entered)

    def invoke(self) -> list[str]:
        """The invocations of the states that have been entered begin."""
        lines: list[str] = []
        for number, state in enumerate(self.design.states):
            if self.starts[state]:
                begins = f"    {self.starts[state]}(chart);"
                lines += [f"if ({_word('starting', number)}) {{", begins, "}"]
        mask = sum(1 << number for number, state in enumerate(self.design.states) if self.starts[state])
        return [*lines, *self.in_words("starting", mask, drop=True)]

    def again(self) -> list[str]:
        """A `poll` whose state its expiry has not left is set anew."""
        cases: list[str] = []
        for number, (state, timer) in enumerate(self.design.timers):
            if timer.periodic:
                lines = self.functions.start_timer(timer, number, state.id)
                inside = f"    if (chart_in(chart, {self.design.state_name(state.id)})) {{"
                cases += [f"case {number}U:", inside, *indented(indented(lines)), "    }", "    break;"]
        if not cases:
            return []
        return ["switch (timer) {", *cases, "default:", "    break; /* it is set when its state is entered */", "}"]


def _word(name: str, number: int) -> str:
    return f"(chart->{name}.word[{number // 32}] & 0x{1 << number % 32:08X}U) != 0U"


def tables_of(design: Design, functions: Functions) -> Tables:
    """All tables; what has no row is a loss of the design."""
    tables = Tables()
    if len(design.states) > MOST_STATES:
        what = f"{len(design.states)} states, where {MOST_STATES} are possible"
        design.refuse(what, "", design.chart.position, Construct.ACTION)
    if design.chart.strict:
        what = "an event that nobody hears is no error: leave `strict` out"
        design.refuse(what, "", design.chart.position, Construct.STRICT)
    for state in design.states:
        _refused(design, state)
    if any(construct is Construct.HISTORY for construct in (loss.construct for loss in design.exported.losses)):
        return tables
    writer = Writer(design, functions)
    tests: dict[Transition, str] = {}
    for number, transition in enumerate(design.transitions):
        tables.transitions.append(_transition(design, writer, tables, tests, number, transition))
    _triggers(design, functions, tables, Selection(design, tests))
    tables.begin = functions.function("begin", writer.enter(design.topology.initial_entry().states))
    tables.end = functions.function("end", writer.leave((1 << len(design.states)) - 1, end=True))
    tables.invoke = functions.function("invoke", writer.invoke())
    tables.again = functions.function("again", writer.again(), more=", uint16_t timer")
    if FAILURE in design.by_name:
        tables.failure = design.event_name(FAILURE)
    return tables


def _refused(design: Design, state: State) -> None:
    if state.kind in (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY):
        design.refuse("history is not translated", state.id, state.position, Construct.HISTORY)
    if state.kind is StateKind.FINAL and state.parent is not design.states[0]:
        what = "a final state inside another is not translated: only the machine itself ends"
        design.refuse(what, state.id, state.position, Construct.COMPOSITE_DONE)
    if state.initial is not None and state.initial.actions:
        design.refuse("actions of `initial` are not translated", state.id, state.initial.position, Construct.ACTION)
    for invariant in (*state.invariants, *state.joint_invariants):
        design.refuse("it is not translated", state.id, invariant.position, Construct.INVARIANT)
    for transition in state.transitions:
        if transition.relays:
            design.refuse("`relay` is not translated", transition.id, transition.position, Construct.ACTION)


def _transition(
    design: Design, writer: Writer, tables: Tables, tests: dict[Transition, str], number: int, t: Transition
) -> str:
    functions, topology = writer.functions, design.topology
    domain = topology.domain(t, topology.no_history)
    inside = NO_STATE if domain < 0 else design.state_name(design.states[domain].id)
    events = [event for event in design.events if t in event.heard]
    functions.transition = t
    functions.event = events[0] if len(events) == 1 and t.timer is None else None
    tests[t] = functions.guard(t, number)
    actions = functions.block((t.actions,), t.id)
    functions.event = functions.transition = None
    leaves = enters = ""
    if domain >= 0:
        leaves = functions.function("leave", writer.leave(topology.below[domain]))
        enters = functions.function("entry", writer.enter(topology.entry([t], topology.no_history).states))
    numbers = [tables.number(block) for block in (leaves, actions, enters)]
    parts = [design.state_name(t.source.id), _last(design, topology.number[t.source]), inside]
    parts += [NO_STATE if domain < 0 else _last(design, domain), *(f"{one}U" for one in numbers)]
    return f"{{{', '.join(parts)}}}, /* {number}: {comment(t.id)} */"


def _last(design: Design, number: int) -> str:
    """The last state inside one, or itself."""
    return design.state_name(design.states[max([number, *members(design.topology.below[number])])].id)


def _triggers(design: Design, functions: Functions, tables: Tables, selection: Selection) -> None:
    eventless = [t for t in design.transitions if not t.descriptors and t.timer is None]
    rows: list[tuple[str, Iterable[Transition]]] = [("eventless", eventless)]
    rows += [(event.name, event.heard) for event in design.events]
    rows += [(timer.id, [t for t in design.transitions if t.timer == timer.id]) for _, timer in design.timers]
    for name, heard in rows:
        lines = selection.lines(heard)
        choice = functions.function("choice", lines, "uint16_t *", ", uint16_t *all")
        tables.choices.append((choice, name))
        tables.enabled = max(tables.enabled, selection.most(heard))
