"""Mermaid, PlantUML and DOT must be text that Mermaid, PlantUML and Graphviz take, whatever stands in a label."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import graphviz
import pytest

import engine
from engine.tools.export.pictures import export_picture
from tests.export.peers import PEERS

MACHINES = Path(__file__).parents[2] / "machines"
CHARTS = ("slac/evse.yaml", "v2g/secc_iso2.yaml", "pilot/evse.yaml", "evse_dc.yaml")
AWKWARD = """
machine: awkward
data: {text: {type: string, initial: "'a'"}}
events: {e: {}}
initial: a
states:
  a:
    entry: [log: 'x: "y"; {text} # %% -- <b> {{ }} \\\\ __ **']
    on: {e: {target: b, guard: "text == 'x: y; #1 -> [*] \\"q\\" --> {'"}}
  b: {type: parallel, states: {c: {}, d: {on: {e: a}}}}
"""
MERMAID = """
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";
const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
await mermaid.parse(readFileSync(process.argv[2], "utf8"));
"""


def texts(format: str) -> list[str]:
    charts = [engine.load(MACHINES / path) for path in CHARTS]
    charts.append(engine.load_text(AWKWARD, "awkward.yaml"))
    return [export_picture(chart, format).text for chart in charts]


def test_graphviz_takes_the_dot_text() -> None:
    if shutil.which("dot") is None:
        pytest.skip("needs the program dot (package graphviz)")
    for text in texts("dot"):
        assert "digraph" in graphviz.Source(text).pipe(format="canon", encoding="utf-8")  # raises on any other text


def test_plantuml_takes_the_text() -> None:
    if shutil.which("plantuml") is None:
        pytest.skip("needs the program plantuml (package plantuml, with Java)")
    for text in texts("plantuml"):
        done = subprocess.run(["plantuml", "-syntax"], input=text, capture_output=True, text=True, check=False)
        assert done.stdout.startswith("STATE"), done.stdout + text


def test_mermaid_takes_the_text(tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Mermaid runs on Node: install node and npm")
    folder = PEERS / "mermaid-11"
    if not (folder / "node_modules" / "mermaid" / "package.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "mermaid@11", "jsdom@26"]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
            pytest.skip("mermaid and jsdom cannot be installed")
    (folder / "parse.mjs").write_text(MERMAID)
    for text in texts("mermaid"):
        (tmp_path / "chart.mmd").write_text(text)
        command = ["node", str(folder / "parse.mjs"), str(tmp_path / "chart.mmd")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-600:] + text
