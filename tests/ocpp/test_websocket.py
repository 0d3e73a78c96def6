"""The line to central systems nobody here wrote, on real sockets: the package ``ocpp``, and servers that misbehave."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import RegistrationStatus, ResetType
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

import engine
from adapters.host.chance import SimulatedChance
from adapters.ocpp.flat import time_ns
from adapters.ocpp.ocpp_settings import MemorySettings
from adapters.ocpp.websocket import WebSocketCentralSystem, endpoint
from engine.adapter import AdapterError, ConfigurationError, World
from engine.cli import main
from engine.run import RealClock, System
from engine.run.host import Host
from tests.slac.real_port import RealPort

Serve = Callable[[ServerConnection], Awaitable[None]]
NOON = "2026-11-29T12:00:00Z"


class Foreign(ChargePoint):  # type: ignore[misc]
    """The central system's end, as the package makes one."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def on_boot(self, **_: Any) -> Any:
        return call_result.BootNotification(current_time=NOON, interval=300, status=RegistrationStatus.accepted)

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_values(self, **said: Any) -> Any:
        self.said = said
        return call_result.MeterValues()


@asynccontextmanager
async def central(handler: Serve, **options: Any) -> AsyncIterator[str]:
    options.setdefault("subprotocols", [Subprotocol("ocpp1.6")])
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"{'wss' if 'ssl' in options else 'ws'}://127.0.0.1:{port}/ocpp"


def adapter(**config: Any) -> tuple[WebSocketCentralSystem, RealPort]:
    made = WebSocketCentralSystem(config, World())
    return made, RealPort(made, "csms")


async def until(happened: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while not (found := happened()):
            await asyncio.sleep(0.002)
        return found


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))  # type: ignore[arg-type]


async def idle(line: ServerConnection) -> None:
    await line.wait_closed()


@pytest.mark.ocpp_cases("D21")
def test_calls_cross_with_the_package_ocpp() -> None:
    """Ours is answered, theirs too, while ours waits; what a chart says arrives as the specification writes it."""

    async def talk() -> None:
        ends: list[Foreign] = []

        async def handler(line: ServerConnection) -> None:
            ends.append(Foreign("CP 1", line))
            await ends[0].start()

        async with central(handler) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="CP 1")
            await until(lambda: port.named("connected") and ends)
            csms.BootNotificationReq(call_id="boot", chargePointVendor="V", chargePointModel="M", iccid=None)
            assert (await until(lambda: port.results.get("boot"))) == {
                "status": "Accepted",
                "currentTime": time_ns(NOON),
                "interval": 300 * 10**9,
            }
            reset = asyncio.create_task(ends[0].call(call.Reset(type=ResetType.soft)))
            asked = (await until(lambda: port.named("ResetReq")))[0]
            assert asked["type"] == "Soft"
            csms.ResetConf(call=asked["call"], status="Accepted")
            assert (await reset).status == "Accepted"

            schedule = asyncio.create_task(ends[0].call(call.GetConfiguration(key=["A", "B"])))
            asked = (await until(lambda: port.named("GetConfigurationReq")))[0]
            assert asked["key"] == ["A", "B"]
            csms.GetConfigurationConf(call=asked["call"], key=["A"], readonly=[True], value=["1"], unknownKey=["B"])
            said = await schedule
            assert (said.configuration_key, said.unknown_key) == ([{"key": "A", "readonly": True, "value": "1"}], ["B"])

            csms.MeterValuesReq(
                call_id="values", connectorId=1, transactionId=7, timestamp=[time_ns(NOON)], value=["1200"], unit=["Wh"]
            )
            await until(lambda: port.results.get("values") is not None)
            assert ends[0].said["meter_value"][0]["sampled_value"] == [{"value": "1200", "unit": "Wh"}]
            csms.close()
            assert port.errors == []

    run(talk)


@pytest.mark.ocpp_cases("D20")
def test_a_message_that_is_too_long_for_us() -> None:
    """RFC 6455 7.4.1; whose mistake it was is said, and the CALL under way only lost its line."""

    async def talk() -> None:
        async def handler(line: ServerConnection) -> None:
            await line.recv()
            await line.send("[" + 2**21 * " " + "]")
            await line.wait_closed()

        async with central(handler) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="A")
            await until(lambda: port.named("connected"))
            csms.HeartbeatReq(call_id="open")
            (lost,) = await until(lambda: port.named("disconnected"))
            assert lost["code"] == 1009
            assert lost["text"].startswith("the central system has sent a message of more than 2097152 octets")
            assert port.results["open"] == "disconnected"

    run(talk)


