"""Scenarios of machines/ac/outlet.yaml: pilot, cable, lock, limits, phases and charging by the nominal duty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

FILE = "machines/ac/outlet.yaml"
OHM_32, OHM_20, NONE = 220.0, 680.0, 1e6


def free(resistance: float = OHM_32, /, **parameters: Any) -> Stage:
    return Stage(FILE, {"proximity.resistance": resistance, "phase_switch.count": 3}, **parameters)


def pilot(stage: Stage, state: str) -> Stage:
    """The vehicle shows it; the power path hears of C and D first."""
    if state in "CD" and not stage.data("ready"):
        stage.child("cp_line.power_back")
    elif state not in "CD" and stage.data("ready"):
        stage.child("cp_line.power_lost")
    return stage.child("cp_line.state", state=state)


def locked(stage: Stage) -> Stage:
    return stage.values("lock", is_locked=True).emit("lock.locked")


def plugged(resistance: float = OHM_32, /, **parameters: Any) -> Stage:
    stage = pilot(free(resistance, **parameters), "B").run(0.3)
    return stage if parameters.get("attached") else locked(stage)


def offered(resistance: float = OHM_32, /, **parameters: Any) -> Stage:
    return plugged(resistance, **parameters).post("offer")


def closes(stage: Stage) -> Stage:
    """The output follows its order to close."""
    assert stage.active("power.live.closing")
    return stage.values("contactor", is_closed=True).child("output.is_closed")


def opens(stage: Stage) -> Stage:
    """The output follows its order to open."""
    return stage.values("contactor", is_closed=False).emit("contactor.opened").child("output.is_off")


def charging(resistance: float = OHM_32, /, **parameters: Any) -> Stage:
    stage = closes(pilot(offered(resistance, **parameters), "C"))
    assert stage.active("power.live.on.steady")
    return stage.values("meter", current_L1=16.0).forget()


def digital(**parameters: Any) -> Stage:
    return plugged(**parameters).post("invite").forget()


def digitally(**parameters: Any) -> Stage:
    """Energy by message."""
    return closes(pilot(digital(**parameters).post("power_on"), "C")).values("meter", current_L1=9.0).forget()


def line(stage: Stage) -> list[str]:
    """What the pilot was told to show."""
    return [o.what.partition(".")[2] for o in stage.orders if o.what.startswith("cp_line.")]


def duty(stage: Stage) -> float:
    order = stage.order("cp_line.nominal")
    assert order is not None
    return round(order["duty"], 3)


def whys(stage: Stage) -> list[str]:
    return [told["why"] for told in stage.told("not_charging")]


# ---------------------------------------------------------------- cable


@pytest.mark.parametrize(
    ("resistance", "rating"),
    [
        (1500.0, 13.0),
        (1000.0, 13.0),
        (999.0, 20.0),
        (330.0, 20.0),
        (329.0, 32.0),
        (150.0, 32.0),
        (149.0, 63.0),
        (75.0, 63.0),
        (4500.0, 13.0),
    ],
)
def test_the_cable_says_what_it_bears(resistance: float, rating: float) -> None:
    """And it is one of the limits (H6)."""
    stage = plugged(resistance, I_outlet=80.0)
    assert stage.told("connected") == [{"rating": rating}]
    stage.post("offer")
    assert stage.data("offered") == rating
    assert not stage.unhandled


def test_a_plug_is_locked_when_it_has_been_there_for_a_while() -> None:
    """A bouncing contact turns no motor."""
    stage = pilot(free(), "B").run(0.299)
    assert not stage.ordered("lock.lock")
    pilot(stage, "A")
    stage.run(1)
    assert stage.ordered("lock.lock") == []
    pilot(stage, "B").run(0.3)
    assert stage.ordered("lock.lock") == [{}]
    assert not stage.told("connected")
    assert locked(stage).told("connected")


@pytest.mark.parametrize(
    ("resistance", "why"),
    [(4501.0, "the cable has no proximity resistor"), (74.0, "the proximity contact is shorted")],
)
def test_a_cable_that_does_not_say(resistance: float, why: str) -> None:
    """No power, and the reason; another cable is judged anew."""
    stage = pilot(free(resistance), "B").run(0.3)
    assert stage.told("cable_bad") == [{"reason": why, "errorCode": "OtherError"}]
    assert not pilot(stage.post("offer"), "C").ordered("output.close", "lock.lock")
    stage.values("proximity", resistance=OHM_20).emit("proximity.changed", resistance=OHM_20).run(0.3)
    assert locked(stage).told("connected") == [{"rating": 20.0}]
    assert not stage.unhandled


def test_an_attached_cable_has_neither_contact_nor_lock() -> None:
    assert [len(free(NONE, attached=cable).told("without_lock")) for cable in (True, False)] == [1, 0]
    stage = plugged(NONE, attached=True, I_cable=16.0).post("offer")
    assert stage.told("connected") == [{"rating": 16.0}]
    assert not stage.ordered("lock.lock")
    stage.emit("proximity.changed", resistance=1.0).emit("lock.unlocked").post("release").run(5)
    assert stage.active("plug.connected.sure")
    pilot(stage, "A")
    assert stage.told("free") == [{}]
    assert not stage.ordered("lock.unlock")
    assert not stage.unhandled


def test_a_plug_that_does_not_lock() -> None:
    stage = pilot(free(), "B").run(0.3).run(2.999)
    assert not stage.told("cable_bad")
    assert stage.run(0.002).told("cable_bad") == [
        {"reason": "the plug does not lock", "errorCode": "ConnectorLockFailure"}
    ]
    assert stage.ordered("lock.unlock") == [{}]


def test_a_lock_that_is_late_keeps_nobody() -> None:
    """Unlocked as often as it locks; the next cable is locked and charged."""
    stage = pilot(free(), "B").run(3.3)
    locked(locked(stage).values("lock", is_locked=False).emit("lock.unlocked"))
    assert stage.ordered("lock.unlock") == [{}, {}, {}]
    stage.values("lock", is_locked=False).emit("lock.unlocked").emit("proximity.changed", resistance=OHM_20)
    assert locked(stage.run(0.3)).told("connected") == [{"rating": 32.0}]
    assert stage.ordered("lock.unlock") == [{}, {}, {}]
    assert not stage.unhandled


def test_a_lock_that_is_late_blocks_no_free_outlet() -> None:
    """The vehicle was quicker than the lock."""
    stage = pilot(pilot(free(), "B").run(0.4), "A")
    assert stage.told("free") == [{}]
    locked(stage.forget())
    assert stage.ordered("lock.unlock") == [{}]
    pilot(stage, "B").run(1)
    assert not stage.ordered("lock.lock"), "not before it is out of the way"
    stage.values("lock", is_locked=False).emit("lock.unlocked").run(0.3)
    assert stage.ordered("lock.lock") == [{}]
    attached = pilot(free(NONE, attached=True), "A").emit("lock.locked")
    assert not attached.ordered("lock.unlock")
    assert not stage.unhandled


@pytest.mark.parametrize("late", [False, True])
def test_a_bolt_that_sticks_when_the_vehicle_has_gone_is_moved_again(late: bool) -> None:
    """It is told, once, and the outlet is good again when the bolt comes free."""
    if late:
        stage = locked(pilot(pilot(free(), "B").run(0.4), "A").forget())
    else:
        stage = opens(pilot(charging(), "A"))
    assert not stage.run(2.999).told("plug_stuck")
    assert stage.run(0.001).told("plug_stuck") == [{}]
    assert len(stage.ordered("lock.unlock")) == 2
    stage.run(9)
    assert (len(stage.ordered("lock.unlock")), stage.told("plug_stuck")) == (5, [{}])
    stage.forget().values("lock", is_locked=False).emit("lock.unlocked")
    assert stage.told("free") == [{}]
    assert not stage.run(60).ordered("lock.unlock")
    assert locked(pilot(stage, "B").run(0.3)).told("connected")
    assert not stage.unhandled


@pytest.mark.parametrize("stays", [True, False])
def test_who_comes_while_the_bolt_sticks(stays: bool) -> None:
    """Nothing is locked nor offered before it is free; who has gone again is not seen then."""
    stage = pilot(opens(pilot(charging(), "A")).run(3).forget(), "C").run(1)
    if not stays:
        pilot(stage, "A").run(1)
    assert not stage.ordered("lock.lock")
    stage.values("lock", is_locked=False).emit("lock.unlocked").run(0.3)
    assert stage.ordered("lock.lock") == ([{}] if stays else [])
    assert (stage.told("disconnected"), stage.data("reads_no_duty")) == ([], stays)


def test_a_bolt_that_sticks_is_moved_on_order_and_told_again_after_a_reset() -> None:
    stage = opens(pilot(charging(), "A")).run(4).forget().post("unlock")
    assert stage.ordered("lock.unlock") == [{}]
    assert stage.run(3).told("unlocked") == [{"status": "UnlockFailed"}]
    assert stage.forget().post("reset").told("plug_stuck") == [{}]
    stage.post("unlock").values("lock", is_locked=False).emit("lock.unlocked")
    assert stage.told("unlocked") == [{"status": "Unlocked"}]
    assert not stage.unhandled


def test_a_plug_that_is_kept_and_does_not_come_out_on_order() -> None:
    stage = kept().post("unlock").run(3)
    assert stage.told("plug_stuck") == [{}]
    assert not stage.values("lock", is_locked=False).emit("lock.unlocked").data("keeps")
    assert stage.told("free") == [{}]


def test_a_cable_that_is_not_charged_over_any_more_can_be_taken() -> None:
    """When the outlet is dead, and not while the contactor is on its way (H1, H2)."""
    stage = charging().values("proximity", resistance=NONE).emit("proximity.changed", resistance=NONE).run(1)
    assert stage.told("cable_bad")
    assert not stage.ordered("lock.unlock")
    opens(stage.values("meter", current_L1=0.0).run(0.1))
    assert stage.ordered("lock.unlock") == [{}]
    closing = pilot(offered().emit("proximity.changed", resistance=NONE).run(0.9), "C")
    closing.values("proximity", resistance=NONE).run(0.1)
    assert closing.active("plug.bad.live")
    assert not closing.ordered("lock.unlock")
    opens(closing.run(0.1))
    assert closing.ordered("lock.unlock") == [{}]


def test_a_contact_that_changes_in_a_session_ends_it() -> None:
    """By the ordinary way; one that is back within a second is a bounce, or a plug that goes."""
    stage = charging().values("proximity", resistance=OHM_20).emit("proximity.changed", resistance=OHM_20).run(0.999)
    stage.emit("proximity.changed", resistance=OHM_20)
    assert not stage.told("cable_bad")
    stage.run(0.002)
    assert stage.told("cable_bad") == [{"reason": "the proximity contact has changed", "errorCode": "OtherError"}]
    assert line(stage) == ["x1"]
    stage.values("meter", current_L1=0.0).run(0.1)
    assert stage.ordered("output.open") == [{}]
    for resistance, stays in ((200.0, True), (NONE, False), (0.0, False), (100.0, False), (1500.0, False)):
        back = charging().values("proximity", resistance=resistance).emit("proximity.changed", resistance=resistance)
        assert back.run(1).active("plug.connected.sure") is stays, resistance
    small = charging(OHM_20).values("proximity", resistance=600.0).emit("proximity.changed", resistance=600.0)
    assert small.run(1).active("plug.connected.sure")


@pytest.mark.parametrize("where", ["pulse", "waking", "phases"])
def test_unplugged_while_the_line_shows_F(where: str) -> None:
    """The pilot says it as soon as it can; a contact that is open with the vehicle still there is the cable's fault."""

    def pulled() -> Stage:
        if where == "pulse":
            stage = plugged().post("pulse_ef")
            assert stage.active("power.pulse.ef")
        elif where == "waking":
            stage = offered().run(30).child("cp_line.step_done").run(30)
            assert stage.active("power.nominal.waking.ef")
        else:
            stage = plugged(phase_rest_at_F=True).post("offer").post("phases", count=1)
            assert stage.active("power.switching")
        return stage.values("proximity", resistance=NONE).emit("proximity.changed", resistance=NONE).run(3.9)

    stage = pilot(pulled(), "A")
    assert (stage.told("disconnected"), stage.told("cable_bad")) == ([{}], [])
    if where == "phases":
        return
    stage = pulled().child("cp_line.step_done")
    assert not stage.told("cable_bad")
    assert stage.run(1).told("cable_bad") == [
        {"reason": "the proximity contact has changed", "errorCode": "OtherError"}
    ]
    assert not stage.told("disconnected")


