"""The callback against real servers on this computer: whatever they do, the chart goes on and tells how it ended."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import engine
from adapters.http.callback import LONGEST, MOST, HttpCallback, SimulatedCallback, told
from adapters.registry import REGISTRY
from engine.adapter import World
from engine.run import RealClock, System
from engine.run.host import Host
from engine.run.observer import Note, StepRecord

MS = 1_000_000
WORD = {"soc": 63, "full_soc": 80, "capacity": 64000.0, "energy": 12000.0, "EVCCID": bytes.fromhex("aabbccddeeff")}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAST = {"T_answer": 300 * MS, "T_retry": 10 * MS, "C_tries": 3}

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Run:
    """The chart ``callback`` on the real clock, told one word; ends when it says how that went."""

    def __init__(self, callback: HttpCallback, parameters: dict[str, Any]) -> None:
        self.system = System(RealClock())
        self.system.observers.append(self)
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.actor = self.system.add(engine.load("machines/callback.yaml"), "callback", parameters, {"web": callback})

    async def outcome(self) -> str:
        """``delivered``, or the reason for which it was given up."""
        host = Host(self.system)
        running = asyncio.create_task(host.run())
        await asyncio.sleep(0)
        self.system.post(self.actor, "tell", WORD)
        async with asyncio.timeout(60):  # generous: only a hang fails
            while not self.said:
                await asyncio.sleep(0.005)
        host.end()
        await asyncio.wait_for(running, 60)
        ((event, data),) = self.said
        return str(data.get("reason", event))

    def step(self, record: StepRecord) -> None:
        """Observer."""

    def note(self, note: Note) -> None:
        """Observer."""
        if note.kind == "out":
            self.said.append((note.text, dict(note.data)))
        assert note.kind not in ("adapter_error", "machine_failed"), note.text


def runs(
    talk: Talk, parameters: dict[str, Any] = FAST, tls: ssl.SSLContext | None = None, **settings: Any
) -> tuple[str, int]:
    """How it went at a server that talks so, and how many connections it took."""
    calls = 0

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the station has cut it
        finally:
            writer.close()

    async def together() -> str:
        server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        scheme = "https" if tls else "http"
        run = Run(HttpCallback({"url": f"{scheme}://127.0.0.1:{port}", **settings}, World()), parameters)
        try:
            return await run.outcome()
        finally:
            server.close()

    return asyncio.run(together()), calls


def says(*answers: bytes) -> Talk:
    """A server that reads a request and gives the next of these answers, at last the last."""
    left = list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return talk


def status(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} Whatever", *headers, "Content-Length: 0", "", ""]).encode()


def test_a_smartevse_gets_it() -> None:
    """The whole request, as it is on the wire."""
    got: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    assert runs(talk) == ("delivered", 1)
    line, _, headers = got[0].partition(b"\r\n")
    assert line == (
        b"POST /ev_state?current_soc=63&full_soc=80&energy_capacity=64000&energy_request=12000"
        b"&evccid=aabbccddeeff HTTP/1.1"
    )
    assert b"Content-Length: 0\r\n" in headers
    assert b"Host: 127.0.0.1:" in headers


def test_a_body_arrives_whole() -> None:
    got: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        got.append(await reader.readexactly(length))
        writer.write(OK)

    assert runs(talk, format="json") == ("delivered", 1)
    assert got[0].startswith(b'{"current_soc": 63, ')


def test_a_server_that_fails_for_a_while() -> None:
    assert runs(says(status(500), status(503), OK)) == ("delivered", 3)
    assert runs(says(status(500))) == ("HTTP 500", 3)


def test_refusals_and_redirections_are_not_tried_again() -> None:
    assert runs(says(status(404))) == ("HTTP 404", 1)
    assert runs(says(status(302, "Location: http://127.0.0.1:1/"))) == ("HTTP 302", 1)


@pytest.mark.parametrize("how", ["says nothing", "drips", "100 Continue for ever"])
def test_a_server_that_does_not_come_to_an_end(how: str) -> None:
    """Each try is cut after T_answer, and there is no fourth."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"" if how == "says nothing" else b"HTTP/1.1 ")
        if how == "100 Continue for ever":
            writer.write(b"100 Continue\r\n\r\n")
        while not reader.at_eof():
            if how == "drips":
                writer.write(b"2")
            elif how == "100 Continue for ever":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)
            if how == "says nothing":
                await reader.read()

    assert runs(talk) == ("no answer in time", 3)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\x1b[2J" * 30 + b"\r\n\r\n",
        b"HTTP/1.1 abc Whatever\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
    ids=["octets", "status", "long line", "many headers", "another protocol", "end"],
)
def test_garbage_is_a_failure_that_is_told_in_one_line(garbage: bytes) -> None:
    """It may be a server that restarts, so it is tried again."""
    outcome, calls = runs(says(garbage))
    assert outcome not in ("", "delivered")
    assert len(outcome) <= LONGEST
    assert outcome.isascii()
    assert outcome.isprintable()
    assert calls == 3


