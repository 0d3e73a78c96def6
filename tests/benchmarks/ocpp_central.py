"""A central system in a process of its own, that accepts everything: for benchmarks of charge points."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

CARD = {"status": "Accepted"}


def more_files() -> None:
    """As many connections as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def central() -> Iterator[Central]:
    """It runs while the block does."""
    mine, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(its,), daemon=True)
    process.start()
    try:
        yield Central(mine, mine.recv())
    finally:
        process.kill()  # it keeps nothing; asked to end, it would wait for lines that nobody closes
        process.join()


class Central:
    """The other end of it."""

    def __init__(self, line: Connection, url: str) -> None:
        self._line, self.url = line, url

    def heard(self) -> tuple[Counter[str], list[float]]:
        """How many messages of each kind; when (monotonic seconds of this machine) MeterValues came."""
        self._line.send("heard")
        heard: tuple[Counter[str], list[float]] = self._line.recv()
        return heard

    def statuses(self) -> dict[tuple[str, str], float]:
        """When (as above) each charge point, by its path, last told that it has a status."""
        self._line.send("statuses")
        statuses: dict[tuple[str, str], float] = self._line.recv()
        return statuses


def _serve(line: Connection) -> None:
    more_files()
    asyncio.run(_served(line))


async def _served(line: Connection) -> None:
    counts: Counter[str] = Counter()
    times: list[float] = []
    statuses: dict[tuple[str, str], float] = {}
    numbers = iter(range(1, 10**9))

    def answer(action: str) -> dict[str, Any]:
        if action in ("BootNotification", "Heartbeat"):
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            return {"currentTime": now} | ({} if action == "Heartbeat" else {"status": "Accepted", "interval": 60})
        if action == "StartTransaction":
            return {"transactionId": next(numbers), "idTagInfo": CARD}
        return {"idTagInfo": CARD} if action == "Authorize" else {}

    async def talk(peer: ServerConnection) -> None:
        peer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionClosed):
            async for text in peer:
                frame = json.loads(text)
                if frame[0] == 2:
                    hear(peer.request.path if peer.request else "", frame[2], frame[3])
                    await peer.send(json.dumps([3, frame[1], answer(frame[2])]))

    def hear(path: str, action: str, payload: dict[str, Any]) -> None:
        counts[action] += 1
        if action == "MeterValues":
            times.append(time.monotonic())
        if action == "StatusNotification":
            statuses[path, payload["status"]] = time.monotonic()

    async with serve(
        talk, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], compression=None, ping_interval=None, backlog=2048
    ) as server:
        line.send(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
        loop = asyncio.get_running_loop()
        while True:
            asked = await loop.run_in_executor(None, line.recv)
            line.send(statuses if asked == "statuses" else (counts, times))
