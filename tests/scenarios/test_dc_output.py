"""Scenarios of machines/power/dc_output.yaml: at rest and in the cable check.

Times and limits are the chart's parameters with their sources (IEC 61851-23 CC.3 to CC.5, 9.4, 101.2.1.5).
"""

from __future__ import annotations

import pytest

from tests.scenarios.dc_output import (
    IN_CABLE_CHECK,
    MS,
    NOTHING_CLOSED,
    checking,
    delivering,
    is_dead,
    off,
    precharging,
    what,
)
from tests.scenarios.stage import Stage

# ---------------------------------------------------------------- at rest


def test_at_rest_nothing_is_ordered() -> None:
    """An output that does something before it is asked."""
    stage = off()
    assert stage.active("off")
    assert stage.orders == []
    stage.run(10)
    assert stage.orders == []


def test_at_rest_power_off_is_answered_at_once() -> None:
    """A session that ends before any power waits for an answer that never comes."""
    stage = off().post("power_off")
    assert [name for _, name, _ in stage.said] == ["current_off", "is_off"]
    assert stage.active("off")


def test_at_rest_power_on_is_refused() -> None:
    """A vehicle that leaves out the pre-charge closes its contactors on a dead output, or on a live one."""
    stage = off().post("power_on")
    assert stage.told("power_refused") == [{"reason": "no pre-charge"}]
    assert stage.active("off")
    assert stage.orders == []


@pytest.mark.parametrize("event", ["emergency_off", "pilot_lost", "demand", "pre_charge", "reset", "contactor.opened"])
def test_at_rest_these_change_nothing(event: str) -> None:
    """A late message of the last session, or the button when nothing runs, must not start anything."""
    stage = off()
    if event in ("demand", "pre_charge"):
        stage.post(event, voltage=400.0, current=10.0)
    elif event.startswith("contactor"):
        stage.emit(event)
    else:
        stage.post(event)
    assert stage.active("off")
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])


# ---------------------------------------------------------------- cable check


def test_cable_check_step_by_step() -> None:
    """The order that keeps people safe: monitor tested, contactor closed, voltage up at 2 A, measured, down again."""
    stage = off().post("cable_check")
    assert what(stage) == ["imd.self_test"]
    stage.forget().finish("test", passed=True)
    assert (what(stage), stage.order("contactor.set")) == (["contactor.set"], {"closed": True})
    stage.forget().values("contactor", is_closed=True).emit("contactor.closed")
    assert what(stage) == ["supply.set", "supply.on"]
    assert stage.order("supply.set") == {"voltage": 500.0, "current": 2.0}
    stage.forget().values("supply", present_voltage=500.0).run(0.05)
    assert stage.active("cable_check.energising.measuring")
    assert what(stage) == ["imd.start"]
    stage.forget().emit("imd.measured", resistance=1000.0)
    assert what(stage) == ["imd.stop", "supply.off"]
    assert stage.told("cable_check_ok") == []
    stage.forget().values("supply", present_voltage=0.0).run(0.05)
    assert (stage.told("cable_check_ok"), what(stage)) == ([{}], [])
    assert stage.active("cable_check.good")


def test_test_voltage_is_at_most_the_supplys() -> None:
    """A 300 V supply is never told 500 V, and 280 V are enough there."""
    stage = off().values("supply", maximum_voltage=300.0).post("cable_check").finish("test", passed=True)
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    assert stage.order("supply.set") == {"voltage": 300.0, "current": 2.0}
    stage.values("supply", present_voltage=279.9).run(0.05)
    assert stage.active("cable_check.energising.rising")
    stage.values("supply", present_voltage=280.0).run(0.05)
    assert stage.active("cable_check.energising.measuring")


