"""Root machines that order of each other: a role bound to another machine of the system, by what its chart serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.adapter import AdapterError
from engine.run import System
from engine.run.faults import parse_rule
from engine.run.json_values import from_json, to_json
from engine.run.snapshot import restore, take
from engine.tools.trace import TraceWriter, read
from engine.tools.trace.machines import sequence
from engine.tools.trace.replay import replay
from tests.system.test_served import CALLER, SERVING
from tests.system.tools import S, Watch, chart
from tests.w3c.suite import MAKERS


def house(caller: str = CALLER, **how: Any) -> tuple[System, Any, Any, Watch]:
    """A porter and, added before him, two callers that know him; begun and at rest."""
    system = System(**how)
    watch = Watch(system)
    callers = [system.add(chart(caller), name) for name in ("anna", "berta")]
    porter = system.add(chart(SERVING))
    for one in callers:
        system.bind("front", one, porter)
    system.start()
    system.run_due()
    return system, callers, porter, watch


@pytest.mark.parametrize("maker", MAKERS)
def test_orders_events_and_values_between_roots(maker: str) -> None:
    """The machine that serves begins first; whoever knows it hears what it says."""
    system, (anna, berta), porter, watch = house(make=MAKERS[maker])
    assert watch.events() == ["0 porter start", "0 anna start", "0 berta start"]
    system.post(anna, "go")
    system.post(berta, "look")
    system.run_due()
    assert watch.events("porter") == ["0 start", "0 unlock", "0 unlock", "0 lock"]
    assert porter.machine.data["pins"] == [1, 2]
    assert berta.machine.data["told"] == "porter"
    system.post(berta, "look")
    system.run_due()
    assert berta.machine.data["angle"] == 2.0


def test_a_long_action_is_answered_to_who_asked() -> None:
    system, (anna, berta), porter, _ = house()
    system.post(anna, "measure")
    system.post(berta, "measure")
    system.advance(S // 2)
    assert (anna.machine.data["width"], berta.machine.data["width"]) == (0.9, 0.0), "one at a time"
    system.advance(S // 2)
    assert berta.machine.data["width"] == 0.9
    system.post(anna, "measure")
    system.post(berta, "measure")
    system.advance(S // 4)
    system.post(anna, "leave")  # gives hers up: the porter is told, and begins with the other's
    system.advance(S // 2)
    assert (anna.machine.configuration, berta.machine.configuration) == (("waiting",), ("waiting",))
    assert porter.machine.configuration == ("idle",)


@pytest.mark.parametrize(("event", "said"), [("end", "porter behind it has ended"), ("fail", "has failed")])
def test_one_that_is_over_is_an_error_at_all_who_know_it_and_for_each_order(event: str, said: str) -> None:
    system, (anna, berta), porter, watch = house()
    system.post(porter, event)
    system.run_due()
    assert said in anna.machine.data["told"]
    assert said in berta.machine.data["told"]
    system.post(anna, "go")
    system.run_due()
    assert watch.events("anna").count("0 error.adapter.front") == 1 + 3
    assert watch.events("berta").count("0 error.adapter.front") == 1, "an order that fails is its sender's matter"


def test_a_fault_on_the_way_is_of_one_role() -> None:
    system, (anna, berta), porter, _ = house()
    anna.roles["front"].fault("unlock", parse_rule("drop:anna.front.unlock"))
    for one in (anna, berta):
        system.post(one, "go")
    system.run_due()
    assert porter.machine.data["pins"] == [1, 2]


ASKING = """
machine: {name}
serves: door
adapters: {{other: door}}
data: {{angle: {{type: float, initial: 0}}, is_locked: {{type: bool, initial: True}}, heard: {{type: int, initial: 0}}}}
events: {{go: {{direction: in}}}}
entry: [other.unlock(pin=7)]
exit: [other.lock()]
on:
  go: {{actions: [other.unlock(pin=1)]}}
  unlock:
    actions:
      - assign: {{angle: angle + event.pin}}
      - send: {{event: opened, to: parent, data: {{by: "'{name}'"}}}}
  lock: {{actions: [assign: {{is_locked: True}}]}}
  measure: {{actions: {{send: {{event: measure.done, to: parent, data: {{width: 1.0}}}}}}}}
  other.opened: {{actions: [assign: {{heard: heard + 1}}]}}
  error.adapter.other:
