"""V2G transport of both sides (contracts ``v2g_server``, ``v2g_client``): a real interface, or simulated hosts."""

from __future__ import annotations

import json
import random
import ssl
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from adapters.intake import Limits
from adapters.net.network import ByteStream
from adapters.net.simulated import Host
from adapters.net.sockets import SocketHost
from adapters.net.tls_stream import TlsStream
from adapters.settings import filled
from adapters.slac.settings import ON_LINE, host_claims
from adapters.v2g.callers import Caller, Callers, Rules, mac_behind
from adapters.v2g.counters import UdpLines, line
from adapters.v2g.endpoint import Endpoint
from adapters.v2g.tls import client_context, server_context
from engine.adapter import Adapter, AdapterError, ConfigurationError, Port, Setting, World

ANY_LENGTH = 0xFFFF_FFFF
"""What the length field of V2GTP can say."""

BOTH: dict[str, Setting] = {
    "largest_message": Setting(
        "int",
        32_768,
        "Bytes of the largest message taken. Those of DIN and ISO 15118-2 stay below 10,000; while one is read, up to "
        "2 us a byte, everything else waits: 262,144 would be half a second, in which no contactor opens. 0: no limit",
    ),
    "tx_drop_prob": Setting("float", 0.0, "Probability that a message is not sent, to test the other side; 0 to 1"),
    "tx_drop_seed": Setting("int", 0, "Decides which messages those are"),
    "metrics": Setting("bool", False, "Tell the counters of each connection when it ends"),
    "most_unanswered": Setting(
        "int",
        32,
        "Messages of the other side that are read before one goes back to it: V2G is request and response. At one more "
        "the stream counts as unreadable",
    ),
}
SERVER: dict[str, Setting] = {
    **BOTH,
    "largest_call": Setting(
        "int",
        4096,
        "Bytes a connection may send before it has sent a whole supportedAppProtocolReq; one with 20 offers of 100 "
        "characters is below 2,500",
    ),
    "host": Setting("string", "evse", "Name of the host; the message adapter has the same", names="machine"),
    "port": Setting("int", 61851, "TCP port without TLS; ISO 15118-2 [V2G2-088] wants a dynamic one, 49152 to 65535"),
}
CLIENT: dict[str, Setting] = {
    **BOTH,
    "host": Setting("string", "pev", "Name of the host; the message adapter has the same", names="machine"),
    "close_by": Setting("enum(FIN, RST)", "FIN", "How the vehicle closes its connection; some models reset it"),
}
REAL: dict[str, Setting] = {
    "interface": Setting("string", "", "Network interface to speak IPv6 on, such as eth1 (required)"),
    "metrics_udp": Setting(
        "string", "", "Address and port for the counters of each connection, one JSON line as a datagram"
    ),
    "key_log": Setting("string", "", "File for the TLS secrets, in NSS format, to decode captures with"),
}
SIMULATED: dict[str, Setting] = {
    "medium": Setting("enum(line, wire)", "line", "What the host is connected to: the power line or a plain wire"),
    **ON_LINE,
}


class _Listening(Protocol):
    def unlisten(self, tcp_port: int) -> None: ...


class _Transport(Adapter):
    """What both ends share: one stream, one endpoint."""

    side = ""

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.endpoint = Endpoint.of(world, self.side, self.config["host"])
        self.endpoint.largest_message_bytes = self.config["largest_message"] or ANY_LENGTH
        self.endpoint.most_unanswered = self.config["most_unanswered"]
        self._stream: ByteStream | None = None
        probability, chance = self.config["tx_drop_prob"], random.Random(f"{self.config['tx_drop_seed']} {self.side}")
        if not 0 <= probability <= 1:
            raise ConfigurationError(f"tx_drop_prob {probability:g}: a probability is from 0 to 1")
        self.endpoint.drops = (lambda: chance.random() < probability) if probability else (lambda: False)
        self._udp: UdpLines | None = None

    def open(self, port: Port) -> None:
        super().open(port)
        to = self.config.get("metrics_udp")
        self._udp = UdpLines(to) if to else None
        self.endpoint.on_undecodable = lambda kind, reason, payload_type: port.emit(
            "undecodable", kind=kind, reason=reason, payload_type=payload_type
        )
        self.endpoint.on_bad_header = lambda reason: port.emit("bad_header", reason=reason)

    def close(self) -> None:
        self.take_down()
        if self._udp is not None:
            self._udp.close()

    @property
    def connected(self) -> bool:
        return self._stream is not None

    def take(self, stream: ByteStream) -> None:
        """The connection stands."""

        def closed(reason: str) -> None:
            if self._stream is stream:
                self._stream = None
                self._ended()
                self.port.emit("disconnected", reason=reason)

        def data(received: bytes) -> None:
            if self._stream is stream:
                self.endpoint.received(received)

        self._stream = stream
        stream.on_data = data
        stream.on_close = closed
        self.endpoint.connected(stream.write)

    def take_down(self, *, reset: bool = False) -> None:
        """End the connection, if there is one, by FIN or RST; no event follows."""
        stream, self._stream = self._stream, None
        self._ended()
        if stream is not None:
            if reset:
                stream.reset()
            else:
                stream.close()

    def _ended(self) -> None:
        """The counters of the connection are told when there was one."""
        was_connected = self.endpoint.write is not None
        self.endpoint.disconnected()
        if not was_connected or not (self.config["metrics"] or self._udp):
            return
        endpoint = self.endpoint
        found = line(endpoint.counters, endpoint.resend_rules, self.config["tx_drop_prob"], endpoint.session_id)
        text = json.dumps(found)
        refusal = self._udp.send(text) if self._udp else ""
        if refusal:
            self.port.tell(f"the counters could not be sent to {self.config['metrics_udp']}: {refusal}")
        if self.config["metrics"]:
            self.port.tell(f"V2G counters {text}")


