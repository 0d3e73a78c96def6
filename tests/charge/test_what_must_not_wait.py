"""A whole station in the middle of a charge, its queues full of other things: what opens the contactor goes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.registry import REGISTRY
from engine.run import Note, StepRecord, System
from engine.run.station import Overrides, build, resolve

S = 1_000_000_000


def charging() -> System:
    plan = resolve(Path("machines/evse_dc.yaml"), None, Overrides((), {}, {}), REGISTRY, engine.load)
    system = System()
    build(plan, system, REGISTRY)
    system.start()
    output = "evse/output"

    def delivers() -> bool:
        return any(
            actor.path == output and "energised.delivering.control" in actor.machine.configuration
            for actor in system.roots["evse"].tree()
        )

    assert system.run_until(delivers, 120 * S)
    return system


@pytest.mark.parametrize(
    ("role", "event", "payload"),
    [
        ("pilot", "levels", {"high": 9.0, "low": -12.0}),
        ("pilot", "levels", {"high": 12.0, "low": -12.0}),
        ("button", "emergency_stop", {}),
        ("supply", "alarm", {"code": "overtemperature", "text": "hot"}),
        ("contactor", "opened", {}),
        ("imd", "fault", {"text": "broken"}),
    ],
)
def test_the_contactor_is_ordered_open_before_anything_else_that_waits(
    role: str, event: str, payload: dict[str, Any]
) -> None:
    system = charging()
    roles = system.roots["evse"].roles
    taken: list[str] = []

    class Seen:
        def step(self, record: StepRecord) -> None:
            taken.append(record.event.name if record.event is not None else str(record.timer))

        def note(self, note: Note) -> None: ...

    opened_after: list[list[str]] = []
    order = roles["contactor"].adapter.set  # type: ignore[attr-defined]

    def noted(*, closed: bool) -> None:
        if not closed:
            opened_after.append(list(taken))
        order(closed=closed)

    roles["contactor"].adapter.set = noted  # type: ignore[attr-defined]
    system.observers.append(Seen())
    for _ in range(900):
        roles["reader"].emit("token", {"id": "somebody"})
        roles["imd"].emit("measured", {"resistance": 1000.0})
    roles[role].emit(event, payload)
    system.run_due()
    assert taken.count("reader.token") == 900
    assert not {"reader.token", "imd.measured"} & set(opened_after[0]), opened_after[0]
