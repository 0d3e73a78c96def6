"""Contract ``hpgp_link``: the SLAC messages (MMEs) between this host and the others on the line.

An order builds a message and gives it to the Nic; a received frame becomes the event of its message, or ``bad_frame``.
The only memory between frames are the attenuation profiles from the own modem, summed per vehicle.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adapters.settings import filled
from adapters.slac import frames as f
from adapters.slac.hub import line_nic
from adapters.slac.matching import NO_ID
from adapters.slac.nic import LineDriver, Nic, seeded
from adapters.slac.packet import packet_nic
from adapters.slac.screen import Screen
from adapters.slac.settings import LINK, PACKET, SIMULATED, SOCKET, line_claims, packet_claims
from engine.adapter import Adapter, AdapterError, Port, Setting, World

UNIT_NS = 100_000_000
"""Times in SLAC messages count in 100 ms."""
MAX_VEHICLES = 64
"""Vehicles whose profiles are kept at once; the oldest goes (ISO 15118-3 C_EVSE_match_parallel is 5)."""
FULL_AMP_MAP = 1155
"""Carriers of a full amplitude map."""


@dataclass(slots=True)
class Profiles:
    """The summed attenuation profiles of one vehicle: ``sums`` in dB per carrier group, ``counts`` of profiles per
    group."""

    sums: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, aag: bytes) -> None:
        """Add one profile. It may have more groups than those before it."""
        missing = len(aag) - len(self.sums)
        self.sums.extend([0] * missing)
        self.counts.extend([0] * missing)
        for group, level in enumerate(aag):
            self.sums[group] += level
            self.counts[group] += 1

    def mean(self) -> bytes:
        """Mean per group in whole dB, rounded half up."""
        return bytes((2 * total + count) // (2 * count) for total, count in zip(self.sums, self.counts, strict=True))


class HpgpLink(Adapter):
    """Base of the link adapters; a subclass says which Nic. Orders raise ``AdapterError`` for fields that do not fit
    the frame."""

    contract = "hpgp_link"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.bad: Counter[str] = Counter()
        """Bad frames since start, by kind."""
        self._profiles: dict[bytes, Profiles] = {}
        self._screen = Screen()
        self._any_mvf_length = False
        self._nic: Nic | None = None
        self.random_octets: Callable[[int], bytes] = secrets.token_bytes

    def open_nic(self, port: Port) -> Nic:
        """The host's Nic. Raises ``AdapterError`` when it cannot be had."""
        raise NotImplementedError

    def open(self, port: Port) -> None:
        super().open(port)
        self._nic = self.open_nic(port)
        self._nic.subscribe(self._received)

    def close(self) -> None:
        if self._nic is not None:
            self._nic.unsubscribe(self._received)
            self._nic = None

    # ------------------------------------------------------------ values

    @property
    def mac(self) -> bytes:
        """The own host's MAC."""
        return self._open_nic().mac

    @property
    def new_run_id(self) -> bytes:
        """Eight random octets, new at every reading."""
        return self.random_octets(8)

    # ------------------------------------------------------------ orders

    def require(self, *, zero: list[str], nonzero: list[str], any_mvf_length: bool) -> None:
        """Set which fields must be zero or nonzero from now on; see the contract. Raises ``AdapterError`` for a field
        that no message has."""
        try:
            self._screen = Screen(zero, nonzero)
        except ValueError as error:
            raise AdapterError(f"require: {error}") from None
        self._any_mvf_length = any_mvf_length

    def CM_SLAC_PARM_REQ(self, *, run_id: bytes) -> None:
        self._send(f.CmSlacParmReq(f.BROADCAST, self.mac, run_id))

    def CM_SLAC_PARM_CNF(self, *, peer: bytes, run_id: bytes, num_sounds: int, time_out: int) -> None:
        self._send(f.CmSlacParmCnf(peer, self.mac, run_id, peer, num_sounds, _units(time_out)))

    def CM_START_ATTEN_CHAR_IND(self, *, run_id: bytes, num_sounds: int, time_out: int) -> None:
        mac = self.mac
        self._send(f.CmStartAttenCharInd(f.BROADCAST, mac, 0, 0, num_sounds, _units(time_out), 1, mac, run_id))

    def CM_MNBC_SOUND_IND(self, *, run_id: bytes, remaining: int) -> None:
        rnd = self.random_octets(16)
        self._send(f.CmMnbcSoundInd(f.BROADCAST, self.mac, 0, 0, NO_ID, remaining, run_id, rnd))

    def forget_profiles(self, *, pev_mac: bytes) -> None:
        self._profiles.pop(pev_mac, None)

    def CM_ATTEN_CHAR_IND(self, *, peer: bytes, run_id: bytes, num_sounds: int) -> None:
        """Send the mean of the profiles (dB per group) since ``forget_profiles``. Raises ``AdapterError`` when there is
        none."""
        profiles = self._profiles.get(peer)
        if profiles is None:
            raise AdapterError(f"CM_ATTEN_CHAR_IND: no attenuation profile of {peer.hex(':')} since forget_profiles")
        self._send(f.CmAttenCharInd(peer, self.mac, peer, run_id, num_sounds, profiles.mean()))

    def CM_ATTEN_CHAR_RSP(self, *, peer: bytes, run_id: bytes, result: int) -> None:
        mac = self.mac
        self._send(f.CmAttenCharRsp(peer, mac, 0, 0, mac, run_id, NO_ID, NO_ID, result))

    def CM_VALIDATE_REQ(self, *, peer: bytes, timer: int, result: int) -> None:
        self._send(f.CmValidateReq(peer, self.mac, 0, max(0, _units(timer) - 1), result))

    def CM_VALIDATE_CNF(self, *, peer: bytes, toggle_num: int, result: int) -> None:
        self._send(f.CmValidateCnf(peer, self.mac, 0, toggle_num, result))

    def CM_SLAC_MATCH_REQ(self, *, peer: bytes, run_id: bytes) -> None:
        mac = self.mac
        self._send(f.CmSlacMatchReq(peer, mac, mac, peer, run_id))

    def CM_SLAC_MATCH_CNF(self, *, peer: bytes, run_id: bytes, nid: bytes, nmk: bytes) -> None:
        mac = self.mac
        self._send(f.CmSlacMatchCnf(peer, mac, peer, mac, run_id, nid, nmk))

    def CM_AMP_MAP_REQ(self, *, peer: bytes) -> None:
        self._send(f.CmAmpMapReq(peer, self.mac, FULL_AMP_MAP, bytes((FULL_AMP_MAP + 1) // 2)))

    def CM_AMP_MAP_CNF(self, *, peer: bytes, result: int) -> None:
        self._send(f.CmAmpMapCnf(peer, self.mac, result))

    # ------------------------------------------------------------ frames

    def _send(self, message: f.Mme) -> None:
        try:
            frame = message.encode()
        except f.FieldError as error:
            raise AdapterError(str(error)) from None
        self._open_nic().send(frame)

    def _open_nic(self) -> Nic:
        if self._nic is None:
            raise AdapterError("the link is not open")
        return self._nic

    def _received(self, frame: bytes, message: f.Mme | f.BadFrame | None) -> None:
        if message is None:
            return  # IP and the like: somebody else's
        if isinstance(message, f.BadFrame) and self._any_mvf_length and message.message is not None:
            message = message.message
        if isinstance(message, f.BadFrame):
            self._refused(message)
            return
        objection = self._screen.objection(message)
        if objection is not None:
            self._refused(f.BadFrame("nonconforming", message.MMTYPE, objection, message.source))
            return
        if isinstance(message, f.CmAttenProfileInd):
            self._profile(message.pev_mac, message.aag)
        elif isinstance(message, f.VsAttenuationCharacteristicsInd):
            if self.config["vendor_profiles"]:
                self._profile(message.pev_mac, message.aag)
        else:
            read = self._EVENTS.get(type(message))
            if read is not None:
                event = message.NAME.replace(".", "_")
                self.port.emit(event, source=message.source, **read(message))

    def _refused(self, bad: f.BadFrame) -> None:
        self.bad[bad.kind] += 1
        self.port.emit("bad_frame", source=bad.source, mmtype=bad.mmtype, kind=bad.kind, reason=bad.reason)

    def _profile(self, pev_mac: bytes, aag: bytes) -> None:
        if pev_mac not in self._profiles and len(self._profiles) >= MAX_VEHICLES:
            del self._profiles[next(iter(self._profiles))]
        self._profiles.setdefault(pev_mac, Profiles()).add(aag)
        self.port.emit("CM_ATTEN_PROFILE_IND", pev_mac=pev_mac, mean=sum(aag) / len(aag))

    # What of a message its event carries, besides the source.
    _EVENTS: ClassVar[dict[type[f.Mme], Callable[[Any], dict[str, Any]]]] = {
        f.CmSlacParmReq: lambda m: {
            "run_id": m.run_id,
            "application_type": m.application_type,
            "security_type": m.security_type,
        },
        f.CmSlacParmCnf: lambda m: {
            "run_id": m.run_id,
            "num_sounds": m.num_sounds,
            "time_out": m.time_out * UNIT_NS,
            "resp_type": m.resp_type,
        },
        f.CmStartAttenCharInd: lambda m: {
            "run_id": m.run_id,
            "num_sounds": m.num_sounds,
            "time_out": m.time_out * UNIT_NS,
            "resp_type": m.resp_type,
        },
        f.CmMnbcSoundInd: lambda m: {"run_id": m.run_id, "remaining": m.cnt},
        f.CmAttenCharInd: lambda m: {
            "source_address": m.source_address,
            "run_id": m.run_id,
            "num_sounds": m.num_sounds,
            "mean": sum(m.aag) / len(m.aag),
        },
        f.CmAttenCharRsp: lambda m: {"source_address": m.source_address, "run_id": m.run_id, "result": m.result},
        f.CmValidateReq: lambda m: {
            "signal_type": m.signal_type,
            "timer": (m.timer + 1) * UNIT_NS,
            "result": m.result,
        },
        f.CmValidateCnf: lambda m: {"signal_type": m.signal_type, "toggle_num": m.toggle_num, "result": m.result},
        f.CmSlacMatchReq: lambda m: {"pev_mac": m.pev_mac, "evse_mac": m.evse_mac, "run_id": m.run_id},
        f.CmSlacMatchCnf: lambda m: {
            "pev_mac": m.pev_mac,
            "evse_mac": m.evse_mac,
            "run_id": m.run_id,
            "nid": m.nid,
            "nmk": m.nmk,
        },
        f.CmAmpMapReq: lambda m: {"length": m.amlen},
        f.CmAmpMapCnf: lambda m: {"result": m.res_type},
    }


class SimulatedHpgpLink(HpgpLink):
    """On the simulated line of this system."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = {**SIMULATED, **LINK}

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return line_claims(config)

    def open_nic(self, port: Port) -> Nic:
        nic = LineDriver.of(self.world, self.config).nic(port, self.config)
        self.random_octets = seeded(self.config["seed"], f"{nic.host} {self.contract}")
        return nic


class PacketHpgpLink(HpgpLink):
    """On a network interface."""

    settings: ClassVar[Mapping[str, Setting]] = {**PACKET, **LINK}

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return packet_claims(config)

    def open_nic(self, port: Port) -> Nic:
        return packet_nic(self.world, self.config, port)


class LineHpgpLink(HpgpLink):
    """On the simulated line of another process."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = {**SOCKET, **LINK}

    def open_nic(self, port: Port) -> Nic:
        return line_nic(self.world, self.config, port)


def _units(duration_ns: int) -> int:
    return round(duration_ns / UNIT_NS)
