"""V2G transport of both sides (contracts ``v2g_server``, ``v2g_client``): a real interface, or simulated hosts."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from adapters.net.network import ByteStream
from adapters.net.sockets import SocketHost
from adapters.settings import filled
from adapters.sim.network import Host
from adapters.v2g.endpoint import Endpoint
from adapters.v2g.tls import client_context, server_context
from engine.adapter import Adapter, AdapterError, Cancellable, Port, Setting, World

LOOK_AGAIN_NS = 100_000_000
"""How often an interface without an address is looked at: its check for duplicates takes about a second."""

BOTH: dict[str, Setting] = {
    "largest_message": Setting(
        "int",
        32_768,
        "Bytes of the largest message taken. Those of DIN and ISO 15118-2 stay below 10,000; while one is read, up to "
        "2 us a byte, everything else waits",
    ),
}
SERVER: dict[str, Setting] = {
    **BOTH,
    "host": Setting("string", "evse", "Name of the host; the message adapter has the same"),
    "port": Setting("int", 61851, "TCP port without TLS; ISO 15118-2 [V2G2-088] wants a dynamic one, 49152 to 65535"),
}
CLIENT: dict[str, Setting] = {
    **BOTH,
    "host": Setting("string", "pev", "Name of the host; the message adapter has the same"),
}
REAL: dict[str, Setting] = {
    "interface": Setting("string", "", "Network interface to speak IPv6 on, such as eth1 (required)"),
    "key_log": Setting("string", "", "File for the TLS secrets, in NSS format, to decode captures with"),
}
SIMULATED: dict[str, Setting] = {
    "medium": Setting("enum(line, wire)", "line", "What the host is connected to: the power line or a plain wire"),
}


class _Listening(Protocol):
    def unlisten(self, tcp_port: int) -> None: ...


class _Transport(Adapter):
    """What both ends share: one stream, one endpoint."""

    side = ""

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.endpoint = Endpoint.of(world, self.side, self.config["host"])
        self.endpoint.largest_message_bytes = self.config["largest_message"]
        self._stream: ByteStream | None = None

    def open(self, port: Port) -> None:
        super().open(port)
        self.endpoint.on_undecodable = lambda kind, reason: port.emit("undecodable", kind=kind, reason=reason)
        self.endpoint.on_bad_header = lambda reason: port.emit("bad_header", reason=reason)

    def close(self) -> None:
        self.take_down()

    @property
    def connected(self) -> bool:
        return self._stream is not None

    def take(self, stream: ByteStream) -> None:
        """The connection stands."""

        def closed(reason: str) -> None:
            if self._stream is stream:
                self._stream = None
                self.endpoint.disconnected()
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
        self.endpoint.disconnected()
        if stream is not None:
            if reset:
                stream.reset()
            else:
                stream.close()


# ---------------------------------------------------------------- the station


class V2gServer(_Transport):
    """The station's side. Base of the two implementations."""

    contract = "v2g_server"
    side = "secc"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._looking: Cancellable | None = None
        self._open_ports: list[int] = []

    def network(self) -> _Listening:
        """The host to listen on."""
        raise NotImplementedError

    def start(self, *, tls: bool) -> tuple[int, int]:
        """Listen; the ports (TCP, TLS or 0). Raises ``AdapterError``."""
        raise NotImplementedError

    def close(self) -> None:
        super().close()
        if self._looking is not None:
            self._looking.cancel()
        for number in self._open_ports:
            self.network().unlisten(number)

    def listen(self, *, tls: bool) -> None:
        """Open the ports, as soon as the interface has an address."""
        self._try(tls, first=True)

    def drop(self) -> None:
        """Close the vehicle's connection."""
        self.take_down()

    def _try(self, tls: bool, first: bool) -> None:
        try:
            port_tcp, port_tls = self.start(tls=tls)
        except AdapterError as error:
            if first:
                self.port.error(f"{error}; tried again until it works")
            self._looking = self.port.call_later(LOOK_AGAIN_NS, lambda: self._try(tls, first=False))
            return
        self._open_ports = [number for number in (port_tcp, port_tls) if number]
        self.port.emit("listening", port_tcp=port_tcp, port_tls=port_tls)

    def accept(self, stream: ByteStream, tls: bool) -> None:
        """A vehicle connects. One at a time; the same one may come back while its old connection is half dead."""
        if self._stream is not None:
            if self._stream.peer_address != stream.peer_address:
                stream.reset()
                return
            self.take_down()
            self.port.emit("disconnected", reason="the vehicle opened a new connection")
        self.take(stream)
        self.port.emit("connected", peer=stream.peer_address, tls=tls)


