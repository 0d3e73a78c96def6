"""Arguments of the contract ``evcc_messages`` to V2G requests, and responses to its event payloads.

Sources: DIN SPEC 70121 9.4, ISO 15118-2 8.4. Where the two differ in a name, the contract uses ISO 15118-2's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from adapters.v2g import codec
from adapters.v2g.exi.messages import Message, PhysicalValue
from adapters.v2g.fields import Args, Fields, given, meter_fields, meter_info, rows
from adapters.v2g.physical import NS_PER_S, nanoseconds, number, optional_number, optional_physical, physical
from adapters.v2g.secc_fields import DIN_NAMES, DIN_RESPONSES

_TO_DIN = {contract: din for din, contract in DIN_NAMES.items()}
_FROM_DIN = {din: contract for contract, din in DIN_RESPONSES.items()}


def contract_name(protocol: str, name: str) -> str:
    """The contract's name of a response."""
    return _FROM_DIN.get(name, name) if protocol == "din" else name


# ---------------------------------------------------------------- requests


def _ev_status(protocol: str, args: Args) -> Any:
    return _status(protocol, args["EVReady"], args["EVErrorCode"], args["EVRESSSOC"])


@lru_cache(maxsize=1024, typed=True)
def _status(protocol: str, ready: bool, error: str, soc: int) -> Any:
    """Messages never change one, so equal ones are shared."""
    return codec.messages(protocol).DC_EVStatusType(EVReady=ready, EVErrorCode=error, EVRESSSOC=soc)


def _with_status(protocol: str, args: Args) -> Fields:
    return {"DC_EVStatus": _ev_status(protocol, args)}


def _session_setup(protocol: str, args: Args) -> Fields:
    return {"EVCCID": args["EVCCID"]}


def _service_discovery(protocol: str, args: Args) -> Fields:
    return {"ServiceCategory": args.get("ServiceCategory")}


def _payment_selection(protocol: str, args: Args) -> Fields:
    m = codec.messages(protocol)
    service = m.SelectedServiceType(ServiceID=args["ServiceID"])
    return {
        "SelectedPaymentOption": args["SelectedPaymentOption"],
        "SelectedServiceList": m.SelectedServiceListType(SelectedService=[service]),
    }


def _nothing(protocol: str, args: Args) -> Fields:
    return {}


def _charge_parameters(protocol: str, args: Args) -> Fields:
    limits = _dc_limits if args.get("EAmount") is None else _ac_limits
    mode = "EVRequestedEnergyTransferType" if protocol == "din" else "RequestedEnergyTransferMode"
    found = {mode: args["RequestedEnergyTransferMode"], "EVChargeParameter": limits(protocol, args)}
    if protocol != "din":
        found["MaxEntriesSAScheduleTuple"] = args.get("MaxEntriesSAScheduleTuple")
    return found


def _ac_limits(protocol: str, args: Args) -> Any:
    given(args, "AC_EVChargeParameter", "EVMaxVoltage", "EVMaxCurrent", "EVMinCurrent")
    return codec.messages(protocol).AC_EVChargeParameterType(
        DepartureTime=_whole_seconds(args.get("DepartureTime")),
        EAmount=physical(protocol, args["EAmount"], "Wh"),
        EVMaxVoltage=physical(protocol, args["EVMaxVoltage"], "V"),
        EVMaxCurrent=physical(protocol, args["EVMaxCurrent"], "A"),
        EVMinCurrent=physical(protocol, args["EVMinCurrent"], "A"),
    )


def _dc_limits(protocol: str, args: Args) -> Any:
    given(args, "DC_EVChargeParameter", "EVReady", "EVErrorCode", "EVRESSSOC")
    given(args, "DC_EVChargeParameter", "EVMaximumVoltageLimit", "EVMaximumCurrentLimit")
    found = codec.messages(protocol).DC_EVChargeParameterType(
        DC_EVStatus=_ev_status(protocol, args),
        EVMaximumCurrentLimit=physical(protocol, args["EVMaximumCurrentLimit"], "A"),
        EVMaximumPowerLimit=optional_physical(protocol, args.get("EVMaximumPowerLimit"), "W"),
        EVMaximumVoltageLimit=physical(protocol, args["EVMaximumVoltageLimit"], "V"),
        EVEnergyCapacity=optional_physical(protocol, args.get("EVEnergyCapacity"), "Wh"),
        EVEnergyRequest=optional_physical(protocol, args.get("EVEnergyRequest"), "Wh"),
        FullSOC=args.get("FullSOC"),
        BulkSOC=args.get("BulkSOC"),
    )
    if protocol != "din":
        found.DepartureTime = _whole_seconds(args.get("DepartureTime"))
    return found


