"""What every HomePlug management message (MME) has in common: header, padding, the typed error.

Sources: HomePlug Green PHY 1.1 clause 11.1 (MME header, fragmentation octets), the header tables in
open-plc-utils ``mme/homeplug.h`` and ``mme/qualcomm.h``.

Everything here is sans-I/O. MAC addresses, run ids, keys and network ids are octet strings in wire order.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Literal

ETHERTYPE_HOMEPLUG = 0x88E1
BROADCAST = b"\xff" * 6
LOCALCAST = bytes.fromhex("00b052000001")
"""Destination that every Qualcomm modem takes as "the modem on my own cable" (open-plc-utils ``plc/Devices.c``)."""
QUALCOMM_OUI = bytes.fromhex("00b052")

MIN_FRAME = 60
"""Shortest Ethernet frame without its check sequence, octets."""
MAX_FRAME = 1518
"""Longest frame taken: 1500 octets of payload, 14 of header, 4 of a VLAN tag."""

HEADER_END_CM = 19
"""First payload octet of a ``CM_*`` message (after MMV, MMTYPE and the fragmentation octets)."""
HEADER_END_VS = 20
"""First payload octet of a ``VS_*`` message with MMV 0 (after MMV, MMTYPE and OUI)."""
HEADER_END_VS_FMI = 22
"""First payload octet of a ``VS_*`` message with MMV 1 (after MMV, MMTYPE, fragmentation octets and OUI)."""

BadKind = Literal[
    "short",
    "too_long",
    "ethertype",
    "mmv",
    "fragment",
    "unknown_mmtype",
    "unknown_oui",
    "length",
    "value",
    "mvf_length",
    "mvf_length_big_endian",
    "nonconforming",
]


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that is no message we know: why, and from whom.

    ``kind`` is one of :data:`BadKind`; ``mmtype`` is the number in the header (-1 when the frame ends before it);
    ``reason`` names the octet offset and what was expected there; ``source`` is the sender's MAC (may be short).
    """

    kind: BadKind
    mmtype: int
    reason: str
    source: bytes


class FieldError(ValueError):
    """A message was built with a field that has no place on the wire (wrong length or out of range)."""


@dataclass(frozen=True, slots=True)
class Mme:
    """Base of all messages: Ethernet ``destination`` and ``source`` (6 octets each).

    A subclass gives ``NAME`` (the standard's), ``MMTYPE``, ``PREFIX`` (the octets from the ethertype to the payload)
    and ``payload()``; a vendor's message also the ``OUIS`` it is read with.
    """

    NAME: ClassVar[str] = ""
    MMTYPE: ClassVar[int] = -1
    PREFIX: ClassVar[bytes] = b""
    OUIS: ClassVar[tuple[bytes, ...]] = (QUALCOMM_OUI,)

    destination: bytes
    source: bytes

    def payload(self) -> bytes:
        """The octets after the header."""
        raise NotImplementedError(f"{type(self).__name__} has no payload")

    @classmethod
    def parse(cls, frame: bytes, at: int) -> Mme:
        """Read the message whose payload starts at octet ``at``; raises :class:`Malformed`."""
        raise NotImplementedError(f"{cls.__name__} cannot be parsed")

    def encode(self) -> bytes:
        """The whole Ethernet frame, padded with zeros to 60 octets; raises :class:`FieldError`."""
        if len(self.destination) != 6 or len(self.source) != 6:
            raise FieldError(
                f"{self.NAME}: destination and source are 6 octets each,"
                f" not {len(self.destination)} and {len(self.source)}"
            )
        try:
            frame = self.destination + self.source + self.PREFIX + self.payload()
        except (struct.error, ValueError, OverflowError) as error:
            raise FieldError(f"{self.NAME}: {error}") from error
        if len(frame) > MAX_FRAME:
            raise FieldError(f"{self.NAME}: {len(frame)} octets do not fit into one frame of {MAX_FRAME}")
        return frame.ljust(MIN_FRAME, b"\x00")


class Malformed(Exception):
    """Inside the codec only: a payload that breaks its layout. ``decode`` turns it into a :class:`BadFrame`."""

    def __init__(self, kind: BadKind, reason: str) -> None:
        super().__init__(reason)
        self.kind: BadKind = kind
        self.reason = reason


def cm_prefix(mmtype: int) -> bytes:
    """Octets 12…18 of a ``CM_*`` frame: ethertype, MMV 1 (HomePlug AV 1.1), MMTYPE (LE), no fragmentation."""
    return b"\x88\xe1\x01" + mmtype.to_bytes(2, "little") + b"\x00\x00"


def vs_prefix(mmtype: int) -> bytes:
    """Octets 12…19 of a Qualcomm ``VS_*`` frame: ethertype, MMV 0, MMTYPE (LE), OUI."""
    return b"\x88\xe1\x00" + mmtype.to_bytes(2, "little") + QUALCOMM_OUI


def vs_fmi_prefix(mmtype: int) -> bytes:
    """Octets 12…21 of a newer Qualcomm ``VS_*`` frame: ethertype, MMV 1, MMTYPE (LE), no fragmentation, OUI."""
    return b"\x88\xe1\x01" + mmtype.to_bytes(2, "little") + b"\x00\x00" + QUALCOMM_OUI


def octets(value: bytes, length: int, name: str) -> bytes:
    """``value`` when it has exactly ``length`` octets (``struct`` would pad or cut it silently)."""
    if len(value) != length:
        raise ValueError(f"{name} has {length} octets, not {len(value)}")
    return value


def need(frame: bytes, length: int) -> None:
    """Raise :class:`Malformed` when ``frame`` is shorter than ``length`` octets."""
    if len(frame) < length:
        raise Malformed("short", f"{len(frame)} octets, the layout needs at least {length}")


def counted(frame: bytes, at: int, count: int, what: str) -> bytes:
    """``count`` octets from ``at``; the count came from the frame, so it is checked against the frame's length."""
    if at + count > len(frame):
        raise Malformed(
            "length", f"octet {at - 1}: {count} octets of {what} announced, the frame holds {len(frame) - at}"
        )
    return frame[at : at + count]
