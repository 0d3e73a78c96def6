"""A drawing as a list of shapes: the input of SVG, PDF and PNG."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import groupby

from engine.tools.diagram.graph import MARGIN, POINTER, Box, Edge, Graph, Layout, Line, Node, Point, Shape
from engine.tools.diagram.style import SHAPES
from engine.tools.diagram.text import drawable, text_width

HEAD = 6.0  # length of an arrow head
CORNER = 4.0  # radius of an edge's corners


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle with rounded corners of ``radius``."""

    box: Box
    style: str
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle around (x, y)."""

    x: float
    y: float
    radius: float
    style: str


@dataclass(frozen=True, slots=True)
class Path:
    """``segments``: ``("M", p)``, ``("L", p)``, ``("Q", c, p)`` or ``("Z",)``."""

    segments: tuple[tuple[str, *tuple[Point, ...]], ...]
    style: str


@dataclass(frozen=True, slots=True)
class Text:
    """``y`` is the baseline; ``anchor`` is start, middle or end."""

    x: float
    y: float
    text: str
    size: float
    style: str
    bold: bool = False
    anchor: str = "start"

    @property
    def width(self) -> float:
        """Width in drawing units."""
        return text_width(self.text, self.size, self.bold)


@dataclass(slots=True)
class Group:
    """Shapes that belong together; style sheets and scripts find them by ``css`` and ``tags``. ``link`` leads to the
    group of the same document that has it as ``anchor``, ``uri`` to another document; ``href`` is the same for a file
    of its own (SVG)."""

    css: str
    tags: tuple[tuple[str, str], ...] = ()
    items: list[Item] = field(default_factory=list)
    transform: tuple[float, float, float] | None = None  # dx, dy, scale
    hint: str = ""  # the tooltip
    anchor: str = ""
    link: str = ""
    uri: str = ""
    href: str = ""


Item = Rect | Circle | Path | Text | Group


def scene(graph: Graph, layout: Layout) -> Group:
    """All of a chart, in layout coordinates: boxes from outside in, then arrows, then their labels."""
    chart = Group("chart")
    states = Group("states")
    arrows = Group("transitions")
    captions = Group("captions")
    chart.items += [states, arrows, captions]
    for node in (n for top in (graph.root, *graph.notes) for n in top.walk()):
        group = _node(node, layout.boxes[node.id])
        states.items.append(group)
        if node.children:  # arrows may cross a composite's header: its text stands above them, on a plate
            style = "plate-region" if node.shape is Shape.REGION else "plate"
            texts = [i for i in group.items if isinstance(i, (Text, Group))]
            group.items = [i for i in group.items if i not in texts]
            plated = [_plated(text, style) for text in texts]
            title = dict(node.tags).get("data-state", "")
            captions.items += (
                [Group("frame-title", (("data-title", title),), plated[:1]), *plated[1:]]
                if title and "followed" not in node.css.split()  # of that a fold leads to the rest
                else plated
            )
    for edge in graph.edges:
        arrows.items.append(_edge(edge, layout))
    return chart


def _plated(item: Item, style: str) -> Item:
    """Text with a background of its container's colour."""
    if isinstance(item, Group):
        return Group(item.css, item.tags, [_plated(part, style) for part in item.items])
    if not isinstance(item, Text):
        return item
    box = Box(item.x - 1, item.y - item.size * 0.86, item.width + 2, item.size * 1.14)
    return Group("caption", (), [Rect(box, style), item])


def lines(texts: list[Line], x: float, y: float, width: float, centred: bool = False) -> list[Item]:
    """Lines of text below ``y``; those that stand for the same thing are one group."""
    items: list[Item] = []
    for tags, group in groupby(texts, key=lambda line: line.tags):
        own: list[Item] = []
        for line in group:
            own += _one_line(line, x, y + line.height * 0.5 + line.size * 0.36, width, centred)
            y += line.height
        items += _tagged(tags, own) if tags else own
    return items


def _one_line(line: Line, x: float, baseline: float, width: float, centred: bool) -> list[Item]:
    anchor, at = ("middle", x + width / 2) if centred else ("start", x)
    items: list[Item] = [Text(at, baseline, drawable(line.text), line.size, line.css, line.bold, anchor)]
    if line.to:
        start = x + text_width(line.text, line.size, line.bold)
        middle = baseline - line.size * 0.32
        items += arrow([(start + 2.5, middle), (start + POINTER - 3, middle)], size=4.5)
        items.append(Text(start + POINTER, baseline, drawable(line.to), line.size, line.css, True))
    return items


def _tagged(tags: tuple[tuple[str, str], ...], items: list[Item]) -> list[Item]:
    """The items in a group with these tags; tags of several things (a line that stands for all of them) nest."""
    names = [name for name, _ in tags]
    again = next((i for i, name in enumerate(names) if name in names[:i]), len(tags))
    return [Group("internal", tags[:again], _tagged(tags[again:], items) if tags[again:] else items)]


