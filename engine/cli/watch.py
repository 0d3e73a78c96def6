"""Observers of a run: readiness, counts for the summary, plain lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

from engine.cli.folding import Folding, Told
from engine.cli.out import Output
from engine.cli.sessions import Sessions, values_text
from engine.run import Actor, Note, RealClock, StepRecord, System
from engine.run.joint import holds
from engine.run.station import Station
from engine.semantics.step import Call, LogText
from engine.tools.trace import Veil, brief, note_record
from engine.tools.trace.show import Table, line, seconds
from engine.tools.trace.units import units_of

_TOGETHER = 512  # lines written at once on a virtual clock


class ReadyWatch:
    """Calls ``ready`` once, after the start: when the station's condition has held, of a chart on units in all of them;
    or at once when it names none."""

    def __init__(self, station: Station, system: System, ready: Callable[[], None]) -> None:
        self._path = station.ready.path if station.ready is not None else ""
        self._ready = ready
        self._told = False
        self._held = not self._path
        self._started = False
        self.waits_for = station.ready.text if station.ready is not None else ""
        self._system = system
        self._places = station.charts_at(self._path)[1]
        self._seen: set[Actor] = set()
        if station.ready is not None:
            self._holds = holds(station.ready.condition)
            system.observers.append(self)

    def started(self) -> None:
        """Every adapter is open, every machine has begun, and no setting was refused."""
        self._started = True
        if self._held:
            self._tell()

    def step(self, record: StepRecord) -> None:
        actor: Actor | None = record.actor
        while actor is not None and "/".join(actor.ids) != self._path:
            actor = actor.parent
        if actor is None or actor in self._seen or self._told or not self._holds(actor):
            return
        self._seen.add(actor)
        if len(self._seen) >= self._places:
            self._held = True
            if self._started:  # else the start may still fail: a setting was refused
                self._tell()

    def note(self, note: Note) -> None:
        pass

    @property
    def told(self) -> bool:
        """Whether it was ready."""
        return self._told

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            if self in self._system.observers:
                self._system.observers.remove(self)  # it has seen what it waited for
            self._ready()


class Tally:
    """Counts steps, unhandled events and notes of a run for its summary."""

    def __init__(self, system: System) -> None:
        self.steps = 0
        self.unhandled: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        self.steps += not record.actor.is_device
        if not record.step.handled and record.event is not None:
            self.unhandled[f"{record.actor.path}: {record.event.name}"] += 1
        for failure in record.step.failures:
            self.failures[f"{record.actor.path}: {failure.message} ({failure.position})"] += 1

    def note(self, note: Note) -> None:
        if note.kind not in ("out", "shutting_down", "log"):
            self.notes[note.kind] += 1


class PlainView:
    """One line per step and note, as they happen, for any reader (a terminal, a pipe, a journal); what repeats is
    counted (:mod:`engine.cli.folding`); with ``quiet`` only READY. On a virtual clock, lines that no terminal shows are
    written in batches, since single writes between steps cost several times as much."""

    def __init__(
        self,
        system: System,
        station: Station,
        out: Output | None = None,
        quiet: bool = False,
        *,
        secrets: bool = False,
    ) -> None:
        self._system = system
        self._out = out or Output()
        self._together = 1 if self._out.isatty() or isinstance(system.clock, RealClock) else _TOGETHER
        self._folding: Folding[tuple[StepRecord | Note, tuple[str, ...]]] = Folding()
        self._waiting: list[Told[tuple[StepRecord | Note, tuple[str, ...]]]] = []
        self._station = station
        self._veil = None if secrets else Veil()
        self._units: dict[str, Table] = {}  # of each machine, by its path, for notes
        if not quiet:
            system.observers.append(self)

    def started(self) -> None:
        """Every adapter is open, every machine has begun."""

    def ready(self) -> None:
        """The station is ready for a vehicle: write READY."""
        self._write()
        self._out.write(f"READY {', '.join(self._station.machines)}: {self._station.told}\n")
        self._out.flush()

    def status(self, told: Iterable[tuple[str, str]]) -> None:
        """A line for each: who, and how it stands."""
        self._write()
        now = seconds(self._system.clock.now_ns())
        self._out.write("".join([f"{now}  {who}  status: {text}\n" for who, text in told]))
        self._out.flush()

    def freeze(self) -> None:
        """The run is over; the machines are about to leave their states."""

    def close(self) -> None:
        """Write the lines that wait."""
        self._waiting += self._folding.rest()
        self._write()

    def step(self, record: StepRecord) -> None:
        if record.cause == "start":
            self._units[record.actor.path] = units_of(record.actor.machine.chart)
        if record.actor.is_device:
            for told in logged(record):
                self.note(told)
            return
        step = record.step
        one = (record, record.actor.machine.configuration if step.entered else ())
        always = bool(step.failures) or not step.handled
        self._tell(self._folding.take(record.time_ns, record.actor.path, _kind(record), one, always=always))

    def note(self, note: Note) -> None:
        self._tell(self._folding.take(note.time_ns, note.path, (note.kind, note.text), (note, ())))

    def _tell(self, all: Iterable[Told[tuple[StepRecord | Note, tuple[str, ...]]]]) -> None:
        self._waiting += all
        if len(self._waiting) >= self._together:
            self._write()

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._out.write("".join([f"{self._counted(told)}\n" for told in waiting]))
        if self._together == 1:
            self._out.flush()

    def _counted(self, told: Told[tuple[StepRecord | Note, tuple[str, ...]]]) -> str:
        one = told.one[0]
        text = self._line(*told.one)
        if not told.count:
            return text
        path = one.path if isinstance(one, Note) else one.actor.path
        head = len(f"{seconds(0)}  {path}")
        return f"{text[:head]}  ×{told.count} in {(one.time_ns - told.since_ns) / 1e9:.1f} s{text[head:]}"

    def _line(self, told: StepRecord | Note, active: tuple[str, ...]) -> str:
        if isinstance(told, Note):
            return line(note_record(told, self._veil), self._units.get(told.path, {}))
        return line(brief(told, active, self._veil), units_of(told.actor.machine.chart))


def logged(record: StepRecord) -> list[Note]:
    """What a step logs, as notes: all that views tell of a chart that stands for a thing around the station."""
    logs = [one.text for one in record.step.effects if isinstance(one, LogText)]
    return [Note(record.time_ns, record.actor.path, "log", text) for text in logs]


def _kind(record: StepRecord) -> Hashable:
    """What all steps have in common that differ in values only."""
    step = record.step
    given = tuple([(e.role, e.action) if isinstance(e, Call) else type(e) for e in step.effects])
    return record.event.name if record.event is not None else record.timer, step.exited, step.entered, given


def summary(system: System, sessions: Sessions, tally: Tally, values: Sequence[tuple[str, str]] = ()) -> list[str]:
    """The end of a run in a few lines; ``values`` are the last headlines."""
    lines = [f"{tally.steps} steps in {system.clock.now_ns() / 1e9:.1f} s"]
    if values:
        lines.append(f"at the end: {values_text(values)}")
    for report in sessions.reports:
        lines += report.lines()
    for top in system.tops():
        if top.is_device and top.state != "failed":
            continue
        state = f" ({top.failure})" if top.failure else ""
        lines.append(f"{top.path}: {top.state}{state}")
    lines += [f"nobody handled {what} ({count}×)" for what, count in tally.unhandled.most_common(5)]
    lines += [f"failed: {what} ({count}×)" for what, count in tally.failures.most_common(5)]
    if tally.notes:
        told = ", ".join(f"{count} × {kind.replace('_', ' ')}" for kind, count in tally.notes.items())
        lines.append(f"noted: {told} (with --trace FILE: engine trace show FILE --problems)")
    return lines
