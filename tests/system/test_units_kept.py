"""A machine with units, charts behind roles of them, is kept by a snapshot and replayed from a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.model import Chart
from engine.run import System
from engine.run.json_values import from_json, to_json
from engine.run.snapshot import restore, take
from engine.semantics.errors import SnapshotError
from engine.tools.trace import TraceWriter, read
from engine.tools.trace.replay import replay
from tests.system.test_served import SERVING, porter
from tests.system.tools import DOOR, Door, S, Watch, chart

# Measures its door every second, and tells the yard how wide it was.
BAY = """
machine: bay
adapters: {front: door}
data: {seen: {type: int, initial: 0}, width: {type: float, initial: 0}, told: {type: string, initial: "''"}}
events: {go: {direction: in}, measured: {direction: out, payload: {width: float}}}
states:
  open:
    entry: front.unlock(pin=seen)
    on:
      go: measuring
      front.opened: {actions: [assign: {seen: seen + 1}]}
      error.adapter.front: {actions: [assign: {told: event.message}]}
  measuring:
    invoke:
      id: width
      call: front.measure(force=2.0)
      onDone:
        target: open
        actions: [assign: {width: event.width}, send: {event: measured, to: parent, data: {width: width}}]
      onError: {target: open, actions: [assign: {told: event.reason}]}
    on: {error.adapter.front: , front.opened: }
"""
YARD = """
machine: yard
parameters: {bays: {type: int, default: 2}}
units: {bay: {count: bays}}
data: {widths: {type: list of float, initial: "[0.0, 0.0]"}}
events: {go: {direction: in, payload: {bay: int}}, close: {direction: in}}
states:
  working:
    entry: {foreach: {in: range(bays), item: i, do: [spawn: {id: bay, src: bay.yaml, key: i + 1, unit: bay}]}}
    on:
      go: {actions: {send: {event: go, to: bay, key: event.bay}}}
      bay.measured: {actions: [assign: {widths: "replaced(widths, event.key - 1, event.width)"}]}
      close: closed
  closed: {type: final}
"""


@pytest.fixture
def yard(tmp_path: Path) -> Chart:
    (tmp_path / "bay.yaml").write_text(BAY, "utf-8")
    (tmp_path / "yard.yaml").write_text(YARD, "utf-8")
    return engine.load(tmp_path / "yard.yaml", contracts={"door": DOOR})


def doors() -> dict[str, Any]:
    """A class behind the first bay's role, a chart behind the second's."""
    return {"bay1.front": Door(), "bay2.front": porter()}


def running(yard: Chart, adapters: dict[str, Any] | None = None) -> tuple[System, Any, Watch]:
    system = System()
    watch = Watch(system)
    actor = system.add(yard, adapters=adapters or doors())
    system.start()
    system.run_due()
    return system, actor, watch


def again(actor: Any, yard: Chart, adapters: dict[str, Any] | None = None) -> tuple[System, Any, Watch]:
    """Another system with the machine of a snapshot that went through JSON."""
    saved = from_json(json.loads(json.dumps(to_json(take(actor)))))
    system = System()
    watch = Watch(system)
    other = restore(system, yard, saved, "yard", adapters or doors())
    system.start()
    system.run_due()
    return system, other, watch


def bay(actor: Any, number: int) -> Any:
    return actor.children[("bay", number)]


def test_each_goes_on_with_what_is_its_own(yard: Chart) -> None:
    """The orders and events of one bay stay those of this bay, and so does the state of the chart behind its role."""
    system, actor, _ = running(yard)
    assert [bay(actor, n).machine.data["seen"] for n in (1, 2)] == [0, 1], "the porter opened, the class says nothing"
    system.post(actor, "go", {"bay": 2})
    system.advance(S // 4)
    system, actor, _ = again(actor, yard)
    assert bay(actor, 2).machine.configuration == ("measuring",)
    assert system.servers["yard/bay2.front"].actor.machine.configuration == ("measuring",)
    assert bay(actor, 1).machine.configuration == ("open",)
    system.advance(S // 4)
    assert actor.machine.data["widths"] == [0.0, 0.9], "answered half a second after the order, snapshot or not"
    bay(actor, 1).roles["front"].emit("opened", {"by": "wind", "angle": None})
    system.run_due()
    assert [bay(actor, n).machine.data["seen"] for n in (1, 2)] == [1, 2]


def test_a_snapshot_of_a_snapshot_is_the_same(yard: Chart) -> None:
    system, actor, _ = running(yard)
    system.post(actor, "go", {"bay": 2})
    system.advance(S // 4)
    first = to_json(take(actor))
    _, other, _ = again(actor, yard)
    assert to_json(take(other)) == first


def test_one_whose_chart_has_ended_stays_ended(yard: Chart) -> None:
    system, actor, _ = running(yard)
    system.post(system.servers["yard/bay2.front"].actor, "end")
    system.run_due()
    assert "has ended" in bay(actor, 2).machine.data["told"]
    system, actor, watch = again(actor, yard)
    assert [note.kind for note in watch.notes if note.kind == "adapter_error"] == [], "told once, before"
    system.post(actor, "go", {"bay": 2})
    system.run_due()
    assert "has ended" in bay(actor, 2).machine.data["told"]
    assert bay(actor, 1).machine.data["told"] == ""


def test_the_chart_behind_a_role_of_a_unit_must_be_there_again(yard: Chart) -> None:
    _, actor, _ = running(yard)
    with pytest.raises(SnapshotError, match="bay2"):
        again(actor, yard, {"bay1.front": Door(), "bay2.front": Door()})


def test_the_trace_of_it_replays(yard: Chart, tmp_path: Path) -> None:
    system = System()
    actor = system.add(yard, adapters={"bay1.front": porter(), "bay2.front": porter()})
    writer = TraceWriter(system, tmp_path / "run.jsonl")
    system.start()
    for number in (2, 1, 2):
        system.post(actor, "go", {"bay": number})
        system.advance(S)
    system.shutdown()
    writer.close()
    assert actor.machine.data["widths"] == [0.9, 0.9]
    trace = read(tmp_path / "run.jsonl")
    charts = dict.fromkeys(("yard/bay1.front", "yard/bay2.front"), chart(SERVING))
    bays = engine.load(tmp_path / "bay.yaml", contracts={"door": DOOR})
    whole = {"yard": yard, "yard/bay[1]": bays, "yard/bay[2]": bays, **charts}
    assert replay(trace, {name: whole[name] for name in trace.header["machines"]}) is None
    changed = chart(SERVING.replace("width: 0.9", "width: 0.8"))
    parting = replay(trace, {name: whole[name] for name in trace.header["machines"]} | {"yard/bay2.front": changed})
    assert parting is not None
    assert parting.record["machine"] == "yard/bay2.front"
