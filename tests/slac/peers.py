"""Foreign SLAC implementations in environments of their own, made on first use under the git-ignored ``.peers``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("CHARGECHART_PEERS", ROOT / ".peers"))
REQUIREMENTS = {
    "scapy": ["scapy==2.8.0"],
    # its own requirements let pip choose marshmallow 4, with which its environs 9.5 cannot be imported
    "pyslac": ["pyslac==0.8.3", "marshmallow<4"],
    # aiofile is missing from its own requirements
    "iso15118": ["iso15118==0.31.2", "aiofile"],
}


class PeerUnavailable(Exception):
    """The peer's environment cannot be made here (no package index, say). The text says why."""


def peer_python(name: str) -> Path:
    """Python of the peer's environment; makes the environment when it is not there. Raises PeerUnavailable."""
    target = PEERS / name
    python = target / "bin" / "python"
    if python.exists():
        return python
    making = PEERS / f"{name}.{os.getpid()}"
    venv.create(making, with_pip=True)
    command = [making / "bin" / "python", "-m", "pip", "install", "-q", "--no-cache-dir", *REQUIREMENTS[name]]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise PeerUnavailable(f"pip could not install {name}: {run.stderr.strip()[-300:]}")
    try:
        making.rename(target)
    except OSError:
        if not python.exists():  # another worker was first otherwise
            raise
    return python


class FramePeer:
    """A peer's codec behind pipes: one JSON question per line, one JSON answer per line (see peer_frames.py)."""

    def __init__(self, name: str) -> None:
        script = Path(__file__).with_name("peer_frames.py")
        self._process = subprocess.Popen(
            [peer_python(name), str(script), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> FramePeer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def build(self, message: str, fields: dict[str, Any]) -> bytes:
        """The frame the peer makes of these fields (octet strings as hex)."""
        return bytes.fromhex(self._ask({"op": "build", "message": message, "fields": fields})["frame"])

    def parse(self, message: str, frame: bytes) -> dict[str, Any]:
        """The fields the peer reads from a frame."""
        fields: dict[str, Any] = self._ask({"op": "parse", "message": message, "frame": frame.hex()})["fields"]
        return fields

    def time(self, message: str, frame: bytes, rounds: int) -> dict[str, float]:
        """Seconds per parse and per build of this frame, measured inside the peer's process."""
        return self._ask({"op": "time", "message": message, "frame": frame.hex(), "rounds": rounds})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the peer ended while asked {question}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"the peer refused {question}: {answer['error']}")
        return answer


def run_quietly(command: list[str]) -> bool:
    """Whether a command ends well."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    for peer in sys.argv[1:] or REQUIREMENTS:
        print(peer, peer_python(peer))
