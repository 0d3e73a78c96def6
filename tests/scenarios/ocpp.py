"""What scenarios of machines/ocpp have in common."""

from __future__ import annotations

from typing import Any

from adapters.ocpp.keys import KEYS
from tests.scenarios.stage import Stage


def keys(**changed: Any) -> dict[str, Any]:
    """Values of the role ``settings`` for a stage: the first ones, but for those named here."""
    assert changed.keys() <= KEYS.keys(), f"{sorted(changed.keys() - KEYS.keys())} are no keys"
    return {f"settings.{name}": changed.get(name, key.default) for name, key in KEYS.items()}


def running_clock(stage: Any) -> Any:
    """The stage; its time of day runs from now on, and jumps when ``clock.now`` is given anew."""

    class Running(type(stage.adapters["clock"])):  # type: ignore[misc]
        @property
        def now(self) -> int:
            return int(self.__dict__["ahead"] + stage.system.clock.now_ns())

        @now.setter
        def now(self, time_ns: int) -> None:
            self.__dict__["ahead"] = time_ns - stage.system.clock.now_ns()

    clock = stage.adapters["clock"]
    time_ns = clock.__dict__.pop("now")
    clock.__class__ = Running
    clock.now = time_ns
    return stage


def change(stage: Stage, **changed: Any) -> Stage:
    """The central system changes keys."""
    for key, value in changed.items():
        stage.values("settings", **{key: value}).emit("settings.changed", key=key)
    return stage
