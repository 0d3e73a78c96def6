"""Simulated power modules in a rack: their stages on the power circuit of an outlet, their ends of a CAN bus."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from adapters.can.bus import ON_BUS, BusRole
from adapters.can.frame import Frame
from adapters.can.simulators import SPEAKERS, speaker
from adapters.can.simulators.module import ALL, Module, Told
from adapters.power.circuit import PowerCircuit
from engine.adapter import AdapterError, Cancellable, Port, Setting, World

NS_PER_S: Final = 1_000_000_000
MOST: Final = 128
SAME_V: Final = 5.0
"""Modules whose set points are so near to one another share the load; one that is set lower gives nothing."""


class SimulatedRack(BusRole):
    """Contract ``module_rack``. The load is what hangs on the power circuit of the outlet; with ``lone`` it is taken
    for granted."""

    contract = "module_rack"
    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        **ON_BUS,
        "kind": Setting(f"enum({', '.join(SPEAKERS)})", "infy", "Make of the modules"),
        "count": Setting("int", 4, f"How many there are, 1 to {MOST}"),
        "serial": Setting("int", 1, "Serial number of the first; those of the others follow"),
        "outlet": Setting("string", "1", "Name of the power circuit they feed", names="unit"),
        "lone": Setting("bool", False, "There is no circuit around: the output takes its load for granted"),
        "maximum_voltage": Setting("float V", 500.0, "Of one module: the most it gives"),
        "minimum_voltage": Setting("float V", 150.0, "The least it regulates"),
        "maximum_current": Setting("float A", 50.0, "The most it gives"),
        "maximum_power": Setting("float W", 25_000.0, "The most it gives"),
        "droop": Setting("float Ohm", 0.01, "Its voltage falls by this for each ampere it gives"),
        "ambient": Setting("float degC", 30.0, "Temperature of a module that gives nothing"),
        "rise": Setting("float degC", 25.0, "So much more at its rated current"),
        "warm_up": Setting("duration", 120 * NS_PER_S, "Time constant of that"),
    }

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"outlet": f"the supply of power circuit {config['outlet']!r}"}

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        count = config["count"]
        refused = {} if 0 < count <= MOST else {"count": f"a rack has 1 to {MOST} modules, not {count}"}
        for name in ("maximum_voltage", "maximum_current", "maximum_power"):
            if not config[name] > 0.0:
                refused[name] = f"the most that a module gives is more than 0, not {config[name]:g}"
        if not config["minimum_voltage"] >= 0.0:
            refused["minimum_voltage"] = f"the least it regulates is 0 V or more, not {config['minimum_voltage']:g} V"
        return refused

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._wording = speaker(self.config["kind"])
        self.first = self._wording.first
        self.falls_back = self._wording.falls_back
        self.count: int = self.config["count"]
        rated = (self.config[f"{name}"] for name in ("maximum_voltage", "minimum_voltage", "maximum_current"))
        volts, least, amperes = rated
        self.modules = {
            self.first + place: Module(
                self.first + place, volts, least, amperes, self.config["maximum_power"], self.config["serial"] + place
            )
            for place in range(self.count)
        }
        for module in self.modules.values():
            module.temperature = self.config["ambient"]
            module.stored_V, module.stored_A = volts, amperes  # as delivered: all it can
        self._circuit: PowerCircuit = world.shared(f"power circuit {self.config['outlet']}", PowerCircuit)
        self._watching: dict[int, Cancellable] = {}
        self._measured_ns = 0

    def open(self, port: Port) -> None:
        super().open(port)
        if self.config["lone"]:
            self._circuit.lone = self._circuit.station_closed = True
        if self._wording.report_ns:
            for place, module in enumerate(self.modules.values()):
                self._report_in(self._wording.report_ns * (place + 1) // self.count, module)

    def close(self) -> None:
        for timer in self._watching.values():
            timer.cancel()
        for module in self.modules.values():
            module.delivers = False
        self._settle()
        super().close()

    # ------------------------------------------------------------ what the chart orders

    def deliver(self, *, module: int) -> None:
        self._one(module).delivers = True
        self._settle()

    def rest(self, *, module: int) -> None:
        one = self._one(module)
        one.delivers, one.set_V, one.set_A = False, 0.0, 0.0
        self._settle()

    def fall_back(self, *, module: int) -> None:
        one = self._one(module)
        one.set_V, one.set_A = one.stored_V, one.stored_A
        self._settle()

    def watch(self, *, module: int, within: int) -> None:
        one = self._one(module)
        if module in self._watching:
            self._watching[module].cancel()

        def look() -> None:
            rest_ns = one.heard_ns + within - self.port.now_ns()
            if rest_ns > 0:
                self._watching[module] = self.port.call_later(rest_ns, look)
            else:
                self.port.emit("silent", module=module)

        self._watching[module] = self.port.call_later(within, look)

    def show(self, *, module: int, alarms: Sequence[str]) -> None:
        self._one(module).alarms = frozenset(alarms)

    def derate(self, *, module: int, part: float) -> None:
        self._one(module).part = part
        self._settle()

    def measure(self, *, module: int) -> None:
        self._measure()
        self.port.emit("measured", module=module, temperature=self._one(module).temperature)

    def connect(self, *, module: int, hears: bool, speaks: bool) -> None:
        one = self._one(module)
        one.hears, one.speaks = hears, speaks

    def _one(self, module: int) -> Module:
        if module not in self.modules:
            last = self.first + self.count - 1
            raise AdapterError(f"there is no module {module} in the rack; there are {self.first} to {last}")
        return self.modules[module]

    # ------------------------------------------------------------ its ends of the bus

    def received(self, frame: Frame) -> None:
        told = self._wording.hear(frame)
        if told is None:
            return
        addresses = list(self.modules) if ALL in told.modules else [a for a in told.modules if a in self.modules]
        hearing = [self.modules[address] for address in addresses if self.modules[address].hears]
        for module in hearing:
            module.heard_ns = self.port.now_ns()
            self._obey(module, told)
        self._measure()
        for module in hearing:
            if module.speaks and told.answered:
                self._say(list(self._wording.answer(told, module)))

    def _obey(self, module: Module, told: Told) -> None:
        if told.volts is not None and math.isfinite(told.volts):
            module.set_V = min(max(told.volts, 0.0), module.rated_V)
        if told.amperes is not None and math.isfinite(told.amperes):
            module.set_A = min(max(told.amperes, 0.0), module.rated_A)
        if told.fraction is not None and math.isfinite(told.fraction):
            module.set_A = min(max(told.fraction, 0.0), 1.0) * module.rated_A
        if told.stored_volts is not None:
            module.stored_V = told.stored_volts
        if told.stored_amperes is not None:
            module.stored_A = told.stored_amperes
        if told.switch is not None:
            self.port.emit("switched", module=module.address, on=told.switch)
        elif told.volts is not None or told.amperes is not None or told.fraction is not None:
            self._settle()

    def _report_in(self, delay_ns: int, module: Module) -> None:
        def speak() -> None:
            if module.speaks:
                self._measure()
                self._say(list(self._wording.report(module)))
            self._report_in(self._wording.report_ns, module)

        self.port.call_later(delay_ns, speak)

    def _say(self, frames: Sequence[Frame]) -> None:
        if self.node is not None and self.node.link is not None and self.node.link.is_connected:
            for frame in frames:
                self.put(frame)

    # ------------------------------------------------------------ physics

    def _delivering(self) -> list[Module]:
        """Those that share the load: the ones set highest."""
        on = [module for module in self.modules.values() if module.delivers]
        highest = max((module.set_V for module in on), default=0.0)
        return [module for module in on if module.set_V >= highest - SAME_V]

    def _limit(self, module: Module) -> float:
        """Amperes that a module gives at most: set point, rating, derating, power."""
        power_A = module.rated_W / max(self._circuit.output_V, 1.0)
        return min(module.set_A, module.rated_A * module.part, power_A)

    def _settle(self) -> None:
        """What the stages give together, from now on."""
        circuit = self._circuit
        circuit.advance(self.port.now_ns())
        on = self._delivering()
        circuit.on = bool(on)
        circuit.set_A = sum(map(self._limit, on))
        droop_V = self.config["droop"] * circuit.output_A / max(len(on), 1)
        circuit.set_V = max((module.set_V for module in on), default=0.0) - (droop_V if on else 0.0)

    def _measure(self) -> None:
        """What each module measures now: the voltage of the bus, its part of the current, its temperature."""
        self._settle()
        circuit = self._circuit
        now_ns = self.port.now_ns()
        seconds, self._measured_ns = (now_ns - self._measured_ns) / NS_PER_S, now_ns
        nearer = 1.0 - math.exp(-seconds * NS_PER_S / max(self.config["warm_up"], 1))
        on = self._delivering()
        together = sum(map(self._limit, on))
        for module in self.modules.values():
            module.voltage = circuit.output_V
            part = self._limit(module) / together if together > 0.0 and module in on else 0.0
            module.current = circuit.output_A * part
            target = self.config["ambient"] + self.config["rise"] * (module.current / module.rated_A) ** 2
            module.temperature += (target - module.temperature) * nearer
