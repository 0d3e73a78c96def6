"""The installed adapters, through the entry point ``chargechart.adapters``."""

from __future__ import annotations

from functools import cache

from engine.adapter import AdapterError, Registry


class _Registries:
    """Several registries as one."""

    def __init__(self, parts: list[Registry]) -> None:
        self._parts = parts

    def contract_files(self) -> list[str]:
        return [path for part in self._parts for path in part.contract_files()]

    def implementations(self, contract: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in self._parts:
            for name, path in part.implementations(contract).items():
                found.setdefault(name, path)
        return found

    def chart_folders(self) -> list[str]:
        return [path for part in self._parts for path in part.chart_folders()]


@cache
def installed() -> Registry:
    """All registries that installed distributions name. Raises ``AdapterError`` for one that cannot be imported."""
    from importlib.metadata import entry_points

    parts: list[Registry] = []
    for point in sorted(entry_points(group="chargechart.adapters"), key=lambda point: point.name):
        try:
            parts.append(point.load())
        except Exception as error:
            raise AdapterError(f"entry point {point.name} = {point.value} cannot be imported: {error}") from error
    return _Registries(parts)