@pytest.mark.parametrize(("frame", "code"), [(b"\x81\x01\xff", 1007), (b"\x83\x00", 1002)])
def test_what_is_no_text_and_no_frame_ends_the_line(frame: bytes, code: int) -> None:
    """Half a character, a reserved opcode: told, so that a new line is made."""

    async def talk() -> None:
        async def handler(line: ServerConnection) -> None:
            line.transport.write(frame)
            await line.wait_closed()

        async with central(handler) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="A")
            (lost,) = await until(lambda: port.named("disconnected"))
            assert (lost["code"], port.errors) == (code, [])

    run(talk)


def test_a_message_that_is_too_long_for_the_central_system() -> None:
    """It would hang up each time: the CALL has failed, what waits behind it has lost its line."""

    async def talk() -> None:
        async with central(idle, max_size=100) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="A")
            await until(lambda: port.named("connected"))
            csms.DataTransferReq(call_id="open", vendorId="V", data=200 * "x")
            csms.HeartbeatReq(call_id="waiting")
            (lost,) = await until(lambda: port.named("disconnected"))
            assert lost["code"] == 1009
            assert lost["text"].startswith("a message is too long for the central system: ")
            assert (port.results["open"], port.results["waiting"]) == ("too_big", "disconnected")

    run(talk)


def test_one_call_at_a_time_in_their_order_and_one_that_is_given_up() -> None:
    async def talk() -> None:
        heard: list[list[Any]] = []
        lines: list[ServerConnection] = []

        async def handler(line: ServerConnection) -> None:
            lines.append(line)
            async for text in line:
                heard.append(json.loads(text))

        async with central(handler) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="1")
            await until(lambda: port.named("connected") and lines)
            csms.HeartbeatReq(call_id="a")
            csms.AuthorizeReq(call_id="b", idTag="B")
            csms.AuthorizeReq(call_id="c", idTag="C")
            await until(lambda: heard)
            csms.cancel_call("b")
            csms.cancel_call("a")  # nobody waits for it any more: the next goes out
            await until(lambda: len(heard) == 2)
            assert [frame[2] for frame in heard] == ["Heartbeat", "Authorize"]
            assert heard[1][3] == {"idTag": "C"}
            await lines[0].send(json.dumps([3, heard[0][1], {"currentTime": NOON}]))  # too late
            await lines[0].send(json.dumps([4, heard[1][1], "InternalError", "no", {}]))
            await until(lambda: "c" in port.results)
            assert port.results == {"c": "InternalError"}
            csms.close()

    run(talk)


def test_with_the_line_its_calls_die() -> None:
    async def talk() -> None:
        async def handler(line: ServerConnection) -> None:
            await line.recv()
            await line.close(1012, "restart")

        async with central(handler) as url:
            csms, port = adapter()
            csms.HeartbeatReq(call_id="early")
            assert port.results == {"early": "not_connected"}
            csms.connect(url=url, identity="1")
            await until(lambda: port.named("connected"))
            csms.HeartbeatReq(call_id="open")
            csms.HeartbeatReq(call_id="waiting")
            await until(lambda: port.named("disconnected"))
            assert port.named("disconnected") == [{"code": 1012, "text": "restart"}]
            assert (port.results["open"], port.results["waiting"]) == ("disconnected", "disconnected")

    run(talk)


@pytest.mark.ocpp_cases("D20")
def test_whatever_is_sent_the_line_lives() -> None:
    """No JSON, an unknown message, a wrong type, a binary frame, fragments with a ping between, a time that is none."""

    async def talk() -> None:
        answers: list[Any] = []

        async def handler(line: ServerConnection) -> None:
            await line.send("{")
            await line.send(b"\x00\x01")
            await line.send('[2,"1","Nonsense",{}]')
            await line.send('[2,"2","Reset",{"type":7}]')
            await line.send('[2,"3","UpdateFirmware",{"location":"http://a","retrieveDate":"soon"}]')

            async def fragments() -> AsyncIterator[str]:
                yield '[2,"4","Re'
                await line.ping()
                yield 'set",{"type":'
                yield '"Hard"}]'

            await line.send(fragments())
            async for text in line:
                answers.append(json.loads(text))

        async with central(handler) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="1")
            assert (await until(lambda: port.named("ResetReq"))) == [{"call": "4", "type": "Hard"}]
            csms.ResetConf(call="4", status="Rejected")
            await until(lambda: len(answers) == 4)
            assert [answer[:3] for answer in answers] == [
                [4, "1", "NotImplemented"],
                [4, "2", "TypeConstraintViolation"],
                [4, "3", "TypeConstraintViolation"],
                [3, "4", {"status": "Rejected"}],
            ]
            with pytest.raises(AdapterError, match="no CALL '9' waits"):
                csms.refuse(call="9", code="NotSupported")
            csms.close()

    run(talk)


