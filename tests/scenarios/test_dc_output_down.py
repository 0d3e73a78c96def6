"""Scenarios of machines/power/dc_output.yaml: the way down, emergencies and faults.

Times and limits are the chart's parameters with their sources (IEC 61851-23 CC.3 to CC.5, 9.4, 101.2.1.5).
"""

from __future__ import annotations

import pytest

from tests.scenarios.dc_output import IN_CABLE_CHECK, MS, checking, delivering, is_dead, off, precharging, what
from tests.scenarios.stage import Stage

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
    assert stage.active("way_down.opening")
    stage.emit("contactor.opened")
    assert stage.active("off")
    assert stage.told("is_off") == [{}]


@pytest.mark.parametrize("given_up", [False, True])
def test_cable_check_after_a_renegotiation(given_up: bool) -> None:
    """The live output goes down and opens before it is checked again, unless the session ends meanwhile."""
    stage = delivering(current=50.0).values("supply", present_current=50.0).forget().post("cable_check")
    assert stage.active("way_down.ramping")
    stage.values("supply", present_current=0.0).run(0.05).values("supply", present_voltage=0.0).run(0.05)
    assert stage.active("way_down.opening")
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
    assert stage.active("way_down.discharging")
    stage.values("supply", present_voltage=0.0).run(0.05)
    if not opened:
        assert stage.active("way_down.opening")
        stage.emit("contactor.opened")
    assert stage.active("cable_check.self_test")
    assert stage.told("is_off") == []


def test_the_contactor_is_kept_closed_on_the_way_down() -> None:
    """The dead-man signal goes on until the contactor is ordered open, or it would open under load."""
    stage = delivering(current=50.0).values("supply", present_current=50.0).post("power_off").forget().run(1.0)
    assert stage.active("way_down.ramping")
    assert stage.input("keep_alive") == {"period": 200_000_000}


def test_the_second_way_down_after_a_new_check_ends_off() -> None:
    """A check on the way is asked for once, not at every way down from then on."""
    stage = delivering().post("cable_check").values("supply", present_voltage=0.0).run(0.05)
    stage.values("contactor", is_closed=False).emit("contactor.opened")
    stage.post("power_off").run(0.1)
    assert stage.active("off")


@pytest.mark.parametrize(("amperes", "told"), [(4.9, [{}]), (5.0, [])])
def test_who_asks_again_on_the_way_down_hears_that_the_current_is_down(amperes: float, told: list[object]) -> None:
    """A user's stop has sent the output down already when the vehicle says PowerDelivery(Stop)."""
    stage = delivering().post("power_off")
    assert stage.active("way_down.discharging")
    stage.values("supply", present_current=amperes).forget().post("power_off")
    assert stage.told("current_off") == told


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
    assert stage.active("stuck")
    stage.run(2.5 - MS)
    assert stage.told("fault") == []
    stage.run(MS)
    assert stage.told("fault") == [{"reason": "the output does not discharge", "errorCode": "InternalError"}]
    assert stage.active("faulty")


@pytest.mark.parametrize(("after_s", "event"), [(0.0, ""), (2.4, ""), (1.0, "reset")])
def test_an_output_that_does_not_discharge_is_explained_by_its_supply(after_s: float, event: str) -> None:
    """A module that keeps delivering is known to the supply a moment later: the one reason that is told names it. Off
    and open were ordered before, and who does not wait hears what is known."""
    stage = delivering().post("power_off").run(1.0).run(after_s).forget()
    stage.post("cable_check").post("power_on").post("power_off").emit("contactor.opened").emit("imd.fault", text="x")
    stage.post("emergency_off").post("pilot_lost")
    assert stage.told("power_refused") == [{"reason": "the output does not discharge"}]
    assert (stage.told("fault"), stage.orders, stage.unhandled) == ([], [], [])
    if event:
        stage.post(event)
    else:
        stage.emit("supply.alarm", code="other", text="module 1: does not switch off")
    why = "" if event else "; power supply: module 1: does not switch off"
    assert stage.told("fault") == [{"reason": "the output does not discharge" + why, "errorCode": "InternalError"}]
    assert stage.active("faulty")


