"""V2GTP framing: a station that frames wrongly loses messages, or lets a peer fill its memory."""

from __future__ import annotations

import itertools
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.v2gtp import (
    EXI_PROTOCOL,
    BadStream,
    PayloadType,
    UnknownPayload,
    V2gtpDecoder,
    V2gtpEvent,
    V2gtpMessage,
    encode,
)

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "1000")), 5000) // 5

messages = st.builds(V2gtpMessage, st.sampled_from(PayloadType), st.binary(max_size=300))
unknown_types = st.integers(0, 0xFFFF).filter(lambda number: number not in set(PayloadType))


def frame(payload_type: int, payload: bytes) -> bytes:
    """Header spelled out by hand, independent of encode()."""
    return b"\x01\xfe" + payload_type.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(position % (len(data) + 1) for position in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def feed(decoder: V2gtpDecoder, pieces: list[bytes]) -> list[V2gtpEvent]:
    return [event for piece in pieces for event in decoder.receive(piece)]


def test_header_is_the_one_on_the_wire() -> None:
    """A supportedAppProtocolReq as a real car sends it: header 01 fe 80 01, length 0x24 (no car would answer else)."""
    exi = bytes.fromhex("8000ebab9371d34b9b79d189a98989c1d191d191818999d26b9b3a232b30020000040040")
    assert encode(PayloadType.SAP, exi) == bytes.fromhex("01fe800100000024") + exi


@settings(max_examples=EXAMPLES)
@given(st.lists(messages, max_size=6), st.lists(st.integers(0, 5000), max_size=20))
def test_any_segmentation_gives_the_same_messages(sent: list[V2gtpMessage], cuts: list[int]) -> None:
    """TCP may split a message at every byte or glue several together; none may be lost, doubled or reordered."""
    stream = b"".join(encode(message.payload_type, message.payload) for message in sent)
    decoder = V2gtpDecoder()
    assert feed(decoder, cut(stream, cuts)) == sent
    assert decoder.missing_bytes == 0


@given(st.lists(messages, min_size=1, max_size=3))
def test_byte_by_byte(sent: list[V2gtpMessage]) -> None:
    """Also one byte per segment works, and missing_bytes tells what is still to come."""
    stream = b"".join(frame(message.payload_type, message.payload) for message in sent)
    decoder = V2gtpDecoder()
    got: list[V2gtpEvent] = []
    for index in range(len(stream)):
        got += decoder.receive(stream[index : index + 1])
        assert decoder.missing_bytes >= 0
    assert got == sent


@given(unknown_types, st.binary(max_size=100), messages, st.lists(st.integers(0, 500), max_size=8))
def test_unknown_payload_type_is_ignored(number: int, payload: bytes, after: V2gtpMessage, cuts: list[int]) -> None:
    """A manufacturer's own payload type (0xA000..) must not break the session: it is skipped, the next one is read."""
    stream = frame(number, payload) + encode(after.payload_type, after.payload)
    assert feed(V2gtpDecoder(), cut(stream, cuts)) == [UnknownPayload(number, len(payload)), after]


@given(messages, st.binary(min_size=2, max_size=40), st.lists(st.integers(0, 500), max_size=8))
def test_wrong_version_ends_the_stream(first: V2gtpMessage, junk: bytes, cuts: list[int]) -> None:
    """A peer that speaks something else is told apart at its first bytes, and messages before it still arrive."""
    if junk[:2] == b"\x01\xfe":
        return
    good = encode(first.payload_type, first.payload)
    decoder = V2gtpDecoder()
    events = feed(decoder, cut(good + junk, cuts))
    assert events[0] == first
    assert isinstance(events[1], BadStream)
    assert events[1].offset_bytes == len(good)
    assert len(events) == 2
    assert decoder.receive(good) == []


def test_wrong_version_needs_no_whole_header() -> None:
    """A peer that sends HTTP is refused at once, not after a time-out."""
    (event,) = V2gtpDecoder().receive(b"G")
    assert isinstance(event, BadStream)
    assert "47" in event.reason


@pytest.mark.parametrize("payload_type", [PayloadType.SAP, 0xA000])
def test_length_beyond_the_limit_is_refused_before_buffering(payload_type: int) -> None:
    """A header that announces 4 GB must not make the station wait for it or store it."""
    decoder = V2gtpDecoder(max_payload_bytes=1000)
    header = b"\x01\xfe" + payload_type.to_bytes(2, "big") + (0xFFFFFFFF).to_bytes(4, "big")
    (event,) = decoder.receive(header)
    assert isinstance(event, BadStream)
    assert "4294967295" in event.reason
    assert decoder.receive(b"x" * 10) == []
    exact = V2gtpDecoder(max_payload_bytes=1000)
    assert exact.receive(frame(PayloadType.SAP, b"y" * 1000)) == [V2gtpMessage(PayloadType.SAP, b"y" * 1000)]
    assert isinstance(exact.receive(frame(PayloadType.SAP, b"y" * 1001))[0], BadStream)


def test_memory_stays_bounded_under_a_flood() -> None:
    """Megabytes of unknown payloads, or bytes after the end of the stream, leave nothing behind."""
    decoder = V2gtpDecoder(max_payload_bytes=1 << 20)
    flood = frame(0xA000, bytes(1 << 20))
    tracemalloc.start()
    for _ in range(20):
        assert decoder.receive(flood) == [UnknownPayload(0xA000, 1 << 20)]
    decoder.receive(b"\xff")
    for _ in range(20):
        assert decoder.receive(flood) == []
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert current < 100_000


@settings(max_examples=EXAMPLES)
@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b"\x01\xfe\x80\x01"), st.just(b"\0\0\0\x02")), max_size=12))
def test_random_bytes_never_raise(pieces: list[bytes]) -> None:
    """Whatever comes: events in order, at most one BadStream and nothing after it."""
    events = feed(V2gtpDecoder(max_payload_bytes=64), pieces)
    bad = [index for index, event in enumerate(events) if isinstance(event, BadStream)]
    assert bad in ([], [len(events) - 1])
    assert all(len(event.payload) <= 64 for event in events if isinstance(event, V2gtpMessage))


def test_each_payload_type_of_20_names_its_schema() -> None:
    """The wrong schema turns a good message into garbage: DC is 0x8004 and WPT 0x8006 (Table 14), not the reverse."""
    assert EXI_PROTOCOL[PayloadType(0x8002)] == "iso20"
    assert EXI_PROTOCOL[PayloadType(0x8003)] == "iso20-ac"
    assert EXI_PROTOCOL[PayloadType(0x8004)] == "iso20-dc"
    assert EXI_PROTOCOL[PayloadType(0x8005)] == "iso20-acdp"
    assert EXI_PROTOCOL[PayloadType(0x8006)] == "iso20-wpt"
    assert PayloadType.SAP not in EXI_PROTOCOL
