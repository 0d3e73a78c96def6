"""One chart as files: SVG, PDF, PNG, DOT, Mermaid, PlantUML; and whether files on disk are up to date."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from engine.diagram import printing, text_formats
from engine.diagram.compose import Solver, compose, page_scale
from engine.diagram.dot import Graphviz
from engine.diagram.elk import Elk, LayoutFailed, LayoutUnavailable
from engine.diagram.fold import crowd, fold
from engine.diagram.graph import Graph, Layout
from engine.diagram.page import TitleBlock, largest_room, on_sheet
from engine.diagram.scene import scene
from engine.diagram.statechart import Level, statechart
from engine.diagram.style import css
from engine.diagram.svg import svg
from engine.diagram.table import transition_tables
from engine.model import Chart

LEVELS: tuple[Level, ...] = get_args(Level)
DRAWN = ("svg", "pdf", "png")
TEXTUAL: dict[str, tuple[str, Callable[[Chart], str]]] = {
    "dot": ("dot", text_formats.dot),
    "mermaid": ("mmd", text_formats.mermaid),
    "plantuml": ("puml", text_formats.plantuml),
}
FORMATS = (*DRAWN, *TEXTUAL)


Directions = tuple[str, str]
_CROWD = 80  # so many arrows in one chart or region never make a readable drawing in one piece, and take ELK a while
_TOO_SMALL = 0.18  # mm per drawing unit on A3: text of 4.5 pt


@dataclass(frozen=True, slots=True)
class Placed:
    """A graph as it is drawn (perhaps folded), its places, how it runs, and the layout engine's name."""

    graph: Graph
    layout: Layout
    directions: Directions
    engine: str
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """A laid-out page. ``layout`` names the layout engine; ``content`` is a hash of what is drawn, without places;
    ``pages`` is the drawing and the tables that follow it in a PDF."""

    name: str
    pages: list[printing.Page]
    svg: str
    layout: str
    content: str
    document: list[bytes] = field(default_factory=list)  # the PDF, once it is made

    @property
    def stamp(self) -> str:
        """What PDF and PNG carry to say which SVG they were made from."""
        return f"svg sha256 {hashlib.sha256(self.svg.encode()).hexdigest()}"


class Layouts:
    """The layout engines of one run: ELK, and Graphviz where ELK is not there or gives up. ``warn`` gets a line when
    that happens. A context manager, as ELK is a process."""

    def __init__(self, choice: str, warn: Callable[[str], None]) -> None:
        """``choice`` is ``auto``, ``elk`` or ``graphviz``. Raises LayoutUnavailable."""
        self.choice = choice
        self.warn = warn
        self.overviews: dict[str, Placed] = {}  # model hash -> its overview
        self.elk: Elk | None = None
        self.graphviz: Graphviz | None = None
        if choice != "graphviz":
            try:
                self.elk = Elk()
            except LayoutUnavailable as error:
                if choice == "elk":
                    raise
                warn(f"{error}; drawing with Graphviz instead")
        if self.elk is None:
            self.graphviz = Graphviz()

    def __enter__(self) -> Layouts:
        return self

    def __exit__(self, *_: object) -> None:
        if self.elk is not None:
            self.elk.close()

    def solvers(self) -> list[Solver]:
        """The engines to try in turn."""
        found: list[Solver] = [self.elk] if self.elk is not None else []
        if self.choice != "elk":
            try:
                self.graphviz = self.graphviz or Graphviz()
                found.append(self.graphviz)
            except LayoutUnavailable:
                if not found:
                    raise
        return found


def content_hash(graph: Graph, block: TitleBlock) -> str:
    """A hash of all that a drawing shows, whatever lays it out."""
    return hashlib.sha256(f"{graph!r}\n{block!r}\n{css()}".encode()).hexdigest()[:16]


def title_block(chart: Chart, kind: str) -> TitleBlock:
    return TitleBlock(chart.name, chart.title, chart.citation, chart.version, chart.text_hash, kind)


