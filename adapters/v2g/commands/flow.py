"""``flow``: one DC session with a station, by a minimal vehicle."""

from __future__ import annotations

import argparse
import sys

from adapters.v2g.commands.vehicle import STEPS, MinimalVehicle, StationError, address_of

_DESCRIPTION = """Connects to a station and charges: supportedAppProtocol to SessionStop, with one line per answer, its
ResponseCode and its time. A smoke test: whatever is not OK ends it with exit code 1. The pilot is not touched; the
station has to see state C by itself (engine run machines/evse_dc.yaml --iface IF --link ethernet does)."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``flow``."""
    parser = subparsers.add_parser("flow", help="charge at a station with a minimal vehicle", description=_DESCRIPTION)
    add_station(parser)
    parser.set_defaults(run=run, parser=parser)


def add_station(parser: argparse.ArgumentParser) -> None:
    """The options of both commands that talk to a station."""
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help="the station, e.g. [fe80::1%%eth0]:61851")
    parser.add_argument("--protocol", choices=("din", "iso2"), default="iso2", help="default: iso2")
    parser.add_argument("--loops", type=int, default=10, metavar="N", help="CurrentDemand requests (default: 10)")
    parser.add_argument("--wait", type=float, default=5.0, metavar="S", help="for each answer (default: 5 s)")


def run(options: argparse.Namespace) -> int:
    """0 when the session was complete, 1 when not, 2 for a wrong address."""
    try:
        to = address_of(options.to)
    except ValueError as error:
        options.parser.error(str(error))
    try:
        vehicle = MinimalVehicle(to, options.protocol, wait_s=options.wait)
    except OSError as error:
        print(f"{options.to}: {error}", file=sys.stderr)
        return 1
    try:
        for step in STEPS:
            take(vehicle, step, options.loops)
    except (StationError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        vehicle.close()
    print("session complete")
    return 0


def take(vehicle: MinimalVehicle, step: str, loops: int) -> None:
    """One step, and its line."""
    times: list[float] = []
    code = ""
    for body, seconds in vehicle.take(step, loops):
        times.append(seconds * 1000.0)
        code = body.ResponseCode
    often = f" ({len(times)} times, slowest {max(times):.1f} ms)" if len(times) > 1 else ""
    print(f"{step:26} {code:32} {times[-1]:7.1f} ms{often}", flush=True)
