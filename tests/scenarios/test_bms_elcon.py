"""Scenarios of machines/power/bms_elcon.yaml: what a battery may be charged with, and when it is gone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/bms_elcon.yaml"


def on_bus(**parameters: Any) -> Stage:
    stage = Stage(FILE, **parameters)
    stage.values("bus", is_connected=True)
    return stage.emit("bus.connected").forget()


def command(stage: Stage, voltage: float = 84.0, current: float = 60.0, control: str = "charge", **more: int) -> Stage:
    values = {"charger": 0xE5, "mode": 0} | more
    return stage.emit("bms.command", maximum_voltage=voltage, maximum_current=current, control=control, **values)


def reasons(stage: Stage, event: str = "standby") -> list[str]:
    return [data["reason"] for data in stage.told(event)]


def test_the_bus_is_opened_again_until_it_is_there() -> None:
    """A charger that needs a restart because the adapter was plugged in late."""
    stage = Stage(FILE).run(2.5)
    assert stage.times("bus.connect") == [0.0, 1.0, 2.0]
    stage.emit("bus.connected").run(10)
    assert (stage.active("bus.there"), stage.times("bus.connect")) == (True, [0.0, 1.0, 2.0])
    stage.emit("bus.connected")
    stage.forget().emit("bus.lost", reason="pulled")
    assert stage.ordered("bus.connect") == [{}]
    assert not stage.told("silent"), "nobody was there"


def test_what_is_allowed_is_told_with_each_frame() -> None:
    stage = command(on_bus())
    command(stage.run(0.5), current=20.0)
    assert stage.told("demand") == [{"voltage": 84.0, "current": 60.0}, {"voltage": 84.0, "current": 20.0}]
    assert not stage.told("standby")


def test_more_than_the_charger_has_is_no_order() -> None:
    """The frame says what is allowed: 400 A allowed to a charger of 300 A."""
    assert command(on_bus(), current=400.0).told("demand") == [{"voltage": 84.0, "current": 300.0}]
    assert command(on_bus(I_most=60.0), current=400.0).told("demand") == [{"voltage": 84.0, "current": 60.0}]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"control": "stop"}, "the battery forbids charging"),
        ({"control": "heat"}, "the battery wants to be heated, not charged"),
        ({"current": 0.4}, "the battery takes no current"),
        ({"current": 0.0, "voltage": 0.1}, "the battery takes no current"),
    ],
)
def test_a_battery_that_may_not_be_charged(said: dict[str, Any], why: str) -> None:
    """Forbidden by a flag, or by 0.1 V and 0.1 A: no current, and the reason is told. The last good demand is not
    held."""
    stage = command(on_bus()).forget()
    command(stage, **said)
    assert (reasons(stage), stage.told("demand")) == ([why], [])


@pytest.mark.parametrize("voltage", [85.6, 55.9])
def test_a_battery_that_asks_beyond_the_charger(voltage: float) -> None:
    """That is not the battery's wish to end, and is told as what it is, with each of its frames; so is its silence."""
    stage = command(on_bus()).forget()
    command(command(stage, voltage).run(0.5), voltage)
    why = f"the battery asks for {voltage} V, this charger gives 56.0 to 85.5 V"
    assert (reasons(stage, "beyond"), reasons(stage), stage.told("demand")) == ([why, why], [], [])
    stage.emit("bms.misfit", id=0x1806E5F4, data=b"", reason="too short", count=1).run(3)
    assert reasons(stage, "silent") == ["no frame of the battery for 3 s, the last one could not be read: too short"]
    assert command(stage).told("demand")


def test_more_current_than_the_charger_has_is_limited_and_said_once() -> None:
    stage = command(command(on_bus(), current=300.1), current=400.0)
    assert [told["current"] for told in stage.told("demand")] == [300.0, 300.0]
    assert stage.logs == ["the battery allows 300.1 A, this charger gives 300.0 A at most"]
    command(command(stage.run(0.5), current=300.0).run(0.5), current=310.0)
    assert stage.logs[1:] == ["the battery allows 310.0 A, this charger gives 300.0 A at most"]


@pytest.mark.parametrize(("voltage", "current"), [(85.5, 0.5), (56.0, 300.0)])
def test_limits_are_within(voltage: float, current: float) -> None:
    assert command(on_bus(), voltage, current).told("demand") == [{"voltage": voltage, "current": current}]


