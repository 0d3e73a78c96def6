"""Unsafe ends: what must not happen at a station whatever vehicle, people and parts do, on the virtual clock.

Lock and contactor under voltage and current, a current nobody asks for any more, a stop that is not taken back.
"""

from __future__ import annotations

import pytest

from tests.charge.bench import Bench
from tests.charge.ends import ends_safe, goes_dead, goes_dead_at_once, next_vehicle_charges, stays
from tests.charge.test_scenarios_messages import STOP, arrive, charges_to_the_end, in_both
from tests.charge.test_scenarios_people import press
from tests.charge.test_scenarios_power import LIVE, is_out_of_order, live_at, mend, reset
from tests.charge.walk import prepare, take

# ---------------------------------------------------------------- contactor and current


@in_both
def test_contactor_opens_without_load(protocol: str) -> None:
    """The ramp down from full current takes longer than the contactor's dead-man time: it is still kept closed."""
    bench, vehicle = live_at("CurrentDemand", protocol, "adapters.supply.maximum_power=100 kW")
    for _ in range(10):
        vehicle.ask("CurrentDemandReq", EVTargetCurrent=200.0)
        bench.run(0.2)
    assert bench.circuit.output_A > 195.0
    bench.circuit.slew_A_per_s = 150.0  # 1.3 s down
    vehicle.send("PowerDeliveryReq", ChargeProgress="Stop", ChargingComplete=True)
    bench.until(lambda: not bench.circuit.station_closed or bench.circuit.output_A < 5.0, 2.0, "current off")
    assert bench.circuit.station_closed, f"the contactor opened at {bench.circuit.output_A} A"
    assert vehicle.hear().ResponseCode == "OK"
    bench.circuit.slew_A_per_s = 500.0
    vehicle.contactors(False)
    goes_dead(bench)
    ends_safe(bench, vehicle)


@in_both
def test_silent_vehicle_gets_no_current(protocol: str) -> None:
    """A vehicle that asks for nothing any more gets no current long before the 60 s of the sequence timeout, and its
    current back when it asks again."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    bench.run(1.0)
    assert bench.circuit.output_A > 90.0
    bench.run(3.0)
    assert bench.circuit.output_A < 5.0
    assert bench.circuit.station_closed
    for _ in range(8):
        take(vehicle, "CurrentDemand")
    assert bench.circuit.output_A > 90.0
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


def test_no_current_while_renegotiating() -> None:
    """Between PowerDelivery(Renegotiate) and (Start) nobody says what the battery may get: it gets nothing."""
    bench, vehicle = live_at("CurrentDemand")
    vehicle.ask("PowerDeliveryReq", ChargeProgress="Renegotiate")
    bench.run(0.7)
    assert bench.circuit.output_A < 5.0
    vehicle.ask("ChargeParameterDiscoveryReq")
    vehicle.ask("PowerDeliveryReq")
    for _ in range(8):
        take(vehicle, "CurrentDemand")
    assert bench.circuit.output_A > 90.0
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


def test_renegotiation_with_a_new_cable_check() -> None:
    """A vehicle that goes the whole way again after a renegotiation: down, cable check, pre-charge, energy."""
    bench, vehicle = live_at("CurrentDemand")
    vehicle.ask("PowerDeliveryReq", ChargeProgress="Renegotiate")
    bench.run(0.7)
    vehicle.contactors(False)
    vehicle.ask("ChargeParameterDiscoveryReq")
    for step in ("CableCheck", "PreCharge", "PowerDelivery", "CurrentDemand"):
        prepare(vehicle, step)
        take(vehicle, step)
    assert bench.circuit.output_A > 90.0
    assert bench.errors == []
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


def test_stopped_on_the_way_to_a_new_cable_check() -> None:
    """The vehicle gives up a renegotiation while the output goes down for the cable check: it stays down."""
    bench, vehicle = live_at("CurrentDemand")
    vehicle.ask("PowerDeliveryReq", ChargeProgress="Renegotiate")
    vehicle.contactors(False)
    vehicle.ask("ChargeParameterDiscoveryReq")
    vehicle.send("CableCheckReq")
    vehicle.hear()
    assert bench.is_in("evse/output", "way_down")
    vehicle.ask("SessionStopReq")
    goes_dead(bench)
    stays(bench, lambda: bench.is_dead, 3.0, "a dead output")
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- pilot


@in_both
@pytest.mark.parametrize("late_s", [0.5, 3.0])
def test_cable_check_waits_for_state_c(protocol: str, late_s: float) -> None:
    """500 V only at a vehicle that says by its pilot that it is ready; one that does not is refused."""
    bench, vehicle = arrive(protocol, "CableCheck")
    vehicle.pilot("B")
    bench.run(1.0)
    assert vehicle.ask("CableCheckReq").EVSEProcessing == "Ongoing"
    bench.until(lambda: bench.adapter("evse", "lock").is_locked, 1.0, "locked connector")
    stays(bench, lambda: bench.is_dead, late_s, "a dead output in state B")
    vehicle.pilot("C")
    answer = vehicle.ask("CableCheckReq")
    while answer.ResponseCode == "OK" and answer.EVSEProcessing == "Ongoing":
        bench.run(0.2)
        answer = vehicle.ask("CableCheckReq")
    if late_s < 1.5:
        assert answer.ResponseCode == "OK"
        charges_to_the_end(bench, vehicle, "PreCharge")
    else:
        assert answer.ResponseCode == "FAILED"
        ends_safe(bench, vehicle)


@in_both
def test_pilot_lost_in_the_cable_check_is_told(protocol: str) -> None:
    """The vehicle's next CableCheckRes says that the station has stopped, not Ongoing until its time is up."""
    bench, vehicle = live_at("CableCheck", protocol)
    vehicle.pilot("B")
    bench.run(0.1)
    status = vehicle.ask("CableCheckReq").DC_EVSEStatus
    assert (status.EVSEStatusCode, status.EVSENotification) == ("EVSE_EmergencyShutdown", STOP[protocol])
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- lock


