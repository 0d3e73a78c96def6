"""A trace is a file like any other: broken, edited or hostile ones end in a message and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cli import main
from engine.language.model import Chart
from engine.tools.trace import TraceError, read
from engine.tools.trace.replay import replay
from tests.trace.conftest import WHOLE
from tests.trace.test_records import Run

junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_trace_or_a_trace_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_bytes(content)
    assert main(["trace", "show", str(file)]) in (0, 2)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        found += places(item, (*path, key))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_an_edited_trace_never_breaks_a_tool(traced: Run, load: Callable[[], Chart], data: st.DataObject) -> None:
    file = traced(WHOLE)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        *above, last = data.draw(st.sampled_from(places(lines[number])))
        holder = lines[number]
        for key in above:
            holder = holder[key]
        if isinstance(holder, dict) and data.draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = data.draw(junk)
        if not places(lines[number]):
            break
    edited = Path(str(file) + ".edited")
    edited.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for arguments in (
        ["trace", "show", str(edited)],
        ["trace", "show", "--problems", str(edited)],
        ["trace", "sequence", "--states", str(edited)],
        ["trace", "diff", str(file), str(edited)],
    ):
        assert main(arguments) in (0, 1, 2)
    try:
        trace = read(edited)
    except TraceError:
        return
    parting = replay(trace, {"top": load()})
    assert parting is None or parting.record in trace.records
