"""Scenarios of machines/v2g/evcc.yaml and evcc_iso2.yaml: what the vehicle decides on the way to the charging loop."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.scenarios.stage import S
from tests.scenarios.vehicle import SESSION_ID, Vehicle, vehicle_in

STOPPING = [
    "EVSE_NotReady",
    "EVSE_Shutdown",
    "EVSE_EmergencyShutdown",
    "EVSE_Malfunction",
    "EVSE_UtilityInterruptEvent",
]
THINK_S = 3.0
"""Of the vehicles that wait for a station's Ongoing to end: no multiple of it is a limit."""


# ---------------------------------------------------------------- schema

NAMESPACES = {
    "din": "urn:din:70121:2012:MsgDef",
    "iso2": "urn:iso:15118:2:2013:MsgDef",
    "tesla": "urn:tesla:din:2018:MsgDef",
}
OFFER = {"SchemaID": [10, 20, 30], "ProtocolNamespace": [NAMESPACES[name] for name in ("tesla", "iso2", "din")]}


@pytest.mark.parametrize(("schema", "protocol"), [(20, "iso2"), (30, "din")])
def test_chosen_schema(schema: int, protocol: str) -> None:
    """The SchemaID is looked up in the vehicle's own list; the next message is in that schema."""
    vehicle = Vehicle(**OFFER).to("handshake.sent").says("supportedAppProtocol", SchemaID=schema)
    assert vehicle.place == "session_setup.think"
    assert vehicle.ordered("v2g.use_protocol") == [{"protocol": protocol}]
    assert vehicle.data("protocol") == protocol


@pytest.mark.parametrize("schema", [10, 2, 0, None])
def test_schema_nobody_offered(schema: int | None) -> None:
    """Tesla's own, one that was not in the list, none at all: the vehicle cannot speak it and leaves."""
    vehicle = Vehicle(**OFFER).to("handshake.sent").says("supportedAppProtocol", SchemaID=schema)
    assert vehicle.output == {
        "result": "failed",
        "reason": "the station chose a schema this vehicle did not offer",
    }
    assert vehicle.order("v2g.use_protocol") is None


@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_schema_left_out(protocol: str) -> None:
    """A station may leave out the SchemaID when there was one offer only."""
    vehicle = (
        Vehicle(SchemaID=[5], ProtocolNamespace=[NAMESPACES[protocol]])
        .to("handshake.sent")
        .says("supportedAppProtocol", SchemaID=None)
    )
    assert vehicle.order("v2g.use_protocol") == {"protocol": protocol}
    assert vehicle.place == "session_setup.think"


def test_other_schema_than_the_only_one() -> None:
    vehicle = (
        Vehicle(SchemaID=[5], ProtocolNamespace=[NAMESPACES["din"]])
        .to("handshake.sent")
        .says("supportedAppProtocol", SchemaID=6)
    )
    assert vehicle.output["result"] == "failed"


# ---------------------------------------------------------------- setup, services


def test_set_up_only() -> None:
    """As the Audi Q4: SessionStop, with the station's session id, is the second message of the session."""
    vehicle = Vehicle(set_up_only=True).to("session_stop.sent")
    assert [name for _, name in vehicle.requests()] == ["supportedAppProtocolReq", "SessionSetupReq", "SessionStopReq"]
    assert vehicle.order("v2g.use_session") == {"SessionID": SESSION_ID}
    assert vehicle.data("session_id") == SESSION_ID
    assert vehicle.told("set_up") == []
    assert vehicle.onward().output == {"result": "complete", "reason": "as this model does"}


def test_session_id_is_kept() -> None:
    """For people and for a pause."""
    assert vehicle_in("service_discovery.think").data("session_id") == SESSION_ID


def test_no_external_payment() -> None:
    """Where only a contract pays, this vehicle says goodbye."""
    vehicle = vehicle_in("service_discovery.sent").says("ServiceDiscovery", PaymentOption=["Contract"])
    assert vehicle.place == "session_stop.think"
    assert vehicle.to("session_stop.sent").onward().output == {
        "result": "complete",
        "reason": "the station offers no external payment",
    }
    assert [name for _, name in vehicle.requests()][-2:] == ["ServiceDiscoveryReq", "SessionStopReq"]


