"""Invoked and spawned machines: what they say arrives, they end with their exit actions, they cannot multiply."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import engine
from engine.adapter import Port
from engine.run import Limits, Note, StepRecord, System
from engine.semantics.errors import ParameterError
from tests.system.tools import DOOR, Door, S, Watch
from tests.w3c.suite import MAKERS

CHILD = """
machine: child
parameters: {C_rounds: {type: int, default: 2}, T_round: {type: duration, default: 1 s}}
events:
  hello: {direction: in, payload: {n: int}}
  round: {direction: out, payload: {number: int}}
  bye: {direction: out}
data: {number: {type: int, initial: 0}}
output: {rounds: int}
adapters: {gate: door}
initial: work
states:
  work:
    exit: [gate.lock(), {send: {event: bye, to: parent}}]
    after:
      T_round:
        - guard: number + 1 >= C_rounds
          target: end
        - target: work
          actions: [assign: {number: number + 1}, send: {event: round, to: parent, data: {number: number}}]
    on: {hello: {actions: [assign: {number: event.n}]}}
  end: {type: final, output: {rounds: number}}
"""
PARENT = """
machine: parent
events: {stop: {direction: in}, again: {direction: in}, tell: {direction: in}}
adapters: {front: door}
data: {got: {type: int, initial: -1}, rounds: {type: int, initial: 0}, failed: {type: string, initial: "''"}}
initial: idle
states:
  idle:
    invoke: {id: kid, src: child.yaml, input: {T_round: 2 s}, adapters: {gate: front}}
    on:
      kid.round: {actions: [assign: {got: event.number}]}
      kid.bye: {}
      done.invoke.kid: {target: over, actions: [assign: {rounds: event.rounds}]}
      error.invoke.kid: {target: over, actions: [assign: {failed: event.reason}]}
      tell: {actions: [send: {event: hello, to: kid, data: {n: 7}}]}
      stop: over
      again: idle
  over: {}
"""
HUB = """
machine: hub
events:
  add: {direction: in, payload: {k: int}}
  drop: {direction: in, payload: {k: int}}
  poke: {direction: in, payload: {k: int}}
