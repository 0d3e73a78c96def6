"""A central system on the virtual clock: what the charge point says is answered as text, in the bytes of OCPP-J 1.6."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.ocpp.central_system import CentralSystem
from adapters.ocpp.flat import time_text
from engine.adapter import World
from tests.ocpp.strict import problem

LATE_NS = 1_000_000
NOON = 1_795_953_600 * 10**9
"""2026-11-29; its time of day when the system's clock begins."""


class Central:
    """What it has heard (``heard``: action and payload), what it says of cards, and its line. One a world.

    It knows a repeat by its id. ``wrong``: what the charge point has sent that its schema forbids. How it misbehaves:
    ``says``: the answer to an action (a payload; a text is the code of a CALLERROR); ``mute``: it takes all and
    answers nothing; ``twice``: it answers all twice; ``late_ns``: how long its answers take; ``deaf``: nothing of the
    charge point reaches it, pings neither."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.ids: list[str] = []
        self.wrong: list[str] = []
        self.answers: dict[str, Any] = {}
        self.cards: dict[str, str] = {}
        self.says: dict[str, Any] = {}
        self.mute = self.deaf = self.twice = False
        self.late_ns = LATE_NS
        self.reachable = True
        self.line: ScriptedCentralSystem | None = None
        self.questions: dict[str, str] = {}  # their actions by their ids
        self.transactions: dict[str, int] = {}  # by the id of the StartTransaction

    def said(self, action: str) -> list[dict[str, Any]]:
        """The payloads of all such CALLs."""
        return [payload for name, payload in self.heard if name == action]

    def once(self) -> list[tuple[str, dict[str, Any]]]:
        """What was heard without the repeats, which are the same as the first."""
        first: dict[str, tuple[str, dict[str, Any]]] = {}
        for id, one in zip(self.ids, self.heard, strict=True):
            assert first.setdefault(id, one) == one, f"{one} is no repeat of {first[id]}"
        return list(first.values())

    def ask(self, action: str, **payload: Any) -> None:
        """A CALL; its answer will be in ``answers`` under its action."""
        self.questions[f"ask {action}"] = action
        self.tell(json.dumps([2, f"ask {action}", action, payload]))

    def tell(self, text: str) -> None:
        """Any text."""
        assert self.line is not None
        self.line.tell(text)

    def cut(self) -> None:
        """The line is gone, and none is to be had."""
        self.reachable = False
        if self.line is not None:
            self.line.drop()

    def _answer(self, id: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        tag = {"status": self.cards.get(payload.get("idTag", ""), "Accepted")}
        now = time_text(NOON + (self.line.port.now_ns() if self.line else 0))
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": now, "interval": 300}
        if action == "StartTransaction":
            number = self.transactions.setdefault(id, 101 + len(self.transactions))
            return {"transactionId": number, "idTagInfo": tag}
        if action in ("DataTransfer", "SignCertificate"):
            return {"status": "Accepted"}
        return {"Heartbeat": {"currentTime": now}, "Authorize": {"idTagInfo": tag}}.get(action, {})

    def hears(self, text: str) -> str | None:
        """A text of the charge point; the answer to it."""
        if self.deaf:
            return None
        kind, id, *rest = json.loads(text)
        why = problem(text, self.questions.get(id, ""))
        if why:
            self.wrong.append(why)
        if kind != 2:
            self.answers[id.removeprefix("ask ")] = rest[0]
            return None
        action, payload = rest
        self.heard.append((action, payload))
        self.ids.append(id)
        if self.mute:
            return None
        said = self.says.get(action)
        if isinstance(said, str):
            return json.dumps([4, id, said, "no", {}])
        return json.dumps([3, id, self._answer(id, action, payload) if said is None else said])


class ScriptedCentralSystem(CentralSystem):
    """The charge point's side of its line."""

    behind = "simulated"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._central = world.shared("central system", Central)

    def connect(self, *, url: str, identity: str, password: bytes | None = None, name: str | None = None) -> None:
        def answered() -> None:
            if not self._central.reachable:
                self.port.emit("refused", reason="unreachable", status=0, text="nobody there")
                return
            self._central.line = self
            self._connected()

        self.port.call_later(1_000_000, answered)

    def disconnect(self) -> None:
        self._central.line = None
        self._drop()

    def ping(self, *, call_id: str) -> None:
        if not self._central.deaf:
            self.port.call_later(1_000_000, lambda: self.port.done(call_id, round_trip=1_000_000))

    def _transmit(self, text: str) -> None:
        answer = self._central.hears(text)
        if answer is not None:
            for _ in range(1 + self._central.twice):
                self.port.call_later(self._central.late_ns, lambda: self._received(answer))

    def tell(self, text: str) -> None:
        """A text arrives."""
        self._received(text)

    def drop(self) -> None:
        """The line is cut."""
        self._central.line = None
        self._lost(1006, "cut")
