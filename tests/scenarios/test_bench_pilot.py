"""Scenarios of machines/pilot/bench_vehicle.yaml and bench_station.yaml: who plays the missing end of a pilot line."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import MS, Stage

S = 1000 * MS
PWM_B, PWM_C = (9.0, -12.0), (6.0, -12.0)


class Vehicle(Stage):
    def __init__(self, **parameters: int) -> None:
        super().__init__("machines/pilot/bench_vehicle.yaml", **parameters)

    def shows(self, duty: float) -> Vehicle:
        """The station sets its source."""
        self.forget().post("set_duty", duty=duty)
        return self

    @property
    def levels(self) -> list[tuple[float, float, float]]:
        """When, and what the station is told that it measures."""
        return [(pytest.approx(at), data["high"], data["low"]) for at, _, data in self.said]

    @property
    def measured(self) -> tuple[float, float]:
        """What it measures when it looks by itself."""
        return self.data("high"), self.data("low")


def test_a_session_and_the_next_vehicle() -> None:
    """The levels after the start, then each change once, with the standard's voltages."""
    bench = Vehicle()
    bench.run(1)
    assert bench.levels == [(0.0, 12.0, 12.0), (0.2, 9.0, 9.0)]
    bench.run(60)
    bench.shows(5.0).run(2)
    assert bench.levels == [(61.0, *PWM_B), (61.5, *PWM_C)]
    assert bench.data("duty") == 5.0
    bench.shows(5.0).run(60)
    assert bench.levels == []
    bench.shows(100.0).run(3)
    assert bench.levels == [(123.0, 9.0, 9.0), (123.5, 12.0, 12.0), (124.5, 9.0, 9.0)]
    bench.shows(5.0).run(1)
    assert bench.levels == [(126.0, *PWM_B), (126.5, *PWM_C)]
    assert bench.unhandled == []


def test_its_times_are_parameters() -> None:
    bench = Vehicle(plug_after=3 * S, ready_after=2 * S, unplug_after=4 * S, plug_again_after=5 * S)
    bench.run(4).shows(5.0).run(3).shows(100.0).run(10)
    assert bench.times("levels") == [7.0, 11.0, 16.0]


def test_levels_are_parameters() -> None:
    """To try where a station's bands begin."""
    bench = Stage("machines/pilot/bench_vehicle.yaml", U_A=11.5, U_B=8.5, U_C=5.5, U_F=-11.5, D_HLC=6.0)
    bench.run(1).post("set_duty", duty=5.0).run(1).post("set_duty", duty=6.0).run(1)
    assert [(d["high"], d["low"]) for d in bench.told("levels")] == [
        (11.5, 11.5), (8.5, 8.5), (8.5, -11.5), (5.5, -11.5)
    ]  # fmt: skip


def test_it_waits_for_5_percent() -> None:
    """Another duty is no invitation to a vehicle that charges with DC."""
    bench = Vehicle()
    bench.run(1).shows(16.0).run(60)
    assert bench.levels == [(1.0, *PWM_B)]
    assert bench.active("vehicle.plugged.waiting")


@pytest.mark.parametrize("charged_s", [0.1, 5.0])
@pytest.mark.parametrize(("end", "high"), [(100.0, 9.0), (16.0, 9.0), (0.0, -12.0)])
def test_it_makes_room_however_a_session_ends(charged_s: float, end: float, high: float) -> None:
    """A session too short for it to have gone to state C is followed by one as well."""
    bench = Vehicle()
    bench.run(1).shows(5.0).run(charged_s).shows(end)
    assert bench.measured == (high, 9.0 if end == 100.0 else -12.0)
    bench.run(0.499)
    assert bench.active("vehicle.plugged.leaving")
    bench.run(0.001)
    assert bench.active("vehicle.away.gone")
    bench.run(0.999)
    assert bench.active("vehicle.away.gone")
    bench.run(0.001)
    assert bench.active("vehicle.plugged.waiting")


def test_state_F_has_one_level_whatever_the_vehicle_does() -> None:
    bench = Vehicle()
    bench.run(1).shows(0.0).run(1)
    assert bench.levels == [(1.0, -12.0, -12.0)]
    bench.shows(100.0)
    assert bench.levels == [(2.0, 9.0, 9.0)]


def test_5_percent_again_before_it_has_unplugged() -> None:
    """A station that wakes it goes on with the same vehicle, which prepares anew."""
    bench = Vehicle()
    bench.run(1).shows(5.0).run(5).shows(100.0).run(0.4)
    bench.shows(5.0).run(5)
    assert bench.levels == [(6.4, *PWM_B), (6.9, *PWM_C)]


def test_5_percent_before_it_is_plugged_in() -> None:
    """A station that shows 5 % all the time has a vehicle that prepares when it comes."""
    bench = Vehicle()
    bench.shows(5.0).run(2)
    assert bench.levels == [(0.0, 12.0, -12.0), (0.2, *PWM_B), (0.7, *PWM_C)]


class Station(Stage):
    def __init__(self, **parameters: int) -> None:
        super().__init__("machines/pilot/bench_station.yaml", **parameters)

    def load(self, load: str) -> Station:
        """The vehicle sets its resistance."""
        self.forget().post("set_load", load=load)
        return self


def test_the_plug_goes_in_and_5_percent_is_shown() -> None:
    bench = Station()
    assert (bench.data("is_connected"), bench.data("duty")) == (False, 0.0)
    bench.run(0.499)
    assert bench.said == []
    bench.run(3600)
    assert bench.said == [
        (0.5, "connected", {}), (0.5, "pwm", {"duty": 5.0, "frequency": 1000.0, "high": 9.0})
    ]  # fmt: skip
    assert (bench.data("is_connected"), bench.data("duty")) == (True, 5.0)


@pytest.mark.parametrize(("load", "high"), [("C", 6.0), ("D", 3.0)])
def test_the_vehicle_sees_its_own_load_once(load: str, high: float) -> None:
    bench = Station()
    bench.run(1).load("B")
    assert bench.said == []
    bench.load(load).post("set_load", load=load)
    assert bench.told("pwm") == [{"duty": 5.0, "frequency": 1000.0, "high": high}]
    bench.load("B")
    assert bench.told("pwm") == [{"duty": 5.0, "frequency": 1000.0, "high": 9.0}]
    assert bench.times("connected") == []


def test_a_load_set_before_the_plug_is_in() -> None:
    bench = Station()
    bench.load("C").run(1)
    assert [pwm["high"] for pwm in bench.told("pwm")] == [6.0]


def test_the_plug_is_pulled() -> None:
    bench = Station(plug_after=2 * S, unplug_after=20 * S)
    bench.run(21.999)
    assert bench.data("is_connected")
    bench.forget().run(100)
    assert bench.said == [
        (22.0, "disconnected", {}), (22.0, "pwm", {"duty": 0.0, "frequency": 0.0, "high": 0.0})
    ]  # fmt: skip
    assert (bench.data("is_connected"), bench.data("duty")) == (False, 0.0)
    bench.load("C")
    assert (bench.said, bench.unhandled) == ([], [])


def test_what_it_shows_are_parameters() -> None:
    bench = Stage("machines/pilot/bench_station.yaml", D_HLC=7.0, f_PWM=1020.0, U_B=8.5, U_C=5.5, U_D=2.5).run(1)
    for load in "CD":
        bench.post("set_load", load=load)
    assert [tuple(pwm.values()) for pwm in bench.told("pwm")] == [
        (7.0, 1020.0, 8.5), (7.0, 1020.0, 5.5), (7.0, 1020.0, 2.5)
    ]  # fmt: skip
    assert bench.data("duty") == 7.0
