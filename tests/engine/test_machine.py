"""A machine on its own: time, children, snapshots, and what it costs when charts are wide."""

from __future__ import annotations

import gc
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.run.machine import Machine
from engine.semantics.compiled.program import program_of
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.shared import MICROSTEP_BOUND
from engine.semantics.step import Event

S = 1_000_000_000

LIGHT = """
machine: light
data: {rounds: {type: int, initial: 0}}
events: {press: , note: {payload: {tag: bytes}}}
initial: red
states:
  red: {after: {2 s: green}}
  green:
    entry: [assign: {rounds: rounds + 1}, {send: {event: press, delay: 500 ms, id: nudge}}]
    exit: [cancel: nudge]
    on: {press: yellow}
    after: {3 s: red}
  yellow: {after: {1 s: red}}
"""


def test_a_machine_on_its_own_runs_its_timers_and_delayed_sends() -> None:
    machine = engine.start(engine.load_text(LIGHT))
    machine.advance(2 * S - 1)
    assert machine.configuration == ("red",)
    machine.advance(1)
    assert machine.configuration == ("green",)
    machine.advance(S // 2)
    assert machine.configuration == ("yellow",)
    machine.advance(S)
    assert machine.configuration == ("red",)
    assert machine.data["rounds"] == 1


def test_a_snapshot_is_json_and_goes_on_in_the_middle_of_a_delay() -> None:
    """A controller that restarts must not give its peer a second full timeout."""
    chart = engine.load_text(LIGHT)
    machine = engine.start(chart)
    machine.advance(2 * S + S // 5)
    again = engine.resume(chart, json.loads(json.dumps(machine.snapshot())))
    assert again.configuration == ("green",)
    again.advance(S // 5)
    assert again.configuration == ("green",)
    again.advance(S // 10)
    assert again.configuration == ("yellow",)
    assert dict(again.data) == {"rounds": 1}


def test_children_come_back_from_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "child.yaml").write_text("""
machine: child
parameters: {wait: {type: duration}}
output: {tag: bytes}
states:
  working: {after: {wait: over}}
  over: {type: final, output: {tag: "hex('00ff')"}}
""")
    (tmp_path / "parent.yaml").write_text("""
machine: parent
data: {tag: {type: bytes, initial: "hex('')"}}
states:
  busy:
    invoke:
      id: worker
      src: child.yaml
      input: {wait: 2 s}
      onDone: {target: done, actions: [assign: {tag: event.tag}]}
  done: {}
""")
    chart = engine.load(tmp_path / "parent.yaml")
    machine = engine.start(chart)
    machine.advance(S)
    again = engine.resume(chart, json.loads(json.dumps(machine.snapshot())))
    for one in (machine, again):
        one.advance(S - 1)
        assert one.configuration == ("busy",)
        one.advance(1)
        assert one.configuration == ("done",)
        assert one.data["tag"] == b"\x00\xff"
    third = engine.resume(chart, json.loads(json.dumps(again.snapshot())))
    assert third.data["tag"] == b"\x00\xff"


def test_a_snapshot_of_another_chart_is_refused() -> None:
    snapshot = engine.start(engine.load_text(LIGHT)).snapshot()
    with pytest.raises(ValueError, match="light"):
        engine.resume(engine.load_text(LIGHT.replace("3 s", "4 s")), snapshot)


def test_firing_a_timer_by_hand_is_its_expiry() -> None:
    machine = engine.start(engine.load_text(LIGHT))
    assert machine.fire("red/after 2 s").transitions == ("red/after 2 s",)
    assert machine.stop().exited == ("green",)
    assert machine.done


def wide(regions: int, states: int) -> str:
    def region(i: int) -> str:
        inner = ", ".join(
            f"s{j}: {{entry: [assign: {{n: n + 1}}], on: {{e{i}: s{(j + 1) % states}, all: s{(j + 1) % states}}}}}"
            for j in range(states)
        )
        return f"  r{i}: {{states: {{{inner}}}}}\n"

    events = ", ".join(f"e{i}: " for i in range(regions))
    head = f"machine: wide\ndata: {{n: {{type: int, initial: 0}}}}\nevents: {{{events}, all: }}\n"
    return f"{head}type: parallel\nstates:\n" + "".join(map(region, range(regions)))


def test_a_wide_parallel_chart_needs_neither_endless_plans_nor_memory() -> None:
    """5 to the power of 6 configurations: a plan for each that is visited would fill the memory of a station."""
    chart = engine.load_text(wide(6, 5))
    machine = engine.start(chart)
    oracle = Interpreter(chart, bind_parameters(chart, None))
    oracle.begin()
    choose = random.Random(7)
    program = program_of(chart, False)
    program.limit = 100
    sizes = []
    for round_ in range(3):
        for _ in range(500):
            name = choose.choice(["all", *(f"e{i}" for i in range(6))])
            step = machine.send(name)
            expected = oracle.process(Event(name))
            assert (step.transitions, step.exited, step.entered) == (
                expected.transitions,
                expected.exited,
                expected.entered,
            )
        assert machine.configuration == oracle.active
        assert machine.data["n"] == oracle.values["n"]
        if round_ == 0:
            gc.collect()
            tracemalloc.start()
        else:
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert len(program.nodes) <= program.limit
    assert sizes[1] - sizes[0] < 200_000


def test_names_from_outside_do_not_fill_the_memory() -> None:
    """A peer that makes up event names: each is recorded as unhandled, none is kept."""
    chart = engine.load_text(LIGHT)
    machine = engine.start(chart)
    for number in range(5_000):
        assert not machine.send(f"made.up.{number}").handled
    assert machine.unhandled == 5_000
    program = program_of(chart, False)
    assert all(len(node) < 600 for node in program.nodes.values())


def test_generated_code_holds_no_text_of_the_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chart from a stranger must not smuggle code into what is compiled: its names and strings never are."""
    sources: list[str] = []

    def spy(text: Any, *rest: Any, **options: Any) -> Any:
        sources.append(text)
        return compile(text, *rest, **options)

    monkeypatch.setattr("engine.semantics.compiled.codegen_source.compile", spy, raising=False)
    chart = engine.load_text("""
machine: smuggler
data: {needle_item: {type: string, initial: "'needle_text'"}}
events: {needle_event: {payload: {needle_field: string}}}
states:
  needle_state:
    on:
      needle_event:
        guard: event.needle_field == needle_item
        actions:
          - log: "needle_log {needle_item}"
          - assign: {needle_item: "event.needle_field + 'needle_more'"}
          - raise: {event: needle_event, data: {needle_field: "'needle_sent'"}}
""")
    machine = Machine(chart)
    machine.begin()
    machine.process(Event("needle_event", {"needle_field": "needle_text"}))
    assert machine.data["needle_item"] == "needle_textneedle_more"
    assert len(sources) >= 3
    assert not any("needle" in source for source in sources)


def test_the_bound_of_a_macrostep_leaves_room_for_long_ones() -> None:
    chart = engine.load_text("""
machine: long
data: {n: {type: int, initial: 0}}
events: {go: }
states:
  a:
    on: {go: {actions: [assign: {n: 1}]}}
    always: {guard: 0 < n < 900, actions: [assign: {n: n + 1}]}
""")
    machine = engine.start(chart)
    machine.send("go")
    assert machine.data["n"] == 900 < MICROSTEP_BOUND