def _node(node: Node, box: Box) -> Group:
    group = Group(f"node {node.shape.value}" + (f" {node.css}" if node.css else ""), node.tags)
    middle = box.x + box.width / 2
    match node.shape:
        case Shape.INITIAL:
            group.items.append(Circle(middle, box.y + box.height / 2, 5.0, "dot"))
        case Shape.SELF:
            group.items.append(Circle(middle, box.y + box.height / 2, 4.0, "ring"))
        case Shape.HISTORY:
            group.items.append(Circle(middle, box.y + box.height / 2, 10.0, "ring"))
            group.items += lines(node.sections[0], box.x, box.y + 5.0, box.width, centred=True)
        case Shape.FINAL:
            group.items += [Circle(middle, box.y + 10.0, 8.5, "ring"), Circle(middle, box.y + 10.0, 5.0, "dot")]
            group.items += _sections(node, Box(box.x, box.y + 20.0, box.width, box.height - 20.0), rules=False)
        case _:
            style = "box" if node.shape is Shape.BOX else node.shape.value
            kinds = node.css.split()
            style = next((kind for kind in kinds if kind in ("adapter", "note", "band", "panel")), style)
            style += next((f"-{kind}" for kind in kinds if f"{style}-{kind}" in SHAPES), "")
            radius = 7.0 if node.shape is Shape.BOX else 5.0
            if "closed" in kinds:  # a sheet behind it
                group.items.append(Rect(box.moved(2.5, 2.5), style, radius))
            group.items.append(Rect(box, style, radius))
            group.items += _sections(node, box)
    return group


def _sections(node: Node, box: Box, rules: bool = True) -> list[Item]:
    """The compartments; a lone title in a box without children stands in its middle."""
    items: list[Item] = []
    sections = [s for s in node.sections if s]
    leaf = not node.children
    listing = node.css == "band"
    y = box.y + 1.0
    if leaf and len(sections) == 1 and not listing:
        y = box.y + (box.height - sum(line.height for line in sections[0]) - MARGIN) / 2
    for number, section in enumerate(sections):
        if number and rules:
            items.append(_line((box.x, y), (box.x + box.width, y), "rule"))
        centred = leaf and number == 0 and not listing
        items += lines(section, box.x + MARGIN, y + MARGIN / 2, box.width - 2 * MARGIN, centred)
        y += sum(line.height for line in section) + MARGIN
    if sections and not leaf and rules:
        items.append(_line((box.x, y + 1), (box.x + box.width, y + 1), "rule"))
    return items


def _line(a: Point, b: Point, style: str) -> Path:
    return Path((("M", a), ("L", b)), style)


def _edge(edge: Edge, layout: Layout) -> Group:
    single = len(dict(edge.tags)) == len(edge.tags)  # else each label line has its own
    group = Group("edge" + (f" {edge.css}" if edge.css else ""), edge.tags if single else (), hint=edge.hint)
    route = layout.routes[edge.id]
    tone = f"-{edge.css}" if f"edge-{edge.css}" in SHAPES else ""
    line = arrow(route, tone=tone)
    if edge.css == "pair":  # either way: no head
        line = [Path(_polyline(route), "pair")]
    group.items += line if single else _tagged(edge.tags, line)
    place = layout.labels.get(edge.id)
    if edge.label and place is not None:
        group.items += lines(edge.label, place.x + 1, place.y, place.width)
    return group


def arrow(route: list[Point], style: str = "edge", size: float = HEAD, tone: str = "") -> list[Item]:
    """A line along ``route`` with rounded corners, and a head at its end; ``tone`` (``-main``, ``-aside``) is the end
    of the names of both styles."""
    (x1, y1), (x2, y2) = route[-2], route[-1]
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    back = min(size - 1.0, length)
    end = (x2 - dx * back, y2 - dy * back)
    body = [*route[:-1], end]
    segments = _polyline(body)
    bx, by = x2 - dx * size, y2 - dy * size
    wing = size * 0.42
    head: tuple[tuple[str, *tuple[Point, ...]], ...] = (
        ("M", (x2, y2)),
        ("L", (bx - dy * wing, by + dx * wing)),
        ("L", (bx + dy * wing, by - dx * wing)),
        ("Z",),
    )
    return [Path(segments, style + tone), Path(head, f"head{tone}")]


def _polyline(points: list[Point]) -> tuple[tuple[str, *tuple[Point, ...]], ...]:
    result: list[tuple[str, *tuple[Point, ...]]] = [("M", points[0])]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        a, b = math.dist(before, corner), math.dist(corner, after)
        radius = min(CORNER, a / 2, b / 2)
        if radius > 0.1:
            result.append(("L", _towards(corner, before, radius / a)))
            result.append(("Q", corner, _towards(corner, after, radius / b)))
    result.append(("L", points[-1]))
    return tuple(result)


def _towards(a: Point, b: Point, part: float) -> Point:
    return (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)
