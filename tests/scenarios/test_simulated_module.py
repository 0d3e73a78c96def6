"""Scenarios of machines/simulated/module.yaml and rack.yaml: when a simulated power module switches, what it does
without its controller, when it is hot, and what may be wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

MODULE = "machines/simulated/module.yaml"
RACK = "machines/simulated/rack.yaml"


def off(**values: Any) -> Stage:
    return Stage(MODULE, {f"rack.{name}": value for name, value in values.items()}, module=5).forget()


def told(stage: Stage, on: bool, module: int = 5) -> Stage:
    return stage.emit("rack.switched", module=module, on=on)


def delivering(**values: Any) -> Stage:
    return told(off(**values), True).run(0.3).forget()


def measured(stage: Stage, temperature: float, module: int = 5) -> Stage:
    return stage.emit("rack.measured", module=module, temperature=temperature)


def hot(**values: Any) -> Stage:
    return measured(delivering(**values), 65.0)


def what(stage: Stage, *but: str) -> list[tuple[str, dict[str, Any]]]:
    """Its orders without its own number."""
    orders = [(order.what, dict(order.args)) for order in stage.orders if order.what not in but]
    assert all(args.pop("module") == 5 for _, args in orders)
    return orders


def test_on_and_off() -> None:
    """It delivers 300 ms after the order, and rests at once."""
    stage = told(off(), True).run(0.299)
    assert what(stage) == []
    stage.run(0.001)
    assert what(stage) == [("rack.deliver", {}), ("rack.watch", {"within": 10_000_000_000}), ("rack.measure", {})]
    told(stage.forget(), True)
    assert what(stage) == []
    told(stage, False)
    assert what(stage) == [("rack.rest", {})]
    stage = told(told(off(), True), False)
    assert (what(stage), stage.active("output.off")) == ([("rack.rest", {})], True)
    assert stage.run(1).active("output.off")


def test_others_are_not_it() -> None:
    for stage in (told(off(), True, 4), told(told(off(), True), False, 4).run(0.3), told(delivering(), False, 4)):
        assert stage.active("output.off") == (stage.now_s < 0.3)
    stage = measured(delivering(), 90.0, 4).emit("rack.silent", module=4)
    assert stage.active("output.delivering.cool")
    stage = measured(measured(hot(), 90.0, 4), 20.0, 4)
    assert stage.active("output.delivering.hot")
    assert delivering(falls_back=True).emit("rack.silent", module=4).ordered("rack.fall_back") == []


def test_without_its_controller() -> None:
    assert what(delivering().emit("rack.silent", module=5)) == [("rack.rest", {})]
    stage = delivering(falls_back=True).emit("rack.silent", module=5)
    assert [name for name, _ in what(stage)] == ["rack.fall_back", "rack.deliver", "rack.watch", "rack.measure"]
    assert told(stage, False).active("output.off"), "it hears again"
    assert off().emit("rack.silent", module=5).active("output.off")


def test_hot() -> None:
    """Half its current from 65 °C on, all again below 55 °C, off at 80 °C; looked at each second."""
    stage = delivering().run(2)
    assert stage.times("rack.measure") == pytest.approx([1.3, 2.3])
    assert measured(stage, 64.9).active("output.delivering.cool")
    measured(stage.forget(), 65.0)
    assert what(stage, "rack.measure") == [("rack.derate", {"part": 0.5}), ("rack.show", {"alarms": ["derated"]})]
    stage.forget().run(2)
    assert stage.times("rack.measure") == pytest.approx([3.3, 4.3])
    for temperature in (79.9, 55.0):
        assert measured(stage, temperature).active("output.delivering.hot")
    measured(stage.forget(), 54.9)
    assert what(stage, "rack.measure") == [("rack.derate", {"part": 1}), ("rack.show", {"alarms": []})]
    assert stage.active("output.delivering.cool")
    stage = measured(hot().forget(), 80.0)
    assert what(stage)[-2:] == [("rack.rest", {}), ("rack.show", {"alarms": ["overtemperature"]})]
    assert ("rack.derate", {"part": 1}) in what(stage)
    told(stage.forget(), True)
    assert (what(stage), stage.active("output.tripped")) == ([], True)


@pytest.mark.parametrize("begun", [off, delivering, hot])
def test_it_trips_and_is_mended(begun: Any) -> None:
    stage = begun().forget().post("fail", alarm="fan")
    assert what(stage)[-2:] == [("rack.rest", {}), ("rack.show", {"alarms": ["fan"]})]
    stage.forget().post("mend")
    assert what(stage) == [("rack.show", {"alarms": []}), ("rack.rest", {})]
    assert stage.active("output.off")


@pytest.mark.parametrize("begun", [off, delivering])
def test_a_warning(begun: Any) -> None:
    """Shown, and it goes on; until it is mended."""
    stage = begun().post("warn", alarm="fan")
    assert what(stage) == [("rack.show", {"alarms": ["fan"]})]
    stage.forget().post("mend")
    assert what(stage) == [("rack.show", {"alarms": []})]
    assert stage.active("output.delivering") == (begun is delivering)


def test_it_sticks() -> None:
    stage = told(delivering().post("stick"), False)
    assert stage.active("output.delivering")
    assert told(stage.post("release"), False).active("output.off")


def test_it_restarts() -> None:
    assert what(delivering().post("restart")) == [("rack.rest", {})]


def test_it_is_pulled_and_put_back() -> None:
    stage = delivering().post("pull")
    assert what(stage) == [("rack.rest", {}), ("rack.connect", {"hears": False, "speaks": False})]
    assert told(stage, True).active("output.pulled")
    stage.forget().post("plug")
    assert what(stage) == [("rack.connect", {"hears": True, "speaks": True}), ("rack.rest", {})]


def test_its_end_of_the_bus() -> None:
    begun = Stage(MODULE, module=5)
    assert begun.ordered("rack.connect") == [{"module": 5, "hears": True, "speaks": True}]
    stage = off().post("join").post("speak")
    assert what(stage) == []
    for event, back, hears in (("mute", "speak", True), ("cut", "join", False)):
        stage.forget().post(event).post("join" if event == "mute" else "speak")
        assert what(stage) == [("rack.connect", {"hears": hears, "speaks": False})]
        stage.forget().post(back)
        assert what(stage) == [("rack.connect", {"hears": True, "speaks": True})]
    assert stage.unhandled == []


def test_the_end() -> None:
    assert delivering().stop().order("rack.rest") == {"module": 5}


# ---------------------------------------------------------------- the rack

SIMPLE = ("pull", "plug", "cut", "join", "mute", "speak", "stick", "release", "restart", "mend")


def rack() -> Stage:
    return Stage(RACK, {"rack.count": 2, "rack.first": 7})


@pytest.mark.parametrize("event", SIMPLE)
def test_what_happens_to_one(event: str) -> None:
    stage = rack().post(event, module=8)
    assert [order.what for order in stage.orders] == ["bus.connect", f"module.{event}"]


@pytest.mark.parametrize("event", ["fail", "warn"])
def test_alarms_of_one(event: str) -> None:
    assert rack().post(event, module=8, alarm="fan").order(f"module.{event}") == {"alarm": "fan"}


def test_one_chart_for_each_module() -> None:
    stage = rack()
    assert [stage.input("module", key)["module"] for key in (7, 8)] == [7, 8]


def test_its_bus() -> None:
    """Opened each second until it is there, and again when it is lost or off."""
    stage = rack().run(2.2)
    assert stage.times("bus.connect") == [0.0, 1.0, 2.0]
    stage.emit("bus.lost", reason="x").emit("bus.bus_state", state="bus_off", reason="x")
    stage.emit("bus.connected").emit("bus.connected").emit("bus.bus_state", state="error_passive", reason="x")
    stage.run(5)
    assert len(stage.times("bus.connect")) == 3
    for event, data in (("bus.lost", {"reason": "x"}), ("bus.bus_state", {"state": "bus_off", "reason": "x"})):
        stage.forget().emit(event, **data)
        assert stage.ordered("bus.connect") == [{}]
        stage.emit("bus.connected")
    assert set(stage.unhandled) <= {"bus.bus_state"}