# ---------------------------------------------------------------- the station


class V2gServer(_Transport):
    """The station's side. A subclass says which network."""

    contract = "v2g_server"
    side = "secc"

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
        super().open(port)
        self.callers = Callers(port, self.config["largest_call"], self._called, self._turned_away)

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


class SimulatedV2gServer(V2gServer):
    """On a simulated host. TLS is not simulated: port_tls is 0."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = SERVER | SIMULATED

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


class SocketV2gServer(V2gServer):
    """On a real interface."""

    settings: ClassVar[Mapping[str, Setting]] = (
        SERVER
        | REAL
        | {
            "tls_port": Setting("int", 61852, "TCP port with TLS"),
            "certificate": Setting("string", "", "PEM file: SECC leaf, then sub-CAs; needed for TLS"),
            "key": Setting("string", "", "PEM file: the leaf's private key"),
            "key_password": Setting("string", "", "Password of the key file; empty: it has none"),
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


# ---------------------------------------------------------------- the vehicle


class V2gClient(_Transport):
    """The vehicle's side. A subclass says which network."""

    contract = "v2g_client"
    side = "evcc"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._calls: dict[str, int] = {}
        self._shaking: dict[str, TlsStream] = {}

    def begin(
        self, host: str, port: int, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        """Start one attempt and return its id for :meth:`give_up`. Raises ``AdapterError`` when ``host`` is no address
        there."""
        raise NotImplementedError

    def give_up(self, attempt: int) -> None:
        """Cancel an attempt."""
        raise NotImplementedError

    def context(self) -> ssl.SSLContext:
        """The TLS context. Raises ``AdapterError`` when there is no TLS or its files are missing."""
        raise NotImplementedError

    def connect(self, *, host: str, port: int, tls: bool, call_id: str) -> None:
        """Try once to connect."""
        context = self.context() if tls else None

        def connected(stream: ByteStream) -> None:
            self._calls.pop(call_id, None)
            if context is None:
                stands(stream)
                return
            secure = TlsStream(
                stream,
                context,
                server_side=False,
                established=lambda: stands(self._shaking.pop(call_id)),
                refused=tls_refused,
            )
            self._shaking[call_id] = secure

        def stands(stream: ByteStream) -> None:
            self.take_down()
            self.take(stream)
            self.port.done(call_id, tls=tls, refusal="")

        def tls_refused(reason: str) -> None:
            if self._shaking.pop(call_id, None) is not None:
                self.port.done(call_id, tls=tls, refusal=reason)

        def refused(reason: str) -> None:
            self._calls.pop(call_id, None)
            self.port.failed(call_id, reason)

        self._calls[call_id] = self.begin(host, port, connected, refused)

    def cancel_call(self, call_id: str) -> None:
        attempt = self._calls.pop(call_id, None)
        if attempt is not None:
            self.give_up(attempt)
        shaking = self._shaking.pop(call_id, None)
        if shaking is not None:
            shaking.reset()

    def disconnect(self) -> None:
        """Close the connection, by FIN or as ``close_by`` says."""
        self.take_down(reset=self.config["close_by"] == "RST")

    def reset(self) -> None:
        """Close the connection by RST."""
        self.take_down(reset=True)


class SimulatedV2gClient(V2gClient):
    """On a simulated host."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = CLIENT | SIMULATED

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return host_claims(config)

    def _network(self) -> Host:
        return Host.of(self.world, self.port, {key: self.config[key] for key in ("host", "medium", "line")})

    def begin(
        self, host: str, port: int, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        try:
            return self._network().connect(host, port, connected, refused)
        except ValueError as error:
            raise AdapterError(str(error)) from error

    def give_up(self, attempt: int) -> None:
        self._network().give_up(attempt)

    def context(self) -> ssl.SSLContext:
        raise AdapterError("the simulated network has no TLS")


class SocketV2gClient(V2gClient):
    """On a real interface."""

    settings: ClassVar[Mapping[str, Setting]] = (
        CLIENT
        | REAL
        | {"root": Setting("string", "", "PEM file: V2G root certificate the station is verified by; empty: it is not")}
    )

    def _network(self) -> SocketHost:
        return SocketHost.of(self.world, self.port, self.config)

    def begin(
        self, host: str, port: int, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        return self._network().connect(host, port, connected, refused)

    def give_up(self, attempt: int) -> None:
        self._network().give_up(attempt)

    def context(self) -> ssl.SSLContext:
        return client_context(self.config["root"], self.config["key_log"])
