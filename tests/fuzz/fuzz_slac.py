"""Coverage-guided fuzzing of everything a peer's frame reaches: codec, line, modem, link. Run it, or see the test.

    python -m tests.fuzz.fuzz_slac -max_total_time=60 [CORPUS]

The first octet chooses the target; any exception is a crash that libFuzzer reports with its input.
"""

from __future__ import annotations

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["adapters.slac", "adapters.sdp", "adapters.v2gtp"]):
    from adapters.sdp import messages
    from adapters.slac import frames as f
    from adapters.slac.faults import FaultSyntaxError, parse_rules
    from adapters.slac.line import PowerLine
    from adapters.slac.mme import BadFrame

EVSE, EV = bytes.fromhex("020000000001"), bytes.fromhex("020000000101")
MAX_STEPS = 40


def one_input(data: bytes) -> None:
    """One fuzz case."""
    if not data:
        return
    TARGETS[data[0] % len(TARGETS)](data[1:])


def codec(data: bytes) -> None:
    """Any octets are a bad frame with a reason, or a message that reads the same again."""
    found: f.Mme | BadFrame | None = f.decode(data)
    if isinstance(found, BadFrame):
        assert found.reason
        found = found.message
    if found is not None:
        assert f.decode(found.encode()) == found
    f.name_of(data)


def payload(data: bytes) -> None:
    """Any payload behind the header of each known message."""
    if len(data) < 2:
        return
    message = f.MESSAGES[data[0] % len(f.MESSAGES)]
    codec(EVSE + EV + message.PREFIX + data[1:])


def line(data: bytes) -> None:
    """Hosts that send anything in any order do not stop the line."""
    power_line = PowerLine(seed=1)
    power_line.attach("evse", EVSE)
    power_line.attach("pev", EV)
    now_ns, steps = 0, 0
    while len(data) > 3 and steps < MAX_STEPS:
        port, destination, length = ("evse", "pev")[data[0] & 1], data[0] >> 1 & 3, data[1]
        message = f.MESSAGES[data[2] % len(f.MESSAGES)]
        own, other = (EVSE, EV) if port == "evse" else (EV, EVSE)
        frame = (f.BROADCAST, f.LOCALCAST, other, own)[destination] + own + message.PREFIX + data[3 : 3 + length]
        power_line.send(port, frame.ljust(60, b"\x00"), now_ns)
        data, steps = data[3 + length :], steps + 1
        now_ns += length * 10_000_000
        for _, arrived in power_line.poll(now_ns):
            f.decode(arrived)


def rules(data: bytes) -> None:
    """A fault rule reads or says what is wrong."""
    with contextlib.suppress(FaultSyntaxError):
        parse_rules(data.decode("latin-1"))


def sdp(data: bytes) -> None:
    """Any datagram is an SDP message that encodes to the same octets, or bad."""
    found = messages.decode(data)
    if not isinstance(found, messages.BadDatagram):
        assert messages.decode(messages.encode(found)) == found


TARGETS = (codec, payload, line, rules, sdp)


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
