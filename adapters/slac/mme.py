"""What every HomePlug management message (MME) has in common: header, padding, the typed error.

Sources: HomePlug Green PHY 1.1 clause 11.1 (MME header, fragmentation octets), the header tables in open-plc-utils
``mme/homeplug.h`` and ``mme/qualcomm.h``.

Everything here is sans-I/O. MAC addresses, run ids, keys and network ids are octet strings in wire order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from adapters.slac.fields import BadKind, Field, Items, Table, When

ETHERTYPE_HOMEPLUG = 0x88E1
BROADCAST = b"\xff" * 6
LOCALCAST = bytes.fromhex("00b052000001")
"""Destination that every Qualcomm modem takes as "the modem on my own cable" (open-plc-utils ``plc/Devices.c``)."""
QUALCOMM_OUI = bytes.fromhex("00b052")

MIN_FRAME = 60
"""Shortest Ethernet frame without its check sequence, octets."""
MAX_FRAME = 1518
"""Longest frame taken: 1500 octets of payload, 14 of header, 4 of a VLAN tag."""

FIRST_VS = 0xA000
"""First MMTYPE of the ``VS_*`` messages, which have an OUI."""
HEADER_END_CM = 19
"""First payload octet of a ``CM_*`` message (after MMV, MMTYPE and the fragmentation octets)."""
HEADER_END_VS = 20
"""First payload octet of a ``VS_*`` message with MMV 0 (after MMV, MMTYPE and OUI)."""
HEADER_END_VS_FMI = 22
"""First payload octet of a ``VS_*`` message with MMV 1 (after MMV, MMTYPE, fragmentation octets and OUI)."""


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that is not a known message, and the reason.

    ``kind`` is one of :data:`BadKind`; ``mmtype`` is the number in the header (-1 when the frame ends before it);
    ``reason`` names the octet offset and what was expected there; ``source`` is the sender's MAC (may be short).
    ``message`` is the content when a wrong MVFLength is overlooked (some vehicles send it big endian).
    """

    kind: BadKind
    mmtype: int
    reason: str
    source: bytes
    message: Mme | None = None


class FieldError(ValueError):
    """A message has a field that does not fit the wire (wrong length or out of range)."""


@dataclass(frozen=True, slots=True)
class Mme:
    """Base of all messages: Ethernet ``destination`` and ``source`` (6 octets each).

    :func:`message` gives a subclass its class variables: ``NAME`` (the standard's), ``MMTYPE``, ``PREFIX`` (the octets
    from the ethertype to the payload), ``OUIS`` (those a vendor's message is accepted with), ``TABLES`` of the whole
    frame (MMV 0, newer) and ``SENT``, the one of the two it is sent by.
    """

    NAME: ClassVar[str] = ""
    MMTYPE: ClassVar[int] = -1
    PREFIX: ClassVar[bytes] = b""
    OUIS: ClassVar[tuple[bytes, ...]] = (QUALCOMM_OUI,)
    TABLES: ClassVar[tuple[Table, Table]]
    SENT: ClassVar[Table]

    destination: bytes
    source: bytes

    def encode(self) -> bytes:
        """The whole Ethernet frame, padded with zeros to 60 octets. Raises :class:`FieldError`."""
        try:
            frame = self.SENT.write(self)
        except (struct.error, ValueError, OverflowError) as error:
            raise FieldError(f"{self.NAME}: {error}") from error
        if len(frame) > MAX_FRAME:
            raise FieldError(f"{self.NAME}: {len(frame)} octets do not fit into one frame of {MAX_FRAME}")
        return frame.ljust(MIN_FRAME, b"\x00")


BY_MMTYPE: dict[int, type[Mme]] = {}
"""Every message class, by MMTYPE; filled by :func:`message`."""

M = TypeVar("M", bound=Mme)


def message(
    name: str,
    mmtype: int,
    *payload: Field | Items | When,
    mmv: int | None = None,
    mmv_0: Sequence[Field | Items | When] = (),
    ouis: tuple[bytes, ...] = (QUALCOMM_OUI,),
) -> Callable[[type[M]], type[M]]:
    """Make a dataclass the message ``name``. ``mmv_0`` is its ``payload`` with MMV 0 where that differs.

    A ``VS_*`` message is sent with MMV 0 and without fragmentation octets, or in the newer form with ``mmv`` 1.
    """

    def completed(made: type[M]) -> type[M]:
        vendors = mmtype >= FIRST_VS
        number = (0 if vendors else 1) if mmv is None else mmv
        head = b"\x88\xe1" + bytes((number,)) + mmtype.to_bytes(2, "little") + bytes(2 if number else 0)
        made.NAME, made.MMTYPE, made.OUIS = name, mmtype, ouis
        made.PREFIX = head + (QUALCOMM_OUI if vendors else b"")
        addresses = Field("destination", "6s"), Field("source", "6s")
        made.TABLES = (
            Table(made, *addresses, Field("PREFIX", "8s"), *(mmv_0 or payload)),
            Table(made, *addresses, Field("PREFIX", "10s" if vendors else "7s"), *payload),
        )
        made.SENT = made.TABLES[number]
        BY_MMTYPE[mmtype] = made
        return made

    return completed
