"""One end of a V2G connection, sans-I/O: V2GTP frames, the schema in use, headers. Bytes in, messages out, and back.

The transport adapter passes bytes in and out, the message adapter passes messages. Both belong to one machine and share
one endpoint.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from adapters import v2gtp
from adapters.v2g import codec
from adapters.v2g.codec import ExiError, Message
from engine.adapter import AdapterError, World

OnMessage = Callable[[str, Message, bytes], None]
OnTrouble = Callable[[str, str], None]


def body_name(message: Message) -> str:
    """The standard's name of a document's content: ``CurrentDemandReq``; in SAP the document's own name."""
    body = getattr(message, "Body", None)
    element = getattr(body, "BodyElement", None) if body is not None else message
    return element.ELEMENT if element is not None else ""


class Endpoint:
    """State of one connection. ``write`` sends bytes and is None while nothing is connected."""

    def __init__(self) -> None:
        self.write: Callable[[bytes], None] | None = None
        self.protocol = "sap"
        self.session_id = bytes(8)
        self.trailing_bytes = 0
        self.last_sent = b""
        self.misfits: list[str] = []
        """What of the last message was beyond a facet of the schema: ``path: reason``, the path from its body on."""
        self.on_message: OnMessage = lambda name, message, payload: None
        self.on_undecodable: OnTrouble = lambda kind, reason: None
        self.on_bad_header: Callable[[str], None] = lambda reason: None
        self.largest_message_bytes = v2gtp.MAX_PAYLOAD_BYTES
        self.most_unanswered = 32
        """Messages that may come before one is sent back: V2G is request and response."""
        self._handshake: bytes | None = None
        self._unanswered = 0
        self._decoder = v2gtp.V2gtpDecoder()

    @staticmethod
    def of(world: World, side: str, host: str) -> Endpoint:
        """The endpoint of a host; ``side`` is secc or evcc."""
        endpoint: Endpoint = world.shared(f"v2g {side} {host}", Endpoint)
        return endpoint

    def connected(self, write: Callable[[bytes], None]) -> None:
        """A connection has been made; the handshake comes next."""
        self.write = write
        self._unanswered = 0
        self.protocol = "sap"
        self.trailing_bytes = 0
        self.last_sent = b""
        self._handshake = None
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
                self.on_bad_header(f"{self._unanswered} messages without waiting for an answer")
                return
            if isinstance(event, v2gtp.V2gtpMessage):
                self._decode(event)
            elif isinstance(event, v2gtp.UnknownPayload):
                self.on_undecodable("payload_type", f"payload type {event.payload_type:#06x} is unknown")
            else:
                self.on_bad_header(event.reason)

    def _decode(self, frame: v2gtp.V2gtpMessage) -> None:
        if frame.payload_type is not v2gtp.PayloadType.SAP:
            self.on_undecodable("payload_type", f"{frame.payload_type.name} does not belong to {self.protocol}")
            return
        # A vehicle that lost our answer repeats its handshake, byte for byte, after we have switched.
        protocol = "sap" if frame.payload == self._handshake else self.protocol
        found: list[codec.ValidationError] = []
        try:
            message = codec.decode(protocol, frame.payload, misfits=found)
        except ExiError as error:
            self.on_undecodable("exi", f"{protocol}: {error}")
            return
        if protocol == "sap":
            self._handshake = frame.payload
        if not isinstance(message, Message):
            self.on_undecodable("exi", f"{protocol}: {message!r} is no message")
            return
        self.misfits = [str(each).removeprefix("V2G_Message.").removeprefix("Body.") for each in found]
        name = body_name(message)
        if not name:
            self.on_undecodable("exi", f"{protocol}: a message without a body")
            return
        try:
            self.on_message(name, message, frame.payload)
        except codec.ValidationError as error:
            self.on_undecodable("exi", f"{protocol} {name}: {error}")

    def send(self, message: Message) -> None:
        """Encode and write a document. Raises ``AdapterError`` when nothing is connected or it cannot be encoded."""
        try:
            payload = codec.encode(message) + bytes(self.trailing_bytes)
        except codec.ValidationError as error:
            raise AdapterError(f"{body_name(message)} cannot be encoded: {error}") from error
        self.trailing_bytes = 0
        self.write_bytes(v2gtp.encode(v2gtp.PayloadType.SAP, payload))

    def send_body(self, body: Any) -> None:
        """Send a DIN or ISO 15118-2 message with the header of this session. Raises ``AdapterError`` like
        :meth:`send`."""
        schema = codec.messages(self.protocol)
        header = _header(self.protocol, self.session_id)
        self.send(schema.V2G_Message(Header=header, Body=schema.BodyType(BodyElement=body)))

    def write_bytes(self, data: bytes) -> None:
        """Write a frame as it is, and keep it for a repetition. Raises ``AdapterError`` when nothing is connected."""
        if self.write is None:
            raise AdapterError("there is no V2G connection to send on")
        self.last_sent = data
        self._unanswered = 0
        self.write(data)


@lru_cache(maxsize=64)
def _header(protocol: str, session_id: bytes) -> Any:
    """Messages never change their header, so those of a session share one."""
    return codec.messages(protocol).MessageHeaderType(SessionID=session_id)


def fresh_session_id() -> bytes:
    """8 random bytes, never all zero (ISO 15118-2 [V2G2-750])."""
    return os.urandom(7) + b"\x01"
