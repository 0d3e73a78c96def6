"""The last part of a run, kept for pages: records as text, in parts that begin with how everything stood.

It is bounded, and nobody is waited for: who reads too slowly finds that what he wants is gone, and begins anew.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.run import Actor, Note, StepRecord, System
from engine.run.json_values import to_json
from engine.tools.trace.lines import Look, Recorder, encode
from engine.tools.trace.record import note_record, start_record
from engine.tools.trace.secrets import Veil

PART: Final = 1_000
"""Records in a part."""
PARTS: Final = 12
"""Parts kept; fewer where they are large."""
OCTETS: Final = 8_000_000
"""Characters kept, and a quarter more at most: a part that grows to a quarter is full."""


@dataclass(slots=True)
class _Part:
    first: int  # the number of its first record
    base: str  # how everything stood before that
    lines: list[str] = field(default_factory=list)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A part of what is kept, up to now. ``base``: how everything stood before ``first``, JSON; ``next``: the number
    after the last; ``oldest``: of the first record that could be had."""

    first: int
    base: str
    lines: list[str]
    next: int
    oldest: int


class History:
    """An observer. Its methods for readers may be called from any thread. Make it before the system starts. ``look``:
    what is displayed now, once in ``every_ns``."""

    def __init__(
        self, system: System, look: Look | None = None, every_ns: int = 250_000_000, *, secrets: bool = False
    ) -> None:
        self._system = system
        self.veil = None if secrets else Veil()
        self._recorder = Recorder(self.veil, look, every_ns)
        self._next = 0
        self._lock = threading.Lock()
        self._parts: deque[_Part] = deque([_Part(0, "{}")])
        system.observers.append(self)

    # ------------------------------------------------------------ observer

    def step(self, record: StepRecord) -> None:
        self._add(self._recorder.step(record))

    def note(self, note: Note) -> None:
        if note.kind != "machine_failed":
            self._add(encode(note_record(note, self.veil)))
        else:  # where in our files it was is not for a browser
            self._add(encode(note_record(Note(note.time_ns, note.path, note.kind, note.text), self.veil)))

    def told(self, record: Mapping[str, Any]) -> None:
        """Something a trace has no record of: a session's result."""
        self._add(encode(dict(record)))

    # ------------------------------------------------------------ readers

    @property
    def next(self) -> int:
        """The number that the next record will have."""
        return self._next

    def kept(self, parts: int = PARTS) -> Kept:
        """The last parts of all that is kept."""
        with self._lock:
            found = list(self._parts)[-parts:]
            lines = [line for part in found for line in part.lines]
            return Kept(found[0].first, found[0].base, lines, self._next, self._parts[0].first)

    def after(self, number: int, most: int) -> list[str] | None:
        """The records from ``number`` on, at most so many; None when that one is gone, or has never been."""
        with self._lock:
            if not self._parts[0].first <= number <= self._next:
                return None
            found: list[str] = []
            for part in self._parts:
                if number < part.first + len(part.lines) and len(found) < most:
                    found += part.lines[max(0, number - part.first) : number - part.first + most]
            return found[:most]

    # ------------------------------------------------------------ private

    def _add(self, line: str) -> None:
        part = self._parts[-1]
        if len(part.lines) >= PART or part.size >= OCTETS // 4:
            part = self._part()
        with self._lock:
            part.lines.append(line)
            part.size += len(line)
            self._next += 1

    def _part(self) -> _Part:
        base = encode({one["machine"]: one for one in situation(self._system, self.veil)})
        part = _Part(self._next, base)
        with self._lock:
            self._parts.append(part)
            while len(self._parts) > PARTS or (
                len(self._parts) > 2 and sum(one.size + len(one.base) for one in self._parts) > OCTETS
            ):
                self._parts.popleft()
        return part


def situation(system: System, veil: Veil | None, path: str | None = None) -> list[dict[str, Any]]:
    """How every machine, or that of a ``path``, stands: what the record of its start tells, ``configuration``,
    ``data``, ``timers`` (when they are due, ns) and ``state``. To be called between steps, or by an observer of one:
    that step is then to be read on top."""
    found = (actor for top in system.tops() for actor in top.tree() if actor.begun)
    return [_values(actor, veil) for actor in found if path in (None, actor.path)]


def _values(actor: Actor, veil: Veil | None) -> dict[str, Any]:
    machine = actor.machine
    data = dict(machine.data.items())
    return {
        "machine": actor.path,
        **start_record(actor, veil),
        "state": actor.state,
        "configuration": list(machine.configuration),
        "data": to_json(veil.own(machine.chart, "data", data) if veil else data),
        "timers": {name: deadline.due_ns for name, deadline in list(actor.timers.items())},
    }
