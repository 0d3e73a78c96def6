"""Scenarios of machines/evse_ac.yaml with a modem: 5 % first, the V2G session, and the way to the nominal duty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

EVCCID = bytes.fromhex("020000000001")
THREE, SINGLE = ["AC_three_phase_core", "AC_single_phase_core"], ["AC_single_phase_core"]


def started(**parameters: Any) -> Stage:
    values = {"meter.energy": 1000.0, "phase_switch.count": 3}
    return Stage("machines/evse_ac.yaml", values, **parameters)


def available(**parameters: Any) -> Stage:
    stage = started(**parameters).child("session.listening", port_tcp=61341, port_tls=0)
    if parameters.get("medium") != "ethernet":
        assert not stage.active("vehicle.available")
        stage.child("slac.modem_ready")
    assert stage.active("vehicle.available")
    return stage.forget()


def inviting(**parameters: Any) -> Stage:
    return available(**parameters).child("outlet.offers", current=16.0).child("outlet.connected", rating=32.0)


def in_session(stage: Stage | None = None, **parameters: Any) -> Stage:
    stage = stage or inviting(**parameters)
    return stage.child("session.session_started", EVCCID=EVCCID, protocol="iso2").forget()


def parameters(stage: Stage) -> Stage:
    return stage.child("session.parameters", soc=0, voltage=400.0, current=32.0, capacity=None, energy=9000.0,
                       minimum_current=6.0, departure=None, phases=3)  # fmt: skip


def charging(**given: Any) -> Stage:
    stage = parameters(in_session(**given).child("session.authorisation_wanted"))
    stage.child("session.power_on").child("outlet.power_ready")
    assert stage.active("vehicle.plugged.session.power.charging")
    return stage.forget().values("meter", energy=3500.0)


def falls_back(stage: Stage, pulse: str) -> None:
    """Out of the network, nothing offered, a pulse, then the nominal duty; and the vehicle charges."""
    assert stage.active("vehicle.plugged.falling_back")
    assert ("leave_bcd" in to(stage, "slac"), to(stage, "discovery")[-1:]) == (True, ["be_silent"])
    stage.forget().child("outlet.is_off").child("outlet.pulse_done")
    assert to(stage, "outlet") == [pulse, "offer"]
    stage.child("outlet.charging").child("outlet.disconnected")
    assert stage.told("session_ended")[0]["protocol"] == "pwm"


def to(stage: Stage, child: str) -> list[str]:
    return [o.what.partition(".")[2] for o in stage.orders if o.what.startswith(f"{child}.")]


def shown(stage: Stage) -> list[str]:
    return [str(args["text"]) for args in stage.ordered("display.show")]


def result(stage: Stage) -> dict[str, Any]:
    (told,) = stage.told("session_ended")
    assert told["soc"] is None, "no AC protocol here tells it"
    return {name: value for name, value in told.items() if name != "soc"}


def test_from_the_plug_to_the_end_of_the_session() -> None:
    """5 %, a session, authorisation, the contactor by PowerDelivery, x1 at the end; the cable stays."""
    stage = inviting()
    assert (to(stage, "outlet"), to(stage, "slac")) == (["invite"], ["enter_bcd"])
    assert (to(stage, "discovery"), to(stage, "session")) == (["answer"], ["limit", "accept"])
    stage.child("slac.matching").child("slac.dlink_ready", pev_mac=bytes(6))
    stage.child("discovery.asked", security="none", peer="fe80::2")
    assert stage.order("session.vehicle_matched") == {"mac": bytes(6)}
    assert stage.order("session.vehicle_asked") == {"peer": "fe80::2"}
    in_session(stage)
    assert stage.active("vehicle.plugged.session.power.none")
    stage.child("session.authorisation_wanted")
    assert to(stage, "session") == ["authorise"]
    parameters(stage).forget().child("session.power_on")
    assert (to(stage, "outlet"), to(stage, "session")) == (["power_on"], [])
    stage.child("outlet.power_ready")
    assert to(stage, "session") == ["metered", "power_ready"]
    assert stage.order("session.metered") == {"MeterID": "meter", "energy": 1000.0}
    assert (shown(stage)[-1], stage.order("light.show")) == ("Charging", {"state": "charging"})
    stage.forget().values("meter", energy=2000.0).run(9.9)
    assert not to(stage, "session")
    stage.run(0.2)
    assert stage.order("session.metered") == {"MeterID": "meter", "energy": 2000.0}
    stage.child("session.power_off")
    assert to(stage, "outlet") == ["power_off"]
    stage.forget().child("outlet.is_off")
    assert to(stage, "session") == ["current_off"]
    stage.child("session.power_off").child("session.session_ended", end="normal")
    assert (to(stage, "outlet")[-1], to(stage, "slac")) == ("withhold", ["leave_bcd"])
    assert to(stage, "discovery") == ["be_silent"]
    stage.child("outlet.is_off")
    assert result(stage) == {"end": "normal", "reason": "", "protocol": "iso2", "EVCCID": EVCCID, "energy": 1000.0}
    assert "release" not in to(stage, "outlet")
    assert shown(stage)[-1] == "Finished"
    stage.child("outlet.disconnected").child("outlet.free")
    assert stage.active("vehicle.available")
    assert not stage.unhandled


def test_the_limit_of_the_outlet_is_the_sessions() -> None:
    """Told before, at the start of, and during the session; a session that asks for no power hears it, too."""
    stage = inviting()
    assert stage.order("session.limit") == {"current": 16.0}
    in_session(stage).forget()
    again = inviting().child("session.session_started", EVCCID=EVCCID, protocol="iso2")
    assert again.ordered("session.limit")[-1] == {"current": 16.0}
    stage.child("outlet.offers", current=9.0)
    assert stage.ordered("session.limit") == [{"current": 9.0}]


def test_less_is_told_more_is_agreed_anew() -> None:
    """A rise above the schedule by 1 A; once, and again when that has been agreed."""
    stage = charging().child("outlet.offers", current=10.0)
    assert to(stage, "session") == ["limit"]
    stage.child("outlet.offers", current=16.9)
    assert to(stage, "session") == ["limit", "limit"]
    stage.child("outlet.offers", current=17.0).child("outlet.offers", current=17.5)
    assert to(stage, "session") == ["limit", "limit", "limit", "renegotiate", "limit"]
    parameters(stage).forget().child("session.power_on")
    assert to(stage, "outlet") == ["power_on"]
    stage.child("outlet.power_ready")
    assert "power_ready" in to(stage, "session")
    stage.forget().child("outlet.offers", current=18.4).child("outlet.offers", current=18.5)
    assert to(stage, "session") == ["limit", "limit", "renegotiate"]
    asked = charging().post("renegotiate")
    assert to(asked, "session") == ["renegotiate"]
    assert not in_session().post("renegotiate").unhandled


ROWS = {"start": [0, 60_000_000_000], "PMax": [11_040.0, 5_520.0]}


def test_a_schedule_and_its_rows_are_passed_on() -> None:
    """To the schedule of the plug-in, what is left of it to the session, and its rows to the outlet, as the vehicle is
    told them; without a vehicle nobody keeps to one."""
    stage = charging().post("schedule", **ROWS)
    assert stage.order("plan.tell") == ROWS
    stage.child("plan.row", power=11_040.0).child("plan.left", **ROWS)
    assert stage.order("session.schedule") == ROWS
    assert stage.ordered("outlet.limit")[-1]["current"] == 80.0, "the vehicle knows its rows"
    stage.child("session.schedule_row", current=8.0)
    assert stage.order("outlet.by_message") == {"current": 8.0}
    for told in (
        stage.child("plan.refused", reason="it has no row"),
        stage.child("session.schedule_refused", reason="x"),
    ):
        assert told.told("schedule_refused")[0] == {"reason": "it has no row"}
    free = available().post("schedule", **ROWS)
    assert (free.order("plan.tell"), free.unhandled) == (None, [])
    assert free.told("schedule_refused") == [{"reason": "there is no vehicle"}]


def test_the_row_is_a_limit_of_the_nominal_duty() -> None:
    """By the phases that are connected, the least with what each phase may have and with the site's share; not in a
    session, again when that has failed, and gone with the vehicle."""
    stage = inviting(C_session_retry=1).forget().child("plan.row", power=5520.0)
    assert stage.ordered("outlet.limit") == [{"current": 8.0}]
    stage.child("session.session_started", EVCCID=EVCCID, protocol="iso2")
    assert to(stage, "plan") == ["ask"]
    stage.forget().child("plan.row", power=4140.0)
    assert stage.ordered("outlet.limit") == [{"current": 80.0}]
    stage.forget().child("session.session_ended", end="failed")
    assert stage.active("vehicle.plugged.falling_back")
    assert stage.ordered("outlet.limit") == [{"current": 6.0}]
    stage.forget().values("phase_switch", count=1).child("outlet.phases_now", count=1)
    assert stage.ordered("outlet.limit") == [{"current": 18.0}]
    stage.forget().post("limit", current=10.0).post("grant", power=1840.0, order=1)
    assert [one["current"] for one in stage.ordered("outlet.limit")] == [10.0, 8.0]
    stage.forget().child("outlet.disconnected")
    assert stage.ordered("outlet.limit")[-1] == {"current": 8.0}
    assert not stage.child("outlet.free").unhandled


def test_who_pays_and_is_there_enough() -> None:
    """The session waits for both, and is told so by Ongoing; the next session of the plug-in needs no new card."""
    stage = in_session(authorisation="list", tokens=["A1"]).child("session.authorisation_wanted")
    assert (shown(stage), stage.order("light.show")) == (["Please identify yourself"], {"state": "identify"})
    stage.child("outlet.offers", current=5.9).emit("reader.token", id="A1")
    assert "authorise" not in to(stage, "session")
    stage.child("outlet.offers", current=6.0)
    assert to(stage, "session")[-1] == "authorise"
    stage.forget().child("session.session_ended", end="failed").child("outlet.is_off").child("outlet.pulse_done")
    in_session(stage).child("session.authorisation_wanted")
    assert to(stage, "session") == ["authorise"]
    stage.child("session.authorisation_wanted")
    assert to(stage, "session") == ["authorise", "authorise"]
    early = inviting(authorisation="list", tokens=["A1"])
    assert shown(early) == ["Please identify yourself"]
    assert stage.active("user.known")
    free = inviting()
    assert shown(free) == ["Vehicle connected"]


def test_people_are_told_that_nothing_can_be_spoken() -> None:
    """And when the modem has come, that it can again; a station that was not set up to speak says nothing of it."""
    stage = Stage("machines/evse_ac.yaml", {}).child("session.listening", port_tcp=61341, port_tls=0).run(9.9)
    assert not shown(stage)
    stage.run(0.2)
    assert shown(stage) == ["Available, basic charging only"]
    stage.child("slac.modem_ready").child("slac.modem_ready")
    assert shown(stage)[1:] == ["Available"]
    stage.child("slac.modem_fault", reason="gone")
    assert shown(stage)[2:] == ["Available, basic charging only"]
    assert shown(Stage("machines/evse_ac.yaml", {}, medium="none")) == ["Available"]


def test_a_vehicle_that_never_speaks() -> None:
    """Two E/F pulses while nobody is authorised, then E/F and the nominal duty; at once for who is."""
    stage = inviting(authorisation="list", tokens=["A1"])
    for _ in range(2):
        stage.child("slac.no_request")
        assert stage.active("vehicle.plugged.waking")
        stage.child("outlet.is_off")
        assert to(stage, "outlet")[-1] == "pulse_ef"
        stage.child("outlet.pulse_done")
        assert (to(stage, "outlet")[-1], stage.active("vehicle.plugged.inviting")) == ("invite", True)
    stage.child("slac.no_request")
    stage.child("outlet.is_off").child("outlet.pulse_done")
    assert to(stage, "outlet")[-2:] == ["withhold", "pulse_ef"]
    stage.emit("reader.token", id="A1")
    assert to(stage, "outlet")[-1] == "offer"
    falls_back(inviting().child("slac.no_request"), "pulse_ef")
    falls_back(inviting(begin_anew="x1").child("slac.no_request"), "pulse_x1")


@pytest.mark.parametrize("what", ["matching", "modem", "no session", "wire", "returns not", "sessions"])
def test_a_vehicle_that_spoke_in_vain(what: str) -> None:
    """x1 between 5 % and the nominal duty; the reason stays to be read until it charges."""
    stage = inviting(medium="ethernet" if what == "wire" else "plc")
    if what == "matching":
        stage.child("slac.matching_failed", reason="a").child("slac.matching_failed", reason="b")
        assert stage.active("vehicle.plugged.inviting")
        stage.child("slac.matching_failed", reason="c")
        assert stage.data("reason") == "c"
    elif what == "modem":
        stage.child("slac.modem_fault", reason="gone")
    elif what == "no session":
        stage.child("slac.dlink_ready", pev_mac=bytes(6)).run(21.9)
        assert stage.active("vehicle.plugged.inviting")
        stage.run(0.2)
        assert stage.data("reason") == "linked, but no V2G session"
    elif what == "wire":
        stage.run(21.9)
        assert stage.active("vehicle.plugged.inviting")
        stage.run(0.2)
        assert not to(stage, "slac")
        return
    elif what == "returns not":
        in_session(stage).child("session.session_ended", end="normal")
        assert stage.active("vehicle.plugged.returning")
        assert not to(stage, "discovery")
        stage.run(9.9)
        assert stage.active("vehicle.plugged.returning")
        stage.run(0.2)
    else:
        in_session(stage).child("session.session_ended", end="failed")
        assert (to(stage, "slac"), stage.active("vehicle.plugged.restarting")) == (["leave_bcd"], True)
        stage.child("outlet.is_off").child("outlet.pulse_done")
        assert to(stage, "outlet") == ["withhold", "pulse_x1", "invite"]
        in_session(stage).child("session.session_ended", end="aborted")
        assert stage.data("reason") == "session failed"
    assert "abort" in to(stage, "session")
    falls_back(stage, "pulse_x1")


def test_with_a_plc_a_quiet_vehicle_is_slacs_to_judge() -> None:
    """A slow one may begin its matching after 20 s; a lost link is waited for anew."""
    stage = inviting().run(60)
    assert stage.active("vehicle.plugged.inviting")
    stage.child("slac.dlink_ready", pev_mac=bytes(6)).child("slac.dlink_lost").run(60)
    assert stage.active("vehicle.plugged.inviting")
    stage.child("slac.dlink_ready", pev_mac=bytes(6)).child("slac.modem_ready").run(60)
    assert stage.active("vehicle.plugged.inviting")


def test_it_may_come_back() -> None:
    """Its first session was none; and after a lost link the match begins anew."""
    stage = in_session().child("session.session_ended", end="normal")
    in_session(stage)
    assert stage.active("vehicle.plugged.session")
    lost = in_session().child("session.session_ended", end="normal").child("slac.dlink_lost")
    assert lost.active("vehicle.plugged.inviting")


def test_an_outlet_that_does_not_answer_holds_nobody() -> None:
    stage = inviting().child("slac.no_request").run(7.9)
    assert not stage.ordered("outlet.pulse_ef")
    stage.run(0.2)
    assert stage.ordered("outlet.pulse_ef") == [{}]
    stage.run(7.8)
    assert not stage.ordered("outlet.offer")
    assert stage.run(0.3).ordered("outlet.offer") == [{}]
    left = charging().child("session.session_ended", end="normal").run(7.9)
    assert left.active("vehicle.plugged.leaving")
    assert left.run(0.2).active("vehicle.plugged.finished")
    assert "release" not in to(left, "outlet")


def test_the_contactor_is_refused() -> None:
    """The vehicle hears it; nothing was charged."""
    stage = in_session().child("session.power_on").child("outlet.power_refused", reason="no C")
    assert to(stage, "session") == ["power_refused"]
    assert stage.data("reason") == "no C"
    stage.child("session.session_ended", end="failed")
    assert stage.active("vehicle.plugged.restarting")
    stage.child("outlet.disconnected")
    assert (result(stage)["end"], result(stage)["reason"]) == ("aborted", "no C")


def test_a_vehicle_that_leaves_C_in_the_loop() -> None:
    """It may come back within the outlet's time; otherwise it is told to stop."""
    stage = charging().child("outlet.is_off").child("outlet.power_ready")
    assert "stop" not in to(stage, "session")
    stage.child("outlet.power_refused", reason="the vehicle is not in state C")
    assert to(stage, "session")[-1] == "stop"
    stage.child("session.session_ended", end="normal").child("outlet.is_off")
    assert result(stage)["end"] == "normal"


