"""The lines of a trace are written at once; they are the JSON of the records all the same, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from engine.cli import main
from engine.run import Actor, Note, StepRecord
from engine.run.json_values import Hidden, to_json
from engine.run.observer import EVERYWHERE
from engine.semantics.step import (
    Call,
    CancelSend,
    CancelTimer,
    Done,
    Effect,
    Event,
    LogText,
    SendEvent,
    StartCall,
    StartTimer,
    StopChild,
)
from engine.tools.trace import Veil
from engine.tools.trace.lines import Recorder, encode
from engine.tools.trace.record import effect_record, event_record, kept, outcome, start_record
from tests.trace.conftest import WHOLE
from tests.trace.test_records import values

CHART = str(Path(__file__).parents[2] / "machines" / "evse_dc.yaml")


class Beside:
    """Makes every step's line and, beside it, its record by the functions that tell what a record is."""

    def __init__(self) -> None:
        self.lines = 0
        self.apart: list[tuple[str, str]] = []
        self._veil = Veil()
        self._recorder = Recorder(self._veil)
        self._data: dict[Actor, dict[str, Any]] = {}

    def step(self, record: StepRecord) -> None:
        line, wanted = self._recorder.step(record), encode(self._record(record))
        self.lines += 1
        if line != wanted:
            self.apart.append((line, wanted))

    def note(self, note: Note) -> None:
        pass

    def _record(self, record: StepRecord) -> dict[str, Any]:
        actor, machine, veil = record.actor, record.actor.machine, self._veil
        line: dict[str, Any] = {"time_ns": record.time_ns, "machine": actor.path, "cause": record.cause}
        if record.cause == "start":
            line |= start_record(actor, veil)
        if record.event is not None:
            hidden = veil.event(machine.chart, record.event.name, record.event.data)
            line["event"] = event_record(record.event, hidden)
        if record.timer is not None:
            line["timer"] = record.timer
        if machine.readings:
            readings = {f"{role}.{name}": value for (role, name), value in machine.readings.items()}
            line["readings"] = to_json(veil.own(machine.chart, "readings", readings))
        line |= outcome(record.step, machine, self._data.get(actor, {}), veil)
        self._data[actor] = kept(machine)
        return line


@pytest.fixture
def beside() -> Iterator[Beside]:
    observer = Beside()
    EVERYWHERE.append(observer)
    yield observer
    EVERYWHERE.remove(observer)


def test_a_run_with_everything_in_it(beside: Beside, traced: Callable[[list[Any]], Path]) -> None:
    traced(WHOLE)
    assert beside.lines >= 15
    assert beside.apart == []


def test_a_whole_session_with_its_secrets(beside: Beside, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", CHART, "--fast", "--quiet", "--set", "pev.stop_at_soc=41 %"]) == 0
    assert beside.lines > 1000
    assert beside.apart == []


@given(values)
def test_every_value(value: Any) -> None:
    for one in (value, {"a": value}, {"$hex": value}, {"a": value, "$b": value}, {"secret": Hidden(value)}):
        assert Recorder().value(one) == encode(to_json(one))


@pytest.mark.parametrize("odd", [float("inf"), float("-inf"), float("nan"), 1 << 70, True, '\u2028"\\\n\ud800', b"$"])
def test_odd_values(odd: Any) -> None:
    assert Recorder().value({"a": odd, "b": [odd]}) == encode(to_json({"a": odd, "b": [odd]}))
    assert Recorder().value({"a": {"$hex": odd}}) == encode(to_json({"a": {"$hex": odd}}))


@pytest.mark.parametrize(
    "effect",
    [
        Call("role", "action", {"a": 1.5, "b": None}),
        Call("role", "action", {}),
        SendEvent("e", None, None),
        SendEvent("e", {}, "parent"),
        SendEvent("e", "", "kid"),
        SendEvent("e", {"a": 1}, "kid", key=0),
        SendEvent("e", {"a": 1}, "kid", key=""),
        SendEvent("e", [1], "kid", delay_ns=5, id="x", type="scxml"),
        CancelSend("x"),
        StartTimer("a/after 1 s", 10),
        CancelTimer("a/after 1 s"),
        StopChild("kid", b"\x01"),
        StartCall("id", "role", "action", {"a": b""}),
        LogText("text\n", "label"),
        Done({"a": 1}),
    ],
)  # fmt: skip
def test_every_effect(effect: Effect) -> None:
    assert Recorder().effect(effect) == encode(effect_record(effect))


@pytest.mark.parametrize(
    "event",
    [
        Event("e"),
        Event("e", {}),
        Event("e", {"a": 1.0}),
        Event("e", 5, "internal"),
        Event("e", [1], "", "id"),
        Event("e", None, "external", "id", "#_scxml_1", "http://x", "kid"),
        Event("e", {"key": 1}, "external", "", "#_scxml_1", "http://x", "kid"),
        Event("e", {"reason": "none"}, "platform", invokeid="kid"),
    ],
)  # fmt: skip
def test_every_event(event: Event) -> None:
    assert Recorder().event(event, event.data) == encode(event_record(event))
