"""Scenarios of machines/charger_bms.yaml: plug, three conditions, charge and end of the light-vehicle charger."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/charger_bms.yaml"


def terminals(stage: Stage, voltage: float = 72.0, current: float = 0.0) -> Stage:
    return stage.child("output.terminals", voltage=voltage, current=current)


def demand(stage: Stage, voltage: float = 84.0, current: float = 60.0) -> Stage:
    return stage.child("battery.demand", voltage=voltage, current=current)


def available(**parameters: Any) -> Stage:
    return Stage(FILE, **parameters).child("output.healthy").forget()


def plugged(**parameters: Any) -> Stage:
    stage = available(**parameters)
    return terminals(demand(stage))


def charging(**parameters: Any) -> Stage:
    stage = plugged(**parameters).child("output.ready")
    assert stage.active("outlet.plugged.charging")
    return stage.forget()


def shown(stage: Stage) -> list[str]:
    return [str(args["text"]) for args in stage.ordered("display.show")]


def results(stage: Stage) -> list[tuple[str, str, float]]:
    return [(data["end"], data["reason"], round(data["energy"], 2)) for data in stage.told("session_ended")]


def goes_down(stage: Stage) -> bool:
    return stage.active("outlet.plugged.stopping") and stage.ordered("output.stop") != []


# ---------------------------------------------------------------- start and plug


def test_free_as_soon_as_the_power_stage_speaks() -> None:
    stage = Stage(FILE)
    assert (shown(stage), stage.children()) == (["Starting"], ["battery", "desk", "output"])
    stage.child("output.healthy")
    assert shown(stage) == ["Starting", "Available"]
    stage.child("output.unwell", reason="too few")
    assert shown(stage)[-1] == "Starting"
    stage.child("output.is_off").child("output.ready").child("output.refused", reason="x").child("output.no_current")
    stage.child("output.tripped", reason="x").post("in_service").emit("button.reset_pressed")
    stage.post("start").post("stop", reason="x").emit("button.stop_pressed").post("deauthorise")
    assert (stage.active("outlet.starting"), stage.unhandled) == (True, [])


def test_a_plug_is_a_voltage_and_frames_together() -> None:
    """Charged capacitors are no battery, nor is one elsewhere on the bus."""
    stage = terminals(available(), 72.0)
    assert (stage.active("plug.out"), shown(stage)) == (True, ["Connector is live"])
    assert stage.order("battery.measured") == {"voltage": 72.0, "current": 0.0}
    demand(stage)
    assert stage.active("plug.in")
    assert stage.told("plugged_in") == [{}]
    for voltage, is_in in ((39.9, False), (40.0, True), (90.0, True), (90.1, False)):
        assert terminals(demand(available()), voltage).active("plug.in") is is_in
    stage = demand(terminals(available(), 40.0))
    assert stage.active("outlet.plugged")
    standing = terminals(available().child("battery.standby", reason="the battery forbids charging"))
    assert standing.active("plug.in"), "a battery that forbids is there, too"


def test_a_battery_the_wrong_way_round() -> None:
    stage = terminals(demand(available()), -5.0)
    assert stage.active("plug.out")
    terminals(stage, -72.04)
    assert shown(stage) == ["Out of order: the battery is the wrong way round: -72.0 V"]
    assert stage.active("outlet.reversed")
    (told,) = stage.run(1).ordered("desk.values")[-1:]
    assert (told["state"], told["reason"]) == ("out of order", "the battery is the wrong way round: -72.0 V")
    demand(stage)
    assert shown(stage)[-1].startswith("Out of order: the battery is the wrong way round")
    assert stage.order("battery.condition") == {"flags": ["battery_missing"]}
    assert not stage.ordered("output.start")
    terminals(stage, -5.0)
    assert (stage.active("plug.out"), stage.order("battery.condition")) == (True, {"flags": []})
    assert shown(stage)[-1] == "Available"
    assert terminals(stage, -6.0).child("battery.silent", reason="x").active("plug.out")
    assert shown(stage)[-2:] == ["Out of order: the battery is the wrong way round: -6.0 V", "Available"]


def test_a_battery_that_is_the_wrong_way_round_already_when_the_charger_starts() -> None:
    """The power stage speaks later: nobody reads "Available"."""
    stage = terminals(demand(Stage(FILE)), -72.0).child("output.healthy")
    assert shown(stage)[-1] == "Out of order: the battery is the wrong way round: -72.0 V"
    assert terminals(terminals(demand(available()), -72.0).child("output.unwell", reason="x"), 0.0).active(
        "outlet.starting"
    )
    residual = terminals(available(), 72.0)
    assert terminals(demand(terminals(residual, -72.0)), -72.0).active("outlet.reversed")


def test_terminals_that_stay_charged() -> None:
    """The battery has gone, its voltage has not: no plug, people are told, and the next battery is taken."""
    stage = charging().child("battery.silent", reason="no frame").child("output.is_off")
    terminals(stage, 71.5).run(1)
    assert shown(stage)[-2:] == ["Available", "Connector is live"]
    assert stage.told("unplugged") == [{}]
    terminals(stage, 60.0)
    assert stage.active("outlet.residual")
    terminals(stage, 59.9)
    assert stage.active("outlet.available")
    demand(terminals(stage, 71.0))
    assert stage.active("outlet.plugged.connecting")
    assert terminals(available(), 60.0).active("outlet.residual")


def test_a_voltage_that_falls_without_current_is_a_plug_that_was_pulled() -> None:
    """More than 2 V in a second, while its last frames are fresh; what is left does not count as the next battery."""
    stage = terminals(plugged(authorisation="external").run(0.3), 69.9).run(0.7)
    assert stage.active("plug.leaving")
    assert results(stage) == [("aborted", "unplugged", 0.0)]
    terminals(stage, 68.0).run(2)
    assert stage.active("plug.leaving")
    stage.child("battery.silent", reason="no frame")
    assert stage.active("plug.out")
    assert terminals(terminals(plugged(authorisation="external"), 69.0).run(1), 39.9).active("plug.out")


def heard(stage: Stage, seconds: float, fall: float = 0.0) -> Stage:
    """Its frames go on, and the voltage falls by so much each time."""
    for _ in range(round(2 * seconds)):
        terminals(demand(stage.run(0.5)), stage.data("voltage") - fall)
    return stage


@pytest.mark.parametrize(("fall", "seconds", "there"), [(0.0, 4.5, False), (0.05, 5.0, True), (0.06, 30.0, False)])
def test_the_next_battery_is_there_before_the_last_one_is_missed(fall: float, seconds: float, there: bool) -> None:
    """Its frames go on and its voltage stands; capacitors lose theirs, whoever is heard on the bus."""
    stage = terminals(plugged(authorisation="external").run(0.3), 69.9).run(0.7).forget()
    assert stage.active("plug.leaving")
    heard(stage, seconds, fall)
    assert stage.told("plugged_in") == ([{}] if there else [])
    assert stage.active("outlet.plugged.waiting") is there
    assert not stage.unhandled


@pytest.mark.parametrize("goes", ["next", "left", "empty"])
def test_the_next_battery_after_a_charge_that_is_over(goes: str) -> None:
    """Two frames are missing, at whatever voltage; it has to be let charge."""
    stage = plugged(authorisation="external").post("authorise").child("output.ready").post("stop", reason="enough")
    heard(stage.child("output.is_off"), 60).forget()
    assert stage.active("outlet.plugged.finished")
    assert not stage.run(1.199).told("unplugged")
    assert stage.run(0.001).told("unplugged") == [{}]
    if goes == "left":
        stage.child("battery.silent", reason="no frame")
    elif goes == "empty":
        terminals(stage, 39.9)
    else:
        assert stage.run(1).told("plugged_in") == []
        demand(stage)
    stage.run(1)
    assert stage.active("outlet.plugged.waiting") is (goes == "next")
    assert stage.active("plug.out") is (goes != "next")
    assert stage.told("plugged_in") == ([{}] if goes == "next" else [])
    assert stage.active("user.unknown")
    assert not stage.unhandled


def test_two_frames_that_are_missing_while_it_is_charged_end_nothing() -> None:
    assert demand(charging().run(1.5)).active("outlet.plugged.charging")


@pytest.mark.parametrize(("before", "now", "voltage"), [(0.5, 0.0, 60.0), (0.0, 0.5, 60.0), (0.0, 0.0, 70.0)])
def test_a_voltage_that_falls_with_the_current_is_none(before: float, now: float, voltage: float) -> None:
    stage = terminals(plugged(authorisation="external").run(0.5), 72.0, before).run(0.5)
    terminals(stage, voltage, now).run(1)
    assert stage.active("plug.in")


# ---------------------------------------------------------------- the three conditions


def test_free_and_by_the_plug() -> None:
    stage = plugged()
    assert shown(stage) == ["Battery connected"]
    assert stage.ordered("output.start") == [{"voltage": 84.0, "current": 60.0}]


def test_whoever_is_authorised_by_a_back_end_and_begun_by_an_order() -> None:
    """All three must stand, in any order; nothing is energised before."""
    stage = plugged(authorisation="external", begun_by="order")
    stage.emit("reader.token", id="x").emit("reader.refused", reason="")
    assert shown(stage)[-1] == "Card not accepted"
    stage.post("start")
    assert not stage.ordered("output.start")
    stage.post("authorise")
    assert stage.ordered("output.start")
    stage = plugged(authorisation="external", begun_by="order").emit("reader.authorised")
    assert (stage.active("user.known"), stage.ordered("output.start")) == (True, [])
    assert stage.post("start").ordered("output.start")
    free = plugged().post("authorise").emit("reader.refused", reason="").emit("reader.authorised")
    assert shown(free) == ["Battery connected"]
    assert available(authorisation="external").emit("reader.authorised").active("user.known")


def test_tokens() -> None:
    stage = plugged(authorisation="list", tokens=["A1"]).emit("reader.token", id="A2")
    assert (shown(stage)[-1], stage.active("user.unknown")) == ("Card not accepted", True)
    stage.post("authorise").emit("reader.authorised").emit("reader.refused", reason="")
    assert stage.active("user.unknown")
    assert stage.emit("reader.token", id="A1").ordered("output.start")


def test_a_card_before_the_battery_lasts_a_time() -> None:
    """OCPP's ConnectionTimeOut: it does not pay for whoever comes later."""

    def card() -> Stage:
        stage = available(authorisation="list", tokens=["A1"]).forget().emit("reader.token", id="A1").run(30)
        return stage.emit("reader.token", id="A1").run(59.9)

    assert shown(card()) == 2 * ["Please plug in within 1 min"]
    stage = card().run(0.2)
    assert shown(stage)[2:] == ["No battery was plugged in, please identify yourself again"]
    demand(terminals(stage)).run(1)
    assert (stage.active("outlet.plugged"), stage.active("user.unknown")) == (True, True)
    in_time = demand(terminals(card())).run(1)
    assert (in_time.active("outlet.plugged"), in_time.active("user.known")) == (True, True)
    assert in_time.run(600).active("user.known")
    broken = available(authorisation="list", tokens=["A1"]).emit("button.emergency_stop").forget()
    assert not shown(broken.emit("reader.token", id="A1").run(61))


