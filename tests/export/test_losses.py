"""What an export leaves out must be said: a reviewer who is not told believes that it is not there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.tools.export.losses import Construct, LoopNames
from engine.tools.export.pictures import export_picture
from engine.tools.export.scxml import export_scxml
from engine.tools.export.statemachine import export_statemachine
from engine.tools.export.transitions import export_transitions
from engine.tools.export.xstate import export_xstate
from engine.tools.scxml import import_text

load = cache(engine.load)  # for all formats: no export changes a chart
MACHINES = Path(__file__).parents[2] / "machines"
EXPORTS = {
    "scxml": export_scxml,
    "xstate": export_xstate,
    "transitions": export_transitions,
    "python-statemachine": export_statemachine,
}
CHART = """
machine: everything
parameters: {T_x: {type: duration, default: 2 s}}
data: {x: {type: int V, initial: 1 V}, l: {type: list of int, initial: "[1]"}}
events: {e: {}, f.g: {}, f.h: {}}
invariant: x > 0 V
strict: true
initial: a
states:
  a:
    after: {T_x: b}
    on: {f.*: p.r.s, e: {actions: [{foreach: {in: l, item: i, do: [{assign: {x: x + 1 V}}]}}]}}
    always: {guard: x > 9 V, target: b}
  b:
    initial: c
    onDone: a
    states: {c: {on: {e: d}}, d: {type: final}, h: {type: history, target: c}}
    on: {f.g: h, e: {target: c, internal: true}}
  p:
    type: parallel
    states: {q: {}, r: {states: {s: {}, t: {}}}}
"""
EXPECTED = {
    "scxml": {Construct.INVARIANT, Construct.TYPES, Construct.STRICT},
    "xstate": {Construct.INVARIANT, Construct.TYPES, Construct.STRICT, Construct.ACTION},
    "transitions": {
        Construct.INVARIANT,
        Construct.STRICT,
        Construct.TIMER,
        Construct.EVENTLESS,
        Construct.HISTORY,
        Construct.COMPOSITE_DONE,
        Construct.WILDCARD,
        Construct.PARALLEL_TARGET,
        Construct.INTERNAL,
    },
    "python-statemachine": {Construct.INVARIANT, Construct.STRICT, Construct.TIMER},
}


@pytest.mark.parametrize("format", EXPORTS)
def test_every_loss_is_named_and_nothing_else(format: str) -> None:
    exported = EXPORTS[format](engine.load_text(CHART, "everything.yaml"))
    assert {loss.construct for loss in exported.losses} == EXPECTED[format]
    assert len(set(map(str, exported.losses))) == len(exported.losses)


@pytest.mark.parametrize("format", EXPORTS)
@pytest.mark.parametrize("path", sorted(MACHINES.rglob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_charts_export(format: str, path: Path) -> None:
    """Each result is well formed: SCXML reads back, Python compiles, JSON is read by the XState test."""
    exported = EXPORTS[format](load(path))
    if format == "scxml":
        back = engine.load_text(import_text(exported.text, "x.scxml").text, "x.yaml")
        assert len(back.transitions) >= len(load(path).transitions)
    elif format != "xstate":
        compile(exported.text, "exported.py", "exec")
    assert all(loss.what for loss in exported.losses)


def test_a_changed_timeout_reaches_every_format(tmp_path: Path) -> None:
    for old, new in (("2 s", "3 s"),):
        before, after = (engine.load_text(t, "x.yaml") for t in (CHART, CHART.replace(old, new)))
        for export in EXPORTS.values():
            assert export(before).text != export(after).text
        for format in ("mermaid", "plantuml", "dot"):
            assert f"T_x ({new})" in export_picture(after, format).text


def test_the_command_writes_warns_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart, out = tmp_path / "everything.yaml", tmp_path / "out.scxml"
    chart.write_text(CHART)
    assert main(["export", str(chart), "--to", "scxml", "-o", str(out)]) == 0
    assert out.read_text().startswith("<?xml")
    assert f"warning: {chart}:6:" in capsys.readouterr().err
    assert main(["export", str(chart), "--to", "scxml", "--strict"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "error: " in said.err
    assert "cannot carry 3 things" in said.err


@pytest.mark.parametrize(
    ("format", "file", "told"),
    [
        ("scxml", "out.gif", "scxml is written to .scxml or .xml; engine diagram draws pictures"),
        ("scxml", "out.json", "scxml is written to .scxml or .xml; .json is --to xstate"),
        ("xstate", "out.py", ".py is --to transitions or --to python-statemachine"),
    ],
)
def test_a_file_of_another_format_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str, file: str, told: str
) -> None:
    chart = tmp_path / "everything.yaml"
    chart.write_text(CHART)
    assert main(["export", str(chart), "--to", format, "-o", str(tmp_path / file)]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / file).exists()


def test_nested_loops_of_one_name_get_their_own() -> None:
    loops = LoopNames()
    assert loops.of("i") == "i"
    with loops.loop("i", None):
        assert loops.of("i") == "i"
        with loops.loop("i", "j"):
            assert (loops.of("i"), loops.of("j")) == ("i_2", "j")
        assert loops.of("i") == "i"
    assert loops.of("i") == "i"


@pytest.mark.parametrize("format", ["scxml", "transitions", "python-statemachine"])
def test_a_name_that_is_a_word_of_python_is_spelled_so_that_it_reads(format: str) -> None:
    """`from` is a fine name for a meter's reading; the shipped connector has one."""
    text = """
machine: keywords
parameters: {class: {type: int, default: 2}}
data: {from: {type: int, initial: class}}
states: {a: {on: {e: {guard: from > class, actions: [{assign: {from: from + 1}}]}}}}
events: {e: {}}
"""
    exported = EXPORTS[format](engine.load_text(text, "keywords.yaml"))
    if format == "scxml":
        assert 'location="from_" expr="from_ + 1"' in exported.text
    else:
        compile(exported.text, "exported.py", "exec")
        assert "self.from_ = self.from_ + 1" in exported.text
        assert "self.from_ > self.class_" in exported.text
