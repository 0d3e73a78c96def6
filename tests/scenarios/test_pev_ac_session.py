"""Scenarios of machines/pev_ac.yaml at 5 %: match, session, pilot and current by message, pause, failure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

FILE = "machines/pev_ac.yaml"
ID = bytes.fromhex("0102030405060708")


def plugged(**parameters: Any) -> Stage:
    values = {"charger.minimum_current": 6.0, "charger.soc": 40.0, "charger.capacity": 60_000.0}
    return Stage(FILE, values, **parameters).child("cp_line.plugged")


def linked(**parameters: Any) -> Stage:
    stage = plugged(**parameters).child("cp_line.digital")
    if parameters.get("medium") != "ethernet":
        assert stage.active("link.matching.sounding")
        stage.child("slac.dlink_ready", evse_mac=bytes(6))
    assert stage.active("talk.setting_up")
    return stage


def connected(stage: Stage) -> Stage:
    stage.child("discovery.found", host="fe80::1", port=1, tls=False)
    return stage.ends("discovery", connected=True, tls=False, reason="")


def in_session(stage: Stage | None = None, **parameters: Any) -> Stage:
    stage = connected(stage or linked(**parameters))
    stage.child("session.set_up", protocol="iso2", EVSEID="", SessionID=ID)
    assert stage.active("inlet.plugged.in_session.B")
    return stage


def charging(limit: float = 16.0, /, **parameters: Any) -> Stage:
    stage = in_session(**parameters).child("session.ready_to_charge")
    stage.child("session.charging").child("session.limit", current=limit)
    assert stage.active("inlet.plugged.in_session.C.watching")
    return stage.values("charger", current=limit).forget()


def to_session(stage: Stage) -> list[str]:
    return [o.what.partition(".")[2] for o in stage.orders if o.what.startswith("session.")]


def test_from_5_percent_to_the_current() -> None:
    """Inlet locked before C, C as soon as PowerDelivery(Start) is sent, and so much as the station says."""
    stage = linked(stop_at_soc=90)
    assert not stage.ordered("charger.lock_inlet")
    connected(stage)
    assert stage.order("session.wants") == {"energy": 30_000.0}
    assert stage.input("session")["resumes"] == b""
    stage.child("session.set_up", protocol="iso2", EVSEID="", SessionID=ID)
    assert stage.ordered("charger.lock_inlet") == [{}]
    assert not stage.ordered("cp_line.ready")
    stage.child("session.ready_to_charge")
    assert stage.ordered("cp_line.ready") == [{}]
    stage.child("session.charging").child("session.limit", current=13.0).child("session.limit", current=5.0)
    assert stage.ordered("charger.draw") == [{"current": 13.0}, {"current": 0.0}]
    stage.child("cp_line.unplugged")
    assert stage.told("session_ended") == [{"result": "complete", "reason": "", "soc": 40.0, "protocol": "iso2"}]
    assert not stage.unhandled


def test_a_vehicle_that_does_not_speak() -> None:
    stage = plugged(speaks=False).child("cp_line.digital").run(600)
    assert stage.active("link.down")
    stage.child("cp_line.current", limit=16.0).run(1)
    assert stage.ordered("cp_line.ready") == [{}]


def test_a_wire() -> None:
    """No SLAC; and E/F ends what the wire would let go on."""
    stage = in_session(medium="ethernet").forget().child("cp_line.pilot_lost")
    assert to_session(stage) == ["pilot_lost"]
    assert stage.ordered("v2g.disconnect") == [{}]
    assert stage.active("link.down")
    assert linked(medium="ethernet").child("cp_line.pilot_lost").active("talk.idle")


def test_ventilated() -> None:
    stage = in_session(ventilated=True).child("session.ready_to_charge")
    assert (stage.ordered("cp_line.ventilation"), stage.ordered("cp_line.ready")) == ([{}], [])


def test_the_least_of_message_and_duty() -> None:
    """A nominal duty beside the session is a limit, too; 5 % again is none."""
    stage = charging().child("cp_line.current", limit=10.0)
    assert stage.order("charger.draw") == {"current": 10.0}
    stage.child("session.limit", current=8.0).child("session.limit", current=14.0)
    assert stage.ordered("charger.draw")[1:] == [{"current": 8.0}, {"current": 10.0}]
    stage.child("cp_line.digital")
    assert stage.order("charger.draw") == {"current": 14.0}
    assert stage.active("inlet.plugged.in_session.C")


def test_the_current_goes_down_before_S2_opens() -> None:
    """After PowerDelivery(Stop), or at x1, which is the station's wish; in 3 s at the latest."""
    stage = charging().child("session.open_contactors").child("session.end_of_charge")
    assert (stage.ordered("charger.draw"), stage.ordered("cp_line.not_ready")) == ([{"current": 0.0}], [])
    stage.values("charger", current=0.4).run(0.1)
    assert stage.ordered("cp_line.not_ready") == [{}]
    slow = charging().child("cp_line.steady")
    assert (to_session(slow), slow.order("charger.draw")) == (["stop"], {"current": 0.0})
    assert not slow.run(2.9).ordered("cp_line.not_ready")
    assert slow.run(0.2).ordered("cp_line.not_ready") == [{}]
    assert slow.child("session.end_of_charge").active("talk.session")


