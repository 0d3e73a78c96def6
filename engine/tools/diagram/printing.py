"""PDF and PNG from a scene: reportlab sets the PDF in an embedded font, pdfium draws the PNG from the PDF.

Both come with the extra ``[diagram]``; neither needs a system library or an installed font.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path as FilePath
from typing import Any

from engine.tools.diagram.scene import Circle, Group, Item, Path, Rect, Text
from engine.tools.diagram.style import SHAPES, TEXTS
from engine.tools.extras import need

_MM = 72 / 25.4
DPI = 150


def need_printing(*formats: str) -> None:
    """Raises MissingExtra when what sets these formats (``pdf``, ``png``) is not installed."""
    if "png" in formats:
        need("PNG", "diagram", "reportlab", "pypdfium2", "PIL")
    elif "pdf" in formats:
        need("PDF", "diagram", "reportlab")


Page = tuple[list[Item], float, float]  # items, width and height in mm
Bookmarks = list[tuple[str, list[tuple[str, str]]]]  # of each page: its title, and titles and anchors on it


def pdf(pages: list[Page], title: str, subject: str, bookmarks: Bookmarks | None = None) -> bytes:
    """A PDF of these pages, with the links between their groups. The same input gives the same bytes. Raises
    MissingExtra."""
    need_printing("pdf")
    from reportlab import rl_config
    from reportlab.pdfgen.canvas import Canvas

    _register_fonts()
    rl_config.useA85 = 0  # streams as bytes: as text they are a quarter longer
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1, pageCompression=1)
    canvas.setTitle(title)
    canvas.setSubject(subject)
    canvas.setCreator("engine diagram")
    if bookmarks:
        canvas.showOutline()
    for number, (items, width, height) in enumerate(pages):
        canvas.setPageSize((width * _MM, height * _MM))
        for name, inside in bookmarks[number : number + 1] if bookmarks else ():
            canvas.bookmarkPage(f"page{number + 1}")
            canvas.addOutlineEntry(name, f"page{number + 1}", 0, closed=True)
            for text, anchor in inside:
                canvas.addOutlineEntry(text, anchor, 1)
        pen = _Pen(canvas, height * _MM)
        for item in items:
            pen.draw(item, 0.0, 0.0, _MM)
        canvas.showPage()
    _name_destinations(canvas, [item for items, _, _ in pages for item in items])
    canvas.save()
    return buffer.getvalue()


@cache
def _register_fonts() -> None:
    """Vera and VeraBd, without the table of their names and licence, which no viewer reads."""
    import reportlab
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    fonts = FilePath(reportlab.__file__).parent / "fonts"
    for name, file in (("Vera", "Vera.ttf"), ("VeraBd", "VeraBd.ttf")):
        font = TTFont(name, str(fonts / file))
        face: Any = font.face
        face.get_table = partial(_table, face.get_table)
        pdfmetrics.registerFont(font)


def _table(get: Callable[[str], bytes], tag: str) -> bytes:
    return struct.pack(">HHH", 0, 0, 6) if tag == "name" else get(tag)


def _name_destinations(canvas: Any, items: list[Item]) -> None:
    """Gives the anchors that links from other files lead to their names; reportlab itself keeps no names."""
    from reportlab.pdfbase.pdfdoc import PDFDictionary

    names = {item.anchor for item in items if isinstance(item, Group) and item.anchor}
    if names:
        canvas._doc.Catalog.Dests = PDFDictionary({name: canvas._bookmarkReference(name) for name in sorted(names)})


def png(document: bytes, subject: str, number: int = 0, dpi: int = DPI) -> bytes:
    """Page ``number`` of a PDF as PNG, with ``subject`` as its ``Source`` text. Raises MissingExtra."""
    need_printing("png")
    import pypdfium2
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    page = pypdfium2.PdfDocument(document)[number]
    image = page.render(scale=dpi / 72).to_pil().convert("RGB").quantize(palette=_palette(), dither=Image.Dither.NONE)
    note = PngInfo()
    note.add_text("Source", subject)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=note, dpi=(dpi, dpi))
    return buffer.getvalue()


@cache
def _colour(text: str) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(text)


@cache
def _palette() -> Any:
    """The style's colours and their blends with its backgrounds, so that few colours look like all."""
    from PIL import Image

    papers = [(0xFF, 0xFF, 0xFF), (0xF7, 0xF9, 0xFB), (0xEA, 0xF0, 0xF5)]
    inks = {c for s in SHAPES.values() for c in (s.fill, s.stroke) if c} | set(TEXTS.values())
    colours: dict[tuple[int, ...], None] = dict.fromkeys(papers)
    for ink in sorted(inks):
        tone = tuple(int(ink[i : i + 2], 16) for i in (1, 3, 5))
        for part in (1.0, 0.75, 0.5, 0.25):
            for paper in papers[: 1 if part > 0.5 else 2]:
                colours[tuple(round(p + (t - p) * part) for p, t in zip(paper, tone, strict=True))] = None
    image = Image.new("P", (1, 1))
    image.putpalette([v for colour in list(colours)[:256] for v in colour])
    return image