def test_no_start_before_the_plug() -> None:
    stage = available(begun_by="order").post("start")
    assert not terminals(demand(stage)).ordered("output.start")


def test_a_battery_that_forbids_is_waited_for() -> None:
    stage = terminals(available().child("battery.standby", reason="the battery forbids charging"))
    assert (shown(stage), stage.ordered("output.start")) == (["the battery forbids charging"], [])
    assert demand(stage).ordered("output.start")


def test_a_power_stage_that_is_not_well_is_waited_for() -> None:
    stage = available()
    stage.child("output.unwell", reason="x").child("output.healthy")
    stage = plugged(authorisation="external").child("output.unwell", reason="x").post("authorise")
    assert not stage.ordered("output.start")
    assert stage.child("output.healthy").ordered("output.start")


# ---------------------------------------------------------------- charge


def test_limits() -> None:
    """The least of battery and back end; a lower one is told in the step that hears it."""
    stage = charging()
    demand(stage, 84.0, 50.0)
    assert stage.order("output.demand") == {"voltage": 84.0, "current": 50.0}
    for limit, current in ((20.0, 20.0), (80.0, 50.0), (0.0, 0.0)):
        stage.post("limit", current=limit)
        assert stage.order("output.demand") == {"voltage": 84.0, "current": current}
    demand(stage, 84.0, 10.0)
    assert stage.order("output.demand") == {"voltage": 84.0, "current": 0.0}
    limited = terminals(demand(available().post("limit", current=16.0)))
    assert limited.order("output.start") == {"voltage": 84.0, "current": 16.0}


