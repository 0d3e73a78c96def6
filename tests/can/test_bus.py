"""The bus and the roles on it, without a chart: simulated on a virtual clock, and over python-can's own interfaces."""

from __future__ import annotations

import asyncio
import copy
import errno
import os
import random
import select
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import can
import pytest
from can.interfaces.udp_multicast.utils import pack_message

from adapters.can.frame import Frame
from adapters.can.python_can import MOST_RECEIVED, PythonCanBus, no_message, parse_options, state_of
from adapters.can.roles import (
    SIDES,
    DalyHost,
    ElconBattery,
    ElconCharger,
    GbtBattery,
    GbtCharger,
    PowerModules,
    contract_text,
    parse_profile,
)
from adapters.can.simulated import MOST_WAITING, SimulatedCanBus
from adapters.registry import IMPLEMENTATIONS
from engine.adapter import Adapter, AdapterError, ConfigurationError, World
from tests.slac.real_port import RealPort
from tests.slac.virtual_host import ADAPTERS, Clock, VirtualPort

MS = 1_000_000
GROUP = "239.74.163.2"


class Bench:
    """A simulated bus with nodes; each has its role ``can_bus`` and others."""

    def __init__(self, bitrate: int = 125_000) -> None:
        self.world, self.clock, self.bitrate = World(), Clock(), bitrate

    def bus(self, node: str, frames: str = "") -> tuple[SimulatedCanBus, VirtualPort]:
        adapter = SimulatedCanBus({"node": node, "frames": frames, "bitrate": self.bitrate}, self.world)
        port = VirtualPort(adapter, self.clock, f"{node}.bus")
        adapter.connect()
        self.clock.advance(0)
        return adapter, port

    def role(self, kind: type[Adapter], node: str, **settings: Any) -> tuple[Any, VirtualPort]:
        adapter = kind({"node": node, **settings}, self.world)
        return adapter, VirtualPort(adapter, self.clock, f"{node}.role")


def test_orders_reach_a_module_and_readings_come_back() -> None:
    """The controller's orders are frames on the bus; what a module answers is a reading, a status or a misfit."""
    bench = Bench()
    controller, _ = bench.bus("evse")
    module, heard = bench.bus("module", "02000000/1E000000")
    modules, told = bench.role(PowerModules, "evse", family="infy")
    modules.set(module=1, voltage=400.0, current=25.0)
    modules.on(module=1)
    bench.clock.advance(10 * MS)
    assert [(e["id"], e["data"].hex()) for e in heard.named("frame")] == [
        (0x029C01F0, "00061a80000061a8"),
        (0x029A01F0, "0000000000000000"),
    ]
    for can_id, data in (
        (0x0283F001, "43C80000 41C80000"),
        (0x0284F001, "00000000 19 00 03 00"),
        (0x0283F001, "7FC00000 41C80000"),
        (0x1E9AF001, "01000000 00000000"),
        (0x049AF001, "01000000 00000000"),
        (0x1806E5F4, "00"),  # somebody else's
    ):
        module.send(id=can_id, data=bytes.fromhex(data))
    bench.clock.advance(10 * MS)
    none = dict.fromkeys(("maximum_voltage", "minimum_voltage", "maximum_current", "maximum_power"))
    assert told.named("reading") == [
        {"module": 1, "voltage": 400.0, "current": 25.0, "temperature": None, **none},
        {"module": 1, "voltage": None, "current": None, "temperature": 25.0, **none},
    ]
    assert told.named("status") == [{"module": 1, "output": "off", "alarms": ["output_off", "fault"]}]
    assert [event["reason"] for event in told.named("misfit")] == ["output: voltage is nan"]
    assert told.named("taken") == [{"module": 1, "what": "switch_taken"}]
    assert (controller.received, module.received, controller.sent) == (6, 2, 2)


@pytest.mark.parametrize("first", ["bus", "modules"])
def test_modules_that_were_left_on_are_told_off_at_the_end(first: str) -> None:
    """Adapters are closed in any order: what was ordered on and never off gets one last "off", the others none."""
    bench = Bench()
    controller, _ = bench.bus("evse")
    _, heard = bench.bus("module", "029A00F0/1FFF00FF")
    modules, _ = bench.role(PowerModules, "evse", family="infy")
    for module in (1, 2, 3):
        modules.on(module=module)
    modules.off(module=2)
    bench.clock.advance(20 * MS)
    before = len(heard.named("frame"))
    for adapter in (controller, modules) if first == "bus" else (modules, controller):
        adapter.close()
    bench.clock.advance(20 * MS)
    last = [(event["id"] >> 8 & 0xFF, event["data"][0]) for event in heard.named("frame")[before:]]
    assert last == [(1, 1), (3, 1)]
    assert not modules.left_on


