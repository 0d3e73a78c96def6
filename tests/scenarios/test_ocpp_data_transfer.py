"""Scenarios of machines/ocpp/data_transfer.yaml: what is taken of the central system, and what it is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

NOW = 1_795_953_600 * S
VEHICLE = {"outlet": 2, "EVCCID": bytes.fromhex("0a0b0c"), "mac": bytes.fromhex("01"), "protocol": "DIN", "soc": 40}
ENDED = {"outlet": 2, "end": "normal", "reason": "full", "energy": 12345.67, "soc": 80}
FAULT = {"outlet": 1, "errorCode": "OtherError", "info": "BMS: too hot", "emergency": False}


def begun(vendorId: str = "V", **parameters: Any) -> Stage:
    return Stage("machines/ocpp/data_transfer.yaml", {"clock.now": NOW}, count=2, vendorId=vendorId, **parameters)


def asked(vendor: str = "A", message: str | None = "m", data: str | None = "d") -> Stage:
    stage = begun(vendors=["A", "B"], messages=["m", "n"])
    return stage.emit("csms.DataTransferReq", call="1", vendorId=vendor, messageId=message, data=data)


def told(stage: Stage) -> list[dict[str, Any]]:
    """What the JSON objects say."""
    return [dict(zip(args["names"], args["values"], strict=True)) for args in stage.ordered("ledger.DataTransfer")]


@pytest.mark.ocpp_cases("TC_062")
@pytest.mark.parametrize(
    ("vendor", "message", "data", "status"),
    [
        ("C", "m", "d", "UnknownVendorId"),
        ("A", "o", "d", "UnknownMessageId"),
        ("A", None, "d", "UnknownMessageId"),
        ("A", "m", None, "Rejected"),
    ],
)
def test_what_is_not_taken(vendor: str, message: str | None, data: str | None, status: str) -> None:
    stage = asked(vendor, message, data)
    assert stage.order("csms.DataTransferConf") == {"call": "1", "status": status}
    assert stage.told("received") == []


@pytest.mark.ocpp_cases("TC_062")
def test_what_is_taken_is_passed_on() -> None:
    stage = asked("B", "n", "")
    assert stage.order("csms.DataTransferConf") == {"call": "1", "status": "Accepted"}
    assert stage.told("received") == [{"vendorId": "B", "messageId": "n", "data": ""}]


def test_without_being_told_otherwise_nobody_is_known() -> None:
    stage = Stage("machines/ocpp/data_transfer.yaml", count=1)
    stage.emit("csms.DataTransferReq", call="1", vendorId="A", messageId="m", data="d")
    assert stage.order("csms.DataTransferConf") == {"call": "1", "status": "UnknownVendorId"}


@pytest.mark.ocpp_cases("TC_064")
def test_a_vehicle_is_told_once_for_each_time_it_is_plugged_in() -> None:
    stage = begun().emit("outlets.vehicle", **VEHICLE).emit("outlets.vehicle", **{**VEHICLE, "soc": 41})
    assert stage.order("ledger.DataTransfer") == {
        "vendorId": "V", "messageId": "VehicleInfo",
        "names": ["connectorId", "soc", "EVCCID"], "values": [2, 40, "0a0b0c"],
    }  # fmt: skip
    stage.emit("outlets.vehicle", **{**VEHICLE, "outlet": 1, "soc": None})
    stage.emit("outlets.state", outlet=1, state="free").emit("outlets.vehicle", **VEHICLE)
    stage.emit("outlets.state", outlet=2, state="ended").emit("outlets.vehicle", **VEHICLE)
    stage.emit("outlets.state", outlet=2, state="free").emit("outlets.vehicle", **VEHICLE)
    assert [(values["connectorId"], values["soc"]) for values in told(stage)] == [(2, 40), (1, None), (2, 40)]


@pytest.mark.ocpp_cases("TC_064")
def test_a_session_is_summed_up() -> None:
    """Its minutes are those from the first energy on, suspended or not."""
    stage = begun().emit("outlets.state", outlet=2, state="charging")
    stage.values("clock", now=NOW + 60 * S).emit("outlets.state", outlet=2, state="suspended_ev")
    stage.emit("outlets.state", outlet=2, state="charging").emit("outlets.state", outlet=1, state="charging")
    stage.values("clock", now=NOW + 753 * S).emit("outlets.session_ended", **ENDED)
    assert stage.order("ledger.DataTransfer") == {
        "vendorId": "V", "messageId": "SessionSummary",
        "names": ["connectorId", "finalSoc", "energyDelivered", "durationMinutes", "reason"],
        "values": [2, 80, 12345.7, 12.6, "full"],
    }  # fmt: skip


def test_each_session_has_its_own_minutes() -> None:
    """One that never got energy has none."""
    stage = begun().emit("outlets.session_ended", **ENDED)
    assert told(stage)[-1]["durationMinutes"] is None
    stage.emit("outlets.state", outlet=2, state="charging").values("clock", now=NOW + 60 * S)
    stage.emit("outlets.session_ended", **ENDED).emit("outlets.session_ended", **ENDED)
    assert [one["durationMinutes"] for one in told(stage)] == [None, 1.0, None]
    stage.emit("outlets.state", outlet=2, state="charging").emit("outlets.state", outlet=2, state="free")
    stage.values("clock", now=NOW + 120 * S).emit("outlets.state", outlet=2, state="charging")
    stage.values("clock", now=NOW + 180 * S).emit("outlets.session_ended", **ENDED)
    assert told(stage)[-1]["durationMinutes"] == 1.0


@pytest.mark.ocpp_cases("TC_064")
@pytest.mark.parametrize(("emergency", "alert"), [(True, "BMS_EMERGENCY_STOP"), (False, "BMS_CHARGING_DISABLED")])
def test_what_goes_wrong_and_that_it_is_over(emergency: bool, alert: str) -> None:
    stage = begun().emit("outlets.fault", **{**FAULT, "emergency": emergency}).emit("outlets.fault_cleared", outlet=1)
    assert [args["messageId"] for args in stage.ordered("ledger.DataTransfer")] == ["BMSAlert"] * 2
    assert stage.order("ledger.DataTransfer")["vendorId"] == "V"
    assert told(stage) == [
        {"connectorId": 1, "alert": alert, "info": "BMS: too hot"},
        {"connectorId": 1, "alert": "BMS_CHARGING_ENABLED", "info": ""},
    ]


def test_fields_and_their_names_are_the_stations() -> None:
    stage = begun(
        VehicleInfo=["mac", "protocol", "soc", "range"], VehicleInfo_names=["modem", "by", "SoC", "km"],
        SessionSummary=["kWh", "connectorId"], SessionSummary_names=["energy", "outlet"],
        BMSAlert=["errorCode", "connectorId", "nothing"], BMSAlert_names=["code", "outlet", "x"],
    )  # fmt: skip
    stage.emit("outlets.vehicle", **VEHICLE).emit("outlets.session_ended", **ENDED).emit("outlets.fault", **FAULT)
    stage.emit("outlets.fault_cleared", outlet=2)
    assert told(stage) == [
        {"modem": "01", "by": "DIN", "SoC": 40, "km": None},
        {"energy": 12.346, "outlet": 2},
        {"code": "OtherError", "outlet": 1, "x": None},
        {"code": "NoError", "outlet": 2, "x": None},
    ]


@pytest.mark.parametrize("one", ["VehicleInfo", "SessionSummary", "BMSAlert", ""])
def test_only_those_that_are_wanted(one: str) -> None:
    """And none without a vendor."""
    for stage in (begun(told=[one]), begun("")):
        stage.emit("outlets.vehicle", **VEHICLE).emit("outlets.session_ended", **ENDED).emit("outlets.fault", **FAULT)
        stage.emit("outlets.fault", **{**FAULT, "emergency": True}).emit("outlets.fault_cleared", outlet=1)
        messages = {args["messageId"] for args in stage.ordered("ledger.DataTransfer")}
        assert messages == ({one} - {""} if stage.actor.machine.parameters["vendorId"] else set())
