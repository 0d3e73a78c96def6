"""Values for the live view: the headline row, and without one all that has a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from engine.adapter import AdapterError
from engine.station import Station, StationError
from engine.station.describe import value_text
from engine.station.plan import Headline
from engine.system import Actor, System
from engine.system.values import nearest
from engine.types import Kind, Type

_QUIET = "bright_black"
Found = tuple[str, str]  # label, value with unit


class Headlines:
    """The values a station file's ``[display]`` picks. Raises ``StationError`` for one that cannot be there."""

    def __init__(self, system: System, station: Station) -> None:
        self._system = system
        self.rows = station.display
        for headline in self.rows:
            root, _, rest = headline.value.partition(".")
            if root not in system.roots or not rest:
                hint = nearest(root, system.roots)
                raise StationError(f"[display] {headline.label} = {headline.value!r}: write machine.value{hint}")

    def row(self, width: int) -> RenderableType | None:
        """All of them side by side; None when the station picks none."""
        if not self.rows:
            return None
        grid = Table.grid(expand=True, padding=(0, 1))
        shown = self.rows[: max(1, width // 13)]
        for _ in shown:
            grid.add_column(justify="center", ratio=1, no_wrap=True)
        grid.add_row(*[Text(headline.label, _QUIET) for headline in shown])
        grid.add_row(*[Text(self._value(headline), "bold") for headline in shown])
        return grid

    def _value(self, headline: Headline) -> str:
        root, _, rest = headline.value.partition(".")
        return look_up(self._system.roots[root], rest) or "–"


def look_up(actor: Actor, path: str) -> str | None:
    """``data``, ``role.value`` or ``child.…`` of a machine as text; None when it is not there now."""
    head, _, rest = path.partition(".")
    if not rest:
        definition = actor.machine.chart.data.get(head)
        if definition is None:
            return "active" if path in actor.machine.configuration else None
        return value_text(actor.machine.data.get(head), definition.type)
    if head in actor.roles:
        kind = actor.machine.chart.adapters[head].values.get(rest)
        return None if kind is None else _reading(actor, head, rest, kind)
    for (child_id, _key), child in actor.children.items():
        if child_id == head:
            return look_up(child, rest)
    return None


def plain_values(system: System, room: int) -> Iterator[RenderableType]:
    """Data and readings of all machines, numbers and enums first come first shown."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=_QUIET, no_wrap=True)
    grid.add_column(no_wrap=True)
    rows = [found for root in system.roots.values() for actor in root.tree() for found in _values(actor)]
    for label, value in rows[: max(0, room - 4)]:
        grid.add_row(label, value)
    if rows:
        yield Text("")
        yield grid


def _values(actor: Actor) -> Iterator[Found]:
    data = actor.machine.data
    prefix = f"{actor.name}." if actor.parent is not None else ""
    for name, definition in actor.machine.chart.data.items():
        value = data.get(name)
        if value is not None and definition.type.kind not in (Kind.BYTES, Kind.LIST, Kind.ANY):
            yield prefix + name, value_text(value, definition.type)
    if actor.parent is None:
        for role, contract in actor.machine.chart.adapters.items():
            for name, kind in contract.values.items():
                yield f"{role}.{name}", _reading(actor, role, name, kind)


def _reading(actor: Actor, role: str, name: str, kind: Type) -> str:
    try:
        value: Any = actor.read(role, name)
    except AdapterError:
        return "?"
    return value_text(value, kind)
