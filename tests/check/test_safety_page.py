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
PARTS = dict(
    zip(("evse_dc", "evse_ac"), (ROOT / "docs" / "safety.md").read_text().split("\n## The AC station\n"), strict=True)
)
HAZARDS = {
    (station, int(text.split()[0])): text.partition("\n## ")[0]
    for station, part in PARTS.items()
    for text in part.split("\n### H")[1:]
}


@cache
def charts(station: str) -> dict[str, Chart]:
    return {chart.name: chart for _, chart in chart_tree(engine.load(ROOT / "machines" / f"{station}.yaml"))}


def named(station: str, hazard: int, kind: str) -> list[str]:
    lines = [line for line in HAZARDS[station, hazard].splitlines() if line.startswith(f"- {kind}:")]
    return [name for line in lines for name in re.findall(r"`([^`]+)`", line)]


def promised(station: str) -> set[str]:
    """The messages of all invariants that name a hazard."""
    states = [state for chart in charts(station).values() for state in chart.root.walk()]
    messages = {i.message for state in states for i in (*state.invariants, *state.joint_invariants)}
    return {message for message in messages if re.match(r"H\d", message)}


def test_all_hazards_are_there_each_with_all_it_needs() -> None:
    """AC has no H5, since the voltage is the mains', and H19 of its own."""
    assert [n for station, n in HAZARDS if station == "evse_dc"] == list(range(1, 19))
    assert [n for station, n in HAZARDS if station == "evse_ac"] == [1, 2, 3, 4, *range(6, 20)]
    for place, text in HAZARDS.items():
        for kind in ("states", "clause", "tests", "hardware"):
            assert f"\n- {kind}: " in text, f"{place} says nothing of {kind}"


@pytest.mark.parametrize(("station", "hazard"), HAZARDS)
def test_what_keeps_a_hazard_exists(station: str, hazard: int) -> None:
    assert set(named(station, hazard, "invariant")) == {
        message for message in promised(station) if f"H{hazard}" in message.partition(":")[0].split(", ")
    }
    for name in named(station, hazard, "states"):
        chart, _, state = name.partition(": ")
        assert state in charts(station)[chart].states, f"{chart} has no state {state}"
    for name in named(station, hazard, "tests"):
        file, _, test = name.partition("::")
        assert f"\ndef {test}(" in (ROOT / file).read_text(), f"there is no {name}"
    assert named(station, hazard, "tests")
