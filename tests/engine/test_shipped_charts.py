"""The charts we ship do the same on the reference and on the compiled core, whatever events and measurements come."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.model import Chart
from engine.language.traverse import event_definition
from engine.language.types import Kind, Type
from engine.run.machine import Machine
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.step import Event
from tests.benchmarks.bench_engine import needed_parameters

ROOT = Path(__file__).parents[2] / "machines"
CHARTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.yaml") if "contract" not in path.name)
STEPS = max(400, int(os.environ.get("CHARGECHART_EXAMPLES", "0")) * 2 // 5)


def some_value(choose: random.Random, type_: Type) -> Any:
    """A random value of a type, within its bounds."""
    if type_.optional and choose.random() < 0.2:
        return None
    low = type_.minimum if type_.minimum is not None else 0
    high = type_.maximum if type_.maximum is not None else low + 1000
    match type_.kind:
        case Kind.BOOL:
            return choose.random() < 0.5
        case Kind.INT | Kind.DURATION:
            return choose.choice([choose.randint(int(low), int(high)), min(int(low) + choose.randint(0, 3), int(high))])
        case Kind.FLOAT:
            return choose.uniform(low, high)
        case Kind.ENUM:
            return choose.choice(type_.values)
        case Kind.STRING:
            return "x" * int(low)
        case Kind.BYTES:
            return bytes(choose.randrange(3) for _ in range(int(low)))
        case Kind.LIST:
            assert type_.item is not None
            return [some_value(choose, type_.item) for _ in range(int(low) + choose.randint(0, 1))]
    return None


class RandomWorld:
    """Measurements that stay as they are for one step."""

    def __init__(self, chart: Chart, choose: random.Random) -> None:
        self.chart = chart
        self.choose = choose
        self.values: dict[tuple[str, str], Any] = {}

    def read(self, role: str, name: str) -> Any:
        if (role, name) not in self.values:
            self.values[role, name] = some_value(self.choose, self.chart.adapters[role].values[name])
        return self.values[role, name]

    def alive(self, child: str, key: Any = None) -> int:
        return len(child) % 2


@pytest.mark.parametrize("path", CHARTS)
def test_random_events_lead_to_the_same_steps(path: str) -> None:
    """A difference would mean that the controller that runs is not the one that was reviewed."""
    chart = engine.load(ROOT / path)
    choose = random.Random(path)
    world = RandomWorld(chart, choose)
    parameters = needed_parameters(chart)
    names = sorted({d for t in chart.transitions for d in t.descriptors} | set(chart.events))
    pair: list[Any] = []
    for number in range(STEPS):
        world.values.clear()
        if not pair or pair[0].done:
            pair = [Machine(chart, parameters), Interpreter(chart, bind_parameters(chart, parameters))]
            pair[0].tracing = True
            pair[0].surroundings = pair[1].surroundings = world
            assert pair[0].begin() == pair[1].begin()
        timers = [timer.id for id_ in ("", *pair[0].configuration) for timer in chart.states[id_].timers]
        if timers and (not names or choose.random() < 0.25):
            timer = choose.choice(timers)
            got, expected = (machine.expire(timer) for machine in pair)
        elif not names:
            break  # a chart that only measures
        else:
            name = choose.choice(names)
            definition = event_definition(chart, name)
            fields = definition.payload if definition is not None and definition.payload else {}
            event = Event(name, {field: some_value(choose, type_) for field, type_ in fields.items()} or None)
            got, expected = (machine.process(event) for machine in pair)
        if got != expected:
            pytest.fail(f"step {number} of {path}:\n  got      {got}\n  expected {expected}", pytrace=False)
        assert pair[0].configuration == pair[1].active


def test_there_are_charts_to_compare() -> None:
    assert len(CHARTS) > 5
