"""``python -m tests.benchmarks.bench_ocpp_delivery``: what one charge point costs, against a central system in another
process on loopback.

Connected after READY; the round trip of a CALL (the time between two messages that wait for one another); processor
time (of the program, without the kernel's) for a MeterValues of eight values, from the chart that reads the meter to
the wire, beside a bare charge point of the package ``ocpp``: by turns, in rounds, the median of the ratios; a queue in
a file that drains, and what memory that takes at most. ``--quick``: fewer rounds, a tenth of the queue.
Ends with 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ocpp.v16 import ChargePoint, call
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

import engine
from adapters.host.chance import SimulatedChance
from adapters.host.wall_clock import SystemWallClock
from adapters.ocpp.database import Database
from adapters.ocpp.ledger import Ledger
from adapters.ocpp.ocpp_ledger import FileLedger, MemoryLedger
from adapters.ocpp.ocpp_settings import MemorySettings
from adapters.ocpp.websocket import WebSocketCentralSystem
from engine.run import RealClock, System
from engine.run.host import Host
from tests.benchmarks.ocpp_central import Central, central

CHART = Path(__file__).parent / "ocpp_meter.yaml"
WARM = 200
"""MeterValues before the measurement."""
ROUND = 1000
"""MeterValues of a round, those before the measurement with them."""
NOW = "2026-11-29T12:00:00.000Z"
MEASURED = {
    "Energy.Active.Import.Register": ("1234.5", "Wh"), "Power.Active.Import": ("11000", "W"), "Voltage": ("400.1", "V"),
    "Current.Import": ("27.5", "A"), "Power.Offered": ("11000", "W"), "Current.Offered": ("30", "A"),
    "SoC": ("80", "Percent"), "Temperature": ("35", "Celsius"),
}  # fmt: skip
VALUES = {
    "connectorId": 1,
    "meterValue": [
        {
            "timestamp": NOW,
            "sampledValue": [
                {"value": value, "measurand": measurand, "unit": unit} for measurand, (value, unit) in MEASURED.items()
            ],
        }
    ],
}


def resident_kb() -> int:
    """What this process has in memory now."""
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])


def worked_us() -> float:
    """Processor time of this process until now, without the kernel's."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime * 1e6


async def charge_point(there: Central, ledger: Any, count: int, wanted: int) -> dict[str, float]:
    """Until the central system has ``wanted`` more MeterValues."""
    before = there.heard()[0]["MeterValues"]
    system = System(RealClock())
    roles = {
        "csms": WebSocketCentralSystem({}, system.world), "ledger": ledger, "clock": SystemWallClock({}, system.world),
        "chance": SimulatedChance({}, system.world), "settings": MemorySettings({}, system.world),
    }  # fmt: skip
    machine = system.add(engine.load(CHART), "cp", {"url": there.url, "count": count}, roles)
    host = Host(system)
    ready = time.monotonic()
    running = asyncio.create_task(host.run())
    registration = None
    while registration is None or "registered" not in registration.machine.configuration:
        await asyncio.sleep(0.001)
        registration = machine.children.get(("registration", None))
    connected_s = time.monotonic() - ready

    def sent() -> int:
        return machine.machine.data["told"] if count else wanted - ledger.waiting

    while sent() < WARM:  # the plans of the steps are written, the first messages of a kind checked
        await asyncio.sleep(0.001)
    memory, worked, begun, first = resident_kb(), worked_us(), time.monotonic(), sent()
    most, turn = memory, 0
    while ledger.waiting > 0 or sent() < wanted:
        await asyncio.sleep(0.05)
        if (turn := turn + 1) % 20 == 0:  # looking costs time that is measured
            most = max(most, resident_kb())
    used, took_s = worked_us(), time.monotonic() - begun
    most = max(most, resident_kb())  # before the times of all messages come here
    counts, times = there.heard()
    assert counts["MeterValues"] - before == wanted, (counts, before, wanted)
    took = sorted(later - sooner for sooner, later in zip(times[before:], times[before + 1 :], strict=False))
    result = {
        "connected_s": connected_s,
        "cpu_us": (used - worked) / (wanted - first),
        "per_s": (wanted - first) / took_s,
        "median_ms": statistics.median(took) * 1e3,
        "p99_ms": took[round(len(took) * 0.99) - 1] * 1e3,
        "grown_kb": most - memory,
    }
    host.stop()
    await running
    return result


