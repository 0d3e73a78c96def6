"""Scenarios of machines/evse_ac.yaml: who may charge, what people read, stops, faults, the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

FILE = "machines/evse_ac.yaml"


def available(**parameters: Any) -> Stage:
    return Stage(FILE, {"meter.energy": 1000.0}, **{"medium": "none", **parameters})


def connected(**parameters: Any) -> Stage:
    return available(**parameters).forget().child("outlet.connected", rating=32.0)


def charging(**parameters: Any) -> Stage:
    return connected(**parameters).child("outlet.charging").values("meter", energy=3500.0)


def shown(stage: Stage) -> list[str]:
    return [str(args["text"]) for args in stage.ordered("display.show")]


def lights(stage: Stage) -> list[str]:
    return [str(args["state"]) for args in stage.ordered("light.show")]


def outlet(stage: Stage) -> list[str]:
    return [o.what.partition(".")[2] for o in stage.orders if o.what.startswith("outlet.")]


def result(stage: Stage) -> dict[str, Any]:
    (told,) = stage.told("session_ended")
    assert told["soc"] is None, "no AC protocol here tells it"
    return {name: value for name, value in told.items() if name != "soc"}


def test_from_the_plug_to_the_unplug() -> None:
    stage = charging()
    assert outlet(stage) == ["offer"]
    assert shown(stage) == ["Vehicle connected", "Charging"]
    assert lights(stage) == ["identify", "connected", "charging"]
    stage.child("outlet.not_charging", why="vehicle")
    assert (shown(stage)[-1], lights(stage)[-1]) == ("The vehicle does not want current now", "waiting")
    stage.child("outlet.charging").child("outlet.not_charging", why="vehicle").child("outlet.disconnected")
    assert result(stage) == {"end": "normal", "reason": "", "protocol": "pwm", "EVCCID": b"", "energy": 2500.0}
    assert stage.data("sessions") == 1
    assert not stage.active("vehicle.available")
    stage.child("outlet.free")
    assert (shown(stage)[-1], lights(stage)[-1]) == ("Available", "available")
    stage.child("outlet.connected", rating=32.0)
    assert stage.data("reason") == ""
    assert not stage.unhandled


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("no_current", "Paused by the station, there is too little current"),
        ("ventilation", "The vehicle needs ventilation, which there is not here"),
        ("delay", "Charging starts later"),
        ("phases", "Phases are being switched"),
    ],
)
def test_why_there_is_no_current(why: str, text: str) -> None:
    stage = connected().child("outlet.not_charging", why="vehicle").child("outlet.not_charging", why=why)
    assert shown(stage)[-1] == text
    assert stage.child("outlet.charging").active("vehicle.plugged.charging")
    stage.child("outlet.disconnected")
    assert result(stage)["end"] == "normal"
    never = connected().child("outlet.not_charging", why=why).child("outlet.disconnected")
    why_told = "ventilation needed, and there is none" if why == "ventilation" else text
    assert result(never) == {"end": "aborted", "reason": why_told, "protocol": "pwm", "EVCCID": b"", "energy": 0.0}
    assert never.data("sessions") == 0


def test_gone_before_anything() -> None:
    assert result(connected().child("outlet.disconnected"))["reason"] == "unplugged"


def test_a_card_of_the_list() -> None:
    """Before it, and with another one, nothing is offered (H12); shown again, it stops."""
    stage = connected(authorisation="list", tokens=["A1"]).emit("reader.authorised").emit("reader.token", id="B2")
    stage.emit("reader.refused", reason="").run(600)
    assert shown(stage) == ["Please identify yourself", "Card not accepted"]
    assert not outlet(stage)
    stage.emit("reader.token", id="A1")
    assert outlet(stage) == ["offer"]
    stage.emit("reader.token", id="B2")
    assert outlet(stage) == ["offer"]
    stage.emit("reader.token", id="A1")
    assert outlet(stage) == ["offer", "withhold"]
    assert not stage.unhandled


@pytest.mark.parametrize("stopped", [False, True])
def test_why_a_vehicle_was_given_nothing(stopped: bool) -> None:
    """The result names it; who was let charge after all, or the next vehicle, has another reason."""

    def ends(stage: Stage) -> str:
        if stopped:
            stage.emit("button.stop_pressed").child("outlet.is_off")
        return str(result(stage.child("outlet.disconnected"))["reason"])

    listed = {"authorisation": "list", "tokens": ["A1"]}
    otherwise = "stopped before anything was charged" if stopped else "unplugged"
    wrong = connected(**listed).emit("reader.token", id="B2")
    assert ends(wrong) == "card not accepted"
    wrong.child("outlet.free").forget().child("outlet.connected", rating=32.0)
    assert ends(wrong) == "nobody was authorised"
    assert ends(connected(**listed).emit("reader.token", id="B2").emit("reader.token", id="A1")) == otherwise
    assert ends(connected(authorisation="external").emit("reader.refused", reason="")) == "not authorised"
    short = connected().child("outlet.not_charging", why="no_current")
    too_little = "too little current" if stopped else "Paused by the station, there is too little current"
    assert ends(short) == too_little
    short.child("outlet.free").forget().child("outlet.connected", rating=32.0)
    assert ends(short) == otherwise, "another vehicle"
    needs = connected().child("outlet.not_charging", why="ventilation")
    assert ends(needs) == "ventilation needed, and there is none"
    assert ends(connected().child("outlet.not_charging", why="ventilation").child("outlet.charging")) == ""


def test_a_card_before_the_plug_counts_for_one_vehicle() -> None:
    stage = available(authorisation="list", tokens=["A1"]).emit("reader.token", id="A1").forget()
    stage.child("outlet.connected", rating=32.0)
    assert outlet(stage) == ["offer"]
    stage.child("outlet.disconnected").child("outlet.free").forget().child("outlet.connected", rating=32.0)
    assert not outlet(stage)
    early = available(authorisation="list", tokens=["A1"]).emit("reader.token", id="A1").emit("reader.token", id="A1")
    assert early.active("user.known")


@pytest.mark.parametrize("by", ["list", "external"])
def test_who_was_let_charge_plugs_in_within_a_time(by: str) -> None:
    """Nobody charges for a card that was shown long ago (ConnectionTimeOut); shown again, its time begins anew."""

    def lets(stage: Stage) -> Stage:
        return stage.emit("reader.token", id="A1") if by == "list" else stage.emit("reader.authorised")

    late = lets(available(authorisation=by, tokens=["A1"]).forget()).run(59.9)
    assert shown(late) == ["Please plug in within 1 min"]
    assert shown(late.run(0.2))[1:] == ["No vehicle was plugged in, please identify yourself again"]
    late.child("outlet.connected", rating=32.0)
    assert not outlet(late)
    assert outlet(lets(late)) == ["offer"]
    in_time = lets(available(authorisation=by, tokens=["A1"]).forget()).run(59.9).child("outlet.connected", rating=32.0)
    assert outlet(in_time.run(600)) == ["offer"]
    set_otherwise = lets(available(authorisation=by, tokens=["A1"], T_connection=5 * S).forget()).run(5.1)
    assert shown(set_otherwise) == [
        "Please plug in within 5 s",
        "No vehicle was plugged in, please identify yourself again",
    ]


def test_a_card_that_is_shown_again_before_the_plug() -> None:
    stage = available(authorisation="list", tokens=["A1", "A2"]).emit("reader.token", id="A1").run(50)
    stage.emit("reader.token", id="B2").emit("reader.token", id="A2").run(50)
    assert stage.ordered("reader.result") == [{"accepted": True}, {"accepted": True}]
    assert outlet(stage.child("outlet.connected", rating=32.0)) == ["offer"]


def test_a_card_that_is_shown_at_an_outlet_out_of_order() -> None:
    """What is wrong stays on the display, and the card lets nobody charge later."""
    stage = available(authorisation="list", tokens=["A1"]).post("out_of_service").forget()
    stage.emit("reader.token", id="A1").run(61)
    assert not shown(stage)
    stage.post("in_service").run(3.1).child("outlet.connected", rating=32.0)
    assert "offer" not in outlet(stage)


def test_a_back_end() -> None:
    stage = connected(authorisation="external").emit("reader.token", id="A1").emit("reader.refused", reason="")
    assert shown(stage) == ["Please identify yourself", "Not authorised"]
    assert not stage.ordered("session.reject_user")
    assert outlet(stage.emit("reader.authorised")) == ["offer"]
    assert stage.ordered("reader.result") == [{"accepted": False}, {"accepted": True}]
    ended = connected(authorisation="external", refused_user="ends_session").emit("reader.refused", reason="Blocked")
    assert (shown(ended)[1:], ended.ordered("session.reject_user")) == (["Blocked"], [{}])
    free = connected().emit("reader.refused", reason="")
    assert shown(free) == ["Vehicle connected"]


def test_a_stop() -> None:
    """The vehicle ends its current first; then the cable can be taken, and nothing is offered until the next plug."""
    stage = charging().forget().emit("button.stop_pressed").emit("button.stop_pressed")
    assert outlet(stage) == ["withhold"]
    stage.run(7.9)
    assert outlet(stage) == ["withhold"]
    stage.child("outlet.is_off")
    assert outlet(stage) == ["withhold", "release"]
    assert result(stage)["end"] == "normal"
    assert (shown(stage), lights(stage)) == (["Finished"], ["finished"])
    stage.emit("button.stop_pressed").run(600)
    assert outlet(stage) == ["withhold", "release"]
    stage.child("outlet.disconnected").child("outlet.free")
    assert len(stage.told("session_ended")) == 1
    slow = charging().emit("button.stop_pressed").run(8.1)
    assert slow.active("vehicle.plugged.finished")
    early = connected(authorisation="list").emit("button.stop_pressed").child("outlet.is_off")
    assert result(early)["reason"] == "nobody was authorised"
    assert not stage.unhandled


@pytest.mark.parametrize("what", ["outlet.vehicle_fault", "outlet.cable_bad"])
def test_no_power_for_this_vehicle(what: str) -> None:
    stage = (
        charging()
        .forget()
        .child(
            what,
            errorCode={"outlet.cable_bad": "ConnectorLockFailure", "outlet.vehicle_fault": "OverCurrentFailure"}[what],
            reason="no diode in the pilot circuit",
        )
    )
    assert result(stage) == {
        "end": "failed",
        "reason": "no diode in the pilot circuit",
        "protocol": "pwm",
        "EVCCID": b"",
        "energy": 2500.0,
    }
    assert (shown(stage), lights(stage)) == (["no diode in the pilot circuit"], ["fault"])
    stage.emit("button.stop_pressed").run(600)
    assert not outlet(stage)
    assert stage.child("outlet.connected", rating=20.0).active("vehicle.plugged.offering")
    gone = (
        charging()
        .child(
            what,
            errorCode={"outlet.cable_bad": "ConnectorLockFailure", "outlet.vehicle_fault": "OverCurrentFailure"}[what],
            reason="x",
        )
        .child("outlet.disconnected")
        .child("outlet.free")
    )
    assert gone.active("vehicle.available")
    assert not stage.unhandled


@pytest.mark.parametrize("where", ["available", "starting", "resetting"])
def test_a_cable_that_is_refused_before_it_counts_as_plugged(where: str) -> None:
    """Its end is told all the same, once; a cable that is good after all is charged over."""
    stage = available()
    if where == "starting":
        stage = Stage("machines/evse_ac.yaml", {"meter.energy": 1000.0})
    elif where == "resetting":
        stage.post("out_of_service").post("in_service")
    stage.forget().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="the plug does not lock")
    assert (shown(stage), lights(stage)) == (["the plug does not lock"], ["fault"])
    assert (result(stage)["end"], result(stage)["reason"]) == ("failed", "the plug does not lock")
    stage.child("outlet.disconnected").child("outlet.free")
    assert len(stage.told("session_ended")) == 1
    seen = available().values("pilot", high=12.0).post("report")
    seen.child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x").child("outlet.disconnected")
    assert [told["state"] for told in seen.told("outlet_state")] == ["free", "plugged", "ended", "free"]
    assert [told["info"] for told in seen.told("outlet_fault")] == ["x"]
    again = (
        available()
        .child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x")
        .child("outlet.connected", rating=20.0)
    )
    assert again.active("vehicle.plugged.offering")
    assert not stage.unhandled


def test_a_pilot_line_that_is_shorted_is_no_plug_in() -> None:
    stage = (
        available().forget().child("outlet.vehicle_fault", errorCode="OverCurrentFailure", reason="pilot line shorted")
    )
    assert shown(stage) == ["pilot line shorted"]
    assert not stage.told("session_ended")


def test_out_of_service_is_an_ordinary_stop() -> None:
    """The vehicle ends its current before the contactor opens; who was charged was charged."""
    stage = charging().forget().post("out_of_service").post("out_of_service")
    assert (outlet(stage), stage.active("vehicle.plugged.stopping")) == (["withhold"], True)
    stage.child("outlet.is_off")
    assert outlet(stage) == ["withhold", "close_down"], "the cable stays"
    assert (result(stage)["end"], result(stage)["reason"]) == ("normal", "")
    assert (shown(stage)[-1], lights(stage)[-1]) == ("Out of service", "out_of_service")
    assert stage.post("in_service").run(3.1).active("vehicle.available")
    assert not stage.unhandled
    regretted = charging().post("out_of_service").post("in_service").child("outlet.is_off")
    assert regretted.active("vehicle.plugged.finished")
    gone = charging().post("out_of_service").child("outlet.disconnected").child("outlet.free")
    assert gone.active("vehicle.faulted")
    for where in (
        charging().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x"),
        charging().emit("button.stop_pressed").child("outlet.is_off"),
        available(),
    ):
        assert where.post("out_of_service").active("vehicle.faulted")
        assert shown(where)[-1] == "Out of service"
        assert not where.unhandled
    worse = (
        charging()
        .post("out_of_service")
        .child("outlet.fault", errorCode="PowerSwitchFailure", reason="residual current, dc")
    )
    assert outlet(worse)[-1] == "close_down"
    assert worse.emit("button.reset_pressed").run(3.1).active("vehicle.available")


def test_out_of_service_is_kept_over_a_pilot_that_mends() -> None:
    stage = charging().post("out_of_service").emit("pilot.lost", reason="unplugged").emit("pilot.found")
    assert stage.run(3.1).active("vehicle.faulted")
    again = charging().post("out_of_service").emit("pilot.lost", reason="unplugged").emit("pilot.found")
    again.child("outlet.connected", rating=32.0)
    assert (again.active("vehicle.faulted"), shown(again)[-1]) == (True, "Out of service")


@pytest.mark.parametrize("what", ["fault", "emergency", "service"])
def test_out_of_order(what: str) -> None:
    """Off and F, until somebody has looked and the button is out."""
    stage = (available() if what == "service" else charging()).forget()
    if what == "fault":
        stage.child("outlet.fault", errorCode="PowerSwitchFailure", reason="residual current, dc")
    elif what == "emergency":
        stage.emit("button.emergency_stop")
    else:
        stage.post("out_of_service")
    assert set(outlet(stage)) == {"close_down"}
    why = {"fault": "residual current, dc", "emergency": "emergency button", "service": "out of service"}[what]
    assert what == "service" or result(stage)["reason"] == why
    assert shown(stage) == ["Out of service" if what == "service" else f"Out of order: {why}"]
    assert lights(stage) == ["out_of_service" if what == "service" else "fault"]
    stage.child("outlet.disconnected")
    if what == "emergency":
        stage.emit("button.reset_pressed")
        assert "reset" not in outlet(stage)
        stage.emit("button.emergency_released")
    stage.emit("button.reset_pressed") if what != "service" else stage.post("in_service")
    assert outlet(stage)[-1] == "reset"
    assert stage.run(3.1).active("vehicle.available")
    assert not stage.unhandled


def test_a_pilot_that_is_lost_mends_by_itself() -> None:
    """Off and F until its board is back, and nobody has to press a button; but one for what else is out of order."""
    stage = charging().forget().emit("pilot.lost", reason="the pilot board is silent")
    assert (set(outlet(stage)), result(stage)["reason"]) == ({"close_down"}, "the pilot board is silent")
    stage.emit("pilot.lost", reason="unplugged").forget().emit("pilot.found")
    assert outlet(stage) == ["reset"]
    assert stage.run(3.1).active("vehicle.available")
    pressed = charging().emit("pilot.lost", reason="").emit("button.emergency_stop").emit("pilot.found")
    assert pressed.emit("button.emergency_released").emit("pilot.found").active("vehicle.faulted")
    faulty = (
        charging()
        .child("outlet.fault", errorCode="PowerSwitchFailure", reason="residual current, dc")
        .emit("pilot.lost", reason="unplugged")
    )
    assert faulty.emit("pilot.found").active("vehicle.faulted")
    both = (
        charging()
        .emit("pilot.lost", reason="")
        .child("outlet.fault", errorCode="PowerSwitchFailure", reason="the contactor does not open")
    )
    assert both.emit("pilot.found").active("vehicle.faulted")
    assert not stage.unhandled


def test_a_vehicle_that_is_still_there_after_a_reset() -> None:
    """The outlet says again that it is connected."""
    stage = charging().emit("button.emergency_stop").emit("button.emergency_released").emit("button.reset_pressed")
    stage.run(3.1).forget().child("outlet.connected", rating=32.0)
    assert outlet(stage) == ["offer"]


@pytest.mark.parametrize(("most", "said", "ordered"), [(3, 1, 1), (3, 2, 1), (3, 3, 3), (3, None, 3), (1, 3, 1)])
def test_phases_that_a_back_end_lets_it_use(most: int, said: int | None, ordered: int) -> None:
    """Three or one; all that the switch connects when nobody says fewer."""
    stage = charging(most_phases=most).forget().post("limit_phases", count=said)
    assert stage.ordered("outlet.phases") == [{"count": ordered}]


def test_without_a_switch_no_phases_are_asked_for() -> None:
    """A switch that never follows would be a fault of the outlet."""
    stage = charging().forget().post("limit_phases", count=1)
    assert (stage.ordered("outlet.phases"), stage.unhandled) == ([], [])


def test_what_a_site_says() -> None:
    stage = charging().forget().post("limit", current=8.5).post("phases", count=1).post("start_now")
    assert stage.ordered("outlet.limit") == [{"current": 8.5}]
    assert stage.ordered("outlet.phases") == [{"count": 1}]
    assert stage.ordered("outlet.start_now") == [{}]
    assert stage.child("outlet.phases_now", count=1).told("phases_now") == [{"count": 1}]


@pytest.mark.parametrize("where", ["free", "charging", "finished", "refused", "faulted"])
def test_the_end_of_the_program(where: str) -> None:
    """A vehicle is stopped in order first."""
    if where == "free":
        stage = available()
    elif where == "finished":
        stage = charging().emit("button.stop_pressed").child("outlet.is_off")
    elif where == "refused":
        stage = charging().child("outlet.cable_bad", errorCode="ConnectorLockFailure", reason="x")
    elif where == "faulted":
        stage = charging().emit("button.emergency_stop")
    else:
        stage = charging()
    stage.forget().post("shut_down")
    if where == "charging":
        assert outlet(stage) == ["withhold"]
        stage.child("outlet.is_off")
    assert outlet(stage)[-1] == "close_down"
    assert (shown(stage)[-1], lights(stage)[-1]) == ("Shut down", "out_of_service")
    assert not stage.told("shut")
    assert stage.run(3.1).told("shut") == [{}]
    assert not stage.unhandled
