"""Contracts ``sdp_server`` and ``sdp_client``, on a real interface or on simulated hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Any, ClassVar

from adapters.intake import Limits
from adapters.net.network import Network
from adapters.net.simulated import Host
from adapters.net.sockets import SocketHost
from adapters.sdp import messages
from adapters.sdp.messages import SDP_SERVER_PORT, Security, Transport
from adapters.settings import filled
from adapters.slac.settings import HOST, ON_LINE, host_claims
from engine.adapter import Adapter, AdapterError, Port, Setting, World

SECURITY = {Security.TLS: "tls", Security.NONE: "none"}
TRANSPORT = {Transport.TCP: "tcp", Transport.UDP: "udp"}
REAL: dict[str, Setting] = {
    "interface": Setting("string", "", "Network interface to speak IPv6 on, such as eth1 (required)"),
    "per_source": Setting(
        "int",
        20,
        "SDP datagrams per second taken from one address and port; vehicles ask 4 times a second ([V2G2-159])",
    ),
    "new_sources": Setting(
        "int",
        100,
        "First datagrams of addresses and ports not seen before, per second; each costs about 0.3 ms",
    ),
}
SIMULATED: dict[str, Setting] = {
    "host": HOST["host"],
    "medium": Setting("enum(line, wire)", "line", "What the host is connected to: the power line or a plain wire"),
    **ON_LINE,
}


class SdpServer(Adapter):
    """The station's side. A subclass says which network."""

    contract = "sdp_server"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.bad: Counter[str] = Counter()
        """Datagrams that were no SDP request, by reason."""
        self._network: Network | None = None
        self._bound = False
        self._told = ""

    def network(self, port: Port) -> Network:
        """The host to use."""
        raise NotImplementedError

    def open(self, port: Port) -> None:
        super().open(port)
        self._network = self.network(port)

    def close(self) -> None:
        self.stop()

    def start(self) -> None:
        """Try once to receive requests from now on: ``started``, ``no_address`` or ``failed`` follows. Raises
        ``AdapterError`` when the adapter is not open."""
        self.stop()
        network = self._open_network()
        try:
            address = network.address
        except AdapterError as error:
            if str(error) != self._told:  # people are told once, the chart each time
                self._told = str(error)
                self.port.tell(self._told)
            self.port.emit("no_address", reason=str(error))
            return
        self._told = ""
        try:
            network.bind(SDP_SERVER_PORT, self._received, self._failed, _limits(self.config))
        except AdapterError as error:
            self._failed(str(error))
            return
        self._bound = True
        self.port.emit("started", address=address)

    def stop(self) -> None:
        """Receive no more requests."""
        if self._network is not None and self._bound:
            self._network.unbind(SDP_SERVER_PORT)
        self._bound = False

    def answer(self, *, peer: str, security: str, port: int) -> None:
        """Send the response with the own address to ``peer`` (address and port as in the request event). Raises
        ``AdapterError`` for a peer of another form, a port beyond 16 bits, or a host that cannot send."""
        address, _, peer_port = peer.rpartition(":")
        if not peer_port.isdigit() or not address.startswith("["):
            raise AdapterError(f"answer: '{peer}' is no peer of a request event")
        network = self._open_network()
        response = messages.SdpResponse(IPv6Address(network.address), port, _number(SECURITY, security))
        try:
            data = messages.encode(response)
        except ValueError as error:
            raise AdapterError(f"answer: {error}") from None
        network.send_datagram(address[1:-1], int(peer_port), data, SDP_SERVER_PORT)

    def _failed(self, reason: str) -> None:
        self._bound = False
        self.port.emit("failed", reason=reason)

    def _open_network(self) -> Network:
        if self._network is None:
            raise AdapterError("the adapter is not open")
        return self._network

    def _received(self, address: str, port: int, data: bytes) -> None:
        message = messages.decode(data)
        peer = f"[{address}]:{port}"
        if isinstance(message, messages.SdpRequest):
            security, transport = _word(SECURITY, message.security), _word(TRANSPORT, message.transport)
            if security and transport:
                self.port.emit("request", peer=peer, address=address, security=security, transport=transport)
                return
        reason = _reason(message, messages.SdpRequest)
        self.bad[reason] += 1
        self.port.emit("bad_datagram", peer=peer, reason=reason)


