"""Reads traces; a broken line is named, never guessed at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.trace.record import TRACE_VERSION

Record = dict[str, Any]
_MAX_LINE = 64_000_000


class TraceError(Exception):
    """A file is no trace of this version: the message names file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace read whole. ``records[i]`` stands in line ``i + 2`` of the file."""

    file: str
    header: Record
    records: list[Record]

    def steps(self) -> list[Record]:
        """The records of macrosteps."""
        return [record for record in self.records if "cause" in record]


def read(path: Path | str) -> Trace:
    """Raises ``TraceError``. A last line cut off by a crash is left out."""
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
    for number, record in enumerate(records[1:], 2):
        if not isinstance(record.get("time_ns"), int) or not isinstance(record.get("machine"), str):
            raise TraceError(f"{path}:{number}: a record needs time_ns and machine")
    return Trace(str(path), records[0], records[1:])


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
