"""Scenarios of machines/evse_dc.yaml, the session: lock, checks, energy, stop, pilot, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.evse import (
    EVCCID,
    STEPS,
    available,
    charging,
    each,
    end_session,
    in_session,
    linked,
    locked,
    orders,
    pilot,
    plugged,
    pre_charging,
    shown,
    start_session,
    to,
)
from tests.scenarios.stage import Stage

POWER = "outlet.plugged.session.power"
IN_SESSION = [step for step in STEPS if step not in ("plugged", "linked")]


# ---------------------------------------------------------------- lock and cable check


def test_locked_before_the_cable_check() -> None:
    """The connector is locked, and only then is there voltage on it (IEC 61851-23 CC.5.3)."""
    stage = pilot(in_session(), "C").child("session.cable_check")
    assert orders(stage) == ["lock.lock"]
    stage.run(2.999)
    assert orders(stage) == ["lock.lock"]
    stage.values("lock", is_locked=True).emit("lock.locked")
    assert orders(stage) == ["lock.lock", "output.cable_check"]
    assert stage.active(f"{POWER}.checking")
    stage.run(1000)
    assert stage.active(f"{POWER}.checking")


def test_lock_whose_feedback_comes_first() -> None:
    """A connector that is locked already is not waited for."""
    stage = pilot(in_session(), "C").values("lock", is_locked=True).child("session.cable_check")
    assert orders(stage) == ["lock.lock", "output.cable_check"]


def test_lock_that_only_says_so() -> None:
    """The event alone will not do: voltage behind a connector whose feedback says that it is open."""
    stage = pilot(in_session(), "C").child("session.cable_check").emit("lock.locked")
    assert (orders(stage), stage.unhandled) == (["lock.lock"], [])
    assert to(stage.run(3), "session") == ["cable_check_bad"]


@pytest.mark.parametrize(("state", "ventilation"), [("C", False), ("D", True)])
def test_voltage_waits_for_state_c(state: Any, ventilation: bool) -> None:
    """A vehicle that asks first and closes S2 then is waited for, 1.5 s at the most."""
    stage = in_session(ventilation=ventilation).child("session.cable_check").values("lock", is_locked=True)
    stage.emit("lock.locked").forget().run(1.499)
    assert (orders(stage), stage.active(f"{POWER}.awaiting_C")) == ([], True)
    assert orders(pilot(stage, state)) == ["output.cable_check"]


@pytest.mark.parametrize("state", ["B", "D"])
def test_no_voltage_without_state_c(state: Any) -> None:
    """500 V at a vehicle that is not ready, or that needs a ventilation there is not: the cable check has failed."""
    stage = in_session().child("session.cable_check").values("lock", is_locked=True).emit("lock.locked").forget()
    pilot(stage, state).run(1.5)
    assert orders(stage) == ["session.cable_check_bad"]
    assert stage.data("reason") == "the vehicle did not go to state C"
    assert stage.active(f"{POWER}.none")


def test_pilot_leaves_c_while_the_connector_locks() -> None:
    """No cable check any more, though the lock follows; the vehicle is told."""
    stage = pilot(in_session(), "C").child("session.cable_check").forget().child("cp_line.power_lost")
    assert orders(stage) == ["output.pilot_lost", "session.emergency"]
    stage.values("lock", is_locked=True).emit("lock.locked")
    assert stage.active(f"{POWER}.pilot_lost")
    assert to(stage, "output") == ["pilot_lost"]


@pytest.mark.parametrize("step", ["session", "pre-charge", "charging"])
def test_connector_that_is_locked_already_does_not_replace_state_c(step: str) -> None:
    """A cable check, the first or another one, waits for a vehicle that is not ready, however quick the lock is."""
    stage = pilot(STEPS[step]().values("lock", is_locked=True), "B").forget().child("session.cable_check")
    assert to(stage, "output") == []
    assert stage.active(f"{POWER}.awaiting_C")
    assert to(pilot(stage, "C"), "output") == ["cable_check"]


@pytest.mark.parametrize("step", ["session", "checking", "pre-charge", "charging"])
def test_connector_comes_unlocked(step: str) -> None:
    """A connector that could be pulled is dead in the same step, and out of order (IEC 61851-23 CC.5.3)."""
    stage = STEPS[step]().emit("lock.unlocked")
    assert to(stage, "output") == ["emergency_off", "power_off"]
    assert to(stage, "session") == ["malfunction"]
    assert stage.data("reason") == "the connector came unlocked"
    assert stage.active("outlet.faulted")


def test_connector_does_not_lock() -> None:
    """No voltage: after 3 s the cable check has failed; the vehicle may try once more."""
    stage = in_session().child("session.cable_check").run(2.999)
    assert not to(stage, "session")
    stage.run(0.001)
    assert to(stage, "session") == ["cable_check_bad"]
    assert to(stage, "output") == []
    assert stage.data("reason") == "the connector does not lock"
    assert stage.active(f"{POWER}.none")
    stage.forget().child("session.cable_check")
    assert orders(stage) == ["lock.lock"]


@pytest.mark.parametrize("where", ["session", "not_locked", "gave_up", "finished", "unplugged", "available", "faulted"])
def test_a_lock_that_is_late_keeps_nobody(where: str) -> None:
    """What was given up is unlocked at once, and again when it locks after that."""
    stage = in_session(C_session_retry=1).child("session.cable_check").run(1 if where == "gave_up" else 3)
    given_up = [] if where == "gave_up" else [{}]  # by a session that was quicker
    assert stage.ordered("lock.unlock") == given_up
    if where == "faulted":
        stage.emit("button.emergency_stop").emit("lock.locked")
        assert len(stage.ordered("lock.unlock")) == 1, "not before it is known to be dead"
        stage.child("output.is_off")
    elif where == "finished":
        stage.emit("button.stop_pressed")
    if where in ("not_locked", "gave_up", "finished"):
        end_session(stage, "failed")
    elif where in ("unplugged", "available"):
        pilot(stage, "A")
    if where in ("gave_up", "finished", "unplugged", "available"):
        stage.emit("lock.locked")
        assert stage.ordered("lock.unlock") == given_up, "the output goes down first"
        stage.child("output.is_off")
        if where == "available":
            stage.run(0.3)
    assert stage.active(
        {"session": f"{POWER}.none", "available": "outlet.available"}.get(
            where, f"outlet.plugged.{where}" if where in ("not_locked", "gave_up", "finished") else f"outlet.{where}"
        )
    )
    stage.forget().values("lock", is_locked=True).emit("lock.locked")
    assert stage.ordered("lock.unlock") == [{}]
    assert not stage.unhandled


@pytest.mark.parametrize("step", ["checking", "pre-charge", "charging"])
def test_a_lock_that_says_again_that_it_is_locked_stays_so(step: str) -> None:
    stage = STEPS[step]().emit("lock.locked")
    assert not stage.ordered("lock.unlock")


def test_cable_check_passed() -> None:
    stage = locked().child("output.cable_check_ok")
    assert orders(stage) == ["session.cable_check_ok"]
    assert stage.active(f"{POWER}.pre_charge")


def test_cable_check_failed() -> None:
    """The vehicle is told, people see why, and no pre-charge follows."""
    stage = locked().child("output.cable_check_bad", reason="insulation fault")
    assert orders(stage) == ["session.cable_check_bad"]
    assert stage.data("reason") == "insulation fault"
    assert stage.active(f"{POWER}.none")
    stage.forget().child("session.pre_charge", voltage=400.0, current=2.0)
    assert not stage.orders


# ---------------------------------------------------------------- pre-charge, power on


def test_pre_charge() -> None:
    """The vehicle's wishes reach the output as they are."""
    stage = pre_charging().child("session.pre_charge", voltage=401.0, current=1.5)
    assert stage.order("output.pre_charge") == {"voltage": 401.0, "current": 1.5}
    assert orders(stage) == ["output.pre_charge"]


