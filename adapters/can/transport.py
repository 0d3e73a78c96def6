"""The transport protocol of SAE J1939-21 (5.10), which GB/T 27930 uses for messages of more than 8 octets. Sans-I/O.

    side = Transport(0x56)                       # None: only listens, as a monitor does
    outcome = side.receive(frame)                # frames to send now, a message that is whole, what did not fit
    frames = side.send(0x0200, 0xF4, data)       # the first frames of a message; the rest go when the other side asks

Reassembly is per sender, receiver and PGN: messages of several senders at once do not mix, and a new beginning of the
same replaces the old one. There are no timers: who waits for a message has its own (GB/T 27930 clause 8), and a message
that is begun anew begins anew. What others can make it keep is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from adapters.can.frame import Frame, Misfit

CONNECTION: Final = 0xEC
DATA: Final = 0xEB
EVERYBODY: Final = 0xFF
RTS, CTS, ACKNOWLEDGED, BROADCAST, ABORT = 16, 17, 19, 32, 255
MOST: Final = 1785
"""Octets of the longest message: 255 packets of 7."""
MOST_SESSIONS: Final = 32
"""Messages under way at once, in and out; the oldest gives way."""
PRIORITY: Final = 7


class Outcome(NamedTuple):
    """What a received frame leads to. ``whole`` is a message as one frame with all its data and the identifier it would
    have had; ``passed`` is the frame itself when it is not of the transport protocol."""

    send: tuple[Frame, ...] = ()
    whole: Frame | None = None
    misfit: Misfit | None = None
    passed: Frame | None = None


@dataclass(slots=True)
class _Incoming:
    length: int
    packets: int
    got: bytearray = field(default_factory=bytearray)
    next: int = 1


@dataclass(frozen=True, slots=True)
class _Outgoing:
    data: bytes
    priority: int


def identifier(priority: int, pgn: int, destination: int, source: int) -> int:
    """The 29 bits of a PDU1 message: ``pgn`` is that with 00 in its low octet."""
    return priority << 26 | (pgn & 0x3FF00) << 8 | destination << 8 | source


class Transport:
    """One side of the transport protocol. ``address`` is its own; with None it listens and never speaks."""

    def __init__(self, address: int | None = None) -> None:
        self.address = address
        self._incoming: dict[tuple[int, int, int], _Incoming] = {}  # (sender, receiver, PGN), in the order they began
        self._outgoing: dict[tuple[int, int], _Outgoing] = {}  # (receiver, PGN)

    def send(self, pgn: int, destination: int, data: bytes, priority: int = PRIORITY) -> list[Frame]:
        """The frames with which a message begins: itself, when it has at most 8 octets, else a request to send; the
        packets follow from :meth:`receive` when the other side asks. Raises ``ValueError`` for more than 1785 octets
        and for a side that only listens."""
        if self.address is None:
            raise ValueError("this side of the transport protocol only listens")
        if len(data) > MOST:
            raise ValueError(f"a message has at most {MOST} octets, not {len(data)}")
        if len(data) <= 8:
            return [Frame(identifier(priority, pgn, destination, self.address), data)]
        _bounded(self._outgoing)
        self._outgoing[destination, pgn] = _Outgoing(data, priority)
        packets = -(-len(data) // 7)
        return [self._control(destination, bytes((RTS, *len(data).to_bytes(2, "little"), packets, 0xFF)), pgn)]

    def receive(self, frame: Frame) -> Outcome:
        """Take in any frame of the bus. Raises nothing, whatever comes."""
        kind = frame.id >> 16 & 0xFF
        if not frame.extended or frame.id >> 24 & 3 or kind not in (CONNECTION, DATA):
            return Outcome(passed=frame)
        receiver, sender = frame.id >> 8 & 0xFF, frame.id & 0xFF
        if len(frame.data) < 8:
            return Outcome(misfit=Misfit(f"transport protocol: {len(frame.data)} octets instead of 8", frame))
        if kind == DATA:
            return self._packet(frame, sender, receiver)
        pgn = int.from_bytes(frame.data[5:8], "little")
        match frame.data[0]:
            case 16 | 32:
                return self._begun(frame, sender, receiver, pgn)
            case 17:
                return Outcome(tuple(self._asked(frame, sender, receiver, pgn)))
            case 19:
                if receiver == self.address:
                    self._outgoing.pop((sender, pgn), None)
                return Outcome()
            case 255:
                self._incoming.pop((sender, receiver, pgn), None)
                if receiver == self.address:
                    self._outgoing.pop((sender, pgn), None)
                return Outcome(
                    misfit=Misfit(f"transport protocol: {sender:02X} gives up, reason {frame.data[1]}", frame)
                )
        return Outcome(misfit=Misfit(f"transport protocol: unknown control octet {frame.data[0]}", frame))

    def _begun(self, frame: Frame, sender: int, receiver: int, pgn: int) -> Outcome:
        length, packets = int.from_bytes(frame.data[1:3], "little"), frame.data[3]
        if not 8 < length <= MOST or packets != -(-length // 7):
            return Outcome(misfit=Misfit(f"transport protocol: {packets} packets for {length} octets", frame))
        key = (sender, receiver, pgn)
        self._incoming.pop(key, None)
        _bounded(self._incoming)
        self._incoming[key] = _Incoming(length, packets)
        if frame.data[0] == BROADCAST or receiver != self.address:
            return Outcome()
        return Outcome((self._go_on(sender, pgn, packets, 1),))

    def _packet(self, frame: Frame, sender: int, receiver: int) -> Outcome:
        # A packet does not say of which message it is: it is of the last one begun between these two.
        key = next((k for k in reversed(self._incoming) if k[:2] == (sender, receiver)), None)
        if key is None:
            return Outcome(misfit=Misfit("transport protocol: a packet of a message that was not begun", frame))
        session, pgn = self._incoming[key], key[2]
        number = frame.data[0]
        if number < session.next:
            return Outcome()  # doubled
        if number > session.next:
            lost = Misfit(f"transport protocol: packet {number} instead of {session.next}", frame)
            if receiver != self.address:
                return Outcome(misfit=lost)
            return Outcome((self._go_on(sender, pgn, session.packets - session.next + 1, session.next),), misfit=lost)
        session.got += frame.data[1:8]
        session.next += 1
        if session.next <= session.packets:
            return Outcome()
        del self._incoming[key]
        whole = Frame(identifier(frame.id >> 26, pgn, receiver, sender), bytes(session.got[: session.length]))
        if receiver != self.address:
            return Outcome(whole=whole)
        end = bytes((ACKNOWLEDGED, *session.length.to_bytes(2, "little"), session.packets, 0xFF))
        return Outcome((self._control(sender, end, pgn),), whole)

    def _asked(self, frame: Frame, sender: int, receiver: int, pgn: int) -> list[Frame]:
        """The packets the other side wants now."""
        message = self._outgoing.get((sender, pgn))
        count, first = frame.data[1], frame.data[2]
        if message is None or receiver != self.address or self.address is None or first == 0:
            return []
        last = min(first + count - 1, -(-len(message.data) // 7))
        to = identifier(message.priority, DATA << 8, sender, self.address)
        return [
            Frame(to, bytes((k,)) + message.data[7 * k - 7 : 7 * k].ljust(7, b"\xff")) for k in range(first, last + 1)
        ]

    def _go_on(self, to: int, pgn: int, packets: int, first: int) -> Frame:
        return self._control(to, bytes((CTS, packets, first, 0xFF, 0xFF)), pgn)

    def _control(self, to: int, head: bytes, pgn: int) -> Frame:
        assert self.address is not None
        return Frame(identifier(PRIORITY, CONNECTION << 8, to, self.address), head + pgn.to_bytes(3, "little"))


def _bounded(sessions: dict[Any, Any]) -> None:
    while len(sessions) >= MOST_SESSIONS:
        del sessions[next(iter(sessions))]
