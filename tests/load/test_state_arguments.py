# ruff: noqa: E501
"""`failed(reason='…')`: an argument that is missing, unknown, of another type or out of reach is told of at its place."""

from __future__ import annotations

import pytest

from engine.language.load import load_text
from engine.language.problems import ChartError, Problem

CHART = """\
machine: link
data: {count: {type: int, initial: 0}}
events: {go: {direction: in, payload: {why: string}}, back: {direction: in}}
initial: idle
states:
  idle:
    on: {go: failed(reason=event.why)}
    after: {1 s: 'failed(reason="late", tries=2)'}
  failed:
    args: {reason: string, tries: "int?"}
    on: {back: {target: outer(a=1).inner(b=2), guard: reason == 'x'}}
  outer:
    args: {a: int}
    on: {back: idle}
    initial: inner(b=a)
    states:
      inner:
        args: {b: int}
        on: {go: inner(b=b + 1)}
      kept: {type: history, target: inner(b=0)}
  both:
    type: parallel
    states:
      one:
      two:
"""


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(ChartError) as caught:
        load_text(text, "link.yaml")
    return list(caught.value.problems)


def test_the_chart_the_cases_change_is_sound() -> None:
    chart = load_text(CHART, "link.yaml")
    assert list(chart.data) == ["count", "failed.reason", "failed.tries", "outer.a", "outer.inner.b"]


CASES = [
    ("failed(reason=event.why)", "«failed", "missing-argument", "failed needs reason"),
    ("failed(reason=event.why)", "«failed(tries=1)", "missing-argument", "failed needs reason"),
    ("failed(reason=event.why)", "failed(«reasn=event.why)", "unknown-argument", "no argument 'reasn'"),
    ("failed(reason=event.why)", "failed(reason=«5)", "type", "int where string is needed"),
    ("failed(reason=event.why)", "failed(reason=«event.what)", "unknown-name", "what"),
    ("failed(reason=event.why)", "failed(«event.why)", "syntax", "an argument without its name"),
    ("failed(reason=event.why)", "«faild(reason=event.why)", "unknown-state", "no state 'faild"),
    ("failed(reason=event.why)", "failed(reason=«tries)", "unknown-name", "unknown name 'tries'"),
    ('tries=2)', 'tries=«event.why)', "unknown-name", "why"),
    ("outer(a=1).inner(b=2)", "«outer.inner(b=2)", "missing-argument", "outer needs a"),
    ("outer(a=1).inner(b=2)", "«outer(a=1).inner", "missing-argument", "outer.inner needs b"),
    ("outer(a=1).inner(b=2)", "«outer.kept", "missing-argument", "outer needs a"),
    ("outer(a=1).inner(b=2)", "«outer(a=1).kept(b=2)", "unknown-argument", "is a history"),
    ("initial: inner(b=a)\n", "initial: «inner\n", "missing-argument", "outer.inner needs b"),
    ("    initial: inner(b=a)\n    states:", "    states:", "missing-argument", "outer.inner needs b"),
    ("target: inner(b=0)", "target: «inner", "missing-argument", "outer.inner needs b"),
    ("go: inner(b=b + 1)", "go: «.outer(a=1)", "unknown-state", "outer"),
    ("go: inner(b=b + 1)", "go: «outer(a=1).inner(b=1)", "unknown-argument", "outer is not entered here"),
    ("back: idle", "back: .inner(b=«x)", "unknown-name", "unknown name 'x'"),
    ("args: {a: int}", "args: {«count: int, a: int}", "duplicate-name", "data of the chart already"),
    ("args: {b: int}", "args: {b: int, «a: int}", "duplicate-name", "a state around this one"),
    ("args: {a: int}", "args: {a: «itn}", "unknown-type", "'itn'"),
    ("guard: reason == 'x'}", "actions: {assign: {«reason: \"'y'\"}}}", "unknown-name", "a target that enters the state gives it"),
    ("      two:", "      two: {args: {z: int}}\n  end:\n    on: {go: «both}", "missing-argument", "both.two needs z"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "said"), CASES)
def test_a_wrong_argument_is_told_of_at_its_place(old: str, new: str, code: str, said: str) -> None:
    assert CHART.count(old) == 1
    text = CHART.replace(old, new)
    first = next(p for p in problems_of(text.replace("«", "")) if p.code == code)
    assert said in first.message
    if "«" in text:
        before = text[: text.index("«")]
        place = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        assert (first.position.line, first.position.column) == place, str(first)


def test_a_final_state_gives_its_arguments_on() -> None:
    chart = load_text(
        "machine: m\noutput: {r: string}\nevents: {go: {direction: in}}\nstates:\n"
        "  a: {on: {go: end(r='x')}}\n  end: {type: final, args: {r: string}, output: {r: r}}\n"
    )
    assert chart.states["end"].args.keys() == {"r"}
