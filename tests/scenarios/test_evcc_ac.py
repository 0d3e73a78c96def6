"""Scenarios of machines/v2g/evcc_iso2.yaml at an ISO 15118-2 station with alternating current."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S
from tests.scenarios.vehicle import AC_MESSAGES, SESSION_ID, Vehicle

MODES = ["AC_three_phase_core", "AC_single_phase_core"]
OFFER: dict[str, Any] = {
    "EVSEMaximumVoltageLimit": None,
    "EVSEMaximumCurrentLimit": None,
    "EVSEMaximumPowerLimit": None,
    "EVSENominalVoltage": 230.0,
    "EVSEMaxCurrent": 32.0,
    "RCD": False,
    "SAScheduleTupleID": [7, 7, 8],
    "start": [0, 3_600_000_000_000, 0],
    "duration": [3_600_000_000_000, 0, 0],
    "PMax": [11_040.0, 22_080.0, 3_680.0],
}
METER = {"MeterID": "M1", "MeterReading": 1234.0, "TMeter": 1_764_000_000}


def ac(place: str, offered: tuple[str, ...] = ("AC_three_phase_core",), /, **parameters: Any) -> Vehicle:
    """A vehicle that has just come to this state, three phases unless the station has one only."""
    vehicle = Vehicle(**{"EnergyTransferModes": MODES, **parameters}).to("service_discovery.sent")
    vehicle.says("ServiceDiscovery", EnergyTransferMode=list(offered)).to("parameter_discovery.sent")
    if place != "parameter_discovery.sent":
        vehicle.says("ChargeParameterDiscovery", **OFFER)
    if place in ("power_off.sent", "session_stop.sent"):
        vehicle.to("charging_status.think").post("stop")
    if place.startswith("metering_receipt"):
        vehicle.to("charging_status.sent").says("ChargingStatus", ReceiptRequired=True, **METER)
    return vehicle.to(place)


def last(vehicle: Vehicle, request: str) -> dict[str, Any]:
    """What the last such request says."""
    order = vehicle.order(f"v2g.{request}")
    assert order is not None
    return {name: value for name, value in order.items() if value is not None}


def limits(vehicle: Vehicle) -> list[float]:
    return [told["current"] for told in vehicle.told("limit")]


def test_whole_session() -> None:
    """No cable check, no pre-charge, no welding detection; pilot C with PowerDelivery(Start), B before SessionStop."""
    vehicle = ac("charging_status.think").onward().onward().post("stop")
    assert limits(vehicle) == [16.0, 0.0]
    while not vehicle.ended:
        vehicle.onward()
    assert [name for _, name in vehicle.requests()][5:] == [
        "ChargeParameterDiscoveryReq",
        "PowerDeliveryReq",
        "ChargingStatusReq",
        "ChargingStatusReq",
        "PowerDeliveryReq",
        "SessionStopReq",
    ]
    assert [name for _, name, _ in vehicle.said] == [
        "set_up",
        "ready_to_charge",
        "charging",
        "limit",
        "limit",
        "open_contactors",
        "end_of_charge",
    ]
    asked = vehicle.requests()[6][0]
    assert vehicle.times("ready_to_charge") == [pytest.approx(asked)]
    assert last(vehicle, "PowerDeliveryReq") == {"ChargeProgress": "Stop", "SAScheduleTupleID": 7}
    assert vehicle.output == {"result": "complete", "reason": ""}
    assert vehicle.unhandled == []
    assert vehicle.errors == []


@pytest.mark.parametrize(
    ("offered", "mode", "phases"),
    [
        (("DC_core", "AC_single_phase_core", "AC_three_phase_core"), "AC_three_phase_core", 3),
        (("AC_single_phase_core",), "AC_single_phase_core", 1),
    ],
)
def test_parameters_and_profile(offered: tuple[str, ...], mode: str, phases: int) -> None:
    """The preferred mode that is offered; a profile of the first schedule, within PMax and vehicle."""
    vehicle = ac("charging_status.sent", offered, EVMaxCurrent=20.0, EAmount=9000.0, DepartureTime=7200 * 10**9)
    assert last(vehicle, "ChargeParameterDiscoveryReq") == {
        "RequestedEnergyTransferMode": mode,
        "DepartureTime": 7200 * 10**9,
        "EAmount": 9000.0,
        "EVMaxVoltage": 400.0,
        "EVMaxCurrent": 20.0,
        "EVMinCurrent": 6.0,
    }
    own_w = 230.0 * 20.0 * phases
    assert last(vehicle, "PowerDeliveryReq") == {
        "ChargeProgress": "Start",
        "SAScheduleTupleID": 7,
        "ChargingProfileEntryStart": [0, 3_600_000_000_000],
        "ChargingProfileEntryMaxPower": [min(11_040.0, own_w), min(22_080.0, own_w)],
        "ChargingProfileEntryMaxNumberOfPhasesInUse": [phases, phases],
    }


@pytest.mark.parametrize("nominal_v", [None, 0.0])
def test_station_without_a_schedule_or_a_nominal_voltage(nominal_v: float | None) -> None:
    """No profile is sent then; 230 V is what PMax is divided by."""
    vehicle = ac("parameter_discovery.sent")
    vehicle.says("ChargeParameterDiscovery", **{**OFFER, "EVSENominalVoltage": nominal_v, "SAScheduleTupleID": []})
    assert last(vehicle.to("charging_status.sent"), "PowerDeliveryReq") == {
        "ChargeProgress": "Start",
        "SAScheduleTupleID": 1,
    }
    assert limits(vehicle) == [32.0]
    other = ac("parameter_discovery.sent")
    other.says("ChargeParameterDiscovery", **{**OFFER, "EVSENominalVoltage": nominal_v}).to("charging_status.sent")
    assert limits(other) == [16.0]


def test_the_current_is_that_of_the_row() -> None:
    """No second earlier or later; the station's limit is one more, and rows begin anew with another schedule."""
    rows = {"SAScheduleTupleID": [7, 7, 7, 8], "start": [0, 60 * S, 90 * S, 10 * S]}
    powers = {"duration": [0, 0, 0, 0], "PMax": [11_040.0, 5_520.0, 22_080.0, 4_140.0]}
    vehicle = ac("parameter_discovery.sent")
    vehicle.says("ChargeParameterDiscovery", **{**OFFER, **rows, **powers})
    begun = vehicle.now_s
    while vehicle.now_s < begun + 100:
        vehicle.onward() if vehicle.place != "charging_status.sent" else vehicle.says(
            "ChargingStatus", EVSEMaxCurrent=20.0
        )
    assert list(zip(limits(vehicle), [at - begun for at in vehicle.times("limit")], strict=True))[1:] == [
        (8.0, pytest.approx(60)),
        (20.0, pytest.approx(90)),
    ]
    vehicle.forget().to("charging_status.think").post("want_renegotiation").to("parameter_discovery.sent")
    vehicle.says("ChargeParameterDiscovery", **{**OFFER, **rows, **powers, "EVSEMaxCurrent": 20.0})
    vehicle.to("charging_status.sent")
    assert limits(vehicle) == [16.0]


