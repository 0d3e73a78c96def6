"""Paired orders of a contract: what stands when a run is over is told, and what a contract gets wrong about it."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.adapter import Adapter, AdapterError, World
from engine.language.load.contract import load_contract
from engine.language.problems import ChartError
from engine.run import System
from tests.system.tools import S, Watch

CONTRACT = """
contract: heater
actions:
  set: {args: {power: float W, gentle: bool?}}
  heat: {args: {}}
  cool: {args: {}}
  warm_up: {args: {}, result: {}}
unsafe:
  - {order: set(), until: set(power=0 W), description: It is hot}
  - {order: heat(), until: [cool(), set(power=0 W)]}
"""
CHART = """
machine: stove
adapters: {plate: heater}
events: {go: {direction: in, payload: {power: float W}}, heat: {direction: in}, cool: {direction: in}}
states:
  a:
    on:
      go: {actions: plate.set(power=event.power)}
      heat: {actions: plate.heat()}
      cool: {actions: plate.cool()}
      error.adapter.plate: {}
"""


class Heater(Adapter):
    contract = "heater"
    breaks = ""

    def set(self, *, power: float, gentle: bool | None) -> None:
        self._try("set")

    def heat(self) -> None:
        self._try("heat")

    def cool(self) -> None:
        self._try("cool")

    def warm_up(self, *, call_id: str) -> None: ...

    def _try(self, what: str) -> None:
        if self.breaks == what:
            raise AdapterError("no")


def stove(tmp_path: Path) -> tuple[System, Watch, Heater]:
    (tmp_path / "heater.contract.yaml").write_text(CONTRACT)
    (tmp_path / "stove.yaml").write_text(CHART)
    system, heater = System(), Heater({}, World())
    watch = Watch(system)
    system.add(engine.load(tmp_path / "stove.yaml"), adapters={"plate": heater})
    system.start()
    return system, watch, heater


@pytest.mark.parametrize(
    ("orders", "breaks", "stands"),
    [
        ([], "", []),
        ([("go", {"power": 800.0})], "", ["plate.set(power=800.0, gentle=None)"]),
        ([("go", {"power": 800.0}), ("go", {"power": 900.0})], "", ["plate.set(power=800.0, gentle=None)"]),
        ([("go", {"power": 800.0}), ("go", {"power": 0.0})], "", []),
        ([("heat", {}), ("cool", {})], "", []),
        ([("heat", {}), ("go", {"power": 0.0})], "", []),
        ([("heat", {}), ("cool", {}), ("heat", {})], "", ["plate.heat()"]),
        ([("heat", {}), ("cool", {})], "cool", ["plate.heat()"]),  # what failed has taken nothing back
        ([("heat", {})], "heat", ["plate.heat()"]),  # who knows how far it came
        ([("heat", {}), ("go", {"power": 1.0})], "", ["plate.heat()", "plate.set(power=1.0, gentle=None)"]),
    ],
)
def test_what_stands_at_the_end_is_told_and_is_a_failure(
    tmp_path: Path, orders: list[tuple[str, dict[str, float]]], breaks: str, stands: list[str]
) -> None:
    system, watch, heater = stove(tmp_path)
    heater.breaks = breaks
    for event, data in orders:
        system.post(system.roots["stove"], event, data)
        system.run_due()
    system.advance(1 * S)
    assert "left_unsafe" not in watch.kinds()
    system.shutdown()
    told = sorted(note.text.partition(" stands")[0] for note in watch.notes if note.kind == "left_unsafe")
    assert told == stands
    assert len(system.failures) == len(stands)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("{order: heat()}", "until"),
        ("{order: heat(), until: heat()}", "cannot take itself back"),
        ("{order: heat(), until: coool()}", "no action of this contract"),
        ("{order: warm_up(), until: cool()}", "long action"),
        ("{order: heat, until: cool()}", "no order"),
        ("{order: set(powr=1 W), until: cool()}", "no argument 'powr'"),
        ("{order: set(power=1 A), until: cool()}", "A"),
        ("{order: set(power=x), until: cool()}", "x"),
        ("{order: heat(), until: cool(), after: 3}", "after"),
        ("heat()", "mapping"),
    ],
)
def test_a_pair_that_is_none_is_told_with_its_place(tmp_path: Path, pair: str, told: str) -> None:
    file = tmp_path / "heater.contract.yaml"
    file.write_text(CONTRACT.partition("unsafe:")[0] + f"unsafe:\n  - {pair}\n")
    with pytest.raises(ChartError) as error:
        load_contract(file)
    problem = error.value.problems[0]
    assert told in str(problem)
    assert problem.position.line == 9