@pytest.mark.ocpp_cases("D20")
def test_what_comes_with_the_handshake_is_heard_in_its_order() -> None:
    """Its octets may come in one piece with the answer to the handshake, before anybody can listen; some in fragments,
    with more messages behind."""

    async def talk() -> None:
        said = [json.dumps([2, str(number), "Reset", {"type": "Soft"}]) for number in range(40)]

        async def in_pieces(text: str) -> AsyncIterator[str]:
            for at in range(0, len(text), 7):
                yield text[at : at + 7]

        async def handler(line: ServerConnection) -> None:
            for number, text in enumerate(said):
                await line.send(in_pieces(text) if number % 3 == 2 else text)
            await line.wait_closed()

        async with central(handler) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="1")
            await until(lambda: len(port.named("ResetReq")) >= 32 or port.errors)  # the most that wait for an answer
            for number in range(32):
                csms.ResetConf(call=str(number), status="Accepted")
            csms.close()
            assert [one["call"] for one in port.named("ResetReq")] == [str(number) for number in range(32)]
            assert port.errors == []

    run(talk)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "unauthorised"), (404, "not_found"), (503, "unavailable"), (500, "other")],
)
def test_what_the_http_answer_means(status: int, reason: str) -> None:
    async def talk() -> None:
        def refuse(line: ServerConnection, request: Request) -> Response:
            return line.respond(HTTPStatus(status), "no")

        async with central(idle, process_request=refuse) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="1")
            refused = (await until(lambda: port.named("refused")))[0]
            assert (refused["reason"], refused["status"]) == (reason, status)

    run(talk)


@pytest.mark.ocpp_cases("TC_088")
def test_the_subprotocol_must_be_taken() -> None:
    """A server that picks none is left."""

    async def talk() -> None:
        async with central(idle, subprotocols=None) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="1")
            assert (await until(lambda: port.named("refused")))[0]["reason"] == "subprotocol"
            assert port.named("connected") == []

    run(talk)


def test_nobody_there() -> None:
    async def talk() -> None:
        async with central(idle) as url:
            pass
        csms, port = adapter()
        csms.connect(url=url, identity="1")
        assert (await until(lambda: port.named("refused")))[0]["reason"] == "unreachable"

    run(talk)


def test_an_attempt_that_is_given_up_says_nothing() -> None:
    async def talk() -> None:
        async with central(idle) as url:
            csms, port = adapter()
            csms.connect(url=url, identity="first")
            csms.connect(url=url, identity="second")
            await until(lambda: port.named("connected"))
            csms.disconnect()
            await asyncio.sleep(0)
            assert [name for name, _ in port.events] == ["connected"]

    run(talk)


@pytest.mark.ocpp_cases("TC_085", "TC_088", "D15")
def test_identity_password_and_what_is_offered() -> None:
    """D15 of the field: encoded once in the path, not at all in the header; no compression."""

    async def talk() -> None:
        requests: list[Request] = []

        def note(_: ServerConnection, request: Request) -> None:
            requests.append(request)

        async with central(idle, process_request=note) as url:
            csms, port = adapter()
            csms.connect(url=f"{url}/?a=b", identity="CP|1/ü %", password=b"secret")
            await until(lambda: port.named("connected"))
            request = requests[0]
            assert request.path == "/ocpp/CP%7C1%2F%C3%BC%20%25?a=b"
            assert request.headers["Authorization"].split()[1] == base64.b64encode("CP|1/ü %:secret".encode()).decode()
            assert request.headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
            assert "Sec-WebSocket-Extensions" not in request.headers
            with pytest.raises(AdapterError, match="colon"):
                csms.connect(url=url, identity="a:b", password=b"secret")
            csms.close()

    run(talk)


