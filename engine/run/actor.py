"""A machine in a system: its bounded queue, its timers and delayed sends, its children, its adapters by role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.adapter import AdapterError
from engine.language.model import Invoke, Spawn
from engine.run.binding import Binding
from engine.run.deadlines import Deadline
from engine.run.nothing import NOTHING
from engine.semantics.interfaces import Stepper
from engine.semantics.step import Event, SendEvent, StartCall

if TYPE_CHECKING:
    from engine.run.served import Server
    from engine.run.system import System

ChildKey = tuple[str, Any]


@dataclass(slots=True)
class Queued:
    """An event that waits for a machine. ``sender`` is the child that sent it, ``call_id`` the long action it comes
    from."""

    actor: Actor
    event: Event
    at_ns: int
    sender: Actor | None = None
    call_id: str = ""


@dataclass(slots=True)
class DelayedSend:
    """A send that is not due yet."""

    deadline: Deadline
    effect: SendEvent


@dataclass(slots=True)
class RunningCall:
    """An adapter's long action that runs for an invocation."""

    binding: Binding
    call_id: str
    effect: StartCall


@dataclass(slots=True, eq=False)
class Actor:
    """One running machine. ``path`` names it in traces: ``evse_dc``, ``evse_dc/slac``, ``evse_dc/match[3]``.

    ``state`` is ``running``, ``done`` (reached a top-level final state), ``stopped`` (by its parent or a shutdown) or
    ``failed`` (its core raised; ``failure`` says what).
    """

    system: System
    machine: Stepper
    path: str
    number: int  # order of creation
    parent: Actor | None = None
    invoke: Invoke | Spawn | None = None
    key: Any = None
    depth: int = 0
    roles: dict[str, Binding] = field(default_factory=dict)
    units: dict[tuple[str | None, Any], dict[str, Binding]] = NOTHING  # by unit and number, by role
    waiting: int = 0  # events in its queue, those that are urgent left out; in the hands of engine.run.queues
    children: dict[ChildKey, Actor] = NOTHING
    timers: dict[str, Deadline] = NOTHING
    sends: dict[int, DelayedSend] = NOTHING  # by the deadline's sequence
    calls: dict[str, RunningCall] = NOTHING  # by invocation id
    source: Any = None  # imported documents: what the chart was named by at run time
    calls_to_restart: tuple[StartCall, ...] = ()  # resumed from a snapshot, adapters not open yet
    server: Server | None = None  # of a chart that stands where an adapter does
    is_device: bool = False  # it is, or belongs to, what stands for a thing around the station
    state: str = "running"
    begun: bool = False
    failure: str = ""
    output: Any = None
    refused: int = 0  # events lost because the queue was full, since it last emptied
    told: int = 0  # … of them, how many `error.queue` has told the machine of
    lost: str = ""  # the last of them
    unhandled: dict[str, int] = NOTHING  # how often, by the event's name
    urgency: Mapping[str, bool] = NOTHING  # by the name of an event: it goes before all others

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids from the root's name down to this machine's, without keys."""
        if self.parent is None or self.invoke is None:
            return (self.path,)
        return (*self.parent.ids, self.invoke.id)

    @property
    def names(self) -> tuple[str, ...]:
        """The names from the root's down to this machine's, with keys: ``site``, ``outlet[2]``, ``session``."""
        return (self.path,) if self.parent is None else (*self.parent.names, self.name)

    @property
    def root(self) -> Actor:
        """The root machine it belongs to: itself, or its parent's."""
        actor = self
        while actor.parent is not None:
            actor = actor.parent
        return actor

    @property
    def is_running(self) -> bool:
        """Whether it still takes events."""
        return self.state == "running"

    # ------------------------------------------------------------ engine.semantics.interfaces.Surroundings

    def read(self, role: str, name: str) -> Any:
        if role not in self.roles:
            raise AdapterError(f"no adapter is bound to role {role!r} of {self.path}: {role}.{name} cannot be read")
        return self.roles[role].read(name)

    def alive(self, child: str, key: Any = None) -> int:
        if child.startswith("#_scxml_"):
            return int(self.system.session(child.removeprefix("#_scxml_")) is not None)
        if key is not None:
            return int((child, key) in self.children)
        return sum(1 for id_, _ in self.children if id_ == child) + (child in self.calls)

    # ------------------------------------------------------------ private to the system

    def call_ended(self, invocation: str, call_id: str) -> None:
        """A long action ended by itself."""
        started = self.calls.get(invocation)
        if started is not None and started.call_id == call_id:
            del self.calls[invocation]

    def drop_deadlines(self) -> None:
        """Drop the timers and delayed sends of a machine that has ended (SCXML 6.2.4)."""
        for deadline in self.timers.values():
            deadline.cancel()
        for send in self.sends.values():
            send.deadline.cancel()
        self.timers.clear()
        self.sends.clear()

    def tree(self) -> list[Actor]:
        """This machine and its descendants, parents first, in order of creation."""
        found = [self]
        for child in self.children.values():
            found += child.tree()
        return found

    def __repr__(self) -> str:
        return f"<Actor {self.path} {self.state}>"
