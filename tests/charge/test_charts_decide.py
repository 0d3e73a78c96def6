"""Behaviour is in the charts: an edited copy of machines/ behaves otherwise, with no Python touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import engine
from adapters.registry import REGISTRY
from engine.run.station import Overrides, resolve
from tests.charge.bench import Bench, ScriptedVehicle
from tests.charge.ends import next_vehicle_charges, stays
from tests.charge.walk import walk, walk_on


def edited(directory: Path, file: str, edit: Callable[[str], str]) -> Path:
    """A copy of machines/ with one file edited."""
    copy = directory / "machines"
    shutil.copytree("machines", copy)
    before = (copy / file).read_text()
    after = edit(before)
    assert after != before
    (copy / file).write_text(after)
    return copy


def station_of(machines: Path) -> tuple[Bench, ScriptedVehicle]:
    """The station of this directory, with a vehicle plugged in and connected."""
    bench = Bench("evse_dc", ())
    overrides = Overrides((), {}, {"link": "ethernet"})
    bench.station = resolve(machines / "evse_dc.yaml", None, overrides, REGISTRY, engine.load)
    bench.bring("evse")
    vehicle = ScriptedVehicle(bench)
    vehicle.plug()
    vehicle.connect()
    return bench, vehicle


@pytest.mark.parametrize("seconds", [7, 90])
def test_another_timeout(tmp_path: Path, seconds: int) -> None:
    """An engineer who changes V2G_SECC_Sequence_Timeout in the YAML gets a station that waits just so long."""
    old = "V2G_SECC_Sequence_Timeout: {type: duration, default: 60 s"
    machines = edited(tmp_path, "v2g/secc.yaml", lambda text: text.replace(old, old.replace("60 s", f"{seconds} s")))
    bench, vehicle = station_of(machines)
    walk(vehicle, "ServiceDiscovery")
    stays(bench, lambda: not vehicle.ended, seconds - 0.1, "the connection")
    bench.until(lambda: bool(vehicle.ended), 0.2, "end by the sequence timeout")
    vehicle.go_away()
    next_vehicle_charges(bench)


GREETING = """      available:
        title: Available
"""
CLEANING = """      cleaning:
        title: The contacts are blown clean before the next vehicle
        entry: display.show(text='Cleaning')
        after:
          90 s: available

"""


def test_another_state(tmp_path: Path) -> None:
    """A state inserted between the unplug and the free outlet is there, with its display text and its time."""

    def insert(text: str) -> str:
        assert text.count(GREETING) == 1
        return text.replace(GREETING, CLEANING + GREETING).replace(
            "T_replug: outlet.starting", "T_replug: outlet.cleaning"
        )

    bench, vehicle = station_of(edited(tmp_path, "evse_dc.yaml", insert))
    walk(vehicle, "ServiceDiscovery")
    walk_on(vehicle, "ServiceDiscovery")
    vehicle.go_away()
    bench.until(lambda: bench.is_in("evse", "outlet.cleaning"), 5, "the new state")
    assert bench.adapter("evse", "display").text == "Cleaning"
    stays(bench, lambda: bench.is_in("evse", "outlet.cleaning"), 89.9, "the new state")
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 0.2, "free outlet")
    next_vehicle_charges(bench, free_within_s=100)


def test_another_rule(tmp_path: Path) -> None:
    """A site that refuses vehicles above 80 % is one guard in the YAML, with its ResponseCode on the wire."""
    rule = "            - guard: not (event.RequestedEnergyTransferMode in "
    full = (
        "            - guard: event.EVRESSSOC > 80 %\n"
        "              target: refused(ResponseCode='FAILED_WrongChargeParameter')\n"
    )
    bench, vehicle = station_of(edited(tmp_path, "v2g/secc_iso2.yaml", lambda text: text.replace(rule, full + rule)))
    walk(vehicle, "ChargeParameterDiscovery")
    assert vehicle.ask("ChargeParameterDiscoveryReq", EVRESSSOC=85).ResponseCode == "FAILED_WrongChargeParameter"
    vehicle.go_away()
    next_vehicle_charges(bench)
