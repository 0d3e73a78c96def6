"""The expression language: what a chart's author may write, what it means, and what a wrong one is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from engine.language.expr.check import expression, guard
from engine.language.expr.evaluate import evaluate
from engine.language.expr.lex import ExpressionError
from engine.language.expr.text import to_text
from engine.language.types import DURATION, FLOAT, INT, STRING, UNITS, Kind, Type
from engine.language.values import EvaluationError
from tests.expr.strategies import MODE, SCOPE, VOLT, Values, conditions, numbers, values, with_units

PYTHON = {"min": min, "max": max, "abs": abs, "sum": sum}


def value_of(text: str, **variables: object) -> object:
    return evaluate(expression(text, SCOPE), Values(variables))


@settings(max_examples=300, deadline=None)
@given(numbers(3) | conditions(3), values)
def test_an_expression_means_what_python_says_it_means(text: str, variables: dict[str, object]) -> None:
    """The language is a subset of Python: the same text gives the same value there."""
    tree = expression(text, SCOPE)
    try:
        expected = eval(text, {"__builtins__": {}}, {**PYTHON, **variables})
    except ZeroDivisionError:
        with pytest.raises(EvaluationError, match="division by zero"):
            evaluate(tree, Values(variables))
        return
    except OverflowError:
        with pytest.raises(EvaluationError, match="too large"):
            evaluate(tree, Values(variables))
        return
    found = evaluate(tree, Values(variables))
    assert found == expected or (found != found and expected != expected)
    assert {bool: Kind.BOOL, int: Kind.INT, float: Kind.FLOAT}[type(found)] is tree.type.kind


@settings(max_examples=300, deadline=None)
@given(numbers(3) | conditions(3) | with_units())
def test_an_expression_written_out_and_read_again_is_the_same(text: str) -> None:
    """Diagrams and exports show expressions by their trees: the text must mean the same chart."""
    tree = expression(text, SCOPE)
    assert expression(to_text(tree), SCOPE) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("u * a", 800.0),
        ("u * a >= 0.8 kW", True),
        ("u + 500 mV", 400.5),
        ("p * 30 min / 1 Wh", 1500.0),  # 3 kW for half an hour
        ("t / 1 s", 2.5),
        ("t * 2", 5_000_000_000),
        ("t * 0.5", 1_250_000_000),
        ("t // 1 s", 2),
        ("t % 1 s", 500_000_000),
        ("2.5 min", 150_000_000_000),
        ("u / a", 200.0),
        ("1 / t", 0.4),
        ("10 V/s * t", 25.0),
        ("90 % - 10 %", 80),
        ("clamp(u, 0, 300 V)", 300.0),
        ("sum([u, 1 kV])", 1400.0),
        ("sum([u]) >= 0.4 kV", True),
        ("range(3)", [0, 1, 2]),
        ("range(0)", []),
        ("replaced([u, 1 V], 1, 2 kV)", [400.0, 2000.0]),
        ("sum(replaced(range(4), 0, 10))", 16),
        ("lower('AbC-1Ä')", "abc-1ä"),
        ("index(['a', 'b', 'b'], 'b')", 1),
        ("index([1 V, u], 0.4 kV)", 1),
        ("round(2.5)", 2),
        ("round(u / 3, 1)", 133.3),
        ("floor(-0.5)", -1),
        ("ceil(0.2)", 1),
        ("int(-1.9)", -1),
        ("len(hex('00:ff 01'))", 3),
        ("hex('00ff')[1]", 255),
        ("1 in hex('0001')", True),
        ("str(t)", "2500 ms"),
        ("str(1.5) + 'V'", "1.5V"),
        ("'a' in 'cab'", True),
        ("[1, 2][1]", 2),
        ("3 not in [1, 2]", True),
        ("1 < 2 < 3", True),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("not True or True", True),
        ("maybe == 5", False),
        ("maybe is None", True),
        ("In('idle')", True),
        ("alive(session)", 2),
        ("alive(session, 7)", True),
        ("meter.power", 3.5),
        ("event.soc", 80),
        ("U_max", 500.0),
        ("true and not false", True),
    ],
)
def test_value(text: str, value: object) -> None:
    """Units, durations, functions and the rest that Python does not have."""
    found = value_of(text, u=400.0, a=2.0, p=3.0, t=2_500_000_000, maybe=None)
    assert (found, type(found)) == (pytest.approx(value) if isinstance(value, float) else value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "division by zero"),
        ("1 // 0.0", "division by zero"),
        ("maybe < 3", "None < int"),
        ("maybe + 1", "numbers, strings, bytes or lists, not None"),
        ("[1][1]", "outside"),
        ("[1][-1]", "outside"),
        ("replaced([1], 1, 2)", "outside"),
        ("index([1, 2], 3)", "not in the list"),
        ("index(['a'], 'b')", "'b' is not in the list"),
        ("range(-1)", "range of int"),
        ("range(65537)", "range of int"),
        ("int('x')", "int of 'x'"),
        ("int('1_0')", "int of '1_0'"),
        ("float('５')", "float of"),
        ("round(" + "*".join(["9223372036854775807"] * 20) + ", 2)", "too large"),
        ("i > 0", "no value"),
    ],
)
def test_what_has_no_value_says_why(text: str, message: str) -> None:
    """A failing guard becomes error.execution with this text."""
    with pytest.raises(EvaluationError, match=message):
        value_of(text, maybe=None)


@pytest.mark.parametrize(
    ("text", "code", "at", "said"),
    [
        ("u + a", "unit", "a", "V and A"),
        ("u > 3", "unit", "3", "a plain number"),
        ("i == 2 V", "unit", "2 V", "a plain number"),
        ("t + 5", "unit", "5", "duration"),
        ("u + p", "unit", "p", "V and kW"),
        ("i and b", "type", "i", "condition must be a bool"),
        ("b + 1", "type", "b", "needs a number"),
        ("b < True", "type", "b", "needs a number"),
        ("s * 3", "type", "s", "needs a number"),
        ("'a' * 3", "type", "'a'", "needs a number"),
        ("s < 'b'", "type", "s", "needs a number"),
        ("i == 'a'", "type", "'a'", "=="),
        ("b == 1", "type", "1", "=="),
        ("u is None", "type", "None", "never None"),
        ("mode == 'fst'", "unknown-name", "'fst'", "'fst'"),
        ("voltage > 3", "unknown-name", "voltage", "unknown name"),
        ("event.sok", "unknown-name", "event.sok", "no field 'sok'"),
        ("metre.power", "unknown-name", "metre", "neither"),
        ("meter.voltage", "unknown-name", "meter.voltage", "no value"),
        ("meter", "unknown-name", "meter", "is an adapter"),
        ("sqrt(2)", "unknown-function", "sqrt", "unknown function"),
        ("__import__('os')", "unknown-function", "__import__", "unknown function"),
        ("s.upper()", "unknown-function", "s.upper", "cannot be called"),
        ("i.real", "type", "i.real", "no fields"),
        ("In('ideal')", "unknown-state", "'ideal'", "no state"),
        ("alive(sesion)", "unknown-name", "sesion", "no child"),
        ("3 volts", "unknown-unit", "volts", "unknown unit"),
        ("min(1)", "type", "min(1)", "1 arguments"),
        ("min(a=1, b=2)", "syntax", "min(a=1, b=2)", "without names"),
        ("i = 3", "syntax", "=", "does not compare"),
        ("i ** 2", "syntax", "**", "no power"),
        ("i & 1", "syntax", "&", "no meaning"),
        ("(i + 1", "syntax", "", "ends here"),
        ("i +", "syntax", "", "ends here"),
        ("", "syntax", "", "ends here"),
        ("'abc", "syntax", "'abc", "no end"),
        ("i is 3", "syntax", "3", "unexpected"),
        ("lambda: 1", "syntax", ":", "no meaning"),
        ("99999999999999999999", "limit", "99999999999999999999", "64 bits"),
        ("1e999", "limit", "1e999", "too large"),
        ("1e9 h", "range", "1e9 h", "292 years"),
        ("0.1 ns", "range", "0.1 ns", "nanoseconds"),
        ("[1, 'a']", "type", "'a'", "["),
        ("i[0]", "type", "i", "no elements"),
        ("sum(i)", "type", "i", "sum of int"),
        ("sum(['a'])", "type", "['a']", "sum of list of string"),
        ("range(1.5)", "type", "1.5", "int"),
        ("replaced([u], 0, a)", "unit", "a", "A"),
        ("index([u], a)", "unit", "a", "A"),
        ("lower(u)", "type", "u", "lower of float V"),
        ("index(u, 1)", "type", "u", "V"),
        ("ints['a']", "type", "'a'", "index"),
        ("hex('0g')", "type", "'0g'", "hex"),
        ("'\\q'", "syntax", "\\q", "escape"),
        ("'a\\ud800'", "syntax", "\\ud800", "surrogate"),
        ("017", "syntax", "017", "no number"),
        ("i + 0o7", "syntax", "0o7", "no number"),
        ("1_000 V", "syntax", "1_000", "no number"),
        ("５", "syntax", "５", "no meaning"),
        ("1e300 kV", "limit", "1e300 kV", "too large"),
    ],
)
def test_a_wrong_expression_is_told_where_and_why(text: str, code: str, at: str, said: str) -> None:
    """The caret stands under what is wrong, not at the start of the line."""
    with pytest.raises(ExpressionError) as caught:
        expression(text, SCOPE)
    fault = caught.value.faults[0]
    assert fault.code == code
    assert text[fault.start : fault.end] == at
    assert said in fault.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mod == 'fast'", "'mode'"),
        ("flor(2.5)", "'floor'"),
        ("event.Soc", "'soc'"),
        ("u > 1 kv", "did you mean"),
        ("mode == 'fats'", "'fast'"),
    ],
)
def test_the_nearest_name_is_offered(text: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text, SCOPE)
    fault = caught.value.faults[0]
    # The unit's hint is made where all units are known: see tests/load.
    assert fault.hint in ("kv",) or hint in fault.hint


def test_all_faults_of_an_expression_are_told_at_once() -> None:
    with pytest.raises(ExpressionError) as caught:
        expression("foo > 1 and bar > 2 and u + a > 3 V", SCOPE)
    assert [fault.code for fault in caught.value.faults] == ["unknown-name", "unknown-name", "unit"]


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("0", VOLT, 0.0),
        ("1.5 kV", VOLT, 1500.0),
        ("400 V", Type(Kind.INT, UNITS["V"]), 400),
        ("'fast'", MODE, "fast"),
        ("mode", STRING, "slow"),
        ("None", Type(Kind.INT, optional=True), None),
        ("i", FLOAT, 3.0),
        ("u * a", Type(Kind.FLOAT, UNITS["kW"]), 0.8),
        ("p * t", Type(Kind.FLOAT, UNITS["Wh"]), pytest.approx(3000 * 2.5 / 3600)),
        ("[1, 2]", Type(Kind.LIST, item=FLOAT), [1.0, 2.0]),
        ("250 ms", DURATION, 250_000_000),
        ("s", MODE, "off"),
        ("'fast' if b else 'slow'", MODE, "fast"),
    ],
)
def test_a_value_is_stored_in_the_declared_unit_and_type(text: str, type_: Type, value: object) -> None:
    """Data declared `float kW` holds kilowatts as a float, whatever the expression was written in."""
    found = evaluate(
        expression(text, SCOPE, type_),
        Values({"i": 3, "u": 400.0, "a": 2.0, "p": 3.0, "t": 2_500_000_000, "mode": "slow", "s": "off", "b": True}),
    )
    assert found == value
    assert isinstance(found, float) == (type_.kind is Kind.FLOAT and value is not None)


@pytest.mark.parametrize(
    ("text", "type_", "code"),
    [
        ("400", VOLT, "unit"),
        ("400 A", VOLT, "unit"),
        ("u", Type(Kind.FLOAT, UNITS["kV"]), "unit"),
        ("1.5", INT, "type"),
        ("i / 2", INT, "type"),
        ("b", INT, "type"),
        ("1", Type(Kind.BOOL), "type"),
        ("None", INT, "type"),
        ("'warp'", MODE, "unknown-name"),
        ("11", Type(Kind.INT, maximum=10), "range"),
        ("'abc'", Type(Kind.STRING, maximum=2), "range"),
        ("hex('00')", Type(Kind.BYTES, minimum=6), "range"),
        ("[1, 2, 3]", Type(Kind.LIST, item=INT, maximum=2), "range"),
        ("5", DURATION, "unit"),
    ],
)
def test_a_value_that_cannot_be_stored_is_a_load_error(text: str, type_: Type, code: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text, SCOPE, type_)
    assert [fault.code for fault in caught.value.faults] == [code]


@pytest.mark.parametrize(
    ("text", "type_", "variables", "message"),
    [
        ("maybe", INT, {"maybe": None}, "None where int"),
        ("i + 1", INT, {"i": 2**63 - 1}, "64 bits"),
        ("i", Type(Kind.INT, maximum=10), {"i": 11}, "above the maximum 10"),
        ("u", Type(Kind.FLOAT, UNITS["V"], minimum=0), {"u": -1.0}, "below the minimum 0"),
        ("s", MODE, {"s": "warp"}, "none of off, slow, fast"),
        ("t * 1e9", DURATION, {"t": 10**15}, "64 bits"),
    ],
)
def test_a_stored_value_keeps_to_its_declaration_at_run_time(
    text: str, type_: Type, variables: dict[str, object], message: str
) -> None:
    """What types cannot prove is checked when it happens: data never leaves its declared bounds."""
    tree = expression(text, SCOPE, type_)
    with pytest.raises(EvaluationError, match=message):
        evaluate(tree, Values(variables))


def test_a_guard_is_a_bool() -> None:
    assert guard("i > 0", SCOPE).type.kind is Kind.BOOL
    with pytest.raises(ExpressionError, match="must be a bool"):
        guard("i", SCOPE)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "[" * 5000,
        "-" * 3900 + "1",
        "not " * 900 + "b",
        " + ".join(["i"] * 900),
        "0 < (1 if 0 < (1 if 0 < (1 if b else 2) < 3 else 0) < 3 else 0) < 3",
        "1 if b else " * 300 + "1",
        "s[" * 1300,
        "a." * 1900 + "b",
        "'" + "x" * 5000 + "'",
    ],
)
def test_a_huge_expression_is_refused_not_followed(text: str) -> None:
    """Bounded depth and length: no recursion error, no long computation."""
    with pytest.raises(ExpressionError):
        expression(text, SCOPE)


def test_many_conditions_in_one_guard_are_fine() -> None:
    assert guard(" or ".join(f"i == {n}" for n in range(200)), SCOPE).type.kind is Kind.BOOL
