"""Invariants over several machines: what may be written, when they are held, how a broken one is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.problems import ChartError
from engine.run import System
from engine.run.observer import Note
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, build, resolve

S = 1_000_000_000

LAMP = """
machine: lamp
parameters: {T_warm: {type: duration, default: 2 s}}
data: {level: {type: float %, initial: 0 %}}
events: {switch_on: {direction: in}, switch_off: {direction: in}, lit: {direction: out}}
states:
  dark:
    on: {switch_on: bright, switch_off: }
  bright:
    entry: [assign: {level: 100 %}, send: {event: lit, to: parent}]
    exit: [assign: {level: 0 %}]
    on: {switch_off: dark, switch_on: }
"""

ROOM = """
machine: room
events: {enter: {direction: in}, leave: {direction: in}, forget: {direction: in}, seen: }
data: {told: {type: string, initial: "''"}}
invariant:
  - expr: INVARIANT
    message: light is where people are
invoke: {id: lamp, src: lamp.yaml}
states:
  empty:
    on: {enter: used, lamp.lit: , forget: }
  used:
    entry: {send: {event: switch_on, to: lamp}}
    on:
      lamp.lit:
      leave: {target: empty, actions: {send: {event: switch_off, to: lamp}}}
      forget: {target: empty, description: the mistake}
on:
  error.invariant: {actions: [assign: {told: event.message}]}
