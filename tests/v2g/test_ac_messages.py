"""ISO 15118-2 AC, byte for byte against EXIficient: what one end orders is the XML that the standard asks for, and the
other end reads from it what was ordered. If this fails, AC cars are charged wrongly or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import v2gtp
from adapters.v2g import codec
from adapters.v2g.client import SimulatedV2gEvcc
from adapters.v2g.server import SimulatedV2gSecc
from engine.adapter import AdapterError
from tests.slac.virtual_host import Clock, VirtualPort, new_world
from tests.v2g.oracle import ExiOracle

S = 1_000_000_000
SESSION = bytes.fromhex("0102030405060708")
NAMESPACES = 'xmlns:m="urn:iso:15118:2:2013:MsgDef" xmlns:h="urn:iso:15118:2:2013:MsgHeader" '
NAMESPACES += 'xmlns="urn:iso:15118:2:2013:MsgBody" xmlns:t="urn:iso:15118:2:2013:MsgDataTypes"'


def document(body: str) -> str:
    """The XML of a message of this session."""
    header = f"<m:Header><h:SessionID>{SESSION.hex().upper()}</h:SessionID></m:Header>"
    return f"<m:V2G_Message {NAMESPACES}>{header}<m:Body>{body}</m:Body></m:V2G_Message>"


def physical(name: str, multiplier: int, unit: str, value: int) -> str:
    inner = f"<t:Multiplier>{multiplier}</t:Multiplier><t:Unit>{unit}</t:Unit><t:Value>{value}</t:Value>"
    return f"<{name}>{inner}</{name}>"


def ac_status(name: str, *, rcd: str, notification: str = "None", delay: int = 0) -> str:
    delays = f"<t:NotificationMaxDelay>{delay}</t:NotificationMaxDelay><t:EVSENotification>{notification}"
    return f"<{name}>{delays}</t:EVSENotification><t:RCD>{rcd}</t:RCD></{name}>"


class End:
    """One end of a connection in a session: ``frames`` it sent, and what it is told of EXI it receives."""

    def __init__(self, kind: type[SimulatedV2gSecc | SimulatedV2gEvcc], protocol: str = "iso2") -> None:
        self.adapter: Any = kind({"host": "x"}, new_world())
        self.port = VirtualPort(self.adapter, Clock(), "v2g")
        self.endpoint = self.adapter.endpoint
        self.frames: list[bytes] = []
        self.troubles: list[tuple[str, str]] = []
        self.endpoint.on_undecodable = lambda kind, reason, payload_type: self.troubles.append((kind, reason))
        self.endpoint.connected(self.frames.append)
        self.adapter.use_protocol(protocol=protocol)
        self.endpoint.session_id = SESSION

    def sent(self) -> bytes:
        """The EXI of the one frame that was sent."""
        (frame,) = self.frames
        return frame[v2gtp.HEADER_BYTES :]

    def told(self, payload: bytes) -> tuple[str, dict[str, Any]]:
        """The one event of a message; a field that is None is left out."""
        self.endpoint.received(v2gtp.encode(v2gtp.PayloadType.SAP, payload))
        ((event, fields),) = self.port.events
        return event, {name: value for name, value in fields.items() if value is not None}


def station(protocol: str = "iso2") -> End:
    return End(SimulatedV2gSecc, protocol)


def vehicle(protocol: str = "iso2") -> End:
    return End(SimulatedV2gEvcc, protocol)


METER = {"MeterID": "METER-1", "MeterReading": 12_346.0, "MeterStatus": -2, "TMeter": 1_800_000_000}
METER_XML = (
    "<t:MeterID>METER-1</t:MeterID><t:MeterReading>12346</t:MeterReading><t:SigMeterReading>AQI=</t:SigMeterReading>"
    "<t:MeterStatus>-2</t:MeterStatus><t:TMeter>1800000000</t:TMeter>"
)
SIGNED = METER | {"SigMeterReading": b"\x01\x02"}
QUIET = {"RCD": False, "EVSENotification": "None"}

RESPONSES: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "three phases, two schedules": (
        "ChargeParameterDiscoveryRes",
        {
            "ResponseCode": "OK",
            "EVSEProcessing": "Finished",
            "SAScheduleTupleID": [1, 1, 2],
            "start": [0, 3600 * S, 0],
            "PMax": [22_080.0, 11_040.0, 4_140.0],
            "ScheduleDuration": 86_400 * S,
            "EVSENominalVoltage": 230.0,
            "EVSEMaxCurrent": 31.96,
            **QUIET,
        },
        {
            "ResponseCode": "OK",
            "EVSEProcessing": "Finished",
            "SAScheduleTupleID": [1, 1, 2],
            "start": [0, 3600 * S, 0],
            "duration": [0, 82_800 * S, 86_400 * S],
            "PMax": [22_080.0, 11_040.0, 4_140.0],
            "EVSENominalVoltage": 230.0,
            "EVSEMaxCurrent": 32.0,
            "NotificationMaxDelay": 0,
            **QUIET,
        },
        "<ChargeParameterDiscoveryRes><ResponseCode>OK</ResponseCode><EVSEProcessing>Finished</EVSEProcessing>"
        "<t:SAScheduleList><t:SAScheduleTuple><t:SAScheduleTupleID>1</t:SAScheduleTupleID><t:PMaxSchedule>"
        "<t:PMaxScheduleEntry><t:RelativeTimeInterval><t:start>0</t:start></t:RelativeTimeInterval>"
        + physical("t:PMax", 0, "W", 22080)
        + "</t:PMaxScheduleEntry><t:PMaxScheduleEntry><t:RelativeTimeInterval><t:start>3600</t:start>"
        "<t:duration>82800</t:duration></t:RelativeTimeInterval>"
        + physical("t:PMax", 0, "W", 11040)
        + "</t:PMaxScheduleEntry></t:PMaxSchedule></t:SAScheduleTuple>"
        "<t:SAScheduleTuple><t:SAScheduleTupleID>2</t:SAScheduleTupleID><t:PMaxSchedule>"
        "<t:PMaxScheduleEntry><t:RelativeTimeInterval><t:start>0</t:start><t:duration>86400</t:duration>"
        "</t:RelativeTimeInterval>"
        + physical("t:PMax", 0, "W", 4140)
        + "</t:PMaxScheduleEntry></t:PMaxSchedule></t:SAScheduleTuple></t:SAScheduleList>"
        "<t:AC_EVSEChargeParameter>"
        + ac_status("t:AC_EVSEStatus", rcd="false")
        + physical("t:EVSENominalVoltage", 0, "V", 230)
        + physical("t:EVSEMaxCurrent", 0, "A", 32)
        + "</t:AC_EVSEChargeParameter></ChargeParameterDiscoveryRes>",
    ),
    "no schedule yet": (
        "ChargeParameterDiscoveryRes",
        {
            "ResponseCode": "OK",
            "EVSEProcessing": "Ongoing",
            "SAScheduleTupleID": [],
            "start": [],
            "PMax": [],
            "ScheduleDuration": 0,
            "EVSENominalVoltage": 230.0,
            "EVSEMaxCurrent": 6.5,
            "RCD": True,
            "EVSENotification": "StopCharging",
        },
        {
            "ResponseCode": "OK",
            "EVSEProcessing": "Ongoing",
            "SAScheduleTupleID": [],
            "start": [],
            "duration": [],
            "PMax": [],
            "EVSENominalVoltage": 230.0,
            "EVSEMaxCurrent": 6.5,
            "RCD": True,
            "EVSENotification": "StopCharging",
            "NotificationMaxDelay": 0,
        },
        "<ChargeParameterDiscoveryRes><ResponseCode>OK</ResponseCode><EVSEProcessing>Ongoing</EVSEProcessing>"
        "<t:AC_EVSEChargeParameter>"
        + ac_status("t:AC_EVSEStatus", rcd="true", notification="StopCharging")
        + physical("t:EVSENominalVoltage", 0, "V", 230)
        + physical("t:EVSEMaxCurrent", -1, "A", 65)
        + "</t:AC_EVSEChargeParameter></ChargeParameterDiscoveryRes>",
    ),
    "the contactor is closed": (
        "PowerDeliveryRes",
        {"ResponseCode": "OK", **QUIET},
        {"ResponseCode": "OK", "NotificationMaxDelay": 0, **QUIET},
        "<PowerDeliveryRes><ResponseCode>OK</ResponseCode>"
        + ac_status("t:AC_EVSEStatus", rcd="false")
        + "</PowerDeliveryRes>",
    ),
    "all of the loop": (
        "ChargingStatusRes",
        {
            "ResponseCode": "OK",
            "EVSEID": "DE*ABC*E1",
            "SAScheduleTupleID": 255,
            "EVSEMaxCurrent": 16.04,
            **SIGNED,
            "MeterReading": 12_345.6,
            "ReceiptRequired": True,
            "RCD": False,
            "EVSENotification": "ReNegotiation",
        },
        {
            "ResponseCode": "OK",
            "EVSEID": "DE*ABC*E1",
            "SAScheduleTupleID": 255,
            "EVSEMaxCurrent": 16.0,
            **SIGNED,
            "ReceiptRequired": True,
            "RCD": False,
            "EVSENotification": "ReNegotiation",
            "NotificationMaxDelay": 0,
        },
        "<ChargingStatusRes><ResponseCode>OK</ResponseCode><EVSEID>DE*ABC*E1</EVSEID>"
        "<SAScheduleTupleID>255</SAScheduleTupleID>"
        + physical("EVSEMaxCurrent", 0, "A", 16)
        + f"<MeterInfo>{METER_XML}</MeterInfo><ReceiptRequired>true</ReceiptRequired>"
        + ac_status("AC_EVSEStatus", rcd="false", notification="ReNegotiation")
        + "</ChargingStatusRes>",
    ),
    "the least of the loop": (
        "ChargingStatusRes",
        {"ResponseCode": "OK", "EVSEID": "ZZ00000", "SAScheduleTupleID": 1, **QUIET},
        {
            "ResponseCode": "OK",
            "EVSEID": "ZZ00000",
            "SAScheduleTupleID": 1,
            "NotificationMaxDelay": 0,
            **QUIET,
        },
        "<ChargingStatusRes><ResponseCode>OK</ResponseCode><EVSEID>ZZ00000</EVSEID>"
        "<SAScheduleTupleID>1</SAScheduleTupleID>" + ac_status("AC_EVSEStatus", rcd="false") + "</ChargingStatusRes>",
    ),
    "a receipt of AC": (
        "MeteringReceiptRes",
        {"ResponseCode": "OK", **QUIET},
        {"ResponseCode": "OK", "NotificationMaxDelay": 0, **QUIET},
        "<MeteringReceiptRes><ResponseCode>OK</ResponseCode>"
        + ac_status("t:AC_EVSEStatus", rcd="false")
        + "</MeteringReceiptRes>",
    ),
    "a receipt of DC": (
        "MeteringReceiptRes",
        {
            "ResponseCode": "OK",
            "EVSEStatusCode": "EVSE_Ready",
            "EVSEIsolationStatus": "Valid",
            "EVSENotification": "None",
        },
        {
            "ResponseCode": "OK",
            "EVSEStatusCode": "EVSE_Ready",
            "EVSEIsolationStatus": "Valid",
            "EVSENotification": "None",
            "NotificationMaxDelay": 0,
        },
        "<MeteringReceiptRes><ResponseCode>OK</ResponseCode><t:DC_EVSEStatus>"
        "<t:NotificationMaxDelay>0</t:NotificationMaxDelay><t:EVSENotification>None</t:EVSENotification>"
        "<t:EVSEIsolationStatus>Valid</t:EVSEIsolationStatus><t:EVSEStatusCode>EVSE_Ready</t:EVSEStatusCode>"
        "</t:DC_EVSEStatus></MeteringReceiptRes>",
    ),
}


@pytest.mark.parametrize("case", RESPONSES)
def test_what_a_station_answers(case: str, exi_oracle: ExiOracle) -> None:
    """In the standard's bytes, and read by a vehicle."""
    name, args, told, xml = RESPONSES[case]
    evse = station()
    getattr(evse.adapter, name)(**args)
    expected = exi_oracle.encode("iso2", document(xml))
    assert evse.sent() == expected
    assert vehicle().told(expected) == (name, told)


