"""What a person types of an adapter goes where the adapter's own event goes; a wrong name is told the right ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main

OUTPUT = """\
machine: output
adapters: {k1: latch}
events: {opened: {direction: out}}
states:
  closed: {on: {k1.tripped: {target: open, actions: {send: {event: opened, to: parent, data: {}}}}}}
  open: {}
"""
LATCH = """\
contract: latch
person: true
events: {tripped: {payload: {kind: "enum(ac, dc)"}}}
"""
PANEL = """\
machine: panel
adapters: {k1: latch}
events:
  pressed: {direction: in}
  renamed: {direction: in}
states:
  on:
    invoke: {id: output, src: output.yaml}
    on:
      output.opened: off
      pressed: on
      renamed: on
  off: {}
"""
STATION = """\
[station]
machine = "panel.yaml"
[adapters.k1]
use = "./k1.py:Latch"
"""
ADAPTER = """\
from engine.adapter import Adapter
class Latch(Adapter):
    contract = "latch"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in (
        ("output.yaml", OUTPUT), ("latch.contract.yaml", LATCH), ("panel.yaml", PANEL), ("home.toml", STATION),
        ("k1.py", ADAPTER),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    return tmp_path / "home.toml"


def run(home: Path, events: str, *more: str) -> int:
    return main(["run", str(home), "--fast", "--plain", "--for", "5 s", "--events", events, *more])


def test_an_adapters_event_reaches_the_child_that_has_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The main machine has the role, and no transition: its child has."""
    assert run(home, "1 s, k1.tripped(kind=dc)") == 0
    out = capsys.readouterr().out
    assert "1.000  panel/output  k1.tripped(kind=dc)" in out
    assert "1.000  panel  output.opened" in out
    assert "panel  k1.tripped" not in out
    assert run(home, "1 s, k1.tripped(kind=dc)", "--fault", "drop:k1.tripped:1") == 0
    assert "output.opened" not in capsys.readouterr().out, "a fault strikes it like the adapter's own"
    assert run(home, "k1.tripped(kind=pink)") == 2


def test_the_names_of_the_chart_are_all_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "xyz") == 2
    told = capsys.readouterr().err
    assert "panel knows no event 'xyz'; there are: " in told
    assert all(name in told for name in ("pressed", "renamed", "k1.tripped"))
    assert run(home, "presed") == 2
    assert "did you mean 'pressed'?" in capsys.readouterr().err


def test_a_residual_current_opens_the_outlet(capsys: pytest.CaptureFixture[str]) -> None:
    """Whose output is two floors below the station's main machine."""
    command = ["run", "machines/evse_ac.yaml", "--fast", "--plain", "--for", "4 s", "--link", "none"]
    main([*command, "--events", "3 s, rcd.tripped(kind=dc)"])
    said = capsys.readouterr().out
    assert "3.000  evse/outlet/output  rcd.tripped(kind=dc)" in said


def test_a_unit_of_a_site_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`outlet1.button.stop_pressed` is for one outlet and no other."""
    command = ["run", "machines/site.yaml", "--set", "outlets=2", "--fast", "--plain", "--for", "2 s"]
    main([*command, "--events", "1 s, outlet1.button.stop_pressed"])
    said = capsys.readouterr().out
    assert "site/outlet[1]  button.stop_pressed" in said
    assert "site/outlet[2]  button.stop_pressed" not in said
    assert main([*command, "--events", "button.stop_pressed"]) == 2
    assert "which button.stop_pressed: outlet1.button.stop_pressed, outlet2." in capsys.readouterr().err
    assert main([*command, "--events", "outlet1.button.nonsense"]) == 2
    assert "outlet1.button knows no event 'nonsense'; there are: " in capsys.readouterr().err
