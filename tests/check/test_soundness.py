"""What the checker calls dead must not live: random charts are checked, then run with random inputs. A wrong "never"
would make a reviewer delete a transition that a charger needs."""

from __future__ import annotations

import os
from collections import Counter

import hypothesis
from hypothesis import HealthCheck, assume, given, settings

from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.step import Step
from engine.tools.check import check
from tests.engine.charts import Input, chart_texts, inputs
from tests.engine.drive import Driver

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "40")), 120)
NEVER_TAKEN = ("C103", "C104", "C105", "C108")


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(text=chart_texts(), played=inputs(20))
def test_what_is_called_dead_is_never_seen_alive(text: str, played: list[Input]) -> None:
    try:
        chart = load_text(text, "random.yaml")
    except ChartError:
        assume(False)
        return
    findings = check(chart).findings
    dead = {f.place for f in findings if f.code in NEVER_TAKEN and "'if'" not in f.message}
    unreachable = {f.place for f in findings if f.code == "C101"}
    stuck = {f.place for f in findings if f.code == "C102"}
    instant = {f.place for f in findings if f.code == "C110" and "at once" in f.message}
    hypothesis.event(f"codes: {sorted(Counter(f.code for f in findings))}")
    for cause, step, look in Driver(Interpreter(chart, bind_parameters(chart, None))).run(played):
        if not isinstance(step, Step):
            continue
        assert not dead & set(step.transitions), findings
        assert not unreachable & set(step.entered), findings
        assert cause.removeprefix("timer ") not in instant, findings
        if cause != "finish":
            assert not (stuck & set(step.exited)) - set(look[0]), findings  # it may enter itself anew
