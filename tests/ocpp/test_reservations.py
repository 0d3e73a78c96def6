"""Reservations behind the charts."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.ocpp_reservations import MemoryReservations
from engine.adapter import World
from tests.slac.virtual_host import Clock, VirtualPort


def opened(world: World | None = None, **config: Any) -> tuple[MemoryReservations, VirtualPort]:
    reservations = MemoryReservations(config, world or World())
    return reservations, VirtualPort(reservations, Clock(), "reservations")


def found(reservations: MemoryReservations, port: VirtualPort, connector: int) -> Any:
    reservations.recall(call_id="recall", connectorId=connector)
    return port.results["recall"]


def test_one_of_a_connector_and_one_of_an_id() -> None:
    world = World()
    reservations, port = opened(world)
    reservations.keep(call_id="a", connectorId=1, reservationId=7, idTag="A", parentIdTag="G", expiryDate=5)
    reservations.keep(call_id="b", connectorId=1, reservationId=8, idTag="B", expiryDate=6)
    reservations.keep(call_id="c", connectorId=2, reservationId=9, idTag="C", parentIdTag="G", expiryDate=7)
    reservations.keep(call_id="d", connectorId=3, reservationId=9, idTag="D", expiryDate=8)
    assert [port.results[call] for call in "abcd"] == [{}] * 4
    reservations, port = opened(world)
    kept = {"reservationId": 8, "idTag": "B", "parentIdTag": None, "expiryDate": 6}
    assert [found(reservations, port, connector) for connector in (1, 2)] == [kept, "none"]
    assert found(reservations, port, 3)["idTag"] == "D"
    reservations.drop(connectorId=2, reservationId=9)
    assert found(reservations, port, 3)["idTag"] == "D", "it is connector 3's now"
    reservations.drop(connectorId=3, reservationId=9)
    assert (found(reservations, port, 3), port.events) == ("none", [])


def test_a_full_disk_is_told() -> None:
    reservations, port = opened(full_after=0)
    reservations.keep(call_id="a", connectorId=1, reservationId=7, idTag="A", expiryDate=5)
    assert (port.results["a"], len(port.named("failed"))) == ("database or disk is full", 1)
