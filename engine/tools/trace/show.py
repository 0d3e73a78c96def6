"""Records as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import inf
from typing import Any

from engine.tools.trace.reader import Record
from engine.tools.trace.units import Units, with_unit


def seconds(time_ns: int) -> str:
    """``12.345``, right-aligned."""
    return f"{time_ns / 1e9:10.3f}"


Table = Mapping[str, Units]
"""Units of a chart: see :func:`engine.tools.trace.units.units_of`."""
_NONE: Table = {}
_LIMIT = 160  # characters of arguments


class Lines:
    """Records of a trace as lines: each machine's units are in the record of its start."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._units: dict[str, Table] = {record["machine"]: record["units"] for record in records if "units" in record}

    def line(self, record: Record, limit: int = _LIMIT) -> str:
        """:func:`line`."""
        return line(record, self.units(record), limit)

    def units(self, record: Record) -> Table:
        """The units of the record's machine."""
        return self._units.get(str(record["machine"]), _NONE)


def line(record: Record, units: Table = _NONE, limit: int = _LIMIT) -> str:
    """One record on one line: time, machine, event, what became active, what was ordered. Arguments are cut at
    ``limit`` characters."""
    parts = [seconds(record["time_ns"]), record["machine"]]
    if "note" in record:
        data = f"  {_told(record['data'], units.get(record.get('text', '')), limit)}" if record.get("data") else ""
        return "  ".join([*parts, f"{record['note']}: {record.get('text', '')}{data}".replace("\n", " ")])
    parts.append(cause(record, units, limit))
    moves = movement(record)
    if moves:
        parts.append(moves)
    return "  ".join([*parts, *orders(record, units, limit), *failures(record)])


def orders(record: Record, units: Table = _NONE, limit: int = _LIMIT) -> list[str]:
    """What was ordered, sent, started and ended, each in a few words."""
    return [effect(one, units, limit) for one in record.get("effects", ()) if one["do"] in _TOLD]


def failures(record: Record) -> list[str]:
    """What failed in the step, and where in the chart."""
    return [f"failed: {failure['message']} ({failure['position']})" for failure in record.get("failures", ())]


def cause(record: Record, units: Table = _NONE, limit: int = _LIMIT) -> str:
    """The cause of the step: ``start``, ``link.SLAC_PARM_REQ(run_id=…)``, ``after 40 s in unmatched``."""
    if record["cause"] == "event":
        event = record["event"]
        told = _told(event["data"], units.get(event["name"]), limit) if event.get("data") else ""
        text = str(event["name"]) + (f"({told})" if told else "")
        return text + ("  (nobody handles it)" if record.get("unhandled") else "")
    if record["cause"] == "timer":
        return timer(record["timer"])
    return str(record["cause"])


def timer(id_: str) -> str:
    """``after 40 s in unmatched``."""
    state, _, delay = id_.rpartition("/")
    return f"{delay} in {state}" if state else delay


def movement(record: Record) -> str:
    """``left → reached``, innermost states only; states passed through on the way are left out."""
    return _moved(tuple(record.get("exited", ())), tuple(record.get("entered", ())), tuple(record["configuration"]))


@lru_cache(maxsize=4096)
def _moved(exited: tuple[str, ...], entered: tuple[str, ...], active: tuple[str, ...]) -> str:
    reached = _innermost([state for state in active if state in entered])
    left = _innermost(list(dict.fromkeys(state for state in exited if state not in entered)))
    if not left and not reached:
        return ""
    return f"{', '.join(left)} → {', '.join(reached)}".strip()


def effect(one: Record, units: Table = _NONE, limit: int = _LIMIT) -> str:
    """An effect in a few words."""
    match one["do"]:
        case "call" | "start_call":
            name = f"{one['role']}.{one['action']}"
            return f"{name}({_told(one['args'], units.get(f'{name}()'), limit)})"
        case "send":
            to = f" to {one['to']}" if one.get("to") else ""
            delay = f" in {one['delay_ns'] / 1e9:g} s" if one.get("delay_ns") else ""
            name = one["event"]
            own = units.get(name)
            data = f"({_told(one['data'], units.get(f'{to[4:]}.{name}()', own), limit)})" if one.get("data") else ""
            return f"send {name}{data}{to}{delay}"
        case "start_child":
            return f"start {one['id']}" + (f"[{plain(one['key'])}]" if "key" in one else "")
        case "stop_child":
            return f"stop {one['id']}" + (f"[{plain(one['key'])}]" if "key" in one else "")
        case "log":
            return f"“{one['text']}”"
        case "done":
            told = _told(one["output"], units.get("done()"), limit) if one.get("output") else ""
            return f"done ({told})" if told else "done"
        case "start_timer":
            return f"timer {one['id']} {one['delay_ns'] / 1e9:g} s"
        case _:
            return f"{one['do'].replace('_', ' ')} {one.get('id', '')}".strip()


_TOLD = frozenset(("call", "start_call", "send", "start_child", "stop_child", "log", "done"))


_AS_THEY_ARE = frozenset((str, int, bool))


def arguments(data: Any, units: Units | None = None) -> str:
    """``name=value, …`` of a mapping, without what is None; other values as they are."""
    return _arguments(data, units, inf)


def _told(data: Any, units: Units | None = None, limit: int = _LIMIT) -> str:
    """:func:`arguments`, cut where they get long."""
    text = _arguments(data, units, limit)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _arguments(data: Any, units: Units | None, limit: float) -> str:
    """Arguments until they are longer than ``limit``."""
    if not isinstance(data, dict) or (len(data) == 1 and _tagged(data)):
        return plain(data)
    parts, length = [], -2
    for name, value in data.items():
        if value is None:
            continue
        kind = type(value)
        if kind in _AS_THEY_ARE:
            text = f"{value}"
        else:
            text = f"{value:.6g}" if kind is float else plain(value)
        if units is not None and name in units:
            text = with_unit(text, value, units[name])
        part = f"{name}={text}"
        parts.append(part)
        length += len(part) + 2
        if length > limit:
            break
    return ", ".join(parts)


def plain(value: Any) -> str:
    """A value of a machine or of a record, for people: bytes as hexadecimal digits, at most 16 of them."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, bytes):
        return _digits(value.hex())
    if isinstance(value, dict) and _tagged(value):
        (text,) = value.values()
        return "(secret)" if "$secret" in value else _digits(text) if "$hex" in value else str(text)
    if isinstance(value, dict):
        return "{" + arguments(value) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(plain(item) for item in value) + "]"
    return str(value)


def _digits(text: str) -> str:
    return f"{text[:32]}… ({len(text) // 2} bytes)" if len(text) > 40 else text


def _tagged(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)) in ("$hex", "$float", "$text", "$secret")


def _innermost(states: list[str]) -> list[str]:
    return [s for s in states if s and not any(other != s and other.startswith(s + ".") for other in states)]
