"""`engine mutate`: a reviewer is told truly which behaviour of a chart no scenario would miss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.cli import main
from engine.language.problems import ChartError
from engine.tools.mutation.campaign import Campaign, Options
from engine.tools.mutation.mutants import Mutant, mutants_of
from engine.tools.mutation.pool import Job, answers
from engine.tools.mutation.record import Plan, Record
from engine.tools.mutation.scenarios import Scenario, Scenarios, digest, helpers, recorded
from engine.tools.mutation.worker import FIRST

CHART = """machine: door
parameters:
  T_close: {type: duration, default: 5 s}
data:
  opened: {type: int, initial: 0}
events:
  push: {payload: {force: float}}
  stop:
  closed: {direction: out}

initial: shut
states:
  shut:
    on:
      push:
        - guard: event.force >= 10
          target: open
          actions:
            - assign: {opened: opened + 1}
        - actions: {log: too weak}
  open:
    after:
      T_close: shut
    on:
      stop: {target: blocked}
    exit:
      - send: {event: closed, to: parent}
  blocked:
    on: {push: shut}
"""

SCENARIOS = '''"""What the door does."""
import engine
from engine.run import System

S = 1_000_000_000


class Notes:
    def __init__(self):
        self.said = []

    def step(self, record):
        pass

    def note(self, note):
        if note.kind == "out":
            self.said.append(note.text)


def door():
    system, notes = System(), Notes()
    system.observers.append(notes)
    actor = system.add(engine.load("charts/door.yaml"), "door")
    system.start()
    return system, actor, notes


def push(system, actor, force):
    system.post(actor, "push", {"force": force})
    system.run_due()


def test_opens_and_closes():
    system, actor, notes = door()
    push(system, actor, 9.0)
    assert actor.machine.configuration == ("shut",)
    push(system, actor, 10.0)
    assert actor.machine.configuration == ("open",)
    assert actor.machine.data["opened"] == 1
    system.advance(5 * S - 1)
    assert actor.machine.configuration == ("open",)
    system.advance(1)
    assert actor.machine.configuration == ("shut",)
    assert notes.said == ["closed"]
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one chart and one scenario."""
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "door.yaml").write_text(CHART)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_door.py").write_text(SCENARIOS)
    (tmp_path / "mutation").mkdir()
    (tmp_path / "mutation" / "plan.toml").write_text('scenarios = ["tests"]\nleast = 100\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mutate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, str], int]:
    """Exit code, verdict by mutant, how many were tried now."""
    code = main(["mutate", "charts", "--plan", "mutation/plan.toml", "--json", "results.json", "-j", "1", *arguments])
    capsys.readouterr()
    (result,) = json.loads(Path("results.json").read_text())
    return code, {mutant["name"]: mutant["verdict"] for mutant in result["mutants"]}, result["tried"]


def named(chart: Path) -> dict[str, Mutant]:
    return {mutant.name: mutant for mutant in mutants_of(engine.load(chart))}


def test_every_kind_of_change_is_made_once_per_place(project: Path) -> None:
    """A place nobody mutates is a behaviour nobody is asked about."""
    assert sorted(named(Path("charts/door.yaml"))) == sorted(
        [
            "target: the chart: shut → open",
            "transition deleted: shut/push",
            "guard negated: shut/push: event.force >= 10",
            "guard boundary: shut/push: event.force > 10",
            "target: shut/push: open → blocked",
            "action dropped: shut/push: assign opened",
            "transition deleted: shut/push#2",
            "timeout doubled: open/after T_close",
            "timeout halved: open/after T_close",
            "transition deleted: open/after T_close",
            "target: open/after T_close: shut → open",
            "transition deleted: open/stop",
            "target: open/stop: blocked → shut",
            "action dropped: open: send: {event: closed, to: parent}",
            "transition deleted: blocked/push",
            "target: blocked/push: shut → open",
        ]
    )


def test_a_mutant_is_one_small_change_of_the_text(project: Path) -> None:
    """The diff a reviewer reads is the change and nothing else: indentation, comments and other entries stay."""
    mutants = named(Path("charts/door.yaml"))
    assert mutants["guard boundary: shut/push: event.force > 10"].diff(CHART).splitlines()[3:] == [
        "       push:",
        "-        - guard: event.force >= 10",
        "+        - guard: event.force > 10",
        "           target: open",
    ]
    dropped = mutants["action dropped: open: send: {event: closed, to: parent}"].text(CHART)
    assert dropped == CHART.replace("- send: {event: closed, to: parent}", "[]")
    assert mutants["transition deleted: shut/push#2"].text(CHART) == CHART.replace(
        "\n        - actions: {log: too weak}", ""
    )
    assert mutants["timeout halved: open/after T_close"].text(CHART) == CHART.replace(
        "T_close: shut", "T_close / 2: shut"
    )


def _shipped() -> list[Any]:
    """Every shipped chart; the large ones, of which each mutant takes a tenth of a second, in the long run only."""
    return [
        pytest.param(file, id=str(file), marks=[pytest.mark.campaign] if file.stat().st_size > 20_000 else [])
        for file in sorted(Path("machines").rglob("*.yaml"))
    ]


@pytest.mark.parametrize("file", _shipped())
def test_mutants_of_the_shipped_charts_differ_and_load(file: Path) -> None:
    """A mutant the loader refuses asks nobody anything; one without a difference cannot be killed."""
    chart = engine.load(file)
    text = file.read_text(encoding="utf-8")
    mutants = mutants_of(chart)
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    refused = []
    for mutant in mutants[:: max(1, len(mutants) // 12)]:
        try:
            assert engine.load_text(mutant.text(text), str(file)).text_hash != chart.text_hash, mutant.name
        except ChartError:
            refused.append(mutant.name)
    assert len(refused) <= 1, refused


def test_killed_and_survived(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the scenario checks dies, what it does not check is shown; nothing changes on the disk of the project."""
    code, verdicts, _ = mutate(capsys)
    assert code == 1
    survived = {name for name, verdict in verdicts.items() if verdict == "survived"}
    assert survived == {
        "transition deleted: shut/push#2",  # says so in the log only
        "transition deleted: open/stop",
        "target: open/stop: blocked → shut",
        "transition deleted: blocked/push",
        "target: blocked/push: shut → open",
    }
    assert {verdict for name, verdict in verdicts.items() if name not in survived} == {"killed"}
    assert Path("charts/door.yaml").read_text() == CHART


@pytest.mark.campaign
def test_only_record_writes_what_is_checked_in(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trying something out must not change files under version control."""
    _, first, _ = mutate(capsys)
    assert sorted(path.name for path in Path("mutation").iterdir()) == ["plan.toml"]
    assert mutate(capsys, "--record") == (1, first, 0)
    assert Path("mutation/door.json").exists()


def test_only_what_changed_is_tried_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CI has no time for every mutant every time; a new scenario is tried on the survivors, a new text on all."""
    _, first, tried = mutate(capsys)
    assert tried == len(first)
    assert mutate(capsys) == (1, first, 0)
    more = "\n\ndef test_stop():\n    system, actor, notes = door()\n    push(system, actor, 10.0)\n"
    more += (
        '    system.post(actor, "stop")\n    system.run_due()\n    assert actor.machine.configuration == ("blocked",)\n'
    )
    more += '    push(system, actor, 1.0)\n    assert actor.machine.configuration == ("shut",)\n'
    Path("tests/test_more.py").write_text(SCENARIOS.partition("def test")[0] + more)
    code, verdicts, tried = mutate(capsys)
    assert tried == 5
    assert [name for name, verdict in verdicts.items() if verdict == "survived"] == ["transition deleted: shut/push#2"]
    assert code == 1


def test_what_has_changed_since_its_record_is_named_and_not_tried(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI tries a sample of what is on record, whatever else has changed; what it shows is of the record, not new."""
    _, first, _ = mutate(capsys, "--record")
    arguments = ("mutate", "charts", "--plan", "mutation/plan.toml", "-j", "1", "--summary", "--on-record")
    assert mutate(capsys, "--on-record", "--sample", "2") == (1, first, 2)
    scenarios = Path("tests/test_door.py").read_text()
    Path("tests/test_door.py").write_text(scenarios + "\n# a word more\n")
    assert mutate(capsys, "--on-record", "--sample", "2") == (1, first, 0)
    Path("charts/door.yaml").write_text(CHART.replace("5 s", "6 s"))
    assert main([*arguments]) == 0
    assert "charts/door.yaml: changed since its verdicts were recorded" in capsys.readouterr().out
    assert main([*arguments, "--again"]) == 2
    assert "--on-record" in capsys.readouterr().err


def test_what_kills_is_a_test_or_the_time_of_the_processor(project: Path) -> None:
    """On a busy machine a mutant is not killed because others were at work; one that never comes to an end is, and so
    is one that only the last of many tests notices."""
    waits = "import select\n\n\ndef test_waits():\n    select.select([], [], [], 2.5)\n"
    Path("tests/test_slow.py").write_text(waits + "\n\ndef test_computes():\n    while True:\n        pass\n")
    last = "\n\ndef test_last():\n    assert False\n"
    good = [f"test_{number}" for number in range(FIRST)]
    Path("tests/test_many.py").write_text("".join(f"def {name}():\n    pass\n\n\n" for name in good) + last)
    jobs = [
        Job("charts/door.yaml", CHART, [f"tests/test_slow.py::{name}"], 2.0, name)
        for name in ("test_waits", "test_computes")
    ]
    many = [f"tests/test_many.py::{name}" for name in (*good, "test_last")]
    jobs += [Job("charts/door.yaml", CHART, tests, 2.0, tests[-1]) for tests in (many, many[:-1])]
    found = {
        job.subject: answer
        for job, answer in answers(jobs, ["charts", "tests"], ["tests/test_slow.py", "tests/test_many.py"], 1)
    }
    assert found["test_waits"]["verdict"] == "survived"
    assert found["test_computes"] == {"verdict": "killed", "by": "", "reason": "time limit"}
    assert found[many[-1]] == {"verdict": "killed", "by": many[-1]}  # however many tests run before it
    assert found[many[-2]] == {"verdict": "survived", "by": ""}


@pytest.mark.campaign
def test_a_chart_its_scenarios_do_not_fit_is_not_mutated(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills on record would be confirmed by scenarios that fail anyway."""
    mutate(capsys)
    Path("charts/door.yaml").write_text(CHART.replace("5 s", "6 s"))
    code = main(["mutate", "charts", "--plan", "mutation/plan.toml", "-j", "1"])
    assert code == 1
    assert "test_opens_and_closes" in capsys.readouterr().err


@pytest.mark.campaign
def test_waivers_hold_or_are_reported(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A waived mutant does not count; a waiver of one that is killed, or of none, is out of date and fails."""
    waived = ["shut/push#2", "open/stop", "blocked/push"]
    lines = [f'[[waived]]\nmutant = "transition deleted: {name}"\nreason = "so"\n' for name in waived]
    lines += ['[[waived]]\nmutant = "target: open/stop: blocked → shut"\nreason = "so"\n']
    lines += ['[[waived]]\nmutant = "target: blocked/push: shut → open"\nreason = "so"\n']
    Path("mutation/door.toml").write_text("".join(lines))
    assert mutate(capsys)[0] == 0
    Path("mutation/door.toml").write_text("".join([*lines, '[[waived]]\nmutant = "no such"\nreason = "so"\n']))
    assert mutate(capsys)[0] == 1
    Path("mutation/door.toml").write_text('[[waived]]\nmutant = "no such"\n')
    assert main(["mutate", "charts", "--plan", "mutation/plan.toml"]) == 1
    assert "door.toml" in capsys.readouterr().err


@pytest.mark.campaign
def test_charts_by_any_path_and_scenarios_of_any_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file named by its whole path is not overwritten; a test that loads at import sees the mutant too."""
    Path("checks").mkdir()
    text = SCENARIOS.replace("def door", 'CHART = engine.load("charts/door.yaml")\n\n\ndef door')
    Path("checks/test_door.py").write_text(text.replace('add(engine.load("charts/door.yaml")', "add(CHART"))
    Path("mutation/plan.toml").write_text('scenarios = ["checks"]\n')
    arguments = ("--plan", "mutation/plan.toml", "--json", "results.json", "-j", "1")
    main(["mutate", str(project / "charts" / "door.yaml"), *arguments])
    (result,) = json.loads(Path("results.json").read_text())
    assert sum(mutant["verdict"] == "survived" for mutant in result["mutants"]) == 5
    assert Path("charts/door.yaml").read_text() == CHART
    capsys.readouterr()
    outside = project.parent / "elsewhere.yaml"
    outside.write_text(CHART)
    assert main(["mutate", str(outside), *arguments]) == 1
    assert "is not in" in capsys.readouterr().err


def test_a_failing_scenario_is_told_before_anything_is_tried(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scenario that fails on the chart itself would kill everything."""
    Path("tests/test_door.py").write_text(SCENARIOS.replace('== ("open",)', '== ("shut",)'))
    code = main(["mutate", "charts", "--plan", "mutation/plan.toml", "-j", "1"])
    assert code == 1
    assert "scenarios must pass" in capsys.readouterr().err


def test_a_quick_test_whose_guard_says_no_is_not_crowded_out_by_slow_ones() -> None:
    """The boundary of a guard is told by the set of parameters in which the transition is just not taken."""
    slow = [Scenario(f"t.py::slow_{number}", 1.0, frozenset({"door:open/stop", "door:open"})) for number in range(20)]
    quick = [
        Scenario("t.py::edge[taken]", 0.001, frozenset({"door:open/stop", "door:open"})),
        Scenario("t.py::edge[just not]", 0.001, frozenset({"door:open"})),
        Scenario("t.py::elsewhere", 0.001, frozenset({"door:shut"})),
    ]
    chosen = Scenarios([*slow, *quick]).that_see("door", "open/stop", "open", 5.0, {"t.py"})
    assert chosen[:2] == ["t.py::edge[just not]", "t.py::edge[taken]"]
    assert len(chosen) == 2 + 4
    assert "t.py::elsewhere" not in chosen


def test_verdicts_are_those_of_the_text_that_was_read(project: Path) -> None:
    """A chart that is edited while its mutants are tried is not on record with what they told of the text before."""
    campaign = Campaign(Plan.read(Path("mutation/plan.toml")), Options(record=True), lambda *_: None)
    chart = Path("charts/door.yaml")
    read = digest([chart])
    outcome = campaign._known(chart)
    chart.write_text(CHART.replace("5 s", "6 s"))
    campaign._save(outcome)
    assert Record.read(Path("mutation"), "door").text == read != digest([chart])


@pytest.mark.parametrize(
    ("imports", "stands_on"),
    [
        ("from tests.stage import Stage\n", True),
        ("from tests import stage\n", True),
        ("import tests.stage\n", True),
        ("from tests.other import Stage\n", True),  # which imports it
        ("from elsewhere import Stage\n", False),
    ],
)
def test_a_scenario_is_recorded_again_when_what_it_imports_changes(
    project: Path, imports: str, stands_on: bool
) -> None:
    """And not when its neighbours' helpers do."""
    Path("tests/stage.py").write_text("class Stage:\n    pass\n")
    Path("tests/other.py").write_text("from tests.stage import Stage\n\n__all__ = ['Stage']\n")
    test = Path("tests/test_door.py")
    test.write_text(imports)
    assert (Path("tests/stage.py") in helpers(test)) is stands_on


def test_a_file_that_runs_none_of_the_charts_is_not_recorded_again(project: Path) -> None:
    """Minutes, for each change of any chart; a file that does run one of them is asked what it does now."""
    file, said = Path("tests/test_door.py"), list[int]()
    earlier = {"keys": ["door:open"], "tests": {"tests/test_door.py::gone": [0.1, [0]]}}
    Path("cache").mkdir()
    place = Path("cache", f"{digest([file])}.json")
    place.write_text(json.dumps({**earlier, "digests": {"charts/door.yaml": "of an older text"}}))
    assert list(recorded([file], Path("cache"), 1, said.append, {"charts/lift.yaml"}).all) == [
        "tests/test_door.py::gone"
    ]
    found = recorded([file], Path("cache"), 1, said.append, {"charts/door.yaml", "charts/lift.yaml"})
    assert list(found.all) == ["tests/test_door.py::test_opens_and_closes"]


def test_what_is_ignored_and_what_goes_in_order_is_mutated_too(tmp_path: Path) -> None:
    """Written in lists, they are still one transition and one assignment each."""
    file = tmp_path / "m.yaml"
    file.write_text(
        "machine: m\nevents: {e: {direction: in}, f: {direction: in}}\n"
        "data: {n: {type: int, initial: 0}, k: {type: int, initial: 0}}\nstates:\n  s:\n    ignore: [e, f]\n"
        "    entry: [assign: [{n: k + 1}, {k: n}]]\n  t: {ignore: e}\n"
    )
    chart, text = engine.load(file), file.read_text()
    mutants = {mutant.name: mutant.text(text) for mutant in mutants_of(chart)}
    assert mutants["transition deleted: s/e"] == text.replace("[e, f]", "[f]")
    assert mutants["transition deleted: s/f"] == text.replace("[e, f]", "[e]")
    assert mutants["transition deleted: t/e"] == text.replace("{ignore: e}", "{}")
    assert mutants["action dropped: s: assign n"] == text.replace("[{n: k + 1}, {k: n}]", "[{k: n}]")
    assert mutants["action dropped: s: assign k"] == text.replace("[{n: k + 1}, {k: n}]", "[{n: k + 1}]")
    for mutant in mutants.values():
        engine.load_text(mutant)