def test_a_battery_that_asks_for_less_than_it_has() -> None:
    """A pack of 72 V that asks for its nominal voltage: no current flows, and somebody has to say why."""
    stage = on_bus().post("measured", voltage=74.31, current=0.0)
    assert reasons(command(stage, 72.0), "beyond") == ["the battery asks for 72.0 V and has 74.3 V already"]
    stage.post("measured", voltage=72.5, current=0.0)
    assert command(stage, 72.0).told("demand") == [{"voltage": 72.0, "current": 60.0}], "what two meters may differ"


def test_frames_to_another_charger_are_not_ours() -> None:
    """Two chargers on one bus: neither takes what the other is told, nor lives by it."""
    stage = command(on_bus(), charger=0xE7)
    assert (stage.said, stage.active("talk.nobody")) == ([], True)
    command(stage)
    stage.run(2.9)
    command(stage, charger=0xE8).run(0.1)
    assert reasons(stage, "silent") == ["no frame of the battery for 3 s"]
    assert command(on_bus(charger=0xE8), charger=0xE8).told("demand")


@pytest.mark.parametrize("said", [{}, {"control": "stop"}])
def test_silence(said: dict[str, Any]) -> None:
    """After 3 s it is told; from 5 s on the charger's own frame says it, until the battery speaks again."""
    stage = command(on_bus().run(0.1), **said).run(2.999)
    assert not stage.told("silent")
    stage.run(0.001)
    assert reasons(stage, "silent") == ["no frame of the battery for 3 s"]
    assert stage.times("silent") == [pytest.approx(3.1)]
    stage.run(1.999).run(0.2)
    assert stage.active("talk.lost")
    flags = [(order.at_s, order.args["flags"]) for order in stage.orders if order.what == "bms.status"]
    assert [at for at, said_ in flags if said_ == []][-1] == pytest.approx(5.0)
    stage.run(0.5)
    assert stage.order("bms.status")["flags"] == ["communication"]  # type: ignore[index]
    command(stage).run(0.5)
    assert stage.order("bms.status")["flags"] == []  # type: ignore[index]
    assert len(stage.told("silent")) == 1


def test_each_frame_counts_anew() -> None:
    stage = command(on_bus())
    for _ in range(4):
        command(stage.run(2.9))
    assert not stage.told("silent")


def test_a_frame_after_the_silence_and_before_5_s() -> None:
    stage = command(command(on_bus()).run(4))
    assert (stage.active("talk.allowed"), len(stage.told("demand"))) == (True, 2)
    assert not stage.run(2.9).active("talk.quiet")


def test_frames_that_cannot_be_read_are_none() -> None:
    """A frame of three octets, or with a code nobody knows, keeps no battery alive; the reason names it."""
    stage = command(on_bus())
    for _ in range(6):
        stage.run(0.5).emit(
            "bms.misfit", id=0x1806E5F4, data=b"\1\2\3", reason="command: 3 octets, at least 5", count=1
        )
    why = "no frame of the battery for 3 s, the last one could not be read: command: 3 octets, at least 5"
    assert reasons(stage, "silent") == [why]
    command(stage).run(3)
    assert reasons(stage, "silent")[1] == "no frame of the battery for 3 s", "one could be read since"


@pytest.mark.parametrize(
    ("event", "data", "why"),
    [
        ("bus.lost", {"reason": "pulled"}, "the bus of the battery is lost: pulled"),
        ("bus.bus_state", {"state": "bus_off", "reason": "errors"}, "the bus of the battery is off: errors"),
    ],
)
def test_the_bus_is_lost_while_a_battery_is_there(event: str, data: dict[str, str], why: str) -> None:
    """What nobody can hear is not waited for."""
    for stage in (command(on_bus()), command(on_bus(), control="stop")):
        stage.values("bus", is_connected=False).forget().emit(event, **data)
        assert (reasons(stage, "silent"), stage.ordered("bus.connect")) == ([why], [{}])
        assert stage.active("talk.quiet")
        stage.emit(event, **data)
        assert len(stage.told("silent")) == 1
        stage.forget().run(0.9)
        assert not stage.ordered("bms.status"), "nothing is sent on a bus that is not there"
        stage.values("bus", is_connected=True).emit("bus.connected")
        command(stage)
        assert stage.said[-1][1] == "demand"


def test_other_error_states_lose_nothing() -> None:
    stage = command(on_bus()).emit("bus.bus_state", state="error_passive", reason="nobody acknowledges")
    stage.emit("bus.send_failed", id=1, data=b"", reason="full", text="full").emit("bus.overflow", lost=3)
    stage.breaks("bms")
    assert (stage.active("bus.there"), stage.active("talk.allowed"), stage.unhandled) == (True, True, [])


