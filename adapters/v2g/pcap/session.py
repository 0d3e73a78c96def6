"""Turns the packets of a capture into the messages of a charging session: SLAC, SDP, TCP, TLS, V2GTP and EXI.

The EXI protocol of a connection comes from its supportedAppProtocol handshake; a capture that begins later is tried
with DIN SPEC 70121 and ISO 15118-2 (messages of -20 carry their schema in the payload type).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Final

from adapters.sdp import messages as sdp
from adapters.v2g import codec, v2gtp
from adapters.v2g.exi.errors import ExiError
from adapters.v2g.pcap.container import KeyLog, Packet
from adapters.v2g.pcap.network import FIN, RST, SYN, Datagram, Endpoint, EthernetFrame, Segment, Stream, parse
from adapters.v2g.pcap.tls import Secrets, TlsConnection, TlsError, parse_key_log
from adapters.v2g.v2gtp import PayloadType

HOMEPLUG_ETHER_TYPE: Final = 0x88E1

_PROTOCOL_OF_NAMESPACE: Final = {
    "urn:din:70121:2012:MsgDef": "din",
    "urn:iso:15118:2:2013:MsgDef": "iso2",
    "urn:iso:std:iso:15118:-20:AC": "iso20",
    "urn:iso:std:iso:15118:-20:DC": "iso20",
    "urn:iso:std:iso:15118:-20:WPT": "iso20",
    "urn:iso:std:iso:15118:-20:ACDP": "iso20",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One line of the listing.

    `time_s` counts from the first packet. `protocol` is slac, sdp, tcp, tls, v2gtp or a protocol name of
    adapters.v2g.codec. `content` is the message in its JSON view, or an object with an ``error``.
    """

    time_s: float
    source: str
    destination: str
    protocol: str
    name: str
    content: Any


def read(captured: Iterable[Packet | KeyLog], secrets: Secrets | None = None) -> Iterator[Entry]:
    """Every message of the capture, in the order in which they were complete. Bad ones are entries, never raised."""
    return _Capture(dict(secrets or {})).run(captured)


class _Capture:
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._connections: dict[frozenset[Endpoint], _Connection] = {}
        self._secc_ports: set[int] = set()

    def run(self, captured: Iterable[Packet | KeyLog]) -> Iterator[Entry]:
        start_s: float | None = None
        now_s = 0.0
        for item in captured:
            if isinstance(item, KeyLog):
                self._secrets.update(parse_key_log(item.text))
                continue
            start_s = item.time_s if start_s is None else start_s
            now_s = item.time_s - start_s
            found = parse(item)
            if isinstance(found, EthernetFrame):
                if found.ether_type == HOMEPLUG_ETHER_TYPE:
                    yield _slac(now_s, found.data)
            elif isinstance(found, Datagram):
                if sdp.SDP_SERVER_PORT in (found.source.port, found.destination.port):
                    yield self._sdp(now_s, found)
            elif isinstance(found, Segment):
                yield from self._tcp(now_s, found)
        for connection in self._connections.values():
            yield from connection.finish(now_s)

    def _sdp(self, now_s: float, datagram: Datagram) -> Entry:
        message = sdp.decode(datagram.payload)
        if isinstance(message, sdp.BadDatagram):
            content: Any = {"error": message.reason, "data": datagram.payload.hex()}
        else:
            content = _plain(message)
        if isinstance(message, sdp.SdpResponse | sdp.SdpResponseWireless | sdp.SdpResponseEmsp):
            self._secc_ports.add(message.port)
        return Entry(now_s, str(datagram.source), str(datagram.destination), "sdp", type(message).__name__, content)

    def _tcp(self, now_s: float, segment: Segment) -> Iterator[Entry]:
        key = frozenset((segment.source, segment.destination))
        connection = self._connections.get(key)
        is_opening = bool(segment.flags & SYN)
        if connection is None or (is_opening and connection.is_reopened_by(segment)):
            if connection is not None:
                yield from connection.finish(now_s)
            # A SYN goes to the server; later on, the port that SDP announced tells.
            from_server = segment.source.port in self._secc_ports and not is_opening
            client, server = segment.source, segment.destination
            if from_server:
                client, server = server, client
            connection = _Connection(client, server, self._secrets)
            self._connections[key] = connection
        yield from connection.receive(now_s, segment)


