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
    """The waiting events of all machines. Urgent events are taken first, then the others, each in the order they came,
    whichever machine they are for. What one machine sends another arrives in its order: an urgent event takes along
    what its sender sent before. A machine knows how many wait for it (``Actor.waiting``, without the urgent ones)."""

    def __init__(self, limits: Limits, note: Note) -> None:
        self._limits = limits
        self._note = note
        self._order: deque[Queued] = deque()
        self._urgent: deque[Queued] = deque()

    def close(self, actor: Actor) -> list[Queued]:
        """A machine has ended: what still waited for it."""
        return self._urgent_of(actor, lambda _: True) + self._others_of(actor, lambda _: True)

    def put(self, queued: Queued) -> None:
        """Queue an event, or lose one as :class:`Limits` says."""
        actor = queued.actor
        if actor.urgency[queued.event.name]:
            self._put_urgent(actor, queued)
            return
        if actor.waiting >= self._limits.queue and not self._make_room(actor, queued):
            return
        actor.waiting += 1
        self._order.append(queued)

    def put_first(self, queued: Queued) -> None:
        """Queue an event before everything that waits, in any case: for what the system itself has to say."""
        self._urgent.appendleft(queued)

    def _put_urgent(self, actor: Actor, queued: Queued) -> None:
        if actor.waiting and (origin := queued.event.origin):
            self._urgent.extend(self._others_of(actor, lambda event: event.origin == origin))
        if len(self._urgent) >= self._limits.queue:
            waiting = [one for one in self._urgent if one.actor is actor]
            name = queued.event.name
            same = next((one for one in reversed(waiting) if one.event.name == name), None)
            if len(waiting) >= self._limits.queue and same is not None:
                self._lose(actor, same, len(waiting))
                same.event, same.sender, same.call_id = queued.event, queued.sender, queued.call_id
                return
        self._urgent.append(queued)

    @property
    def is_urgent(self) -> bool:
        """Whether the event that is taken next is urgent."""
        return bool(self._urgent)

    @property
    def first_ns(self) -> int | None:
        """When the event came that is taken next; None when none waits."""
        if self._urgent:
            return self._urgent[0].at_ns
        return self._order[0].at_ns if self._order else None

    def take(self) -> Queued:
        """The event that goes first; there must be one."""
        if self._urgent:
            queued = self._urgent.popleft()
        else:
            queued = self._order.popleft()
            queued.actor.waiting -= 1
        if queued.actor.refused:
            self._tell(queued.actor, queued)
        return queued

    def _tell(self, actor: Actor, queued: Queued) -> None:
        """Events were lost: the alarm says how many, when it is taken; another one follows if that was not all."""
        if _is_alarm(queued.event):
            queued.event = _alarm(actor.refused - actor.told, actor.lost)
            actor.told = actor.refused
        if actor.waiting:
            return
        if actor.told < actor.refused:
            actor.waiting += 1
            self._order.append(Queued(actor, _alarm(0, ""), queued.at_ns))
            return
        text = f"the queue is empty again; {actor.refused} events were lost"
        self._note(actor.path, "queue_full", text, None)
        actor.refused = actor.told = 0

    def take_from(self, actor: Actor, origin: str | None) -> list[Event]:
        """The waiting events of one sender (None: of all), out of turn."""

        def wanted(event: Event) -> bool:
            return origin is None or event.origin == origin

        return [queued.event for queued in self._urgent_of(actor, wanted) + self._others_of(actor, wanted)]

    def _urgent_of(self, actor: Actor, wanted: Callable[[Event], bool]) -> list[Queued]:
        """Those of a machine, taken out."""
        found = [queued for queued in self._urgent if queued.actor is actor and wanted(queued.event)]
        if found:
            self._urgent = _without(self._urgent, found)
        return found

    def _others_of(self, actor: Actor, wanted: Callable[[Event], bool]) -> list[Queued]:
        """The same of those that are not urgent."""
        if not actor.waiting:
            return []
        found = [queued for queued in self._order if queued.actor is actor and wanted(queued.event)]
        if found:
            actor.waiting -= len(found)
            self._order = _without(self._order, found)
        return found

    def waiting(self, actor: Actor) -> list[tuple[int, Queued]]:
        """The waiting events of a machine, each with its place among all that wait."""
        return [(at, queued) for at, queued in enumerate((*self._urgent, *self._order)) if queued.actor is actor]

    def busy(self) -> list[str]:
        """Paths of the machines for which something waits."""
        return sorted({queued.actor.path for queued in (*self._order, *self._urgent)})

    def __len__(self) -> int:
        return len(self._order) + len(self._urgent)

    def _make_room(self, actor: Actor, queued: Queued) -> bool:
        """A full queue: what is lost is noted, the machine is told. True when the event may be queued after all."""
        if _stays(queued.event):
            return True
        drop_oldest = self._limits.when_full == "drop_oldest"
        lost, waiting = queued, actor.waiting
        if drop_oldest:
            mine = (at for at, one in enumerate(self._order) if one.actor is actor and not _stays(one.event))
            oldest = next(mine, None)
            if oldest is None:
                return True
            lost = self._order[oldest]
            del self._order[oldest]
            actor.waiting -= 1
        self._lose(actor, lost, waiting)
        return drop_oldest

    def _lose(self, actor: Actor, lost: Queued, waiting: int) -> None:
        """Count it, say so, and tell the machine when it is the first."""
        name = lost.event.name
        actor.refused += 1
        actor.lost = name
        if actor.refused == 1 or actor.refused % 1000 == 0:  # a flood does not flood the trace
            data = {"event": name, "dropped": actor.refused}
            self._note(actor.path, "queue_full", f"{name} lost: {waiting} events wait", data)
        if actor.refused == 1:
            first = next((one for one in self._order if one.actor is actor), lost)
            actor.waiting += 1
            self._order.appendleft(Queued(actor, _alarm(0, ""), first.at_ns))


def _without(waiting: deque[Queued], taken: list[Queued]) -> deque[Queued]:
    gone = {id(queued) for queued in taken}
    return deque(queued for queued in waiting if id(queued) not in gone)


def _alarm(dropped: int, event: str) -> Event:
    """The ``error.queue``; its numbers are filled in when it is taken."""
    return Event("error.queue", {"dropped": dropped, "event": event}, "platform")


def _is_alarm(event: Event) -> bool:
    return event.name == "error.queue" and event.type == "platform"


def _stays(event: Event) -> bool:
    """The alarm; the end of a child or a long action, of which there are no more than of these."""
    return event.type == "platform" and (bool(event.invokeid) or event.name == "error.queue")
