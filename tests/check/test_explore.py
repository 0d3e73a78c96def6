"""Invariants: what is called proved holds in every run, what is called broken is broken by the inputs that are told."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, assume, given, settings

from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.run.machine import Machine
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.step import Event, Step
from engine.tools.check import Verdict, check
from tests.engine.charts import Input, chart_texts, inputs
from tests.engine.drive import Driver

DOOR = """
machine: door
events: {open: {direction: in}, shut: {direction: in}, go: {direction: in}, halt: {direction: in}}
data: {moving: {type: bool, initial: False}}
invariant: not moving or In('shut')
states:
  shut:
    on:
      open: {guard: GUARD, target: opened}
      go: {actions: [assign: {moving: True}]}
      halt: {actions: [assign: {moving: False}]}
  opened:
    on: {shut: shut}
"""


def verdict(text: str, limit: int = 300) -> Verdict:
    (only,) = check(load_text(text), limit).verdicts
    return only


def test_an_invariant_that_holds_is_proved_in_all_states() -> None:
    found = verdict(DOOR.replace("GUARD", "not moving"))
    assert (found.proved, found.path, found.states) == (True, "", 3)


def test_a_broken_one_is_told_with_the_shortest_inputs_and_they_break_it() -> None:
    text = DOOR.replace("GUARD", "True")
    found = verdict(text)
    assert (found.proved, found.path) == (False, "start, go, open")
    machine = Machine(load_text(text))
    raised = machine.begin().raised
    for name in found.path.split(", ")[1:]:
        assert raised == ()
        raised = machine.process(Event(name)).raised
    assert raised == ("error.invariant",)


TIMERS = """
machine: timers
data: {early: {type: bool, initial: False}, late: {type: bool, initial: False}}
invariant: early or not late
states:
  run:
    after:
      2 s: {actions: [assign: {early: True}]}
      DELAY: {actions: [assign: {late: True}]}
"""


def test_the_shorter_timer_expires_first() -> None:
    assert verdict(TIMERS.replace("DELAY", "5 s")).proved
    assert verdict(TIMERS.replace("DELAY", "1 s")).path == "start, after 1 s"


COUNTER = """
machine: counter
events: {level: {direction: in, payload: {v: TYPE}}}
data: {n: {type: int, initial: 0}}
invariant: n < 4
states:
  only:
    on:
      level: {guard: GUARD, actions: [assign: {n: N}]}
"""


def test_what_is_sampled_or_cut_off_is_not_proved() -> None:
    sampled = verdict(COUNTER.replace("TYPE", "float").replace("GUARD", "event.v > 3.5").replace("N}", "3}"))
    assert (sampled.proved, sampled.path, sampled.why_not) == (False, "", "inputs were sampled")
    few = verdict(COUNTER.replace("TYPE", "bool").replace("GUARD", "event.v").replace("N}", "3}"))
    assert few.proved
    endless = COUNTER.replace("TYPE", "bool").replace("GUARD", "event.v").replace("N}", "n - 1}")
    assert verdict(endless).why_not == "the limit is reached"


def test_a_value_that_a_guard_compares_with_is_tried() -> None:
    found = verdict(COUNTER.replace("TYPE", "float").replace("GUARD", "event.v > 723.5").replace("N}", "4}"))
    told, _, value = found.path.rstrip(")").partition("=")
    assert told == "start, level(v"
    assert float(value) > 723.5


@settings(
    max_examples=min(int(os.environ.get("CHARGECHART_EXAMPLES", "15")), 40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(text=chart_texts(), played=inputs())
def test_what_is_proved_holds_in_every_run(text: str, played: list[Input]) -> None:
    try:
        # The generator's events are the machine's own; here the world sends them, but for payloads of any integer.
        chart = load_text(text.replace('": {}', '": {"direction": "in"}'), "random.yaml")
    except ChartError:
        assume(False)
        return
    verdicts = check(chart, 40).verdicts
    assume(verdicts)
    proved = {str(v.invariant.position) for v in verdicts if v.proved}
    sent = {name for name, event in chart.events.items() if event.direction == "in"}
    plain = [(kind, what) for kind, what in played if kind == "timer" or what[0] in sent]
    for _, step, _ in Driver(Interpreter(chart, bind_parameters(chart, None))).run(plain):
        if isinstance(step, Step):
            assert not proved & {f.position for f in step.failures if f.message.startswith("invariant broken")}
