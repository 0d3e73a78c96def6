"""The command ``engine``. One file per sub-command, imported when it is used: ``add_arguments(parser)``, ``run(args)``.

Exit codes: 0 done, 1 the run or the check failed, 2 usage or a chart that does not load.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.cli.encoding import spell_out
from engine.language.load.collector import collector_paused

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
    "upgrade": ("upgrade", "rewrite charts of the version of the language before"),
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
    spell_out()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["help"]:  # `engine help run`, as people type it
        arguments = [*arguments[1:2], "--help"]
    command = next((a for a in arguments if not a.startswith("-")), "")
    if command and command not in COMMANDS:
        complain(f"there is no command {command[:80]!r}{_like(command, COMMANDS)}; engine --help lists them")
        return 2
    with collector_paused():  # what is imported stays
        parser, options = _parser(command)
    try:
        args, unknown = parser.parse_known_args(arguments)
        # A station file may declare options of its own for `run`: --NAME VALUE, or --NAME alone.
        if unknown and (command != "run" or not all(one.startswith("--") for one in unknown if one[0:1] == "-")):
            at_fault = unknown[-1] if command == "run" else unknown[0]
            complain(f"unknown argument {at_fault}{_like(at_fault, options)}; see engine {command} --help")
            return 2
        args.unknown, args.options = unknown, options
    except SystemExit as exit_:  # argparse has said what is wrong
        return exit_.code if isinstance(exit_.code, int) else 2
    if args.command is None:
        parser.print_help()
        return 2
    try:
        code: int = args.run(args)
        if sys.stdout is not None:
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
        if isinstance(error, OSError):
            if error.filename is None:  # standard output, which may be closed no more
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            complain(f"{error.filename or 'standard output'}: {error.strerror}")
        else:
            complain(str(error))
        return found
    return code


def _like(word: str, known: Iterable[str]) -> str:
    from engine.language.problems import nearest

    name = nearest(word, known)
    return f"; did you mean {name!r}?" if name else ""


def complain(text: str) -> None:
    """Write an error for people to standard error; red when it is a terminal."""
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    head, _, rest = text.partition("\n")
    start, end = ("\x1b[1;31m", "\x1b[0m") if colour else ("", "")
    with contextlib.suppress(OSError):  # standard error may be gone: that is no reason for anything else to fail
        print(f"{start}engine: {head}{end}" + (f"\n{rest}" if rest else ""), file=sys.stderr)


def _parser(command: str) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of a command line, and the options of its command."""
    options: list[str] = []
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
            options = [name for name in sub._option_string_actions if name.startswith("--")]
    return parser, options


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
    from engine.adapter import AdapterError, ConfigurationError
    from engine.language.problems import ChartError
    from engine.run.station import StationError
    from engine.semantics.errors import EngineError
    from engine.tools.extras import MissingExtra
    from engine.tools.trace import TraceError

    if isinstance(error, (ChartError, MissingExtra, StationError, TraceError, ConfigurationError)):
        return 2
    if isinstance(error, (AdapterError, EngineError)):
        return 1
    if isinstance(error, OSError) and error.errno in _MEDIUM:
        return 1
    if isinstance(error, OSError) and error.filename:
        return 2
    return None


_MEDIUM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # what is written to has no room, or is broken
