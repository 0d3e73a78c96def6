"""Scenarios of machines/power/light_output.yaml: a power stage on a bus, its contactor, and what the terminals tell."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/light_output.yaml"


def terminals(stage: Stage, voltage: float = 72.0, current: float = 0.0, charging: str = "no") -> Stage:
    stage.emit("terminal.output", voltage=voltage, current=current)
    return stage.emit("terminal.state", charging=charging)


def reading(stage: Stage, voltage: float | None, **more: Any) -> Stage:
    values = dict.fromkeys(
        ("current", "temperature", "maximum_voltage", "minimum_voltage", "maximum_current", "maximum_power")
    )
    return stage.emit("modules.reading", module=1, voltage=voltage, **{**values, **more})


def on_bus(**parameters: Any) -> Stage:
    stage = Stage(FILE, **parameters)
    stage.values("bus", is_connected=True)
    return stage.emit("bus.connected")


def at_rest(voltage: float = 72.0, **parameters: Any) -> Stage:
    """Everything is heard; a battery of 72 V is at the terminals."""
    return terminals(on_bus(**parameters), voltage).forget()


def pre_charging(**parameters: Any) -> Stage:
    return at_rest(**parameters).post("start", voltage=84.0, current=100.0)


def closing(**parameters: Any) -> Stage:
    return reading(terminals(pre_charging(**parameters), charging="yes"), 71.0)


def delivering(**parameters: Any) -> Stage:
    stage = closing(**parameters).emit("contactor.closed")
    assert stage.active("output.delivering")
    return stage


def flowing(stage: Stage, seconds: float, voltage: float = 76.0, current: float = 60.0, charging: str = "yes") -> Stage:
    """The terminals tell the same every 100 ms."""
    for _ in range(round(seconds * 10)):
        terminals(stage.run(0.1), voltage, current, charging)
    return stage


def reasons(stage: Stage, event: str) -> list[str]:
    return [data["reason"] for data in stage.told(event)]


def what(stage: Stage, *ignored: str) -> list[str]:
    return [order.what for order in stage.orders if order.what not in ("modules.poll", *ignored)]


def is_dead_at_once(stage: Stage) -> None:
    """Power stage off and contactor open, ordered in the same step."""
    assert {"contactor.set", "modules.off"} <= {o.what for o in stage.orders if o.at_s == stage.now_s}
    assert stage.order("contactor.set") == {"closed": False}


# ---------------------------------------------------------------- bus and health


def test_the_bus_is_opened_again_until_it_is_there() -> None:
    stage = Stage(FILE).run(2.5)
    assert stage.times("bus.connect") == [0.0, 1.0, 2.0]
    assert not stage.ordered("modules.poll")
    stage.emit("bus.connected").emit("bus.connected").run(0.5)
    assert stage.times("modules.poll") == pytest.approx([2.5, 2.7, 2.9])
    stage.emit("bus.bus_state", state="error_passive", reason="x").emit("bus.overflow", lost=1)
    stage.emit("bus.send_failed", id=1, data=b"", reason="full", text="x")
    stage.emit("modules.misfit", id=1, data=b"", reason="x", count=1).emit("modules.taken", module=1, what="x")
    stage.emit("modules.refused", module=1, what="x").emit("modules.status", module=1, output=None, alarms=[])
    assert (stage.active("bus.there"), stage.unhandled) == (True, [])


def test_healthy_with_two_of_three_kinds_of_frames() -> None:
    """One kind alone says little: a power stage whose own processor hangs may still tell its terminals."""
    stage = on_bus().emit("terminal.output", voltage=0.0, current=0.0)
    assert not stage.told("healthy")
    reading(stage, 0.0)
    assert len(stage.told("healthy")) == 1
    stage.run(2.999)
    assert not stage.told("unwell")
    stage.run(0.001)
    assert reasons(stage, "unwell") == ["too few frames of the power stage"]
    stage.emit("terminal.state", charging="no").emit("terminal.output", voltage=0.0, current=0.0)
    assert len(stage.told("healthy")) == 2
    reading(stage.run(2), None).run(1.5)
    assert stage.active("health.unwell")
    assert len(on_bus(C_fresh=1).emit("terminal.state", charging="no").told("healthy")) == 1
    assert not reading(terminals(on_bus(C_fresh=4)), 0.0).told("healthy")


def test_what_is_at_the_terminals_is_told() -> None:
    stage = at_rest(0.0).emit("terminal.output", voltage=72.5, current=1.5)
    assert stage.told("terminals") == [{"voltage": 72.5, "current": 1.5}]
    stage.emit("terminal.output", voltage=150.1, current=0.0).emit("terminal.output", voltage=0.0, current=-600.1)
    assert (len(stage.told("terminals")), stage.data("voltage")) == (1, 72.5), "frames as good as none"
    stage.emit("terminal.output", voltage=-150.0, current=600.0)
    assert stage.told("terminals")[-1] == {"voltage": -150.0, "current": 600.0}


# ---------------------------------------------------------------- on


def test_from_start_to_the_first_amperes() -> None:
    """The power stage goes to the battery's voltage first; the contactor closes at less than 2 V across it."""
    stage = pre_charging()
    assert what(stage) == ["modules.set", "modules.on"]
    assert stage.order("modules.set") == {"module": 1, "voltage": 72.0, "current": 1.0}
    reading(reading(stage, 69.9), None)
    stage.run(0.3)
    assert len(stage.ordered("modules.on")) == 2, "an order that was lost is given again"
    assert stage.order("contactor.set") is None
    reading(stage, 70.0)
    assert (stage.order("contactor.set"), stage.children()) == ({"closed": True}, ["keep_alive"])
    stage.forget().emit("contactor.closed")
    assert stage.told("ready") == [{}]
    assert stage.order("modules.set") == {"module": 1, "voltage": 84.0, "current": 30.0}
    assert stage.children() == ["keep_alive"]
    flowing(stage, 1.2)
    sets = [args["current"] for args in stage.ordered("modules.set")]
    assert sets == [30.0, 60.0, 90.0, 100.0, 100.0], "at most 100 A/s up, repeated each 300 ms"


