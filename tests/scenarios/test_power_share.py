"""Scenarios of machines/power/share.yaml: an outlet keeps to a grant when what is measured does."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/share.yaml"


def share(volts: float, amperes: float, **parameters: float) -> Stage:
    return Stage(FILE, {"supply.present_voltage": volts, "supply.present_current": amperes}, **parameters)


@pytest.mark.parametrize(("amperes", "kept"), [(0.0, True), (51.25, True), (51.3, False)])
def test_kept_is_what_is_measured(amperes: float, kept: bool) -> None:
    """20 kW at 400 V, and 500 W that measuring may be off."""
    stage = share(400.0, amperes).post("grant", power=20_000.0, order=7)
    assert stage.told("kept") == ([{"order": 7}] if kept else [])
    assert stage.active("within") is kept


def test_it_looks_until_the_output_has_come_down_and_says_so_once() -> None:
    stage = share(400.0, 100.0).post("grant", power=20_000.0, order=3).run(0.07)
    stage.values("supply", present_current=50.0).run(0.029)
    assert stage.told("kept") == []
    assert stage.run(0.001).told("kept") == [{"order": 3}]
    assert stage.run(10).told("kept") == [{"order": 3}]


def test_the_newest_grant_is_what_counts() -> None:
    stage = share(400.0, 100.0).post("grant", power=20_000.0, order=3).post("grant", power=40_000.0, order=4)
    assert stage.told("kept") == [{"order": 4}]
    stage.post("grant", power=0.0, order=5).run(1)
    assert stage.told("kept") == [{"order": 4}]
    assert stage.values("supply", present_current=0.0).run(0.05).told("kept")[-1] == {"order": 5}


def test_tolerance_and_period_are_parameters() -> None:
    stage = share(400.0, 3.0, P_tolerance=1_000.0, T_look=10_000_000).post("grant", power=0.0, order=1)
    assert stage.run(0.01).told("kept") == []
    assert stage.values("supply", present_current=2.5).run(0.01).told("kept") == [{"order": 1}]


@pytest.mark.parametrize("value", ["present_voltage", "present_current"])
def test_a_supply_that_has_fallen_silent_has_let_go_of_nothing(value: str) -> None:
    """Another outlet would be given what this one may still take."""
    stage = share(400.0, 0.0).silent("supply", value).run(1.0 - 0.001).post("grant", power=0.0, order=1)
    assert stage.told("kept") == [{"order": 1}]
    stage = share(400.0, 0.0).silent("supply", value).run(1.0).post("grant", power=0.0, order=1).run(10)
    assert stage.told("kept") == []
    assert stage.tells("supply").run(0.05).told("kept") == [{"order": 1}]