def test_energy_is_counted_by_what_the_terminals_say() -> None:
    stage = terminals(charging(), 75.0, 60.0).run(60)
    assert stage.data("energy") == pytest.approx(75.0)
    terminals(terminals(stage, -75.0, 60.0).run(5), 75.0, -60.0).run(5)
    terminals(stage, 75.0, 60.0).emit("button.stop_pressed").run(3).child("output.is_off")
    assert results(stage) == [("normal", "stopped at the charger", 75.0)]


def test_a_whole_session() -> None:
    """The battery has enough; 30 s later it has not changed its mind, and the result is told, once."""
    stage = terminals(charging(), 80.0, 60.0).run(36)
    stage.child("battery.standby", reason="the battery forbids charging")
    assert goes_down(stage)
    terminals(stage, 80.0, 0.0).child("output.is_off")
    assert (stage.active("outlet.plugged.suspended"), shown(stage)) == (True, ["the battery forbids charging"])
    stage.run(29.9)
    assert not results(stage)
    stage.run(0.1)
    assert results(stage) == [("normal", "charged as far as the battery wants (the battery forbids charging)", 48.0)]
    assert (shown(stage)[-1], stage.data("sessions")) == ("Finished", 1)
    demand(stage).run(60)
    assert not stage.ordered("output.start"), "until it is unplugged"
    stage.child("battery.silent", reason="gone").run(1)
    assert (stage.active("outlet.residual"), len(results(stage)), stage.unhandled) == (True, 1, [])
    assert terminals(demand(terminals(stage, 0.0))).active("outlet.plugged.connecting"), "the next one"
    assert stage.data("energy") == 0.0


