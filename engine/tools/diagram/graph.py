"""The content of a drawing before it has places (:class:`Graph`), and its places from a layout engine
(:class:`Layout`).

All measures are drawing units; a label is set in 9 of them. One unit is about 0.35 mm when a page is printed unscaled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from engine.tools.diagram.text import text_width

TITLE_SIZE = 11.0
TEXT_SIZE = 9.0
LINE_HEIGHT = 1.25
MARGIN = 7.0  # between a box's border and its text
INSET = 12.0  # between a composite's border and what it contains
POINTER = 14.0  # the small arrow between an event and the name of a state, with its gaps


class Shape(Enum):
    """The shape of a node."""

    BOX = "box"
    COMPOSITE = "composite"
    REGION = "region"
    INITIAL = "initial"
    FINAL = "final"
    HISTORY = "history"
    SELF = "self"  # stands inside a composite for the composite itself: an arrow from it to what it contains


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text. ``css`` names its style (``title``, ``note``, ``text``, ``event``, ``timer``, ``guard`` …).
    ``tags`` are the ``data-…`` attributes of a line that represents something, such as an internal transition. ``to``:
    a small arrow and a state's name follow the text."""

    text: str
    css: str = "text"
    tags: tuple[tuple[str, str], ...] = ()
    to: str = ""

    @property
    def size(self) -> float:
        """Size of the text in drawing units."""
        return TITLE_SIZE if self.css == "title" else TEXT_SIZE

    @property
    def bold(self) -> bool:
        """Whether it is set in bold."""
        return self.css == "title"

    @property
    def width(self) -> float:
        """Width in drawing units, the pointer included."""
        own = text_width(self.text, self.size, self.bold)
        return own + POINTER + text_width(self.to, self.size, True) if self.to else own

    @property
    def height(self) -> float:
        """Height in drawing units."""
        return self.size * LINE_HEIGHT


@dataclass(slots=True)
class Node:
    """A box, or a pseudo-state. ``sections`` are compartments, drawn from top to bottom with a rule between them.

    ``tags`` become ``data-…`` attributes; ``css`` becomes classes. ``packed``: the children are regions without edges
    between them and may be placed like bricks.
    """

    id: str
    shape: Shape
    sections: list[list[Line]] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    css: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    packed: bool = False
    layer: int | None = None  # among its siblings, from the top; None: where the arrows put it

    def walk(self) -> Iterator[Node]:
        """This node and its descendants."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def text_height(self) -> float:
        """Height of all sections with their margins."""
        return sum(sum(line.height for line in section) + MARGIN for section in self.sections if section)

    @property
    def text_width(self) -> float:
        """Width of all sections with their margins, in drawing units."""
        return max((line.width for section in self.sections for line in section), default=0.0) + 2 * MARGIN

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a node without children; the least ones of a composite."""
        match self.shape:
            case Shape.INITIAL | Shape.SELF:
                return 12.0, 12.0
            case Shape.HISTORY:
                return 22.0, 22.0
            case Shape.FINAL:
                return max(20.0, self.text_width), 20.0 + self.text_height
            case _:
                return max(48.0, self.text_width), max(24.0, self.text_height + 2.0)

    @property
    def header(self) -> float:
        """Height of the text above a composite's content."""
        return self.text_height + 2.0


@dataclass(slots=True)
class Edge:
    """An arrow. ``tags`` become ``data-…`` attributes, ``hint`` the tooltip."""

    id: str
    source: str
    target: str
    label: list[Line] = field(default_factory=list)
    css: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    hint: str = ""

    @property
    def label_size(self) -> tuple[float, float]:
        """Width and height of the label in drawing units."""
        return max((line.width for line in self.label), default=0.0), sum(line.height for line in self.label)


@dataclass(slots=True)
class Graph:
    """A drawing's content: the root node with all others in it, the arrows, and notes to stand beside it."""

    root: Node
    edges: list[Edge]
    notes: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in drawing units: top left corner and size."""

    x: float
    y: float
    width: float
    height: float

    def moved(self, dx: float, dy: float) -> Box:
        """The box moved by (dx, dy)."""
        return Box(self.x + dx, self.y + dy, self.width, self.height)


Point = tuple[float, float]


@dataclass(slots=True)
class Layout:
    """Places: node boxes, edge routes (corner points) and label boxes, all in one coordinate system from (0, 0)."""

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Box] = field(default_factory=dict)
    routes: dict[str, list[Point]] = field(default_factory=dict)
    labels: dict[str, Box] = field(default_factory=dict)

    def add(self, other: Layout, dx: float, dy: float) -> None:
        """Take over ``other``, moved by (dx, dy)."""
        self.boxes.update((k, b.moved(dx, dy)) for k, b in other.boxes.items())
        self.routes.update((k, [(x + dx, y + dy) for x, y in r]) for k, r in other.routes.items())
        self.labels.update((k, b.moved(dx, dy)) for k, b in other.labels.items())
