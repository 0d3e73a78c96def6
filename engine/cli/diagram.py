"""``engine diagram``: draw charts, or check whether drawings are up to date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.language.model import Chart
    from engine.run.station import Station
    from engine.tools.diagram.compose import Solver
    from engine.tools.diagram.draw import Drawing
    from engine.tools.diagram.statechart import Level

_EPILOG = """examples:
  engine diagram machines/                      all charts and stations as SVG and PDF into diagrams/
  engine diagram machines/ --check              do diagrams/ show the charts as they are?
  engine diagram machines/slac/evse.yaml -o . --format svg --level full
  engine diagram machines/evse_dc.yaml --format mermaid,plantuml,dot -o build/

SVG, PDF and PNG need the extra [diagram]; ELK, which lays them out, is fetched once and kept. The texts need neither.
exit codes: 0 done (or up to date), 1 drawings are stale or a chart could not be drawn, 2 usage or a chart does not load
"""

_FILES = (".svg", ".pdf", ".png", ".gif", ".jpg", ".jpeg", ".dot", ".mmd", ".puml", ".html", ".txt", ".md")
_AT_ONCE = 2  # more gain little: the largest chart alone takes a third of the time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine diagram``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a chart, a station file, or a folder of them; also an installed one's name: evse_dc",
    )
    parser.add_argument("-o", "--output", default="diagrams", metavar="DIR", help="where to (default: diagrams)")
    parser.add_argument(
        "--format",
        default="svg,pdf",
        metavar="F[,F]",
        help="of svg, pdf, png, dot, mermaid, plantuml (default: svg,pdf)",
    )
    parser.add_argument(
        "--level", choices=("overview", "full", "both"), default="both", help="level of detail (default: both)"
    )
    parser.add_argument(
        "--stamp",
        action="store_true",
        help="commit and date in the title block: for drawings handed out, not for those under version control",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a drawing is stale or left over")


def run(args: argparse.Namespace) -> int:
    """Draw. Exit code 1 when drawings are out of date (``--check``), 2 when one cannot be made or a chart does not
    load."""
    from engine.language.load.installed_files import found
    from engine.tools.diagram import kept
    from engine.tools.diagram.draw import FORMATS, LEVELS
    from engine.tools.diagram.elk import Elk, LayoutFailed, LayoutUnavailable
    from engine.tools.diagram.printing import need_printing
    from engine.tools.diagram.stamp import NoCommit, stamp

    formats = [f.strip() for f in args.format.split(",") if f.strip()]
    if not formats:
        _say(f"engine: --format {args.format}: nothing to draw; known are {', '.join(FORMATS)}")
        return 2
    for name in formats:
        if name not in FORMATS:
            _say(f"engine: unknown format '{name}'; known are {', '.join(FORMATS)}")
            return 2
    if Path(args.output).suffix in _FILES and not Path(args.output).is_dir():
        _say(f"engine: -o {args.output}: a folder belongs there, such as -o .; --format says what is drawn")
        return 2
    need_printing(*formats)
    levels = LEVELS if args.level == "both" else (args.level,)
    charts = _charts([p for p in args.paths if not p.endswith(".toml")])
    if charts is None:
        return 2
    stations = _stations(args.paths, charts)
    try:
        made = stamp([found(path) for path in args.paths]) if args.stamp else ""
    except NoCommit as error:
        _say(f"engine: {error}")
        return 2
    job = _Job(Path(args.output), formats, levels, args.check, made)
    try:
        if any(f in ("svg", "pdf", "png") for f in formats):
            kept.drop_old()
            with Elk(_AT_ONCE) as elk, ThreadPoolExecutor(1) as printer:
                printed = [printer.submit(job.files, *drawn) for drawn in job.drawings(charts, stations, elk)]
                for future in printed:
                    future.result()
        for chart in charts:
            job.write_texts(chart)
    except LayoutUnavailable as error:
        _say(f"engine: {error}")
        return 2
    except LayoutFailed as error:
        _say(f"engine: {error}")
        return 1
    if any(found(path).is_dir() for path in args.paths):
        job.find_left_over({chart.name for chart in charts}, set(stations))
    return job.report(len(charts) + len(stations))


class _Job:
    """What is to be written, or compared."""

    def __init__(self, folder: Path, formats: list[str], levels: tuple[Level, ...], check: bool, made: str) -> None:
        self.folder = folder
        self.made_at = made
        self.formats = formats
        self.levels = levels
        self.check = check
        self.stale: list[str] = []
        self.made: set[Path] = set()
        self.written = 0
        self.current = 0

    def drawings(
        self, charts: list[Chart], stations: dict[str, Station], solver: Solver
    ) -> Iterator[tuple[str, Drawing]]:
        """Name and drawing of all that is to be drawn, some at a time: printed by another thread while the next are
        laid out."""
        from engine.tools.diagram.draw import draw, draw_station

        tasks: list[tuple[str, Callable[[], Drawing]]] = []
        for chart in sorted(charts, key=lambda chart: -len(chart.transitions)):  # nothing large is left for the end
            tasks += [
                (f"{chart.name}.{level}", partial(draw, chart, level, solver, self.made_at)) for level in self.levels
            ]
        tasks += [
            (f"{name}.station", partial(draw_station, s, name, solver, self.made_at)) for name, s in stations.items()
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            drawn = [(name, pool.submit(task)) for name, task in tasks]
            for number, (name, future) in enumerate(drawn, 1):
                self._progress(number, len(drawn), name)
                yield name, future.result()
        self._progress(0, 0, "")

    @staticmethod
    def _progress(number: int, count: int, name: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{f'drawing {number}/{count} {name}' if count else ''}", end="", file=sys.stderr, flush=True)

    def files(self, name: str, drawing: Drawing) -> None:
        """Write, or compare, the drawing in each format."""
        from engine.tools.diagram.draw import DRAWN, sheet_name

        for format in DRAWN:
            for number in range(len(drawing.svgs) if format in self.formats else 0):
                if number == 0 or format != "pdf":
                    self._one(self.folder / sheet_name(name, format, number), drawing, format, number)

    def _one(self, path: Path, drawing: Drawing, format: str, number: int) -> None:
        from engine.tools.diagram.draw import file_bytes, is_current

        self.made.add(path)
        if is_current(path, drawing, format, number):
            self.current += 1
        elif self.check:
            self.stale.append(f"{path}: {'shows an older model or style' if path.exists() else 'is missing'}")
        else:
            self._write(path, file_bytes(drawing, format, number))

    def write_texts(self, chart: Chart) -> None:
        from engine.tools.diagram.draw import TEXTUAL

        for format, (suffix, write) in TEXTUAL.items():
            if format not in self.formats:
                continue
            path, text = self.folder / f"{chart.name}.{suffix}", write(chart).encode()
            if path.is_file() and path.read_bytes() == text:
                self.current += 1
            elif self.check:
                self.stale.append(f"{path}: {'shows an older model' if path.exists() else 'is missing'}")
            else:
                self._write(path, text)

    def find_left_over(self, charts: set[str], stations: set[str]) -> None:
        """Drawings of charts that are no more, and sheets that a drawing no longer needs."""
        for path in sorted(self.folder.glob("*")):
            if path.suffix not in (".svg", ".pdf", ".png") or path in self.made:
                continue
            name, *rest = path.name.split(".")
            kinds = (*self.levels, "station") if name in stations else self.levels
            if name not in charts | stations:
                self.stale.append(f"{path}: belongs to no chart any more: delete it")
            elif len(rest) == 3 and rest[0] in kinds and rest[2] in self.formats:
                if self.check:
                    self.stale.append(f"{path}: this drawing has fewer sheets now")
                else:
                    path.unlink()

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.written += 1

    def report(self, charts: int) -> int:
        for text in sorted(self.stale):
            print(text)
        counts = f"{charts} {'chart' if charts == 1 else 'charts'}: {self.current} drawings up to date"
        print(counts + (f", {len(self.stale)} not" if self.check else f", {self.written} written in {self.folder}"))
        if self.check and self.stale:
            print("run engine diagram again and commit what it writes")
            return 1
        return 0


def _charts(paths: list[str]) -> list[Chart] | None:
    """All charts, each file once, with names that do not clash; None after a complaint."""
    from engine.cli.check import chart_files
    from engine.language.load import load
    from engine.language.problems import ChartError

    charts: dict[str, Chart] = {}
    good = True
    for path in chart_files(paths):
        try:
            chart = load(path)
        except ChartError as error:
            _say(str(error))
            good = False
            continue
        other = charts.setdefault(chart.name, chart)
        if other is not chart:
            _say(f"engine: {path} and {other.file} are both called '{chart.name}': drawings would overwrite each other")
            good = False
    return list(charts.values()) if good else None


def _stations(paths: list[str], charts: list[Chart]) -> dict[str, Station]:
    """The station files named, and those in the folders named (a file whose ``[station]`` names a machine), by name.
    Only what the files say counts, not this machine's environment."""
    import engine
    from engine.language.load.installed_files import found
    from engine.run.registry import installed
    from engine.run.station import Overrides, resolve

    files: dict[Path, None] = {}
    for path in map(found, paths):
        inside = sorted(path.rglob("*.toml")) if path.is_dir() else [path] if path.suffix == ".toml" else []
        files.update(dict.fromkeys(f for f in inside if not path.is_dir() or _names_machine(f)))
    loaded = {Path(chart.file).resolve(): chart for chart in charts}

    @cache  # stations have charts in common
    def load(path: Path) -> Chart:
        return loaded.get(path.resolve()) or engine.load(path)

    return {f.stem: resolve(f, None, Overrides(environ={}), installed(), load) for f in files}


def _names_machine(file: Path) -> bool:
    import tomllib

    return "machine" in tomllib.loads(file.read_text(encoding="utf-8")).get("station", {})


def _say(text: str) -> None:
    print(text, file=sys.stderr)
