"""From a graph to places: closed composites are laid out on their own, then used as boxes of fixed size.

A composite is closed when no arrow crosses its border. This keeps each layout problem small, lets parallel regions be
packed like bricks, and keeps a change inside one composite from moving anything in another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

from engine.tools.diagram.graph import INSET, Box, Edge, Graph, Layout, Node

GAP = 14.0  # between packed regions
_LARGE_ENOUGH = 0.26  # mm per drawing unit: text of more than 6 pt
_TOO_SMALL = 0.16  # and of 4 pt, which no other arrangement makes readable
# Directions (outer, inner), best liked first: a later one must be clearly better. A region has more choices than a
# whole chart: no chart we know came out best from left to right.
_DIRECTIONS = (("DOWN", "DOWN"), ("DOWN", "RIGHT"))
_REGION_DIRECTIONS = (*_DIRECTIONS, ("RIGHT", "DOWN"))


class Solver(Protocol):
    """A layout engine for one problem: nodes, nested as far as arrows cross borders, and the arrows among them."""

    name: str

    def solve(
        self, nodes: list[Node], edges: list[Edge], sizes: dict[str, tuple[float, float]], direction: str
    ) -> Layout:
        """Places for the nodes and the edges among them; ``sizes`` are widths and heights in drawing units. Raises
        LayoutFailed."""


def compose(
    graph: Graph, solver: Solver, page: tuple[float, float], directions: tuple[str, str] | None = None
) -> Layout:
    """Places for the whole graph, in the arrangement that prints largest on ``page`` (width and height in mm), in
    either orientation; the first that is large enough is taken. Or in the given ``directions``: (outer, inner). Raises
    LayoutFailed."""
    composer = _Composer(graph, solver, max(page) / min(page), directions is None)
    best: Layout | None = None
    best_scale = 0.0
    for trial in [directions] if directions else _DIRECTIONS:
        layout = composer.run(trial)
        scale = page_scale(layout.width, layout.height, page)
        if best is None or scale > best_scale * 1.08:
            best, best_scale = layout, scale
        if best_scale >= _LARGE_ENOUGH or best_scale < _TOO_SMALL:
            break
    assert best is not None
    return best


def page_scale(width: float, height: float, page: tuple[float, float]) -> float:
    """The largest scale (mm per drawing unit) at which width x height (drawing units) fits the page (mm), upright or
    turned."""
    return max(min(page[0] / width, page[1] / height), min(page[1] / width, page[0] / height))


class _Composer:
    def __init__(self, graph: Graph, solver: Solver, aspect: float, free: bool) -> None:
        """``free``: each region may be arranged as suits the paper."""
        self.graph = graph
        self.free = free
        self.solver = solver
        self.aspect = aspect
        nodes = [n for top in (graph.root, *graph.notes) for n in top.walk()]
        self.parents = {c.id: n.id for n in nodes for c in n.children}
        self.inside = {n.id: {d.id for d in n.walk()} - {n.id} for n in nodes}
        self.closed = {n.id for n in nodes if n.children and self._is_closed(n)}
        self.known: dict[tuple[str, str, str], Layout] = {}

    def _is_closed(self, node: Node) -> bool:
        inside = self.inside[node.id]
        return all((e.source in inside) == (e.target in inside) for e in self.graph.edges)

    def run(self, directions: tuple[str, str]) -> Layout:
        chart = self._chart(directions)
        if not self.graph.notes:
            return chart
        items = [chart, *(self._place(n, *directions) for n in self.graph.notes)]
        return packing(items, self.aspect).layout(items)

    def _chart(self, directions: tuple[str, str]) -> Layout:
        root = self.graph.root
        if root.id in self.closed or not root.children:
            return self._place(root, *directions)
        edges = [e for e in self.graph.edges if self._is_in(e, root)]
        return self._solve([root], edges, *directions)

    def _is_in(self, edge: Edge, root: Node) -> bool:
        return root.id == edge.source or edge.source in self.inside[root.id]

    def _place(self, node: Node, outer: str, inner: str) -> Layout:
        """The node with all it contains, its own box at (0, 0)."""
        if not any(id in self.closed for id in self.inside[node.id]):
            inner = outer  # nothing inside that could be laid out the other way
        key = (node.id, outer, inner)
        if key not in self.known:
            self.known[key] = self._place_anew(node, outer, inner)
        return self.known[key]

    def _place_anew(self, node: Node, outer: str, inner: str) -> Layout:
        if not node.children:
            width, height = node.size
            return Layout(width, height, {node.id: Box(0, 0, width, height)})
        inside = self.inside[node.id]
        edges = [e for e in self.graph.edges if e.source in inside and e.target in inside]
        if node.packed and all(self._owner(e.source, node) == self._owner(e.target, node) for e in edges):
            content = self._pack(node, outer, inner)
        else:
            content = self._solve(node.children, edges, outer, inner)
        layout = Layout()
        layout.width = max(node.text_width, content.width + 2 * INSET)
        layout.height = node.header + content.height + 2 * INSET
        layout.boxes[node.id] = Box(0, 0, layout.width, layout.height)
        layout.add(content, (layout.width - content.width) / 2, node.header + INSET)
        return layout

    def _pack(self, node: Node, outer: str, inner: str) -> Layout:
        """The regions packed; each in turn, the largest first, may be arranged otherwise where that saves paper."""
        items = {c.id: self._region(c, outer, inner) for c in node.children}
        above = node.header + 2 * INSET
        best = packing(list(items.values()), self.aspect, above=above)
        for child in sorted(node.children, key=lambda c: -items[c.id].width * items[c.id].height):
            for directions in _REGION_DIRECTIONS if child.children and self.free else ():
                trial_items = {**items, child.id: self._region(child, *directions)}
                trial = packing(list(trial_items.values()), self.aspect, above=above)
                if trial.side(self.aspect, above) < best.side(self.aspect, above) * 0.96:
                    items, best = trial_items, trial
        return best.layout(list(items.values()))

    def _region(self, node: Node, outer: str, inner: str) -> Layout:
        """A region with the arrows that start or end at its own border, if there are any."""
        own = [e for e in self.graph.edges if node.id in (e.source, e.target)]
        if not own:
            return self._place(node, outer, inner)
        within = self.inside[node.id] | {node.id}
        edges = [e for e in self.graph.edges if e.source in within and e.target in within]
        return self._solve([node], edges, outer, inner)

    def _owner(self, id: str, node: Node) -> str:
        """The child of ``node`` that is or contains ``id``."""
        while self.parents[id] != node.id:
            id = self.parents[id]
        return id

    def _solve(self, nodes: list[Node], edges: list[Edge], outer: str, inner: str) -> Layout:
        """``nodes`` and what they contain: open composites in one problem, closed ones as boxes, filled in after."""
        boxes = {n.id: self._place(n, inner, inner) for n in self._closed_below(nodes)}
        hidden: set[str] = set().union(*(self.inside[id] for id in boxes))
        visible = [e for e in edges if e.source not in hidden]
        layout = self.solver.solve(nodes, visible, {id: (b.width, b.height) for id, b in boxes.items()}, outer)
        for id, box in boxes.items():
            place = layout.boxes[id]
            layout.add(box, place.x, place.y)
        return layout

    def _closed_below(self, nodes: Iterable[Node]) -> Iterable[Node]:
        for node in nodes:
            if node.id in self.closed:
                yield node
            else:
                yield from self._closed_below(node.children)


@dataclass(slots=True)
class Packing:
    """The places of a list of layouts."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0

    def side(self, aspect: float, above: float = 0.0) -> float:
        """The short side of the smallest sheet of paper it fits on, with ``above`` on top of it, turned as it likes;
        aspect = long / short."""
        short, long = sorted((self.width, self.height + above))
        return max(short, long / aspect)

    def layout(self, items: list[Layout]) -> Layout:
        """The items, each at its place."""
        layout = Layout(self.width, self.height)
        for number, item in enumerate(items):
            layout.add(item, *self.places[number])
        return layout


