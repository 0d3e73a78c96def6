"""Scenarios of machines/pev_combo.yaml: a vehicle that speaks DC at 5 % and charges by the nominal duty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

FILE = "machines/pev_combo.yaml"
CHARGER = {"charger.minimum_current": 6.0, "charger.soc": 40.0, "charger.maximum_current": 16.0}


def plugged(**parameters: Any) -> Stage:
    return Stage(FILE, CHARGER, **parameters).child("cp_line.plugged")


def digital(**parameters: Any) -> Stage:
    return plugged(**parameters).child("cp_line.digital")


def finding(**parameters: Any) -> Stage:
    return digital(**parameters).child("slac.dlink_ready")


def in_session(**parameters: Any) -> Stage:
    stage = finding(**parameters).child("discovery.found", host="fe80::1", port=61341, tls=False)
    stage.ends("discovery", connected=True, tls=False, reason="")
    assert stage.active("inlet.plugged.digital.linked.session.quiet")
    return stage.forget()


def ready(limit: float = 16.0, /, **parameters: Any) -> Stage:
    """In C, by a nominal duty."""
    return plugged(**parameters).child("cp_line.current", limit=limit).run(1)


def drawing(limit: float = 16.0, /, **parameters: Any) -> Stage:
    stage = ready(limit, **parameters).values("charger", has_mains=True).emit("charger.mains_on").run(2)
    assert stage.active("inlet.plugged.drawing.steady")
    return stage.values("charger", current=limit).forget()


# ---------------------------------------------------------------- 5 %


def test_a_session_from_5_percent_to_its_end() -> None:
    """SLAC, SDP, session, C and back to B; then nothing more until the station says something else."""
    stage = plugged()
    assert "slac" not in stage.children()
    stage.child("cp_line.digital")
    assert stage.children() == ["cp_line", "slac"]
    stage.child("slac.dlink_ready")
    assert stage.children() == ["cp_line", "discovery", "slac"]
    stage.ends("discovery", connected=True, tls=False, reason="").child("session.set_up", protocol="din", EVSEID="X")
    assert stage.children() == ["cp_line", "session", "slac"]
    stage.child("session.ready_to_charge")
    assert (stage.ordered("charger.lock_inlet"), stage.ordered("cp_line.ready")) == ([{}], [])
    stage.emit("charger.inlet_locked")
    assert (stage.ordered("cp_line.ready"), stage.ordered("session.charging_allowed")) == ([{}], [{}])
    stage.forget().child("session.open_contactors")
    assert stage.ordered("cp_line.not_ready") == [{}]
    stage.child("session.end_of_charge").ends("session", result="complete", reason="")
    assert stage.children() == ["cp_line", "slac"]
    assert stage.active("inlet.plugged.digital.said")
    stage.child("slac.dlink_lost").run(3600)
    assert stage.active("inlet.plugged.digital.said")
    assert not stage.unhandled


def test_one_that_does_not_speak() -> None:
    stage = digital(speaks=False).run(60)
    assert stage.children() == ["cp_line"]
    assert stage.child("cp_line.current", limit=16.0).run(1).ordered("cp_line.ready") == [{}]


@pytest.mark.parametrize("then", ["steady", "current", "pilot_lost", "unplugged"])
def test_5_percent_that_ends(then: str) -> None:
    """The session ends with it, the connection is closed, S2 is open; the next duty counts."""
    stage = in_session().child("session.ready_to_charge").emit("charger.inlet_locked").forget()
    stage.child(f"cp_line.{then}", **({"limit": 10.0} if then == "current" else {}))
    assert stage.ordered("v2g.disconnect") == [{}]
    assert stage.ordered("cp_line.not_ready")
    assert stage.children() == ["cp_line"]
    if then == "current":
        assert stage.run(1).ordered("cp_line.ready") == [{}]
        stage.values("charger", has_mains=True).emit("charger.mains_on").run(2)
        assert stage.order("charger.draw") == {"current": 10.0}
    elif then == "unplugged":
        assert stage.told("session_ended") == [{"result": "failed", "reason": "", "soc": 40.0}]
    else:
        assert not stage.run(60).ordered("cp_line.ready")
    assert not stage.unhandled


def test_5_percent_again() -> None:
    """Another session, from SLAC on."""
    stage = in_session().ends("session", result="failed", reason="x").run(60)
    assert stage.active("inlet.plugged.digital.said")
    stage.child("cp_line.steady").child("cp_line.digital").child("slac.dlink_ready")
    assert stage.children() == ["cp_line", "discovery", "slac"]


def test_a_link_that_is_lost() -> None:
    stage = in_session().child("slac.matching_failed", reason="x").child("slac.dlink_lost")
    assert stage.ordered("v2g.disconnect") == [{}]
    assert stage.children() == ["cp_line", "slac"]
    stage.child("slac.modem_fault", reason="x").child("slac.dlink_ready")
    assert stage.children() == ["cp_line", "discovery", "slac"]


@pytest.mark.parametrize("what", ["not found", "late", "failed"])
def test_a_try_that_fails(what: str) -> None:
    """There is none after it: the nominal duty is waited for."""
    stage = finding()
    if what == "late":
        assert stage.run(19.9).active("inlet.plugged.digital.linked.finding")
        stage.run(0.2)
    elif what == "not found":
        stage.ends("discovery", connected=False, tls=False, reason="x")
    else:
        stage.ends("discovery", connected=True, tls=False, reason="").ends("session", result="failed", reason="x")
    assert stage.run(60).active("inlet.plugged.digital.said")
    assert stage.children() == ["cp_line", "slac"]
    assert stage.child("cp_line.current", limit=16.0).run(1).ordered("cp_line.ready") == [{}]


def test_an_inlet_that_does_not_lock() -> None:
    """Stays in B; what comes too late changes nothing."""
    stage = in_session().child("session.ready_to_charge").run(1.9)
    assert stage.active("inlet.plugged.digital.linked.session.locking")
    stage.run(0.2).emit("charger.inlet_locked")
    assert stage.active("inlet.plugged.digital.linked.session.quiet")
    assert not stage.ordered("cp_line.ready")


def test_what_is_known_and_means_nothing_now() -> None:
    """Late words of charger, link and pilot change nothing, and surprise nobody."""
    idle = Stage(FILE, CHARGER).child("cp_line.pilot_lost").emit("battery.full")
    for event in ("full", "mains_on", "mains_off", "inlet_locked", "inlet_unlocked"):
        idle.emit(f"charger.{event}")
    assert idle.active("inlet.unplugged")
    linked = in_session().child("slac.matching_failed", reason="x").child("slac.modem_fault", reason="x")
    linked.child("slac.dlink_ready").emit("charger.inlet_locked")
    assert linked.active("inlet.plugged.digital.linked.session.quiet")
    asks = ready().emit("charger.mains_on")
    assert asks.active("inlet.plugged.ready"), "the voltage is what counts"
    assert idle.unhandled + linked.unhandled + asks.unhandled == []


# ---------------------------------------------------------------- a nominal duty


def test_from_the_offer_to_the_current() -> None:
    stage = plugged().child("cp_line.steady").child("cp_line.current", limit=16.0).run(0.9)
    assert (stage.ordered("charger.lock_inlet"), stage.ordered("cp_line.ready")) == ([{}], [])
    assert stage.run(0.2).ordered("cp_line.ready") == [{}]
    stage.run(60)
    assert not stage.ordered("charger.draw")
    stage.values("charger", has_mains=True).emit("charger.mains_on").run(1.9)
    assert not stage.ordered("charger.draw")
    assert stage.run(0.2).ordered("charger.draw") == [{"current": 16.0}]
    assert not stage.unhandled


def test_follows_a_new_duty_within_5_s() -> None:
    stage = drawing().child("cp_line.current", limit=10.0).run(1.9)
    assert not stage.ordered("charger.draw")
    assert stage.run(0.2).ordered("charger.draw") == [{"current": 10.0}]
    assert stage.child("cp_line.current", limit=6.0).run(2.1).order("charger.draw") == {"current": 6.0}
    assert stage.child("cp_line.current", limit=5.0).run(2.1).order("charger.draw") == {"current": 0.0}


def test_x1_ends_the_current_then_C() -> None:
    """In this order, and within 3 s; then 5 % can be answered."""
    stage = drawing().child("cp_line.steady")
    assert (stage.ordered("charger.draw"), stage.ordered("cp_line.not_ready")) == ([{"current": 0.0}], [])
    stage.values("charger", current=0.5).run(0.2)
    assert not stage.ordered("cp_line.not_ready")
    stage.values("charger", current=0.4).run(0.1)
    assert stage.ordered("cp_line.not_ready") == [{}]
    assert "slac" in stage.child("cp_line.digital").children()
    slow = drawing().child("cp_line.steady").run(2.9)
    assert not slow.ordered("cp_line.not_ready")
    assert slow.run(0.2).ordered("cp_line.not_ready") == [{}]
    assert slow.forget().child("cp_line.current", limit=8.0).run(1).ordered("cp_line.ready") == [{}]


@pytest.mark.parametrize("where", ["offered", "ready"])
def test_an_offer_that_goes_away(where: str) -> None:
    stage = plugged().child("cp_line.current", limit=9.0) if where == "offered" else ready()
    assert stage.child("cp_line.steady").active("inlet.plugged.waiting")
    assert stage.order("cp_line.not_ready") == {}


def test_pilot_lost() -> None:
    """E or F: at once, no ramp; the next offer counts."""
    stage = drawing().child("cp_line.pilot_lost")
    assert (stage.ordered("charger.cut"), stage.ordered("cp_line.not_ready")) == ([{}], [{}])
    assert stage.run(10).active("inlet.plugged.waiting")
    assert stage.child("cp_line.current", limit=8.0).run(1).ordered("cp_line.ready") == [{}]


def test_voltage_that_goes_under_load() -> None:
    """It asks again."""
    stage = drawing().values("charger", has_mains=False).emit("charger.mains_off")
    assert stage.ordered("charger.cut") == [{}]
    assert stage.run(1.1).ordered("cp_line.ready") == [{}]


# ---------------------------------------------------------------- the driver


@pytest.mark.parametrize(
    ("what", "why"), [("pilot", "the pilot is gone"), ("mains", "the station has cut the current off")]
)
def test_a_charge_that_the_station_breaks_off_has_failed(what: str, why: str) -> None:
    """With the reason; current that comes again makes up for it."""
    stage = drawing()
    stage.child("cp_line.pilot_lost") if what == "pilot" else stage.values("charger", has_mains=False)
    if what == "mains":
        stage.emit("charger.mains_off").child("cp_line.pilot_lost")
    stage.run(1).child("cp_line.unplugged")
    assert stage.told("session_ended") == [{"result": "failed", "reason": why, "soc": 40.0}]
    again = drawing().values("charger", has_mains=False).emit("charger.mains_off").run(1)
    again.values("charger", has_mains=True).emit("charger.mains_on").run(2).child("cp_line.unplugged")
    assert again.told("session_ended") == [{"result": "complete", "reason": "", "soc": 40.0}]
    assert not stage.unhandled + again.unhandled


def test_enough() -> None:
    """Full, at the level the driver wants, or stopped: current, S2, inlet, plug, one after the other."""
    stage = drawing(stop_at_soc=42).run(10)
    assert not stage.orders
    stage.values("charger", soc=42.0).run(0.7)
    assert not stage.orders
    stage.run(0.4)
    assert stage.ordered("charger.draw") == [{"current": 0.0}]
    stage.values("charger", current=0.0).run(0.1)
    assert stage.ordered("cp_line.not_ready") == [{}]
    stage.run(1.8)
    assert not stage.ordered("charger.unlock_inlet")
    stage.run(0.2)
    assert stage.ordered("charger.unlock_inlet") == [{}]
    stage.emit("charger.inlet_unlocked")
    assert stage.ordered("driver.unplug") == [{}]
    stage.child("cp_line.unplugged")
    assert stage.ordered("charger.cut")
    assert stage.told("session_ended") == [{"result": "complete", "reason": "", "soc": 42.0}]
    assert stage.active("driver.gone")
    stage.child("cp_line.plugged")
    assert stage.active("driver.away.content")
    assert stage.child("cp_line.unplugged").told("session_ended")[-1]["result"] == "failed", "the next time counts anew"
    assert not stage.unhandled


def test_full_or_stopped() -> None:
    full = drawing().values("charger", soc=100.0).emit("charger.full").emit("battery.full")
    assert full.values("charger", current=0.0).run(0.1).active("driver.staying")
    assert drawing().emit("driver.stop_pressed").active("inlet.plugged.ending")
    assert ready().emit("driver.stop_pressed").active("driver.staying")
    earlier = plugged().child("cp_line.current", limit=9.0).emit("driver.stop_pressed")
    assert earlier.active("inlet.plugged.waiting")
    assert not earlier.forget().run(60).ordered("cp_line.ready")


def test_a_plug_that_does_not_come_out() -> None:
    stage = drawing().emit("driver.stop_pressed").values("charger", current=0.0).run(2.2).run(3.8)
    assert stage.active("driver.leaving")
    assert stage.run(0.4).active("driver.gone")


def test_a_driver_without_patience() -> None:
    stage = plugged(T_patience=60 * S).run(59)
    assert stage.active("driver.away.waits")
    assert stage.run(1.1).active("driver.staying")
    assert stage.run(2).ordered("charger.unlock_inlet") == [{}]
    served = plugged(T_patience=60 * S).child("cp_line.current", limit=16.0).run(1)
    served.values("charger", has_mains=True).emit("charger.mains_on").run(120)
    assert not served.ordered("charger.unlock_inlet")
    assert plugged(T_patience=60 * S).run(30).child("cp_line.unplugged").active("driver.away.content")
    assert plugged().run(3600).active("driver.away.content")


def test_a_plug_that_somebody_else_takes_out() -> None:
    """At a bench: unlocked, and it stays until then."""
    stage = drawing(stop_at_soc=42, unplugs=False).values("charger", soc=42.0).run(1)
    stage.values("charger", current=0.0).run(3)
    assert stage.ordered("charger.unlock_inlet") == [{}]
    stage.emit("charger.inlet_unlocked").run(600)
    assert (stage.ordered("driver.unplug"), stage.active("inlet.plugged"), stage.unhandled) == ([], True, [])
    stage.child("cp_line.unplugged")
    assert stage.told("session_ended")[0]["result"] == "complete"


def test_the_end_of_the_program() -> None:
    """As a driver who stops; nothing is left drawing, locked or connected."""
    stage = drawing().post("shut_down")
    assert stage.ordered("charger.draw") == [{"current": 0.0}]
    stage.values("charger", current=0.0).run(0.1).run(2).emit("charger.inlet_unlocked").post("shut_down")
    assert stage.ordered("driver.unplug") == [{}]
    stage.child("cp_line.unplugged").post("shut_down")
    assert not stage.unhandled
    assert Stage(FILE).post("shut_down").run(2).active("driver.gone")
    cut = in_session().stop()
    assert (cut.order("charger.cut"), cut.order("charger.unlock_inlet"), cut.order("v2g.disconnect")) == ({}, {}, {})
