"""Sessions of a run: how each one ended, in the same words for people and programs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.language.model import Chart, SessionDef
from engine.run import Actor, Note, StepRecord, System
from engine.run.json_values import to_json
from engine.run.judgement import went_well
from engine.run.station import Station
from engine.semantics.step import SendEvent
from engine.tools.trace.secrets import Veil, secret_fields
from engine.tools.trace.show import arguments, timer
from engine.tools.trace.units import counts_nothing, units_of

_MOVES = 4  # of each side, told of a session that failed


@dataclass(frozen=True, slots=True)
class Report:
    """One session. ``duration_ns`` is None where the chart does not say when one begins; ``told`` is what its event
    carries, or else the headlines then; ``sides`` is where each side was last, of one that failed; ``unit`` where it
    was, in a station of several; ``data`` what its event carries; ``empty``: energies, and all of them nothing."""

    number: int
    time_ns: int
    good: bool
    duration_ns: int | None
    told: str
    sides: tuple[str, ...] = ()
    unit: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    empty: bool = False

    def lines(self) -> list[str]:
        """The session in a line; where each side was in one more for each."""
        how = "ended" if self.good else "failed"
        lasted = f", after {self.duration_ns / 1e9:.1f} s" if self.duration_ns is not None else ""
        where = f" of {self.unit}" if self.unit else ""
        head = f"session {self.number}{where} {how} at {self.time_ns / 1e9:.1f} s{lasted}"
        return [head + (f": {self.told}" if self.told else ""), *(f"  {side}" for side in self.sides)]


class Sessions:
    """Counts and judges the event that ends a session: raised, received or sent out by the machine the station names,
    or the one the main chart, or the chart on its units, declares with ``session:``. ``ended`` is called with each
    report."""

    def __init__(self, station: Station, system: System, look: Callable[[], Sequence[tuple[str, str]]]) -> None:
        self.reports: list[Report] = []
        self.told: Callable[[Report], None] = lambda report: None
        self._system = system
        self._look = look
        self._sides = {path: _Side(label, station.unit_of(path)) for label, path in station.sides.items()}
        self._machine, self._event = station.session_end or ("", "")
        self._began_ns: dict[Actor, int] = {}
        self._units: dict[str, str] = {}  # of the machines on units, by path
        self._station = station
        charts, self.places = station.charts_at(self._machine)
        if charts:
            system.observers.append(self)

    @property
    def ended(self) -> int:
        """How many sessions have ended."""
        return len(self.reports)

    @property
    def since_ns(self) -> int | None:
        """When the session that runs began, the longest of several; None when none does."""
        return min(list(self._began_ns.values()), default=None)  # a copy: threads ask

    @property
    def failed_at(self) -> str:
        """The units where one did not end well: `` (outlet2)``."""
        units = dict.fromkeys(report.unit for report in self.reports if not report.good and report.unit)
        return f" ({', '.join(units)})" if units else ""

    @property
    def failed(self) -> int:
        """How many of them did not end well."""
        return sum(not report.good for report in self.reports)

    def step(self, record: StepRecord) -> None:
        actor = record.actor
        side = self._sides.get(actor.path)
        if side is not None:
            side.step(record)
        elif actor.parent is not None and (side := self._sides.get(actor.parent.path)) is not None:
            side.below(record)  # what it is told by a child, a dialogue say, is its way, too
        if not self._is_watched(actor):
            return
        own = self._definition(actor)
        if own is not None and own.during in record.step.entered:
            self._began_ns.setdefault(actor, record.time_ns)
        event = record.event
        if event is not None and event.name == self._event:
            self._count(actor, record.time_ns, event.data)
        for _ in range(record.step.raised.count(self._event)):
            self._count(actor, record.time_ns, None)
        if actor.parent is not None:
            for effect in record.step.effects:
                if type(effect) is SendEvent and effect.event == self._event and effect.target == "parent":
                    self._count(actor, record.time_ns, effect.data)

    def note(self, note: Note) -> None:
        if note.kind == "out" and note.path == self._machine and note.text == self._event:
            self._count(self._system.roots[note.path], note.time_ns, note.data)

    def _is_watched(self, actor: Actor) -> bool:
        if actor.parent is None or "/" not in self._machine:
            return actor.path == self._machine
        if actor.path not in self._units:
            here = "/".join(actor.ids) == self._machine
            self._units[actor.path] = self._station.unit_of(actor.path) if here else ""
        return bool(self._units[actor.path])

    def _definition(self, actor: Actor) -> SessionDef | None:
        """What the chart that runs there says of its sessions, where the event is of one."""
        own = actor.machine.chart.session
        return own if own is not None and own.result == self._event else None

    def _count(self, actor: Actor, time_ns: int, data: Any) -> None:
        chart, own = actor.machine.chart, self._definition(actor)
        definition = chart.events.get(self._event)
        secret = secret_fields(definition.payload if definition is not None else None)
        if isinstance(data, Mapping) and data:
            lean = {name: value for name, value in data.items() if value != "" and value != b""}
            carried = to_json(Veil().hide(lean, secret))
            told = arguments(carried, units_of(chart).get(self._event))
        else:
            carried, told = {}, values_text(self._look())
        good = went_well(own, actor.machine.parameters, data)
        began_ns = self._began_ns.pop(actor, None)
        lasted = time_ns - began_ns if began_ns is not None else None
        unit = self._units.get(actor.path, "")
        talked = [side for side in self._sides.values() if side.moves and side.unit in ("", unit)]
        sides = () if good else tuple(side.told() for side in talked)
        empty = counts_nothing(units_of(chart).get(self._event, {}), carried)
        report = Report(len(self.reports) + 1, time_ns, good, lasted, told, sides, unit, carried, empty)
        self.reports.append(report)
        self.told(report)


def values_text(values: Sequence[tuple[str, str]]) -> str:
    """``Voltage 400 V, Current 12 A``."""
    return ", ".join(f"{label} {value}" for label, value in values)


def header_of(station: Station) -> dict[str, Any]:
    """What the header of a trace tells of a station, beside its title."""
    return {
        "sides": {label: (path, station.unit_of(path)) for label, path in station.sides.items()},
        "display": {one.label: one.value for one in station.display},
        "rows": [
            {"unit": row.unit, "count": row.count, "columns": {one.label: one.value for one in row.columns}}
            for row in station.rows
        ],
        "setpoints": {
            label: {"of": one.of, **({"during": one.during} if one.during else {})}
            for label, one in station.setpoints.items()
        },
    }


class _Side:
    """One machine's way through its titled states."""

    def __init__(self, label: str, unit: str) -> None:
        self.label = label
        self.unit = unit
        self.moves: deque[tuple[str, str]] = deque(maxlen=_MOVES)  # what brought it there, the state's title
        self._lost = False

    def step(self, record: StepRecord) -> None:
        if record.cause == "start":
            self.moves.clear()
        if record.cause == "stop":
            self.moves.append(("ended from outside", "over"))
            return
        self.below(record)

    def below(self, record: StepRecord) -> None:
        """A step of the machine or of a child of its."""
        if record.cause == "stop" or not record.step.entered:
            return
        title = _where(record.actor.machine.chart, record.actor.machine.configuration, record.step.entered)
        if title and (not self.moves or self.moves[-1][1] != title):
            by = record.event.name if record.event is not None else timer(record.timer) if record.timer else ""
            self.moves.append((by, title))

    def told(self) -> str:
        """``Station: Cable check, [session.cable_check_ok] Pre-charge, [tcp.closed] Waiting for a vehicle``."""
        first, *later = self.moves
        return f"{self.label}: " + ", ".join([first[1], *(f"[{by}] {title}" for by, title in later)])


def _where(chart: Chart, configuration: Sequence[str], entered: Sequence[str]) -> str:
    """The title of the innermost titled state that was entered and is active; of parallel regions, the one that goes
    deepest."""
    titled = [state for state in configuration if state and state in entered and chart.states[state].title]
    deepest = max(titled, key=lambda state: state.count("."), default="")
    return chart.states[deepest].title if deepest else ""
