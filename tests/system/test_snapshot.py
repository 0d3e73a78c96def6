"""A tree of machines is saved and goes on elsewhere as if nothing had happened: timers, sends, queues, children."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.run import Note, StepRecord, System
from engine.run.json_values import from_json, to_json
from engine.run.snapshot import restore, take
from engine.semantics.errors import SnapshotError
from tests.system.test_children import CHILD, HUB, PARENT
from tests.system.tools import DOOR, Door, S, Watch, chart


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("child", CHILD), ("parent", PARENT), ("hub", HUB)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def hub(folder: Path, saved: dict[str, Any] | None = None) -> tuple[System, Watch]:
    system = System()
    watch = Watch(system)
    loaded = engine.load(folder / "hub.yaml", contracts={"door": DOOR})
    adapters = {"gate": Door()}
    if saved is None:
        system.add(loaded, adapters=adapters)
    else:
        restore(system, loaded, saved, "hub", adapters)
    system.start()
    return system, watch


def json_and_back(saved: dict[str, Any]) -> dict[str, Any]:
    found = from_json(json.loads(json.dumps(to_json(saved))))
    assert isinstance(found, dict)
    return found


def test_a_resumed_tree_takes_the_same_steps_as_one_that_was_not_interrupted(folder: Path) -> None:
    system, watch = hub(folder)
    for key, at in ((1, 0), (2, 300_000_000)):
        system.advance_to(at)
        system.post(system.roots["hub"], "add", {"k": key})
        system.run_due()
    system.advance_to(1_200_000_000)
    saved = json_and_back(take(system.roots["hub"]))
    seen = len(watch.steps)
    system.advance_to(9 * S)
    expected = [
        (r.time_ns - 1_200_000_000, r.actor.path, r.timer or (r.event and r.event.name)) for r in watch.steps[seen:]
    ]
    resumed, again = hub(folder, saved)
    resumed.advance_to(9 * S - 1_200_000_000)
    assert [(r.time_ns, r.actor.path, r.timer or (r.event and r.event.name)) for r in again.steps] == expected
    assert len(expected) > 5
    assert dict(resumed.roots["hub"].machine.data) == dict(system.roots["hub"].machine.data)


def test_children_started_after_a_resume_have_the_parameters_given_for_them(folder: Path) -> None:
    """A controller that was told to be patient with the next child is so after a power cut, too."""
    loaded = engine.load(folder / "hub.yaml", contracts={"door": DOOR})
    first = engine.start(loaded, {"kid.T_round": 9 * S, "kid.C_rounds": 1}, {"gate": Door()})
    first.send("add", {"k": 1})
    first.advance(5 * S)
    again = engine.resume(loaded, json.loads(json.dumps(first.snapshot())), {"gate": Door()})
    again = engine.resume(loaded, json.loads(json.dumps(again.snapshot())), {"gate": Door()})  # twice, even
    again.advance(4 * S)
    assert again.data["ended"] == 1
    again.send("add", {"k": 2})
    again.advance(9 * S - 1)
    assert again.data["ended"] == 1
    again.advance(1)
    assert again.data["ended"] == 12


@pytest.mark.parametrize("wrong", [[], None, {"kid.T_round": "9 s"}, {"kid.T_rund": 1}, {"T_round": 1}, {"a.b": 1}])
def test_parameters_of_children_that_no_run_can_have_left_are_refused(folder: Path, wrong: Any) -> None:
    loaded = engine.load(folder / "hub.yaml", contracts={"door": DOOR})
    saved = engine.start(loaded, {"kid.T_round": 9 * S}, {"gate": Door()}).snapshot()
    assert saved["below"] == {"kid.T_round": 9 * S}
    with pytest.raises(SnapshotError, match="not whole"):
        engine.resume(loaded, {**saved, "below": wrong}, {"gate": Door()})


def test_what_waits_in_the_queues_is_not_lost(folder: Path) -> None:
    system, _ = hub(folder)
    for key in (1, 2):
        system.post(system.roots["hub"], "add", {"k": key})
    saved = json_and_back(take(system.roots["hub"]))
    resumed, watch = hub(folder, saved)
    resumed.run_due()
    assert [child.path for child in resumed.roots["hub"].children.values()] == ["hub/kid[1]", "hub/kid[2]"]
    assert watch.events("hub") == ["0 add", "0 add"]


def test_what_a_stopped_child_said_is_not_its_successors_word_after_a_restart_either(folder: Path) -> None:
    system = System()
    watch = Watch(system)
    loaded = engine.load(folder / "parent.yaml", contracts={"door": DOOR})
    parent = system.add(loaded, adapters={"front": Door()})
    system.start()
    first = parent.children[("kid", None)]

    class Meanwhile:
        """Has the user press ``again`` just before the first child's end is queued."""

        def step(self, record: StepRecord) -> None:
            if record.actor is first and first.machine.done:
                system.post(parent, "again")

        def note(self, note: Note) -> None: ...

    system.observers.append(Meanwhile())
    system.run_until(lambda: parent.children.get(("kid", None)) not in (first, None))
    saved = json_and_back(take(parent))
    resumed = System()
    again = restore(resumed, loaded, saved, "parent", {"front": Door()})
    resumed.start()
    resumed.run_due()
    assert again.machine.configuration == ("idle",)
    system.run_due()
    assert watch.events("parent")[-1].endswith("again")  # nor without a restart
    resumed.advance(4 * S)
    assert again.machine.configuration == ("over",)


