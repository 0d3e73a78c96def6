"""The messages of SLAC matching between two hosts, and what the EVSE's modem reports about heard sounds.

Sources: HomePlug Green PHY 1.1 clauses 11.5.45 … 11.5.58, ISO 15118-3 Annex A, open-plc-utils ``slac/slac.h``.
Numbers in parentheses are clauses of HomePlug Green PHY 1.1. ``run_id`` is 8 octets, ids are 17 octets, attenuations
are octets of whole dB per carrier group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from adapters.slac.fields import RESERVED, Field, Items, Table, When
from adapters.slac.mme import BROADCAST, Mme, message

GROUPS = 58
"""Carrier groups of a Green PHY attenuation profile."""
NO_ID = bytes(17)
APPLICATION = (Field("application_type", "B"), Field("security_type", "B"))


@message(
    "CM_SLAC_PARM.REQ",
    0x6064,
    *APPLICATION,
    Field("run_id", "8s"),
    When(
        "cipher_suites",
        Table(None, Field("#cipher_suites", "B"), Items("cipher_suites", "numbers", count="#cipher_suites")),
        count="security_type",
        value=1,
        absent=(),
    ),
)
@dataclass(frozen=True, slots=True)
class CmSlacParmReq(Mme):
    """CM_SLAC_PARM.REQ (11.5.45), PEV to all: who can hear me? ``cipher_suites`` only with ``security_type`` 1."""

    run_id: bytes
    application_type: int = 0
    security_type: int = 0
    cipher_suites: tuple[int, ...] = ()


@message(
    "CM_SLAC_PARM.CNF",
    0x6065,
    Field("msound_target", "6s"),
    Field("num_sounds", "B"),
    Field("time_out", "B"),
    Field("resp_type", "B"),
    Field("forwarding_sta", "6s"),
    *APPLICATION,
    Field("run_id", "8s"),
    When("cipher_suite", Table(None, Field("cipher_suite", "H")), count="security_type", value=1, absent=0),
)
@dataclass(frozen=True, slots=True)
class CmSlacParmCnf(Mme):
    """CM_SLAC_PARM.CNF (11.5.46), EVSE to PEV: how to sound. ``time_out`` in 100 ms, ``cipher_suite`` if secured."""

    run_id: bytes
    forwarding_sta: bytes
    num_sounds: int
    time_out: int
    msound_target: bytes = BROADCAST
    resp_type: int = 1
    application_type: int = 0
    security_type: int = 0
    cipher_suite: int = 0


@message(
    "CM_START_ATTEN_CHAR.IND",
    0x606A,
    *APPLICATION,
    Field("num_sounds", "B"),
    Field("time_out", "B"),
    Field("resp_type", "B"),
    Field("forwarding_sta", "6s"),
    Field("run_id", "8s"),
)
@dataclass(frozen=True, slots=True)
class CmStartAttenCharInd(Mme):
    """CM_START_ATTEN_CHAR.IND (11.5.47), PEV to all, three times: sounds follow. ``time_out`` in 100 ms."""

    application_type: int
    security_type: int
    num_sounds: int
    time_out: int
    resp_type: int
    forwarding_sta: bytes
    run_id: bytes


@message(
    "CM_MNBC_SOUND.IND",
    0x6076,
    *APPLICATION,
    Field("sender_id", "17s"),
    Field("cnt", "B"),
    Field("run_id", "8s"),
    Field(RESERVED, "8x"),
    Field("rnd", "16s"),
)
@dataclass(frozen=True, slots=True)
class CmMnbcSoundInd(Mme):
    """CM_MNBC_SOUND.IND (11.5.54), PEV to all, ten times. ``cnt`` sounds remain, ``rnd`` is 16 random octets."""

    application_type: int
    security_type: int
    sender_id: bytes
    cnt: int
    run_id: bytes
    rnd: bytes


@message(
    "CM_ATTEN_PROFILE.IND",
    0x6086,
    Field("pev_mac", "6s"),
    Field("#aag", "B"),
    Field(RESERVED, "x"),
    Items("aag", "octets", count="#aag", least=1),
)
@dataclass(frozen=True, slots=True)
class CmAttenProfileInd(Mme):
    """CM_ATTEN_PROFILE.IND, modem to its own host: attenuation ``aag`` (dB per group) of one sound of ``pev_mac``.

    It carries no run id: a profile can be assigned by MAC only.
    """

    pev_mac: bytes
    aag: bytes


@message(
    "CM_ATTEN_CHAR.IND",
    0x606E,
    *APPLICATION,
    Field("source_address", "6s"),
    Field("run_id", "8s"),
    Field("source_id", "17s"),
    Field("resp_id", "17s"),
    Field("num_sounds", "B"),
    Field("#aag", "B"),
    Items("aag", "octets", count="#aag", least=1),
)
@dataclass(frozen=True, slots=True)
class CmAttenCharInd(Mme):
    """CM_ATTEN_CHAR.IND (11.5.48), EVSE to PEV: mean attenuation ``aag`` (dB per group) over ``num_sounds`` sounds.

    ``source_address`` is the PEV's MAC; the EVSE's own stands in ``source`` only.
    """

    source_address: bytes
    run_id: bytes
    num_sounds: int
    aag: bytes
    source_id: bytes = NO_ID
    resp_id: bytes = NO_ID
    application_type: int = 0
    security_type: int = 0


@message(
    "CM_ATTEN_CHAR.RSP",
    0x606F,
    *APPLICATION,
    Field("source_address", "6s"),
    Field("run_id", "8s"),
    Field("source_id", "17s"),
    Field("resp_id", "17s"),
    Field("result", "B"),
)
@dataclass(frozen=True, slots=True)
class CmAttenCharRsp(Mme):
    """CM_ATTEN_CHAR.RSP (11.5.49), PEV to EVSE: got it. ``result`` 0 is good."""

    application_type: int
    security_type: int
    source_address: bytes
    run_id: bytes
    source_id: bytes
    resp_id: bytes
    result: int


@message("CM_VALIDATE.REQ", 0x6078, Field("signal_type", "B"), Field("timer", "B"), Field("result", "B"))
@dataclass(frozen=True, slots=True)
class CmValidateReq(Mme):
    """CM_VALIDATE.REQ, PEV to EVSE. ``timer`` n means (n + 1) · 100 ms in the second request, 0 in the first."""

    signal_type: int
    timer: int
    result: int


@message("CM_VALIDATE.CNF", 0x6079, Field("signal_type", "B"), Field("toggle_num", "B"), Field("result", "B"))
@dataclass(frozen=True, slots=True)
class CmValidateCnf(Mme):
    """CM_VALIDATE.CNF. ``result``: 0 not ready, 1 ready, 2 success, 3 failure, 4 not required."""

    signal_type: int
    toggle_num: int
    result: int


@message(
    "CM_SLAC_MATCH.REQ",
    0x607C,
    *APPLICATION,
    Field("MVF_LENGTH", "H"),
    Field("pev_id", "17s"),
    Field("pev_mac", "6s"),
    Field("evse_id", "17s"),
    Field("evse_mac", "6s"),
    Field("run_id", "8s"),
    Field(RESERVED, "8x"),
)
@dataclass(frozen=True, slots=True)
class CmSlacMatchReq(Mme):
    """CM_SLAC_MATCH.REQ (11.5.57), PEV to the EVSE it chose. On the wire with MVFLength 0x003E, little endian."""

    MVF_LENGTH: ClassVar[int] = 0x003E

    pev_mac: bytes
    evse_mac: bytes
    run_id: bytes
    pev_id: bytes = NO_ID
    evse_id: bytes = NO_ID
    application_type: int = 0
    security_type: int = 0


@message(
    "CM_SLAC_MATCH.CNF",
    0x607D,
    *APPLICATION,
    Field("MVF_LENGTH", "H"),
    Field("pev_id", "17s"),
    Field("pev_mac", "6s"),
    Field("evse_id", "17s"),
    Field("evse_mac", "6s"),
    Field("run_id", "8s"),
    Field(RESERVED, "8x"),
    Field("nid", "7s"),
    Field(RESERVED, "x"),
    Field("nmk", "16s"),
)
@dataclass(frozen=True, slots=True)
class CmSlacMatchCnf(Mme):
    """CM_SLAC_MATCH.CNF (11.5.58), EVSE to PEV: join the network ``nid`` (7 octets) with the key ``nmk`` (16 octets).

    On the wire with MVFLength 0x0056, little endian.
    """

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


@message("CM_AMP_MAP.REQ", 0x601C, Field("amlen", "H"), Items("amdata", "octets", count="amlen", per=2))
@dataclass(frozen=True, slots=True)
class CmAmpMapReq(Mme):
    """CM_AMP_MAP.REQ, to the other host once the link is up: amplitude of ``amlen`` carriers, two to an octet.

    ``amdata`` holds (amlen + 1) // 2 octets, the low nibble first.
    """

    amlen: int
    amdata: bytes


@message("CM_AMP_MAP.CNF", 0x601D, Field("res_type", "B"))
@dataclass(frozen=True, slots=True)
class CmAmpMapCnf(Mme):
    """CM_AMP_MAP.CNF. ``res_type`` 0 success, 1 failure."""

    res_type: int
