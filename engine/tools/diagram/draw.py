"""One chart as files: SVG, PDF, PNG, DOT, Mermaid, PlantUML; and whether files on disk are up to date."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import get_args

from engine.language.model import Chart
from engine.run.station import Station
from engine.tools.diagram import kept, printing, text_formats
from engine.tools.diagram.compose import Solver
from engine.tools.diagram.elk import LayoutFailed
from engine.tools.diagram.graph import Graph
from engine.tools.diagram.links import connect, connect_station, lead_to_rows, outline
from engine.tools.diagram.overview import overview
from engine.tools.diagram.page import TitleBlock, on_sheet
from engine.tools.diagram.scene import Item, scene
from engine.tools.diagram.sheets import Placed, pictures, sheets
from engine.tools.diagram.statechart import Level, statechart
from engine.tools.diagram.station import message_tables, station_block, station_graph, with_bands
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


@dataclass(slots=True)
class Drawing:
    """A laid-out chart: ``svgs`` holds each sheet as text, ``pages`` gives the sheets and tables of its PDF with their
    bookmarks."""

    name: str
    svgs: list[str]
    pages: Callable[[], tuple[list[printing.Page], printing.Bookmarks]]
    document: bytes = b""  # the PDF, once it is made

    @property
    def svg(self) -> str:
        """The first sheet, often the only one."""
        return self.svgs[0]

    @property
    def stamp(self) -> str:
        """The text in PDF and PNG that identifies the SVGs they were made from."""
        return f"svg sha256 {hashlib.sha256(''.join(self.svgs).encode()).hexdigest()}"


def title_block(chart: Chart, kind: str) -> TitleBlock:
    """The title block of a chart's drawing; ``kind`` says what it shows."""
    return TitleBlock(chart.name, chart.title, chart.citation, chart.version, chart.text_hash, kind)


def draw(chart: Chart, level: Level, solver: Solver, made: str = "") -> Drawing:
    """The chart drawn: its overview or in full, on as many sheets as it needs; ``made``: commit and date. Raises
    LayoutFailed."""
    block = replace(title_block(chart, level), made=made)
    graph = statechart(chart)
    if level == "overview":
        return _drawing([graph], block, COLUMNS, lambda: overview(chart))
    tables = partial(transition_tables, chart, replace(block, kind="transitions"))
    return _drawing([graph], block, solver.name, lambda: sheets(graph, solver), tables)


def draw_station(station: Station, name: str, solver: Solver, made: str = "") -> Drawing:
    """The station on one sheet, or each of its machines on its own. Raises LayoutFailed."""
    graph, block = station_graph(station), replace(station_block(station, name), made=made)
    tables = partial(message_tables, graph, replace(block, kind="messages"))
    return _drawing([graph], block, solver.name, lambda: [with_bands(one) for one in pictures(graph, solver)], tables)


def _drawing(
    graphs: list[Graph],
    block: TitleBlock,
    layout: str,
    lay_out: Callable[[], list[Placed]],
    tables: Callable[[], list[list[Item]]] = list,
) -> Drawing:
    """The drawing; from what is kept when the same (these graphs, or what is made from the same chart) was drawn
    before. ``layout`` names what lays it out."""
    paper = cache(lambda: _Paper(block, layout, lay_out, tables()))
    key = kept.key("svg", own_hash(), layout, repr(graphs), repr(block))
    found = kept.read(key)
    svgs: list[str] = json.loads(found) if found is not None else paper().svgs
    if found is None:
        kept.write(key, json.dumps(svgs).encode())
    return Drawing(block.name, svgs, lambda: paper().pages())


@cache
def own_hash() -> str:
    """A hash of the code that draws."""
    files = sorted(file for file in Path(__file__).parent.rglob("*") if file.suffix in (".py", ".mjs"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


class _Paper:
    """The sheets of a drawing and the tables that follow."""

    def __init__(
        self,
        block: TitleBlock,
        engine: str,
        lay_out: Callable[[], list[Placed]],
        tables: list[list[Item]],
    ) -> None:
        try:
            placed = lay_out()
        except LayoutFailed as error:
            raise LayoutFailed(f"{block.name}: {error}") from error
        model = (("chart", block.name), ("model", block.hash), ("layout", engine))
        tags = (*model, ("sheets", str(len(placed))))
        self.block, self.tables = block, tables
        self.sheets: list[printing.Page] = []
        titles = [one.title for one in placed]
        self.names: list[str] = []
        for number, one in enumerate(placed, 1):
            kind = f"{block.kind} {number}/{len(placed)}" if len(placed) > 1 else block.kind
            layout, here = one.layout, replace(block, kind=kind)
            items, sheet, _ = on_sheet(scene(one.graph, layout), layout.width, layout.height, here, titles, number)
            self.sheets.append((items, sheet.width, sheet.height))
            self.names.append(f"{kind} – {titles[number - 1]}" if len(placed) > 1 else kind)
        stem = f"{block.name}.{block.kind}"
        files = [sheet_name(stem, "svg", number) for number in range(len(placed))]
        mark = "" if block.kind != "overview" else "overview_"  # both may be in one document
        self.outline = partial(outline, chart=block.name, mark=mark)
        pictured = [items for items, _, _ in self.sheets]
        if block.kind == "station":
            connect_station(pictured, tables, f"{stem}.pdf")
        else:
            connect(pictured, tables, files, f"{block.name}.pdf", mark)
        self.svgs = [svg(items, width, height, "mm", tags) for items, width, height in self.sheets]

    def pages(self) -> tuple[list[printing.Page], printing.Bookmarks]:
        """All of them, and what the bookmarks of each page are."""
        tables = [(items, 297.0, 210.0) for items in self.tables]
        kind = "messages" if self.block.kind == "station" else "transitions"
        names = [*self.names, *(f"{kind} {n}/{len(tables)}" for n in range(1, len(tables) + 1))]
        pages = [*self.sheets, *tables]
        return pages, [(name, list(self.outline(page[0]))) for name, page in zip(names, pages, strict=True)]


def joined(drawings: Sequence[Drawing]) -> Drawing:
    """The drawings of one chart as one document, the story first: what an overview shows leads to its row in the table
    of transitions."""
    if len(drawings) == 1:
        return drawings[0]

    def pages() -> tuple[list[printing.Page], printing.Bookmarks]:
        parts = [drawing.pages() for drawing in drawings]
        every = [page for own, _ in parts for page in own]
        lead_to_rows([items for items, _, _ in every])
        return every, [bookmark for _, own in parts for bookmark in own]

    return Drawing(drawings[0].name, [svg for drawing in drawings for svg in drawing.svgs], pages)


def file_bytes(drawing: Drawing, format: str, number: int = 0) -> bytes:
    """Sheet ``number`` of the drawing as ``svg`` or ``png``, or all of it as ``pdf``. Raises MissingExtra."""
    if format == "svg":
        return drawing.svgs[number].encode()
    if not drawing.document:
        pages, bookmarks = drawing.pages()
        drawing.document = printing.pdf(pages, drawing.name, drawing.stamp, bookmarks)
    return drawing.document if format == "pdf" else printing.png(drawing.document, drawing.stamp, number)


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
