"""One connection to an MQTT broker: paho-mqtt on the host's event loop.

Names, TCP and TLS block in paho, so a thread of its own makes the connection; all that follows is on the loop. What
was sent while nobody was connected is not asked for: a CALL dies with the line it was for, as over a WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

try:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError as error:
    raise ImportError(f"{error}: in the clone of chargechart, pip install '.[ocpp]'") from None

from engine.adapter import Cancellable, Port

MOST_UNSENT: Final = 1_000
"""Messages that a broker may leave unacknowledged; more are not sent."""
REFUSALS: Final = {
    132: "subprotocol",  # Unsupported Protocol Version (MQTT 5.0 table 3.1)
    134: "unauthorised",
    135: "unauthorised",
    136: "unavailable",
    137: "unavailable",
    138: "unauthorised",
    151: "unavailable",
    159: "unavailable",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a connection is made of. ``presence`` is '' where nobody is told; ``version`` is 4 (3.1.1) or 5; times in
    nanoseconds."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    client_id: str
    user: str | None
    password: bytes | None
    publish: str
    subscribe: str
    presence: str
    version: int
    keepalive: int
    open_timeout: int
    largest: int


class Owner(Protocol):
    """Who is told; after ``refused`` or ``lost`` nothing more comes."""

    def line_ready(self) -> None:
        """The broker delivers."""
        ...

    def line_refused(self, reason: str, text: str) -> None:
        """There is no line; ``reason`` as in the contract."""
        ...

    def line_heard(self, payload: bytes, retained: bool) -> None:
        """One message; ``retained``: it was said before this line was there."""
        ...

    def line_lost(self, text: str) -> None:
        """The line is over, by no doing of the owner."""
        ...


class Connection:
    """Begins at once; :meth:`close` ends it, whatever it does, and nobody is told any more."""

    def __init__(self, line: Line, port: Port, owner: Owner) -> None:
        self._line, self._port, self._owner = line, port, owner
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._over = self._is_ready = False
        self._asked: dict[int, Callable[[], None]] = {}
        self._timer: Cancellable = port.call_later(line.open_timeout, self._too_late)
        self._client = self._made()
        threading.Thread(target=self._connect, name=f"MQTT {line.host}", daemon=True).start()

    # ------------------------------------------------------------ what the owner asks

    def publish(self, text: str) -> bool:
        """False when too much waits for the broker's word."""
        done = self._client.publish(self._line.publish, text.encode(), qos=1).rc
        self._flush()
        return done is not MQTTErrorCode.MQTT_ERR_QUEUE_SIZE

    def ask(self, answered: Callable[[], None]) -> None:
        """Does the broker answer? It is asked to deliver what it delivers already: nobody else sees that."""
        _, number = self._subscribe()
        if number is not None:
            self._asked[number] = answered
        self._flush()

    def close(self) -> None:
        """In order: others read at once that it has gone."""
        if self._over:
            return
        if self._is_ready:
            if self._line.presence:  # not by QoS 1: it would wait behind what the broker has not acknowledged
                self._client.publish(self._line.presence, b"0", qos=0, retain=True)
            self._client.disconnect()
            self._flush()
        self._end()

    # ------------------------------------------------------------ inside

    def _made(self) -> Client:
        line = self._line
        five = line.version == 5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=line.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = line.open_timeout / 1e9
        client.max_queued_messages_set(MOST_UNSENT)
        if line.user is not None:
            client.username_pw_set(line.user, line.password)  # type: ignore[arg-type]  # bytes are taken as they are
        if line.tls is not None:
            client.tls_set_context(line.tls)
        if line.presence:
            client.will_set(line.presence, b"0", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _connect(self) -> None:
        """In the thread."""
        line = self._line
        more: dict[str, Any] = {}
        if line.version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = line.largest
            more = {"clean_start": True, "properties": properties}
        failed: Exception | None = None
        try:
            self._client.connect(line.host, line.port, max(1, line.keepalive // 1_000_000_000), **more)
        except Exception as error:  # OSError, ssl.SSLError, a host name that cannot be encoded: all of it is told
            failed = error
        self._port.call_soon_threadsafe(lambda: self._has_line(failed))

    def _has_line(self, failed: Exception | None) -> None:
        made = self._client.socket()
        if self._over:
            if made is not None:
                made.close()
            return
        if failed is not None or made is None:
            reason = "certificate" if isinstance(failed, ssl.SSLError) else "unreachable"
            self._refuse(reason, str(failed) or type(failed).__name__)
            return
        assert isinstance(made, socket.socket)
        self._socket = made
        with contextlib.suppress(OSError):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.on_socket_register_write = self._wants_to_write
        self._client.on_socket_unregister_write = self._has_written
        self._client.on_socket_close = self._closes
        self._loop.add_reader(made, self._readable)
        self._flush()
        self._readable()  # what TLS has read with its handshake

    def _wants_to_write(self, *_: Any) -> None:
        if self._socket is not None:
            self._loop.add_writer(self._socket, self._flush)

    def _has_written(self, *_: Any) -> None:
        if self._socket is not None and self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket)

    def _closes(self, *_: Any) -> None:
        """Paho is about to close it. Its number is the next socket's: nobody may watch it any more."""
        made, self._socket = self._socket, None
        if made is not None and made.fileno() >= 0:
            self._loop.remove_reader(made)
            self._loop.remove_writer(made)

    def _readable(self) -> None:
        try:
            self._client.loop_read()
            while isinstance(self._socket, ssl.SSLSocket) and not self._over and self._socket.pending():
                self._client.loop_read()
        except Exception as error:  # whatever a broker sends costs the line and nothing else
            self._cut(f"{type(error).__name__}: {error}")

    def _flush(self) -> None:
        if self._socket is None or self._over:
            return
        try:
            self._client.loop_write()
        except Exception as error:
            self._cut(f"{type(error).__name__}: {error}")

    def _beat(self) -> None:
        """The broker's keep-alive: it takes a line on which nothing comes for one that is dead."""
        self._timer = self._port.call_later(max(1_000_000_000, self._line.keepalive // 4), self._beat)
        try:
            self._client.loop_misc()
        except Exception as error:
            self._cut(f"{type(error).__name__}: {error}")

    def _subscribe(self) -> tuple[Any, int | None]:
        if self._line.version == 5:  # 2: what was retained for this topic is not wanted
            return self._client.subscribe(self._line.subscribe, options=SubscribeOptions(qos=1, retainHandling=2))
        return self._client.subscribe(self._line.subscribe, qos=1)

    def _on_connect(self, client: Any, data: Any, flags: Any, code: Any, properties: Any = None) -> None:
        if self._over or self._is_ready:
            return
        if code.is_failure:
            self._refuse(REFUSALS.get(code.value, "other"), f"the broker says: {code}")
            return
        self._subscribe()

    def _on_subscribe(self, client: Any, data: Any, number: int, codes: Any, properties: Any = None) -> None:
        if self._over:
            return
        if any(code.is_failure for code in codes):
            text = f"the broker does not deliver {self._line.subscribe}: {codes[0]}"
            self._cut(text) if self._is_ready else self._refuse("unauthorised", text)
        elif self._is_ready:
            self._asked.pop(number, lambda: None)()
        else:
            self._is_ready = True
            if self._line.presence:
                self._client.publish(self._line.presence, b"1", qos=1, retain=True)
            self._timer.cancel()
            self._beat()
            self._owner.line_ready()

    def _on_message(self, client: Any, data: Any, message: MQTTMessage) -> None:
        if self._is_ready and not self._over:
            self._owner.line_heard(bytes(message.payload), message.retain)

    def _on_disconnect(self, client: Any, data: Any, flags: Any, code: Any, properties: Any = None) -> None:
        self._cut(str(code))

    def _too_late(self) -> None:
        self._refuse("unreachable", f"{self._line.host}:{self._line.port} does not answer")

    def _refuse(self, reason: str, text: str) -> None:
        if not self._over:
            self._end()
            self._owner.line_refused(reason, text)

    def _cut(self, text: str) -> None:
        if not self._is_ready:
            self._refuse("unreachable", text)
        elif not self._over:
            self._end()
            self._owner.line_lost(text)

    def _end(self) -> None:
        self._over = True
        self._timer.cancel()
        made = self._socket
        if made is not None:
            self._closes()
            made.close()
