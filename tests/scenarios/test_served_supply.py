"""Scenarios of machines/power/served_supply.yaml: a supply that is a chart over modules that may not do as told."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/served_supply.yaml"
LIMITS = {
    "modules.maximum_voltage": 500.0,
    "modules.maximum_current": 125.0,
    "modules.maximum_power": 50_000.0,
    "modules.minimum_voltage": 150.0,
    "modules.minimum_current": 1.0,
    "modules.temperature": 30.0,
}


def at_rest(**parameters: int) -> Stage:
    return Stage(FILE, LIMITS, **parameters)


def enabled() -> Stage:
    stage = at_rest().post("set", voltage=400.0, current=10.0).post("on")
    stage.values("modules", output_on=True).run(0.01)
    assert stage.active("output.enabled")
    return stage.forget()


def what(stage: Stage) -> list[str]:
    return [order.what for order in stage.orders]


def alarms(stage: Stage) -> list[tuple[str, str]]:
    return [(data["code"], data["text"]) for data in stage.told("alarm")]


def test_its_values_are_the_modules() -> None:
    """A station that plans with limits the modules do not have, or charges by a voltage of a second ago."""
    stage = at_rest()
    assert {name: stage.data(name) for name in ("maximum_voltage", "maximum_current", "maximum_power")} == {
        "maximum_voltage": 500.0, "maximum_current": 125.0, "maximum_power": 50_000.0,
    }  # fmt: skip
    assert (stage.data("minimum_voltage"), stage.data("minimum_current")) == (150.0, 1.0)
    changed = {"maximum_voltage": 450.0, "maximum_current": 60.0, "maximum_power": 20_000.0, "temperature": 80.0}
    changed |= {"present_voltage": 399.0, "present_current": 12.0, "output_on": True}
    stage.values("modules", **changed).run(0.009)
    assert (stage.data("present_voltage"), stage.data("temperature")) == (0.0, 30.0)
    stage.run(0.001)
    assert {name: stage.data(name) for name in changed} == changed


def test_on_and_off() -> None:
    stage = at_rest().post("set", voltage=400.0, current=10.0)
    assert stage.order("modules.set") == {"voltage": 400.0, "current": 10.0}
    assert stage.active("output.disabled")
    stage.forget().post("on")
    assert what(stage) == ["modules.set", "modules.on"]
    assert stage.order("modules.set") == {"voltage": 400.0, "current": 10.0}
    stage.post("on").values("modules", output_on=True).run(0.01)
    assert stage.active("output.enabled")
    stage.forget().post("on").post("set", voltage=410.0, current=20.0)
    assert [(order.what, dict(order.args)) for order in stage.orders] == [
        ("modules.set", {"voltage": 410.0, "current": 20.0})
    ]
    stage.forget().run(10)
    assert (set(what(stage)), stage.said) == ({"modules.set"}, [])
    stage.forget().post("off")
    assert what(stage) == ["modules.off"]
    stage.post("off").values("modules", output_on=False).run(0.01)
    assert stage.active("output.disabled")
    stage.forget().post("off").run(10)
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])


@pytest.mark.parametrize("C_retry", [0, 1, 2])
def test_modules_that_do_not_switch_on_are_told_again_and_then_an_alarm(C_retry: int) -> None:
    """One lost frame must not end a session; modules that are not there must."""
    stage = at_rest(C_retry=C_retry).post("on").run(0.04 * (C_retry + 1) - 0.001)
    assert stage.times("modules.on") == [pytest.approx(0.04 * number) for number in range(C_retry + 1)]
    assert stage.active("output.enabling")
    assert stage.said == []
    stage.run(0.001)
    assert alarms(stage) == [("other", "the modules do not switch on")]
    assert stage.active("output.faulty")
    assert what(stage)[-1] == "modules.off"


@pytest.mark.parametrize("C_retry", [0, 1, 2])
def test_modules_that_do_not_switch_off_are_told_again_and_then_an_alarm(C_retry: int) -> None:
    stage = at_rest(C_retry=C_retry).post("on").values("modules", output_on=True).run(0.01).forget()
    stage.post("off").run(0.04 * (C_retry + 1) - 0.001)
    assert stage.times("modules.off") == [pytest.approx(0.01 + 0.04 * number) for number in range(C_retry + 1)]
    assert stage.active("output.disabling")
    stage.run(0.001)
    assert alarms(stage) == [("other", "the modules do not switch off")]
    assert stage.active("output.faulty")


def test_one_lost_order_is_made_good() -> None:
    stage = at_rest().post("on").run(0.04).values("modules", output_on=True).run(0.01)
    assert stage.active("output.enabled")
    stage.post("off").run(0.04).values("modules", output_on=False).run(0.01)
    assert stage.active("output.disabled")
    stage.forget().post("on").run(0.119)
    assert len(stage.times("modules.on")) == 3, "the tries of each order are counted anew"
    assert stage.said == []


def test_orders_that_change_their_mind() -> None:
    stage = at_rest().post("on").run(0.03).forget().post("off")
    assert what(stage) == ["modules.off"]
    assert stage.active("output.disabled"), "they have not switched on yet"
    stage = enabled().post("off").run(0.03).forget().post("on")
    assert what(stage) == ["modules.set", "modules.on"]
    assert stage.active("output.enabled"), "they have not switched off yet"
    assert stage.said == []


def test_modules_that_are_on_and_should_not_be_are_ordered_off() -> None:
    """Left on by a program that died, or switched on by an order that came after the one to switch off."""
    stage = Stage(FILE, {**LIMITS, "modules.output_on": True})
    assert what(stage) == ["modules.off"]
    assert stage.active("output.disabling")
    stage = at_rest().run(1).values("modules", output_on=True).run(0.01)
    assert stage.times("modules.off") == [pytest.approx(1.01)]


def test_set_points_reach_the_modules_in_every_state() -> None:
    for stage in (at_rest(), at_rest().post("on"), enabled(), enabled().post("off"), enabled().breaks("modules")):
        stage.forget().post("set", voltage=300.0, current=5.0)
        assert stage.order("modules.set") == {"voltage": 300.0, "current": 5.0}


def test_modules_that_switch_off_by_themselves_are_an_alarm() -> None:
    stage = enabled().values("modules", output_on=False).run(0.009)
    assert stage.said == []
    stage.run(0.001)
    assert alarms(stage) == [("other", "the modules have switched off by themselves")]
    assert what(stage) == ["modules.off"]


@pytest.mark.parametrize("state", ["disabled", "enabling", "enabled", "disabling"])
def test_an_alarm_of_the_modules_is_handed_on_and_the_output_ordered_off(state: str) -> None:
    stage = {
        "disabled": at_rest,
        "enabling": lambda: at_rest().post("on"),
        "enabled": enabled,
        "disabling": lambda: enabled().post("off"),
    }[state]()
    assert stage.active(f"output.{state}")
    stage.forget().emit("modules.alarm", code="overtemperature", text="hot")
    assert alarms(stage) == [("overtemperature", "hot")]
    assert stage.active("output.faulty")
    assert what(stage) == ["modules.off"]
    stage.emit("modules.alarm_cleared")
    assert stage.told("alarm_cleared") == [{}]


def test_modules_that_cannot_be_reached_are_an_alarm() -> None:
    stage = enabled().breaks("modules", "no answer on the bus")
    assert alarms(stage) == [("other", "no answer on the bus")]
    assert stage.active("output.faulty")
    stage.breaks("modules", "no answer on the bus")
    assert len(stage.said) == 1, "once is enough"
    stage.emit("modules.alarm", code="input", text="phase lost")
    assert alarms(stage)[1:] == [("input", "phase lost")]
    assert what(stage) == ["modules.off"], "ordered off once; the next order comes when it has shown no effect"


def test_after_an_alarm_the_output_is_ordered_off_as_long_as_it_is_on() -> None:
    stage = enabled().emit("modules.alarm", code="other", text="x").forget().run(0.12)
    assert stage.times("modules.off") == [pytest.approx(0.05 + 0.04 * number) for number in range(3)]
    assert stage.active("output.faulty"), "an output that stays on is no answer to the alarm"
    stage.values("modules", output_on=False).run(0.04).forget().run(1)
    assert stage.orders == []


def test_after_an_alarm_an_order_to_switch_on_is_a_new_try() -> None:
    stage = enabled().emit("modules.alarm", code="other", text="x").values("modules", output_on=False).forget()
    stage.post("off")
    assert stage.orders == []
    assert stage.unhandled == [], "off is what it is"
    stage.post("on")
    assert stage.told("alarm_cleared") == [{}]
    assert what(stage) == ["modules.set", "modules.on"]
    stage.values("modules", output_on=True).run(0.01)
    assert stage.active("output.enabled")


def test_times_are_parameters() -> None:
    ms = 1_000_000
    stage = at_rest(T_answer=100 * ms, T_look=30 * ms).post("on").run(0.099)
    assert stage.times("modules.on") == [0.0]
    stage.run(0.001).values("modules", output_on=True, present_voltage=50.0).run(0.019)
    assert stage.data("present_voltage") == 0.0
    assert stage.active("output.enabling")
    stage.run(0.011)
    assert stage.data("present_voltage") == 50.0
    assert stage.active("output.enabled")


def test_at_the_end_the_modules_are_off() -> None:
    stage = enabled().stop()
    assert what(stage) == ["modules.off"]


# ---------------------------------------------------------------- modules that fall silent

VALUES = ("present_voltage", "present_current")


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("state", ["disabled", "enabling", "enabled", "disabling"])
def test_modules_that_fall_silent_are_an_alarm(state: str, value: str) -> None:
    stage = {
        "disabled": at_rest,
        "enabling": lambda: at_rest().post("on"),
        "enabled": enabled,
        "disabling": lambda: enabled().post("off"),
    }[state]()
    stage.forget().emit("modules.stale", value=value)
    assert alarms(stage) == [("communication", f"the modules tell no {value}")]
    assert stage.active("output.faulty")
    assert what(stage) == ["modules.off"]
    stage.emit("modules.stale", value=value)
    assert len(stage.said) == 1, "once is enough"
    assert stage.unhandled == []


@pytest.mark.parametrize("value", VALUES)
def test_what_they_said_last_is_not_said_again(value: str) -> None:
    """Said every 10 ms it would look new to the station, and be a number of long ago."""
    stage = enabled().silent("modules", value).run(1.2)
    assert stage.active("measuring.silent")
    stage.values("modules", present_voltage=480.0, temperature=90.0).run(30)
    assert (stage.data("present_voltage"), stage.data("temperature")) == (0.0, 30.0)
    assert stage.unhandled == []


@pytest.mark.parametrize("value", VALUES)
def test_modules_that_tell_again_are_believed(value: str) -> None:
    """By what is new, not by what they have told just before they fell silent."""
    stage = enabled().silent("modules", value).run(0.2).emit("modules.stale", value=value).run(0.05)
    assert stage.active("measuring.silent")
    stage.silent("modules", value).values("modules", present_voltage=12.0).run(0.009)
    assert stage.active("measuring.silent")
    stage.run(0.001)
    assert stage.active("measuring.looking")
    assert stage.data("present_voltage") == 12.0


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("state", ["disabled", "enabled"])
def test_modules_that_were_silent_and_show_that_they_are_off_mend(state: str, value: str) -> None:
    """Told off meanwhile, and again when they are heard with their output on."""
    stage = (at_rest() if state == "disabled" else enabled()).silent("modules", value).run(0.2)
    stage.emit("modules.stale", value=value).forget().run(10)
    assert stage.told("alarm_cleared") == []
    stage.tells("modules").run(0.05)
    if state == "enabled":
        assert (stage.told("alarm_cleared"), stage.active("output.faulty")) == ([], True)
        assert what(stage)[-1] == "modules.off"
        stage.values("modules", output_on=False).run(0.02)
    assert (stage.told("alarm_cleared"), stage.active("output.disabled")) == ([{}], True)


def test_how_young_news_are_is_a_parameter() -> None:
    stage = at_rest(T_news=20_000_000).silent("modules", "present_voltage").run(0.03)
    stage.emit("modules.stale", value="present_voltage").run(10)
    assert stage.active("measuring.silent")
    stage.silent("modules", "present_voltage").run(0.01)
    assert stage.active("measuring.looking")


# ---------------------------------------------------------------- lost set points


def test_set_points_are_told_again_while_the_output_is_on() -> None:
    """A lower current that got lost on the bus would stay unheard for the rest of the charge."""
    stage = enabled().post("set", voltage=390.0, current=5.0).forget().run(0.0949)
    assert what(stage) == []
    stage.run(0.1)
    assert stage.ordered("modules.set") == [{"voltage": 390.0, "current": 5.0}]
    stage.run(0.1)
    assert what(stage) == ["modules.set", "modules.set"]
    stage.post("off").forget().run(0.03)
    assert what(stage) == []
    assert stage.active("output.disabling")
    assert (
        at_rest(T_again=300 * 1_000_000)
        .post("on")
        .values("modules", output_on=True)
        .run(0.01)
        .forget()
        .run(0.29)
        .orders
        == []
    )