def test_unplugged() -> None:
    """The supervisor hears it at once; the plug is free when it is dead and released."""
    stage = pilot(charging(), "A")
    assert stage.told("disconnected") == [{}]
    assert stage.ordered("output.open") == [{}]
    assert not stage.ordered("lock.unlock")
    opens(stage)
    assert stage.ordered("lock.unlock") == [{}]
    assert not stage.told("free")
    stage.values("lock", is_locked=False).emit("lock.unlocked")
    assert stage.told("free") == [{}]
    assert (stage.data("wanted"), line(stage)[-1]) == ("nothing", "x1")
    assert not stage.unhandled


def kept() -> Stage:
    """Its vehicle has gone, its plug stays."""
    stage = opens(pilot(charging().post("keep_plug", keep=True), "A"))
    assert (stage.told("plug_kept"), stage.told("disconnected")) == ([{}], [{}])
    assert not stage.ordered("lock.unlock")
    assert not stage.run(3600).told("free")
    return stage


@pytest.mark.parametrize("by", ["unlock", "keep_plug"])
def test_a_plug_that_is_kept_is_released_on_order(by: str) -> None:
    """OCPP 1.6 9.1.27: locked until its owner comes; then the outlet is as any other."""
    stage = kept()
    stage = stage.post("unlock") if by == "unlock" else stage.post("keep_plug", keep=True).post("keep_plug", keep=False)
    assert stage.ordered("lock.unlock") == [{}]
    stage.values("lock", is_locked=False).emit("lock.unlocked")
    assert stage.told("free") == [{}]
    assert stage.told("unlocked") == ([{"status": "Unlocked"}] if by == "unlock" else [])
    opens(pilot(locked(pilot(stage.forget(), "B").run(0.3)), "A"))
    assert (stage.told("plug_kept"), stage.ordered("lock.unlock")) == ([], [{}]), "it was kept in that plug-in only"


