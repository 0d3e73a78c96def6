"""Scenarios of machines/load_manager.yaml: what a charging site is told of its building's connection. Powers in W."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/load_manager.yaml"


def limits(stage: Stage) -> list[float]:
    return [args["power"] for args in stage.ordered("site.limit")]


def test_the_site_gets_what_the_building_leaves() -> None:
    stage = Stage(FILE)
    assert limits(stage) == [20_000.0], "nobody has said anything: what is free in any case"
    assert stage.active("blind")
    for power in (150_000.0, 60_000.0, 199_500.0):
        stage.post("draws", power=power)
    assert limits(stage.forget()) == []
    assert stage.data("limit") == 500.0
    stage.post("draws", power=300_000.0)
    assert limits(stage) == [0.0], "a building that draws too much leaves nothing, and less than that there is not"


def test_it_falls_at_once_and_rises_in_steps() -> None:
    stage = Stage(FILE, P_step=1000.0)
    stage.post("draws", power=100_000.0).forget()
    stage.post("draws", power=99_001.0)
    assert limits(stage) == []
    stage.post("draws", power=100_001.0)
    assert limits(stage) == [99_999.0]
    stage.post("draws", power=99_001.0)
    assert limits(stage) == [99_999.0, 100_999.0], "1 kW more is a step"
    stage.post("draws", power=99_001.0)
    assert limits(stage) == [99_999.0, 100_999.0], "the same is no order"


def test_a_meter_that_falls_silent_leaves_only_what_is_free_in_any_case() -> None:
    stage = Stage(FILE)
    stage.post("draws", power=50_000.0).run(9.9)
    stage.post("draws", power=50_000.0).run(9.9)
    assert stage.active("metered"), "each word of it counts anew"
    assert limits(stage) == [20_000.0, 150_000.0]
    stage.run(0.2)
    assert stage.active("blind")
    assert limits(stage)[-1] == 20_000.0
    stage.post("draws", power=50_000.0)
    assert limits(stage)[-1] == 150_000.0


@pytest.mark.parametrize("power", [None, 50_000.0])
def test_a_site_that_cannot_be_told_is_told_again(power: float | None) -> None:
    stage = Stage(FILE)
    if power is not None:
        stage.post("draws", power=power)
    stage.breaks("site", "the machine site behind it has ended").forget()
    assert stage.active("untold")
    stage.breaks("site").post("draws", power=1000.0).run(4.9)
    assert limits(stage) == []
    assert stage.unhandled == []
    stage.run(0.2)
    assert stage.active("blind")
    assert limits(stage) == [20_000.0]


def test_a_connection_smaller_than_what_should_be_free() -> None:
    stage = Stage(FILE, P_connection=15_000.0)
    assert limits(stage) == [15_000.0]
    stage.post("draws", power=0.0)
    assert limits(stage) == [15_000.0, 15_000.0]
    stage.run(11)
    assert stage.data("limit") == 15_000.0
    assert stage.system.failures == []
