"""The whole charge point: what a charge is to a central system, with a line and without one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ocpp.charge_point import ChargePoint


@pytest.mark.ocpp_cases("TC_003")
def test_a_charge() -> None:
    """Plug, card, charge, stop by the vehicle, unplug: what the central system hears, and in which order."""
    point = ChargePoint()
    point.until(lambda: "Available" in point.statuses()[2:])
    assert point.central.heard[0][0] == "BootNotification"
    assert point.statuses() == ["Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Available"]
    assert point.heard() == ["Authorize", "StartTransaction", "StopTransaction"]
    start, stop = point.central.said("StartTransaction")[0], point.central.said("StopTransaction")[0]
    assert (start["idTag"], start["connectorId"], start["meterStart"]) == ("CARD1", 1, 0)
    assert (stop["transactionId"], stop["reason"]) == (101, "Other")
    assert stop["meterStop"] > 100
    assert len(set(point.central.ids)) == len(point.central.ids)


@pytest.mark.ocpp_cases("TC_039")
def test_a_charge_while_there_is_no_line() -> None:
    """Start, then stop, in order, under the id that comes late; only the present status."""
    point = ChargePoint(online=False).run(90)
    assert point.central.heard == []
    point.central.reachable = True
    point.until(lambda: bool(point.central.said("StopTransaction")))
    assert [action for action in point.heard() if action != "MeterValues"] == ["StartTransaction", "StopTransaction"]
    assert point.central.said("StopTransaction")[0]["transactionId"] == 101
    assert point.statuses() == ["Available"]


@pytest.mark.ocpp_cases("TC_037_3")
def test_a_card_that_turns_out_to_be_none() -> None:
    """StopTransactionOnInvalidId: what was begun offline ends when the central system hears of it."""
    point = ChargePoint("pev.stop_at_soc=80 %", online=False).run(20)
    point.central.cards["CARD1"] = "Blocked"
    point.central.reachable = True
    point.until(lambda: bool(point.central.said("StopTransaction")))
    assert point.central.said("StopTransaction")[0]["reason"] == "DeAuthorized"
    point.run(1)
    assert point.statuses()[-1] == "Finishing"


@pytest.mark.ocpp_cases("TC_012", "TC_070")
def test_remote_stop_and_limits() -> None:
    """A limit reaches the output; meter values by their period; the central system ends it."""
    point = ChargePoint("pev.stop_at_soc=80 %", "ocpp.adapters.settings.MeterValueSampleInterval=10 s").run(40)
    values = point.central.said("MeterValues")
    assert [one["transactionId"] for one in values] == [101] * 3
    named = {one["measurand"] for one in values[-1]["meterValue"][0]["sampledValue"]}
    assert "Energy.Active.Import.Register" in named
    point.central.ask("RemoteStopTransaction", transactionId=101)
    point.until(lambda: bool(point.central.said("StopTransaction")))
    assert point.central.answers["RemoteStopTransaction"] == {"status": "Accepted"}
    assert point.central.said("StopTransaction")[0]["reason"] == "Remote"


@pytest.mark.parametrize("by", ["EVCCID", "mac"])
def test_a_vehicle_pays_for_itself(by: str) -> None:
    """Autocharge: nobody shows a card; one that the central system does not know waits for one."""
    sets = (f"ocpp.connector.autocharge={by}", "outlet1.adapters.reader.token_after=none")
    point = ChargePoint(*sets)
    point.until(lambda: bool(point.central.said("StopTransaction")))
    idTag = point.central.said("StartTransaction")[0]["idTag"]
    assert idTag.startswith("VID:")
    assert point.central.said("Authorize") == [{"idTag": idTag}]
    stranger = ChargePoint(*sets[:1])
    stranger.central.cards[idTag] = "Invalid"
    stranger.until(lambda: bool(stranger.central.said("StartTransaction")))
    assert stranger.central.said("StartTransaction")[0]["idTag"] == "CARD1"


def test_questions_are_answered() -> None:
    """Each part answers its own, and nobody the unknown."""
    point = ChargePoint(outlets=2).run(2)
    for action, payload in {
        "ChangeAvailability": {"connectorId": 2, "type": "Inoperative"},
        "TriggerMessage": {"requestedMessage": "Heartbeat"},
        "GetConfiguration": {"key": ["NumberOfConnectors"]},
        "UnlockConnector": {"connectorId": 9},
        "GetLocalListVersion": {},
        "DataTransfer": {"vendorId": "x"},
    }.items():
        point.central.ask(action, **payload)
        point.run(0.1)
    answers: dict[str, Any] = point.central.answers
    assert answers["ChangeAvailability"]["status"] in ("Accepted", "Scheduled")
    assert answers["TriggerMessage"] == {"status": "Accepted"}
    assert answers["GetConfiguration"]["configurationKey"][0]["value"] == "2"
    assert answers["UnlockConnector"] == {"status": "NotSupported"}
    assert "listVersion" in answers["GetLocalListVersion"]
    assert answers["DataTransfer"]["status"].startswith("Unknown")
    assert point.central.said("Heartbeat")
