"""`defer`: an event is kept until no active state defers it, and taken before anything else that waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.language.load import load_text
from engine.run import System
from engine.run.json_values import from_json, to_json
from engine.run.machine import Machine
from engine.semantics.compiled.machine import CompiledMachine
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference.interpreter import Interpreter
from engine.semantics.shared import DEFERRED_BOUND
from engine.semantics.step import Event
from engine.tools.trace import TraceWriter, read
from engine.tools.trace.replay import replay

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


GUARDED = """\
machine: m
events: {go: {direction: in}, ready: {direction: in}, leave: {direction: in}}
data: {ready: {type: bool, initial: False}}
initial: waiting
states:
  waiting:
    defer: [go]
    on:
      ready: {actions: [assign: {ready: true}]}
      go: {guard: ready, target: gone}
      leave: away
  away: {on: {go: back}}
  back: {}
  gone: {}
"""


@pytest.mark.parametrize("engine_of", [Interpreter, CompiledMachine])
def test_a_guard_that_becomes_true_brings_nothing_back(engine_of: Any) -> None:
    """What waits for a guard is a state of its own: a kept event is looked at again where it is deferred no more."""
    chart = load_text(GUARDED)
    for names, reached in ((["go", "ready"], "waiting"), (["go", "ready", "go"], "gone"), (["go", "leave"], "back")):
        machine = engine_of(chart, bind_parameters(chart, None))
        machine.begin()
        for name in names:
            machine.process(Event(name))
        active = machine.active if isinstance(machine, Interpreter) else machine.configuration
        assert [state for state in active if state] == [reached]


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


def test_what_one_region_defers_no_other_takes() -> None:
    """It would be lost to the region that defers it."""
    machine = machine_of(PARALLEL.replace("INITIAL", "takes"))
    step = machine.send("x")
    assert (step.handled, step.transitions) == (True, ("one.a/x",))
    step = machine.send("free")
    assert step.transitions == ("one.a/free", "one.b/x", "two.takes/x")
    assert machine.configuration == ("one", "one.c", "two", "two.done")


def test_what_another_region_ignores_is_kept() -> None:
    machine = machine_of(PARALLEL.replace("INITIAL", "knows"))
    machine.send("x")
    machine.send("free")
    assert machine.configuration == ("one", "one.c", "two", "two.knows")


TWO = """\
machine: two
events: {msg: {direction: in, payload: {n: int}}, a: {direction: in}, b: {direction: in}, other: {direction: in}}
data: {got1: {type: list of int, initial: "[]"}, got2: {type: list of int, initial: "[]"}}
type: parallel
states:
  r1:
    states:
      wait: {defer: [msg], on: {a: ready}}
      ready: {on: {msg: {actions: [assign: {got1: "got1 + [event.n]"}]}, a: wait}}
  r2:
    states:
      wait: {defer: [msg], on: {b: ready}}
      ready: {on: {msg: {actions: [assign: {got2: "got2 + [event.n]"}]}, b: wait}}
