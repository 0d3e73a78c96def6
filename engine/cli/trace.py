"""``engine trace show|view|sequence|replay|diff``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli import complain
from engine.cli.numbers import count
from engine.language.load.installed_files import found
from engine.language.problems import suggestion
from engine.tools.trace import read
from engine.tools.trace.reader import Record, Trace, TraceError
from engine.tools.trace.show import Lines, seconds
from engine.tools.trace.window import Window, is_below, names, time_of
from engine.tools.trace.writer import private

if TYPE_CHECKING:
    from engine.language.model import Chart
    from engine.run.station.words import Words
    from engine.tools.trace.sequence import Sequence as Picture

DRAWN = (".pdf", ".svg", ".png", ".mmd")
_EPILOG = """examples:
  engine trace show run.jsonl                          every step, one line each
  engine trace show run.jsonl --machine evse/slac      of one machine and its children
  engine trace show run.jsonl --event "session.*" --from 30 --to 2min
  engine trace view run.jsonl                          in a browser: the charts lit, a slider through time
  engine trace view run.jsonl -o run.html              the same in one file, to send to somebody
  engine trace sequence run.jsonl -o run.pdf           who said what to whom, drawn on sheets to print
  engine trace sequence run.jsonl --machine evse       inside the station: every machine and adapter, a lifeline each
  engine trace sequence run.jsonl --between evse evse/slac
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
    actions = parser.add_subparsers(dest="action", required=True, metavar="show|view|sequence|replay|diff")
    show = actions.add_parser("show", help="every step, one line each")
    show.add_argument("file", type=Path)
    show.add_argument("--machine", metavar="PATH", default="", help="only this machine and its children")
    show.add_argument(
        "--event", metavar="PATTERN", default="", help="only events, timers, orders like this: 'session.*'"
    )
    _add_times(show)
    show.add_argument(
        "--problems", action="store_true", help="only failures, unhandled events, notes and what is logged"
    )
    show.add_argument("--wide", action="store_true", help="whole lines, also at a terminal")
    view = actions.add_parser("view", help="in a browser: every chart as it was at any step")
    view.add_argument("file", type=Path)
    view.add_argument("-o", "--output", type=Path, metavar="FILE", help="one HTML file that needs nothing else")
    view.add_argument("--to", dest="to_ns", type=_time, default=inf, metavar="TIME", help="until then: 12.5, 2min")
    draw = actions.add_parser("sequence", help="sequence diagram: drawn with -o FILE, else Mermaid text")
    draw.add_argument("file", type=Path)
    draw.add_argument("-o", "--output", type=_drawing, metavar="FILE", help=f"{_listed(DRAWN)}")
    draw.add_argument("--machine", metavar="PATH", default="", help="what this machine and its children say and hear")
    draw.add_argument("--between", nargs=2, metavar=("A", "B"), help="what two lifelines say to each other")
    draw.add_argument("--unit", default="", metavar="NAME", help="of a site: outlet2; default: the first")
    draw.add_argument("--all", action="store_true", help="a lifeline for every machine and adapter")
    _add_times(draw)
    draw.add_argument("--no-states", action="store_true", help="messages and timers only")
    draw.add_argument("--no-loops", action="store_true", help="every message, however often it repeats")
    draw.add_argument("--limit", type=count, default=400, metavar="N", help="at most N messages (default 400)")
    again = actions.add_parser("replay", help="feed the trace to its charts again and compare")
    again.add_argument("file", type=Path)
    again.add_argument("--chart", action="append", default=[], metavar="[MACHINE=]FILE", help="instead of the recorded")
    again.add_argument("--set", action="append", default=[], metavar="[MACHINE.]NAME=VALUE", help="another parameter")
    again.add_argument("--defaults", action="store_true", help="the charts' own parameters, not the recorded ones")
    two = actions.add_parser("diff", help="the first step in which two traces differ")
    two.add_argument("file", type=Path)
    two.add_argument("other", type=Path)
    two.add_argument("--times", action="store_true", help="times must be the same too")


def _add_times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="from_ns", type=_time, default=-inf, metavar="TIME", help="from then on: 12.5, 2min"
    )
    parser.add_argument("--to", dest="to_ns", type=_time, default=inf, metavar="TIME", help="until then")


def _drawing(text: str) -> Path:
    if Path(text).suffix not in DRAWN:
        raise argparse.ArgumentTypeError(f"{text}: its ending says what is drawn: {_listed(DRAWN)}")
    return Path(text)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _time(text: str) -> int:
    try:
        return time_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: {error}") from None


def run(args: argparse.Namespace) -> int:
    """Show, draw, replay or compare traces. Exit code 1 when a replay differs from its trace, or two traces differ."""
    if args.action == "sequence" and args.output is not None:
        from engine.tools.diagram.printing import need_printing

        need_printing(args.output.suffix.removeprefix("."))
    trace = _read(args.file)
    match args.action:
        case "show":
            return _show(trace, args)
        case "view":
            return _view(trace, args)
        case "sequence":
            return _sequence(trace, args)
        case "replay":
            return _replay(trace, args)
        case _:
            return _diff(trace, _read(args.other), args.times)


def _read(path: Path) -> Trace:
    trace = read(path)
    if trace.cut_off:
        complain(f"{path}:{len(trace.records) + 2}: the last line is cut off and left out")
    return trace


