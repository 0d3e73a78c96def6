"""Contract ``ocpp_cards``: the local list and the authorisation cache, kept in the charge point's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.ocpp.database import Database, NotTaken
from adapters.ocpp.store import InFile, InMemory, Stored

_KNOWN = "SELECT status, parent, expires FROM cards WHERE place = ? AND id_tag = ?"
_PUT = "INSERT INTO cards (place, id_tag, status, parent, expires, used) VALUES (?, ?, ?, ?, ?, ?)"


class OcppCards(Stored):
    """Rows of a list are as in SendLocalList.req: ``''`` and 0 are nothing."""

    contract = "ocpp_cards"
    list_version = 0
    list_length = 0

    def _begun(self, database: Database) -> None:
        self._noted(_list(database))

    def _noted(self, now: tuple[int, int]) -> None:
        self.list_version, self.list_length = now

    def look(self, *, call_id: str, idTag: str, places: Sequence[str]) -> None:
        def work(database: Database) -> Any:
            for place in places:
                if (row := database.execute(_KNOWN, place, idTag).fetchone()) is not None:
                    return place, *row
            return "", "", "", 0

        def found(known: Any) -> None:
            place, status, parent, expires = known
            self.port.done(call_id, place=place, status=status, parentIdTag=parent or None, expiryDate=expires or None)

        self._write(work, found, call_id)

    def remember(
        self,
        *,
        idTag: str,
        status: str,
        at: int,
        most: int,
        parentIdTag: str | None = None,
        expiryDate: int | None = None,
    ) -> None:
        def work(database: Database) -> None:
            database.execute(
                _PUT.replace("INSERT", "INSERT OR REPLACE", 1),
                "cache",
                idTag,
                status,
                parentIdTag or "",
                expiryDate or 0,
                at,
            )
            database.execute(
                "DELETE FROM cards WHERE place = 'cache' AND id_tag IN"
                " (SELECT id_tag FROM cards WHERE place = 'cache' ORDER BY used DESC, id_tag LIMIT -1 OFFSET ?)",
                most,
            )

        self._write(work, lambda _: None)

    def clear_cache(self, *, call_id: str) -> None:
        self._write(
            lambda database: database.execute("DELETE FROM cards WHERE place = 'cache'") and None,
            lambda _: self.port.done(call_id),
            call_id,
        )

    def replace_list(self, *, call_id: str, version: int, **rows: Sequence[Any]) -> None:
        def work(database: Database) -> tuple[int, int]:
            database.execute("DELETE FROM cards WHERE place = 'list'")
            return _listed(database, version, rows)

        self._change(call_id, work)

    def update_list(self, *, call_id: str, version: int, most: int, **rows: Sequence[Any]) -> None:
        """The call fails by the reason of :class:`NotTaken` when there would be more than ``most`` cards."""

        def work(database: Database) -> tuple[int, int]:
            for id_tag in rows["idTag"]:
                database.execute("DELETE FROM cards WHERE place = 'list' AND id_tag = ?", id_tag)
            now = _listed(database, version, rows)
            if now[1] > most:
                raise NotTaken("full")
            return now

        self._change(call_id, work)

    def _change(self, call_id: str, work: Any) -> None:
        def written(now: Any) -> None:
            self._noted(now)
            self.port.done(call_id)

        self._write(work, written, call_id)


def _listed(database: Database, version: int, rows: dict[str, Sequence[Any]]) -> tuple[int, int]:
    """Put the rows into the list, without those that are to be taken out; version and length now."""
    if len({id_tag.lower() for id_tag in rows["idTag"]}) < len(rows["idTag"]):
        raise NotTaken("twice")
    for id_tag, status, parent, expires in zip(
        rows["idTag"], rows["status"], rows["parentIdTag"], rows["expiryDate"], strict=True
    ):
        if status:
            database.execute(_PUT, "list", id_tag, status, parent, expires, 0)
    database.execute("INSERT OR REPLACE INTO versions VALUES ('list', ?)", version)
    return _list(database)


def _list(database: Database) -> tuple[int, int]:
    version = database.execute("SELECT version FROM versions WHERE name = 'list'").fetchone()
    (length,) = database.execute("SELECT count(*) FROM cards WHERE place = 'list'").fetchone()
    return version[0] if version else 0, length


class MemoryCards(InMemory, OcppCards):
    """Gone with the process: for simulations and tests."""


class FileCards(InFile, OcppCards):
    """In the file."""
