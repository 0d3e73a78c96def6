"""A chart as C99: functions and tables for ``firmware/core``, and a header for the host (docs/firmware.md)."""

from __future__ import annotations

from engine.language.model import Chart
from engine.tools.export.c.blocks import Functions
from engine.tools.export.c.bound import bound_of
from engine.tools.export.c.design import Design
from engine.tools.export.c.header import Header
from engine.tools.export.c.source import Source
from engine.tools.export.c.tables import tables_of
from engine.tools.export.losses import Exported


def export_c(chart: Chart) -> Exported:
    """The files ``NAME.h`` and ``NAME.c``. What is not translated is a loss with its place; then there is no file,
    since half a chart controls nothing."""
    return designed(chart)[0]


def designed(chart: Chart) -> tuple[Exported, Design]:
    """The same, with the names and numbers in it."""
    exported = Exported()
    design = Design(chart, exported)
    functions = Functions(design)
    tables = tables_of(design, functions)
    source = Source(design, functions, tables)
    exported.losses.sort(key=lambda loss: (loss.position.file, loss.position.line, loss.position.column))
    if not exported.losses:
        text = source.text()
        bound = bound_of(design)
        header = Header(design, [head for head, _ in source.doors], bound).text()
        if bound.why:
            exported.notes.append(f"{design.upper}_QUEUE is not proven: {bound.why}")
        exported.files = {f"{design.name}.h": header, f"{design.name}.c": text}
    return exported, design
