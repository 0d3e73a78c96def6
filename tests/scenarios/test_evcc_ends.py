"""Scenarios of evcc.yaml and evcc_iso2.yaml: the charging loop, and how it and everything before it ends."""

from __future__ import annotations

import pytest

from tests.scenarios.vehicle import Vehicle, vehicle_in

STOPPING = [
    "EVSE_NotReady",
    "EVSE_Shutdown",
    "EVSE_EmergencyShutdown",
    "EVSE_Malfunction",
    "EVSE_UtilityInterruptEvent",
]


def last_request(vehicle: Vehicle) -> str:
    """The last request's name; a PowerDelivery with its ChargeProgress."""
    name = vehicle.requests()[-1][1]
    order = vehicle.order(f"v2g.{name}")
    assert order is not None
    return f"{name}({order['ChargeProgress']})" if name == "PowerDeliveryReq" else name


# ---------------------------------------------------------------- somebody wants to leave


@pytest.mark.parametrize(
    ("place", "then"),
    [
        ("handshake.think", "service_discovery"),
        ("handshake.sent", "service_discovery"),
        ("session_setup.sent", "service_discovery"),
        ("service_discovery.think", "service_discovery"),
        ("service_discovery.sent", "service_discovery"),
        ("payment_selection.think", "payment_selection"),
        ("payment_selection.sent", "payment_selection"),
        ("authorization.sent", "authorization"),
        ("parameter_discovery.first", "parameter_discovery"),
        ("parameter_discovery.sent", "parameter_discovery"),
    ],
)
def test_stop_before_the_cable_check(place: str, then: str) -> None:
    """The answer to the request under way, or to the next one, ends it: SessionStop, the pilot never in C."""
    vehicle = vehicle_in(place).post("stop")
    assert vehicle.place == place
    vehicle.to(f"{then}.sent").onward()
    assert vehicle.place == "session_stop.think"
    assert [name for _, name, _ in vehicle.said][-2:] == ["open_contactors", "end_of_charge"]
    assert vehicle.told("ready_to_charge") == []
    assert vehicle.to("session_stop.sent").onward().output == {"result": "complete", "reason": ""}


@pytest.mark.parametrize("message", ["Authorization", "ChargeParameterDiscovery"])
def test_stop_while_ongoing(message: str) -> None:
    """A station that is not finished is left as well."""
    state = "authorization" if message == "Authorization" else "parameter_discovery"
    vehicle = vehicle_in(f"{state}.sent").post("stop").says(message, EVSEProcessing="Ongoing")
    assert vehicle.place == "session_stop.think"


def test_stop_while_the_pilot_goes_to_c() -> None:
    vehicle = vehicle_in("going_to_c").post("stop")
    assert vehicle.place == "session_stop.think"


@pytest.mark.parametrize(
    "place", ["cable_check.sent", "cable_check.think", "pre_charge.sent", "pre_charge.think", "closing"]
)
def test_stop_with_the_station_energised(place: str) -> None:
    """PowerDelivery(Stop): at once when no request is under way, behind its answer otherwise."""
    vehicle = vehicle_in(place.replace("think", "sent")).values("battery", inlet_voltage=0.0)
    if place.endswith("think"):
        vehicle.says("PreCharge") if place.startswith("pre") else vehicle.says("CableCheck", EVSEProcessing="Ongoing")
    vehicle.post("stop")
    if place.endswith("sent"):
        assert vehicle.place == place
        vehicle.onward()
    assert vehicle.place == "power_off.think"
    vehicle.onward()
    assert last_request(vehicle) == "PowerDeliveryReq(Stop)"


@pytest.mark.parametrize("place", ["power_delivery.think", "power_delivery.sent"])
def test_stop_before_the_first_current(place: str) -> None:
    """Power that has just been asked for is given back, after the one request that a station waits for then: 0 A."""
    vehicle = vehicle_in(place).post("stop")
    assert vehicle.place == place
    vehicle.to("power_delivery.sent").onward()
    assert vehicle.place == "current_demand.sent"
    asked = vehicle.order("v2g.CurrentDemandReq")
    assert asked is not None
    assert (asked["EVTargetCurrent"], asked["ChargingComplete"]) == (0.0, True)
    assert vehicle.onward().place == "power_off.think"
    assert vehicle.told("charging") == []


