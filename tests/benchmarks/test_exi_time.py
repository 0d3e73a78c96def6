"""Limits of the EXI codec: time per message, import time and memory of one protocol, time of long streams.

The comparison with EXIficient and the iso15118 package is ``python -m tests.benchmarks.exi_peers``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.v2g import codec
from tests.benchmarks.exi_peers import MESSAGES, measure, table
from tests.benchmarks.yardstick import InterpretedJson, best_us
from tests.v2g.josev import Josev
from tests.v2g.oracle import OracleUnavailable

ROOT = Path(__file__).parents[2]
LOOP_MESSAGES = ["CurrentDemandReq", "CurrentDemandRes", "DC_ChargeLoopReq", "DC_ChargeLoopRes"]


@pytest.mark.parametrize(
    ("protocol", "name", "view"), [m for m in MESSAGES if m[1] in LOOP_MESSAGES], ids=lambda x: str(x)[:20]
)
def test_a_loop_message_takes_a_third_of_reading_it_as_json(protocol: str, name: str, view: dict[str, object]) -> None:
    """The charging loop has 25 ms for everything; the codec must not be felt in it, on small boards neither.

    A third of what Python's own reader in Python takes for the same message as JSON text: 10 to 25 us where this was
    written. Both ways, in one run.
    """
    message, text, reader = codec.from_json(protocol, view), json.dumps(view), InterpretedJson()
    exi = codec.encode(message)
    assert reader.decode(text) == view
    decoding, encoding, yardstick = best_us(
        lambda: codec.decode(protocol, exi), lambda: codec.encode(message), lambda: reader.decode(text)
    )
    assert decoding < yardstick / 3, f"{decoding:.1f} us, JSON {yardstick:.1f} us"
    assert encoding < yardstick / 3, f"{encoding:.1f} us, JSON {yardstick:.1f} us"


def test_400_times_as_fast_as_the_package_iso15118() -> None:
    """What a station without a Java process per message gains; ours and the peer's route in one run."""
    try:
        josev = Josev()
    except OracleUnavailable as reason:
        pytest.skip(f"the package iso15118 is not available: {reason}")
    try:
        rows = measure(None, josev, loops=200, josev_loops=3)
    finally:
        josev.close()
    assert rows
    for row in rows:
        assert row.josev_us is not None
        assert row.josev_us >= 400 * row.ours_us, "\n" + table(rows)


_IMPORT = """
import sys, time
def resident_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
before, start = resident_mb(), time.process_time()
from adapters.v2g import codec
codec.schema(sys.argv[1])
ours, size, start = time.process_time() - start, resident_mb() - before, time.process_time()
import asyncio
print(ours, size, time.process_time() - start)
found = {m.removeprefix("adapters.v2g.generated.") for m in sys.modules if m.startswith("adapters.v2g.generated.")}
assert found == {sys.argv[1].replace("-", "_"), *(["iso20_common"] if "iso20" in sys.argv[1] else [])}, found
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which is not here")
@pytest.mark.parametrize("protocol", codec.PROTOCOLS)
def test_one_protocol_is_imported_alone_as_quickly_as_asyncio_and_in_15_mb(protocol: str, tmp_path: Path) -> None:
    """Byte code cached, as installed; the standard library's asyncio beside it. A station that speaks ISO 15118-2 pays
    for ISO 15118-2."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    ours, sizes, asyncio = [], [], []
    for _ in range(4):
        run = subprocess.run(
            [sys.executable, "-c", _IMPORT, protocol],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, megabytes, yardstick = map(float, run.stdout.split())
        ours.append(seconds)
        sizes.append(megabytes)
        asyncio.append(yardstick)
    assert min(ours[1:]) < min(asyncio[1:]), f"{min(ours[1:]):.3f} s, asyncio {min(asyncio[1:]):.3f} s"
    assert min(sizes[1:]) < 15


def test_time_grows_with_length_and_no_faster() -> None:
    """Eight times the certificates or the schedule entries: about eight times the time, both ways."""
    xmldsig = codec.messages("xmldsig")

    def key_info(count: int) -> codec.Message:
        return xmldsig.KeyInfo(content=[codec.Element("KeyName", "name é")] * count)  # type: ignore[no-any-return]

    def text(count: int) -> codec.Element:
        return codec.Element("KeyName", "é" * 10 * count, "xmldsig")

    for make in (key_info, text):
        small, large = make(3_000), make(24_000)
        exi_small, exi_large = codec.encode(small), codec.encode(large)
        decoding = best_us(
            lambda exi=exi_small: codec.decode("xmldsig", exi),  # type: ignore[misc]
            lambda exi=exi_large: codec.decode("xmldsig", exi),  # type: ignore[misc]
            loops=1,
            rounds=5,
        )
        encoding = best_us(
            lambda message=small: codec.encode(message),  # type: ignore[misc]
            lambda message=large: codec.encode(message),  # type: ignore[misc]
            loops=1,
            rounds=5,
        )
        assert decoding[1] < 8 * 3 * decoding[0]
        assert encoding[1] < 8 * 3 * encoding[0]
