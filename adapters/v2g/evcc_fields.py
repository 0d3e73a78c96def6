"""Arguments of the contract ``evcc_messages`` to V2G requests, and responses to its event payloads.

Sources: DIN SPEC 70121 9.4, ISO 15118-2 8.4. Where the two differ in a name, the contract uses ISO 15118-2's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from adapters.v2g import codec
from adapters.v2g.exi.messages import Message, PhysicalValue
from adapters.v2g.physical import NS_PER_S, number, optional_number, optional_physical, physical
from adapters.v2g.secc_fields import DIN_NAMES, DIN_RESPONSES

Fields = dict[str, Any]
Args = Mapping[str, Any]

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
    limits = codec.messages(protocol).DC_EVChargeParameterType(
        DC_EVStatus=_ev_status(protocol, args),
        EVMaximumCurrentLimit=physical(protocol, args["EVMaximumCurrentLimit"], "A"),
        EVMaximumPowerLimit=optional_physical(protocol, args.get("EVMaximumPowerLimit"), "W"),
        EVMaximumVoltageLimit=physical(protocol, args["EVMaximumVoltageLimit"], "V"),
        EVEnergyCapacity=optional_physical(protocol, args.get("EVEnergyCapacity"), "Wh"),
        EVEnergyRequest=optional_physical(protocol, args.get("EVEnergyRequest"), "Wh"),
        FullSOC=args.get("FullSOC"),
        BulkSOC=args.get("BulkSOC"),
    )
    mode = "EVRequestedEnergyTransferType" if protocol == "din" else "RequestedEnergyTransferMode"
    return {mode: args["RequestedEnergyTransferMode"], "EVChargeParameter": limits}


def _pre_charge(protocol: str, args: Args) -> Fields:
    return _with_status(protocol, args) | {
        "EVTargetVoltage": physical(protocol, round(args["EVTargetVoltage"], 1), "V"),
        "EVTargetCurrent": physical(protocol, round(args["EVTargetCurrent"], 1), "A"),
    }


def _power_delivery(protocol: str, args: Args) -> Fields:
    m = codec.messages(protocol)
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
        "EVPowerDeliveryParameter": parameter,
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


def _evse_status(body: Any) -> Fields:
    status = body.DC_EVSEStatus
    return {
        "EVSEStatusCode": status.EVSEStatusCode,
        "EVSEIsolationStatus": status.EVSEIsolationStatus,
        "EVSENotification": status.EVSENotification,
    }


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
    schedules = getattr(body.SASchedules, "SAScheduleTuple", None) or []
    found: Fields = {
        "EVSEProcessing": body.EVSEProcessing,
        "SAScheduleTupleID": [schedule.SAScheduleTupleID for schedule in schedules],
    }
    limits = body.EVSEChargeParameter
    if not hasattr(limits, "DC_EVSEStatus"):
        return found
    return (
        found
        | _evse_status(limits)
        | {
            "EVSEMaximumVoltageLimit": optional_number(limits.EVSEMaximumVoltageLimit, "V"),
            "EVSEMaximumCurrentLimit": optional_number(limits.EVSEMaximumCurrentLimit, "A"),
            "EVSEMaximumPowerLimit": optional_number(limits.EVSEMaximumPowerLimit, "W"),
            "EVSEMinimumVoltageLimit": optional_number(limits.EVSEMinimumVoltageLimit, "V"),
            "EVSEMinimumCurrentLimit": optional_number(limits.EVSEMinimumCurrentLimit, "A"),
            "EVSEPeakCurrentRipple": optional_number(limits.EVSEPeakCurrentRipple, "A"),
        }
    )


def _cable_check(body: Any) -> Fields:
    return _evse_status(body) | {"EVSEProcessing": body.EVSEProcessing}


def _present_voltage(body: Any) -> Fields:
    return _evse_status(body) | {"EVSEPresentVoltage": number(body.EVSEPresentVoltage, "V")}


def _delivery(body: Any) -> Fields:
    status = body.EVSEStatus
    return {
        "EVSEStatusCode": getattr(status, "EVSEStatusCode", None),
        "EVSEIsolationStatus": getattr(status, "EVSEIsolationStatus", None),
        "EVSENotification": getattr(status, "EVSENotification", None),
    }


def _demanded(body: Any) -> Fields:
    return _present_voltage(body) | {
        "EVSEPresentCurrent": number(body.EVSEPresentCurrent, "A"),
        "EVSECurrentLimitAchieved": body.EVSECurrentLimitAchieved,
        "EVSEVoltageLimitAchieved": body.EVSEVoltageLimitAchieved,
        "EVSEPowerLimitAchieved": body.EVSEPowerLimitAchieved,
        "EVSEMaximumVoltageLimit": optional_number(body.EVSEMaximumVoltageLimit, "V"),
        "EVSEMaximumCurrentLimit": optional_number(body.EVSEMaximumCurrentLimit, "A"),
        "EVSEMaximumPowerLimit": optional_number(body.EVSEMaximumPowerLimit, "W"),
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
}