@pytest.mark.parametrize(
    ("state", "ventilation", "allowed"),
    [("C", False, True), ("D", True, True), ("D", False, False), ("B", False, False), ("B", True, False)],
)
def test_power_only_when_the_vehicle_is_ready(state: str, ventilation: bool, allowed: bool) -> None:
    """The pilot must be in C, or in D where there is ventilation (IEC 61851-1 Table A.6)."""
    stage = pilot(pre_charging(ventilation=ventilation), state).child("session.power_on")
    assert orders(stage) == (["output.power_on"] if allowed else ["session.power_refused"])
    assert stage.active(f"{POWER}.pre_charge")


def test_power_is_ready() -> None:
    """The session is told when the output is, and people see that energy flows."""
    stage = pre_charging().child("session.power_on").child("output.power_ready")
    assert orders(stage) == ["output.power_on", "show Charging", "session.power_ready"]
    assert stage.active(f"{POWER}.charging")


def test_output_refuses() -> None:
    stage = pre_charging().child("session.power_on").child("output.power_refused", reason="no voltage")
    assert to(stage, "session") == ["power_refused"]
    assert stage.data("reason") == "no voltage"
    assert stage.active(f"{POWER}.pre_charge")


@pytest.mark.parametrize("step", ["pre-charge", "charging"])
def test_second_cable_check(step: str) -> None:
    """A vehicle that begins anew is checked anew, with the connector locked as it is."""
    stage = STEPS[step]().child("session.cable_check")
    assert orders(stage) == ["output.cable_check"]
    assert stage.active(f"{POWER}.checking")


