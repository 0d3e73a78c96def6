"""Contract ``central_system``: typed messages over one connection, whatever carries it.

A CALL waits until the one before it has its answer (OCPP-J 1.6 §4.1.1): first come, first served. A chart that waits no
longer takes its CALL back. With the connection, what waits and what has no answer fails as ``disconnected``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from adapters.ocpp.contract import FROM_CENTRAL_SYSTEM
from adapters.ocpp.errors import ErrorCode
from adapters.ocpp.flat import NotFlat, flatten, nest
from adapters.ocpp.rpc import Call, Ignored, Refused, Reply, Result, Rpc
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, ConfigurationError, Setting, World

WAITING = 100
"""CALLs that wait for the one before them; what has to be kept longer is in the store."""


def checked_identity(identity: str) -> None:
    """Raises ``ConfigurationError`` for what cannot be the identity of a charge point: nothing, a whole URL, control
    characters. Everything else can be encoded (OCPP-J 1.6 §3.1.1)."""
    if not identity.strip():
        raise ConfigurationError("a charge point needs an identity, and this one is empty")
    if "://" in identity:
        raise ConfigurationError(f"'{identity}' is a URL; an identity is its last part alone")
    if not identity.isprintable():  # control characters, half surrogates
        raise ConfigurationError(f"{identity!r} is no identity: it has characters that nobody can see")


@dataclass(slots=True)
class _Waiting:
    call_id: str
    action: str
    payload: dict[str, Any]
    id: str | None
    stored: bool


class CentralSystem(Adapter):
    """A subclass says what carries the text: it calls :meth:`_connected`, :meth:`_received`, :meth:`_lost`."""

    contract = "central_system"
    settings: ClassVar[Mapping[str, Setting]] = {}
    reply_by: Literal["id", "action"] = "id"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._rpc: Rpc | None = None
        self._waiting: list[_Waiting] = []
        self._open: _Waiting | None = None
        self._hears_calls = True
        self._over: set[str] = set()  # CALLs of lines that are gone, which charts have yet to answer

    def connect(self, *, url: str, identity: str, password: bytes | None = None, name: str | None = None) -> None:
        """One attempt; ``connected`` or ``refused`` follows."""
        raise NotImplementedError

    def disconnect(self) -> None:
        """Close the connection, or give up the attempt; nothing follows."""
        raise NotImplementedError

    def ping(self, *, call_id: str) -> None:
        """Ends when the other side has answered."""
        raise NotImplementedError

    def _transmit(self, text: str) -> None:
        """Send one message of OCPP-J."""
        raise NotImplementedError

    # ------------------------------------------------------------ the connection

    def _connected(self) -> None:
        self._rpc = Rpc(self.reply_by)
        self._rpc.hears_calls = self._hears_calls
        self.port.emit("connected")

    def _lost(self, code: int, text: str, *, too_big: bool = False) -> None:
        """``too_big``: for what was sent last, which fails as that and is no victim of the line."""
        if self._rpc is None:
            return
        if too_big and self._open is not None:
            failed, self._open = self._open, None
            self.port.failed(failed.call_id, "too_big")
        self._drop()
        self.port.emit("disconnected", code=code, text=text)

    def _drop(self) -> None:
        """Forget the connection: what waits and what has no answer fails."""
        if self._rpc is not None:
            self._over |= self._rpc.unanswered
        self._rpc = None
        failed = [*([self._open] if self._open else []), *self._waiting]
        self._open = None
        self._waiting.clear()
        for waiting in failed:
            self.port.failed(waiting.call_id, "disconnected")

    def _received(self, text: str) -> None:
        rpc = self._rpc
        if rpc is None:
            return
        match rpc.receive(text):
            case Call() as call:
                self._asked(rpc, call)
            case Result() as result:
                self._answered(result)
            case Refused() as refused:
                self.port.tell(f"{refused.action}: {refused.code} {refused.description}".rstrip())
                self._end(refused.code)
            case Reply(text=answer, reason=reason):
                self.port.tell(f"answered by itself: {reason}")
                self._transmit(answer)
            case Ignored(reason=reason, text=said):
                self.port.tell(f"ignored: {reason}", text=said)

    def _asked(self, rpc: Rpc, call: Call) -> None:
        if call.action not in FROM_CENTRAL_SYSTEM:
            self._transmit(rpc.refuse(call.id, "NotSupported", f"{call.action} is for a charge point to ask"))
            return
        try:
            values = flatten(call.action, call.payload, response=False)
        except NotFlat as reason:
            self._transmit(rpc.refuse(call.id, reason.code, str(reason)))
            return
        self.port.emit(f"{call.action}Req", call=call.id, **values)

    def _answered(self, result: Result) -> None:
        waiting = self._open
        if waiting is None:
            return
        if waiting.stored:
            self._end(None, payload=result.payload)
            return
        try:
            values = flatten(result.action, result.payload, response=True)
        except NotFlat as reason:
            self.port.tell(f"{result.action}: {reason}")
            self._end(reason.code)
            return
        self._end(None, **values)

    # ------------------------------------------------------------ ours

    def _ask(self, action: str, call_id: str, values: Mapping[str, Any]) -> None:
        self._enqueue(_Waiting(call_id, action, self._nested(action, values, response=False), None, stored=False))

    def send_stored(self, *, call_id: str, id: str, action: str, payload: Any) -> None:
        """A CALL as it was stored."""
        self._enqueue(_Waiting(call_id, action, payload, id, stored=True))

    def _enqueue(self, waiting: _Waiting) -> None:
        if self._rpc is None:
            self.port.failed(waiting.call_id, "not_connected")
        elif len(self._waiting) >= WAITING:
            self.port.failed(waiting.call_id, "full")
        else:
            self._waiting.append(waiting)
            self._next()

    def _next(self) -> None:
        while self._rpc is not None and self._open is None and self._waiting:
            waiting = self._waiting.pop(0)
            try:
                text = self._rpc.call(waiting.action, waiting.payload, waiting.id)
            except ValueError as reason:
                self.port.tell(f"not sent: {reason}")
                self.port.failed(waiting.call_id, "FormationViolation")
                continue
            self._open = waiting
            self._transmit(text)

    def _end(self, failure: str | None, **result: Any) -> None:
        waiting, self._open = self._open, None
        if waiting is not None:
            if failure is None:
                self.port.done(waiting.call_id, **result)
            else:
                self.port.failed(waiting.call_id, failure)
        self._next()

    def cancel_call(self, call_id: str) -> None:
        if self._open is not None and self._open.call_id == call_id and self._rpc is not None:
            self._rpc.give_up()
            self._open = None
            self._next()
        self._waiting = [waiting for waiting in self._waiting if waiting.call_id != call_id]

    # ------------------------------------------------------------ theirs

    def hear_calls(self, *, on: bool) -> None:
        """Whether CALLs of the central system are heard and answered."""
        self._hears_calls = on
        if self._rpc is not None:
            self._rpc.hears_calls = on

    def refuse(self, *, call: str, code: ErrorCode, description: str | None = None) -> None:
        """A CALLERROR. Raises ``AdapterError`` when no such CALL waits."""
        self._say(lambda rpc: rpc.refuse(call, code, description or ""), call)

    def _answer(self, action: str, call: str, values: Mapping[str, Any]) -> None:
        payload = self._nested(action, values, response=True)
        self._say(lambda rpc: rpc.answer(call, payload), call)

    def _say(self, make: Any, call: str) -> None:
        was_of_another = call in self._over
        self._over.discard(call)
        if self._rpc is None or not self._hears_calls:
            return  # with the connection its CALLs are over
        try:
            text = make(self._rpc)
        except KeyError:
            if was_of_another:
                return
            raise AdapterError(f"no CALL '{call}' waits for an answer") from None
        except ValueError as reason:  # our fault; the other side shall not wait for nothing
            self._transmit(self._rpc.refuse(call, "InternalError", "the answer would not fit its schema"))
            raise AdapterError(str(reason)) from None
        self._transmit(text)

    def _nested(self, action: str, values: Mapping[str, Any], *, response: bool) -> dict[str, Any]:
        try:
            return nest(action, values, response=response)
        except NotFlat as reason:
            raise AdapterError(str(reason)) from None

    # ------------------------------------------------------------ the messages (OCPP 1.6 chapters 4 and 5)

    def AuthorizeReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("Authorize", call_id, values)

    def BootNotificationReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("BootNotification", call_id, values)

    def DataTransferReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("DataTransfer", call_id, values)

    def DiagnosticsStatusNotificationReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("DiagnosticsStatusNotification", call_id, values)

    def FirmwareStatusNotificationReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("FirmwareStatusNotification", call_id, values)

    def HeartbeatReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("Heartbeat", call_id, values)

    def LogStatusNotificationReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("LogStatusNotification", call_id, values)

    def MeterValuesReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("MeterValues", call_id, values)

    def SecurityEventNotificationReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("SecurityEventNotification", call_id, values)

    def SignCertificateReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("SignCertificate", call_id, values)

    def SignedFirmwareStatusNotificationReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("SignedFirmwareStatusNotification", call_id, values)

    def StartTransactionReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("StartTransaction", call_id, values)

    def StatusNotificationReq(self, *, call_id: str, info: str | None = None, **values: Any) -> None:
        told = {} if info is None else {"info": info[:50]}  # words for people; CiString50Type
        self._ask("StatusNotification", call_id, values | told)

    def StopTransactionReq(self, *, call_id: str, **values: Any) -> None:
        self._ask("StopTransaction", call_id, values)

    def CancelReservationConf(self, *, call: str, **values: Any) -> None:
        self._answer("CancelReservation", call, values)

    def CertificateSignedConf(self, *, call: str, **values: Any) -> None:
        self._answer("CertificateSigned", call, values)

    def ChangeAvailabilityConf(self, *, call: str, **values: Any) -> None:
        self._answer("ChangeAvailability", call, values)

    def ChangeConfigurationConf(self, *, call: str, **values: Any) -> None:
        self._answer("ChangeConfiguration", call, values)

    def ClearCacheConf(self, *, call: str, **values: Any) -> None:
        self._answer("ClearCache", call, values)

    def ClearChargingProfileConf(self, *, call: str, **values: Any) -> None:
        self._answer("ClearChargingProfile", call, values)

    def DataTransferConf(self, *, call: str, **values: Any) -> None:
        self._answer("DataTransfer", call, values)

    def DeleteCertificateConf(self, *, call: str, **values: Any) -> None:
        self._answer("DeleteCertificate", call, values)

    def ExtendedTriggerMessageConf(self, *, call: str, **values: Any) -> None:
        self._answer("ExtendedTriggerMessage", call, values)

    def GetCompositeScheduleConf(self, *, call: str, **values: Any) -> None:
        self._answer("GetCompositeSchedule", call, values)

    def GetConfigurationConf(self, *, call: str, **values: Any) -> None:
        self._answer("GetConfiguration", call, values)

    def GetDiagnosticsConf(self, *, call: str, **values: Any) -> None:
        self._answer("GetDiagnostics", call, values)

    def GetInstalledCertificateIdsConf(self, *, call: str, **values: Any) -> None:
        self._answer("GetInstalledCertificateIds", call, values)

    def GetLocalListVersionConf(self, *, call: str, **values: Any) -> None:
        self._answer("GetLocalListVersion", call, values)

    def GetLogConf(self, *, call: str, **values: Any) -> None:
        self._answer("GetLog", call, values)

    def InstallCertificateConf(self, *, call: str, **values: Any) -> None:
        self._answer("InstallCertificate", call, values)

    def RemoteStartTransactionConf(self, *, call: str, **values: Any) -> None:
        self._answer("RemoteStartTransaction", call, values)

    def RemoteStopTransactionConf(self, *, call: str, **values: Any) -> None:
        self._answer("RemoteStopTransaction", call, values)

    def ReserveNowConf(self, *, call: str, **values: Any) -> None:
        self._answer("ReserveNow", call, values)

    def ResetConf(self, *, call: str, **values: Any) -> None:
        self._answer("Reset", call, values)

    def SendLocalListConf(self, *, call: str, **values: Any) -> None:
        self._answer("SendLocalList", call, values)

    def SetChargingProfileConf(self, *, call: str, **values: Any) -> None:
        self._answer("SetChargingProfile", call, values)

    def SignedUpdateFirmwareConf(self, *, call: str, **values: Any) -> None:
        self._answer("SignedUpdateFirmware", call, values)

    def TriggerMessageConf(self, *, call: str, **values: Any) -> None:
        self._answer("TriggerMessage", call, values)

    def UnlockConnectorConf(self, *, call: str, **values: Any) -> None:
        self._answer("UnlockConnector", call, values)

    def UpdateFirmwareConf(self, *, call: str, **values: Any) -> None:
        self._answer("UpdateFirmware", call, values)
