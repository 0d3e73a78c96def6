"""The table of transitions that follows a full drawing: every guard and action in full, with its source."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from engine.language.model import Chart, Transition
from engine.tools.diagram import describe
from engine.tools.diagram.graph import Box
from engine.tools.diagram.page import Sheet, TitleBlock, blank_sheet
from engine.tools.diagram.scene import Item, Path, Rect, Text
from engine.tools.diagram.text import drawable, text_width

_SIZE = 2.5  # mm: 7 pt
_LEADING = 3.3
_CELL = 1.2
_LONGEST = 250  # characters looked at for a line: more than any cell holds
_COLUMNS = (("from", 0.14), ("event", 0.2), ("guard", 0.2), ("actions", 0.26), ("to", 0.1), ("source", 0.1))
_STYLES = ("title", "event", "guard", "action", "title", "note")


@dataclass(frozen=True, slots=True)
class _Row:
    cells: list[list[str]]

    @property
    def height(self) -> float:
        return max(len(c) for c in self.cells) * _LEADING + 2 * _CELL


def transition_tables(chart: Chart, block: TitleBlock) -> list[list[Item]]:
    """Pages in A4 landscape, each a list of items in mm; none for a chart without transitions."""
    sheet, left, width, top, bottom = _area()
    rows = [_row(chart, t, width) for t in chart.transitions]
    pages: list[list[Item]] = []
    while rows:
        items = blank_sheet(sheet, block)
        y = _head(items, left, width, top)
        while rows and (y + rows[0].height <= bottom or y < top + 8):
            y = _draw(items, rows.pop(0), left, width, y)
        pages.append(items)
    return pages


def _area() -> tuple[Sheet, float, float, float, float]:
    sheet = Sheet("A4", 297.0, 210.0)
    room = sheet.room
    left = (sheet.width - room[0]) / 2
    return sheet, left, room[0], left, left + room[1]


def _row(chart: Chart, transition: Transition, width: float) -> _Row:
    texts = (
        transition.source.id or chart.name,
        describe.trigger_text(chart, transition) or "(always)",
        describe.guard_text(transition)[1:-1],
        describe.block_text(transition.actions),
        ", ".join(t.id or chart.name for t in transition.targets) or "(stays)",
        " ".join(t for t in (transition.citation, transition.description) if t),
    )
    cells = [_fold(t, share * width - 2 * _CELL) for t, (_, share) in zip(texts, _COLUMNS, strict=True)]
    return _Row(cells)


def _fold(text: str, room: float) -> list[str]:
    """Lines no wider than ``room`` mm, broken at spaces, else after punctuation, else anywhere."""
    lines: list[str] = []
    rest = drawable(" ".join(text.split()))
    while rest:
        ends = list(accumulate(text_width(c, _SIZE) for c in rest[:_LONGEST]))
        fit = max(1, bisect_right(ends, room))
        if fit >= len(rest):
            break
        cut = rest.rfind(" ", 1, fit + 1)
        if cut <= 0:
            cut = max(rest.rfind(c, fit // 2, fit) for c in "._(,") + 1 or fit
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*lines, rest]


def _head(items: list[Item], left: float, width: float, top: float) -> float:
    height = _LEADING + 2 * _CELL
    items.append(Rect(Box(left, top, width, height), "table-head"))
    x = left
    for name, share in _COLUMNS:
        items.append(Text(x + _CELL, top + _CELL + _SIZE, name, _SIZE, "heading", bold=True))
        x += share * width
    return top + height


def _draw(items: list[Item], row: _Row, left: float, width: float, y: float) -> float:
    x = left
    for cell, style, (_, share) in zip(row.cells, _STYLES, _COLUMNS, strict=True):
        for number, line in enumerate(cell):
            if line:
                items.append(Text(x + _CELL, y + _CELL + _SIZE + number * _LEADING, line, _SIZE, style))
        x += share * width
    y += row.height
    items.append(Path((("M", (left, y)), ("L", (left + width, y))), "frame-line"))
    return y