# ---------------------------------------------------------------- Ongoing

ONGOING = {
    "authorization": ("Authorization", {"EVSEProcessing": "Ongoing"}, 60.0, "no authorization in time"),
    "parameter_discovery": (
        "ChargeParameterDiscovery",
        {"EVSEProcessing": "Ongoing"},
        60.0,
        "no charge parameters in time",
    ),
    "cable_check": ("CableCheck", {"EVSEProcessing": "Ongoing"}, 40.0, "no end of the cable check"),
    "pre_charge": ("PreCharge", {}, 7.0, "no pre-charge voltage in time"),
}
"""State -> its message, what keeps it going, the limit in s ([V2G2-710], [V2G2-700], [V2G2-704]), the reason."""


@pytest.mark.parametrize("state", ONGOING)
def test_asks_again_while_ongoing(state: str) -> None:
    """The think time of the loops from the answer to the same request."""
    message, changed, _, _ = ONGOING[state]
    vehicle = vehicle_in(f"{state}.sent").values("battery", inlet_voltage=0.0)
    for _ in range(3):
        vehicle.run(0.05).says(message, **changed)
        assert vehicle.place == f"{state}.think"
        vehicle.forget().run(0.099)
        assert vehicle.requests() == []
        vehicle.run(0.001)
        assert vehicle.place == f"{state}.sent"
        assert [name for _, name in vehicle.requests()] == [f"{message}Req"]


@pytest.mark.parametrize("state", ONGOING)
def test_ongoing_for_ever(state: str) -> None:
    """It is left at the standard's time with SessionStop, not before."""
    message, changed, limit_s, reason = ONGOING[state]
    vehicle = Vehicle(T_think_loop=round(THINK_S * S)).to(f"{state}.sent").values("battery", inlet_voltage=0.0)
    entered_s = vehicle.now_s - (0.1 if state == "parameter_discovery" else 0.0)
    while vehicle.now_s + THINK_S < entered_s + limit_s:
        vehicle.says(message, **changed).run(THINK_S)
    vehicle.says(message, **changed).forget().run(entered_s + limit_s - vehicle.now_s - 0.001)
    assert vehicle.place == f"{state}.think"
    assert vehicle.said == []
    vehicle.run(0.001)
    assert vehicle.place == "session_stop.think"
    assert [name for _, name, _ in vehicle.said] == ["open_contactors", "end_of_charge"]
    assert vehicle.onward().onward().output == {"result": "complete", "reason": reason}
    assert vehicle.requests()[-1][1] == "SessionStopReq"


def test_customer_at_the_terminal() -> None:
    """Ongoing_WaitingForCustomerInteraction is an Ongoing."""
    vehicle = vehicle_in("authorization.sent")
    vehicle.says("Authorization", EVSEProcessing="Ongoing_WaitingForCustomerInteraction")
    assert vehicle.place == "authorization.think"


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize(("limit_v", "fits"), [(500.0, True), (380.0, True), (379.9, False), (None, True)])
def test_station_below_the_battery(limit_v: float | None, fits: bool) -> None:
    """A station whose highest voltage is the battery's will do; one below is left before the pilot goes to C."""
    vehicle = vehicle_in("parameter_discovery.sent").says("ChargeParameterDiscovery", EVSEMaximumVoltageLimit=limit_v)
    assert vehicle.place == ("going_to_c" if fits else "session_stop.think")
    assert vehicle.told("ready_to_charge") == ([{}] if fits else [])
    assert vehicle.data("ended_by") == ("" if fits else "the station cannot reach the voltage of the battery")


