"""``python -m tests.benchmarks.bench_ocpp_station``: when a charge point is connected after READY, and what its process
takes of a core while it charges.

A site of one DC outlet on CAN modules, all charts of machines/ocpp, its store in a file, MeterValues every 10 s.
The vehicle (CurrentDemand at 4 Hz over a veth pair), four modules on ``udp_multicast`` and the central system are
processes of their own, in network namespaces. The station is measured at its second start: the first, before there is
a central system, compiles and keeps its charts, whatever ``PYTHONDONTWRITEBYTECODE`` says here. Needs root. Ends with
1 when a limit is missed. ``--loops N`` requests.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.bench_station import PERIOD_S, cpu_s, rss_mb, times, vehicle
from tests.charge.josev import Process
from tests.slac import netns

LIMIT, LIMIT_S = 0.10, 0.5
BUS = {"use": "python_can", "interface": "udp_multicast", "channel": "239.74.163.2", "options": "port=43113"}
CENTRAL = "127.0.0.1:9016"
STORED = ("ledger", "settings", "cards", "profiles", "availability", "reservations", "job", "store")
OUTLET = {
    "medium": "ethernet",
    "adapters.sdp.medium": "wire",
    "adapters.v2g.medium": "wire",
    "adapters.supply.use": "modules",
    "adapters.supply.adapters.modules.family": "infy",
    "adapters.meter.use": "modules",
    "adapters.meter.adapters.modules.family": "infy",
    **{f"adapters.supply.adapters.bus.{key}": value for key, value in BUS.items()},
}


def measured(names: dict[str, str], folder: Path, loops: int) -> dict[str, float]:
    """``connected_s``: until it has told a status; ``idle``, ``charging``: parts of a core; ``mb`` of memory; ``told``:
    MeterValues while it charged."""
    at = names["station"]
    netns.ip("-n", at, "link", "set", "lo", "up", "multicast", "on")
    netns.ip("-n", at, "route", "add", "239.0.0.0/8", "dev", "lo")
    python = sys.executable
    rack = [python, "-m", "adapters.can", "modules", "--kind", "infy", "--count", "4"]
    rack += ["--interface", BUS["interface"], "--channel", BUS["channel"], "--options", BUS["options"]]
    sets = [f"outlet.{key}={value}" for key, value in OUTLET.items()]
    sets += [f"ocpp.url=ws://{CENTRAL}", "outlets=1", "ocpp.adapters.settings.MeterValueSampleInterval=10 s"]
    sets += [f"ocpp.adapters.{role}.use=sqlite" for role in STORED]
    sets += [f"ocpp.adapters.{role}.file={folder}/charge_point.db" for role in STORED]
    station = [python, "-m", "engine", "run", "machines/charge_point.yaml", "--iface", "cable0"]
    station += ["--quiet", *(word for one in sets for word in ("--set", one))]
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
    kept["CHARGECHART_CACHE"] = f"{folder}/charts"
    with contextlib.ExitStack() as running:

        def started(name: str, command: list[str], ready: str) -> Process:
            process = running.enter_context(Process(at, command, folder / f"{name}.log", kept))
            process.until(ready, 60, 0.005)
            return process

        def heard(text: str) -> None:
            end = time.monotonic() + 60
            while text not in central.read_text():
                assert time.monotonic() < end, f"no {text!r} in {central.read_text()[-1000:]}"
                time.sleep(0.005)

        started("modules", rack, "READY")
        started("station", station, "READY").stop()
        central = folder / "central.log"
        process = subprocess.Popen(
            ["ip", "netns", "exec", at, python, "-m", "adapters.ocpp.csms", "--listen", CENTRAL],
            stdin=subprocess.PIPE,  # it ends with its input
            stdout=running.enter_context(central.open("w")),
        )
        running.callback(process.wait)
        running.callback(process.terminate)
        charge_point = started("station", station, "READY")
        ready = time.monotonic()
        heard("connector 0 Available")
        connected_s = time.monotonic() - ready
        time.sleep(5)
        worked, begun = cpu_s(charge_point.pid), time.monotonic()
        time.sleep(5)
        idle = (cpu_s(charge_point.pid) - worked) / (time.monotonic() - begun)
        car = vehicle(names["vehicle"], "cable1", loops, "--any-voltage")
        heard("connector 1 Charging")
        told = central.read_text().count(" Energy.Active")
        worked, begun = cpu_s(charge_point.pid), time.monotonic()
        time.sleep(max(10.0, loops * PERIOD_S - 10))
        charging = (cpu_s(charge_point.pid) - worked) / (time.monotonic() - begun)
        told = central.read_text().count(" Energy.Active") - told
        memory = rss_mb(charge_point.pid)
        times(car)
    assert told > 0
    return {"connected_s": connected_s, "idle": idle, "charging": charging, "mb": memory, "told": told}


def main() -> int:
    """Print the figures; 1 when the limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loops", type=int, default=240)
    loops = parser.parse_args().loops
    if reason := netns.missing():
        raise SystemExit(reason)
    ends = (("cable0", "station"), ("cable1", "vehicle"))
    with tempfile.TemporaryDirectory() as folder, netns.namespaces(*ends) as names:
        found = measured(names, Path(folder), loops)
    print(f"connected after READY: {found['connected_s']:.2f} s (limit {LIMIT_S:g} s)")
    print(f"a charge point at rest: {found['idle']:.1%} of a core, {found['mb']:.0f} MB")
    print(f"charging, {found['told']:.0f} MeterValues: {found['charging']:.1%} of a core (limit {LIMIT:.0%})")
    return int(found["charging"] > LIMIT or found["connected_s"] > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
