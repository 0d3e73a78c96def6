"""The simulated pilot circuit against IEC 61851-1: a chart tested on wrong voltages would be wrong on real ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pilot.circuit import FREQUENCY_HZ, Faults, Levels, Load, PilotCircuit, VehicleView


def circuit(load: Load = "B", duty: float = 5.0, connected: bool = True, **faults: object) -> PilotCircuit:
    return PilotCircuit(duty_percent=duty, connected=connected, load=load, faults=Faults(**faults))  # type: ignore[arg-type]


@pytest.mark.parametrize(("load", "low_V", "high_V"), [("B", 8.37, 9.59), ("C", 5.47, 6.53), ("D", 2.59, 3.28)])
def test_vehicle_states_lie_in_the_standards_ranges(load: Load, low_V: float, high_V: float) -> None:
    """IEC 61851-1 Table A.4: voltage range of each state for a vehicle and a source within tolerance."""
    levels = circuit(load).evse()
    assert low_V <= levels.high_V <= high_V
    assert levels.low_V == -12.0


def test_worked_example_of_the_divider() -> None:
    """State C by hand: 0.7 V + 11.3 V · 882 / 1882 = 5.9958 V."""
    assert circuit("C").evse().high_V == pytest.approx(0.7 + 11.3 * 882 / 1882)


def test_open_line_follows_the_source() -> None:
    """State A is 12 V, with PWM ±12 V."""
    assert circuit(connected=False, duty=100).evse() == Levels(12.0, 12.0)
    assert circuit(connected=False, duty=5).evse() == Levels(12.0, -12.0)


def test_without_pwm_both_levels_are_equal() -> None:
    """x1 and F have one level; F shows −12 V whatever the vehicle does."""
    steady = circuit("B", duty=100).evse()
    assert steady.low_V == steady.high_V == pytest.approx(8.98, abs=0.01)
    assert circuit("C", duty=0).evse() == Levels(-12.0, -12.0)


def test_missing_diode_shows_in_the_low_level() -> None:
    """Something that is not a vehicle pulls the low level up by the same divider: the diode check sees it."""
    levels = circuit("B", diode_missing=True).evse()
    assert levels.low_V == pytest.approx(-12 * 2740 / 3740)
    assert levels.low_V > -11
    assert levels.high_V == pytest.approx(12 * 2740 / 3740)


def test_short_and_lost_mains_are_zero() -> None:
    """State E."""
    assert circuit("C", shorted=True).evse() == Levels(0.0, 0.0)
    lost = circuit("C")
    lost.powered = False
    assert lost.evse() == Levels(0.0, 0.0)


def test_vehicle_measures_what_the_station_sends() -> None:
    """Duty and frequency with PWM, 100 % for x1, 0 % for F, for a short and for no cable."""
    assert circuit(duty=53.3).pev() == VehicleView(53.3, FREQUENCY_HZ, pytest.approx(8.98, abs=0.01))
    assert circuit(duty=100).pev().duty_percent == 100.0
    assert circuit(duty=100).pev().frequency_Hz == 0.0
    assert circuit(duty=0).pev() == VehicleView(0.0, 0.0, -12.0)
    assert circuit(shorted=True).pev() == circuit(connected=False).pev() == VehicleView(0.0, 0.0, 0.0)


def test_resistor_error_moves_the_level() -> None:
    """A vehicle with resistors 15 % low is seen lower, as a chart's bands must tell."""
    assert circuit("B", resistance_factor=0.85).evse().high_V == pytest.approx(0.7 + 11.3 * 2329 / 3329)


@given(
    st.sampled_from(["B", "C", "D"]),
    st.floats(0, 100),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.floats(0.5, 2),
    st.floats(0, 0.5),
    st.integers(),
)
def test_levels_never_leave_the_source(
    load: Load, duty: float, connected: bool, diode: bool, shorted: bool, factor: float, noise: float, seed: int
) -> None:
    """Whatever is wrong, the line lies between the source's voltages, and noise is bounded and repeatable."""
    faults = Faults(diode, shorted, factor, noise)
    first = PilotCircuit(duty, True, connected, load, faults, seed=seed).evse()
    assert first == PilotCircuit(duty, True, connected, load, faults, seed=seed).evse()
    for level in (first.high_V, first.low_V):
        assert -12 - noise <= level <= 12 + noise
    assert first.low_V <= first.high_V + 2 * noise