def test_limits_count_when_finished() -> None:
    """Those in an Ongoing answer are not the offer yet."""
    vehicle = vehicle_in("parameter_discovery.sent")
    vehicle.says("ChargeParameterDiscovery", EVSEProcessing="Ongoing", EVSEMaximumVoltageLimit=0.0)
    assert vehicle.place == "parameter_discovery.think"


@pytest.mark.parametrize(("offered", "schedule"), [([3, 5], 3), ([], 1)])
def test_schedule_of_the_station(offered: list[int], schedule: int) -> None:
    """PowerDelivery names the first schedule that was offered; DIN may offer none."""
    vehicle = vehicle_in("parameter_discovery.sent").says("ChargeParameterDiscovery", SAScheduleTupleID=offered)
    order = vehicle.to("current_demand.sent").order("v2g.PowerDeliveryReq")
    assert order is not None
    assert order["SAScheduleTupleID"] == schedule


def test_first_parameters_of_a_slow_vehicle() -> None:
    """T_think_parameters is for the first request only."""
    vehicle = Vehicle(T_think_parameters=4 * S).to("parameter_discovery.first").forget().run(3.999)
    assert vehicle.requests() == []
    vehicle.run(0.001).says("ChargeParameterDiscovery", EVSEProcessing="Ongoing").run(0.1)
    assert [name for _, name in vehicle.requests()] == ["ChargeParameterDiscoveryReq"] * 2


@pytest.mark.parametrize(
    ("place", "asked", "then", "reason"),
    [
        ("going_to_c", "ready_to_charge", "session_stop.think", "pilot or inlet lock did not follow"),
        ("closing", "close_contactors", "power_off.think", "the contactors of the vehicle did not close"),
    ],
)
def test_own_devices_do_not_follow(place: str, asked: str, then: str, reason: str) -> None:
    """After 2 s the vehicle gives up, in the order its state asks for."""
    vehicle = vehicle_in(place)
    assert vehicle.told(asked) == [{}]
    vehicle.run(1.999)
    assert vehicle.place == place
    vehicle.run(0.001)
    assert vehicle.place == then
    assert vehicle.data("ended_by") == reason


# ---------------------------------------------------------------- cable check, pre-charge


@pytest.mark.parametrize("code", STOPPING)
@pytest.mark.parametrize("processing", ["Ongoing", "Finished"])
def test_station_stops_in_cable_check(code: str, processing: str) -> None:
    """Nothing is on the line yet: SessionStop."""
    vehicle = vehicle_in("cable_check.sent").says("CableCheck", EVSEStatusCode=code, EVSEProcessing=processing)
    assert vehicle.place == "session_stop.think"
    assert vehicle.data("ended_by") == f"CableCheck: {code}"


@pytest.mark.parametrize("code", ["EVSE_Ready", "EVSE_IsolationMonitoringActive"])
def test_codes_that_do_not_stop(code: str) -> None:
    vehicle = vehicle_in("cable_check.sent").says("CableCheck", EVSEStatusCode=code)
    assert vehicle.place == "pre_charge.sent"


def test_stop_after_cable_check() -> None:
    """As some models do once the check is finished, by PowerDelivery(Stop)."""
    vehicle = Vehicle(stop_after_cable_check=True).to("cable_check.sent").says("CableCheck", EVSEProcessing="Ongoing")
    assert vehicle.place == "cable_check.think"
    vehicle.to("cable_check.sent").says("CableCheck")
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == "as this model does"


@pytest.mark.parametrize("code", STOPPING)
def test_station_stops_in_pre_charge(code: str) -> None:
    """Even at the right voltage: the contactors stay open, PowerDelivery(Stop) comes first."""
    vehicle = vehicle_in("pre_charge.sent").says("PreCharge", EVSEStatusCode=code)
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == f"PreCharge: {code}"
    assert vehicle.told("close_contactors") == []


