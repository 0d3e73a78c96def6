# ruff: noqa: E501
"""A wrong chart is told what is wrong, where, and what is right. `«` in a text marks where the caret must stand."""

from __future__ import annotations

from textwrap import dedent

import pytest

from engine.language.load import load_text
from engine.language.problems import ChartError, Problem
from tests.load.contracts import CONTRACTS

CHART = """\
machine: car
parameters:
  T_wait: {type: duration, default: 2 s}
  U_max: {type: float V, default: 500 V}
adapters:
  link: hpgp_link
data:
  count: {type: int, initial: 0}
  mode: {type: "enum(slow, fast)", initial: "'slow'"}
events:
  go: {direction: in, payload: {speed: int}}
  own: {payload: {n: int}}
  told: {direction: out, payload: {n: int}}
initial: idle
states:
  idle:
    on:
      go: busy
  busy:
    states:
      one:
        on: {own: two}
      two:
  both:
    type: parallel
    states:
      left: {states: {a: , b: }}
      right: {states: {c: , d: }}
  end: {type: final}
"""


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(ChartError) as caught:
        load_text(text, "car.yaml", CONTRACTS)
    return list(caught.value.problems)


def check(text: str, code: str, said: str, help_: str) -> None:
    before, mark, after = text.partition("«")
    assert mark, "the case must mark the place"
    problems = problems_of(before + after)
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    first = problems[0]
    assert (first.position.file, first.position.line, first.position.column) == ("car.yaml", line, column), str(first)
    assert first.code == code, str(first)
    assert said in first.message, str(first)
    assert help_ in f"{first.expected} | {first.hint}", str(first)
    assert first.line_text == (before + after).splitlines()[line - 1]
    assert len(problems) == 1, "one mistake, one problem:\n" + "\n".join(map(str, problems))


def test_the_chart_the_cases_change_is_sound() -> None:
    chart = load_text(CHART, "car.yaml", CONTRACTS)
    assert list(chart.states) == [
        "", "idle", "busy", "busy.one", "busy.two", "both", "both.left", "both.left.a", "both.left.b",
        "both.right", "both.right.c", "both.right.d", "end",
    ]  # fmt: skip


