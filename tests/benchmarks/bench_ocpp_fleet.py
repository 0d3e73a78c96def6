"""``python -m tests.benchmarks.bench_ocpp_fleet``: 2,000 charge points in one process, each with its line, registration
and queue (``ocpp_meter.yaml``), against a central system in another.

Memory of an idle one beyond that of its WebSocket, measured with as many bare connections in a process of their own;
the time from an event to its frame at the central system, while each tells meter values every 10 s and a Heartbeat
every 60 s. Ends with 1 when a limit is missed. ``--points N``, ``--seconds N``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

import engine
from adapters.host.chance import SimulatedChance
from adapters.host.wall_clock import SystemWallClock
from adapters.ocpp.ocpp_ledger import MemoryLedger
from adapters.ocpp.ocpp_settings import MemorySettings
from adapters.ocpp.websocket import WebSocketCentralSystem
from engine.run import RealClock, System
from engine.run.host import Host
from tests.benchmarks.bench_ocpp_delivery import CHART, resident_kb
from tests.benchmarks.ocpp_central import Central, central, more_files

LIMIT_KB, LIMIT_MS = 60.0, 100.0


def bare(url: str, points: int, told: Connection) -> None:
    """As many connections that say nothing."""
    more_files()

    async def talk() -> float:
        lines: list[Any] = [await _line(url)]
        gc.collect()
        before = resident_kb()
        for _ in range(points // 50):
            lines += await asyncio.gather(*(_line(url) for _ in range(50)))
        gc.collect()
        grown = resident_kb() - before
        for line in lines:
            line.transport.abort()
        return grown / (len(lines) - 1)

    told.send(asyncio.run(talk()))


async def _line(url: str) -> Any:
    return await connect(f"{url}/x", subprotocols=[Subprotocol("ocpp1.6")], compression=None, ping_interval=None)


async def fleet(there: Central, points: int, seconds: float) -> tuple[float, float, list[float]]:
    """Memory (kB) of a charge point with its connection, seconds until all are registered, how late frames are (s)."""
    system = System(RealClock())
    chart = engine.load(CHART)

    def add(number: int) -> Any:
        roles = {
            "csms": WebSocketCentralSystem({}, system.world),
            "ledger": MemoryLedger({"charge_point": f"{number}"}, system.world),
            "clock": SystemWallClock({}, system.world),
            "chance": SimulatedChance({}, system.world),
            "settings": MemorySettings({"charge_point": f"{number}"}, system.world),
        }
        return system.add(chart, f"cp{number}", {"url": there.url, "identity": f"CP_{number}"}, roles)

    warm = add(0)
    host = Host(system)
    running = asyncio.create_task(host.run())
    await _registered([warm])
    gc.collect()
    memory, begun = resident_kb(), time.monotonic()
    machines = [add(number) for number in range(1, points + 1)]
    system.start()
    await _registered(machines)
    took = time.monotonic() - begun
    await asyncio.sleep(2)
    gc.collect()
    grown = (resident_kb() - memory) / points
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        system.post(machines[number % points], "read", {"at": time.monotonic_ns()})
        number += 1
        await asyncio.sleep(10 / points)
    await asyncio.sleep(1)
    late = sorted(there.heard()[2])
    host.stop()
    await running
    assert len(late) == number, f"{number} were told, {len(late)} came"
    return grown, took, late


async def _registered(machines: list[Any]) -> None:
    async with asyncio.timeout(300):
        while not all("meter.read" in machine.machine.configuration for machine in machines):
            await asyncio.sleep(0.05)


def main() -> int:
    """Print the figures; 1 when a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    more_files()
    with central() as there:
        mine, its = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=bare, args=(there.url, chosen.points, its))
        process.start()
        line_kb = mine.recv()
        process.join()
        whole_kb, took, late = asyncio.run(fleet(there, chosen.points, chosen.seconds))
    p99_ms = late[round(len(late) * 0.99) - 1] * 1000
    own_kb, median_ms = whole_kb - line_kb, late[len(late) // 2] * 1000
    print(f"{chosen.points} charge points registered in {took:.1f} s")
    print(f"memory of an idle one beyond its WebSocket ({line_kb:.1f} kB): {own_kb:.1f} kB (limit {LIMIT_KB:g})")
    print(f"from an event to its frame: median {median_ms:.1f} ms, 99 % {p99_ms:.1f} ms (limit {LIMIT_MS:g})")
    return int(own_kb > LIMIT_KB or p99_ms > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