def test_a_battery_that_changes_its_mind() -> None:
    stage = charging().child("battery.standby", reason="too cold").child("output.is_off").run(10)
    demand(stage).child("output.ready")
    assert (stage.active("outlet.plugged.charging"), results(stage)) == (True, [])


ASKS = "the battery asks for 90.0 V, this charger gives 56.0 to 85.5 V"


@pytest.mark.parametrize("end", ["time", "unplugged", "stopped", "sense"])
def test_a_battery_that_asks_for_what_cannot_be(end: str) -> None:
    """No current; unless it comes to its senses in 30 s the charge has failed, with what it asked for."""
    stage = terminals(charging(), 80.0, 60.0).run(36).child("battery.beyond", reason=ASKS)
    assert goes_down(stage)
    terminals(stage, 80.0, 0.0).child("output.is_off")
    assert (stage.active("outlet.plugged.suspended"), shown(stage)) == (True, [ASKS])
    if end == "sense":
        assert demand(stage.run(29)).active("outlet.plugged.connecting")
        assert results(stage) == []
        return
    if end == "time":
        stage.run(29.9)
        assert not results(stage)
        stage.run(0.1)
    elif end == "stopped":
        stage.emit("button.stop_pressed")
    else:
        stage.child("battery.silent", reason="gone")
    assert (results(stage), stage.data("sessions")) == ([("failed", ASKS, 48.0)], 0)


def test_a_battery_that_asks_for_what_cannot_be_from_the_beginning() -> None:
    """It is waited for, with the reason on the display, for 30 s."""
    stage = terminals(available().child("battery.beyond", reason=ASKS))
    assert (shown(stage), stage.ordered("output.start")) == ([ASKS], [])
    stage.run(29.9)
    assert not results(stage)
    stage.run(0.1)
    assert (results(stage), stage.ordered("output.start")) == ([("failed", ASKS, 0.0)], [])
    other = terminals(available().child("battery.standby", reason="too cold")).run(300)
    assert (results(other), other.active("outlet.plugged.waiting")) == ([], True)


def test_asking_for_too_much_while_it_connects() -> None:
    stage = plugged().child("battery.beyond", reason=ASKS)
    assert goes_down(stage)
    stage.child("output.is_off").run(30)
    assert results(stage) == [("failed", ASKS, 0.0)]


ENOUGH = "charged as far as the battery wants (too cold)"


@pytest.mark.parametrize("how", ["unplugged", "stopped"])
@pytest.mark.parametrize(("seconds", "why", "energy"), [(0, "too cold", 0.0), (36, ENOUGH, 48.0)])
def test_the_end_while_it_is_suspended(how: str, seconds: int, why: str, energy: float) -> None:
    """A battery that got energy has had enough; of one that got none people read why."""
    stage = terminals(charging(), 80.0, 60.0).run(seconds)
    terminals(stage.child("battery.standby", reason="too cold"), 80.0, 0.0).child("output.is_off")
    if how == "unplugged":
        stage.child("battery.silent", reason="x")
        assert results(stage) == [("normal", why, energy)]
        assert stage.active("outlet.unplugged")
    else:
        stage.post("stop", reason="remote")
        assert results(stage) == [("normal", why, energy)]
        assert stage.active("outlet.plugged.finished")


