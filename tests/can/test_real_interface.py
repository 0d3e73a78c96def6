"""The supply's chart on the real clock over an interface of python-can that fails: it opens late, goes bus off,
vanishes. Nothing here waits for a time to pass."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import can
import pytest

import engine
from adapters.can.python_can import PythonCanBus
from adapters.can.roles import PowerModules
from engine.run import System
from engine.run.clock import RealClock
from engine.run.host import Host
from engine.run.observer import Note, StepRecord
from tests.can.faulty import Device, register
from tests.can.racks import charts

OFF = (0x0284F001, "00000000 19 00 02 00")
"""Infypower module 1 says that its output is off."""


class Supply:
    """The chart of modules as one supply, and somebody who has it."""

    def __init__(self, device: Device) -> None:
        supply, _, caller = charts()
        self.system = System(clock=RealClock())
        self.system.observers.append(self)
        self.said: list[str] = []
        self.bus_states: list[str] = []
        world = self.system.world
        self.bus = PythonCanBus({"node": "supply", "interface": "faulty", "channel": device.channel}, world)
        roles = {"bus": self.bus, "modules": PowerModules({"node": "supply", "family": "infy"}, world)}
        # Tried again far sooner than anything here can be opened; what is silent is no part of these tests.
        often: dict[str, Any] = {"addresses": 2, "T_back_off": 1_000_000, "T_back_off_most": 20_000_000}
        self.server = engine.serve(supply, often, roles)
        self.caller = self.system.add(caller, "caller", {}, {"supply": self.server})
        self.host = Host(self.system)

    def step(self, record: StepRecord) -> None:
        """Observer."""
        place = next((s for s in self.states if s.startswith("bus.")), "")
        if place and self.bus_states[-1:] != [place]:
            self.bus_states.append(place)

    def note(self, note: Note) -> None:
        """Observer."""
        if note.kind == "out" and note.text == "told" and note.data["code"] != "stale":
            self.said.append(note.data["text"])

    @property
    def states(self) -> tuple[str, ...]:
        server = self.system.servers.get("caller/supply")
        return server.actor.machine.configuration if server is not None else ()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that comes soon; a busy machine may take long."""
        for _ in range(6000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it did not come: {self.bus_states}, {self.said}")

    async def is_in(self, state: str) -> None:
        await self.until(lambda: state in self.states)


@asynccontextmanager
async def running(device: Device) -> Any:
    supply = Supply(device)
    task = asyncio.create_task(supply.host.run())
    try:
        yield supply
    finally:
        device.may_open.set()
        supply.host.stop()
        await task


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    register(monkeypatch)
    device = Device(f"{os.getpid()}-{random.randrange(1 << 30)}")
    yield device
    device.may_open.set()


def test_an_interface_that_opens_late_is_no_fault(device: Device) -> None:
    """It takes longer than the back-off, and a module speaks as soon as it is open: the supply finds it and complains
    of nothing but its silence later."""

    async def work() -> None:
        device.may_open.clear()
        async with running(device) as supply:
            await supply.is_in("bus.gone")
            # tried again at 1, 3, 7, 15 ms …
            await supply.until(lambda: supply.system.clock.now_ns() > 100_000_000)
            device.says(*OFF)
            device.may_open.set()
            await supply.is_in("bus.there")
            await supply.until(lambda: device.sent)
            device.says(*OFF)
            await supply.until(lambda: supply.bus.received == 2)
            await supply.is_in("output.disabled")
            assert supply.bus_states == ["bus.gone", "bus.there"]
            assert [text for text in supply.said if not text.endswith("module 1: silent")] == []
            assert device.opened == 1

    asyncio.run(work())


@pytest.mark.parametrize("how", ["error frame", "state"])
def test_bus_off_is_the_charts(device: Device, how: str) -> None:
    """Told by an error frame (SocketCAN) or by the interface's state (PCAN, also while frames never cease): the chart
    opens it anew."""

    async def work() -> None:
        async with running(device) as supply:
            await supply.is_in("bus.there")
            if how == "state":
                device.babbles = True
                device.state = can.BusState.PASSIVE
                await supply.until(lambda: supply.bus.state == "error_passive")
                device.babbles = False
                assert "bus.there" in supply.states, "frames still pass"
                device.state = can.BusState.ERROR
            else:
                device.error(0x04, "0020000000000000")
                await supply.until(lambda: supply.bus.state == "error_passive")
                device.error(0x40)
            await supply.until(lambda: "bus.gone" in supply.bus_states[1:])
            device.state = can.BusState.ACTIVE
            await supply.until(lambda: device.opened >= 2)
            await supply.is_in("bus.there")
            await supply.until(lambda: supply.bus.state == "error_active")

    asyncio.run(work())


def test_an_interface_that_vanishes_and_comes_back(device: Device) -> None:
    """Pulled: the chart is told, tries again and again, and goes on when it is back; an order to switch on meanwhile is
    answered with the reason."""

    async def work() -> None:
        async with running(device) as supply:
            await supply.is_in("bus.there")
            device.pull()
            await supply.until(lambda: device.failed >= 3)
            supply.system.post(supply.caller, "on", {})
            await supply.until(lambda: supply.said)
            assert "No such device" in supply.said[0]
            assert "CAN bus: " in supply.said[0]
            device.plug()
            await supply.is_in("bus.there")
            sent = len(device.sent)
            await supply.until(lambda: len(device.sent) > sent)

    asyncio.run(work())
