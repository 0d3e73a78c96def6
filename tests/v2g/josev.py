"""The package ``iso15118`` as a foreign signer and verifier, in an environment of its own under ``.peers``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.slac.peers import PeerUnavailable, peer_python
from tests.v2g.oracle import OracleUnavailable

PEER = Path(__file__).parent / "josev_peer.py"


class Josev:
    """One running peer process; `ask` sends a job of josev_peer.py."""

    def __init__(self) -> None:
        if shutil.which("java") is None:
            raise OracleUnavailable("no java on the PATH")
        try:
            python = peer_python("iso15118")
        except PeerUnavailable as reason:
            raise OracleUnavailable(str(reason)) from reason
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
