"""The documents of SCION's test framework, ECMAScript data model: another reading of the same specification.

Its own tests say the configuration after every event; its W3C documents are the suite's, translated to ECMAScript. The
package is fetched once into the git-ignored ``.peers/`` (``npm pack @scion-scxml/test-framework``).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.language.model import StateKind
from engine.run import Note, StepRecord, System
from engine.semantics.step import Event
from engine.tools.scxml.resolve import resolve_source
from tests.w3c import suite

PACKAGE = "@scion-scxml/test-framework@2.0.16"
FOLDER = suite.PEERS / "scion-tests"
EXCEPTIONS: dict[str, str] = yaml.safe_load((suite.HERE / "scion.yaml").read_text("utf-8"))
# SCION lets a parallel state be the domain of a transition; W3C's LCCA is never one. It keeps the W3C outcome of these
# two as "legacySemantics".
SCRIPTED, ECMASCRIPT = 127, 177  # documents that run; docs/w3c.md says so
BY_THE_SPECIFICATION = {"more-parallel/test10", "more-parallel/test10b"}


@cache
def fetch() -> str:
    """Have the documents in ``FOLDER``; returns why not, or ''."""
    with suite.downloads() as folder:
        return "" if FOLDER.is_dir() else _fetch(folder)


def _fetch(downloads: Path) -> str:
    if shutil.which("npm") is None:
        return "needs npm to fetch SCION's test documents"
    command = ["npm", "pack", "--silent", PACKAGE]
    done = subprocess.run(command, cwd=downloads, capture_output=True, text=True, timeout=180, check=False)
    archive = next(downloads.glob("scion-scxml-test-framework-*.tgz"), None)
    if archive is None:
        return f"SCION's test documents cannot be fetched: {done.stderr.strip()[-200:]}"
    staging = FOLDER.with_suffix(".new")
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = Path(member.name).parts
            if parts[:2] == ("package", "test") and member.isfile():
                content = tar.extractfile(member)
                target = staging.joinpath(*parts[2:])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read() if content else b"")
    staging.rename(FOLDER)
    return ""


pytestmark = pytest.mark.skipif(bool(fetch()), reason=fetch() or "the documents are there")


def _scripted() -> list[str]:
    paths = [p for p in sorted(FOLDER.glob("*/*.scxml")) if p.with_suffix(".json").exists()]
    return [str(p.relative_to(FOLDER).with_suffix("")) for p in paths if p.parent.name != "w3c-ecma"]


def _w3c() -> list[str]:
    found = [p.name.split(".")[0] for p in sorted(FOLDER.glob("w3c-ecma/test*.txml.scxml"))]
    manifest = yaml.safe_load((suite.HERE / "manifest.yaml").read_text("utf-8"))
    tests = (*manifest["mandatory"], *manifest["optional"])
    automated = {f"test{test}" for test in tests if test not in suite.exceptions()}
    return [name for name in found if name in automated]


@dataclass(frozen=True, slots=True)
class Ends:
    """Notes the top-level final state that was reached: a machine that has ended is in no state any more."""

    final: frozenset[str]
    reached: list[str]

    def step(self, record: StepRecord) -> None:
        self.reached.extend(self.final.intersection(record.step.entered))

    def note(self, note: Note) -> None:
        pass


def _play(name: str, maker: str) -> str:
    """'' when every configuration is as the document's script says, else the first that is not."""
    path = FOLDER / f"{name}.scxml"
    chart = suite.chart_of(path)
    if isinstance(chart, str):
        return chart
    script: dict[str, Any] = json.loads(path.with_suffix(".json").read_text("utf-8"))
    if name in BY_THE_SPECIFICATION:
        script = script["legacySemantics"]
    system = System(make=suite.MAKERS[maker], resolve=resolve_source)
    root = system.add(chart, "root")
    ended: list[str] = []
    final = frozenset(state.id for state in chart.root.children if state.kind is StateKind.FINAL)
    system.observers.append(Ends(final, ended))
    system.start()
    system.run_due()
    steps = [{"nextConfiguration": script["initialConfiguration"]}, *script["events"]]
    for number, step in enumerate(steps):
        system.advance(int(step.get("after", 0)) * 1_000_000)
        if "event" in step:
            system.enqueue(root, Event(step["event"]["name"], step["event"].get("data")))
            system.run_due()
        active = ended or root.machine.configuration
        atoms = [state for state in active if not any(other.startswith(f"{state}.") for other in active)]
        names = sorted(chart.states[state].title or chart.states[state].name for state in atoms)
        if names != sorted(step["nextConfiguration"]):
            return f"after {number} events: {names}, not {step['nextConfiguration']}"
    return ""


@pytest.mark.parametrize("maker", list(suite.MAKERS))
@pytest.mark.parametrize("name", [] if fetch() else _scripted())
def test_every_configuration_is_as_scion_expects(name: str, maker: str) -> None:
    why = _play(name, maker)
    assert bool(why) == (name in EXCEPTIONS), why or f"{name} passes: take it off scion.yaml"


@pytest.mark.parametrize("maker", list(suite.MAKERS))
@pytest.mark.parametrize("name", [] if fetch() else _w3c())
def test_w3c_documents_with_ecmascript(name: str, maker: str) -> None:
    path = FOLDER / "w3c-ecma" / f"{name}.txml.scxml"
    outcome = suite.run(suite.Document(name, "ecmascript", path), maker)
    told = "\n".join([f"{name}: {outcome.verdict}", *outcome.trail])
    assert (outcome.verdict == "pass") == (f"w3c-ecma/{name}" not in EXCEPTIONS), told


def test_hardly_anything_is_left_out() -> None:
    """Else a broken fetch would pass."""
    assert (len(_scripted()), len(_w3c())) == (SCRIPTED, ECMASCRIPT)