def test_no_power_outside_a_session() -> None:
    stage = charging().child("session.session_ended", end="normal").forget().child("session.power_on")
    assert to(stage, "session") == ["power_refused"]
    assert "power_on" not in to(stage, "outlet")


@pytest.mark.parametrize("how", ["button", "card", "program"])
def test_a_stop_in_a_session(how: str) -> None:
    """Told to the vehicle; cut after 20 s; and the cable can be taken."""
    stage = charging(authorisation="list", tokens=["A1"]) if how == "never" else charging()
    if how == "button":
        stage.emit("button.stop_pressed")
    elif how == "program":
        stage.post("shut_down")
    else:
        stage = inviting(authorisation="list", tokens=["A1"]).emit("reader.token", id="A1")
        parameters(in_session(stage).child("session.authorisation_wanted")).child("session.power_on")
        stage.child("outlet.power_ready").forget().emit("reader.token", id="A1")
    assert to(stage, "session") == ["stop"]
    stage.forget().run(19.9)
    assert "abort" not in to(stage, "session")
    assert "abort" in to(stage.run(0.2), "session")
    stage.child("session.session_ended", end="aborted").child("outlet.is_off")
    assert result(stage)["end"] == "normal"
    if how == "program":
        assert to(stage, "outlet")[-1] == "close_down"
    else:
        assert to(stage, "outlet")[-1] == "release"
    quick = charging().emit("button.stop_pressed").child("session.session_ended", end="paused")
    assert quick.active("vehicle.plugged.leaving"), "who is stopped is not waited for"
    assert quick.run(8.1).active("vehicle.plugged.finished")
    assert "release" in to(quick, "outlet")
    waiting = inviting().forget().emit("button.stop_pressed")
    assert (to(waiting, "outlet"), to(waiting, "slac")) == (["withhold"], ["leave_bcd"])


