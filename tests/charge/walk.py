"""The normal DC session of a scripted vehicle, step by step: a test stops before any step and does something else."""

from __future__ import annotations

from typing import Any

from tests.charge.bench import ScriptedVehicle

STEPS = (
    "supportedAppProtocol",
    "SessionSetup",
    "ServiceDiscovery",
    "PaymentServiceSelection",
    "Authorization",
    "ChargeParameterDiscovery",
    "CableCheck",
    "PreCharge",
    "PowerDelivery",
    "CurrentDemand",
    "PowerDelivery(Stop)",
    "WeldingDetection",
    "SessionStop",
)
"""The points of a session, named by the request the station waits for."""


def request_of(step: str) -> tuple[str, dict[str, Any]]:
    """Name and changed fields of a step's request."""
    if step == "PowerDelivery(Stop)":
        return "PowerDeliveryReq", {"ChargeProgress": "Stop", "ChargingComplete": True}
    return f"{step}Req", {}


def frame_of(vehicle: ScriptedVehicle, step: str, **changes: Any) -> bytes:
    """The bytes of a step's request."""
    name, own = request_of(step)
    return vehicle.frame(name, **{**own, **changes})


def is_good(code: str) -> bool:
    """An OK code of any message."""
    return code.startswith("OK")


def prepare(vehicle: ScriptedVehicle, step: str) -> None:
    """What a vehicle does with its hands before a step's request."""
    if step == "CableCheck":
        vehicle.pilot("C")
        vehicle.bench.run(0.1)
    elif step == "PowerDelivery":
        vehicle.contactors(True)
        vehicle.bench.run(0.05)
    elif step == "WeldingDetection":
        vehicle.contactors(False)
        vehicle.pilot("B")
        vehicle.bench.run(0.1)


def take(vehicle: ScriptedVehicle, step: str) -> None:
    """Get through one step as the standard has it: again while the station says Ongoing, or has not the voltage."""
    name, changes = request_of(step)
    rounds = {"CurrentDemand": 8, "CableCheck": 300, "PreCharge": 60, "Authorization": 40}.get(step, 1)
    for _ in range(rounds):
        answer = vehicle.ask(name, **changes)
        assert is_good(answer.ResponseCode), f"{step}: {answer.ResponseCode}"
        learn(vehicle, step, answer)
        if step == "PowerDelivery(Stop)":
            assert vehicle.bench.circuit.output_A < 5.0, "the vehicle is about to open its contactors"
        if step != "CurrentDemand" and is_over(vehicle, step, answer):
            return
        vehicle.bench.run(0.2)
    assert step == "CurrentDemand", f"{step} does not end: {vehicle.bench.states()}"


def learn(vehicle: ScriptedVehicle, step: str, answer: Any) -> None:
    """What a vehicle keeps from an answer."""
    if step == "supportedAppProtocol":
        vehicle.schema = vehicle.protocol
    elif step == "SessionSetup":
        vehicle.session_id = vehicle.inbox[-1][1].Header.SessionID


def is_over(vehicle: ScriptedVehicle, step: str, answer: Any) -> bool:
    """Whether the answer lets the vehicle go on."""
    if step in ("CableCheck", "Authorization", "ChargeParameterDiscovery"):
        return bool(answer.EVSEProcessing == "Finished")
    if step == "PreCharge":
        return abs(vehicle.bench.circuit.cable_V - vehicle.voltage) < 10.0
    return True


def walk(vehicle: ScriptedVehicle, step: str) -> None:
    """From the open connection to where the station waits for ``step``."""
    for one in STEPS[: STEPS.index(step)]:
        prepare(vehicle, one)
        take(vehicle, one)
    prepare(vehicle, step)


def walk_on(vehicle: ScriptedVehicle, step: str) -> None:
    """From ``step``, not prepared any more, to the end of the session."""
    take(vehicle, step)
    for one in STEPS[STEPS.index(step) + 1 :]:
        prepare(vehicle, one)
        take(vehicle, one)
