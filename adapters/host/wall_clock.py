"""Contract ``wall_clock``: the machine's time of day, or one that begins where the station file says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.settings import filled
from engine.adapter import Adapter, Port, Setting, World

BEGIN_S = 1_767_225_600
"""2026-01-01T00:00:00Z, in seconds since 1970."""


class WallClock(Adapter):
    """A subclass says where it begins. Later jumps of the machine's clock do not move it."""

    contract = "wall_clock"
    behind = ""

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._offset = 0

    def open(self, port: Port) -> None:
        super().open(port)
        self.set(time=self._begin())

    def _begin(self) -> int:
        """Nanoseconds since 1970."""
        raise NotImplementedError

    def set(self, *, time: int) -> None:
        """It is ``time`` (ns since 1970) now."""
        self._offset = time - self.port.now_ns()

    @property
    def now(self) -> int:
        """Nanoseconds since 1970-01-01 UTC; 0 before it is open."""
        return self.port.now_ns() + self._offset if hasattr(self, "port") else 0


class SimulatedWallClock(WallClock):
    """Begins at a time of its own, the same in each run."""

    settings: ClassVar[Mapping[str, Setting]] = {
        "begin": Setting("int", BEGIN_S, "Seconds since 1970-01-01 UTC; 2026-01-01")
    }

    def _begin(self) -> int:
        return int(self.config["begin"]) * 10**9


class SystemWallClock(WallClock):
    """The machine's time of day at the start; on the virtual clock the first moment of 2026."""

    behind = "real"
    settings: ClassVar[Mapping[str, Setting]] = {
        "ahead": Setting(
            "duration", 0, "Added to it: a machine whose clock is known to be wrong until somebody sets it"
        )
    }

    def _begin(self) -> int:
        return (BEGIN_S * 10**9 if self.world.virtual else time.time_ns()) + int(self.config["ahead"])