def test_a_row_below_what_the_vehicle_can() -> None:
    """Nothing is drawn, and the session goes on."""
    vehicle = ac("parameter_discovery.sent")
    low = {"start": [0, 60 * S, 0], "PMax": [11_040.0, 3_450.0, 0.0]}
    vehicle.says("ChargeParameterDiscovery", **{**OFFER, **low}).to("charging_status.sent")
    vehicle.wait_s = 0.5
    while vehicle.now_s < 70:
        vehicle.onward()
    assert limits(vehicle) == [16.0, 0.0]
    assert vehicle.active("charging_status")


def test_rows_before_power_is_on() -> None:
    """A row that begins while the station still switches counts from the first current on."""
    vehicle = ac("parameter_discovery.sent")
    vehicle.says("ChargeParameterDiscovery", **{**OFFER, "start": [0, S, 0], "PMax": [22_080.0, 5_520.0, 0.0]})
    vehicle.to("power_delivery.sent").run(1.5)
    assert limits(vehicle) == []
    vehicle.to("charging_status.sent")
    assert limits(vehicle) == [8.0]


def test_din_has_no_ac() -> None:
    vehicle = Vehicle("din", EnergyTransferModes=MODES).to("service_discovery.sent")
    assert vehicle.says("ServiceDiscovery", EnergyTransferMode=MODES).place == "session_stop.think"


@pytest.mark.parametrize(
    ("station_a", "told_a"), [(None, 16.0), (20.0, 16.0), (10.0, 10.0), (6.0, 6.0), (5.9, 0.0), (0.0, 0.0)]
)
def test_limit_is_followed(station_a: float | None, told_a: float) -> None:
    """The station's current within schedule and vehicle, as soon as it changes; below the least there is none."""
    vehicle = ac("charging_status.sent")
    assert limits(vehicle) == [16.0]
    vehicle.forget().says("ChargingStatus", EVSEMaxCurrent=station_a)
    assert limits(vehicle) == ([] if told_a == 16.0 else [told_a])
    vehicle.forget().onward().says("ChargingStatus", EVSEMaxCurrent=16.0)
    assert limits(vehicle) == ([] if told_a == 16.0 else [16.0])