SENDER = """
    machine: sender
    events: {late: {payload: {n: int}}, later: {}, stop: {direction: in}}
    data: {n: {type: int, initial: 0}, raw: {type: bytes, initial: "hex('00ff')"}}
    initial: a
    states:
      a:
        entry: [send: {event: late, delay: 5 s, data: {n: 7}}, send: {event: later, delay: 8 s, id: x}]
        on:
          late: {actions: [assign: {n: event.n}]}
          later: b
          stop: {actions: [cancel: x]}
      b: {}
"""


def test_delayed_sends_keep_their_time_their_data_and_their_id() -> None:
    machine = engine.start(chart(SENDER))
    machine.advance(2 * S)
    saved = json.loads(json.dumps(machine.snapshot()))
    resumed = engine.resume(chart(SENDER), saved)
    resumed.advance(3 * S - 1)
    assert resumed.data["n"] == 0
    resumed.advance(1)
    assert resumed.data["n"] == 7
    assert resumed.data["raw"] == b"\x00\xff"
    resumed.send("stop")
    resumed.advance(20 * S)
    assert resumed.configuration == ("a",)


CALLER = """
    machine: caller
    adapters: {gate: door}
    data: {width: {type: float, initial: 0}}
    initial: a
    states:
      a:
        invoke: {id: m, call: gate.measure(force=2.5), onDone: {target: b, actions: [assign: {width: event.width}]}}
      b: {}
"""


def test_a_long_action_is_started_anew() -> None:
    first, second = Door(), Door()
    system = System()
    actor = system.add(chart(CALLER), adapters={"gate": first})
    system.start()
    saved = json_and_back(take(actor))
    resumed = System()
    again = restore(resumed, chart(CALLER), saved, "caller", {"gate": second})
    resumed.start()
    resumed.run_due()
    second.port.done(second.calls[0], width=1.5)
    resumed.run_due()
    assert again.machine.configuration == ("b",)
    assert again.machine.data["width"] == 1.5


def test_a_lone_machine_resumes_with_its_adapters_open() -> None:
    saved = json.loads(json.dumps(engine.start(chart(CALLER), adapters={"gate": Door()}).snapshot()))
    door = Door()
    machine = engine.resume(chart(CALLER), saved, adapters={"gate": door})
    assert len(door.calls) == 1
    door.port.done(door.calls[0], width=4)
    machine.advance(0)
    assert machine.configuration == ("b",)


@pytest.mark.parametrize("lost", ["core", "timers", "children", "queue", "text_hash"])
def test_a_snapshot_that_is_not_whole_is_refused(lost: str) -> None:
    saved = engine.start(chart(SENDER)).snapshot()
    del saved[lost]
    with pytest.raises(SnapshotError, match="not whole"):
        engine.resume(chart(SENDER), saved)


def test_a_snapshot_of_another_chart_or_version_is_refused_by_name() -> None:
    saved = engine.start(chart(SENDER)).snapshot()
    with pytest.raises(SnapshotError, match="sender"):
        engine.resume(chart(SENDER.replace("5 s", "6 s")), saved)
    with pytest.raises(SnapshotError, match="version 99"):
        engine.resume(chart(SENDER), {**saved, "snapshot": 99})
