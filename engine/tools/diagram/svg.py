"""SVG from a scene: plain text, one line per element, the same on every machine, and no longer than it must be.

Coordinates are to a hundredth of a millimetre or so: to two digits on the sheet, to one in a drawing scaled to fit it.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from engine.tools.diagram.graph import TEXT_SIZE
from engine.tools.diagram.scene import Circle, Group, Item, Path, Rect, Text
from engine.tools.diagram.style import css


def svg(items: list[Item], width: float, height: float, unit: str, tags: tuple[tuple[str, str], ...] = ()) -> str:
    """A whole document; ``width`` and ``height`` are in drawing units, which are ``unit`` (``mm``, or ``px``)."""
    head = "".join(f" data-{k}={quoteattr(v)}" for k, v in tags)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}{unit}" height="{_n(height)}{unit}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}"{head}>',
        f"<style>\n{css(set(_styles(items)))}\n</style>",
    ]
    for item in items:
        _Writer(lines).write(item)
    lines.append("</svg>\n")
    return "\n".join(lines)


def _styles(items: list[Item]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Group):
            yield from _styles(item.items)
        else:
            yield f"t-{item.style}" if isinstance(item, Text) else item.style


def _n(value: float, digits: int = 2) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class _Writer:
    """Appends elements to lines. ``digits``: of coordinates; ``size``: of text that says none."""

    def __init__(self, lines: list[str], digits: int = 2, size: float | None = None) -> None:
        self.lines = lines
        self.digits = digits
        self.size = size

    def n(self, value: float) -> str:
        return _n(value, self.digits)

    def write(self, item: Item) -> None:
        match item:
            case Group():
                self._group(item)
            case Rect():
                box = item.box
                radius = f' rx="{self.n(item.radius)}"' if item.radius else ""
                self.lines.append(
                    f'<rect class="{item.style}" x="{self.n(box.x)}" y="{self.n(box.y)}" width="{self.n(box.width)}" '
                    f'height="{self.n(box.height)}"{radius}/>'
                )
            case Circle():
                place = f'cx="{self.n(item.x)}" cy="{self.n(item.y)}" r="{self.n(item.radius)}"'
                self.lines.append(f'<circle class="{item.style}" {place}/>')
            case Path():
                data = " ".join(s[0] + " ".join(f"{self.n(x)},{self.n(y)}" for x, y in s[1:]) for s in item.segments)
                self.lines.append(f'<path class="{item.style}" d="{data}"/>')
            case Text():
                bold = " bold" if item.bold else ""
                anchor = f' text-anchor="{item.anchor}"' if item.anchor != "start" else ""
                size = f' font-size="{_n(item.size)}"' if item.size != self.size else ""
                self.lines.append(
                    f'<text class="t-{item.style}{bold}" x="{self.n(item.x)}" y="{self.n(item.y)}"{size} '
                    f'textLength="{self.n(item.width)}"{anchor}>{escape(item.text)}</text>'
                )

    def _group(self, item: Group) -> None:
        tags = "".join(f" {k}={quoteattr(v)}" for k, v in item.tags)
        inside = self
        if item.transform:
            dx, dy, scale = item.transform
            tags += f' transform="translate({_n(dx)} {_n(dy)}) scale({scale:.5f})" font-size="{_n(TEXT_SIZE)}"'
            inside = _Writer(self.lines, 1, TEXT_SIZE)
        if item.hint and not item.href:
            tags += ' tabindex="0"'
        self.lines.append(f"<g class={quoteattr(item.css)}{tags}>")
        if item.hint:
            self.lines.append(f"<title>{escape(item.hint)}</title>")
        own = [child for child in item.items if not (item.href and isinstance(child, Group) and child.href)]
        link = item.href if own else ""
        if link:
            self.lines.append(f"<a href={quoteattr(link)}>")
        for child in own:
            inside.write(child)
        if link:
            self.lines.append("</a>")
        for child in item.items if item.href else ():  # a link cannot be inside another
            if isinstance(child, Group) and child.href:
                inside.write(child)
        self.lines.append("</g>")
