# ruff: noqa: E501
"""Templates: a chart with them is the chart with them written out, and whoever errs is led to the template and the use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import engine
from engine.language.load import load_text
from engine.language.model import Chart
from engine.language.problems import ChartError, Problem
from engine.run.machine import Machine
from engine.semantics.step import Event
from engine.tools.check import check
from engine.tools.diagram.statechart import statechart
from engine.tools.export.written_out import export_written_out
from engine.tools.mutation.mutants import mutants_of
from engine.tools.testing.measure import measure
from tests.engine.test_differential import compare

MACHINES = Path(__file__).parents[2] / "machines"
CHART = """\
machine: caller
parameters: {T_think: {type: duration, default: 20 ms}, T_answer: {type: duration, default: 2 s}}
data: {n: {type: int, initial: 0}}
events:
  setup: {direction: in, payload: {ok: bool}}
  charge: {direction: in, payload: {ok: bool}}
  stop: {direction: in}
  again:
  asked: {direction: out, payload: {name: string, n: int}}
templates:
  exchange:
    description: Think, ask, wait.
    args:
      name: string
      answer: event
      request: actions
      think: {type: duration, default: T_think}
      give_up: {type: state, default: failed}
    state:
      initial: think
      on:
        answer: {guard: not event.ok, target: give_up(reason='refused ' + name)}
      states:
        think:
          after: {think: sent}
        sent:
          entry: [assign: {n: n + 1}, request]
          after: {T_answer: give_up(reason='no ' + name + ' in time')}
  loop:
    args: {name: string, answer: event, request: actions}
    state:
      use: {exchange: {name: name + ' (loop)', answer: answer, request: [request, {log: 'again {name}'}], think: 100 ms}}
      on: {again: .think}
      after: {60 s: failed(reason=name + ' takes too long')}
initial: first
states:
  first:
    title: Setup
    use:
      exchange:
        name: "'Setup'"
        answer: setup
        request: {send: {event: asked, to: parent, data: {name: "'Setup'", n: n}}}
    on: {charge: {guard: event.ok, target: second}}
    states:
      think: {on: {stop: failed(reason='stopped')}}
  second:
    use:
      loop:
        name: "'Charge'"
        answer: charge
        request: [send: {event: asked, to: parent, data: {name: "'Charge'", n: n}}, {if: n < 4, then: [raise: again]}]
    on: {stop: gone}
  gone: {type: final}
  failed: {type: final, args: {reason: string}, entry: [log: '{reason}']}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Chart:
    path = tmp_path / "caller.yaml"
    path.write_text(CHART)
    return engine.load(path)


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(ChartError) as caught:
        load_text(text, "caller.yaml")
    return list(caught.value.problems)


def test_a_use_is_written_out(chart: Chart) -> None:
    assert list(chart.states) == [
        "", "first", "first.think", "first.sent", "second", "second.think", "second.sent", "gone", "failed",
    ]  # fmt: skip
    assert [t.id for t in chart.states["first"].transitions] == ["first/charge", "first/setup"]  # the use's come first
    assert [t.id for t in chart.states["first.think"].transitions] == ["first.think/after T_think", "first.think/stop"]
    assert [t.id for t in chart.states["second.think"].transitions] == ["second.think/after 100 ms"]
    assert chart.states["first"].title == "Setup"
    assert chart.templates["exchange"].uses == ("first", "second")


def test_what_is_given_is_what_happens(chart: Chart) -> None:
    machine = engine.start(chart)
    machine.advance(20_000_000)
    assert machine.configuration == ("first", "first.sent")
    step = machine.send("charge", {"ok": True})
    assert "second.think" in step.entered
    machine.advance(99_000_000)
    assert "second.think" in machine.configuration
    machine.advance(1_000_000)
    assert machine.data["n"] == 2
    assert "second.think" in machine.configuration  # the request raises `again`


def test_values_of_an_enum_keep_their_quotes_where_they_are_written_out(tmp_path: Path) -> None:
    """`open if told else shut` stands bare only where a template's argument says what it may be."""
    text = """
machine: door
data: {told: {type: bool, initial: False}, at: {type: "enum(open, shut)", initial: open}}
events: {go: {direction: in}}
templates:
  moved:
    args: {to: "enum(open, shut)"}
    actions: [assign: {at: to if told else shut}]
states:
  only:
    on:
      go: {actions: [moved(to=open if told else shut)]}
"""
    (tmp_path / "door.yaml").write_text(text)
    written = export_written_out(engine.load(tmp_path / "door.yaml")).text
    again = engine.start(load_text(written, "written.yaml"))
    again.send("go", {})
    assert again.data["at"] == "shut"


