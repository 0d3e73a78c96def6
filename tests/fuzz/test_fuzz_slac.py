"""The coverage-guided fuzzer of the SLAC frames, the line and SDP, for CHARGECHART_FUZZ_SECONDS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import FUZZ_SEED, OWN_MEMORY

SECONDS = int(os.environ.get("CHARGECHART_FUZZ_SECONDS", "1"))
ROOT = Path(__file__).resolve().parents[2]


def test_no_frame_and_no_datagram_crashes(tmp_path: Path) -> None:
    """What a stranger on the power line sends can neither raise nor hang; libFuzzer prints the input otherwise."""
    pytest.importorskip("atheris", reason="atheris is not installed on this machine")
    command = [*OWN_MEMORY, sys.executable, "-m", "tests.fuzz.fuzz_slac", f"-max_total_time={SECONDS}", "-timeout=5"]
    run = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/", f"-seed={FUZZ_SEED}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS + 60,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done " in run.stderr
