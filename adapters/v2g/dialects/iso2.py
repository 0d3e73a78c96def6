"""ISO 15118-2: AC and DC with external payment."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from adapters.v2g.dialects import evcc, secc
from adapters.v2g.dialects.parts import Args, Fields, given, meter_fields, meter_info, rows, session_header
from adapters.v2g.dialects.physical import NS_PER_S, nanoseconds, number, optional_number, physical
from adapters.v2g.dialects.table import Dialect
from adapters.v2gtp import PayloadType

# ---------------------------------------------------------------- the station


def _charge_parameters(body: Any) -> Fields:
    limits = body.EVChargeParameter
    departure_ns = None if limits.DepartureTime is None else nanoseconds(limits.DepartureTime)
    most_entries = body.MaxEntriesSAScheduleTuple
    found = secc.charge_parameters(body.RequestedEnergyTransferMode, limits, departure_ns, most_entries)
    if hasattr(limits, "EAmount"):
        found |= {
            "EAmount": number(limits.EAmount, "Wh"),
            "EVMaxVoltage": number(limits.EVMaxVoltage, "V"),
            "EVMaxCurrent": number(limits.EVMaxCurrent, "A"),
            "EVMinCurrent": number(limits.EVMinCurrent, "A"),
        }
    return found


def _power_delivery(body: Any) -> Fields:
    profile = body.ChargingProfile
    entries = [
        (
            nanoseconds(entry.ChargingProfileEntryStart),
            number(entry.ChargingProfileEntryMaxPower, "W"),
            entry.ChargingProfileEntryMaxNumberOfPhasesInUse or 0,
        )
        for entry in (profile.ProfileEntry if profile is not None else [])
    ]
    return secc.power_delivery(body, body.ChargeProgress, body.SAScheduleTupleID, entries)


def _metering_receipt(body: Any) -> Fields:
    receipt = {"ReceiptSessionID": body.SessionID, "SAScheduleTupleID": body.SAScheduleTupleID}
    return receipt | meter_fields(body.MeterInfo)


def _session_stop(body: Any) -> Fields:
    return {"ChargingSession": body.ChargingSession}


def _status(dialect: Dialect, args: Args) -> Any:
    """AC_EVSEStatus when ``RCD`` is given, else DC_EVSEStatus. Raises ``ValidationError`` when neither is."""
    if args.get("RCD") is None:
        return secc.dc_status(dialect, args)
    return _ac_status(dialect, args["RCD"], args["EVSENotification"], args["NotificationMaxDelay"])


@lru_cache(maxsize=64, typed=True)
def _ac_status(dialect: Dialect, rcd: bool, notification: str, delay_ns: int) -> Any:
    """Messages never change one, so equal ones are shared."""
    return dialect.schema.AC_EVSEStatusType(
        RCD=rcd, NotificationMaxDelay=delay_ns // NS_PER_S, EVSENotification=notification
    )


def _set_up(dialect: Dialect, args: Args) -> Fields:
    return {"EVSEID": args["EVSEID"], "EVSETimeStamp": int(time.time())}


def _services(dialect: Dialect, args: Args) -> Fields:
    m = dialect.schema
    service = m.ChargeServiceType(
        ServiceID=args["ServiceID"],
        ServiceCategory=args["ServiceCategory"],
        FreeService=args["FreeService"],
        SupportedEnergyTransferMode=m.SupportedEnergyTransferModeType(EnergyTransferMode=args["EnergyTransferMode"]),
    )
    return {"PaymentOptionList": m.PaymentOptionListType(PaymentOption=args["PaymentOption"]), "ChargeService": service}


def _limits(dialect: Dialect, args: Args) -> Fields:
    """Of AC when ``EVSENominalVoltage`` is given, else of DC."""
    m = dialect.schema
    tuples = [
        m.SAScheduleTupleType(
            SAScheduleTupleID=tuple_id,
            PMaxSchedule=m.PMaxScheduleType(
                PMaxScheduleEntry=[
                    m.PMaxScheduleEntryType(TimeInterval=when, PMax=physical(dialect.name, power_W, "W"))
                    for when, power_W in entries
                ]
            ),
        )
        for tuple_id, entries in secc.schedule_tuples(args, m.RelativeTimeIntervalType).items()
    ]
    limits = secc.dc_limits if args.get("EVSENominalVoltage") is None else _ac_limits
    return {
        "EVSEProcessing": args["EVSEProcessing"],
        "SASchedules": m.SAScheduleListType(SAScheduleTuple=tuples) if tuples else None,
        "EVSEChargeParameter": limits(dialect, args),
    }


def _ac_limits(dialect: Dialect, args: Args) -> Any:
    given(args, "AC_EVSEChargeParameter", "RCD", "EVSEMaxCurrent")
    return dialect.schema.AC_EVSEChargeParameterType(
        AC_EVSEStatus=_status(dialect, args),
        EVSENominalVoltage=physical(dialect.name, args["EVSENominalVoltage"], "V"),
        EVSEMaxCurrent=physical(dialect.name, round(args["EVSEMaxCurrent"], 1), "A"),
    )


def _power(dialect: Dialect, args: Args) -> Fields:
    """Of PowerDeliveryRes and MeteringReceiptRes."""
    return {"EVSEStatus": _status(dialect, args)}


def _current_demand(dialect: Dialect, args: Args) -> Fields:
    found = secc.current_demand(dialect, args)
    found |= {"EVSEID": args["EVSEID"], "SAScheduleTupleID": args["SAScheduleTupleID"]}
    return found | _metered(dialect, args)


def _charging_status(dialect: Dialect, args: Args) -> Fields:
    given(args, "AC_EVSEStatus", "RCD")
    limit_A = args.get("EVSEMaxCurrent")
    return {
        "EVSEID": args["EVSEID"],
        "SAScheduleTupleID": args["SAScheduleTupleID"],
        "EVSEMaxCurrent": None if limit_A is None else physical(dialect.name, round(limit_A, 1), "A"),
        "AC_EVSEStatus": _status(dialect, args),
        **_metered(dialect, args),
    }


def _metered(dialect: Dialect, args: Args) -> Fields:
    """MeterInfo, when there is a ``MeterID``, and ReceiptRequired."""
    return {"MeterInfo": meter_info(dialect.name, args), "ReceiptRequired": args.get("ReceiptRequired")}


def _refusing(dialect: Dialect, body: Any, known: Args) -> None:
    if known.get("RCD") is None:
        secc.refusing(dialect, body, known)
        return
    secc.refusing_values(dialect, body, known)
    secc.put_status(body, "AC_EVSEStatus", _status(dialect, known))


# ---------------------------------------------------------------- the vehicle


def _parameters(dialect: Dialect, args: Args) -> Fields:
    """Of AC when ``EAmount`` is given, else of DC."""
    limits = (evcc.dc_limits if args.get("EAmount") is None else _ac_needs)(dialect, args)
    departure_ns = args.get("DepartureTime")
    limits.DepartureTime = None if departure_ns is None else departure_ns // NS_PER_S
    return {
        "MaxEntriesSAScheduleTuple": args.get("MaxEntriesSAScheduleTuple"),
        "RequestedEnergyTransferMode": args["RequestedEnergyTransferMode"],
        "EVChargeParameter": limits,
    }


def _ac_needs(dialect: Dialect, args: Args) -> Any:
    given(args, "AC_EVChargeParameter", "EVMaxVoltage", "EVMaxCurrent", "EVMinCurrent")
    return dialect.schema.AC_EVChargeParameterType(
        EAmount=physical(dialect.name, args["EAmount"], "Wh"),
        EVMaxVoltage=physical(dialect.name, args["EVMaxVoltage"], "V"),
        EVMaxCurrent=physical(dialect.name, args["EVMaxCurrent"], "A"),
        EVMinCurrent=physical(dialect.name, args["EVMinCurrent"], "A"),
    )


def _deliver(dialect: Dialect, args: Args) -> Fields:
    return {
        "ChargeProgress": args["ChargeProgress"],
        "SAScheduleTupleID": args["SAScheduleTupleID"],
        "ChargingProfile": _profile(dialect, args),
        "EVPowerDeliveryParameter": evcc.dc_delivery(dialect, args),
    }


def _profile(dialect: Dialect, args: Args) -> Any:
    """One entry per row of the lists: start (ns), power (W), phases (0, or no list: not said); None without rows."""
    starts = args.get("ChargingProfileEntryStart")
    if not starts:
        return None
    given(args, "ChargingProfile", "ChargingProfileEntryMaxPower")
    names = ("ChargingProfileEntryStart", "ChargingProfileEntryMaxPower", "ChargingProfileEntryMaxNumberOfPhasesInUse")
    columns = {name: args.get(name) for name in names}
    columns[names[2]] = columns[names[2]] or [0] * len(starts)
    m = dialect.schema
    entries = [
        m.ProfileEntryType(
            ChargingProfileEntryStart=start_ns // NS_PER_S,
            ChargingProfileEntryMaxPower=physical(dialect.name, power_W, "W"),
            ChargingProfileEntryMaxNumberOfPhasesInUse=phases or None,
        )
        for start_ns, power_W, phases in rows(columns, *names)
    ]
    return m.ChargingProfileType(ProfileEntry=entries)


def _receipt(dialect: Dialect, args: Args) -> Fields:
    return {
        "SessionID": args["SessionID"],
        "SAScheduleTupleID": args.get("SAScheduleTupleID"),
        "MeterInfo": meter_info(dialect.name, args),
    }


def _stop(dialect: Dialect, args: Args) -> Fields:
    return {"ChargingSession": args["ChargingSession"]}


def _set_up_told(body: Any) -> Fields:
    return {"EVSEID": body.EVSEID}


def _services_told(body: Any) -> Fields:
    service = body.ChargeService
    modes = service.SupportedEnergyTransferMode.EnergyTransferMode
    return evcc.services(service, service.ServiceID, body.PaymentOptionList.PaymentOption, modes)


def _limits_told(body: Any) -> Fields:
    found = {"EVSEProcessing": body.EVSEProcessing}
    found |= evcc.schedules(body.SASchedules, lambda power: number(power, "W"))
    limits = body.EVSEChargeParameter
    if not hasattr(limits, "AC_EVSEStatus"):
        return found | evcc.dc_limits_told(limits)
    return (
        found
        | _ac_status_told(limits.AC_EVSEStatus)
        | {
            "EVSENominalVoltage": number(limits.EVSENominalVoltage, "V"),
            "EVSEMaxCurrent": number(limits.EVSEMaxCurrent, "A"),
        }
    )


def _ac_status_told(status: Any) -> Fields:
    return {
        "RCD": status.RCD,
        "EVSENotification": status.EVSENotification,
        "NotificationMaxDelay": nanoseconds(status.NotificationMaxDelay),
    }


def _delivery(body: Any) -> Fields:
    """Of PowerDeliveryRes and MeteringReceiptRes."""
    return _ac_status_told(body.EVSEStatus) if hasattr(body.EVSEStatus, "RCD") else evcc.delivery(body)


def _demanded(body: Any) -> Fields:
    return evcc.demanded(body) | _metered_told(body)


def _charging_status_told(body: Any) -> Fields:
    return {
        "EVSEID": body.EVSEID,
        "SAScheduleTupleID": body.SAScheduleTupleID,
        "EVSEMaxCurrent": optional_number(body.EVSEMaxCurrent, "A"),
        **_ac_status_told(body.AC_EVSEStatus),
        **_metered_told(body),
    }


def _metered_told(body: Any) -> Fields:
    return meter_fields(body.MeterInfo) | {"ReceiptRequired": body.ReceiptRequired}


ISO2 = Dialect(
    name="iso2",
    namespaces=("urn:iso:15118:2:2013:MsgDef",),
    schemas={PayloadType.SAP: "iso2"},
    header=session_header,
    around="V2G_Message",
    reads_requests=secc.reads(_charge_parameters, _power_delivery, _session_stop)
    | {"ChargingStatusReq": secc.nothing, "MeteringReceiptReq": _metering_receipt},
    writes_responses=secc.writes(_set_up, _services, _limits, _power)
    | {"CurrentDemandRes": _current_demand, "ChargingStatusRes": _charging_status, "MeteringReceiptRes": _power},
    writes_requests=evcc.writes(_parameters, _deliver, _stop)
    | {"ChargingStatusReq": evcc.nothing, "MeteringReceiptReq": _receipt},
    reads_responses=evcc.reads(_set_up_told, _services_told, _limits_told)
    | {
        "PowerDeliveryRes": _delivery,
        "CurrentDemandRes": _demanded,
        "ChargingStatusRes": _charging_status_told,
        "MeteringReceiptRes": _delivery,
    },
    refusing=_refusing,
)
