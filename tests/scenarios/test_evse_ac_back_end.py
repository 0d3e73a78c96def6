"""Scenarios of what a back end and a site hear of an AC outlet (machines/evse_ac.yaml), and order of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage
from tests.scenarios.test_evse_ac_session import EVCCID, charging, in_session, inviting, shown, to


def available(**parameters: Any) -> Stage:
    """By the pilot alone, three phases; a back end listens."""
    given = {"medium": "none", "authorisation": "external", **parameters}
    stage = Stage(
        "machines/evse_ac.yaml", {"pilot.high": 12.0, "meter.energy": 1000.0, "phase_switch.count": 3}, **given
    )
    return stage.post("report")


def plugged(**parameters: Any) -> Stage:
    return available(**parameters).child("outlet.offers", current=16.0).child("outlet.connected", rating=16.0)


def offered(**parameters: Any) -> Stage:
    return plugged(**parameters).post("authorise")


def energy(**parameters: Any) -> Stage:
    """By the nominal duty."""
    stage = offered(**parameters).child("outlet.charging")
    stage.values("meter", energy=3500.0, current_L1=16.0, power=11e3).values("contactor", is_closed=True)
    assert stage.active("vehicle.plugged.charging")
    return stage.forget()


def states(stage: Stage) -> list[str]:
    return [one["state"] for one in stage.told("outlet_state")]


def limits(stage: Stage) -> list[float]:
    return [round(one["current"], 3) for one in stage.ordered("outlet.limit")]


def powers(stage: Stage) -> list[float]:
    return [one["power"] for one in stage.told("needs")]


# ---------------------------------------------------------------- what is here


def test_nobody_is_told_before_somebody_asks() -> None:
    stage = Stage("machines/evse_ac.yaml", medium="none").child("outlet.connected", rating=16.0)
    assert states(stage) == []
    assert states(stage.post("report")) == ["plugged"]
    assert states(stage.post("report")) == ["plugged"] * 2


def test_nothing_is_told_of_the_plug_before_it_was_measured() -> None:
    """After a power loss: a free outlet ends the transaction that was cut; one whose plug is being locked is none."""
    stage = Stage("machines/evse_ac.yaml", medium="none").post("report").run(1).values("pilot", high=10.4).run(1)
    assert states(stage) == []
    assert states(stage.values("pilot", high=10.5).run(0.2)) == ["free"]
    assert states(stage.post("report")) == ["free", "free"], "at once, when it is known"
    locking = Stage("machines/evse_ac.yaml", medium="none").post("report").child("outlet.connected", rating=16.0)
    assert states(locking)[:1] == ["plugged"]


def test_a_plug_that_is_kept_is_told_again() -> None:
    stage = energy().post("keep_plug", keep=True).child("outlet.plug_kept").child("outlet.disconnected")
    assert states(stage)[-1] == "detached"
    assert states(stage.forget().post("report")) == ["detached"]


def test_from_plug_to_plug() -> None:
    stage = plugged()
    assert states(stage) == ["free", "plugged", "wanting"]
    assert not stage.ordered("outlet.offer")
    stage.emit("reader.token", id="CARD")
    assert stage.told("card_shown") == [{"id": "CARD"}]
    stage.post("refuse", reason="Blocked")
    assert shown(stage)[-1] == "Blocked"
    assert not stage.ordered("outlet.offer")
    stage.post("authorise").post("authorise").post("refuse", reason="somebody else charges")
    assert stage.ordered("outlet.offer") == [{}]
    stage.child("outlet.charging").emit("button.stop_pressed").child("outlet.is_off")
    assert stage.told("stop_asked") == [{}]
    stage.child("outlet.disconnected")
    assert states(stage) == ["free", "plugged", "wanting", "plugged", "charging", "plugged", "ended", "free"]
    assert stage.unhandled == []


@pytest.mark.parametrize("why", ["", "vehicle", "no_current"])
def test_unplugged(why: str) -> None:
    """Nothing else is told in between: the transaction ends as one whose vehicle went."""
    stage = energy()
    if why:
        stage.child("outlet.not_charging", why=why).forget()
    assert states(stage.child("outlet.disconnected")) == ["free"]


def test_a_card_of_its_own_list_is_its_own_business() -> None:
    assert not plugged(authorisation="list").emit("reader.token", id="X").told("card_shown")


@pytest.mark.parametrize(
    ("why", "state"),
    [
        ("vehicle", "suspended_ev"),
        ("no_current", "suspended_evse"),
        ("ventilation", "suspended_evse"),
        ("delay", "suspended_evse"),
        ("phases", "suspended_evse"),
    ],
)
def test_who_suspends(why: str, state: str) -> None:
    """B2: the vehicle. x1: the station, whatever the vehicle would do."""
    stage = energy().child("outlet.not_charging", why=why)
    assert states(stage) == [state]
    stage.child("outlet.charging")
    assert states(stage) == [state, "charging"]
    assert states(offered().forget().child("outlet.not_charging", why=why)) == [state], "before any energy, too"


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ("vehicle", "no_current", ["suspended_ev", "suspended_evse"]),
        ("no_current", "vehicle", ["suspended_evse", "suspended_ev"]),
    ],
)
def test_one_suspends_after_the_other(first: str, then: str, told: list[str]) -> None:
    assert states(energy().child("outlet.not_charging", why=first).child("outlet.not_charging", why=then)) == told


@pytest.mark.parametrize("first", ["vehicle", "no_current"])
def test_suspended_and_stopped(first: str) -> None:
    stage = energy().child("outlet.not_charging", why=first).post("end_session").child("outlet.is_off")
    assert states(stage)[1:] == ["plugged", "ended"]


def test_a_vehicle_that_takes_none_in_state_c() -> None:
    """It begins with 0 A, too; one that stays there has suspended it, and goes on when it draws again."""
    stage = energy().values("meter", current_L1=0.2).run(3).values("meter", current_L1=9.0).run(8)
    assert states(stage) == []
    stage.values("meter", current_L1=0.2).run(10)
    assert states(stage) == ["suspended_ev"]
    stage.values("meter", current_L3=6.0).run(0.2)
    assert states(stage) == ["suspended_ev", "charging"]


def test_a_session_by_messages() -> None:
    """The vehicle is told; waiting for somebody; energy; less than 6 A is the station's pause."""
    stage = inviting(authorisation="external").post("report").forget()
    stage = in_session(stage)
    stage = in_session(inviting(authorisation="external").post("report"))
    stage.child("session.authorisation_wanted")
    assert states(stage) == ["wanting"]
    stage.post("authorise").child("session.power_on").child("outlet.power_ready")
    assert states(stage) == ["wanting", "plugged", "charging"]
    stage.child("outlet.offers", current=5.0)
    assert states(stage)[-1] == "suspended_evse"
    stage.child("outlet.offers", current=6.0)
    assert states(stage)[-1] == "charging"
    stage.child("session.power_off").child("session.session_ended", end="normal").child("outlet.is_off")
    assert states(stage)[-2:] == ["plugged", "ended"]


