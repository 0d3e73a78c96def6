"""The W3C SCXML 1.0 test suite through the importer, on a virtual clock.

The documents with Python expressions ship in python-statemachine's source distribution; they are fetched once into the
git-ignored ``.peers/`` and never committed. ``own/`` holds documents of our own for assertions that copy leaves out,
written from the specification.
"""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from engine.language.load import load_text
from engine.language.model import Chart
from engine.language.problems import ChartError
from engine.run import Note, StepRecord, System
from engine.run.machine import Machine
from engine.semantics.errors import EngineError
from engine.semantics.parameters import split_given
from engine.semantics.reference import Interpreter
from engine.semantics.shared import UNSET
from engine.semantics.step import LogText
from engine.tools.scxml import ImportProblem, import_file
from engine.tools.scxml.resolve import resolve_source

HERE = Path(__file__).parent
PEERS = HERE.parent.parent / ".peers"
SDIST = "python-statemachine==3.2.2"
FOLDER = PEERS / "w3c-scxml"
LIMIT_NS = 60_000_000_000

# Documents of the copy that do not say what the suite says; each is put right before it runs.
# id -> (text in the copy, text of the suite, why)
CORRECTIONS: dict[str, tuple[str, str, str]] = {
    "233": ('cond=""', 'cond="Var1==2"', "the copy lost the condition that finalize is to make true"),
    "240": (
        '<transition target="subFinal1">\n\t\t\t\t\t\t\t\t<send target="#_parent" event="failure" />\n'
        '\t\t\t\t\t\t\t</transition>\n\t\t\t\t\t\t</state>\n\t\t\t\t\t\t<final id="subFinal2" />',
        '<transition target="subFinal2">\n\t\t\t\t\t\t\t\t<send target="#_parent" event="failure" />\n'
        '\t\t\t\t\t\t\t</transition>\n\t\t\t\t\t\t</state>\n\t\t\t\t\t\t<final id="subFinal2" />',
        "the second child names a state it does not have",
    ),
    "352": (
        "cond=\"Var1=='scxml'\"",
        "cond=\"Var1=='http://www.w3.org/TR/scxml/#SCXMLEventProcessor'\"",
        "the copy was altered; the suite asks for the processor's URI (C.1)",
    ),
}


@contextlib.contextmanager
def downloads() -> Iterator[Path]:
    """The folder of what is fetched; one process at a time, as test workers start together."""
    folder = PEERS / "dl"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@cache
def fetch() -> str:
    """Have the documents in ``FOLDER``; returns why not, or ''."""
    with downloads() as folder:
        return "" if (FOLDER / "mandatory").is_dir() else _fetch(folder)


def _fetch(downloads: Path) -> str:
    archive = next(downloads.glob("python_statemachine-3.2.2.tar.gz"), None)
    if archive is None:
        command = [sys.executable, "-m", "pip", "download", "--no-binary", ":all:", "--no-deps", SDIST]
        done = subprocess.run(
            [*command, "-d", str(downloads)], capture_output=True, text=True, timeout=300, check=False
        )
        archive = next(downloads.glob("python_statemachine-3.2.2.tar.gz"), None)
        if archive is None:
            return f"the W3C documents cannot be fetched: {done.stderr.strip()[-200:]}"
    staging = FOLDER.with_suffix(".new")
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = Path(member.name).parts
            if "w3c" in parts and member.isfile() and Path(member.name).suffix in (".scxml", ".txt", ""):
                content = tar.extractfile(member)
                target = staging.joinpath(*parts[parts.index("w3c") + 1 :])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read() if content else b"")
    _correct(staging)
    staging.rename(FOLDER)
    return ""


def _correct(folder: Path) -> None:
    for test, (wrong, right, _) in CORRECTIONS.items():
        path = folder / "mandatory" / f"test{test}.scxml"
        text = path.read_text("utf-8-sig")
        assert text.count(wrong) == 1, f"test{test} of {SDIST} is not as expected: {text.count(wrong)} of {wrong!r}"
        path.write_text(text.replace(wrong, right), "utf-8")


