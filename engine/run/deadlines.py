"""The deadlines of a system: one heap, ordered by time, then by the order in which they were set."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Deadline:
    """A call due at ``due_ns``. Cancelling only marks it; the heap drops it later."""

    __slots__ = ("cancelled", "deadlines", "due_ns", "run", "sequence")

    def __init__(self, deadlines: Deadlines, due_ns: int, sequence: int, run: Callable[[], None]) -> None:
        self.deadlines = deadlines
        self.due_ns = due_ns
        self.sequence = sequence
        self.run = run
        self.cancelled = False

    def cancel(self) -> None:
        """Take it back; harmless when it has run."""
        if not self.cancelled:
            self.cancelled = True
            self.deadlines.forget()


class Deadlines:
    """All deadlines of a system."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Deadline]] = []
        self._sequence = 0
        self._dead = 0

    def add(self, due_ns: int, run: Callable[[], None]) -> Deadline:
        """Add a deadline; of equal times the first added comes first."""
        self._sequence += 1
        deadline = Deadline(self, due_ns, self._sequence, run)
        heapq.heappush(self._heap, (due_ns, self._sequence, deadline))
        return deadline

    def next_ns(self) -> int | None:
        """When the next one is due; None when there is none."""
        heap = self._heap
        while heap and heap[0][2].cancelled:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def pop(self) -> Deadline:
        """Take the next one out; ``next_ns`` must have said there is one."""
        deadline = heapq.heappop(self._heap)[2]
        deadline.cancelled = True
        return deadline

    def forget(self) -> None:
        """Note that a deadline was cancelled. The heap is swept when most of it is dead, so timers restarted for ever
        cost nothing."""
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[2].cancelled]
            heapq.heapify(self._heap)
            self._dead = 0

    def __len__(self) -> int:
        return len(self._heap) - self._dead