class SdpClient(Adapter):
    """The vehicle's side. A subclass says which network."""

    contract = "sdp_client"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.bad: Counter[str] = Counter()
        """Datagrams that were no SDP response, by reason."""
        self._network: Network | None = None
        self._own_port = 0

    def network(self, port: Port) -> Network:
        """The host to use."""
        raise NotImplementedError

    def open(self, port: Port) -> None:
        super().open(port)
        self._network = self.network(port)

    def close(self) -> None:
        if self._network is not None and self._own_port:
            self._network.unbind(self._own_port)
            self._own_port = 0

    def request(self, *, security: str) -> None:
        """Send one request to all stations on the link. Raises ``AdapterError`` when the adapter is not open or the
        host cannot send."""
        if self._network is None:
            raise AdapterError("the adapter is not open")
        if not self._own_port:
            self._own_port = self._network.bind(0, self._received, self._failed, _limits(self.config))
        data = messages.encode(messages.SdpRequest(_number(SECURITY, security)))
        self._network.send_datagram(None, SDP_SERVER_PORT, data, self._own_port)

    def _failed(self, reason: str) -> None:
        self._own_port = 0  # the next request takes another
        self.port.error(reason)

    def _received(self, address: str, port: int, data: bytes) -> None:
        message = messages.decode(data)
        if isinstance(message, messages.SdpResponse):
            security, transport = _word(SECURITY, message.security), _word(TRANSPORT, message.transport)
            if security and transport:
                scope = address.partition("%")[2] if message.address.is_link_local else ""
                host = f"{message.address}%{scope}" if scope else str(message.address)
                self.port.emit("response", host=host, port=message.port, security=security, transport=transport)
                return
        reason = _reason(message, messages.SdpResponse)
        self.bad[reason] += 1
        self.port.emit("bad_datagram", peer=f"[{address}]:{port}", reason=reason)


class SimulatedSdpServer(SdpServer):
    """On a simulated host."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = SIMULATED

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return host_claims(config)

    def network(self, port: Port) -> Network:
        return Host.of(self.world, port, self.config)


class SocketSdpServer(SdpServer):
    """On a network interface."""

    settings: ClassVar[Mapping[str, Setting]] = REAL

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"interface": f"the SDP port of interface {config['interface']!r}"}

    def network(self, port: Port) -> Network:
        return SocketHost.of(self.world, port, self.config)


class SimulatedSdpClient(SdpClient):
    """On a simulated host."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = SIMULATED

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return host_claims(config)

    def network(self, port: Port) -> Network:
        return Host.of(self.world, port, self.config)


class SocketSdpClient(SdpClient):
    """On a network interface."""

    settings: ClassVar[Mapping[str, Setting]] = REAL

    def network(self, port: Port) -> Network:
        return SocketHost.of(self.world, port, self.config)


def _limits(config: Mapping[str, Any]) -> Limits:
    """Of a real interface; a simulated one has no such settings."""
    return Limits(config.get("per_source", 0), config.get("new_sources", 0))


def _number(words: Mapping[Any, str], word: str) -> Any:
    for number, known in words.items():
        if known == word:
            return number
    raise AdapterError(f"'{word}' is none of {', '.join(words.values())}")


def _word(words: Mapping[Any, str], number: int) -> str:
    return words.get(number, "")


def _reason(message: messages.SdpMessage | messages.BadDatagram, wanted: type) -> str:
    if isinstance(message, messages.BadDatagram):
        return message.reason
    if isinstance(message, wanted):
        return "a reserved value of security or transport"
    return f"a {type(message).__name__}, expected a {wanted.__name__}"