def test_the_chart_with_its_templates_written_out_is_the_same(chart: Chart) -> None:
    written = load_text(export_written_out(chart).text, "written.yaml")
    assert not written.templates
    assert {t.id for t in written.transitions} == {t.id for t in chart.transitions}
    assert {t.id: [s.id for s in t.targets] for t in written.transitions} == {
        t.id: [s.id for s in t.targets] for t in chart.transitions
    }
    for one in (chart, written):
        inputs = [("timer", 0), ("event", ("setup", {"ok": True})), ("event", ("charge", {"ok": True})), ("timer", 0)]
        compare(one, [*inputs, ("timer", 1), ("event", ("charge", {"ok": False}))])
    logs = []
    for one in (chart, written):
        machine = engine.start(one)
        machine.advance(20_000_000)
        machine.send("charge", {"ok": True})
        machine.advance(100_000_000)
        logs.append([repr(effect) for effect in machine.send("charge", {"ok": False}).effects])
    assert logs[0] == logs[1]
    assert "refused Charge (loop)" in str(logs[0])


def test_checks_and_generated_tests_know_them(chart: Chart) -> None:
    assert [str(f) for f in check(chart).findings if f.code.startswith("C12")] == []
    assert measure(chart).missing == []


GUARDED = """\
machine: caller
events:
  answer: {direction: in, payload: {ok: bool, more: bool}}
  other: {direction: in}
templates:
  ask:
    args: {response: event, word: {type: string, default: was refused}}
    state: {on: {response: {guard: not event.ok, target: failed(reason=word)}}}
  ask_or_stop:
    args: {response: event}
    state:
      use: {ask: {response: response}}
      on: {response: [{guard: In('stopped'), target: failed(reason='stopped')}]}
type: parallel
states:
  wish: {states: {none: {on: {other: stopped}}, stopped: {}}}
  talk:
    states:
      first:
        use: {ask_or_stop: {response: answer}}
        on: {answer: [{guard: event.more, target: first}, second]}
      second: {use: {ask: {response: answer}}, on: {answer: }}
      failed: {args: {reason: string}, entry: [log: '{reason}']}
"""


@pytest.mark.parametrize(
    ("stopped", "answer", "state", "said"),
    [
        (False, {"ok": False, "more": True}, "talk.failed", "was refused"),
        (True, {"ok": False, "more": True}, "talk.failed", "refused"),
        (True, {"ok": True, "more": True}, "talk.failed", "stopped"),
        (False, {"ok": True, "more": True}, "talk.first", ""),
        (False, {"ok": True, "more": False}, "talk.second", ""),
    ],
)
def test_guards_of_the_template_come_first(
    tmp_path: Path, stopped: bool, answer: dict[str, bool], state: str, said: str
) -> None:
    """Innermost template, outer template, the state: each decides what those before have let pass."""
    (tmp_path / "caller.yaml").write_text(GUARDED)
    one = engine.load(tmp_path / "caller.yaml")
    for chart in (one, load_text(export_written_out(one).text, "written.yaml")):
        machine = engine.start(chart)
        if stopped:
            machine.send("other")
        step = machine.send("answer", answer)
        assert state in machine.configuration
        assert said in repr(step.effects)
        assert step.failures == ()


def test_guarded_transitions_of_a_template_have_its_place() -> None:
    chart = load_text(GUARDED, "caller.yaml")
    refused, stopped, more, _ = chart.states["talk.first"].transitions
    assert [t.position.line for t in (refused, stopped, more)] == [8, 13, 21]
    assert "used in caller.yaml:19" in str(refused.position)
    assert [t.id for t in chart.states["talk.second"].transitions] == ["talk.second/answer", "talk.second/answer#2"]


def test_a_template_whose_last_word_has_no_guard_leaves_nothing_to_say() -> None:
    text = GUARDED.replace(
        "{response: {guard: not event.ok, target: failed(reason=word)}}", "{response: failed(reason=word)}"
    )
    assert {problem.code for problem in problems_of(text)} == {"duplicate-key"}


def test_arguments_of_one_name_in_two_templates_are_two() -> None:
    text = GUARDED.replace("use: {ask: {response: response}}", "use: {ask: {response: other}}").replace(
        "guard: not event.ok, ", ""
    )
    chart = load_text(
        text.replace("target: failed(reason=word)", "guard: 1 < 2, target: failed(reason=word)"), "caller.yaml"
    )
    machine = engine.start(chart)
    machine.send("other")
    assert "talk.failed" in machine.configuration


