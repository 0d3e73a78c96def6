"""The Port of one adapter on a real event loop: contract-checked events, everything recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from engine.adapter import Adapter, Cancellable
from engine.language.values import check_fields
from engine.run.binding import shortcomings
from tests.slac.virtual_host import CONTRACTS


class RealPort:
    """Opens the adapter at once."""

    def __init__(self, adapter: Adapter, role: str) -> None:
        self.contract = CONTRACTS[adapter.contract]
        assert shortcomings(adapter, self.contract) == []
        self.role = role
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.errors: list[str] = []
        self.told: list[str] = []
        self.results: dict[str, Any] = {}
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        adapter.open(self)

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def emit(self, event: str, **payload: Any) -> None:
        definition = self.contract.events[event]
        self.events.append((event, check_fields(payload, definition.payload or {}, event)))

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Cancellable:
        return self._loop.call_later(delay_ns / 1e9, callback)

    def done(self, call_id: str, **result: Any) -> None:
        self.results[call_id] = result

    def failed(self, call_id: str, reason: str) -> None:
        self.results[call_id] = reason

    def error(self, message: str) -> None:
        self.errors.append(message)

    def tell(self, message: str, /, **data: Any) -> None:
        self.told.append(message)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(callback)

    def named(self, event: str) -> list[dict[str, Any]]:
        """Payloads of all events of this name so far."""
        return [payload for name, payload in self.events if name == event]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(f"{type(error).__name__}: {error}")
