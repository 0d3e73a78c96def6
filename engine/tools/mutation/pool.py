"""Workers, each in its own copy of the project: a mutant is a file on a disk that nobody else reads."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """A mutant to try: ``text`` in place of ``file``, these ``tests`` until one fails, ``seconds`` of processor time
    at most."""

    file: str
    text: str
    tests: list[str]
    seconds: float
    subject: Any


def answers(
    jobs: list[Job], copied: Iterable[str], scenarios: list[str], workers: int
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """(job, answer) as they come. ``copied``: names at the top of the project that a worker gets copies of."""
    waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Job, dict[str, Any]] | BaseException] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    workers = min(workers, len(jobs))
    processes: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        threads = []
        for number in range(workers):
            waiting.put(None)
            place = Path(folder) / str(number)
            _copy(Path.cwd(), place, set(copied))
            processes.append(_start(place, scenarios))
            thread = threading.Thread(target=_serve, args=(processes[-1], waiting, done), daemon=True)
            thread.start()
            threads.append(thread)
        try:
            for _ in jobs:
                found = done.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            for process in processes:
                process.terminate()
            for thread in threads:
                thread.join()


def _copy(project: Path, place: Path, copied: set[str]) -> None:
    place.mkdir()
    for entry in project.iterdir():
        if entry.name in copied and entry.is_file():
            shutil.copy2(entry, place / entry.name)
        elif entry.name in copied:
            shutil.copytree(entry, place / entry.name, symlinks=True)  # with what is compiled, which is not again
        elif entry.name != ".git":
            (place / entry.name).symlink_to(entry)


def _start(place: Path, scenarios: list[str]) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONWARNINGS"] = "ignore"
    return subprocess.Popen(
        [sys.executable, "-m", "engine.tools.mutation.worker", *scenarios],
        cwd=place,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _serve(process: subprocess.Popen[str], waiting: Any, done: Any) -> None:
    """Hand jobs to one worker until there are none."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        while (job := waiting.get()) is not None:
            asked = {"file": job.file, "text": job.text, "tests": job.tests, "seconds": job.seconds}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"a worker ended with {process.wait()}")
            done.put((job, json.loads(line)))
    except BaseException as error:
        done.put(error)
    finally:
        process.stdin.close()
        process.wait()