def test_a_session_that_is_paused() -> None:
    stage = charging().post("report").child("session.power_off").child("session.session_ended", end="paused")
    assert states(stage)[-1] == "suspended_ev"


def test_the_vehicle_is_told() -> None:
    stage = inviting().post("report").child("slac.dlink_ready", pev_mac=b"\x07" * 6)
    stage.child("session.session_started", EVCCID=EVCCID, protocol="iso2")
    assert stage.told("vehicle_known") == [{"EVCCID": EVCCID, "mac": b"\x07" * 6, "protocol": "iso2"}]


# ---------------------------------------------------------------- orders


def test_a_stop_leaves_the_plug_locked() -> None:
    """Until it is taken from the vehicle, or ordered to be released; a stop by the user releases it."""
    stage = energy().post("end_session").child("outlet.is_off").post("end_session")
    assert to(stage, "outlet") == ["withhold"]
    assert stage.active("vehicle.plugged.finished")
    stage = energy().emit("button.stop_pressed").child("outlet.is_off")
    assert to(stage, "outlet") == ["withhold", "release"]


@pytest.mark.parametrize(("order", "released"), [("end_session", False), ("button.stop_pressed", True)])
def test_a_stop_in_a_session(order: str, released: bool) -> None:
    """The vehicle is asked, and ends it."""
    stage = charging()
    stage = stage.post(order) if order == "end_session" else stage.emit(order)
    assert to(stage, "session") == ["stop"]
    stage.child("session.power_off").child("session.session_ended", end="normal").child("outlet.is_off")
    assert ("release" in to(stage, "outlet")) is released
    assert stage.unhandled == []


