"""Contract ``firmware_job``: the firmware update under way, a row of the charge point's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from adapters.ocpp.database import Database
from adapters.ocpp.store import InFile, InMemory, Stored
from engine.adapter import World

NOTHING: Final[Mapping[str, Any]] = {
    "stage": "none", "signed": False, "requestId": 0, "location": "", "attempts": 1, "between": 0, "retrieve": 0,
    "install": 0, "certificate": "", "signature": "", "path": "",
}  # fmt: skip


class FirmwareJob(Stored):
    """A subclass says where it is kept."""

    contract = "firmware_job"
    stage: str
    signed: bool
    requestId: int
    location: str
    attempts: int
    between: int
    retrieve: int
    install: int
    certificate: str
    signature: str
    path: str

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._are(NOTHING)

    def _begun(self, database: Database) -> None:
        row = database.execute("SELECT job FROM firmware").fetchone()
        if row is not None:
            self._are({**NOTHING, **json.loads(row[0])})

    def keep(self, **job: Any) -> None:
        if all(getattr(self, name) == value for name, value in job.items()):
            return
        self._are(job)
        text = json.dumps(job)

        def work(database: Database) -> None:
            database.execute("INSERT OR REPLACE INTO firmware (number, job) VALUES (1, ?)", text)

        self._write(work, lambda _: None)

    def _are(self, job: Mapping[str, Any]) -> None:
        for name in NOTHING:
            setattr(self, name, job[name])


class MemoryFirmwareJob(InMemory, FirmwareJob):
    """Gone with the process; a machine that begins anew in the same run finds it."""


class FileFirmwareJob(InFile, FirmwareJob):
    """In the SQLite file."""
