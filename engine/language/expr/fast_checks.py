"""A quick way past a check of values for those that plainly fit their type, which in a run are nearly all."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from engine.language.expr.functions import INT_MAX, INT_MIN, MAX_LENGTH
from engine.language.types import Kind, Type

Check = Callable[[Any, Type], Any]
"""Gives the value as it is stored under the type, or raises."""


def fast_check(check: Check, type_: Type) -> Callable[[Any], Any]:
    """``check`` for values of one type: what fits as it is comes back at once, ``check`` decides about the rest.

    Not-a-number lies between no bounds, so it is always for ``check`` to decide.
    """
    kind, low, high = type_.kind, type_.minimum, type_.maximum
    if kind is Kind.FLOAT:
        return _number(check, type_, float, -inf if low is None else low, inf if high is None else high)
    if kind in (Kind.INT, Kind.DURATION):
        return _number(
            check,
            type_,
            int,
            INT_MIN if low is None else max(low, INT_MIN),
            INT_MAX if high is None else min(high, INT_MAX),
        )
    if kind in (Kind.STRING, Kind.BYTES):
        return _sized(check, type_, str if kind is Kind.STRING else bytes)
    if kind is Kind.ENUM:
        return _one_of(check, type_)
    if kind is Kind.BOOL:
        return lambda value: value if value is True or value is False else check(value, type_)
    return lambda value: check(value, type_)


def _number(check: Check, type_: Type, exact: type[float] | type[int], low: float, high: float) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        return value if type(value) is exact and low <= value <= high else check(value, type_)

    return checked


def _sized(check: Check, type_: Type, exact: type[str] | type[bytes]) -> Callable[[Any], Any]:
    low = 0 if type_.minimum is None else type_.minimum
    high = MAX_LENGTH if type_.maximum is None else min(type_.maximum, MAX_LENGTH)

    def checked(value: Any) -> Any:
        return value if type(value) is exact and low <= len(value) <= high else check(value, type_)

    return checked


def _one_of(check: Check, type_: Type) -> Callable[[Any], Any]:
    values = frozenset(type_.values)

    def checked(value: Any) -> Any:
        return value if type(value) is str and value in values else check(value, type_)

    return checked
