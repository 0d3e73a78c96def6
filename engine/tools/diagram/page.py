"""The sheet: page size, orientation, border and title block around a drawing. All measures in millimetres."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.tools.diagram.foot import legend, sheet_map
from engine.tools.diagram.graph import TEXT_SIZE, Box
from engine.tools.diagram.scene import Group, Item, Path, Rect, Text
from engine.tools.diagram.text import drawable, shorten, text_width

_EDGE = 7.0  # border to paper edge, what office printers leave blank
_BLOCK = 11.0  # height of the title block
FOOT = 13.0  # height of legend and map above it
_PAD = 3.0
_SMALL = 2.12  # mm: text of 6 pt
_LARGEST = 0.40  # mm per drawing unit: text of 10 pt
READABLE = 6 / 72 * 25.4 / TEXT_SIZE  # below this (text of 6 pt) A4 gives way to A3, and A3 to several sheets
_SHEETS = {"A4": (210.0, 297.0), "A3": (297.0, 420.0)}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of paper: name, width and height in mm as it is turned."""

    name: str
    width: float
    height: float

    @property
    def room(self) -> tuple[float, float]:
        """Width and height free for the drawing."""
        return self.width - 2 * _EDGE - 2 * _PAD, self.height - 2 * _EDGE - _BLOCK - 2 * _PAD


@dataclass(frozen=True, slots=True)
class TitleBlock:
    """What a reviewer must be able to read on the sheet. ``hash`` is the model's."""

    name: str
    title: str
    source: str
    version: str
    hash: str
    kind: str
    made: str = ""  # commit and date, where they are asked for


def largest_room() -> tuple[float, float]:
    """The room for a drawing on an upright A3 sheet."""
    return _above_foot(Sheet("A3", *_SHEETS["A3"]))


def _above_foot(sheet: Sheet) -> tuple[float, float]:
    return sheet.room[0], sheet.room[1] - FOOT


def largest_scale(width: float, height: float) -> float:
    """Millimetres per unit of a drawing of this size (drawing units) on an A3 sheet, upright or turned."""
    short, long = _SHEETS["A3"]
    rooms = [_above_foot(Sheet("A3", short, long)), _above_foot(Sheet("A3", long, short))]
    return max(min(room[0] / width, room[1] / height) for room in rooms)


def may_fit(sizes: Iterable[tuple[float, float]]) -> bool:
    """Whether readable drawings of these sizes (drawing units) have no more area than one sheet has room."""
    width, height = largest_room()
    other = _above_foot(Sheet("A3", *reversed(_SHEETS["A3"])))
    return sum(w * h for w, h in sizes) * READABLE**2 <= max(width * height, other[0] * other[1])


def choose_sheet(width: float, height: float) -> tuple[Sheet, float]:
    """The smallest sheet on which a drawing of this size (drawing units) can be read, and the scale in mm per unit."""
    chosen = None
    for name, (short, long) in _SHEETS.items():
        options = []
        for sheet in (Sheet(name, long, short), Sheet(name, short, long)):
            room = _above_foot(sheet)
            scale = min(room[0] / width, room[1] / height, _LARGEST)
            options.append((scale, sheet))
        scale, sheet = max(options, key=lambda o: o[0])
        chosen = sheet, scale
        if scale >= READABLE:
            break
    assert chosen is not None
    return chosen


def on_sheet(
    drawing: Group, width: float, height: float, block: TitleBlock, names: Sequence[str] = (), number: int = 1
) -> tuple[list[Item], Sheet, float]:
    """The drawing (of this size in drawing units) on its sheet, with legend, border and title block, and a map of all
    sheets when ``names`` says what is on more than one; the sheet; the scale."""
    sheet, scale = choose_sheet(width, height)
    room = _above_foot(sheet)
    drawing.transform = (
        _EDGE + _PAD + (room[0] - width * scale) / 2,
        _EDGE + _PAD + (room[1] - height * scale) / 2,
        scale,
    )
    left, top = _EDGE + _PAD, sheet.height - _EDGE - _BLOCK - FOOT
    foot = [legend(drawing, left, top, sheet.room[0])]
    if len(names) > 1:
        foot.append(sheet_map(names, number, left, top + FOOT - 4.0, sheet.room[0]))
    return [*blank_sheet(sheet, block), *foot, drawing], sheet, scale


def blank_sheet(sheet: Sheet, block: TitleBlock) -> list[Item]:
    """Border and title block."""
    frame = Group("frame")
    frame.items.append(Rect(Box(0, 0, sheet.width, sheet.height), "sheet"))
    inner = Box(_EDGE, _EDGE, sheet.width - 2 * _EDGE, sheet.height - 2 * _EDGE)
    frame.items.append(Rect(inner, "frame-line"))
    frame.items += _title_block(block, sheet, inner)
    return [frame]


def _title_block(block: TitleBlock, sheet: Sheet, inner: Box) -> list[Item]:
    top = inner.y + inner.height - _BLOCK
    right = inner.x + inner.width
    cells = [
        ("source", block.source or "–", 0.0),
        ("version", block.version or "–", 18.0),
        ("model", block.hash[:12] or "–", 28.0),
        *([("commit", block.made, 32.0)] if block.made else []),
        ("drawing", f"{block.kind}, {sheet.name}", 30.0),
    ]
    fixed = sum(w for _, _, w in cells)
    left = (inner.width - fixed) * 0.55
    cells[0] = ("source", cells[0][1], inner.width - fixed - left)
    items: list[Item] = [Path((("M", (inner.x, top)), ("L", (right, top))), "frame-line")]
    items.append(_fit(block.name, inner.x + 2.5, top + 4.8, 3.8, "heading", left - 4, bold=True))
    items.append(_fit(block.title or " ", inner.x + 2.5, top + 9.0, 2.8, "note", left - 4))
    x = inner.x + left
    for word, value, width in cells:
        items.append(Path((("M", (x, top)), ("L", (x, top + _BLOCK))), "frame-line"))
        items.append(_fit(word, x + 2, top + 3.8, _SMALL, "keyword", width - 3))
        items += _fit_in_two(value, x + 2, top + 8.4, width - 3)
        x += width
    return items


def _fit_in_two(text: str, x: float, y: float, room: float) -> list[Item]:
    """The text in one line, or in two smaller ones where it is too long for one."""
    text = drawable(text)
    if text_width(text, _SMALL) <= room:
        return [_fit(text, x, y, 2.8, "text", room)]
    fits = [i for i, c in enumerate(text) if c == " " and text_width(text[:i], _SMALL) <= room]
    cut = fits[-1] if fits else len(text)
    lines = ((text[:cut], y - 1.4), (text[cut:].strip(), y + 1.2))
    return [_fit(line, x, at, _SMALL, "text", room) for line, at in lines if line]


def _fit(text: str, x: float, y: float, size: float, style: str, room: float, bold: bool = False) -> Text:
    """The text, set smaller (to 6 pt) and then cut where it is too long."""
    text = drawable(text)
    width = text_width(text, size, bold)
    if width > room:
        size = max(min(size, _SMALL), size * room / width)
        while len(text) > 2 and text_width(text, size, bold) > room:
            text = shorten(text, len(text) - 1)
    return Text(x, y, text, size, style, bold)