def test_a_stop_where_nobody_is() -> None:
    assert available().post("end_session").post("authorise").post("refuse", reason="x").unhandled == []


def test_release_on_order() -> None:
    stage = available().post("unlock")
    assert stage.ordered("outlet.unlock") == [{}]
    assert stage.child("outlet.unlocked", status="NotSupported").told("unlocked") == [{"status": "NotSupported"}]


def test_a_plug_is_released_when_nothing_is_offered_any_more() -> None:
    """A vehicle that is invited at 5 %, or waits for a card; who charges is another matter."""
    for stage in (inviting(authorisation="external"), in_session(inviting(authorisation="external")), plugged()):
        stage.forget().post("unlock").post("unlock")
        assert not stage.ordered("outlet.unlock")
        if stage.active("vehicle.plugged.session"):
            assert to(stage, "session")[-1] == "abort"
            stage.child("session.session_ended", end="aborted")
        stage.child("outlet.is_off")
        assert stage.ordered("outlet.unlock") == [{}]
    assert energy().post("unlock").ordered("outlet.unlock") == [{}]
    stage = plugged().forget().post("unlock").run(8).forget().post("unlock")
    assert stage.ordered("outlet.unlock") == [{}], "it has not gone off, and is asked all the same"


def test_a_plug_is_released_when_a_session_that_the_vehicle_ended_is_over() -> None:
    stage = charging().child("session.power_off").child("session.session_ended", end="normal").forget()
    assert stage.active("vehicle.plugged.leaving")
    assert not stage.post("unlock").ordered("outlet.unlock")
    assert stage.child("outlet.is_off").ordered("outlet.unlock") == [{}]


@pytest.mark.parametrize("how", ["nominal duty", "session"])
def test_a_plug_is_released_when_what_was_stopped_has_ended(how: str) -> None:
    """OCPP 1.6 5.18: the transaction is stopped first, and current flows still."""
    stage = energy() if how == "nominal duty" else charging()
    stage.post("end_session").forget().post("unlock").post("unlock")
    if how == "session":
        assert to(stage, "session") == [], "it was asked to stop, and comes to its end"
        stage.child("session.power_off").child("session.session_ended", end="normal")
    assert not stage.ordered("outlet.unlock")
    stage.child("outlet.is_off")
    assert stage.ordered("outlet.unlock") == [{}]


def test_a_vehicle_that_does_not_end_keeps_the_plug_for_as_long_as_it_takes_to_cut_it() -> None:
    stage = charging().post("end_session").forget().post("unlock")
    assert not stage.run(27.9).ordered("outlet.unlock")
    assert stage.run(0.2).ordered("outlet.unlock") == [{}]


def test_a_cable_that_is_attached() -> None:
    """The site knows it beforehand; what is going on goes on."""
    stage = plugged().child("outlet.without_lock")
    assert stage.told("without_lock") == [{}]
    assert stage.forget().post("unlock").told("unlocked") == [{"status": "NotSupported"}]
    assert not stage.ordered("outlet.unlock")
    assert to(stage, "outlet") == []


def test_what_it_measures() -> None:
    stage = available().values("meter", energy=1500.0, power=11e3, voltage_L1=229.0, voltage_L2=230.0, voltage_L3=231.0)
    stage.values("meter", current_L1=15.0, current_L2=16.0, current_L3=15.5).post("read")
    assert stage.told("readings") == [
        {
            "energy": 1500.0,
            "power": 11e3,
            "voltage": 231.0,
            "current": 16.0,
            "offered_power": 0.0,
            "offered_current": 0.0,
            "soc": None,
            "phase_voltages": [229.0, 230.0, 231.0],
            "phase_currents": [15.0, 16.0, 15.5],
        }
    ]
    stage = offered().values("phase_switch", count=1).values("meter", voltage_L1=230.0, current_L1=9.0).post("read")
    read = stage.told("readings")[0]
    assert (read["offered_current"], read["offered_power"]) == (16.0, 3680.0)
    assert (read["phase_voltages"], read["phase_currents"]) == ([230.0], [9.0])


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("residual current, dc", "GroundFailure"),
        ("the contactor does not open", "PowerSwitchFailure"),
        ("the phase switch does not follow", "PowerSwitchFailure"),
        ("the meter does not report", "PowerMeterFailure"),
        ("something else", "InternalError"),
    ],
)
def test_an_outlet_out_of_order(reason: str, code: str) -> None:
    stage = energy().child("outlet.fault", errorCode=code, reason=reason)
    assert stage.told("outlet_fault") == [{"errorCode": code, "info": reason, "emergency": False}]
    assert stage.told("outlet_mended") == []
    assert states(stage) == ["plugged"], "the vehicle is still there"
    stage.emit("button.reset_pressed")
    assert stage.told("outlet_mended") == []
    assert stage.child("outlet.connected", rating=16.0).told("outlet_mended") == [{}]


