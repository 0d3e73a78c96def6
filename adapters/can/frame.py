"""A CAN 2.0 frame, and what a codec makes of one."""

from __future__ import annotations

from typing import Any, NamedTuple

EXTENDED_MASK = 0x1FFF_FFFF
STANDARD_MASK = 0x7FF


class Frame(NamedTuple):
    """One data frame: ``id`` of 29 bits (11 when not ``extended``), ``data`` of 0 to 8 octets."""

    id: int
    data: bytes
    extended: bool = True

    def __str__(self) -> str:
        """As candump writes it: ``1806E5F4#0BB800640000``."""
        return (
            f"{self.id:08X}#{self.data.hex().upper()}" if self.extended else f"{self.id:03X}#{self.data.hex().upper()}"
        )


class Message(NamedTuple):
    """A frame that was understood. ``values`` are in the units that its family's table names; ``sender`` is who sends
    such a message: ``controller``, ``module``, ``battery`` …"""

    name: str
    sender: str
    values: dict[str, Any]


class Misfit(NamedTuple):
    """A frame that has an identifier of the family and is none of its messages. ``reason`` is for people."""

    reason: str
    frame: Frame
