"""A charge point that is killed again and again, and whose line is cut: nothing that was charged is lost or doubled.

Each life is a process of its own (lives.py), killed by ``kill -9`` at any moment: while it writes, before and after
the central system has heard something, while there is no line. What the central system has in the end, by the ids of
the messages, is what the meters say.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from adapters.ocpp.flat import time_text
from tests.ocpp.lives import NOON, OUTLETS, Outside
from tests.ocpp.strict import problem

TRANSACTION = ("StartTransaction", "MeterValues", "StopTransaction")
PATIENCE_S = 120
"""Real time of a life without a word."""


class Central:
    """Counts by id: a repeat is the same message and gets the same answer."""

    def __init__(self) -> None:
        self.first: dict[str, tuple[str, dict[str, Any]]] = {}
        self.repeats = 0
        self.wrong: list[str] = []
        self.started: dict[str, int] = {}

    def hears(self, text: str, now: int) -> str:
        if why := problem(text, ""):
            self.wrong.append(why)
        _, id, action, payload = json.loads(text)
        self.repeats += id in self.first
        assert self.first.setdefault(id, (action, payload)) == (action, payload)
        return json.dumps([3, id, self._answer(id, action, time_text(now))])

    def _answer(self, id: str, action: str, now: str) -> dict[str, Any]:
        card = {"idTagInfo": {"status": "Accepted"}}
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": now, "interval": 300}
        if action == "StartTransaction":
            return {**card, "transactionId": self.started.setdefault(id, 1 + len(self.started))}
        return {"Heartbeat": {"currentTime": now}, "Authorize": card}.get(action, {})

    def said(self, connector: int) -> list[tuple[str, dict[str, Any]]]:
        """What belongs to transactions of a connector, in the order it came first."""
        told = []
        numbers = set()
        for id, (action, payload) in self.first.items():
            if action == "StartTransaction" and payload["connectorId"] == connector:
                numbers.add(self.started[id])
                told.append((action, {**payload, "transactionId": self.started[id]}))
            elif payload.get("transactionId") in numbers:
                told.append((action, payload))
        return told


def lives(folder: Path, sessions: int, seed: int) -> tuple[Central, int]:
    """All lives until all is told; how many were killed."""
    chance, central = random.Random(seed), Central()
    mine, its = socket.socketpair()
    command = [sys.executable, "-m", "tests.ocpp.lives", str(folder), str(its.fileno())]
    killed = 0
    with (
        mine,
        subprocess.Popen(
            command, pass_fds=[its.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as mother,
    ):
        its.close()
        assert mother.stdin is not None
        assert mother.stdout is not None
        code = -9
        while code == -9:
            mother.stdin.write(f"{chance.randrange(2**31)} {sessions}\n")
            mother.stdin.flush()
            child = int(mother.stdout.readline())
            over = Outside(folder / "outside").begun >= sessions and chance.random() < 0.5
            try:
                talk(mine, mother.stdout, child, central, chance, dies=not over)
            except BaseException:
                os.kill(child, signal.SIGKILL)
                mother.kill()
                raise
            code = int(mother.stdout.readline())
            killed += code == -9
            while select.select([mine], [], [], 0)[0]:  # what it said last was heard by nobody
                mine.recv(2**20)
        mother.stdin.close()
        assert code == 0
    return central, killed


def talk(line: socket.socket, status: Any, child: int, central: Central, chance: random.Random, dies: bool) -> None:
    """One life, which dies at a point that chance takes, or ends by itself."""
    left = chance.randrange(20) if dies else -1
    moment = chance.choice(["unheard", "unanswered", "answered", "dark"])
    text = b""
    while True:
        ready, _, _ = select.select([line, status], [], [], PATIENCE_S)
        assert ready, "it says nothing"
        if line not in ready:
            return  # it has ended
        text += line.recv(2**20)
        if not text.endswith(b"\n"):
            continue
        said, text = json.loads(text), b""
        dying = left == 0
        left -= 1
        if dying and moment == "unheard":
            os.kill(child, signal.SIGKILL)
            return
        cut = chance.random()
        answer: dict[str, Any] = {}
        if (dying and moment == "dark") or cut < 0.03:
            answer["cut_s"] = chance.choice([1, 30, 300])
        elif json.loads(said["text"])[0] == 2:
            answer["answer"] = central.hears(said["text"], said["now"])
            if cut < 0.06:  # it has heard, but the line is cut before the answer
                answer = {"cut_s": chance.choice([1, 30, 300])}
        if dying and moment == "unanswered":
            os.kill(child, signal.SIGKILL)
            return
        line.sendall(json.dumps(answer).encode() + b"\n")
        if dying:
            time.sleep(chance.random() * 0.03)
            os.kill(child, signal.SIGKILL)
            return


@pytest.mark.parametrize("sessions", [20, pytest.param(200, marks=pytest.mark.campaign)])
def test_nothing_is_lost_or_doubled(tmp_path: Path, sessions: int) -> None:
    central, killed = lives(tmp_path, sessions, seed=3)
    assert central.wrong == []
    assert killed >= sessions // 4
    assert len(central.started) >= sessions // 2
    outside = Outside(tmp_path / "outside")
    assert outside.begun == sessions
    assert len(central.started) == len(set(central.started.values()))
    of_transactions = 0
    for connector in range(1, OUTLETS + 1):
        told = central.said(connector)
        of_transactions += len(told)
        register, at, running = 0, time_text(NOON), 0
        for action, payload in told:
            if action == "StartTransaction":
                assert not running
                assert payload["meterStart"] == register  # what flowed before belongs to a transaction that was told
                running = payload["transactionId"]
            assert payload["transactionId"] == running
            meter, stamp = reading(payload)
            assert meter >= register
            assert stamp >= at
            register, at = meter, stamp
            running = 0 if action == "StopTransaction" else running
        assert not running
        assert register == int(outside.wh[connector - 1])
    assert of_transactions == sum(action in TRANSACTION for action, _ in central.first.values())


def reading(payload: dict[str, Any]) -> tuple[int, str]:
    """Its Wh, and when."""
    if "meterValue" in payload:
        (sample,) = payload["meterValue"]
        return int(sample["sampledValue"][0]["value"]), sample["timestamp"]
    return payload.get("meterStart", payload.get("meterStop")), payload["timestamp"]
