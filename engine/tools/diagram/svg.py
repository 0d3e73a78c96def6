"""SVG from a scene: plain text, one line per element, coordinates to a hundredth, the same on every machine."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from engine.tools.diagram.scene import Circle, Group, Item, Path, Rect, Text
from engine.tools.diagram.style import css


def svg(items: list[Item], width: float, height: float, unit: str, tags: tuple[tuple[str, str], ...] = ()) -> str:
    """A whole document; ``width`` and ``height`` are in drawing units, which are ``unit`` (``mm``, or ``px``)."""
    head = "".join(f" data-{k}={quoteattr(v)}" for k, v in tags)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}{unit}" height="{_n(height)}{unit}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}"{head}>',
        f"<style>\n{css()}\n</style>",
    ]
    for item in items:
        _write(item, lines)
    lines.append("</svg>\n")
    return "\n".join(lines)


def _n(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _write(item: Item, lines: list[str]) -> None:
    match item:
        case Group():
            tags = "".join(f" {k}={quoteattr(v)}" for k, v in item.tags)
            move = ""
            if item.transform:
                dx, dy, scale = item.transform
                move = f' transform="translate({_n(dx)} {_n(dy)}) scale({scale:.5f})"'
            if item.hint and not item.href:
                tags += ' tabindex="0"'
            lines.append(f"<g class={quoteattr(item.css)}{tags}{move}>")
            if item.hint:
                lines.append(f"<title>{escape(item.hint)}</title>")
            own = [child for child in item.items if not (item.href and isinstance(child, Group) and child.href)]
            link = item.href if own else ""
            if link:
                lines.append(f"<a href={quoteattr(link)}>")
            for child in own:
                _write(child, lines)
            if link:
                lines.append("</a>")
            for child in item.items if item.href else ():  # a link cannot be inside another
                if isinstance(child, Group) and child.href:
                    _write(child, lines)
            lines.append("</g>")
        case Rect():
            box = item.box
            radius = f' rx="{_n(item.radius)}"' if item.radius else ""
            lines.append(
                f'<rect class="{item.style}" x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" '
                f'height="{_n(box.height)}"{radius}/>'
            )
        case Circle():
            lines.append(f'<circle class="{item.style}" cx="{_n(item.x)}" cy="{_n(item.y)}" r="{_n(item.radius)}"/>')
        case Path():
            data = " ".join(s[0] + " ".join(f"{_n(x)},{_n(y)}" for x, y in s[1:]) for s in item.segments)
            lines.append(f'<path class="{item.style}" d="{data}"/>')
        case Text():
            bold = " bold" if item.bold else ""
            anchor = f' text-anchor="{item.anchor}"' if item.anchor != "start" else ""
            lines.append(
                f'<text class="t-{item.style}{bold}" x="{_n(item.x)}" y="{_n(item.y)}" font-size="{_n(item.size)}" '
                f'textLength="{_n(item.width)}" lengthAdjust="spacingAndGlyphs"{anchor}>{escape(item.text)}</text>'
            )
