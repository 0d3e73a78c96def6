"""SLAC matches, measured: ``python -m tests.benchmarks.bench_slac_match``. Needs root for the first part.

1. Milliseconds from CM_SLAC_PARM.REQ to CM_SLAC_MATCH.CNF as one and the same vehicle (scapy frames, 20 ms between its
   thirteen frames, so 260 ms are its own) sees them with our station and with pyslac's, over an emulated line.
2. CPU of a match of our station with our vehicle on the virtual clock, alone and 100 at once on one line.

Ends with 1 when our station makes the vehicle wait longer than pyslac does by more than LIMIT_MS.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import engine
from adapters.slac.link import SimulatedHpgpLink
from adapters.slac.plc import SimulatedPlcModem
from engine.run import System
from tests.slac.netns import missing, namespaces
from tests.slac.test_hub import line
from tests.slac.test_peers import ENDS, ours, peer, running

LIMIT_MS = 10.0
RUNS = 5
S = 1_000_000_000


def with_station(name: str) -> float:
    """Milliseconds of one match with a station of its own."""
    with tempfile.TemporaryDirectory() as folder, namespaces(*ENDS) as names:
        joins = ("--iface", "evse=line0", "--iface", "pev=line1")
        with line(Path(folder) / "line", *joins, namespace=names["line"]):
            command = ours("evse") if name == "ours" else peer("pyslac", "peer_pyslac_evse.py", "evse0", 0.5)
            with running(names["evse"], command) as station:
                station.line_with("matching.renewing → matching" if name == "ours" else '"keyed"', 30)
                with running(names["pev"], peer("scapy", "peer_scapy_pev.py", "pev0")) as vehicle:
                    elapsed_ms: float = json.loads(vehicle.line_with('"mac"|"error"', 40))["elapsed_ms"]
                    return elapsed_ms


def at_once(count: int) -> tuple[float, float]:
    """CPU seconds per match of ``count`` pairs on one line, and the latest pair's time on the virtual clock."""
    evse, pev = engine.load("machines/slac/evse.yaml"), engine.load("machines/slac/pev.yaml")
    system = System()
    for number in range(count):
        for side, chart in (("evse", evse), ("pev", pev)):
            config = {"host": f"{side}{number}", "cable": str(number), "neighbour_attenuation": None}
            mac = bytes((2, 0, 0, side == "pev", number >> 8, number & 255)).hex(":")
            adapters = {
                "link": SimulatedHpgpLink({**config, "mac": mac}, system.world),
                "modem": SimulatedPlcModem({**config, "mac": mac}, system.world),
            }
            system.add(chart, f"{side}{number}", {}, adapters)
    started = time.process_time()
    system.start()
    actors = list(system.roots.values())

    def all_linked() -> bool:
        while actors and "matching.linked" in actors[-1].machine.configuration:
            actors.pop()
        return not actors

    if not system.run_until(all_linked, 60 * S):
        raise SystemExit(f"{len(actors)} of {2 * count} machines are not linked after 60 s")
    return (time.process_time() - started) / count, system.clock.now_ns() / S


def main() -> int:
    slow = False
    reason = missing()
    if reason:
        print("without the comparison on real interfaces:", reason)
    else:
        times: dict[str, list[float]] = {"ours": [], "pyslac": []}
        for _ in range(RUNS):  # in turn, so that other work on the machine hits both
            for name, found in times.items():
                found.append(with_station(name))
        medians = {name: statistics.median(found) for name, found in times.items()}
        for name, found in times.items():
            print(
                f"PARM.REQ to MATCH.CNF, {name:7}: median {medians[name]:6.1f} ms, {min(found):.1f} … {max(found):.1f}"
            )
        slow = medians["ours"] > medians["pyslac"] + LIMIT_MS
    for count in (1, 10, 100):
        cpu, clock = at_once(count)
        print(f"{count:4} at once: {cpu * 1000:6.1f} ms CPU per match, all linked after {clock:.2f} s of their clock")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
