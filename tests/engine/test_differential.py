"""The compiled core does what the reference (W3C SCXML, Appendix A) does: random charts, random inputs, compared after
every microstep. A difference here is a machine that behaves otherwise than its chart says."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import hypothesis
from hypothesis import HealthCheck, assume, given, settings

import engine
from engine.core.program import Program
from engine.machine import Machine
from engine.model import Chart
from engine.problems import ChartError
from engine.reference import Interpreter
from engine.start import bind_parameters
from engine.step import Step
from tests.engine.charts import Input, chart_texts, inputs
from tests.engine.drive import Driver

EXAMPLES = int(os.environ.get("CHARGECHART_EXAMPLES", "300"))
CAMPAIGN = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def load(text: str) -> Chart:
    try:
        return engine.load_text(text, "random.yaml")
    except ChartError as error:
        hypothesis.note(str(error))
        assume(False)
        raise


def reference(chart: Chart, played: list[Input]) -> list[Any]:
    return Driver(Interpreter(chart, bind_parameters(chart, None))).run(played)


def traced(chart: Chart, played: list[Input]) -> list[Any]:
    machine = Machine(chart)
    machine.tracing = True
    return Driver(machine).run(played)


def without_trace(seen: list[Any]) -> list[Any]:
    bare = []
    for cause, step, look in seen:
        kept = dataclasses.replace(step, microsteps=(), changes={}) if isinstance(step, Step) else step
        bare.append((cause, kept, look))
    return bare


@given(text=chart_texts(), played=inputs())
@CAMPAIGN
def test_traced_plans_do_every_microstep_of_the_reference(text: str, played: list[Input]) -> None:
    """Wrong order of actions, wrong data, wrong effects, a lost error: all would show in some microstep."""
    chart = load(text)
    assert traced(chart, played) == reference(chart, played)


@given(text=chart_texts(), played=inputs())
@CAMPAIGN
def test_plain_plans_do_what_the_reference_does(text: str, played: list[Input]) -> None:
    """What runs in production has no trace: its direct plans are other code than the traced ones."""
    chart = load(text)
    assert Driver(Machine(chart)).run(played) == without_trace(reference(chart, played))


@given(text=chart_texts(), played=inputs())
@CAMPAIGN
def test_pieces_do_every_microstep_of_the_reference(text: str, played: list[Input]) -> None:
    """Wide parallel charts are run by pieces; here every chart is."""
    chart = load(text)
    by_pieces = Program(chart, traced=True)
    by_pieces.limit = 0
    chart.programs["traced"] = by_pieces
    assert traced(chart, played) == reference(chart, played)


@given(text=chart_texts(), played=inputs())
@settings(CAMPAIGN, max_examples=EXAMPLES // 2)
def test_a_snapshot_at_every_step_changes_nothing(text: str, played: list[Input]) -> None:
    """A controller that is stopped and resumed between any two steps goes on as if it had not been."""
    chart = load(text)
    driver = Driver(Machine(chart))
    driver.take("begin", driver.machine.begin)
    for kind, what in played:
        driver.machine = Machine.restore(chart, driver.machine.core_snapshot())
        driver.one(kind, what)
    driver.machine = Machine.restore(chart, driver.machine.core_snapshot())
    driver.take("finish", driver.machine.finish)
    assert driver.seen == Driver(Machine(chart)).run(played)