def test_out_of_service_in_a_session() -> None:
    """Told to the vehicle as a stop; out of service when its session has ended, or was cut after 20 s."""
    stage = charging().post("out_of_service")
    assert (to(stage, "session"), to(stage, "outlet")) == (["stop"], [])
    stage.child("session.session_ended", end="normal").child("outlet.is_off")
    assert (result(stage)["end"], to(stage, "outlet")) == ("normal", ["withhold", "close_down"])
    assert shown(stage)[-1] == "Out of service"
    deaf = charging().post("out_of_service").run(20.1)
    assert "abort" in to(deaf, "session")
    assert deaf.child("session.session_ended", end="aborted").child("outlet.is_off").active("vehicle.faulted")
    early = inviting().forget().post("out_of_service")
    assert to(early, "outlet") == ["withhold"]
    assert early.child("outlet.is_off").active("vehicle.faulted")
    assert not stage.unhandled


def test_a_card_shown_while_a_session_ends_changes_nothing() -> None:
    """Who charges shows it to leave: it ends already."""
    stage = available(authorisation="list", tokens=["A1"]).child("outlet.offers", current=16.0)
    stage.child("outlet.connected", rating=32.0).emit("reader.token", id="A1")
    parameters(in_session(stage).child("session.authorisation_wanted"))
    stage.child("session.power_on").child("outlet.power_ready")
    stage.child("session.power_off").child("session.session_ended", end="normal")
    assert stage.active("vehicle.plugged.leaving")
    assert stage.emit("reader.token", id="A1").active("vehicle.plugged.leaving")
    assert stage.child("outlet.is_off").told("session_ended")[-1]["end"] == "normal"


