"""What must not be lost: transactions and the messages that tell of them, in one SQLite file.

Every write is in the file (``fsync``) when :meth:`Ledger.commit` returns; several writes may share one. The file has a
version and is brought up to the present one step by step.

Sources: OCPP 1.6 edition 2 §3.7 (queue of transaction messages), errata 3.18 (a transaction whose id never came is -1);
sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEVER_KNOWN = -1
"""The transactionId of one whose StartTransaction was given up."""

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
)
"""One script for each version of the file, in order; ``PRAGMA user_version`` counts those that were run."""


class LedgerError(Exception):
    """The file cannot be read or written; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is to be sent. ``attempts``: how often it was sent before."""

    number: int
    id: str
    action: str
    payload: dict[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Open:
    """A transaction without a StopTransaction in the file: what a restart finds. ``id`` is None before its
    StartTransaction was answered."""

    number: int
    connector: int
    id: int | None


class Ledger:
    """``file``: None is one in memory. Raises :class:`LedgerError` for a file that is no ledger, or of a later version.
    Its methods may be called from one thread at a time."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        try:
            self._db = sqlite3.connect(
                file or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=32
            )
            if file is not None:
                self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._migrate()
        except sqlite3.Error as error:
            raise LedgerError(f"{file}: {error}") from None

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise LedgerError(f"{self.file}: written by a later version ({version}; this one knows {len(MIGRATIONS)})")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version={number}; COMMIT;")

    def close(self) -> None:
        """Close the file; what was not committed is not in it."""
        self._db.close()

    def begin(self) -> None:
        """What follows is written together."""
        if not self._db.in_transaction:
            self._execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """It is in the file now. Raises :class:`LedgerError`; nothing of it is then."""
        try:
            if self._db.in_transaction:
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self.roll_back()
            raise LedgerError(f"{self.file}: {error}") from None

    def roll_back(self) -> None:
        """Forget what was not committed."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    # ------------------------------------------------------------ what charts tell

    def start(self, connector: int, payload: Mapping[str, Any]) -> int:
        """A transaction and its StartTransaction; its number."""
        number = self._execute("INSERT INTO transactions (connector) VALUES (?)", connector).lastrowid
        assert number is not None
        self._append("StartTransaction", payload, number)
        return number

    def meter_values(self, transaction: int, payload: Mapping[str, Any]) -> None:
        """MeterValues of a transaction."""
        self._append("MeterValues", payload, transaction)

    def stop(self, transaction: int, payload: Mapping[str, Any]) -> None:
        """A transaction's StopTransaction. Nothing happens when it has one."""
        if self._execute("UPDATE transactions SET stopped = 1 WHERE number = ? AND NOT stopped", transaction).rowcount:
            self._append("StopTransaction", payload, transaction)

    def other(self, action: str, payload: Mapping[str, Any]) -> None:
        """A message of no transaction that must not be lost either (SecurityEventNotification)."""
        self._append(action, payload, None)

    def _append(self, action: str, payload: Mapping[str, Any], transaction: int | None) -> None:
        self._execute(
            "INSERT INTO messages (id, action, payload, transaction_number) VALUES (?, ?, ?, ?)",
            str(uuid.uuid4()),
            action,
            json.dumps(payload, separators=(",", ":")),
            transaction,
        )

    # ------------------------------------------------------------ delivery

    @property
    def waiting(self) -> int:
        """Messages that are neither answered nor dropped."""
        return int(self._execute("SELECT count(*) FROM messages WHERE dropped IS NULL").fetchone()[0])

    def next(self) -> Message | None:
        """The first of those that wait, with the transactionId as it is known now (D3: it goes in when it is sent)."""
        row = self._execute(
            "SELECT m.number, m.id, m.action, m.payload, m.attempts, t.number, t.id FROM messages m"
            " LEFT JOIN transactions t ON t.number = m.transaction_number"
            " WHERE m.dropped IS NULL ORDER BY m.number LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        number, id, action, text, attempts, transaction, known = row
        payload = json.loads(text)
        if transaction is not None and action != "StartTransaction":
            payload["transactionId"] = NEVER_KNOWN if known is None else known
        return Message(number, id, action, payload, attempts)

    def action_of(self, number: int) -> str:
        """What a message that waits is; empty when there is none of this number."""
        row = self._execute("SELECT action FROM messages WHERE number = ? AND dropped IS NULL", number).fetchone()
        return str(row[0]) if row else ""

    def attempted(self, number: int) -> None:
        """It was sent once more."""
        self._execute("UPDATE messages SET attempts = attempts + 1 WHERE number = ?", number)

    def answered(self, number: int, transaction_id: int | None) -> int | None:
        """The central system has it. ``transaction_id``: what the answer to a StartTransaction says. The transaction's
        number, if it is of one."""
        row = self._execute("SELECT transaction_number FROM messages WHERE number = ?", number).fetchone()
        if row is None:
            return None
        if transaction_id is not None:
            self._execute("UPDATE transactions SET id = ? WHERE number = ?", transaction_id, row[0])
        self._execute("DELETE FROM messages WHERE number = ?", number)
        return None if row[0] is None else int(row[0])

    def drop(self, number: int, reason: str) -> int | None:
        """It is given up and kept for people to read; a transaction whose start it was will not be known."""
        row = self._execute("SELECT action, transaction_number FROM messages WHERE number = ?", number).fetchone()
        if row is None:
            return None
        self._execute("UPDATE messages SET dropped = ? WHERE number = ?", reason, number)
        if row[0] == "StartTransaction":
            self._execute("UPDATE transactions SET id = ? WHERE number = ?", NEVER_KNOWN, row[1])
        return None if row[1] is None else int(row[1])

    # ------------------------------------------------------------ after a restart

    def open(self) -> list[Open]:
        """Transactions that were not stopped, the oldest first."""
        rows = self._execute("SELECT number, connector, id FROM transactions WHERE NOT stopped ORDER BY number")
        return [Open(*row) for row in rows]

    def dropped(self) -> list[tuple[str, dict[str, Any], str]]:
        """Action, payload and reason of what was given up, the oldest first."""
        rows = self._execute("SELECT action, payload, dropped FROM messages WHERE dropped IS NOT NULL ORDER BY number")
        return [(action, json.loads(payload), reason) for action, payload, reason in rows]

    def _execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise LedgerError(f"{self.file}: {error}") from None
