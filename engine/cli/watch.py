"""What a run is watched for: sessions counted, things that went wrong, plain lines."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from engine.plain import to_plain
from engine.station import Station
from engine.system import Note, RealClock, StepRecord, System
from engine.trace import Veil, brief, note_record
from engine.trace.secrets import secret_fields
from engine.trace.show import Table, arguments, line
from engine.trace.units import units_of

_TOGETHER = 512  # lines written at once on a virtual clock


class SessionCounter:
    """Counts the event that ends a session: raised, received or sent out by the machine the station names.

    ``reports`` has the time and, for people, the event's data or else the headlines at that time (``look``).
    """

    def __init__(self, station: Station, system: System, look: Callable[[], Sequence[tuple[str, str]]]) -> None:
        self.ended = 0
        self.reports: list[tuple[int, str]] = []
        self._look = look
        self._machine, self._event = station.session_end or ("", "")
        self._chart = (
            next(iter(station.machines.values())).chart if not self._machine else station.machines[self._machine].chart
        )
        if station.session_end is not None:
            system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        if record.actor.path != self._machine:
            return
        event = record.event
        if event is not None and event.name == self._event:
            self._count(record.time_ns, event.data)
        for _ in range(record.step.raised.count(self._event)):
            self._count(record.time_ns, None)

    def note(self, note: Note) -> None:
        if note.kind == "out" and note.path == self._machine and note.text == self._event:
            self._count(note.time_ns, note.data)

    def _count(self, time_ns: int, data: Any) -> None:
        self.ended += 1
        fields = self._chart.events.get(self._event)
        data = Veil().hide(data, secret_fields(fields.payload if fields is not None else None))
        told = arguments(to_plain(data)) if isinstance(data, Mapping) else values_text(self._look())
        self.reports.append((time_ns, told))


class ReadyWatch:
    """Calls ``ready`` once: when the station's state is first active, or at once when it names none."""

    def __init__(self, station: Station, system: System, ready: Callable[[], None]) -> None:
        self._path, self._state = station.ready or ("", "")
        self._ready = ready
        self._told = False
        self._system = system
        if station.ready is not None:
            system.observers.append(self)

    def started(self) -> None:
        """Every adapter is open, every machine has begun."""
        if not self._path:
            self._tell()

    def step(self, record: StepRecord) -> None:
        if not self._told and record.actor.path == self._path:
            active = record.actor.machine.configuration
            if any(state == self._state or state.startswith(self._state + ".") for state in active):
                self._tell()

    def note(self, note: Note) -> None:
        pass

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            if self in self._system.observers:
                self._system.observers.remove(self)  # it has seen what it waited for
            self._ready()


class Tally:
    """Steps, events nobody handled and notes of a run, for its summary."""

    def __init__(self, system: System) -> None:
        self.steps = 0
        self.unhandled: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        self.steps += 1
        if not record.step.handled and record.event is not None:
            self.unhandled[f"{record.actor.path}: {record.event.name}"] += 1
        for failure in record.step.failures:
            self.failures[f"{record.actor.path}: {failure.message} ({failure.position})"] += 1

    def note(self, note: Note) -> None:
        if note.kind != "out":
            self.notes[note.kind] += 1


class PlainView:
    """One line per step and note, as they happen, whoever reads (a terminal, a pipe, a journal); with ``quiet`` only
    READY. On a virtual clock with nobody watching, many lines are written together: one by one, between steps, each
    costs several times as much."""

    def __init__(
        self,
        system: System,
        station: Station,
        out: IO[str] | None = None,
        quiet: bool = False,
        *,
        secrets: bool = False,
    ) -> None:
        self._out = out or sys.stdout
        self._together = 1 if self._out.isatty() or isinstance(system.clock, RealClock) else _TOGETHER
        self._waiting: list[tuple[StepRecord | Note, tuple[str, ...]]] = []
        self._station = station
        self._veil = None if secrets else Veil()
        self._units: dict[str, Table] = {}  # of each machine, by its path, for notes
        if not quiet:
            system.observers.append(self)

    def started(self) -> None:
        """Every adapter is open, every machine has begun."""

    def ready(self) -> None:
        """The station is ready for whoever comes."""
        self._write()
        print(f"READY {', '.join(self._station.machines)}: {self._station.told}", file=self._out, flush=True)

    def freeze(self) -> None:
        """The run is over; the machines are about to leave their states."""

    def close(self) -> None:
        """Write what waits."""
        self._write()

    def step(self, record: StepRecord) -> None:
        if record.cause == "start":
            self._units[record.actor.path] = units_of(record.actor.machine.chart)
        self._waiting.append((record, record.actor.machine.configuration if record.step.entered else ()))
        if len(self._waiting) >= self._together:
            self._write()

    def note(self, note: Note) -> None:
        self._waiting.append((note, ()))
        if len(self._waiting) >= self._together:
            self._write()

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._out.write("".join([f"{self._line(told, active)}\n" for told, active in waiting]))
        if self._together == 1:
            self._out.flush()

    def _line(self, told: StepRecord | Note, active: tuple[str, ...]) -> str:
        if isinstance(told, Note):
            return line(note_record(told, self._veil), self._units.get(told.path, {}))
        return line(brief(told, active, self._veil), units_of(told.actor.machine.chart))


def values_text(values: Sequence[tuple[str, str]]) -> str:
    """``Voltage 400 V, Current 12 A``."""
    return ", ".join(f"{label} {value}" for label, value in values)


def summary(
    system: System, sessions: SessionCounter, tally: Tally, values: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """The end of a run in a few lines; ``values``: the headlines as they were last."""
    lines = [f"{tally.steps} steps in {system.clock.now_ns() / 1e9:.1f} s"]
    if values:
        lines.append(f"at the end: {values_text(values)}")
    for number, (time_ns, told) in enumerate(sessions.reports, 1):
        lines.append(f"session {number} ended at {time_ns / 1e9:.1f} s" + (f": {told}" if told else ""))
    for root in system.roots.values():
        state = f" ({root.failure})" if root.failure else ""
        lines.append(f"{root.path}: {root.state}{state}")
    lines += [f"nobody handled {what} ({count}×)" for what, count in tally.unhandled.most_common(5)]
    lines += [f"failed: {what} ({count}×)" for what, count in tally.failures.most_common(5)]
    if tally.notes:
        told = ", ".join(f"{count} × {kind.replace('_', ' ')}" for kind, count in tally.notes.items())
        lines.append(f"noted: {told} (with --trace FILE: engine trace show FILE --problems)")
    return lines