PAUSED = "Paused by the station, there is too little current"


def test_too_little_current_at_the_plug_in() -> None:
    """No session is begun that could only wait: told at once, and invited when there is enough for a while."""
    stage = available().post("report").post("limit", current=3.0).forget().child("outlet.connected", rating=32.0)
    assert (to(stage, "outlet"), stage.active("user.known")) == (["withhold"], True)
    stage.run(2.1)
    assert (shown(stage), stage.told("outlet_state")[-1]["state"]) == ([PAUSED], "suspended_evse")
    stage.run(1000).post("limit", current=6.5).run(100)
    assert stage.active("vehicle.plugged.short.lacking.low")
    stage.forget().post("limit", current=7.0).run(9.9).post("limit", current=5.0).run(20).post(
        "limit", current=16.0
    ).run(9.9)
    assert "invite" not in to(stage, "outlet")
    stage.run(0.2)
    assert (to(stage, "outlet")[-1], to(stage, "slac")[-1]) == ("invite", "enter_bcd")
    charged = in_session(stage.child("outlet.offers", current=16.0)).child("session.authorisation_wanted")
    assert to(charged, "session") == ["authorise"]
    left = available().post("limit", current=3.0).child("outlet.connected", rating=32.0).run(3)
    assert result(left.child("outlet.disconnected"))["reason"] == "too little current"
    stopped = available().post("limit", current=3.0).child("outlet.connected", rating=32.0).run(3)
    assert result(stopped.emit("button.stop_pressed").child("outlet.is_off"))["reason"] == "too little current"
    assert not stage.unhandled


