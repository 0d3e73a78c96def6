"""Scenarios of machines/soc_reader.yaml: read, or not, and charged all the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

EVCCID, MAC = bytes.fromhex("020000000001"), bytes.fromhex("00b052000001")
READ = {"soc": 63, "full_soc": 80, "capacity": 64000.0, "energy": 12000.0}


def started(**parameters: Any) -> Stage:
    return Stage("machines/soc_reader.yaml", {"meter.energy": 1000.0}, **parameters)


def available(**parameters: Any) -> Stage:
    stage = started(**parameters).child("session.listening", port_tcp=61341, port_tls=0).child("slac.modem_ready")
    assert stage.active("vehicle.available")
    return stage.forget()


def linking(**parameters: Any) -> Stage:
    return available(**parameters).child("outlet.connected", rating=32.0)


def in_session(**parameters: Any) -> Stage:
    stage = linking(**parameters).child("session.session_started", EVCCID=EVCCID, protocol="din")
    assert stage.active("vehicle.plugged.session")
    return stage.forget()


def read(stage: Stage) -> Stage:
    return stage.child("session.parameters", **READ, voltage=410.0, current=200.0, phases=0)


def basic(**parameters: Any) -> Stage:
    """Read, and handed over."""
    stage = read(in_session(**parameters)).child("session.session_ended", end="normal")
    stage.child("outlet.is_off").child("outlet.pulse_done")
    assert stage.active("vehicle.plugged.basic")
    return stage


def to(stage: Stage, child: str) -> list[str]:
    return [o.what.partition(".")[2] for o in stage.orders if o.what.startswith(f"{child}.")]


def why(stage: Stage) -> list[str]:
    return [told["reason"] for told in stage.told("unread")]


def test_read_and_charged() -> None:
    """5 %, a session as far as the parameters, an orderly end, out of the network, E/F, the nominal duty."""
    stage = linking()
    assert (to(stage, "outlet"), to(stage, "slac")) == (["invite"], ["enter_bcd"])
    assert (to(stage, "session"), to(stage, "discovery")) == (["accept"], ["answer"])
    stage.child("slac.matching").child("slac.dlink_ready", pev_mac=bytes(6))
    stage.child("discovery.asked", security="none", peer="fe80::2")
    assert stage.order("session.vehicle_asked") == {"peer": "fe80::2"}
    assert stage.order("session.vehicle_matched") == {"mac": bytes(6)}
    stage.child("session.session_started", EVCCID=EVCCID, protocol="din").child("session.authorisation_wanted")
    assert to(stage, "session")[-1] == "authorise"
    read(stage)
    assert stage.told("soc") == [{**READ, "EVCCID": EVCCID, "protocol": "din"}]
    assert stage.ordered("callback.tell") == [{**READ, "EVCCID": EVCCID}]
    assert "stop" in to(stage, "session")
    assert to(stage, "discovery")[-1] == "be_silent"
    stage.forget().child("session.cable_check").child("session.power_on").child("session.session_ended", end="failed")
    assert to(stage, "session") == ["cable_check_bad", "power_refused"]
    assert (to(stage, "outlet"), to(stage, "slac")) == (["withhold"], ["dlink_terminate", "leave_bcd"])
    stage.child("outlet.is_off")
    assert to(stage, "outlet") == ["withhold", "pulse_ef"]
    stage.child("outlet.pulse_done").child("outlet.charging").run(3600)
    assert to(stage, "outlet") == ["withhold", "pulse_ef", "offer"]
    stage.values("meter", energy=2500.0).child("outlet.disconnected")
    assert stage.told("session_ended") == [
        {"end": "normal", "reason": "", "soc": 63, "EVCCID": EVCCID, "energy": 1500.0}
    ]
    assert stage.child("outlet.free").active("vehicle.available")
    assert not stage.unhandled


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("silent", "the vehicle does not speak"),
        ("slow", "no session in time"),
        ("modem", "the modem is faulty"),
        ("other", "the vehicle speaks no protocol of this station"),
        ("refuses", "the vehicle ended the session"),
        ("link", "link lost"),
        ("hangs", "the session does not go on"),
    ],
)
def test_who_is_not_read_is_charged(what: str, text: str) -> None:
    """And the network is left, whatever it was."""
    if what in ("silent", "slow", "modem", "other"):
        stage = linking().forget()
        if what == "silent":
            stage.child("slac.no_request")
        elif what == "modem":
            stage.child("slac.modem_fault", reason="gone").child("slac.modem_ready")
        elif what == "other":
            stage.child("session.no_common_protocol").child("session.no_common_protocol")
        else:
            assert not why(stage.run(29.9))
            stage.run(0.2)
    else:
        stage = in_session()
        if what == "refuses":
            stage.child("session.session_ended", end="failed")
        elif what == "link":
            stage.child("slac.dlink_lost")
        else:
            assert not why(stage.run(19.9))
            stage.run(0.2)
    assert why(stage) == [text]
    assert ("abort" in to(stage, "session")) is (what in ("link", "hangs"))
    assert to(stage, "slac") == ["dlink_terminate", "leave_bcd"]
    stage.child("outlet.is_off").child("outlet.pulse_done").child("outlet.charging").child("outlet.disconnected")
    assert to(stage, "outlet") == ["withhold", "pulse_ef", "offer"]
    (told,) = stage.told("session_ended")
    assert (told["end"], told["soc"]) == ("normal", None)


def test_a_vehicle_that_goes_while_it_is_read() -> None:
    """What is spoken ends, the network is left, and nobody else is let in."""
    stage = in_session().child("outlet.disconnected")
    assert (to(stage, "session"), to(stage, "slac")) == (["abort", "refuse"], ["leave_bcd"])
    assert to(stage, "discovery") == ["be_silent"]
    bad = (
        linking().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x").emit("reader.token", id="C1")
    )
    assert bad.emit("button.stop_pressed").active("vehicle.plugged.refused")


def test_why_a_vehicle_left_unread_and_uncharged() -> None:
    stage = linking().child("slac.no_request").child("outlet.disconnected")
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"]) == ("failed", "the vehicle does not speak")


@pytest.mark.parametrize("how", ["nobody", "card", "back end"])
@pytest.mark.parametrize("end", ["disconnected", "stop"])
def test_who_is_not_let_charge_has_no_good_end(how: str, end: str) -> None:
    """Read, but not charged as nobody was authorised: aborted, and why."""
    stage = read(in_session(authorisation="external" if how == "back end" else "list", tokens=["C1"]))
    stage.child("session.session_ended", end="normal").child("outlet.is_off")
    assert stage.active("vehicle.plugged.identifying")
    if how == "card":
        stage.emit("reader.token", id="C2")
    elif how == "back end":
        stage.emit("reader.refused", reason="unknown contract")
    if end == "disconnected":
        stage.child("outlet.disconnected")
    else:
        stage.emit("button.stop_pressed").child("outlet.is_off")
    (told,) = stage.told("session_ended")
    reason = {"nobody": "not authorised", "card": "card not accepted", "back end": "unknown contract"}[how]
    assert (told["end"], told["reason"], told["soc"]) == ("aborted", reason, 63)
    stage.child("outlet.disconnected").child("outlet.free").forget().child("outlet.connected", rating=32.0)
    read(stage.child("session.session_started", EVCCID=EVCCID, protocol="din"))
    stage.emit("reader.authorised") if how == "back end" else stage.emit("reader.token", id="C1")
    (told,) = stage.child("outlet.disconnected").told("session_ended")
    assert (told["end"], told["reason"]) == ("normal", "")


def test_nothing_of_the_vehicle_before_is_told_of_the_next_one() -> None:
    stage = basic().child("outlet.charging").values("meter", energy=2500.0).child("outlet.disconnected")
    stage.child("outlet.free").forget().child("outlet.connected", rating=32.0).child("outlet.disconnected")
    (told,) = stage.told("session_ended")
    assert told == {"end": "aborted", "reason": "", "soc": None, "EVCCID": b"", "energy": 0.0}
    stage = linking().child("slac.no_request").child("outlet.disconnected").child("outlet.free").forget()
    stage.child("outlet.connected", rating=32.0).child("outlet.disconnected")
    assert stage.told("session_ended")[0]["reason"] == ""


def test_one_that_has_seen_no_5_percent_need_not_begin_anew() -> None:
    """The one before was unplugged while it was shown 5 %, and the modem has gone with it."""
    stage = linking().child("outlet.disconnected").child("slac.modem_fault", reason="x").child("outlet.free").run(10.1)
    stage.forget().child("outlet.connected", rating=32.0)
    assert (why(stage), to(stage, "outlet")) == (["there is no modem"], ["offer"])


def test_what_people_read() -> None:
    """At each step, and why there is no power."""
    stage = read(linking().child("session.session_started", EVCCID=EVCCID, protocol="din"))
    stage.child("session.session_ended", end="normal").child("outlet.is_off").child("outlet.pulse_done")
    stage.child("outlet.charging")
    shown = [each["text"] for each in stage.ordered("display.show")]
    assert shown == ["Reading the state of charge", "63 %", "Charging"]
    assert stage.child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x").order("display.show") == {
        "text": "x"
    }
    assert basic().child("outlet.fault", errorCode="PowerSwitchFailure", reason="y").order("display.show") == {
        "text": "y"
    }
    assert basic().emit("button.emergency_stop").order("display.show") == {"text": "emergency button"}
    assert linking().emit("button.emergency_stop").told("session_ended")[0]["reason"] == "emergency button"


def test_an_outlet_that_does_not_answer_holds_nobody() -> None:
    stage = linking().child("slac.no_request").run(7.9)
    assert not stage.ordered("outlet.pulse_ef")
    stage.run(0.2)
    assert stage.ordered("outlet.pulse_ef") == [{}]
    assert stage.run(8.1).ordered("outlet.offer") == [{}]


def test_a_session_that_does_not_end_is_cut() -> None:
    stage = read(in_session()).run(9.9)
    assert "abort" not in to(stage, "session")
    assert "abort" in to(stage.run(0.2), "session")
    assert to(stage, "slac") == ["dlink_terminate", "leave_bcd"]
    lost = read(in_session()).child("slac.dlink_lost")
    assert "abort" in to(lost, "session")
    assert lost.active("vehicle.plugged.leaving")


def test_x1_for_vehicles_that_want_it() -> None:
    stage = linking(begin_anew="x1").child("slac.no_request").child("outlet.is_off")
    assert to(stage, "outlet")[-1] == "pulse_x1"


def charging(**parameters: Any) -> Stage:
    """Read, and with voltage."""
    return basic(**parameters).child("outlet.charging").forget()


def test_read_anew() -> None:
    """Every T_repeat with voltage: the vehicle ends its current, the outlet is dead, then 5 %; and back to charging."""
    stage = charging(T_repeat=600 * S).run(599.9)
    assert not stage.orders
    stage.run(0.2)
    assert to(stage, "outlet") == ["withhold"]
    assert not to(stage, "slac")
    stage.run(7.8).child("outlet.is_off")
    assert (to(stage, "outlet"), to(stage, "slac")) == (["withhold", "invite"], ["enter_bcd"])
    stage.child("session.session_started", EVCCID=EVCCID, protocol="din").child("session.parameters", soc=70, phases=0)
    assert stage.told("soc")[-1]["soc"] == 70
    stage.child("session.session_ended", end="normal").child("outlet.is_off").child("outlet.pulse_done")
    assert to(stage, "outlet") == ["withhold", "invite", "withhold", "pulse_ef", "offer"]
    stage.child("outlet.charging").child("outlet.disconnected")
    assert stage.told("session_ended")[0]["soc"] == 70


def test_read_once_unless_it_is_asked_for() -> None:
    assert not charging().run(100_000).orders


def test_what_does_not_charge_is_not_read_anew() -> None:
    """Without voltage nothing becomes more: the time counts from the next voltage on."""
    stage = charging(T_repeat=600 * S).run(500).child("outlet.not_charging", why="vehicle").run(10_000)
    assert not stage.orders
    assert not to(stage.child("outlet.charging").run(599), "outlet")
    assert to(stage.run(2), "outlet") == ["withhold"]


def test_an_outlet_that_does_not_open_is_not_shown_5_percent() -> None:
    stage = charging(T_repeat=600 * S).run(601)
    assert to(stage, "outlet") == ["withhold"]
    stage.run(6)
    assert to(stage, "outlet") == ["withhold"]
    stage.run(2)
    assert to(stage, "outlet") == ["withhold", "offer"]


def test_a_vehicle_that_was_not_read_is_not_asked_again_in_the_charge() -> None:
    """Nor is one that was read first, and then not any more; nor without a modem."""
    stage = linking(T_repeat=600 * S).child("slac.no_request").child("outlet.is_off").child("outlet.pulse_done")
    assert not stage.child("outlet.charging").forget().run(100_000).orders
    stage = charging(T_repeat=600 * S).run(601).child("outlet.is_off").child("slac.no_request").child("outlet.is_off")
    stage.child("outlet.pulse_done").child("outlet.charging").forget().run(100_000)
    assert not stage.orders
    stage = charging(T_repeat=600 * S).child("outlet.not_charging", why="vehicle").child("slac.modem_fault", reason="x")
    assert not to(stage.child("outlet.charging").run(100_000), "outlet")


def test_a_server_that_does_not_get_it() -> None:
    stage = basic().forget().child("callback.delivered").child("callback.given_up", reason="HTTP 404")
    assert stage.told("not_told") == [{"reason": "HTTP 404"}]


def test_without_a_modem() -> None:
    """Vehicles are charged unread; the start waits for it a while."""
    stage = started().run(9.9)
    assert stage.active("vehicle.starting")
    stage.run(0.2).child("outlet.connected", rating=32.0)
    assert (why(stage), to(stage, "outlet")) == (["there is no modem"], ["offer"])
    assert not stage.forget().run(3600).orders
    stage.child("outlet.charging").child("outlet.disconnected")
    (told,) = stage.told("session_ended")
    assert (told["end"], told["soc"], told["reason"]) == ("normal", None, "")


def test_a_vehicle_that_is_there_before_the_station_has_started() -> None:
    """It is served then; one that has gone meanwhile is not."""
    stage = started().child("outlet.connected", rating=32.0)
    assert not to(stage, "outlet")
    stage.child("session.listening", port_tcp=61341, port_tls=0).child("slac.modem_ready")
    assert to(stage, "outlet") == ["invite"]
    gone = started().child("outlet.connected", rating=32.0).child("outlet.disconnected").child("outlet.free").run(10.1)
    assert gone.told("session_ended")[0]["energy"] == 0
    assert gone.run(10.1).active("vehicle.available")


@pytest.mark.parametrize("what", ["outlet.cable_bad", "outlet.vehicle_fault"])
def test_no_power_for_this_vehicle(what: str) -> None:
    stage = (
        linking()
        .forget()
        .child(
            what,
            errorCode={"outlet.cable_bad": "ConnectorLockFailure", "outlet.vehicle_fault": "OverCurrentFailure"}[what],
            reason="pilot line shorted",
        )
    )
    assert ("abort" in to(stage, "session"), to(stage, "slac")) == (True, ["leave_bcd"])
    again = stage.child("outlet.connected", rating=20.0)
    assert again.active("vehicle.plugged.linking")
    stage.child(
        what,
        errorCode={"outlet.cable_bad": "ConnectorLockFailure", "outlet.vehicle_fault": "OverCurrentFailure"}[what],
        reason="x",
    ).child("outlet.disconnected")
    told = stage.told("session_ended")
    assert [(each["end"], each["reason"]) for each in told] == [("failed", "pilot line shorted"), ("failed", "x")]
    gone = linking().child("outlet.disconnected")
    assert gone.told("session_ended")[0]["end"] == "aborted"


def test_a_cable_that_is_refused_before_it_counts_as_plugged() -> None:
    """Its end is told all the same, once, also after the start and after a reset."""
    stage = available().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="the plug does not lock")
    assert stage.order("display.show") == {"text": "the plug does not lock"}
    assert stage.child("outlet.disconnected").child("outlet.free").active("vehicle.available")
    stage.emit("button.emergency_stop").emit("button.reset_pressed").child(
        "outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x"
    )
    early = started().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="y").run(10.1)
    told = [(each["end"], each["reason"]) for each in stage.told("session_ended") + early.told("session_ended")]
    assert told == [("failed", "the plug does not lock"), ("failed", "x"), ("failed", "y")]
    assert not stage.unhandled + early.unhandled


def test_a_bolt_that_is_stuck() -> None:
    """People read why nobody can plug in; the outlet says when it is free."""
    stage = available().child("outlet.plug_stuck")
    assert stage.order("display.show") == {"text": "the plug does not unlock"}
    assert not stage.unhandled


@pytest.mark.parametrize("what", ["fault", "emergency"])
def test_out_of_order(what: str) -> None:
    stage = basic().forget()
    stage.child(
        "outlet.fault", errorCode="PowerSwitchFailure", reason="residual current"
    ) if what == "fault" else stage.emit("button.emergency_stop")
    assert to(stage, "outlet") == ["close_down"]
    assert ("abort" in to(stage, "session"), to(stage, "slac")) == (True, ["leave_bcd"])
    stage.emit("button.reset_pressed")
    assert to(stage, "outlet") == ["close_down", "reset"]
    again = stage.child("outlet.connected", rating=32.0)
    assert again.active("vehicle.plugged"), "it is still there"
    stage.emit("button.emergency_stop").emit("button.reset_pressed")
    assert stage.run(2.9).active("vehicle.resetting")
    assert stage.run(0.2).active("vehicle.available")


@pytest.mark.parametrize(
    "reason",
    [
        "residual current, AC 30 mA",
        "the contactor does not open",
        "the vehicle draws more than it is offered",
        "button",
    ],
)
@pytest.mark.parametrize("charged", [True, False])
def test_what_breaks_the_charge_off_is_no_good_end(reason: str, charged: bool) -> None:
    """A trip, a weld, an emergency stop: failed, with the reason people read, though it was read and charged before."""
    stage = charging() if charged else read(in_session())
    if reason == "button":
        stage.emit("button.emergency_stop")
        shown = "emergency button"
    else:
        event, code = (
            ("vehicle_fault", "OverCurrentFailure") if "vehicle" in reason else ("fault", "PowerSwitchFailure")
        )
        stage.child(f"outlet.{event}", errorCode=code, reason=reason)
        shown = reason
    stage.child("outlet.disconnected")
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"], told["soc"]) == ("failed", shown, 63)
    assert stage.ordered("display.show")[-1] == {"text": shown}


def test_what_is_known_and_means_nothing_now() -> None:
    """Late words of outlet, modem, session and callback change nothing at a free outlet, and surprise nobody."""
    stage = available()
    for event in ("disconnected", "free", "is_off", "charging", "pulse_done", "bcb_toggle", "power_ready"):
        stage.child(f"outlet.{event}")
    stage.child("outlet.not_charging", why="vehicle").child("outlet.phases_now", count=3)
    stage.child("outlet.offers", current=16.0).child("outlet.power_refused", reason="x")
    stage.child("outlet.vehicle_fault", errorCode="OverCurrentFailure", reason="x")
    stage.child("slac.matching").child("slac.matching_failed", reason="x").child("slac.dlink_lost")
    stage.child("slac.no_request").child("callback.delivered")
    stage.child("session.session_started", EVCCID=EVCCID, protocol="din").child("session.session_ended", end="failed")
    stage.child("session.authorisation_wanted").child("session.pre_charge", voltage=400.0, current=2.0)
    stage.child("session.voltage_limit", voltage=400.0).child("session.vehicle_error", EVErrorCode="x")
    stage.child("session.demand", voltage=400.0, current=2.0, soc=1).child("session.needs", power=1.0)
    read(stage.child("session.power_off"))
    assert stage.active("vehicle.available")
    assert not stage.orders
    assert not stage.said
    assert not stage.unhandled


def test_a_limit() -> None:
    stage = basic().forget().post("limit", current=9.0)
    assert stage.ordered("outlet.limit") == [{"current": 9.0}]


# ---------------------------------------------------------------- the end of the program


def test_the_end_of_the_program_in_mid_charge() -> None:
    """As a stop by the user: the vehicle ends its current before the contactor opens; then F."""
    stage = charging().post("shut_down").post("shut_down").emit("button.stop_pressed")
    assert to(stage, "outlet") == ["withhold"]
    stage.child("outlet.is_off")
    assert to(stage, "outlet") == ["withhold", "release", "close_down"]
    stage.child("outlet.fault", errorCode="PowerSwitchFailure", reason="x").emit("button.emergency_stop").post(
        "shut_down"
    ).run(2.9)
    assert not stage.told("shut")
    stage.run(0.2).post("shut_down").child("outlet.fault", errorCode="PowerSwitchFailure", reason="x").emit(
        "button.emergency_stop"
    )
    assert stage.told("shut") == [{}]
    assert len(stage.told("session_ended")) == 1
    assert to(stage, "outlet") == ["withhold", "release", "close_down"]


@pytest.mark.parametrize("where", ["available", "finished", "stopping", "refused", "faulted", "unplugged"])
def test_the_end_of_the_program_elsewhere(where: str) -> None:
    """Wherever it is: F, and 3 s later it may end."""
    if where == "available":
        stage = available().post("shut_down")
    elif where == "unplugged":
        stage = linking().child("outlet.disconnected").post("shut_down")
    elif where == "refused":
        stage = linking().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x").post("shut_down")
    elif where == "faulted":
        stage = basic().emit("button.emergency_stop").post("shut_down")
    else:
        stage = charging().emit("button.stop_pressed")
        if where == "finished":
            stage.child("outlet.is_off").post("shut_down")
        else:
            stage.post("shut_down").child("outlet.is_off")
    assert to(stage, "outlet")[-1] == "close_down"
    assert stage.order("display.show") == {"text": "Shut down"}
    assert ("abort" in to(stage, "session"), to(stage, "slac")[-1]) == (True, "leave_bcd")
    assert stage.run(3.1).told("shut") == [{}]
    assert len(stage.told("session_ended")) == (0 if where == "available" else 1)


@pytest.mark.parametrize("answer", ["delivered", "given_up", "none"])
def test_the_end_of_the_program_while_a_word_is_on_its_way(answer: str) -> None:
    """It has the time of one answer, dead and F all the while; one that is lost is not lost in silence."""
    stage = read(in_session().values("web", has_address=True)).child("session.session_ended", end="normal")
    stage.child("outlet.disconnected").forget().post("shut_down").run(3.1)
    assert "close" in to(stage, "callback")
    assert stage.active("vehicle.last_word")
    assert stage.told("shut") == []
    if answer == "none":
        assert stage.run(5.8).told("shut") == []
        assert (stage.run(0.2).told("shut"), stage.told("not_told")) == ([{}], [{"reason": "the program ends"}])
    elif answer == "given_up":
        stage.child("callback.given_up", reason="refused")
        assert (stage.told("shut"), stage.told("not_told")) == ([{}], [{"reason": "refused"}])
    else:
        assert (stage.child("callback.delivered").told("shut"), stage.told("not_told")) == ([{}], [])


def test_an_emergency_on_the_way_out() -> None:
    """The outlet is closed down at once, and the program ends all the same."""
    stage = charging().post("shut_down").emit("button.emergency_stop")
    assert to(stage, "outlet")[:2] == ["withhold", "close_down"]
    assert stage.run(3.1).told("shut") == [{}]


# ---------------------------------------------------------------- a stop


@pytest.mark.parametrize("where", ["reading", "session", "charging"])
def test_stopped_by_a_person(where: str) -> None:
    """Whatever goes on ends; the plug is released when the outlet is dead, and the result told once."""
    stage = {"reading": linking, "session": in_session, "charging": charging}[where]().forget()
    stage.emit("button.stop_pressed")
    assert (to(stage, "session")[0], to(stage, "slac"), to(stage, "outlet")) == ("abort", ["leave_bcd"], ["withhold"])
    stage.emit("button.stop_pressed").child("outlet.is_off").emit("button.stop_pressed")
    assert to(stage, "outlet") == ["withhold", "release"]
    assert stage.order("display.show") == {"text": "Finished"}
    stage.child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="pulled").child("outlet.disconnected")
    (told,) = stage.told("session_ended")
    if where == "charging":
        assert (told["end"], told["reason"], told["soc"]) == ("normal", "", 63)
    else:
        assert (told["end"], told["reason"]) == ("failed", "stopped before it was read or charged")
    assert stage.child("outlet.free").active("vehicle.available")


def test_an_outlet_that_does_not_open_ends_the_stop_in_time() -> None:
    stage = charging().emit("button.stop_pressed").run(7.9)
    assert to(stage, "outlet") == ["withhold"]
    assert to(stage.run(0.2), "outlet") == ["withhold", "release"]


# ---------------------------------------------------------------- authorisation


def handed_over(**parameters: Any) -> Stage:
    """Read, out of the network, and the outlet dead; not authorised yet."""
    stage = read(in_session(**parameters)).child("session.session_ended", end="normal").forget().child("outlet.is_off")
    assert stage.active("vehicle.plugged.identifying")
    assert not to(stage, "outlet")
    assert stage.ordered("display.show")[-1] == {"text": "Please identify yourself"}
    return stage.forget()


def test_a_card_lets_it_charge_and_ends_it() -> None:
    """It is read before anybody is known, and has no power until then."""
    stage = handed_over(authorisation="list", tokens=["C1", "C2"]).run(600)
    stage.emit("reader.token", id="C3")
    assert stage.ordered("display.show") == [{"text": "Card not accepted"}]
    stage.emit("reader.authorised")
    assert not to(stage, "outlet")
    stage.emit("reader.token", id="C1")
    assert to(stage, "outlet") == ["pulse_ef"]
    stage.child("outlet.pulse_done").child("outlet.charging").emit("reader.token", id="C3")
    assert to(stage, "outlet") == ["pulse_ef", "offer"]
    stage.emit("reader.token", id="C2")
    assert to(stage, "outlet") == ["pulse_ef", "offer", "withhold"]
    stage.emit("reader.token", id="C2").child("outlet.is_off").emit("reader.token", id="C1")
    assert to(stage, "outlet") == ["pulse_ef", "offer", "withhold", "release"]


def test_a_card_before_the_plug() -> None:
    """And nobody charges on it afterwards."""
    stage = available(authorisation="list", tokens=["C1"]).emit("reader.token", id="C1").emit("reader.token", id="C1")
    stage.child("outlet.connected", rating=32.0).child("slac.no_request").child("outlet.is_off")
    assert "pulse_ef" in to(stage, "outlet")
    assert "Please identify yourself" not in [shown["text"] for shown in stage.ordered("display.show")]
    stage.child("outlet.disconnected").child("outlet.free").child("outlet.connected", rating=32.0)
    stage.forget().child("slac.no_request").child("outlet.is_off")
    assert stage.active("vehicle.plugged.identifying")


def test_a_card_without_a_plug_is_forgotten() -> None:
    """OCPP's ConnectionTimeOut: whoever plugs in a minute later identifies himself."""
    stage = available(authorisation="list", tokens=["C1"]).emit("reader.token", id="C1").run(30)
    stage.emit("reader.token", id="C1").run(59.9)
    assert stage.active("user.known")
    stage.run(0.2).child("outlet.connected", rating=32.0).child("slac.no_request").child("outlet.is_off")
    assert stage.active("vehicle.plugged.identifying")
    told = [shown["text"] for shown in stage.ordered("display.show")]
    assert told[:3] == 2 * ["Please plug in within 1 min"] + [
        "No vehicle was plugged in, please identify yourself again"
    ]
    assert told[-1] == "Please identify yourself"
    broken = available(authorisation="list", tokens=["C1"]).emit("button.emergency_stop").forget()
    assert not broken.emit("reader.token", id="C1").run(61).ordered("display.show")