def test_a_plug_that_is_kept_and_plugged_into_a_vehicle_again() -> None:
    stage = pilot(kept(), "B")
    assert stage.told("free") == [{}]
    assert stage.run(0.3).told("connected")
    assert not stage.ordered("lock.unlock")


def test_nobodys_cable_is_kept_by_an_outlet_that_ends() -> None:
    stage = kept().post("close_down")
    assert stage.ordered("lock.unlock") == [{}]


def test_a_cable_of_the_stations_is_not_kept() -> None:
    stage = pilot(plugged(attached=True).post("keep_plug", keep=True), "A")
    assert (stage.told("plug_kept"), stage.told("free")) == ([], [{}])


def test_the_next_vehicle_is_offered_nothing_by_itself() -> None:
    """An order that comes late is not for it (H12)."""
    stage = pilot(offered(), "A").values("lock", is_locked=False).emit("lock.unlocked").post("offer").post("invite")
    locked(pilot(stage.forget(), "C").run(0.3)).run(60)
    assert not stage.ordered("output.close", "cp_line.nominal", "cp_line.hlc")


def test_a_plug_that_comes_unlocked_under_power() -> None:
    """H1: opened at once, without the vehicle's end of the current."""
    stage = charging().values("lock", is_locked=False).emit("lock.unlocked")
    assert stage.ordered("output.open") == [{}]
    assert stage.told("cable_bad") == [{"reason": "the plug came unlocked", "errorCode": "ConnectorLockFailure"}]
    opens(stage)
    assert stage.active("power.idle")


def test_released_for_the_user() -> None:
    """After a stop the cable can be taken; by setting only when the vehicle has let go of it."""
    stage = charging().post("withhold").post("release")
    assert not stage.ordered("lock.unlock")
    opens(stage.values("meter", current_L1=0.0).run(0.1))
    assert stage.ordered("lock.unlock") == [{}]
    pilot(stage.values("lock", is_locked=False).emit("lock.unlocked"), "A")
    assert stage.told("free") == [{}]
    kept = plugged(release_when_stopped=False).post("release")
    assert not kept.ordered("lock.unlock")
    assert not stage.unhandled + kept.unhandled


# ---------------------------------------------------------------- nominal duty


@pytest.mark.parametrize(
    ("limit", "shown"),
    [(6.0, 10.0), (12.0, 20.0), (32.0, 53.333), (51.0, 85.0), (52.0, 84.8), (65.0, 90.0), (80.0, 96.0)],
)
def test_the_duty_says_the_current(limit: float, shown: float) -> None:
    """Table A.7."""
    stage = plugged(NONE, attached=True, I_cable=80.0, I_outlet=80.0).post("limit", current=limit).post("offer")
    assert duty(stage) == shown


def test_charged_by_the_duty() -> None:
    stage = offered()
    assert line(stage) == ["x1", "nominal"]
    assert not stage.ordered("output.close")
    pilot(stage, "C")
    assert stage.ordered("output.close") == [{}]
    assert not stage.told("charging")
    assert closes(stage).told("charging") == [{}]
    assert not stage.unhandled


def test_who_is_in_C_before_anything_is_offered_gets_nothing() -> None:
    """C1 is no offer; with the offer it may be served at once."""
    stage = pilot(plugged(), "C").run(600)
    assert not stage.ordered("output.close")
    assert line(stage) == ["x1"]
    stage.post("offer")
    assert stage.ordered("output.close") == [{}]