def test_the_test_voltage_is_the_parameters() -> None:
    """A supply that could give 1,000 V tests a 500 V cable with 500 V; 480 V count."""
    stage = off().values("supply", maximum_voltage=1000.0).post("cable_check").finish("test", passed=True)
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    assert stage.order("supply.set") == {"voltage": 500.0, "current": 2.0}
    stage.values("supply", present_voltage=479.9).run(0.05)
    assert stage.active("cable_check.energising.rising")
    stage.values("supply", present_voltage=480.0).run(0.05)
    assert stage.active("cable_check.energising.measuring")


@pytest.mark.parametrize(
    ("where", "seconds", "reason"),
    [
        ("self_test", 10.0, "the insulation monitor gave no self test result"),
        ("closing", 0.150, "the contactor did not close"),
        ("rising", 5.0, "the output did not reach the test voltage"),
        ("measuring", 19.95, "no insulation measurement"),
        ("discharging", 1.0, "the output does not discharge"),
    ],
)
def test_cable_check_takes_no_longer(where: str, seconds: float, reason: str) -> None:
    """A part that does not answer: not a moment too early, then the vehicle is told why."""
    stage = checking(where).forget().run(seconds - MS)
    assert (stage.said, stage.orders) == ([], [])
    stage.run(MS)
    assert stage.told("cable_check_bad") == [{"reason": reason}]
    assert "supply.off" in what(stage)
    assert stage.active("off" if where in NOTHING_CLOSED else "way_down")


@pytest.mark.parametrize(("passed", "bad"), [(False, True), (True, False)])
def test_self_test_of_the_monitor(passed: bool, bad: bool) -> None:
    """Insulation is never trusted to a monitor that fails its own test."""
    stage = checking("self_test").finish("test", passed=passed)
    assert stage.active("cable_check.closing") is not bad
    assert stage.told("cable_check_bad") == ([{"reason": "the insulation monitor failed its self test"}] if bad else [])
    assert ("contactor.set", {"closed": True}) not in [(o.what, o.args) for o in stage.orders] or not bad


def test_self_test_cannot_be_run() -> None:
    """The monitor's own words reach the vehicle's side."""
    stage = checking("self_test").fail("test", "no answer on the bus")
    assert stage.told("cable_check_bad") == [{"reason": "no answer on the bus"}]
    assert stage.active("off")


@pytest.mark.parametrize(("kilo_ohm", "good"), [(49.999, False), (50.0, True)])
def test_insulation_below_100_ohm_per_volt_is_a_fault(kilo_ohm: float, good: bool) -> None:
    """IEC 61851-23 CC.4.1: 100 Ohm/V at 500 V are 50 kOhm."""
    stage = checking("measuring").emit("imd.measured", resistance=kilo_ohm)
    assert stage.active("cable_check.discharging") is good
    assert stage.told("cable_check_bad") == ([] if good else [{"reason": "insulation fault"}])


def test_a_current_into_an_insulation_fault_is_cut_at_once() -> None:
    """Where current already flows into the fault there is no ramp."""
    stage = checking("measuring").values("supply", present_current=6.0).forget().emit("imd.measured", resistance=1.0)
    assert what(stage)[:2] == ["imd.stop", "supply.off"]


@pytest.mark.parametrize(("volts", "good"), [(60.0, False), (59.9, True)])
def test_cable_check_ends_below_60_v(volts: float, good: bool) -> None:
    """The check is good only when nobody can get a shock from the plug any more."""
    stage = checking("discharging").values("supply", present_voltage=volts).run(0.05)
    assert (stage.told("cable_check_ok") == [{}]) is good


@pytest.mark.parametrize("where", IN_CABLE_CHECK)
def test_power_off_in_the_cable_check(where: str) -> None:
    """A vehicle that gives up in the cable check leaves a dead plug."""
    stage = checking(where).forget().post("power_off")
    assert stage.active("off" if where in NOTHING_CLOSED else "way_down")
    assert ("imd.stop" in what(stage)) is (where == "measuring")
    assert not stage.told("cable_check_bad")


