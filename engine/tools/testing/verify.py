"""Runs generated paths and checks more than the model repeats.

After every step: the reference interpreter agrees with the compiled core; a machine restored from a snapshot does the
same as the one that never stopped; effects keep to the contracts of the chart's adapters, to its own events and to its
children's parameters; no error.execution goes unanswered; no invariant is broken. At the end the path, written as a
trace, replays.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.language.expr import tree
from engine.language.model import Chart
from engine.language.model import Pair as OrderPair
from engine.language.traverse import event_definition
from engine.language.types import Type
from engine.language.values import check_fields, type_error
from engine.run.json_values import from_json, to_json
from engine.run.machine import Machine
from engine.semantics.compiled.symbols import expressions
from engine.semantics.errors import EngineError
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.step import Call, Effect, SendEvent, StartCall, StartChild, Step
from engine.tools.explore.path import Pair, Path, answered
from engine.tools.explore.stimuli import Stimulus, World, event_of
from engine.tools.trace.reader import Trace
from engine.tools.trace.record import TRACE_VERSION, event_record, kept, outcome
from engine.tools.trace.replay import replay

_COMPARED = ("transitions", "exited", "entered", "effects", "raised", "failures", "handled")


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault that a path found. ``step`` counts from 0, the start."""

    path: int
    step: int
    stimulus: str
    text: str

    def __str__(self) -> str:
        return f"path {self.path + 1}, step {self.step} ({self.stimulus}): {self.text}"


def verify(chart: Chart, paths: Iterable[Path]) -> list[Problem]:
    """Run all paths; the problems found."""
    return [problem for number, path in enumerate(paths) for problem in verify_path(chart, path, number)]


def verify_path(chart: Chart, path: Path, number: int = 0) -> list[Problem]:
    """Run one path on core, reference and restored machines."""
    return list(_Run(chart, path, number).problems())


class _Run:
    def __init__(self, chart: Chart, path: Path, number: int) -> None:
        self.chart = chart
        self.path = path
        self.number = number
        self.machine = Machine(chart, path.parameters)
        self.oracle = Interpreter(chart, bind_parameters(chart, path.parameters))
        self.records: list[dict[str, Any]] = []
        self.guaranteed = _without_readings(chart)
        self.standing: set[tuple[str, OrderPair]] = set()

    def problems(self) -> Iterator[Problem]:
        for at, stimulus in enumerate((self.path.start, *self.path.steps)):
            try:
                found = list(self._step(at, stimulus))
            except EngineError as error:
                found = [str(error)]
            told = str(stimulus) if at else "start"
            yield from (Problem(self.number, at, told, text) for text in found)
            if found:
                return  # what follows would only repeat it
        taken = {t for record in self.records for t in record.get("transitions", ())}
        lost = [t for t in self.path.takes if t not in taken]
        lost += [f"{second} after {first}" for first, second in self._lost_pairs()]
        if lost:
            yield Problem(self.number, len(self.path.steps), "end", f"does not take {', '.join(lost)} any more")
        if not any(stimulus.alive for stimulus in (self.path.start, *self.path.steps)):
            yield from self._replayed()
        yield from (Problem(self.number, len(self.path.steps), "end", text) for text in self._left_standing())

    def _left_standing(self) -> Iterator[str]:
        """Ended here, on both interpreters: what exit actions leave energised, closed or locked."""
        step = self.machine.finish()
        yield from _differences("the reference interpreter", step, self.oracle.finish())
        self._account(step)
        if "C180" not in self.chart.waivers:
            for role, pair in self.standing:
                yield f"{role}.{pair.order.text} stands when the machine is ended here"

    def _account(self, step: Step) -> None:
        for effect in step.effects:
            if isinstance(effect, Call):
                for pair in self.chart.adapters[effect.role].unsafe:
                    key = (effect.role, pair)
                    if pair.after(key in self.standing, effect.action, effect.args):
                        self.standing.add(key)
                    else:
                        self.standing.discard(key)

    def _lost_pairs(self) -> list[Pair]:
        order = [t for record in self.records for t in record.get("transitions", ())]
        taken = set(itertools.pairwise(order))
        return [pair for pair in self.path.pairs if pair not in taken]

    def _step(self, at: int, stimulus: Stimulus) -> Iterator[str]:
        world = World(stimulus.readings, stimulus.alive)
        self.machine.surroundings = self.oracle.surroundings = world
        before = kept(self.machine) if at else {}
        resumed = self._resumed() if at else None
        step = _do(self.machine, at, stimulus)
        yield from _differences("the reference interpreter", step, _do(self.oracle, at, stimulus))
        if self.machine.configuration != self.oracle.active:
            yield f"configuration {self.machine.configuration}, the reference's is {self.oracle.active}"
        values = {name: self.oracle.values[name] for name in self.machine.data}
        if dict(self.machine.data) != values:
            yield f"data {_apart(self.machine.data, values)} differ from the reference's"
        if resumed is not None:
            resumed.surroundings = world
            yield from _differences("the machine resumed from a snapshot", step, _do(resumed, at, stimulus))
            if resumed.configuration != self.machine.configuration or dict(resumed.data) != dict(self.machine.data):
                yield "the machine resumed from a snapshot came to another configuration or data"
        yield from self._failures(step)
        self._account(step)
        for effect in step.effects:
            text = broken_contract(self.chart, effect)
            if text:
                yield text
        self._record(at, stimulus, step, before)

    def _resumed(self) -> Machine:
        text = json.dumps(to_json(self.machine.core_snapshot()))
        return Machine.restore(self.chart, from_json(json.loads(text)))

    def _failures(self, step: Step) -> Iterator[str]:
        for failure in step.failures:
            if failure.message.startswith("invariant broken: "):
                if failure.position in self.guaranteed:
                    yield f"{failure.position}: {failure.message}"
            elif not answered(self.chart, step):
                yield f"{failure.position}: nobody answers this error.execution: {failure.message}"

    # ------------------------------------------------------------ the trace

    def _record(self, at: int, stimulus: Stimulus, step: Step, before: Mapping[str, Any]) -> None:
        record: dict[str, Any] = {"time_ns": at, "machine": self.chart.name}
        if not at:
            record |= {"cause": "start", "chart": self.chart.name, "parameters": to_json(self.machine.parameters)}
        elif stimulus.timer:
            record |= {"cause": "timer", "timer": stimulus.timer}
        else:
            record |= {"cause": "event", "event": event_record(event_of(stimulus))}
        readings = {f"{role}.{name}": to_json(value) for (role, name), value in self.machine.readings.items()}
        record |= {"readings": readings, **outcome(step, self.machine, before)}
        self.records.append(record)

    def _replayed(self) -> Iterator[Problem]:
        header = {"trace": TRACE_VERSION, "machines": {self.chart.name: {"chart": self.chart.name}}}
        trace = Trace("path", header, json.loads(json.dumps(self.records)))
        parting = replay(trace, {self.chart.name: self.chart})
        if parting is not None:
            at = parting.line - 2
            text = f"the trace does not replay: {parting.field} was {parting.recorded}, now {parting.replayed}"
            yield Problem(self.number, at, "trace", text)


