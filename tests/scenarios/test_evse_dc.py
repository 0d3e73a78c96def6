"""Scenarios of machines/evse_dc.yaml, the outlet: start, invitation, link, user, retries, pause, faults, unplugging."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.evse import (
    ADMISSION,
    EVCCID,
    STEPS,
    admitted,
    available,
    charging,
    each,
    end_session,
    in_session,
    linked,
    orders,
    pilot,
    plugged,
    shown,
    start_session,
    starting,
    to,
)
from tests.scenarios.stage import Stage

INVITES = ["show Vehicle connected", "cp_line.hlc", "slac.enter_bcd"]

# ---------------------------------------------------------------- start


def test_everything_listens_before_a_vehicle_is_invited() -> None:
    """5 % before the ports are open and the modem has its key makes a vehicle give up."""
    stage = starting(**{"session.tls": True, "session.dup_resend_max": 2})
    assert orders(stage) == ["cp_line.x1"]
    assert stage.children() == ["cp_line", "output", "session", "share", "slac"]
    assert (stage.input("session")["tls"], stage.input("session")["dup_resend_max"]) == (True, 2)
    assert stage.input("slac")["auto_start"] is False
    pilot(stage, "B")
    assert stage.active("outlet.starting")
    stage.child("session.listening", port_tcp=61341, port_tls=61342)
    asked = stage.input("discovery")
    assert (asked["port_tcp"], asked["port_tls"]) == (61341, 61342)
    assert stage.active("outlet.starting")
    stage.child("discovery.asked", security="none", peer="fe80::2").child("slac.modem_ready")
    assert orders(stage) == ["cp_line.x1", "session.vehicle_asked", "show Available", *INVITES]
    assert stage.order("session.vehicle_asked") == {"peer": "fe80::2"}
    assert stage.active("outlet.plugged.inviting")
    assert not stage.unhandled


def test_the_session_hears_which_vehicle_was_matched() -> None:
    """Its connection goes before a stranger's."""
    stage = plugged().child("slac.matching").child("slac.dlink_ready", pev_mac=b"\x02\0\0\0\0\x07")
    assert stage.order("session.vehicle_matched") == {"mac": b"\x02\0\0\0\0\x07"}


def test_modem_first() -> None:
    """The same when the modem is ready before the port is open."""
    stage = starting().child("slac.modem_ready")
    assert stage.active("outlet.starting")
    stage.child("session.listening", port_tcp=61341, port_tls=0)
    assert stage.active("outlet.available")


def test_no_modem_on_ethernet() -> None:
    """On a wire there is no SLAC to wait for; who is plugged in is invited all the same."""
    stage = starting(medium="ethernet")
    assert stage.active("plc.ethernet")
    assert "slac" not in stage.children()
    stage.child("session.listening", port_tcp=61341, port_tls=0)
    assert shown(stage) == ["Available"]
    pilot(stage, "B")
    assert orders(stage.run(300)) == ["cp_line.x1", "show Available", "show Vehicle connected", "cp_line.hlc"]


@pytest.mark.parametrize("state", ["B", "C", "D"])
def test_plugged_in(state: str) -> None:
    """Whatever the vehicle shows first, it is invited by 5 %, and SLAC begins."""
    stage = pilot(available(), state)
    assert orders(stage) == INVITES
    assert stage.active("outlet.plugged.inviting")


def test_modem_away_while_a_vehicle_comes() -> None:
    """People read why the outlet is not free; a vehicle is invited when the modem is back."""
    stage = available().child("slac.modem_fault", reason="no modem on eth1")
    assert stage.active("plc.modem.absent")
    assert stage.active("outlet.starting")
    assert shown(stage) == ["no modem on eth1"]
    assert stage.data("reason") == "no modem on eth1"
    pilot(stage.run(60), "B")
    assert orders(stage) == ["show no modem on eth1", "cp_line.x1"]
    stage.forget().child("slac.modem_ready")
    assert orders(stage) == ["show Available", *INVITES]
    assert to(stage, "slac") == ["enter_bcd"]
    assert stage.active("plc.modem.idle")
    stage.child("slac.modem_ready").child("slac.matching").child("slac.dlink_ready", pev_mac=bytes(6))
    assert stage.active("plc.modem.linked")
    assert not stage.unhandled


# ---------------------------------------------------------------- from the plug to the session


def test_session_starts() -> None:
    """Who charges is known by name; no E/F pulse comes any more."""
    stage = linked().child("session.session_started", EVCCID=EVCCID, protocol="iso2")
    assert (stage.data("EVCCID"), stage.data("protocol")) == (EVCCID, "iso2")
    stage.run(300)
    assert stage.active("outlet.plugged.session")
    assert not stage.orders


def test_nobody_speaks() -> None:
    """E/F pulse, 2 s, and 5 % again, twice; then five times slower, while it stays (ISO 15118-3 T_step_EF)."""
    stage = plugged()
    for pulse in range(1, 5):
        stage.forget().child("slac.no_request")
        assert orders(stage) == ["cp_line.step_ef", "slac.leave_bcd"]
        assert stage.active("outlet.plugged.waking")
        stage.forget().run(4.75).child("cp_line.step_done")
        assert stage.active("outlet.plugged.resting")
        stage.run(1.999 if pulse <= 2 else 9.999)
        assert not stage.orders
        stage.run(0.001)
        assert orders(stage) == INVITES
        assert stage.data("pulses") == pulse
    unplug(stage)
    pilot(stage, "B")
    assert stage.data("pulses") == 0


