"""One tiny chart per feature, on the reference and on the compiled core: what a chart author relies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine.language.model import Chart
from engine.run.machine import Machine
from engine.semantics.compiled.program import program_of
from engine.semantics.errors import EndlessLoop, ParameterError, PayloadError, UnhandledEvent
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.step import (
    CancelSend,
    CancelTimer,
    Done,
    Event,
    LogText,
    SendEvent,
    StartChild,
    StartTimer,
    Step,
    StopChild,
)

Make = Callable[..., Any]


def reference(chart: Chart, parameters: dict[str, Any] | None = None) -> Interpreter:
    return Interpreter(chart, bind_parameters(chart, parameters))


def compiled(chart: Chart, parameters: dict[str, Any] | None = None) -> Machine:
    return Machine(chart, parameters)


def traced(chart: Chart, parameters: dict[str, Any] | None = None) -> Machine:
    machine = Machine(chart, parameters)
    machine.tracing = True
    return machine


def fragments(chart: Chart, parameters: dict[str, Any] | None = None) -> Machine:
    program_of(chart, False).limit = 0
    return Machine(chart, parameters)


@pytest.fixture(params=[reference, compiled, traced, fragments])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


def chart(text: str) -> Chart:
    return engine.load_text("machine: test\n" + text, "test.yaml")


def logs(step: Step) -> list[str]:
    return [effect.text for effect in step.effects if isinstance(effect, LogText)]


def active(machine: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = machine.active if isinstance(machine, Interpreter) else machine.configuration
    return found


def values(machine: Any) -> dict[str, Any]:
    return dict(machine.values if isinstance(machine, Interpreter) else machine.data)


ORDER = """
events: {go: {}}
initial: a.b
entry: [log: enter root]
states:
  a:
    entry: [log: enter a]
    exit: [log: exit a]
    states:
      b: {entry: [log: enter b], exit: [log: exit b], on: {go: {target: c, actions: [log: go]}}}
  c:
    entry: [log: enter c]
    initial: {target: d, actions: [log: initial of c]}
    states:
      d: {entry: [log: enter d]}
"""


def test_actions_run_in_document_order_exits_inside_out(make: Make) -> None:
    machine = make(chart(ORDER))
    assert logs(machine.begin()) == ["enter root", "enter a", "enter b"]
    step = machine.process(Event("go"))
    assert logs(step) == ["exit b", "exit a", "go", "enter c", "initial of c", "enter d"]
    assert (step.exited, step.entered) == (("a.b", "a"), ("c", "c.d"))
    assert step.transitions == ("a.b/go",)


REGIONS = """
events: {go: {}, out: {}}
states:
  p:
    type: parallel
    on: {out: {target: end, actions: [log: out]}}
    states:
      one:
        states:
          a: {exit: [log: exit a], on: {go: {target: b, actions: [log: go one]}}}
          b: {entry: [log: enter b], exit: [log: exit b]}
      two:
        states:
          c: {exit: [log: exit c], on: {go: {target: d, actions: [log: go two]}}}
          d: {entry: [log: enter d], exit: [log: exit d]}
  end: {}
"""


def test_regions_exit_backwards_then_act_then_enter_forwards(make: Make) -> None:
    machine = make(chart(REGIONS))
    machine.begin()
    assert logs(machine.process(Event("go"))) == ["exit c", "exit a", "go one", "go two", "enter b", "enter d"]
    assert active(machine) == ("p", "p.one", "p.one.b", "p.two", "p.two.d")
    assert logs(machine.process(Event("out"))) == ["exit d", "exit b", "out"]


def test_inner_state_wins_and_first_true_guard_wins(make: Make) -> None:
    machine = make(
        chart("""
events: {e: {}}
data: {n: {type: int, initial: 2}}
states:
  a:
    on: {e: {actions: [log: outer]}}
    states:
      b:
        on:
          e:
            - {guard: n == 1, actions: [log: first]}
            - {guard: n == 2, actions: [log: second]}
            - {actions: [log: third]}
""")
    )
    machine.begin()
    assert logs(machine.process(Event("e"))) == ["second"]


def test_conflicting_regions_the_first_in_document_order_wins(make: Make) -> None:
    machine = make(
        chart("""
