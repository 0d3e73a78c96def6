"""V2G requests to event payloads of the contract ``secc_messages``, and its arguments to responses.

Sources: DIN SPEC 70121 9.4, ISO 15118-2 8.4. Where the two differ in a name, the contract uses ISO 15118-2's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from adapters.v2g import codec
from adapters.v2g.fields import Args, Fields, given, meter_fields, meter_info, rows
from adapters.v2g.minimal import minimal
from adapters.v2g.physical import (
    NS_PER_S,
    nanoseconds,
    number,
    optional_number,
    optional_physical,
    physical,
    seconds_ns,
)

# DIN's names of what ISO 15118-2 calls otherwise.
DIN_NAMES = {
    "ContractAuthenticationReq": "AuthorizationReq",
    "ServicePaymentSelectionReq": "PaymentServiceSelectionReq",
}
DIN_RESPONSES = {
    "AuthorizationRes": "ContractAuthenticationRes",
    "PaymentServiceSelectionRes": "ServicePaymentSelectionRes",
}
DIN_LACKS = frozenset(f"{name}{end}" for name in ("ChargingStatus", "MeteringReceipt") for end in ("Req", "Res"))
"""Messages of AC: in DIN SPEC 70121's schema, but not in its clauses."""
# The nearest code DIN has for one it lacks.
DIN_CODES = {
    "FAILED_NoChargeServiceSelected": "FAILED_ServiceSelectionInvalid",
    "FAILED_WrongEnergyTransferMode": "FAILED_WrongEnergyTransferType",
    "FAILED_ContactorError": "FAILED_PowerDeliveryNotApplied",
}


def code(protocol: str, response_code: str) -> str:
    """The protocol's own name of a ResponseCode."""
    return DIN_CODES.get(response_code, response_code) if protocol == "din" else response_code


# ---------------------------------------------------------------- requests


def _ev_status(body: Any) -> Fields:
    status = body.DC_EVStatus
    return {"EVReady": status.EVReady, "EVErrorCode": status.EVErrorCode, "EVRESSSOC": status.EVRESSSOC}


def _session_setup(body: Any) -> Fields:
    return {"EVCCID": body.EVCCID}


def _service_discovery(body: Any) -> Fields:
    return {"ServiceScope": body.ServiceScope, "ServiceCategory": body.ServiceCategory}


def _service_detail(body: Any) -> Fields:
    return {"ServiceID": body.ServiceID}


def _payment_selection(body: Any) -> Fields:
    services = [service.ServiceID for service in body.SelectedServiceList.SelectedService]
    return {"SelectedPaymentOption": body.SelectedPaymentOption, "ServiceID": services}


def _nothing(body: Any) -> Fields:
    return {}


def _charge_parameters(body: Any) -> Fields:
    mode = getattr(body, "RequestedEnergyTransferMode", None) or body.EVRequestedEnergyTransferType
    limits = body.EVChargeParameter
    kind = type(limits).__name__.removesuffix("Type")
    found: Fields = {"RequestedEnergyTransferMode": mode, "EVChargeParameter": kind}
    departure = getattr(limits, "DepartureTime", None)
    found["DepartureTime"] = None if departure is None else nanoseconds(departure)
    found["MaxEntriesSAScheduleTuple"] = getattr(body, "MaxEntriesSAScheduleTuple", None)
    if not hasattr(limits, "DC_EVStatus"):  # AC parameters, or the abstract head
        return found | {"EVReady": False, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 0} | _ac_charge_parameters(limits)
    return (
        found
        | _ev_status(limits)
        | {
            "EVMaximumVoltageLimit": optional_number(limits.EVMaximumVoltageLimit, "V"),
            "EVMaximumCurrentLimit": optional_number(limits.EVMaximumCurrentLimit, "A"),
            "EVMaximumPowerLimit": optional_number(limits.EVMaximumPowerLimit, "W"),
            "EVEnergyCapacity": optional_number(limits.EVEnergyCapacity, "Wh"),
            "EVEnergyRequest": optional_number(limits.EVEnergyRequest, "Wh"),
            "FullSOC": limits.FullSOC,
            "BulkSOC": limits.BulkSOC,
        }
    )