def test_a_huge_answer_is_not_read() -> None:
    """200 is all that counts; what the server goes on sending is left to it."""
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            writer.write(bytes(65_536))
            await writer.drain()
            sent += 65_536

    assert runs(talk) == ("delivered", 1)
    assert sent < 50_000_000


def test_nobody_there() -> None:
    async def together() -> str:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return await Run(HttpCallback({"url": f"http://127.0.0.1:{port}"}, World()), FAST).outcome()

    assert "refused" in asyncio.run(together())


def test_without_an_address_nobody_is_told() -> None:
    assert not HttpCallback({}, World()).has_address
    assert SimulatedCallback({}, World()).has_address


def test_a_name_that_cannot_be_one() -> None:
    run = Run(HttpCallback({"url": f"http://{'a' * 70}.invalid"}, World()), FAST)
    assert asyncio.run(run.outcome()) != "delivered"


def test_it_needs_the_real_clock() -> None:
    """On the virtual clock no server could answer in time: it says so at the start, and the chart gives up."""
    system = System()
    notes: list[Note] = []
    system.observers.append(Listener(notes))
    callback = HttpCallback({"url": "http://h"}, World())
    actor = system.add(engine.load("machines/callback.yaml"), "callback", {}, {"web": callback})
    system.start()
    system.advance(0)
    assert any("real clock" in note.text for note in notes), notes
    system.post(actor, "tell", WORD)
    system.advance(3600_000 * MS)
    assert [note.text for note in notes if note.kind == "out"] == ["given_up"]


class Listener:
    """Keeps what is noted."""

    def __init__(self, notes: list[Note]) -> None:
        self.note = notes.append

    def step(self, record: StepRecord) -> None:
        """Observer."""


# ---------------------------------------------------------------- https


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's context for ``host``, and the file a client has to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(own.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, pem


def test_https_to_a_trusted_server(tmp_path: Path) -> None:
    context, pem = certificate(tmp_path, "127.0.0.1")
    patient = {**FAST, "T_answer": 30_000 * MS}
    assert runs(says(OK), patient, tls=context, ca_file=str(pem)) == ("delivered", 1)


def test_https_to_anybody_else(tmp_path: Path) -> None:
    """Neither a server nobody vouches for nor one that is another's gets a word."""
    patient = {**FAST, "T_answer": 30_000 * MS}
    context, pem = certificate(tmp_path, "127.0.0.2")
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))

    assert "certificate" in runs(talk, patient, tls=context)[0].lower()
    assert "127.0.0.1" in runs(talk, patient, tls=context, ca_file=str(pem))[0]
    assert not heard


# ---------------------------------------------------------------- what is left


def test_requests_that_nobody_waits_for_are_bounded() -> None:
    """A name server that never answers holds a thread each; more than MOST are refused, and told so."""

    class Stuck(HttpCallback):
        def _connection(self, to: Any) -> Any:
            connection = super()._connection(to)
            connection.connect = lambda: self.held.wait(60)  # type: ignore[method-assign,attr-defined]
            return connection

    import threading

    callback = Stuck({"url": "http://h"}, World())
    callback.held = threading.Event()  # type: ignore[attr-defined]
    parameters = {"T_answer": 20 * MS, "T_retry": 1 * MS, "C_tries": MOST + 1}
    try:
        assert asyncio.run(Run(callback, parameters).outcome()).startswith(f"{MOST} earlier requests")
    finally:
        callback.held.set()  # type: ignore[attr-defined]


def test_a_reason_is_one_short_line() -> None:
    assert told(OSError(111, "Connection refused")) == "Connection refused"
    assert told(ValueError("a\r\nb\x1b[31m\u20ac")) == "a??b?[31m?"
    assert told(ValueError("x" * 1000)) == "x" * (LONGEST - 3) + "..."
    assert told(TimeoutError()) == "TimeoutError"


def test_it_is_found_by_its_name() -> None:
    assert set(REGISTRY.implementations("soc_callback")) == {"simulated", "http"}
