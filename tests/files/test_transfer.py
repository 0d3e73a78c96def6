"""Files to and from real servers on loopback: HTTP of the standard library, FTP in a few lines."""

from __future__ import annotations

import asyncio
import base64
import socket
import socketserver
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.files.transfer import NetworkFileTransfer, SimulatedFileTransfer
from engine.adapter import ConfigurationError, World
from tests.files.web import CONTENT, Server
from tests.slac.real_port import RealPort


@pytest.fixture
def web() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


class Ftp(socketserver.StreamRequestHandler):
    """The commands that a passive transfer needs (RFC 959, RFC 2428)."""

    server: Ftpd

    def handle(self) -> None:
        self._say("220 here")
        listener: socket.socket | None = None
        for raw in self.rfile:
            command, _, argument = raw.decode().strip().partition(" ")
            if command == "USER":
                self.user = argument
                self._say("331 and the password?")
            elif command == "PASS":
                self._say("230 welcome" if argument == "secret" or self.user == "anonymous" else "530 no")
            elif command == "TYPE":
                self._say("200 yes")
            elif command in ("EPSV", "PASV"):
                listener = socket.create_server(("127.0.0.1", 0))
                port = listener.getsockname()[1]
                self._say(
                    f"229 here (|||{port}|)" if command == "EPSV" else f"227 (127,0,0,1,{port // 256},{port % 256})"
                )
            elif command in ("STOR", "RETR") and listener is not None:
                self._say("150 go")
                with listener, listener.accept()[0] as data:
                    if command == "STOR":
                        kept = bytearray()
                        while block := data.recv(65536):
                            kept += block
                        self.server.kept[argument] = bytes(kept)
                    else:
                        data.sendall(CONTENT)
                self._say("226 done")
            else:
                self._say("502 no")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class Ftpd(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Ftp)
        self.kept: dict[str, bytes] = {}

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def ftp() -> Iterator[Ftpd]:
    with Ftpd() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def run(test: Callable[[NetworkFileTransfer, RealPort], Awaitable[None]], **config: Any) -> None:
    async def whole() -> None:
        files = NetworkFileTransfer(config, World())
        port = RealPort(files, "files")
        try:
            await test(files, port)
        finally:
            files.close()

    asyncio.run(asyncio.wait_for(whole(), 60))


async def ended(port: RealPort, call_id: str) -> Any:
    """The result of a call, or why it failed."""
    while call_id not in port.results:
        await asyncio.sleep(0.002)
    return port.results[call_id]


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "log"
    path.write_bytes(CONTENT)
    return str(path)


@pytest.mark.parametrize(
    ("method", "location", "there"),
    [
        ("PUT", "/a/b", "PUT /a/b/the%20log"),
        ("PUT", "/a/b/", "PUT /a/b/the%20log"),
        ("PUT", "", "PUT /the%20log"),
        ("PUT", "/signed?key=1", "PUT /signed?key=1"),
        ("POST", "/form", "POST /form"),
    ],
)
def test_up_by_http(web: Server, log: str, method: str, location: str, there: str) -> None:
    """Into a directory, under the name; or as the address says."""

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.upload(call_id="1", location=web.url + location, path=log, name="the log")
        assert await ended(port, "1") == {}
        assert web.kept == {there: CONTENT}
        assert web.authorization is None

    run(talk, method=method)


def test_name_and_password_of_the_address(web: Server, log: str) -> None:
    """RFC 7617; they are in no line that people see."""

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        location = web.url.replace("//", "//me:a%2Fb@") + "/broken"
        files.upload(call_id="1", location=location, path=log, name="n")
        assert await ended(port, "1") == "broken"
        assert web.authorization == "Basic " + base64.b64encode(b"me:a/b").decode()
        assert port.told == ["broken: HTTP 500 Internal Server Error"]

    run(talk)


def test_down_by_http(web: Server, tmp_path: Path) -> None:
    """A redirection is followed; the file is whole, and nothing else is left."""

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        for call, location in (("1", "/there/file"), ("2", "/moved")):
            files.download(call_id=call, location=web.url + location, name="../../firmware")
            assert await ended(port, call) == {"path": str(tmp_path / "firmware"), "size": len(CONTENT)}
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("firmware", CONTENT)]

    run(talk, folder=str(tmp_path))


@pytest.mark.parametrize(
    ("location", "reason", "why"),
    [
        ("/denied", "denied", "HTTP 401"),
        ("/none", "broken", "HTTP 404"),
        ("/loop", "broken", "more than 5 redirections"),
        ("/elsewhere", "broken", "from http to ftp"),
        ("/short", "broken", "1000 of 256000 octets came"),
    ],
)
def test_a_download_that_fails_leaves_what_was_there(
    web: Server, tmp_path: Path, location: str, reason: str, why: str
) -> None:
    (tmp_path / "firmware").write_text("the old one")

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.download(call_id="1", location=web.url + location, name="firmware")
        assert await ended(port, "1") == reason
        assert why in port.told[0]
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("firmware", "the old one")]

    run(talk, folder=str(tmp_path))


