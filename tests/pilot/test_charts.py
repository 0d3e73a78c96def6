"""The control-pilot charts of both sides over the simulated circuit, on the virtual clock."""

from __future__ import annotations

from typing import Any

import pytest

import engine
from adapters.pilot.cable import cable_of
from adapters.pilot.simulated import SimulatedPilotEvse, SimulatedPilotPev
from engine.run import System
from engine.run.observer import Note

MS, S = 1_000_000, 1_000_000_000
STATION = engine.load("machines/pilot/evse.yaml")
VEHICLE = engine.load("machines/pilot/pev.yaml")


class Line:
    """A station's and a vehicle's pilot chart on one cable; ``said`` is what each told its supervisor."""

    def __init__(self, **station: Any) -> None:
        self.system = System()
        self.system.observers.append(self)
        self.said: list[tuple[float, str, str, dict[str, Any]]] = []
        evse = SimulatedPilotEvse({}, self.system.world)
        pev = SimulatedPilotPev({"plug_after": None}, self.system.world)
        self.station = self.system.add(STATION, "evse", station, {"pilot": evse})
        self.vehicle = self.system.add(VEHICLE, "pev", {}, {"pilot": pev})
        self.system.start()
        self.port = evse.port
        self.cable = cable_of(self.system.world, "1")
        self.run(0.01)

    def step(self, record: object) -> None:
        """Observer: steps do not matter here."""

    def note(self, note: Note) -> None:
        """Observer: what is told to the supervisors."""
        assert note.kind not in ("adapter_error", "machine_failed", "queue_full"), note.text
        if note.kind == "out":
            self.said.append((note.time_ns / S, note.path, note.text, dict(note.data)))

    def run(self, seconds: float) -> None:
        self.system.advance(round(seconds * S))

    def tell(self, who: str, event: str, **data: Any) -> None:
        self.system.post(self.system.roots[who], event, data or None)
        self.run(0.001)

    def states(self) -> list[str]:
        """The debounced states the station reported, in order."""
        return [data["state"] for _, who, event, data in self.said if (who, event) == ("evse", "state")]

    def times(self, who: str, event: str) -> list[float]:
        return [at for at, path, name, _ in self.said if (path, name) == (who, event)]

    def charging(self) -> None:
        """Plugged, 5 %, state C."""
        self.cable.plug(self.port)
        self.run(0.2)
        self.tell("evse", "hlc")
        self.run(0.2)
        self.tell("pev", "ready")
        self.run(0.2)
        assert self.states() == ["B", "C"]


def test_plug_in_five_percent_ready_and_out() -> None:
    """A to B to C and back, with 5 % seen by the vehicle (IEC 61851-1 sequences 1.1, 3.1, 4, 8.1, 2.1)."""
    line = Line()
    line.charging()
    assert line.times("pev", "digital")
    line.tell("pev", "not_ready")
    line.run(0.2)
    line.cable.unplug(line.port)
    line.run(1.0)
    assert line.states() == ["B", "C", "B", "A"]
    assert line.times("pev", "unplugged")


def test_power_path_hears_of_a_lost_pilot_at_once_the_communication_after_the_debounce() -> None:
    """47, 46: unplugged under load, the contactor is ordered open in the same millisecond (100 ms are allowed)."""
    line = Line()
    line.charging()
    now = line.system.clock.now_ns() / S
    line.cable.unplug(line.port)
    line.run(1.0)
    (lost,) = line.times("evse", "power_lost")
    assert lost - now < 0.001
    reported = line.times("evse", "state")[-1]
    assert 0.5 <= reported - now < 0.51  # T_unplug_grace


def test_a_bounce_of_the_plug_keeps_the_communication() -> None:
    """47: B-A-B within the grace is no unplug for SLAC and V2G, but the power path has reacted."""
    line = Line()
    line.charging()
    line.cable.unplug(line.port)
    line.run(0.3)
    line.cable.plug(line.port)
    line.run(1.0)
    assert "A" not in line.states()
    assert line.times("evse", "power_lost")


def test_levels_between_the_bands_keep_the_state() -> None:
    """A level in the gap between two states is neither of them: the old state stays (IEC 61851-1 Table A.2)."""
    line = Line()
    line.charging()
    for factor in (0.75, 1.25):  # 882 Ohm and 2.74 kOhm in series with tolerances: about 5.3 V and 6.7 V
        line.cable.circuit.faults.resistance_factor = factor
        line.cable.changed()
        line.run(0.2)
    assert line.states() == ["B", "C"]


