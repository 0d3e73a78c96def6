"""Reads traces. A broken line is an error that names it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.tools.trace.record import EFFECTS, TRACE_VERSION

Record = dict[str, Any]
_MAX_LINE = 64_000_000


class TraceError(Exception):
    """A file is not a trace of this version. The message names file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace. ``records[i]`` is line ``i + 2`` of the file. ``cut_off``: its last line was incomplete (the
    writer crashed, or is still writing) and is left out."""

    file: str
    header: Record
    records: list[Record]
    cut_off: bool = False

    def steps(self) -> list[Record]:
        """The records of macrosteps."""
        return [record for record in self.records if "cause" in record]


def read(path: Path | str) -> Trace:
    """The trace in a file. A last line cut off by a crash is left out. Raises ``TraceError``."""
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: not a trace: {error}") from None
    complete, rest = lines[:-1], lines[-1]
    records = [_record(path, number, line) for number, line in enumerate(complete, 1)]
    if rest and not complete:
        raise TraceError(f"{path}: not a trace: its first line is incomplete")
    if not records:
        raise TraceError(f"{path}: empty; a trace begins with a header line")
    version = records[0].get("trace")
    if version != TRACE_VERSION:
        raise TraceError(f"{path}:1: trace version {version!r}; this program reads {TRACE_VERSION}")
    if not _is_header(records[0]):
        raise TraceError(f"{path}:1: the header needs machines, each with chart and file, and sides with a machine")
    for number, record in enumerate(records[1:], 2):
        problem = _problem(record)
        if problem:
            raise TraceError(f"{path}:{number}: {problem}")
    return Trace(str(path), records[0], records[1:], bool(rest))


def _record(path: Path | str, number: int, line: str) -> Record:
    if len(line) > _MAX_LINE:
        raise TraceError(f"{path}:{number}: a line of {len(line)} characters")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"{path}:{number}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise TraceError(f"{path}:{number}: a record is an object")
    return record


# ---------------------------------------------------------------- the shape that all readers rely on

_LISTS = ("transitions", "exited", "entered", "raised", "configuration", "local", "persons")
_MAPPINGS = ("parameters", "roles", "lanes", "titles", "readings", "data")
_EVENT_TEXTS = ("name", "type", "sendid", "origin", "origintype", "invokeid")


def _is_header(record: Record) -> bool:
    machines, sides = record.get("machines"), record.get("sides", {})
    return (
        isinstance(machines, dict)
        and all(
            isinstance(m, dict) and isinstance(m.get("chart"), str) and isinstance(m.get("file"), str)
            for m in machines.values()
        )
        and isinstance(sides, dict)
        and all(
            isinstance(s, dict) and isinstance(s.get("machine"), str) and isinstance(s.get("unit", ""), str)
            for s in sides.values()
        )
        and _has_texts(record.get("display", {}))
        and isinstance(record.get("setpoints", {}), dict)
        and all(_is_setpoint(one) for one in record.get("setpoints", {}).values())
        and isinstance(record.get("rows", []), list)
        and all(
            isinstance(row, dict) and type(row.get("count")) is int and _has_texts(row.get("columns"))
            for row in record.get("rows", [])
        )
    )


def _is_setpoint(found: object) -> bool:
    return isinstance(found, str) or (_has_texts(found) and isinstance(found, dict) and "of" in found)


def _has_texts(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(text, str) for text in found.values())


def _problem(record: Record) -> str:
    """What is wrong with a step or a note; empty when nothing is."""
    if not isinstance(record.get("time_ns"), int) or not isinstance(record.get("machine"), str):
        return "a record needs time_ns and machine"
    if "note" in record:
        fits = isinstance(record["note"], str) and isinstance(record.get("text", ""), str)
        return "" if fits and isinstance(record.get("data", {}), dict) else "a note needs note, text and data"
    cause = record.get("cause")
    if cause not in ("start", "event", "timer", "stop") or "configuration" not in record:
        return "a step needs cause and configuration"
    for name in _LISTS:
        value = record.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return f"{name} must be a list of texts"
    for name in _MAPPINGS:
        if not isinstance(record.get(name, {}), dict):
            return f"{name} must be a mapping"
    if cause == "start" and not {"chart", "text_hash", "parameters"} <= record.keys():
        return "a start needs chart, text_hash and parameters"
    for name in ("roles", "lanes", "titles"):
        if not all(isinstance(text, str) for text in record.get(name, {}).values()):
            return f"{name} must be texts"
    if not all(isinstance(record.get(name, ""), str) for name in ("chart", "text_hash", "session", "child", "timer")):
        return "chart, text_hash, session, child and timer must be texts"
    if cause == "timer" and not isinstance(record.get("timer"), str):
        return "a timer step needs timer"
    return _event_problem(record) or _effects_problem(record)


def _event_problem(record: Record) -> str:
    event = record.get("event", {} if record["cause"] != "event" else None)
    if not isinstance(event, dict) or not event.keys() <= {*_EVENT_TEXTS, "data"}:
        return "an event step needs event, a mapping of name, data and SCXML's fields"
    if record["cause"] == "event" and not event.get("name"):
        return "an event needs a name"
    return "" if all(isinstance(event.get(name, ""), str) for name in _EVENT_TEXTS) else "event: texts expected"


def _effects_problem(record: Record) -> str:
    effects, failures = record.get("effects", []), record.get("failures", [])
    if not isinstance(effects, list) or not isinstance(failures, list):
        return "effects and failures must be lists"
    for failure in failures:
        if not isinstance(failure, dict) or not {"message", "position"} <= failure.keys():
            return "a failure needs message and position"
    for effect in effects:
        keys = EFFECTS.get(str(effect.get("do"))) if isinstance(effect, dict) else None
        if keys is None:
            return f"effects: unknown effect {effect!r}"[:200]
        for name, kind in keys.items():
            if not isinstance(effect.get(name), kind):
                return f"effect {effect['do']} needs {name}"
        if not isinstance(effect.get("delay_ns", 0), int):
            return f"effect {effect['do']}: delay_ns must be whole"
    return ""
