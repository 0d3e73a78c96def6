"""IPv6 on a real interface: UDP with ff02::1 and TCP with TCP_NODELAY, on the link-local address and its scope.

Sources: ISO 15118-2 7.6 (link-local addresses), 7.10.1 (SDP on port 15118, ff02::1), 7.7 (TCP); RFC 4007 (scopes).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import random
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.intake import Intake, Limits
from adapters.net.network import OnDatagram, OnFailed
from adapters.net.streams import SocketStream, reset_socket
from engine.adapter import AdapterError, Port, World

ALL_NODES = "ff02::1"
IF_INET6 = Path("/proc/thread-self/net/if_inet6")
SCOPE_LINK, TENTATIVE, DAD_FAILED = 0x20, 0x40, 0x08  # linux/if_addr.h, net/ipv6.h
MAX_DATAGRAM = 4096
ACCEPT_AGAIN_S = 1.0
"""Pause after an accept that failed."""
DYNAMIC_PORTS = range(49152, 65536)


@dataclass(slots=True)
class _Bound:
    """A bound UDP socket and the task that reads from it."""

    udp: socket.socket
    intake: Intake
    task: asyncio.Task[Any] | None = None
    closed: bool = False
    strangers: int = 0
    """Datagrams from off the link."""


@dataclass(slots=True)
class _Listening:
    """A TCP port and the task that accepts on it. ``exhausted``: no descriptors were left, and that has been said."""

    listener: socket.socket
    intake: Intake
    on_stream: Callable[[SocketStream], None]
    task: asyncio.Task[Any] | None = None
    closed: bool = False
    exhausted: bool = False


class SocketHost:
    """This machine on one interface. See :class:`adapters.net.network.Network`; one per interface and system."""

    def __init__(self, interface: str, port: Port) -> None:
        self.interface = interface
        self._port = port
        self._ids = itertools.count(1)
        self._datagram: dict[int, _Bound] = {}
        self._listening: dict[int, _Listening] = {}
        self._connecting: dict[int, asyncio.Task[None] | None] = {}  # None: not begun yet

    @staticmethod
    def of(world: World, port: Port, config: Mapping[str, Any]) -> SocketHost:
        """The host of setting ``interface``; raises ``AdapterError`` when it is missing or unknown."""
        interface = config.get("interface", "")
        if not interface:
            raise AdapterError("setting 'interface' is missing: the network interface to speak IPv6 on, such as eth1")
        _scope_id(interface)
        host: SocketHost = world.shared(f"IPv6 host on {interface}", lambda: SocketHost(interface, port))
        return host

    @property
    def address(self) -> str:
        """The interface's link-local address; raises ``AdapterError`` while it has none."""
        found = link_local_address(self.interface)
        if found is None:
            raise AdapterError(
                f"interface '{self.interface}' has no IPv6 link-local address; is it up, is IPv6 enabled"
                f" (sysctl net.ipv6.conf.{self.interface}.disable_ipv6), is its check for duplicates over?"
            )
        return found

    # ------------------------------------------------------------ datagrams

    def bind(self, udp_port: int, on_datagram: OnDatagram, on_failed: OnFailed, limits: Limits | None = None) -> int:
        """See :meth:`Network.bind <adapters.net.network.Network.bind>`. Raises ``AdapterError`` when the port cannot be
        had."""
        scope = _scope_id(self.interface)
        udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
            if udp_port:
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                group = socket.inet_pton(socket.AF_INET6, ALL_NODES) + struct.pack("@I", scope)
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
            _bind(udp, "::", udp_port)
        except OSError as error:
            udp.close()
            raise AdapterError(f"interface '{self.interface}', UDP port {udp_port}: {error.strerror}") from None
        number: int = udp.getsockname()[1]
        intake = Intake(f"interface '{self.interface}', UDP port {number}", "datagrams", limits or Limits(), self._port)
        bound = self._datagram[number] = _Bound(udp, intake)
        self._port.spawn(self._receive(number, bound, scope, on_datagram, on_failed))
        return number

    def unbind(self, udp_port: int) -> None:
        """Close a bound port; harmless when it is not bound."""
        bound = self._datagram.pop(udp_port, None)
        if bound is None:
            return
        bound.closed = True
        if bound.task is None:
            bound.udp.close()
        else:
            bound.task.cancel()  # it closes the socket when nothing waits for it any more

    def send_datagram(self, address: str | None, udp_port: int, data: bytes, from_port: int) -> None:
        """See :meth:`Network.send_datagram <adapters.net.network.Network.send_datagram>`. Raises ``AdapterError`` when
        the port is closed or the system refuses the datagram."""
        target = (address or ALL_NODES).partition("%")[0]
        bound = self._datagram.get(from_port)
        if bound is None:
            raise AdapterError(f"interface '{self.interface}': UDP port {from_port} is closed")
        try:
            bound.udp.sendto(data, (target, udp_port, 0, _scope_id(self.interface)))
        except OSError as error:
            raise AdapterError(
                f"interface '{self.interface}': no datagram to {target} port {udp_port}: {error.strerror}"
            ) from None

    async def _receive(
        self, number: int, bound: _Bound, scope: int, on_datagram: OnDatagram, on_failed: OnFailed
    ) -> None:
        bound.task = asyncio.current_task()
        try:
            await bound.intake.read(bound.udp, lambda: _receive_datagram(bound, scope, on_datagram))
        except OSError as error:
            self._datagram.pop(number, None)
            on_failed(f"interface '{self.interface}', UDP port {number}: {error.strerror or error}")
        finally:
            bound.udp.close()

    # ------------------------------------------------------------ streams

    def listen(
        self, tcp_port: int, on_stream: Callable[[SocketStream], None], limits: Limits | None = None, backlog: int = 128
    ) -> None:
        """Accept connections on a TCP port of the link-local address, at most ``limits`` per second; ``backlog``
        connections may wait. Raises ``AdapterError`` when the port cannot be had."""
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.address, tcp_port, 0, _scope_id(self.interface)))
            listener.setblocking(False)
            listener.listen(backlog)
        except OSError as error:
            listener.close()
            raise AdapterError(f"interface '{self.interface}', TCP port {tcp_port}: {error.strerror}") from None
        except AdapterError:
            listener.close()
            raise
        intake = Intake(
            f"interface '{self.interface}', TCP port {tcp_port}", "connections", limits or Limits(), self._port
        )
        listening = self._listening[tcp_port] = _Listening(listener, intake, on_stream)
        self._port.spawn(self._accept_all(listening))

    def unlisten(self, tcp_port: int) -> None:
        """Stop accepting; open connections stay."""
        listening = self._listening.pop(tcp_port, None)
        if listening is None:
            return
        listening.closed = True
        if listening.task is None:
            listening.listener.close()
        else:
            listening.task.cancel()  # it closes the socket when nothing waits for it any more

    def connect(
        self, address: str, tcp_port: int, connected: Callable[[SocketStream], None], refused: Callable[[str], None]
    ) -> int:
        """Start to connect and return the id for :meth:`give_up`. Exactly one of the callbacks is called, unless given
        up."""
        own_id = next(self._ids)
        self._connecting[own_id] = None
        self._port.spawn(self._connect(own_id, address, tcp_port, connected, refused))
        return own_id

    def give_up(self, own_id: int) -> None:
        """Cancel a connection attempt; neither callback is called."""
        task = self._connecting.pop(own_id, None)
        if task is not None:
            task.cancel()

    async def _accept_all(self, listening: _Listening) -> None:
        listening.task = asyncio.current_task()
        try:
            while not listening.closed:
                try:
                    await listening.intake.read(listening.listener, lambda: self._accept(listening))
                except OSError as error:  # no descriptors or no memory left: those who have some must give them back
                    if not listening.exhausted:
                        listening.exhausted = True
                        self._port.error(f"{listening.intake.name}: no connection can be accepted: {error.strerror}")
                    await asyncio.sleep(ACCEPT_AGAIN_S)
        finally:
            listening.listener.close()

    def _accept(self, listening: _Listening) -> None:
        try:
            tcp, peer = listening.listener.accept()
        except ConnectionAbortedError:  # gone again while it waited
            return
        if listening.exhausted:
            listening.exhausted = False
            self._port.tell(f"{listening.intake.name}: connections are accepted again")
        if listening.closed or not listening.intake.admits(peer[0]):
            reset_socket(tcp)
            tcp.close()
            return
        listening.on_stream(SocketStream(tcp, _scoped(peer), self._port.error))

    async def _connect(
        self,
        own_id: int,
        address: str,
        tcp_port: int,
        connected: Callable[[SocketStream], None],
        refused: Callable[[str], None],
    ) -> None:
        if own_id not in self._connecting:
            return
        self._connecting[own_id] = asyncio.current_task()
        host, scope = address.partition("%")[0], _scope_id(self.interface)
        loop = asyncio.get_running_loop()
        try:
            tcp = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            tcp.setblocking(False)
            try:
                _bind(tcp, "::", 0)
                await loop.sock_connect(tcp, (host, tcp_port, 0, scope))
            except BaseException:
                tcp.close()
                raise
        except (OSError, AdapterError) as error:
            self._connecting.pop(own_id, None)
            number = getattr(error, "errno", None)  # asyncio replaces the text of a failed connect
            refused(os.strerror(number) if number else str(error))
            return
        self._connecting.pop(own_id, None)
        connected(SocketStream(tcp, _scoped((host, tcp_port, 0, scope)), self._port.error))


