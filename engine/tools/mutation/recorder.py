"""pytest plugin that records which transitions every scenario takes and which states it enters. ``engine mutate`` uses
it to choose the scenarios that can tell a mutant.

``pytest -p engine.tools.mutation.recorder --record-scenarios FOLDER`` writes one JSON file per test file into the
folder: ``{"file": …, "charts": [file, …], "keys": [chart:transition or chart:state, …], "tests": {node id: [seconds,
[index into keys, …]]}}``, the seconds of processor time. Only tests that pass are kept, and only those whose machines
ran on the virtual clock alone: a test on the real clock may fail for reasons that are not the chart's.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.run.clock import VirtualClock
from engine.run.observer import EVERYWHERE, Note, StepRecord


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-scenarios", metavar="FOLDER", help="write what each test's machines do into this folder")


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--record-scenarios")
    if folder:
        config.pluginmanager.register(Recorder(Path(folder)), "scenario-recorder")


def record_file(folder: Path, file: str) -> Path:
    """The path of a test file's record."""
    return folder / f"{hashlib.sha256(file.encode()).hexdigest()[:16]}.json"


class Recorder:
    """Observer of every system, and the hooks that say whose it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: set[tuple[str, str]] = set()
        self.charts: set[str] = set()
        self.real = False
        self.seconds = 0.0
        self.files: dict[str, dict[str, Any]] = {}

    def step(self, record: StepRecord) -> None:
        """A macrostep: its transitions, and the states entered."""
        if not isinstance(record.actor.system.clock, VirtualClock):
            self.real = True
        chart, seen = record.actor.machine.chart.name, self.seen
        if record.cause == "start":
            seen.add((chart, ""))
            self.charts.add(record.actor.machine.chart.file)
        for name in record.step.transitions:
            seen.add((chart, name))
        for name in record.step.entered:
            seen.add((chart, name))

    def note(self, note: Note) -> None:
        """Nothing that matters here."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.seen, self.charts, self.real = set(), set(), False
        EVERYWHERE.append(self)
        try:
            return (yield)
        finally:
            EVERYWHERE.remove(self)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds = time.process_time() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.passed or not self.seen or self.real:
            return
        file = report.nodeid.partition("::")[0]
        entry = self.files.setdefault(file, {"file": file, "charts": set(), "index": {}, "tests": {}})
        entry["charts"] |= self.charts
        index: dict[str, int] = entry["index"]
        numbers = sorted(index.setdefault(f"{chart}:{name}", len(index)) for chart, name in self.seen)
        entry["tests"][report.nodeid] = [round(self.seconds, 4), numbers]

    def pytest_sessionfinish(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, entry in self.files.items():
            charts = sorted(chart for chart in entry["charts"] if _in_project(Path(chart)))
            content = {"file": file, "charts": charts, "keys": list(entry["index"]), "tests": entry["tests"]}
            record_file(self.folder, file).write_text(json.dumps(content), encoding="utf-8")


def _in_project(chart: Path) -> bool:
    """One that a test wrote elsewhere is that test's own, and soon gone."""
    return chart.exists() and chart.resolve().is_relative_to(Path.cwd().resolve())
