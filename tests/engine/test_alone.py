"""``engine.start``, ``send``, ``stop``, ``engine.resume`` with adapters and children, and what a caller does wrong."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.adapter import AdapterError, Port
from engine.run.machine import Machine
from engine.semantics.errors import EndlessLoop, EngineError, PayloadError, SnapshotError, UnhandledEvent
from engine.semantics.step import Call
from tests.system.tools import DOOR, Door, chart

ROOM = """
    machine: room
    adapters: {front: door, back: door}
    events: {leave: {direction: in}, spin: {direction: in}, note: {direction: in, payload: {n: int}}}
    data: {opened: {type: int, initial: 0}, noted: {type: int, initial: 0}}
    initial: inside
    states:
      inside:
        exit: [front.lock()]
        on:
          front.opened: {actions: [assign: {opened: opened + 1}]}
          note: {actions: [assign: {noted: opened * 10 + event.n}, front.unlock(pin=1)]}
          leave: outside
          spin: spinning
        after: {10 s: outside}
      spinning: {always: spinning}
      outside: {type: final}
"""


def doors() -> dict[str, Any]:
    return {"front": Door(), "back": Door()}


@pytest.mark.parametrize(
    "end",
    [lambda m: m.send("leave"), lambda m: m.stop(), lambda m: m.advance(10_000_000_000)],
    ids=["final state", "stop", "final state by a timer"],
)
def test_a_machine_that_has_ended_leaves_its_adapters_closed(end: Any) -> None:
    """An open adapter keeps a contactor closed and a port taken."""
    bound = doors()
    machine = engine.start(chart(ROOM), adapters=bound)
    end(machine)
    assert machine.done
    assert bound["front"].told == [("lock",), ("close",)]
    assert bound["back"].told == [("close",)]
    assert not machine.stop().exited  # a second end is none
    assert bound["back"].told == [("close",)]


class Stuck(Door):
    def open(self, port: Port) -> None:
        raise AdapterError("no such device")


def test_when_one_adapter_does_not_open_the_others_are_closed_again() -> None:
    bound = {"front": Door(), "back": Stuck()}
    with pytest.raises(AdapterError, match=r"back.*no such device"):
        engine.start(chart(ROOM), adapters=bound)
    assert [door.told for door in bound.values()] == [[("close",)], [("close",)]]


def test_a_machine_that_does_not_come_to_rest_at_its_start_leaves_no_adapter_open() -> None:
    bound = doors()
    with pytest.raises(EndlessLoop, match="spinning"):
        engine.start(chart(ROOM.replace("initial: inside", "initial: spinning")), adapters=bound)
    assert bound["front"].told == [("close",)]


def test_what_an_adapter_sent_first_comes_first() -> None:
    bound = doors()
    machine = engine.start(chart(ROOM), adapters=bound)
    bound["front"].port.emit("opened", by="me")
    machine.send("note", {"n": 3})
    assert machine.data["noted"] == 13


class Eager(Door):
    """Sends its machine an event from inside an order, past its port."""

    machine: Machine

    def lock(self) -> None:
        super().lock()
        self.machine.send("leave")


def test_an_adapter_that_sends_past_its_port_is_told_so_and_the_step_goes_on() -> None:
    bound = {"front": Eager(), "back": Door()}
    machine = engine.start(chart(ROOM.replace("outside: {type: final}", "outside: {}")), adapters=bound)
    bound["front"].machine = machine
    notes: list[str] = []

    class Notes:
        def step(self, record: Any) -> None: ...

        def note(self, note: Any) -> None:
            notes.append(note.text)

    assert machine._own is not None
    machine._own[0].observers.append(Notes())
    machine.send("leave")
    assert machine.configuration == ("outside",)
    assert ["through its port" in note for note in notes] == [True]


def test_stopping_a_machine_stops_the_children_it_spawned(tmp_path: Path) -> None:
    (tmp_path / "child.yaml").write_text(
        "machine: child\nadapters: {gate: door}\nstates: {a: {exit: [gate.lock()], after: {1 s: a}}}\n"
    )
    (tmp_path / "parent.yaml").write_text(
        "machine: parent\nadapters: {gate: door}\nstates: {a: {entry: [spawn: {id: kid, src: child.yaml}]}}\n"
    )
    door = Door()
    machine = engine.start(engine.load(tmp_path / "parent.yaml", contracts={"door": DOOR}), adapters={"gate": door})
    machine.stop()
    assert door.told == [("lock",), ("close",)]
    machine.advance(5_000_000_000)
    assert door.told == [("lock",), ("close",)]


def test_a_strict_chart_says_no_but_carries_out_what_the_step_ordered() -> None:
    """A reading can have changed: the eventless transition it enables orders something, whatever the event was."""
    machine = chart("""
        machine: guard
        strict: true
        adapters: {gate: door}
        states:
          shut: {always: {guard: gate.angle > 0, target: open}}
          open: {entry: [gate.lock()]}
    """)
    door = Door()
    running = engine.start(machine, adapters={"gate": door})
    door.angle = 30.0
    with pytest.raises(UnhandledEvent, match="whatever"):
        running.send("whatever")
    assert running.configuration == ("open",)
    assert door.told == [("lock",)]


@pytest.mark.parametrize("data", [5, "text", [1]])
def test_data_that_is_no_mapping_is_a_payload_error(data: Any) -> None:
    with pytest.raises(PayloadError, match="note"):
        engine.start(chart(ROOM)).send("note", data)


@pytest.mark.parametrize("event", [5, None, b"note"])
def test_an_event_that_is_no_text_is_refused_by_its_type(event: Any) -> None:
    with pytest.raises(TypeError, match=type(event).__name__):
        engine.start(chart(ROOM)).send(event)


def test_a_step_shows_the_orders_it_gave() -> None:
    step = engine.start(chart(ROOM), adapters=doors()).send("note", {"n": 1})
    assert step.effects == (Call("front", "unlock", {"pin": 1}),)


# ---------------------------------------------------------------- snapshots that were damaged or made up

SAVED = """
    machine: saved
    data: {n: {type: int, initial: 0}, text: {type: string, initial: "''"}}
    events: {go: {payload: {k: int}}}
    states:
      p:
        type: parallel
        entry: [send: {event: go, data: {k: 1}, delay: 3 s, id: q}]
        states:
          x: {states: {x1: {after: {1 s: x2}}, x2: {}}}
          y: {states: {y1: {}, y2: {}, h: {type: history, target: y1}}}
        on: {go: {guard: n < event.k, actions: [assign: {n: n + event.k}]}}
