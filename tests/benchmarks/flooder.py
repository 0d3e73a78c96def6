"""Floods of one kind, for measurements and tests: ``python -m tests.benchmarks.flooder KIND IF SECONDS PER_SECOND``.

To be run in a namespace made by the test. ``sdp``: datagrams to the station's port; ``slac``: CM_SLAC_PARM.REQ;
``tcp``: connections that say nothing, rubbish or half a message, each closed a second later; ``tls``: PER_SECOND is how
many connections without a ClientHello there are, held open from our side. Prints how much it was.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable

from adapters import v2gtp
from adapters.slac import frames as f
from adapters.slac.packet import PacketSocket
from tests.benchmarks.vehicle_client import SDP, discover

SAYS = (b"", os.urandom(40), v2gtp.encode(v2gtp.PayloadType.SAP, bytes(30))[:20])
TLS_PORT = 61852


def paced(one: Callable[[], object], seconds: float, per_second: int) -> int:
    """Do it so often, evenly in steps of 2 ms; what the machine cannot do is left out. How often it was."""
    done, start = 0, time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        due = int(now * per_second)
        for _ in range(min(due - done, per_second // 10 + 1)):
            with contextlib.suppress(OSError):
                one()
        done = due
        time.sleep(0.002)
    return done


def sdp(interface: str, seconds: float, per_second: int) -> int:
    """Requests from one socket."""
    scope = socket.if_nametoindex(interface)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
    udp.connect((*SDP, 0, scope))
    request = v2gtp.encode(v2gtp.PayloadType.SDP_REQUEST, b"\x10\x00")
    return paced(lambda: udp.send(request), seconds, per_second)


def slac(interface: str, seconds: float, per_second: int) -> int:
    """Frames of one MAC."""
    raw = PacketSocket(interface)
    frame = f.CmSlacParmReq(f.BROADCAST, bytes.fromhex("020000000bad"), bytes(8)).encode()
    return paced(lambda: raw.send(frame), seconds, per_second)


def address_of(interface: str, port: int = 0) -> tuple[str, int, int, int]:
    """The station's."""
    host, plain = discover(interface)
    return host, port or plain, 0, socket.if_nametoindex(interface)


def tcp(interface: str, seconds: float, per_second: int) -> int:
    """Connections of all bad manners."""
    address = address_of(interface)
    open_: list[socket.socket] = []

    def one() -> None:
        made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        made.setblocking(False)
        made.connect_ex(address)
        open_.append(made)
        if len(open_) > per_second // 2:
            with contextlib.suppress(OSError):
                open_[-10].send(SAYS[len(open_) % 3])
        if len(open_) > per_second:
            open_.pop(0).close()

    return paced(one, seconds, per_second)


def tls(interface: str, seconds: float, held: int) -> int:
    """Connections that say nothing."""
    address = address_of(interface, TLS_PORT)
    open_: list[socket.socket] = []

    def one() -> None:
        if len(open_) < held:
            made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            made.setblocking(False)
            made.connect_ex(address)
            open_.append(made)

    paced(one, seconds, 500)
    return len(open_)


if __name__ == "__main__":
    kind, where, how_long, how_much = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    print(kind, {"sdp": sdp, "slac": slac, "tcp": tcp, "tls": tls}[kind](where, how_long, how_much))
