"""Right answers by the standard, on the wire: to what a vehicle chose, where the station stands, what it measures."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.v2g import codec
from tests.charge.test_scenarios_messages import arrive, in_both, is_refused
from tests.charge.test_scenarios_power import live_at
from tests.charge.walk import learn, take, walk_on


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@in_both
def test_ready_after_the_parameters(protocol: str) -> None:
    """EVSE_Ready: two cars are known to leave without it (DIN SPEC 70121 [V2G-DC-638])."""
    _, vehicle = arrive(protocol, "ChargeParameterDiscovery")
    status = vehicle.ask("ChargeParameterDiscoveryReq").EVSEChargeParameter.DC_EVSEStatus
    assert (status.EVSEStatusCode, status.EVSENotification) == ("EVSE_Ready", "None")


@in_both
def test_the_time_to_follow_a_notification(protocol: str) -> None:
    """NotificationMaxDelay is the chart's, in answers and in refusals; without a wish of one's own it is now."""
    for sets, seconds in (((), 0), (("session.dialogue.NotificationMaxDelay=45 s",), 45)):
        _, vehicle = arrive(protocol, "CableCheck", *sets)
        assert vehicle.ask("CableCheckReq").DC_EVSEStatus.NotificationMaxDelay == seconds
        assert vehicle.ask("CurrentDemandReq").DC_EVSEStatus.NotificationMaxDelay == seconds


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@in_both
def test_the_power_of_the_schedule(protocol: str) -> None:
    """All the supply has, 60 kW; DIN's field holds 32,767 W."""
    _, vehicle = arrive(protocol, "ChargeParameterDiscovery", "adapters.supply.maximum_power=60 kW")
    (offered,) = vehicle.ask("ChargeParameterDiscoveryReq").SASchedules.SAScheduleTuple
    (entry,) = offered.PMaxSchedule.PMaxScheduleEntry
    assert (entry.PMax if protocol == "din" else entry.PMax.value_in_unit("W")) == (
        32_767 if protocol == "din" else 60_000
    )


@pytest.mark.cases("CMN_ServiceDiscovery")
@in_both
def test_charge_costs_something(protocol: str) -> None:
    """FreeService says so to the vehicle only where the station is told so."""
    for sets, free in (((), False), (("session.dialogue.FreeService=true",), True)):
        _, vehicle = arrive(protocol, "ServiceDiscovery", *sets)
        assert vehicle.ask("ServiceDiscoveryReq").ChargeService.FreeService is free


@pytest.mark.cases("CMN_Authorization")
@in_both
def test_vehicle_is_told_to_wait_for_a_person(protocol: str) -> None:
    """ISO 15118-2 has a word for it, after which the vehicle does not give up [V2G2-854]; DIN has not."""
    bench, vehicle = arrive(protocol, "Authorization", "authorisation=external")
    waiting = "Ongoing" if protocol == "din" else "Ongoing_WaitingForCustomerInteraction"
    for _ in range(55):
        assert vehicle.ask("AuthorizationReq").EVSEProcessing == waiting
        bench.run(2.0)
    bench.adapter("evse", "reader").port.emit("authorised")
    bench.run(0.1)
    walk_on(vehicle, "Authorization")


@pytest.mark.cases("CMN_PaymentServiceSelection")
@in_both
def test_service_nobody_offered(protocol: str) -> None:
    """Beside the charge something else is chosen: refused, not charged for."""
    bench, vehicle = arrive(protocol, "PaymentServiceSelection")
    schema = codec.messages(protocol)
    services = [schema.SelectedServiceType(ServiceID=service) for service in (1, 7)]
    kind = schema.ServicePaymentSelectionReq if protocol == "din" else schema.PaymentServiceSelectionReq
    chosen = kind(
        SelectedPaymentOption="ExternalPayment",
        SelectedServiceList=schema.SelectedServiceListType(SelectedService=services),
    )
    vehicle.raw(vehicle.document(chosen))
    is_refused(bench, vehicle, "PaymentServiceSelectionReq", "FAILED_ServiceSelectionInvalid")


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@in_both
def test_parameters_of_an_ac_vehicle(protocol: str) -> None:
    """DC asked for with AC parameters: no voltage is known that the battery stands."""
    bench, vehicle = arrive(protocol, "ChargeParameterDiscovery")
    schema = codec.messages(protocol)
    of = schema.PhysicalValueType.of
    parameters = schema.AC_EVChargeParameterType(
        DepartureTime=0,
        EAmount=of(10_000, "Wh"),
        EVMaxVoltage=of(400, "V"),
        EVMaxCurrent=of(32, "A"),
        EVMinCurrent=of(6, "A"),
    )
    mode = "EVRequestedEnergyTransferType" if protocol == "din" else "RequestedEnergyTransferMode"
    body = schema.ChargeParameterDiscoveryReq(EVChargeParameter=parameters, **{mode: "DC_extended"})
    vehicle.raw(vehicle.document(body))
    is_refused(bench, vehicle, "ChargeParameterDiscoveryReq", "FAILED_WrongChargeParameter")