"""


class Notes:
    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, record: Any) -> None: ...

    def note(self, note: Note) -> None:
        if note.kind == "invariant":
            self.told.append(note.text)


def room(folder: Path, invariant: str = "In('used') or lamp.In('dark')", text: str = ROOM) -> engine.Chart:
    (folder / "lamp.yaml").write_text(LAMP)
    (folder / "room.yaml").write_text(text.replace("INVARIANT", invariant))
    return engine.load(folder / "room.yaml")


def played(chart: engine.Chart, *events: str) -> tuple[System, Notes]:
    system, notes = System(), Notes()
    system.observers.append(notes)
    actor = system.add(chart)
    system.start()
    system.advance(S)
    for event in events:
        system.post(actor, event)
        system.advance(S)
    return system, notes


def test_machines_are_held_to_it_when_all_messages_are_delivered(tmp_path: Path) -> None:
    # Between the room's step and the lamp's the invariant is not true; nobody can see that.
    system, notes = played(room(tmp_path, "In('used') == lamp.In('bright')"), "enter", "leave", "enter")
    assert (system.failures, notes.told) == ([], [])


def test_a_broken_one_is_told_once_until_it_holds_again(tmp_path: Path) -> None:
    chart = room(tmp_path)
    system, notes = played(chart, "enter", "forget", "forget", "forget")
    what = f"invariant broken: light is where people are ({tmp_path / 'room.yaml'}:6:11)"
    assert system.failures == [f"room: {what}"]
    assert notes.told == [what]
    assert system.roots["room"].machine.data["told"] == "invariant broken: light is where people are"
    system.post(system.roots["room"], "enter")
    system.advance(S)
    system.post(system.roots["room"], "forget")
    system.advance(S)
    assert len(system.failures) == 2


def test_data_and_parameters_of_a_child_have_their_types(tmp_path: Path) -> None:
    system, _ = played(room(tmp_path, "lamp.level < 50 % or In('used') and lamp.T_warm >= 1 s"), "enter", "forget")
    assert len(system.failures) == 1


def test_the_invariant_of_a_state_holds_while_it_is_active(tmp_path: Path) -> None:
    text = ROOM.replace("  empty:\n", "  empty:\n    invariant: lamp.In('dark')\n")
    system, _ = played(room(tmp_path, "True or lamp.In('dark')", text), "enter")
    assert system.failures == []
    system, _ = played(room(tmp_path, "True or lamp.In('dark')", text), "enter", "forget")
    assert len(system.failures) == 1


def test_a_child_that_does_not_run_is_in_no_state_and_has_no_data(tmp_path: Path) -> None:
    text = ROOM.replace("invoke: {id: lamp, src: lamp.yaml}\n", "").replace(
        "  used:\n", "  used:\n    invoke: {id: lamp, src: lamp.yaml}\n"
    )
    system, _ = played(room(tmp_path, "not lamp.In('bright') or In('used')", text), "enter", "forget")
    assert system.failures == []
    system, _ = played(room(tmp_path, "lamp.level >= 0 %", text))
    assert "the invariant 'lamp.level >= 0 %' has no value: 'lamp' does not run" in system.failures[0]
    system, _ = played(room(tmp_path, "not In('used') or lamp.level >= 0 %", text), "enter", "forget")
    assert system.failures == []


def test_a_machine_on_its_own_is_told_too(tmp_path: Path) -> None:
    machine = engine.start(room(tmp_path))
    machine.send("enter")
    machine.advance(S)
    machine.send("forget")  # has no effect of its own, and is looked at all the same
    machine.advance(0)
    assert machine.data["told"] == "invariant broken: light is where people are"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("lamp.In('brigth')", ":6:19: no state 'brigth' [unknown-state]"),
        ("lamp.levle > 3 %", ":6:11: 'lamp' has no data 'levle' [unknown-name]"),
        ("lamb.In('dark')", ":6:11: this is no machine an expression may look into here"),
        ("lamb.level > 3 %", ":6:11: 'lamb' is neither an adapter's role nor 'event' [unknown-name]"),
        ("lamp.level > 3 V", "[unit]"),
        ("lamp.level", "a condition must be a bool"),
        ("lamp.In('dark', 'bright')", ":6:11: In takes a state's path in quotes"),
    ],
)
def test_what_does_not_exist_is_told_with_its_place(written: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ChartError) as caught:
        room(tmp_path, written)
    assert told in str(caught.value)


def test_guards_do_not_look_into_children(tmp_path: Path) -> None:
    text = ROOM.replace("  empty:\n", "  empty:\n    always: {guard: lamp.In('bright'), target: used}\n")
    with pytest.raises(ChartError, match="an invariant may look into the chart's children"):
        room(tmp_path, "lamp.In('dark')", text)
    text = ROOM.replace("  empty:\n", "  empty:\n    always: {guard: lamp.level > 0 %, target: used}\n")
    with pytest.raises(ChartError, match="'lamp' is a child: only an invariant reads one"):
        room(tmp_path, "lamp.In('dark')", text)


# ---------------------------------------------------------------- station files


def house(folder: Path, *invariants: str, present: str = "true") -> Station:
    """A room and a second one, held to what the station file says of both."""
    room(folder)
    promised = "\n".join(f"[[invariants]]\nexpr = \"{text}\"\nmessage = 'one at a time'" for text in invariants)
    (folder / "house.toml").write_text(
        f"[station]\nmachine = 'room.yaml'\n[machines.attic]\nchart = 'room.yaml'\npresent = {present}\n{promised}\n"
    )
    return resolve(folder / "house.toml", None, Overrides((), {}), installed(), engine.load)


def test_a_station_file_promises_for_its_machines(tmp_path: Path) -> None:
    system = System()
    build(house(tmp_path, "not (room.lamp.In('bright') and attic.lamp.In('bright'))"), system, installed())
    system.start()
    for name in ("room", "attic"):
        system.post(system.roots[name], "enter")
        system.advance(S)
    file = tmp_path / "house.toml"
    assert system.failures == [f"station: invariant broken: one at a time ({file}:7:9)"]


def test_a_promise_about_a_machine_that_is_not_there(tmp_path: Path) -> None:
    system = System()
    build(house(tmp_path, "attic.In('used')", "room.In('used')", present="false"), system, installed())
    system.start()
    system.advance(S)
    assert len(system.failures) == 1


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("not cellar.In('used')", "house.toml:7:13: this is no machine"),
        ("room.lamp.level > 3 V", "[unit]"),
        ("room.In('bright')", "no state 'bright'"),
    ],
)
def test_what_a_station_file_cannot_promise(written: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StationError) as caught:
        house(tmp_path, written)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[invariants]\nexpr = 'x'", "write [[invariants]]"),
        ("[[invariants]]\nexp = 'x'", "did you mean 'expr'"),
        ("[[invariants]]\nmessage = 'x'", "needs expr"),
    ],
)
def test_how_a_station_file_promises(text: str, told: str, tmp_path: Path) -> None:
    room(tmp_path)
    (tmp_path / "house.toml").write_text(f"[station]\nmachine = 'room.yaml'\n{text}\n")
    with pytest.raises(StationError) as caught:
        resolve(tmp_path / "house.toml", None, Overrides((), {}), installed(), engine.load)
    assert told in str(caught.value)