@pytest.mark.ocpp_cases("D15")
def test_urls() -> None:
    """What is none is said at the start."""
    assert endpoint("ws://h/a/", "1") == endpoint("ws://h/a", "1") == "ws://h/a/1"
    assert endpoint("wss://h:9", "1") == "wss://h:9/1"
    assert endpoint("ws://h", "a b/ü") == "ws://h/a%20b%2F%C3%BC"
    for wrong in ("http://h/a", "h/a", "", "ws://", "ws://:9", "ws://h:x", "ws://[h"):
        with pytest.raises(ConfigurationError, match="no URL of a central system"):
            endpoint(wrong, "1")
    for identity in ("", "  ", "ws://h/1", "a\nb", "a\x00", "\ud800"):
        with pytest.raises(ConfigurationError, match="identity"):
            endpoint("ws://h", identity)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("url", "http://127.0.0.1:9", "'http://127.0.0.1:9' is no URL of a central system"),
        ("identity", "", "a charge point needs an identity"),
        ("identity", "CP\n1", "is no identity"),
    ],
)
def test_a_wrong_one_ends_the_run_before_it_begins(
    key: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was tried again and again in silence, and charged on."""
    given = ["--set", "ocpp.url=ws://127.0.0.1:9", "--set", f"ocpp.{key}={value}"]
    assert main(["run", "machines/charge_point.yaml", *given, "--quiet", "--for", "1 s"]) == 2
    assert said in capsys.readouterr().err


def test_a_ping_measures_the_line() -> None:
    async def talk() -> None:
        async with central(idle) as url:
            csms, port = adapter()
            csms.ping(call_id="early")
            assert port.results["early"] == "not_connected"
            csms.connect(url=url, identity="1")
            await until(lambda: port.named("connected"))
            csms.ping(call_id="ping")
            assert (await until(lambda: port.results.get("ping")))["round_trip"] > 0
            csms.close()

    run(talk)


# ---------------------------------------------------------------- TLS


@pytest.mark.parametrize(
    ("root", "name", "connects"),
    [
        ("root", None, True),
        ("root", "central.example", True),
        ("root", "another.example", False),
        ("root", "a.wild.example", True),
        ("root", "a.b.wild.example", False),
        ("root", "wild.example", False),
        ("other", None, False),
        ("server", None, True),
        ("client", None, False),
    ],
)
@pytest.mark.ocpp_cases("TC_078", "TC_086", "D17")
def test_the_central_systems_certificate(pki: Path, root: str, name: str | None, connects: bool) -> None:
    """Chain and name are checked; the name may be another than the URL's, is asked for by SNI, and a wildcard is one
    label of it. Its own certificate may be the one that is trusted, and no other then."""

    async def talk() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "server.pem", pki / "server.key")
        asked: list[str | None] = []
        context.sni_callback = lambda _, server_name, __: asked.append(server_name)
        async with central(idle, ssl=context) as url:
            csms, port = adapter(roots=str(pki / f"{root}.pem"))
            csms.connect(url=url, identity="1", name=name)
            await until(lambda: port.events)
            assert port.events[0][0] == ("connected" if connects else "refused")
            assert connects or port.events[0][1]["reason"] == "certificate"
            assert asked == [name]
            csms.close()

    run(talk)


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.ocpp_cases("TC_087")
def test_the_charge_points_certificate(pki: Path, shown: bool) -> None:
    """A central system that asks for one gets it, and keeps out who has none."""

    async def talk() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "server.pem", pki / "server.key")
        context.load_verify_locations(pki / "root.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        own = {"certificate": str(pki / "client.pem"), "private_key": str(pki / "client.key")} if shown else {}
        async with central(idle, ssl=context) as url:
            csms, port = adapter(roots=str(pki / "root.pem"), **own)
            csms.connect(url=url, identity="1")
            await until(lambda: port.events)
            assert port.events[0][0] == ("connected" if shown else "refused")
            csms.close()

    run(talk)


def test_certificates_that_cannot_be_read_are_told_at_the_start(tmp_path: Path) -> None:
    async def talk() -> None:
        with pytest.raises(ConfigurationError, match="certificates of the central system"):
            adapter(roots=str(tmp_path / "none.pem"))

    run(talk)


def test_at_the_end_of_a_run_the_line_is_closed_in_order() -> None:
    """The central system sees an end, not a cut: the machine's exit action reaches the line."""

    async def talk() -> None:
        codes: list[int | None] = []

        async def handler(line: ServerConnection) -> None:
            await line.wait_closed()
            codes.append(line.close_code)

        async with central(handler) as url:
            system = System(RealClock())
            chart = engine.load("machines/ocpp/connection.yaml")
            roles = {
                "csms": WebSocketCentralSystem({}, World()),
                "chance": SimulatedChance({}, World()),
                "settings": MemorySettings({}, World()),
            }
            machine = system.add(chart, "line", {"url": url, "identity": "1"}, roles)
            host = Host(system)
            running = asyncio.create_task(host.run())
            await until(lambda: "online" in machine.machine.configuration)
            host.stop()
            await running
            await until(lambda: codes)
            assert codes == [1000]

    run(talk)