def nudges(stage: Stage) -> list[float]:
    """When the pilot was told to nudge."""
    return stage.times("cp_line.nudge")


def test_a_vehicle_that_does_not_speak_is_nudged() -> None:
    """6 s after the plug, then each 12 s, as the system replaced does, until the E/F pulse."""
    stage = plugged(nudges=True).run(5.999)
    assert nudges(stage) == []
    stage.run(0.001)
    assert nudges(stage) == [6.0]
    stage.run(40)
    assert nudges(stage) == [6.0, 18.0, 30.0, 42.0]
    stage.child("slac.no_request").run(3.9)
    assert (len(nudges(stage)), stage.active("outlet.plugged.waking")) == (4, True)


def test_nobody_is_nudged_where_it_is_not_asked_for() -> None:
    """No standard has it."""
    assert nudges(plugged().run(49)) == []


@pytest.mark.parametrize("before_s", [1.0, 8.0])
def test_who_has_begun_to_speak_is_nudged_no_more(before_s: float) -> None:
    """From the first frame on, and over the link that is matched; after a match that failed the wait begins anew."""
    stage = plugged(nudges=True).run(before_s).child("slac.matching").forget().run(11)
    assert nudges(stage) == []
    failed_s = stage.now_s
    stage.child("slac.matching_failed", reason="TT_match_join: no link").run(6)
    assert nudges(stage) == [failed_s + 6]
    stage.forget().child("slac.matching").child("slac.dlink_ready", pev_mac=bytes(6)).run(29)
    assert nudges(stage) == []
    linked_again = plugged(nudges=True).child("slac.dlink_ready", pev_mac=bytes(6)).run(20)
    assert nudges(linked_again) == []


def test_who_is_asked_to_nudge_does_so_at_once() -> None:
    """Whether it nudges by itself or not, and a vehicle that has begun to speak, too: it begins anew."""
    for by_itself in (False, True):
        stage = plugged(nudges=by_itself).run(1).post("nudge").run(0.1)
        assert nudges(stage) == [1.0]
        stage.child("slac.matching").forget().run(1).post("nudge").run(0.1)
        assert nudges(stage) == [2.1]


def test_nobody_is_nudged_on_order_where_there_is_nobody_to_nudge() -> None:
    """No vehicle, one in state C, one that has matched, no modem, a wire, one whose session is over."""
    for stage in (
        available(),
        pilot(plugged(), "C"),
        linked(),
        plugged().child("slac.modem_fault", reason="gone"),
        plugged(medium="ethernet"),
        plugged().emit("button.stop_pressed"),
    ):
        assert nudges(stage.run(0.1).forget().post("nudge").run(1)) == []


def test_who_has_left_is_nudged_no_more() -> None:
    stage = plugged(nudges=True).run(7).forget()
    pilot(stage, "A").run(60)
    assert nudges(stage) == []


@pytest.mark.parametrize("state", ["C", "D"])
def test_who_asks_for_power_is_not_nudged(state: str) -> None:
    """Nothing is taken away from a vehicle in state C or D; back in B it is nudged in its turn."""
    stage = pilot(plugged(nudges=True), state).run(17)
    assert nudges(stage) == []
    pilot(stage, "B").run(1)
    assert nudges(stage) == [18.0]


def test_nobody_is_nudged_who_could_not_be_heard() -> None:
    """No modem, or a wire."""
    stage = plugged(nudges=True).child("slac.modem_fault", reason="gone").run(17)
    assert nudges(stage) == []
    stage.child("slac.modem_ready").run(1)
    assert nudges(stage) == [18.0]
    assert nudges(plugged(nudges=True, medium="ethernet").run(60)) == []


def test_link_but_no_session() -> None:
    """A vehicle that matches and never connects is woken after 30 s, as a failed session."""
    stage = linked().run(29.999)
    assert not stage.orders
    stage.run(0.001)
    assert each(stage) == {
        "display": ["Trying again"],
        "output": ["emergency_off"],
        "slac": ["dlink_error", "leave_bcd"],
        "cp_line": ["step_ef"],
    }
    assert stage.data("failed_sessions") == 1
    assert stage.data("reason") == "linked, but no V2G session"


def test_link_lost_before_the_session() -> None:
    """E/F pulse and a new match; it does not count as a failed session."""
    stage = linked().child("slac.dlink_lost")
    assert stage.active("outlet.plugged.waking")
    assert stage.active("plc.modem.idle")
    assert (stage.data("reason"), stage.data("failed_sessions")) == ("link lost", 0)
    stage.child("cp_line.step_done").run(2)
    assert to(stage, "slac") == ["dlink_error", "leave_bcd", "enter_bcd"]


def test_new_key_ends_the_link() -> None:
    """The time from the link to the session is not counted for a vehicle that lost its link."""
    stage = linked().child("slac.modem_ready")
    assert stage.active("plc.modem.idle")
    stage.run(100)
    assert not stage.orders


def test_matching_failed() -> None:
    """SLAC starts over by itself; nothing is done to the pilot."""
    stage = plugged().child("slac.matching_failed", reason="no link")
    assert stage.active("outlet.plugged.inviting")
    assert (stage.orders, stage.unhandled) == ([], [])


# ---------------------------------------------------------------- retries


def failed_in_cable_check(stage: Stage) -> Stage:
    """The session fails after it has asked for power."""
    return end_session(pilot(stage, "C").child("session.cable_check"), "failed")


