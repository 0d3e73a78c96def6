"""A sequence diagram on sheets of paper: as SVG, PDF and PNG, with a title block, in text of 6 points."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.tools.diagram import printing
from engine.tools.diagram.graph import Box
from engine.tools.diagram.page import Sheet, TitleBlock, blank_sheet
from engine.tools.diagram.scene import Group, Item, Rect, Text, arrow
from engine.tools.diagram.scene import Path as Line
from engine.tools.diagram.svg import svg
from engine.tools.diagram.text import drawable, text_width
from engine.tools.trace.reader import Trace
from engine.tools.trace.sequence import Loop, Message, Sequence

_SIZE = 2.12  # mm: 6 pt
_ROW = 3.9
_HEAD = 15.0  # height of the names
_TIMES = 15.0  # width of the column of times
_LEAST_LANE = 9.0
_PAD = 0.6


def title_block(trace: Trace) -> TitleBlock:
    """The file, the charts that ran and the hash of the first."""
    machines = trace.header["machines"]
    charts = ", ".join(f"{name}: {machine['chart']}" for name, machine in machines.items())
    start = next((r for r in trace.records if r.get("cause") == "start"), {})
    return TitleBlock(Path(trace.file).name, "Sequence of a run", charts, "", start.get("text_hash", ""), "sequence")


def sheets(drawn: Sequence, block: TitleBlock) -> list[printing.Page]:
    """The pages: A4 upright for few participants, else A3; A3 on its side for many."""
    sheet = _sheet(len(drawn.participants))
    rows = list(_rows(drawn))
    room = int((sheet.room[1] - _HEAD - 4) / _ROW)
    pages = [rows[i : i + room] for i in range(0, len(rows), room)] or [[]]
    result: list[printing.Page] = []
    for number, own in enumerate(pages, 1):
        kind = f"sequence {number}/{len(pages)}" if len(pages) > 1 else "sequence"
        titled = TitleBlock(block.name, block.title, block.source, block.version, block.hash, kind)
        items = [*blank_sheet(sheet, titled), _Sheet(drawn.participants, sheet).drawn(own)]
        result.append((items, sheet.width, sheet.height))
    return result


def write(drawn: Sequence, block: TitleBlock, path: Path) -> list[Path]:
    """The sheets as ``.svg`` or ``.png`` (the second one ``NAME.2.svg`` …), or all as one ``.pdf``; the files written.
    Raises MissingExtra and OSError."""
    pages = sheets(drawn, block)
    if path.suffix == ".svg":
        contents = [svg(items, width, height, "mm").encode() for items, width, height in pages]
    else:
        document = printing.pdf(pages, block.name, block.kind)
        many = range(len(pages)) if path.suffix == ".png" else ()
        contents = [printing.png(document, block.kind, number) for number in many] or [document]
    paths = [path, *(path.with_suffix(f".{number}{path.suffix}") for number in range(2, len(contents) + 1))]
    for file, content in zip(paths, contents, strict=True):
        file.write_bytes(content)
    return paths


def _sheet(participants: int) -> Sheet:
    for sheet in (Sheet("A4", 210.0, 297.0), Sheet("A3", 297.0, 420.0)):
        if (sheet.room[0] - _TIMES) / max(1, participants) >= 20:
            return sheet
    return Sheet("A3", 420.0, 297.0)


Row = tuple[str, Message | None, str]  # "", "loop" or "end"; the message; a text


def _rows(drawn: Sequence) -> Iterator[Row]:
    for part in drawn.parts:
        if isinstance(part, Loop):
            yield "loop", None, part.title
            for message in part.messages:
                yield "inside", message, ""
            yield "end", None, ""
        else:
            yield "", part, ""
    if drawn.cut:
        yield "", None, f"{drawn.cut} more messages"


class _Sheet:
    """One page: x and y in mm."""

    def __init__(self, participants: tuple[str, ...], sheet: Sheet) -> None:
        self.left = (sheet.width - sheet.room[0]) / 2
        self.right = self.left + sheet.room[0]
        self.top = self.left
        lane = max(_LEAST_LANE, min(45.0, (sheet.room[0] - _TIMES) / max(1, len(participants))))
        self.lane = lane
        self.lanes = {name: self.left + _TIMES + lane * (i + 0.5) for i, name in enumerate(participants)}
        self.time_ns = -1

    def drawn(self, rows: list[Row]) -> Group:
        group = Group("sequence")
        bottom = self.top + _HEAD + _ROW * (len(rows) + 0.5)
        for name, x in self.lanes.items():
            group.items.append(Line((("M", (x, self.top + _HEAD)), ("L", (x, bottom))), "thread"))
            group.items += self._name(name, x)
        arrows: list[Item] = []  # above the plates of labels
        opened = self.top + _HEAD if rows and rows[0][0] in ("inside", "end") else None
        for number, (kind, message, text) in enumerate(rows):
            y = self.top + _HEAD + _ROW * (number + 1)
            if kind == "loop":
                opened = y - _ROW * 0.8
                group.items += self._label(self.left + 1.5, y, text, "heading")
            elif kind == "end" and opened is not None:
                group.items.insert(0, self._frame(opened, y - _ROW * 0.5))
                opened = None
            elif message is not None:
                group.items += self._message(message, y)
                arrows += self._arrow(message, y + 0.7)
            elif text:
                group.items += self._label(self.left + 1.5, y, text, "note")
        if opened is not None:
            group.items.insert(0, self._frame(opened, bottom))
        group.items += arrows
        return group

    def _frame(self, top: float, bottom: float) -> Rect:
        return Rect(Box(self.left, top, self.right - self.left, bottom - top), "loop", 1.0)

    def _name(self, name: str, x: float) -> list[Item]:
        """The last part bold, what is before it above; both in lines as wide as the lane."""
        cut = max(name.rfind("/"), name.rfind(".")) + 1
        width = self.lane - 1.0
        own = _narrow(_without_key(name[cut:]), width, True)
        above = _narrow(name[:cut], width, False) if cut else []
        lines = [*((text, False) for text in above), *((text, True) for text in own)][-5:]
        box = Box(x - width / 2, self.top + _HEAD - 1.5 - 2.7 * len(lines), width, 2.7 * len(lines) + 0.8)
        items: list[Item] = [Rect(box, "adapter-head" if "." in name else "machine-head", 0.8)]
        for number, (text, bold) in enumerate(lines):
            at = box.y + 2.4 + 2.7 * number
            items.append(Text(x, at, text, _SIZE, "title" if bold else "note", bold, "middle"))
        return items

    def _message(self, message: Message, y: float) -> list[Item]:
        items: list[Item] = []
        if message.time_ns != self.time_ns:
            self.time_ns = message.time_ns
            at = f"{message.time_ns / 1e9:.3f}"
            items.append(Text(self.left + _TIMES - 3, y, at, _SIZE, "keyword", anchor="end"))
        text = f"{message.count} × {message.text}" if message.count > 1 else message.text
        start, end = self.lanes[message.source], self.lanes[message.target]
        if start == end:
            return [*items, *self._label(start + 1.2, y, text, "timer", note=True)]
        return [*items, *self._label(min(start, end) + 1.0, y - 0.5, text, "event")]

    def _arrow(self, message: Message, y: float) -> list[Item]:
        start, end = self.lanes[message.source], self.lanes[message.target]
        return arrow([(start, y), (end, y)], style="line", size=1.9) if start != end else []

    def _label(self, x: float, y: float, text: str, style: str, note: bool = False) -> list[Item]:
        """The text from ``x`` on, cut and moved left where the sheet ends."""
        text = drawable(text.replace("→", "»"))  # the font has no arrow
        widest = (self.right - self.left) * 0.6
        while text_width(text, _SIZE) > widest:
            text = text[: int(len(text) * widest / text_width(text, _SIZE)) - 1].rstrip() + "…"
        width = text_width(text, _SIZE)
        x = min(x, self.right - width - 2)
        plate = Box(x - _PAD, y - _SIZE * 0.82, width + 2 * _PAD, _SIZE * 1.08)
        return [Rect(plate, "note-plate" if note else "label-plate"), Text(x, y, text, _SIZE, style)]


def _without_key(name: str) -> str:
    """``session[0200…0917]``: the key of a spawned child is long and tells little."""
    head, bracket, key = name.rstrip("]").partition("[")
    return f"{head}[{key[:3]}…{key[-3:]}]" if bracket and len(key) > 8 else name


def _narrow(text: str, width: float, bold: bool) -> list[str]:
    """Lines no wider than ``width`` mm, broken after ``/``, ``.`` and ``_`` where that helps, else anywhere."""
    text = drawable(text)
    lines: list[str] = []
    while text:
        fit = len(text)
        while fit > 1 and text_width(text[:fit], _SIZE, bold) > width:
            fit -= 1
        if fit < len(text):
            fit = max((text.rfind(c, 1, fit) for c in "/._["), default=0) + 1 or fit
        lines.append(text[:fit])
        text = text[fit:]
    return lines
