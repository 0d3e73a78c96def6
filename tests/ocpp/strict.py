"""Is what a charge point sends OCPP 1.6? By the schemas of the package ``ocpp`` and plain ``jsonschema``: what a strict
central system would say, and nothing of ours."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft4Validator, FormatChecker

from tests.ocpp.samples import schema

CODES = {
    "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
    "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError",
}  # fmt: skip
FROM_CHARGE_POINT = {
    "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
    "Heartbeat", "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
    "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
}  # fmt: skip


def problem(text: str, asked: str) -> str:
    """What is wrong with a message of a charge point, or ``""``. ``asked``: the action it answers, where it does; of an
    answer whose question is not known only the form is looked at."""
    text.encode()
    frame = json.loads(text, parse_constant=_no_number)
    match frame:
        case [2, str(id), str(action), dict(payload)] if 0 < len(id) <= 36 and action in FROM_CHARGE_POINT:
            return misfit(action, payload)
        case [3, str(), dict(payload)]:
            return misfit(f"{asked}Response", payload) if asked else ""
        case [4, str(), str(code), str(description), dict()] if code in CODES and len(description) <= 255:
            return ""
    return f"no message of OCPP-J 1.6 from a charge point: {text[:200]}"


def misfit(name: str, payload: Any) -> str:
    """What is wrong with the payload of a request (``Authorize``) or a response (``AuthorizeResponse``), or ``""``."""
    for error in _validator(name).iter_errors(payload):
        if error.validator == "multipleOf" and round(error.instance * 10) == error.instance * 10:
            continue  # 21.4 is a multiple of 0.1, though not for every library
        return f"{name}: {error.json_path}: {error.message}"
    return ""


_FORMATS = FormatChecker()


@_FORMATS.checks("date-time")
def _date_time(value: object) -> bool:
    """RFC 3339 5.6, in UTC."""
    return not isinstance(value, str) or bool(re.fullmatch(r"[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value))


@cache
def _validator(name: str) -> Draft4Validator:
    return Draft4Validator(schema(name), format_checker=_FORMATS)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
