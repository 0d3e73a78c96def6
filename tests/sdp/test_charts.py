"""The SDP charts of both sides on simulated hosts, on the virtual clock; the numbers are rows of the fault list."""

from __future__ import annotations

from typing import Any

import pytest

import engine
from adapters.sdp.adapters import SimulatedSdpClient, SimulatedSdpServer
from adapters.v2g.client import SimulatedV2gEvcc
from adapters.v2g.server import SimulatedV2gSecc
from engine.adapter import Adapter
from engine.run import System
from engine.run.observer import StepRecord

S = 1_000_000_000
STATION = engine.load("machines/sdp/secc.yaml")
VEHICLE = engine.load("machines/sdp/evcc.yaml")
WIRE = {"medium": "wire"}


class Link:
    """A station and a vehicle on a wire; the station starts when told to."""

    def __init__(self, vehicle: dict[str, Any] | None = None) -> None:
        self.system = System()
        self.system.observers.append(self)
        self.requests: list[float] = []
        self.server = SimulatedSdpServer({"host": "evse", **WIRE}, self.system.world)
        self.v2g = SimulatedV2gSecc({"host": "evse", **WIRE}, self.system.world)
        client = SimulatedSdpClient({"host": "pev", **WIRE}, self.system.world)
        connection = SimulatedV2gEvcc({"host": "pev", **WIRE}, self.system.world)
        adapters: dict[str, Adapter] = {"sdp": client, "v2g": connection}
        self.vehicle = self.system.add(VEHICLE, "pev", vehicle or {}, adapters)

    def step(self, record: StepRecord) -> None:
        """Observer: when the vehicle asked."""
        for effect in record.step.effects:
            if getattr(effect, "action", "") == "request":
                self.requests.append(record.time_ns / S)

    def note(self, note: object) -> None:
        """Observer: notes do not matter here."""

    def with_station(self, *, listening: bool = True, **parameters: Any) -> Link:
        """Add the station."""
        self.station = self.system.add(STATION, "evse", parameters, {"sdp": self.server})
        return self._listening() if listening else self

    def _listening(self) -> Link:
        host = engine.load_text(
            "machine: host\nadapters: {v2g: v2g_secc}\n"
            "entry: v2g.listen(tls=False, connections=4, connections_of_peer=4, time=18 s)\nstates: {on: {}}\n"
        )
        self.host = self.system.add(host, "host", {}, {"v2g": self.v2g})
        return self

    def run(self, seconds: float) -> Any:
        self.system.start()
        self.system.advance(round(seconds * S))
        return self.vehicle.output


def test_asked_answered_connected() -> None:
    """The vehicle gets the station's own address and port, and a TCP connection to it."""
    output = Link().with_station().run(2)
    assert output == {"connected": True, "tls": False, "reason": ""}


def test_fifty_requests_a_quarter_of_a_second_apart() -> None:
    """40, 55: with nobody there the vehicle asks 50 times at 250 ms, then says so (ISO 15118-2 [V2G2-159], -161)."""
    link = Link()
    output = link.run(30)
    assert output["connected"] is False
    assert "no station answered" in output["reason"]
    assert len(link.requests) == 50
    gaps = {round(b - a, 6) for a, b in zip(link.requests, link.requests[1:], strict=False)}
    assert gaps == {0.25}


@pytest.mark.parametrize(("offered", "required", "reason"), [(0, False, ""), (0, True, "the station offers no TLS")])
def test_tls_asked_and_not_offered(offered: int, required: bool, reason: str) -> None:
    """10: the answer says what the station has; whether that will do is the vehicle's decision."""
    output = Link({"tls": True, "tls_required": required}).with_station(port_tls=offered).run(2)
    assert output == {"connected": not required, "tls": False, "reason": reason}


def test_first_connect_refused_then_accepted() -> None:
    """57, 61: a station that opens its port late is tried again, at the port of its SDP answer."""
    link = Link().with_station(listening=False)
    link.run(1.2)
    assert link.vehicle.output is None
    link._listening()
    link.system.start()
    link.system.advance(2 * S)
    assert link.vehicle.output["connected"] is True


def test_answers_while_a_session_runs() -> None:
    """55: every request is answered, also the one that comes while somebody is connected."""
    link = Link().with_station()
    link.run(2)
    asked = link.station.machine.data["answered"]
    second = link.system.add(
        VEHICLE,
        "second",
        {},
        {
            "sdp": SimulatedSdpClient({"host": "pev2", **WIRE}, link.system.world),
            "v2g": SimulatedV2gEvcc({"host": "pev2", **WIRE}, link.system.world),
        },
    )
    link.system.start()
    link.system.advance(1 * S)
    assert link.station.machine.data["answered"] > asked
    assert second is not None


def test_a_port_that_fails_is_opened_again() -> None:
    """A station whose SDP port broke hears vehicles again after T_sdp_restart, and as often as the port breaks."""
    link = Link({"C_sdp_requests": 1}).with_station(T_sdp_restart=3 * S)
    link.run(1)
    for _ in range(2):
        link.server.port.emit("failed", reason="Network is down")
        link.system.advance(round(2.9 * S))
        assert link.station.machine.configuration == ("broken",)
        link.system.advance(round(0.2 * S))
        assert link.station.machine.configuration == ("open",)
    assert link.vehicle.output["connected"] is True
