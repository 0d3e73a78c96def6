"""The bounded event queues of all machines of a system, and the order in which their events are taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.run.actor import Actor, Queued
from engine.semantics.step import Event


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that no peer and no chart can exceed.

    ``queue``: events waiting per machine. When it is full, ``when_full`` decides: ``refuse_newest`` (what came first
    stays: a flood cannot push out what happened before it) or ``drop_oldest``. Either way the loss is counted and
    noted, and the machine gets ``error.queue`` before everything that waits, and, if more was lost since, once more
    when its queue has emptied: ``dropped`` is how many were lost that no other has told of, ``event`` the last of them.
    ``done.invoke`` and ``error.invoke`` are always taken; timers do not pass through it.
    """

    queue: int = 1000
    when_full: str = "refuse_newest"
    children: int = 256  # per machine
    depth: int = 12  # of machines in machines
    delayed_sends: int = 10_000  # per machine
    burst: int = 100_000  # events at one instant of a virtual clock


Note = Callable[[str, str, str, Mapping[str, Any] | None], None]


class Queues:
    """One queue per machine; events are taken in the order they came, whichever machine they are for."""

    def __init__(self, limits: Limits, note: Note) -> None:
        self._limits = limits
        self._note = note
        self._queues: dict[Actor, deque[Queued]] = {}
        self._order: deque[Actor] = deque()  # one entry per waiting event

    def open(self, actor: Actor) -> None:
        """A machine begins to take events."""
        self._queues[actor] = deque()

    def close(self, actor: Actor) -> list[Queued]:
        """A machine has ended: what still waited for it."""
        rest = self._queues.pop(actor)
        if rest:
            self._order = deque(entry for entry in self._order if entry is not actor)
        return list(rest)

    def put(self, actor: Actor, queued: Queued) -> None:
        """Queue an event, or lose one as :class:`Limits` says."""
        queue = self._queues[actor]
        if len(queue) >= self._limits.queue and not self._make_room(actor, queue, queued):
            return
        queue.append(queued)
        self._order.append(actor)

    def put_first(self, actor: Actor, queued: Queued) -> None:
        """Queue an event before everything that waits, in any case: for what the system itself has to say."""
        self._queues[actor].appendleft(queued)
        self._order.appendleft(actor)

    @property
    def first_ns(self) -> int | None:
        """When the first waiting event came; None when none waits."""
        return self._queues[self._order[0]][0].at_ns if self._order else None

    def take(self) -> tuple[Actor, Queued]:
        """The first waiting event; there must be one."""
        actor = self._order.popleft()
        queue = self._queues[actor]
        queued = queue.popleft()
        if actor.refused:
            self._tell(actor, queue, queued)
        return actor, queued

    def _tell(self, actor: Actor, queue: deque[Queued], queued: Queued) -> None:
        """Events were lost: the alarm says how many, when it is taken; another one follows if that was not all."""
        if _is_alarm(queued.event):
            queued.event = _alarm(actor.refused - actor.told, actor.lost)
            actor.told = actor.refused
        if queue:
            return
        if actor.told < actor.refused:
            queue.append(Queued(_alarm(0, ""), queued.at_ns))
            self._order.append(actor)
            return
        text = f"the queue is empty again; {actor.refused} events were lost"
        self._note(actor.path, "queue_full", text, None)
        actor.refused = actor.told = 0

    def take_from(self, actor: Actor, origin: str | None) -> list[Event]:
        """The waiting events of one sender (None: of all), out of turn."""
        queue = self._queues[actor]
        wanted = [origin is None or queued.event.origin == origin for queued in queue]
        if not any(wanted):
            return []
        found = [queued.event for queued, take in zip(queue, wanted, strict=True) if take]
        places = iter(wanted)
        self._order = deque(entry for entry in self._order if entry is not actor or not next(places))
        self._queues[actor] = deque(q for q, taken in zip(queue, wanted, strict=True) if not taken)
        return found

    def waiting(self, actor: Actor) -> list[tuple[int, Queued]]:
        """What waits for a machine, each with its place among all that waits."""
        places = [place for place, entry in enumerate(self._order) if entry is actor]
        return list(zip(places, self._queues.get(actor, ()), strict=False))

    def busy(self) -> list[str]:
        """Paths of the machines for which something waits."""
        return sorted({actor.path for actor in self._order})

    def __len__(self) -> int:
        return len(self._order)

    def _make_room(self, actor: Actor, queue: deque[Queued], queued: Queued) -> bool:
        """A full queue: what is lost is noted, the machine is told. True when the event may be queued after all."""
        if queued.event.type == "platform" and queued.event.invokeid:
            return True  # the end of a child: no more of these than there are children
        drop_oldest = self._limits.when_full == "drop_oldest"
        oldest = int(_is_alarm(queue[0].event))  # the alarm stays
        lost = queue[oldest].event if drop_oldest else queued.event
        actor.refused += 1
        actor.lost = lost.name
        if actor.refused == 1 or actor.refused % 1000 == 0:  # a flood does not flood the trace
            data = {"event": lost.name, "dropped": actor.refused}
            self._note(actor.path, "queue_full", f"{lost.name} lost: {len(queue)} events wait", data)
        if drop_oldest:
            places = [place for place, entry in enumerate(self._order) if entry is actor]
            del queue[oldest], self._order[places[oldest]]
        if actor.refused == 1:
            queue.appendleft(Queued(_alarm(0, ""), queue[0].at_ns if queue else queued.at_ns))
            self._order.appendleft(actor)
        return drop_oldest


def _alarm(dropped: int, event: str) -> Event:
    """The ``error.queue``; its numbers are filled in when it is taken."""
    return Event("error.queue", {"dropped": dropped, "event": event}, "platform")


def _is_alarm(event: Event) -> bool:
    return event.name == "error.queue" and event.type == "platform"
