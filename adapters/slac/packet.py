"""Raw frames on a network interface (``AF_PACKET``): any Linux interface with a Green PHY modem behind it (QCA7000, …).

Needs CAP_NET_RAW. Settings: ``interface`` (required), ``fault`` (rules of faults.py, both directions).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.intake import Intake, Limits
from adapters.slac.faults import FaultInjector
from adapters.slac.mme import ETHERTYPE_HOMEPLUG, MAX_FRAME
from adapters.slac.nic import Receiver, Subscribers, Watcher, fault_rules
from engine.adapter import AdapterError, Port, World

PACKET_OUTGOING = 4  # linux/if_packet.h
ETH_P_ALL = 0x0003
IFF_UP = 0x1
SIOCGIFFLAGS, SIOCGIFHWADDR = 0x8913, 0x8927
SOL_PACKET, PACKET_VNET_HDR = 263, 15  # linux/if_packet.h
VNET_HDR = struct.Struct("=BBHHHH")  # linux/virtio_net.h: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
VNET_NEEDS_CSUM = 1
WATCH_NS = 1_000_000_000
"""How often a lost interface is looked for."""


def way_to_raw_frames() -> str:
    """How this program can get CAP_NET_RAW, in a sentence or two.

    A service or a single command can be given the capability alone. ``setcap`` refuses links and gives the capability
    to everything the interpreter runs, so it is named only for an interpreter of this environment's own.
    """
    command = "sudo setpriv --reuid=$(id -u) --regid=$(id -g) --init-groups --inh-caps=+net_raw --ambient-caps=+net_raw"
    way = f"Give it to this run only: {command} engine run …; to a service: AmbientCapabilities=CAP_NET_RAW"
    real = Path(sys.executable).resolve()
    if sys.prefix != sys.base_prefix and real.is_relative_to(Path(sys.prefix).resolve()):
        way += f"; or once, to this environment's own interpreter: sudo setcap cap_net_raw+ep {real}"
    return f"{way} (docs/running.md, Raw frames)"


class PacketSocket:
    """A non-blocking raw socket bound to one interface and one ethertype. Raises ``AdapterError`` when it cannot be
    had."""

    def __init__(self, interface: str, ethertype: int = ETHERTYPE_HOMEPLUG) -> None:
        self.interface = interface
        self._head = 0
        family = getattr(socket, "AF_PACKET", None)
        if family is None:
            raise AdapterError("raw Ethernet frames need Linux (AF_PACKET); use the simulated line on this system")
        try:
            self.socket = socket.socket(family, socket.SOCK_RAW, socket.htons(ethertype))
        except PermissionError:
            raise AdapterError(
                f"interface '{interface}': raw Ethernet frames need CAP_NET_RAW. {way_to_raw_frames()}"
            ) from None
        try:
            self.mac = self._hardware_address()
            if not self.is_up():
                raise AdapterError(f"interface '{interface}' is down; once: ip link set {interface} up")
            self.socket.bind((interface, ethertype))
            self.socket.setblocking(False)
        except BaseException:
            self.socket.close()
            raise

    def exact_checksums(self) -> None:
        """Complete the checksums that a sender left to its (virtual) hardware; needed for frames that are passed on."""
        self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self._head = VNET_HDR.size

    def is_up(self) -> bool:
        """Whether the interface exists and is administratively up."""
        try:
            answer = fcntl.ioctl(self.socket, SIOCGIFFLAGS, struct.pack("16sH14x", self.interface.encode()[:15], 0))
        except OSError:
            return False
        flags: int = struct.unpack("16sH14x", answer)[1]
        return bool(flags & IFF_UP)

    def send(self, frame: bytes) -> None:
        """Send one whole frame. Raises ``OSError`` when the interface is gone."""
        self.socket.send(bytes(self._head) + frame)

    def receive(self) -> bytes | None:
        """The next frame that waits; None for a frame of our own.

        Raises ``BlockingIOError`` when none waits, another ``OSError`` when the interface is gone.
        """
        frame, address = self.socket.recvfrom(MAX_FRAME + 1 + self._head)
        if address[2] == PACKET_OUTGOING:
            return None
        return _with_checksum(frame) if self._head else frame

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def _hardware_address(self) -> bytes:
        try:
            answer = fcntl.ioctl(self.socket, SIOCGIFHWADDR, struct.pack("16s16x", self.interface.encode()[:15]))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise AdapterError(f"interface '{self.interface}': {error.strerror}") from None
            known = ", ".join(name for _, name in socket.if_nameindex() if name != "lo")
            raise AdapterError(f"there is no interface '{self.interface}'; there are: {known or 'none'}") from None
        return answer[18:24]


def _with_checksum(received: bytes) -> bytes:
    """The frame behind a virtio header, its transport checksum computed when the header says that it is missing."""
    flags, _, _, _, start, offset = VNET_HDR.unpack_from(received)
    frame = bytearray(received[VNET_HDR.size :])
    if flags & VNET_NEEDS_CSUM and start + offset + 2 <= len(frame):
        covered = bytes(frame[start:]) + b"\x00" * (len(frame[start:]) % 2)
        total = sum(struct.unpack(f">{len(covered) // 2}H", covered))  # the field holds the pseudo header's sum
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into(">H", frame, start + offset, (~total & 0xFFFF) or 0xFFFF)
    return bytes(frame)


class PacketNic:
    """The Nic of a real interface, shared by the link and the modem adapter of one host. Raises ``AdapterError`` when
    setting ``interface`` is missing or the interface cannot be had."""

    def __init__(self, world: World, config: Mapping[str, Any], port: Port) -> None:
        interface = config["interface"]
        if not interface:
            raise AdapterError("setting 'interface' is missing: the network interface of the modem, such as eth1")
        self._open(interface)
        self.interface: str = interface
        self._port = port
        limits = Limits(config["per_source"], config["new_sources"])
        self.intake = Intake(f"interface '{interface}'", "HomePlug frames", limits, port)
        self._faults: FaultInjector[bool] = FaultInjector(fault_rules(config["fault"]))
        self._faults.struck = port.tell
        self.subscribers = Subscribers(self.mac)
        self.is_up = True
        self._task: asyncio.Task[Any] | None = None
        port.spawn(self._receive())

    def _open(self, interface: str) -> None:
        self._socket = PacketSocket(interface)
        self.mac = self._socket.mac
        self.closed = False

    def send(self, frame: bytes) -> None:
        self._through_faults(frame, outgoing=True)

    def subscribe(self, receiver: Receiver, watcher: Watcher | None = None) -> None:
        self.subscribers.add(receiver, watcher)

    def unsubscribe(self, receiver: Receiver) -> None:
        if self.subscribers.remove(receiver):
            self.closed = True
            if self._task is None:
                self._socket.close()
            else:
                self._task.cancel()  # it closes the socket when nothing waits for it any more

    def _through_faults(self, frame: bytes, outgoing: bool) -> None:
        for delay_ns, copy, out in self._faults.apply(frame, self._port.now_ns(), outgoing):
            if delay_ns:
                self._port.call_later(delay_ns, lambda copy=copy, out=out: self._pass_on(copy, out))  # type: ignore[misc]
            else:
                self._pass_on(copy, out)
        due_ns = self._faults.next_due_ns()
        if due_ns is not None:
            self._port.call_later(max(0, due_ns - self._port.now_ns()), self._release)

    def _release(self) -> None:
        for frame, outgoing in self._faults.poll(self._port.now_ns()):
            self._pass_on(frame, outgoing)

    def _pass_on(self, frame: bytes, outgoing: bool) -> None:
        if not outgoing:
            self.subscribers.deliver(frame)
            return
        if self.closed or not self.is_up:
            return
        try:
            self._socket.send(frame)
        except BlockingIOError:
            self._port.error(f"interface '{self._socket.interface}': its send queue is full, a frame was dropped")
        except OSError as error:
            self._lost(error)

    async def _receive(self) -> None:
        self._task = asyncio.current_task()
        try:
            await self._receive_frames()
        finally:
            self._socket.close()

    async def _receive_frames(self) -> None:
        while not self.closed:
            try:
                await self.intake.read(self._socket.socket, self._receive_frame)
            except OSError as error:
                if self.closed:
                    return
                self._lost(error)
                while not self.closed and not self._back():
                    await asyncio.sleep(WATCH_NS / 1e9)

    def _receive_frame(self) -> None:
        frame = self._socket.receive()
        if frame is not None and not self.closed and self.intake.admits(frame[6:12].hex(":")):
            self._through_faults(frame, outgoing=False)

    def _lost(self, error: OSError) -> None:
        if self.is_up:
            self.is_up = False
            self.subscribers.tell(False, f"interface '{self._socket.interface}': {error.strerror or error}")

    def _back(self) -> bool:
        """Open the interface again when it is there; it may have been plugged out and in."""
        try:
            fresh = PacketSocket(self._socket.interface)
        except AdapterError:
            return False
        self._socket.close()
        self._socket = fresh
        self.is_up = True
        self.subscribers.tell(True, "")
        return True


def packet_nic(world: World, config: Mapping[str, Any], port: Port) -> PacketNic:
    """The Nic of interface ``config['interface']`` in this system, opened at the first call. Raises ``AdapterError``
    like :class:`PacketNic`."""
    nic: PacketNic = world.shared(f"interface {config['interface']}", lambda: PacketNic(world, config, port))
    return nic
