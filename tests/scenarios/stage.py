"""A chart on a stage: everything around it is scripted by the scenario, on the virtual clock.

Its adapters are stand-ins that note every order and say what the scenario has them say; the charts it invokes are
puppets. What is left is the chart's own behaviour, and a scenario tells what a person at the plug would miss::

    stage = Stage("machines/power/dc_output.yaml")
    stage.values("supply", present_voltage=0.0, present_current=0.0, maximum_voltage=500.0)
    stage.post("cable_check")                      # the parent says
    stage.finish("test", passed=True)              # the invoked adapter call of this id ends
    assert stage.order("contactor.set") == {"closed": True}
    stage.emit("contactor.closed")                 # an adapter says
    stage.run(0.2)
    assert stage.told("cable_check_bad") == [{"reason": "…"}]
    assert stage.active("way_down")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import engine
from engine.adapter import Adapter, World
from engine.language.model import Chart, Contract
from engine.run import System
from engine.run.actor import Actor
from engine.run.observer import Note, StepRecord
from engine.semantics.step import Done, Event, SendEvent, Step

MS, S = 1_000_000, 1_000_000_000
_BROKEN = ("adapter_error", "machine_failed", "queue_full", "child_refused")


STAGES: list[Stage] = []  # of the test that runs: see conftest.py


@dataclass(frozen=True, slots=True)
class Order:
    """Something the chart ordered: ``what`` is ``role.action`` or ``child.event``, at ``at_s`` seconds."""

    at_s: float
    what: str
    args: Mapping[str, Any]


class Stage:
    """One chart with ``parameters``, begun. ``values`` are readable adapter values by ``role.name``, seconds and all
    units as in the contract; a value not given is the type's zero.

    ``orders``: everything ordered of adapters and told to puppets, in order. ``said``: everything told to the parent.
    ``raised``: the chart's internal events, in order.
    ``real``: ids of invoked charts that run for real instead of as puppets.
    """

    def __init__(
        self,
        file: str,
        /,
        values: Mapping[str, Any] | None = None,
        *,
        real: tuple[str, ...] = (),
        begin: bool = True,
        **parameters: Any,
    ) -> None:
        self.chart = load(file)
        self.system = System(make=self._make)
        self.system.observers.append(self)
        self.orders: list[Order] = []
        self.said: list[tuple[float, str, dict[str, Any]]] = []
        self.logs: list[str] = []
        self.raised: list[str] = []
        self.errors: list[str] = []
        self._real = {name for name in real}
        self.adapters = {
            role: StandIn(role, contract, self._ordered) for role, contract in sorted(self.chart.adapters.items())
        }
        for name, value in (values or {}).items():
            role, _, value_name = name.partition(".")
            self.values(role, **{value_name: value})
        STAGES.append(self)
        self.actor = self.system.add(self.chart, "stage", parameters, dict(self.adapters))
        self.system.joint.leave(self.actor)  # puppets have neither states nor data that a promise could be about
        if begin:
            self.begin()

    def begin(self) -> Stage:
        """Start the machine (only after ``begin=False``: values may be set before)."""
        self.system.start()
        self.system.run_due()
        return self

    # ------------------------------------------------------------ what the scenario does

    def post(self, event: str, **data: Any) -> Stage:
        """The parent says (an event of direction ``in``)."""
        self.system.post(self.actor, event, data)
        self.system.run_due()
        return self

    def emit(self, event: str, **data: Any) -> Stage:
        """An adapter says: ``role.event``."""
        role, _, name = event.partition(".")
        self.adapters[role].port.emit(name, **data)
        self.system.run_due()
        return self

    def values(self, role: str, **values: Any) -> Stage:
        """What the adapter's readable values are from now on."""
        for name, value in values.items():
            assert name in self.adapters[role].readable, f"{role} has no value {name!r}"
            setattr(self.adapters[role], name, value)
        return self

    def silent(self, role: str, *values: str) -> Stage:
        """The adapter hears nothing more of these values: they are what they were, and grow old."""
        adapter = self.adapters[role]
        adapter.heard_ns.update(dict.fromkeys(values, self.system.clock.now_ns()))
        return self

    def tells(self, role: str) -> Stage:
        """It hears of all its values again."""
        self.adapters[role].heard_ns.clear()
        return self

    def finish(self, invocation: str, **result: Any) -> Stage:
        """The adapter's long action that runs for the ``invoke`` of this id ends well."""
        adapter, call = self._running(invocation)
        adapter.port.done(call, **result)
        self.system.run_due()
        return self

    def fail(self, invocation: str, reason: str = "it broke") -> Stage:
        """It fails."""
        adapter, call = self._running(invocation)
        adapter.port.failed(call, reason)
        self.system.run_due()
        return self

    def breaks(self, role: str, message: str = "it broke") -> Stage:
        """``error.adapter.<role>``."""
        self.adapters[role].port.error(message)
        self.system.run_due()
        return self

    def child(self, event: str, key: Any = None, /, **data: Any) -> Stage:
        """A puppet says: ``child.event``."""
        child, _, name = event.partition(".")
        self.system.post(self._puppet(child, key), "puppet", {"says": name, "data": data})
        self.system.run_due()
        return self

    def ends(self, child: str, key: Any = None, /, **output: Any) -> Stage:
        """A puppet ends by itself (``done.invoke.<child>``), with this output."""
        self.system.post(self._puppet(child, key), "puppet", {"ends": True, "data": output})
        self.system.run_due()
        return self

    def stop(self) -> Stage:
        """Whoever runs the chart ends it."""
        self.system.stop(self.actor)
        return self

    def run(self, seconds: float) -> Stage:
        """Let the time pass."""
        self.system.advance(round(seconds * S))
        return self

    # ------------------------------------------------------------ what the scenario sees

    @property
    def now_s(self) -> float:
        return self.system.clock.now_ns() / S

    @property
    def states(self) -> tuple[str, ...]:
        """The active states, document order."""
        return self.actor.machine.configuration

    @property
    def ended(self) -> bool:
        """Whether the chart has reached a top-level final state."""
        return self.actor.state == "done"

    @property
    def output(self) -> Any:
        """The output of a chart that has ended."""
        assert self.ended, f"{self.chart.name} has not ended: {self.states}"
        return self.actor.machine.output

    @property
    def unhandled(self) -> list[str]:
        """Events that no state had a transition for, not even one that ignores it."""
        return sorted(self.actor.unhandled)

    def active(self, state: str, child: str = "") -> bool:
        """Whether the state is active, of the chart or of a real ``child``; none is of one that has ended."""
        if child and child not in self.children():
            return False
        machine = (self.actor.children[child, None] if child else self.actor).machine
        assert state in machine.chart.states, f"{machine.chart.name} has no state {state!r}"
        return state in machine.configuration

    def data(self, name: str, child: str = "") -> Any:
        """A data item of the chart, or of a ``child`` that runs for real."""
        return (self.actor.children[child, None] if child else self.actor).machine.data[name]

    def order(self, what: str) -> Mapping[str, Any] | None:
        """The arguments of the last such order (``role.action``, or ``child.event``); None when there was none."""
        return next((order.args for order in reversed(self.orders) if order.what == what), None)

    def ordered(self, *what: str) -> list[Mapping[str, Any]]:
        """The arguments of all such orders."""
        return [order.args for order in self.orders if order.what in what]

    def times(self, what: str) -> list[float]:
        """When (s) such orders were given, or the parent told."""
        return [o.at_s for o in self.orders if o.what == what] + [at for at, name, _ in self.said if name == what]

    def told(self, event: str) -> list[dict[str, Any]]:
        """The data of all such events to the parent."""
        return [data for _, name, data in self.said if name == event]

    def children(self) -> list[str]:
        """The ids of the charts that run for it now."""
        return sorted(id_ for (id_, _), child in self.actor.children.items() if child.state == "running")

    def input(self, child: str, key: Any = None) -> Mapping[str, Any]:
        """The parameters a puppet was started with."""
        return self._puppet(child, key).machine.parameters

    def forget(self) -> Stage:
        """Forget what was ordered and said up to now."""
        self.orders.clear()
        self.said.clear()
        self.raised.clear()
        return self

    # ------------------------------------------------------------ inside

    def _make(self, chart: Chart, parameters: Mapping[str, Any]) -> Any:
        from engine.run.machine import Machine

        if chart is self.chart or chart.name in self._real or not hasattr(self, "actor"):
            return Machine(chart, parameters)
        return Puppet(Machine(chart, parameters), self._ordered)

    def _puppet(self, child: str, key: Any) -> Actor:
        running = {name: actor for name, actor in self.actor.children.items() if actor.state == "running"}
        assert (child, key) in running, f"{child!r} does not run; there are {sorted(map(str, running))}"
        return running[child, key]

    def _running(self, invocation: str) -> tuple[StandIn, str]:
        assert invocation in self.actor.calls, f"no call {invocation!r}; there are {sorted(self.actor.calls)}"
        call = self.actor.calls[invocation]
        adapter = call.binding.adapter
        assert isinstance(adapter, StandIn)
        return adapter, call.call_id

    def _ordered(self, what: str, args: Mapping[str, Any]) -> None:
        """An argument that is None is left out, as a chart leaves it out."""
        self.orders.append(Order(self.now_s, what, {name: each for name, each in args.items() if each is not None}))

    def step(self, record: StepRecord) -> None:
        """Observer: a puppet's id is known only to the system."""
        if isinstance(record.actor.machine, Puppet):
            record.actor.machine.name = record.actor.invoke.id if record.actor.invoke is not None else ""
            record.actor.machine.report(record.event)
        if record.actor is self.actor:
            self.raised += record.step.raised
        self.logs += [e.text for e in record.step.effects if hasattr(e, "label") and hasattr(e, "text")]

    def note(self, note: Note) -> None:
        """Observer: what is told to the parent, and what went wrong."""
        if note.kind == "out":
            data = {} if note.data == {"value": None} else dict(note.data)  # an event without data
            self.said.append((note.time_ns / S, note.text, data))
        elif note.kind in _BROKEN:
            self.errors.append(f"{note.path}: {note.text}")


