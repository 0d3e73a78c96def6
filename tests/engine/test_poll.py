"""`poll`: a look again and again while a state is active."""

from __future__ import annotations

import pytest

import engine
from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference.interpreter import Interpreter
from engine.semantics.step import CancelTimer, StartTimer
from engine.tools.diagram.text_formats import mermaid
from engine.tools.mutation.mutants import mutants_of

MS = 1_000_000
CHART = """\
machine: m
parameters: {T_look: {type: duration, default: 100 ms}}
data: {n: {type: int, initial: 0}, looks: {type: int, initial: 0}}
events: {add: {direction: in, payload: {by: int}}, leave: {direction: in}, again: {direction: in}}
states:
  watched:
    entry: [assign: {looks: 0}]
    poll:
      - {when: n > 10, every: T_look, target: high}
      - {when: n >= 0, every: T_look, actions: [assign: {looks: looks + 1}]}
      - {when: n < 0, every: 250 ms, target: low}
    on:
      add: {actions: [assign: {n: n + event.by}]}
      leave: low
      again: watched
  high: {}
  low: {}
ignore: [add, leave, again]
"""


def test_it_looks_every_time_and_stays_until_it_is_true() -> None:
    machine = engine.start(load_text(CHART))
    machine.advance(99 * MS)
    assert machine.data["looks"] == 0  # the first look is after one period
    machine.advance(1 * MS)
    assert machine.data["looks"] == 1
    machine.advance(300 * MS)
    assert (machine.data["looks"], machine.configuration) == (4, ("watched",))
    machine.send("add", {"by": 11})
    machine.advance(99 * MS)
    assert machine.configuration == ("watched",)
    machine.advance(1 * MS)
    assert machine.configuration == ("high",)
    machine.advance(1000 * MS)
    assert machine.data["looks"] == 4, "a state that was left is not looked at"


def test_each_period_has_its_own_time() -> None:
    machine = engine.start(load_text(CHART))
    machine.send("add", {"by": -1})
    machine.advance(249 * MS)
    assert (machine.data["looks"], machine.configuration) == (0, ("watched",))
    machine.advance(1 * MS)
    assert machine.configuration == ("low",)


def test_a_state_entered_anew_counts_anew() -> None:
    machine = engine.start(load_text(CHART))
    machine.advance(90 * MS)
    machine.send("again")
    machine.advance(90 * MS)
    assert machine.data["looks"] == 0
    machine.advance(10 * MS)
    assert machine.data["looks"] == 1


def test_a_snapshot_goes_on_with_it() -> None:
    chart = load_text(CHART)
    machine = engine.start(chart)
    machine.advance(150 * MS)
    again = engine.resume(chart, machine.snapshot())
    again.advance(50 * MS)
    assert again.data["looks"] == 2


def test_the_core_starts_the_timer_again_and_so_does_the_reference() -> None:
    chart = load_text(CHART)
    reference = Interpreter(chart, bind_parameters(chart, None))
    reference.begin()
    machine = engine.start(chart)
    timer = "watched/after every T_look"
    step = machine.expire(timer)
    assert step.effects == (StartTimer(timer, 100 * MS),)
    assert reference.expire(timer).effects == step.effects
    machine.send("add", {"by": 20})
    assert [type(effect) for effect in machine.expire(timer).effects] == [CancelTimer, CancelTimer]


def test_drawings_say_how_often() -> None:
    assert "every T_look (100 ms)" in mermaid(load_text(CHART))


def test_its_parts_are_mutated(tmp_path: object) -> None:
    file = tmp_path / "m.yaml"  # type: ignore[operator]
    file.write_text(CHART)
    mutants = {mutant.name: mutant.text(CHART) for mutant in mutants_of(engine.load(file))}
    assert "every: T_look * 2" in mutants["timeout doubled: watched/after every T_look"]
    assert "when: not (n > 10)" in mutants["guard negated: watched/after every T_look: n > 10"]
    assert "when: n < 0" not in mutants["transition deleted: watched/after every 250 ms"]
    for text in mutants.values():
        load_text(text)


@pytest.mark.parametrize(
    ("poll", "code", "said"),
    [
        ("{every: 1 s, target: low}", "missing-key", "what it looks for"),
        ("{when: n > 1, target: low}", "missing-key", "how often"),
        ("{when: n, every: 1 s}", "type", "must be a bool"),
        ("{when: n > 1, every: 0 s}", "range", "longer than nothing"),
        ("{when: n > 1, every: 3}", "unit", "a duration"),
        ("{when: n > 1, every: 1 s, guard: n > 1}", "unknown-key", "'guard'"),
    ],
)
def test_what_cannot_be_polled(poll: str, code: str, said: str) -> None:
    text = f"machine: m\ndata: {{n: {{type: int, initial: 0}}}}\nstates:\n  s:\n    poll: {poll}\n  low: {{}}\n"
    with pytest.raises(ChartError) as caught:
        load_text(text)
    assert caught.value.problems[0].code == code
    assert said in str(caught.value.problems[0])
