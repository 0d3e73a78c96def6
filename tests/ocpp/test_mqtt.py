"""The line to the central system through a broker: Mosquitto, and brokers that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp.v16 import call

import engine
from adapters.host.chance import SimulatedChance
from adapters.host.wall_clock import SimulatedWallClock
from adapters.ocpp.flat import time_ns
from adapters.ocpp.mqtt import TOPICS, MqttCentralSystem, broker, spoken, topic
from adapters.ocpp.ocpp_ledger import MemoryLedger
from adapters.ocpp.ocpp_settings import MemorySettings
from adapters.ocpp.rpc import Rpc
from engine.adapter import AdapterError, ConfigurationError, World
from engine.run import RealClock, System
from engine.run.host import Host
from tests.ocpp.broker import Behind, Mosquitto, missing
from tests.ocpp.test_websocket import NOON, Foreign, run, until
from tests.slac.real_port import RealPort

real = pytest.mark.skipif(bool(missing()), reason=missing() or "available")
CP = "CP_1"
PRESENCE = f"/charger/{CP}/online"


def adapter(**config: Any) -> tuple[MqttCentralSystem, RealPort]:
    made = MqttCentralSystem(config, World())
    return made, RealPort(made, "csms")


@asynccontextmanager
async def world(folder: Path, **options: Any) -> AsyncIterator[tuple[Mosquitto, Behind]]:
    """A broker and a central system behind it."""
    mosquitto, behind = Mosquitto(folder, **options), Behind(CP)
    try:
        await mosquitto.start()
        await behind.connect(mosquitto)
        yield mosquitto, behind
    finally:
        behind.close()
        mosquitto.kill()


@real
@pytest.mark.parametrize("version", ["v5", "v3_1_1"])
def test_calls_cross_with_the_package_ocpp(tmp_path: Path, version: str) -> None:
    """One PUBLISH is one message, at the ESP32-C6 system's topics; both sides ask and answer."""

    async def talk() -> None:
        async with world(tmp_path) as (mosquitto, behind):
            central = Foreign(CP, behind)
            serving = asyncio.create_task(central.start())
            csms, port = adapter(version=version)
            csms.ping(call_id="early")
            assert port.results["early"] == "not_connected"
            csms.connect(url=mosquitto.url, identity=CP)
            await until(lambda: port.named("connected"))
            csms.BootNotificationReq(call_id="boot", chargePointVendor="V", chargePointModel="M")
            boot = await until(lambda: port.results.get("boot"))
            assert boot == {"status": "Accepted", "currentTime": time_ns(NOON), "interval": 300 * 10**9}
            asking = asyncio.create_task(central.call(call.GetConfiguration(key=["A"])))
            asked = (await until(lambda: port.named("GetConfigurationReq")))[0]
            csms.GetConfigurationConf(call=asked["call"], unknownKey=["A"])
            assert (await asking).unknown_key == ["A"]
            csms.ping(call_id="ping")
            assert (await until(lambda: port.results.get("ping")))["round_trip"] > 0
            csms.disconnect()
            serving.cancel()
            assert port.errors == []

    run(talk)


@real
def test_answers_that_name_the_action(tmp_path: Path) -> None:
    """The dialect of the ESP32-C6 system, both ways: [3, "Authorize", {…}]."""

    async def talk() -> None:
        async with world(tmp_path) as (mosquitto, behind):
            csms, port = adapter(reply_by="action")
            csms.connect(url=mosquitto.url, identity=CP)
            await until(lambda: port.named("connected"))
            csms.AuthorizeReq(call_id="card", idTag="A")
            await until(behind.frames)
            behind.say('[3,"Authorize",{"idTagInfo":{"status":"Accepted"}}]')
            assert (await until(lambda: port.results.get("card")))["status"] == "Accepted"
            behind.say('[2,"17","ClearCache",{}]')
            asked = (await until(lambda: port.named("ClearCacheReq")))[0]
            csms.ClearCacheConf(call=asked["call"], status="Accepted")
            await until(lambda: len(behind.frames()) == 2)
            assert behind.frames()[1] == [3, "ClearCache", {"status": "Accepted"}]
            csms.close()

    run(talk)


@pytest.mark.ocpp_cases("D23")
@real
@pytest.mark.parametrize("version", ["v5", "v3_1_1"])
def test_a_retained_message_is_not_obeyed(tmp_path: Path, version: str) -> None:
    """The ESP32-C6 system retains what it says: a Reset would be repeated at each reconnect, for ever."""

    async def talk() -> None:
        async with world(tmp_path) as (mosquitto, behind):
            behind.say('[2,"old","Reset",{"type":"Hard"}]', retain=True)
            csms, port = adapter(version=version)
            csms.connect(url=mosquitto.url, identity=CP)
            await until(lambda: port.named("connected"))
            behind.say('[2,"new","ClearCache",{}]', retain=True)  # said while it is there: it is meant
            await until(lambda: port.named("ClearCacheReq"))
            assert port.named("ResetReq") == []
            assert port.told == ([] if version == "v5" else ["ignored: a retained message"])
            csms.close()

    run(talk)


