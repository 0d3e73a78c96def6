"""What must not be lost: transactions and the messages that tell of them.

Sources: OCPP 1.6 edition 2 §3.7 (queue of transaction messages), errata 3.18 (a transaction whose id never came is -1).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.ocpp.database import Database
from adapters.ocpp.rpc import new_id

_SPACE = uuid.UUID("1c8e6f1e-0a3b-5d59-9d2c-4f0f6d1f8f17")
"""Of the ids that are the same in each run."""
NEVER_KNOWN = -1
"""The transactionId of one whose StartTransaction was given up."""


_text = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is to be sent. ``attempts``: how often it was sent before; ``transaction``: the number of the one
    it belongs to."""

    number: int
    id: str
    action: str
    payload: dict[str, Any]
    attempts: int
    transaction: int | None


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
    where several have to be there together. ``appended``: the message that went in last, as it is to be sent; None: it
    needs a transactionId that is not known yet."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute
        self._execute_each = database.execute_each
        self._repeatable = database.repeatable
        self.appended: Message | None = None

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
        self._append("StartTransaction", payload, number, None)
        return number

    def meter_values(self, transaction: int, payload: Mapping[str, Any], register: int = 0) -> bool:
        """MeterValues of a transaction; ``register``: the meter's, in Wh, whether they say it or not. False: they came
        behind its StopTransaction (a reading that was asked for and took its time), and are not kept (errata 3.16)."""
        at = max((one["timestamp"] for one in payload["meterValue"]), default="")
        known = self._execute(
            "UPDATE transactions SET meter = max(meter, ?), metered = max(metered, ?) WHERE number = ?"
            " RETURNING id, stopped",
            register,
            at,
            transaction,
        ).fetchone()
        if known is not None and known[1]:
            return False
        self._append("MeterValues", payload, transaction, known and known[0])
        return True

    def stop(self, transaction: int, payload: Mapping[str, Any]) -> bool:
        """A transaction's StopTransaction. Nothing happens when it has one: False."""
        known = self._execute(
            "UPDATE transactions SET stopped = 1, meter = max(meter, ?), metered = max(metered, ?)"
            " WHERE number = ? AND NOT stopped RETURNING id",
            payload["meterStop"],
            payload["timestamp"],
            transaction,
        ).fetchone()
        if known is not None:
            self._append("StopTransaction", payload, transaction, known[0])
        return known is not None

    def other(self, action: str, payload: Mapping[str, Any]) -> None:
        """A message of no transaction that must not be lost either (SecurityEventNotification)."""
        self._append(action, payload, None, None)

    def _append(self, action: str, payload: Mapping[str, Any], transaction: int | None, known: int | None) -> None:
        """``known``: the transactionId."""
        id = new_id()
        number = self._execute(
            "INSERT INTO messages (id, action, payload, transaction_number) VALUES (?, ?, ?, ?)",
            id,
            action,
            _text(payload),
            transaction,
        ).lastrowid
        assert number is not None
        if self._repeatable:  # a number is never used again
            id = str(uuid.uuid5(_SPACE, str(number)))
            self._execute("UPDATE messages SET id = ? WHERE number = ?", id, number)
        waits = _needs_id(action, transaction) and known is None
        said = {**payload, "transactionId": known} if _needs_id(action, transaction) else dict(payload)
        self.appended = None if waits else Message(number, id, action, said, 0, transaction)

    # ------------------------------------------------------------ delivery

    @property
    def waiting(self) -> int:
        """Messages that are neither answered nor dropped; it takes as long as there are many."""
        return int(self._execute("SELECT count(*) FROM messages WHERE dropped IS NULL").fetchone()[0])

    def next(self) -> Message | None:
        """The first of those that wait, with the transactionId as it is known now (D3: it goes in when it is sent)."""
        first, _ = self.first(1)
        return first[0] if first else None

    def first(self, most: int) -> tuple[list[Message], bool]:
        """The first of those that wait, and whether these are all. One whose transactionId will be known when those
        before it have been sent is not among them."""
        rows = self._execute(
            "SELECT m.number, m.id, m.action, m.payload, m.attempts, t.number, t.id FROM messages m"
            " LEFT JOIN transactions t ON t.number = m.transaction_number"
            " WHERE m.dropped IS NULL ORDER BY m.number LIMIT ?",
            most,
        ).fetchall()
        found: list[Message] = []
        for number, id, action, text, attempts, transaction, known in rows:
            payload = json.loads(text)
            if _needs_id(action, transaction):
                if known is None and found:
                    return found, False
                payload["transactionId"] = NEVER_KNOWN if known is None else known
            found.append(Message(number, id, action, payload, attempts, transaction))
        return found, len(rows) < most

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

    def delivered(self, ids: Sequence[str]) -> None:
        """The central system has the messages of these ids, and its answers say nothing that is kept."""
        self._execute_each("DELETE FROM messages WHERE id = ?", [(id,) for id in ids])

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


def _needs_id(action: str, transaction: int | None) -> bool:
    return transaction is not None and action != "StartTransaction"
