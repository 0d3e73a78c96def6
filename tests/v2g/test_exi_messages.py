"""Typed messages: what a program builds is checked where it is built, and errors name the value in the message."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.v2g import codec
from adapters.v2g.exi.messages import Message

iso2: Any = codec.messages("iso2")
dc20: Any = codec.messages("iso20-dc")


def current_demand_req(**changes: Any) -> Any:
    """A valid CurrentDemandReq with some fields changed."""
    fields = {
        "DC_EVStatus": iso2.DC_EVStatus(EVReady=True, EVErrorCode="NO_ERROR", EVRESSSOC=55),
        "EVTargetCurrent": iso2.PhysicalValueType.of(125.5, "A"),
        "ChargingComplete": False,
        "EVTargetVoltage": iso2.PhysicalValueType.of(401.2, "V"),
    }
    return iso2.CurrentDemandReq(**{**fields, **changes})


def document(body: Any) -> Any:
    """A V2G_Message around a body element."""
    header = iso2.MessageHeaderType(SessionID=bytes(range(8)))
    return iso2.V2G_Message(Header=header, Body=iso2.BodyType(BodyElement=body))


def test_a_message_reads_back_with_absent_options_as_none() -> None:
    message = document(current_demand_req())
    again = codec.decode("iso2", codec.encode(message))
    assert again == message
    body = again.Body.BodyElement  # type: ignore[union-attr]
    assert type(body) is iso2.CurrentDemandReqType
    assert body.EVMaximumPowerLimit is None
    assert float(body.EVTargetVoltage) == 401.2


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"EVTargetVoltage": None}, "CurrentDemandReq.EVTargetVoltage", "missing"),
        ({"EVTargetVoltage": 400}, "CurrentDemandReq.EVTargetVoltage", "PhysicalValueType is required"),
        ({"ChargingComplete": 1}, "CurrentDemandReq.ChargingComplete", "true or false"),
        ({"DC_EVStatus": "x"}, "CurrentDemandReq.DC_EVStatus", "DC_EVStatusType is required"),
    ],
)
def test_the_constructor_names_the_field(changes: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(codec.ValidationError, match=reason) as caught:
        current_demand_req(**changes)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("build", "path"),
    [
        (lambda: iso2.PhysicalValueType(Multiplier=4, Unit="V", Value=1), "PhysicalValueType.Multiplier"),
        (lambda: iso2.PhysicalValueType(Multiplier=0, Unit="volt", Value=1), "PhysicalValueType.Unit"),
        (lambda: iso2.PhysicalValueType(Multiplier=0, Unit="V", Value=32768), "PhysicalValueType.Value"),
        (lambda: iso2.PhysicalValueType(Multiplier=0, Unit="V", Value=1.0), "PhysicalValueType.Value"),
        (lambda: iso2.PhysicalValueType(Multiplier=0, Unit="V", Value=True), "PhysicalValueType.Value"),
        (lambda: iso2.MessageHeaderType(SessionID=bytes(9)), "MessageHeaderType.SessionID"),
        (lambda: iso2.MessageHeaderType(SessionID="00"), "MessageHeaderType.SessionID"),
        # xs:length is exact: -20's session id has 8 octets, not up to 8.
        (lambda: dc20.MessageHeaderType(SessionID=bytes(7), TimeStamp=0), "MessageHeaderType.SessionID"),
        (lambda: dc20.MessageHeaderType(SessionID=bytes(8), TimeStamp=-1), "MessageHeaderType.TimeStamp"),
        (lambda: iso2.PaymentDetailsReq(eMAID="short", ContractSignatureCertChain=chain()), "PaymentDetailsReq.eMAID"),
        (lambda: iso2.ParameterType(Name="p", intValue=1, boolValue=True), "ParameterType"),
        (lambda: iso2.ParameterType(Name="p"), "ParameterType"),
        (lambda: iso2.PMaxScheduleType(PMaxScheduleEntry=[]), "PMaxSchedule"),
        (lambda: codec.messages("sap").supportedAppProtocolReq(AppProtocol=[None]), "AppProtocol[0]"),
    ],
)
def test_facets_are_checked_on_construction(build: Any, path: str) -> None:
    with pytest.raises(codec.ValidationError) as caught:
        build()
    assert path in caught.value.path


def chain() -> Any:
    return iso2.CertificateChainType(Certificate=b"\x30\x00")


@pytest.mark.parametrize(
    ("spoil", "path"),
    [
        (lambda b: setattr(b.EVTargetVoltage, "Value", 40000), "EVTargetVoltage.Value"),
        (lambda b: setattr(b.EVTargetVoltage, "Value", None), "EVTargetVoltage.Value"),
        (lambda b: setattr(b.EVTargetVoltage, "Value", "1"), "EVTargetVoltage.Value"),
        (lambda b: setattr(b.EVTargetVoltage, "Unit", None), "EVTargetVoltage.Unit"),
        (lambda b: setattr(b.EVTargetVoltage, "Unit", []), "EVTargetVoltage.Unit"),
        (lambda b: setattr(b.DC_EVStatus, "EVRESSSOC", 101), "DC_EVStatus.EVRESSSOC"),
        (lambda b: setattr(b.DC_EVStatus, "EVReady", "yes"), "DC_EVStatus.EVReady"),
        (lambda b: delattr(b.DC_EVStatus, "EVErrorCode"), "DC_EVStatus.EVErrorCode"),
        (lambda b: setattr(b, "EVMaximumPowerLimit", 7), "EVMaximumPowerLimit"),
        (lambda b: setattr(b, "EVTargetCurrent", None), "EVTargetCurrent"),
    ],
)
def test_a_message_spoilt_later_is_not_encoded(spoil: Any, path: str) -> None:
    """Fields may be set after construction; encoding checks them again and names the whole path."""
    body = current_demand_req()
    spoil(body)
    with pytest.raises(codec.ValidationError) as caught:
        codec.encode(document(body))
    assert caught.value.path == f"V2G_Message.Body.CurrentDemandReq.{path}"
    with pytest.raises(codec.ValidationError) as standing:
        codec.encode(body)
    assert standing.value.path == f"CurrentDemandReq.{path}"


def test_lists_name_the_item() -> None:
    sap: Any = codec.messages("sap")
    offers = [
        sap.AppProtocolType(
            ProtocolNamespace="urn:x", VersionNumberMajor=2, VersionNumberMinor=0, SchemaID=i, Priority=i + 1
        )
        for i in range(3)
    ]
    message = sap.supportedAppProtocolReq(AppProtocol=offers)
    offers[2].Priority = 21
    with pytest.raises(codec.ValidationError) as caught:
        codec.encode(message)
    assert caught.value.path == "supportedAppProtocolReq.AppProtocol[2].Priority"
    assert "above 20" in caught.value.reason
    offers[2].Priority = 20
    message.AppProtocol = offers * 7
    with pytest.raises(codec.ValidationError, match="21 items") as caught:
        codec.encode(message)
    assert caught.value.path == "supportedAppProtocolReq.AppProtocol"


def test_validate_finds_what_encode_finds() -> None:
    body = current_demand_req()
    body.EVTargetVoltage.Multiplier = 9
    with pytest.raises(codec.ValidationError) as caught:
        codec.validate(document(body))
    assert caught.value.path == "V2G_Message.Body.CurrentDemandReq.EVTargetVoltage.Multiplier"


@pytest.mark.parametrize(
    ("element", "path"),
    [
        (codec.Element("KeyName", 5, "xmldsig"), "KeyName"),
        (codec.Element("KeyInfo", "x", "xmldsig"), "KeyInfo"),
        (codec.Element("Nothing", "x", "xmldsig"), "Nothing"),
        (codec.Element("eMAID", "short", "iso2"), "eMAID"),
        (codec.messages("xmldsig").KeyInfo(content=[codec.Element("KeyName", 5)]), "KeyInfo.content[0].KeyName"),
        (codec.messages("xmldsig").KeyInfo(content=[codec.Element("Nothing", "")]), "KeyInfo.content[0].Nothing"),
    ],
)
def test_validate_looks_into_elements_and_open_content(element: Any, path: str) -> None:
    for call in (codec.validate, lambda each: codec.encode(each, fragment=True)):
        with pytest.raises(codec.ValidationError) as caught:
            call(element)
        assert caught.value.path == path


def test_a_class_of_another_protocol_is_not_taken() -> None:
    """DIN's PhysicalValueType looks the same and codes differently."""
    din: Any = codec.messages("din")
    with pytest.raises(codec.ValidationError, match="PhysicalValueType"):
        current_demand_req(EVTargetVoltage=din.PhysicalValueType.of(1, "V"))
    with pytest.raises(codec.ValidationError, match="document element"):
        codec.encode(current_demand_req(), protocol="sap")


