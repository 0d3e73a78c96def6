"""From captured packets to what they carry: Ethernet payloads, UDP datagrams and TCP byte streams in order.

Only what a V2G capture needs: Ethernet, Linux cooked and raw IP captures; IPv6 and IPv4 without fragments; TCP with
retransmissions, overlaps, reordering, sequence wrap-around, lost segments and reused ports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from adapters.v2g.pcap.container import Packet

ETHERNET: Final = 1
RAW_IP: Final = 101
LINUX_SLL: Final = 113
LINUX_SLL2: Final = 276

MAX_PENDING_BYTES: Final = 1 << 20
"""Out-of-order bytes kept per direction while waiting for a missing segment."""

FIN, SYN, RST = 0x01, 0x02, 0x04
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
    """A frame that is not IP, from its destination address on (SLAC: EtherType 0x88E1)."""

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


def parse(packet: Packet) -> EthernetFrame | Datagram | Segment | None:
    """What a packet carries; None for anything else, or anything cut short."""
    data = packet.data
    if packet.link_type == ETHERNET:
        ether_type, start = int.from_bytes(data[12:14], "big"), 14
        while ether_type in (0x8100, 0x88A8):  # VLAN tags
            ether_type, start = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
        if ether_type not in (0x86DD, 0x0800):
            return EthernetFrame(ether_type, data) if len(data) >= 14 else None
        return _ip(data[start:])
    if packet.link_type == LINUX_SLL:
        return _ip(data[16:])
    if packet.link_type == LINUX_SLL2:
        return _ip(data[20:])
    if packet.link_type == RAW_IP:
        return _ip(data)
    return None


def _ip(data: bytes) -> Datagram | Segment | None:
    source: _Address
    destination: _Address
    version = data[0] >> 4 if data else 0
    if version == 6 and len(data) >= 40:
        source, destination = IPv6Address(data[8:24]), IPv6Address(data[24:40])
        protocol, payload = data[6], data[40 : 40 + int.from_bytes(data[4:6], "big")]
        while protocol in _EXTENSIONS and len(payload) >= 8:
            protocol, payload = payload[0], payload[8 + payload[1] * 8 :]
    elif version == 4 and len(data) >= 20 and not int.from_bytes(data[6:8], "big") & 0x3FFF:
        source, destination = IPv4Address(data[12:16]), IPv4Address(data[16:20])
        protocol, payload = data[9], data[(data[0] & 0x0F) * 4 : int.from_bytes(data[2:4], "big")]
    else:
        return None
    if len(payload) < 8:
        return None
    source_port, destination_port = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
    ends = Endpoint(source, source_port), Endpoint(destination, destination_port)
    if protocol == 17:
        return Datagram(*ends, payload[8 : int.from_bytes(payload[4:6], "big")])
    if protocol == 6 and len(payload) >= 20:
        sequence = int.from_bytes(payload[4:8], "big")
        return Segment(*ends, sequence, payload[13] & 0x3F, payload[(payload[12] >> 4) * 4 :])
    return None


@dataclass(slots=True)
class Stream:
    """One direction of a TCP connection: segments in, bytes in order out."""

    next_sequence: int | None = None
    lost_bytes: int = 0
    """Bytes given up because their segment never came; the stream goes on behind them."""
    retransmissions: int = 0
    _pending: dict[int, bytes] = field(default_factory=dict)

    def receive(self, segment: Segment) -> bytes:
        """The bytes that this segment makes available, possibly none."""
        sequence = segment.sequence
        if segment.flags & SYN:
            self.next_sequence = (sequence + 1) & 0xFFFF_FFFF
            return b""
        if not segment.payload:
            return b""
        if self.next_sequence is None:
            self.next_sequence = sequence
        ahead = _distance(sequence, self.next_sequence)
        if ahead + len(segment.payload) <= 0:
            self.retransmissions += 1
            return b""
        kept = self._pending.get(sequence, b"")
        if len(segment.payload) > len(kept):
            self._pending[sequence] = segment.payload
        out = self._take()
        if sum(map(len, self._pending.values())) > MAX_PENDING_BYTES:
            out += self.skip_gap()
        return out

    def skip_gap(self) -> bytes:
        """Gives up waiting for the missing segment; the bytes behind it. Empty when nothing is waiting."""
        if not self._pending or self.next_sequence is None:
            return b""
        base = self.next_sequence
        nearest = min(self._pending, key=lambda sequence: _distance(sequence, base))
        self.lost_bytes += _distance(nearest, base)
        self.next_sequence = nearest
        return self._take()

    def _take(self) -> bytes:
        out = bytearray()
        assert self.next_sequence is not None
        while True:
            base = self.next_sequence
            ready = [sequence for sequence in self._pending if _distance(sequence, base) <= 0]
            if not ready:
                return bytes(out)
            for sequence in sorted(ready, key=lambda each: _distance(each, base)):
                payload = self._pending.pop(sequence)
                fresh = payload[max(0, -_distance(sequence, self.next_sequence)) :]
                out += fresh
                self.next_sequence = (self.next_sequence + len(fresh)) & 0xFFFF_FFFF


def _distance(sequence: int, base: int) -> int:
    """How far `sequence` is ahead of `base`, negative when behind (sequence numbers wrap at 32 bits)."""
    return ((sequence - base + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
