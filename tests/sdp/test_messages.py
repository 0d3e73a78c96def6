"""SDP messages: a wrong byte here and vehicle and station never find each other."""

from __future__ import annotations

import os
from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sdp.messages import (
    BadDatagram,
    CouplingType,
    DiagStatus,
    P2psPpd,
    SdpMessage,
    SdpRequest,
    SdpRequestEmsp,
    SdpRequestWireless,
    SdpResponse,
    SdpResponseEmsp,
    SdpResponseWireless,
    Security,
    Transport,
    decode,
    encode,
)

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "1000")), 5000) // 5
ADDRESS = IPv6Address("fe80::20c:29ff:fe8b:1")

byte = st.integers(0, 255)
port = st.integers(0, 65535)
address = st.integers(0, 2**128 - 1).map(IPv6Address)


def ascii_text(most: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=most)


sdp_messages: st.SearchStrategy[SdpMessage] = st.one_of(
    st.builds(SdpRequest, byte, byte),
    st.builds(SdpResponse, address, port, byte, byte),
    st.builds(
        SdpRequestWireless, byte, st.integers(0, 0xFFFF).map(P2psPpd), byte, ascii_text(20), ascii_text(37), byte
    ),
    st.builds(SdpResponseWireless, address, port, byte, byte, byte, ascii_text(37), byte),
    st.builds(SdpRequestEmsp, ascii_text(200)),
    st.builds(SdpResponseEmsp, address, port, ascii_text(200)),
)


@pytest.mark.cases("CMN_V2GTPSDP")
def test_request_bytes_of_every_flag() -> None:
    """The ten bytes a car multicasts: TLS or not (0x00/0x10), TCP or the reserved UDP (0x00/0x10)."""
    assert encode(SdpRequest(Security.TLS)) == bytes.fromhex("01fe9000000000020000")
    assert encode(SdpRequest(Security.NONE)) == bytes.fromhex("01fe9000000000021000")
    assert encode(SdpRequest(Security.NONE, Transport.UDP)) == bytes.fromhex("01fe9000000000021010")


@pytest.mark.cases("CMN_V2GTPSDP")
def test_response_bytes() -> None:
    """The station's answer: address, port, security, transport."""
    wire = bytes.fromhex("01fe900100000014" + "fe80000000000000020c29fffe8b0001" + "d5a1" + "1000")
    assert encode(SdpResponse(ADDRESS, 0xD5A1, Security.NONE)) == wire
    assert decode(wire) == SdpResponse(ADDRESS, 54689, Security.NONE, Transport.TCP)


def test_wireless_pair_of_20() -> None:
    """WPT and pantograph: field positions of ISO 15118-20 Tables 22 and 26 (62 and 59 payload bytes)."""
    request = SdpRequestWireless(
        Security.TLS, P2psPpd.WPT_LF_ON_EV | P2psPpd.PPD_ON_EV, CouplingType.WPT, "ZZ00000", "DE*ABC*E12345*1"
    )
    wire = encode(request)
    assert wire[:8] == bytes.fromhex("01fe90020000003e")
    assert wire[8:13] == bytes.fromhex("00000a0010")
    assert wire[13:33] == b"ZZ00000".ljust(20, b"\0")
    assert wire[33:] == b"DE*ABC*E12345*1".ljust(37, b"\0")
    response = SdpResponseWireless(
        ADDRESS, 64109, Security.TLS, DiagStatus.FINISHED_WITH_EVSEID, CouplingType.ACDP_CONTACT_DOME, "DE*ABC*E1"
    )
    wire = encode(response)
    assert wire[:8] == bytes.fromhex("01fe90030000003b")
    assert wire[24:30] == bytes.fromhex("fa6d00000102")
    assert wire[30:] == b"DE*ABC*E1".ljust(37, b"\0")
    assert decode(wire) == response


def test_emsp_pair() -> None:
    """The EMSP extension: identifiers alone in the request, no security bytes in the response."""
    assert encode(SdpRequestEmsp("DEABC")) == bytes.fromhex("01fe900400000005") + b"DEABC"
    wire = encode(SdpResponseEmsp(ADDRESS, 64109, "DEABC"))
    assert wire == bytes.fromhex("01fe900500000017") + ADDRESS.packed + b"\xfa\x6dDEABC"


@settings(max_examples=EXAMPLES)
@given(sdp_messages)
def test_round_trip(message: SdpMessage) -> None:
    """Every message of both roles comes back equal, reserved byte values included."""
    got = decode(encode(message))
    assert got == message


@settings(max_examples=EXAMPLES)
@given(sdp_messages, st.data())
def test_mutated_datagrams_are_a_message_or_a_reason(message: SdpMessage, data: st.DataObject) -> None:
    """UDP port 15118 is open to everyone on the link: no datagram may raise, and cuts or additions are told apart."""
    wire = encode(message)
    cut = data.draw(st.integers(0, len(wire) - 1))
    assert isinstance(decode(wire[:cut]), BadDatagram)
    assert isinstance(decode(wire + b"\0"), BadDatagram)
    index = data.draw(st.integers(0, len(wire) - 1))
    changed = wire[:index] + bytes([data.draw(byte)]) + wire[index + 1 :]
    got = decode(changed)
    if isinstance(got, BadDatagram):
        assert got.reason
    else:
        assert encode(got) == changed


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=100))
def test_random_datagrams_never_raise(datagram: bytes) -> None:
    """Junk gets a reason that a log can show."""
    got = decode(datagram)
    assert isinstance(got, BadDatagram)
    assert got.reason


@pytest.mark.cases("CMN_V2GTPSDP")
@pytest.mark.parametrize(
    "wire",
    [
        "01fe900000000001" + "00",  # request one byte short
        "01fe900000000003" + "000000",
        "01fe900100000013" + "00" * 19,
        "01fe800100000002" + "0000",  # an EXI message on the SDP port
        "01fea00000000002" + "0000",
        "02fd900000000002" + "0000",  # V2GTP version 2
        "01fe9000ffffffff" + "0000",
        "01fe900000000002" + "1000" + "01fe900000000002" + "1000",  # two messages in one datagram
    ],
)
def test_wrong_length_type_and_version_are_refused(wire: str) -> None:
    """Each kind of bad datagram is named instead of answered."""
    assert isinstance(decode(bytes.fromhex(wire)), BadDatagram)


@pytest.mark.parametrize(
    "message",
    [
        SdpRequest(256),
        SdpResponse(ADDRESS, 70000, Security.TLS),
        SdpRequestWireless(Security.TLS, P2psPpd(0), 0, "x" * 21),
        SdpRequestWireless(Security.TLS, P2psPpd(0x10000), 0, "x"),
        SdpResponseWireless(ADDRESS, 1, Security.TLS, 0, 0, "ü"),
    ],
)
def test_values_that_do_not_fit_are_named(message: SdpMessage) -> None:
    """A station file with a wrong port or an overlong EVID is an error that says so, never silently cut bytes."""
    with pytest.raises(ValueError, match="SDP "):
        encode(message)
