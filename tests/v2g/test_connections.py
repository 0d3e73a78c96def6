"""The V2G port on real sockets: who gets in, who is turned away and why, what it costs. On the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from adapters import v2gtp
from adapters.net.sockets import SocketHost
from adapters.v2g import codec, pki
from adapters.v2g.callers import mac_behind
from adapters.v2g.client import SocketV2gEvcc
from adapters.v2g.server import SimulatedV2gSecc, SocketV2gSecc
from adapters.v2g.tls import CIPHERS, server_context
from engine.adapter import ConfigurationError, World
from tests.slac.netns import wait_for
from tests.slac.real_port import RealPort

S = 1_000_000_000
NO_VERSION = "no TLS version in common (alert 70 protocol_version"
NOTHING_IN_COMMON = "no cipher suite or curve in common (alert 40 handshake_failure"
RULES = {"connections": 32, "connections_of_peer": 8, "time": 18 * S}


def hello() -> bytes:
    """A whole supportedAppProtocolReq."""
    sap = codec.messages("sap")
    offer = sap.AppProtocolType(
        ProtocolNamespace="urn:iso:15118:2:2013:MsgDef",
        VersionNumberMajor=2,
        VersionNumberMinor=0,
        SchemaID=1,
        Priority=1,
    )
    payload = codec.encode(sap.supportedAppProtocolReq(AppProtocol=[offer]))
    return v2gtp.encode(v2gtp.PayloadType.SAP, payload)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of a station and its root."""
    folder = tmp_path_factory.mktemp("pki")
    pki.write(pki.make(pki.profiles(secc_id="DE*ABC*E1", pcid="WDBABC12345678901X", emaid="E")), folder)
    return folder


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SocketHost, "address", "::1")


def free_port() -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        number: int = probe.getsockname()[1]
        return number


class Station:
    """A V2G port on the loopback interface."""

    def __init__(self, keys: Path | None = None, **rules: Any) -> None:
        config: dict[str, Any] = {"interface": "lo", "port": free_port(), "tls_port": free_port()}
        config["connections_per_s"] = 10_000  # what is too many at once is told by test_flood; here all are taken
        if keys is not None:
            config |= {"certificate": str(keys / "secc_chain.pem"), "key": str(keys / "secc.key")}
        self.server = SocketV2gSecc(config, World())
        self.port = RealPort(self.server, "v2g")
        self.server.listen(tls=keys is not None, **(RULES | rules))
        (listening,) = self.port.named("listening")
        self.tcp, self.tls = ("::1", listening["port_tcp"]), ("::1", listening["port_tls"])

    async def called(self, count: int = 1) -> dict[str, Any]:
        """The last of so many calls."""
        await wait_for(lambda: len(self.port.named("called")) >= count, "a call")
        return self.port.named("called")[count - 1]

    async def turned_away(self, count: int = 1) -> list[str]:
        """Why connections were turned away, at least so many of them."""
        await wait_for(lambda: sum(e["count"] for e in self.port.named("turned_away")) >= count, "someone turned away")
        return [event["reason"] for event in self.port.named("turned_away")]

    async def close(self) -> None:
        self.server.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert self.port.errors == []


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


async def connect(address: tuple[str, int]) -> socket.socket:
    made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, address)
    return made


