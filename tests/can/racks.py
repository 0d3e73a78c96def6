"""Modules, the chart that makes one supply of them, and somebody who orders of it: on the virtual clock, with real
frames on a simulated bus that a test may harm."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import engine
from adapters.can.bus import Node
from adapters.can.frame import Frame
from adapters.can.rack import SimulatedRack
from adapters.can.roles import PowerModules
from adapters.can.simulated import SimulatedCanBus
from adapters.can.simulators.module import Module
from adapters.power.circuit import PowerCircuit
from engine.language.model import Chart
from engine.run import System
from engine.run.observer import Note, StepRecord
from engine.semantics.step import LogText

MS, S = 1_000_000, 1_000_000_000

CALLER = """
machine: caller
adapters: {supply: power_supply}
events:
  set: {direction: in, payload: {voltage: float V, current: float A}}
  on: {direction: in}
  off: {direction: in}
  told: {direction: out, payload: {code: string, text: string}}
  cleared: {direction: out}
on:
  set: {actions: 'supply.set(voltage=event.voltage, current=event.current)'}
  on: {actions: supply.on()}
  off: {actions: supply.off()}
  supply.alarm: {actions: {send: {event: told, to: parent, data: {code: event.code, text: event.text}}}}
  supply.alarm_cleared: {actions: {send: {event: cleared, to: parent}}}
  supply.stale: {actions: {send: {event: told, to: parent, data: {code: "'stale'", text: event.value}}}}