@dataclass(frozen=True, slots=True)
class Document:
    """One test document. ``level``: mandatory, optional, or own (ours; then ``id`` is the suite's)."""

    id: str
    level: str
    path: Path


def documents() -> list[Document]:
    """All documents that are tests by themselves (children invoked by ``src`` are not)."""
    found = []
    for level, folder in (
        ("mandatory", FOLDER / "mandatory"),
        ("optional", FOLDER / "optional"),
        ("own", HERE / "own"),
    ):
        for path in sorted(folder.glob("test*.scxml")):
            name = path.stem.removeprefix("test")
            if "sub" not in name:
                found.append(Document(name, level, path))
    return found


@cache
def exceptions() -> dict[str, str]:
    """Test id -> why it has no place in the chart language."""
    loaded: dict[str, str] = yaml.safe_load((HERE / "exceptions.yaml").read_text("utf-8"))
    return {str(key): value for key, value in loaded.items()}


@dataclass(slots=True)
class Outcome:
    """What a run did. ``verdict``: ``pass``, ``fail`` or why it is neither."""

    verdict: str = "reached neither pass nor fail"
    logs: list[str] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)

    def step(self, record: StepRecord) -> None:
        name = record.event.name if record.event else record.cause
        self.trail.append(f"{record.time_ns / 1e9:g} s {record.actor.path} {name}: {' '.join(record.step.transitions)}")
        self.trail += [f"    {failure.position} {failure.message}" for failure in record.step.failures]
        self.logs += [effect.text for effect in record.step.effects if isinstance(effect, LogText)]
        if record.actor.parent is None:
            for state in record.step.entered:
                if state in ("pass", "fail"):
                    self.verdict = state

    def note(self, note: Note) -> None:
        self.trail.append(f"    {note.path}: {note.kind}: {note.text}")


_numbers = iter(range(1, 1_000_000_000))


class ReferenceMachine:
    """The literal interpreter as a machine of a system."""

    def __init__(self, chart: Chart, given: Mapping[str, Any]) -> None:
        self.chart = chart
        self.session_id = f"reference{next(_numbers)}"
        self.core = Interpreter(chart, *split_given(chart, given), session_id=self.session_id)
        self.begin, self.process = self.core.begin, self.core.process
        self.expire, self.finish = self.core.expire, self.core.finish

    @property
    def surroundings(self) -> Any:
        return self.core.surroundings

    @surroundings.setter
    def surroundings(self, value: Any) -> None:
        self.core.surroundings = value

    @property
    def configuration(self) -> tuple[str, ...]:
        return self.core.active

    @property
    def data(self) -> Mapping[str, Any]:
        return {name: value for name, value in self.core.values.items() if value is not UNSET}

    @property
    def readings(self) -> Mapping[tuple[str, str], Any]:
        return self.core.readings

    @property
    def done(self) -> bool:
        return not self.core.running


def compiled(chart: Chart, given: Mapping[str, Any]) -> Any:
    """The machine that users run."""
    return Machine(chart, given)


MAKERS: dict[str, Callable[[Chart, Mapping[str, Any]], Any]] = {"reference": ReferenceMachine, "compiled": compiled}


@cache
def chart_of(path: Path) -> Chart | str:
    """SCXML → YAML text → chart; or why not."""
    try:
        return load_text(import_file(path).text, str(path.with_suffix(".yaml")))
    except (ImportProblem, ChartError) as error:
        return str(error)


def run(document: Document, maker: str) -> Outcome:
    """One document to its end, or 60 s of its time."""
    chart = chart_of(document.path)
    return Outcome(chart) if isinstance(chart, str) else run_chart(chart, maker)


def run_chart(chart: Chart, maker: str) -> Outcome:
    """One chart of the suite to its end, or 60 s of its time."""
    outcome = Outcome()
    system = System(make=MAKERS[maker], resolve=resolve_source)
    system.observers.append(outcome)
    try:
        system.add(chart, "root")
        system.start()
        system.run_until(lambda: system.finished, LIMIT_NS)
    except EngineError as error:
        outcome.verdict = str(error)
    if system.failures and outcome.verdict not in ("pass", "fail"):
        outcome.verdict = "; ".join(system.failures)
    return outcome