def test_a_vehicle_that_left_a_faulty_outlet() -> None:
    """In F nobody sees it go; that it has gone is told before the outlet is said to be in order."""
    stage = (
        energy()
        .child("outlet.fault", errorCode="PowerSwitchFailure", reason="residual current")
        .emit("button.reset_pressed")
    )
    stage.child("outlet.disconnected")
    assert (states(stage)[-1], stage.told("outlet_mended")) == ("free", [])
    assert stage.run(3).told("outlet_mended") == [{}]


@pytest.mark.parametrize("here", [True, False])
def test_in_service_again_it_tells_what_is_here(here: bool) -> None:
    """Even what it told before, and not before it was seen."""
    stage = available().post("out_of_service").values("pilot", high=-12.0).forget().post("in_service").run(0.1)
    stage.values("pilot", high=9.0 if here else 12.0).run(0.3)
    assert states(stage) == []
    stage = stage.child("outlet.connected", rating=16.0) if here else stage.run(3)
    assert states(stage) == (["plugged", "wanting"] if here else ["free"])


def test_out_of_service_nobody_is_said_to_have_gone() -> None:
    stage = available().post("out_of_service").forget().post("report").run(60)
    assert states(stage) == []


def test_a_vehicle_that_left_an_outlet_out_of_service() -> None:
    stage = plugged().post("out_of_service").run(10).values("pilot", high=-12.0).forget().post("in_service")
    assert states(stage) == []
    stage.child("outlet.disconnected").values("pilot", high=12.0).run(4)
    assert states(stage) == ["free"]


@pytest.mark.parametrize(
    ("event", "reason", "code"),
    [
        ("cable_bad", "the plug does not lock", "ConnectorLockFailure"),
        ("cable_bad", "the proximity contact has changed", "OtherError"),
        ("vehicle_fault", "the vehicle draws more than it is offered", "OverCurrentFailure"),
        ("vehicle_fault", "pilot line shorted", "EVCommunicationError"),
    ],
)
def test_no_power_for_this_vehicle(event: str, reason: str, code: str) -> None:
    """Until it is unplugged."""
    stage = plugged().forget().child(f"outlet.{event}", reason=reason, errorCode=code)
    assert stage.told("outlet_fault") == [{"errorCode": code, "info": reason, "emergency": False}]
    assert states(stage)[-1] == "ended"
    assert stage.told("outlet_mended") == []
    stage.child("outlet.disconnected")
    assert (stage.told("outlet_mended"), states(stage)[-1]) == ([{}], "free")


def test_a_plug_that_is_kept() -> None:
    """It is told as such until it is released, and whoever stands there what to do."""
    stage = plugged().forget().post("keep_plug", keep=True)
    assert stage.ordered("outlet.keep_plug") == [{"keep": True}]
    stage.child("outlet.plug_kept").child("outlet.disconnected")
    assert states(stage) == ["detached"]
    assert {"text": "Show your card to take the cable"} in stage.ordered("display.show")
    assert states(stage.child("outlet.free")) == ["detached", "free"]
    stage.child("outlet.plug_kept").child("outlet.connected", rating=16.0)
    assert states(stage)[-1] != "detached"
    assert states(stage.child("outlet.plug_kept").child("outlet.disconnected"))[-1] == "detached"
    assert states(stage.child("outlet.connected", rating=16.0))[-1] == "plugged", "his vehicle, once more"


