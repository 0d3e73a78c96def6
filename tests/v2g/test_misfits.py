"""Values beyond a facet of their schema are read, as EXIficient reads them, and told; encoders refuse them.

Real vehicles send some: a Seres counts four phases, an eMAID has 18 characters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.v2g import codec
from adapters.v2g.exi import messages as exi_messages
from adapters.v2g.exi.bits import BEYOND, write_sint, write_uint
from tests.v2g.message_gen import tree
from tests.v2g.oracle import ExiOracle

NAMES = codec.schema("iso2").fragment_codes
WIDTH = (len(NAMES) + 1).bit_length()


def fragment(name: str, content: int, bits: int) -> bytes:
    """An ISO 15118-2 fragment of a local element of simple type: SE, CH, ``content`` of so many bits, EE, ED."""
    stream = 0x80 << WIDTH | NAMES[name]
    stream = (stream << 1 + bits | content) << 1
    stream = stream << WIDTH | len(NAMES) + 1
    padding = -stream.bit_length() % 8
    return (stream << padding).to_bytes((stream.bit_length() + padding) // 8, "big")


def bits_of(write: Callable[[int, int], int], number: int) -> tuple[int, int]:
    """A number as ``write`` appends it, and how many bits it takes."""
    whole = write(1, number)
    width = whole.bit_length() - 1
    return whole ^ 1 << width, width


def octets(text: bytes) -> tuple[int, int]:
    return int.from_bytes(bytes((len(text),)) + text, "big"), 8 + 8 * len(text)


def characters(text: str) -> tuple[int, int]:
    return int.from_bytes(bytes((len(text) + 2,)) + text.encode(), "big"), 8 + 8 * len(text)


CASES: list[tuple[str, tuple[int, int], Any, str]] = [
    ("ChargingProfileEntryMaxNumberOfPhasesInUse", (3, 2), 4, "4 is above 3"),
    ("EVRESSSOC", (127, 7), 127, "127 is above 100"),
    ("Multiplier", (7, 3), 4, "4 is above 3"),
    ("{urn:iso:15118:2:2013:MsgBody}SAScheduleTupleID", (255, 8), 256, "256 is above 255"),
    ("Value", bits_of(write_sint, 40_000), 40_000, "40000 is above 32767"),
    ("Value", bits_of(write_sint, -40_000), -40_000, "-40000 is below -32768"),
    ("{urn:iso:15118:2:2013:MsgBody}ServiceID", bits_of(write_uint, 70_000), 70_000, "70000 is above 65535"),
    ("DepartureTime", bits_of(write_uint, 1 << 32), 1 << 32, "4294967296 is above 4294967295"),
    ("DepartureTime", bits_of(write_uint, BEYOND), BEYOND, f"{BEYOND} is above 4294967295"),
    ("EVCCID", octets(b"\1\2\3\4\5\6\7"), b"\1\2\3\4\5\6\7", "7 octets, 0 to 6 are allowed"),
    ("{urn:iso:15118:2:2013:MsgHeader}SessionID", octets(bytes(9)), bytes(9), "9 octets, 0 to 8 are allowed"),
    ("EVSEID", characters("Z" * 38), "Z" * 38, "38 characters, 7 to 37 are allowed"),
    ("EVSEID", characters("Z"), "Z", "1 characters, 7 to 37 are allowed"),
    ("ServiceName", characters("N" * 33), "N" * 33, "33 characters, 0 to 32 are allowed"),
]


@pytest.mark.parametrize(("name", "content", "value", "reason"), CASES)
def test_a_value_beyond_its_facet_is_read_and_told(
    name: str, content: tuple[int, int], value: Any, reason: str
) -> None:
    misfits: list[codec.ValidationError] = []
    element = codec.decode("iso2", fragment(name, *content), fragment=True, misfits=misfits)
    assert element == codec.Element(name, value, "iso2")
    assert [(each.path, each.reason) for each in misfits] == [(name, reason)]
    assert codec.decode("iso2", fragment(name, *content), fragment=True) == element
    with pytest.raises(codec.ValidationError, match=reason):
        codec.encode(element, fragment=True)


@pytest.mark.parametrize(("name", "content", "value", "reason"), CASES)
def test_exificient_reads_it_too(
    name: str, content: tuple[int, int], value: Any, reason: str, exi_oracle: ExiOracle
) -> None:
    """What we read beyond a facet is no invention of ours."""
    data = fragment(name, *content)
    ours = codec.to_xml(codec.decode("iso2", data, fragment=True), protocol="iso2")
    assert tree(ours) == tree(exi_oracle.decode("iso2", data, fragment=True))


def test_what_has_no_value_is_not_read() -> None:
    """An enumeration's number beyond its values means nothing; a number of more than 63 bits fits nowhere."""
    with pytest.raises(codec.ExiError, match="enumeration value 12 of 12"):
        codec.decode("iso2", fragment("EVErrorCode", 12, 4), fragment=True)
    with pytest.raises(codec.ExiError, match=r"longer than its type allows|is above"):
        codec.decode("iso2", fragment("DepartureTime", *bits_of(write_uint, 1 << 64)), fragment=True)


def demand(soc: int, voltage: int) -> bytes:
    iso2 = codec.messages("iso2")
    body = iso2.CurrentDemandReq(
        DC_EVStatus=iso2.DC_EVStatus(EVReady=True, EVErrorCode="NO_ERROR", EVRESSSOC=soc),
        EVTargetCurrent=iso2.PhysicalValueType.of(10, "A"),
        EVTargetVoltage=iso2.PhysicalValueType.of(voltage, "V"),
        ChargingComplete=False,
    )
    header = iso2.MessageHeaderType(SessionID=bytes(8))
    return codec.encode(iso2.V2G_Message(Header=header, Body=iso2.BodyType(BodyElement=body)))


def test_a_message_names_each_misfit_by_its_path() -> None:
    """Both readers, the generated ones and those of single elements, are told by the same names."""
    ones = int.from_bytes(demand(100, 400), "big") ^ int.from_bytes(demand(0, 400), "big")
    ones |= int.from_bytes(demand(27, 400), "big") ^ int.from_bytes(demand(0, 400), "big")
    data = (int.from_bytes(demand(0, 400), "big") | ones).to_bytes(len(demand(0, 400)), "big")
    misfits: list[codec.ValidationError] = []
    message: Any = codec.decode("iso2", data, misfits=misfits)
    assert message.Body.BodyElement.DC_EVStatus.EVRESSSOC == 127
    assert [str(each) for each in misfits] == [
        "V2G_Message.Body.CurrentDemandReq.DC_EVStatus.EVRESSSOC: 127 is above 100"
    ]
    fits: list[codec.ValidationError] = []
    codec.decode("iso2", demand(100, 400), misfits=fits)
    assert fits == []


def test_at_most_sixteen_misfits_are_named() -> None:
    iso2 = codec.messages("iso2")
    services = [iso2.SelectedServiceType(ServiceID=1) for _ in range(17)]
    listed = iso2.SelectedServiceListType(SelectedService=services[:16])
    listed.SelectedService = services
    for service in services:
        service.ServiceID = 70_000
    request = iso2.PaymentServiceSelectionReq(SelectedPaymentOption="Contract", SelectedServiceList=listed)
    found = exi_messages.find_misfits(request, codec.schema("iso2").by_name)
    assert len(found) == exi_messages.MAX_MISFITS
    assert "17 items" in found[0].reason
    assert found[1].path == "PaymentServiceSelectionReq.SelectedServiceList.SelectedService[0].ServiceID"