def test_refusals_and_states_of_other_makes() -> None:
    """Maxwell's refusal and TonHe's fault are told by the same events."""
    bench = Bench()
    bench.bus("evse")
    module, _ = bench.bus("module")
    _, maxwell = bench.role(PowerModules, "evse", family="maxwell")
    _, tonhe = bench.role(PowerModules, "evse", family="tonhe")
    module.send(id=0x060F8008, data=bytes.fromhex("41F2002100000000"))
    module.send(id=0x1801A005, data=bytes.fromhex("1188130410800800"))
    bench.clock.advance(10 * MS)
    assert maxwell.named("refused") == [{"module": 1, "what": "not_done refused"}]
    assert tonhe.named("status") == [{"module": 5, "output": "fault", "alarms": ["bit_7", "bit_11"]}]
    assert [(e["voltage"], e["current"]) for e in tonhe.named("reading")] == [(500.0, 41.0)]


def test_frames_take_their_time_and_the_lowest_identifier_goes_first() -> None:
    """A frame of 29 bits and 8 octets takes 131 bits; of two that wait at once the lower identifier wins."""
    bench = Bench(500_000)
    _, heard = bench.bus("evse", "00000000/0")
    one, _ = bench.bus("one")
    two, _ = bench.bus("two")
    one.send(id=0x18000000, data=bytes(8))
    one.send(id=0x18000001, data=bytes(8))
    two.send(id=0x10000000, data=b"")
    bench.clock.advance(131 * 2000 - 1)
    assert heard.named("frame") == []
    bench.clock.advance(1)
    assert len(heard.named("frame")) == 1
    bench.clock.advance(MS)
    assert [event["id"] for event in heard.named("frame")] == [0x18000000, 0x10000000, 0x18000001]


def test_nobody_acknowledges() -> None:
    """Alone on the bus: error passive with that reason; what is too much is told, the newest set point takes the place
    of an older one; frames go when somebody is there."""
    bench = Bench()
    alone, told = bench.bus("evse")
    modules, _ = bench.role(PowerModules, "evse", family="infy")
    for volts in range(400, 400 + MOST_WAITING + 6):
        modules.set(module=1, voltage=float(volts), current=1.0)
    modules.off(module=1)
    bench.clock.advance(0)
    (state,) = told.named("bus_state")
    assert state["state"] == alone.state == "error_passive"
    assert "nobody acknowledges" in state["reason"]
    (failed,) = {(e["reason"], e["id"]) for e in told.named("send_failed") if e["id"] == 0x029A01F0}
    assert failed == ("full", 0x029A01F0)
    _, heard = bench.bus("module", "029C01F0")
    bench.clock.advance(100 * MS)
    assert alone.sent == MOST_WAITING
    assert alone.state == "error_active"
    assert len(heard.named("frame")) == MOST_WAITING


def test_a_pulled_adapter_and_bus_off_are_events_and_connecting_begins_anew() -> None:
    """Nothing is sent while the interface is away; the chart is told why, and connects again when it wants to."""
    bench = Bench()
    bus, told = bench.bus("evse")
    other, _ = bench.bus("module")
    modules, _ = bench.role(PowerModules, "evse", family="uu")
    bus.wire.pull(bus.simulated_link)
    assert told.named("lost") == [{"reason": "the adapter was pulled"}]
    assert not bus.is_connected
    with pytest.raises(AdapterError, match="not connected"):
        modules.off(module=0)
    bus.connect()
    bench.clock.advance(0)
    assert len(told.named("connected")) == 2
    modules.off(module=0)
    bench.clock.advance(5 * MS)
    assert other.received == 1
    bus.wire.fail(bus.simulated_link)
    assert told.named("bus_state")[-1]["state"] == "bus_off"
    with pytest.raises(AdapterError, match="not connected"):
        modules.off(module=0)