events: {e: {}}
states:
  p:
    type: parallel
    states:
      one: {states: {a: {on: {e: left}}}}
      two: {states: {b: {on: {e: right}}}}
  left: {}
  right: {}
""")
    )
    machine.begin()
    assert machine.process(Event("e")).transitions == ("p.one.a/e",)
    assert active(machine) == ("left",)


def test_internal_transition_does_not_leave_its_source(make: Make) -> None:
    text = """
events: {e: {}, f: {}}
states:
  a:
    entry: [log: enter a]
    exit: [log: exit a]
    on:
      e: {target: .c, internal: true}
      f: {target: .c, internal: false}
    states: {b: {}, c: {}}
"""
    machine = make(chart(text))
    machine.begin()
    assert logs(machine.process(Event("e"))) == []
    assert active(machine) == ("a", "a.c")
    assert logs(machine.process(Event("f"))) == ["exit a", "enter a"]


HISTORY = """
events: {out: {}, shallow: {}, deep: {}, next: {}}
states:
  a:
    on: {out: z}
    states:
      h: {type: history, target: b}
      hd: {type: history, history: deep, target: b}
      b: {on: {next: c}}
      c:
        states:
          d: {on: {next: e}}
          e: {}
  z: {on: {shallow: a.h, deep: a.hd}}
"""


@pytest.mark.parametrize(("event", "expected"), [("shallow", "a.c.d"), ("deep", "a.c.e")])
def test_history_brings_back_children_or_the_whole_configuration(make: Make, event: str, expected: str) -> None:
    machine = make(chart(HISTORY))
    machine.begin()
    for name in ("next", "next", "out", event):
        machine.process(Event(name))
    assert active(machine) == ("a", "a.c", expected)


def test_internal_events_go_before_external_ones_and_eventless_before_both(make: Make) -> None:
    machine = make(
        chart("""
events: {go: {}, one: {}, two: {}}
data: {n: {type: int, initial: 0}}
states:
  a:
    on:
      go: {actions: [raise: one, raise: two, {assign: {n: 1}}]}
      one: {actions: [log: one]}
      two: {actions: [log: two]}
    always: {guard: n == 1, actions: [log: always, {assign: {n: 2}}]}
""")
    )
    machine.begin()
    step = machine.process(Event("go"))
    assert logs(step) == ["always", "one", "two"]
    assert step.raised == ("one", "two")


def test_done_events_climb_from_regions_to_the_parallel_state(make: Make) -> None:
    machine = make(
        chart("""
events: {e: {}, f: {}}
states:
  p:
    type: parallel
    onDone: {target: over, actions: [log: p done]}
    states:
      one:
        onDone: {actions: [log: one done]}
        states: {a: {on: {e: b}}, b: {type: final}}
      two: {states: {c: {on: {f: d}}, d: {type: final}}}
  over: {}
""")
    )
    machine.begin()
    assert logs(machine.process(Event("e"))) == ["one done"]
    step = machine.process(Event("f"))
    assert step.raised == ("done.state.p.two", "done.state.p")
    assert logs(step) == ["p done"]
    assert active(machine) == ("over",)


FINAL = """
output: {count: int}
events: {e: {}}
data: {n: {type: int, initial: 4}}
exit: [log: exit root]
states:
  a: {exit: [log: exit a, {assign: {n: n + 1}}], on: {e: b}}
  b: {type: final, output: {count: n * 2}}
