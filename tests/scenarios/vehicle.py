"""The vehicle's side of a V2G session (evcc.yaml and evcc_iso2.yaml) on a stage, and a station that answers well."""

from __future__ import annotations

from typing import Any

from engine.run.actor import Actor
from tests.scenarios.stage import Stage, load

BATTERY = {
    "battery.soc": 40.7,
    "battery.voltage": 380.0,
    "battery.inlet_voltage": 379.0,
    "battery.target_voltage": 400.0,
    "battery.target_current": 90.0,
    "battery.maximum_voltage": 410.0,
    "battery.maximum_current": 200.0,
    "battery.maximum_power": 80_000.0,
    "battery.capacity": 60_000.0,
}
SESSION_ID = bytes.fromhex("0102030405060708")
_STATUS = {"EVSEStatusCode": "EVSE_Ready", "EVSEIsolationStatus": "Valid", "EVSENotification": "None"}
_LIMITS = {"EVSEMaximumVoltageLimit": 500.0, "EVSEMaximumCurrentLimit": 125.0, "EVSEMaximumPowerLimit": 50_000.0}
GOOD: dict[str, dict[str, Any]] = {
    "supportedAppProtocol": {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 2},
    "SessionSetup": {"ResponseCode": "OK_NewSessionEstablished", "SessionID": SESSION_ID, "EVSEID": "DE*ABC*E1"},
    "ServiceDiscovery": {
        "ResponseCode": "OK",
        "ServiceID": 1,
        "FreeService": False,
        "PaymentOption": ["ExternalPayment"],
        "EnergyTransferMode": ["DC_extended"],
    },
    "PaymentServiceSelection": {"ResponseCode": "OK"},
    "Authorization": {"ResponseCode": "OK", "EVSEProcessing": "Finished"},
    "ChargeParameterDiscovery": {
        "ResponseCode": "OK",
        "EVSEProcessing": "Finished",
        "SAScheduleTupleID": [7, 8],
        "start": [0, 0],
        "duration": [0, 0],
        "PMax": [90_000.0, 90_000.0],
        "EVSEMinimumVoltageLimit": 150.0,
        "EVSEMinimumCurrentLimit": 1.0,
        "EVSEPeakCurrentRipple": 1.0,
        **_STATUS,
        **_LIMITS,
    },
    "CableCheck": {"ResponseCode": "OK", "EVSEProcessing": "Finished", **_STATUS},
    "PreCharge": {"ResponseCode": "OK", "EVSEPresentVoltage": 381.0, **_STATUS},
    "PowerDelivery": {"ResponseCode": "OK", **_STATUS},
    "CurrentDemand": {
        "ResponseCode": "OK",
        "EVSEPresentVoltage": 399.0,
        "EVSEPresentCurrent": 89.0,
        "EVSECurrentLimitAchieved": False,
        "EVSEVoltageLimitAchieved": False,
        "EVSEPowerLimitAchieved": False,
        **_STATUS,
        **_LIMITS,
    },
    "WeldingDetection": {"ResponseCode": "OK", "EVSEPresentVoltage": 200.0, **_STATUS},
    "SessionStop": {"ResponseCode": "OK"},
    "ChargingStatus": {
        "ResponseCode": "OK",
        "EVSEID": "DE*ABC*E1",
        "SAScheduleTupleID": 7,
        "EVSEMaxCurrent": 16.0,
        "RCD": False,
        "EVSENotification": "None",
    },
    "MeteringReceipt": {"ResponseCode": "OK", "RCD": False, "EVSENotification": "None"},
}
MESSAGES = {
    "handshake": "supportedAppProtocol",
    "session_setup": "SessionSetup",
    "service_discovery": "ServiceDiscovery",
    "payment_selection": "PaymentServiceSelection",
    "authorization": "Authorization",
    "parameter_discovery": "ChargeParameterDiscovery",
    "cable_check": "CableCheck",
    "pre_charge": "PreCharge",
    "power_delivery": "PowerDelivery",
    "current_demand": "CurrentDemand",
    "renegotiation": "PowerDelivery",
    "power_off": "PowerDelivery",
    "welding_detection": "WeldingDetection",
    "session_stop": "SessionStop",
}
"""State -> its message."""
AC_MESSAGES = {"charging_status": "ChargingStatus", "metering_receipt": "MeteringReceipt"}
"""The same of what DC has not."""
_LOOPS = ("authorization", "parameter_discovery", "cable_check", "pre_charge", "welding_detection")
_THINK_S = {**dict.fromkeys(_LOOPS, 0.1), "current_demand": 0.23, "charging_status": 0.5}
_NEGOTIATED = {"din": 1, "iso2": 2}


