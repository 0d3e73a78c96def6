"""One connector of a charge point (machines/ocpp/connector.yaml) that is played by words."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.keys import KEYS
from tests.scenarios.ocpp import keys
from tests.scenarios.stage import Stage

S = 1_000_000_000
PLUG = ("unplugged", "detached", "plugged", "wanting", "charging", "suspended_ev", "suspended_evse", "ended")


class Connector(Stage):
    """Its outlet, its users and the charts it starts say what the words are: ``play("plugged card charging")``.
    ``without_lock``: the outlets that have none; ``unplug_first``: whose vehicle is asked once."""

    def __init__(
        self, without_lock: tuple[int, ...] = (), unplug_first: tuple[int, ...] = (), **parameters: Any
    ) -> None:
        changed = {name: parameters.pop(name) for name in [*parameters] if name in KEYS}
        values = {**keys(**changed), "outlets.without_lock": list(without_lock)}
        values["outlets.unplug_first"] = list(unplug_first)
        super().__init__("machines/ocpp/connector.yaml", values, connectorId=1, **parameters)

    def play(self, words: str) -> Connector:
        for word in words.split():
            self._do(word)
        return self

    def _do(self, word: str) -> None:
        if word in PLUG:
            self.emit("outlets.state", outlet=1, state="free" if word == "unplugged" else word)
        elif word == "card":
            self._card()
        elif word == "timeout":
            self.run(60)
        elif word == "end":
            if "transaction" in self.children():
                self.ends("transaction", reason="Local", energy=1000.0, seconds=60, transaction=7)
        elif word in ("reserved", "over"):
            self.child(f"reservation.{word}", reservationId=3)
        elif word in ("operative", "inoperative"):
            self.post("availability", operative=word == "operative")
        elif word == "fault":
            self.emit("outlets.fault", outlet=1, errorCode="GroundFailure", info="", emergency=False)
        elif word == "mended":
            self.emit("outlets.fault_cleared", outlet=1)
        else:
            raise AssertionError(word)
        if "transaction" in self.children() and not self.data("number"):
            self.child("transaction.started", transaction=7, at=0, meter=4000.0)

    def _card(self) -> None:
        self.emit("outlets.token", outlet=1, id="CARD")
        if "authorisation" in self.children():
            self.ends("authorisation", status="Accepted", parentIdTag=None)
        if self.active("user.reserved"):
            self.child("reservation.holder", idTag="CARD", reservationId=3)
