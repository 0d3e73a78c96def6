"""One way to read whatever others can send: in bounded portions, with a budget per source, everything counted.

:meth:`Intake.read` takes at most ``batch`` items from a socket in one turn of the event loop, so that timers, machines
and other sockets get their turns. Each item is put before :meth:`Intake.admits` before anything is decoded.

Budgets are token buckets. Each known source has its own, so a flood from one leaves the others alone. A new source must
first get an item through the budget of all *new* sources together, so a flood of invented sources fills neither the
table nor the machines' queues. People are told when dropping begins and ends, not for each item; ``received`` and
``dropped`` hold the numbers. While items are dropped, the socket is read every 5 ms only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from engine.adapter import Cancellable

FLOOD_BATCH = 256
"""Items read in one turn while most of them are dropped, at some 5 us each."""
REST_S = 0.005
"""Pause between two such turns; the kernel keeps some hundred items meanwhile and drops what is more."""
QUIET_NS = 1_000_000_000
"""A flood is over when nothing was dropped for this long."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``per_source`` and ``new_sources`` are items per second and also the largest burst; 0 is no limit. ``sources``
    bounds the table of known sources, ``batch`` the items read in one turn of the event loop."""

    per_source: int = 0
    new_sources: int = 0
    sources: int = 256
    batch: int = 32


class Surroundings(Protocol):
    """The part of an :class:`engine.adapter.Port` that is needed here."""

    def now_ns(self) -> int:
        """The host's clock in nanoseconds."""
        ...

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Cancellable:
        """Call ``callback`` after ``delay_ns`` of the host's clock."""
        ...

    def error(self, message: str) -> None:
        """Report a fault of ours."""
        ...

    def tell(self, message: str, /, **data: Any) -> None:
        """Tell people, without a chart's part in it."""
        ...


class Bucket:
    """A budget of ``rate`` items per second, full at first."""

    __slots__ = ("_at_ns", "_left", "_rate")

    def __init__(self, rate: int, now_ns: int) -> None:
        self._rate = rate
        self._left = float(rate)
        self._at_ns = now_ns

    def take(self, now_ns: int) -> bool:
        """Take one item; False when the budget is used up."""
        self._left = min(float(self._rate), self._left + (now_ns - self._at_ns) * 1e-9 * self._rate)
        self._at_ns = now_ns
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Intake:
    """A limited reader of one socket or stream of items. ``name`` says where (``interface 'eth1', UDP port 15118``),
    ``items`` what is counted (``datagrams``)."""

    def __init__(self, name: str, items: str, limits: Limits, around: Surroundings) -> None:
        self.name = name
        self.limits = limits
        self.received = 0
        self.dropped = 0
        self._items = items
        self._around = around
        self._known: dict[Hashable, Bucket] = {}  # in the order of their last use
        self._new = Bucket(limits.new_sources, around.now_ns())
        self._flood: Counted | None = None

    def admits(self, source: Hashable) -> bool:
        """Count an item of this source. False means that it is over a budget and must be dropped."""
        self.received += 1
        if not self.limits.per_source:
            return True
        now_ns = self._around.now_ns()
        bucket = self._known.pop(source, None)
        if bucket is None:
            if self.limits.new_sources and not self._new.take(now_ns):
                self._drop(f"{self.limits.new_sources} {self._items}/s of new senders", now_ns)
                return False
            if len(self._known) >= self.limits.sources:
                del self._known[next(iter(self._known))]  # the one longest silent
            bucket = Bucket(self.limits.per_source, now_ns)
        self._known[source] = bucket
        if bucket.take(now_ns):
            return True
        self._drop(f"{self.limits.per_source} {self._items}/s of {source}", now_ns)
        return False

    async def read(self, sock: socket.socket, one: Callable[[], object]) -> None:
        """Call ``one`` whenever the socket is readable; it reads and handles one item and raises ``BlockingIOError``
        when there is none.

        Runs until cancelled. Raises the ``OSError`` that breaks the socket; any other exception of ``one`` is reported
        and goes no further.
        """
        loop = asyncio.get_running_loop()
        broken: asyncio.Future[None] = loop.create_future()

        resting: asyncio.TimerHandle | None = None

        def portion() -> None:
            for _ in range(self.limits.batch if self._flood is None else FLOOD_BATCH):
                try:
                    one()
                except (BlockingIOError, InterruptedError):
                    return
                except OSError as error:
                    loop.remove_reader(sock)
                    if not broken.done():
                        broken.set_exception(error)
                    return
                except Exception as error:
                    self._around.error(f"{self.name}: {type(error).__name__}: {error}")

        def readable() -> None:
            nonlocal resting
            dropped = self.dropped
            portion()
            if self.dropped > dropped and not broken.done():  # to be woken for each item costs more than to drop it
                loop.remove_reader(sock)
                resting = loop.call_later(REST_S, go_on)

        def go_on() -> None:
            loop.add_reader(sock, readable)
            readable()

        loop.add_reader(sock, readable)
        try:
            await broken
        finally:
            loop.remove_reader(sock)
            if resting is not None:
                resting.cancel()

    def _drop(self, over: str, now_ns: int) -> None:
        self.dropped += 1
        if self._flood is None:
            self._flood = Counted(now_ns, self.received - 1, self.dropped - 1)
            self._around.tell(f"{self.name}: flooded, more than {over}; what is over is dropped")
            self._around.call_later(QUIET_NS, self._look)
        self._flood.last_ns = now_ns

    def _look(self) -> None:
        flood = self._flood
        if flood is None:
            return
        quiet_ns = self._around.now_ns() - flood.last_ns
        if quiet_ns < QUIET_NS:
            self._around.call_later(QUIET_NS - quiet_ns, self._look)
            return
        self._flood = None
        received, dropped = self.received - flood.received, self.dropped - flood.dropped
        seconds = (flood.last_ns - flood.since_ns) / 1e9
        self._around.tell(
            f"{self.name}: the flood is over after {seconds:.1f} s; {dropped} of {received} {self._items} were dropped",
            received=received,
            dropped=dropped,
        )


@dataclass(slots=True)
class Counted:
    """When a flood began, and the counters at that time."""

    since_ns: int
    received: int
    dropped: int
    last_ns: int = 0
