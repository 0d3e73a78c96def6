"""Microsteps → Python source: one function per (configuration with history, event), guards as an ``if`` ladder.

A *direct* plan ends in a shared :class:`~engine.semantics.step.Step` when nothing in it is computed. What may continue
(eventless transitions, raised events, invocations, invariants, final states) collects its record in a ``Work`` and goes
on in ``settle``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.language.expr import tree
from engine.language.model import Block, Chart, State, StateKind, Timer, Transition
from engine.semantics.compiled.codegen_blocks import Blocks, NotStatic, raises
from engine.semantics.compiled.codegen_expressions import Expression, helpers
from engine.semantics.compiled.codegen_source import Source
from engine.semantics.compiled.runtime import NAMES, NOTHING
from engine.semantics.compiled.symbols import Symbols
from engine.semantics.compiled.topology import Entry, History, Topology, members
from engine.semantics.shared import performed
from engine.semantics.step import Event, Microstep, Step, StopChild

MAX_LEAVES = 48  # outcomes of one plan's guards; more are decided when it runs


@dataclass(slots=True)
class Move:
    """The effect of a set of transitions on a configuration."""

    transitions: list[Transition]
    exits: int
    entry: Entry
    conf: int
    history: History


class Generator:
    """Writes the plans of one chart, traced or not."""

    def __init__(
        self, chart: Chart, topology: Topology, symbols: Symbols, traced: bool, settle: Callable[..., Step]
    ) -> None:
        self.chart = chart
        self.topology = topology
        self.symbols = symbols
        self.traced = traced
        self.names = {**NAMES, **helpers(), "settle": settle}

    # ------------------------------------------------------------ moves

    def move(self, chosen: list[Transition], conf: int, history: History) -> Move:
        """The microstep that the transitions chosen for the atomic states make."""
        topology = self.topology
        enabled = topology.without_conflicts(list(dict.fromkeys(chosen)), conf, history)
        exits = 0
        for t in enabled:
            exits |= topology.exit_set(t, conf, history)
        after = topology.recorded(exits, conf, history) if exits else history
        entry = topology.entry(enabled, after)
        return Move(enabled, exits, entry, conf & ~exits | entry.states, after)

    def first_move(self) -> Move:
        """Entering the initial configuration."""
        entry = self.topology.initial_entry()
        return Move([], 0, entry, entry.states, self.topology.no_history)

    def needs_work(self, move: Move) -> bool:
        """Whether the microstep may leave something to do but its effects."""
        states = self.topology.states
        for i in members(move.entry.states):
            state = states[i]
            if state.kind is StateKind.FINAL or state.invokes or i in self.symbols.late_slots:
                return True
            content = [*state.entry, self._default_content(i, move.entry)]
            if i in move.entry.history_content:
                content.append(move.entry.history_content[i].actions)
            if any(raises(block) for block in content):
                return True
        left: list[Block] = [block for i in members(move.exits) for block in states[i].exit]
        return any(raises(block) for block in (*left, *(t.actions for t in move.transitions)))

    def _default_content(self, number: int, entry: Entry) -> Block:
        initial = self.topology.states[number].initial
        return initial.actions if initial is not None and entry.by_default >> number & 1 else ()

    # ------------------------------------------------------------ plans of whole microsteps

    def external(
        self,
        title: str,
        event: str,
        node: Any,
        ladders: list[list[Transition]],
        next_node: Callable[[Move], Any],
        periodic: tuple[int, Timer] | None = None,
    ) -> Callable[..., Any]:
        """``plan(m, d) -> Step``: the macrostep an external event (or timer) begins. ``periodic``: the timer, with the
        number of its state, that starts again where it does not make the machine leave that state."""
        source = Source(self.names, "m, d")
        blocks = self.blocks(source, node.conf, direct=True)

        def again(conf: int, exits: int = 0) -> Timer | None:
            number, timer = periodic or (0, None)
            return timer if conf & ~exits & 1 << number else None

        def leaf(chosen: list[Transition]) -> None:
            faulty = blocks.faulty
            branch(chosen)
            blocks.faulty = faulty
            blocks.scope.conf = node.conf  # the guards still to come see what was active before

        def branch(chosen: list[Transition]) -> None:
            if chosen:
                move = self.move(chosen, node.conf, node.history)
                target, timer = next_node(move), again(move.conf, move.exits)
                if target.restless or self.needs_work(move):
                    self._open_work(blocks, event)
                    self._whole(blocks, move, event)
                    if timer is not None:
                        blocks.start_timer(timer)
                    self._close_work(source, node, target, "return settle(m, d, w)")
                else:
                    self._direct(blocks, move, event, node, target, again=timer)
            elif node.restless:
                timer = again(node.conf)
                self._open_work(blocks, event)
                source.add(f"w.handled = {bool(ladders)}")
                if timer is not None:
                    blocks.start_timer(timer)
                source.add("return settle(m, d, w)")
            elif (timer := again(node.conf)) is not None:
                nothing = Move([], 0, Entry(), node.conf, node.history)
                self._direct(blocks, nothing, event, node, node, again=timer)
            else:
                self._nothing(blocks, event, bool(ladders))

        self._tree(blocks, ladders, leaf)
        return self._function(source, title)

    def internal(
        self,
        title: str,
        cause: str | None,
        node: Any,
        ladders: list[list[Transition]],
        next_node: Callable[[Move], Any],
    ) -> Callable[..., Any]:
        """``plan(m, d, w) -> bool``: one microstep for an internal event, or an eventless one; whether it was taken."""
        source = Source(self.names, "m, d, w")
        blocks = self.blocks(source, node.conf)

        def leaf(chosen: list[Transition]) -> None:
            if not chosen:
                source.add("return False")
                return
            move = self.move(chosen, node.conf, node.history)
            self._whole(blocks, move, cause)
            self._close_work(source, node, next_node(move), "return True")
            blocks.scope.conf = node.conf  # the guards still to come see what was active before

        self._tree(blocks, ladders, leaf)
        return self._function(source, title)

    def begin(self, given: frozenset[str], first: Any, move: Move) -> Callable[..., Any]:
        """``plan(m, d) -> Step``: the first macrostep; ``d`` holds the values of the items ``given`` by the parent."""
        source = Source(self.names, "m, d")
        blocks = self.blocks(source, 0, direct=True)
        initial = ["UNSET"] * len(self.symbols.data) + ["False"] * len(self.symbols.late)
        later: list[Any] = []
        for i, item in enumerate(self.symbols.data):
            if item.name in given and item.late_state is None:
                initial[i] = f"d[{source.constant(item.name)}]"
            elif isinstance(item.initial, tree.Literal) and item.late_state is None and not self.traced:
                initial[i] = source.literal(item.initial.value)
            elif item.initial is not None and item.late_state is None:
                later.append(item)
        needs_work = first.restless or self.needs_work(move) or raises(self.chart.script)
        if needs_work:
            source.add("w = Work(None)")
        mark = len(source.lines)
        for item in later:
            blocks.initial(item.name, item.initial, item.position)
        source.lines.insert(mark, (1, f"D = m._data = [{', '.join(initial)}]", None))
        if needs_work:
            source.add("E = w.effects")
            if self.traced:
                source.lines.insert(mark, (1, "C = w.changes", None))
            blocks.direct = False
            blocks.block(self.chart.script)
            self._whole(blocks, move, None)
            self._close_work(source, None, first, "return settle(m, None, w)")
        else:
            self._direct(blocks, move, None, None, first, mark, self.chart.script)
        return self._function(source, "begin", data=False)

    # ------------------------------------------------------------ fragments: for them the configuration is a variable

    def fragment(self, title: str, write: Callable[[Blocks], None], returns: str = "c") -> Callable[..., Any]:
        """``fragment(m, d, w, c)``, written by ``write``."""
        source = Source(self.names, "m, d, w, c")
        blocks = self.blocks(source, None)
        write(blocks)
        source.add(f"return {returns}")
        return self._function(source, title)

    def condition_fragment(self, t: Transition) -> Callable[..., Any]:
        """A guard; one that fails is false and an error event."""

        def write(blocks: Blocks) -> None:
            assert t.guard is not None
            blocks.scope.fields = self.symbols.fields_of(t)
            blocks.source.add(f"g = {self._guard(blocks, t)}")

        return self.fragment(f"guard {t.id}", write, "g")

    # ------------------------------------------------------------ parts of a microstep

    def blocks(self, source: Source, conf: int | None, direct: bool = False) -> Blocks:
        """A writer of blocks into ``source``, for the active states ``conf`` (None: known only when it runs)."""
        return Blocks(source, self.symbols.scope(conf), self.chart, self.symbols.children, self.traced, direct)

    def exit_state(self, blocks: Blocks, number: int) -> None:
        """Timers, exit blocks, invocations, configuration."""
        state = self.topology.states[number]
        for timer in state.timers:
            blocks.cancel_timer(timer)
        for block in state.exit:
            blocks.block(block)
        if state.invokes:
            self._stop_invocations(blocks, number, state)
        self._configure(blocks, number, False)

    def _stop_invocations(self, blocks: Blocks, number: int, state: State) -> None:
        """Those that have started; only later microsteps of a macrostep can leave a state before that."""
        if blocks.direct:
            for inv in state.invokes:
                blocks.effect(StopChild(inv.id))
            return
        bit = 1 << number
        with blocks.source.block(f"if w.pending & {bit}:"):
            blocks.source.add(f"w.pending ^= {bit}")
        with blocks.source.block("else:"):
            for inv in state.invokes:
                blocks.effect(StopChild(inv.id))

    def enter_state(self, blocks: Blocks, number: int, entry: Entry) -> None:
        """Configuration, late data, entry blocks, timers, default content, final states."""
        state = self.topology.states[number]
        self._configure(blocks, number, True)
        if state.invokes:
            blocks.source.add(f"w.pending |= {1 << number}")
        if number in self.symbols.late_slots:
            self._late_data(blocks, number, state)
        for block in state.entry:
            blocks.block(block)
        for timer in state.timers:
            blocks.start_timer(timer)
        blocks.block(self._default_content(number, entry))
        if number in entry.history_content:
            blocks.block(entry.history_content[number].actions)
        if state.kind is StateKind.FINAL:
            self._reached(blocks, number, state)

    def _configure(self, blocks: Blocks, number: int, active: bool) -> None:
        bit = 1 << number
        if blocks.scope.conf is None:
            blocks.source.add(f"c |= {bit}" if active else f"c &= ~{bit}")
        else:
            blocks.scope.conf = blocks.scope.conf | bit if active else blocks.scope.conf & ~bit

    def _late_data(self, blocks: Blocks, number: int, state: State) -> None:
        slot = self.symbols.late_slots[number]
        place = blocks.source.data(slot)
        with blocks.source.block(f"if not {place}:"):
            blocks.source.add(f"{place} = True")
            for item in self.symbols.data:
                if item.late_state == state.id and item.initial is not None:
                    blocks.initial(item.name, item.initial, item.position)

    def _reached(self, blocks: Blocks, number: int, state: State) -> None:
        """The consequences of entering a final state."""
        source, topology = blocks.source, self.topology
        parent = topology.parent[number]
        if parent == 0:
            source.add(f"w.final = {number}")
            return
        name = f"done.state.{topology.states[parent].id}"
        data = self.output(blocks, state)
        if data == "None":
            blocks.put(Event(name, None, "platform"))
        else:
            source.add(f'w.put(Event({source.constant(name)}, {data}, "platform"))')
        above = topology.parent[parent]
        if topology.states[above].kind is not StateKind.PARALLEL:
            return
        done = source.constant(Event(f"done.state.{topology.states[above].id}", None, "platform"))
        tell = "w.final = 0" if above == 0 else f"w.put({done})"
        if blocks.scope.conf is None:
            with source.block(f"if {source.constant(self.topology)}.in_final({above}, c):"):
                source.add(tell)
        elif topology.in_final(above, blocks.scope.conf):
            source.add(tell)

    def output(self, blocks: Blocks, state: State) -> str:
        """Source of what a final state gives; None after an error."""
        if state.output_content is None and not state.output:
            return "None"
        content = state.output_content
        text = blocks.value(content) if content is not None else blocks.mapping(state.output)
        name = blocks.source.local()
        blocks.attempt(name, text, state.position)
        return name

    def _whole(self, blocks: Blocks, move: Move, cause: str | None) -> None:
        """A microstep with a ``Work``: exits, content, entries, record."""
        self._content(blocks, move)
        source, topology = blocks.source, self.topology
        parts: list[Any] = [
            tuple(t.id for t in move.transitions),
            topology.exit_ids(move.exits),
            topology.ids(move.entry.states),
        ]
        if topology.states[0].parent is None and move.exits & 1:
            raise AssertionError("the root is never left")
        names = [source.constant(part) for part in parts]
        if self.traced:
            cause_name = "None" if cause is None else source.constant(cause)
            source.add(f"w.trace({cause_name}, {', '.join(names)}, {source.constant(topology.ids(move.conf))})")
        else:
            source.add(f"w.record({', '.join(names)})")

    def _content(self, blocks: Blocks, move: Move) -> None:
        for number in reversed(list(members(move.exits))):
            self.exit_state(blocks, number)
        for t in performed(move.transitions):
            self.transition_content(blocks, t)
        for number in members(move.entry.states):
            self.enter_state(blocks, number, move.entry)

    def transition_content(self, blocks: Blocks, t: Transition) -> None:
        """The actions of one transition, which see the payload of what triggers it."""
        blocks.scope.fields = self.symbols.fields_of(t)
        blocks.block(t.actions)
        blocks.scope.fields = frozenset()

    def _open_work(self, blocks: Blocks, event: str) -> None:
        """A direct plan goes over to a ``Work``; an error in a guard has made one already."""
        source = blocks.source
        blocks.direct, blocks.constants = False, None
        make = f"w = Work({source.constant(event)})"
        if blocks.faulty:
            with source.block("if w is None:"):
                source.add(make)
            with source.block("else:"):
                source.add(f"w.event = {source.constant(event)}")
        else:
            source.add(make)
        source.add("E = w.effects")
        if self.traced:
            source.add("C = w.changes")

    def _close_work(self, source: Source, node: Any, target: Any, end: str) -> None:
        if target is not node:
            source.add(f"m._node = {source.constant(target)}")
        source.add(end)

    def _nothing(self, blocks: Blocks, event: str, handled: bool) -> None:
        """No transition was enabled."""
        source = blocks.source
        step = source.constant(Step(event, handled=handled))
        if blocks.faulty:
            with source.block("if w is not None:"):
                source.add(f"return settle(m, d, resumed(w, {step}))")
        if not handled:
            source.add("m.unhandled += 1")
        source.add(f"return {step}")

    def _direct(
        self,
        blocks: Blocks,
        move: Move,
        event: str | None,
        node: Any,
        target: Any,
        mark: int = -1,
        script: Block = (),
        again: Timer | None = None,
    ) -> None:
        """A microstep that is the whole macrostep, with constant effects if possible. ``again``: a timer to start in
        the end, also where no transition was enabled (and so there is no microstep)."""
        source, topology = blocks.source, self.topology
        mark = len(source.lines) if mark < 0 else mark
        start, conf, faulty, assigns = len(source.lines), blocks.scope.conf, blocks.faulty, blocks.assigns
        indent, needs = source.indent, set(source.needs)
        blocks.direct, blocks.constants = True, []
        if node is not None:
            blocks.assigns = False
        try:
            blocks.block(script)
            self._content(blocks, move)
            if again is not None:
                blocks.start_timer(again)
        except NotStatic:
            del source.lines[start:]
            source.deeper(indent - source.indent)
            source.place, source.needs = None, needs
            blocks.reset(conf, faulty, assigns if node is None else False)
            source.add("E = []")
            blocks.block(script)
            self._content(blocks, move)
            if again is not None:
                blocks.start_timer(again)
        effects = None if blocks.constants is None else tuple(blocks.constants)
        parts = (tuple(t.id for t in move.transitions), topology.exit_ids(move.exits), topology.ids(move.entry.states))
        moved = self.traced and (node is None or bool(move.transitions))
        micros = (Microstep(event, *parts, topology.ids(move.conf)),) if moved else ()
        step = Step(event, *parts, effects or (), microsteps=micros, changes=NOTHING)
        changed = self.traced and blocks.assigns
        if changed:
            source.lines.insert(mark, (source.indent, "C = {}", None))
        blocks.assigns = assigns
        if target is not node:
            source.add(f"m._node = {source.constant(target)}")
        name = source.constant(step)
        if blocks.faulty:
            with source.block("if w is not None:"):
                extra = ", E" if effects is None else ", None"
                extra += ", C" if changed else ""
                source.add(f"return settle(m, d, resumed(w, {name}{extra}))")
        if effects is not None and not changed:
            source.add(f"return {name}")
            return
        fields = [source.literal(event), *(source.constant(part) for part in parts)]
        collected = "tuple(E)" if effects is None else source.constant(effects)
        if changed:
            micro = f"(Microstep({', '.join(fields)}, {source.constant(topology.ids(move.conf))}, C),)"
        else:
            micro = source.constant(micros)
        changes = "C" if changed else "NOTHING"
        source.add(f"return Step({', '.join(fields)}, {collected}, (), (), True, {micro}, {changes})")

    # ------------------------------------------------------------ selection

    def _tree(self, blocks: Blocks, ladders: list[list[Transition]], leaf: Callable[[list[Transition]], None]) -> None:
        """Nested ``if``s; every leaf ends in a ``return``, so what follows an ``if`` is its other branch."""

        def ladder(i: int, j: int, known: dict[Transition, bool], chosen: list[Transition]) -> None:
            while i < len(ladders):
                if j == len(ladders[i]):
                    i, j = i + 1, 0
                    continue
                t = ladders[i][j]
                holds = True if t.guard is None else known.get(t, self._decided(blocks, t))
                if holds is None:
                    with blocks.source.block(f"if {self._guard(blocks, t)}:"):
                        ladder(i + 1, 0, {**known, t: True}, [*chosen, t])
                    known = {**known, t: False}
                if holds:
                    chosen = [*chosen, t]
                    i, j = i + 1, 0
                else:
                    j += 1
            leaf(chosen)

        ladder(0, 0, {}, [])

    def leaves(self, ladders: list[list[Transition]]) -> int:
        """An upper bound of the outcomes of the guards, cut off beyond :data:`MAX_LEAVES`."""
        count = 1
        for ladder in ladders:
            count *= len(ladder) + (ladder[-1].guard is not None)
            if count > MAX_LEAVES:
                break
        return count

    def _decided(self, blocks: Blocks, t: Transition) -> bool | None:
        """A guard that the configuration decides."""
        assert t.guard is not None
        return Expression(blocks.source, blocks.scope).static(t.guard)

    def _guard(self, blocks: Blocks, t: Transition) -> str:
        assert t.guard is not None
        blocks.scope.fields = self.symbols.fields_of(t)
        text = blocks.condition(t.guard, t.position, t.id)
        blocks.scope.fields = frozenset()
        return text

    def _function(self, source: Source, title: str, data: bool = True) -> Callable[..., Any]:
        """Compile; the locals a plan needs are set up first."""
        setups = {"P": "P = m._parameters"}
        if data:
            setups["D"] = "D = m._data"
        if "w" in source.arguments.split(", "):
            setups |= {"E": "E = w.effects", "C": "C = w.changes"}
        else:
            setups["w"] = "w = None"  # E and C are set up where the plan knows what they are
        return source.function(title, tuple(line for name, line in setups.items() if name in source.needs))
