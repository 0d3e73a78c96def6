"""A chart as numbers: states by document order, sets of states as bit masks. The static part of SCXML's algorithm.

A configuration is a mask. A history is a tuple with one mask per history state, 0 where none is recorded yet. The
effect of a set of enabled transitions on both follows from the chart alone; ``Topology`` computes it once for each
plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from engine.language.model import Chart, State, StateKind, Transition
from engine.semantics.shared import kept_or_taken

History = tuple[int, ...]
Candidate = Callable[[Transition], bool]


@dataclass(slots=True)
class Entry:
    """The states to enter: ``states`` and, of these, ``by_default`` (their initial transition is executed) as masks,
    and the default transitions of histories that were followed, by the parent's number."""

    states: int = 0
    by_default: int = 0
    history_content: dict[int, Transition] = field(default_factory=dict)


def members(mask: int) -> Iterator[int]:
    """The numbers of the states in a mask, document order."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Topology:
    """``states[i]`` is the state with number ``i``; ``below[i]`` the mask of its proper descendants."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.states: list[State] = list(chart.root.walk())
        self.number: dict[State, int] = {state: i for i, state in enumerate(self.states)}
        self.parent = [-1 if s.parent is None else self.number[s.parent] for s in self.states]
        self.below = [0] * len(self.states)
        for i in range(len(self.states) - 1, 0, -1):
            self.below[self.parent[i]] |= self.below[i] | 1 << i
        self.histories = [
            i for i, s in enumerate(self.states) if s.kind in (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)
        ]
        self.history_slot = {number: slot for slot, number in enumerate(self.histories)}
        self.atomic = sum(1 << i for i, s in enumerate(self.states) if s.kind in (StateKind.ATOMIC, StateKind.FINAL))
        self.no_history: History = (0,) * len(self.histories)
        self.transition_number = {t: i for i, t in enumerate(self.all_transitions())}

        self._domains: dict[Transition, int] = {}  # of the transitions whose targets do not depend on history

    def all_transitions(self) -> Iterator[Transition]:
        """All transitions, by source state in document order."""
        for state in self.states:
            yield from state.transitions

    def ids(self, mask: int) -> tuple[str, ...]:
        """The ids of a mask's states in document order, without the root."""
        return tuple(self.states[i].id for i in members(mask & ~1))

    def exit_ids(self, mask: int) -> tuple[str, ...]:
        """The ids of a mask's states in the order they are left."""
        return self.ids(mask)[::-1]

    def ancestors(self, number: int) -> Iterator[int]:
        """Proper ancestors, innermost first."""
        number = self.parent[number]
        while number >= 0:
            yield number
            number = self.parent[number]

    def substates(self, number: int) -> list[int]:
        """Children that are no histories."""
        return [i for c in self.states[number].children if (i := self.number[c]) not in self.history_slot]

    def in_final(self, number: int, conf: int) -> bool:
        """isInFinalState."""
        kind = self.states[number].kind
        if kind is StateKind.COMPOUND:
            children = self.substates(number)
            return any(conf >> i & 1 and self.states[i].kind is StateKind.FINAL for i in children)
        if kind is StateKind.PARALLEL:
            return all(self.in_final(i, conf) for i in self.substates(number))
        return False

    def legal(self, conf: int) -> bool:
        """Whether these states can be active together (SCXML 3.11): the root, one child of every active compound state,
        all of every parallel one, and none without its parent."""
        if not conf & 1:
            return False
        for number in members(conf):
            active = sum(conf >> i & 1 for i in self.substates(number))
            kind, children = self.states[number].kind, self.substates(number)
            if number and not conf >> self.parent[number] & 1:
                return False
            if number in self.history_slot or (kind is StateKind.COMPOUND and active != 1):
                return False
            if kind is StateKind.PARALLEL and active != len(children):
                return False
        return True

    # ------------------------------------------------------------ selection

    def candidates(self, conf: int, candidate: Candidate) -> list[list[Transition]]:
        """For each active atomic state the transitions to try, in order; nothing after one without a guard."""
        ladders: list[list[Transition]] = []
        for number in members(conf & self.atomic):
            ladder: list[Transition] = []
            for t in (t for i in (number, *self.ancestors(number)) for t in self.states[i].transitions):
                if candidate(t):
                    ladder.append(t)
                    if t.guard is None:
                        break
            if ladder:
                ladders.append(ladder)
        return ladders

    def without_conflicts(self, enabled: list[Transition], conf: int, history: History) -> list[Transition]:
        """removeConflictingTransitions."""
        if len(enabled) < 2:
            return enabled
        enabled = kept_or_taken(enabled)
        kept: dict[Transition, int] = {}  # with their exit sets, which are disjoint
        taken = 0
        for t1 in enabled:
            mine = self.exit_set(t1, conf, history)
            rivals = [t2 for t2, other in kept.items() if mine & other] if mine & taken else []
            if all(self.below[self.number[t2.source]] >> self.number[t1.source] & 1 for t2 in rivals):
                for t2 in rivals:
                    taken ^= kept.pop(t2)
                kept[t1] = mine
                taken |= mine
        return list(kept)

    # ------------------------------------------------------------ what transitions do

    def effective_targets(self, t: Transition, history: History) -> tuple[int, ...]:
        """getEffectiveTargetStates."""
        found: dict[int, None] = {}
        for target in t.targets:
            number = self.number[target]
            slot = self.history_slot.get(number)
            if slot is None:
                found[number] = None
            elif history[slot]:
                found.update(dict.fromkeys(members(history[slot])))
            else:
                assert target.history_default is not None
                found.update(dict.fromkeys(self.effective_targets(target.history_default, history)))
        return tuple(found)

    def domain(self, t: Transition, history: History) -> int:
        """getTransitionDomain; -1 without targets. The root's transitions never leave the root."""
        domain = self._domains.get(t)
        if domain is None:
            domain = self._domain(t, history)
            if not any(self.number[target] in self.history_slot for target in t.targets):
                self._domains[t] = domain
        return domain

    def _domain(self, t: Transition, history: History) -> int:
        targets = self.effective_targets(t, history)
        source = self.number[t.source]
        if not targets:
            return -1
        if source == 0:
            return 0
        wanted = 0
        for target in targets:
            wanted |= 1 << target
        if t.internal and t.source.kind is StateKind.COMPOUND and not wanted & ~self.below[source]:
            return source
        for anc in self.ancestors(source):
            compound = self.states[anc].kind is StateKind.COMPOUND or anc == 0
            if compound and not wanted & ~self.below[anc]:
                return anc
        raise AssertionError("every state is below the root")

    def exit_set(self, t: Transition, conf: int, history: History) -> int:
        """computeExitSet for one transition, as a mask."""
        domain = self.domain(t, history)
        return conf & self.below[domain] if domain >= 0 else 0

    def recorded(self, exits: int, conf: int, history: History) -> History:
        """The history after leaving ``exits``: deep ones keep atomic descendants, shallow ones children."""
        kept = list(history)
        for slot, number in enumerate(self.histories):
            parent = self.parent[number]
            if exits >> parent & 1:
                if self.states[number].kind is StateKind.DEEP_HISTORY:
                    kept[slot] = conf & self.below[parent] & self.atomic
                else:
                    kept[slot] = sum(1 << i for i in self.substates(parent) if conf >> i & 1)
        return tuple(kept)

    def entry(self, transitions: Iterable[Transition], history: History) -> Entry:
        """computeEntrySet; ``history`` is the one after the exits."""
        entry = Entry()
        for t in transitions:
            if not t.targets:
                continue
            for target in t.targets:
                self._descend(self.number[target], entry, history)
            domain = self.domain(t, history)
            for number in self.effective_targets(t, history):
                self._ascend(number, domain, entry, history)
        return entry

    def initial_entry(self) -> Entry:
        """The states a machine enters first, the root included."""
        entry = Entry()
        self._descend(0, entry, self.no_history)
        return entry

    def _descend(self, number: int, entry: Entry, history: History) -> None:
        """addDescendantStatesToEnter."""
        state = self.states[number]
        slot = self.history_slot.get(number)
        if slot is not None:
            parent = self.parent[number]
            if history[slot]:
                targets = list(members(history[slot]))
            else:
                assert state.history_default is not None
                entry.history_content[parent] = state.history_default
                targets = [self.number[t] for t in state.history_default.targets]
            self._descend_all(targets, parent, entry, history)
            return
        entry.states |= 1 << number
        if state.kind is StateKind.COMPOUND:
            assert state.initial is not None
            entry.by_default |= 1 << number
            self._descend_all([self.number[t] for t in state.initial.targets], number, entry, history)
        elif state.kind is StateKind.PARALLEL:
            self._regions(number, entry, history)

    def _descend_all(self, targets: list[int], ancestor: int, entry: Entry, history: History) -> None:
        for target in targets:
            self._descend(target, entry, history)
        for target in targets:
            self._ascend(target, ancestor, entry, history)

    def _ascend(self, number: int, ancestor: int, entry: Entry, history: History) -> None:
        """addAncestorStatesToEnter."""
        for anc in self.ancestors(number):
            if anc == ancestor:
                if anc == 0 and self.states[0].kind is StateKind.PARALLEL:
                    self._regions(0, entry, history)  # a parallel root is not left, but all its regions are
                return
            entry.states |= 1 << anc
            if self.states[anc].kind is StateKind.PARALLEL:
                self._regions(anc, entry, history)

    def _regions(self, number: int, entry: Entry, history: History) -> None:
        for child in self.substates(number):
            if not entry.states & self.below[child]:
                self._descend(child, entry, history)
