"""``python -m adapters.can monitor``: a bus or a log as names, values and units; ``… replay`` sends a log again;
``… modules`` puts simulated power modules on a bus (``engine run machines/simulated/rack.yaml`` bound to it);
``… contracts`` writes the contract files that are made from tables."""

from __future__ import annotations

import argparse
import contextlib
import errno
import math
import os
import random
import struct
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.can.families import FAMILIES, family
from adapters.can.frame import EXTENDED_MASK, Frame, Message, Misfit
from adapters.can.python_can import check_interface, no_frame, no_message, parse_options, said, state_of
from adapters.can.rack import MOST
from adapters.can.roles import SIDES, codec_of, contract_text, parse_profile
from adapters.can.simulators import SPEAKERS
from adapters.can.table import Family, Field
from adapters.can.transport import Transport
from engine.adapter import ConfigurationError

if TYPE_CHECKING:
    import can

ERROR_FLAG = 1 << 29
"""Of the identifier of an error frame, as SocketCAN and candump write it."""
LINES = (".log", ".asc", ".trc", ".csv")
BLF_HEAD = struct.Struct("<4s12xQ")
"""Of Vector's binary logs: their first octets, and how many the whole file has."""
LOGS = ".log (candump), .asc, .blf, .trc, .csv, .db"


class Decoder:
    """Frames as lines, by one family or all of them; long messages of GB/T 27930 are put together."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = list(families)
        self._transport = Transport()

    def read(self, frame: Frame) -> tuple[str, Message | Misfit | None]:
        """The family that understands a frame, and what it says; a misfit of one family gives way to a message of
        another one."""
        found: tuple[str, Message | Misfit | None] = ("", None)
        if any(codec.name == "gbt" for codec in self.families):
            outcome = self._transport.receive(frame)
            if outcome.passed is None:
                if outcome.whole is None:
                    return ("gbt", outcome.misfit or Message("part", "", {}))
                frame = outcome.whole
        for codec in self.families:
            read = codec.decode(frame)
            if isinstance(read, Message):
                return codec.name, read
            if read is not None and found[1] is None:
                found = codec.name, read
        return found

    def line(self, at_s: float, frame: Frame) -> str:
        """One line: when, the frame, whose and which message, its values with their units."""
        name, read = self.read(frame)
        head = f"{at_s:12.6f}  {frame!s:<26} "
        if read is None:
            return head.rstrip()
        if isinstance(read, Misfit):
            return f"{head} {name} ? {read.reason}"
        row = next(codec for codec in self.families if codec.name == name).messages.get(read.name)
        fields = {f.name: f for f in row.fields} if row is not None else {}
        values = " ".join(f"{key}={_shown(value, fields.get(key))}" for key, value in read.values.items())
        return f"{head} {name} {read.name} {values}".rstrip()


def _shown(value: object, field: Field | None) -> str:
    if isinstance(value, list):
        return "[" + ",".join(_shown(one, field) for one in value) + "]"
    text = "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    if field is None or not isinstance(value, (int, float)):
        return text
    text += field.unit if isinstance(value, float) else ""
    doubt = field.doubt(value)
    return f"{text}({doubt})" if doubt else text


class Other:
    """Counts what is no data frame of CAN 2.0, and says it as lines do."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def line(self, message: can.Message) -> str:
        """What stands in the place of a frame and its meaning."""
        name = f"{message.arbitration_id:0{8 if message.is_extended_id else 3}X}"
        if message.is_error_frame:
            kind = "error frame"
            found = state_of(message.arbitration_id, bytes(message.data))
            text = f"{name}#{bytes(message.data).hex().upper()}".ljust(26) + f"  {kind}" + (": " if found else "")
            text += f"{found[0]}: {found[1]}" if found else ""
        elif message.is_remote_frame:
            kind = "remote frame"
            text = f"{name}#R{message.dlc}".ljust(26) + f"  {kind}"
        else:
            kind = "CAN FD frame"
            text = f"{name}##{bytes(message.data).hex().upper()}".ljust(26) + f"  {kind}"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return text

    def __str__(self) -> str:
        """``2 error frames, 1 remote frame``; empty when there was none."""
        return ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in self.counts.items())