@pytest.mark.parametrize("place", ["current_demand.think", "current_demand.sent"])
@pytest.mark.parametrize(("by_power_delivery", "then"), [(True, "PowerDeliveryReq(Stop)"), (False, "SessionStopReq")])
def test_stop_in_the_loop(place: str, by_power_delivery: bool, then: str) -> None:
    """At once, or when the answer under way is there; some models leave straight by SessionStop."""
    vehicle = Vehicle(power_off_sent=by_power_delivery).to(place).post("stop")
    if place.endswith("sent"):
        assert vehicle.place == place
        vehicle.onward()
    assert vehicle.place == ("power_off.think" if by_power_delivery else "session_stop.think")
    vehicle.onward()
    assert last_request(vehicle) == then


def test_stop_does_not_prolong_the_wait() -> None:
    """The time of a request counts from the request, whatever is wanted meanwhile."""
    vehicle = vehicle_in("current_demand.sent").run(0.2).post("stop").post("want_renegotiation").run(0.049)
    assert vehicle.place == "current_demand.sent"
    assert vehicle.run(0.001).output == {
        "result": "failed",
        "reason": "no CurrentDemandRes in time",
    }


@pytest.mark.parametrize("place", ["renegotiation.think", "renegotiation.sent", "parameter_discovery.first"])
def test_stop_in_a_renegotiation(place: str) -> None:
    """The output is on: PowerDelivery(Stop) behind the answer with the parameters."""
    vehicle = vehicle_in("renegotiation.think").to(place).post("stop").to("parameter_discovery.sent").onward()
    assert vehicle.place == "power_off.think"


@pytest.mark.parametrize("place", ["power_off.sent", "welding_detection.sent", "session_stop.sent"])
def test_stop_when_it_stops_already(place: str) -> None:
    vehicle = vehicle_in(place).post("stop")
    assert vehicle.place == place
    assert vehicle.unhandled == []


# ---------------------------------------------------------------- the loop


def test_loop() -> None:
    """One request each T_think_demand after the answer; what the station measures is noted and shown."""
    vehicle = vehicle_in("current_demand.sent").forget()
    for number in range(3):
        vehicle.run(0.1).says("CurrentDemand", EVSEPresentVoltage=398.5 + number, EVSEPresentCurrent=80.0 + number)
        assert vehicle.place == "current_demand.think"
        assert vehicle.order("battery.note_station") == {"voltage": 398.5 + number, "current": 80.0 + number}
        assert vehicle.data("evse_voltage") == 398.5 + number
        assert vehicle.data("evse_current") == 80.0 + number
        assert vehicle.data("evse_status") == "EVSE_Ready"
        requests = len(vehicle.requests())
        assert len(vehicle.run(0.229).requests()) == requests
        assert len(vehicle.run(0.001).requests()) == requests + 1
    assert last_request(vehicle) == "CurrentDemandReq"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"EVSEStatusCode": code}, f"the station: {code}") for code in STOPPING]
    + [({"EVSENotification": "StopCharging"}, "the station: EVSE_Ready")],
)
@pytest.mark.parametrize("wanted", ["", "stop", "want_renegotiation"])
def test_station_ends_the_loop(changed: dict[str, str], reason: str, wanted: str) -> None:
    """By its status or its notification, whatever the vehicle wanted itself."""
    vehicle = vehicle_in("current_demand.sent")
    if wanted:
        vehicle.post(wanted)
    vehicle.says("CurrentDemand", **changed)
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == reason


def test_station_ends_the_loop_of_a_model_without_power_delivery() -> None:
    vehicle = Vehicle(power_off_sent=False).to("current_demand.sent")
    assert vehicle.says("CurrentDemand", EVSEStatusCode="EVSE_Shutdown").place == "session_stop.think"


@pytest.mark.parametrize("protocol", ["din", "iso2"])
@pytest.mark.parametrize("asked_by", ["station", "vehicle, before a request", "vehicle, in a request"])
def test_renegotiation_is_wanted(protocol: str, asked_by: str) -> None:
    """ISO 15118-2 has it, for either side; DIN SPEC 70121 has none and charges on."""
    vehicle = vehicle_in("current_demand.sent", protocol)
    if asked_by == "station":
        vehicle.says("CurrentDemand", EVSENotification="ReNegotiation")
    elif asked_by == "vehicle, in a request":
        vehicle.post("want_renegotiation")
        assert vehicle.place == "current_demand.sent"
        vehicle.says("CurrentDemand")
    else:
        vehicle.says("CurrentDemand").post("want_renegotiation")
    assert vehicle.place == ("renegotiation.think" if protocol == "iso2" else "current_demand.think")
    assert vehicle.unhandled == []
    vehicle.onward()
    assert last_request(vehicle) == ("PowerDeliveryReq(Renegotiate)" if protocol == "iso2" else "CurrentDemandReq")


