"""Runs one machine with a list of inputs and notes everything that can be seen of it."""

from __future__ import annotations

from collections import deque
from typing import Any

from engine.semantics.errors import EndlessLoop
from engine.semantics.shared import UNSET
from engine.semantics.step import CancelTimer, Done, Event, SendEvent, StartTimer, Step
from tests.engine.charts import Input


class Driver:
    """Plays the system for one machine: its timers expire on request, what it sends to itself comes back at once
    (delayed or not), each as an event of its own."""

    def __init__(self, machine: Any) -> None:
        self.machine = machine
        self.timers: dict[str, None] = {}
        self.waiting: deque[Event] = deque()
        self.seen: list[Any] = []
        self.broken = False

    def run(self, inputs: list[Input]) -> list[Any]:
        self.take("begin", self.machine.begin)
        for kind, what in inputs:
            self.one(kind, what)
        self.take("finish", self.machine.finish)
        return self.seen

    def one(self, kind: str, what: Any) -> None:
        """One input and what it makes the machine send to itself."""
        if kind == "event":
            self.waiting.append(Event(what[0], what[1]))
        elif self.timers:
            names = list(self.timers)
            timer = names[what % len(names)]
            del self.timers[timer]
            self.take(f"timer {timer}", lambda: self.machine.expire(timer))
        for _ in range(6):
            if self.waiting and not self.broken:
                event = self.waiting.popleft()
                self.take(f"event {event.name}", lambda event=event: self.machine.process(event))
        self.waiting.clear()

    def take(self, cause: str, compute: Any) -> None:
        if self.broken and cause != "finish":
            return
        try:
            step: Step = compute()
        except EndlessLoop as loop:
            self.broken = True
            self.seen.append((cause, "endless", loop.states))
            return
        for effect in step.effects:
            if isinstance(effect, StartTimer):
                self.timers[effect.id] = None
            elif isinstance(effect, CancelTimer):
                self.timers.pop(effect.id, None)
            elif isinstance(effect, SendEvent) and effect.target is None:
                self.waiting.append(Event(effect.event, effect.data, sendid=effect.id))
            elif isinstance(effect, Done):
                self.timers.clear()
        self.seen.append((cause, step, self.look()))

    def look(self) -> tuple[Any, ...]:
        machine = self.machine
        configuration = machine.active if hasattr(machine, "active") else machine.configuration
        values = machine.values if hasattr(machine, "values") else dict(machine.data)
        done = not machine.running if hasattr(machine, "running") else machine.done
        return configuration, {k: v for k, v in values.items() if v is not UNSET}, done, machine.output