@pytest.mark.parametrize("gone", [True, False])
def test_a_plug_that_does_not_lock(gone: bool) -> None:
    """It never was plugged in; the fault ends with it, or when it has locked after all."""
    stage = available().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="the plug does not lock")
    assert [one["errorCode"] for one in stage.told("outlet_fault")] == ["ConnectorLockFailure"]
    stage = stage.child("outlet.disconnected") if gone else stage.child("outlet.connected", rating=32.0)
    assert stage.told("outlet_mended") == [{}]
    assert not stage.ordered("outlet.offer")


def stuck(stage: Stage) -> Stage:
    return stage.child("outlet.plug_stuck")


@pytest.mark.parametrize("gone", ["available", "unplugged", "starting"])
def test_a_bolt_that_is_stuck(gone: str) -> None:
    """Nobody can plug in, and the central system is told; the outlet is good again when the bolt is drawn back."""
    stage = available() if gone == "available" else energy().child("outlet.disconnected")
    if gone == "starting":
        stage = Stage("machines/evse_ac.yaml", {"pilot.high": 12.0}).post("report")
    stuck(stage)
    assert stage.active("vehicle.stuck")
    fault = {"errorCode": "ConnectorLockFailure", "info": "the plug does not unlock", "emergency": False}
    assert stage.told("outlet_fault") == [fault]
    assert shown(stage)[-1] == "the plug does not unlock"
    stage.run(60)
    assert stage.told("outlet_mended") == []
    stage.child("outlet.free")
    assert stage.told("outlet_mended") == [{}]
    assert stage.data("trouble") == ""
    if gone != "starting":
        assert stage.active("vehicle.available")
    assert not stage.unhandled


def test_a_bolt_that_is_stuck_in_an_outlet_out_of_order() -> None:
    """After its reset it is told of the bolt, and not that it is good."""
    stage = stuck(stuck(available()).emit("button.emergency_stop"))
    assert stage.active("vehicle.faulted")
    stage.emit("button.emergency_released").emit("button.reset_pressed")
    stuck(stage.run(0.1))
    assert [one["info"] for one in stage.told("outlet_fault")] == [
        "the plug does not unlock",
        "emergency button",
        "the plug does not unlock",
    ]
    assert stage.told("outlet_mended") == []
    assert stage.child("outlet.free").told("outlet_mended") == [{}]
    assert not stage.unhandled


def test_a_program_that_ends_with_a_bolt_that_is_stuck() -> None:
    stage = stuck(stuck(available()).post("shut_down")).run(3)
    assert stuck(stage).told("shut") == [{}]
    assert not stage.unhandled


def test_one_trouble_after_the_other() -> None:
    """The newest is told; a vehicle's trouble is none of an outlet that is out of order."""
    stage = (
        plugged()
        .child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="the plug does not lock")
        .emit("button.emergency_stop")
    )
    stage.child("outlet.vehicle_fault", errorCode="OverCurrentFailure", reason="no diode in the pilot circuit").child(
        "outlet.disconnected"
    )
    assert [one["info"] for one in stage.told("outlet_fault")] == ["the plug does not lock", "emergency button"]
    assert stage.told("outlet_mended") == []


def test_the_emergency_button() -> None:
    stage = available().emit("button.emergency_stop")
    assert stage.told("outlet_fault") == [{"errorCode": "OtherError", "info": "emergency button", "emergency": True}]


def test_out_of_service_is_no_fault() -> None:
    stage = available().post("out_of_service")
    assert stage.active("vehicle.faulted")
    assert stage.told("outlet_fault") == []
    assert stage.post("in_service").active("vehicle.resetting")


def test_a_fault_is_not_over_when_the_outlet_is_ordered_out_of_service() -> None:
    """A contactor that does not open does not open."""
    stage = available().child("outlet.fault", reason="the contactor does not open", errorCode="PowerSwitchFailure")
    assert stage.post("out_of_service").run(60).told("outlet_mended") == []
    assert stage.data("trouble") == "the contactor does not open"
    lost = available().emit("pilot.lost", reason="no board").post("out_of_service").emit("pilot.found").run(4)
    assert lost.told("outlet_mended") == [{}]
    assert (lost.active("vehicle.faulted"), lost.data("reason")) == (True, "Out of service")


def test_a_fault_after_out_of_service_is_one() -> None:
    assert (
        available()
        .post("out_of_service")
        .child("outlet.fault", errorCode="PowerSwitchFailure", reason="x")
        .told("outlet_fault")
    )


# ---------------------------------------------------------------- the site's share


