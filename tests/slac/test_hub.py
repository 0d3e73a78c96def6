"""The simulated line between processes: its hosts share nothing but a socket path, or have an interface each."""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.net.sockets import SocketHost, SocketStream
from adapters.sdp.adapters import SocketSdpClient, SocketSdpServer
from adapters.slac.link import LineHpgpLink, PacketHpgpLink
from adapters.slac.plc import LinePlcModem, PacketPlcModem
from engine.adapter import AdapterError, World
from tests.slac.netns import inside, missing, namespaces, wait_for
from tests.slac.real_port import RealPort

ROOT = Path(__file__).resolve().parents[2]
MS = 1_000_000
QUICK = ("--deaf-ms", "50", "--join-ms", "50")


@contextlib.contextmanager
def line(path: Path, *arguments: str, namespace: str = "") -> Iterator[subprocess.Popen[str]]:
    """A line in a process of its own, ended by a signal; its exit code is checked."""
    command = [sys.executable, "-m", "adapters.slac", "line", "--socket", str(path), *QUICK, *arguments]
    if namespace:
        command = ["ip", "netns", "exec", namespace, *command]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 10)[0], "the line said nothing"
        first = process.stdout.readline()
        assert first.startswith("line open at"), first
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)
    assert process.returncode == 0


class Side:
    """One process's link and modem on the line."""

    def __init__(self, path: Path, host: str) -> None:
        world = World()
        config = {"socket": str(path), "host": host}
        self.link, self.modem = LineHpgpLink(config, world), LinePlcModem(config, world)
        self.link_port = RealPort(self.link, "link")
        self.modem_port = RealPort(self.modem, "modem")

    def close(self) -> None:
        self.link.close()
        self.modem.close()


def test_two_processes_meet_on_a_line(tmp_path: Path) -> None:
    """Frames, attenuation profiles, keys and the link status all work over the socket as in one process."""

    async def test() -> None:
        evse, pev = Side(tmp_path / "line", "evse"), Side(tmp_path / "line", "pev")
        pev.link.CM_SLAC_PARM_REQ(run_id=b"run-id-1")
        await wait_for(lambda: evse.link_port.named("CM_SLAC_PARM_REQ"), "CM_SLAC_PARM.REQ")
        assert evse.link_port.named("CM_SLAC_PARM_REQ")[0]["source"] == pev.link.mac
        pev.link.CM_MNBC_SOUND_IND(run_id=b"run-id-1", remaining=9)
        await wait_for(lambda: evse.link_port.named("CM_ATTEN_PROFILE_IND"), "the profile")
        assert pev.link_port.named("CM_ATTEN_PROFILE_IND") == []
        nmk = evse.modem.new_nmk
        for side in (evse, pev):
            side.modem.CM_SET_KEY_REQ(nmk=nmk, nid=b"")
            await wait_for(lambda side=side: side.modem_port.named("CM_SET_KEY_CNF"), "CM_SET_KEY.CNF")  # type: ignore[misc]
        await asyncio.sleep(0.2)
        pev.modem.VS_PL_LINK_STATUS_REQ()
        await wait_for(lambda: pev.modem_port.named("VS_PL_LINK_STATUS_CNF"), "the link status")
        assert pev.modem_port.named("VS_PL_LINK_STATUS_CNF") == [{"link": True}]
        for side in (evse, pev):
            side.close()
            assert side.link_port.errors == side.modem_port.errors == []

    with line(tmp_path / "line"):
        asyncio.run(test())


def test_line_that_ends_is_an_interface_that_goes(tmp_path: Path) -> None:
    """When the line's process ends, the modem chart hears interface_down with a reason."""

    async def test() -> Side:
        with line(tmp_path / "line"):
            side = Side(tmp_path / "line", "evse")
        await wait_for(lambda: side.modem_port.named("interface_down"), "interface_down")
        side.link.CM_SLAC_PARM_REQ(run_id=bytes(8))
        assert not side.modem.interface_is_up
        side.close()
        return side

    side = asyncio.run(test())
    assert "closed" in side.modem_port.named("interface_down")[0]["reason"]


def test_wrong_clients_are_refused_and_do_no_harm(tmp_path: Path) -> None:
    """A taken name, a missing name or nonsense gets a reason; the others on the line go on."""

    async def test() -> None:
        path = tmp_path / "line"
        evse = Side(path, "evse")
        with pytest.raises(AdapterError, match="refused 'evse': port 'evse' is already attached"):
            Side(path, "evse")
        for hello in (b"nonsense", b"[1]", b'{"mac": "020000000009"}', b'{"host": "x", "mac": "02"}', b'{"host": 1}'):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
                client.settimeout(5)
                client.connect(str(path))
                client.send(hello)
                assert b"error" in client.recv(1000)
                assert client.recv(1000) == b""
        pev = Side(path, "pev")
        pev.link.CM_SLAC_PARM_REQ(run_id=bytes(8))
        await wait_for(lambda: evse.link_port.named("CM_SLAC_PARM_REQ"), "a frame after all that")
        pev.close()
        await asyncio.sleep(0.1)
        Side(path, "pev").close()  # the name is free again
        evse.close()

    with line(tmp_path / "line"):
        asyncio.run(test())


