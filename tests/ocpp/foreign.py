"""Central systems that nobody here wrote, and the charge point as a person starts it: processes of a test."""

from __future__ import annotations

import functools
import json
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

import pytest

from tests.w3c.suite import PEERS, downloads

SCRIPTS = Path(__file__).parent / "peers"
NODE = ("ocpp-rpc@2.2.1", "ocpp-ts@0.3.0")
PATIENCE_S = 240
"""For anything to happen: machines that run tests are busy."""


@functools.cache
def node_packages() -> Path:
    """The folder whose node_modules has them. Skips where there is no Node, or nothing can be installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("ocpp-rpc and ocpp-ts run on Node: install node and npm")
    folder = PEERS / "ocpp-node"
    with downloads():
        done = folder / "installed.txt"
        if not done.is_file() or done.read_text() != " ".join(NODE):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "package.json").write_text('{"private": true}\n')
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if ran.returncode:
                pytest.skip(f"ocpp-rpc cannot be installed: {ran.stderr.strip().splitlines()[-1:]}")
            done.write_text(" ".join(NODE))
    return folder


def command(peer: str) -> list[str]:
    if peer == "ocpp_package":
        return [sys.executable, str(SCRIPTS / "ocpp_package.py")]
    return ["node", str(SCRIPTS / f"{peer}.mjs"), str(node_packages())]


class Talking:
    """A process whose lines are read as they come."""

    def __init__(self, command: list[str], cwd: Path | None = None) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.all: list[str] = []
        self.process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def until(self, what: str, condition: Callable[[], Any]) -> Any:
        """What ``condition`` gives as soon as that is something; lines are taken meanwhile."""
        end = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            assert time.monotonic() < end, f"{what}: has not happened\n{''.join(self.all[-40:])}"
            assert self.process.poll() is None or not self._lines.empty(), f"{what}\n{''.join(self.all[-40:])}"
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                continue
            self.all.append(line)
            self.takes(line)
        return found

    def takes(self, line: str) -> None:
        """One line."""


class Peer(Talking):
    """A central system. ``heard``: action and payload of each CALL; ``wrong``: what it says is against its schemas."""

    def __init__(self, peer: str) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.wrong: list[str] = []
        self.answers: dict[int, dict[str, Any]] = {}
        self.port = 0
        self.asked: set[str] = set()
        self._number = 0
        super().__init__(command(peer))
        self.until("a port", lambda: self.port)

    def takes(self, line: str) -> None:
        said = json.loads(line)
        if "port" in said:
            self.port = said["port"]
        elif "heard" in said:
            self.heard.append((said["heard"], said["payload"]))
        elif "answer" in said:
            self.answers[said["answer"]] = said
        elif "wrong" in said:
            self.wrong.append(line)

    def ask(self, action: str, **payload: Any) -> dict[str, Any]:
        """A CALL; its answer. A CALLERROR is an AssertionError."""
        self._number += 1
        number = self._number
        self.asked.add(action)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"ask": number, "action": action, "payload": payload}) + "\n")
        self.process.stdin.flush()
        said = self.until(f"the answer to {action}", lambda: self.answers.get(number))
        assert "error" not in said, f"{action}: {said}"
        answer: dict[str, Any] = said["payload"]
        return answer

    def hears(self, action: str, since: int = 0, **values: Any) -> dict[str, Any]:
        """The payload of a CALL with these values, after the first ``since`` CALLs."""

        def found() -> list[dict[str, Any]]:
            named = [payload for name, payload in self.heard[since:] if name == action]
            return [one for one in named if all(one.get(key) == value for key, value in values.items())]

        payload: dict[str, Any] = self.until(f"{action} {values}", found)[0]
        return payload


class Station(Talking):
    """``engine run machines/charge_point.yaml`` with two outlets, and a bench that acts."""

    def __init__(self, url: str, *sets: str) -> None:
        self.control = 0
        run = [sys.executable, "-m", "engine", "run", "machines/charge_point.yaml", "--control", "127.0.0.1:0"]
        given = ("outlets=2", f"ocpp.url={url}", "ocpp.identity=CP 1/ä", *sets)
        super().__init__([*run, *(word for one in given for word in ("--set", one))])
        self.until("--control", lambda: self.control)

    def takes(self, line: str) -> None:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            self.control = int(found[1])

    def act(self, event: str, connector: int, **fields: Any) -> None:
        line = HTTPConnection("127.0.0.1", self.control, timeout=PATIENCE_S)
        body = json.dumps({"event": event, "connector": connector, **fields})
        line.request("POST", "/event", body, {"Content-Type": "application/json"})
        answer = line.getresponse()
        assert answer.status == 204, answer.read()
        line.close()

    def ends(self) -> int:
        """As a service manager ends it; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        while not self._lines.empty():
            self.all.append(self._lines.get())
        return code