CASES = [
    ("after: {think: sent}", "after: {«thnk: sent}", "unknown-name", "'thnk'"),
    ("after: {think: sent}", "after: {think: «snt}", "unknown-state", "'snt'"),
    ("give_up(reason='refused ' + name)", "give_up(«resn='refused ' + name)", "unknown-argument", "no argument 'resn'"),
    ("guard: not event.ok", "guard: not event.«okk", "unknown-name", "okk"),
    ("answer: setup\n", "answer: setp\n", "unknown-event", "'setp'"),
    ("name: \"'Setup'\"\n", "name: «5\n", "type", "int where string"),
    ("think: 100 ms", "think: «100 V", "unit", "V"),
    ("        answer: setup\n", "        «mst: 5\n", "unknown-argument", "no argument 'mst'"),
    ("        answer: setup\n", "", "missing-argument", "needs answer"),
    ("      exchange:\n", "      «exchnge:\n", "unknown-name", "no template 'exchnge'"),
    ("      think: {on: {stop", "      sent: {«entry: [], on: {stop", "duplicate-key", "'entry' already"),
    ("      think: {on: {stop", "      think: {after: {T_think: «.x}, on: {stop", "unknown-state", "x"),
    ("use: {exchange:", "use: {«loop:", "cycle", "loop → loop"),
    ("args: {name: string, answer: event", "args: {«n: int, name: string, answer: event", "duplicate-name", "data, a parameter"),
    ("args: {name: string, answer: event", "args: {name: «strng, answer: event", "unknown-type", "strng"),
    ("    description: Think", "    «about: Think", "unknown-key", "'about'"),
    ("templates:\n", "templates:\n  «third: {state: {}}\n", "unused-template", "third"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "said"), CASES)
def test_a_mistake_has_its_place(old: str, new: str, code: str, said: str) -> None:
    assert CHART.count(old) == 1
    text = CHART.replace(old, new)
    first = next(p for p in problems_of(text.replace("«", "")) if p.code == code)
    assert said in first.message
    if "«" in text:
        before = text[: text.index("«")]
        place = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        mark = (first.position.line, first.position.column)
        assert mark[0] == place[0], str(first)
        assert mark[1] <= place[1] <= mark[1] + first.length, str(first)


def test_a_mistake_in_a_template_is_told_once_and_tells_a_use() -> None:
    problems = problems_of(CHART.replace("after: {think: sent}", "after: {thnk: sent}"))
    assert [problem.code for problem in problems] == ["unknown-name"]
    line = CHART[: CHART.index("  first:\n")].count("\n") + 1
    assert f"(used in caller.yaml:{line}:3)" in str(problems[0])


def test_a_failure_at_run_time_tells_the_use() -> None:
    machine = engine.start(load_text(CHART.replace("not event.ok", "1 // n > 0"), "caller.yaml"))
    (failure,) = machine.send("setup", {"ok": False}).failures
    line = CHART[: CHART.index("not event.ok")].count("\n") + 1
    use = CHART[: CHART.index("  first:\n")].count("\n") + 1
    assert failure.position == f"caller.yaml:{line}:17 (used in caller.yaml:{use}:3)"


def test_an_argument_that_may_be_None(tmp_path: Path) -> None:
    text = (
        "machine: m\nevents: {go: {direction: in}}\n"
        "templates: {t: {args: {most: 'int?'}, state: {on: {go: {guard: most is None or most > 3, target: z}}}}}\n"
        "states:\n  a: {use: {t: {most: 2}}, after: {1 s: b}}\n  b: {use: t}\n  z: {type: final}\n"
    )
    (tmp_path / "m.yaml").write_text(text)
    chart = engine.load(tmp_path / "m.yaml")
    machine = engine.start(chart)
    machine.send("go")
    assert machine.configuration == ("a",)
    machine.advance(1_000_000_000)
    machine.send("go")
    assert machine.done
    assert ["'most'" in loss.what for loss in export_written_out(chart).losses] == [True, True]