def test_failed_sessions() -> None:
    """Two are tried again, with the output off; after the third the vehicle must be unplugged. The connector is
    unlocked when the output is dead, not before (IEC 61851-23 CC.5.3). Between them nobody is let in: he would be
    answered, and wait for a cable check that nobody makes."""
    stage = in_session()
    for attempt in (1, 2):
        failed_in_cable_check(stage)
        assert (stage.data("failed_sessions"), stage.data("reason")) == (attempt, "session failed")
        assert stage.active("outlet.plugged.waking")
        assert shown(stage) == ["Trying again"]
        assert not admitted(stage)
        stage.child("cp_line.step_done")
        assert not admitted(stage)
        stage.run(2)
        assert admitted(stage)
        start_session(stage)
    failed_in_cable_check(stage)
    assert stage.active("outlet.plugged.gave_up")
    assert not admitted(stage)
    assert each(stage) == {
        "lock": ["lock"],
        "display": ["Trying again", "Please unplug"],
        "output": ["power_off", "emergency_off", "power_off"],
        "cp_line": ["x1"],
        "slac": ["dlink_error"],
    }
    stage.forget().child("output.current_off").emit("button.stop_pressed")
    assert not stage.orders
    stage.child("output.is_off")
    assert orders(stage) == ["lock.unlock"]
    stage.emit("lock.unlocked").child("slac.no_request").child("slac.dlink_lost").run(1000)
    assert orders(stage) == ["lock.unlock"]
    assert not stage.unhandled
    unplug(stage)
    assert stage.data("failed_sessions") == 0


def test_a_vehicle_that_looks_in_and_comes_back_is_taken_at_once() -> None:
    """iX3 and others close their first session in set-up. Nothing was energised: no E/F pulse, the link and 5 % stay,
    and it does not count; who stays away for 10 s is woken, as after any failed session."""
    stage = in_session()
    for _ in range(5):
        end_session(stage, "failed")
        assert stage.active("outlet.plugged.returning")
        assert (stage.data("failed_sessions"), stage.data("last_end")) == (0, "failed")
        assert stage.data("reason") == "the vehicle left before it asked for power"
        assert orders(stage.run(9.9)) == ["output.power_off"]
        stage.child("session.session_started", EVCCID=b"\x08", protocol="iso2")
        assert stage.active("outlet.plugged.session")
        assert (stage.data("EVCCID"), stage.data("protocol")) == (b"\x08", "iso2")
        assert not any(o.what in ADMISSION for o in stage.orders), "it was welcome all the time"
        stage.forget()
    end_session(stage, "failed").run(10)
    assert stage.active("outlet.plugged.waking")
    assert stage.data("failed_sessions") == 1
    assert shown(stage) == ["Trying again"]


def test_power_is_asked_for_by_each_session_anew() -> None:
    stage = failed_in_cable_check(in_session()).child("cp_line.step_done").run(2)
    end_session(start_session(stage), "failed")
    assert stage.active("outlet.plugged.returning")
    assert stage.data("failed_sessions") == 1


def test_a_link_that_is_lost_while_the_vehicle_may_come_back() -> None:
    stage = end_session(in_session(), "failed").child("slac.dlink_lost")
    assert stage.active("outlet.plugged.waking")
    assert (stage.data("failed_sessions"), stage.data("reason")) == (0, "link lost")


def test_stop_while_the_vehicle_may_come_back() -> None:
    stage = end_session(in_session(), "failed").emit("button.stop_pressed")
    assert stage.active("outlet.plugged.finished")
    assert not admitted(stage)


def test_who_is_admitted() -> None:
    """A session is taken from the invitation on, not at a free, a resting or a faulty outlet."""
    stage = starting(medium="ethernet").child("session.listening", port_tcp=61341, port_tls=0)
    assert stage.active("outlet.available")
    assert not admitted(stage)
    assert admitted(pilot(stage, "B"))
    stage.forget()
    assert end_session(start_session(stage), "paused").active("outlet.plugged.paused")
    assert not any(o.what in ADMISSION for o in stage.orders), "a paused vehicle may come back"
    stage.emit("button.emergency_stop")
    assert not admitted(stage)
    stage.emit("button.emergency_released").emit("button.reset_pressed").child("output.is_off").run(1)
    assert not admitted(stage)
    stage.child("output.is_off").run(0.2)
    assert stage.active("outlet.plugged.inviting")
    assert admitted(stage)


@pytest.mark.parametrize(("limit", "gives_up"), [(1, True), (2, False)])
def test_limit_of_failed_sessions(limit: int, gives_up: bool) -> None:
    """A user keeps the outlet as long as the station tries, no longer."""
    stage = failed_in_cable_check(start_session(authorised(C_session_retry=limit)))
    assert stage.active("outlet.plugged.gave_up") == gives_up
    assert stage.active("user.unknown") == gives_up


def test_stop_between_two_tries() -> None:
    """A user who has had enough: no third try, and the bill says how it ended."""
    stage = end_session(in_session(), "failed").forget().emit("button.stop_pressed")
    assert stage.active("outlet.plugged.finished")
    assert stage.data("last_end") == "failed"
    stage.child("cp_line.step_done").run(100)
    assert "hlc" not in to(stage, "cp_line")


# ---------------------------------------------------------------- the user


def test_free_charging() -> None:
    """Whoever plugs in is authorised when the session asks."""
    stage = linked().child("session.authorisation_wanted")
    assert to(stage, "session") == ["authorise"]
    assert stage.data("authorised") is True
    assert not shown(stage)