async def is_closed(sock: socket.socket) -> bool:
    """Whether the station has closed it, within a second."""
    try:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 100), 1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_a_vehicle_is_served_beside_silent_slow_and_talkative_strangers() -> None:
    """18 s of nobody's silence were 18 s in which no vehicle could charge."""

    async def test() -> None:
        loop, station = asyncio.get_running_loop(), Station(connections_of_peer=32)
        silent, slow, rubbish, web, vehicle = [await connect(station.tcp) for _ in range(5)]
        await loop.sock_sendall(slow, hello()[:10])
        await loop.sock_sendall(rubbish, os.urandom(100))
        await loop.sock_sendall(web, b"GET / HTTP/1.1\r\n\r\n")
        await loop.sock_sendall(vehicle, hello()[:9])
        await asyncio.sleep(0)
        await loop.sock_sendall(vehicle, hello()[9:])
        call = await station.called()
        assert await is_closed(rubbish)
        assert await is_closed(web)
        assert all("not V2GTP" in reason for reason in await station.turned_away(2))
        messages: list[str] = []
        station.server.endpoint.on_message = lambda received: messages.append(received.name)
        assert not station.server.connected
        station.server.serve(connection=call["connection"])
        assert station.server.connected
        assert messages == ["supportedAppProtocolReq"]
        station.server.endpoint.write_bytes(b"answer")
        assert await loop.sock_recv(vehicle, 100) == b"answer"
        await loop.sock_sendall(slow, hello()[10:])
        second = await station.called(2)
        station.server.refuse(connection=second["connection"])
        assert await is_closed(slow)
        assert station.server.connected
        vehicle.close()
        await wait_for(lambda: station.port.named("disconnected"), "the vehicle's end")
        await station.close()
        silent.close()

    run(test)


