"""The public face of the EXI codec: bytes to typed messages and back, for every V2G schema set.

``decode("iso2", data)`` gives a ``V2G_Message``; ``encode(message)`` gives the bytes. Importing this module imports no
schema; the first use of a protocol imports its generated module. Classes: ``messages("iso2").CurrentDemandReq``.

Source of the wire format: W3C EXI 1.0 with the profile of ISO 15118-2 7.9.1 and DIN SPEC 70121 (bit-packed,
schema-informed, not strict, no options document).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from .exi import document
from .exi import messages as exi_messages
from .exi.document import Schema
from .exi.errors import ExiError, ValidationError
from .exi.messages import Element, Message, title

__all__ = [
    "PROTOCOLS",
    "Element",
    "ExiError",
    "Message",
    "ValidationError",
    "decode",
    "encode",
    "from_json",
    "messages",
    "schema",
    "to_json",
    "to_xml",
    "validate",
]

PROTOCOLS = ("sap", "din", "iso2", "iso20", "iso20-dc", "iso20-ac", "iso20-wpt", "iso20-acdp", "xmldsig")
"""Schema sets: supportedAppProtocol, DIN SPEC 70121, ISO 15118-2, the five of ISO 15118-20, XMLDSig core."""


@cache
def messages(protocol: str) -> ModuleType:
    """The generated module of ``protocol``, with its message classes. Raises ValueError for an unknown name."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol[:40]!r}; known: {', '.join(PROTOCOLS)}")
    return import_module(f".generated.{protocol.replace('-', '_')}", __package__)


_SCHEMAS: dict[str, Schema] = {}


def schema(protocol: str) -> Schema:
    """The declarations of the schema set of ``protocol``. Raises ValueError for an unknown name."""
    known = _SCHEMAS.get(protocol)
    if known is None:
        known = _SCHEMAS[protocol] = messages(protocol).SCHEMA
    return known


def decode(
    protocol: str, data: bytes, *, fragment: bool = False, misfits: list[ValidationError] | None = None
) -> Message | Element:
    """The message in an EXI stream, header byte included.

    Everything the grammar can carry is read, even where the schema allows less: a text that is too long or too short, a
    number outside its range (up to 64 bits). ``misfits`` receives each such value with its path and the reason, at most
    16. Such a message does not validate and cannot be encoded.

    One trailing zero octet is accepted (some vehicles send it). With ``fragment``, the stream is an EXI fragment (what
    XML signatures are computed over) and any declared element may be the root. The result is a message class when the
    class alone says which element it is, else an ``Element``.

    Raises ExiError (bit offset, path, reason) for anything that is not a message; ValueError for an unknown protocol.
    """
    try:
        return document.decode(schema(protocol), data, fragment=fragment, misfits=misfits)
    except RecursionError:
        raise ExiError("elements are nested too deeply", bit_offset=0) from None


def encode(message: Message | Element, *, protocol: str | None = None, fragment: bool = False) -> bytes:
    """The EXI stream of a message. Only an Element that does not carry its protocol needs ``protocol``.

    Raises ValidationError, whose path names the offending value, when the message does not fit its schema.
    """
    try:
        return document.encode(schema(protocol or _protocol(message)), message, fragment=fragment)
    except RecursionError:
        raise ValidationError("elements are nested too deeply") from None


def _protocol(message: Message | Element) -> str:
    """The protocol that a message says it belongs to. Raises ValidationError when it says none."""
    if not isinstance(message, Element):
        name = title(message)
        if not message.PROTOCOL:
            raise ValidationError("is part of messages of several protocols and no message itself", name)
        return message.PROTOCOL
    if not message.protocol:
        raise ValidationError("the protocol of an Element must be given", message.name)
    return message.protocol


def validate(message: Message | Element) -> None:
    """Check a message and all its parts as encoding does, except the order of open content (XMLDSig).

    Raises ValidationError; its path starts at the message.
    """
    shared = isinstance(message, Message) and not message.PROTOCOL  # such a part holds no open content
    try:
        exi_messages.validate(message, {} if shared else schema(_protocol(message)).by_name)
    except RecursionError:
        raise ValidationError("elements are nested too deeply") from None


def to_json(message: Message | Element) -> dict[str, Any]:
    """The JSON view of a message: ``{element name: fields}``; see ``adapters.v2g.json_view``."""
    from . import json_view

    return json_view.to_json(message)


def from_json(protocol: str, obj: dict[str, Any], *, fragment: bool = False) -> Message | Element:
    """The message of a JSON view. Raises ValidationError whose path names the offending value."""
    from . import json_view

    try:
        return json_view.from_json(schema(protocol), obj, fragment=fragment)
    except RecursionError:
        raise ValidationError("elements are nested too deeply") from None


def to_xml(message: Message | Element, *, protocol: str | None = None) -> str:
    """The message as XML text, every element with its own default namespace."""
    from . import xml_view

    return xml_view.to_xml(schema(protocol or _protocol(message)), message)