@pytest.mark.parametrize(
    ("inlet_v", "closes"), [(370.0, False), (370.1, True), (380.0, True), (389.9, True), (390.0, False), (0.0, False)]
)
def test_contactors_close_at_the_battery_voltage(inlet_v: float, closes: bool) -> None:
    """The vehicle's own measurement counts, less than 10 V beside the battery (ISO 17409 5.6.2), not the station's."""
    vehicle = vehicle_in("pre_charge.sent").values("battery", inlet_voltage=inlet_v).forget()
    vehicle.says("PreCharge", EVSEPresentVoltage=380.0 if not closes else 0.0)
    assert vehicle.place == ("closing" if closes else "pre_charge.think")
    assert vehicle.told("close_contactors") == ([{}] if closes else [])
    assert vehicle.ordered("battery.note_station") == [{"voltage": 0.0 if closes else 380.0, "current": 0.0}]


def test_late_news_of_pilot_and_contactors() -> None:
    """What comes after the vehicle has given up waiting changes nothing, and is expected."""
    vehicle = vehicle_in("closing").run(2.0).post("contactors_closed").post("charging_allowed")
    assert vehicle.place == "power_off.think"
    assert vehicle.unhandled == []


# ---------------------------------------------------------------- renegotiation


@pytest.mark.parametrize(
    "place",
    ["parameter_discovery.sent", "going_to_c", "cable_check.sent", "pre_charge.sent", "closing", "power_delivery.sent"],
)
def test_wish_to_renegotiate_before_the_loop(place: str) -> None:
    """The station has heard the old parameters: it is asked as soon as the loop has begun, and once."""
    vehicle = vehicle_in(place).post("want_renegotiation").to("current_demand.sent").onward()
    assert vehicle.place == "renegotiation.think"
    assert vehicle.to("current_demand.sent").onward().place == "current_demand.think"


@pytest.mark.parametrize(
    "place", ["handshake.think", "handshake.sent", "session_setup.sent", "parameter_discovery.first"]
)
def test_wish_to_renegotiate_before_the_parameters(place: str) -> None:
    """They are said as they are then."""
    vehicle = Vehicle().to(place).post("want_renegotiation")
    assert vehicle.unhandled == []
    assert vehicle.to("current_demand.sent").onward().place == "current_demand.think"


def test_renegotiation() -> None:
    """PowerDelivery(Renegotiate), new parameters, PowerDelivery(Start) with the new schedule, no cable check."""
    vehicle = vehicle_in("renegotiation.think").forget()
    vehicle.to("parameter_discovery.sent").says("ChargeParameterDiscovery", SAScheduleTupleID=[9])
    vehicle.to("current_demand.think").onward().onward().onward()
    orders = [order for order in vehicle.orders if order.what.endswith("Req")]
    assert [order.what for order in orders] == [
        "v2g.PowerDeliveryReq",
        "v2g.ChargeParameterDiscoveryReq",
        "v2g.PowerDeliveryReq",
        "v2g.CurrentDemandReq",
        "v2g.CurrentDemandReq",
        "v2g.CurrentDemandReq",
    ]
    assert dict(orders[0].args) == {
        "ChargeProgress": "Renegotiate",
        "SAScheduleTupleID": 7,
        "EVReady": True,
        "EVErrorCode": "NO_ERROR",
        "EVRESSSOC": 40,
        "BulkChargingComplete": False,
        "ChargingComplete": False,
    }
    assert (orders[2].args["ChargeProgress"], orders[2].args["SAScheduleTupleID"]) == ("Start", 9)
    assert [round(later.at_s - sooner.at_s, 6) for sooner, later in itertools.pairwise(orders)] == [
        *(0.1, 0.02, 0.0, 0.23, 0.23),
    ]
    assert [name for _, name, _ in vehicle.said] == ["charging"]


# ---------------------------------------------------------------- what the station offers and can give


