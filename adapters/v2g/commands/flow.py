"""``flow``: one session with a station, in DC or AC, by a minimal vehicle."""

from __future__ import annotations

import argparse
import sys

from adapters.v2g.commands.vehicle import ENERGIES, MinimalVehicle, StationError, address_of
from adapters.v2g.dialects import dialect

_DESCRIPTION = """Connects to a station and charges: supportedAppProtocol to SessionStop, with one line per answer, its
ResponseCode and its time. A smoke test: whatever is not OK ends it with exit code 1. The pilot is not touched; the
station has to see state C by itself (engine run machines/evse_dc.yaml or evse_ac.yaml --iface IF --link ethernet
does)."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``flow``."""
    parser = subparsers.add_parser("flow", help="charge at a station with a minimal vehicle", description=_DESCRIPTION)
    add_station(parser)
    parser.set_defaults(run=run, parser=parser)


def add_station(parser: argparse.ArgumentParser) -> None:
    """The options of both commands that talk to a station."""
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help="the station, e.g. [fe80::1%%eth0]:61851")
    parser.add_argument("--protocol", choices=("din", "iso2"), default="iso2", help="default: iso2")
    parser.add_argument("--energy", choices=list(ENERGIES), default="dc", help="ac: ISO 15118-2 alone (default: dc)")
    parser.add_argument("--phases", type=int, choices=(1, 3), default=3, help="of ac (default: 3)")
    parser.add_argument(
        "--loops", type=int, default=10, metavar="N", help="CurrentDemand or ChargingStatus requests (default: 10)"
    )
    parser.add_argument("--wait", type=float, default=5.0, metavar="S", help="for each answer (default: 5 s)")


def vehicle_at(to: tuple[str, int], options: argparse.Namespace) -> MinimalVehicle:
    """A vehicle as the options say. Raises ``OSError`` when it cannot connect."""
    if options.energy == "ac" and "ChargingStatusReq" not in dialect(options.protocol).writes_requests:
        options.parser.error("--energy ac: DIN SPEC 70121 knows no AC session")
    return MinimalVehicle(to, options.protocol, energy=options.energy, phases=options.phases, wait_s=options.wait)


def run(options: argparse.Namespace) -> int:
    """0 when the session was complete, 1 when not, 2 for a wrong address."""
    try:
        to = address_of(options.to)
    except ValueError as error:
        options.parser.error(str(error))
    try:
        vehicle = vehicle_at(to, options)
    except OSError as error:
        print(f"{options.to}: {error}", file=sys.stderr)
        return 1
    try:
        for step in vehicle.steps:
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
