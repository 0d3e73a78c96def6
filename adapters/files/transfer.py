"""Contract ``file_transfer``: by HTTP, HTTPS, FTP and FTPS (explicit TLS) of the standard library, and one that only
pretends.

A transfer is a thread of its own, so that nothing a server does or leaves undone holds the machines. How long it may
take is the chart's: it leaves the call, and the connection is cut.
"""

from __future__ import annotations

import base64
import contextlib
import ftplib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import IO, Any, ClassVar, Final
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from adapters.settings import filled
from engine.adapter import Adapter, Cancellable, ConfigurationError, Port, Setting, World

REDIRECTS: Final = 5
"""A download follows so many, never from HTTPS to HTTP."""
BLOCK: Final = 64 * 1024
WELL_KNOWN: Final = {"http": 80, "https": 443, "ftp": 21, "ftps": 21}


class TransferError(Exception):
    """``reason`` is the contract's word, the message says what exactly."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SimulatedFileTransfer(Adapter):
    """Nothing goes anywhere; :attr:`uploaded` and :attr:`downloaded` have the last 100 orders."""

    contract = "file_transfer"
    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        "duration": Setting("duration", 2_000_000_000, "Of one transfer"),
        "failures": Setting("int", 0, "So many fail first"),
        "reason": Setting("enum(not_supported, bad_location, denied, broken)", "broken", "Why they fail"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.uploaded: list[dict[str, Any]] = []
        self.downloaded: list[dict[str, Any]] = []
        self._left: int = self.config["failures"]
        self._under_way: dict[str, Cancellable] = {}

    def upload(self, *, call_id: str, **said: Any) -> None:
        self.uploaded = [*self.uploaded[-99:], said]
        self._begin(call_id)

    def download(self, *, call_id: str, **said: Any) -> None:
        self.downloaded = [*self.downloaded[-99:], said]
        self._begin(call_id, path=f"simulated/{said['name']}", size=1_000_000)

    def cancel_call(self, call_id: str) -> None:
        if call_id in self._under_way:
            self._under_way.pop(call_id).cancel()

    def _begin(self, call_id: str, **result: Any) -> None:
        self._under_way[call_id] = self.port.call_later(self.config["duration"], lambda: self._end(call_id, result))

    def _end(self, call_id: str, result: dict[str, Any]) -> None:
        del self._under_way[call_id]
        if self._left:
            self._left -= 1
            self.port.failed(call_id, self.config["reason"])
        else:
            self.port.done(call_id, **result)


class NetworkFileTransfer(Adapter):
    """Servers of others; runs on the real clock."""

    contract = "file_transfer"
    settings: ClassVar[Mapping[str, Setting]] = {
        "folder": Setting("string", ".", "Where downloads are kept"),
        "method": Setting("enum(PUT, POST)", "PUT", "Of an upload over HTTP; POST sends the file as the body"),
        "roots": Setting(
            "string", "", "PEM file of the root certificates of HTTPS and FTPS servers; those of the system else"
        ),
        "silence": Setting("duration", 30_000_000_000, "A connection on which nothing goes for so long is cut"),
        "largest": Setting("int", 2**31, "Octets of a download at most"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._under_way: dict[str, Transfer] = {}

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for roots that cannot be read."""
        super().open(port)
        try:
            self._tls = ssl.create_default_context(cafile=self.config["roots"] or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"setting 'roots': '{self.config['roots']}': {error}") from None

    def close(self) -> None:
        for call_id in list(self._under_way):
            self.cancel_call(call_id)

    def upload(self, *, call_id: str, location: str, path: str, name: str) -> None:
        self._begin(call_id, lambda transfer: transfer.upload(location, Path(path), name))

    def download(self, *, call_id: str, location: str, name: str) -> None:
        path = Path(self.config["folder"]) / Path(name).name
        self._begin(call_id, lambda transfer: transfer.download(location, path))

    def cancel_call(self, call_id: str) -> None:
        transfer = self._under_way.pop(call_id, None)
        if transfer is not None:
            transfer.cut()

    def _begin(self, call_id: str, work: Callable[[Transfer], dict[str, Any]]) -> None:
        transfer = Transfer(self._tls, self.config["silence"] / 1e9, self.config["method"], self.config["largest"])
        self._under_way[call_id] = transfer

        def run() -> None:
            try:
                result, failure = work(transfer), None
            except TransferError as error:
                result, failure = {}, error
            except Exception as error:  # whatever a server, a name or a disk does: all of it is told
                result, failure = {}, TransferError("broken", f"{type(error).__name__}: {error}")
            self.port.call_soon_threadsafe(lambda: self._over(call_id, result, failure))

        threading.Thread(target=run, name=f"file transfer {call_id}", daemon=True).start()

    def _over(self, call_id: str, result: dict[str, Any], failure: TransferError | None) -> None:
        if self._under_way.pop(call_id, None) is None:
            return  # nobody waits for it any more
        if failure is None:
            self.port.done(call_id, **result)
            return
        self.port.tell(f"{failure.reason}: {failure}"[:200])
        self.port.failed(call_id, failure.reason)