ENDS: list[tuple[Any, str, str]] = [
    (lambda s: s.child("battery.silent", reason="no frame for 3 s"), "failed", "no frame for 3 s"),
    (lambda s: s.emit("button.stop_pressed"), "normal", "stopped at the charger"),
    (lambda s: s.post("stop", reason="remote"), "normal", "remote"),
    (lambda s: s.post("deauthorise"), "aborted", "nobody may charge any more"),
    (lambda s: s.child("output.unwell", reason="x"), "failed", "too few frames of the power stage"),
    (lambda s: s.child("output.tripped", reason="the bus is lost"), "failed", "the bus is lost"),
]


@pytest.mark.parametrize(("happens", "end", "why"), ENDS)
@pytest.mark.parametrize("begun", [plugged, charging])
def test_what_ends_a_charge(begun: Any, happens: Any, end: str, why: str) -> None:
    """In order: the output goes down, then the result is told with its reason, and people read it."""
    stage = happens(begun())
    assert goes_down(stage)
    assert not results(stage)
    stage.child("output.tripped", reason="x").child("output.is_off")
    assert results(stage) == [(end, why, 0.0)]
    assert shown(stage)[-1] in ("Finished" if end == "normal" else why, "Battery connected")


def test_no_current_flows_any_more() -> None:
    stage = charging().child("output.no_current")
    assert goes_down(stage)
    assert results(stage.child("output.is_off")) == [("normal", "no current flows any more", 0.0)]


def test_a_plug_pulled_while_the_output_comes_up() -> None:
    stage = terminals(plugged().run(0.5), 60.0).run(0.5)
    assert goes_down(stage)
    assert results(stage.child("output.is_off"))[0][:2] == ("aborted", "unplugged")


def test_an_output_that_does_not_go_off() -> None:
    stage = charging().emit("button.stop_pressed").run(4.9)
    assert goes_down(stage)
    stage.run(0.1)
    assert results(stage) == [("failed", "the output does not go off", 0.0)]
    assert stage.ordered("output.emergency_off") == [{}]


def test_a_beginning_that_fails_is_tried_again() -> None:
    stage = plugged().forget()
    for _ in range(2):
        stage.child("output.refused", reason="it does not come up")
        assert stage.active("outlet.plugged.resting")
        stage.forget().run(1.9)
        assert not stage.ordered("output.start")
        stage.run(0.1)
        assert stage.ordered("output.start")
    stage.child("output.refused", reason="it does not come up").child("output.is_off")
    assert results(stage) == [("failed", "it does not come up", 0.0)]
    stage = plugged().child("output.refused", reason="x").child("battery.standby", reason="too cold")
    assert stage.active("outlet.plugged.waiting")


def test_stopped_while_it_waits() -> None:
    stage = plugged().child("output.refused", reason="x").child("battery.standby", reason="too cold")
    stage.emit("button.stop_pressed")
    assert results(stage) == [("normal", "stopped at the charger", 0.0)]
    stage.post("start").post("stop", reason="x").emit("button.stop_pressed")
    assert stage.unhandled == []


def test_unplugged_while_it_waits() -> None:
    stage = plugged(authorisation="external").child("battery.silent", reason="no frame for 3 s")
    assert results(stage) == [("aborted", "no frame for 3 s", 0.0)]
    stage.run(0.9)
    assert stage.active("outlet.unplugged")
    assert stage.run(0.1).active("outlet.residual")


# ---------------------------------------------------------------- console


