"""Scenarios of machines/pilot/pev.yaml: what the vehicle reads from the pilot line, and what it shows there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage


class Inlet(Stage):
    """The vehicle's pilot chart; ``pwm`` is a measured duty, 100 % steady +12 V, 0 % no positive level."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__("machines/pilot/pev.yaml", {"pilot.duty": 100.0}, **parameters)

    def pwm(self, duty: float) -> Inlet:
        self.values("pilot", duty=duty)
        self.emit("pilot.pwm", duty=duty, frequency=1000.0 if 0 < duty < 100 else 0.0, high=9.0)
        return self

    @property
    def loads(self) -> list[str]:
        return [order["load"] for order in self.ordered("pilot.set_load")]

    @property
    def words(self) -> list[str]:
        """The names of what the supervisor was told."""
        return [what for _, what, _ in self.said]


def plugged(duty: float = 100.0, **parameters: Any) -> Inlet:
    """In the inlet of a station that shows this duty, read already."""
    stage = Inlet(**parameters)
    stage.values("pilot", duty=duty).emit("pilot.connected").run(1)
    stage.forget()
    return stage


# ---------------------------------------------------------------- plug


def test_plug_in_and_out() -> None:
    """The vehicle shows B from the first moment, says so, and starts at B again whatever it was when it left."""
    stage = Inlet()
    assert (stage.states, stage.orders, stage.said) == (("unplugged",), [], [])
    stage.emit("pilot.connected")
    assert (stage.loads, stage.words) == (["B"], ["plugged"])
    stage.run(0.02).forget()
    stage.post("ready").emit("pilot.disconnected")
    assert (stage.loads, stage.words) == (["C", "B"], ["unplugged"])
    assert stage.active("unplugged")
    stage.run(1).forget().emit("pilot.connected")
    assert (stage.loads, stage.words) == (["B"], ["plugged"])


def test_without_a_plug_nothing_is_read() -> None:
    """A pilot without a plug, and a supervisor that takes C back after the unplugging, are nothing."""
    stage = Inlet().pwm(5.0)
    stage.post("not_ready").run(1)
    assert (stage.states, stage.orders, stage.said, stage.unhandled) == (("unplugged",), [], [], [])


def test_a_pilot_that_was_there_before_the_plug() -> None:
    """The duty of the moment of the plug-in counts, also when it does not change any more."""
    stage = Inlet().pwm(5.0)
    stage.run(1).emit("pilot.connected").run(0.02)
    assert stage.words == ["plugged", "digital"]


def test_unplugged_before_the_pilot_was_read() -> None:
    """A plug that leaves at once: nothing is told of its pilot."""
    stage = Inlet()
    stage.values("pilot", duty=5.0).emit("pilot.connected").run(0.01).emit("pilot.disconnected").run(1)
    assert stage.words == ["plugged", "unplugged"]


# ---------------------------------------------------------------- what the vehicle shows


def test_ready_and_not_ready() -> None:
    """S2 closes and opens as the supervisor says, with ventilation or without (IEC 61851-1 sequences 4, 8.1, 11)."""
    stage = plugged(5.0)
    for order, load in (
        ("ready", "C"),
        ("ventilation", "D"),
        ("ready", "C"),
        ("not_ready", "B"),
        ("ventilation", "D"),
        ("not_ready", "B"),
    ):
        stage.post(order)
        assert stage.loads[-1] == load
        assert stage.active(f"plugged.load.{load}")
    assert len(stage.loads) == 6
    stage.run(60)
    assert len(stage.loads) == 6
    assert stage.unhandled == []


@pytest.mark.parametrize(
    ("count", "loads", "times"),
    [
        (1, "CBB", [0.0, 0.3, 0.6]),
        (2, "CBCBB", [0.0, 0.3, 0.6, 0.9, 1.2]),
        (3, "CBCBCBB", [0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8]),
    ],
)
def test_bcb_toggles(count: int, loads: str, times: list[float]) -> None:
    """Each half of a toggle lasts 300 ms (ISO 15118-3 TP_EV_vald_state_duration), as many as ordered, and then B."""
    stage = plugged(5.0)
    start = stage.now_s
    stage.post("toggle", count=count).run(times[-1] - 0.001)
    assert stage.told("toggled") == []
    stage.run(0.001)
    assert stage.loads == list(loads)
    assert stage.times("pilot.set_load") == [pytest.approx(start + at) for at in times]
    assert stage.told("toggled") == [{"digital": True}]
    assert stage.active("plugged.load.B")
    stage.run(10)
    assert len(stage.loads) == len(loads)


