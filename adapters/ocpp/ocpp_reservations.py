"""Contract ``ocpp_reservations``: reservations, kept in the charge point's file."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.database import Database, NotTaken
from adapters.ocpp.store import InFile, InMemory, Stored


class OcppReservations(Stored):
    """One of a connector at most."""

    contract = "ocpp_reservations"

    def keep(
        self,
        *,
        call_id: str,
        connectorId: int,
        reservationId: int,
        idTag: str,
        expiryDate: int,
        parentIdTag: str | None = None,
    ) -> None:
        def work(database: Database) -> None:
            database.execute("DELETE FROM reservations WHERE connector = ? OR id = ?", connectorId, reservationId)
            database.execute(
                "INSERT INTO reservations (id, connector, id_tag, parent, expires) VALUES (?, ?, ?, ?, ?)",
                reservationId,
                connectorId,
                idTag,
                parentIdTag or "",
                expiryDate,
            )

        self._write(work, lambda _: self.port.done(call_id), call_id)

    def recall(self, *, call_id: str, connectorId: int) -> None:
        """Raises ``NotTaken`` in the writer where there is none: the call fails with ``none``."""

        def work(database: Database) -> Any:
            found = database.execute(
                "SELECT id, id_tag, parent, expires FROM reservations WHERE connector = ?", connectorId
            ).fetchone()
            if found is None:
                raise NotTaken("none")
            return found

        def read(row: Any) -> None:
            id, id_tag, parent, expires = row
            self.port.done(call_id, reservationId=id, idTag=id_tag, parentIdTag=parent or None, expiryDate=expires)

        self._write(work, read, call_id)

    def drop(self, *, connectorId: int, reservationId: int) -> None:
        def work(database: Database) -> None:
            database.execute("DELETE FROM reservations WHERE connector = ? AND id = ?", connectorId, reservationId)

        self._write(work, lambda _: None)


class MemoryReservations(InMemory, OcppReservations):
    """Gone with the process: for simulations and tests."""


class FileReservations(InFile, OcppReservations):
    """In the file."""