def test_what_a_site_grants_at_the_plug_in_comes_in_time() -> None:
    """Nobody reads of too little current who has it two seconds later; who is not known yet is invited all the same."""
    stage = available().post("grant", power=0.0, order=1).child("outlet.connected", rating=32.0)
    assert stage.told("needs")[-1]["power"] > 0.0
    stage.post("grant", power=11000.0, order=2)
    assert (stage.active("vehicle.plugged.inviting"), PAUSED in shown(stage)) == (True, False)
    unknown = available(authorisation="external").post("grant", power=0.0, order=1)
    assert unknown.child("outlet.connected", rating=32.0).active("vehicle.plugged.inviting")


def test_a_session_that_waits_for_current_only_is_begun_again() -> None:
    """The vehicle is never told FAILED for that, and it is no failure of its own."""
    stage = inviting().post("limit", current=3.0).child("outlet.offers", current=3.0)
    in_session(stage).child("session.authorisation_wanted").run(2.1)
    assert shown(stage)[-1] == PAUSED
    assert "abort" not in to(stage.run(267), "session"), "it may come yet"
    assert "abort" in to(stage.run(1), "session")
    stage.child("session.session_ended", end="aborted")
    assert (stage.active("vehicle.plugged.short.lacking"), stage.data("failed_sessions")) == (True, 0)
    assert shown(stage)[-1] == PAUSED
    assert stage.post("limit", current=16.0).run(10.1).active("vehicle.plugged.inviting")
    soon = inviting().post("limit", current=3.0).child("outlet.offers", current=3.0)
    in_session(soon).child("session.authorisation_wanted").run(100)
    soon.post("limit", current=9.0).child("outlet.offers", current=9.0)
    assert to(soon, "session")[-1] == "authorise"
    granted = inviting().post("limit", current=3.0).child("outlet.offers", current=3.0)
    in_session(granted).child("session.authorisation_wanted").run(1)
    granted.post("limit", current=9.0).child("outlet.offers", current=9.0).run(10)
    assert PAUSED not in shown(granted), "a site had its two seconds to grant it"
    late = inviting(authorisation="external").post("limit", current=3.0).child("outlet.offers", current=3.0)
    in_session(late).child("session.authorisation_wanted").run(280)
    assert "abort" not in to(late, "session"), "a person is waited for"
    assert "abort" in to(late.emit("reader.authorised"), "session")


