"""The REST paths of a Raspberry Pi station with an ESP32 pilot board, so that its clients need no change.

Where that system said 200 to nearly everything, an order that is not carried out is refused here: 409 (not now),
422 (a field), 501 (it is the charts' to decide, or nothing here does it), 503 (the station does not answer); the body
is ``{"status": "error", "message": why}``. What a chart decides (duty cycle, contactor, when to match again) cannot be
ordered.

Source: the system's public description and behaviour (docs/page.md has the paths).
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.web.dc_plc_schemas import ANSWERS, ASKED, INVALID, REFUSED
from engine.adapter import Answer, Refusal, Schemas, Window, read_json

Body = Mapping[str, Any]
Handler = Callable[[Window, Body], Awaitable[Any]]

VOLTS = {"A": 12.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0, "F": -12.0}
"""Nominal positive pilot level by state, IEC 61851-1 Table A.4."""
_SESSION = ("HANDSHAKE", "PRECHARGE", "CHARGING")
_REQUIRED = object()
_DUTY = (
    "the chart alone sets the duty cycle: it shows 5 % to whoever is plugged in; POST /esp/restart_slac takes it away "
    "for a moment, POST /stop_session for good"
)


def paths() -> dict[str, Handler]:
    """What is answered, by ``METHOD /path``."""
    return {
        "GET /status": _status,
        "GET /cp": _cp,
        "GET /meter": _meter,
        "GET /vehicle/bms": _bms,
        "GET /vehicle/slac": _slac,
        "GET /vehicle/iso15118": _iso15118,
        "GET /vehicle/live": _live,
        "GET /slac/peer": _peer,
        "GET /hlc/status": _hlc,
        "POST /start_session": _start_session,
        "POST /stop_session": _stop_session,
        "POST /fault": _fault,
        "POST /control/contactor": _contactor,
        "POST /control/pwm": _pwm,
        "POST /control/cp_state": _cp_state,
        "POST /hlc/start": _hlc_start,
        "POST /hlc/stop": _hlc_stop,
        "POST /slac/start_matching": _start_matching,
        "POST /slac/matched": _matched,
        "POST /esp/ping": _ping,
        "POST /esp/mode": _mode,
        "POST /esp/pwm": _esp_pwm,
        "POST /esp/restart_slac": _restart_slac,
    }


def schemas(name: str) -> Schemas:
    """How ``METHOD /path`` is described."""
    return Schemas(ASKED.get(name, {"type": "object"}), ANSWERS.get(name), REFUSED, INVALID)


async def answer(handler: Handler, window: Window, body: bytes) -> Answer:
    """The status and body for one request."""
    try:
        try:
            given = read_json(body) if body.strip() else {}
        except ValueError:
            raise Invalid(("body",), "Invalid JSON", "value_error.jsondecode") from None
        if not isinstance(given, dict):
            raise Invalid(("body",), "value is not a valid dict", "type_error.dict")
        return Answer(200, await handler(window, given))
    except Invalid as wrong:
        return Answer(422, {"detail": [{"loc": list(wrong.place), "msg": wrong.what, "type": wrong.kind}]})
    except Refusal as refusal:
        return Answer(refusal.status, {"status": "error", "message": refusal.why})


class Invalid(Exception):
    """A field is not what it must be."""

    def __init__(self, place: tuple[str, ...], what: str, kind: str) -> None:
        super().__init__(what)
        self.place, self.what, self.kind = place, what, kind


# ---------------------------------------------------------------- fields of requests


def _number(body: Body, name: str, default: Any, least: float = -math.inf, most: float = math.inf) -> float:
    value = body.get(name, default)
    if value is _REQUIRED:
        raise Invalid(("body", name), "field required", "value_error.missing")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Invalid(("body", name), "value is not a valid float", "type_error.float")
    if value < least:
        why = f"ensure this value is greater than or equal to {least:g}"
        raise Invalid(("body", name), why, "value_error.number.not_ge")
    if value > most:
        raise Invalid(
            ("body", name), f"ensure this value is less than or equal to {most:g}", "value_error.number.not_le"
        )
    return float(value)


def _text(body: Body, name: str, default: Any = _REQUIRED, among: str = "") -> str:
    value = body.get(name, default)
    if value is _REQUIRED:
        raise Invalid(("body", name), "field required", "value_error.missing")
    if not isinstance(value, str) or len(value) > 200:
        raise Invalid(("body", name), "str type expected", "type_error.str")
    if among and (len(value) != 1 or value not in among):
        raise Invalid(("body", name), f'string does not match regex "^[{among}]$"', "value_error.str.regex")
    return value


def _optional_text(body: Body, name: str) -> None:
    if body.get(name) is not None:
        _text(body, name)


def _paths(body: Body) -> None:
    for name in ("secc_config", "cert_store"):
        _optional_text(body, name)


def _boolean(body: Body, name: str, default: Any = _REQUIRED) -> bool:
    value = body.get(name, default)
    if value is _REQUIRED:
        raise Invalid(("body", name), "field required", "value_error.missing")
    if not isinstance(value, bool):
        raise Invalid(("body", name), "value could not be parsed to a boolean", "type_error.bool")
    return value


# ---------------------------------------------------------------- what is told


async def _status(window: Window, body: Body) -> Any:
    values, results = await window.values(), await window.results()
    phase = _phase(values, results)
    last = _summary(results[-1]) if results else None
    ended = last["error"] if last is not None and phase not in _SESSION else None
    return {
        "session_active": phase in _SESSION,
        "phase": phase,
        "error": values.get("error") or ended,
        "contactor_closed": bool(values.get("contactor_closed")),
        "cp_state": values.get("cp_state"),
        "voltage": _of(values, "voltage"),
        "current": _of(values, "current"),
        "energy_Wh": _of(values, "energy"),
        "time_s": _of(values, "session_s"),
        "last_session_summary": last,
        "session_params": {
            "target_voltage": values.get("target_voltage"),
            "initial_current": values.get("target_current"),
            "duration_s": None,
            "requested_current": values.get("target_current"),
        },
    }


def _phase(values: Body, results: list[dict[str, Any]]) -> str:
    """As the charts are; where no session runs, how the last one ended."""
    phase = str(values.get("phase") or "IDLE")
    return str(_summary(results[-1])["ended_phase"]) if phase == "IDLE" and results else phase


def _summary(result: Mapping[str, Any]) -> dict[str, Any]:
    data, means, good = result.get("data") or {}, result.get("means") or {}, result["good"]
    return {
        "energy_Wh": data.get("energy"),
        "avg_voltage": means.get("avg_voltage"),
        "avg_current": means.get("avg_current"),
        "duration_s": (result.get("duration_ns") or 0) / 1e9,
        "ended_phase": "COMPLETE" if good else "ABORTED",
        "error": None if good else data.get("reason") or result["text"],
        "reason": data.get("reason") or None,
    }


async def _cp(window: Window, body: Body) -> Any:
    return _pilot(await window.values())


def _pilot(values: Body) -> dict[str, Any]:
    state = values.get("cp_state")
    return {"voltage_v": VOLTS.get(str(state)), "state": state}


async def _meter(window: Window, body: Body) -> Any:
    values = await window.values()
    return {
        "energy_Wh": _of(values, "energy"),
        "avg_voltage": _of(values, "avg_voltage"),
        "avg_current": _of(values, "avg_current"),
        "session_time_s": _of(values, "session_s"),
    }


async def _bms(window: Window, body: Body) -> Any:
    values = await window.values()
    return {
        "protocol": values.get("protocol") or None,
        "evcc_id": values.get("evcc_id") or None,
        "present_soc": values.get("soc"),
        "present_voltage": values.get("voltage"),
        "target_voltage": values.get("target_voltage"),
        "target_current": values.get("target_current"),
        "total_battery_capacity": None,
        "energy_requests": {"target_energy_request": None, "max_energy_request": None, "min_energy_request": None},
        "soc_limits": {"min_soc": None, "max_soc": None, "target_soc": None},
        "rated_limits": {"dc": {}, "ac": {}},
        "session_limits": {"dc": {}, "ac": {}},
    }


async def _slac(window: Window, body: Body) -> Any:
    return _matching(await window.values())


def _matching(values: Body) -> dict[str, Any]:
    return {
        "state": values.get("slac") or "IDLE",
        "ev_mac": values.get("ev_mac") or None,
        "nid": None,
        "run_id": values.get("run_id") or None,
        "attenuation_db": None,
        "last_updated": values.get("slac_since"),
    }


async def _peer(window: Window, body: Body) -> Any:
    found = _matching(await window.values())
    known = found["ev_mac"] is not None
    return {
        "ev_mac": found["ev_mac"],
        "nid": None,
        "run_id": found["run_id"],
        "ts": found["last_updated"] if known else None,
    }


async def _iso15118(window: Window, body: Body) -> Any:
    values = await window.values()
    session_id = values.get("session_id") or None
    return {
        "protocol": values.get("hlc"),
        "energy_service": None,
        "control_mode": None,
        "authorized": values.get("authorised"),
        "evse_id": values.get("evse_id"),
        "session_id": session_id,
        "timestamps": {"started_at": values.get("session_since") if session_id else None, "last_message_at": None},
    }


async def _live(window: Window, body: Body) -> Any:
    values = await window.values()
    return {
        "cp": _pilot(values),
        "slac": _matching(values),
        "iso15118": {"state": values.get("hlc")},
        "bms": await _bms(window, body),
    }


async def _hlc(window: Window, body: Body) -> Any:
    values = await window.values()
    state = "running" if values.get("hlc_runs") else "stopped"
    return {
        "state": state,
        "error": None,
        "protocol_state": values.get("hlc"),
        "iface": None,
        "session_id": values.get("session_id") or None,
    }


def _of(values: Body, name: str) -> float:
    """A number; 0 where nobody knows it."""
    found = values.get(name)
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else 0.0


# ---------------------------------------------------------------- what is ordered


async def _start_session(window: Window, body: Body) -> Any:
    """The vehicle plugs in. It asks for voltage, current and time itself: here they are checked only."""
    _number(body, "target_voltage", 400.0, 0)
    _number(body, "initial_current", 50.0, 0)
    _number(body, "duration_s", 10.0, 1)
    await window.order("start_session")
    return {"status": "started"}


async def _stop_session(window: Window, body: Body) -> Any:
    await window.order("stop_session")
    return {"status": "stopping"}


async def _fault(window: Window, body: Body) -> Any:
    kind = _text(body, "type")
    await window.order("fault", kind)
    return {"status": "fault_injected", "type": kind}


async def _cp_state(window: Window, body: Body) -> Any:
    state = _text(body, "state", among="ABCDE")
    await window.order("cp_state", state)
    return {"status": "ok", "state": state}


async def _contactor(window: Window, body: Body) -> Any:
    """Opened, a session ends in order first: the current goes down. What is asked for and so already is done."""
    closed = _boolean(body, "closed")
    if await _is_closed(window) != closed:
        await window.order("contactor", "closed" if closed else "open")
    return {"status": "ok", "contactor_closed": await _is_closed(window)}


async def _is_closed(window: Window) -> bool:
    return bool((await window.values()).get("contactor_closed"))


async def _pwm(window: Window, body: Body) -> Any:
    _number(body, "duty", _REQUIRED, 0, 100)
    raise Refusal(501, _DUTY)


async def _hlc_start(window: Window, body: Body) -> Any:
    """The V2G server listens by itself for whoever is plugged in; its interface stands in the station file."""
    _text(body, "iface", "eth0")
    _paths(body)
    await window.order("hlc_start")
    return {"status": await _hlc(window, body)}


async def _hlc_stop(window: Window, body: Body) -> Any:
    """The session is stopped as by its button; the server listens for the next vehicle."""
    await window.order("hlc_stop")
    return {"status": await _hlc(window, body)}


async def _start_matching(window: Window, body: Body) -> Any:
    """The station matches by itself, as soon as a vehicle is there."""
    await window.order("start_matching")
    return _matching(await window.values())


async def _matched(window: Window, body: Body) -> Any:
    """True already, or refused: it is the modem that tells who has matched."""
    ev_mac = _text(body, "ev_mac")
    for name in ("nid", "run_id"):
        _optional_text(body, name)
    _text(body, "iface", "eth0")
    _paths(body)
    if body.get("attenuation_db") is not None:
        _number(body, "attenuation_db", None)
    await window.order("matched")
    values = await window.values()
    known = values.get("ev_mac")
    if known and known != re.sub("[:.-]", "", ev_mac).lower():
        raise Refusal(409, f"{known} has matched, not {ev_mac!r}")
    return {"slac": _matching(values), "hlc": await _hlc(window, body)}


async def _ping(window: Window, body: Body) -> Any:
    """Of the pilot board, where there is one: 409 while it is lost."""
    await window.order("ping")
    return {"status": "ok", "pong": True}


async def _mode(window: Window, body: Body) -> Any:
    if (mode := _text(body, "mode")) != "dc":
        raise Refusal(409, f"this station is in mode dc, and stays so, whatever {mode!r} is")
    return {"status": "ok", "mode": mode}


async def _esp_pwm(window: Window, body: Body) -> Any:
    _number(body, "duty", _REQUIRED, 0, 100)
    _boolean(body, "enable", True)
    raise Refusal(501, _DUTY)


async def _restart_slac(window: Window, body: Body) -> Any:
    """Takes 5 % away for a moment. For how long, the chart says, and the answer."""
    _number(body, "reset_ms", 400.0)
    await window.order("restart_slac")
    nudge_ns = (await window.values()).get("nudge")
    return {"status": "ok", "reset_ms": nudge_ns // 1_000_000 if isinstance(nudge_ns, int) else None}
