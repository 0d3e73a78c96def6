"""What SDP and V2G need of IP: datagrams and byte streams, on real sockets (sockets.py) or simulated (simulated.py).

Both hosts offer the same methods, so an adapter is written once. Callbacks run in the host's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.intake import Limits

OnDatagram = Callable[[str, int, bytes], None]
"""Address (with its scope when it is link-local) and port of the sender, content."""
OnFailed = Callable[[str], None]
"""Why a port was closed by no wish of ours."""


class ByteStream(Protocol):
    """One end of a connection. Set the callbacks before returning from the function that was given the stream."""

    on_data: Callable[[bytes], None]
    on_close: Callable[[str], None]

    @property
    def peer_address(self) -> str:
        """The peer's IPv6 address with its scope, without port."""
        ...

    @property
    def is_open(self) -> bool:
        """False once either side has closed or reset it."""
        ...

    def write(self, data: bytes) -> None:
        """Send; after a close it goes nowhere."""
        ...

    def close(self) -> None:
        """FIN. ``on_close`` is not called."""
        ...

    def reset(self) -> None:
        """RST. ``on_close`` is not called."""
        ...


class Network(Protocol):
    """A host on an IPv6 link."""

    @property
    def address(self) -> str:
        """The host's link-local address, without scope."""
        ...

    def bind(self, udp_port: int, on_datagram: OnDatagram, on_failed: OnFailed, limits: Limits | None = None) -> int:
        """Receive datagrams on a UDP port, multicast to ff02::1 included, and return the port; 0 takes a free one.

        Only datagrams from link-local addresses on this link pass, and no more than ``limits``. When the port fails, it
        is closed and ``on_failed`` is called; the caller decides whether to bind it again. Raises ``AdapterError`` when
        the port cannot be had.
        """
        ...

    def unbind(self, udp_port: int) -> None:
        """Close a bound port; harmless when it is not bound."""
        ...

    def send_datagram(self, address: str | None, udp_port: int, data: bytes, from_port: int) -> None:
        """Send one datagram to a host, or to all on the link (None), from a bound port. Raises ``AdapterError`` when it
        cannot be sent."""
        ...
