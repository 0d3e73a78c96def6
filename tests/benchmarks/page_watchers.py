"""So many watchers of a page, and a client that polls it: ``python -m tests.benchmarks.page_watchers HOST PORT N HZ``.

Each reads how things stand, as a browser does, then the stream, plainly and at once. Prints READY when all have begun;
when its input ends, one JSON list: the octets each has read, and last the answers the poller had.
"""

from __future__ import annotations

import asyncio
import json
import sys

POLLED = "/api/machines/evse"


async def get(host: str, port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request's answer, behind its head. Raises ``AssertionError`` when it is refused."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.partition(b"\r\n")[0], head
    return reader, writer


async def watch(host: str, port: int, read: list[int], number: int, begun: asyncio.Semaphore) -> None:
    """One watcher."""
    reader, writer = await get(host, port, "/api/state")
    await reader.read()
    writer.close()
    reader, writer = await get(host, port, "/api/stream")
    begun.release()
    while data := await reader.read(65_536):
        read[number] += len(data)


async def poll(host: str, port: int, read: list[int], hz: float) -> None:
    """Asks so often, whether or not the answer before has come in time."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        reader, writer = await get(host, port, POLLED)
        json.loads((await reader.read()).partition(b"\r\n\r\n")[2] or b"0")
        writer.close()
        read[-1] += 1
        due = max(due + 1 / hz, loop.time() - 1)
        await asyncio.sleep(due - loop.time())


async def main(host: str, port: int, count: int, hz: float) -> None:
    read, begun = [0] * (count + 1), asyncio.Semaphore(0)
    tasks = [asyncio.create_task(watch(host, port, read, n, begun)) for n in range(count)]
    for _ in range(count):
        await begun.acquire()
    tasks += [asyncio.create_task(poll(host, port, read, hz))] if hz else []
    print("READY", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    assert not [task for task in tasks if task.done()], "one has been left"
    print(json.dumps(read), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
