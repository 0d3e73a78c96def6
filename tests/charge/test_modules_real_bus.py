"""A whole charge with each make of modules on a bus of python-can and on the real clock: its threads, its queues, what
the virtual clock cannot show. The frames are those of tests/charge/test_modules.py, where times are held."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import can
import pytest

import engine
from adapters.can.simulators import SPEAKERS
from adapters.registry import REGISTRY
from engine.run import System
from engine.run.clock import RealClock
from engine.run.host import Host
from engine.run.observer import Note, StepRecord
from engine.run.station import Overrides, build, resolve

ENDS = ("adapters.supply.adapters.bus", "modules.adapters.bus")
SHORT = (
    "pev.adapters.battery.soc=40.99",
    "pev.stop_at_soc=41 %",
    "supply.addresses=2",
    "modules.adapters.rack.count=2",
)
PATIENT = (
    "contactor.T_dead_man=30 s",
    "output.T_contactor=5 s",
    "output.T_discharge=5 s",
    "supply.T_silence=30 s",
    "supply.module.T_stale=30 s",
    "pev.session.dialogue.T_pilot_and_lock=30 s",
    "pev.session.dialogue.V2G_EVCC_Msg_Timeout=30 s",
    "pev.session.dialogue.V2G_EVCC_Msg_Timeout_PowerDelivery=30 s",
    "pev.session.dialogue.V2G_EVCC_Msg_Timeout_CurrentDemand=30 s",
)
"""This computer may be busy with something else."""


class Charge:
    """One session of the station with the modules of a make, until its result has been told."""

    def __init__(self, kind: str, interface: str, channel: str, options: str = "") -> None:
        bus = {"use": "python_can", "interface": interface, "channel": channel, "options": options}
        sets = [f"{end}.{key}={value}" for end in ENDS for key, value in bus.items() if value]
        overrides = Overrides((f"supply={kind}", *sets, *SHORT, *PATIENT), {}, {"link": "ethernet"})
        station = resolve(Path("machines/evse_dc.yaml"), None, overrides, REGISTRY, engine.load)
        self.system = System(clock=RealClock())
        self.system.observers.append(self)
        self.results: list[dict[str, Any]] = []
        self.alarms: list[str] = []
        self.late = False
        self.errors: list[str] = []
        build(station, self.system, REGISTRY)

    def step(self, record: StepRecord) -> None:
        """Observer."""
        if record.event is not None and record.event.name == "supply.alarm":
            self.alarms.append(str(record.event.data))

    def note(self, note: Note) -> None:
        """Observer."""
        if note.kind == "out" and note.path == "evse" and note.text == "session_ended":
            self.results.append(dict(note.data))
        elif note.kind == "host_late":
            self.late = True
        elif note.kind in ("machine_failed", "queue_full", "invariant"):
            self.errors.append(f"{note.path}: {note.text}")

    @property
    def went_well(self) -> bool:
        """Some energy, and nobody complained."""
        ends = [result["end"] for result in self.results if result["energy"] > 1.0]
        return ends == ["normal"] and self.alarms == self.errors == []

    async def run(self) -> Charge:
        await Host(self.system).run(lambda: bool(self.results))
        return self


def charge(*makes: Callable[[], Charge]) -> None:
    """All of them at once: they wait for the clock. What fails while this computer had no time for it is tried again,
    twice at most; what fails although it had is a failure."""
    charges = asyncio.run(together([make() for make in makes]))
    for make, one in zip(makes, charges, strict=True):
        for _ in range(2):
            if not one.went_well and one.late:
                (one,) = asyncio.run(together([make()]))
        assert one.results, one.errors
        assert (one.results[0]["end"], one.results[0]["reason"]) == ("normal", "")
        assert one.results[0]["energy"] > 1.0
        assert one.alarms == one.errors == []


async def together(charges: list[Charge]) -> list[Charge]:
    return list(await asyncio.gather(*(one.run() for one in charges)))


def virtual(kind: str) -> Charge:
    """On python-can's ``virtual`` bus."""
    return Charge(kind, "virtual", f"charge-{kind}-{os.getpid()}-{random.randrange(1 << 30)}")


def multicast_port() -> int:
    """Of a bus that two programs of one computer share; skips where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]

    def bus() -> can.BusABC:
        return can.Bus("239.74.163.2", "udp_multicast", port=port)

    try:
        with bus() as one, bus() as other:
            one.send(can.Message(arbitration_id=1))
            if other.recv(5) is None:
                pytest.skip("UDP multicast does not come back on this machine")
    except (can.CanError, OSError) as error:
        pytest.skip(f"no UDP multicast on this machine: {error}")
    return int(port)


def multicast(kind: str) -> Charge:
    """On the bus that two programs of one computer share."""
    return Charge(kind, "udp_multicast", "239.74.163.2", f"port={multicast_port()}")


MAKES = sorted(SPEAKERS)


@pytest.mark.parametrize("kinds", [MAKES[at : at + 3] for at in range(0, len(MAKES), 3)], ids=" ".join)
def test_charges_on_a_bus_of_python_can(kinds: list[str]) -> None:
    """Each make, from the plug to the result."""
    charge(*(partial(virtual, kind) for kind in kinds))


def test_charges_over_udp_multicast() -> None:
    """Two stations on two buses, whose nodes also hear what they send themselves."""
    charge(partial(multicast, "infy"), partial(multicast, "uu"))


def test_a_charge_on_vcan() -> None:
    """SocketCAN, where somebody has made vcan0: ``ip link add vcan0 type vcan; ip link set vcan0 up``."""
    if not Path("/sys/class/net/vcan0").exists():
        pytest.skip("no vcan0 on this machine")
    charge(partial(Charge, "infy", "socketcan", "vcan0"))


def documented(beginning: str) -> list[str]:
    """The words of the one command in docs/can.md that begins so."""
    text = Path("docs/can.md").read_text("utf-8")
    (line,) = re.findall(rf"^\$ ({re.escape(beginning)}.*udp_multicast.*)$", text, re.MULTILINE)
    return shlex.split(line)


def test_modules_in_a_process_of_their_own_charge_the_simulated_vehicle() -> None:
    """The two commands of docs/can.md, each in its process, with nothing between them but frames."""
    port = multicast_port()
    modules = [sys.executable, *documented("python -m adapters.can modules")[1:], "--options", f"port={port}"]
    station = [sys.executable, "-m", "engine", *documented("engine run machines/evse_dc.yaml")[1:]]
    patient = (one for one in PATIENT if "T_discharge" not in one)  # the program ends when the connector is released
    sets = (f"adapters.supply.adapters.bus.options=port={port}", "pev.adapters.battery.soc=41.95", *patient)
    station += ["--plain", "--quiet", *(word for one in sets for word in ("--set", one))]
    with subprocess.Popen(modules, stdout=subprocess.PIPE, text=True) as rack:
        try:
            assert rack.stdout is not None
            assert rack.stdout.readline().startswith("READY")
            ran = subprocess.run(station, capture_output=True, text=True, timeout=180, check=False)
        finally:
            rack.terminate()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (energy,) = re.findall(r"end=normal, .*energy=([\d.]+) Wh", ran.stdout)
    assert 10.0 < float(energy) < 200.0, "0.05 % of 60 kWh, and what flows until it has stopped"
