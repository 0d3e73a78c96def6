"""An imported expression means what it meant in its document: held against CPython, and against Node for ECMAScript."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.expr.check import Scope as Names
from engine.language.expr.check import expression
from engine.language.expr.evaluate import evaluate
from engine.language.types import ANY
from engine.language.values import EvaluationError
from engine.tools.scxml.expressions import Scope, duration_text, text_value

DATA: dict[str, Any] = {"n": 3, "zero": 0, "word": "abc", "empty": "", "items": [1, 2, 3], "none": None}
EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "200")), 1000)
FAILS = object()


class World:
    def variable(self, name: str) -> Any:
        if name not in DATA:
            raise EvaluationError(f"{name} has no value")
        return DATA[name]

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def ours(text: str, condition: bool = False, ecmascript: bool | None = False) -> Any:
    """The value our side gives, through the text of the chart language; FAILS when it is an error."""
    scope = Scope("doc", ecmascript, {name: name for name in DATA})
    written = scope.condition(text) if condition else scope.value(text)
    tree = expression(written, Names({name: ANY for name in DATA}, untyped=True))
    try:
        return evaluate(tree, World())  # type: ignore[arg-type]
    except EvaluationError:
        return FAILS


NUMBERS = st.sampled_from(["0", "1", "2", "7", "n", "zero"])
WORDS = st.sampled_from(["'a'", "'abc'", '"x y"', "word", "empty"])


def numbers(division: str) -> st.SearchStrategy[str]:
    return st.recursive(
        NUMBERS,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", division]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            inner.map(lambda t: f"(-{t})"),
            st.tuples(inner).map(lambda t: f"{t[0]}"),
        ),
        max_leaves=4,
    )


def conditions(python: bool) -> st.SearchStrategy[str]:
    conj, disj, negate = ("and", "or", "not ") if python else ("&&", "||", "!")
    number, order = numbers("%"), st.sampled_from(["<", "<=", ">", ">="])
    same = st.sampled_from(["==", "!="] if python else ["==", "!=", "===", "!=="])
    atoms = st.one_of(
        st.tuples(number, order, number).map(" ".join),
        st.tuples(number, same, number).map(" ".join),
        st.tuples(WORDS, same, WORDS).map(" ".join),
        number,
        WORDS,
        st.sampled_from(["True", "False", "none is None", "none is not None", "none == None"])
        if python
        else st.sampled_from(["true", "false", "none === null", "items instanceof Array", "n instanceof Array"]),
    )
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from([conj, disj]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
            st.tuples(inner, st.sampled_from([conj, disj]), inner).map(" ".join),
            inner.map(lambda t: f"{negate}({t})"),
            st.tuples(inner, inner, inner).map(
                lambda t: f"(({t[0]}) if ({t[1]}) else ({t[2]}))" if python else f"(({t[1]}) ? ({t[0]}) : ({t[2]}))"
            ),
        ),
        max_leaves=5,
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(conditions(python=True))
def test_a_python_condition_is_as_true_as_in_python(text: str) -> None:
    try:
        theirs: Any = bool(eval(text, {"__builtins__": {}}, dict(DATA)))  # of our own making
    except ZeroDivisionError:
        theirs = FAILS
    assert ours(text, condition=True) is theirs


@settings(max_examples=EXAMPLES, deadline=None)
@given(numbers("//"))
def test_a_python_value_is_the_same_value(text: str) -> None:
    try:
        theirs: Any = eval(text, {"__builtins__": {}}, dict(DATA))
    except ZeroDivisionError:
        theirs = FAILS
    assert ours(text) == theirs


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node to say what ECMAScript means")
def test_an_ecmascript_condition_is_as_true_as_in_node() -> None:
    texts: list[str] = []

    @settings(max_examples=min(EXAMPLES, 1000), deadline=None, database=None)
    @given(conditions(python=False))
    def gather(text: str) -> None:
        if "%" not in text:  # the sign of a remainder is the divisor's here, the dividend's there
            texts.append(text)

    gather()
    names = "".join(f"const {name} = {json.dumps(value)};" for name, value in DATA.items())
    script = f"{names} console.log(JSON.stringify({json.dumps(texts)}.map(t => !!eval(t))))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=60, check=True)
    theirs = json.loads(done.stdout)
    differ = [
        (text, value)
        for text, value in zip(texts, theirs, strict=True)
        if ours(text, True, ecmascript=True) is not value
    ]
    assert len(texts) > 50
    assert differ == []


@pytest.mark.parametrize(
    "text",
    ["return", "1 = 1", "", "lambda: 1", "n.__class__", "().__class__", "open('x')", "[x for x in items]", "unknown",
     "items[0:1]", "n ** 9", "(" * 500, "not " * 500 + "n", "f'{n}'", "n := 1", "a" * 6000, "b'x'", "1j",
     "items.append(1)", "\U000e0001(", "99999999999999999999", "In('nowhere')"],
)  # fmt: skip
def test_what_has_no_counterpart_fails_when_evaluated_and_only_then(text: str) -> None:
    told: list[str] = []
    scope = Scope("doc", False, {name: name for name in DATA}, warn=lambda text, why: told.append(why))
    written = scope.value(text)
    assert written.startswith("invalid(")
    assert told
    tree = expression(written, Names(untyped=True))
    with pytest.raises(EvaluationError):
        evaluate(tree, World())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["function(){}", "a.b(", "n =", "new Date()", "/re/", "`x`", "!" * 500 + "n", "(" * 500]
)
def test_ecmascript_without_counterpart_fails_when_evaluated(text: str) -> None:
    assert Scope("doc", True, {"n": "n"}).value(text).startswith("invalid(")


@pytest.mark.parametrize(
    ("text", "value"),
    [("{p1: 'v1', 'p2': [1, {a: null}]}", {"p1": "v1", "p2": [1, {"a": None}]}), ("{}", {}), ("{1: -2}", {"1": -2}),
     ("{a: n}", FAILS), ("{a: 1", FAILS), ("{a}", FAILS), ("{: 1}", FAILS)],
)  # fmt: skip
def test_an_object_of_constants_is_a_value(text: str, value: Any) -> None:
    assert ours(text, ecmascript=True) == value


@pytest.mark.parametrize(
    ("text", "value"), [("n !== 0 && word === 'abc'", True), ("{a: 1}", {"a": 1}), ("not empty", True)]
)
def test_a_document_that_does_not_name_its_data_model_may_use_either(text: str, value: Any) -> None:
    assert ours(text, ecmascript=None) == value


@pytest.mark.parametrize(
    ("css", "ours"),
    [("1s", "1 s"), (".5s", "500 ms"), ("1.5s", "1500 ms"), ("100ms", "100 ms"), ("0s", "0 s"), ("2", "2 ms"),
     ("soon", None), ("", None), ("-1s", None), ("1e9s", None)],
)  # fmt: skip
def test_delays(css: str, ours: str | None) -> None:
    assert duration_text(css) == ours


@pytest.mark.parametrize(
    ("text", "value"),
    [("[1, 2]", [1, 2]), (" 12 ", 12), ("some\n  text", "some text"), ('{"a": [1]}', {"a": [1]}), ("NaN", "NaN"),
     ("null", None), ("it's", "it's")],
)  # fmt: skip
def test_text_in_place_of_an_expression(text: str, value: object) -> None:
    assert evaluate(expression(text_value(text), Names(untyped=True)), World()) == value  # type: ignore[arg-type]
