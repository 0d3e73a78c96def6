"""Scenarios of machines/pilot/firmware.yaml: what a pilot board does by itself, and for its host. Its C, with
raw samples: tests/firmware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.scenarios.stage import MS, Stage

SHOWN = {"line.x1": 100, "line.hlc": 5, "line.fault": 0}
"""What the line shows for an order, %."""


class Firmware(Stage):
    """The chart, with a line that obeys; a host has spoken unless ``quiet``."""

    def __init__(self, *, quiet: bool = False, **parameters: Any) -> None:
        self.duty: float = 100
        """What the line was ordered last, %."""
        super().__init__("machines/pilot/firmware.yaml", **parameters)
        if not quiet:
            self.says("ping")

    def says(self, command: str, **fields: Any) -> Firmware:
        """The host says, and the line shows what comes of it."""
        self.emit(f"host.{command}", **fields)
        return self.shows()

    def sets(self, duty: int | None = None, enable: bool | None = None) -> Firmware:
        return self.says(
            "set_pwm", with_duty=duty is not None, duty=duty or 0, with_enable=enable is not None, enable=bool(enable)
        )

    def sees(self, state: str) -> Firmware:
        """The line has this state."""
        self.child("line.state", state=state)
        return self.shows()

    def shows(self) -> Firmware:
        """The converter reads back what was ordered of the line."""
        if self.duty != self.data("out"):
            self.emit("front.shown", duty=self.duty)
        return self

    def lives(self, seconds: float) -> Firmware:
        """The host asks each 50 ms, as long as that."""
        for _ in range(round(seconds / 0.05)):
            self.run(0.05)
            self.says("get_status")
        return self

    def _ordered(self, what: str, args: Mapping[str, Any]) -> None:
        super()._ordered(what, args)
        if what in (*SHOWN, "line.nominal"):
            self.duty = SHOWN.get(what, args.get("duty", 0))

    @property
    def events(self) -> list[str]:
        found = self.ordered("host.event")
        assert [event["seq"] for event in found] == [found[0]["seq"] + n for n in range(len(found))] if found else True
        return [event["name"] for event in found]


def test_nobody_is_invited_before_a_host_speaks() -> None:
    board = Firmware(quiet=True)
    board.run(1).child("line.state", state="B")
    assert (board.duty, board.times("host.status")) == (100, pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0]))
    board.says("ping")
    assert board.duty == 5
    assert board.events == ["state", "host_heard", "duty"]


@pytest.mark.parametrize(("state", "duty"), [("A", 100), ("B", 5), ("C", 5), ("D", 5), ("E", 100)])
def test_mode_dc(state: str, duty: int) -> None:
    board = Firmware()
    board.sees("B").sees(state)
    assert (board.data("state"), board.duty) == (state, duty)


def test_f_is_told_and_gone_when_the_line_has_found_its_state() -> None:
    board = Firmware()
    board.sees("B").forget()
    board.emit("pilot.levels", high=-11.0, low=-11.0)
    assert (board.data("state"), board.duty) == ("F", 100)
    board.emit("pilot.levels", high=-10.9, low=-10.9).emit("pilot.levels", high=-12.0, low=-12.0).lives(0.1)
    assert board.data("state") == "F"
    board.emit("pilot.levels", high=12.0, low=12.0).child("line.state", state="A")
    assert board.data("state") == "F"
    board.run(0.02)
    assert (board.data("state"), board.duty) == ("A", 100)
    assert board.shows().events == ["state", "duty", "state"]


def test_a_missing_diode_is_told_until_another_vehicle_comes() -> None:
    board = Firmware()
    board.sees("C").forget()
    board.child("line.diode_fault").shows().sees("E")
    assert (board.events, board.data("state"), board.data("diode"), board.duty) == (["diode", "duty"], "C", False, 100)
    board.sees("A").sees("B")
    assert (board.data("diode"), board.duty) == (True, 5)


@pytest.mark.parametrize("mode", ["dc", "manual"])
def test_a_silent_host_has_no_vehicle(mode: str) -> None:
    """In mode manual it has to be told the duty anew."""
    board = Firmware()
    board.sees("C").says("set_mode", mode=mode).sets(5, True).forget()
    board.run(0.999)
    assert board.events == []
    board.run(0.001)
    board.shows()
    assert (board.events, board.duty) == (["host_silent", "duty"], 100)
    board.forget().says("get_status")
    assert (board.events[0], board.duty) == ("host_heard", 5 if mode == "dc" else 100)
    assert board.sets(16, True).duty == (5 if mode == "dc" else 16)


def test_mode_manual() -> None:
    """It keeps what is shown; each part of an order alone; the old mode gives 5 % at once."""
    board = Firmware()
    board.sees("B").says("set_mode", mode="manual").forget()
    assert board.sees("C").orders[-1].what == "line.nominal"
    assert board.duty == 5
    assert board.sets(duty=0).duty == 0
    assert board.sets(duty=100).duty == 100
    assert board.sets(duty=99).duty == 99
    assert board.sets(enable=False).duty == 100
    assert board.sets(duty=1).duty == 100
    assert board.sets(enable=True).duty == 1
    board.says("set_freq", hz=900)
    assert board.order("front.set_frequency") == {"hz": 900}
    board.forget().says("set_mode", mode="manual")
    assert board.events == []
    board.says("set_mode", mode="dc")
    assert (board.duty, board.order("front.set_frequency"), board.events) == (5, {"hz": 1000}, ["mode", "duty"])


def test_in_mode_dc_the_host_sets_nothing() -> None:
    board = Firmware()
    board.forget().sets(5, True).says("set_freq", hz=900)
    assert board.ordered("host.refuse") == [{"code": "mode_dc_auto"}] * 2
    assert board.ordered("line.nominal", "front.set_frequency", "host.status") == []


def test_a_command_has_one_answer() -> None:
    board = Firmware()
    board.forget().says("ping").says("scan").says("set_thresholds").run(0)
    assert [order.what for order in board.orders] == ["host.pong", "host.inputs", "host.status"]


@pytest.mark.parametrize(("given_ms", "takes_s"), [(None, 0.4), (250, 0.25)])
def test_a_hint(given_ms: int | None, takes_s: float) -> None:
    """For as long as the host says, else for T_hint."""
    board = Firmware()
    board.sees("B").says("set_mode", mode="manual").forget()
    board.says("restart_slac_hint", with_time=given_ms is not None, time=(given_ms or 0) * MS)
    assert board.duty == 100
    board.run(takes_s - 0.001)
    assert board.ordered("host.ok") == []
    board.run(0.001)
    board.shows()
    assert (board.duty, board.data("mode"), board.ordered("host.ok")) == (5, "dc", [{"command": "restart_slac_hint"}])


@pytest.mark.parametrize("good", [True, False])
def test_a_calibration(good: bool) -> None:
    """+12 V, then -12 V, each for a while; then as before."""
    board = Firmware()
    board.forget().says("auto_cal").run(0.03)
    assert (board.order("front.note_high"), board.duty) == ({}, 0)
    board.shows().run(0.03)
    assert [order.what for order in board.orders if order.what.startswith("front")] == [
        "front.note_high",
        "front.note_low",
        "front.calibrate",
    ]
    assert board.duty == 100
    board.emit("front.calibrated" if good else "front.uncalibrated").run(0)
    assert board.ordered("host.ok") == ([{"command": "cp.auto_cal"}] if good else [])
    assert board.ordered("host.refuse") == ([] if good else [{"code": "cal_failed"}])
    assert board.sees("B").duty == 5


def test_a_calibration_wants_no_vehicle() -> None:
    board = Firmware()
    board.says("auto_cal").sees("B")
    assert (board.ordered("host.refuse"), board.duty) == ([{"code": "cal_failed"}], 5)
    board.forget().says("auto_cal").run(0)
    assert board.ordered("host.refuse") == [{"code": "cal_failed"}]
    assert board.ordered("line.fault", "front.note_high") == []


def test_a_reset() -> None:
    board = Firmware()
    board.sees("B").says("set_mode", mode="manual").says("reset")
    assert board.duty == 100
    board.run(0.05)
    assert board.times("front.restart") == [pytest.approx(0.05)]
    assert (board.data("mode"), board.data("seq"), board.active("host.unheard"), board.duty) == ("dc", 0, True, 100)


def test_bursts_that_do_not_come_are_told() -> None:
    board = Firmware()
    board.forget().emit("pilot.lost", reason="").emit("pilot.found")
    assert board.events == ["blind", "sees"]
    assert board.unhandled == []