def draw(chart: Chart, level: Level, layouts: Layouts) -> Drawing:
    """The chart on its sheet; the full drawing runs the same way as the overview. Raises LayoutFailed."""
    if chart.text_hash not in layouts.overviews:
        overview = statechart(chart, "overview")
        layouts.overviews[chart.text_hash] = _laid_out(overview, chart.name, layouts, None)
    graph = statechart(chart, level)
    placed = layouts.overviews[chart.text_hash]
    if level != "overview":
        placed = _laid_out(graph, chart.name, layouts, placed)
    drawing = _drawing(graph, placed, title_block(chart, level))
    if level == "overview":
        return drawing
    tables = transition_tables(chart, title_block(chart, "transitions"))
    drawing.pages.extend((items, 297.0, 210.0) for items in tables)
    return drawing


def draw_graph(graph: Graph, block: TitleBlock, layouts: Layouts) -> Drawing:
    """Any graph on a sheet with this title block. Raises LayoutFailed."""
    return _drawing(graph, _laid_out(graph, block.name, layouts, None), block)


def _laid_out(graph: Graph, name: str, layouts: Layouts, like: Placed | None) -> Placed:
    """The graph with places, folded where it is too large to be read otherwise. ``like``: run and folded as this."""
    failures: list[str] = []
    for solver in layouts.solvers():
        try:
            return _placed(graph, solver, like)
        except LayoutFailed as error:
            failures.append(str(error))
            layouts.warn(f"{name}: {error}")
    raise LayoutFailed(f"{name}: " + "; ".join(failures))


def _placed(graph: Graph, solver: Solver, like: Placed | None) -> Placed:
    page, directions = largest_room(), like.directions if like else None
    folded = fold(graph)
    if folded is not None and (crowd(graph) > _CROWD or (like is not None and like.folded)):
        layout, ran = compose(folded, solver, page, directions)
        return Placed(folded, layout, ran, solver.name, True)
    layout, ran = compose(graph, solver, page, directions)
    scale = page_scale(layout.width, layout.height, page)
    if folded is not None and scale < _TOO_SMALL:
        other, other_ran = compose(folded, solver, page, directions)
        if page_scale(other.width, other.height, page) > scale * 1.15:
            return Placed(folded, other, other_ran, solver.name, True)
    return Placed(graph, layout, ran, solver.name)


def _drawing(graph: Graph, placed: Placed, block: TitleBlock) -> Drawing:
    layout = placed.layout
    items, sheet, _ = on_sheet(scene(placed.graph, layout), layout.width, layout.height, block)
    content = content_hash(graph, block)
    tags = (("chart", block.name), ("model", block.hash), ("layout", placed.engine), ("content", content))
    text = svg(items, sheet.width, sheet.height, "mm", tags)
    return Drawing(block.name, [(items, sheet.width, sheet.height)], text, placed.engine, content)


def file_bytes(drawing: Drawing, format: str) -> bytes:
    """The drawing as ``svg``, ``pdf`` or ``png`` (of the first page). Raises PrintingUnavailable."""
    if format == "svg":
        return drawing.svg.encode()
    if not drawing.document:
        drawing.document.append(printing.pdf(drawing.pages, drawing.name, drawing.stamp))
    document = drawing.document[0]
    return document if format == "pdf" else printing.png(document, drawing.stamp)


def is_current(path: Path, drawing: Drawing, format: str) -> bool:
    """Whether the file shows this drawing.

    An SVG laid out by another engine (no Node on this machine, another Graphviz) is current when it shows the same
    content; a PDF or PNG when it was made from the SVG that stands beside it and that SVG is current."""
    if not path.is_file():
        return False
    if format == "svg":
        text = path.read_text(encoding="utf-8")
        if text == drawing.svg:
            return True
        return f'data-layout="{drawing.layout}"' not in text and f'data-content="{drawing.content}"' in text
    beside = path.with_suffix(".svg")
    made_from = re.search(rb"svg sha256 ([0-9a-f]{64})", path.read_bytes())
    found = made_from.group(1).decode() if made_from else ""
    if beside.is_file() and is_current(beside, drawing, "svg"):
        return found == hashlib.sha256(beside.read_bytes()).hexdigest()
    return found == hashlib.sha256(drawing.svg.encode()).hexdigest()