@in_both
@pytest.mark.parametrize("step", LIVE)
def test_connector_comes_unlocked(protocol: str, step: str) -> None:
    """A lock that gives way while the connector is live: dead at once, out of order (IEC 61851-23 CC.5.3)."""
    bench, vehicle = live_at(step, protocol)
    bench.inside("evse", "lock").put(False)
    goes_dead_at_once(bench)
    assert is_out_of_order(bench)
    vehicle.go_away()
    bench.run(1.5)
    reset(bench)
    next_vehicle_charges(bench)


def unlocked_at_V(bench: Bench) -> list[float]:
    """The output's voltage whenever the lock opens from now on."""
    voltages: list[float] = []
    lock = bench.adapter("evse", "lock")
    unlock = lock.unlock

    def watched() -> None:
        voltages.append(bench.circuit.output_V)
        unlock()

    lock.unlock = watched
    return voltages


def test_gives_up_with_the_connector_locked_until_it_is_dead() -> None:
    """The last failed session of a plug-in ends at 400 V: the connector is released below 60 V, and not before."""
    bench, vehicle = live_at("CurrentDemand", "iso2", "C_session_retry=1")
    bench.circuit.stuck = True
    voltages = unlocked_at_V(bench)
    assert vehicle.stream is not None
    vehicle.stream.reset()
    bench.run(0.5)
    assert bench.circuit.output_V > 60.0
    assert voltages == []
    assert bench.adapter("evse", "lock").is_locked
    bench.circuit.stuck = False
    bench.until(lambda: bool(voltages), 3.0, "unlocked connector")
    assert max(voltages) < 60.0
    vehicle.go_away()
    bench.run(2)
    mend(bench)
    next_vehicle_charges(bench)


def test_released_after_an_emergency_stop() -> None:
    """The red button does not hold the vehicle for ever: the connector is released once the output is dead."""
    bench, vehicle = live_at("CurrentDemand")
    voltages = unlocked_at_V(bench)
    press(bench, "emergency_stop")
    goes_dead_at_once(bench)
    bench.until(lambda: not bench.adapter("evse", "lock").is_locked, 2.0, "unlocked connector")
    assert max(voltages) < 60.0
    assert is_out_of_order(bench)
    vehicle.go_away()
    press(bench, "emergency_released")
    reset(bench)
    next_vehicle_charges(bench)


