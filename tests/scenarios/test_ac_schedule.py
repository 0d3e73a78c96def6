"""Scenarios of machines/ac/schedule.yaml: what an AC outlet may give over time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage


def schedule(**given: Any) -> Stage:
    return Stage("machines/ac/schedule.yaml", **given)


def powers(stage: Stage) -> list[tuple[float, float]]:
    """When which row began."""
    return [(at, told["power"]) for at, event, told in stage.said if event == "row"]


def test_rows_hold_one_after_the_other() -> None:
    """From the plug-in on; without a schedule nothing is said."""
    stage = schedule(start=[0, 30 * S, 45 * S], PMax=[11_040.0, 0.0, 8_280.0]).run(100)
    assert powers(stage) == [(0.0, 11_040.0), (30.0, 0.0), (45.0, 8_280.0)]
    assert not schedule().run(100).post("ask").said


def test_what_is_left_is_told() -> None:
    """To a session that begins within a row, to the second."""
    stage = schedule(start=[0, 30 * S, 45 * S], PMax=[3.0, 2.0, 1.0]).run(10).forget().post("ask")
    assert stage.told("left") == [{"start": [0, 20 * S, 35 * S], "PMax": [3.0, 2.0, 1.0]}]
    stage.run(25).forget().post("ask")
    assert stage.told("left") == [{"start": [0, 10 * S], "PMax": [2.0, 1.0]}]
    stage.run(20).forget().post("ask")
    assert stage.told("left") == [{"start": [0], "PMax": [1.0]}]


def test_another_one_is_kept_to_from_now_on() -> None:
    stage = schedule(start=[0, 30 * S], PMax=[3.0, 2.0]).run(20).forget()
    stage.post("tell", start=[0, 15 * S], PMax=[9.0, 8.0])
    assert stage.told("left") == [{"start": [0, 15 * S], "PMax": [9.0, 8.0]}]
    assert powers(stage.run(100)) == [(20.0, 9.0), (35.0, 8.0)]


@pytest.mark.parametrize(
    ("start", "PMax", "reason", "least"),
    [
        ([0, 10 * S], [2.0], "it has 2 times for 1 powers", 2.0),
        ([5 * S], [2.0], "its first row does not begin at 0 s", 2.0),
        ([0, 0], [9.0, 2.0], "a row of it does not begin after the one before", 2.0),
        ([0], [-1.0], "a row of it allows less than nothing", 0.0),
        ([], [], "it has no row", None),
    ],
)
def test_one_that_is_none(start: list[int], PMax: list[float], reason: str, least: float | None) -> None:
    """Its least is kept to all the same: within the one in force, as the only row, and as the parameters."""
    stage = schedule(start=[0, 30 * S], PMax=[3.0, 1.0]).run(5).forget().post("tell", start=start, PMax=PMax)
    assert stage.told("refused") == [{"reason": reason}]
    kept = [(30.0, 1.0)] if least is None else [(5.0, least), (30.0, min(least, 1.0))]
    assert powers(stage.run(100)) == kept
    alone = schedule().post("tell", start=start, PMax=PMax).run(100)
    assert powers(alone) == ([] if least is None else [(0.0, least)])
    if PMax:
        given = schedule(start=start, PMax=PMax).run(100)
        assert (given.told("refused"), powers(given)) == ([{"reason": reason}], [(0.0, least)])