"""


def test_a_top_level_final_state_ends_the_machine_with_its_output(make: Make) -> None:
    machine = make(chart(FINAL))
    machine.begin()
    step = machine.process(Event("e"))
    assert step.effects[-1] == Done({"count": 10})
    assert logs(step) == ["exit a", "exit root"]
    assert active(machine) == ()
    assert machine.output == {"count": 10}
    late = machine.process(Event("e"))
    assert not late.handled
    assert late.effects == ()


def test_stopping_runs_all_exit_actions_and_gives_no_output(make: Make) -> None:
    machine = make(chart(FINAL))
    machine.begin()
    step = machine.finish()
    assert logs(step) == ["exit a", "exit root"]
    assert not any(isinstance(effect, Done) for effect in step.effects)
    assert machine.finish().effects == ()


FAILING = """
events: {e: {}, g: {}}
data: {n: {type: int, initial: 0}, m: {type: int, initial: 0}}
states:
  a:
    on:
      e: {actions: [{assign: {m: 1}}, {assign: {n: 1 // n}}, {assign: {m: 2}}]}
      g:
        - {guard: 1 // n > 0, actions: [log: not reached]}
        - {actions: [log: second]}
      error.execution: {actions: [log: "error {event.message}"]}
"""


def test_a_failing_action_ends_its_block_and_becomes_an_event_with_its_place(make: Make) -> None:
    machine = make(chart(FAILING))
    machine.begin()
    step = machine.process(Event("e"))
    assert values(machine) == {"n": 0, "m": 1}
    assert [f.message for f in step.failures] == ["division by zero"]
    assert step.failures[0].position.startswith("test.yaml:8:")
    assert step.raised == ("error.execution",)
    assert logs(step) == ["error division by zero"]


def test_a_failing_guard_is_false_and_an_event(make: Make) -> None:
    machine = make(chart(FAILING))
    machine.begin()
    step = machine.process(Event("g"))
    assert logs(step) == ["second", "error division by zero"]
    assert step.failures[0].position.startswith("test.yaml:10:")


@pytest.mark.parametrize("key", ["always", "on: {error.execution", 'on: {"*"'])
def test_a_guard_that_keeps_failing_does_not_hang_the_machine(make: Make, key: str) -> None:
    """It is evaluated again after each of its own errors; told each time, the macrostep would never end."""
    text = f"{key}: {{guard: 1 // n > 0, target: b}}" + ("}" if "{" in key else "")
    machine = make(
        chart(f"""
events: {{e: }}
data: {{n: {{type: int, initial: 0}}}}
states:
  a:
    {text}
    states: {{c: {{on: {{e: {{actions: [{{assign: {{n: 1 // n}}}}]}}}}}}}}
  b: {{}}
""")
    )
    machine.begin()
    step = machine.process(Event("e"))
    assert [f.message for f in step.failures] == ["division by zero"] * 2
    assert active(machine) == ("a", "a.c")


def test_an_error_ends_only_its_own_entry_block(make: Make) -> None:
    machine = make(
        chart("""
data: {n: {type: int, initial: 0}}
states:
  a:
    entry:
      - [{assign: {n: 1 // n}}, {log: skipped}]
      - [{log: second block}]
""")
    )
    assert logs(machine.begin()) == ["second block"]


@pytest.mark.parametrize("event", ["loop", "raise"])
def test_an_endless_loop_stops_and_names_its_states(make: Make, event: str) -> None:
    machine = make(
        chart("""
events: {loop: {}, raise: {}, own: {}}
states:
  rest: {on: {loop: ping, raise: turn}}
  ping: {always: pong}
  pong: {always: ping}
  turn: {entry: [raise: own], on: {own: turn}}
""")
    )
    machine.begin()
    with pytest.raises(EndlessLoop) as caught:
        machine.process(Event(event))
    assert caught.value.states == (("ping", "pong") if event == "loop" else ("turn",))
    assert machine.finish().exited != ()


def test_timers_start_after_entry_and_are_cancelled_before_exit(make: Make) -> None:
    machine = make(
        chart("""
parameters: {T_a: {type: duration, default: 250 ms}}
states:
  a: {entry: [log: in], exit: [log: out], after: {T_a: b}}
  b: {after: {1 s: a}}
""")
    )
    assert machine.begin().effects == (LogText("in"), StartTimer("a/after T_a", 250_000_000))
    step = machine.expire("a/after T_a")
    assert step.effects == (CancelTimer("a/after T_a"), LogText("out"), StartTimer("b/after 1 s", 10**9))
    assert step.event == "a/after T_a"
    assert not machine.expire("a/after T_a").handled  # its state is not active any more


def test_descriptors_match_by_dotted_prefix(make: Make) -> None:
    machine = make(
        chart("""
events: {v2g.a: {}, v2g.b.c: {}, v2gx: {}, other: {}}
states:
  a:
    on:
      v2g.b.*: {actions: [log: b]}
      v2g.*: {actions: [log: v2g]}
      "*": {actions: [log: any]}
""")
    )
    machine.begin()
    seen = [logs(machine.process(Event(name))) for name in ("v2g.a", "v2g.b.c", "v2gx", "other")]
    assert seen == [["v2g"], ["b"], ["any"], ["any"]]


def test_sends_and_cancels_are_effects_with_their_data(make: Make) -> None:
    machine = make(
        chart("""
events: {e: {}, p: {payload: {v: int, w: int?}}}
data: {n: {type: int, initial: 3}}
states:
  a:
    on:
      e:
        actions:
          - send: {event: p, data: {v: n + 1}, delay: 2 s, id: later}
          - cancel: later
      p: {actions: [log: "{event.v} {event.w}"]}
""")
    )
    machine.begin()
    step = machine.process(Event("e"))
    assert step.effects == (
        SendEvent("p", {"v": 4, "w": None}, None, None, 2 * 10**9, "later"),
        CancelSend("later"),
    )
    assert logs(machine.process(Event("p", {"v": 1}))) == ["1 None"]  # an optional field left out is None


CHILD = """
states:
  idle: {on: {go: busy}}
  busy:
    invoke: {id: worker, src: worker.yaml, input: {size: n + 1}}
    on: {go: idle, skip: {target: idle}}
    onDone: idle
events: {go: {}, skip: {}}
data: {n: {type: int, initial: 1}}
"""


def test_an_event_whose_only_effect_goes_to_a_computed_target(make: Make) -> None:
    text = (
        "events: any\nstates: {a: {on: {go: {actions: [raise: i]}, "
        "i: {actions: [send: {event: told, to_expr: TO}]}}}}\n"
    )
    machine = make(chart(text.replace("TO", "\"'#_parent'\"")))
    machine.begin()
    step = machine.process(Event("go"))
    assert [(effect.event, effect.target) for effect in step.effects] == [("told", "parent")]


@pytest.mark.parametrize("what", ["send: {event: e, id_location: gone}", "send: {event: e, id_location: n}"])
def test_an_id_is_put_only_where_data_are_declared(make: Make, what: str) -> None:
    machine = make(
        chart(f"events: any\ndata: {{n: {{type: any}}}}\nstates: {{a: {{on: {{go: {{actions: [{what}]}}}}}}}}\n")
    )
    machine.begin()
    step = machine.process(Event("go"))
    wrong = "gone" in what
    assert values(machine).get("n") == "send.1" or wrong
    assert [effect.event for effect in step.effects] == ([] if wrong else ["e"])
    assert [failure.message for failure in step.failures] == (["there is no data item gone"] if wrong else [])


def test_children_start_when_the_macrostep_ends_and_stop_with_their_state(make: Make, tmp_path: Any) -> None:
    (tmp_path / "worker.yaml").write_text("machine: worker\nparameters: {size: {type: int}}\nstates: {a: {}}\n")
    (tmp_path / "test.yaml").write_text("machine: test\n" + CHILD.replace("    onDone: idle\n", ""))
    machine = make(engine.load(tmp_path / "test.yaml"))
    machine.begin()
    started = machine.process(Event("go")).effects
    assert len(started) == 1
    assert isinstance(started[0], StartChild)
    assert (started[0].id, started[0].input) == ("worker", {"size": 2})
    assert machine.process(Event("go")).effects == (StopChild("worker"),)


def test_a_state_left_in_the_same_macrostep_starts_no_child(make: Make, tmp_path: Any) -> None:
    (tmp_path / "worker.yaml").write_text("machine: worker\nstates: {a: {}}\n")
    (tmp_path / "test.yaml").write_text("""
machine: test
events: {go: {}}
states:
  idle: {on: {go: busy}}
  busy: {invoke: {id: worker, src: worker.yaml}, always: idle}
""")
    machine = make(engine.load(tmp_path / "test.yaml"))
    machine.begin()
    assert machine.process(Event("go")).effects == ()


INVARIANT = """
events: {set: {payload: {v: int}}}
data: {n: {type: int, initial: 0}}
invariant: {expr: n < 10, message: n stays small}
states:
  a:
    on:
      set: {actions: [{assign: {n: event.v}}]}
      error.invariant: {target: safe, actions: [log: "{event.message}"]}
  safe: {}
"""


def test_a_broken_invariant_is_recorded_and_reaches_the_chart_once(make: Make) -> None:
    machine = make(chart(INVARIANT))
    machine.begin()
    assert machine.process(Event("set", {"v": 9})).failures == ()
    step = machine.process(Event("set", {"v": 10}))
    assert [f.message for f in step.failures] == ["invariant broken: n stays small"]
    assert logs(step) == ["invariant broken: n stays small"]
    assert active(machine) == ("safe",)


def test_if_foreach_and_their_scopes(make: Make) -> None:
    machine = make(
        chart("""
events: {e: {}}
data: {l: {type: list of int, initial: "[3, 4]"}, n: {type: int, initial: 0}}
states:
  a:
    on:
      e:
        actions:
          - foreach:
              in: l
              item: it
              index: at
              do:
                - foreach: {in: "[10, 20]", item: it, do: [{assign: {n: n + it}}]}
                - if: at == 0
                  then: [log: "first {it}"]
                  else: [log: "then {it}"]
          - log: "{n}"
""")
    )
    machine.begin()
    assert logs(machine.process(Event("e"))) == ["first 3", "then 4", "60"]


def test_lists_in_lists_in_lists_take_bounded_time(make: Make) -> None:
    """500 * 500 * 500 rounds would keep a machine busy for minutes; the loop ends and the chart is told where."""
    machine = make(
        chart("""
events: {e: {payload: {l: list of int}}}
data: {n: {type: int, initial: 0}}
states:
  a:
    on:
      e:
        actions:
          - foreach:
              in: event.l
              item: x
              do:
                - foreach: {in: "[0]", item: y, do: [assign: {n: n + 1}]}
                - if: x >= 0
                  then:
                    - foreach: {in: event.l, item: y, do: [foreach: {in: event.l, item: z, do: [assign: {n: n + 1}]}]}
          - log: over
      error.execution: {actions: [log: "{n}"]}
""")
    )
    machine.begin()
    step = machine.process(Event("e", {"l": list(range(500))}))
    (failure,) = step.failures
    assert failure.message == "foreach inside foreach goes round more than 100000 times"
    assert failure.position.endswith(":17:69")
    assert logs(step) == ["99800"]  # 200 of the 100,000 were rounds of the loop in the middle
    assert machine.process(Event("e", {"l": list(range(40))})).failures == ()  # counted anew


def test_values_outside_their_bounds_are_refused_and_the_old_one_stays(make: Make) -> None:
    machine = make(
        chart("""
events: {e: {payload: {v: int}}}
data: {n: {type: int, min: 0, max: 5, initial: 5}}
states: {a: {on: {e: {actions: [{assign: {n: n + event.v}}]}}}}
""")
    )
    machine.begin()
    step = machine.process(Event("e", {"v": 1}))
    assert values(machine) == {"n": 5}
    assert "maximum 5" in step.failures[0].message


@pytest.mark.parametrize("guard", ["ok", "not ok", "ok == False", "n < 3", "-n < 3", "n == 0"])
def test_an_item_whose_initial_value_fails_has_none_and_no_guard_takes_it_for_one(make: Make, guard: str) -> None:
    """A wrong parameter must not read as "not ok": the guard fails, the chart is told, an assignment mends it."""
    machine = make(
        chart(f"""
parameters: {{P: {{type: int, default: 0}}}}
events: {{e: {{}}, set: {{}}}}
data:
  ok: {{type: bool, initial: 1 // P > 0}}
  n: {{type: int, min: 1, initial: P}}
  text: {{type: string, initial: "'x'"}}
states:
  a:
    on:
      e: {{guard: {guard}, target: b}}
      set: {{actions: [assign: {{ok: true, n: 2}}]}}
  b: {{}}
""")
    )
    assert len(machine.begin().failures) == 2
    step = machine.process(Event("e"))
    assert active(machine) == ("a",)
    assert "has no value" in step.failures[0].message
    machine.process(Event("set"))
    assert values(machine) == {"ok": True, "n": 2, "text": "x"}
    assert not machine.process(Event("e")).failures


@pytest.mark.parametrize("value", ["-(event.v)", "+".join(["1"] * 3) + " - event.v", "event.v % 3", "abs(event.v)"])
def test_arithmetic_on_a_value_that_may_be_missing(make: Make, value: str) -> None:
    machine = make(
        chart(f"""
events: {{e: {{payload: {{v: int?}}}}}}
data: {{n: {{type: int, initial: 7}}}}
states: {{a: {{on: {{e: {{actions: [assign: {{n: {value}}}]}}}}}}}}
""")
    )
    machine.begin()
    assert "None" in machine.process(Event("e", {"v": None})).failures[0].message
    assert not machine.process(Event("e", {"v": 1})).failures
    assert values(machine)["n"] != 7


def test_in_sees_the_configuration_as_it_is_being_entered(make: Make) -> None:
    machine = make(
        chart("""
events: {e: {}}
states:
  p:
    type: parallel
    states:
      one: {states: {a: {entry: [{if: In('p.two'), then: [log: two], else: [log: not yet]}]}}}
      two: {states: {b: {entry: [{if: In('p.one.a'), then: [log: one], else: [log: not yet]}]}}}
""")
    )
    assert logs(machine.begin()) == ["not yet", "one"]


# ---------------------------------------------------------------- the public machine


def test_an_event_no_state_handles_is_counted_and_strict_charts_raise() -> None:
    text = "events: {e: {}, f: {}}\nstates: {a: {on: {e: a}}}\n"
    machine = engine.start(chart(text))
    assert not machine.send("f").handled
    assert not machine.send("no.such.event").handled
    assert machine.send("e").handled
    assert machine.unhandled == 2
    strict = engine.start(chart("strict: true\n" + text))
    assert strict.send("e").handled
    with pytest.raises(UnhandledEvent, match=r"'f'"):
        strict.send("f")


def test_a_wrong_payload_names_its_field() -> None:
    machine = engine.start(chart("events: {p: {payload: {v: int, w: float?}}}\nstates: {a: {on: {p: a}}}\n"))
    machine.send("p", {"v": 1})
    with pytest.raises(PayloadError, match="'v'"):
        machine.send("p", {"v": "one"})
    with pytest.raises(PayloadError, match=r"'v'.*missing"):
        machine.send("p")
    with pytest.raises(PayloadError, match="'z'"):
        machine.send("p", {"v": 1, "z": 2})


def test_parameters_are_checked_and_a_near_name_is_offered() -> None:
    made = chart("parameters: {C_sounds: {type: int, default: 10}, T: {type: duration}}\nstates: {a: {}}\n")
    assert engine.start(made, {"T": 5}).parameters == {"C_sounds": 10, "T": 5}
    with pytest.raises(ParameterError, match="'T'"):
        engine.start(made)
    with pytest.raises(ParameterError, match="'C_sounds'"):
        engine.start(made, {"T": 5, "C_sound": 3})
    with pytest.raises(ParameterError, match="C_sounds"):
        engine.start(made, {"T": 5, "C_sounds": "many"})


def test_data_is_a_live_read_only_view() -> None:
    machine = engine.start(
        chart(
            "events: {e: {}}\ndata: {n: {type: int, initial: 0}}\n"
            "states: {a: {on: {e: {actions: [{assign: {n: n + 1}}]}}}}\n"
        )
    )
    data = machine.data
    machine.send("e")
    assert dict(data) == {"n": 1}
    with pytest.raises(TypeError):
        data["n"] = 5  # type: ignore[index]


def test_steps_without_computed_values_are_shared_between_machines() -> None:
    made = chart("events: {e: {}}\nstates: {a: {on: {e: b}}, b: {}}\n")
    assert engine.start(made).send("e") is engine.start(made).send("e")


def test_tracing_can_be_switched_on_while_a_machine_runs() -> None:
    machine = engine.start(
        chart(
            "events: {e: {}}\ndata: {n: {type: int, initial: 0}}\n"
            "states: {a: {on: {e: {actions: [{assign: {n: n + 1}}]}}}}\n"
        )
    )
    assert machine.send("e").microsteps == ()
    machine.tracing = True
    step = machine.send("e")
    assert [micro.event for micro in step.microsteps] == ["e"]
    assert step.changes == {"n": 2}


def test_very_many_regions_may_react_to_one_event() -> None:
    """A step's cost grows with the regions, its call depth does not."""
    regions = "".join(f"  r{i}: {{states: {{a: {{on: {{go: b}}}}, b: }}}}\n" for i in range(1500))
    chart = engine.load_text(f"machine: wide\nevents: {{go: {{direction: in}}}}\ntype: parallel\nstates:\n{regions}")
    machine = engine.start(chart)
    machine.send("go")
    assert {"r0.b", "r1499.b"} < set(machine.configuration)
