"""Qualcomm vendor messages between a host and modems (OUI 00 b0 52).

Sources: open-plc-utils ``plc/VersionInfo1.c``, ``plc/ResetDevice1.c``, ``plc/LinkStatus.c``, ``plc/NetInfo1.c``,
``plc/NetInfo2.c``, ``plc/Attributes2.c``; frames of three makes of modem for VS_ATTENUATION_CHARACTERISTICS (scapy's
``contrib/homepluggp.py`` reads them one octet too early).
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.slac.fields import RESERVED, Field, Items, Table
from adapters.slac.mme import QUALCOMM_OUI, Mme, message


@message("VS_SW_VER.REQ", 0xA000)
@dataclass(frozen=True, slots=True)
class VsSwVerReq(Mme):
    """VS_SW_VER.REQ: which software runs on you? Broadcast, every modem of the network answers."""


@message(
    "VS_SW_VER.CNF",
    0xA001,
    Field("status", "B"),
    Field("device_id", "B"),
    Field("#version", "B"),
    Items("version", "text", count="#version"),
)
@dataclass(frozen=True, slots=True)
class VsSwVerCnf(Mme):
    """VS_SW_VER.CNF: ``version`` is text (one character per octet); ``source`` is the modem's own MAC."""

    status: int
    device_id: int
    version: str


@message("VS_RS_DEV.REQ", 0xA01C)
@dataclass(frozen=True, slots=True)
class VsRsDevReq(Mme):
    """VS_RS_DEV.REQ: restart. The modem is silent for seconds afterwards."""


@message("VS_RS_DEV.CNF", 0xA01D, Field("status", "B"))
@dataclass(frozen=True, slots=True)
class VsRsDevCnf(Mme):
    """VS_RS_DEV.CNF: ``status`` 0, the restart begins."""

    status: int


@message("VS_PL_LINK_STATUS.REQ", 0xA0B8)
@dataclass(frozen=True, slots=True)
class VsPlLinkStatusReq(Mme):
    """VS_PL_LINK_STATUS.REQ: is there a power line link?"""


@message("VS_PL_LINK_STATUS.CNF", 0xA0B9, Field("status", "B"), Field("link_status", "B"))
@dataclass(frozen=True, slots=True)
class VsPlLinkStatusCnf(Mme):
    """VS_PL_LINK_STATUS.CNF: ``status`` 0 is good, ``link_status`` 1 is up."""

    status: int
    link_status: int


@message("VS_OP_ATTRIBUTES.REQ", 0xA068, Field("cookie", "I"), Field("report_type", "B"))
@dataclass(frozen=True, slots=True)
class VsOpAttributesReq(Mme):
    """VS_OP_ATTRIBUTES.REQ: describe yourself. ``cookie`` comes back in the answer; ``report_type`` 0 is binary."""

    cookie: int
    report_type: int = 0


@message(
    "VS_OP_ATTRIBUTES.CNF",
    0xA069,
    Field("status", "H"),
    Field("cookie", "I"),
    Field("report_type", "B"),
    Field("#report", "H"),
    Items("report", "octets", count="#report"),
)
@dataclass(frozen=True, slots=True)
class VsOpAttributesCnf(Mme):
    """VS_OP_ATTRIBUTES.CNF: ``report`` is opaque; it begins with the chip's name in 16 octets, padded with zeros."""

    status: int
    cookie: int
    report_type: int
    report: bytes


@dataclass(frozen=True, slots=True)
class StationInfo:
    """One station of a network: MAC, terminal id, bridged MAC, average rates in Mbit/s."""

    mac: bytes
    tei: int
    bda: bytes
    avg_tx: int
    avg_rx: int


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """One network: ``role`` 0 station, 1 proxy coordinator, 2 coordinator (CCo)."""

    nid: bytes
    snid: int
    tei: int
    role: int
    cco_mac: bytes
    cco_tei: int
    stations: tuple[StationInfo, ...] = ()


STATION = Table(
    StationInfo,
    Field("mac", "6s"),
    Field("tei", "B"),
    Field(RESERVED, "3x"),
    Field("bda", "6s"),
    Field("avg_tx", "H"),
    Field(RESERVED, "2x"),
    Field("avg_rx", "H"),
    Field(RESERVED, "2x"),
)
STATION_MMV_0 = Table(
    StationInfo, Field("mac", "6s"), Field("tei", "B"), Field("bda", "6s"), Field("avg_tx", "B"), Field("avg_rx", "B")
)
NETWORK = Table(
    NetworkInfo,
    Field("nid", "7s"),
    Field(RESERVED, "2x"),
    Field("snid", "B"),
    Field("tei", "B"),
    Field(RESERVED, "4x"),
    Field("role", "B"),
    Field("cco_mac", "6s"),
    Field("cco_tei", "B"),
    Field(RESERVED, "3x"),
    Field("#stations", "B"),
    Field(RESERVED, "5x"),
    Items("stations", STATION, count="#stations"),
)
NETWORK_MMV_0 = Table(
    NetworkInfo,
    Field("nid", "7s"),
    Field("snid", "B"),
    Field("tei", "B"),
    Field("role", "B"),
    Field("cco_mac", "6s"),
    Field("cco_tei", "B"),
    Field("#stations", "B"),
    Items("stations", STATION_MMV_0, count="#stations"),
)


@message("VS_NW_INFO.REQ", 0xA038, mmv=1)
@dataclass(frozen=True, slots=True)
class VsNwInfoReq(Mme):
    """VS_NW_INFO.REQ (newer form, MMV 1): which networks are you in?"""


@message(
    "VS_NW_INFO.CNF",
    0xA039,
    Field(RESERVED, "2x"),
    Field("#", "H"),
    Field(RESERVED, "x"),
    Field("#networks", "B"),
    Items("networks", NETWORK, count="#networks"),
    mmv=1,
    mmv_0=(Field("#networks", "B"), Items("networks", NETWORK_MMV_0, count="#networks")),
)
@dataclass(frozen=True, slots=True)
class VsNwInfoCnf(Mme):
    """VS_NW_INFO.CNF. Read in both forms (MMV 0 and 1), written in the newer one (MMV 1)."""

    networks: tuple[NetworkInfo, ...]


@message(
    "VS_ATTENUATION_CHARACTERISTICS.IND",
    0xA14E,
    Field("pev_mac", "6s"),
    Field("#aag", "B"),
    Field(RESERVED, "x"),
    Field("carriers_per_group", "B"),
    Field(RESERVED, "7x"),
    Items("aag", "octets", count="#aag", least=1),
    ouis=(QUALCOMM_OUI, b"\x00\x00\x00"),
)
@dataclass(frozen=True, slots=True)
class VsAttenuationCharacteristicsInd(Mme):
    """VS 0xA14E, a modem's report of a heard sound in place of CM_ATTEN_PROFILE.IND: dB per group.

    Read with the vendor's OUI and without one (three zeros), as modems of stations send it.
    """

    pev_mac: bytes
    carriers_per_group: int
    aag: bytes
