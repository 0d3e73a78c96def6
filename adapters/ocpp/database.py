"""The one SQLite file of a charge point: what must not be lost, and what must be the same after a restart.

Every write is in the file (``fsync``) when :meth:`Database.commit` returns; several writes may share one. The file has
a version and is brought up to the present one step by step.

Sources: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous, sqlite.org/rescode.html.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Literal

MIGRATIONS = (
    """
    CREATE TABLE transactions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        connector INTEGER NOT NULL,
        id INTEGER,
        stopped INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        action TEXT NOT NULL,
        payload TEXT NOT NULL,
        transaction_number INTEGER REFERENCES transactions,
        attempts INTEGER NOT NULL DEFAULT 0,
        dropped TEXT
    );
    CREATE INDEX waiting ON messages (number) WHERE dropped IS NULL;
    """,
    """
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE cards (
        place TEXT NOT NULL CHECK (place IN ('list', 'cache')),
        id_tag TEXT NOT NULL COLLATE NOCASE,
        status TEXT NOT NULL,
        parent TEXT NOT NULL,
        expires INTEGER NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (place, id_tag)
    ) WITHOUT ROWID;
    CREATE TABLE versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE profiles (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        connector INTEGER NOT NULL,
        id INTEGER NOT NULL UNIQUE,
        profile TEXT NOT NULL
    );
    CREATE TABLE reservations (
        id INTEGER PRIMARY KEY,
        connector INTEGER NOT NULL,
        id_tag TEXT NOT NULL,
        parent TEXT NOT NULL,
        expires INTEGER NOT NULL
    );
    CREATE TABLE availability (connector INTEGER PRIMARY KEY, operative INTEGER NOT NULL);
    """,
    """
    CREATE TABLE firmware (number INTEGER PRIMARY KEY CHECK (number = 1), job TEXT NOT NULL);
    """,
    """
    ALTER TABLE transactions ADD COLUMN id_tag TEXT NOT NULL DEFAULT '';
    ALTER TABLE transactions ADD COLUMN meter_start INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE transactions ADD COLUMN begun TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE transactions ADD COLUMN meter INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE transactions ADD COLUMN metered TEXT NOT NULL DEFAULT '';
    UPDATE transactions SET meter = meter_start, metered = begun;
    CREATE INDEX of_connector ON transactions (connector, number);
    """,
)
"""One script for each version of the file, in order; ``PRAGMA user_version`` counts those that were run. Times are
nanoseconds since 1970-01-01 UTC, 0 for none."""


Trouble = Literal["full", "read_only", "damaged", "later", "other"]
_TROUBLES: dict[int, Trouble] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}
_OF_ITS_PLACE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM)
"""What SQLite says where it does not know why: the file system does."""


class StoreError(Exception):
    """The file cannot be read or written; the message names it and says why. ``trouble``: what a chart goes by."""

    def __init__(self, message: str, trouble: Trouble = "other") -> None:
        super().__init__(message)
        self.trouble = trouble


class NotTaken(StoreError):
    """What was to be written is refused for what it is; the file is as it was, and can be written."""


class InUse:
    """Of the databases in memory of a simulated fleet those that were used last stay open (40 kB each); the
    others are packed (1 kB; 0.2 ms at the next use)."""

    MOST = 16

    def __init__(self) -> None:
        self._last: OrderedDict[Database, None] = OrderedDict()

    def used(self, database: Database) -> None:
        """It is in use now, and not written to by others of these."""
        self._last[database] = None
        self._last.move_to_end(database)
        if len(self._last) > self.MOST:
            self._last.popitem(last=False)[0].pack()


class Database:
    """``file``: None is one in memory; ``others``: those that are packed when they are not in use; ``repeatable``: the
    ids of its messages are the same in each run. Raises
    :class:`StoreError` for a file that is none of ours, or of a later version. Its methods may be called from one
    thread at a time."""

    def __init__(self, file: Path | None, others: InUse | None = None, *, repeatable: bool = False) -> None:
        self.file = file
        self._others = others
        self._packed: bytes | None = None
        self._connection: sqlite3.Connection | None = None
        self.repeatable = repeatable
        self.inserted = 0  # rows, since it was opened
        try:
            self._db.execute("PRAGMA synchronous=FULL")
            self._migrate()
        except sqlite3.Error as error:
            raise self._told(error) from None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connected()
            if self._others is not None:
                self._others.used(self)
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.file or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=32
        )
        if self.file is not None:
            db.execute("PRAGMA journal_mode=WAL")
        elif self._packed is not None:
            db.deserialize(zlib.decompress(self._packed))
        else:
            db.execute("PRAGMA page_size=512")  # half the memory
        db.execute("PRAGMA foreign_keys=ON")
        return db

    def pack(self) -> None:
        """Close one in memory until it is used again; between two writes."""
        if self._connection is not None and not self._connection.in_transaction:
            self._packed = zlib.compress(self._connection.serialize(), 1)
            self._connection.close()
            self._connection = None

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            said = f"{self.file}: written by a later version ({version}; this one knows {len(MIGRATIONS)})"
            raise StoreError(said, "later")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version={number}; COMMIT;")

    def close(self) -> None:
        """Close the file; what was not committed is not in it."""
        if self._connection is not None:
            self._connection.close()

    def begin(self) -> None:
        """What follows is written together."""
        if self._others is not None:
            self._others.used(self)
        if not self._db.in_transaction:
            self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """It is in the file now. Raises :class:`StoreError`; nothing of it is then."""
        try:
            if self._db.in_transaction:
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self.roll_back()
            raise self._told(error) from None

    def roll_back(self) -> None:
        """Forget what was not committed."""
        if self._db.in_transaction:
            with suppress(sqlite3.Error):  # a damaged file: what was not committed is not in it either
                self._db.execute("ROLLBACK")

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """One statement. Raises :class:`StoreError`."""
        try:
            done = self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise self._told(error) from None
        if sql.startswith("INSERT"):
            self.inserted += max(done.rowcount, 0)
        return done

    def execute_each(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """One statement that inserts nothing, for each of ``rows``. Raises :class:`StoreError`."""
        try:
            self._db.executemany(sql, rows)
        except sqlite3.Error as error:
            raise self._told(error) from None

    def _told(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_CONSTRAINT:
            return NotTaken(f"{self.file}: {error}")
        trouble = _TROUBLES.get(code, "other")
        if code in _OF_ITS_PLACE and self.file is not None:
            trouble = _of_place(self.file)
        return StoreError(f"{self.file}: {error}", trouble)

    # ------------------------------------------------------------ a damaged file

    def rescue(self, damaged: Path) -> int:
        """Put into this new file what can still be read of a damaged one; the number of rows."""
        rescued = 0
        self.execute("PRAGMA foreign_keys=OFF")
        self.begin()
        with suppress(sqlite3.Error), closing(sqlite3.connect(damaged, isolation_level=None)) as old:
            tables = self.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
            )
            for (table,) in tables.fetchall():
                rescued += self._copy(old, table)
            self._copy(old, "sqlite_sequence")
        self.commit()
        self.execute("PRAGMA foreign_keys=ON")
        return rescued

    def _copy(self, old: sqlite3.Connection, table: str) -> int:
        copied = 0
        with suppress(sqlite3.Error):  # up to the damage
            ours = [row[1] for row in self.execute(f"PRAGMA table_info({table})").fetchall()]
            rows = old.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in rows.description]
            shared = [name for name in names if name in ours]
            if table == "sqlite_sequence":
                self.execute("DELETE FROM sqlite_sequence")
            insert = f"INSERT OR IGNORE INTO {table} ({', '.join(shared)}) VALUES ({', '.join('?' * len(shared))})"
            for row in rows:
                self.execute(insert, *(value for name, value in zip(names, row, strict=True) if name in shared))
                copied += 1
        return copied


def _of_place(file: Path) -> Trouble:
    """Why a file cannot be written, as its file system has it."""
    if any(place.exists() and not os.access(place, os.W_OK) for place in (file, file.parent)):
        return "read_only"
    try:
        return "other" if os.statvfs(file.parent).f_bavail else "full"
    except OSError:
        return "other"


def set_aside(file: Path) -> Path:
    """Move a damaged file away, with the two that belong to it; where to."""
    number = 1
    while (away := file.with_name(f"{file.name}.damaged{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{file}{suffix}").rename(f"{away}{suffix}")
    return away
