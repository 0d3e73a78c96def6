"""Values of running machines as text: data, readings of adapters, and those that a station's ``[display]`` picks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from engine.adapter import AdapterError
from engine.language.problems import suggestion
from engine.language.traverse import charts_at
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError, checked
from engine.run import Actor, Note, StepRecord, System
from engine.run.station import Station, StationError
from engine.run.station.describe import value_text
from engine.run.station.plan import Headline, UnitRows
from engine.semantics.step import Call


class Headlines:
    """The values ``[display]`` picks. Raises ``StationError`` for one of a machine that is not there."""

    def __init__(self, system: System, station: Station) -> None:
        self._system = system
        self.chosen = station.display
        self._rows = station.rows
        self._messages: dict[tuple[str, str], str] = {}  # the last of a role, by machine and role
        columns = [column for rows in self._rows for column in rows.columns]
        for headline in (*self.chosen, *columns):
            root, _, rest = headline.value.replace("{}", "1").partition(".")
            if root not in system.roots or not rest:
                hint = suggestion(root, system.roots)
                raise StationError(
                    f"{station.file}: [display] {headline.label} = {headline.value!r}: write machine.value{hint}"
                )

    def watch(self) -> None:
        """Begin to keep the last message of each role, where somebody wants to see one."""
        if self._rows and self not in self._system.observers:
            self._system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        """Of a step that a message began, this; else the last order it gave."""
        roles, path, event = record.actor.roles, record.actor.path, record.event
        role, _, name = event.name.partition(".") if event is not None else ("", "", "")
        if role in roles and name:
            self._messages[path, role] = name
            return
        for effect in record.step.effects:
            if isinstance(effect, Call):
                self._messages[path, effect.role] = effect.action

    def note(self, note: Note) -> None:
        """Nothing to see here."""

    def rows(self) -> list[tuple[UnitRows, list[tuple[str, list[str | None]]]]]:
        """Every unit with the present values of its columns, None for what is not there now."""
        found = []
        for rows in self._rows:
            lines = []
            for number in range(1, rows.count + 1):
                paths = [column.value.replace("{}", str(number)).partition(".") for column in rows.columns]
                values = [look_up(self._system.roots[root], rest, self._messages) for root, _, rest in paths]
                lines.append((f"{rows.unit}{number}", values))
            found.append((rows, lines))
        return found

    def is_text(self, column: Headline) -> bool:
        """Whether a column of units holds words, not numbers."""
        root, _, rest = column.value.partition(".")
        path, _, name = re.sub(r"\[[^\]]*\]", "", rest).rpartition(".")
        charts = charts_at(self._system.roots[root.replace("{}", "1")].machine.chart, path)
        return any(name in chart.adapters or (name in chart.states and name not in chart.data) for chart in charts)

    def numbers(self) -> dict[str, float]:
        """The present values of those that are numbers and there now, by label."""
        found = {}
        for headline in self.chosen:
            root, _, rest = headline.value.partition(".")
            value = _found(self._system.roots[root], rest)
            if value is not None and type(value[0]) in (int, float) and value[1].kind in (Kind.INT, Kind.FLOAT):
                found[headline.label] = float(value[0])
        return found

    def seen(self) -> dict[str, Any]:
        """What a record of a run has of them: the numbers as ``display``, the units' texts as ``rows``. Nothing where a
        reading is to go wrong on purpose: each look at it counts."""
        if any(one.faults is not None and one.faults.strikes(one.contract.values) for one in self._system.bindings):
            return {}
        found: dict[str, Any] = {}
        if numbers := {label: value for label, value in self.numbers().items() if isfinite(value)}:
            found["display"] = numbers
        if self._rows:
            found["rows"] = [[values for _, values in units] for _, units in self.rows()]
        return found

    def values(self) -> list[tuple[str, str]]:
        """Label and present value of each; a dash for what is not there now."""
        found = []
        for headline in self.chosen:
            root, _, rest = headline.value.partition(".")
            found.append((headline.label, look_up(self._system.roots[root], rest) or "–"))
        return found


def look_up(actor: Actor, path: str, messages: Mapping[tuple[str, str], str] | None = None) -> str | None:
    """``data``, ``role.value``, ``state``, ``role``, ``child.…`` or ``child[key].…`` of a machine as text; None when it
    is not there now. ``messages``: the last of each role, by machine and role."""
    found = _found(actor, path)
    if found is not None:
        value, kind = found
        return "?" if value is _UNREADABLE else _text(value, kind)
    head, _, rest = path.partition(".")
    if not rest:
        return _title(actor, head) if head in actor.machine.chart.states else (messages or {}).get((actor.path, head))
    child = _child(actor, head)
    return look_up(child, rest, messages) if child is not None else None


_UNREADABLE = object()


def _text(value: Any, kind: Type) -> str:
    """As the view shows it: what is in a list is parted by commas."""
    if not isinstance(value, list) or kind.secret:
        return value_text(value, kind)
    return ", ".join(value_text(one, kind.item) for one in value)


def _found(actor: Actor, path: str) -> tuple[Any, Type] | None:
    """A data item or a reading with its type; None for anything else, and for what is not there now."""
    head, _, rest = path.partition(".")
    if not rest:
        definition = actor.machine.chart.data.get(head)
        return None if definition is None else (actor.machine.data.get(head), definition.type)
    if head in actor.roles:
        kind = actor.machine.chart.adapters[head].values.get(rest)
        return None if kind is None else (_read(actor, head, rest, kind), kind)
    child = _child(actor, head)
    return _found(child, rest) if child is not None else None


def _child(actor: Actor, name: str) -> Actor | None:
    return next((child for (id_, _), child in actor.children.items() if name in (id_, child.name)), None)


def _title(actor: Actor, state: str) -> str:
    """The title (or name) of the innermost active state in ``state`` that has one."""
    states = actor.machine.chart.states
    inside = [s for s in actor.machine.configuration if s == state or s.startswith(f"{state}.")]
    deepest = max((s for s in inside if states[s].title), key=lambda s: s.count("."), default="")
    return (
        states[deepest].title
        if deepest and (deepest != state or inside == [state])
        else inside[-1].rpartition(".")[2]
        if inside
        else ""
    )


def all_values(system: System) -> Iterator[tuple[str, str]]:
    """Data of all machines and readings of the root machines: name and value, of what has a short one."""
    for top in system.tops():
        for actor in () if top.is_device else top.tree():
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
    value = _read(actor, role, name, kind)
    return "?" if value is _UNREADABLE else value_text(value, kind)


def _read(actor: Actor, role: str, name: str, kind: Type) -> Any:
    try:
        return checked(actor.read(role, name), kind)
    except (AdapterError, EvaluationError):
        return _UNREADABLE
