"""Datagrams and byte streams between simulated hosts, as Ethernet frames over a simulated power line or a plain wire.

On the power line the modems decide what passes: these frames, like IP, need a common network (equal NMK and NID). A
stream is in order and without loss between connected hosts; there is no retransmission, since the line loses none of
these frames. Addresses are link-local IPv6 texts made from the MAC (RFC 4291 appendix A).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from typing import Any

from adapters.intake import Limits
from adapters.slac.nic import LineDriver, Nic, Receiver, Subscribers, Watcher
from adapters.slac.settings import host_of
from engine.adapter import Port, World

ETHERTYPE = b"\x88\xb5"  # IEEE 802 local experimental: not IP, so nobody takes it for one
BROADCAST = b"\xff" * 6
DATAGRAM, CONNECT, ACCEPT, REFUSE, DATA, FIN, RST = range(7)
WIRE_LATENCY_NS = 100_000

OnDatagram = Callable[[str, int, bytes], None]
"""Address and port of the sender, content."""
EPHEMERAL = 49152


def address_of(mac: bytes) -> str:
    """``fe80::…`` of a MAC of 6 bytes, as RFC 5952 writes it."""
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 0x02]) + mac[1:3] + b"\xff\xfe" + mac[3:]))


def mac_of(address: str) -> bytes:
    """The MAC behind an address of :func:`address_of`, with or without scope; raises ``ValueError`` for another one."""
    eui = IPv6Address(address.partition("%")[0]).packed[8:]
    if eui[3:5] != b"\xff\xfe":
        raise ValueError(f"{address} is no address of a simulated host")
    return bytes([eui[0] ^ 0x02]) + eui[1:3] + eui[5:]


class Wire:
    """A plain Ethernet segment: every frame reaches every other nic after the latency."""

    def __init__(self) -> None:
        self._nics: dict[str, WireNic] = {}

    def nic(self, port: Port, config: Mapping[str, Any]) -> WireNic:
        """The nic of host ``config['host']``, made at its first use."""
        host = host_of(config["host"], port.role)
        if host not in self._nics:
            self._nics[host] = WireNic(self, port, bytes((2, 0, 0, 1, 0, len(self._nics))))
        return self._nics[host]

    def pass_on(self, sender: WireNic, frame: bytes) -> None:
        """Deliver ``frame`` to every nic but the sender's, after the latency."""
        for nic in list(self._nics.values()):
            if nic is not sender:
                nic.port.call_later(WIRE_LATENCY_NS, lambda nic=nic: nic.subscribers.deliver(frame))  # type: ignore[misc]


class WireNic:
    """One end of a :class:`Wire`."""

    is_up = True
    interface = "the simulated wire"

    def __init__(self, wire: Wire, port: Port, mac: bytes) -> None:
        self.mac = mac
        self.port = port
        self.subscribers = Subscribers(mac)
        self._wire = wire

    def send(self, frame: bytes) -> None:
        self._wire.pass_on(self, frame)

    def subscribe(self, receiver: Receiver, watcher: Watcher | None = None) -> None:
        self.subscribers.add(receiver, watcher)

    def unsubscribe(self, receiver: Receiver) -> None:
        self.subscribers.remove(receiver)


class Stream:
    """One end of a byte stream. Set its callbacks before the host's next event is due."""

    def __init__(self, host: Host, peer: bytes, own_id: int, peer_id: int) -> None:
        self.peer_address = address_of(peer)
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_close: Callable[[str], None] = lambda reason: None
        self._host = host
        self._peer = peer
        self._own_id = own_id
        self._peer_id = peer_id
        self.is_open = True

    def write(self, data: bytes) -> None:
        """Send bytes; after a close they are dropped."""
        if self.is_open:
            self._host.transmit(self._peer, DATA, self._own_id, self._peer_id, data)

    def close(self) -> None:
        """FIN; ``on_close`` is not called."""
        self._end(FIN)

    def reset(self) -> None:
        """RST; ``on_close`` is not called."""
        self._end(RST)

    def _end(self, kind: int) -> None:
        if self.is_open:
            self.is_open = False
            self._host.transmit(self._peer, kind, self._own_id, self._peer_id, b"")
            self._host.forget(self._own_id)

    def closed(self, reason: str) -> None:
        """The other end closed."""
        self.is_open = False
        self._host.forget(self._own_id)
        self.on_close(reason)


