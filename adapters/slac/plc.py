"""Contract ``plc_modem``: the own modem's keys, versions, link status and reset."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from adapters.settings import filled
from adapters.slac import frames as f
from adapters.slac.hub import line_nic
from adapters.slac.nic import LineDriver, Nic, seeded
from adapters.slac.packet import packet_nic
from adapters.slac.settings import PACKET, SIMULATED, SOCKET, packet_claims
from engine.adapter import Adapter, AdapterError, Port, Setting, World


class PlcModem(Adapter):
    """Base of the modem adapters; a subclass says which Nic. Orders raise ``AdapterError`` for fields that do not fit
    the frame."""

    contract = "plc_modem"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._nic: Nic | None = None
        self._nid = b""
        self.random_octets: Callable[[int], bytes] = secrets.token_bytes

    def open_nic(self, port: Port) -> Nic:
        """The host's Nic. Raises ``AdapterError`` when it cannot be had."""
        raise NotImplementedError

    def open(self, port: Port) -> None:
        super().open(port)
        self._nic = self.open_nic(port)
        self._nic.subscribe(self._received, self._interface)

    def close(self) -> None:
        if self._nic is not None:
            self._nic.unsubscribe(self._received)
            self._nic = None

    # ------------------------------------------------------------ values

    @property
    def new_nmk(self) -> bytes:
        """A random key of 16 octets, new at every reading."""
        return self.random_octets(16)

    @property
    def nid(self) -> bytes:
        """Network id of the last key ordered; empty before the first."""
        return self._nid

    @property
    def interface_is_up(self) -> bool:
        return self._nic is not None and self._nic.is_up

    @property
    def interface(self) -> str:
        """Where the modem is, for people."""
        return self._open_nic().interface

    # ------------------------------------------------------------ orders

    def CM_SET_KEY_REQ(self, *, nmk: bytes, nid: bytes) -> None:
        self._nid = nid or self._derived(nmk)
        self._send(f.CmSetKeyReq(f.LOCALCAST, self._open_nic().mac, self._nid, nmk))

    def CM_GET_KEY_REQ(self, *, nmk: bytes) -> None:
        self._send(f.CmGetKeyReq(f.LOCALCAST, self._open_nic().mac, 0, 1, self._derived(nmk)))

    def VS_SW_VER_REQ(self) -> None:
        self._send(f.VsSwVerReq(f.BROADCAST, self._open_nic().mac))

    def VS_PL_LINK_STATUS_REQ(self) -> None:
        self._send(f.VsPlLinkStatusReq(f.LOCALCAST, self._open_nic().mac))

    def VS_RS_DEV_REQ(self) -> None:
        self._send(f.VsRsDevReq(f.LOCALCAST, self._open_nic().mac))

    # ------------------------------------------------------------ frames

    def _derived(self, nmk: bytes) -> bytes:
        try:
            return f.nid_from_nmk(nmk)
        except ValueError as error:
            raise AdapterError(str(error)) from None

    def _send(self, message: f.Mme) -> None:
        try:
            frame = message.encode()
        except f.FieldError as error:
            raise AdapterError(str(error)) from None
        self._open_nic().send(frame)

    def _open_nic(self) -> Nic:
        if self._nic is None:
            raise AdapterError("the modem is not open")
        return self._nic

    def _interface(self, up: bool, reason: str) -> None:
        if up:
            self.port.emit("interface_up")
        else:
            self.port.emit("interface_down", reason=reason)

    def _received(self, frame: bytes, message: f.Mme | f.BadFrame | None) -> None:
        if isinstance(message, f.CmSetKeyCnf):
            self.port.emit("CM_SET_KEY_CNF", result=message.result)
        elif isinstance(message, f.CmGetKeyCnf):
            self.port.emit("CM_GET_KEY_CNF", result=message.result, nid=message.nid)
        elif isinstance(message, f.VsSwVerCnf):
            version = message.version.rstrip("\x00")
            self.port.emit("VS_SW_VER_CNF", source=message.source, version=version)
        elif isinstance(message, f.VsPlLinkStatusCnf):
            self.port.emit("VS_PL_LINK_STATUS_CNF", link=message.status == 0 and message.link_status == 1)
        elif isinstance(message, f.VsRsDevCnf):
            self.port.emit("VS_RS_DEV_CNF", status=message.status)


class SimulatedPlcModem(PlcModem):
    """On the simulated line of this system."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = SIMULATED

    def open_nic(self, port: Port) -> Nic:
        nic = LineDriver.of(self.world, self.config).nic(port, self.config)
        self.random_octets = seeded(self.config["seed"], f"{nic.host} {self.contract}")
        return nic


class PacketPlcModem(PlcModem):
    """Behind a network interface."""

    settings: ClassVar[Mapping[str, Setting]] = PACKET

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return packet_claims(config)

    def open_nic(self, port: Port) -> Nic:
        return packet_nic(self.world, self.config, port)


class LinePlcModem(PlcModem):
    """On the simulated line of another process."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = SOCKET

    def open_nic(self, port: Port) -> Nic:
        return line_nic(self.world, self.config, port)