@given(st.integers(-32768, 32767), st.integers(-3, 3))
def test_every_physical_value_is_found_again_from_its_number(value: int, multiplier: int) -> None:
    exact = iso2.PhysicalValueType(Multiplier=multiplier, Unit="W", Value=value)
    made = iso2.PhysicalValueType.of(Decimal(value).scaleb(multiplier), "W")
    assert float(made) == float(exact)
    assert abs(made.Multiplier) <= abs(multiplier)


@given(st.floats(-30_000_000, 30_000_000))
def test_the_nearest_physical_value_is_within_half_a_step(number: float) -> None:
    made = iso2.PhysicalValueType.nearest(number, "W")
    step = 10.0**made.Multiplier
    assert abs(float(made) - number) <= step / 2 * (1 + 1e-9)


def test_numbers_carry_their_unit() -> None:
    voltage = iso2.PhysicalValueType.of(400.5, "V")
    assert (voltage.Multiplier, voltage.Value) == (-1, 4005)
    assert iso2.PhysicalValueType.of(400, "V").Multiplier == 0
    assert iso2.PhysicalValueType.of(150_000, "W").Multiplier == 1
    assert voltage.value_in_unit("V") == 400.5
    with pytest.raises(codec.ValidationError, match="not in A"):
        voltage.value_in_unit("A")
    with pytest.raises(codec.ValidationError, match="16-bit"):
        iso2.PhysicalValueType.of(1 / 3, "V")
    with pytest.raises(codec.ValidationError, match="16-bit"):
        iso2.PhysicalValueType.of(1e12, "W")
    with pytest.raises(codec.ValidationError, match="finite"):
        iso2.PhysicalValueType.nearest(float("nan"), "V")
    # DIN leaves the unit out at times (VW id.4, Mokka-E, MG4): the number is still read.
    din: Any = codec.messages("din")
    assert din.PhysicalValueType(Multiplier=0, Value=7).value_in_unit("V") == 7