# what is replaced in CHART, by what, code, part of the message, part of what is expected or hinted
CHANGES = [
    ("machine: car", "«machne: car", "unknown-key", "no key 'machne'", "'machine'"),
    ("machine: car", "machine: «Car", "name", "lower case", "car"),
    ("machine: car", "machine: car\nlanguage: «3", "version", "language '3'", "2"),
    ("machine: car", "machine: car\nstrict: «maybe", "shape", "'strict' is true or false", "true"),
    ("machine: car", "machine: car\n«machine: car", "duplicate-key", "'machine' stands here a second time", "line 1"),
    ("type: duration, default: 2 s", "type: «durtion, default: 2 s", "unknown-type", "'durtion'", "'duration'"),
    ("type: duration, default: 2 s", "type: duration, default: «2", "unit", "plain number where a duration", "2 ms"),
    ("type: duration, default: 2 s", "type: duration, default: 2 «sec", "unknown-unit", "'sec'", "s"),
    ("type: duration, default: 2 s", "type: duration, default: «-2 s", "range", "-2 s is below the minimum 0 s", ""),
    ("type: duration, default: 2 s", "default: 2 s", "missing-key", "needs a type", "type: …"),
    ("type: float V, default: 500 V", "type: float «Vv, default: 500 V", "unknown-unit", "'Vv'", "'V'"),
    ("type: float V, default: 500 V", "type: float V, default: «5 A", "unit", "A where V", "float V"),
    ("type: float V, default: 500 V", "type: bool «V, default: True", "unit", "a bool has no unit", ""),
    ("type: float V, default: 500 V", "type: float V, max: 400, default: «500 V", "range", "above the maximum 400", ""),
    ("type: float V, default: 500 V", "type: float V, min: 9, max: «1", "range", "maximum 1 is below the minimum 9", ""),
    ("type: float V, default: 500 V", "type: float V, default: «T_wait", "unknown-name", "unknown name 'T_wait'", ""),
    ("type: float V, default: 500 V", "type: float V, description: text, «with a comma", "unknown-key", "'with a comma'", "stands in quotes"),
    ("  U_max:", "  «T_wait:", "duplicate-key", "'T_wait' stands here a second time", "line 3"),
    ("  U_max:", "  «2U:", "name", "cannot be the name of a parameter", "no digit first"),
    ("  link: hpgp_link", "  link: «hpgp_lnk", "unknown-contract", "no contract 'hpgp_lnk'", "'hpgp_link'"),
    ("  link: hpgp_link", "  «U_max: hpgp_link", "duplicate-name", "a parameter already", ""),
    ("count: {type: int, initial: 0}", "«count: {type: int}", "missing-key", "needs an initial value", "initial"),
    ("count: {type: int, initial: 0}", "count: {type: int, «inital: 0}", "unknown-key", "'inital'", "'initial'"),
    ("count: {type: int, initial: 0}", "count: {type: int, initial: «1.5}", "type", "float where int", "int"),
    ("count: {type: int, initial: 0}", "«event: {type: int, initial: 0}", "duplicate-name", "reserved", ""),
    ("initial: \"'slow'\"", "initial: \"«'slw'\"", "unknown-name", "'slw' is not a value", "'slow'"),
    ("initial: \"'slow'\"", "initial: «slo", "unknown-name", "unknown name 'slo'", ""),
    ("  own:", "  «done.own:\n  own:", "name", "built in", ""),
    ("own: {payload: {n: int}}", "own: {direction: «inn}", "shape", "unknown direction 'inn'", "in or out"),
    ("own: {payload: {n: int}}", "own: {payload: {n: «integer}}", "unknown-type", "'integer'", "'int'"),
    ("initial: idle", "initial: «idel", "unknown-state", "no state 'idel'", "'idle'"),
    ("go: busy", "go: «bussy", "unknown-state", "no state 'bussy'", "'busy'"),
    ("go: busy", "go: «.busy", "unknown-state", "no state '.busy'", ""),
    ("go: busy", "go: [«[busy]]", "shape", "a transition is a target or a mapping", ""),
    ("go: busy", "go: {target: «[one, two]}", "shape", "cannot both be entered", "parallel regions"),
    ("go: busy", "«gol: busy", "unknown-event", "no event 'gol'", "'go'"),
    ("go: busy", "go «stopp: busy", "unknown-event", "no event 'stopp'", ""),
    ("go: busy", "«told: busy", "unknown-event", "goes out to the parent", ""),
    ("go: busy", "«link: busy", "unknown-event", "only ones below it", "link.*"),
    ("go: busy", "«link.PARM_RQ: busy", "unknown-event", "'link.PARM_RQ'", "'link.PARM_REQ'"),
    ("go: busy", "«PARM_REQ: busy", "unknown-event", "'PARM_REQ'", "'link.PARM_REQ'"),
    ("go: busy", "«lnk.*: busy", "unknown-event", "'lnk.*'", ""),
    ("go: busy", "go: {«gaurd: 'count > 1', target: busy}", "unknown-key", "'gaurd'", "'guard'"),
    ("go: busy", "go: {«cond: 'count > 1', target: busy}", "unknown-key", "'cond'", "'guard'"),
    ("count: {type: int, initial: 0}", "count: «int", "shape", "data 'count' is a mapping", "{type: …, initial: …}"),
    ("go: busy", "«done.state: busy", "unknown-event", "only ones below it", "done.state.*"),
    ("go: busy", "go: {guard: count, target: busy}".replace("count", "«count"), "type", "must be a bool", "comparison"),
    ("go: busy", "go: {guard: event.«speeed > 3}".replace("event.«", "«event."), "unknown-name", "'speeed'", "'speed'"),
    ("go: busy", "go: {guard: count > 1 and «cuont > 2}", "unknown-name", "'cuont'", "'count'"),
    ("go: busy", "go: {guard: 'U_max > «3 A'}", "unit", "V and A", ""),
    ("go: busy", "go: {guard: \"mode == «'fst'\"}", "unknown-name", "'fst'", "'fast'"),
    ("go: busy", "go: {actions: «lnk.leave()}", "unknown-role", "no adapter 'lnk'", "'link'"),
    ("go: busy", "go: {actions: «link.leeve()}", "unknown-action", "no action 'leeve'", "'leave'"),
    ("go: busy", "go: {actions: link.measure(«time=3)}", "unknown-argument", "no argument 'time'", "'times'"),
    ("go: busy", "go: {actions: «link.measure()}", "missing-argument", "needs times", "times=…"),
    ("go: busy", "go: {actions: link.measure(«3)}", "syntax", "without its name", "times=…"),
    ("go: busy", "go: {actions: link.measure(times=«1.5)}", "type", "float where int", "int"),
    ("go: busy", "go: {actions: 'link.measure(times=1, «times=2)'}", "duplicate-name", "stands twice", ""),
    ("go: busy", "go: {actions: [link.measure(times=count«, b=2)]}", "syntax", "ends here", "stands in quotes"),
    ("go: busy", "go: {actions: «leave}", "unknown-action", "this is no action", "role.action"),
    ("go: busy", "go: {actions: {«asign: {count: 1}}}", "unknown-action", "no action 'asign'", "'assign'"),
    ("go: busy", "go: {actions: {assign: {«cuont: 1}}}", "unknown-name", "no data of the chart", "'count'"),
    ("go: busy", "go: {actions: {assign: {«T_wait: 1 s}}}", "unknown-name", "a parameter and fixed", ""),
    ("go: busy", "go: {actions: {assign: {count: «1 V}}}", "unit", "V where a plain number", ""),
    ("go: busy", "go: {actions: {assign: {count: 1}, «raise: own}}", "shape", "several actions in one mapping", "a list"),
    ("go: busy", "go: {actions: {raise: «own}}", "missing-argument", "needs n", "n: …"),
    ("go: busy", "go: {actions: {raise: {event: own, data: {n: 1, «m: 2}}}}", "unknown-argument", "no field 'm'", "n"),
    ("go: busy", "go: {actions: {raise: «onw}}", "unknown-event", "'onw' is not an event", "'own'"),
    ("go: busy", "go: {actions: {raise: «told}}", "unknown-event", "goes out to the parent", "to: parent"),
    ("go: busy", "go: {actions: {send: {event: «go, to: parent, data: {speed: 1}}}}", "unknown-event", "no `direction: out`", ""),
    ("go: busy", "go: {actions: {send: {event: told, to: «parnt, data: {n: 1}}}}", "unknown-name", "'parnt' is no child", "'parent'"),
    ("go: busy", "go: {actions: {send: {event: own, data: {n: 1}, delay: «-1 s}}}", "range", "negative", ""),
    ("go: busy", "go: {actions: {cancel: «timer}}", "unknown-name", "no `send` has the id", ""),
    ("go: busy", "go: {actions: {stop: «child}}", "unknown-name", "no `spawn` has the id", ""),
    ("go: busy", "go: {actions: {log: 'count is {«cont}'}}", "unknown-name", "'cont'", "'count'"),
    ("go: busy", "go: {actions: {log: 'count is «{count'}}", "syntax", "'{' has no end", "{{"),
    ("go: busy", "go: {actions: {if: «count, then: link.leave()}}", "type", "must be a bool", ""),
    ("go: busy", "go: {actions: {if: count > 1, «than: link.leave()}}", "unknown-key", "'than'", "'then'"),
    ("go: busy", "go: {actions: {foreach: {in: «count, item: x}}}", "type", "goes through a list", ""),
    ("go: busy", "go: {actions: {foreach: {in: '[1]', item: «count}}}", "duplicate-name", "names data", ""),
    ("go: busy", "go: {internal: true, target: both}".replace("internal", "«internal"), "shape", "internal transition", ""),
    ("on:\n      go: busy", "entry: [assign: {count: «event.speed}]", "unknown-name", "no event.speed", ""),
    ("on:\n      go: busy", "always: {guard: «event.speed > 1, target: busy}", "unknown-name", "`always`", ""),
    ("on:\n      go: busy", "after: {«T_wiat: busy}", "unknown-name", "'T_wiat'", "'T_wait'"),
    ("on:\n      go: busy", "after: {«250: busy}", "unit", "plain number", "250 ms"),
    ("on:\n      go: busy", "after: {«U_max: busy}", "unit", "V where a duration", "duration"),
    ("on:\n      go: busy", "«onn: {go: busy}", "unknown-key", "'onn'", "'on'"),
    ("on:\n      go: busy", "«true: {go: busy}", "unknown-key", "'true'", ""),
    ("on:\n      go: busy", "«onDone: busy", "shape", "is ever done", ""),
    ("on:\n      go: busy", "invariant: «count", "type", "must be a bool", ""),
    ("on:\n      go: busy", "entry: [foreach: «]", "shape", "'foreach' is empty", "item: name"),
    ("on:\n      go: busy", "entry: [send: «]", "missing-key", "'send' needs the name of an event", "event: NAME"),
    ("on:\n      go: busy", "entry: [spawn: «]", "shape", "'spawn' is empty", "src: FILE"),
    ("initial: idle", "shutdown:«\ninitial: idle", "shape", "'shutdown' is empty", "within: 10 s"),
    ("initial: idle", "session:«\ninitial: idle", "shape", "'session' is empty", "result: EVENT"),
    ("initial: idle", "type: «final\ninitial: idle", "shape", "a chart is not a final state", "type: final"),
    ("on:\n      go: busy", "type: parallel\n    states: {x: {type: «final}, y: }", "shape", "SCXML 3.4", "a final state in it"),
    ("on:\n      go: busy", "type: «paralel", "shape", "'paralel'", "'parallel'"),
    ("on:\n      go: busy", "«initial: busy", "shape", "only a compound state", ""),
    ("on:\n      go: busy", "invoke: «{id: a}", "missing-key", "neither 'src' nor 'call'", "src: FILE"),
    ("on:\n      go: busy", "invoke: {src: «nothere.yaml}", "missing-file", "cannot be read", ""),
    ("on:\n      go: busy", "invoke: {call: «link.leave()}", "unknown-action", "no long action", ""),
    ("on:\n      go: busy", "invoke: {call: «link.measure()}", "missing-argument", "needs times", ""),
    ("on:\n      go: busy", "invoke: {id: «link, call: link.measure(times=1)}", "duplicate-name", "a role of an adapter", ""),
    ("type: final}", "type: final, «on: {go: idle}}", "unknown-key", "a final state has no key 'on'", ""),
    ("type: final}", "type: final, output: {«n: 1}}", "unknown-argument", "the output of car has no field 'n'", ""),
    ("type: final}", "«type: history}", "missing-key", "needs a default", "target"),
    ("      two:\n", "      «two:\n      two:\n".replace("«two:\n      two", "two:\n      «two"), "duplicate-key", "'two'", "line 23"),
    ("      two:\n", "      two:\n      «2nd:\n", "name", "cannot be the name of a state", ""),
    ("      two:\n", "      two: «done\n", "shape", "state 'two' is a mapping", ""),
    ("count: {type: int, initial: 0}", "count: {type: bool, initial: «yes}", "unknown-name", "'yes'", "'true'"),
    ("count: {type: int, initial: 0}", "count: {type: bool, initial: «FALSE}", "unknown-name", "'FALSE'", "'false'"),
    ("count: {type: int, initial: 0}", "count: {type: int, initial: «017}", "syntax", "'017' is no number", "without 0"),
    ("count: {type: int, initial: 0}", "count: {type: int, initial: «0o17}", "syntax", "'0o17' is no number", "0x"),
    ("count: {type: int, initial: 0}", "count: {type: int, initial: «1_000}", "syntax", "'1_000' is no number", "0x"),
    ("count: {type: int, initial: 0}", "count: {type: int, initial: «５}", "syntax", "no meaning", ""),
    ("count: {type: int, initial: 0}", "count: {type: float V, initial: «1e300 kV}", "limit", "too large", ""),
    ("count: {type: int, initial: 0}", "count: {type: «str, initial: abc}", "unknown-type", "'str'", "'string'"),
    ("count: {type: int, initial: 0}", "count: {type: «, initial: 0}", "missing-key", "'count' needs a type", ""),
    ("count: {type: int, initial: 0}", "count: {type: «enum(a, b), initial: a}", "unknown-type", "'enum(a'", "in quotes"),
    ("count: {type: int, initial: 0}", "count: {type: float «s, initial: 0}", "unit", "'s' is a unit of time", "duration"),
    ("count: {type: int, initial: 0}", "count: {type: float «EUR, initial: 0}", "unknown-unit", "'EUR'", "kWh"),
    ("count: {type: int, initial: 0}", "count: {type: string, initial: «slow}", "unknown-name", "unknown name 'slow'", "\"'slow'\""),
    ("go: busy", "go: {guard: mode == «fast}", "unknown-name", "unknown name 'fast'", "\"'fast'\""),
    ("go: busy", "go: {actions: «count = count + 1}", "unknown-action", "this is no action", "assign: {count: count + 1}"),
    ("go: busy", "go: {actions: {if: count > 1, then: link.leave(), «elif: count > 2}}", "unknown-key", "'elif'", "'else'"),
    ("go: busy", "go: busy\n    «<<: {on: {own: busy}}", "unknown-key", "'<<'", "write it out"),
    ("on:\n      go: busy", "after: {5 «m: busy}", "unknown-unit", "'m'", "'min'"),
    ("on:\n      go: busy", "invoke: «child.yaml", "shape", "'invoke' is a mapping", "src: FILE"),
    ("on:\n      go: busy", "invoke: {src: «[a.yaml]}", "shape", "is the path of a chart", "FILE.yaml"),
    ("on:\n      go: busy", "type: «atomic", "shape", "'atomic'", "needs no type"),
    ("on:\n      go: busy", "on: {«brake: busy}", "unknown-event", "'brake'", "events: {brake: {direction: in}}"),
    ("initial: idle", "initial: {«targett: idle}", "unknown-key", "'targett'", "'target'"),
    ("  link: hpgp_link", "  link: «hpgp_lnk\ninvariant: link.voltage < 5 V", "unknown-contract", "'hpgp_lnk'", "'hpgp_link'"),
    ("machine: car", "machine: «true", "name", "cannot be the name", "another"),
    ("go: busy", "go: {actions: {foreach: {in: '[1]', item: x, index: «[i]}}}", "shape", "'index' is the name", ""),
    ("initial: idle", "initial: «[]", "shape", "a list of no targets", "a state"),
    ("go: busy", "go: {target: «[]}", "shape", "a list of no targets", "a state"),
    ("on:\n      go: busy", "states: {h: {type: history, history: «'', target: i}, i: }", "shape", "kind of history", "deep"),
    ("on:\n      go: busy", "states: {i: , h: {type: history, target: «h}}", "cycle", "h → h", "no history"),
    ("on:\n      go: busy", "states: {i: , h: {type: history, target: g}, g: {type: history, target: «h}}", "cycle", "h → g → h", ""),
    ("own: two", "own: «a.b", "unknown-state", "no state 'a.b'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "said", "help_"), CHANGES)
def test_a_mistake_is_told_once_at_its_place_with_the_way_out(
    old: str, new: str, code: str, said: str, help_: str
) -> None:
    assert CHART.count(old) >= 1
    check_text = CHART.replace(old, new, 1)
    if "«" not in check_text:  # the whole entry is what is meant
        check_text = check_text.replace(new, "«" + new, 1)
    if code == "missing-key" and said == "needs a type":
        check_text = check_text.replace("«", "").replace("T_wait: {", "T_wait: «{")
    if said == "needs a default":
        check_text = check_text.replace("«", "").replace("end: {", "end: «{")
    check(check_text, code, said, help_)


@pytest.mark.parametrize(
    ("guard", "marked"),
    [
        ("'count > 1 and «coun > 2'", "single quotes"),
        ("'''a'' == ''b'' and «coun > 2'", "doubled quotes before it"),
        ('"\\"a\\" == \\"b\\" and «coun > 2"', "escapes before it"),
        (">\n          count > 1\n\n          and «coun > 2", "a folded block"),
        ("|\n          count > 1\n            and «coun > 2", "a literal block"),
        ("count > 1\n          and «coun > 2", "a plain scalar of two lines"),
        ("'count > 1\n\n          and «coun > 2'", "a quoted scalar of several lines"),
        ("count == len('ä€😀') or «coun > 2", "characters beyond ASCII before it"),
    ],
)
def test_the_caret_finds_its_column_inside_every_kind_of_yaml_text(guard: str, marked: str) -> None:
    check(CHART.replace("go: busy", f"go:\n        guard: {guard}"), "unknown-name", "'coun'", "'count'")


def test_a_child_that_does_not_load_is_told_once() -> None:
    uses = "entry: [stop: c, send: {event: x, to: c}]\n    always: {guard: alive(c) > 0, target: busy}"
    for child in ("spawn: {src: «nothere.yaml, id: c}", "spawn: {src: «nothere.yaml}"):
        text = CHART.replace("on:\n      go: busy", f"exit: [{child}]\n    {uses}", 1)
        check(text, "missing-file", "'nothere.yaml' cannot be read", "")


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("machine: m\nstates: {a: {\n  b: c\n", (4, 1), "line 2, column 13, has no end"),
        ('machine: m\ntitle: "abc\nstates: {a: }\n', (4, 1), "line 2, column 8, has no end"),
        ("machine: m\nstates:\n  a:{on: {go: b}}\n", (3, 17), "a space stands behind the colon"),
    ],
)
def test_what_is_not_yaml_is_told_with_the_way_out(text: str, place: tuple[int, int], hint: str) -> None:
    (problem,) = problems_of(text)
    assert hint in problem.hint, str(problem)
    assert (problem.position.line, problem.position.column) == place