def frame_of(message: can.Message) -> Frame | None:
    """The data frame of CAN 2.0 that a message is."""
    if message.is_error_frame or message.is_remote_frame or message.is_fd:
        return None
    return Frame(message.arbitration_id, bytes(message.data), message.is_extended_id)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0 at the end, 1 when a bus cannot be had, 2 for a wrong argument or a log that is none."""
    options = _parser().parse_args(arguments)
    if options.command == "contracts":
        for contract in SIDES:
            path = Path(__file__).parent / f"{contract}.contract.yaml"
            path.write_text(contract_text(contract), "utf-8")
            print(path.name)
        return 0
    try:
        import can
    except ImportError as error:
        print(
            f"error: CAN interfaces and logs need python-can ({error}): in the clone, pip install '.[can]'",
            file=sys.stderr,
        )
        return 1
    try:
        return {"monitor": _monitor, "replay": _replay, "modules": _modules}[options.command](options)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone: nothing more to say
        return 0
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (can.CanError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _bus(options: argparse.Namespace) -> can.BusABC:
    """The bus that the options name. Raises ``ConfigurationError`` for an interface that python-can has not, and
    ``OSError`` with its name when it cannot be opened."""
    import can

    check_interface("--interface", options.interface)
    more = parse_options(options.options)
    if options.bitrate:
        more["bitrate"] = options.bitrate
    try:
        return can.Bus(options.channel, options.interface, **more)
    except (can.CanError, OSError, ValueError) as error:
        raise OSError(f"{options.interface} {options.channel}: {said(error)}{_way_out(options, error)}") from None


def _way_out(options: argparse.Namespace, error: Exception) -> str:
    code = getattr(error, "errno", None) or getattr(error.__cause__, "errno", None)
    if code == errno.EAFNOSUPPORT and options.interface == "socketcan":
        return " (this kernel has no SocketCAN)"
    if code == errno.ENODEV and options.interface == "socketcan":
        return f" (ip link show type can; sudo ip link set {options.channel} up type can bitrate 125000)"
    return ""


def _candump(path: str) -> Iterator[can.Message]:
    """A log of candump, by python-can's reader, which takes most error frames (``20000040#…``) for data frames."""
    import can

    with can.CanutilsLogReader(path) as reader, open(path, encoding="utf-8") as file:
        for message, line in zip(reader, filter(str.strip, file), strict=False):
            can_id, _, data = line.split()[2].partition("#")
            if int(can_id, 16) & ERROR_FLAG:
                octets = bytes.fromhex(data)
                yield can.Message(message.timestamp, int(can_id, 16) & EXTENDED_MASK, is_error_frame=True, data=octets)
            else:
                yield message


def _log(path: str) -> Iterator[can.Message]:
    """The messages of a log. Raises ``ConfigurationError`` that names it for one that cannot be read or has none."""
    import can

    count = 0
    try:
        with contextlib.ExitStack() as stack:
            whole, missing = stack.enter_context(_whole_lines(path)) if Path(path).suffix in LINES else (path, "")
            missing = missing or _missing(path)  # it also opens the file: the reader of .db would make one
            for message in (
                _candump(whole) if Path(path).suffix == ".log" else stack.enter_context(can.LogReader(whole))
            ):
                if not isinstance(message.timestamp, (int, float)) or not isinstance(message.arbitration_id, int):
                    raise ValueError("a frame without its time or identifier")
                count += 1
                yield message
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # a damaged file can lead its reader anywhere
        raise ConfigurationError(
            f"{path}: after {count} frames: no log that python-can reads ({LOGS}): {said(error)}"
        ) from None
    if missing:
        raise ConfigurationError(f"{path}: after {count} frames: {missing}")
    if not count:
        raise ConfigurationError(f"{path}: there is no frame in it that could be read ({LOGS})")


@contextlib.contextmanager
def _whole_lines(path: str) -> Iterator[tuple[str, str]]:
    """A log of lines without a last one that is cut off, which could read as another frame; and what is missing."""
    octets = Path(path).read_bytes()
    if not octets or octets.endswith(b"\n"):
        yield path, ""
        return
    lines = octets.splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / Path(path).name
        whole.write_bytes(b"".join(lines[:-1]))
        yield str(whole), f"cut off in line {len(lines)}, which has no end"


def _missing(path: str) -> str:
    """What a log says itself that it should have, and has not; empty: nothing."""
    suffix = Path(path).suffix
    with open(path, "rb") as file:
        if suffix == ".blf":
            head = file.read(BLF_HEAD.size)
            size = os.path.getsize(path)
            if len(head) == BLF_HEAD.size and head[:4] == b"LOGG" and size < (told := BLF_HEAD.unpack(head)[1]):
                return f"cut off: it has {size} of {told} octets"
        elif suffix == ".asc":
            text = file.read().lower()
            if b"begin triggerblock" in text and b"end triggerblock" not in text:
                return f"cut off after line {len(text.splitlines())}: there is no 'End TriggerBlock'"
    return ""


def _monitor(options: argparse.Namespace) -> int:
    names = options.kind or list(FAMILIES)
    profile = parse_profile(options.profile)
    if profile and len(names) != 1:
        raise ConfigurationError("--profile is of one family: name it with --kind")
    decoder = Decoder(codec_of(name, options.profile, family) for name in names)
    if options.log:
        _print(decoder, _log(options.log))
        return 0
    if not options.channel:
        raise ConfigurationError("what to read: a log, or --channel of a bus")
    with _bus(options) as bus:
        _print(decoder, _heard(bus))
    return 0


def _heard(bus: can.BusABC) -> Iterator[can.Message]:
    """The messages on a bus, for ever; what is none of CAN is told and dropped."""
    while True:
        try:
            message = bus.recv(1.0)
        except Exception as error:
            reason = no_message(error, bus)
            if reason is None:
                raise
        else:
            if message is None:
                continue
            reason = no_frame(message)
            if reason is None:
                yield message
                continue
        print(f"dropped, no CAN frame: {reason}", file=sys.stderr)