def test_missing_line_says_how_to_start_one(tmp_path: Path) -> None:
    """The error names the path and the command."""

    async def test() -> None:
        with pytest.raises(AdapterError, match=r"start one with: python -m adapters\.slac line --socket"):
            Side(tmp_path / "nothing", "evse")
        with pytest.raises(AdapterError, match="setting 'socket' is missing"):
            RealPort(LineHpgpLink({}, World()), "link")

    asyncio.run(test())


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["--fault", "lose:IP"], 2, "no action 'lose'"),
        (["--iface", "veth0"], 2, "expected HOST=INTERFACE"),
        (["--iface", "pev=nope0"], 1, "no interface 'nope0'"),
    ],
)
def test_wrong_arguments_of_the_command(tmp_path: Path, arguments: list[str], code: int, named: str) -> None:
    """A typing error ends the command with its exit code and says what was wrong."""
    command = [sys.executable, "-m", "adapters.slac", "line", "--socket", str(tmp_path / "line"), *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    if code == 1 and "CAP_NET_RAW" in run.stderr:
        pytest.skip("joining an interface needs CAP_NET_RAW")
    assert run.returncode == code
    assert named in run.stderr


async def _keyed(interface: str) -> RealPort:
    """Key the modem behind the interface and hear the other side's SLAC."""
    world = World()
    link, modem = PacketHpgpLink({"interface": interface}, world), PacketPlcModem({"interface": interface}, world)
    link_port, modem_port = RealPort(link, "link"), RealPort(modem, "modem")
    loop = asyncio.get_running_loop()
    end = loop.time() + 10
    while not (link_port.named("CM_SLAC_PARM_REQ") and modem_port.named("CM_SET_KEY_CNF")):
        assert loop.time() < end, (link_port.events, modem_port.events)
        if not modem_port.named("CM_SET_KEY_CNF"):
            modem.CM_SET_KEY_REQ(nmk=b"one key for both", nid=b"")
        link.CM_SLAC_PARM_REQ(run_id=bytes(8))
        await asyncio.sleep(0.1)
    link.CM_SLAC_PARM_REQ(run_id=bytes(8))
    link.close()
    modem.close()
    return link_port


async def _station(interface: str) -> bytes:
    """Answers SDP with its TCP port and returns what the vehicle sends there."""
    heard: list[bytes] = []
    await _keyed(interface)
    world = World()
    server = SocketSdpServer({"interface": interface}, world)
    port = RealPort(server, "sdp")
    host = SocketHost.of(world, port, {"interface": interface})
    streams: list[SocketStream] = []

    def accepted(stream: SocketStream) -> None:
        streams.append(stream)
        stream.on_data = heard.append
        stream.write(b"welcome")

    host.listen(61851, accepted)
    server.start()
    await wait_for(lambda: port.named("request"), "an SDP request", 10)
    server.answer(peer=port.named("request")[0]["peer"], security="none", port=61851)
    await wait_for(lambda: b"".join(heard) == b"hello", "what the vehicle sends", 10)
    nodelay = streams[0]._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert nodelay
    streams[0].close()
    host.unlisten(61851)
    server.close()
    await asyncio.sleep(0.5)  # the kernel's farewell
    assert port.errors == []
    return b"".join(heard)


async def _vehicle(interface: str) -> bytes:
    """Finds the station by SDP, connects, says hello and returns what the station said."""
    heard: list[bytes] = []
    ends: list[str] = []
    await _keyed(interface)
    world = World()
    client = SocketSdpClient({"interface": interface}, world)
    port = RealPort(client, "sdp")
    loop = asyncio.get_running_loop()
    end = loop.time() + 10
    while not port.named("response"):
        assert loop.time() < end, (port.events, port.errors)
        client.request(security="none")
        await asyncio.sleep(0.25)
    answer = port.named("response")[0]
    assert answer["host"].startswith("fe80::")
    assert answer["host"].endswith(f"%{interface}")

    def connected(stream: SocketStream) -> None:
        stream.on_data = heard.append
        stream.on_close = ends.append
        stream.write(b"hel")
        stream.write(b"lo")

    host = SocketHost.of(world, port, {"interface": interface})
    host.connect(answer["host"], answer["port"], connected, ends.append)
    await wait_for(lambda: ends, "the station to close", 10)
    assert ends == ["closed by the peer"]
    host.connect(answer["host"], 9, connected, ends.append)
    await wait_for(lambda: len(ends) == 2, "the refusal of a closed port", 10)
    assert ends[1] == "Connection refused"
    client.close()
    assert port.errors == []
    return b"".join(heard)


@pytest.mark.skipif(bool(missing()), reason=missing() or "available")
def test_programs_on_interfaces_meet_on_a_line(tmp_path: Path) -> None:
    """Programs that know only network interfaces get modems: SLAC passes at once, the kernel's IP after the key.

    SDP by multicast, link-local addresses with their scope, TCP_NODELAY and a connection run over it.
    """
    ends = (("evse0", "evse"), ("line0", "line"), ("pev0", "pev"), ("line1", "line"))
    results: dict[str, bytes] = {}
    with namespaces(*ends) as names:

        def run(side: str, work: Callable[[str], Coroutine[Any, Any, bytes]]) -> None:
            results[side] = inside(names[side], lambda: asyncio.run(work(f"{side}0")))

        arguments = ("--iface", "evse=line0", "--iface", "pev=line1")
        with line(tmp_path / "line", *arguments, namespace=names["line"]):
            threads = [threading.Thread(target=run, args=pair) for pair in (("evse", _station), ("pev", _vehicle))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert results == {"evse": b"hello", "pev": b"welcome"}