# ---------------------------------------------------------------- energy


def test_energy() -> None:
    """Each demand reaches the output; state of charge and energy are those of the meter and the vehicle."""
    wants = dict.fromkeys(("voltage", "current", "capacity", "energy", "minimum_current", "departure"))
    stage = charging().child("session.parameters", soc=20, phases=0, **wants)
    assert stage.data("soc") == 20
    stage.values("meter", energy=1250.0).child("session.demand", voltage=399.0, current=60.0, soc=21)
    assert stage.order("output.demand") == {"voltage": 399.0, "current": 60.0}
    assert orders(stage) == ["output.demand"]
    assert (stage.data("soc"), stage.data("energy")) == (21, 250.0)


def test_readings_of_the_meter_and_another_schedule_are_passed_on() -> None:
    """Each T_meter while energy flows; a schedule in a session alone."""
    stage = pre_charging().values("meter", energy=100.0).child("session.power_on").child("output.power_ready")
    stage.values("meter", energy=140.0).run(10)
    assert [dict(told) for told in stage.ordered("session.metered")] == [
        {"MeterID": "meter", "energy": 100.0},
        {"MeterID": "meter", "energy": 140.0},
    ]
    rows = {"start": [0, 60_000_000_000], "PMax": [20_000.0, 10_000.0]}
    assert stage.post("schedule", **rows).order("session.schedule") == rows
    stage.child("session.schedule_refused", reason="it has no row")
    assert stage.told("schedule_refused") == [{"reason": "it has no row"}]
    free = plugged().post("schedule", **rows)
    assert free.order("session.schedule") is None
    assert not free.unhandled


def test_power_on_again_after_a_renegotiation() -> None:
    """The output is on already; it answers, the vehicle is told."""
    stage = charging().post("renegotiate")
    assert to(stage, "session") == ["renegotiate"]
    stage.forget().child("session.power_on")
    assert orders(stage) == ["output.power_on"]
    stage.child("output.power_ready")
    assert orders(stage) == ["output.power_on", "session.power_ready"]
    assert stage.active(f"{POWER}.charging")


def test_insulation_fault() -> None:
    """The vehicle is told of it, and asked to stop."""
    stage = charging().child("output.insulation_fault").child("output.stop_due", reason="insulation fault")
    assert orders(stage) == ["session.insulation_fault", "session.stop"]
    assert stage.data("reason") == "insulation fault"
    assert stage.active("outlet.plugged.session.stop.asked")
    assert stage.active(f"{POWER}.charging")


