"""``python -m tests.benchmarks.bench_ocpp_fleet``: 2,000 charge points in one process, each with all charts of
machines/ocpp, a stand-in outlet and everything in memory, against a central system in another process.

Memory of an idle one beyond that of its WebSocket, measured with as many bare connections in a process of their own.
Then all charge, with meter values every 10 s and a Heartbeat every 60 s, and 20 vehicles a second stop or go on drawing
current: the time from that event to the StatusNotification at the central system. Ends with 1 when a limit is missed.
``--points N``, ``--seconds N``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from adapters.host.wall_clock import SystemWallClock
from adapters.ocpp.websocket import WebSocketCentralSystem
from engine.run import RealClock, System
from engine.run.actor import Actor
from engine.run.host import Host
from tests.benchmarks.bench_ocpp_delivery import resident_kb
from tests.benchmarks.ocpp_central import Central, central, more_files
from tests.ocpp.charge_point import CHART as WHOLE
from tests.ocpp.charge_point import chart, rest
from tests.ocpp.outlets import StandInOutlets

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


async def fleet(there: Central, points: int, seconds: float) -> dict[str, Any]:
    """``kb``: memory of a charge point with its connection; ``took_s``: until all were registered; ``late_s``: how
    late each frame was; ``busy``: processor time a second, while all charge; ``meter``: MeterValues a second."""
    system = System(RealClock())

    def add(number: int) -> Actor:
        roles: dict[str, Any] = {
            "csms": WebSocketCentralSystem({}, system.world),
            "clock": SystemWallClock({}, system.world),
            "outlets": StandInOutlets({}, system.world),
        }
        rest(roles, system.world, name=f"{number}", MeterValueSampleInterval=10 * 10**9)
        return system.add(charge_point, f"cp{number}", {"url": there.url, "identity": f"CP_{number}"}, roles)

    charge_point = chart(WHOLE)
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
    kb = (resident_kb() - memory) / points
    gc.freeze()  # as engine run does: what was made at the start stays to the end

    outlets: list[Any] = [machine.roles["outlets"].adapter for machine in machines]
    for one in outlets:
        one.plug(1)
        one.card(1, "CARD")
        await asyncio.sleep(60 / points)  # a session's start costs more than its meter values
    async with asyncio.timeout(120):
        while sum(status == "Charging" for _, status in there.statuses()) < points:
            await asyncio.sleep(1)
    worked, begun, metered = os.times(), time.monotonic(), there.heard()[0]["MeterValues"]
    when: dict[tuple[str, str], float] = {}
    for number in range(round(seconds * 20)):
        at = number % points
        draws = bool(number // points % 2)
        when[f"/CP_{at + 1}", "Charging" if draws else "SuspendedEV"] = time.monotonic()
        outlets[at].draw(1, draws)
        await asyncio.sleep(1 / 20)
    spent, used = time.monotonic() - begun, os.times()
    metered = there.heard()[0]["MeterValues"] - metered
    await asyncio.sleep(2)
    told = there.statuses()
    host.stop()
    await running
    assert system.failures == []
    return {
        "kb": kb,
        "took_s": took,
        "late_s": sorted(told[event] - time_s for event, time_s in when.items()),
        "busy": (used.user + used.system - worked.user - worked.system) / spent,
        "meter": metered / spent,
    }


async def _registered(machines: list[Actor]) -> None:
    async with asyncio.timeout(300):
        for machine in machines:
            while not _is_registered(machine):
                await asyncio.sleep(0.05)


def _is_registered(machine: Actor) -> bool:
    registration = machine.children.get(("registration", None))
    return registration is not None and "registered" in registration.machine.configuration


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
        found = asyncio.run(fleet(there, chosen.points, chosen.seconds))
    late = found["late_s"]
    p99_ms = late[round(len(late) * 0.99) - 1] * 1000
    own_kb, median_ms = found["kb"] - line_kb, late[len(late) // 2] * 1000
    print(f"{chosen.points} charge points registered in {found['took_s']:.1f} s")
    print(f"memory of an idle one beyond its WebSocket ({line_kb:.1f} kB): {own_kb:.1f} kB (limit {LIMIT_KB:g})")
    print(f"all charge: {found['meter']:.0f} MeterValues a second, {found['busy']:.0%} of a core")
    print(f"from an event to its frame: median {median_ms:.1f} ms, 99 % {p99_ms:.1f} ms (limit {LIMIT_MS:g})")
    return int(own_kb > LIMIT_KB or p99_ms > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
