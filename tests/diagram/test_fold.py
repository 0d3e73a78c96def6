"""A large chart is drawn in parts: nothing may get lost between them, and it must become readable by it."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.diagram.draw import Layouts, draw
from engine.diagram.elk import LayoutUnavailable
from engine.diagram.fold import fold
from engine.diagram.page import choose_sheet
from engine.diagram.statechart import statechart
from engine.model import Chart

MACHINES = Path(__file__).parents[2] / "machines"


def test_every_arrow_keeps_its_ends_and_names_the_states_inside(chart: Chart) -> None:
    graph = statechart(chart, "overview")
    folded = fold(graph)
    if folded is None:
        pytest.skip("no composite to fold in this chart")
    nodes = {n.id: n for top in (folded.root, *folded.notes) for n in top.walk()}
    for before, after in zip(graph.edges, folded.edges, strict=True):
        assert before.id == after.id
        assert {after.source, after.target} <= nodes.keys()
        words = " ".join(line.text for line in after.label)
        for word, old, new in (("from", before.source, after.source), ("to", before.target, after.target)):
            if old != new:
                assert old.startswith(new)
                assert f"{word} {old.removeprefix(new + '.')}" in words
    assert {n.id for n in graph.root.walk()} <= nodes.keys()


def test_the_largest_shipped_chart_is_readable() -> None:
    """Drawn in one piece, the vehicle's V2G session came out with text of 2 pt."""
    try:
        layouts = Layouts("elk", print)
    except LayoutUnavailable as reason:
        pytest.skip(str(reason))
    chart = engine.load(MACHINES / "v2g" / "evcc_dc.yaml")
    with layouts:
        draw(chart, "overview", layouts)
        layout = layouts.overviews[chart.text_hash].layout
    _, scale = choose_sheet(layout.width, layout.height)
    assert 9 * scale / 25.4 * 72 > 3
