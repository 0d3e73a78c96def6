"""Contract ``ocpp_logs``: lines with their times, in memory or in files of a folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from adapters.ocpp.flat import time_text
from adapters.settings import filled
from engine.adapter import Adapter, ConfigurationError, Port, Setting, World

NO_NAME = re.compile(r"[^A-Za-z0-9._-]|^[.]+")
"""What is not to be in the name of a file, at whatever server."""


class OcppLogs(Adapter):
    """A subclass keeps lines and makes a file of them."""

    contract = "ocpp_logs"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)

    def note(self, *, timestamp: int, text: str) -> None:
        self._keep("DiagnosticsLog", timestamp, text)

    def security(self, *, timestamp: int, type: str, text: str) -> None:
        self._keep("SecurityLog", timestamp, f"{type} {text}".rstrip())

    def collect(
        self, *, call_id: str, kind: str, of: str = "", begin: int | None = None, end: int | None = None
    ) -> None:
        try:
            lines = [
                line
                for time, line in self._kept(kind)
                if (begin is None or begin <= time) and (end is None or time <= end)
            ]
            if not lines:
                self.port.failed(call_id, "none")
                return
            name = "_".join([*filter(None, [NO_NAME.sub("-", of)]), f"{kind}.log"])
            path = self._made(name, "".join(f"{line}\n" for line in lines))
        except OSError as error:
            self.port.failed(call_id, str(error))
            return
        self.port.done(call_id, path=path, name=name, lines=len(lines))

    def _keep(self, kind: str, time: int, text: str) -> None:
        raise NotImplementedError

    def _kept(self, kind: str) -> Iterable[tuple[int, str]]:
        """Time and whole line, the oldest first."""
        raise NotImplementedError

    def _made(self, name: str, text: str) -> str:
        """The path of a file with this text."""
        raise NotImplementedError


class MemoryLogs(OcppLogs):
    """Gone with the process; :attr:`made` has the text of each file, which is nowhere else."""

    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {"most": Setting("int", 1000, "Lines of each log, the newest")}

    def open(self, port: Port) -> None:
        super().open(port)
        self.made: dict[str, str] = {}
        self._lines: dict[str, list[tuple[int, str]]] = {}

    def _keep(self, kind: str, time: int, text: str) -> None:
        lines = self._lines.setdefault(kind, [])
        lines.append((time, _line(time, text)))
        del lines[: max(0, len(lines) - self.config["most"])]

    def _kept(self, kind: str) -> Iterable[tuple[int, str]]:
        return self._lines.get(kind, ())

    def _made(self, name: str, text: str) -> str:
        self.made[name] = text
        return f"memory/{name}"


class FileLogs(OcppLogs):
    """Two files of a log: what is written goes to the second, and when that is full it becomes the first."""

    settings: ClassVar[Mapping[str, Setting]] = {
        "folder": Setting("string", "logs", "Where the logs are, and what is made of them; it is made when missing"),
        "largest": Setting("int", 2**20, "Octets of one of the two files of a log"),
    }

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for a folder that cannot be used."""
        super().open(port)
        self._folder = Path(self.config["folder"])
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"setting 'folder': {error}") from None

    def _keep(self, kind: str, time: int, text: str) -> None:
        newer, older = self._files(kind)
        try:
            with newer.open("a", encoding="utf-8") as file:
                file.write(json.dumps([time, text]) + "\n")
                size = file.tell()
            if size > self.config["largest"]:
                newer.replace(older)
        except OSError as error:
            self.port.emit("failed", reason=str(error))

    def _kept(self, kind: str) -> Iterator[tuple[int, str]]:
        for path in reversed(self._files(kind)):
            if not path.exists():
                continue
            for text in path.read_text("utf-8", errors="replace").splitlines():
                try:
                    time, said = json.loads(text)
                except ValueError:
                    continue  # the power went while it was written
                yield time, _line(time, said)

    def _files(self, kind: str) -> tuple[Path, Path]:
        return self._folder / f"{kind}.newer", self._folder / f"{kind}.older"

    def _made(self, name: str, text: str) -> str:
        return write(self._folder / name, text.encode())


def write(path: Path, content: bytes, mode: int = 0o644) -> str:
    """The file has this content, whole and on the disk, or what it had before. Raises ``OSError``. Its path."""
    part = path.with_name(path.name + ".part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return str(path)


def _line(time: int, text: str) -> str:
    return f"{time_text(time)} {text}".replace("\n", " ")
