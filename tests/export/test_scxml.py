"""An SCXML export that reads back as another machine would send a reviewer's other tools astray."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings

import engine
from engine.language.model import Chart
from engine.run import System
from engine.semantics.errors import EndlessLoop
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.shared import UNSET
from engine.semantics.step import CancelSend, CancelTimer, Event, LogText, SendEvent, StartTimer
from engine.tools.export.scxml import export_scxml, state_ids
from engine.tools.scxml import import_text
from tests.engine.charts import Input, inputs
from tests.export.charts import load, trees, without_checks

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "15")), 40)
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
            if not self.machine.running or self.seen[-1][1] == "endless":
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
                if self.waiting and self.machine.running and self.seen[-1][1] != "endless":
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
    # What grows until it no longer fits 64 bits ends a loop here; the copy's data have no type that would.
    numbers = [v for seen in own for v in seen[3].values() if isinstance(v, (int, float))]
    assume(all(abs(v) < 2**50 for v in numbers))
    other = Player(back, names).run(played)
    for seen in other:  # parameters and loop items are data there
        if len(seen) == 5:
            for name in seen[3].keys() - chart.data.keys():
                del seen[3][name]
    assert other == own


@given(tree=trees(without_checks), played=inputs(rich=False))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_exported_and_imported_again_a_chart_does_the_same(tree: dict[str, Any], played: list[Input]) -> None:
    """Random charts with history, parallel regions, timers, errors: configuration, data and logs after every step."""
    compare(load(tree), played)


PARENT = """
machine: parent
parameters: {T_wait: {type: duration, default: 3 s}}
data: {got: {type: int, initial: 0}, sum: {type: int, initial: 0}}
events: {go: {direction: in}, tell: {direction: in}}
initial: idle
states:
  idle: {on: {go: working}}
  working:
    invoke: {id: kid, src: child.yaml, input: {T_round: T_wait / 3, C_rounds: 3}}
    on:
      kid.round: {actions: [assign: {got: event.number}]}
      tell: {actions: [send: {event: hello, to: kid, data: {n: 7}}]}
      done.invoke.kid: {target: over, actions: [assign: {sum: event.rounds}]}
    after: {10 s: idle}
  over: {}
"""
CHILD = """
machine: child
parameters: {C_rounds: {type: int, default: 2}, T_round: {type: duration, default: 9 s}}
events:
  hello: {direction: in, payload: {n: int}}
  round: {direction: out, payload: {number: int}}
data: {number: {type: int, initial: 0}, extra: {type: int, initial: 0}}
output: {rounds: int}
initial: work
states:
  work:
    after:
      T_round:
        - {guard: number + 1 >= C_rounds, target: end}
        - target: work
          actions: [assign: {number: number + 1}, send: {event: round, to: parent, data: {number: number}}]
    on: {hello: {actions: [assign: {extra: event.n}]}}
  end: {type: final, output: {rounds: number + extra}}
"""


def run_system(chart: Chart, states: dict[str, str]) -> list[tuple[list[str], dict[str, Any]]]:
    """Configuration and data of the parent as virtual time passes; events at 0 s and 1.1 s."""
    system = System()
    actor = system.add(chart)
    system.start()
    seen = []
    for event, ms in (("go", 500), (None, 600), ("tell", 950), (None, 500), (None, 2000)):
        if event is not None:
            system.post(actor, event, {})
        system.run_due()
        system.advance(ms * 1_000_000)
        active = sorted(states[s] for s in actor.machine.configuration if s in states)
        seen.append((active, {name: actor.machine.data[name] for name in ("got", "sum")}))
    return seen


def test_children_and_timers_survive_export_and_import(tmp_path: Path) -> None:
    """An invoked chart stands inline in the document: its parameters, what it says, what it gives."""
    (tmp_path / "parent.yaml").write_text(PARENT)
    (tmp_path / "child.yaml").write_text(CHILD)
    chart = engine.load(tmp_path / "parent.yaml")
    back, names = imported(chart)
    own = run_system(chart, {s: s for s in chart.states if s})
    assert run_system(back, names) == own
    assert own[-1] == (["over"], {"got": 2, "sum": 9})
