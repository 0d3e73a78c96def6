"""`ignore`: an event that is known and does nothing, where an `on` without target, guard and actions would stand."""

from __future__ import annotations

import pytest

import engine
from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.tools.diagram.text_formats import mermaid

CHART = """\
machine: m
events: {go: {direction: in, payload: {n: int}}, late: {direction: in}, x.a: {direction: in}, x.b: {direction: in}}
data: {seen: {type: int, initial: 0}}
initial: outer
on:
  late: {actions: [assign: {seen: seen + 100}]}
  x.*: {actions: [assign: {seen: seen + 100}]}
states:
  outer:
    on: {go: {actions: [assign: {seen: seen + 10}]}}
    ignore: [late, x.a]
    states:
      inner:
        ignore: [go]
        on: {go: {guard: event.n > 5, actions: [assign: {seen: seen + 1}]}, late: {actions: [assign: {seen: seen + 1}]}}
"""


@pytest.mark.parametrize(
    ("event", "data", "seen", "why"),
    [
        ("go", {"n": 1}, 0, "the outer state's `on` does not see what the inner one ignores"),
        ("go", {"n": 9}, 1, "a guard of the same state that is true goes before, though written behind"),
        ("late", {}, 1, "the inner state's `on` goes before what the outer one ignores"),
        ("x.a", {}, 0, "the chart's `on` does not see it"),
        ("x.b", {}, 100, "what is not named is not ignored"),
    ],
)
def test_who_gets_an_event(event: str, data: dict[str, int], seen: int, why: str) -> None:
    machine = engine.start(load_text(CHART))
    machine.send(event, data)
    assert machine.data["seen"] == seen, why


def test_an_ignored_event_is_no_unhandled_one() -> None:
    """`strict: true` makes an error of events that nobody handles."""
    text = "machine: m\nstrict: true\nevents: {e: {direction: in}}\nstates: {s: {ignore: e}}\n"
    machine = engine.start(load_text(text))
    assert machine.send("e").handled
    assert machine.configuration == ("s",)


def test_it_has_the_id_of_an_entry_of_on() -> None:
    """Traces, waivers and coverage of a chart stay when its empty entries become `ignore`."""
    ids = {t.id for t in load_text(CHART).transitions}
    assert {"outer/late", "outer/x.a", "outer.inner/go", "outer.inner/go#2"} <= ids


def test_drawings_list_what_a_state_ignores() -> None:
    assert "ignores late, x.a" in mermaid(load_text(CHART))


@pytest.mark.parametrize(
    ("ignore", "code", "said"),
    [
        ("[gone]", "unknown-event", "no event 'gone'"),
        ("[late, late]", "duplicate-name", "'late' stands in `ignore`, `defer` or `relay` already"),
        ("[[late]]", "shape", "lists the names of events"),
        ("{late: }", "shape", "lists the names of events"),
    ],
)
def test_what_cannot_be_ignored(ignore: str, code: str, said: str) -> None:
    with pytest.raises(ChartError) as caught:
        load_text(CHART.replace("ignore: [go]", f"ignore: {ignore}"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.position.line) == (code, 14)
    assert said in problem.message