def test_an_evccid_as_a_token() -> None:
    stage = read(in_session(authorisation="list", tokens=["020000000001"]))
    stage.child("session.session_ended", end="normal").child("outlet.is_off")
    assert to(stage, "outlet")[-1] == "pulse_ef"
    stage.child("outlet.pulse_done").child("outlet.charging").child("outlet.disconnected").child("outlet.free")
    stage.child("outlet.connected", rating=32.0).forget().child("slac.no_request").child("outlet.is_off")
    assert stage.active("vehicle.plugged.identifying"), "the next one is another vehicle"


def test_a_back_end_decides() -> None:
    stage = handed_over(authorisation="external").emit("reader.token", id="C1").emit("reader.refused", reason="")
    assert [shown["text"] for shown in stage.ordered("display.show")] == ["Not authorised"]
    assert to(stage.emit("reader.authorised"), "outlet") == ["pulse_ef"]
    free = available().emit("reader.token", id="C1").emit("reader.authorised").emit("reader.refused", reason="")
    assert not free.orders


def test_unread_and_not_known() -> None:
    """Without a modem there is no 5 % before, and so nothing to begin anew."""
    stage = started(authorisation="external").run(10.1).child("outlet.connected", rating=32.0)
    assert not to(stage, "outlet")
    assert to(stage.emit("reader.authorised"), "outlet") == ["offer"]