def test_service_and_mode_as_offered() -> None:
    """The charge service has the number the station gave it, and the mode is the vehicle's first that is offered."""
    vehicle = vehicle_in("service_discovery.sent")
    vehicle.says(
        "ServiceDiscovery", ServiceID=7, EnergyTransferMode=["AC_three_phase_core", "DC_combo_core", "DC_core"]
    )
    vehicle.to("payment_selection.sent")
    assert vehicle.order("v2g.PaymentServiceSelectionReq") == {
        "SelectedPaymentOption": "ExternalPayment",
        "ServiceID": 7,
    }
    vehicle.to("parameter_discovery.sent")
    order = vehicle.order("v2g.ChargeParameterDiscoveryReq")
    assert order is not None
    assert order["RequestedEnergyTransferMode"] == "DC_core"


@pytest.mark.parametrize("modes", [["AC_single_phase_core", "AC_three_phase_core"], ["DC_unique"], []])
def test_no_mode_for_this_vehicle(modes: list[str]) -> None:
    """At an AC station the vehicle says goodbye; it asks for nothing that was not offered."""
    vehicle = vehicle_in("service_discovery.sent").says("ServiceDiscovery", EnergyTransferMode=modes)
    assert vehicle.place == "session_stop.think"
    assert vehicle.to("session_stop.sent").onward().output == {
        "result": "complete",
        "reason": "the station offers no energy transfer mode this vehicle can take",
    }


def demanded(vehicle: Vehicle) -> tuple[float, float]:
    """Voltage and current of the next CurrentDemandReq."""
    order = vehicle.to("current_demand.sent").order("v2g.CurrentDemandReq")
    assert order is not None
    return order["EVTargetVoltage"], order["EVTargetCurrent"]


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ({}, (400.0, 90.0)),
        ({"EVSEMaximumCurrentLimit": 10.0}, (400.0, 10.0)),
        ({"EVSEMaximumVoltageLimit": 390.0}, (390.0, 90.0)),
        ({"EVSEMaximumPowerLimit": 18_950.0}, (400.0, 50.0)),
        ({"EVSEMaximumVoltageLimit": 390.0, "EVSEMaximumPowerLimit": 3_790.0}, (390.0, 10.0)),
        (
            {"EVSEMaximumVoltageLimit": None, "EVSEMaximumCurrentLimit": None, "EVSEMaximumPowerLimit": None},
            (400.0, 90.0),
        ),
        ({"EVSEMaximumPowerLimit": 34_110.0}, (400.0, 90.0)),
    ],
)
@pytest.mark.parametrize("where", ["parameters", "loop"])
def test_no_more_than_the_station_can_give(
    where: str, limits: dict[str, float | None], asked: tuple[float, float]
) -> None:
    """The limits of ChargeParameterDiscovery hold from the first CurrentDemandReq on, newer ones from the next. A power
    is one at the 379 V that lie at the inlet, not at the 400 V that are asked for."""
    if where == "parameters":
        vehicle = vehicle_in("parameter_discovery.sent").says("ChargeParameterDiscovery", **limits)
        assert demanded(vehicle) == asked
    else:
        vehicle = vehicle_in("current_demand.sent").says("CurrentDemand", **limits)
        assert demanded(vehicle) == asked


@pytest.mark.parametrize(
    ("protocol", "powers", "asked_A"),
    [
        ("iso2", [34_110.0, 18_950.0, 30_320.0], [90.0, 50.0, 80.0]),
        ("din", [32_767.0, 18_950.0, 32_766.0], [90.0, 50.0, 86.4538]),
    ],
)
def test_the_demand_is_within_the_row(protocol: str, powers: list[float], asked_A: list[float]) -> None:
    """Rows count from ChargeParameterDiscoveryRes on; PMax of DIN's greatest number is no limit."""
    rows = {"SAScheduleTupleID": [7, 7, 8, 7], "start": [0, 60 * S, 0, 120 * S], "duration": [0] * 4}
    vehicle = vehicle_in("parameter_discovery.sent", protocol)
    vehicle.says("ChargeParameterDiscovery", PMax=[*powers[:2], 1.0, powers[2]], **rows)
    begun = vehicle.now_s
    for after_s, current in zip(
        (50, 59, 61, 119, 121), [asked_A[0]] * 2 + [asked_A[1]] * 2 + [asked_A[2]], strict=True
    ):
        while vehicle.now_s < begun + after_s:
            vehicle.onward()
        assert demanded(vehicle) == (400.0, pytest.approx(current)), after_s


