"""Scenarios of machines/power/dc_output.yaml: the DC output from the cable check to the way down.

Times and limits are the chart's parameters with their sources (IEC 61851-23 CC.3 to CC.5, 9.4, 101.2.1.5).
"""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/dc_output.yaml"
DEAD = {
    "supply.maximum_voltage": 500.0,
    "supply.maximum_current": 125.0,
    "supply.temperature": 30.0,
    "contactor.is_closed": False,
}
MS = 0.001
NOTHING_CLOSED = ("self_test", "closing")
"""Where the contactor is still open and no voltage is up: the way down is done at once."""
IN_CABLE_CHECK = ("self_test", "closing", "rising", "measuring", "discharging")


def off() -> Stage:
    """An output at rest."""
    return Stage(FILE, DEAD)


def checking(where: str, **values: float) -> Stage:
    """In the cable check, as far as ``where``."""
    stage = off().post("cable_check")
    stage.values("supply", **values)
    if where == "self_test":
        return stage
    stage.finish("test", passed=True)
    if where == "closing":
        return stage
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    if where == "rising":
        return stage
    stage.values("supply", present_voltage=499.0).run(0.05)
    if where == "measuring":
        return stage
    stage.emit("imd.measured", resistance=1000.0)
    if where == "discharging":
        return stage
    stage.values("supply", present_voltage=0.0).run(0.05)
    assert stage.active("cable_check.good")
    return stage


def precharging(voltage: float = 400.0, current: float = 1.0) -> Stage:
    """After a good cable check, on the way to the vehicle's voltage."""
    stage = checking("good").forget().post("pre_charge", voltage=voltage, current=current)
    assert stage.active("energised.pre_charge.approaching")
    return stage


def delivering(voltage: float = 400.0, current: float = 0.0) -> Stage:
    """Power on, the vehicle asks for this."""
    stage = precharging(voltage).values("supply", present_voltage=voltage).post("power_on")
    assert stage.active("energised.delivering.control")
    if current:
        stage.post("demand", voltage=voltage, current=current)
    return stage.forget()


def what(stage: Stage, *but: str) -> list[str]:
    """The orders in their order, without these."""
    return [order.what for order in stage.orders if order.what not in but]


def is_dead(stage: Stage) -> None:
    """Supply off, contactor ordered open, in the step itself."""
    assert {"supply.off", "contactor.set"} <= set(what(stage))
    assert stage.order("contactor.set") == {"closed": False}


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


@pytest.mark.parametrize("event", ["emergency_off", "demand", "pre_charge", "reset", "contactor.opened"])
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
    assert stage.active("cable_check.energising.rising.looking")
    stage.values("supply", present_voltage=280.0).run(0.05)
    assert stage.active("cable_check.energising.measuring")


def test_the_test_voltage_is_the_parameters() -> None:
    """A supply that could give 1,000 V tests a 500 V cable with 500 V; 480 V count."""
    stage = off().values("supply", maximum_voltage=1000.0).post("cable_check").finish("test", passed=True)
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    assert stage.order("supply.set") == {"voltage": 500.0, "current": 2.0}
    stage.values("supply", present_voltage=479.9).run(0.05)
    assert stage.active("cable_check.energising.rising.looking")
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
    assert stage.told("fault") == [{"reason": "the contactor opened by itself"}]
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
    assert stage.told("fault") == [{"reason": "power supply: fan"}]
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
    assert stage.input("dead_man") == {"period": 200_000_000}


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


# ---------------------------------------------------------------- pre-charge


def test_pre_charge_at_the_vehicles_voltage_and_at_most_2_a() -> None:
    """IEC 61851-23 CC.5.1: inrush is limited whatever the vehicle asks for."""
    stage = precharging(voltage=380.0, current=30.0)
    assert stage.order("supply.set") == {"voltage": 380.0, "current": 2.0}
    assert what(stage)[-2:] == ["supply.set", "supply.on"]
    assert precharging(current=1.5).order("supply.set") == {"voltage": 400.0, "current": 1.5}
    assert precharging(current=0.0).order("supply.set") == {"voltage": 400.0, "current": 0.5}
    assert precharging(voltage=900.0).order("supply.set") == {"voltage": 500.0, "current": 1.0}


