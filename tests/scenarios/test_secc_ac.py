"""Scenarios of the station's dialogue with an AC vehicle (ISO 15118-2 8.4.4): limits by message, receipts, the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.scenarios.secc import DIN, ID, ISO2, answer, arrive, ask, connect, hang_up, last_word, refused
from tests.scenarios.stage import Stage

SINGLE, THREE = "AC_single_phase_core", "AC_three_phase_core"
VEHICLE: Mapping[str, Any] = {
    "RequestedEnergyTransferMode": THREE,
    "EVChargeParameter": "AC_EVChargeParameter",
    "EVMaximumVoltageLimit": None,
    "EVMaximumCurrentLimit": None,
    "EVEnergyCapacity": None,
    "EVEnergyRequest": None,
    "EVRESSSOC": 0,
    "EAmount": 11_000.0,
    "EVMaxVoltage": 400.0,
    "EVMaxCurrent": 32.0,
    "EVMinCurrent": 6.0,
    "DepartureTime": 7_200_000_000_000,
}
START: Mapping[str, Any] = {"EVReady": None, "EVErrorCode": None, "EVRESSSOC": None}
GOING_ON = ("ChargingStatusRes", {"ResponseCode": "OK", "EVSEID": "ZZ00000", "SAScheduleTupleID": 1})


def at_parameters(schema: str = ISO2, **parameters: Any) -> Stage:
    modes = {"EnergyTransferModes": [SINGLE, THREE], "offered_modes": [SINGLE, THREE]}
    return arrive("ChargeParameterDiscovery", schema=schema, **modes, **parameters)


def agreed(**parameters: Any) -> Stage:
    stage = at_parameters(**parameters)
    ask(stage, "ChargeParameterDiscovery", **VEHICLE)
    assert stage.active("sequence.charging_status.announced", "dialogue")
    return stage.forget()


def charging(**parameters: Any) -> Stage:
    stage = agreed(**parameters)
    assert not ask(stage, "PowerDelivery", **START), "not before the contactor has closed"
    assert stage.told("power_on") == [{}]
    stage.post("power_ready")
    res = stage.order("v2g.PowerDeliveryRes")
    assert res == {"ResponseCode": "OK", "RCD": False, "EVSENotification": "None"}
    return stage.forget()


@pytest.mark.cases("AC_ChargeParameterDiscovery")
@pytest.mark.parametrize(("mode", "phases"), [(SINGLE, 1), (THREE, 3)])
def test_what_an_ac_vehicle_is_offered(mode: str, phases: int) -> None:
    """Nominal voltage, the current of a phase and the power of all; the supervisor hears what the vehicle has said."""
    stage = at_parameters().post("limit", current=20.0)
    what, told = answer(stage, "ChargeParameterDiscovery", **{**VEHICLE, "RequestedEnergyTransferMode": mode})
    assert what == "ChargeParameterDiscoveryRes"
    assert (told["EVSENominalVoltage"], told["EVSEMaxCurrent"], told["RCD"]) == (230.0, 20.0, False)
    assert (told["PMax"], told["EVSENotification"]) == ([230.0 * 20.0 * phases], "None")
    assert "EVSEStatusCode" not in told, "that would make it DC"
    (said,) = stage.told("parameters")
    assert (said["voltage"], said["current"], said["minimum_current"], said["energy"]) == (400.0, 32.0, 6.0, 11_000.0)
    assert (said["phases"], said["departure"], said["capacity"]) == (phases, 7_200_000_000_000, None)
    assert not stage.told("voltage_limit")


@pytest.mark.cases("AC_ServiceDiscovery")
def test_services_are_those_of_the_outlet() -> None:
    _, told = answer(arrive("ServiceDiscovery", schema=ISO2, offered_modes=[THREE]), "ServiceDiscovery")
    assert told["EnergyTransferMode"] == [THREE]


@pytest.mark.cases("AC_ChargeParameterDiscovery")
@pytest.mark.parametrize(
    ("schema", "fields", "code"),
    [
        (ISO2, {"EVChargeParameter": "DC_EVChargeParameter"}, "FAILED_WrongChargeParameter"),
        (ISO2, {"EVMaxVoltage": 120.0}, "FAILED_WrongChargeParameter"),
        (ISO2, {"RequestedEnergyTransferMode": "DC_extended"}, "FAILED_WrongEnergyTransferMode"),
        (DIN, {}, "FAILED_WrongEnergyTransferMode"),
    ],
)
def test_parameters_that_do_not_fit(schema: str, fields: dict[str, Any], code: str) -> None:
    """DC parameters for AC, a vehicle for another mains, DC at an AC outlet, AC in DIN, which has no loop for it."""
    refused(at_parameters(schema), "ChargeParameterDiscovery", code, **{**VEHICLE, **fields})


@pytest.mark.cases("AC_ChargingStatus")
def test_the_charge_follows_the_supervisor_s_limit() -> None:
    """Each answer names what a phase may carry now; the meter is named when there is one."""
    stage = charging()
    what, told = answer(stage, "ChargingStatus")
    assert (what, {**told, **GOING_ON[1]}) == (GOING_ON[0], told)
    assert (told["EVSEMaxCurrent"], told["ReceiptRequired"], told["RCD"]) == (16.0, False, False)
    assert "MeterID" not in told
    stage.post("limit", current=8.0).post("metered", MeterID="M1", energy=1200.0)
    _, told = answer(stage, "ChargingStatus")
    assert (told["EVSEMaxCurrent"], told["MeterID"], told["MeterReading"]) == (8.0, "M1", 1200.0)
    assert told["ReceiptRequired"] is False
    assert not stage.unhandled


@pytest.mark.cases("AC_MeteringReceipt", "AC_ChargingStatus")
def test_receipts() -> None:
    """Asked for one the vehicle confirms what it was told before it goes on; once for each reading."""
    stage = charging(ReceiptRequired=True)
    assert answer(stage, "ChargingStatus")[1]["ReceiptRequired"] is False, "nothing was measured yet"
    for reading in (1200.0, 1300.0):
        stage.post("metered", MeterID="M1", energy=reading)
        assert answer(stage, "ChargingStatus")[1]["ReceiptRequired"] is True
        assert stage.active("sequence.charging_status.charging.receipt", "dialogue")
        what, told = answer(stage, "MeteringReceipt")
        assert (what, told) == (
            "MeteringReceiptRes",
            {"ResponseCode": "OK", "RCD": False, "EVSENotification": "None"},
        )
    assert stage.active("sequence.charging_status.charging.loop", "dialogue")
    stage.post("metered", MeterID="M1", energy=1300.0)
    assert answer(stage, "ChargingStatus")[1]["ReceiptRequired"] is False, "it stands still, and is confirmed"
    stage.post("metered", MeterID="M1", energy=1400.0)
    ask(stage, "ChargingStatus")
    refused(stage, "ChargingStatus", "FAILED_SequenceError")


@pytest.mark.cases("AC_MeteringReceipt")
@pytest.mark.parametrize("fields", [{"MeterID": "M2"}, {"ReceiptSessionID": bytes(8)}])
def test_a_receipt_for_something_else(fields: dict[str, Any]) -> None:
    stage = charging(ReceiptRequired=True).post("metered", MeterID="M1", energy=1200.0)
    ask(stage, "ChargingStatus")
    refused(stage, "MeteringReceipt", "FAILED", **fields)
    assert stage.told("session_ended") == [{"end": "failed"}]


@pytest.mark.cases("AC_MeteringReceipt")
def test_no_receipt_that_nobody_asked_for() -> None:
    refused(charging(), "MeteringReceipt", "FAILED_SequenceError")


@pytest.mark.cases("AC_ChargingStatus")
def test_the_residual_current_device_is_told() -> None:
    """RCD true in every answer from then on, in a refusal too; the supervisor tells the vehicle to stop."""
    stage = charging().post("rcd_tripped").post("malfunction")
    _, told = answer(stage, "ChargingStatus")
    assert (told["RCD"], told["EVSENotification"]) == (True, "StopCharging")
    what, told = answer(stage, "Unsupported")
    assert (what, told["ResponseCode"]) == ("reject", "FAILED_SequenceError")
    assert (told["RCD"], told["EVSENotification"]) == (True, "StopCharging")
    assert "EVSEStatusCode" not in told


@pytest.mark.cases("AC_PowerDelivery", "AC_SessionStop")
def test_the_end_of_a_charge() -> None:
    """PowerDelivery(Stop) is answered when there is no voltage any more; there is nothing to weld-check in AC."""
    stage = charging()
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop", **START)
    assert stage.told("power_off") == [{}]
    stage.post("current_off")
    assert stage.order("v2g.PowerDeliveryRes") == {"ResponseCode": "OK", "RCD": False, "EVSENotification": "None"}
    assert stage.active("sequence.post_charge.quiet", "dialogue")
    assert answer(stage, "SessionStop")[0] == "SessionStopRes"
    last_word(stage)
    assert stage.told("session_ended") == [{"end": "normal"}]


@pytest.mark.cases("AC_SessionStop")
def test_no_welding_detection() -> None:
    stage = charging()
    ask(stage, "PowerDelivery", ChargeProgress="Stop", **START)
    refused(stage.post("current_off"), "WeldingDetection", "FAILED_SequenceError")


@pytest.mark.cases("AC_PowerDelivery")
@pytest.mark.parametrize("why", ["refused", "time"])
def test_a_contactor_that_does_not_close(why: str) -> None:
    stage = agreed()
    ask(stage, "PowerDelivery", **START)
    stage.post("power_refused") if why == "refused" else stage.run(4.5)
    told = stage.order("v2g.reject")
    assert told == {
        "ResponseCode": "FAILED_PowerDeliveryNotApplied",
        "RCD": False,
        "EVSENotification": "None",
    }
    last_word(stage)


@pytest.mark.cases("AC_PowerDelivery")
def test_a_schedule_nobody_offered() -> None:
    stage = agreed()
    refused(stage, "PowerDelivery", "FAILED_TariffSelectionInvalid", SAScheduleTupleID=7, **START)
    more = {"ChargingProfileEntryStart": [0], "ChargingProfileEntryMaxPower": [22_000.0]}
    refused(agreed(), "PowerDelivery", "FAILED_ChargingProfileInvalid", **more, **START)


@pytest.mark.cases("AC_PowerDelivery", "AC_ChargeParameterDiscovery", "AC_ChargingStatus")
def test_renegotiation() -> None:
    """Asked for by the supervisor: told in the next answer, then parameters anew, and the charge goes on."""
    stage = charging().post("renegotiate")
    assert answer(stage, "ChargingStatus")[1]["EVSENotification"] == "ReNegotiation"
    what, told = answer(stage, "PowerDelivery", ChargeProgress="Renegotiate", **START)
    assert (what, told["EVSENotification"]) == ("PowerDeliveryRes", "None")
    stage.post("limit", current=10.0)
    _, told = answer(stage, "ChargeParameterDiscovery", **VEHICLE)
    assert told["PMax"] == [230.0 * 10.0 * 3]
    ask(stage, "PowerDelivery", **START)
    stage.post("power_ready")
    assert answer(stage, "ChargingStatus")[1]["EVSEMaxCurrent"] == 10.0
    stage.post("stop")
    what, told = answer(stage, "PowerDelivery", ChargeProgress="Renegotiate", **START)
    assert told["EVSENotification"] == "StopCharging", "who is to stop stays so"


@pytest.mark.cases("AC_SessionStop", "AC_SessionSetup")
def test_pause_and_resume() -> None:
    """The vehicle comes back to its session, and its charge goes on as AC."""
    stage = charging()
    ask(stage, "PowerDelivery", ChargeProgress="Stop", **START)
    stage.post("current_off")
    ask(stage, "SessionStop", ChargingSession="Pause")
    hang_up(stage)
    assert stage.told("session_ended") == [{"end": "paused"}]
    arrive("SessionSetup", stage.forget(), schema=ISO2)
    _, told = answer_of_setup(stage)
    assert told == {"ResponseCode": "OK_OldSessionJoined", "SessionID": ID, "EVSEID": "ZZ00000"}


def answer_of_setup(stage: Stage) -> tuple[str, Mapping[str, Any]]:
    orders = ask(stage, "SessionSetup", SessionID=ID, NewSessionID=b"\x01" * 8)
    return orders[1].what, orders[1].args


def test_what_the_supervisor_tells_without_a_dialogue() -> None:
    """Limits and readings between sessions start nothing and are not missed: a session begins with them told anew."""
    stage = hang_up(arrive("SessionSetup", schema=ISO2))
    for at in ("waiting", "calling"):
        if at == "calling":
            connect(stage)
        stage.forget().post("limit", current=8.0).post("metered", MeterID="M", energy=1.0).post("rcd_tripped")
        assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])
