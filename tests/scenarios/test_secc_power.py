"""Scenarios of machines/v2g/secc.yaml from the vehicle's limits to the end of the charge."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.secc import (
    DIN,
    ISO2,
    SUPPLY,
    answer,
    arrive,
    ask,
    connect,
    hang_up,
    last_word,
    offer,
    refused,
    walk,
)
from tests.scenarios.stage import Stage

MONITORING = {
    "EVSEStatusCode": "EVSE_IsolationMonitoringActive",
    "EVSEIsolationStatus": "Invalid",
    "EVSENotification": "None",
}
READY = {"EVSEStatusCode": "EVSE_Ready", "EVSEIsolationStatus": "Valid", "EVSENotification": "None"}
OK = {"ResponseCode": "OK"}
ONGOING = ("CableCheckRes", {**OK, "EVSEProcessing": "Ongoing", **MONITORING})
FAILED_END = [{"end": "failed"}]
MEASURED = {"ResponseCode": "FAILED", "EVSEPresentVoltage": 350.0, "EVSEPresentCurrent": 0.0, **READY}


# ---------------------------------------------------------------- ChargeParameterDiscovery


@pytest.mark.cases("DC_ChargeParameterDiscovery")
def test_the_schedule_offered_is_the_one_that_may_be_chosen() -> None:
    """Its number, its power and how long it holds are the chart's."""
    stage = arrive("ChargeParameterDiscovery", schema=ISO2, SAScheduleTupleID=3, T_schedule=3_600_000_000_000)
    told = answer(stage, "ChargeParameterDiscovery")[1]
    assert (told["SAScheduleTupleID"], told["PMax"], told["ScheduleDuration"]) == ([3], [50_000.0], 3_600_000_000_000)
    for number, code in ((3, None), (1, "FAILED_TariffSelectionInvalid")):
        stage = arrive("PowerDelivery", SAScheduleTupleID=3)
        if code is None:
            assert not ask(stage, "PowerDelivery", SAScheduleTupleID=number)
        else:
            refused(stage, "PowerDelivery", code, SAScheduleTupleID=number)


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@pytest.mark.parametrize(
    ("schema", "supply_W", "parameters", "offered_W"),
    [
        (ISO2, 50_000.0, {}, 50_000.0),
        (DIN, 50_000.0, {}, 32_767.0),
        (DIN, 20_000.0, {}, 20_000.0),
        (DIN, 50_000.0, {"PMax_din": 30_000.0}, 30_000.0),
        (ISO2, 50_000.0, {"PMax_din": 30_000.0}, 50_000.0),
    ],
)
def test_din_can_offer_no_more_than_its_field_holds(
    schema: str, supply_W: float, parameters: dict[str, float], offered_W: float
) -> None:
    """Its PMax has 16 bits and no multiplier; the limit, which the vehicle keeps to, has one."""
    stage = arrive("ChargeParameterDiscovery", schema=schema, **parameters)
    stage.values("supply", maximum_power=supply_W)
    told = answer(stage, "ChargeParameterDiscovery")[1]
    assert (told["PMax"], told["EVSEMaximumPowerLimit"]) == ([offered_W], supply_W)


@pytest.mark.cases("DC_ChargeParameterDiscovery")
def test_limits_are_exchanged() -> None:
    """The vehicle learns what the supply can do, the supervisor what the vehicle wants. EVSE_Ready: some vehicles leave
    without it (DIN SPEC 70121 [V2G-DC-638])."""
    stage = arrive("ChargeParameterDiscovery", EVSEPeakCurrentRipple=1.5)
    assert answer(stage, "ChargeParameterDiscovery", EVRESSSOC=17) == (
        "ChargeParameterDiscoveryRes",
        {
            **OK,
            "EVSEProcessing": "Finished",
            "SAScheduleTupleID": [1],
            "start": [0],
            "PMax": [32_767.0],
            "ScheduleDuration": 86_400_000_000_000,
            "EVSEStatusCode": "EVSE_Ready",
            "EVSEIsolationStatus": "Invalid",
            "EVSENotification": "None",
            "EVSEMaximumVoltageLimit": 500.0,
            "EVSEMaximumCurrentLimit": 125.0,
            "EVSEMaximumPowerLimit": 50_000.0,
            "EVSEMinimumVoltageLimit": 150.0,
            "EVSEMinimumCurrentLimit": 1.0,
            "EVSEPeakCurrentRipple": 1.5,
        },
    )
    wants = {"soc": 17, "voltage": 420.0, "current": 100.0, "capacity": 60_000.0, "energy": 30_000.0}
    wants |= {"full_soc": None, "minimum_current": None, "departure": None, "phases": 0}
    assert stage.told("parameters") == [wants]
    assert stage.data("soc", "dialogue") == 17
    assert stage.active("sequence.cable_check.announced", "dialogue")


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@pytest.mark.parametrize("mode", ["DC_extended", "DC_core", "DC_combo_core"])
@pytest.mark.parametrize("voltage", [150.0, None])
def test_vehicles_that_fit(mode: str, voltage: float | None) -> None:
    """Every DC mode, down to a vehicle whose highest voltage is the supply's lowest."""
    stage = arrive("ChargeParameterDiscovery")
    what, told = answer(
        stage, "ChargeParameterDiscovery", RequestedEnergyTransferMode=mode, EVMaximumVoltageLimit=voltage
    )
    assert (what, told["ResponseCode"]) == ("ChargeParameterDiscoveryRes", "OK")


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@pytest.mark.parametrize("mode", ["AC_single_phase_core", "AC_three_phase_core", "DC_unique"])
def test_other_modes(mode: str) -> None:
    """An AC vehicle gets a clear answer and no second chance (Seres asks 161 times)."""
    stage = arrive("ChargeParameterDiscovery")
    refused(stage, "ChargeParameterDiscovery", "FAILED_WrongEnergyTransferMode", RequestedEnergyTransferMode=mode)
    assert not stage.told("parameters")


