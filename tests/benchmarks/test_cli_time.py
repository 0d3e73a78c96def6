"""How long a person waits for the command itself."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def process_seconds(*arguments: str) -> float:
    """Processor time, user and system, of one run of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def test_help_takes_no_longer_than_python_with_asyncio() -> None:
    """Somebody who asks for help gets it at once: nothing is loaded that only a run needs."""
    took = [
        (process_seconds("-m", "engine.cli", "--help"), process_seconds("-c", "import argparse, asyncio"))
        for _ in range(5)
    ]
    ours, yardstick = (min(times) for times in zip(*took, strict=True))
    assert ours < 1.5 * yardstick, f"{ours:.3f} s, Python with asyncio {yardstick:.3f} s"
