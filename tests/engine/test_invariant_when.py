"""`when` of an invariant, and units of ratios."""

from __future__ import annotations

import engine
from engine.language.expr.text import to_text
from engine.language.load import load_text

CHART = """\
machine: m
parameters: {R_least: {type: float Ohm/V, default: 100 Ohm/V}}
data: {n: {type: int, initial: 0}, resistance: {type: float kOhm, initial: 60 kOhm}}
events: {more: {direction: in}, go: {direction: in}}
invariant:
  - {expr: n < 2, when: In('on'), message: too many}
  - {when: n > 0, expr: resistance >= R_least * 500 V}
on: {more: {actions: [assign: {n: n + 1}]}}
states:
  off: {on: {go: on}}
  on: {ignore: [go]}
"""


def test_it_need_not_hold_when_the_condition_is_false() -> None:
    machine = engine.start(load_text(CHART))
    assert not machine.send("more").failures
    assert not machine.send("more").failures  # two, and not on
    (failure,) = machine.send("go").failures
    assert failure.message == "invariant broken: too many"


def test_what_the_checks_and_drawings_are_told() -> None:
    first, second = load_text(CHART).root.invariants
    assert first.text == "n < 2 when In('on')"
    assert to_text(first.condition) == "not In('on') or n < 2"
    assert to_text(second.condition) == "not n > 0 or resistance >= R_least * 500 V"
