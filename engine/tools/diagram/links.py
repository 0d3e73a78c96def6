"""What leads where in a drawing: a closed box to the sheet with its inside and back, an arrow to its row in the table
of transitions and back. The same in the PDF, in each SVG, and between the SVGs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from engine.tools.diagram.scene import Group, Item, Text
from engine.tools.diagram.statechart import ROOT

CHART = "data-chart"  # of the box of a chart in the picture of a station: its name
_AT = "#nameddest="
_ENTRIES = ("/initial", "/default")  # arrows to a first state, which have no row


@dataclass(slots=True)
class _Found:
    """Where things stand: numbers of sheets, and the groups there."""

    boxes: dict[str, tuple[int, Group]] = field(default_factory=dict)  # a state drawn as a box
    frames: dict[str, tuple[int, Group]] = field(default_factory=dict)  # the title of a state with its inside below
    arrows: dict[str, list[Group]] = field(default_factory=dict)
    rows: dict[str, Group] = field(default_factory=dict)


def connect(
    sheets: list[list[Item]], tables: list[list[Item]], files: list[str], document: str, mark: str = ""
) -> None:
    """Gives the groups of a drawing their ``anchor``, ``link`` and ``href``; ``files`` names the SVG of each sheet,
    ``document`` the PDF with the table of transitions (an overview has none itself). ``mark`` begins all anchors but
    those of rows."""
    found = _Found()
    for number, items in enumerate([*sheets, *tables]):
        for group in _groups(items):
            _note(group, number, found)
    for state, (here, box) in found.boxes.items():
        if state in found.frames:
            there, title = found.frames[state]
            _join(box, title, f"{mark}in_{state}", files[there])
            _join(title, box, f"{mark}at_{state}", files[here])
    for name, arrows in found.arrows.items():
        row = found.rows.get(name)
        if row is None and (tables or name.endswith(_ENTRIES)):
            continue
        for arrow in arrows:
            arrow.href = f"{quote(document)}{_AT}{destination(f'row_{name}')}"
            if row is not None:
                row.anchor = destination(f"row_{name}")
                arrow.link = row.anchor
                arrow.hint = arrow.hint or row.hint
        if row is not None:
            _join(row, arrows[0], f"{mark}arrow_{name}", files[0])


def connect_station(sheets: list[list[Item]], tables: list[list[Item]], document: str) -> None:
    """Likewise of a station: a line leads to its row in the table of messages and back, the box of a chart to the
    drawing of that chart, that of an adapter to the first row that names it; ``document`` is the PDF with the table."""
    rows = {dict(group.tags).get("data-message", ""): group for items in tables for group in _groups(items)}
    rows.pop("", None)
    for group in (group for items in sheets for group in _groups(items)):
        tags = dict(group.tags)
        role = tags.get("data-role", "").replace(".", ":", 1)
        if chart := tags.get(CHART):
            group.href, group.uri = f"{quote(chart)}.overview.svg", f"{quote(chart)}.pdf"
            group.hint = group.hint or chart
        elif group.css.startswith("edge pair"):
            id = f"{tags['data-from']}>{tags['data-to']}"
            if id in rows:
                _lead_to_row(group, rows[id], id, document)
                group.anchor = rows[id].link = rows[id].link or destination(f"line_{id}")
        elif first := next((id for id in rows if role and role in id.split(">")), None):
            _lead_to_row(group, rows[first], first, document)
            group.hint = group.hint or role


def _lead_to_row(group: Group, row: Group, id: str, document: str) -> None:
    group.link = row.anchor = destination(f"row_{id}")
    group.href = f"{quote(document)}{_AT}{row.anchor}"


def _note(group: Group, number: int, found: _Found) -> None:
    tags = dict(group.tags)
    kind = group.css.partition(" ")[0]
    if state := tags.get("data-title"):
        found.frames.setdefault(state, (number, group))
    elif (state := tags.get("data-state")) and kind == "node":
        group.hint = group.hint or state
        if any(isinstance(item, (Text, Group)) for item in group.items):
            found.boxes.setdefault(state, (number, group))
    elif (name := tags.get("data-transition")) and kind in ("edge", "internal"):
        found.arrows.setdefault(name, []).append(group)
    elif name := tags.get("data-row"):
        found.rows[name] = group


def _join(one: Group, other: Group, name: str, file: str) -> None:
    other.anchor = other.anchor or destination(name)
    one.link = other.anchor
    id = dict(other.tags).get("id")
    one.href = quote(file) + (f"#{quote(id)}" if id else "")


def destination(name: str) -> str:
    """A name that a PDF and an address can both hold, different for different names."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"~{ord(match.group()):02x}", name)


def _groups(items: list[Item]) -> Iterator[Group]:
    for item in items:
        if isinstance(item, Group):
            yield item
            yield from _groups(item.items)


def lead_to_rows(pages: list[list[Item]]) -> None:
    """Where the row that a group of these pages leads to in another file is on one of them, it leads there."""
    groups = [group for items in pages for group in _groups(items)]
    there = {group.anchor for group in groups}
    for group in groups:
        row = group.href.rpartition(_AT)[2] if _AT in group.href else ""
        if row in there:
            group.link = row


def outline(items: list[Item], chart: str, mark: str = "") -> Iterator[tuple[str, str]]:
    """The title and destination of each frame and each group of rows on a page, for the bookmarks."""
    before = ""
    for group in _groups(items):
        tags = dict(group.tags)
        row = tags.get("data-row")
        state = tags.get("data-title") if row is None else row.partition("/")[0] or ROOT
        if state and state != before:
            group.anchor = group.anchor or destination(f"{mark}page_{state}_{'in' if row is None else 'row'}")
            yield chart if state == ROOT else state, group.anchor
            before = state
