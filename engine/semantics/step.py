"""Input and output of the core: events, effects and the record of one macrostep. Plain values.

All of them are read-only: effects are shared between steps and machines. Those made for every event are not frozen
dataclasses, because those take three times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Payload = Mapping[str, Any]


@dataclass(slots=True)
class Event:
    """An event with SCXML 5.10.1's fields. ``data`` is a mapping, or one value when sent with ``content``."""

    name: str
    data: Any = None
    type: str = "external"  # "external", "internal" or "platform"
    sendid: str = ""
    origin: str = ""
    origintype: str = ""
    invokeid: str = ""


# ---------------------------------------------------------------- effects, in the order the actions produced them


@dataclass(slots=True)
class Call:
    """An order to the adapter bound to ``role``."""

    role: str
    action: str
    args: Payload


@dataclass(slots=True)
class SendEvent:
    """An event for a queue other than the own internal one; ``target`` as in :class:`engine.language.model.Send`."""

    event: str
    data: Any
    target: str | None
    key: Any = None
    delay_ns: int = 0
    id: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class CancelSend:
    """Drop the delayed sends with this id."""

    id: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Start (or restart) an ``after`` timer."""

    id: str
    delay_ns: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The state of this timer was left."""

    id: str


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start an invoked or spawned child chart. ``invoke`` is the model's Invoke or Spawn; ``key`` only when spawned."""

    id: str
    invoke: Any
    input: Payload
    key: Any = None
    source: Any = None  # imported documents: the evaluated src or content


@dataclass(frozen=True, slots=True)
class StopChild:
    """End an invoked or spawned child (all of this id when ``key`` is None)."""

    id: str
    key: Any = None


@dataclass(frozen=True, slots=True)
class StartCall:
    """Start an adapter's long action for the invocation ``id``."""

    id: str
    role: str
    action: str
    args: Payload


@dataclass(frozen=True, slots=True)
class LogText:
    """A line for people."""

    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The machine reached a top-level final state."""

    output: Any


Effect = Call | SendEvent | CancelSend | StartTimer | CancelTimer | StartChild | StopChild | StartCall | LogText | Done


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in a guard or an action, which became an ``error.execution`` event, or a broken invariant, which became
    ``error.invariant``."""

    message: str
    position: str  # file:line:column


@dataclass(slots=True)
class Step:
    """The record of one macrostep.

    ``event`` is the external event (None for the first step of a machine; the timer's id for an expiry).
    ``transitions`` are the ids taken in all microsteps, ``exited`` and ``entered`` state ids, ``effects`` and
    ``raised`` internal events, each in order. ``handled`` is False when no active state had a transition for the event
    (whatever its guard says). ``microsteps`` and ``changes`` are kept when a machine is traced; ``changes`` are the
    assigned data items with their final values. A step with neither effects nor computed values is shared between
    machines: treat it as read-only.
    """

    event: str | None
    transitions: tuple[str, ...] = ()
    exited: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    raised: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    handled: bool = True
    microsteps: tuple[Microstep, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Microstep:
    """One microstep of a traced machine: the event that caused it (None: eventless) and what it did. The last one of a
    machine that ends leaves all its states and has no transitions. Read-only, as :class:`Step` is."""

    event: str | None
    transitions: tuple[str, ...]
    exited: tuple[str, ...]
    entered: tuple[str, ...]
    configuration: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)