@pytest.mark.parametrize("renegotiated", [False, True])
def test_residual_current_before_power(renegotiated: bool) -> None:
    """An RCD that has tripped: nothing is switched on; in a renegotiation what is on goes off first."""
    vehicle = ac("charging_status.think").post("want_renegotiation") if renegotiated else ac("parameter_discovery.sent")
    vehicle.to("parameter_discovery.sent").says("ChargeParameterDiscovery", **{**OFFER, "RCD": True})
    assert vehicle.place == ("power_off.think" if renegotiated else "session_stop.think")
    assert vehicle.data("ended_by") == "the station: RCD"


@pytest.mark.parametrize("receipt", [False, True])
@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"RCD": True}, "the station: RCD"), ({"EVSENotification": "StopCharging"}, "the station: StopCharging")],
)
def test_station_ends_the_loop(changed: dict[str, Any], reason: str, receipt: bool) -> None:
    """PowerDelivery(Stop), behind the receipt where one is asked for; nothing is drawn any more."""
    vehicle = ac("charging_status.sent").says("ChargingStatus", ReceiptRequired=receipt, **METER, **changed)
    if receipt:
        assert vehicle.place == "metering_receipt.think"
        vehicle.onward().onward()
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == reason
    assert limits(vehicle) == [16.0, 0.0]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"RCD": True}, "the station: RCD"), ({"EVSENotification": "StopCharging"}, "the station: StopCharging")],
)
def test_station_ends_the_loop_with_the_receipt(changed: dict[str, Any], reason: str) -> None:
    vehicle = ac("metering_receipt.sent").says("MeteringReceipt", **changed)
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == reason


def test_receipt() -> None:
    """It repeats the meter's values; then the loop goes on. Without a meter there is nothing to repeat."""
    vehicle = ac("metering_receipt.sent")
    assert last(vehicle, "MeteringReceiptReq") == {"SAScheduleTupleID": 7, **METER}
    assert vehicle.onward().place == "charging_status.think"
    vehicle = ac("charging_status.sent").says("ChargingStatus", ReceiptRequired=True)
    assert vehicle.place == "charging_status.think"


@pytest.mark.parametrize("by", ["station", "vehicle", "vehicle, in a request", "with the receipt", "in the receipt"])
def test_renegotiation(by: str) -> None:
    """Renegotiate, new parameters, Start: the pilot stays in C, the new limit counts."""
    if by == "station":
        vehicle = ac("charging_status.sent").says("ChargingStatus", EVSENotification="ReNegotiation")
    elif by == "with the receipt":
        vehicle = ac("charging_status.sent")
        vehicle.says("ChargingStatus", EVSENotification="ReNegotiation", ReceiptRequired=True, **METER)
        vehicle.onward().onward()
    elif by == "in the receipt":
        vehicle = ac("metering_receipt.sent").post("want_renegotiation").says("MeteringReceipt")
    elif by == "vehicle":
        vehicle = ac("charging_status.think").post("want_renegotiation")
    else:
        vehicle = ac("charging_status.sent").post("want_renegotiation").says("ChargingStatus")
    assert vehicle.place == "renegotiation.think"
    vehicle.forget().onward()
    assert last(vehicle, "PowerDeliveryReq") == {"ChargeProgress": "Renegotiate", "SAScheduleTupleID": 7}
    vehicle.to("parameter_discovery.sent")
    changed = {"SAScheduleTupleID": [9], "start": [0], "duration": [0], "PMax": [6_900.0]}
    vehicle.says("ChargeParameterDiscovery", **{**OFFER, **changed}).to("charging_status.sent")
    assert last(vehicle, "PowerDeliveryReq")["SAScheduleTupleID"] == 9
    assert last(vehicle, "PowerDeliveryReq")["ChargingProfileEntryMaxPower"] == [6_900.0]
    assert limits(vehicle) == [10.0]
    assert vehicle.onward().place == "charging_status.think", "it is done"
    assert vehicle.told("end_of_charge") == []


