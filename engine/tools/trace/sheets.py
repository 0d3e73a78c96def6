"""A sequence diagram on sheets of paper: as SVG, PDF and PNG, with a title block, in text of 6 points.

From the left: the time of a message (s) and how long its sender took to answer; what happens at the left end; the
lifelines; what happens at the right end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.tools.diagram import printing
from engine.tools.diagram.graph import Box
from engine.tools.diagram.page import Sheet, TitleBlock, blank_sheet
from engine.tools.diagram.scene import Circle, Group, Item, Rect, Text, arrow
from engine.tools.diagram.scene import Path as Line
from engine.tools.diagram.svg import svg
from engine.tools.diagram.text import drawable, text_width
from engine.tools.trace.fitted import without_key
from engine.tools.trace.reader import Trace
from engine.tools.trace.sequence import Loop, Message, Sequence, span

_SIZE = 2.12  # mm: 6 pt
_ROW = 3.9
_CLOSE_ROW = 3.5  # where that takes a sheet less
_HEAD = 15.0  # height of the names
_TIMES = 15.0  # width of the column of times, at least
_ANSWERS = 12.0  # of the column of answer times, at least
_APART = 3.0  # between what columns hold
_BESIDE = 40.0  # of what happens at an end
_LEAST_LANE = 9.0
_MOST_LANE = 75.0
_DOT = 0.6  # where a medium is crossed: clear of the text above
_PAD = 0.6
_ABOVE = 0.62  # of a row: from the title of a loop up to its frame
_AT_ONCE_NS = 20_000_000  # what happens so soon after a message stands in its row
_LEGEND = {
    "state": "state reached",
    "timer": "timer that ran out",
    "note": "person, or told to the outside",
    "fault": "fault",
    "lost": "did not arrive",
    "via": "crosses this medium",
}
_STYLES = {"fault": "fault", "lost": "fault", "state": "state", "timer": "timer"}


def title_block(trace: Trace, of: str = "") -> TitleBlock:
    """The file, the machines at the root with their charts (``of``: which part of it), and the hash of the first."""
    machines = trace.header["machines"]
    roots = [name for name in machines if "/" not in name]
    charts = ", ".join(f"{name}: {machines[name]['chart']}" for name in roots)
    starts = (r for r in trace.records if r.get("cause") == "start" and r.get("machine") in roots[:1])
    start = next(starts, {})
    title = f"Sequence of a run, {of}" if of else "Sequence of a run"
    return TitleBlock(Path(trace.file).name, title, charts, "", start.get("text_hash", ""), "sequence")


def sheets(drawn: Sequence, block: TitleBlock) -> list[printing.Page]:
    """The pages: A4 upright for few participants, else A3; A3 on its side for many."""
    sheet = _sheet(drawn)
    rows = list(_rows(drawn))
    row, pages = min(
        ((row, list(_pages(rows, int((sheet.room[1] - _HEAD - 4) / row))) or [[]]) for row in (_ROW, _CLOSE_ROW)),
        key=lambda tried: len(tried[1]),
    )
    result: list[printing.Page] = []
    for number, own in enumerate(pages, 1):
        kind = f"sequence {number}/{len(pages)}" if len(pages) > 1 else "sequence"
        titled = TitleBlock(block.name, block.title, block.source, block.version, block.hash, kind)
        items = [*blank_sheet(sheet, titled), _Sheet(drawn, sheet, row).drawn(own)]
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


def _columns(drawn: Sequence) -> tuple[float, float]:
    """How wide the times and the answer times are, with what keeps them apart."""
    messages = drawn.messages
    answers = [span(*message.answer) for message in messages if message.answer is not None]
    times = max((text_width(_time(message), _SIZE) for message in messages), default=0.0)
    answer = max((text_width(text, _SIZE) for text in answers), default=0.0)
    return max(_TIMES, times + _APART + 2), max(_ANSWERS, answer + _APART) if drawn.ends else 0.0


def _time(message: Message) -> str:
    return f"{message.time_ns / 1e9:.3f}"


def _sheet(drawn: Sequence) -> Sheet:
    beside = sum(_columns(drawn)) + (2 * _BESIDE if drawn.ends else 0.0)
    for sheet in (Sheet("A4", 210.0, 297.0), Sheet("A3", 297.0, 420.0)):
        if (sheet.room[0] - beside) / max(1, len(drawn.participants)) >= (15 if drawn.ends else 20):
            return sheet
    return Sheet("A3", 420.0, 297.0)


@dataclass(slots=True)
class _Row:
    """One line of the picture. ``kind``: ``loop``, ``inside``, ``end`` or nothing; ``beside``: what happens at an end,
    by its name."""

    kind: str = ""
    message: Message | None = None
    text: str = ""
    beside: dict[str, Message] = field(default_factory=dict)

    def takes(self, message: Message) -> bool:
        """Whether what happens at an end may stand in this row."""
        other = self.message
        if self.kind in ("loop", "end") or message.source in self.beside:
            return False
        times = [other.time_ns] if other is not None else [one.time_ns for one in self.beside.values()]
        return bool(times) and 0 <= message.time_ns - times[0] <= _AT_ONCE_NS


def _rows(drawn: Sequence) -> Iterator[_Row]:
    last = _Row()
    for part in drawn.parts:
        if isinstance(part, Loop):
            yield from (last,) if last.message or last.beside else ()
            yield _Row("loop", None, part.title)
            yield from _inside(part, drawn.ends)
            yield _Row("end")
            last = _Row()
        else:
            last, done = _next(last, part, drawn.ends)
            yield from done
    yield from (last,) if last.message or last.beside else ()
    if drawn.cut:
        yield _Row("", None, f"{drawn.cut} more messages")


def _pages(rows: list[_Row], room: int) -> Iterator[list[_Row]]:
    """Rows in pages of at most ``room``. A loop stands on one page; one longer than that has its title on each."""
    page: list[_Row] = []
    number = 0
    while number < len(rows):
        title = rows[number]
        size = 1
        if title.kind == "loop":
            size = next(n for n, row in enumerate(rows[number:], 1) if row.kind == "end")
        if page and len(page) + size - (title.kind == "loop") > room:  # the row below its frame may be missing
            yield page
            page = []
        block = rows[number : number + size]
        while len(block) > room + 1:
            yield [*block[:room], _Row("end")]
            block = [_Row("loop", None, f"{title.text}, continued"), *block[room:]]
        page += block
        number += size
    if page:
        yield page


def _inside(loop: Loop, ends: tuple[str, ...]) -> list[_Row]:
    """What happens at an end stands beside what that one says next in the round."""
    marks = [m for m in loop.messages if m.source == m.target and m.source in ends]
    rows = [_Row("inside", m) for m in loop.messages if m not in marks]
    for mark in marks:
        free = [r for r in rows if r.message and r.message.source == mark.source and mark.source not in r.beside]
        if free:
            free[0].beside[mark.source] = mark
        else:
            rows.append(_Row("inside", beside={mark.source: mark}))
    return rows


def _next(last: _Row, message: Message, ends: tuple[str, ...]) -> tuple[_Row, list[_Row]]:
    """The row that is being filled, and those that are complete."""
    if message.source == message.target and message.source in ends:
        if last.takes(message):
            last.beside[message.source] = message
            return last, []
        row = _Row(last.kind, beside={message.source: message})
    elif last.message is None and last.beside and all(one.time_ns == message.time_ns for one in last.beside.values()):
        last.message = message
        return last, []
    else:
        row = _Row(last.kind, message)
    return row, [last] if last.message or last.beside else []


class _Sheet:
    """One page: x and y in mm. ``row``: the height of a line."""

    def __init__(self, drawn: Sequence, sheet: Sheet, row: float) -> None:
        self.row = row
        self.names = drawn.participants
        self.ends = drawn.ends
        self.media = drawn.media
        self.left = (sheet.width - sheet.room[0]) / 2
        self.right = self.left + sheet.room[0]
        self.top = self.left
        self.times, self.answers = _columns(drawn)
        before = self.times + self.answers + (_BESIDE if drawn.ends else 0.0)
        room = sheet.room[0] - before - (_BESIDE if drawn.ends else 0.0)
        lane = max(_LEAST_LANE, min(_MOST_LANE, room / max(1, len(self.names))))
        start = self.left + before + lane * 0.5
        if drawn.ends and len(self.names) > 1:  # the ends' lifelines at the edge of what happens there
            start, lane = self.left + before, room / (len(self.names) - 1)
        self.lane = lane
        self.lanes = {name: start + lane * i for i, name in enumerate(self.names)}
        self.time = ""
        self.kinds = {message.kind for message in drawn.messages}
        self.kinds |= {"via" for message in drawn.messages if message.via in self.lanes}

    def drawn(self, rows: list[_Row]) -> Group:
        group = Group("sequence")
        bottom = self.top + _HEAD + self.row * (len(rows) + 0.5)
        for name, x in self.lanes.items():
            group.items.append(Line((("M", (x, self.top + _HEAD)), ("L", (x, bottom))), "thread"))
            group.items += self._name(name, x)
        if self.ends:
            y = self.top + _HEAD - 2
            group.items.append(Text(self.left + self.times - _APART, y, "at (s)", _SIZE, "keyword", anchor="end"))
            group.items.append(
                Text(self.left + self.times + self.answers - _APART, y, "answer", _SIZE, "keyword", anchor="end")
            )
        group.items += self._legend()
        arrows: list[Item] = []  # above the plates of labels
        opened: float | None = None
        for number, row in enumerate(rows):
            y = self.top + _HEAD + self.row * (number + 1)
            if row.kind == "loop":
                opened = y - self.row * _ABOVE
                group.items += self._label(self.left + 1.5, y, row.text, "heading")
            elif row.kind == "end" and opened is not None:
                group.items.insert(0, self._frame(opened, y - self.row * 0.5))
                opened = None
            shown = [row.message] if row.message is not None else list(row.beside.values())
            group.items += self._at(shown[0], y) if shown else []
            for end, message in row.beside.items():
                group.items += self._beside(end, message, y)
            if row.message is not None:
                group.items += self._message(row.message, y)
                arrows += self._arrow(row.message, y + 0.7)
            elif row.text and row.kind == "":
                group.items += self._label(self.left + 1.5, y, row.text, "note")
        group.items += arrows
        return group

    def _legend(self) -> list[Item]:
        """What the marks of this picture mean, above it."""
        x, y = self.left + 2.0, self.top + 3.0
        items: list[Item] = []
        for kind, text in _LEGEND.items():
            if kind not in self.kinds:
                continue
            width = text_width(text, _SIZE)
            if kind == "via":
                items.append(Circle(x + 0.75, y - 0.8, _DOT, "medium-dot"))
                x += 2.5
                items.append(Text(x, y, text, _SIZE, "keyword"))
            elif kind == "lost":
                items += self._cross(x + 0.9, y - 0.8)
                x += 2.5
                items.append(Text(x, y, text, _SIZE, "keyword"))
            else:
                plate = Box(x - _PAD, y - _SIZE * 0.86, width + 2 * _PAD, _SIZE * 1.16)
                items += [Rect(plate, _plate(kind), 0.5), Text(x, y, text, _SIZE, _STYLES.get(kind, "note"))]
            x += width + 4.0
        return items

    @staticmethod
    def _cross(x: float, y: float) -> list[Item]:
        size = 0.9
        return [
            Line((("M", (x - size, y - size)), ("L", (x + size, y + size))), "fault-line"),
            Line((("M", (x - size, y + size)), ("L", (x + size, y - size))), "fault-line"),
        ]

    def _frame(self, top: float, bottom: float) -> Rect:
        return Rect(Box(self.left, top, self.right - self.left, bottom - top), "loop", 1.0)

    def _name(self, name: str, x: float) -> list[Item]:
        """The last part bold, what is before it above; both in lines as wide as the lane."""
        whole = name in self.ends or bool(self.ends)
        cut = 0 if whole else max(name.rfind("/"), name.rfind(".")) + 1
        width = min(self.lane, 28.0) - 1.0
        own = _narrow(without_key(name[cut:]), width, True)
        above = _narrow(name[:cut], width, False) if cut else []
        lines = [*((text, False) for text in above), *((text, True) for text in own)][-5:]
        box = Box(x - width / 2, self.top + _HEAD - 1.5 - 2.7 * len(lines), width, 2.7 * len(lines) + 0.8)
        medium = name in self.media if self.ends else "." in name
        items: list[Item] = [Rect(box, "adapter-head" if medium else "machine-head", 0.8)]
        for number, (text, bold) in enumerate(lines):
            at = box.y + 2.4 + 2.7 * number
            items.append(Text(x, at, text, _SIZE, "title" if bold else "note", bold, "middle"))
        return items

    def _at(self, message: Message, y: float) -> list[Item]:
        """The time, where it is another than in the row above."""
        time = _time(message)
        if time == self.time:
            return []
        self.time = time
        return [Text(self.left + self.times - _APART, y, time, _SIZE, "keyword", anchor="end")]

    def _message(self, message: Message, y: float) -> list[Item]:
        items: list[Item] = []
        if message.answer is not None and self.ends:
            at = self.left + self.times + self.answers - _APART
            items.append(Text(at, y, span(*message.answer), _SIZE, "keyword", anchor="end"))
        medium = f"[{message.via}] " if message.via and message.via not in self.lanes else ""
        text = medium + (f"{message.count} × {message.text}" if message.count > 1 else message.text)
        start, end = self.lanes[message.source], self.lanes[message.target]
        style = _STYLES.get(message.kind, "event")
        if start == end:
            return [*items, *self._label(start + 1.2, y, text, style, _plate(message.kind))]
        room = max(abs(end - start) - 3, 55.0) if self.ends else 0.0
        x = min(start, end) + 1.4
        if self.ends and max(start, end) == self.lanes[self.ends[-1]]:  # nothing over what stands beside the last one
            x = min(x, max(start, end) - 1.4 - text_width(self._fit(text, room), _SIZE))
        return [*items, *self._label(x, y - 0.5, text, style, room=room)]

    def _beside(self, end: str, message: Message, y: float) -> list[Item]:
        """What happens at an end, on the outside of its lifeline."""
        text = f"{message.count} × {message.text}" if message.count > 1 else message.text
        style = _STYLES.get(message.kind, "note")
        x = self.lanes[end]
        text = _fitting(text, _BESIDE - 4)
        width = text_width(text, _SIZE)
        left = end == self.ends[0]
        start = x - 1.5 - width if left else x + 1.5
        plate = Box(start - _PAD, y - _SIZE * 0.86, width + 2 * _PAD, _SIZE * 1.16)
        return [Rect(plate, _plate(message.kind) or "note-plate", 0.5), Text(start, y, text, _SIZE, style)]

    def _arrow(self, message: Message, y: float) -> list[Item]:
        start, end = self.lanes[message.source], self.lanes[message.target]
        if start == end:
            return []
        if message.kind == "lost":
            return [Line((("M", (start, y)), ("L", (end, y))), "fault-line"), *self._cross(end, y)]
        items = arrow([(start, y), (end, y)], style="line", size=1.9)
        if message.via in self.lanes:
            items.append(Circle(self.lanes[message.via], y, _DOT, "medium-dot"))
        return items

    def _fit(self, text: str, room: float) -> str:
        return _fitting(text, room or (self.right - self.left) * 0.6)

    def _label(self, x: float, y: float, text: str, style: str, plate: str = "", room: float = 0.0) -> list[Item]:
        """The text from ``x`` on, cut and moved left where the sheet ends; in ``room`` where that is given."""
        text = self._fit(text, room)
        width = text_width(text, _SIZE)
        x = min(x, self.right - width - 2)
        box = Box(x - _PAD, y - _SIZE * 0.82, width + 2 * _PAD, _SIZE * 1.08)
        return [Rect(box, plate or "label-plate"), Text(x, y, text, _SIZE, style)]


def _plate(kind: str) -> str:
    return {"fault": "fault-plate", "state": "state-plate", "timer": "note-plate", "note": "note-plate"}.get(kind, "")


def _fitting(text: str, room: float) -> str:
    """The text, cut where it is wider than ``room`` mm."""
    text = drawable(text.replace("→", "»"))  # the font has no arrow
    while text_width(text, _SIZE) > room:
        text = text[: int(len(text) * room / text_width(text, _SIZE)) - 1].rstrip() + "…"
    return text


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