def test_card_before_and_after_the_question() -> None:
    """A card of the list authorises, another one does not; a second question is answered at once."""
    stage = linked(authorisation="list", tokens=["04A1", "04B2"]).child("session.authorisation_wanted")
    assert orders(stage) == ["show Please identify yourself"]
    stage.emit("reader.token", id="0BAD")
    assert shown(stage)[1:] == ["Card not accepted"]
    stage.emit("reader.authorised").emit("reader.refused", reason="")
    assert not to(stage, "session")
    stage.emit("reader.token", id="04B2")
    assert to(stage, "session") == ["authorise"]
    stage.child("session.authorisation_wanted")
    assert to(stage, "session") == ["authorise", "authorise"]
    unplug(stage)
    pilot(stage, "B")
    assert stage.data("authorised") is False
    stage.forget().child("session.authorisation_wanted")
    assert orders(stage) == ["show Please identify yourself"], "the next user would charge on this one's account"


def test_back_end_decides() -> None:
    """A back end's no is shown, its yes authorises, a card alone does nothing."""
    stage = linked(authorisation="external", tokens=["04A1"])
    stage.emit("reader.token", id="04A1")
    assert not stage.orders
    stage.emit("reader.refused", reason="")
    assert (stage.ordered("reader.result"), shown(stage)) == ([{"accepted": False}], ["Not authorised"])
    stage.post("refuse", reason="Blocked")
    assert shown(stage)[1:] == ["Blocked"]
    assert not to(stage, "session")
    stage.forget().emit("reader.authorised")
    assert (stage.ordered("reader.result"), to(stage, "session")) == ([{"accepted": True}], ["authorise"])
    stage.forget().emit("reader.authorised").emit("reader.refused", reason="late")
    assert (stage.ordered("reader.result"), shown(stage)) == ([{"accepted": False}], ["late"])
    assert not to(stage, "session")


def test_a_card_before_the_plug_lasts_a_time() -> None:
    """OCPP's ConnectionTimeOut: who comes in time is let charge, whoever comes later is not; the display says both."""

    def card_at_a_free_outlet() -> Stage:
        stage = linked(authorisation="list", tokens=["04A1"])
        unplug(stage)
        assert stage.active("outlet.available")
        return stage.forget().emit("reader.token", id="04A1").run(30).emit("reader.token", id="04A1").run(59.9)

    stage = card_at_a_free_outlet()
    assert shown(stage) == 2 * ["Please plug in within 1 min"]
    pilot(stage, "B")
    stage.run(600).child("session.authorisation_wanted")
    assert stage.data("authorised") is True
    stage = card_at_a_free_outlet().run(0.2)
    assert shown(stage)[2:] == ["No vehicle was plugged in, please identify yourself again"]
    pilot(stage, "B")
    stage.forget().child("session.authorisation_wanted")
    assert orders(stage) == ["show Please identify yourself"]
    broken = linked(authorisation="list", tokens=["04A1"]).emit("button.emergency_stop").forget()
    assert not shown(broken.emit("reader.token", id="04A1").run(61))


def test_a_refused_user_may_end_the_session() -> None:
    for mode, event, data in (
        ("external", "reader.refused", {"reason": "x"}),
        ("list", "reader.token", {"id": "0BAD"}),
    ):
        stage = linked(authorisation=mode, refused_user="ends_session").emit(event, **data)
        assert to(stage, "session") == ["reject_user"]


@pytest.mark.parametrize(("event", "data"), [("authorised", {}), ("refused", {"reason": ""})])
@pytest.mark.parametrize("mode", ["free", "list"])
def test_back_end_where_nobody_asked_it(mode: str, event: str, data: dict[str, str]) -> None:
    stage = linked(authorisation=mode).emit(f"reader.{event}", **data)
    assert not stage.orders


def authorised(**parameters: Any) -> Stage:
    stage = linked(authorisation="external", **parameters).emit("reader.authorised")
    assert stage.active("user.known")
    return stage.forget()


def test_stop_before_the_session() -> None:
    """A user who changes his mind: no more invitation, the connector free, and nothing is charged for."""
    stage = authorised().emit("button.stop_pressed")
    assert orders(stage) == ["show Finished", "cp_line.x1", "output.power_off", "slac.dlink_terminate"]
    assert stage.active("outlet.plugged.finished.discharging")
    assert stage.active("user.unknown")
    stage.child("output.is_off")
    assert orders(stage)[-1] == "lock.unlock"
    assert stage.data("last_end") == "aborted"


# ---------------------------------------------------------------- the ends of a session


def test_normal_end() -> None:
    """State B1 until unplugged: no 5 % again, whatever SLAC and the link say; unlocked when the output is dead; the
    user is forgotten (CCS Design Guide V7 p. 119)."""
    stage = start_session(authorised())
    end_session(stage, "normal")
    assert each(stage) == {
        "display": ["Finished"],
        "output": ["power_off", "power_off"],
        "cp_line": ["x1"],
        "slac": ["dlink_terminate"],
    }
    assert stage.active("outlet.plugged.finished.discharging")
    assert stage.active("user.unknown")
    assert (stage.data("sessions"), stage.data("last_end")) == (1, "normal")
    stage.forget().child("output.current_off")
    assert not stage.orders
    stage.child("output.is_off")
    assert stage.active("outlet.plugged.finished.unlocked")
    stage.child("output.is_off")
    stage.emit("lock.unlocked").emit("button.stop_pressed")
    stage.child("slac.modem_ready").child("slac.no_request").child("slac.dlink_lost")
    stage.child("session.session_ended", end="failed").run(1000)
    assert orders(stage) == ["lock.unlock"]
    assert stage.data("sessions") == 1
    assert not stage.unhandled


