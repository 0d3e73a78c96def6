"""The simulated AC circuit of one outlet: mains, phase switch, station contactor, cable, on-board charger, battery.

Contactor and battery are those of the outlet's :class:`~adapters.power.circuit.PowerCircuit`, so that one contactor,
one lock and one battery serve both kinds of outlet. The charger's current is a ramp, computed in closed form when
somebody looks. Voltages in V (line to neutral), currents in A per phase, times in ns, energies in Wh.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from adapters.power.circuit import PowerCircuit
from engine.adapter import World

NS_PER_S: Final = 1_000_000_000
LINES: Final = 3


@dataclass(slots=True)
class Charger:
    """A vehicle's on-board charger; ``order_A`` is what its controller has it draw on each of its phases."""

    phases: int = 3
    maximum_A: float = 16.0
    minimum_A: float = 6.0
    slew_A_per_s: float = 10.0
    efficiency: float = 0.9
    order_A: float = 0.0
    excess_A: float = 0.0  # fault: draws so much more than it was told


@dataclass(slots=True)
class AcCircuit:
    """The circuit. Call :meth:`advance` before setting an input and before reading an output."""

    power: PowerCircuit
    charger: Charger = field(default_factory=Charger)
    phases: int = LINES
    mains_V: float = 230.0
    current_A: float = 0.0  # on each phase in use
    energy_Wh: float = 0.0
    now_ns: int = 0

    @property
    def is_live(self) -> bool:
        """Whether the inlet has voltage: the contactor is closed and a vehicle is there."""
        return self.power.station_closed and self.power.has_vehicle

    @property
    def used_phases(self) -> int:
        """Phases the charger draws from."""
        return min(self.phases, self.charger.phases)

    @property
    def target_A(self) -> float:
        """Where the ramp goes: nothing without voltage, at a full battery, or below the charger's least current."""
        charger = self.charger
        if not self.is_live or charger.order_A < charger.minimum_A or self.power.battery.soc_percent >= 100.0:
            return 0.0
        return min(charger.order_A, charger.maximum_A) + charger.excess_A

    @property
    def power_W(self) -> float:
        """Into the vehicle, all phases."""
        return self.mains_V * self.current_A * self.used_phases

    def current_of(self, line: int) -> float:
        """A on phase ``line`` (1 to 3)."""
        return self.current_A if line <= self.used_phases else 0.0

    def voltage_of(self, line: int) -> float:
        """V behind the contactor on phase ``line`` (1 to 3)."""
        return self.mains_V if self.power.station_closed and line <= self.phases else 0.0

    def advance(self, now_ns: int) -> None:
        """Advance the circuit to ``now_ns``."""
        seconds = max(0, now_ns - self.now_ns) / NS_PER_S
        self.now_ns = max(self.now_ns, now_ns)
        target_A, before_A = self.target_A, self.current_A
        if not self.is_live:
            self.current_A = 0.0
            return
        slew = self.charger.slew_A_per_s
        ramp_s = min(seconds, abs(target_A - before_A) / slew)
        self.current_A = target_A if ramp_s < seconds else before_A + slew * ramp_s * (1 if target_A > before_A else -1)
        ampere_seconds = (before_A + self.current_A) / 2 * ramp_s + self.current_A * (seconds - ramp_s)
        delivered_Wh = self.mains_V * self.used_phases * ampere_seconds / 3600.0
        self.energy_Wh += delivered_Wh
        battery = self.power.battery
        gained = 100.0 * delivered_Wh * self.charger.efficiency / battery.capacity_Wh
        battery.soc_percent = min(100.0, battery.soc_percent + gained)


def ac_circuit_of(world: World, name: str) -> AcCircuit:
    """The AC circuit of this outlet in this system."""
    power: PowerCircuit = world.shared(f"power circuit {name}", PowerCircuit)
    circuit: AcCircuit = world.shared(f"AC circuit {name}", lambda: AcCircuit(power))
    power.mains_V = circuit.mains_V
    return circuit
