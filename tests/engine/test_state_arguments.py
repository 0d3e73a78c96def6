# ruff: noqa: E501
"""Arguments of states at run time: the same in both engines, in snapshots, after a history, in drawings and exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import engine
from engine.language.load import load_text
from engine.tools.check import check
from engine.tools.diagram.text_formats import mermaid
from engine.tools.export.scxml import export_scxml
from engine.tools.export.transitions import export_transitions
from engine.tools.export.xstate import export_xstate
from engine.tools.mutation.mutants import mutants_of
from engine.tools.scxml import import_text
from engine.tools.testing.measure import measure
from tests.engine.test_differential import compare, reference

CHART = """\
machine: caller
data: {base: {type: int, initial: 10}}
events:
  ring: {direction: in, payload: {n: int}}
  more: {direction: in}
  hold: {direction: in}
  resume: {direction: in}
  swap: {direction: in}
  said: {direction: out, payload: {text: string}}
output: {text: string}
initial: idle
states:
  idle:
    on:
      ring: {target: "talking(who=event.n).line(a=1, b=event.n)", actions: [assign: {base: base + 1}]}
      hold: over(text='nobody')
  talking:
    args: {who: int}
    initial: line(a=who, b=2)
    on:
      hold: held
      ring: talking(who=who + event.n)
    states:
      line:
        args: {a: int, b: "int?"}
        entry: {send: {event: said, to: parent, data: {text: "str(who) + ' ' + str(a) + ' ' + str(b) + ' ' + str(base)"}}}
        exit: {send: {event: said, to: parent, data: {text: "'left ' + str(a)"}}}
        on:
          more: {guard: a < who, target: "line(a=a + 1, b=a)"}
          swap: line(a=base)
        after: {a * 1 s: waiting}
      waiting:
        on: {more: line(a=0)}
      kept: {type: history, target: line(a=7)}
  held:
    on: {resume: talking(who=base).kept, hold: over(text='held')}
  over:
    type: final
    args: {text: string}
    output: {text: text}
"""


def texts(machine: Any, *events: Any) -> list[str]:
    found: list[str] = []
    for event in events:
        name, payload = event if isinstance(event, tuple) else (event, None)
        step = machine.send(name, payload)
        found += [effect.data["text"] for effect in step.effects if getattr(effect, "event", "") == "said"]
    return found


def test_arguments_are_set_from_what_was_before_and_read_inside() -> None:
    machine = engine.start(load_text(CHART))
    assert texts(machine, ("ring", {"n": 3}), "more", "more", "more") == [
        "3 1 3 11",  # the transition's actions come first, then the arguments
        "left 1", "3 2 1 11", "left 2", "3 3 2 11",  # `b` is the `a` of before; at a == who no more
    ]  # fmt: skip
    assert texts(machine, ("ring", {"n": 2})) == ["left 3", "5 5 2 11"]  # entered anew, by its `initial`
    assert texts(machine, "swap") == ["left 5", "5 11 None 11"]  # an argument with a `?` left out


def test_a_history_restores_them_and_the_output_reads_them() -> None:
    machine = engine.start(load_text(CHART))
    assert texts(machine, ("ring", {"n": 3}), "more", "hold", "resume")[-1] == "11 2 1 11"
    texts(machine, "hold", "hold")
    assert machine.output == {"text": "held"}


def test_a_delay_reads_them() -> None:
    machine = engine.start(load_text(CHART))
    texts(machine, ("ring", {"n": 9}), "more", "more")
    machine.advance(2_900_000_000)
    assert "talking.line" in machine.configuration
    machine.advance(200_000_000)
    assert "talking.waiting" in machine.configuration


def test_a_snapshot_holds_them() -> None:
    chart = load_text(CHART)
    machine = engine.start(chart)
    texts(machine, ("ring", {"n": 3}), "more")
    twin = engine.resume(chart, json.loads(json.dumps(machine.snapshot())))
    assert texts(twin, "more") == texts(machine, "more") == ["left 2", "3 3 2 11"]


def test_all_ways_to_run_a_chart_agree() -> None:
    chart = load_text(CHART)
    inputs: list[tuple[str, Any]] = []
    for name in ("ring", "more", "swap", "hold", "resume", "more", "ring", "more", "hold", "hold"):
        inputs += [("event", (name, {"n": 4} if name == "ring" else None)), ("timer", 0)]
    compare(chart, inputs)
    assert "talking.line.a" in str(reference(chart, inputs))


def test_checks_generated_tests_and_drawings_know_them() -> None:
    chart = load_text(CHART)
    assert [finding for finding in check(chart).findings if finding.code.startswith("C1")] == []
    assert measure(chart).missing == []
    text = mermaid(chart)
    assert "line(b=a, a=a + 1)" in text
    assert "args (a#58; int, b#58; int?)" in text
    assert "over(text='held')" in text


def test_an_unread_argument_is_found() -> None:
    chart = load_text(CHART.replace("output: {text: text}", "output: {text: \"'x'\"}"))
    assert [(f.code, f.place) for f in check(chart).findings if f.code == "C121"] == [("C121", "over.text")]


def test_exports_carry_them(tmp_path: Path) -> None:
    chart = load_text(CHART)
    document = export_scxml(chart).text
    assert '<assign location="talking__line__a" expr="talking__line__a + 1"/>' in document
    again = engine.start(load_text(import_text(document, "caller.scxml").text))
    again.send("ring", {"n": 3})
    assert (again.data["talking__line__a"], again.data["talking__line__b"]) == (1, 3)
    assert json.loads(export_xstate(chart).text)["meta"]["chargechart"]["initial"]["over.text"] is None
    compile(export_transitions(chart).text, "caller.py", "exec")


def test_mutants_change_them(tmp_path: Path) -> None:
    path = tmp_path / "caller.yaml"
    path.write_text(CHART)
    mutants = [m for m in mutants_of(engine.load(path)) if m.name.startswith(("argument", "target: talking.line/swap"))]
    texts = {m.text(CHART).splitlines()[m.line - 1].strip() for m in mutants}
    assert "hold: over(text='')" in texts
    assert 'more: {guard: a < who, target: "line(a=0, b=a)"}' in texts
    for mutant in mutants:
        if mutant.name.startswith("argument"):
            load_text(mutant.text(CHART))
    assert any("swap: waiting" in line for line in texts)  # which has no arguments
