"""What can happen to pilot, output, contactor, insulation monitor and lock in a session, and what must come of it.

Rows of the DC failure table of the CCS Design Guide V7, with the clauses named there. After each scenario the output is
dead and the next vehicle charges.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.charge.bench import Bench, ScriptedVehicle
from tests.charge.ends import ends_safe, goes_dead, goes_dead_at_once, next_vehicle_charges, stays
from tests.charge.test_scenarios_messages import STOP, arrive, charges_to_the_end, in_both, is_refused
from tests.charge.walk import take, walk_on

LIVE = ("CableCheck", "PreCharge", "PowerDelivery", "CurrentDemand", "PowerDelivery(Stop)")
"""The steps in which the output may be live."""
STOPPING = ("EVSE_Shutdown", "EVSE_EmergencyShutdown", "EVSE_Malfunction", "EVSE_NotReady")


def live_at(step: str, protocol: str = "iso2", *sets: str) -> tuple[Bench, ScriptedVehicle]:
    """In the middle of a step, with what it makes live: 500 V in the cable check, 100 A in the charging loop."""
    bench, vehicle = arrive(protocol, step, *sets)
    if step == "CableCheck":
        vehicle.ask("CableCheckReq")
        bench.until(lambda: bench.circuit.output_V > 400.0, 10, "test voltage")
    elif step == "PreCharge":
        vehicle.ask("PreChargeReq")
        bench.until(lambda: bench.circuit.output_V > 300.0, 10, "pre-charge voltage")
    elif step in ("CurrentDemand", "PowerDelivery(Stop)"):
        for _ in range(8):
            take(vehicle, "CurrentDemand")
        assert bench.circuit.output_A > 90.0
    return bench, vehicle


def reset(bench: Bench) -> None:
    """Somebody repairs the station and presses reset."""
    bench.adapter("evse", "button").port.emit("reset_pressed")


def is_out_of_order(bench: Bench) -> bool:
    """Fault state, pilot F."""
    return bench.is_in("evse", "outlet.faulted") and bench.cable.circuit.duty_percent == 0.0


# ---------------------------------------------------------------- pilot


@in_both
@pytest.mark.parametrize("step", LIVE)
@pytest.mark.parametrize("how", ["B", "unplugged", "shorted"])
def test_pilot_lost(protocol: str, step: str, how: str) -> None:
    """CP lost, the plug pulled under load: below 5 A in 30 ms, 60 V in 100 ms, contactor open, in any step."""
    bench, vehicle = live_at(step, protocol)
    if how == "B":
        vehicle.pilot("B")
    elif how == "unplugged":
        vehicle.unplug()
    else:
        bench.cable.circuit.faults.shorted = True
        bench.cable.changed()
    goes_dead_at_once(bench)
    stays(bench, lambda: bench.is_dead, 3.0, "a dead output")
    bench.cable.circuit.faults.shorted = False
    bench.cable.changed()
    vehicle.go_away()
    if how == "shorted":
        bench.until(lambda: is_out_of_order(bench), 1, "fault state")
        reset(bench)
    next_vehicle_charges(bench)


@in_both
def test_vehicle_is_told_of_the_lost_pilot(protocol: str) -> None:
    """A vehicle that goes on asking after its pilot left C reads in the answer that the station has stopped."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    vehicle.pilot("B")
    bench.run(0.1)
    status = vehicle.ask("CurrentDemandReq").DC_EVSEStatus
    assert status.EVSEStatusCode in STOPPING
    assert status.EVSENotification == STOP[protocol]
    ends_safe(bench, vehicle)


def test_pilot_lost_and_the_vehicle_goes_on_for_ever() -> None:
    """A vehicle that never stops asking, though its pilot left C, is let go after T_user_stop."""
    bench, vehicle = live_at("CurrentDemand")
    vehicle.pilot("B")
    for _ in range(120):
        if vehicle.ended:
            break
        vehicle.send("CurrentDemandReq")
        bench.run(0.2)
    assert vehicle.ended
    ends_safe(bench, vehicle)


