"""One running chart, compiled: every method computes a step and carries out nothing.

Implements :class:`engine.semantics.interfaces.Stepper`. A system, or the owner :class:`engine.run.machine.Machine`,
carries out its effects.
"""

from __future__ import annotations

import itertools
from collections.abc import ItemsView, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Self

from engine.language.model import Chart
from engine.language.values import type_error
from engine.semantics.compiled.program import Node, Program, program_of
from engine.semantics.compiled.runtime import Work
from engine.semantics.errors import SnapshotError
from engine.semantics.interfaces import Surroundings
from engine.semantics.parameters import split_given
from engine.semantics.shared import UNSET, with_optional
from engine.semantics.step import Event, Step

_sessions = itertools.count(1)


class CompiledMachine:
    """One running chart, to be begun by :meth:`begin`.

    ``parameters`` by name, in declared units, durations in nanoseconds; an imported document takes data items as well
    (:func:`engine.semantics.parameters.split_given`). Raises :class:`engine.semantics.errors.ParameterError`.
    """

    __slots__ = (
        "_data",
        "_deferred",
        "_event",
        "_given",
        "_node",
        "_output",
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
        self._deferred: tuple[Event, ...] = ()  # kept by `defer`, in their order
        self._readings: dict[tuple[str, str], Any] | None = None
        self._sent = 0  # generated send ids
        self._output: Any = None
        self._session = 0
        self._given: dict[str, Any] | None = None
        self._parameters: tuple[Any, ...]
        if chart.untyped and parameters:
            named, self._given = split_given(chart, parameters)
            self._parameters = tuple(named.values())
        else:
            self._parameters = self._program.parameters_of(parameters)

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
        """The values the last macrostep read from its adapters: (role, name) → value."""
        return self._readings or {}

    @property
    def done(self) -> bool:
        """Whether a top-level final state was reached, or the machine was stopped."""
        return self._node is self._program.ended

    @property
    def output(self) -> Any:
        """The output of the top-level final state, by name; None before, or when it has none."""
        return self._output

    @property
    def tracing(self) -> bool:
        """Whether steps keep their microsteps and changes; may be set between two steps."""
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

    def begin(self) -> Step:
        """The first macrostep: data, initial configuration."""
        self._readings = None
        given, self._given = self._given, None
        step: Step = self._program.begin(frozenset(given or ()))(self, given)
        return step

    def process(self, event: Event) -> Step:
        """One macrostep for one external event. The payload is trusted to be what the event declares."""
        program, data = self._program, event.data
        optional = program.optional.get(event.name)
        if optional is not None and (data.__class__ is not dict or (optional and not optional <= data.keys())):
            data = with_optional(program.definition(event.name), data)
        if program.careful:
            self._readings = None
            self._event = event if data is event.data else _with_data(event, data)
            if event.invokeid and event.invokeid in program.finalizers and not self.done:
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
            "deferred": [asdict(event) for event in self._deferred],
            "sent": self._sent,
            "done": self.done,
            "output": self._output,
        }

    def fork(self) -> Self:
        """A second machine in the same situation, between two steps: for a search that tries many events from here.

        The two share nothing that a step changes.
        """
        twin = type(self).__new__(type(self))
        for name in ("chart", "surroundings", "unhandled", "_program", "_node", "_event", "_given", "_parameters"):
            setattr(twin, name, getattr(self, name))
        twin._data = list(self._data)
        twin._readings, twin._session = None, 0
        twin._sent, twin._output, twin._deferred = self._sent, self._output, self._deferred
        return twin

    @property
    def situation(self) -> tuple[tuple[int, tuple[int, ...]], tuple[Any, ...]]:
        """Configuration and history, and the values of the data: for a search that visits no situation twice.

        Of machines of one chart with the same parameters, those with equal ones do the same from here."""
        kept = tuple(repr(event) for event in self._deferred)
        return (self._node.conf, self._node.history), (*self._data, *kept)

    @classmethod
    def restore(cls, chart: Chart, core: Mapping[str, Any]) -> Self:
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
        machine._deferred = tuple(Event(**event) for event in core.get("deferred", ()))
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

    def __init__(self, machine: CompiledMachine) -> None:
        self._machine = machine

    @property
    def slots(self) -> list[Any]:
        """The values in the order the chart declares the items, ``UNSET`` where there is none (marks of late binding
        come behind): read at once, never changed from outside."""
        return self._machine._data

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

    def items(self) -> ItemsView[str, Any]:
        """All at once, as they are now: what a trace asks for after every step."""
        machine = self._machine
        names = machine._program.symbols.slots  # in the order of their slots; marks of late binding come behind
        found = {name: value for name, value in zip(names, machine._data, strict=False) if value is not UNSET}
        return found.items()

    def __repr__(self) -> str:
        return repr(dict(self))


def _with_data(event: Event, data: Any) -> Event:
    return Event(event.name, data, event.type, event.sendid, event.origin, event.origintype, event.invokeid)