def test_leaving_goes_before_renegotiating() -> None:
    vehicle = vehicle_in("current_demand.sent").post("want_renegotiation").post("stop")
    assert vehicle.says("CurrentDemand", EVSENotification="ReNegotiation").place == "power_off.think"


# ---------------------------------------------------------------- welding detection, SessionStop


@pytest.mark.parametrize("most", [1, 3])
def test_welding_detection(most: int) -> None:
    """The contactors open before the first request; as many requests as this model sends while the voltage stays."""
    vehicle = Vehicle(C_welding=most).to("current_demand.think").post("stop").to("power_off.sent").forget().onward()
    assert [name for _, name, _ in vehicle.said] == ["open_contactors", "end_of_charge"]
    for number in range(most):
        assert vehicle.place == "welding_detection.sent"
        assert [name for _, name in vehicle.requests()] == ["WeldingDetectionReq"] * (number + 1)
        vehicle.says("WeldingDetection", EVSEPresentVoltage=60.0)
        if number + 1 < most:
            assert vehicle.place == "welding_detection.think"
            assert len(vehicle.run(0.099).requests()) == number + 1
            vehicle.run(0.001)
    assert vehicle.place == "session_stop.think"


@pytest.mark.parametrize(("voltage_v", "place"), [(60.0, "welding_detection.think"), (59.9, "session_stop.think")])
def test_inlet_without_voltage(voltage_v: float, place: str) -> None:
    """Below 60 V (IEC 61851-23 CC.3.5) the contactors are proved open."""
    vehicle = vehicle_in("welding_detection.sent").says("WeldingDetection", EVSEPresentVoltage=voltage_v)
    assert vehicle.place == place


def test_no_welding_detection() -> None:
    """Models that leave it out: from PowerDelivery to SessionStop, where the contactors open."""
    vehicle = Vehicle(C_welding=0).to("current_demand.think").post("stop").to("power_off.sent").forget().onward()
    assert vehicle.place == "session_stop.think"
    assert [name for _, name, _ in vehicle.said] == ["open_contactors", "end_of_charge"]
    vehicle.run(0.02)
    assert [name for _, name in vehicle.requests()] == ["SessionStopReq"]


@pytest.mark.parametrize("welding", [0, 1])
def test_leaves_without_a_word(welding: int) -> None:
    """Models that close the connection without SessionStop: after PowerDelivery, isolated."""
    vehicle = Vehicle(session_stop_sent=False, C_welding=welding).to("current_demand.think").post("stop").forget()
    for _ in range(2 + welding):
        assert not vehicle.ended
        vehicle.onward()
    assert vehicle.output == {"result": "complete", "reason": ""}
    assert "SessionStopReq" not in {name for _, name in vehicle.requests()}
    assert [name for _, name, _ in vehicle.said][:2] == ["open_contactors", "end_of_charge"]
    assert vehicle.orders[-1].what == "v2g.disconnect"


@pytest.mark.parametrize(("pause", "result"), [(False, "complete"), (True, "paused")])
def test_session_stop(pause: bool, result: str) -> None:
    """Terminate or Pause; the connection is closed once the answer is there."""
    vehicle = Vehicle(pause_session=pause).to("current_demand.sent")
    vehicle.says("CurrentDemand", EVSEStatusCode="EVSE_Shutdown").to("session_stop.sent")
    assert vehicle.order("v2g.SessionStopReq") == {"ChargingSession": "Pause" if pause else "Terminate"}
    assert vehicle.ordered("v2g.disconnect") == []
    vehicle.onward()
    assert vehicle.output == {"result": result, "reason": "the station: EVSE_Shutdown"}
    assert vehicle.ordered("v2g.disconnect") == [{}]
    assert vehicle.orders[-1].what == "v2g.disconnect"
