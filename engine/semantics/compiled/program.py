"""The plans of one chart, generated when they are first needed and shared by all its machines.

A wide parallel chart has too many configurations for plans of their own. Its machines run by fragments: for each
transition and the part of the configuration it touches, one function for its exits and one for its entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.language.model import Chart, EventDef, Invariant
from engine.language.traverse import event_definition
from engine.semantics.compiled.codegen_plans import MAX_LEAVES, Generator, Move
from engine.semantics.compiled.fragments import Fragments, Key, Plan, triggered_by
from engine.semantics.compiled.runtime import FAULTS, Work
from engine.semantics.compiled.symbols import Symbols
from engine.semantics.compiled.topology import History, Topology, members
from engine.semantics.errors import EndlessLoop
from engine.semantics.parameters import bind_parameters
from engine.semantics.shared import MICROSTEP_BOUND, condition, kept_for_later
from engine.semantics.step import Done, Event, Failure, Step

if TYPE_CHECKING:
    from engine.semantics.compiled.machine import CompiledMachine

NODES = 1_024  # configurations with plans of their own, besides twice the number of states
PLANS_PER_NODE = 512


class Node(dict[Any, Plan]):
    """A configuration with its history, and the plans of what may happen in it: event name or ``(timer id,)`` →
    plan."""

    __slots__ = ("_eventless", "_ids", "conf", "history", "internal", "invariants", "program", "restless", "shared")

    def __init__(self, program: Program, conf: int, history: History, shared: bool) -> None:
        super().__init__()
        self.program = program
        self.conf = conf
        self.history = history
        self.shared = shared  # kept by the program: worth plans of its own
        self._ids: tuple[str, ...] | None = None
        self.internal: dict[str, Plan] = {}
        self.invariants = program.invariants_of(conf)
        self.restless = bool(conf & program.eventless_sources) or bool(self.invariants) or program.symbols.defers
        self._eventless: Plan | None = None

    def __missing__(self, key: Any) -> Plan:
        program = self.program
        if not isinstance(key, (str, tuple)):
            raise TypeError(f"an event's name is text, not {type(key).__name__}")
        if isinstance(key, str) and key not in program.symbols.known_events and not program.chart.untyped:
            return program.by_fragments_only(key)  # names made up outside are worth no plan
        plan = program.external(self, key)
        if self.shared and len(self) < PLANS_PER_NODE:
            self[key] = plan
        return plan

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the active states without the root."""
        if self._ids is None:
            self._ids = self.program.topology.ids(self.conf)
        return self._ids

    def eventless(self) -> Plan | None:
        """The plan of the eventless transitions; None when no active state has any."""
        if self._eventless is None and self.conf & self.program.eventless_sources:
            self._eventless = self.program.internal(self, None)
        return self._eventless

    def on_internal(self, name: str) -> Plan:
        """The plan of an internal event."""
        plan = self.internal.get(name)
        if plan is None:
            plan = self.program.internal(self, name)
            if self.shared and len(self.internal) < PLANS_PER_NODE:
                self.internal[name] = plan
        return plan