def test_a_limit_not_repeated_stays() -> None:
    """The optional limits of a CurrentDemandRes: left out, the last ones count."""
    vehicle = vehicle_in("current_demand.sent").says("CurrentDemand", EVSEMaximumCurrentLimit=20.0)
    left_out = {"EVSEMaximumVoltageLimit": None, "EVSEMaximumCurrentLimit": None, "EVSEMaximumPowerLimit": None}
    vehicle.to("current_demand.sent").says("CurrentDemand", **left_out)
    assert demanded(vehicle) == (400.0, 20.0)


def test_a_vehicle_that_takes_no_current_for_now() -> None:
    """It asks for 0 A, and goes on in its session; what it wants by then comes back. Said early, it holds, too."""
    vehicle = vehicle_in("current_demand.sent").says("CurrentDemand")
    vehicle.post("suspend")
    assert demanded(vehicle) == (400.0, 0.0)
    assert vehicle.order("v2g.CurrentDemandReq")["ChargingComplete"] is False
    vehicle.says("CurrentDemand").post("resume")
    assert demanded(vehicle) == (400.0, 90.0)
    early = Vehicle()
    early.post("suspend")
    assert demanded(early) == (400.0, 0.0)


def test_a_voltage_that_is_not_measured() -> None:
    """What is asked for stands for it; a power limit and a row of the schedule alike."""
    vehicle = vehicle_in("current_demand.sent").values("battery", inlet_voltage=0.0)
    assert demanded(vehicle.says("CurrentDemand", EVSEMaximumPowerLimit=20_000.0)) == (400.0, 50.0)
    vehicle = vehicle_in("parameter_discovery.sent")
    vehicle.says("ChargeParameterDiscovery", PMax=[20_000.0, 90_000.0]).to("current_demand.sent")
    assert demanded(vehicle.values("battery", inlet_voltage=0.0).says("CurrentDemand")) == (400.0, 50.0)


def test_no_voltage_asked_for_at_all() -> None:
    """A battery that wants nothing: the power limit is no reason for a division by zero."""
    vehicle = vehicle_in("current_demand.sent").values("battery", target_voltage=0.0, inlet_voltage=0.0)
    vehicle.says("CurrentDemand", EVSEMaximumPowerLimit=0.0)
    assert demanded(vehicle) == (0.0, 90.0)


# ---------------------------------------------------------------- waiting for a person


def test_a_person_takes_their_time() -> None:
    """Ongoing_WaitingForCustomerInteraction has no limit of 60 s [V2G2-854]; plain Ongoing after it has."""
    vehicle = Vehicle(T_think_loop=7 * S).to("authorization.sent")
    for _ in range(60):
        vehicle.says("Authorization", EVSEProcessing="Ongoing_WaitingForCustomerInteraction")
        assert vehicle.place == "authorization.think"
        vehicle.run(7)
    assert vehicle.place == "authorization.sent"
    for _ in range(7):
        vehicle.says("Authorization", EVSEProcessing="Ongoing").run(7)
    vehicle.says("Authorization", EVSEProcessing="Ongoing").run(3.9)
    assert vehicle.place == "authorization.think"
    vehicle.run(0.1)
    assert vehicle.place == "session_stop.think"
    assert vehicle.data("ended_by") == "no authorization in time"


def test_a_person_and_a_stop() -> None:
    vehicle = vehicle_in("authorization.sent").post("stop")
    vehicle.says("Authorization", EVSEProcessing="Ongoing_WaitingForCustomerInteraction")
    assert vehicle.place == "session_stop.think"


# ---------------------------------------------------------------- isolation


