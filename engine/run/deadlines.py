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
        if self.cancelled:
            return
        self.cancelled = True
        deadlines = self.deadlines
        deadlines.dead += 1
        if deadlines.dead > 64 and deadlines.dead * 2 > len(deadlines.heap):
            deadlines.sweep()


class Deadlines:
    """All deadlines of a system. ``heap`` and ``dead`` (how many in it are cancelled) are for :class:`Deadline`."""

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, Deadline]] = []
        self.dead = 0
        self._sequence = 0

    def add(self, due_ns: int, run: Callable[[], None]) -> Deadline:
        """Add a deadline; of equal times the first added comes first."""
        self._sequence += 1
        deadline = Deadline(self, due_ns, self._sequence, run)
        heapq.heappush(self.heap, (due_ns, self._sequence, deadline))
        return deadline

    def next_ns(self) -> int | None:
        """When the next one is due; None when there is none."""
        heap = self.heap
        while heap and heap[0][2].cancelled:
            heapq.heappop(heap)
            self.dead -= 1
        return heap[0][0] if heap else None

    def pop(self) -> Deadline:
        """Take the next one out; ``next_ns`` must have said there is one."""
        deadline = heapq.heappop(self.heap)[2]
        deadline.cancelled = True
        return deadline

    def sweep(self) -> None:
        """Most of the heap is dead: drop that, so that timers restarted for ever cost nothing."""
        self.heap = [entry for entry in self.heap if not entry[2].cancelled]
        heapq.heapify(self.heap)
        self.dead = 0

    def __len__(self) -> int:
        return len(self.heap) - self.dead