@pytest.mark.cases("DC_ChargeParameterDiscovery")
def test_battery_below_the_supply() -> None:
    """A vehicle whose highest voltage the supply cannot go down to is not charged."""
    stage = arrive("ChargeParameterDiscovery")
    refused(stage, "ChargeParameterDiscovery", "FAILED_WrongChargeParameter", EVMaximumVoltageLimit=149.9)


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@pytest.mark.parametrize("parameters", ["AC_EVChargeParameter", "EVChargeParameter"])
def test_parameters_of_another_mode(parameters: str) -> None:
    """A DC mode with AC parameters, or with none, says nothing of the battery's voltage."""
    stage = arrive("ChargeParameterDiscovery")
    wrong = {"EVChargeParameter": parameters, "EVMaximumVoltageLimit": None, "EVMaximumCurrentLimit": None}
    refused(stage, "ChargeParameterDiscovery", "FAILED_WrongChargeParameter", **wrong)
    assert not stage.told("parameters")


# ---------------------------------------------------------------- CableCheck


@pytest.mark.cases("DC_CableCheck")
def test_cable_check() -> None:
    """The supervisor checks once, the vehicle asks until it is done; a verdict from before it asked does not count."""
    stage = arrive("CableCheck")
    stage.post("cable_check_ok").post("cable_check_bad")
    assert answer(stage, "CableCheck", EVRESSSOC=18) == ONGOING
    assert stage.data("soc", "dialogue") == 18
    assert stage.told("cable_check") == [{}]
    for _ in range(2):
        assert answer(stage, "CableCheck") == ONGOING
    assert stage.told("cable_check") == [{}]
    stage.post("cable_check_ok")
    assert answer(stage, "CableCheck") == ("CableCheckRes", {**OK, "EVSEProcessing": "Finished", **READY})
    assert stage.active("sequence.pre_charge.announced", "dialogue")


@pytest.mark.cases("DC_CableCheck")
def test_cable_check_failed() -> None:
    """FAILED with the isolation status, and no voltage for this vehicle."""
    stage = arrive("CableCheck")
    ask(stage, "CableCheck")
    stage.post("cable_check_bad")
    status = {"EVSEStatusCode": "EVSE_Malfunction", "EVSEIsolationStatus": "Fault", "EVSENotification": "None"}
    finished = {"ResponseCode": "FAILED", "EVSEProcessing": "Finished", **status}
    assert answer(stage, "CableCheck") == ("CableCheckRes", finished)
    last_word(stage)
    assert stage.told("session_ended") == FAILED_END


@pytest.mark.cases("DC_CableCheck")
def test_cable_check_takes_too_long() -> None:
    """FAILED comes at 38 s, before the vehicle's 40 s are over, even when the check has succeeded since."""
    stage = arrive("CableCheck")
    stage.run(30)
    assert answer(stage, "CableCheck") == ONGOING
    for wait in (20, 17.999):
        assert answer(stage.run(wait), "CableCheck") == ONGOING
    stage.run(0.001).post("cable_check_ok")
    finished = {"ResponseCode": "FAILED", "EVSEProcessing": "Finished", **READY}
    assert answer(stage, "CableCheck") == ("CableCheckRes", finished)
    last_word(stage)


@pytest.mark.cases("DC_CableCheck", "DC_PowerDelivery")
def test_stop_instead_of_cable_check() -> None:
    """Some vehicles give up here by PowerDelivery(Stop) (Audi Q4); they are answered and go on to SessionStop."""
    stage = arrive("CableCheck")
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop")
    assert stage.told("power_off") == [{}]
    stage.post("current_off")
    assert stage.order("v2g.PowerDeliveryRes") is not None
    assert answer(stage, "SessionStop") == ("SessionStopRes", OK)


@pytest.mark.cases("DC_CableCheck", "DC_PowerDelivery")
@pytest.mark.parametrize("progress", ["Start", "Renegotiate"])
@pytest.mark.parametrize("asked", [False, True])
def test_power_before_the_cable_is_checked(progress: str, asked: bool) -> None:
    """No power without a cable check, whatever the vehicle thinks."""
    stage = arrive("CableCheck")
    if asked:
        ask(stage, "CableCheck")
    refused(stage, "PowerDelivery", "FAILED_SequenceError", ChargeProgress=progress)
    assert not stage.told("power_on")


