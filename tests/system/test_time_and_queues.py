"""Order, time and full queues: what makes a run the same every time and keeps a flood from doing harm."""

from __future__ import annotations

import time
from typing import Any

import pytest

import engine
from engine.run import Limits, System
from engine.semantics.errors import EngineError, PayloadError, RunawayError
from tests.system.tools import S, Watch, chart, started

LIGHT = """
    machine: light
    initial: red
    states:
      red: {after: {30 s: green}}
      green: {after: {20 s: yellow}}
      yellow: {after: {3 s: red}}
"""
SENDER = """
    machine: sender
    events: {tick: {}, late: {}, soon: {}}
    initial: a
    states:
      a:
        entry:
          - send: {event: late, delay: 2 s, id: one}
          - send: {event: soon, delay: 1 s}
          - send: tick
        on:
          tick: {}
          soon: {actions: [cancel: one]}
          late: {}
"""


def test_a_timer_falls_due_when_the_chart_says_and_not_before() -> None:
    system, light, watch = started(LIGHT)
    system.advance(30 * S - 1)
    assert light.machine.configuration == ("red",)
    system.advance(1)
    assert light.machine.configuration == ("green",)
    system.advance_to(83 * S)
    assert watch.events("light") == ["0 start", "30 red/after 30 s", "50 green/after 20 s", "53 yellow/after 3 s",
                                     "83 red/after 30 s"]  # fmt: skip
    assert system.clock.now_ns() == 83 * S


def test_a_virtual_hour_never_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(_: float) -> None:
        raise AssertionError("slept")

    monkeypatch.setattr(time, "sleep", sleep)
    system, _, watch = started(LIGHT)
    assert not system.run_until(lambda: False, 3600 * S)
    rest = 3600 % 53  # of the last round
    assert len(watch.steps) == 1 + 3600 // 53 * 3 + (rest >= 30) + (rest >= 50)


def test_a_left_state_takes_its_timer_along() -> None:
    system, actor, _ = started("""
        machine: m
        events: {go: {direction: in}}
        initial: a
        states:
          a: {after: {5 s: wrong}, on: {go: b}}
          b: {}
          wrong: {}
    """)
    system.post(actor, "go")
    system.advance(10 * S)
    assert actor.machine.configuration == ("b",)
    assert system.next_deadline_ns is None


def test_delayed_sends_come_in_order_and_cancel_takes_one_back() -> None:
    system, _, watch = started(SENDER)
    system.advance(10 * S)
    assert watch.events("sender") == ["0 start", "0 tick", "1 soon"]


def test_equal_deadlines_come_in_the_order_they_were_set() -> None:
    system = System()
    watch = Watch(system)
    for name in ("x", "y", "z"):
        system.add(chart(LIGHT), name)
    system.start()
    system.advance(30 * S)
    assert watch.events()[3:] == ["30 x red/after 30 s", "30 y red/after 30 s", "30 z red/after 30 s"]


def test_two_runs_of_the_same_station_take_the_same_steps() -> None:
    def run() -> list[str]:
        system = System()
        watch = Watch(system)
        for name in ("x", "y"):
            system.add(chart(SENDER), name)
            system.add(chart(LIGHT), name + "light")
        system.start()
        system.advance(200 * S)
        return watch.events()

    assert run() == run()


COUNTER = """
    machine: counter
    events: {bump: {direction: in}, vital: {direction: in}}
    data: {bumps: {type: int, initial: 0}, alarms: {type: int, initial: 0}, lost: {type: int, initial: 0}}
    initial: a
    states:
      a:
        on:
          bump: {actions: [assign: {bumps: bumps + 1}]}
          error.queue: {actions: [assign: {alarms: alarms + 1, lost: lost + event.dropped}]}
        after: {1 s: b}
      b: {on: {bump: {}}}
"""