async def package_ocpp(there: Central, count: int) -> float:
    """Processor time (µs) of a MeterValues by the package's own charge point."""
    async with connect(f"{there.url}/ocpp", subprotocols=[Subprotocol("ocpp1.6")], compression=None) as line:
        peer = ChargePoint("ocpp", line)
        listening = asyncio.create_task(peer.start())
        message = call.MeterValues(connector_id=1, meter_value=_snake(VALUES["meterValue"]), transaction_id=1)
        for _ in range(WARM):
            await peer.call(message)
        worked = worked_us()
        for _ in range(count):
            await peer.call(message)
        took = worked_us() - worked
        listening.cancel()
    return took / count


def _snake(values: Any) -> Any:
    return [{"timestamp": one["timestamp"], "sampled_value": one["sampledValue"]} for one in values]


def filled(file: Path, count: int) -> None:
    """A queue of ``count`` messages: one transaction that was offline."""
    database = Database(file)
    ledger = Ledger(database)
    database.begin()
    number = ledger.start(1, {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": NOW})
    for _ in range(count):
        ledger.meter_values(number, VALUES)
    database.commit()
    database.close()


def main() -> int:
    """Print the figures; 1 when a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a tenth of the queue")
    rounds, many = (3, 10_000) if parser.parse_args().quick else (9, 100_000)
    missed = []

    def judge(what: str, value: float, limit: float, unit: str, *, least: bool = False) -> None:
        good = value >= limit if least else value <= limit
        print(f"{what:<58} {value:>9.2f} {unit:<5} (limit {'≥' if least else '≤'} {limit:g})")
        if not good:
            missed.append(what)

    memory, durable, theirs = [], [], []
    with tempfile.TemporaryDirectory() as folder, central() as there:
        for number in range(rounds):
            world = System(RealClock()).world
            memory.append(asyncio.run(charge_point(there, MemoryLedger({}, world), ROUND, ROUND)))
            file = FileLedger({"file": f"{folder}/durable{number}.db"}, world)
            durable.append(asyncio.run(charge_point(there, file, ROUND, ROUND)))
            theirs.append(asyncio.run(package_ocpp(there, ROUND)))
        filled(Path(folder) / "queue.db", many)
        world = System(RealClock()).world
        drained = asyncio.run(charge_point(there, FileLedger({"file": f"{folder}/queue.db"}, world), 0, many))
    judge("connected and registered after READY, at most", max(one["connected_s"] for one in memory), 0.5, "s")
    judge("round trip of a CALL, median", statistics.median(one["median_ms"] for one in memory), 10, "ms")
    judge("round trip of a CALL, 99 %, the worst round", max(one["p99_ms"] for one in memory), 10, "ms")
    told = ", ".join(f"{one:.0f}" for one in sorted(theirs))
    print(f"processor time of a MeterValues, package ocpp: {told} µs")
    for what, ours, limit in (("in memory", memory, 1 / 3), ("in a file", durable, 1)):
        ratios = sorted(one["cpu_us"] / their for one, their in zip(ours, theirs, strict=True))
        told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        times = statistics.median(one["cpu_us"] for one in ours)
        print(f"of it ours {what}: {told}; median {times:.0f} µs")
        judge(f"processor time of a MeterValues, {what}, × ocpp's", statistics.median(ratios), limit, "×")
    judge(f"a queue of {many} messages drains", drained["per_s"], 1000, "/s", least=True)
    judge("and takes memory", drained["grown_kb"], 4096, "kB")
    print(f"missed: {', '.join(missed)}" if missed else "all kept")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
