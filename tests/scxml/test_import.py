"""Documents → charts: structure, order, names, hostile input, the command."""

from __future__ import annotations

import contextlib
import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cli import main
from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.run.machine import Machine
from engine.semantics.errors import EndlessLoop
from engine.semantics.step import Event
from engine.tools.scxml import ImportProblem, import_file, import_text
from engine.tools.scxml.xml import MAX_BYTES

NAMESPACE = 'xmlns="http://www.w3.org/2005/07/scxml"'


def document(body: str, attributes: str = "") -> str:
    return f'<scxml {NAMESPACE} version="1.0" {attributes}>{body}</scxml>'


def machine(body: str, attributes: str = "") -> Machine:
    running = Machine(load_text(import_text(document(body, attributes)).text))
    running.begin()
    return running


def test_transitions_keep_their_order_when_one_descriptor_comes_twice() -> None:
    """`foo` before and after `*`: the second `foo` must not overtake the wildcard."""
    running = machine(
        '<datamodel><data id="x" expr="0"/></datamodel>'
        '<state id="s"><transition event="foo" cond="x == 1" target="first"/>'
        '<transition event="*" cond="x == 0" target="wild"/>'
        '<transition event="foo" target="last"/></state>'
        '<state id="first"/><state id="wild"/><state id="last"/>'
    )
    assert running.process(Event("foo")).entered == ("wild",)


def test_state_ids_that_are_no_names_become_names_and_keep_their_title() -> None:
    chart = load_text(
        import_text(
            document(
                '<state id="a-b.c"><transition event="go" target="1st"/></state><state id="1st"/><state id="a_b_c"/>'
            )
        ).text
    )
    assert list(chart.states)[1:] == ["a_b_c", "_1st", "a_b_c_2"]
    assert chart.states["a_b_c"].title == "a-b.c"


def test_data_named_like_a_word_of_the_language_is_renamed_everywhere() -> None:
    running = machine(
        '<datamodel><data id="event" expr="5"/><data id="min" expr="2"/></datamodel>'
        '<state id="s"><onentry><assign location="event" expr="event + min"/></onentry></state>'
    )
    assert running.data["v_event"] == 7


def test_ecmascript_documents() -> None:
    running = machine(
        '<datamodel><data id="a" expr="[1, 2]"/><data id="b" expr="null"/></datamodel>'
        '<state id="s"><transition target="t" cond="a instanceof Array &amp;&amp; !b &amp;&amp; a.length === 2"/>'
        "</state>"
        '<state id="t"/>',
        'datamodel="ecmascript"',
    )
    assert running.configuration == ("t",)


def test_numbers_of_untyped_charts_stay_within_64_bits() -> None:
    """Else a document that squares a number on every event takes all memory."""
    running = machine(
        '<datamodel><data id="x" expr="3"/></datamodel>'
        '<state id="s"><transition event="go"><assign location="x" expr="x * x"/></transition></state>'
    )
    steps = [running.process(Event("go")) for _ in range(40)]
    assert running.data["x"] == 3**32
    assert steps[-1].raised == ("error.execution",)


def test_an_empty_finalize_takes_the_returned_values() -> None:
    """SCXML 6.5.2."""
    running = machine(
        '<datamodel><data id="x" expr="1"/></datamodel>'
        '<state id="s"><invoke id="c" namelist="x"><content>'
        f'<scxml {NAMESPACE} version="1.0"><state id="k"/></scxml></content><finalize/></invoke></state>'
    )
    running.process(Event("answer", {"x": 9}, invokeid="c"))
    assert running.data["x"] == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no element found"),
        ("<scxml", "unclosed token"),
        (b"\x00\x01\x02", "well-formed"),
        ("<html/>", "not <scxml>"),
        (document(""), "no state"),
        (document('<state id="a"/><state id="a"/>'), "two states"),
        (document('<state id="a"><transition target="b"/></state>'), "no state has the id 'b'"),
        (document('<final id="a"><transition target="a"/></final>'), "no place in <final>"),
        (document('<state id="a"><onentry><foo/></onentry></state>'), "<foo>"),
        (document("<script src='x.py'/><state/>"), "cannot be read"),
        (document('<datamodel><data id="x" src="/etc/passwd"/></datamodel><state/>'), "beside the document"),
        (document('<datamodel><data id="x" src="../secret"/></datamodel><state/>'), "beside the document"),
        (document('<state/>', 'datamodel="xpath"'), "xpath"),
        ("<!DOCTYPE scxml [<!ENTITY a 'b'>]>" + document("<state/>"), "document type"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd">' + document("<state/>"), "document type"),
        (document("<state>" * 300 + "</state>" * 300), "deeper than"),
        (document("<state/>" * 100_001), "more than"),
        ("<" * (MAX_BYTES + 1), "larger than"),
        ('<?xml version="1.0" encoding="no-such"?><scxml/>', "encoding"),
    ],
)  # fmt: skip
def test_what_is_no_chart_is_refused_with_its_place_and_soon(text: str | bytes, message: str, tmp_path: Path) -> None:
    start = time.process_time()
    with pytest.raises(ImportProblem, match=message) as caught:
        import_text(text, "x.scxml", tmp_path)
    assert str(caught.value).startswith("x.scxml:")
    assert time.process_time() - start < 5


