"""What the paths of the Raspberry Pi station take and answer, as JSON Schemas for the OpenAPI description."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]


def _or_null(kind: str, **more: Any) -> Plain:
    return {"type": [kind, "null"], **more}


def _exact(**properties: Plain) -> Plain:
    """An object with these fields and no others."""
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _asked(*required: str, **properties: Plain) -> Plain:
    """A body: an object in which others may stand, too."""
    return {"type": "object", "required": list(required), "properties": properties}


_NUMBER: Plain = {"type": "number"}
_FLAG: Plain = {"type": "boolean"}
_TEXT: Plain = {"type": "string"}
_SHORT: Plain = {"type": "string", "maxLength": 200}
_SHORT_OR_NULL = _or_null("string", maxLength=200)
_MAY_NUMBER, _MAY_TEXT = _or_null("number"), _or_null("string")
_PHASE: Plain = {"enum": ["IDLE", "HANDSHAKE", "PRECHARGE", "CHARGING", "COMPLETE", "ABORTED"]}
_PILOT_STATE: Plain = {"enum": ["A", "B", "C", "D", "E", "F", None]}
_OK: Plain = {"const": "ok"}

_CP = _exact(voltage_v=_MAY_NUMBER, state=_PILOT_STATE)
_SUMMARY = _exact(
    energy_Wh=_MAY_NUMBER, avg_voltage=_MAY_NUMBER, avg_current=_MAY_NUMBER, duration_s=_NUMBER,
    ended_phase={"enum": ["COMPLETE", "ABORTED"]}, error=_MAY_TEXT, reason=_MAY_TEXT,
)  # fmt: skip
_STATUS = _exact(
    session_active=_FLAG, phase=_PHASE, error=_MAY_TEXT, contactor_closed=_FLAG, cp_state=_PILOT_STATE,
    voltage=_NUMBER, current=_NUMBER, energy_Wh=_NUMBER, time_s=_NUMBER,
    last_session_summary={"anyOf": [_SUMMARY, {"type": "null"}]},
    session_params=_exact(
        target_voltage=_MAY_NUMBER, initial_current=_MAY_NUMBER, duration_s={"type": "null"},
        requested_current=_MAY_NUMBER,
    ),
)  # fmt: skip
_METER = _exact(energy_Wh=_NUMBER, avg_voltage=_NUMBER, avg_current=_NUMBER, session_time_s=_NUMBER)
_LIMITS = _exact(dc={"type": "object"}, ac={"type": "object"})
_BMS = _exact(
    protocol=_MAY_TEXT, evcc_id=_MAY_TEXT, present_soc=_MAY_NUMBER, present_voltage=_MAY_NUMBER,
    target_voltage=_MAY_NUMBER, target_current=_MAY_NUMBER, total_battery_capacity=_MAY_NUMBER,
    energy_requests=_exact(
        target_energy_request=_MAY_NUMBER, max_energy_request=_MAY_NUMBER, min_energy_request=_MAY_NUMBER
    ),
    soc_limits=_exact(min_soc=_MAY_NUMBER, max_soc=_MAY_NUMBER, target_soc=_MAY_NUMBER),
    rated_limits=_LIMITS, session_limits=_LIMITS,
)  # fmt: skip
_SLAC = _exact(
    state={"enum": ["IDLE", "MATCHING", "MATCHED", "FAILED"]}, ev_mac=_MAY_TEXT, nid=_MAY_TEXT, run_id=_MAY_TEXT,
    attenuation_db=_MAY_NUMBER, last_updated=_MAY_TEXT,
)  # fmt: skip
_ISO15118 = _exact(
    protocol=_MAY_TEXT, energy_service=_MAY_TEXT, control_mode=_MAY_TEXT, authorized=_or_null("boolean"),
    evse_id=_MAY_TEXT, session_id=_MAY_TEXT, timestamps=_exact(started_at=_MAY_TEXT, last_message_at=_MAY_TEXT),
)  # fmt: skip
_HLC = _exact(
    state={"enum": ["stopped", "running"]}, error=_MAY_TEXT, protocol_state=_MAY_TEXT, iface=_MAY_TEXT,
    session_id=_MAY_TEXT,
)  # fmt: skip
_HLC_STATUS = _exact(status=_HLC)
_STORES = {"secc_config": _SHORT_OR_NULL, "cert_store": _SHORT_OR_NULL}
_DUTY: Plain = {"type": "number", "minimum": 0, "maximum": 100, "example": 5}
_REFUSED = _exact(status={"const": "error"}, message=_TEXT)

REFUSED: Plain = _REFUSED
"""The body of 409, 501 and 503."""
INVALID: Plain = {
    "anyOf": [
        _REFUSED,
        _exact(detail={"type": "array", "items": _exact(loc={"type": "array", "items": _TEXT}, msg=_TEXT, type=_TEXT)}),
    ]
}
"""The body of 422."""
ANSWERS: dict[str, Plain] = {
    "GET /status": _STATUS,
    "GET /cp": _CP,
    "GET /meter": _METER,
    "GET /vehicle/bms": _BMS,
    "GET /vehicle/slac": _SLAC,
    "GET /vehicle/iso15118": _ISO15118,
    "GET /vehicle/live": _exact(cp=_CP, slac=_SLAC, iso15118=_exact(state=_MAY_TEXT), bms=_BMS),
    "GET /slac/peer": _exact(ev_mac=_MAY_TEXT, nid=_MAY_TEXT, run_id=_MAY_TEXT, ts=_MAY_TEXT),
    "GET /hlc/status": _HLC,
    "POST /start_session": _exact(status={"const": "started"}),
    "POST /stop_session": _exact(status={"const": "stopping"}),
    "POST /fault": _exact(status={"const": "fault_injected"}, type=_TEXT),
    "POST /control/contactor": _exact(status=_OK, contactor_closed=_FLAG),
    "POST /control/cp_state": _exact(status=_OK, state=_TEXT),
    "POST /hlc/start": _HLC_STATUS,
    "POST /hlc/stop": _HLC_STATUS,
    "POST /slac/start_matching": _SLAC,
    "POST /slac/matched": _exact(slac=_SLAC, hlc=_HLC),
    "POST /esp/ping": _exact(status=_OK, pong={"const": True}),
    "POST /esp/mode": _exact(status=_OK, mode={"const": "dc"}),
    "POST /esp/restart_slac": _exact(status=_OK, reset_ms=_or_null("integer")),
}
"""The body of 200; a path that is not here is never done."""
ASKED: dict[str, Plain] = {
    "POST /start_session": _asked(
        target_voltage={"type": "number", "minimum": 0, "default": 400.0},
        initial_current={"type": "number", "minimum": 0, "default": 50.0},
        duration_s={"type": "number", "minimum": 1, "default": 10.0},
    ),
    "POST /fault": _asked("type", type={**_SHORT, "example": "E_STOP"}),
    "POST /control/contactor": _asked("closed", closed=_FLAG),
    "POST /control/pwm": _asked("duty", duty=_DUTY),
    "POST /control/cp_state": _asked("state", state={"enum": list("ABCDE")}),
    "POST /hlc/start": _asked(iface={**_SHORT, "default": "eth0"}, **_STORES),
    "POST /slac/matched": _asked(
        "ev_mac", ev_mac={**_SHORT, "example": "02:00:00:00:00:01"}, nid=_SHORT_OR_NULL, run_id=_SHORT_OR_NULL,
        attenuation_db=_MAY_NUMBER, iface={**_SHORT, "default": "eth0"}, **_STORES,
    ),
    "POST /esp/mode": _asked("mode", mode={**_SHORT, "example": "dc"}),
    "POST /esp/pwm": _asked("duty", duty=_DUTY, enable={"type": "boolean", "default": True}),
    "POST /esp/restart_slac": _asked(reset_ms={"type": "number", "default": 400}),
}  # fmt: skip
"""What a body is; elsewhere any object, or none."""
