"""Who holds connections and says nothing, or reads nothing, keeps nobody else out."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra [ui]")
pytest.importorskip("uvicorn", reason="the extra [ui]")

from engine.tools.page import connections
from engine.tools.page.server import PageServer
from tests.page.conftest import ROOT, station
from tests.page.test_api import ask

IDLE = 600


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, then answers; ``/long`` more than any buffer holds."""
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(400 if scope["path"] == "/long" else 0):
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
    await send({"type": "http.response.body", "body": b"hello"})


@contextmanager
def served() -> Iterator[str]:
    server = PageServer("127.0.0.1:0", "")
    server.start(lambda: hello)
    try:
        yield server.url
    finally:
        server.close()


def opened(stack: ExitStack, url: str, said: bytes = b"") -> socket.socket:
    port = int(url.rstrip("/").rpartition(":")[2])
    line = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
    line.sendall(said)
    return line


def is_over(line: socket.socket, within_s: float = 0.0) -> bool:
    """Whether the server has left it."""
    line.settimeout(within_s)
    try:
        return line.recv(1, socket.MSG_PEEK) == b""
    except (BlockingIOError, TimeoutError):
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_hundreds_of_silent_connections_lock_nobody_out(said: bytes) -> None:
    with served() as url, ExitStack() as stack:
        lines = [opened(stack, url, said) for _ in range(IDLE)]
        assert ask(url, "/") == (200, "hello")
        over = [is_over(line) for line in lines]
        assert sum(over) >= IDLE - connections.OF_ADDRESS
        assert over[0]
        assert not over[-1]  # the oldest went
        assert ask(url, "/") == (200, "hello")


def test_who_asks_nothing_or_half_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ASK_S", 0.3)
    monkeypatch.setattr(connections, "NEXT_S", 0.3)
    whole = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with served() as url, ExitStack() as stack:
        nothing, half = opened(stack, url), opened(stack, url, whole[:-2])
        body = opened(stack, url, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx")
        again = opened(stack, url, whole)
        for line in (nothing, half, body):
            assert is_over(line, 5)
        while again.recv(65_536).endswith(b"hello"):
            pass
        assert is_over(again, 5)


def test_who_does_not_read_is_left_and_who_reads_slowly_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_S", 0.5)
    with served() as url, ExitStack() as stack:
        asked = b"GET /long HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        slow, deaf = opened(stack, url, asked), opened(stack, url, asked)
        got = 0
        while chunk := slow.recv(262_144):
            got += len(chunk)
            time.sleep(0.005)
        assert got > 400 * 65_536
        got = 0  # of the other what is on its way still comes, and no more
        try:
            while chunk := deaf.recv(262_144):
                got += len(chunk)
        except ConnectionError:
            pass
        assert 0 < got < 400 * 65_536


def test_what_is_no_request_and_who_leaves_in_the_middle_write_nothing_on_the_terminal() -> None:
    """A terminal full of what strangers cause hides what matters."""
    command = [
        sys.executable,
        "-m",
        "engine",
        "run",
        "machines/evse_dc.yaml",
        "--ui",
        "127.0.0.1:0",
        "--plain",
        "--quiet",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        url = run.stderr.readline().rpartition(" ")[2].strip()
        head = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        with ExitStack() as stack:
            for said in (
                b"\x00\x01\r\n\r\n",
                b"GET /" + head + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
                b"POST /" + head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
                b"GET /\xff" + head + b"\r\n",
            ):
                assert opened(stack, url, said).recv(12).startswith(b"HTTP/1.1 ")
            for half in (b"Content-Length: 100\r\n\r\nx", b"Transfer-Encoding: chunked\r\n\r\n5\r\nx"):
                for path in (b"POST /api/event", b"PUT /api/config", b"POST /start_session"):
                    opened(stack, url, path + head + half).close()
        for _ in range(5):
            assert ask(url, "/api/results")[0] == 200
        run.terminate()
        assert run.stderr.read() == ""


def test_of_many_watchers_that_come_at_once_no_more_than_the_limit_are_let_in() -> None:
    from engine.tools.page.routes import WATCHERS

    with station("machines/evse_dc.yaml") as url, ExitStack() as stack:
        asked = b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        lines = [opened(stack, url, asked) for _ in range(WATCHERS + 16)]
        codes = [line.recv(12) for line in lines]
        assert codes.count(b"HTTP/1.1 200") == WATCHERS
        assert codes.count(b"HTTP/1.1 503") == 16
        for line in lines:
            line.close()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            line = opened(stack, url, asked)
            if line.recv(12) == b"HTTP/1.1 200":
                return  # who has left is counted no more
            line.close()
            time.sleep(0.2)
        pytest.fail("those who have left still count")
