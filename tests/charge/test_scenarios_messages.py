"""Every message of a DIN and an ISO 15118-2 DC session, gone wrong in every way, at a station on the virtual clock.

A scripted vehicle speaks real bytes. After each scenario the output is dead and the next vehicle charges.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.charge.bench import Bench, ScriptedVehicle
from tests.charge.ends import ends_safe, goes_dead, next_vehicle_charges, stays
from tests.charge.walk import STEPS, frame_of, learn, prepare, request_of, take, walk, walk_on

PROTOCOLS = ("din", "iso2")
STOP = {"din": "None", "iso2": "StopCharging"}
"""The notification of a station that wants to stop; DIN has none [V2G-DC-500], its vehicles read the status."""
IN_SESSION = STEPS[2:]
"""The steps after SessionSetup: a session id stands."""
V2G_SECC_Sequence_Timeout_S = 60.0
V2G_SECC_CommunicationSetup_S = 18.0
T_CLOSE_S = 5.0

at_every_step = pytest.mark.parametrize("step", STEPS)
in_session = pytest.mark.parametrize("step", IN_SESSION)
in_both = pytest.mark.parametrize("protocol", PROTOCOLS)
of_every_message = pytest.mark.cases(
    "CMN_SupportedAppProtocol",
    "CMN_SessionSetup",
    "CMN_ServiceDiscovery",
    "CMN_PaymentServiceSelection",
    "CMN_Authorization",
    "CMN_ChargeParameterDiscovery",
    "DC_CableCheck",
    "DC_PreCharge",
    "DC_PowerDelivery",
    "DC_CurrentDemand",
    "DC_WeldingDetection",
)
of_messages_in_session = pytest.mark.cases(
    "CMN_ServiceDiscovery",
    "CMN_PaymentServiceSelection",
    "CMN_Authorization",
    "CMN_ChargeParameterDiscovery",
    "DC_CableCheck",
    "DC_PreCharge",
    "DC_PowerDelivery",
    "DC_CurrentDemand",
    "DC_WeldingDetection",
)


def arrive(protocol: str, step: str, *sets: str) -> tuple[Bench, ScriptedVehicle]:
    """A vehicle at a station that waits for ``step``."""
    bench = Bench("evse_dc", ("evse",), *sets)
    vehicle = ScriptedVehicle(bench, protocol)
    vehicle.plug()
    vehicle.connect()
    walk(vehicle, step)
    return bench, vehicle


def charges_to_the_end(bench: Bench, vehicle: ScriptedVehicle, step: str) -> None:
    """The disturbed session itself goes on from ``step`` to its normal end."""
    walk_on(vehicle, step)
    assert vehicle.stream is not None
    vehicle.stream.close()
    bench.until(lambda: bool(bench.data("evse", "sessions")), 1, "normal end of the session")
    ends_safe(bench, vehicle)


def is_refused(bench: Bench, vehicle: ScriptedVehicle, request: str, code: str) -> None:
    """The answer is the request's own response with this code; the output dies, the connection is closed."""
    vehicle.hear(2.0)
    name = request.removesuffix("Req") + "Res"
    assert (vehicle.inbox[-1][0], vehicle.last.ResponseCode) == (name, code)
    goes_dead(bench)
    bench.until(lambda: bool(vehicle.ended), T_CLOSE_S + 0.1, "end of the connection")
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- the connection


@in_both
@at_every_step
@pytest.mark.parametrize("how", ["close", "reset"])
def test_connection_lost(protocol: str, step: str, how: str) -> None:
    """A vehicle whose modem dies leaves a live connector, or a station that serves nobody afterwards."""
    bench, vehicle = arrive(protocol, step)
    getattr(vehicle.stream, how)()
    ends_safe(bench, vehicle)


@of_every_message
@in_both
@at_every_step
def test_silence(protocol: str, step: str) -> None:
    """A vehicle that hangs keeps the outlet for good: the station's own timer ends it, at the standard's time."""
    bench, vehicle = arrive(protocol, step)
    limit = V2G_SECC_CommunicationSetup_S if step in STEPS[:2] else V2G_SECC_Sequence_Timeout_S
    stays(bench, lambda: not vehicle.ended, 0.9 * limit, "the connection")
    bench.until(lambda: bool(vehicle.ended), 0.2 * limit, "end by the sequence timeout")
    ends_safe(bench, vehicle)


@in_both
@at_every_step
def test_late_but_in_time(protocol: str, step: str) -> None:
    """A slow vehicle, ten per cent before the station's limit, still charges to the end."""
    bench, vehicle = arrive(protocol, step)
    bench.run(0.9 * (V2G_SECC_CommunicationSetup_S if step in STEPS[:2] else V2G_SECC_Sequence_Timeout_S))
    charges_to_the_end(bench, vehicle, step)