def test_the_chargers_frame() -> None:
    """Every 500 ms what is measured and what is wrong; a voltage below zero, which the frame cannot hold, is 0 V."""
    stage = on_bus().post("measured", voltage=74.0, current=59.5).post("condition", flags=["hardware"]).run(1.0)
    assert stage.times("bms.status") == [0.5, 1.0]
    told = {"charger": 0xE5, "voltage": 74.0, "current": 59.5, "flags": ["hardware"]}
    assert stage.ordered("bms.status") == [told, told]
    stage.post("measured", voltage=-74.0, current=-0.1).post("condition", flags=[]).run(0.5)
    assert stage.order("bms.status") == {"charger": 0xE5, "voltage": 0.0, "current": 0.0, "flags": []}
    assert on_bus(charger=0xE7).run(0.5).order("bms.status")["charger"] == 0xE7  # type: ignore[index]


TWO = "two senders say what the battery allows: 85.0 V, 300.0 A and 84.0 V, 60.0 A"


def contradicted(gap: float = 0.3) -> Stage:
    """The battery, somebody else, the battery again ``gap`` s later."""
    stage = command(command(on_bus()).run(0.5)).run(0.1)
    command(stage, 85.0, 300.0).run(gap)
    return command(stage.forget())


@pytest.mark.parametrize("said", [(85.1, 60.0), (82.9, 60.0), (84.0, 65.1), (84.0, 54.9)])
def test_limits_there_and_back_are_two_senders(said: tuple[float, float]) -> None:
    """Within the battery's period: nobody can tell which is the battery, so no current; its own limits are no wish."""
    stage = command(command(on_bus()).run(0.1), *said)
    command(stage.run(0.3).forget())
    why = f"two senders say what the battery allows: {said[0]} V, {said[1]} A and 84.0 V, 60.0 A"
    assert (stage.active("talk.beyond"), reasons(stage, "beyond")[-1]) == (True, why)


def test_one_that_forbids_and_one_that_allows_are_two() -> None:
    stage = command(command(on_bus()).run(0.1), control="stop").run(0.1)
    assert command(stage).active("senders.two")
    stage = command(command(on_bus(), control="stop").run(0.1)).run(0.1)
    assert command(stage, control="stop").active("senders.two")
    assert command(stage.forget()).active("talk.beyond")


@pytest.mark.parametrize("said", [(85.0, 60.0), (83.0, 60.0), (84.0, 65.0), (84.0, 55.0)])
def test_a_battery_that_wavers_a_little_is_one(said: tuple[float, float]) -> None:
    stage = on_bus()
    for _ in range(10):
        command(command(stage, 84.0, 60.0).run(0.1), *said).run(0.1)
    assert (stage.active("senders.one"), len(stage.told("demand"))) == (True, 20)


def test_a_battery_that_lowers_its_limits_fast_is_one() -> None:
    """Each frame another one, none of the limits before again; and one that comes back in its own time."""
    stage = on_bus()
    for current in (60.0, 45.0, 30.0, 15.0, 1.0):
        command(stage, current=current).run(0.1)
    stage.run(0.5)
    for current in (60.0, 30.0, 60.0):
        command(stage, current=current).run(0.5)
    assert not stage.told("beyond")
    assert contradicted(gap=0.401).active("talk.allowed")


def test_frames_to_another_charger_contradict_nobody() -> None:
    stage = command(on_bus()).run(0.1)
    for _ in range(5):
        command(stage, 85.0, 300.0, charger=0xE7).run(0.1)
        command(stage).run(0.1)
    assert stage.active("senders.one")
    stage = contradicted().run(4.9)
    command(command(stage, 85.0, 300.0, charger=0xE7), charger=0xE7).run(0.1)
    assert stage.active("senders.one")


def test_believed_again_when_nobody_contradicts() -> None:
    """For 5 s; each frame until then is told as beyond, and each contradiction begins the time anew."""
    stage = contradicted()
    assert reasons(stage, "beyond")[-1] == TWO
    command(stage.run(4.9).forget())
    assert (reasons(stage, "beyond"), stage.told("demand")) == ([TWO], [])
    command(stage, 85.0, 300.0)
    command(command(stage, 85.0, 300.0).run(4.9).forget(), 85.0, 300.0)
    assert stage.told("demand") == []
    command(stage.run(0.1), 85.0, 300.0)
    assert stage.told("demand") == [{"voltage": 85.0, "current": 300.0}]