def test_battery_and_charger_hear_one_another() -> None:
    """The messages of one side are the events of the other: ELCON in single frames, GB/T 27930 also in long ones."""
    bench = Bench(250_000)
    bench.bus("charger")
    bench.bus("car")
    charger, charger_told = bench.role(ElconCharger, "charger")
    battery, battery_told = bench.role(ElconBattery, "car")
    battery.command(maximum_voltage=84.0, maximum_current=30.0, control="charge")
    charger.status(voltage=71.5, current=29.5, flags=["overtemperature"])
    bench.clock.advance(10 * MS)
    assert charger_told.named("command") == [
        {"charger": 0xE5, "maximum_voltage": 84.0, "maximum_current": 30.0, "control": "charge", "mode": 0}
    ]
    assert battery_told.named("status") == [
        {"charger": 0xE5, "voltage": 71.5, "current": 29.5, "flags": ["overtemperature"]}
    ]
    with pytest.raises(AdapterError, match="'control'"):
        battery.command(maximum_voltage=84.0, maximum_current=30.0, control="melt")
    _, gbt_charger = bench.role(GbtCharger, "charger")
    car, gbt_car = bench.role(GbtBattery, "car")
    car.brm(chemistry="lithium_iron_phosphate", capacity=60.0, rated_voltage=72.0, vin="W0L000051T2123456")
    car.bcl(voltage=84.0, current=-30.0, mode="constant_current")
    bench.clock.advance(100 * MS)
    (brm,) = gbt_charger.named("brm")
    assert (brm["vin"], brm["capacity"], brm["version_major"]) == ("W0L000051T2123456", 60.0, 1)
    assert [event["current"] for event in gbt_charger.named("bcl")] == [-30.0]
    assert gbt_car.named("misfit") == gbt_charger.named("misfit") == []


def test_a_broken_message_is_a_misfit_of_its_role() -> None:
    """A pack that answers with too few octets, and a transport packet out of nowhere: told, not believed."""
    bench = Bench()
    bench.bus("evse")
    pack, _ = bench.bus("pack")
    _, daly = bench.role(DalyHost, "evse")
    _, gbt = bench.role(GbtCharger, "evse")
    pack.send(id=0x18904001, data=bytes(3))
    pack.send(id=0x1CEB56F4, data=bytes(8))
    bench.clock.advance(10 * MS)
    assert daly.named("misfit") == [
        {"id": 0x18904001, "data": bytes(3), "reason": "pack: 3 octets instead of 8", "count": 1}
    ]
    assert ["not begun" in event["reason"] for event in gbt.named("misfit")] == [True]


def test_what_is_no_frame_and_no_setting_is_refused() -> None:
    """Identifiers with too many bits, too much data, wrong settings: said with what would do."""
    bench = Bench()
    bus, _ = bench.bus("evse")
    with pytest.raises(AdapterError, match="29 bits"):
        bus.send(id=1 << 29, data=b"")
    with pytest.raises(AdapterError, match="11 bits"):
        bus.send(id=0x800, data=b"", extended=False)
    with pytest.raises(AdapterError, match="8 octets"):
        bus.send(id=1, data=bytes(9))
    with pytest.raises(ConfigurationError, match="XYZ"):
        SimulatedCanBus({"frames": "XYZ"}, World())
    with pytest.raises(ConfigurationError, match="colour"):
        PowerModules({"family": "infy", "profile": "colour=1"}, World())
    with pytest.raises(ConfigurationError, match="KEY=NUMBER"):
        parse_profile("group")
    assert parse_profile("protocol=0x21, current_limit_scale=30.5") == {"protocol": 33.0, "current_limit_scale": 30.5}
    with pytest.raises(ConfigurationError, match="KEY=VALUE"):
        parse_options("fast")
    assert parse_options("port=43113, fd=no, t=0.5, s=x") == {"port": 43113, "fd": False, "t": 0.5, "s": "x"}
    second = SimulatedCanBus({"node": "evse"}, bench.world)
    with pytest.raises(AdapterError, match="one owns the bus"):
        VirtualPort(second, bench.clock, "evse.second")


@pytest.mark.parametrize("contract", SIDES)
def test_contracts_are_those_of_the_tables(contract: str) -> None:
    """A table that was changed changes its contract: python -m adapters.can contracts writes them."""
    assert (ADAPTERS / "can" / f"{contract}.contract.yaml").read_text("utf-8") == contract_text(contract)
    assert contract in IMPLEMENTATIONS


