"""Reads the packets out of a pcap or pcapng file.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Both byte orders, micro- and nanoseconds; of pcapng the
section, interface, enhanced, simple and obsolete packet blocks, and the decryption secrets block (a TLS key log).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

MAX_PACKET_BYTES: Final = 1 << 18
"""Largest packet or block accepted; capture tools stop at 256 KiB."""


class CaptureError(Exception):
    """The file is not a capture, or it is damaged; the text names the byte."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured packet. `time_s` is seconds since 1970, `link_type` a LINKTYPE_ number of the registry."""

    time_s: float
    link_type: int
    data: bytes
    is_cut: bool = False
    """Whether only the beginning was captured (tcpdump -s)."""


@dataclass(frozen=True, slots=True)
class KeyLog:
    """TLS secrets that a pcapng file carries itself, as text in the NSS key log format."""

    text: str


_MAGIC: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
MAGIC_NUMBERS: Final = frozenset((*_MAGIC, _SECTION))
"""What captures begin with."""
_TLS_KEY_LOG: Final = 0x544C534B


def packets(file: BinaryIO) -> Iterator[Packet | KeyLog]:
    """Every packet in file order; `file` may be a pipe that is still written to.

    Raises CaptureError. A last packet that is cut off (a killed capture) is left out.
    """
    magic = file.read(4)
    if magic in _MAGIC:
        yield from _pcap(file, *_MAGIC[magic])
    elif magic == _SECTION:
        yield from _pcapng(file)
    else:
        raise CaptureError(f"no pcap or pcapng file: starts with {magic.hex() or 'nothing'}")


def _pcap(file: BinaryIO, order: str, unit_s: float) -> Iterator[Packet]:
    rest = file.read(20)
    if len(rest) < 20:
        raise CaptureError("the pcap file header is cut off")
    # The upper bits of the last field say whether frames end with a checksum, and how long it is.
    link_type = struct.unpack(order + "I", rest[16:])[0] & 0x0FFF_FFFF
    start = 24
    while len(header := file.read(16)) == 16:
        seconds, fraction, length, original = struct.unpack(order + "4I", header)
        if length > MAX_PACKET_BYTES:
            raise CaptureError(f"packet of {length} bytes at byte {start}: the file is damaged")
        data = file.read(length)
        start += 16 + length
        if len(data) == length:
            yield Packet(seconds + fraction * unit_s, link_type, data, length < original)


@dataclass(slots=True)
class _Interface:
    link_type: int
    unit_s: float = 1e-6
    offset_s: int = 0


def _pcapng(file: BinaryIO) -> Iterator[Packet | KeyLog]:
    order = "<"
    interfaces: list[_Interface] = []
    kind_bytes = _SECTION
    start = 0
    while len(kind_bytes) == 4:
        length_bytes = file.read(4)
        if kind_bytes == _SECTION:
            byte_order = file.read(4)
            if byte_order not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
                raise CaptureError(f"pcapng section at byte {start} has no byte-order mark")
            order = "<" if byte_order == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
            length_bytes += byte_order
        if len(length_bytes) < 4:
            return
        (length,) = struct.unpack(order + "I", length_bytes[:4])
        if length % 4 or not 12 <= length <= MAX_PACKET_BYTES * 8:
            raise CaptureError(f"pcapng block of {length} bytes at byte {start}: the file is damaged")
        body = file.read(length - 4 - len(length_bytes))
        if len(body) < length - 4 - len(length_bytes):
            return
        (kind,) = struct.unpack(order + "I", kind_bytes)
        try:
            found = _block(kind, body[:-4], order, interfaces)
        except (struct.error, IndexError) as problem:
            raise CaptureError(f"pcapng block 0x{kind:x} at byte {start} is damaged: {problem}") from problem
        if found is not None:
            yield found
        kind_bytes = file.read(4)
        start += length


def _block(kind: int, body: bytes, order: str, interfaces: list[_Interface]) -> Packet | KeyLog | None:
    if kind == 1:  # interface description
        interfaces.append(_interface(body, order))
    elif kind == 6:  # enhanced packet
        number, high, low, captured, original = struct.unpack(order + "5I", body[:20])
        interface = interfaces[number]
        time_s = ((high << 32) | low) * interface.unit_s + interface.offset_s
        return Packet(time_s, interface.link_type, body[20 : 20 + captured], captured < original)
    elif kind == 2:  # packet (obsolete)
        number, _, high, low, captured, original = struct.unpack(order + "2H4I", body[:20])
        interface = interfaces[number]
        time_s = ((high << 32) | low) * interface.unit_s + interface.offset_s
        return Packet(time_s, interface.link_type, body[20 : 20 + captured], captured < original)
    elif kind == 3:  # simple packet: no time, first interface
        (original,) = struct.unpack(order + "I", body[:4])
        return Packet(0.0, interfaces[0].link_type, body[4 : 4 + original], len(body) - 4 < original)
    elif kind == 10:  # decryption secrets
        secrets, length = struct.unpack(order + "2I", body[:8])
        if secrets == _TLS_KEY_LOG:
            return KeyLog(body[8 : 8 + length].decode("ascii", "replace"))
    return None


def _interface(body: bytes, order: str) -> _Interface:
    (link_type,) = struct.unpack(order + "H", body[:2])
    interface = _Interface(link_type)
    options = body[8:]
    while len(options) >= 4:
        code, length = struct.unpack(order + "2H", options[:4])
        value = options[4 : 4 + length]
        if code == 0:
            break
        if code == 9 and value:  # if_tsresol: power of ten, or of two with the upper bit set
            interface.unit_s = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
        elif code == 14:  # if_tsoffset
            (interface.offset_s,) = struct.unpack(order + "q", value)
        options = options[4 + (length + 3) // 4 * 4 :]
    return interface
