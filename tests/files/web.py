"""A web server on loopback that keeps what is sent to it, and gives it back."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = bytes(range(256)) * 1000


class Web(BaseHTTPRequestHandler):
    """Keeps what is sent to it, and gives it back."""

    server: Server

    def do_PUT(self) -> None:
        if self.path.startswith("/denied"):
            self._say(403)
            return
        if self.path.startswith("/silent"):
            self.server.reached.set()
            self.server.released.wait(20)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept[f"{self.command} {self.path}"] = body
        self.server.authorization = self.headers["Authorization"]
        self._say(500 if self.path.startswith("/broken") else 201)

    do_POST = do_PUT

    def do_GET(self) -> None:
        if self.path == "/moved":
            self._say(302, location="/there/file")
        elif self.path == "/loop":
            self._say(302, location="/loop")
        elif self.path == "/elsewhere":
            self._say(302, location="ftp://127.0.0.1/x")
        elif self.path == "/short":
            self._say(200, CONTENT[:1000], length=len(CONTENT))
        elif self.path == "/there/file":
            self._say(200, CONTENT)
        elif self.path == "/denied":
            self._say(401)
        else:
            self._say(404)

    def _say(self, status: int, body: bytes = b"", length: int | None = None, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Web)
        self.kept: dict[str, bytes] = {}
        self.authorization: str | None = None
        self.reached, self.released = threading.Event(), threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"
