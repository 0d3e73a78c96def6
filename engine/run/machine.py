"""One running chart: the public face of the engine.

    chart = engine.load("machines/slac_evse.yaml")
    machine = chart.start({"C_sounds": 8})
    step = machine.send("link.SLAC_PARM_REQ", {...})
    machine.configuration, machine.data

A machine is used from one thread only, and never from inside its own step (an adapter's property, say). See
docs/python.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.language.expr.functions import type_error
from engine.language.model import Chart
from engine.run.values import payloads
from engine.semantics.compiled.program import Node, Program, program_of
from engine.semantics.compiled.runtime import Work
from engine.semantics.errors import EngineError, SnapshotError, UnhandledEvent
from engine.semantics.interfaces import Surroundings
from engine.semantics.parameters import split_given
from engine.semantics.shared import UNSET, with_optional
from engine.semantics.step import Event, Step

if TYPE_CHECKING:
    from engine.adapter import Adapter
    from engine.run.actor import Actor
    from engine.run.system import System

_sessions = itertools.count(1)


class Machine:
    """One running chart. Made by ``chart.start``, or here and then begun by :meth:`begin`.

    ``parameters`` by name, in declared units, durations in nanoseconds; an imported document takes data items as well
    (:func:`engine.semantics.parameters.split_given`). Raises :class:`engine.semantics.errors.ParameterError`.

    The methods of :class:`engine.semantics.interfaces.Stepper` (``begin process expire finish``) only compute;
    :meth:`send`, :meth:`fire` and :meth:`stop` carry the effects out as well, in a private system with a virtual clock
    that :meth:`advance` moves. A machine in a :class:`engine.run.System` is driven by that system alone.
    """

    __slots__ = (
        "_data",
        "_event",
        "_given",
        "_node",
        "_output",
        "_own",
        "_parameters",
        "_program",
        "_readings",
        "_sent",
        "_session",
        "chart",
        "surroundings",
        "unhandled",
    )

    def __init__(self, chart: Chart, parameters: Mapping[str, Any] | None = None) -> None:
        self.chart = chart
        self.surroundings: Surroundings | None = None
        self.unhandled = 0  # events no state had a transition for
        self._program: Program = program_of(chart, False)
        self._node: Node = self._program.unborn
        self._data: list[Any] = []
        self._event: Event | None = None
        self._readings: dict[tuple[str, str], Any] | None = None
        self._sent = 0  # generated send ids
        self._output: Any = None
        self._session = 0
        self._own: tuple[System, Actor] | None = None
        self._given: dict[str, Any] | None = None
        self._parameters: tuple[Any, ...]
        if chart.untyped and parameters:
            named, self._given = split_given(chart, parameters)
            self._parameters = tuple(named.values())
        else:
            self._parameters = self._program.parameters_of(parameters)

    # ------------------------------------------------------------ what it is

    @property
    def session_id(self) -> str:
        """Unique within the process: ``#_scxml_<session_id>`` is the machine's address (SCXML 5.10)."""
        if not self._session:
            self._session = next(_sessions)
        return str(self._session)

    @property
    def configuration(self) -> tuple[str, ...]:
        """Ids of the active states, document order, without the root; empty when the machine has ended."""
        return self._node.ids

    @property
    def data(self) -> Mapping[str, Any]:
        """The data items by name, always as they are now. Items that have no value yet are missing."""
        return DataView(self)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters by name."""
        return dict(zip(self.chart.parameters, self._parameters, strict=True))

    @property
    def readings(self) -> Mapping[tuple[str, str], Any]:
        """What the last macrostep read of its adapters: (role, name) → value."""
        return self._readings or {}

    @property
    def done(self) -> bool:
        """Whether a top-level final state was reached, or the machine was stopped."""
        return self._node is self._program.ended

    @property
    def output(self) -> Any:
        """What the top-level final state gave, by name; None before, or when it gives nothing."""
        return self._output

    @property
    def tracing(self) -> bool:
        """Whether steps carry ``microsteps`` and ``changes``. May be switched between steps."""
        return self._program.traced

    @tracing.setter
    def tracing(self, traced: bool) -> None:
        old, new = self._program, program_of(self.chart, traced)
        if self._node is old.unborn:
            self._node = new.unborn
        elif self._node is old.ended:
            self._node = new.ended
        else:
            self._node = new.node(self._node.conf, self._node.history)
        self._program = new

    # ------------------------------------------------------------ engine.semantics.interfaces.Stepper: compute only

    def begin(self) -> Step:
        """The first macrostep: data, initial configuration."""
        self._readings = None
        given, self._given = self._given, None
        step: Step = self._program.begin(frozenset(given or ()))(self, given)
        return step

    def process(self, event: Event) -> Step:
        """One macrostep for one external event. The payload is trusted to be what the event declares."""
        program = self._program
        definition = program.definition(event.name)
        data = event.data if definition is None else with_optional(definition, event.data)
        if program.careful:
            self._readings = None
            self._event = event if data is event.data else _with_data(event, data)
            if event.invokeid in program.finalizers and not self.done:
                return self._finalized(event, data)
        step: Step = self._node[event.name](self, data)
        return step

    def expire(self, timer: str) -> Step:
        """One macrostep for the expiry of the ``after`` timer of this id."""
        if self._program.careful:
            self._readings = None
            self._event = Event("after", None, "platform", timer)
        step: Step = self._node[(timer,)](self, None)
        return step

    def finish(self) -> Step:
        """Leave all states with their exit actions. The machine gives no output."""
        self._readings = None
        w = Work(None)
        if not self.done:
            self._program.leave_all(self, None, w, -1)
        return w.step()

    def _finalized(self, event: Event, data: Any) -> Step:
        w = Work(event.name)
        program = self._program
        program.run_finalizers(self, event, w)
        return program.external_after(self, data, w, event.name)

    # ------------------------------------------------------------ on its own: compute and carry out

    def send(self, event: str, data: Mapping[str, Any] | None = None) -> Step:
        """One macrostep for an event, its effects carried out; what its adapters have sent until now comes before it.

        Raises :class:`engine.semantics.errors.PayloadError` when ``data`` is not what the event declares, and
        :class:`engine.semantics.errors.UnhandledEvent` when the chart is ``strict`` and no active state has a
        transition for it; :class:`engine.semantics.errors.EndlessLoop` when the macrostep never ends,
        :class:`engine.semantics.errors.EngineError` when called by an adapter while it carries out an order of this
        machine.
        """
        if self._own is not None:
            self._catch_up(self._own[0])
        if data is not None or self._program.careful:
            return self._send_carefully(event, data)
        step: Step = self._node[event](self, None)
        if step.effects:
            self._perform(step, "event", Event(event))
        return step

    def _send_carefully(self, event: str, data: Mapping[str, Any] | None) -> Step:
        program = self._program
        payload = payloads(self.chart).check(event, data)
        self._readings = None
        self._event = Event(event, payload) if program.symbols.keeps_event else None
        step: Step = self._node[event](self, payload)
        if step.effects or self.chart.joint_invariants:
            self._perform(step, "event", Event(event, payload))
        if not step.handled and self.chart.strict:
            active = ", ".join(self.configuration) or "none: it has ended"
            raise UnhandledEvent(
                f"chart {self.chart.name!r} is strict and no active state ({active}) has a transition for {event!r}"
            )
        return step

    def fire(self, timer: str) -> Step:
        """:meth:`expire`, and carry the effects out: for a test that plays the clock itself."""
        if self._own is not None:
            self._catch_up(self._own[0])
        step = self.expire(timer)
        if step.effects:
            self._perform(step, "timer", None)
        return step

    def stop(self) -> Step:
        """:meth:`finish`, and carry the effects out: exit actions, then the children's; then the adapters are closed.

        At once: a chart with a ``shutdown`` is asked first by :meth:`engine.run.System.end`."""
        if self._own is None or self.done:
            step = self.finish()
            if step.effects:
                self._perform(step, "stop", None)
            return step
        system = self._own[0]
        self._catch_up(system)
        step = self.finish()
        self._perform(step, "stop", None)
        return step

    def advance(self, duration_ns: int) -> None:
        """Let time pass on the private virtual clock: timers, delayed sends and children run, in order."""
        system = self._system()[0]
        self._refuse_inside(system)
        system.owner_waits = True
        try:
            system.advance(duration_ns)
        finally:
            system.owner_waits = False
        self._close_when_done(system)

    def _begin_alone(self, adapters: Mapping[str, Adapter] | None) -> Machine:
        """What ``chart.start`` does with a new machine."""
        if adapters:
            self._system(adapters)
        try:
            step = self.begin()
            if step.effects:
                self._perform(step, "start", None)
        except BaseException:
            if self._own is not None:
                self._own[0].shutdown()
            raise
        return self

    def _perform(self, step: Step, cause: str, event: Event | None) -> None:
        if self.surroundings is not None and self._own is None:
            return  # somebody else's: its system, or a test that looks at the effects itself
        system = self._system()[0]
        system.owner_waits = True
        try:
            system.perform(self, step, cause, event)
        finally:
            system.owner_waits = False
        self._close_when_done(system)

    def _catch_up(self, system: System) -> None:
        """What waits in the private system came before what its owner asks for now."""
        self._refuse_inside(system)
        if not system.quiet:
            self.advance(0)

    def _refuse_inside(self, system: System) -> None:
        if system.owner_waits:
            raise EngineError(
                f"the machine of chart {self.chart.name!r} is in the middle of a step: an adapter sends its events "
                "through its port"
            )

    def _close_when_done(self, system: System) -> None:
        """A machine that has ended needs its adapters no more."""
        if self.done:
            system.shutdown()

    def _system(self, adapters: Mapping[str, Adapter] | None = None) -> tuple[System, Actor]:
        """The private system, made when it is first needed."""
        if self._own is None:
            if self.surroundings is not None:
                raise EngineError(f"this machine of chart {self.chart.name!r} belongs to a system: use that one")
            from engine.run.system import System

            system = System()
            self._own = (system, system.attach(self, adapters or {}))
        return self._own

    # ------------------------------------------------------------ snapshots

    def snapshot(self) -> dict[str, Any]:
        """Everything needed to go on later, as JSON values: this machine, its timers, delayed sends and children."""
        from engine.run.json_values import to_json
        from engine.run.snapshot import take

        plain: dict[str, Any] = to_json(take(self._system()[1]))
        return plain

    def core_snapshot(self) -> dict[str, Any]:
        """This machine alone, between two steps, as plain values."""
        topology, symbols = self._program.topology, self._program.symbols
        history = {
            topology.states[number].id: list(topology.ids(kept))
            for number, kept in zip(topology.histories, self._node.history, strict=True)
            if kept
        }
        return {
            "configuration": list(self.configuration),
            "history": history,
            "data": dict(self.data),
            "parameters": dict(self.parameters),
            "bound": [
                topology.states[n].id for n, slot in symbols.late_slots.items() if self._data and self._data[slot]
            ],
            "sent": self._sent,
            "done": self.done,
            "output": self._output,
        }

    def fork(self) -> Machine:
        """A second machine in the same situation, between two steps: for a search that tries many events from here.

        It shares nothing that a step changes, and has no system of its own."""
        twin = Machine.__new__(Machine)
        for name in ("chart", "surroundings", "unhandled", "_program", "_node", "_event", "_given", "_parameters"):
            setattr(twin, name, getattr(self, name))
        twin._data = list(self._data)
        twin._readings, twin._own, twin._session = None, None, 0
        twin._sent, twin._output = self._sent, self._output
        return twin

    @classmethod
    def restore(cls, chart: Chart, core: Mapping[str, Any]) -> Machine:
        """The machine a :meth:`core_snapshot` of the same chart was taken of.

        Raises :class:`engine.semantics.errors.SnapshotError` when states or data do not fit the chart.
        """
        machine = cls(chart, core["parameters"])
        program = machine._program
        symbols, topology = program.symbols, program.topology
        try:
            machine._data = [UNSET] * len(symbols.data) + [False] * len(symbols.late)
            for name, value in core["data"].items():
                machine._data[symbols.slots[name]] = value
            for state in core["bound"]:
                machine._data[symbols.late_slots[symbols.numbers[state]]] = True
            history = list(topology.no_history)
            for state, kept in core["history"].items():
                history[topology.history_slot[symbols.numbers[state]]] = sum(1 << symbols.numbers[s] for s in kept)
            conf = sum(1 << symbols.numbers[state] for state in core["configuration"]) | 1
        except KeyError as error:
            raise SnapshotError(f"chart {chart.name!r} has no state or data item {error} of the snapshot") from None
        machine._sent = core["sent"]
        machine._output = core["output"]
        machine._node = program.ended if core["done"] else program.node(conf, tuple(history))
        machine._check_restored(conf, history)
        return machine

    def _check_restored(self, conf: int, history: list[int]) -> None:
        """Raises ``SnapshotError`` for what no run of the chart can lead to: a file that was damaged or made up."""
        program, name = self._program, self.chart.name
        topology, symbols = program.topology, program.symbols
        if not self.done and not topology.legal(conf):
            raise SnapshotError(
                f"the snapshot's states are no configuration of {name!r}: {', '.join(topology.ids(conf))}"
            )
        for number, kept in zip(topology.histories, history, strict=True):
            if kept & ~topology.below[topology.parent[number]]:
                raise SnapshotError(f"the snapshot keeps foreign states for the history {topology.states[number].id!r}")
        for item, value in zip(symbols.data, self._data, strict=False):
            if value is UNSET:
                why = "" if item.name in symbols.unset else "it has no value"
            else:
                why = "" if self.chart.untyped else type_error(value, item.type)
            if why:
                raise SnapshotError(f"the snapshot of {name!r}, data item {item.name!r}: {why}")

    def __repr__(self) -> str:
        return f"<Machine {self.chart.name} in {', '.join(self.configuration) or ('done' if self.done else 'nothing')}>"


class DataView(Mapping[str, Any]):
    """The data of a machine, live and read-only."""

    __slots__ = ("_machine",)

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __getitem__(self, name: str) -> Any:
        machine = self._machine
        value = machine._data[machine._program.symbols.slots[name]] if machine._data else UNSET
        if value is UNSET:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        data = self._machine._data
        return (n for n, slot in self._machine._program.symbols.slots.items() if data and data[slot] is not UNSET)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


def _with_data(event: Event, data: Any) -> Event:
    return Event(event.name, data, event.type, event.sendid, event.origin, event.origintype, event.invokeid)


def start(chart: Chart, parameters: Mapping[str, Any] | None, adapters: Mapping[str, Adapter] | None) -> Machine:
    """``chart.start``: a machine in its initial configuration, its first effects carried out."""
    return Machine(chart, parameters)._begin_alone(adapters)


def resume(chart: Chart, snapshot: Mapping[str, Any], adapters: Mapping[str, Adapter] | None) -> Machine:
    """``chart.resume``: the machine a snapshot was taken of, with its timers and children, on a private clock."""
    from engine.run.json_values import from_json
    from engine.run.snapshot import restore
    from engine.run.system import System

    system = System()
    try:
        plain = from_json(snapshot)
    except ValueError as error:
        raise SnapshotError(f"the snapshot for {chart.name} is not whole: {error}") from error
    actor = restore(system, chart, plain, chart.name, adapters or {})
    if actor.is_running:
        system.start()
    machine = actor.machine
    assert isinstance(machine, Machine)
    machine._own = (system, actor)
    return machine