def test_a_welded_contactor_is_found() -> None:
    """It does not open within 150 ms: locked, never used again before somebody has looked."""
    stage = precharging().post("power_off").forget().run(0.15 - MS)
    assert stage.said == []
    stage.run(MS)
    assert stage.told("fault") == [
        {"reason": "the contactor does not open: welded?", "errorCode": "PowerSwitchFailure"}
    ]
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


# ---------------------------------------------------------------- left by the vehicle


def left(current: float) -> Stage:
    """On the way down when the pilot leaves C."""
    stage = delivering(current=50.0).values("supply", present_current=50.0).post("power_off")
    return stage.values("supply", present_current=current).forget().post("pilot_lost")


def test_a_vehicle_that_leaves_after_the_charge_is_no_emergency() -> None:
    """The normal end: PowerDelivery(Stop), current down, state B. Dead in the same step, and nobody speaks of an
    emergency."""
    stage = left(4.9)
    assert what(stage, "imd.stop") == ["supply.off", "contactor.set"]
    assert stage.order("contactor.set") == {"closed": False}
    assert stage.active("disconnecting")
    stage.values("contactor", is_closed=False).values("supply", present_voltage=59.0).emit("contactor.opened")
    stage.post("pilot_lost").post("power_off")
    assert [name for _, name, _ in stage.said] == ["current_off"]
    stage.run(0.999)
    assert stage.active("disconnecting")
    stage.run(0.001)
    assert stage.active("off")
    assert [name for _, name, _ in stage.said] == ["current_off", "is_off"]
    assert (stage.told("fault"), stage.unhandled) == ([], [])


@pytest.mark.parametrize("where", [*IN_CABLE_CHECK, "good", "pre_charge", "delivering", "ramping"])
def test_the_pilot_lost_under_load_is_an_emergency(where: str) -> None:
    """IEC 61851-1 Table A.6 sequence 8.1: a plug pulled under load, or before the station knows better."""
    if where == "ramping":
        stage = left(5.0)
    else:
        made = {"pre_charge": precharging, "delivering": lambda: delivering(current=50.0)}
        stage = made.get(where, lambda: checking(where))().forget().post("pilot_lost")
    assert what(stage, "imd.stop") == ["supply.off", "contactor.set"]
    assert stage.active("emergency")
    stage.forget().post("pilot_lost")
    assert (stage.orders, stage.unhandled) == ([], [])


@pytest.mark.parametrize(("closed", "voltage"), [(True, 0.0), (False, 60.0)])
def test_an_output_that_stays_live_after_the_vehicle_left_is_a_fault(closed: bool, voltage: float) -> None:
    """A welded contactor or a charged output is found after an orderly end too."""
    stage = left(0.0).values("contactor", is_closed=closed).values("supply", present_voltage=voltage).run(1)
    assert stage.active("stuck")
    stage.run(2.5)
    assert stage.active("faulty")
    assert stage.told("fault") == [
        {"reason": "left by the vehicle: still live", "errorCode": "PowerSwitchFailure" if closed else "InternalError"}
    ]
    stage.forget().post("pilot_lost")
    assert (stage.orders, stage.unhandled) == ([], [])


@pytest.mark.parametrize(("event", "answer"), [("cable_check", "cable_check_bad"), ("power_on", "power_refused")])
def test_nothing_is_switched_on_for_a_vehicle_that_left(event: str, answer: str) -> None:
    """A request that was on its way is refused, with the reason."""
    stage = left(0.0).forget().post(event)
    assert stage.told(answer) == [{"reason": "the vehicle is not in state C"}]
    assert stage.orders == []


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
    """A supply at rest that does mends by itself: the tests below."""
    if (role, where) == ("supply", "off"):
        return
    stage = {"off": off, "delivering": delivering, "opening": lambda: precharging().post("power_off")}[where]()
    stage.forget().emit(f"{role}.{event}", text="overvoltage", **({"code": "other"} if role == "supply" else {}))
    is_dead(stage)
    code = "InternalError" if role == "supply" else "GroundFailure"
    assert stage.told("fault") == [{"reason": reason, "errorCode": code}]
    assert stage.active("emergency")


def alarm(stage: Stage, text: str = "no module") -> Stage:
    return stage.emit("supply.alarm", code="communication", text=text)


