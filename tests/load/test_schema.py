"""The JSON Schema an editor uses must agree with the loader: same keys, takes what loads, refuses what is misspelt."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.load import keys, load_text, schema
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence, Source, parse
from engine.language.problems import ChartError, ProblemList
from tests.load.contracts import CONTRACTS
from tests.load.test_charts import ACTIONS, KINDS, MACHINES, TREE
from tests.load.test_errors import CHART

SCXML = """\
<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" datamodel="ecmascript" initial="a">
  <datamodel><data id="Var1" expr="1"/><data id="L" expr="[1,2]"/></datamodel>
  <script>Var1 = 2</script>
  <state id="a">
    <onentry>
      <log expr="Var1"/><send event="x" delay="1s" id="s"/>
      <send eventexpr="'y'" targetexpr="'#_internal'"/><raise event="y"/>
      <foreach array="L" item="i" index="k"><assign location="Var1" expr="Var1+1"/></foreach>
      <if cond="Var1==3"><cancel sendid="s"/><else/><cancel sendidexpr="'s'"/></if>
    </onentry>
    <onentry><raise event="z"/></onentry>
    <invoke type="scxml" id="k">
      <content><scxml version="1.0" initial="q"><final id="q"/></scxml></content><finalize/></invoke>
    <transition event="x.* y" cond="_event.data.z > 1" target="b"/><transition cond="Var1 == 9" target="b"/>
  </state>
  <parallel id="b">
    <state id="c"/><state id="d"/><history id="h" type="deep"><transition target="c"/></history>
    <transition event="*" target="e"/>
  </parallel>
  <final id="e"><donedata><param name="p" expr="Var1"/></donedata></final>
</scxml>
"""
ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(schema.schema())


def plain(node: Node) -> Any:
    """A node as an editor sees it: the values of the YAML 1.2 core schema."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    if not node.plain:
        return node.text
    if node.is_null:
        return None
    if re.fullmatch("true|True|TRUE|false|False|FALSE", node.text):
        return node.text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", node.text):
        return int(node.text)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", node.text):
        return float(node.text)
    return node.text


def data_of(text: str) -> Any:
    return plain(parse(Source("f", text), ProblemList()))


def errors(text: str) -> list[str]:
    return [f"{list(e.absolute_path)}: {e.message}" for e in VALIDATOR.iter_errors(data_of(text))]


def test_the_shipped_file_is_the_schema() -> None:
    """`engine/schema.json` is what editors are pointed at. Write it anew with `engine schema > engine/schema.json`."""
    assert json.loads((ROOT / "engine" / "schema.json").read_text()) == schema.schema()


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_every_chart_we_ship_is_valid(path: Path) -> None:
    assert errors(path.read_text()) == []


@pytest.mark.parametrize("text", [CHART, KINDS, TREE.replace("TARGET", "b"), ACTIONS])
def test_charts_that_load_are_valid(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    "state",
    [
        "invariant:",
        "invoke:",
        "entry:",
        "on:",
        "always:",
        "{entry: {foreach: }}",
        "{entry: {spawn: }}",
        "{entry: {send: }}",
    ],
)
@pytest.mark.parametrize("events", ["", "any"])
def test_what_is_left_empty_loads_and_is_valid_or_neither(state: str, events: str) -> None:
    """A key whose value is still to be written means nothing where nothing has a meaning, and is an error elsewhere."""
    text = f"machine: m\nevents: {events}\nstates:\n  a:\n    {state}\n"
    try:
        load_text(text)
    except ChartError:
        assert errors(text) != []
    else:
        assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "machine: m\ntype: parallel\nstates:\n  a: {type: final}\n  b:\n",
        "machine: m\nstates:\n  p:\n    type: parallel\n    states: {a: {type: final}, b: {}}\n",
    ],
)
def test_a_region_that_is_final_is_refused_by_both(text: str) -> None:
    with pytest.raises(ChartError, match="a region: it cannot be final"):
        load_text(text)
    assert errors(text) != []
    assert errors(text.replace("{type: final}", "{states: {end: {type: final}}}")) == []