def test_pause() -> None:
    """Steady +12 V and no E/F pulse while the vehicle sleeps, its modem off; its B-C-B toggle brings 5 % back."""
    stage = end_session(start_session(authorised()), "paused")
    paused = {"display": ["Paused"], "output": ["power_off"], "slac": ["dlink_pause"], "cp_line": ["x1"]}
    assert each(stage) == paused
    assert stage.active("user.known"), "the same user goes on"
    stage.forget().child("slac.dlink_lost").child("slac.no_request").run(3600)
    assert (stage.orders, stage.unhandled) == ([], [])
    assert stage.active("outlet.plugged.paused")
    stage.child("cp_line.bcb_toggle")
    assert orders(stage) == INVITES
    start_session(stage)
    assert end_session(stage, "normal").data("last_end") == "normal"


def test_the_next_vehicle_is_here_before_the_modem_has_its_new_key() -> None:
    """It is waited for as if nobody had been there, and the time of the link before is not counted."""
    stage = pilot(in_session(), "A").child("output.is_off").run(0.3)
    assert stage.active("outlet.available")
    pilot(stage.forget(), "B")
    assert to(stage, "slac") == ["enter_bcd"]
    assert stage.run(60).active("outlet.plugged.inviting")
    stage.child("slac.modem_ready").child("slac.dlink_ready", pev_mac=bytes(6)).run(30)
    assert stage.active("outlet.plugged.waking"), "its own time has begun with its link"
    assert not stage.unhandled


def test_pause_over_the_link_that_is_still_there() -> None:
    """A vehicle that kept the network may just connect again."""
    stage = end_session(in_session(), "paused").forget()
    assert stage.data("last_end") == "paused"
    stage.child("cp_line.bcb_toggle")
    assert orders(stage) == INVITES[:2], "SLAC is not begun anew"
    end_session(start_session(stage), "paused")
    stage.forget().child("session.session_started", EVCCID=b"\x07", protocol="iso2")
    assert stage.active("outlet.plugged.session.power.none")
    assert orders(stage) == ["cp_line.hlc"], "5 % first: without it the vehicle does not go to state C"
    assert (stage.data("EVCCID"), stage.data("protocol")) == (b"\x07", "iso2")


def test_link_lost_in_a_session() -> None:
    """The session is ended at once, not when its own timer finds out; then it is tried again."""
    stage = in_session().child("slac.dlink_lost")
    assert to(stage, "session") == ["abort"]
    assert stage.data("reason") == "link lost"
    assert stage.active("plc.modem.idle")
    end_session(stage, "aborted")
    assert stage.active("outlet.plugged.waking")
    assert (stage.data("failed_sessions"), stage.data("last_end")) == (1, "aborted")


# ---------------------------------------------------------------- unplugging


def unplug(stage: Stage) -> None:
    """Free again 200 ms after everything is at rest."""
    pilot(stage, "A").child("output.is_off").run(0.2)
    assert stage.active("outlet.available")


@pytest.mark.parametrize("step", STEPS)
def test_unplugged(step: str) -> None:
    """Output first, then the session, the link, the pilot; unlocked when the output is dead; then free for the next."""
    stage = pilot(STEPS[step](), "A")
    assert [what for what in orders(stage) if not what.startswith("slac.")] == [
        "output.pilot_lost",
        "session.abort",
        "cp_line.x1",
        "output.power_off",
    ]
    assert to(stage, "slac") == ["leave_bcd"]
    assert stage.active("outlet.unplugged.discharging")
    stage.forget().child("output.is_off")
    assert orders(stage) == ["lock.unlock"]
    stage.emit("lock.unlocked").run(0.199)
    assert orders(stage) == ["lock.unlock"]
    stage.run(0.001)
    assert orders(stage) == ["lock.unlock", "show Available", "cp_line.x1"]
    assert stage.active("outlet.available")
    end_session(stage.forget(), "aborted")
    assert (stage.orders, stage.unhandled) == ([], []), "the session's end is old news"
    pilot(stage, "B")
    assert orders(stage) in (INVITES, INVITES[:2]), "the next vehicle"


def test_user_leaves_with_the_vehicle() -> None:
    stage = authorised()
    pilot(stage, "A")
    assert stage.active("user.unknown")


def test_a_modem_that_does_not_say_why_it_fails_leaves_a_reason_all_the_same() -> None:
    """People read a reason of an outlet out of order, whatever a child said or left out."""
    stage = plugged().emit("button.emergency_stop").forget().child("slac.modem_fault", reason="")
    assert stage.active("outlet.faulted")
    assert shown(stage) == ["the modem is faulty"]
    assert stage.data("reason") == "the modem is faulty"


def test_modem_is_looked_for_again_before_the_next_vehicle() -> None:
    """Unplugged with the modem away: the outlet is not free until it is back."""
    stage = plugged().child("slac.modem_fault", reason="no modem on eth1")
    assert shown(stage) == ["no modem on eth1"]
    pilot(stage, "A").child("output.is_off").run(1)
    assert stage.active("outlet.starting")
    stage.child("slac.modem_ready")
    assert stage.active("outlet.available")


# ---------------------------------------------------------------- faults


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("cp_line.diode_fault", {}, "no diode on the pilot line"),
    ("cp_line.state", {"state": "E"}, "pilot line shorted"),
    ("output.fault", {"reason": "contactor welded", "errorCode": "PowerSwitchFailure"}, "contactor welded"),
    ("button.emergency_stop", {}, "emergency button"),
]


