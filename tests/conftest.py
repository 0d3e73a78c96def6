"""What all tests share."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from engine.tools.diagram.elk import Elk, LayoutUnavailable

# How long generating or running an example takes is no property: a busy machine must not fail one.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

collect_ignore = ["benchmarks"]  # time limits: only when named, so that nothing else is at work beside them

# What this machine tells its Python (unbuffered output, other warnings, a path) must not decide how the programs behave
# that tests start.
for _name in [name for name in os.environ if name.startswith("PYTHON")]:
    del os.environ[_name]

# Charts that `engine run` loads are kept for all tests of a run, and for no other run: a station is read once, not by
# each of the hundreds of tests that run it. (A kept chart is what loading gives: tests/load/test_kept.py.)
if "PYTEST_XDIST_WORKER" not in os.environ:
    _kept = tempfile.TemporaryDirectory(prefix="chargechart-charts-")
    os.environ["CHARGECHART_CACHE"] = _kept.name

# A shell starts what it sends to the background with Ctrl-C ignored; a program that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = (
    "test_josev_interrupted",
    "test_josev",
    "test_exi_oracle",
    "test_pairs",
    "test_zoo",
    "test_mutation",
    "test_scxml",
)
"""Files of a minute or more. They begin first: the last of them would keep one worker busy and the others idle."""

MORE = ("CHARGECHART_EXAMPLES", "CHARGECHART_FUZZ")
"""By what the environment asks for more examples. A file that reads one of them is run again with them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("a suite run twice", "as .ci/run does: as a newcomer would, then with everything there")
    group.addoption("--note-passed", type=Path, metavar="FILE", help="write the names of the tests that passed there")
    group.addoption(
        "--leave-out",
        type=Path,
        metavar="FILE",
        help="leave out the tests named there, except where the environment asks for more examples",
    )


_passed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "setup" and report.passed:
        _passed.add(report.nodeid)
    elif not report.passed:
        _passed.discard(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    file: Path | None = session.config.getoption("--note-passed")
    if file and not hasattr(session.config, "workerinput"):  # a worker of pytest-xdist knows its own part only
        file.write_text("".join(f"{name}\n" for name in sorted(_passed)))


def _leave_out_passed(config: pytest.Config, items: list[pytest.Item]) -> None:
    file: Path | None = config.getoption("--leave-out")
    if file is None:
        return
    passed = set(file.read_text().splitlines())
    more = {path: any(name in path.read_text() for name in MORE) for path in {item.path for item in items}}
    out = [item for item in items if item.nodeid in passed and not more[item.path]]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if more[item.path] or item.nodeid not in passed]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _leave_out_passed(config, items)
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def elk() -> Iterator[Elk]:
    """The layout engine; it fetches elkjs once, so a machine that has never been online has none."""
    try:
        layouter = Elk()
    except LayoutUnavailable as reason:
        pytest.skip(str(reason))
    with layouter:
        yield layouter
