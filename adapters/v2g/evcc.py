"""The vehicle's V2G messages, part of contract ``v2g_evcc``: encodes requests, decodes responses into events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.v2g import codec
from adapters.v2g.connection import Connection
from adapters.v2g.dialects import SAP, Dialect, dialect
from adapters.v2g.dialects.evcc import without_units
from adapters.v2g.endpoint import Received
from engine.adapter import AdapterError, World


class EvccMessages(Connection):
    """The messages of one host's connection. Orders raise ``AdapterError`` for values that do not fit their message."""

    side = "evcc"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._expected: bytes | None = None
        self._unchecked: list[str] = []
        self._units = not self.config["omit_units"]
        self._trailing = {self.config["trailing_byte_on"]: 1}

    def received(self, message: Received) -> None:
        name, session_id, body = message.name, message.session_id, message.body
        reader = message.dialect.reads_responses.get(name)
        if reader is None:
            self.endpoint.on_undecodable("unexpected", f"{name} from a station", message.payload_type)
            return
        common: dict[str, Any] = {"ResponseCode": body.ResponseCode}
        if session_id not in (None, self._expected or session_id) and name not in self._unchecked:
            self.port.emit("UnknownSessionRes", message=name, SessionID=session_id, **common)
            return
        if name == "SessionSetupRes":
            common["SessionID"] = session_id
        self.port.emit(name, **common, **reader(body))

    # ---------------------------------------------------------------- orders

    def use_protocol(self, *, protocol: str) -> None:
        """Encode and decode by this table from now on. Raises ``ValueError`` when there is none of this name."""
        self.endpoint.dialect = dialect(protocol)
        self.endpoint.dialect.load()

    def use_session(self, *, SessionID: bytes) -> None:
        """Set the session id of the next headers, 1 to 8 bytes."""
        self.endpoint.session_id = SessionID

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
        self._request("supportedAppProtocolReq", lists, SAP)

    def _request(self, name: str, args: Mapping[str, Any], spoken: Dialect | None = None) -> None:
        spoken = spoken or self.endpoint.dialect
        try:
            message = spoken.request(name, args, self.endpoint.session_id)
        except codec.ValidationError as error:
            raise AdapterError(f"{name}: {error}") from error
        if spoken.units_are_optional and not self._units:
            without_units(message)
        self.endpoint.trailing_bytes = self._trailing.get(name, 0)
        self.endpoint.send(spoken, name, message)

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
        self._request("MeteringReceiptReq", {**args, "SessionID": self.endpoint.session_id})

    def SessionStopReq(self, **args: Any) -> None:
        self._request("SessionStopReq", args)