def test_a_new_limit_is_shown_while_charging() -> None:
    """The least of all that was said; what the outlet bears is one of them."""
    stage = charging().post("limit", current=10.0)
    assert duty(stage) == 16.667
    assert duty(stage.post("limit", current=50.0)) == 53.333
    assert duty(charging(OHM_20).post("limit", current=25.0)) == 33.333
    assert duty(charging(I_outlet=16.0).post("limit", current=25.0)) == 26.667
    waiting = offered().forget().post("limit", current=12.0)
    assert duty(waiting) == 20.0


def test_what_the_vehicle_is_told_by_message_is_what_it_is_watched_by() -> None:
    """The least of the limit and what was told beside it, whichever came last; at the nominal duty the duty counts."""
    stage = digital().post("by_message", current=10.0).post("limit", current=16.0)
    stage = closes(pilot(stage.post("power_on"), "C"))
    stage.post("limit", current=20.0).post("by_message", current=24.0).post("by_message", current=7.0)
    assert [told["current"] for told in stage.ordered("output.limit")] == [10.0, 10.0, 20.0, 7.0]
    nominal = charging().post("by_message", current=7.0)
    assert nominal.ordered("output.limit") == []


def test_less_than_6_A_is_a_pause() -> None:
    """No duty says it: x1, the vehicle ends its current; back when there has been enough for a while (evcc #33123)."""
    stage = charging().post("limit", current=5.9)
    assert line(stage) == ["x1"]
    assert not stage.ordered("output.open")
    opens(stage.values("meter", current_L1=0.9).run(0.1))
    assert whys(stage) == ["no_current"]
    stage.forget().post("limit", current=6.9).run(60)
    assert not line(stage)
    stage.post("limit", current=7.0).run(9)
    stage.post("limit", current=6.5).run(0.1).post("limit", current=8.0).run(9.9)
    assert not line(stage)
    stage.run(0.2)
    assert line(stage) == ["nominal"]
    assert duty(stage) == 13.333
    assert not stage.unhandled


def test_less_than_6_A_from_the_start_and_while_offered() -> None:
    stage = plugged().post("limit", current=3.2).post("offer")
    assert whys(stage) == ["no_current"]
    assert "nominal" not in line(stage)
    stage.post("withhold")
    assert stage.active("power.idle")
    fallen = offered().forget().post("limit", current=0.0)
    assert (line(fallen), whys(fallen)) == (["x1"], ["no_current"])


def test_the_vehicle_ends() -> None:
    """B: opened at once, and it may come back; no pulse wakes who has had enough."""
    stage = charging().child("cp_line.power_lost")
    assert stage.ordered("output.open") == [{}]
    assert not stage.ordered("cp_line.x1")
    opens(stage)
    assert stage.active("power.opened")
    stage.child("cp_line.state", state="B").run(600)
    assert whys(stage) == ["vehicle"]
    assert stage.told("is_off") == [{}]
    assert line(stage) == ["nominal"]
    pilot(stage, "C")
    assert closes(stage).told("charging") == [{}]


def test_the_pilot_leaves_C_and_is_back() -> None:
    """Opened all the same, then closed again."""
    stage = opens(charging().child("cp_line.power_lost")).child("cp_line.power_back")
    assert stage.active("power.live.closing")


def test_the_vehicle_leaves_while_the_contactor_closes() -> None:
    stage = pilot(offered(), "C").child("cp_line.power_lost")
    assert stage.ordered("output.open") == [{}]


def test_a_sleeping_vehicle_is_woken_twice() -> None:
    """30 s in B2: x1, then E/F, then nothing more until the next offer (EVerest #478)."""
    stage = offered().forget().run(29.9)
    assert not line(stage)
    stage.run(0.2)
    assert line(stage) == ["step_x1"]
    stage.post("limit", current=10.0)
    assert line(stage) == ["step_x1"]
    stage.child("cp_line.step_done").run(30.1)
    assert line(stage) == ["step_x1", "nominal", "step_ef"]
    assert duty(stage) == 16.667
    stage.child("cp_line.step_done").run(3600)
    assert line(stage) == ["step_x1", "nominal", "step_ef", "nominal", "nominal"][: len(line(stage))]
    assert whys(stage) == ["vehicle"]
    stage.post("offer").forget()
    pilot(stage, "C")
    assert stage.ordered("output.close") == [{}]
    assert not stage.unhandled


def test_a_new_offer_may_wake_again() -> None:
    stage = offered().run(30.1).child("cp_line.step_done").run(30.1).child("cp_line.step_done").run(30.1)
    stage.post("withhold").forget().post("offer").run(30.1)
    assert line(stage) == ["nominal", "step_x1"]


def test_a_vehicle_that_wakes_up() -> None:
    stage = pilot(offered().run(30.1).forget(), "C")
    assert not stage.ordered("output.close")
    stage.child("cp_line.step_done")
    assert stage.ordered("output.close") == [{}]


def test_a_later_start() -> None:
    """A fixed part and one by chance; once in a plug-in, and anybody may end it."""
    stage = free(T_delay=10_000_000_000, T_delay_random=100_000_000_000).values("chance", fraction=0.5)
    locked(pilot(stage, "B").run(0.3)).post("offer").run(59.9)
    assert whys(stage) == ["delay"]
    assert "nominal" not in line(stage)
    stage.run(0.2)
    assert line(stage)[-1] == "nominal"
    stage.post("withhold").post("offer")
    assert whys(stage) == ["delay"]
    now = plugged(T_delay=10_000_000_000).post("offer").run(1).post("start_now")
    assert line(now)[-1] == "nominal"
    gone = plugged(T_delay=10_000_000_000).post("offer").post("withhold")
    assert gone.active("power.idle")
    second = locked(pilot(pilot(now, "A").values("lock", is_locked=False).emit("lock.unlocked"), "B").run(0.3))
    assert whys(second.forget().post("offer")) == ["delay"]