def test_wants_ventilation_while_charging() -> None:
    """A vehicle that goes to state D without ventilation gets no energy (IEC 61851-1 Table A.6 sequence 12)."""
    bench, vehicle = live_at("CurrentDemand")
    vehicle.pilot("D")
    goes_dead(bench, 3.0)
    ends_safe(bench, vehicle)


@pytest.mark.parametrize(("load", "ventilation", "code"), [
    ("C", False, "OK"), ("D", True, "OK"), ("D", False, "FAILED_PowerDeliveryNotApplied"),
    ("B", False, "FAILED_PowerDeliveryNotApplied"),
])  # fmt: skip
def test_power_delivery_asks_the_pilot(load: str, ventilation: bool, code: str) -> None:
    """PowerDelivery(Start) in B, or in D without ventilation, is FAILED_PowerDeliveryNotApplied ([V2G2-847])."""
    bench, vehicle = arrive("iso2", "PowerDelivery", f"ventilation={ventilation}")
    vehicle.pilot(load)
    bench.run(0.1)
    if code == "OK":
        assert vehicle.ask("PowerDeliveryReq").ResponseCode == "OK"
        ends_safe_after_session(bench, vehicle)
    else:
        vehicle.send("PowerDeliveryReq")
        is_refused(bench, vehicle, "PowerDeliveryReq", code)


def ends_safe_after_session(bench: Bench, vehicle: ScriptedVehicle) -> None:
    """The vehicle stops as usual; then as everywhere."""
    walk_on(vehicle, "CurrentDemand")
    vehicle.go_away()
    next_vehicle_charges(bench)


def test_bouncing_plug() -> None:
    """A contact that bounces for 80 ms cuts the output, not the communication: the vehicle is told, no new SLAC."""
    bench, vehicle = live_at("CurrentDemand")
    bench.cable.bounce_ns = 80_000_000
    vehicle.bench.cable.plug(bench.port)  # type: ignore[arg-type]
    goes_dead(bench, 0.1)
    bench.run(0.5)
    assert not vehicle.ended
    assert vehicle.ask("CurrentDemandReq").DC_EVSEStatus.EVSENotification == "StopCharging"
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- cable check, pre-charge


CABLE_CHECK = {
    "contactor blocked": ("adapters.contactor.blocked=true",),
    "no lock": ("adapters.lock.stuck=true",),
    "insulation fault": ("adapters.imd.resistance=20",),
    "self test fails": ("adapters.imd.self_test_passes=false",),
    "self test never ends": ("adapters.imd.self_test=900 s",),
    "monitor never measures": ("adapters.imd.measure=900 s",),
    "output shorted": ("adapters.supply.shorted=true",),
    "self test beyond every limit": ("adapters.imd.self_test=900 s", "output.T_self_test=900 s"),
}


@in_both
@pytest.mark.parametrize("name", CABLE_CHECK)
def test_cable_check_fails(protocol: str, name: str) -> None:
    """No energy without lock, contactor, monitor and insulation: CableCheckRes FAILED before the vehicle's 40 s."""
    bench, vehicle = arrive(protocol, "CableCheck", *CABLE_CHECK[name])
    start = bench.now_s
    answer = vehicle.ask("CableCheckReq")
    while answer.ResponseCode == "OK":
        assert answer.EVSEProcessing == "Ongoing"
        assert bench.now_s - start < 40.0
        bench.run(0.2)
        answer = vehicle.ask("CableCheckReq")
    assert (answer.ResponseCode, answer.EVSEProcessing) == ("FAILED", "Finished")
    if name == "insulation fault":
        assert answer.DC_EVSEStatus.EVSEIsolationStatus == "Fault"
    goes_dead(bench, 1.5)
    vehicle.go_away()
    bench.run(10)
    assert bench.errors == []
    mend(bench)
    next_vehicle_charges(bench)


