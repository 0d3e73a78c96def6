"""From captured packets to what they carry: Ethernet payloads, UDP datagrams and TCP byte streams in order.

Only what a V2G capture needs: Ethernet, Linux cooked, loopback and raw IP captures; IPv6 and IPv4 without fragments;
TCP with retransmissions, overlaps, reordering, sequence wrap-around, lost segments and reused ports.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from adapters.v2g.pcap.container import Packet

ETHERNET: Final = 1
RAW_IP: Final = 101
LINUX_SLL: Final = 113
LINUX_SLL2: Final = 276
_IP_STARTS: Final = {0: 4, 12: 0, 14: 0, RAW_IP: 0, 108: 4, 228: 0, 229: 0}
"""Where the IP header starts for the link types that carry nothing else: BSD loopback (0, 108) and raw IP."""
LINK_TYPES: Final = frozenset((ETHERNET, LINUX_SLL, LINUX_SLL2, *_IP_STARTS))
"""The link types that `parse` reads."""

MAX_PENDING_BYTES: Final = 1 << 20
"""Out-of-order bytes kept per direction while waiting for a missing segment, each segment with its overhead."""
_SEGMENT_OVERHEAD_BYTES: Final = 64

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_VLAN_TAGS: Final = frozenset((0x8100, 0x88A8, 0x9100))
_IP: Final = frozenset((0x0800, 0x86DD))
_EXTENSIONS: Final = frozenset((0, 43, 60))
_Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port."""

    address: _Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class EthernetFrame:
    """A frame that is not IP, from its destination address on, without VLAN tags (SLAC: EtherType 0x88E1)."""

    ether_type: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram."""

    source: Endpoint
    destination: Endpoint
    payload: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment."""

    source: Endpoint
    destination: Endpoint
    sequence: int
    flags: int
    payload: bytes
    acknowledgment: int = 0
    """Next byte expected from the other side; counts only with the flag ACK."""


def parse(packet: Packet) -> EthernetFrame | Datagram | Segment | None:
    """The content of a packet; None for any other kind, or when it is cut short."""
    data = packet.data
    if packet.link_type == ETHERNET:
        header, start = data[:12], 12
    elif packet.link_type == LINUX_SLL:
        # Cooked captures (tcpdump -i any) keep the sender's address only; a packet type says whether it was broadcast.
        header, start = _cooked(data[0:2], data[6:12]), 14
    elif packet.link_type == LINUX_SLL2:
        header, start = _cooked(b"\0" + data[10:11], data[12:18]), 20
        data = data[:20] + data[0:2] + data[20:]
    else:
        at = _IP_STARTS.get(packet.link_type)
        return _ip(data[at:]) if at is not None else None
    ether_type, start = int.from_bytes(data[start : start + 2], "big"), start + 2
    while ether_type in _VLAN_TAGS:
        ether_type, start = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
    if ether_type in _IP:
        return _ip(data[start:])
    if len(data) < start:
        return None
    return EthernetFrame(ether_type, header + ether_type.to_bytes(2, "big") + data[start:])


def _cooked(packet_type: bytes, source: bytes) -> bytes:
    """Destination and source of a frame from a cooked header; an unknown destination is all zeros."""
    return (b"\xff" * 6 if packet_type == b"\0\1" else bytes(6)) + source.ljust(6, b"\0")


def _ip(data: bytes) -> Datagram | Segment | None:
    version = data[0] >> 4 if data else 0
    # A length of 0: captured before the network card cut it into packets (segmentation offload).
    if version == 6 and len(data) >= 40:
        source, destination = data[8:24], data[24:40]
        protocol, payload = data[6], data[40 : 40 + (int.from_bytes(data[4:6], "big") or len(data))]
        while protocol in _EXTENSIONS and len(payload) >= 8:
            protocol, payload = payload[0], payload[8 + payload[1] * 8 :]
    elif version == 4 and len(data) >= 20 and not int.from_bytes(data[6:8], "big") & 0x3FFF:
        source, destination = data[12:16], data[16:20]
        protocol, payload = data[9], data[(data[0] & 0x0F) * 4 : int.from_bytes(data[2:4], "big") or len(data)]
    else:
        return None
    if len(payload) < 8:
        return None
    ends = _endpoint(source, payload[:2]), _endpoint(destination, payload[2:4])
    if protocol == 17:
        return Datagram(*ends, payload[8 : int.from_bytes(payload[4:6], "big")])
    if protocol == 6 and len(payload) >= 20:
        sequence, acknowledgment = int.from_bytes(payload[4:8], "big"), int.from_bytes(payload[8:12], "big")
        return Segment(*ends, sequence, payload[13] & 0x3F, payload[(payload[12] >> 4) * 4 :], acknowledgment)
    return None


