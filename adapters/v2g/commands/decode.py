"""``decode``: EXI bytes to JSON or XML."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from adapters.v2g import codec, v2gtp
from adapters.v2g.commands.jobs import JobError, answer_lines, error_view, from_hex

_DESCRIPTION = """Prints the message in an EXI stream as JSON (or XML). The stream is given as hex digits, as a file
that holds hex digits or the bytes themselves, or as - for standard input; a V2GTP header before it is understood.
Without --protocol the one protocol is taken whose schema the stream fits. With --lines, every line of standard input
is PROTOCOL HEX, and every answer line {"message": ...} or {"error": ...}; a bad line does not end the run."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``decode``."""
    parser = subparsers.add_parser("decode", help="EXI bytes to JSON or XML", description=_DESCRIPTION)
    parser.add_argument("source", nargs="?", metavar="HEX|FILE", help="hex digits, a file, or - for standard input")
    parser.add_argument("--protocol", choices=codec.PROTOCOLS, help="schema set of the message")
    parser.add_argument("--fragment", action="store_true", help="the stream is an EXI fragment, as signatures use")
    parser.add_argument("--xml", action="store_true", help="print XML instead of JSON")
    parser.add_argument("--lines", action="store_true", help="one job per line of standard input: PROTOCOL HEX")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """0 when decoded (or all lines answered), 1 when the stream is no message, 2 for wrong usage."""
    if options.lines:
        if options.source is not None or options.protocol is not None:
            options.parser.error("--lines reads protocol and bytes from standard input")
        return answer_lines(lambda protocol, job: _answer(protocol, job, options))
    if options.source is None:
        options.parser.error("HEX or FILE is required (or --lines)")
    try:
        protocol, data = _payload(_read(options.source), options.protocol)
        message = _decode(protocol, data, options.fragment)
        if options.xml:
            print(codec.to_xml(message))
        else:
            print(json.dumps(codec.to_json(message), indent=2))
    except (JobError, codec.ExiError, OSError) as error:
        print(json.dumps(error_view(error)), file=sys.stderr)
        return 1
    return 0


def _answer(protocol: str, job: str, options: argparse.Namespace) -> dict[str, Any]:
    message = codec.decode(protocol, from_hex(job), fragment=options.fragment)
    return {"message": codec.to_xml(message) if options.xml else codec.to_json(message)}


def _read(source: str) -> bytes:
    """The bytes named on the command line. Raises JobError or OSError."""
    if source == "-":
        data = sys.stdin.buffer.read()
    elif _is_file(source):
        data = Path(source).read_bytes()
    else:
        try:
            return from_hex(source)
        except JobError:
            raise JobError(f"neither a file nor hex digits: {source[:60]!r}") from None
    if data[:1] == b"\x80" or data[:2] == b"\x01\xfe":
        return data
    return from_hex(data.decode("ascii", "replace"))


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):
        # Longer than a file name may be: then it is hex.
        return False


def _payload(data: bytes, protocol: str | None) -> tuple[str | None, bytes]:
    """The EXI stream without a V2GTP header, and the protocol where the header says it."""
    if data[:2] != b"\x01\xfe":
        return protocol, data
    events = v2gtp.V2gtpDecoder().receive(data)
    if len(events) != 1 or not isinstance(events[0], v2gtp.V2gtpMessage):
        raise JobError("the bytes start like V2GTP, but are not one whole V2GTP message")
    return protocol or v2gtp.EXI_PROTOCOL.get(events[0].payload_type), events[0].payload


def _decode(protocol: str | None, data: bytes, fragment: bool) -> codec.Message | codec.Element:
    if protocol is not None:
        return codec.decode(protocol, data, fragment=fragment)
    found: dict[str, codec.Message | codec.Element] = {}
    problems: list[codec.ExiError] = []
    for candidate in codec.PROTOCOLS:
        try:
            found[candidate] = codec.decode(candidate, data, fragment=fragment)
        except codec.ExiError as error:
            problems.append(error)
    # Every global element may be a document, but only messages are sent: short streams fit by chance elsewhere.
    sent = {protocol: message for protocol, message in found.items() if _is_sent(message)}
    if len(sent or found) == 1:
        return next(iter((sent or found).values()))
    if found:
        raise JobError(f"the stream fits {', '.join(sent or found)}: say which with --protocol")
    # The error of the protocol that understood most says most.
    raise max(problems, key=lambda error: error.bit_offset or 0)


def _is_sent(message: codec.Message | codec.Element) -> bool:
    """Whether the root element is a message of a protocol, not a part of one."""
    name = message.name if isinstance(message, codec.Element) else message.ELEMENT
    return name == "V2G_Message" or name.endswith(("Req", "Res"))
