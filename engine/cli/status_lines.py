"""Status lines: every so often what a station file's ``[status]`` picks, for a log that people read later."""

from __future__ import annotations

from dataclasses import replace

from engine.cli.readings import Headlines
from engine.cli.sessions import values_text
from engine.run import System
from engine.run.station import Station


class StatusLines:
    """Raises ``StationError`` for a value of a machine that is not there."""

    def __init__(self, system: System, station: Station, main: str) -> None:
        self._main = main
        self._picked = Headlines(system, replace(station, display=station.status, rows=station.status_rows))

    def now(self) -> list[tuple[str, str]]:
        """Who, the main machine or a unit, and its values that are there: ``("outlet1", "State Charging, …")``."""
        found = []
        if self._picked.chosen:
            found.append((self._main, values_text(self._picked.values())))
        for rows, units in self._picked.rows():
            labels = [column.label for column in rows.columns]
            for unit, values in units:
                there = [(label, value) for label, value in zip(labels, values, strict=True) if value]
                found.append((unit, values_text(there)))
        return found
