"""The package ``iso15118`` as a foreign signer and verifier, in an environment of its own under ``.peers``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.v2g.oracle import PEERS, WHEEL, OracleUnavailable

PEER = Path(__file__).parent / "josev_peer.py"


def josev_python() -> Path:
    """The interpreter of the peer's environment, made on first use. Raises OracleUnavailable when it cannot be."""
    target = PEERS / "iso15118-venv"
    python = target / "bin" / "python"
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        # aiofile is missing from the wheel's own requirements.
        install = [str(python), "-m", "pip", "install", "-q", WHEEL, "aiofile"]
        for command in ([sys.executable, "-m", "venv", str(target)], install):
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise OracleUnavailable(f"the environment of {WHEEL} could not be made: {run.stderr.strip()[-300:]}")
        (target / "complete").touch()
    return python


class Josev:
    """One running peer process; `ask` sends a job of josev_peer.py."""

    def __init__(self) -> None:
        if shutil.which("java") is None:
            raise OracleUnavailable("no java on the PATH")
        python = josev_python()
        # The package finds its Java gateway's jar below the prefix of the environment.
        environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        self._process = subprocess.Popen(
            [str(python), str(PEER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, op: str, **job: Any) -> Any:
        """The peer's answer. Raises RuntimeError with the peer's own error."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"op": op, **job}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the iso15118 peer died (exit code {self._process.wait()}) on {op}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"the iso15118 peer failed on {op}: {answer['error']}")
        return answer["ok"]

    def close(self) -> None:
        """Ends the peer and its Java process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