adapters: {gate: door}
data: {ended: {type: int, initial: 0}, refused: {type: int, initial: 0}, rounds: {type: int, initial: 0}}
initial: a
states:
  a:
    on:
      add: {actions: [spawn: {id: kid, src: child.yaml, key: event.k}]}
      drop: {actions: [stop: {id: kid, key: event.k}]}
      poke: {actions: [send: {event: hello, to: kid, key: event.k, data: {n: 5}}]}
      kid.round: {actions: [assign: {rounds: rounds + event.key}]}
      kid.bye: {}
      done.invoke.kid: {actions: [assign: {ended: ended * 10 + event.key}]}
      error.invoke.kid: {actions: [assign: {refused: refused + 1}]}
      error.communication: {actions: [assign: {refused: refused + 100}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("child", CHILD), ("parent", PARENT), ("hub", HUB)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def begin(file: Path, limits: Limits | None = None) -> tuple[System, Watch, Door]:
    system, door = System(limits=limits), Door()
    watch = Watch(system)
    loaded = engine.load(file, contracts={"door": DOOR})
    system.add(loaded, adapters=dict.fromkeys(list(loaded.adapters)[:1], door))
    system.start()
    system.run_due()
    return system, watch, door


def test_a_child_runs_on_its_parents_adapter_and_gives_its_output(folder: Path) -> None:
    system, watch, door = begin(folder / "parent.yaml")
    parent = system.roots["parent"]
    system.advance(10 * S)
    assert watch.events("parent") == ["0 start", "2 kid.bye", "2 kid.round", "4 kid.bye", "4 done.invoke.kid"]
    assert dict(parent.machine.data) == {"got": 1, "rounds": 1, "failed": ""}
    assert parent.machine.configuration == ("over",)
    assert door.told == [("lock",), ("lock",)]
    assert not parent.children


def test_leaving_the_state_stops_the_child_with_its_exit_actions_and_silences_it(folder: Path) -> None:
    system, watch, door = begin(folder / "parent.yaml")
    system.post(system.roots["parent"], "stop")
    system.advance(10 * S)
    assert door.told == [("lock",)]
    assert watch.events("parent") == ["0 start", "0 stop"]  # nothing of a cancelled child arrives (SCXML 6.4.3)
    assert watch.events("parent/kid") == ["0 start", "0 stop"]
    assert system.next_deadline_ns is None


def test_a_send_reaches_the_invoked_child(folder: Path) -> None:
    system, _, _ = begin(folder / "parent.yaml")
    parent = system.roots["parent"]
    system.post(parent, "tell")
    system.run_due()
    assert parent.children[("kid", None)].machine.data["number"] == 7


def test_what_a_stopped_child_said_is_not_taken_for_its_successors_word(folder: Path) -> None:
    system, watch, _ = begin(folder / "parent.yaml")
    parent = system.roots["parent"]
    first = parent.children[("kid", None)]

    class Meanwhile:
        """Has the user press ``again`` just before the first child's end is queued."""

        def step(self, record: StepRecord) -> None:
            if record.actor is first and first.machine.done:
                system.post(parent, "again")

        def note(self, note: Note) -> None:
            pass

    system.observers.append(Meanwhile())
    system.advance(4 * S)
    successor = parent.children[("kid", None)]
    assert successor is not first
    assert parent.machine.configuration == ("idle",)
    assert [note.text.partition(":")[0] for note in watch.notes] == ["kid.bye", "done.invoke.kid"]
    assert set(watch.kinds()) == {"dropped"}
    system.advance(4 * S)
    assert parent.machine.configuration == ("over",)


def test_children_by_key_live_side_by_side(folder: Path) -> None:
    system, watch, _ = begin(folder / "hub.yaml")
    hub = system.roots["hub"]
    for key in (1, 2, 3):
        system.post(hub, "add", {"k": key})
    system.post(hub, "poke", {"k": 2})
    system.post(hub, "drop", {"k": 3})
    system.run_due()
    assert sorted(actor.path for actor in hub.tree()) == ["hub", "hub/kid[1]", "hub/kid[2]"]
    system.advance(5 * S)
    assert hub.machine.data["ended"] == 21
    assert hub.machine.data["rounds"] == 1  # only kid 1 had a second round, its event says so
    assert watch.events("hub/kid[3]") == ["0 start", "0 stop"]


def test_a_second_child_of_the_same_key_replaces_the_first(folder: Path) -> None:
    system, watch, door = begin(folder / "hub.yaml")
    hub = system.roots["hub"]
    system.post(hub, "add", {"k": 1})
    system.post(hub, "add", {"k": 1})
    system.run_due()
    assert watch.events("hub/kid[1]") == ["0 start", "0 stop", "0 start"]
    assert len(hub.children) == 1
    assert door.told == [("lock",)]


def test_too_many_children_are_refused_with_an_event(folder: Path) -> None:
    system, watch, _ = begin(folder / "hub.yaml", Limits(children=3))
    hub = system.roots["hub"]
    for key in range(5):
        system.post(hub, "add", {"k": key})
    system.run_due()
    assert len(hub.children) == 3
    assert hub.machine.data["refused"] == 2
    assert watch.kinds() == ["child_refused", "child_refused"]


def test_a_send_to_a_child_that_does_not_run_is_an_event(folder: Path) -> None:
    system, watch, _ = begin(folder / "hub.yaml")
    hub = system.roots["hub"]
    system.post(hub, "poke", {"k": 9})
    system.run_due()
    assert hub.machine.data["refused"] == 100
    assert "kid[9]" in watch.notes[0].text


def test_charts_that_invoke_each_other_stop_at_a_depth(tmp_path: Path) -> None:
    """A child given at run time could nest without end; a static cycle does not load."""
    (tmp_path / "a.yaml").write_text("machine: a\ninitial: x\nstates: {x: {invoke: {id: b, src: b.yaml}}}\n")
    (tmp_path / "b.yaml").write_text("machine: b\ninitial: x\nstates: {x: {}}\n")
    chart = engine.load(tmp_path / "a.yaml")
    (invoke,) = chart.states["x"].invokes
    object.__setattr__(invoke, "chart", chart)  # a invokes itself
    system = System(limits=Limits(depth=5))
    watch = Watch(system)
    root = system.add(chart)
    system.start()
    assert len(root.tree()) == 5
    assert watch.kinds() == ["child_refused"]
    system.shutdown()
    assert [r.actor.depth for r in watch.steps if r.cause == "stop"] == [0, 1, 2, 3, 4]


def test_a_childs_parameter_can_be_set_from_outside(folder: Path) -> None:
    """By the path of ids; it goes before what the parent hands down."""
    system, door = System(), Door()
    parent = engine.load(folder / "parent.yaml", contracts={"door": DOOR})
    system.add(parent, parameters={"kid.C_rounds": 1, "kid.T_round": 9 * S}, adapters={"front": door})
    system.start()
    system.advance(9 * S - 1)
    assert system.roots["parent"].machine.configuration == ("idle",)
    system.advance(1)
    assert system.roots["parent"].machine.configuration == ("over",)


def test_a_parameter_may_be_of_one_child_among_several(folder: Path) -> None:
    system = System()
    hub = engine.load(folder / "hub.yaml", contracts={"door": DOOR})
    given = {"kid.T_round": 2 * S, "kid.C_rounds": 1, "kid[7].T_round": 5 * S}
    root = system.add(hub, parameters=given, adapters={"gate": Door()})
    system.start()
    for key in (3, 7):
        system.post(root, "add", {"k": key})
    system.advance(2 * S)
    assert root.machine.data["ended"] == 3
    system.advance(3 * S - 1)
    assert root.machine.data["ended"] == 3
    system.advance(1)
    assert root.machine.data["ended"] == 37


def test_a_parameter_of_one_child_among_several_reaches_those_it_has_by_key(folder: Path) -> None:
    """Every key on the way may be left out: then all are meant. What is said of fewer goes before."""
    add = "entry: [{spawn: {id: kid, src: child.yaml, key: 1}}, {spawn: {id: kid, src: child.yaml, key: 2}}]"
    (folder / "hub.yaml").write_text(HUB.replace("  a:\n", f"  a:\n    {add}\n"))
    spawns = "[{spawn: {id: hub, src: hub.yaml, key: 1}}, {spawn: {id: hub, src: hub.yaml, key: 2}}]"
    text = f"machine: yard\nadapters: {{gate: door}}\ninitial: a\nstates: {{a: {{entry: {spawns}}}}}\n"
    (folder / "yard.yaml").write_text(text)
    yard = engine.load(folder / "yard.yaml", contracts={"door": DOOR})

    def rounds(given: dict[str, int]) -> list[object]:
        system = System()
        parameters = {f"{path}.C_rounds": value for path, value in given.items()}
        root = system.add(yard, parameters=parameters, adapters={"gate": Door()})
        system.start()
        system.run_due()
        hubs = [root.children[("hub", n)] for n in (1, 2)]
        return [hub.children[("kid", n)].machine.parameters["C_rounds"] for hub in hubs for n in (1, 2)]

    assert rounds({"hub.kid": 3}) == [3, 3, 3, 3]
    assert rounds({"hub[2].kid": 4}) == [2, 2, 4, 4]
    assert rounds({"hub.kid[2]": 5}) == [2, 5, 2, 5]
    assert rounds({"hub[2].kid[2]": 6, "hub[2].kid": 4, "hub.kid[2]": 5, "hub.kid": 3}) == [3, 5, 4, 6]
    assert rounds({"hub[2].kid": 4, "hub.kid[2]": 5}) == [2, 5, 4, 4]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kid.C_round": 1}, "chart 'child' has no parameter 'C_round'; did you mean 'C_rounds'?"),
        ({"kit.C_rounds": 1}, "chart 'parent' has no child 'kit'; did you mean 'kid'?"),
        ({"C_rounds": 1}, "chart 'parent' has no parameter 'C_rounds'; did you mean kid.C_rounds?"),
        ({"kid.C_rounds": "1"}, "parameter 'kid.C_rounds': string where int is needed"),
    ],
)
def test_a_wrong_parameter_of_a_child_is_told_before_anything_starts(
    folder: Path, given: dict[str, object], told: str
) -> None:
    parent = engine.load(folder / "parent.yaml", contracts={"door": DOOR})
    with pytest.raises(ParameterError, match=re.escape(told)):
        System().add(parent, parameters=given, adapters={"front": Door()})
    with pytest.raises(ParameterError, match=re.escape(told)):
        engine.start(parent, given, {"front": Door()})


