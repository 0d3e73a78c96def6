"""Where a new action goes: an imaginary one, ``tally: {into: name, by: expr}``, is written here in the five places that
docs/architecture.md names, and every tool knows what to do with it. And no file beyond these names an action that needs
no more."""

from __future__ import annotations

import ast
import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest

import engine
from engine.language.expr.evaluate import evaluate
from engine.language.expr.tree import Expr
from engine.language.load import actions as readers
from engine.language.load import keys
from engine.language.load.schema import schema
from engine.language.model import Action, ActionKind, Block, Cancel, Chart, Stop
from engine.language.position import NOWHERE, Position
from engine.language.problems import ChartError
from engine.semantics.compiled.codegen_blocks import Blocks
from engine.semantics.compiled.runtime import NAMES
from engine.semantics.reference.content import Content
from engine.semantics.step import Effect, LogText
from engine.tools.check import check
from engine.tools.diagram.describe import block_text
from engine.tools.export.losses import Construct
from engine.tools.testing.measure import measure
from engine.tools.trace.record import EFFECTS, effect_record

ROOT = Path(__file__).parents[2]

TEXT = """
machine: counter
parameters: {limit: {type: int, default: 3}, step: {type: int, default: 1}}
data: {n: {type: int, initial: 0}}
events: {coin: {direction: in}, reset: {direction: in}}
states:
  open:
    on:
      coin: {actions: [tally: {into: n, by: step}]}
    always: {guard: n >= limit, target: full}
  full:
    on:
      reset: {target: open, actions: [assign: {n: 0}]}
"""


@dataclass(frozen=True, slots=True)
class Tally(ActionKind):  # place 1: model.py
    """``tally: {into: name, by: expr}``: adds to a data item, and says so."""

    word: ClassVar[str] = "tally"
    into: str
    by: Expr
    position: Position = NOWHERE

    def assigns(self) -> tuple[str, ...]:
        return (self.into,)


def read(build: Any, node: Any, value: Any, scope: Any) -> list[Any]:  # place 2: load/actions.py
    build.reader.check_keys(value, keys.TABLE["tally"])
    into = build.reader.text(value.get("into"), "'into'")
    by = build.expression(value.get("by"), "'by'", scope, build.variables[into])
    return [Tally(into, by, build.reader.position(value))]


@pytest.fixture
def chart(monkeypatch: pytest.MonkeyPatch) -> Chart:
    """A chart with the action, in a language that has it."""
    own = keys.Keys("'tally'", {"into": keys.Key("text", required=True), "by": keys.Key("expression", required=True)})
    whole = keys.Keys("an action", {**keys.ACTION.keys, "tally": keys.Key("tally")}, keys.ACTION.short)
    monkeypatch.setitem(keys.TABLE, "tally", own)  # place 3: load/keys.py
    monkeypatch.setitem(keys.TABLE, "action", whole)
    monkeypatch.setitem(readers.ACTIONS, "tally", read)
    compute, write = Content.execute, Blocks.action

    def execute(content: Content, action: Any) -> None:  # place 4: reference/content.py
        if not isinstance(action, Tally):
            return compute(content, action)
        content.assign(action.into, content.variable(action.into) + evaluate(action.by, content))
        content.effects.append(LogText(f"{action.into} grows"))
        return None

    def code(blocks: Blocks, action: Any) -> None:  # place 5: compiled/codegen_blocks.py
        if not isinstance(action, Tally):
            return write(blocks, action)
        place = blocks.source.data(blocks.scope.slots[action.into])
        blocks.source.add(f"{place} = {place} + {blocks.value(action.by)}")
        blocks.changed(action.into, place)
        blocks.effect(LogText(f"{action.into} grows"))
        return None

    monkeypatch.setattr(Content, "execute", execute)
    monkeypatch.setattr(Blocks, "action", code)
    return engine.load_text(TEXT)


def block(chart: Chart) -> Block:
    (transition,) = (t for t in chart.transitions if t.descriptors == ("coin",))
    return transition.actions