def test_pre_charge_follows_another_target_and_ignores_the_same() -> None:
    """A vehicle repeats PreChargeReq every 100 ms: the supply is told again only when something has changed."""
    stage = precharging(400.0, 1.0).forget().post("pre_charge", voltage=400.0, current=1.0)
    assert stage.orders == []
    stage.post("pre_charge", voltage=405.0, current=1.0)
    assert stage.order("supply.set") == {"voltage": 405.0, "current": 1.0}
    stage.forget().post("pre_charge", voltage=405.0, current=1.5)
    assert stage.order("supply.set") == {"voltage": 405.0, "current": 1.5}


@pytest.mark.parametrize(("volts", "ready"), [(379.9, False), (380.0, True), (420.0, True), (420.1, False)])
def test_power_on_within_20_v_of_the_vehicles_voltage(volts: float, ready: bool) -> None:
    """IEC 61851-23 CC.5.1: the vehicle closes its contactor over a difference below 20 V."""
    stage = precharging().values("supply", present_voltage=volts).post("power_on")
    assert (stage.told("power_ready") == [{}]) is ready
    assert stage.active("energised.delivering") is ready


def test_power_on_waits_for_the_voltage() -> None:
    """A vehicle that asks early (Josev does) is answered when the voltage is there, looked at every 50 ms."""
    stage = precharging().values("supply", present_voltage=100.0).post("power_on").post("power_on")
    assert stage.active("energised.pre_charge.awaited.looking")
    assert stage.unhandled == []
    stage.run(1.0).values("supply", present_voltage=400.0)
    assert stage.told("power_ready") == []
    stage.run(0.05)
    assert stage.told("power_ready") == [{}]
    assert stage.times("power_ready") == [pytest.approx(stage.now_s)]


def test_power_on_is_refused_when_the_voltage_does_not_come() -> None:
    """The answer comes inside V2G_SECC_PowerDelivery_Performance_Time (1.5 s): 1.4 s and not later."""
    stage = precharging().forget().post("power_on").run(1.4 - MS)
    assert stage.said == []
    stage.run(MS)
    assert stage.told("power_refused") == [{"reason": "the output is not at the pre-charge voltage"}]
    assert stage.active("way_down")


def test_pre_charge_ignores_a_demand_and_the_closed_contactor() -> None:
    stage = precharging().forget()
    before = stage.states
    stage.post("demand", voltage=450.0, current=100.0).emit("contactor.closed")
    assert (stage.states, stage.orders, stage.said, stage.unhandled) == (before, [], [], [])


# ---------------------------------------------------------------- current demand


def test_the_current_rises_by_20_a_every_200_ms() -> None:
    """IEC 61851-23 101.2.1.5: at most 100 A/s up."""
    stage = delivering(current=110.0)
    for expected in (20.0, 40.0, 60.0, 80.0, 100.0, 110.0, 110.0):
        stage.forget().run(0.2 - MS)
        assert stage.orders == []
        stage.run(MS)
        assert stage.ordered("supply.set") == [{"voltage": 400.0, "current": expected}]
        assert stage.ordered("contactor.keep_alive") == [{}]
        stage.values("supply", present_current=expected)


def test_the_current_falls_by_80_a_every_200_ms() -> None:
    """A vehicle that asks for less gets less soon."""
    stage = delivering(current=110.0).run(2.0).values("supply", present_current=110.0)
    stage.post("demand", voltage=390.0, current=10.0).forget().values("supply", present_voltage=390.0).run(0.2)
    assert stage.order("supply.set") == {"voltage": 390.0, "current": 30.0}
    stage.values("supply", present_current=30.0).run(0.2)
    assert stage.order("supply.set") == {"voltage": 390.0, "current": 10.0}


def test_first_there_is_no_current() -> None:
    """After PowerDelivery nothing flows until the vehicle asks, whatever the pre-charge was told."""
    stage = delivering().run(0.2)
    assert stage.ordered("supply.set") == [{"voltage": 400.0, "current": 0.0}]


def test_demands_are_bounded_by_the_supply() -> None:
    """A vehicle that asks for 900 V and 400 A at a 500 V, 125 A outlet gets 500 V and 125 A."""
    stage = delivering().values("supply", present_voltage=500.0).post("demand", voltage=900.0, current=400.0).run(1.9)
    assert stage.order("supply.set") == {"voltage": 500.0, "current": 125.0}