def _plain(state: str) -> str:
    return state.removeprefix("dc.").removeprefix("ac.")


class Vehicle(Stage):
    """Begun: the connection and its dialogue, both for real. The station answers ``wait_s`` after a request. States and
    data are the dialogue's while it runs, the connection's before and after. ``parameters``: of whichever has them."""

    def __init__(self, protocol: str = "iso2", /, *, wait_s: float = 0.0, **parameters: Any) -> None:
        own, dialogue = load("machines/v2g/evcc.yaml"), load("machines/v2g/evcc_iso2.yaml")
        given = {name: value for name, value in parameters.items() if name in own.parameters}
        below = {f"dialogue.{name}": value for name, value in parameters.items() if name in dialogue.parameters}
        assert not parameters.keys() - own.parameters.keys() - dialogue.parameters.keys()
        super().__init__("machines/v2g/evcc.yaml", BATTERY, real=("evcc_iso2", "schedule_rows"), **given, **below)
        self.protocol = protocol
        self.wait_s = wait_s

    @property
    def speaks(self) -> Actor:
        """The machine whose turn it is: the dialogue while it runs, else the connection."""
        return self.actor.children.get(("dialogue", None), self.actor)

    @property
    def states(self) -> tuple[str, ...]:
        """The active states without the phase of one energy (``dc.``, ``ac.``) they are in."""
        return tuple(_plain(state) for state in self.speaks.machine.configuration)

    @property
    def place(self) -> str:
        """The innermost active state."""
        return self.states[-1]

    @property
    def unhandled(self) -> list[str]:
        """Of both machines."""
        return sorted({name for actor in (self.actor, self.speaks) for name in actor.unhandled})

    def active(self, state: str) -> bool:
        known = {_plain(name) for name in (*self.chart.states, *load("machines/v2g/evcc_iso2.yaml").states)}
        assert state in known, f"there is no state {state!r}"
        return state in self.states

    def data(self, name: str) -> Any:
        machine = self.speaks.machine
        return machine.data[name] if name in machine.data else machine.parameters[name]

    def says(self, message: str, **changed: Any) -> Vehicle:
        """The station answers, well but for what is changed."""
        answer = {**GOOD[message], **changed}
        if message == "supportedAppProtocol" and not changed:
            answer["SchemaID"] = _NEGOTIATED[self.protocol]
        self.emit(f"v2g.{message}Res", **answer)
        return self

    def onward(self) -> Vehicle:
        """What takes a session to its next state: a think time, a good answer, the vehicle's own devices."""
        state, _, inner = self.place.partition(".")
        if inner == "sent":
            self.run(self.wait_s).says({**MESSAGES, **AC_MESSAGES}[state])
        elif inner == "first":
            self.run(0.1)
        elif inner == "think":
            self.run(_THINK_S.get(state, 0.02))
        else:
            self.run(self.wait_s).post({"going_to_c": "charging_allowed", "closing": "contactors_closed"}[state])
        return self

    def to(self, place: str) -> Vehicle:
        """On until this state is active."""
        for _ in range(100):
            if self.active(place):
                return self
            self.onward()
        raise AssertionError(f"{place} is never reached")

    def requests(self) -> list[tuple[float, str]]:
        """When (s) which requests were sent."""
        return [
            (round(order.at_s, 6), order.what.removeprefix("v2g."))
            for order in self.orders
            if order.what.endswith("Req")
        ]


def vehicle_in(place: str, protocol: str = "iso2", /, **parameters: Any) -> Vehicle:
    """A vehicle that has just come to this state in a session without faults."""
    vehicle = Vehicle(protocol, **parameters)
    state = place.partition(".")[0]
    if state in ("power_off", "welding_detection", "session_stop"):
        vehicle.to("current_demand.think").post("stop")
    elif state == "renegotiation":
        vehicle.to("current_demand.think").post("want_renegotiation")
    return vehicle.to(place)
