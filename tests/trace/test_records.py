"""A trace holds all that happened, in the documented form, and reads back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.run import System
from engine.run.json_values import from_json, to_json
from engine.tools.trace import TraceError, TraceWriter, read
from engine.tools.trace.show import line
from tests.system.tools import chart
from tests.trace.conftest import WHOLE

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text())
Run = Callable[[list[Any]], Path]


def test_every_line_is_as_the_schema_says(traced: Run) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    lines = [json.loads(text) for text in traced(WHOLE).read_text().splitlines()]
    for one in lines:
        validator.validate(one)
    kinds = {effect["do"] for one in lines for effect in one.get("effects", ())}
    assert kinds == {"call", "send", "start_timer", "cancel_timer", "start_child", "stop_child", "start_call", "log",
                     "done"}  # fmt: skip
    assert {one.get("cause") for one in lines} == {None, "start", "event", "timer", "stop"}
    assert any("failures" in one for one in lines)
    assert any("unhandled" in one for one in lines)
    assert any("readings" in one for one in lines)


def test_the_schema_refuses_a_line_that_is_not_one() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for wrong in ({}, {"time_ns": 1, "machine": "m", "cause": "event", "configuration": []}, {"trace": 2}):
        assert list(validator.iter_errors(wrong))


def test_a_step_tells_event_reading_data_and_order_of_effects(traced: Run) -> None:
    trace = read(traced(["opened", "go", 1_000_000_000]))
    go = next(record for record in trace.steps() if record.get("event", {}).get("name") == "go")
    assert go["readings"] == {"gate.angle": 10.0}
    assert go["data"] == {"angle": 10.0}
    assert go["raised"] == ["next"]
    assert [effect["do"] for effect in go["effects"]] == ["log", "call", "start_timer", "start_child", "start_call"]
    assert go["effects"][0]["text"] == "angle 10.0"
    found = next(r for r in trace.steps() if r.get("event", {}).get("name") == "kid.found")
    assert found["event"]["data"] == {"raw": {"$hex": "00ff"}, "level": 1.5}
    assert found["event"]["invokeid"] == "kid"
    assert found["data"] == {"raw": {"$hex": "00ff"}}


def test_only_what_changed_is_written(traced: Run) -> None:
    steps = read(traced(["go", "bad", "opened"])).steps()
    assert "data" in steps[0]
    assert [name for record in steps[3:] for name in record.get("data", ())] == []


def test_every_record_can_be_shown_on_one_line(traced: Run) -> None:
    for record in read(traced(WHOLE)).records:
        assert "\n" not in line(record)
        assert record["machine"] in line(record)


def test_a_trace_cut_off_by_a_crash_reads_up_to_the_last_whole_line(traced: Run) -> None:
    path = traced(WHOLE)
    whole = read(path).records
    text = path.read_text()
    path.write_text(text[: len(text) - 40])
    assert read(path).records == whole[:-1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"hello\n", ":1: not JSON"),
        (b"\xff\xfe\x00\n", "not a trace"),
        (b'{"trace":7,"machines":{}}\n', "version 7"),
        (b"[]\n", ":1: a record is an object"),
        (b'{"trace":1,"machines":{}}\n{"time_ns":"x","machine":"m"}\n', ":2: a record needs"),
        (b'{"trace":1,"machines":{}}\n' + b"[" * 100_000 + b"\n", ":2: not JSON"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=told):
        read(path)


def test_a_trace_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    system = System()
    system.add(chart("machine: m\ninitial: a\nstates: {a: {}}\n"))
    with pytest.raises(OSError, match="nowhere"):
        TraceWriter(system, tmp_path / "nowhere" / "x.jsonl")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["$hex", "$float", "$text", "$map"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_every_value_a_machine_can_hold_survives_a_trace(value: Any) -> None:
    assert from_json(json.loads(json.dumps(to_json(value), allow_nan=False))) == value
