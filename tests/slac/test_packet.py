"""The link on real network interfaces (veth pairs between namespaces)."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.slac import frames as f
from adapters.slac.link import PacketHpgpLink
from adapters.slac.packet import PacketSocket, way_to_raw_frames
from adapters.slac.plc import PacketPlcModem
from engine.adapter import AdapterError, World
from tests.slac.netns import enter, inside, ip, missing, namespaces, wait_for
from tests.slac.real_port import RealPort

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "available")
MS = 1_000_000


@pytest.fixture
def ends() -> Iterator[dict[str, str]]:
    with namespaces(("one0", "one"), ("two0", "two")) as names:
        yield names


def link_in(namespace: str, interface: str, **config: str) -> tuple[PacketHpgpLink, RealPort]:
    """A link on an interface of another namespace: a socket stays where it was made, so one thread can hold both."""
    loop = asyncio.get_running_loop()
    link = PacketHpgpLink({"interface": interface, **config}, World())

    def make() -> RealPort:
        asyncio._set_running_loop(loop)
        try:
            return RealPort(link, "link")
        finally:
            asyncio._set_running_loop(None)

    # create_task from a helper thread is safe here: the loop's own thread waits for this thread meanwhile
    return link, inside(namespace, make)


def run(test: Callable[[], object]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def test_messages_cross_a_veth_pair(ends: dict[str, str]) -> None:
    """Broadcast and unicast messages of one host reach the other, and no host hears itself."""

    async def test() -> None:
        one, one_port = link_in(ends["one"], "one0")
        two, two_port = link_in(ends["two"], "two0")
        assert one.mac != two.mac
        one.CM_SLAC_PARM_REQ(run_id=b"run-id-1")
        two.CM_SLAC_PARM_CNF(peer=one.mac, run_id=b"run-id-1", num_sounds=10, time_out=600 * MS)
        two.CM_SLAC_PARM_CNF(peer=bytes.fromhex("020000000099"), run_id=b"run-id-1", num_sounds=10, time_out=0)
        await wait_for(lambda: one_port.events and two_port.events, "both messages")
        await asyncio.sleep(0.05)
        assert [(name, e["source"]) for name, e in two_port.events] == [("CM_SLAC_PARM_REQ", one.mac)]
        assert [(name, e["source"]) for name, e in one_port.events] == [("CM_SLAC_PARM_CNF", two.mac)]
        one.close()
        two.close()
        await asyncio.sleep(0)
        assert one_port.errors == two_port.errors == []

    run(test)


def test_hostile_frames_are_events(ends: dict[str, str]) -> None:
    """Garbage on the interface, of any length, is counted and the link lives on."""

    async def test() -> None:
        one, port = link_in(ends["one"], "one0")
        raw = inside(ends["two"], lambda: PacketSocket("two0"))
        for length in (14, 15, 19, 60, 200, 1514):
            raw.send(one.mac + raw.mac + b"\x88\xe1" + os.urandom(length - 14))
        raw.send(f.CmSlacParmReq(f.BROADCAST, raw.mac, b"run-id-1").encode())
        await wait_for(lambda: port.named("CM_SLAC_PARM_REQ"), "the message after the garbage")
        assert len(port.named("bad_frame")) == sum(one.bad.values()) == 6
        raw.close()
        one.close()

    run(test)


def test_fault_rules_work_on_a_real_interface(ends: dict[str, str]) -> None:
    """--fault is for real links too, in both directions."""

    async def test() -> None:
        one, _ = link_in(ends["one"], "one0", fault="drop:CM_SLAC_PARM.REQ:1,delay(30 ms):CM_AMP_MAP.CNF")
        two, two_port = link_in(ends["two"], "two0", fault="drop:CM_SLAC_PARM.REQ:1")
        for number in range(4):
            one.CM_SLAC_PARM_REQ(run_id=bytes(7) + bytes([number]))
        one.CM_AMP_MAP_CNF(peer=two.mac, result=0)
        await wait_for(lambda: two_port.named("CM_AMP_MAP_CNF"), "the delayed message")
        assert [e["run_id"][7] for e in two_port.named("CM_SLAC_PARM_REQ")] == [2, 3]
        one.close()
        two.close()

    run(test)


def test_interface_that_goes_and_comes_back(ends: dict[str, str]) -> None:
    """The modem chart hears when its interface is lost and when it is back, and frames pass again."""

    async def test() -> None:
        loop = asyncio.get_running_loop()
        world = World()
        link = PacketHpgpLink({"interface": "one0"}, world)
        modem = PacketPlcModem({"interface": "one0"}, world)

        def make() -> tuple[RealPort, RealPort]:
            asyncio._set_running_loop(loop)
            try:
                return RealPort(modem, "modem"), RealPort(link, "link")
            finally:
                asyncio._set_running_loop(None)

        modem_port, link_port = inside(ends["one"], make)
        two, _ = link_in(ends["two"], "two0")
        # The reopening looks in the namespace of the loop's thread.
        with open("/proc/thread-self/ns/net") as home:
            enter(ends["one"])
            try:
                ip("link", "set", "one0", "down")
                await wait_for(lambda: modem_port.named("interface_down"), "interface_down")
                assert not modem.interface_is_up
                assert "one0" in modem_port.named("interface_down")[0]["reason"]
                link.CM_SLAC_PARM_REQ(run_id=bytes(8))
                ip("link", "set", "one0", "up")
                await wait_for(lambda: modem_port.named("interface_up"), "interface_up")
                assert modem.interface_is_up
                two.CM_SLAC_PARM_REQ(run_id=bytes(8))
                await wait_for(lambda: link_port.named("CM_SLAC_PARM_REQ"), "a frame after that")
            finally:
                os.setns(home.fileno()) if hasattr(os, "setns") else _home(home.fileno())
        assert modem_port.errors == link_port.errors == []
        for adapter in (link, modem, two):
            adapter.close()

    run(test)


def _home(descriptor: int) -> None:
    import ctypes

    assert ctypes.CDLL(None).setns(descriptor, 0) == 0


def test_what_is_wrong_with_an_interface_is_said(ends: dict[str, str]) -> None:
    """No such interface, interface down: the error names it and the way out."""
    with pytest.raises(AdapterError, match="no interface 'nope'; there are: one0"):
        inside(ends["one"], lambda: PacketSocket("nope"))
    ip("-n", ends["one"], "link", "set", "one0", "down")
    with pytest.raises(AdapterError, match="'one0' is down; once: ip link set one0 up"):
        inside(ends["one"], lambda: PacketSocket("one0"))
    with pytest.raises(AdapterError, match="setting 'interface' is missing"):
        PacketHpgpLink({}, World()).open_nic(None)  # type: ignore[arg-type]


def test_without_cap_net_raw_the_error_says_so() -> None:
    """A user without the right to raw sockets learns which right and how to give it."""
    code = (
        "import os; os.setuid(65534)\n"
        "from adapters.slac.packet import PacketSocket\n"
        "from engine.adapter import AdapterError\n"
        "try: PacketSocket('lo')\n"
        "except AdapterError as error: print(error)"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", "import adapters.slac.packet, engine.adapter\n" + code]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert "CAP_NET_RAW" in answer.stdout, answer.stderr
    assert "AmbientCapabilities=CAP_NET_RAW" in answer.stdout
    assert "--ambient-caps=+net_raw" in answer.stdout


@pytest.mark.parametrize(("own", "advised"), [(True, True), (False, False)])
def test_setcap_is_advised_for_an_interpreter_of_its_own_only(
    own: bool, advised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """setcap refuses a link; on the system's interpreter it gives raw frames to every Python program."""
    environment, system = tmp_path / "venv", tmp_path / "usr"
    for folder in (environment, system):
        folder.mkdir()
        (folder / "python3.11").touch()
    link = environment / "python"
    link.symlink_to((environment if own else system) / "python3.11")
    monkeypatch.setattr(sys, "executable", str(link))
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.setattr(sys, "base_prefix", str(system))
    told = way_to_raw_frames()
    assert ("setcap" in told) is advised
    assert str(link) + " " not in told
    assert not own or f"setcap cap_net_raw+ep {environment / 'python3.11'}" in told


