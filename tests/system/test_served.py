"""Charts that stand where adapters do: orders, events, values, long actions, ends, and snapshots in mid-order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.adapter import AdapterError
from engine.language.problems import ChartError
from engine.run import System
from engine.run.json_values import from_json, to_json
from engine.run.served import ServedChart
from engine.run.snapshot import restore, take
from engine.semantics.errors import SnapshotError
from engine.semantics.step import LogText
from engine.tools.trace import TraceWriter, read
from engine.tools.trace.machines import sequence
from engine.tools.trace.replay import replay
from tests.system.tools import Door, S, Watch, chart

CALLER = """
machine: caller
adapters: {front: door}
data:
  n: {type: int, initial: 0}
  angle: {type: float, initial: 0}
  told: {type: string, initial: "''"}
  width: {type: float, initial: 0}
events: {go: {direction: in}, look: {direction: in}, measure: {direction: in}, leave: {direction: in}}
states:
  waiting:
    on:
      go: {actions: [front.unlock(pin=1), front.unlock(pin=2), assign: {n: n + 1}, front.lock()]}
      look: {actions: [assign: {angle: front.angle}]}
      measure: measuring
      front.opened: {actions: [assign: {told: event.by}]}
      error.adapter.front: {actions: [assign: {told: event.message}]}
  measuring:
    invoke:
      id: width
      call: front.measure(force=2.0)
      onDone: {target: waiting, actions: [assign: {width: event.width}]}
      onError: {target: waiting, actions: [assign: {told: event.reason}]}
    on: {leave: waiting, measure: measuring, error.adapter.front: }
"""

# Serves a door: every order takes it half a second, and a measurement a second.
SERVING = """
machine: porter
serves: door
parameters: {T: {type: duration, default: 500 ms}, by: {type: string, default: "'porter'"}}
data:
  angle: {type: float, initial: 0}
  is_locked: {type: bool, initial: True}
  pins: {type: list of int, initial: "[]"}
events: {fail: {direction: in}, end: {direction: in}, seen: {direction: out}}
exit: [log: the porter goes]
initial: idle
on:
  end: over
  fail: loop
  cancel.measure: .idle
states:
  idle:
    on:
      unlock:
        actions:
          - assign: {pins: "pins + [event.pin]", is_locked: False, angle: angle + 1}
          - send: {event: opened, to: parent, data: {by: by, angle: angle}}
      lock: {actions: [assign: {is_locked: True}]}
      measure: measuring
  measuring:
    on: {lock: , unlock: }
    after:
      T:
        target: idle
        actions: {send: {event: measure.done, to: parent, data: {width: 0.9}}}
  over: {type: final}
  loop: {always: loop2}
  loop2: {always: loop}
