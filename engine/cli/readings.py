"""Values of running machines as text: data, readings of adapters, and those that a station's ``[display]`` picks."""

from __future__ import annotations

from collections.abc import Iterator

from engine.adapter import AdapterError
from engine.language.problems import suggestion
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError, checked
from engine.run import Actor, System
from engine.run.station import Station, StationError
from engine.run.station.describe import value_text


class Headlines:
    """The values ``[display]`` picks. Raises ``StationError`` for one of a machine that is not there."""

    def __init__(self, system: System, station: Station) -> None:
        self._system = system
        self.chosen = station.display
        for headline in self.chosen:
            root, _, rest = headline.value.partition(".")
            if root not in system.roots or not rest:
                hint = suggestion(root, system.roots)
                raise StationError(
                    f"{station.file}: [display] {headline.label} = {headline.value!r}: write machine.value{hint}"
                )

    def values(self) -> list[tuple[str, str]]:
        """Label and present value of each; a dash for what is not there now."""
        found = []
        for headline in self.chosen:
            root, _, rest = headline.value.partition(".")
            found.append((headline.label, look_up(self._system.roots[root], rest) or "–"))
        return found


def look_up(actor: Actor, path: str) -> str | None:
    """``data``, ``role.value``, ``child.…`` or ``child[key].…`` of a machine as text; None when it is not there now."""
    head, _, rest = path.partition(".")
    if not rest:
        definition = actor.machine.chart.data.get(head)
        return None if definition is None else value_text(actor.machine.data.get(head), definition.type)
    if head in actor.roles:
        kind = actor.machine.chart.adapters[head].values.get(rest)
        return None if kind is None else _reading(actor, head, rest, kind)
    for (child_id, _key), child in actor.children.items():
        if head in (child_id, child.name):
            return look_up(child, rest)
    return None


def all_values(system: System) -> Iterator[tuple[str, str]]:
    """Data of all machines and readings of the root machines: name and value, of what has a short one."""
    for top in system.tops():
        for actor in top.tree():
            yield from _values(actor)


def _values(actor: Actor) -> Iterator[tuple[str, str]]:
    data = actor.machine.data
    active = frozenset(actor.machine.configuration)
    is_root = actor.path in actor.system.roots
    prefix = "" if is_root else f"{actor.name}."
    for name, definition in actor.machine.chart.data.items():
        value = data.get(name)
        if definition.argument_of and definition.argument_of not in active:
            continue  # of a state that has been left: nothing reads it
        if value is not None and definition.type.kind not in (Kind.BYTES, Kind.LIST, Kind.ANY):
            yield prefix + name, value_text(value, definition.type)
    if is_root:
        for role, contract in actor.machine.chart.adapters.items():
            for name, kind in contract.values.items():
                yield f"{role}.{name}", _reading(actor, role, name, kind)


def _reading(actor: Actor, role: str, name: str, kind: Type) -> str:
    try:
        return value_text(checked(actor.read(role, name), kind), kind)
    except (AdapterError, EvaluationError):
        return "?"