def test_a_download_has_its_limit(web: Server, tmp_path: Path) -> None:
    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.download(call_id="1", location=web.url + "/there/file", name="firmware")
        assert await ended(port, "1") == "broken"
        assert port.told == [f"broken: it is larger than {len(CONTENT) - 1} octets"]
        assert list(tmp_path.iterdir()) == []

    run(talk, folder=str(tmp_path), largest=len(CONTENT) - 1)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "bad_location"),
        ("there", "bad_location"),
        ("http:///a", "bad_location"),
        ("http://h:x/a", "bad_location"),
        ("http://h/a b", "bad_location"),
        ("ftp://h/a%0d%0aDELE x", "bad_location"),
        ("file:///etc/passwd", "bad_location"),
        ("sftp://h/a", "not_supported"),
        ("gopher://h/a", "not_supported"),
    ],
)
def test_addresses(log: str, location: str, reason: str) -> None:
    """A central system cannot make it read or write files of this machine."""

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.upload(call_id="up", location=location, path=log, name="n")
        files.download(call_id="down", location=location, name="n")
        assert (await ended(port, "up"), await ended(port, "down")) == (reason, reason)

    run(talk, folder=str(Path(log).parent))


def test_nobody_there(log: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        for call, scheme in enumerate(("http", "https", "ftp", "ftps")):
            files.upload(call_id=str(call), location=f"{scheme}://127.0.0.1:{number}/a", path=log, name="n")
            assert await ended(port, str(call)) == "broken"

    run(talk)


def test_a_certificate_that_is_not_trusted(web: Server, log: str) -> None:
    """Nor is a server without one spoken to where the address says https."""

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.upload(call_id="1", location=web.url.replace("http", "https"), path=log, name="n")
        assert await ended(port, "1") == "broken"
        assert "SSLError" in port.told[0]
        assert web.kept == {}

    run(talk)


def test_who_refuses_before_all_is_sent_is_heard(web: Server, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(20_000_000))

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.upload(call_id="1", location=web.url + "/denied", path=str(big), name="n")
        assert await ended(port, "1") in ("denied", "broken")  # the answer may be lost with the line

    run(talk)


def test_what_is_given_up_ends_at_once_and_says_nothing(web: Server, log: str) -> None:
    """The chart has no more time for it; the next transfer does not wait for the first."""

    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.upload(call_id="1", location=web.url + "/silent", path=log, name="n")
        await asyncio.to_thread(web.reached.wait)
        files.cancel_call("1")
        files.upload(call_id="2", location=web.url, path=log, name="n")
        assert await ended(port, "2") == {}
        while any(thread.name == "file transfer 1" for thread in threading.enumerate()):
            await asyncio.sleep(0.002)
        assert list(port.results) == ["2"]
        assert port.told == []

    run(talk)


@pytest.mark.parametrize("who", ["", "me:secret@"])
def test_by_ftp(ftp: Ftpd, log: str, tmp_path: Path, who: str) -> None:
    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.upload(call_id="1", location=f"ftp://{who}{ftp.at}/a/b/", path=log, name="n")
        assert await ended(port, "1") == {}
        assert ftp.kept == {"a/b/n": CONTENT}
        files.download(call_id="2", location=f"ftp://{who}{ftp.at}/a/b/n", name="firmware")
        assert await ended(port, "2") == {"path": str(tmp_path / "firmware"), "size": len(CONTENT)}
        assert (tmp_path / "firmware").read_bytes() == CONTENT

    run(talk, folder=str(tmp_path))


def test_a_password_that_is_not_taken(ftp: Ftpd, log: str) -> None:
    async def talk(files: NetworkFileTransfer, port: RealPort) -> None:
        files.upload(call_id="1", location=f"ftp://me:wrong@{ftp.at}/a", path=log, name="n")
        assert await ended(port, "1") == "denied"
        assert ftp.kept == {}

    run(talk)


def test_roots_that_cannot_be_read_are_told_at_the_start(tmp_path: Path) -> None:
    async def talk() -> None:
        with pytest.raises(ConfigurationError, match="setting 'roots'"):
            RealPort(NetworkFileTransfer({"roots": str(tmp_path / "none.pem")}, World()), "files")

    asyncio.run(talk())


def test_one_that_pretends() -> None:
    async def talk() -> None:
        files = SimulatedFileTransfer({"failures": 1, "duration": 1_000_000, "reason": "denied"}, World())
        port = RealPort(files, "files")
        files.upload(call_id="1", location="http://a", path="p", name="n")
        assert await ended(port, "1") == "denied"
        files.download(call_id="2", location="http://a", name="n")
        assert await ended(port, "2") == {"path": "simulated/n", "size": 1_000_000}
        files.download(call_id="3", location="http://a", name="n")
        files.cancel_call("3")
        files.download(call_id="4", location="http://b", name="n")
        await ended(port, "4")
        assert "3" not in port.results
        assert files.uploaded == [{"location": "http://a", "path": "p", "name": "n"}]

    asyncio.run(asyncio.wait_for(talk(), 60))
