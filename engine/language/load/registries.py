"""The registries of the installed adapters, through the entry point ``chargechart.adapters``."""

from __future__ import annotations

from functools import cache

from engine.adapter import AdapterError, Registry


@cache
def registries() -> tuple[Registry, ...]:
    """The registries that installed distributions name. Raises ``AdapterError`` for one that cannot be imported."""
    from importlib.metadata import entry_points

    parts: list[Registry] = []
    for point in sorted(entry_points(group="chargechart.adapters"), key=lambda point: point.name):
        try:
            parts.append(point.load())
        except Exception as error:
            raise AdapterError(f"entry point {point.name} = {point.value} cannot be imported: {error}") from error
    return tuple(parts)