"""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"configuration": ["p", "p.x", "p.x.x1", "p.y"]}, "no configuration"),
        ({"configuration": ["p", "p.x", "p.x.x1", "p.y", "p.y.y1", "p.y.y2"]}, "no configuration"),
        ({"configuration": []}, "no configuration"),
        ({"data": {"n": "3", "text": ""}}, "'n'.*int is needed"),
        ({"data": {"text": ""}}, "'n'.*no value"),
        ({"history": {"p.y.h": ["p.x.x1"]}}, "foreign states"),
        ({"history": []}, "not whole"),
    ],
)
def test_a_snapshot_no_run_can_have_left_is_refused(wrong: dict[str, Any], told: str) -> None:
    loaded = chart(SAVED)
    saved = engine.start(loaded).snapshot()
    with pytest.raises(SnapshotError, match=told):
        engine.resume(loaded, {**saved, "core": {**saved["core"], **wrong}})


@pytest.mark.parametrize("junk", [None, [], 5, "x", {}, {"snapshot": 1}, {"snapshot": 1, "core": {"$hex": "zz"}}])
def test_what_is_no_snapshot_is_refused_as_one(junk: Any) -> None:
    with pytest.raises(SnapshotError):
        engine.resume(chart(SAVED), junk)


def damage(saved: Any, choose: random.Random) -> None:
    """Change, drop or replace one value somewhere in it."""
    at = saved
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = choose.choice(keys)
        if isinstance(at[key], (dict, list)) and choose.random() < 0.7:
            at = at[key]
            continue
        if choose.random() < 0.3:
            del at[key]
        else:
            at[key] = choose.choice([None, 5, -1, "x", [], {}, {"$hex": "zz"}, [1, 2], {"a": 1}])
        return


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_snapshot_is_refused_or_runs(seed: int) -> None:
    """A controller reads back what a power cut left of its file: it starts anew then, it does not crash."""
    choose = random.Random(seed)
    loaded = chart(SAVED)
    saved = json.loads(json.dumps(engine.start(loaded).snapshot()))
    refused = 0
    for _ in range(150):
        broken = copy.deepcopy(saved)
        damage(broken, choose)
        try:
            machine = engine.resume(loaded, broken)
        except SnapshotError:
            refused += 1
            continue
        machine.send("go", {"k": 2})
        machine.advance(10_000_000_000)
        json.dumps(machine.snapshot())
    assert refused > 75


def test_a_machine_that_had_ended_is_resumed_as_ended() -> None:
    loaded = chart(ROOM)
    machine = engine.start(loaded, adapters=doors())
    machine.send("leave")
    bound = doors()
    again = engine.resume(loaded, machine.snapshot(), adapters=bound)
    assert again.done
    assert not again.send("leave").handled
    assert not bound["front"].told


def test_a_machine_in_the_middle_of_its_system_cannot_be_sent_to_alone() -> None:
    from engine.run import System

    system = System(make=Machine)
    actor = system.add(chart(ROOM), adapters=doors())
    system.start()
    with pytest.raises(EngineError, match="belongs to a system"):
        actor.machine.advance(1)  # type: ignore[attr-defined]