SAID = {"repeated": False, "SessionID": SESSION, "misfits": []}
NO_DC = {"EVReady": False, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 0}
REQUESTS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "what an AC vehicle needs": (
        "ChargeParameterDiscoveryReq",
        {
            "RequestedEnergyTransferMode": "AC_three_phase_core",
            "MaxEntriesSAScheduleTuple": 12,
            "DepartureTime": 7200 * S,
            "EAmount": 22_000.0,
            "EVMaxVoltage": 400.0,
            "EVMaxCurrent": 32.0,
            "EVMinCurrent": 2.5,
        },
        {
            "RequestedEnergyTransferMode": "AC_three_phase_core",
            "EVChargeParameter": "AC_EVChargeParameter",
            "MaxEntriesSAScheduleTuple": 12,
            "DepartureTime": 7200 * S,
            "EAmount": 22_000.0,
            "EVMaxVoltage": 400.0,
            "EVMaxCurrent": 32.0,
            "EVMinCurrent": 2.5,
            **NO_DC,
        },
        "<ChargeParameterDiscoveryReq><MaxEntriesSAScheduleTuple>12</MaxEntriesSAScheduleTuple>"
        "<RequestedEnergyTransferMode>AC_three_phase_core</RequestedEnergyTransferMode><t:AC_EVChargeParameter>"
        "<t:DepartureTime>7200</t:DepartureTime>"
        + physical("t:EAmount", 0, "Wh", 22000)
        + physical("t:EVMaxVoltage", 0, "V", 400)
        + physical("t:EVMaxCurrent", 0, "A", 32)
        + physical("t:EVMinCurrent", -1, "A", 25)
        + "</t:AC_EVChargeParameter></ChargeParameterDiscoveryReq>",
    ),
    "power by a profile": (
        "PowerDeliveryReq",
        {
            "ChargeProgress": "Start",
            "SAScheduleTupleID": 2,
            "ChargingProfileEntryStart": [0, 1800 * S],
            "ChargingProfileEntryMaxPower": [11_000.0, 0.0],
            "ChargingProfileEntryMaxNumberOfPhasesInUse": [3, 0],
        },
        {
            "ChargeProgress": "Start",
            "SAScheduleTupleID": 2,
            "ChargingProfileMaxPower": 11_000.0,
            "ChargingProfileEntryStart": [0, 1800 * S],
            "ChargingProfileEntryMaxPower": [11_000.0, 0.0],
            "ChargingProfileEntryMaxNumberOfPhasesInUse": [3, 0],
        },
        "<PowerDeliveryReq><ChargeProgress>Start</ChargeProgress><SAScheduleTupleID>2</SAScheduleTupleID>"
        "<ChargingProfile><t:ProfileEntry><t:ChargingProfileEntryStart>0</t:ChargingProfileEntryStart>"
        + physical("t:ChargingProfileEntryMaxPower", 0, "W", 11000)
        + "<t:ChargingProfileEntryMaxNumberOfPhasesInUse>3</t:ChargingProfileEntryMaxNumberOfPhasesInUse>"
        "</t:ProfileEntry><t:ProfileEntry><t:ChargingProfileEntryStart>1800</t:ChargingProfileEntryStart>"
        + physical("t:ChargingProfileEntryMaxPower", 0, "W", 0)
        + "</t:ProfileEntry></ChargingProfile></PowerDeliveryReq>",
    ),
    "power off": (
        "PowerDeliveryReq",
        {"ChargeProgress": "Stop", "SAScheduleTupleID": 1},
        {"ChargeProgress": "Stop", "SAScheduleTupleID": 1},
        "<PowerDeliveryReq><ChargeProgress>Stop</ChargeProgress><SAScheduleTupleID>1</SAScheduleTupleID>"
        "</PowerDeliveryReq>",
    ),
    "the loop": ("ChargingStatusReq", {}, {}, "<ChargingStatusReq/>"),
    "a receipt": (
        "MeteringReceiptReq",
        {"SAScheduleTupleID": 3, **SIGNED},
        {"ReceiptSessionID": SESSION, "SAScheduleTupleID": 3, **SIGNED},
        f"<MeteringReceiptReq><SessionID>{SESSION.hex().upper()}</SessionID><SAScheduleTupleID>3</SAScheduleTupleID>"
        f"<MeterInfo>{METER_XML}</MeterInfo></MeteringReceiptReq>",
    ),
    "the least of a receipt": (
        "MeteringReceiptReq",
        {"MeterID": "M"},
        {"ReceiptSessionID": SESSION, "MeterID": "M"},
        f"<MeteringReceiptReq><SessionID>{SESSION.hex().upper()}</SessionID>"
        "<MeterInfo><t:MeterID>M</t:MeterID></MeterInfo></MeteringReceiptReq>",
    ),
    "a pause": (
        "SessionStopReq",
        {"ChargingSession": "Pause"},
        {"ChargingSession": "Pause"},
        "<SessionStopReq><ChargingSession>Pause</ChargingSession></SessionStopReq>",
    ),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_what_a_vehicle_asks(case: str, exi_oracle: ExiOracle) -> None:
    """In the standard's bytes, and read by a station."""
    name, args, told, xml = REQUESTS[case]
    pev = vehicle()
    getattr(pev.adapter, name)(**args)
    expected = exi_oracle.encode("iso2", document(xml))
    assert pev.sent() == expected
    assert station().told(expected) == (name, SAID | told)


