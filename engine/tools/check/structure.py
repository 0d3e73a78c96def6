"""Which states and transitions can take part at all: reachability over the state tree, without data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.language.expr import tree
from engine.language.expr.tree import Expr
from engine.language.expr.walk import within
from engine.language.model import Chart, State, StateKind, Timer, Transition
from engine.language.types import BOOL
from engine.semantics.shared import name_matches
from engine.tools.check.findings import Finding, Found
from engine.tools.check.static_facts import HISTORY, StaticFacts, contains, orthogonal
from engine.tools.check.walk import collect


@dataclass(slots=True)
class Structure:
    """The states and transitions that can take part. ``dead``: ids of transitions that never act, as other rules have
    found."""

    chart: Chart
    known: StaticFacts
    reachable: set[State] = field(default_factory=set)
    targeted: set[State] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    _undefaulted: dict[State, list[State]] = field(default_factory=dict)  # regions that were never entered by default

    def explore(self) -> None:
        """Follow all transitions that are not dead from the initial configuration."""
        self.reachable, self.targeted, self._undefaulted = set(), set(), {}
        self.enter(self.chart.root)
        done: set[str] = set()
        grew = True
        while grew:
            grew = False
            for transition in self.chart.transitions:
                if transition.id in done or transition.id in self.dead or transition.source not in self.reachable:
                    continue
                done.add(transition.id)
                for target in transition.targets:
                    self.enter(target)
                grew = True

    def enter(self, state: State) -> None:
        """Make a state active: with its ancestors, the regions beside it and its default descendants."""
        entered = [state]
        below: list[State] = []  # what becomes active from above, and its default descendants with it
        while entered or below:
            if below:
                self._down(below.pop(), entered, below)
                continue
            inner = entered.pop()
            self.targeted.add(inner)
            below.append(inner)
            for ancestor in inner.ancestors():
                self.reachable.add(ancestor)
                if ancestor.kind is StateKind.PARALLEL:
                    below += self._regions(ancestor, inner)
                inner = ancestor

    def _regions(self, parallel: State, entered: State | None) -> list[State]:
        """The regions whose default is taken when ``parallel`` becomes active, each told once; but for the one that is
        entered further down."""
        waiting = self._undefaulted.get(parallel)
        if waiting is None:
            waiting = [region for region in parallel.children if region.kind not in HISTORY]
        self._undefaulted[parallel] = [region for region in waiting if region is entered]
        return [region for region in waiting if region is not entered]

    def _down(self, state: State, entered: list[State], below: list[State]) -> None:
        self.reachable.add(state)
        default = state.history_default if state.kind in HISTORY else state.initial
        if state.kind is StateKind.PARALLEL:
            below += self._regions(state, None)
        elif default is not None and (state.kind in HISTORY or state.kind is StateKind.COMPOUND):
            entered += [target for target in default.targets if target not in self.targeted]

    def live(self) -> Iterator[Transition]:
        """The transitions that may be taken."""
        return (t for t in self.chart.transitions if t.id not in self.dead and t.source in self.reachable)

    def atoms(self, state: State) -> list[State]:
        """The reachable states without children at or below ``state``."""
        return [s for s in state.walk() if s in self.reachable and s.kind in (StateKind.ATOMIC, StateKind.FINAL)]

    def can_end(self, state: State) -> bool:
        """Whether ``done.state`` of this state can happen; for the root: whether the machine can end."""
        if state.kind is StateKind.PARALLEL:
            return all(self.can_end(child) for child in state.children if child.kind not in HISTORY)
        return any(child.kind is StateKind.FINAL and child in self.reachable for child in state.children)


def leaves(transition: Transition, state: State) -> bool:
    """Whether taking ``transition`` while ``state`` is active leaves it for another."""
    if not transition.targets or all(target is state for target in transition.targets):
        return False
    source = transition.source
    if contains(source, state):
        return True
    if not orthogonal(source, state):
        return False
    above = [a for a in source.ancestors() if all(contains(a, t) and t is not a for t in transition.targets)]
    domain = next((a for a in above if a.kind is StateKind.COMPOUND or a.parent is None), None)
    return domain is not None and contains(domain, state)


def exits(transition: Transition, state: State) -> bool:
    """Whether taking ``transition`` while ``state`` is active exits it, even if it enters it again (SCXML's exit
    set)."""
    source, targets = transition.source, transition.targets
    if not targets:
        return False
    if transition.internal and source.kind is StateKind.COMPOUND and all(source in t.ancestors() for t in targets):
        return source in state.ancestors()
    above = (a for a in source.ancestors() if a.kind is StateKind.COMPOUND or a.parent is None)
    return next(a for a in above if all(a in t.ancestors() for t in targets)) in state.ancestors()


# ---------------------------------------------------------------- rules


def unreachable_states(structure: Structure) -> Iterable[Found]:
    """C101: states to which no transition leads."""
    for state in structure.chart.root.walk():
        if state in structure.reachable or (state.parent is not None and state.parent not in structure.reachable):
            continue
        what = "history state" if state.kind in HISTORY else "state"
        yield _found(structure, "C101", state, f"no transition that can be taken leads to the {what} '{state.id}'")


def states_never_left(structure: Structure) -> Iterable[Found]:
    """C102: states that no transition leaves, and that are not final."""
    live = list(structure.live())
    for state in structure.atoms(structure.chart.root):
        if state.parent is None or _only_one(structure, state):
            continue
        ends = state.kind is StateKind.FINAL
        if ends and (state.parent.parent is None or state.parent.parent.kind is StateKind.PARALLEL):
            continue  # here the machine ends, or a region, which waits for the others
        own = (t for s in (state, *state.ancestors()) for t in s.transitions if t.id not in structure.dead)
        if not any(leaves(t, state) for t in own) and not any(leaves(t, state) for t in live):
            message = f"no transition leaves the state '{state.id}'; is it meant to be final?"
            if ends:
                message = (
                    f"'{state.parent.id}' ends in '{state.name}', and no onDone or other transition leaves it then"
                )
            yield _found(structure, "C102", state, message)


def _only_one(structure: Structure, state: State) -> bool:
    """Whether the state is all its region has: a service that runs as long as what is around it."""
    inner = state
    for ancestor in state.ancestors():
        if ancestor.kind is StateKind.PARALLEL:
            return True
        if any(c is not inner and c.kind not in HISTORY and c in structure.reachable for c in ancestor.children):
            return False
        inner = ancestor
    return True


def ends_that_never_come(structure: Structure) -> Iterable[Found]:
    """C108: ``done.state`` and ``done.invoke`` of what can never be done."""
    chart = structure.chart
    children: dict[str, list[Chart]] = {}
    for invoke in (invoke for state in chart.root.walk() for invoke in state.invokes):
        children.setdefault(invoke.id, []).extend([invoke.chart] if invoke.chart is not None else [])
    for transition in structure.live():
        for descriptor in transition.descriptors:
            if descriptor.startswith("done.state."):
                state = chart.states.get(descriptor.removeprefix("done.state."))
                if state is not None and not structure.can_end(state):
                    yield _found(structure, "C108", transition, f"'{state.id}' has no final state that can be reached")
            elif descriptor.startswith("done.invoke."):
                below = children.get(descriptor.removeprefix("done.invoke."), [])
                if below and not any(machine_can_end(child) for child in below):
                    names = " and ".join(dict.fromkeys(f"'{child.name}'" for child in below))
                    message = f"the chart {names} has no top-level final state that can be reached"
                    yield _found(structure, "C108", transition, message)


def seemingly_inside(structure: Structure) -> Iterable[Found]:
    """C109: SCXML 3.13 lets only a compound state be the domain of a transition, and 3.10 records a history when its
    parent is left."""
    for t in structure.live():
        inside = t.targets and all(t.source in target.ancestors() for target in t.targets)
        if inside and t.source.kind is StateKind.PARALLEL and t.source.parent is not None:
            message = f"it leaves all regions of '{t.source.id}' and enters them anew"
            yield _found(structure, "C109", t, message)
            continue
        for target in t.targets:
            kept = target.parent
            if target.kind in HISTORY and kept is not None and kept.parent is not None and _stays_in(t, kept):
                message = f"'{kept.id}' is not left, so '{target.id}' gives what was active when it was left before"
                yield _found(structure, "C109", t, message)


def _stays_in(t: Transition, state: State) -> bool:
    """Whether the transition does not leave ``state``, all of whose targets lie in it."""
    if t.source is state:
        return t.internal
    return state in t.source.ancestors() and all(state in target.ancestors() for target in t.targets)


def machine_can_end(chart: Chart) -> bool:
    """Whether a top-level final state of the chart can be reached."""
    structure = Structure(chart, StaticFacts(chart, collect(chart)))
    structure.explore()
    return structure.can_end(chart.root)


def timers_that_never_fire(structure: Structure) -> Iterable[Found]:
    """A state that is always left at once, or that a shorter (or equal, older) timer always leaves first."""
    for state in structure.chart.root.walk():
        if state not in structure.reachable:
            continue
        for timer in state.timers:
            why = _left_at_once(structure, state) or _earlier_timer(structure, state, timer)
            if why:
                about = next((t for t in state.transitions if t.timer == timer.id), None)
                finding = Finding("C110", structure.chart.name, timer.id, f"after {timer.text}: {why}", timer.position)
                structure.dead |= {t.id for t in state.transitions if t.timer == timer.id}
                yield Found(finding, about or state)


def _left_at_once(structure: Structure, state: State) -> str:
    for holder in (state, *state.ancestors()):
        eventless = [t for t in holder.transitions if not t.descriptors and t.timer is None]
        if _always_exits(structure, eventless, holder, state):
            which = f"'{eventless[0].id}' leaves" if len(eventless) == 1 else "its eventless transitions always leave"
            return f"{which} the state at once"
    return ""


def _always_exits(structure: Structure, transitions: list[Transition], holder: State, state: State) -> bool:
    """Whether one of these transitions of ``holder`` is always taken when it is their turn, and exits ``state``."""
    live = [t for t in transitions if t.id not in structure.dead]
    if not live or not structure.known.always([t.guard for t in live], holder):
        return False
    first = next((n for n, t in enumerate(live) if structure.known.always([t.guard], holder)), len(live) - 1)
    return all(exits(t, state) for t in live[: first + 1])


def _earlier_timer(structure: Structure, state: State, timer: Timer) -> str:
    for holder in (state, *state.ancestors()):
        for other in holder.timers:
            if other is timer:
                continue
            older = holder is not state or state.timers.index(other) < state.timers.index(timer)
            if holder is not state and not (_fixed(other.delay) and _fixed(timer.delay)):
                continue  # what they are computed from may change between the entries of the two states
            first = tree.Compare("<=" if older else "<", _plain(other.delay), _plain(timer.delay), BOOL)
            if not structure.known.always([first]):
                continue
            if _always_exits(structure, [t for t in holder.transitions if t.timer == other.id], holder, holder):
                return f"the state is left after {other.text} already"
    return ""


def _plain(delay: Expr) -> Expr:
    """Without the check of its range: a timer that is out of range does not fire either."""
    return delay.args[0] if isinstance(delay, tree.Call) and delay.function == "checked" else delay


def _fixed(delay: Expr) -> bool:
    """Whether it is the same whenever it is evaluated."""
    fixed = (tree.Literal, tree.Parameter, tree.Unary, tree.Binary)
    return all(isinstance(part, fixed) for part in within(_plain(delay)))


def endless_loops(structure: Structure) -> Iterable[Found]:
    """Cycles of states that are left by an unconditional eventless transition at once."""
    forced: dict[State, Transition] = {}
    for state in structure.atoms(structure.chart.root):
        eventless = [t for t in state.transitions if not t.descriptors and t.timer is None]
        if eventless and structure.known.always([eventless[0].guard], state):
            forced[state] = eventless[0]
    told: set[State] = set()
    for start in forced:
        path: list[State] = []
        at: State | None = start
        while at is not None and at in forced and at not in path:
            path.append(at)
            at = _atom_of(forced[at].targets[0]) if forced[at].targets else at
        if at is not None and at in path and at not in told:
            loop = path[path.index(at) :]
            told.update(loop)
            if not _ended_beside(structure, loop):
                names = " → ".join(f"'{s.id}'" for s in (*loop, loop[0]))
                yield _found(structure, "C170", forced[loop[0]], names)


def _ended_beside(structure: Structure, loop: list[State]) -> bool:
    """Whether an eventless transition of a parallel region may take the machine out of the loop."""
    eventless = (t for t in structure.live() if not t.descriptors and t.timer is None and t.targets)
    return any(orthogonal(t.source, loop[0]) and exits(t, state) for t in eventless for state in loop)


def _atom_of(state: State) -> State | None:
    """The state that is entered when nothing else decides."""
    while state.kind is StateKind.COMPOUND and state.initial is not None and len(state.initial.targets) == 1:
        state = state.initial.targets[0]
    return state if state.kind is StateKind.ATOMIC else None


def handled_events(chart: Chart) -> list[tuple[str, ...]]:
    """The descriptors of all transitions."""
    return [t.descriptors for t in chart.transitions if t.descriptors]


def is_handled(chart: Chart, event: str) -> bool:
    """Whether some transition of the chart matches the event."""
    return any(name_matches(descriptors, event) for descriptors in handled_events(chart))


def _found(structure: Structure, code: str, about: State | Transition, message: str) -> Found:
    return Found(Finding(code, structure.chart.name, about.id, message, about.position), about)
