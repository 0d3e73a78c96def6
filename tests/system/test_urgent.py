"""Urgent events: what must not wait goes before everything else that does, and is never lost to it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.language.load.contract import load_contract
from engine.language.model import Chart, EventDef
from engine.language.problems import ChartError
from engine.run import Limits, RealClock, System
from engine.run.host import Host
from engine.run.snapshot import restore, take
from engine.run.system import URGENT_AHEAD_NS
from engine.tools.trace import TraceWriter, read
from engine.tools.trace.replay import replay
from tests.system.tools import DOOR, Door, S, Watch
from tests.w3c.suite import MAKERS

GATE = replace(DOOR, events={**DOOR.events, "forced": EventDef("forced", {}, "in", urgent=True)})
HOUSE = """
    machine: house
    adapters: {gate: door}
    events:
      fire: {direction: in, urgent: true}
      flood: {direction: in, urgent: true}
      bell: {direction: in}
      post: {direction: in}
    initial: calm
    states:
      calm:
        on: {fire: {}, flood: {}, bell: {}, post: {}, gate.*: {}, error.adapter.gate: {}, error.queue: {}}
        after: {1 s: {target: calm}}
"""


def chart(text: str) -> Chart:
    """A chart from its text; ``forced`` is an urgent event of contract ``door``."""
    return engine.load_text(dedent(text), contracts={"door": GATE})


def house(
    limits: Limits | None = None, maker: str = "compiled", clock: RealClock | None = None, text: str = HOUSE
) -> tuple[System, Watch]:
    system = System(clock, make=MAKERS[maker], limits=limits)
    watch = Watch(system)
    system.add(chart(text), "one", adapters={"gate": Door()})
    system.add(chart(text), "two", adapters={"gate": Door()})
    system.start()
    return system, watch


def taken(watch: Watch) -> list[tuple[str, str]]:
    return [(r.actor.path, r.event.name) for r in watch.steps if r.event is not None]


def test_an_urgent_event_is_taken_before_what_waits_for_its_machine_and_for_others() -> None:
    system, watch = house()
    one, two = system.roots.values()
    for actor, event in ((one, "bell"), (two, "post"), (two, "bell"), (one, "fire"), (one, "post"), (two, "flood")):
        system.post(actor, event)
    system.run_due()
    assert taken(watch) == [
        ("one", "fire"), ("two", "flood"), ("one", "bell"), ("two", "post"), ("two", "bell"), ("one", "post")
    ]  # fmt: skip


def test_a_contract_marks_events_and_a_fault_of_such_an_adapter_is_urgent_too() -> None:
    system, watch = house()
    one = system.roots["one"]
    for event, data in (("closed", {}), ("opened", {"by": "cat", "angle": None}), ("forced", {}), ("closed", {})):
        one.roles["gate"].emit(event, data)
    one.roles["gate"].report("it burns")
    system.run_due()
    names = ["gate.forced", "error.adapter.gate", "gate.closed", "gate.opened", "gate.closed"]
    assert taken(watch) == [("one", name) for name in names]


names = st.sampled_from(["fire", "flood", "bell", "post"])
arrivals = st.lists(st.tuples(st.sampled_from(["one", "two"]), names, st.booleans()), max_size=40)


@pytest.mark.parametrize("maker", MAKERS)
@settings(deadline=None)
@given(arrivals)
def test_the_order_is_that_of_two_queues(maker: str, arriving: list[tuple[str, str, bool]]) -> None:
    """Whatever arrives and whenever something is taken in between: urgent ones in their order, then the rest in its."""
    system, watch = house(maker=maker)
    waiting: list[tuple[str, str]] = []
    expected: list[tuple[str, str]] = []

    def take_one() -> None:
        first = next((entry for entry in waiting if entry[1] in ("fire", "flood")), waiting[0])
        waiting.remove(first)
        expected.append(first)

    for machine, event, then_take in arriving:
        system.post(system.roots[machine], event)
        waiting.append((machine, event))
        if then_take:
            system.turn()
            take_one()
    system.run_due()
    while waiting:
        take_one()
    assert taken(watch) == expected


@pytest.mark.parametrize("when_full", ["refuse_newest", "drop_oldest"])
@settings(deadline=None)
@given(st.lists(names, max_size=60))
def test_no_urgent_event_is_lost_to_others_and_the_last_of_each_kind_never(when_full: str, events: list[str]) -> None:
    system, watch = house(Limits(queue=5, when_full=when_full))
    one = system.roots["one"]
    for event in events:
        system.post(one, event)
    assert len(system.waiting(one)) <= 5 + 5 + 2 + 1  # both bounds, one of each name beyond, the alarm
    system.run_due()
    came = [name for _, name in taken(watch)]
    sent = [name for name in events if name in ("fire", "flood")]
    arrived = [name for name in came if name in ("fire", "flood")]
    assert set(arrived) == set(sent)
    if len(sent) <= 5:
        assert arrived == sent
    told = sum(r.event.data["dropped"] for r in watch.steps if r.event is not None and r.event.name == "error.queue")
    assert told == len(events) - sum(name != "error.queue" for name in came)


def test_of_too_many_urgent_ones_the_newest_word_arrives() -> None:
    system = System(limits=Limits(queue=3))
    watch = Watch(system)
    one = system.add(chart(HOUSE.replace("fire: {direction: in,", "fire: {direction: in, payload: {n: int},")),
                     adapters={"gate": Door()})  # fmt: skip
    system.start()
    for n in range(100):
        system.post(one, "fire", {"n": n})
    system.post(one, "flood")
    system.run_due()
    came = [(r.event.name, (r.event.data or {}).get("n")) for r in watch.steps if r.event is not None]
    assert came == [("fire", 0), ("fire", 1), ("fire", 99), ("flood", None), ("error.queue", None)]


PAIR = {
    "parent": """
        machine: parent
        events: {go: {direction: in}, other: {direction: in}}
        data: {seen: {type: list of string, initial: "[]"}}
        invoke: {id: kid, src: kid.yaml}
        initial: a
        states:
          a:
            on:
              go:
                actions:
                  - send: {event: start, to: kid}
                  - send: {event: stop, to: kid}
              other: {actions: {send: {event: start, to: kid}}}
              kid.told: {}
              kid.alarm: {}
    """,
    "kid": """
        machine: kid
        events:
          start: {direction: in}
          stop: {direction: in, urgent: true}
          noise: {direction: in}
          told: {direction: out}
          alarm: {direction: out, urgent: true}
        initial: a
        states:
          a:
            on:
              start: {actions: {send: {event: told, to: parent}}}
              stop: {actions: {send: {event: alarm, to: parent}}}
              noise: {}
    """,
}


@pytest.fixture
def pair(tmp_path: Path) -> Chart:
    for name, text in PAIR.items():
        (tmp_path / f"{name}.yaml").write_text(dedent(text))
    return engine.load(tmp_path / "parent.yaml")


def test_what_one_machine_sends_another_arrives_in_its_order(pair: Chart) -> None:
    """``start``, ``stop`` is not ``stop``, ``start``: the urgent one takes along what was sent before it."""
    system = System()
    watch = Watch(system)
    parent = system.add(pair, "parent")
    system.start()
    kid = parent.children["kid", None]
    system.post(parent, "go")
    for _ in range(3):
        system.post(kid, "noise")
        system.post(parent, "other")
    system.run_due()
    order = [f"{path.split('/')[-1]} {name}" for path, name in taken(watch)]
    assert order[:5] == ["parent go", "kid start", "kid stop", "parent kid.told", "parent kid.alarm"]
    assert order[5:8] == ["kid noise", "parent other", "kid noise"]
    assert order.count("kid start") == 4


def test_a_snapshot_keeps_what_is_urgent() -> None:
    system, _ = house()
    one = system.roots["one"]
    for event in ("bell", "fire", "post", "flood"):
        system.post(one, event)
    resumed = System()
    watch = Watch(resumed)
    actor = restore(resumed, one.machine.chart, take(one), "one", {"gate": Door()})
    resumed.start()
    resumed.post(actor, "fire")
    resumed.run_due()
    assert [name for _, name in taken(watch)] == ["fire", "flood", "fire", "bell", "post"]


def test_a_trace_is_replayed_in_the_order_things_were_taken(tmp_path: Path) -> None:
    system = System()
    loaded = chart(HOUSE)
    actor = system.add(loaded, "one", adapters={"gate": Door()})
    writer = TraceWriter(system, tmp_path / "t.jsonl")
    system.start()
    for event in ("bell", "fire", "post"):
        system.post(actor, event)
    system.advance(2 * S)
    writer.close()
    trace = read(tmp_path / "t.jsonl")
    events = [record["event"]["name"] for record in trace.records if record.get("cause") == "event"]
    assert events == ["fire", "bell", "post"]
    assert replay(trace, {"one": loaded}) is None


class SteppedClock(RealClock):
    """A real clock for the test to move."""

    def __init__(self) -> None:
        self.at_ns = 0

    def now_ns(self) -> int:
        return self.at_ns


@pytest.mark.parametrize(("after_ns", "first"), [(URGENT_AHEAD_NS, "fire"), (URGENT_AHEAD_NS + 1, "calm/after 1 s")])
def test_urgent_events_go_before_a_deadline_that_is_due_but_never_stop_it(after_ns: int, first: str) -> None:
    clock = SteppedClock()
    system, watch = house(clock=clock)
    clock.at_ns = S + after_ns
    system.post(system.roots["one"], "bell")
    system.post(system.roots["one"], "fire")
    system.run_due()
    names = [r.event.name if r.event is not None else r.timer for r in watch.steps[2:]]
    assert names[0] == first
    assert names[-1] == "bell"


def test_the_real_host_takes_them_first_and_looks_at_sockets_between_handfuls() -> None:
    # without a deadline that falls due meanwhile on a slow machine
    system, watch = house(clock=RealClock(), text=HOUSE.replace("1 s", "1 h"))
    one, two = system.roots.values()
    at_fire: list[int] = []

    class Fire:
        """Meant to come while others are taken."""

        def step(self, record: Any) -> None:
            if len(watch.steps) == 300:
                asyncio.get_running_loop().call_soon(at_once)

        def note(self, note: Any) -> None: ...

    def at_once() -> None:
        at_fire.append(len(watch.steps))
        system.post(one, "fire")

    def all_taken() -> bool:
        return len(taken(watch)) == 2001

    async def run() -> None:
        for _ in range(1000):
            system.post(one, "bell")
            system.post(two, "post")
        await asyncio.wait_for(Host(system).run(all_taken), 60)

    system.observers.append(Fire())
    asyncio.run(run())
    came = [r.event.name if r.event is not None else r.cause for r in watch.steps]
    assert came[at_fire[0]] == "fire"
    assert at_fire[0] < 1000


PORTER = """
    machine: porter
    serves: door
    data: {angle: {type: float, initial: 0}, is_locked: {type: bool, initial: true}}
    events: {rumour: {direction: in}}
    states:
      idle:
        on:
          rumour unlock lock: {}
          measure: {actions: {send: {event: measure.done, to: parent, data: {width: 1.0}}}}