@pytest.mark.parametrize(("celsius", "amperes"), [(74.9, 110.0), (75.0, 62.5), (89.9, 62.5)])
def test_half_the_current_above_75_degrees(celsius: float, amperes: float) -> None:
    """A hot station slows down before it stops."""
    stage = delivering(current=110.0).values("supply", temperature=celsius).run(1.9)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": amperes}
    assert stage.told("shutdown") == []


def test_a_small_demand_is_met_when_hot() -> None:
    stage = delivering(current=10.0).values("supply", temperature=80.0).run(1.9)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 10.0}


def test_without_a_demand_no_current_after_two_seconds() -> None:
    """A vehicle that has fallen silent would be charged on for the 60 s of the sequence timeout."""
    stage = delivering(current=50.0).run(2.0)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 50.0}
    stage.forget().run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 0.0}
    stage.run(5.0)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 0.0}
    stage.post("demand", voltage=400.0, current=10.0).run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 10.0}


def test_at_90_degrees_a_normal_stop_is_asked_for() -> None:
    """Too hot: the vehicle is asked to end the charge, the current is not cut."""
    stage = delivering(current=50.0).values("supply", temperature=90.0).run(0.2)
    assert stage.told("shutdown") == [{"reason": "over-temperature"}]
    assert stage.active("energised.delivering.control")


@pytest.mark.parametrize(
    ("voltage", "current"),
    [(430.1, 0.0), (400.0, 15.1)],
    ids=["30 V over the demanded voltage", "15 A over the set current"],
)
def test_an_excess_lasts_at_most_three_periods(voltage: float, current: float) -> None:
    """A supply that runs away is cut off after 0.8 s; one spike is not a fault."""
    stage = delivering().values("supply", present_voltage=voltage, present_current=current).run(0.6)
    assert stage.active("energised.delivering")
    stage.run(0.2 - MS)
    assert stage.active("energised.delivering")
    stage.run(MS)
    is_dead(stage)
    assert stage.told("fault") == [{"reason": "overvoltage or overcurrent"}]
    assert stage.active("emergency")


def test_the_excess_is_counted_in_a_row() -> None:
    """Spikes that pass never add up to a stop."""
    stage = delivering()
    for _ in range(4):
        stage.values("supply", present_voltage=440.0).run(0.6)
        stage.values("supply", present_voltage=400.0).run(0.2)
    assert stage.active("energised.delivering")
    assert stage.told("fault") == []


@pytest.mark.parametrize(("voltage", "current"), [(430.0, 0.0), (400.0, 15.0)])
def test_an_excess_at_the_limit_is_none(voltage: float, current: float) -> None:
    stage = delivering().values("supply", present_voltage=voltage, present_current=current).run(5.0)
    assert stage.active("energised.delivering")


def test_renegotiation_is_answered_while_delivering() -> None:
    """PowerDelivery(Start) after a renegotiation: ready at once, and a repeated pre-charge is no reason to stop."""
    stage = delivering(current=50.0).run(1.0).forget().post("power_on")
    assert stage.told("power_ready") == [{}]
    assert stage.active("energised.delivering.control")
    stage.post("pre_charge", voltage=300.0, current=1.0).run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 50.0}
    assert stage.unhandled == []


def test_power_again_begins_without_current() -> None:
    """The second session of a plug-in starts at 0 A, not where the emergency cut the first one."""
    stage = delivering(current=125.0).run(1.9).post("emergency_off").values("contactor", is_closed=False)
    stage.values("supply", present_voltage=0.0).run(1.0).post("cable_check").finish("test", passed=True)
    stage.values("contactor", is_closed=True).emit("contactor.closed").values("supply", present_voltage=500.0).run(0.05)
    stage.emit("imd.measured", resistance=1000.0).values("supply", present_voltage=0.0).run(0.05)
    stage.post("pre_charge", voltage=400.0, current=1.0)
    stage.values("supply", present_voltage=400.0).forget().post("power_on").run(0.4)
    assert [order["current"] for order in stage.ordered("supply.set")] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("kilo_ohm", "told"), [(39.99, True), (40.0, False)])