def test_a_broken_child_is_an_event_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "child.yaml").write_text(
        "machine: child\ninitial: a\nstates: {a: {after: {1 s: b}}, b: {always: c}, c: {always: b}}\n"
    )
    (tmp_path / "top.yaml").write_text(
        "machine: top\ndata: {why: {type: string, initial: \"''\"}}\ninitial: a\nstates:\n  a:\n"
        "    invoke: {id: kid, src: child.yaml}\n"
        "    on: {error.invoke.kid: {actions: [assign: {why: event.reason}]}}\n"
    )
    system = System()
    top = system.add(engine.load(tmp_path / "top.yaml"))
    system.start()
    system.advance(2 * S)
    assert "no rest after" in top.machine.data["why"]
    assert top.state == "running"


def test_shutdown_ends_parents_before_children_and_closes_the_adapters_last(folder: Path) -> None:
    system, watch, door = begin(folder / "parent.yaml")
    system.shutdown()
    assert [r.actor.path for r in watch.steps if r.cause == "stop"] == ["parent", "parent/kid"]
    assert door.told == [("lock",), ("close",)]
    system.shutdown()
    assert door.told[-2:] == [("lock",), ("close",)]


LAST_WORDS = """
machine: commander
adapters: {gate: door}
events: {leave: {direction: in}}
data: {said: {type: string, initial: "''"}}
invoke:
  - {id: first, src: soldier.yaml}
  - {id: second, src: soldier.yaml}
exit: [{send: {event: order, to: first, data: {pin: 1}}}, {send: {event: order, to: second, data: {pin: 2}}}]
states:
  a:
    entry: [spawn: {id: third, src: soldier.yaml, key: 3}]
    invoke: {id: fourth, src: soldier.yaml}
    exit: [{send: {event: order, to: third, data: {pin: 3}}}, {send: {event: order, to: fourth, data: {pin: 4}}}]
    on: {leave: b}
  b:
"""
SOLDIER = """
machine: soldier
adapters: {gate: door}
events: {order: {direction: in, payload: {pin: int}}}
states: {a: {on: {order: {actions: gate.unlock(pin=event.pin)}, gate.closed: {actions: gate.unlock(pin=99)}}}}
exit: gate.lock()
"""


