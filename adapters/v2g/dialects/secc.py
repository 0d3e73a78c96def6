"""The station's side of what DIN SPEC 70121 and ISO 15118-2 have in common: bodies of requests to the fields of
``v2g_secc``, its arguments to the fields of responses. Where the two differ, din.py and iso2.py say how.

Sources: DIN SPEC 70121 9.4, ISO 15118-2 8.4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from adapters.v2g.dialects.parts import Args, Fields, given, rows
from adapters.v2g.dialects.physical import (
    NS_PER_S,
    number,
    optional_number,
    optional_physical,
    physical,
    seconds_ns,
)
from adapters.v2g.dialects.table import Dialect, Reader, Writer

# ---------------------------------------------------------------- requests


def ev_status(body: Any) -> Fields:
    """The fields of DC_EVStatus."""
    status = body.DC_EVStatus
    return {"EVReady": status.EVReady, "EVErrorCode": status.EVErrorCode, "EVRESSSOC": status.EVRESSSOC}


def _session_setup(body: Any) -> Fields:
    return {"EVCCID": body.EVCCID}


def _service_discovery(body: Any) -> Fields:
    return {"ServiceScope": body.ServiceScope, "ServiceCategory": body.ServiceCategory}


def _service_detail_asked(body: Any) -> Fields:
    return {"ServiceID": body.ServiceID}


def _payment_selection(body: Any) -> Fields:
    services = [service.ServiceID for service in body.SelectedServiceList.SelectedService]
    return {"SelectedPaymentOption": body.SelectedPaymentOption, "ServiceID": services}


def nothing(body: Any) -> Fields:
    """No fields."""
    return {}


def charge_parameters(mode: str, limits: Any, departure_ns: int | None, most_entries: int | None) -> Fields:
    """Of ChargeParameterDiscoveryReq, with the fields of DC when they are DC's."""
    found: Fields = {
        "RequestedEnergyTransferMode": mode,
        "EVChargeParameter": type(limits).__name__.removesuffix("Type"),
        "DepartureTime": departure_ns,
        "MaxEntriesSAScheduleTuple": most_entries,
    }
    if not hasattr(limits, "DC_EVStatus"):  # AC parameters, or the abstract head
        return found | {"EVReady": False, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 0}
    return (
        found
        | ev_status(limits)
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
    return ev_status(body) | {
        "EVTargetVoltage": number(body.EVTargetVoltage, "V"),
        "EVTargetCurrent": number(body.EVTargetCurrent, "A"),
    }


def power_delivery(body: Any, progress: str, tuple_id: int | None, profile: list[tuple[int, float, int]]) -> Fields:
    """Of PowerDeliveryReq; ``profile``: start (ns), power (W) and phases (0: not said) of each entry."""
    found: Fields = {"ChargeProgress": progress, "SAScheduleTupleID": tuple_id}
    if profile:
        starts, powers, phases = (list(column) for column in zip(*profile, strict=True))
        found |= {
            "ChargingProfileMaxPower": max(powers),
            "ChargingProfileEntryStart": starts,
            "ChargingProfileEntryMaxPower": powers,
            "ChargingProfileEntryMaxNumberOfPhasesInUse": phases,
        }
    parameter = body.EVPowerDeliveryParameter
    if hasattr(parameter, "DC_EVStatus"):
        found |= ev_status(parameter)
        found["BulkChargingComplete"] = parameter.BulkChargingComplete
        found["ChargingComplete"] = parameter.ChargingComplete
    return found


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


def reads(charge_parameters: Reader, power_delivery: Reader, session_stop: Reader) -> dict[str, Reader]:
    """How its requests are read, with what each dialect reads in its own way."""
    return {
        "SessionSetupReq": _session_setup,
        "ServiceDiscoveryReq": _service_discovery,
        "ServiceDetailReq": _service_detail_asked,
        "PaymentServiceSelectionReq": _payment_selection,
        "AuthorizationReq": nothing,
        "CableCheckReq": ev_status,
        "PreChargeReq": _pre_charge,
        "CurrentDemandReq": _current_demand,
        "WeldingDetectionReq": ev_status,
        "ChargeParameterDiscoveryReq": charge_parameters,
        "PowerDeliveryReq": power_delivery,
        "SessionStopReq": session_stop,
    }


# ---------------------------------------------------------------- responses


def dc_status(dialect: Dialect, args: Args) -> Any:
    """DC_EVSEStatus. Raises ``ValidationError`` when something of it is not given."""
    given(args, "DC_EVSEStatus", "EVSEStatusCode", "EVSEIsolationStatus", "EVSENotification")
    status = args["EVSEIsolationStatus"], args["EVSEStatusCode"], args["EVSENotification"]
    return _dc_status(dialect, *status, args["NotificationMaxDelay"])


@lru_cache(maxsize=1024, typed=True)
def _dc_status(dialect: Dialect, isolation: str, code: str, notification: str, delay_ns: int) -> Any:
    """Messages never change one, so equal ones are shared."""
    return dialect.schema.DC_EVSEStatusType(
        EVSEIsolationStatus=dialect.value(isolation),
        EVSEStatusCode=code,
        NotificationMaxDelay=delay_ns // NS_PER_S,
        EVSENotification=notification,
    )


def schedule_tuples(args: Args, intervals: Any) -> dict[int, list[tuple[Any, float]]]:
    """The entries of each tuple, interval and power (W), of rows of ``SAScheduleTupleID``, ``start`` (ns) and ``PMax``;
    ``intervals`` makes an interval of start and duration (s). The last entry of each tuple says how long it lasts:
    until ``ScheduleDuration`` (ns) from now. Raises ``ValidationError``."""
    found: dict[int, list[tuple[Any, float]]] = {}
    for tuple_id, start_ns, power_W in rows(args, "SAScheduleTupleID", "start", "PMax"):
        found.setdefault(tuple_id, []).append((intervals(start=start_ns // NS_PER_S), power_W))
    for entries in found.values():
        last = entries[-1][0]
        last.duration = max(0, args["ScheduleDuration"] // NS_PER_S - last.start)
    return found


def dc_limits(dialect: Dialect, args: Args) -> Any:
    """DC_EVSEChargeParameter (V, A, W, Wh). Raises ``ValidationError`` when something of it is not given."""
    given(args, "DC_EVSEChargeParameter", "EVSEStatusCode", *_DC_LIMITS)
    tolerance, energy = args.get("EVSECurrentRegulationTolerance"), args.get("EVSEEnergyToBeDelivered")
    return dialect.schema.DC_EVSEChargeParameterType(
        DC_EVSEStatus=dc_status(dialect, args),
        EVSECurrentRegulationTolerance=optional_physical(dialect.name, tolerance, "A"),
        EVSEEnergyToBeDelivered=optional_physical(dialect.name, energy, "Wh"),
        **{name: physical(dialect.name, args[name], unit) for name, unit in _DC_LIMITS.items()},
    )


_DC_LIMITS = {
    "EVSEMaximumCurrentLimit": "A",
    "EVSEMaximumPowerLimit": "W",
    "EVSEMaximumVoltageLimit": "V",
    "EVSEMinimumCurrentLimit": "A",
    "EVSEMinimumVoltageLimit": "V",
    "EVSEPeakCurrentRipple": "A",
}


def _processing(dialect: Dialect, args: Args) -> Fields:
    return {"EVSEProcessing": dialect.value(args["EVSEProcessing"])}


def _cable_check(dialect: Dialect, args: Args) -> Fields:
    return {"DC_EVSEStatus": dc_status(dialect, args), "EVSEProcessing": args["EVSEProcessing"]}


def _present_voltage(dialect: Dialect, args: Args) -> Fields:
    voltage = physical(dialect.name, round(args["EVSEPresentVoltage"], 1), "V")
    return {"DC_EVSEStatus": dc_status(dialect, args), "EVSEPresentVoltage": voltage}


def current_demand(dialect: Dialect, args: Args) -> Fields:
    """Of CurrentDemandRes (V, A, W), what both have."""
    name = dialect.name
    return {
        "DC_EVSEStatus": dc_status(dialect, args),
        "EVSEPresentVoltage": physical(name, round(args["EVSEPresentVoltage"], 1), "V"),
        "EVSEPresentCurrent": physical(name, round(args["EVSEPresentCurrent"], 1), "A"),
        "EVSECurrentLimitAchieved": args["EVSECurrentLimitAchieved"],
        "EVSEVoltageLimitAchieved": args["EVSEVoltageLimitAchieved"],
        "EVSEPowerLimitAchieved": args["EVSEPowerLimitAchieved"],
        "EVSEMaximumVoltageLimit": physical(name, args["EVSEMaximumVoltageLimit"], "V"),
        "EVSEMaximumCurrentLimit": physical(name, args["EVSEMaximumCurrentLimit"], "A"),
        "EVSEMaximumPowerLimit": physical(name, args["EVSEMaximumPowerLimit"], "W"),
    }


def _service_detail(dialect: Dialect, args: Args) -> Fields:
    return {"ServiceID": args["ServiceID"]}


def _only_the_code(dialect: Dialect, args: Args) -> Fields:
    return {}


def writes(set_up: Writer, services: Writer, limits: Writer, power: Writer) -> dict[str, Writer]:
    """How its responses are written, with what each dialect writes in its own way."""
    return {
        "ServiceDetailRes": _service_detail,
        "PaymentServiceSelectionRes": _only_the_code,
        "AuthorizationRes": _processing,
        "CableCheckRes": _cable_check,
        "PreChargeRes": _present_voltage,
        "CurrentDemandRes": current_demand,
        "WeldingDetectionRes": _present_voltage,
        "SessionStopRes": _only_the_code,
        "SessionSetupRes": set_up,
        "ServiceDiscoveryRes": services,
        "ChargeParameterDiscoveryRes": limits,
        "PowerDeliveryRes": power,
    }


def refusing(dialect: Dialect, body: Any, known: Args) -> None:
    """The present voltage and current (V, A), and the status of DC."""
    refusing_values(dialect, body, known)
    if known.get("EVSEStatusCode") is not None:
        put_status(body, "DC_EVSEStatus", dc_status(dialect, known))


def refusing_values(dialect: Dialect, body: Any, known: Args) -> None:
    """The present voltage and current (V, A), where the response has them."""
    for name, unit in (("EVSEPresentVoltage", "V"), ("EVSEPresentCurrent", "A")):
        if hasattr(body, name) and known.get(name) is not None:
            setattr(body, name, physical(dialect.name, round(known[name], 1), unit))


def put_status(body: Any, name: str, status: Any) -> None:
    """The status, wherever the response has one."""
    for part in (body, getattr(body, "EVSEChargeParameter", None)):
        for each in (name, "EVSEStatus"):
            if hasattr(part, each):
                setattr(part, each, status)
