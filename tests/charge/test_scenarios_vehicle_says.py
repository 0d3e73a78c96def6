"""What a vehicle says of itself counts from the message that says it: its limits, its errors, its being ready.

Real bytes, the whole station, on the virtual clock.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.charge.bench import Bench, ScriptedVehicle
from tests.charge.ends import ends_safe, next_vehicle_charges, stays
from tests.charge.test_scenarios_messages import STOP, arrive, charges_to_the_end, in_both
from tests.charge.test_scenarios_power import is_out_of_order, live_at, mend, reset
from tests.charge.walk import prepare, take, walk_on

ERROR = {"EVErrorCode": "FAILED_RESSTemperatureInhibit"}
NOT_READY = {"EVReady": False}
says = pytest.mark.parametrize(("says", "shown"), [(ERROR, ERROR["EVErrorCode"]), (NOT_READY, "EVReady false")])


def is_told_to_stop(protocol: str, status: Any) -> bool:
    return (status.EVSEStatusCode, status.EVSENotification) == ("EVSE_Shutdown", STOP[protocol])


def ends_in_order(bench: Bench, vehicle: ScriptedVehicle, shown: str) -> None:
    """The vehicle obeys; people have read why; the outlet serves the next one."""
    assert bench.data("evse", "reason") == f"the vehicle says {shown}"
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


# ---------------------------------------------------------------- errors, EVReady


@in_both
@says
def test_no_test_voltage_for_a_vehicle_that_is_not_well(protocol: str, says: dict[str, Any], shown: str) -> None:
    """500 V for the cable check only at a vehicle that is ready and has no error (FAILED_ChargerConnectorLockFault: its
    connector may come off)."""
    bench, vehicle = arrive(protocol, "CableCheck")
    for _ in range(10):
        answer = vehicle.ask("CableCheckReq", **says)
        assert (answer.ResponseCode, answer.EVSEProcessing) == ("OK", "Ongoing")
        bench.run(0.3)
        assert bench.is_dead
    if says is ERROR:
        assert is_told_to_stop(protocol, answer.DC_EVSEStatus)
        ends_in_order(bench, vehicle, shown)
    else:
        charges_to_the_end(bench, vehicle, "CableCheck")


@in_both
@says
@pytest.mark.parametrize("step", ["CableCheck", "PreCharge"])
def test_voltage_goes_when_the_vehicle_falls_ill(step: str, protocol: str, says: dict[str, Any], shown: str) -> None:
    """The vehicle's contactors are open: the output goes down at once, and does not come back."""
    bench, vehicle = arrive(protocol, step)
    for _ in range(40):
        vehicle.ask(f"{step}Req")
        bench.run(0.1)
        if bench.circuit.output_V > 300.0:
            break
    assert bench.circuit.output_V > 300.0
    answer = vehicle.ask(f"{step}Req", **says)
    assert answer.ResponseCode == "OK"
    assert is_told_to_stop(protocol, answer.DC_EVSEStatus)
    bench.until(lambda: bench.is_dead, 1.0, "dead output")
    vehicle.ask(f"{step}Req")
    stays(bench, lambda: bench.is_dead, 2.0, "a dead output")
    ends_in_order(bench, vehicle, shown)


@in_both
@says
def test_no_power_for_a_vehicle_that_is_not_well(protocol: str, says: dict[str, Any], shown: str) -> None:
    bench, vehicle = arrive(protocol, "PowerDelivery")
    assert vehicle.ask("PowerDeliveryReq", **says).ResponseCode == "FAILED_PowerDeliveryNotApplied"
    vehicle.contactors(False)
    bench.until(lambda: bench.is_dead, 2.0, "dead output")
    assert bench.data("evse", "reason") == f"the vehicle says {shown}"
    ends_safe(bench, vehicle)


@in_both
@says
def test_normal_stop_when_the_vehicle_falls_ill(protocol: str, says: dict[str, Any], shown: str) -> None:
    """No current from the message on, the contactor stays until the vehicle has opened its own."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    answer = vehicle.ask("CurrentDemandReq", **says)
    assert (answer.ResponseCode, is_told_to_stop(protocol, answer.DC_EVSEStatus)) == ("OK", True)
    bench.run(0.3)
    assert bench.circuit.output_A < 5.0
    assert bench.circuit.station_closed
    assert is_told_to_stop(protocol, vehicle.ask("CurrentDemandReq").DC_EVSEStatus)
    stays(bench, lambda: bench.circuit.output_A < 5.0, 1.0, "no current")
    ends_in_order(bench, vehicle, shown)


def test_ill_vehicle_that_goes_on_for_ever() -> None:
    """It has T_user_stop, as after a user's stop."""
    bench, vehicle = live_at("CurrentDemand")
    for _ in range(21):
        if not vehicle.ended:
            vehicle.send("CurrentDemandReq", **ERROR)
            bench.run(1.0)
    assert vehicle.ended
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- limits


