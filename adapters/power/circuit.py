"""The simulated DC power circuit of one outlet: supply, station contactor, cable, vehicle contactor, battery.

First-order behaviour in closed-form steps of any size. The circuit has no timer: whoever reads it advances it first.
Voltages in V, currents in A (positive into the battery), times in ns, energies in Wh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Battery:
    """A vehicle battery. Open-circuit voltage is linear in the state of charge; the current it asks for falls in the
    constant-voltage phase. Defaults are a 400 V battery of 60 kWh."""

    soc_percent: float = 40.0
    capacity_Wh: float = 60_000.0
    empty_V: float = 330.0
    full_V: float = 396.0
    resistance_Ohm: float = 0.08
    maximum_V: float = 410.0
    maximum_A: float = 200.0
    maximum_W: float = 80_000.0

    @property
    def open_circuit_V(self) -> float:
        """Open-circuit voltage at the present state of charge."""
        return self.empty_V + (self.full_V - self.empty_V) * self.soc_percent / 100.0

    @property
    def target_A(self) -> float:
        """The current the battery management asks for: power limit, current limit, then constant voltage."""
        headroom_V = self.maximum_V - self.open_circuit_V
        limit_A = min(self.maximum_A, self.maximum_W / max(self.open_circuit_V, 1.0))
        if self.soc_percent > 80.0:  # the usual taper towards full
            limit_A *= max(0.05, (100.0 - self.soc_percent) / 20.0)
        return max(0.0, min(limit_A, headroom_V / self.resistance_Ohm))


@dataclass(slots=True)
class PowerCircuit:
    """The circuit. Call :meth:`advance` before setting an input and before reading an output."""

    battery: Battery = field(default_factory=Battery)
    has_vehicle: bool = False
    set_V: float = 0.0
    set_A: float = 0.0
    on: bool = False
    station_closed: bool = False
    vehicle_closed: bool = False
    lone: bool = False  # the other end is not simulated here: the output takes its load for granted
    stuck: bool = False  # fault: the supply does not follow its set points down
    shorted: bool = False  # fault: the output is short-circuited
    slew_V_per_s: float = 1_000.0
    slew_A_per_s: float = 500.0
    discharge_V_per_s: float = 12_000.0  # the discharge resistor: 500 V to below 60 V in 40 ms
    cable_loss_V_per_s: float = 500.0  # of what is at the inlet when nobody holds it there
    off_A_per_s: float = 40_000.0  # the output stage switches off: 200 A to 0 in 5 ms
    output_V: float = 0.0
    output_A: float = 0.0
    cable_V: float = 0.0  # behind the station contactor, at the inlet
    energy_Wh: float = 0.0
    watchers: list[Callable[[], None]] = field(default_factory=list)  # called when the station's contacts have moved
    mains_V: float = 0.0  # an AC outlet (adapters/ac): what the station contactor switches
    now_ns: int = 0

    @property
    def touch_V(self) -> float:
        """What a person could touch at the connector."""
        return max(self.output_V, self.mains_V if self.station_closed else 0.0)

    def advance(self, now_ns: int) -> None:
        """Advance the circuit to ``now_ns``."""
        if now_ns <= self.now_ns:
            self._settle_cable()
            return
        seconds = (now_ns - self.now_ns) / NS_PER_S
        self.now_ns = now_ns
        loaded = self.station_closed and self.vehicle_closed and self.has_vehicle
        target_V, target_A = (0.0, 0.0)
        if self.on and not self.shorted:
            target_V = self.set_V
            if loaded:
                emf = self.battery.open_circuit_V
                reachable = (self.set_V - emf) / self.battery.resistance_Ohm
                target_A = max(0.0, min(self.set_A, reachable))
            elif self.lone and self.station_closed and self.output_V > 0.9 * self.set_V:
                target_A = self.set_A
        if self.stuck:
            target_V, target_A = max(target_V, self.output_V), max(target_A, self.output_A)
        before_A = self.output_A
        rate_A = self.slew_A_per_s if self.on else self.off_A_per_s
        self.output_A = _towards(self.output_A, target_A, rate_A * seconds) if loaded or self.lone else 0.0
        if loaded and (self.on or self.output_A > 0.0):
            self.output_V = self.battery.open_circuit_V + self.output_A * self.battery.resistance_Ohm
        else:
            rate_V = self.slew_V_per_s if self.on else self.discharge_V_per_s
            self.output_V = _towards(self.output_V, target_V, rate_V * seconds)
        delivered_Wh = self.output_V * (before_A + self.output_A) / 2.0 * seconds / 3600.0
        self.energy_Wh += delivered_Wh
        if loaded:
            self.battery.soc_percent = min(
                100.0, self.battery.soc_percent + 100.0 * delivered_Wh / self.battery.capacity_Wh
            )
        self._settle_cable(seconds)

    def _settle_cable(self, seconds: float = 0.0) -> None:
        if self.has_vehicle and self.vehicle_closed:
            self.cable_V = self.battery.open_circuit_V + self.output_A * self.battery.resistance_Ohm
        elif self.station_closed:
            self.cable_V = self.output_V
        else:
            self.cable_V = _towards(self.cable_V, 0.0, self.cable_loss_V_per_s * seconds)


def _towards(value: float, target: float, step: float) -> float:
    return min(target, value + step) if target > value else max(target, value - step)
