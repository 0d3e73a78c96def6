"""The command ``python -m adapters.v2g``: V2G messages, captures and test keys from the command line.

Each sub-command is a module with ``add_parser(subparsers)``, which sets ``run`` (arguments to exit code). Exit codes:
0 done, 1 it failed (the error is printed), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

COMMANDS = {
    "decode": "adapters.v2g.commands.decode",
    "encode": "adapters.v2g.commands.encode",
    "fault": "adapters.v2g.commands.fault",
    "flow": "adapters.v2g.commands.flow",
    "pcap": "adapters.v2g.pcap.command",
    "pki": "adapters.v2g.pki",
}
"""The module of each sub-command; only the one that is used is imported."""

_DESCRIPTION = """Messages of DIN SPEC 70121, ISO 15118-2 and ISO 15118-20: EXI bytes to JSON or
XML and back, captured sessions, test keys, and a station tried out."""
_EPILOG = """examples:
  python -m adapters.v2g decode 01fe80010000000480400040     one message, pasted
  python -m adapters.v2g pcap session.pcapng                 a whole session, line by line
  python -m adapters.v2g COMMAND --help                      what a command takes"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m adapters.v2g",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in given if not word.startswith("-")), None)
    for command, module in COMMANDS.items():
        if chosen == command or (chosen not in COMMANDS and find_spec(module) is not None):
            import_module(module).add_parser(subparsers)
    options = parser.parse_args(given)
    try:
        code: int = options.run(options)
        return _written(code)
    except BrokenPipeError:
        # The reader of our output is gone; nothing more can be said to it.
        sys.stderr.close()
        return 1
    except OSError as error:
        print(f"{parser.prog} {options.command}: {error}", file=sys.stderr)
        return _written(1)
    except KeyboardInterrupt:
        # How a listing of a live capture, or a wait for a station, ends.
        return 130


def _written(code: int) -> int:
    """``code``, once standard output has taken everything; raises ``OSError`` when it does not and nobody has said so.
    What it did not take is dropped: Python would try again at its end, and make another exit code of it."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if code == 0:
            raise
    return code


if __name__ == "__main__":
    sys.exit(main())