@pytest.mark.parametrize(
    ("classes", "data", "state"),
    [
        (0x40, "0000000000000000", "bus_off"),
        (0x04, "0010000000000000", "error_passive"),
        (0x04, "0020000000000000", "error_passive"),
        (0x04, "0040000000000000", "error_active"),
        (0x100, "0000000000000000", "error_active"),
        (0x20, "0000000000000000", "error_passive"),
        (0x04, "0004000000000000", None),
        (0x02, "", None),
    ],
)
def test_error_frames_of_socketcan(classes: int, data: str, state: str | None) -> None:
    """linux/can/error.h: bus off, error passive of receiver and sender, back to active, restarted, no
    acknowledgement."""
    found = state_of(classes, bytes.fromhex(data))
    assert (found[0] if found else None) == state


# ---------------------------------------------------------------------------------------------- real python-can


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something that comes soon; a busy machine may take long."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


def real(channel: str, interface: str = "virtual", **settings: Any) -> tuple[PythonCanBus, RealPort, World]:
    world = World()
    adapter = PythonCanBus(
        {"node": "evse", "interface": interface, "channel": channel, "frames": "00000000/0, 0/0", **settings}, world
    )
    return adapter, RealPort(adapter, "evse.bus"), world


def unique() -> str:
    return f"test-{os.getpid()}-{random.randrange(1 << 30)}"


async def frames_both_ways(channel: str, interface: str) -> None:
    """Frames of both kinds of identifiers go through a real bus of python-can in order, and orders of a role as
    well."""
    bus, port, world = real(channel, interface)
    bus.connect()
    await until(lambda: port.named("connected"))
    modules = PowerModules({"node": "evse", "family": "tonhe"}, world)
    told = RealPort(modules, "evse.modules")
    with can.Bus(channel, interface) as peer:
        for number in range(500):
            peer.send(can.Message(arbitration_id=number, data=bytes((number % 256,)), is_extended_id=number % 2 == 0))
        peer.send(can.Message(arbitration_id=0x1801A005, data=bytes.fromhex("0188130410000000")))
        await until(lambda: told.named("status"))
        assert [event["id"] for event in port.named("frame")] == [*range(500), 0x1801A005]
        assert told.named("status") == [{"module": 5, "output": "on", "alarms": []}]
        modules.off(module=5)
        message = await asyncio.to_thread(peer.recv, 60)
        assert message is not None
        assert (message.arbitration_id, bytes(message.data)) == (0x0803FFA0, bytes.fromhex("1000005500000000"))
        await until(lambda: bus.sent == 1)
    assert bus.received == 501
    bus.close()
    modules.close()
    assert port.errors == told.errors == []


def test_virtual_bus_of_python_can() -> None:
    """The whole way over python-can's bus within one program."""
    run(partial(frames_both_ways, unique(), "virtual"))