@pytest.mark.ocpp_cases("D23")
@real
def test_a_message_that_comes_twice_is_done_once(tmp_path: Path) -> None:
    """QoS 1 is at least once: a CALL is answered the same again, an answer is no answer to something else."""

    async def talk() -> None:
        async with world(tmp_path) as (mosquitto, behind):
            csms, port = adapter()
            csms.connect(url=mosquitto.url, identity=CP)
            await until(lambda: port.named("connected"))
            for _ in range(2):
                behind.say('[2,"1","Reset",{"type":"Soft"}]')
            await until(lambda: port.named("ResetReq") and port.told)
            csms.ResetConf(call="1", status="Accepted")
            behind.say('[2,"1","Reset",{"type":"Soft"}]')
            await until(lambda: len(behind.frames()) == 2)
            assert behind.frames() == [[3, "1", {"status": "Accepted"}]] * 2
            assert len(port.named("ResetReq")) == 1

            csms.AuthorizeReq(call_id="first", idTag="A")
            csms.AuthorizeReq(call_id="second", idTag="B")
            first = (await until(lambda: behind.frames()[2:]))[0]
            for _ in range(2):
                behind.say(json.dumps([3, first[1], {"idTagInfo": {"status": "Blocked"}}]))
            await until(lambda: behind.frames()[3:])
            behind.say(json.dumps([3, behind.frames()[3][1], {"idTagInfo": {"status": "Accepted"}}]))
            await until(lambda: "second" in port.results)
            assert [port.results[name]["status"] for name in ("first", "second")] == ["Blocked", "Accepted"]
            csms.close()

    run(talk)


@real
def test_who_goes_and_who_is_cut_off_is_seen(tmp_path: Path) -> None:
    """Presence: 1 while it is there; 0 when it goes, and 0 by the last will when it just stops."""

    async def talk() -> None:
        async with world(tmp_path) as (mosquitto, behind), relay(mosquitto) as (url, cut):
            csms, port = adapter()
            csms.connect(url=url, identity=CP)
            await until(lambda: behind.of(PRESENCE) == ["1"])
            csms.disconnect()
            await until(lambda: behind.of(PRESENCE) == ["1", "0"])
            assert port.named("disconnected") == []
            csms.connect(url=url, identity=CP)
            await until(lambda: len(behind.of(PRESENCE)) == 3 and len(port.named("connected")) == 2)
            csms.HeartbeatReq(call_id="open")
            cut()
            await until(lambda: behind.of(PRESENCE) == ["1", "0", "1", "0"])
            await until(lambda: port.named("disconnected"))
            assert port.results == {"open": "disconnected"}
            later = Behind("another")
            later._client._client_id = b"later"
            await later.connect(mosquitto)
            await until(lambda: later.heard)
            assert later.heard == [(PRESENCE, "0", True)]  # whoever comes later reads it, too
            later.close()

    run(talk)


