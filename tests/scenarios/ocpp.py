"""What scenarios of machines/ocpp have in common."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.keys import KEYS
from tests.scenarios.stage import Stage


def keys(**changed: Any) -> dict[str, Any]:
    """Values of the role ``settings`` for a stage: the first ones, but for those named here."""
    assert changed.keys() <= KEYS.keys(), f"{sorted(changed.keys() - KEYS.keys())} are no keys"
    return {f"settings.{name}": changed.get(name, key.default) for name, key in KEYS.items()}


def change(stage: Stage, **changed: Any) -> Stage:
    """The central system changes keys."""
    for key, value in changed.items():
        stage.values("settings", **{key: value}).emit("settings.changed", key=key)
    return stage