def test_rational_numbers_of_iso_20() -> None:
    assert float(dc20.RationalNumberType.of(401.2)) == 401.2
    assert dc20.RationalNumberType.of(11_000).Exponent == 0
    assert float(dc20.RationalNumberType.nearest(22 / 7)) == pytest.approx(22 / 7, abs=1e-4)


class ForeignFloat(float):
    """A float of another library: NumPy's float64 is one, and prints itself as np.float64(0.1)."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


class ForeignNumber:
    """A number that is no float: NumPy's float32 and int16."""

    def __float__(self) -> float:
        return 2.5


def test_numbers_of_other_libraries_are_numbers() -> None:
    assert iso2.PhysicalValueType.of(ForeignFloat(0.1), "V") == iso2.PhysicalValueType.of(0.1, "V")
    assert float(dc20.RationalNumberType.nearest(ForeignNumber())) == 2.5


@pytest.mark.parametrize("number", ["1.5", b"1", None, [], object()])
def test_what_is_no_number_is_a_validation_error(number: Any) -> None:
    for make in (iso2.PhysicalValueType.of, iso2.PhysicalValueType.nearest):
        with pytest.raises(codec.ValidationError, match="number is required"):
            make(number, "V")


@pytest.mark.parametrize("thing", [None, 5, "80", {}])
def test_what_is_no_message_is_a_validation_error(thing: Any) -> None:
    for call in (codec.encode, codec.validate, codec.to_xml, codec.to_json):
        with pytest.raises(codec.ValidationError, match="a message is required"):
            call(thing)
    with pytest.raises(TypeError, match="fromhex"):
        codec.decode("iso2", "80")  # type: ignore[arg-type]


def test_units_stand_in_the_docstrings() -> None:
    assert "EVTargetVoltage: V" in iso2.CurrentDemandReq.__doc__
    assert "EVRESSSOC: %" in iso2.DC_EVStatus.__doc__
    assert "EVMaximumChargePower: W" in dc20.DC_CPDReqEnergyTransferMode.__doc__


def test_a_fragment_of_a_local_element_carries_its_name() -> None:
    """Signatures cover elements by name; a PhysicalValueType alone does not say which."""
    voltage = codec.Element("EVTargetVoltage", iso2.PhysicalValueType.of(400, "V"), "iso2")
    exi = codec.encode(voltage, fragment=True)
    assert codec.decode("iso2", exi, fragment=True) == voltage
    # The same fragment grammar holds the type under another name, with another event code.
    assert codec.encode(codec.Element("EVTargetCurrent", voltage.value, "iso2"), fragment=True) != exi


def test_emaid_is_read_by_the_relaxed_fragment_grammar_both_ways() -> None:
    """ISO 15118-2 declares eMAID with and without an Id; libcbv2g codes it with the wrong grammar."""
    signed = codec.Element("eMAID", iso2.EMAIDType(Id="id1", value="DE8AA1A2B3C4D5"), "iso2")
    plain = codec.Element("eMAID", "DE8AA1A2B3C4D5", "iso2")
    for element in (signed, plain):
        assert codec.decode("iso2", codec.encode(element, fragment=True), fragment=True) == element


