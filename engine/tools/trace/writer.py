"""Writes a trace while a system runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.run.clock import RealClock
from engine.tools.trace.lines import Look, Recorder, encode
from engine.tools.trace.record import header, note_record
from engine.tools.trace.secrets import Veil

if TYPE_CHECKING:
    from engine.run import Note, StepRecord, System


def private(path: str, flags: int) -> int:
    """An opener: for the owner only, also a file that was there already."""
    number = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(number).st_mode):
        os.fchmod(number, 0o600)
    return number


class TraceWriter:
    """An observer that writes every step and note to a file, buffered; on a real clock at most a second behind.

    Only its owner may read the file. What charts and contracts declare secret is hidden in it unless ``secrets``.

    ``sides``, ``display``, ``rows`` and ``setpoints`` go into the header, see
    :func:`engine.tools.trace.record.header`; ``look`` is called once a second.

    Make it when all root machines are added and before the system starts. Raises ``OSError`` when the file cannot be
    written.
    """

    def __init__(
        self,
        system: System,
        path: Path | str,
        title: str = "",
        *,
        sides: Mapping[str, tuple[str, str]] | None = None,
        display: Mapping[str, str] | None = None,
        rows: Sequence[Mapping[str, Any]] = (),
        setpoints: Mapping[str, Mapping[str, str]] | None = None,
        look: Look | None = None,
        secrets: bool = False,
    ) -> None:
        self.lines = 0
        self._path = str(path)
        self._file: IO[str] = open(  # noqa: SIM115 (closed by close)
            path, "w", encoding="utf-8", errors="backslashreplace", buffering=1 << 16, opener=private
        )
        self._veil = None if secrets else Veil()
        self._recorder = Recorder(self._veil, look)
        self._system = system
        self._flush_ns = 0
        real = self._real = isinstance(system.clock, RealClock)
        started = datetime.now(UTC).isoformat(timespec="milliseconds") if real else ""
        self._write(encode(header(system, started, title, sides, display, rows, setpoints)))
        system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        self._write(self._recorder.step(record))

    def note(self, note: Note) -> None:
        self._write(encode(note_record(note, self._veil)))

    def close(self) -> None:
        """Flush and close. Raises ``OSError``, as every step may: the disk is full."""
        try:
            self._file.close()
        except OSError as error:
            raise self._named(error) from None

    def _write(self, line: str) -> None:
        self.lines += 1
        try:
            self._file.write(f"{line}\n")
            if self._real and (now_ns := self._system.clock.now_ns()) > self._flush_ns:
                self._flush_ns = now_ns + 1_000_000_000
                self._file.flush()
        except OSError as error:
            raise self._named(error) from None

    def _named(self, error: OSError) -> OSError:
        return type(error)(error.errno, error.strerror, self._path)
