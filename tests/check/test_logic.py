"""The reasoning about guards: a wrong "never" or "always" would make a reviewer delete a living transition."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.expr.check import Scope, guard
from engine.language.expr.evaluate import evaluate
from engine.language.types import BOOL, FLOAT, INT, Kind, Type
from engine.language.values import EvaluationError
from engine.tools.check import logic

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "300")), 400)
TYPES = {
    "n": Type(Kind.INT, minimum=0, maximum=4),
    "m": Type(Kind.INT, minimum=-2, maximum=2, optional=True),
    "x": FLOAT,
    "k": INT,
    "flag": BOOL,
    "maybe": Type(Kind.BOOL, optional=True),
    "colour": Type(Kind.ENUM, values=("red", "green", "blue")),
}
SCOPE = Scope(TYPES)
VALUES = {
    "n": [0, 1, 2, 3, 4],
    "m": [-2, -1, 0, 1, 2, None],
    "x": [-1.5, 0.0, 0.5, 1.0, 2.0, 2.5],
    "k": [-1, 0, 1, 2, 3],
    "flag": [True, False],
    "maybe": [True, False, None],
    "colour": ["red", "green", "blue"],
}


class World:
    """Values by name: the environment an expression is evaluated in."""

    def __init__(self, values: dict[str, object]) -> None:
        self.values = values

    def variable(self, name: str) -> object:
        return self.values[name]

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} is not used by these guards")


def holds(text: str, values: dict[str, object]) -> bool:
    """As a machine takes a guard: an error is false."""
    try:
        return evaluate(guard(text, SCOPE), World(values)) is True  # type: ignore[arg-type]
    except EvaluationError:
        return False


ATOMS = [
    "n > 1", "n >= 3", "n == 2", "n != 2", "n <= 4", "n < 0", "n + 1 > 3", "2 - n >= 1", "n in [1, 3]", "n not in [0]",
    "m > 0", "m <= 0", "m == 1", "m is None", "m is not None", "m != 0", "x > 0.5", "x <= 0.5", "x == 1.0", "k > n",
    "k <= n",
    "k == n", "k - n > 1", "flag", "not flag", "maybe", "maybe is None", "colour == 'red'", "colour != 'red'",
    "colour in ['red', 'green']", "colour not in ['blue']", "0 < n < 3", "max(n, 2) < 2", "(n > 1) == (x > 0.5)",
    "True", "False",
]  # fmt: skip


def guards() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(ATOMS),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
            inner.map(lambda t: f"not ({t})"),
            st.tuples(inner, inner, inner).map(lambda t: f"(({t[0]}) if ({t[1]}) else ({t[2]}))"),
        ),
        max_leaves=5,
    )


def worlds(*texts: str) -> list[dict[str, object]]:
    """All values of the names that occur."""
    names = [name for name in VALUES if any(name in text for text in texts)]
    return [dict(zip(names, row, strict=True)) for row in itertools.product(*(VALUES[name] for name in names))]


@settings(max_examples=EXAMPLES, deadline=None)
@given(guards(), guards())
def test_what_is_called_impossible_happens_for_no_values(first: str, second: str) -> None:
    one, two = guard(first, SCOPE), guard(second, SCOPE)
    everywhere = worlds(first, second)
    if not logic.satisfiable([(one, True), (two, True)]):
        assert not [w for w in everywhere if holds(first, w) and holds(second, w)]
    if not logic.satisfiable([(one, True), (two, False)]):
        assert not [w for w in everywhere if holds(first, w) and not holds(second, w)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(ATOMS), st.sampled_from(ATOMS))
def test_what_is_called_surely_possible_happens_for_some_values(first: str, second: str) -> None:
    if logic.surely_satisfiable([(guard(first, SCOPE), True), (guard(second, SCOPE), True)]):
        assert [w for w in worlds(first, second) if holds(first, w) and holds(second, w)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("n > 3", "n >= 4"),
        ("n == 2", "n in [1, 2]"),
        ("n + 1 >= 4", "n > 2"),
        ("k - n > 0", "n < k"),
        ("colour == 'red'", "colour not in ['green', 'blue']"),
        ("n != 0 and n != 4", "0 < n < 4"),
        ("m > 0", "m is not None"),
        ("flag and n > 1", "n >= 2 and flag"),
    ],
)
def test_plain_implications_are_seen(first: str, second: str) -> None:
    """Else nothing would ever be found, and the property above would hold of a checker that says nothing."""
    assert not logic.satisfiable([(guard(first, SCOPE), True), (guard(second, SCOPE), False)])


@pytest.mark.parametrize(
    ("divisor", "known", "zero"),
    [
        ("n", "True", True),
        ("n + 1", "True", False),
        ("n", "n > 0", False),
        ("x", "x > 0.5", False),
        ("x - 1.0", "x > 0.5", True),
        ("max(n, 1)", "True", False),
        ("k", "k != 0", False),
    ],
)
def test_divisors(divisor: str, known: str, zero: bool) -> None:
    from engine.language.expr.check import expression

    assert logic.satisfiable([(guard(known, SCOPE), True), (logic.is_zero(expression(divisor, SCOPE)), True)]) is zero
