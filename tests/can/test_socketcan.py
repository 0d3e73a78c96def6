"""The bus on SocketCAN, on a machine where an interface can be made, taken down and away: its kernel has ``vcan``, and
the tests run as root. ``test_guest.py`` makes such a machine."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial

import can
import pytest

from adapters.can.__main__ import main
from adapters.can.roles import PowerModules
from tests.can.test_bus import frames_both_ways, real, run, until
from tests.slac.real_port import RealPort


def ip(*arguments: str) -> None:
    """What an operator or a loose plug does to an interface."""
    program = shutil.which("ip")
    if program is None:
        pytest.skip("iproute2 is not there")
    done = subprocess.run([program, "link", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip link {' '.join(arguments)}: {done.stderr.strip()}")


@pytest.fixture
def channel() -> Iterator[str]:
    """An interface of one's own."""
    name = f"vcan{random.randrange(10_000_000)}"
    try:
        ip("add", name, "type", "vcan")
    except OSError as error:
        pytest.skip(str(error))
    ip("set", name, "up")
    yield name
    ip("delete", name)


def test_frames_both_ways(channel: str) -> None:
    """Frames of both kinds of identifiers in order, and orders of a role as well."""
    run(partial(frames_both_ways, channel, "socketcan"))


def test_error_frames_change_the_state(channel: str) -> None:
    """What a driver reports comes as error frames through the kernel's filter: error passive, back, bus off."""

    async def work() -> None:
        bus, port, _ = real(channel, "socketcan")
        bus.connect()
        await until(lambda: port.named("connected"))
        with can.Bus(channel, "socketcan") as driver:
            for classes, data in ((0x04, "0020"), (0x04, "0040"), (0x40, "")):
                octets = bytes.fromhex(data).ljust(8, b"\0")
                driver.send(can.Message(arbitration_id=classes, data=octets, is_error_frame=True))
        await until(lambda: len(port.named("bus_state")) == 3)
        assert [event["state"] for event in port.named("bus_state")] == ["error_passive", "error_active", "bus_off"]
        assert port.named("frame") == []
        bus.close()
        assert port.errors == []

    run(work)


@pytest.mark.parametrize("way", ["down", "deleted"])
def test_an_interface_that_goes_and_comes_back(channel: str, way: str) -> None:
    """Taken down, or its adapter pulled: the chart is told why, and again when it tries meanwhile; when it is back,
    connecting works, and frames pass."""

    async def work() -> None:
        bus, port, _ = real(channel, "socketcan")
        bus.connect()
        await until(lambda: port.named("connected"))
        if way == "down":
            ip("set", channel, "down")
        else:
            ip("delete", channel)
        await until(lambda: port.named("lost"))
        why = port.named("lost")[0]["reason"]
        assert "Network is down" in why or (way == "deleted" and "No such device" in why)
        assert not bus.is_connected
        bus.connect()
        await until(lambda: len(port.named("lost")) == 2)
        if way == "deleted":
            assert "cannot be opened" in port.named("lost")[1]["reason"]
            assert "No such device" in port.named("lost")[1]["reason"]
        if way == "deleted":
            ip("add", channel, "type", "vcan")
        ip("set", channel, "up")
        bus.connect()
        await until(lambda: len(port.named("connected")) > 1 and bus.is_connected)
        with can.Bus(channel, "socketcan") as peer:
            peer.send(can.Message(arbitration_id=0x1806E5F4, data=b"\x03"))
            await until(lambda: port.named("frame"))
            bus.send(id=0x18FF50E5, data=b"\x01\x02")
            message = await asyncio.to_thread(peer.recv, 60)
            assert message is not None
            assert (message.arbitration_id, bytes(message.data)) == (0x18FF50E5, b"\x01\x02")
        bus.close()
        assert port.errors == []

    run(work)


def test_two_programs_on_one_interface(channel: str) -> None:
    """A second program on the same interface hears what the first sends, and each hears nothing of itself."""

    async def work() -> None:
        one, told, world = real(channel, "socketcan")
        other, heard, _ = real(channel, "socketcan")
        for bus in (one, other):
            bus.connect()
        await until(lambda: told.named("connected") and heard.named("connected"))
        modules = PowerModules({"node": "evse", "family": "infy"}, world)
        RealPort(modules, "evse.modules")
        modules.set(module=1, voltage=400.0, current=25.0)
        modules.off(module=1)
        await until(lambda: len(heard.named("frame")) == 2)
        assert [(e["id"], e["data"].hex()) for e in heard.named("frame")] == [
            (0x029C01F0, "00061a80000061a8"),
            (0x029A01F0, "0100000000000000"),
        ]
        assert told.named("frame") == []
        for bus in (one, other):
            bus.close()

    run(work)


def test_the_monitor_reads_it(channel: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m adapters.can monitor --channel can0`` shows frames as they come, and ends with the reason when the
    interface goes."""
    codes: list[int] = []
    command = ["monitor", "--channel", channel, "--kind", "elcon"]
    monitor = threading.Thread(target=lambda: codes.append(main(command)))
    monitor.start()
    said = ""
    with can.Bus(channel, "socketcan") as bus:
        while "\n" not in said:  # it takes its time to begin
            bus.send(can.Message(arbitration_id=0x1806E5F4, data=bytes.fromhex("03D400A000000000")))
            monitor.join(0.05)
            said += capsys.readouterr().out
    ip("set", channel, "down")
    monitor.join()
    assert "elcon command charger=229 maximum_voltage=98V maximum_current=16A" in said
    assert codes == [1]
    assert "Network is down" in capsys.readouterr().err
