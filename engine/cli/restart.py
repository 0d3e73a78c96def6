"""A run that stops dead and begins anew, as a computer whose power was cut."""

from __future__ import annotations

import os
import sys
from pathlib import Path

WHERE = "CHARGER_STATION_CONTROL"
"""The variable by which the next life listens where this one did."""


def begin_anew(control: str, trace: Path | None) -> None:
    """This program stops here, between two steps, without a word to any machine or file, and the command it was
    started with begins in its place. ``control``: HOST:PORT where a bench will go on. ``trace``: it is kept beside
    the next one. What was handed to the operating system stays; what was not is gone. Does not return.

    Raises ``OSError``: the program is not there any more.
    """
    if trace is not None:
        _kept(trace)
    os.environ[WHERE] = control
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _kept(trace: Path) -> None:
    """``run.jsonl`` becomes ``run.1.jsonl``, or the next number that is free."""
    number = 1
    while (there := trace.with_suffix(f".{number}{trace.suffix}")).exists():
        number += 1
    trace.rename(there)
