"""State ids are dotted paths: the end of an inner state must not be taken for the end of the outer one."""

from __future__ import annotations

import pytest

from engine.language.load import load_text
from engine.run.machine import Machine
from engine.semantics.reference import Interpreter
from engine.semantics.step import Event

CHART = """
machine: nested
events: {go: {direction: in}}
states:
  outer:
    onDone: outer_over
    states:
      inner:
        onDone: after_inner
        states:
          work: {on: {go: ready}}
          ready: {type: final, output: {n: 1}}
      after_inner: {on: {go: over}}
      over: {type: final}
  outer_over: {type: final}
"""


@pytest.mark.parametrize("make", [Machine, lambda chart: Interpreter(chart, {})])
def test_the_outer_state_waits_for_its_own_end(make: type[Machine]) -> None:
    machine = make(load_text(CHART))
    machine.begin()
    step = machine.process(Event("go"))
    assert step.entered == ("outer.inner.ready", "outer.after_inner")
    step = machine.process(Event("go"))
    assert step.entered == ("outer.over", "outer_over")


def test_a_wider_descriptor_still_takes_every_end() -> None:
    chart = load_text(CHART.replace("    onDone: outer_over", "    on: {done.state.*: outer_over}"))
    machine = Machine(chart)
    machine.begin()
    assert machine.process(Event("go")).entered == ("outer.inner.ready", "outer.after_inner")
    assert machine.process(Event("go")).entered == ("outer.over", "outer_over")


def test_onDone_reads_the_output_of_its_own_end_only() -> None:
    """`done.state.outer.inner` carries n, `done.state.outer` does not: `event.n` is an error in the latter."""
    from engine.language.problems import ChartError

    text = CHART.replace("        onDone: after_inner", "        onDone: {target: after_inner, guard: event.n == 1}")
    load_text(text)
    with pytest.raises(ChartError, match=r"event\.n|'n'"):
        load_text(CHART.replace("    onDone: outer_over", "    onDone: {target: outer_over, guard: event.n == 1}"))