def _show(trace: Trace, args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.text import Text

    from engine.tools.trace.fitted import fitted

    lines, records = Lines(trace.records), _picked(trace, args)
    if not sys.stdout.isatty():
        print("\n".join(map(lines.line, records)))
        return 0
    console, width = Console(highlight=False), max(40, shutil.get_terminal_size().columns)
    for record in records:
        shown = [lines.line(record)] if args.wide else fitted(record, lines.units(record), width)
        style = "red" if record.get("failures") else "yellow" if "note" in record or record.get("unhandled") else ""
        text = Text("\n".join(shown), style)
        at = len(seconds(record["time_ns"])) + 2
        text.stylize("bright_black", 0, at + len(shown[0][at:].partition("  ")[0]))
        console.print(text, soft_wrap=True)
    return 0


def _view(trace: Trace, args: argparse.Namespace) -> int:
    """Writes the page, and opens it where no file for it is named."""
    from engine.tools.page.single import document

    records = [record for record in trace.records if record["time_ns"] <= args.to_ns]
    charts = list(_charts_of(trace))
    text = document(replace(trace, records=records), charts, _words_of(charts))
    file = args.output
    if file is None:
        import tempfile

        folder = Path(tempfile.mkdtemp(prefix="trace-"))  # for this user alone: a trace may have secrets
        file = folder / f"{Path(trace.file).stem}.html"
    with open(file, "w", encoding="utf-8", errors="backslashreplace", opener=private) as opened:
        opened.write(text)
    print(file)
    if args.output is None:
        import webbrowser

        if not webbrowser.open(file.as_uri()):
            complain(f"no browser was found to open {file}")
    return 0


def _words_of(charts: Sequence[Chart]) -> Words:
    """The words in a folder ``words`` beside a chart that ran, or above it."""
    from engine.run.station.words import read_words

    folders = (folder / "words" for chart in charts for folder in Path(chart.file).absolute().parents[:2])
    return read_words(next((folder for folder in folders if (folder / "en.toml").is_file()), None))


def _charts_of(trace: Trace) -> Iterator[Chart]:
    """The charts that ran, with those they start, as far as they are there and as they were."""
    import engine
    from engine.language.problems import ChartError
    from engine.tools.page.charts import with_children

    ran = {record["text_hash"] for record in trace.steps() if record["cause"] == "start"}
    for name, machine in trace.header["machines"].items():
        try:
            charts = with_children([engine.load(_chart_file(trace, machine["file"]))])
        except (ChartError, OSError) as error:
            complain(f"{name}: {error}")
            continue
        yield from (chart for chart in charts if chart.text_hash in ran)
        if charts[0].text_hash not in ran:
            complain(f"{name}: {machine['file']} has changed since: its states are shown as a list")


def _picked(trace: Trace, args: argparse.Namespace) -> list[Record]:
    """The records that are asked for. Raises ``TraceError`` when there are none, but not when these are problems."""
    window = _window(trace, args)
    records = window.records(trace.records)
    if not records and not any(map(window.at, (record["time_ns"] for record in trace.records))):
        raise TraceError(f"{trace.file}: {window.missed(record['time_ns'] for record in trace.records)}")
    if not records and window.event:
        known = {name for record in trace.records if window.of(record["machine"]) for name in names(record)}
        raise TraceError(f"{trace.file}: nothing like {window.event!r} there{suggestion(window.event, known)}")
    if args.problems:
        records = list(filter(_is_problem, records))
        if not records:
            complain(f"{trace.file}: no failures, no unhandled events, no notes, nothing logged")
    return records


def _is_problem(record: Record) -> bool:
    if record.get("failures") or record.get("unhandled") or record.get("note", "out") != "out":
        return True
    return any(effect["do"] == "log" for effect in record.get("effects", ()))


def _window(trace: Trace, args: argparse.Namespace) -> Window:
    """What is asked for. Raises ``TraceError`` for a machine that is not there."""
    known = dict.fromkeys(record["machine"] for record in trace.records)
    if args.machine and not any(is_below(path, args.machine) for path in known):
        raise TraceError(f"{trace.file}: no machine {args.machine!r} ran{suggestion(args.machine, known)}")
    return Window(args.from_ns, args.to_ns, args.machine, getattr(args, "event", ""))


def _sequence(trace: Trace, args: argparse.Namespace) -> int:
    from engine.tools.trace.sequence import mermaid

    drawn = _drawn(trace, args)
    if args.output is None:
        print(mermaid(drawn), end="")
    elif args.output.suffix != ".mmd":
        from engine.tools.trace.sheets import title_block, write

        print(*write(drawn, title_block(trace, drawn.of), args.output), sep="\n")
    else:
        args.output.write_text(mermaid(drawn), encoding="utf-8")
    return 0


def _drawn(trace: Trace, args: argparse.Namespace) -> Picture:
    """Sides and media, unless one machine, all of them or two that are neither are asked for."""
    from engine.tools.trace.lanes import of_one_unit, overview, sides_of
    from engine.tools.trace.lifelines import pair
    from engine.tools.trace.machines import sequence
    from engine.tools.trace.said import NothingSaid

    window = _window(trace, args)
    every = sides_of(trace)
    units = {side.unit for side in every} - {""}
    if args.unit and args.unit not in units:
        raise TraceError(f"{trace.file}: no unit {args.unit!r}{suggestion(args.unit, units)}")
    options = {"states": not args.no_states, "limit": args.limit, "loops": not args.no_loops, "window": window}
    sides = of_one_unit(every, args.unit)
    across = bool(sides) and not args.all and not args.machine
    try:
        if args.between:
            inside = bool(args.all or args.machine)
            two = pair(trace.records, every, args.unit, tuple(args.between), inside=inside)
            sides, across, options["between"] = two.sides, two.across, two.ends
        return overview(trace, sides, **options) if across else sequence(trace.records, **options)
    except NothingSaid as error:
        raise TraceError(f"{trace.file}: {error}") from None


def _replay(trace: Trace, args: argparse.Namespace) -> int:
    import engine
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