@pytest.mark.parametrize("why", ["level", "full", "driver", "program"])
def test_enough(why: str) -> None:
    """The session ends in order, then the driver goes."""
    stage = charging(stop_at_soc=42)
    if why == "level":
        stage.values("charger", soc=42.0).run(1)
    elif why == "full":
        stage.emit("charger.full")
    elif why == "driver":
        stage.emit("driver.stop_pressed")
    else:
        stage.post("shut_down")
    assert to_session(stage) == ["stop"]
    assert stage.active("driver.away")
    stage.child("session.open_contactors").values("charger", current=0.0).run(0.1)
    stage.ends("session", result="complete", reason="")
    assert (stage.active("talk.over"), stage.active("driver.staying")) == (True, True)
    stage.run(2).emit("charger.inlet_unlocked")
    assert stage.ordered("driver.unplug") == [{}]
    stage.child("cp_line.unplugged")
    assert stage.active("talk.idle")
    assert not stage.unhandled


def test_a_session_that_ends_under_current() -> None:
    """Its answer was a refusal: the current still goes down before S2 opens."""
    stage = charging().ends("session", result="failed", reason="x")
    assert (stage.order("charger.draw"), stage.active("inlet.plugged.ending")) == ({"current": 0.0}, True)
    stage.values("charger", current=0.0).run(0.1)
    assert stage.active("inlet.plugged.waiting")
    calm = in_session().ends("session", result="failed", reason="x")
    assert calm.active("inlet.plugged.waiting")


def test_it_tries_again_three_times() -> None:
    """After 3 s each; then it waits for the nominal duty, and forgets with the plug."""
    stage = linked()
    for _ in range(2):
        stage.ends("discovery", connected=False, tls=False, reason="nobody").run(2.9)
        assert stage.active("talk.back_off")
        stage.run(0.2)
        assert stage.active("talk.setting_up")
    stage.run(20).run(3.1)
    assert stage.active("talk.over")
    assert stage.child("cp_line.digital").active("talk.over")
    stage.child("cp_line.current", limit=16.0).run(1)
    assert stage.active("inlet.plugged.ready")
    stage.child("cp_line.unplugged")
    assert stage.told("session_ended")[0]["reason"] == "V2G_EVCC_CommunicationSetup_Timeout"
    stage.child("cp_line.plugged").child("cp_line.digital").child("slac.dlink_ready", evse_mac=bytes(6))
    assert (stage.active("talk.setting_up"), stage.data("ended_by")) == (True, "")


