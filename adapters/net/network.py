"""What SDP and V2G need of IP: datagrams and byte streams, on real sockets (sockets.py) or simulated (adapters/sim).

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
    def peer_address(self) -> str: ...

    @property
    def is_open(self) -> bool: ...

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
        """Receive the datagrams of a UDP port, multicast to ff02::1 included; 0: a free one. The port.

        Only those of link-local addresses on this link, and no more than ``limits``.

        When the port fails it is closed, and ``on_failed`` called; whether it is bound again is the caller's matter.
        """
        ...

    def unbind(self, udp_port: int) -> None: ...

    def send_datagram(self, address: str | None, udp_port: int, data: bytes, from_port: int) -> None:
        """To a host, or to all on the link (None), from a bound port."""
        ...