def test_a_pause_of_the_vehicle() -> None:
    """The network and who pays stay; a toggle or a session of its own wakes the station."""
    stage = charging().child("session.power_off").child("session.session_ended", end="paused")
    assert (to(stage, "slac"), to(stage, "outlet")[-1]) == (["dlink_pause"], "withhold")
    assert (shown(stage), stage.order("light.show")) == (["Paused"], {"state": "waiting"})
    assert not to(stage, "discovery")
    assert not stage.told("session_ended")
    stage.forget().child("outlet.bcb_toggle")
    assert (to(stage, "outlet"), to(stage, "slac")) == (["invite"], ["enter_bcd"])
    in_session(stage).child("session.authorisation_wanted")
    assert to(stage, "session") == ["authorise"]
    itself = charging().child("session.session_ended", end="paused").forget()
    itself.child("session.session_started", EVCCID=EVCCID, protocol="iso2")
    assert (to(itself, "outlet"), to(itself, "slac")) == (["invite"], ["enter_bcd"])
    assert itself.active("vehicle.plugged.session")
    stopped = charging().child("session.session_ended", end="paused").emit("button.stop_pressed")
    assert stopped.active("vehicle.plugged.stopping")
    gone = charging().child("session.session_ended", end="paused").child("outlet.disconnected")
    assert result(gone)["end"] == "normal"


def test_after_a_pause_nobody_comes() -> None:
    """Over the link that was kept: as long as for a new one."""
    stage = inviting().child("slac.dlink_ready", pev_mac=bytes(6))
    in_session(stage).child("session.session_ended", end="paused").run(600)
    assert stage.active("vehicle.plugged.paused")
    stage.child("outlet.bcb_toggle").run(21.9)
    assert stage.active("vehicle.plugged.inviting")
    assert stage.run(0.2).active("vehicle.plugged.falling_back")


def test_a_vehicle_of_another_protocol() -> None:
    """It is not waited for; once it is charged by the duty, such a connection means nothing more."""
    stage = inviting().child("slac.dlink_ready", pev_mac=bytes(6)).forget().child("session.no_common_protocol")
    assert stage.data("reason") == "the vehicle speaks no protocol of this station"
    falls_back(stage, "pulse_x1")
    late = charging().child("session.no_common_protocol")
    assert late.active("vehicle.plugged.session.power.charging")
    assert late.unhandled == []


def test_phases_are_agreed_once_in_a_session() -> None:
    """When they may be switched, the vehicle is stopped, and asked again; a stop by the user goes before."""
    stage = charging().post("phases", count=1).run(30)
    assert (to(stage, "session").count("stop"), stage.order("outlet.phases")) == (0, {"count": 1})
    assert stage.active("vehicle.plugged.session.power.charging")
    stage.forget().child("outlet.phases_due")
    assert (to(stage, "session"), to(stage, "outlet")) == (["stop"], [])
    stage.child("session.session_ended", end="normal")
    assert (to(stage, "outlet"), to(stage, "slac")) == (["withhold"], ["leave_bcd"])
    assert shown(stage)[-1] == "Phases are being switched"
    stage.forget().values("phase_switch", count=1).child("outlet.phases_now", count=1)
    assert stage.order("session.offer_modes") == {"modes": SINGLE}
    assert (stage.told("phases_now"), to(stage, "outlet")) == ([{"count": 1}], ["invite"])
    in_session(stage).child("session.session_ended", end="normal")
    assert stage.active("vehicle.plugged.returning"), "that was the last change"
    refused = charging().child("outlet.phases_due").child("session.session_ended", end="normal").run(29.9)
    assert refused.active("vehicle.plugged.rephasing")
    assert refused.run(0.2).active("vehicle.plugged.inviting")
    stopped = (
        charging().child("outlet.phases_due").emit("button.stop_pressed").child("session.session_ended", end="normal")
    )
    assert stopped.active("vehicle.plugged.leaving")
    paused = charging().child("outlet.phases_due").child("session.session_ended", end="paused")
    paused.child("outlet.phases_now", count=1).child("outlet.bcb_toggle")
    in_session(paused).child("session.session_ended", end="normal")
    assert paused.active("vehicle.plugged.returning"), "they were switched in the pause"


def test_a_vehicle_that_does_not_end_its_session_for_a_change_of_phases() -> None:
    """It is cut, as after a stop by the user; and asked again."""
    stage = charging().child("outlet.phases_due").run(19.9)
    assert "abort" not in to(stage, "session")
    stage.run(0.2)
    assert to(stage, "session").count("abort") == 1
    assert stage.child("session.session_ended", end="aborted").active("vehicle.plugged.rephasing")


@pytest.mark.parametrize("where", ["inviting", "returning"])
def test_phases_are_switched_at_once_while_there_is_no_session(where: str) -> None:
    stage = inviting()
    if where == "returning":
        in_session(stage).child("session.session_ended", end="normal")
    stage.forget().child("outlet.phases_due")
    assert stage.active("vehicle.plugged.rephasing")
    assert (to(stage, "outlet"), to(stage, "slac")) == (["withhold"], ["leave_bcd"])
    assert stage.child("outlet.phases_now", count=1).active("vehicle.plugged.inviting")
    assert not stage.unhandled


