"""The command ``engine``. One file per sub-command, imported when it is used: ``add_arguments(parser)``, ``run(args)``.

Exit codes: 0 done, 1 the run or the check failed, 2 usage or a chart that does not load.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

# command -> (module in engine.cli, what it does); listed when the module is there
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "run a chart, with its station, live or as fast as it goes"),
    "check": ("check", "load, lint and prove invariants"),
    "diagram": ("diagram", "draw charts"),
    "test": ("test", "generate and run transition tests"),
    "mutate": ("mutate", "measure tests by mutating charts"),
    "trace": ("trace", "show, draw, replay and compare traces"),
    "export": ("export", "translate a chart: scxml, xstate, mermaid, transitions …"),
    "import": ("import_", "make a chart of an SCXML document"),
    "schema": ("schema", "print the JSON Schema of the chart language"),
    "adapters": ("adapters", "list contracts: actions, events, values, implementations"),
}

_EPILOG = """examples:
  engine run machines/evse_dc.yaml                 charge a simulated car, live
  engine run machines/evse_dc.yaml --fast          the same on a virtual clock
  engine check machines/                           lint every chart
  engine trace show run.jsonl                      read a trace

exit codes: 0 done, 1 the run or check failed, 2 usage or a chart that does not load
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, TextIOWrapper
        ):  # a terminal without our characters, or text that is none, still gets lines
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((a for a in arguments if not a.startswith("-")), "")
    parser = _parser(command)
    try:
        args, unknown = parser.parse_known_args(arguments)
        if unknown and command != "run":  # a station file may declare options of its own
            parser.error(f"unknown argument {unknown[0]}; see engine {command} --help")
        args.unknown = unknown
    except SystemExit as exit_:  # argparse has said what is wrong
        return exit_.code if isinstance(exit_.code, int) else 2
    if args.command is None:
        parser.print_help()
        return 2
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone: nothing more to say
        return 0
    except KeyboardInterrupt:
        return 1
    except Exception as error:
        found = _exit_code(error)
        if found is None:
            raise
        complain(f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error))
        return found
    return code


def complain(text: str) -> None:
    """An error for people, on standard error; red when it is a terminal."""
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    head, _, rest = text.partition("\n")
    start, end = ("\x1b[1;31m", "\x1b[0m") if colour else ("", "")
    print(f"{start}engine: {head}{end}" + (f"\n{rest}" if rest else ""), file=sys.stderr)


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="engine",
        description="Charging stations and vehicles as YAML state charts: run, check, draw, test and translate them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chargechart {_version()}" if _asked() else "")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, purpose) in COMMANDS.items():
        if not (Path(__file__).parent / f"{module}.py").exists():
            continue
        sub = commands.add_parser(
            name, help=purpose, description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == command:
            implementation = importlib.import_module(f"engine.cli.{module}")
            implementation.add_arguments(sub)
            sub.set_defaults(run=implementation.run)
    return parser


def _asked() -> bool:
    return "--version" in sys.argv


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("chargechart")
    except PackageNotFoundError:
        return "(not installed)"


def _exit_code(error: Exception) -> int | None:
    """2 for what the user gave, 1 for a run that failed; None for a fault of the program."""
    from engine.adapter import AdapterError
    from engine.errors import EngineError
    from engine.problems import ChartError
    from engine.station import StationError
    from engine.system import RunawayError
    from engine.trace import TraceError

    if isinstance(error, (ChartError, StationError, TraceError)):
        return 2
    if isinstance(error, (AdapterError, EngineError, RunawayError)):
        return 1
    if isinstance(error, OSError) and error.filename:
        return 2
    return None
