"""Key messages between a host and its own modem, and the network id that belongs to a key.

Sources: HomePlug Green PHY 1.1 clauses 11.5.4/5 (CM_SET_KEY) and 11.5.6/7 (CM_GET_KEY), ISO 15118-3 Table A.8,
open-plc-utils ``slac/evse_cm_set_key.c`` and ``key/HPAVKeyNID.c``, pyPLC ``pyPlcHomeplug.py`` (CM_GET_KEY).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

from adapters.slac.mme import Mme, cm_prefix, need, octets

NMK_LENGTH = 16
NID_LENGTH = 7


def nid_from_nmk(nmk: bytes) -> bytes:
    """Network id (7 octets, security level 00) of a network membership key (16 octets).

    SHA-256 five times over the key; its first 52 bits, the last octet holding four of them in its low half
    (open-plc-utils ``key/HPAVKeyNID.c``). Raises ``ValueError`` for a key of another length.
    """
    digest = octets(nmk, NMK_LENGTH, "NMK")
    for _ in range(5):
        digest = sha256(digest).digest()
    return digest[:6] + bytes([digest[6] >> 4])


@dataclass(frozen=True, slots=True)
class CmSetKeyReq(Mme):
    """CM_SET_KEY.REQ: host to own modem, take this NMK and NID. Nonces are 4 octets, ``prn`` a number."""

    NAME: ClassVar[str] = "CM_SET_KEY.REQ"
    MMTYPE: ClassVar[int] = 0x6008
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<B4s4sBHBB7sB16s")

    nid: bytes
    new_key: bytes
    key_type: int = 1
    my_nonce: bytes = b"\x00" * 4
    your_nonce: bytes = b"\x00" * 4
    pid: int = 4
    prn: int = 0
    pmn: int = 0
    cco_capability: int = 0
    new_eks: int = 1

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmSetKeyReq:
        need(frame, at + 38)
        key_type, my, your, pid, prn, pmn, cco, nid, eks, key = cls.LAYOUT.unpack_from(frame, at)
        return cls(frame[:6], frame[6:12], nid, key, key_type, my, your, pid, prn, pmn, cco, eks)

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.key_type,
            octets(self.my_nonce, 4, "my_nonce"),
            octets(self.your_nonce, 4, "your_nonce"),
            self.pid,
            self.prn,
            self.pmn,
            self.cco_capability,
            octets(self.nid, NID_LENGTH, "nid"),
            self.new_eks,
            octets(self.new_key, NMK_LENGTH, "new_key"),
        )


@dataclass(frozen=True, slots=True)
class CmSetKeyCnf(Mme):
    """CM_SET_KEY.CNF: the modem's answer. ``result`` 0 is success in the standard, 1 on a real QCA7000/7005."""

    NAME: ClassVar[str] = "CM_SET_KEY.CNF"
    MMTYPE: ClassVar[int] = 0x6009
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<B4s4sBHBB")

    result: int
    my_nonce: bytes = b"\x00" * 4
    your_nonce: bytes = b"\x00" * 4
    pid: int = 4
    prn: int = 0
    pmn: int = 0
    cco_capability: int = 0

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmSetKeyCnf:
        need(frame, at + 14)
        return cls(frame[:6], frame[6:12], *cls.LAYOUT.unpack_from(frame, at))

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.result,
            octets(self.my_nonce, 4, "my_nonce"),
            octets(self.your_nonce, 4, "your_nonce"),
            self.pid,
            self.prn,
            self.pmn,
            self.cco_capability,
        )


@dataclass(frozen=True, slots=True)
class CmGetKeyReq(Mme):
    """CM_GET_KEY.REQ: does the modem know the key of network ``nid``? ``prn`` is a number."""

    NAME: ClassVar[str] = "CM_GET_KEY.REQ"
    MMTYPE: ClassVar[int] = 0x600C
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BB7s4sBHB")

    request_type: int
    requested_key_type: int
    nid: bytes
    my_nonce: bytes = b"\x00" * 4
    pid: int = 4
    prn: int = 0
    pmn: int = 0

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmGetKeyReq:
        need(frame, at + 17)
        return cls(frame[:6], frame[6:12], *cls.LAYOUT.unpack_from(frame, at))

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.request_type,
            self.requested_key_type,
            octets(self.nid, NID_LENGTH, "nid"),
            octets(self.my_nonce, 4, "my_nonce"),
            self.pid,
            self.prn,
            self.pmn,
        )


@dataclass(frozen=True, slots=True)
class CmGetKeyCnf(Mme):
    """CM_GET_KEY.CNF: ``result`` 0 key granted, 1 refused; a wrong NID is answered with the right one in ``nid``."""

    NAME: ClassVar[str] = "CM_GET_KEY.CNF"
    MMTYPE: ClassVar[int] = 0x600D
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BB4s4s7sBBHB16s")

    result: int
    requested_key_type: int
    my_nonce: bytes
    your_nonce: bytes
    nid: bytes
    eks: int
    pid: int
    prn: int
    pmn: int
    key: bytes

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmGetKeyCnf:
        need(frame, at + 38)
        return cls(frame[:6], frame[6:12], *cls.LAYOUT.unpack_from(frame, at))

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.result,
            self.requested_key_type,
            octets(self.my_nonce, 4, "my_nonce"),
            octets(self.your_nonce, 4, "your_nonce"),
            octets(self.nid, NID_LENGTH, "nid"),
            self.eks,
            self.pid,
            self.prn,
            self.pmn,
            octets(self.key, NMK_LENGTH, "key"),
        )