@pytest.mark.parametrize("why", ["ventilation needed, and there is none", "card not accepted"])
def test_why_a_session_brought_nothing(why: str) -> None:
    """In the result, not only on the display."""
    stage = inviting(authorisation="list", tokens=["A1"])
    in_session(stage).child("session.authorisation_wanted")
    if why == "card not accepted":
        stage.emit("reader.token", id="B2").emit("button.stop_pressed")
    else:
        parameters(stage.emit("reader.token", id="A1")).child("session.power_on")
        stage.child("outlet.power_refused", reason=why)
    stage.child("session.session_ended", end="normal").child("outlet.is_off")
    assert (result(stage)["end"], result(stage)["reason"]) == ("aborted", why)


def test_as_many_phases_are_offered_as_are_connected() -> None:
    stage = started()
    assert stage.order("session.offer_modes") == {"modes": THREE}
    stage.values("phase_switch", count=1).child("outlet.phases_now", count=1)
    assert stage.order("session.offer_modes") == {"modes": SINGLE}


def test_residual_current_is_told() -> None:
    stage = charging().emit("rcd.tripped", kind="dc")
    assert to(stage, "session") == ["rcd_tripped"]
    stage.child("outlet.fault", errorCode="PowerSwitchFailure", reason="residual current, dc")
    assert to(stage, "session")[1] == "malfunction"
    assert (to(stage, "outlet"), to(stage, "slac")) == (["close_down"], ["leave_bcd"])
    stage.emit("button.reset_pressed")
    assert to(stage, "session")[-1] == "abort"


def test_an_emergency_is_told() -> None:
    stage = charging().emit("button.emergency_stop")
    assert to(stage, "session")[0] == "emergency"
    assert "malfunction" not in to(stage, "session")


@pytest.mark.parametrize("what", ["unplugged", "refused", "link", "program"])
def test_a_session_that_is_cut(what: str) -> None:
    stage = charging()
    if what == "unplugged":
        stage.child("outlet.disconnected")
    elif what == "refused":
        stage.child("outlet.vehicle_fault", errorCode="OverCurrentFailure", reason="no diode")
    elif what == "link":
        stage.child("slac.dlink_lost")
        assert stage.data("reason") == "link lost"
        stage.child("session.session_ended", end="failed")
        assert stage.active("vehicle.plugged.restarting")
    else:
        stage.child("outlet.fault", errorCode="PowerSwitchFailure", reason="x").post("shut_down").run(0.1)
    assert "abort" in to(stage, "session")
    assert "leave_bcd" in to(stage, "slac")


def test_the_modem_is_not_waited_for() -> None:
    """After 10 s vehicles are charged by the nominal duty; when it is there, 5 % comes first again."""
    stage = started().run(9.9)
    assert stage.active("vehicle.starting")
    stage.run(0.2).child("outlet.connected", rating=32.0)
    assert to(stage, "outlet") == ["offer"]
    stage.child("outlet.disconnected").child("session.listening", port_tcp=1, port_tls=0).child("slac.modem_ready")
    stage.child("outlet.free").child("outlet.connected", rating=32.0)
    assert to(stage, "outlet") == ["offer", "invite"]
    assert stage.data("failed_sessions") == 0


def test_each_plug_in_begins_anew() -> None:
    """What was counted of one vehicle is not the next one's."""
    stage = inviting().child("slac.matching_failed", reason="a").child("slac.matching_failed", reason="b")
    in_session(stage).child("session.session_ended", end="failed").child("outlet.disconnected").child("outlet.free")
    stage.child("outlet.connected", rating=32.0).child("slac.matching_failed", reason="c")
    assert stage.active("vehicle.plugged.inviting")
    in_session(stage).child("session.session_ended", end="failed")
    assert stage.active("vehicle.plugged.restarting")
    mute = inviting(authorisation="list", tokens=["A1"]).child("slac.no_request").child("outlet.disconnected")
    mute.child("outlet.free").child("outlet.connected", rating=32.0)
    for _ in range(2):
        mute.child("slac.no_request").child("outlet.is_off").child("outlet.pulse_done")
    assert mute.active("vehicle.plugged.inviting")


def test_the_nominal_duty_beside_the_session() -> None:
    """Shown before the vehicle hears that it is authorised; an outlet that does not answer holds nobody."""
    stage = in_session(duty="nominal").child("session.authorisation_wanted")
    assert (to(stage, "outlet"), to(stage, "session")) == (["nominal_too"], [])
    slow = in_session(duty="nominal").child("session.authorisation_wanted").run(7.9)
    assert not to(slow, "session")
    assert to(slow.run(0.2), "session") == ["authorise"]
    assert to(stage.child("outlet.pulse_done"), "session") == ["authorise"]