"""
CALLER = """
    machine: caller
    adapters: {gate: door}
    events: {bell: {direction: in}}
    states:
      a: {on: {bell: {}, gate.forced: {actions: [gate.unlock(pin=1), gate.lock()]}}}
"""


def test_orders_to_a_chart_behind_such_a_contract_do_not_wait_either() -> None:
    system = System()
    watch = Watch(system)
    caller = system.add(chart(CALLER), adapters={"gate": engine.serve(chart(PORTER))})
    system.start()
    porter = system.servers["caller/gate"].actor
    for _ in range(3):
        system.post(porter, "rumour")
        system.post(caller, "bell")
    caller.roles["gate"].emit("forced", {})
    system.run_due()
    assert [name for _, name in taken(watch)][:4] == ["gate.forced", "unlock", "lock", "rumour"]


def test_urgent_is_true_or_false(tmp_path: Path) -> None:
    with pytest.raises(ChartError, match="'urgent' is true or false"):
        chart("machine: m\nevents: {e: {direction: in, urgent: very}}\nstates: {a: {on: {e: {}}}}\n")
    path = tmp_path / "k.contract.yaml"
    path.write_text("contract: k\nevents: {e: {urgent: true}, f: {urgent: false}, g: }\n")
    assert [event.urgent for event in load_contract(path).events.values()] == [True, False, False]
    path.write_text("contract: k\nevents: {e: {urgent: 1}}\n")
    with pytest.raises(ChartError, match="'urgent' is true or false"):
        load_contract(path)