def test_what_the_console_is_told() -> None:
    """Once a second what there is to show."""
    stage = terminals(available(), 71.0)
    assert stage.forget().run(1).order("desk.values") == {
        "state": "available", "reason": "", "voltage": 71.0, "current": 0.0, "demand_voltage": 0.0,
        "demand_current": 0.0, "limit": 300.0, "energy": 0.0, "sessions": 0,
    }  # fmt: skip
    assert len(stage.run(2).ordered("desk.values")) == 3

    def told(stage: Stage) -> tuple[str, str]:
        values = stage.run(1).order("desk.values")
        assert values is not None
        return values["state"], values["reason"]

    assert told(Stage(FILE)) == ("busy", "")
    assert told(available()) == ("available", "")
    assert told(charging()) == ("charging", "")
    forbidden = terminals(available().child("battery.standby", reason="too cold"))
    assert told(forbidden) == ("battery connected", "too cold")
    assert told(charging().child("output.fault", errorCode="PowerSwitchFailure", reason="welded?")) == (
        "out of order",
        "welded?",
    )
    stopped = charging().child("desk.emergency").child("battery.standby", reason="the battery forbids charging")
    assert told(stopped) == ("out of order", "emergency stop at the console"), "the battery only follows"


# ---------------------------------------------------------------- faults, and the end


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda s: s.child("output.fault", errorCode="PowerSwitchFailure", reason="welded?"), "welded?"),
        (lambda s: s.child("output.fault", errorCode="PowerSwitchFailure", reason=""), "the output is faulty"),
        (lambda s: s.emit("button.emergency_stop"), "emergency button"),
        (lambda s: s.child("desk.emergency"), "emergency stop at the console"),
    ],
)
def test_out_of_order(happens: Any, why: str) -> None:
    """Off at once, the battery reads it, people too; nobody charges until somebody has looked."""
    stage = happens(charging())
    assert stage.ordered("output.emergency_off")
    assert stage.order("battery.condition") == {"flags": ["hardware"]}
    assert (results(stage), shown(stage), stage.data("reason")) == ([("failed", why, 0.0)], ["Out of order"], why)
    demand(stage).run(60)
    assert (stage.active("outlet.faulted"), stage.active("user.unknown"), stage.active("transaction.none")) == (
        True,
    ) * 3
    stage.child("output.fault", errorCode="PowerSwitchFailure", reason="").child(
        "output.fault", errorCode="PowerSwitchFailure", reason="still live"
    )
    assert stage.data("reason") == "still live"


def test_the_button_is_released_before_a_reset() -> None:
    stage = charging().emit("button.emergency_stop")
    assert stage.ordered("output.emergency_off") == [{}, {}]
    stage.emit("button.reset_pressed").post("in_service")
    assert stage.active("outlet.faulted")
    stage.emit("button.emergency_released").emit("button.reset_pressed")
    assert (stage.ordered("output.reset", "output.stop"), stage.order("battery.condition")) == ([{}, {}], {"flags": []})
    stage.child("output.is_off")
    assert (stage.active("outlet.unplugged"), len(results(stage))) == (True, 1)
    assert stage.run(1).active("outlet.plugged"), "the battery is still there"


def test_a_reset_that_does_not_help() -> None:
    stage = (
        charging().child("output.fault", errorCode="PowerSwitchFailure", reason="welded?").post("in_service").run(2.9)
    )
    assert stage.active("outlet.resetting")
    stage.run(0.1)
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, "welded?")


def test_out_of_service_in_a_charge_is_an_ordinary_stop() -> None:
    """Off in order and not cut; what was charged is no failure, and nobody charges until it is back in service."""
    stage = terminals(charging(), 80.0, 60.0).run(36).post("out_of_service")
    assert goes_down(stage)
    stage.post("out_of_service").run(4.9)
    assert (stage.ordered("output.emergency_off"), results(stage)) == ([], [])
    terminals(stage, 80.0, 0.0).child("output.is_off")
    assert results(stage) == [("normal", "out of service", 48.0)]
    assert (shown(stage), stage.data("reason")) == (["Finished", "Out of order"], "out of service")
    assert (stage.order("battery.condition"), stage.unhandled) == ({"flags": ["hardware"]}, [])
    demand(stage).run(60)
    assert (stage.active("outlet.faulted"), stage.ordered("output.start")) == (True, [])
    stage.post("in_service").child("output.is_off").run(1)
    assert (stage.active("outlet.plugged.connecting"), len(results(stage))) == (True, 1)
    deaf = charging().post("out_of_service").run(5)
    assert (deaf.data("reason"), results(deaf)[0][0]) == ("the output does not go off", "failed")
    assert deaf.ordered("output.emergency_off")
    regretted = heard(charging().post("out_of_service").post("in_service").child("output.is_off"), 60)
    assert regretted.active("outlet.plugged.finished")


