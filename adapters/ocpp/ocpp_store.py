"""Contract ``ocpp_store``: the charge point's file itself."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.database import StoreError
from adapters.ocpp.store import InFile, InMemory, Stored
from engine.adapter import Port


class OcppStore(Stored):
    """It keeps nothing of its own."""

    contract = "ocpp_store"


class MemoryStore(InMemory, OcppStore):
    """Never broken."""

    def look(self, *, call_id: str) -> None:
        self.port.done(call_id)

    def set_aside(self, *, call_id: str) -> None:
        self.port.failed(call_id, "there is no file")


class FileStore(InFile, OcppStore):
    """Hears what the writer finds out."""

    def open(self, port: Port) -> None:
        super().open(port)
        if (trouble := self._writer.trouble) is not None:
            self._heard(trouble, kept=False)

    def look(self, *, call_id: str) -> None:
        tell = self.port.call_soon_threadsafe
        self._writer.look(
            lambda _: tell(lambda: self.port.done(call_id)), lambda error: tell(lambda: self._failed(error, call_id))
        )

    def set_aside(self, *, call_id: str) -> None:
        def renewed(result: Any) -> None:
            name, rows = result
            self.port.done(call_id, name=name, rows=rows)

        tell = self.port.call_soon_threadsafe
        self._writer.renew(
            lambda result: tell(lambda: renewed(result)), lambda error: tell(lambda: self._failed(error, call_id))
        )

    def _heard(self, error: StoreError | None, kept: bool) -> None:
        super()._heard(error, kept)
        if error is not None:
            trouble = "other" if error.trouble == "later" else error.trouble
            self.port.call_soon_threadsafe(lambda: self._broken(trouble, str(error)))
        elif kept:
            self.port.call_soon_threadsafe(lambda: self.port.emit("mended"))

    def _broken(self, trouble: str, reason: str) -> None:
        self.port.tell(f"nothing is kept, {trouble}: {reason}")  # people hear of it, whatever the chart does
        self.port.emit("broken", trouble=trouble, reason=reason)