def mend(bench: Bench) -> None:
    """The broken part is replaced by a good one."""
    contacts, imd = bench.inside("evse", "contactor"), bench.adapter("evse", "imd")
    contacts.blocked = contacts.welded = False
    bench.inside("evse", "lock").stuck = False
    imd.config = {**imd.config, "self_test_passes": True, "self_test": 500_000_000, "measure": 1_000_000_000}
    imd.resistance = 2000.0
    bench.circuit.shorted = bench.circuit.stuck = False
    if bench.is_in("evse", "outlet.faulted"):
        reset(bench)


@in_both
@pytest.mark.parametrize("fault", ["shorted", "does not rise"])
def test_no_pre_charge_voltage(protocol: str, fault: str) -> None:
    """A short or a broken wire shows as missing voltage: PreChargeRes FAILED before the vehicle's own 7 s are over."""
    bench, vehicle = arrive(protocol, "PreCharge")
    if fault == "shorted":
        bench.circuit.shorted = True
    else:
        bench.circuit.slew_V_per_s = 0.0
    start = bench.now_s
    answer = vehicle.ask("PreChargeReq")
    while answer.ResponseCode == "OK":
        assert bench.now_s - start < 7.0
        bench.run(0.2)
        answer = vehicle.ask("PreChargeReq")
    assert answer.ResponseCode == "FAILED"
    assert 5.0 <= bench.now_s - start < 6.0
    bench.circuit.shorted, bench.circuit.slew_V_per_s = False, 1000.0
    ends_safe(bench, vehicle)


@in_both
def test_power_delivery_before_the_voltage_is_there(protocol: str) -> None:
    """A vehicle that asks for power after one PreChargeReq, as Josev's does, waits for the voltage, then charges."""
    bench, vehicle = arrive(protocol, "PreCharge")
    assert vehicle.ask("PreChargeReq").ResponseCode == "OK"
    start = bench.now_s
    answer = vehicle.ask("PowerDeliveryReq")
    assert abs(bench.circuit.output_V - vehicle.voltage) <= 20.0
    assert 0.1 < bench.now_s - start < 1.5, "answered before the voltage was there, or too late"
    assert answer.ResponseCode == "OK"
    vehicle.contactors(True)
    charges_to_the_end(bench, vehicle, "CurrentDemand")


@in_both
def test_power_delivery_without_voltage(protocol: str) -> None:
    """A voltage that does not come is refused in the station's own time, before the vehicle's 2 s of DIN are over."""
    bench, vehicle = arrive(protocol, "PreCharge")
    assert vehicle.ask("PreChargeReq").ResponseCode == "OK"
    bench.circuit.slew_V_per_s = 0.0
    start = bench.now_s
    vehicle.send("PowerDeliveryReq")
    answer = vehicle.hear()
    assert 1.35 < bench.now_s - start < 1.5, "refused while there was time, or too late"
    assert answer.ResponseCode == "FAILED_PowerDeliveryNotApplied"
    bench.circuit.slew_V_per_s = 1000.0
    ends_safe(bench, vehicle)


@in_both
def test_power_delivery_and_the_button(protocol: str) -> None:
    """The emergency button while power is waited for: dead at once, and the vehicle is refused."""
    bench, vehicle = arrive(protocol, "PreCharge")
    vehicle.ask("PreChargeReq")
    vehicle.send("PowerDeliveryReq")
    bench.run(0.1)
    assert bench.is_in("evse/output", "energised.pre_charge.awaited")
    bench.adapter("evse", "button").port.emit("emergency_stop")
    goes_dead_at_once(bench)
    assert vehicle.hear().ResponseCode == "FAILED_PowerDeliveryNotApplied"


@in_both
def test_power_delivery_without_pre_charge(protocol: str) -> None:
    """PowerDelivery(Start) straight after CableCheck finds no pre-charge voltage."""
    bench, vehicle = arrive(protocol, "PreCharge")
    vehicle.send("PowerDeliveryReq")
    is_refused(bench, vehicle, "PowerDeliveryReq", "FAILED_PowerDeliveryNotApplied")


@in_both
@pytest.mark.parametrize(("current", "voltage", "code"), [(2.0, 360.0, "OK"), (0.0, 360.0, "OK"),
    (2.1, 360.0, "FAILED"), (1.0, 501.0, "FAILED")])  # fmt: skip
