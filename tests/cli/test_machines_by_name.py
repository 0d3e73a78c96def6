"""``use = "machine:NAME"``: a role of one machine of a station bound to another machine."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.language.problems import ChartError
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, resolve

SWITCH = """\
contract: dimmer
actions:
  dim: {args: {level: int %}}
values:
  level: int %
"""
LAMP = """\
machine: lamp
serves: dimmer
data: {level: {type: int %, initial: 0}}
states:
  on: {on: {dim: {actions: [assign: {level: event.level}]}}}
"""
WALL = """\
machine: wall
adapters: {lamp: dimmer}
events: {pressed: {direction: in, payload: {hard: bool}}}
data: {failed: {type: int, initial: 0}}
states:
  there:
    on:
      pressed: {actions: [lamp.dim(level=100 % if event.hard else 20 %)]}
      error.adapter.lamp: {actions: [assign: {failed: failed + 1}]}
"""
STATION = """\
[station]
machine = "lamp.yaml"
[machines.kitchen]
chart = "wall.yaml"
[machines.kitchen.adapters.lamp]
use = "machine:lamp"
[machines.hall]
chart = "wall.yaml"
adapters.lamp.use = "machine:lamp"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in (
        ("dimmer.contract.yaml", SWITCH), ("lamp.yaml", LAMP), ("wall.yaml", WALL), ("home.toml", STATION)
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    return tmp_path / "home.toml"


def plan(file: Path, *sets: str) -> Station:
    return resolve(file, None, Overrides(sets, {}), installed(), engine.load)


def test_both_switches_dim_the_lamp(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`kitchen.pressed` is the event of that machine; a fault is of the role it names."""
    events = "kitchen.pressed(hard=true), 1 s, hall.pressed(hard=false), 1 s, hall.pressed(hard=false)"
    command = ["run", str(home), "--fast", "--plain", "--for", "5 s", "--events", events]
    assert main([*command, "--fault", "drop:hall.lamp.dim:2"]) == 0
    out = capsys.readouterr().out
    assert "0.000  kitchen  pressed(hard=True)  lamp.dim(level=100 %)" in out
    assert "0.000  lamp  dim(level=100 %)" in out
    assert "1.000  lamp  dim(level=20 %)" in out
    assert "2.000  hall  pressed" in out
    assert "2.000  lamp" not in out
    assert main([*command[:-1], "dim(level=7)"]) == 0, "and a person may, too"


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (
            "hall.adapters.lamp.use=machine:lmap",
            "use=machine:lmap: role lamp of hall: there is no machine 'lmap' here; did you mean 'lamp'?",
        ),
        (
            "hall.adapters.lamp.use=machine:kitchen",
            "wall.yaml) cannot stand behind role 'lamp': it does not say 'serves: dimmer'",
        ),
        ("hall.adapters.lamp.use=machine:hall", "hall cannot stand behind a role of its own"),
        (
            "hall.adapters.lamp.parameters.T=3",
            "unknown setting 'parameters.T'; lamp is a machine: its own section is [machines.lamp]",
        ),
        ("lamp.present=false", "home.toml:6:8: role lamp of kitchen: there is no machine 'lamp' here"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(home: Path, sets: str, told: str) -> None:
    with pytest.raises(StationError) as error:
        plan(home, sets)
    assert told in str(error.value)


def test_an_order_the_other_does_not_take_is_told_with_its_place(home: Path) -> None:
    wall = home.with_name("wall.yaml")
    wall.write_text(WALL.replace("lamp.dim(", "lamp.dimm("))
    with pytest.raises(ChartError, match=r"wall.yaml:8:\d+: .*dimm"):
        plan(home)
    wall.write_text(WALL.replace("level=100 % if event.hard else 20 %", "level=20 V"))
    with pytest.raises(ChartError, match=r"wall.yaml:8:\d+: .*V"):
        plan(home)
    wall.write_text(WALL)
    home.with_name("lamp.yaml").write_text(LAMP.replace("dim:", "dimm:"))
    with pytest.raises(ChartError, match=r"lamp.yaml:2:\d+: lamp serves dimmer and takes no order 'dim'"):
        plan(home)


def test_help_config_names_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(home), "--help-config"]) == 0
    out = capsys.readouterr().out
    assert "machines.kitchen.adapters.lamp.use = machine:lamp" in out
    assert "the machine lamp, see there" in out
