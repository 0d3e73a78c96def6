"""A simulated Green PHY modem: its key, its silences, and its answers to its host's management messages.

Sans-I/O. The silences are those of hardware (a QCA7000 restarts for 1…7 s after a new key: notes of pyPLC and
ccs32clara). No standard rules them, so they are settings of the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapters.slac.frames import (
    CmAttenProfileInd,
    CmGetKeyCnf,
    CmGetKeyReq,
    CmSetKeyCnf,
    CmSetKeyReq,
    Mme,
    VsAttenuationCharacteristicsInd,
    VsNwInfoCnf,
    VsNwInfoReq,
    VsOpAttributesCnf,
    VsOpAttributesReq,
    VsPlLinkStatusCnf,
    VsPlLinkStatusReq,
    VsRsDevCnf,
    VsRsDevReq,
    VsSwVerCnf,
    VsSwVerReq,
    nid_from_nmk,
)
from adapters.slac.vendor import NetworkInfo, StationInfo

PHY_RATE_MBIT = 9
"""Rate a Green PHY link reports (ROBO modes: 4 … 10 Mbit/s)."""


@dataclass(frozen=True, slots=True)
class ModemConfig:
    """How a simulated modem behaves.

    ``set_key_result``: octet of CM_SET_KEY.CNF, 1 as a real QCA7000, 0 as the standard.
    ``deaf_ns``: silence after a new key. ``reset_ns``: silence after VS_RS_DEV. ``answer_ns``: time to answer its host.
    ``profiles``: what it reports for a heard sound: CM_ATTEN_PROFILE.IND ("cm"), 0xA14E ("vendor") or nothing ("none").
    ``present``: False is a modem without power (no answer, no frames).
    """

    set_key_result: int = 1
    deaf_ns: int = 1_000_000_000
    reset_ns: int = 3_000_000_000
    answer_ns: int = 500_000
    profiles: Literal["cm", "vendor", "none"] = "cm"
    present: bool = True
    version: str = "MAC-QCA7005-1.2.5.3207-00-20180927-CS (simulated)"


class Modem:
    """State of one modem. Each question comes with ``neighbours``, the MACs of the other modems in its network."""

    def __init__(self, host_mac: bytes, mac: bytes, config: ModemConfig, nmk: bytes) -> None:
        self.host_mac = host_mac
        self.mac = mac
        self.config = config
        self.present = config.present
        self.nmk = nmk
        self.nid = nid_from_nmk(nmk)
        self.deaf_until_ns = 0

    def hears(self, now_ns: int) -> bool:
        """Whether it is powered and not in one of its silences."""
        return self.present and now_ns >= self.deaf_until_ns

    def same_network(self, other: Modem) -> bool:
        """Whether key and network id are equal: only then IP passes."""
        return self.nmk == other.nmk and self.nid == other.nid

    def answer(self, request: Mme, neighbours: list[Modem], now_ns: int) -> Mme | None:
        """The answer to a message of its own host, or None. It may begin a silence."""
        to, own = request.source, self.mac
        if isinstance(request, CmSetKeyReq):
            self.nmk, self.nid = request.new_key, request.nid
            self.deaf_until_ns = now_ns + self.config.answer_ns + self.config.deaf_ns
            return CmSetKeyCnf(to, own, self.config.set_key_result, request.your_nonce, request.my_nonce, request.pid)
        if isinstance(request, CmGetKeyReq):
            known = request.nid == self.nid
            key = self.nmk if known else b"\x00" * 16
            return CmGetKeyCnf(to, own, 0 if known else 1, 1, b"\x00" * 4, request.my_nonce, self.nid, 1, 4, 0, 0, key)
        if isinstance(request, VsSwVerReq):
            return VsSwVerCnf(to, own, 0, 0x07, self.config.version)
        if isinstance(request, VsPlLinkStatusReq):
            return VsPlLinkStatusCnf(to, own, 0, 1 if neighbours else 0)
        if isinstance(request, VsRsDevReq):
            self.deaf_until_ns = now_ns + self.config.answer_ns + self.config.reset_ns
            return VsRsDevCnf(to, own, 0)
        if isinstance(request, VsNwInfoReq):
            return VsNwInfoCnf(to, own, self._networks(neighbours))
        if isinstance(request, VsOpAttributesReq):
            report = b"QCA7005".ljust(16, b"\x00") + b"MAC".ljust(16, b"\x00") + bytes(86)
            return VsOpAttributesCnf(to, own, 0, request.cookie, request.report_type, report)
        return None

    def profile(self, pev_mac: bytes, aag: bytes) -> Mme | None:
        """The report to its host of a sound from ``pev_mac`` with ``aag`` dB per group, or None."""
        if self.config.profiles == "cm":
            return CmAttenProfileInd(self.host_mac, self.mac, pev_mac, aag)
        if self.config.profiles == "vendor":
            return VsAttenuationCharacteristicsInd(self.host_mac, self.mac, pev_mac, 16, aag)
        return None

    def _networks(self, neighbours: list[Modem]) -> tuple[NetworkInfo, ...]:
        if not neighbours:
            return ()
        cco = min([self.mac, *(n.mac for n in neighbours)])
        stations = tuple(
            StationInfo(n.mac, i, n.host_mac, PHY_RATE_MBIT, PHY_RATE_MBIT) for i, n in enumerate(neighbours, 2)
        )
        return (NetworkInfo(self.nid, 1, 1, 2 if cco == self.mac else 0, cco, 1, stations),)
