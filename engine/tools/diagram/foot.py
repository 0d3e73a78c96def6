"""Below a drawing: what its signs mean, and which sheet shows what. All measures in millimetres."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine.tools.diagram.graph import Box
from engine.tools.diagram.scene import Circle, Group, Item, Path, Rect, Text, arrow
from engine.tools.diagram.text import shorten, text_width

_SIZE = 2.12  # 6 pt
_ROW = 3.3
_SIGN = 7.0  # width of a sign
_GAP = 4.0
_CELL = 4.0  # of the map


def _line(style: str) -> Callable[[float, float], list[Item]]:
    return lambda x, y: list(arrow([(x, y), (x + _SIGN - 1, y)], style="mm-edge", size=1.7, tone=style))


def _box(style: str, behind: bool = False) -> Callable[[float, float], list[Item]]:
    def sign(x: float, y: float) -> list[Item]:
        box = Box(x, y - 1.1, _SIGN - 2, 2.2)
        return [*([Rect(box.moved(0.6, 0.6), style, 0.6)] if behind else []), Rect(box, style, 0.6)]

    return sign


def _ring(x: float, y: float) -> list[Item]:
    return [
        *arrow([(x + 0.9, y), (x + _SIGN - 1, y)], style="mm-edge", size=1.7, tone="-aside"),
        Circle(x + 0.9, y, 0.9, "mm-ring"),
    ]


# What a drawing has when a shape or group of this style is in it → sign and words.
SIGNS: tuple[tuple[str, Callable[[float, float], list[Item]], str], ...] = (
    ("initial", lambda x, y: [Circle(x + 3, y, 1.0, "dot")], "start"),
    ("edge-main", _line("-main"), "main path"),
    ("edge-aside", _line("-aside"), "other ways: failures, repetitions"),
    ("self", _ring, "from anywhere in the box around it"),
    ("closed", _box("mm-box", behind=True), "more inside, on another sheet"),
    ("region", _box("mm-region"), "goes on at the same time as the others"),
    ("junction", lambda x, y: [Text(x + 2, y + 0.75, "◊", 3.0, "title", True)], "left at once by the first way open"),
    ("final", lambda x, y: [Circle(x + 3, y, 1.2, "mm-ring"), Circle(x + 3, y, 0.7, "dot")], "end"),
    (
        "pair",
        lambda x, y: [Path((("M", (x, y)), ("L", (x + _SIGN - 1, y))), "mm-edge-aside")],
        "all that passes between two; its number is that of its row in the table",
    ),
    ("adapter", _box("mm-adapter"), "an adapter"),
    ("note", _box("mm-note"), "what it is for"),
    ("timer", lambda x, y: [Text(x, y + 0.75, "after", _SIZE, "timer")], "when the time is up"),
    ("guard", lambda x, y: [Text(x, y + 0.75, "[ … ]", _SIZE, "guard")], "only if"),
)


def legend(drawing: Group, x: float, y: float, width: float) -> Group:
    """The signs that the drawing has, in two rows at most."""
    group = Group("legend")
    there = set(_styles(drawing))
    left, top = x, y + 1.4
    for style, sign, words in SIGNS:
        if style not in there:
            continue
        own = _SIGN + text_width(words, _SIZE)
        if left + own > x + width:
            left, top = x, top + _ROW
        group.items += [*sign(left, top), Text(left + _SIGN, top + 0.75, words, _SIZE, "note")]
        left += own + _GAP
    return group


def _styles(item: Item) -> Iterator[str]:
    match item:
        case Group():
            yield from item.css.split()
            for child in item.items:
                yield from _styles(child)
        case Text():
            yield item.style if item.style in ("timer", "guard") else ""
            if item.text.startswith("◊ "):
                yield "junction"
        case _:
            yield item.style


def sheet_map(names: Sequence[str], number: int, x: float, y: float, width: float) -> Group:
    """A numbered cell for each sheet, with what is on it; the present one is dark."""
    group = Group("map")
    room = _shared([_CELL + 4 + text_width(name, _SIZE, True) for name in names], width)
    left = x
    for place, (name, share) in enumerate(zip(names, room, strict=True), 1):
        here = place == number
        while text_width(name, _SIZE, True) > share - _CELL - 3 and len(name) > 3:
            name = shorten(name, len(name) - 1)
        cell = Group("sheet-cell", (("data-sheet", str(place)),))
        cell.items += [
            Rect(Box(left, y, _CELL, 3.4), "mm-here" if here else "mm-box", 0.4),
            Text(left + _CELL / 2, y + 2.45, str(place), _SIZE, "here" if here else "note", True, "middle"),
            Text(left + _CELL + 1.2, y + 2.45, name, _SIZE, "title" if here else "note", here),
        ]
        group.items.append(cell)
        left += share
    return group


def _shared(needs: list[float], width: float) -> list[float]:
    """The width for each: what it needs, or the same for all that need more than is there."""
    most = max(needs)
    while sum(min(need, most) for need in needs) > width:
        most -= 0.5
    return [min(need, most) for need in needs]
