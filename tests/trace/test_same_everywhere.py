"""A session is the same under any hash seed: how a set happens to be ordered decides nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.tools.trace import Trace, read
from engine.tools.trace.compare import first_difference
from tests.trace.test_shipped import CHART, without_session_id

ROOT = Path(__file__).parents[2]


def session(python: str | Path, file: Path, seed: int) -> Trace:
    """The trace of a short session that another process ran."""
    arguments = ["run", CHART, "--fast", "--quiet", "--set", "pev.stop_at_soc=41 %", "--trace", str(file)]
    run = subprocess.run(
        [python, "-c", "import sys; from engine.cli import main; sys.exit(main(sys.argv[1:]))", *arguments],
        cwd=ROOT,
        env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return without_session_id(read(file))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return session(sys.executable, tmp_path_factory.mktemp("one") / "one.jsonl", 1)


def test_another_hash_seed_takes_the_same_steps_at_the_same_times(one: Trace, tmp_path: Path) -> None:
    other = session(sys.executable, tmp_path / "two.jsonl", 2)
    assert len(one.steps()) > 1000
    assert first_difference(one, other, times=True) is None
