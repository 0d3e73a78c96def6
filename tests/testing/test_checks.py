"""What a generated path checks: each check notices the defect it is there for, planted into a chart or the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.load.contract import load_contract
from engine.run.machine import Machine
from engine.semantics.reference import Interpreter
from engine.semantics.step import Call, Step
from engine.tools.testing import verify as checks
from engine.tools.testing.measure import measure
from engine.tools.testing.transitions import TransitionSearch
from engine.tools.testing.verify import broken_contract, verify

LAMP = """
machine: lamp
parameters: {full: {type: "float %", default: 100 %}}
adapters: {bulb: bulb}
data: {level: {type: float %, initial: 0 %}, ons: {type: int, initial: 0}}
events: {turn: {direction: in, payload: {to: float %}}}
initial: off
states:
  off:
    on:
      turn:
        target: lit
        actions:
          - assign: {level: event.to, ons: ons + 1}
          - bulb.set(level=full, colour='warm')
  lit:
    after: {10 s: off}
    on: {bulb.broken: off}
"""
CONTRACT = """
contract: bulb
actions:
  set: {args: {level: {type: float %, min: 0, max: 100}, colour: "enum(warm, cold)"}}
events:
  broken:
"""


def _lamp(tmp_path: Path, text: str = LAMP) -> engine.language.model.Chart:
    (tmp_path / "bulb.contract.yaml").write_text(CONTRACT)
    (tmp_path / "lamp.yaml").write_text(text)
    return engine.load(tmp_path / "lamp.yaml", {"bulb": load_contract(tmp_path / "bulb.contract.yaml")})


def _problems(chart: engine.language.model.Chart) -> str:
    return "\n".join(map(str, verify(chart, TransitionSearch(chart).run().paths)))


def test_a_chart_in_order_has_no_problem(tmp_path: Path) -> None:
    """The ground the other tests stand on: without a planted defect nothing is told."""
    assert _problems(_lamp(tmp_path)) == ""


def test_a_core_that_takes_other_transitions_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reference against compiled: here the reference hears every second timer only."""
    chart = _lamp(tmp_path)
    monkeypatch.setattr(Interpreter, "expire", lambda self, timer: Step(timer, handled=True))
    assert "transitions: ('lit/after 10 s',); the reference interpreter has ()" in _problems(chart)


def test_a_core_that_computes_other_data_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = _lamp(tmp_path)
    assign = Interpreter.assign

    def wrong(self: Interpreter, name: str, value: Any) -> None:
        assign(self, name, value + 1 if name == "ons" else value)

    monkeypatch.setattr(Interpreter, "assign", wrong)
    assert "differ from the reference's" in _problems(chart)


def test_a_core_with_other_effects_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order left out, all else alike."""
    chart = _lamp(tmp_path)
    monkeypatch.setattr(Interpreter, "payload", lambda self, fields: {"level": 1.0, "colour": "cold"})
    assert "effects:" in _problems(chart)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"level": 101.0, "colour": "warm"}, "101"),
        ({"level": "much", "colour": "warm"}, "level"),
        ({"level": 5.0, "colour": "blue"}, "blue"),
        ({"level": 5.0}, "colour"),
        ({"level": 5.0, "colour": "warm", "speed": 1}, "speed"),
    ],
)
def test_an_order_against_its_adapters_contract_is_told(tmp_path: Path, bad: dict[str, Any], why: str) -> None:
    """Range, type, name of an enumeration, argument left out, argument unknown."""
    text = broken_contract(_lamp(tmp_path), Call("bulb", "set", bad))
    assert "bulb.set" in text
    assert why in text


def test_an_order_out_of_range_in_a_path_is_told(tmp_path: Path) -> None:
    """A computed argument beyond what the adapter takes: an error nobody answers, and a transition out of reach."""
    paths = TransitionSearch(_lamp(tmp_path)).run().paths
    chart = _lamp(tmp_path, LAMP.replace("bulb.set(level=full, colour", "bulb.set(level=full * 2, colour"))
    assert "200" in "\n".join(map(str, verify(chart, paths)))
    result = measure(chart)
    assert result.failed
    assert any("200" in note for note in result.notes)


def test_a_broken_invariant_is_told(tmp_path: Path) -> None:
    chart = _lamp(tmp_path, LAMP + "invariant: {expr: ons < 1, message: never lit}\n")
    assert "invariant broken: never lit" in _problems(chart)


def test_an_unanswered_error_is_told_and_an_answered_one_is_not(tmp_path: Path) -> None:
    """``error.execution`` nobody takes. The search does not go on behind one, so the path is given here."""
    fails = LAMP.replace("ons: ons + 1", "ons: 1 // ons")
    for text, told in ((fails, True), (fails + "on: {error.execution: {}}\n", False)):
        paths = TransitionSearch(_lamp(tmp_path)).run().paths
        chart = _lamp(tmp_path, text)
        problems = "\n".join(map(str, verify(chart, paths)))
        assert ("nobody answers this error.execution" in problems) is told
    result = measure(_lamp(tmp_path, fails))
    assert result.failed
    assert any("division" in note or "zero" in note for note in result.notes)


def test_a_snapshot_that_forgets_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshot and resume at every step equal none: here a snapshot loses a data item's value."""
    chart = _lamp(tmp_path)
    whole = Machine.core_snapshot

    def forgetful(self: Machine) -> dict[str, Any]:
        core = whole(self)
        return {**core, "data": {**core["data"], "ons": 0}}

    monkeypatch.setattr(Machine, "core_snapshot", forgetful)
    assert "the machine resumed from a snapshot" in _problems(chart)


def test_a_trace_that_does_not_replay_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that lacks what a replay needs: here the payload of events."""
    chart = _lamp(tmp_path)
    record = checks.event_record

    def without_data(event: engine.semantics.step.Event) -> dict[str, Any]:
        return {**record(event), "data": {"to": 77.0}}

    monkeypatch.setattr(checks, "event_record", without_data)
    assert "the trace does not replay" in _problems(chart)