def test_a_vehicle_that_wakes() -> None:
    """BCB toggle: it has all the time to match anew; after the fall-back, too, while nobody is authorised."""
    stage = inviting().forget().child("outlet.bcb_toggle")
    assert to(stage, "slac") == ["leave_bcd", "enter_bcd"]
    linked = inviting().child("slac.dlink_ready", pev_mac=bytes(6)).forget().child("outlet.bcb_toggle")
    assert not to(linked, "slac")
    asleep = inviting(authorisation="external", C_sequ_retry=0).child("slac.no_request")
    asleep.child("outlet.is_off").child("outlet.pulse_done").forget()
    assert asleep.child("outlet.bcb_toggle").active("vehicle.plugged.inviting")
    alone = connected_alone().child("outlet.bcb_toggle")
    assert alone.active("vehicle.plugged.identifying")
    failing = inviting(authorisation="external", C_session_retry=1)
    in_session(failing).child("session.session_ended", end="failed").child("outlet.is_off").child("outlet.pulse_done")
    assert failing.child("outlet.bcb_toggle").active("vehicle.plugged.identifying")
    wire = inviting(authorisation="external", medium="ethernet").run(22.1)
    wire.child("outlet.is_off").child("outlet.pulse_done").child("outlet.bcb_toggle")
    assert wire.active("vehicle.plugged.inviting")


def connected_alone() -> Stage:
    """A station without a modem, nobody authorised."""
    return started(medium="none", authorisation="external").child("outlet.connected", rating=32.0)


def test_phases_that_carry_current_are_told() -> None:
    """10 s after the first current, once; by message and by the pilot; nothing while nothing flows."""
    stage = charging().run(9.9).values("meter", current_L1=15.0, current_L2=1.0, current_L3=0.9)
    assert not stage.told("phases_used")
    stage.run(60)
    assert stage.told("phases_used") == [{"connected": 3, "used": 2}]
    later = charging().run(25).values("meter", current_L3=15.0).run(4.9)
    assert not later.told("phases_used")
    assert later.run(0.2).told("phases_used") == [{"connected": 3, "used": 1}]
    later.child("session.power_off").child("session.power_on").child("outlet.power_ready").run(10.1)
    assert len(later.told("phases_used")) == 2
    basic = started(medium="none").child("outlet.connected", rating=32.0).child("outlet.charging")
    basic.values("meter", current_L2=6.0).run(10.1)
    assert basic.told("phases_used") == [{"connected": 3, "used": 1}]
    stopped = charging().values("meter", current_L1=15.0).run(5).child("session.power_off").run(60)
    assert not stopped.told("phases_used")


@pytest.mark.parametrize("ready", ["in time", "late", "gone"])
def test_a_vehicle_that_is_there_before_the_modem(ready: str) -> None:
    """It is spoken with when that is possible, and charged by the nominal duty when it is not."""
    stage = started().child("outlet.connected", rating=32.0).child("session.listening", port_tcp=1, port_tls=0)
    assert stage.active("vehicle.starting")
    if ready == "in time":
        stage.child("slac.modem_ready")
        assert to(stage, "outlet") == ["invite"]
    elif ready == "late":
        assert not to(stage.run(9.9), "outlet")
        assert to(stage.run(0.2), "outlet") == ["offer"]
    else:
        stage.child("outlet.disconnected").child("outlet.free").child("slac.modem_ready")
        assert (to(stage, "outlet"), stage.active("vehicle.available")) == ([], True)
        assert to(stage.child("outlet.connected", rating=32.0), "outlet") == ["invite"]


def test_still_there_after_a_reset() -> None:
    """The outlet says so; everything begins anew."""
    stage = (
        charging().emit("button.emergency_stop").emit("button.emergency_released").emit("button.reset_pressed").forget()
    )
    stage.child("outlet.connected", rating=32.0)
    assert to(stage, "outlet") == ["invite"]


def test_a_vehicle_that_comes_back_to_a_finished_charge() -> None:
    """By a toggle, after an end of its own: a charge of its own, with its own result; not after a stop by the user."""
    stage = charging().child("session.session_ended", end="normal").child("outlet.is_off").forget()
    stage.child("outlet.bcb_toggle")
    assert to(stage, "outlet") == ["invite"]
    assert result(stage.child("outlet.disconnected"))["end"] == "aborted"
    stopped = charging().emit("button.stop_pressed").child("session.session_ended", end="normal")
    stopped.child("outlet.is_off").child("outlet.bcb_toggle")
    assert stopped.active("vehicle.plugged.finished")
    listed = inviting(authorisation="external").emit("reader.authorised")
    parameters(in_session(listed)).child("session.power_on").child("outlet.power_ready")
    listed.child("session.session_ended", end="normal").child("outlet.is_off").child("outlet.bcb_toggle")
    in_session(listed).child("session.authorisation_wanted")
    assert not to(listed, "session"), "somebody has to pay again"