@cache
def load(file: str) -> Chart:
    """The chart, read once."""
    return engine.load(file)


class StandIn(Adapter):
    """Implements any contract: notes the orders, has the values it is given."""

    def __init__(self, role: str, contract: Contract, ordered: Callable[[str, Mapping[str, Any]], None]) -> None:
        super().__init__({}, World())
        self.contract = contract.name  # type: ignore[misc]
        self.readable = dict(contract.values)
        self.heard_ns: dict[str, int] = {}  # of values that are not measured as they are read
        for name in contract.actions:
            setattr(self, name, partial(self._order, f"{role}.{name}", ordered))
        for name, type_ in contract.values.items():
            setattr(self, name, _ZERO.get(type_.kind.value))

    def age_ns(self, value: str) -> int:
        now_ns = self.port.now_ns()
        return now_ns - self.heard_ns.get(value, now_ns)

    @staticmethod
    def _order(
        what: str, ordered: Callable[[str, Mapping[str, Any]], None], /, *, call_id: str = "", **args: Any
    ) -> None:
        ordered(what, args)

    def cancel_call(self, call_id: str) -> None:
        """A long action given up: nothing runs here."""


_ZERO = {"int": 0, "float": 0.0, "bool": False, "string": "", "bytes": b"", "duration": 0}