def test_pre_charge_limits(protocol: str, current: float, voltage: float, code: str) -> None:
    """0 to 2.0 A are accepted (some stations refuse 2.0), more and what the supply cannot reach are not."""
    bench, vehicle = arrive(protocol, "PreCharge")
    vehicle.send("PreChargeReq", EVTargetCurrent=current, EVTargetVoltage=voltage)
    if code == "OK":
        assert vehicle.hear().ResponseCode == "OK"
        charges_to_the_end(bench, vehicle, "PreCharge")
    else:
        is_refused(bench, vehicle, "PreChargeReq", code)


# ---------------------------------------------------------------- supply, contactor, monitor while live


@in_both
@pytest.mark.parametrize("step", LIVE)
def test_supply_alarm(protocol: str, step: str) -> None:
    """A supply that reports a fault is off at once, the vehicle reads EVSE_Malfunction, the outlet is out of order."""
    bench, vehicle = live_at(step, protocol)
    bench.adapter("evse", "supply").port.emit("alarm", code="overcurrent", text="stage 2")
    goes_dead_at_once(bench)
    name = "CableCheckReq" if step == "CableCheck" else "PreChargeReq" if step in LIVE[1:3] else "CurrentDemandReq"
    vehicle.send(name)
    assert vehicle.hear().DC_EVSEStatus.EVSEStatusCode == "EVSE_Malfunction"
    bench.run(1.5)
    vehicle.go_away()
    assert is_out_of_order(bench)
    reset(bench)
    next_vehicle_charges(bench)


def test_contactor_opens_by_itself() -> None:
    """A contactor that falls open under load takes the supply with it."""
    bench, vehicle = live_at("CurrentDemand")
    bench.inside("evse", "contactor").put(False)
    goes_dead_at_once(bench)
    vehicle.go_away()
    bench.until(lambda: is_out_of_order(bench), 2, "fault state")
    reset(bench)
    next_vehicle_charges(bench)


@pytest.mark.parametrize("end", ["PowerDelivery(Stop)", "pilot lost", "connection lost"])
def test_welded_contactor(end: str) -> None:
    """A welded contactor is found at the end of the session: no further vehicle until somebody has looked."""
    bench, vehicle = live_at("CurrentDemand")
    bench.inside("evse", "contactor").welded = True
    if end == "PowerDelivery(Stop)":
        walk_on(vehicle, "PowerDelivery(Stop)")
    elif end == "pilot lost":
        vehicle.pilot("B")
    else:
        assert vehicle.stream is not None
        vehicle.stream.close()
    bench.until(lambda: bench.circuit.output_V < 60.0 and not bench.circuit.on, 2.5, "voltage off")
    bench.until(lambda: is_out_of_order(bench), 2.5, "fault state")
    vehicle.go_away()
    reset(bench)
    bench.run(8)
    assert is_out_of_order(bench), "still welded, and in service"
    mend(bench)
    next_vehicle_charges(bench)


def test_supply_does_not_ramp_down() -> None:
    """A supply that holds its output is cut off by the contactor; the connector stays locked while there is voltage."""
    bench, vehicle = live_at("CurrentDemand")
    bench.circuit.stuck = True
    vehicle.ask("PowerDeliveryReq", ChargeProgress="Stop", ChargingComplete=True)
    vehicle.contactors(False)
    bench.until(lambda: not bench.circuit.station_closed, 3.0, "open contactor")
    bench.until(lambda: is_out_of_order(bench), 3.0, "fault state, after the time to say which part of it is stuck")
    assert not bench.circuit.on
    assert bench.adapter("evse", "lock").is_locked
    vehicle.go_away()
    mend(bench)
    next_vehicle_charges(bench)


def test_supply_stuck_when_the_pilot_is_lost() -> None:
    """The contactor alone must do it, in 100 ms."""
    bench, vehicle = live_at("CurrentDemand")
    bench.circuit.stuck = True
    vehicle.unplug()
    bench.run(0.1)
    assert not bench.circuit.station_closed
    assert not bench.circuit.on
    bench.run(2)
    vehicle.go_away()
    mend(bench)
    next_vehicle_charges(bench)


