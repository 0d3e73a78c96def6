"""Bytes from a stranger: the decoder gives a message or an ExiError, in bounded time and memory, whatever they are."""

from __future__ import annotations

import os
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.v2g import codec
from adapters.v2g.exi.bits import HUGE, write_sint
from adapters.v2g.exi.document import MAX_DOCUMENT
from tests.v2g.corpus import Sample, decoded, samples

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "500")), 2000)
HOSTILE = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

any_sample = st.sampled_from(range(len(samples()))).map(lambda index: samples()[index])


@HOSTILE
@given(st.sampled_from(codec.PROTOCOLS), st.binary(max_size=300), st.booleans())
def test_random_bytes_are_a_message_or_an_error(protocol: str, noise: bytes, fragment: bool) -> None:
    decoded(protocol, b"\x80" + noise, fragment)


@st.composite
def broken(draw: st.DrawFn) -> tuple[Sample, bytes]:
    """A real message with some bits flipped, octets cut out, put in, or taken from another message."""
    sample = draw(any_sample)
    data = bytearray(sample.exi)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(1, max(1, len(data) - 1)))
        what = draw(st.sampled_from(("flip", "cut", "insert", "splice")))
        if what == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "cut":
            del data[at : at + draw(st.integers(1, 4))]
        elif what == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=6))
        else:
            other = draw(any_sample).exi
            data[at:] = other[draw(st.integers(0, len(other) - 1)) :]
    return sample, bytes(data)


@HOSTILE
@given(broken())
def test_broken_messages_are_a_message_or_an_error(case: tuple[Sample, bytes]) -> None:
    sample, data = case
    decoded(sample.protocol, data, sample.fragment)