def _whole_seconds(duration_ns: int | None) -> int | None:
    return None if duration_ns is None else duration_ns // NS_PER_S


def _pre_charge(protocol: str, args: Args) -> Fields:
    return _with_status(protocol, args) | {
        "EVTargetVoltage": physical(protocol, round(args["EVTargetVoltage"], 1), "V"),
        "EVTargetCurrent": physical(protocol, round(args["EVTargetCurrent"], 1), "A"),
    }


def _power_delivery(protocol: str, args: Args) -> Fields:
    m = codec.messages(protocol)
    parameter = None
    if args.get("EVErrorCode") is not None:  # of DC
        given(args, "DC_EVPowerDeliveryParameter", "EVReady", "EVRESSSOC", "ChargingComplete")
        parameter = m.DC_EVPowerDeliveryParameterType(
            DC_EVStatus=_ev_status(protocol, args),
            BulkChargingComplete=args.get("BulkChargingComplete"),
            ChargingComplete=args["ChargingComplete"],
        )
    if protocol == "din":
        return {"ReadyToChargeState": args["ChargeProgress"] != "Stop", "EVPowerDeliveryParameter": parameter}
    return {
        "ChargeProgress": args["ChargeProgress"],
        "SAScheduleTupleID": args["SAScheduleTupleID"],
        "ChargingProfile": _profile(protocol, args),
        "EVPowerDeliveryParameter": parameter,
    }


def _profile(protocol: str, args: Args) -> Any:
    """One entry per row of the lists: start (ns), power (W), phases (0, or no list: not said); None without rows."""
    starts = args.get("ChargingProfileEntryStart")
    if not starts:
        return None
    given(args, "ChargingProfile", "ChargingProfileEntryMaxPower")
    names = ("ChargingProfileEntryStart", "ChargingProfileEntryMaxPower", "ChargingProfileEntryMaxNumberOfPhasesInUse")
    filled = {names[2]: [0] * len(starts), **{key: value for key, value in args.items() if value is not None}}
    m = codec.messages(protocol)
    entries = [
        m.ProfileEntryType(
            ChargingProfileEntryStart=start_ns // NS_PER_S,
            ChargingProfileEntryMaxPower=physical(protocol, power_W, "W"),
            ChargingProfileEntryMaxNumberOfPhasesInUse=phases or None,
        )
        for start_ns, power_W, phases in rows(filled, *names)
    ]
    return m.ChargingProfileType(ProfileEntry=entries)


def _metering_receipt(protocol: str, args: Args) -> Fields:
    return {
        "SessionID": args["SessionID"],
        "SAScheduleTupleID": args.get("SAScheduleTupleID"),
        "MeterInfo": meter_info(protocol, args),
    }


def _current_demand(protocol: str, args: Args) -> Fields:
    return _pre_charge(protocol, args) | {
        "EVMaximumVoltageLimit": optional_physical(protocol, args.get("EVMaximumVoltageLimit"), "V"),
        "EVMaximumCurrentLimit": optional_physical(protocol, args.get("EVMaximumCurrentLimit"), "A"),
        "EVMaximumPowerLimit": optional_physical(protocol, args.get("EVMaximumPowerLimit"), "W"),
        "BulkChargingComplete": args.get("BulkChargingComplete"),
        "ChargingComplete": args["ChargingComplete"],
        "RemainingTimeToFullSoC": _seconds(protocol, args.get("RemainingTimeToFullSoC")),
        "RemainingTimeToBulkSoC": _seconds(protocol, args.get("RemainingTimeToBulkSoC")),
    }


def _seconds(protocol: str, duration_ns: int | None) -> Any:
    return None if duration_ns is None else physical(protocol, duration_ns / NS_PER_S, "s")