def test_insulation_while_live(kilo_ohm: float, told: bool) -> None:
    """IEC 61851-23 CC.5.1: 100 Ohm/V of 400 V; reported, and the vehicle is asked to stop."""
    stage = delivering(current=50.0).emit("imd.measured", resistance=kilo_ohm)
    assert (stage.told("insulation_fault") == [{}]) is told
    assert stage.told("shutdown") == ([{"reason": "insulation fault"}] if told else [])
    assert stage.active("energised.delivering")


def test_insulation_while_live_at_a_low_voltage() -> None:
    """Below 60 V the limit stays at 6 kOhm."""
    stage = precharging(voltage=10.0)
    stage.emit("imd.measured", resistance=6.0)
    assert stage.told("insulation_fault") == []
    stage.emit("imd.measured", resistance=5.99)
    assert stage.told("insulation_fault") == [{}]


@pytest.mark.parametrize("live", [precharging, delivering])
def test_the_contactor_opens_by_itself_while_live(live: object) -> None:
    """Dead-man or a broken coil: off in the same step, and a fault."""
    assert callable(live)
    stage: Stage = live().forget().values("contactor", is_closed=False)
    stage.emit("contactor.opened")
    is_dead(stage)
    assert stage.told("fault") == [{"reason": "the contactor opened by itself"}]
    assert "imd.stop" in what(stage)
    assert stage.active("emergency")


# ---------------------------------------------------------------- the way down


def test_the_way_down_step_by_step() -> None:
    """Current down first, then the supply off, then below 60 V, then the contactor: it never opens under load."""
    stage = delivering(current=50.0).run(1.0).values("supply", present_current=50.0).forget().post("power_off")
    assert what(stage) == ["imd.stop", "supply.set"]
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 0.0}
    stage.forget().values("supply", present_current=5.0).run(0.05)
    assert stage.orders == []
    stage.values("supply", present_current=4.9).run(0.05)
    assert (what(stage), stage.told("current_off")) == (["supply.off"], [{}])
    stage.forget().values("supply", present_voltage=60.0).run(0.05)
    assert stage.orders == []
    stage.values("supply", present_voltage=59.9).run(0.05)
    assert (what(stage), stage.order("contactor.set")) == (["contactor.set"], {"closed": False})
    assert stage.told("is_off") == []
    stage.values("contactor", is_closed=False).emit("contactor.opened")
    assert stage.told("is_off") == [{}]
    assert stage.active("off")


def test_the_way_down_when_all_is_down() -> None:
    """Nothing flows, no voltage, the contactor open already: off in the same step."""
    stage = precharging().forget().values("contactor", is_closed=False).post("power_off")
    assert what(stage) == ["imd.stop", "supply.set", "supply.off", "contactor.set"]
    assert [name for _, name, _ in stage.said] == ["current_off", "is_off"]
    assert stage.active("off")


def test_the_feedback_alone_may_say_that_the_contactor_is_open() -> None:
    """The event may come before the value: it ends the way down."""
    stage = precharging().post("power_off")
    assert stage.active("way_down.opening.looking")
    stage.emit("contactor.opened")
    assert stage.active("off")
    assert stage.told("is_off") == [{}]


@pytest.mark.parametrize("given_up", [False, True])
def test_cable_check_after_a_renegotiation(given_up: bool) -> None:
    """The live output goes down and opens before it is checked again, unless the session ends meanwhile."""
    stage = delivering(current=50.0).values("supply", present_current=50.0).forget().post("cable_check")
    assert stage.active("way_down.ramping.looking")
    stage.values("supply", present_current=0.0).run(0.05).values("supply", present_voltage=0.0).run(0.05)
    assert stage.active("way_down.opening.looking")
    if given_up:
        stage.post("power_off")
    stage.values("contactor", is_closed=False).emit("contactor.opened")
    assert stage.active("off" if given_up else "cable_check.self_test")
    assert bool(stage.told("is_off")) is given_up
    assert ("imd.self_test" in what(stage)) is not given_up


