"""Units of a chart's events and orders, to show values to people with their units."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.language.model import Chart
from engine.language.types import Kind, Type
from engine.tools.trace.fields import fields_of

Units = Mapping[str, str]
"""Field → symbol, of the fields that have one; ``ns`` for a duration."""


@lru_cache(maxsize=256)
def units_of(chart: Chart) -> dict[str, dict[str, str]]:
    """Units by the names of :func:`engine.tools.trace.fields.fields_of`; names without a unit are left out."""
    fields = {name: types for name, types in fields_of(chart).items() if not name.startswith("start ")}
    found = {name: {field: _symbol(type_) for field, type_ in types.items()} for name, types in fields.items()}
    lean = {name: {field: unit for field, unit in units.items() if unit} for name, units in found.items()}
    return {name: units for name, units in lean.items() if units}


def counts_nothing(units: Units, data: Mapping[str, Any]) -> bool:
    """Whether there are energies among these values, and all of them are nothing (less than 0.5 Wh)."""
    energies = [data.get(field) for field, unit in units.items() if unit == "Wh"]
    known = [one for one in energies if isinstance(one, int | float)]
    return bool(known) and all(abs(one) < 0.5 for one in known)


def _symbol(type_: Type) -> str:
    inner = type_.item if type_.kind is Kind.LIST and type_.item is not None else type_
    if inner.kind is Kind.DURATION:
        return "ns"
    return inner.unit.symbol if inner.unit is not None else ""


def with_unit(text: str, value: Any, unit: str) -> str:
    """``text``, which shows ``value``, with its unit; a duration as ``600 ms`` or ``1.5 s``."""
    if unit == "ns" and type(value) is int:
        return f"{value / 1e9:.6g} s" if abs(value) >= 1_000_000_000 or value == 0 else f"{value / 1e6:.6g} ms"
    return f"{text} {unit}"
