"""Coverage-guided fuzzing of V2GTP framing and of captures: any bytes are events, entries or a CaptureError.

    python -m tests.fuzz.fuzz_v2g_wire -max_total_time=60 [CORPUS]

The first octet chooses the target; any other exception is a crash that libFuzzer reports with its input.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys

import atheris

with atheris.instrument_imports(include=["adapters.v2g.v2gtp", "adapters.v2g.pcap"]):
    from adapters.v2g.pcap.container import CaptureError, Packet, packets
    from adapters.v2g.pcap.network import RAW_IP
    from adapters.v2g.pcap.session import read
    from adapters.v2g.pcap.tls import TlsConnection, TlsError, parse_key_log
    from adapters.v2g.v2gtp import BadStream, V2gtpDecoder, V2gtpMessage

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


def capture(data: bytes) -> None:
    """Any file is a listing or a CaptureError."""
    with contextlib.suppress(CaptureError):
        for entry in read(packets(io.BytesIO(data))):
            json.dumps(entry.content)


def segments(data: bytes) -> None:
    """Any TCP segments between two hosts: direction, sequence, flags and payload from the input."""
    captured = []
    while len(data) >= 4:
        direction, sequence, flags, length = data[0] & 1, data[1], data[2] & 7, data[3] % 40
        payload, data = data[4 : 4 + length], data[4 + length :]
        ports = (51000, 61000) if direction else (61000, 51000)
        tcp = struct.pack("!HHIIBBHHH", *ports, 0xFFFF_FFF0 + sequence & 0xFFFF_FFFF, 0, 0x50, flags, 0, 0, 0)
        hosts = bytes(15) + bytes((direction,)) + bytes(15) + bytes((1 - direction,))
        header = struct.pack("!IHBB", 6 << 28, len(tcp) + len(payload), 6, 64)
        captured.append(Packet(0.0, RAW_IP, header + hosts + tcp + payload))
    for entry in read(captured, parse_key_log(_KEY_LOG)):
        json.dumps(entry.content)


def tls(data: bytes) -> None:
    """Any records of both sides, behind a ClientHello that the key log knows."""
    hello = b"\x03\x03" + _RANDOM + bytes(4)
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    connection = TlsConnection(parse_key_log(_KEY_LOG))
    with contextlib.suppress(TlsError):
        connection.receive(True, b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message)
        while len(data) >= 3:
            from_client, kind, length = bool(data[0] & 1), 20 + data[1] % 4, data[2]
            fragment, data = data[3 : 3 + length], data[3 + length :]
            connection.receive(from_client, bytes((kind, 3, 3)) + len(fragment).to_bytes(2, "big") + fragment)


TARGETS = (stream, capture, segments, tls)


def one_input(data: bytes) -> None:
    """One fuzz case."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
