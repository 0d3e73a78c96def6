"""A run that begins anew: the command it was started with, in the place of this one, with the same process id."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

CONTROL: Final = "CHARGER_STATION_CONTROL"
"""The variable by which the next life's bench control listens where this one's did."""
PAGE: Final = "ENGINE_PAGE"
"""The same of its page."""
SETTINGS: Final = "ENGINE_SETTINGS"
"""The settings file that the next life is the first to run with. One that fails before it is READY takes it back."""


RESULTS: Final = "ENGINE_RESULTS"
"""The open file (its number) with what the next life is to know of this one: :func:`told_on`."""


def tell_on(told: Any) -> None:
    """Something for the next life, JSON: in a file without a name, which is gone with whoever reads it."""
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps(told).encode())
        file.flush()
        number = os.dup(file.fileno())
    os.set_inheritable(number, True)
    os.environ[RESULTS] = str(number)


def told_on() -> Any:
    """What the life before told, or None; it can be read once."""
    number = os.environ.pop(RESULTS, "")
    if not number.isdecimal():
        return None
    try:
        with open(int(number), "rb") as file:
            file.seek(0)
            return json.loads(file.read())
    except (OSError, ValueError):  # nobody of ours wrote that
        return None


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
