"""Coverage-guided fuzzing of V2GTP framing and of captures: any bytes are events, entries or a CaptureError.

    python -m tests.fuzz.fuzz_v2g_wire -max_total_time=60 [CORPUS]

The first octet chooses the target; any other exception is a crash that libFuzzer reports with its input.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
from collections.abc import Iterator

import atheris

with atheris.instrument_imports(include=["adapters.v2gtp", "adapters.v2g.pcap"]):
    from adapters import v2gtp
    from adapters.v2g.pcap.command import as_json
    from adapters.v2g.pcap.container import CaptureError, Packet, packets
    from adapters.v2g.pcap.listing import Listing
    from adapters.v2g.pcap.network import RAW_IP
    from adapters.v2g.pcap.session import Entry, read
    from adapters.v2g.pcap.tls import TlsConnection, TlsError, parse_key_log
    from adapters.v2gtp import BadStream, V2gtpDecoder, V2gtpMessage

_RANDOM = bytes(range(32))
_KEY_LOG = "\n".join(
    f"{label} {_RANDOM.hex()} {'11' * 48}"
    for label in (
        "CLIENT_RANDOM",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    )
)


def stream(data: bytes) -> None:
    """Pieces of any size give the same events as the whole, and nothing follows a bad stream."""
    if not data:
        return
    size, rest = data[0] % 16 + 1, data[1:]
    whole = V2gtpDecoder(max_payload_bytes=64).receive(rest)
    pieces = V2gtpDecoder(max_payload_bytes=64)
    events = [event for start in range(0, len(rest), size) for event in pieces.receive(rest[start : start + size])]
    assert [type(event) for event in events] == [type(event) for event in whole]
    assert [e for e in events if isinstance(e, V2gtpMessage)] == [e for e in whole if isinstance(e, V2gtpMessage)]
    assert not any(isinstance(event, BadStream) for event in events[:-1])


def shown(entries: Iterator[Entry]) -> None:
    """Both forms of a listing: JSON, and lines that a terminal takes."""
    listing = Listing(width=80)
    for entry in entries:
        as_json(entry)
        for line in listing.lines(entry):
            assert len(line) <= 80
            assert line.isprintable()


def message(data: bytes) -> None:
    """Any EXI document as the first message of a connection, or of one that has chosen ISO 15118-2."""
    tcp = struct.pack("!HHIIBBHHH", 51000, 61000, 1, 0, 0x50, 0, 0, 0, 0)
    payload = v2gtp.encode(v2gtp.PayloadType.SAP, b"\x80" + data)
    header = struct.pack("!IHBB", 6 << 28, len(tcp) + len(payload), 6, 64)
    shown(read([Packet(0.0, RAW_IP, header + bytes(31) + b"\1" + tcp + payload)]))


def capture(data: bytes) -> None:
    """Any file is a listing or a CaptureError."""
    with contextlib.suppress(CaptureError):
        shown(read(packets(io.BytesIO(data))))


def segments(data: bytes) -> None:
    """Any TCP segments between two hosts: direction, sequence, acknowledgment, flags, time, payload from the input."""
    captured: list[Packet] = []
    time_s = 0.0
    while len(data) >= 5:
        direction, flags, length = data[0] & 1, data[2] & 0x17, data[3] % 40
        time_s += (data[0] >> 1) / 1000
        numbers = [(0xFFFF_FFF0 + number) & 0xFFFF_FFFF for number in (data[1], data[4])]
        payload, data = data[5 : 5 + length], data[5 + length :]
        ports = (51000, 61000) if direction else (61000, 51000)
        tcp = struct.pack("!HHIIBBHHH", *ports, *numbers, 0x50, flags, 0, 0, 0)
        hosts = bytes(15) + bytes((direction,)) + bytes(15) + bytes((1 - direction,))
        header = struct.pack("!IHBB", 6 << 28, len(tcp) + len(payload), 6, 64)
        captured.append(Packet(time_s, RAW_IP, header + hosts + tcp + payload))
    shown(read(captured, parse_key_log(_KEY_LOG)))


def tls(data: bytes) -> None:
    """Any records of both sides, behind a ClientHello that the key log knows."""
    hello = b"\x03\x03" + _RANDOM + bytes(4)
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    connection = TlsConnection(parse_key_log(_KEY_LOG))
    with contextlib.suppress(TlsError):
        list(connection.receive(True, b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message))
        while len(data) >= 3:
            from_client, kind, length = bool(data[0] & 1), 20 + data[1] % 4, data[2]
            fragment, data = data[3 : 3 + length], data[3 + length :]
            list(connection.receive(from_client, bytes((kind, 3, 3)) + len(fragment).to_bytes(2, "big") + fragment))


TARGETS = (stream, capture, segments, tls, message)


def one_input(data: bytes) -> None:
    """One fuzz case."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