@pytest.mark.parametrize("required", [False, True])
def test_a_meter_and_a_receipt_in_the_dc_loop(required: bool, exi_oracle: ExiOracle) -> None:
    """CurrentDemandRes says both when the chart does, in ISO 15118-2; DIN SPEC 70121 has no place for them."""
    args = {
        "ResponseCode": "OK",
        "EVSEPresentVoltage": 400.0,
        "EVSEPresentCurrent": 10.0,
        **dict.fromkeys(("EVSECurrentLimitAchieved", "EVSEVoltageLimitAchieved", "EVSEPowerLimitAchieved"), False),
        "EVSEMaximumVoltageLimit": 500.0,
        "EVSEMaximumCurrentLimit": 200.0,
        "EVSEMaximumPowerLimit": 50_000.0,
        "EVSEID": "ZZ00000",
        "SAScheduleTupleID": 1,
        "EVSEStatusCode": "EVSE_Ready",
        "EVSEIsolationStatus": "Valid",
        "EVSENotification": "None",
        **SIGNED,
        "ReceiptRequired": required,
    }
    evse = station()
    evse.adapter.CurrentDemandRes(**args)
    xml = exi_oracle.decode("iso2", evse.sent())
    assert ">METER-1</MeterID>" in xml
    assert ">12346</MeterReading>" in xml
    assert f">{str(required).lower()}</ReceiptRequired>" in xml
    _, told = vehicle().told(evse.sent())
    assert {**SIGNED, "ReceiptRequired": required}.items() <= told.items()
    evse = station("din")
    evse.adapter.CurrentDemandRes(**args)
    _, told = vehicle("din").told(evse.sent())
    assert "MeterID" not in told


