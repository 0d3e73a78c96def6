"""The station charges with its power supply served by a chart; whatever becomes of that chart, the output goes dead."""

from __future__ import annotations

import pytest

from engine.run import Note, StepRecord
from engine.run.faults import parse_rule
from engine.semantics.step import Call
from tests.charge.bench import MS, Bench, ScriptedVehicle
from tests.charge.ends import ends_safe, goes_dead_at_once, stays
from tests.charge.test_scenarios_messages import charges_to_the_end, in_both
from tests.charge.test_scenarios_power import live_at

SERVED = "adapters.supply.use=machines/power/served_supply.yaml"
T_ANSWER_MS, C_RETRY = 40, 2


@in_both
def test_a_session_with_it(protocol: str) -> None:
    """From the cable check to the end, and the next vehicle after it."""
    bench, vehicle = live_at("CurrentDemand", protocol, SERVED)
    supply = bench.system.servers["evse/supply"].actor
    assert "output.enabled" in supply.machine.configuration
    assert bench.circuit.output_A > 90.0
    charges_to_the_end(bench, vehicle, "CurrentDemand")
    assert "output.disabled" in supply.machine.configuration


class Told:
    """When the chart has told its modules to switch off."""

    def __init__(self, bench: Bench) -> None:
        self.off_ns: list[int] = []
        bench.system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        if record.actor.path == "evse/supply":
            self.off_ns += [record.time_ns for e in record.step.effects if isinstance(e, Call) and e.action == "off"]

    def note(self, note: Note) -> None:
        pass


def kill(bench: Bench, how: str) -> None:
    """In the middle of everything: somebody stops the machine behind the role, or it fails."""
    server = bench.system.servers["evse/supply"].actor
    if how == "stopped":
        bench.system.stop(server)
    else:
        bench.system._broke(server, RuntimeError("killed"))
    assert server.state == how


@pytest.mark.parametrize("step", ["CableCheck", "PreCharge", "CurrentDemand"])
@pytest.mark.parametrize("how", ["stopped", "failed"])
def test_its_machine_is_killed(step: str, how: str) -> None:
    """It switches the modules off as it goes; the station hears of it, opens the contactor and stays dead."""
    bench, vehicle = live_at(step, "iso2", SERVED)
    kill(bench, how)
    goes_dead_at_once(bench)
    assert any("evse/supply: the chart served_supply behind it" in error for error in bench.errors)
    vehicle.contactors(False)
    bench.until(lambda: not bench.adapter("evse", "lock").is_locked, 5, "released connector")
    vehicle.go_away()
    stays(bench, lambda: bench.is_dead, 30, "dead output")
    assert all(error.startswith("evse/supply: ") for error in bench.errors), "and no promise is broken"


@pytest.mark.parametrize("how", ["stopped", "failed"])
def test_a_connector_that_the_vehicle_keeps_live_stays_locked(how: str) -> None:
    """The supply says nothing any more and the vehicle's contactor is welded: the battery stands on the pins behind the
    open contactor of the station. The meter sees it there, and nobody may pull the plug until it is gone."""
    bench, vehicle = live_at("CurrentDemand", "iso2", SERVED)
    kill(bench, how)
    goes_dead_at_once(bench)
    assert bench.is_in("evse", "outlet.faulted")
    lock = bench.adapter("evse", "lock")
    stays(bench, lambda: lock.is_locked and bench.circuit.cable_V > 300.0, 30.0, "the locked connector")
    assert bench.is_in("evse", "outlet.faulted.unknown")
    vehicle.contactors(False)
    bench.until(lambda: not lock.is_locked, 5, "released connector")
    assert bench.circuit.cable_V < 60.0


def test_its_modules_cannot_be_reached() -> None:
    """An alarm of the chart, at once; the next vehicle charges when they are back."""
    bench, vehicle = live_at("CurrentDemand", "iso2", SERVED)
    modules = bench.system.servers["evse/supply"].actor.roles["modules"]
    modules.report("no answer on the bus")
    goes_dead_at_once(bench)
    assert bench.errors == ["evse/supply.modules: no answer on the bus"]
    bench.errors.clear()
    ends_safe_after_reset(bench, vehicle)


def test_one_lost_order_to_switch_off_is_given_again() -> None:
    """The session ends as ever, one time-out of the chart later."""
    bench, vehicle = live_at("CurrentDemand", "iso2", SERVED)
    supply = bench.system.servers["evse/supply"].actor
    told = Told(bench)
    supply.roles["modules"].fault("off", parse_rule("drop:modules.off:1"))
    charges_to_the_end(bench, vehicle, "CurrentDemand")
    assert told.off_ns[1] - told.off_ns[0] == T_ANSWER_MS * MS


def test_modules_that_do_not_switch_off_are_an_alarm_in_the_charts_time() -> None:
    """The supply says in 120 ms that it is not off; the contactor is open by then."""
    bench, vehicle = live_at("CurrentDemand", "iso2", SERVED)
    modules = bench.system.servers["evse/supply"].actor.roles["modules"]
    modules.fault("off", parse_rule(f"drop:modules.off:1-{C_RETRY + 1}"))
    bench.system.servers["evse/supply"].order("off", {})
    bench.system.advance(((C_RETRY + 1) * T_ANSWER_MS + 1) * MS)
    assert not bench.circuit.on, "told once more on the alarm"
    goes_dead_at_once(bench)
    ends_safe_after_reset(bench, vehicle)


def ends_safe_after_reset(bench: Bench, vehicle: ScriptedVehicle) -> None:
    """A faulty output waits for a person; after that the next vehicle charges."""
    bench.run(3)
    bench.adapter("evse", "button").port.emit("reset_pressed")
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- silence

STALE_S = 1.1
"""From what age on the contract calls voltage and current of a supply stale."""


@pytest.mark.parametrize("value", ["present_voltage", "present_current"])
@pytest.mark.parametrize("step", ["CableCheck", "PreCharge", "CurrentDemand"])
def test_the_chart_tells_its_values_no_more(step: str, value: str) -> None:
    """As an adapter whose bus is dead: the station sees nothing of its output, and switches off what it cannot see."""
    bench, vehicle = live_at(step, "iso2", SERVED)
    bench.system.roots["evse"].roles["supply"].fault(value, parse_rule(f"drop:supply.{value}"))
    bench.until(lambda: bench.is_in("evse/output", "emergency"), STALE_S + 0.1, "emergency stop")
    assert bench.data("evse/output", "emergency.fault") == f"power supply: {value} is stale"
    goes_dead_at_once(bench)
    bench.run(2)
    vehicle.go_away()
    stays(bench, lambda: bench.is_dead, 30, "dead output")


@pytest.mark.parametrize("value", ["present_voltage", "present_current"])
def test_its_modules_fall_silent(value: str) -> None:
    """The chart says so, as an alarm; the next vehicle charges when they tell again."""
    bench, vehicle = live_at("CurrentDemand", "iso2", SERVED)
    modules = bench.system.servers["evse/supply"].actor.roles["modules"]
    now_ms = bench.system.clock.now_ns() // MS
    modules.fault(value, parse_rule(f"drop:modules.{value}:@{now_ms} ms-{now_ms + 3000} ms"))
    bench.until(lambda: bench.is_in("evse/output", "emergency"), STALE_S + 0.1, "emergency stop")
    assert bench.data("evse/output", "lacking") == f"the modules tell no {value}"
    goes_dead_at_once(bench)
    bench.run(3)
    bench.until(lambda: not bench.is_in("evse", "outlet.faulted"), 10, "free outlet, by itself")
    ends_safe(bench, vehicle)
