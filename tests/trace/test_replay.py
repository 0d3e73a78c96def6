"""A trace replays to the same steps on the same charts, and says where it parts on others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
from engine.language.model import Chart
from engine.tools.trace import read
from engine.tools.trace.compare import first_difference
from engine.tools.trace.replay import replay
from tests.system.tools import DOOR, S
from tests.trace.conftest import WHOLE

Run = Callable[..., Path]


def test_a_replay_takes_the_same_steps(traced: Run, load: Callable[[], Chart]) -> None:
    trace = read(traced(WHOLE))
    assert len(trace.steps()) > 15
    assert replay(trace, {"top": load()}) is None


items = st.sampled_from(
    ["go", "strange", "bad", "opened", "measured", ("add", {"k": 1}), ("add", {"k": 2}), 300_000_000, 1 * S, 4 * S]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(items, max_size=25))
def test_any_run_replays(traced: Run, load: Callable[[], Chart], script: list[Any]) -> None:
    assert replay(read(traced(script)), {"top": load()}) is None


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("pin=7", "pin=8", "effects"),
        ("{go: work}", "{go: rest}", "configuration"),
        ("alive: {type: int, initial: 0}", "alive: {type: int, initial: 1}", "data"),
        ("raise: next", "raise: strange", "transitions"),
        ("assign: {angle: gate.angle}", "assign: {angle: gate.angle + 1}", "data"),
    ],
)
def test_an_edited_chart_parts_from_the_trace_where_it_was_edited(
    traced: Run, charts: Path, old: str, new: str, field: str
) -> None:
    trace = read(traced(WHOLE))
    text = (charts / "top.yaml").read_text()
    assert old in text
    (charts / "top.yaml").write_text(text.replace(old, new))
    parting = replay(trace, {"top": engine.load(charts / "top.yaml", contracts={"door": DOOR})})
    assert parting is not None
    assert parting.field == field
    assert trace.records[parting.line - 2] is parting.record


def test_an_edited_child_parts_in_the_child(traced: Run, charts: Path, load: Callable[[], Chart]) -> None:
    trace = read(traced(WHOLE))
    (charts / "child.yaml").write_text((charts / "child.yaml").read_text().replace("level: 1.5", "level: 2.5"))
    parting = replay(trace, {"top": load()})
    assert parting is not None
    assert parting.record["machine"] == "top/kid"


def test_traces_of_the_same_run_do_not_differ_and_others_are_told_apart(traced: Run) -> None:
    one = read(traced(WHOLE, "one.jsonl"))
    again = read(traced(WHOLE, "again.jsonl"))
    assert first_difference(one, again, times=True) is None
    later = read(traced([1 * S, *WHOLE], "later.jsonl"))
    assert first_difference(one, later) is None
    moved = first_difference(one, later, times=True)
    assert moved is not None
    assert moved.fields == ("time_ns",)
    shorter = read(traced(WHOLE[:3], "shorter.jsonl"))
    difference = first_difference(one, shorter)
    assert difference is not None
    assert difference.number == 6  # after start, go, the child's start, opened and strange
