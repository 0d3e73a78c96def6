"""A simulated line between processes: a hub on a UNIX socket, and the Nic that connects to it.

The hub (``python -m adapters.slac line --socket PATH``) runs a :class:`PowerLine` on the real clock. A client connects
to the SOCK_SEQPACKET socket, says in one JSON message who it is (``{"host": "pev", "mac": "02…", "cable": "1"}``) and
gets ``{}`` or ``{"error": …}`` back. From then on every message in either direction is one Ethernet frame. A foreign
program that needs a network interface joins through a veth pair: the hub gets its other end.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from adapters.intake import Intake, Limits
from adapters.settings import mac_address
from adapters.slac.line import PowerLine
from adapters.slac.mme import MAX_FRAME
from adapters.slac.modem import ModemConfig
from adapters.slac.nic import Receiver, Subscribers, Watcher
from adapters.slac.packet import ETH_P_ALL, PacketSocket
from adapters.slac.settings import host_of, side_of
from engine.adapter import AdapterError, Port, World

HELLO_OCTETS = 1000


class Hub:
    """A line on the real clock; hosts come and go. ``modem`` configures the stations' modems."""

    def __init__(self, line: PowerLine, modem: ModemConfig, log: Callable[[str], None] = lambda text: None) -> None:
        self.line = line
        self._modem = modem
        self._log = log
        self._ways_out: dict[str, Callable[[bytes], object]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, path: str) -> None:
        """Accept clients at ``path`` until cancelled. An old socket file is replaced; at the end the file is removed.
        Raises ``OSError`` when the path cannot be had."""
        loop = asyncio.get_running_loop()
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            listener.bind(path)
            listener.listen(16)
            listener.setblocking(False)
            self._log(f"line open at {path}")
            while True:
                client, _ = await loop.sock_accept(listener)
                client.setblocking(False)
                self._spawn(self._client(client))
        finally:
            listener.close()
            os.unlink(path)

    def join_interface(self, host: str, interface: str, cable: str, side: str) -> None:
        """Put whoever is at the other end of this interface (a veth pair) on the line as ``host``; its frames tell its
        MAC. Raises ``AdapterError`` when the interface cannot be had."""
        port = PacketSocket(interface, ETH_P_ALL)
        port.exact_checksums()
        self._spawn(self._foreign(port, host, cable, side))

    def attach(self, host: str, mac: bytes, cable: str, side: str, way_out: Callable[[bytes], object]) -> None:
        """Put a host on the line. Raises ``ValueError`` when its name or MAC is there already."""
        profiles = "none" if side == "pev" else self._modem.profiles
        modem = ModemConfig(
            self._modem.set_key_result, self._modem.deaf_ns, self._modem.reset_ns, self._modem.answer_ns, profiles
        )
        self.line.attach(host, mac, cable=cable, modem=modem)
        self._ways_out[host] = way_out
        self._log(f"{host} joined with {mac.hex(':')} on cable {cable}")

    def frame(self, host: str, frame: bytes) -> None:
        """Send a frame of a host."""
        self.line.send(host, frame, time.monotonic_ns())
        self._due()

    def _due(self) -> None:
        """Hand out what has arrived and wake up for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for host, frame in self.line.poll(time.monotonic_ns()):
            try:
                self._ways_out[host](frame)
            except OSError as error:
                self._log(f"{host}: a frame was lost, {error.strerror}")
        due_ns = self.line.next_due_ns()
        if due_ns is not None:
            delay_s = max(0, due_ns - time.monotonic_ns()) / 1e9
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._due)

    async def _client(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        host = ""
        try:
            host = self._greet(client, await loop.sock_recv(client, HELLO_OCTETS))
            if host:
                await self._intake(host).read(client, lambda: self.frame(host, _message(client)))
        except Left:
            pass
        except OSError as error:
            self._log(f"{host or 'a client'}: {error.strerror}")
        finally:
            self._leave(host)
            client.close()

    def _greet(self, client: socket.socket, hello: bytes) -> str:
        try:
            said = json.loads(hello)
            if not (isinstance(said, dict) and all(isinstance(value, str) for value in said.values())):
                raise ValueError("the first message is no JSON object of texts")
            host: str = said.get("host", "")
            if not host:
                raise ValueError("the first message names no host")
            side = side_of(said.get("side", "auto"), host)
            self.attach(host, mac_address(said.get("mac", ""), "mac"), said.get("cable", "1"), side, client.send)
        except (ValueError, AdapterError) as error:
            client.send(json.dumps({"error": str(error)}).encode())
            self._log(f"a client was refused: {error}")
            return ""
        client.send(b"{}")
        return host

    async def _foreign(self, port: PacketSocket, host: str, cable: str, side: str) -> None:
        def one() -> None:
            frame = port.receive()
            if frame is None:
                return
            if host not in self._ways_out:
                try:
                    self.attach(host, frame[6:12], cable, side, port.send)
                except ValueError as error:
                    raise OSError(errno.EINVAL, str(error)) from None
            self.frame(host, frame)

        try:
            await self._intake(host).read(port.socket, one)
        except OSError as error:
            self._log(f"{host}: interface '{port.interface}': {error.strerror}")
        finally:
            self._leave(host)
            port.close()

    def _intake(self, host: str) -> Intake:
        """Portions, no limit: what is on the line is for the hosts to judge."""
        return Intake(host, "frames", Limits(), self)

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_ns / 1e9, callback)

    def error(self, message: str) -> None:
        self._log(message)

    def tell(self, message: str, /, **data: Any) -> None:
        self._log(message)

    def _leave(self, host: str) -> None:
        if self._ways_out.pop(host, None) is not None:
            self.line.detach(host)
            self._log(f"{host} left")

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log(f"{type(error).__name__}: {error}")


class Left(OSError):
    """The other end of a line's socket has closed it."""


