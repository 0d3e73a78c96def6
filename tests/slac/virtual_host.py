"""A host for adapters without charts: virtual clock, contract-checked events, everything recorded."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from engine.adapter import Adapter, World
from engine.language.load.contract import load_contract
from engine.language.model import Contract
from engine.language.values import check_fields
from engine.run.binding import shortcomings

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
CONTRACTS: dict[str, Contract] = {
    contract.name: contract for contract in (load_contract(path) for path in sorted(ADAPTERS.rglob("*.contract.yaml")))
}


class Call:
    """A scheduled call."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run

    def cancel(self) -> None:
        self.run = lambda: None


class Clock:
    """Time of a test, with what is due."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._calls: list[tuple[int, int, Call]] = []
        self._order = itertools.count()

    def later(self, delay_ns: int, run: Callable[[], None]) -> Call:
        call = Call(run)
        heapq.heappush(self._calls, (self.now_ns + delay_ns, next(self._order), call))
        return call

    def advance(self, duration_ns: int) -> None:
        """Run everything due within the duration."""
        end_ns = self.now_ns + duration_ns
        while self._calls and self._calls[0][0] <= end_ns:
            self.now_ns, _, call = heapq.heappop(self._calls)
            call.run()
        self.now_ns = end_ns


class VirtualPort:
    """The Port of one adapter: opens it, checks every event against the contract, keeps them in ``events``."""

    def __init__(self, adapter: Adapter, clock: Clock, role: str) -> None:
        self.contract = CONTRACTS[adapter.contract]
        assert shortcomings(adapter, self.contract) == []
        self.clock = clock
        self.role = role
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.errors: list[str] = []
        self.told: list[str] = []
        self.results: dict[str, Any] = {}
        adapter.open(self)

    def now_ns(self) -> int:
        return self.clock.now_ns

    def emit(self, event: str, **payload: Any) -> None:
        definition = self.contract.events[event]
        self.events.append((event, check_fields(payload, definition.payload or {}, event)))

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Call:
        return self.clock.later(delay_ns, callback)

    def done(self, call_id: str, **result: Any) -> None:
        self.results[call_id] = result

    def failed(self, call_id: str, reason: str) -> None:
        self.results[call_id] = reason

    def error(self, message: str) -> None:
        self.errors.append(message)

    def tell(self, message: str, /, **data: Any) -> None:
        self.told.append(message)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        work.close()
        raise AssertionError("a simulated adapter spawns nothing")

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        callback()

    def named(self, event: str) -> list[dict[str, Any]]:
        """Payloads of all events of this name so far."""
        return [payload for name, payload in self.events if name == event]


def new_world() -> World:
    return World()
