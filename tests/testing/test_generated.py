"""Generated paths: without them a transition nobody took, or one core and reference see differently, would ship."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.cli import main
from engine.tools.diagram.elk import Elk
from engine.tools.testing.measure import from_traces, measure
from engine.tools.testing.transitions import TransitionSearch
from engine.tools.trace.reader import read

ROOT = Path(__file__).parents[2]
CHARTS = sorted((ROOT / "machines").rglob("*.yaml"))

pytest_plugins = ["pytester"]

CHART = """
machine: door
parameters: {limit: {type: int, default: 3}, bell: {type: bool, default: False}}
data: {tries: {type: int, initial: 0}, code: {type: string, initial: "''"}}
events:
  key: {direction: in, payload: {code: string, turns: int}}
  reset: {direction: in}
initial: shut
states:
  shut:
    on:
      key:
        - guard: event.code == 'sesame' and event.turns >= 2 and tries < limit
          target: open
          actions: [assign: {code: event.code}]
        - actions: [assign: {tries: tries + 1}]
    always:
      guard: tries >= limit
      target: locked
  open:
    after:
      10 s:
        - guard: bell
          target: ringing
        - target: shut
  locked: {on: {reset: shut%s}}
  ringing: {on: {reset: shut}}
"""

DUTY = """
machine: duty
type: parallel
data: {wanted: {type: float %, initial: 100 %}, now: {type: float %, initial: 100 %}}
events:
  ask: {direction: in, payload: {to: float %}}
  x1: {direction: in}
EVENTS
states:
  output:
    initial: rest
    on: {ask: {target: .pwm, actions: [assign: {wanted: event.to}]}, x1: .rest}
    states:
      rest: {entry: [assign: {now: 100 %}]}
      pwm:
        initial: changed
        states:
          changed:
            entry: [assign: {now: wanted}]
            on: {ask: {actions: [assign: {wanted: event.to}]}}
            after: {1 s: settled}
          settled:
            always: {guard: wanted != now, target: changed}
            on: {ask: {actions: [assign: {wanted: event.to}]}}
"""


def _chart(tmp_path: Path, extra: str = "") -> engine.language.model.Chart:
    file = tmp_path / "door.yaml"
    file.write_text((CHART % "") + extra)
    return engine.load(file)


def _charts() -> list[Any]:
    """Every shipped chart; the large ones in the long run only, as `engine test machines` takes them too."""
    return [
        pytest.param(
            file,
            id=file.relative_to(ROOT / "machines").as_posix(),
            marks=[pytest.mark.campaign] if file.stat().st_size > 15_000 else [],
        )
        for file in CHARTS
    ]


GAPS = {
    "ac/outlet": 12,
    "evse_ac": 11,
    "charger_bms": 1,
    "evse_dc": 2,
    "pev_ac": 1,
    "ocpp/authorisation": 3,
    "ocpp/configuration": 3,
    "ocpp/firmware": 4,
    "ocpp/local_list": 3,
    "ocpp/smart_charging": 13,
    "power/module": 3,
    "power/supply": 32,
    "charge_point": 4,
    "pilot/firmware": 1,
    "ocpp/connector": 26,
    "ocpp/meter_values": 7,
    "site": 3,
    "v2g/evcc_iso2": 29,
    "v2g/schedule_rows": 2,
    "v2g/secc_iso2": 14,
}
"""Transitions that the search does not find yet: behind parameters that are lists, guards on what a state was given,
counts of children, what a file says at the very start. They are the scenarios' to take. A number here may only fall."""


@pytest.mark.parametrize("file", _charts())
def test_generated_paths_of_a_shipped_chart_show_no_fault(file: Path) -> None:
    """Every transition that is possible is taken; core as reference, contracts and invariants held, traces replayed."""
    result = measure(engine.load(file))
    assert result.problems == []
    missing = [m.transition for m in result.missing if not m.proved]
    assert len(missing) <= GAPS.get(file.relative_to(ROOT / "machines").with_suffix("").as_posix(), 0), missing
    assert {m.transition for m in result.missing} == {t for t, count in result.taken.items() if not count}


def test_counters_payloads_timers_and_parameters_are_found(tmp_path: Path) -> None:
    """A guard on a payload, a counter up to a parameter, a timer and a parameter that is off by default."""
    found = TransitionSearch(_chart(tmp_path)).run()
    assert found.missing == {}
    assert any(path.parameters.get("bell") for path in found.paths)


def test_a_value_nothing_asks_at_once_is_found_beside_busy_regions(tmp_path: Path) -> None:
    """A duty that must change while the last change settles, in a chart whose other regions have many configurations:
    the search must try other payloads rather than the same one in all of them."""
    busy = range(7)
    regions = [
        f"  r{i}: {{initial: a, states: {{a: {{on: {{n{i}: b}}}}, b: {{on: {{n{i}: c}}}}, c: {{on: {{n{i}: a}}}}}}}}"
        for i in busy
    ]
    text = "\n".join([DUTY, *regions]).replace("EVENTS", "\n".join(f"  n{i}: {{direction: in}}" for i in busy))
    (tmp_path / "duty.yaml").write_text(text)
    assert TransitionSearch(engine.load(tmp_path / "duty.yaml")).run().missing == {}


