"""``fault``: do one wrong thing in a session with a station, and report how the station took it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from adapters.v2g.commands.flow import add_station, take, vehicle_at
from adapters.v2g.commands.vehicle import ENERGIES, MinimalVehicle, StationError, address_of

_DESCRIPTION = """Charges like flow up to --at, does there what --kind says, and tells what the station answers. A
session that survives is gone on with to its end. Then new connections ask for a new session, until --next is over: exit
code 0 when the station serves one, 1 when it does not. After a whole session it does when the plug was out. Kinds: """

Injection = Callable[[MinimalVehicle, bytes, argparse.Namespace], None]
FIRST_EXI = 8
"""Where the EXI document begins in a V2GTP message."""


def _resized(frame: bytes, exi: bytes) -> bytes:
    return frame[:4] + len(exi).to_bytes(4, "big") + exi


def _corrupt(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """every octet of the EXI document inverted, then the right request"""
    vehicle.send(frame[:FIRST_EXI] + bytes(octet ^ 0xFF for octet in frame[FIRST_EXI:]))
    vehicle.send(frame)


def _cut(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """half of the EXI document under its own length, then the right request"""
    exi = frame[FIRST_EXI:]
    vehicle.send(_resized(frame, exi[: len(exi) // 2]))
    vehicle.send(frame)


def _duplicate(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """the request, its answer, and the same request again"""
    vehicle.send(frame)
    if vehicle.hear() is None:
        raise StationError("the station closed the connection at the first of the two")
    vehicle.send(frame)


def _bad_header(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """V2GTP version 2"""
    vehicle.send(b"\x02\xfd" + frame[2:])


def _too_long(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """a V2GTP header that announces 4 GB"""
    vehicle.send(frame[:4] + b"\xff\xff\xff\xff" + frame[FIRST_EXI:])


def _unknown_payload(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """a payload type nobody knows, then the right request"""
    vehicle.send(frame[:2] + b"\x77\x77" + frame[4:])
    vehicle.send(frame)


def _split(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """one octet per TCP segment"""
    for octet in frame:
        vehicle.send(bytes([octet]))


def _pause(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """half of the request, nothing for --pause seconds, the other half"""
    vehicle.send(frame[: len(frame) // 2])
    time.sleep(options.pause)  # the fault itself, on the real clock
    vehicle.send(frame[len(frame) // 2 :])


def _silence(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """nothing at all for --pause seconds, then the request"""
    time.sleep(options.pause)  # the fault itself, on the real clock
    vehicle.send(frame)


def _wrong_session(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """the request with the id of another session"""
    vehicle.send(vehicle.frame(options.at, session_id=b"\xde\xad\xbe\xef\xde\xad\xbe\xef"))


def _out_of_order(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """WeldingDetectionReq (CableCheckReq after the charge) in place of the request; in AC SessionSetupReq"""
    if options.energy == "ac":
        vehicle.send(vehicle.frame("SessionSetup"))
        return
    late = vehicle.steps.index(options.at) > vehicle.steps.index("CurrentDemand")
    vehicle.send(vehicle.frame("CableCheck" if late else "WeldingDetection"))


def _close(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """the connection closed by FIN"""
    vehicle.close()


def _reset(vehicle: MinimalVehicle, frame: bytes, options: argparse.Namespace) -> None:
    """the connection closed by RST"""
    vehicle.close(reset=True)


ALL_STEPS = tuple(dict.fromkeys(step for steps in ENERGIES.values() for step in steps))
TRY_EVERY_S = 0.5
"""Pause between two tries to get a next session."""

KINDS: dict[str, Injection] = {
    "corrupt-exi": _corrupt,
    "cut-exi": _cut,
    "duplicate": _duplicate,
    "bad-header": _bad_header,
    "too-long": _too_long,
    "unknown-payload": _unknown_payload,
    "split": _split,
    "pause": _pause,
    "silence": _silence,
    "wrong-session": _wrong_session,
    "out-of-order": _out_of_order,
    "close": _close,
    "reset": _reset,
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``fault``."""
    kinds = "; ".join(f"{name}: {inject.__doc__}" for name, inject in KINDS.items())
    parser = subparsers.add_parser("fault", help="do something wrong at a station", description=_DESCRIPTION + kinds)
    add_station(parser)
    parser.add_argument("--kind", required=True, choices=list(KINDS), help="what is wrong")
    parser.add_argument("--at", choices=ALL_STEPS, default="ServiceDiscovery", help="where (default: ServiceDiscovery)")
    parser.add_argument("--pause", type=float, default=3.0, metavar="S", help="for pause and silence (default: 3 s)")
    parser.add_argument(
        "--next", type=float, default=20.0, metavar="S", help="how long to try for the next session (default: 20 s)"
    )
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """0 when the station serves a new session afterwards, 1 when not, or when the session did not get to --at."""
    try:
        to = address_of(options.to)
    except ValueError as error:
        options.parser.error(str(error))
    if options.at not in ENERGIES[options.energy]:
        options.parser.error(f"--at {options.at}: a session in {options.energy.upper()} has no such request")
    try:
        vehicle = vehicle_at(to, options)
        for step in vehicle.steps[: vehicle.steps.index(options.at)]:
            take(vehicle, step, options.loops)
    except (StationError, OSError) as error:
        print(f"before the fault: {error}", file=sys.stderr)
        return 1
    print(f"{options.kind} at {options.at}: {KINDS[options.kind].__doc__}", flush=True)
    try:
        _inject(vehicle, options)
    except (StationError, OSError) as error:
        print(f"the station ended the session: {error}")
    finally:
        vehicle.close()
    return _serves(to, options)


def _inject(vehicle: MinimalVehicle, options: argparse.Namespace) -> None:
    KINDS[options.kind](vehicle, vehicle.frame(options.at), options)
    if options.kind in ("close", "reset"):
        return
    body = vehicle.answer(options.at)
    print(f"the station answered {body.ResponseCode}", flush=True)
    vehicle.give_receipt()
    if options.at in ("Authorization", "CableCheck", "PreCharge"):
        take(vehicle, options.at, options.loops)
    for step in vehicle.steps[vehicle.steps.index(options.at) + 1 :]:
        take(vehicle, step, options.loops)
    print("the session survived and was complete")


def _serves(to: tuple[str, int], options: argparse.Namespace) -> int:
    """Whether a new connection gets a new session, once the outlet takes one: it may rest, or want the plug pulled."""
    until = time.monotonic() + options.next
    while (error := _refusal(to, options)) is not None:
        if time.monotonic() >= until:
            print(f"the station does not serve the next session within {options.next:g} s: {error}", file=sys.stderr)
            return 1
        time.sleep(TRY_EVERY_S)
    print("the station serves the next session")
    return 0


def _refusal(to: tuple[str, int], options: argparse.Namespace) -> Exception | None:
    """Why the station does not take a session now."""
    try:
        vehicle = vehicle_at(to, options)
        try:
            for step in ("supportedAppProtocol", "SessionSetup", "SessionStop"):
                vehicle.ask(step)
        finally:
            vehicle.close()
    except (StationError, OSError) as error:
        return error
    return None
