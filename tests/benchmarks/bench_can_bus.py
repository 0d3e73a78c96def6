"""``python -m tests.benchmarks.bench_can_bus``: what a full bus costs beside python-can's own Notifier, in one run.

Another process sends 3,800 frames of 29 bits and 8 octets a second, as a full bus of 500 kbit/s has, on
``udp_multicast`` (with ``--virtual`` a thread of this process on ``virtual``, whose own work is then in both figures).
Processor time of this process per frame: a Notifier with an empty callback, and the adapter ``can_bus`` on an event
loop, which hands every frame to its roles. Ends with 1 when ours is more than 1.5 times the Notifier's or a frame was
lost.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import can

from adapters.can.frame import Frame
from adapters.can.python_can import PythonCanBus
from engine.adapter import World
from tests.slac.real_port import RealPort

RATE = 3800
SECONDS = 4.0
LIMIT = 1.5
GROUP = "239.74.163.2"


def send(kind: str, channel: str, options: dict[str, Any], count: int) -> None:
    """Send ``count`` frames at the rate of a full bus."""
    with can.Bus(channel, kind, **options) as bus:
        message = can.Message(arbitration_id=0x0283F001, data=bytes(range(8)))
        start = time.monotonic()
        for number in range(count):
            while (early := start + number / RATE - time.monotonic()) > 0:
                time.sleep(early)
            bus.send(message)


def sender(kind: str, channel: str, options: dict[str, Any], count: int) -> Callable[[], None]:
    """Begin to send, in another process where the bus reaches one; the result waits for the end."""
    if kind == "virtual":
        worker: Any = threading.Thread(target=send, args=(kind, channel, options, count))
    else:
        worker = multiprocessing.get_context("spawn").Process(target=send, args=(kind, channel, options, count))
    worker.start()
    return worker.join  # type: ignore[no-any-return]


def notifier(kind: str, channel: str, options: dict[str, Any], count: int) -> tuple[float, int]:
    """Processor time in seconds and frames, by python-can's Notifier."""
    got = 0

    def callback(message: can.Message) -> None:
        nonlocal got
        got += 1

    with can.Bus(channel, kind, **options) as bus:
        reader = can.Notifier(bus, [callback], timeout=0.2)
        before = time.process_time()
        sender(kind, channel, options, count)()
        _settle(lambda: got, count)
        spent = time.process_time() - before
        reader.stop()
    return spent, got


def adapter(kind: str, channel: str, options: dict[str, Any], count: int) -> tuple[float, int]:
    """The same by our adapter."""

    async def work() -> tuple[float, int]:
        got = 0

        def receiver(frame: Frame) -> None:
            nonlocal got
            got += 1

        written = ",".join(f"{key}={value}" for key, value in options.items())
        settings = {"node": "evse", "interface": kind, "channel": channel, "options": written}
        bus = PythonCanBus(settings, World())
        port = RealPort(bus, "evse.bus")
        assert bus._node is not None
        bus._node.subscribe(receiver)
        bus.connect()
        while not port.named("connected"):
            await asyncio.sleep(0.01)
        before = time.process_time()
        await asyncio.to_thread(sender(kind, channel, options, count))
        for _ in range(100):
            if got >= count:
                break
            await asyncio.sleep(0.05)
        spent = time.process_time() - before
        bus.close()
        return spent, got

    return asyncio.run(work())


def _settle(got: Callable[[], int], count: int) -> None:
    for _ in range(100):
        if got() >= count:
            return
        time.sleep(0.05)


def _print(what: str, spent: float, got: int, count: int) -> None:
    share = 100 * spent / SECONDS
    print(f"{what:26} {spent / count * 1e6:5.1f} us a frame, {share:4.1f} % of a core, {got} of {count} frames")


def main() -> int:
    """Print the figures; 1 when the limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--virtual", action="store_true", help="python-can's virtual bus instead of udp_multicast")
    kind = "virtual" if parser.parse_args().virtual else "udp_multicast"
    options: dict[str, Any] = {}
    channel = f"bench-{os.getpid()}"
    if kind == "udp_multicast":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("", 0))
            options["port"] = probe.getsockname()[1]
        channel = GROUP
    count = round(RATE * SECONDS)
    theirs, ours, lost = float("inf"), float("inf"), 0
    for _ in range(2):  # in turns, the better of two each
        spent, got = notifier(kind, channel, options, count)
        theirs = min(theirs, spent)
        _print("Notifier, empty callback", spent, got, count)
        spent, got = adapter(kind, channel, options, count)
        ours, lost = min(ours, spent), lost + count - got
        _print("can_bus", spent, got, count)
    print(f"{kind}: {ours / theirs:.2f} times the Notifier (limit {LIMIT:g}), {lost} frames lost")
    return int(ours > LIMIT * theirs or lost > 0)


if __name__ == "__main__":
    sys.exit(main())
