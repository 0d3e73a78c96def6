"""The control-pilot circuit: which voltage the line has for a source, a contact, a vehicle and its faults. Sans-I/O.

              1 kΩ           contact           diode
    ±12 V ───[R1]───┬──────────o o──────────────▷|────┬────────┐
                    │ pilot terminal (EVSE)           │        S2
                    │                               [R2]     [R3]
                   PE ────────────────────────────────┴────────┘

Source: IEC 61851-1 Annex A, Figure A.1 and Table A.2 (source ±12 V through 1 kΩ; R2 2.74 kΩ, with S2 closed 882 Ω in
all, 246 Ω with ventilation wanted; a diode of 0.7 V). While the source is positive the diode conducts:

    U = U_D + (U_source − U_D) · R / (R1 + R)         8.98 V, 6.00 V and 2.93 V

and while it is negative the diode blocks, so the line follows the source. Without a diode U_D is 0 in both directions.
Which voltage means which state is the charts' business.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final, Literal

Load = Literal["B", "C", "D"]

LOADS_OHM: Final[dict[Load, float]] = {"B": 2740.0, "C": 882.0, "D": 246.0}
"""Resistance of a vehicle's circuit to protective earth, IEC 61851-1 Table A.3."""
SOURCE_OHM: Final = 1000.0
FREQUENCY_HZ: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels (V) an ideal measurement sees: high and low, equal without PWM."""

    high_V: float
    low_V: float


@dataclass(frozen=True, slots=True)
class VehicleView:
    """What the vehicle measures: ``duty_percent`` (100: steady positive, 0: no positive level), the frequency (0 Hz
    without PWM) and the high level (V)."""

    duty_percent: float
    frequency_Hz: float
    high_V: float


@dataclass(slots=True)
class Faults:
    """Faults of the circuit. ``resistance_factor`` scales the vehicle's resistors (1.1: ten per cent too high)."""

    diode_missing: bool = False
    shorted: bool = False
    resistance_factor: float = 1.0
    noise_V: float = 0.0


@dataclass(slots=True)
class PilotCircuit:
    """One pilot line. Set the fields, read :meth:`evse` and :meth:`pev`.

    ``duty_percent`` 100 is steady +12 V, 0 steady −12 V. ``powered`` False: the EVSE has no mains (0 V). ``load`` is
    the vehicle's, ``connected`` says whether there is a vehicle at the line at all.
    """

    duty_percent: float = 100.0
    powered: bool = True
    connected: bool = False
    load: Load = "B"
    faults: Faults = field(default_factory=Faults)
    positive_V: float = 12.0
    negative_V: float = -12.0
    diode_V: float = 0.7
    seed: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def has_pwm(self) -> bool:
        """Whether the source oscillates: powered, and a duty between 0 and 100 %."""
        return self.powered and 0.0 < self.duty_percent < 100.0

    def level_V(self, source_V: float) -> float:
        """Volts on the line for one polarity of the source, without noise."""
        if self.faults.shorted:
            return 0.0
        if not self.connected:
            return source_V
        load = LOADS_OHM[self.load] * self.faults.resistance_factor
        diode = 0.0 if self.faults.diode_missing else self.diode_V
        if not self.faults.diode_missing and source_V <= diode:
            return source_V
        return diode + (source_V - diode) * load / (SOURCE_OHM + load)

    def evse(self) -> Levels:
        """High and low level (V) at the EVSE's terminal, with noise."""
        high, low = self._ideal()
        measured = self._measured(high)
        return Levels(measured, self._measured(low) if self.has_pwm else measured)

    def pev(self) -> VehicleView:
        """Duty (%), frequency (Hz) and high level (V) at the vehicle's inlet; all zero when it is not connected."""
        if not self.connected or self.faults.shorted:
            return VehicleView(0.0, 0.0, 0.0)
        high, _ = self._ideal()
        if self.has_pwm:
            return VehicleView(self.duty_percent, FREQUENCY_HZ, self._measured(high))
        return VehicleView(100.0 if high > self.diode_V else 0.0, 0.0, self._measured(high))

    def _ideal(self) -> tuple[float, float]:
        if not self.powered:
            return 0.0, 0.0
        low = self.level_V(self.negative_V)
        if self.duty_percent <= 0.0:
            return low, low
        return self.level_V(self.positive_V), low

    def _measured(self, volts: float) -> float:
        noise = self.faults.noise_V
        return volts + self._random.uniform(-noise, noise) if noise else volts