@pytest.mark.parametrize("what", ["unplugged", "fault", "refused", "finished"])
def test_who_was_let_charge_is_forgotten(what: str) -> None:
    stage = handed_over(authorisation="external").emit("reader.authorised").child("outlet.pulse_done")
    assert stage.active("user.known")
    if what == "unplugged":
        stage.child("outlet.disconnected")
    elif what == "fault":
        stage.child("outlet.fault", errorCode="PowerSwitchFailure", reason="x")
    elif what == "refused":
        stage.child("outlet.vehicle_fault", errorCode="OverCurrentFailure", reason="x")
    else:
        stage.emit("button.stop_pressed").child("outlet.is_off")
    assert stage.active("user.unknown")


# ---------------------------------------------------------------- who was not read is remembered


def again(stage: Stage, mac: bytes = MAC) -> Stage:
    """The vehicle goes, and one comes and is matched."""
    stage.child("outlet.disconnected").child("outlet.free").child("outlet.connected", rating=32.0).forget()
    return stage.child("slac.dlink_ready", pev_mac=mac)


def missed(stage: Stage, mac: bytes = MAC) -> Stage:
    """One more vehicle that is matched, and not read."""
    again(stage, mac)
    assert stage.active("vehicle.plugged.linking")
    return stage.run(30.1)


