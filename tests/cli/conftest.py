"""A small chart and the command, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli import main

LIGHT = """
machine: light
title: Traffic light
parameters:
  T_green: {type: duration, default: 20 s, description: How long it is green, source: Road code 7}
  power: {type: float kW, default: 1 kW}
  lamps: {type: int, default: 3}
data: {cars: {type: int, initial: 0}}
events:
  car: {direction: in}
  fault: {direction: in, payload: {code: int, text: string?}}
  broken: {direction: out, payload: {code: int}}
initial: red
states:
  red: {after: {30 s: green}}
  green:
    invoke: {id: beep, src: beeper.yaml}
    on: {car: {actions: [assign: {cars: cars + 1}]}}
    after: {T_green: red}
  out: {}
on:
  fault: {target: out, actions: [send: {event: broken, to: parent, data: {code: event.code}}]}
"""
BEEPER = """
machine: beeper
parameters: {T_beep: {type: duration, default: 7 s}, tone: {type: "enum(high, low)", default: "'low'"}}
initial: off
states:
  off: {after: {T_beep: on}}
  on: {}
"""
STATION = """
[station]
machine = "light.yaml"
name = "crossing"
title = "Crossing"
session_end = "crossing.broken"

[parameters]
T_green = "10 s"
beep.T_beep = "3 s"

[machines.second]
chart = "light.yaml"

[machines.second.parameters]
lamps = 5

[sets.road]
directory = "roads"
machine = "second"

[options.rush]
"parameters.T_green" = "{}"
[options.season.winter]
"machines.second.present" = false
[options.season.summer]
"T_green" = "1 min"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "light.yaml").write_text(LIGHT)
    (tmp_path / "beeper.yaml").write_text(BEEPER)
    (tmp_path / "crossing.toml").write_text(STATION)
    (tmp_path / "roads").mkdir()
    (tmp_path / "roads" / "main.toml").write_text('title = "Main road"\nT_green = "40 s"\nbeep.tone = "high"\n')
    (tmp_path / "roads" / "side.yaml").write_text("T_green: 5 s\nlamps: 2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


Engine = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine(folder: Path, capsys: pytest.CaptureFixture[str]) -> Engine:
    """Runs the command in the folder of the chart: exit code, output, errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run
