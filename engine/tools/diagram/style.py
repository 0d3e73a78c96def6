"""The look of drawings: one table for SVG (as CSS) and PDF. Coverage and live state are CSS on the same classes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

FONT_FAMILY = "'DejaVu Sans', 'Bitstream Vera Sans', Verdana, sans-serif"


@dataclass(frozen=True, slots=True)
class Style:
    """Colours are ``#rrggbb`` or None; ``dash`` is the pattern in drawing units."""

    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    dash: tuple[float, ...] = ()


INK = "#1f2933"
POINTED = "#0b69a3"
SHAPES: dict[str, Style] = {
    "sheet": Style(fill="#ffffff"),
    "frame-line": Style(stroke="#52606d", width=0.25),
    "table-head": Style(fill="#eaf0f5"),
    "rule": Style(stroke="#9aa5b1", width=0.6),
    "box": Style(fill="#ffffff", stroke="#52606d", width=1.1),
    "composite": Style(fill="#f7f9fb", stroke="#7b8794", width=1.1),
    "plate": Style(fill="#f7f9fb"),
    "plate-region": Style(fill="#eaf0f5"),
    "region": Style(fill="#eaf0f5", stroke="#7b8794", width=1.0, dash=(5, 3)),
    "adapter": Style(fill="#eef7ee", stroke="#4f7a54", width=1.1),
    "thread": Style(stroke="#c3ccd5", width=0.2),
    "line": Style(stroke="#3e4c59", width=0.28),
    "loop": Style(fill="#f7f9fb", stroke="#7b8794", width=0.3),
    "machine-head": Style(fill="#ffffff", stroke="#52606d", width=0.3),
    "adapter-head": Style(fill="#eef7ee", stroke="#4f7a54", width=0.3),
    "label-plate": Style(fill="#ffffff"),
    "medium-dot": Style(fill="#4f7a54"),
    "state-plate": Style(fill="#e6f0fa", stroke="#1b5a8c", width=0.2),
    "fault-plate": Style(fill="#fdecea", stroke="#b3261e", width=0.2),
    "fault-line": Style(stroke="#b3261e", width=0.4),
    "note-plate": Style(fill="#fdfcf7", stroke="#b8ae8f", width=0.2),
    "note": Style(fill="#fdfcf7", stroke="#b8ae8f", width=0.8),
    "panel": Style(fill="#fdfcf7", stroke="#b8ae8f", width=0.8),
    "dot": Style(fill=INK),
    "ring": Style(fill="#ffffff", stroke=INK, width=1.2),
    "edge": Style(stroke="#3e4c59", width=1.1),
    "head": Style(fill="#3e4c59"),
    "box-main": Style(fill="#ffffff", stroke="#1b5a8c", width=1.7),
    "box-aside": Style(fill="#ffffff", stroke="#9aa5b1", width=0.9),
    "composite-main": Style(fill="#f7f9fb", stroke="#1b5a8c", width=1.7),
    "pair": Style(stroke="#7b8794", width=1.0),
    "band": Style(fill="#eaf0f5"),
    "edge-main": Style(stroke="#1b5a8c", width=2.0),
    "head-main": Style(fill="#1b5a8c"),
    "mm-edge-main": Style(stroke="#1b5a8c", width=0.5),
    "mm-edge-aside": Style(stroke="#9aa5b1", width=0.25),
    "mm-ring": Style(fill="#ffffff", stroke=INK, width=0.3),
    "mm-box": Style(fill="#ffffff", stroke="#52606d", width=0.25),
    "mm-adapter": Style(fill="#eef7ee", stroke="#4f7a54", width=0.25),
    "mm-note": Style(fill="#fdfcf7", stroke="#b8ae8f", width=0.25),
    "mm-region": Style(fill="#eaf0f5", stroke="#7b8794", width=0.25, dash=(1, 0.6)),
    "mm-here": Style(fill="#1b5a8c", stroke="#1b5a8c", width=0.25),
    "edge-aside": Style(stroke="#9aa5b1", width=0.9),
    "head-aside": Style(fill="#9aa5b1"),
}
TEXTS: dict[str, str] = {
    "title": INK,
    "heading": INK,
    "text": "#323f4b",
    "note": "#616e7c",
    "event": INK,
    "timer": "#8a4600",
    "guard": "#1b5a8c",
    "action": "#52606d",
    "keyword": "#7b8794",
    "state": "#1b5a8c",
    "fault": "#b3261e",
    "here": "#ffffff",
}
# What the pointer or the keyboard is at: the group of an arrow or a line, or the link in it; a box, not what it holds.
_AT = "{0}:hover {1},{0}:focus {1},{0}>a:focus {1}"
_POINTED = (
    _AT.format("g.edge", "path[class^=edge]") + f"{{stroke:{POINTED};stroke-width:2.4}}",
    _AT.format("g.edge", "path[class^=head]") + f"{{fill:{POINTED}}}",
    ",".join(_AT.format(kind, "text") for kind in ("g.edge", "g.internal", "g.frame-title")) + f"{{fill:{POINTED}}}",
    ",".join(f".node{at}" for at in (":hover>rect", ":hover>a>rect", ":focus>rect", ">a:focus>rect"))
    + f"{{stroke:{POINTED};stroke-width:2.4}}",
    "a:hover text{text-decoration:underline}",
    "a:focus,[tabindex]:focus{outline:none}",
)


def css(used: Collection[str]) -> str:
    """The style sheet of an SVG with shapes of the ``used`` styles, and text of ``t-…``."""
    lines = [f"text{{font-family:{FONT_FAMILY};stroke:none}}"]  # a box's own line is not its text's
    for name, style in SHAPES.items():
        if name not in used:
            continue
        parts = [f"fill:{style.fill or 'none'}", f"stroke:{style.stroke or 'none'}"]
        if style.stroke:
            parts.append(f"stroke-width:{style.width:g}")
        if style.dash:
            parts.append("stroke-dasharray:" + " ".join(f"{d:g}" for d in style.dash))
        lines.append(f".{name}{{{';'.join(parts)}}}")
    lines += [f".t-{name}{{fill:{colour}}}" for name, colour in TEXTS.items() if f"t-{name}" in used]
    lines += [".bold{font-weight:bold}", *_POINTED]
    return "\n".join(lines)
