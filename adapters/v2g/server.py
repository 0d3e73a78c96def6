"""The station's end of a V2G connection (contract ``v2g_secc``): on a real interface or a simulated host."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from adapters.intake import Limits
from adapters.net.network import ByteStream
from adapters.net.simulated import Host
from adapters.net.sockets import SocketHost
from adapters.net.tls_stream import TlsStream
from adapters.slac.settings import host_claims
from adapters.v2g.callers import Caller, Callers, Rules, mac_behind
from adapters.v2g.connection import BOTH, REAL, SIMULATED
from adapters.v2g.secc import SeccMessages
from adapters.v2g.tls import server_context
from engine.adapter import AdapterError, Port, Setting, World

SERVER: dict[str, Setting] = {
    **BOTH,
    "largest_call": Setting(
        "int",
        4096,
        "Bytes a connection may send before it has sent a whole supportedAppProtocolReq; one with 20 offers of 100 "
        "characters is below 2,500",
    ),
    "port": Setting("int", 61851, "TCP port without TLS; ISO 15118-2 [V2G2-088] wants a dynamic one, 49152 to 65535"),
}


class _Listening(Protocol):
    def unlisten(self, tcp_port: int) -> None: ...


class V2gSecc(SeccMessages):
    """The station's side. A subclass says which network."""

    contract = "v2g_secc"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._open_ports: list[int] = []
        self._told = ""

    def network(self) -> _Listening:
        """The host to listen on. Raises ``AdapterError`` when there is none."""
        raise NotImplementedError

    def start(self, *, tls: bool) -> tuple[int, int]:
        """Start to listen and return the ports (TCP, TLS or 0). Raises ``AdapterError``."""
        raise NotImplementedError

    def check(self, *, tls: bool) -> None:
        """Raise ``ConfigurationError`` when the settings cannot do what is ordered, whatever the interface does."""

    def open(self, port: Port) -> None:
        self.callers = Callers(port, self.config["largest_call"], self._called, self._turned_away)
        super().open(port)  # may refuse its settings; it is closed all the same

    def close(self) -> None:
        super().close()
        self._unlisten()
        self.callers.close()

    def listen(self, *, tls: bool, connections: int, connections_of_peer: int, time: int) -> None:
        """Try once to open the ports: ``listening`` or ``not_listening`` follows. ``time`` (ns) is what a connection
        has to call; see callers.py. Raises ``ConfigurationError`` when the settings cannot do TLS and it is ordered."""
        self.check(tls=tls)
        self.callers.rules = Rules(connections, connections_of_peer, time)
        self._unlisten()
        try:
            port_tcp, port_tls = self.start(tls=tls)
        except AdapterError as error:
            if str(error) != self._told:  # people are told once, the chart each time
                self._told = str(error)
                self.port.tell(self._told)
            self.port.emit("not_listening", reason=str(error))
            return
        self._told = ""
        self._open_ports = [number for number in (port_tcp, port_tls) if number]
        self.port.emit("listening", port_tcp=port_tcp, port_tls=port_tls)

    def expect(self, *, peer: str, mac: bytes) -> None:
        """Keep connections of this peer when there are too many."""
        self.callers.expected_peer, self.callers.expected_mac = peer, mac

    def serve(self, *, connection: int) -> None:
        """Make this connection the vehicle's; what it has sent so far is read now."""
        caller = self.callers.take(connection)
        self.take_down()
        if caller is None:
            self.port.emit("disconnected", reason="closed before it was served")
            return
        self.take(caller.stream)
        self.endpoint.received(bytes(caller.held))

    def refuse(self, *, connection: int) -> None:
        """Close this connection by RST."""
        caller = self.callers.take(connection)
        if caller is not None:
            caller.stream.reset()

    def drop(self) -> None:
        """Close the vehicle's connection."""
        self.take_down()

    def _unlisten(self) -> None:
        for number in self._open_ports:
            self.network().unlisten(number)
        self._open_ports = []

    def _called(self, caller: Caller) -> None:
        peer = caller.stream.peer_address
        open_for = self.port.now_ns() - caller.opened_ns
        known = {"peer": peer, "peer_mac": mac_behind(peer), "tls": caller.tls, "open_for": open_for}
        self.port.emit("called", connection=caller.number, **known)

    def _turned_away(self, peer: str, reason: str, count: int) -> None:
        self.port.emit("turned_away", peer=peer, reason=reason, count=count)


class SimulatedV2gSecc(V2gSecc):
    """On a simulated host. TLS is not simulated: port_tls is 0."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = (
        SERVER | SIMULATED | {"host": Setting("string", "evse", "Name of the host", names="machine")}
    )

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return host_claims(config)

    def network(self) -> Host:
        return Host.of(self.world, self.port, {key: self.config[key] for key in ("host", "medium", "line")})

    def start(self, *, tls: bool) -> tuple[int, int]:
        number = self.config["port"]
        self.network().listen(number, lambda stream: self._come(stream))
        return number, 0

    def _come(self, stream: ByteStream) -> None:
        self.callers.come(stream, False)


class SocketV2gSecc(V2gSecc):
    """On a real interface."""

    settings: ClassVar[Mapping[str, Setting]] = (
        SERVER
        | REAL
        | {
            "tls_port": Setting("int", 61852, "TCP port with TLS"),
            "certificate": Setting("string", "", "PEM file: SECC leaf, then sub-CAs; needed for TLS"),
            "key": Setting("string", "", "PEM file: the leaf's private key"),
            "key_password": Setting("string", "", "Password of the key file; empty: it has none", secret=True),
            "connections_per_s": Setting(
                "int", 250, "Connections per second accepted of one address; one costs about 0.3 ms. More are reset"
            ),
        }
    )

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        keys = ("port", "tls_port") if config["certificate"] else ("port",)
        return {key: f"TCP port {config[key]} of interface {config['interface']!r}" for key in keys}

    def network(self) -> SocketHost:
        return SocketHost.of(self.world, self.port, self.config)

    def check(self, *, tls: bool) -> None:
        self._context = self._server_context() if tls else None

    def start(self, *, tls: bool) -> tuple[int, int]:
        network = self.network()
        number, tls_number = self.config["port"], self.config["tls_port"] if tls else 0
        limits = Limits(self.config["connections_per_s"], self.config["connections_per_s"])
        network.listen(number, lambda stream: self._come(stream), limits)
        if tls_number:
            try:
                network.listen(tls_number, lambda stream: self._come_secure(stream), limits)
            except AdapterError:
                network.unlisten(number)
                raise
        return number, tls_number

    def _server_context(self) -> ssl.SSLContext:
        config = self.config
        return server_context(config["certificate"], config["key"], config["key_password"], config["key_log"])

    def _come(self, stream: ByteStream) -> None:
        self.callers.come(stream, False)

    def _come_secure(self, stream: ByteStream) -> None:
        """TLS; only what it carries is looked at, but its time and its place count from the first moment."""
        assert self._context is not None
        callers: list[Caller] = []

        def refused(reason: str) -> None:
            for caller in callers:
                self.callers.turn_away(caller, reason)

        secure = TlsStream(stream, self._context, server_side=True, established=lambda: None, refused=refused)
        caller = self.callers.come(secure, True)
        if caller is not None:
            callers.append(caller)
