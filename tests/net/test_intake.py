"""What is taken of what anybody may send: portions, budgets, counts."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable
from typing import Any

import pytest

from adapters.intake import Intake, Limits
from tests.slac.virtual_host import Clock

MS, S = 1_000_000, 1_000_000_000


class Around:
    """A port's clock and ears."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.errors: list[str] = []
        self.told: list[tuple[str, dict[str, Any]]] = []

    def now_ns(self) -> int:
        return self.clock.now_ns

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Any:
        return self.clock.later(delay_ns, callback)

    def error(self, message: str) -> None:
        self.errors.append(message)

    def tell(self, message: str, /, **data: Any) -> None:
        self.told.append((message, data))


def test_a_flood_from_one_source_leaves_the_others_alone() -> None:
    """A vehicle that asks 4 times a second is heard every time beside 8,000 datagrams a second of somebody else."""
    around = Around()
    intake = Intake("here", "datagrams", Limits(per_source=20, new_sources=100), around)
    taken = {"flood": 0, "vehicle": 0}
    for number in range(16_000):
        around.clock.advance(S // 8000)
        taken["flood"] += intake.admits("flood")
        if number % 2000 == 0:
            taken["vehicle"] += intake.admits("vehicle")
    assert taken == {"flood": 20 + 2 * 20 - 1, "vehicle": 8}
    assert (intake.received, intake.dropped) == (16_008, 16_008 - sum(taken.values()))


def test_made_up_sources_share_one_budget_and_a_known_one_keeps_its_own() -> None:
    """Who changes his address with every datagram is taken for a crowd; who was there before is not affected."""
    around = Around()
    intake = Intake("here", "frames", Limits(per_source=20, new_sources=100, sources=150), around)
    assert intake.admits("vehicle")
    around.clock.advance(S)
    taken = heard = 0
    for number in range(8000):
        around.clock.advance(S // 8000)
        taken += intake.admits(("made up", number))
        if number % 400 == 0:
            heard += intake.admits("vehicle")
    assert 190 <= taken <= 200  # what was saved up, and a second's worth
    assert heard == 20
    assert len(intake._known) == 150


def test_a_flood_is_told_when_it_begins_and_when_it_is_over() -> None:
    """Two lines for a flood of any length; the second has the numbers. The next flood is told again."""
    around = Around()
    intake = Intake("eth1, UDP port 15118", "datagrams", Limits(per_source=10, new_sources=10), around)
    for _ in range(2):
        around.told.clear()
        for _ in range(5000):
            around.clock.advance(MS)
            intake.admits("fe80::1")
        assert [text for text, _ in around.told] == [
            "eth1, UDP port 15118: flooded, more than 10 datagrams/s of fe80::1; what is over is dropped"
        ]
        around.clock.advance(2 * S)
        text, data = around.told[1]
        assert "the flood is over after 5.0 s" in text
        assert 4980 <= data["received"] <= 5000
        assert 4930 <= data["dropped"] <= 4990
        assert len(around.told) == 2
        around.clock.advance(60 * S)


@pytest.mark.parametrize("breaks", [False, True])
def test_reading_yields_after_a_batch(breaks: bool) -> None:
    """A socket that always has something does not keep anything else of the loop waiting, also when handling fails."""
    around = Around()

    async def test() -> None:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.setblocking(False)
        intake = Intake("here", "datagrams", Limits(batch=8), around)
        loop = asyncio.get_running_loop()
        turns: list[int] = []
        seen = 0

        def item() -> None:
            nonlocal seen
            one.recv(10)
            other.send(b"x")  # there is always another
            seen += 1
            if breaks:
                raise ValueError("a fault of ours")

        def turn() -> None:
            turns.append(seen)
            if len(turns) < 20:
                loop.call_soon(turn)

        other.send(b"x")
        reading = loop.create_task(intake.read(one, item))
        await asyncio.sleep(0)
        turn()
        while len(turns) < 20:
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        other.send(b"x")
        before = seen
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == before  # cancelled: nothing is read any more
        assert max(later - earlier for earlier, later in itertools.pairwise(turns)) == 8
        one.close()
        other.close()

    asyncio.run(test())
    assert around.errors[:1] == (["here: ValueError: a fault of ours"] if breaks else [])
