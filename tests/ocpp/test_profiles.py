"""Charging profiles behind the charts: which one takes whose place, and what a restart finds."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.ocpp.ocpp_profiles import MemoryProfiles
from adapters.ocpp.schedules import NS
from engine.adapter import World
from tests.slac.virtual_host import Clock, VirtualPort

T0 = 1_795_953_600 * NS


def opened(world: World | None = None, **config: Any) -> tuple[MemoryProfiles, VirtualPort]:
    profiles = MemoryProfiles(config, world or World())
    return profiles, VirtualPort(profiles, Clock(), "profiles")


def fields(id: int, **changed: Any) -> dict[str, Any]:
    plain = {
        "chargingProfileId": id, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute", "recurrencyKind": None, "validFrom": None, "validTo": None, "duration": None,
        "startSchedule": T0, "chargingRateUnit": "A", "startPeriod": [0], "limit": [10.0], "numberPhases": [1],
    }  # fmt: skip
    return {**plain, **changed}


def keep(
    profiles: MemoryProfiles, id: int, connector: int = 1, transaction: int | None = None, most: int = 9, **changed: Any
) -> None:
    profiles.keep(call=f"c{id}", connectorId=connector, transaction=transaction, most=most, **fields(id, **changed))


def cleared(profiles: MemoryProfiles, port: VirtualPort, **criteria: Any) -> int:
    profiles.clear(call_id="clear", **criteria)
    found: int = port.results["clear"]["cleared"]
    return found


def test_the_same_id_and_the_same_place_are_replaced() -> None:
    """5.16: by chargingProfileId, or by stackLevel and purpose."""
    profiles, port = opened()
    keep(profiles, 1)
    keep(profiles, 2)  # the same place
    keep(profiles, 2, 2)  # the same id
    keep(profiles, 3, 1)
    keep(profiles, 4, 1, stackLevel=1)
    keep(profiles, 5, 1, 7, chargingProfilePurpose="TxProfile")
    keep(profiles, 6, 1, 8, chargingProfilePurpose="TxProfile")
    assert [event["call"] for event in port.named("kept")] == ["c1", "c2", "c2", "c3", "c4", "c5", "c6"]
    assert len(port.named("changed")) == 7
    assert cleared(profiles, port) == 5


def test_what_a_restart_finds() -> None:
    world = World()
    profiles, _ = opened(world)
    keep(profiles, 1, startPeriod=[0, 60 * NS], limit=[10.0, 6.5], numberPhases=[1, 0])
    again, port = opened(world)
    again.limits(call_id="l", at=T0 + 60 * NS, within=60 * NS, transaction=[0, 0], begun=[0, 0])
    assert port.results["l"] == {
        "power": [-1.0, -1.0], "current": [-1.0, 6.5], "phases": [0, 0], "until": T0 + 120 * NS
    }  # fmt: skip


def test_limits_and_when_they_may_change() -> None:
    profiles, port = opened()
    keep(profiles, 1, 0, chargingProfilePurpose="ChargePointMaxProfile", chargingRateUnit="W", limit=[22_000.0])
    keep(profiles, 2, 1, 7, chargingProfilePurpose="TxProfile", chargingProfileKind="Relative", startSchedule=None,
         startPeriod=[0, 60 * NS], limit=[16.0, 0.0], numberPhases=[0, 0])  # fmt: skip
    profiles.limits(call_id="l", at=T0, within=60 * NS, transaction=[0, 7], begun=[0, T0 - 59 * NS])
    assert port.results["l"] == {
        "power": [22_000.0, -1.0], "current": [-1.0, 16.0], "phases": [1, 0], "until": T0 + NS
    }  # fmt: skip
    profiles.composite(
        call_id="c", connectorId=1, transaction=7, begun=T0 - 59 * NS, at=T0, duration=10 * NS, chargingRateUnit="A",
        without=32.0, voltage=230.0, phases=3, direct=0.0,
    )  # fmt: skip
    assert port.results["c"] == {"startPeriod": [0, NS], "limit": [16.0, 0.0], "numberPhases": [1, 1]}


def test_a_transaction_takes_its_profiles_with_it() -> None:
    profiles, port = opened()
    keep(profiles, 1, 1, 7, chargingProfilePurpose="TxProfile")
    keep(profiles, 2, 1)
    profiles.end(transaction=8)
    profiles.end(transaction=7)
    assert (len(port.named("changed")), cleared(profiles, port)) == (3, 1)


@pytest.mark.ocpp_cases("D13")
@pytest.mark.parametrize(
    ("criteria", "count"),
    [
        ({}, 4),
        ({"connectorId": 0}, 2),
        ({"stackLevel": 0}, 3),
        ({"connectorId": 0, "stackLevel": 0}, 1),
        ({"chargingProfilePurpose": "TxProfile"}, 1),
        ({"id": 3, "chargingProfilePurpose": "ChargePointMaxProfile", "connectorId": 9}, 1),
        ({"id": 9}, 0),
        ({"connectorId": 2}, 0),
    ],
)
def test_what_is_cleared(criteria: dict[str, Any], count: int) -> None:
    """D13 of the field, errata 3.25, 3.26: 0 is a value; fields are joined by "and"; with an id only that counts."""
    profiles, port = opened()
    keep(profiles, 1, 0)
    keep(profiles, 2, 0, stackLevel=1)
    keep(profiles, 3, 1)
    keep(profiles, 4, 1, 7, chargingProfilePurpose="TxProfile")
    changes = len(port.named("changed"))
    assert cleared(profiles, port, **criteria) == count
    assert len(port.named("changed")) - changes == min(count, 1)


def test_one_that_waits_for_its_transaction() -> None:
    profiles, port = opened()
    profiles.promote(call="a", connectorId=1, transaction=7, most=9)
    assert port.events == []
    for number, call in enumerate("abc"):
        profiles.hold(call=call, most=2, **fields(number, chargingProfilePurpose="TxProfile"))
    profiles.promote(call="a", connectorId=1, transaction=7, most=9)
    assert port.events == [], "the oldest of more than may wait"
    profiles.promote(call="b", connectorId=1, transaction=7, most=9)
    profiles.promote(call="b", connectorId=1, transaction=8, most=9)
    assert port.events == [("kept", {"call": ""}), ("changed", {})]
    profiles.end(transaction=7)
    assert cleared(profiles, port) == 0


def test_too_many_are_not_kept() -> None:
    profiles, port = opened()
    keep(profiles, 1)
    keep(profiles, 2, stackLevel=1, most=1)
    keep(profiles, 3, most=1)  # in the place of the first one
    assert port.named("not_kept") == [{"call": "c2", "reason": "there may be 1 profiles"}]
    assert (len(port.named("kept")), port.named("failed")) == (2, [])


def test_a_full_disk_is_told() -> None:
    profiles, port = opened(full_after=0)
    keep(profiles, 1)
    assert port.named("not_kept") == [{"call": "c1", "reason": "database or disk is full"}]
    assert port.named("failed") == [{"reason": "database or disk is full"}]