@pytest.mark.parametrize("place", ["parameter_discovery.sent", "power_delivery.think", "power_delivery.sent"])
@pytest.mark.parametrize("again", [False, True])
def test_wish_to_renegotiate_before_the_loop(place: str, again: bool) -> None:
    """Kept while the loop has not begun, in a renegotiation, too; then the station is asked once."""
    if again:
        vehicle = ac("charging_status.think").post("want_renegotiation").to("parameter_discovery.sent")
        if place != "parameter_discovery.sent":
            vehicle.says("ChargeParameterDiscovery", **OFFER).to(place)
    else:
        vehicle = ac(place)
    vehicle.post("want_renegotiation")
    if place == "parameter_discovery.sent":
        vehicle.says("ChargeParameterDiscovery", **OFFER)
    vehicle.to("charging_status.sent").says("ChargingStatus")
    assert vehicle.place == "renegotiation.think"
    vehicle.to("parameter_discovery.sent").says("ChargeParameterDiscovery", **OFFER)
    assert vehicle.to("charging_status.sent").onward().place == "charging_status.think", "it is done"


def test_wish_to_renegotiate_that_the_next_request_says() -> None:
    """Before the parameters are said, or while the station is not ready with them, nothing is left of it."""
    early = ac("parameter_discovery.sent").says("ChargeParameterDiscovery", **{**OFFER, "EVSEProcessing": "Ongoing"})
    early.post("want_renegotiation").to("parameter_discovery.sent")
    early.says("ChargeParameterDiscovery", **OFFER).to("charging_status.sent")
    assert early.onward().place == "charging_status.think"
    assert early.unhandled == []


def test_receipt_that_asks_for_a_renegotiation() -> None:
    vehicle = ac("metering_receipt.sent").says("MeteringReceipt", EVSENotification="ReNegotiation")
    assert vehicle.place == "renegotiation.think"


@pytest.mark.parametrize("place", ["power_delivery.sent", "charging_status.sent", "metering_receipt.sent"])
@pytest.mark.parametrize("event", ["stop", "fault"])
def test_leaving(place: str, event: str) -> None:
    """The answer under way is the last one."""
    data = {"error": "FAILED_EVRESSMalfunction"} if event == "fault" else {}
    vehicle = ac(place).forget().post(event, **data)
    assert vehicle.place == place
    vehicle.onward()
    if place == "power_delivery.sent":
        assert vehicle.place == "charging_status.sent", "a station waits for it, and takes nothing else"
        assert vehicle.onward().told("charging") == limits(vehicle) == [], "nothing is drawn meanwhile"
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == data.get("error", "")


def test_fault_between_two_requests() -> None:
    vehicle = ac("charging_status.think").post("fault", error="FAILED_EVRESSMalfunction")
    assert vehicle.place == "power_off.think"
    assert (vehicle.data("error"), vehicle.data("ended_by")) == ("FAILED_EVRESSMalfunction",) * 2


AC_STATES = {"power_delivery": "PowerDelivery", **AC_MESSAGES}


@pytest.mark.parametrize("state", AC_STATES)
@pytest.mark.parametrize("how", ["late", "refused"])
def test_no_good_answer(state: str, how: str) -> None:
    """Silence for the message's time, or a refusal (of PowerDelivery FAILED_ContactorError above all)."""
    vehicle = ac(f"{state}.sent")
    message = AC_STATES[state]
    if how == "late":
        limit_s = 5.0 if message == "PowerDelivery" else 2.0
        assert not vehicle.run(limit_s - 0.001).ended
        vehicle.run(0.001)
    else:
        vehicle.says(message, ResponseCode="FAILED_ContactorError")
    reason = f"no {message}Res in time" if how == "late" else f"v2g.{message}Res: FAILED_ContactorError"
    assert vehicle.output == {"result": "failed", "reason": reason}
    assert [name for _, name, _ in vehicle.said][-2:] == ["open_contactors", "end_of_charge"]
    assert vehicle.orders[-1].what == "v2g.disconnect"


def test_pause_and_resume() -> None:
    """SessionStop(Pause); the next session begins with the old id, and the station may join it."""
    vehicle = ac("session_stop.sent", pause_session=True)
    assert last(vehicle, "SessionStopReq") == {"ChargingSession": "Pause"}
    assert vehicle.onward().output == {"result": "paused", "reason": ""}
    again = Vehicle(EnergyTransferModes=MODES, first_session_id=SESSION_ID).to("session_setup.sent")
    assert again.order("v2g.use_session") == {"SessionID": SESSION_ID}
    again.says("SessionSetup", ResponseCode="OK_OldSessionJoined")
    assert again.place == "service_discovery.think"
