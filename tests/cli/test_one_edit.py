"""One timeout edited in YAML must turn up in the drawings, the generated tests and the exports, and nowhere else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine.cli import main
from engine.cli.export import FORMATS, WHOLE
from engine.tools.diagram.elk import Elk

SESSION = Path(__file__).parents[2] / "machines" / "slac" / "session.yaml"
LITERAL = """
machine: door
events: {push: {direction: in}}
initial: closed
states:
  closed: {on: {push: open}}
  open: {after: {40 s: closed}}
"""


def outputs(chart: Path, folder: Path) -> dict[str, str]:
    """Everything that is generated from a chart, by the name of its file."""
    folder.mkdir()
    drawing = ["diagram", str(chart), "-o", str(folder), "--format", "svg,mermaid,plantuml,dot", "--level", "both"]
    assert main(drawing) == 0
    for format in FORMATS:
        to = folder / f"export.{format}"
        assert main(["export", str(chart), "--to", format, "-o", str(to)]) == 0
        if format in WHOLE:
            source = next(to.glob(f"*.{format}")).read_text()
            shutil.rmtree(to)
            to.write_text(source)
    assert main(["test", str(chart), "--json", str(folder / "tests.json")]) == 0
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_parameter_s_default_turns_up_in_every_drawing_and_export(tmp_path: Path, elk: Elk) -> None:
    """TT_match_sequence of 400 ms, then of 500 ms: the file edited is the only one."""
    chart = tmp_path / "session.yaml"
    text = SESSION.read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("TT_match_sequence:"))
    chart.write_text(text)
    before = outputs(chart, tmp_path / "before")
    chart.write_text(text.replace(line, line.replace("400 ms", "537 ms")))
    after = outputs(chart, tmp_path / "after")
    assert before.keys() == after.keys()
    for name in before.keys() - {"tests.json"}:
        assert "537 ms" in after[name] or "537000000" in after[name].replace("_", ""), name
        assert "537 ms" not in before[name]
        assert "537000000" not in before[name].replace("_", "")


def test_an_edited_delay_turns_up_in_the_generated_tests_too(tmp_path: Path, elk: Elk) -> None:
    chart = tmp_path / "door.yaml"
    said = []
    for delay in ("40 s", "41 s"):
        chart.write_text(LITERAL.replace("40 s", delay))
        generated = outputs(chart, tmp_path / delay.replace(" ", ""))
        said.append(json.dumps(json.loads(generated["tests.json"])))
        for name, text in generated.items():
            shown = text.replace("_", "")
            assert delay in text or f"{delay[:2]}000" in shown, f"{name} does not know the delay of {delay}"
    assert "after 40 s" in said[0]
    assert "after 41 s" in said[1]
    assert "after 40 s" not in said[1]


def test_an_edited_timeout_changes_its_label_and_moves_nothing(tmp_path: Path, elk: Elk) -> None:
    """A reviewer compares two versions of a drawing: what moved without reason hides what changed."""
    chart = tmp_path / "session.yaml"
    text = SESSION.read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("TT_match_sequence:"))
    chart.write_text(text)
    before = outputs(chart, tmp_path / "before")
    chart.write_text(text.replace(line, line.replace("400 ms", "500 ms")))
    after = outputs(chart, tmp_path / "after")
    drawn = [name for name in before if name.endswith(".svg")]
    assert len(drawn) >= 2
    for name in drawn:
        olds, news = before[name].splitlines(), after[name].splitlines()
        assert len(olds) == len(news)
        changed = [(old, new) for old, new in zip(olds, news, strict=True) if old != new]
        hashes = [pair for pair in changed if pair[0].startswith("<svg") or 'class="t-text"' in pair[0]]
        labels = [pair for pair in changed if "400 ms" in pair[0]]
        assert labels
        for old, new in labels:
            assert new == old.replace("400 ms", "500 ms"), "the label itself moved"
        for old, _ in changed:
            assert (old in {o for o, _ in hashes}) or "400 ms" in old, f"{name}: {old}"
        assert len([pair for pair in hashes if pair not in labels]) == 2, (
            "the model's hash: as attribute, and in the block"
        )
