"""Every message of an AC session of ISO 15118-2, interrupted in every way, at a station on the virtual clock.

A scripted vehicle speaks real bytes and stays in C whatever happens. After each scenario the contactor is open in the
chart's time and the next vehicle charges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.charge.bench import ScriptedVehicle
from tests.charge.test_ac import AcBench

THREE, SINGLE = "AC_three_phase_core", "AC_single_phase_core"
START = ("EVReady", "EVErrorCode", "EVRESSSOC", "ChargingComplete")
STEPS = (
    "supportedAppProtocol",
    "SessionSetup",
    "ServiceDiscovery",
    "PaymentServiceSelection",
    "Authorization",
    "ChargeParameterDiscovery",
    "PowerDelivery",
    "ChargingStatus",
    "MeteringReceipt",
    "PowerDelivery(Stop)",
    "SessionStop",
)
T_CUT_S = 6.0
"""A vehicle that stays in C after x1 is cut off (IEC 61851-1 Table A.6, sequence 10.2)."""
SET_UP_S, SEQUENCE_S = 18.0, 60.0
RECEIPTS = "evse.session.dialogue.ReceiptRequired=True"


class AcVehicle(ScriptedVehicle):
    """The scripted vehicle with AC content."""

    def frame(self, name: str, *, session_id: bytes | None = None, **changes: Any) -> bytes:
        meter = {}
        if name == "MeteringReceiptReq":
            info = self.last.MeterInfo
            meter = {"SessionID": self.session_id, "MeterID": info.MeterID, "MeterReading": info.MeterReading}
        usual: dict[str, dict[str, Any]] = {
            "ChargeParameterDiscoveryReq": {
                "RequestedEnergyTransferMode": THREE,
                "EAmount": 11_000.0,
                "EVMaxVoltage": 400.0,
                "EVMaxCurrent": 32.0,
                "EVMinCurrent": 6.0,
            },
            "PowerDeliveryReq": {"ChargeProgress": "Start", "SAScheduleTupleID": 1, **dict.fromkeys(START)},
            "MeteringReceiptReq": {"SAScheduleTupleID": 1, **meter},
        }
        return super().frame(name, session_id=session_id, **{**usual.get(name, {}), **changes})


def request_of(step: str) -> tuple[str, dict[str, Any]]:
    return ("PowerDeliveryReq", {"ChargeProgress": "Stop"}) if step == "PowerDelivery(Stop)" else (f"{step}Req", {})


def take(vehicle: AcVehicle, step: str) -> None:
    """One step as the standard has it; C follows PowerDelivery(Start), B goes before PowerDelivery(Stop)."""
    name, changes = request_of(step)
    if step == "PowerDelivery(Stop)":
        vehicle.pilot("B")
        vehicle.bench.run(0.1)
    for _ in range(40):
        vehicle.send(name, **changes)
        if step == "PowerDelivery":
            vehicle.pilot("C")
        answer = vehicle.hear(5)
        assert answer.ResponseCode.startswith("OK"), f"{step}: {answer.ResponseCode}"
        if step == "supportedAppProtocol":
            vehicle.schema = vehicle.protocol
        elif step == "SessionSetup":
            vehicle.session_id = vehicle.inbox[-1][1].Header.SessionID
        if getattr(answer, "EVSEProcessing", "Finished") == "Finished":
            return
        vehicle.bench.run(0.2)
    raise AssertionError(f"{step} does not end")


def arrive(step: str, *sets: str) -> tuple[AcBench, AcVehicle]:
    """A vehicle at a station that waits for ``step``."""
    bench = AcBench(*sets, *([RECEIPTS] if step == "MeteringReceipt" else []), vehicle=False, link="ethernet")
    vehicle = AcVehicle(bench)
    vehicle.plug()
    vehicle.connect()
    steps = STEPS if step == "MeteringReceipt" else tuple(one for one in STEPS if one != "MeteringReceipt")
    for one in steps[: steps.index(step)]:
        take(vehicle, one)
    return bench, vehicle


def close(bench: AcBench, vehicle: AcVehicle, step: str) -> None:
    """FIN: also what the station sees of a vehicle that closes one half alone."""
    assert vehicle.stream is not None
    vehicle.stream.close()


def reset(bench: AcBench, vehicle: AcVehicle, step: str) -> None:
    """RST."""
    assert vehicle.stream is not None
    vehicle.stream.reset()


def silence(bench: AcBench, vehicle: AcVehicle, step: str) -> None:
    """Nothing, for as long as the standard lets it be."""
    limit = SET_UP_S if step in STEPS[:2] else SEQUENCE_S
    bench.run(0.9 * limit)
    assert not vehicle.ended, "the standard gives it more time"
    bench.until(lambda: bool(vehicle.ended), 0.2 * limit, "end by the station's own timer")


def garbage(bench: AcBench, vehicle: AcVehicle, step: str) -> None:
    """Three messages that nobody can read: two are taken as noise."""
    name, changes = request_of(step)
    frame = vehicle.frame(name, **changes)
    for _ in range(3):
        vehicle.raw(frame[:8] + bytes(octet ^ 0xFF for octet in frame[8:]))
    limit = SET_UP_S if step == STEPS[0] else 0.1  # who has not called keeps nobody out for longer
    bench.until(lambda: bool(vehicle.ended), limit + 0.1, "end of the connection")


def half_a_message(bench: AcBench, vehicle: AcVehicle, step: str) -> None:
    """And nothing after it."""
    name, changes = request_of(step)
    frame = vehicle.frame(name, **changes)
    vehicle.raw(frame[: len(frame) // 2])
    bench.until(lambda: bool(vehicle.ended), SEQUENCE_S + 1, "end by the station's own timer")


def wrong_session(bench: AcBench, vehicle: AcVehicle, step: str) -> None:
    """A request of another session."""
    if step in STEPS[:2]:
        pytest.skip("there is no session yet")
    name, changes = request_of(step)
    vehicle.send(name, session_id=bytes(7) + b"\x07", **changes)
    assert vehicle.hear().ResponseCode == "FAILED_UnknownSession"


WAYS: dict[str, Callable[[AcBench, AcVehicle, str], None]] = {
    each.__name__: each for each in (close, reset, silence, garbage, half_a_message, wrong_session)
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("way", WAYS)
def test_interrupted(way: str, step: str) -> None:
    """The contactor opens though the vehicle draws on; nothing of it is left for the next one."""
    bench, vehicle = arrive(step)
    WAYS[way](bench, vehicle, step)
    bench.opened_within(T_CUT_S + 0.5)
    vehicle.go_away()
    next_vehicle_charges(bench)


def next_vehicle_charges(bench: AcBench) -> None:
    bench.until(lambda: bench.is_in("evse", "vehicle.available"), 20, "free outlet")
    assert not bench.inside("evse", "lock").is_locked
    bench.bring("pev", stop_at_soc=100)
    charging = "vehicle.plugged.session.power.charging.metering"
    bench.until(lambda: bench.is_in("evse", charging), 30, "charge of the next vehicle")
    bench.charging()
    assert bench.errors == []
    assert bench.system.failures == []


@pytest.mark.parametrize(("mode", "phases"), [(THREE, 3), (SINGLE, 1)])
def test_a_whole_session_with_receipts(mode: str, phases: int) -> None:
    """Every message once, each reading confirmed; PMax is that of the phases."""
    bench, vehicle = arrive("ChargeParameterDiscovery", RECEIPTS)
    answer = vehicle.ask("ChargeParameterDiscoveryReq", RequestedEnergyTransferMode=mode)
    (tuple_,) = answer.SASchedules.SAScheduleTuple
    (entry,) = tuple_.PMaxSchedule.PMaxScheduleEntry
    assert entry.PMax.Value * 10**entry.PMax.Multiplier == 230 * 32 * phases
    take(vehicle, "PowerDelivery")
    take(vehicle, "ChargingStatus")
    assert vehicle.last.ReceiptRequired
    take(vehicle, "MeteringReceipt")
    for _ in range(3):
        take(vehicle, "ChargingStatus")
        assert not vehicle.last.ReceiptRequired, "this reading is confirmed"
    take(vehicle, "PowerDelivery(Stop)")
    assert not bench.circuit.station_closed, "the answer is that there is no voltage"
    take(vehicle, "SessionStop")
    vehicle.go_away()
    next_vehicle_charges(bench)