def test_without_a_diode_there_is_no_vehicle() -> None:
    """48: a resistor in place of a vehicle is a fault that only unplugging clears."""
    line = Line()
    line.cable.circuit.faults.diode_missing = True
    line.cable.plug(line.port)
    line.run(0.2)
    line.tell("evse", "hlc")
    line.run(0.3)
    assert len(line.times("evse", "diode_fault")) == 1
    assert line.states()[-1] == "E"
    line.cable.circuit.faults.diode_missing = False
    line.cable.changed()
    line.run(1.0)
    assert line.states()[-1] == "E"
    line.cable.unplug(line.port)
    line.run(1.0)
    assert line.states()[-1] == "A"


def test_a_waking_vehicle_is_heard() -> None:
    """44: B-C-B of 300 ms is a BCB toggle; a longer C is a vehicle that wants power."""
    line = Line()
    line.cable.plug(line.port)
    line.run(0.3)
    line.tell("pev", "toggle", count=1)
    line.run(1.5)
    assert len(line.times("evse", "bcb_toggle")) == 1
    line.tell("pev", "ready")
    line.run(1.0)
    line.tell("pev", "not_ready")
    line.run(1.0)
    assert len(line.times("evse", "bcb_toggle")) == 1


@pytest.mark.parametrize(("order", "low_s", "whole_s"), [("step_ef", 4.0, 4.75), ("step_x1", 0.0, 3.0)])
def test_wake_up_steps(order: str, low_s: float, whole_s: float) -> None:
    """43: after E/F comes x1, no duty before the step is over (ISO 15118-3 T_step_EF, T_step_X1)."""
    line = Line()
    line.cable.plug(line.port)
    line.run(0.3)
    line.tell("evse", "hlc")
    line.run(0.1)
    start = line.system.clock.now_ns() / S
    line.tell("evse", order)
    if low_s:
        line.run(low_s - 0.1)
        assert line.cable.circuit.duty_percent == 0
        line.run(0.2)
    assert line.cable.circuit.duty_percent == 100
    line.run(10)
    (done,) = line.times("evse", "step_done")
    assert done - start == pytest.approx(whole_s, abs=0.01)
    assert line.cable.circuit.duty_percent == 100
    assert "E" not in line.states()


def test_the_nominal_duty_changes_at_most_every_five_seconds() -> None:
    """43: a second change waits; the vehicle gets the last one asked for (IEC 61851-1 sequence 7)."""
    line = Line()
    line.cable.plug(line.port)
    line.run(0.3)
    line.tell("evse", "nominal", duty=26.7)
    line.run(1)
    line.tell("evse", "nominal", duty=50.0)
    line.tell("evse", "nominal", duty=16.0)
    line.run(3)
    assert line.cable.circuit.duty_percent == pytest.approx(26.7)
    line.run(1.5)
    assert line.cable.circuit.duty_percent == pytest.approx(16.0)


@pytest.mark.parametrize(
    ("duty", "limit_A"),
    [
        (8.0, 6.0),
        (9.9, 6.0),
        (10.0, 6.0),
        (16.0, 9.6),
        (53.3, 31.98),
        (85.0, 51.0),
        (90.0, 65.0),
        (96.0, 80.0),
        (97.0, 80.0),
    ],
)
def test_duty_means_current(duty: float, limit_A: float) -> None:
    """The vehicle reads the current from the duty as IEC 61851-1 Table A.8 has it."""
    line = Line()
    line.cable.plug(line.port)
    line.run(0.3)
    line.tell("evse", "nominal", duty=duty)
    line.run(0.5)
    limits = [data["limit"] for _, who, event, data in line.said if (who, event) == ("pev", "current")]
    assert limits == [pytest.approx(limit_A, abs=0.01)]


@pytest.mark.parametrize("duty", [7.5, 98.0, 2.0])
def test_duties_that_mean_no_charging(duty: float) -> None:
    """Between and beyond the bands the vehicle takes nothing."""
    line = Line()
    line.cable.plug(line.port)
    line.run(0.3)
    line.tell("evse", "nominal", duty=duty)
    line.run(0.5)
    assert not line.times("pev", "current")
    assert not line.times("pev", "digital")


@pytest.mark.parametrize("low", ["fault", "step_ef"])
def test_a_short_that_came_while_the_pilot_was_low(low: str) -> None:
    """No level moves when the pilot is positive again: the station has to look, and says E."""
    line = Line()
    line.cable.plug(line.port)
    line.run(0.3)
    line.tell("evse", low)
    line.cable.circuit.faults.shorted = True
    line.cable.changed()
    line.run(3.9)
    assert line.states() == ["B"]
    if low == "fault":
        line.tell("evse", "x1")
    line.run(0.2)
    assert line.states() == ["B", "E"]
