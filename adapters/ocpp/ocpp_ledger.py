"""Contract ``ocpp_ledger``: :mod:`adapters.ocpp.ledger` behind the charts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.ocpp.database import Database
from adapters.ocpp.flat import NotFlat, flatten, nest, time_ns
from adapters.ocpp.ledger import Ledger, Message
from adapters.ocpp.store import InFile, InMemory, Stored
from engine.adapter import AdapterError, World

AHEAD = 256
"""Messages that are read from the file at once."""
TOGETHER = 32
"""Delivered messages that wait to be taken out of the file, in one write, at most."""
TAKEN_OUT_NS = 100_000_000
"""So long after it was delivered a message is taken out by a write of its own, when none came that could do it, too."""
_SAYS_SOMETHING = ("StartTransaction", "StopTransaction")
"""Their answers tell of the transaction and the card."""


class OcppLedger(Stored):
    """What a chart orders is one write each. Of a message whose answer says nothing to be kept it is told that it was
    delivered before it is out of the file: the next one is sent meanwhile, and the next write takes it out. If the
    power goes before that, it is sent once more, under its id."""

    contract = "ocpp_ledger"
    _in_time = False
    """What was delivered is taken out soon, whether there is another write or not."""

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.waiting = 0
        self._ahead: list[Message] = []  # the first of those that wait
        self._is_all = False  # there are no others
        self._out: Message | None = None  # given to the chart, neither answered nor dropped
        self._delivered: list[str] = []  # ids of those that are to be taken out by the next write
        self._will_take_out = False  # when its time has come

    def _begun(self, database: Database) -> None:
        ledger = Ledger(database)
        self.waiting = ledger.waiting
        self._forget()
        self._is_all = self.waiting == 0
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
        self._append(call_id, lambda ledger: {} if ledger.meter_values(transaction, payload, register) else False)

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

        def work(ledger: Ledger) -> Message | None:
            ledger.other(action, payload)
            return ledger.appended

        self._do(work, self._appended)

    def _append(self, call_id: str, work: Callable[[Ledger], Any]) -> None:
        """``work`` gives the result of the long action, or False where there is no more to be sent than before."""

        def written(result: Any) -> None:
            found, message = result
            if found is False:
                self.port.done(call_id)
                return
            self.port.done(call_id, **(found or {}))
            self._appended(message)

        self._do(lambda ledger: (work(ledger), ledger.appended), written, call_id)

    def _appended(self, message: Message | None) -> None:
        self.waiting += 1
        if self._is_all:
            self._is_all = message is not None and len(self._ahead) < AHEAD
            if self._is_all and message is not None:
                self._ahead.append(message)
        self.port.emit("appended")

    # ------------------------------------------------------------ what goes out

    def next(self, *, call_id: str) -> None:
        if self._out is not None:  # it was not taken: the file knows how often it was sent
            self._forget()
        if self._ahead or self._is_all:
            self._give_out(call_id)
            return

        def found(result: tuple[list[Message], bool]) -> None:
            self._ahead, self._is_all = result
            self._give_out(call_id)

        self._do(lambda ledger: ledger.first(AHEAD), found, call_id)

    def _give_out(self, call_id: str) -> None:
        if not self._ahead:
            self._out = None
            self.port.failed(call_id, "none")
            return
        message = self._out = self._ahead.pop(0)
        self.port.done(
            call_id,
            number=message.number,
            id=message.id,
            action=message.action,
            payload=message.payload,
            attempts=message.attempts,
        )

    def _forget(self) -> None:
        """What is next will be read from the file."""
        self._ahead, self._is_all, self._out = [], False, None

    def attempted(self, *, number: int) -> None:
        self._do(lambda ledger: ledger.attempted(number), None)

    def answer(self, *, number: int, payload: Any) -> None:
        out = self._out
        if out is None or out.number != number or out.action in _SAYS_SOMETHING:
            self._forget()
            self._keep_answer(number, payload)
            return
        self._out = None
        self.waiting -= 1
        self.port.emit("answered", action=out.action, transaction=out.transaction)
        self._delivered.append(out.id)
        if len(self._delivered) >= TOGETHER:
            self._take_out()
        elif self._in_time and not self._will_take_out:
            self._will_take_out = True
            self.port.call_later(TAKEN_OUT_NS, self._take_out_late)

    def _take_out_late(self) -> None:
        self._will_take_out = False
        self._take_out()

    def _take_out(self) -> None:
        """Those that were delivered, if no other write has done it."""
        if self._delivered:
            self._do(lambda ledger: None, None)

    def _keep_answer(self, number: int, payload: Any) -> None:
        def work(ledger: Ledger) -> Any:
            action = ledger.action_of(number)
            said = _said(action, payload)
            if said:
                said["idTag"] = ledger.payload_of(number).get("idTag")
            return action, ledger.answered(number, said.get("transactionId")), said

        def written(result: Any) -> None:
            action, transaction, said = result
            if action:
                self.waiting -= 1
                self.port.emit("answered", action=action, transaction=transaction, **said)

        self._do(work, written)

    def drop(self, *, number: int, reason: str) -> None:
        self._forget()

        def written(result: Any) -> None:
            action, transaction = result
            if action:
                self.waiting -= 1
                self.port.emit("dropped", action=action, transaction=transaction, reason=reason)

        self._do(
            lambda ledger: (ledger.action_of(number), ledger.drop(number, reason)),
            written,
        )

    def _do(
        self,
        work: Callable[[Ledger], Any],
        then: Callable[[Any], None] | None,
        call_id: str = "",
    ) -> None:
        """Those that were delivered go with it."""
        out, self._delivered = self._delivered, []

        def all_of_it(database: Database) -> Any:
            ledger = Ledger(database)
            if out:
                ledger.delivered(out)
            return work(ledger)

        def refused(_: str) -> None:
            if out:
                self._delivered[:0] = out
                self._forget()

        self._write(all_of_it, then, call_id, refused)


class MemoryLedger(InMemory, OcppLedger):
    """Gone with the process: for simulations and tests."""


class FileLedger(InFile, OcppLedger):
    """In the file."""

    _in_time = True  # a power failure brings back what is still there

    def close(self) -> None:
        self._take_out()
        super().close()


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