def _modules(options: argparse.Namespace) -> int:
    """Simulated modules in a process of their own: this one becomes ``engine run``."""
    if not options.channel:
        raise ConfigurationError("where the modules are: --channel of a bus")
    with _bus(options):  # one that cannot be opened is said here; later it is tried again and again
        pass
    settings = {
        "bus.use": "python_can",
        "bus.interface": options.interface,
        "bus.channel": options.channel,
        "bus.bitrate": options.bitrate or None,
        "bus.options": options.options or None,
        "rack.kind": options.kind,
        "rack.count": options.count,
        "rack.serial": random.randrange(1, 1 << 20) * MOST,  # two of these programs have no module in common
        "rack.lone": "true",
    }
    sets = [f"--set=adapters.{key}={value}" for key, value in settings.items() if value is not None]
    more = [f"--set={text}" for text in options.set]
    run = [sys.executable, "-m", "engine", "run", "machines/simulated/rack.yaml", "--plain", "--quiet", *sets, *more]
    sys.stdout.flush()
    return os.execv(sys.executable, run)


def _print(decoder: Decoder, messages: Iterable[can.Message]) -> None:
    began: float | None = None
    before = -math.inf
    other = Other()
    try:
        for count, message in enumerate(messages, 1):
            at_s = message.timestamp
            began = at_s if began is None else began
            if at_s < before:
                print(f"frame {count}: its time is {before - at_s:.6g} s before that of the last one", file=sys.stderr)
            before = at_s
            frame = frame_of(message)
            if frame is None:
                print(f"{at_s - began:12.6f}  {other.line(message)}", flush=True)
            else:
                print(decoder.line(at_s - began, frame), flush=True)
    finally:
        if other.counts:
            print(other, file=sys.stderr)


def _replay(options: argparse.Namespace) -> int:
    import can

    if not options.channel:
        raise ConfigurationError("where to send it: --channel of a bus")
    sent, began, other = 0, None, Other()
    for count, message in enumerate(_log(options.log), 1):  # what cannot be sent is said before a bus is opened
        if (reason := no_frame(message)) is not None:
            raise ConfigurationError(f"{options.log}: frame {count} cannot be sent: {reason}")
    with _bus(options) as bus:
        start = time.monotonic()
        for message in _log(options.log):
            began = message.timestamp if began is None else began
            if options.speed:
                wait_s = (message.timestamp - began) / options.speed - (time.monotonic() - start)
                time.sleep(max(0.0, wait_s))
            if message.is_error_frame or message.is_fd:
                other.line(message)
                continue
            again = can.Message(
                arbitration_id=message.arbitration_id,
                data=None if message.is_remote_frame else message.data,
                dlc=message.dlc,
                is_extended_id=message.is_extended_id,
                is_remote_frame=message.is_remote_frame,
            )
            bus.send(again, timeout=1.0)
            sent += 1
    print(f"{sent} frames sent" + (f"; left out: {other}" if other.counts else ""))
    return 0


def _speed(text: str) -> float:
    speed = float(text)
    if not 0.0 <= speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no speed: 2 is twice as fast, 0 at once")
    return speed


def _bitrate(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"'{text}' is no bit rate: bits per second, or 0 where it is not set here")
    return int(text)


def _count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not 0 < count <= MOST:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of modules: 1 to {MOST}")
    return count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adapters.can", description="Tools of the CAN adapters.")
    commands = parser.add_subparsers(required=True, dest="command")
    monitor = commands.add_parser("monitor", help="decode a bus or a log")
    monitor.add_argument("log", nargs="?", help=f"a log instead of a bus: {LOGS}")
    monitor.add_argument("--kind", action="append", choices=FAMILIES, help="only this family; may be repeated (all)")
    monitor.add_argument("--profile", default="", help="what differs between models: current_divisor=10")
    replay = commands.add_parser("replay", help="send a log on a bus again, in its own time")
    replay.add_argument("log", help=LOGS)
    replay.add_argument("--speed", type=_speed, default=1.0, help="how many times as fast; 0: at once (1)")
    modules = commands.add_parser("modules", help="simulated power modules on a bus")
    modules.add_argument("--kind", choices=SPEAKERS, default="infy", help="their make (infy)")
    modules.add_argument("--count", type=_count, default=4, help="how many there are (4)")
    modules.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of engine run: adapters.rack.maximum_current=30",
    )
    for command in (monitor, replay, modules):
        command.add_argument("--interface", default="socketcan", help="by python-can's name (socketcan)")
        command.add_argument("--channel", default="", help="can0, /dev/ttyACM0, 239.74.163.2")
        command.add_argument("--bitrate", type=_bitrate, default=0, help="bits per second, where it is set here")
        command.add_argument("--options", default="", help="further keywords of can.Bus: port=43113")
    commands.add_parser("contracts", help="write the contract files that are made from tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
