"""The command line of ``python -m adapters.v2g pcap``."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from adapters.v2g.pcap.container import CaptureError, KeyLog, Packet, packets
from adapters.v2g.pcap.listing import Listing
from adapters.v2g.pcap.network import LINK_TYPES
from adapters.v2g.pcap.session import Entry, read
from adapters.v2g.pcap.tls import parse_key_log

_DESCRIPTION = """Lists the messages of a captured charging session (pcap or pcapng, also compressed with gzip): SLAC,
SDP, and every V2G message decoded, the protocol taken from the supportedAppProtocol handshake. TLS is decrypted with a
key log (SSLKEYLOGFILE)."""
_EPILOG = """A line: seconds since the first packet, how long the station took to answer, the number of the connection,
who sends (→ the vehicle, ← the station), protocol, message, fields. At a terminal lines are cut to its width; into a
pipe or a file they are whole. While it is captured: tcpdump -U -w - -i IF | python -m adapters.v2g pcap -"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``pcap`` with the command line of adapters.v2g."""
    parser = subparsers.add_parser("pcap", help="list a captured session", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("file", metavar="FILE", help="the capture, or - for standard input")
    parser.add_argument("--keylog", metavar="FILE", type=Path, help="TLS secrets in the NSS key log format")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of text, nothing left out")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the listing. 0 when the capture could be read to its end, 1 otherwise."""
    at_terminal = sys.stdout.isatty()
    listing = Listing(
        width=shutil.get_terminal_size().columns if at_terminal else None,
        is_coloured=at_terminal and "NO_COLOR" not in os.environ,
    )
    seen = _Seen()
    listed = 0
    try:
        secrets = parse_key_log(arguments.keylog.read_text("ascii", "replace")) if arguments.keylog else {}
        with sys.stdin.buffer if arguments.file == "-" else open(arguments.file, "rb") as file:
            for entry in read(seen.counted(_unpacked(cast(BinaryIO, file))), secrets):
                listed += 1
                for line in [as_json(entry)] if arguments.json else listing.lines(entry):
                    print(line, flush=True)
    except BrokenPipeError:
        raise
    except (OSError, CaptureError, EOFError, zlib.error) as problem:
        name = getattr(problem, "filename", None) or arguments.file
        print(f"pcap: {name}: {getattr(problem, 'strerror', None) or problem}", file=sys.stderr)
        return 1
    for note in seen.notes():
        print(f"pcap: {note}", file=sys.stderr)
    if not listed:
        print(f"pcap: no SLAC, SDP or V2G message in {seen.link_types.total()} packets", file=sys.stderr)
    return 0


def _unpacked(file: BinaryIO) -> Iterator[Packet | KeyLog]:
    compressed = file.peek(2)[:2] == b"\x1f\x8b"  # type: ignore[attr-defined]
    return packets(cast(BinaryIO, gzip.open(file)) if compressed else file)


@dataclass(slots=True)
class _Seen:
    """What is to be said of the packets as a whole."""

    link_types: Counter[int] = field(default_factory=Counter)
    cut: int = 0

    def counted(self, found: Iterator[Packet | KeyLog]) -> Iterator[Packet | KeyLog]:
        """The packets as they are."""
        for each in found:
            if isinstance(each, Packet):
                self.link_types[each.link_type] += 1
                self.cut += each.is_cut
            yield each

    def notes(self) -> Iterator[str]:
        """Why the listing may lack messages."""
        for link_type in sorted(set(self.link_types) - LINK_TYPES):
            yield f"{self.link_types[link_type]} packets of link type {link_type} are not understood"
        if self.cut:
            yield f"{self.cut} packets were not captured whole: capture with -s 0"


def as_json(entry: Entry) -> str:
    """One JSON object."""
    return json.dumps(
        {
            "time_s": round(entry.time_s, 9),
            "source": entry.source,
            "destination": entry.destination,
            "sender": entry.sender,
            "protocol": entry.protocol,
            "name": entry.name,
            "content": entry.content,
        }
    )
