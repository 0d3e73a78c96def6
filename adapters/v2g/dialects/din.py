"""DIN SPEC 70121: DC with external payment. Where its names differ, the contracts use ISO 15118-2's."""

from __future__ import annotations

import time
from typing import Any

from adapters.v2g import codec
from adapters.v2g.dialects import evcc, secc
from adapters.v2g.dialects.parts import Args, Fields, session_header
from adapters.v2g.dialects.physical import nanoseconds
from adapters.v2g.dialects.table import Dialect
from adapters.v2gtp import PayloadType

_LONGEST_EVSE_ID = 32

# ---------------------------------------------------------------- the station


def _charge_parameters(body: Any) -> Fields:
    limits = body.EVChargeParameter
    departure = getattr(limits, "DepartureTime", None)  # of AC parameters, which its schema has
    departure_ns = None if departure is None else nanoseconds(departure)
    return secc.charge_parameters(body.EVRequestedEnergyTransferType, limits, departure_ns, None)


def _power_delivery(body: Any) -> Fields:
    profile = body.ChargingProfile
    entries = [
        (nanoseconds(entry.ChargingProfileEntryStart), float(entry.ChargingProfileEntryMaxPower), 0)
        for entry in (profile.ProfileEntry if profile is not None else [])
    ]
    progress = "Start" if body.ReadyToChargeState else "Stop"
    return secc.power_delivery(body, progress, None if profile is None else profile.SAScheduleTupleID, entries)


def _session_stop(body: Any) -> Fields:
    return {"ChargingSession": "Terminate"}


def _set_up(dialect: Dialect, args: Args) -> Fields:
    """Its EVSEID is hexBinary: the ASCII bytes."""
    return {"EVSEID": args["EVSEID"].encode("ascii")[:_LONGEST_EVSE_ID], "DateTimeNow": int(time.time())}


def _services(dialect: Dialect, args: Args) -> Fields:
    m = dialect.schema
    service = m.ServiceChargeType(
        ServiceTag=m.ServiceTagType(ServiceID=args["ServiceID"], ServiceCategory=args["ServiceCategory"]),
        FreeService=args["FreeService"],
        EnergyTransferType=args["EnergyTransferMode"][0],
    )
    return {"PaymentOptions": m.PaymentOptionsType(PaymentOption=args["PaymentOption"]), "ChargeService": service}


def _limits(dialect: Dialect, args: Args) -> Fields:
    _only_dc(args)
    m = dialect.schema
    tuples = [
        m.SAScheduleTupleType(
            SAScheduleTupleID=tuple_id,
            PMaxSchedule=m.PMaxScheduleType(
                PMaxScheduleID=tuple_id,
                PMaxScheduleEntry=[m.PMaxScheduleEntryType(TimeInterval=when, PMax=int(W)) for when, W in entries],
            ),
        )
        for tuple_id, entries in secc.schedule_tuples(args, m.RelativeTimeIntervalType).items()
    ]
    return {
        "EVSEProcessing": args["EVSEProcessing"],
        "SASchedules": m.SAScheduleListType(SAScheduleTuple=tuples) if tuples else None,
        "EVSEChargeParameter": secc.dc_limits(dialect, args),
    }


def _power(dialect: Dialect, args: Args) -> Fields:
    _only_dc(args)
    return {"EVSEStatus": secc.dc_status(dialect, args)}


def _only_dc(args: Args) -> None:
    if args.get("RCD") is not None:
        raise codec.ValidationError("DIN SPEC 70121 has no AC charging", "RCD")


# ---------------------------------------------------------------- the vehicle


def _parameters(dialect: Dialect, args: Args) -> Fields:
    mode = args["RequestedEnergyTransferMode"]
    return {"EVRequestedEnergyTransferType": mode, "EVChargeParameter": evcc.dc_limits(dialect, args)}


def _deliver(dialect: Dialect, args: Args) -> Fields:
    delivery = evcc.dc_delivery(dialect, args)
    return {"ReadyToChargeState": args["ChargeProgress"] != "Stop", "EVPowerDeliveryParameter": delivery}


def _set_up_told(body: Any) -> Fields:
    return {"EVSEID": body.EVSEID.hex()}


def _services_told(body: Any) -> Fields:
    service = body.ChargeService
    options = body.PaymentOptions.PaymentOption
    return evcc.services(service, service.ServiceTag.ServiceID, options, [service.EnergyTransferType])


def _limits_told(body: Any) -> Fields:
    found = {"EVSEProcessing": body.EVSEProcessing} | evcc.schedules(body.SASchedules, float)
    return found | evcc.dc_limits_told(body.EVSEChargeParameter)


DIN = Dialect(
    name="din",
    namespaces=("urn:din:70121:2012:MsgDef",),
    schemas={PayloadType.SAP: "din"},
    header=session_header,
    around="V2G_Message",
    names={
        "AuthorizationReq": "ContractAuthenticationReq",
        "AuthorizationRes": "ContractAuthenticationRes",
        "PaymentServiceSelectionReq": "ServicePaymentSelectionReq",
        "PaymentServiceSelectionRes": "ServicePaymentSelectionRes",
    },
    codes={
        "FAILED_NoChargeServiceSelected": "FAILED_ServiceSelectionInvalid",
        "FAILED_WrongEnergyTransferMode": "FAILED_WrongEnergyTransferType",
        "FAILED_ContactorError": "FAILED_PowerDeliveryNotApplied",
    },
    values={"No_IMD": "Invalid", "Ongoing_WaitingForCustomerInteraction": "Ongoing"},
    units_are_optional=True,
    reads_requests=secc.reads(_charge_parameters, _power_delivery, _session_stop),
    writes_responses=secc.writes(_set_up, _services, _limits, _power),
    writes_requests=evcc.writes(_parameters, _deliver, evcc.nothing),
    reads_responses=evcc.reads(_set_up_told, _services_told, _limits_told),
    refusing=secc.refusing,
)
