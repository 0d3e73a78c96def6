"""Connections before one is chosen: many may be open, and a chart decides which of them is the vehicle's.

A connection *calls* when it has sent what a vehicle sends first, a whole supportedAppProtocolReq. Until then its time
and its octets are limited, and so is the number of open connections, in all and of one peer. When there are too many,
the one that has been silent longest is closed, but never one that has called or comes from the expected vehicle. So
nobody keeps a vehicle out by connecting slowly or often.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters import v2gtp
from adapters.net.network import ByteStream
from adapters.v2g import codec
from engine.adapter import Cancellable, Port

TELL_EVERY_NS = 1_000_000_000
TELL_AT_ONCE = 8
"""Different turned_away events within :data:`TELL_EVERY_NS` that are told at once; the rest is summed up."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The arguments of ``listen``: how many connections in all and of one peer, and the time (ns) each has to call."""

    most: int
    most_of_peer: int
    time_ns: int


@dataclass(eq=False, slots=True)
class Caller:
    """One connection that is not served yet."""

    number: int
    stream: ByteStream
    tls: bool
    opened_ns: int
    decoder: v2gtp.V2gtpDecoder
    timer: Cancellable | None = None
    octets: int = 0
    held: bytearray = field(default_factory=bytearray)
    has_called: bool = False


class Callers:
    """All connections that are not served yet. ``called`` is given each connection that has called; ``turned_away`` is
    given peer, reason and how often. ``largest_call``: the octets a connection may send until it has called."""

    def __init__(
        self,
        port: Port,
        largest_call: int,
        called: Callable[[Caller], None],
        turned_away: Callable[[str, str, int], None],
    ) -> None:
        self.rules = Rules(0, 0, 0)  # nobody is listened for yet
        self.expected_peer = ""
        self.expected_mac = b""
        self._port = port
        self._largest_call = largest_call
        self._called = called
        self._turned_away = turned_away
        self._numbers = itertools.count(1)
        self._open: dict[int, Caller] = {}  # oldest first
        self._told: dict[tuple[str, str], int] = {}  # in the present second: those told at once, with what came after
        self._untold: tuple[str, str, int] = ("", "", 0)

    def __len__(self) -> int:
        return len(self._open)

    def come(self, stream: ByteStream, tls: bool) -> Caller | None:
        """Take a new connection and its callbacks; None when it was turned away at once."""
        peer = stream.peer_address
        of_peer = [caller for caller in self._open.values() if caller.stream.peer_address == peer]
        crowd = of_peer if len(of_peer) >= self.rules.most_of_peer else list(self._open.values())
        if crowd is of_peer or len(crowd) >= self.rules.most:
            silent = [c for c in crowd if not c.has_called and (crowd is of_peer or not self._is_expected(c))]
            if not silent:
                stream.reset()
                self._tell(peer, "too many connections")
                return None
            self.turn_away(silent[0], "too many connections, this one was silent longest")
        decoder = v2gtp.V2gtpDecoder(max_payload_bytes=self._largest_call)
        caller = Caller(next(self._numbers), stream, tls, self._port.now_ns(), decoder)
        self._open[caller.number] = caller
        stream.on_data = lambda data: self._received(caller, data)
        stream.on_close = lambda reason: self._closed(caller, reason)
        seconds = self.rules.time_ns / 1e9
        caller.timer = self._port.call_later(
            self.rules.time_ns, lambda: self.turn_away(caller, f"no supportedAppProtocolReq within {seconds:g} s")
        )
        return caller

    def take(self, number: int) -> Caller | None:
        """Remove the connection that is served from now on; None when it has closed meanwhile."""
        caller = self._open.pop(number, None)
        if caller is not None and caller.timer is not None:
            caller.timer.cancel()
        return caller

    def turn_away(self, caller: Caller, reason: str) -> None:
        """Close a connection and report it; harmless when it has been removed."""
        if self.take(caller.number) is not None:
            caller.stream.reset()
            self._tell(caller.stream.peer_address, reason)

    def close(self) -> None:
        """Close all, without a report."""
        for number in list(self._open):
            caller = self.take(number)
            if caller is not None:
                caller.stream.reset()

    def _is_expected(self, caller: Caller) -> bool:
        peer = caller.stream.peer_address
        return (bool(peer) and peer == self.expected_peer) or (
            bool(self.expected_mac) and mac_behind(peer) == self.expected_mac
        )

    def _received(self, caller: Caller, data: bytes) -> None:
        caller.octets += len(data)
        if caller.number not in self._open:
            return
        if caller.octets > self._largest_call:
            self.turn_away(caller, f"{caller.octets} octets and no supportedAppProtocolReq among them")
            return
        caller.held += data
        if caller.has_called:
            return
        for event in caller.decoder.receive(data):
            if isinstance(event, v2gtp.BadStream):
                self.turn_away(caller, event.reason)
                return
            if isinstance(event, v2gtp.V2gtpMessage) and _is_call(event):
                caller.has_called = True
                self._called(caller)
                return

    def _closed(self, caller: Caller, reason: str) -> None:
        if self.take(caller.number) is not None:
            self._tell(caller.stream.peer_address, reason)

    # ------------------------------------------------------------ telling

    def _tell(self, peer: str, reason: str) -> None:
        """At once while there are few of them, the others summed up once a second."""
        if not self._told:
            self._port.call_later(TELL_EVERY_NS, self._sum_up)
        if (peer, reason) not in self._told and len(self._told) < TELL_AT_ONCE:
            self._told[peer, reason] = 0
            self._turned_away(peer, reason, 1)
        elif (peer, reason) in self._told:
            self._told[peer, reason] += 1
        else:
            self._untold = (peer, reason, self._untold[2] + 1)

    def _sum_up(self) -> None:
        again = {key: count for key, count in self._told.items() if count}
        untold, self._untold = self._untold, ("", "", 0)
        self._told = {key: 0 for key in again}
        for (peer, reason), count in again.items():
            self._turned_away(peer, reason, count)
        if untold[2]:
            self._turned_away(*untold)
        if self._told:
            self._port.call_later(TELL_EVERY_NS, self._sum_up)


def mac_behind(address: str) -> bytes:
    """The MAC that a link-local address was made from (RFC 4291 appendix A); empty when it was made otherwise."""
    from ipaddress import IPv6Address

    eui = IPv6Address(address.partition("%")[0]).packed[8:]
    return bytes([eui[0] ^ 0x02]) + eui[1:3] + eui[5:] if eui[3:5] == b"\xff\xfe" else b""


def _is_call(frame: v2gtp.V2gtpMessage) -> bool:
    if frame.payload_type is not v2gtp.PayloadType.SAP:
        return False
    try:
        return type(codec.decode("sap", frame.payload)).__name__ == "supportedAppProtocolReq"
    except (codec.ExiError, codec.ValidationError):
        return False
