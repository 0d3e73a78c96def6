"""How long a person waits for the command itself."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def process_seconds(*arguments: str) -> float:
    """Processor time, user and system, of one run of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "engine.cli", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def test_help_takes_less_than_150_ms_of_process_time() -> None:
    assert min(process_seconds("--help") for _ in range(5)) < 0.150
