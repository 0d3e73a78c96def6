"""Scenarios of what is simulated around the light-vehicle charger: machines/batteries/elcon.yaml and
machines/simulated/light_stage.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

BATTERY = "machines/batteries/elcon.yaml"
POWER = "machines/simulated/light_stage.yaml"
PACK = {"battery.maximum_voltage": 84.0, "battery.target_current": 60.0, "battery.soc": 40.0}


def vehicle(**parameters: Any) -> Stage:
    stage = Stage(BATTERY, PACK, **parameters)
    return stage.values("bus", is_connected=True).emit("bus.connected").forget()


def plugged(**parameters: Any) -> Stage:
    return vehicle(**parameters).run(1)


def commands(stage: Stage) -> list[tuple[float, str]]:
    return [(args["maximum_current"], args["control"]) for args in stage.ordered("bms.command")]


def told(stage: Stage) -> list[tuple[str, str, float]]:
    return [(data["result"], data["reason"], data["soc"]) for data in stage.told("session_ended")]


def status(stage: Stage, *flags: str, charger: int = 0xE5) -> Stage:
    return stage.emit("bms.status", charger=charger, voltage=74.0, current=10.0, flags=list(flags))


def test_it_plugs_in_and_asks() -> None:
    stage = vehicle().run(0.999)
    assert not stage.orders
    stage.run(0.001)
    assert stage.ordered("battery.close_contactors") == [{}]
    asked = {"charger": 0xE5, "maximum_voltage": 84.0, "maximum_current": 60.0, "control": "charge"}
    assert [{**args, **asked} == dict(args) for args in stage.ordered("bms.command")] == [True]
    stage.emit("battery.contactors_closed").values("battery", target_current=30.0).run(1)
    assert commands(stage) == [(60.0, "charge"), (30.0, "charge"), (30.0, "charge")]
    status(stage)
    assert (stage.data("charger_voltage"), stage.unhandled) == (74.0, [])
    status(stage, charger=0xE7)
    assert stage.active("inlet.plugged.asking")


def test_it_plugs_in_when_it_is_told_to() -> None:
    """Before its time, or whenever it waits for it; and again."""
    assert vehicle().post("plug").active("inlet.plugged.asking")
    stage = vehicle(waits=True).run(3600)
    assert stage.ordered("bms.command") == []
    for plug_in in range(1, 3):
        assert stage.post("plug").active("inlet.plugged.asking")
        stage.post("plug").post("leave")
        assert stage.active("inlet.gone")
        assert len(stage.told("session_ended")) == plug_in
    assert stage.unhandled == []


@pytest.mark.parametrize(("soc", "current"), [(80.0, 60.0), (50.0, 1.9)])
def test_it_has_enough(soc: float, current: float) -> None:
    """Full, or at the state of charge it wanted: it forbids, and unplugs 5 s later."""
    stage = plugged(stop_at_soc=80.0).forget()
    stage.values("battery", soc=soc, target_current=current).run(0.5)
    assert told(stage) == [("complete", "", soc)]
    assert commands(stage) == [(0.0, "stop")]
    status(stage).run(4.9)
    assert set(commands(stage)) == {(0.0, "stop")}
    assert stage.times("bms.command") == pytest.approx([1.5 + k / 2 for k in range(10)])
    stage.forget().run(0.1)
    assert stage.ordered("battery.open_contactors") == [{}]
    status(stage.emit("battery.contactors_opened")).post("leave").run(10)
    assert (commands(stage), told(stage), stage.active("inlet.gone"), stage.unhandled) == ([], [], True, [])


def test_one_that_leaves_when_it_is_told_to() -> None:
    stage = vehicle(waits=True, stop_at_soc=30.0).post("plug").run(600)
    assert (told(stage), stage.active("inlet.plugged")) == ([("complete", "", 40.0)], True)
    assert stage.post("leave").active("inlet.gone")


def test_not_yet_enough() -> None:
    stage = plugged(stop_at_soc=80.0).values("battery", soc=79.9, target_current=2.0).run(5)
    assert (stage.active("inlet.plugged.asking"), told(stage)) == (True, [])


@pytest.mark.parametrize("flag", ["hardware", "overtemperature", "input"])
def test_a_charger_with_a_fault(flag: str) -> None:
    stage = status(plugged().forget(), flag, charger=0xE7)
    assert not told(stage)
    status(stage, flag)
    assert told(stage) == [("failed", "the charger reports a fault", 40.0)]
    assert commands(stage) == [(0.0, "stop")]
    status(stage, flag)
    assert len(told(stage)) == 1
    status(other := plugged(), "communication", "battery_missing")
    assert other.active("inlet.plugged.asking")


def test_the_driver_pulls_the_plug() -> None:
    stage = status(vehicle()).emit("battery.full").post("leave").run(1)
    assert stage.unhandled == [], "before it is plugged in it has not begun"
    stage.forget().post("leave")
    assert told(stage) == [("failed", "unplugged", 40.0)]
    assert stage.ordered("battery.open_contactors") == [{}]
    stage = plugged(stop_at_soc=30.0).run(0.5)
    assert len(stage.post("leave").told("session_ended")) == 1, "its result was told"
    assert stage.active("inlet.gone")


@pytest.mark.parametrize("file", [BATTERY, POWER])
def test_their_bus(file: str) -> None:
    """Opened again every second until it is there, and after it was lost; without it nothing is sent."""
    stage = Stage(file, PACK if file == BATTERY else {}).run(2.2)
    assert stage.times("bus.connect") == [0.0, 1.0, 2.0]
    assert not stage.ordered("bms.command", "stage.tell_terminals", "stage.tell_state")
    stage.values("bus", is_connected=True).emit("bus.connected").emit("bus.connected").run(5)
    assert stage.ordered("bms.command", "stage.tell_terminals")
    stage.emit("bus.bus_state", state="error_passive", reason="").emit(
        "bus.send_failed", id=1, data=b"", reason="full", text=""
    )
    stage.emit("bus.overflow", lost=1)
    if file == BATTERY:
        stage.breaks("bms").emit("bms.misfit", id=1, data=b"", reason="too short", count=1)
    assert stage.active("bus.there")
    for event, data in (("bus.lost", {"reason": "x"}), ("bus.bus_state", {"state": "bus_off", "reason": "x"})):
        stage.forget().emit(event, **data)
        assert stage.ordered("bus.connect") == [{}]
        stage.emit("bus.connected")
    assert not stage.unhandled


def test_without_a_bus_the_vehicle_says_nothing() -> None:
    stage = Stage(BATTERY, PACK, stop_at_soc=30.0).run(3)
    assert (stage.active("inlet.plugged.over"), stage.ordered("bms.command")) == (True, [])


def stage_on_bus() -> Stage:
    return Stage(POWER).values("bus", is_connected=True).emit("bus.connected").forget()


def test_the_power_stage_does_as_it_is_told() -> None:
    stage = stage_on_bus().emit("stage.set_voltage", voltage=84.0)
    assert stage.ordered("stage.apply") == [{"voltage": 84.0, "current": 0.0, "output": False}]
    stage.emit("stage.set_current", current=60.0).emit("stage.switch", output=True)
    assert stage.order("stage.apply") == {"voltage": 84.0, "current": 60.0, "output": True}
    assert [args["signal"] for args in stage.ordered("stage.confirm")] == [0x100, 0x103, 0x132]
    stage.emit("stage.asked", signal=0x184)
    assert stage.ordered("stage.answer") == [{"signal": 0x184}]
    stage.stop()
    assert stage.order("stage.apply") == {"voltage": 0.0, "current": 0.0, "output": False}


def test_the_power_stage_tells_by_itself() -> None:
    stage = stage_on_bus().emit("stage.switch", output=True).run(0.3)
    assert stage.times("stage.tell_terminals") == pytest.approx([0.1, 0.2, 0.3])
    assert stage.ordered("stage.tell_state") == [{"charging": True}] * 3
    stage.emit("stage.switch", output=False).run(0.1)
    assert stage.order("stage.tell_state") == {"charging": False}
