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
from engine.tools.diagram.dot import Graphviz
from engine.tools.diagram.elk import Elk, LayoutFailed, LayoutUnavailable
from engine.tools.diagram.graph import Graph
from engine.tools.diagram.page import TitleBlock, on_sheet
from engine.tools.diagram.scene import scene
from engine.tools.diagram.sheets import Placed, one_sheet, pictures, sheets
from engine.tools.diagram.statechart import Level, overviews, statechart
from engine.tools.diagram.station import station_block, station_graphs
from engine.tools.diagram.style import css
from engine.tools.diagram.svg import svg
from engine.tools.diagram.table import transition_tables

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
    PDF. ``layout`` names the layout engine; ``content`` is a hash of what is drawn, without places."""

    name: str
    sheets: list[printing.Page]
    svgs: list[str]
    layout: str
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


_PROCESSES = 2  # more gain little: the largest chart alone takes a third of the time


class Layouts:
    """The layout engines of one run: ELK, and Graphviz where ELK is missing or fails. ``warn`` gets a line when that
    happens. A context manager, since ELK is a process. Threads may share it."""

    def __init__(self, choice: str, warn: Callable[[str], None]) -> None:
        """``choice`` is ``auto``, ``elk`` or ``graphviz``. Raises LayoutUnavailable."""
        self.choice = choice
        self.warn = warn
        self.elk: Elk | None = None
        self.graphviz: Graphviz | None = None
        if choice != "graphviz":
            try:
                self.elk = Elk(_PROCESSES)
            except LayoutUnavailable as error:
                if choice == "elk":
                    raise
                self.graphviz = Graphviz()
                warn(f"{error}; drawing with Graphviz instead")
        else:
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
    """A hash of a drawing's content, independent of the layout engine."""
    return hashlib.sha256(f"{graph!r}\n{block!r}\n{css()}".encode()).hexdigest()[:16]


def title_block(chart: Chart, kind: str) -> TitleBlock:
    """The title block of a chart's drawing; ``kind`` says what it shows."""
    return TitleBlock(chart.name, chart.title, chart.citation, chart.version, chart.text_hash, kind)


def draw(chart: Chart, level: Level, layouts: Layouts) -> Drawing:
    """The chart drawn: its overview on one sheet, in full on as many as it needs. Raises LayoutFailed."""
    block = title_block(chart, level)
    if level == "overview":
        versions = overviews(chart)
        return _drawing(versions[0], block, layouts, lambda solver: [one_sheet(versions, solver)])
    graph = statechart(chart, level)
    drawing = _drawing(graph, block, layouts, lambda solver: sheets(graph, solver))
    tables = transition_tables(chart, title_block(chart, "transitions"))
    drawing.tables.extend((items, 297.0, 210.0) for items in tables)
    return drawing


def draw_station(station: Station, name: str, layouts: Layouts) -> Drawing:
    """The station on one sheet, or each of its machines on its own. Raises LayoutFailed."""
    versions = station_graphs(station)
    block = station_block(station, name)
    return _drawing(versions[0], block, layouts, lambda solver: pictures(versions, solver))


def _drawing(graph: Graph, block: TitleBlock, layouts: Layouts, lay_out: Callable[[Solver], list[Placed]]) -> Drawing:
    placed, engine = _laid_out(block.name, layouts, lay_out)
    content = content_hash(graph, block)
    model = (("chart", block.name), ("model", block.hash), ("layout", engine), ("content", content))
    tags = (*model, ("sheets", str(len(placed))))
    drawing = Drawing(block.name, [], [], engine, content)
    for number, one in enumerate(placed, 1):
        kind = f"{block.kind} {number}/{len(placed)}" if len(placed) > 1 else block.kind
        layout = one.layout
        items, sheet, _ = on_sheet(scene(one.graph, layout), layout.width, layout.height, replace(block, kind=kind))
        drawing.sheets.append((items, sheet.width, sheet.height))
        drawing.svgs.append(svg(items, sheet.width, sheet.height, "mm", tags))
    return drawing


def _laid_out(name: str, layouts: Layouts, lay_out: Callable[[Solver], list[Placed]]) -> tuple[list[Placed], str]:
    """The sheets and the name of the layout engine that could do it."""
    failures: list[str] = []
    for solver in layouts.solvers():
        try:
            return lay_out(solver), solver.name
        except LayoutFailed as error:
            failures.append(str(error))
            layouts.warn(f"{name}: {error}")
    raise LayoutFailed(f"{name}: " + "; ".join(failures))


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
    """Whether the file shows this sheet of the drawing.

    An SVG laid out by another engine (no Node on this machine, another Graphviz) is current when it shows the same
    content; a PDF or PNG when it was made from the SVGs beside it and these are current.
    """
    if not path.is_file():
        return False
    if format == "svg":
        text = path.read_text(encoding="utf-8")
        return _is_of_another_engine(text, drawing) or drawing.svgs[number : number + 1] == [text]
    made_from = re.search(rb"svg sha256 [0-9a-f]{64}", path.read_bytes())
    found = made_from.group(0).decode() if made_from else ""
    others = [file.read_bytes() for file in _sheets_of_another_engine(path.parent, _stem(path), drawing)]
    return found == (_stamp(others) if others else drawing.stamp)


def sheet_count(folder: Path, stem: str, drawing: Drawing) -> int:
    """How many sheets there have to be in this folder: another layout engine may have needed more or fewer."""
    return len(_sheets_of_another_engine(folder, stem, drawing)) or len(drawing.svgs)


def sheet_name(stem: str, format: str, number: int) -> str:
    """``stem.svg``, then ``stem.2.svg``, ``stem.3.svg`` …"""
    return f"{stem}.{number + 1}.{format}" if number else f"{stem}.{format}"


def _stem(path: Path) -> str:
    return re.sub(r"(\.\d+)?\.\w+$", "", path.name)


def _is_of_another_engine(svg: str, drawing: Drawing) -> bool:
    return f'data-layout="{drawing.layout}"' not in svg and f'data-content="{drawing.content}"' in svg


def _sheets_of_another_engine(folder: Path, stem: str, drawing: Drawing) -> list[Path]:
    """The SVGs of another layout engine that show this drawing; none when one of them is not there or is older."""
    first = folder / f"{stem}.svg"
    count = re.search(r'data-sheets="(\d+)"', first.read_text(encoding="utf-8")) if first.is_file() else None
    files = [folder / sheet_name(stem, "svg", number) for number in range(int(count.group(1)) if count else 0)]
    good = all(f.is_file() and _is_of_another_engine(f.read_text(encoding="utf-8"), drawing) for f in files)
    return files if good else []