@pytest.mark.parametrize("when_full", ["refuse_newest", "drop_oldest"])
def test_a_flood_is_bounded_counted_and_told_to_the_machine(when_full: str) -> None:
    system = System(limits=Limits(queue=10, when_full=when_full))
    watch = Watch(system)
    actor = system.add(chart(COUNTER))
    system.start()
    for _ in range(5000):
        system.post(actor, "bump")
    system.run_due()
    assert actor.machine.data["bumps"] == 10
    assert actor.machine.data["alarms"] == 1
    assert actor.machine.data["lost"] == 4990
    notes = [note for note in watch.notes if note.kind == "queue_full"]
    assert notes[0].data == {"event": "bump", "dropped": 1}
    assert "4990 events were lost" in notes[-1].text
    assert len(notes) <= 8  # the flood does not flood the trace


def test_too_many_delayed_sends_are_an_error_for_the_sender() -> None:
    system = System(limits=Limits(delayed_sends=3))
    actor = system.add(
        chart(
            """
            machine: patient
            events: {go: {direction: in}, late: {}}
            data: {late: {type: int, initial: 0}, errors: {type: int, initial: 0}}
            states:
              a:
                on:
                  go: {actions: [send: {event: late, delay: 1 s}]}
                  late: {actions: [assign: {late: late + 1}]}
                  error.execution: {actions: [assign: {errors: errors + 1}]}
            """
        )
    )
    system.start()
    for _ in range(5):
        system.post(actor, "go")
    system.advance(2 * S)
    assert dict(actor.machine.data) == {"late": 3, "errors": 2}


def test_what_is_lost_after_the_alarm_is_told_too_when_the_flood_is_over() -> None:
    """Two alarms for one flood, whatever its length; together they tell the whole loss."""
    system = System(limits=Limits(queue=10))
    actor = system.add(chart(COUNTER))
    system.start()
    data = actor.machine.data
    for _ in range(20):
        system.post(actor, "bump")
    system.turn()
    assert (data["alarms"], data["lost"]) == (1, 10)
    for _ in range(3980):
        system.post(actor, "bump")
    system.run_due()
    assert data["alarms"] == 2
    assert data["bumps"] + data["lost"] == 4000
    system.post(actor, "bump")
    system.run_due()
    assert data["alarms"] == 2


@pytest.mark.parametrize("data", [{"n": "x"}, {"n": None}, {}, None, {"n": 1, "m": 1}, {"n": float("nan")}, ["n"]])
def test_data_posted_to_a_machine_are_checked_as_sent_ones_are(data: Any) -> None:
    text = (
        "machine: m\nevents: {e: {direction: in, payload: {n: int}}}\nstates: {a: {on: {e: {actions: [log: got]}}}}\n"
    )
    system = System()
    actor = system.add(chart(text))
    system.start()
    with pytest.raises(PayloadError) as posted:
        system.post(actor, "e", data)
    with pytest.raises(PayloadError) as sent:
        engine.start(chart(text)).send("e", data)
    assert str(posted.value) == str(sent.value)
    assert system.quiet


def test_posted_data_are_kept_as_declared() -> None:
    text = (
        "machine: m\nevents: {e: {direction: in, payload: {v: float, w: int?}}}\ndata: {v: {type: float, initial: 0}}\n"
        "states: {a: {on: {e: {actions: [assign: {v: event.v}]}}}}\n"
    )
    system = System()
    actor = system.add(chart(text))
    system.start()
    system.post(actor, "e", {"v": 2})
    system.run_due()
    assert repr(actor.machine.data["v"]) == "2.0"


@pytest.mark.parametrize("wrong", [-5, 0.5, True, "1 s"])
def test_time_goes_forward_in_whole_nanoseconds(wrong: Any) -> None:
    system = System()
    system.advance(3)
    with pytest.raises(EngineError, match=r"nanoseconds|go back"):
        system.advance(wrong)
    with pytest.raises(EngineError, match=r"nanoseconds|go back"):
        engine.start(chart("machine: m\nstates: {a: }")).advance(wrong)
    assert system.clock.now_ns() == 3


