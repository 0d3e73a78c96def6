"""One chart as files: SVG, PDF, PNG, DOT, Mermaid, PlantUML; and whether files on disk are up to date."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from engine.language.model import Chart
from engine.run.station import Station
from engine.tools.diagram import printing, text_formats
from engine.tools.diagram.compose import Solver
from engine.tools.diagram.elk import LayoutFailed
from engine.tools.diagram.graph import Graph
from engine.tools.diagram.overview import overview
from engine.tools.diagram.page import TitleBlock, on_sheet
from engine.tools.diagram.scene import scene
from engine.tools.diagram.sheets import Placed, pictures, sheets
from engine.tools.diagram.statechart import Level, statechart
from engine.tools.diagram.station import message_tables, station_block, station_graph, with_bands
from engine.tools.diagram.style import css
from engine.tools.diagram.svg import svg
from engine.tools.diagram.table import transition_tables

COLUMNS = "columns"  # the layout of overviews, which is our own
LEVELS: tuple[Level, ...] = get_args(Level)
DRAWN = ("svg", "pdf", "png")
TEXTUAL: dict[str, tuple[str, Callable[[Chart], str]]] = {
    "dot": ("dot", text_formats.dot),
    "mermaid": ("mmd", text_formats.mermaid),
    "plantuml": ("puml", text_formats.plantuml),
}
FORMATS = (*DRAWN, *TEXTUAL)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A laid-out chart. ``sheets`` are its drawing, of which ``svgs`` holds each as text; ``tables`` follow them in a
    PDF. ``content`` is a hash of what is drawn, without places."""

    name: str
    sheets: list[printing.Page]
    svgs: list[str]
    content: str
    tables: list[printing.Page] = field(default_factory=list)
    document: list[bytes] = field(default_factory=list)  # the PDF, once it is made

    @property
    def svg(self) -> str:
        """The first sheet, often the only one."""
        return self.svgs[0]

    @property
    def stamp(self) -> str:
        """The text in PDF and PNG that identifies the SVGs they were made from."""
        return _stamp([text.encode() for text in self.svgs])


def _stamp(svgs: list[bytes]) -> str:
    return f"svg sha256 {hashlib.sha256(b''.join(svgs)).hexdigest()}"


def content_hash(graph: Graph, block: TitleBlock) -> str:
    """A hash of a drawing's content, without places."""
    return hashlib.sha256(f"{graph!r}\n{block!r}\n{css()}".encode()).hexdigest()[:16]


def title_block(chart: Chart, kind: str) -> TitleBlock:
    """The title block of a chart's drawing; ``kind`` says what it shows."""
    return TitleBlock(chart.name, chart.title, chart.citation, chart.version, chart.text_hash, kind)


def draw(chart: Chart, level: Level, solver: Solver) -> Drawing:
    """The chart drawn: its overview and in full, each on as many sheets as it needs. Raises LayoutFailed."""
    block = title_block(chart, level)
    if level == "overview":
        told = overview(chart)
        tops = [top for one in told for top in (one.graph.root, *one.graph.notes)]
        whole = Graph(tops[0], [edge for one in told for edge in one.graph.edges], tops[1:])
        return _on_paper(told, block, COLUMNS, content_hash(whole, block))
    graph = statechart(chart)
    drawing = _drawing(graph, block, solver, lambda: sheets(graph, solver))
    tables = transition_tables(chart, title_block(chart, "transitions"))
    drawing.tables.extend((items, 297.0, 210.0) for items in tables)
    return drawing


def draw_station(station: Station, name: str, solver: Solver) -> Drawing:
    """The station on one sheet, or each of its machines on its own. Raises LayoutFailed."""
    graph, block = station_graph(station), station_block(station, name)
    drawing = _drawing(graph, block, solver, lambda: [with_bands(one) for one in pictures(graph, solver)])
    drawing.tables.extend((items, 297.0, 210.0) for items in message_tables(graph, replace(block, kind="messages")))
    return drawing


def _drawing(graph: Graph, block: TitleBlock, solver: Solver, lay_out: Callable[[], list[Placed]]) -> Drawing:
    try:
        placed = lay_out()
    except LayoutFailed as error:
        raise LayoutFailed(f"{block.name}: {error}") from error
    return _on_paper(placed, block, solver.name, content_hash(graph, block))


def _on_paper(placed: list[Placed], block: TitleBlock, engine: str, content: str) -> Drawing:
    model = (("chart", block.name), ("model", block.hash), ("layout", engine), ("content", content))
    tags = (*model, ("sheets", str(len(placed))))
    drawing = Drawing(block.name, [], [], content)
    names = [one.title for one in placed]
    for number, one in enumerate(placed, 1):
        kind = f"{block.kind} {number}/{len(placed)}" if len(placed) > 1 else block.kind
        layout, here = one.layout, replace(block, kind=kind)
        items, sheet, _ = on_sheet(scene(one.graph, layout), layout.width, layout.height, here, names, number)
        drawing.sheets.append((items, sheet.width, sheet.height))
        drawing.svgs.append(svg(items, sheet.width, sheet.height, "mm", tags))
    return drawing


def file_bytes(drawing: Drawing, format: str, number: int = 0) -> bytes:
    """Sheet ``number`` of the drawing as ``svg`` or ``png``, or all of it as ``pdf``. Raises MissingExtra."""
    if format == "svg":
        return drawing.svgs[number].encode()
    if not drawing.document:
        pages = [*drawing.sheets, *drawing.tables]
        drawing.document.append(printing.pdf(pages, drawing.name, drawing.stamp))
    document = drawing.document[0]
    return document if format == "pdf" else printing.png(document, drawing.stamp, number)


def is_current(path: Path, drawing: Drawing, format: str, number: int = 0) -> bool:
    """Whether the file shows this sheet of the drawing: an SVG byte for byte; a PDF or PNG when it was made from these
    SVGs, whatever release of reportlab or pdfium made it."""
    if not path.is_file():
        return False
    if format == "svg":
        return drawing.svgs[number] == path.read_text(encoding="utf-8")
    made_from = re.search(rb"svg sha256 [0-9a-f]{64}", path.read_bytes())
    return made_from is not None and made_from.group(0).decode() == drawing.stamp


def sheet_name(stem: str, format: str, number: int) -> str:
    """``stem.svg``, then ``stem.2.svg``, ``stem.3.svg`` …"""
    return f"{stem}.{number + 1}.{format}" if number else f"{stem}.{format}"
