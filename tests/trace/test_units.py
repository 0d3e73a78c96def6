"""Values reach people with their units: in live lines, in a trace read without its charts, in a sequence diagram."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.tools.trace.show import arguments
from engine.tools.trace.units import units_of

LINK = """
contract: link
actions: {report: {args: {level: list of float dB, wait: duration, tries: int}}}
events: {}
"""
CHILD = """
machine: heater
events:
  limit: {direction: in, payload: {power: float kW}}
  over: {direction: out, payload: {lasted: duration, energy: float Wh}}
initial: a
states:
  a:
    on:
      limit:
        target: b
        actions: [send: {event: over, to: parent, data: {lasted: 90 s, energy: event.power * 1 h}}]
  b: {}
"""
TOP = """
machine: top
adapters: {link: link}
parameters: {T_wait: {type: duration, default: 600 ms}}
events: {set: {direction: in, payload: {temperature: int degC, name: string}}}
output: {spent: float Wh}
states:
  a:
    invoke: {id: heater, src: heater.yaml}
    on:
      set:
        actions:
          - link.report(level=[1.5 dB, 2 dB], wait=T_wait, tries=3)
          - send: {event: limit, to: heater, data: {power: 2 kW}}
      heater.over: {target: b}
  b: {type: final, output: {spent: 2 kWh}}
"""
TOLD = [
    "     0.000  top  set(temperature=40 degC, name=x)  link.report(level=[1.5, 2] dB, wait=600 ms, tries=3)  "
    "send limit(power=2 kW) to heater",
    "     0.000  top/heater  limit(power=2 kW)  a → b  send over(lasted=90 s, energy=2000 Wh) to parent",
    "     0.000  top  heater.over(lasted=90 s, energy=2000 Wh)  a →  stop heater  done (spent=2000 Wh)",
]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[list[str], Path]:
    for name, text in (("link.contract.yaml", LINK), ("heater.yaml", CHILD), ("top.yaml", TOP)):
        (tmp_path / name).write_text(text)
    trace = tmp_path / "run.jsonl"
    given = ["--fast", "--plain", "--set", "adapters.link.use=none", "--events", "set(temperature=40 degC, name='x')"]
    assert main(["run", str(tmp_path / "top.yaml"), *given, "--trace", str(trace)]) == 0
    shown = capsys.readouterr().out.splitlines()
    for name in ("heater.yaml", "top.yaml"):
        (tmp_path / name).unlink()
    return shown, trace


def test_lines_of_a_run_have_units(run: tuple[list[str], Path]) -> None:
    assert [line for line in run[0] if "(" in line and "READY" not in line][:3] == TOLD


def test_a_trace_has_them_without_its_charts(run: tuple[list[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "show", str(run[1])]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "(" in line] == TOLD
    assert main(["trace", "sequence", str(run[1])]) == 0
    drawn = capsys.readouterr().out
    for told in ("set(temperature=40 degC, name=x)", "report(level=[1.5, 2] dB, wait=600 ms, tries=3)"):
        assert told in drawn


def test_events_of_the_engine_have_them_too() -> None:
    """Ten digits of nanoseconds do not tell a person how late the computer was."""
    chart = engine.load_text("machine: m\nstates:\n  a: {on: {error.host: {}}}\n")
    assert arguments({"late": 1_200_000_000}, units_of(chart)["error.host"]) == "late=1.2 s"
