"""Contract ``central_system`` over a WebSocket (OCPP-J 1.6 chapter 3; security profiles 1 to 3 of the whitepaper)."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit, urlunsplit

try:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, NegotiationError
    from websockets.frames import CloseCode
    from websockets.typing import Subprotocol
except ImportError as error:
    raise ImportError(f"{error}: in the clone of chargechart, pip install '.[ocpp]'") from None

from adapters.ocpp import tls
from adapters.ocpp.central_system import CentralSystem, checked_identity
from adapters.ocpp.line import Line
from adapters.ocpp.rpc import MAX_TEXT
from engine.adapter import ConfigurationError, Port, Setting, World

STATUS = {401: "unauthorised", 403: "unauthorised", 404: "not_found", 429: "unavailable", 503: "unavailable"}


class WebSocketCentralSystem(CentralSystem):
    """Runs on the real clock."""

    settings: ClassVar[Mapping[str, Setting]] = {
        **tls.SETTINGS,
        "open_timeout": Setting("duration", 30_000_000_000, "For name, TCP, TLS and HTTP together"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._line: Line | None = None
        self._attempt = 0

    def open(self, port: Port) -> None:
        super().open(port)
        if any(self.config[name] for name in tls.SETTINGS):
            tls.shared(self.config, self.world)  # what cannot be read is told at the start

    def close(self) -> None:
        self.disconnect()

    def connect(self, *, url: str, identity: str, password: bytes | None = None, name: str | None = None) -> None:
        self.disconnect()
        headers = {} if password is None else {"Authorization": _basic(identity, password)}
        self.port.spawn(self._run(self._attempt, endpoint(url, identity), headers, name))

    def disconnect(self) -> None:
        self._attempt += 1
        line, self._line = self._line, None
        if line is not None:
            self._drop()
            self.port.spawn(line.close())

    def ping(self, *, call_id: str) -> None:
        if self._line is None:
            self.port.failed(call_id, "not_connected")
            return
        self.port.spawn(self._ping(self._line, call_id, self.port.now_ns()))

    async def _ping(self, line: Line, call_id: str, began: int) -> None:
        try:
            await (await line.ping())
        except ConnectionClosed:
            return  # told as `disconnected`
        self.port.done(call_id, round_trip=self.port.now_ns() - began)

    def _transmit(self, text: str) -> None:
        if self._line is not None:
            self._line.say(text)

    async def _run(self, attempt: int, uri: str, headers: dict[str, str], name: str | None) -> None:
        try:
            made = await connect(
                uri,
                create_connection=Line,
                subprotocols=[Subprotocol("ocpp1.6")],
                compression=None,  # 50 kB a connection, for messages of 200 octets
                max_size=MAX_TEXT,
                ping_interval=None,  # the chart's
                open_timeout=self.config["open_timeout"] / 1e9,
                close_timeout=5,
                additional_headers=headers,
                user_agent_header=None,
                proxy=None,
                **self._security(uri, name),
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ssl.SSLError) as error:
            if attempt == self._attempt:
                reason, status = _reason(error)
                self.port.emit("refused", reason=reason, status=status, text=str(error)[:200] or type(error).__name__)
            return
        assert isinstance(made, Line)
        line = made
        if attempt != self._attempt or line.subprotocol != "ocpp1.6":
            line.hear(lambda _: None)  # nothing; but its end is read
        if attempt != self._attempt:
            await line.close()
            return
        if line.subprotocol != "ocpp1.6":
            await line.close(1002)
            self.port.emit("refused", reason="subprotocol", status=101, text="the central system does not take ocpp1.6")
            return
        self._line = line
        self._connected()
        await self._read(line)

    async def _read(self, line: Line) -> None:
        line.hear(partial(self._heard, line))
        try:
            await line.recv()
        except ConnectionClosed as error:
            if self._line is line:
                self._line = None
                self._closed(error)

    def _heard(self, line: Line, text: str | None) -> None:
        if self._line is not line:
            return
        if text is None:
            self.port.tell("ignored: a binary message")
        else:
            self._received(text)

    def _closed(self, error: ConnectionClosed) -> None:
        close = error.rcvd or error.sent
        if close is None:
            self._lost(0, "the line is cut")
            return
        code, text, ours = int(close.code), close.reason, error.sent is not None and not error.rcvd_then_sent
        if code == CloseCode.MESSAGE_TOO_BIG and ours:
            text = f"the central system has sent a message of more than {MAX_TEXT} octets, and none so long is taken"
        elif code == CloseCode.MESSAGE_TOO_BIG:
            text = f"a message is too long for the central system: {text or 'it does not say how long one may be'}"
        self._lost(code, text, too_big=code == CloseCode.MESSAGE_TOO_BIG and not ours)

    def _security(self, uri: str, name: str | None) -> dict[str, Any]:
        if not uri.startswith("wss:"):
            return {}
        made = tls.shared(
            tls.stored(self.config, self.world, self.port.role), self.world
        )  # as the files are now: a certificate may have come
        return {"ssl": made, **({"server_hostname": name} if name else {})}


def endpoint(url: str, identity: str) -> str:
    """The endpoint of a charge point: the identity behind the path, percent-encoded once, a query kept (OCPP-J 1.6
    §3.1.1). Raises ``ConfigurationError`` for what is no ws or wss URL, or no identity."""
    wrong = ConfigurationError(f"'{url}' is no URL of a central system; one is ws://HOST:PORT/PATH or wss://HOST/PATH")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("ws", "wss") or not host:
        raise wrong
    checked_identity(identity)
    path = f"{parts.path.rstrip('/')}/{quote(identity, safe='')}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _basic(identity: str, password: bytes) -> str:
    if ":" in identity:  # RFC 7617 §2
        raise ConfigurationError(f"an identity with a colon ('{identity}') cannot be used with a password")
    return "Basic " + base64.b64encode(identity.encode() + b":" + password).decode()


def _reason(error: BaseException) -> tuple[str, int]:
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return STATUS.get(status, "other"), status
    if isinstance(error, NegotiationError):
        return "subprotocol", 101
    if isinstance(error, ssl.SSLError):
        return "certificate", 0
    if isinstance(error, asyncio.TimeoutError | OSError):
        return "unreachable", 0
    return "other", 0
