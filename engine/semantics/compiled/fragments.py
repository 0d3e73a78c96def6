"""Machines run by fragments: what needs no plan per configuration.

For each transition and the part of the configuration below its domain there is one function for its exits and one for
its entries. So the number of functions grows with the sum of a wide chart's regions, not with their product. Rare parts
of any machine (exits at the end, invocations, invariants) are fragments too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.language.model import Invariant, Invoke, State, Timer, Transition
from engine.semantics.compiled.codegen_blocks import Blocks
from engine.semantics.compiled.codegen_plans import Generator
from engine.semantics.compiled.runtime import Work
from engine.semantics.compiled.topology import Candidate, members
from engine.semantics.shared import name_matches, performed

if TYPE_CHECKING:
    from engine.semantics.compiled.machine import CompiledMachine
    from engine.semantics.compiled.program import Node

FRAGMENTS = 20_000  # kept; forgotten all at once beyond

Plan = Callable[..., Any]
Key = str | tuple[str] | None  # what triggers: an event's name, (a timer's id,), or nothing


@dataclass(slots=True)
class Fragment:
    """The effect of one transition on the part of a configuration below its domain."""

    domain: int
    exits: int
    entries: int
    recorded: tuple[tuple[int, int], ...]  # history slots and what they keep
    exited: tuple[str, ...]
    entered: tuple[str, ...]
    leave: Plan | None
    enter: Plan | None


class Fragments:
    """The fragments of one chart, made when they are first needed."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.topology = generator.topology
        self._made: dict[Any, Any] = {}
        self._ladders: dict[tuple[int, Key], list[Transition]] = {}

    def select(self, m: CompiledMachine, d: Any, w: Work, node: Node, key: Key) -> list[Transition]:
        """selectTransitions, guard by guard."""
        chosen: dict[Transition, None] = {}
        known: dict[Transition, bool] = {}
        ladders = self._ladders
        for number in members(node.conf & self.topology.atomic):
            ladder = ladders.get((number, key))
            for t in self.ladder(number, key) if ladder is None else ladder:
                holds = True if t.guard is None else known.get(t)
                if holds is None:
                    holds = known[t] = self.guard(t)(m, d, w, node.conf)
                if holds:
                    chosen[t] = None
                    break
        return self.topology.without_conflicts(list(chosen), node.conf, node.history)

    def take(self, m: CompiledMachine, d: Any, w: Work, node: Node, key: Key) -> bool:
        """One microstep; whether any transition was enabled."""
        enabled = self.select(m, d, w, node, key)
        if not enabled:
            return False
        fragments = [(t, self._local(t, node)) for t in enabled]
        ordered = sorted((p for _, p in fragments if p.domain >= 0), key=lambda p: p.domain)
        c = node.conf
        exited: tuple[str, ...] = ()
        entered: tuple[str, ...] = ()
        history = list(node.history)
        exits = entries = 0
        for fragment in reversed(ordered):
            if fragment.leave is not None:
                c = fragment.leave(m, d, w, c)
            exits |= fragment.exits
            exited += fragment.exited
            for slot, kept in fragment.recorded:
                history[slot] = kept
        for t in performed(enabled):
            if t.actions:
                self._content(t)(m, d, w, c)
        for fragment in ordered:
            if fragment.enter is not None:
                c = fragment.enter(m, d, w, c)
            entries |= fragment.entries
            entered += fragment.entered
        conf = node.conf & ~exits | entries
        taken = tuple(t.id for t in enabled)
        if self.generator.traced:
            cause = key if key is None or isinstance(key, str) else key[0]
            w.trace(cause, taken, exited, entered, self.topology.ids(conf))
        else:
            w.record(taken, exited, entered)
        m._node = node.program.node(conf, tuple(history))
        return True

    def ladder(self, number: int, key: Key) -> list[Transition]:
        """The transitions that one active atomic state tries for this trigger, in order."""
        ladder = self._ladders.get((number, key))
        if ladder is None:
            found = self.topology.candidates(1 << number, triggered_by(key))
            ladder = found[0] if found else []
            if key is None or isinstance(key, tuple) or key in self.generator.symbols.known_events:
                self._ladders[number, key] = ladder
        return ladder

    def _local(self, t: Transition, node: Node) -> Fragment:
        topology = self.topology
        domain = topology.domain(t, node.history)
        if domain < 0:
            return Fragment(-1, 0, 0, (), (), (), None, None)
        inside = topology.below[domain]
        mine = tuple(node.history[slot] for slot, number in enumerate(topology.histories) if inside >> number & 1)
        key = ("local", topology.transition_number[t], domain, node.conf & inside, mine)
        fragment: Fragment | None = self._made.get(key)
        if fragment is None:
            fragment = self._make_local(t, domain, node)
            self._forget()
            self._made[key] = fragment
        return fragment

    def _make_local(self, t: Transition, domain: int, node: Node) -> Fragment:
        topology, generator = self.topology, self.generator
        move = generator.move([t], node.conf, node.history)
        recorded = tuple(
            (slot, kept) for slot, (old, kept) in enumerate(zip(node.history, move.history, strict=True)) if old != kept
        )

        def leave(blocks: Blocks) -> None:
            for number in reversed(list(members(move.exits))):
                generator.exit_state(blocks, number)

        def enter(blocks: Blocks) -> None:
            for number in members(move.entry.states):
                generator.enter_state(blocks, number, move.entry)

        return Fragment(
            domain,
            move.exits,
            move.entry.states,
            recorded,
            topology.exit_ids(move.exits),
            topology.ids(move.entry.states),
            generator.fragment(f"leave by {t.id}", leave) if move.exits else None,
            generator.fragment(f"enter by {t.id}", enter) if move.entry.states else None,
        )

    def _forget(self) -> None:
        if len(self._made) >= FRAGMENTS:
            self._made.clear()

    def _fragment(self, key: Any, write: Callable[[Blocks], None], returns: str = "c") -> Plan:
        fragment: Plan | None = self._made.get(key)
        if fragment is None:
            fragment = self.generator.fragment(str(key[0]), write, returns)
            self._forget()
            self._made[key] = fragment
        return fragment

    def guard(self, t: Transition) -> Plan:
        """The function of a transition's guard."""
        key = ("guard", self.topology.transition_number[t])
        fragment: Plan | None = self._made.get(key)
        if fragment is None:
            fragment = self.generator.condition_fragment(t)
            self._forget()
            self._made[key] = fragment
        return fragment

    def _content(self, t: Transition) -> Plan:
        number = self.topology.transition_number[t]
        return self._fragment(("content", number), lambda blocks: self.generator.transition_content(blocks, t))

    def exit(self, number: int) -> Plan:
        """The function that leaves one state."""
        return self._fragment(("exit", number), lambda blocks: self.generator.exit_state(blocks, number))

    def again(self, timer: Timer) -> Plan:
        """The function that starts a timer once more."""
        return self._fragment(("again", timer.id), lambda blocks: blocks.start_timer(timer))

    def output(self, number: int) -> Plan:
        """The function that computes a final state's output."""
        state = self.topology.states[number]

        def write(blocks: Blocks) -> None:
            blocks.source.add(f"output = {self.generator.output(blocks, state)}")

        return self._fragment(("output", number), write, "output")

    def finalize(self, inv: Invoke) -> Plan:
        """The function of an invocation's ``finalize``."""
        return self._fragment(("finalize", id(inv)), lambda blocks: blocks.block(inv.finalize))

    def invocations(self, number: int) -> Plan:
        """The function that starts a state's invocations."""
        state: State = self.topology.states[number]

        def write(blocks: Blocks) -> None:
            for inv in state.invokes:
                blocks.start_invocation(inv)

        return self._fragment(("invoke", number), write)

    def invariant(self, invariant: Invariant) -> Plan:
        """The function that computes an invariant."""

        def write(blocks: Blocks) -> None:
            blocks.source.add(f"value = {blocks.value(invariant.condition)}")

        return self._fragment(("invariant", id(invariant)), write, "value")


def triggered_by(key: Key) -> Candidate:
    """The test of whether an event's name, a timer's ``(id,)`` or nothing (None) may trigger a transition."""
    if key is None:
        return lambda t: not t.descriptors and t.timer is None
    if isinstance(key, tuple):
        return lambda t: t.timer == key[0]
    return lambda t: name_matches(t.descriptors, key)