@pytest.mark.parametrize("state", [pre_charging, closing])
def test_a_demand_that_changes_before_the_first_amperes(state: Any) -> None:
    stage = state().post("demand", voltage=80.0, current=10.0)
    if state is pre_charging:
        reading(stage, 72.0)
    stage.emit("contactor.closed")
    assert stage.order("modules.set") == {"module": 1, "voltage": 80.0, "current": 10.0}


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (lambda: on_bus(), "nothing is known of the terminals"),
        (lambda: on_bus().emit("terminal.output", voltage=72.0, current=0.0), "too few frames of the power stage"),
        (lambda: at_rest(-5.1), "the battery is the wrong way round: -5.1 V"),
    ],
)
def test_no_start(stage: Any, why: str) -> None:
    begun = stage().forget().post("start", voltage=84.0, current=10.0)
    assert (reasons(begun, "refused"), begun.active("output.off")) == ([why], True)
    assert not what(begun)


def test_noise_below_zero_is_no_battery_the_wrong_way_round() -> None:
    stage = at_rest(-5.0).post("start", voltage=84.0, current=10.0)
    assert stage.active("output.pre_charge")
    assert stage.order("modules.set")["voltage"] == 0.0  # type: ignore[index]


def test_a_contactor_that_is_closed_before() -> None:
    stage = at_rest().values("contactor", is_closed=True).post("start", voltage=84.0, current=10.0)
    assert reasons(stage, "fault") == ["the contactor is closed and was not ordered so: welded?"]
    is_dead_at_once(stage)


def test_a_power_stage_that_does_not_come_up() -> None:
    stage = pre_charging()
    for _ in range(49):
        terminals(stage.run(0.1))
    assert not stage.told("refused")
    stage.run(0.1)
    assert reasons(stage, "refused") == ["the power stage does not reach the voltage of the battery"]
    assert stage.active("output.way_down.switching_off")


