"""Scenarios of machines/power/voltage_watch.yaml: the output voltage against the vehicle's maximum."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/voltage_watch.yaml"


def watch(present_V: float, maximum: float = 410.0, **parameters: float) -> Stage:
    return Stage(FILE, {"supply.present_voltage": present_V}, maximum=maximum, **parameters)


def test_it_ends_when_the_excess_has_lasted() -> None:
    """50 ms until it is seen, 250 ms until it is no spike: inside the 400 ms of IEC 61851-23 CC.6.2."""
    stage = watch(410.0).run(0.07)
    stage.values("supply", present_voltage=415.1).run(0.279)
    assert not stage.ended
    stage.run(0.001)
    assert stage.ended


@pytest.mark.parametrize("present_V", [0.0, 410.0, 415.0])
def test_within_the_tolerance(present_V: float) -> None:
    """A station that measures 5 V more than the vehicle charges on."""
    assert not watch(present_V).run(60).ended


def test_spikes() -> None:
    """Excesses of 200 ms each are none, however many; the time begins anew with each."""
    stage = watch(400.0)
    for _ in range(5):
        stage.values("supply", present_voltage=440.0).run(0.2)
        stage.values("supply", present_voltage=415.0).run(0.05)
    assert not stage.ended
    assert stage.active("below")


@pytest.mark.parametrize(("began_s", "ends_s"), [(0.01, 0.30), (0.06, 0.35)])
def test_it_looks_every_50_ms(began_s: float, ends_s: float) -> None:
    """What is seen later comes later: the 400 ms count from the excess."""
    stage = watch(400.0).run(began_s).values("supply", present_voltage=430.0).run(ends_s - began_s - 0.001)
    assert not stage.ended
    assert stage.run(0.001).ended


@pytest.mark.parametrize(("again_s", "ends_s"), [(0.11, 0.40), (0.08, 0.30)])
def test_a_pause_is_seen_when_it_lasts(again_s: float, ends_s: float) -> None:
    """Seen at 50 ms, gone at 60 ms, looked at again at 100 ms: back by then it was one excess, else it is a new one."""
    stage = watch(430.0 - 20.0).run(0.01).values("supply", present_voltage=430.0).run(0.05)
    stage.values("supply", present_voltage=410.0).run(again_s - 0.06)
    stage.values("supply", present_voltage=430.0).run(ends_s - again_s - 0.001)
    assert not stage.ended
    assert stage.run(0.001).ended


def test_newest_maximum() -> None:
    """Said lower, what was good is an excess, counted from then; said higher, an excess is none any more."""
    stage = watch(400.0).run(1.01).post("limit", voltage=394.9)
    assert stage.active("above.looking"), "seen at once"
    stage.run(0.1).post("limit", voltage=395.0)
    stage.run(1)
    assert stage.active("below")
    stage.post("limit", voltage=300.0).run(0.25)
    assert stage.ended


def test_tolerance_and_time_are_parameters() -> None:
    stage = watch(411.0, U_over_maximum=0.5, T_over=100_000_000, T_look_over=10_000_000).run(0.1)
    assert stage.ended
