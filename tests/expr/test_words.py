"""Text without quotes of its own: where it is read as text, and where never."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.expr.check import Scope, expression
from engine.language.expr.lex import ExpressionError
from engine.language.expr.parse import parse
from engine.language.expr.text import to_text
from engine.language.expr.tree import Literal
from engine.language.expr.words import are_words
from engine.language.load import load_text
from engine.language.types import ANY, STRING, Type
from tests.expr.strategies import MODE, SCOPE, conditions, numbers
from tests.load.contracts import CONTRACTS

OPTIONAL = Type(STRING.kind, optional=True)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("no answer in time", STRING),
        ("  link lost ", STRING),
        ("does not close", STRING),
        ("it is over", STRING),
        ("the contactor does not open: welded?", STRING),
        ("left by the vehicle: still live, so locked", STRING),
        ("over-temperature of a module", OPTIONAL),
        ("below 5 A within 30 ms", STRING),
        ("fast", MODE),
        ("not", Type(MODE.kind, values=("in", "not"))),
        ("x-1", Type(MODE.kind, values=("x-1",))),
    ],
)
def test_text_that_is_itself(text: str, type_: Type) -> None:
    expr = expression(text, SCOPE, type_)
    assert isinstance(expr, Literal)
    assert expr.value == text.strip()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("event soc", "event.soc"),
        ("meter power", "meter.power"),
        ("s event soc", "s + event.soc"),
        ("s s", "s + s"),
    ],
)
def test_words_that_are_all_names_have_lost_a_dot_or_an_operator(text: str, meant: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text, SCOPE, STRING)
    (fault,) = caught.value.faults
    assert fault.code == "ambiguous"
    assert fault.expected == meant
    assert f"\"'{text}'\"" in fault.hint
    quoted = expression(f"'{text}'", SCOPE, STRING)
    assert isinstance(quoted, Literal)
    assert quoted.value == text
    assert expression(f"no {text}", SCOPE, STRING) != quoted, "a word that is no name makes it a text"


@pytest.mark.parametrize(
    ("text", "type_", "written"),
    [
        ("s", STRING, "s"),  # a single word is a name
        ("s + ' lost'", STRING, "s + ' lost'"),
        ("'link lost'", STRING, "'link lost'"),
        ("mode", MODE, "mode"),
        ("fast if u > 400 V else slow", MODE, "'fast' if u > 400 V else 'slow'"),
        ("fast if b else mode", MODE, "'fast' if b else mode"),
    ],
)
def test_an_expression_stays_one(text: str, type_: Type, written: str) -> None:
    assert to_text(expression(text, SCOPE, type_)) == written


@pytest.mark.parametrize(
    ("text", "type_", "code", "said"),
    [
        ("lost", STRING, "unknown-name", "unknown name 'lost'"),  # or a misspelt name would become text
        ("event.resaon of the vehicle", STRING, "syntax", "unexpected 'of'"),
        ("fasst", MODE, "unknown-name", "unknown name 'fasst'"),
        ("s or b", STRING, "type", "a condition must be a bool"),
        ("link lost", MODE, "syntax", "unexpected 'lost'"),
        ("link lost", ANY, "syntax", "unexpected 'lost'"),
    ],
)
def test_what_is_neither(text: str, type_: Type, code: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text, SCOPE, type_)
    assert caught.value.faults[0].code == code
    assert said in caught.value.faults[0].message


@pytest.mark.parametrize("text", ["slow", "slow if b else fast"])
def test_a_value_that_is_also_a_name_is_refused(text: str) -> None:
    """Whatever was meant, the reader of the chart could not tell."""
    scope = Scope({**SCOPE.variables, "slow": MODE}, SCOPE.parameters)
    with pytest.raises(ExpressionError) as caught:
        expression(text, scope, MODE)
    (fault,) = caught.value.faults
    assert (fault.code, fault.start, fault.end) == ("ambiguous", 0, 4)
    assert to_text(expression("'slow'", scope, MODE)) == "'slow'"


@given(st.one_of(numbers(3), conditions(3)))
def test_no_expression_is_read_as_words(text: str) -> None:
    assert not are_words(text)


WORDS = st.lists(
    st.sampled_from(["link", "lost", "or", "not", "5", "V", "s", "in", "is", "None", ",", "-", "'x'", "(", ")"]),
    max_size=6,
)


@given(WORDS)
def test_nothing_that_parses_is_read_as_words(words: list[str]) -> None:
    text = " ".join(words)
    try:
        parse(text)
    except ExpressionError:
        return
    assert not are_words(text)


CHART = """\
machine: m
parameters: {how: {type: "enum(free, list)", default: free}, who: {type: string, default: nobody yet}}
adapters: {link: hpgp_link}
data:
  mode: {type: "enum(slow, fast)", initial: slow}
  why: {type: string, initial: not asked so far}
events:
  go: {direction: in}
  told: {direction: out, payload: {mode: "enum(slow, fast)", why: string}}
states:
  s:
    on:
      go:
        actions:
          - assign: {mode: fast, why: link lost in state C}
          - send: {event: told, to: parent, data: {mode: slow, why: "left by the vehicle, still live"}}
"""


def test_where_a_chart_may_say_so() -> None:
    chart = load_text(CHART, "m.yaml", CONTRACTS)
    values: dict[str, Any] = {name: item.initial.value for name, item in chart.data.items()}  # type: ignore[union-attr]
    values |= {name: item.default.value for name, item in chart.parameters.items()}  # type: ignore[union-attr]
    assert values == {"mode": "slow", "why": "not asked so far", "how": "free", "who": "nobody yet"}
    mode, why, told = chart.transitions[0].actions
    assert [to_text(mode.value), to_text(why.value)] == ["'fast'", "'link lost in state C'"]  # type: ignore[union-attr]
    fields = {name: to_text(value) for name, value in told.data}  # type: ignore[union-attr]
    assert fields == {"mode": "'slow'", "why": "'left by the vehicle, still live'"}
