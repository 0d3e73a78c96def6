"""Scenarios of machines/ocpp/by_clock.yaml: times by the clock, whoever sets it and to what."""

from __future__ import annotations

import pytest

from tests.scenarios.ocpp import change, keys, running_clock
from tests.scenarios.stage import S, Stage

TIME = "by_clock"


def begun(now_s: float = 1000, interval_s: int = 900) -> Stage:
    values = {**keys(ClockAlignedDataInterval=interval_s * S), "clock.now": round(now_s * S)}
    stage: Stage = running_clock(Stage("machines/ocpp/by_clock.yaml", values, begin=False))
    stage.begin()
    assert not stage.said  # a board whose clock nobody has set begins in 1970
    return stage


def times(stage: Stage, seconds: float) -> list[float]:
    """When it is time (s), from now on."""
    begun, said = stage.now_s, len(stage.said)
    stage.run(seconds)
    return [round(at - begun, 3) for at, event, _ in stage.said[said:] if event == TIME]


@pytest.mark.ocpp_cases("TC_071")
def test_from_midnight_on_whenever_it_begins() -> None:
    assert times(begun(), 2700) == [800, 1700, 2600]


@pytest.mark.ocpp_cases("TC_071")
def test_never_and_when_it_is_changed() -> None:
    stage = begun(interval_s=0)
    assert times(stage, 100_000) == []  # until 101,000 s
    assert times(change(stage, ClockAlignedDataInterval=300 * S), 700) == [100, 400, 700]
    assert times(change(stage, ClockAlignedDataInterval=0), 10_000) == []
    assert times(change(stage, HeartbeatInterval=5 * S), 10_000) == []
    assert not stage.unhandled


def test_a_shorter_interval_counts_from_now_on() -> None:
    """The timer of the old one may have most of a minute to go."""
    stage = begun()
    assert times(change(stage, ClockAlignedDataInterval=30 * S), 60) == [20, 50]


def test_never_is_seen_even_before_the_key_is_announced() -> None:
    """What the store says of a key and when it says so are two moments."""
    stage = begun()
    stage.values("settings", ClockAlignedDataInterval=0)
    assert times(stage, 60) == []
    assert times(stage, 10_000) == []
    assert not stage.errors


@pytest.mark.parametrize(
    ("set_to_s", "next_s"),
    [
        (1799.5, 2700),  # a little back: the time that was told comes again
        (5300, 5400),  # forward, past several times: none of them has been
        (1000, 1800),  # back past the last one: that day has it twice
        (-5000, -4500),  # before 1970
    ],
)
def test_a_clock_that_is_set(set_to_s: float, next_s: float) -> None:
    stage = begun()
    assert times(stage, 800) == [800]
    stage.values("clock", now=round(set_to_s * S))
    assert times(stage, next_s - set_to_s + 900) == [next_s - set_to_s, next_s - set_to_s + 900]


@pytest.mark.parametrize(
    ("seen_s", "next_s"),
    [
        (1790, 2700),  # by so little that the time told is still less than a minute ahead: it is not told twice
        (1740, 1800),  # by more: who set it so far back wants that time
    ],
)
def test_a_clock_that_is_set_back_past_the_time_told(seen_s: float, next_s: float) -> None:
    stage = begun()
    assert times(stage, 859) == [800]
    stage.values("clock", now=round((seen_s - 1) * S))  # it is looked at a second later
    assert times(stage, next_s - seen_s + 950) == [next_s - seen_s + 1, next_s - seen_s + 901]


@pytest.mark.parametrize(("seconds", "expected"), [(59, [1]), (60, [])])
def test_a_time_that_is_passed_by_in_a_jump_has_not_been(seconds: float, expected: list[float]) -> None:
    stage = begun()
    assert times(stage, 799) == []
    stage.values("clock", now=round((1799 + seconds) * S))
    assert times(stage, 100) == expected


def test_that_it_was_set_is_seen_within_a_minute() -> None:
    stage = begun(now_s=10)
    stage.values("clock", now=890 * S)
    assert times(stage, 100) == [60]