exit: supply.off()
states: {here: {}}
"""


@cache
def charts() -> tuple[Chart, Chart, Chart]:
    supply, rack = engine.load("machines/power/supply.yaml"), engine.load("machines/simulated/rack.yaml")
    return supply, rack, engine.load_text(CALLER)


class Racks:
    """``said``: what the supply told whoever has it; ``logs``: what people read; ``frames``: what passed the bus."""

    def __init__(
        self,
        kind: str = "infy",
        count: int = 4,
        rack: dict[str, Any] | None = None,
        second: bool = False,
        **parameters: Any,
    ):
        supply, rack_chart, caller = charts()
        self.system = System()
        self.system.observers.append(self)
        self.said: list[tuple[str, str]] = []
        self.cleared = 0
        self.logs: list[str] = []
        self.errors: list[str] = []
        world = self.system.world
        self.bus = SimulatedCanBus({"node": "supply"}, world)
        roles = {"bus": self.bus, "modules": PowerModules({"node": "supply", "family": kind}, world)}
        self.supply = engine.serve(supply, {"addresses": count, **parameters}, roles)
        self.rack = SimulatedRack({"node": "rack", "kind": kind, "count": count, "lone": True, **(rack or {})}, world)
        self.rack_bus = SimulatedCanBus({"node": "rack"}, world)
        self.racks = self.system.add(rack_chart, "modules", {}, {"bus": self.rack_bus, "rack": self.rack})
        self.second: Any = None
        if second:  # another module with the address of the first, for the time being without its CAN cable
            config = {"node": "second", "kind": kind, "count": 1, "serial": 9, "lone": True, "outlet": "second"}
            self.twin = SimulatedRack(config, world)
            twin_roles = {"bus": SimulatedCanBus({"node": "second"}, world), "rack": self.twin}
            self.second = self.system.add(rack_chart, "second", {}, twin_roles)
            self.system.post(self.second, "cut", {"module": self.twin.first})
        self.caller = self.system.add(caller, "caller", {}, {"supply": self.supply})
        self.system.start()
        self.system.run_due()

    def step(self, record: StepRecord) -> None:
        """Observer."""
        self.logs += [effect.text for effect in record.step.effects if isinstance(effect, LogText)]

    def note(self, note: Note) -> None:
        """Observer."""
        if note.kind == "out" and note.text == "told":
            self.said.append((note.data["code"], note.data["text"]))
        elif note.kind == "out" and note.text == "cleared":
            self.cleared += 1
        elif note.kind in ("adapter_error", "machine_failed", "queue_full", "child_refused", "invariant"):
            self.errors.append(f"{note.path}: {note.text}")

    # ---------------------------------------------------------------- doing

    def run(self, seconds: float) -> Racks:
        self.system.advance(round(seconds * S))
        return self

    def set(self, voltage: float, current: float) -> Racks:
        self.system.post(self.caller, "set", {"voltage": voltage, "current": current})
        self.system.run_due()
        return self

    def on(self) -> Racks:
        self.system.post(self.caller, "on", {})
        self.system.run_due()
        return self

    def off(self) -> Racks:
        self.system.post(self.caller, "off", {})
        self.system.run_due()
        return self

    def rack_is_told(self, event: str, place: int, **more: Any) -> Racks:
        """Something happens to a module: ``pull``, ``cut``, ``mute`` …"""
        self.system.post(self.racks, event, {"module": self.rack.first + place, **more})
        self.system.run_due()
        return self

    def delivering(self, voltage: float = 400.0, current: float = 80.0) -> Racks:
        """Found, switched on, at its set points."""
        self.run(3).set(voltage, current).on().run(5)
        assert self.output == "enabled", (self.output, self.said)
        self.until(lambda: abs(self.gives - current) < 0.1, 5, "set current")
        return self

    def switched_on(self, voltage: float = 400.0, current: float = 80.0) -> Racks:
        """The same, whatever they give then."""
        return self.run(3).set(voltage, current).on().run(3)

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Run until it holds, and say after how many seconds."""
        began = self.now_s
        limit = self.system.clock.now_ns() + round(seconds * S)
        while not condition():
            if self.system.clock.now_ns() >= limit:
                raise AssertionError(f"no {what} in {seconds} s: {self.states}, {self.said}")
            self.run(0.01)
        return self.now_s - began

    def inject(self, can_id: int, data: bytes, extended: bool = True) -> None:
        """A frame that somebody else sends, as the supply's node receives it."""
        assert self._node is not None
        self._node.deliver(Frame(can_id, data, extended))
        self.system.run_due()

    def inject_at_rack(self, frame: Frame) -> None:
        """A frame of some other controller, as the modules receive it."""
        node = self.rack_bus._node
        assert node is not None
        node.deliver(frame)
        self.system.run_due()

    def harm(self, between: Callable[[Frame], list[Frame]]) -> None:
        """What the bus makes of each frame on its way to the supply."""
        node = self._node
        assert node is not None
        deliver = node.deliver
        node.deliver = lambda frame: [deliver(one) for one in between(frame)] and None  # type: ignore[method-assign]

    def harm_at_rack(self, heard: Callable[[Frame], object]) -> None:
        """Somebody listens to what reaches the modules."""
        node = self.rack_bus._node
        assert node is not None
        node.subscribe(lambda frame: heard(frame) and None)

    def late(self, delay_ns: int = 500 * MS) -> None:
        """Each frame reaches the supply so much later."""
        node = self._node
        assert node is not None
        deliver = node.deliver
        port = self.bus.port
        node.deliver = lambda frame: port.call_later(delay_ns, lambda: deliver(frame)) and None  # type: ignore[method-assign]

    def second_is_plugged_in(self) -> Racks:
        self.system.post(self.second, "join", {"module": self.twin.first})
        self.system.run_due()
        return self

    def module_states(self, place: int) -> tuple[str, ...]:
        """The active states of the chart of one module."""
        child = next(a for (_, key), a in self._served.children.items() if key == self.rack.first + place)
        return tuple(child.machine.configuration)

    @property
    def _node(self) -> Node | None:
        return self.bus._node

    # ---------------------------------------------------------------- seeing

    def battery(self) -> Racks:
        """A battery is connected that takes what it is given, below the voltage that is set."""
        circuit = self.circuit
        circuit.has_vehicle = circuit.vehicle_closed = True
        return self

    @property
    def now_s(self) -> float:
        return self.system.clock.now_ns() / S

    @property
    def _served(self) -> Any:
        return next(iter(self.system.servers.values())).actor

    @property
    def output(self) -> str:
        """Innermost name but one of the supply's output."""
        states = [state for state in self._served.machine.configuration if state.startswith("output.")]
        return str(states[0].split(".")[1])

    @property
    def states(self) -> list[str]:
        """What the supply believes of each module."""
        return list(self._served.machine.data["state"])

    def data(self, name: str) -> Any:
        return self._served.machine.data[name]

    @property
    def shares(self) -> list[float]:
        """What each module gives, A."""
        self.rack._measure()
        return [round(module.current, 2) for module in self.modules]

    @property
    def gives(self) -> float:
        """All together."""
        return round(self.circuit.output_A, 2)

    @property
    def modules(self) -> list[Module]:
        return list(self.rack.modules.values())

    @property
    def circuit(self) -> PowerCircuit:
        circuit = self.rack._circuit
        circuit.advance(self.system.clock.now_ns())
        return circuit