LEAST = ac_status("AC_EVSEStatus", rcd="true"), ac_status("t:AC_EVSEStatus", rcd="true")
FAILED = "<ResponseCode>FAILED_SequenceError</ResponseCode>"
REFUSALS = {
    "<ChargingStatusReq/>": f"<ChargingStatusRes>{FAILED}<EVSEID>0000000</EVSEID><SAScheduleTupleID>1"
    f"</SAScheduleTupleID>{LEAST[0]}</ChargingStatusRes>",
    REQUESTS["a receipt"][3]: f"<MeteringReceiptRes>{FAILED}{LEAST[1]}</MeteringReceiptRes>",
    REQUESTS["power off"][3]: f"<PowerDeliveryRes>{FAILED}{LEAST[1]}</PowerDeliveryRes>",
    REQUESTS["what an AC vehicle needs"][3]: f"<ChargeParameterDiscoveryRes>{FAILED}<EVSEProcessing>Finished"
    f"</EVSEProcessing><t:AC_EVSEChargeParameter>{LEAST[1]}{physical('t:EVSENominalVoltage', 0, 'V', 0)}"
    f"{physical('t:EVSEMaxCurrent', 0, 'A', 0)}</t:AC_EVSEChargeParameter></ChargeParameterDiscoveryRes>",
}