class Program:
    """One chart compiled, with or without the records of a trace."""

    def __init__(self, chart: Chart, traced: bool) -> None:
        self.chart = chart
        self.traced = traced
        self.topology = Topology(chart)
        self.symbols = Symbols(chart, self.topology)
        self.generator = Generator(chart, self.topology, self.symbols, traced, self.settle)
        self.fragments = Fragments(self.generator)
        self.eventless_sources = 0
        for t in self.topology.all_transitions():
            if not t.descriptors and t.timer is None:
                self.eventless_sources |= 1 << self.topology.number[t.source]
        self.periodic = {t.id: (i, t) for i, s in enumerate(self.topology.states) for t in s.timers if t.periodic}
        self._invariants = [(1 << i, inv) for i, s in enumerate(self.topology.states) for inv in s.invariants]
        self.finalizers = {inv.id: i for i, s in enumerate(self.topology.states) for inv in s.invokes if inv.finalize}
        self._definitions: dict[str, EventDef | None] = {}
        self._defaults: tuple[Any, ...] | None = None
        declared = {name: self.definition(name) for name in self.symbols.known_events}
        payloads = {name: d.payload for name, d in declared.items() if d is not None and d.payload}
        # The fields of an event's payload that may have been left out.
        self.optional = {name: frozenset(n for n, t in p.items() if t.optional) for name, p in payloads.items()}
        # Whether a step must be prepared: a payload checked, the event kept, readings forgotten, strictness.
        self.careful = (
            chart.strict
            or bool(chart.joint_invariants)
            or self.symbols.keeps_event
            or self.symbols.has_readings
            or bool(self.finalizers)
            or bool(self.optional)
        )
        self.limit = NODES + 2 * len(self.topology.states)
        self.nodes: dict[tuple[int, History], Node] = {}
        self._begins: dict[frozenset[str], Plan] = {}
        self.unborn = Node(self, 0, self.topology.no_history, True)
        self.ended = Node(self, 0, self.topology.no_history, True)

    # ------------------------------------------------------------ configurations

    def node(self, conf: int, history: History) -> Node:
        """The node of a configuration; beyond the limit, one that is not kept."""
        node = self.nodes.get((conf, history))
        if node is None:
            shared = len(self.nodes) < self.limit
            node = Node(self, conf, history, shared)
            if shared:
                self.nodes[conf, history] = node
        return node

    def next_node(self, move: Move) -> Node:
        """The node a microstep leads to."""
        return self.node(move.conf, move.history)

    def definition(self, event: str) -> EventDef | None:
        """The declaration of an event's payload, if there is one."""
        if event not in self.symbols.known_events:
            return None
        if event not in self._definitions:
            self._definitions[event] = event_definition(self.chart, event, self.symbols.child_nodes)
        return self._definitions[event]

    def parameters_of(self, given: Mapping[str, Any] | None) -> tuple[Any, ...]:
        """The parameters' values in declaration order; machines with only defaults share them."""
        if given:
            return tuple(bind_parameters(self.chart, given).values())
        if self._defaults is None:
            self._defaults = tuple(bind_parameters(self.chart, None).values())
        return self._defaults

    def invariants_of(self, conf: int) -> tuple[tuple[Plan, Invariant], ...]:
        """The invariants of the active states, with the functions that compute them."""
        return tuple((self.fragments.invariant(inv), inv) for bit, inv in self._invariants if conf & bit)

    # ------------------------------------------------------------ plans

    def begin(self, given: frozenset[str]) -> Plan:
        """The plan of the first macrostep, for data items given by the parent."""
        plan = self._begins.get(given)
        if plan is None:
            move = self.generator.first_move()
            plan = self.generator.begin(given, self.next_node(move), move)
            if len(self._begins) < 64:
                self._begins[given] = plan
        return plan

    def external(self, node: Node, key: str | tuple[str]) -> Plan:
        """The plan of an external event or of a timer's expiry."""
        name = key if isinstance(key, str) else key[0]
        again = None if isinstance(key, str) else self.periodic.get(name)
        if node.shared and len(self.nodes) < self.limit:
            ladders = self.topology.candidates(node.conf, triggered_by(key))
            if self.generator.leaves(ladders) <= MAX_LEAVES:
                return self.generator.external(name, name, node, ladders, self.next_node, again)

        return self.by_fragments_only(key)

    def by_fragments_only(self, key: str | tuple[str]) -> Plan:
        """The plan of an external event or a timer for any configuration."""
        name = key if isinstance(key, str) else key[0]
        return lambda m, d: self.external_after(m, d, Work(name), key)

    def internal(self, node: Node, name: str | None) -> Plan:
        """The plan of an internal event, or of eventless transitions."""
        if node.shared and len(self.nodes) < self.limit:
            ladders = self.topology.candidates(node.conf, triggered_by(name))
            if self.generator.leaves(ladders) <= MAX_LEAVES:
                return self.generator.internal(name or "eventless", name, node, ladders, self.next_node)
        return lambda m, d, w: self.fragments.take(m, d, w, m._node, name)

    # ------------------------------------------------------------ the rest of a macrostep

    def settle(self, m: CompiledMachine, d: Any, w: Work) -> Step:
        """Run a macrostep from its first microstep to its end: eventless transitions, internal events, invocations,
        invariants. Raises ``EndlessLoop``."""
        broken: set[int] = set()
        while True:
            while w.final < 0:
                node = m._node
                plan = node.eventless()
                if plan is not None:
                    if w.count >= MICROSTEP_BOUND:
                        self._bound(m, d, w, node, None)
                    if plan(m, d, w):
                        w.count += 1
                        continue
                if not w.queue:
                    break
                event = w.queue.pop(0)
                d = event.data
                m._event = event
                if w.count >= MICROSTEP_BOUND:
                    self._bound(m, d, w, node, event.name)
                if node.on_internal(event.name)(m, d, w):
                    w.count += 1
            if w.final >= 0:
                self._end(m, d, w)
                break
            node = m._node
            if w.pending:
                for number in members(w.pending):
                    self.fragments.invocations(number)(m, d, w, node.conf)
                w.pending = 0
                if w.queue:
                    continue
            if m._deferred and self._recall(m, w, node):
                continue
            if node.invariants:
                self._check(m, d, w, node, broken)
            if not w.queue:
                break
        if not w.handled:
            m.unhandled += 1
        return w.step()

    def _recall(self, m: CompiledMachine, w: Work, node: Node) -> bool:
        """Whether an event of ``defer`` is kept no longer: the first of them goes to the internal queue."""
        for position, event in enumerate(m._deferred):
            atomic = members(node.conf & self.topology.atomic)
            if not kept_for_later(self.fragments.ladder(number, event.name) for number in atomic):
                m._deferred = (*m._deferred[:position], *m._deferred[position + 1 :])
                w.queue.append(event)
                return True
        return False

    def _bound(self, m: CompiledMachine, d: Any, w: Work, node: Node, key: Key) -> None:
        """The macrostep has taken as many microsteps as it may: is there another one?"""
        if self.fragments.select(m, d, w, node, key):
            taken = set(w.transitions[-100:])
            sources = dict.fromkeys(t.source.id for t in self.topology.all_transitions() if t.id in taken)
            raise EndlessLoop(self.chart.name, MICROSTEP_BOUND, tuple(sources))

    def _check(self, m: CompiledMachine, d: Any, w: Work, node: Node, broken: set[int]) -> None:
        """Invariants; each broken one is told once in a macrostep, or reacting to it could never end."""
        for holds, invariant in node.invariants:
            if id(invariant) in broken:
                continue
            name = "error.execution"
            try:
                if condition(holds(m, d, w, node.conf)):
                    continue
                text, name = f"invariant broken: {invariant.message or invariant.text}", "error.invariant"
            except FAULTS as error:
                text = str(error)
            broken.add(id(invariant))
            w.fail(Failure(text, str(invariant.position)), name=name)

    def _end(self, m: CompiledMachine, d: Any, w: Work) -> None:
        """A top-level final state was reached: leave everything, give the output."""
        final = w.final
        m._output = self.leave_all(m, d, w, final)
        w.effects.append(Done(m._output))

    def leave_all(self, m: CompiledMachine, d: Any, w: Work, final: int) -> Any:
        """exitInterpreter; ``final`` is the state whose data are the output, -1 for none."""
        conf = c = m._node.conf
        before = len(w.exited)
        output = None
        for number in reversed(list(members(conf))):
            c = self.fragments.exit(number)(m, d, w, c)
            if number == final:
                output = self.fragments.output(number)(m, d, w, c)
        exited = self.topology.exit_ids(conf)
        if self.traced:
            w.trace(None, (), exited, (), ())
        else:
            w.record((), exited, ())
        assert len(w.exited) - before == len(exited)
        m._node = self.ended
        m._deferred = ()
        w.queue.clear()
        w.pending = 0
        return output

    # ------------------------------------------------------------ by fragments

    def external_after(self, m: CompiledMachine, d: Any, w: Work, key: str | tuple[str]) -> Step:
        """The macrostep of an external event or timer; ``w`` may hold what happened before (``finalize``)."""
        node = m._node
        if not self.fragments.take(m, d, w, node, key):
            w.handled = any(self.fragments.ladder(number, key) for number in members(node.conf & self.topology.atomic))
        if isinstance(key, tuple) and key[0] in self.periodic:
            number, timer = self.periodic[key[0]]
            if m._node.conf >> number & 1 and self.topology.states[number].id not in w.exited:
                self.fragments.again(timer)(m, d, w, m._node.conf)
        return self.settle(m, d, w)

    def run_finalizers(self, m: CompiledMachine, event: Event, w: Work) -> None:
        """``finalize`` of the invocation an event comes from (SCXML 6.5), before the event is processed."""
        conf = m._node.conf
        for number in members(conf):
            for inv in self.topology.states[number].invokes:
                if inv.id == event.invokeid and inv.finalize:
                    self.fragments.finalize(inv)(m, event.data, w, conf)


KEPT = 512
"""Programs kept, two for a chart that is also traced. Machines hold their own: what goes costs compiling it again."""

_programs: dict[tuple[Chart, bool], Program] = {}


def program_of(chart: Chart, traced: bool) -> Program:
    """The chart's program, made at the first call."""
    program = _programs.get((chart, traced))
    if program is None:
        program = Program(chart, traced)
        keep(program)
    return program


def keep(program: Program) -> None:
    """Use this program for all further machines of its chart."""
    if len(_programs) >= KEPT:
        del _programs[next(iter(_programs))]
    _programs[program.chart, program.traced] = program


def forget(chart: Chart) -> None:
    """Compile the chart again for its next machine."""
    for traced in (False, True):
        _programs.pop((chart, traced), None)