@contextmanager
def multicast() -> Iterator[tuple[int, can.BusABC]]:
    """A port of UDP multicast and a peer on it; skips where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        udp = probe.getsockname()[1]
    try:
        peer = can.Bus(GROUP, "udp_multicast", port=udp)
    except (can.CanError, OSError) as error:
        pytest.skip(f"no UDP multicast on this machine: {error}")
    with peer:
        try:
            with can.Bus(GROUP, "udp_multicast", port=udp) as other:
                other.send(can.Message(arbitration_id=1))
                if peer.recv(5) is None:
                    pytest.skip("UDP multicast does not come back on this machine")
        except (can.CanError, OSError) as error:
            pytest.skip(f"no UDP multicast on this machine: {error}")
        yield udp, peer


def test_udp_multicast_of_python_can() -> None:
    """The same over UDP multicast, as between processes."""

    async def work() -> None:
        with multicast() as (udp, peer):
            bus, port, _ = real(GROUP, "udp_multicast", options=f"port={udp}")
            bus.connect()
            await until(lambda: port.named("connected"))
            peer.send(can.Message(arbitration_id=0x1806E5F4, data=b"\x03\xd4\x00\xa0\x00"))
            await until(lambda: port.named("frame"))
            assert port.named("frame")[0]["data"] == b"\x03\xd4\x00\xa0\x00"
            bus.send(id=0x18FF50E5, data=b"\x01\x02")
            received = await asyncio.to_thread(peer.recv, 60)
            while received is not None and received.arbitration_id != 0x18FF50E5:
                received = await asyncio.to_thread(peer.recv, 60)
            assert received is not None
            bus.close()

    run(work)


FOREIGN = [
    b"hello world",
    b"",
    pack_message(can.Message(arbitration_id=0x123, data=bytes(11))),
    pack_message(can.Message(arbitration_id=1.5)),  # type: ignore[arg-type]
    b"\x81\xa4\x1b[2J\x01",  # {"\x1b[2J": 1}
    b"\x92\x01\x02",  # [1, 2]
]
"""Datagrams that are no CAN frames."""


@pytest.mark.parametrize("is_late", [False, True])
def test_a_foreign_datagram_is_no_lost_interface(is_late: bool) -> None:
    """It is dropped, counted and told; the bus goes on, whether the host reads the socket or, while it is late, the
    thread."""

    async def work() -> None:
        with multicast() as (udp, peer), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            bus, port, _ = real(GROUP, "udp_multicast", options=f"port={udp}")
            bus.connect()
            await until(lambda: port.named("connected"))
            for payload in FOREIGN:
                stranger.sendto(payload, (GROUP, udp))
            peer.send(can.Message(arbitration_id=0x1806E5F4, data=b"\x01"))
            if is_late:
                (session,) = [bus._opened._session] if bus._opened is not None else []
                assert session is not None
                deadline_s = time.monotonic() + 60
                while not session.received and time.monotonic() < deadline_s:
                    pass  # the host does nothing else
                assert session.received
            await until(lambda: port.named("frame") and bus.dropped == len(FOREIGN))
            assert [frame["data"] for frame in port.named("frame")] == [b"\x01"]
            assert bus.is_connected
            assert not port.named("lost")
            assert any("no CAN frames, dropped; the last one: " in text for text in port.told)
            assert all(text.isprintable() for text in port.told)
            bus.close()

    run(work)


def test_what_an_interface_fails_with_is_no_foreign_datagram() -> None:
    """Of what python-can raises only what it could not read is a message's; the rest is the interface's."""
    bus = can.Bus(unique(), "virtual")
    failed = can.CanOperationError("Failed to wait for IP/UDP socket: Bad file descriptor")
    failed.__cause__ = OSError(errno.EBADF, "Bad file descriptor")
    failures = [failed, can.CanOperationError("No such device", errno.ENODEV), OSError(errno.ENETDOWN, "down")]
    failures.append(ValueError("file descriptor cannot be a negative integer (-1)"))
    assert [no_message(failure, bus) for failure in failures] == [None] * 4
    bus.shutdown()


class SlcanAdapter:
    """The other end of a serial CAN adapter (slcan, as CANable has it) on a pty: keeps what it is told, sends
    frames."""

    def __init__(self) -> None:
        self.own, self.serial = os.openpty()
        self.path = os.ttyname(self.serial)
        self.told = b""
        self._pulled = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._pulled.is_set():
            ready, _, _ = select.select([self.own], [], [], 0.05)
            if ready:
                self.told += os.read(self.own, 1000)
        os.close(self.serial)
        os.close(self.own)

    def say(self, text: bytes) -> None:
        os.write(self.own, text)

    def pull(self) -> None:
        """Closed by its reader: a descriptor that somebody still reads stays open."""
        self._pulled.set()
        self._thread.join()


def test_slcan_on_a_pty_and_the_adapter_pulled() -> None:
    """A serial adapter: opened with its bit rate, frames both ways, a line that is none is dropped; pulled, the
    chart is told, and connecting to a new one works."""

    async def work() -> None:
        device = SlcanAdapter()
        bus, port, _ = real(device.path, "slcan", bitrate=250_000, options="sleep_after_open=0")
        bus.connect()
        await until(lambda: port.named("connected"))
        await until(lambda: b"S5\r" in device.told)
        device.say(b"T1806E5F4503D400A000\r")
        await until(lambda: port.named("frame"))
        assert port.named("frame") == [{"id": 0x1806E5F4, "data": b"\x03\xd4\x00\xa0\x00", "extended": True}]
        device.say(b"T18?garbled\rT1806E5F4101\r")
        await until(lambda: len(port.named("frame")) == 2)
        assert (bus.dropped, port.named("lost")) == (1, [])
        bus.send(id=0x18FF50E5, data=b"\x0c\x1c")
        await until(lambda: b"T18FF50E520C1C\r" in device.told)
        device.pull()
        await until(lambda: port.named("lost"))
        assert not bus.is_connected
        with pytest.raises(AdapterError, match="not connected"):
            bus.send(id=1, data=b"")
        bus.connect()  # it is still away: told again, with another reason, and no thread is left behind
        await until(lambda: len(port.named("lost")) == 2)
        assert "cannot be opened" in port.named("lost")[1]["reason"]
        bus.close()
        assert port.errors == []

    run(work)


class Broken(can.BusABC):
    """An interface that does what a driver does when things go wrong."""

    def __init__(self, fault: Exception | None = None, on_send: Exception | None = None, flood: int = 0) -> None:
        super().__init__(channel="broken")
        self.fault, self.on_send, self.flood = fault, on_send, flood
        self.go = threading.Event()

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if self.flood and self.go.wait(timeout):
            self.flood -= 1
            return can.Message(arbitration_id=self.flood, data=bytes(8)), False
        self.go.wait(timeout)
        if self.fault is not None and self.go.is_set():
            raise self.fault
        return None, False

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if self.on_send is not None:
            raise self.on_send


def broken(interface: Broken) -> tuple[PythonCanBus, RealPort]:
    bus, port, _ = real("x")
    assert bus._opened is not None
    bus._opened._make = lambda: interface
    bus.connect()
    return bus, port


def test_a_driver_that_fails_is_an_event_with_its_reason() -> None:
    """An exception in receiving or sending ends the session with its text; "no buffer space" says that nobody
    acknowledges."""

    async def work() -> None:
        gone = Broken(can.CanOperationError("Network is down [Error Code 100]", 100))
        bus, port = broken(gone)
        await until(lambda: port.named("connected"))
        gone.go.set()
        await until(lambda: port.named("lost"))
        assert "Network is down" in port.named("lost")[0]["reason"]
        bus.close()

        full = Broken(on_send=can.CanOperationError("Failed to transmit: No buffer space available", 105))
        bus, port = broken(full)
        await until(lambda: port.named("connected"))
        bus.send(id=0x029A01F0, data=b"\x01")
        await until(lambda: port.named("send_failed"))
        (failed,) = port.named("send_failed")
        assert (failed["reason"], failed["id"]) == ("full", 0x029A01F0)
        assert "nobody acknowledges" in failed["text"]
        assert port.named("bus_state")[0]["state"] == "error_passive"
        assert port.named("lost") == []
        bus.close()

        away = Broken(on_send=OSError(19, "No such device"))
        bus, port = broken(away)
        await until(lambda: port.named("connected"))
        bus.send(id=1, data=b"")
        await until(lambda: port.named("lost"))
        assert port.named("send_failed")[0]["reason"] == "refused"
        bus.close()
        assert port.errors == []

    run(work)


def test_an_interface_that_takes_its_time_is_opened_once() -> None:
    """Serial adapters take seconds to open, a chart tries again sooner: that goes on, and nothing passes before
    "connected", which comes before the first frame."""

    async def work() -> None:
        go, opened = threading.Event(), 0

        def make() -> can.BusABC:
            nonlocal opened
            opened += 1
            go.wait()
            interface = Broken(flood=3)
            interface.go.set()
            return interface

        bus, port, _ = real("x")
        assert bus._opened is not None
        bus._opened._make = make
        for _ in range(5):
            bus.connect()
            await asyncio.sleep(0)
        await until(lambda: opened)
        bus.connect()
        assert not bus.is_connected
        go.set()
        while (
            bus._opened._session is None or not bus._opened._session.received
        ):  # it is open, and this host does not know
            threading.Event().wait(0.01)
        assert not bus.is_connected
        with pytest.raises(AdapterError, match="not connected"):
            bus.send(id=1, data=b"")
        await until(lambda: bus.received == 3)
        assert bus.is_connected
        assert [event for event, _ in port.events] == ["connected", "frame", "frame", "frame"]
        assert opened == 1
        bus.connect()  # by a chart whose timer came before the event
        assert len(port.named("connected")) == 2
        assert opened == 1
        bus.disconnect()
        bus.connect()
        await until(lambda: len(port.named("connected")) == 3)
        assert opened == 2
        bus.close()
        assert port.errors == []

    run(work)


def test_the_last_orders_go_out_before_the_interface_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """ "off" of an exit action is the last thing before the end: it is on the bus when the program has ended."""

    monkeypatch.setattr("adapters.can.python_can.FLUSH_S", 60.0)  # also on a busy machine

    async def work() -> None:
        channel = unique()
        bus, port, _ = real(channel)
        bus.connect()
        await until(lambda: port.named("connected"))
        with can.Bus(channel, "virtual") as peer:
            for number in range(20):
                bus.send(id=0x029A01F0, data=bytes((number,)))
            bus.close()
            heard = [await asyncio.to_thread(peer.recv, 60) for _ in range(20)]
            assert [bytes(message.data) for message in heard if message] == [bytes((n,)) for n in range(20)]

    run(work)


def test_a_flood_is_bounded_and_counted() -> None:
    """More frames than the host can take: the queue stays bounded, what is dropped is counted and told, the rest
    arrives."""

    async def work() -> None:
        count = 3 * MOST_RECEIVED
        interface = Broken(flood=count)
        bus, port = broken(interface)
        await until(lambda: port.named("connected"))
        interface.go.set()
        while interface.flood:  # the host is busy with something else and takes nothing
            threading.Event().wait(0.01)
        await until(lambda: bus.received + bus.dropped == count)
        assert bus.received >= MOST_RECEIVED
        assert bus.dropped > 0
        assert sum(event["lost"] for event in port.named("overflow")) == bus.dropped
        bus.close()

    run(work)


# ---------------------------------------------------------------- an interface that is a socket


class Wired(can.BusABC):
    """One end of a pair of sockets: a frame is its identifier, a mark of an error frame and its data."""

    def __init__(self) -> None:
        super().__init__(channel="wired")
        self.socket, self.peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fileno(self) -> int:
        return self.socket.fileno()

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if not select.select([self.socket], [], [], timeout)[0]:
            return None, False
        packet = self.socket.recv(16)
        if not packet:
            raise can.CanOperationError("Network is down", 100)
        can_id, is_error = int.from_bytes(packet[:4], "big"), bool(packet[4])
        return can.Message(arbitration_id=can_id, data=packet[5:], is_error_frame=is_error), False

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if not select.select([], [self.socket], [], timeout)[1]:
            raise can.CanOperationError("Transmit buffer full")
        self.socket.send(msg.arbitration_id.to_bytes(4, "big") + b"\0" + bytes(msg.data))

    def says(self, number: int, data: bytes = b"", error: bool = False) -> None:
        """The other side sends."""
        self.peer.send(number.to_bytes(4, "big") + bytes((error,)) + data)

    def heard(self) -> int:
        """The identifier of the next frame that the other side has received."""
        return int.from_bytes(self.peer.recv(16)[:4], "big")

    def shutdown(self) -> None:
        super().shutdown()
        self.socket.close()


async def wired() -> tuple[Wired, PythonCanBus, RealPort]:
    interface = Wired()
    bus, port = broken(interface)  # type: ignore[arg-type]
    await until(lambda: port.named("connected"))
    return interface, bus, port


def test_a_socket_is_read_and_sent_on_by_the_loop_itself() -> None:
    """No thread stands between the bus and the chart, either way; error frames are states, and what is over is over."""

    async def work() -> None:
        interface, bus, port = await wired()
        for number in range(300):
            interface.says(number)
        await until(lambda: bus.received == 300)
        assert [event["id"] for event in port.named("frame")] == list(range(300))
        bus.send(id=0x029A01F0, data=b"\1")
        assert (interface.heard(), bus.sent) == (0x029A01F0, 1), "sent in the call"
        interface.says(0x40, bytes(8), error=True)
        await until(lambda: port.named("bus_state"))
        assert port.named("bus_state")[0]["state"] == "bus_off"
        bus.disconnect()
        with suppress(BrokenPipeError):  # it may be closed by now
            interface.says(7)
        await until(lambda: interface.socket.fileno() == -1)
        assert bus.received == 300
        bus.close()
        assert port.errors == []

    run(work)


def test_what_the_thread_reads_while_the_host_begins_to_comes_first() -> None:
    """Frames stay in order when a late host wakes up in the middle of what the thread does for it."""

    class Handover:
        """The lock of who reads: at the host's first turn the thread has it, and has just read a frame."""

        def __enter__(self) -> None:
            if not kept:
                kept.append(Frame(1, b""))
                session.received.append(kept[0])

        def __exit__(self, *_: object) -> None:
            pass

    kept: list[Frame] = []

    async def work() -> None:
        nonlocal session
        interface, bus, port = await wired()
        assert bus._opened is not None
        session = bus._opened._session
        session._reading = Handover()
        interface.says(2)
        interface.says(3)
        await until(lambda: bus.received == 3)
        assert [event["id"] for event in port.named("frame")] == [1, 2, 3]
        bus.close()

    session: Any = None
    run(work)


