"""Programs that a station file starts beside the run, ``[programs]``: their lines are told in the run, lines typed for
them reach them, and they end with it."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Final, Self

from engine.run import System
from engine.run.station import StationError

PATIENCE_S: Final = 10.0
"""So long one may take until its first line, and to end when its input has ended."""
_STAYS_S: Final = 0.5
"""One that ends so soon after its first line has said in it why it cannot serve."""
MOST: Final = 2_000
"""Characters of a line."""
_LIVES: Final = "ENGINE_PROGRAMS"


class Program:
    """One program. It is to print a line when it serves, and to end with its standard input."""

    def __init__(self, name: str, system: System, pid: int, to: int, out: int) -> None:
        self.name = name
        self._system, self._pid, self._to, self._out = system, pid, to, out
        self._first, self._over = threading.Event(), threading.Event()
        self._last = ""
        threading.Thread(target=self._listen, name=name, daemon=True).start()

    @classmethod
    def start(cls, name: str, command: str, system: System) -> Self:
        """Start it; ``python`` is this one. Returns when it serves. Raises ``StationError`` where it does not."""
        program, *words = shlex.split(command) or [""]
        program = sys.executable if program == "python" else program
        its_input, to = os.pipe()
        out, its_output = os.pipe()
        streams = [(os.POSIX_SPAWN_DUP2, its_input, 0), *[(os.POSIX_SPAWN_DUP2, its_output, n) for n in (1, 2)]]
        try:  # in a group of its own: Ctrl-C is for the run
            pid = os.posix_spawnp(program, [program, *words], os.environ, file_actions=streams, setpgroup=0)
        except OSError as error:
            raise StationError(f"{name}: {command}: {error.strerror or error}") from None
        finally:
            os.close(its_input)
            os.close(its_output)
        found = cls(name, system, pid, to, out)
        found._first.wait(PATIENCE_S)
        if found._over.wait(_STAYS_S):
            raise StationError(f"{name}: {command}: it has ended: {found._last or 'without a word'}")
        return found

    def write(self, text: str) -> None:
        """A line for it. One that has ended takes none."""
        with contextlib.suppress(OSError):
            os.write(self._to, f"{text}\n".encode())

    def end(self) -> None:
        """Its input ends, and so does it; one that does not in its time is stopped."""
        os.close(self._to)
        patient_s = time.monotonic() + PATIENCE_S
        while not self._gone():
            if time.monotonic() > patient_s:
                os.kill(self._pid, signal.SIGKILL)
            time.sleep(0.01)

    def _gone(self) -> bool:
        try:
            return os.waitpid(self._pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True

    def _listen(self) -> None:
        with open(self._out, encoding="utf-8", errors="replace", closefd=False) as lines:
            while text := lines.readline(MOST):
                self._last = text.rstrip("\n")
                self._system.hand_over(partial(self._system.note, self.name, "log", self._last))
                self._first.set()
        self._over.set()
        self._first.set()
        self._system.hand_over(partial(self._system.note, self.name, "log", "it has ended"))

    # ------------------------------------------------------------ over a restart of the run

    def left(self) -> str:
        """It lives on while the program that started it begins anew; what :func:`started` finds it by."""
        for stream in (self._to, self._out):
            os.set_inheritable(stream, True)
        return f"{self.name}:{self._pid}:{self._to}:{self._out}"


def started(programs: Mapping[str, str], system: System) -> list[Program]:
    """All of them, by their commands; those that the life before has left go on. Raises ``StationError`` where one does
    not serve; then none is left."""
    found: list[Program] = []
    left = dict(one.split(":", 1) for one in os.environ.pop(_LIVES, "").split() if ":" in one)
    try:
        for name, command in programs.items():
            if name in left:
                found.append(Program(name, system, *map(int, left[name].split(":"))))
            else:
                found.append(Program.start(name, command, system))
    except StationError:
        for one in found:
            one.end()
        raise
    return found


def leave(programs: list[Program]) -> None:
    """For the life that comes: see :meth:`Program.left`."""
    os.environ[_LIVES] = " ".join(one.left() for one in programs)
