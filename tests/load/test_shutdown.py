"""`shutdown:`: what it becomes, and what is told of one that is wrong."""

from __future__ import annotations

import pytest

import engine
from engine.language.problems import ChartError
from engine.run import System

STOVE = """
machine: stove
parameters: {T_cool: {type: duration, default: 2 s}}
events: {leave: {direction: in}, told: {direction: out}, with_data: {direction: in, payload: {n: int}}}
shutdown: {event: leave, within: T_cool * 2 + 1 s, done: [cold, kitchen.dark]}
states:
  hot: {on: {leave: cold, with_data: kitchen}}
  cold:
  kitchen: {states: {light: , dark: }}
"""


def test_what_it_becomes() -> None:
    shutdown = engine.load_text(STOVE).shutdown
    assert shutdown is not None
    assert (shutdown.event, shutdown.text) == ("leave", "T_cool * 2 + 1 s")
    assert [state.id for state in shutdown.done] == ["cold", "kitchen.dark"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{within: 1 s, done: cold}", "event"),
        ("{event: leave, done: cold}", "longest time"),
        ("{event: leave, within: 1 s}", "never ends"),
        ("{event: leve, within: 1 s, done: cold}", "'leve'"),
        ("{event: told, within: 1 s, done: cold}", "direction in"),
        ("{event: with_data, within: 1 s, done: cold}", "carries n"),
        ("{event: leave, within: 1 V, done: cold}", "V"),
        ("{event: leave, within: 0 s - x, done: cold}", "x"),
        ("{event: leave, within: -1 s, done: cold}", "negative"),
        ("{event: leave, within: 1 s, done: colt}", "colt"),
        ("{event: leave, within: 1 s, done: []}", "never ends"),
        ("{event: leave, within: 1 s, done: cold, when: now}", "when"),
        ("leave", "mapping"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(given: str, told: str) -> None:
    text = STOVE.replace("{event: leave, within: T_cool * 2 + 1 s, done: [cold, kitchen.dark]}", given)
    with pytest.raises(ChartError) as error:
        engine.load_text(text)
    assert told in str(error.value)
    assert {problem.position.line for problem in error.value.problems} == {5}


def test_a_machine_that_ends_by_itself_needs_no_state() -> None:
    text = STOVE.replace(", done: [cold, kitchen.dark]", "").replace("  cold:\n", "  cold: {type: final}\n")
    system = System()
    root = system.add(engine.load_text(text))
    system.start()
    system.end()
    assert (root.state, system.clock.now_ns(), system.failures) == ("done", 0, [])


@pytest.mark.parametrize("seconds", [2, 7])
def test_its_time_is_the_machines(seconds: int) -> None:
    """Parameters count as they were set, not as the chart has them."""
    text = STOVE.replace("leave: cold", "leave: ")
    system = System()
    root = system.add(engine.load_text(text), parameters={"T_cool": seconds * 1_000_000_000})
    system.start()
    system.end()
    assert system.clock.now_ns() == (2 * seconds + 1) * 1_000_000_000
    assert root.machine.done
    assert "not over after" in system.failures[0]
