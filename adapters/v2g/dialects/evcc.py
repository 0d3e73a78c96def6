"""The vehicle's side of what DIN SPEC 70121 and ISO 15118-2 have in common: arguments of ``v2g_evcc`` to the
fields of requests, bodies of responses to its events. Where the two differ, din.py and iso2.py say how.

Sources: DIN SPEC 70121 9.4, ISO 15118-2 8.4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from adapters.v2g.dialects.parts import Args, Fields, given
from adapters.v2g.dialects.physical import NS_PER_S, nanoseconds, number, optional_number, optional_physical, physical
from adapters.v2g.dialects.table import Dialect, Reader, Writer
from adapters.v2g.exi.messages import Message, PhysicalValue

# ---------------------------------------------------------------- requests


def ev_status(dialect: Dialect, args: Args) -> Any:
    """DC_EVStatus."""
    return _status(dialect, args["EVReady"], args["EVErrorCode"], args["EVRESSSOC"])


@lru_cache(maxsize=1024, typed=True)
def _status(dialect: Dialect, ready: bool, error: str, soc: int) -> Any:
    """Messages never change one, so equal ones are shared."""
    return dialect.schema.DC_EVStatusType(EVReady=ready, EVErrorCode=error, EVRESSSOC=soc)


def _with_status(dialect: Dialect, args: Args) -> Fields:
    return {"DC_EVStatus": ev_status(dialect, args)}


def _session_setup(dialect: Dialect, args: Args) -> Fields:
    return {"EVCCID": args["EVCCID"]}


def _service_discovery(dialect: Dialect, args: Args) -> Fields:
    return {"ServiceCategory": args.get("ServiceCategory")}


def _payment_selection(dialect: Dialect, args: Args) -> Fields:
    m = dialect.schema
    service = m.SelectedServiceType(ServiceID=args["ServiceID"])
    return {
        "SelectedPaymentOption": args["SelectedPaymentOption"],
        "SelectedServiceList": m.SelectedServiceListType(SelectedService=[service]),
    }


def nothing(dialect: Dialect, args: Args) -> Fields:
    """No fields."""
    return {}


def dc_limits(dialect: Dialect, args: Args) -> Any:
    """DC_EVChargeParameter (V, A, W, Wh, %). Raises ``ValidationError`` when something of it is not given."""
    given(args, "DC_EVChargeParameter", "EVReady", "EVErrorCode", "EVRESSSOC")
    given(args, "DC_EVChargeParameter", "EVMaximumVoltageLimit", "EVMaximumCurrentLimit")
    name = dialect.name
    return dialect.schema.DC_EVChargeParameterType(
        DC_EVStatus=ev_status(dialect, args),
        EVMaximumCurrentLimit=physical(name, args["EVMaximumCurrentLimit"], "A"),
        EVMaximumPowerLimit=optional_physical(name, args.get("EVMaximumPowerLimit"), "W"),
        EVMaximumVoltageLimit=physical(name, args["EVMaximumVoltageLimit"], "V"),
        EVEnergyCapacity=optional_physical(name, args.get("EVEnergyCapacity"), "Wh"),
        EVEnergyRequest=optional_physical(name, args.get("EVEnergyRequest"), "Wh"),
        FullSOC=args.get("FullSOC"),
        BulkSOC=args.get("BulkSOC"),
    )


def _pre_charge(dialect: Dialect, args: Args) -> Fields:
    return _with_status(dialect, args) | {
        "EVTargetVoltage": physical(dialect.name, round(args["EVTargetVoltage"], 1), "V"),
        "EVTargetCurrent": physical(dialect.name, round(args["EVTargetCurrent"], 1), "A"),
    }


def dc_delivery(dialect: Dialect, args: Args) -> Any:
    """DC_EVPowerDeliveryParameter; None when there is no ``EVErrorCode``: AC has none."""
    if args.get("EVErrorCode") is None:
        return None
    given(args, "DC_EVPowerDeliveryParameter", "EVReady", "EVRESSSOC", "ChargingComplete")
    return dialect.schema.DC_EVPowerDeliveryParameterType(
        DC_EVStatus=ev_status(dialect, args),
        BulkChargingComplete=args.get("BulkChargingComplete"),
        ChargingComplete=args["ChargingComplete"],
    )


def _current_demand(dialect: Dialect, args: Args) -> Fields:
    return _pre_charge(dialect, args) | {
        "EVMaximumVoltageLimit": optional_physical(dialect.name, args.get("EVMaximumVoltageLimit"), "V"),
        "EVMaximumCurrentLimit": optional_physical(dialect.name, args.get("EVMaximumCurrentLimit"), "A"),
        "EVMaximumPowerLimit": optional_physical(dialect.name, args.get("EVMaximumPowerLimit"), "W"),
        "BulkChargingComplete": args.get("BulkChargingComplete"),
        "ChargingComplete": args["ChargingComplete"],
        "RemainingTimeToFullSoC": _seconds(dialect, args.get("RemainingTimeToFullSoC")),
        "RemainingTimeToBulkSoC": _seconds(dialect, args.get("RemainingTimeToBulkSoC")),
    }


def _seconds(dialect: Dialect, duration_ns: int | None) -> Any:
    return None if duration_ns is None else physical(dialect.name, duration_ns / NS_PER_S, "s")


def writes(parameters: Writer, deliver: Writer, stop: Writer) -> dict[str, Writer]:
    """How its requests are written, with what each dialect writes in its own way."""
    return {
        "SessionSetupReq": _session_setup,
        "ServiceDiscoveryReq": _service_discovery,
        "PaymentServiceSelectionReq": _payment_selection,
        "AuthorizationReq": nothing,
        "CableCheckReq": _with_status,
        "PreChargeReq": _pre_charge,
        "CurrentDemandReq": _current_demand,
        "WeldingDetectionReq": _with_status,
        "ChargeParameterDiscoveryReq": parameters,
        "PowerDeliveryReq": deliver,
        "SessionStopReq": stop,
    }


def without_units(message: Any) -> None:
    """Put every physical value in ``message`` without its unit in its place."""
    for field in message.FIELDS:
        value = getattr(message, field.name)
        if isinstance(value, PhysicalValue):
            bare = type(value)(Multiplier=value.Multiplier, Value=value.Value)  # type: ignore[call-arg]
            setattr(message, field.name, bare)
        elif isinstance(value, Message):
            without_units(value)


# ---------------------------------------------------------------- responses


def dc_status(status: Any) -> Fields:
    """The fields of DC_EVSEStatus."""
    return {
        "EVSEStatusCode": status.EVSEStatusCode,
        "EVSEIsolationStatus": status.EVSEIsolationStatus,
        "EVSENotification": status.EVSENotification,
        "NotificationMaxDelay": nanoseconds(status.NotificationMaxDelay),
    }


def services(service: Any, service_id: int, payment_options: list[str], modes: list[str]) -> Fields:
    """Of ServiceDiscoveryRes."""
    return {
        "ServiceID": service_id,
        "FreeService": service.FreeService,
        "PaymentOption": list(payment_options),
        "EnergyTransferMode": list(modes),
    }


def _no_fields(body: Any) -> Fields:
    return {}


def _processing(body: Any) -> Fields:
    return {"EVSEProcessing": body.EVSEProcessing}


def dc_limits_told(limits: Any) -> Fields:
    """The fields of DC_EVSEChargeParameter; none of anything else."""
    if not hasattr(limits, "DC_EVSEStatus"):
        return {}
    return dc_status(limits.DC_EVSEStatus) | {
        "EVSEMaximumVoltageLimit": optional_number(limits.EVSEMaximumVoltageLimit, "V"),
        "EVSEMaximumCurrentLimit": optional_number(limits.EVSEMaximumCurrentLimit, "A"),
        "EVSEMaximumPowerLimit": optional_number(limits.EVSEMaximumPowerLimit, "W"),
        "EVSEMinimumVoltageLimit": optional_number(limits.EVSEMinimumVoltageLimit, "V"),
        "EVSEMinimumCurrentLimit": optional_number(limits.EVSEMinimumCurrentLimit, "A"),
        "EVSEPeakCurrentRipple": optional_number(limits.EVSEPeakCurrentRipple, "A"),
    }


def schedules(found: Any, watts: Any) -> Fields:
    """A row per entry of every tuple, in their order; without a schedule there is none. ``watts``: of a PMax."""
    columns: Fields = {"SAScheduleTupleID": [], "start": [], "duration": [], "PMax": []}
    for each in getattr(found, "SAScheduleTuple", None) or []:  # the abstract head has been seen in the field
        for entry in each.PMaxSchedule.PMaxScheduleEntry:
            interval = entry.TimeInterval
            columns["SAScheduleTupleID"].append(each.SAScheduleTupleID)
            columns["start"].append(nanoseconds(getattr(interval, "start", 0)))
            columns["duration"].append(nanoseconds(getattr(interval, "duration", None) or 0))
            columns["PMax"].append(watts(entry.PMax))
    return columns


def _cable_check(body: Any) -> Fields:
    return dc_status(body.DC_EVSEStatus) | {"EVSEProcessing": body.EVSEProcessing}


def _present_voltage(body: Any) -> Fields:
    return dc_status(body.DC_EVSEStatus) | {"EVSEPresentVoltage": number(body.EVSEPresentVoltage, "V")}


def delivery(body: Any) -> Fields:
    """Of PowerDeliveryRes: the status of DC; of the abstract head nothing is known."""
    return dc_status(body.EVSEStatus) if hasattr(body.EVSEStatus, "EVSEStatusCode") else {}


def demanded(body: Any) -> Fields:
    """Of CurrentDemandRes, what both have."""
    return _present_voltage(body) | {
        "EVSEPresentCurrent": number(body.EVSEPresentCurrent, "A"),
        "EVSECurrentLimitAchieved": body.EVSECurrentLimitAchieved,
        "EVSEVoltageLimitAchieved": body.EVSEVoltageLimitAchieved,
        "EVSEPowerLimitAchieved": body.EVSEPowerLimitAchieved,
        "EVSEMaximumVoltageLimit": optional_number(body.EVSEMaximumVoltageLimit, "V"),
        "EVSEMaximumCurrentLimit": optional_number(body.EVSEMaximumCurrentLimit, "A"),
        "EVSEMaximumPowerLimit": optional_number(body.EVSEMaximumPowerLimit, "W"),
    }


def reads(set_up: Reader, services: Reader, limits: Reader) -> dict[str, Reader]:
    """How its responses are read, with what each dialect reads in its own way."""
    return {
        "PaymentServiceSelectionRes": _no_fields,
        "AuthorizationRes": _processing,
        "CableCheckRes": _cable_check,
        "PreChargeRes": _present_voltage,
        "PowerDeliveryRes": delivery,
        "CurrentDemandRes": demanded,
        "WeldingDetectionRes": _present_voltage,
        "SessionStopRes": _no_fields,
        "SessionSetupRes": set_up,
        "ServiceDiscoveryRes": services,
        "ChargeParameterDiscoveryRes": limits,
    }