@pytest.mark.parametrize("key", ["shutdown:", "session:", "type: final"])
def test_a_chart_that_says_nothing_of_its_end_or_is_one_is_refused_by_both(key: str) -> None:
    text = f"machine: m\n{key}\nstates:\n  a:\n"
    with pytest.raises(ChartError):
        load_text(text)
    assert errors(text) != []


def test_what_engine_import_writes_is_valid() -> None:
    from engine.tools.scxml import import_text

    text = import_text(SCXML).text
    assert load_text(text).untyped
    assert errors(text) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("machine: car", "machne: car"),
        ("machine: car", "machine: Car"),
        ("machine: car", "machine: car\nlanguage: 3"),
        ("machine: car", "machine: car\nstrict: 3"),
        ("type: duration", "type: durtion"),
        ("type: float V", "type: float Vv"),
        ("direction: in", "direction: inn"),
        ("go: busy", "go: {gaurd: 'True'}"),
        ("go: busy", "go: {actions: {asign: {count: 1}}}"),
        ("go: busy", "go: {actions: leave}"),
        ("go: busy", "go: {actions: {assign: {count: 1}, raise: own}}"),
        ("go: busy", "go: {actions: {then: link.leave()}}"),
        ("go: busy", "go: {internal: 3}"),
        ("on:\n      go: busy", "onn: {go: busy}"),
        ("on:\n      go: busy", "type: paralel"),
        ("on:\n      go: busy", "invoke: {id: a}"),
        ("on:\n      go: busy", "invariant: {exp: 'True'}"),
        ("type: final}", "type: final, on: {go: idle}}"),
        ("type: final}", "type: history}"),
        ("      two:\n", "      2nd:\n"),
        ("states:\n  idle", "state:\n  idle"),
    ],
)
def test_what_is_misspelt_is_invalid(old: str, new: str) -> None:
    """An editor underlines it while it is typed."""
    assert errors(CHART) == []
    assert errors(CHART.replace(old, new, 1)) != []


# ---------------------------------------------------------------- any change of a chart

SOUND = [CHART, KINDS, TREE.replace("TARGET", "b"), ACTIONS]
LEAVES: list[Any] = [
    None, True, 0, -1, 1.5, "", "a", "b", "1 s", "in", "any", "int", "float V", "parallel", "final", "history", "'a'",
    "x > 1", [], {}, ["a"], [["a"]], {"a": None}, {"target": "a"}, {"log": "hi"}, {"expr": "True"}, {"type": "int"},
    [None],
]  # fmt: skip
WORDS = sorted({name for kind in keys.TABLE.values() for name in kind.keys})


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (mapping or list, key) of some data."""
    found: list[tuple[Any, Any]] = []
    todo = [data]
    while todo:
        at = todo.pop()
        inside = at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()
        for key, value in inside:
            found.append((at, key))
            todo.append(value)
    return found


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A sound chart with something replaced, added, taken away or misspelt, as plain data."""
    data = data_of(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(1, 2))):
        known = places(data)
        parent, key = known[draw(st.integers(0, len(known) - 1))]
        other, of = known[draw(st.integers(0, len(known) - 1))]
        value = json.loads(json.dumps(draw(st.one_of(st.sampled_from(LEAVES), st.just(other[of])))))
        way = draw(st.sampled_from(["replace", "add", "remove", "misspell", "wrap"]))
        if way == "replace":
            parent[key] = value
        elif way == "wrap":
            parent[key] = [parent[key]]
        elif way == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from(WORDS))] = value
        elif way == "misspell" and isinstance(parent, dict):
            parent[f"{key}x"] = parent.pop(key)
        else:
            del parent[key]
    return data


@given(changed())
@settings(max_examples=400, deadline=None)
def test_what_loads_is_valid_and_what_is_misspelt_is_not(data: Any) -> None:
    """An editor must not underline what the engine takes, nor leave a misspelt key of a chart without a line."""
    text = json.dumps(data)  # YAML as well
    try:
        load_text(text, contracts=CONTRACTS)
    except ChartError as error:
        misspelt = [p for p in error.problems if p.code == "unknown-key" or "cannot be final" in p.message]
        if misspelt and not any(p.code == "duplicate-key" for p in error.problems):
            assert errors(text) != [], str(misspelt[0])
    else:
        assert errors(text) == []