def test_connections_before_a_call_are_limited_in_number_time_and_octets() -> None:
    """Descriptors and memory are bounded; the one longest silent gives way, one that has called does not."""

    async def test() -> None:
        loop, station = asyncio.get_running_loop(), Station(connections=6, connections_of_peer=5, time=2 * S)
        before = descriptors()
        intake = station.server.network()._listening[station.tcp[1]].intake
        vehicle = await connect(station.tcp)
        await loop.sock_sendall(vehicle, hello())
        call = await station.called()
        strangers = [await connect(station.tcp) for _ in range(40)]
        await wait_for(lambda: intake.received == 41, "all of them")
        await asyncio.sleep(0.01)
        assert descriptors() - before <= 1 + 40 + 5
        assert len(station.server.callers) == 5
        drowning = strangers[-1]
        await loop.sock_sendall(drowning, v2gtp.encode(v2gtp.PayloadType.SAP, bytes(10)) * (4096 // 18 + 1))
        assert any("octets and no supportedAppProtocolReq" in reason for reason in await station.turned_away(37))
        station.server.serve(connection=call["connection"])
        reasons = await station.turned_away(40)
        assert any("no supportedAppProtocolReq within 2 s" in reason for reason in reasons), reasons
        assert len(station.server.callers) == 0
        assert station.server.connected
        for one in (vehicle, *strangers):
            one.close()
        await station.close()

    run(test)


def test_the_expected_vehicle_does_not_give_way() -> None:
    """A matched vehicle that is slow to speak keeps its place when others connect."""

    async def test() -> None:
        station = Station(connections=3, connections_of_peer=9)
        station.server.expect(peer="::1", mac=b"")
        first = [await connect(station.tcp) for _ in range(3)]
        with contextlib.suppress(ConnectionResetError):  # it may come before connect returns
            assert await is_closed(await connect(station.tcp))
        assert "too many connections" in await station.turned_away()
        for one in first:
            one.close()
        await station.close()

    run(test)


def test_how_much_is_read_before_an_answer_is_a_setting() -> None:
    troubles: list[str] = []
    endpoint = SimulatedV2gSecc({"most_unanswered": 2}, World()).endpoint
    endpoint.on_bad_header = troubles.append
    endpoint.connected(lambda data: None)
    for told in ([], [], ["3 messages without waiting for an answer"]):
        endpoint.received(hello())
        assert troubles == told


def test_a_vehicle_that_does_not_wait_for_answers_is_cut_off() -> None:
    """Messages are read in portions; who sends without end is a fault the chart hears of, not a station that stands."""

    async def test() -> None:
        loop, station = asyncio.get_running_loop(), Station()
        vehicle = await connect(station.tcp)
        await loop.sock_sendall(vehicle, hello())
        station.server.serve(connection=(await station.called())["connection"])
        await loop.sock_sendall(vehicle, hello() * 1000)
        await wait_for(lambda: station.port.named("bad_header"), "the end of patience")
        assert station.port.named("bad_header") == [{"reason": "33 messages without waiting for an answer"}]
        vehicle.close()
        await station.close()

    run(test)


def test_a_peer_that_does_not_read_is_cut_off() -> None:
    """What it is sent waits in memory: not without end."""

    async def test() -> None:
        loop, station = asyncio.get_running_loop(), Station()
        vehicle = await connect(station.tcp)
        vehicle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_sendall(vehicle, hello())
        station.server.serve(connection=(await station.called())["connection"])
        for _ in range(10_000):
            if not station.server.connected or station.server.endpoint.write is None:
                break
            station.server.endpoint.write(bytes(8192))
            await asyncio.sleep(0)
        await wait_for(lambda: station.port.named("disconnected"), "the end of patience")
        assert "does not read" in station.port.named("disconnected")[0]["reason"]
        vehicle.close()
        await station.close()

    run(test)


def test_no_descriptors_left_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """15,506 tracebacks for one cause tell nobody anything; afterwards vehicles are taken again."""

    async def test() -> None:
        accept, left = socket.socket.accept, 3

        def exhausted(sock: socket.socket) -> Any:
            nonlocal left
            if left:
                left -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return accept(sock)

        monkeypatch.setattr(socket.socket, "accept", exhausted)
        monkeypatch.setattr("adapters.net.sockets.ACCEPT_AGAIN_S", 0.01)
        loop, station = asyncio.get_running_loop(), Station()
        vehicle = await connect(station.tcp)
        await loop.sock_sendall(vehicle, hello())
        await station.called()
        assert len(station.port.errors) == 1
        assert "no connection can be accepted: Too many open files" in station.port.errors[0]
        assert "accepted again" in station.port.told[0]
        station.port.errors.clear()
        vehicle.close()
        await station.close()

    run(test)


# ---------------------------------------------------------------- TLS


def test_tls_connections_that_say_nothing_cost_next_to_nothing(keys: Path) -> None:
    """1,120 of them took 333 MB and every descriptor. A vehicle gets in beside 300."""

    async def test() -> None:
        station = Station(keys)
        before = descriptors()
        silent = []
        for _ in range(300):
            with contextlib.suppress(ConnectionResetError):  # turned away before its connect had returned
                silent.append(await connect(station.tls))
        await station.turned_away(300 - RULES["connections_of_peer"])
        assert descriptors() - before <= 300 + 2 * RULES["connections"]
        assert all(caller.stream._tls is None for caller in station.server.callers._open.values())  # type: ignore[attr-defined]
        client, port = vehicle_at(station, keys)
        await wait_for(lambda: port.results, "the vehicle's connection")
        assert port.results == {"c": {"tls": True, "refusal": ""}}
        client.endpoint.write_bytes(hello())
        call = await station.called()
        assert call["tls"]
        station.server.serve(connection=call["connection"])
        station.server.endpoint.write_bytes(v2gtp.encode(v2gtp.PayloadType.SAP, b"\x80"))
        await wait_for(lambda: port.named("undecodable"), "the answer")
        client.disconnect()
        await wait_for(lambda: station.port.named("disconnected"), "the vehicle's end")
        assert station.port.named("disconnected") == [{"reason": "closed by the peer"}]
        for one in silent:
            one.close()
        await station.close()

    run(test)


def vehicle_at(station: Station, keys: Path | None) -> tuple[SocketV2gEvcc, RealPort]:
    """Our vehicle, connecting."""
    config = {"interface": "lo", "root": str(keys / "v2g_root.pem") if keys else ""}
    client = SocketV2gEvcc(config, World())
    port = RealPort(client, "v2g")
    client.connect(host="::1", port=station.tls[1], tls=True, call_id="c")
    return client, port


def strange(**of: Any) -> ssl.SSLContext:
    """A vehicle's TLS that does not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = of.get("version", ssl.TLSVersion.TLSv1_2)
    context.minimum_version = of.get("version", ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(of.get("suite", CIPHERS))
    context.set_ecdh_curve(of.get("curve", "prime256v1"))
    return context


@pytest.mark.parametrize(
    ("client", "alert", "reason"),
    [
        (
            {"version": ssl.TLSVersion.TLSv1_3},
            "PROTOCOL_VERSION",
            NO_VERSION,
        ),
        ({"suite": "ECDHE-RSA-AES128-GCM-SHA256"}, "HANDSHAKE_FAILURE", NOTHING_IN_COMMON),
        ({"curve": "secp384r1"}, "HANDSHAKE_FAILURE", NOTHING_IN_COMMON),
    ],
    ids=["version", "suite", "curve"],
)
def test_tls_that_does_not_fit_is_refused_with_its_alert(
    keys: Path, client: dict[str, Any], alert: str, reason: str
) -> None:
    """The vehicle learns why (RFC 5246 7.2), and so do people at the station."""

    async def test() -> None:
        station = Station(keys)
        with pytest.raises(ssl.SSLError) as refused:
            await asyncio.open_connection(*station.tls, ssl=strange(**client))
        assert alert in str(refused.value)
        assert await station.turned_away() == [f"TLS: {reason} sent)"]
        await station.close()

    run(test)


def test_a_station_of_an_unknown_root_is_told_on_both_sides(keys: Path, tmp_path: Path) -> None:
    """One line on either side, instead of 25 s of attempts without a reason."""

    async def test() -> None:
        pki.write(pki.make(pki.profiles(secc_id="DE*ABC*E2", pcid="WDBABC12345678901X", emaid="E")), tmp_path)
        station = Station(keys)
        _, port = vehicle_at(station, tmp_path)
        await wait_for(lambda: port.results, "the vehicle's verdict")
        refusal = port.results["c"]["refusal"]
        assert refusal.startswith("TLS: the peer's certificate is not accepted: ")
        assert refusal.endswith("(alert 48 unknown_ca sent)")
        assert await station.turned_away() == [
            "TLS: the peer does not know the root of our certificate (alert 48 unknown_ca received)"
        ]
        await station.close()

    run(test)


def test_a_station_without_usable_keys_is_told_at_its_start(keys: Path, tmp_path: Path) -> None:
    """Each way to get it wrong has its words; an encrypted key is not asked for at the terminal."""
    chain, key = str(keys / "secc_chain.pem"), str(keys / "secc.key")
    private = serialization.load_pem_private_key((keys / "secc.key").read_bytes(), None)
    locked = tmp_path / "locked.key"
    encryption = serialization.BestAvailableEncryption(b"open sesame")
    pem = serialization.Encoding.PEM
    locked.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption))
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    cases = [
        (("", ""), "TLS needs setting 'certificate'"),
        ((chain, ""), "TLS needs setting 'key'"),
        ((chain, "nowhere.key"), "No such file"),
        ((str(junk), key), "no PEM in one of them"),
        ((chain, str(keys / "v2g_root.key")), "does not belong to the certificate"),
        ((chain, str(locked)), "is encrypted; its password is setting 'key_password'"),
        ((chain, str(locked), "wrong"), "or a wrong password"),
    ]
    for arguments, words in cases:
        with pytest.raises(ConfigurationError, match=words):
            server_context(*arguments)
    server_context(chain, str(locked), "open sesame")


def test_tls_without_certificate_is_a_usage_error() -> None:
    """rc 2 and one line, not a station that tries for ever and has no port at all."""
    command = [sys.executable, "-m", "engine.cli", "run", "machines/v2g/secc.yaml", "--set", "tls=true", "--quiet"]
    use = {"v2g": "socket", "supply": "none"}
    command += [word for role, name in use.items() for word in ("--set", f"adapters.{role}.use={name}")]
    command += ["--set", "adapters.v2g.interface=lo", "--for", "3 s"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended
    assert ended.stderr.count("\n") == 1
    assert "role 'v2g': TLS needs setting 'certificate' of the V2G server, which is empty" in ended.stderr


def test_the_mac_behind_an_address() -> None:
    """Vehicles whose address was made from their MAC are known by it; others by nothing."""
    assert mac_behind("fe80::c2ff:eeff:fe00:1%eth1") == bytes.fromhex("c0ffee000001")
    assert mac_behind("fe80::1") == b""
