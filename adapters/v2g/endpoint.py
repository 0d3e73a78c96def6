"""One end of a V2G connection, sans-I/O: V2GTP frames, the schema in use, headers. Bytes in, messages out, and back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from adapters import v2gtp
from adapters.v2g import codec
from adapters.v2g.codec import ExiError, Message
from adapters.v2g.counters import Counters, ResendRules
from adapters.v2g.dialects import SAP, Dialect, PayloadTypeError
from engine.adapter import AdapterError


class Received(NamedTuple):
    """A message that came. ``name`` is the contracts'; ``session_id`` is None where its dialect has no header.
    ``misfits``: what of it was beyond a facet of the schema, ``path: reason``, the path from its body on."""

    dialect: Dialect
    name: str
    session_id: bytes | None
    body: Any
    payload_type: int
    payload: bytes
    misfits: list[str]


OnMessage = Callable[[Received], None]
OnTrouble = Callable[[str, str, int], None]
"""Kind, reason and payload type of what could not be read."""


class Endpoint:
    """State of one connection. ``write`` sends bytes and is None while nothing is connected."""

    def __init__(self) -> None:
        self.write: Callable[[bytes], None] | None = None
        self.dialect = SAP
        self.session_id = bytes(8)
        self.trailing_bytes = 0
        self.last_sent = b""
        self.on_message: OnMessage = lambda received: None
        self.on_undecodable: OnTrouble = lambda kind, reason, payload_type: None
        self.on_bad_header: Callable[[str], None] = lambda reason: None
        self.largest_message_bytes = v2gtp.MAX_PAYLOAD_BYTES
        self.counters = Counters()
        self.resend_rules = ResendRules()
        self.drops: Callable[[], bool] = lambda: False
        """Whether the next message is left out, on purpose."""
        self.most_unanswered = 32
        """Messages that may come before one is sent back: V2G is request and response."""
        self._before: tuple[bytes, Dialect] | None = None  # what may come again, and how it is read
        self._unanswered = 0
        self._decoder = v2gtp.V2gtpDecoder()

    def connected(self, write: Callable[[bytes], None]) -> None:
        """A connection has been made; the handshake comes next."""
        self.write = write
        self.session_id = bytes(8)  # that of the connection before is not this one's
        self.counters = Counters()
        self._unanswered = 0
        self.dialect = SAP
        self.trailing_bytes = 0
        self.last_sent = b""
        self._before = None
        self._decoder = v2gtp.V2gtpDecoder(max_payload_bytes=self.largest_message_bytes)

    def disconnected(self) -> None:
        """The connection has ended."""
        self.write = None

    def received(self, data: bytes) -> None:
        """Take bytes of the stream, in any segmentation."""
        if self._unanswered > self.most_unanswered:
            return
        for event in self._decoder.receive(data):
            if self.write is None:
                return
            self._unanswered += 1
            if self._unanswered > self.most_unanswered:
                self.counters.rx_invalid_v2gtp += 1
                self.on_bad_header(f"{self._unanswered} messages without waiting for an answer")
                return
            if isinstance(event, v2gtp.V2gtpMessage):
                self._decode(event)
            elif isinstance(event, v2gtp.UnknownPayload):
                self.counters.rx_invalid_v2gtp += 1
                reason = f"payload type {event.payload_type:#06x} is unknown"
                self.on_undecodable("payload_type", reason, event.payload_type)
            else:
                self.counters.rx_invalid_v2gtp += 1
                self.on_bad_header(event.reason)

    def _decode(self, frame: v2gtp.V2gtpMessage) -> None:
        # A vehicle that lost our answer repeats its handshake, byte for byte, after we have switched.
        before = self._before
        dialect = self.dialect if before is None or frame.payload != before[0] else before[1]
        type_ = int(frame.payload_type)
        found: list[codec.ValidationError] = []
        try:
            content = dialect.read(frame.payload_type, frame.payload, found)
        except PayloadTypeError as error:
            self.counters.rx_invalid_v2gtp += 1
            self.on_undecodable("payload_type", str(error), type_)
            return
        except ExiError as error:
            self.counters.rx_decode_errors += 1
            self.on_undecodable("exi", f"{dialect.schemas[frame.payload_type]}: {error}", type_)
            return
        if dialect.comes_again:
            self._before = frame.payload, dialect
        misfits = [str(each).removeprefix("V2G_Message.").removeprefix("Body.") for each in found]
        name, session_id, body = content
        self.counters.rx_validation_errors += bool(misfits)
        try:
            self.on_message(Received(dialect, name, session_id, body, type_, frame.payload, misfits))
        except codec.ValidationError as error:
            self.counters.rx_validation_errors += 1
            self.on_undecodable("exi", f"{dialect.name} {body.ELEMENT}: {error}", type_)

    def send(self, dialect: Dialect, name: str, message: Message) -> None:
        """Write a whole message of a dialect, by the contracts' name. Raises ``AdapterError`` when nothing is connected
        or it cannot be encoded."""
        try:
            payload = codec.encode(message) + bytes(self.trailing_bytes)
        except codec.ValidationError as error:
            raise AdapterError(f"{dialect.own_name(name)} cannot be encoded: {error}") from error
        self.trailing_bytes = 0
        self.write_bytes(v2gtp.encode(dialect.carried(name)[0], payload))

    def write_bytes(self, data: bytes) -> None:
        """Write a frame as it is, and keep it for a repetition. Raises ``AdapterError`` when nothing is connected."""
        if self.write is None:
            raise AdapterError("there is no V2G connection to send on")
        self.last_sent = data
        self._unanswered = 0
        if self.drops():
            self.counters.tx_dropped_count += 1
        else:
            self.write(data)

    def resend(self) -> None:
        """Write the last frame once more. Raises ``AdapterError`` when nothing is connected."""
        self.write_bytes(self.last_sent)
        self.counters.dup_resent_count += 1


def fresh_session_id() -> bytes:
    """8 random bytes, never all zero (ISO 15118-2 [V2G2-750])."""
    return os.urandom(7) + b"\x01"
