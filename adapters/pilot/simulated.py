"""Both ends of a simulated control pilot (contracts ``pilot_evse`` and ``pilot_pev``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.pilot.cable import Cable, cable_of
from adapters.pilot.circuit import LOADS_OHM, Levels, VehicleView
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, Port, Setting, World

MS = 1_000_000
RESOLUTION_V = 0.05
"""Smallest change of a level that is reported: an 8-bit measurement over ±12 V has 0.1 V steps."""


class SimulatedPilotEvse(Adapter):
    """The station's end: sets the source, measures the levels."""

    behind = "simulated"

    contract = "pilot_evse"
    settings: ClassVar[Mapping[str, Setting]] = {
        "cable": Setting("string", "1", "Name of the charging cable", names="unit"),
        "noise": Setting("float V", 0.0, "Largest error of a measured level"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.cable: Cable = cable_of(world, self.config["cable"])
        self._reported: Levels | None = None

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"cable": f"the station's end of cable {config['cable']!r}"}

    def open(self, port: Port) -> None:
        super().open(port)
        self.cable.circuit.faults.noise_V = self.config["noise"]
        self.cable.watch(self._look)
        port.call_later(0, self._look)

    def close(self) -> None:
        self.cable.unwatch(self._look)
        if 0.0 < self.cable.circuit.duty_percent < 100.0:
            self.cable.set_duty(0.0)

    def set_duty(self, *, duty: float) -> None:
        """Set the source: 100 % steady +12 V, 0 % steady −12 V, PWM in between. Raises ``AdapterError`` outside
        0…100."""
        if not 0.0 <= duty <= 100.0:
            raise AdapterError(f"set_duty: {duty} % is not between 0 and 100 %")
        self.cable.set_duty(duty)

    @property
    def high(self) -> float:
        return self.cable.circuit.evse().high_V

    @property
    def low(self) -> float:
        return self.cable.circuit.evse().low_V

    @property
    def duty(self) -> float:
        return self.cable.circuit.duty_percent

    def _look(self) -> None:
        levels = self.cable.circuit.evse()
        seen, step = self._reported, max(RESOLUTION_V, 2 * self.cable.circuit.faults.noise_V)
        if seen and abs(seen.high_V - levels.high_V) <= step and abs(seen.low_V - levels.low_V) <= step:
            return
        self._reported = levels
        self.port.emit("levels", high=levels.high_V, low=levels.low_V)


class SimulatedPilotPev(Adapter):
    """The vehicle's end: sets the resistance, measures plug and PWM, and plugs in."""

    behind = "simulated"

    contract = "pilot_pev"
    settings: ClassVar[Mapping[str, Setting]] = {
        "cable": Setting("string", "1", "Name of the charging cable", names="unit"),
        "plug_after": Setting("duration?", 500 * MS, "When it is plugged in after the start; none: somebody else does"),
        "unplug_after": Setting("duration?", None, "When it is plugged out after the start; none: somebody else does"),
        "bounce": Setting("duration", 0, "How long the pilot contact bounces when the plug moves"),
        "resistance_factor": Setting("float", 1.0, "Error of the vehicle's resistors"),
        "diode": Setting("bool", True, "The vehicle's circuit has its diode"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.cable: Cable = cable_of(world, self.config["cable"])
        self._plugged = False
        self._reported: VehicleView | None = None

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"cable": f"the vehicle's end of cable {config['cable']!r}"}

    def open(self, port: Port) -> None:
        super().open(port)
        self.cable.bounce_ns = self.config["bounce"]
        self.cable.circuit.faults.resistance_factor = self.config["resistance_factor"]
        self.cable.circuit.faults.diode_missing = not self.config["diode"]
        self.cable.bring_vehicle()
        self.cable.watch(self._look)
        for key, move in (("plug_after", self.cable.plug), ("unplug_after", self.cable.unplug)):
            if self.config[key] is not None:
                port.call_later(self.config[key], lambda move=move: move(port))  # type: ignore[misc]

    def close(self) -> None:
        self.cable.unwatch(self._look)
        self.cable.set_load("B")

    def set_load(self, *, load: str) -> None:
        """Set the resistance: B 2.74 kΩ, C 882 Ω, D 246 Ω (IEC 61851-1 Table A.3). Raises ``AdapterError`` for another
        load."""
        for known in LOADS_OHM:
            if load == known:
                self.cable.set_load(known)
                return
        raise AdapterError(f"set_load: there is no load {load!r}, only {', '.join(LOADS_OHM)}")

    @property
    def duty(self) -> float:
        return self.cable.circuit.pev().duty_percent

    @property
    def is_connected(self) -> bool:
        return self.cable.plugged

    def _look(self) -> None:
        if self.cable.plugged != self._plugged:
            self._plugged = self.cable.plugged
            self.port.emit("connected" if self._plugged else "disconnected")
        view, seen = self.cable.circuit.pev(), self._reported
        step = max(RESOLUTION_V, 2 * self.cable.circuit.faults.noise_V)
        if (
            seen
            and abs(seen.high_V - view.high_V) <= step
            and (seen.duty_percent, seen.frequency_Hz) == (view.duty_percent, view.frequency_Hz)
        ):
            return
        self._reported = view
        self.port.emit("pwm", duty=view.duty_percent, frequency=view.frequency_Hz, high=view.high_V)