def test_a_socket_that_goes_is_lost_and_can_be_opened_again() -> None:
    async def work() -> None:
        interface, bus, port = await wired()
        interface.peer.close()
        await until(lambda: port.named("lost"))
        assert "Network is down" in port.named("lost")[0]["reason"]
        assert not bus.is_connected
        await until(lambda: interface.socket.fileno() == -1)
        again = Wired()
        assert bus._opened is not None
        bus._opened._make = lambda: again
        bus.connect()
        await until(lambda: len(port.named("connected")) == 2)
        again.says(5)
        await until(lambda: bus.received == 1)
        assert len(port.named("lost")) == 1
        bus.close()

    run(work)


def test_a_host_that_is_late_loses_what_its_queue_does_not_hold_and_counts_it() -> None:
    """A thread empties the socket meanwhile, into the bounded queue; what is in it comes first and in order."""

    async def work() -> None:
        interface, bus, port = await wired()
        count = 3 * MOST_RECEIVED

        def talk() -> None:
            for number in range(count):
                interface.says(number)

        talker = threading.Thread(target=talk)
        talker.start()
        talker.join()  # the host does nothing else
        await until(lambda: bus.received + bus.dropped == count)
        assert bus.received >= MOST_RECEIVED
        assert sum(event["lost"] for event in port.named("overflow")) == bus.dropped > 0
        heard = [event["id"] for event in port.named("frame")]
        assert heard == sorted(heard)
        bus.close()

    run(work)


