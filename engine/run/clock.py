"""The one clock of a system: virtual (jumps to the next deadline) or real. Nanoseconds since the system started."""

from __future__ import annotations

import time
from typing import Protocol

from engine.semantics.errors import ClockError


class Clock(Protocol):
    """The source of a system's time."""

    def now_ns(self) -> int:
        """Nanoseconds since the clock was made; never goes back."""
        ...


class VirtualClock:
    """A clock that stands until it is moved. A run on it never sleeps."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def move_to(self, time_ns: int) -> None:
        """Jump forward. Raises :class:`engine.semantics.errors.ClockError` for a time that has passed."""
        if time_ns < self._now_ns:
            raise ClockError(f"the clock stands at {self._now_ns} ns and cannot go back to {time_ns} ns")
        self._now_ns = time_ns


class RealClock:
    """The machine's monotonic clock."""

    def __init__(self, now_ns: int = 0) -> None:
        self._origin_ns = time.monotonic_ns() - now_ns

    def now_ns(self) -> int:
        return time.monotonic_ns() - self._origin_ns
