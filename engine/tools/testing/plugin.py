"""pytest plugin: each generated path of a chart is a test.

In the pytest configuration, ``charts = machines`` names charts or folders of charts. They are collected when their
file or folder is collected, so ``pytest machines`` runs them; nothing happens without the option.

``--chart-traces DIR`` writes the trace of every system that any test runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.language.model import Chart
    from engine.tools.explore.path import Path as GeneratedPath
    from engine.tools.testing.measure import Missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("charts", "charts, or folders of charts, whose generated paths are tests", type="paths", default=[])
    parser.addoption(
        "--chart-traces",
        metavar="DIR",
        help="write the traces of all systems the tests run",
    )


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--chart-traces")
    if folder:
        from engine.tools.testing.recording import TraceRecorder

        config.pluginmanager.register(TraceRecorder(Path(folder).resolve()))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ChartFile | None:
    if file_path.suffix != ".yaml" or file_path.name.endswith(".contract.yaml"):
        return None
    named: list[Path] = parent.config.getini("charts")
    if any(file_path == path or path in file_path.parents for path in named):
        return ChartFile.from_parent(parent, path=file_path)
    return None


class ChartFile(pytest.File):
    """A chart: its paths, and the transitions no path takes."""

    def collect(self) -> Iterator[pytest.Item]:
        """The items of the chart; see pytest."""
        from engine.language.load import load
        from engine.tools.testing.measure import not_taken
        from engine.tools.testing.transitions import TransitionSearch

        chart = load(self.path)
        found = TransitionSearch(chart).run()
        for number, path in enumerate(found.paths):
            yield PathItem.from_parent(self, name=f"{number + 1}: {path.name}", chart=chart, path_=path, number=number)
        if chart.joint_invariants:
            yield TogetherItem.from_parent(self, name="together with its children", chart=chart)
        for missing in not_taken(chart, found.missing):
            kind = "impossible" if missing.proved else "not taken"
            yield MissingItem.from_parent(self, name=f"{kind}: {missing.transition}", missing=missing)


class PathItem(pytest.Item):
    """One generated path."""

    def __init__(self, *, chart: Chart, path_: GeneratedPath, number: int, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.chart, self.path_, self.number = chart, path_, number

    def runtest(self) -> None:
        """Run the path. Raises :class:`PathFailed`."""
        from engine.tools.testing.verify import verify_path

        problems = verify_path(self.chart, self.path_, self.number)
        if problems:
            raise PathFailed("\n".join(map(str, problems)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The problems and the path's steps."""
        if isinstance(excinfo.value, PathFailed):
            steps = "\n".join(f"  {at}. {stimulus}" for at, stimulus in enumerate(self.path_.steps, 1))
            return f"{excinfo.value}\nthe path:\n{steps}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """File and name; see pytest."""
        return self.path, None, f"{self.chart.name}: {self.name}"


class TogetherItem(pytest.Item):
    """The chart with its children: their joint invariants."""

    def __init__(self, *, chart: Chart, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.chart = chart

    def runtest(self) -> None:
        """Run the chart with its children. Raises :class:`PathFailed`."""
        from engine.tools.testing.together import play

        broken = play(self.chart).broken
        if broken:
            raise PathFailed("\n".join(broken))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The broken invariants."""
        return str(excinfo.value) if isinstance(excinfo.value, PathFailed) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """File and name; see pytest."""
        return self.path, None, f"{self.chart.name}: {self.name}"


class MissingItem(pytest.Item):
    """A transition no path takes: fails unless it is proved impossible, as its name then says."""

    def __init__(self, *, missing: Missing, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.missing = missing

    def runtest(self) -> None:
        """Fail unless it is proved impossible. Raises :class:`PathFailed`."""
        if not self.missing.proved:
            raise PathFailed(f"{self.missing.place}: {self.missing.transition}: {self.missing.reason}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The transition and the reason."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """File and name; see pytest."""
        return self.path, None, self.name


class PathFailed(Exception):
    """A generated path found a fault."""