class Host:
    """A simulated host: UDP ports, TCP ports, connections."""

    def __init__(self, nic: Nic) -> None:
        self.nic = nic
        self.address = address_of(nic.mac)
        self._ids = itertools.count(1)
        self._datagram: dict[int, OnDatagram] = {}
        self._listening: dict[int, Callable[[Stream], None]] = {}
        self._streams: dict[int, Stream] = {}
        self._connecting: dict[int, tuple[Callable[[Stream], None], Callable[[str], None]]] = {}
        nic.subscribe(self._received)

    @staticmethod
    def of(world: World, port: Port, config: Mapping[str, Any]) -> Host:
        """The host named by setting ``host``; setting ``medium`` is ``line`` (default) or ``wire``, ``line`` which."""
        name, medium, line = host_of(config["host"], port.role), config["medium"], config.get("line", "1")

        def make() -> Host:
            if medium == "wire":
                wire: Wire = world.shared(f"wire {line}", Wire)
                return Host(wire.nic(port, config))
            return Host(LineDriver.of(world, config).nic(port, config))

        host: Host = world.shared(f"host {name} on {medium} {line}", make)
        return host

    def bind(
        self,
        udp_port: int,
        on_datagram: OnDatagram,
        on_failed: Callable[[str], None] | None = None,
        limits: Limits | None = None,
    ) -> int:
        """Receive the datagrams of a UDP port (0 takes a free one) and return the port. It neither fails nor is
        flooded."""
        while udp_port == 0 or (udp_port >= EPHEMERAL and udp_port in self._datagram):
            udp_port = EPHEMERAL + next(self._ids) % (0x10000 - EPHEMERAL)
        self._datagram[udp_port] = on_datagram
        return udp_port

    def unbind(self, udp_port: int) -> None:
        """Close a bound port; harmless when it is not bound."""
        self._datagram.pop(udp_port, None)

    def send_datagram(self, address: str | None, udp_port: int, data: bytes, from_port: int) -> None:
        """Send one datagram to a port of one host, or of all hosts (None)."""
        self.transmit(mac_of(address) if address else BROADCAST, DATAGRAM, from_port, udp_port, data)

    def listen(self, tcp_port: int, on_stream: Callable[[Stream], None]) -> None:
        """Accept streams on a TCP port."""
        self._listening[tcp_port] = on_stream

    def unlisten(self, tcp_port: int) -> None:
        """Stop accepting; open streams stay."""
        self._listening.pop(tcp_port, None)

    def connect(
        self, address: str, tcp_port: int, connected: Callable[[Stream], None], refused: Callable[[str], None]
    ) -> int:
        """Start to connect and return the id for :meth:`give_up`. Raises ``ValueError`` for an address of no simulated
        host."""
        own_id = next(self._ids)
        self._connecting[own_id] = (connected, refused)
        self.transmit(mac_of(address), CONNECT, own_id, tcp_port, b"")
        return own_id

    def give_up(self, own_id: int) -> None:
        """Cancel a connection attempt."""
        self._connecting.pop(own_id, None)

    def forget(self, own_id: int) -> None:
        """Remove a stream that has ended."""
        self._streams.pop(own_id, None)

    def transmit(self, peer: bytes, kind: int, source: int, target: int, data: bytes) -> None:
        """Send one frame: kind, id of the sender, port or id at the receiver, content."""
        head = peer + self.nic.mac + ETHERTYPE + bytes([kind])
        self.nic.send(head + source.to_bytes(4, "big") + target.to_bytes(4, "big") + data)

    def _received(self, frame: bytes, _: object) -> None:
        if frame[12:14] != ETHERTYPE or len(frame) < 23:
            return
        peer, kind = frame[6:12], frame[14]
        source, target = int.from_bytes(frame[15:19], "big"), int.from_bytes(frame[19:23], "big")
        data = frame[23:]
        if kind == DATAGRAM:
            if target in self._datagram:
                self._datagram[target](address_of(peer), source, data)
        elif kind == CONNECT:
            self._accept(peer, source, target)
        elif kind in (ACCEPT, REFUSE):
            self._answered(peer, kind, source, target)
        elif target in self._streams:
            stream = self._streams[target]
            if kind == DATA:
                stream.on_data(data)
            else:
                stream.closed("closed by the peer" if kind == FIN else "reset by the peer")
        elif kind == DATA:
            self.transmit(peer, RST, target, source, b"")

    def _accept(self, peer: bytes, source: int, tcp_port: int) -> None:
        accept = self._listening.get(tcp_port)
        if accept is None:
            self.transmit(peer, REFUSE, 0, source, b"")
            return
        own_id = next(self._ids)
        stream = self._streams[own_id] = Stream(self, peer, own_id, source)
        self.transmit(peer, ACCEPT, own_id, source, b"")
        accept(stream)

    def _answered(self, peer: bytes, kind: int, source: int, target: int) -> None:
        waiting = self._connecting.pop(target, None)
        if waiting is None:
            if kind == ACCEPT:
                self.transmit(peer, RST, target, source, b"")
            return
        connected, refused = waiting
        if kind == REFUSE:
            refused("connection refused")
            return
        stream = self._streams[target] = Stream(self, peer, target, source)
        connected(stream)