def _ac_charge_parameters(limits: Any) -> Fields:
    """Of AC parameters; nothing of the abstract head."""
    if not hasattr(limits, "EAmount"):
        return {}
    return {
        "EAmount": number(limits.EAmount, "Wh"),
        "EVMaxVoltage": number(limits.EVMaxVoltage, "V"),
        "EVMaxCurrent": number(limits.EVMaxCurrent, "A"),
        "EVMinCurrent": number(limits.EVMinCurrent, "A"),
    }


def _pre_charge(body: Any) -> Fields:
    return _ev_status(body) | {
        "EVTargetVoltage": number(body.EVTargetVoltage, "V"),
        "EVTargetCurrent": number(body.EVTargetCurrent, "A"),
    }


def _power_delivery(body: Any) -> Fields:
    progress = getattr(body, "ChargeProgress", None)
    if progress is None:
        progress = "Start" if body.ReadyToChargeState else "Stop"
    profile = body.ChargingProfile
    tuple_id = getattr(body, "SAScheduleTupleID", None)
    if tuple_id is None and profile is not None:  # DIN's place for it
        tuple_id = profile.SAScheduleTupleID
    found: Fields = {"ChargeProgress": progress, "SAScheduleTupleID": tuple_id}
    if profile is not None:
        entries = profile.ProfileEntry
        powers = [_watts(entry.ChargingProfileEntryMaxPower) for entry in entries]
        phases = [getattr(entry, "ChargingProfileEntryMaxNumberOfPhasesInUse", None) or 0 for entry in entries]
        found |= {
            "ChargingProfileMaxPower": max(powers),
            "ChargingProfileEntryStart": [nanoseconds(entry.ChargingProfileEntryStart) for entry in entries],
            "ChargingProfileEntryMaxPower": powers,
            "ChargingProfileEntryMaxNumberOfPhasesInUse": phases,
        }
    parameter = body.EVPowerDeliveryParameter
    if hasattr(parameter, "DC_EVStatus"):
        found |= _ev_status(parameter)
        found["BulkChargingComplete"] = parameter.BulkChargingComplete
        found["ChargingComplete"] = parameter.ChargingComplete
    return found


def _watts(value: Any) -> float:
    return float(value) if isinstance(value, int) else number(value, "W")  # DIN's is a plain number


def _current_demand(body: Any) -> Fields:
    return _pre_charge(body) | {
        "EVMaximumVoltageLimit": optional_number(body.EVMaximumVoltageLimit, "V"),
        "EVMaximumCurrentLimit": optional_number(body.EVMaximumCurrentLimit, "A"),
        "EVMaximumPowerLimit": optional_number(body.EVMaximumPowerLimit, "W"),
        "BulkChargingComplete": body.BulkChargingComplete,
        "ChargingComplete": body.ChargingComplete,
        "RemainingTimeToFullSoC": seconds_ns(body.RemainingTimeToFullSoC),
        "RemainingTimeToBulkSoC": seconds_ns(body.RemainingTimeToBulkSoC),
    }


def _metering_receipt(body: Any) -> Fields:
    return {
        "ReceiptSessionID": body.SessionID,
        "SAScheduleTupleID": body.SAScheduleTupleID,
        **meter_fields(body.MeterInfo),
    }


def _session_stop(body: Any) -> Fields:
    return {"ChargingSession": getattr(body, "ChargingSession", "Terminate")}


REQUESTS: dict[str, Callable[[Any], Fields]] = {
    "SessionSetupReq": _session_setup,
    "ServiceDiscoveryReq": _service_discovery,
    "ServiceDetailReq": _service_detail,
    "PaymentServiceSelectionReq": _payment_selection,
    "AuthorizationReq": _nothing,
    "ChargeParameterDiscoveryReq": _charge_parameters,
    "CableCheckReq": _ev_status,
    "PreChargeReq": _pre_charge,
    "PowerDeliveryReq": _power_delivery,
    "CurrentDemandReq": _current_demand,
    "WeldingDetectionReq": _ev_status,
    "ChargingStatusReq": _nothing,
    "MeteringReceiptReq": _metering_receipt,
    "SessionStopReq": _session_stop,
}


