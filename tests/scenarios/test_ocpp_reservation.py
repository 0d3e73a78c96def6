"""Scenarios of machines/ocpp/reservation.yaml: a connector is kept for somebody, over restarts, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

NOON = 1_795_953_600 * S


def started() -> Stage:
    return Stage("machines/ocpp/reservation.yaml", {"clock.now": NOON}, connectorId=2)


def begun() -> Stage:
    stage = started().fail("recalled", "none")
    assert stage.said == []
    return stage.forget()


def reserve(stage: Stage, id: int = 7, card: str = "A", until_s: float = 600, group: str | None = "G") -> Stage:
    return stage.post(
        "reserve", call="r", idTag=card, parentIdTag=group, expiryDate=NOON + round(until_s * S), reservationId=id
    )


def held(until_s: float = 600, group: str | None = "G") -> Stage:
    return reserve(begun(), until_s=until_s, group=group).finish("kept").forget()


def status(stage: Stage) -> str | None:
    answer = stage.order("csms.ReserveNowConf")
    assert answer is None or answer["call"] == "r"
    return None if answer is None else answer["status"]


def passed(stage: Stage, seconds: float) -> Stage:
    """Time passes, also on the wall."""
    return stage.values("clock", now=stage.adapters["clock"].now + round(seconds * S)).run(seconds)  # type: ignore[attr-defined]


def shown(stage: Stage, card: str, group: str | None = None) -> list[Any]:
    stage.forget().post("card", idTag=card, parentIdTag=group)
    return [*stage.told("holder"), *stage.told("stranger")]


@pytest.mark.ocpp_cases("TC_046_1", "TC_046_2")
def test_a_reservation_is_in_the_file_before_it_is_accepted() -> None:
    stage = reserve(begun())
    assert stage.order("reservations.keep") == {
        "connectorId": 2, "reservationId": 7, "idTag": "A", "parentIdTag": "G", "expiryDate": NOON + 600 * S
    }  # fmt: skip
    assert (status(stage), stage.told("reserved")) == (None, [])
    stage.finish("kept")
    assert (status(stage), stage.told("reserved")) == ("Accepted", [{"reservationId": 7}])


@pytest.mark.ocpp_cases("TC_046_1", "TC_053_1", "TC_053_2", "D22")
def test_who_may_use_it() -> None:
    """D22 of the field: the holder and the holder's group, nobody else; it stays until the transaction begins."""
    stage = held()
    assert shown(stage, "A") == [{"idTag": "A", "reservationId": 7}]
    assert shown(stage, "B", "G") == [{"idTag": "B", "reservationId": 7}]
    assert shown(stage, "a") == [{"idTag": "a", "reservationId": 7}], "an idTag is a CiString20Type"
    assert shown(stage, "B", "g") == [{"idTag": "B", "reservationId": 7}]
    assert shown(stage, "B", "H") == [{"idTag": "B"}]
    assert shown(stage, "B") == [{"idTag": "B"}]
    assert shown(held(group=None), "B") == [{"idTag": "B"}]
    assert stage.told("over") == []


def test_it_ends_when_the_transaction_begins() -> None:
    stage = held().post("used")
    assert stage.told("over") == [{"reservationId": 7}]
    assert stage.order("reservations.drop") == {"connectorId": 2, "reservationId": 7}
    assert shown(stage, "A") == [{"idTag": "A"}]
    assert stage.post("used").told("over") == []  # of a transaction without a reservation
    assert not stage.unhandled


@pytest.mark.ocpp_cases("TC_047")
def test_it_ends_by_its_date() -> None:
    stage = passed(held(until_s=150), 149.9)
    assert stage.told("over") == []
    assert passed(stage, 0.1).told("over") == [{"reservationId": 7}]
    assert stage.ordered("reservations.drop") == [{"connectorId": 2, "reservationId": 7}]


def test_a_clock_that_is_set_moves_its_end() -> None:
    stage = held(until_s=600).values("clock", now=NOON + 600 * S).run(60)
    assert stage.told("over") == [{"reservationId": 7}]
    stage = held(until_s=60).values("clock", now=NOON - 600 * S).run(120)
    assert stage.told("over") == []


@pytest.mark.ocpp_cases("TC_048_4")
@pytest.mark.parametrize("until_s", [0, -1])
def test_a_date_that_is_over(until_s: float) -> None:
    stage = reserve(begun(), until_s=until_s)
    assert (status(stage), stage.ordered("reservations.keep")) == ("Rejected", [])
    stage = reserve(held(), until_s=until_s)
    assert (status(stage), stage.told("over")) == ("Rejected", [])


