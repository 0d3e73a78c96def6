"""The messages of SLAC matching between two hosts, and what the EVSE's modem reports about heard sounds.

Sources: HomePlug Green PHY 1.1 clauses 11.5.45 … 11.5.58, ISO 15118-3 Annex A, open-plc-utils ``slac/slac.h``.
Offsets in the docstrings count from the first octet of the Ethernet frame. ``run_id`` is 8 octets, ids are 17 octets,
attenuations are octets of whole dB per carrier group.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from adapters.slac.mme import BROADCAST, Malformed, Mme, cm_prefix, counted, need, octets

GROUPS = 58
"""Carrier groups of a Green PHY attenuation profile."""
RUN_ID_LENGTH = 8
STATION_ID_LENGTH = 17
NO_ID = b"\x00" * STATION_ID_LENGTH


@dataclass(frozen=True, slots=True)
class CmSlacParmReq(Mme):
    """CM_SLAC_PARM.REQ, PEV to all: who can hear me? ``cipher_suites`` only with ``security_type`` 1."""

    NAME: ClassVar[str] = "CM_SLAC_PARM.REQ"
    MMTYPE: ClassVar[int] = 0x6064
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)

    run_id: bytes
    application_type: int = 0
    security_type: int = 0
    cipher_suites: tuple[int, ...] = ()

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmSlacParmReq:
        need(frame, at + 10)
        suites: tuple[int, ...] = ()
        if frame[at + 1] == 1:
            need(frame, at + 11)
            count = frame[at + 10]
            suites = struct.unpack(f"<{count}H", counted(frame, at + 11, 2 * count, "CipherSuite"))
        return cls(frame[:6], frame[6:12], frame[at + 2 : at + 10], frame[at], frame[at + 1], suites)

    def payload(self) -> bytes:
        head = bytes((self.application_type, self.security_type)) + octets(self.run_id, RUN_ID_LENGTH, "run_id")
        if self.security_type != 1:
            return head
        return head + struct.pack(f"<B{len(self.cipher_suites)}H", len(self.cipher_suites), *self.cipher_suites)


@dataclass(frozen=True, slots=True)
class CmSlacParmCnf(Mme):
    """CM_SLAC_PARM.CNF, EVSE to PEV: how to sound. ``time_out`` in 100 ms, ``cipher_suite`` with security type 1."""

    NAME: ClassVar[str] = "CM_SLAC_PARM.CNF"
    MMTYPE: ClassVar[int] = 0x6065
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<6sBBB6sBB8s")

    run_id: bytes
    forwarding_sta: bytes
    num_sounds: int
    time_out: int
    msound_target: bytes = BROADCAST
    resp_type: int = 1
    application_type: int = 0
    security_type: int = 0
    cipher_suite: int = 0

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmSlacParmCnf:
        need(frame, at + 25)
        target, sounds, time_out, resp, sta, app, sec, run_id = cls.LAYOUT.unpack_from(frame, at)
        suite = 0
        if sec == 1:
            suite = int.from_bytes(counted(frame, at + 25, 2, "CipherSuite"), "little")
        return cls(frame[:6], frame[6:12], run_id, sta, sounds, time_out, target, resp, app, sec, suite)

    def payload(self) -> bytes:
        head = self.LAYOUT.pack(
            octets(self.msound_target, 6, "msound_target"),
            self.num_sounds,
            self.time_out,
            self.resp_type,
            octets(self.forwarding_sta, 6, "forwarding_sta"),
            self.application_type,
            self.security_type,
            octets(self.run_id, RUN_ID_LENGTH, "run_id"),
        )
        return head + self.cipher_suite.to_bytes(2, "little") if self.security_type == 1 else head


@dataclass(frozen=True, slots=True)
class CmStartAttenCharInd(Mme):
    """CM_START_ATTEN_CHAR.IND, PEV to all, three times: sounds follow. ``time_out`` in 100 ms."""

    NAME: ClassVar[str] = "CM_START_ATTEN_CHAR.IND"
    MMTYPE: ClassVar[int] = 0x606A
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBBBB6s8s")

    application_type: int
    security_type: int
    num_sounds: int
    time_out: int
    resp_type: int
    forwarding_sta: bytes
    run_id: bytes

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmStartAttenCharInd:
        need(frame, at + 19)
        return cls(frame[:6], frame[6:12], *cls.LAYOUT.unpack_from(frame, at))

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.application_type,
            self.security_type,
            self.num_sounds,
            self.time_out,
            self.resp_type,
            octets(self.forwarding_sta, 6, "forwarding_sta"),
            octets(self.run_id, RUN_ID_LENGTH, "run_id"),
        )


@dataclass(frozen=True, slots=True)
class CmMnbcSoundInd(Mme):
    """CM_MNBC_SOUND.IND, PEV to all, ten times. ``cnt`` counts the sounds that remain, ``rnd`` is 16 random octets."""

    NAME: ClassVar[str] = "CM_MNBC_SOUND.IND"
    MMTYPE: ClassVar[int] = 0x6076
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BB17sB8s8x16s")

    application_type: int
    security_type: int
    sender_id: bytes
    cnt: int
    run_id: bytes
    rnd: bytes

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmMnbcSoundInd:
        need(frame, at + 52)
        return cls(frame[:6], frame[6:12], *cls.LAYOUT.unpack_from(frame, at))

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.application_type,
            self.security_type,
            octets(self.sender_id, STATION_ID_LENGTH, "sender_id"),
            self.cnt,
            octets(self.run_id, RUN_ID_LENGTH, "run_id"),
            octets(self.rnd, 16, "rnd"),
        )


@dataclass(frozen=True, slots=True)
class CmAttenProfileInd(Mme):
    """CM_ATTEN_PROFILE.IND, modem to its own host: attenuation ``aag`` (dB per group) of one sound of ``pev_mac``.

    It carries no run id: a profile can be assigned by MAC only.
    """

    NAME: ClassVar[str] = "CM_ATTEN_PROFILE.IND"
    MMTYPE: ClassVar[int] = 0x6086
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)

    pev_mac: bytes
    aag: bytes

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmAttenProfileInd:
        need(frame, at + 8)
        aag = counted(frame, at + 8, groups(frame, at + 6), "AAG")
        return cls(frame[:6], frame[6:12], frame[at : at + 6], aag)

    def payload(self) -> bytes:
        return octets(self.pev_mac, 6, "pev_mac") + bytes((len(self.aag), 0)) + self.aag


@dataclass(frozen=True, slots=True)
class CmAttenCharInd(Mme):
    """CM_ATTEN_CHAR.IND, EVSE to PEV: mean attenuation ``aag`` (dB per group) over ``num_sounds`` sounds.

    ``source_address`` is the PEV's MAC; the EVSE's own stands in ``source`` only.
    """

    NAME: ClassVar[str] = "CM_ATTEN_CHAR.IND"
    MMTYPE: ClassVar[int] = 0x606E
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BB6s8s17s17sBB")

    source_address: bytes
    run_id: bytes
    num_sounds: int
    aag: bytes
    source_id: bytes = NO_ID
    resp_id: bytes = NO_ID
    application_type: int = 0
    security_type: int = 0

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmAttenCharInd:
        need(frame, at + 52)
        app, sec, address, run_id, source_id, resp_id, sounds, _ = cls.LAYOUT.unpack_from(frame, at)
        aag = counted(frame, at + 52, groups(frame, at + 51), "AAG")
        return cls(frame[:6], frame[6:12], address, run_id, sounds, aag, source_id, resp_id, app, sec)

    def payload(self) -> bytes:
        return (
            self.LAYOUT.pack(
                self.application_type,
                self.security_type,
                octets(self.source_address, 6, "source_address"),
                octets(self.run_id, RUN_ID_LENGTH, "run_id"),
                octets(self.source_id, STATION_ID_LENGTH, "source_id"),
                octets(self.resp_id, STATION_ID_LENGTH, "resp_id"),
                self.num_sounds,
                len(self.aag),
            )
            + self.aag
        )


@dataclass(frozen=True, slots=True)
class CmAttenCharRsp(Mme):
    """CM_ATTEN_CHAR.RSP, PEV to EVSE: got it. ``result`` 0 is good."""

    NAME: ClassVar[str] = "CM_ATTEN_CHAR.RSP"
    MMTYPE: ClassVar[int] = 0x606F
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BB6s8s17s17sB")

    application_type: int
    security_type: int
    source_address: bytes
    run_id: bytes
    source_id: bytes
    resp_id: bytes
    result: int

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmAttenCharRsp:
        need(frame, at + 51)
        return cls(frame[:6], frame[6:12], *cls.LAYOUT.unpack_from(frame, at))

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.application_type,
            self.security_type,
            octets(self.source_address, 6, "source_address"),
            octets(self.run_id, RUN_ID_LENGTH, "run_id"),
            octets(self.source_id, STATION_ID_LENGTH, "source_id"),
            octets(self.resp_id, STATION_ID_LENGTH, "resp_id"),
            self.result,
        )


@dataclass(frozen=True, slots=True)
class CmValidateReq(Mme):
    """CM_VALIDATE.REQ, PEV to EVSE. ``timer`` n means (n + 1) · 100 ms in the second request, 0 in the first."""

    NAME: ClassVar[str] = "CM_VALIDATE.REQ"
    MMTYPE: ClassVar[int] = 0x6078
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)

    signal_type: int
    timer: int
    result: int

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmValidateReq:
        need(frame, at + 3)
        return cls(frame[:6], frame[6:12], frame[at], frame[at + 1], frame[at + 2])

    def payload(self) -> bytes:
        return bytes((self.signal_type, self.timer, self.result))


@dataclass(frozen=True, slots=True)
class CmValidateCnf(Mme):
    """CM_VALIDATE.CNF. ``result``: 0 not ready, 1 ready, 2 success, 3 failure, 4 not required."""

    NAME: ClassVar[str] = "CM_VALIDATE.CNF"
    MMTYPE: ClassVar[int] = 0x6079
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)

    signal_type: int
    toggle_num: int
    result: int

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmValidateCnf:
        need(frame, at + 3)
        return cls(frame[:6], frame[6:12], frame[at], frame[at + 1], frame[at + 2])

    def payload(self) -> bytes:
        return bytes((self.signal_type, self.toggle_num, self.result))


@dataclass(frozen=True, slots=True)
class CmSlacMatchReq(Mme):
    """CM_SLAC_MATCH.REQ, PEV to the EVSE it chose. On the wire with MVFLength 0x003E, little endian."""

    NAME: ClassVar[str] = "CM_SLAC_MATCH.REQ"
    MMTYPE: ClassVar[int] = 0x607C
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBH17s6s17s6s8s8x")
    MVF_LENGTH: ClassVar[int] = 0x003E

    pev_mac: bytes
    evse_mac: bytes
    run_id: bytes
    pev_id: bytes = NO_ID
    evse_id: bytes = NO_ID
    application_type: int = 0
    security_type: int = 0

    @classmethod
    def parse(cls, frame: bytes, at: int, lenient: bool = False) -> CmSlacMatchReq:
        need(frame, at + 66)
        app, sec, length, pev_id, pev_mac, evse_id, evse_mac, run_id = cls.LAYOUT.unpack_from(frame, at)
        if length != cls.MVF_LENGTH and not lenient:
            raise wrong_mvf_length(length, cls.MVF_LENGTH)
        return cls(frame[:6], frame[6:12], pev_mac, evse_mac, run_id, pev_id, evse_id, app, sec)

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.application_type,
            self.security_type,
            self.MVF_LENGTH,
            octets(self.pev_id, STATION_ID_LENGTH, "pev_id"),
            octets(self.pev_mac, 6, "pev_mac"),
            octets(self.evse_id, STATION_ID_LENGTH, "evse_id"),
            octets(self.evse_mac, 6, "evse_mac"),
            octets(self.run_id, RUN_ID_LENGTH, "run_id"),
        )


@dataclass(frozen=True, slots=True)
class CmSlacMatchCnf(Mme):
    """CM_SLAC_MATCH.CNF, EVSE to PEV: join the network ``nid`` (7 octets) with the key ``nmk`` (16 octets).

    On the wire with MVFLength 0x0056, little endian.
    """

    NAME: ClassVar[str] = "CM_SLAC_MATCH.CNF"
    MMTYPE: ClassVar[int] = 0x607D
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBH17s6s17s6s8s8x7sx16s")
    MVF_LENGTH: ClassVar[int] = 0x0056

    pev_mac: bytes
    evse_mac: bytes
    run_id: bytes
    nid: bytes
    nmk: bytes
    pev_id: bytes = NO_ID
    evse_id: bytes = NO_ID
    application_type: int = 0
    security_type: int = 0

    @classmethod
    def parse(cls, frame: bytes, at: int, lenient: bool = False) -> CmSlacMatchCnf:
        need(frame, at + 90)
        app, sec, length, pev_id, pev_mac, evse_id, evse_mac, run_id, nid, nmk = cls.LAYOUT.unpack_from(frame, at)
        if length != cls.MVF_LENGTH and not lenient:
            raise wrong_mvf_length(length, cls.MVF_LENGTH)
        return cls(frame[:6], frame[6:12], pev_mac, evse_mac, run_id, nid, nmk, pev_id, evse_id, app, sec)

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.application_type,
            self.security_type,
            self.MVF_LENGTH,
            octets(self.pev_id, STATION_ID_LENGTH, "pev_id"),
            octets(self.pev_mac, 6, "pev_mac"),
            octets(self.evse_id, STATION_ID_LENGTH, "evse_id"),
            octets(self.evse_mac, 6, "evse_mac"),
            octets(self.run_id, RUN_ID_LENGTH, "run_id"),
            octets(self.nid, 7, "nid"),
            octets(self.nmk, 16, "nmk"),
        )


@dataclass(frozen=True, slots=True)
class CmAmpMapReq(Mme):
    """CM_AMP_MAP.REQ, to the other host once the link is up: amplitude of ``amlen`` carriers, two to an octet.

    ``amdata`` holds (amlen + 1) // 2 octets, the low nibble first.
    """

    NAME: ClassVar[str] = "CM_AMP_MAP.REQ"
    MMTYPE: ClassVar[int] = 0x601C
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)

    amlen: int
    amdata: bytes

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmAmpMapReq:
        need(frame, at + 2)
        amlen = frame[at] | frame[at + 1] << 8
        return cls(frame[:6], frame[6:12], amlen, counted(frame, at + 2, (amlen + 1) // 2, "AMDATA"))

    def payload(self) -> bytes:
        return self.amlen.to_bytes(2, "little") + octets(self.amdata, (self.amlen + 1) // 2, "amdata")


@dataclass(frozen=True, slots=True)
class CmAmpMapCnf(Mme):
    """CM_AMP_MAP.CNF. ``res_type`` 0 success, 1 failure."""

    NAME: ClassVar[str] = "CM_AMP_MAP.CNF"
    MMTYPE: ClassVar[int] = 0x601D
    PREFIX: ClassVar[bytes] = cm_prefix(MMTYPE)

    res_type: int

    @classmethod
    def parse(cls, frame: bytes, at: int) -> CmAmpMapCnf:
        need(frame, at + 1)
        return cls(frame[:6], frame[6:12], frame[at])

    def payload(self) -> bytes:
        return bytes((self.res_type,))


def groups(frame: bytes, at: int) -> int:
    """NumGroups at octet ``at``; a profile without a group says nothing and is refused."""
    if frame[at] == 0:
        raise Malformed("value", f"octet {at}: NumGroups is 0")
    return frame[at]


def wrong_mvf_length(found: int, expected: int) -> Malformed:
    """Which wrong MVFLength it was: the other octet order has a kind of its own (a known error of some vehicles)."""
    if found == expected << 8:
        return Malformed("mvf_length_big_endian", f"octet 21: MVFLength 0x{expected:04x} sent big endian")
    return Malformed("mvf_length", f"octet 21: MVFLength is 0x{found:04x}, expected 0x{expected:04x} (little endian)")
