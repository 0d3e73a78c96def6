"""``python -m tests.benchmarks.bench_can_poll``: what it costs to look after 24 power modules.

``machines/power/supply.yaml`` on the real clock over ``udp_multicast``; the modules are in another process
(``python -m adapters.can modules``). Processor time of this process while all are at rest and asked each second, and
each 100 ms. Ends with 1 when a second takes more than 5 % of a core.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from typing import Any

import engine
from adapters.can.python_can import PythonCanBus
from adapters.can.roles import PowerModules
from engine.run import System
from engine.run.clock import RealClock
from engine.run.host import Host

GROUP = "239.74.163.2"
COUNT = 24
LIMIT = 0.05
SECONDS = 5.0
CALLER = "machine: caller\nadapters: {supply: power_supply}\nexit: supply.off()\nstates: {here: {}}\n"


async def cost(port: int, period_s: float) -> tuple[float, int]:
    """Part of a core, and frames received in a second, with each module asked in ``period_s``."""
    settings = {"node": "supply", "interface": "udp_multicast", "channel": GROUP, "options": f"port={port}"}
    system = System(clock=RealClock())
    bus = PythonCanBus(settings, system.world)
    roles = {"bus": bus, "modules": PowerModules({"node": "supply", "family": "infy"}, system.world)}
    parameters: dict[str, Any] = {"addresses": COUNT, "first_address": 0, "T_question": round(1e9 * period_s / COUNT)}
    supply = engine.serve(engine.load("machines/power/supply.yaml"), parameters, roles)
    system.add(engine.load_text(CALLER), "caller", {}, {"supply": supply})
    host = Host(system)
    running = asyncio.create_task(host.run())
    await asyncio.sleep(0.5)  # it has begun
    data = system.servers["caller/supply"].actor.machine.data
    while data["ready"] < COUNT:
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    before, cpu, start = bus.received, time.process_time(), time.monotonic()
    await asyncio.sleep(SECONDS)
    seconds = time.monotonic() - start
    found = (time.process_time() - cpu) / seconds, round((bus.received - before) / seconds)
    host.stop()
    await running
    return found


def main() -> int:
    """Print the figures; 1 when the limit is missed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    there = ["--kind", "infy", "--count", str(COUNT), "--interface", "udp_multicast", "--channel", GROUP]
    modules = subprocess.Popen(
        [sys.executable, "-m", "adapters.can", "modules", *there, "--options", f"port={port}"],
        stdout=subprocess.DEVNULL,
    )
    try:
        slow = 0.0
        for period_s in (1.0, 0.1):
            part, frames = asyncio.run(cost(port, period_s))
            slow = slow or part
            print(f"{COUNT} modules asked each {period_s:g} s: {100 * part:.1f} % of a core, {frames} frames a second")
    finally:
        modules.terminate()
        modules.wait()
    return int(slow > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