def test_all_mistakes_of_a_chart_are_told_in_one_go_in_the_order_of_the_file() -> None:
    text = (
        CHART.replace("initial: idle", "initial: idel")
        .replace("go: busy", "go: bussy")
        .replace("own: two", "onw: two")
        .replace("initial: 0", "initial: 0 V")
    )
    problems = problems_of(text)
    assert [p.code for p in problems] == ["unit", "unknown-state", "unknown-state", "unknown-event"]
    assert [p.position.line for p in problems] == sorted(p.position.line for p in problems)


def test_the_text_of_a_problem_shows_line_caret_expectation_and_suggestion() -> None:
    (problem,) = problems_of(CHART.replace("default: 500 V", "default: 5 A"))
    assert str(problem) == dedent(
        """\
        car.yaml:4:35: A where V is needed [unit]
              U_max: {type: float V, default: 5 A}
                                              ^^^
            expected: float V"""
    )


def test_a_long_line_is_cut_around_the_place() -> None:
    long = "count > 1" + " or count > 2" * 100 + " or coun > 3"
    (problem,) = problems_of(CHART.replace("go: busy", f"go: {{guard: {long}}}"))
    shown = str(problem).splitlines()
    assert len(shown[1]) < 130
    column = shown[2].index("^")
    assert shown[1][column : column + 4] == "coun"


def test_a_file_full_of_mistakes_stops_at_a_bound() -> None:
    text = CHART + "".join(f"  s{n}: {{on: {{nothing{n}: nowhere}}}}\n" for n in range(5000))
    problems = problems_of(text)
    assert len(problems) == 100
    assert "stopped at 100 problems" in str(ChartError(problems))
