"""Scenarios of machines/pev_ac.yaml: a vehicle that charges by the nominal duty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/pev_ac.yaml"


def plugged(**parameters: Any) -> Stage:
    stage = Stage(
        FILE, {"charger.minimum_current": 6.0, "charger.soc": 40.0, "charger.maximum_current": 16.0}, **parameters
    )
    return stage.child("cp_line.plugged")


def ready(limit: float = 16.0, /, **parameters: Any) -> Stage:
    """In C."""
    return plugged(**parameters).child("cp_line.current", limit=limit).run(1)


def drawing(limit: float = 16.0, /, **parameters: Any) -> Stage:
    stage = ready(limit, **parameters).values("charger", has_mains=True).emit("charger.mains_on").run(2)
    assert stage.active("inlet.plugged.drawing.steady")
    return stage.values("charger", current=limit).forget()


def test_from_the_offer_to_the_current() -> None:
    stage = plugged().child("cp_line.steady")
    assert not stage.ordered("charger.lock_inlet", "cp_line.ready")
    stage.child("cp_line.current", limit=16.0).run(0.9)
    assert stage.ordered("charger.lock_inlet") == [{}]
    assert not stage.ordered("cp_line.ready")
    stage.run(0.2)
    assert stage.ordered("cp_line.ready") == [{}]
    stage.run(60)
    assert not stage.ordered("charger.draw")
    stage.values("charger", has_mains=True).emit("charger.mains_on").run(1.9)
    assert not stage.ordered("charger.draw")
    assert stage.run(0.2).ordered("charger.draw") == [{"current": 16.0}]
    assert not stage.unhandled


def test_ventilated() -> None:
    stage = ready(ventilated=True)
    assert (stage.ordered("cp_line.ventilation"), stage.ordered("cp_line.ready")) == ([{}], [])


def test_follows_a_new_duty_within_5_s() -> None:
    stage = drawing().child("cp_line.current", limit=10.0).run(1.9)
    assert not stage.ordered("charger.draw")
    assert stage.run(0.2).ordered("charger.draw") == [{"current": 10.0}]
    assert stage.child("cp_line.current", limit=5.0).run(2.1).order("charger.draw") == {"current": 0.0}


def test_no_current_for_now() -> None:
    """S2 stays closed; a new duty does not end it, the next plug does."""
    stage = drawing().post("suspend")
    assert stage.ordered("charger.draw") == [{"current": 0.0}]
    stage.forget().child("cp_line.current", limit=10.0).run(3)
    assert stage.ordered("charger.draw") == [{"current": 0.0}]
    assert stage.active("inlet.plugged.drawing")
    assert stage.forget().post("resume").run(3).ordered("charger.draw") == [{"current": 10.0}]
    assert ready().post("suspend").child("cp_line.unplugged").child("cp_line.plugged").data("suspended") is False
    early = ready().post("suspend").values("charger", has_mains=True).emit("charger.mains_on").run(3)
    assert early.ordered("charger.draw") == [{"current": 0.0}]
    assert early.post("resume").run(3).ordered("charger.draw")[-1] == {"current": 16.0}


def test_x1_ends_the_current_then_C() -> None:
    """In this order, and within 3 s."""
    stage = drawing().child("cp_line.steady")
    assert stage.ordered("charger.draw") == [{"current": 0.0}]
    assert not stage.ordered("cp_line.not_ready")
    stage.values("charger", current=0.4).run(0.1)
    assert stage.ordered("cp_line.not_ready") == [{}]
    slow = drawing().child("cp_line.steady").run(2.9)
    assert not slow.ordered("cp_line.not_ready")
    assert slow.run(0.2).ordered("cp_line.not_ready") == [{}]
    again = slow.forget().child("cp_line.current", limit=8.0).run(1)
    assert again.ordered("cp_line.ready") == [{}]
    assert not again.unhandled


@pytest.mark.parametrize("where", ["offered", "ready"])
def test_an_offer_that_goes_away(where: str) -> None:
    stage = plugged().child("cp_line.current", limit=9.0) if where == "offered" else ready()
    assert stage.child("cp_line.digital").active("inlet.plugged.waiting")
    assert stage.order("cp_line.not_ready") == {}


def test_pilot_lost() -> None:
    """E or F: at once, no ramp."""
    stage = drawing().child("cp_line.pilot_lost")
    assert (stage.ordered("charger.cut"), stage.ordered("cp_line.not_ready")) == ([{}], [{}])
    assert stage.run(10).active("inlet.plugged.waiting")


def test_voltage_that_goes_under_load() -> None:
    """It asks again."""
    stage = drawing().values("charger", has_mains=False).emit("charger.mains_off")
    assert stage.ordered("charger.cut") == [{}]
    assert stage.run(1.1).ordered("cp_line.ready") == [{}]


@pytest.mark.parametrize(
    ("what", "why"), [("pilot", "the pilot is gone"), ("mains", "the station has cut the current off")]
)
def test_a_charge_that_the_station_breaks_off_has_failed(what: str, why: str) -> None:
    """With the reason; current that comes again makes up for it."""
    stage = drawing()
    if what == "pilot":
        stage.child("cp_line.pilot_lost")
    else:
        stage.values("charger", has_mains=False, current=0.0).emit("charger.mains_off").child("cp_line.pilot_lost")
    stage.run(1).child("cp_line.unplugged")
    assert stage.told("session_ended") == [{"result": "failed", "reason": why, "soc": 40.0, "protocol": "pwm"}]
    again = drawing().child("cp_line.pilot_lost") if what == "pilot" else drawing()
    again.values("charger", has_mains=False).emit("charger.mains_off").child("cp_line.current", limit=9.0).run(1)
    again.values("charger", has_mains=True).emit("charger.mains_on").run(2).child("cp_line.unplugged")
    assert [(told["result"], told["reason"]) for told in again.told("session_ended")] == [("complete", "")]
    assert not stage.unhandled + again.unhandled


def test_what_the_station_does_after_the_charge_breaks_nothing_off() -> None:
    """S2 is open, the contactor follows, and a station that closes down shows F."""
    stage = drawing().child("cp_line.steady").values("charger", current=0.0).run(0.1).emit("charger.mains_off")
    stage.child("cp_line.pilot_lost").child("cp_line.unplugged")
    assert [(told["result"], told["reason"]) for told in stage.told("session_ended")] == [("complete", "")]


def test_enough() -> None:
    """Full, at the level the driver wants, or stopped: current, S2, inlet, plug, one after the other."""
    stage = drawing(stop_at_soc=42).values("charger", soc=42.0).run(1)
    assert stage.ordered("charger.draw") == [{"current": 0.0}]
    stage.values("charger", current=0.0).run(0.1)
    assert stage.ordered("cp_line.not_ready") == [{}]
    assert not stage.ordered("charger.unlock_inlet")
    stage.run(2)
    assert stage.ordered("charger.unlock_inlet") == [{}]
    stage.emit("charger.inlet_unlocked")
    assert stage.ordered("driver.unplug") == [{}]
    stage.child("cp_line.unplugged")
    assert stage.told("session_ended") == [{"result": "complete", "reason": "", "soc": 42.0, "protocol": "pwm"}]
    assert stage.active("driver.gone")
    stage.child("cp_line.plugged")
    assert stage.active("driver.away.content")
    assert not stage.unhandled
    full = drawing().values("charger", soc=100.0).emit("charger.full").values("charger", current=0.0).run(0.1)
    assert full.active("driver.staying")
    stopped = drawing().emit("driver.stop_pressed")
    assert stopped.active("inlet.plugged.ending")
    early = ready().emit("driver.stop_pressed")
    assert early.active("driver.staying")
    earlier = plugged().child("cp_line.current", limit=9.0).emit("driver.stop_pressed")
    assert earlier.active("inlet.plugged.waiting")


def test_a_plug_that_does_not_come_out() -> None:
    stage = drawing().emit("driver.stop_pressed").values("charger", current=0.0).run(2.2).run(4.1)
    assert stage.active("driver.gone")


def test_unplugged_without_current() -> None:
    assert plugged().child("cp_line.unplugged").told("session_ended") == [
        {"result": "failed", "reason": "", "soc": 40.0, "protocol": "pwm"}
    ]


def test_a_driver_without_patience() -> None:
    stage = plugged(T_patience=60_000_000_000).run(59)
    assert not stage.ordered("charger.unlock_inlet")
    assert stage.run(3.1).ordered("charger.unlock_inlet") == [{}]
    served = plugged(T_patience=60_000_000_000).child("cp_line.current", limit=16.0).run(1)
    served.values("charger", has_mains=True).emit("charger.mains_on").run(120)
    assert not served.ordered("charger.unlock_inlet")
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
    """As a driver who stops."""
    stage = drawing().post("shut_down")
    assert stage.ordered("charger.draw") == [{"current": 0.0}]
    stage.values("charger", current=0.0).run(0.1).run(2).emit("charger.inlet_unlocked").post("shut_down")
    assert stage.ordered("driver.unplug") == [{}]
    stage.child("cp_line.unplugged").post("shut_down")
    assert not stage.unhandled
    assert Stage(FILE).post("shut_down").run(2).active("driver.gone")
