"""A session is the same under any hash seed and in either Python: how a set happens to be ordered decides nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.tools.trace import Trace, read
from engine.tools.trace.compare import first_difference
from tests.trace.test_shipped import CHART, without_session_id

ROOT = Path(__file__).parents[2]
OTHER = (3, 11) if sys.version_info >= (3, 13) else (3, 13)


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


def other_python() -> Path:
    """A Python of the other version with the product installed, in an environment under ``.peers``
    (what runs is the code in this tree: PYTHONPATH goes first). Skips where there is none."""
    name = f"python{OTHER[0]}.{OTHER[1]}"
    installed = [*Path.home().glob(f".pyenv/versions/{OTHER[0]}.{OTHER[1]}.*/bin/{name}"), shutil.which(name)]
    asks = f"import sys, venv; sys.exit(sys.version_info[:2] != {OTHER})"
    for found in filter(None, installed):
        if subprocess.run([found, "-c", asks], capture_output=True, check=False).returncode == 0:
            break
    else:
        pytest.skip(f"there is no {name} on this machine")
    folder = ROOT / ".peers" / name
    python, marker = folder / "bin" / "python", folder / "installed.txt"
    wanted = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if not marker.is_file() or marker.read_text(encoding="utf-8") != wanted:
        for command in (
            [found, "-m", "venv", "--clear", folder],
            [python, "-m", "pip", "install", "-q", ROOT],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no environment for {name}: {done.stderr.strip().splitlines()[-1:]}")
        marker.write_text(wanted, encoding="utf-8")
    return python


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return session(sys.executable, tmp_path_factory.mktemp("one") / "one.jsonl", 1)


def test_another_hash_seed_takes_the_same_steps_at_the_same_times(one: Trace, tmp_path: Path) -> None:
    other = session(sys.executable, tmp_path / "two.jsonl", 2)
    assert len(one.steps()) > 1000
    assert first_difference(one, other, times=True) is None


@pytest.mark.campaign
@pytest.mark.timeout(900)  # the first time makes an environment
def test_another_python_takes_the_same_steps_at_the_same_times(one: Trace, tmp_path: Path) -> None:
    other = session(other_python(), tmp_path / "other.jsonl", 2)
    assert first_difference(one, other, times=True) is None
