"""EXI coding time per message, ours next to foreign codecs, in one run: ``python -m tests.benchmarks.exi_peers``.

Columns: our codec; EXIficient alone (Java, warm, no XML text); the route of the package iso15118 (py4j, JAXB,
EXIficient, JSON, pydantic); how many times as long that route takes. The last column is the limit, generated C
(libcbv2g, gcc -O2): there is no package of it, so its figures are quoted from another machine, not measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.v2g import codec
from tests.v2g.josev import Josev
from tests.v2g.oracle import ExiOracle, OracleUnavailable

_NAMESPACES = {"iso2": "urn:iso:15118:2:2013:MsgDef", "iso20-dc": "urn:iso:std:iso:15118:-20:DC"}


def _physical(value: int, unit: str, multiplier: int = 0) -> dict[str, Any]:
    return {"Multiplier": multiplier, "Unit": unit, "Value": value}


def _rational(value: int, exponent: int = 0) -> dict[str, Any]:
    return {"Exponent": exponent, "Value": value}


def _iso2(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"V2G_Message": {"Header": {"SessionID": "3031323334353637"}, "Body": {name: body}}}


MESSAGES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "iso2",
        "CurrentDemandReq",
        _iso2(
            "CurrentDemandReq",
            {
                "DC_EVStatus": {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 42},
                "EVTargetCurrent": _physical(1250, "A", -1),
                "EVMaximumVoltageLimit": _physical(420, "V"),
                "EVMaximumCurrentLimit": _physical(200, "A"),
                "EVMaximumPowerLimit": _physical(8000, "W", 1),
                "ChargingComplete": False,
                "RemainingTimeToFullSoC": _physical(1800, "s"),
                "RemainingTimeToBulkSoC": _physical(1200, "s"),
                "EVTargetVoltage": _physical(3985, "V", -1),
            },
        ),
    ),
    (
        "iso2",
        "CurrentDemandRes",
        _iso2(
            "CurrentDemandRes",
            {
                "ResponseCode": "OK",
                "DC_EVSEStatus": {
                    "NotificationMaxDelay": 0,
                    "EVSENotification": "None",
                    "EVSEIsolationStatus": "Valid",
                    "EVSEStatusCode": "EVSE_Ready",
                },
                "EVSEPresentVoltage": _physical(3980, "V", -1),
                "EVSEPresentCurrent": _physical(1249, "A", -1),
                "EVSECurrentLimitAchieved": False,
                "EVSEVoltageLimitAchieved": False,
                "EVSEPowerLimitAchieved": False,
                "EVSEMaximumVoltageLimit": _physical(1000, "V"),
                "EVSEMaximumCurrentLimit": _physical(500, "A"),
                "EVSEMaximumPowerLimit": _physical(15000, "W", 1),
                "EVSEID": "DE*ABC*E123456*1",
                "SAScheduleTupleID": 1,
            },
        ),
    ),
    (
        "iso20-dc",
        "DC_ChargeLoopReq",
        {
            "DC_ChargeLoopReq": {
                "Header": {"SessionID": "3031323334353637", "TimeStamp": 1700000000},
                "MeterInfoRequested": False,
                "EVPresentVoltage": _rational(3980, -1),
                "Scheduled_DC_CLReqControlMode": {
                    "EVTargetCurrent": _rational(1250, -1),
                    "EVTargetVoltage": _rational(3985, -1),
                },
            }
        },
    ),
    (
        "iso20-dc",
        "DC_ChargeLoopRes",
        {
            "DC_ChargeLoopRes": {
                "Header": {"SessionID": "3031323334353637", "TimeStamp": 1700000000},
                "ResponseCode": "OK",
                "EVSEPresentCurrent": _rational(1249, -1),
                "EVSEPresentVoltage": _rational(3980, -1),
                "EVSEPowerLimitAchieved": False,
                "EVSECurrentLimitAchieved": False,
                "EVSEVoltageLimitAchieved": False,
                "Scheduled_DC_CLResControlMode": {},
            }
        },
    ),
]
"""(protocol, name, JSON view) of the messages that a charge loop repeats."""


QUOTED_C_US: dict[tuple[str, str], float] = {
    ("CurrentDemandReq", "decode"): 0.497,
    ("CurrentDemandReq", "encode"): 0.410,
    ("CurrentDemandRes", "decode"): 0.584,
    ("CurrentDemandRes", "encode"): 0.494,
    ("DC_ChargeLoopReq", "decode"): 0.360,
    ("DC_ChargeLoopReq", "encode"): 0.293,
}
"""Microseconds of libcbv2g for such messages, measured once on another machine."""


@dataclass(frozen=True, slots=True)
class Row:
    """Microseconds per message; None where a peer could not be measured."""

    name: str
    direction: str
    ours_us: float
    exificient_us: float | None
    josev_us: float | None


def _best_us(call: Callable[[], object], loops: int, rounds: int = 7) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(loops):
            call()
        best = min(best, (time.perf_counter_ns() - start) / loops)
    return best / 1000


def measure(oracle: ExiOracle | None, josev: Josev | None, *, loops: int = 2000, josev_loops: int = 25) -> list[Row]:
    """Times every message both ways with each codec that is there."""
    rows = []
    for protocol, name, view in MESSAGES:
        message = codec.from_json(protocol, view)
        exi = codec.encode(message, protocol=protocol)
        ours = (
            _best_us(lambda protocol=protocol, exi=exi: codec.decode(protocol, exi), loops),  # type: ignore[misc]
            _best_us(lambda protocol=protocol, message=message: codec.encode(message, protocol=protocol), loops),  # type: ignore[misc]
        )
        java: tuple[float | None, float | None] = (None, None)
        if oracle is not None:
            oracle.bench(protocol, exi, 20_000)
            nanoseconds = oracle.bench(protocol, exi, 20_000)
            java = (nanoseconds[0] / 1000, nanoseconds[1] / 1000)
        peer: tuple[float | None, float | None] = (None, None)
        if josev is not None:
            times = josev.ask("bench", exi=exi.hex(), namespace=_NAMESPACES[protocol], loops=josev_loops)
            peer = (times[0] / 1000, times[1] / 1000)
        rows += [Row(name, way, ours[i], java[i], peer[i]) for i, way in enumerate(("decode", "encode"))]
    return rows


def table(rows: list[Row]) -> str:
    """The rows as text, with ratios."""

    def number(value: float | None, digits: int = 1) -> str:
        return f"{value:.{digits}f}" if value is not None else "-"

    lines = [
        f"{'us per message':26}{'ours':>8}{'EXIficient':>12}{'iso15118':>11}{'iso15118/ours':>15}{'C (quoted)':>12}"
    ]
    for row in rows:
        ratio = f"{row.josev_us / row.ours_us:.0f}x" if row.josev_us is not None else "-"
        quoted = QUOTED_C_US.get((row.name, row.direction))
        lines.append(
            f"{row.name + ' ' + row.direction:26}{number(row.ours_us):>8}{number(row.exificient_us):>12}"
            f"{number(row.josev_us):>11}{ratio:>15}{number(quoted, 2):>12}"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Prints the table. 0 always: limits are checked in test_exi_time.py."""
    parser = argparse.ArgumentParser(prog="exi_peers", description=__doc__)
    parser.add_argument("--no-josev", action="store_true", help="leave out the slow route of the package iso15118")
    options = parser.parse_args(arguments)
    oracle: ExiOracle | None = None
    josev: Josev | None = None
    try:
        oracle = ExiOracle()
        josev = None if options.no_josev else Josev()
    except OracleUnavailable as reason:
        print(f"not every peer is here: {reason}", file=sys.stderr)
    try:
        print(table(measure(oracle, josev)))
    finally:
        for peer in (oracle, josev):
            if peer is not None:
                peer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
