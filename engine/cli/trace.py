"""``engine trace show|sequence|replay|diff``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from engine.language.load.installed_files import found
from engine.tools.trace import read
from engine.tools.trace.reader import Record, Trace
from engine.tools.trace.show import Lines, seconds

_EPILOG = """examples:
  engine trace show run.jsonl                          every step, one line each
  engine trace show run.jsonl --machine evse/slac      of one machine and its children
  engine trace sequence run.jsonl -o run.pdf           who said what to whom, drawn on sheets to print
  engine trace sequence run.jsonl > run.mmd            the same as Mermaid text
  engine trace replay run.jsonl                        the same steps again? exit code 1 where they part
  engine trace replay run.jsonl --defaults             with the charts' own parameters in place of the recorded
  engine trace replay run.jsonl --set "slac.T_x=1 s"   with one parameter changed
  engine trace diff before.jsonl after.jsonl           the first step that differs

FILE is what engine run --trace wrote; its format is docs/trace.md.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine trace``."""
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(dest="action", required=True, metavar="show|sequence|replay|diff")
    show = actions.add_parser("show", help="every step, one line each")
    show.add_argument("file", type=Path)
    show.add_argument("--machine", metavar="PATH", help="only this machine and its children")
    show.add_argument("--problems", action="store_true", help="only failures, unhandled events and notes")
    draw = actions.add_parser("sequence", help="sequence diagram: drawn with -o FILE, else Mermaid text")
    draw.add_argument("file", type=Path)
    draw.add_argument("-o", "--output", type=Path, metavar="FILE", help=".pdf, .svg, .png or .mmd")
    draw.add_argument("--machine", metavar="PATH", help="only this machine and its children")
    draw.add_argument("--states", action="store_true", help="also a note for every change of state")
    draw.add_argument("--no-loops", action="store_true", help="every message, however often it repeats")
    draw.add_argument("--limit", type=int, default=400, metavar="N", help="at most N messages (default 400)")
    again = actions.add_parser("replay", help="feed the trace to its charts again and compare")
    again.add_argument("file", type=Path)
    again.add_argument("--chart", action="append", default=[], metavar="[MACHINE=]FILE", help="instead of the recorded")
    again.add_argument("--set", action="append", default=[], metavar="[MACHINE.]NAME=VALUE", help="another parameter")
    again.add_argument("--defaults", action="store_true", help="the charts' own parameters, not the recorded ones")
    two = actions.add_parser("diff", help="the first step in which two traces differ")
    two.add_argument("file", type=Path)
    two.add_argument("other", type=Path)
    two.add_argument("--times", action="store_true", help="times must be the same too")


def run(args: argparse.Namespace) -> int:
    """Show, draw, replay or compare traces. Exit code 1 when a replay differs from its trace, or two traces differ."""
    if args.action == "sequence" and args.output is not None:
        from engine.tools.diagram.printing import need_printing

        need_printing(args.output.suffix.removeprefix("."))
    trace = _read(args.file)
    match args.action:
        case "show":
            return _show(trace, args.machine, args.problems)
        case "sequence":
            return _sequence(trace, args)
        case "replay":
            return _replay(trace, args)
        case _:
            return _diff(trace, _read(args.other), args.times)


def _read(path: Path) -> Trace:
    from engine.cli import complain

    trace = read(path)
    if trace.cut_off:
        complain(f"{path}:{len(trace.records) + 2}: the last line is cut off and left out")
    return trace


def _of(trace: Trace, path: str | None) -> list[Record]:
    if path is None:
        return trace.records
    inside = (path + "/", path + "[")
    return [r for r in trace.records if r["machine"] == path or r["machine"].startswith(inside)]


def _show(trace: Trace, path: str | None, problems: bool) -> int:
    from rich.console import Console
    from rich.text import Text

    lines = Lines(trace.records)
    told = [(record, lines.line(record)) for record in _of(trace, path)]
    if problems:
        told = [(r, t) for r, t in told if r.get("failures") or r.get("unhandled") or r.get("note", "out") != "out"]
    if not sys.stdout.isatty():
        print("\n".join(text for _, text in told))
        return 0
    console = Console(highlight=False)
    for record, shown in told:
        style = "red" if record.get("failures") else "yellow" if "note" in record or record.get("unhandled") else ""
        text = Text(shown, style)
        text.stylize("bright_black", 0, len(seconds(record["time_ns"])) + 2 + len(record["machine"]))
        console.print(text, soft_wrap=True)
    return 0


def _sequence(trace: Trace, args: argparse.Namespace) -> int:
    from engine.tools.trace.sequence import mermaid, sequence

    drawn = sequence(_of(trace, args.machine), states=args.states, limit=args.limit, loops=not args.no_loops)
    if args.output is None:
        print(mermaid(drawn), end="")
    elif args.output.suffix in (".svg", ".pdf", ".png"):
        from engine.tools.trace.sheets import title_block, write

        print(*write(drawn, title_block(trace), args.output), sep="\n")
    else:
        args.output.write_text(mermaid(drawn), encoding="utf-8")
    return 0


def _replay(trace: Trace, args: argparse.Namespace) -> int:
    import engine
    from engine.cli import complain
    from engine.cli.replay_parameters import Parameters
    from engine.tools.trace.replay import replay

    files = {name: machine["file"] for name, machine in trace.header["machines"].items()}
    for text in args.chart:
        name, equals, file = text.rpartition("=")
        files[name if equals else next(iter(files))] = file
    charts = {name: engine.load(_chart_file(trace, file)) for name, file in files.items()}
    for record in trace.steps():
        chart = charts.get(record["machine"])
        if record["cause"] == "start" and chart is not None and record["text_hash"] != chart.text_hash:
            print(f"{record['machine']}: {chart.file} has changed since the trace was written")
    parameters = Parameters(args.set, args.defaults)
    parting = replay(trace, charts, change=parameters)
    for line in parameters.told():
        print(line)
    if parting is None:
        print(f"{len(trace.steps())} steps, all the same")
        return 0
    complain(
        f"{trace.file}:{parting.line}: parts from its trace in {parting.field}\n"
        f"  step:     {Lines(trace.records).line(parting.record).strip()}\n"
        f"  recorded: {json.dumps(parting.recorded, ensure_ascii=False)}\n"
        f"  replayed: {json.dumps(parting.replayed, ensure_ascii=False)}"
    )
    return 1


def _chart_file(trace: Trace, file: str) -> Path:
    """Where the chart lies: as it was named, else beside the trace, else among the installed ones."""
    beside = Path(trace.file).parent
    tried = [Path(file), beside / file, beside / Path(file).name]
    return next((path for path in tried if path.is_file()), None) or found(file)


def _diff(left: Trace, right: Trace, times: bool) -> int:
    from engine.tools.trace.compare import first_difference

    difference = first_difference(left, right, times=times)
    if difference is None:
        print(f"{len(left.steps())} steps, all the same")
        return 0
    print(f"step {difference.number} differs in {', '.join(difference.fields)}")
    steps, lines = left.steps(), Lines([*left.records, *right.records])
    for record in steps[max(0, difference.number - 4) : difference.number - 1]:
        print(f"    {lines.line(record)}")
    sides = (("-", left, difference.left), ("+", right, difference.right))
    for sign, trace, side in sides:
        print(f"  {sign} {lines.line(side) if side else f'{trace.file} has ended'}")
    for field in difference.fields:
        for sign, _, side in sides:
            if side is not None and field in side:
                print(f"  {sign} {field}: {json.dumps(side[field], ensure_ascii=False)[:400]}")
    return 1