# ---------------------------------------------------------------- PreCharge


@pytest.mark.cases("DC_PreCharge")
def test_pre_charge() -> None:
    """Each request is an order for the output; the vehicle sees the voltage come. The limits themselves are allowed."""
    stage = arrive("PreCharge")
    for voltage, present, soc in ((500.0, 0.0, 21), (400.0, 100.0, 22), (400.0, 390.0, 23)):
        stage.values("supply", present_voltage=present)
        answered = answer(stage, "PreCharge", EVTargetVoltage=voltage, EVTargetCurrent=2.0, EVRESSSOC=soc)
        assert answered == ("PreChargeRes", {**OK, "EVSEPresentVoltage": present, **READY})
        assert stage.told("pre_charge")[-1] == {"voltage": min(voltage, 420.0), "current": 2.0}
        assert stage.data("soc", "dialogue") == soc
        assert stage.active("sequence.pre_charge.approaching", "dialogue")
    assert len(stage.told("pre_charge")) == 3


@pytest.mark.cases("DC_PreCharge")
@pytest.mark.parametrize("fields", [{"EVTargetCurrent": 2.1}, {"EVTargetVoltage": 500.1}])
@pytest.mark.parametrize("again", [False, True])
def test_pre_charge_beyond_the_limits(fields: dict[str, float], again: bool) -> None:
    """More than 2 A or than the supply's voltage is refused, not rounded (IEC 61851-23 CC.5.1)."""
    stage = arrive("PreCharge")
    if again:
        ask(stage, "PreCharge")
    ordered = len(stage.told("pre_charge"))
    stage.values("supply", present_voltage=350.0)
    refused(stage, "PreCharge", "FAILED", **fields)
    assert stage.order("v2g.reject") == MEASURED
    assert len(stage.told("pre_charge")) == ordered


@pytest.mark.cases("DC_PreCharge")
def test_pre_charge_takes_too_long() -> None:
    """Refused at 5 s, before the vehicle's own 7 s are over; both begin with its first request."""
    stage = arrive("PreCharge").run(50)
    for wait in (0, 2, 2.999):
        assert answer(stage.run(wait), "PreCharge")[0] == "PreChargeRes"
    stage.run(0.001)
    stage.values("supply", present_voltage=350.0)
    refused(stage, "PreCharge", "FAILED")
    assert stage.order("v2g.reject") == MEASURED


@pytest.mark.cases("DC_PreCharge")
def test_pre_charge_just_in_time() -> None:
    """A vehicle that is content at 5 s gets its power."""
    stage = arrive("PowerDelivery").run(5)
    assert stage.active("sequence.pre_charge.too_late", "dialogue")
    assert not ask(stage, "PowerDelivery")
    assert stage.told("power_on") == [{}]


@pytest.mark.cases("DC_PowerDelivery")
def test_stop_instead_of_power() -> None:
    """A vehicle that is not content says so, and is answered when the output is down."""
    stage = arrive("PowerDelivery")
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop")
    assert stage.active("sequence.power_down", "dialogue")
    assert not stage.told("power_on")


@pytest.mark.cases("DC_PowerDelivery", "DC_ChargeParameterDiscovery")
def test_renegotiation_before_the_charge() -> None:
    stage = arrive("PowerDelivery")
    refused(stage, "PowerDelivery", "FAILED_SequenceError", ChargeProgress="Renegotiate")
    assert not stage.told("power_on")


# ---------------------------------------------------------------- PowerDelivery(Start)


def starting() -> Stage:
    stage = arrive("PowerDelivery")
    assert not ask(stage, "PowerDelivery")
    assert stage.told("power_on") == [{}]
    return stage


@pytest.mark.cases("DC_PowerDelivery")
def test_power_is_on() -> None:
    """The vehicle is answered when the contactor is closed, once, also when it asks twice."""
    stage = starting()
    stage.run(1)
    assert not ask(stage, "PowerDelivery", repeated=True)
    assert stage.active("sequence.power_delivery", "dialogue")
    stage.run(0.499)
    stage.post("power_ready")
    assert [(order.what, order.args) for order in stage.orders] == [("v2g.PowerDeliveryRes", {**OK, **READY})]
    assert stage.active("sequence.current_demand", "dialogue")
    assert stage.told("power_on") == [{}]


@pytest.mark.cases("DC_PowerDelivery")
def test_power_is_refused() -> None:
    """FAILED_PowerDeliveryNotApplied, and the end."""
    stage = starting().post("power_refused")
    assert not_applied(stage)
    last_word(stage)


def not_applied(stage: Stage) -> bool:
    """One answer: FAILED_PowerDeliveryNotApplied with the true status."""
    (order,) = stage.orders
    known = {name: value for name, value in order.args.items() if value is not None}
    return order.what == "v2g.reject" and known == {"ResponseCode": "FAILED_PowerDeliveryNotApplied", **READY}


