"""Buttons, cards, prescribed refusals, pause, renegotiation and retries at a station on the virtual clock."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.v2g import codec
from tests.charge.bench import Bench, ScriptedVehicle
from tests.charge.ends import ends_safe, goes_dead, goes_dead_at_once, next_vehicle_charges, stays
from tests.charge.test_scenarios_messages import STOP, arrive, charges_to_the_end, in_both, is_refused
from tests.charge.test_scenarios_power import LIVE, is_out_of_order, live_at, reset
from tests.charge.walk import STEPS, prepare, take, walk, walk_on


def press(bench: Bench, button: str) -> None:
    """Somebody at the station."""
    bench.adapter("evse", "button").port.emit(button)


def read(bench: Bench, event: str, **payload: Any) -> None:
    """The reader of the station."""
    bench.adapter("evse", "reader").port.emit(event, **payload)


# ---------------------------------------------------------------- buttons


@in_both
@pytest.mark.parametrize("step", STEPS)
def test_emergency_button(protocol: str, step: str) -> None:
    """The red button in any step: dead at once, out of order until it is released and reset, and only then."""
    bench, vehicle = live_at(step, protocol)
    press(bench, "emergency_stop")
    goes_dead_at_once(bench)
    assert is_out_of_order(bench)
    vehicle.go_away()
    reset(bench)
    bench.run(5)
    assert is_out_of_order(bench), "reset with the button still down"
    press(bench, "emergency_released")
    stays(bench, lambda: is_out_of_order(bench), 1.0, "the fault state")
    reset(bench)
    next_vehicle_charges(bench)


@in_both
def test_vehicle_reads_of_the_emergency(protocol: str) -> None:
    """The next CurrentDemandRes says EVSE_EmergencyShutdown and, but for DIN, StopCharging."""
    bench, vehicle = live_at("CurrentDemand", protocol)
    press(bench, "emergency_stop")
    bench.run(0.01)
    status = vehicle.ask("CurrentDemandReq").DC_EVSEStatus
    assert (status.EVSEStatusCode, status.EVSENotification) == ("EVSE_EmergencyShutdown", STOP[protocol])
    press(bench, "emergency_released")
    reset(bench)
    ends_safe(bench, vehicle)


@in_both
@pytest.mark.parametrize("step", LIVE[:4])
def test_stop_button(protocol: str, step: str) -> None:
    """The user's stop reaches a vehicle that obeys: EVSE_Shutdown and, but for DIN [V2G-DC-500], StopCharging; then a
    normal end, and the session counts."""
    bench, vehicle = live_at(step, protocol)
    press(bench, "stop_pressed")
    bench.run(0.01)
    name = (
        "CableCheckReq" if step == "CableCheck" else "CurrentDemandReq" if step == "CurrentDemand" else "PreChargeReq"
    )
    status = vehicle.ask(name).DC_EVSEStatus
    assert (status.EVSEStatusCode, status.EVSENotification) == ("EVSE_Shutdown", STOP[protocol])
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


@in_both
@pytest.mark.parametrize("step", STEPS[2:])
def test_stop_button_and_the_vehicle_is_silent(protocol: str, step: str) -> None:
    """After T_user_stop the station ends it by itself, in whatever step, and the next vehicle charges."""
    bench, vehicle = live_at(step, protocol)
    press(bench, "stop_pressed")
    bench.until(lambda: bool(vehicle.ended), 21, "end of the connection")
    ends_safe(bench, vehicle, 2.0)


# ---------------------------------------------------------------- authorisation


def test_card_of_the_list() -> None:
    """A wrong card changes nothing, the right one lets the vehicle charge."""
    bench, vehicle = arrive("iso2", "Authorization", "authorisation=list", "tokens=04A1,04B2")
    assert vehicle.ask("AuthorizationReq").EVSEProcessing.startswith("Ongoing")
    read(bench, "token", id="0BAD")
    bench.run(0.5)
    assert vehicle.ask("AuthorizationReq").EVSEProcessing.startswith("Ongoing")
    assert bench.adapter("evse", "display").text == "Card not accepted"
    read(bench, "token", id="04B2")
    bench.run(0.5)
    assert vehicle.ask("AuthorizationReq").EVSEProcessing == "Finished"
    walk_on_after(bench, vehicle)


def walk_on_after(bench: Bench, vehicle: ScriptedVehicle) -> None:
    """The rest of the session; the next vehicle's user is let in too."""
    for step in STEPS[STEPS.index("ChargeParameterDiscovery") :]:
        prepare(vehicle, step)
        take(vehicle, step)
    vehicle.go_away()
    goes_dead(bench)
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 20, "free outlet")
    assert bench.data("evse", "authorised") is False, "the next user must not charge on this one's account"


