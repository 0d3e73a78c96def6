"""Contract ``ocpp_store``: the charge point's file itself."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.database import Database, StoreError
from adapters.ocpp.store import InFile, InMemory, Stored
from engine.adapter import Port


class OcppStore(Stored):
    """It keeps nothing of its own."""

    contract = "ocpp_store"

    def look(self, *, call_id: str) -> None:
        self._write(_touch, lambda _: self.port.done(call_id), call_id)


class MemoryStore(InMemory, OcppStore):
    """Never broken."""

    def set_aside(self, *, call_id: str) -> None:
        self.port.failed(call_id, "there is no file")


class FileStore(InFile, OcppStore):
    """Hears what the writer finds out."""

    def open(self, port: Port) -> None:
        super().open(port)
        if (trouble := self._writer.trouble) is not None:
            self._heard(trouble)

    def set_aside(self, *, call_id: str) -> None:
        def renewed(result: Any) -> None:
            name, rows = result
            self.port.done(call_id, name=name, rows=rows)

        tell = self.port.call_soon_threadsafe
        self._writer.renew(
            lambda result: tell(lambda: renewed(result)), lambda error: tell(lambda: self._failed(error, call_id))
        )

    def _heard(self, error: StoreError | None) -> None:
        super()._heard(error)
        if error is None:
            self.port.call_soon_threadsafe(lambda: self.port.emit("mended"))
        else:
            trouble = "other" if error.trouble == "later" else error.trouble
            reason = str(error)
            self.port.call_soon_threadsafe(lambda: self.port.emit("broken", trouble=trouble, reason=reason))


def _touch(database: Database) -> None:
    """A write that changes nothing anybody reads."""
    database.execute("INSERT OR REPLACE INTO versions VALUES ('look', 0)")
