"""One running chart: the public face of the engine.

    chart = engine.load("machines/slac_evse.yaml")
    machine = chart.start(parameters={"C_sounds": 8})
    step = machine.send("link.SLAC_PARM_REQ", {...})
    machine.configuration, machine.data

A machine may be used from one thread only.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.content import UNSET, check_payload
from engine.errors import PayloadError, UnhandledEvent
from engine.model import Chart, EventDef
from engine.reference import Interpreter
from engine.start import bind_parameters
from engine.step import Event, Step
from engine.system.seam import Surroundings

if TYPE_CHECKING:
    from engine.adapter import Adapter
    from engine.system.system import System

_sessions = itertools.count(1)


class Machine:
    """A machine that has not begun yet: :meth:`begin` (``chart.start`` calls it) enters the initial configuration."""

    def __init__(self, chart: Chart, parameters: Mapping[str, Any] | None = None) -> None:
        self.chart = chart
        self.session_id = str(next(_sessions))
        self.unhandled = 0
        self._core = Interpreter(chart, bind_parameters(chart, parameters), session_id=self.session_id)
        self._system: System | None = None
        self._adapters: dict[str, Adapter] = {}

    @property
    def surroundings(self) -> Surroundings | None:
        return self._core.surroundings

    @surroundings.setter
    def surroundings(self, value: Surroundings | None) -> None:
        self._core.surroundings = value

    def begin(self) -> Step:
        return self._core.begin()

    def process(self, event: Event) -> Step:
        step = self._core.process(event)
        self.unhandled += not step.handled
        return step

    def expire(self, timer: str) -> Step:
        return self._core.expire(timer)

    def finish(self) -> Step:
        return self._core.finish()

    @property
    def configuration(self) -> tuple[str, ...]:
        return self._core.active

    @property
    def data(self) -> Mapping[str, Any]:
        return MappingProxyType({n: v for n, v in self._core.values.items() if v is not UNSET})

    @property
    def parameters(self) -> Mapping[str, Any]:
        return MappingProxyType(self._core.parameters)

    @property
    def readings(self) -> Mapping[tuple[str, str], Any]:
        return self._core.readings

    @property
    def done(self) -> bool:
        return not self._core.running

    @property
    def output(self) -> Any:
        return self._core.output

    def send(self, event: str, data: Mapping[str, Any] | None = None) -> Step:
        """One macrostep for an event; its effects are carried out before this returns."""
        definition = event_definition(self.chart, event)
        payload = dict(data) if data else None
        if definition is not None:
            try:
                payload = check_payload(event, definition, data)
            except ValueError as error:
                raise PayloadError(str(error)) from None
        step = self.process(Event(event, payload))
        if not step.handled and self.chart.strict:
            raise UnhandledEvent(f"no active state of {self.chart.name!r} has a transition for {event!r}")
        return step

    def core_snapshot(self) -> dict[str, Any]:
        raise NotImplementedError


def event_definition(chart: Chart, event: str) -> EventDef | None:
    """What declares an event: the chart, the contract of one of its roles, or a child's chart."""
    if event in chart.events:
        return chart.events[event]
    role, _, name = event.partition(".")
    if role in chart.adapters:
        return chart.adapters[role].events.get(name)
    return None
