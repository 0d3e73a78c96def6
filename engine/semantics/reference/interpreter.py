"""W3C SCXML 1.0, Appendix A "Algorithm for SCXML Interpretation", with its function names and its order.

Differences from the text of the appendix, and why:

* ``interpret`` and ``mainEventLoop`` are cut at "wait for an external event": each of :meth:`Interpreter.begin`,
  :meth:`~Interpreter.process`, :meth:`~Interpreter.expire` runs one macrostep and returns its record.
* Executable content, ``invoke`` and ``cancelInvoke`` produce effects instead of acting (``content.py``).
* The root takes part: it may have transitions, entry and exit actions and timers, and it may be parallel. It is left
  only at the end.
* ``after`` timers start when the entry blocks of their state are done and are cancelled before its exit blocks.
* A guard is evaluated once in one selection, however many atomic states inherit its transition. A failing guard is
  reported once in a macrostep: an eventless transition, or one for ``error.execution`` itself, would make errors
  without end.
* Invariants are checked when the macrostep has come to rest.
* The timer of a ``poll`` starts again unless its expiry left the state.
* An event that any active state defers is kept once, and no region takes it; when none defers it any more, all regions
  may take it, within the macrostep, before that rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.language.expr.evaluate import evaluate
from engine.language.model import Chart, Invariant, State, StateKind, Transition
from engine.language.traverse import event_definition
from engine.language.values import EvaluationError
from engine.semantics.errors import EndlessLoop
from engine.semantics.interfaces import Surroundings
from engine.semantics.reference.content import Content
from engine.semantics.shared import (
    MICROSTEP_BOUND,
    condition,
    kept_for_later,
    kept_or_taken,
    name_matches,
    performed,
    with_optional,
)
from engine.semantics.step import CancelTimer, Done, Event, Failure, Microstep, StartTimer, Step, StopChild

_HISTORY = (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)


class Interpreter(Content):
    """One running chart. Implements :class:`engine.semantics.interfaces.Stepper`; records every microstep.

    ``parameters`` are complete and checked (:func:`engine.semantics.parameters.bind_parameters`); ``initial_data``
    overrides initial values of data items by name.
    """

    def __init__(
        self,
        chart: Chart,
        parameters: Mapping[str, Any],
        initial_data: Mapping[str, Any] | None = None,
        surroundings: Surroundings | None = None,
        session_id: str = "reference",
    ) -> None:
        super().__init__(chart, parameters, surroundings, session_id)
        self.initial_data = dict(initial_data or {})
        self.historyValue: dict[str, list[State]] = {}
        self.statesToInvoke: set[State] = set()
        self.running = True
        self.output: Any = None
        self.microsteps: list[Microstep] = []
        self.transitions: list[str] = []
        self.exited: list[str] = []
        self.entered: list[str] = []

    # ------------------------------------------------------------ engine.semantics.interfaces.Stepper

    def begin(self) -> Step:
        """``interpret``: data, script, initial configuration, first macrostep."""
        self.open_step()
        self.initializeDatamodel(self.initial_data)
        self.execute_block(self.chart.script)
        root = self.chart.root
        self.enterStates([Transition("", root, targets=(root,))])
        self.record(None, [], 0, 0)
        self.rest_of_macrostep()
        return self.close_step(None, True)

    def process(self, event: Event) -> Step:
        """The part of ``mainEventLoop`` after an external event was taken from its queue."""
        data = with_optional(event_definition(self.chart, event.name), event.data)
        return self.external(replace(event, data=data), event.name, None)

    def expire(self, timer: str) -> Step:
        """As :meth:`process`, for the expiry of the ``after`` timer of this id."""
        return self.external(Event("after", None, "platform", timer), timer, timer)

    def finish(self) -> Step:
        """``exitInterpreter`` on request from outside."""
        self.open_step()
        if self.running:
            self.exitInterpreter(None)
        return self.close_step(None, True)

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of the active states in document order, without the root."""
        return tuple(s.id for s in sorted(self.configuration, key=documentOrder) if s.parent is not None)

    # ------------------------------------------------------------ mainEventLoop, in parts

    def external(self, event: Event, name: str, timer: str | None) -> Step:
        """One macrostep of ``mainEventLoop`` for an external event or the expiry of a timer."""
        self.open_step()
        if not self.running:
            return self.close_step(name, False)
        self.event = event
        for state in sorted(self.configuration, key=documentOrder):
            for inv in state.invokes:
                if inv.id == event.invokeid:
                    self.execute_block(inv.finalize)
        handled = any(self.triggers(t, event, timer) for s in self.configuration for t in s.transitions)
        enabledTransitions = self.selectTransitions(event, timer)
        if enabledTransitions:
            self.microstep(name, enabledTransitions)
        for state in sorted(self.configuration, key=documentOrder):
            for periodic in state.timers:
                if periodic.id == timer and periodic.periodic and state.id not in self.exited:
                    self.start_timer(periodic)
        self.rest_of_macrostep()
        return self.close_step(name, handled)

    def rest_of_macrostep(self) -> None:
        """The inner loop of ``mainEventLoop``: eventless transitions and internal events until nothing is left, then
        invocations. Raises ``EndlessLoop``."""
        count = 1
        broken: set[Invariant] = set()
        while self.running:
            macrostepDone = False
            while self.running and not macrostepDone:
                cause = None
                enabledTransitions = self.selectEventlessTransitions()
                if not enabledTransitions:
                    if not self.internalQueue:
                        macrostepDone = True
                    else:
                        self.event = self.internalQueue.pop(0)
                        cause = self.event.name
                        enabledTransitions = self.selectTransitions(self.event, None)
                if enabledTransitions:
                    count += 1
                    if count > MICROSTEP_BOUND:
                        self.loops()
                    self.microstep(cause, enabledTransitions)
            if not self.running:
                break
            for state in sorted(self.statesToInvoke, key=entryOrder):
                for inv in state.invokes:
                    self.invoke(inv)
            self.statesToInvoke.clear()
            if self.internalQueue or self.recall():
                continue
            self.checkInvariants(broken)
            if not self.internalQueue:
                return
        self.exitInterpreter(self.final_state())

    def recall(self) -> bool:
        """Whether an event of ``defer`` is kept no longer: the first of them goes to the internal queue."""
        for position, event in enumerate(self.deferred):
            atomic = sorted(filter(isAtomicState, self.configuration), key=documentOrder)
            ladders = [[t for s in [a, *a.ancestors()] for t in s.transitions] for a in atomic]
            if not kept_for_later([t for t in ladder if self.triggers(t, event, None)] for ladder in ladders):
                self.internalQueue.append(self.deferred.pop(position))
                return True
        return False

    def loops(self) -> None:
        """The bound is reached: raises ``EndlessLoop`` that names the states whose transitions were taken last, and
        drops what is left to do."""
        self.internalQueue.clear()
        self.statesToInvoke.clear()
        taken = self.transitions[-100:]
        sources = {t.source.id: t.source.order for t in self.chart.transitions if t.id in taken}
        raise EndlessLoop(self.chart.name, MICROSTEP_BOUND, tuple(sorted(sources, key=lambda name: sources[name])))

    def checkInvariants(self, broken: set[Invariant]) -> None:
        """Check all invariants. A broken one is reported once in a macrostep, or a reaction to it could never end."""
        for state in sorted(self.configuration, key=documentOrder):
            for invariant in state.invariants:
                if invariant in broken:
                    continue
                try:
                    if condition(evaluate(invariant.condition, self)):
                        continue
                    why = f"invariant broken: {invariant.message or invariant.text}"
                    failure, name = Failure(why, str(invariant.position)), "error.invariant"
                except EvaluationError as error:
                    failure, name = Failure(str(error), str(invariant.position)), "error.execution"
                broken.add(invariant)
                self.fail(failure, name=name)

    def exitInterpreter(self, final: State | None) -> None:
        """Leave all states; ``final`` is the top-level final state whose data are the machine's output."""
        before = len(self.exited)
        output: Any = None
        for s in sorted(self.configuration, key=exitOrder):
            self.leave(s)
            if s is final:
                output = self.donedata(s)
        self.running = False
        self.internalQueue.clear()
        self.deferred.clear()
        self.statesToInvoke.clear()
        self.record(None, [], before, len(self.entered))
        if final is not None:
            self.output = output
            self.effects.append(Done(output))

    def final_state(self) -> State | None:
        """What ended the machine: the top-level final state, or the root when it is parallel."""
        root = self.chart.root
        if root.kind is StateKind.PARALLEL:
            return root
        return next((s for s in self.configuration if s.parent is root and s.kind is StateKind.FINAL), None)

    # ------------------------------------------------------------ selection

    def selectEventlessTransitions(self) -> list[Transition]:
        """As in the appendix."""
        return self.select(lambda t: not t.descriptors and t.timer is None)

    def selectTransitions(self, event: Event, timer: str | None) -> list[Transition]:
        """As in the appendix; for an event or for a timer."""
        return self.select(lambda t: self.triggers(t, event, timer))

    def select(self, candidate: Any) -> list[Transition]:
        """The loop both selections of the appendix share."""
        enabledTransitions: list[Transition] = []
        matched: dict[str, bool] = {}
        for state in sorted(filter(isAtomicState, self.configuration), key=documentOrder):
            for t in (t for s in [state, *getProperAncestors(state, None)] for t in s.transitions):
                if candidate(t) and self.conditionMatch(t, matched):
                    if t not in enabledTransitions:
                        enabledTransitions.append(t)
                    break
        return self.removeConflictingTransitions(kept_or_taken(enabledTransitions))

    def triggers(self, t: Transition, event: Event, timer: str | None) -> bool:
        """Whether the event or the timer triggers the transition."""
        if timer is not None:
            return t.timer == timer
        return name_matches(t.descriptors, event.name)

    def conditionMatch(self, t: Transition, matched: dict[str, bool]) -> bool:
        """As in the appendix; a guard is evaluated once in one selection (``matched``)."""
        if t.id not in matched:
            matched[t.id] = t.guard is None or self.holds(t.guard, t.position, t.id)
        return matched[t.id]

    def removeConflictingTransitions(self, enabledTransitions: list[Transition]) -> list[Transition]:
        """As in the appendix."""
        filteredTransitions: list[Transition] = []
        for t1 in enabledTransitions:
            t1Preempted = False
            transitionsToRemove: list[Transition] = []
            for t2 in filteredTransitions:
                if self.computeExitSet([t1]) & self.computeExitSet([t2]):
                    if isDescendant(t1.source, t2.source):
                        transitionsToRemove.append(t2)
                    else:
                        t1Preempted = True
                        break
            if not t1Preempted:
                for t3 in transitionsToRemove:
                    filteredTransitions.remove(t3)
                filteredTransitions.append(t1)
        return filteredTransitions

    # ------------------------------------------------------------ microstep

    def microstep(self, cause: str | None, enabledTransitions: list[Transition]) -> None:
        """As in the appendix, and record it."""
        exited, entered = len(self.exited), len(self.entered)
        self.exitStates(enabledTransitions)
        self.executeTransitionContent(enabledTransitions)
        self.enterStates(enabledTransitions)
        self.transitions.extend(t.id for t in enabledTransitions)
        self.record(cause, enabledTransitions, exited, entered)

    def record(self, cause: str | None, taken: list[Transition], exited: int, entered: int) -> None:
        """Record a microstep; ``exited`` and ``entered`` are the lengths of these lists before it."""
        self.microsteps.append(
            Microstep(
                cause,
                tuple(t.id for t in taken),
                tuple(self.exited[exited:]),
                tuple(self.entered[entered:]),
                self.active,
                self.take_changes(),
            )
        )

    def exitStates(self, enabledTransitions: list[Transition]) -> None:
        """As in the appendix."""
        statesToExit = self.computeExitSet(enabledTransitions)
        ordered = sorted(statesToExit, key=exitOrder)
        for s in ordered:
            for h in (c for c in s.children if c.kind in _HISTORY):
                if h.kind is StateKind.DEEP_HISTORY:
                    kept = [s0 for s0 in self.configuration if isAtomicState(s0) and isDescendant(s0, s)]
                else:
                    kept = [s0 for s0 in self.configuration if s0.parent is s]
                self.historyValue[h.id] = sorted(kept, key=documentOrder)
        for s in ordered:
            self.leave(s)
        self.statesToInvoke -= statesToExit

    def leave(self, s: State) -> None:
        """Leave one state: timers, exit blocks, invocations, configuration."""
        self.effects.extend(CancelTimer(timer.id) for timer in s.timers)
        for content in s.exit:
            self.execute_block(content)
        if s not in self.statesToInvoke:  # else its invocations have not started
            self.effects.extend(StopChild(inv.id) for inv in s.invokes)
        self.configuration.discard(s)
        if s.parent is not None:
            self.exited.append(s.id)

    def computeExitSet(self, transitions: Iterable[Transition]) -> set[State]:
        """As in the appendix."""
        statesToExit: set[State] = set()
        for t in transitions:
            if t.targets:
                domain = self.getTransitionDomain(t)
                statesToExit |= {s for s in self.configuration if isDescendant(s, domain)}
        return statesToExit

    def executeTransitionContent(self, enabledTransitions: list[Transition]) -> None:
        """As in the appendix; what several regions defer is kept once."""
        for t in performed(enabledTransitions):
            self.execute_block(t.actions)

    def enterStates(self, enabledTransitions: list[Transition]) -> None:
        """As in the appendix."""
        statesToEnter: set[State] = set()
        statesForDefaultEntry: set[State] = set()
        defaultHistoryContent: dict[str, Transition] = {}
        self.computeEntrySet(enabledTransitions, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
        for s in sorted(statesToEnter, key=entryOrder):
            self.configuration.add(s)
            if s.parent is not None:
                self.entered.append(s.id)
            self.statesToInvoke.add(s)
            self.initializeLateData(s)
            for content in s.entry:
                self.execute_block(content)
            for timer in s.timers:
                self.start_timer(timer)
            if s in statesForDefaultEntry and s.initial is not None:
                self.execute_block(s.initial.actions)
            if s.id in defaultHistoryContent:
                self.execute_block(defaultHistoryContent[s.id].actions)
            if isFinalState(s):
                self.reached(s)

    def reached(self, s: State) -> None:
        """The consequences of entering a final state."""
        parent, root = s.parent, self.chart.root
        assert parent is not None
        if parent is root:
            self.running = False
            return
        self.enqueue(Event(f"done.state.{parent.id}", self.donedata(s), "platform"))
        grandparent = parent.parent
        if grandparent is not None and grandparent.kind is StateKind.PARALLEL and self.isInFinalState(grandparent):
            if grandparent is root:
                self.running = False
            else:
                self.enqueue(Event(f"done.state.{grandparent.id}", None, "platform"))

    def computeEntrySet(
        self,
        transitions: list[Transition],
        statesToEnter: set[State],
        statesForDefaultEntry: set[State],
        defaultHistoryContent: dict[str, Transition],
    ) -> None:
        """As in the appendix."""
        for t in transitions:
            for s in t.targets:
                self.addDescendantStatesToEnter(s, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
            ancestor = self.getTransitionDomain(t)
            for s in self.getEffectiveTargetStates(t):
                self.addAncestorStatesToEnter(s, ancestor, statesToEnter, statesForDefaultEntry, defaultHistoryContent)

    def addDescendantStatesToEnter(
        self,
        state: State,
        statesToEnter: set[State],
        statesForDefaultEntry: set[State],
        defaultHistoryContent: dict[str, Transition],
    ) -> None:
        """As in the appendix."""
        rest = (statesToEnter, statesForDefaultEntry, defaultHistoryContent)
        if state.kind in _HISTORY:
            assert state.parent is not None
            if state.id in self.historyValue:
                targets: Iterable[State] = self.historyValue[state.id]
            else:
                assert state.history_default is not None
                defaultHistoryContent[state.parent.id] = state.history_default
                targets = state.history_default.targets
            for s in targets:
                self.addDescendantStatesToEnter(s, *rest)
            for s in targets:
                self.addAncestorStatesToEnter(s, state.parent, *rest)
            return
        statesToEnter.add(state)
        if state.kind is StateKind.COMPOUND:
            statesForDefaultEntry.add(state)
            assert state.initial is not None
            for s in state.initial.targets:
                self.addDescendantStatesToEnter(s, *rest)
            for s in state.initial.targets:
                self.addAncestorStatesToEnter(s, state, *rest)
        elif state.kind is StateKind.PARALLEL:
            for child in getChildStates(state):
                if not any(isDescendant(s, child) for s in statesToEnter):
                    self.addDescendantStatesToEnter(child, *rest)

    def addAncestorStatesToEnter(
        self,
        state: State,
        ancestor: State | None,
        statesToEnter: set[State],
        statesForDefaultEntry: set[State],
        defaultHistoryContent: dict[str, Transition],
    ) -> None:
        """As in the appendix; a parallel root stays, but all its regions are entered."""
        rest = (statesToEnter, statesForDefaultEntry, defaultHistoryContent)
        for anc in getProperAncestors(state, ancestor):
            statesToEnter.add(anc)
            if anc.kind is StateKind.PARALLEL:
                for child in getChildStates(anc):
                    if not any(isDescendant(s, child) for s in statesToEnter):
                        self.addDescendantStatesToEnter(child, *rest)
        if ancestor is self.chart.root and ancestor.kind is StateKind.PARALLEL:
            # SCXML's root is never parallel; ours may be. It is not left, but all its regions are.
            for child in getChildStates(ancestor):
                if not any(isDescendant(s, child) or s is child for s in statesToEnter):
                    self.addDescendantStatesToEnter(child, *rest)

    def isInFinalState(self, s: State) -> bool:
        """As in the appendix."""
        if s.kind is StateKind.COMPOUND:
            return any(isFinalState(c) and c in self.configuration for c in getChildStates(s))
        if s.kind is StateKind.PARALLEL:
            return all(self.isInFinalState(c) for c in getChildStates(s))
        return False

    def getTransitionDomain(self, t: Transition) -> State | None:
        """As in the appendix; the domain of the root's transitions is the root."""
        tstates = self.getEffectiveTargetStates(t)
        if not tstates or t.source is self.chart.root:
            # The root is never left: its transitions have it as their domain, the initial one has none.
            return t.source if tstates and self.chart.root not in tstates else None
        if t.internal and isCompoundState(t.source) and all(isDescendant(s, t.source) for s in tstates):
            return t.source
        return findLCCA([t.source, *tstates])

    def getEffectiveTargetStates(self, transition: Transition) -> list[State]:
        """As in the appendix."""
        targets: list[State] = []
        for s in transition.targets:
            if s.kind not in _HISTORY:
                targets.append(s)
            elif s.id in self.historyValue:
                targets.extend(self.historyValue[s.id])
            else:
                assert s.history_default is not None
                targets.extend(self.getEffectiveTargetStates(s.history_default))
        return list(dict.fromkeys(targets))

    # ------------------------------------------------------------ the record of a macrostep

    def open_step(self) -> None:
        """Begin the record of a macrostep."""
        self.reset_content()
        self.microsteps, self.transitions, self.exited, self.entered = [], [], [], []

    def close_step(self, event: str | None, handled: bool) -> Step:
        """The record of the macrostep."""
        self.take_changes()
        return Step(
            event,
            tuple(self.transitions),
            tuple(self.exited),
            tuple(self.entered),
            tuple(self.effects),
            tuple(self.raised),
            tuple(self.failures),
            handled,
            tuple(self.microsteps),
            dict(self.all_changes),
        )

    def start_timer(self, timer: Any) -> None:
        """Start an ``after`` timer, as an effect; a delay without a value is an error and starts none."""
        value = self.attempt(lambda: self.duration(timer.delay), timer.position)
        if value is not None:
            self.effects.append(StartTimer(timer.id, value))

    def donedata(self, s: State) -> Any:
        """The output of a final state: None when nothing is declared or it has no value."""
        if s.output_content is not None:
            content = s.output_content
            return self.attempt(lambda: evaluate(content, self), s.position)
        if not s.output:
            return None
        return self.attempt(lambda: self.payload(s.output), s.position)


# ---------------------------------------------------------------- procedures and predicates without state


def documentOrder(s: State) -> int:
    """Sort key: ancestors before descendants, then as written."""
    return s.order


entryOrder = documentOrder


def exitOrder(s: State) -> int:
    """Sort key: descendants before ancestors, in reverse document order."""
    return -s.order


def isAtomicState(s: State) -> bool:
    """Whether it has no children; final states included."""
    return s.kind in (StateKind.ATOMIC, StateKind.FINAL)


def isCompoundState(s: State) -> bool:
    """Whether it is compound (not parallel)."""
    return s.kind is StateKind.COMPOUND


def isFinalState(s: State) -> bool:
    """Whether it is final."""
    return s.kind is StateKind.FINAL


def isDescendant(state1: State, state2: State | None) -> bool:
    """Whether ``state1`` is a proper descendant of ``state2``; False for None."""
    return state2 is not None and state2 in state1.ancestors()


def getProperAncestors(state1: State, state2: State | None) -> list[State]:
    """Ancestors from the parent upwards, up to and without ``state2``; empty when ``state2`` is not an ancestor."""
    ancestors = list(state1.ancestors())
    if state2 is None:
        return ancestors
    return ancestors[: ancestors.index(state2)] if state2 in ancestors else []


def getChildStates(state1: State) -> list[State]:
    """The children that are not history states."""
    return [c for c in state1.children if c.kind not in _HISTORY]


def findLCCA(stateList: list[State]) -> State:
    """The least common compound ancestor; the root counts as one whatever its kind."""
    for anc in stateList[0].ancestors():
        if (isCompoundState(anc) or anc.parent is None) and all(isDescendant(s, anc) for s in stateList[1:]):
            return anc
    raise AssertionError("every state is below the root")
