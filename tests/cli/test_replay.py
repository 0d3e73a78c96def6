"""`engine trace replay`: with which parameters, and from wherever the charts lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main

LIGHT = """
machine: light
parameters: {T_red: {type: duration, default: 30 s}, n: {type: int, default: 1}}
states:
  red: {after: {T_red: green}}
  green: {invoke: {src: lamp.yaml}, after: {20 s: red}}
"""
LAMP = """
machine: lamp
parameters: {T_warm: {type: duration, default: 2 s}}
states: {cold: {after: {T_warm: warm}}, warm: {}}
"""


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "light.yaml").write_text(LIGHT)
    (tmp_path / "charts" / "lamp.yaml").write_text(LAMP)
    monkeypatch.chdir(tmp_path)
    run = ["run", "charts/light.yaml", "--fast", "--for", "60 s", "--quiet", "--trace", "charts/run.jsonl"]
    assert main([*run, "--set", "n=2"]) == 0
    capsys.readouterr()
    return tmp_path / "charts" / "run.jsonl"


def edit(trace: Path, old: str, new: str) -> None:
    for chart in trace.parent.glob("*.yaml"):
        chart.write_text(chart.read_text().replace(old, new))


def test_another_default_is_told_and_the_recorded_one_taken(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(trace, "30 s", "5 s")
    edit(trace, "2 s", "3 s")
    assert main(["trace", "replay", str(trace)]) == 0
    out = capsys.readouterr().out
    assert "parameters come from the trace" in out
    assert "light.T_red: 30 s in the trace, 5 s by its chart" in out
    assert "light.lamp.T_warm: 2 s in the trace, 3 s by its chart" in out
    assert "all the same" in out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--defaults"], "T_red"),
        (["--set", "T_red=5 s"], "5000000000"),
        (["--set", "light.T_red=5 s"], "5000000000"),
        (["--set", "lamp.T_warm=5 s"], "5000000000"),
    ],
)
def test_other_parameters_part_from_the_trace(
    trace: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(trace, "30 s", "5 s")
    assert main(["trace", "replay", str(trace), *options]) == 1
    said = capsys.readouterr()
    assert "parts from its trace in effects" in said.err
    assert told in said.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("T_rd=5 s", "no machine of the trace has it"),
        ("lmp.T_warm=5 s", "did you mean"),
        ("T_red=five", "duration"),
        ("T_red", "NAME=VALUE"),
    ],
)
def test_a_change_of_nothing_is_a_usage_error(
    trace: Path, change: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "replay", str(trace), "--set", change]) == 2
    assert told in capsys.readouterr().err


def test_charts_are_found_beside_the_trace_from_any_folder(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir("/")
    assert main(["trace", "replay", str(trace)]) == 0
    assert "all the same" in capsys.readouterr().out