def _area(group: Group) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of a group: its box, else its text, else its lines; None of nothing."""
    for item in group.items:
        if isinstance(item, Rect):
            return item.box.x, item.box.y, item.box.x + item.box.width, item.box.y + item.box.height
    inner = [area for item in group.items if isinstance(item, Group) and (area := _area(item))]
    for item in group.items:
        if isinstance(item, Text):
            left = item.x - {"start": 0.0, "middle": item.width / 2, "end": item.width}[item.anchor]
            inner.append((left, item.y - item.size, left + item.width, item.y + item.size * 0.3))
    if not inner:
        points = [p for item in group.items if isinstance(item, Path) for _, *ps in item.segments for p in ps]
        inner = [(x - 3, y - 3, x + 3, y + 3) for x, y in points[-3:]]  # the arrow's head
    if not inner:
        return None
    lefts, tops, rights, bottoms = zip(*inner, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


class _Pen:
    """Draws items on a reportlab canvas; x and y grow right and down from the top left, as in SVG."""

    def __init__(self, canvas: Any, height: float) -> None:
        self.canvas = canvas
        self.height = height

    def draw(self, item: Item, dx: float, dy: float, scale: float) -> None:
        def x(value: float) -> float:
            return dx + value * scale

        def y(value: float) -> float:
            return self.height - (dy + value * scale)

        match item:
            case Group():
                if item.transform:
                    mx, my, ms = item.transform
                    dx, dy, scale = dx + mx * scale, dy + my * scale, scale * ms
                if item.anchor or item.link or item.uri:
                    self._point(item, x, y)  # before what is inside, whose links lie above
                for child in item.items:
                    self.draw(child, dx, dy, scale)
            case Rect():
                b = item.box
                kind = self._style(item.style, scale)
                place = (x(b.x), y(b.y + b.height), b.width * scale, b.height * scale)
                if item.radius:
                    self.canvas.roundRect(*place, item.radius * scale, **kind)
                else:
                    self.canvas.rect(*place, **kind)
            case Circle():
                self.canvas.circle(x(item.x), y(item.y), item.radius * scale, **self._style(item.style, scale))
            case Path():
                self._path(item, scale, x, y)
            case Text():
                self.canvas.setFillColor(_colour(TEXTS[item.style]))
                self.canvas.setFont("VeraBd" if item.bold else "Vera", item.size * scale)
                write = {
                    "start": self.canvas.drawString,
                    "middle": self.canvas.drawCentredString,
                    "end": self.canvas.drawRightString,
                }[item.anchor]
                write(x(item.x), y(item.y), item.text)

    def _point(self, group: Group, x: Any, y: Any) -> None:
        area = _area(group)
        if area is None:
            return
        left, top, right, bottom = x(area[0]), y(area[1]), x(area[2]), y(area[3])
        if group.anchor:
            self.canvas.bookmarkPage(group.anchor, fit="XYZ", left=left - 40, top=top + 40, zoom=0)
        if group.link:
            self.canvas.linkRect("", group.link, (left, bottom, right, top), Border="[0 0 0]")
        elif group.uri:
            self.canvas.linkURL(group.uri, (left, bottom, right, top), relative=0)

    def _path(self, item: Path, scale: float, x: Any, y: Any) -> None:
        path = self.canvas.beginPath()
        at = (0.0, 0.0)
        for command, *points in item.segments:
            match command:
                case "M":
                    path.moveTo(x(points[0][0]), y(points[0][1]))
                case "L":
                    path.lineTo(x(points[0][0]), y(points[0][1]))
                case "Q":  # a quadratic curve as a cubic one
                    (cx, cy), (ex, ey) = points
                    first = (at[0] + (cx - at[0]) * 2 / 3, at[1] + (cy - at[1]) * 2 / 3)
                    second = (ex + (cx - ex) * 2 / 3, ey + (cy - ey) * 2 / 3)
                    path.curveTo(x(first[0]), y(first[1]), x(second[0]), y(second[1]), x(ex), y(ey))
                case "Z":
                    path.close()
            at = points[-1] if points else at
        self.canvas.drawPath(path, **self._style(item.style, scale))

    def _style(self, name: str, scale: float) -> dict[str, int]:
        style = SHAPES[name]
        if style.fill:
            self.canvas.setFillColor(_colour(style.fill))
        if style.stroke:
            self.canvas.setStrokeColor(_colour(style.stroke))
            self.canvas.setLineWidth(style.width * scale)
            self.canvas.setDash([d * scale for d in style.dash] if style.dash else [])
        return {"fill": int(style.fill is not None), "stroke": int(style.stroke is not None)}
