"""``python -m tests.benchmarks.bench_ocpp_memory``: what an idle charge point takes in memory beyond its line.

All charts of machines/ocpp, one connector, everything in memory, on stand-in outlets; many in one process, registered.
Ends with 1 when the limit is missed. ``--points N``.
"""

from __future__ import annotations

import argparse
import gc
import sys
from typing import Any

from adapters.host.wall_clock import SimulatedWallClock
from engine.run import System
from tests.benchmarks.bench_ocpp_delivery import resident_kb
from tests.benchmarks.bench_ocpp_fleet import LIMIT_KB
from tests.ocpp.central import Central, ScriptedCentralSystem
from tests.ocpp.charge_point import CHART, chart, rest
from tests.ocpp.outlets import StandInOutlets

S = 10**9


def add(system: System, number: int) -> None:
    roles: dict[str, Any] = {
        "csms": ScriptedCentralSystem({}, system.world),
        "outlets": StandInOutlets({}, system.world),
        "clock": SimulatedWallClock({}, system.world),
    }
    rest(roles, system.world, name=f"{number}")
    system.add(chart(CHART), f"cp{number}", {"url": "ws://central"}, roles)


def grown_kb(points: int) -> float:
    """Of one charge point."""
    system = System()
    central: Central = system.world.shared("central system", Central)
    for part in (range(5), range(5, 5 + points)):
        gc.collect()
        before = resident_kb()
        for number in part:
            add(system, number)
        system.start()
        system.advance(5 * S)
        boots = len(central.said("BootNotification"))
        assert boots == part.stop, f"{boots} of {part.stop} registered"
        central.heard.clear()
        central.ids.clear()
        central.heard += [("BootNotification", {})] * boots
    gc.collect()
    assert system.failures == []
    return (resident_kb() - before) / points


def main() -> int:
    """Print the figures; 1 when the limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=2000)
    points = parser.parse_args().points
    whole = grown_kb(points)
    print(f"an idle charge point, all its charts: {whole:.0f} kB (limit {LIMIT_KB:g})")
    return int(whole > LIMIT_KB)


if __name__ == "__main__":
    sys.exit(main())