# ---------------------------------------------------------------- stop


def test_stopped_in_order() -> None:
    """x1 first; the contactor opens when the current is gone (open_evse #102)."""
    stage = charging().post("withhold").run(3)
    assert line(stage) == ["x1"]
    assert not stage.ordered("output.open")
    stage.values("meter", current_L1=0.5, current_L3=1.0).run(0.2)
    assert not stage.ordered("output.open")
    stage.values("meter", current_L3=0.9).run(0.1)
    assert stage.ordered("output.open") == [{}]
    assert not stage.told("is_off")
    opens(stage)
    assert stage.told("is_off") == [{}]
    assert stage.data("under_load") == 0
    assert stage.active("power.idle")
    assert not stage.unhandled


def test_stopped_by_opening_S2() -> None:
    stage = charging().post("withhold").child("cp_line.power_lost")
    assert stage.ordered("output.open") == [{}]


def test_a_vehicle_that_stays_in_C1_is_cut_off() -> None:
    """After 6 s, under load, and that is counted: contacts wear."""
    stage = charging().post("withhold").run(5.9)
    assert not stage.ordered("output.open")
    opens(stage.run(0.2))
    assert stage.data("under_load") == 1


def test_nothing_to_stop() -> None:
    assert offered().post("withhold").told("is_off") == [{}]
    early = pilot(offered(), "C").post("withhold")
    assert not early.told("is_off")
    late = charging().child("cp_line.power_lost").post("withhold")
    assert not late.told("is_off")
    assert opens(late).told("is_off") == [{}]
    assert late.child("cp_line.state", state="B").active("power.idle")
    twice = charging().post("withhold").post("withhold")
    assert not twice.told("is_off")


# ---------------------------------------------------------------- ventilation


def test_state_D_where_there_is_no_ventilation() -> None:
    """No power, and why; back in C it charges."""
    stage = pilot(offered(), "D")
    assert whys(stage) == ["ventilation"]
    assert not stage.ordered("output.close", "fan.set")
    assert pilot(stage, "C").ordered("output.close") == [{}]
    under_power = pilot(charging(), "D")
    assert under_power.ordered("output.open") == [{}]
    assert whys(opens(under_power)) == ["ventilation"]
    back = pilot(offered(), "D")
    assert pilot(back, "B").active("power.nominal.offering")
    late = pilot(opens(pilot(charging(), "B")), "D")
    assert late.active("power.nominal.unventilated")


def test_state_D_where_there_is() -> None:
    """From B, without C; power when the air flows, and the fan stops with it."""
    stage = pilot(offered(ventilation=True), "D")
    assert stage.ordered("fan.set") == [{"running": True}]
    assert not stage.ordered("output.close")
    stage.values("fan", is_running=True).emit("fan.started")
    closes(stage).forget().child("cp_line.power_lost")
    assert stage.ordered("fan.set") == [{"running": False}]
    stage.values("fan", is_running=False).emit("fan.stopped")
    assert not stage.unhandled


def test_state_D_and_no_air() -> None:
    stage = pilot(offered(ventilation=True), "D").run(2.9)
    assert not stage.ordered("output.open")
    stage.run(0.2)
    assert whys(opens(stage)) == ["ventilation"]
    early = pilot(pilot(offered(ventilation=True), "D").run(1), "C")
    assert early.ordered("output.close") == [{}]


def test_from_C_to_D_and_back_while_charging() -> None:
    """The fan has 3 s; power goes on that long."""
    stage = pilot(charging(ventilation=True), "D")
    assert stage.ordered("fan.set") == [{"running": True}]
    pilot(stage.run(2), "C")
    assert stage.active("power.live.on.steady")
    pilot(stage, "D").values("fan", is_running=True).emit("fan.started")
    assert stage.run(60).active("power.live.on.steady")
    assert not stage.ordered("output.open")
    stage.values("fan", is_running=False).emit("fan.stopped").run(3.1)
    assert whys(opens(stage)) == ["ventilation"]
    assert pilot(opens(pilot(charging(ventilation=True), "B")), "D").active("power.live.ventilating")


def test_no_air_for_a_session() -> None:
    stage = pilot(digital(ventilation=True).post("power_on"), "D").run(3.1)
    assert opens(stage).told("power_refused") == [{"reason": "the ventilation does not run"}]
    assert stage.active("power.digital.waiting")


# ---------------------------------------------------------------- faults of the vehicle, and of the outlet


@pytest.mark.parametrize("fault", ["diode", "short", "excess"])
def test_a_vehicle_that_is_not_in_order(fault: str) -> None:
    """Off at once, x1 until it has gone; what it was is kept, also when E follows. The cable can be taken."""
    stage = charging()
    if fault == "diode":
        stage.child("cp_line.power_lost").child("cp_line.diode_fault").child("cp_line.state", state="E")
    elif fault == "short":
        stage.child("cp_line.power_lost").child("cp_line.state", state="E")
    else:
        stage.child("output.tripped", reason="too much")
    why = {"diode": "no diode in the pilot circuit", "short": "pilot line shorted", "excess": "too much"}[fault]
    code = "OverCurrentFailure" if fault == "excess" else "EVCommunicationError"
    assert stage.told("vehicle_fault") == [{"reason": why, "errorCode": code}]
    assert stage.ordered("output.emergency_off") == [{}]
    assert line(stage) == ["x1"]
    assert not stage.ordered("lock.unlock")
    opens(stage)
    assert stage.ordered("lock.unlock") == [{}]
    stage.child("cp_line.diode_fault").child("output.tripped", reason="again").post("offer").post("invite")
    pilot(stage.values("lock", is_locked=False), "B").run(60)
    assert stage.active("power.bad.dead")
    pilot(stage, "A")
    assert (stage.active("power.idle"), stage.told("free")) == (True, [{}])
    assert not stage.unhandled


