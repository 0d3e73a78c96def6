"""``python -m tests.benchmarks.bench_can_codec``: our codecs and cantools on the same frames, in one run.

Processor time to read and to write one frame, by identifier, words for codes included: ``Family.decode`` and ``encode``
beside ``Database.decode_message`` and ``encode_message`` of the DBC that the tests have as second opinion. cantools has
its bits in C (``bitstruct``). Ends with 1 when reading is less than 2.2 times as fast
or writing less than 2.8 times.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cantools

from adapters.can.families import family
from adapters.can.frame import Frame, Message
from tests.benchmarks.yardstick import best_us

READ_LIMIT, WRITE_LIMIT = 2.2, 2.8
DBC = Path(__file__).parents[1] / "can" / "second_opinion.dbc"
FRAMES: list[tuple[str, str, str, str]] = [
    ("elcon", "command", "ElconCommand", "03D400A000000000"),
    ("elcon", "status", "ElconStatus", "0C1C00A018000000"),
    ("daly", "pack", "DalyPack", "01F401F475300320"),
    ("gbt", "bcl", "BCL", "6810D80E02"),
    ("gbt", "ccs", "CCS", "A00F960F2C010100"),
    ("gbt", "bsm", "BSM", "19500F3A010010"),
    ("tonhe", "report", "TonheReport", "0188130410000000"),
    ("infy", "set_output", "InfySetOutput", "0007A12000004E20"),
    ("maxwell", "voltage", "MaxwellAnswer", "41F00001442F0000"),
    ("uu", "voltage", "UuAnswer", "030000000007419E"),
]


def measure() -> list[tuple[str, float, float, float, float]]:
    """(message, ours and theirs to read, ours and theirs to write), microseconds."""
    dbc: Any = cantools.database.load_file(DBC)
    rows = []
    for name, message, other, text in FRAMES:
        codec, theirs = family(name), dbc.get_message_by_name(other)
        frame = Frame(theirs.frame_id, bytes.fromhex(text))
        read, signals = codec.decode(frame), dbc.decode_message(theirs.frame_id, frame.data)
        assert isinstance(read, Message)
        values = read.values
        figures = best_us(
            lambda codec=codec, frame=frame: codec.decode(frame),  # type: ignore[misc]
            lambda i=frame.id, data=frame.data: dbc.decode_message(i, data),  # type: ignore[misc]
            lambda codec=codec, message=message, values=values: codec.encode(message, **values),  # type: ignore[misc]
            lambda i=frame.id, signals=signals: dbc.encode_message(i, signals),  # type: ignore[misc]
            loops=200,
            rounds=20,
        )
        rows.append((f"{name} {message}", *figures))
    return rows  # type: ignore[return-value]


def main() -> int:
    """Print the table; 1 when the limit is missed."""
    print(f"{'message':20} {'read':>8} {'cantools':>9} {'times':>6}   {'write':>8} {'cantools':>9} {'times':>6}")
    least_read = least_write = float("inf")
    for name, read, their_read, write, their_write in measure():
        least_read, least_write = min(least_read, their_read / read), min(least_write, their_write / write)
        print(
            f"{name:20} {read:6.2f}us {their_read:7.2f}us {their_read / read:6.1f}   "
            f"{write:6.2f}us {their_write:7.2f}us {their_write / write:6.1f}"
        )
    limits = f"(limits {READ_LIMIT:g} and {WRITE_LIMIT:g})"
    print(f"least: {least_read:.1f} times to read, {least_write:.1f} times to write {limits}")
    return int(least_read < READ_LIMIT or least_write < WRITE_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
