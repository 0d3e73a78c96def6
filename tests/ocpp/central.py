"""A central system on the virtual clock: what the charge point says is answered as text, in the bytes of OCPP-J 1.6."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.ocpp.central_system import CentralSystem
from engine.adapter import World


class Central:
    """What it has heard (``heard``: action and payload), what it says of cards, and its line. One a world."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.ids: list[str] = []
        self.answers: dict[str, Any] = {}
        self.cards: dict[str, str] = {}
        self.reachable = True
        self.line: ScriptedCentralSystem | None = None
        self.transactions = 0

    def said(self, action: str) -> list[dict[str, Any]]:
        """The payloads of all such CALLs."""
        return [payload for name, payload in self.heard if name == action]

    def ask(self, action: str, **payload: Any) -> None:
        """A CALL; its answer will be in ``answers`` under its action."""
        assert self.line is not None
        self.line.tell(json.dumps([2, f"ask {action}", action, payload]))

    def cut(self) -> None:
        """The line is gone, and none is to be had."""
        self.reachable = False
        if self.line is not None:
            self.line.drop()

    def _answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        tag = {"status": self.cards.get(payload.get("idTag", ""), "Accepted")}
        now = "2026-11-29T12:00:00.000Z"
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": now, "interval": 300}
        if action == "StartTransaction":
            self.transactions += 1
            return {"transactionId": 100 + self.transactions, "idTagInfo": tag}
        if action == "DataTransfer":
            return {"status": "Accepted"}
        return {"Heartbeat": {"currentTime": now}, "Authorize": {"idTagInfo": tag}}.get(action, {})

    def hears(self, text: str) -> str | None:
        """A text of the charge point; the answer to it."""
        kind, id_, *rest = json.loads(text)
        if kind != 2:
            self.answers[id_.removeprefix("ask ")] = rest[0]
            return None
        action, payload = rest
        self.heard.append((action, payload))
        self.ids.append(id_)
        return json.dumps([3, id_, self._answer(action, payload)])


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
        self.port.call_later(1_000_000, lambda: self.port.done(call_id, round_trip=1_000_000))

    def _transmit(self, text: str) -> None:
        answer = self._central.hears(text)
        if answer is not None:
            self.port.call_later(1_000_000, lambda: self._received(answer))

    def tell(self, text: str) -> None:
        """A text arrives."""
        self._received(text)

    def drop(self) -> None:
        """The line is cut."""
        self._central.line = None
        self._lost(1006, "cut")