def test_it_runs(chart: Chart) -> None:
    machine = engine.start(chart, {"step": 2})
    machine.send("coin")
    assert machine.data["n"] == 2
    machine.send("coin")
    assert "full" in machine.configuration


def test_its_keys_are_in_the_schema_and_checked(chart: Chart) -> None:
    assert "tally" in schema()["$defs"]
    with pytest.raises(ChartError, match="'tally' has no key 'bye'"):
        engine.load_text(TEXT.replace("by: step", "by: step, bye: 1"))


def test_the_checker_knows_what_it_reads_and_assigns(chart: Chart) -> None:
    """Neither is `step` unused nor is `n` always 0, which would make `full` unreachable."""
    assert [finding.code for finding in check(chart).findings] == []


def test_generated_tests_take_every_transition(chart: Chart) -> None:
    """Both engines agree on the way, and the way to `full` is found through what the action assigns."""
    result = measure(chart)
    assert (result.covered, result.problems, result.missing) == (3, [], [])


def test_diagrams_show_it(chart: Chart) -> None:
    assert block_text(block(chart)) == "tally n step"


@pytest.mark.parametrize("target", ["scxml", "xstate", "transitions", "python-statemachine"])
def test_exports_say_that_they_lose_it(chart: Chart, target: str) -> None:
    from engine.cli.export import _exporter

    exported = _exporter(target)(chart)
    assert [loss.construct for loss in exported.losses if "'tally'" in loss.what] == [Construct.ACTION]


# ---------------------------------------------------------------- which files name an action


def naming(kind: type) -> set[str]:
    """The files of the engine that name an action's class."""
    found = set()
    for path in (ROOT / "engine").rglob("*.py"):
        names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
        if kind.__name__ in names:
            found.add(path.relative_to(ROOT / "engine").as_posix())
    return found


def places() -> dict[str, set[str]]:
    """The lists of docs/architecture.md, by how they begin."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = page.split("## Where does a new action go?")[1].split("\n## ")[0]
    items = re.findall(r"^- \*\*(.+?)\*\*(.*?)(?=^- |\Z|^$)", section, re.MULTILINE | re.DOTALL)
    return {name: set(re.findall(r"`([\w/]+\.py)`", text)) for name, text in items}


def test_the_page_names_files_that_are_there_and_no_more_than_eight() -> None:
    found = places()
    assert list(found) == ["Always", "With an effect of its own", "Where an export has a counterpart"]
    assert all((ROOT / "engine" / file).is_file() for files in found.values() for file in files)
    assert len(found["Always"] | found["With an effect of its own"]) <= 8
    # Of the exports each has one file, and an action is meant for few of them.
    exports = {Path(file).relative_to("tools/export").parts[0] for file in found["Where an export has a counterpart"]}
    assert len(exports) == len(found["Where an export has a counterpart"])
    assert len(found["Always"]) <= 5


@pytest.mark.parametrize("kind", [Cancel, Stop])
def test_no_other_file_names_a_plain_action(kind: type) -> None:
    """Neither assigns data, nor holds blocks, nor sends. A file that names one must be on the page, or go by what the
    class tells of itself."""
    found = places()
    assert naming(kind) <= found["Always"] | found["Where an export has a counterpart"]


def test_plans_may_make_every_effect() -> None:
    """Without a list of them in another file."""
    assert {kind.__name__: kind for kind in get_args(Effect)}.items() <= NAMES.items()


def test_what_is_written_of_an_effect_can_be_read() -> None:
    """Both stand in one file: who adds a line of traces sees what readers rely on."""
    written = set(re.findall(r'"do": "(\w+)"', inspect.getsource(effect_record)))
    assert written == set(EFFECTS)
    page = json.loads((ROOT / "docs" / "trace.schema.json").read_text("utf-8"))
    assert written == set(page["$defs"]["effect"]["properties"]["do"]["enum"])


def test_every_action_tells_its_word() -> None:
    words = {kind.word for kind in get_args(Action)}
    assert words == {*readers.ACTIONS, "", "defer"}  # an order to an adapter has none, `defer` is a key of states
