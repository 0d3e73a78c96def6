"""Files: reading them within limits, loading children by ``src``, and the result of a whole load."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from contextlib import suppress
from pathlib import Path

from engine.language.expr.check import Scope
from engine.language.load.chart import build_chart
from engine.language.load.collector import collector_paused
from engine.language.load.contract import Contracts
from engine.language.load.installed_files import installed_charts
from engine.language.load.lookups import Lookups
from engine.language.load.reader import Reader
from engine.language.load.source_file import names_beside, real_path
from engine.language.load.yaml_source import Mapping, Node, Scalar, Source, parse
from engine.language.model import Chart, Contract
from engine.language.problems import ChartError, Problem, ProblemList, TooManyProblems, did_you_mean
from engine.language.types import Type

MAX_FILES = 200  # of one load: the chart and all it invokes


def load(path: str | Path, contracts: MappingOf[str, Contract] | None = None) -> Chart:
    """Load a chart and all charts it invokes. When there is no file ``path``, the installed chart of that name is
    loaded.

    ``contracts``: what adapters offer, by name; without it, the installed adapters' contracts.

    Raises:
        ChartError: with everything that is wrong, in all files.
    """
    with collector_paused():
        return Load(contracts).file(Path(path))


def load_text(text: str, file: str = "<text>", contracts: MappingOf[str, Contract] | None = None) -> Chart:
    """Load a chart from its text. ``file`` names it in problems, and ``src`` is looked for beside it.

    Raises:
        ChartError: with everything that is wrong.
    """
    with collector_paused():
        return Load(contracts).text(Source(file, text.removeprefix("\ufeff")))


Typed = list[tuple[Node, Scope, Type]]  # values of known types in the text: where, what may be named there, which type


def load_older(
    text: str, file: str, contracts: MappingOf[str, Contract] | None = None, typed: Typed | None = None
) -> Chart:
    """:func:`load_text` that also takes charts of older versions of the language, for ``engine upgrade``. ``typed`` is
    given the values of this text.

    Raises:
        ChartError: with everything that is wrong.
    """
    with collector_paused():
        return Load(contracts, True).text(Source(file, text.removeprefix("\ufeff")), typed)


class Load:
    """One load: every file is read once. ``lookups``: all that it asked the disk, but for the installed contracts."""

    def __init__(self, contracts: MappingOf[str, Contract] | None, older: bool = False) -> None:
        self.older = older
        self.lookups = Lookups()
        self.contracts = Contracts(contracts, self.lookups)
        self.problems = ProblemList()
        self.charts: dict[Path, Chart | None] = {}
        self.open: list[Path] = []  # the files being read, from the first to the innermost

    def file(self, path: Path) -> Chart:
        """See :func:`load`.

        Raises:
            ChartError: with everything that is wrong, in all files.
        """
        path = self.lookups.found(path)
        try:
            source = self.lookups.source(path)
        except OSError as error:
            names = [*names_beside(path), *installed_charts()] if isinstance(error, FileNotFoundError) else []
            hint = did_you_mean(path.name, names)
            message = f"cannot be read: {error.strerror or error}"
            problem = Source(str(path), "").problem(0, 0, "missing-file", message, hint=hint)
            raise ChartError([problem]) from None
        self.open.append(real_path(path))
        return self.text(source)

    def text(self, source: Source, typed: Typed | None = None) -> Chart:
        """See :func:`load_text`.

        Raises:
            ChartError: with everything that is wrong.
        """
        chart = None
        with suppress(TooManyProblems):
            chart = self._build(source, typed)
        if self.problems.found or chart is None:
            ordered = sorted(
                self.problems.found, key=lambda p: (p.position.file != source.file, p.position.file, *_place(p))
            )
            raise ChartError(_once(ordered))
        return chart

    def _build(self, source: Source, typed: Typed | None = None) -> Chart | None:
        try:
            root = parse(source, self.problems)
        except ChartError as error:
            self.problems.add_all(error.problems)
            return None
        if not isinstance(root, Mapping):
            message = "a chart is a mapping"
            self.problems.add(source.problem(root.start.line, root.start.column, "shape", message, "machine: name"))
            return None
        return build_chart(Reader(source, self.problems, self.older, typed), root, self.contracts, self._child)

    def _child(self, reader: Reader, node: Node) -> Chart | None:
        """The chart an `invoke` or `spawn` names; None after a problem."""
        if isinstance(node, Mapping):  # a chart in place
            return build_chart(reader, node, self.contracts, self._child)
        text = "" if not isinstance(node, Scalar) or node.is_null else node.text
        if not text:
            reader.problem(node, "shape", "'src' is the path of a chart", "FILE.yaml")
            return None
        try:
            shown, path = self.lookups.child(Path(reader.source.file).parent, text)
        except (OSError, ValueError) as error:
            self._unreadable(reader, node, text, error)
            return None
        if path in self.open:
            names = [file.name for file in [*self.open[self.open.index(path) :], path]]
            reader.problem(node, "cycle", f"the chart invokes itself: {' → '.join(names)}")
            return None
        if path in self.charts:
            return self.charts[path]
        if len(self.charts) >= MAX_FILES:
            reader.problem(node, "limit", f"more than {MAX_FILES} files in one load")
            return None
        self.charts[path] = None
        try:
            source = self.lookups.source(path, shown=str(shown))
        except OSError as error:
            beside = names_beside(path) if isinstance(error, FileNotFoundError) else ()
            self._unreadable(reader, node, text, error, [name for name in beside if name.endswith(".yaml")])
            return None
        except ChartError as error:
            self.problems.add_all(error.problems)
            return None
        before = len(self.problems)
        self.open.append(path)
        chart = self._build(source)
        self.open.pop()
        if len(self.problems) == before:
            self.charts[path] = chart
        return self.charts[path]

    @staticmethod
    def _unreadable(
        reader: Reader, node: Node, text: str, error: OSError | ValueError, known: Iterable[str] = ()
    ) -> None:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        reader.problem(node, "missing-file", f"{text[:80]!r} cannot be read: {why}", known=known)


def _once(problems: list[Problem]) -> list[Problem]:
    """What is wrong in a template is told of at its first use only."""
    found: dict[tuple[str, int, int, str, str], Problem] = {}
    for problem in problems:
        at = problem.position
        found.setdefault((at.file, at.line, at.column, problem.code, problem.message), problem)
    return list(found.values())


def _place(problem: Problem) -> tuple[int, int]:
    return problem.position.line, problem.position.column