def test_normal_way_down() -> None:
    """The vehicle stops: the output goes down, the vehicle hears when the current is off, the energy is counted."""
    stage = charging().values("meter", energy=1400.0).child("session.power_off")
    assert orders(stage) == ["output.power_off"]
    assert stage.data("energy") == 400.0
    stage.child("output.current_off")
    assert orders(stage) == ["output.power_off", "session.current_off"]
    assert stage.active(f"{POWER}.off")
    stage.child("output.is_off")
    assert stage.active(f"{POWER}.none")
    assert orders(stage) == ["output.power_off", "session.current_off"]


@pytest.mark.parametrize("step", IN_SESSION)
def test_power_off_from_everywhere(step: str) -> None:
    stage = STEPS[step]().child("session.power_off")
    assert orders(stage) == ["output.power_off"]
    assert stage.active(f"{POWER}.off")


def test_what_is_charged_for() -> None:
    """One plug-in is one bill: what flowed before a pause or a failed session counts, what an earlier vehicle took does
    not."""
    stage = charging()
    stage.values("meter", energy=1100.0)
    end_session(stage, "paused").child("cp_line.bcb_toggle")
    energise(start_session(stage)).values("meter", energy=1150.0)
    end_session(stage, "failed").child("cp_line.step_done").run(2)
    assert stage.data("energy") == 150.0
    energise(start_session(stage)).values("meter", energy=1350.0)
    stage.child("session.demand", voltage=400.0, current=60.0, soc=80)
    end_session(stage, "normal")
    assert (stage.data("energy"), stage.data("soc"), stage.data("last_end")) == (350.0, 80, "normal")
    assert len(stage.told("session_ended")) == 1
    pilot(stage.emit("button.stop_pressed"), "A").child("output.is_off").run(0.2)
    assert len(stage.told("session_ended")) == 1
    pilot(stage, "B").emit("button.stop_pressed")
    assert [one["end"] for one in stage.told("session_ended")] == ["normal", "aborted"]
    assert (stage.data("energy"), stage.data("soc"), stage.data("last_end")) == (0.0, 0, "aborted")
    assert stage.data("protocol") == ""


@pytest.mark.parametrize(
    ("ending", "end", "reason"),
    [
        ("normal", "normal", ""),
        ("unplugged", "aborted", "unplugged"),
        ("paused and unplugged", "paused", "unplugged"),
        ("resumed and unplugged", "aborted", "unplugged"),
        ("given up", "failed", "session failed"),
        ("insulation", "failed", "insulation fault"),
        ("fault", "failed", "the contactor opened by itself"),
        ("stopped", "aborted", "link lost"),
    ],
)
def test_what_became_of_a_plug_in_is_told_once(ending: str, end: str, reason: str) -> None:
    """Whoever runs the station learns of each plug-in how it ended and why, also when nothing was charged."""
    stage = charging(C_session_retry=1)
    stage.child("session.demand", voltage=400.0, current=60.0, soc=80)
    stage.values("meter", energy=stage.data("energy_at_start") + 50.0)
    if ending == "normal":
        end_session(stage, "normal")
    elif ending == "unplugged":
        pilot(stage, "A")
    elif ending == "paused and unplugged":
        pilot(end_session(stage, "paused"), "A")
    elif ending == "resumed and unplugged":
        start_session(end_session(stage, "paused").child("cp_line.bcb_toggle"))
        pilot(stage, "A")
    elif ending == "given up":
        end_session(stage, "failed")
    elif ending == "insulation":
        stage.child("session.cable_check").child("output.cable_check_bad", reason="insulation fault")
        end_session(stage, "failed")
    elif ending == "fault":
        stage.child("output.fault", errorCode="PowerSwitchFailure", reason="the contactor opened by itself")
    else:
        end_session(stage.child("slac.dlink_lost").emit("button.stop_pressed"), "aborted")
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"]) == (end, reason)
    assert (told["EVCCID"], told["protocol"], told["soc"]) == (EVCCID, "din", 80)
    if stage.data("cp") != "A":
        pilot(stage.child("output.is_off"), "A")
    stage.child("output.is_off").run(10)
    assert len(stage.told("session_ended")) == 1


