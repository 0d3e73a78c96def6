"""``--control HOST:PORT``: a bench acts in the simulated world by HTTP.

    POST /event {"event": "NAME", "field": value, …}

204: it is done. 501: this station does not offer the event. 400, 401, 403, 404, 405, 413: the caller is wrong, and
the answer says how: ``{"error": "…"}``. Which events there are is ``[control]`` of the station file, and the field that
holds a number of what there are several of its ``control_number``.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, Final

from engine.adapter import read_json
from engine.cli.hands import Act, Hands, NotOffered
from engine.run import System
from engine.run.station import StationError
from engine.run.station.plan import Control

LARGEST: Final = 65_536
"""Octets of a request's body."""
PATIENCE_S: Final = 10
"""So long a caller waits for the machines; they are asked between two of their steps."""


class ControlServer:
    """Listens from now on, answers from :meth:`start` to :meth:`close`. Raises ``StationError`` where it may not, or
    cannot, listen."""

    def __init__(self, control: Control, hands: Hands, system: System) -> None:
        host, port = _place(control.where)
        if not control.token and not _is_loopback(host):
            raise StationError(
                f"--control {control.where}: anybody who reaches {host} could act; set station.control_token, or use"
                " 127.0.0.1"
            )
        handler = type(
            "Handler",
            (_Handler,),
            {
                "token": control.token,
                "do": staticmethod(partial(_ask, hands, system)),
                "afterwards": staticmethod(system.hand_over),
            },
        )
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            raise StationError(f"--control {control.where}: it cannot listen there: {error}") from None
        self.where = f"{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="control", daemon=True)

    def start(self) -> None:
        """Answer."""
        self._thread.start()

    def close(self) -> None:
        """No more."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    token = ""
    do: Callable[[Mapping[str, Any]], Act | None]
    afterwards: Callable[[Act], None]

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or self.headers.get("Transfer-Encoding"):
            self._answer(HTTPStatus.LENGTH_REQUIRED, "say Content-Length", leave=True)
            return
        if int(length) > LARGEST:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST} octets", leave=True)
            return
        body = self.rfile.read(int(length))
        scheme, _, shown = self.headers.get("Authorization", "").partition(" ")
        may = scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), self.token.encode())
        if self.token and not may:
            self._answer(HTTPStatus.UNAUTHORIZED, "show the token: Authorization: Bearer TOKEN")
        elif not self.token and self.headers.get("Origin"):  # a page of the web must not act here
            self._answer(HTTPStatus.FORBIDDEN, "not from a web page, unless a token is set")
        elif self.path != "/event":
            self._answer(HTTPStatus.NOT_FOUND, "there is POST /event")
        else:
            status, error, last = self._done(body)
            self._answer(status, error, leave=last is not None)
            if last is not None:
                self.wfile.flush()
                self.afterwards(last)

    def _done(self, body: bytes) -> tuple[HTTPStatus, str, Act | None]:
        try:
            asked = read_json(body)
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, f"no JSON: {error}", None
        if not isinstance(asked, dict):
            return HTTPStatus.BAD_REQUEST, 'write {"event": NAME, …}', None
        try:
            last = self.do(asked)
        except NotOffered as error:
            return HTTPStatus.NOT_IMPLEMENTED, str(error), None
        except (StationError, ValueError) as error:
            return HTTPStatus.BAD_REQUEST, str(error), None
        except TimeoutError:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"the machines have not come to it in {PATIENCE_S} s", None
        return HTTPStatus.NO_CONTENT, "", last

    def _other(self) -> None:
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "there is POST /event", leave=True)

    do_GET = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _other

    def _answer(self, status: HTTPStatus, error: str, *, leave: bool = False) -> None:
        body = json.dumps({"error": error}).encode() if error else b""
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if leave:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not on standard error: what is done is seen in the run."""


def _ask(hands: Hands, system: System, asked: Mapping[str, Any]) -> Act | None:
    """In the system's thread; in this one the result."""
    done = system.ask(partial(hands.do, asked), settled=True)
    try:
        last: Act | None = done.result(PATIENCE_S)
    except TimeoutError:
        done.cancel()  # nobody waits for it any more: it is not done later
        raise
    return last


def _place(where: str) -> tuple[str, int]:
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise StationError(f"--control {where}: write HOST:PORT, for example 127.0.0.1:9100")
    return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