@pytest.mark.parametrize("opened", [False, True])
def test_cable_check_asked_for_on_the_way_down(opened: bool) -> None:
    """A vehicle that comes back at once gets its check when the output is down, also where the contactor is open
    already."""
    stage = delivering().post("power_off").values("contactor", is_closed=not opened).post("cable_check")
    assert stage.active("way_down.discharging.looking")
    stage.values("supply", present_voltage=0.0).run(0.05)
    if not opened:
        assert stage.active("way_down.opening.looking")
        stage.emit("contactor.opened")
    assert stage.active("cable_check.self_test")
    assert stage.told("is_off") == []


def test_the_contactor_is_kept_closed_on_the_way_down() -> None:
    """The dead-man signal goes on until the contactor is ordered open, or it would open under load."""
    stage = delivering(current=50.0).values("supply", present_current=50.0).post("power_off").forget().run(1.0)
    assert stage.active("way_down.ramping")
    assert stage.input("dead_man") == {"period": 200_000_000}


def test_the_second_way_down_after_a_new_check_ends_off() -> None:
    """A check on the way is asked for once, not at every way down from then on."""
    stage = delivering().post("cable_check").values("supply", present_voltage=0.0).run(0.05)
    stage.values("contactor", is_closed=False).emit("contactor.opened")
    stage.post("power_off").run(0.1)
    assert stage.active("off")


@pytest.mark.parametrize("amperes", [50.0, 5.0])
def test_a_current_that_does_not_fall_is_cut_after_1500_ms(amperes: float) -> None:
    """A supply that does not follow: switched off, and nobody is told that the current is down."""
    stage = delivering(current=50.0).values("supply", present_current=amperes).forget().post("power_off").forget()
    stage.run(1.5 - MS)
    assert stage.orders == []
    stage.run(MS)
    assert what(stage) == ["supply.off"]
    assert stage.told("current_off") == []


def test_an_output_that_does_not_discharge_is_locked() -> None:
    """Above 60 V after 1 s (IEC 61851-23 CC.3.5): locked until somebody has looked."""
    stage = delivering().forget().post("power_off").forget().run(1.0 - MS)
    assert stage.orders == []
    stage.run(MS)
    is_dead(stage)
    assert stage.told("fault") == [{"reason": "the output does not discharge"}]
    assert stage.active("faulty")


def test_a_welded_contactor_is_found() -> None:
    """It does not open within 150 ms: locked, never used again before somebody has looked."""
    stage = precharging().post("power_off").forget().run(0.15 - MS)
    assert stage.said == []
    stage.run(MS)
    assert stage.told("fault") == [{"reason": "the contactor does not open: welded?"}]
    assert stage.told("is_off") == []
    assert stage.active("faulty")


@pytest.mark.parametrize("event", ["power_off", "cable_check", "contactor.opened"])
def test_the_way_down_is_not_disturbed(event: str) -> None:
    """A hurried vehicle or a late feedback does not begin it anew: the times go on."""
    stage = delivering(current=50.0).values("supply", present_current=50.0).forget().post("power_off").run(1.0).forget()
    if event == "contactor.opened":
        stage.emit(event)
    else:
        stage.post(event)
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])
    stage.run(0.5)
    assert what(stage) == ["supply.off"]


# ---------------------------------------------------------------- emergency and faults


@pytest.mark.parametrize("where", [*IN_CABLE_CHECK, "good", "pre_charge", "delivering", "ramping"])
def test_emergency_off_is_dead_in_the_same_step(where: str) -> None:
    """IEC 61851-23 9.4: below 5 A within 30 ms whatever goes on."""
    if where == "pre_charge":
        stage = precharging()
    elif where in ("delivering", "ramping"):
        stage = delivering(current=50.0).values("supply", present_current=50.0)
        if where == "ramping":
            stage.post("power_off")
    else:
        stage = checking(where)
    stage.forget().post("emergency_off")
    assert what(stage, "imd.stop") == ["supply.off", "contactor.set"]
    assert stage.order("contactor.set") == {"closed": False}
    assert stage.told("fault") == []
    assert stage.active("emergency")


@pytest.mark.parametrize(
    ("role", "event", "reason"),
    [("supply", "alarm", "power supply: overvoltage"), ("imd", "fault", "insulation monitor: overvoltage")],
)
@pytest.mark.parametrize("where", ["off", "delivering", "opening"])
def test_a_part_says_that_it_is_broken(role: str, event: str, reason: str, where: str) -> None:
    stage = {"off": off, "delivering": delivering, "opening": lambda: precharging().post("power_off")}[where]()
    stage.forget().emit(f"{role}.{event}", text="overvoltage", **({"code": "other"} if role == "supply" else {}))
    is_dead(stage)
    assert stage.told("fault") == [{"reason": reason}]
    assert stage.active("emergency")