class SimulatedV2gServer(V2gServer):
    """On a simulated host. TLS is not simulated: port_tls is 0."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = SERVER | SIMULATED

    def network(self) -> Host:
        return Host.of(self.world, self.port, {"host": self.config["host"], "medium": self.config["medium"]})

    def start(self, *, tls: bool) -> tuple[int, int]:
        number = self.config["port"]
        self.network().listen(number, lambda stream: self.accept(stream, False))
        return number, 0


class SocketV2gServer(V2gServer):
    """On a real interface."""

    settings: ClassVar[Mapping[str, Setting]] = (
        SERVER
        | REAL
        | {
            "tls_port": Setting("int", 61852, "TCP port with TLS"),
            "certificate": Setting("string", "", "PEM file: SECC leaf, then sub-CAs; needed for TLS"),
            "key": Setting("string", "", "PEM file: the leaf's private key"),
        }
    )

    def network(self) -> SocketHost:
        return SocketHost.of(self.world, self.port, self.config)

    def start(self, *, tls: bool) -> tuple[int, int]:
        network = self.network()
        number, tls_number = self.config["port"], self.config["tls_port"] if tls else 0
        context = (
            server_context(self.config["certificate"], self.config["key"], self.config["key_log"]) if tls else None
        )
        network.listen(number, lambda stream: self.accept(stream, False))
        if context is not None:
            network.listen(tls_number, lambda stream: self.accept(stream, True), context)
        return number, tls_number


# ---------------------------------------------------------------- the vehicle

Connect = Callable[[str, int, Callable[[ByteStream], None], Callable[[str], None]], int]


class V2gClient(_Transport):
    """The vehicle's side. Base of the two implementations."""

    contract = "v2g_client"
    side = "evcc"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._calls: dict[str, int] = {}

    def begin(
        self, host: str, port: int, tls: bool, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        """Start one attempt; the id for :meth:`give_up`."""
        raise NotImplementedError

    def give_up(self, attempt: int) -> None:
        """The attempt is no longer wanted."""
        raise NotImplementedError

    def connect(self, *, host: str, port: int, tls: bool, call_id: str) -> None:
        """One attempt to connect."""

        def connected(stream: ByteStream) -> None:
            self._calls.pop(call_id, None)
            self.take_down()
            self.take(stream)
            self.port.done(call_id, tls=tls)

        def refused(reason: str) -> None:
            self._calls.pop(call_id, None)
            self.port.failed(call_id, reason)

        self._calls[call_id] = self.begin(host, port, tls, connected, refused)

    def cancel_call(self, call_id: str) -> None:
        attempt = self._calls.pop(call_id, None)
        if attempt is not None:
            self.give_up(attempt)

    def disconnect(self) -> None:
        """FIN."""
        self.take_down()

    def reset(self) -> None:
        """RST."""
        self.take_down(reset=True)


class SimulatedV2gClient(V2gClient):
    """On a simulated host."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = CLIENT | SIMULATED

    def _network(self) -> Host:
        return Host.of(self.world, self.port, {"host": self.config["host"], "medium": self.config["medium"]})

    def begin(
        self, host: str, port: int, tls: bool, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        if tls:
            raise AdapterError("the simulated network has no TLS")
        try:
            return self._network().connect(host, port, connected, refused)
        except ValueError as error:
            raise AdapterError(str(error)) from error

    def give_up(self, attempt: int) -> None:
        self._network().give_up(attempt)


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
        self, host: str, port: int, tls: bool, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        context: ssl.SSLContext | None = client_context(self.config["root"], self.config["key_log"]) if tls else None
        return self._network().connect(host, port, connected, refused, context)

    def give_up(self, attempt: int) -> None:
        self._network().give_up(attempt)