@pytest.mark.ocpp_cases("TC_051", "TC_052")
def test_cancelling() -> None:
    stage = held().post("cancel", call="c", reservationId=8)
    assert (stage.order("csms.CancelReservationConf"), stage.told("over")) == ({"call": "c", "status": "Rejected"}, [])
    stage.post("cancel", call="d", reservationId=7)
    assert stage.order("csms.CancelReservationConf") == {"call": "d", "status": "Accepted"}
    assert stage.told("over") == [{"reservationId": 7}]
    assert stage.ordered("reservations.drop") == [{"connectorId": 2, "reservationId": 7}]
    stage.post("cancel", call="e", reservationId=7)
    assert stage.order("csms.CancelReservationConf") == {"call": "e", "status": "Rejected"}


def test_the_same_one_may_be_changed_and_no_other_takes_its_place() -> None:
    """5.13."""
    stage = reserve(held(), 8, "B")
    assert (status(stage), stage.ordered("reservations.keep")) == ("Occupied", [])
    stage = reserve(stage.forget(), 7, "B", group=None).finish("kept")
    assert (status(stage), stage.told("reserved")) == ("Accepted", [{"reservationId": 7}])
    assert (shown(stage, "A"), shown(stage, "B")) == ([{"idTag": "A"}], [{"idTag": "B", "reservationId": 7}])
    reserve(stage, 7, "B", group="H").finish("kept")
    assert shown(stage, "C", "H") == [{"idTag": "C", "reservationId": 7}]


def test_its_id_is_another_connectors_now() -> None:
    """5.13: a matching reservationId replaces that reservation, wherever it is."""
    stage = held().post("moved", reservationId=8)
    assert (stage.told("over"), shown(stage, "A")) == ([], [{"idTag": "A", "reservationId": 7}])
    stage.post("moved", reservationId=7)
    assert (stage.told("over"), shown(stage, "A")) == ([{"reservationId": 7}], [{"idTag": "A"}])
    assert (stage.post("moved", reservationId=7).told("over"), stage.unhandled) == ([], [])


def test_a_file_that_cannot_be_written() -> None:
    """Nothing is promised that a restart would forget; the one before holds on."""
    stage = reserve(begun()).emit("reservations.failed", reason="disk full").fail("kept", "disk full")
    assert (status(stage), stage.told("reserved"), shown(stage, "A")) == ("Rejected", [], [{"idTag": "A"}])
    assert not stage.unhandled
    stage = reserve(held(), card="B").fail("kept", "disk full")
    assert (status(stage), shown(stage, "A")) == ("Rejected", [{"idTag": "A", "reservationId": 7}])
    stage = reserve(reserve(begun(), 0).finish("kept").forget(), 0, "B").fail("kept", "disk full")
    assert (status(stage), shown(stage, "A")) == ("Rejected", [{"idTag": "A", "reservationId": 0}])


def test_it_outlives_a_restart() -> None:
    stage = started()
    stage.post("card", idTag="A", parentIdTag=None)
    assert stage.order("reservations.recall") == {"connectorId": 2}
    assert stage.said == []
    stage.finish("recalled", reservationId=7, idTag="A", parentIdTag="G", expiryDate=NOON + 5 * S)
    assert stage.told("reserved") == [{"reservationId": 7}]
    assert stage.told("holder") == [{"idTag": "A", "reservationId": 7}]
    assert shown(stage, "B", "G") == [{"idTag": "B", "reservationId": 7}]
    assert passed(stage, 4.9).told("over") == []
    assert passed(stage, 0.1).told("over") == [{"reservationId": 7}]


def test_one_whose_time_was_over_before_the_restart_is_dropped() -> None:
    stage = started().finish("recalled", reservationId=7, idTag="A", parentIdTag=None, expiryDate=NOON - S).run(0)
    assert stage.ordered("reservations.drop") == [{"connectorId": 2, "reservationId": 7}]
    assert stage.told("over") == [{"reservationId": 7}]


@pytest.mark.parametrize("recalled", [False, True])
@pytest.mark.parametrize("event", ["cancel", "used", "card", "reserve", "moved"])
def test_what_comes_meanwhile_has_its_turn(event: str, recalled: bool) -> None:
    stage = started() if recalled else reserve(begun())
    data: dict[str, Any] = {
        "cancel": {"call": "c", "reservationId": 7},
        "used": {},
        "moved": {"reservationId": 7},
        "card": {"idTag": "A", "parentIdTag": None},
        "reserve": {"call": "r", "idTag": "A", "parentIdTag": None, "expiryDate": NOON + S, "reservationId": 8},
    }[event]
    stage.post(event, **data)
    assert stage.said == []
    if recalled:
        stage.finish("recalled", reservationId=7, idTag="A", parentIdTag=None, expiryDate=NOON + 5 * S)
    else:
        stage.finish("kept")
    told = {"cancel": "over", "used": "over", "moved": "over", "card": "holder", "reserve": "reserved"}[event]
    assert len(stage.told(told)) == 1
    if event == "reserve":
        assert status(stage) == "Occupied"
