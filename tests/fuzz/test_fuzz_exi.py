"""The coverage-guided fuzzer of the EXI codec, for CHARGECHART_FUZZ_SECONDS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import FUZZ_SEED, OWN_MEMORY

SECONDS = int(os.environ.get("CHARGECHART_FUZZ_SECONDS", "1"))
ROOT = Path(__file__).resolve().parents[2]


def test_no_exi_stream_crashes_hangs_or_eats_memory(tmp_path: Path) -> None:
    """What a peer sends can neither raise nor hang nor fill the memory; libFuzzer prints the input that does."""
    pytest.importorskip("atheris", reason="atheris is not installed on this machine")
    command = [*OWN_MEMORY, sys.executable, "-m", "tests.fuzz.fuzz_exi", f"-max_total_time={SECONDS}", "-timeout=10"]
    run = subprocess.run(
        [
            *command,
            "-rss_limit_mb=1024",
            f"-seed={FUZZ_SEED}",
            f"-artifact_prefix={tmp_path}/",
            "--seeds",
            str(tmp_path / "corpus"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done " in run.stderr
