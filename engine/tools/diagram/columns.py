"""Places for a story: the main path in one straight column, the rest in a column beside it.

From left to right: ways between states of the main path that are not neighbours (left of them, retries above all), the
main path, ways from it to the rest, the rest, ways among the rest. A way that ends at a state shares one line with all
others that end there from that side. Each composite is placed on its own, so a change inside one moves nothing inside
another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.tools.diagram.graph import INSET, Box, Edge, Layout, Node, Point, Shape
from engine.tools.diagram.story import Story

_GAP = 18.0  # between boxes one above the other
_LANE = 7.0  # between parallel lines
_PAD = 5.0  # between a box and a label
_END = 16.0  # of the line behind a label
_STEM = 13.0  # the line above and below a label between two boxes
_STEMS = (_STEM, 8.0, 5.5, 5.5, 4.0)  # by how little room there is
_APART = 4.0  # least distance of two lines of different ways
_RING = 12.0
LEFT, RIGHT = -1, 1


@dataclass(slots=True)
class _Row:
    """Where a way leaves or reaches a side of a box: ``y`` of its line, from the box's top once it is placed."""

    edge: Edge | None  # None: all that arrive here
    height: float
    below: float = 4.0  # of the line
    y: float = 0.0


@dataclass(slots=True)
class _Item:
    """A box in one of the two columns."""

    node: Node
    layout: Layout
    rows: dict[int, list[_Row]] = field(default_factory=lambda: {LEFT: [], RIGHT: []})
    x: float = 0.0  # its middle
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    def settle(self) -> None:
        """Heighten the box to hold its rows, and place these."""
        fixed = bool(self.node.children)
        self.width, self.height = self.layout.width, self.layout.height
        needed = max(sum(row.height for row in rows) for rows in self.rows.values()) + 6
        self.height = max(self.height, needed + (self.node.header if fixed else 0))
        for rows in self.rows.values():
            total = sum(row.height for row in rows)
            y = self.node.header + 4 if fixed else (self.height - total) / 2
            y = max(3.0, min(y, self.height - total - 3))
            for row in rows:
                y += row.height
                row.y = y - row.below

    def side(self, side: int) -> float:
        """The x of its left or right border."""
        return self.x + side * self.width / 2

    def line(self, side: int, edge: Edge | None) -> float:
        """The y of a way's line at this side."""
        return self.y + next(row.y for row in self.rows[side] if row.edge is edge)


def lay_out(story: Story, aspect: float) -> Layout:
    """The composite with all it contains, its own box at (0, 0). ``aspect`` is the paper's, long side / short side."""
    node = story.node
    if not node.children:
        return Layout(*node.size, {node.id: Box(0, 0, *node.size)})
    items = {child.id: _Item(child, _inside(child, story, aspect)) for child in node.children}
    content = _regions(list(items.values()), aspect) if node.packed else _Columns(story, items).layout()
    layout = Layout()
    layout.width = max(node.text_width, content.width + 2 * INSET)
    layout.height = node.header + content.height + 2 * INSET
    layout.boxes[node.id] = Box(0, 0, layout.width, layout.height)
    layout.add(content, (layout.width - content.width) / 2, node.header + INSET)
    return layout


def _inside(child: Node, story: Story, aspect: float) -> Layout:
    if child.id in story.parts:
        return lay_out(story.parts[child.id], aspect)
    return Layout(*child.size, {child.id: Box(0, 0, *child.size)})


def _regions(items: list[_Item], aspect: float) -> Layout:
    return in_order([item.layout for item in items], aspect)


@dataclass(slots=True)
class _Shelves:
    """The places of items in rows, or in columns, and the size of all."""

    places: list[Point] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def in_order(items: Sequence[Layout], aspect: float) -> Layout:
    """The items in their order: in rows, or in columns, whatever fits paper of this aspect best."""
    best: _Shelves | None = None
    for across in (True, False):
        lengths = sorted(
            {
                sum(_size(i, across) + _GAP for i in items[a:b])
                for a in range(len(items))
                for b in range(a + 1, len(items) + 1)
            }
        )
        for length in lengths:
            trial = _shelves(items, across, length)
            if trial is not None and (best is None or _side(trial, aspect) < _side(best, aspect) * 0.99):
                best = trial
    assert best is not None
    layout = Layout(best.width, best.height)
    for item, place in zip(items, best.places, strict=True):
        layout.add(item, *place)
    return layout