"""


def got(machine: Any) -> tuple[list[int], list[int]]:
    return machine.data["got1"], machine.data["got2"]


@pytest.mark.parametrize(("first", "second"), ["ab", "ba"])
def test_two_regions_keep_one_event_once_and_take_it_together(first: str, second: str) -> None:
    machine = machine_of(TWO)
    assert machine.send("msg", {"n": 1}).transitions == ("r1.wait/msg", "r2.wait/msg")
    assert machine.send(first).transitions == (f"r{'ab'.index(first) + 1}.wait/{first}",)
    assert got(machine) == ([], [])
    assert machine.send(second).transitions[1:] == ("r1.ready/msg", "r2.ready/msg")
    assert got(machine) == ([1], [1])


def test_events_that_two_regions_keep_stay_in_their_order() -> None:
    """Also those that come when only one region still defers them."""
    machine = machine_of(TWO)
    for n, event in enumerate(("a", "other", "b")):
        machine.send("msg", {"n": n})
        machine.send(event)
    assert got(machine) == ([0, 1, 2], [0, 1, 2])


def test_the_room_for_what_is_kept_counts_events_not_regions() -> None:
    machine = machine_of(TWO)
    for n in range(DEFERRED_BOUND):
        assert not machine.send("msg", {"n": n}).raised
    assert machine.send("msg", {"n": -1}).raised == ("error.queue",)
    machine.send("a")
    machine.send("b")
    assert got(machine) == (list(range(DEFERRED_BOUND)), list(range(DEFERRED_BOUND)))


def test_a_region_whose_inner_state_takes_it_does_not_defer_it() -> None:
    """`on` inside goes before `defer` outside: with the other region out of the way, the event is not kept."""
    text = TWO.replace(
        "      wait: {defer: [msg], on: {a: ready}}\n",
        "      wait:\n        defer: [msg]\n        states:\n"
        '          inner: {on: {msg: {actions: [assign: {got1: "got1 + [event.n]"}]}}}\n',
    )
    machine = machine_of(text)
    assert machine.send("msg", {"n": 1}).transitions == ("r2.wait/msg",)
    assert machine.send("b").transitions == ("r2.wait/b", "r1.wait.inner/msg", "r2.ready/msg")
    machine.send("msg", {"n": 2})
    assert got(machine) == ([1, 2], [1, 2])


def test_a_raised_event_is_one_event_each_time() -> None:
    """The same event twice is two events, though nothing tells them apart."""
    text = TWO.replace("other: {direction: in}", "other: {direction: in}, own: {}").replace("[msg]", "[msg, own]")
    text = text.replace("type: parallel\n", "type: parallel\non: {other: {actions: [raise: own, raise: own]}}\n")
    text = text.replace(", a: wait}", ', own: {actions: [assign: {got1: "got1 + [7]"}]}, a: wait}')
    machine = machine_of(text)
    machine.send("other")
    machine.send("a")
    machine.send("b")
    assert got(machine) == ([7, 7], [])


@settings(deadline=None)
@given(st.lists(st.sampled_from(["msg", "msg", "a", "b", "other"]), max_size=30), st.booleans())
def test_regions_that_defer_do_as_the_rule_says(played: list[str], stopped: bool) -> None:
    """Against the rule itself: one list of what is kept, given to both regions when neither waits. ``stopped``: the
    machine is saved and restored before each event."""
    chart = load_text(TWO)
    reference = Interpreter(chart, bind_parameters(chart, None))
    reference.begin()
    machine = Machine(chart)
    machine.begin()
    waits, kept, takes = {"a": True, "b": True}, [], {"a": [], "b": []}  # type: ignore[var-annotated]
    for n, name in enumerate(played):
        if stopped:
            machine = Machine.restore(chart, machine.core_snapshot())
        event = Event(name, {"n": n} if name == "msg" else None)
        assert reference.process(event).transitions == machine.process(event).transitions
        if name == "msg":
            kept.append(n)
        elif name in waits:
            waits[name] = not waits[name]
        if not any(waits.values()):
            for taken in takes.values():
                taken += kept
            kept.clear()
        assert got(machine) == (takes["a"], takes["b"])
        assert (reference.values["got1"], reference.values["got2"]) == got(machine)
        assert [e.data["n"] for e in reference.deferred] == kept


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


@pytest.mark.parametrize(
    "text", [CHART, PARALLEL.replace("INITIAL", "takes"), PARALLEL.replace("INITIAL", "knows"), TWO]
)
def test_the_reference_does_the_same(text: str) -> None:
    chart = load_text(text)
    reference = Interpreter(chart, bind_parameters(chart, None))
    reference.begin()
    machine = engine.start(chart)
    events: list[tuple[str, Any]] = [
        ("stop", {"why": "a"}),
        ("note", {"n": 1}),
        ("x", None),
        ("back", None),
        ("free", None),
        ("go", None),
    ]
    events += [("msg", {"n": 1}), ("a", None), ("msg", {"n": 2}), ("b", None)]
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


def test_a_trace_of_kept_events_replays(tmp_path: Path) -> None:
    chart = load_text(TWO)
    system = System()
    two = system.add(chart)
    writer = TraceWriter(system, tmp_path / "two.jsonl", "kept")
    system.start()
    for event, data in (("msg", {"n": 1}), ("a", None), ("msg", {"n": 2}), ("b", None)):
        system.post(two, event, data)
        system.run_due()
    system.shutdown()
    writer.close()
    trace = read(tmp_path / "two.jsonl")
    assert [n for step in trace.steps() for n in step.get("data", {}).get("got2", [])][-2:] == [1, 2]
    assert replay(trace, {"two": chart}) is None
