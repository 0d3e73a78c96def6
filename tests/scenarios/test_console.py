"""Scenarios of machines/console.yaml: what a person may ask, and what comes by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

VALUES: dict[str, Any] = {
    "state": "charging", "reason": "", "voltage": 74.26, "current": 59.94, "demand_voltage": 84.0,
    "demand_current": 60.0, "limit": 100.0, "energy": 123.45, "sessions": 2,
}  # fmt: skip
PARTS = {
    "1": " terminals 74.3 V 59.9 A", "2": " battery 84.0 V 60.0 A", "3": " session 123.5 Wh, 2 before",
    "4": " limit 100.0 A",
}  # fmt: skip
ALL = "metrics" + "".join(PARTS.values())


def console(**values: Any) -> Stage:
    return Stage("machines/console.yaml").post("values", **{**VALUES, **values})


def written(stage: Stage) -> list[str]:
    return [args["text"] for args in stage.ordered("console.write")]


def enter(stage: Stage, text: str) -> list[str]:
    """What is written at once, and when the charger has told what there is now."""
    stage.forget().emit("console.line", text=text)
    if stage.told("wanted"):
        assert written(stage) == [], "nothing of a moment ago"
        stage.post("values", **{**VALUES, "energy": 123.46})
    return written(stage)


def test_two_lines_every_ten_seconds() -> None:
    stage = console(energy=123.46).run(9.999)
    assert not written(stage)
    stage.run(0.001)
    assert written(stage) == ["status charging", ALL]
    stage.post("values", **{**VALUES, "state": "out of order", "reason": "welded?", "energy": 123.46}).run(10)
    assert written(stage)[2:] == ["status out of order, welded?", ALL]


@pytest.mark.parametrize("view", ["1", "2", "3", "4"])
def test_views(view: str) -> None:
    """One of them at once, and from then on every ten seconds."""
    stage = console(energy=123.46)
    assert enter(stage, view) == ["metrics" + PARTS[view]]
    stage.forget().run(10)
    assert written(stage) == ["status charging", "metrics" + PARTS[view]]
    assert enter(stage, "5") == [ALL]


def test_status_and_silence() -> None:
    stage = console(energy=123.46)
    assert enter(stage, "s") == ["status charging", ALL]
    assert enter(stage, "0") == ["muted; 1 to 5 show again"]
    stage.forget().run(100)
    assert not written(stage)
    assert enter(stage, "s") == ["status charging", ALL], "asked for"
    enter(stage, "1")
    assert written(stage.run(10)) == ["metrics" + PARTS["1"], "status charging", "metrics" + PARTS["1"]]


def test_what_is_shown_is_of_now() -> None:
    """Also what a key has done a moment ago; two questions before the first answer are answered together."""
    stage = console().emit("console.line", text="t").emit("console.line", text="s").emit("console.line", text="1")
    assert written(stage) == ["emergency stop"]
    stage.post("values", **{**VALUES, "state": "out of order", "reason": "emergency stop at the console"})
    assert written(stage)[1:] == ["status out of order, emergency stop at the console", "metrics" + PARTS["1"]]
    stage.post("values", **VALUES)
    assert len(written(stage)) == 3, "once"


def test_emergency_stop() -> None:
    stage = console()
    assert enter(stage, "t") == ["emergency stop"]
    assert stage.told("emergency") == [{}]


@pytest.mark.parametrize("text", ["6", "T", "tt", "st", "help"])
def test_anything_else(text: str) -> None:
    stage = console()
    (hint,) = enter(stage, text)
    assert hint.startswith("1 terminals, 2 battery")
    assert not stage.told("emergency")
    assert enter(stage, "") == []
    assert stage.unhandled == []