class Transfer:
    """One transfer; it blocks, and :meth:`cut` from another thread ends it."""

    def __init__(self, tls: ssl.SSLContext, silence_s: float, method: str, largest: int) -> None:
        self._tls, self._silence_s, self._method, self._largest = tls, silence_s, method, largest
        self._socket: Callable[[], socket.socket | None] = lambda: None
        self.is_cut = False

    def cut(self) -> None:
        """What it waits for ends at once."""
        self.is_cut = True
        connected = self._socket()
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def upload(self, location: str, path: Path, name: str) -> dict[str, Any]:
        """Raises :class:`TransferError`, and what sockets and files raise."""
        to = _parts(location)
        with path.open("rb") as file:
            if to.scheme in ("ftp", "ftps"):
                with self._ftp(to) as ftp:
                    ftp.storbinary(f"STOR {_path(to)}/{name}".replace("//", "/"), self._guarded(file), BLOCK)
                return {}
            if self._method == "PUT" and not to.query:
                to = to._replace(path=f"{to.path.rstrip('/')}/{quote(name)}")
            headers = {"Content-Length": str(path.stat().st_size), "Content-Type": "application/octet-stream"}
            with self._http(to, self._method, self._guarded(file), headers) as answer:
                _good(answer)
        return {}

    def download(self, location: str, path: Path) -> dict[str, Any]:
        """The same."""
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                self._fetch(_parts(location), file)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return {"path": str(path), "size": size}

    def _fetch(self, at: SplitResult, file: IO[bytes]) -> None:
        def write(block: bytes) -> None:
            if self.is_cut:
                raise TransferError("broken", "it was given up")
            if file.tell() + len(block) > self._largest:
                raise TransferError("broken", f"it is larger than {self._largest} octets")
            file.write(block)

        if at.scheme in ("ftp", "ftps"):
            with self._ftp(at) as ftp:
                ftp.retrbinary(f"RETR {_path(at)}", write, BLOCK)
            return
        for _ in range(REDIRECTS + 1):
            with self._http(at, "GET", None, {}) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    at = _followed(at, answer.getheader("Location") or "")
                    continue
                _good(answer)
                length = answer.length
                while block := answer.read(BLOCK):
                    write(block)
                if length is not None and file.tell() != length:
                    raise TransferError("broken", f"{file.tell()} of {length} octets came")
                return
        raise TransferError("broken", f"more than {REDIRECTS} redirections")

    def _guarded(self, file: IO[bytes]) -> _Guarded:
        return _Guarded(file, self)

    @contextlib.contextmanager
    def _http(self, to: SplitResult, method: str, body: Any, headers: dict[str, str]) -> Any:
        host, port = to.hostname or "", to.port or WELL_KNOWN[to.scheme]
        if to.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(host, port, timeout=self._silence_s, context=self._tls)
        else:
            connection = HTTPConnection(host, port, timeout=self._silence_s)
        self._socket = lambda: connection.sock
        if to.username is not None:
            pair = f"{unquote(to.username)}:{unquote(to.password or '')}"
            headers = {**headers, "Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        target = (to.path or "/") + (f"?{to.query}" if to.query else "")
        try:
            connection.connect()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who refuses early may have said why
                connection.request(method, target, body, headers)
            yield connection.getresponse()
        finally:
            connection.close()

    @contextlib.contextmanager
    def _ftp(self, to: SplitResult) -> Any:
        ftp = ftplib.FTP_TLS(context=self._tls) if to.scheme == "ftps" else ftplib.FTP()
        self._socket = lambda: ftp.sock
        try:
            ftp.connect(to.hostname or "", to.port or WELL_KNOWN[to.scheme], self._silence_s)
            try:
                ftp.login(unquote(to.username or "anonymous"), unquote(to.password or "anonymous@"))
            except ftplib.error_perm as error:
                raise TransferError("denied", str(error)) from None
            if isinstance(ftp, ftplib.FTP_TLS):
                ftp.prot_p()
            yield ftp
        finally:
            ftp.close()


class _Guarded:
    """A file that ends when nobody wants it to be sent any more."""

    def __init__(self, file: IO[bytes], transfer: Transfer) -> None:
        self._file, self._transfer = file, transfer

    def read(self, size: int = -1) -> bytes:
        if self._transfer.is_cut:
            raise TransferError("broken", "it was given up")
        return self._file.read(size)


def _parts(location: str) -> SplitResult:
    try:
        parts = urlsplit(location)
        parts.port  # noqa: B018  a port that is none raises
    except ValueError as error:
        raise TransferError("bad_location", f"'{location[:100]}': {error}") from None
    if not parts.scheme or not parts.hostname or any(ord(character) <= 32 for character in location):
        raise TransferError("bad_location", f"'{location[:100]}' is no address of a server")
    if parts.scheme not in WELL_KNOWN:
        raise TransferError("not_supported", f"{parts.scheme} is not supported; {', '.join(WELL_KNOWN)} are")
    return parts


def _path(to: SplitResult) -> str:
    path = unquote(to.path).removeprefix("/")
    if any(ord(character) < 32 for character in path):
        raise TransferError("bad_location", "a control character in the path")
    return path


def _followed(at: SplitResult, location: str) -> SplitResult:
    to = _parts(urljoin(at.geturl(), location))
    if to.scheme not in ("http", "https") or (at.scheme == "https" and to.scheme != "https"):
        raise TransferError("broken", f"a redirection from {at.scheme} to {to.scheme} is not followed")
    return to


def _good(answer: HTTPResponse) -> None:
    if answer.status in (401, 403, 407):
        raise TransferError("denied", f"HTTP {answer.status} {answer.reason}")
    if not 200 <= answer.status < 300:
        raise TransferError("broken", f"HTTP {answer.status} {answer.reason}")