@pytest.mark.parametrize("where", IN_CABLE_CHECK)
def test_power_on_in_the_cable_check(where: str) -> None:
    """Power asked for before the pre-charge is refused, and the check goes on."""
    stage = checking(where).forget()
    before = stage.states
    stage.post("power_on")
    assert stage.told("power_refused") == [{"reason": "no pre-charge"}]
    assert stage.states == before


@pytest.mark.parametrize("where", ["rising", "measuring", "discharging"])
def test_the_contactor_opens_in_the_cable_check(where: str) -> None:
    """A contactor that drops out under voltage: all off, and a fault."""
    stage = checking(where).forget().values("contactor", is_closed=False).emit("contactor.opened")
    is_dead(stage)
    assert stage.told("fault") == [{"reason": "the contactor opened by itself", "errorCode": "PowerSwitchFailure"}]
    assert stage.active("emergency")


@pytest.mark.parametrize("where", ["self_test", "closing"])
def test_an_open_contactor_before_it_was_closed_is_no_fault(where: str) -> None:
    """The late feedback of the last session's opening."""
    stage = checking(where).forget()
    before = stage.states
    stage.emit("contactor.opened")
    assert (stage.states, stage.said, stage.unhandled) == (before, [], [])


@pytest.mark.parametrize("where", [*IN_CABLE_CHECK, "good"])
def test_supply_alarm_in_the_cable_check(where: str) -> None:
    """The vehicle hears that the check is bad, the supervisor that something is broken."""
    stage = checking(where).forget().emit("supply.alarm", code="other", text="fan")
    is_dead(stage)
    assert stage.told("cable_check_bad") == [{"reason": "power supply: fan"}]
    assert stage.told("fault") == [{"reason": "power supply: fan", "errorCode": "InternalError"}]
    assert stage.active("emergency")


def test_the_monitor_measures_only_while_something_is_live() -> None:
    """The end of the measurement stops the monitor's coupling; the pre-charge starts it again."""
    stage = checking("measuring").forget().emit("imd.measured", resistance=1000.0)
    assert what(stage) == ["imd.stop", "supply.off"]
    stage = checking("good").forget().post("pre_charge", voltage=400.0, current=1.0)
    assert what(stage)[:1] == ["imd.start"]
    stage.forget().post("power_off")
    assert "imd.stop" in what(stage)


def test_cable_check_again_and_demand_too_early() -> None:
    """A vehicle that checks twice gets a second check; a demand now changes nothing."""
    stage = checking("good").forget().post("demand", voltage=400.0, current=100.0)
    assert (stage.orders, stage.unhandled) == ([], [])
    assert stage.active("cable_check.good")
    stage.post("cable_check")
    assert stage.active("cable_check.self_test")
    assert "imd.self_test" in what(stage)


@pytest.mark.parametrize("where", ["self_test", "good", "pre_charge"])
def test_dead_man_beats_every_200_ms(where: str) -> None:
    """The contactor drops out when the controller hangs: the beat runs from the cable check on."""
    stage = precharging() if where == "pre_charge" else checking(where)
    assert stage.input("keep_alive") == {"period": 200_000_000}


def looked_at(stage: Stage, **there: float) -> None:
    """A reading that changes just after a look is seen at the next one, 50 ms later."""
    stage.run(10 * 0.05 + 0.01)
    before = stage.states
    stage.values("supply", **there).run(0.04 - MS)
    assert stage.states == before
    stage.run(MS)
    assert stage.states != before


def test_readings_are_looked_at_every_50_ms() -> None:
    """Looking too seldom makes every session longer than the vehicle's patience, looking too often loads the bus."""
    looked_at(checking("rising"), present_voltage=500.0)
    looked_at(checking("discharging"), present_voltage=0.0)
    looked_at(precharging().post("power_on"), present_voltage=400.0)
    down = delivering(current=50.0).run(1.0).values("supply", present_current=50.0).post("power_off")
    looked_at(down, present_current=0.0)
    looked_at(down, present_voltage=0.0)