@lru_cache(maxsize=1024)
def _endpoint(address: bytes, port: bytes) -> Endpoint:
    return Endpoint(IPv6Address(address) if len(address) == 16 else IPv4Address(address), int.from_bytes(port, "big"))


@dataclass(slots=True)
class Stream:
    """One direction of a TCP connection: segments in, bytes in order out.

    Segments that come too early wait for the missing one. When the receiver acknowledges the missing bytes, only the
    capture lacks them, and `skip_gap` continues after them.
    """

    next_sequence: int | None = None
    _taken: int = 0
    """Bytes of the stream up to `next_sequence`: what sequence numbers are without their wrap-around."""
    _acknowledged: int = -1
    _pending: list[tuple[int, bytes]] = field(default_factory=list)
    """Heap of (place in the stream, payload)."""
    _pending_bytes: int = 0

    def receive(self, segment: Segment) -> bytes:
        """The bytes that this segment makes available, possibly none."""
        if segment.flags & SYN:
            if self.next_sequence is None:  # else it is sent once more
                self.next_sequence = (segment.sequence + 1) & 0xFFFF_FFFF
            return b""
        if not segment.payload:
            return b""
        if self.next_sequence is None:
            self.next_sequence = segment.sequence
        place = self._taken + _distance(segment.sequence, self.next_sequence)
        if place + len(segment.payload) <= self._taken:
            return b""
        heapq.heappush(self._pending, (place, segment.payload))
        self._pending_bytes += len(segment.payload) + _SEGMENT_OVERHEAD_BYTES
        return self._take()

    def acknowledge(self, acknowledgment: int) -> None:
        """Notes what the receiver has, from a segment of the other direction."""
        if self.next_sequence is not None:
            place = self._taken + _distance(acknowledgment, self.next_sequence)
            self._acknowledged = max(self._acknowledged, place)

    @property
    def is_complete(self) -> bool:
        """Whether no segment waits for a missing one."""
        return not self._pending

    @property
    def has_gap(self) -> bool:
        """Whether segments wait for bytes that the receiver has."""
        return bool(self._pending) and self._pending[0][0] <= self._acknowledged

    @property
    def is_full(self) -> bool:
        """Whether more waits than can be kept."""
        return self._pending_bytes > MAX_PENDING_BYTES

    def continues_with(self, segment: Segment) -> bool:
        """Whether a segment has the next byte that is missing."""
        if self.next_sequence is None:
            return bool(segment.payload)
        return -len(segment.payload) < _distance(segment.sequence, self.next_sequence) <= 0

    def skip_gap(self) -> tuple[int, bytes]:
        """Gives up waiting: how many bytes are missing, and the bytes behind them; (0, b"") when nothing waits."""
        if not self._pending or self.next_sequence is None:
            return 0, b""
        missing = self._pending[0][0] - self._taken
        self._advance(missing)
        return missing, self._take()

    def _take(self) -> bytes:
        out = bytearray()
        while self._pending and self._pending[0][0] <= self._taken:
            place, payload = heapq.heappop(self._pending)
            self._pending_bytes -= len(payload) + _SEGMENT_OVERHEAD_BYTES
            fresh = payload[self._taken - place :]
            out += fresh
            self._advance(len(fresh))
        return bytes(out)

    def _advance(self, count: int) -> None:
        assert self.next_sequence is not None
        self._taken += count
        self.next_sequence = (self.next_sequence + count) & 0xFFFF_FFFF


def _distance(sequence: int, base: int) -> int:
    """How far `sequence` is ahead of `base`, negative when behind (sequence numbers wrap at 32 bits)."""
    return ((sequence - base + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
