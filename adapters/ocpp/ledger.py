"""What must not be lost: transactions and the messages that tell of them.

Sources: OCPP 1.6 edition 2 §3.7 (queue of transaction messages), errata 3.18 (a transaction whose id never came is -1).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.ocpp.database import Database

_SPACE = uuid.UUID("1c8e6f1e-0a3b-5d59-9d2c-4f0f6d1f8f17")
"""Of the ids that are the same in each run."""
NEVER_KNOWN = -1
"""The transactionId of one whose StartTransaction was given up."""


_text = json.JSONEncoder(separators=(",", ":")).encode


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
    StartTransaction was answered; ``meter_start`` in Wh, ``begun`` a date and time as it was sent; ``meter`` and
    ``metered`` the same of the newest reading. Of one that an earlier version wrote only the first three are known."""

    number: int
    connector: int
    id: int | None
    id_tag: str
    meter_start: int
    begun: str
    meter: int
    metered: str


class Ledger:
    """Its part of the file. Its methods raise ``StoreError``, and are called within what :meth:`Database.begin` began
    where several have to be there together."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute
        self._repeatable = database.repeatable

    # ------------------------------------------------------------ what charts tell

    def start(self, connector: int, payload: Mapping[str, Any]) -> int:
        """A transaction and its StartTransaction; its number."""
        number = self._execute(
            "INSERT INTO transactions (connector, id_tag, meter_start, begun, meter, metered)"
            " VALUES (?1, ?2, ?3, ?4, ?3, ?4)",
            connector,
            payload["idTag"],
            payload["meterStart"],
            payload["timestamp"],
        ).lastrowid
        assert number is not None
        self._append("StartTransaction", payload, number)
        return number

    def meter_values(self, transaction: int, payload: Mapping[str, Any], register: int = 0) -> None:
        """MeterValues of a transaction; ``register``: the meter's, in Wh, whether they say it or not."""
        self._read(transaction, register, max((one["timestamp"] for one in payload["meterValue"]), default=""))
        self._append("MeterValues", payload, transaction)

    def stop(self, transaction: int, payload: Mapping[str, Any]) -> bool:
        """A transaction's StopTransaction. Nothing happens when it has one: False."""
        if self._execute("UPDATE transactions SET stopped = 1 WHERE number = ? AND NOT stopped", transaction).rowcount:
            self._read(transaction, payload["meterStop"], payload["timestamp"])
            self._append("StopTransaction", payload, transaction)
            return True
        return False

    def _read(self, transaction: int, register: int, at: str) -> None:
        self._execute(
            "UPDATE transactions SET meter = max(meter, ?), metered = max(metered, ?) WHERE number = ?",
            register,
            at,
            transaction,
        )

    def other(self, action: str, payload: Mapping[str, Any]) -> None:
        """A message of no transaction that must not be lost either (SecurityEventNotification)."""
        self._append(action, payload, None)

    def _append(self, action: str, payload: Mapping[str, Any], transaction: int | None) -> None:
        number = self._execute(
            "INSERT INTO messages (id, action, payload, transaction_number) VALUES (?, ?, ?, ?)",
            str(uuid.uuid4()),
            action,
            _text(payload),
            transaction,
        ).lastrowid
        if self._repeatable:  # a number is never used again
            repeated = str(uuid.uuid5(_SPACE, str(number)))
            self._execute("UPDATE messages SET id = ? WHERE number = ?", repeated, number)

    # ------------------------------------------------------------ delivery

    @property
    def waiting(self) -> int:
        """Messages that are neither answered nor dropped; it takes as long as there are many."""
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

    def payload_of(self, number: int) -> dict[str, Any]:
        """What it says; empty when there is none of this number."""
        row = self._execute("SELECT payload FROM messages WHERE number = ?", number).fetchone()
        return dict(json.loads(row[0])) if row else {}

    def attempted(self, number: int) -> None:
        """It was sent once more."""
        self._execute("UPDATE messages SET attempts = attempts + 1 WHERE number = ?", number)

    def answered(self, number: int, transaction_id: int | None) -> int | None:
        """The central system has it. ``transaction_id``: what the answer to a StartTransaction says. The transaction's
        number, if it is of one."""
        row = self._execute("DELETE FROM messages WHERE number = ? RETURNING transaction_number", number).fetchone()
        if row is None:
            return None
        if transaction_id is not None:
            self._execute("UPDATE transactions SET id = ? WHERE number = ?", transaction_id, row[0])
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
        rows = self._execute(
            "SELECT number, connector, id, id_tag, meter_start, begun, meter, metered FROM transactions"
            " WHERE NOT stopped ORDER BY number"
        )
        return [Open(*row) for row in rows]

    def registers(self) -> dict[int, int]:
        """By connector the newest reading of its meter, in Wh."""
        rows = self._execute(
            "SELECT connector, meter FROM transactions"
            " WHERE number IN (SELECT max(number) FROM transactions GROUP BY connector)"
        )
        return dict(rows.fetchall())

    def dropped(self) -> list[tuple[str, dict[str, Any], str]]:
        """Action, payload and reason of what was given up, the oldest first."""
        rows = self._execute("SELECT action, payload, dropped FROM messages WHERE dropped IS NOT NULL ORDER BY number")
        return [(action, json.loads(payload), reason) for action, payload, reason in rows]