class _Connection:
    def __init__(self, client: Endpoint, server: Endpoint, secrets: Secrets) -> None:
        self._ends = {True: client, False: server}
        self._secrets = secrets
        self._streams = {True: Stream(), False: Stream()}
        self._decoders = {True: v2gtp.V2gtpDecoder(), False: v2gtp.V2gtpDecoder()}
        self._tls: TlsConnection | None = None
        self._is_tls_named = False
        self._is_foreign: bool | None = None
        self._held: dict[bool, bytes] = {}
        """A first byte alone, which does not yet tell what the connection carries."""
        self._isn: dict[bool, int] = {}
        self._offers: dict[int, str] = {}
        self._exi: str | None = None
        self._is_handshake_seen = False

    def is_reopened_by(self, segment: Segment) -> bool:
        """Whether a SYN opens a new connection on the same ports rather than repeat the old one's."""
        known = self._isn.get(segment.source == self._ends[True])
        return known is not None and known != segment.sequence

    def receive(self, now_s: float, segment: Segment) -> Iterator[Entry]:
        from_client = segment.source == self._ends[True]
        if segment.flags & SYN:
            self._isn[from_client] = segment.sequence
        data = self._streams[from_client].receive(segment)
        if data:
            yield from self._data(now_s, from_client, data)
        if segment.flags & (FIN | RST) and self._is_foreign is False:
            name = "RST" if segment.flags & RST else "FIN"
            yield self._entry(now_s, from_client, "tcp", name, {})

    def finish(self, now_s: float) -> Iterator[Entry]:
        """What a gap held back, and what was lost."""
        for from_client, stream in self._streams.items():
            while data := stream.skip_gap():
                yield from self._data(now_s, from_client, data)
            if stream.lost_bytes and self._is_foreign is False:
                content = {"error": f"{stream.lost_bytes} bytes are missing from the capture"}
                yield self._entry(now_s, from_client, "tcp", "gap", content)
            missing = self._decoders[from_client].missing_bytes
            if missing and self._is_foreign is False and not stream.lost_bytes:
                content = {"error": f"the last message lacks {missing} bytes"}
                yield self._entry(now_s, from_client, "v2gtp", "incomplete", content)

    def _entry(self, now_s: float, from_client: bool, protocol: str, name: str, content: Any) -> Entry:
        return Entry(now_s, str(self._ends[from_client]), str(self._ends[not from_client]), protocol, name, content)

    def _data(self, now_s: float, from_client: bool, data: bytes) -> Iterator[Entry]:
        data = self._held.pop(from_client, b"") + data
        if self._is_foreign is None:
            if len(data) < 2:
                self._held[from_client] = data
                return
            if data[:2] == b"\x16\x03":
                self._tls = TlsConnection(self._secrets)
            self._is_foreign = self._tls is None and data[:2] != b"\x01\xfe"
        if self._is_foreign:
            return
        if self._tls is None:
            yield from self._plain_data(now_s, from_client, data)
            return
        try:
            received = self._tls.receive(from_client, data)
        except TlsError as problem:
            self._is_foreign = True
            yield self._entry(now_s, from_client, "tls", self._tls.suite or "TLS", {"error": str(problem)})
            return
        if self._tls.suite and not self._is_tls_named:
            self._is_tls_named = True
            yield self._entry(now_s, from_client, "tls", self._tls.suite, {})
        for side, plain in received:
            yield from self._plain_data(now_s, side, plain)

    def _plain_data(self, now_s: float, from_client: bool, data: bytes) -> Iterator[Entry]:
        for event in self._decoders[from_client].receive(data):
            if isinstance(event, v2gtp.V2gtpMessage):
                yield self._message(now_s, from_client, event)
            elif isinstance(event, v2gtp.UnknownPayload):
                content = {"error": f"unknown payload type 0x{event.payload_type:04x}, {event.length_bytes} bytes"}
                yield self._entry(now_s, from_client, "v2gtp", "unknown payload", content)
            else:
                self._is_foreign = True
                content = {"error": f"{event.reason} (byte {event.offset_bytes} of the stream)"}
                yield self._entry(now_s, from_client, "v2gtp", "bad stream", content)

    def _message(self, now_s: float, from_client: bool, message: v2gtp.V2gtpMessage) -> Entry:
        candidates = self._candidates(message.payload_type)
        problem: ExiError | None = None
        for protocol in candidates:
            try:
                view = codec.to_json(codec.decode(protocol, message.payload))
            except ExiError as fault:
                problem = problem or fault
                continue
            if message.payload_type is PayloadType.SAP:
                self._learn(protocol, view)
            return self._entry(now_s, from_client, protocol, _name(view), view)
        reason = f"not decodable as {' or '.join(candidates)}: {problem}" if candidates else "not an EXI payload"
        content = {"error": reason, "payload": message.payload.hex()}
        return self._entry(now_s, from_client, "v2gtp", message.payload_type.name, content)

    def _candidates(self, payload_type: PayloadType) -> tuple[str, ...]:
        fixed = v2gtp.EXI_PROTOCOL.get(payload_type)
        if fixed is not None:
            return (fixed,)
        if payload_type is not PayloadType.SAP:
            return ()
        if self._exi in ("din", "iso2"):
            return (self._exi,)
        return ("sap",) if self._is_handshake_seen else ("sap", "iso2", "din")

    def _learn(self, protocol: str, view: dict[str, Any]) -> None:
        if protocol != "sap":
            self._exi = protocol
            return
        self._is_handshake_seen = True
        request, response = view.get("supportedAppProtocolReq"), view.get("supportedAppProtocolRes")
        if request is not None:
            self._offers = {each["SchemaID"]: each["ProtocolNamespace"] for each in request["AppProtocol"]}
        elif response is not None and "SchemaID" in response:
            self._exi = _PROTOCOL_OF_NAMESPACE.get(self._offers.get(response["SchemaID"], ""))


def _name(view: dict[str, Any]) -> str:
    """The name of a message: in V2G_Message that of its body element."""
    root = next(iter(view))
    if root != "V2G_Message":
        return root
    return next(iter(view[root].get("Body", {})), root)


def _slac(now_s: float, frame: bytes) -> Entry:
    # Imported here: a capture without SLAC needs no SLAC codec.
    from adapters.slac import frames

    message = frames.decode(frame)
    if isinstance(message, frames.BadFrame):
        content: Any = {"error": message.reason, "frame": frame.hex()}
    else:
        content = _plain(message)
    return Entry(now_s, frame[6:12].hex(":"), frame[:6].hex(":"), "slac", frames.name_of(frame), content)


def _plain(value: Any) -> Any:
    """JSON values: octets as hex, enumerations by name, addresses as text, dataclasses as objects."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.name if value.name is not None else value.value
    return value if isinstance(value, int | float | str | None) else str(value)
