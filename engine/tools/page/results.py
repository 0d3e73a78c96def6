"""The sessions of a trace: how each ended, as a running station tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.language.model import Chart
from engine.run.judgement import went_well
from engine.tools.trace.reader import Record, Trace
from engine.tools.trace.show import arguments
from engine.tools.trace.units import counts_nothing, units_of

Plain = dict[str, Any]


def results(trace: Trace, known: Mapping[str, Chart]) -> list[Plain]:
    """Of the trace's first machine, or of the machines on its units; of charts that are ``known``, by their keys."""
    main = next(iter(trace.header["machines"]), "")
    charts: dict[str, Chart] = {}
    parameters: dict[str, Mapping[str, Any]] = {}
    began_ns: dict[str, int] = {}
    found: list[Plain] = []
    for record in trace.records:
        path = record["machine"]
        if path.partition("/")[0] != main:
            continue
        if record.get("cause") == "start" and (chart := known.get(record["text_hash"][:16])) is not None:
            charts[path], parameters[path] = chart, record.get("parameters", {})
        own = charts.get(path)
        if own is None or own.session is None or _is_inside_one(path, charts):
            continue
        if own.session.during in record.get("entered", ()):
            began_ns.setdefault(path, record["time_ns"])
        for data in _ends(record, own.session.result):
            lean = {name: value for name, value in (data or {}).items() if value not in ("", {"$hex": ""})}
            began = began_ns.pop(path, None)
            found.append(
                {
                    "number": len(found) + 1,
                    "time_ns": record["time_ns"],
                    "good": went_well(own.session, parameters[path], data),
                    "text": arguments(lean, units_of(own).get(own.session.result)),
                    "duration_ns": None if began is None else record["time_ns"] - began,
                    "unit": "".join(re.findall(r"/(\w+)\[(\d+)\]", path)[0]) if "[" in path else "",
                    "sides": [],
                    "data": lean,
                    "empty": counts_nothing(units_of(own).get(own.session.result, {}), lean),
                }
            )
    return found


def _is_inside_one(path: str, charts: Mapping[str, Chart]) -> bool:
    parts = path.split("/")
    above = [charts.get("/".join(parts[:n])) for n in range(1, len(parts))]
    return any(chart is not None and chart.session is not None for chart in above)


def _ends(record: Record, event: str) -> Iterator[Any]:
    """What the event carries, each time it is said."""
    if record.get("note") == "out" and record.get("text") == event:
        yield record.get("data")
    if "/" in record["machine"]:
        for effect in record.get("effects", ()):
            if effect["do"] == "send" and effect["event"] == event and effect.get("to") == "parent":
                yield effect.get("data")
