"""``stages`` of a chart, and what a contract says for pictures: a wrong name is refused where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.language.load.contract import load_contract
from engine.language.problems import ChartError

LAMP = """machine: lamp
events: {on: {direction: in}}
states:
  dark: {on: {on: bright}}
  bright: {}
"""
HOUSE = """machine: house
stages:
  empty: In('nobody')
  lit: In('somebody') and lamp.In('bright')
invoke: {id: lamp, src: lamp.yaml}
events: {come: {direction: in}}
states:
  nobody: {on: {come: somebody}}
  somebody: {entry: {send: {event: on, to: lamp}}}
"""
CONTRACT = """contract: wire
lane: copper
local: [tune]
actions: {tune: {args: {}}, say: {args: {}}}
events: {heard: {}}
"""


def written(folder: Path, house: str) -> Path:
    (folder / "lamp.yaml").write_text(LAMP)
    (folder / "house.yaml").write_text(house)
    return folder / "house.yaml"


def test_stages_are_conditions_in_the_order_of_the_file(tmp_path: Path) -> None:
    chart = engine.load(written(tmp_path, HOUSE))
    assert [(stage.title, stage.text) for stage in chart.stages] == [
        ("empty", "In('nobody')"),
        ("lit", "In('somebody') and lamp.In('bright')"),
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (HOUSE.replace("In('nobody')", "In('nobodi')"), "no state 'nobodi' [unknown-state]"),
        (HOUSE.replace("lamp.In('bright')", "lamp.In('brigt')"), "did you mean 'bright'?"),
        (HOUSE.replace("In('nobody')\n", "1\n"), "house.yaml:3:10"),
        (HOUSE.replace("  empty: In('nobody')", "  empty:"), "house.yaml:3:9: the expression ends here"),
    ],
)
def test_a_stage_that_names_nothing_is_refused(tmp_path: Path, wrong: str, told: str) -> None:
    with pytest.raises(ChartError) as error:
        engine.load(written(tmp_path, wrong))
    assert told in str(error.value)


def test_a_contract_says_what_carries_its_messages(tmp_path: Path) -> None:
    file = tmp_path / "wire.contract.yaml"
    file.write_text(CONTRACT)
    contract = load_contract(file)
    assert (contract.lane, contract.local, contract.person) == ("copper", {"tune"}, False)
    file.write_text(CONTRACT.replace("[tune]", "[tume]"))
    with pytest.raises(ChartError, match="'tume' is no order or event of this contract"):
        load_contract(file)
