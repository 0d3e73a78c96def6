"""The installed adapters, through the entry point ``chargechart.adapters``."""

from __future__ import annotations

from functools import cache

from engine.adapter import Registry
from engine.language.load.registries import registries


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
    return _Registries(list(registries()))