@pytest.mark.cases("DC_PowerDelivery")
@pytest.mark.parametrize("step", ["PowerDelivery", "CableCheck"])
@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("FAILED_TariffSelectionInvalid", {"SAScheduleTupleID": 99}),
        ("FAILED_TariffSelectionInvalid", {"SAScheduleTupleID": 0}),
        (
            "FAILED_ChargingProfileInvalid",
            {"ChargingProfileEntryStart": [0], "ChargingProfileEntryMaxPower": [30_000_000.0]},
        ),
        (
            "FAILED_ChargingProfileInvalid",
            {"ChargingProfileEntryStart": [0], "ChargingProfileEntryMaxPower": [50_500.1]},
        ),
    ],
)
def test_power_by_another_schedule(step: str, code: str, fields: dict[str, Any]) -> None:
    """A schedule nobody offered [V2G2-479], or more power than the one offered has: no power, also after a
    renegotiation."""
    stage = arrive("PowerDelivery", schema=ISO2) if step == "PowerDelivery" else renegotiated()
    refused(stage, "PowerDelivery", code, **fields)
    assert not stage.told("power_on")


@pytest.mark.cases("DC_PowerDelivery")
@pytest.mark.parametrize("step", ["PowerDelivery", "CableCheck"])
@pytest.mark.parametrize(("tuple_id", "power"), [(1, 50_500.0), (1, None), (None, None), (None, 1_000.0)])
def test_power_by_the_schedule_offered(step: str, tuple_id: int | None, power: float | None) -> None:
    """DIN has no schedule without a profile; what was offered may be a little more when it comes back, by rounding, and
    does not change by what the supply can do now."""
    stage = arrive("PowerDelivery", schema=ISO2) if step == "PowerDelivery" else renegotiated()
    stage.values("supply", maximum_power=30_000.0)
    profile = {} if power is None else {"ChargingProfileEntryStart": [0], "ChargingProfileEntryMaxPower": [power]}
    assert not ask(stage, "PowerDelivery", SAScheduleTupleID=tuple_id, **profile)
    assert stage.told("power_on") == [{}]


@pytest.mark.cases("DC_PowerDelivery")
def test_no_schedule_is_needed_to_stop() -> None:
    stage = arrive("PowerDelivery")
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop", SAScheduleTupleID=99, ChargingProfileMaxPower=1e9)
    assert stage.told("power_off") == [{}]


@pytest.mark.cases("DC_PowerDelivery")
@pytest.mark.parametrize("progress", ["Start", "Stop"])
def test_power_in_time(progress: str) -> None:
    """When the output does not follow within 1.5 s, the vehicle is told before its own 2 s are over."""
    stage = arrive("PowerDelivery" if progress == "Start" else "CurrentDemand")
    assert not ask(stage, "PowerDelivery", ChargeProgress=progress)
    stage.run(1)
    assert not ask(stage, "PowerDelivery", ChargeProgress=progress, repeated=True)
    stage.run(0.499)
    assert not stage.orders
    stage.run(0.001)
    assert not_applied(stage)
    last_word(stage)
    assert stage.told("session_ended") == FAILED_END


@pytest.mark.cases("DC_PowerDelivery")
@pytest.mark.parametrize("progress", ["Start", "Stop"])
def test_other_order_while_the_output_is_on_its_way(progress: str) -> None:
    """A second PowerDelivery that is no repetition is out of order."""
    stage = arrive("PowerDelivery" if progress == "Start" else "CurrentDemand")
    ask(stage, "PowerDelivery", ChargeProgress=progress)
    refused(stage, "PowerDelivery", "FAILED_SequenceError")


# ---------------------------------------------------------------- CurrentDemand


def demand(stage: Stage, voltage: float = 400.0, current: float = 50.0, soc: int = 41) -> dict[str, Any]:
    """What a CurrentDemandReq is answered."""
    what, args = answer(stage, "CurrentDemand", EVTargetVoltage=voltage, EVTargetCurrent=current, EVRESSSOC=soc)
    assert what == "CurrentDemandRes"
    return dict(args)


@pytest.mark.cases("DC_CurrentDemand")
def test_demand() -> None:
    """Each request is an order for the output; the response says what the supply gives, and its limits."""
    stage = arrive("CurrentDemand", EVSEID="'DE*PNX*E1'")
    stage.values("supply", present_voltage=399.5, present_current=49.0)
    assert demand(stage) == {
        **OK,
        "EVSEPresentVoltage": 399.5,
        "EVSEPresentCurrent": 49.0,
        "EVSECurrentLimitAchieved": False,
        "EVSEVoltageLimitAchieved": False,
        "EVSEPowerLimitAchieved": False,
        "EVSEMaximumVoltageLimit": 500.0,
        "EVSEMaximumCurrentLimit": 125.0,
        "EVSEMaximumPowerLimit": 50_000.0,
        "EVSEID": "'DE*PNX*E1'",
        "SAScheduleTupleID": 1,
        **READY,
    }
    assert stage.told("demand") == [{"voltage": 400.0, "current": 50.0, "soc": 41}]
    assert stage.data("soc", "dialogue") == 41