def happens(stage: Stage, event: str, data: dict[str, Any]) -> Stage:
    role = event.partition(".")[0]
    if role == "button":
        return stage.emit(event, **data)
    return stage.post(event, **data) if role == event else stage.child(event, **data)


@pytest.mark.parametrize(("event", "data", "reason"), FAULTS)
@pytest.mark.parametrize("step", ["plugged", "charging"])
def test_fault(step: str, event: str, data: dict[str, Any], reason: str) -> None:
    """Output off first, pilot F, the link left, the user forgotten; out of order until it is reset."""
    stage = STEPS[step](authorisation="external").emit("reader.authorised").forget()
    happens(stage, event, data)
    told = "emergency" if event == "button.emergency_stop" else "malfunction"
    assert to(stage, "session") == [told], "the vehicle reads why"
    assert not admitted(stage)
    expected = ["output.emergency_off", "output.power_off", "cp_line.fault", f"session.{told}", "slac.leave_bcd"]
    if event == "button.emergency_stop":
        expected = ["output.emergency_off", *expected]
    assert orders(stage) == ["show Out of order", *expected]
    assert stage.data("reason") == reason
    assert stage.active("outlet.faulted")
    assert stage.active("user.unknown")
    end_session(stage.forget().child("session.demand", voltage=400.0, current=50.0, soc=41), "failed")
    assert (stage.orders, stage.unhandled) == ([], []), "the vehicle learns of it when it can"
    stage.values("meter", voltage=60.0).forget().run(1000)
    assert stage.active("outlet.faulted")
    pilot(stage, "A")
    pilot(stage, "B")
    assert not stage.orders
    assert stage.active("outlet.faulted")


def test_what_else_breaks_is_the_reason() -> None:
    """In a fault the last thing that broke is told; nobody is alarmed twice."""
    stage = plugged().child("cp_line.diode_fault").forget()
    stage.child("output.fault", errorCode="PowerSwitchFailure", reason="fan")
    assert stage.data("reason") == "fan"
    assert not stage.orders
    stage.child("output.fault", errorCode="PowerSwitchFailure", reason="")
    assert stage.data("reason") == "fan"


def unfit(stage: Stage) -> Stage:
    return stage.child("output.unfit", errorCode="InternalError", reason="power supply: no module")


def test_an_outlet_that_can_give_nothing_is_out_of_service_until_it_can() -> None:
    """Whoever plugs in meets no free outlet, and reads why; it is free again by itself."""
    stage = unfit(available())
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, "power supply: no module")
    assert stage.ordered("display.show")[-1] == {"text": "Out of order"}
    assert stage.ordered("cp_line.fault")
    unfit(stage.child("output.is_off")).child("output.unfit", errorCode="InternalError", reason="power supply: fan")
    assert stage.data("reason") == "power supply: fan"
    stage.child("output.fit")
    assert stage.active("outlet.resetting")
    stage.child("output.is_off").child("output.is_off").run(1)
    assert (stage.active("outlet.available"), stage.unhandled) == (True, [])


def mended(stage: Stage) -> Stage:
    return stage.child("output.is_off").child("output.fit").child("output.is_off").child("output.is_off").run(1)


def test_a_supply_that_fails_again_and_again_waits_for_somebody() -> None:
    """Three times it is taken back; the fourth failure in one go stays until somebody has looked."""
    stage = available()
    for _ in range(3):
        assert mended(unfit(stage)).active("outlet.available")
        stage.run(590)
    unfit(stage)
    assert stage.data("reason") == "again and again: power supply: no module"
    assert mended(stage).run(3600).active("outlet.faulted")
    stage.emit("button.reset_pressed").child("output.is_off").child("output.is_off").run(1)
    assert stage.active("outlet.available")
    for _ in range(3):
        assert mended(unfit(stage)).active("outlet.available")
    assert unfit(stage).child("output.fit").active("outlet.faulted")
    assert stage.post("in_service").active("outlet.resetting")


def test_a_supply_that_lasted_counts_anew() -> None:
    stage = available()
    for _ in range(5):
        assert mended(unfit(stage)).active("outlet.available")
        stage.run(600)


def test_one_failure_with_many_reasons_counts_once() -> None:
    stage = available()
    for _ in range(3):
        unfit(unfit(unfit(unfit(stage))))
        assert mended(stage).active("outlet.available")


def test_a_supply_that_is_never_taken_back() -> None:
    stage = unfit(available(C_supply=0)).child("output.is_off").child("output.fit")
    assert (stage.active("outlet.faulted"), stage.data("supply_failures")) == (True, 1)


@pytest.mark.parametrize("made", [plugged, in_session])
def test_a_session_that_meets_it_has_failed_with_the_reason(made: Any) -> None:
    stage = unfit(made())
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"]) == ("failed", "power supply: no module")
    assert stage.ordered("session.malfunction")


def test_nobody_is_invited_before_the_supply_says_what_it_can() -> None:
    """Modules are looked for: a vehicle that is there already waits, and reads no limits of 0 V."""
    stage = starting().values("supply", maximum_voltage=0.0).child("session.listening", port_tcp=61341, port_tls=0)
    pilot(stage.child("slac.modem_ready"), "B").run(11.9)
    assert stage.active("outlet.starting.unknown")
    assert shown(stage) == []
    stage.run(0.2)
    assert shown(stage) == ["The power supply offers no voltage"]
    stage.values("supply", maximum_voltage=500.0).run(0.1)
    assert stage.active("outlet.plugged.inviting")


