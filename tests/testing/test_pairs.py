"""Pairs of consecutive transitions: without them a fault that needs two steps in a row, or a pair called impossible
that a run then takes, would ship."""

from __future__ import annotations

import itertools
import json
import os
import random
from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.run.machine import Machine
from engine.tools.explore.path import Path as GeneratedPath
from engine.tools.explore.path import answered, apply
from engine.tools.explore.stimuli import World
from engine.tools.explore.values import Situation
from engine.tools.testing.pairs import PairSearch
from engine.tools.testing.symbolic_pairs import APART, BETWEEN, GUARD, PARAMETERS, possible_pairs
from engine.tools.testing.transitions import TransitionSearch
from engine.tools.testing.verify import verify_path

ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("CHARGECHART_EXAMPLES", "0"))
SLOW = (
    "evse_dc.yaml",
    "charger_bms.yaml",
    "ac/outlet.yaml",
    "evse_ac.yaml",
    "ocpp/connector.yaml",
    "pev_ac.yaml",
    "pilot/evse.yaml",
    "pilot/firmware.yaml",
    "power/bms_elcon.yaml",
    "power/dc_output.yaml",
    "power/light_output.yaml",
    "power/module.yaml",
    "power/supply.yaml",
    "soc_reader.yaml",
    "v2g/evcc_iso2.yaml",
    "v2g/secc.yaml",
    "v2g/secc_iso2.yaml",
)
"""Their pairs take a minute or more each: `.ci/campaign charts`."""
CHARTS = sorted((ROOT / "machines").rglob("*.yaml"))

GATE = """
machine: gate
parameters: {mode: {type: "enum(open, shut)", default: "'open'"}, limit: {type: int, default: 2}}
data: {armed: {type: bool, initial: False}, count: {type: int, initial: 0}}
events: {arm: {direction: in}, go: {direction: in}, back: {direction: in}, lift: {direction: in}, drop: {direction: in}}
initial: idle
states:
  idle:
    on:
      arm: {actions: [assign: {armed: True}]}
      go: {guard: armed, target: through}
      lift: {guard: mode == 'open'}
      drop: {guard: mode == 'shut'}
  through:
    entry: [assign: {count: count + 1}]
    always: {target: rest}
  rest:
    exit: [assign: {armed: False}]
    on:
      back: {target: idle}
      go: {guard: count > limit}
"""


def _load(tmp_path: Path, text: str) -> engine.language.model.Chart:
    (tmp_path / "gate.yaml").write_text(text)
    return engine.load(tmp_path / "gate.yaml")


def test_every_pair_is_taken_or_impossible_for_a_reason(tmp_path: Path) -> None:
    """A reviewer reads why a pair cannot be taken; what can be taken, a count up to a limit included, is."""
    chart = _load(tmp_path, GATE)
    explorer = TransitionSearch(chart)
    search = PairSearch(chart, explorer.stimuli, explorer.run().paths)
    found = search.run()
    assert found.missing == []
    arm, go, lift, drop, on, back, again = (t.id for t in chart.transitions)
    assert search.possible is not None
    assert search.possible.why_not((arm, back)) == APART
    assert search.possible.why_not((back, go)) == GUARD  # leaving `rest` disarms it
    assert search.possible.why_not((go, back)) == APART  # it goes on from `through` at once
    assert search.possible.why_not((lift, drop)) == PARAMETERS
    assert {(go, on), (on, back), (on, again), (again, again), (back, arm)} <= found.taken
    assert sum(found.impossible.values()) + len(found.taken) == len(chart.transitions) ** 2


def test_what_always_comes_between_is_said(tmp_path: Path) -> None:
    """An eventless transition of another region stands between an event and the next one."""
    text = """
machine: gate
type: parallel
data: {due: {type: bool, initial: False}}
events: {knock: {direction: in}, ring: {direction: in}}
states:
  door: {initial: a, states: {a: {on: {knock: {actions: [assign: {due: True}]}, ring: {}}}}}
  light: {initial: off, states: {off: {always: {guard: due, target: off, actions: [assign: {due: False}]}}}}
"""
    chart = _load(tmp_path, text)
    found = possible_pairs(chart, TransitionSearch(chart).stimuli)
    assert found is not None
    assert found.why_not(("door.a/knock", "door.a/ring")) == BETWEEN
    assert found.why_not(("light.off/always", "door.a/ring")) == ""


