"""Serves the page in a thread of its own: no reader of it holds up the station."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from engine.run.station import StationError
from engine.tools.extras import need
from engine.tools.page.places import is_loopback, place

if TYPE_CHECKING:
    import uvicorn

    from engine.tools.page.door import App, Receive, Scope, Send


ENDS: Final = "the station ends, or begins anew, before it came to this"
SWITCH_S: Final = 0.0005
"""So long, not Python's 5 ms, a busy reader keeps the machines waiting for the interpreter."""


class PageError(StationError):
    """The page cannot be served; the message says why, and what to do."""


def _unhurt(app: App) -> App:
    """An application for which a caller that leaves in mid-request is no fault of its own, and whose answer says why
    where the end of the server comes before it."""
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse

    async def unhurt(scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def noticed(part: Any) -> None:
            nonlocal began
            began = True
            await send(part)

        try:
            await app(scope, receive, noticed)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:
            if not began:
                await JSONResponse({"error": ENDS}, 503)(scope, receive, send)

    return unhurt


class PageServer:
    """Listens from now on, answers from :meth:`start` to :meth:`close`. Raises :class:`PageError` where it may not, or
    cannot, listen, and ``MissingExtra``."""

    def __init__(self, where: str, token: str) -> None:
        need("the page (--ui)", "ui", "starlette", "uvicorn")
        try:
            self.host, port = place(where)
        except ValueError as error:
            raise PageError(f"--ui {error}") from None
        if not token and not is_loopback(self.host):
            raise PageError(
                f"--ui {where}: anybody who reaches {self.host} could act; give --ui-token TOKEN (or "
                f"CHARGER_UI_TOKEN), or use 127.0.0.1"
            )
        self._token = token
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            self._socket = socket.create_server((self.host, port), family=family, backlog=128)
        except OSError as error:
            raise PageError(f"--ui {where}: it cannot listen there: {error.strerror or error}") from None
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}/"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    @property
    def closing(self) -> bool:
        """Whether it is about to end: streams end, too."""
        return self._closing.is_set()

    def start(self, make: Callable[[], App]) -> None:
        """Answer, behind the door. The application is made, and what it needs imported, in the server's thread."""
        self._thread = threading.Thread(target=self._serve, args=(make,), name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more."""
        self._closing.set()
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(3)
        self._socket.close()

    def _serve(self, make: Callable[[], App]) -> None:
        import uvicorn

        from engine.tools.page.connections import NEXT_S, of_one_server
        from engine.tools.page.door import Door

        config = uvicorn.Config(
            Door(_unhurt(make()), self.host, self._token),
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="error",  # who sends what is no HTTP has been told so
            server_header=False,
            ws="none",
            http=of_one_server(),
            loop="asyncio",
            proxy_headers=False,
            timeout_keep_alive=int(NEXT_S),
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=32_768,
        )
        self._server = uvicorn.Server(config)
        sys.setswitchinterval(SWITCH_S)
        if not self._closing.is_set():
            self._server.run([self._socket])