@in_both
@pytest.mark.parametrize(
    ("limit", "amperes"), [({"EVMaximumCurrentLimit": 20.0}, 20.0), ({"EVMaximumPowerLimit": 5_000.0}, 13.9)]
)
def test_current_is_held_to_the_newest_limit(protocol: str, limit: dict[str, float], amperes: float) -> None:
    """A battery that lowers what it stands while it asks for 100 A: as fast as the supply goes down, and for as long as
    it does not say otherwise."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    bench.run(0.1)
    assert bench.circuit.output_A > 90.0
    vehicle.ask("CurrentDemandReq", EVTargetCurrent=100.0, **limit)
    bench.run(0.18)  # 500 A/s
    assert bench.circuit.output_A == pytest.approx(amperes, abs=0.2)
    for _ in range(5):
        vehicle.ask("CurrentDemandReq", EVTargetCurrent=100.0)
        bench.run(0.2)
        assert bench.circuit.output_A == pytest.approx(amperes, abs=0.2)
    for _ in range(6):
        vehicle.ask("CurrentDemandReq", EVTargetCurrent=100.0, EVMaximumCurrentLimit=150.0, EVMaximumPowerLimit=60e3)
        bench.run(0.2)
    assert bench.circuit.output_A > 90.0
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


@in_both
def test_lowered_voltage_is_an_emergency(protocol: str) -> None:
    """250 V while 360 V are on: off within 400 ms (EVerest #1278, quoting IEC 61851-23 CC.6.2). The vehicle reads of
    it; the station is not out of order."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    told = bench.now_s
    vehicle.ask("CurrentDemandReq", EVTargetVoltage=350.0, EVMaximumVoltageLimit=250.0)
    assert bench.circuit.set_V == 250.0
    bench.until(lambda: not bench.circuit.station_closed and not bench.circuit.on, 0.45, "open contactor")
    ordered = bench.now_s - 0.05
    assert ordered - told <= 0.4
    answer = vehicle.ask("CurrentDemandReq", EVTargetVoltage=350.0)
    assert answer.DC_EVSEStatus.EVSEStatusCode == "EVSE_EmergencyShutdown"
    assert bench.data("evse", "reason") == "the vehicle lowered its maximum voltage below the present one"
    vehicle.contactors(False)
    vehicle.pilot("B")
    stays(bench, lambda: not is_out_of_order(bench), 3.0, "the outlet in order")
    ends_safe(bench, vehicle)


@in_both
@pytest.mark.parametrize("excess_V", [10.0, 25.0, 35.0, 200.0])
def test_output_above_the_vehicle_s_maximum(protocol: str, excess_V: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supply that runs away, however little: off within 400 ms, and out of order until somebody has looked."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    supply = bench.adapter("evse", "supply")
    true = type(supply).present_voltage.fget
    began = bench.now_s
    monkeypatch.setattr(
        type(supply), "present_voltage", property(lambda s: 410.0 + excess_V if s.now().on else true(s))
    )
    bench.until(lambda: not bench.circuit.on, 0.4, "supply ordered off")
    assert bench.now_s - began <= 0.4
    bench.until(lambda: not bench.circuit.station_closed, 0.15, "open contactor")
    monkeypatch.undo()
    assert is_out_of_order(bench)
    assert bench.data("evse", "reason") == "output voltage above the maximum of the vehicle"
    vehicle.go_away()
    mend(bench)
    reset(bench)
    next_vehicle_charges(bench)


def test_within_the_tolerance_the_charge_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What two measurements differ by is no reason to stop."""
    bench, vehicle = live_at("CurrentDemand")
    supply = bench.adapter("evse", "supply")
    true = type(supply).present_voltage.fget
    monkeypatch.setattr(type(supply), "present_voltage", property(lambda s: 414.5 if s.now().on else true(s)))
    for _ in range(20):
        vehicle.ask("CurrentDemandReq")
        bench.run(0.2)
    assert bench.circuit.station_closed
    monkeypatch.undo()
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


# ---------------------------------------------------------------- welding detection


@in_both
@pytest.mark.parametrize("pilot", ["B", "C"])
def test_contactor_is_open_at_welding_detection(protocol: str, pilot: str) -> None:
    """The first WeldingDetectionRes comes with the station's contactor open, within the vehicle's 2 s (EVerest #2767),
    though it was asked for right behind PowerDelivery(Stop)."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    take(vehicle, "PowerDelivery(Stop)")
    vehicle.contactors(False)
    vehicle.pilot(pilot)
    asked = bench.now_s
    vehicle.send("WeldingDetectionReq")
    assert bench.circuit.station_closed
    answer = vehicle.hear(1.5)
    assert answer.ResponseCode == "OK"
    assert not bench.circuit.station_closed
    assert bench.now_s - asked < 1.5
    if pilot == "C":
        prepare(vehicle, "WeldingDetection")
    walk_on(vehicle, "WeldingDetection")
