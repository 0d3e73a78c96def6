"""The live view of a station of several units: a row for each, in 80x24 and in less."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import ConsoleDimensions

import engine
from engine.cli.live import LiveView, _Frame
from engine.cli.out import Output
from engine.cli.sessions import Sessions
from engine.run import System
from engine.run.registry import installed
from engine.run.station import Overrides, build, resolve

LATCH = """\
contract: latch
actions: {pull: {args: {}}}
events: {pulled: }
values: {force: float A}
"""
YARD = """\
machine: yard
parameters: {gates: {type: int, min: 1, default: 2}}
units: {gate: {count: gates}}
data: {all: {type: int, initial: gates}}
events: {hurry: {direction: in}}
states:
  open:
    title: Open to all
    entry:
      - foreach: {in: range(gates), item: i, do: [spawn: {id: gate, src: gate.yaml, key: i + 1, unit: gate}]}
    on:
      done.invoke.gate:
      hurry: {actions: [stop: {id: gate, key: "2"}]}
"""
GATE = """\
machine: gate
adapters: {latch: latch}
data: {count: {type: int, initial: 0}}
states:
  shut:
    title: Shut by its latch
    entry: [latch.pull()]
    on: {latch.pulled: {actions: [assign: {count: count + 1}]}}
"""
STATION = """\
[station]
machine = "yard.yaml"
[units.gate.adapters.latch]
use = "none"
[display]
"Count of all" = "yard.all"
"State" = "yard.gate[{}].shut"
"Last" = "yard.gate[{}].latch"
"Count" = "yard.gate[{}].count"
"Force" = "yard.gate[{}].latch.force"
"""


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    files = {"latch.contract.yaml": LATCH, "yard.yaml": YARD, "gate.yaml": GATE, "yard.toml": STATION}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path / "yard.toml"


class View:
    """The live view of a yard on the virtual clock, in a terminal of this size."""

    def __init__(self, file: Path, gates: int) -> None:
        station = resolve(file, None, Overrides((f"gates={gates}",), {}), installed(), engine.load)
        self.system = System()
        build(station, self.system, installed())
        out = Output(io.StringIO())
        self.view = LiveView(self.system, station, Sessions(station, self.system, list), out)
        self.resize(80, 24)
        self.system.start()
        self.system.run_due()

    def resize(self, columns: int, lines: int) -> None:
        self.view._console.size = ConsoleDimensions(columns, lines)

    def drawn(self) -> list[str]:
        """The page as it is now."""
        width, height = self.view._console.size
        page = self.view._page(width, max(12, height - 1))
        with self.view._console.capture() as captured:
            self.view._console.print(_Frame(page, height - 1))
        lines = captured.get().splitlines()
        assert len(lines) <= max(12, height - 1)
        assert all(len(line) <= width for line in lines)
        return lines


@pytest.mark.parametrize("gates", [1, 2, 4, 12])
def test_a_row_for_every_unit_fits_into_80x24(yard: Path, gates: int) -> None:
    view = View(yard, gates)
    for number in range(1, gates + 1):
        view.system.roots["yard"].children["gate", number].roles["latch"].emit("pulled", {})
    view.system.run_due()
    lines = view.drawn()
    rows = [line.split() for line in lines if line.startswith(" gate")]
    assert rows == [[f"gate{n}", "Shut", "by", "its", "latch", "pulled", "1", "0", "A"] for n in range(1, gates + 1)]
    assert any("Open to all" in line for line in lines), "and what is no unit stands below"
    assert any("gate" in line and "▸ latch.pulled" in line for line in lines)


def test_what_does_not_fit_is_counted(yard: Path) -> None:
    view = View(yard, 12)
    view.resize(60, 16)
    lines = view.drawn()
    shown = sum(line.startswith(" gate") for line in lines)
    assert 1 <= shown < 12
    assert any(line.split() == ["…", str(12 - shown), "more"] for line in lines)
    view.resize(120, 40)
    assert sum(line.startswith(" gate") for line in view.drawn()) == 12


def test_a_unit_whose_machine_has_ended_says_so(yard: Path) -> None:
    view = View(yard, 3)
    view.system.post(view.system.roots["yard"], "hurry")
    view.system.run_due()
    rows = {line.split()[0]: line for line in view.drawn() if line.startswith(" gate")}
    assert "does not run" in rows["gate2"]
    assert "Shut by its latch" in rows["gate3"]
