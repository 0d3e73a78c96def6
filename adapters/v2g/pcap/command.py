"""The command line of ``python -m adapters.v2g pcap``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from adapters.v2g.pcap.container import CaptureError, packets
from adapters.v2g.pcap.session import Entry, read
from adapters.v2g.pcap.tls import parse_key_log

_DESCRIPTION = """Lists the messages of a captured charging session (pcap or pcapng): SLAC, SDP, and every V2G message
decoded, the protocol taken from the supportedAppProtocol handshake. TLS is decrypted with a key log (SSLKEYLOGFILE)."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``pcap`` with the command line of adapters.v2g."""
    parser = subparsers.add_parser("pcap", help="list a captured session", description=_DESCRIPTION)
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--keylog", metavar="FILE", type=Path, help="TLS secrets in the NSS key log format")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the listing. 0 when the capture could be read to its end, 1 otherwise."""
    try:
        secrets = parse_key_log(arguments.keylog.read_text("ascii", "replace")) if arguments.keylog else {}
        with arguments.file.open("rb") as file:
            for entry in read(packets(file), secrets):
                print(as_json(entry) if arguments.json else as_text(entry))
    except OSError as problem:
        print(f"pcap: {problem.filename}: {problem.strerror}", file=sys.stderr)
        return 1
    except CaptureError as problem:
        print(f"pcap: {arguments.file}: {problem}", file=sys.stderr)
        return 1
    return 0


def as_text(entry: Entry) -> str:
    """One line for people: time, ends, protocol, name, content."""
    content = json.dumps(entry.content, ensure_ascii=False) if entry.content else ""
    ends = f"{entry.source} > {entry.destination}"
    return f"{entry.time_s:11.6f}  {ends}  {entry.protocol:8} {entry.name}  {content}".rstrip()


def as_json(entry: Entry) -> str:
    """One JSON object."""
    return json.dumps(
        {
            "time_s": round(entry.time_s, 9),
            "source": entry.source,
            "destination": entry.destination,
            "protocol": entry.protocol,
            "name": entry.name,
            "content": entry.content,
        },
        ensure_ascii=False,
    )
