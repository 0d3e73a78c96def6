"""An SCXML export that reads back as another machine would send a reviewer's other tools astray."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings

import engine
from engine.content import UNSET
from engine.errors import EndlessLoop
from engine.export.scxml import export_scxml, state_ids
from engine.model import Chart
from engine.reference import Interpreter
from engine.scxml import import_text
from engine.start import bind_parameters
from engine.step import CancelSend, CancelTimer, Event, LogText, SendEvent, StartTimer
from tests.engine.charts import Input, inputs
from tests.export.charts import load, trees, without_checks

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "25")), 60)
MACHINES = Path(__file__).parents[2] / "machines"


class Player:
    """Runs one machine. Timers are told apart by their id, which an export keeps as the id of a delayed send."""

    def __init__(self, chart: Chart, states: dict[str, str]) -> None:
        self.machine = Interpreter(chart, bind_parameters(chart, None))
        self.states = states  # leaf name or id in this chart → the id to compare
        self.timers: dict[str, str | None] = {}  # id → the event that stands for its expiry
        self.waiting: deque[Event] = deque()
        self.seen: list[Any] = []

    def run(self, played: list[Input]) -> list[Any]:
        self.take("begin", self.machine.begin)
        for kind, what in played:
            if not self.machine.running:
                break
            if kind == "event":
                self.waiting.append(Event(what[0], what[1]))
            elif self.timers:
                timer = list(self.timers)[what % len(self.timers)]
                event = self.timers.pop(timer)
                if event is None:
                    self.take(timer, lambda timer=timer: self.machine.expire(timer))
                else:
                    self.take(timer, lambda event=event: self.machine.process(Event(event)))
            for _ in range(6):
                if self.waiting and self.machine.running:
                    event_ = self.waiting.popleft()
                    self.take(event_.name, lambda event=event_: self.machine.process(event))
            self.waiting.clear()
        return self.seen

    def take(self, cause: str, compute: Any) -> None:
        try:
            step = compute()
        except EndlessLoop:
            self.seen.append((cause, "endless"))
            return
        logs = []
        for effect in step.effects:
            match effect:
                case StartTimer(id=id):
                    self.timers[id] = None
                case CancelTimer(id=id):
                    self.timers.pop(id, None)
                case SendEvent(event=event, id=id) if event.startswith("after."):
                    self.timers[id] = event
                case CancelSend(id=id) if "/after " in id:
                    self.timers.pop(id, None)
                case SendEvent(event=event, data=data, target=None):
                    self.waiting.append(Event(event, data))
                case LogText(text=text):
                    logs.append(text)
        active = sorted(self.states[s] for s in self.machine.active if s in self.states)
        values = {name: value for name, value in self.machine.values.items() if value is not UNSET}
        self.seen.append((cause, active, logs, values, not self.machine.running))


def imported(chart: Chart) -> tuple[Chart, dict[str, str]]:
    """The chart after export and import, with its state ids → ours."""
    text = import_text(export_scxml(chart).text, "exported.scxml").text
    back = engine.load_text(text, "imported.yaml")
    ours = {name: id for id, name in state_ids(chart).items() if id}
    return back, {s: ours[s.rpartition(".")[2]] for s in back.states if s.rpartition(".")[2] in ours}


def compare(chart: Chart, played: list[Input]) -> None:
    back, names = imported(chart)
    own = Player(chart, {s: s for s in chart.states if s}).run(played)
    assume(all(len(seen) == 5 for seen in own))  # endless loops end by a bound on steps, which wrapping shifts
    other = Player(back, names).run(played)
    for seen in other:  # parameters and loop items are data there
        if len(seen) == 5:
            for name in seen[3].keys() - chart.data.keys():
                del seen[3][name]
    assert other == own


@given(tree=trees(without_checks), played=inputs())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_exported_and_imported_again_a_chart_does_the_same(tree: dict[str, Any], played: list[Input]) -> None:
    """Random charts with history, parallel regions, timers, errors: configuration, data and logs after every step."""
    compare(load(tree), played)
