"""Qualcomm vendor messages between a host and modems (OUI 00 b0 52).

Sources: open-plc-utils ``plc/VersionInfo1.c``, ``plc/ResetDevice1.c``, ``plc/LinkStatus.c``, ``plc/NetInfo1.c``,
``plc/NetInfo2.c``, ``plc/Attributes2.c``; frames of three makes of modem for VS_ATTENUATION_CHARACTERISTICS (scapy's
``contrib/homepluggp.py`` reads them one octet too early).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from adapters.slac.matching import groups
from adapters.slac.mme import HEADER_END_VS, QUALCOMM_OUI, Mme, counted, need, octets, vs_fmi_prefix, vs_prefix


class _Request(Mme):
    """A vendor request without a payload."""

    __slots__ = ()

    @classmethod
    def parse(cls, frame: bytes, at: int) -> Mme:
        return cls(frame[:6], frame[6:12])

    def payload(self) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class VsSwVerReq(_Request):
    """VS_SW_VER.REQ: which software runs on you? Broadcast, every modem of the network answers."""

    NAME: ClassVar[str] = "VS_SW_VER.REQ"
    MMTYPE: ClassVar[int] = 0xA000
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)


@dataclass(frozen=True, slots=True)
class VsSwVerCnf(Mme):
    """VS_SW_VER.CNF: ``version`` is text (one character per octet); ``source`` is the modem's own MAC."""

    NAME: ClassVar[str] = "VS_SW_VER.CNF"
    MMTYPE: ClassVar[int] = 0xA001
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)

    status: int
    device_id: int
    version: str

    @classmethod
    def parse(cls, frame: bytes, at: int) -> VsSwVerCnf:
        need(frame, at + 3)
        version = counted(frame, at + 3, frame[at + 2], "version").decode("latin-1")
        return cls(frame[:6], frame[6:12], frame[at], frame[at + 1], version)

    def payload(self) -> bytes:
        text = self.version.encode("latin-1")
        return bytes((self.status, self.device_id, len(text))) + text


@dataclass(frozen=True, slots=True)
class VsRsDevReq(_Request):
    """VS_RS_DEV.REQ: restart. The modem is silent for seconds afterwards."""

    NAME: ClassVar[str] = "VS_RS_DEV.REQ"
    MMTYPE: ClassVar[int] = 0xA01C
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)


@dataclass(frozen=True, slots=True)
class VsRsDevCnf(Mme):
    """VS_RS_DEV.CNF: ``status`` 0, the restart begins."""

    NAME: ClassVar[str] = "VS_RS_DEV.CNF"
    MMTYPE: ClassVar[int] = 0xA01D
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)

    status: int

    @classmethod
    def parse(cls, frame: bytes, at: int) -> VsRsDevCnf:
        need(frame, at + 1)
        return cls(frame[:6], frame[6:12], frame[at])

    def payload(self) -> bytes:
        return bytes((self.status,))


@dataclass(frozen=True, slots=True)
class VsPlLinkStatusReq(_Request):
    """VS_PL_LINK_STATUS.REQ: is there a power line link?"""

    NAME: ClassVar[str] = "VS_PL_LINK_STATUS.REQ"
    MMTYPE: ClassVar[int] = 0xA0B8
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)


@dataclass(frozen=True, slots=True)
class VsPlLinkStatusCnf(Mme):
    """VS_PL_LINK_STATUS.CNF: ``status`` 0 is good, ``link_status`` 1 is up."""

    NAME: ClassVar[str] = "VS_PL_LINK_STATUS.CNF"
    MMTYPE: ClassVar[int] = 0xA0B9
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)

    status: int
    link_status: int

    @classmethod
    def parse(cls, frame: bytes, at: int) -> VsPlLinkStatusCnf:
        need(frame, at + 2)
        return cls(frame[:6], frame[6:12], frame[at], frame[at + 1])

    def payload(self) -> bytes:
        return bytes((self.status, self.link_status))


@dataclass(frozen=True, slots=True)
class VsOpAttributesReq(Mme):
    """VS_OP_ATTRIBUTES.REQ: describe yourself. ``cookie`` comes back in the answer; ``report_type`` 0 is binary."""

    NAME: ClassVar[str] = "VS_OP_ATTRIBUTES.REQ"
    MMTYPE: ClassVar[int] = 0xA068
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<IB")

    cookie: int
    report_type: int = 0

    @classmethod
    def parse(cls, frame: bytes, at: int) -> VsOpAttributesReq:
        need(frame, at + 5)
        return cls(frame[:6], frame[6:12], *cls.LAYOUT.unpack_from(frame, at))

    def payload(self) -> bytes:
        return self.LAYOUT.pack(self.cookie, self.report_type)