def test_asked_anew_after_a_session() -> None:
    """The station shows 5 % again, with other phases perhaps."""
    stage = charging().child("session.end_of_charge").values("charger", current=0.0).run(0.1)
    stage.child("cp_line.steady").ends("session", result="complete", reason="the station: StopCharging")
    assert stage.active("link.matching")
    stage.child("cp_line.digital")
    assert stage.active("talk.setting_up")
    left = in_session().ends("session", result="complete", reason="").child("cp_line.steady")
    assert left.active("link.down")


def test_a_lost_link() -> None:
    stage = charging().child("slac.dlink_lost")
    assert (stage.active("talk.back_off"), stage.ordered("v2g.disconnect")) == (True, [{}])
    assert stage.order("charger.draw") == {"current": 0.0}
    early = linked().child("slac.dlink_lost")
    assert early.active("talk.idle")
    early.child("slac.matching_failed", reason="too far").child("cp_line.unplugged")
    assert early.told("session_ended")[0]["reason"] == "too far"


@pytest.mark.parametrize("what", ["E/F", "unplugged", "nominal", "x1"])
def test_what_ends_the_invitation(what: str) -> None:
    """While it matches; x1 and a nominal duty end no session that stands."""
    event, data = {"E/F": ("pilot_lost", {}), "unplugged": ("unplugged", {}), "x1": ("steady", {}),
                   "nominal": ("current", {"limit": 16.0})}[what]  # fmt: skip
    stage = plugged().child("cp_line.digital").child(f"cp_line.{event}", **data)
    assert stage.active("link.down")
    during = in_session().forget().child(f"cp_line.{event}", **data)
    assert during.active("link.down") is (what in ("E/F", "unplugged"))
    assert ("pilot_lost" in to_session(during)) is (what in ("E/F", "unplugged"))
    if what == "nominal":
        assert during.run(5).active("inlet.plugged.in_session.B")


@pytest.mark.parametrize("how", ["asked", "by itself"])
def test_a_pause(how: str) -> None:
    """SessionStop(Pause), asleep, a BCB toggle, and the old session goes on with less time and energy."""
    stage = charging(T_until_pause=100 * S if how == "by itself" else 0, T_pause=60 * S, departure=1000 * S)
    if how == "asked":
        stage.post("pause")
    else:
        assert not to_session(stage.run(99.9))
        stage.run(0.2)
    assert to_session(stage) == ["pause", "stop"]
    stage.child("session.end_of_charge").values("charger", current=0.0, soc=50.0).run(0.1).child("cp_line.steady")
    stage.ends("session", result="paused", reason="").run(59.9)
    assert (stage.active("talk.paused.asleep"), stage.active("driver.away")) == (True, True)
    assert not stage.ordered("cp_line.toggle")
    stage.run(0.2)
    assert stage.ordered("cp_line.toggle") == [{"count": 1}]
    stage.child("cp_line.toggled", digital=False)
    assert stage.active("talk.paused.waking")
    stage.child("cp_line.digital").forget()
    in_session(stage)
    assert stage.input("session")["resumes"] == ID
    assert stage.order("session.wants") == {"energy": 30_000.0, "departure": 940 * S}
    stage.child("session.ready_to_charge").child("session.charging").forget().run(600)
    assert not to_session(stage), "once"
    stage.ends("session", result="complete", reason="").child("cp_line.steady").child("cp_line.digital")
    in_session(stage.child("slac.dlink_ready", evse_mac=bytes(6)))
    assert stage.input("session")["resumes"] == b""


def test_no_current_for_now() -> None:
    """The session goes on; whatever the station allows meanwhile."""
    stage = charging().post("suspend").child("session.limit", current=10.0)
    assert stage.ordered("charger.draw") == [{"current": 0.0}] * 2
    assert stage.forget().post("resume").ordered("charger.draw") == [{"current": 10.0}]
    assert not to_session(stage)
    early = in_session().post("suspend").child("session.ready_to_charge").child("session.limit", current=16.0)
    assert early.order("charger.draw") == {"current": 0.0}
    assert early.post("resume").order("charger.draw") == {"current": 16.0}


