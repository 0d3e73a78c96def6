"""Standard output of a run. The run goes on when nobody reads it or its disk is full."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO


class Output:
    """A stream for text. The first write that fails is reported on standard error; later text is dropped."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self.lost = self._stream is None  # standard output may be closed from the start

    @property
    def encoding(self) -> str:
        """The stream's encoding."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether a terminal reads it."""
        return not self.lost and self._stream.isatty()

    def fileno(self) -> int:
        """The stream's file descriptor."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write text, or drop it when an earlier write failed; its length."""
        if not self.lost:
            try:
                return self._stream.write(text)
            except (OSError, ValueError) as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
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