def test_many_broken_messages_reach_deep_into_the_grammar() -> None:
    """Bit flips in bulk: most still decode far or wholly, so the readers' error paths are really walked."""
    chooser = random.Random(20)
    whole = deep = 0
    for _ in range(8 * EXAMPLES):
        sample = chooser.choice(samples())
        bit = chooser.randrange(8, len(sample.exi) * 8)
        data = bytearray(sample.exi)
        data[bit // 8] ^= 128 >> bit % 8
        if decoded(sample.protocol, bytes(data), sample.fragment) is not None:
            whole += 1
        else:
            with pytest.raises(codec.ExiError) as caught:
                codec.decode(sample.protocol, bytes(data), fragment=sample.fragment)
            deep += caught.value.path.count(".") >= 1
    assert whole > EXAMPLES // 2
    assert deep > EXAMPLES // 2


def test_a_truncated_stream_is_never_a_message() -> None:
    """Messages cut after every octet, long ones after some. (libcbv2g is known to accept such streams.)"""
    for sample in samples():
        step = 1 + len(sample.exi) // 60
        for length in range(len(sample.exi) - 1, -1, -step):
            with pytest.raises(codec.ExiError) as caught:
                codec.decode(sample.protocol, sample.exi[:length], fragment=sample.fragment)
            assert caught.value.bit_offset is not None
            assert caught.value.bit_offset <= length * 8


def test_a_stream_cut_at_any_bit_and_filled_up_is_handled() -> None:
    """The last octet cut inside and filled with zeros: another message, or an error, never an exception."""
    for sample in samples()[::7]:
        value, bits = int.from_bytes(sample.exi, "big"), len(sample.exi) * 8
        for kept in range(8, bits):
            cut = (value >> bits - kept) << -kept % 8
            decoded(sample.protocol, cut.to_bytes((kept + 7) // 8, "big"), sample.fragment)


def test_one_trailing_zero_octet_is_accepted_and_nothing_else() -> None:
    """Tesla, Solterra and Seres send one zero octet after the message."""
    for sample in samples()[::5]:
        expected = codec.decode(sample.protocol, sample.exi, fragment=sample.fragment)
        assert codec.decode(sample.protocol, sample.exi + b"\0", fragment=sample.fragment) == expected
        for tail in (b"\1", b"\0\0", b"\xff\xff\xff"):
            with pytest.raises(codec.ExiError, match="after the end"):
                codec.decode(sample.protocol, sample.exi + tail, fragment=sample.fragment)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x81\x00", b"\x90\x00", b"$EXI\x80\x00", b"\xa0\x80"])
def test_only_the_header_octet_of_v2g_is_read(data: bytes) -> None:
    """An options document, a cookie or another EXI version is not V2G."""
    with pytest.raises(codec.ExiError) as caught:
        codec.decode("iso2", data)
    assert caught.value.bit_offset == 0


def test_a_forged_length_reserves_nothing() -> None:
    """A certificate said to be 4 GB, a string said to be 4 G characters: refused by what is left, not by trying."""
    code = codec.schema("xmldsig").fragment_codes
    for name, prefix in (("X509Certificate", 0), ("KeyName", 0)):
        bits = (0x80 << 6 | code[name]) << 1 | prefix
        length = int.from_bytes(bytes((0xFF, 0xFF, 0xFF, 0xFF, 0x0F)), "big")
        stream = (bits << 40 | length) << 800
        data = (stream << -stream.bit_length() % 8).to_bytes((stream.bit_length() + 7) // 8, "big")
        tracemalloc.start()
        with pytest.raises(codec.ExiError):
            codec.decode("xmldsig", data, fragment=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200_000


def test_string_table_hits_cannot_blow_a_message_up() -> None:
    """A long string and then references to it of a few bits each: a decompression bomb, refused at a bound."""
    width = codec.schema("xmldsig").fragment_codes
    stream = (0x80 << 6 | width["KeyInfo"]) << 4 | 1
    text = "x" * 60_000
    stream = (stream << 1) << 24 | 0xE2D403  # characters; 60,002 = 0x62, 0x54 + 128, 3 as an unsigned integer
    stream = stream << 8 * len(text) | int.from_bytes(text.encode(), "big")
    stream <<= 1
    for _ in range(1000):
        # KeyName again, characters, hit in the local partition, whose one entry takes no bits, end of element.
        stream = ((stream << 4 | 0) << 1) << 8
        stream <<= 1
    data = (stream << -stream.bit_length() % 8).to_bytes((stream.bit_length() + 7) // 8, "big")
    with pytest.raises(codec.ExiError, match="string table hits make the message too large"):
        codec.decode("xmldsig", data, fragment=True)


def test_nesting_is_bounded() -> None:
    """Object in Object in Object: the one recursive type of the schemas."""
    xmldsig = codec.messages("xmldsig")
    nested = xmldsig.Object()
    for _ in range(14):
        nested = xmldsig.Object(content=[codec.Element("Object", nested)])
    assert codec.decode("xmldsig", codec.encode(nested)) == nested
    for _ in range(300):
        nested = xmldsig.Object(content=[codec.Element("Object", nested)])
    with pytest.raises(codec.ExiError, match="nested deeper"):
        codec.decode("xmldsig", codec.encode(nested))


def test_a_giant_stream_is_refused_unread() -> None:
    with pytest.raises(codec.ExiError, match="at most"):
        codec.decode("iso2", b"\x80" + bytes(MAX_DOCUMENT))


def test_a_giant_integer_is_refused() -> None:
    """xs:integer has no bound in the schema; the codec sets one, both ways."""
    xmldsig = codec.messages("xmldsig")
    serial = xmldsig.X509IssuerSerialType(X509IssuerName="CN=x", X509SerialNumber=1 << 4000)
    assert codec.decode(
        "xmldsig", codec.encode(codec.Element("X509IssuerSerial", serial, "xmldsig"), fragment=True), fragment=True
    ) == codec.Element("X509IssuerSerial", serial)
    with pytest.raises(codec.ValidationError, match="bits"):
        xmldsig.X509IssuerSerialType(X509IssuerName="CN=x", X509SerialNumber=1 << 5000)


def test_a_number_at_the_bound_is_a_message_that_can_be_sent_on() -> None:
    """What is decoded can be encoded: the bound is the same in both, of negative numbers too."""
    names = codec.schema("xmldsig").fragment_codes
    end = len(names) + 1
    for name in ("X509SerialNumber", "HMACOutputLength"):
        for number in (HUGE, ~HUGE, HUGE + 1, ~HUGE - 1):
            stream = write_sint((0x80 << 6 | names[name]) << 1, number) << 7 | end
            data = (stream << -stream.bit_length() % 8).to_bytes((stream.bit_length() + 7) // 8, "big")
            message = decoded("xmldsig", data, True)
            assert (message is not None) == (~HUGE <= number <= HUGE)


def test_many_empty_objects_do_not_fill_the_memory() -> None:
    """An Object takes 6 bits in a Signature, which every message header may hold, and 150 octets in memory."""
    xmldsig: Any = codec.messages("xmldsig")
    digest = xmldsig.DigestMethodType(Algorithm="")
    signature = xmldsig.Signature(
        SignedInfo=xmldsig.SignedInfo(
            CanonicalizationMethod=xmldsig.CanonicalizationMethodType(Algorithm=""),
            SignatureMethod=xmldsig.SignatureMethodType(Algorithm=""),
            Reference=[xmldsig.Reference(DigestMethod=digest, DigestValue=b"")],
        ),
        SignatureValue=xmldsig.SignatureValueType(value=b""),
        Object=[xmldsig.Object()] * 400_000,
    )
    exi = codec.encode(signature)
    tracemalloc.start()
    with pytest.raises(codec.ExiError, match="open content of more than"):
        codec.decode("xmldsig", exi)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_strict_grammar_streams_are_not_v2g() -> None:
    """Event codes one bit narrower (strict EXI) must not decode to something that looks like a message."""
    sap = codec.messages("sap")
    message = sap.supportedAppProtocolRes(ResponseCode="OK_SuccessfulNegotiation", SchemaID=1)
    assert codec.encode(message).hex() == "80400040"
    # Strict: document code 1 bit, SE and CH no bits, enumeration 2 bits, SchemaID or end 1 bit, number 8 bits.
    strict = (((0x80 << 1 | 1) << 2) << 1) << 8 | 1
    with pytest.raises(codec.ExiError):
        codec.decode("sap", (strict << 4).to_bytes(3, "big"))


def test_undeclared_content_is_refused_with_its_place() -> None:
    """The second level of event codes (xsi:type, undeclared elements …) is rejected but for the empty string's end."""
    exi = codec.encode(codec.messages("sap").supportedAppProtocolRes(ResponseCode="Failed_NoNegotiation"))
    # Bits: header 8, document code 2, SE(ResponseCode) 1: set that one.
    data = bytearray(exi)
    data[1] |= 128 >> 2
    with pytest.raises(codec.ExiError) as caught:
        codec.decode("sap", bytes(data))
    assert (caught.value.path, caught.value.bit_offset) == ("supportedAppProtocolRes.ResponseCode", 10)
    assert "does not declare" in caught.value.reason