@pytest.mark.parametrize("tail", ["<elseif cond='x'/><log/>", "<else/><raise event='f'/>"])
def test_a_branch_behind_else_is_refused_instead_of_lost(tail: str) -> None:
    with pytest.raises(ImportProblem, match="after the <else>"):
        import_text(
            document(f"<state><onentry><if cond='1'><log/><else/><raise event='e'/>{tail}</if></onentry></state>")
        )


@pytest.mark.parametrize("options", [[], ["-o", "made.yaml"]])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<state/>" * 60_000, id="huge", marks=pytest.mark.campaign),
        pytest.param("<state>" * 40 + "</state>" * 40, id="deep"),
    ],
)
def test_what_is_printed_loads_and_what_would_not_is_an_error(
    body: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("big.scxml").write_text(document(body))
    assert main(["import", "big.scxml", *options]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("engine: big.scxml:1:1: this document makes a chart that does not load")
    assert not Path("made.yaml").exists()


def test_a_warning_about_a_long_expression_is_short() -> None:
    imported = import_text(
        document(f"<state><transition cond='{'(' * 3_000}1{')' * 3_000}' target='x'/><state id='x'/></state>")
    )
    assert [len(warning) < 500 for warning in imported.warnings] == [True]


def test_children_that_invoke_themselves_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.scxml"
    path.write_text(document('<state><invoke src="loop.scxml"/></state>'))
    with pytest.raises(ImportProblem, match="deeper than"):
        import_file(path)


SEED = document(
    '<datamodel><data id="x" expr="0"/><data id="l">[1, 2]</data></datamodel><script>x = 2</script>'
    '<state id="s" initial="t"><onentry><send event="e" delay="1s" id="i"/><foreach item="k" array="l">'
    '<if cond="k &lt; 2"><log expr="k"/><else/><raise event="f"/></if></foreach></onentry>'
    '<transition event="e f.*" cond="x == 2" target="h"><assign location="x" expr="x + 1"/><cancel sendid="i"/>'
    "</transition>"
    '<state id="t"><invoke id="c" namelist="x"><content>'
    f'<scxml {NAMESPACE} version="1.0"><final id="z"><donedata><param name="p" expr="1"/></donedata></final></scxml>'
    "</content><finalize/></invoke></state>"
    '<history id="h" type="deep"><transition target="t"/></history></state>'
    '<parallel id="p"><state id="q"/><state id="r0"><final id="r"/></state></parallel><final id="pass"/>',
    'name="Seed" initial="s" binding="late"',
)


def mutated(text: str, seed: int, count: int) -> str:
    """Pieces of the document removed, doubled, moved or overwritten by others."""
    chance = random.Random(seed)
    for _ in range(count):
        a, b = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        b = min(b, a + chance.choice([1, 8, 60]))
        piece = text[a:b]
        at = chance.randrange(len(text) + 1)
        text = chance.choice([text[:a] + text[b:], text[:at] + piece + text[at:], text[:a] + "=" + text[b:]])
    return text


@settings(max_examples=min(int(os.environ.get("CHARGECHART_EXAMPLES", "150")), 2000), deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_a_broken_document_is_a_problem_or_a_chart_and_nothing_else(seed: int, count: int) -> None:
    try:
        imported = import_text(mutated(SEED, seed, count))
    except ImportProblem:
        return
    try:
        chart = load_text(imported.text)
    except ChartError:
        return
    with contextlib.suppress(EndlessLoop):  # a mutation may well make one
        Machine(chart).begin()


def test_the_seed_of_the_mutations_is_a_sound_document() -> None:
    running = Machine(load_text(import_text(SEED).text))
    assert running.begin().entered[:2] == ("s", "s.t")


def test_the_command_writes_a_chart_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "door.scxml", tmp_path / "door.yaml"
    source.write_text(
        document('<state id="open"><transition event="shut" cond="oops(" target="shut"/></state><state id="shut"/>')
    )
    assert main(["import", str(source), "-o", str(target)]) == 0
    assert "'oops(' always fails when evaluated" in capsys.readouterr().err
    assert set(load_text(target.read_text()).states) == {"", "open", "shut"}
    assert main(["import", str(source), "-o", str(target)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["import", str(source), "-o", str(target), "--force"]) == 0


def test_the_command_says_what_is_wrong_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.scxml"
    broken.write_text("<scxml><state></scxml>")
    assert main(["import", str(broken)]) == 2
    assert main(["import", str(tmp_path / "missing.scxml")]) == 2
    told = capsys.readouterr().err
    assert "mismatched tag" in told
    assert "missing.scxml" in told
    assert "Traceback" not in told


def test_a_final_state_is_no_region() -> None:
    """SCXML 3.4: it would make the parallel state done before its other regions are."""
    text = document('<parallel id="p"><final id="one"/><state id="two"/></parallel>')
    with pytest.raises(ImportProblem, match=r"<final> has no place in <parallel>") as told:
        import_text(text)
    assert told.value.position.line
