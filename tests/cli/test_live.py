"""The live view in a real terminal: states are drawn, typed events arrive, the terminal is left as it was."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0


class Terminal:
    """A pseudo-terminal of 100x30 in which the command runs."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (30, 100))
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", *arguments],
            cwd=folder,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
            start_new_session=True,
        )

    def see(self, wanted: str) -> None:
        """Read until ``wanted`` has been drawn; fails with all that was drawn instead."""
        end = time.monotonic() + PATIENCE_S
        while wanted not in self.text:
            left = end - time.monotonic()
            assert left > 0, f"{wanted!r} was not drawn:\n{self.text[-4000:]}"
            if select.select([self.master], [], [], left)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")

    def type(self, text: str) -> None:
        self.text = ""
        os.write(self.master, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    terminal = Terminal(folder, "run", "light.yaml")
    yield terminal
    terminal.close()


def test_states_are_drawn_and_typed_events_arrive(terminal: Terminal) -> None:
    terminal.see("Traffic light")
    terminal.see("red")
    terminal.see("car")  # the events it would take are offered
    terminal.type("fau\t")
    terminal.see("fault")
    terminal.type("(code=3)\r")
    terminal.see("broken")
    terminal.type("\x04")
    terminal.see("3 steps in")
    terminal.see("light: stopped")
    assert terminal.process.wait(PATIENCE_S) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_a_wrong_event_is_told_and_the_run_goes_on(terminal: Terminal) -> None:
    terminal.see("red")
    terminal.type("fautl\r")
    terminal.see("did you mean")
    terminal.type("fault(code=1)\r")
    terminal.see("broken")
    terminal.process.terminate()
    terminal.see("light: stopped")
    assert terminal.process.wait(PATIENCE_S) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_rows_stand_in_the_order_of_time() -> None:
    """A message that repeats is counted where it stands, until there is news: who reads down reads in time."""
    from rich.console import Console

    from engine.cli.live_activity import Activity
    from engine.run import Note

    activity = Activity()
    for second, name in enumerate(["first", "first", "second", "first", "third", "third"], 1):
        activity.note(Note(second * 1_000_000_000, "m", "out", name))
    console = Console(width=60, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(activity.table(10, 60, 6_000_000_000))
    rows = [line.split() for line in console.export_text().splitlines()]
    told = [("1.000", "first", "×2"), ("3.000", "second"), ("4.000", "first"), ("5.000", "third", "×2")]
    assert [(row[0], *row[3:]) for row in rows] == told
