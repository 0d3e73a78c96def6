"""A whole charge with each make of modules on a bus of python-can and on the real clock: its threads, its queues, what
the virtual clock cannot show. The frames are those of tests/charge/test_modules.py, where times are held."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from pathlib import Path
from typing import Any

import can
import pytest

import engine
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
        elif note.kind in ("machine_failed", "queue_full", "invariant"):
            self.errors.append(f"{note.path}: {note.text}")

    async def run(self) -> Charge:
        await Host(self.system).run(lambda: bool(self.results))
        return self


def charge(*charges: Charge) -> None:
    """All of them at once: they wait for the clock."""

    async def together() -> None:
        await asyncio.gather(*(one.run() for one in charges))

    asyncio.run(together())
    for one in charges:
        (result,) = one.results
        assert (result["end"], result["reason"]) == ("normal", "")
        assert result["energy"] > 1.0
        assert one.alarms == one.errors == []


def virtual(kind: str) -> Charge:
    """On python-can's ``virtual`` bus."""
    return Charge(kind, "virtual", f"charge-{kind}-{os.getpid()}-{random.randrange(1 << 30)}")


def multicast(kind: str) -> Charge:
    """On the bus that two programs of one computer share; skips where there is none."""
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
    return Charge(kind, "udp_multicast", "239.74.163.2", f"port={port}")


@pytest.mark.parametrize("kinds", [("infy", "maxwell", "uu"), ("huawei", "tonhe")], ids=" ".join)
def test_charges_on_a_bus_of_python_can(kinds: tuple[str, ...]) -> None:
    """Each make, from the plug to the result."""
    charge(*map(virtual, kinds))


def test_charges_over_udp_multicast() -> None:
    """Two stations on two buses, whose nodes also hear what they send themselves."""
    charge(multicast("infy"), multicast("uu"))


def test_a_charge_on_vcan() -> None:
    """SocketCAN, where somebody has made vcan0: ``ip link add vcan0 type vcan; ip link set vcan0 up``."""
    if not Path("/sys/class/net/vcan0").exists():
        pytest.skip("no vcan0 on this machine")
    charge(Charge("infy", "socketcan", "vcan0"))
