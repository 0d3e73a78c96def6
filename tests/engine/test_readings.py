"""What a chart reads of its adapters while it computes a step, on the reference and on the compiled core."""

from __future__ import annotations

from typing import Any

import pytest

import engine
from engine.language.model import Contract
from engine.language.types import UNITS, Kind, Type
from engine.run.machine import Machine
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.step import Event, LogText

METER = Contract("meter", {}, {}, {"voltage": Type(Kind.FLOAT, UNITS["V"]), "count": Type(Kind.INT)})
CHART = """
machine: reader
adapters: {m: meter}
events: {e: , f: }
states:
  a:
    on:
      e:
        - {guard: m.voltage > 400 V, actions: [log: "high {m.voltage} {m.voltage}"]}
        - {actions: [log: "low {m.voltage}"]}
      f: {guard: m.count > 0, actions: [log: "counted {m.count}"]}
      error.execution: {actions: [log: "{event.message}"]}
"""


class Surroundings:
    """Counts what is asked."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"voltage": 410.0, "count": 3}
        self.asked: list[str] = []

    def read(self, role: str, name: str) -> Any:
        self.asked.append(f"{role}.{name}")
        value = self.values[name]
        if isinstance(value, Exception):
            raise value
        return value

    def alive(self, child: str, key: Any = None) -> int:
        return 0


@pytest.fixture(params=["reference", "compiled", "traced"])
def machine(request: pytest.FixtureRequest) -> Any:
    chart = engine.load_text(CHART, "reader.yaml", {"meter": METER})
    if request.param == "reference":
        made: Any = Interpreter(chart, bind_parameters(chart, None))
    else:
        made = Machine(chart)
        made.tracing = request.param == "traced"
    made.surroundings = Surroundings()
    made.begin()
    return made


def logs(step: Any) -> list[str]:
    return [effect.text for effect in step.effects if isinstance(effect, LogText)]


def test_a_value_is_read_once_per_macrostep_and_anew_in_the_next(machine: Any) -> None:
    """A guard and the action behind it must decide on the same measurement."""
    assert logs(machine.process(Event("e"))) == ["high 410.0 410.0"]
    assert machine.surroundings.asked == ["m.voltage"]
    assert dict(machine.readings) == {("m", "voltage"): 410.0}
    machine.surroundings.values["voltage"] = 399.5
    assert logs(machine.process(Event("e"))) == ["low 399.5"]
    assert machine.surroundings.asked == ["m.voltage"] * 2


@pytest.mark.parametrize("value", [OSError("the meter is gone"), "many", None, 1.5])
def test_an_adapter_that_fails_or_lies_is_an_error_event(machine: Any, value: Any) -> None:
    machine.surroundings.values["count"] = value
    step = machine.process(Event("f"))
    assert step.transitions == ("a/error.execution",)
    (text,) = logs(step)
    assert text.startswith("m.count cannot be read: ")
    assert step.failures[0].position.startswith("reader.yaml:")


def test_whole_numbers_of_a_float_reading_are_floats(machine: Any) -> None:
    machine.surroundings.values["voltage"] = 230
    assert logs(machine.process(Event("e"))) == ["low 230.0"]