@in_both
def test_authorised_late(protocol: str) -> None:
    """A person who takes 50 s for the back end's yes still charges: Ongoing until then."""
    bench, vehicle = arrive(protocol, "Authorization", "authorisation=external")
    for _ in range(50):
        assert vehicle.ask("AuthorizationReq").EVSEProcessing.startswith("Ongoing")
        bench.run(1)
    read(bench, "authorised")
    bench.run(0.1)
    assert vehicle.ask("AuthorizationReq").EVSEProcessing == "Finished"
    walk_on_after(bench, vehicle)


@in_both
def test_never_authorised(protocol: str) -> None:
    """FAILED comes after the chart's time for people."""
    bench, vehicle = arrive(protocol, "Authorization", "authorisation=external")
    start = bench.now_s
    while (answer := vehicle.ask("AuthorizationReq")).ResponseCode == "OK":
        bench.run(0.5)
    assert answer.ResponseCode == "FAILED"
    limit_s = {"din": 120.0, "iso2": 300.0}[protocol]
    assert limit_s <= bench.now_s - start < limit_s + 2.0
    vehicle.go_away()
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 20, "free outlet")
    assert bench.errors == []


@in_both
def test_rejected(protocol: str) -> None:
    """A back end's no is FAILED, at once."""
    bench, vehicle = arrive(protocol, "Authorization", "authorisation=external", "refused_user=ends_session")
    assert vehicle.ask("AuthorizationReq").EVSEProcessing.startswith("Ongoing")
    read(bench, "refused", reason="")
    bench.run(0.1)
    assert vehicle.ask("AuthorizationReq").ResponseCode == "FAILED"
    vehicle.go_away()
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 20, "free outlet")
    assert bench.errors == []


# ---------------------------------------------------------------- prescribed refusals


AC = {"iso2": "AC_three_phase_core", "din": "AC_three_phase_core"}
REFUSALS = [
    ("PaymentServiceSelection", {"SelectedPaymentOption": "Contract"}, "FAILED_PaymentSelectionInvalid", None),
    ("PaymentServiceSelection", {"ServiceID": 9}, "FAILED_NoChargeServiceSelected", "FAILED_ServiceSelectionInvalid"),
    ("ChargeParameterDiscovery", {"RequestedEnergyTransferMode": "AC_three_phase_core"},
     "FAILED_WrongEnergyTransferMode", "FAILED_WrongEnergyTransferType"),
    ("ChargeParameterDiscovery", {"EVMaximumVoltageLimit": 100.0}, "FAILED_WrongChargeParameter", None),
]  # fmt: skip


@in_both
@pytest.mark.parametrize(("step", "changes", "code", "din_code"), REFUSALS)
def test_prescribed_code(protocol: str, step: str, changes: dict[str, Any], code: str, din_code: str | None) -> None:
    """What the station cannot do is refused by the code the standard prescribes, DIN's name in DIN."""
    bench, vehicle = arrive(protocol, step)
    vehicle.send(f"{step}Req", **changes)
    is_refused(bench, vehicle, f"{step}Req", (protocol == "din" and din_code) or code)


@in_both
@pytest.mark.parametrize(("service", "code"), [(1, "OK"), (77, "FAILED_ServiceIDInvalid")])
def test_service_detail(protocol: str, service: int, code: str) -> None:
    """Details of the charge service are answered, of another one refused."""
    bench, vehicle = arrive(protocol, "PaymentServiceSelection")
    vehicle.raw(vehicle.document(codec.messages(protocol).ServiceDetailReq(ServiceID=service)))
    if code == "OK":
        assert vehicle.hear().ResponseCode == "OK"
        charges_to_the_end(bench, vehicle, "PaymentServiceSelection")
    else:
        is_refused(bench, vehicle, "ServiceDetailReq", code)


