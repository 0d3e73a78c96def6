"""A large chart is drawn in parts: nothing may get lost between them, and it must become readable by it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.model import Chart
from engine.run.registry import installed
from engine.run.station import Overrides, resolve
from engine.tools.diagram.arrow_lists import as_words, owner
from engine.tools.diagram.draw import Drawing, draw, draw_station
from engine.tools.diagram.elk import Elk
from engine.tools.diagram.graph import Shape
from engine.tools.diagram.split import INSIDE, cuttable, split
from engine.tools.diagram.statechart import statechart

MACHINES = Path(__file__).parents[2] / "machines"
LARGE = ("evse_dc", "pev_dc", "power/dc_output", "v2g/secc_iso2", "v2g/evcc_iso2", "pilot/evse", "slac/pev")
POINTS = 72 / 25.4  # in a millimetre


def _large() -> list[Any]:
    """Three of them, and in the long run all."""
    return [
        pytest.param(name, marks=[] if name in ("evse_dc", "v2g/evcc_iso2", "pilot/evse") else [pytest.mark.campaign])
        for name in LARGE
    ]


@pytest.fixture(scope="module", params=_large())
def large(request: pytest.FixtureRequest) -> Chart:
    return engine.load(MACHINES / f"{request.param}.yaml")


@pytest.fixture(scope="module")
def full(large: Chart, elk: Elk) -> Drawing:
    return draw(large, "full", elk)


def label_points(svg: str) -> float:
    """The size of the smallest text of a drawing, as printed."""
    scale = float(re.findall(r"scale\(([\d.]+)\)", svg)[0])
    body = svg[svg.index('class="chart"') :]
    return min(float(size) for size in re.findall(r'font-size="([\d.]+)"', body)) * scale * POINTS


def found(drawing: Drawing, attribute: str) -> set[str]:
    values = {e.get(attribute) for text in drawing.svgs for e in ElementTree.fromstring(text).iter()}
    return {value for value in values if value is not None}


def test_the_largest_charts_can_be_read_in_print(full: Drawing) -> None:
    """On as many A3 sheets as it needs, with text of 6 points and more."""
    for text in full.svgs:
        assert label_points(text) >= 5.99
        size = re.search(r'width="(\d+)mm" height="(\d+)mm"', text)
        assert size
        assert sorted(map(int, size.groups())) in ([210, 297], [297, 420])


def test_every_state_and_transition_is_on_some_sheet_of_the_full_drawing(large: Chart, full: Drawing) -> None:
    """But for the states a template has written out: the template is drawn once."""
    own = {s.id or "(root)" for s in large.states.values() if s.position.used is None}
    assert found(full, "data-state") == own
    assert {t.id for t in large.transitions} <= found(full, "data-transition")


def test_both_large_stations_can_be_read_in_print(elk: Elk) -> None:
    for name in ("evse_dc", "pev_dc"):
        file = MACHINES / "stations" / f"{name}.toml"
        station = resolve(file, None, Overrides(environ={}), installed(), engine.load)
        drawing = draw_station(station, name, elk)
        for text in drawing.svgs:
            assert label_points(text) >= 5.99
        roles = {f"{plan.name}.{role}" for plan in station.machines.values() for role in plan.chart.adapters}
        assert roles == found(drawing, "data-role"), "a machine on a sheet of its own keeps its adapters"


def test_arrows_that_became_words_name_their_targets_where_they_start(large: Chart) -> None:
    graph = statechart(large)
    spoken = as_words(graph)
    if spoken is None:
        assert large.name in ("pilot_evse",), "only this one has no state that many arrows lead to"
        return
    kept = {e.id for e in spoken.edges}
    boxes = {n.id: n for n in spoken.root.walk()}
    gone = [e for e in graph.edges if e.id not in kept]
    assert gone
    for edge in gone:
        lines = [line for section in boxes[owner(edge.source)].sections for line in section]
        key = dict(edge.tags)["data-transition"]
        own = [line for line in lines if dict(line.tags).get("data-transition") == key]
        (name,) = (line.to for line in own if line.to)
        assert f".{edge.target}".endswith(f".{name}")
        assert "".join(line.text for line in own) == "".join(line.text for line in edge.label) or not edge.label
        noted = [line.text for line in boxes[edge.target].sections[0] if line.text.endswith("as words")]
        assert noted, f"{edge.target} does not say that arrows are missing"


def test_every_arrow_keeps_its_ends_and_names_the_states_inside(chart: Chart) -> None:
    graph = statechart(chart)
    parts = cuttable(graph.root)
    frames = split(graph, [node.id for node in parts])
    assert len(frames) == len(parts) + 1
    nodes = {n.id: n for frame in frames for n in frame.root.walk()}
    arrows = {edge.id: edge for frame in frames for edge in frame.edges}
    for frame in frames:
        inside = {n.id for n in frame.root.walk()}
        assert all({edge.source, edge.target} <= inside for edge in frame.edges), "an arrow leaves its frame"
    for before in graph.edges:
        after = arrows[before.id]
        words = " ".join(line.text for line in after.label)
        for word, old, new in (("from", before.source, after.source), ("to", before.target, after.target)):
            if old != new:
                assert old.startswith(new)
                assert f"{word} {old.removeprefix(new + '.')}" in words
        if before.source != after.source and nodes[before.source].shape is Shape.BOX:
            key = dict(before.tags)["data-transition"]
            lines = [line for section in nodes[before.source].sections for line in section]
            assert any(dict(line.tags).get("data-transition") == key and line.to for line in lines)
    assert {n.id for n in graph.root.walk()} <= nodes.keys()
    assert {f"{node.id}{INSIDE}" for node in parts} <= {frame.root.id for frame in frames}