def packing(items: list[Layout], aspect: float, first: bool = False, above: float = 0.0) -> Packing:
    """The items packed like bricks, none overlapping, in the most printable of several widths, in their own order or
    the highest first. Each goes as high, then as far left, as it can. ``first``: the first one is top left.
    ``above``: the height of what stands above all of them."""
    sizes = [(item.width, item.height) for item in items]
    runs = (w for i in range(len(sizes)) for w in accumulate(w + GAP for w, _ in sizes[i:]))
    widths = sorted({math.ceil(w * 1000) / 1000 for w in runs})
    least = max(w + GAP for w, _ in sizes)
    numbers = list(range(len(sizes)))
    orders = [numbers, sorted(numbers, key=lambda n: (first and n > 0, -sizes[n][1]))]
    trials = [_pack_into(sizes, order, width) for order in orders for width in widths if width >= least - 1e-6]
    best = trials[0]
    for trial in trials[1:]:
        if trial.side(aspect, above) < best.side(aspect, above) * 0.99:
            best = trial
    return best


def _pack_into(sizes: list[tuple[float, float]], order: list[int], width: float) -> Packing:
    skyline = [(0.0, 0.0, width)]  # (x, y, length) of each step
    result = Packing()
    for number in order:
        own_width, own_height = sizes[number]
        need, best = own_width + GAP, (float("inf"), 0.0)
        for i, (x, _, _) in enumerate(skyline):
            if x + need <= width + 1e-6:
                level = max(y for sx, y, _ in skyline[i:] if sx < x + need - 1e-6)
                best = min(best, (level, x))
        y, x = best
        result.places[number] = (x, y)
        result.width = max(result.width, x + own_width)
        result.height = max(result.height, y + own_height)
        skyline = _raise(skyline, x, x + need, y + own_height + GAP)
    return result


def _raise(
    skyline: list[tuple[float, float, float]], start: float, end: float, level: float
) -> list[tuple[float, float, float]]:
    steps = []
    for x, y, length in skyline:
        if x < start:
            steps.append((x, y, min(length, start - x)))
        if x + length > end:
            left = max(x, end)
            steps.append((left, y, x + length - left))
    steps.append((start, level, end - start))
    return sorted(steps)