@pytest.mark.parametrize("request_xml", REFUSALS)
def test_a_refusal_fills_the_least(request_xml: str, exi_oracle: ExiOracle) -> None:
    """With the status of AC when the residual current device's state is given: a vehicle can read why it ends."""
    evse = station()
    evse.told(exi_oracle.encode("iso2", document(request_xml)))
    evse.adapter.reject(ResponseCode="FAILED_SequenceError", RCD=True, EVSENotification="None")
    xml = document(REFUSALS[request_xml])
    assert evse.sent() == exi_oracle.encode("iso2", xml)
    _, told = vehicle().told(evse.sent())
    assert (told["ResponseCode"], told["RCD"]) == ("FAILED_SequenceError", True)


def test_what_is_missing_is_named() -> None:
    """An order that is neither AC nor DC says which fields would make it one, and nothing is sent."""
    evse, pev = station(), vehicle()
    with pytest.raises(
        AdapterError, match="PowerDeliveryRes: DC_EVSEStatus: needs EVSEStatusCode, EVSEIsolationStatus"
    ):
        evse.adapter.PowerDeliveryRes(ResponseCode="OK", EVSENotification="None")
    args = dict(RESPONSES["no schedule yet"][1])
    with pytest.raises(AdapterError, match="AC_EVSEChargeParameter: needs EVSEMaxCurrent"):
        evse.adapter.ChargeParameterDiscoveryRes(**{**args, "EVSEMaxCurrent": None})
    with pytest.raises(AdapterError, match=r"lists of different length: SAScheduleTupleID has 1, start has 0"):
        evse.adapter.ChargeParameterDiscoveryRes(**{**args, "SAScheduleTupleID": [1]})
    with pytest.raises(AdapterError, match="AC_EVChargeParameter: needs EVMaxVoltage, EVMaxCurrent, EVMinCurrent"):
        pev.adapter.ChargeParameterDiscoveryReq(RequestedEnergyTransferMode="AC_three_phase_core", EAmount=1.0)
    with pytest.raises(AdapterError, match="DC_EVChargeParameter: needs EVReady"):
        pev.adapter.ChargeParameterDiscoveryReq(RequestedEnergyTransferMode="DC_core")
    assert not evse.frames
    assert not pev.frames