def test_a_pause_at_a_station_that_shows_5_percent_all_the_while() -> None:
    """The toggle alone wakes both."""
    stage = charging(T_pause=60 * S).post("pause").child("session.end_of_charge").values("charger", current=0.0)
    stage.run(0.1).ends("session", result="paused", reason="").run(60)
    in_session(stage.child("cp_line.toggled", digital=True).forget())
    assert stage.input("session")["resumes"] == ID


def test_what_a_pause_leaves_of_the_time() -> None:
    stage = charging(T_pause=60 * S, departure=30 * S).post("pause").ends("session", result="paused", reason="")
    assert stage.run(61).data("leaves_in") == 30 * S
    lost = charging(T_pause=60 * S).post("pause").ends("session", result="paused", reason="").run(61)
    assert lost.data("leaves_in") is None
    lost.child("slac.dlink_lost")
    assert lost.active("talk.idle")
    tired = charging(T_pause=60 * S).post("pause").ends("session", result="paused", reason="")
    tired.values("charger", current=0.0).run(0.1).emit("driver.stop_pressed").run(0.1)
    assert tired.active("driver.staying")


def test_another_departure() -> None:
    """Told, and another schedule asked for."""
    stage = charging().post("leave_in", departure=7200 * S)
    assert to_session(stage) == ["wants", "want_renegotiation"]
    assert stage.order("session.wants") == {"energy": 36_000.0, "departure": 7200 * S}


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("RCD", "the station: RCD"),
        ("mains", "the station has cut the current off"),
        ("pilot", "the pilot is gone"),
        ("session", "no ChargingStatusRes in time"),
        ("link", "the link to the station is lost"),
    ],
)
def test_a_charge_that_the_station_breaks_off_has_failed(what: str, why: str) -> None:
    """With the reason, whichever of its signs the vehicle has; a session that goes on with current makes up for it."""

    def broken() -> Stage:
        stage = charging()
        if what in ("RCD", "mains"):
            stage.emit("charger.mains_off").child("session.open_contactors")
            return stage.ends("session", result="complete", reason=why if what == "RCD" else "")
        if what == "link":
            return stage.child("slac.dlink_lost")
        if what == "pilot":
            return stage.child("cp_line.pilot_lost")
        stage.child("session.open_contactors").child("session.end_of_charge")
        return stage.ends("session", result="failed", reason=why)

    stage = broken().run(0.2).child("cp_line.unplugged")
    assert stage.told("session_ended") == [{"result": "failed", "reason": why, "soc": 40.0, "protocol": "iso2"}]
    again = broken().values("charger", current=0.0).run(0.2).child("cp_line.current", limit=16.0)
    again.run(1).values("charger", has_mains=True).emit("charger.mains_on").run(2.1).child("cp_line.unplugged")
    assert [(told["result"], told["reason"]) for told in again.told("session_ended")] == [("complete", "")]


def test_what_breaks_nothing_off() -> None:
    """A contactor that the station closes again in the session, and one that opens after an orderly end."""
    stage = charging().emit("charger.mains_off").emit("charger.mains_on").child("cp_line.unplugged")
    assert [(told["result"], told["reason"]) for told in stage.told("session_ended")] == [("complete", "")]
    stage = charging().child("session.open_contactors").emit("charger.mains_off").values("charger", current=0.0)
    stage.run(0.2).ends("session", result="failed", reason="no SessionStopRes in time").child("cp_line.unplugged")
    assert [told["result"] for told in stage.told("session_ended")] == ["complete"]
    never = in_session().child("session.ready_to_charge").emit("charger.mains_on").emit("charger.mains_off")
    assert never.child("cp_line.unplugged").told("session_ended")[0]["result"] == "failed"