def _message(sock: socket.socket) -> bytes:
    """The frame that waits; raises ``BlockingIOError`` when there is none, ``Left`` when there will be none."""
    frame = sock.recv(MAX_FRAME + 1)
    if not frame:
        raise Left(errno.ECONNRESET, "the line was closed")
    return frame


class LineNic:
    """The Nic of a host on a hub's line. Raises ``AdapterError`` when setting ``socket`` is missing, no line is there,
    or it refuses the host."""

    def __init__(self, config: Mapping[str, Any], port: Port) -> None:
        path = config["socket"]
        if not path:
            raise AdapterError("setting 'socket' is missing: the path the line was started with (adapters.slac line)")
        host = host_of(config["host"], port.role)
        self.is_up = True
        self.interface = f"the line at {path}"
        self.mac = mac_address(config["mac"], "mac") if config["mac"] else bytes((2, 1)) + os.urandom(4)
        self.subscribers = Subscribers(self.mac)
        self._port = port
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(2)
        hello = {"host": host, "mac": self.mac.hex(), "cable": config["cable"], "side": config["side"]}
        try:
            self._socket.connect(path)
            self._socket.send(json.dumps(hello).encode())
            refusal = json.loads(self._socket.recv(HELLO_OCTETS) or b'{"error": "it closed the connection"}').get(
                "error"
            )
        except OSError as error:
            self._socket.close()
            raise AdapterError(
                f"no line at '{path}': {error.strerror or error};"
                f" start one with: python -m adapters.slac line --socket {path}"
            ) from None
        if refusal:
            self._socket.close()
            raise AdapterError(f"the line at '{path}' refused '{host}': {refusal}")
        self._socket.setblocking(False)
        limits = Limits(config["per_source"], config["new_sources"])
        self.intake = Intake(f"line '{path}'", "frames", limits, port)
        self._task: asyncio.Task[Any] | None = None
        port.spawn(self._receive())

    def send(self, frame: bytes) -> None:
        if not self.is_up:
            return
        try:
            self._socket.send(frame)
        except BlockingIOError:
            self._port.error("the line does not take frames fast enough, one was dropped")
        except OSError as error:
            self._lost(error.strerror or str(error))

    def subscribe(self, receiver: Receiver, watcher: Watcher | None = None) -> None:
        self.subscribers.add(receiver, watcher)

    def unsubscribe(self, receiver: Receiver) -> None:
        if self.subscribers.remove(receiver):
            self.is_up = False
            if self._task is None:
                self._socket.close()
            else:
                self._task.cancel()  # it closes the socket when nothing waits for it any more

    async def _receive(self) -> None:
        self._task = asyncio.current_task()
        try:
            await self._receive_frames()
        finally:
            self._socket.close()

    async def _receive_frames(self) -> None:
        try:
            await self.intake.read(self._socket, self._receive_frame)
        except OSError as error:
            self._lost(error.strerror or str(error))

    def _receive_frame(self) -> None:
        frame = _message(self._socket)
        if self.is_up and self.intake.admits(frame[6:12].hex(":")):
            self.subscribers.deliver(frame)

    def _lost(self, reason: str) -> None:
        if self.is_up:
            self.is_up = False
            self.subscribers.tell(False, reason)


def line_nic(world: World, config: Mapping[str, Any], port: Port) -> LineNic:
    """The Nic of this host on the line at ``config['socket']``, connected at the first call. Raises ``AdapterError``
    like :class:`LineNic`."""
    name = f"line {config['socket']} {host_of(config['host'], port.role)}"
    nic: LineNic = world.shared(name, lambda: LineNic(config, port))
    return nic