def test_a_mutant_of_a_template_is_one_for_all_uses(chart: Chart) -> None:
    mutants = mutants_of(chart)
    dropped = next(m for m in mutants if m.name == "action dropped: first.sent: request")
    assert dropped.twins == (("second.sent", "second.sent"),)
    doubled = next(m for m in mutants if m.name == "timeout doubled: first.think/after T_think")
    assert doubled.twins == (("second.think/after 100 ms", "second.think/after 100 ms"),)
    assert "think * 2: sent" in doubled.text(CHART)
    for mutant in mutants:
        codes = set()
        try:
            load_text(mutant.text(CHART), "caller.yaml")
        except ChartError as error:
            codes = {problem.code for problem in error.problems}
        assert codes <= {"missing-argument", "unknown-argument"}, mutant.name
    given = [m.name for m in mutants if m.line == CHART[: CHART.index("100 ms")].count("\n") + 1]
    assert given == ["action dropped: second: request", "timeout doubled: second", "timeout halved: second"]


def test_drawn_as_one_box_and_the_template_once(chart: Chart) -> None:
    graph = statechart(chart)
    nodes = {node.id: node for node in graph.root.walk()}
    titles = [node.sections[0][0].text for node in nodes.values() if node.sections and node.sections[0]]
    assert titles.count("think") == 2  # in the pictures of the two templates
    assert titles.count("template exchange") == titles.count("template loop") == 1
    box = next(node for node in nodes.values() if node.sections and node.sections[0][0].text == "first")
    assert "use exchange" in [line.text for line in box.sections[0]]
    assert not box.children
    assert all(edge.source in nodes and edge.target in nodes for edge in graph.edges)
    assert any(edge.label and edge.label[0].text == "think: stop" for edge in graph.edges)


def test_uses_that_multiply_end() -> None:
    many = "".join(f"      s{i}: {{on: {{go: s{i}}}}}\n" for i in range(100))
    text = f"machine: m\nevents: {{go: {{direction: in}}}}\ntemplates:\n  t:\n   state:\n    states:\n{many}states:\n"
    text += "".join(f"  s{i}: {{use: t}}\n" for i in range(100))
    assert "limit" in {problem.code for problem in problems_of(text)}


def test_uses_inside_uses_end() -> None:
    levels = "".join(
        f"  t{i}: {{state: {{states: {{a: {{use: t{i + 1}}}, b: {{use: t{i + 1}}}}}}}}}\n" for i in range(16)
    )
    text = f"machine: m\ntemplates:\n{levels}  t16: {{state: {{}}}}\nstates:\n  s: {{use: t0}}\n"
    assert "limit" in {problem.code for problem in problems_of(text)}


ACTIONS = """\
machine: shop
data: {paid: {type: int, initial: 0}, mood: {type: "enum(glad, cross)", initial: cross}, last: {type: "int?"}}
adapters: {}
events:
  coin: {direction: in, payload: {cents: int}}
  rob: {direction: in}
  told: {direction: out, payload: {text: string, cents: int, glad: bool}}
templates:
  take:
    args: {cents: int, text: {type: string, default: "'Thank ' + 'you'"}, now: {type: "enum(glad, cross)", default: glad}, old: "int?"}
    actions:
      - assign: [{last: old}, {paid: paid + cents, mood: now}]
      - tell(text=text, cents=cents)
  tell:
    args: {text: string, cents: int}
    actions: {send: {event: told, to: parent, data: {text: text, cents: cents, glad: mood == 'glad'}}}
  guarded:
    args: {then: actions}
    state:
      entry: [then, "tell(text='Welcome', cents=paid)"]
states:
  open:
    use: {guarded: {then: take(cents=1)}}
    on:
      coin:
        - guard: event.cents > 100
          actions: ["take(cents=event.cents * 2, text='So much', old=paid)", {log: 'paid {paid}'}]
        - actions: take(cents=event.cents)
      rob: {actions: "take(cents=-paid, text='Oh', now=cross)"}
"""


def test_actions_of_a_template(tmp_path: Path) -> None:
    """They are written out where they are called, with what the call gives; so is the chart that is printed."""
    path = tmp_path / "shop.yaml"
    path.write_text(ACTIONS)
    chart = engine.load(path)
    machine = engine.start(chart)
    assert machine.data == {"paid": 1, "mood": "glad", "last": None}
    machine.send("coin", {"cents": 200})
    assert machine.data == {"paid": 401, "mood": "glad", "last": 1}
    machine.send("rob")
    assert machine.data == {"paid": 0, "mood": "cross", "last": None}
    effects = str(machine.send("coin", {"cents": 5}).effects)
    assert "'Thank you'" in effects
    assert "'glad': True" in effects
    text = export_written_out(chart).text
    assert "take" not in text
    written = load_text(text, "written.yaml")
    inputs = [("event", ("coin", {"cents": n})) for n in (50, 200)] + [("event", ("rob", {}))]
    for one in (chart, written):
        compare(one, inputs)
    seen = []
    for one in (chart, written):
        machine = engine.start(one)
        seen.append([[repr(e) for e in machine.send(*args).effects] for _, args in inputs] + [repr(machine.data)])
    assert seen[0] == seen[1]