def test_patience_is_for_no_current() -> None:
    stage = plugged(T_patience=60 * S).run(50).child("cp_line.digital").child("slac.dlink_ready", evse_mac=bytes(6))
    in_session(stage).run(3600)
    assert stage.active("driver.away.content")


def test_each_plug_in_begins_anew() -> None:
    """What was of one plug-in, a session that was paused, a departure, failures, is not the next one's."""
    stage = charging(departure=1000 * S, T_pause=60 * S).post("leave_in", departure=50 * S).post("pause")
    stage.ends("session", result="paused", reason="").child("cp_line.unplugged")
    stage.forget().child("cp_line.plugged").child("cp_line.unplugged")
    assert stage.told("session_ended") == [{"result": "failed", "reason": "", "soc": 40.0, "protocol": "pwm"}]
    stage.child("cp_line.plugged").child("cp_line.digital").child("slac.dlink_ready", evse_mac=bytes(6))
    in_session(stage)
    assert stage.input("session")["resumes"] == b""
    assert stage.order("session.wants") == {"energy": 36_000.0, "departure": 1000 * S}
    offered = (
        plugged(speaks=False).child("cp_line.current", limit=16.0).child("cp_line.unplugged").child("cp_line.plugged")
    )
    assert offered.active("inlet.plugged.waiting")


def test_basic_after_a_session() -> None:
    """What carried the energy last is told; what the duty says is drawn."""
    stage = charging().ends("session", result="complete", reason="").values("charger", current=0.0).run(0.1)
    stage.child("cp_line.steady").child("cp_line.current", limit=6.0).run(1).values("charger", has_mains=True)
    stage.forget().emit("charger.mains_on").run(2)
    assert stage.ordered("charger.draw") == [{"current": 6.0}]
    stage.child("cp_line.unplugged")
    assert "charger.cut" in [order.what for order in stage.orders]
    assert stage.told("session_ended")[0]["protocol"] == "pwm"
    least = in_session().child("session.ready_to_charge").child("session.limit", current=6.0)
    assert least.order("charger.draw") == {"current": 6.0}
    again = charging(9.0).ends("session", result="failed", reason="x").values("charger", current=0.0).run(0.1).run(3)
    again = in_session(again).child("session.ready_to_charge").child("cp_line.current", limit=20.0)
    assert again.order("charger.draw") == {"current": 0.0}, "not what the last session allowed"


def test_x1_forgets_the_duty_beside_a_session() -> None:
    stage = (
        charging().child("cp_line.current", limit=8.0).child("cp_line.steady").values("charger", current=0.0).run(0.1)
    )
    stage.child("session.ready_to_charge").child("session.limit", current=16.0)
    assert stage.order("charger.draw") == {"current": 16.0}


def test_what_means_nothing_now() -> None:
    """Heard without a plug, and told to nobody."""
    stage = plugged().child("cp_line.unplugged")
    stage.child("cp_line.pilot_lost").child("cp_line.toggled", digital=True)
    for event in ("full", "mains_on", "mains_off", "inlet_locked", "inlet_unlocked"):
        stage.emit(f"charger.{event}")
    session = in_session()
    for event in ("open_contactors", "close_contactors", "end_of_charge", "charging"):
        session.child(f"session.{event}")
    session.child("session.limit", current=6.0)
    session.child("cp_line.pilot_lost")
    ready = plugged(speaks=False).child("cp_line.current", limit=16.0).run(1).emit("charger.mains_on")
    assert stage.unhandled + session.unhandled + ready.unhandled == []
    assert session.active("inlet.plugged.waiting")


def test_its_charger_is_off_when_it_ends() -> None:
    stage = charging().stop()
    assert [order.what for order in stage.orders[-3:] if order.what.startswith("charger")] != []
    assert "charger.cut" in [order.what for order in stage.orders]