states: {{only: {{}}}}
"""


def test_two_that_order_of_each_other() -> None:
    """Also as they begin and end: what the first says waits until the second is there, and nothing is lost silently."""
    system = System()
    watch = Watch(system)
    left, right = (system.add(chart(ASKING.format(name=name))) for name in ("left", "right"))
    system.bind("other", left, right)
    system.bind("other", right, left)
    system.start()
    system.post(left, "go")
    system.run_due()
    assert [(one.machine.data["angle"], one.machine.data["heard"]) for one in (left, right)] == [(7.0, 2), (8.0, 1)]
    system.end()
    assert watch.events("right")[-2:] == ["0 lock", "0 stop"]
    assert "the machine left behind it was stopped" in [n.text for n in watch.notes if n.path == "right.other"][-1]
    assert system.failures == []


def test_the_last_orders_of_those_it_serves_are_taken_before_it_ends() -> None:
    leaving = CALLER.replace("states:\n  waiting:", "exit: [front.unlock(pin=9)]\nstates:\n  waiting:", 1)
    system, _, porter, watch = house(leaving)
    system.end()
    assert porter.machine.data["pins"] == [9, 9]
    assert watch.events()[-5:] == ["0 anna stop", "0 berta stop", "0 porter unlock", "0 porter unlock", "0 porter stop"]
    assert system.failures == []


def test_what_a_machine_that_serves_says_to_nobody_else_is_told_to_people() -> None:
    """A station's sessions are counted by what its main machine sends."""
    told = SERVING.replace("  fail: loop\n", "  fail: {actions: {send: {event: seen, to: parent}}}\n")
    system = System()
    watch = Watch(system)
    porter = system.add(chart(told))
    system.add(chart(CALLER), adapters={"front": porter})
    system.start()
    system.post(porter, "fail")
    system.run_due()
    assert [(n.path, n.text) for n in watch.notes if n.kind == "out"] == [("porter", "seen")]


def test_what_cannot_stand_behind_a_role() -> None:
    system = System()
    caller = system.add(chart(CALLER))
    other = system.add(chart(CALLER), "other")
    with pytest.raises(AdapterError, match="does not say 'serves: door'"):
        system.bind("front", caller, other)
    clerk = system.add(chart(ASKING.format(name="clerk")))
    with pytest.raises(AdapterError, match="cannot stand behind role 'other' of its own"):
        system.bind("other", clerk, clerk)
    with pytest.raises(AdapterError, match="does not say 'serves: door'"):
        System().add(chart(CALLER), "third", adapters={"front": other})


def test_a_snapshot_of_both_in_the_middle_of_a_call() -> None:
    system, (anna, berta), porter, _ = house()
    system.post(anna, "measure")
    system.post(berta, "measure")
    system.advance(S // 5)
    saved = {one.path: json.loads(json.dumps(to_json(take(one)))) for one in (porter, anna, berta)}
    other = System()
    watch = Watch(other)
    again = restore(other, chart(SERVING), from_json(saved["porter"]), "porter", {})
    for name in ("berta", "anna"):
        restore(other, chart(CALLER), from_json(saved[name]), name, {"front": again})
    other.start()
    other.advance(2 * S)
    assert watch.events("porter") == ["0.3 measuring/after T", "0.3 measure", "0.8 measuring/after T"]
    assert watch.events("anna") == ["0.3 done.invoke.width"]
    assert watch.events("berta") == ["0.8 done.invoke.width"]


def test_a_trace_replays_and_says_who_spoke_to_whom(tmp_path: Path) -> None:
    system = System()
    caller = system.add(chart(CALLER))
    system.bind("front", caller, system.add(chart(SERVING)))
    writer = TraceWriter(system, tmp_path / "run.jsonl")
    system.start()
    for event in ("go", "look", "measure"):
        system.post(caller, event)
        system.advance(S)
    system.shutdown()
    writer.close()
    trace = read(tmp_path / "run.jsonl")
    assert replay(trace, {"caller": chart(CALLER), "porter": chart(SERVING)}) is None
    said = [(m.source, m.target, m.text.partition("(")[0]) for m in sequence(trace.records).messages]
    assert said[:4] == [
        ("user", "caller", "go"),
        ("caller", "porter", "unlock"),
        ("caller", "porter", "unlock"),
        ("caller", "porter", "lock"),
    ]
    assert ("porter", "caller", "opened") in said
    assert ("user", "porter", "unlock") not in said
