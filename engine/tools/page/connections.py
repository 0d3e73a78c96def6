"""Connections to the page: so many, so many of one address, and none for who says nothing or does not read.

Where one more comes than there may be, the one that has been silent for longest goes: who asks is always let in, also
from the address of who holds hundreds of silent ones.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 256
OF_ADDRESS: Final = 128
"""A proxy is one address, too."""
ASK_S: Final = 10.0
"""From the beginning of a connection to a whole request, its body too."""
NEXT_S: Final = 30.0
"""The same from an answer."""
READ_S: Final = 10.0
"""So long one waits for a reader that takes nothing."""


class Connections:
    """Those of one server. ``silent``: without a whole request, the oldest first."""

    def __init__(self) -> None:
        self.all: set[Connection] = set()
        self.silent: OrderedDict[Connection, None] = OrderedDict()

    def enter(self, new: Connection) -> None:
        """One more."""
        self.all.add(new)
        self.silent[new] = None
        if sum(one.address == new.address for one in self.all) > OF_ADDRESS:
            self._leave_one(new.address)
        elif len(self.all) > MOST:
            self._leave_one(None)

    def leave(self, one: Connection) -> None:
        """It has ended."""
        self.all.discard(one)
        self.silent.pop(one, None)

    def _leave_one(self, address: str | None) -> None:
        goes = next(one for one in self.silent if address in (None, one.address))  # the new one, if there is no other
        self.leave(goes)
        goes.transport.abort()


class Connection(H11Protocol):
    """One of them, on its server's ``connections``."""

    of: Connections
    address: str = ""
    _timer: asyncio.TimerHandle | None = None
    _patience: asyncio.TimerHandle | None = None
    _unread: int = 0

    def connection_made(self, transport: Any) -> None:
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.of.enter(self)
        self._wait(ASK_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self.of.leave(self)
        _stop(self._timer)
        _stop(self._patience)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """What has come is read; with a whole request it is silent no more."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete:
            _stop(self._timer)
            self.of.silent.pop(self, None)

    def send_400_response(self, msg: str) -> None:
        """What has come is no request, or no body: who began to answer it speaks to nobody."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        super().send_400_response(msg)

    def on_response_complete(self) -> None:
        """It has been answered."""
        if not self.transport.is_closing():
            self.of.silent[self] = None
            self._wait(NEXT_S)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Its reader is behind."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._patience = self.loop.call_later(READ_S, self._has_read)

    def resume_writing(self) -> None:
        """And goes on."""
        _stop(self._patience)
        super().resume_writing()

    def _has_read(self) -> None:
        """Slow it may be."""
        if (left := self.transport.get_write_buffer_size()) >= self._unread:
            self.transport.abort()
        else:
            self._unread = left
            self._patience = self.loop.call_later(READ_S, self._has_read)

    def _wait(self, seconds: float) -> None:
        _stop(self._timer)
        self._timer = self.loop.call_later(seconds, self.transport.abort)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def of_one_server() -> type[Connection]:
    """The class of the connections of a server that begins."""
    return type("Connection", (Connection,), {"of": Connections()})
