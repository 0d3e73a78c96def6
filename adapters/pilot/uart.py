"""The lines between a host and a pilot board on its serial port (docs/pilot_board.md): one JSON object a line.
Sans-I/O.

    octets = encode("set_pwm", duty=5, enable=True)      # a command, for the port
    for found in lines.feed(octets_read):                # what the port gave: lines that are whole, or why not
        found = decode_report(found)                     # Status, Event, Pong, Ok, Refusal, Scan, or Misfit

Both directions are here, so that a stand-in board speaks by the same table. Whatever octets come, they are a message
with every value in its range, or a :class:`Misfit` that says why: a line with a hole that still parses changes nothing
that is out of range. Fields that are not known are passed over: boards of several ages are in use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from engine.adapter import read_json

LONGEST_COMMAND: Final = 240
"""Octets of a command, the board's buffer for a line."""
LONGEST_REPORT: Final = 1024
"""Octets of a line of the board; a status has some 300."""

State = Literal["A", "B", "C", "D", "E", "F"]
Mode = Literal["dc", "manual"]


class Number(NamedTuple):
    """An integer of a command and its least and greatest value. What is outside is refused, not clamped: the board of
    the system replaced clamps, and nobody sees it."""

    least: int
    most: int


THRESHOLDS: Final = ("t12", "t9", "t6", "t3", "t0", "hys", "hys_ab")
"""Limits between the states and their hysteresis, millivolts at the board's converter."""
COMMANDS: Final[Mapping[str, Mapping[str, Number | type[bool] | tuple[str, ...]]]] = {
    "ping": {},
    "get_status": {},
    "set_pwm": {"duty": Number(0, 100), "enable": bool},
    "enable_pwm": {"enable": bool},
    "set_freq": {"hz": Number(500, 5000)},
    "set_mode": {"mode": get_args(Mode)},
    "restart_slac_hint": {"ms": Number(50, 2000)},
    "cp.set_thresholds": {name: Number(0, 3300) for name in THRESHOLDS},
    "cp.auto_cal": {},
    "cp.scan": {},
    "reset": {},
}
"""Each command with its fields: all may be left out but ``enable`` of enable_pwm, ``hz`` and ``mode``."""
NEEDED: Final = {"enable_pwm": "enable", "set_freq": "hz", "set_mode": "mode"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """A line that is no message, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Command:
    """An order of the host: its name and its fields."""

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """What the board measures and shows. ``out_percent`` is the duty on the line, whoever set it. What a board does not
    send is None: the board of the system replaced has neither the time since it began (``up_ms``), nor why it began
    (``reset``), nor a look at the negative half (``diode``)."""

    state: State
    mode: Mode
    out_percent: int
    cp_mv: int | None = None
    diode: bool | None = None
    up_ms: int | None = None
    reset: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A transition of the board, sent when it happens. ``seq`` counts them since its start, so that a lost one shows;
    the rest is what a status has."""

    name: str
    seq: int
    status: Status


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""


@dataclass(frozen=True, slots=True)
class Ok:
    """A command was carried out; the board of the system replaced does not always say which (None)."""

    command: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """``error``: a command changed nothing. ``code`` is the word before the colon of ``msg``: bad_json, missing_cmd,
    unknown_cmd, mode_dc_auto, bad_mode, bad_value, too_long, overflow, cal_failed."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Raw millivolts of the converter's inputs 1 to 10."""

    mv: Mapping[int, int]


Report = Status | Event | Pong | Ok | Refusal | Scan


class Lines:
    """Octets as lines of at most ``longest``. One that is too long is left out whole, up to its end: its rest is never
    taken for a line of its own."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._kept = bytearray()
        self._too_long = False

    def feed(self, octets: bytes) -> list[bytes | Misfit]:
        """The lines that are whole now, without their ends; empty ones are left out. What is kept is bounded."""
        found: list[bytes | Misfit] = []
        *whole, rest = octets.split(b"\n")
        for part in whole:
            self._keep(part)
            if self._too_long:
                found.append(Misfit(f"too_long: a line of more than {self._longest} octets"))
            elif line := bytes(self._kept).strip(b"\r"):
                found.append(line)
            self._kept.clear()
            self._too_long = False
        self._keep(rest)
        return found

    def _keep(self, part: bytes) -> None:
        if len(self._kept) + len(part) > self._longest:
            self._too_long = True
            self._kept.clear()
        elif not self._too_long:
            self._kept += part


def encode(command: str, **fields: Any) -> bytes:
    """A command as a line. Raises ``ValueError`` for one that is not in :data:`COMMANDS`, a field it does not have and
    a value out of its range."""
    misfit = _unfit(command, fields)
    if misfit is not None:
        raise ValueError(f"{command}: {misfit.reason}")
    return json.dumps({"cmd": command, **fields}, separators=(",", ":")).encode() + b"\n"


def decode_command(line: bytes) -> Command | Misfit:
    """A line of the host, as a board reads it; the reason of a misfit is the ``msg`` of the ``error`` it answers."""
    found = _object(line)
    if isinstance(found, Misfit):
        return found
    name = found.pop("cmd", None)
    if name is None:
        return Misfit("missing_cmd")
    if not isinstance(name, str) or name not in COMMANDS:
        return Misfit("unknown_cmd")
    fields = {key: value for key, value in found.items() if key in COMMANDS[name]}
    return _unfit(name, fields) or Command(name, fields)


def encode_report(report: Report) -> bytes:
    """What a board says, as a line."""
    match report:
        case Status():
            body = {"type": "status", **_status_fields(report)}
        case Event():
            body = {"type": "event", "event": report.name, "seq": report.seq, **_status_fields(report.status)}
        case Pong():
            body = {"type": "pong"}
        case Ok():
            body = {"type": "ok"} if report.command is None else {"type": "ok", "cmd": report.command}
        case Refusal():
            body = {"type": "error", "msg": report.text}
        case Scan():
            body = {"type": "res", "cmd": "cp.scan", "mv": {str(key): value for key, value in report.mv.items()}}
    return line_of(body)


def line_of(body: Mapping[str, Any]) -> bytes:
    """An object as a line."""
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode_report(line: bytes) -> Report | Misfit:
    """A line of the board. What is not JSON (its log, on a USB port) is a misfit as well."""
    found = _object(line)
    if isinstance(found, Misfit):
        return found
    match found.get("type"):
        case "status":
            return _status(found)
        case "event":
            return _event(found)
        case "pong":
            return Pong()
        case "ok":
            command = found.get("cmd")
            return Ok(command if isinstance(command, str) else None)
        case "error":
            text = found.get("msg")
            if not isinstance(text, str) or not text:
                return Misfit("error: 'msg' is no text")
            return Refusal(text.partition(":")[0], text)
        case "res":
            return _scan(found)
    return Misfit(f"there is no type {str(found.get('type'))[:40]!r}")


def _object(line: bytes) -> dict[str, Any] | Misfit:
    try:
        found = read_json(line.decode("ascii"), _no_number)
    except ValueError as error:
        return Misfit(f"bad_json: {str(error)[:80]}")
    return found if isinstance(found, dict) else Misfit("bad_json: not an object")


def _no_number(text: str) -> None:
    """NaN and Infinity are Python's, not JSON's (RFC 8259). Raises ``ValueError``."""
    raise ValueError(f"there is no {text}")


def _unfit(name: str, fields: Mapping[str, Any]) -> Misfit | None:
    known = COMMANDS.get(name)
    if known is None:
        return Misfit("unknown_cmd")
    if NEEDED.get(name, "") not in ("", *fields):
        return Misfit("bad_mode" if name == "set_mode" else f"bad_value: '{NEEDED[name]}' is missing")
    for key, value in fields.items():
        rule = known.get(key)
        if rule is None:
            return Misfit(f"bad_value: there is no '{key}'")
        if isinstance(rule, Number):
            if type(value) is not int or not rule.least <= value <= rule.most:
                return Misfit(f"bad_value: '{key}' is an integer from {rule.least} to {rule.most}")
        elif rule is bool:
            if type(value) is not bool:
                return Misfit(f"bad_value: '{key}' is true or false")
        elif value not in get_args(Mode):
            return Misfit("bad_mode")
    return None


def _status_fields(status: Status) -> dict[str, Any]:
    body: dict[str, Any] = {"state": status.state, "mode": status.mode, "pwm": {"out": status.out_percent}}
    for key in ("cp_mv", "diode", "up_ms", "reset"):
        if (value := getattr(status, key)) is not None:
            body[key] = value
    return body


def _status(found: Mapping[str, Any]) -> Status | Misfit:
    state, mode, pwm = found.get("state"), found.get("mode"), found.get("pwm")
    if state is None or state not in get_args(State):
        return Misfit("status: 'state' is none of A to F")
    if mode is None or mode not in get_args(Mode):
        return Misfit("status: 'mode' is neither dc nor manual")
    out = pwm.get("out") if isinstance(pwm, dict) else None
    if type(out) is not int or not 0 <= out <= 100:
        return Misfit("status: 'pwm.out' is no integer from 0 to 100")
    cp_mv, up_ms, diode, reset = (found.get(key) for key in ("cp_mv", "up_ms", "diode", "reset"))
    if cp_mv is not None and (type(cp_mv) is not int or not 0 <= cp_mv <= 5000):
        return Misfit("status: 'cp_mv' is no integer from 0 to 5000")
    if up_ms is not None and (type(up_ms) is not int or not 0 <= up_ms < 1 << 53):
        return Misfit("status: 'up_ms' is no time")
    if diode is not None and type(diode) is not bool:
        return Misfit("status: 'diode' is neither true nor false")
    if reset is not None and not isinstance(reset, str):
        return Misfit("status: 'reset' is no text")
    return Status(state, mode, out, cp_mv, diode, up_ms, None if reset is None else reset[:40])


def _event(found: Mapping[str, Any]) -> Event | Misfit:
    name, seq = found.get("event"), found.get("seq")
    if not isinstance(name, str) or not name:
        return Misfit("event: 'event' is no text")
    if type(seq) is not int or not 0 <= seq < 1 << 53:
        return Misfit("event: 'seq' is no number")
    status = _status(found)
    if isinstance(status, Misfit):
        return Misfit(status.reason.replace("status", "event", 1))
    if status.up_ms is None:
        return Misfit("event: 'up_ms' is missing")
    return Event(name[:40], seq, status)


def _scan(found: Mapping[str, Any]) -> Scan | Misfit:
    mv = found.get("mv")
    if found.get("cmd") != "cp.scan" or not isinstance(mv, dict):
        return Misfit("res: not of cp.scan")
    inputs: dict[int, int] = {}
    for key, value in mv.items():
        if key not in map(str, range(1, 11)) or type(value) is not int or not 0 <= value <= 5000:
            return Misfit("res: an input is 1 to 10, its value 0 to 5000")
        inputs[int(key)] = value
    return Scan(inputs)
