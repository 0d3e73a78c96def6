"""A door adapter, charts from text and an observer that keeps everything: what the tests of the system share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import engine
from engine.adapter import Adapter, AdapterError, World
from engine.language.load.contract import load_contract
from engine.language.model import Chart
from engine.run import Actor, Note, StepRecord, System

DOOR = load_contract(Path(__file__).parent / "door.contract.yaml")
S = 1_000_000_000


def chart(text: str) -> Chart:
    """A chart from its text; contract ``door`` is known."""
    return engine.load_text(dedent(text), contracts={"door": DOOR})


class Door(Adapter):
    """Keeps what it was told; ``refuse`` makes ``unlock`` raise."""

    contract = "door"

    def __init__(self, config: Mapping[str, Any] | None = None, world: World | None = None) -> None:
        super().__init__(config or {}, world or World())
        self.told: list[tuple[Any, ...]] = []
        self.refuse: Exception | None = None
        self.angle = 0.0
        self.is_locked = True
        self.calls: list[str] = []
        self.cancelled: list[str] = []

    def unlock(self, *, pin: int, note: str | None) -> None:
        self.told.append(("unlock", pin, note))
        if self.refuse is not None:
            raise self.refuse

    def lock(self) -> None:
        self.told.append(("lock",))

    def measure(self, *, call_id: str, force: float) -> None:
        self.calls.append(call_id)
        if force < 0:
            raise AdapterError("force must not be negative")

    def cancel_call(self, call_id: str) -> None:
        self.cancelled.append(call_id)

    def close(self) -> None:
        self.told.append(("close",))


class Watch:
    """An observer that keeps all."""

    def __init__(self, system: System) -> None:
        self.steps: list[StepRecord] = []
        self.notes: list[Note] = []
        system.observers.append(self)

    def step(self, record: StepRecord) -> None:
        self.steps.append(record)

    def note(self, note: Note) -> None:
        self.notes.append(note)

    def events(self, path: str = "") -> list[str]:
        """``time machine event`` of every event and timer, in order; of one machine without its name."""
        found = []
        for r in self.steps:
            name = r.event.name if r.event is not None else r.timer or r.cause
            if not path:
                found.append(f"{r.time_ns / S:g} {r.actor.path} {name}")
            elif r.actor.path == path:
                found.append(f"{r.time_ns / S:g} {name}")
        return found

    def kinds(self) -> list[str]:
        return [note.kind for note in self.notes]


def started(text: str, adapters: Mapping[str, Adapter] | None = None, **parameters: Any) -> tuple[System, Actor, Watch]:
    """A system with one machine of this chart, on a virtual clock, begun and at rest."""
    system = System()
    watch = Watch(system)
    actor = system.add(chart(text), parameters=parameters, adapters=adapters)
    system.start()
    system.run_due()
    return system, actor, watch