def test_what_ends_a_step_where_another_began_may_be_the_last(tmp_path: Path) -> None:
    """A region that goes there and back leaves all as it was, and yet its way back is what comes before the next."""
    text = """
machine: gate
type: parallel
parameters: {rest: {type: float, default: 0}}
data: {level: {type: float, initial: rest}, told: {type: float, initial: rest}}
events: {knock: {direction: in, payload: {level: float}}, ring: {direction: in}}
states:
  door:
    initial: a
    states:
      a: {on: {knock: {target: b, actions: [assign: {level: event.level}]}}}
      b: {on: {ring: {}}}
  line:
    initial: steady
    states:
      steady: {always: {guard: told != level, target: telling}}
      telling: {entry: [assign: {told: level}], always: {target: steady}}
"""
    chart = _load(tmp_path, text)
    found = possible_pairs(chart, TransitionSearch(chart).stimuli)
    assert found is not None
    assert found.why_not(("line.telling/always", "door.b/ring")) == ""


@pytest.mark.campaign
@pytest.mark.parametrize("file", CHARTS, ids=lambda f: f.relative_to(ROOT / "machines").as_posix())
def test_nothing_a_run_takes_was_called_impossible(file: Path) -> None:
    """Random runs of the shipped charts take no pair that is said to be impossible."""
    if EXAMPLES < 20_000 and file.relative_to(ROOT / "machines").as_posix() in SLOW:
        pytest.skip("minutes: .ci/campaign charts")
    chart = engine.load(file)
    explorer = TransitionSearch(chart)
    paths = explorer.run().paths
    possible = possible_pairs(chart, explorer.stimuli)
    # What these send in loops over lists is open; the largest charts have more macrosteps than are tried.
    in_loops = ("site", "charge_point", "ocpp_smart_charging")
    assert (possible is None) <= (chart.name in in_loops or len(chart.transitions) > 90)
    if possible is None:  # nothing is called impossible
        return
    rng = random.Random(1)
    seen: set[tuple[str, str]] = set()
    for number in range(24):
        path = paths[number % len(paths)]
        machine = Machine(chart, path.parameters)
        world = path.start
        machine.surroundings = World(world.readings, world.alive)
        taken = [*machine.begin().transitions]
        for stimulus in path.steps:
            taken += apply(machine, stimulus).transitions
            world = stimulus
        for _ in range(40):
            if machine.done:
                break
            where = Situation(machine.data, machine.parameters, frozenset(machine.configuration), number)
            choices = list(explorer.stimuli.narrow(where, world, ()))
            if not choices:
                break
            world = rng.choice(choices)
            step = apply(machine, world)
            if step.failures and not answered(chart, step):
                break
            taken += step.transitions
        seen |= set(itertools.pairwise(taken))
    assert seen - possible.pairs == set()


def test_a_path_that_takes_its_pair_no_more_fails(tmp_path: Path) -> None:
    """A generated path that lost what it is for must not stay green."""
    chart = _load(tmp_path, GATE)
    path = next(p for p in TransitionSearch(chart).run().paths if p.steps)
    lost = GeneratedPath(path.parameters, path.start, path.steps, (), (("rest/back", "idle/arm"),))
    assert any("idle/arm after rest/back" in str(problem) for problem in verify_path(chart, lost))


def test_the_command_counts_pairs_and_lists_those_not_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here a counter's bound is out of reach of any number of steps the search tries: told, not left out."""
    text = GATE.replace("limit: {type: int, default: 2}", "limit: {type: int, default: 2, min: 1000000}")
    text = text.replace("default: 2, min", "default: 1000000, min")
    _load(tmp_path, text)
    file = tmp_path / "results.json"
    main(["test", str(tmp_path), "--pairs", "--list", "--html", str(tmp_path / "html"), "--json", str(file)])
    out = capsys.readouterr().out
    (result,) = json.loads(file.read_text())
    assert f"{result['pairs']['taken']}/{result['pairs']['possible']}" in out
    assert result["pairs"]["missing"]
    for first, second in result["pairs"]["missing"]:
        assert f"pair not taken: {first}, then {second}" in out
    assert "impossible pairs:" in out
    assert "<h2>Pairs of consecutive transitions</h2>" in (tmp_path / "html" / "gate.html").read_text()
