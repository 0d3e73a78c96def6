"""What a value may be, checked as fast as it can be, is what it may be one part at a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapter import MAX_LENGTH
from engine.language.types import Kind, Type
from engine.language.values import INT_MAX, INT_MIN, MAX_DEPTH, EvaluationError, fast_check, unwieldy

PLAIN = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.binary(max_size=5) | st.integers()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=30)


def fits(value: Any, depth: int = 0) -> bool:
    """Its numbers and its depth."""
    if isinstance(value, (list, dict)):
        parts = value.values() if isinstance(value, dict) else value
        return depth < MAX_DEPTH and all(fits(part, depth + 1) for part in parts)
    return type(value) is not int or INT_MIN <= value <= INT_MAX


def nested(depth: int, innermost: Any) -> Any:
    for _ in range(depth):
        innermost = [innermost]
    return innermost


@given(VALUES)
def test_numbers_of_64_bits(value: Any) -> None:
    assert (unwieldy(value) == "") == fits(value)


@pytest.mark.parametrize("innermost", ["text", 1, {}, []])
def test_depth(innermost: Any) -> None:
    own = int(isinstance(innermost, (list, dict)))
    assert unwieldy(nested(MAX_DEPTH - own, innermost)) == ""
    assert unwieldy(nested(MAX_DEPTH + 1 - own, innermost)) == f"a value nested deeper than {MAX_DEPTH}"


@pytest.mark.parametrize(
    "fill",
    [
        lambda size: "x" * (size - 1),  # it is a part itself
        lambda size: [b"x" * (size - 3)],
        lambda size: [None] * ((size - 1) // 2),  # a part each, and each a place in the list
        lambda size: {str(number): 1 for number in range((size - 1) // 2)},
        lambda size: [["x" * (size // 2 - 6), 7], {"a": "x" * (size // 2 - 6)}],
    ],
)
def test_all_parts_together(fill: Any) -> None:
    assert unwieldy(fill(MAX_LENGTH)) == ""
    assert unwieldy(fill(MAX_LENGTH + 2)) == f"a value of more than {MAX_LENGTH} parts"


def test_a_value_in_itself() -> None:
    """Nine lists of ten times the same: a thousand million parts, counted until just beyond the limit."""
    value: Any = ["x"] * 10
    for _ in range(8):
        value = [value] * 10
    assert unwieldy(value) == f"a value of more than {MAX_LENGTH} parts"
    value = []
    value.append(value)
    assert unwieldy(value) == f"a value nested deeper than {MAX_DEPTH}"


ITEMS = {
    "text": Type(Kind.STRING),
    "text or none": Type(Kind.STRING, optional=True),
    "short text": Type(Kind.STRING, maximum=3),
    "int": Type(Kind.INT),
    "a few ints": Type(Kind.INT, minimum=-5, maximum=5),
    "float": Type(Kind.FLOAT),
    "bool": Type(Kind.BOOL),
}


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@given(st.lists(PLAIN, max_size=4) | st.lists(st.text(max_size=5)) | st.lists(st.integers(-9, 9)))
def test_a_list_fits_when_each_of_its_items_does(item: Type, values: list[Any]) -> None:
    check, one = fast_check(Type(Kind.LIST, item=item)), fast_check(item)
    try:
        stored = [one(value) for value in values]
    except EvaluationError:
        with pytest.raises(EvaluationError, match="element"):
            check(values)
        return
    checked = check(values)
    assert repr(checked) == repr(stored)
    assert checked is not values


def test_how_long_a_list_and_its_texts_may_be() -> None:
    texts = fast_check(Type(Kind.LIST, item=Type(Kind.STRING)))
    assert texts(["x" * MAX_LENGTH, "x"]) == ["x" * MAX_LENGTH, "x"]
    with pytest.raises(EvaluationError, match="element 1: longer than"):
        texts(["x", "x" * (MAX_LENGTH + 1)])
    with pytest.raises(EvaluationError, match="longer than"):
        texts([""] * (MAX_LENGTH + 1))
    few = fast_check(Type(Kind.LIST, item=Type(Kind.INT), minimum=1, maximum=2))
    assert few([1, 2]) == [1, 2]
    for values in ([], [1, 2, 3]):
        with pytest.raises(EvaluationError, match="length"):
            few(values)