ACTION_CASES = [
    ("cents=event.cents)\n      rob", "cents=«event.cent)\n      rob", "unknown-name", "cent"),
    ("take(cents=event.cents)", "take(«cnts=event.cents)", "unknown-argument", "no argument 'cnts'"),
    ("take(cents=event.cents)", "«take()", "missing-argument", "needs cents"),
    ("take(cents=event.cents)", "take(cents=«'a')", "type", "string where int"),
    ("take(cents=event.cents)", "«tke(cents=event.cents)", "unknown-action", "'tke'"),
    ("take(cents=event.cents)", "«guarded(cents=event.cents)", "unknown-action", "'guarded'"),
    ("- tell(text=text", "- «take(text=text", "cycle", "take → take"),
    ("paid: paid + cents", "paid: paid + «cnts", "unknown-name", "cnts"),
    ("now=cross", "now=«sad", "unknown-name", "sad"),
    ("use: {guarded: {then", "use: {«take: {then", "shape", "one of actions"),
    ("    args: {text: string, cents: int}", "    args: {text: string, cents: int, why: «event}", "shape", "is a value, no event"),
    ("    args: {text: string, cents: int}", "    «state: {}\n    args: {text: string, cents: int}", "shape", "a state or actions"),
    ("  tell:\n", "  «spare: {actions: []}\n  tell:\n", "unused-template", "nothing calls the template 'spare'"),
    ("actions: {send", "actions: {«spawn: {src: x.yaml}, send", "shape", "several actions"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "said"), ACTION_CASES)
def test_a_mistake_in_a_call_has_its_place(old: str, new: str, code: str, said: str) -> None:
    assert ACTIONS.count(old) == 1
    text = ACTIONS.replace(old, new)
    found = problems_of(text.replace("«", ""))
    first = next((p for p in found if p.code == code), None)
    assert first is not None, found
    assert said in first.message
    before = text[: text.index("«")]
    place = before.count("\n") + 1
    assert first.position.line == place or "state: {}" in new, str(first)


def test_a_list_that_a_template_is_given_can_be_looked_into() -> None:
    chart = load_text("""
machine: shelf
data: {sold: {type: int, initial: 0}}
events: {put: {direction: in, payload: {what: string}}}
templates:
  take:
    args: {those: list of string}
    actions: [{if: event.what in those, then: [assign: {sold: sold + 1}]}]
on:
  put: {actions: "take(those=['tea', 'salt'])"}
states: {here: {}}
""")
    machine = Machine(chart)
    machine.begin()
    for what in ("tea", "soap", "salt"):
        machine.process(Event("put", {"what": what}))
    assert machine.data["sold"] == 2


def test_a_template_of_actions_starts_no_children() -> None:
    text = ACTIONS.replace("      - tell(text=text, cents=cents)", "      - spawn: {src: shop.yaml}")
    assert "starts no children" in str([p.message for p in problems_of(text)])


def test_a_mutant_of_a_template_of_actions(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(ACTIONS)
    names = [mutant.name for mutant in mutants_of(engine.load(path))]
    assert "action dropped: the chart: tell(text=text, cents=cents)" in names
    assert "action dropped: the chart: assign paid" in names


def test_the_shipped_charts_written_out_are_the_same(tmp_path: Path) -> None:
    """Somebody whose tool knows no templates works on with what `engine export --to yaml` prints."""
    copy = tmp_path / "machines"
    shutil.copytree(MACHINES, copy)
    seen = 0
    for path in sorted(copy.rglob("*.yaml")):
        if path.name.endswith(".contract.yaml") or not (chart := engine.load(path)).templates:
            continue
        exported = export_written_out(chart)
        if exported.losses:
            continue
        path.write_text(exported.text, "utf-8")
        written = engine.load(path)
        assert not written.templates
        assert list(written.states) == list(chart.states)
        for one, other in zip(chart.transitions, written.transitions, strict=True):
            assert (one.id, one.guard, len(one.actions)) == (other.id, other.guard, len(other.actions))
            assert [s.id for s in one.targets] == [s.id for s in other.targets]
        seen += 1
    assert seen
