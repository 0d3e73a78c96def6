"""``engine check``: load charts and report what a reviewer would ask."""

from __future__ import annotations

import argparse
import errno
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.numbers import count

if TYPE_CHECKING:
    from engine.language.model import Chart
    from engine.tools.check import Report, Verdict
    from engine.tools.check.findings import Finding

_EPILOG = """examples:
  engine check machines/                  every chart in the folder, and what they invoke
  engine check machines/evse_dc.yaml --notes
  engine check machines/ --clauses        what is cited, by standard and clause
  engine check machines/ --json | jq '.findings[].code'

codes and examples: docs/checks.md. exit codes: 0 nothing found, 1 findings, 2 a chart does not load
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine check``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a chart, or a folder of charts; also an installed one's name: evse_dc"
    )
    parser.add_argument("--notes", action="store_true", help="show notes, too; they never fail a check")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    parser.add_argument("--clauses", action="store_true", help="list every citation, by standard and place in it")
    parser.add_argument("--limit", type=count, default=300, metavar="N", help="states to look at for invariants (300)")


def run(args: argparse.Namespace) -> int:
    """Check charts. Exit code 0 without findings, 1 with some, 2 for a chart that does not load."""
    from engine.language.load import load
    from engine.language.problems import ChartError
    from engine.language.traverse import chart_tree
    from engine.tools.check import check_all
    from engine.tools.check.clauses import print_clauses

    charts: list[Chart] = []
    reports: dict[tuple[str, str, int], Report] = {}
    problems: list[str] = []
    for path in chart_files(args.paths):
        try:
            charts.append(load(path))
        except ChartError as error:
            problems.append(str(error))
    known = {one.name: one for chart in charts for _, one in chart_tree(chart)}
    if args.clauses:
        for problem in problems:
            print(problem)
        print_clauses(known.values())
        return 2 if problems else 0
    for chart in charts:
        for report in check_all(chart, args.limit, known):
            reports.setdefault((report.chart.file, report.chart.name, report.chart.position.line), report)
    if args.json:
        print(json.dumps(_as_json(reports.values(), problems), indent=2))
    else:
        _print(reports.values(), problems, args.notes)
    if problems:
        return 2
    return 1 if any(report.warnings for report in reports.values()) else 0


def chart_files(paths: Iterable[str]) -> list[Path]:
    """The named files and the charts in the named folders, each once, in order.

    Raises ``FileNotFoundError`` for a missing path and for a folder without charts: a check of nothing must not pass.
    """
    from engine.language.load.installed_files import found as found_by_name
    from engine.language.load.installed_files import installed_charts
    from engine.language.load.source_file import names_beside
    from engine.language.problems import nearest

    found: dict[Path, None] = {}
    for text in paths:
        path = found_by_name(text)
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*.yaml")) if not p.name.endswith(".contract.yaml")]
            if not inside:
                raise FileNotFoundError(errno.ENOENT, "there is no chart (*.yaml) in this folder", str(path))
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            beside = names_beside(path)
            meant = nearest(path.name, [*beside, *installed_charts()])
            hint = f"; did you mean '{path.parent / meant if meant in beside else meant}'?" if meant else ""
            raise FileNotFoundError(errno.ENOENT, f"no such chart or folder{hint}", str(path))
    return list(found)


def _as_json(reports: Iterable[Report], problems: list[str]) -> dict[str, object]:
    reports = list(reports)
    return {
        "charts": [report.chart.name for report in reports],
        "findings": [finding.as_json() for report in reports for finding in report.findings],
        "waived": [finding.as_json() for report in reports for finding in report.waived],
        "invariants": [_verdict_json(verdict) for report in reports for verdict in report.verdicts],
        "problems": problems,
    }


def _print(reports: Iterable[Report], problems: list[str], with_notes: bool) -> None:
    reports = list(reports)
    for problem in problems:
        print(problem)
    for report in reports:
        for finding in report.findings if with_notes else report.warnings:
            print(_text(finding))
        if with_notes:
            for verdict in report.verdicts:
                print(_verdict_text(verdict))
    warnings = sum(len(report.warnings) for report in reports)
    notes = sum(len(report.notes) for report in reports)
    waived = sum(len(report.waived) for report in reports)
    parts = [f"{len(reports)} {'chart' if len(reports) == 1 else 'charts'}", f"{warnings} to look at"]
    if notes:
        parts.append(f"{notes} {'note' if notes == 1 else 'notes'}{'' if with_notes else ' (--notes shows them)'}")
    if verdicts := [verdict for report in reports for verdict in report.verdicts]:
        parts.append(f"{sum(v.proved for v in verdicts)} of {len(verdicts)} invariants proved")
    if waived:
        parts.append(f"{waived} waived")
    if problems:
        parts.append(f"{len(problems)} not loaded")
    print(", ".join(parts))


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    return {
        "invariant": verdict.invariant.text,
        "place": str(verdict.invariant.position),
        "proved": verdict.proved,
        "broken_by": verdict.path,
        "why_not": verdict.why_not,
        "states": verdict.states,
    }


def _verdict_text(verdict: Verdict) -> str:
    told = f"{verdict.invariant.position}: invariant '{verdict.invariant.text}'"
    if verdict.proved:
        return f"{told} holds in all {verdict.states} states"
    return f"{told} is {'broken' if verdict.path else f'not decided: {verdict.why_not}'}"


def _text(finding: Finding) -> str:
    kind = " (note)" if finding.rule.level == "note" else ""
    return f"{finding}{kind}\n    {finding.rule.why}"