def _session_stop(protocol: str, args: Args) -> Fields:
    return {} if protocol == "din" else {"ChargingSession": args["ChargingSession"]}


REQUESTS: dict[str, Callable[[str, Args], Fields]] = {
    "SessionSetupReq": _session_setup,
    "ServiceDiscoveryReq": _service_discovery,
    "PaymentServiceSelectionReq": _payment_selection,
    "AuthorizationReq": _nothing,
    "ChargeParameterDiscoveryReq": _charge_parameters,
    "CableCheckReq": _with_status,
    "PreChargeReq": _pre_charge,
    "PowerDeliveryReq": _power_delivery,
    "CurrentDemandReq": _current_demand,
    "WeldingDetectionReq": _with_status,
    "SessionStopReq": _session_stop,
    "ChargingStatusReq": _nothing,
    "MeteringReceiptReq": _metering_receipt,
}


def request(protocol: str, name: str, args: Args, *, units: bool = True) -> Any:
    """The body element of a request of the contract's name; without ``units``, DIN's optional units are left out.

    Raises ``ValidationError``.
    """
    wire_name = _TO_DIN.get(name, name) if protocol == "din" else name
    body = getattr(codec.messages(protocol), wire_name)(**REQUESTS[name](protocol, args))
    if protocol == "din" and not units:
        _without_units(body)
    return body


def _without_units(message: Any) -> None:
    """Every physical value in ``message`` in place of itself, without its unit."""
    for field in message.FIELDS:
        value = getattr(message, field.name)
        if isinstance(value, PhysicalValue):
            bare = type(value)(Multiplier=value.Multiplier, Value=value.Value)  # type: ignore[call-arg]
            setattr(message, field.name, bare)
        elif isinstance(value, Message):
            _without_units(value)


# ---------------------------------------------------------------- responses


def _dc_status(status: Any) -> Fields:
    return {
        "EVSEStatusCode": status.EVSEStatusCode,
        "EVSEIsolationStatus": status.EVSEIsolationStatus,
        "EVSENotification": status.EVSENotification,
        "NotificationMaxDelay": nanoseconds(status.NotificationMaxDelay),
    }


def _ac_status(status: Any) -> Fields:
    return {
        "RCD": status.RCD,
        "EVSENotification": status.EVSENotification,
        "NotificationMaxDelay": nanoseconds(status.NotificationMaxDelay),
    }


def _either_status(status: Any) -> Fields:
    """Of the abstract head nothing is known."""
    if hasattr(status, "EVSEStatusCode"):
        return _dc_status(status)
    return _ac_status(status) if hasattr(status, "RCD") else {}


def _set_up(body: Any) -> Fields:
    evse_id = body.EVSEID
    return {"EVSEID": evse_id.hex() if isinstance(evse_id, bytes) else evse_id}


def _services(body: Any) -> Fields:
    service = body.ChargeService
    options = getattr(body, "PaymentOptionList", None) or body.PaymentOptions
    modes = getattr(service, "SupportedEnergyTransferMode", None)
    tag = getattr(service, "ServiceTag", service)
    return {
        "ServiceID": tag.ServiceID,
        "FreeService": service.FreeService,
        "PaymentOption": list(options.PaymentOption),
        "EnergyTransferMode": list(modes.EnergyTransferMode) if modes else [service.EnergyTransferType],
    }


def _no_fields(body: Any) -> Fields:
    return {}


def _processing(body: Any) -> Fields:
    return {"EVSEProcessing": body.EVSEProcessing}


def _limits(body: Any) -> Fields:
    found: Fields = {"EVSEProcessing": body.EVSEProcessing} | _schedules(body.SASchedules)
    limits = body.EVSEChargeParameter
    if hasattr(limits, "AC_EVSEStatus"):
        return found | _ac_status(limits.AC_EVSEStatus) | _ac_limits_told(limits)
    if not hasattr(limits, "DC_EVSEStatus"):
        return found
    return (
        found
        | _dc_status(limits.DC_EVSEStatus)
        | {
            "EVSEMaximumVoltageLimit": optional_number(limits.EVSEMaximumVoltageLimit, "V"),
            "EVSEMaximumCurrentLimit": optional_number(limits.EVSEMaximumCurrentLimit, "A"),
            "EVSEMaximumPowerLimit": optional_number(limits.EVSEMaximumPowerLimit, "W"),
            "EVSEMinimumVoltageLimit": optional_number(limits.EVSEMinimumVoltageLimit, "V"),
            "EVSEMinimumCurrentLimit": optional_number(limits.EVSEMinimumCurrentLimit, "A"),
            "EVSEPeakCurrentRipple": optional_number(limits.EVSEPeakCurrentRipple, "A"),
        }
    )