def test_a_role_that_fails_at_a_frame_is_told_and_the_next_frame_is_read() -> None:
    async def work() -> None:
        interface, bus, port = await wired()
        assert bus._node is not None

        def fails(frame: Frame) -> None:
            if frame.id == 1:
                raise ZeroDivisionError("by a codec")

        bus._node.subscribe(fails)
        for number in range(3):
            interface.says(number)
        await until(lambda: bus.received == 3)
        assert port.errors == ["ZeroDivisionError: by a codec"]
        bus.close()

    run(work)


def test_a_bus_that_is_never_quiet_leaves_others_their_turn() -> None:
    async def work() -> None:
        interface, bus, _ = await wired()
        stop = threading.Event()

        def talk() -> None:
            while not stop.is_set():
                interface.says(1)

        talker = threading.Thread(target=talk)
        talker.start()
        for _ in range(50):
            await asyncio.sleep(0)
        await until(lambda: bus.received > 1000)
        stop.set()
        while talker.is_alive():
            await asyncio.sleep(0)
        bus.close()

    run(work)


def test_frames_that_a_socket_does_not_take_wait_and_keep_their_order() -> None:
    async def work() -> None:
        interface, bus, port = await wired()
        interface.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for number in range(100):
            bus.send(id=number, data=bytes((number,)))
        assert bus.sent < 100
        assert [await asyncio.to_thread(interface.heard) for _ in range(100)] == list(range(100))
        assert port.named("send_failed") == []
        bus.close()

    run(work)


def test_what_is_missing_is_said_before_it_runs() -> None:
    """No channel, an interface that python-can has not: an error of the settings that says what there is."""

    async def work() -> None:
        for settings, words in (
            ({"channel": ""}, "channel"),
            ({"channel": "can0", "interface": "socketcam"}, "socketcan"),
        ):
            with pytest.raises(ConfigurationError, match=words):
                RealPort(PythonCanBus({"node": "evse", **settings}, World()), "evse.bus")

    run(work)


def test_a_make_without_an_address_for_all() -> None:
    """What all shall obey is told to each that is expected; off to one is off to one."""
    modules = PowerModules({"family": "tonhe"}, World())
    modules.codec = copy.copy(modules.codec)
    modules.codec.everyone = None
    sent: list[Frame] = []
    modules.put = sent.append  # type: ignore[method-assign, assignment]
    modules.expect(first=2, count=3)
    modules.off(module=modules.everyone)
    assert sent == [frame for module in (2, 3, 4) for frame in modules.codec.order("off", module)]
    sent.clear()
    modules.off(module=3)
    assert sent == list(modules.codec.order("off", 3))
