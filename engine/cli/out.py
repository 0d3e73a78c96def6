"""Standard output of a run: that nobody reads it, or that its disk is full, is no reason to end one."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO


class Output:
    """A stream for text. The first write that fails is told on standard error; what comes after it is dropped."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self.lost = self._stream is None  # standard output may be closed from the start

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return not self.lost and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        if not self.lost:
            try:
                return self._stream.write(text)
            except (OSError, ValueError) as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        if not self.lost:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.lost = True
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        with contextlib.suppress(OSError, ValueError):  # standard error may be gone with it
            print(f"engine: nobody reads standard output ({why}): the run goes on without it", file=sys.stderr)
        if self._stream is sys.stdout:
            with contextlib.suppress(OSError, ValueError):  # what is buffered goes nowhere, also when the process ends
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
