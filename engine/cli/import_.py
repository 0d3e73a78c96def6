"""``engine import``: an SCXML document as a chart."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_EPILOG = """examples:
  engine import door.scxml                print the chart
  engine import door.scxml -o door.yaml   write it

Read: SCXML 1.0 with Python or ECMAScript expressions. What can only fail at run time is told on standard error, and
fails at run time only. exit codes: 0 done, 2 not an SCXML document, or one that cannot be a chart
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine import``."""
    parser.epilog = _EPILOG
    parser.add_argument("file", metavar="FILE.scxml", help="the document")
    parser.add_argument("-o", "--output", metavar="FILE.yaml", help="where to write the chart (standard output)")
    parser.add_argument("--force", action="store_true", help="overwrite an existing chart")


def run(args: argparse.Namespace) -> int:
    """Import a document. Exit code 2 when it cannot be read."""
    from engine.cli import complain
    from engine.language.load import load_text
    from engine.language.problems import ChartError
    from engine.tools.scxml import ImportProblem, import_file

    try:
        imported = import_file(args.file)
    except ImportProblem as problem:
        complain(str(problem))
        return 2
    for warning in imported.warnings:
        print(warning, file=sys.stderr)
    output = Path(args.output or Path(args.file).with_suffix(".yaml"))
    if args.output is not None and output.exists() and not args.force:
        complain(f"{output} exists; --force overwrites it")
        return 2
    try:
        load_text(imported.text, str(output))
    except ChartError as error:
        complain(f"{args.file}:1:1: this document makes a chart that does not load:\n{error}")
        return 2
    if args.output is None:
        print(imported.text, end="")
        return 0
    output.write_text(imported.text, "utf-8")
    return 0