@pytest.mark.parametrize(
    ("duty", "digital"), [(100.0, False), (16.0, False), (7.0, True), (3.0, True), (2.9, False), (0.0, False)]
)
def test_toggle_says_what_the_station_shows(duty: float, digital: bool) -> None:
    """Where nobody shows 5 %, who has toggled may wait for it."""
    assert plugged(duty).post("toggle", count=1).run(1).told("toggled") == [{"digital": digital}]


def test_toggles_one_after_the_other_order() -> None:
    """The count of an order is its own, not what the last one left."""
    stage = plugged().post("toggle", count=3).run(2).forget().post("toggle", count=1).run(2)
    assert stage.loads == ["C", "B", "B"]


@pytest.mark.parametrize("after_s", [0.1, 0.4])
def test_a_toggle_called_off(after_s: float) -> None:
    """Not ready ends it in both halves: B, and nothing afterwards."""
    stage = plugged().post("toggle", count=2).run(after_s).forget().post("not_ready").run(5)
    assert (stage.loads, stage.words) == (["B"], [])
    assert stage.active("plugged.load.B")


def test_a_toggle_without_a_plug_any_more() -> None:
    """Unplugged in the middle: S2 opens, and the toggle is not continued at the next station."""
    stage = plugged().post("toggle", count=2).run(0.1).forget().emit("pilot.disconnected").run(5)
    assert (stage.loads, stage.words) == (["B"], ["unplugged"])


# ---------------------------------------------------------------- what the station shows

TABLE_A8 = [
    # duty %, what is told, current limit A, state; IEC 61851-1 Table A.8
    (0.0, "pilot_lost", None, "lost"),
    (2.9, "pilot_lost", None, "lost"),
    (3.0, "digital", None, "digital"),
    (5.0, "digital", None, "digital"),
    (7.0, "digital", None, "digital"),
    (7.1, "pilot_lost", None, "forbidden"),
    (7.9, "pilot_lost", None, "forbidden"),
    (8.0, "current", 6.0, "nominal"),
    (9.9, "current", 6.0, "nominal"),
    (10.0, "current", 6.0, "nominal"),
    (20.0, "current", 12.0, "nominal"),
    (85.0, "current", 51.0, "nominal"),
    (85.1, "current", 52.75, "nominal"),
    (96.0, "current", 80.0, "nominal"),
    (96.1, "current", 80.0, "nominal"),
    (97.0, "current", 80.0, "nominal"),
    (97.1, "steady", None, "steady"),
    (100.0, "steady", None, "steady"),
]


@pytest.mark.parametrize(("duty", "word", "limit_A", "state"), TABLE_A8)
def test_what_a_duty_means(duty: float, word: str, limit_A: float | None, state: str) -> None:
    """Digital communication, a current, or no charging: told once, 20 ms after the duty was there, and no sooner."""
    stage = plugged(50.0).pwm(duty).run(0.019)
    assert stage.said == []
    stage.run(0.001)
    assert stage.words == [word]
    assert stage.told("current") == ([] if limit_A is None else [{"limit": pytest.approx(limit_A)}])
    assert stage.active(f"plugged.station.{state}")
    stage.run(10)
    assert stage.words == [word]


def test_a_duty_at_the_plug_in_is_told_like_any_other() -> None:
    """The first reading settles, too."""
    stage = Inlet()
    stage.values("pilot", duty=16.0).emit("pilot.connected").run(0.019)
    assert stage.words == ["plugged"]
    stage.run(0.001)
    assert stage.told("current") == [{"limit": pytest.approx(9.6)}]


def test_a_duty_that_does_not_hold_is_not_told() -> None:
    """Only what has been there for 20 ms counts: no wrong current from a pilot on its way."""
    stage = plugged(5.0).pwm(50.0).run(0.019).pwm(16.0).run(0.019)
    assert stage.said == []
    stage.run(0.001)
    assert stage.told("current") == [{"limit": pytest.approx(9.6)}]


def test_the_duty_after_the_settling_counts() -> None:
    """A measured duty that has moved on before its event was heard: the line's own value is taken."""
    stage = plugged(5.0)
    stage.values("pilot", duty=20.0)
    stage.emit("pilot.pwm", duty=50.0, frequency=1000.0, high=9.0).run(0.02)
    assert stage.told("current") == [{"limit": pytest.approx(12.0)}]


def test_another_level_at_the_same_duty_is_no_news() -> None:
    """The vehicle's own S2 moves the level: the duty is not told again."""
    stage = plugged(5.0).post("ready").pwm(5.0)
    assert stage.active("plugged.station.digital")
    stage.run(1)
    assert stage.said == []


def test_a_pilot_that_is_lost_and_comes_back() -> None:
    """Each change is told, and the load stays the supervisor's."""
    stage = plugged(5.0).post("ready").pwm(0.0).run(1).pwm(100.0).run(1).pwm(5.0).run(1)
    assert stage.words == ["pilot_lost", "steady", "digital"]
    assert stage.loads == ["C"]