@pytest.mark.parametrize("name", ["ChargingStatus", "MeteringReceipt"])
def test_din_has_no_ac(name: str) -> None:
    """Its schema has the messages, its clauses do not: a station refuses them, a vehicle takes no such answer."""
    schema = codec.messages("din")
    header = schema.MessageHeaderType(SessionID=SESSION)
    meter = schema.MeterInfoType(MeterID="M")
    parts: dict[str, Any] = {} if name == "ChargingStatus" else {"SessionID": SESSION, "MeterInfo": meter}
    request = getattr(schema, f"{name}Req")(**parts)
    evse = station("din")
    told = evse.told(codec.encode(schema.V2G_Message(Header=header, Body=schema.BodyType(BodyElement=request))))
    assert told == ("UnsupportedReq", SAID | {"message": f"{name}Req"})
    evse.adapter.reject(
        ResponseCode="FAILED_SequenceError",
        EVSEStatusCode="EVSE_Ready",
        EVSEIsolationStatus="Valid",
        EVSENotification="None",
    )
    pev = vehicle("din")
    pev.endpoint.received(v2gtp.encode(v2gtp.PayloadType.SAP, evse.sent()))
    assert pev.troubles == [("unexpected", f"{name}Res from a station")]
    with pytest.raises(AdapterError, match="DIN SPEC 70121 has no AC charging"):
        evse.adapter.PowerDeliveryRes(ResponseCode="OK", RCD=False, EVSENotification="None")
