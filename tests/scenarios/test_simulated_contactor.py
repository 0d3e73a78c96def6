"""Scenarios of machines/simulated/contactor.yaml: the contactor of a station with nothing attached."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import MS, Stage

FILE = "machines/simulated/contactor.yaml"


def closed() -> Stage:
    stage = Stage(FILE).post("set", closed=True).run(0.02).emit("contacts.closed")
    assert stage.data("is_closed")
    return stage.forget()


def moved(stage: Stage) -> list[tuple[float, bool]]:
    return [(order.at_s, order.args["closed"]) for order in stage.orders]


@pytest.mark.parametrize("to", [True, False])
def test_an_order_is_done_in_the_time_of_its_coil(to: bool) -> None:
    stage = closed() if not to else Stage(FILE)
    began = stage.now_s
    stage.post("set", closed=to).run(0.019)
    assert moved(stage) == []
    stage.run(0.001)
    assert moved(stage) == [(pytest.approx(began + 0.02), to)]
    assert stage.said == []


def test_the_feedback_is_what_the_contacts_show() -> None:
    """A welded or a blocked one is ordered, and nothing follows; one that falls open says so."""
    stage = Stage(FILE).post("set", closed=True).run(0.4)
    assert (stage.data("is_closed"), stage.said) == (False, [])
    stage.emit("contacts.closed")
    assert (stage.data("is_closed"), stage.told("closed")) == (True, [{}])
    stage.emit("contacts.opened")
    assert (stage.data("is_closed"), stage.told("opened")) == (False, [{}])


@pytest.mark.parametrize("first", [True, False])
def test_another_order_takes_the_place_of_the_first(first: bool) -> None:
    """Closed in the middle of opening, or the other way round: the last order counts, from when it came."""
    stage = Stage(FILE).post("set", closed=first).run(0.015).post("set", closed=not first).run(0.4)
    assert moved(stage) == [(0.035, not first)]


@pytest.mark.parametrize("to", [True, False])
def test_the_same_order_again_does_not_begin_anew(to: bool) -> None:
    """A station that repeats an order every few milliseconds gets what it ordered, in time."""
    stage = Stage(FILE)
    for _ in range(4):
        stage.post("set", closed=to).run(0.006)
    assert moved(stage) == [(0.02, to)]


def test_it_opens_when_nobody_feeds_it() -> None:
    stage = Stage(FILE).post("set", closed=True).run(0.02).emit("contacts.closed").forget().run(0.479)
    assert moved(stage) == []
    stage.run(0.001)
    assert moved(stage) == [(0.5, False)], "half a second after the order"
    stage.emit("contacts.opened").run(5)
    assert len(stage.orders) == 1


def test_it_stays_closed_while_it_is_fed() -> None:
    stage = closed()
    for _ in range(20):
        stage.post("keep_alive").run(0.2)
    assert stage.orders == []
    stage.run(0.3)
    assert [to for _, to in moved(stage)] == [False]


def test_a_sign_of_life_closes_nothing() -> None:
    """After the dead-man has opened it, it needs an order; an order to open is no sign of life."""
    stage = closed().run(0.5).emit("contacts.opened").forget()
    for _ in range(5):
        stage.post("keep_alive").run(0.2)
    assert stage.orders == []
    stage = closed().run(0.4).post("set", closed=False).forget().run(0.08)
    assert [to for _, to in moved(stage)] == [False, False]


def test_an_order_to_close_is_a_sign_of_life() -> None:
    stage = closed().run(0.4).post("set", closed=True).run(0.02).forget().run(0.4)
    assert stage.orders == []


def test_one_slower_than_its_dead_man_needs_a_sign_of_life_to_close() -> None:
    stage = Stage(FILE, T_move=600 * MS).post("set", closed=True).run(0.7)
    assert [to for _, to in moved(stage)] == [False]
    assert stage.active("coil.at_rest")
    assert [to for _, to in moved(stage.post("keep_alive").run(5))] == [False, False]
    stage = Stage(FILE, T_move=600 * MS).post("set", closed=True).run(0.4).post("keep_alive").run(0.2)
    assert moved(stage) == [(0.6, True)]


def test_at_rest_it_moves_nothing() -> None:
    assert Stage(FILE).post("keep_alive").run(0.2).orders == []
    assert Stage(FILE).run(5).post("keep_alive").run(0.2).orders == []


def test_times_are_parameters() -> None:
    stage = Stage(FILE, T_move=50 * MS, T_dead_man=300 * MS).post("set", closed=True).run(1)
    assert moved(stage) == [(0.05, True), (0.3, False)]


def test_at_the_end_it_is_open() -> None:
    stage = closed().stop()
    assert [to for _, to in moved(stage)] == [False]