def start(protocol: str, tuple_id: int, power_W: int, **own: Any) -> Any:
    """PowerDeliveryReq(Start) with a charging profile of one entry."""
    schema = codec.messages(protocol)
    power = power_W if protocol == "din" else schema.PhysicalValueType.of(power_W, "W")
    entry = schema.ProfileEntryType(ChargingProfileEntryStart=0, ChargingProfileEntryMaxPower=power, **own)
    if protocol == "din":
        profile = schema.ChargingProfileType(SAScheduleTupleID=tuple_id, ProfileEntry=[entry])
        return schema.PowerDeliveryReq(ReadyToChargeState=True, ChargingProfile=profile)
    profile = schema.ChargingProfileType(ProfileEntry=[entry])
    return schema.PowerDeliveryReq(ChargeProgress="Start", SAScheduleTupleID=tuple_id, ChargingProfile=profile)


@pytest.mark.cases("DC_PowerDelivery")
@in_both
@pytest.mark.parametrize(
    ("tuple_id", "power_W", "code"),
    [
        (99, 20_000, "FAILED_TariffSelectionInvalid"),
        (1, 30_000_000, "FAILED_ChargingProfileInvalid"),
        (1, 25_000, "OK"),
        (1, 20_000, "OK"),
    ],
)
def test_power_by_a_schedule(protocol: str, tuple_id: int, power_W: int, code: str) -> None:
    """Power for the schedule that was offered, and no more of it ([V2G2-479], [V2G-DC-400])."""
    bench, vehicle = arrive(protocol, "PowerDelivery", "adapters.supply.maximum_power=25 kW")
    vehicle.raw(vehicle.document(start(protocol, tuple_id, min(power_W, 32_767) if protocol == "din" else power_W)))
    if code != "OK":
        is_refused(bench, vehicle, "PowerDeliveryReq", code)
    else:
        assert vehicle.hear().ResponseCode == "OK"
        learn(vehicle, "PowerDelivery", vehicle.last)
        for _ in range(3):
            take(vehicle, "CurrentDemand")


@in_both
@pytest.mark.parametrize("how", ["another session", "out of order"])
def test_refusal_says_what_is_measured(protocol: str, how: str) -> None:
    """A vehicle that is refused with 350 V on its inlet reads of them, in volts."""
    _, vehicle = live_at("CurrentDemand", protocol)
    if how == "another session":
        vehicle.send("CurrentDemandReq", session_id=bytes(7) + b"\x09")
    else:
        vehicle.send("WeldingDetectionReq")
    refusal = vehicle.hear()
    assert refusal.ResponseCode.startswith("FAILED_")
    assert refusal.EVSEPresentVoltage.value_in_unit("V") > 300.0
    if how == "another session":
        assert refusal.EVSEPresentCurrent.value_in_unit("A") > 50.0


def test_stop_stays() -> None:
    """A wish to negotiate anew does not take a stop back."""
    bench, vehicle = live_at("CurrentDemand")
    bench.adapter("evse", "button").port.emit("stop_pressed")
    bench.run(0.01)
    bench.system.post(bench.system.roots["evse"], "renegotiate", {})
    bench.run(0.01)
    status = vehicle.ask("CurrentDemandReq").DC_EVSEStatus
    assert (status.EVSEStatusCode, status.EVSENotification) == ("EVSE_Shutdown", "StopCharging")


@pytest.mark.cases("CMN_SessionSetup")
def test_set_up_has_one_limit() -> None:
    """A vehicle that has agreed on a schema has what is left of the 18 s for its session [V2G2-716], no new ones."""
    bench, vehicle = arrive("iso2", "supportedAppProtocol")
    begin = bench.now_s
    bench.run(17.0)
    take(vehicle, "supportedAppProtocol")
    bench.until(lambda: bool(vehicle.ended), 1.1, "end of the connection")
    assert bench.now_s - begin == pytest.approx(18.0, abs=0.2)


# ---------------------------------------------------------------- what does not fit its schema


def in_bits(exi: bytes, wrong: bytes) -> bytes:
    """The message with ones where either has them: of two codes that differ in their bits, the one beyond both."""
    return (int.from_bytes(exi, "big") | int.from_bytes(wrong, "big")).to_bytes(len(exi), "big")


def test_four_phases() -> None:
    """A Seres sends code 3 where the schema counts up to three phases: read, written down, answered by what it says."""
    bench, vehicle = arrive("iso2", "PowerDelivery")
    two, three = (
        vehicle.document(start("iso2", 1, 20_000, ChargingProfileEntryMaxNumberOfPhasesInUse=phases))
        for phases in (2, 3)
    )
    vehicle.raw(in_bits(two, three))
    assert vehicle.hear().ResponseCode == "OK"
    assert bench.data("evse/session", "misfits") == 1
    assert bench.data("evse/session", "decode_errors") == 0
    for _ in range(3):
        take(vehicle, "CurrentDemand")
    assert bench.circuit.output_A > 50.0