@pytest.mark.parametrize("begun", ["connecting", "resting"])
def test_out_of_service_while_it_connects(begun: str) -> None:
    stage = plugged()
    if begun == "resting":
        stage.child("output.refused", reason="no pre-charge")
    stage.post("out_of_service")
    assert goes_down(stage) is (begun == "connecting")
    stage.child("output.is_off")
    assert results(stage) == [("normal" if begun == "connecting" else "aborted", "out of service", 0.0)]
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, "out of service")


def test_out_of_service_while_the_battery_wants_nothing() -> None:
    """What ended the charge stays its result."""
    stage = terminals(charging(), 80.0, 60.0).run(36).child("battery.standby", reason="too cold")
    terminals(stage, 80.0, 0.0).child("output.is_off").post("out_of_service")
    assert (results(stage), stage.active("outlet.faulted")) == ([("normal", ENOUGH, 48.0)], True)
    before = terminals(available().child("battery.standby", reason="too cold")).post("out_of_service")
    assert (results(before), before.active("outlet.faulted")) == ([("aborted", "out of service", 0.0)], True)
    finished = charging().child("output.no_current").child("output.is_off").post("out_of_service")
    assert (len(results(finished)), finished.data("reason")) == (1, "out of service")


@pytest.mark.parametrize("begun", ["starting", "available", "residual", "reversed"])
def test_out_of_service_without_a_battery(begun: str) -> None:
    """Nobody's session: nothing is told of one. Back in service it is free again."""
    stage = Stage(FILE) if begun == "starting" else available()
    if begun == "residual":
        terminals(stage, 72.0)
    if begun == "reversed":
        terminals(demand(stage), -72.0)
    stage.post("in_service").post("out_of_service")
    assert (stage.active("outlet.faulted"), stage.data("reason"), results(stage)) == (True, "out of service", [])
    assert stage.order("output.emergency_off") == {}
    terminals(stage.child("battery.silent", reason="gone"), 0.0).child("output.healthy")
    stage.post("in_service").child("output.is_off").run(1)
    assert (stage.active("outlet.available"), stage.unhandled) == (True, [])


def test_a_battery_that_leaves_while_out_of_service_is_ordered() -> None:
    stage = terminals(plugged(authorisation="external"), 0.0).child("battery.silent", reason="gone")
    assert stage.post("out_of_service").active("outlet.unplugged")
    assert stage.run(1).data("reason") == "out of service"


def test_a_fault_while_out_of_service_is_ordered() -> None:
    """People read the fault; who has looked and resets it puts the charger back in service."""
    stage = charging().post("out_of_service").child("output.fault", errorCode="PowerSwitchFailure", reason="welded?")
    assert (stage.data("reason"), results(stage)) == ("welded?", [("failed", "welded?", 0.0)])
    assert stage.post("out_of_service").data("reason") == "welded?"
    stage.emit("button.reset_pressed").child("output.is_off").run(1)
    assert stage.active("outlet.plugged.connecting")
    pressed = available().emit("button.emergency_stop").post("out_of_service").emit("button.reset_pressed")
    assert (pressed.active("outlet.faulted"), pressed.active("service.asked")) == (True, True)
    pressed.emit("button.emergency_released").emit("button.reset_pressed").child("output.is_off").run(1)
    assert pressed.active("outlet.available")
    going_down = charging().post("out_of_service").emit("button.reset_pressed").child("output.is_off")
    assert going_down.active("outlet.faulted"), "there was nothing to reset"


@pytest.mark.parametrize("begun", [available, charging])
def test_the_end_of_the_program(begun: Any) -> None:
    stage = begun().post("shut_down")
    assert (stage.ordered("output.stop"), shown(stage)[-1]) == ([{}], "Shut down")
    assert results(stage) == ([("aborted", "shut down", 0.0)] if begun is charging else [])
    assert not stage.told("shut")
    assert stage.child("output.is_off").told("shut") == [{}]
    stage.post("shut_down").child("output.fault", errorCode="PowerSwitchFailure", reason="x").emit(
        "button.emergency_stop"
    ).post("out_of_service")
    stage.child("desk.emergency")
    assert (stage.active("outlet.shutting_down.shut"), stage.unhandled) == (True, [])
    assert begun().post("shut_down").run(5).told("shut") == [{}]
    assert not begun().post("shut_down").run(4.9).told("shut")
