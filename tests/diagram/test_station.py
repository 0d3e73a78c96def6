"""The station drawing is the only place where a reviewer sees who talks to whom: nobody may be missing."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest

import engine
from engine.language.traverse import chart_tree
from engine.run.registry import installed
from engine.run.station import Overrides, resolve
from engine.tools.diagram.draw import draw_station, file_bytes
from engine.tools.diagram.elk import Elk
from engine.tools.diagram.graph import Graph
from engine.tools.diagram.scene import Group, Text
from engine.tools.diagram.sheets import pictures
from engine.tools.diagram.station import _layer_name, station_graph, with_bands

STATION = Path(__file__).parents[2] / "machines" / "stations" / "evse_dc.toml"


def passing(graph: Graph) -> dict[tuple[str, str], dict[str, list[str]]]:
    """(upper, lower) → ↓ or ↑ → what passes."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for edge in graph.edges:
        assert (edge.source, edge.target) not in found, "one line for a pair"
        texts = {line[0]: re.split(", |; ", line[2:]) for line in edge.hint.split("\n") if line}
        found[edge.source, edge.target] = texts
    return found


def test_a_station_stands_in_layers_and_what_passes_in_a_table(elk: Elk) -> None:
    station = resolve(STATION, None, Overrides(environ={}), installed(), engine.load)
    graph = station_graph(station)
    nodes = {n.id: n for n in graph.root.walk()}
    for edge in graph.edges:
        upper, lower = nodes[edge.source].layer, nodes[edge.target].layer
        assert upper is not None
        assert lower is not None
        assert upper < lower
    numbers = [edge.label[0].text for edge in graph.edges if edge.label]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    drawing = draw_station(station, "evse_dc", elk)
    tables = drawing.pages()[0][len(drawing.svgs) :]
    rows = [group for page in tables for group in page[0] if isinstance(group, Group)]
    words = {item.text for row in rows for item in row.items if isinstance(item, Text)}
    assert set(numbers) <= words
    for sheet in pictures(graph, elk):
        tops: dict[tuple[str, int], list[float]] = {}
        for frame in sheet.graph.root.children:
            for node in frame.children:
                if node.layer is not None:
                    tops.setdefault((frame.id, node.layer), []).append(sheet.layout.boxes[node.id].y)
        for frame_id in {frame_id for frame_id, _ in tops}:
            layers = [tops[key] for key in sorted(tops) if key[0] == frame_id]
            assert all(max(above) < min(below) for above, below in pairwise(layers)), "from the supervisor to the world"


def test_all_machines_children_and_adapters_of_a_station_are_drawn(elk: Elk) -> None:
    station = resolve(STATION, None, Overrides(environ={}), installed(), engine.load)
    graph = station_graph(station)
    nodes = {n.id for n in graph.root.walk()}
    for plan in station.machines.values():
        for path, _ in chart_tree(plan.chart):
            assert "/".join([plan.name, *filter(None, path.split("."))]) in nodes
        assert {f"{plan.name}:{role}" for role in plan.chart.adapters} <= nodes
    assert all({e.source, e.target} <= nodes for e in graph.edges)
    told = passing(graph)
    assert "CM_SLAC_PARM_REQ" in told["evse/slac", "evse:link"]["↑"]
    assert "dlink_ready" in told["evse", "evse/slac"]["↑"]
    assert "enter_bcd" in told["evse", "evse/slac"]["↓"]
    read = told["evse", "evse:meter"]["↑"]
    assert read[0].startswith("= "), "what is only read is a line, too"
    assert "energy" in read
    drawn = draw_station(station, "evse_dc", elk).svg
    assert 'data-role="evse.meter"' in drawn
    assert 'data-machine="evse/slac"' in drawn


def test_a_chart_that_serves_stands_where_an_adapter_does(elk: Elk) -> None:
    """In a row of adapters, with what it orders of its own roles, and what stands behind these."""
    served = STATION.with_name("evse_dc_served.toml")
    station = resolve(served, None, Overrides(environ={}), installed(), engine.load)
    graph = station_graph(station)
    nodes = {n.id: n for n in graph.root.walk()}
    assert "served_supply" in [line.text for part in nodes["evse:supply"].sections for line in part]
    assert "simulated" in [line.text for part in nodes["evse/supply:modules"].sections for line in part]
    told = passing(graph)
    assert {"on", "off", "set"} <= set(told["evse/output", "evse:supply"]["↓"])
    assert {"on", "off", "set"} <= set(told["evse:supply", "evse/supply:modules"]["↓"])
    assert "alarm" in told["evse:supply", "evse/supply:modules"]["↑"]
    for id in ("evse:supply", "evse:contactor"):
        assert _layer_name(nodes[id].layer or 0) == "adapters"
    assert all({e.source, e.target} <= set(nodes) for e in graph.edges)
    drawn = draw_station(station, "evse_dc_served", elk).svg
    assert 'data-machine="evse/supply"' in drawn


def test_a_machine_that_orders_of_another_is_in_the_frames_of_both(elk: Elk) -> None:
    site = STATION.with_name("site.toml")
    station = resolve(site, None, Overrides(environ={}, sets=["building.present=true"]), installed(), engine.load)
    graph = station_graph(station)
    nodes = {n.id: n for n in graph.root.walk()}
    assert "machine:site" in [line.text for part in nodes["building:site"].sections for line in part]
    told = passing(graph)
    assert told["building", "building:site"] == {"↓": ["limit"]}, "in the frame of the one that orders"
    assert told["site<building", "site"] == {"↓": ["limit"]}, "and of the one that is ordered"
    drawn = draw_station(station, "site", elk).svg
    assert 'data-client="building"' in drawn


