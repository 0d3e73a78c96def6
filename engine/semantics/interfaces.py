"""The interfaces between one running chart and the system around it, in both directions.

``engine.run.machine.Machine`` implements :class:`Stepper`; ``engine.run`` implements :class:`Surroundings`. The machine
never acts: it computes a :class:`~engine.semantics.step.Step`, and the system carries out its effects, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from engine.language.model import Chart
from engine.semantics.step import Event, Step


class Surroundings(Protocol):
    """What a machine asks the system while it computes a step. It may ask many times in a step."""

    def read(self, role: str, name: str) -> Any:
        """The present value ``role.name`` from the bound adapter, not checked yet. Raises ``AdapterError`` (→
        ``error.execution``)."""
        ...

    def alive(self, child: str, key: Any = None) -> int:
        """How many invoked or spawned children of this id run; with ``key``, 1 or 0. For the address of a session
        (``#_scxml_<session id>``), 1 or 0."""
        ...


class Stepper(Protocol):
    """One running chart, pure: every method computes one macrostep and carries out none of its effects.

    The machine itself runs ``finalize`` for an event whose ``invokeid`` is one of its invocations (SCXML 6.5); the
    system forwards events to ``autoforward`` children. ``StartChild`` and ``StartCall`` are the last effects of a step;
    ``StopChild`` comes where the invoking state is left (also for a long action).
    """

    chart: Chart
    surroundings: Surroundings | None  # set by the system that adopts the machine

    @property
    def session_id(self) -> str:
        """Unique within the process: ``#_scxml_<session_id>`` is its address."""
        ...

    def begin(self) -> Step:
        """The first macrostep: enter the initial configuration. ``step.event`` is None. Raises ``EndlessLoop``."""
        ...

    def process(self, event: Event) -> Step:
        """One macrostep for one external event. Raises ``EndlessLoop``."""
        ...

    def expire(self, timer: str) -> Step:
        """One macrostep for the expiry of the ``after`` timer of this id. Raises ``EndlessLoop``."""
        ...

    def finish(self) -> Step:
        """Leave all states, running their exit actions (a stopped child, an orderly shutdown)."""
        ...

    @property
    def configuration(self) -> tuple[str, ...]:
        """Ids of the active states, document order."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """The data items by name."""
        ...

    @property
    def readings(self) -> Mapping[tuple[str, str], Any]:
        """The values the last macrostep read from its adapters: (role, name) -> value. Each is read at most once per
        step."""
        ...

    @property
    def done(self) -> bool:
        """Whether a top-level final state was reached, or :meth:`finish` called."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters by name."""
        ...

    def core_snapshot(self) -> dict[str, Any]:
        """Configuration, history, data, parameters as plain values; the system adds timers, queues and children.

        The class's ``restore(chart, core_snapshot)`` brings the machine back, ready for the next event.
        """
        ...
