"""Contract ``ocpp_ledger``: :mod:`adapters.ocpp.ledger` behind the charts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.ocpp.database import Database
from adapters.ocpp.flat import NotFlat, flatten, nest, time_ns
from adapters.ocpp.ledger import Ledger, Message
from adapters.ocpp.store import InFile, InMemory, Stored
from engine.adapter import AdapterError


class OcppLedger(Stored):
    """What a chart orders is one write each."""

    contract = "ocpp_ledger"
    waiting = 0
    _head: Message | None = None
    """What is next, as it was found when the one before it went: asked for in a moment, it need not be looked for."""

    def _begun(self, database: Database) -> None:
        ledger = Ledger(database)
        self.waiting = ledger.waiting
        for connector, energy in ledger.registers().items():
            read = {"connectorId": connector, "energy": energy}
            self.port.call_later(0, lambda read=read: self.port.emit("register", **read))  # type: ignore[misc]
        for one in ledger.open():
            told = {
                "transaction": one.number,
                "connectorId": one.connector,
                "transactionId": one.id,
                "idTag": one.id_tag,
                "meterStart": one.meter_start,
                "timestamp": time_ns(one.begun) if one.begun else 0,
                "meter": one.meter,
                "metered": time_ns(one.metered) if one.metered else 0,
            }
            self.port.call_later(0, lambda told=told: self.port.emit("unfinished", **told))  # type: ignore[misc]

    # ------------------------------------------------------------ what goes in

    def StartTransaction(self, *, call_id: str, **values: Any) -> None:
        payload = _nested("StartTransaction", values)
        self._append(call_id, lambda ledger: {"transaction": ledger.start(values["connectorId"], payload)})

    def MeterValues(self, *, call_id: str, transaction: int, register: int, **values: Any) -> None:
        payload = _nested("MeterValues", values)
        self._append(call_id, lambda ledger: ledger.meter_values(transaction, payload, register))

    def StopTransaction(self, *, call_id: str, transaction: int, **values: Any) -> None:
        payload = _nested("StopTransaction", values)
        self._append(call_id, lambda ledger: {} if ledger.stop(transaction, payload) else False)

    def SecurityEventNotification(self, *, techInfo: str | None = None, **values: Any) -> None:
        told = {} if techInfo is None else {"techInfo": techInfo[:255]}
        self._note("SecurityEventNotification", {**values, **told})

    def DataTransfer(self, *, names: Sequence[str], values: Sequence[Any], **to: Any) -> None:
        """Raises ``AdapterError`` for lists of different lengths."""
        if len(names) != len(values):
            raise AdapterError(f"{len(names)} names and {len(values)} values")
        data = json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False)
        self._note("DataTransfer", {**to, "data": data})

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

        def written(_: Any) -> None:
            self.waiting += 1
            self.port.emit("appended")

        self._do(lambda ledger: ledger.other(action, payload), written)

    def _append(self, call_id: str, work: Callable[[Ledger], Any]) -> None:
        """``work`` gives the result of the long action, or False where there is no more to be sent than before."""

        def written(found: Any) -> None:
            self.waiting += found is not False
            self.port.done(call_id, **(found or {}))
            self.port.emit("appended")

        self._do(work, written, call_id)

    # ------------------------------------------------------------ what goes out

    def next(self, *, call_id: str) -> None:
        def found(message: Message | None) -> None:
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

        head, self._head = self._head, None
        if head is not None:
            found(head)
        else:
            self._do(lambda ledger: ledger.next(), found, call_id)

    def attempted(self, *, number: int) -> None:
        self._head = None
        self._do(lambda ledger: ledger.attempted(number), lambda _: None)

    def answer(self, *, number: int, payload: Any) -> None:
        def work(ledger: Ledger) -> Any:
            action = ledger.action_of(number)
            said = _said(action, payload)
            if said:
                said["idTag"] = ledger.payload_of(number).get("idTag")
            return action, ledger.answered(number, said.get("transactionId")), said, ledger.next()

        def written(result: Any) -> None:
            action, transaction, said, self._head = result
            if action:
                self.waiting -= 1
                self.port.emit("answered", action=action, transaction=transaction, **said)

        self._do(work, written)

    def drop(self, *, number: int, reason: str) -> None:
        self._head = None

        def written(result: Any) -> None:
            action, transaction = result
            if action:
                self.waiting -= 1
                self.port.emit("dropped", action=action, transaction=transaction, reason=reason)

        self._do(
            lambda ledger: (ledger.action_of(number), ledger.drop(number, reason)),
            written,
        )

    def _do(self, work: Callable[[Ledger], Any], then: Callable[[Any], None], call_id: str = "") -> None:
        self._write(lambda database: work(Ledger(database)), then, call_id)


class MemoryLedger(InMemory, OcppLedger):
    """Gone with the process: for simulations and tests."""


class FileLedger(InFile, OcppLedger):
    """In the file."""


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