def test_of_outlets_one_is_drawn_and_says_how_many_there_are() -> None:
    """Thirty-two times the same is no drawing."""
    site = STATION.with_name("site.toml")
    station = resolve(site, None, Overrides(environ={}, sets=["outlets=3"]), installed(), engine.load)
    graph = station_graph(station)
    nodes = {n.id: n for n in graph.root.walk()}
    titles = {id: node.sections[0][0].text for id, node in nodes.items() if node.sections and node.sections[0]}
    assert titles["site/outlet"] == "outlet ×3"
    assert titles["pev1:"] == "pev1 ×3"
    assert "pev2:" not in nodes
    assert {"outlet1:lock", "outlet1:supply"} <= set(nodes)
    assert "outlet2:lock" not in nodes
    assert all({e.source, e.target} <= set(nodes) for e in graph.edges)


def test_the_names_of_layers_stand_left_of_all_boxes_and_lines(elk: Elk) -> None:
    station = resolve(STATION, None, Overrides(environ={}), installed(), engine.load)
    for sheet in map(with_bands, pictures(station_graph(station), elk)):
        for frame in sheet.graph.root.children:
            bands = [node for node in frame.children if node.css == "band"]
            inside = {node.id for node in frame.children if node.css != "band"}
            left = min(sheet.layout.boxes[id].x for id in inside)
            lines = [sheet.layout.routes[e.id] for e in sheet.graph.edges if {e.source, e.target} <= inside]
            left = min([left, *(x for route in lines for x, _ in route)])
            assert bands
            for band in bands:
                assert sheet.layout.boxes[band.id].x + band.text_width <= left + 7, band.sections[0][0].text


def test_lines_of_a_station_share_no_track_and_end_apart(elk: Elk) -> None:
    """Else nobody can follow one from the chart to its adapter."""
    station = resolve(STATION, None, Overrides(environ={}), installed(), engine.load)
    for sheet in pictures(station_graph(station), elk):
        tracks: list[tuple[bool, float, float, float, str]] = []
        for edge in sheet.graph.edges:
            for (x1, y1), (x2, y2) in pairwise(sheet.layout.routes[edge.id]):
                down = abs(x1 - x2) < 0.01
                at, (start, end) = (x1, sorted((y1, y2))) if down else (y1, sorted((x1, x2)))
                tracks.append((down, at, start, end, edge.id))
        for one in tracks:
            for other in tracks:
                if one[4] < other[4] and one[0] is other[0] and abs(one[1] - other[1]) < 1.0:
                    assert min(one[3], other[3]) - max(one[2], other[2]) < 1.0, f"{one[4]} lies on {other[4]}"


@pytest.mark.parametrize("file", sorted(STATION.parent.glob("*.toml")), ids=lambda file: file.stem)
def test_each_line_of_a_station_ends_on_its_two_boxes(file: Path, elk: Elk) -> None:
    """In every shipped station; a line that ends beside its box says nothing."""
    station = resolve(file, None, Overrides(environ={}), installed(), engine.load)
    for sheet in map(with_bands, pictures(station_graph(station), elk)):
        frames = [sheet.layout.boxes[node.id] for node in sheet.graph.root.walk() if node.css == "machine"]
        for one, other in combinations(frames, 2):
            apart = one.x + one.width < other.x or other.x + other.width < one.x
            assert apart or one.y + one.height < other.y or other.y + other.height < one.y
        for edge in sheet.graph.edges:
            route = sheet.layout.routes[edge.id]
            for (x, y), id in ((route[0], edge.source), (route[-1], edge.target)):
                box = sheet.layout.boxes[id]
                assert box.x < x < box.x + box.width, f"{edge.id} ends beside {id}"
                assert min(abs(y - box.y), abs(y - box.y - box.height)) < 0.1, f"{edge.id} does not reach {id}"


def test_many_adapters_stand_in_rows_that_can_be_read(elk: Elk) -> None:
    station = resolve(STATION.with_name("soc_reader.toml"), None, Overrides(environ={}), installed(), engine.load)
    for sheet in pictures(station_graph(station), elk):
        assert 9 * sheet.scale * 72 / 25.4 >= 6.0, sheet.title


def test_boxes_lead_to_their_charts_and_lines_to_their_rows(elk: Elk) -> None:
    station = resolve(STATION, None, Overrides(environ={}), installed(), engine.load)
    drawing = draw_station(station, "evse_dc", elk)
    charts = {chart.name for plan in station.machines.values() for _, chart in chart_tree(plan.chart)}
    pictures_of = set(re.findall(r'href="([^"#]*)[.]overview[.]svg"', "".join(drawing.svgs)))
    assert charts <= pictures_of
    document = file_bytes(drawing, "pdf")
    assert all(f"({name}.pdf)".encode() in document for name in charts), "the same in the PDF"
    rows = set(re.findall(r'href="evse_dc[.]station[.]pdf#nameddest=([^"]*)"', "".join(drawing.svgs)))
    numbers = [edge for edge in station_graph(station).edges if edge.label]
    assert len(rows) == len(numbers)
    assert all(f"/{row} ".encode() in document for row in rows)
