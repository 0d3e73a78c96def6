"""Simulated power path, the vehicle's side: battery and driver. Setting ``outlet`` names their circuit; see
simulated.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.pilot.cable import cable_of
from adapters.power.circuit import Battery
from adapters.power.simulated import MS, OUTLET, OnCircuit
from engine.adapter import Port, Setting

_NEW = Battery()


class SimulatedBattery(OnCircuit):
    """The vehicle's battery, inlet and disconnecting device."""

    contract = "traction_battery"

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"outlet": f"the vehicle at power circuit {config['outlet']!r}"}

    settings: ClassVar[Mapping[str, Setting]] = {
        **OUTLET,
        "soc": Setting("float %", _NEW.soc_percent, "State of charge at the start"),
        "capacity": Setting("float Wh", _NEW.capacity_Wh, "Energy from empty to full"),
        "empty_voltage": Setting("float V", _NEW.empty_V, "Open-circuit voltage when empty"),
        "full_voltage": Setting("float V", _NEW.full_V, "Open-circuit voltage when full"),
        "maximum_voltage": Setting("float V", _NEW.maximum_V, "What it asks for and never exceeds"),
        "maximum_current": Setting("float A", _NEW.maximum_A, "The most it asks for"),
        "maximum_power": Setting("float W", _NEW.maximum_W, "The most it asks for"),
        "contactor": Setting("duration", 50 * MS, "From the order to the feedback of its contactors"),
        "contactors_blocked": Setting("bool", False, "Fault: its contactors do not close"),
        "lock": Setting("duration", 300 * MS, "From the order to the feedback of the inlet lock"),
        "lone": Setting("bool", False, "No station is simulated here: believes what the station says it measures"),
    }

    def open(self, port: Port) -> None:
        super().open(port)
        battery, config = self._circuit.battery, self.config
        battery.soc_percent, battery.capacity_Wh = config["soc"], config["capacity"]
        battery.empty_V, battery.full_V = config["empty_voltage"], config["full_voltage"]
        battery.maximum_V, battery.maximum_A = config["maximum_voltage"], config["maximum_current"]
        battery.maximum_W = config["maximum_power"]
        self._full = False
        self._closed = False
        self._lone: bool = config["lone"]
        self._reported_V = self._charged_A = 0.0
        self._charged_ns = 0
        self.now().has_vehicle = True

    def close(self) -> None:
        self._closed = True
        circuit = self.now()
        circuit.vehicle_closed = False
        circuit.has_vehicle = False

    def close_contactors(self) -> None:
        if not self.config["contactors_blocked"]:
            self._move(True)

    def open_contactors(self) -> None:
        self._move(False)

    def note_station(self, *, voltage: float, current: float) -> None:
        """Take the station's voltage (V) and current (A) as said; only without a simulated station (setting
        ``lone``)."""
        if self._lone:
            self._reported_V = voltage
            self._charge(current)

    def lock_inlet(self) -> None:
        self._later("inlet_locked")

    def unlock_inlet(self) -> None:
        self._later("inlet_unlocked")

    def _charge(self, current_A: float) -> None:
        """Charge by what the station said last, until now."""
        now_ns = self.port.now_ns()
        if self._circuit.vehicle_closed and self._charged_ns:
            hours = (now_ns - self._charged_ns) / 3_600_000_000_000
            battery = self._circuit.battery
            energy_Wh = battery.open_circuit_V * self._charged_A * hours
            battery.soc_percent = min(100.0, battery.soc_percent + 100.0 * energy_Wh / battery.capacity_Wh)
        self._charged_A, self._charged_ns = current_A, now_ns

    def _later(self, event: str) -> None:
        self.port.call_later(self.config["lock"], lambda: self.port.emit(event))

    def _move(self, closed: bool) -> None:
        def moved() -> None:
            circuit = self.now()
            if circuit.vehicle_closed != closed and not self._closed:
                circuit.vehicle_closed = closed
                self.now()
                self.port.emit("contactors_closed" if closed else "contactors_opened")

        self.port.call_later(self.config["contactor"], moved)

    @property
    def soc(self) -> float:
        battery = self.now().battery
        if battery.soc_percent >= 100.0 and not self._full:
            self._full = True
            self.port.call_later(0, lambda: self.port.emit("full"))
        return battery.soc_percent

    @property
    def voltage(self) -> float:
        return self.now().battery.open_circuit_V

    @property
    def inlet_voltage(self) -> float:
        return self._reported_V if self._lone else self.now().cable_V

    @property
    def current(self) -> float:
        return self._charged_A if self._lone else self.now().output_A

    @property
    def target_voltage(self) -> float:
        return self._circuit.battery.maximum_V

    @property
    def target_current(self) -> float:
        return self.now().battery.target_A

    @property
    def maximum_voltage(self) -> float:
        return self._circuit.battery.maximum_V

    @property
    def maximum_current(self) -> float:
        return self._circuit.battery.maximum_A

    @property
    def maximum_power(self) -> float:
        return self._circuit.battery.maximum_W

    @property
    def capacity(self) -> float:
        return self._circuit.battery.capacity_Wh


class SimulatedDriver(OnCircuit):
    """The driver: plugs in and pulls the plug."""

    contract = "driver"
    settings: ClassVar[Mapping[str, Setting]] = {
        **OUTLET,
        "cable": Setting("string", "1", "Name of the charging cable", names="unit"),
        "stop_after": Setting("duration?", None, "When after the start the driver stops; none: never"),
        "back_after": Setting(
            "duration?", None, "How long after unplugging it plugs in again, as empty as it first came; none: never"
        ),
    }

    def open(self, port: Port) -> None:
        super().open(port)
        self._first_soc_percent = self.now().battery.soc_percent
        port.call_later(0, self._arrive)  # when the battery has its settings
        if self.config["stop_after"] is not None:
            port.call_later(self.config["stop_after"], lambda: port.emit("stop_pressed"))

    def plug_in(self) -> None:
        cable_of(self.world, self.config["cable"]).plug(self.port)

    def unplug(self) -> None:
        cable_of(self.world, self.config["cable"]).unplug(self.port)
        if self.config["back_after"] is not None:
            self.port.call_later(self.config["back_after"], self._come_back)

    def _come_back(self) -> None:
        self.now().battery.soc_percent = self._first_soc_percent
        self.plug_in()

    def _arrive(self) -> None:
        self._first_soc_percent = self.now().battery.soc_percent
