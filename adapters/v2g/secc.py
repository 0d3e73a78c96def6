"""The station's V2G messages, part of contract ``v2g_secc``: decodes requests into events, encodes responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.v2g import codec
from adapters.v2g.connection import Connection
from adapters.v2g.counters import NS_PER_S, ResendRules
from adapters.v2g.dialects import DIALECTS, SAP, Dialect, dialect
from adapters.v2g.endpoint import Received, fresh_session_id
from engine.adapter import AdapterError, Port, World


class SeccMessages(Connection):
    """The messages of one host's connection. Orders raise ``AdapterError`` for values that do not fit their message."""

    side = "secc"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._expected: bytes | None = None
        self._unchecked: list[str] = []
        self._always = {"NotificationMaxDelay": 0}  # what every response says that has a field for it
        self._asked: tuple[Dialect, str] | None = None
        self._payload = b""

    def open(self, port: Port) -> None:
        super().open(port)
        for each in DIALECTS.values():  # before a vehicle can be there, not while it waits for its answer
            port.call_later(0, each.load)

    # ---------------------------------------------------------------- requests

    def received(self, message: Received) -> None:
        repeated, self._payload = message.payload == self._payload, message.payload
        name, session_id = message.name, message.session_id
        self._asked = message.dialect, name
        reader = message.dialect.reads_requests.get(name)
        common: dict[str, Any] = {"repeated": repeated, "misfits": message.misfits}
        if session_id is not None:
            common["SessionID"] = session_id
        if not name.endswith("Req") or (session_id is None and reader is None):
            self.endpoint.on_undecodable("unexpected", f"{name} from a vehicle", message.payload_type)
        elif session_id not in (None, self._expected or session_id) and name not in self._unchecked:
            self.port.emit("UnknownSessionReq", message=name, **common)
        elif reader is None:
            self.port.emit("UnsupportedReq", message=name, **common)
        elif name == "SessionSetupReq":
            self.port.emit(name, NewSessionID=fresh_session_id(), **common, **reader(message.body))
        else:
            self.port.emit(name, **common, **reader(message.body))

    # ---------------------------------------------------------------- orders

    def use_protocol(self, *, protocol: str) -> None:
        """Decode and encode by this table from now on. Raises ``ValueError`` when there is none of this name."""
        self.endpoint.dialect = dialect(protocol)
        self.endpoint.dialect.load()

    def expect_session(self, *, SessionID: bytes | None, unchecked: list[str]) -> None:
        """From now on a request with another id is UnknownSessionReq, but for those named ``unchecked`` (None: none
        is); responses carry this id (None: eight zero bytes)."""
        self._expected, self._unchecked = SessionID, unchecked
        self.endpoint.session_id = bytes(8) if SessionID is None else SessionID

    def use_notification_delay(self, *, NotificationMaxDelay: int) -> None:
        """From now on responses ask to follow a notification within this time (ns)."""
        self._always = {"NotificationMaxDelay": NotificationMaxDelay}

    def resend(self) -> None:
        """Send the last response again. Raises ``AdapterError`` when nothing is connected."""
        self.endpoint.resend()

    def use_resend_rules(self, *, enabled: bool, window: int, most: int) -> None:
        """Write these in the line of counters at the end of the connection; ``window`` in ns."""
        self.endpoint.resend_rules = ResendRules(enabled, window / NS_PER_S, most)

    def reject(self, *, ResponseCode: str, **known: Any) -> None:
        """Answer the last request with its response, refused with this code; the response carries those of ``known``
        that it has a field for. Raises ``AdapterError`` when the last request has no response in this protocol."""
        if self._asked is None:
            raise AdapterError("nothing was asked yet that could be answered")
        spoken, name = self._asked
        answer = name.removesuffix("Req") + "Res"
        try:
            message = spoken.refusal(answer, ResponseCode, self._always | known, self.endpoint.session_id)
        except codec.ValidationError as error:
            raise AdapterError(f"{name}: {error}") from error
        if message is None:
            raise AdapterError(f"{spoken.name} has no answer to the last request, {name!r}")
        self.endpoint.send(spoken, answer, message)

    def supportedAppProtocolRes(self, **args: Any) -> None:
        """Answer the handshake."""
        self._respond("supportedAppProtocolRes", args, SAP)

    def _respond(self, name: str, args: Mapping[str, Any], spoken: Dialect | None = None) -> None:
        spoken = spoken or self.endpoint.dialect
        try:
            message = spoken.response(name, {**self._always, **args}, self.endpoint.session_id)
        except codec.ValidationError as error:
            raise AdapterError(f"{name}: {error}") from error
        self.endpoint.send(spoken, name, message)

    # The other responses: the contract has checked names and types of the arguments.

    def SessionSetupRes(self, **args: Any) -> None:
        self._respond("SessionSetupRes", args)

    def ServiceDiscoveryRes(self, **args: Any) -> None:
        self._respond("ServiceDiscoveryRes", args)

    def ServiceDetailRes(self, **args: Any) -> None:
        self._respond("ServiceDetailRes", args)

    def PaymentServiceSelectionRes(self, **args: Any) -> None:
        self._respond("PaymentServiceSelectionRes", args)

    def AuthorizationRes(self, **args: Any) -> None:
        self._respond("AuthorizationRes", args)

    def ChargeParameterDiscoveryRes(self, **args: Any) -> None:
        self._respond("ChargeParameterDiscoveryRes", args)

    def CableCheckRes(self, **args: Any) -> None:
        self._respond("CableCheckRes", args)

    def PreChargeRes(self, **args: Any) -> None:
        self._respond("PreChargeRes", args)

    def PowerDeliveryRes(self, **args: Any) -> None:
        self._respond("PowerDeliveryRes", args)

    def CurrentDemandRes(self, **args: Any) -> None:
        self._respond("CurrentDemandRes", args)

    def WeldingDetectionRes(self, **args: Any) -> None:
        self._respond("WeldingDetectionRes", args)

    def ChargingStatusRes(self, **args: Any) -> None:
        self._respond("ChargingStatusRes", args)

    def MeteringReceiptRes(self, **args: Any) -> None:
        self._respond("MeteringReceiptRes", args)

    def SessionStopRes(self, **args: Any) -> None:
        self._respond("SessionStopRes", args)
