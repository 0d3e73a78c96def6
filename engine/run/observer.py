"""What a system reports to its observers: traces, the live view, coverage. The only way to watch it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.semantics.step import Event, Step

if TYPE_CHECKING:
    from engine.run.actor import Actor


@dataclass(slots=True)
class StepRecord:
    """One macrostep of one machine. ``cause`` is ``start``, ``event``, ``timer`` or ``stop``; ``timer`` is the id of
    the ``after`` that expired. ``event`` is None except for cause ``event``. Read-only."""

    time_ns: int
    actor: Actor
    cause: str
    event: Event | None
    timer: str | None
    step: Step


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is no macrostep. ``path`` is the machine's, or the role; ``kind`` is ``queue_full``, ``dropped``
    (an event nobody can take any more), ``undelivered`` (nobody to take it), ``adapter_error``, ``adapter_note`` (what
    an adapter tells people), ``log`` (what a program beside the run says, by its name), ``fault`` (one made on purpose
    has struck; ``text`` is its rule), ``host_late`` (timers came late), ``machine_failed``, ``child_refused``,
    ``invariant`` (a joint one was broken), or ``out`` (a root machine's event to whoever watches; ``text`` is its
    name). ``secret`` are the fields of ``data`` that are not for people."""

    time_ns: int
    path: str
    kind: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


class Observer(Protocol):
    """Is told of everything, after it happened, in order.

    An exception of an observer ends the run after the present effects have been carried out; that observer is not
    called again.
    """

    def step(self, record: StepRecord) -> None:
        """A macrostep was taken; its effects are not carried out yet."""
        ...

    def note(self, note: Note) -> None:
        """Something else worth keeping."""
        ...


EVERYWHERE: list[Observer] = []
"""Observers that every system has from its making: for what watches a whole test run."""
