"""The station's V2G messages (contract ``secc_messages``): decodes requests into events, encodes responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.settings import filled
from adapters.v2g import codec
from adapters.v2g.codec import Message
from adapters.v2g.endpoint import Endpoint, fresh_session_id
from adapters.v2g.secc_fields import DIN_LACKS, DIN_NAMES, REQUESTS, handshake, refusal, response
from engine.adapter import Adapter, AdapterError, Port, Setting, World


class SeccMessages(Adapter):
    """The messages of one host's connection. Orders raise ``AdapterError`` for values that do not fit their message."""

    behind = ""

    contract = "secc_messages"
    settings: ClassVar[Mapping[str, Setting]] = {
        "host": Setting("string", "evse", "Name of the host; the transport has the same", names="machine")
    }

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"host": f"the V2G messages of station {config['host']!r}"}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._endpoint = Endpoint.of(world, "secc", self.config["host"])
        self._expected: bytes | None = None
        self._unchecked: list[str] = []
        self._always = {"NotificationMaxDelay": 0}  # what every response says that has a field for it
        self._request = ""
        self._payload = b""

    def open(self, port: Port) -> None:
        super().open(port)
        for protocol in ("sap", "din", "iso2"):  # before a vehicle can be there, not while it waits for its answer
            port.call_later(0, lambda protocol=protocol: _load(protocol))  # type: ignore[misc]
        self._endpoint.on_message = self._received

    def close(self) -> None:
        self._endpoint.on_message = lambda name, message, payload: None

    # ---------------------------------------------------------------- requests

    def _received(self, name: str, message: Message, payload: bytes) -> None:
        repeated, self._payload = payload == self._payload, payload
        self._request = name
        if name == "supportedAppProtocolReq":
            self.port.emit(name, repeated=repeated, misfits=self._endpoint.misfits, **handshake(message))
            return
        if not hasattr(message, "Header"):  # another document of the handshake's schema
            self._endpoint.on_undecodable("unexpected", f"{name} from a vehicle")
            return
        session_id: bytes = message.Header.SessionID
        common = {"repeated": repeated, "misfits": self._endpoint.misfits, "SessionID": session_id}
        contract_name = DIN_NAMES.get(name, name)
        lacks = self._endpoint.protocol == "din" and contract_name in DIN_LACKS
        fields = None if lacks else REQUESTS.get(contract_name)
        if not name.endswith("Req"):
            self._endpoint.on_undecodable("unexpected", f"{name} from a vehicle")
        elif self._expected not in (None, session_id) and contract_name not in self._unchecked:
            self.port.emit("UnknownSessionReq", message=contract_name, **common)
        elif fields is None:
            self.port.emit("UnsupportedReq", message=contract_name, **common)
        elif contract_name == "SessionSetupReq":
            body = message.Body.BodyElement  # type: ignore[attr-defined]
            self.port.emit(contract_name, NewSessionID=fresh_session_id(), **common, **fields(body))
        else:
            self.port.emit(contract_name, **common, **fields(message.Body.BodyElement))  # type: ignore[attr-defined]

    # ---------------------------------------------------------------- orders

    def use_protocol(self, *, protocol: str) -> None:
        """Decode and encode with this schema from now on."""
        self._endpoint.protocol = protocol
        codec.messages(protocol)

    def expect_session(self, *, SessionID: bytes | None, unchecked: list[str]) -> None:
        """From now on a request with another id is UnknownSessionReq, but for those named ``unchecked`` (None: none
        is); responses carry this id (None: eight zero bytes)."""
        self._expected, self._unchecked = SessionID, unchecked
        self._endpoint.session_id = bytes(8) if SessionID is None else SessionID

    def use_notification_delay(self, *, NotificationMaxDelay: int) -> None:
        """From now on responses ask to follow a notification within this time (ns)."""
        self._always = {"NotificationMaxDelay": NotificationMaxDelay}

    def resend(self) -> None:
        """Send the last response again. Raises ``AdapterError`` when nothing is connected."""
        self._endpoint.write_bytes(self._endpoint.last_sent)

    def reject(self, *, ResponseCode: str, **known: Any) -> None:
        """Answer the last request with its response, refused with this code; the response carries those of ``known``
        that it has a field for. Raises ``AdapterError`` when the last request has no response in this protocol."""
        protocol = self._endpoint.protocol
        if self._request == "supportedAppProtocolReq":  # the one code the handshake has for any refusal
            self.supportedAppProtocolRes(ResponseCode="Failed_NoNegotiation")
            return
        name = self._request.removesuffix("Req") + "Res"
        kind = getattr(codec.messages(protocol), name, None)
        if kind is None:
            raise AdapterError(f"nothing was asked that {protocol} could answer: last request {self._request!r}")
        try:
            body = refusal(protocol, kind, ResponseCode, self._always | known)
        except codec.ValidationError as error:
            raise AdapterError(f"{name}: {error}") from error
        self._endpoint.send_body(body)

    def supportedAppProtocolRes(self, *, ResponseCode: str, SchemaID: int | None = None) -> None:
        """Answer the handshake."""
        self._endpoint.send(codec.messages("sap").supportedAppProtocolRes(ResponseCode=ResponseCode, SchemaID=SchemaID))

    def _respond(self, name: str, args: Mapping[str, Any]) -> None:
        try:
            body = response(self._endpoint.protocol, name, {**self._always, **args})
        except codec.ValidationError as error:
            raise AdapterError(f"{name}: {error}") from error
        self._endpoint.send_body(body)

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


def _load(protocol: str) -> None:
    codec.messages(protocol)