def _do(machine: Machine | Interpreter, at: int, stimulus: Stimulus) -> Step:
    if not at:
        return machine.begin()
    return machine.expire(stimulus.timer) if stimulus.timer else machine.process(event_of(stimulus))


def _differences(other: str, step: Step, theirs: Step) -> Iterator[str]:
    for name in _COMPARED:
        mine, other_value = getattr(step, name), getattr(theirs, name)
        if mine != other_value:
            yield f"{name}: {mine}; {other} has {other_value}"


def _apart(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={v!r} and {theirs.get(k)!r}" for k, v in mine.items() if v != theirs.get(k))


def broken_contract(chart: Chart, effect: Effect) -> str:
    """How an effect breaks what its receiver declares; empty when it does not."""
    fields: Mapping[str, Type] | None
    try:
        if isinstance(effect, (Call, StartCall)):
            fields = chart.adapters[effect.role].actions[effect.action].args
            check_fields(effect.args, fields, f"{effect.role}.{effect.action}")
        elif isinstance(effect, SendEvent) and effect.target in (None, "parent"):
            definition = event_definition(chart, effect.event)
            fields = definition.payload if definition is not None else None
            if fields is not None:
                check_fields(effect.data or {}, fields, f"event {effect.event}")
        elif isinstance(effect, StartChild) and getattr(effect.invoke, "chart", None) is not None:
            for name, value in effect.input.items():
                why = type_error(value, effect.invoke.chart.parameters[name].type)
                if why:
                    return f"child {effect.id}, parameter {name!r}: {why}"
    except (KeyError, ValueError) as error:
        return f"contract broken: {error}"
    return ""


def _without_readings(chart: Chart) -> set[str]:
    """Places of the invariants that what adapters show cannot break: these must hold whatever happens."""
    outside = (tree.Reading, tree.Alive)
    return {
        str(invariant.position)
        for state in chart.root.walk()
        for invariant in state.invariants
        if not any(isinstance(e, outside) for e in expressions(invariant.condition))
    }