TABLE = """
machine: table
data: {fits: {type: bool, initial: True}, rows: {type: int, initial: 0}}
events:
  told: {direction: in, payload: {times: list of duration, levels: list of float A, name: string}}
  taken: {}
states:
  empty:
    on:
      told:
        actions:
          - assign: {fits: len(event.times) == len(event.levels), rows: len(event.times)}
          - foreach:
              in: event.times
              item: time
              index: i
              do:
                - if: i > 0 and time <= event.times[i - 1]
                  then: [assign: {fits: False}]
          - if: fits
            then: [raise: taken]
      taken: {guard: rows > 1, target: filled}
  filled: {}
"""


def test_lists_that_belong_together_and_rise_are_found(tmp_path: Path) -> None:
    """Of one length, each number greater than the one before: no guard says it, the chart looks at them one by one."""
    (tmp_path / "table.yaml").write_text(TABLE)
    assert TransitionSearch(engine.load(tmp_path / "table.yaml")).run().missing == {}


def test_a_path_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = (TransitionSearch(_chart(tmp_path)).run() for _ in range(2))
    assert [path.steps for path in first.paths] == [path.steps for path in second.paths]


def test_a_contradictory_guard_is_reported_as_impossible(tmp_path: Path) -> None:
    """Otherwise a dead transition looks like one the search was too weak for."""
    chart = _chart(tmp_path, "  unused: {}\non: {reset: {guard: limit > 4 and limit < 3, target: unused}}\n")
    result = measure(chart)
    assert [(m.transition, m.proved) for m in result.missing] == [("/reset", True)]
    assert not result.failed


def test_a_broken_invariant_fails_its_path(tmp_path: Path) -> None:
    result = measure(_chart(tmp_path, "invariant: {expr: tries < 1, message: too many}\n"))
    assert any("too many" in problem for problem in result.problems)
    assert result.failed


def test_the_command_tells_what_is_covered(tmp_path: Path, capsys: pytest.CaptureFixture[str], elk: Elk) -> None:
    _chart(tmp_path)
    assert main(["test", str(tmp_path), "--json", str(tmp_path / "out.json"), "--html", str(tmp_path / "html")]) == 0
    (result,) = json.loads((tmp_path / "out.json").read_text())
    assert all(result["transitions"].values())
    page = (tmp_path / "html" / "door.html").read_text()
    assert 'data-cover="taken"' in page
    assert 'data-cover="missed"' not in page
    assert "1 charts, 7 of 7 transitions taken" in capsys.readouterr().out


def test_traces_tell_what_was_never_run(tmp_path: Path) -> None:
    """Several traces merge; a transition nothing recorded has taken is named."""
    chart = _chart(tmp_path)
    for number, taken in enumerate((["shut/key"], ["open/after 10 s", "shut/key"])):
        start = {"time_ns": 0, "machine": "d", "cause": "start", "chart": "door", "text_hash": chart.text_hash}
        start["configuration"], start["parameters"] = [], {}
        step = {"time_ns": 1, "machine": "d", "cause": "event", "event": {"name": "key"}, "configuration": []}
        step["transitions"] = taken
        lines = [{"trace": 1, "machines": {"d": {"chart": "door", "file": "door.yaml"}}}, start, step]
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (result,) = from_traces({"door": chart}, [read(tmp_path / "0.jsonl"), read(tmp_path / "1.jsonl")])
    assert result.taken["shut/key"] == 2
    assert {m.transition for m in result.missing} == set(result.taken) - {"shut/key", "open/after 10 s"}
    assert result.failed


def test_paths_are_pytest_tests(pytester: pytest.Pytester) -> None:
    """A chart author runs pytest and sees each path by name."""
    pytester.makefile(".yaml", door=CHART % "")
    installed = any(entry.name == "chargechart" for entry in entry_points(group="pytest11"))
    pytester.makeini("[pytest]\ncharts = .\n" + ("" if installed else "addopts = -p engine.tools.testing.plugin\n"))
    result = pytester.runpytest("-v")
    result.stdout.fnmatch_lines(["*takes shut/key*PASSED*"])
    assert result.ret == 0


def test_traces_of_a_test_run_are_coverage(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    """``pytest --chart-traces DIR`` leaves what ``engine test --from-trace DIR`` merges: one file per system."""
    (pytester.path / "door.yaml").write_text(CHART % "")
    pytester.makepyfile(
        test_door="""
        import engine
        from engine.run import System

        def station():
            system = System()
            door = system.add(engine.load("door.yaml"))
            system.start()
            return system, door

        def test_opens():
            system, door = station()
            system.post(door, "key", {"code": "sesame", "turns": 2})
            system.advance(10_000_000_000)
            assert door.machine.configuration == ("shut",)

        def test_refuses_a_wrong_code():
            system, door = station()
            system.post(door, "key", {"code": "x", "turns": 2})
            system.advance(0)
            assert door.machine.data["tries"] == 1
        """
    )
    installed = any(entry.name == "chargechart" for entry in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "engine.tools.testing.plugin"]
    pytester.runpytest_subprocess("--chart-traces", "kept", "-p", "no:xdist", *plugin).assert_outcomes(passed=2)
    assert main(["test", "door.yaml", "--from-trace", "kept", "--json", "out.json"]) == 1  # not all was taken
    (result,) = json.loads((pytester.path / "out.json").read_text())
    taken = {t for t, count in result["transitions"].items() if count}
    assert taken == {"shut/key", "shut/key#2", "open/after 10 s#2"}
    assert result["origin"] == "2 traces"
    assert result["notes"] == []
