"""The foreign machines an export is run on, installed once under ``.peers/``."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".peers"
XSTATE = "5.33.3"
PYTHON_PEERS = ("transitions==0.9.3", "python-statemachine==3.2.2")


class Peer:
    """A process that answers one JSON line with one JSON line."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ask(self, question: Any) -> Any:
        """The answer; an error of the peer is an answer, too. Raises RuntimeError when the peer died."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read())
        return json.loads(line)

    def close(self) -> None:
        self.process.communicate()


@functools.cache
def node_with_xstate() -> Path:
    """The folder whose node_modules has xstate. Skips where there is no Node, or nothing can be installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("XState runs on Node: install node and npm")
    folder = PEERS / f"xstate-{XSTATE}"
    if not (folder / "node_modules" / "xstate" / "package.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"xstate@{XSTATE}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"xstate cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return folder


@functools.cache
def python_with_peers() -> Path:
    """The Python of an environment that has transitions and python-statemachine."""
    folder = PEERS / "statecharts"
    python = folder / "bin" / "python"
    marker = folder / "installed.txt"
    wanted = "\n".join(PYTHON_PEERS)
    if not marker.is_file() or marker.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "-q", *PYTHON_PEERS]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"transitions and python-statemachine cannot be installed: {done.stderr[-200:]}")
        marker.write_text(wanted)
    return python
