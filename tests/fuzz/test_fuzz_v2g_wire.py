"""The coverage-guided fuzzer of V2GTP framing and captures, for CHARGECHART_FUZZ_SECONDS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import FUZZ_SEED, OWN_MEMORY

SECONDS = int(os.environ.get("CHARGECHART_FUZZ_SECONDS", "1"))
ROOT = Path(__file__).resolve().parents[2]


def test_no_stream_and_no_capture_crashes(tmp_path: Path) -> None:
    """What a peer sends, or a stranger's capture file holds, can neither raise nor hang; libFuzzer prints the input."""
    pytest.importorskip("atheris", reason="atheris is not installed on this machine")
    command = [
        *OWN_MEMORY,
        sys.executable,
        "-m",
        "tests.fuzz.fuzz_v2g_wire",
        f"-max_total_time={SECONDS}",
        "-timeout=5",
    ]
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
