"""A drawing on which text overlaps, a label strays from its arrow or a box bursts cannot be reviewed."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

import engine
from engine.language.model import Chart
from engine.tools.diagram.compose import compose, packing
from engine.tools.diagram.elk import Elk
from engine.tools.diagram.graph import Box, Graph, Layout, Point
from engine.tools.diagram.page import largest_room
from engine.tools.diagram.statechart import statechart

HERE = Path(__file__).parent
_laid_out: dict[tuple[str, str], tuple[Graph, Layout]] = {}


def layout_of(chart: Chart, elk: Elk) -> tuple[Graph, Layout]:
    key = (chart.text_hash, elk.name)
    if key not in _laid_out:
        graph = statechart(chart)
        _laid_out[key] = graph, compose(graph, elk, largest_room())
    return _laid_out[key]


def test_boxes_hold_their_text_and_their_children_and_never_overlap(chart: Chart, elk: Elk) -> None:
    graph, layout = layout_of(chart, elk)
    for node in graph.root.walk():
        box = layout.boxes[node.id]
        width, height = node.size
        assert box.width >= width - 1
        assert box.height >= height - 1, node.id
        for child in node.children:
            inner = layout.boxes[child.id]
            assert inner.y >= box.y + node.header - 1, f"{child.id} covers the header of {node.id}"
            assert inner.x >= box.x - 1
            assert inner.x + inner.width <= box.x + box.width + 1
            assert inner.y + inner.height <= box.y + box.height + 1
        for one, other in itertools.combinations(node.children, 2):
            assert not overlap(layout.boxes[one.id], layout.boxes[other.id], 0.5), f"{one.id} and {other.id}"


def test_labels_overlap_nothing_and_stand_beside_their_arrows(chart: Chart, elk: Elk) -> None:
    graph, layout = layout_of(chart, elk)
    leaves = [layout.boxes[n.id] for n in graph.root.walk() if not n.children]
    labelled = {e.id: layout.labels[e.id] for e in graph.edges if e.label}
    assert labelled
    for edge, label in labelled.items():
        assert not any(overlap(label, leaf, 0.5) for leaf in leaves), f"the label of {edge} lies on a state"
        assert distance(label, layout.routes[edge]) < 12, f"the label of {edge} strays"
    for (one, a), (other, b) in itertools.combinations(labelled.items(), 2):
        assert not overlap(a, b, 0.5), f"the labels of {one} and {other} overlap"


def overlap(one: Box, other: Box, by: float = 0.0) -> bool:
    """Whether the two share an area wider and higher than ``by``."""
    return (
        min(one.x + one.width, other.x + other.width) - max(one.x, other.x) > by
        and min(one.y + one.height, other.y + other.height) - max(one.y, other.y) > by
    )


def distance(box: Box, route: list[Point]) -> float:
    """From a box to the nearest point of a polyline."""
    best = math.inf
    for (x1, y1), (x2, y2) in itertools.pairwise(route):
        steps = max(1, int(math.dist((x1, y1), (x2, y2)) // 2))
        for i in range(steps + 1):
            x, y = x1 + (x2 - x1) * i / steps, y1 + (y2 - y1) * i / steps
            dx = max(box.x - x, 0, x - box.x - box.width)
            dy = max(box.y - y, 0, y - box.y - box.height)
            best = min(best, math.hypot(dx, dy))
    return best


def test_arrows_end_at_the_states_they_join(chart: Chart, elk: Elk) -> None:
    graph, layout = layout_of(chart, elk)
    for edge in graph.edges:
        route = layout.routes[edge.id]
        for id, point in ((edge.source, route[0]), (edge.target, route[-1])):
            box = layout.boxes[id]
            reach = Box(box.x - 3, box.y - 3, box.width + 6, box.height + 6)
            assert overlap(reach, Box(point[0] - 1, point[1] - 1, 2, 2)), f"{edge.id} misses {id}"


def test_a_change_in_one_region_moves_nothing_inside_another(elk: Elk) -> None:
    text = (HERE / "models" / "charger62.yaml").read_text()
    changed = text.replace("aux_open: open", "aux_open: closed")
    assert changed != text
    places = []
    for version in (text, changed):
        graph = statechart(engine.load_text(version, "charger62.yaml"))
        layout = compose(graph, elk, largest_room(), ("DOWN", "DOWN"))
        region = next(n for n in graph.root.children if n.id == "v2g")
        origin = layout.boxes["v2g"]
        places.append({n.id: layout.boxes[n.id].moved(-origin.x, -origin.y) for n in region.walk()})
    for id, box in places[0].items():
        other = places[1][id]
        assert (box.x, box.y) == pytest.approx((other.x, other.y))
        assert (box.width, box.height) == (other.width, other.height)


def test_a_width_that_rounding_makes_smaller_is_wide_enough() -> None:
    """Packed widths are rounded to a thousandth; a part that was a tenth of a picometre wider fitted nowhere."""
    alone = packing([Layout(1403.5240000000001, 10.0)], 1.4)
    assert alone.places == {0: (0.0, 0.0)}
