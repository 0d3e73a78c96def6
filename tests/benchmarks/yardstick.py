"""How quick this machine is now, in the same run: limits are ratios to work that Python itself does.

A machine in a data centre is twice as slow from one minute to the next. A limit in microseconds says something about
its neighbours then, and nothing about the code.
"""

from __future__ import annotations

import json.decoder
import json.scanner
import time
from collections.abc import Callable


class InterpretedJson(json.JSONDecoder):
    """Python's own JSON reader without its C accelerator: a text reader in Python, written by others."""

    def __init__(self) -> None:
        super().__init__()
        self.parse_string = json.decoder.py_scanstring  # type: ignore[attr-defined]
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]


def best_us(*calls: Callable[[], object], loops: int = 200, rounds: int = 40) -> list[float]:
    """Processor time of one call of each, microseconds, in the quietest of many short rounds; the calls take turns,
    so that a slow minute of the machine meets all of them."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for number, call in enumerate(calls):
            start = time.process_time_ns()
            for _ in range(loops):
                call()
            best[number] = min(best[number], (time.process_time_ns() - start) / loops / 1000)
    return best
