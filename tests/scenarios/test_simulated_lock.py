"""Scenarios of machines/simulated/lock.yaml: the connector lock of a station with nothing attached."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import MS, Stage

FILE = "machines/simulated/lock.yaml"


def moved(stage: Stage) -> list[tuple[float, bool]]:
    return [(order.at_s, order.args["locked"]) for order in stage.orders]


@pytest.mark.parametrize(("order", "to"), [("lock", True), ("unlock", False)])
def test_an_order_is_done_in_the_time_of_its_motor(order: str, to: bool) -> None:
    stage = Stage(FILE).post(order).run(0.199)
    assert moved(stage) == []
    stage.run(0.001)
    assert moved(stage) == [(0.2, to)]
    stage.run(5)
    assert (len(stage.orders), stage.said) == (1, [])


def test_the_feedback_is_what_the_end_switch_shows() -> None:
    """A bolt that is stuck is ordered, and nothing follows; one that gives way says so."""
    stage = Stage(FILE).post("lock").run(1)
    assert (stage.data("is_locked"), stage.said) == (False, [])
    stage.emit("bolt.locked")
    assert (stage.data("is_locked"), stage.told("locked")) == (True, [{}])
    stage.emit("bolt.unlocked")
    assert (stage.data("is_locked"), stage.told("unlocked")) == (False, [{}])


@pytest.mark.parametrize(("first", "then", "to"), [("lock", "unlock", False), ("unlock", "lock", True)])
def test_another_order_turns_the_motor_round(first: str, then: str, to: bool) -> None:
    stage = Stage(FILE).post(first).run(0.15).post(then).run(1)
    assert moved(stage) == [(0.35, to)]


@pytest.mark.parametrize(("order", "to"), [("lock", True), ("unlock", False)])
def test_the_same_order_again_does_not_begin_anew(order: str, to: bool) -> None:
    stage = Stage(FILE).post(order).run(0.15).post(order).run(0.05)
    assert moved(stage) == [(0.2, to)]


def test_its_time_is_a_parameter() -> None:
    assert moved(Stage(FILE, T_move=50 * MS).post("lock").run(1)) == [(0.05, True)]
    assert moved(Stage(FILE, T_move=70 * MS).post("unlock").run(1)) == [(0.07, False)]


def test_at_rest_it_moves_nothing() -> None:
    assert Stage(FILE).run(5).orders == []


def test_at_the_end_the_bolt_stays_where_it_is() -> None:
    """What nobody unlocked may be live: it is released by people."""
    assert Stage(FILE).post("lock").run(1).forget().stop().orders == []