def test_a_supply_that_is_known_no_more_before_the_modem_is_there() -> None:
    stage = starting().child("session.listening", port_tcp=61341, port_tls=0).run(0.1)
    assert stage.active("outlet.starting.known")
    stage.values("supply", maximum_voltage=0.0).child("slac.modem_ready")
    assert stage.active("outlet.starting.unknown")
    stage.values("supply", maximum_voltage=500.0).run(0.1)
    assert stage.active("outlet.available")


def test_a_vehicle_that_was_offered_nothing_has_not_charged_well() -> None:
    """It leaves in order while the modules are not found yet. It is tried again, and has failed if they are not."""
    stage = in_session()
    stage.values("supply", maximum_voltage=0.0)
    end_session(stage, "normal")
    assert stage.active("outlet.plugged.waking")
    assert stage.told("session_ended") == []
    assert stage.data("sessions") == 0
    unfit(stage)
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"]) == ("failed", "power supply: no module")


def test_a_vehicle_that_leaves_in_order_before_it_asks_for_power_has_ended_well() -> None:
    (told,) = end_session(in_session(), "normal").told("session_ended")
    assert (told["end"], told["reason"]) == ("normal", "")


def test_an_outlet_whose_pilot_board_is_lost_is_out_of_order_until_it_is_found() -> None:
    """Off in that step, with the board's reason; free again by itself. What a person has to look at stays."""
    stage = in_session().forget().emit("pilot.lost", reason="the pilot board is silent")
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, "the pilot board is silent")
    assert stage.ordered("output.emergency_off")
    stage.emit("pilot.lost", reason="unplugged")
    assert stage.data("reason") == "unplugged"
    stage.child("cp_line.state", state="E").child("cp_line.state", state="A").emit("pilot.found")
    assert stage.active("outlet.resetting")
    faulted = (
        available()
        .child("output.fault", errorCode="PowerSwitchFailure", reason="contactor welded")
        .emit("pilot.lost", reason="unplugged")
    )
    assert faulted.emit("pilot.found").active("outlet.faulted")
    assert faulted.data("reason") == "contactor welded"


@pytest.mark.parametrize("first", ["fault", "button"])
def test_what_a_person_has_to_look_at_does_not_mend_by_itself(first: str) -> None:
    """Nor does a supply that mends take a pressed emergency button back."""
    stage = available()
    if first == "fault":
        unfit(stage.child("output.fault", errorCode="PowerSwitchFailure", reason="contactor welded"))
    else:
        unfit(stage).emit("button.emergency_stop")
        unfit(stage)
    reason = {"fault": "contactor welded", "button": "emergency button"}[first]
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, reason)
    stage.child("output.fit")
    assert stage.active("outlet.faulted")
    assert unfit(available()).emit("button.reset_pressed").active("outlet.resetting")


def test_a_fault_of_an_output_that_was_to_mend_by_itself_waits_for_a_person() -> None:
    """Its modules were silent; heard again, they show a voltage that stays."""
    stage = unfit(available()).child("output.fault", errorCode="PowerSwitchFailure", reason="still live")
    assert stage.data("reason") == "still live"
    assert stage.child("output.fit").active("outlet.faulted")
    stage = unfit(available()).child("output.fault", errorCode="PowerSwitchFailure", reason="")
    assert stage.data("reason") == "power supply: no module"
    assert stage.child("output.fit").active("outlet.faulted")


@pytest.mark.parametrize("first", ["supply", "pilot"])
def test_what_mends_frees_the_outlet_from_its_own_fault_only(first: str) -> None:
    stage = unfit(available()) if first == "supply" else available().emit("pilot.lost", reason="unplugged")
    stage = stage.emit("pilot.found") if first == "supply" else stage.child("output.fit")
    assert stage.active("outlet.faulted")


def test_a_fault_that_gives_no_reason() -> None:
    """An outlet that is out of order says why, if only where to look."""
    assert (
        plugged().child("output.fault", errorCode="PowerSwitchFailure", reason="").data("reason")
        == "the output is faulty"
    )
    faulted = plugged().child("cp_line.diode_fault").child("slac.modem_fault", reason="")
    assert faulted.data("reason") == "the modem is faulty"
    assert shown(faulted)[-1] == "the modem is faulty"


def test_reset() -> None:
    """With the vehicle still there: output and pilot are reset, all is brought to rest, it is invited again."""
    stage = plugged().child("cp_line.diode_fault").forget()
    stage.emit("button.reset_pressed")
    assert orders(stage) == ["output.reset", "output.power_off", "cp_line.x1"]
    assert stage.active("outlet.resetting")
    stage.run(2.999).child("output.is_off")
    assert stage.active("outlet.unplugged.discharging")
    stage.forget().child("output.is_off").run(0.2)
    assert each(stage) == {
        "lock": ["unlock"],
        "display": ["Available", "Vehicle connected"],
        "cp_line": ["x1", "hlc"],
        "slac": ["enter_bcd"],
    }


def test_the_connector_is_released_when_the_output_is_off() -> None:
    """A fault does not hold the vehicle for ever, and a live connector is not released (IEC 61851-23 CC.5.3)."""
    for seconds in (0.1, 1000):
        stage = charging().values("meter", voltage=60.0).emit("button.emergency_stop").forget().run(seconds)
        assert orders(stage) == []
        stage.child("output.is_off")
        assert orders(stage) == ["lock.unlock"]
        stage.child("output.is_off").run(1000)
        assert orders(stage) == ["lock.unlock"]
        assert stage.active("outlet.faulted")
        assert stage.unhandled == []


