"""Contract ``soc_callback``: a server of this process that only notes, and one over HTTP or HTTPS.

A request is a thread of its own (``http.client``), so that nothing a server does or leaves undone holds the machines.
Only the status line and the headers of an answer are read. A redirection is an answer like any other: it is not
followed. How long a request may take is the chart's: it leaves the call, and the connection is cut.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, ClassVar, Final

from adapters.http.message import PRESETS, Destination, Request, destination
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, Cancellable, Port, Setting, World

MS: Final = 1_000_000
MOST: Final = 4
"""Requests under way, those included that nobody waits for any more (a name server that does not answer)."""
LONGEST: Final = 200
"""Characters of a reason: some of it is what a server has written."""


class SimulatedCallback(Adapter):
    """Nobody is told; :attr:`told` has the last 100 orders."""

    contract = "soc_callback"
    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        "there": Setting("bool", True, "There is somebody to tell"),
        "status": Setting("int", 200, "What every request is answered by; 0: nobody takes the connection"),
        "delay": Setting("duration?", 50 * MS, "From the request to its answer; none: it never comes"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.told: list[dict[str, Any]] = []
        self._waiting: dict[str, Cancellable] = {}

    @property
    def has_address(self) -> bool:
        there: bool = self.config["there"]
        return there

    def tell(self, *, call_id: str, **said: Any) -> None:
        self.told = [*self.told[-99:], said]
        if self.config["delay"] is not None:
            self._waiting[call_id] = self.port.call_later(self.config["delay"], lambda: self._answer(call_id))

    def cancel_call(self, call_id: str) -> None:
        waiting = self._waiting.pop(call_id, None)
        if waiting is not None:
            waiting.cancel()

    def _answer(self, call_id: str) -> None:
        self._waiting.pop(call_id, None)
        if self.config["status"]:
            self.port.done(call_id, status=self.config["status"])
        else:
            self.port.failed(call_id, "connection refused")


class HttpCallback(Adapter):
    """A server at an address."""

    contract = "soc_callback"
    settings: ClassVar[Mapping[str, Setting]] = {
        "url": Setting("string", "", "http://host:port/path or https://…; empty: nobody is told"),
        "preset": Setting(f"enum({', '.join(PRESETS)})", "smartevse", "Method, path and how numbers are written"),
        "method": Setting("enum(preset, GET, POST, PUT)", "preset", "In place of the preset's"),
        "path": Setting("string", "", "In place of the preset's; empty: that of the url where it has one"),
        "format": Setting("enum(query, form, json)", "query", "Where the values are: in the address or in a body"),
        "ca_file": Setting("string", "", "https: certificates (PEM) that are trusted; empty: those of the system"),
        "silence": Setting("duration", 10_000 * MS, "A connection on which nothing comes for so long is cut"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._to: Destination | None = destination(self.config)
        self._context = self._trust() if self._to is not None and self._to.secure else None
        self._alive: set[_Call] = set()
        self._runs = False

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.config["ca_file"] or None)
        except (OSError, ValueError) as error:
            raise AdapterError(f"setting 'ca_file': '{self.config['ca_file']}': {error}") from None

    @property
    def has_address(self) -> bool:
        return self._to is not None

    def open(self, port: Port) -> None:
        super().open(port)
        if self._to is not None:
            port.spawn(self._begin())  # says that it needs the real clock where there is none

    async def _begin(self) -> None:
        self._runs = True

    def close(self) -> None:
        for call in list(self._alive):
            call.cut()

    def tell(
        self,
        *,
        soc: int,
        EVCCID: bytes,
        call_id: str,
        full_soc: int | None = None,
        capacity: float | None = None,
        energy: float | None = None,
    ) -> None:
        to = self._to
        if to is None:
            self.port.failed(call_id, "setting 'url' is empty")
        elif not self._runs:
            self.port.failed(call_id, "a server needs the real clock")
        elif len(self._alive) >= MOST:
            self.port.failed(call_id, f"{MOST} earlier requests have not ended: does the name server answer?")
        else:
            values = {
                "current_soc": soc,
                "full_soc": full_soc,
                "energy_capacity": capacity,
                "energy_request": energy,
            }
            call = _Call(self, call_id, self._connection(to), to.request(values, EVCCID.hex()))
            self._alive.add(call)
            call.start()

    def _connection(self, to: Destination) -> HTTPConnection:
        silence_s = self.config["silence"] / 1e9
        if self._context is not None:
            return HTTPSConnection(to.host, to.port, timeout=silence_s, context=self._context)
        return HTTPConnection(to.host, to.port, timeout=silence_s)

    def cancel_call(self, call_id: str) -> None:
        for call in list(self._alive):
            if call.id == call_id:
                call.cut()

    def over(self, call: _Call) -> None:
        """Called by a request's thread when it has ended."""
        self.port.call_soon_threadsafe(lambda: self._report(call))

    def _report(self, call: _Call) -> None:
        self._alive.discard(call)
        if call.is_cut:
            return
        if call.status is not None:
            self.port.done(call.id, status=call.status)
        else:
            self.port.failed(call.id, call.reason)


class _Call(threading.Thread):
    """One request and the head of its answer. ``status`` or ``reason`` is set when it has ended."""

    def __init__(self, owner: HttpCallback, call_id: str, connection: HTTPConnection, request: Request) -> None:
        super().__init__(name=f"soc_callback {call_id}", daemon=True)  # the end of the program waits for no server
        self.id = call_id
        self.status: int | None = None
        self.reason = ""
        self.is_cut = False
        self._owner, self._connection, self._request = owner, connection, request

    def run(self) -> None:
        request = self._request
        try:
            self._connection.connect()
            if self.is_cut:
                return
            self._connection.request(request.method, request.target, request.body, dict(request.headers))
            self.status = self._connection.getresponse().status
        except Exception as error:  # OSError, HTTPException, a host name that cannot be encoded: all of it is told
            self.reason = told(error)
        finally:
            self._connection.close()
            self._owner.over(self)

    def cut(self) -> None:
        """Nobody waits for it any more: what it waits for in the connection ends at once."""
        self.is_cut = True
        connected = self._connection.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def told(error: Exception) -> str:
    """An error as people read it: one line of printable ASCII, not longer than :data:`LONGEST`."""
    text = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__
    plain = "".join(each if " " <= each <= "~" else "?" for each in text)
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 3] + "..."
