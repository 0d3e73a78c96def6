"""One end of a TCP connection, plain, on a non-blocking socket. TLS is put over it by :mod:`adapters.net.tls_stream`.

Not an asyncio transport: a task and five turns of the loop for each connection are what a flood of connections costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable

MAX_READ = 4096
"""Octets taken in one turn of the event loop: some 100 messages of the smallest kind at most."""
MAX_UNSENT = 65_536
"""Octets that may wait for a peer who does not read; then the connection is reset."""


class SocketStream:
    """A :class:`adapters.net.network.ByteStream` that takes the socket over. An exception in a callback ends the
    connection and is reported to ``faulty``."""

    def __init__(self, sock: socket.socket, peer_address: str, faulty: Callable[[str], None]) -> None:
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_close: Callable[[str], None] = lambda reason: None
        self.is_open = True
        self.peer_address = peer_address
        self._socket = sock
        self._faulty = faulty
        self._loop = asyncio.get_running_loop()
        self._unsent = bytearray()
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # it may have gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._readable)

    def write(self, data: bytes) -> None:
        if not self.is_open:
            return
        waited = bool(self._unsent)
        self._unsent += data
        if not waited:
            self._send()
        if self.is_open and len(self._unsent) > MAX_UNSENT:
            self._fails("the peer does not read what it is sent")

    def close(self) -> None:
        if self.is_open:
            self._end()

    def reset(self) -> None:
        if self.is_open:
            reset_socket(self._socket)
            self._end()

    # ------------------------------------------------------------ inside

    def _readable(self) -> None:
        try:
            data = self._socket.recv(MAX_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(os.strerror(error.errno or 0))
            return
        if not data:
            self._lost("closed by the peer")
            return
        try:
            self.on_data(data)
        except Exception as error:
            self._faulty(f"connection with {self.peer_address}: {type(error).__name__}: {error}")
            if self.is_open:
                self._lost("a fault of ours")

    def _send(self) -> None:
        """What the kernel takes; the rest when it takes more."""
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._fails(os.strerror(error.errno or 0))
            return
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._socket, self._send)
        else:
            self._loop.remove_writer(self._socket)

    def _fails(self, reason: str) -> None:
        """The connection breaks while its owner writes: he hears of it afterwards."""
        reset_socket(self._socket)
        self._end()
        self._loop.call_soon(lambda: self.on_close(reason))

    def _lost(self, reason: str) -> None:
        self._end()
        self.on_close(reason)

    def _end(self) -> None:
        self.is_open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()


def reset_socket(sock: socket.socket) -> None:
    """Make the socket's close send RST."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
