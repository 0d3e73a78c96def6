"""A process that tries mutants: everything is imported once, and each mutant gets a fork of it.

``python -m engine.tools.mutation.worker SCENARIOS…`` in a copy of the project reads jobs as lines of JSON, ``{"file",
"text", "tests", "seconds"}``, and answers each with ``{"verdict", "by"}``: ``killed`` by a test, ``survived``,
``refused`` by the loader, or ``killed`` by the time limit (``by`` is empty). The limit is of processor time, so that
what else the machine does kills nobody; a mutant that only waits is given up after ten times as long.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.tools.mutation.record import KILLED, REFUSED, SURVIVED

WAITS = 10
"""What waits for ever, uses no processor time: the real time a job may last, as a multiple of its processor time."""
FIRST = 8
"""So many tests run before the files of all the others are read: most mutants are killed by one of them."""
PYTEST = ["-x", "-q", "--rootdir", ".", "-o", "addopts=", "-p", "no:cacheprovider"]


class _First:
    """Remembers the first test that failed."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def main(scenarios: list[str]) -> None:
    """Answer jobs from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path.insert(0, os.getcwd())
    pytest.main(["--collect-only", *PYTEST[1:], *scenarios])
    _forget(scenarios)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_try(json.loads(line))), file=answers, flush=True)


def _forget(scenarios: list[str]) -> None:
    """Test modules may hold charts: each fork imports its own, and what lies beside them."""
    tops = {(Path.cwd() / Path(scenario).parts[0]).resolve() for scenario in scenarios}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and not tops.isdisjoint((Path(file).resolve(), *Path(file).resolve().parents)):
            del sys.modules[name]


def _try(job: dict[str, Any]) -> dict[str, Any]:
    path = Path(job["file"])
    original = path.read_text(encoding="utf-8")
    path.write_text(job["text"], encoding="utf-8")
    try:
        return _forked(job)
    finally:
        path.write_text(original, encoding="utf-8")


def _forked(job: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer: dict[str, Any] = {"verdict": KILLED, "by": "", "reason": "the process ended"}
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(job["seconds"]),) * 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            answer = _run(job["file"], job["tests"])
        finally:
            os.write(writing, json.dumps(answer).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], WAITS * job["seconds"])
        if not ready:
            os.killpg(child, signal.SIGKILL)
        data = pipe.read() if ready else b""
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):  # what the scenarios left behind
        os.killpg(child, signal.SIGKILL)
    if data:
        found: dict[str, Any] = json.loads(data)
        return found
    limited = not ready or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL))
    return {"verdict": KILLED, "by": "", "reason": "time limit" if limited else f"ended with status {status}"}


def _run(file: str, tests: list[str]) -> dict[str, Any]:
    from engine.language.load import load
    from engine.language.problems import ChartError

    try:
        load(file)
    except ChartError as error:
        return {"verdict": REFUSED, "by": "", "reason": str(error.problems[0].message)}
    for some in filter(None, (tests[:FIRST], tests[FIRST:])):
        first = _First()
        code = pytest.main([*PYTEST, *some], plugins=[first])
        if first.failed:
            return {"verdict": KILLED, "by": first.failed}
        if code != pytest.ExitCode.OK:
            return {"verdict": "error", "by": "", "reason": f"pytest ended with {code!s}"}
    return {"verdict": SURVIVED, "by": ""}


if __name__ == "__main__":
    main(sys.argv[1:])
