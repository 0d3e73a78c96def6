"""Contract ``ocpp_availability``: what ChangeAvailability ordered, kept in the charge point's file."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.database import Database
from adapters.ocpp.store import InFile, InMemory, Stored


class OcppAvailability(Stored):
    """A connector that was never spoken of is operative."""

    contract = "ocpp_availability"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.inoperative: list[int] = []

    def _begun(self, database: Database) -> None:
        self.inoperative = _inoperative(database)

    def keep(self, *, call_id: str, connectorId: int, operative: bool) -> None:
        def work(database: Database) -> list[int]:
            database.execute("INSERT OR REPLACE INTO availability VALUES (?, ?)", connectorId, operative)
            return _inoperative(database)

        def written(inoperative: Any) -> None:
            self.inoperative = inoperative
            self.port.done(call_id)

        self._write(work, written, call_id)


def _inoperative(database: Database) -> list[int]:
    rows = database.execute("SELECT connector FROM availability WHERE NOT operative ORDER BY connector")
    return [connector for (connector,) in rows.fetchall()]


class MemoryAvailability(InMemory, OcppAvailability):
    """Gone with the process: for simulations and tests."""


class FileAvailability(InFile, OcppAvailability):
    """In the file."""