def silent_output(voltage: float = 59.9, closed: bool = False) -> Stage:
    """A fault; the output does not say that it is off."""
    stage = charging().values("contactor", is_closed=closed).values("meter", voltage=voltage)
    return stage.child(
        "output.fault", errorCode="PowerSwitchFailure", reason="nobody knows whether it is still live"
    ).forget()


def test_the_connector_is_released_when_contactor_and_meter_say_that_it_is_dead() -> None:
    """The supply is lost with what it measures: nobody is left with a locked connector at a dead outlet."""
    stage = silent_output().run(3.099)
    assert orders(stage) == []
    stage.run(0.001)
    assert orders(stage) == ["lock.unlock"]
    assert stage.active("outlet.faulted.dead")


def test_the_connector_stays_locked_while_it_may_be_live() -> None:
    """A welded contactor, a voltage, or a meter that fell silent; released when that is over."""
    stages = [silent_output(closed=True), silent_output(voltage=60.0), silent_output().silent("meter", "voltage")]
    for stage in stages:
        stage.run(1000)
        assert orders(stage) == []
        assert stage.active("outlet.faulted.unknown")
        stage.values("contactor", is_closed=False).values("meter", voltage=0.0).tells("meter").run(0.1)
        assert orders(stage) == ["lock.unlock"]


def test_reset_while_the_pilot_is_shorted() -> None:
    """Nobody is invited until the short is gone; the pilot chart says so by its next state, half a second late."""
    for state in ("A", "B"):
        stage = pilot(plugged(), "E").emit("button.reset_pressed").child("output.is_off").child("output.is_off")
        stage.forget().run(100)
        assert stage.active("outlet.starting")
        assert each(stage) == {"cp_line": ["x1"]}
        pilot(stage, state).child("output.is_off").run(0.2)
        assert stage.active("outlet.available" if state == "A" else "outlet.plugged.inviting")


def test_reset_does_not_help() -> None:
    """An output that does not come to rest within 3 s leaves the station out of order."""
    stage = plugged().child("cp_line.diode_fault").post("in_service")
    stage.run(2.999)
    assert stage.active("outlet.resetting")
    stage.forget().run(0.001)
    assert stage.active("outlet.faulted")
    assert "cp_line.fault" in orders(stage)


@pytest.mark.parametrize("event", ["reset", "in_service"])
def test_emergency_button_must_come_out_first(event: str) -> None:
    """No reset, and no back end, clears an emergency stop whose button is still down."""

    def reset() -> None:
        if event == "reset":
            stage.emit("button.reset_pressed")
        else:
            stage.post("in_service")

    stage = charging().emit("button.emergency_stop").forget()
    reset()
    assert stage.active("outlet.faulted")
    assert not stage.orders
    stage.emit("button.emergency_released")
    assert stage.active("safety.normal")
    assert stage.active("outlet.faulted")
    reset()
    assert stage.active("outlet.resetting")


def test_back_end_out_of_service_and_back() -> None:
    """A free outlet taken out of service and put back; told twice, it stays."""
    stage = available().post("in_service")
    assert stage.active("outlet.available")
    assert not stage.unhandled
    stage.post("out_of_service")
    assert shown(stage) == ["Out of order"]
    stage.post("in_service").child("output.is_off").child("output.is_off").run(0.2)
    assert stage.active("outlet.available")
    assert shown(stage) == ["Out of order", "Available"]


def test_out_of_service_in_a_charge_is_an_ordinary_stop() -> None:
    """The vehicle reads it and ends its current; what was charged is no failure."""
    stage = charging().post("out_of_service")
    assert orders(stage) == ["session.stop"]
    assert not stage.run(19.9).active("outlet.faulted")
    end_session(stage.forget(), "normal")
    assert to(stage, "output") == ["power_off", "power_off"]
    stage.child("output.is_off")
    assert shown(stage) == ["Finished", "Out of order"]
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"]) == ("normal", "")
    stage.post("in_service").child("output.is_off").child("output.is_off").run(0.2)
    assert stage.active("outlet.plugged.inviting")
    assert not stage.unhandled
    deaf = charging().post("out_of_service").run(20.1)
    assert to(deaf, "output")[-1:] == ["power_off"]
    deaf.child("session.session_ended", end="aborted")
    assert not deaf.ordered("output.emergency_off"), "down, and not cut"
    assert deaf.child("output.is_off").active("outlet.faulted")
    regretted = charging().post("out_of_service").post("in_service")
    assert end_session(regretted, "normal").child("output.is_off").active("outlet.plugged.finished")


def test_out_of_service_before_anything_flows() -> None:
    stage = plugged().post("out_of_service")
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, "out of service")
    assert to(stage, "cp_line") == ["fault"]
    broken = (
        charging()
        .post("out_of_service")
        .child("output.fault", errorCode="PowerSwitchFailure", reason="contactor welded")
    )
    assert broken.data("reason") == "contactor welded"
    assert broken.ordered("output.emergency_off")
    assert broken.emit("button.reset_pressed").active("outlet.resetting")
    assert broken.child("output.is_off").child("output.is_off").run(0.2).active("outlet.plugged.inviting")


def test_vehicle_that_came_during_the_fault() -> None:
    """After the reset it is invited, by what the pilot said meanwhile."""
    stage = available().post("out_of_service")
    pilot(stage, "C")
    stage.post("in_service").child("output.is_off").child("output.is_off").run(0.2)
    assert stage.active("outlet.plugged.inviting")


def test_vehicle_that_left_during_the_fault() -> None:
    stage = plugged().post("out_of_service")
    pilot(stage, "A")
    stage.post("in_service").child("output.is_off").child("output.is_off").run(0.2)
    assert stage.active("outlet.available")