@dataclass(frozen=True, slots=True)
class VsOpAttributesCnf(Mme):
    """VS_OP_ATTRIBUTES.CNF: ``report`` is opaque but for its first texts (see :meth:`platform`)."""

    NAME: ClassVar[str] = "VS_OP_ATTRIBUTES.CNF"
    MMTYPE: ClassVar[int] = 0xA069
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HIBH")

    status: int
    cookie: int
    report_type: int
    report: bytes

    @classmethod
    def parse(cls, frame: bytes, at: int) -> VsOpAttributesCnf:
        need(frame, at + 9)
        status, cookie, report_type, length = cls.LAYOUT.unpack_from(frame, at)
        report = counted(frame, at + 9, length, "report")
        return cls(frame[:6], frame[6:12], status, cookie, report_type, report)

    def payload(self) -> bytes:
        return self.LAYOUT.pack(self.status, self.cookie, self.report_type, len(self.report)) + self.report

    def platform(self) -> str:
        """Chip name: the first 16 octets of the report up to a zero, as text."""
        return self.report[:16].split(b"\x00", 1)[0].decode("latin-1")


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


@dataclass(frozen=True, slots=True)
class VsNwInfoReq(_Request):
    """VS_NW_INFO.REQ (newer form, MMV 1): which networks are you in?"""

    NAME: ClassVar[str] = "VS_NW_INFO.REQ"
    MMTYPE: ClassVar[int] = 0xA038
    PREFIX: ClassVar[bytes] = vs_fmi_prefix(MMTYPE)


@dataclass(frozen=True, slots=True)
class VsNwInfoCnf(Mme):
    """VS_NW_INFO.CNF. Read in both forms (MMV 0 and 1), written in the newer one (MMV 1)."""

    NAME: ClassVar[str] = "VS_NW_INFO.CNF"
    MMTYPE: ClassVar[int] = 0xA039
    PREFIX: ClassVar[bytes] = vs_fmi_prefix(MMTYPE)
    NETWORK: ClassVar[struct.Struct] = struct.Struct("<7s2xBB4xB6sB3xB5x")
    STATION: ClassVar[struct.Struct] = struct.Struct("<6sB3x6sH2xH2x")
    OLD_NETWORK: ClassVar[struct.Struct] = struct.Struct("<7sBBB6sBB")
    OLD_STATION: ClassVar[struct.Struct] = struct.Struct("<6sB6sBB")

    networks: tuple[NetworkInfo, ...]

    @classmethod
    def parse(cls, frame: bytes, at: int) -> VsNwInfoCnf:
        if at == HEADER_END_VS:
            network, station = cls.OLD_NETWORK, cls.OLD_STATION
        else:
            network, station = cls.NETWORK, cls.STATION
            need(frame, at + 6)
            length = frame[at + 2] | frame[at + 3] << 8
            counted(frame, at + 4, length, "network data")
            at += 5
        need(frame, at + 1)
        count, at = frame[at], at + 1
        found = []
        for _ in range(count):
            counted(frame, at, network.size, "network")
            nid, snid, tei, role, cco_mac, cco_tei, station_count = network.unpack_from(frame, at)
            at += network.size
            counted(frame, at, station.size * station_count, "stations")
            stations = tuple(
                StationInfo(*station.unpack_from(frame, at + i * station.size)) for i in range(station_count)
            )
            at += station.size * station_count
            found.append(NetworkInfo(nid, snid, tei, role, cco_mac, cco_tei, stations))
        return cls(frame[:6], frame[6:12], tuple(found))

    def payload(self) -> bytes:
        data = bytearray((0, len(self.networks)))
        for n in self.networks:
            nid, cco = octets(n.nid, 7, "nid"), octets(n.cco_mac, 6, "cco_mac")
            data += self.NETWORK.pack(nid, n.snid, n.tei, n.role, cco, n.cco_tei, len(n.stations))
            for s in n.stations:
                mac, bda = octets(s.mac, 6, "mac"), octets(s.bda, 6, "bda")
                data += self.STATION.pack(mac, s.tei, bda, s.avg_tx, s.avg_rx)
        return struct.pack("<BBH", 0, 0, len(data)) + bytes(data)


@dataclass(frozen=True, slots=True)
class VsAttenuationCharacteristicsInd(Mme):
    """VS 0xA14E, a modem's report of a heard sound in place of CM_ATTEN_PROFILE.IND: dB per group.

    Read with the vendor's OUI and without one (three zeros), as modems of stations send it.
    """

    NAME: ClassVar[str] = "VS_ATTENUATION_CHARACTERISTICS.IND"
    MMTYPE: ClassVar[int] = 0xA14E
    PREFIX: ClassVar[bytes] = vs_prefix(MMTYPE)
    OUIS: ClassVar[tuple[bytes, ...]] = (QUALCOMM_OUI, b"\x00\x00\x00")
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<6sBxB7x")

    pev_mac: bytes
    carriers_per_group: int
    aag: bytes

    @classmethod
    def parse(cls, frame: bytes, at: int) -> VsAttenuationCharacteristicsInd:
        need(frame, at + cls.LAYOUT.size)
        aag = counted(frame, at + cls.LAYOUT.size, groups(frame, at + 6), "AAG")
        return cls(frame[:6], frame[6:12], frame[at : at + 6], frame[at + 8], aag)

    def payload(self) -> bytes:
        return self.LAYOUT.pack(octets(self.pev_mac, 6, "pev_mac"), len(self.aag), self.carriers_per_group) + self.aag
