"""Sound charts give no findings: near misses of every rule, and the charts we ship."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from engine.cli import main
from engine.language.load import load, load_text
from engine.language.model import Chart
from engine.language.traverse import charts_below
from engine.tools.check import check

ROOT = Path(__file__).parent.parent.parent
EVENTS = "events: {go: {direction: in}, stop: {direction: in}, level: {direction: in, payload: {v: float V, n: int}}}\n"
GOOD = {
    "ladder": """
  idle:
    on:
      stop: over
      go: idle
      level:
        - {guard: event.v > 9 V, target: over}
        - {guard: event.v > 5 V, target: idle}
  over: {type: final}
""",
    "gap between the guards": """
  idle:
    on:
      go: idle
      level:
        - {guard: event.n < 3, target: over}
        - {guard: event.n > 3, target: idle}
        - {target: over}
      stop: over
  over: {type: final}
""",
    "outer net for what an inner guard lets through": """
  work:
    on: {level: over, stop: over}
    states:
      a: {on: {level: {guard: event.n > 3, target: b}, go: b}}
      b: {on: {level: a}}
  over: {type: final}
""",
    "history brings back what was left": """
  work:
    on: {stop: pause}
    states:
      a: {on: {go: b}}
      b: {on: {level: a}}
      back: {type: history, target: a}
  pause: {on: {go: work.back}}
""",
    "a region leaves the other": """
  both:
    type: parallel
    states:
      left: {states: {a: {on: {go: b}}, b: {}}}
      right: {states: {c: {on: {level: c, stop: over}}}}
  over: {type: final}
""",
    "the longer timer outside": """
  outer:
    after: {10 s: over}
    states:
      a: {after: {2 s: b}, on: {go: b}}
      b: {after: {3 s: a}, on: {stop: over, level: a}}
  over: {type: final}
""",
    "a shorter timer with a guard": """
  a:
    after:
      2 s: {guard: n > 1, target: over}
      5 s: over
    on: {go: over, stop: over, level: {actions: [assign: {n: n + 1}]}}
  over: {type: final}
""",
    "eventless steps that end": """
  a: {always: [{guard: n > 5, target: over}, {target: b}]}
  b: {always: {target: a, actions: [assign: {n: n + 1}], guard: n < 9}, on: {go: a, stop: over, level: a}}
  over: {type: final}
""",
    "divisors that are held": """
  a:
    on:
      level:
        - {guard: event.n != 0 and 10 / event.n > 2, target: over}
        - {guard: "10 / max(event.n, 1) > 1", target: over}
      go: {guard: (10 / n if n > 0 else 0) > 3, target: over}
      stop: over
  over: {type: final}
""",
}


@pytest.mark.parametrize("name", list(GOOD))
def test_a_near_miss_is_no_finding(name: str) -> None:
    text = GOOD[name]
    data = "data: {n: {type: int, initial: 0}}\n" if " n " in text or " n:" in text else ""
    report = check(load_text(f"machine: good\n{EVENTS}{data}states:{text}"))
    assert [str(finding) for finding in report.warnings] == []


def test_what_only_the_end_reads_is_used() -> None:
    text = """machine: m
parameters: {T_margin: {type: duration, default: 2 s}, least: {type: int, default: 1}}
events: {leave: {direction: in}, told: {direction: out, payload: {n: int}}}
shutdown: {event: leave, within: 3 s + T_margin, done: over}
session: {result: told, success: event.n >= least}
states:
  on: {on: {leave: {target: over, actions: {send: {event: told, to: parent, data: {n: 1}}}}}}
  over: {type: final}
"""
    assert [str(finding) for finding in check(load_text(text)).warnings] == []


SHIPPED = sorted(p for p in (ROOT / "machines").rglob("*.yaml") if not p.name.endswith(".contract.yaml"))


shipped = cache(load)


def of_one_file(chart: Chart) -> Iterator[Chart]:
    """It and the charts in place below it; those of other files have a test of their own."""
    yield chart
    for below in charts_below(chart).values():
        for child in below:
            if child.file == chart.file:
                yield from of_one_file(child)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_charts_we_ship_have_no_findings(path: Path) -> None:
    assert [str(f) for chart in of_one_file(shipped(path)) for f in check(chart).warnings] == []


def test_a_waiver_excuses_its_own_part_only() -> None:
    chart = load_text(
        "machine: w\ndata:\n  a: {type: int, initial: 0, waive: {C120: kept for later}}\n  b: {type: int, initial: 0}\n"
        "states:\n  only: {}\n"
    )
    report = check(chart)
    assert [f.place for f in report.findings] == ["b"]
    assert [f.place for f in report.waived] == ["a"]


def test_charts_that_invoke_each_other_are_told_of() -> None:
    """The loader refuses them; a chart built by hand is checked."""
    from engine.language.model import Invoke

    chart = load_text("machine: a\nstates:\n  only: {}\n")
    chart.states["only"].invokes.append(Invoke("again", chart))
    assert "C140" in [finding.code for finding in check(chart).findings]


CHART = "machine: c\nparameters: {p: {type: int, default: 1}}\nstates:\n  only: {}\n"


def test_the_command_fails_with_findings_and_names_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CHART)
    assert main(["check", str(path)]) == 1
    shown = capsys.readouterr().out
    assert f"{path}:2:14: C122 unused parameter: parameter 'p' is not used" in shown
    assert "1 chart, 1 to look at" in shown


def test_the_command_gives_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text(CHART)
    assert main(["check", str(tmp_path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["charts"] == ["c"]
    assert [(f["code"], f["line"], f["level"]) for f in found["findings"]] == [("C122", 2, "warning")]


def test_the_command_refuses_what_does_not_load_and_checks_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text("machine: bad\nstates: {a: {on: {x: nowhere}}}\n")
    (tmp_path / "c.yaml").write_text(CHART)
    assert main(["check", str(tmp_path)]) == 2
    shown = capsys.readouterr().out
    assert "nowhere" in shown
    assert "C122" in shown
    assert main(["check", str(tmp_path / "missing")]) == 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_parameter_we_ship_says_what_it_is_or_where_it_comes_from(path: Path) -> None:
    parameters = shipped(path).parameters.items()
    assert [name for name, one in parameters if not (one.description or one.citation)] == []