def test_a_fault_or_an_unplugging_without_a_vehicle_is_no_session() -> None:
    """A station that goes out of order while it is free has failed nobody."""
    stage = pilot(plugged(), "A").child("output.is_off").run(1).forget()
    stage.child("output.fault", errorCode="PowerSwitchFailure", reason="over-temperature").emit(
        "button.reset_pressed"
    ).child("output.is_off")
    assert stage.told("session_ended") == []


def energise(stage: Stage) -> Stage:
    stage.child("session.cable_check").child("output.cable_check_ok")
    return stage.child("session.power_on").child("output.power_ready")


# ---------------------------------------------------------------- stop


@pytest.mark.parametrize("step", IN_SESSION)
def test_stop_button(step: str) -> None:
    """The vehicle is asked to stop, and has 20 s; then the output goes down and the session is closed, and nobody is
    invited again."""
    stage = STEPS[step]().emit("button.stop_pressed")
    assert orders(stage) == ["session.stop"]
    stage.forget().run(19.999)
    assert orders(stage) == []
    stage.run(0.001)
    assert orders(stage) == ["output.power_off", "session.abort"]
    end_session(stage, "aborted")
    assert stage.active("outlet.plugged.finished.discharging")
    assert shown(stage)[-1] == "Finished"
    assert stage.data("last_end") == "aborted"
    stage.forget().run(1000)
    assert orders(stage) == []


def test_stop_button_after_a_pause() -> None:
    """The end of the second part is what is told, not that of the first."""
    stage = end_session(charging(), "paused").child("cp_line.bcb_toggle")
    start_session(stage).emit("button.stop_pressed").run(20)
    assert end_session(stage, "aborted").data("last_end") == "aborted"


def test_stop_button_and_the_vehicle_obeys() -> None:
    """Nothing more happens 20 s after the button when the session has ended by then."""
    stage = charging().emit("button.stop_pressed").run(10)
    end_session(stage, "normal").child("output.is_off").forget().run(100)
    assert orders(stage) == []
    assert stage.data("last_end") == "normal"


def test_stop_button_twice() -> None:
    """Pressing again asks again; it gives the vehicle no more time."""
    stage = charging().emit("button.stop_pressed").run(15)
    stage.emit("button.stop_pressed").run(5)
    assert orders(stage) == ["session.stop", "session.stop", "output.power_off", "session.abort"]


@pytest.mark.parametrize("who", ["user", "station"])
@pytest.mark.parametrize("end", ["failed", "aborted"])
def test_session_that_fails_after_a_stop(who: str, end: str) -> None:
    """Who pressed stop is not charged on because the vehicle broke off instead of ending well; nor is a hot plug."""
    stage = charging()
    if who == "user":
        stage.emit("button.stop_pressed")
    else:
        stage.child("output.stop_due", reason="over-temperature")
    end_session(stage.run(19), end)
    assert stage.active("outlet.plugged.finished")
    assert stage.data("last_end") == end


def test_a_stop_counts_for_its_own_plug_in() -> None:
    """The next vehicle's session that fails is tried again."""
    stage = end_session(charging().emit("button.stop_pressed"), "failed")
    pilot(stage.child("output.is_off"), "A").child("output.is_off").run(0.2)
    end_session(start_session(pilot(stage, "B")).child("session.cable_check"), "failed")
    assert stage.active("outlet.plugged.waking")


@pytest.mark.parametrize("step", IN_SESSION)
def test_vehicle_error(step: str) -> None:
    """What the vehicle says of itself is shown to people; it has 20 s to end, as after a user's stop, and is not
    invited again."""
    stage = STEPS[step]().child("session.vehicle_error", EVErrorCode="FAILED_EVRESSMalfunction")
    assert shown(stage) == ["the vehicle says FAILED_EVRESSMalfunction"]
    assert stage.data("reason") == "the vehicle says FAILED_EVRESSMalfunction"
    assert to(stage, "session") == []
    stage.run(19.999)
    assert to(stage, "session") == []
    stage.run(0.001)
    assert to(stage, "session") == ["abort"]
    end_session(stage, "aborted")
    assert stage.active("outlet.plugged.finished")