"""


def porter(text: str = SERVING, parameters: Mapping[str, Any] | None = None, **adapters: Any) -> ServedChart:
    return engine.serve(chart(text), parameters, adapters)


def running(caller: str = CALLER, behind: ServedChart | None = None) -> tuple[System, Any, Any, Watch]:
    """A system with a caller and the chart behind its role, begun and at rest."""
    system = System()
    watch = Watch(system)
    actor = system.add(chart(caller), adapters={"front": behind or porter()})
    system.start()
    system.run_due()
    return system, actor, system.servers["caller/front"].actor, watch


def test_orders_wait_for_the_end_of_the_callers_step() -> None:
    system, actor, server, watch = running()
    system.post(actor, "go")
    system.run_due()
    assert watch.events() == [
        "0 caller/front start",
        "0 caller start",
        "0 caller go",
        "0 caller/front unlock",
        "0 caller/front unlock",
        "0 caller/front lock",
        "0 caller front.opened",
        "0 caller front.opened",
    ]
    assert server.machine.data["pins"] == [1, 2]
    assert actor.machine.data["told"] == "porter"


def test_its_data_are_the_values() -> None:
    system, actor, server, _ = running()
    for event in ("go", "look"):
        system.post(actor, event)
        system.run_due()
    assert actor.machine.data["angle"] == server.machine.data["angle"] == 2.0
    assert actor.roles["front"].read("is_locked") is True


def test_a_long_action_ends_when_the_chart_answers() -> None:
    system, actor, _server, _ = running()
    system.post(actor, "measure")
    system.advance(S // 2 - 1)
    assert (actor.machine.configuration, actor.machine.data["width"]) == (("measuring",), 0.0)
    system.advance(1)
    assert (actor.machine.configuration, actor.machine.data["width"]) == (("waiting",), 0.9)


def test_a_call_given_up_is_told_and_its_late_answer_is_nobodys() -> None:
    system, actor, _server, watch = running()
    system.post(actor, "measure")
    system.run_due()
    system.post(actor, "measure")  # leaves and enters: the first is given up, a second begins
    system.run_due()
    assert watch.events("caller/front")[1:] == ["0 measure", "0 cancel.measure", "0 measure"]
    system.advance(S // 2)
    assert actor.machine.data["width"] == 0.9


def test_an_answer_before_the_chart_knows_the_next_call_is_of_the_one_given_up() -> None:
    text = SERVING.replace("  cancel.measure: .idle\n", "")
    system, actor, server, watch = running(behind=porter(text))
    system.post(actor, "measure")
    system.advance(S // 2 - 1)
    system.clock.move_to(S // 2)  # type: ignore[attr-defined]
    actor_steps = len(watch.steps)
    system.post(actor, "measure")
    system.turn()  # the caller has left and come back: its second call waits in the queue
    assert len(watch.steps) == actor_steps + 1
    system.expire(server, next(iter(server.timers)))  # and the chart answers the first
    assert "dropped" in watch.kinds()
    assert actor.machine.data["width"] == 0.0
    system.advance(S)
    assert actor.machine.data["width"] == 0.9


TWO = """
machine: two
adapters: {front: door}
data: {a: {type: float, initial: 0}, b: {type: float, initial: 0}}
type: parallel
states:
  one: {invoke: {id: a, call: front.measure(force=1.0), onDone: {actions: [assign: {a: event.width}]}}}
  other: {invoke: {id: b, call: front.measure(force=2.0), onDone: {actions: [assign: {b: event.width}]}}}
"""


def test_one_call_of_an_action_at_a_time() -> None:
    system = System()
    watch = Watch(system)
    actor = system.add(chart(TWO), adapters={"front": porter()})
    system.start()
    system.advance(2 * S)
    assert watch.events("two/front") == [
        "0 start", "0 measure", "0.5 measuring/after T", "0.5 measure", "1 measuring/after T",
    ]  # fmt: skip
    assert (actor.machine.data["a"], actor.machine.data["b"]) == (0.9, 0.9)


@pytest.mark.parametrize(("event", "said"), [("end", "has ended"), ("fail", "has failed"), ("", "was stopped")])
def test_one_that_is_over_is_an_error_at_the_caller(event: str, said: str) -> None:
    system, actor, server, watch = running()
    if event:
        system.post(server, event)
    else:
        system.stop(server)
    system.run_due()
    assert said in actor.machine.data["told"]
    assert "porter" in actor.machine.data["told"]
    assert [e.text for step in watch.steps for e in step.step.effects if isinstance(e, LogText)] == ["the porter goes"]
    system.post(actor, "go")  # each order as well
    system.run_due()
    assert watch.events("caller").count("0 error.adapter.front") == 4
    with pytest.raises(AdapterError, match=said):
        actor.roles["front"].read("angle")


def test_its_end_fails_the_calls_it_has_not_answered() -> None:
    system, actor, server, _ = running()
    system.post(actor, "measure")
    system.run_due()
    system.post(server, "end")
    system.run_due()
    assert actor.machine.configuration == ("waiting",)
    assert "has ended" in actor.machine.data["told"]


# The same, who hands every order on to a door of his own.
NESTED = """
machine: clerk
serves: door
adapters: {back: door}
data: {angle: {type: float, initial: 0}, is_locked: {type: bool, initial: True}}
exit: [back.unlock(pin=0)]
states:
  idle:
    on:
      unlock: {actions: [back.unlock(pin=event.pin * 10), assign: {angle: angle + 1}]}
      lock: {actions: [assign: {is_locked: True}]}
      measure: measuring
      back.opened: {actions: {send: {event: opened, to: parent, data: {by: "'clerk and ' + event.by"}}}}
  measuring:
    invoke:
      id: width
      call: back.measure(force=1.0)
      onDone: {target: idle, actions: {send: {event: measure.done, to: parent, data: {width: event.width}}}}
      onError: {target: idle, actions: {send: {event: measure.failed, to: parent, data: {reason: event.reason}}}}
    on: {cancel.measure: idle, lock: , unlock: , back.opened: }
