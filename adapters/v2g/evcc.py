"""The vehicle's V2G messages (contract ``evcc_messages``): encodes requests, decodes responses into events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.settings import filled
from adapters.v2g import codec
from adapters.v2g.codec import Message
from adapters.v2g.endpoint import Endpoint
from adapters.v2g.evcc_fields import RESPONSES, contract_name, request
from adapters.v2g.secc_fields import DIN_LACKS
from engine.adapter import Adapter, AdapterError, Port, Setting, World


class EvccMessages(Adapter):
    """The messages of one host's connection. Orders raise ``AdapterError`` for values that do not fit their message."""

    behind = ""

    contract = "evcc_messages"
    settings: ClassVar[Mapping[str, Setting]] = {
        "host": Setting("string", "pev", "Name of the host; the transport has the same", names="machine"),
        "trailing_byte_on": Setting(
            "string",
            "",
            "Name of the request behind whose message one zero byte follows, as of some vehicles; empty: none",
        ),
        "omit_units": Setting(
            "bool",
            False,
            "Leave out the optional Unit of DIN's physical values, as some vehicles do; ISO 15118-2 has no such option",
        ),
    }

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"host": f"the V2G messages of vehicle {config['host']!r}"}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._endpoint = Endpoint.of(world, "evcc", self.config["host"])
        self._expected: bytes | None = None
        self._unchecked: list[str] = []
        self._units = not self.config["omit_units"]
        self._trailing = {self.config["trailing_byte_on"]: 1}

    def open(self, port: Port) -> None:
        super().open(port)
        self._endpoint.on_message = self._received

    def close(self) -> None:
        self._endpoint.on_message = lambda name, message, payload: None

    def _received(self, name: str, message: Message, payload: bytes) -> None:
        if self._endpoint.protocol == "sap":
            if name == "supportedAppProtocolRes":
                answer: Any = message
                self.port.emit(name, ResponseCode=answer.ResponseCode, SchemaID=answer.SchemaID)
            else:
                self._endpoint.on_undecodable("unexpected", f"{name} from a station")
            return
        name = contract_name(self._endpoint.protocol, name)
        lacks = self._endpoint.protocol == "din" and name in DIN_LACKS
        fields = None if lacks else RESPONSES.get(name)
        if fields is None:
            self._endpoint.on_undecodable("unexpected", f"{name} from a station")
            return
        whole: Any = message
        session_id: bytes = whole.Header.SessionID
        body = whole.Body.BodyElement
        common: dict[str, Any] = {"ResponseCode": body.ResponseCode}
        if self._expected not in (None, session_id) and name not in self._unchecked:
            self.port.emit("UnknownSessionRes", message=name, SessionID=session_id, **common)
            return
        if name == "SessionSetupRes":
            common["SessionID"] = session_id
        self.port.emit(name, **common, **fields(body))

    # ---------------------------------------------------------------- orders

    def use_protocol(self, *, protocol: str) -> None:
        """Encode and decode with this schema from now on."""
        self._endpoint.protocol = protocol
        codec.messages(protocol)

    def use_session(self, *, SessionID: bytes) -> None:
        """Set the session id of the next headers, 1 to 8 bytes."""
        self._endpoint.session_id = SessionID

    def expect_session(self, *, SessionID: bytes | None, unchecked: list[str]) -> None:
        """From now on a response with another id is UnknownSessionRes, but for those named ``unchecked`` (None: none
        is)."""
        self._expected, self._unchecked = SessionID, unchecked

    def leave_out_units(self) -> None:
        """From now on send DIN's physical values without their unit."""
        self._units = False

    def trailing_bytes(self, *, message: str, count: int) -> None:
        """From now on append ``count`` zero bytes to every request of this name."""
        self._trailing[message] = count

    def supportedAppProtocolReq(self, **lists: Any) -> None:
        """Send the handshake: lists of equal length, one element per schema. Raises ``AdapterError`` when their lengths
        differ."""
        sap = codec.messages("sap")
        names = ("ProtocolNamespace", "VersionNumberMajor", "VersionNumberMinor", "SchemaID", "Priority")
        if len({len(lists[name]) for name in names}) != 1:
            raise AdapterError("supportedAppProtocolReq: the five lists must have the same length")
        offers = [
            sap.AppProtocolType(**dict(zip(names, row, strict=True)))
            for row in zip(*(lists[name] for name in names), strict=True)
        ]
        self._endpoint.trailing_bytes = self._trailing.get("supportedAppProtocolReq", 0)
        self._endpoint.send(sap.supportedAppProtocolReq(AppProtocol=offers))

    def _request(self, name: str, args: Mapping[str, Any]) -> None:
        try:
            body = request(self._endpoint.protocol, name, args, units=self._units)
        except codec.ValidationError as error:
            raise AdapterError(f"{name}: {error}") from error
        self._endpoint.trailing_bytes = self._trailing.get(name, 0)
        self._endpoint.send_body(body)

    # The other requests: the contract has checked names and types of the arguments.

    def SessionSetupReq(self, **args: Any) -> None:
        self._request("SessionSetupReq", args)

    def ServiceDiscoveryReq(self, **args: Any) -> None:
        self._request("ServiceDiscoveryReq", args)

    def PaymentServiceSelectionReq(self, **args: Any) -> None:
        self._request("PaymentServiceSelectionReq", args)

    def AuthorizationReq(self, **args: Any) -> None:
        self._request("AuthorizationReq", args)

    def ChargeParameterDiscoveryReq(self, **args: Any) -> None:
        self._request("ChargeParameterDiscoveryReq", args)

    def CableCheckReq(self, **args: Any) -> None:
        self._request("CableCheckReq", args)

    def PreChargeReq(self, **args: Any) -> None:
        self._request("PreChargeReq", args)

    def PowerDeliveryReq(self, **args: Any) -> None:
        self._request("PowerDeliveryReq", args)

    def CurrentDemandReq(self, **args: Any) -> None:
        self._request("CurrentDemandReq", args)

    def WeldingDetectionReq(self, **args: Any) -> None:
        self._request("WeldingDetectionReq", args)

    def ChargingStatusReq(self, **args: Any) -> None:
        self._request("ChargingStatusReq", args)

    def MeteringReceiptReq(self, **args: Any) -> None:
        self._request("MeteringReceiptReq", {**args, "SessionID": self._endpoint.session_id})

    def SessionStopReq(self, **args: Any) -> None:
        self._request("SessionStopReq", args)
