"""``engine diagram``: draw charts, or check whether drawings are up to date."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.numbers import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.tools.diagram.job import Result
    from engine.tools.diagram.statechart import Level

_EPILOG = """examples:
  engine diagram machines/                      all charts and stations into diagrams/: overviews as SVG, all as PDF
  engine diagram machines/ --check              do diagrams/ show the charts as they are?
  engine diagram machines/slac/evse.yaml -o . --format svg --level full
  engine diagram machines/evse_dc.yaml --stamp -o review/     with commit and date, as outside the repository
  engine diagram machines/evse_dc.yaml --format mermaid,plantuml,dot -o build/

SVG, PDF and PNG need the extra [diagram]; ELK, which lays them out, is fetched once and kept. The texts need neither.
exit codes: 0 done (or up to date), 1 drawings are stale or a chart could not be drawn, 2 usage or a chart does not load
"""

_FILES = (".svg", ".pdf", ".png", ".gif", ".jpg", ".jpeg", ".dot", ".mmd", ".puml", ".html", ".txt", ".md")
_PICTURES = (".svg", ".pdf", ".png")


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
        "--level",
        choices=("overview", "full", "both"),
        help="level of detail (default: both in the PDF, the overview as SVG and PNG)",
    )
    parser.add_argument(
        "--stamp",
        action=argparse.BooleanOptionalAction,
        help="commit and date in the title block (default: where DIR is outside the charts' repository; a drawing "
        "in it would be stale with every commit)",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a drawing is stale or left over")
    parser.add_argument(
        "--jobs", type=count, default=min(os.cpu_count() or 1, 8), metavar="N", help="processes (default: one a core)"
    )


def run(args: argparse.Namespace) -> int:
    """Draw. Exit code 1 when drawings are out of date (``--check``), 2 when one cannot be made or a chart does not
    load. Raises ``MissingExtra``."""
    from engine.language.load.installed_files import found
    from engine.tools.diagram import kept
    from engine.tools.diagram.draw import DRAWN, FORMATS, LEVELS
    from engine.tools.diagram.elkjs import LayoutUnavailable, find_bundle, find_node
    from engine.tools.diagram.job import Order, carry_out
    from engine.tools.diagram.printing import need_printing
    from engine.tools.diagram.stamp import NO_GIT, NoCommit, stamp
    from engine.tools.extras import MissingExtra

    formats = tuple(dict.fromkeys(f.strip() for f in args.format.split(",") if f.strip()))
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
    try:
        need_printing(*formats)
    except MissingExtra as error:
        raise MissingExtra(f"{error} (--format dot, mermaid or plantuml needs none)") from error
    names = _names(args.paths)
    if names is None:
        return 2
    try:
        made = stamp([found(path) for path in args.paths], args.stamp, Path(args.output))
        if made == NO_GIT:
            _say("engine: git is not installed: title blocks name no commit")
        if any(name in DRAWN for name in formats):
            find_node(), find_bundle()
            kept.drop_old()
    except (NoCommit, LayoutUnavailable) as error:
        _say(f"engine: {error}")
        return 2
    document: tuple[Level, ...] = (args.level,) if args.level in LEVELS else LEVELS
    pictures: tuple[Level, ...] = document if args.level else ("overview",)
    order = Order(Path(args.output), formats, pictures, document, made, args.check)
    results = list(_told(carry_out(list(names), order, args.jobs), len(names)))
    for result in results:
        if result.error:
            _say(result.error)
    if any(result.unloadable for result in results):
        return 2
    stale = [text for result in results for text in result.stale]
    if any(found(path).is_dir() for path in args.paths):
        kinds = ("overview", "full", "station") if args.level is None else (*pictures, "station")
        stale += _left_over(order.folder, results, set(formats), kinds, args.check)
    counts = f"{len(results)} {'chart' if len(results) == 1 else 'charts'}: "
    counts += f"{sum(result.current for result in results)} drawings up to date"
    written = f", {sum(result.written for result in results)} written in {order.folder}"
    print(*sorted(stale), counts + (f", {len(stale)} not" if args.check else written), sep="\n")
    if args.check and stale:
        print("run engine diagram again and commit what it writes")
    return int((args.check and bool(stale)) or any(result.error for result in results))


def _names(paths: list[str]) -> dict[Path, str] | None:
    """All charts and stations with the names of their drawings; None after a complaint that two share one."""
    from engine.cli.check import chart_files
    from engine.language.load.installed_files import found
    from engine.tools.diagram.job import name_of

    charts: dict[str, Path] = {}
    good = True
    for path in chart_files([p for p in paths if not p.endswith(".toml")]):
        other = charts.setdefault(name_of(path), path)
        if other is not path:
            _say(f"engine: {path} and {other} are both called '{name_of(path)}': drawings would overwrite each other")
            good = False
    stations: dict[Path, None] = {}
    for path in map(found, paths):
        inside = sorted(path.rglob("*.toml")) if path.is_dir() else [path] if path.suffix == ".toml" else []
        stations.update(dict.fromkeys(f for f in inside if not path.is_dir() or _names_machine(f)))
    names = {path: name for name, path in charts.items()} | {path: name_of(path) for path in stations}
    return names if good else None


def _names_machine(file: Path) -> bool:
    import tomllib

    return "machine" in tomllib.loads(file.read_text(encoding="utf-8")).get("station", {})


def _told(results: Iterable[Result], count: int) -> Iterator[Result]:
    """The results, with a line on the terminal that says how far it is."""
    shown = sys.stderr.isatty()
    for number, result in enumerate(results, 1):
        if shown:
            print(f"\r\x1b[Kdrawing {number}/{count} {result.name}", end="", file=sys.stderr, flush=True)
        yield result
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _left_over(
    folder: Path, results: list[Result], formats: set[str], kinds: tuple[str, ...], check: bool
) -> Iterator[str]:
    """Drawings of charts that are no more, sheets that a drawing no longer needs (those are removed), and drawings of
    what is not drawn any more."""
    names = {result.name for result in results}
    made = {path for result in results for path in result.made}
    for path in sorted(folder.glob("*")):
        if path.suffix not in _PICTURES or path in made:
            continue
        name, *rest = path.name.split(".")
        if name not in names:
            yield f"{path}: belongs to no chart any more: delete it"
        elif (
            rest[-1] in formats
            and len(rest) == 3
            and rest[0] in kinds
            and path.with_name(f"{name}.{rest[0]}.{rest[2]}") in made
        ):
            if check:
                yield f"{path}: this drawing has fewer sheets now"
            else:
                path.unlink()
        elif check and rest[-1] in formats and rest[0] in (*kinds, *_PICTURES):
            yield f"{path}: is not drawn by this command any more: delete it"


def _say(text: str) -> None:
    print(text, file=sys.stderr)
