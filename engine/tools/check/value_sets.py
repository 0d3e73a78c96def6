"""The values a term of a guard may have: intervals of numbers, sets of named values. For ``logic.py``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from engine.language.types import Kind, Type

Constant = bool | int | float | str | bytes


@dataclass(frozen=True, slots=True)
class ValueSet:
    """The values a term may have. Numbers: between ``low`` and ``high`` (open ends by flag), whole ones if ``whole``.

    Named values (enum, bool, string): those of ``only`` (None: any). Both: none of ``but``. ``none``: may be None."""

    numeric: bool
    whole: bool = False
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    only: frozenset[Constant] | None = None
    but: frozenset[Constant] = field(default_factory=frozenset)
    value: bool = True  # may be something that is not None
    none: bool = False

    @property
    def empty(self) -> bool:
        """Whether no value is left."""
        return not self.none and not self._has_value()

    def _has_value(self) -> bool:
        if not self.value:
            return False
        if not self.numeric:
            return self.only is None or bool(self.only - self.but)
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            return False
        if self.low == self.high:
            return self.low not in self.but
        if self.whole and self.high - self.low < 64:
            return any(n not in self.but for n in range(math.ceil(self.low), math.floor(self.high) + 1))
        return True

    def same_kind(self, value: object) -> bool:
        """Whether it can be compared with this constant."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number == self.numeric

    def limit(self, op: str, bound: float) -> ValueSet:
        """With ``term op bound`` added, ``op`` being ``<``, ``<=``, ``>`` or ``>=``. None has no order, so it is
        excluded."""
        if op in ("<", "<="):
            limited = self._below(bound, op == "<")
        else:
            limited = self._above(bound, op == ">")
        return replace(limited, none=False)

    def _below(self, bound: float, is_open: bool) -> ValueSet:
        if self.whole and math.isfinite(bound):
            bound, is_open = (math.ceil(bound) - 1 if is_open else math.floor(bound)), False
        if bound < self.high or (bound == self.high and is_open):
            return replace(self, high=bound, high_open=is_open)
        return self

    def _above(self, bound: float, is_open: bool) -> ValueSet:
        if self.whole and math.isfinite(bound):
            bound, is_open = (math.floor(bound) + 1 if is_open else math.ceil(bound)), False
        if bound > self.low or (bound == self.low and is_open):
            return replace(self, low=bound, low_open=is_open)
        return self

    def equal(self, value: Constant) -> ValueSet:
        """With ``term == value`` added."""
        if self.numeric:
            assert isinstance(value, (int, float))
            return self.limit("<=", value).limit(">=", value)
        only = frozenset({value}) if self.only is None or value in self.only else frozenset()
        return replace(self, only=only, none=False)

    def unequal(self, value: Constant) -> ValueSet:
        """With ``term != value`` added."""
        return replace(self, but=self.but | {value})

    def is_none(self) -> ValueSet:
        """With ``term == None`` added."""
        return replace(self, value=False)

    def is_some(self) -> ValueSet:
        """With ``term != None`` added."""
        return replace(self, none=False)


def value_set_of(type_: Type) -> ValueSet | None:
    """All values of a type; None where nothing can be said (lists, bytes, any)."""
    none = type_.optional
    match type_.kind:
        case Kind.INT | Kind.FLOAT | Kind.DURATION:
            low = -math.inf if type_.minimum is None else float(type_.minimum)
            high = math.inf if type_.maximum is None else float(type_.maximum)
            return ValueSet(True, type_.kind is not Kind.FLOAT, low, high, none=none)
        case Kind.BOOL:
            return ValueSet(False, only=frozenset({True, False}), none=none)
        case Kind.ENUM:
            return ValueSet(False, only=frozenset(type_.values), none=none)
        case Kind.STRING | Kind.BYTES:
            return ValueSet(False, none=none)
    return None
