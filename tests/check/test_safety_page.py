"""docs/safety.md is true: each promise it names is in the charts, each state and test exists, and none is left out."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import engine
from engine.language.model import Chart
from engine.language.traverse import chart_tree

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "safety.md").read_text()
HAZARDS = {int(text.split()[0]): text for text in PAGE.split("\n### H")[1:]}


@cache
def charts() -> dict[str, Chart]:
    return {chart.name: chart for _, chart in chart_tree(engine.load(ROOT / "machines" / "evse_dc.yaml"))}


def named(hazard: int, kind: str) -> list[str]:
    lines = [line for line in HAZARDS[hazard].splitlines() if line.startswith(f"- {kind}:")]
    return [name for line in lines for name in re.findall(r"`([^`]+)`", line)]


def promised() -> set[str]:
    """The messages of all invariants that name a hazard."""
    states = [state for chart in charts().values() for state in chart.root.walk()]
    messages = {i.message for state in states for i in (*state.invariants, *state.joint_invariants)}
    return {message for message in messages if re.match(r"H\d", message)}


def test_all_hazards_are_there_each_with_all_it_needs() -> None:
    assert sorted(HAZARDS) == list(range(1, 19))
    for hazard, text in HAZARDS.items():
        for kind in ("states", "clause", "tests", "hardware"):
            assert f"\n- {kind}: " in text, f"H{hazard} says nothing of {kind}"


@pytest.mark.parametrize("hazard", range(1, 19))
def test_what_keeps_a_hazard_exists(hazard: int) -> None:
    assert set(named(hazard, "invariant")) == {
        message for message in promised() if f"H{hazard}" in message.partition(":")[0].split(", ")
    }
    for name in named(hazard, "states"):
        chart, _, state = name.partition(": ")
        assert state in charts()[chart].states, f"{chart} has no state {state}"
    for name in named(hazard, "tests"):
        file, _, test = name.partition("::")
        assert f"\ndef {test}(" in (ROOT / file).read_text(), f"there is no {name}"
    assert named(hazard, "tests")