@in_both
def test_insulation_fault_while_charging(protocol: str) -> None:
    """The monitor's alarm in the loop: the station asks for a normal stop and says Fault (IEC 61851-23 CC.5.1)."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    bench.adapter("evse", "imd").resistance = 20.0
    bench.run(1.1)
    status = vehicle.ask("CurrentDemandReq").DC_EVSEStatus
    assert status.EVSENotification == STOP[protocol]
    assert status.EVSEIsolationStatus == "Fault"
    assert bench.circuit.output_A > 5.0, "a normal stop: the vehicle has its time"
    walk_on(vehicle, "PowerDelivery(Stop)")
    vehicle.go_away()
    mend(bench)
    next_vehicle_charges(bench)


def test_insulation_fault_and_the_vehicle_does_not_react() -> None:
    """After T_user_stop the output goes down without the vehicle."""
    bench, vehicle = live_at("CurrentDemand")
    bench.adapter("evse", "imd").resistance = 20.0
    for _ in range(130):
        if not vehicle.ended:
            vehicle.send("CurrentDemandReq")
        bench.run(0.2)
    assert vehicle.ended
    mend(bench)
    ends_safe(bench, vehicle, 2.0)


def test_monitor_breaks_while_charging() -> None:
    """Without a monitor there is no energy."""
    bench, vehicle = live_at("CurrentDemand")
    bench.adapter("evse", "imd").port.emit("fault", text="no answer")
    goes_dead_at_once(bench)
    vehicle.go_away()
    bench.until(lambda: is_out_of_order(bench), 2, "fault state")
    reset(bench)
    next_vehicle_charges(bench)


def test_over_temperature() -> None:
    """A warm connector halves the current; a hot one asks for a normal stop (IEC 61851-23 CC.5.2)."""
    bench, vehicle = live_at("CurrentDemand")
    supply = bench.adapter("evse", "supply")
    supply.temperature = 80.0
    for _ in range(10):
        status = vehicle.ask("CurrentDemandReq", EVTargetCurrent=190.0).DC_EVSEStatus
        bench.run(0.2)
    assert status.EVSENotification == "None"
    assert bench.circuit.output_A == pytest.approx(100.0, abs=1.0)
    supply.temperature = 95.0
    bench.run(0.2)
    assert vehicle.ask("CurrentDemandReq").DC_EVSEStatus.EVSENotification == "StopCharging"
    supply.temperature = 40.0
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


@pytest.mark.parametrize("what", ["overcurrent", "overvoltage"])
def test_supply_delivers_too_much(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supply that gives more than was asked is stopped before the vehicle has to."""
    bench, vehicle = live_at("CurrentDemand")
    supply: Any = bench.adapter("evse", "supply")
    excess = {"present_current": 150.0} if what == "overcurrent" else {"present_voltage": 470.0}
    monkeypatch.setattr(type(supply), *next(iter(excess.items())))
    bench.until(lambda: not bench.circuit.on, 1.0, "supply off")
    monkeypatch.undo()
    goes_dead(bench, 0.1)
    vehicle.go_away()
    bench.until(lambda: is_out_of_order(bench), 2, "fault state")
    reset(bench)
    next_vehicle_charges(bench)


@in_both
@pytest.mark.parametrize("below_V", [35.0, 357.0])
def test_a_target_below_the_battery(protocol: str, below_V: float) -> None:
    """No current while the vehicle asks for that, energy again when it asks for more, and nobody has to come."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    low = bench.circuit.output_V - below_V
    for _ in range(15):
        assert vehicle.ask("CurrentDemandReq", EVTargetVoltage=low).DC_EVSEStatus.EVSEStatusCode == "EVSE_Ready"
        bench.run(0.2)
    assert bench.circuit.output_A < 1.0
    for _ in range(8):
        take(vehicle, "CurrentDemand")
    assert bench.circuit.output_A > 90.0
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")
