"""What holds after every scenario: nothing is live, nothing is broken, and the next vehicle charges."""

from __future__ import annotations

from collections.abc import Callable

from tests.charge.bench import MS, Bench, ScriptedVehicle

T_CURRENT_OFF_S = 0.030
T_VOLTAGE_OFF_S = 0.100
"""Pilot lost: below 5 A and below 60 V within (IEC 61851-23 9.4, CC.5.4); the contactor is given the same 100 ms."""


def goes_dead(bench: Bench, seconds: float = 1.0) -> None:
    """The output is off and the contactor open within the time, looked at every event."""
    bench.until(lambda: bench.is_dead, seconds, "dead output")


def goes_dead_at_once(bench: Bench) -> None:
    """The same within the times for a lost pilot."""
    bench.system.advance(round(T_CURRENT_OFF_S * 1000) * MS)
    assert bench.circuit.output_A < 5.0, f"{bench.circuit.output_A} A after 30 ms"
    bench.system.advance(round((T_VOLTAGE_OFF_S - T_CURRENT_OFF_S) * 1000) * MS)
    circuit = bench.circuit
    assert circuit.output_V < 60.0, f"{circuit.output_V} V after 100 ms"
    assert not circuit.station_closed, "the contactor is closed after 100 ms"
    assert not circuit.on, "the supply is on after 100 ms"


def next_vehicle_charges(bench: Bench, free_within_s: float = 20.0) -> None:
    """Outlet 1 becomes free, and the vehicle chart charges there as if nothing had been."""
    bench.until(lambda: bench.is_in("evse", "outlet.available"), free_within_s, "free outlet")
    bench.system.run_due()  # the lock's motor takes as long as the outlet rests: both are over in this instant
    assert bench.is_dead
    assert not bench.system.roots["evse"].roles["lock"].adapter.is_locked, "the connector is still locked"
    assert bench.errors == []
    assert bench.system.failures == []
    before = bench.data("evse", "sessions")
    bench.bring("pev", stop_at_soc=40)
    bench.until(lambda: bench.data("evse", "sessions") == before + 1, 30, "complete session of the next vehicle")
    assert bench.data("evse", "failed_sessions") == 0
    assert bench.data("evse", "energy") > 0.0
    bench.until(lambda: bench.is_in("evse", "outlet.available"), free_within_s, "next free outlet")
    assert bench.is_dead
    assert bench.errors == []
    assert bench.system.failures == []


def ends_safe(bench: Bench, vehicle: ScriptedVehicle, seconds: float = 1.0) -> None:
    """Dead within the time though the vehicle still stands there; it leaves; the next one charges."""
    goes_dead(bench, seconds)
    vehicle.go_away()
    next_vehicle_charges(bench)


def stays(bench: Bench, condition: Callable[[], bool], seconds: float, what: str) -> None:
    """The condition holds all the time."""
    limit = bench.system.clock.now_ns() + round(seconds * 1000) * MS
    broken = bench.system.run_until(lambda: not condition(), limit)
    assert not broken, f"{what} did not last {seconds} s: {bench.states()}"
