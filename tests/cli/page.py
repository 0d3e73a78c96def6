"""The live view of a shipped station on the virtual clock, as text."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from rich.console import ConsoleDimensions

import engine
from engine.cli.live import LiveView, _Frame
from engine.cli.out import Output
from engine.cli.sessions import Sessions
from engine.run import System
from engine.run.registry import installed
from engine.run.station import Overrides, build, resolve

MACHINES = Path(__file__).parents[2] / "machines"


class Page:
    """A view in a terminal of this size; ``sets`` as after ``--set``."""

    def __init__(self, chart: str, *sets: str, width: int = 80, height: int = 24) -> None:
        station = resolve(MACHINES / chart, None, Overrides(sets, {}), installed(), engine.load)
        self.system = System()
        build(station, self.system, installed())
        self.main = next(iter(self.system.roots.values()))
        self.view = LiveView(self.system, station, Sessions(station, self.system, list), Output(io.StringIO()))
        self.view._main = self.main
        self.resize(width, height)
        self.system.start()
        self.drawn()

    def resize(self, width: int, height: int) -> None:
        """Another size from now on."""
        self.view._console.size = ConsoleDimensions(width, height)

    def until(self, over: Callable[[], bool], limit_s: float = 120) -> Page:
        """Run on."""
        self.system.run_until(over, self.system.clock.now_ns() + round(limit_s * 1e9))
        return self

    def run(self, seconds: float) -> Page:
        """Run on for so long."""
        return self.until(lambda: False, seconds)

    def drawn(self) -> list[str]:
        """The page as it is now: no line is longer, and no more lines are there, than the terminal has."""
        width, height = self.view._console.size
        page = self.view._page(width, height - 1)
        with self.view._console.capture() as captured:
            self.view._console.print(_Frame(page, height - 1))
        lines = [line.rstrip() for line in captured.get().splitlines()]
        assert len(lines) <= height - 1
        assert all(len(line) <= width for line in lines)
        return lines
