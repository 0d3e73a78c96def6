"""``engine mutate``: does a hand-written scenario notice when a chart is changed?"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.numbers import budget, count, count_or_none

if TYPE_CHECKING:
    from engine.tools.mutation.campaign import Outcome

_EPILOG = """examples:
  engine mutate machines/                            what has changed since the verdicts on record
  engine mutate machines/power/dc_output.yaml        one chart, its survivors as YAML diffs
  engine mutate machines/sdp --only tests/sdp/test_new.py    do new scenarios kill the survivors?
  engine mutate machines/ --sample 50                and 50 of the kills on record once more
  engine mutate machines/ --on-record --sample 40    what is on record only, as CI does
  engine mutate machines/ --again                    every mutant of every chart
  engine mutate machines/ --record                   and put the verdicts on record (tests/mutation/CHART.json)

A mutant is a chart with one small change: another target, a guard negated or moved by one at its boundary, a timeout
doubled or halved, an action or a transition left out, regions in another order. One that all scenarios let pass is a
behaviour nobody tests. tests/mutation/plan.toml names the scenarios and the least score, tests/mutation/CHART.toml
waives mutants that no scenario can tell, each with a reason; docs/testing.md tells more.
exit codes: 0 the least score is reached by every chart, 1 it is not, or a waiver does not hold, 2 usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine mutate``."""
    parser.epilog = _EPILOG
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a chart, or a folder of charts")
    parser.add_argument("--plan", default="tests/mutation/plan.toml", metavar="FILE", help="(tests/mutation/plan.toml)")
    parser.add_argument("--again", action="store_true", help="try every mutant, whatever is on record")
    parser.add_argument(
        "--on-record", action="store_true", help="try --sample only; charts changed since their record are named"
    )
    parser.add_argument("--record", action="store_true", help="write the verdicts beside the plan; else only .mutants/")
    parser.add_argument("--only", nargs="+", default=[], metavar="FILE", help="only the scenarios in these test files")
    parser.add_argument(
        "--sample", type=count_or_none, default=0, metavar="N", help="try N of the kills on record again"
    )
    parser.add_argument(
        "--budget", type=budget, default=10.0, metavar="S", help="seconds of scenarios a mutant gets (10)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the results as JSON ('-': standard output)")
    parser.add_argument("--summary", action="store_true", help="the scores only, no survivors")
    parser.add_argument("-j", "--jobs", type=count, default=0, metavar="N", help="workers (default: processors)")


def run(args: argparse.Namespace) -> int:
    """Try mutants. Exit code 1 when too many survive, 2 for wrong usage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from engine.tools.extras import need

    need("engine mutate", "test", "pytest")  # scenarios are tests
    from engine.cli.check import chart_files
    from engine.tools.mutation.campaign import Campaign, Options
    from engine.tools.mutation.record import Plan

    plan = Plan.read(Path(args.plan))
    files = chart_files(args.paths)
    jobs = args.jobs if args.jobs > 0 else os.cpu_count() or 1
    if args.on_record and (args.again or args.record or args.only):
        print("--on-record tries nothing new: without --again, --record and --only", file=sys.stderr)
        return 2
    options = Options(args.budget, jobs, args.sample, args.again, args.on_record, tuple(args.only), args.record)
    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("mutants", total=None)
        said = time.monotonic()

        def progress(done: int, count: int, text: str) -> None:
            nonlocal said
            shown.update(task, completed=done, total=count or None, description=text[:100])
            if not shown.console.is_terminal and time.monotonic() - said > 30:  # a log, where no bar is drawn
                said = time.monotonic()
                print(f"{done}/{count} {text}", file=sys.stderr, flush=True)

        campaign = Campaign(plan, options, progress)
        outcomes = campaign.run(files)
    if args.json:
        text = json.dumps([_as_json(outcome) for outcome in outcomes], indent=2) + "\n"
        if args.json == "-":
            print(text, end="")
        else:
            Path(args.json).write_text(text, encoding="utf-8")
    if args.json != "-":
        _print(outcomes, plan.least, not args.summary)
        for file in campaign.left_out:
            print(f"{file}: changed since its verdicts were recorded, not tried; engine mutate {file} --record")
        if args.on_record and (older := sum(outcome.older for outcome in outcomes)):
            print(f"{older} verdicts rest on test files that have changed since; engine mutate --record tries them")
    return 1 if any(outcome.score < plan.least or outcome.problems for outcome in outcomes) else 0


def _print(outcomes: list[Outcome], least: float, survivors: bool) -> None:
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.table import Table

    from engine.tools.mutation.record import KILLED, REFUSED, SURVIVED

    console = Console(soft_wrap=True, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("chart")
    for title in ("mutants", "killed", "survived", "waived", "refused", "score", "tried now"):
        table.add_column(title, justify="right")
    if survivors:
        for outcome in outcomes:
            for mutant in outcome.of(SURVIVED):
                tried = outcome.verdicts[mutant.name].tried
                ran = f"{tried} scenarios ran" if tried else "no scenario comes near"
                console.print(f"{mutant.file}:{mutant.line}: {mutant.name}  ({ran})", markup=False, style="bold")
                diff = "\n".join(mutant.diff(outcome.original).splitlines()[2:])
                shown = Syntax(diff, "diff", background_color="default") if console.is_terminal else diff + "\n"
                console.print(shown, markup=False)
    for outcome in outcomes:
        counts = [len(outcome.of(kind)) for kind in (KILLED, SURVIVED)]
        style = "red" if outcome.score < least else "green"
        cells = [len(outcome.mutants), *counts, len(outcome.waived), len(outcome.of(REFUSED))]
        table.add_row(outcome.chart.name, *map(str, cells), f"[{style}]{outcome.score:.1f} %[/]", str(outcome.tried))
    console.print(table)
    for outcome in outcomes:
        for problem in outcome.problems:
            console.print(f"{outcome.chart.file}: {problem}", markup=False, style="red")
    killed = sum(len(outcome.of(KILLED)) for outcome in outcomes)
    alive = sum(len(outcome.of(SURVIVED)) for outcome in outcomes)
    score = 100.0 * killed / (killed + alive) if killed + alive else 100.0
    console.print(f"{len(outcomes)} charts, {killed} killed, {alive} survived: {score:.1f} % (least {least:g} %)")


def _as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "chart": outcome.chart.name,
        "file": outcome.chart.file,
        "score": round(outcome.score, 2),
        "tried": outcome.tried,
        "problems": outcome.problems,
        "mutants": [
            {
                "name": mutant.name,
                "line": mutant.line,
                "verdict": outcome.verdicts[mutant.name].kind,
                "by": outcome.verdicts[mutant.name].by,
                "waived": outcome.waived.get(mutant.name, ""),
                "diff": mutant.diff(outcome.original),
            }
            for mutant in outcome.mutants
        ],
    }