@in_both
@pytest.mark.parametrize("step", STEPS[2:])
def test_message_of_another_kind_of_session(protocol: str, step: str) -> None:
    """An AC vehicle's ChargingStatusReq gets its own response, FAILED_SequenceError, and the end."""
    bench, vehicle = arrive(protocol, step)
    vehicle.raw(vehicle.document(codec.messages(protocol).ChargingStatusReq()))
    is_refused(bench, vehicle, "ChargingStatusReq", "FAILED_SequenceError")


def test_no_common_schema() -> None:
    """A vehicle with nothing but unknown schemas is told Failed_NoNegotiation and let go."""
    bench, vehicle = arrive("iso2", "supportedAppProtocol", "session.supported_namespaces=urn:din:70121:2012:MsgDef",
                            "session.supported_protocols=din", "session.supported_major=2")  # fmt: skip
    vehicle.send("supportedAppProtocolReq")
    assert vehicle.hear().ResponseCode == "Failed_NoNegotiation"
    bench.until(lambda: bool(vehicle.ended), 5.1, "end of the connection")
    vehicle.go_away()
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 20, "free outlet")


@pytest.mark.parametrize("short", ["VersionNumberMajor", "VersionNumberMinor", "SchemaID", "Priority"])
def test_offer_with_a_part_missing(short: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec that hands on half an offer of schemas: the vehicle is told Failed_NoNegotiation, not left waiting."""
    bench, vehicle = arrive("iso2", "supportedAppProtocol")
    ports = type(bench.adapter("evse", "v2g").port)
    emit = ports.emit

    def half(port: Any, event: str, **payload: Any) -> None:
        emit(port, event, **payload | {short: payload[short][:-1]} if event == "supportedAppProtocolReq" else payload)

    monkeypatch.setattr(ports, "emit", half)
    vehicle.send("supportedAppProtocolReq")
    assert vehicle.hear().ResponseCode == "Failed_NoNegotiation"
    bench.until(lambda: bool(vehicle.ended), 5.1, "end of the connection")
    monkeypatch.undo()
    ends_safe(bench, vehicle)


# ---------------------------------------------------------------- pause, renegotiation


def paused() -> tuple[Bench, ScriptedVehicle]:
    """A vehicle that paused its session in the middle of a charge."""
    bench, vehicle = live_at("CurrentDemand")
    take(vehicle, "PowerDelivery(Stop)")
    vehicle.contactors(False)
    vehicle.pilot("B")
    assert vehicle.ask("SessionStopReq", ChargingSession="Pause").ResponseCode == "OK"
    assert vehicle.stream is not None
    vehicle.stream.close()
    goes_dead(bench)
    bench.until(lambda: bench.is_in("evse", "outlet.plugged.paused"), 1, "pause")
    assert bench.cable.circuit.duty_percent == 100.0
    return bench, vehicle


def wake(bench: Bench, vehicle: ScriptedVehicle) -> None:
    """The vehicle's BCB toggle, then 5 %."""
    bench.run(600)
    vehicle.pilot("C")
    bench.run(0.3)
    vehicle.pilot("B")
    bench.until(lambda: bench.cable.circuit.duty_percent == 5.0, 1, "5 % again")
    vehicle.connect()


def test_resume_a_paused_session() -> None:
    """After ten minutes the vehicle toggles B-C-B and joins its old session by its id."""
    bench, vehicle = paused()
    old = vehicle.session_id
    wake(bench, vehicle)
    take(vehicle, "supportedAppProtocol")
    vehicle.session_id = old
    assert vehicle.ask("SessionSetupReq").ResponseCode == "OK_OldSessionJoined"
    assert vehicle.inbox[-1][1].Header.SessionID == old
    charges_on(bench, vehicle)


def charges_on(bench: Bench, vehicle: ScriptedVehicle) -> None:
    """From ServiceDiscovery to the end."""
    walk_on(vehicle, "ServiceDiscovery")
    vehicle.go_away()
    next_vehicle_charges(bench)


def test_new_session_after_a_pause() -> None:
    """A vehicle that forgot its paused session gets a new one."""
    bench, vehicle = paused()
    old = vehicle.session_id
    wake(bench, vehicle)
    take(vehicle, "supportedAppProtocol")
    vehicle.session_id = b"\x00"
    assert vehicle.ask("SessionSetupReq").ResponseCode == "OK_NewSessionEstablished"
    vehicle.session_id = vehicle.inbox[-1][1].Header.SessionID
    assert vehicle.session_id != old
    charges_on(bench, vehicle)


def test_another_vehicle_cannot_join_a_paused_session() -> None:
    """Unplugged while paused: the old session id opens nothing any more."""
    bench, vehicle = paused()
    old = vehicle.session_id
    vehicle.go_away()
    bench.until(lambda: bench.is_in("evse", "outlet.available"), 5, "free outlet")
    vehicle.plug()
    vehicle.connect()
    take(vehicle, "supportedAppProtocol")
    vehicle.session_id = old
    assert vehicle.ask("SessionSetupReq").ResponseCode == "OK_NewSessionEstablished"
    vehicle.session_id = vehicle.inbox[-1][1].Header.SessionID
    assert vehicle.session_id != old
    charges_on(bench, vehicle)


def test_vehicle_renegotiates() -> None:
    """PowerDelivery(Renegotiate) in the loop: new parameters, PowerDelivery(Start), energy again, output never off."""
    bench, vehicle = live_at("CurrentDemand")
    assert vehicle.ask("PowerDeliveryReq", ChargeProgress="Renegotiate").ResponseCode == "OK"
    assert vehicle.ask("ChargeParameterDiscoveryReq", EVMaximumCurrentLimit=50.0).ResponseCode == "OK"
    assert vehicle.ask("PowerDeliveryReq").ResponseCode == "OK"
    for _ in range(10):
        vehicle.ask("CurrentDemandReq")
        bench.run(0.2)
        assert bench.circuit.station_closed
    assert bench.circuit.output_A == pytest.approx(50.0, abs=1.0), "the new limit counts"
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


def test_station_asks_to_renegotiate() -> None:
    """The back end's new limits: EVSENotification ReNegotiation until the vehicle does it, then None."""
    bench, vehicle = live_at("CurrentDemand")
    bench.system.post(bench.system.roots["evse"], "renegotiate")
    bench.run(0.01)
    assert vehicle.ask("CurrentDemandReq").DC_EVSEStatus.EVSENotification == "ReNegotiation"
    vehicle.ask("PowerDeliveryReq", ChargeProgress="Renegotiate")
    vehicle.ask("ChargeParameterDiscoveryReq")
    vehicle.ask("PowerDeliveryReq")
    assert vehicle.ask("CurrentDemandReq").DC_EVSEStatus.EVSENotification == "None"
    charges_to_the_end(bench, vehicle, "PowerDelivery(Stop)")


# ---------------------------------------------------------------- retries


def test_station_gives_up_on_a_hopeless_vehicle() -> None:
    """Three failed sessions in one plug-in: E/F pulses between them, then steady +12 V until it is unplugged."""
    bench = Bench("evse_dc", ("evse",))
    vehicle = ScriptedVehicle(bench)
    vehicle.plug()
    for attempt in range(3):
        bench.until(lambda: bench.cable.circuit.duty_percent == 5.0, 20, "5 %")
        vehicle.connect()
        walk(vehicle, "PreCharge")
        assert vehicle.stream is not None
        vehicle.stream.reset()
        bench.run(0.01)
        vehicle.pilot("B")
        assert bench.data("evse", "failed_sessions") == attempt + 1
        if attempt < 2:
            assert bench.cable.circuit.duty_percent == 0.0
    assert bench.is_in("evse", "outlet.plugged.gave_up")
    stays(bench, lambda: bench.cable.circuit.duty_percent == 100.0, 300.0, "steady +12 V")
    vehicle.go_away()
    next_vehicle_charges(bench)


def test_unplugged_in_every_pause_of_a_retry() -> None:
    """A vehicle that leaves during the E/F pulse or the back-off finds a free outlet when it comes again."""
    for wait_s in (0.1, 2.0, 4.2, 5.5, 7.5):
        bench, vehicle = arrive("iso2", "CableCheck")
        assert vehicle.stream is not None
        vehicle.stream.close()
        bench.run(wait_s)
        vehicle.go_away()
        next_vehicle_charges(bench)
