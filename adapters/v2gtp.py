"""V2GTP, the 8-byte framing under every V2G message, sans-I/O: bytes in, events out.

Header: protocol version 0x01, its inverse 0xFE, payload type (2 bytes), payload length (4 bytes), big-endian.
Sources: DIN SPEC 70121 8.7.3, ISO 15118-2 7.8.3 Table 10, ISO 15118-20 7.8.3 Table 14.

A TCP stream may split a message anywhere or carry several messages in one segment, so `V2gtpDecoder` reassembles by
length only. It is total: whatever a peer sends becomes an event, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

PROTOCOL_VERSION: Final = 0x01
HEADER_BYTES: Final = 8
MAX_PAYLOAD_BYTES: Final = 1 << 20
"""Default limit of one payload. Real messages stay below 10 kB; price schedules of -20 may grow to some hundred kB."""


class PayloadType(IntEnum):
    """The payload types of all editions, with the names of ISO 15118-20 Table 14."""

    SAP = 0x8001
    """supportedAppProtocol of every edition, and every message of DIN SPEC 70121 and ISO 15118-2."""
    MAINSTREAM = 0x8002
    AC_MAINSTREAM = 0x8003
    DC_MAINSTREAM = 0x8004
    ACDP_MAINSTREAM = 0x8005
    WPT_MAINSTREAM = 0x8006
    SCHEDULE_RENEGOTIATION = 0x8101
    METERING_CONFIRMATION = 0x8102
    ACDP_SYSTEM_STATUS = 0x8103
    PARKING_STATUS = 0x8104
    SDP_REQUEST = 0x9000
    SDP_RESPONSE = 0x9001
    SDP_REQUEST_WIRELESS = 0x9002
    SDP_RESPONSE_WIRELESS = 0x9003
    SDP_REQUEST_EMSP = 0x9004
    """Reserved in Table 14; used by the EMSP extension (see adapters.sdp.messages)."""
    SDP_RESPONSE_EMSP = 0x9005


EXI_PROTOCOL: Final[dict[PayloadType, str]] = {
    PayloadType.MAINSTREAM: "iso20",
    PayloadType.AC_MAINSTREAM: "iso20-ac",
    PayloadType.DC_MAINSTREAM: "iso20-dc",
    PayloadType.ACDP_MAINSTREAM: "iso20-acdp",
    PayloadType.WPT_MAINSTREAM: "iso20-wpt",
    PayloadType.SCHEDULE_RENEGOTIATION: "iso20",
    PayloadType.METERING_CONFIRMATION: "iso20",
    PayloadType.ACDP_SYSTEM_STATUS: "iso20-acdp",
    PayloadType.PARKING_STATUS: "iso20",
}
"""The EXI protocol of adapters.v2g.codec that a payload type fixes. SAP fixes none: "sap" until the handshake is done,
then the protocol it chose."""


@dataclass(frozen=True, slots=True)
class V2gtpMessage:
    """One whole message of a known payload type."""

    payload_type: PayloadType
    payload: bytes


@dataclass(frozen=True, slots=True)
class UnknownPayload:
    """A message of an unknown payload type; its payload is skipped, not kept ([V2G2-083]: it shall be ignored)."""

    payload_type: int
    length_bytes: int


@dataclass(frozen=True, slots=True)
class BadStream:
    """The byte stream is no V2GTP, or a message is larger than allowed: nothing after it can be framed.

    `offset_bytes` counts from the first byte the decoder ever received to the bad header.
    """

    offset_bytes: int
    header: bytes
    reason: str


V2gtpEvent = V2gtpMessage | UnknownPayload | BadStream


def encode(payload_type: PayloadType, payload: bytes) -> bytes:
    """Header and payload. Raises ValueError for a payload whose length does not fit 32 bits."""
    if len(payload) > 0xFFFF_FFFF:
        raise ValueError(f"V2GTP payload of {len(payload)} bytes does not fit the 32-bit length field")
    header = (PROTOCOL_VERSION << 56) | ((PROTOCOL_VERSION ^ 0xFF) << 48) | (payload_type << 32) | len(payload)
    return header.to_bytes(HEADER_BYTES, "big") + payload


class V2gtpDecoder:
    """Reassembles one byte stream (one direction of a TCP connection, or one UDP datagram).

    Memory is bounded by `max_payload_bytes` plus one header. After a `BadStream` event the decoder is dead and
    ignores everything that follows: the connection has to be closed.
    """

    def __init__(self, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        self._max_payload_bytes = max_payload_bytes
        self._buffer = bytearray()
        self._skip_bytes = 0
        self._offset_bytes = 0
        self._dead = False

    @property
    def pending(self) -> bytes:
        """The bytes received of the current header or message; empty between two messages and while one is skipped."""
        return bytes(self._buffer)

    @property
    def missing_bytes(self) -> int:
        """How many bytes the current header or message still lacks; 0 between two messages."""
        if self._skip_bytes or self._dead or not self._buffer:
            return self._skip_bytes
        if len(self._buffer) < HEADER_BYTES:
            return HEADER_BYTES - len(self._buffer)
        return HEADER_BYTES + int.from_bytes(self._buffer[4:8], "big") - len(self._buffer)

    def receive(self, data: bytes) -> list[V2gtpEvent]:
        """Takes the next bytes of the stream, in any segmentation; returns what they complete, in order."""
        events: list[V2gtpEvent] = []
        position = 0
        while position < len(data) and not self._dead:
            if self._skip_bytes:
                taken = min(self._skip_bytes, len(data) - position)
                self._skip_bytes -= taken
                self._offset_bytes += taken
                position += taken
                continue
            # Only what the header or the message still needs is copied, so a flood cannot grow the buffer.
            wanted = self.missing_bytes or HEADER_BYTES
            self._buffer += data[position : position + wanted]
            position += wanted
            event = self._advance()
            if event is not None:
                events.append(event)
        return events

    def _advance(self) -> V2gtpEvent | None:
        buffer = self._buffer
        # The two version bytes are judged as soon as they are there: a wrong peer is told apart at once.
        if buffer[0] != PROTOCOL_VERSION or (len(buffer) > 1 and buffer[1] != PROTOCOL_VERSION ^ 0xFF):
            return self._die(f"not V2GTP version 1: starts with {buffer[:2].hex()}, expected 01fe")
        if len(buffer) < HEADER_BYTES:
            return None
        number = int.from_bytes(buffer[2:4], "big")
        length = int.from_bytes(buffer[4:8], "big")
        if length > self._max_payload_bytes:
            return self._die(f"payload of {length} bytes is larger than the limit of {self._max_payload_bytes}")
        if number not in _KNOWN:
            self._buffer = bytearray()
            self._skip_bytes = length
            self._offset_bytes += HEADER_BYTES
            return UnknownPayload(number, length)
        if len(buffer) < HEADER_BYTES + length:
            return None
        payload = bytes(buffer[HEADER_BYTES:])
        self._buffer = bytearray()
        self._offset_bytes += HEADER_BYTES + length
        return V2gtpMessage(PayloadType(number), payload)

    def _die(self, reason: str) -> BadStream:
        event = BadStream(self._offset_bytes, bytes(self._buffer), reason)
        self._dead = True
        self._buffer = bytearray()
        return event


_KNOWN: Final = frozenset(PayloadType)
