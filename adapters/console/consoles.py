"""Contract ``console``: in this process, on its terminal, on a pseudo terminal, on a TCP port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tty
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from adapters.console.lines import Lines
from adapters.intake import Bucket
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, Port, Setting, World

COMMON: Final[Mapping[str, Setting]] = {
    "per_second": Setting("int", 20, "Lines that one source may enter in a second; what is more is left out"),
}
MOST_UNREAD: Final = 65_536
"""Octets that somebody may leave unread before he is cut off (TCP) or misses lines (pseudo terminal)."""


class Console(Adapter):
    """Base: settings with their defaults, and lines of a source as events."""

    contract = "console"
    settings: ClassVar[Mapping[str, Setting]] = COMMON

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)

    def budget(self) -> Bucket:
        """What one source may enter."""
        return Bucket(self.config["per_second"], self.port.now_ns())

    def entered(self, lines: list[str], budget: Bucket) -> None:
        """Tell the chart of lines, as far as the source's budget goes."""
        for text in lines:
            if budget.take(self.port.now_ns()):
                self.port.emit("line", text=text)


class SimulatedConsole(Console):
    """Nobody sits there; :attr:`written` has the last 100 lines."""

    behind = "simulated"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.written: deque[str] = deque(maxlen=100)

    def write(self, *, text: str) -> None:
        self.written.append(text)


class _Descriptor(Console):
    """Reads one file descriptor. :meth:`read_from` begins, on the real clock only."""

    _fd: int = -1

    def read_from(self, fd: int) -> None:
        self._fd = fd
        self._lines, self._budget = Lines(), self.budget()
        self.port.spawn(self._begin())

    async def _begin(self) -> None:
        if self._fd >= 0:
            self._loop = asyncio.get_running_loop()
            try:
                self._loop.add_reader(self._fd, self._readable)
            except (OSError, ValueError) as error:  # a file, or /dev/null: nobody can enter anything
                self.port.tell(f"the console takes no input: {error}")

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.stop_reading()
        self.entered(self._lines.feed(data), self._budget)

    def stop_reading(self) -> None:
        """Nothing more is read."""
        fd, self._fd = self._fd, -1
        if fd >= 0 and hasattr(self, "_loop"):
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                self._loop.remove_reader(fd)


class TerminalConsole(_Descriptor):
    """The terminal this program was started at; with ``engine run --plain``."""

    behind = ""

    def open(self, port: Port) -> None:
        super().open(port)
        try:
            fd = sys.stdin.fileno()
        except (OSError, ValueError, AttributeError):
            port.tell("the console takes no input: there is no standard input")
            return
        self.read_from(fd)

    def write(self, *, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        self.stop_reading()


class PtyConsole(_Descriptor):
    """A pseudo terminal, as the serial port of the box that is replaced: ``picocom /run/charger/console``."""

    behind = ""
    settings: ClassVar[Mapping[str, Setting]] = {
        **COMMON,
        "path": Setting("string", "", "A link to the pseudo terminal that is made; empty: none, its name is told"),
    }
    name: str = ""
    """Of the pseudo terminal: /dev/pts/7."""
    _slave: int = -1

    def open(self, port: Port) -> None:
        super().open(port)
        try:
            master, self._slave = os.openpty()  # ours stays open: who leaves is not the end
            tty.setraw(self._slave)
            self.name = os.ttyname(self._slave)
        except OSError as error:
            raise AdapterError(f"no pseudo terminal can be had: {error}") from None
        os.set_blocking(master, False)
        self._link()
        self.read_from(master)
        port.tell(f"console at {self.config['path'] or self.name}")

    def _link(self) -> None:
        if self.config["path"]:
            path = Path(self.config["path"])
            try:
                if path.is_symlink():
                    path.unlink()
                path.symlink_to(self.name)
            except OSError as error:
                raise AdapterError(f"setting 'path': {path} cannot be a link to {self.name}: {error}") from None

    def write(self, *, text: str) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):  # nobody reads, and its buffer is full
                os.write(self._fd, text.encode() + b"\r\n")

    def close(self) -> None:
        fd = self._fd
        self.stop_reading()
        for one in (fd, self._slave):
            if one >= 0:
                with contextlib.suppress(OSError):
                    os.close(one)
        path = Path(self.config["path"]) if self.config["path"] else None
        if path is not None and path.is_symlink():
            with contextlib.suppress(OSError):
                path.unlink()


class TcpConsole(Console):
    """A TCP port: ``nc localhost 2323``. Who connects can stop the charger, so it listens on this computer only by
    default."""

    behind = ""
    settings: ClassVar[Mapping[str, Setting]] = {
        **COMMON,
        "host": Setting("string", "127.0.0.1", "Address where it listens; there is no password"),
        "port": Setting("int", 2323, "Its port; 0: a free one, which is told"),
        "most": Setting("int", 4, "So many may be there at once"),
    }

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        port = config["port"]
        return {} if 0 <= port < 1 << 16 else {"port": f"a port is 0 to 65535, not {port}"}

    bound: int = 0
    """The port where it listens, once it does."""
    _listening: socket.socket | None = None
    _server: asyncio.Server | None = None

    def open(self, port: Port) -> None:
        super().open(port)
        self._there: set[asyncio.StreamWriter] = set()
        where = (self.config["host"], self.config["port"])
        try:
            self._listening = socket.create_server(where)
        except OSError as error:
            raise AdapterError(f"settings 'host', 'port': it cannot listen at {where[0]}:{where[1]}: {error}") from None
        self.bound = self._listening.getsockname()[1]
        port.spawn(self._begin())

    async def _begin(self) -> None:
        if self._listening is not None:
            self._server = await asyncio.start_server(self._talk, sock=self._listening, limit=4096)
            self.port.tell(f"console at {self.config['host']}:{self.bound}")

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._there) >= self.config["most"]:
            writer.close()
            return
        self._there.add(writer)
        lines, budget = Lines(), self.budget()
        try:
            while data := await reader.read(1024):
                self.entered(lines.feed(data), budget)
                await asyncio.sleep(0)
        except OSError:
            pass  # he has gone
        finally:
            self._there.discard(writer)
            writer.close()

    def write(self, *, text: str) -> None:
        for writer in list(self._there):
            if writer.transport.get_write_buffer_size() > MOST_UNREAD:
                self._there.discard(writer)
                writer.transport.abort()
            else:
                writer.write(text.encode() + b"\r\n")

    def close(self) -> None:
        for writer in getattr(self, "_there", ()):
            with contextlib.suppress(RuntimeError):
                writer.close()
        if self._server is not None:
            self._server.close()
        elif self._listening is not None:
            self._listening.close()