def test_a_contactor_that_does_not_close() -> None:
    stage = closing().run(0.149)
    assert not stage.told("fault")
    stage.run(0.001)
    assert reasons(stage, "fault") == ["the contactor does not close"]
    is_dead_at_once(stage)


# ---------------------------------------------------------------- current


def test_less_is_set_at_once_and_more_by_and_by() -> None:
    stage = flowing(delivering(), 1.2).forget().post("demand", voltage=84.0, current=20.0)
    assert stage.ordered("modules.set") == [{"module": 1, "voltage": 84.0, "current": 20.0}]
    stage.forget().post("demand", voltage=84.0, current=90.0)
    assert not stage.ordered("modules.set")
    flowing(stage, 0.9, current=20.0)
    assert [args["current"] for args in stage.ordered("modules.set")] == [50.0, 80.0, 90.0]
    stage.forget().post("demand", voltage=80.0, current=90.0)
    assert stage.ordered("modules.set") == [{"module": 1, "voltage": 80.0, "current": 90.0}], "a lower voltage, too"
    stage.post("start", voltage=84.0, current=10.0)
    assert stage.active("output.delivering")


@pytest.mark.parametrize(("voltage", "current"), [(86.1, 60.0), (76.0, 110.1)])
def test_too_much_at_the_terminals(voltage: float, current: float) -> None:
    """Three frames in a row, 300 ms, are no spike any more; inside the 400 ms of IEC 61851-23 CC.6.2."""
    stage = flowing(flowing(delivering(), 1.2), 0.2, voltage, current)
    flowing(stage, 0.1)
    assert not stage.told("fault"), "a spike of two frames"
    flowing(stage, 0.2, voltage, current)
    stage.forget()
    terminals(stage.run(0.1), voltage, current)
    text = f"voltage or current out of range: {voltage} V, {current} A at the terminals"
    assert reasons(stage, "fault") == [text]
    is_dead_at_once(stage)


def test_reversed_while_current_flows() -> None:
    """As soon, but nobody has to look at the charger: it is the battery that is wrong."""
    stage = flowing(flowing(flowing(delivering(), 1.2), 0.2, -5.1, 5.0), 0.1)
    assert not stage.told("tripped"), "a spike of two frames"
    flowing(stage, 0.2, -5.1, 5.0)
    stage.forget()
    terminals(stage.run(0.1), -5.1, 5.0)
    assert reasons(stage, "tripped") == ["the battery is the wrong way round: -5.1 V"]
    assert not stage.told("fault")
    is_dead_at_once(stage)


@pytest.mark.parametrize(("voltage", "current"), [(86.0, 60.0), (76.0, 110.0), (-5.0, 5.0)])
def test_not_too_much(voltage: float, current: float) -> None:
    assert flowing(flowing(delivering(), 1.2), 2, voltage, current).active("output.delivering")


def test_what_is_left_of_a_higher_current_is_none() -> None:
    """A power stage needs its time to come down; a second later it has had it."""
    stage = flowing(flowing(delivering(), 1.2), 0.2, current=100.0).post("demand", voltage=84.0, current=10.0)
    flowing(stage, 0.5, current=29.0)
    assert stage.active("output.delivering")
    flowing(stage, 0.6, current=29.0)
    assert stage.active("output.faulty")


def test_no_current_for_five_seconds() -> None:
    """Full, or the plug is out: its capacitors keep the voltage."""
    stage = flowing(delivering(), 5.0, current=0.4)
    assert not stage.told("no_current")
    flowing(stage, 0.4, current=0.4)
    assert len(stage.told("no_current")) == 2
    stage.forget()
    flowing(flowing(stage, 0.4, current=0.5), 4.5, current=0.4)
    assert not stage.told("no_current"), "counted anew"
    stage = flowing(delivering().post("demand", voltage=84.0, current=0.4), 10, current=0.0)
    assert not stage.told("no_current"), "none was asked for"


