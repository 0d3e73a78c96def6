"""``engine export``: a chart in another tool's format, and a list of what that format could not carry."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.language.model import Chart
    from engine.tools.export.losses import Exported

_EPILOG = """examples:
  engine export machines/slac/evse.yaml --to scxml > slac_evse.scxml
  engine export machines/slac/evse.yaml --to xstate -o slac_evse.json
  engine export machines/slac/session.yaml --to transitions --strict -o session.py
  engine export chart.yaml --to yaml               the chart itself, its templates written out
  engine export machines/pilot/evse.yaml --to c -o build/pilot    pilot_evse.h and pilot_evse.c, for firmware/core

What a format cannot carry is said on standard error, construct by construct; --strict makes that an error. In C a
chart is whole or not there: what is not translated is always an error.
exit codes: 0 done, 1 something was lost and --strict was given (or the format is c), 2 usage or a chart that does not
load
"""
ENDINGS = {
    "scxml": (".scxml", ".xml"),
    "xstate": (".json",),
    "mermaid": (".mmd", ".mermaid"),
    "plantuml": (".puml", ".plantuml"),
    "dot": (".dot", ".gv"),
    "transitions": (".py",),
    "python-statemachine": (".py",),
    "yaml": (".yaml", ".yml"),
    "c": (),
}
"""What files of each format are called; endings of no format are nobody's business."""
PICTURES = (".svg", ".pdf", ".png", ".gif", ".jpg", ".jpeg")
FORMATS = tuple(ENDINGS)
WHOLE = ("c",)
"""Formats of several files, written to a folder, in which nothing may be lost."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine export``."""
    parser.epilog = _EPILOG
    parser.add_argument("path", metavar="PATH", help="a chart, or an installed one's name: evse_dc")
    parser.add_argument("--to", required=True, choices=FORMATS, help="the format")
    parser.add_argument("-o", "--output", metavar="FILE", help="write here, not to standard output; --to c: the folder")
    parser.add_argument("--strict", action="store_true", help="write nothing and fail when something would be lost")


def run(args: argparse.Namespace) -> int:
    """Export a chart. Exit code 1 when something was lost and ``--strict`` forbids it, 2 for a chart that does not
    load."""
    from engine.language.load import load

    ending = Path(args.output or "").suffix
    whole = args.to in WHOLE
    if whole and (not args.output or Path(args.output).is_file()):
        print(f"engine: --to {args.to} writes several files: name a folder with -o", file=sys.stderr)
        return 2
    if not whole and ending not in ENDINGS[args.to] and (instead := _instead(ending)):
        named = " or ".join(ENDINGS[args.to])
        print(f"engine: -o {args.output}: {args.to} is written to {named}; {instead}", file=sys.stderr)
        return 2
    exported = _exporter(args.to)(load(args.path))
    strict = args.strict or whole
    for loss in exported.losses:
        print(f"{'error' if strict else 'warning'}: {loss}", file=sys.stderr)
    for note in exported.notes:
        print(f"note: {note}", file=sys.stderr)
    if exported.losses and strict:
        count = len(exported.losses)
        print(f"engine: {args.path}: {args.to} cannot carry {count} things; nothing written", file=sys.stderr)
        return 1
    if exported.files:
        folder = Path(args.output)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in exported.files.items():
            (folder / name).write_text(text, encoding="utf-8")
    elif args.output:
        Path(args.output).write_text(exported.text, encoding="utf-8")
    else:
        sys.stdout.write(exported.text)
    return 0


def _instead(ending: str) -> str:
    """What writes files that end so; nothing for an ending that says nothing."""
    others = [f"--to {name}" for name, endings in ENDINGS.items() if ending in endings]
    if ending in PICTURES:
        return "engine diagram draws pictures"
    return f"{ending} is {' or '.join(others)}" if others else ""


def _exporter(format: str) -> Callable[[Chart], Exported]:
    match format:
        case "scxml":
            from engine.tools.export.scxml import export_scxml

            return export_scxml
        case "xstate":
            from engine.tools.export.xstate import export_xstate

            return export_xstate
        case "transitions":
            from engine.tools.export.transitions import export_transitions

            return export_transitions
        case "python-statemachine":
            from engine.tools.export.statemachine import export_statemachine

            return export_statemachine
        case "c":
            from engine.tools.export.c import export_c

            return export_c
        case "yaml":
            from engine.tools.export.written_out import export_written_out

            return export_written_out
    from engine.tools.export.pictures import export_picture

    return lambda chart: export_picture(chart, format)