def test_a_short_at_a_free_outlet() -> None:
    """Nobody is locked in; it is free again when the short has gone."""
    stage = free().child("cp_line.state", state="E").run(5)
    assert stage.told("vehicle_fault") == [{"reason": "pilot line shorted", "errorCode": "EVCommunicationError"}]
    assert not stage.ordered("lock.lock")
    assert stage.child("cp_line.state", state="A").active("power.idle")
    assert stage.active("plug.free")


def test_out_of_order() -> None:
    """F, off, and the cable goes; until a reset, whoever plugs."""
    stage = charging().child("output.fault", errorCode="GroundFailure", reason="residual current, dc", closed=False)
    assert stage.told("fault") == [{"reason": "residual current, dc", "errorCode": "GroundFailure"}]
    assert (stage.ordered("output.emergency_off"), line(stage)) == ([{}], ["fault"])
    opens(stage)
    assert stage.ordered("lock.unlock") == [{}]
    stage.post("offer").post("invite").run(60)
    assert stage.active("power.unavailable.dead")
    stage.post("reset")
    assert stage.ordered("output.reset") == [{}]
    assert line(stage)[-1] == "x1"
    assert not stage.unhandled


def test_a_welded_contactor_keeps_the_plug() -> None:
    """It is live: nobody gets it into the hand (SmartEVSE-3 #26)."""
    stage = (
        charging()
        .child("output.fault", errorCode="GroundFailure", reason="the contactor does not open", closed=True)
        .run(600)
    )
    assert not stage.ordered("lock.unlock")
    assert stage.active("power.unavailable.live")


def test_closed_down() -> None:
    stage = charging().post("close_down")
    assert (stage.ordered("output.emergency_off"), line(stage)) == ([{}], ["fault"])
    assert not stage.told("fault")


# ---------------------------------------------------------------- simplified pilot


def test_a_simplified_pilot() -> None:
    """In C as soon as it is plugged in: it reads no duty, so it gets 10 A or nothing."""
    stage = locked(pilot(free(), "C").run(0.3)).post("offer")
    assert (duty(stage), stage.ordered("output.close")) == (16.667, [{}])
    less = locked(pilot(free(), "C").run(0.3)).post("limit", current=9.9).post("offer")
    assert whys(less) == ["no_current"]
    assert not less.ordered("output.close")
    assert less.post("limit", current=16.0).run(10.1).ordered("output.close") == [{}]
    refused = locked(pilot(free(simplified="refused"), "D").run(0.3)).post("offer")
    assert "simplified" in refused.told("vehicle_fault")[0]["reason"]
    ordinary = offered(simplified="refused")
    assert not pilot(ordinary, "C").told("vehicle_fault")
    gone = pilot(pilot(stage, "A"), "B")
    assert not gone.data("reads_no_duty")


# ---------------------------------------------------------------- phases


def switched(stage: Stage, count: int) -> Stage:
    return stage.values("phase_switch", count=count).child("output.phases_switched")


def test_phases_are_switched_without_voltage_and_with_a_rest() -> None:
    """x1, current gone, contactor open, rest, switch, rest, and on (WARP #76)."""
    stage = charging().post("phases", count=1)
    assert line(stage) == ["x1"]
    assert not stage.ordered("output.phases")
    opens(stage.values("meter", current_L1=0.0).run(0.1))
    assert whys(stage) == ["phases"]
    stage.run(9.9)
    assert not stage.ordered("output.phases")
    stage.run(0.2)
    assert stage.ordered("output.phases") == [{"count": 1}]
    switched(stage, 1)
    assert stage.told("phases_now") == [{"count": 1}]
    stage.run(9.9)
    assert not stage.ordered("output.close")
    stage.run(0.2)
    assert (duty(stage), stage.ordered("output.close")) == (53.333, [{}])
    assert not stage.unhandled


def rested(stage: Stage, count: int) -> Stage:
    """Phases have been switched; it goes on."""
    stage.post("phases", count=count)
    opens(stage.values("meter", current_L1=0.0).run(0.1)).run(10.1)
    return switched(stage, count).run(10.1)


def test_not_so_often() -> None:
    """A shortest time between two, and a most in a plug-in."""
    stage = closes(rested(charging(), 1)).forget().post("phases", count=3).run(299)
    assert not line(stage)
    stage.run(2)
    assert line(stage) == ["x1"]
    few = closes(rested(charging(C_phase_switches=1), 1)).forget().post("phases", count=3).run(3600)
    assert not line(few)


def test_rest_at_F_for_vehicles_that_take_x1_for_the_end() -> None:
    stage = plugged(phase_rest_at_F=True).forget().post("phases", count=1)
    assert line(stage) == ["fault"]
    switched(stage.run(10.1), 1).run(10.1)
    assert line(stage) == ["fault", "x1"]


def test_vehicles_that_stop_for_good() -> None:
    """Phases change between them only."""
    stage = charging(phases_while_plugged=False).post("phases", count=1).run(600)
    assert not stage.orders
    pilot(stage, "A")
    opens(stage)
    assert stage.run(10.1).ordered("output.phases") == [{"count": 1}]


def test_an_order_that_is_taken_back_and_one_that_changes_nothing() -> None:
    stage = charging().post("phases", count=3)
    assert not stage.orders
    stage.post("phases", count=1).post("phases", count=3)
    opens(stage.values("meter", current_L1=0.0).run(0.1)).run(60)
    assert not stage.ordered("output.phases")
    assert stage.ordered("output.close") == [{}]


def test_a_switch_that_is_out_of_order_holds_nobody() -> None:
    stage = plugged().post("phases", count=1).run(10.1).run(10.1)
    assert stage.active("phases.paced")
    assert stage.active("power.idle")


@pytest.mark.parametrize("where", ["offered", "short", "suspended"])
def test_phases_wherever_it_stands(where: str) -> None:
    stage = {
        "offered": offered,
        "short": lambda: plugged().post("limit", current=3.0).post("offer"),
        "suspended": lambda: pilot(opens(charging().child("cp_line.power_lost")), "B"),
    }[where]()
    assert stage.forget().post("phases", count=1).active("power.switching")
    assert whys(stage) == ["phases"]


