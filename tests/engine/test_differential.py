"""The compiled core does what the reference (W3C SCXML, Appendix A) does: random charts, random inputs, compared after
every microstep. A difference here is a machine that behaves otherwise than its chart says."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, assume, given, settings

import engine
from engine.language.model import Chart
from engine.language.problems import ChartError
from engine.run.machine import Machine
from engine.semantics.compiled.program import Program, keep
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.step import Step
from tests.engine.charts import Input, chart_texts, inputs
from tests.engine.drive import Driver

EXAMPLES = max(40, int(os.environ.get("CHARGECHART_EXAMPLES", "0")) // 40)  # a chart costs as much as many messages
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


def same(got: list[Any], expected: list[Any]) -> None:
    """Fails on the first step that differs, with only that step."""
    for number, (one, other) in enumerate(zip(got, expected, strict=True)):
        if one != other:
            pytest.fail(f"input {number} {other[0]}:\n  got      {one}\n  expected {other}", pytrace=False)


@pytest.fixture(scope="module", autouse=True)
def _short_loops() -> Iterator[None]:
    """Random charts loop without end quite often; a lower bound of microsteps makes them quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.semantics.reference.interpreter.MICROSTEP_BOUND", 30)
        patch.setattr("engine.semantics.compiled.program.MICROSTEP_BOUND", 30)
        yield


def compare(chart: Chart, played: list[Input]) -> None:
    """All ways to run a machine, against the reference.

    Traced plans are compared microstep by microstep; plain ones (other code: direct plans without records) step by
    step; fragments, which run wide parallel charts, microstep by microstep again, also where they take over midway.
    """
    expected = reference(chart, played)
    same(traced(chart, played), expected)
    same(Driver(Machine(chart)).run(played), without_trace(expected))
    for configurations in (0, 2):
        by_fragments = Program(chart, traced=True)
        by_fragments.limit = configurations
        keep(by_fragments)
        same(traced(chart, played), expected)


@given(text=chart_texts(later=True), played=inputs())
@CAMPAIGN
def test_the_compiled_core_does_what_the_reference_does(text: str, played: list[Input]) -> None:
    """Wrong order of actions, wrong data, wrong effects, a lost error: all would show in some microstep."""
    compare(load(text), played)


@given(text=chart_texts(untyped=True), played=inputs())
@settings(CAMPAIGN, max_examples=EXAMPLES // 2)
def test_it_does_so_with_imported_charts_in_which_nothing_is_declared(text: str, played: list[Input]) -> None:
    """Computed targets, names, delays and ids; values of any type, undeclared names, conditions that are none."""
    compare(load(text), played)


@given(text=chart_texts(later=True), played=inputs())
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
    same(driver.seen, Driver(Machine(chart)).run(played))