@pytest.mark.cases("DC_CurrentDemand")
@pytest.mark.parametrize(
    ("voltage", "current", "achieved"),
    [
        (400.0, 124.9, (False, False, False)),
        (400.0, 125.0, (True, False, True)),
        (499.9, 100.0, (False, False, False)),
        (500.0, 100.0, (False, True, True)),
    ],
)
def test_limits_achieved(voltage: float, current: float, achieved: tuple[bool, bool, bool]) -> None:
    """A vehicle that asks for what the supply can just give is told that there is no more."""
    told = demand(arrive("CurrentDemand"), voltage, current)
    flags = ("EVSECurrentLimitAchieved", "EVSEVoltageLimitAchieved", "EVSEPowerLimitAchieved")
    assert tuple(told[flag] for flag in flags) == achieved


@pytest.mark.cases("DC_CurrentDemand")
@pytest.mark.parametrize(
    ("vehicle", "asked", "ordered"),
    [
        ((420.0, 100.0), (430.0, 101.0), (420.0, 100.0)),
        ((420.0, 100.0), (420.0, 100.0), (420.0, 100.0)),
        ((800.0, 300.0), (800.0, 300.0), (500.0, 125.0)),
        ((None, None), (800.0, 300.0), (500.0, 125.0)),
    ],
)
def test_demand_is_held_to_both_limits(
    vehicle: tuple[float | None, float | None], asked: tuple[float, float], ordered: tuple[float, float]
) -> None:
    """Neither the supply's limits nor those the vehicle has declared are exceeded, whatever it asks for."""
    stage = arrive("ChargeParameterDiscovery")
    limits = {"EVMaximumVoltageLimit": vehicle[0], "EVMaximumCurrentLimit": vehicle[1]}
    assert answer(stage, "ChargeParameterDiscovery", **limits)[0] == "ChargeParameterDiscoveryRes"
    walk(stage, "CableCheck", "CurrentDemand")
    demand(stage, *asked)
    assert stage.told("demand") == [{"voltage": ordered[0], "current": ordered[1], "soc": 41}]


@pytest.mark.cases("DC_CurrentDemand")
@pytest.mark.parametrize(
    ("events", "notification", "status", "isolation"),
    [
        ("stop", "StopCharging", "EVSE_Shutdown", "Valid"),
        ("emergency", "StopCharging", "EVSE_EmergencyShutdown", "Valid"),
        ("malfunction", "StopCharging", "EVSE_Malfunction", "Valid"),
        ("insulation_fault", "None", "EVSE_Ready", "Fault"),
        ("renegotiate", "ReNegotiation", "EVSE_Ready", "Valid"),
        ("current_off", "None", "EVSE_Ready", "Valid"),
        ("renegotiate stop", "StopCharging", "EVSE_Shutdown", "Valid"),
        ("stop renegotiate", "StopCharging", "EVSE_Shutdown", "Valid"),
        ("stop cable_check_ok", "StopCharging", "EVSE_Shutdown", "Valid"),
        ("emergency stop", "StopCharging", "EVSE_EmergencyShutdown", "Valid"),
        ("emergency renegotiate", "StopCharging", "EVSE_EmergencyShutdown", "Valid"),
        ("emergency cable_check_bad", "StopCharging", "EVSE_EmergencyShutdown", "Fault"),
        ("malfunction stop", "StopCharging", "EVSE_Malfunction", "Valid"),
        ("malfunction renegotiate", "StopCharging", "EVSE_Malfunction", "Valid"),
        ("stop malfunction", "StopCharging", "EVSE_Malfunction", "Valid"),
        ("stop emergency", "StopCharging", "EVSE_EmergencyShutdown", "Valid"),
    ],
)
@pytest.mark.parametrize("schema", [DIN, ISO2])
def test_what_the_vehicle_is_told(schema: str, events: str, notification: str, status: str, isolation: str) -> None:
    """The next response says it, and only of this session: the next vehicle starts afresh. A stop stays, and is never
    made less. DIN knows no notification [V2G-DC-500]."""
    stage = arrive("CurrentDemand", schema=schema)
    for event in events.split():
        stage.post(event)
    assert not stage.unhandled
    told = demand(stage)
    names = ("EVSENotification", "EVSEStatusCode", "EVSEIsolationStatus")
    said = notification if schema == ISO2 else "None"
    assert tuple(told[name] for name in names) == (said, status, isolation)
    hang_up(stage)
    _, told = answer(arrive("ChargeParameterDiscovery", stage), "ChargeParameterDiscovery")
    assert tuple(told[name] for name in names) == ("None", "EVSE_Ready", "Invalid")
    assert answer(stage, "CableCheck") == ONGOING


