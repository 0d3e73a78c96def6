"""Turns the packets of a capture into the messages of a charging session: SLAC, SDP, TCP, TLS, V2GTP and EXI.

The EXI protocol of a connection comes from its supportedAppProtocol handshake; a capture that begins later is tried
with DIN SPEC 70121 and ISO 15118-2 (messages of -20 carry their schema in the payload type).
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Final

from adapters import v2gtp
from adapters.sdp import messages as sdp
from adapters.v2g import codec
from adapters.v2g.dialects import DIALECTS
from adapters.v2g.exi.errors import ExiError
from adapters.v2g.pcap.container import KeyLog, Packet
from adapters.v2g.pcap.network import ACK, FIN, RST, SYN, Datagram, Endpoint, EthernetFrame, Segment, Stream, parse
from adapters.v2g.pcap.tls import Alert, Secrets, TlsConnection, TlsError, parse_key_log
from adapters.v2gtp import PayloadType

HOMEPLUG_ETHER_TYPE: Final = 0x88E1
_HEADER_START: Final = b"\x01\xfe"
_PATIENCE_S: Final = 0.1
_PATIENCE_SEGMENTS: Final = 32
"""How long a segment may be captured too late, although its receiver has acknowledged it already."""
_EXI_TYPES: Final = frozenset((PayloadType.SAP, *v2gtp.EXI_PROTOCOL))

_PROTOCOL_OF_NAMESPACE: Final = {
    **{namespace: next(iter(each.schemas.values())) for each in DIALECTS.values() for namespace in each.namespaces},
    "urn:iso:std:iso:15118:-20:AC": "iso20",
    "urn:iso:std:iso:15118:-20:DC": "iso20",
    "urn:iso:std:iso:15118:-20:WPT": "iso20",
    "urn:iso:std:iso:15118:-20:ACDP": "iso20",
}
_TRIED: Final = ("iso2", "din")
"""What a capture that begins within a session is tried with."""

_FROM_EV: Final = frozenset(
    (
        "CM_SLAC_PARM.REQ",
        "CM_START_ATTEN_CHAR.IND",
        "CM_MNBC_SOUND.IND",
        "CM_ATTEN_CHAR.RSP",
        "CM_VALIDATE.REQ",
        "CM_SLAC_MATCH.REQ",
    )
)
_FROM_EVSE: Final = frozenset(("CM_SLAC_PARM.CNF", "CM_ATTEN_CHAR.IND", "CM_VALIDATE.CNF", "CM_SLAC_MATCH.CNF"))


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One line of the listing.

    `time_s` counts from the first packet. `sender` is EVCC or SECC, empty where that is not known (a modem's frame).
    `protocol` is slac, sdp, tcp, tls, v2gtp or a protocol name of adapters.v2g.codec. `content` is the message in its
    JSON view, or an object with an ``error``.
    """

    time_s: float
    source: str
    destination: str
    sender: str
    protocol: str
    name: str
    content: Any


def read(captured: Iterable[Packet | KeyLog], secrets: Secrets | None = None) -> Iterator[Entry]:
    """Every message of the capture, in the order in which they were complete. A bad message is an entry; none
    raises."""
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
            content = plain(message)
        if isinstance(message, sdp.SdpResponse | sdp.SdpResponseWireless | sdp.SdpResponseEmsp):
            self._secc_ports.add(message.port)
        sender = "EVCC" if datagram.destination.port == sdp.SDP_SERVER_PORT else "SECC"
        name = type(message).__name__
        return Entry(now_s, str(datagram.source), str(datagram.destination), sender, "sdp", name, content)

    def _tcp(self, now_s: float, segment: Segment) -> Iterator[Entry]:
        key = frozenset((segment.source, segment.destination))
        connection = self._connections.get(key)
        is_opening = bool(segment.flags & SYN)
        if connection is None or (is_opening and connection.is_reopened_by(segment)):
            if connection is not None:
                yield from connection.finish(now_s)
            # A SYN goes to the server, its answer comes from there; later on, the port that SDP announced tells.
            from_server = bool(segment.flags & ACK) if is_opening else segment.source.port in self._secc_ports
            client, server = segment.source, segment.destination
            if from_server:
                client, server = server, client
            connection = _Connection(client, server, self._secrets, is_whole=is_opening)
            self._connections[key] = connection
        yield from connection.receive(now_s, segment)