@pytest.mark.parametrize("before", [60.0, 5.0])
def test_a_current_that_is_gone_at_once(before: float) -> None:
    """The plug was pulled: the terminals hold 84 V as long as the power stage is on, so it does not wait until the
    battery is missed. Twice no current, 300 ms apart, is no gap."""
    stage = flowing(flowing(delivering(), 1.2, current=before), 0.3, current=0.4)
    flowing(flowing(stage, 0.3, current=0.5), 0.4, current=before)
    assert stage.active("output.delivering"), "a gap"
    flowing(stage, 0.5, current=0.4)
    assert reasons(stage, "tripped") == ["the current is gone: unplugged, or the battery has opened its contactor"]
    is_dead_at_once(stage)
    assert not stage.told("no_current")


def test_a_current_that_fades_is_not_gone() -> None:
    """A battery that is nearly full, one that asks for none, and none that has come yet: the charge goes on."""
    assert flowing(flowing(delivering(), 1.2, current=4.9), 2, current=0.4).active("output.delivering")
    assert flowing(flowing(flowing(delivering(), 1.2), 0.4, current=0.5), 2, current=0.4).active("output.delivering")
    stage = flowing(delivering(), 1.2).post("demand", voltage=84.0, current=0.4)
    assert flowing(stage, 2, current=0.0).active("output.delivering")
    stage.post("demand", voltage=84.0, current=100.0)
    assert flowing(stage, 2, current=0.0).active("output.delivering")


# ---------------------------------------------------------------- off


def test_the_normal_way_down() -> None:
    """Current to 0, off until the terminals confirm it, contactor open, and only then it is off."""
    stage = flowing(delivering(), 1.2).forget().post("stop").post("stop").post("demand", voltage=84.0, current=50.0)
    assert stage.ordered("modules.set") == [{"module": 1, "voltage": 84.0, "current": 0.0}]
    assert stage.children() == ["keep_alive"]
    flowing(stage, 0.2, current=5.0)
    assert not stage.ordered("modules.off")
    terminals(stage, current=4.9, charging="yes")
    assert stage.active("output.way_down.switching_off")
    flowing(stage, 0.7, current=0.0)
    assert len(stage.ordered("modules.off")) == 3, "an off that was lost is told again"
    assert stage.order("contactor.set") is None
    flowing(stage, 0.1, current=6.0, charging="no")
    assert stage.order("contactor.set") is None, "not under load"
    stage.post("start", voltage=84.0, current=10.0)
    assert reasons(stage, "refused") == ["the output is going off"]
    stage.values("contactor", is_closed=True)
    flowing(stage, 0.1, current=0.0, charging="no")
    assert (stage.order("contactor.set"), stage.told("is_off")) == ({"closed": False}, [])
    stage.emit("contactor.closed").values("contactor", is_closed=False).emit("contactor.opened")
    assert (len(stage.told("is_off")), stage.active("output.off"), stage.children()) == (1, True, [])
    assert len(stage.post("stop").told("is_off")) == 2
    assert not stage.unhandled


def test_a_current_that_does_not_fall_is_switched_off_all_the_same() -> None:
    stage = flowing(flowing(delivering(), 1.2).post("stop"), 1.4)
    assert stage.active("output.way_down.ramping")
    flowing(stage, 0.1)
    assert stage.active("output.way_down.switching_off")


@pytest.mark.parametrize("state", [pre_charging, closing])
def test_stopped_before_the_first_amperes(state: Any) -> None:
    stage = state().post("stop")
    stage.emit("contactor.opened")
    flowing(stage, 0.1, current=0.0, charging="no")
    assert len(stage.told("is_off")) == 1
    assert stage.order("contactor.set") == {"closed": False}
    assert stage.ordered("modules.off")