def test_what_it_needs() -> None:
    """By the phases that are connected, as soon as somebody may charge; nothing when it is over."""
    stage = plugged()
    assert powers(stage) == []
    stage.post("authorise")
    assert powers(stage) == [11_040.0]
    stage.post("limit", current=10.0).values("phase_switch", count=1).post("grant", power=9e3, order=1)
    stage.child("outlet.phases_now", count=1).child("outlet.connected", rating=13.0)
    assert powers(stage) == [11_040.0, 6_900.0, 2_300.0, 2_300.0]
    stage.post("end_session")
    assert powers(stage)[-1] == 0
    assert stage.unhandled == []


@pytest.mark.parametrize("end", ["finished", "unplugged", "refused"])
def test_it_needs_nothing_any_more(end: str) -> None:
    stage = energy()
    if end == "finished":
        stage.emit("button.stop_pressed").child("outlet.is_off")
    elif end == "unplugged":
        stage.child("outlet.disconnected")
    else:
        stage.child("outlet.vehicle_fault", errorCode="OverCurrentFailure", reason="x")
    assert powers(stage) == [0.0]


@pytest.mark.parametrize(
    ("count", "power", "limit"),
    [(3, 6_900.0, 10.0), (1, 2_300.0, 10.0), (3, 0.0, 0.0), (3, 99e3, 16.0), (0, 3_680.0, 16.0)],
)
def test_the_share_is_one_in_amperes_for_each_phase(count: int, power: float, limit: float) -> None:
    """The less of it and of what was said of each phase."""
    stage = offered().forget().values("phase_switch", count=count).post("limit", current=16.0)
    assert limits(stage) == [16.0]
    stage.post("grant", power=power, order=1)
    assert limits(stage)[-1] == limit


def test_the_share_follows_the_phases() -> None:
    stage = offered().forget().post("grant", power=6_900.0, order=1).values("phase_switch", count=1)
    stage.child("outlet.phases_now", count=1)
    assert limits(stage) == [10.0, 30.0]


def test_its_share_says_when_it_keeps_to_it() -> None:
    stage = offered().post("grant", power=5e3, order=2)
    assert stage.order("share.grant") == {"power": 5e3, "order": 2}
    assert stage.told("kept") == []
    assert stage.child("share.kept", order=2).told("kept") == [{"order": 2}]


# ---------------------------------------------------------------- again, without unplugging


def over(**parameters: Any) -> Stage:
    stage = energy(**parameters).post("end_session").child("outlet.is_off")
    assert stage.active("vehicle.plugged.finished")
    return stage.forget()


def test_who_is_known_charges_again_without_unplugging() -> None:
    stage = over().values("lock", is_locked=True).post("invite_again")
    assert states(stage) == ["plugged", "wanting"]
    assert not stage.ordered("outlet.reset", "outlet.offer")
    stage.post("authorise")
    assert stage.ordered("outlet.offer") == [{}]


def test_a_plug_that_was_released_is_locked_again_first() -> None:
    stage = over().post("invite_again")
    assert (states(stage), stage.ordered("outlet.reset")) == ([], [{}])
    assert states(stage.child("outlet.connected", rating=16.0)) == ["plugged", "wanting"]


@pytest.mark.parametrize("locked", [True, False])
def test_and_who_shows_a_token_of_the_list(locked: bool) -> None:
    stage = over_by_token().values("lock", is_locked=locked).emit("reader.token", id="X")
    assert not stage.ordered("outlet.reset", "outlet.offer")
    stage.emit("reader.token", id="T")
    if not locked:
        assert stage.ordered("outlet.reset") == [{}]
        stage.child("outlet.connected", rating=16.0)
    assert stage.ordered("outlet.offer") == [{}]


def over_by_token() -> Stage:
    stage = plugged(authorisation="list", tokens=["T"]).emit("reader.token", id="T").child("outlet.charging")
    stage.emit("reader.token", id="T").child("outlet.is_off")
    assert stage.active("vehicle.plugged.finished")
    return stage.forget()


def test_nobody_is_asked_again_elsewhere() -> None:
    for stage in (
        available(),
        energy(),
        plugged().child("outlet.vehicle_fault", errorCode="OverCurrentFailure", reason="it broke"),
    ):
        before = stage.states
        assert stage.post("invite_again").states == before
        assert stage.unhandled == []