@dataclasses.dataclass(frozen=True, slots=True)
class _WrongLength:
    """A message whose header says another length than what came up to the next header or the end of its segment.

    `instead` is the other way to read it: the message as long as it says, and rubbish behind it.
    """

    message: v2gtp.V2gtpMessage
    said_bytes: int
    instead: tuple[v2gtp.V2gtpMessage, v2gtp.BadStream] | None = None


class _Side:
    """What one end of a connection sends: its bytes in order, and the V2GTP messages in them."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.first_sequence: int | None = None
        self.held = b""
        """Bytes that do not yet tell what they are: the first one of a stream, or the end behind a gap."""
        self._decoder = v2gtp.V2gtpDecoder()
        self._base_bytes = 0
        """Where in the stream the decoder began; `_end_bytes` is how far it has been read."""
        self._end_bytes = 0
        self._is_adrift = False

    @property
    def missing_bytes(self) -> int:
        """How many bytes the message under way still lacks."""
        return self._decoder.missing_bytes

    def lose(self) -> None:
        """Bytes are missing: what follows may begin in the middle of a message."""
        self._restart(self._end_bytes)
        self.held = b""
        self._is_adrift = True

    def _restart(self, at_bytes: int) -> None:
        self._decoder, self._base_bytes = v2gtp.V2gtpDecoder(), at_bytes

    def cut(self) -> _WrongLength | None:
        """The message under way, ended here although its header says that more is to come; None when there is none."""
        pending = self._decoder.pending
        if len(pending) <= v2gtp.HEADER_BYTES:
            return None
        kind, said = PayloadType(int.from_bytes(pending[2:4], "big")), int.from_bytes(pending[4:8], "big")
        return _WrongLength(v2gtp.V2gtpMessage(kind, pending[v2gtp.HEADER_BYTES :]), said)

    def drop(self) -> None:
        """What :meth:`cut` gave is done with."""
        self._restart(self._end_bytes)

    def messages(self, data: bytes) -> list[v2gtp.V2gtpEvent | _WrongLength]:
        """The V2GTP messages that `data` completes; behind a gap, or what is no V2GTP, from the next header on.

        A header at the beginning of a segment ends a message whose length says that it goes on.
        """
        events: list[v2gtp.V2gtpEvent | _WrongLength] = []
        self._end_bytes += len(data)
        if self._is_adrift:
            data = self.held + data
            start = _next_header(data)
            if start is None:
                self.held = data[-(v2gtp.HEADER_BYTES - 1) :]
                return []
            data = data[start:]
            self.held = b""
            self._is_adrift = False
            self._restart(self._end_bytes - len(data))
        elif self._decoder.missing_bytes and _next_header(data) == 0:
            short = self.cut()
            if short is not None:
                events.append(short)
            self._restart(self._end_bytes - len(data))
        while True:
            found = self._decoder.receive(data)
            events += found
            if not (found and isinstance(found[-1], v2gtp.BadStream)):
                return events
            bad = dataclasses.replace(found[-1], offset_bytes=self._base_bytes + found[-1].offset_bytes)
            events[-1] = bad
            rest = data[max(0, len(data) - self._end_bytes + bad.offset_bytes) :]
            start = _next_header(rest, 1)
            if len(found) > 1 and isinstance(last := found[-2], v2gtp.V2gtpMessage):
                longer = v2gtp.V2gtpMessage(last.payload_type, last.payload + rest[:start])
                events[-2:] = [_WrongLength(longer, len(last.payload), (last, bad))]
            if start is None:
                self.lose()
                self.held = rest[-(v2gtp.HEADER_BYTES - 1) :]
                return events
            data = rest[start:]
            self._restart(self._end_bytes - len(data))


def _next_header(data: bytes, start: int = 0) -> int | None:
    """Where the next V2GTP header with an EXI payload begins, from `start` on."""
    start = data.find(_HEADER_START, start)
    while 0 <= start <= len(data) - v2gtp.HEADER_BYTES:
        payload_type, length = int.from_bytes(data[start + 2 : start + 4], "big"), data[start + 4 : start + 8]
        if payload_type in _EXI_TYPES and int.from_bytes(length, "big") <= v2gtp.MAX_PAYLOAD_BYTES:
            return start
        start = data.find(_HEADER_START, start + 1)
    return None


class _Connection:
    def __init__(self, client: Endpoint, server: Endpoint, secrets: Secrets, *, is_whole: bool) -> None:
        self._ends = {True: client, False: server}
        self._secrets = secrets
        self._is_whole = is_whole
        """Whether the capture has the connection from its first packet on."""
        self._sides = {True: _Side(), False: _Side()}
        self._tls: TlsConnection | None = None
        self._is_tls_named = False
        self._is_foreign: bool | None = None
        self._evcc = True
        """Which side the vehicle is: the client, unless the messages show otherwise."""
        self._gap: bool | None = None
        """The side of which bytes are missing that the other one has acknowledged."""
        self._gap_s = 0.0
        self._waiting: list[tuple[float, Segment]] = []
        self._due: deque[tuple[float, Segment]] = deque()
        """Segments to be read now: the one just captured, and those that waited and come before it."""
        self._offers: dict[int, str] = {}
        self._exi: str | None = None

    def is_reopened_by(self, segment: Segment) -> bool:
        """Whether a SYN opens a new connection on the same ports rather than repeat the old one's."""
        side = self._sides[segment.source == self._ends[True]]
        if side.first_sequence is None:
            return side.stream.next_sequence is not None
        return side.first_sequence != segment.sequence

    def receive(self, now_s: float, segment: Segment) -> Iterator[Entry]:
        """The next captured segment of either side."""
        self._due.append((now_s, segment))
        yield from self._read_due()

    def _read_due(self) -> Iterator[Entry]:
        while self._due:
            yield from self._next(*self._due.popleft())

    def _next(self, now_s: float, segment: Segment) -> Iterator[Entry]:
        if self._gap is None:
            yield from self._segment(now_s, segment)
            return
        # The segments behind a gap wait a little: captures of several queues are not quite in order.
        self._waiting.append((now_s, segment))
        from_client = segment.source == self._ends[True]
        if from_client == self._gap and self._sides[self._gap].stream.continues_with(segment):
            self._waiting.pop()
            late, self._waiting, self._gap = self._waiting, [], None
            yield from self._segment(now_s, segment)
            self._due.extendleft(reversed(late))
        elif len(self._waiting) > _PATIENCE_SEGMENTS or now_s > self._gap_s + _PATIENCE_S:
            yield from self._give_up()

    def _segment(self, now_s: float, segment: Segment) -> Iterator[Entry]:
        from_client = segment.source == self._ends[True]
        side, other = self._sides[from_client], self._sides[not from_client]
        if segment.flags & ACK:
            other.stream.acknowledge(segment.acknowledgment)
            if other.stream.has_gap:
                self._gap, self._gap_s, self._waiting = not from_client, now_s, [(now_s, segment)]
                return
        if segment.flags & SYN:
            side.first_sequence = segment.sequence
        data = side.stream.receive(segment)
        if data:
            yield from self._data(now_s, from_client, data)
        if segment.flags & (FIN | RST) and self._is_foreign is False:
            name = "RST" if segment.flags & RST else "FIN"
            yield self._entry(now_s, from_client, "tcp", name, {})
        if side.stream.is_full:
            yield from self._lose(now_s, from_client)
        elif side.stream.has_gap:
            self._gap, self._gap_s = from_client, now_s

    def _give_up(self) -> Iterator[Entry]:
        """What is missing does not come: on with the bytes behind it, and with the segments that waited."""
        if self._gap is not None:
            from_client, waited = self._gap, self._waiting
            self._gap, self._waiting = None, []
            yield from self._lose(self._gap_s, from_client)
            self._due.extendleft(reversed(waited))

    def finish(self, now_s: float) -> Iterator[Entry]:
        """What is still waiting for missing bytes, and what is incomplete."""
        while self._gap is not None:
            yield from self._give_up()
            yield from self._read_due()
        for from_client, side in self._sides.items():
            while not side.stream.is_complete:
                yield from self._lose(now_s, from_client)
            missing = side.missing_bytes
            if missing and self._is_foreign is False:
                content = {"error": f"the last message lacks {missing} bytes"}
                yield self._entry(now_s, from_client, "v2gtp", "incomplete", content)

    def _lose(self, now_s: float, from_client: bool) -> Iterator[Entry]:
        missing, data = self._sides[from_client].stream.skip_gap()
        self._sides[from_client].lose()
        self._is_whole = False
        if self._is_foreign is False:
            content = {"error": f"{missing} bytes are missing from the capture"}
            yield self._entry(now_s, from_client, "tcp", "gap", content)
            if self._tls is not None:
                yield self._undecrypted(now_s, from_client, "records are missing: the rest cannot be decrypted")
        yield from self._data(now_s, from_client, data)

    def _entry(self, now_s: float, from_client: bool, protocol: str, name: str, content: Any) -> Entry:
        source, destination = str(self._ends[from_client]), str(self._ends[not from_client])
        return Entry(
            now_s, source, destination, "EVCC" if from_client == self._evcc else "SECC", protocol, name, content
        )

    def _data(self, now_s: float, from_client: bool, data: bytes) -> Iterator[Entry]:
        if self._is_foreign is None:
            side = self._sides[from_client]
            data, side.held = side.held + data, b""
            if len(data) < 2:
                side.held = data
                return
            self._recognise(data)
        if self._is_foreign is not False:
            return
        if self._tls is None:
            yield from self._plain_data(now_s, from_client, data)
            return
        try:
            for sender, received in self._tls.receive(from_client, data):
                yield from self._tls_name(now_s, from_client)
                if isinstance(received, Alert):
                    content = {"alert" if received.is_harmless else "error": received.text}
                    yield self._entry(now_s, sender, "tls", "alert", content)
                else:
                    yield from self._plain_data(now_s, sender, received)
            yield from self._tls_name(now_s, from_client)
        except TlsError as problem:
            yield self._undecrypted(now_s, from_client, str(problem))

    def _recognise(self, data: bytes) -> None:
        """Tells V2GTP and TLS from other connections by the first bytes of either side."""
        if data[:2] == b"\x16\x03" or (not self._is_whole and data[:2] == b"\x17\x03" and self._is_link_local):
            self._tls = TlsConnection(self._secrets)
            self._is_foreign = False
        elif data[:2] == _HEADER_START:
            self._is_foreign = False
        elif self._is_whole:
            self._is_foreign = True
        # Else a segment in the middle of a message came first: one of the next begins with a header.

    @property
    def _is_link_local(self) -> bool:
        """As V2G connections are; of others in the middle of which a capture begins nothing is said."""
        return all(end.address.version == 6 and end.address.is_link_local for end in self._ends.values())

    def _undecrypted(self, now_s: float, from_client: bool, reason: str) -> Entry:
        self._is_foreign = True
        name = self._tls.suite if self._tls is not None else ""
        return self._entry(now_s, from_client, "tls", name or "TLS", {"error": reason})

    def _tls_name(self, now_s: float, from_client: bool) -> Iterator[Entry]:
        if self._tls is not None and self._tls.suite and not self._is_tls_named:
            self._is_tls_named = True
            yield self._entry(now_s, from_client, "tls", self._tls.suite, {})

    def _plain_data(self, now_s: float, from_client: bool, data: bytes) -> Iterator[Entry]:
        other = self._sides[not from_client]
        answered = other.cut()  # requests and answers take turns: what is answered is whole
        if answered is not None:
            entries = list(self._wrong_length(now_s, not from_client, answered))
            if not any("payload" in entry.content for entry in entries):
                other.drop()
                yield from entries
        for event in self._sides[from_client].messages(data):
            if isinstance(event, _WrongLength):
                yield from self._wrong_length(now_s, from_client, event)
            elif isinstance(event, v2gtp.V2gtpMessage):
                yield self._message(now_s, from_client, event)
            elif isinstance(event, v2gtp.UnknownPayload):
                content = {"error": f"unknown payload type 0x{event.payload_type:04x}, {event.length_bytes} bytes"}
                yield self._entry(now_s, from_client, "v2gtp", "unknown payload", content)
            else:
                yield self._bad_stream(now_s, from_client, event)

    def _bad_stream(self, now_s: float, from_client: bool, event: v2gtp.BadStream) -> Entry:
        content = {"error": f"{event.reason} (byte {event.offset_bytes} of the stream)"}
        return self._entry(now_s, from_client, "v2gtp", "bad stream", content)

    def _wrong_length(self, now_s: float, from_client: bool, event: _WrongLength) -> Iterator[Entry]:
        if event.instead is not None:
            message, bad = event.instead
            entry = self._message(now_s, from_client, message)
            if "payload" not in entry.content:
                yield entry
                yield self._bad_stream(now_s, from_client, bad)
                return
        content = {"error": f"its length says {event.said_bytes} bytes, {len(event.message.payload)} came"}
        yield self._entry(now_s, from_client, "v2gtp", "wrong length", content)
        yield self._message(now_s, from_client, event.message)

    def _message(self, now_s: float, from_client: bool, message: v2gtp.V2gtpMessage) -> Entry:
        candidates = self._candidates(message.payload_type)
        problem: ExiError | None = None
        read: dict[str, Any] = {}
        for protocol in candidates:
            misfits: list[codec.ValidationError] = []
            try:
                read[protocol] = codec.decode(protocol, message.payload, misfits=misfits)
            except ExiError as fault:
                problem = problem or fault
                continue
            if not misfits:  # another protocol's message may be read by chance, but hardly fits
                read = {protocol: read[protocol]}
                break
        if read:
            protocol, document = next(iter(read.items()))
            view = codec.to_json(document)
            if message.payload_type is PayloadType.SAP:
                self._learn(protocol, view)
            name = _name(view)
            if name.endswith(("Req", "Res")):
                self._evcc = from_client == name.endswith("Req")
            return self._entry(now_s, from_client, protocol, name, view)
        reason = f"not decodable as {' or '.join(candidates)}: {problem}" if candidates else "not an EXI payload"
        content = {"error": reason, "payload": message.payload.hex()}
        return self._entry(now_s, from_client, "v2gtp", message.payload_type.name, content)

    def _candidates(self, payload_type: PayloadType) -> tuple[str, ...]:
        fixed = v2gtp.EXI_PROTOCOL.get(payload_type)
        if fixed is not None:
            return (fixed,)
        if payload_type is not PayloadType.SAP:
            return ()
        if self._exi in _TRIED:
            # The handshake once more is against the standard, and worth seeing.
            return (self._exi, "sap")
        # Not known: the capture begins later, lacks the answer, or a namespace of a manufacturer's own was chosen.
        return ("sap",) if self._exi else ("sap", *_TRIED)

    def _learn(self, protocol: str, view: dict[str, Any]) -> None:
        if protocol != "sap":
            self._exi = protocol
            return
        request, response = view.get("supportedAppProtocolReq"), view.get("supportedAppProtocolRes")
        if request is not None:
            self._exi = None
            self._offers = {each["SchemaID"]: each["ProtocolNamespace"] for each in request["AppProtocol"]}
        elif response is not None:
            # SchemaID may be left out where one protocol was offered.
            chosen = response.get("SchemaID", next(iter(self._offers)) if len(self._offers) == 1 else None)
            self._exi = _PROTOCOL_OF_NAMESPACE.get(self._offers.get(chosen, ""))


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
        content = plain(message)
    name = frames.name_of(frame)
    sender = "EVCC" if name in _FROM_EV else "SECC" if name in _FROM_EVSE else ""
    return Entry(now_s, frame[6:12].hex(":"), frame[:6].hex(":"), sender, "slac", name, content)


def plain(value: Any) -> Any:
    """JSON values: octets as hex, enumerations by name, addresses as text, dataclasses as objects."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.name if value.name is not None else value.value
    return value if isinstance(value, int | float | str | None) else str(value)