def link_local_address(interface: str) -> str | None:
    """The usable link-local address of an interface, or None; tentative and duplicate addresses do not count."""
    try:
        lines = IF_INET6.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        address, _, _, scope, flags, name = line.split()
        if name == interface and int(scope, 16) == SCOPE_LINK and not int(flags, 16) & (TENTATIVE | DAD_FAILED):
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))
    return None


def _receive_datagram(bound: _Bound, scope: int, on_datagram: OnDatagram) -> None:
    """Read one datagram and hand it on, if it comes from a link-local address of this link and within the limits."""
    data, sender = bound.udp.recvfrom(MAX_DATAGRAM)
    if bound.closed:
        return
    if not _is_on_link(sender, scope):
        bound.strangers += 1
    elif bound.intake.admits(f"{sender[0]} port {sender[1]}"):
        on_datagram(_scoped(sender), sender[1], data)


def _is_on_link(sender: tuple[Any, ...], scope: int) -> bool:
    """A link-local address (fe80::/10) on the interface with this scope: ISO 15118-2 7.6 knows no others."""
    return sender[3] == scope and sender[0][:3] in ("fe8", "fe9", "fea", "feb")


def _bind(made: socket.socket, address: str, port: int, scope: int = 0) -> None:
    """Bind to a port, or (0) to a free one of the dynamic range: IANA's, as ISO 15118-2 7.7 has it and which
    the kernel's own choice (``ip_local_port_range``) is wider than. Raises ``OSError``."""
    if port:
        made.bind((address, port, 0, scope))
        return
    for candidate in random.sample(DYNAMIC_PORTS, len(DYNAMIC_PORTS)):
        try:
            made.bind((address, candidate, 0, scope))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return
    raise OSError(errno.EADDRINUSE, "no port of 49152 to 65535 is free")


def _scope_id(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        known = ", ".join(name for _, name in socket.if_nameindex() if name != "lo")
        raise AdapterError(f"there is no interface '{interface}'; there are: {known or 'none'}") from None


def _scoped(peer: tuple[Any, ...]) -> str:
    """``fe80::1%eth1`` of a socket address."""
    address: str = peer[0].partition("%")[0]
    if peer[3]:
        with contextlib.suppress(OSError):
            return f"{address}%{socket.if_indextoname(peer[3])}"
    return address