@pytest.mark.parametrize("power", [False, True])
def test_phases_wait_for_the_end_of_what_is_offered_digitally(power: bool) -> None:
    """The supervisor is told that they may be switched; nothing opens under a session."""
    stage = (digitally if power else digital)().post("phases", count=1).run(600)
    assert stage.told("phases_due") == [{}]
    assert not line(stage)
    assert not stage.ordered("output.open")
    stage.post("withhold")
    if power:
        opens(stage.values("meter", current_L1=0.0).run(0.1))
    stage.post("invite")
    assert stage.active("power.switching")
    switched(stage.run(10.1), 1).run(10.1)
    assert stage.told("phases_now") == [{"count": 1}]
    assert stage.active("power.digital.waiting")
    assert not stage.unhandled


@pytest.mark.parametrize("where", ["live", "stopping", "opening"])
def test_what_is_withheld_is_not_there_for_the_next_session(where: str) -> None:
    """Its own PowerDelivery has to ask for voltage; who is still in C gets none before."""
    stage = digitally()
    if where == "opening":
        stage.child("cp_line.power_lost")
    elif where == "stopping":
        stage.post("offer").post("limit", current=3.0)
    assert stage.active(f"power.{where}")
    stage.post("withhold")
    opens(stage.values("meter", current_L1=0.0).run(0.1))
    pilot(stage, "C").forget().post("invite").run(60)
    assert stage.active("power.digital.waiting")
    assert not stage.ordered("output.close")


def test_phases_are_not_asked_for_before_they_may_be_switched() -> None:
    """Not soon after the last time, not too often, not while plugged where it is so set, not an order taken back."""
    soon = rested(charging(), 1).post("invite").forget().post("phases", count=3).run(280)
    assert not soon.told("phases_due")
    assert soon.run(30).told("phases_due") == [{}]
    few = rested(charging(C_phase_switches=1), 1).post("invite").post("phases", count=3).run(3600)
    kept = digital(phases_while_plugged=False).post("phases", count=1).run(600)
    assert not few.told("phases_due") + kept.told("phases_due")
    back = digital().post("phases", count=1).post("phases", count=3).post("withhold").run(60)
    assert back.active("phases.kept")
    assert not back.ordered("output.phases")
    offered_now = charging().post("phases", count=1)
    assert not offered_now.told("phases_due")


def test_phases_while_the_vehicle_leaves_C() -> None:
    stage = charging().post("phases", count=1).child("cp_line.power_lost")
    assert opens(pilot(stage, "B")).active("power.switching")


# ---------------------------------------------------------------- 5 %


def test_by_message() -> None:
    """5 %; voltage when it is asked for and the vehicle is in C; the limit goes to the output's supervision."""
    stage = plugged().post("limit", current=16.0).forget().post("invite")
    assert line(stage) == ["hlc"]
    pilot(stage, "C").run(60)
    assert not stage.ordered("output.close")
    stage.post("power_on")
    assert stage.ordered("output.close") == [{}]
    assert stage.ordered("output.limit") == [{"current": 16.0}]
    assert closes(stage).told("power_ready") == [{}]
    assert not stage.told("charging")
    stage.post("limit", current=9.0)
    assert stage.order("output.limit") == {"current": 9.0}
    stage.post("limit", current=5.0)
    assert stage.active("power.live.on.steady")
    assert line(stage) == ["hlc"]
    assert not stage.unhandled


def test_power_first_then_C() -> None:
    stage = digital().post("power_on").run(2.9)
    assert pilot(stage, "C").ordered("output.close") == [{}]
    late = digital().post("power_on").run(3.1)
    assert late.told("power_refused") == [{"reason": "the vehicle is not in state C"}]
    assert not pilot(late, "C").ordered("output.close")
    back = digital().post("power_on").post("power_off")
    assert (back.told("is_off"), back.active("power.digital.waiting")) == ([{}], True)
    close = pilot(digital().post("power_on"), "D").run(3.1)
    assert close.told("power_refused") == [{"reason": "ventilation needed, and there is none"}]
    early = pilot(digital(ventilation=True).post("power_on").child("cp_line.power_lost"), "B")
    early.child("cp_line.state", state="D").run(3.1)
    assert early.told("power_refused") == [{"reason": "the vehicle is not in state C"}]


def test_power_without_an_offer() -> None:
    assert plugged().post("power_on").told("power_refused") == [{"reason": "nothing is offered"}]
    assert offered().post("power_on").told("power_refused")


def test_the_end_of_a_session() -> None:
    """x1, no current, open; x1 stays until a vehicle is invited anew."""
    stage = digitally().post("power_off")
    assert line(stage) == ["x1"]
    assert not stage.told("is_off")
    stage.post("power_off")
    opens(stage.values("meter", current_L1=0.0).run(0.1).post("power_off"))
    assert stage.told("is_off") == [{}]
    assert line(stage) == ["x1", "x1"]
    stage.post("power_on")
    assert stage.told("power_refused")
    assert line(stage.post("invite"))[-1] == "hlc"
    lost = digitally().child("cp_line.power_lost")
    assert lost.ordered("output.open") == [{}]
    opens(lost.post("power_off"))
    assert "hlc" not in line(lost.child("cp_line.state", state="B"))


def test_a_renegotiation_under_power() -> None:
    """PowerDelivery(Start) again, the contactor closed all the while."""
    stage = digitally().post("power_on")
    assert stage.told("power_ready") == [{}]
    assert not line(stage)


def test_what_is_offered_is_told() -> None:
    """Before there is a duty or a session, too: the least of all limits, in a session below 6 A as well."""
    stage = digitally().post("limit", current=4.0).post("limit", current=40.0)
    assert stage.told("offers") == [{"current": 4.0}, {"current": 32.0}]
    assert not line(stage)