def test_who_was_not_read_twice_is_charged_at_once() -> None:
    stage = missed(missed(linking()))
    assert why(stage) == ["no session in time"]
    again(stage)
    assert why(stage) == ["was not read before"]
    assert to(stage, "outlet") == ["withhold"]
    stage.child("outlet.is_off").child("outlet.pulse_done").child("outlet.charging")
    assert to(stage, "outlet") == ["withhold", "pulse_ef", "offer"]
    assert again(stage, EVCCID).active("vehicle.plugged.linking"), "another vehicle is asked"
    assert again(stage).active("vehicle.plugged.leaving")


def test_one_whose_session_begins_before_the_link_is_told_is_known_too() -> None:
    """Missed as any other, charged at once when it is known, and forgiven when it is read."""

    def early(stage: Stage) -> Stage:
        stage.child("outlet.disconnected").child("outlet.free").child("outlet.connected", rating=32.0).forget()
        stage.child("session.session_started", EVCCID=EVCCID, protocol="din")
        return stage

    stage = linking()
    for _ in range(2):
        early(stage).child("slac.dlink_ready", pev_mac=MAC)
        assert stage.active("vehicle.plugged.session")
        assert stage.data("mac") == MAC
        assert why(stage.run(20.1)) == ["the session does not go on"]
    read(early(stage)).child("slac.dlink_ready", pev_mac=EVCCID)
    assert stage.data("missed") == [MAC, MAC]
    early(stage).child("slac.dlink_ready", pev_mac=MAC)
    assert why(stage) == ["was not read before"]
    assert ("abort" in to(stage, "session"), to(stage, "outlet")) == (True, ["withhold"])
    fast = read(early(early(stage))).child("slac.dlink_ready", pev_mac=MAC)
    assert fast.active("vehicle.plugged.ending")
    assert fast.data("missed") == []
    assert not stage.unhandled


