"""Contract ``ocpp_ledger``: :mod:`adapters.ocpp.ledger` behind the charts.

In memory each order is carried out at once, on any clock. With a file a thread of its own writes: everything that waits
for it is one write (group commit), and a chart hears of it after the ``fsync``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from adapters.ocpp.flat import NotFlat, flatten, nest
from adapters.ocpp.ledger import Ledger, LedgerError
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, ConfigurationError, Port, Setting, World

Work = Callable[[Ledger], Any]
Then = Callable[[Any], None]
GROUP = 500
"""Orders in one write at most."""


class OcppLedger(Adapter):
    """A subclass says where the ledger is and who works on it."""

    contract = "ocpp_ledger"
    settings: ClassVar[Mapping[str, Setting]] = {}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.waiting = 0

    def _do(self, work: Work, then: Then, failed: Callable[[str], None]) -> None:
        """Carry out ``work``; when it is in the file, ``then`` with its result, else ``failed`` with why not."""
        raise NotImplementedError

    def _begun(self, ledger: Ledger) -> None:
        self.waiting = ledger.waiting
        for one in ledger.open():
            told = {"transaction": one.number, "connectorId": one.connector, "transactionId": one.id}
            self.port.call_later(0, lambda told=told: self.port.emit("unfinished", **told))  # type: ignore[misc]

    # ------------------------------------------------------------ what goes in

    def StartTransaction(self, *, call_id: str, **values: Any) -> None:
        payload = _nested("StartTransaction", values)
        self._append(call_id, lambda ledger: {"transaction": ledger.start(values["connectorId"], payload)})

    def MeterValues(self, *, call_id: str, transaction: int, **values: Any) -> None:
        payload = _nested("MeterValues", values)
        self._append(call_id, lambda ledger: ledger.meter_values(transaction, payload))

    def StopTransaction(self, *, call_id: str, transaction: int, **values: Any) -> None:
        payload = _nested("StopTransaction", values)
        self._append(call_id, lambda ledger: ledger.stop(transaction, payload))

    def SecurityEventNotification(self, *, call_id: str, **values: Any) -> None:
        payload = _nested("SecurityEventNotification", values)
        self._append(call_id, lambda ledger: ledger.other("SecurityEventNotification", payload))

    def DiagnosticsStatusNotification(self, **values: Any) -> None:
        self._note("DiagnosticsStatusNotification", values)

    def LogStatusNotification(self, **values: Any) -> None:
        self._note("LogStatusNotification", values)

    def FirmwareStatusNotification(self, **values: Any) -> None:
        self._note("FirmwareStatusNotification", values)

    def SignedFirmwareStatusNotification(self, **values: Any) -> None:
        self._note("SignedFirmwareStatusNotification", values)

    def _note(self, action: str, values: Mapping[str, Any]) -> None:
        """A message that nobody waits for until it is in the file."""
        payload = _nested(action, values)

        def work(ledger: Ledger) -> int:
            ledger.other(action, payload)
            return ledger.waiting

        def written(waiting: int) -> None:
            self.waiting = waiting
            self.port.emit("appended")

        self._do(work, written, self._failed)

    def _append(self, call_id: str, work: Work) -> None:
        def written(result: Any) -> None:
            found, self.waiting = result
            self.port.done(call_id, **(found or {}))
            self.port.emit("appended")

        self._do(lambda ledger: (work(ledger), ledger.waiting), written, lambda reason: self._failed(reason, call_id))

    # ------------------------------------------------------------ what goes out

    def next(self, *, call_id: str) -> None:
        def found(message: Any) -> None:
            if message is None:
                self.port.failed(call_id, "none")
                return
            self.port.done(
                call_id,
                number=message.number,
                id=message.id,
                action=message.action,
                payload=message.payload,
                attempts=message.attempts,
            )

        self._do(lambda ledger: ledger.next(), found, lambda reason: self._failed(reason, call_id))

    def attempted(self, *, number: int) -> None:
        self._do(lambda ledger: ledger.attempted(number), lambda _: None, self._failed)

    def answer(self, *, number: int, payload: Any) -> None:
        def work(ledger: Ledger) -> Any:
            action = ledger.action_of(number)
            said = _said(action, payload)
            return action, ledger.answered(number, said.get("transactionId")), said, ledger.waiting

        def written(result: Any) -> None:
            action, transaction, said, self.waiting = result
            if action:
                self.port.emit("answered", action=action, transaction=transaction, **said)

        self._do(work, written, self._failed)

    def drop(self, *, number: int, reason: str) -> None:
        def written(result: Any) -> None:
            action, transaction, self.waiting = result
            if action:
                self.port.emit("dropped", action=action, transaction=transaction, reason=reason)

        self._do(
            lambda ledger: (ledger.action_of(number), ledger.drop(number, reason), ledger.waiting),
            written,
            self._failed,
        )

    def _failed(self, reason: str, call_id: str = "") -> None:
        if call_id:
            self.port.failed(call_id, reason)
        self.port.emit("failed", reason=reason)


class MemoryLedger(OcppLedger):
    """Gone with the process: for simulations and tests."""

    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        "full_after": Setting("int?", None, "So many writes go well, then the disk is full"),
    }

    def open(self, port: Port) -> None:
        super().open(port)
        self._ledger = self.world.shared(f"OCPP ledger {port.role}", lambda: Ledger(None))
        self._left: int | None = self.config["full_after"]
        self._begun(self._ledger)

    def _do(self, work: Work, then: Then, failed: Callable[[str], None]) -> None:
        if self._left is not None:
            if self._left == 0:
                failed("database or disk is full")
                return
            self._left -= 1
        try:
            result = work(self._ledger)
        except LedgerError as error:
            failed(str(error))
            return
        then(result)


class FileLedger(OcppLedger):
    """An SQLite file; runs on the real clock."""

    settings: ClassVar[Mapping[str, Setting]] = {
        "file": Setting(
            "string", "charge_point.db", "The SQLite file; two more of its name stand beside it while it runs"
        ),
    }

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for a file that cannot be used."""
        super().open(port)
        self._work: queue.SimpleQueue[tuple[Work, Then, Callable[[str], None]] | None] = queue.SimpleQueue()
        try:
            self._ledger = Ledger(Path(self.config["file"]))
            self._begun(self._ledger)
        except LedgerError as error:
            raise ConfigurationError(f"{error}; move the file away to begin with an empty one") from None
        self._writer = threading.Thread(target=self._write, name=f"ledger {port.role}", daemon=True)
        self._writer.start()

    def close(self) -> None:
        if hasattr(self, "_writer"):
            self._work.put(None)
            self._writer.join()
            self._ledger.close()

    def _do(self, work: Work, then: Then, failed: Callable[[str], None]) -> None:
        self._work.put((work, then, failed))

    def _write(self) -> None:
        ended = False
        while not ended:
            group = [self._work.get()]
            while len(group) < GROUP and not self._work.empty():
                group.append(self._work.get())
            jobs = [job for job in group if job is not None]
            ended = len(jobs) < len(group)
            self._together(jobs) if len(jobs) > 1 else self._one_by_one(jobs)

    def _together(self, jobs: list[tuple[Work, Then, Callable[[str], None]]]) -> None:
        try:
            self._ledger.begin()
            results = [work(self._ledger) for work, _, _ in jobs]
            self._ledger.commit()
        except LedgerError:
            self._ledger.roll_back()
            self._one_by_one(jobs)  # one that fails must not take the others with it
            return
        for (_, then, _), result in zip(jobs, results, strict=True):
            self._tell(then, result)

    def _one_by_one(self, jobs: list[tuple[Work, Then, Callable[[str], None]]]) -> None:
        for work, then, failed in jobs:
            try:
                self._ledger.begin()
                result = work(self._ledger)
                self._ledger.commit()
            except LedgerError as error:
                self._ledger.roll_back()
                self._tell(failed, str(error))
            else:
                self._tell(then, result)

    def _tell(self, hear: Callable[[Any], None], what: Any) -> None:
        self.port.call_soon_threadsafe(lambda: hear(what))


def _nested(action: str, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return nest(action, values, response=False)
    except NotFlat as reason:
        raise AdapterError(str(reason)) from None


def _said(action: str, payload: Any) -> dict[str, Any]:
    """What the answer says of the transaction and the card; a time that is none is not known."""
    if action not in ("StartTransaction", "StopTransaction"):
        return {}
    try:
        return flatten(action, payload, response=True)
    except NotFlat:
        card = {key: value for key, value in payload.get("idTagInfo", {}).items() if key != "expiryDate"}
        return flatten(action, {**payload, "idTagInfo": card}, response=True)
