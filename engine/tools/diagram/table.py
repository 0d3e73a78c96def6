"""Tables that follow a drawing: of transitions, with every guard and action in full and its source; of messages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, count

from engine.language.model import Chart, Transition
from engine.tools.diagram import describe
from engine.tools.diagram.graph import Box
from engine.tools.diagram.page import Sheet, TitleBlock, blank_sheet
from engine.tools.diagram.scene import Group, Item, Path, Rect, Text
from engine.tools.diagram.text import drawable, text_width

_SIZE = 2.5  # mm: 7 pt
_LEADING = 3.3
_CELL = 1.2
_LONGEST = 250  # characters looked at for a line: more than any cell holds


@dataclass(frozen=True, slots=True)
class Column:
    """``share`` of the width; ``style`` of its text."""

    name: str
    share: float
    style: str


_TRANSITIONS = (
    Column("from", 0.14, "title"),
    Column("event", 0.2, "event"),
    Column("guard", 0.2, "guard"),
    Column("actions", 0.26, "action"),
    Column("to", 0.1, "title"),
    Column("source", 0.1, "note"),
)


@dataclass(frozen=True, slots=True)
class _Row:
    cells: list[list[str]]
    group: Group

    @property
    def height(self) -> float:
        return max(len(c) for c in self.cells) * _LEADING + 2 * _CELL


def transition_tables(chart: Chart, block: TitleBlock) -> list[list[Item]]:
    """Pages in A4 landscape, each a list of items in mm; none for a chart without transitions."""
    groups = [Group("row", (("data-row", t.id),), hint=describe.whole_text(chart, t)) for t in chart.transitions]
    return tables(_TRANSITIONS, [_texts(chart, t) for t in chart.transitions], block, groups)


def tables(
    columns: Sequence[Column], texts: Iterable[Sequence[str]], block: TitleBlock, groups: Sequence[Group] = ()
) -> list[list[Item]]:
    """A table of these rows on pages in A4 landscape, each a list of items in mm; ``groups`` are what the text of each
    row is to be in."""
    sheet, left, width, top, bottom = _area()
    every = chain(groups, (Group("row") for _ in count()))
    rows = [_row(columns, row, width, group) for row, group in zip(texts, every, strict=False)]
    pages: list[list[Item]] = []
    while rows:
        items = blank_sheet(sheet, block)
        y = _head(columns, items, left, width, top)
        while rows and (y + rows[0].height <= bottom or y < top + 8):
            y = _draw(columns, items, rows.pop(0), left, width, y)
        pages.append(items)
    return pages


def _area() -> tuple[Sheet, float, float, float, float]:
    sheet = Sheet("A4", 297.0, 210.0)
    room = sheet.room
    left = (sheet.width - room[0]) / 2
    return sheet, left, room[0], left, left + room[1]


def _texts(chart: Chart, transition: Transition) -> Sequence[str]:
    return (
        transition.source.id or chart.name,
        describe.trigger_text(chart, transition) or "(always)",
        describe.guard_text(transition)[1:-1],
        describe.block_text(transition.actions),
        ", ".join(t.id or chart.name for t in transition.targets) or "(stays)",
        " ".join(t for t in (transition.citation, transition.description) if t),
    )


def _row(columns: Sequence[Column], texts: Sequence[str], width: float, group: Group) -> _Row:
    pairs = zip(texts, columns, strict=True)
    return _Row([_fold(text, column.share * width - 2 * _CELL) for text, column in pairs], group)


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


def _head(columns: Sequence[Column], items: list[Item], left: float, width: float, top: float) -> float:
    height = _LEADING + 2 * _CELL
    items.append(Rect(Box(left, top, width, height), "table-head"))
    x = left
    for column in columns:
        items.append(Text(x + _CELL, top + _CELL + _SIZE, column.name, _SIZE, "heading", bold=True))
        x += column.share * width
    return top + height


def _draw(columns: Sequence[Column], items: list[Item], row: _Row, left: float, width: float, y: float) -> float:
    x = left
    for cell, column in zip(row.cells, columns, strict=True):
        for number, line in enumerate(cell):
            if line:
                at = y + _CELL + _SIZE + number * _LEADING
                row.group.items.append(Text(x + _CELL, at, line, _SIZE, column.style))
        x += column.share * width
    items.append(row.group)
    y += row.height
    items.append(Path((("M", (left, y)), ("L", (left + width, y))), "frame-line"))
    return y
