"""Test cases of OCPP 1.6 from end to end: all charts on stand-in outlets, as a central system sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ocpp.charge_point import Alone


def charging(point: Alone) -> Alone:
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    return point.until(lambda: "Charging" in point.statuses())


def told(point: Alone, since: int) -> list[tuple[str, Any]]:
    """Actions from there on, each with what matters of it."""
    of = {"StatusNotification": "connectorId", "StopTransaction": "reason"}
    return [(action, payload.get(of.get(action, ""))) for action, payload in point.central.heard[since:]]


@pytest.mark.ocpp_cases("TC_013", "TC_014")
@pytest.mark.parametrize("kind", ["Hard", "Soft"])
def test_a_reset(kind: str) -> None:
    """Accepted; BootNotification first, then the status of 0 and of each connector."""
    point = Alone(outlets=2).run(30)
    since = len(point.central.heard)
    point.central.ask("Reset", type=kind)
    heard = told(point.run(30), since)
    assert point.central.answers["Reset"] == {"status": "Accepted"}
    boot = heard.index(("BootNotification", None))
    assert sorted(on for action, on in heard[boot:] if action == "StatusNotification") == [0, 1, 2]
    assert not [action for action, _ in heard[:boot] if action == "StatusNotification"]


@pytest.mark.ocpp_cases("TC_015", "TC_016")
@pytest.mark.parametrize("kind", ["Hard", "Soft"])
def test_a_reset_in_a_transaction(kind: str) -> None:
    """The transaction ends for that reason before it boots; the plug is still in."""
    point = charging(Alone().run(5)).run(30)
    since = len(point.central.heard)
    point.central.ask("Reset", type=kind)
    heard = told(point.run(60), since)
    assert heard.index(("StopTransaction", f"{kind}Reset")) < heard.index(("BootNotification", None))
    assert len(point.central.said("StopTransaction")) == 1
    assert point.statuses()[-1] == "Finishing"


@pytest.mark.ocpp_cases("TC_034")
def test_unavailable_over_a_power_cycle(tmp_path: Path) -> None:
    """ChangeAvailability holds for 0 and for each connector; one that is in service again is so, too."""
    file = str(tmp_path / "charge_point.db")
    point = Alone(outlets=2, file=file).run(5)
    point.central.ask("ChangeAvailability", connectorId=0, type="Inoperative")
    point.run(5)
    assert point.central.answers["ChangeAvailability"] == {"status": "Accepted"}
    again = Alone(outlets=2, file=file).run(30)
    assert [again.statuses(connector) for connector in (0, 1, 2)] == [["Unavailable"]] * 3
    again.central.ask("ChangeAvailability", connectorId=2, type="Operative")
    again.run(5)
    last = Alone(outlets=2, file=file).run(30)
    assert [last.statuses(connector)[-1] for connector in (0, 1, 2)] == ["Unavailable", "Unavailable", "Available"]


@pytest.mark.ocpp_cases("TC_041")
def test_a_fault_and_its_end() -> None:
    point = charging(Alone().run(5))
    port = point.outlets.port
    port.emit("fault", outlet=1, errorCode="HighTemperature", info="hot", emergency=False)
    point.run(5)
    assert [(one["status"], one["errorCode"]) for one in point.central.said("StatusNotification")[-1:]] == [
        ("Faulted", "HighTemperature")
    ]
    port.emit("fault_cleared", outlet=1)
    assert point.run(5).statuses()[-2:] == ["Faulted", "Charging"]
    assert point.central.said("StatusNotification")[-1]["errorCode"] == "NoError"


def test_a_fault_with_more_words_than_a_message_takes_is_told_all_the_same() -> None:
    point = Alone().run(5)
    words = "a vehicle without state B, a simplified pilot circuit, is not served here"
    point.outlets.port.emit("fault", outlet=1, errorCode="OtherError", info=words, emergency=False)
    point.run(5)
    assert [one["info"] for one in point.central.said("StatusNotification")[-1:]] == [words[:50]]
    assert point.statuses()[-1] == "Faulted"


@pytest.mark.ocpp_cases("TC_056")
def test_a_default_profile_is_for_the_next_transaction() -> None:
    """It is in force before the first energy."""
    point = Alone().run(5)
    profile = {
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4000.0}]},
    }  # fmt: skip
    point.central.ask("SetChargingProfile", connectorId=1, csChargingProfiles=profile)
    point.run(1)
    assert point.central.answers["SetChargingProfile"] == {"status": "Accepted"}
    before = point.outlets.wh(1)
    charging(point).run(3600)
    assert 3900 < point.outlets.wh(1) - before <= 4010
    assert point.outlets.outlets[0].flows == 4000


@pytest.mark.ocpp_cases("TC_061")
def test_who_was_in_a_cache_that_was_cleared_is_asked_for() -> None:
    point = Alone(LocalPreAuthorize=True).run(5)
    asked = []
    for clears in (False, False, True):
        if clears:
            point.central.ask("ClearCache")
            point.run(5)
            assert point.central.answers["ClearCache"] == {"status": "Accepted"}
        before = len(point.central.said("Authorize"))
        charging(point).run(20)
        asked.append(len(point.central.said("Authorize")) - before)
        point.outlets.unplug(1)
        point.until(lambda: point.statuses()[-1] == "Available")
        point.central.heard.clear()
        point.central.ids.clear()
    assert asked == [1, 0, 1]
