"""Faults of a run, for standard error: complaints of adapters and failed sessions, each once."""

from __future__ import annotations

from engine.cli.sessions import Report
from engine.run import Note, StepRecord, System

_MOST = 50  # different complaints; a run of months must not fill a journal


class Alarms:
    """An observer. With ``at_once``, complaints go to standard error as they come; else (a live view has the terminal)
    they wait for :meth:`close`. A complaint that an adapter repeats is written once."""

    def __init__(self, system: System, at_once: bool) -> None:
        self._at_once = at_once
        self._told: set[str] = set()
        self._waiting: list[str] = []
        system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        pass

    def note(self, note: Note) -> None:
        if note.kind in ("adapter_error", "adapter_note", "host_late"):
            self._say(f"{note.path}: {note.text}")

    def session(self, report: Report) -> None:
        """A session ended."""
        if not report.good:
            self._say(report.lines()[0], told_later=True)

    def close(self) -> None:
        """Write what waited."""
        from engine.cli import complain

        for text in self._waiting:
            complain(text)
        self._waiting = []

    def _say(self, text: str, told_later: bool = False) -> None:
        from engine.cli import complain

        if text in self._told or len(self._told) >= _MOST:
            return
        self._told.add(text)
        if self._at_once:
            complain(text)
        elif not told_later:  # by the summary
            self._waiting.append(text)