@pytest.mark.parametrize("schema", [DIN, ISO2])
@pytest.mark.parametrize("step", ["supportedAppProtocol", "SessionSetup", "ChargeParameterDiscovery", "CableCheck"])
def test_stop_before_the_charge(step: str, schema: str) -> None:
    """A stop that comes early is in every status from there on, whatever the cable check says."""
    stage = hang_up(arrive("CableCheck", schema=ISO2 if schema == DIN else DIN))
    arrive(step, stage, schema=schema).post("stop")
    if step == "supportedAppProtocol":
        offer(stage, (schema, 2, 0, 7, 1))
        step = "SessionSetup"
    names = ("EVSENotification", "EVSEStatusCode")
    stopped = ("None" if schema == DIN else "StopCharging", "EVSE_Shutdown")
    if step != "CableCheck":
        walk(stage, step, "ChargeParameterDiscovery")
        _, told = answer(stage, "ChargeParameterDiscovery")
        assert tuple(told[name] for name in names) == stopped
    _, told = answer(stage, "CableCheck")
    assert tuple(told[name] for name in names) == stopped
    _, told = answer(stage.post("cable_check_ok"), "CableCheck")
    assert tuple(told[name] for name in names) == stopped


@pytest.mark.cases("DC_PowerDelivery")
def test_lost_answer_to_power_delivery() -> None:
    """Resent three times; CurrentDemand begins the count anew; a fourth time, or a new Start, is out of order."""
    stage = arrive("CurrentDemand")
    for _ in range(2):
        for _ in range(3):
            assert answer(stage, "PowerDelivery", repeated=True) == ("resend", {})
            assert stage.active("sequence.current_demand", "dialogue")
        demand(stage)
    for _ in range(3):
        ask(stage, "PowerDelivery", repeated=True)
    refused(stage, "PowerDelivery", "FAILED_SequenceError", repeated=True)
    stage.forget()
    arrive("CurrentDemand", stage)
    assert answer(stage, "PowerDelivery", repeated=True) == ("resend", {}), "the next vehicle has its own three"


@pytest.mark.cases("DC_PowerDelivery")
def test_power_delivery_again_while_charging() -> None:
    refused(arrive("CurrentDemand"), "PowerDelivery", "FAILED_SequenceError")


# ---------------------------------------------------------------- renegotiation


def renegotiated() -> Stage:
    """A charging vehicle was asked to negotiate anew, and has begun to."""
    stage = arrive("CurrentDemand", schema=ISO2).post("renegotiate")
    assert answer(stage, "PowerDelivery", ChargeProgress="Renegotiate") == ("PowerDeliveryRes", {**OK, **READY})
    assert stage.active("sequence.parameter_discovery", "dialogue")
    assert not stage.told("power_off")
    assert stage.told("demand")[-1]["current"] == 0.0, "a current nobody asks for any more"
    ask(stage, "ChargeParameterDiscovery", EVMaximumCurrentLimit=30.0)
    return stage.forget()


@pytest.mark.cases("DC_PowerDelivery", "DC_ChargeParameterDiscovery")
def test_renegotiation_with_the_output_on() -> None:
    """PowerDelivery(Start) may follow at once: no second cable check; the new limits hold, the wish is not repeated."""
    stage = renegotiated()
    assert not ask(stage, "PowerDelivery")
    assert stage.told("power_on") == [{}]
    stage.post("power_ready")
    assert demand(stage)["EVSENotification"] == "None"
    assert stage.told("demand")[-1]["current"] == 30.0


@pytest.mark.cases("DC_PowerDelivery", "DC_ChargeParameterDiscovery")
def test_renegotiation_with_a_second_cable_check() -> None:
    """The first check's verdict is not given twice."""
    stage = renegotiated()
    assert answer(stage, "CableCheck") == ONGOING
    assert stage.told("cable_check") == [{}]
    assert answer(stage, "CableCheck") == ONGOING
    walk(stage.post("cable_check_ok"), "CableCheck", "CableCheck")
    assert answer(stage, "CableCheck")[1]["EVSEProcessing"] == "Finished"
    walk(stage, "PreCharge", "CurrentDemand")
    assert stage.active("sequence.current_demand", "dialogue")


@pytest.mark.cases("DC_PowerDelivery", "DC_ChargeParameterDiscovery")
def test_stopped_vehicle_that_renegotiates() -> None:
    """It may; it is still told to stop, at every answer."""
    stage = arrive("CurrentDemand", schema=ISO2).post("stop")
    for request, fields in (("PowerDelivery", {"ChargeProgress": "Renegotiate"}), ("ChargeParameterDiscovery", {})):
        _, told = answer(stage, request, **fields)
        assert (told["EVSENotification"], told["EVSEStatusCode"]) == ("StopCharging", "EVSE_Shutdown")


@pytest.mark.cases("DC_PowerDelivery", "DC_ChargeParameterDiscovery")
def test_stop_after_a_renegotiation() -> None:
    stage = renegotiated()
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop")
    assert stage.active("sequence.power_down", "dialogue")
    assert stage.told("power_off") == [{}]


