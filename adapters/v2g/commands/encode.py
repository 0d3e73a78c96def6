"""``encode``: the JSON view of a message to EXI bytes."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from adapters.v2g import codec
from adapters.v2g.commands.jobs import JobError, answer_lines, error_view, load_json

_DESCRIPTION = """Prints the EXI stream of a message in its JSON view (as decode prints it) as hex digits. Without
--protocol the one protocol is taken whose schema the message fits. With --lines, every line of standard input is
PROTOCOL JSON, and every answer line {"exi": "hex"} or {"error": ...}; a bad line does not end the run."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``encode``."""
    parser = subparsers.add_parser("encode", help="a message in JSON to EXI bytes", description=_DESCRIPTION)
    parser.add_argument("source", nargs="?", metavar="FILE.json", help="a file, or - for standard input")
    parser.add_argument(
        "--protocol", choices=codec.PROTOCOLS, metavar="NAME", help=f"schema set: {', '.join(codec.PROTOCOLS)}"
    )
    parser.add_argument("--fragment", action="store_true", help="encode as an EXI fragment, as signatures use")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the bytes here, print nothing")
    parser.add_argument("--lines", action="store_true", help="one job per line of standard input: PROTOCOL JSON")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """0 when encoded (or all lines answered), 1 when the message fits no schema, 2 for wrong usage."""
    if options.lines:
        if options.source is not None or options.protocol is not None or options.output is not None:
            options.parser.error("--lines reads protocol and message from standard input and prints the answers")
        return answer_lines(lambda protocol, job: _answer(protocol, job, options))
    if options.source is None:
        options.parser.error("FILE.json is required (or --lines)")
    try:
        source = sys.stdin.buffer.read() if options.source == "-" else Path(options.source).read_bytes()
        exi = _encode(options.protocol, load_json(source), options.fragment)
        if options.output is not None:
            options.output.write_bytes(exi)
        else:
            print(exi.hex())
    except (JobError, codec.ValidationError, OSError) as error:
        print(json.dumps(error_view(error)), file=sys.stderr)
        return 1
    return 0


def _answer(protocol: str, job: str, options: argparse.Namespace) -> dict[str, Any]:
    return {"exi": _encode_as(protocol, load_json(job), options.fragment).hex()}


def _encode_as(protocol: str, view: Any, fragment: bool) -> bytes:
    return codec.encode(codec.from_json(protocol, view, fragment=fragment), protocol=protocol, fragment=fragment)


def _encode(protocol: str | None, view: Any, fragment: bool) -> bytes:
    if protocol is not None:
        return _encode_as(protocol, view, fragment)
    found: dict[str, bytes] = {}
    problems: list[codec.ValidationError] = []
    for candidate in codec.PROTOCOLS:
        try:
            found[candidate] = _encode_as(candidate, view, fragment)
        except codec.ValidationError as error:
            problems.append(error)
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise JobError(f"the message fits {', '.join(found)}: say which with --protocol")
    # The protocol that understood most gives the longest path.
    raise max(problems, key=lambda error: error.path.count("."))