def test_a_supply_that_can_give_nothing_at_rest() -> None:
    """Nothing is energised, so nobody has to look at it: it is told, whoever wants power hears why not, and it is over
    when the supply says so."""
    stage = alarm(off().forget())
    assert stage.active("off")
    assert (stage.told("unfit"), stage.told("fault"), stage.orders) == (
        [{"reason": "power supply: no module", "errorCode": "InternalError"}],
        [],
        [],
    )
    stage.forget().post("cable_check").post("power_on").post("emergency_off").post("pilot_lost").post("reset")
    assert stage.told("cable_check_bad") == [{"reason": "power supply: no module"}]
    assert stage.told("power_refused") == [{"reason": "power supply: no module"}]
    assert stage.active("off")
    assert alarm(stage.forget(), "fan").told("unfit") == [{"reason": "power supply: fan", "errorCode": "InternalError"}]
    stage.forget().post("power_off")
    assert [name for _, name, _ in stage.said] == ["current_off", "is_off", "unfit"], (
        "who asks after a reset hears it again"
    )
    stage.forget().emit("supply.alarm_cleared")
    assert [name for _, name, _ in stage.said] == ["fit"]
    stage.forget().post("power_off")
    assert [name for _, name, _ in stage.said] == ["current_off", "is_off"]
    assert stage.post("cable_check").active("cable_check.self_test")
    assert stage.unhandled == []


@pytest.mark.parametrize("mended", [False, True])
@pytest.mark.parametrize("where", ["emergency", "faulty"])
def test_a_supply_that_says_so_in_an_emergency_is_unfit_after_it(where: str, mended: bool) -> None:
    """Its modules have gone for good, or are back before anybody asks."""
    stage = emergency(100.0 if where == "faulty" else 0.0).run(1.0 if where == "faulty" else 0.5)
    assert stage.active(where)
    if where == "faulty":
        stage.values("supply", present_voltage=0.0).post("reset")
    alarm(stage)
    if mended:
        stage.emit("supply.alarm_cleared")
    stage.forget().run(1)
    assert stage.active("off")
    assert stage.told("unfit") == (
        [] if mended else [{"reason": "power supply: no module", "errorCode": "InternalError"}]
    )


WORDS = {
    "communication": "InternalError",
    "input": "UnderVoltage",
    "other": "InternalError",
    "overcurrent": "OverCurrentFailure",
    "overtemperature": "HighTemperature",
    "overvoltage": "OverVoltage",
    "short_circuit": "PowerSwitchFailure",
}
"""ChargePointErrorCode (OCPP 1.6 7.6) of an alarm of the supply."""


@pytest.mark.parametrize("code", list(WORDS))
@pytest.mark.parametrize("cleared_s", [0.5, 30.0])
@pytest.mark.parametrize("where", ["delivering", "measuring"])
def test_an_alarm_in_mid_charge_that_is_over_by_itself(where: str, cleared_s: float, code: str) -> None:
    """Modules that were silent, had no mains or were hot: off at once, and fit again when the supply says so and the
    output is measured dead. After any other alarm somebody has to look."""
    stage = delivering() if where == "delivering" else checking(where)
    stage.forget().emit("supply.alarm", code=code, text="no module")
    is_dead(stage)
    mends = code in ("communication", "input", "overtemperature")
    assert stage.told("unfit" if mends else "fault") == [
        {"reason": "power supply: no module", "errorCode": WORDS[code]}
    ]
    assert stage.told("fault" if mends else "unfit") == []
    stage.values("supply", present_voltage=0.0).values("contactor", is_closed=False).forget().run(cleared_s)
    stage.emit("supply.alarm_cleared").run(1.0)
    assert stage.active("off")
    said = [name for _, name, _ in stage.said]
    assert said[0] == "is_off"
    assert said[-1] == "fit"
    assert ("unfit" in said) is (mends and cleared_s > 1.0)


def test_a_reset_asks_the_supply_anew() -> None:
    """What it said before somebody looked is forgotten; what stands it says again when it is told to be off."""
    stage = alarm(emergency(100.0).run(1.0)).values("supply", present_voltage=0.0).post("reset").run(1)
    assert (stage.active("off"), stage.told("unfit")) == (True, [])


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
    assert stage.told("fault") == (
        []
        if dead
        else [
            {"reason": "emergency stop: still live", "errorCode": "PowerSwitchFailure" if closed else "InternalError"}
        ]
    )
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
