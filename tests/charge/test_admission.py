"""Whether a session may run: outlet, SDP and V2G say the same, whoever connects, whenever."""

from __future__ import annotations

import pytest

from tests.charge.bench import Bench, ScriptedVehicle
from tests.charge.ends import next_vehicle_charges, stays
from tests.charge.test_scenarios_people import paused, press
from tests.charge.walk import take, walk, walk_on

EARLY = ("supportedAppProtocol", "SessionSetup", "ServiceDiscovery", "Authorization", "CableCheck")


def plugged(protocol: str = "din") -> tuple[Bench, ScriptedVehicle]:
    bench = Bench("evse_dc", ("evse",))
    vehicle = ScriptedVehicle(bench, protocol)
    vehicle.plug()
    return bench, vehicle


def is_turned_away(vehicle: ScriptedVehicle) -> None:
    """No SDP answer, and a connection to the known port is closed at the first word."""
    with pytest.raises(AssertionError, match="no SDP response"):
        vehicle.connect()
    address, port = vehicle.station
    vehicle.dial(address, port)
    vehicle.send("supportedAppProtocolReq")
    vehicle.bench.run(0.05)
    assert vehicle.ended
    assert vehicle.inbox == []


@pytest.mark.parametrize("gap_s", [0.05, 4.0, 9.0])
@pytest.mark.parametrize("step", EARLY)
def test_a_vehicle_that_closes_early_and_comes_back_charges(step: str, gap_s: float) -> None:
    """As iX3 and others do, and as often as they like: the outlet takes them at once, without an E/F pulse."""
    bench, vehicle = plugged()
    for _ in range(4):
        vehicle.connect()
        walk(vehicle, step)
        if step == "CableCheck":
            vehicle.pilot("B")
        assert vehicle.stream is not None
        vehicle.stream.close()
        stays(bench, lambda: bench.cable.circuit.duty_percent == 5.0, gap_s, "5 %")
    vehicle.connect()
    walk(vehicle, "SessionStop")
    walk_on(vehicle, "SessionStop")
    vehicle.go_away()
    next_vehicle_charges(bench)


def test_strangers_are_no_sessions() -> None:
    """Three connections of anybody that say nothing, or nonsense, cost the vehicle nothing; nor do three hundred."""
    bench, vehicle = plugged()
    vehicle.connect()
    for number in range(30):
        vehicle.dial(*vehicle.station)
        if number % 2:
            vehicle.raw(b"GET / HTTP/1.1\r\n\r\n")
        bench.run(0.01)
        assert vehicle.stream is not None
        vehicle.stream.close()
        bench.run(0.05)
    assert bench.data("evse", "failed_sessions") == 0
    assert bench.is_in("evse", "outlet.plugged.inviting")
    vehicle.connect()
    walk(vehicle, "SessionStop")
    walk_on(vehicle, "SessionStop")
    vehicle.go_away()
    next_vehicle_charges(bench)


def out_of_service(bench: Bench) -> None:
    bench.system.post(bench.system.roots["evse"], "out_of_service")
    bench.run(0.01)


@pytest.mark.parametrize("way", ["emergency button", "out of service"])
@pytest.mark.parametrize("when", ["before the vehicle", "plugged in"])
def test_no_session_at_a_faulty_outlet(way: str, when: str) -> None:
    """Nobody is answered OK for 40 s and then refused: SDP is silent, TCP closes; put right, it charges."""
    bench = Bench("evse_dc", ("evse",))
    vehicle = ScriptedVehicle(bench)
    vehicle.plug()
    vehicle.connect()
    assert vehicle.stream is not None
    vehicle.stream.close()
    if when == "before the vehicle":
        vehicle.unplug()
        bench.until(lambda: bench.is_in("evse", "outlet.available"), 20, "free outlet")
    if way == "emergency button":
        press(bench, "emergency_stop")
    else:
        out_of_service(bench)
    if when == "before the vehicle":
        bench.cable.plug(bench.port)  # type: ignore[arg-type]
    bench.run(1)
    assert bench.cable.circuit.duty_percent == 0.0
    is_turned_away(vehicle)
    press(bench, "emergency_released")
    bench.run(0.01)
    press(bench, "reset_pressed")
    bench.until(lambda: bench.cable.circuit.duty_percent == 5.0, 10, "5 %")
    vehicle.connect()
    walk(vehicle, "CurrentDemand")
    vehicle.go_away()
    next_vehicle_charges(bench)


@pytest.mark.parametrize(
    ("way", "status"), [("emergency button", "EVSE_EmergencyShutdown"), ("out of service", "EVSE_Shutdown")]
)
@pytest.mark.parametrize("step", ["CableCheck", "PreCharge", "CurrentDemand"])
def test_a_vehicle_in_a_session_reads_the_true_status_at_once(step: str, way: str, status: str) -> None:
    bench, vehicle = plugged("iso2")
    vehicle.connect()
    walk(vehicle, step)
    if way == "emergency button":
        press(bench, "emergency_stop")
        bench.run(0.01)
    else:
        out_of_service(bench)
    assert vehicle.ask(f"{step}Req").DC_EVSEStatus.EVSEStatusCode == status


def test_nobody_is_let_in_while_the_outlet_rests() -> None:
    """After a session that failed with power asked for: not during the E/F pulse, not when the station gave up."""
    bench, vehicle = plugged()
    for _ in range(3):
        vehicle.connect()
        walk(vehicle, "PreCharge")
        assert vehicle.stream is not None
        vehicle.stream.reset()
        bench.run(0.5)
        vehicle.pilot("B")
        is_turned_away(vehicle)
        bench.run(8)
    assert bench.is_in("evse", "outlet.plugged.gave_up")
    is_turned_away(vehicle)
    vehicle.go_away()
    next_vehicle_charges(bench)


def test_a_stranger_at_a_free_outlet() -> None:
    """On a wire anybody can ask; there is no session without a vehicle in the outlet."""
    bench, vehicle = plugged()
    vehicle.connect()
    vehicle.go_away()
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 20, "free outlet")
    is_turned_away(vehicle)
    next_vehicle_charges(bench)


def test_resumed_without_a_toggle() -> None:
    """5 % comes back with the session, before the vehicle is to go to state C."""
    bench, vehicle = paused()
    bench.run(60)
    assert bench.cable.circuit.duty_percent == 100.0
    vehicle.connect()
    take(vehicle, "supportedAppProtocol")
    take(vehicle, "SessionSetup")
    assert bench.cable.circuit.duty_percent == 5.0
    for step in ("ServiceDiscovery", "PaymentServiceSelection", "Authorization", "ChargeParameterDiscovery"):
        take(vehicle, step)
    vehicle.pilot("C")
    bench.run(0.1)
    take(vehicle, "CableCheck")
    vehicle.go_away()
    next_vehicle_charges(bench)