class Puppet:
    """In the place of an invoked chart: does nothing but what the scenario has it do."""

    def __init__(self, machine: Any, ordered: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.chart: Chart = machine.chart
        self.surroundings = None
        self.session_id: str = machine.session_id
        self.parameters: Mapping[str, Any] = machine.parameters
        self.configuration: tuple[str, ...] = ()
        self.data: Mapping[str, Any] = {}
        self.readings: Mapping[tuple[str, str], Any] = {}
        self.done = False
        self.output: Any = None
        self.name = ""
        self._ordered = ordered

    def begin(self) -> Step:
        return Step(None)

    def process(self, event: Event) -> Step:
        if event.name != "puppet":
            return Step(event.name)
        if "ends" in event.data:
            self.done, self.output = True, event.data["data"]
            return Step(event.name, effects=(Done(self.output),))
        return Step(event.name, effects=(SendEvent(event.data["says"], event.data["data"], "parent"),))

    def report(self, event: Event | None) -> None:
        """Note what its parent told it; what adapters say to it is no order."""
        if event is not None and event.name != "puppet" and "." not in event.name:
            self._ordered(f"{self.name}.{event.name}", event.data or {})

    def expire(self, timer: str) -> Step:
        raise AssertionError(f"a puppet has no timer {timer!r}")

    def finish(self) -> Step:
        self.done = True
        return Step(None)

    def core_snapshot(self) -> dict[str, Any]:
        return {}
