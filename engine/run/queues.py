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

    ``queue``: events waiting per machine. When it is full, ``when_full`` decides: ``refuse_newest`` (a flood cannot
    push out what happened before it) or ``drop_oldest``. Either way the loss is counted and noted, and the machine gets
    ``error.queue`` before everything that waits; if more was lost since, it gets another one when its queue has
    emptied. ``dropped`` is the number of losses not reported before, ``event`` the last of them. ``done.invoke`` and
    ``error.invoke`` are always taken; timers do not pass through the queue.

    *Urgent* events need no room among these and are never lost to them. As many of them again may wait. When there are
    more, a new one replaces the last waiting one of its name (which is counted as lost); when no other of its name
    waits, it is always taken. So the latest event of each name always arrives.
    """

    queue: int = 1000
    when_full: str = "refuse_newest"
    children: int = 256  # per machine
    depth: int = 12  # of machines in machines
    delayed_sends: int = 10_000  # per machine
    burst: int = 100_000  # events at one instant of a virtual clock


Note = Callable[[str, str, str, Mapping[str, Any] | None], None]


class Queues:
    """One queue per machine. Urgent events are taken first, then the others, each in the order they came, whichever
    machine they are for. What one machine sends another arrives in its order: an urgent event takes along what its
    sender sent before."""

    def __init__(self, limits: Limits, note: Note) -> None:
        self._limits = limits
        self._note = note
        self._order: deque[Actor] = deque()  # one entry per waiting event
        self._urgent: deque[tuple[Actor, Queued]] = deque()  # of all machines: there are never many

    def close(self, actor: Actor) -> list[Queued]:
        """A machine has ended: what still waited for it."""
        urgent = [queued for entry, queued in self._urgent if entry is actor]
        if urgent:
            self._urgent = deque(entry for entry in self._urgent if entry[0] is not actor)
        rest = list(actor.queue)
        if rest:
            actor.queue.clear()
            self._order = deque(entry for entry in self._order if entry is not actor)
        return urgent + rest

    def put(self, actor: Actor, queued: Queued) -> None:
        """Queue an event, or lose one as :class:`Limits` says."""
        queue = actor.queue
        if actor.urgency[queued.event.name]:
            self._put_urgent(actor, queue, queued)
            return
        if len(queue) >= self._limits.queue and not self._make_room(actor, queue, queued):
            return
        queue.append(queued)
        self._order.append(actor)

    def put_first(self, actor: Actor, queued: Queued) -> None:
        """Queue an event before everything that waits, in any case: for what the system itself has to say."""
        self._urgent.appendleft((actor, queued))

    def _put_urgent(self, actor: Actor, queue: deque[Queued], queued: Queued) -> None:
        if queue and queued.event.origin:
            before = self._take_from(actor, queue, queued.event.origin)
            self._urgent.extend((actor, one) for one in before)
        if len(self._urgent) >= self._limits.queue:
            waiting = [one for entry, one in self._urgent if entry is actor]
            name = queued.event.name
            same = next((one for one in reversed(waiting) if one.event.name == name), None)
            if len(waiting) >= self._limits.queue and same is not None:
                self._lose(actor, queue, same, len(waiting))
                same.event, same.sender, same.call_id = queued.event, queued.sender, queued.call_id
                return
        self._urgent.append((actor, queued))

    @property
    def is_urgent(self) -> bool:
        """Whether the event that is taken next is urgent."""
        return bool(self._urgent)

    @property
    def first_ns(self) -> int | None:
        """When the event came that is taken next; None when none waits."""
        if self._urgent:
            return self._urgent[0][1].at_ns
        return self._order[0].queue[0].at_ns if self._order else None

    def take(self) -> tuple[Actor, Queued]:
        """The event that goes first; there must be one."""
        if self._urgent:
            actor, queued = self._urgent.popleft()
        else:
            actor = self._order.popleft()
            queued = actor.queue.popleft()
        if actor.refused:
            self._tell(actor, actor.queue, queued)
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

        def wanted(entry: tuple[Actor, Queued]) -> bool:
            return entry[0] is actor and (origin is None or entry[1].event.origin == origin)

        urgent = [entry[1] for entry in self._urgent if wanted(entry)]
        if urgent:
            self._urgent = deque(entry for entry in self._urgent if not wanted(entry))
        return [queued.event for queued in urgent + self._take_from(actor, actor.queue, origin)]

    def _take_from(self, actor: Actor, queue: deque[Queued], origin: str | None) -> list[Queued]:
        """The same of those that are not urgent."""
        wanted = [origin is None or queued.event.origin == origin for queued in queue]
        if not any(wanted):
            return []
        found = [queued for queued, take in zip(queue, wanted, strict=True) if take]
        places = iter(wanted)
        self._order = deque(entry for entry in self._order if entry is not actor or not next(places))
        rest = [queued for queued, taken in zip(queue, wanted, strict=True) if not taken]
        queue.clear()
        queue.extend(rest)
        return found

    def waiting(self, actor: Actor) -> list[tuple[int, Queued]]:
        """The waiting events of a machine, each with its place among all that wait."""
        first = [(place, queued) for place, (entry, queued) in enumerate(self._urgent) if entry is actor]
        places = [place for place, entry in enumerate(self._order, len(self._urgent)) if entry is actor]
        return first + list(zip(places, actor.queue, strict=True))

    def busy(self) -> list[str]:
        """Paths of the machines for which something waits."""
        return sorted({actor.path for actor in (*self._order, *(actor for actor, _ in self._urgent))})

    def __len__(self) -> int:
        return len(self._order) + len(self._urgent)

    def _make_room(self, actor: Actor, queue: deque[Queued], queued: Queued) -> bool:
        """A full queue: what is lost is noted, the machine is told. True when the event may be queued after all."""
        if _stays(queued.event):
            return True
        drop_oldest = self._limits.when_full == "drop_oldest"
        lost, waiting = queued, len(queue)
        if drop_oldest:
            oldest = next((at for at, one in enumerate(queue) if not _stays(one.event)), None)
            if oldest is None:
                return True
            places = [place for place, entry in enumerate(self._order) if entry is actor]
            lost = queue[oldest]
            del queue[oldest], self._order[places[oldest]]
        self._lose(actor, queue, lost, waiting)
        return drop_oldest

    def _lose(self, actor: Actor, queue: deque[Queued], lost: Queued, waiting: int) -> None:
        """Count it, say so, and tell the machine when it is the first."""
        name = lost.event.name
        actor.refused += 1
        actor.lost = name
        if actor.refused == 1 or actor.refused % 1000 == 0:  # a flood does not flood the trace
            data = {"event": name, "dropped": actor.refused}
            self._note(actor.path, "queue_full", f"{name} lost: {waiting} events wait", data)
        if actor.refused == 1:
            queue.appendleft(Queued(_alarm(0, ""), queue[0].at_ns if queue else lost.at_ns))
            self._order.appendleft(actor)


def _alarm(dropped: int, event: str) -> Event:
    """The ``error.queue``; its numbers are filled in when it is taken."""
    return Event("error.queue", {"dropped": dropped, "event": event}, "platform")


def _is_alarm(event: Event) -> bool:
    return event.name == "error.queue" and event.type == "platform"


def _stays(event: Event) -> bool:
    """The alarm; the end of a child or a long action, of which there are no more than of these."""
    return event.type == "platform" and (bool(event.invokeid) or event.name == "error.queue")