@asynccontextmanager
async def relay(to: Mosquitto) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A line that can be cut."""
    ends: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
        except OSError:
            pass
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", to.port)
        ends.extend([writer, back])
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    def cut() -> None:
        for end in ends:
            end.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}", cut


@real
def test_name_and_password(tmp_path: Path) -> None:
    mosquitto_passwd = Path("/usr/bin/mosquitto_passwd")
    if not mosquitto_passwd.exists():
        pytest.skip("no mosquitto_passwd")
    known = tmp_path / "known"
    subprocess.run([mosquitto_passwd, "-b", "-c", known, CP, "right"], check=True, capture_output=True)

    async def talk() -> None:
        mosquitto = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {known}")
        await mosquitto.start()
        try:
            for password, event in ((b"right", "connected"), (b"wrong", "refused"), (None, "refused")):
                csms, port = adapter()
                csms.connect(url=mosquitto.url, identity=CP, password=password)
                await until(lambda port=port: port.events)
                assert port.events[0][0] == event, port.events
                assert event == "connected" or port.events[0][1]["reason"] == "unauthorised"
                csms.close()
        finally:
            mosquitto.kill()

    run(talk)


@real
@pytest.mark.parametrize(
    ("root", "name", "connects"),
    [
        ("root", None, True),
        ("root", "central.example", True),
        ("root", "another.example", False),
        ("other", None, False),
    ],
)
def test_the_brokers_certificate(tmp_path: Path, pki: Path, root: str, name: str | None, connects: bool) -> None:
    async def talk() -> None:
        mosquitto = Mosquitto(tmp_path, tls=pki)
        await mosquitto.start()
        try:
            csms, port = adapter(roots=str(pki / f"{root}.pem"))
            csms.connect(url=mosquitto.url, identity=CP, name=name)
            await until(lambda: port.events)
            assert port.events[0][0] == ("connected" if connects else "refused"), port.events
            assert connects or port.events[0][1]["reason"] == "certificate"
            if connects:
                csms.ping(call_id="ping")
                await until(lambda: port.results)
            csms.close()
        finally:
            mosquitto.kill()

    run(talk)


@real
def test_registration_and_delivery_over_a_broker_that_dies(tmp_path: Path) -> None:
    """The charts of the WebSocket: what was not taken is sent again when the broker is back, under the same id."""

    async def talk() -> None:
        async with world(tmp_path) as (mosquitto, behind):
            system, shared = System(RealClock()), World()
            ledger = MemoryLedger({}, shared)
            # The charge point may be back before the central system: what is said then nobody hears.
            keys = {
                "MessageTimeout": 1_000_000_000,
                "TransactionMessageRetryInterval": 0,
                "TransactionMessageAttempts": 100,
            }
            adapters = {
                "csms": MqttCentralSystem({}, shared),
                "chance": SimulatedChance({}, shared),
                "clock": SimulatedWallClock({}, shared),
                "ledger": ledger,
                "settings": MemorySettings(keys, shared),
            }
            waits = {
                "connection.RetryBackOffWaitMinimum": 10_000_000,
                "connection.RetryBackOffRandomRange": 0,
            }
            line = system.add(
                engine.load("tests/ocpp/line.yaml"), "line", {"url": mosquitto.url, "identity": CP, **waits}, adapters
            )
            host = Host(system)
            running = asyncio.create_task(host.run())
            boot = (await until(behind.frames))[0]
            assert boot[2:] == ["BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}]
            accepted = {"status": "Accepted", "currentTime": NOON, "interval": 300}
            behind.say(json.dumps([3, boot[1], accepted]))
            await until(lambda: "line.sending" in line.machine.configuration)
            system.post(line, "begin", {"idTag": "A"})
            first = (await until(lambda: behind.frames()[1:]))[0]
            mosquitto.kill()
            await until(lambda: "line.offline" in line.machine.configuration)
            await mosquitto.start()
            again = (await until(lambda: behind.frames()[2:]))[0]
            assert again == first
            behind.say(json.dumps([3, again[1], {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}]))
            await until(lambda: ledger.waiting == 0)
            host.stop()
            await running

    run(talk)


@real
def test_a_socket_that_the_broker_closed_is_watched_no_more(tmp_path: Path) -> None:
    """Else whatever gets its number next is not heard: the next line, a connection to upload a file."""

    async def talk() -> None:
        async with world(tmp_path) as (mosquitto, _):
            csms, port = adapter()
            csms.connect(url=mosquitto.url, identity=CP)
            await until(lambda: port.named("connected"))
            mosquitto.kill()
            await until(lambda: port.named("disconnected"))
            loop, heard = asyncio.get_running_loop(), set[int]()
            pairs = [socket.socketpair() for _ in range(20)]
            ends = [end for pair in pairs for end in pair]
            for end in ends:
                loop.add_reader(end, heard.add, end.fileno())
                end.send(b"x")
            await until(lambda: len(heard) == len(ends))
            for end in ends:
                loop.remove_reader(end)
                end.close()
            csms.close()

    run(talk)


# ---------------------------------------------------------------- brokers that misbehave

CONNACK = bytes.fromhex("20020000")
SUBACK = bytes.fromhex("9003000101")


@asynccontextmanager
async def pretended(*said: bytes, closes: bool = False) -> AsyncIterator[str]:
    """Says these octets, each after something was heard, whatever it was."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for each in said:
                await reader.read(4096)
                writer.write(each)
            while not closes and await reader.read(4096):
                pass
        except (OSError, asyncio.CancelledError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([bytes.fromhex("20020002")], "other"),  # the name is not taken
        ([bytes.fromhex("20020003")], "unavailable"),
        ([bytes.fromhex("20020004")], "unauthorised"),
        ([bytes.fromhex("20020005")], "unauthorised"),
        ([CONNACK, bytes.fromhex("9003000180")], "unauthorised"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "unreachable"),
        ([CONNACK, b"\xff" * 64], "unreachable"),
        ([b""], "unreachable"),
        ([CONNACK, b""], "unreachable"),
    ],
)
def test_why_a_line_is_refused(said: list[bytes], reason: str) -> None:
    """MQTT 3.1.1 table 3.1, and what is no broker."""

    async def talk() -> None:
        silent = said[-1] == b""
        async with pretended(*said, closes=not silent) as url:
            csms, port = adapter(version="v3_1_1", open_timeout=200_000_000 if silent else 30_000_000_000)
            csms.connect(url=url, identity=CP)
            refused = (await until(lambda: port.named("refused")))[0]
            assert (refused["reason"], refused["status"]) == (reason, 0), refused
            assert [name for name, _ in port.events] == ["refused"]
            csms.close()
            assert port.errors == []

    run(talk)


