"""A vehicle's dialogue with machines/v2g/secc.yaml and the dialogue it invokes on a stage, request by request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import engine
from tests.scenarios.stage import Order, S, Stage

DIN = "urn:din:70121:2012:MsgDef"
ISO2 = "urn:iso:15118:2:2013:MsgDef"
TESLA = "urn:tesla:din:2018:MsgDef"
ID = bytes.fromhex("a1a2a3a4a5a6a7a8")
EVCCID = bytes.fromhex("020000000001")

SUPPLY = {
    "supply.maximum_voltage": 500.0,
    "supply.maximum_current": 125.0,
    "supply.maximum_power": 50_000.0,
    "supply.minimum_voltage": 150.0,
    "supply.minimum_current": 1.0,
}

_EV = {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 40}
_REQUESTS: dict[str, dict[str, Any]] = {
    "SessionSetup": {"EVCCID": EVCCID, "NewSessionID": ID},
    "ServiceDiscovery": {"ServiceScope": None, "ServiceCategory": None},
    "ServiceDetail": {"ServiceID": 1},
    "PaymentServiceSelection": {"SelectedPaymentOption": "ExternalPayment", "ServiceID": [1]},
    "Authorization": {},
    "ChargeParameterDiscovery": {
        **_EV,
        "RequestedEnergyTransferMode": "DC_extended",
        "EVChargeParameter": "DC_EVChargeParameter",
        "EVMaximumVoltageLimit": 420.0,
        "EVMaximumCurrentLimit": 100.0,
        "EVMaximumPowerLimit": None,
        "EVEnergyCapacity": 60_000.0,
        "EVEnergyRequest": 30_000.0,
        "FullSOC": None,
        "BulkSOC": None,
        "DepartureTime": None,
    },
    "CableCheck": _EV,
    "PreCharge": {**_EV, "EVTargetVoltage": 400.0, "EVTargetCurrent": 2.0},
    "PowerDelivery": {
        "ChargeProgress": "Start",
        "SAScheduleTupleID": 1,
        "ChargingProfileMaxPower": None,
        **_EV,
        "BulkChargingComplete": None,
        "ChargingComplete": None,
    },
    "CurrentDemand": {
        **_EV,
        "EVTargetVoltage": 400.0,
        "EVTargetCurrent": 50.0,
        "EVMaximumVoltageLimit": None,
        "EVMaximumCurrentLimit": None,
        "EVMaximumPowerLimit": None,
        "BulkChargingComplete": None,
        "ChargingComplete": False,
        "RemainingTimeToFullSoC": None,
        "RemainingTimeToBulkSoC": None,
    },
    "ChargingStatus": {},
    "MeteringReceipt": {"ReceiptSessionID": ID, "MeterID": "M1", "SAScheduleTupleID": 1, "MeterReading": 1200.0},
    "WeldingDetection": _EV,
    "SessionStop": {"ChargingSession": "Terminate"},
    "UnknownSession": {"message": "CableCheckReq"},
    "Unsupported": {"message": "PaymentDetailsReq"},
}


def station(**parameters: Any) -> Stage:
    """A station whose port is open and that nobody has called yet."""
    own = engine.load("machines/v2g/secc.yaml").parameters
    given = {name if name in own else f"dialogue.{name}": value for name, value in parameters.items()}
    stage = Stage("machines/v2g/secc.yaml", SUPPLY, real=("secc_iso2",), **given)
    return stage.emit("v2g.listening", port_tcp=61341, port_tls=0).forget()


def connect(stage: Stage) -> Stage:
    return call(stage, 1, "fe80::1")


def call(stage: Stage, connection: int, peer: str, mac: bytes = b"", *, open_for_s: float = 0.0) -> Stage:
    """A connection says supportedAppProtocolReq."""
    open_for = round(open_for_s * S)
    return stage.emit("v2g.called", connection=connection, peer=peer, peer_mac=mac, tls=False, open_for=open_for)


def hang_up(stage: Stage) -> Stage:
    return stage.emit("v2g.disconnected", reason="the peer closed the connection")


def offer(stage: Stage, *schemas: tuple[str, int, int, int, int], **lists: Any) -> list[Order]:
    """supportedAppProtocolReq with (namespace, major, minor, schema id, priority) each; returns what it is answered."""
    names = ("ProtocolNamespace", "VersionNumberMajor", "VersionNumberMinor", "SchemaID", "Priority")
    columns = {name: [schema[at] for schema in schemas] for at, name in enumerate(names)}
    return _heard(stage, "supportedAppProtocol", {"repeated": False, **columns, **lists})


def ask(stage: Stage, request: str, **fields: Any) -> list[Order]:
    """The vehicle sends a request, ``fields`` as said here; returns what the message adapter is ordered."""
    return _heard(stage, request, {"repeated": False, "SessionID": ID, **_REQUESTS[request], **fields})


def answer(stage: Stage, request: str, **fields: Any) -> tuple[str, Mapping[str, Any]]:
    """The one order that answers a request: what, and its arguments."""
    orders = ask(stage, request, **fields)
    assert len(orders) == 1, orders
    return orders[0].what.removeprefix("v2g."), orders[0].args


def refused(stage: Stage, request: str, code: str, **fields: Any) -> None:
    """The request is answered by this code, and that was the last word: the output goes off, the connection is closed
    after T_close."""
    what, told = answer(stage, request, **fields)
    assert (what, told["ResponseCode"]) == ("reject", code)
    last_word(stage)


def last_word(stage: Stage) -> None:
    """The dialogue is over: power_off is told, and the vehicle has 5 s to close the connection."""
    assert stage.active("session.connection.ending")
    assert stage.said[-1][1] == "power_off"
    assert stage.order("v2g.drop") is None
    stage.run(4.999)
    assert stage.order("v2g.drop") is None
    stage.run(0.001)
    assert stage.order("v2g.drop") == {}
    assert stage.states == ("waiting",)


def _heard(stage: Stage, request: str, data: dict[str, Any]) -> list[Order]:
    before = len(stage.orders)
    stage.emit(f"v2g.{request}Req", **data)
    return [order for order in stage.orders[before:] if order.what.startswith("v2g.")]


# ---------------------------------------------------------------- the way to each step


def _agree(stage: Stage) -> None:
    offer(stage, (DIN, 2, 0, 7, 1))


def _authorise(stage: Stage) -> None:
    stage.post("authorise")
    ask(stage, "Authorization")


def _check_cable(stage: Stage) -> None:
    ask(stage, "CableCheck")
    stage.post("cable_check_ok")
    ask(stage, "CableCheck")


def _start(stage: Stage) -> None:
    ask(stage, "PowerDelivery")
    stage.post("power_ready")


def _stop(stage: Stage) -> None:
    ask(stage, "PowerDelivery", ChargeProgress="Stop")
    stage.post("current_off")


_WAY: tuple[tuple[str, Callable[[Stage], object]], ...] = (
    ("supportedAppProtocol", _agree),
    ("SessionSetup", lambda stage: ask(stage, "SessionSetup")),
    ("ServiceDiscovery", lambda stage: ask(stage, "ServiceDiscovery")),
    ("PaymentServiceSelection", lambda stage: ask(stage, "PaymentServiceSelection")),
    ("Authorization", _authorise),
    ("ChargeParameterDiscovery", lambda stage: ask(stage, "ChargeParameterDiscovery")),
    ("CableCheck", _check_cable),
    ("PreCharge", lambda stage: ask(stage, "PreCharge")),
    ("PowerDelivery", _start),
    ("CurrentDemand", _stop),
)
STEPS = (*(step for step, _ in _WAY), "WeldingDetection")


def arrive(step: str, stage: Stage | None = None, *, schema: str = DIN, **parameters: Any) -> Stage:
    """A vehicle connects and goes as far as the station waits for ``step``; nothing of the way is remembered."""
    stage = connect(stage if stage is not None else station(**parameters))
    if schema == DIN or step == "supportedAppProtocol":
        return walk(stage, "supportedAppProtocol", step)
    offer(stage, (schema, 2, 0, 7, 1))
    return walk(stage, "SessionSetup", step)


def walk(stage: Stage, since: str, step: str) -> Stage:
    """On from where the station waits for ``since``; nothing of the way is remembered."""
    for name, go in _WAY[STEPS.index(since) : STEPS.index(step)]:
        go(stage)
        assert not stage.unhandled, f"{name}: {stage.unhandled}"
    return stage.forget()