# ---------------------------------------------------------------- doubled, in pieces


@of_every_message
@in_both
@at_every_step
def test_doubled(protocol: str, step: str) -> None:
    """A vehicle that repeats a request, since it missed the answer, gets the answer again and charges to the end."""
    bench, vehicle = arrive(protocol, step)
    frame = frame_of(vehicle, step)
    take(vehicle, step)
    if step == "SessionStop":
        bench.run(0.1)
    schema, vehicle.schema = vehicle.schema, "sap" if step == "supportedAppProtocol" else vehicle.schema
    vehicle.raw(frame)
    answer = vehicle.hear()
    vehicle.schema = schema
    assert answer.ResponseCode.startswith("OK")
    assert vehicle.inbox[-1][0] == request_of(step)[0].removesuffix("Req") + "Res"
    if step == "SessionStop":
        vehicle.go_away()
        next_vehicle_charges(bench)
        return
    following = STEPS[STEPS.index(step) + 1]
    prepare(vehicle, following)
    charges_to_the_end(bench, vehicle, following)


@in_both
@pytest.mark.parametrize("step", [step for step in STEPS if step not in ("CableCheck", "PreCharge")])
def test_doubled_in_one_segment(protocol: str, step: str) -> None:
    """The same message twice in one segment: each is answered OK (a PowerDelivery that is being carried out: once), and
    the session goes on. CableCheck and PreCharge are asked many times anyhow."""
    bench, vehicle = arrive(protocol, step)
    before = len(vehicle.inbox)
    vehicle.raw(frame_of(vehicle, step) * 2)
    answer = vehicle.hear()
    bench.run(0.1)
    learn(vehicle, step, answer)
    response = request_of(step)[0].removesuffix("Req") + "Res"
    answers = 1 if step.startswith("PowerDelivery") else 2
    assert [message[0] for message in vehicle.inbox[before:]] == [response] * answers
    assert all(_code(message).startswith("OK") for message in vehicle.inbox)
    if step == "SessionStop":
        vehicle.go_away()
        next_vehicle_charges(bench)
        return
    following = STEPS[STEPS.index(step) + 1]
    prepare(vehicle, following)
    charges_to_the_end(bench, vehicle, following)


def _code(message: tuple[str, Any, bytes]) -> str:
    body = message[1].Body.BodyElement if hasattr(message[1], "Body") else message[1]
    return str(body.ResponseCode)


@in_both
def test_repeated_for_ever(protocol: str) -> None:
    """A vehicle that only repeats itself is told so and let go: dup_resend_max answers, then FAILED_SequenceError."""
    bench, vehicle = arrive(protocol, "ServiceDiscovery")
    frame = frame_of(vehicle, "ServiceDiscovery")
    codes = []
    for _ in range(5):
        vehicle.raw(frame)
        codes.append(vehicle.hear().ResponseCode)
    assert codes == ["OK"] * 4 + ["FAILED_SequenceError"]
    ends_safe(bench, vehicle)


@in_both
@pytest.mark.parametrize(("sets", "after_s"), [((), 2.1), (("session.dup_resend_enabled=False",), 0.1)])
def test_repeated_and_not_answered_again(protocol: str, sets: tuple[str, ...], after_s: float) -> None:
    """After the window, or where no response is sent twice, a repetition is out of sequence."""
    bench, vehicle = arrive(protocol, "ServiceDiscovery", *sets)
    frame = frame_of(vehicle, "ServiceDiscovery")
    vehicle.raw(frame)
    vehicle.hear()
    bench.run(after_s)
    vehicle.raw(frame)
    assert vehicle.hear().ResponseCode == "FAILED_SequenceError"
    ends_safe(bench, vehicle)


@in_both
def test_byte_by_byte(protocol: str) -> None:
    """A vehicle whose TCP sends single octets charges all the same (Josev ends such a session)."""
    bench, vehicle = arrive(protocol, "supportedAppProtocol")
    whole = vehicle.raw
    vehicle.raw = lambda data: [whole(data[i : i + 1]) for i in range(len(data))] and None  # type: ignore[method-assign]
    charges_to_the_end(bench, vehicle, "supportedAppProtocol")


@in_both
def test_two_requests_in_one_segment(protocol: str) -> None:
    """Two different requests in one segment are answered in their order."""
    bench, vehicle = arrive(protocol, "ServiceDiscovery")
    vehicle.raw(frame_of(vehicle, "ServiceDiscovery") + frame_of(vehicle, "PaymentServiceSelection"))
    bench.run(0.1)
    assert [name for name, _, _ in vehicle.inbox[-2:]] == ["ServiceDiscoveryRes", "PaymentServiceSelectionRes"]
    charges_to_the_end(bench, vehicle, "Authorization")


# ---------------------------------------------------------------- not to be understood