async def readable(raw: PacketSocket) -> None:
    """Until a frame waits."""
    loop = asyncio.get_running_loop()
    there = loop.create_future()
    loop.add_reader(raw.socket, lambda: there.done() or there.set_result(None))
    try:
        await asyncio.wait_for(there, 5)
    finally:
        loop.remove_reader(raw.socket)


def test_missing_checksums_are_completed() -> None:
    """UDP over a joined interface has a checksum though the sender's veth leaves it to the hardware."""
    with namespaces(("one0", "one"), ("two0", "two")) as names:
        raw = inside(names["two"], lambda: PacketSocket("two0", 3))
        raw.exact_checksums()

        def send() -> None:
            udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            scope = socket.if_nametoindex("one0")
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
            udp.sendto(b"odd number of octets.", ("ff02::1", 15118, 0, scope))

        async def receive() -> bytes:
            while True:
                await readable(raw)
                frame = raw.receive()
                if frame is not None and frame[12:14] == b"\x86\xdd" and frame[20] == 17:
                    return frame

        inside(names["one"], send)
        frame = asyncio.run(receive())
        covered = frame[22:54] + len(frame[54:]).to_bytes(4, "big") + b"\x00\x00\x00\x11" + frame[54:]
        covered += b"\x00" * (len(covered) % 2)
        total = sum(int.from_bytes(covered[i : i + 2], "big") for i in range(0, len(covered), 2))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        assert total == 0xFFFF
        raw.close()