# ---------------------------------------------------------------- a stop is a stop


@pytest.mark.parametrize("how", ["silent", "closes", "obeys"])
def test_after_the_stop_button_no_new_session_by_itself(how: str) -> None:
    """Who pressed stop is not charged on: no E/F pulse, no 5 % until the vehicle was unplugged, however it went."""
    bench, vehicle = live_at("CurrentDemand")
    press(bench, "stop_pressed")
    bench.run(0.1)
    if how == "silent":
        bench.until(lambda: bool(vehicle.ended), 21, "end of the connection")
    elif how == "closes":
        assert vehicle.stream is not None
        vehicle.stream.close()
    else:
        take(vehicle, "PowerDelivery(Stop)")
        vehicle.contactors(False)
        vehicle.pilot("B")
        vehicle.ask("SessionStopReq")
        assert vehicle.stream is not None
        vehicle.stream.close()
    goes_dead(bench, 2.0)
    bench.until(lambda: bench.cable.circuit.duty_percent == 100.0, 1.0, "steady +12 V")
    stays(bench, lambda: bench.cable.circuit.duty_percent == 100.0, 60.0, "steady +12 V")
    ends_safe(bench, vehicle)


def test_stop_button_after_the_session() -> None:
    """A second press does not end it a second time."""
    bench, vehicle = live_at("CurrentDemand")
    take(vehicle, "PowerDelivery(Stop)")
    vehicle.contactors(False)
    vehicle.pilot("B")
    vehicle.ask("SessionStopReq")
    assert vehicle.stream is not None
    vehicle.stream.close()
    bench.until(lambda: bench.is_in("evse", "outlet.plugged.finished.unlocked"), 2, "finished session")
    press(bench, "stop_pressed")
    stays(bench, lambda: bench.is_in("evse", "outlet.plugged.finished.unlocked"), 1.0, "the finished session")
    vehicle.go_away()
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 20, "free outlet")
    next_vehicle_charges(bench)


# ---------------------------------------------------------------- out of order


def test_back_in_service_waits_for_the_emergency_button() -> None:
    """A back end cannot put a station into service whose emergency button is down."""
    bench = Bench("evse_dc", ("evse",))
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 5, "free outlet")
    press(bench, "emergency_stop")
    bench.run(0.1)
    evse = bench.system.roots["evse"]
    bench.system.post(evse, "in_service")
    stays(bench, lambda: bench.is_in("evse", "outlet.faulted"), 5.0, "the fault state")
    press(bench, "emergency_released")
    bench.system.post(evse, "in_service")
    next_vehicle_charges(bench)


@pytest.mark.parametrize("wait_s", [0.0, 0.5, 60.0])
def test_reset_of_an_idle_station(wait_s: float) -> None:
    """Emergency button with nobody there: one press of reset is enough, soon or late."""
    bench = Bench("evse_dc", ("evse",))
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 5, "free outlet")
    press(bench, "emergency_stop")
    bench.run(0.1)
    press(bench, "emergency_released")
    bench.run(wait_s)
    reset(bench)
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 5, "free outlet")
    next_vehicle_charges(bench)


def test_broken_monitor_does_not_clear_a_fault() -> None:
    """A second fault does not lead out of the locked fault state of the output."""
    bench, vehicle = live_at("CurrentDemand")
    bench.inside("evse", "contactor").welded = True
    vehicle.pilot("B")
    bench.until(lambda: bench.is_in("evse/output", "faulty"), 3.0, "locked output")
    bench.adapter("evse", "imd").port.emit("fault", text="no answer")
    stays(bench, lambda: bench.is_in("evse/output", "faulty"), 3.0, "the locked output")
    mend(bench)
    vehicle.go_away()
    reset(bench)
    next_vehicle_charges(bench)