def test_vehicle_error_and_the_vehicle_leaves() -> None:
    stage = end_session(charging().child("session.vehicle_error", EVErrorCode="FAILED_EVRESSMalfunction"), "failed")
    assert stage.active("outlet.plugged.finished")


@pytest.mark.parametrize("step", STEPS)
def test_vehicle_s_maximum_reaches_the_output(step: str) -> None:
    stage = STEPS[step]().child("session.voltage_limit", voltage=410.0)
    assert stage.ordered("output.voltage_limit") == [{"voltage": 410.0}]


def test_output_goes_off_for_the_vehicle_s_sake() -> None:
    """The vehicle reads of an emergency and ends; the station is not out of order."""
    stage = charging().values("meter", energy=1500.0)
    stage.child("output.tripped", reason="the vehicle lowered its maximum voltage below the present one")
    assert stage.active(f"{POWER}.tripped")
    assert to(stage, "session") == ["emergency"]
    assert stage.data("reason") == "the vehicle lowered its maximum voltage below the present one"
    assert stage.data("energy") == 500.0
    stage.forget().child("session.demand", voltage=400.0, current=10.0, soc=50)
    stage.child("session.pre_charge", voltage=400.0, current=1.0)
    assert to(stage, "output") == []
    stage.child("session.power_on")
    assert to(stage, "session") == ["power_refused"]
    assert stage.unhandled == []
    stage.run(20)
    assert to(stage, "session") == ["power_refused", "abort"]
    end_session(stage, "failed")
    assert stage.active("outlet.plugged.finished")
    assert not stage.active("outlet.faulted")


@pytest.mark.parametrize("end", ["normal", "paused", "failed", "aborted"])
def test_tripped_output_and_the_vehicle_leaves(end: str) -> None:
    """It is not invited again in this plug-in, and the charge has failed, however well the vehicle ended it."""
    stage = charging().child("output.tripped", reason="too high")
    end_session(stage, end)
    assert stage.active("outlet.plugged.finished")
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"]) == ("failed", "too high")


# ---------------------------------------------------------------- the pilot


@pytest.mark.parametrize("step", STEPS)
def test_pilot_leaves_c(step: str) -> None:
    """The output is off in the same step, in every state (IEC 61851-23 9.4)."""
    stage = STEPS[step]().child("cp_line.power_lost")
    assert orders(stage)[0] == "output.pilot_lost"
    live = step in ("checking", "pre-charge", "charging")
    assert orders(stage)[1:] == (["session.emergency"] if live else [])


@pytest.mark.parametrize("step", ["pre-charge", "charging"])
def test_what_a_vehicle_may_do_after_the_pilot_was_lost(step: str) -> None:
    """It is told of the emergency and gets no power, whatever it still sends; the energy is counted; after 20 s it is
    over."""
    stage = STEPS[step]().values("meter", energy=1300.0).child("cp_line.power_lost")
    assert stage.data("energy") == 300.0
    assert stage.data("reason") == "the pilot left the charging state"
    assert stage.active(f"{POWER}.pilot_lost")
    stage.forget()
    stage.child("session.pre_charge", voltage=400.0, current=2.0)
    stage.child("session.demand", voltage=400.0, current=50.0, soc=30)
    stage.child("output.is_off").child("output.power_refused", reason="emergency")
    assert orders(stage) == ["session.power_refused"]
    stage.child("session.power_on")
    assert orders(stage) == ["session.power_refused", "session.power_refused"]
    assert stage.active(f"{POWER}.pilot_lost")
    assert not stage.unhandled
    stage.forget().run(19.999)
    assert not stage.orders
    stage.run(0.001)
    assert orders(stage) == ["output.power_off", "session.abort"]
    assert end_session(stage, "aborted").active("outlet.plugged.finished"), "it is not invited again"


