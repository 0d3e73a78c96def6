"""The orderly end of a run: machines are asked to end, get the time their charts state, and only then leave their
states.

A chart with ``shutdown: {event, within, done}`` is sent the event and may take its time; a chart without ends by its
exit actions. The main machine (the first root) is asked first and the others when it is done: the surroundings of a
station, such as a simulated vehicle, must not disappear while the station says goodbye. A chart that serves is asked
when the machines it serves are done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.language.expr.evaluate import evaluate
from engine.language.values import EvaluationError
from engine.semantics.parameters import ParameterScope
from engine.semantics.step import Event

if TYPE_CHECKING:
    from engine.run.actor import Actor
    from engine.run.system import System


class Ending:
    """One orderly end that begins now. Read :attr:`over` after every turn of the system."""

    def __init__(self, system: System) -> None:
        self._system = system
        roots = list(system.roots.values())
        served = [[server.actor] for server in system.servers.values()]
        self._later: list[Sequence[Actor]] = [wave for wave in (roots[:1], roots[1:], *served) if wave]
        self._asked: dict[Actor, Event] = {}  # who has not answered yet

    @property
    def over(self) -> bool:
        """Whether every machine is done or its time is up. Asks the next machines when the first are done."""
        for actor, event in list(self._asked.items()):
            if self._has_answered(actor, event):
                del self._asked[actor]
        while not self._asked:
            if not self._later:
                return True
            for actor in self._later.pop(0):
                self._ask(actor)
        return False

    def _ask(self, actor: Actor) -> None:
        chart = actor.machine.chart
        if chart.shutdown is None or not (actor.begun and actor.is_running):
            return
        try:
            within_ns = evaluate(chart.shutdown.within, ParameterScope(chart, actor.machine.parameters))
        except EvaluationError as error:
            within_ns = 0
            self._system.note(actor.path, "shutdown_late", f"the time for {chart.shutdown.event}: {error}")
        event = self._asked[actor] = Event(chart.shutdown.event)
        self._system.note(actor.path, "shutting_down", f"{event.name} has {within_ns / 1e9:g} s")
        self._system.enqueue(actor, event)
        self._system.set_deadline(within_ns, lambda: self._late(actor, within_ns))

    def _has_answered(self, actor: Actor, event: Event) -> bool:
        if not actor.is_running:
            return True
        shutdown = actor.machine.chart.shutdown
        assert shutdown is not None
        active = actor.machine.configuration
        if not any(state.id in active for state in shutdown.done):
            return False
        return not any(queued.event is event for _, queued in self._system.waiting(actor))

    def _late(self, actor: Actor, within_ns: int) -> None:
        event = self._asked.pop(actor, None)
        if event is not None and actor.is_running:
            states = ", ".join(actor.machine.configuration)
            text = f"{event.name} is not over after {within_ns / 1e9:g} s; it ends by its exit actions in {states}"
            self._system.note(actor.path, "shutdown_late", text)
            self._system.fail(f"{actor.path}: {text}")
