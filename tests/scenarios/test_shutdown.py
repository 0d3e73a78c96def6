"""The end of the program (`shutdown:`) as a chart answers it, and what exit actions alone do when nobody waits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios import dc_output, evse
from tests.scenarios.stage import Stage
from tests.scenarios.test_pev_dc import charging as driving
from tests.scenarios.test_pev_dc import in_session, linked, names, vehicle

SHUT = "outlet.shutting_down"


def shut_down(stage: Stage) -> Stage:
    return stage.forget().post("shut_down")


# ---------------------------------------------------------------- the station


@pytest.mark.parametrize("make", [evse.starting, evse.available, evse.plugged, evse.linked])
def test_without_a_session_the_station_is_shut_down_as_soon_as_the_output_is_off(make: Any) -> None:
    """Nobody is invited any more, the network is left, the display says so; the connector was never locked."""
    stage = shut_down(make())
    assert evse.to(stage, "cp_line")[-1] == "fault"
    assert evse.to(stage, "output") == ["power_off"]
    assert evse.shown(stage) == ["Shut down"]
    assert evse.to(stage, "session") == []
    if make is not evse.starting:
        assert evse.to(stage, "slac") == ["leave_bcd"]
    assert stage.active(f"{SHUT}.discharging")
    assert stage.ordered("lock.unlock") == []
    stage.child("output.is_off")
    assert stage.active(f"{SHUT}.shut")
    assert stage.ordered("lock.unlock") == [{}]


@pytest.mark.parametrize("step", ["session", "checking", "pre-charge", "charging"])
def test_in_a_session_the_vehicle_is_asked_as_by_a_users_stop(step: str) -> None:
    stage = shut_down(evse.STEPS[step]())
    assert evse.to(stage, "session") == ["stop"]
    assert stage.active("outlet.plugged.session.stop.asked")
    assert evse.to(stage, "output") == []
    assert evse.to(stage, "cp_line") == []
    evse.end_session(stage, "normal")
    assert evse.to(stage, "cp_line") == ["x1", "fault"]
    assert "finished" not in stage.states
    assert len(stage.told("session_ended")) == 1, "the session counts as one that has ended well"
    assert evse.shown(stage)[-1] == "Shut down"
    assert stage.data("reason") != "session failed"
    assert stage.active(f"{SHUT}.discharging")


@pytest.mark.parametrize("end", ["paused", "failed", "aborted"])
def test_however_that_session_ends_no_other_begins(end: str) -> None:
    stage = evse.end_session(shut_down(evse.charging()), end)
    assert stage.active(f"{SHUT}.discharging")
    evse.pilot(stage, "B")
    stage.child("session.session_started", EVCCID=evse.EVCCID, protocol="din")
    stage.emit("button.stop_pressed")
    assert stage.active(SHUT)
    assert stage.unhandled == []
    assert "hlc" not in evse.to(stage, "cp_line")


def test_a_vehicle_that_does_not_react_is_not_waited_for() -> None:
    stage = shut_down(evse.charging()).run(20)
    assert evse.to(stage, "session") == ["stop", "abort"]
    assert evse.to(stage, "output") == ["power_off"]
    assert evse.end_session(stage, "aborted").active(SHUT)


def test_the_connector_is_released_below_60_volt_and_its_feedback_waited_for() -> None:
    stage = evse.end_session(shut_down(evse.charging()), "normal")
    assert stage.ordered("lock.unlock") == []
    stage.run(2.9).child("output.is_off")
    assert stage.ordered("lock.unlock") == [{}]
    assert stage.active(f"{SHUT}.unlocking")
    stage.run(2.9)
    assert stage.active(f"{SHUT}.unlocking")
    stage.values("lock", is_locked=False).emit("lock.unlocked")
    assert stage.active(f"{SHUT}.shut")


def test_a_lock_that_does_not_obey_is_not_waited_for() -> None:
    stage = evse.end_session(shut_down(evse.charging()), "normal").child("output.is_off").run(2.999)
    assert stage.active(f"{SHUT}.unlocking")
    assert stage.run(0.001).active(f"{SHUT}.shut")


def test_an_output_that_is_not_off_keeps_the_connector_locked() -> None:
    stage = evse.end_session(shut_down(evse.charging()), "normal").run(2.999)
    assert stage.active(f"{SHUT}.discharging")
    assert stage.run(0.001).active(f"{SHUT}.shut")
    assert stage.ordered("lock.unlock") == []


@pytest.mark.parametrize(("parameter", "child"), [("T_reset", ""), ("T_unlock", "output.is_off")])
def test_the_times_of_the_end_are_the_charts(parameter: str, child: str) -> None:
    stage = evse.end_session(shut_down(evse.charging(**{parameter: 500_000_000})), "normal")
    if child:
        stage.child(child)
    assert not stage.run(0.499).active(f"{SHUT}.shut")
    assert stage.run(0.001).active(f"{SHUT}.shut")


def test_unplugged_while_it_shuts_down_acts_on_the_output_first() -> None:
    stage = shut_down(evse.plugged())
    evse.pilot(stage.forget(), "A")
    assert evse.to(stage, "output") == ["pilot_lost", "power_off", "power_off"]
    assert stage.active(f"{SHUT}.discharging")


def test_a_faulted_outlet_shuts_down_too() -> None:
    stage = evse.charging().child("output.fault", errorCode="PowerSwitchFailure", reason="welded")
    assert stage.active("outlet.faulted")
    assert shut_down(stage).active(f"{SHUT}.discharging")


def test_a_supply_that_can_give_nothing_does_not_begin_the_shutdown_anew() -> None:
    """It is off: each power_off is answered with that, and with what it lacks."""
    stage = shut_down(
        evse.available().child("output.unfit", errorCode="InternalError", reason="power supply: no module")
    )
    assert evse.to(stage, "output") == ["power_off"]
    stage.child("output.is_off").child("output.unfit", errorCode="InternalError", reason="power supply: no module")
    assert stage.active(f"{SHUT}.shut")
    assert evse.to(stage, "output") == ["power_off"]
    assert len(stage.told("shut")) == 1


# ---------------------------------------------------------------- the vehicle


def test_a_vehicle_in_a_session_ends_it_as_its_driver_would() -> None:
    stage = shut_down(driving())
    assert names(stage) == ["session.stop"]
    assert stage.active("leave.asked")
    stage.ends("session", result="complete", reason="")
    assert stage.active("leave.letting_go")
    assert stage.raised.count("finished") == 1
    assert "battery.open_contactors" in names(stage)
    assert "battery.unlock_inlet" in names(stage)
    stage.emit("battery.inlet_unlocked")
    assert stage.active("leave.over")


@pytest.mark.parametrize("make", [vehicle, linked])
def test_a_vehicle_without_a_session_lets_go_at_once(make: Any) -> None:
    stage = shut_down(make())
    assert "session.stop" not in names(stage)
    assert stage.active("leave.letting_go")
    assert "battery.unlock_inlet" in names(stage)
    assert not stage.active("talk.setting_up")
    assert "discovery" not in stage.children()
    stage.run(1.999)
    assert stage.active("leave.letting_go")
    assert stage.run(0.001).active("leave.over"), "an inlet that does not obey is not waited for"


def test_no_session_is_tried_again_after_the_end_was_asked_for() -> None:
    stage = shut_down(in_session()).ends("session", result="failed", reason="no answer")
    stage.run(60)
    assert stage.active("leave.over")
    assert "discovery" not in stage.children()


# ---------------------------------------------------------------- exit actions alone


@pytest.mark.parametrize("where", [*dc_output.IN_CABLE_CHECK, "good"])
def test_a_dc_output_ended_in_its_cable_check_is_dead(where: str) -> None:
    stage = dc_output.checking(where).forget().stop()
    assert names(stage)[-2:] == ["supply.off", "contactor.set"]
    assert stage.order("contactor.set") == {"closed": False}


@pytest.mark.parametrize("make", [dc_output.precharging, dc_output.delivering])
def test_an_energised_dc_output_that_is_ended_is_dead(make: Any) -> None:
    stage = make().forget().stop()
    assert names(stage) == ["imd.stop", "supply.off", "contactor.set"]
    assert stage.order("contactor.set") == {"closed": False}


@pytest.mark.parametrize("order", ["hlc", "x1", "fault", "step_ef"])
def test_the_pilot_of_a_station_that_ends_is_f(order: str) -> None:
    """Steady -12 V: nobody is here. Not a PWM that nobody watches, which asks the vehicle to close its contactors."""
    stage = Stage("machines/pilot/evse.yaml").post(order).forget().stop()
    assert stage.order("pilot.set_duty") == {"duty": 0.0}


@pytest.mark.parametrize("load", ["ready", "ventilation"])
def test_the_pilot_of_a_vehicle_that_ends_is_b(load: str) -> None:
    stage = Stage("machines/pilot/pev.yaml").emit("pilot.connected").post(load).forget().stop()
    assert stage.order("pilot.set_load") == {"load": "B"}


def test_a_vehicle_that_is_ended_opens_its_contactors() -> None:
    stage = driving().forget().stop()
    assert names(stage) == ["battery.open_contactors", "cp_line.not_ready"], "and its pilot hears of it"
