"""One running chart: the public face of the engine.

    chart = engine.load("machines/slac_evse.yaml")
    machine = engine.start(chart, {"C_sounds": 8})
    step = machine.send("link.SLAC_PARM_REQ", {...})
    machine.configuration, machine.data

A machine is used from one thread only, and never from inside its own step (an adapter's property, say). See
docs/python.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.language.model import Chart
from engine.run.observer import EVERYWHERE
from engine.semantics.compiled.machine import CompiledMachine
from engine.semantics.errors import EngineError, SnapshotError, UnhandledEvent
from engine.semantics.parameters import split_below
from engine.semantics.payloads import check_payload
from engine.semantics.step import CancelTimer, Event, StartTimer, Step

if TYPE_CHECKING:
    from engine.adapter import Adapter
    from engine.run.actor import Actor
    from engine.run.served import ServedChart
    from engine.run.system import System

Resolve = Callable[[Any, Chart], Chart]
"""Finds the charts that imported documents name when they run: see :class:`engine.run.System`."""


class Machine(CompiledMachine):
    """One running chart that carries out the effects of its steps. Made by ``engine.start``, or here and then begun by
    :meth:`begin`.

    The inherited methods only compute. :meth:`send`, :meth:`fire` and :meth:`stop` also carry out the effects, in a
    private system with a virtual clock that :meth:`advance` moves. A machine in another :class:`engine.run.System` is
    driven by that system alone.

    The private system is made when it is first needed: no time passes without it, so until then timers are kept as
    their delays, in the order they were started.
    """

    __slots__ = ("_below", "_own", "_resolve", "_timers")

    def __init__(
        self, chart: Chart, parameters: Mapping[str, Any] | None = None, resolve: Resolve | None = None
    ) -> None:
        own, self._below = split_below(chart, parameters)
        super().__init__(chart, own)
        self._own: tuple[System, Actor] | None = None
        self._timers: dict[str, int] | None = None  # delays (ns) by id, while there is no system
        self._resolve = resolve

    def fork(self) -> Machine:
        """A second machine in the same situation; it has no system of its own."""
        twin = super().fork()
        twin._own, twin._timers, twin._resolve, twin._below = None, None, self._resolve, self._below
        return twin

    def send(self, event: str, data: Mapping[str, Any] | None = None) -> Step:
        """Run one macrostep for an event and carry out its effects; events its adapters have sent until now come before
        it.

        Raises :class:`engine.semantics.errors.PayloadError` when ``data`` is not what the event declares,
        :class:`engine.semantics.errors.UnhandledEvent` when the chart is ``strict`` and no active state has a
        transition for it, :class:`engine.semantics.errors.EndlessLoop` when the macrostep never ends, and
        :class:`engine.semantics.errors.EngineError` when an adapter calls it while it carries out an order of this
        machine.
        """
        if self._own is not None:
            self._catch_up(self._own[0])
        if data is not None or self._program.careful:
            return self._send_carefully(event, data)
        step: Step = self._node[event](self, None)
        if step.effects:
            self._perform(step, "event", Event(event))
        return step

    def _send_carefully(self, event: str, data: Mapping[str, Any] | None) -> Step:
        program = self._program
        payload = check_payload(self.chart, event, data)
        self._readings = None
        self._event = Event(event, payload) if program.symbols.keeps_event else None
        step: Step = self._node[event](self, payload)
        if step.effects or self.chart.joint_invariants:
            self._perform(step, "event", Event(event, payload))
        if not step.handled and self.chart.strict:
            active = ", ".join(self.configuration) or "none: it has ended"
            raise UnhandledEvent(
                f"chart {self.chart.name!r} is strict and no active state ({active}) has a transition for {event!r}"
            )
        return step

    def fire(self, timer: str) -> Step:
        """:meth:`expire`, and carry out the effects: for a test that plays the clock itself."""
        if self._own is not None:
            self._catch_up(self._own[0])
        step = self.expire(timer)
        if step.effects:
            self._perform(step, "timer", None)
        return step

    def stop(self) -> Step:
        """:meth:`finish`, and carry out the effects: exit actions, then the children's; then close the adapters.

        It happens at once; :meth:`engine.run.System.end` first asks a chart that has a ``shutdown``.
        """
        if self._own is None or self.done:
            step = self.finish()
            if step.effects:
                self._perform(step, "stop", None)
            return step
        system = self._own[0]
        self._catch_up(system)
        step = self.finish()
        self._perform(step, "stop", None)
        return step

    def advance(self, duration_ns: int) -> None:
        """Let time pass on the private virtual clock: timers, delayed sends and children run, in order."""
        system = self._system()[0]
        self._refuse_inside(system)
        system.owner_waits = True
        try:
            system.advance(duration_ns)
        finally:
            system.owner_waits = False
        self._close_when_done(system)

    def _begin_alone(self, adapters: Mapping[str, Adapter | ServedChart] | None) -> Machine:
        """What :func:`start` does with a new machine."""
        if adapters:
            self._system(adapters)
        try:
            step = self.begin()
            if step.effects:
                self._perform(step, "start", None)
        except BaseException:
            if self._own is not None:
                self._own[0].shutdown()
            raise
        return self

    def _perform(self, step: Step, cause: str, event: Event | None) -> None:
        if self._own is None and (self.surroundings is not None or self._keep_timers(step)):
            return  # nothing but timers; or somebody else's: its system, or a test that looks at the effects itself
        system = self._system()[0]
        system.owner_waits = True
        try:
            system.perform(self, step, cause, event)
        finally:
            system.owner_waits = False
        self._close_when_done(system)

    def _keep_timers(self, step: Step) -> bool:
        """Carry out a step that does nothing but start and cancel timers, before there is a system; whether it is
        one."""
        if EVERYWHERE or self.chart.joint_invariants:
            return False
        found: list[StartTimer | CancelTimer] = []
        for effect in step.effects:
            if not isinstance(effect, (StartTimer, CancelTimer)):
                return False
            found.append(effect)
        timers = self._timers
        if timers is None:
            timers = self._timers = {}
        for one in found:
            timers.pop(one.id, None)  # one started anew goes behind the others of its time
            if isinstance(one, StartTimer):
                timers[one.id] = one.delay_ns
        return True

    def _catch_up(self, system: System) -> None:
        """What waits in the private system came before what its owner asks for now."""
        self._refuse_inside(system)
        if not system.quiet:
            self.advance(0)

    def _refuse_inside(self, system: System) -> None:
        if system.owner_waits:
            raise EngineError(
                f"the machine of chart {self.chart.name!r} is in the middle of a step: an adapter sends its events "
                "through its port"
            )

    def _close_when_done(self, system: System) -> None:
        """A machine that has ended needs its adapters no more."""
        if self.done:
            system.shutdown()

    def _system(self, adapters: Mapping[str, Adapter | ServedChart] | None = None) -> tuple[System, Actor]:
        """The private system, made when it is first needed."""
        if self._own is None:
            if self.surroundings is not None:
                raise EngineError(f"this machine of chart {self.chart.name!r} belongs to a system: use that one")
            from engine.run.effects import start_timer
            from engine.run.system import System

            system = System(resolve=self._resolve)
            actor = system.attach(self, adapters or {})
            self._own = (system, actor)
            system.give_below(actor, self._below)
            timers, self._timers = self._timers, None
            for timer, delay_ns in (timers or {}).items():
                start_timer(system, actor, timer, delay_ns)
        return self._own

    def snapshot(self) -> dict[str, Any]:
        """Everything needed to continue later, as JSON values: this machine, its timers, delayed sends and children."""
        from engine.run.json_values import to_json
        from engine.run.snapshot import take

        plain: dict[str, Any] = to_json(take(self._system()[1]))
        return plain


def start(
    chart: Chart,
    parameters: Mapping[str, Any] | None = None,
    adapters: Mapping[str, Adapter | ServedChart] | None = None,
    resolve: Resolve | None = None,
) -> Machine:
    """A machine in its initial configuration, its first effects carried out. ``parameters`` by name, those of charts
    below it by their path of ids: ``{"slac.session.TT_match_sequence": 400_000_000}``. Raises ``ParameterError`` and
    ``AdapterError``."""
    return Machine(chart, parameters, resolve)._begin_alone(adapters)


def resume(
    chart: Chart,
    snapshot: Mapping[str, Any],
    adapters: Mapping[str, Adapter | ServedChart] | None = None,
    resolve: Resolve | None = None,
) -> Machine:
    """The machine of a snapshot, with its timers and children, on a private clock. Raises ``SnapshotError`` when the
    snapshot is damaged or of another chart, ``AdapterError`` when an adapter does not open."""
    from engine.run.json_values import from_json
    from engine.run.snapshot import restore
    from engine.run.system import System

    system = System(resolve=resolve, restore=Machine.restore)
    try:
        plain = from_json(snapshot)
    except ValueError as error:
        raise SnapshotError(f"the snapshot for {chart.name} is not whole: {error}") from error
    actor = restore(system, chart, plain, chart.name, adapters or {})
    if actor.is_running:
        system.start()
    machine = actor.machine
    assert isinstance(machine, Machine)
    machine._own, machine._resolve = (system, actor), resolve
    return machine
