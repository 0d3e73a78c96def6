"""Charging while there is no line, and what the central system hears of it afterwards; all charts, virtual clock."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from adapters.ocpp.flat import time_ns
from tests.ocpp.central import NOON
from tests.ocpp.charge_point import Alone

S = 10**9


def point(**sets: Any) -> Alone:
    """It has a line; values come every 10 s; offline an unknown card may charge."""
    return Alone(**{"MeterValueSampleInterval": 10 * S, "AllowOfflineTxForUnknownId": True, **sets}).run(5)


def charge(point: Alone, card: str = "CARD") -> Alone:
    point.outlets.plug(1)
    point.outlets.card(1, card)
    return point


def offline(point: Alone) -> Alone:
    point.central.cut()
    return point


def back(point: Alone) -> Alone:
    point.central.reachable = True
    return point.run(300)


def samples(point: Alone) -> list[tuple[float, str]]:
    """Seconds since the beginning and context of each sample of a transaction, in the order they came."""
    told = [one["meterValue"][0] for one in point.central.said("MeterValues") if "transactionId" in one]
    return [((time_ns(one["timestamp"]) - NOON) / S, one["sampledValue"][0]["context"]) for one in told]


@pytest.mark.ocpp_cases("TC_036")
@pytest.mark.parametrize("outage_s", [15, 600])
def test_the_line_is_lost_in_a_transaction(outage_s: float) -> None:
    """What was measured meanwhile comes in its order and before anything new; there is no hole and no sample twice."""
    stage = offline(charge(point()).run(35)).run(outage_s)
    before = len(samples(stage))
    back(stage)
    times = [at for at, _ in samples(stage)]
    assert len(times) > before
    assert all(9.9 < later - sooner < 10.1 for sooner, later in pairwise(times))
    assert {context for _, context in samples(stage)} == {"Sample.Periodic"}
    assert {one["transactionId"] for one in stage.central.said("MeterValues")} == {101}
    assert stage.statuses()[-1] == "Charging"


@pytest.mark.ocpp_cases("TC_037_1")
def test_an_offline_start() -> None:
    """Told when there is a line again, with the time it was; it goes on."""
    stage = charge(offline(point())).run(60)
    assert stage.central.said("StartTransaction") == []
    back(stage)
    (start,) = stage.central.said("StartTransaction")
    assert round((time_ns(start["timestamp"]) - NOON) / S) == 5
    assert stage.statuses() == ["Available", "Charging"]  # what is now, not what has been
    assert stage.outlets.outlets[0].state == "charging"


@pytest.mark.ocpp_cases("TC_037_2")
def test_an_offline_start_with_a_card_that_is_none_and_no_reason_to_stop() -> None:
    """StopTransactionOnInvalidId is false: the transaction goes on, and nothing flows any more."""
    stage = charge(offline(point(StopTransactionOnInvalidId=False))).run(60)
    assert stage.outlets.wh(1) > 100
    stage.central.cards["CARD"] = "Blocked"
    back(stage)
    assert stage.statuses()[-1] == "SuspendedEVSE"
    assert stage.central.said("StopTransaction") == []
    energy = stage.outlets.wh(1)
    assert stage.run(600).outlets.wh(1) == energy


@pytest.mark.ocpp_cases("TC_038")
@pytest.mark.parametrize("by", ["card", "button"])
def test_an_offline_stop(by: str) -> None:
    stage = offline(charge(point()).run(35)).run(20)
    if by == "card":
        stage.outlets.card(1, "CARD")
    else:
        stage.outlets.press_stop(1)
    stage.run(5)
    assert stage.outlets.outlets[0].state == "ended"
    assert stage.central.said("StopTransaction") == []
    back(stage)
    (stop,) = stage.central.said("StopTransaction")
    assert stop.get("reason", "Local") == "Local"
    assert round((time_ns(stop["timestamp"]) - NOON) / S) == 60
    assert stop["meterStop"] == int(stage.outlets.wh(1))
    assert stage.statuses()[-1] == "Finishing"


@pytest.mark.ocpp_cases("TC_039", "D3")
def test_an_offline_transaction() -> None:
    stage = charge(offline(point())).run(55)
    stage.outlets.card(1, "CARD")
    stage.run(5)
    stage.outlets.unplug(1)
    back(stage)
    assert stage.heard() == ["StartTransaction", *["MeterValues"] * 5, "StopTransaction"]
    assert stage.statuses() == ["Available"]


@pytest.mark.ocpp_cases("D2")
def test_what_is_measured_after_a_transaction_is_none_of_its() -> None:
    """Errata 3.16: by the clock and by a trigger, with the plug still in; all that is its is told before its end."""
    stage = charge(point(ClockAlignedDataInterval=60 * S)).run(115)
    stage.outlets.card(1, "CARD")
    stage.run(5)
    stage.central.ask("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    stage.run(200)
    actions = [(action, payload.get("transactionId")) for action, payload in stage.central.heard]
    end = actions.index(("StopTransaction", 101))
    values = [id for action, id in actions[:end] if action == "MeterValues"]
    after = [id for action, id in actions[end:] if action == "MeterValues"]
    assert (set(values), len(values) >= 10) == ({101}, True)
    assert (set(after), len(after)) == ({None}, 5), "one triggered, four by the clock"
    assert stage.central.answers["TriggerMessage"] == {"status": "Accepted"}


@pytest.mark.ocpp_cases("TC_071", "D2")
@pytest.mark.parametrize("running", [True, False])
def test_meter_values_by_the_clock(running: bool) -> None:
    """On the clock to the second, of the transaction when there is one."""
    stage = point(ClockAlignedDataInterval=60 * S, MeterValueSampleInterval=0)
    if running:
        charge(stage)
    stage.run(300)
    told = stage.central.said("MeterValues")
    assert [round((time_ns(one["meterValue"][0]["timestamp"]) - NOON) / S) for one in told] == [60, 120, 180, 240, 300]
    assert {one["meterValue"][0]["sampledValue"][0]["context"] for one in told} == {"Sample.Clock"}
    assert {one.get("transactionId") for one in told} == {101 if running else None}