def test_the_first_reason_stays() -> None:
    """A vehicle that reports an error and leaves state C over it: people read the error."""
    stage = charging().child("session.vehicle_error", EVErrorCode="FAILED_RESSMalfunction").child("cp_line.power_lost")
    assert stage.active(f"{POWER}.pilot_lost")
    assert stage.data("reason") == "the vehicle says FAILED_RESSMalfunction"


def test_vehicle_that_needs_ventilation() -> None:
    """From C to D while it charges: off at once where there is no ventilation (IEC 61851-1 Table A.6 sequence 12)."""
    stage = pilot(charging(), "D")
    assert each(stage) == {"output": ["emergency_off"], "session": ["emergency"]}
    assert stage.active(f"{POWER}.pilot_lost")


def test_ventilated_site() -> None:
    """From C to D and back nothing happens where there is ventilation."""
    stage = charging(ventilation=True)
    pilot(pilot(stage, "D"), "C")
    assert not stage.orders
    assert stage.active(f"{POWER}.charging")


# ---------------------------------------------------------------- what nobody waits for


@pytest.mark.parametrize("make", [plugged, linked])
def test_late_words(make: Any) -> None:
    """What comes a moment too late is ignored on purpose, not by chance."""
    stage = make().child("output.current_off").emit("lock.unlocked")
    assert (stage.orders, stage.unhandled) == ([], [])


@pytest.mark.parametrize("event", ["slac.no_request", "slac.matching_failed"])
def test_slac_s_words_do_not_end_a_session(event: str) -> None:
    """A session over a link that stands is not disturbed by what SLAC hears of others."""
    fields = {"reason": "no sounds"} if event == "slac.matching_failed" else {}
    stage = charging().child(event, **fields)
    assert stage.active(f"{POWER}.charging")
    assert (stage.orders, stage.unhandled) == ([], [])


# ---------------------------------------------------------------- a site's share


def test_a_back_ends_limit_reaches_the_output_first_then_the_session() -> None:
    stage = available().post("limit", current=30.0)
    assert orders(stage) == ["output.limit", "session.output_limit"]
    assert stage.ordered("output.limit", "session.output_limit") == [{"current": 30.0}] * 2


def test_a_grant_reaches_the_output_first_then_the_session_and_who_measures() -> None:
    stage = available().post("grant", power=20_000.0, order=4)
    assert orders(stage) == ["output.grant", "session.grant", "share.grant"]
    assert stage.ordered("output.grant", "session.grant") == [{"power": 20_000.0}] * 2
    assert stage.order("share.grant") == {"power": 20_000.0, "order": 4}
    assert stage.child("share.kept", order=4).told("kept") == [{"order": 4}]


def test_what_the_vehicle_needs_is_told_while_its_session_lasts() -> None:
    stage = in_session().child("session.needs", power=60_000.0).child("session.needs", power=40_000.0)
    assert stage.told("needs") == [{"power": 60_000.0}, {"power": 40_000.0}]
    end_session(stage, "normal")
    assert stage.told("needs")[2:] == [{"power": 0.0}]
    stage.child("session.needs", power=1_000.0)
    assert (stage.told("needs")[3:], stage.unhandled) == ([], [])


def test_an_outlet_without_a_need_takes_nothing_back() -> None:
    assert end_session(in_session(), "normal").told("needs") == []


@pytest.mark.parametrize("end", ["button.emergency_stop", "unplugged", "fault"])
def test_a_need_ends_with_the_session_whatever_ends_it(end: str) -> None:
    stage = charging().child("session.needs", power=60_000.0)
    if end == "unplugged":
        pilot(stage, "A")
    elif end == "fault":
        stage.child("output.fault", errorCode="PowerSwitchFailure", reason="broken")
    else:
        stage.emit(end)
    assert stage.told("needs") == [{"power": 60_000.0}, {"power": 0.0}]
