"""The simulated vehicle at an AC outlet: its on-board charger. Setting ``outlet`` names their circuit.

See simulated.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.ac.circuit import Charger
from adapters.ac.simulated import OnAcCircuit
from adapters.pilot.cable import Cable, cable_of
from adapters.power.simulated import MS, OUTLET
from engine.adapter import Port, Setting, World

_NEW = Charger()


class SimulatedOnboardCharger(OnAcCircuit):
    """Charger, inlet and battery of the vehicle."""

    contract = "onboard_charger"

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"outlet": f"the vehicle at power circuit {config['outlet']!r}"}

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        phases = config["phases"]
        return {} if 1 <= phases <= 3 else {"phases": f"a charger has 1, 2 or 3, not {phases}"}

    settings: ClassVar[Mapping[str, Setting]] = {
        **OUTLET,
        "cable": Setting("string", "1", "Name of the charging cable", names="unit"),
        "soc": Setting("float %?", None, "State of charge at the start; none: as the battery has it"),
        "capacity": Setting("float Wh?", None, "Energy from empty to full; none: as the battery has it"),
        "phases": Setting("int", _NEW.phases, "Phases it can use: 1, 2 or 3"),
        "maximum_current": Setting("float A", _NEW.maximum_A, "The most it takes on each"),
        "minimum_current": Setting("float A", _NEW.minimum_A, "It draws so much or nothing"),
        "slew": Setting("float A/s", _NEW.slew_A_per_s, "How fast its current rises and falls"),
        "efficiency": Setting("float", _NEW.efficiency, "Part of the energy that reaches the battery"),
        "excess": Setting("float A", 0.0, "Fault: it draws so much more than it was told"),
        "lone": Setting("bool", False, "No station is simulated here: there is mains all the time"),
        "lock": Setting("duration", 300 * MS, "From the order to the feedback of the inlet lock"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._cable: Cable = cable_of(world, self.config["cable"])
        self.maximum_current: float = self.config["maximum_current"]
        self.minimum_current: float = self.config["minimum_current"]
        self._had_mains = self._told_full = False

    def open(self, port: Port) -> None:
        super().open(port)
        circuit, config = self.now(), self.config
        circuit.charger = Charger(
            config["phases"],
            config["maximum_current"],
            config["minimum_current"],
            config["slew"],
            config["efficiency"],
            excess_A=config["excess"],
        )
        battery = circuit.power.battery
        battery.soc_percent = battery.soc_percent if config["soc"] is None else config["soc"]
        battery.capacity_Wh = battery.capacity_Wh if config["capacity"] is None else config["capacity"]
        circuit.power.has_vehicle = self._cable.plugged or config["lone"]
        circuit.power.station_closed = circuit.power.station_closed or config["lone"]
        self._cable.watch(self._moved)
        circuit.power.watchers.append(self._tell)

    def close(self) -> None:
        self._cable.unwatch(self._moved)
        self._circuit.power.watchers.remove(self._tell)
        self.now().charger.order_A = 0.0
        self._circuit.power.has_vehicle = False

    def draw(self, *, current: float) -> None:
        self.now().charger.order_A = current

    def cut(self) -> None:
        circuit = self.now()
        circuit.charger.order_A = circuit.current_A = 0.0

    def lock_inlet(self) -> None:
        self.port.call_later(self.config["lock"], lambda: self.port.emit("inlet_locked"))

    def unlock_inlet(self) -> None:
        self.port.call_later(self.config["lock"], lambda: self.port.emit("inlet_unlocked"))

    @property
    def soc(self) -> float:
        soc_percent = self.now().power.battery.soc_percent
        if soc_percent >= 100.0 and not self._told_full:
            self._told_full = True
            self.port.call_later(0, lambda: self.port.emit("full"))
        return soc_percent

    @property
    def capacity(self) -> float:
        return self._circuit.power.battery.capacity_Wh

    @property
    def current(self) -> float:
        return self.now().current_of(1)

    @property
    def phases(self) -> int:
        return self._circuit.used_phases

    @property
    def has_mains(self) -> bool:
        return self.now().is_live

    def _moved(self) -> None:
        self.now().power.has_vehicle = self._cable.plugged
        self._tell()

    def _tell(self) -> None:
        live = self.now().is_live
        if live != self._had_mains:
            self._had_mains = live
            self.port.emit("mains_on" if live else "mains_off")