def handshake(message: Any) -> Fields:
    """The payload of supportedAppProtocolReq."""
    offers = message.AppProtocol
    names = ("ProtocolNamespace", "VersionNumberMajor", "VersionNumberMinor", "SchemaID", "Priority")
    return {name: [getattr(offer, name) for offer in offers] for name in names}


# ---------------------------------------------------------------- responses


def _evse_status(protocol: str, args: Args) -> Any:
    """AC_EVSEStatus when ``RCD`` is given, else DC_EVSEStatus. Raises ``ValidationError`` when neither is."""
    if args.get("RCD") is not None:
        return _ac_status(protocol, args["RCD"], args["EVSENotification"], args["NotificationMaxDelay"])
    given(args, "DC_EVSEStatus", "EVSEStatusCode", "EVSEIsolationStatus", "EVSENotification")
    status = args["EVSEIsolationStatus"], args["EVSEStatusCode"], args["EVSENotification"]
    return _dc_status(protocol, *status, args["NotificationMaxDelay"])


@lru_cache(maxsize=1024, typed=True)
def _dc_status(protocol: str, isolation: str | None, code: str, notification: str, delay_ns: int) -> Any:
    """Messages never change one, so equal ones are shared."""
    if protocol == "din" and isolation == "No_IMD":
        isolation = "Invalid"
    return codec.messages(protocol).DC_EVSEStatusType(
        EVSEIsolationStatus=isolation,
        EVSEStatusCode=code,
        NotificationMaxDelay=delay_ns // NS_PER_S,
        EVSENotification=notification,
    )


@lru_cache(maxsize=64, typed=True)
def _ac_status(protocol: str, rcd: bool, notification: str, delay_ns: int) -> Any:
    """Messages never change one, so equal ones are shared."""
    if protocol == "din":
        raise codec.ValidationError("DIN SPEC 70121 has no AC charging", "RCD")
    return codec.messages(protocol).AC_EVSEStatusType(
        RCD=rcd, NotificationMaxDelay=delay_ns // NS_PER_S, EVSENotification=notification
    )


