"""The charts that come with the package are found by name from any folder; what lies in the folder goes first."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.language.load.installed_files import found, installed_charts
from tests.cli.conftest import LIGHT, Engine

MACHINES = Path(__file__).parents[2] / "machines"


@pytest.mark.parametrize(
    "name",
    ["machines/slac/evse.yaml", "slac/evse.yaml", "slac/evse", "slac_evse"],
)
def test_a_chart_has_four_names_everywhere(name: str, folder: Path) -> None:
    assert found(name) == MACHINES / "slac" / "evse.yaml"
    assert engine.load(name).name == "slac_evse"


def test_every_shipped_chart_is_found_by_its_own_name(folder: Path) -> None:
    charts = {engine.load(path).name: path for path in MACHINES.rglob("*.yaml")}
    assert dict(installed_charts()) == charts


@pytest.mark.parametrize("command", ["check", "test", "export", "diagram", "run"])
def test_commands_take_them(command: str, engine: Engine) -> None:
    more = {"export": ("--to", "mermaid"), "diagram": ("--format", "mermaid"), "run": ("--fast", "--for", "1 s")}
    code, out, err = engine(command, "keep_alive", *more.get(command, ()))
    assert (code, err.strip()) == (0, "")
    assert out


def test_a_station_file_runs_with_its_vehicles(engine: Engine) -> None:
    arguments = ("--fast", "--quiet", "--for", "1 s")
    for station in (("evse_dc",), ("stations/evse_dc.toml",), ("evse_dc", "--station", "stations/evse_dc.toml")):
        code, out, err = engine("run", *station, *arguments, "--set", "vehicle=kia_ev6")
        assert (code, err) == (0, "")
        assert "pev: stopped" in out


def test_a_station_and_a_chart_of_ones_own_may_name_them(engine: Engine) -> None:
    Path("mine.yaml").write_text(
        "machine: mine\nadapters: {supply: power_supply, contactor: contactor}\n"
        "states: {a: {invoke: {id: alive, src: machines/power/keep_alive.yaml}}}\n"
    )
    assert main(["check", "mine.yaml"]) in (0, 1)  # it loads
    Path("mine.toml").write_text(
        '[station]\nmachine = "pev_dc"\n[sets.vehicle]\ndirectory = "machines/vehicles"\nmachine = "pev_dc"\n'
    )
    code, _, err = engine("run", "mine.toml", "--fast", "--for", "1 s", "--set", "vehicle=kia_ev6")
    assert (code, err) == (0, "")


def test_what_lies_in_the_folder_goes_first(engine: Engine) -> None:
    Path("machines").mkdir()
    Path("machines/evse_dc.yaml").write_text(LIGHT.replace("beeper.yaml", "../beeper.yaml"))
    code, out, _ = engine("run", "machines/evse_dc.yaml", "--fast", "--for", "1 s")
    assert code == 0
    assert "Traffic light" in out


def test_a_name_of_nothing_is_told_with_the_nearest(engine: Engine) -> None:
    code, _, err = engine("run", "evse_d")
    assert code == 2
    assert err.endswith("cannot be read: No such file or directory [missing-file]\n    did you mean 'evse_dc'?\n")
    code, _, err = engine("check", "slac_evs")
    assert (code, err) == (2, "engine: slac_evs: no such chart or folder; did you mean 'slac_evse'?\n")


@pytest.mark.parametrize("name", ["../machines/evse_dc.yaml", "/machines/evse_dc.yaml", "a" * 5000, "x\0y", ""])
def test_other_paths_mean_what_they_say(name: str, folder: Path) -> None:
    assert found(name) == Path(name)