@pytest.mark.parametrize("isolation", ["Fault", "Invalid", "Warning", "No_IMD"])
def test_finished_without_good_isolation(isolation: str) -> None:
    """Finished and OK, but not Valid: no pre-charge, no contactor."""
    vehicle = vehicle_in("cable_check.sent").says("CableCheck", EVSEIsolationStatus=isolation)
    assert vehicle.place == "session_stop.think"
    assert vehicle.data("ended_by") == f"CableCheck finished, isolation {isolation}"
    assert vehicle.told("close_contactors") == []


@pytest.mark.parametrize(
    ("isolation", "accepted"), [("Warning", ["Valid", "Warning"]), (None, ["Valid"]), ("Valid", ["Valid"])]
)
def test_finished_with_good_isolation(isolation: str | None, accepted: list[str]) -> None:
    """Warning by setting; a status left out is a station that said OK and no more."""
    vehicle = vehicle_in("cable_check.sent", isolation_accepted=accepted)
    assert vehicle.says("CableCheck", EVSEIsolationStatus=isolation).active("pre_charge")


@pytest.mark.parametrize("isolation", ["Invalid", "Fault", None])
def test_isolation_while_ongoing(isolation: str | None) -> None:
    """Nothing is known before the check has finished."""
    vehicle = vehicle_in("cable_check.sent").says("CableCheck", EVSEProcessing="Ongoing", EVSEIsolationStatus=isolation)
    assert vehicle.place == "cable_check.think"


def test_isolation_lost_in_pre_charge() -> None:
    vehicle = vehicle_in("pre_charge.sent").says("PreCharge", EVSEIsolationStatus="Fault")
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == "PreCharge: isolation Fault"


def test_isolation_lost_while_charging() -> None:
    vehicle = vehicle_in("current_demand.sent").says("CurrentDemand", EVSEIsolationStatus="Fault")
    assert vehicle.place == "power_off.think"
    assert vehicle.data("ended_by") == "the station: EVSE_Ready, isolation Fault"


# ---------------------------------------------------------------- another session


@pytest.mark.parametrize(
    "place", ["service_discovery.sent", "pre_charge.sent", "current_demand.sent", "session_stop.sent"]
)
def test_answer_of_another_session(place: str) -> None:
    """It means nothing to this vehicle, whatever it says: power path open, connection closed."""
    vehicle = vehicle_in(place)
    vehicle.emit("v2g.UnknownSessionRes", ResponseCode="OK", message="CurrentDemandRes", SessionID=bytes(8))
    assert vehicle.output == {"result": "failed", "reason": "CurrentDemandRes of another session"}
    assert vehicle.told("open_contactors") != []
    assert vehicle.order("v2g.disconnect") == {}


def test_expects_the_session_it_was_given() -> None:
    """And no other; until there is one, any."""
    vehicle = vehicle_in("service_discovery.think")
    assert vehicle.ordered("v2g.expect_session") == [
        {"unchecked": []},
        {"SessionID": SESSION_ID, "unchecked": ["SessionSetupRes"]},
    ]


# ---------------------------------------------------------------- a fault of the vehicle's own


@pytest.mark.parametrize("place", ["cable_check.sent", "pre_charge.sent", "power_delivery.sent", "current_demand.sent"])
def test_fault_is_told_and_ends_it(place: str) -> None:
    """Every later request carries the code and EVReady False; the session ends as a stop does."""
    vehicle = vehicle_in(place).post("fault", error="FAILED_RESSTemperatureInhibit").onward()
    vehicle.to("power_off.sent")
    order = vehicle.order("v2g.PowerDeliveryReq")
    assert order is not None
    assert (order["ChargeProgress"], order["EVReady"], order["EVErrorCode"]) == (
        "Stop",
        False,
        "FAILED_RESSTemperatureInhibit",
    )
    assert vehicle.data("ended_by") == "FAILED_RESSTemperatureInhibit"


def test_fault_between_two_demands() -> None:
    """Nothing more is asked for: the next request is PowerDelivery(Stop)."""
    vehicle = vehicle_in("current_demand.think").post("fault", error="FAILED_EVRESSMalfunction")
    assert vehicle.place == "power_off.think"
    assert (vehicle.data("error"), vehicle.data("ended_by")) == ("FAILED_EVRESSMalfunction", "FAILED_EVRESSMalfunction")