def _schedules(protocol: str, args: Args) -> Any:
    """Schedules without a tariff, one row of ``SAScheduleTupleID``, ``start`` (ns) and ``PMax`` (W) per entry; None
    without rows. The last entry of each ends ``ScheduleDuration`` (ns) from now. Raises ``ValidationError``."""
    m = codec.messages(protocol)
    tuples: dict[int, list[Any]] = {}
    for tuple_id, start_ns, power_W in rows(args, "SAScheduleTupleID", "start", "PMax"):
        interval = m.RelativeTimeIntervalType(start=start_ns // NS_PER_S)
        power = int(power_W) if protocol == "din" else physical(protocol, power_W, "W")
        tuples.setdefault(tuple_id, []).append(m.PMaxScheduleEntryType(TimeInterval=interval, PMax=power))
    if not tuples:
        return None
    for entries in tuples.values():
        last = entries[-1].TimeInterval
        last.duration = max(0, args["ScheduleDuration"] // NS_PER_S - last.start)
    numbered = protocol == "din"
    made = [
        m.SAScheduleTupleType(
            SAScheduleTupleID=tuple_id,
            PMaxSchedule=m.PMaxScheduleType(
                PMaxScheduleEntry=entries, **{"PMaxScheduleID": tuple_id} if numbered else {}
            ),
        )
        for tuple_id, entries in tuples.items()
    ]
    return m.SAScheduleListType(SAScheduleTuple=made)


def session_setup(protocol: str, args: Args) -> Fields:
    """Fields of SessionSetupRes. DIN's EVSEID is hexBinary: the ASCII bytes, at most 32."""
    evse_id = args["EVSEID"]
    if protocol == "din":
        return {"EVSEID": evse_id.encode("ascii")[:32], "DateTimeNow": int(time.time())}
    return {"EVSEID": evse_id, "EVSETimeStamp": int(time.time())}


def service_discovery(protocol: str, args: Args) -> Fields:
    """Fields of ServiceDiscoveryRes: one charging service."""
    m = codec.messages(protocol)
    if protocol == "din":
        tag = m.ServiceTagType(ServiceID=args["ServiceID"], ServiceCategory=args["ServiceCategory"])
        service = m.ServiceChargeType(
            ServiceTag=tag, FreeService=args["FreeService"], EnergyTransferType=args["EnergyTransferMode"][0]
        )
        return {"PaymentOptions": m.PaymentOptionsType(PaymentOption=args["PaymentOption"]), "ChargeService": service}
    modes = m.SupportedEnergyTransferModeType(EnergyTransferMode=args["EnergyTransferMode"])
    service = m.ChargeServiceType(
        ServiceID=args["ServiceID"],
        ServiceCategory=args["ServiceCategory"],
        FreeService=args["FreeService"],
        SupportedEnergyTransferMode=modes,
    )
    return {"PaymentOptionList": m.PaymentOptionListType(PaymentOption=args["PaymentOption"]), "ChargeService": service}


def processing(protocol: str, args: Args) -> Fields:
    """Fields of AuthorizationRes. DIN knows one kind of ``Ongoing``."""
    value = args["EVSEProcessing"]
    return {"EVSEProcessing": "Ongoing" if protocol == "din" and value.startswith("Ongoing") else value}


def charge_parameters(protocol: str, args: Args) -> Fields:
    """Fields of ChargeParameterDiscoveryRes (V, A, W, Wh): of AC when ``EVSENominalVoltage`` is given, else of DC."""
    limits = _dc_limits if args.get("EVSENominalVoltage") is None else _ac_limits
    return {
        "EVSEProcessing": args["EVSEProcessing"],
        "SASchedules": _schedules(protocol, args),
        "EVSEChargeParameter": limits(protocol, args),
    }


def _ac_limits(protocol: str, args: Args) -> Any:
    given(args, "AC_EVSEChargeParameter", "RCD", "EVSEMaxCurrent")
    return codec.messages(protocol).AC_EVSEChargeParameterType(
        AC_EVSEStatus=_evse_status(protocol, args),
        EVSENominalVoltage=physical(protocol, args["EVSENominalVoltage"], "V"),
        EVSEMaxCurrent=physical(protocol, round(args["EVSEMaxCurrent"], 1), "A"),
    )


def _dc_limits(protocol: str, args: Args) -> Any:
    given(args, "DC_EVSEChargeParameter", "EVSEStatusCode", *_DC_LIMITS)
    return codec.messages(protocol).DC_EVSEChargeParameterType(
        DC_EVSEStatus=_evse_status(protocol, args),
        EVSECurrentRegulationTolerance=optional_physical(protocol, args.get("EVSECurrentRegulationTolerance"), "A"),
        EVSEEnergyToBeDelivered=optional_physical(protocol, args.get("EVSEEnergyToBeDelivered"), "Wh"),
        **{name: physical(protocol, args[name], unit) for name, unit in _DC_LIMITS.items()},
    )


_DC_LIMITS = {
    "EVSEMaximumCurrentLimit": "A",
    "EVSEMaximumPowerLimit": "W",
    "EVSEMaximumVoltageLimit": "V",
    "EVSEMinimumCurrentLimit": "A",
    "EVSEMinimumVoltageLimit": "V",
    "EVSEPeakCurrentRipple": "A",
}


def cable_check(protocol: str, args: Args) -> Fields:
    """Fields of CableCheckRes."""
    return {"DC_EVSEStatus": _evse_status(protocol, args), "EVSEProcessing": args["EVSEProcessing"]}


def present_voltage(protocol: str, args: Args) -> Fields:
    """Fields of PreChargeRes and WeldingDetectionRes: the present voltage (V), to 0.1 V."""
    voltage = physical(protocol, round(args["EVSEPresentVoltage"], 1), "V")
    return {"DC_EVSEStatus": _evse_status(protocol, args), "EVSEPresentVoltage": voltage}


def power_delivery(protocol: str, args: Args) -> Fields:
    """Fields of PowerDeliveryRes and MeteringReceiptRes: the status, of AC or DC."""
    return {"EVSEStatus": _evse_status(protocol, args)}


def current_demand(protocol: str, args: Args) -> Fields:
    """Fields of CurrentDemandRes (V, A, W); DIN has no EVSEID and no tuple id there."""
    found = present_voltage(protocol, args) | {
        "EVSEPresentCurrent": physical(protocol, round(args["EVSEPresentCurrent"], 1), "A"),
        "EVSECurrentLimitAchieved": args["EVSECurrentLimitAchieved"],
        "EVSEVoltageLimitAchieved": args["EVSEVoltageLimitAchieved"],
        "EVSEPowerLimitAchieved": args["EVSEPowerLimitAchieved"],
        "EVSEMaximumVoltageLimit": physical(protocol, args["EVSEMaximumVoltageLimit"], "V"),
        "EVSEMaximumCurrentLimit": physical(protocol, args["EVSEMaximumCurrentLimit"], "A"),
        "EVSEMaximumPowerLimit": physical(protocol, args["EVSEMaximumPowerLimit"], "W"),
    }
    if protocol != "din":
        found |= {"EVSEID": args["EVSEID"], "SAScheduleTupleID": args["SAScheduleTupleID"]} | _metered(protocol, args)
    return found


def charging_status(protocol: str, args: Args) -> Fields:
    """Fields of ChargingStatusRes (A, to 0.1 A)."""
    limit = args.get("EVSEMaxCurrent")
    return {
        "EVSEID": args["EVSEID"],
        "SAScheduleTupleID": args["SAScheduleTupleID"],
        "EVSEMaxCurrent": None if limit is None else physical(protocol, round(limit, 1), "A"),
        "AC_EVSEStatus": _evse_status(protocol, args),
        **_metered(protocol, args),
    }


def _metered(protocol: str, args: Args) -> Fields:
    """MeterInfo, when there is a ``MeterID``, and ReceiptRequired."""
    return {"MeterInfo": meter_info(protocol, args), "ReceiptRequired": args.get("ReceiptRequired")}


def service_detail(protocol: str, args: Args) -> Fields:
    """Fields of ServiceDetailRes."""
    return {"ServiceID": args["ServiceID"]}


def only_the_code(protocol: str, args: Args) -> Fields:
    """No fields besides the ResponseCode."""
    return {}


RESPONSES: dict[str, Callable[[str, Args], Fields]] = {
    "SessionSetupRes": session_setup,
    "ServiceDiscoveryRes": service_discovery,
    "ServiceDetailRes": service_detail,
    "PaymentServiceSelectionRes": only_the_code,
    "AuthorizationRes": processing,
    "ChargeParameterDiscoveryRes": charge_parameters,
    "CableCheckRes": cable_check,
    "PreChargeRes": present_voltage,
    "PowerDeliveryRes": power_delivery,
    "CurrentDemandRes": current_demand,
    "WeldingDetectionRes": present_voltage,
    "SessionStopRes": only_the_code,
    "ChargingStatusRes": charging_status,
    "MeteringReceiptRes": power_delivery,
}


def refusal(protocol: str, kind: type[codec.Message], response_code: str, known: Args) -> Any:
    """The least response of a kind, with the code and those of the ``known`` values it has a field for (None: not
    known). It is one of AC when ``RCD`` is known, else of DC."""
    is_ac = known.get("RCD") is not None
    body: Any = minimal(kind, "AC_" if is_ac else "DC_")
    body.ResponseCode = code(protocol, response_code)
    names = {field.name for field in body.FIELDS}
    for name, unit in (("EVSEPresentVoltage", "V"), ("EVSEPresentCurrent", "A")):
        if name in names and known.get(name) is not None:
            setattr(body, name, physical(protocol, round(known[name], 1), unit))
    if is_ac or known.get("EVSEStatusCode") is not None:
        for part in (body, getattr(body, "EVSEChargeParameter", None)):
            for name in {"AC_EVSEStatus" if is_ac else "DC_EVSEStatus", "EVSEStatus"}:
                if hasattr(part, name):
                    setattr(part, name, _evse_status(protocol, known))
    return body


def response(protocol: str, name: str, args: Args) -> Any:
    """The body element of a response of the contract's name. Raises ``ValidationError``."""
    wire_name = DIN_RESPONSES.get(name, name) if protocol == "din" else name
    kind = getattr(codec.messages(protocol), wire_name)
    return kind(ResponseCode=code(protocol, args["ResponseCode"]), **RESPONSES[name](protocol, args))
