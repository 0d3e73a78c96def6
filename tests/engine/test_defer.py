"""`defer`: an event is kept until no active state defers it, and taken before anything else that waits."""

from __future__ import annotations

import json
from typing import Any

import pytest

import engine
from engine.language.load import load_text
from engine.run.json_values import from_json, to_json
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference.interpreter import Interpreter
from engine.semantics.shared import DEFERRED_BOUND
from engine.semantics.step import Event

CHART = """\
machine: m
events:
  go: {direction: in}
  back: {direction: in}
  stop: {direction: in, payload: {why: string}}
  note: {direction: in, payload: {n: int}}
data: {log: {type: string, initial: "''"}}
initial: busy
states:
  busy:
    defer: [stop, note]
    on: {go: idle}
    initial: deep
    states:
      deep:
        on: {back: open}
      open:
        on: {stop: {actions: [assign: {log: "log + 'open ' + event.why + ';'"}]}}
  idle:
    on:
      stop: {target: over, actions: [assign: {log: "log + 'stop ' + event.why + ';'"}]}
      note: {actions: [assign: {log: "log + str(event.n) + ';'"}]}
      back: busy
  over:
    on: {note: {actions: [assign: {log: "log + 'over ' + str(event.n) + ';'"}]}, go: idle}
    ignore: [stop]
"""


def machine_of(text: str = CHART) -> Any:
    return engine.start(load_text(text))


def test_events_are_kept_and_taken_in_their_order() -> None:
    machine = machine_of()
    for n in (1, 2):
        step = machine.send("note", {"n": n})
        assert step.handled
        assert machine.data["log"] == ""
    machine.send("stop", {"why": "button"})
    machine.send("note", {"n": 3})
    step = machine.send("go")
    assert step.transitions == ("busy/go", "idle/note", "idle/note", "idle/stop", "over/note")
    assert machine.data["log"] == "1;2;stop button;over 3;"
    assert machine.configuration == ("over",)
    machine.send("go")
    assert machine.data["log"] == "1;2;stop button;over 3;", "what was taken is not kept"


def test_an_inner_state_that_takes_it_goes_before() -> None:
    machine = machine_of()
    machine.send("stop", {"why": "early"})
    assert machine.send("back").transitions == ("busy.deep/back", "busy.open/stop")
    machine.send("stop", {"why": "now"})
    assert machine.data["log"] == "open early;open now;"


def test_an_inner_state_that_defers_goes_before_an_outer_on() -> None:
    text = CHART.replace("initial: busy\n", "initial: busy\non: {stop: {actions: [assign: {log: 'lost'}]}}\n")
    machine = machine_of(text.replace("log: 'lost'", "log: \"'lost'\""))
    machine.send("stop", {"why": "kept"})
    assert machine.data["log"] == ""
    machine.send("go")
    assert machine.data["log"] == "stop kept;"


PARALLEL = """\
machine: m
events: {x: {direction: in}, free: {direction: in}}
type: parallel
states:
  one:
    initial: a
    states:
      a: {defer: [x], on: {free: b}}
      b: {on: {x: c}}
      c: {}
  two:
    initial: INITIAL
    states:
      takes: {on: {x: done}}
      knows: {ignore: [x]}
      done: {}
"""


def test_what_another_region_takes_is_not_kept() -> None:
    machine = machine_of(PARALLEL.replace("INITIAL", "takes"))
    machine.send("x")
    assert machine.configuration == ("one", "one.a", "two", "two.done")
    machine.send("free")
    assert machine.configuration == ("one", "one.b", "two", "two.done")


def test_what_another_region_ignores_is_kept() -> None:
    machine = machine_of(PARALLEL.replace("INITIAL", "knows"))
    machine.send("x")
    machine.send("free")
    assert machine.configuration == ("one", "one.c", "two", "two.knows")


def test_there_is_room_for_so_many() -> None:
    """What a peer sends without end is not kept without end; the loss is an event, never silent."""
    text = CHART.replace("events:\n", "events:\n", 1).replace(
        "    on: {go: idle}\n", "    on: {go: idle, error.queue: {actions: [assign: {log: log + event.event}]}}\n", 1
    )
    machine = machine_of(text)
    for n in range(DEFERRED_BOUND):
        machine.send("note", {"n": n})
    assert machine.data["log"] == ""
    assert "error.queue" in machine.send("stop", {"why": "lost"}).raised
    assert machine.data["log"] == "stop"
    step = machine.send("go")
    assert step.transitions.count("idle/note") == DEFERRED_BOUND
    assert "idle/stop" not in step.transitions


def test_a_snapshot_holds_what_is_kept() -> None:
    chart = load_text(CHART)
    machine = engine.start(chart)
    machine.send("stop", {"why": "saved"})
    saved = from_json(json.loads(json.dumps(to_json(machine.snapshot()))))
    again = engine.resume(chart, saved)
    again.send("go")
    assert again.data["log"] == "stop saved;"
    assert machine.data["log"] == ""


def test_a_fork_keeps_its_own() -> None:
    machine = machine_of()
    before = machine.fork()
    machine.send("stop", {"why": "kept"})
    assert machine.situation != before.situation
    twin = machine.fork()
    machine.send("go")
    assert twin.data["log"] == ""
    twin.send("go")
    assert twin.data["log"] == machine.data["log"] == "stop kept;"
    before.send("go")
    assert before.data["log"] == ""


@pytest.mark.parametrize("text", [CHART, PARALLEL.replace("INITIAL", "takes"), PARALLEL.replace("INITIAL", "knows")])
def test_the_reference_does_the_same(text: str) -> None:
    chart = load_text(text)
    reference = Interpreter(chart, bind_parameters(chart, None))
    reference.begin()
    machine = engine.start(chart)
    events = [("stop", {"why": "a"}), ("note", {"n": 1}), ("x", None), ("back", None), ("free", None), ("go", None)]
    for name, data in events:
        if name in chart.events:
            assert reference.process(Event(name, data)).transitions == machine.send(name, data).transitions
    assert reference.active == machine.configuration


def test_a_timer_and_a_state_that_ends_let_go_of_it() -> None:
    text = """\
machine: m
events: {x: {direction: in}}
states:
  waiting: {defer: x, after: {1 s: over}}
  over: {on: {x: gone}}
  gone: {type: final}
"""
    machine = engine.start(load_text(text))
    machine.send("x")
    machine.advance(1_000_000_000)
    assert machine.done
