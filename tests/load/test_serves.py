"""`serves:`: what a contract becomes in the chart that serves it, and what is told of one that does not do all."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.language.load.contract import load_contract
from engine.language.model import Chart, Contract
from engine.language.problems import ChartError

CONTRACT = """
contract: lamp
actions:
  dim: {args: {level: float %}}
  warm_up: {args: {}, result: {took: duration}}
events:
  broken: {payload: {text: string}}
values:
  level: float %
  mode: enum(off, dim, full)
"""

CHART = """
machine: lamp_driver
serves: lamp
data:
  level: {type: float %, initial: 0 %}
  mode: {type: "enum(off, full)", initial: "'off'"}
events: {burnt: {direction: in}}
states:
  waiting:
    on:
      dim: {actions: [assign: {level: event.level}]}
      warm_up: {actions: {send: {event: warm_up.done, to: parent, data: {took: 5 s}}}}
      cancel.warm_up:
      burnt: {actions: {send: {event: broken, to: parent, data: {text: "'gone'"}}}}
"""


def lamp(tmp_path: Path, text: str = CONTRACT) -> dict[str, Contract]:
    file = tmp_path / "lamp.contract.yaml"
    file.write_text(text)
    return {"lamp": load_contract(file)}


def load(tmp_path: Path, text: str, contract: str = CONTRACT) -> Chart:
    return engine.load_text(text, contracts=lamp(tmp_path, contract))


def test_the_contract_is_the_charts_events(tmp_path: Path) -> None:
    chart = load(tmp_path, CHART)
    assert chart.serves is not None
    assert chart.serves.name == "lamp"
    assert {name: event.direction for name, event in chart.events.items()} == {
        "burnt": "in",
        "dim": "in",
        "warm_up": "in",
        "cancel.warm_up": "in",
        "warm_up.done": "out",
        "warm_up.failed": "out",
        "broken": "out",
    }


@pytest.mark.parametrize(
    ("given", "instead", "line", "told"),
    [
        ("serves: lamp", "serves: lamb", 3, "there is no contract 'lamb'"),
        ("      dim: {actions: [assign: {level: event.level}]}\n", "", 3, "takes no order 'dim'"),
        ("warm_up.done, to: parent, data: {took: 5 s}", "warm_up.failed, to: parent, data: {reason: \"''\"}", 3,
         "never answers 'warm_up'"),
        ("  level: {type: float %, initial: 0 %}\n", "  brightness: {type: float %, initial: 0 %}\n", 3,
         "no data 'level', its value"),
        ("level: {type: float %, initial: 0 %}", "level: {type: float, initial: 0}", 5, "units are not converted"),
        ("level: {type: float %, initial: 0 %}", "level: {type: float %?, initial: 0 %}", 5, "may be None"),
        ("enum(off, full)", "enum(off, glow)", 6, "only enum(off, dim, full)"),
        ("event.level", "event.levl", 11, "'levl'"),
        ("took: 5 s", "took: 5 V", 12, "V"),
        ("text: \"'gone'\"", "txt: \"'gone'\"", 14, "txt"),
        ("burnt: {direction: in}", "dim: {direction: in}", 7, "declared there"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_named_with_its_place(
    tmp_path: Path, given: str, instead: str, line: int, told: str
) -> None:
    assert given in CHART
    with pytest.raises(ChartError) as error:
        load(tmp_path, CHART.replace(given, instead))
    assert told in str(error.value)
    assert line in {problem.position.line for problem in error.value.problems}


@pytest.mark.parametrize(
    ("given", "instead", "told"),
    [
        ("  dim: {args: {level: float %}}", "  done: {args: {}}", "'done' begins built-in events"),
        ("  broken: {payload: {text: string}}", "  dim:", "'dim' is an action and an event"),
    ],
)
def test_a_contract_that_no_chart_can_serve(tmp_path: Path, given: str, instead: str, told: str) -> None:
    with pytest.raises(ChartError, match=told):
        load(tmp_path, CHART, CONTRACT.replace(given, instead))


def test_int_data_stand_for_a_float(tmp_path: Path) -> None:
    chart = load(
        tmp_path,
        CHART.replace("float %, initial: 0 %", "int %, initial: 0 %").replace("event.level", "round(event.level)"),
    )
    assert chart.data["level"].type.kind.value == "int"
