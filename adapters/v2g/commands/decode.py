"""``decode``: EXI bytes to JSON or XML."""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

from adapters import v2gtp
from adapters.sdp import messages as sdp
from adapters.sdp.messages import SdpMessage
from adapters.v2g import codec
from adapters.v2g.commands.jobs import JobError, answer_lines, error_view, from_hex

_DESCRIPTION = """Prints the message in an EXI stream as JSON (or XML). The stream is given as hex digits (also with
spaces, colons, commas, 0x or \\x, or as a hex dump with offsets), as base64, as a file that holds any of these or the
bytes themselves, or as - for standard input. A V2GTP header before it is understood, SDP messages are as well, and a
whole Ethernet frame is. What else there is beside the message is told on standard error. Without --protocol the one
protocol is taken whose schema the stream fits, and named on standard error. With --lines, every line of standard input
is PROTOCOL HEX, and every answer line {"message": ...} or {"error": ...}; a bad line does not end the run."""
_EPILOG = """Example: python -m adapters.v2g decode 01fe800100000004 80400040"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``decode``."""
    parser = subparsers.add_parser("decode", help="EXI bytes to JSON or XML", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("source", nargs="*", metavar="HEX|FILE", help="hex digits, a file, or - for standard input")
    parser.add_argument(
        "--protocol", choices=codec.PROTOCOLS, metavar="NAME", help=f"schema set: {', '.join(codec.PROTOCOLS)}"
    )
    parser.add_argument("--fragment", action="store_true", help="the stream is an EXI fragment, as signatures use")
    parser.add_argument("--xml", action="store_true", help="print XML instead of JSON")
    parser.add_argument("--lines", action="store_true", help="one job per line of standard input: PROTOCOL HEX")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Decode. 0 when done (or all lines are answered), 1 when the stream is not a message, 2 for wrong usage."""
    if options.lines:
        if options.source or options.protocol is not None:
            options.parser.error("--lines reads protocol and bytes from standard input")
        return answer_lines(lambda protocol, job: _answer(protocol, job, options))
    if not options.source:
        options.parser.error("HEX or FILE is required (or --lines)")
    try:
        data = _unframed(_read(" ".join(options.source)))
        payloads, rest = _payloads(data, options.protocol)
        for protocol, payload in payloads:
            _show(protocol, payload, options)
        if rest:
            print(rest, file=sys.stderr)
    except BrokenPipeError:
        raise
    except (JobError, codec.ExiError, OSError) as error:
        print(json.dumps(error_view(error)), file=sys.stderr)
        return 1
    return 0


def _show(protocol: str | None, payload: bytes | SdpMessage, options: argparse.Namespace) -> None:
    if not isinstance(payload, bytes):
        from adapters.v2g.pcap.session import plain

        if options.xml:
            raise JobError(f"{type(payload).__name__} has no XML form: leave --xml out")
        print(json.dumps({type(payload).__name__: plain(payload)}, indent=2))
        return
    junk = b""
    try:
        message, misfits = _decoded(protocol, payload, options)
    except codec.ExiError as error:
        end = -(-(error.bit_offset or 0) // 8)
        if not 0 < end < len(payload):
            raise
        try:
            message, misfits = _decoded(protocol, payload[:end], options)
        except (codec.ExiError, JobError):
            raise error from None
        junk = payload[end:]
    for misfit in misfits:
        print(f"does not fit its schema: {misfit}", file=sys.stderr)
    print(codec.to_xml(message) if options.xml else json.dumps(codec.to_json(message), indent=2))

    if junk:
        print(f"behind the message: {_told(junk)}", file=sys.stderr)


def _decoded(
    protocol: str | None, payload: bytes, options: argparse.Namespace
) -> tuple[codec.Message | codec.Element, list[codec.ValidationError]]:
    """The message, and what of it does not fit its schema."""
    misfits: list[codec.ValidationError] = []
    if protocol:
        return codec.decode(protocol, payload, fragment=options.fragment, misfits=misfits), misfits
    return _found(payload, options, misfits), misfits


def _told(data: bytes) -> str:
    return f"{len(data)} bytes: {data[:64].hex(' ')}{' …' if len(data) > 64 else ''}"


def _unframed(data: bytes) -> bytes:
    """What an Ethernet frame carries, if the bytes are one; else the bytes. Raises JobError for a frame without any."""
    if data[:1] == b"\x80" or data[:2] == b"\x01\xfe":
        return data
    from adapters.v2g.pcap.container import Packet
    from adapters.v2g.pcap.network import ETHERNET, EthernetFrame, parse

    found = parse(Packet(0.0, ETHERNET, data))
    if found is None or (isinstance(found, EthernetFrame) and found.ether_type != _HOMEPLUG_AV):
        return data
    if isinstance(found, EthernetFrame):
        raise JobError(
            "this is an Ethernet frame of SLAC or its modems: python -m adapters.v2g pcap lists captures of it"
        )
    print(f"Ethernet frame: {found.source} to {found.destination}", file=sys.stderr)
    if not found.payload:
        raise JobError("the frame carries no data")
    return found.payload


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
            return _from_text(source)
        except JobError:
            raise JobError(f"neither a file nor hex digits: {source[:60]!r}") from None
    if data[:1] == b"\x80" or data[:2] == b"\x01\xfe":
        return data
    # Imported here: other sources need nothing of captures.
    from adapters.v2g.pcap.container import MAGIC_NUMBERS

    if data[:4] in MAGIC_NUMBERS:
        raise JobError("this is a capture of packets: python -m adapters.v2g pcap FILE lists it")
    try:
        return _from_text(data.decode("ascii", "replace"))
    except JobError:
        if data[:1].isascii() and data[:64].isascii():
            raise
        return data  # bytes of something else: a frame, or nothing we know


_HOMEPLUG_AV = 0x88E1
_DUMP_LINE = re.compile(r"(?:0x)?([0-9a-fA-F]{4,8}):?[ \t]+(.*)")
_DUMP_PAIRS = re.compile(
    r"((?:[0-9a-fA-F]{2}(?:[0-9a-fA-F]{2})?[ \t-]{1,2}){0,16}[0-9a-fA-F]{2}(?:[0-9a-fA-F]{2})?)(?:[ \t]{2}.*|[ \t]*)"
)


def _from_text(text: str) -> bytes:
    """Hex digits in any notation, a hex dump (offset, octets, perhaps their text), or base64. Raises JobError."""
    dumped = _from_dump(text)
    if dumped is not None:
        return dumped
    try:
        return from_hex(text)
    except JobError:
        try:
            data = base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            data = b""
        # Names of files are base64, too: taken is what begins as a message or as a frame does.
        if data[:1] == b"\x80" or data[:2] == b"\x01\xfe" or data[12:14] in (b"\x86\xdd", b"\x08\x00", b"\x88\xe1"):
            return data
        raise


def _from_dump(text: str) -> bytes | None:
    """The octets of a dump as xxd, hexdump -C, tcpdump -x and Wireshark write them; None when it is none.

    Every line's offset must be how many octets came before it, else it is an octet itself.
    """
    data = b""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        match = _DUMP_LINE.fullmatch(line)
        if match is None:
            last = re.fullmatch(r"[0-9a-fA-F]{4,8}", line)  # hexdump ends with the length
            return data if data and last and number == len(lines) - 1 and int(line, 16) == len(data) else None
        if int(match[1], 16) != len(data):
            return None
        pairs = _DUMP_PAIRS.match(match[2])
        if pairs is None:
            return None
        data += bytes.fromhex(re.sub(r"[ \t-]", "", pairs[1]))
    return data or None


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):
        # Longer than a file name may be: then it is hex.
        return False


def _payloads(data: bytes, protocol: str | None) -> tuple[list[tuple[str | None, bytes | SdpMessage]], str]:
    """The EXI streams (or SDP messages) behind V2GTP headers, and the protocol where a header says it; and what is
    behind them that is none, told."""
    if data[:2] != b"\x01\xfe":
        return [(protocol, data)], ""
    decoder = v2gtp.V2gtpDecoder()
    found: list[tuple[str | None, bytes | SdpMessage]] = []
    for event in decoder.receive(data):
        if isinstance(event, v2gtp.BadStream):
            if found:
                return found, f"behind the message: {_told(data[event.offset_bytes :])} ({event.reason})"
            raise JobError(f"byte {event.offset_bytes}: {event.reason}")
        if isinstance(event, v2gtp.UnknownPayload):
            raise JobError(f"V2GTP payload type 0x{event.payload_type:04x} is unknown")
        if event.payload_type >= v2gtp.PayloadType.SDP_REQUEST:
            message = sdp.decode(v2gtp.encode(event.payload_type, event.payload))
            if isinstance(message, sdp.BadDatagram):
                raise JobError(f"SDP: {message.reason}")
            found.append((None, message))
        else:
            found.append((protocol or v2gtp.EXI_PROTOCOL.get(event.payload_type), event.payload))
    if decoder.missing_bytes:
        if found:
            return found, f"behind the message: one that is cut short, {decoder.missing_bytes} bytes are missing"
        raise JobError(f"the V2GTP message is cut short: {decoder.missing_bytes} bytes are missing")
    return found, ""


def _found(
    data: bytes, options: argparse.Namespace, misfits: list[codec.ValidationError]
) -> codec.Message | codec.Element:
    """The message in the one protocol whose schema the stream fits; ``misfits`` takes what does not."""
    found: dict[str, codec.Message | codec.Element] = {}
    beyond: dict[str, list[codec.ValidationError]] = {}
    problems: dict[str, codec.ExiError] = {}
    for candidate in codec.PROTOCOLS:
        try:
            each: list[codec.ValidationError] = []
            found[candidate] = codec.decode(candidate, data, fragment=options.fragment, misfits=each)
            beyond[candidate] = each
        except codec.ExiError as error:
            problems[candidate] = error
    # Every global element may be a document, but only messages are sent: short streams fit by chance elsewhere.
    # So do long ones where a value is beyond a facet.
    whole = {protocol: message for protocol, message in found.items() if not beyond[protocol]}
    sent = {protocol: message for protocol, message in whole.items() if _is_sent(message)} or whole
    sent = sent or {protocol: message for protocol, message in found.items() if _is_sent(message)} or found
    if len(sent) == 1:
        ((protocol, message),) = sent.items()
        print(f"decoded as {protocol}", file=sys.stderr)
        misfits += beyond[protocol]
        return message
    if sent:
        raise JobError(f"the stream fits {', '.join(sent)}: say which with --protocol")
    # The error of the protocol that understood most says most.
    protocol, problem = max(
        problems.items(), key=lambda each: (_is_name_of_sent(each[1].path), each[1].bit_offset or 0)
    )
    reason = f"fits no protocol; as {protocol}: {problem.reason}"
    raise codec.ExiError(reason, path=problem.path, bit_offset=problem.bit_offset)


def _is_sent(message: codec.Message | codec.Element) -> bool:
    """Whether the root element is a message of a protocol, not a part of one."""
    return _is_name_of_sent(message.name if isinstance(message, codec.Element) else message.ELEMENT)


def _is_name_of_sent(path: str) -> bool:
    root = path.partition(".")[0]
    return root == "V2G_Message" or root.endswith(("Req", "Res"))
