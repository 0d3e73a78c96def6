"""Scenarios of machines/v2g/secc.yaml: what the vehicle says of itself while there is voltage (DC_EVStatus, its
limits), and the contactor at welding detection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.secc import DIN, ISO2, answer, arrive, ask, hang_up, last_word, refused, walk
from tests.scenarios.stage import Stage

HOT = "FAILED_RESSTemperatureInhibit"
ERROR = {"EVErrorCode": HOT}
NOT_READY = {"EVReady": False}
UNWELL = [(ERROR, HOT), (NOT_READY, "EVReady false"), ({**ERROR, **NOT_READY}, HOT)]
unwell = pytest.mark.parametrize(("fields", "told"), UNWELL)
in_both = pytest.mark.parametrize("schema", [DIN, ISO2])


def status(args: Any) -> tuple[str, str]:
    return args["EVSEStatusCode"], args["EVSENotification"]


def is_stopped(stage: Stage, schema: str, args: Any, told: str) -> None:
    """The answer says so, and the supervisor was told what the vehicle said, once."""
    assert status(args) == ("EVSE_Shutdown", "None" if schema == DIN else "StopCharging")
    assert stage.told("vehicle_error") == [{"EVErrorCode": told}]


# ---------------------------------------------------------------- CableCheck


@pytest.mark.cases("DC_CableCheck")
@in_both
def test_error_before_the_cable_check(schema: str) -> None:
    """No voltage, not even to test, at a vehicle with an error; it is told to stop, and stays told."""
    stage = arrive("CableCheck", schema=schema)
    what, args = answer(stage, "CableCheck", **ERROR)
    assert (what, args["ResponseCode"], args["EVSEProcessing"]) == ("CableCheckRes", "OK", "Ongoing")
    is_stopped(stage, schema, args, HOT)
    for fields in ({}, ERROR):
        _, args = answer(stage, "CableCheck", **fields)
        is_stopped(stage, schema, args, HOT)
    assert not stage.told("cable_check")
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop")
    assert stage.active("sequence.power_down", "dialogue")


@pytest.mark.cases("DC_CableCheck")
def test_cable_check_waits_for_the_vehicle() -> None:
    """EVReady comes with the lock in many vehicles: no voltage before, no error either; then the check begins."""
    stage = arrive("CableCheck")
    for _ in range(3):
        _, args = answer(stage.run(2), "CableCheck", **NOT_READY, EVRESSSOC=17)
        assert (args["EVSEProcessing"], *status(args)) == ("Ongoing", "EVSE_Ready", "None")
    assert not stage.told("cable_check")
    _, args = answer(stage.post("cable_check_ok"), "CableCheck", EVRESSSOC=18)
    assert (args["EVSEProcessing"], *status(args)) == ("Ongoing", "EVSE_IsolationMonitoringActive", "None")
    assert args["EVSEIsolationStatus"] == "Invalid"
    assert stage.told("cable_check") == [{}]
    assert stage.data("soc", "dialogue") == 18
    assert answer(stage, "CableCheck")[1]["EVSEProcessing"] == "Ongoing", "what was checked before does not count"
    _, args = answer(stage.post("cable_check_ok"), "CableCheck")
    assert args["EVSEProcessing"] == "Finished"
    assert not stage.told("vehicle_error")


@pytest.mark.cases("DC_CableCheck")
def test_vehicle_that_never_gets_ready() -> None:
    """The 38 s of the cable check begin with its first request."""
    stage = arrive("CableCheck")
    for _ in range(3):
        assert answer(stage, "CableCheck", **NOT_READY)[1]["ResponseCode"] == "OK"
        stage.run(12.6)
    stage.run(0.2)
    _, args = answer(stage, "CableCheck", **NOT_READY)
    assert (args["ResponseCode"], args["EVSEProcessing"]) == ("FAILED", "Finished")
    last_word(stage)
    assert not stage.told("cable_check")


@pytest.mark.cases("DC_CableCheck")
@in_both
@unwell
@pytest.mark.parametrize("checked", [False, True])
def test_vehicle_that_falls_ill_in_the_cable_check(checked: bool, schema: str, fields: Any, told: str) -> None:
    """The voltage goes away, also when the check has just ended well, and does not come back in this session."""
    stage = arrive("CableCheck", schema=schema)
    ask(stage, "CableCheck")
    if checked:
        stage.post("cable_check_ok")
    stage.forget()
    _, args = answer(stage, "CableCheck", **fields)
    assert args["EVSEProcessing"] == "Ongoing"
    is_stopped(stage, schema, args, told)
    assert stage.told("power_off") == [{}]
    for _ in range(2):
        _, args = answer(stage, "CableCheck")
        assert (args["EVSEProcessing"], args["EVSEStatusCode"]) == ("Ongoing", "EVSE_Shutdown")
    assert (stage.told("cable_check"), stage.told("power_off")) == ([], [{}])


@pytest.mark.parametrize("event", ["stop", "emergency", "malfunction"])
def test_no_cable_check_for_who_is_to_stop(event: str) -> None:
    """A user who has changed his mind: no 500 V first."""
    stage = arrive("CableCheck").post(event)
    answer(stage, "CableCheck")
    assert not stage.told("cable_check")
    stage = arrive("CableCheck")
    ask(stage, "CableCheck")
    answer(stage.post(event).forget(), "CableCheck")
    assert stage.told("power_off") == [{}]
    assert not stage.told("vehicle_error")


@pytest.mark.cases("DC_CableCheck")
def test_failed_check_is_said_before_anything_else() -> None:
    stage = arrive("CableCheck")
    ask(stage, "CableCheck")
    _, args = answer(stage.post("cable_check_bad"), "CableCheck", **ERROR)
    assert args["ResponseCode"] == "FAILED"


# ---------------------------------------------------------------- PreCharge, PowerDelivery


@pytest.mark.cases("DC_PreCharge")
@in_both
@unwell
@pytest.mark.parametrize("begun", [False, True])
def test_vehicle_that_falls_ill_in_the_pre_charge(begun: bool, schema: str, fields: Any, told: str) -> None:
    """No voltage, or no more of it; each answer says what is measured, and PowerDelivery(Start) is refused."""
    stage = arrive("PreCharge", schema=schema)
    if begun:
        ask(stage, "PreCharge")
    stage.values("supply", present_voltage=350.0).forget()
    what, args = answer(stage, "PreCharge", **fields)
    assert (what, args["ResponseCode"], args["EVSEPresentVoltage"]) == ("PreChargeRes", "OK", 350.0)
    is_stopped(stage, schema, args, told)
    _, args = answer(stage.values("supply", present_voltage=90.0), "PreCharge")
    is_stopped(stage, schema, args, told)
    assert args["EVSEPresentVoltage"] == 90.0
    assert (stage.told("pre_charge"), stage.told("power_off")) == ([], [{}])
    refused(stage, "PowerDelivery", "FAILED_PowerDeliveryNotApplied")
    assert not stage.told("power_on")


@pytest.mark.cases("DC_PreCharge")
def test_ill_vehicle_that_keeps_pre_charging() -> None:
    """Its 5 s begin when the voltage is taken away."""
    stage = arrive("PreCharge")
    ask(stage, "PreCharge", **ERROR)
    assert answer(stage.run(4.999), "PreCharge")[0] == "PreChargeRes"
    stage.run(0.001)
    refused(stage, "PreCharge", "FAILED")


@pytest.mark.cases("DC_PowerDelivery", "DC_SessionStop")
@pytest.mark.parametrize("way", ["Stop", "SessionStop"])
def test_ill_vehicle_that_ends_in_order(way: str) -> None:
    stage = arrive("PreCharge")
    ask(stage, "PreCharge", **ERROR)
    if way == "Stop":
        assert not ask(stage, "PowerDelivery", ChargeProgress="Stop")
        stage.post("current_off")
        assert stage.active("sequence.post_charge", "dialogue")
    assert answer(stage, "SessionStop") == ("SessionStopRes", {"ResponseCode": "OK"})


@pytest.mark.cases("DC_PowerDelivery")
@unwell
@pytest.mark.parametrize("again", [False, True])
def test_power_for_an_ill_vehicle(again: bool, fields: Any, told: str) -> None:
    """Refused at the first start and after a renegotiation."""
    stage = arrive("CurrentDemand" if again else "PowerDelivery", schema=ISO2)
    if again:
        ask(stage, "PowerDelivery", ChargeProgress="Renegotiate", **fields)
        ask(stage, "ChargeParameterDiscovery", **fields)
        assert not stage.told("vehicle_error"), "asked for no power"
    refused(stage, "PowerDelivery", "FAILED_PowerDeliveryNotApplied", **fields)
    assert stage.told("vehicle_error") == [{"EVErrorCode": told}]
    assert not stage.told("power_on")
    assert stage.order("v2g.reject")["EVSEStatusCode"] == "EVSE_Shutdown"  # type: ignore[index]


@pytest.mark.cases("DC_PowerDelivery")
@pytest.mark.parametrize("fields", [{"EVReady": None, "EVErrorCode": None}, {"EVReady": True, "EVErrorCode": None}])
def test_power_for_a_vehicle_that_says_nothing_of_itself(fields: Any) -> None:
    """PowerDeliveryReq carries its status by choice only."""
    stage = arrive("PowerDelivery")
    assert not ask(stage, "PowerDelivery", **fields)
    assert stage.told("power_on") == [{}]


@pytest.mark.cases("DC_PowerDelivery")
def test_ill_vehicle_may_stop() -> None:
    stage = arrive("CurrentDemand")
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop", **ERROR)
    assert stage.told("power_off") == [{}]
    assert not stage.told("vehicle_error")


# ---------------------------------------------------------------- CurrentDemand


@pytest.mark.cases("DC_CurrentDemand")
@in_both
@unwell
def test_vehicle_that_falls_ill_while_it_charges(schema: str, fields: Any, told: str) -> None:
    """A normal stop: no current from this message on, the vehicle is told to end; its word that all is well again
    brings none back."""
    stage = arrive("CurrentDemand", schema=schema)
    stage.values("supply", present_voltage=390.0)
    what, args = answer(stage, "CurrentDemand", **fields, EVRESSSOC=55)
    assert (what, args["ResponseCode"]) == ("CurrentDemandRes", "OK")
    is_stopped(stage, schema, args, told)
    assert stage.told("demand") == [{"voltage": 390.0, "current": 0.0, "soc": 55}]
    _, args = answer(stage, "CurrentDemand", EVRESSSOC=56)
    is_stopped(stage, schema, args, told)
    assert stage.told("demand")[1:] == [{"voltage": 390.0, "current": 0.0, "soc": 56}]
    assert not stage.told("power_off"), "its contactors are closed"
    assert not ask(stage, "PowerDelivery", ChargeProgress="Stop", **fields)
    assert stage.told("power_off") == [{}]


@unwell
def test_ill_vehicle_is_told_of_the_worse(fields: Any, told: str) -> None:
    """An emergency stays one, whatever the vehicle says of itself."""
    for step in ("CableCheck", "PreCharge", "CurrentDemand", "PowerDelivery"):
        stage = arrive(step, schema=ISO2)
        if step == "CableCheck":
            ask(stage, step)
        stage.post("emergency")
        _, args = answer(stage, step, **fields)
        assert status(args) == ("EVSE_EmergencyShutdown", "StopCharging")


# ---------------------------------------------------------------- limits


def charging(**limits: float | None) -> Stage:
    """A vehicle that has declared 420 V, 100 A and this."""
    stage = arrive("ChargeParameterDiscovery")
    ask(stage, "ChargeParameterDiscovery", **limits)
    stage.values("supply", present_voltage=400.0)
    return walk(stage, "CableCheck", "CurrentDemand")


def ordered(stage: Stage, **fields: Any) -> tuple[float, float]:
    """Voltage and current asked of the output for a CurrentDemandReq of 400 V and 100 A."""
    ask(stage, "CurrentDemand", **{"EVTargetVoltage": 400.0, "EVTargetCurrent": 100.0, **fields})
    told = stage.told("demand")[-1]
    return told["voltage"], told["current"]


@pytest.mark.cases("DC_CurrentDemand")
def test_limits_of_the_message_that_brings_them() -> None:
    """A battery that gets cold or hot says so in the loop; what is left out stays as it was said last."""
    stage = charging()
    assert ordered(stage) == (400.0, 100.0)
    assert ordered(stage, EVMaximumVoltageLimit=350.0) == (350.0, 100.0)
    assert stage.told("voltage_limit") == [{"voltage": 350.0}]
    assert ordered(stage, EVMaximumCurrentLimit=20.0) == (350.0, 20.0)
    assert ordered(stage, EVMaximumPowerLimit=5_000.0) == (350.0, 12.5)
    assert ordered(stage) == (350.0, 12.5)
    assert ordered(stage, EVMaximumPowerLimit=6_000.0, EVMaximumCurrentLimit=80.0) == (350.0, 15.0)
    assert ordered(stage, EVMaximumVoltageLimit=430.0, EVMaximumPowerLimit=90_000.0) == (400.0, 80.0)
    assert stage.told("voltage_limit") == [{"voltage": 350.0}, {"voltage": 430.0}]
    ordered(stage, EVMaximumVoltageLimit=430.0)
    assert len(stage.told("voltage_limit")) == 2, "only what is new"
    last = [name for _, name, _ in stage.said if name in ("voltage_limit", "demand")][-3:-1]
    assert last == ["voltage_limit", "demand"], "the limit comes first"


@pytest.mark.parametrize(("declared", "amperes"), [(None, 100.0), (8_000.0, 20.0), (80_000.0, 100.0)])
def test_power_limit_of_the_parameters(declared: float | None, amperes: float) -> None:
    """EVMaximumPowerLimit counts from ChargeParameterDiscovery."""
    assert ordered(charging(EVMaximumPowerLimit=declared)) == (400.0, amperes)


def test_supply_s_power_is_never_exceeded() -> None:
    """Also when it falls while the vehicle charges; without a voltage there is no division by it."""
    stage = charging()
    stage.values("supply", maximum_power=10_000.0)
    assert ordered(stage) == (400.0, 25.0)
    stage.values("supply", maximum_current=8.0, maximum_voltage=390.0)
    assert ordered(stage) == (390.0, 8.0)
    stage.values("supply", present_voltage=0.0)
    assert ordered(stage) == (390.0, 8.0)


@pytest.mark.parametrize(("declared", "told"), [(420.0, 420.0), (800.0, 800.0), (None, 500.0)])
def test_output_is_told_the_vehicle_s_maximum(declared: float | None, told: float) -> None:
    stage = arrive("ChargeParameterDiscovery")
    ask(stage, "ChargeParameterDiscovery", EVMaximumVoltageLimit=declared)
    assert stage.told("voltage_limit") == [{"voltage": told}]


# ---------------------------------------------------------------- welding detection


@pytest.mark.cases("DC_WeldingDetection")
def test_contactor_opens_before_welding_is_looked_for() -> None:
    """Answered when the own contactor is open (EVerest #2767), with what is measured then; once, when asked twice."""
    stage = arrive("WeldingDetection")
    stage.values("contactor", is_closed=True).values("supply", present_voltage=380.0)
    assert not ask(stage, "WeldingDetection")
    stage.run(0.5)
    assert not ask(stage, "WeldingDetection", repeated=True)
    stage.emit("contactor.opened")
    assert not stage.orders, "the feedback still says closed"
    stage.run(0.9).values("contactor", is_closed=False).values("supply", present_voltage=12.0).emit("contactor.opened")
    (order,) = stage.orders
    assert (order.what, order.args["EVSEPresentVoltage"]) == ("v2g.WeldingDetectionRes", 12.0)
    assert answer(stage, "WeldingDetection")[0] == "WeldingDetectionRes"
    assert stage.unhandled == []
    stage.run(3)
    assert stage.active("sequence.post_charge", "dialogue")


@pytest.mark.cases("DC_WeldingDetection")
def test_contactor_that_does_not_open() -> None:
    """Welded: the vehicle is answered before its own 2 s are over, reads the fault and what is measured, and may end
    the session in order."""
    stage = arrive("WeldingDetection")
    stage.values("contactor", is_closed=True).values("supply", present_voltage=12.0)
    assert not ask(stage, "WeldingDetection")
    stage.run(1).post("malfunction").run(0.499)
    assert not stage.orders
    stage.run(0.001)
    (order,) = stage.orders
    assert (order.what, order.args["ResponseCode"]) == ("v2g.WeldingDetectionRes", "OK")
    assert (order.args["EVSEPresentVoltage"], order.args["EVSEStatusCode"]) == (12.0, "EVSE_Malfunction")
    assert not ask(stage, "WeldingDetection"), "the next one waits as long"
    assert answer(stage, "SessionStop")[0] == "SessionStopRes"


# ---------------------------------------------------------------- what does not fit its schema


def test_request_that_does_not_fit_its_schema() -> None:
    """Written down and counted, and answered by what it says, as a request in time; the next vehicle begins at none."""
    phases = "PowerDeliveryReq.ChargingProfile.ProfileEntry[0].ChargingProfileEntryMaxNumberOfPhasesInUse: 4 is above 3"
    stage = arrive("PowerDelivery").run(50)
    assert not ask(stage, "PowerDelivery", misfits=[phases, "x: y"])
    assert stage.told("power_on") == [{}]
    assert stage.data("misfits") == 2
    assert phases in stage.logs[-1]
    stage.post("power_ready").run(50)
    assert stage.active("sequence.current_demand", "dialogue"), "the time begins anew"
    ask(stage, "CurrentDemand", misfits=["x: y"])
    assert stage.data("misfits") == 3
    logs = len(stage.logs)
    ask(stage, "CurrentDemand", misfits=[])
    assert (stage.data("misfits"), len(stage.logs)) == (3, logs)
    hang_up(stage)
    assert stage.data("misfits") == 0
