"""Scenarios of machines/v2g/evcc.yaml and evcc_iso2.yaml: the session without a fault, and what breaks it anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.vehicle import MESSAGES, SESSION_ID, Vehicle, vehicle_in

STATUS = {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 40}
POWER = {**STATUS, "SAScheduleTupleID": 7, "BulkChargingComplete": False}
WAIT_S = 0.03

SESSION: list[tuple[float, str, dict[str, Any]]] = [
    (
        0.02,
        "supportedAppProtocolReq",
        {
            "ProtocolNamespace": ["urn:iso:15118:2:2013:MsgDef", "urn:din:70121:2012:MsgDef"],
            "VersionNumberMajor": [2, 2],
            "VersionNumberMinor": [0, 0],
            "SchemaID": [2, 1],
            "Priority": [1, 2],
        },
    ),
    (0.02, "SessionSetupReq", {"EVCCID": bytes.fromhex("020000000001")}),
    (0.02, "ServiceDiscoveryReq", {"ServiceCategory": "EVCharging"}),
    (0.02, "PaymentServiceSelectionReq", {"SelectedPaymentOption": "ExternalPayment", "ServiceID": 1}),
    (0.0, "AuthorizationReq", {}),
    (
        0.1,
        "ChargeParameterDiscoveryReq",
        {
            **STATUS,
            "EVReady": False,  # neither locked nor in state C yet
            "RequestedEnergyTransferMode": "DC_extended",
            "EVMaximumVoltageLimit": 410.0,
            "EVMaximumCurrentLimit": 200.0,
            "EVMaximumPowerLimit": 80_000.0,
            "EVEnergyCapacity": 60_000.0,
            "FullSOC": 100,
            "BulkSOC": 80,
        },
    ),
    (WAIT_S, "CableCheckReq", STATUS),
    (0.0, "PreChargeReq", {**STATUS, "EVTargetVoltage": 380.0, "EVTargetCurrent": 1.0}),
    (WAIT_S + 0.02, "PowerDeliveryReq", {**POWER, "ChargeProgress": "Start", "ChargingComplete": False}),
    (
        0.0,
        "CurrentDemandReq",
        {
            **STATUS,
            "EVTargetVoltage": 400.0,
            "EVTargetCurrent": 90.0,
            "EVMaximumVoltageLimit": 410.0,
            "EVMaximumCurrentLimit": 200.0,
            "BulkChargingComplete": False,
            "ChargingComplete": False,
        },
    ),
    (0.02, "PowerDeliveryReq", {**POWER, "ChargeProgress": "Stop", "ChargingComplete": True}),
    (0.0, "WeldingDetectionReq", STATUS),
    (0.1, "WeldingDetectionReq", STATUS),
    (0.1, "WeldingDetectionReq", STATUS),
    (0.02, "SessionStopReq", {"ChargingSession": "Terminate"}),
]
"""Seconds from the answer before (or from the pilot, or the contactors: WAIT_S) to each request, and what it says."""


@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_whole_session(protocol: str) -> None:
    """Every request in the order of the standards, with its contents, at its think time after the answer before."""
    vehicle = Vehicle(protocol, wait_s=WAIT_S).to("current_demand.think").post("stop")
    for _ in range(20):
        if not vehicle.ended:
            vehicle.onward()
    sent = [order for order in vehicle.orders if order.what.endswith("Req")]
    assert [order.what for order in sent] == [f"v2g.{name}" for _, name, _ in SESSION]
    expected_s = 0.0
    for order, (after_s, name, args) in zip(sent, SESSION, strict=True):
        expected_s += after_s
        given = {key: value for key, value in order.args.items() if value is not None}
        assert (name, round(order.at_s, 6), given) == (name, round(expected_s, 6), args)
        expected_s += WAIT_S
    assert [(what, round(at, 6)) for at, what, _ in vehicle.said] == [
        ("set_up", 0.1),
        ("ready_to_charge", 0.36),
        ("close_contactors", 0.45),
        ("charging", 0.53),
        ("open_contactors", 0.61),
        ("end_of_charge", 0.61),
        ("open_contactors", 0.9),
        ("end_of_charge", 0.9),
    ]
    assert vehicle.told("set_up") == [{"protocol": protocol, "EVSEID": "DE*ABC*E1", "SessionID": SESSION_ID}]
    assert vehicle.ordered("v2g.use_protocol") == [{"protocol": protocol}]
    assert vehicle.ordered("v2g.use_session") == [{"SessionID": b"\x00"}, {"SessionID": SESSION_ID}]
    assert vehicle.output == {"result": "complete", "reason": ""}
    assert vehicle.ordered("v2g.disconnect") == [{}]
    assert vehicle.errors == []
    assert vehicle.unhandled == []


def test_session_id_before_session_setup() -> None:
    """The first request already carries the id this model begins with, the next ones the station's."""
    vehicle = vehicle_in("session_setup.think", first_session_id=b"\x00" * 8)
    assert vehicle.ordered("v2g.use_session") == [{"SessionID": b"\x00" * 8}]
    vehicle.to("service_discovery.think")
    assert vehicle.order("v2g.use_session") == {"SessionID": SESSION_ID}