def test_one_that_is_read_after_all_is_forgiven() -> None:
    """Only it."""
    stage = missed(missed(missed(linking()), EVCCID), EVCCID)
    again(stage).child("session.session_started", EVCCID=EVCCID, protocol="din")
    read(stage).child("session.session_ended", end="normal")
    missed(stage)
    assert again(stage).active("vehicle.plugged.linking")
    assert again(stage, EVCCID).active("vehicle.plugged.leaving")


def test_all_are_asked_again_after_a_while() -> None:
    """24 h after the last miss."""
    stage = missed(missed(linking(T_missed=3600 * S)).run(3500))
    assert again(stage.run(3590)).active("vehicle.plugged.leaving")
    assert again(stage.run(20)).active("vehicle.plugged.linking")


def test_the_oldest_misses_are_forgotten() -> None:
    """A street of vehicles that do not speak fills no memory."""
    stage = linking(C_remembered=3, C_missed=1)
    for number in range(5):
        missed(stage, bytes([number]))
    for number in (0, 1):
        assert again(stage, bytes([number])).active("vehicle.plugged.linking")
    for number in (2, 3, 4):
        assert again(stage, bytes([number])).active("vehicle.plugged.leaving")


def test_who_was_not_matched_is_nobody() -> None:
    """Without a MAC there is nothing to remember; and the one of before is not meant."""
    stage = missed(linking(C_missed=1))
    stage.child("outlet.disconnected").child("outlet.free").child("outlet.connected", rating=32.0)
    stage.child("slac.no_request").child("outlet.disconnected").child("outlet.free")
    assert stage.data("missed") == [MAC]
    stage.child("outlet.connected", rating=32.0)
    assert stage.active("vehicle.plugged.linking")


def test_a_pilot_that_is_lost_mends_by_itself() -> None:
    """Off and F until its board is back; what else is out of order waits for somebody."""
    stage = available().child("outlet.connected", rating=32.0).forget().emit("pilot.lost", reason="silent")
    assert stage.order("outlet.close_down") == {}
    assert (stage.told("session_ended")[0]["end"], stage.told("session_ended")[0]["reason"]) == ("failed", "silent")
    stage.emit("pilot.lost", reason="unplugged").forget().emit("pilot.found")
    assert stage.order("outlet.reset") == {}
    assert stage.child("outlet.connected", rating=32.0).active("vehicle.plugged")
    faulty = (
        available()
        .child("outlet.fault", errorCode="PowerSwitchFailure", reason="x")
        .emit("pilot.lost", reason="")
        .emit("pilot.found")
    )
    assert faulty.active("vehicle.faulted")
    assert not stage.unhandled