"""


FURTHER = NESTED.replace("machine: clerk", "machine: chief")


def test_one_serves_the_other() -> None:
    system, actor, _, _ = running(behind=porter(NESTED, None, back=porter()))
    system.post(actor, "go")
    system.run_due()
    assert actor.machine.data["told"] == "clerk and porter"
    assert system.servers["caller/front/back"].actor.machine.data["pins"] == [10, 20]
    door = Door()
    system, actor, _server, _watch = running(behind=porter(NESTED, None, back=door))
    system.post(actor, "go")
    system.run_due()
    assert door.told == [("unlock", 10, None), ("unlock", 20, None)]
    system.shutdown()
    assert door.told[-1] == ("close",)


def test_the_last_orders_of_a_caller_are_taken_before_the_chart_ends() -> None:
    leaving = CALLER.replace("states:\n  waiting:", "exit: [front.unlock(pin=9)]\nstates:\n  waiting:", 1)
    door = Door()
    system, *_ = running(leaving, porter(NESTED, None, back=porter(FURTHER, None, back=door)))
    system.end()
    assert door.told == [("unlock", 900, None), ("unlock", 0, None), ("unlock", 0, None), ("close",)]
    assert system.failures == []


def test_serving_in_a_circle_is_refused() -> None:
    inner = porter(NESTED, None, back=Door())
    with pytest.raises(AdapterError, match="clerk would serve itself: caller ← clerk ← clerk"):
        running(behind=porter(NESTED, None, back=inner))


def test_a_chart_that_serves_nobody_or_another_is_refused() -> None:
    with pytest.raises(AdapterError, match="does not say 'serves: door'"):
        running(behind=engine.serve(chart(CALLER)))


def test_alone_a_machine_is_served_too() -> None:
    machine = engine.start(chart(CALLER), adapters={"front": porter()})
    machine.send("go")
    machine.send("look")
    assert machine.data["angle"] == 2.0
    machine.send("measure")
    machine.advance(S // 2)
    assert machine.data["width"] == 0.9


def test_its_parameters() -> None:
    machine = engine.start(chart(CALLER), adapters={"front": porter(SERVING, {"by": "somebody"})})
    machine.send("go")
    machine.advance(0)
    assert machine.data["told"] == "somebody"
    with pytest.raises(ValueError, match="nobody"):
        engine.start(chart(CALLER), adapters={"front": porter(SERVING, {"nobody": 1})})


# ---------------------------------------------------------------- snapshots


def resumed(machine: Any, behind: ServedChart, caller: str = CALLER) -> Any:
    """The same machine, through JSON, on a clock of its own."""
    return engine.resume(chart(caller), json.loads(json.dumps(machine.snapshot())), {"front": behind})


def test_a_snapshot_in_the_middle_of_a_call() -> None:
    machine = engine.start(chart(CALLER), adapters={"front": porter()})
    machine.send("go")
    machine.send("measure")
    machine.advance(S // 5)
    again = resumed(machine, porter())
    again.advance(S // 2 - S // 5 - 1)
    assert again.configuration == ("measuring",)
    again.advance(1)
    assert (again.configuration, again.data["width"]) == (("waiting",), 0.9)
    again.send("look")
    assert again.data["angle"] == 2.0


def test_a_snapshot_with_orders_and_calls_in_the_line() -> None:
    """In the middle of everything: one call is with the chart, one waits, an order is in the queue."""
    system = System()
    actor = system.add(chart(TWO), adapters={"front": porter()})
    system.start()
    system.advance(S // 5)
    system.servers["two/front"].order("lock", {})
    saved = json.loads(json.dumps(to_json(take(actor))))
    other = System()
    watch = Watch(other)
    again = restore(other, chart(TWO), from_json(saved), "again", {"front": porter()})
    other.start()
    other.advance(2 * S)
    assert watch.events("again/front") == [
        "0 lock", "0.3 measuring/after T", "0.3 measure", "0.8 measuring/after T",
    ]  # fmt: skip
    assert (again.machine.data["a"], again.machine.data["b"]) == (0.9, 0.9)


def test_a_snapshot_of_one_whose_chart_has_ended() -> None:
    system, actor, server, _ = running()
    system.post(server, "end")
    system.run_due()
    other = System()
    watch = Watch(other)
    again = restore(other, chart(CALLER), take(actor), "caller", {"front": porter()})
    other.start()
    other.run_due()
    assert watch.events() == []  # nothing begins anew, and nobody hears of the end twice
    other.post(again, "go")
    other.run_due()
    assert watch.events("caller").count("0 error.adapter.front") == 3


def test_a_snapshot_needs_the_chart_behind_the_role() -> None:
    machine = engine.start(chart(CALLER), adapters={"front": porter()})
    with pytest.raises(SnapshotError, match="a chart stood behind role 'front'"):
        engine.resume(chart(CALLER), machine.snapshot(), {"front": Door()})
    with pytest.raises(SnapshotError, match="clerk"):
        resumed(machine, porter(NESTED, None, back=Door()))


def test_a_snapshot_of_one_that_serves_behind_another() -> None:
    machine = engine.start(chart(CALLER), adapters={"front": porter(NESTED, None, back=porter())})
    machine.send("go")
    machine.advance(0)
    again = resumed(machine, porter(NESTED, None, back=porter()))
    again.send("go")
    again.advance(0)
    snapshot = again.snapshot()
    assert snapshot["served"]["front"]["served"]["back"]["core"]["data"]["pins"] == [10, 20, 10, 20]


# ---------------------------------------------------------------- traces


def test_a_trace_of_it_replays_and_is_drawn_once(tmp_path: Path) -> None:
    system = System()
    caller = system.add(chart(CALLER), adapters={"front": porter(NESTED, None, back=porter())})
    writer = TraceWriter(system, tmp_path / "run.jsonl")
    system.start()
    for event in ("go", "look", "measure"):
        system.post(caller, event)
        system.advance(S)
    system.shutdown()
    writer.close()
    trace = read(tmp_path / "run.jsonl")
    charts = {"caller": CALLER, "caller/front": NESTED, "caller/front/back": SERVING}
    assert list(trace.header["machines"]) == list(charts)
    assert replay(trace, {path: chart(text) for path, text in charts.items()}) is None
    changed = NESTED.replace("event.pin * 10", "event.pin * 11")
    parting = replay(trace, {path: chart(changed if path == "caller/front" else charts[path]) for path in charts})
    assert parting is not None
    assert parting.record["machine"] == "caller/front"
    said = [(m.source, m.target, m.text.partition("(")[0]) for m in sequence(trace.records).messages]
    assert said[:7] == [
        ("user", "caller", "go"),
        ("caller", "caller/front", "unlock"),
        ("caller", "caller/front", "unlock"),
        ("caller", "caller/front", "lock"),
        ("caller/front", "caller/front/back", "unlock"),
        ("caller/front", "caller/front/back", "unlock"),
        ("caller/front/back", "caller/front", "opened"),
    ]


# ---------------------------------------------------------------- ages

OLD = "  old: {type: duration, initial: 0 s}\nevents:"
WATCHING = CALLER.replace("events:", OLD, 1).replace(
    "assign: {angle: front.angle}", "assign: {angle: front.angle, old: front.angle.age}"
)


def test_a_value_is_as_old_as_its_last_assignment() -> None:
    """Also when it was assigned the same value; it is not younger in a snapshot."""
    system, actor, _, _ = running(WATCHING)
    system.advance(S)
    system.post(actor, "look")
    system.run_due()
    assert actor.machine.data["old"] == S
    system.post(actor, "go")
    system.advance(S // 4)
    system.post(actor, "look")
    system.run_due()
    assert actor.machine.data["old"] == S // 4
    other = System()
    again = restore(other, chart(WATCHING), take(actor), "caller", {"front": porter()})
    other.start()
    other.advance(S // 4)
    other.post(again, "look")
    other.run_due()
    assert again.machine.data["old"] == S // 2
    other.stop(other.servers["caller/front"].actor)
    with pytest.raises(AdapterError, match="was stopped"):
        again.roles["front"].read("angle.age")


def test_the_age_of_an_adapters_value_is_what_the_adapter_says() -> None:
    machine = engine.start(chart(WATCHING), adapters={"front": Door()})
    machine.send("look")
    assert machine.data["old"] == 0

    class Slow(Door):
        def age_ns(self, value: str) -> int:
            return {"angle": 7}[value]

    machine = engine.start(chart(WATCHING), adapters={"front": Slow()})
    machine.send("look")
    assert machine.data["old"] == 7
    with pytest.raises(ChartError, match="angel"):
        chart(WATCHING.replace("front.angle.age", "front.angel.age"))
