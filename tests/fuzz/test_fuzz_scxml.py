"""The coverage-guided fuzzer of the SCXML importer, for CHARGECHART_FUZZ_SECONDS, from sound documents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import FUZZ_SEED, OWN_MEMORY
from tests.scxml.test_import import SEED

SECONDS = int(os.environ.get("CHARGECHART_FUZZ_SECONDS", "1"))
ROOT = Path(__file__).resolve().parents[2]
EXPRESSIONS = [
    "a.get('x') or [1, b][0] % -2",
    "!a && b instanceof Array ? a.length : _event.data['k']",
    "In('s') is None",
]


def test_no_document_and_no_expression_crashes_the_importer(tmp_path: Path) -> None:
    """A document from anywhere is a chart or a problem with its place; libFuzzer prints the input otherwise."""
    pytest.importorskip("atheris", reason="atheris is not installed on this machine")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "document").write_bytes(b"\x00" + SEED.encode())
    for number, text in enumerate(EXPRESSIONS):
        (corpus / f"expression{number}").write_bytes(b"\x01" + text.encode())
    command = [
        *OWN_MEMORY,
        sys.executable,
        "-m",
        "tests.fuzz.fuzz_scxml",
        f"-max_total_time={SECONDS}",
        "-timeout=10",
        "-max_len=3000",
    ]
    run = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/", f"-seed={FUZZ_SEED}", str(corpus)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS + 90,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done " in run.stderr