def _damaged(frame: bytes, damage: str) -> bytes:
    """A frame that says its length right and holds no message."""
    exi = frame[8:]
    spoiled = {
        "cut": exi[: max(1, len(exi) // 2)],
        "one octet": exi[:1],
        "empty": b"",
        "garbled": bytes(octet ^ 0xFF for octet in exi),
        "not EXI": b'{"hello": 1}',
        "tail": exi + b"\xff" * 40,
    }[damage]
    return frame[:4] + len(spoiled).to_bytes(4, "big") + spoiled


DAMAGES = ("cut", "one octet", "empty", "garbled", "not EXI", "tail")


@pytest.mark.cases("CMN_V2GTPSessionSetup")
@in_both
@at_every_step
def test_undecodable_is_tolerated(protocol: str, step: str) -> None:
    """Two messages spoiled on the way cost no session: no answer, no end, the repetition is taken."""
    bench, vehicle = arrive(protocol, step)
    answers = len(vehicle.inbox)
    frame = frame_of(vehicle, step)
    for damage in ("cut", "garbled"):
        vehicle.raw(_damaged(frame, damage))
        bench.run(0.05)
    assert len(vehicle.inbox) == answers
    assert not vehicle.ended
    charges_to_the_end(bench, vehicle, step)


@pytest.mark.cases("CMN_V2GTPSessionSetup")
@in_both
@at_every_step
def test_undecodable_for_ever(protocol: str, step: str) -> None:
    """A peer that speaks nothing we know does not keep the outlet: after C_decode_errors the connection closes; before
    it has called it keeps nobody out, for the time of the communication set-up at most."""
    bench, vehicle = arrive(protocol, step)
    frame = frame_of(vehicle, step)
    for damage in DAMAGES:
        vehicle.raw(_damaged(frame, damage))
        bench.run(0.01)
    if step == "supportedAppProtocol":
        bench.run(18)
    assert vehicle.ended
    ends_safe(bench, vehicle)


@pytest.mark.cases("CMN_V2GTPSessionSetup")
@in_both
@at_every_step
@pytest.mark.parametrize(
    "header", ["02fe8001", "01ff8001", "01fe8001ffffffff", "01fe800100008001", "474554202f20485454"]
)
def test_bad_header(protocol: str, step: str, header: str) -> None:
    """A stream that is no V2GTP, or announces 4 GB or one byte more than is taken, is closed at once; nothing stays
    live."""
    bench, vehicle = arrive(protocol, step)
    vehicle.raw(bytes.fromhex(header) + bytes(8))
    bench.until(lambda: bool(vehicle.ended), 0.1, "end of the connection")
    ends_safe(bench, vehicle)


@pytest.mark.cases("CMN_V2GTPSessionSetup")
@in_both
@at_every_step
def test_unknown_payload_type(protocol: str, step: str) -> None:
    """A message of a payload type nobody knows is passed over ([V2G2-083]); the session goes on."""
    bench, vehicle = arrive(protocol, step)
    vehicle.raw(bytes.fromhex("01fe7777 00000004 deadbeef"))
    vehicle.raw(bytes.fromhex("01fe9000 00000002 1000"))
    bench.run(0.1)
    assert not vehicle.ended
    charges_to_the_end(bench, vehicle, step)


@pytest.mark.cases("CMN_V2GTPSessionSetup")
@in_both
@at_every_step
def test_half_a_message_then_nothing(protocol: str, step: str) -> None:
    """A message that stops in the middle does not hang the station: its timer runs all the same."""
    bench, vehicle = arrive(protocol, step)
    frame = frame_of(vehicle, step)
    vehicle.raw(frame[: len(frame) // 2])
    bench.until(lambda: bool(vehicle.ended), V2G_SECC_Sequence_Timeout_S + 1, "end by the sequence timeout")
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- the wrong message


@of_messages_in_session
@in_both
@in_session
def test_wrong_session_id(protocol: str, step: str) -> None:
    """A message of another session is refused by FAILED_UnknownSession in its own response, and the session ends."""
    bench, vehicle = arrive(protocol, step)
    name, changes = request_of(step)
    vehicle.send(name, session_id=bytes(7) + b"\x07", **changes)
    is_refused(bench, vehicle, name, "FAILED_UnknownSession")


LEGAL = {
    "supportedAppProtocol": set(),
    "SessionSetup": {"SessionSetup"},
    "ServiceDiscovery": {"ServiceDiscovery", "SessionStop"},
    "PaymentServiceSelection": {"PaymentServiceSelection", "SessionStop"},
    "Authorization": {"Authorization", "PaymentServiceSelection", "SessionStop"},
    "ChargeParameterDiscovery": {"Authorization", "ChargeParameterDiscovery", "SessionStop"},
    "CableCheck": {"CableCheck", "SessionStop", "PowerDelivery(Stop)"},
    "PreCharge": {"PreCharge", "SessionStop", "PowerDelivery", "PowerDelivery(Stop)"},
    "PowerDelivery": {"PreCharge", "SessionStop", "PowerDelivery", "PowerDelivery(Stop)"},
    "CurrentDemand": {"CurrentDemand", "SessionStop", "PowerDelivery", "PowerDelivery(Stop)"},
    "PowerDelivery(Stop)": {"CurrentDemand", "SessionStop", "PowerDelivery(Stop)"},
    "WeldingDetection": {"WeldingDetection", "SessionStop", "PowerDelivery(Stop)"},
    "SessionStop": {"WeldingDetection", "SessionStop"},
}
"""What the station may be sent where it waits for a step. PowerDelivery in CurrentDemand, PaymentServiceSelection
and Authorization one step later are repetitions, byte for byte."""
WRONG = [(at, sent) for at in STEPS[1:] for sent in STEPS[1:] if sent not in LEGAL[at]]


@of_messages_in_session
@in_both
@pytest.mark.parametrize(("at", "sent"), WRONG)
def test_out_of_order(protocol: str, at: str, sent: str) -> None:
    """A message at the wrong time is refused by FAILED_SequenceError in its own response, and the session ends."""
    bench, vehicle = arrive(protocol, at)
    name, changes = request_of(sent)
    if name == "CableCheckReq":
        changes = {"EVRESSSOC": 77}  # not the bytes of one that was answered already
    elif name not in ("PowerDeliveryReq", "SessionStopReq"):
        vehicle.raw(_of_another_kind(vehicle, name))
        is_refused(bench, vehicle, name, "FAILED_SequenceError")
        return
    vehicle.send(name, **changes)
    is_refused(bench, vehicle, name, "FAILED_SequenceError")


@pytest.mark.cases("CMN_SupportedAppProtocol")
@in_both
@in_session
def test_handshake_again(protocol: str, step: str) -> None:
    """A supportedAppProtocolReq in the middle of a session gets the handshake's own refusal, and the session ends."""
    bench, vehicle = arrive(protocol, step)
    vehicle.raw(frame_of(vehicle, "supportedAppProtocol"))
    vehicle.schema = "sap"
    is_refused(bench, vehicle, "supportedAppProtocolReq", "Failed_NoNegotiation")


def _of_another_kind(vehicle: ScriptedVehicle, name: str) -> bytes:
    """The request with content that no earlier one of this session had."""
    other: dict[str, dict[str, Any]] = {
        "SessionSetupReq": {"EVCCID": bytes.fromhex("020000000077")},
        "ServiceDiscoveryReq": {"ServiceCategory": "EVCharging"},
        "ChargeParameterDiscoveryReq": {"EVRESSSOC": 77},
        "PreChargeReq": {"EVRESSSOC": 77},
        "CurrentDemandReq": {"EVRESSSOC": 77},
        "WeldingDetectionReq": {"EVRESSSOC": 77},
    }
    return vehicle.frame(name, **other.get(name, {}))


@pytest.mark.cases("DC_SessionStop")
@in_both
@in_session
def test_session_stop_anywhere(protocol: str, step: str) -> None:
    """Vehicles stop at odd places and expect OK; the output goes down at once, the next session works."""
    bench, vehicle = arrive(protocol, step)
    assert vehicle.ask("SessionStopReq").ResponseCode == "OK"
    goes_dead(bench, 1.6)
    assert vehicle.stream is not None
    vehicle.stream.close()
    ends_safe(bench, vehicle)


@pytest.mark.cases("DC_PowerDelivery")
@in_both
@pytest.mark.parametrize("step", ["CableCheck", "PreCharge", "PowerDelivery", "CurrentDemand"])
def test_power_delivery_stop_early(protocol: str, step: str) -> None:
    """PowerDelivery(Stop) straight after CableCheck (Audi Q4) or PreCharge is OK and ends as usual."""
    bench, vehicle = arrive(protocol, step)
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


@in_both
def test_the_same_vehicle_tries_again(protocol: str) -> None:
    """A vehicle that lost its session in the charging loop and stays plugged in is invited again and charges."""
    bench, vehicle = arrive(protocol, "CurrentDemand")
    assert vehicle.stream is not None
    vehicle.stream.close()
    vehicle.contactors(False)
    vehicle.pilot("B")
    goes_dead(bench)
    bench.until(lambda: bench.is_in("evse", "outlet.plugged.waking"), 1, "E/F pulse")
    assert bench.cable.circuit.duty_percent == 0.0
    bench.until(lambda: bench.cable.circuit.duty_percent == 5.0, 15, "5 % again")
    vehicle.connect()
    walk(vehicle, "CurrentDemand")
    charges_to_the_end(bench, vehicle, "CurrentDemand")