def test_renegotiation_is_of_one_session() -> None:
    """A vehicle that left while it renegotiated gives the next one no way around the cable check."""
    stage = hang_up(renegotiated())
    walk(connect(stage), "supportedAppProtocol", "CableCheck")
    refused(stage, "PowerDelivery", "FAILED_SequenceError")
    assert not stage.told("power_on")


# ---------------------------------------------------------------- the end of the charge


@pytest.mark.cases("DC_PowerDelivery", "DC_WeldingDetection", "DC_SessionStop")
def test_end_of_the_charge() -> None:
    """The vehicle is answered when the current is down, so that it opens its contactors without load; welding detection
    as often as it likes; a vehicle that leaves without SessionStop has still charged."""
    stage = arrive("CurrentDemand").post("stop")
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop")
    assert stage.told("power_off") == [{}]
    stage.run(0.5)
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop", repeated=True)
    assert not stage.orders
    stage.post("current_off")
    down = {"EVSEStatusCode": "EVSE_Shutdown", "EVSEIsolationStatus": "Valid", "EVSENotification": "None"}
    assert [(order.what, order.args) for order in stage.orders] == [("v2g.PowerDeliveryRes", {**OK, **down})]
    for present in (300.0, 20.0):
        stage.values("supply", present_voltage=present)
        detected = ("WeldingDetectionRes", {**OK, "EVSEPresentVoltage": present, **down})
        assert answer(stage, "WeldingDetection") == detected
    hang_up(stage)
    assert stage.told("session_ended") == [{"end": "normal"}]
    assert [name for _, name, _ in stage.said] == ["power_off", "power_off", "session_ended"]


@pytest.mark.cases("DC_CurrentDemand")
def test_supply_s_limits_are_read_when_they_are_told() -> None:
    """A module that drops out while the vehicle charges shows in the next response."""
    stage = arrive("CurrentDemand")
    stage.values("supply", maximum_current=SUPPLY["supply.maximum_current"] / 2)
    told = demand(stage, current=62.5)
    assert (told["EVSEMaximumCurrentLimit"], told["EVSECurrentLimitAchieved"]) == (62.5, True)


# ---------------------------------------------------------------- receipts


def metered(**parameters: Any) -> Stage:
    """In the charging loop, with a reading of the meter."""
    stage = arrive("CurrentDemand", **{"schema": ISO2, "ReceiptRequired": True, **parameters})
    return stage.post("metered", MeterID="M1", energy=1200.0)


@pytest.mark.cases("DC_CurrentDemand", "DC_MeteringReceipt")
def test_receipts() -> None:
    """Each reading is confirmed once, and no demand is heard before it is; the current stays as it was."""
    stage = arrive("CurrentDemand", schema=ISO2, ReceiptRequired=True)
    _, told = answer(stage, "CurrentDemand")
    assert (told["ReceiptRequired"], "MeterID" in told) == (False, False), "nothing was measured yet"
    for reading in (1200.0, 1300.0):
        stage.forget().post("metered", MeterID="M1", energy=reading)
        what, told = answer(stage, "CurrentDemand")
        assert (what, told["MeterID"], told["MeterReading"]) == ("CurrentDemandRes", "M1", reading)
        assert told["ReceiptRequired"] is True
        assert [demand["current"] for demand in stage.told("demand")] == [50.0]
        assert answer(stage, "MeteringReceipt", MeterReading=reading) == ("MeteringReceiptRes", {**OK, **READY})
        assert answer(stage, "CurrentDemand")[1]["ReceiptRequired"] is False
    refused(stage, "MeteringReceipt", "FAILED_SequenceError")


@pytest.mark.cases("DC_MeteringReceipt")
@pytest.mark.parametrize(
    ("request_", "fields", "code"),
    [
        ("MeteringReceipt", {"MeterID": "M2"}, "FAILED"),
        ("MeteringReceipt", {"ReceiptSessionID": bytes(8)}, "FAILED"),
        ("CurrentDemand", {}, "FAILED_SequenceError"),
    ],
)
def test_no_receipt_for_the_reading(request_: str, fields: dict[str, Any], code: str) -> None:
    """One for something else, or another demand in its place."""
    stage = metered()
    ask(stage, "CurrentDemand")
    refused(stage, request_, code, **fields)


@pytest.mark.cases("DC_MeteringReceipt")
@pytest.mark.parametrize("progress", ["Stop", "Renegotiate"])
def test_leaving_without_a_receipt(progress: str) -> None:
    stage = metered()
    ask(stage, "CurrentDemand")
    ask(stage, "PowerDelivery", ChargeProgress=progress)
    assert stage.active("sequence.power_down" if progress == "Stop" else "sequence.parameter_discovery", "dialogue")


@pytest.mark.cases("DC_CurrentDemand")
@pytest.mark.parametrize("parameters", [{"ReceiptRequired": False}, {"schema": DIN}])
def test_no_receipt_is_asked_for(parameters: dict[str, Any]) -> None:
    """As a station does by itself; DIN has none."""
    stage = metered(**parameters)
    _, told = answer(stage, "CurrentDemand")
    assert told.get("ReceiptRequired") in (None, True)
    assert told.get("MeterID") is None or parameters == {"schema": DIN}, "the writer of DIN leaves it out"
    refused(stage, "MeteringReceipt", "FAILED_SequenceError")


