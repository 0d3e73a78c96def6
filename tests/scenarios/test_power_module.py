"""Scenarios of machines/power/module.yaml: one module, what it is told and when, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/module.yaml"
NOTHING = "does not confirm that it gives nothing without its controller"


def away(**parameters: Any) -> Stage:
    """Nothing has been heard of module 3."""
    return Stage(
        FILE, **{"module": 3, "tells_output": True, "has_ranges": False, "stores": False, "T_report": 0, **parameters}
    )


def says(stage: Stage, output: str | None = None, *alarms: str) -> Stage:
    return stage.post("status", output=output, alarms=list(alarms))


def reads(stage: Stage, voltage: float | None = None, current: float | None = None) -> Stage:
    return stage.post("reading", voltage=voltage, current=current)


def ready(**parameters: Any) -> Stage:
    """It is there, off, its output dead."""
    return says(reads(away(**parameters), 0.0, 0.0), "off").forget()


def starting(voltage: float = 400.0, current: float = 20.0, **parameters: Any) -> Stage:
    return ready(**parameters).post("deliver", voltage=voltage, current=current)


def delivering(voltage: float = 400.0, current: float = 20.0, **parameters: Any) -> Stage:
    stage = says(starting(voltage, current, **parameters), "on").forget()
    assert stage.active("output.present.regulating.current")
    return stage


def alive(stage: Stage, seconds: float, voltage: float = 300.0, current: float | None = None, *alarms: str) -> Stage:
    """It is on and says so every 100 ms, with the current it was told unless one is given."""
    for _ in range(round(seconds * 10)):
        says(reads(stage.run(0.1), voltage, stage.data("set_current") if current is None else current), "on", *alarms)
    return stage


def off_and_alive(stage: Stage, seconds: float, *alarms: str) -> Stage:
    for _ in range(round(seconds * 10)):
        says(reads(stage.run(0.1), 0.0, 0.0), "off", *alarms)
    return stage


def states(stage: Stage) -> list[tuple[str, str]]:
    """What it has told of its state, and why."""
    return [(data["state"], data["why"]) for data in stage.told("is")]


def currents(stage: Stage) -> list[float]:
    return [args["current"] for args in stage.ordered("modules.set")]


# ---------------------------------------------------------------- there, and off before anything else


def test_off_before_anything_else() -> None:
    """Whatever it did before we came; told each 100 ms until it shows that it is off and gives nothing."""
    stage = away()
    assert (states(stage), stage.ordered("modules.off")) == ([("offline", "")], [])
    reads(stage, 380.0, 12.0)
    assert states(stage)[-1] == ("stopping", "")
    says(stage.run(0.1), "on")
    assert stage.times("modules.off") == [0.0, 0.1]
    says(stage.run(0.1), "off")
    assert stage.active("output.present.stopping"), "12 A are not off"
    reads(stage, 380.0, 5.0)
    assert stage.active("output.present.stopping")
    reads(stage, 380.0, 4.9)
    assert states(stage)[-1] == ("discharging", "")
    reads(stage, 60.0, 0.0)
    assert stage.active("output.present.discharging")
    reads(stage, 59.9)
    assert states(stage)[-1] == ("standby", "")
    assert stage.order("modules.off") == {"module": 3}


def test_other_modules_hold_the_voltage() -> None:
    stage = says(reads(away(), 400.0, 0.0), "off").run(0.999)
    assert stage.active("output.present.discharging")
    assert stage.run(0.001).active("output.present.standby")


def test_modules_that_do_not_tell_their_output() -> None:
    """Their answers to the orders are believed, and what they measure."""
    stage = reads(away(tells_output=False), 0.0, 6.0).post("switched")
    assert stage.active("output.present.stopping"), "it still gives 6 A"
    reads(stage, 0.0, 0.0)
    assert stage.active("output.present.standby")
    stage.post("deliver", voltage=400.0, current=20.0).post("switched")
    assert stage.active("output.present.regulating")
    stage.post("stop").post("switched")
    assert stage.active("output.present.standby")
    stage = starting().post("switched")
    assert stage.active("output.present.starting"), "who tells it is not believed before"
    assert reads(away()).post("switched").active("output.present.stopping")


def test_switched_on_by_somebody_else() -> None:
    stage = says(ready(), "on")
    assert (states(stage), stage.times("modules.off")) == ([("stopping", "")], [0.0])


def test_a_reset_bus_harms_nobody() -> None:
    assert ready().breaks("modules").unhandled == []


def test_out_of_turn() -> None:
    """Answers to nothing, and before it is there, change nothing."""
    stage = ready().post("switched").post("ranged").post("stored", voltage=1.0, current=0.0)
    assert (stage.active("output.present.standby"), stage.orders, stage.unhandled) == (True, [], [])
    stage = away().post("deliver", voltage=400.0, current=9.0).post("stop").post("select", range="narrow")
    assert (stage.orders, stage.unhandled) == ([], [])
    assert says(reads(stage, 0.0, 0.0), "off").active("output.present.standby"), "what was ordered before is forgotten"


# ---------------------------------------------------------------- on


def test_it_is_told_its_set_points_and_on_until_it_is() -> None:
    stage = starting(400.0, 20.0)
    assert [order.what for order in stage.orders] == ["modules.set", "modules.on"]
    assert stage.order("modules.set") == {"module": 3, "voltage": 400.0, "current": 5.0}
    says(stage.run(0.5), "off")
    assert stage.times("modules.on") == [0.0, 0.5]
    says(stage, "on")
    assert [state for state, _ in states(stage)] == ["starting", "regulating"]
    stage.forget().run(0.45)
    assert currents(stage) == [10.0, 15.0, 20.0], "5 A each 100 ms"
    assert stage.times("modules.set") == pytest.approx([0.6, 0.7, 0.8])
    assert [args["voltage"] for args in stage.ordered("modules.set")] == [400.0] * 3
    alive(stage.forget(), 1.1)
    assert stage.times("modules.set") == pytest.approx([1.0, 1.5, 2.0]), "one may have been lost"
    assert stage.order("modules.set") == {"module": 3, "voltage": 400.0, "current": 20.0}


def test_less_than_a_step() -> None:
    assert starting(current=3.0).order("modules.set") == {"module": 3, "voltage": 400.0, "current": 3.0}


def test_one_that_does_not_switch_on() -> None:
    stage = starting().run(1.9)
    assert stage.active("output.present.starting")
    says(stage, "off").run(0.1)
    assert states(stage)[-1] == ("fault", "does not switch on")


def test_stopped_before_it_is_on() -> None:
    stage = starting().post("stop")
    assert (states(stage)[-1], stage.order("modules.off")) == (("stopping", ""), {"module": 3})


@pytest.mark.parametrize(
    ("voltage", "current", "told"),
    [(400.0, 12.0, (400.0, 12.0)), (390.0, 20.0, (390.0, 20.0)), (410.0, 20.0, (410.0, 20.0)), (400.0, 20.0, None)],
)
def test_what_changes_is_told_at_once_unless_it_is_more(
    voltage: float, current: float, told: tuple[float, float] | None
) -> None:
    stage = alive(delivering(), 1).forget().post("deliver", voltage=voltage, current=current)
    order = stage.order("modules.set")
    assert (None if order is None else (order["voltage"], order["current"])) == told
    stage.forget().post("deliver", voltage=voltage, current=40.0)
    assert currents(stage) == [], "more comes step by step"
    stage.run(0.1)
    assert currents(stage) == [min(current, 20.0) + 5.0]


def test_it_regulates_the_current_or_the_voltage() -> None:
    stage = delivering()
    reads(stage, 397.9)
    assert stage.active("output.present.regulating.current")
    reads(stage, 398.0)
    assert stage.active("output.present.regulating.voltage")
    reads(stage, 397.9)
    assert stage.active("output.present.regulating.current")


@pytest.mark.parametrize("alarm", ["derated", "power_limited", "input_limited"])
@pytest.mark.parametrize("voltage", [300.0, 400.0])
def test_derated(alarm: str, voltage: float) -> None:
    """From either regulation, and back when it says no more of it."""
    stage = says(reads(delivering(), voltage), "on", alarm)
    assert stage.active("output.present.regulating.derated")
    alive(stage, 8, voltage, 1.0, alarm)
    assert not stage.told("off_by"), "it says why it gives less"
    says(stage, "on")
    assert not stage.active("output.present.regulating.derated")
    assert states(stage) == []


def test_stop() -> None:
    stage = delivering().post("stop")
    assert (states(stage), stage.times("modules.off")) == ([("stopping", "")], [0.0])
    says(reads(stage, 0.0, 0.0), "off")
    assert stage.run(1).active("output.present.standby"), "and it stays so"


def test_one_that_does_not_switch_off() -> None:
    stage = alive(delivering().post("stop"), 1.9)
    assert states(stage)[-1] == ("stopping", "")
    alive(stage, 0.1)
    assert states(stage)[-1] == ("fault", "does not switch off")
    alive(stage.forget(), 5)
    assert stage.times("modules.off") == pytest.approx([2.0 + k / 10 for k in range(1, 51)]), "told for ever"
    says(reads(stage, 300.0, 5.0), "off")
    assert states(stage) == []
    reads(stage, 300.0, 4.9)
    assert states(stage) == [("dead", "")]


# ---------------------------------------------------------------- off by itself


def test_one_that_restarts_is_switched_on_again_twice() -> None:
    """It has forgotten what it was told: all set points anew, from the first step on."""
    stage = alive(delivering(), 1)
    for _ in range(2):
        says(stage.forget(), "off")
        assert (states(stage), currents(stage)) == ([("starting", "")], [5.0])
        says(stage, "on")
    says(stage.forget(), "off")
    assert states(stage) == [("fault", "switches off by itself")]


def test_what_is_on_for_ten_seconds_is_steady() -> None:
    stage = delivering()
    for _ in range(4):
        says(says(alive(stage, 9.9), "off"), "on")
        if stage.active("output.present.fault"):
            break
    assert stage.active("output.present.fault.dead") or stage.active("output.present.fault.telling")
    stage = delivering()
    for _ in range(4):
        says(says(alive(stage, 10.1), "off"), "on")
    assert stage.active("output.present.regulating")


# ---------------------------------------------------------------- alarms

ALARMS = (
    "fault", "protection", "overtemperature", "overtemperature_off", "output_overvoltage", "output_overvoltage_off",
    "output_short", "fan", "address_twice", "input_low", "input_high", "input_high_off", "phase_lost", "pfc",
    "output_relay", "internal_communication", "dcdc_overvoltage", "discharge_abnormal",
)  # fmt: skip


@pytest.mark.parametrize("alarm", ALARMS)
def test_with_an_alarm_it_is_not_used(alarm: str) -> None:
    stage = says(delivering(), "on", "communication", alarm)
    assert (states(stage), stage.times("modules.off")) == ([("fault", alarm)], [0.0])


@pytest.mark.parametrize("alarm", ["communication", "bit_7", "output_off"])
def test_other_alarms_are_for_people(alarm: str) -> None:
    assert states(says(delivering(), "on", alarm)) == []


@pytest.mark.parametrize("begun", [ready, starting])
def test_alarms_before_it_is_on(begun: Any) -> None:
    stage = says(begun(), "off", "fan")
    assert states(stage)[-1] == ("fault", "fan")
    assert ("standby", "") not in states(stage)
    assert states(says(stage, "off", "fan"))[-1] == ("dead", "")
    assert states(says(ready(), "fault"))[0] == ("fault", "fault"), "it may say it as its output"


def test_used_again_ten_seconds_after_its_last_alarm() -> None:
    stage = off_and_alive(says(delivering(), "off", "fan"), 30, "fan")
    assert states(stage) == [("fault", "fan"), ("dead", "")]
    stage.forget().post("deliver", voltage=400.0, current=20.0)
    assert not stage.orders
    off_and_alive(stage, 9.9)
    off_and_alive(stage, 0.1, "fan")
    assert stage.active("output.present.fault.dead")
    off_and_alive(stage, 10)
    assert states(stage) == [("dead", "")]
    off_and_alive(stage, 0.2)
    assert [state for state, _ in states(stage)][:4] == ["dead", "stopping", "discharging", "standby"]


def test_used_again_is_not_switched_on() -> None:
    """Whoever runs it says so first."""
    stage = off_and_alive(off_and_alive(says(delivering(), "off", "fan"), 1, "fan"), 12).forget()
    off_and_alive(stage, 2)
    others = [order for order in stage.orders if order.what != "modules.identify"]
    assert (stage.active("output.present.standby"), others) == (True, [])


@pytest.mark.parametrize("alarms", [(), ("fan",)])
@pytest.mark.parametrize("how", ["on", "current"])
def test_out_of_order_and_on_again(alarms: tuple[str, ...], how: str) -> None:
    """Told off once more, dead or recovering."""
    stage = off_and_alive(says(delivering(), "off", "fan"), 0.2, "fan")
    off_and_alive(stage, 0.2, *alarms).forget()
    says(stage, "on", *alarms) if how == "on" else reads(stage, 300.0, 5.0)
    assert stage.active("output.present.fault.telling")
    assert stage.order("modules.off") == {"module": 3}
    reads(stage, 300.0, 4.9)
    assert stage.active("output.present.fault.telling"), "what it said of its output before counts no more"
    says(stage, "off", *alarms)
    assert states(stage) == [("dead", "")]


def test_out_of_order_and_silent_about_its_output() -> None:
    stage = says(reads(away(tells_output=False), 0.0, 0.0).post("switched"), None, "fan")
    assert states(stage)[-1] == ("fault", "fan")
    assert states(stage.post("switched"))[-1] == ("dead", "")
    stage = says(delivering(), "on", "fan").post("switched")
    assert states(stage)[-1] == ("fault", "fan"), "who tells its output is not believed before"


# ---------------------------------------------------------------- silence


@pytest.mark.parametrize("begun", [ready, starting, delivering])
def test_silent_for_two_seconds(begun: Any) -> None:
    """Told off three times, then left to its own cut-off; only after that it counts as gone."""
    stage = begun(T_judge=10**10).forget().run(1.999)
    assert ("lost", "silent") not in states(stage)
    stage.forget().run(0.001)
    assert states(stage) == [("lost", "silent")]
    stage.run(10)
    assert stage.times("modules.off") == pytest.approx([2.0, 2.5, 3.0])
    assert len(stage.orders) == 3, "nothing more, so that its own cut-off acts"
    stage.forget().run(2.499)
    assert states(stage) == []
    stage.run(0.001)
    assert states(stage) == [("offline", "")]
    assert (stage.data("voltage"), stage.data("current")) == (0.0, 0.0)


@pytest.mark.parametrize("seconds", [2.5, 5.0, 20.0])
def test_back_again(seconds: float) -> None:
    """Off first, whatever it does; what it was told before counts no more."""
    stage = reads(delivering(), 390.0, 20.0).run(seconds).forget()
    reads(stage, 390.0, 20.0)
    assert (states(stage), stage.order("modules.off")) == ([("stopping", "")], {"module": 3})
    says(reads(stage, 0.0, 0.0), "off").run(1)
    assert (states(stage)[-1], currents(stage)) == (("standby", ""), [])
    stage.forget().post("deliver", voltage=390.0, current=20.0)
    assert currents(stage) == [5.0]


def test_what_it_said_before_it_was_silent_counts_no_more() -> None:
    stage = reads(ready().run(2.5), 0.0, 0.0)
    assert stage.active("output.present.stopping"), "off is what it says now"
    assert says(stage, "off").active("output.present.standby")
    stage.forget().run(4)
    assert len(stage.ordered("modules.off")) == 3, "told three times each time it is lost"
    stage = reads(delivering(), 390.0, 20.0).run(20)
    assert says(says(stage, "off"), "off").active("output.present.standby"), "390 V and 20 A were of another one"
    stage = says(reads(away(tells_output=False), 0.0, 0.0).post("switched"), None, "fan", "derated").run(20)
    assert reads(stage, 0.0, 0.0).post("switched").active("output.present.standby"), "and so was its alarm"
    stage.post("deliver", voltage=400.0, current=9.0).post("switched")
    assert stage.active("output.present.regulating.current")


@pytest.mark.parametrize("frame", [reads, says])
def test_any_frame_is_life(frame: Any) -> None:
    stage = delivering()
    for _ in range(5):
        frame(stage.run(1.9))
    assert stage.active("output.present.regulating")


# ---------------------------------------------------------------- more and less than told


@pytest.mark.parametrize(("current", "named"), [(22.1, True), (22.0, False)])
def test_it_gives_more(current: float, named: bool) -> None:
    """5 % and 1 A for 5 s: scale or module wrong, out of order."""
    stage = alive(delivering(), 1)
    reads(stage, 300.0, current)
    alive(stage, 4.9, 300.0, current)
    assert states(stage) == []
    stage.run(0.1)
    assert (states(stage)[:1] == [("fault", "gives more than it was told")]) == named
    assert stage.errors == []


@pytest.mark.parametrize(("current", "named"), [(17.9, True), (18.0, False)])
def test_it_gives_less_and_does_not_say_why(current: float, named: bool) -> None:
    """Told once, and again when it happens again; the charge goes on."""
    stage = alive(delivering(), 1)
    reads(stage, 300.0, current)
    alive(stage, 4.9, 300.0, current)
    assert stage.told("off_by") == []
    alive(stage, 20, 300.0, current)
    assert stage.told("off_by") == ([{"asked": 20.0, "measured": current}] if named else [])
    alive(alive(stage, 1), 6, 300.0, current)
    assert len(stage.told("off_by")) == 2 * named
    assert (states(stage), stage.errors) == ([], [])


@pytest.mark.parametrize(("wrong", "right"), [(23.0, 22.0), (17.0, 18.0)])
def test_back_in_its_limits(wrong: float, right: float) -> None:
    stage = alive(alive(alive(delivering(), 1), 3, 300.0, wrong), 3, 300.0, right)
    assert (states(stage), stage.told("off_by")) == ([], [])
    if wrong < right:
        alive(alive(alive(stage, 6, 300.0, wrong), 1, 300.0, right), 6, 300.0, wrong)
        assert len(stage.told("off_by")) == 2


@pytest.mark.parametrize("current", [30.0, 5.0])
def test_shorter_than_five_seconds(current: float) -> None:
    stage = alive(delivering(), 1)
    for _ in range(3):
        alive(alive(stage, 4.5, 300.0, current), 0.2)
    assert (states(stage), stage.told("off_by")) == ([], [])


def test_less_at_the_set_voltage_is_as_it_should_be() -> None:
    stage = alive(delivering(), 8, 400.0, 2.0)
    assert stage.told("off_by") == []


# ---------------------------------------------------------------- ranges


def test_the_range_is_chosen_while_it_is_off() -> None:
    """Two seconds of rest, told until it confirms, two seconds of rest; only then it is switched on."""
    stage = ready(has_ranges=True)
    assert stage.active("output.present.ranging.resting")
    stage.post("deliver", voltage=400.0, current=20.0)

    def alive_off(seconds: float) -> Stage:
        return off_and_alive(stage, seconds)

    alive_off(1.9)
    assert not stage.ordered("modules.select_range")
    alive_off(0.6)
    assert stage.ordered("modules.select_range") == [{"module": 3, "range": "wide"}] * 2
    assert stage.times("modules.select_range") == pytest.approx([2.0, 2.5])
    stage.post("ranged")
    alive_off(1.9)
    assert not stage.ordered("modules.on")
    alive_off(0.1)
    assert stage.times("modules.on") == pytest.approx([4.5])
    says(stage, "on").forget().post("select", range="narrow")
    alive(stage, 5)
    assert not stage.ordered("modules.select_range"), "not while it is on"
    says(reads(stage.post("stop"), 0.0, 0.0), "off")
    alive_off(2.1)
    assert stage.order("modules.select_range") == {"module": 3, "range": "narrow"}
    stage.post("ranged")
    alive_off(8)
    assert len(stage.ordered("modules.select_range")) == 1, "confirmed, and kept"


def test_another_range_while_it_changes() -> None:
    stage = off_and_alive(ready(has_ranges=True), 2)
    stage.post("select", range="narrow")
    assert stage.order("modules.select_range") == {"module": 3, "range": "narrow"}
    off_and_alive(stage.post("ranged"), 2.1)
    assert stage.active("output.present.standby")


def test_a_range_that_is_not_taken() -> None:
    stage = off_and_alive(ready(has_ranges=True), 3.4)
    assert len(stage.ordered("modules.select_range")) == 3
    off_and_alive(stage, 0.1)
    assert ("fault", "does not take its range of voltage") in states(stage)
    off_and_alive(stage.forget(), 15.5)
    assert len(stage.ordered("modules.select_range")) == 3, "as often the next time"


def test_a_module_that_was_away_has_forgotten_its_range() -> None:
    stage = off_and_alive(off_and_alive(ready(has_ranges=True), 2).post("ranged"), 3).forget().run(2.5)
    off_and_alive(stage, 4)
    assert stage.ordered("modules.select_range")


# ---------------------------------------------------------------- what it gives without its controller


def test_nothing_is_stored_before_it_is_switched_on() -> None:
    """The least voltage and 0 A, told until it confirms both; as delivered it would give all it can."""
    stage = ready(stores=True, U_stored=150.0)
    stage.post("deliver", voltage=400.0, current=20.0)
    assert stage.active("output.present.storing")
    says(stage.run(0.5), "off").post("stored", voltage=150.0, current=None)
    assert not stage.ordered("modules.on")
    stage.post("stored", voltage=None, current=0.0)
    assert stage.ordered("modules.on")
    says(stage, "on").post("stop")
    off_and_alive(stage, 1).post("deliver", voltage=400.0, current=20.0)
    assert stage.active("output.present.starting"), "kept for good"
    stage.post("stored", voltage=500.0, current=50.0)
    stage.run(3).forget()
    off_and_alive(stage, 0.1)
    assert stage.active("output.present.storing"), "silent since: it may be another one"


def test_what_is_stored_is_told_again() -> None:
    stage = away(stores=True, U_stored=150.0)
    off_and_alive(stage, 0.1).forget()
    off_and_alive(stage, 1.4)
    # once on arrival, which was forgotten
    assert stage.times("modules.store") == pytest.approx([0.6, 1.1])
    assert stage.order("modules.store") == {"module": 3, "voltage": 150.0, "current": 0.0}
    off_and_alive(stage, 0.2)
    assert states(stage)[0] == ("fault", NOTHING)
    off_and_alive(stage, 10.3)
    assert stage.active("output.present.storing"), "tried again after a while"
    stage.forget()
    off_and_alive(stage, 0.9)
    assert stage.active("output.present.storing"), "as often as before"
    stage.post("stored", voltage=150.0, current=0.0)
    assert stage.active("output.present.standby")


@pytest.mark.parametrize(
    ("voltage", "current", "harmless"),
    [(151.0, 0.1, True), (151.1, 0.0, False), (150.0, 0.2, False), (None, 0.0, False), (150.0, None, False)],
)
def test_read_back(voltage: float | None, current: float | None, harmless: bool) -> None:
    stage = ready(stores=True).post("stored", voltage=voltage, current=current)
    assert stage.active("output.present.standby") == harmless


def test_what_it_said_before_it_was_told_does_not_count() -> None:
    for voltage, current in ((150.0, None), (None, 0.0)):
        stage = away(stores=True).post("stored", voltage=150.0, current=0.0)
        says(reads(stage, 0.0, 0.0), "off").post("stored", voltage=voltage, current=current)
        assert stage.active("output.present.storing")


def test_the_end() -> None:
    stage = delivering().stop()
    assert stage.order("modules.off") == {"module": 3}


# ---------------------------------------------------------------- two at one address


def other(stage: Stage) -> Stage:
    return stage.post("another")


def test_it_is_asked_for_its_serial_number_while_it_is_there() -> None:
    """At once, then each 3 s; of one that is silent nothing is asked, so that its own cut-off acts."""
    stage = off_and_alive(ready_from_the_first_word(), 6.5)
    assert stage.times("modules.identify") == [0.0, 3.0, 6.0]
    assert stage.order("modules.identify") == {"module": 3}
    stage.forget().run(20)
    assert (stage.active("output.offline"), stage.times("modules.identify")) == (True, [])
    assert reads(stage, 0.0, 0.0).times("modules.identify") == [stage.now_s]


def ready_from_the_first_word() -> Stage:
    return says(reads(away(), 0.0, 0.0), "off")


def test_one_that_was_exchanged_is_used() -> None:
    """Its serial number changes once; once more after 10 s is another exchange."""
    stage = other(ready())
    assert (states(off_and_alive(stage, 10.1)), stage.active("alone.one")) == ([], True)
    assert states(off_and_alive(other(stage), 12)) == []


@pytest.mark.parametrize("begun", [ready, starting, delivering])
def test_two_serial_numbers_in_turn_are_two_modules(begun: Any) -> None:
    """Off, named, and not used before there has been one number alone for 10 s, and no alarm for 10 s more."""
    stage = off_and_alive(other(begun()), 0.1)
    assert ("fault", "address_twice") not in states(stage)
    other(stage)
    assert states(stage)[-1] == ("fault", "address_twice")
    assert stage.times("modules.off")[-1] == stage.now_s
    off_and_alive(stage, 5)
    assert states(other(stage))[-1] == ("dead", "")
    off_and_alive(stage.forget(), 9.9)
    assert stage.active("output.present.fault.dead")
    off_and_alive(stage, 9.9)
    assert (stage.active("output.present.fault.recovering"), states(stage)) == (True, [])
    off_and_alive(stage, 0.5)
    assert ("standby", "") in states(stage)


def test_its_own_word_for_a_fault_stays() -> None:
    stage = other(other(ready()))
    assert says(stage, "fault").data("fault_alarm") == "fault"
    assert says(stage, "off").data("fault_alarm") == "address_twice"
    assert says(stage, "off", "fan").data("fault_alarm") == "fan"


def test_two_that_contradict_one_another() -> None:
    """What looks like a module that switches off by itself is told as what it is."""
    stage = delivering(C_restart=0)
    assert states(says(stage, "off")) == [("fault", "switches off by itself")]
    assert states(says(other(stage), "off"))[1:] == [("dead", "")]
    assert states(says(other(stage), "off"))[-2:] == [("fault", "address_twice"), ("dead", "")]
    told = states(stage)
    assert states(says(other(stage), "off")) == told, "once"


def reports(stage: Stage, seconds: float, at_s: tuple[float, ...]) -> Stage:
    """In each half second it says of its output what it has to say, at these times, and how warm it is."""
    for _ in range(round(seconds * 2)):
        before = 0.0
        for moment in (*at_s, 0.5):
            stage.run(moment - before)
            before = moment
            if moment < 0.5:
                says(reads(reads(stage, 0.0, 0.0)), "off")
    return stage


@pytest.mark.parametrize(
    ("at_s", "two"),
    [
        ((0.1,), False),
        ((0.1, 0.11), False),
        ((0.1, 0.12), True),
        ((0.1, 0.35), True),
    ],
)
def test_two_that_report_by_themselves_do_so_twice_as_often(at_s: tuple[float, ...], two: bool) -> None:
    """In two spells of 2.5 s; a doubled frame comes within 20 ms, and is one report."""
    stage = reports(away(T_report=500_000_000), 4.5, at_s)
    assert ("fault", "address_twice") not in states(stage)
    reports(stage, 1.5, at_s)
    assert (("fault", "address_twice") in states(stage)) is two
    asked = reports(away(), 20, (0.1, 0.2, 0.3))
    assert ("fault", "address_twice") not in states(asked), "of who is asked nobody counts"


def test_reports_that_come_late() -> None:
    """Two that were held up, in the time of five: seven. An eighth is not of one module."""
    for more, doubt in ((2, False), (3, True)):
        stage = away(T_report=500_000_000)
        for _ in range(5):
            says(reads(stage.run(0.4), 0.0, 0.0), "off")
        for _ in range(more):
            reads(stage.run(0.05), 0.0, 0.0)
        stage.run(0.4)
        assert stage.active("alone.doubt") is doubt