@pytest.mark.parametrize("maker", MAKERS)
def test_what_exit_actions_tell_a_child_is_heard_before_it_ends(tmp_path: Path, maker: str) -> None:
    """A parent's way out of a state is an order to those below; what others sent them in the meantime is dropped."""
    (tmp_path / "commander.yaml").write_text(LAST_WORDS)
    (tmp_path / "soldier.yaml").write_text(SOLDIER)
    loaded = engine.load(tmp_path / "commander.yaml", contracts={"door": DOOR})
    system, door = System(make=MAKERS[maker]), Door()
    root = system.add(loaded, adapters={"gate": door})
    system.start()
    system.post(root, "leave")
    system.run_due()
    assert door.told == [("unlock", 4, None), ("lock",), ("unlock", 3, None)]  # the spawned one lives on
    door.told.clear()
    door.port.emit("closed")
    system.shutdown()
    unlocked = [told[1] for told in door.told if told[0] == "unlock"]
    assert unlocked == [2, 1], "the last started ends first; the emergency of nobody is not carried out"
    assert door.told.count(("lock",)) == 3


class EarlyDoor(Door):
    """It speaks while it opens, as a device does whose state is known at once."""

    def open(self, port: Port) -> None:
        super().open(port)
        port.emit("opened", by="key", angle=3)
        port.error("one hinge is loose")


def test_what_an_adapter_says_while_it_opens_reaches_the_children(tmp_path: Path) -> None:
    """The first state of a device is not lost to the chart that asks for it, a child that has yet to be started."""
    (tmp_path / "child.yaml").write_text("""
machine: child
adapters: {gate: door}
states:
  closed:
    on: {gate.opened: open}
  open:
    on: {error.adapter.gate: loose}
  loose:
""")
    (tmp_path / "parent.yaml").write_text("""
machine: parent
adapters: {front: door}
invoke: [{id: kid, src: child.yaml, adapters: {gate: front}}]
states: {there: }
""")
    system = System()
    watch = Watch(system)
    root = system.add(engine.load(tmp_path / "parent.yaml", contracts={"door": DOOR}), adapters={"front": EarlyDoor()})
    system.start()
    system.run_due()
    assert watch.events("parent/kid") == ["0 start", "0 gate.opened", "0 error.adapter.gate"]
    assert watch.events("parent") == ["0 start"]
    assert root.children[("kid", None)].machine.configuration == ("loose",)


@pytest.mark.parametrize("maker", MAKERS)
def test_a_key_that_is_missing_is_an_error_not_all_children(folder: Path, maker: str) -> None:
    """`stop: {id: session, key: peer}` without a peer must not end every session; `alive` gives no count instead."""
    (folder / "keys.yaml").write_text("""
machine: keys
adapters: {gate: door}
events: {add: {direction: in}, drop: {direction: in}, tell: {direction: in}, look: {direction: in}}
data: {k: {type: int?}, seen: {type: bool, initial: False}, errors: {type: int, initial: 0}}
states:
  a:
    entry: {spawn: {id: kid, src: child.yaml, key: 1}}
    on:
      add: {actions: [spawn: {id: kid, src: child.yaml, key: k}]}
      drop: {actions: [stop: {id: kid, key: k}]}
      tell: {actions: [send: {event: hello, to: kid, key: k, data: {n: 5}}]}
      look: {actions: [assign: {seen: "alive(kid, k)"}]}
      kid.*: {}
      error.execution: {actions: [assign: {errors: errors + 1}]}
""")
    loaded = engine.load(folder / "keys.yaml", contracts={"door": DOOR})
    system = System(make=MAKERS[maker])
    keys = system.add(loaded, adapters={"gate": Door()})
    system.start()
    for number, event in enumerate(("add", "drop", "tell", "look"), 1):
        system.post(keys, event)
        system.run_due()
        assert (keys.machine.data["errors"], keys.machine.data["seen"]) == (number, False)
    assert list(keys.children) == [("kid", 1)]
    assert keys.children["kid", 1].machine.data["number"] == 0
