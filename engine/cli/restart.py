"""A run that begins anew: the command it was started with, in the place of this one, with the same process id."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CONTROL: Final = "CHARGER_STATION_CONTROL"
"""The variable by which the next life's bench control listens where this one's did."""
PAGE: Final = "ENGINE_PAGE"
"""The same of its page."""
SETTINGS: Final = "ENGINE_SETTINGS"
"""The settings file that the next life is the first to run with. One that fails before it is READY takes it back."""


def begin_anew(listening: Mapping[str, str], trace: Path | None) -> None:
    """This program stops here, without a word to any machine or file, and the command it was started with begins in its
    place. ``listening``: HOST:PORT where it will go on, by variable; empty where it does not. ``trace``: it is kept
    beside the next one. What was handed to the operating system stays; what was not is gone. Does not return.

    Raises ``OSError``: the program is not there any more.
    """
    if trace is not None:
        _kept(trace)
    os.environ.update({name: where for name, where in listening.items() if where})
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _kept(trace: Path) -> None:
    """``run.jsonl`` becomes ``run.1.jsonl``, or the next number that is free."""
    number = 1
    while (there := trace.with_suffix(f".{number}{trace.suffix}")).exists():
        number += 1
    trace.rename(there)
