"""``python -m adapters.slac line``: a simulated power line for other processes (see hub.py)."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from adapters.slac.faults import parse_rules
from adapters.slac.hub import Hub
from adapters.slac.line import LineConfig, PowerLine
from adapters.slac.modem import ModemConfig
from adapters.slac.settings import side_of
from engine.adapter import AdapterError

MS = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0 when ended by a signal, 1 when an interface cannot be had, 2 for a wrong argument."""
    options = _parser().parse_args(arguments)
    try:
        rules = parse_rules(options.fault)
        joins = [_join(text) for text in options.iface]
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    config = LineConfig(own_dB=options.own_dB, neighbour_dB=options.neighbour_dB, join_ns=options.join_ms * MS)
    modem = ModemConfig(set_key_result=options.set_key_result, deaf_ns=options.deaf_ms * MS)
    hub = Hub(PowerLine(config, options.seed, rules), modem, lambda text: print(text, flush=True))
    try:
        asyncio.run(_serve(hub, options.socket, joins))
    except AdapterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(hub: Hub, path: str, joins: list[tuple[str, str, str]]) -> None:
    task = asyncio.ensure_future(hub.serve(path))  # first, so that the line is open before a host joins
    for host, interface, cable in joins:
        hub.join_interface(host, interface, cable, side_of("auto", host))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _join(text: str) -> tuple[str, str, str]:
    host, equals, rest = text.partition("=")
    interface, _, cable = rest.partition(":")
    if not (host and equals and interface):
        raise ValueError(f"--iface {text}: expected HOST=INTERFACE[:CABLE], such as pev=veth0:1")
    return host, interface, cable or "1"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adapters.slac", description="Tools of the SLAC adapters.")
    commands = parser.add_subparsers(required=True)
    line = commands.add_parser("line", help="a simulated power line for other processes")
    line.add_argument("--socket", required=True, metavar="PATH", help="UNIX socket clients connect to")
    line.add_argument(
        "--iface",
        action="append",
        default=[],
        metavar="HOST=INTERFACE[:CABLE]",
        help="join the host behind this interface (one end of a veth pair); pev in its name makes it a vehicle",
    )
    line.add_argument("--fault", default="", metavar="RULES", help="packet faults, such as drop:CM_ATTEN_CHAR.IND:1")
    line.add_argument("--seed", type=int, default=0)
    line.add_argument("--own-dB", type=float, default=9.0, help="attenuation on one cable (9)")
    line.add_argument("--neighbour-dB", type=float, default=35.0, help="attenuation between cables (35)")
    line.add_argument("--deaf-ms", type=int, default=1000, help="silence of a modem after a new key (1000)")
    line.add_argument("--join-ms", type=int, default=1000, help="time modems with one key need to join (1000)")
    line.add_argument("--set-key-result", type=int, default=1, help="octet in CM_SET_KEY.CNF: 1 as a QCA7000, 0")
    return parser


if __name__ == "__main__":
    sys.exit(main())
