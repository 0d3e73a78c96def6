"""Adapters of a station: chosen by name, their settings typed, filled in and overridable; what is wrong is told."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest

import engine
from adapters.registry import IMPLEMENTATIONS
from engine.adapter import Adapter, AdapterError, Setting, World
from engine.language.load import load_contract
from engine.language.model import Chart
from engine.language.values import checked, type_error
from engine.run import System
from engine.run.station import AdapterPlan, Overrides, Station, StationError, build, resolve
from engine.run.station.describe import describe
from engine.run.station.null_adapter import NullAdapter, empty
from engine.run.station.setting_types import setting_type
from tests.system.tools import DOOR, Door

GATE = """
machine: gate
adapters: {front: door, back: door}
initial: a
states: {a: {}}
"""
STATION = """
[adapters.front]
use = "typed"
speed = "20 ms"
[adapters.back]
anything = 3
"""


class TypedDoor(Door):
    """A door with settings."""

    settings: ClassVar[dict[str, Setting]] = {
        "speed": Setting("duration", 5_000_000, "How long it takes."),
        "width": Setting("float", 0.9, "How wide it opens."),
        "side": Setting("enum(left, right)", "left", "Where the hinge is."),
        "fault": Setting("string", "", "Faults by rule."),
    }


class NarrowDoor(TypedDoor):
    """Not every width can be."""

    @classmethod
    def refuses(cls, config):
        return {} if config["width"] > 0 else {"width": f"a door is wider than {config['width']:g} m"}


class Halfdoor(Door):
    """Lacks a method."""

    lock = None  # type: ignore[assignment]


class Registry:
    def contract_files(self) -> list[str]:
        return []

    def implementations(self, contract: str) -> dict[str, str]:
        here = "tests.cli.test_adapter_settings"
        known = {"plain": "tests.system.tools:Door", "typed": f"{here}:TypedDoor", "half": f"{here}:Halfdoor",
                 "narrow": f"{here}:NarrowDoor",
                 "gone": "tests.nowhere:Door"}  # fmt: skip
        return known if contract == "door" else {}

    def chart_folders(self) -> list[str]:
        return []


def load(path: Path) -> Chart:
    return engine.load(path, contracts={"door": DOOR})


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gate.yaml").write_text(GATE)
    Path("gate.toml").write_text(STATION)


def gate(*sets: str, environ: dict[str, str] | None = None, faults: tuple[str, ...] = ()) -> Station:
    overrides = Overrides(sets, environ or {}, {}, faults)
    return resolve(Path("gate.yaml"), Path("gate.toml"), overrides, Registry(), load)


def front(*sets: str, **more: Any) -> AdapterPlan:
    return gate(*sets, **more).machines["gate"].adapters["front"]


def test_declared_settings_are_typed_and_filled_in() -> None:
    assert front().config == {"speed": 20_000_000, "width": 0.9, "side": "left", "fault": ""}


def test_undeclared_settings_are_handed_over_as_written() -> None:
    back = gate().machines["gate"].adapters["back"]
    assert (back.use, back.config) == ("plain", {"anything": 3})


def test_a_role_nobody_configures_gets_the_first_implementation() -> None:
    station = resolve(Path("gate.yaml"), None, Overrides((), {}), Registry(), load)
    assert [plan.use for plan in station.machines["gate"].adapters.values()] == ["plain", "plain"]


def test_settings_are_overridden_by_environment_and_set() -> None:
    environ = {"CHARGER_ADAPTERS_FRONT_WIDTH": "1.5", "CHARGER_ADAPTERS_FRONT_SIDE": "right"}
    assert front(environ=environ).config["width"] == 1.5
    assert front("adapters.front.width=2", environ=environ).config["width"] == 2.0
    assert front(environ=environ).config["side"] == "right"
    back = gate("adapters.back.other=[1, 2]", "adapters.back.name=x y", environ={"CHARGER_ADAPTERS_BACK_THIRD": "7"})
    assert back.machines["gate"].adapters["back"].config == {"anything": 3, "other": [1, 2], "name": "x y", "third": 7}


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("adapters.front.spede=1 s", "did you mean 'speed'?"),
        ("adapters.front.speed=1", "a duration such as 250 ms"),
        ("adapters.front.speed=-1 ms", "setting speed: -1 ms is below the minimum 0 s"),
        ("adapters.front.side=top", "top"),
        ("adapters.front.use=tiped", "did you mean 'typed'?"),
        ("adapters.frnt.use=typed", "did you mean 'front'?"),
        ("adapters.front=typed", "has no role"),
        ("adapters.front.use=gone", "tests.nowhere"),
    ],
)
def test_a_wrong_setting_is_told(assignment: str, told: str) -> None:
    with pytest.raises(StationError) as wrong:
        gate(assignment)
    assert told in str(wrong.value)


def test_a_value_that_its_adapter_refuses_is_told_with_its_place() -> None:
    """Before anything is made: file, line and column, or whatever else set it; role and setting."""
    Path("gate.toml").write_text('[adapters.front]\nuse = "narrow"\nwidth = 0.0\n')
    with pytest.raises(StationError) as wrong:
        gate()
    assert str(wrong.value) == "gate.toml:3:9: role front, setting width: a door is wider than 0 m"
    with pytest.raises(StationError) as wrong:
        gate("adapters.front.width=-1")
    assert str(wrong.value).startswith("--set adapters.front.width=-1: role front, setting width: ")
    assert gate("adapters.front.width=1").machines["gate"].adapters["front"].config["width"] == 1.0


def test_rules_about_frames_go_to_every_adapter_that_takes_them() -> None:
    assert front(faults=("drop:CM_X",)).config["fault"] == "drop:CM_X"
    assert front(faults=("drop:CM_X,dup:0xA06E", "drop:IP")).config["fault"] == "drop:CM_X,dup:0xA06E,drop:IP"
    Path("gate.toml").write_text("")
    with pytest.raises(StationError, match="no adapter of this station"):
        gate(faults=("drop:CM_X",))


def test_a_contract_nobody_implements_is_told() -> None:
    class Empty(Registry):
        def implementations(self, contract: str) -> dict[str, str]:
            return {}

    with pytest.raises(StationError, match=r"nothing implements contract door .*--set adapters.front.use=none"):
        resolve(Path("gate.yaml"), None, Overrides((), {}), Empty(), load)


def test_a_role_can_be_run_with_nothing_behind_it() -> None:
    """Before its adapter is written, a chart can be played: it orders into the void and is told by hand."""
    station = gate("adapters.front.use=none", "adapters.back.use=none")
    system = System()
    build(station, system, Registry())
    system.start()
    assert [type(bound.adapter) for bound in system.bindings] == [NullAdapter, NullAdapter]
    assert not system.failures


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bool", False),
        ("float V", 0.0),
        ("int?", None),
        ("duration", 0),
        ("enum(a, b)", "a"),
        ("{type: int, min: 3}", 3),
        ("{type: float, max: -1}", -1.0),
        ("{type: bytes, min: 2}", b"\0\0"),
        ("{type: string, min: 1}", " "),
        ("{type: list, of: int, min: 2}", [0, 0]),
        ("any", None),
    ],
)
def test_the_values_of_an_absent_adapter_keep_to_their_contract(text: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "door.contract.yaml"
    path.write_text(f"contract: door\nvalues: {{x: {text if text[0] == '{' else repr(text)}}}\n")
    type_ = load_contract(path).values["x"]
    assert empty(type_) == value
    assert type(empty(type_)) is type(value)
    assert not type_error(empty(type_), type_)


def test_the_adapters_are_made_with_their_settings_and_one_world() -> None:
    system = System()
    build(gate(), system, Registry())
    bindings = system.roots["gate"].roles
    assert isinstance(bindings["front"].adapter, TypedDoor)
    assert bindings["front"].adapter.config["speed"] == 20_000_000
    assert bindings["front"].adapter.world is bindings["back"].adapter.world is system.world


def test_an_adapter_that_does_not_fit_its_contract_is_told_with_its_role() -> None:
    with pytest.raises(AdapterError, match=r"role 'front'.*the method lock"):
        build(gate("adapters.front.use=half"), System(), Registry())


def test_help_config_lists_the_settings_of_the_adapter_in_use() -> None:
    text = describe(gate(), Registry())
    uses = "one of plain, typed, half, narrow, gone, none, FILE.py:CLASS, CHART.yaml, machine:NAME"
    assert re.search(rf"adapters\.front\.use = typed  \({re.escape(uses)}; \S*gate\.toml\)", text)
    assert "adapters.front.side = left  (enum(left, right); default)" in text
    assert "Where the hinge is." in text
    assert "CHARGER_ADAPTERS_FRONT_USE" in text
    assert "adapters.front.speed = 20 ms  (duration; gate.toml)" in text


SHIPPED = sorted(where for uses in IMPLEMENTATIONS.values() for where in uses.values())


@pytest.mark.parametrize("where", [where for where in SHIPPED if not where.endswith(".yaml")])
def test_every_shipped_adapter_declares_its_settings(where: str) -> None:
    """``--help-config`` lists every key of every adapter, with a default of its type; a misspelt one is told."""
    module, _, name = where.partition(":")
    shipped: type[Adapter] = getattr(import_module(module), name)
    for key, setting in shipped.settings.items():
        assert checked(setting.default, setting_type(setting.type)) == setting.default, key
        assert setting.description, key
    misspelt = next(iter(shipped.settings), "setting") + "s"
    with pytest.raises(AdapterError, match=f"no setting '{misspelt}'"):
        shipped({misspelt: 1}, World())


@pytest.mark.parametrize(
    ("contract", "where"), [(c, w) for c, uses in IMPLEMENTATIONS.items() for w in uses.values() if w.endswith(".yaml")]
)
def test_every_shipped_chart_behind_a_role_describes_its_parameters(contract: str, where: str) -> None:
    chart = engine.load(where)
    assert chart.serves is not None
    assert chart.serves.name == contract
    assert all(parameter.description or parameter.citation for parameter in chart.parameters.values())
