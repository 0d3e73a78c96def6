"""Scenarios of machines/ac/share.yaml: when a vehicle keeps to what a site granted."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage


def granted() -> Stage:
    """12 kW, and 11 kW flow."""
    stage = Stage("machines/ac/share.yaml").values("contactor", is_closed=True).values("meter", power=11e3)
    return stage.post("grant", power=12e3, order=1)


def kept(stage: Stage) -> list[int]:
    return [one["order"] for one in stage.told("kept")]


def test_a_higher_share_is_kept_at_once() -> None:
    assert kept(granted().post("grant", power=12e3, order=2).post("grant", power=14e3, order=3)) == [1, 2, 3]


def test_a_lower_share_is_kept_when_the_vehicle_has_had_its_time_and_does() -> None:
    """Not by what it draws by chance before that."""
    stage = granted().values("meter", power=3e3).post("grant", power=5e3, order=2).run(9.9)
    assert kept(stage) == [1]
    assert kept(stage.values("meter", power=7e3).run(5)) == [1]
    assert kept(stage.values("meter", power=5.4e3).run(0.4)) == [1, 2]


def test_higher_again_is_not_kept_before_what_it_drew_is_gone() -> None:
    stage = granted().post("grant", power=5e3, order=2).run(2).post("grant", power=7e3, order=3).run(9.9)
    assert kept(stage) == [1]
    assert kept(stage.values("meter", power=7e3).run(0.4)) == [1, 3]
    assert kept(stage.post("grant", power=7e3, order=4)) == [1, 3, 4]


@pytest.mark.parametrize("after", [2, 15])
def test_an_open_contactor_keeps_to_any_share(after: float) -> None:
    stage = granted().post("grant", power=0.0, order=2).run(after)
    assert kept(stage) == [1]
    assert kept(stage.values("contactor", is_closed=False).run(0.4)) == [1, 2]
    assert kept(stage.post("grant", power=4e3, order=3).post("grant", power=1e3, order=4)) == [1, 2, 3, 4]


def test_an_old_measurement_says_nothing() -> None:
    stage = granted().values("meter", power=5e3).silent("meter", "power").post("grant", power=5e3, order=2).run(30)
    assert kept(stage) == [1]
    assert kept(stage.tells("meter").run(0.4)) == [1, 2]