def test_what_is_kept_of_a_flood_is_as_the_policy_says() -> None:
    def run(when_full: str) -> list[str]:
        system = System(limits=Limits(queue=2, when_full=when_full))
        watch = Watch(system)
        actor = system.add(chart(COUNTER))
        system.start()
        for event in ("vital", "bump", "bump", "bump"):
            system.post(actor, event)
        system.run_due()
        return [name.split()[1] for name in watch.events("counter")]

    assert run("refuse_newest") == ["start", "error.queue", "vital", "bump"]
    assert run("drop_oldest") == ["start", "error.queue", "bump", "bump"]


def test_a_full_queue_does_not_hold_up_a_timer() -> None:
    system = System(limits=Limits(queue=5))
    actor = system.add(chart(COUNTER))
    system.start()
    for _ in range(50):
        system.post(actor, "bump")
    system.advance(1 * S)
    assert actor.machine.configuration == ("b",)


def test_machines_that_keep_each_other_busy_are_named_instead_of_hanging() -> None:
    system = System(limits=Limits(burst=500))
    system.add(
        chart("""
            machine: hare
            events: {again: {}}
            initial: a
            states:
              a: {entry: [send: again], on: {again: {actions: [send: again]}}}
        """)
    )
    system.start()
    with pytest.raises(RunawayError, match="hare keep sending"):
        system.advance(1 * S)
    system.shutdown()


def test_the_queue_of_an_ended_machine_refuses_with_a_note() -> None:
    system, actor, watch = started("""
        machine: m
        events: {go: {direction: in}}
        initial: a
        states: {a: {on: {go: end}}, end: {type: final}}
    """)
    for _ in range(2):
        system.post(actor, "go")
    system.run_due()
    system.post(actor, "go")
    assert actor.state == "done"
    assert system.finished
    assert watch.kinds() == ["dropped"]
    assert "go: the machine has ended (done)" in watch.notes[0].text


def test_a_loop_without_end_breaks_its_machine_only_and_its_exit_actions_still_run() -> None:
    system = System()
    watch = Watch(system)
    bad = system.add(
        chart("""
            machine: bad
            events: {go: {direction: in}, left: {direction: out}}
            initial: a
            exit: [send: {event: left, to: parent}]
            states:
              a: {on: {go: b}}
              b: {always: c}
              c: {always: b}
        """)
    )
    good = system.add(chart(LIGHT))
    system.start()
    system.post(bad, "go")
    system.advance(30 * S)
    assert bad.state == "failed"
    assert good.machine.configuration == ("green",)
    assert "machine_failed" in watch.kinds()
    assert "bad" in system.failures[0]
    assert [note.text for note in watch.notes if note.kind == "out"] == ["left"]


CHAIN = """
    machine: chain
    events: {first: {}, second: {}, third: {}}
    initial: a
    states:
      a: {on: {first: {target: b, actions: [send: second]}}}
      b: {on: {second: {target: c, actions: [send: third]}}}
      c: {on: {third: d}}
      d: {}
"""


def test_whoever_asks_for_what_settled_finds_all_that_it_set_off() -> None:
    system, chain, _ = started(CHAIN)
    found: list[tuple[str, ...]] = []
    asked = system.ask(lambda: system.post(chain, "first") or "told", settled=True)
    asked.add_done_callback(lambda _: found.append(chain.machine.configuration))
    plain = system.ask(lambda: chain.machine.configuration)
    system.advance(0)
    assert asked.result(0) == "told"
    assert found == [("d",)]
    assert plain.result(0) == ("a",), "who does not wait is answered before the events are taken"


def test_whoever_waits_for_what_settles_is_told_when_the_run_ends_before() -> None:
    system, chain, _ = started(CHAIN)
    asked = system.ask(lambda: system.post(chain, "first"), settled=True)
    assert system.turn()  # the order is done, its event waits
    assert not asked.done()
    system.shutdown()
    assert asked.done()