@pytest.mark.parametrize("text", ["", "short", "DE8AA1A2B3C4D5678"])
def test_the_relaxed_fragment_grammar_keeps_the_length_of_emaid(text: str) -> None:
    """An eMAID has 14 or 15 characters, in a fragment too, whose grammar says nothing of it: any is read, only such a
    one is written."""
    with pytest.raises(codec.ValidationError, match="14 to 15 are allowed") as refused:
        codec.encode(codec.Element("eMAID", text, "iso2"), fragment=True)
    assert refused.value.path == "eMAID"
    exi = codec.encode(codec.Element("eMAID", "DE8AA1A2B3C4D5", "iso2"), fragment=True)
    # Bits: header 8, eMAID 8, characters 9, their number and two 8, characters 14 x 8, two ends 16, padding 7.
    whole = int.from_bytes(exi, "big")
    stream = (whole >> 143) << 8 | len(text) + 2
    stream = stream << 8 * len(text) | int.from_bytes(text.encode(), "big")
    stream = (stream << 16 | whole >> 7 & 0xFFFF) << 7
    data = stream.to_bytes(len(exi) - 14 + len(text), "big")
    misfits: list[codec.ValidationError] = []
    assert codec.decode("iso2", data, fragment=True, misfits=misfits) == codec.Element("eMAID", text, "iso2")
    assert [str(each) for each in misfits] == [f"eMAID: {len(text)} characters, 14 to 15 are allowed"]


@pytest.mark.parametrize(("field", "value"), [("value", "short"), ("value", 5), ("Id", 5), ("Id", None)])
def test_a_spoilt_emaid_fragment_names_its_field(field: str, value: Any) -> None:
    emaid = iso2.EMAIDType(Id="id1", value="DE8AA1A2B3C4D5")
    setattr(emaid, field, value)
    with pytest.raises(codec.ValidationError) as caught:
        codec.encode(codec.Element("eMAID", emaid, "iso2"), fragment=True)
    assert caught.value.path == f"eMAID.{field}"


def test_every_class_of_every_schema_round_trips_its_repr_fields() -> None:
    """No generated class is left without a description: fields, slots and types of all of them agree."""
    count = 0
    for protocol in codec.PROTOCOLS:
        for kind in vars(codec.messages(protocol)).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, Message)
                and kind.__module__.endswith(protocol.replace("-", "_"))
            ):
                slots = [slot for c in reversed(kind.__mro__) for slot in getattr(c, "__slots__", ())]
                assert sorted(slots) == sorted(field.name for field in kind.FIELDS), kind
                assert protocol == kind.PROTOCOL
                count += 1
    assert count > 600


ISO20 = ("iso20", "iso20-dc", "iso20-ac", "iso20-wpt", "iso20-acdp")


def test_a_part_that_protocols_share_is_one_class_in_all_of_them() -> None:
    """A rational number made for one part of ISO 15118-20 may stand in a message of another."""
    for label in ("RationalNumberType", "EVSEStatusType", "ListOfRootCertificateIDsType"):
        assert len({getattr(codec.messages(protocol), label) for protocol in ISO20}) == 1, label
    limits = {name: codec.messages("iso20-ac").RationalNumberType.of(400) for name in ("EVMaximumVoltage",)}
    dc = codec.messages("iso20-dc")
    powers = {name: dc.RationalNumberType.of(100) for name in ("EVMaximumChargePower", "EVMinimumChargePower")}
    currents = {name: dc.RationalNumberType.of(10) for name in ("EVMaximumChargeCurrent", "EVMinimumChargeCurrent")}
    mode = dc.DC_CPDReqEnergyTransferModeType(
        **powers, **currents, **limits, EVMinimumVoltage=dc.RationalNumberType.of(200)
    )
    codec.validate(mode)


def test_a_shared_part_belongs_to_no_protocol() -> None:
    """It is checked like any other; encoding names it, since no protocol has a message of this class."""
    number = codec.messages("iso20-dc").RationalNumberType.of(400)
    codec.validate(number)
    number.Value = 40_000
    with pytest.raises(codec.ValidationError) as caught:
        codec.validate(number)
    assert caught.value.path == "RationalNumberType.Value"
    with pytest.raises(codec.ValidationError, match="no message itself") as caught:
        codec.encode(number)
    assert caught.value.path == "RationalNumberType"
    with pytest.raises(codec.ValidationError, match="no document element of iso20-dc"):
        codec.encode(number, protocol="iso20-dc")


def test_the_example_of_the_documentation_runs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "exi.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    *statements, last = example.strip().splitlines()
    exec("\n".join(statements), names)
    assert eval(last.partition("#")[0].strip(), names) == float(last.partition("#")[2])