def test_back_to_the_nominal_duty_by_a_pulse() -> None:
    """E/F or x1 between 5 % and the duty (ISO 15118-3)."""
    for pulse, step in (("pulse_ef", "step_ef"), ("pulse_x1", "step_x1")):
        stage = digital().post("withhold").post(pulse)
        assert line(stage) == ["x1", step]
        stage.child("cp_line.step_done")
        assert stage.told("pulse_done") == [{}]
        assert line(stage.post("offer")) == ["x1", step, "x1", "nominal"]
    assert digital().post("offer").active("power.nominal.offering")
    assert offered().post("invite").active("power.digital.waiting")
    short = plugged().post("limit", current=3.0).post("offer").post("invite")
    assert short.active("power.digital.waiting")
    assert not offered().post("pulse_ef").post("pulse_x1").unhandled


def test_a_vehicle_that_wakes_the_station() -> None:
    assert plugged().child("cp_line.bcb_toggle").told("bcb_toggle") == [{}]


def test_the_nominal_duty_beside_a_session() -> None:
    """Over x1 once somebody is authorised; it follows the limit, and less than 6 A is for the session to say."""
    stage = digital().forget().post("nominal_too")
    assert line(stage) == ["step_x1"]
    stage.post("limit", current=18.0).child("cp_line.step_done")
    assert (line(stage), duty(stage)) == (["step_x1", "nominal"], 30.0)
    assert stage.told("pulse_done") == [{}]
    stage.post("limit", current=12.0)
    assert duty(stage) == 20.0
    stage.post("limit", current=5.0)
    assert line(stage)[-1] == "hlc"
    stage.post("limit", current=9.0)
    assert duty(stage) == 15.0
    closes(pilot(stage.post("power_on"), "C")).forget().post("limit", current=6.0)
    assert (duty(stage), stage.order("output.limit")) == (10.0, {"current": 6.0})
    stage.post("power_off")
    assert line(stage)[-1] == "x1"
    opens(stage.values("meter", current_L1=0.0).run(0.1)).forget().post("invite")
    assert line(stage) == ["hlc"], "the next session begins with 5 % again"
    assert not digital().post("limit", current=9.0).ordered("cp_line.nominal")


def test_a_start_delay_of_a_session() -> None:
    """The session goes on, and nothing may be drawn until it is over, once in a plug-in."""
    stage = plugged(T_delay=600 * S).forget().post("invite")
    assert (line(stage), stage.told("offers")) == (["hlc"], [{"current": 0.0}])
    stage.post("limit", current=16.0).run(599)
    assert stage.told("offers")[-1] == {"current": 0.0}
    stage.run(2)
    assert stage.told("offers")[-1] == {"current": 16.0}
    stage.post("withhold").forget().post("invite")
    assert not stage.told("offers")
    now = plugged(T_delay=600 * S).post("invite").forget().post("start_now")
    assert now.told("offers") == [{"current": 32.0}]
    other = plugged(T_delay=600 * S).post("invite").forget().post("withhold")
    assert other.told("offers") == [{"current": 32.0}]
    assert other.forget().post("invite").told("offers") == [{"current": 0.0}]


def test_a_vehicle_that_wants_8_A_on_three_phases() -> None:
    """Less is a pause there, and enough on one phase (evcc #13543)."""
    stage = plugged(I_min_three=8.0, T_phase_rest=S).values("phase_switch", count=3).post("limit", current=7.0)
    assert stage.post("offer").active("power.short.low")
    stage.forget().post("phases", count=1).run(1).values("phase_switch", count=1).child("output.phases_switched")
    stage.run(1)
    assert duty(stage) == round(7 / 0.6, 3)
    assert stage.told("offers") == [{"current": 7.0}]
    three = offered(I_min_three=8.0).values("phase_switch", count=3).post("limit", current=7.0)
    assert three.active("power.short.low")
    assert offered().values("phase_switch", count=3).post("limit", current=7.0).active("power.nominal")


@pytest.mark.parametrize("attached", [False, True])
def test_who_is_still_there_after_a_reset(attached: bool) -> None:
    """F has hidden whether it left: after 1 s it is judged anew, locked, and told again."""
    stage = opens(charging(attached=attached).post("close_down")).run(1).forget().post("reset").run(0.9)
    assert not stage.told("connected")
    stage.run(0.5)
    if not attached:
        locked(stage.values("lock", is_locked=False).run(0))
    assert len(stage.told("connected")) == 1
    gone = opens(charging().post("close_down")).forget().post("reset")
    pilot(gone, "A").run(10)
    assert not gone.told("connected")


# ---------------------------------------------------------------- release on order


def statuses(stage: Stage) -> list[str]:
    return [told["status"] for told in stage.told("unlocked")]


def test_a_plug_is_released_on_order() -> None:
    """Also where a stop by the user would not release it; it is told when the lock says so."""
    stage = plugged(release_when_stopped=False).forget().post("unlock").post("unlock")
    assert stage.ordered("lock.unlock") == [{}]
    assert statuses(stage) == []
    stage.values("lock", is_locked=False).emit("lock.unlocked").run(5)
    assert statuses(stage) == ["Unlocked"]
    assert statuses(free().post("unlock")) == ["Unlocked"], "nothing is locked there"


def test_a_plug_that_stays_locked() -> None:
    stage = plugged().post("unlock").run(2.9)
    assert statuses(stage) == []
    assert statuses(stage.run(0.1)) == ["UnlockFailed"]


def test_a_plug_that_something_is_offered_is_not_released() -> None:
    for stage in (offered(), charging()):
        assert statuses(stage.post("unlock")) == ["UnlockFailed"]
        assert not stage.ordered("lock.unlock")
    stage = charging().post("withhold").forget().post("unlock")
    assert (statuses(stage), stage.ordered("lock.unlock")) == (["UnlockFailed"], []), "still closed"


def test_a_cable_of_the_stations_own_is_not_unlocked() -> None:
    assert statuses(plugged(attached=True).post("unlock")) == ["NotSupported"]


def test_the_outlet_bears_less_than_the_cable() -> None:
    assert plugged(OHM_32, I_outlet=16.0).told("connected") == [{"rating": 16.0}]
