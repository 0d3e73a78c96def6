"""V2G requests to event payloads of the contract ``secc_messages``, and its arguments to responses.

Sources: DIN SPEC 70121 9.4, ISO 15118-2 8.4. Where the two differ in a name, the contract uses ISO 15118-2's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from adapters.v2g import codec
from adapters.v2g.physical import (
    NS_PER_S,
    nanoseconds,
    number,
    optional_number,
    optional_physical,
    physical,
    seconds_ns,
)

Fields = dict[str, Any]
Args = Mapping[str, Any]

# DIN's names of what ISO 15118-2 calls otherwise.
DIN_NAMES = {
    "ContractAuthenticationReq": "AuthorizationReq",
    "ServicePaymentSelectionReq": "PaymentServiceSelectionReq",
}
DIN_RESPONSES = {
    "AuthorizationRes": "ContractAuthenticationRes",
    "PaymentServiceSelectionRes": "ServicePaymentSelectionRes",
}
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
    if not hasattr(limits, "DC_EVStatus"):  # AC parameters, or the abstract head: the chart refuses the mode
        return found | {"EVReady": False, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 0}
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
        found["ChargingProfileMaxPower"] = max(_watts(e.ChargingProfileEntryMaxPower) for e in profile.ProfileEntry)
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
    "SessionStopReq": _session_stop,
}


def handshake(message: Any) -> Fields:
    """The payload of supportedAppProtocolReq."""
    offers = message.AppProtocol
    names = ("ProtocolNamespace", "VersionNumberMajor", "VersionNumberMinor", "SchemaID", "Priority")
    return {name: [getattr(offer, name) for offer in offers] for name in names}


# ---------------------------------------------------------------- responses


def _evse_status(protocol: str, args: Args) -> Any:
    status = args["EVSEIsolationStatus"], args["EVSEStatusCode"], args["EVSENotification"]
    return _status(protocol, *status, args["NotificationMaxDelay"])


@lru_cache(maxsize=1024, typed=True)
def _status(protocol: str, isolation: str | None, code: str, notification: str, delay_ns: int) -> Any:
    """Messages never change one, so equal ones are shared."""
    if protocol == "din" and isolation == "No_IMD":
        isolation = "Invalid"
    return codec.messages(protocol).DC_EVSEStatusType(
        EVSEIsolationStatus=isolation,
        EVSEStatusCode=code,
        NotificationMaxDelay=delay_ns // NS_PER_S,
        EVSENotification=notification,
    )


def _schedules(protocol: str, args: Args) -> Any:
    """One schedule without a tariff; ``PMax`` in W, ``ScheduleDuration`` in ns."""
    m = codec.messages(protocol)
    number, power_W = args["SAScheduleTupleID"], args["PMax"]
    interval = m.RelativeTimeIntervalType(start=0, duration=args["ScheduleDuration"] // NS_PER_S)
    if protocol == "din":
        entry = m.PMaxScheduleEntryType(TimeInterval=interval, PMax=int(power_W))
        schedule = m.PMaxScheduleType(PMaxScheduleID=number, PMaxScheduleEntry=[entry])
    else:
        entry = m.PMaxScheduleEntryType(TimeInterval=interval, PMax=physical(protocol, power_W, "W"))
        schedule = m.PMaxScheduleType(PMaxScheduleEntry=[entry])
    return m.SAScheduleListType(
        SAScheduleTuple=[m.SAScheduleTupleType(SAScheduleTupleID=number, PMaxSchedule=schedule)]
    )


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
    """Fields of ChargeParameterDiscoveryRes (V, A, W, Wh), with one schedule."""
    limits = codec.messages(protocol).DC_EVSEChargeParameterType(
        DC_EVSEStatus=_evse_status(protocol, args),
        EVSEMaximumCurrentLimit=physical(protocol, args["EVSEMaximumCurrentLimit"], "A"),
        EVSEMaximumPowerLimit=physical(protocol, args["EVSEMaximumPowerLimit"], "W"),
        EVSEMaximumVoltageLimit=physical(protocol, args["EVSEMaximumVoltageLimit"], "V"),
        EVSEMinimumCurrentLimit=physical(protocol, args["EVSEMinimumCurrentLimit"], "A"),
        EVSEMinimumVoltageLimit=physical(protocol, args["EVSEMinimumVoltageLimit"], "V"),
        EVSECurrentRegulationTolerance=optional_physical(protocol, args.get("EVSECurrentRegulationTolerance"), "A"),
        EVSEPeakCurrentRipple=physical(protocol, args["EVSEPeakCurrentRipple"], "A"),
        EVSEEnergyToBeDelivered=optional_physical(protocol, args.get("EVSEEnergyToBeDelivered"), "Wh"),
    )
    return {
        "EVSEProcessing": args["EVSEProcessing"],
        "SASchedules": _schedules(protocol, args),
        "EVSEChargeParameter": limits,
    }


def cable_check(protocol: str, args: Args) -> Fields:
    """Fields of CableCheckRes."""
    return {"DC_EVSEStatus": _evse_status(protocol, args), "EVSEProcessing": args["EVSEProcessing"]}


def present_voltage(protocol: str, args: Args) -> Fields:
    """Fields of PreChargeRes and WeldingDetectionRes: the present voltage (V), to 0.1 V."""
    voltage = physical(protocol, round(args["EVSEPresentVoltage"], 1), "V")
    return {"DC_EVSEStatus": _evse_status(protocol, args), "EVSEPresentVoltage": voltage}


def power_delivery(protocol: str, args: Args) -> Fields:
    """Fields of PowerDeliveryRes."""
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
        found |= {"EVSEID": args["EVSEID"], "SAScheduleTupleID": args["SAScheduleTupleID"]}
    return found


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
}


def refusal(protocol: str, body: Any, response_code: str, known: Args) -> Any:
    """``body``, a minimal response, with the code and those of the ``known`` values it has a field for (None: not
    known)."""
    body.ResponseCode = code(protocol, response_code)
    names = {field.name for field in body.FIELDS}
    for name, unit in (("EVSEPresentVoltage", "V"), ("EVSEPresentCurrent", "A")):
        if name in names and known.get(name) is not None:
            setattr(body, name, physical(protocol, round(known[name], 1), unit))
    if known.get("EVSEStatusCode") is not None:
        for name in names & {"DC_EVSEStatus", "EVSEStatus"}:
            setattr(body, name, _evse_status(protocol, known))
    return body


def response(protocol: str, name: str, args: Args) -> Any:
    """The body element of a response of the contract's name. Raises ``ValidationError``."""
    wire_name = DIN_RESPONSES.get(name, name) if protocol == "din" else name
    kind = getattr(codec.messages(protocol), wire_name)
    return kind(ResponseCode=code(protocol, args["ResponseCode"]), **RESPONSES[name](protocol, args))
