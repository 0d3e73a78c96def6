"""Gives a trace's events, timer expiries and readings to the same charts again and compares the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.adapter import AdapterError
from engine.language.model import Chart
from engine.language.traverse import charts_below
from engine.run.json_values import from_json, to_json
from engine.run.system import Factory, make_machine
from engine.semantics.interfaces import Stepper
from engine.semantics.step import Event, Step
from engine.tools.trace.reader import Record, Trace
from engine.tools.trace.record import kept, outcome

_OUTCOME = (
    "configuration",
    "transitions",
    "exited",
    "entered",
    "raised",
    "effects",
    "data",
    "failures",
    "unhandled",
)


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference between a replay and its trace: the line of the trace, the field, the recorded and the new
    value."""

    line: int
    record: Record
    field: str
    recorded: Any
    replayed: Any


Change = Callable[[str, Chart, dict[str, Any]], dict[str, Any]]
"""The parameters a machine is replayed with: of its path, its chart and the recorded parameters."""


def replay(
    trace: Trace,
    charts: Mapping[str, Chart],
    make: Factory = make_machine,
    change: Change = lambda path, chart, recorded: recorded,
) -> Parting | None:
    """Replay on ``charts`` (by the names of the root machines); None when every step is the same.

    Parameters are those of the trace, even where the charts' defaults have changed, unless ``change`` gives others.
    """
    return _Replay(charts, make, change).run(trace)


class _Replay:
    def __init__(self, charts: Mapping[str, Chart], make: Factory, change: Change) -> None:
        self._charts = charts
        self._change = change
        self._make = make
        self._machines: dict[str, Stepper] = {}
        self._data: dict[str, dict[str, Any]] = {}
        self._children: dict[str, tuple[str, str, Any]] = {}  # path -> parent's path, id, key
        self._calls: set[tuple[str, str]] = set()
        self.readings: Mapping[str, Any] = {}

    def run(self, trace: Trace) -> Parting | None:
        for number, record in enumerate(trace.records, 2):
            if "cause" in record:
                parting = self._step(number, record)
                if parting is not None:
                    return parting
            elif record["note"] == "machine_failed":
                self._forget(record["machine"])
        return None

    def alive(self, path: str, child: str, key: Any) -> int:
        if key is not None:
            return int((path, child, to_json(key)) in self._children.values())
        running = sum(1 for parent, id_, _ in self._children.values() if (parent, id_) == (path, child))
        return running + ((path, child) in self._calls)

    def _step(self, number: int, written: Record) -> Parting | None:
        record = unveiled(written)
        path = record["machine"]
        self.readings = record.get("readings", {})
        try:
            step = self._compute(path, record)
        except (KeyError, ValueError) as error:
            return Parting(number, written, "machine", path, str(error))
        machine = self._machines[path]
        found = outcome(step, machine, self._data[path])
        self._data[path] = kept(machine)
        for field in _OUTCOME:
            if found.get(field) != record.get(field):
                return Parting(number, written, field, record.get(field), found.get(field))
        self._follow(path, record, machine)
        return None

    def _compute(self, path: str, record: Record) -> Step:
        cause = record["cause"]
        if cause == "start":
            return self._begin(path, record)
        if path not in self._machines:
            raise ValueError("no record of its start in the trace")
        machine = self._machines[path]
        if cause == "event":
            event = record["event"]
            fields = {name: from_json(value) for name, value in event.items()}
            return machine.process(Event(**fields))
        return machine.expire(record["timer"]) if cause == "timer" else machine.finish()

    def _begin(self, path: str, record: Record) -> Step:
        parent = path.rpartition("/")[0]
        if "child" in record:
            known = charts_below(self._machines[parent].chart).get(record["child"], [])
            if not known:
                raise ValueError(f"{self._machines[parent].chart.name} has no child {record['child']!r}")
            chart = next((one for one in known if one.name == record.get("chart")), known[0])
            self._children[path] = (parent, record["child"], record.get("key"))
        elif path in self._charts:
            chart = self._charts[path]
        else:
            raise ValueError(f"no chart was given for machine {path!r}")
        machine = self._make(chart, self._change(path, chart, from_json(record["parameters"])))
        machine.surroundings = _Recorded(self, path)
        self._machines[path] = machine
        self._data[path] = {}
        return machine.begin()

    def _follow(self, path: str, record: Record, machine: Stepper) -> None:
        """What the step changes for those who ask whether children live."""
        for effect in record.get("effects", ()):
            if effect["do"] == "start_call":
                self._calls.add((path, effect["id"]))
            elif effect["do"] == "stop_child":
                self._calls.discard((path, effect["id"]))
        if "event" in record and record["event"]["name"].startswith(("done.invoke.", "error.invoke.")):
            self._calls.discard((path, record["event"].get("invokeid", "")))
        if machine.done or record["cause"] == "stop":
            self._forget(path)

    def _forget(self, path: str) -> None:
        for known in (self._machines, self._data, self._children):
            known.pop(path, None)


def unveiled(value: Any) -> Any:
    """A record with its stand-ins for secrets taken as the secrets."""
    if isinstance(value, dict):
        if len(value) == 1 and "$secret" in value:
            return value["$secret"]
        return {name: unveiled(item) for name, item in value.items()}
    return [unveiled(item) for item in value] if isinstance(value, list) else value


class _Recorded:
    """The surroundings of a replayed machine: what the trace says was read."""

    def __init__(self, owner: _Replay, path: str) -> None:
        self._owner = owner
        self._path = path

    def read(self, role: str, name: str) -> Any:
        try:
            return from_json(self._owner.readings[f"{role}.{name}"])
        except KeyError:
            raise AdapterError(f"{role}.{name} was not read in this step of the trace") from None

    def alive(self, child: str, key: Any = None) -> int:
        return self._owner.alive(self._path, child, key)
