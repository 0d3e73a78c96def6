"""A scripted station on the virtual clock: it answers as the standard has it, unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any

from adapters import v2gtp
from adapters.net.simulated import Host, Stream
from adapters.sdp.messages import SDP_SERVER_PORT, SdpResponse, Security
from adapters.sdp.messages import encode as encode_sdp
from adapters.v2g import codec
from adapters.v2g.dialects import dialect
from tests.charge.bench import MS, NAMESPACES, Bench

PORT = 50_000
Answer = Callable[["ScriptedStation", bytes], None]
"""What to do in place of sending these bytes, the normal answer."""


class ScriptedStation:
    """Pilot at 5 %, SDP, TCP and the V2G answers of a station for the vehicle of a :class:`Bench`.

    ``faults[step]`` is used for the first request of a step (see walk.STEPS) and then gone. ``changes[step]`` are
    changed fields of that step's answers. ``log``: (seconds, step) of every request, of all connections; ``trailing``:
    the steps whose requests had bytes behind their document, and which.
    """

    def __init__(self, bench: Bench, protocol: str = "iso2") -> None:
        self.bench = bench
        self.protocol = protocol
        self.faults: dict[str, Answer] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[float, str]] = []
        self.trailing: dict[str, bytes] = {}
        self.closed_by = ""
        self.units: list[str | None] = []
        """Of EVTargetVoltage, as sent."""
        self.stream: Stream | None = None
        self.ended = 0.0
        self.delivers = True
        self.schema = "sap"
        self.session_id = bytes(7) + b"\x55"
        self._decoder = v2gtp.V2gtpDecoder()
        self.host: Host = Host.of(bench.system.world, bench.port, {"host": "tester", "medium": "wire"})  # type: ignore[arg-type]
        self.host.bind(SDP_SERVER_PORT, self._asked)
        self.host.listen(PORT, self._accepted)
        bench.cable.set_duty(5.0)

    def _asked(self, address: str, port: int, data: bytes) -> None:
        answer = encode_sdp(SdpResponse(IPv6Address(self.host.address), PORT, Security.NONE))
        self.host.send_datagram(address, port, answer, SDP_SERVER_PORT)

    def _accepted(self, stream: Stream) -> None:
        self.stream, self.schema = stream, "sap"
        self._decoder = v2gtp.V2gtpDecoder()
        stream.on_data = self._received
        stream.on_close = self._closed

    def _closed(self, reason: str) -> None:
        self.ended, self.closed_by = self.bench.now_s, reason

    def raw(self, data: bytes) -> None:
        """Bytes of the stream."""
        assert self.stream is not None
        self.stream.write(data)

    def later(self, seconds: float, data: bytes) -> None:
        """Bytes of this connection's stream, some time later."""
        stream = self.stream
        assert stream is not None
        self.bench.port.call_later(round(seconds * 1000) * MS, lambda: stream.write(data))

    # ---------------------------------------------------------------- dialogue

    def _received(self, data: bytes) -> None:
        for event in self._decoder.receive(data):
            assert isinstance(event, v2gtp.V2gtpMessage), event
            self._answer(codec.decode(self.schema, event.payload), event)

    def _answer(self, message: Any, frame: v2gtp.V2gtpMessage) -> None:
        payload = frame.payload
        name, _, body = dialect(self.schema).read(frame.payload_type, payload)
        step = name.removesuffix("Req")
        if step == "PowerDelivery" and self._progress(body) == "Stop":
            step = "PowerDelivery(Stop)"
        self.log.append((self.bench.now_s, step))
        behind = payload[len(codec.encode(message)) :]
        if behind:
            self.trailing[step] = behind
        if self.delivers:
            self._deliver(step, body)
        frame = self.frame(step, **self.changes.get(step, {}))
        fault = self.faults.pop(step, None)
        if fault is None:
            self.raw(frame)
        else:
            fault(self, frame)
        if step == "supportedAppProtocol":
            self.schema = self.protocol

    def _progress(self, body: Any) -> str:
        if self.protocol == "din":
            return "Start" if body.ReadyToChargeState else "Stop"
        return str(body.ChargeProgress)

    def _deliver(self, step: str, body: Any) -> None:
        circuit = self.bench.circuit
        if step == "CableCheck":
            circuit.station_closed = True
        elif step == "PreCharge":
            circuit.set_V, circuit.set_A, circuit.on = self._volts(body), 2.0, True
        elif step == "CurrentDemand":
            self.units.append(body.EVTargetVoltage.Unit)
            circuit.set_V, circuit.set_A = self._volts(body), float(body.EVTargetCurrent.value_in_unit("A"))
        elif step in ("PowerDelivery(Stop)", "SessionStop"):
            circuit.set_A, circuit.on = 0.0, False

    @staticmethod
    def _volts(body: Any) -> float:
        return float(body.EVTargetVoltage.value_in_unit("V"))

    def frame(self, step: str, **changes: Any) -> bytes:
        """The normal answer of a step but for ``changes``, as V2GTP."""
        if step == "supportedAppProtocol":
            usual = {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 1 if self.protocol == "din" else 2}
            message = codec.messages("sap").supportedAppProtocolRes(**usual | changes)
        else:
            name = f"{step.split('(')[0]}Res"
            message = dialect(self.protocol).response(name, {**self._usual(step), **changes}, self.session_id)
        return v2gtp.encode(v2gtp.PayloadType.SAP, codec.encode(message))

    def _usual(self, step: str) -> dict[str, Any]:
        circuit = self.bench.circuit
        limits = {"Voltage": 500.0, "Current": 200.0, "Power": 90_000.0}
        usual: dict[str, Any] = {
            "ResponseCode": "OK_NewSessionEstablished" if step == "SessionSetup" else "OK",
            "SessionID": self.session_id,
            "EVSEID": "ZZ00000",
            "ServiceID": 1,
            "FreeService": True,
            "ServiceCategory": "EVCharging",
            "PaymentOption": ["ExternalPayment"],
            "EnergyTransferMode": ["DC_extended"],
            "EVSEProcessing": "Finished",
            "EVSEStatusCode": "EVSE_Ready",
            "EVSEIsolationStatus": "Valid",
            "EVSENotification": "None",
            "NotificationMaxDelay": 0,
            "EVSEMinimumVoltageLimit": 150.0,
            "EVSEMinimumCurrentLimit": 0.0,
            "EVSEPeakCurrentRipple": 1.0,
            "EVSEPresentVoltage": circuit.output_V,
            "EVSEPresentCurrent": circuit.output_A,
            "EVSECurrentLimitAchieved": False,
            "EVSEVoltageLimitAchieved": False,
            "EVSEPowerLimitAchieved": False,
            "SAScheduleTupleID": [1] if step == "ChargeParameterDiscovery" else 1,
            "start": [0],
            "PMax": [90_000.0 if self.protocol != "din" else 32_767.0],
            "ScheduleDuration": 86_400_000_000_000,
        }
        return usual | {f"EVSEMaximum{what}Limit": value for what, value in limits.items()}


def offers_only(protocol: str) -> tuple[str, ...]:
    """Settings of a vehicle that speaks one protocol, with the schema id the scripted station answers."""
    schema_id = 1 if protocol == "din" else 2
    return (
        f"session.ProtocolNamespace={NAMESPACES[protocol]}",
        "session.VersionNumberMajor=2",
        "session.VersionNumberMinor=0",
        f"session.SchemaID={schema_id}",
        "session.Priority=1",
    )