def _ac_limits_told(limits: Any) -> Fields:
    """ISO 15118-2's; DIN SPEC 70121 has no AC, whatever its schema says."""
    if not hasattr(limits, "EVSENominalVoltage"):
        return {}
    return {
        "EVSENominalVoltage": number(limits.EVSENominalVoltage, "V"),
        "EVSEMaxCurrent": number(limits.EVSEMaxCurrent, "A"),
    }


def _schedules(schedules: Any) -> Fields:
    """A row per entry of every tuple, in their order; without a schedule there is none."""
    found: Fields = {"SAScheduleTupleID": [], "start": [], "duration": [], "PMax": []}
    for each in getattr(schedules, "SAScheduleTuple", None) or []:
        for entry in each.PMaxSchedule.PMaxScheduleEntry:
            interval = entry.TimeInterval
            power = entry.PMax
            found["SAScheduleTupleID"].append(each.SAScheduleTupleID)
            found["start"].append(nanoseconds(getattr(interval, "start", 0)))
            found["duration"].append(nanoseconds(getattr(interval, "duration", None) or 0))
            found["PMax"].append(float(power) if isinstance(power, int) else number(power, "W"))
    return found


def _cable_check(body: Any) -> Fields:
    return _dc_status(body.DC_EVSEStatus) | {"EVSEProcessing": body.EVSEProcessing}


def _present_voltage(body: Any) -> Fields:
    return _dc_status(body.DC_EVSEStatus) | {"EVSEPresentVoltage": number(body.EVSEPresentVoltage, "V")}


def _delivery(body: Any) -> Fields:
    return _either_status(body.EVSEStatus)


def _charging_status(body: Any) -> Fields:
    return (
        _ac_status(body.AC_EVSEStatus)
        | {
            "EVSEID": body.EVSEID,
            "SAScheduleTupleID": body.SAScheduleTupleID,
            "EVSEMaxCurrent": optional_number(body.EVSEMaxCurrent, "A"),
        }
        | _metered(body)
    )


def _metered(body: Any) -> Fields:
    """DIN's CurrentDemandRes has neither."""
    return meter_fields(getattr(body, "MeterInfo", None)) | {"ReceiptRequired": getattr(body, "ReceiptRequired", None)}


def _demanded(body: Any) -> Fields:
    return _present_voltage(body) | {
        "EVSEPresentCurrent": number(body.EVSEPresentCurrent, "A"),
        "EVSECurrentLimitAchieved": body.EVSECurrentLimitAchieved,
        "EVSEVoltageLimitAchieved": body.EVSEVoltageLimitAchieved,
        "EVSEPowerLimitAchieved": body.EVSEPowerLimitAchieved,
        "EVSEMaximumVoltageLimit": optional_number(body.EVSEMaximumVoltageLimit, "V"),
        "EVSEMaximumCurrentLimit": optional_number(body.EVSEMaximumCurrentLimit, "A"),
        "EVSEMaximumPowerLimit": optional_number(body.EVSEMaximumPowerLimit, "W"),
        **_metered(body),
    }


RESPONSES: dict[str, Callable[[Any], Fields]] = {
    "SessionSetupRes": _set_up,
    "ServiceDiscoveryRes": _services,
    "PaymentServiceSelectionRes": _no_fields,
    "AuthorizationRes": _processing,
    "ChargeParameterDiscoveryRes": _limits,
    "CableCheckRes": _cable_check,
    "PreChargeRes": _present_voltage,
    "PowerDeliveryRes": _delivery,
    "CurrentDemandRes": _demanded,
    "WeldingDetectionRes": _present_voltage,
    "SessionStopRes": _no_fields,
    "ChargingStatusRes": _charging_status,
    "MeteringReceiptRes": _delivery,
}