# ---------------------------------------------------------------- a site's grant


def test_a_grant_is_what_the_vehicle_reads_and_what_the_output_is_asked_for() -> None:
    """20 kW at 400 V are 50 A; most vehicles heed the current only."""
    stage = arrive("CurrentDemand").values("supply", present_voltage=400.0).post("grant", power=20_000.0)
    _, told = answer(stage, "CurrentDemand", EVTargetVoltage=400.0, EVTargetCurrent=100.0)
    assert (told["EVSEMaximumPowerLimit"], told["EVSEMaximumCurrentLimit"]) == (20_000.0, 50.0)
    assert told["EVSEPowerLimitAchieved"]
    assert told["EVSECurrentLimitAchieved"]
    assert stage.told("demand")[-1]["current"] == 50.0
    _, told = answer(stage, "CurrentDemand", EVTargetVoltage=400.0, EVTargetCurrent=49.0)
    assert not told["EVSEPowerLimitAchieved"]
    assert not told["EVSECurrentLimitAchieved"]


@pytest.mark.parametrize("volts", [300.0, 400.0])
def test_a_limit_in_amperes_is_what_the_vehicle_reads_and_what_the_output_is_asked_for(volts: float) -> None:
    stage = arrive("CurrentDemand").values("supply", present_voltage=volts).post("output_limit", current=30.0)
    _, told = answer(stage, "CurrentDemand", EVTargetVoltage=400.0, EVTargetCurrent=100.0)
    assert (told["EVSEMaximumCurrentLimit"], told["EVSECurrentLimitAchieved"]) == (30.0, True)
    assert stage.told("demand")[-1]["current"] == 30.0


def test_a_grant_counts_at_the_least_voltage_when_there_is_none() -> None:
    stage = arrive("CurrentDemand").values("supply", present_voltage=1.0).post("grant", power=9_000.0)
    _, told = answer(stage, "CurrentDemand", EVTargetVoltage=400.0, EVTargetCurrent=10.0)
    assert told["EVSEMaximumCurrentLimit"] == 60.0  # at 150 V


def test_the_schedule_offers_what_the_supply_can_do_the_limit_is_the_grant() -> None:
    """PMax stands for the whole session, the limit follows the grant."""
    stage = arrive("ChargeParameterDiscovery", schema=ISO2).post("grant", power=7_000.0)
    _, told = answer(stage, "ChargeParameterDiscovery")
    assert (told["EVSEMaximumPowerLimit"], told["PMax"]) == (7_000.0, [50_000.0])


def test_a_station_of_its_own_tells_nobody_what_the_vehicle_needs() -> None:
    stage = arrive("ChargeParameterDiscovery")
    ask(stage, "ChargeParameterDiscovery")
    walk(stage, "CableCheck", "CurrentDemand")
    ask(stage, "CurrentDemand", EVTargetVoltage=400.0, EVTargetCurrent=100.0)
    assert stage.told("needs") == []


@pytest.mark.parametrize(
    ("power", "voltage", "current", "need"),
    [(30_000.0, 400.0, 100.0, 30_000.0), (None, 400.0, 50.0, 20_000.0), (90_000.0, 500.0, 200.0, 50_000.0)],
)
def test_what_a_vehicle_needs_is_what_it_and_the_supply_can(
    power: float | None, voltage: float, current: float, need: float
) -> None:
    stage = arrive("ChargeParameterDiscovery").post("grant", power=0.0)
    limits = {"EVMaximumVoltageLimit": voltage, "EVMaximumCurrentLimit": current, "EVMaximumPowerLimit": power}
    ask(stage, "ChargeParameterDiscovery", **limits)
    assert stage.told("needs") == [{"power": need}]


def test_a_vehicle_that_asks_for_less_than_it_is_granted_needs_a_margin_more() -> None:
    """A battery that is nearly full leaves the rest to others; one that takes all of its grant would take more."""
    stage = arrive("ChargeParameterDiscovery").post("grant", power=40_000.0)
    limits = {"EVMaximumVoltageLimit": 500.0, "EVMaximumCurrentLimit": 100.0, "EVMaximumPowerLimit": 48_000.0}
    ask(stage, "ChargeParameterDiscovery", **limits)
    walk(stage, "CableCheck", "CurrentDemand")

    def need(current: float) -> list[float]:
        stage.forget()
        ask(stage, "CurrentDemand", EVTargetVoltage=400.0, EVTargetCurrent=current)
        return [told["power"] for told in stage.told("needs")]

    assert need(50.0) == [25_000.0]
    assert need(54.9) == [], "less than 2 kW more"
    assert need(55.0) == [27_000.0]
    assert need(89.9) == [40_000.0]
    assert need(90.0) == [], "all that it may: 100 A at 400 V"
    stage.post("grant", power=20_000.0)
    assert need(44.9) == [22_960.0]
    assert need(45.0) == [40_000.0]