@pytest.mark.parametrize("where", ["off", "delivering"])
def test_an_adapter_that_breaks(where: str) -> None:
    """A lost bus to the supply is an emergency, with the adapter's own words."""
    stage = (off() if where == "off" else delivering()).forget().breaks("supply", "no answer from module 2")
    is_dead(stage)
    (told,) = stage.told("fault")
    assert "no answer from module 2" in told["reason"]
    assert stage.active("emergency")


def emergency(volts: float = 0.0, amperes: float = 0.0, closed: bool = False) -> Stage:
    """Just after an emergency stop, with these readings."""
    stage = delivering(current=50.0).post("emergency_off").forget()
    return stage.values("supply", present_voltage=volts, present_current=amperes).values("contactor", is_closed=closed)


@pytest.mark.parametrize(
    ("volts", "closed", "dead"),
    [(59.9, False, True), (60.0, False, False), (0.0, True, False)],
)
def test_after_an_emergency_it_is_dead_within_a_second_or_locked(volts: float, closed: bool, dead: bool) -> None:
    stage = emergency(volts, closed=closed).run(1.0 - MS)
    assert stage.active("emergency")
    assert stage.said == []
    stage.run(MS)
    assert stage.active("off") is dead
    assert stage.told("is_off") == ([{}] if dead else [])
    assert stage.told("fault") == ([] if dead else [{"reason": "emergency stop: still live"}])
    assert stage.active("faulty") is not dead


@pytest.mark.parametrize(("amperes", "told"), [(4.9, True), (5.0, False)])
@pytest.mark.parametrize("where", ["emergency", "faulty"])
def test_power_off_after_an_emergency_is_answered_when_the_current_is_down(
    amperes: float, told: bool, where: str
) -> None:
    """The vehicle may open its contactors only without current."""
    stage = emergency(100.0, amperes)
    if where == "faulty":
        stage.run(1.0)
    stage.forget().post("power_off")
    assert stage.active(where)
    assert (stage.told("current_off") == [{}]) is told


@pytest.mark.parametrize("where", ["emergency", "faulty"])
def test_no_new_power_after_an_emergency(where: str) -> None:
    """Refused with the reason, until it is over; nothing is switched."""
    stage = emergency(100.0)
    if where == "faulty":
        stage.run(1.0)
    stage.forget().post("cable_check").post("power_on")
    reason = {"emergency": "the output is in emergency stop", "faulty": "emergency stop: still live"}[where]
    assert stage.told("cable_check_bad") == [{"reason": reason}]
    assert stage.told("power_refused") == [{"reason": reason}]
    assert stage.orders == []
    assert stage.active(where)


@pytest.mark.parametrize("where", ["emergency", "faulty"])
def test_more_bad_news_changes_nothing(where: str) -> None:
    """An alarm, the button again, a feedback, a broken adapter: the second of the emergency goes on, once told."""
    stage = emergency(100.0).run(0.5)
    if where == "faulty":
        stage.run(0.5)
    stage.forget().post("emergency_off").emit("supply.alarm", code="other", text="fan").emit("contactor.opened")
    stage.emit("imd.fault", text="no answer").breaks("supply")
    if where == "emergency":
        stage.post("reset")
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])
    assert stage.active(where)
    stage.run(0.5)
    assert stage.active("faulty")


def test_a_locked_output_is_freed_by_reset() -> None:
    """Reset tries the way off again: free when it is dead then, locked again when not."""
    stage = emergency(100.0).run(1.0).forget().run(100.0)
    assert stage.active("faulty")
    assert stage.orders == []
    stage.post("reset")
    is_dead(stage)
    assert stage.active("emergency")
    stage.run(1.0)
    assert stage.active("faulty")
    stage.values("supply", present_voltage=0.0).post("reset").run(1.0)
    assert stage.active("off")
    assert stage.told("is_off") == [{}]


def test_reset_of_an_output_at_rest_changes_nothing() -> None:
    assert off().post("reset").orders == []