METER = {"MeterID": "M1", "MeterReading": 1234.0, "SigMeterReading": b"sig", "MeterStatus": 1, "TMeter": 1_764_000_000}


def at_receipt(**said: Any) -> Vehicle:
    return vehicle_in("current_demand.sent").says("CurrentDemand", ReceiptRequired=True, **METER, **said)


def test_receipt_in_dc() -> None:
    """It repeats the meter's values; then the loop goes on. Without a meter there is nothing to repeat."""
    vehicle = at_receipt().forget().to("metering_receipt.sent")
    assert vehicle.order("v2g.MeteringReceiptReq") == {"SAScheduleTupleID": 7, **METER}
    assert vehicle.onward().place == "current_demand.think"
    vehicle = vehicle_in("current_demand.sent").says("CurrentDemand", ReceiptRequired=True)
    assert vehicle.place == "current_demand.think"
    vehicle = vehicle_in("current_demand.sent").says("CurrentDemand", ReceiptRequired=False, **METER)
    assert vehicle.place == "current_demand.think"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"EVSEStatusCode": "EVSE_Malfunction"}, "the station: EVSE_Malfunction"),
        ({"EVSEIsolationStatus": "Fault"}, "the station: EVSE_Ready, isolation Fault"),
        ({"EVSENotification": "StopCharging"}, "the station: EVSE_Ready"),
    ],
)
def test_a_station_that_stops_gets_no_receipt(said: dict[str, str], reason: str) -> None:
    """The current goes first."""
    vehicle = at_receipt(**said)
    assert (vehicle.place, vehicle.data("ended_by")) == ("power_off.think", reason)


@pytest.mark.parametrize(
    ("said", "place", "reason"),
    [
        ({"EVSEStatusCode": "EVSE_Malfunction"}, "power_off.think", "the station: EVSE_Malfunction"),
        ({"EVSEIsolationStatus": "Fault"}, "power_off.think", "the station: EVSE_Ready"),
        ({"EVSENotification": "StopCharging"}, "power_off.think", "the station: StopCharging"),
        ({"EVSENotification": "ReNegotiation"}, "renegotiation.think", ""),
        ({"EVSEStatusCode": None, "EVSEIsolationStatus": None}, "current_demand.think", ""),
    ],
)
def test_what_a_receipt_is_answered(said: dict[str, Any], place: str, reason: str) -> None:
    answer = {"RCD": None, "EVSEStatusCode": "EVSE_Ready", "EVSEIsolationStatus": "Valid", **said}
    vehicle = at_receipt().to("metering_receipt.sent").says("MeteringReceipt", **answer)
    assert (vehicle.place, vehicle.data("ended_by")) == (place, reason)


@pytest.mark.parametrize("event", ["stop", "want_renegotiation"])
def test_leaving_in_a_receipt_of_dc(event: str) -> None:
    vehicle = at_receipt().to("metering_receipt.sent").post(event).says("MeteringReceipt", RCD=None)
    assert vehicle.place == {"stop": "power_off.think", "want_renegotiation": "renegotiation.think"}[event]


def test_a_station_that_asks_for_both() -> None:
    """The receipt first: the station takes nothing else before it."""
    vehicle = at_receipt(EVSENotification="ReNegotiation")
    assert vehicle.place == "metering_receipt.think"
    assert vehicle.onward().onward().place == "renegotiation.think"


@pytest.mark.parametrize("how", ["late", "refused"])
def test_no_good_answer_to_a_receipt(how: str) -> None:
    vehicle = at_receipt().to("metering_receipt.sent")
    vehicle.run(2) if how == "late" else vehicle.says("MeteringReceipt", ResponseCode="FAILED")
    reason = "no MeteringReceiptRes in time" if how == "late" else "v2g.MeteringReceiptRes: FAILED"
    assert vehicle.output == {"result": "failed", "reason": reason}
