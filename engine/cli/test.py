"""``engine test``: generate paths that take every transition of a chart, run them, and report what was not covered."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.numbers import count

if TYPE_CHECKING:
    from engine.tools.testing.measure import Result

_EPILOG = """examples:
  engine test machines/                            every transition of every chart
  engine test machines/evse_dc.yaml --pairs        every pair of consecutive transitions as well
  engine test machines/ --html coverage/           a report with coloured diagrams
  engine test machines/ --from-trace traces/       what have recorded runs taken?

docs/testing.md tells what is checked. exit codes: 0 all taken (or proved impossible) and nothing wrong, 1 otherwise,
2 usage or a chart that does not load
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine test``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a chart, or a folder of charts; also an installed one's name: evse_dc"
    )
    parser.add_argument("--pairs", action="store_true", help="look for pairs of consecutive transitions, too")
    parser.add_argument("--html", metavar="DIR", help="write a coverage report with diagrams into this folder")
    parser.add_argument("--json", metavar="FILE", help="write the results as JSON ('-': standard output)")
    parser.add_argument(
        "--list", action="store_true", help="show every generated path, and with --pairs those not taken"
    )
    parser.add_argument(
        "--from-trace",
        nargs="+",
        action="extend",
        metavar="FILE",
        help="coverage by traces, or folders of them, merged",
    )
    parser.add_argument("-j", "--jobs", type=count, default=0, metavar="N", help="charts at a time (processors)")


def run(args: argparse.Namespace) -> int:
    """Generate and run tests. Exit code 1 when one fails or a possible transition is not taken, 2 for a chart that does
    not load."""
    from engine.cli.check import chart_files

    files = chart_files(args.paths)
    results = _traced(files, args.from_trace) if args.from_trace else _generated(files, args)
    results.sort(key=lambda result: result.file)
    if args.json:
        text = json.dumps([result.as_json() for result in results], indent=2) + "\n"
        if args.json == "-":
            print(text, end="")
        else:
            Path(args.json).write_text(text, encoding="utf-8")
    if args.json != "-":
        _print(results, args.list, args.pairs)
    if args.html:
        from engine.tools.testing.report import write_report

        page = write_report(results, Path(args.html))
        if args.json != "-":
            print(f"report: {page}")
    return 1 if any(result.failed for result in results) else 0


def _generated(files: list[Path], args: argparse.Namespace) -> list[Result]:
    """The charts' results, several at a time; progress on standard error."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from engine.language.load import load

    for file in files:
        load(file)  # a chart that does not load ends the command before anything is run
    jobs = min(len(files), args.jobs if args.jobs > 0 else os.cpu_count() or 1)
    columns = (
        TextColumn("{task.description}"),
        TextColumn("{task.completed}/{task.total} charts"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("testing", total=len(files))
        results = []
        for result in _each(files, args.pairs, jobs):
            results.append(result)
            progress.update(task, advance=1, description=f"tested {result.chart}")
    return results


def _each(files: list[Path], pairs: bool, jobs: int) -> Iterator[Result]:
    if jobs <= 1:
        yield from (measure_file(str(file), pairs) for file in files)
        return
    largest_first = sorted(files, key=lambda file: -file.stat().st_size)
    with ProcessPoolExecutor(jobs) as pool:
        waiting = [pool.submit(measure_file, str(file), pairs) for file in largest_first]
        yield from (future.result() for future in as_completed(waiting))


def measure_file(file: str, pairs: bool) -> Result:
    """Measure one chart, in a worker process."""
    from engine.language.load import load
    from engine.tools.testing.measure import measure

    return measure(load(file), pairs=pairs)


def _traced(files: list[Path], traces: list[str]) -> list[Result]:
    from engine.language.load import load
    from engine.tools.testing.measure import from_traces
    from engine.tools.trace.reader import read

    charts = {chart.name: chart for chart in map(load, files)}
    found = [path for name in traces for path in (sorted(Path(name).rglob("*.jsonl")) or [Path(name)])]
    return from_traces(charts, map(read, found))  # one at a time: a suite's traces do not fit into memory


def _print(results: list[Result], with_paths: bool, with_pairs: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("chart")
    columns = ["transitions", *(["pairs"] if with_pairs else []), "paths", "seconds"]
    for title in columns:
        table.add_column(title, justify="right")
    for result in results:
        full = f"{result.covered}/{len(result.taken)}"
        pairs = [f"{result.pairs.taken}/{result.pairs.possible}"] if result.pairs is not None else []
        style = "red" if result.failed else "green"
        numbers = [f"[{style}]{full}[/]", *pairs, str(len(result.paths)), f"{result.seconds:.1f}"]
        table.add_row(result.chart, *numbers)
    console.print(table)
    for result in results:
        for missing in result.missing:
            kind = "impossible" if missing.proved else "not taken"
            console.print(f"{missing.place}: {kind}: {missing.transition}\n    {missing.reason}", markup=False)
        for problem in result.problems:
            console.print(f"{result.file}: {problem}", markup=False, style="red")
        for note in result.notes:
            console.print(f"note: {note}", markup=False)
        if result.pairs is not None:
            reasons = "; ".join(f"{count} {reason}" for reason, count in result.pairs.impossible.items())
            console.print(f"{result.chart}: impossible pairs: {reasons or 'none proved'}", markup=False)
        for first, second in result.pairs.missing if result.pairs is not None and with_paths else ():
            console.print(f"{result.chart}: pair not taken: {first}, then {second}", markup=False)
        for path in result.paths if with_paths else ():
            console.print(f"{result.chart}: {path}", markup=False)
    taken, total = sum(r.covered for r in results), sum(len(r.taken) for r in results)
    problems = sum(len(r.problems) for r in results)
    both = [result.pairs for result in results if result.pairs is not None]
    share = f", {sum(p.taken for p in both)} of {sum(p.possible for p in both)} possible pairs" if both else ""
    console.print(f"{len(results)} charts, {taken} of {total} transitions{share} taken, {problems} problems")