def test_a_power_stage_that_keeps_delivering_when_told_to_stop() -> None:
    """For 2 s it is told; then the contactor opens under load, and an operator has to look."""
    stage = flowing(flowing(delivering(), 1.2).post("stop"), 3.4)
    assert not stage.told("fault")
    flowing(stage.forget(), 0.1)
    assert reasons(stage, "fault") == ["the power stage does not switch off"]
    is_dead_at_once(stage)
    stage.forget().run(0.9)
    assert len(stage.ordered("modules.off")) == 3


def test_a_contactor_that_does_not_open() -> None:
    stage = flowing(delivering(), 0.3).values("contactor", is_closed=True).post("stop")
    flowing(stage, 0.2, current=0.0, charging="no")
    assert not stage.told("fault")
    flowing(stage, 0.1, current=0.0, charging="no")
    assert reasons(stage, "fault") == ["the contactor does not open: welded?"]


@pytest.mark.parametrize("state", [pre_charging, closing, delivering])
def test_off_at_once(state: Any) -> None:
    stage = state().forget().post("emergency_off")
    is_dead_at_once(stage)
    assert (stage.told("fault"), stage.told("tripped")) == ([], []), "whoever asked knows why"
    stage.post("emergency_off").post("stop").post("reset").post("demand", voltage=84.0, current=10.0)
    stage.emit("contactor.closed").emit("contactor.opened").breaks("modules")
    stage.post("start", voltage=84.0, current=10.0)
    assert reasons(stage, "refused") == ["the output is going off"]
    flowing(stage, 1.9, current=0.0, charging="no")
    assert not stage.told("is_off")
    assert len(stage.ordered("modules.off")) == 7
    flowing(stage, 0.1, current=0.0, charging="no")
    assert (len(stage.told("is_off")), stage.active("output.off"), stage.unhandled) == (1, True, [])


def test_off_at_once_and_nothing_obeys() -> None:
    stage = delivering().values("contactor", is_closed=True).post("emergency_off").run(2)
    assert reasons(stage, "fault") == ["the contactor does not open: welded?"]
    stage = flowing(delivering().post("emergency_off"), 2.0)
    assert reasons(stage, "fault") == ["the power stage keeps delivering"]
    stage = delivering().post("emergency_off").run(2)
    assert stage.active("output.off"), "nobody knows what it does, but the contactor is open"


@pytest.mark.parametrize("state", [pre_charging, closing, delivering])
@pytest.mark.parametrize(
    ("event", "data", "why"),
    [
        ("bus.lost", {"reason": "pulled"}, "the bus of the power stage is lost: pulled"),
        ("bus.bus_state", {"state": "bus_off", "reason": "errors"}, "the bus of the power stage is off: errors"),
    ],
)
def test_the_bus_is_lost(state: Any, event: str, data: dict[str, str], why: str) -> None:
    """What cannot be seen is cut off at once; nobody has to look at it, and it goes on when the bus is back."""
    stage = state().forget().values("bus", is_connected=False).emit(event, **data)
    assert reasons(stage, "tripped") == [why]
    is_dead_at_once(stage)
    assert stage.ordered("bus.connect") == [{}]
    stage.breaks("modules").run(2)
    assert (stage.active("output.off"), stage.active("health.healthy")) == (True, True)
    stage.values("bus", is_connected=True).emit("bus.connected")
    terminals(reading(stage.forget(), 0.0)).post("start", voltage=84.0, current=10.0)
    assert stage.active("output.pre_charge")


def test_terminals_that_fall_silent() -> None:
    """Nothing of them for 2 s, though the power stage answers: off at once, with the reason."""
    stage = flowing(delivering(), 0.3)
    for _ in range(19):
        reading(stage.run(0.1), 76.0)
    assert not stage.told("tripped")
    reading(stage.forget().run(0.1), 76.0)
    assert reasons(stage, "tripped") == ["nothing of the terminals for 2 s"]
    is_dead_at_once(stage)


