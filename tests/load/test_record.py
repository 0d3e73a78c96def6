"""Values of a chart are as immutable, comparable and readable as frozen dataclasses, whose decorator they replace."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, replace
from typing import Any

import pytest

from engine.language.expr.tree import Literal
from engine.language.position import NOWHERE, Position
from engine.language.record import record
from engine.language.types import INT, Kind, Type


@record(frozen=True, slots=True)
class Ours:
    """A value."""

    name: str
    sizes: tuple[int, ...] = ()
    note: str = field(default="", compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """The same by the standard library."""

    name: str
    sizes: tuple[int, ...] = ()
    note: str = field(default="", compare=False)


@record(frozen=True, slots=True)
class Single:
    """A value of one field."""

    name: str


@record(frozen=True, slots=True)
class Empty:
    """A value of none."""


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_what_dataclasses_promise(kind: Any) -> None:
    one = kind("a", (1, 2), note="x")
    assert one == kind("a", (1, 2), note="y")
    assert hash(one) == hash(kind("a", (1, 2)))
    assert one != kind("a", (1, 3))
    assert one != ("a", (1, 2), "x")
    assert repr(one) == f"{kind.__name__}(name='a', sizes=(1, 2), note='x')"
    assert replace(one, name="b") == kind("b", (1, 2))
    assert [f.name for f in dataclasses.fields(one)] == ["name", "sizes", "note"]
    for change in (lambda: setattr(one, "name", "b"), lambda: delattr(one, "name")):
        with pytest.raises(FrozenInstanceError, match="field 'name'"):
            change()
    with pytest.raises((AttributeError, TypeError)):
        one.other = 1
    with pytest.raises(TypeError, match="name"):
        kind()
    match one:
        case kind(name, sizes):
            assert (name, sizes) == ("a", (1, 2))
    for again in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
        assert (again, again.note) == (one, "x")


def test_ours_is_none_of_theirs() -> None:
    assert Ours("a") != Theirs("a")
    assert Theirs("a") != Ours("a")


@pytest.mark.parametrize(
    "one", [Single("a"), Empty(), Literal(3, INT), NOWHERE, Position("f", 1, 2, NOWHERE), Type(Kind.INT, optional=True)]
)
def test_kept_and_read_again(one: Any) -> None:
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert hash(again) == hash(one)
    assert again is not one
    with pytest.raises(AttributeError):
        setattr(again, next(iter(again.__slots__), "x"), 1)
