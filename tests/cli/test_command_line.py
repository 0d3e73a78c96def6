"""What a person gets who mistypes, whose disk is full or whose trace is cut off: one line that helps, an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import main

CHART = "machine: light\nstates: {red: {after: {5 s: green}}, green: {after: {4 s: red}}}\n"


def engine(*arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine.cli", *arguments]
    return subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


@pytest.fixture
def light(tmp_path: Path) -> Path:
    path = tmp_path / "light.yaml"
    path.write_text(CHART)
    return path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chekc", "x.yaml"], "there is no command 'chekc'; did you mean 'check'?"),
        (["check", "x.yaml", "--jsn"], "unknown argument --jsn; did you mean '--json'?"),
        (["run", "{light}", "--fats"], "--fats: there is no such option; did you mean '--fast'?"),
        (["run", "{light}", "--traec", "x"], "--traec: there is no such option; did you mean '--trace'?"),
        (["trace", "show", "x.jsonl", "--problem"], "x.jsonl: No such file or directory"),
        (["check", "{light}l"], "{light}l: no such chart or folder; did you mean '{light}'?"),
        (["run", "{light}l"], "{light}l:1:1: cannot be read: No such file or directory"),
        (["check", "{empty}"], "{empty}: there is no chart (*.yaml) in this folder"),
    ],
)
def test_a_typing_mistake_is_told_with_what_was_meant(
    arguments: list[str], told: str, light: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = light.parent / "empty"
    empty.mkdir()
    assert main([argument.format(light=light, empty=empty) for argument in arguments]) == 2
    assert capsys.readouterr().err.startswith(f"engine: {told.format(light=light, empty=empty)}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "LIGHT", "--fast", "--for", "-3 s"], "--for -3 s: no time to run"),
        (["run", "LIGHT", "--fast", "--for", "0 s"], "--for 0 s: no time to run"),
        (["run", "LIGHT", "--fast", "--for", "9e9 h"], "--for 9e9 h: the number does not fit 64 bits"),
        (["check", "LIGHT", "--limit", "0"], "--limit: '0': write a whole number, 1 or more"),
        (["test", "LIGHT", "-j-2"], "-j/--jobs: '-2': write a whole number, 1 or more"),
        (["mutate", "LIGHT", "--budget", "nan"], "--budget: 'nan' is no time in seconds; write more than 0"),
        (["mutate", "LIGHT", "--sample", "1.5"], "--sample: '1.5': write a whole number"),
        (["diagram", "LIGHT", "--format", ","], "--format ,: nothing to draw; known are svg"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(
    arguments: list[str], told: str, light: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(light) if argument == "LIGHT" else argument for argument in arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_trace_on_a_full_disk_ends_the_run_in_one_line(light: Path) -> None:
    done = engine("run", str(light), "--fast", "--for", "1 h", "--quiet", "--trace", "/dev/full")
    assert (done.returncode, done.stderr) == (1, "engine: /dev/full: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_standard_output_on_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = engine("schema", stdout=full.fileno())
    assert (done.returncode, done.stderr) == (1, "engine: standard output: No space left on device\n")


def test_a_trace_that_is_cut_off_says_so(light: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "run.jsonl"
    assert main(["run", str(light), "--fast", "--for", "30 s", "--quiet", "--trace", str(trace)]) == 0
    whole = trace.read_text()
    lines = whole.count("\n")
    trace.write_text(whole[:-20])
    capsys.readouterr()
    assert main(["trace", "replay", str(trace)]) == 0
    shown = capsys.readouterr()
    assert shown.err == f"engine: {trace}:{lines}: the last line is cut off and left out\n"
    assert shown.out == f"{lines - 2} steps, all the same\n"


def test_a_contract_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["adapters", "power_supply"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 60
    assert "  order  set(voltage: float V, current: float A)  New set" in shown
    assert "         points; take effect at once when the output is on." in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_lacks_is_spelled_out(encoding: str, light: Path) -> None:
    done = engine("run", str(light), "--fast", "--for", "6 s", "--plain", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "     5.000  light  after 5 s in red  red -> green\n" in done.stdout