@pytest.mark.parametrize(
    ("event", "data", "text"),
    [
        (
            "terminal.misfit",
            {"id": 0x433F01, "data": bytes(8), "reason": "voltage is not finite", "count": 1},
            "voltage is not finite",
        ),
        ("terminal.output", {"voltage": 3e38, "current": 0.0}, "3e+38 V, 0.0 A"),
    ],
)
def test_terminals_that_talk_nonsense(event: str, data: dict[str, Any], text: str) -> None:
    """NaN, infinity and voltages that this charger cannot have keep nothing alive; people read what came."""
    stage = flowing(delivering(), 0.3)
    for _ in range(20):
        reading(stage.run(0.1).emit(event, **data), 76.0)
    why = f"nothing of the terminals for 2 s, the last frame could not be relied on: {text}"
    assert reasons(stage, "tripped") == [why]
    is_dead_at_once(stage)
    stage.run(2)
    flowing(stage, 0.1, charging="no").run(2)
    stage.run(0.1)
    assert stage.data("unreadable") == ""


def test_too_few_frames_while_current_flows() -> None:
    """The terminals' voltage alone, for 3 s: the power stage is not in order."""
    stage = reading(delivering(), 71.0)
    for _ in range(29):
        stage.run(0.1).emit("terminal.output", voltage=76.0, current=60.0)
    assert not stage.told("tripped")
    stage.run(0.1).emit("terminal.output", voltage=76.0, current=60.0)
    assert reasons(stage, "tripped") == ["too few frames of the power stage"]


def test_orders_that_do_not_reach() -> None:
    stage = delivering().forget()
    stage.breaks("modules", "not connected")
    assert reasons(stage, "tripped") == ["not connected"]
    is_dead_at_once(stage)
    stage = delivering().forget()
    stage.breaks("contactor", "no coil")
    assert reasons(stage, "fault") == ["no coil"]
    assert at_rest().breaks("modules").active("output.off")


def test_a_contactor_that_opens_by_itself() -> None:
    stage = delivering().forget().emit("contactor.opened")
    assert reasons(stage, "fault") == ["the contactor opened by itself"]
    is_dead_at_once(stage)


# ---------------------------------------------------------------- at rest, and out of order


def test_a_power_stage_left_on_is_told_off() -> None:
    stage = terminals(at_rest(), charging="yes")
    assert stage.ordered("modules.off") == [{"module": 1}]
    assert stage.data("delivering") is True
    terminals(stage.forget(), charging="no")
    assert not stage.ordered("modules.off")
    for event in ("emergency_off", "reset"):
        stage.post(event)
    stage.post("demand", voltage=84.0, current=10.0).emit("contactor.opened").emit("contactor.closed").run(5)
    assert (stage.active("output.off"), what(stage), stage.unhandled) == (True, [], [])


def faulty() -> Stage:
    stage = terminals(closing().run(0.15), charging="no")
    assert stage.active("output.faulty")
    return stage.forget()


def test_out_of_order_until_somebody_has_looked() -> None:
    stage = faulty().post("start", voltage=84.0, current=10.0)
    assert reasons(stage, "refused") == ["the contactor does not close"]
    stage.post("emergency_off").post("demand", voltage=84.0, current=10.0).breaks("modules")
    stage.breaks("contactor")
    stage.emit("contactor.closed").emit("contactor.opened").emit("bus.lost", reason="x").run(60)
    assert (stage.active("output.faulty"), stage.unhandled, stage.told("fault")) == (True, [], [])
    stage.post("reset")
    assert stage.active("output.emergency")
    stage.run(2)
    assert len(stage.told("is_off")) == 1


def test_whether_a_faulty_output_is_off() -> None:
    assert len(faulty().post("stop").told("is_off")) == 1
    assert not terminals(faulty(), charging="yes").post("stop").told("is_off")
    assert not faulty().values("contactor", is_closed=True).post("stop").told("is_off")


def test_the_end_of_the_program() -> None:
    stage = delivering().forget().stop()
    assert {order.what for order in stage.orders} == {"modules.off", "contactor.set"}
    assert stage.order("contactor.set") == {"closed": False}