def _side(shelves: _Shelves, aspect: float) -> float:
    """The short side of the smallest sheet that it fits on."""
    short, long = sorted((shelves.width, shelves.height))
    return max(short, long / aspect)


def _size(item: Layout, across: bool) -> float:
    return item.width if across else item.height


def _shelves(items: Sequence[Layout], across: bool, length: float) -> _Shelves | None:
    """Rows (or columns) no longer than ``length``; None when an item is longer."""
    result = _Shelves()
    along = start = depth = 0.0
    for item in items:
        own, thick = _size(item, across), _size(item, not across)
        if own + _GAP > length + 0.01:
            return None
        if along and along + own + _GAP > length + 0.01:
            along, start, depth = 0.0, start + depth + _GAP, 0.0
        x, y = (along, start) if across else (start, along)
        result.places.append((x, y))
        result.width, result.height = max(result.width, x + item.width), max(result.height, y + item.height)
        along, depth = along + own + _GAP, max(depth, thick)
    return result


class _Columns:
    """The two columns of one composite."""

    def __init__(self, story: Story, items: dict[str, _Item]) -> None:
        self.story = story
        self.items = items
        self.main = [items[id] for id in story.main]
        self.rest = self._rest_in_order([item for id, item in items.items() if id not in story.main])
        self.place = {item.node.id: number for number, item in enumerate(self.main)}
        below = [*pairwise(self.main), *pairwise(self.rest)]
        below_ids = {(a.node.id, b.node.id) for a, b in below}
        passed = story.passed
        ends = [(passed.get(e.source, e.source), e.target, e) for e in story.edges]
        self.down = {(a, b): e for a, b, e in ends if (a, b) in below_ids}
        self.first = next((e for e in story.edges if self._is_first(e)), None)  # straight down from the initial dot
        self.stem, self.gap = _STEMS[story.tight], _GAP - 3 * min(story.tight, 2)
        self.result = Layout()

    def _is_first(self, edge: Edge) -> bool:
        dots = {mark.id for mark in self.story.marks if mark.shape is Shape.INITIAL}
        return edge.source in dots and [edge.target] == self.story.main[:1]

    def _rest_in_order(self, rest: list[_Item]) -> list[_Item]:
        """Each beside the first state of the main path that leads to it, or behind the one of the rest that does."""
        main = {id: number for number, id in enumerate(self.story.main)}
        order: dict[str, float] = {}
        for edge in self.story.edges:
            if edge.source in main and edge.target not in main:
                order[edge.target] = min(order.get(edge.target, len(main)), main[edge.source])
        for _ in rest:
            for edge in self.story.edges:
                if edge.source in order and edge.target not in main and edge.target not in order:
                    order[edge.target] = order[edge.source] + 0.001
        return sorted(rest, key=lambda item: order.get(item.node.id, len(main)))

    # ------------------------------------------------------------ sides

    def _sides(self, edge: Edge) -> tuple[int, int]:
        """The sides at which a way leaves and arrives."""
        source, target = edge.source in self.place, edge.target in self.place
        if self._is_local(edge):
            return RIGHT, LEFT if target else RIGHT
        if source and target:
            return LEFT, LEFT
        if source:
            return RIGHT, LEFT
        return (LEFT, RIGHT) if target else (RIGHT, RIGHT)

    def _is_local(self, edge: Edge) -> bool:
        """Whether it starts beside the state it leads to."""
        return edge.source not in self.items

    def _rows(self) -> None:
        straight = [*self.down.values(), self.first]
        others = [e for e in self.story.edges if not any(e is one for one in straight)]
        for edge in others:
            _, side = self._sides(edge)
            rows = self.items[edge.target].rows[side]
            if not self._is_local(edge) and not any(row.edge is None for row in rows):
                rows.insert(0, _Row(None, 12.0))
        for edge in others:
            out, into = self._sides(edge)
            height = edge.label_size[1] + 7
            if self._is_local(edge):
                self.items[edge.target].rows[into].append(_Row(edge, max(height, _RING) + 4, 8.0))
            else:
                self.items[edge.source].rows[out].append(_Row(edge, height))
        for item in self.items.values():
            item.settle()

    # ------------------------------------------------------------ places

    def layout(self) -> Layout:
        """Everything placed, from (0, 0)."""
        self._rows()
        self._stack(self.main)
        self._lanes_beside_main()
        self._place_rest()
        self._draw()
        return self._moved()

    def _stack(self, items: list[_Item]) -> None:
        y = 0.0
        for number, item in enumerate(items):
            item.y = y
            y += item.height + self._gap_below(items, number)

    def _gap_below(self, items: list[_Item], number: int) -> float:
        if number + 1 == len(items):
            return 0.0
        edge = self.down.get((items[number].node.id, items[number + 1].node.id))
        if edge is None or not edge.label:
            return self.gap + (0 if edge is None else self.stem)
        return edge.label_size[1] + 2 * self.stem

    def _reach(self, items: list[_Item], side: int) -> float:
        """How far boxes and labels extend from the column's middle."""
        reach = 0.0
        for item in items:
            wide = [item.width / 2]
            for row in item.rows[side]:
                if row.edge is not None:
                    own = row.edge.label_size[0] + 2 * _PAD
                    wide.append(item.width / 2 + max(own, _END) + (_RING if self._is_local(row.edge) else 0))
            reach = max(reach, *wide)
        if side == RIGHT:
            edges = (self.down.get((a.node.id, b.node.id)) for a, b in pairwise(items))
            reach = max([reach, *(e.label_size[0] + 2 * _PAD for e in edges if e is not None)])
        return reach

    def _targets(self, items: list[_Item], side: int) -> list[_Item]:
        return [item for item in items if any(row.edge is None for row in item.rows[side])]

    def _lanes_beside_main(self) -> None:
        """The x of each line that leads up or down."""
        self.lane: dict[tuple[str, int], float] = {}
        x = -self._reach(self.main, LEFT)
        for item in self._targets(self.main, LEFT):
            x -= _LANE
            self.lane[item.node.id, LEFT] = x
        x = self._reach(self.main, RIGHT)
        middle = [(item, LEFT) for item in self._targets(self.rest, LEFT)]
        middle += [(item, RIGHT) for item in self._targets(self.main, RIGHT)]
        for item, side in middle:
            x += _LANE
            self.lane[item.node.id, side] = x
        self.x_rest = x + _END + self._reach(self.rest, LEFT)
        x = self.x_rest + self._reach(self.rest, RIGHT)
        for item in self._targets(self.rest, RIGHT):
            x += _LANE
            self.lane[item.node.id, RIGHT] = x

    def _place_rest(self) -> None:
        taken = {row_y: edge for item in self.main for row_y, edge in self._lines(item, RIGHT)}
        least = 0.0
        for number, item in enumerate(self.rest):
            item.x = self.x_rest
            item.y = max(least, self._wanted(item))
            while any(self._clash(y, edge, taken, item) for y, edge in self._lines(item, LEFT)):
                item.y += 1.0
            least = item.y + item.height + self._gap_below(self.rest, number)

    @staticmethod
    def _lines(item: _Item, side: int) -> list[tuple[float, Edge | None]]:
        return [(item.y + row.y, row.edge) for row in item.rows[side]]

    def _wanted(self, item: _Item) -> float:
        """Where its entry is level with the first way that leads to it."""
        for edge in self.story.edges:
            if edge.target == item.node.id and edge.source in self.place:
                source = self.items[edge.source]
                return source.line(RIGHT, edge) - next(row.y for row in item.rows[LEFT] if row.edge is None)
        return 0.0

    @staticmethod
    def _clash(y: float, edge: Edge | None, taken: dict[float, Edge | None], item: _Item) -> bool:
        for other, way in taken.items():
            if abs(other - y) < _APART:
                same = edge is None and way is not None and way.target == item.node.id and abs(other - y) < 0.01
                if not same:
                    return True
        return False

    # ------------------------------------------------------------ lines

    def _draw(self) -> None:
        result = self.result
        for item in self.items.values():
            x, y = item.side(LEFT), item.y
            result.add(item.layout, x, y)
            result.boxes[item.node.id] = Box(x, y, item.width, item.height)
        for edge in self.story.edges:
            if any(edge is one for one in self.down.values()):
                self._straight(edge)
            elif edge is self.first:
                self._begin(edge, self.main[0])
            elif self._is_local(edge):
                self._local(edge)
            else:
                self._around(edge)

    def _begin(self, edge: Edge, item: _Item) -> None:
        top = item.y - _STEM - 6
        self.result.boxes[edge.source] = Box(item.x - 6, top - 6, 12, 12)
        self.result.routes[edge.id] = [(item.x, top + 5), (item.x, item.y)]

    def _straight(self, edge: Edge) -> None:
        target = self.items[edge.target]
        source = self.items[self.story.passed.get(edge.source, edge.source)]
        self.result.routes[edge.id] = [(source.x, source.y + source.height), (target.x, target.y)]
        if edge.source in self.story.passed:  # the ring of the whole composite lies on the line
            self.result.boxes[edge.source] = Box(source.x - 6, source.y + source.height + 1, 12, 12)
        if edge.label:
            width, height = edge.label_size
            middle = (source.y + source.height + target.y) / 2
            ring = _RING / 3 if edge.source in self.story.passed else 0.0
            self.result.labels[edge.id] = Box(source.x + _PAD + ring, middle - height / 2 - 2, width + 2, height)

    def _label(self, edge: Edge, item: _Item, side: int) -> float:
        """Places the label above its line; the x where it ends."""
        width, height = edge.label_size
        border, y = item.side(side), item.line(side, edge)
        if edge.label:
            x = border + _PAD if side == RIGHT else border - _PAD - width
            self.result.labels[edge.id] = Box(x, y - height - 2, width + 2, height)
        return border + side * max(width + 2 * _PAD, _END)

    def _local(self, edge: Edge) -> None:
        """From a ring, or the initial dot, beside the box."""
        target = self.items[edge.target]
        side = RIGHT if any(row.edge is edge for row in target.rows[RIGHT]) else LEFT
        end, y = self._label(edge, target, side) + side * _RING / 2, target.line(side, edge)
        self.result.routes[edge.id] = [(end, y), (target.side(side), y)]
        self.result.boxes[edge.source] = Box(end - 6, y - 6, 12, 12)

    def _around(self, edge: Edge) -> None:
        out, into = self._sides(edge)
        source, target = self.items[edge.source], self.items[edge.target]
        self._label(edge, source, out)
        y1, y2, x = source.line(out, edge), target.line(into, None), self.lane[edge.target, into]
        route: list[Point] = [(source.side(out), y1), (x, y1), (x, y2), (target.side(into), y2)]
        if abs(y1 - y2) < 0.01:
            route = [route[0], route[-1]]
        self.result.routes[edge.id] = route

    def _moved(self) -> Layout:
        layout = self.result
        boxes = [*layout.boxes.values(), *layout.labels.values()]
        points = [p for route in layout.routes.values() for p in route]
        left = min([b.x for b in boxes] + [p[0] for p in points])
        top = min([b.y for b in boxes] + [p[1] for p in points])
        right = max([b.x + b.width for b in boxes] + [p[0] for p in points])
        bottom = max([b.y + b.height for b in boxes] + [p[1] for p in points])
        moved = Layout(right - left, bottom - top)
        moved.add(layout, -left, -top)
        return moved
