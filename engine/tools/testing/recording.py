"""``pytest --chart-traces DIR``: writes the trace of every system that runs in a test, to see what the tests take."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import IO

import pytest

from engine.run import System
from engine.run.observer import EVERYWHERE, Note, StepRecord
from engine.tools.trace.lines import Recorder
from engine.tools.trace.record import header, note_record


class TraceRecorder:
    """A pytest plugin and an observer of every system. Files are ``<test>.<number>.jsonl``, one per system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._test = ""
        self._open: dict[System, tuple[Recorder, IO[str]]] = {}

    def step(self, record: StepRecord) -> None:
        recorder, file = self._of(record.actor.system)
        file.write(recorder.step(record) + "\n")

    def note(self, note: Note) -> None:
        if len(self._open) == 1:  # a note does not say which system it is of
            for _, file in self._open.values():
                file.write(json.dumps(note_record(note), separators=(",", ":"), ensure_ascii=False) + "\n")

    def _of(self, system: System) -> tuple[Recorder, IO[str]]:
        known = self._open.get(system)
        if known is None:
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", self._test)[-180:]
            path = self.folder / f"{name}.{len(self._open) + 1}.jsonl"
            file = open(path, "w", encoding="utf-8")  # noqa: SIM115 (closed when the test has ended)
            known = self._open[system] = (Recorder(), file)
            file.write(json.dumps(header(system, title=self._test), ensure_ascii=False) + "\n")
        return known

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._test = item.nodeid
        EVERYWHERE.append(self)
        try:
            return (yield)
        finally:
            EVERYWHERE.remove(self)
            for _, file in self._open.values():
                file.close()
            self._open.clear()
