"""``In`` in a guard behind another transition of the same ladder, on the reference and on the compiled core."""

from __future__ import annotations

from typing import Any

import pytest

from engine.semantics.step import Event
from tests.engine.test_semantics import active, chart, compiled, reference

LADDER = """
events: {go: {}}
data: {n: {type: int, initial: 0}}
initial: p
states:
  p:
    initial: announced
    on:
      go:
        - {guard: n > 5, target: q}
        - {guard: "In('p.announced')", target: .approaching}
        - actions: [assign: {n: n + 10}]
    states: {announced: {}, approaching: {}}
  q: {}
"""
EVENTLESS = """
events: {go: {}}
data: {n: {type: int, initial: 0}}
initial: p
states:
  p:
    initial: announced
    on: {go: {actions: [assign: {n: n + 1}]}}
    always:
      - {guard: n > 5, target: q}
      - {guard: "n == 1 and In('p.announced')", target: .approaching}
    states: {announced: {}, approaching: {}}
  q: {}
"""


@pytest.mark.parametrize("make", [reference, compiled])
@pytest.mark.parametrize("text", [LADDER, EVENTLESS])
def test_a_later_guard_sees_the_states_before_the_transition(make: Any, text: str) -> None:
    """A chart asks ``In`` where its first transition would leave that state: the answer is of now, not of then."""
    machine = make(chart(text))
    machine.begin()
    machine.process(Event("go"))
    assert "p.approaching" in active(machine)
