"""Key messages between a host and its own modem, and the network id that belongs to a key.

Sources: HomePlug Green PHY 1.1 clauses 11.5.4/5 (CM_SET_KEY) and 11.5.6/7 (CM_GET_KEY), ISO 15118-3 Table A.8,
open-plc-utils ``slac/evse_cm_set_key.c`` and ``key/HPAVKeyNID.c``, pyPLC ``pyPlcHomeplug.py`` (CM_GET_KEY).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from adapters.slac.fields import Field, octets
from adapters.slac.mme import Mme, message


def nid_from_nmk(nmk: bytes) -> bytes:
    """Network id (7 octets, security level 00) of a network membership key (16 octets).

    SHA-256 five times over the key; its first 52 bits, the last octet holding four of them in its low half
    (open-plc-utils ``key/HPAVKeyNID.c``). Raises ``ValueError`` for a key of another length.
    """
    digest = octets(nmk, 16, "NMK")
    for _ in range(5):
        digest = sha256(digest).digest()
    return digest[:6] + bytes([digest[6] >> 4])


@message(
    "CM_SET_KEY.REQ",
    0x6008,
    Field("key_type", "B"),
    Field("my_nonce", "4s"),
    Field("your_nonce", "4s"),
    Field("pid", "B"),
    Field("prn", "H"),
    Field("pmn", "B"),
    Field("cco_capability", "B"),
    Field("nid", "7s"),
    Field("new_eks", "B"),
    Field("new_key", "16s"),
)
@dataclass(frozen=True, slots=True)
class CmSetKeyReq(Mme):
    """CM_SET_KEY.REQ (11.5.4), from a host to its own modem: take this NMK and NID. Nonces are 4 octets, ``prn`` is a
    number."""

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


@message(
    "CM_SET_KEY.CNF",
    0x6009,
    Field("result", "B"),
    Field("my_nonce", "4s"),
    Field("your_nonce", "4s"),
    Field("pid", "B"),
    Field("prn", "H"),
    Field("pmn", "B"),
    Field("cco_capability", "B"),
)
@dataclass(frozen=True, slots=True)
class CmSetKeyCnf(Mme):
    """CM_SET_KEY.CNF (11.5.5): the answer. ``result`` 0 is success in the standard, 1 on a real QCA7000/7005."""

    result: int
    my_nonce: bytes = b"\x00" * 4
    your_nonce: bytes = b"\x00" * 4
    pid: int = 4
    prn: int = 0
    pmn: int = 0
    cco_capability: int = 0


@message(
    "CM_GET_KEY.REQ",
    0x600C,
    Field("request_type", "B"),
    Field("requested_key_type", "B"),
    Field("nid", "7s"),
    Field("my_nonce", "4s"),
    Field("pid", "B"),
    Field("prn", "H"),
    Field("pmn", "B"),
)
@dataclass(frozen=True, slots=True)
class CmGetKeyReq(Mme):
    """CM_GET_KEY.REQ (11.5.6): does the modem know the key of network ``nid``? ``prn`` is a number."""

    request_type: int
    requested_key_type: int
    nid: bytes
    my_nonce: bytes = b"\x00" * 4
    pid: int = 4
    prn: int = 0
    pmn: int = 0


@message(
    "CM_GET_KEY.CNF",
    0x600D,
    Field("result", "B"),
    Field("requested_key_type", "B"),
    Field("my_nonce", "4s"),
    Field("your_nonce", "4s"),
    Field("nid", "7s"),
    Field("eks", "B"),
    Field("pid", "B"),
    Field("prn", "H"),
    Field("pmn", "B"),
    Field("key", "16s"),
)
@dataclass(frozen=True, slots=True)
class CmGetKeyCnf(Mme):
    """CM_GET_KEY.CNF (11.5.7): ``result`` 0 key granted, 1 refused. The answer to a wrong NID carries the right one."""

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
