"""docs/chart-language.md is true: its charts load and check, its tables and commands do what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.adapter import Adapter, World
from engine.language.expr.check import expression
from engine.language.expr.evaluate import evaluate
from engine.language.expr.parse import parse
from engine.language.load import constant, load_contract
from engine.language.load.reader import NO_NAMES
from engine.language.model import Chart, Contract
from engine.language.types import DURATION, Kind
from tests.load.test_schema import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "chart-language.md").read_text()
REFERENCE = (ROOT / "docs" / "chart-reference.md").read_text()


@dataclass(frozen=True)
class Block:
    kind: str
    argument: str
    text: str


BLOCKS = [Block(*match) for match in re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
FRAGMENTS = [b for b in BLOCKS if b.kind == "yaml" and not b.argument]  # parts of a chart, to be read only
CHARTS = [b for b in BLOCKS if b.kind == "yaml" and b not in FRAGMENTS and not b.argument.endswith(".contract.yaml")]
CONTRACTS = [b for b in BLOCKS if b.kind == "yaml" and b.argument.endswith(".contract.yaml")]
TABLES = [b for b in BLOCKS if b.kind == "steps"]
CONSOLES = [b for b in BLOCKS if b.kind == "console"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All files of the page, saved as a reader would."""
    for block in CHARTS + CONTRACTS:
        (tmp_path / block.argument).write_text(block.text)
    return tmp_path


class Recorder(Adapter):
    """Takes every order of its contract and remembers it; its readable values are zero or empty."""

    def __init__(self, role: str, contract: Contract, calls: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__({}, World())
        self.contract = contract.name  # type: ignore[misc]
        for name in contract.actions:
            setattr(self, name, lambda _name=f"{role}.{name}", **args: calls.append((_name, args)))
        empty = {Kind.BYTES: b"", Kind.LIST: [], Kind.FLOAT: 0.0, Kind.INT: 0, Kind.BOOL: False}
        for name, type_ in contract.values.items():
            setattr(self, name, empty[type_.kind])


class Play:
    """One table: a machine, and what its lines do and expect."""

    def __init__(self, chart: Chart, parameters: dict[str, Any]) -> None:
        self.chart = chart
        self.calls: list[tuple[str, dict[str, Any]]] = []
        adapters = {role: Recorder(role, contract, self.calls) for role, contract in chart.adapters.items()}
        self.parameters, self.adapters = parameters, adapters
        self.machine: Any = None

    def line(self, text: str) -> None:
        what, _, rest = text.partition("→")
        states, _, seen = rest.partition("|")
        self.calls.clear()
        self.happen(what.strip())
        parents = {state.parent.id for state in self.chart.states.values() if state.parent is not None}
        assert [state for state in self.machine.configuration if state not in parents] == states.split(), text
        items = [item.strip() for item in seen.split(";") if item.strip()]
        data = [item for item in items if " = " in item]
        for item in data:
            name, _, value = item.partition(" = ")
            assert self.machine.data[name] == pytest.approx(constant(value, self.chart.data[name].type)), text
        orders = [self.order(item) for item in items if item not in data]
        assert self.calls == orders, text

    def happen(self, what: str) -> None:
        if what == "start":
            self.machine = engine.start(self.chart, self.parameters, self.adapters)
        elif re.match(r"\d", what):
            self.machine.advance(constant(what, DURATION))
        else:
            name, _, fields = what.partition("(")
            payload = self.payload(name)
            given = self.arguments(f"f({fields}" if fields else "f()", payload)
            self.machine.send(name, given or None)

    def payload(self, name: str) -> Any:
        role, _, event = name.partition(".")
        if role in self.chart.adapters:
            return self.chart.adapters[role].events[event].payload
        return self.chart.events[name].payload

    def order(self, text: str) -> tuple[str, dict[str, Any]]:
        name = text.partition("(")[0]
        role, _, action = name.partition(".")
        return name, self.arguments(text, self.chart.adapters[role].actions[action].args)

    @staticmethod
    def arguments(text: str, types: dict[str, Any]) -> dict[str, Any]:
        node = parse(text)
        assert isinstance(node.value, list)
        return {
            name: evaluate(expression(text[child.start : child.end], NO_NAMES, types[name]), None)  # type: ignore[arg-type]
            for name, child in zip(node.value, node.children[1:], strict=True)
        }


@pytest.mark.parametrize("block", TABLES, ids=lambda block: block.argument)
def test_a_table_of_the_page_is_what_the_machine_does(block: Block, folder: Path) -> None:
    file, *settings = block.argument.split()
    chart = engine.load(folder / file)
    given = [setting.partition("=") for setting in settings]
    parameters = {name: constant(value, chart.parameters[name].type) for name, _, value in given}
    play = Play(chart, parameters)
    for line in block.text.splitlines():
        play.line(line)


@pytest.mark.parametrize("block", CHARTS, ids=lambda block: block.argument)
def test_a_chart_of_the_page_is_valid_for_an_editor(block: Block) -> None:
    if block.argument != "broken.yaml":
        assert errors(block.text) == []


@pytest.mark.parametrize("block", CHARTS, ids=lambda block: block.argument)
def test_a_chart_of_the_page_has_nothing_to_look_at(block: Block, folder: Path) -> None:
    """A newcomer's first chart must not be met by warnings."""
    from engine.tools.check import check_all

    if block.argument == "broken.yaml":
        return
    chart = engine.load(folder / block.argument)
    for report in check_all(chart):
        assert list(report.warnings) == []


def test_every_chart_of_the_page_is_run() -> None:
    assert {b.argument for b in CHARTS} - {b.argument.split()[0] for b in TABLES} == {"broken.yaml"}


@pytest.mark.parametrize("block", CONSOLES, ids=lambda block: block.text.splitlines()[0])
def test_a_command_of_the_page_prints_what_the_page_shows(block: Block, folder: Path) -> None:
    """`...` stands for any further lines."""
    for part in block.text.split("$ ")[1:]:
        command, _, shown = part.partition("\n")
        run = subprocess.run(
            f"{sys.executable} -m engine.cli {command.removeprefix('engine ')}",
            shell=True,
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        expected = 2 if "broken" in command else 0
        assert run.returncode == expected, run.stdout + run.stderr
        printed = (run.stdout + run.stderr).splitlines()
        wanted = shown.splitlines()
        if wanted[-1:] == ["..."]:
            wanted.pop()
            printed = printed[: len(wanted)]
        assert printed == wanted


def test_every_function_of_the_language_is_in_the_reference() -> None:
    """The reference is the complete list; its tables of keys are held to the loader by test_keys.py."""
    from engine.language.expr.calls import SIGNATURES

    for word in SIGNATURES:
        assert re.search(rf"\b{word}\b", REFERENCE), word


def test_the_contract_in_the_adapters_page_loads(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "adapters.md").read_text()
    match = re.search(r"^```yaml power_supply.contract.yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert match is not None
    (tmp_path / "power_supply.contract.yaml").write_text(match[1])
    contract = load_contract(tmp_path / "power_supply.contract.yaml")
    assert contract.actions["discharge"].result is not None
    assert set(contract.values) == {"present_voltage", "present_current"}
