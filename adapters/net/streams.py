"""One end of a TCP connection on asyncio, plain. TLS is put over it by :mod:`adapters.net.tls_stream`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

MAX_READ = 4096
"""Octets taken in one turn of the event loop: some 100 messages of the smallest kind at most."""
MAX_UNSENT = 65_536
"""Octets that may wait for a peer who does not read; then the connection is reset."""


class SocketStream(asyncio.BufferedProtocol):
    """A :class:`adapters.net.network.ByteStream`. ``faulty`` is told what a callback raises; that ends it."""

    def __init__(self, peer_address: str, faulty: Callable[[str], None]) -> None:
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_close: Callable[[str], None] = lambda reason: None
        self.is_open = True
        self.peer_address = peer_address
        self._faulty = faulty
        self._buffer = bytearray(MAX_READ)
        self._transport: asyncio.Transport | None = None

    def write(self, data: bytes) -> None:
        if not self.is_open or self._transport is None:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self.reset()
            asyncio.get_running_loop().call_soon(self.on_close, "the peer does not read what it is sent")

    def close(self) -> None:
        if self.is_open and self._transport is not None:
            self.is_open = False
            self._transport.close()

    def reset(self) -> None:
        if self.is_open and self._transport is not None:
            self.is_open = False
            reset_socket(self._transport.get_extra_info("socket"))
            self._transport.abort()

    # ------------------------------------------------------------ asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self.is_open:
            return
        try:
            self.on_data(bytes(self._buffer[:nbytes]))
        except Exception as error:
            self._faulty(f"connection with {self.peer_address}: {type(error).__name__}: {error}")
            if self.is_open:
                self.reset()
                self.on_close("a fault of ours")

    def eof_received(self) -> bool:
        return False  # close it

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_open:
            self.is_open = False
            number = getattr(exc, "errno", None)
            self.on_close("closed by the peer" if exc is None else os.strerror(number) if number else str(exc))


def reset_socket(sock: Any) -> None:
    """Closing it sends RST."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