def test_contents_that_models_differ_in() -> None:
    """What a vehicle's own values say is what it sends."""
    vehicle = Vehicle(
        report_capacity=False,
        EVCCID=b"\x0a\x0b",
        service_category=None,
        EnergyTransferModes=["DC_core"],
        FullSOC=None,
        I_precharge=0.5,
    ).to("service_discovery.sent")
    vehicle.says("ServiceDiscovery", EnergyTransferMode=["DC_extended", "DC_core"]).to("pre_charge.sent")
    assert vehicle.order("v2g.SessionSetupReq") == {"EVCCID": b"\x0a\x0b"}
    assert vehicle.order("v2g.ServiceDiscoveryReq") == {}
    parameters = vehicle.order("v2g.ChargeParameterDiscoveryReq")
    assert parameters is not None
    assert parameters["RequestedEnergyTransferMode"] == "DC_core"
    assert [parameters.get(key) for key in ("EVMaximumPowerLimit", "EVEnergyCapacity", "FullSOC", "BulkSOC")] == [
        *(None, None, None, 80),
    ]
    precharge = vehicle.order("v2g.PreChargeReq")
    assert precharge is not None
    assert precharge["EVTargetCurrent"] == 0.5


# ---------------------------------------------------------------- no answer, a bad one


def timeout_s(state: str, protocol: str) -> float:
    """ISO 15118-2 Table 109; DIN SPEC 70121 has 2 s for PowerDelivery."""
    if state == "current_demand":
        return 0.25
    return 5.0 if MESSAGES[state] == "PowerDelivery" and protocol == "iso2" else 2.0


def fails(vehicle: Vehicle, reason: str) -> None:
    """The session is over, the power path is open, the pilot in B, the connection closed."""
    assert vehicle.output == {"result": "failed", "reason": reason}
    assert [name for at, name, _ in vehicle.said if at == vehicle.now_s][-2:] == ["open_contactors", "end_of_charge"]
    assert vehicle.orders[-1].what == "v2g.disconnect"
    assert vehicle.orders[-1].at_s == vehicle.now_s
    assert vehicle.errors == []


IN_BOTH = [(state, protocol) for state in MESSAGES for protocol in ("din", "iso2")]
IN_BOTH.remove(("renegotiation", "din"))


@pytest.mark.parametrize(("state", "protocol"), IN_BOTH)
def test_no_answer(state: str, protocol: str) -> None:
    """A silent station is left exactly at the message's time, with everything open."""
    vehicle = vehicle_in(f"{state}.sent", protocol)
    vehicle.run(timeout_s(state, protocol) - 0.001)
    assert vehicle.place == f"{state}.sent"
    vehicle.run(0.001)
    fails(vehicle, f"no {MESSAGES[state]}Res in time")


@pytest.mark.parametrize("state", MESSAGES)
def test_refused(state: str) -> None:
    """A ResponseCode FAILED at any message ends the session; whatever else the answer says does not count."""
    vehicle = vehicle_in(f"{state}.sent")
    vehicle.says(MESSAGES[state], ResponseCode="FAILED")
    fails(vehicle, f"v2g.{MESSAGES[state]}Res: FAILED")


@pytest.mark.parametrize("state", [state for state in MESSAGES if state != "handshake"])
def test_answer_to_another_request(state: str) -> None:
    """Also one that says OK. Before the protocol is chosen the message adapter knows one answer only."""
    other = "SessionStop" if state != "session_stop" else "CableCheck"
    fails(vehicle_in(f"{state}.sent").says(other), f"v2g.{other}Res: OK")


def test_refused_while_somebody_wants_to_leave() -> None:
    """A refusal is not taken for the answer that ends the loop."""
    vehicle = vehicle_in("current_demand.sent").post("stop").says("CurrentDemand", ResponseCode="FAILED")
    fails(vehicle, "v2g.CurrentDemandRes: FAILED")


# ---------------------------------------------------------------- what breaks it anywhere

ANYWHERE = ["handshake.think", "session_setup.sent", "going_to_c", "cable_check.sent", "closing", "current_demand.sent"]


@pytest.mark.parametrize("place", ANYWHERE)
def test_station_closes_the_connection(place: str) -> None:
    fails(vehicle_in(place).emit("v2g.disconnected", reason="FIN"), "the station closed the connection: FIN")


@pytest.mark.parametrize("place", ANYWHERE)
def test_frame_with_a_bad_header(place: str) -> None:
    """The length of the next frame is unknown: the connection is of no use any more."""
    fails(vehicle_in(place).emit("v2g.bad_header", reason="version 2"), "version 2")


@pytest.mark.parametrize("place", ANYWHERE)
def test_pilot_lost(place: str) -> None:
    fails(vehicle_in(place).post("pilot_lost"), "the pilot is gone")


@pytest.mark.parametrize("place", ANYWHERE)
@pytest.mark.parametrize("role", ["v2g", "battery"])
def test_broken_adapter(place: str, role: str) -> None:
    vehicle = vehicle_in(place).breaks(role, "no such file")
    assert vehicle.output["result"] == "failed"
    assert "no such file" in vehicle.output["reason"]
    assert vehicle.told("open_contactors") == [{}]


def test_undecodable_answers() -> None:
    """Two are taken as noise, the third ends the session."""
    vehicle = vehicle_in("authorization.sent")
    for number in (1, 2):
        vehicle.emit("v2g.undecodable", kind="exi", reason=f"bit {number}")
        assert vehicle.place == "authorization.sent"
    vehicle.emit("v2g.undecodable", kind="exi", reason="bit 3")
    fails(vehicle, "bit 3")


def test_battery_values_are_read_when_they_are_sent() -> None:
    """The charging loop follows the battery: target, limits and state of charge of this moment."""
    vehicle = vehicle_in("current_demand.think")
    changed = {"soc": 79.9, "target_voltage": 401.5, "target_current": 12.0, "maximum_voltage": 409.0}
    vehicle.values("battery", **changed, maximum_current=99.0).onward()
    order = vehicle.order("v2g.CurrentDemandReq")
    assert order is not None
    assert (order["EVRESSSOC"], order["EVTargetVoltage"], order["EVTargetCurrent"]) == (79, 401.5, 12.0)
    assert (order["EVMaximumVoltageLimit"], order["EVMaximumCurrentLimit"]) == (409.0, 99.0)
