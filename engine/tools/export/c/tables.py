"""The constant tables of a chart."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.language.model import State, StateKind, Transition
from engine.semantics.compiled.topology import members
from engine.tools.export.c.blocks import Functions
from engine.tools.export.c.design import FAILURE, Design
from engine.tools.export.c.names import comment
from engine.tools.export.losses import Construct

NO_STATE = "CHART_NONE"
MOST_STATES = 254  # their numbers are octets, 255 is none
_KINDS = {
    StateKind.ATOMIC: "CHART_ATOMIC",
    StateKind.COMPOUND: "CHART_COMPOUND",
    StateKind.PARALLEL: "CHART_PARALLEL",
    StateKind.FINAL: "CHART_FINAL",
}


@dataclass(slots=True)
class Tables:
    """Rows as text, and the sets of states as masks."""

    states: list[str] = field(default_factory=list)
    transitions: list[str] = field(default_factory=list)
    triggers: list[tuple[str, int, list[int], int, int]] = field(default_factory=list)  # name, first, heard, masks
    clocks: list[str] = field(default_factory=list)
    sets: list[int] = field(default_factory=list)
    heard: list[tuple[int, int]] = field(default_factory=list)  # transition, number of its source
    initial: int = 0
    failure: str = "0U"


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
    entry = design.topology.initial_entry()
    tables.initial = _set(tables, entry.states)
    timer = 0
    for state in design.states:
        tables.states.append(_state(design, functions, state, timer))
        timer += len(state.timers)
    for number, transition in enumerate(design.transitions):
        tables.transitions.append(_transition(design, functions, tables, number, transition))
    _triggers(design, tables)
    for state, one in design.timers:
        delay = functions.delay(one.delay, one.position, state.id)
        periodic = "true" if one.periodic else "false"
        row = f"{{{delay}, {design.place(one.position)}U, {design.state_name(state.id)}, {periodic}}}"
        tables.clocks.append(f"{row}, /* {comment(state.id)}: after {comment(one.text)} */")
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


def _state(design: Design, functions: Functions, state: State, timer: int) -> str:
    number = design.topology.number[state]
    parent = NO_STATE if state.parent is None else design.state_name(state.parent.id)
    inner = list(members(design.topology.below[number]))
    last = design.state_name(design.states[inner[-1] if inner else number].id)
    final = state.kind is StateKind.FINAL and state.parent is design.states[0]
    blocks = (
        functions.block(state.entry, state.id),
        functions.block(state.exit, state.id),
        functions.start(state),
        functions.stop(state),
        functions.output(state) if final else 0,
    )
    numbers = ", ".join(f"{block}U" for block in blocks)
    kind = _KINDS[state.kind]
    row = f"{{{parent}, {last}, (uint8_t){kind}, {len(state.timers)}U, {timer}U, {numbers}}}"
    return f"{row}, /* {number}: {state.id or 'the root'} */"


def _transition(design: Design, functions: Functions, tables: Tables, number: int, t: Transition) -> str:
    domain = design.topology.domain(t, design.topology.no_history)
    entered = design.topology.entry([t], design.topology.no_history).states if domain >= 0 else 0
    source = design.state_name(t.source.id)
    inside = NO_STATE if domain < 0 else design.state_name(design.states[domain].id)
    events = [event for event in design.events if t in event.heard]
    functions.transition = t
    functions.event = events[0] if len(events) == 1 and t.timer is None else None
    guard, place = (0, 0) if t.guard is None else functions.guard(t.guard, t.position, t.id)
    actions = functions.block((t.actions,), t.id)
    functions.event = functions.transition = None
    row = f"{{{source}, {inside}, {_set(tables, entered)}U, {guard}U, {actions}U, {place}U}}"
    return f"{row}, /* {number}: {comment(t.id)} */"


def _set(tables: Tables, mask: int) -> int:
    if mask not in tables.sets:
        tables.sets.append(mask)
    return tables.sets.index(mask)


def _triggers(design: Design, tables: Tables) -> None:
    numbers = {t.id: number for number, t in enumerate(design.transitions)}
    eventless = [t for t in design.transitions if not t.descriptors and t.timer is None]
    rows = [("eventless", eventless), *((event.name, event.heard) for event in design.events)]
    rows += [(timer.id, [t for t in design.transitions if t.timer == timer.id]) for _, timer in design.timers]
    for name, heard in rows:
        own = sorted(numbers[t.id] for t in heard)
        sources = atoms = 0
        for t in heard:
            number = design.topology.number[t.source]
            sources |= 1 << number
            atoms |= (design.topology.below[number] | 1 << number) & design.topology.atomic
        tables.triggers.append((name, len(tables.heard), own, sources, atoms))
        tables.heard += [(one, design.topology.number[design.transitions[one].source]) for one in own]


def set_text(mask: int, words: int) -> str:
    """A set of states as the initialiser of a ``chart_set``."""
    return "{{" + ", ".join(f"0x{mask >> 32 * word & 0xFFFFFFFF:08X}U" for word in range(words)) + "}}"