def test_a_broker_that_does_not_speak_this_version() -> None:
    async def talk() -> None:
        async with pretended(bytes.fromhex("2003008400")) as url:
            csms, port = adapter()
            csms.connect(url=url, identity=CP)
            refused = (await until(lambda: port.named("refused")))[0]
            assert refused == {
                "reason": "subprotocol",
                "status": 0,
                "text": "the broker says: Unsupported protocol version",
            }

    run(talk)


def test_nobody_there_and_an_attempt_that_is_given_up() -> None:
    async def talk() -> None:
        async with pretended() as url:
            pass
        csms, port = adapter()
        csms.connect(url=url, identity=CP)
        assert (await until(lambda: port.named("refused")))[0]["reason"] == "unreachable"
        async with pretended(b"") as url, pretended(CONNACK, SUBACK) as good:
            csms, port = adapter(version="v3_1_1")
            csms.connect(url=url, identity=CP)
            csms.connect(url=url, identity=CP)
            await asyncio.sleep(0)
            csms.connect(url=good, identity=CP)
            await until(lambda: port.events)
            csms.disconnect()
            await asyncio.sleep(0)
            assert [name for name, _ in port.events] == ["connected"]
            assert port.errors == []

    run(talk)


def test_a_dead_line_is_given_up_by_keep_alive() -> None:
    """Without anybody who asks, too: a PINGREQ that is not answered ends the line."""

    async def talk() -> None:
        async with pretended(CONNACK, SUBACK) as url:
            csms, port = adapter(version="v3_1_1", keepalive=1_000_000_000)
            csms.connect(url=url, identity=CP)
            await until(lambda: port.named("connected"))
            csms.HeartbeatReq(call_id="open")
            assert (await until(lambda: port.named("disconnected")))[0]["code"] == 0
            assert port.results == {"open": "disconnected"}

    run(talk)


@settings(max_examples=25)
@given(st.binary(max_size=200))
def test_whatever_a_broker_sends_the_line_is_cut_and_nothing_else(garbage: bytes) -> None:
    async def talk() -> None:
        async with pretended(CONNACK, SUBACK + garbage + b"\xff" * 8, closes=True) as url:
            csms, port = adapter(version="v3_1_1", presence="")
            csms.connect(url=url, identity=CP)
            await until(lambda: port.named("disconnected") or port.named("refused"))
            assert port.errors == []
            csms.close()

    run(talk)


# ---------------------------------------------------------------- sans-I/O


@given(st.binary(max_size=300), st.booleans())
def test_any_octets_mean_something(payload: bytes, retained: bool) -> None:
    """What is heard is text for the calls or has a reason why not; the calls take any text."""
    text, why = spoken(payload, retained)
    assert bool(why) == (retained or payload.decode("utf-8", "replace") != text)
    Rpc().receive(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_topic_is_one_that_can_be_published_to_or_is_refused(template: str, identity: str) -> None:
    for key in TOPICS:
        try:
            made = topic(template, identity, key)
        except AdapterError:
            continue
        assert not set(made) & set("+#\0{}")
        assert made or key in ("presence", "client_id")
        assert len(made.encode()) <= 65_535


@given(st.text(max_size=60))
def test_a_url_is_a_brokers_or_refused(url: str) -> None:
    for one in (url, f"mqtt://{url}"):
        try:
            found = broker(one)
        except AdapterError:
            continue
        assert found.host
        assert 0 < found.port < 65_536


def test_urls_and_topics() -> None:
    assert (broker("mqtt://h").port, broker("mqtts://h").port, broker("mqtts://h:9/").port) == (1883, 8883, 9)
    for wrong in ("ws://h", "h:1883", "mqtt://", "mqtt://h/path", "mqtt://h:x", "mqtt://a@h", ""):
        with pytest.raises(ConfigurationError, match="no URL of a broker"):
            broker(wrong)
    assert topic("/charger/{identity}", "7", "publish") == "/charger/7"

    async def talk() -> None:
        with pytest.raises(ConfigurationError, match="setting 'publish'"):
            adapter(publish="/charger/#")
        csms, _ = adapter()
        for identity, what in (("a+b", "setting 'publish'"), ("", "needs an identity")):
            with pytest.raises(ConfigurationError, match=what):
                csms.connect(url="mqtt://127.0.0.1", identity=identity)

    run(talk)
