"""The golden vectors as a corpus of real messages to break."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adapters.v2g import codec

VECTORS = Path(__file__).parent / "vectors"


@dataclass(frozen=True)
class Sample:
    """One message EXIficient has encoded."""

    protocol: str
    fragment: bool
    exi: bytes


@cache
def samples() -> tuple[Sample, ...]:
    """Every golden vector of every protocol."""
    found = []
    for protocol in codec.PROTOCOLS:
        for line in (VECTORS / f"{protocol}.jsonl").read_text(encoding="ascii").splitlines():
            vector: dict[str, Any] = json.loads(line)
            found.append(Sample(protocol, vector["fragment"], bytes.fromhex(vector["hex"])))
    return tuple(found)


def decoded(protocol: str, data: bytes, fragment: bool) -> codec.Message | codec.Element | None:
    """What the codec makes of any bytes: a message that holds every promise made about messages, or None.

    Anything but ExiError that the decoder raises, and any broken promise, fails the caller: a message is valid, has an
    EXI stream that decodes to itself, and survives its JSON and XML views; an error lies inside the stream. A message
    with misfits is not valid, cannot be encoded, and has views.
    """
    misfits: list[codec.ValidationError] = []
    problem: codec.ExiError | None = None
    try:
        message = codec.decode(protocol, data, fragment=fragment, misfits=misfits)
    except codec.ExiError as error:
        problem = error
    if problem is not None:
        assert problem.bit_offset is not None
        assert 0 <= problem.bit_offset <= len(data) * 8
        assert problem.reason
        return None
    assert codec.to_xml(message, protocol=protocol).startswith("<")
    if misfits:
        assert str(misfits[0]) in _refusals(message, protocol, fragment)
        assert codec.to_json(message)
        return message
    codec.validate(message)
    again = codec.encode(message, protocol=protocol, fragment=fragment)
    assert codec.decode(protocol, again, fragment=fragment) == message
    view = json.loads(json.dumps(codec.to_json(message)))
    assert codec.from_json(protocol, view, fragment=fragment) == message
    return message


def _refusals(message: codec.Message | codec.Element, protocol: str, fragment: bool) -> list[str]:
    """Why a message with misfits is not valid; fails when it can be encoded."""
    found = []
    try:
        codec.encode(message, protocol=protocol, fragment=fragment)
    except codec.ValidationError:
        try:
            codec.validate(message)
        except codec.ValidationError as error:
            found.append(str(error))
    return found
