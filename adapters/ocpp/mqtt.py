"""Contract ``central_system`` over an MQTT broker, as the public ESP32-C6 charger speaks it.

No standard says how. One PUBLISH is one message of OCPP-J, by QoS 1 and not retained: to ``/charger/{identity}``, from
``/system/{identity}``. ``connected`` means that the broker is there; whether a central system is, its first answer
says. Source: gertjana/charger-esp32c6-embassy; MQTT 3.1.1 and 5.0.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from adapters.ocpp import tls
from adapters.ocpp.central_system import CentralSystem, checked_identity
from adapters.ocpp.mqtt_line import Connection, Line
from adapters.ocpp.rpc import MAX_TEXT
from engine.adapter import ConfigurationError, Port, Setting, World

SECOND = 1_000_000_000


class MqttCentralSystem(CentralSystem):
    """Runs on the real clock."""

    settings: ClassVar[Mapping[str, Setting]] = {
        **tls.SETTINGS,
        "open_timeout": Setting("duration", 30 * SECOND, "For name, TCP, TLS and the broker's first words together"),
        "publish": Setting("string", "/charger/{identity}", "Topic of what the charge point says"),
        "subscribe": Setting("string", "/system/{identity}", "Topic of what the central system says"),
        "presence": Setting(
            "string",
            "/charger/{identity}/online",
            "Topic, retained: 1 while the charge point is there, 0 when it is not, by the last will too; empty: none",
        ),
        "client_id": Setting("string", "{identity}", "What the broker knows it by"),
        "version": Setting("enum(v5, v3_1_1)", "v5", "Of MQTT"),
        "keepalive": Setting(
            "duration", 60 * SECOND, "After 1.5 times as long in silence the broker gives the line up"
        ),
        "reply_by": Setting(
            "enum(id, action)",
            "id",
            "What an answer names where its CALL's id should be; action: as the ESP32-C6 charger. Both are understood",
        ),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.reply_by = self.config["reply_by"]
        self._line: Connection | None = None
        self._attempt = 0

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for a topic that is none, and for certificates that cannot be read."""
        super().open(port)
        for key in TOPICS:
            topic(self.config[key], "CP_1", key)
        tls.context(self.config, _NamedContext)  # what cannot be read is told at the start

    def close(self) -> None:
        self.disconnect()

    def connect(self, *, url: str, identity: str, password: bytes | None = None, name: str | None = None) -> None:
        """One attempt at ``mqtt://…`` or ``mqtts://…``. Raises ``ConfigurationError`` for another URL, for what is no
        identity, or makes no topic."""
        self.disconnect()
        where = broker(url)
        checked_identity(identity)
        topics = {key: topic(self.config[key], identity, key) for key in TOPICS}
        files = tls.stored(self.config, self.world, self.port.role)
        made = tls.context(files, _NamedContext) if where.secure else None  # as the files are now
        if isinstance(made, _NamedContext):
            made.expected = name
        line = Line(
            host=where.host,
            port=where.port,
            tls=made,
            user=identity if password is not None else None,
            password=password,
            version=5 if self.config["version"] == "v5" else 4,
            keepalive=self.config["keepalive"],
            open_timeout=self.config["open_timeout"],
            largest=4 * MAX_TEXT,
            **topics,
        )
        self.port.spawn(self._begin(self._attempt, line))

    async def _begin(self, attempt: int, line: Line) -> None:
        if attempt == self._attempt:
            self._line = Connection(line, self.port, self)

    def disconnect(self) -> None:
        self._attempt += 1
        line, self._line = self._line, None
        if line is not None:
            self._drop()
            line.close()

    def ping(self, *, call_id: str) -> None:
        if self._line is None:
            self.port.failed(call_id, "not_connected")
            return
        began = self.port.now_ns()
        self._line.ask(lambda: self.port.done(call_id, round_trip=self.port.now_ns() - began))

    def _transmit(self, text: str) -> None:
        if self._line is not None and not self._line.publish(text):
            self.port.tell("not sent: the broker acknowledges nothing", text=text[:200])

    # ------------------------------------------------------------ what the line tells (mqtt_line.Owner)

    def line_ready(self) -> None:
        """Contract event ``connected``."""
        self._connected()

    def line_refused(self, reason: str, text: str) -> None:
        """Contract event ``refused``."""
        self._line = None
        self.port.emit("refused", reason=reason, status=0, text=text[:200])

    def line_heard(self, payload: bytes, retained: bool) -> None:
        """A message of the central system, or something that is none."""
        text, why = spoken(payload, retained)
        if why:
            self.port.tell(f"ignored: {why}", text=text[:200])
        else:
            self._received(text)

    def line_lost(self, text: str) -> None:
        """Contract event ``disconnected``."""
        self._line = None
        self._lost(0, text)


# ---------------------------------------------------------------- sans-I/O

TOPICS = ("publish", "subscribe", "presence", "client_id")
OPTIONAL = ("presence", "client_id")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where one is."""

    host: str
    port: int
    secure: bool


def broker(url: str) -> Broker:
    """``mqtt://host``, ``mqtts://host:8883``. Raises ``ConfigurationError`` for anything else."""
    told = f"'{url}' is no URL of a broker; one is mqtt://host:1883 or mqtts://host:8883, without a path"
    wrong = ConfigurationError(told)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("mqtt", "mqtts") or not host or parts.path.strip("/") or parts.query or parts.username:
        raise wrong
    secure = parts.scheme == "mqtts"
    return Broker(host, port or (8883 if secure else 1883), secure)


def topic(template: str, identity: str, key: str) -> str:
    """The template with the identity in its place. Raises ``ConfigurationError`` that names the setting for what is no
    topic to publish to (MQTT 5.0 4.7): empty, with a wildcard, longer than 65,535 octets."""
    made = template.replace("{identity}", identity)
    if any(one in made for one in "+#\0{}"):
        raise ConfigurationError(
            f"setting '{key}': '{made}' is no topic: +, # and braces other than {{identity}} cannot be in one"
        )
    try:
        length = len(made.encode())
    except UnicodeEncodeError:
        raise ConfigurationError(f"setting '{key}': {made!r} is no text of UTF-8") from None
    if length > 65_535 or not (made or key in OPTIONAL):
        raise ConfigurationError(f"setting '{key}': a topic has 1 to 65,535 octets, not {length}")
    return made


def spoken(payload: bytes, retained: bool) -> tuple[str, str]:
    """The text of a PUBLISH, and why it is to be ignored; '' when it is not. A retained one was said to whoever was
    there before: obeyed now, it would be obeyed again at each reconnect."""
    try:
        return payload.decode(), "a retained message" if retained else ""
    except UnicodeDecodeError:
        return payload[:200].hex(), "no text of UTF-8"


class _NamedContext(ssl.SSLContext):
    """Expects another name than the URL's, where there is one (paho has no setting for that)."""

    expected: str | None = None

    def wrap_socket(self, sock: Any, *args: Any, **options: Any) -> Any:
        if self.expected is not None:
            options["server_hostname"] = self.expected
        return super().wrap_socket(sock, *args, **options)
