"""Streams that other people published: a car's own bytes and the documented test streams of a C codec.

They are independent of EXIficient, of the schemas' reading here and of the generators. Sources: the first message of a
Hyundai Ioniq (uhi22/pyPLC, exiConnector.py); EVerest/libcbv2g, tests for DIN 70121 and ISO 15118-20.
"""

from __future__ import annotations

from typing import Any

import pytest

from adapters.v2g import codec


def din(session: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"V2G_Message": {"Header": {"SessionID": session}, "Body": {name: body}}}


def rational(exponent: int, value: int) -> dict[str, int]:
    return {"Exponent": exponent, "Value": value}


AC_HEADER = {"SessionID": "3D30D3AD4C3B83DF", "TimeStamp": 1695358101}

STREAMS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "sap",
        "8000dbab9371d3234b71d1b981899189d191818991d26b9b3a232b30020000040040",
        {
            "supportedAppProtocolReq": {
                "AppProtocol": [
                    {
                        "ProtocolNamespace": "urn:din:70121:2012:MsgDef",
                        "VersionNumberMajor": 2,
                        "VersionNumberMinor": 0,
                        "SchemaID": 1,
                        "Priority": 1,
                    }
                ]
            }
        },
    ),
    (
        "din",
        "809a02000000000000000011d01a121dc983cd6000",
        din("0000000000000000", "SessionSetupReq", {"EVCCID": "84877260F358"}),
    ),
    (
        "din",
        "809a0211d63f74d2297ac911e0201526a2698d8017da353360c0",
        din(
            "4758FDD348A5EB24",
            "SessionSetupRes",
            {"ResponseCode": "OK_NewSessionEstablished", "EVSEID": "49A89A6360", "DateTimeNow": 1667918014},
        ),
    ),
    (
        "din",
        "809a0211d63f74d2297ac9119400",
        din("4758FDD348A5EB24", "ServiceDiscoveryReq", {"ServiceCategory": "EVCharging"}),
    ),
    (
        "iso20-ac",
        "8008041e9869d6a61dc1ef895b9b4a8062832418640096",
        {
            "AC_ChargeLoopReq": {
                "Header": AC_HEADER,
                "MeterInfoRequested": False,
                "BPT_Scheduled_AC_CLReqControlMode": {"EVPresentActivePower": rational(3, 200)},
            }
        },
    ),
    (
        "iso20-ac",
        "800c041e9869d6a61dc1ef895b9b4a8062005900",
        {"AC_ChargeLoopRes": {"Header": AC_HEADER, "ResponseCode": "OK", "BPT_Scheduled_AC_CLResControlMode": {}}},
    ),
    (
        "iso20-dc",
        "8034042d166f29fb80ea560aebdbfb3062810012006164000a02002400c800",
        {
            "DC_ChargeLoopReq": {
                "Header": {"SessionID": "5A2CDE53F701D4AC", "TimeStamp": 1718607534},
                "MeterInfoRequested": False,
                "EVPresentVoltage": rational(0, 400),
                "BPT_Scheduled_DC_CLReqControlMode": {
                    "EVTargetCurrent": rational(0, 20),
                    "EVTargetVoltage": rational(0, 400),
                },
            }
        },
    ),
    (
        "iso20-dc",
        "8038042d166f29fb80ea560b7bdbfb30620063f0680781fc2807c22230",
        {
            "DC_ChargeLoopRes": {
                "Header": {"SessionID": "5A2CDE53F701D4AC", "TimeStamp": 1718607543},
                "ResponseCode": "OK",
                "EVSEPresentCurrent": rational(-2, 2000),
                "EVSEPresentVoltage": rational(-1, 4000),
                "EVSEPowerLimitAchieved": True,
                "EVSECurrentLimitAchieved": True,
                "EVSEVoltageLimitAchieved": True,
                "BPT_Scheduled_DC_CLResControlMode": {},
            }
        },
    ),
]


@pytest.mark.parametrize(("protocol", "stream", "view"), STREAMS)
def test_published_streams(protocol: str, stream: str, view: dict[str, Any]) -> None:
    """What others decode from these bytes we decode too, and encode to the same bytes."""
    assert codec.to_json(codec.decode(protocol, bytes.fromhex(stream))) == view
    assert codec.encode(codec.from_json(protocol, view)).hex() == stream
