"""Machines with bounded queues, timers and children on one clock; adapters bound by role.

Order is deterministic: waiting events and deadlines are taken by time; at one time events before deadlines, events in
the order they were queued, deadlines in the order they were set. What one deadline causes runs to its end first. Urgent
events go before all others, and before deadlines that were due a moment before them (``URGENT_AHEAD_NS``).
"""

from __future__ import annotations

import contextlib
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.adapter import Adapter, AdapterError, ConfigurationError, World
from engine.language.model import Chart
from engine.language.types import Type
from engine.run import effects
from engine.run.actor import Actor, Queued
from engine.run.binding import Binding, Checks
from engine.run.clock import Clock, VirtualClock
from engine.run.deadlines import Deadline, Deadlines
from engine.run.ending import Ending
from engine.run.joint import Joint
from engine.run.nothing import NOTHING
from engine.run.observer import EVERYWHERE, Note, Observer, StepRecord
from engine.run.queues import Limits, Queues
from engine.run.served import ServedChart, Server, behind_role, root_behind_role
from engine.run.subscriptions import Subscriptions
from engine.semantics.errors import ClockError, RunawayError
from engine.semantics.interfaces import Stepper
from engine.semantics.parameters import split_below
from engine.semantics.payloads import check_payload
from engine.semantics.step import Event, StartChild, Step

if TYPE_CHECKING:
    from concurrent.futures import Future

LATE_AGAIN_NS = 10_000_000_000
"""How often people are told that the host is late."""
URGENT_AHEAD_NS = 10_000_000
"""An urgent event goes before deadlines it came that much after, no more: urgent ones without end stop no timer."""

Factory = Callable[[Chart, Mapping[str, Any]], Stepper]


def make_machine(chart: Chart, parameters: Mapping[str, Any]) -> Stepper:
    """The compiled machine. Raises ``ValueError`` for a wrong parameter."""
    from engine.semantics.compiled.machine import CompiledMachine

    machine: Stepper = CompiledMachine(chart, parameters)
    return machine


def restore_machine(chart: Chart, core: Mapping[str, Any]) -> Stepper:
    """The compiled machine as ``core_snapshot`` saved it."""
    from engine.semantics.compiled.machine import CompiledMachine

    machine: Stepper = CompiledMachine.restore(chart, core)
    return machine


class System:
    """Machines on one clock with their adapters. Not thread-safe, except :meth:`hand_over`.

    ``make`` builds machines (the compiled core, unless a test gives the reference), ``restore`` rebuilds them from
    their ``core_snapshot``. ``resolve`` finds charts that imported documents name when they run; without it that is an
    error.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        limits: Limits | None = None,
        make: Factory = make_machine,
        restore: Factory = restore_machine,
        resolve: Callable[[Any, Chart], Chart] | None = None,
    ) -> None:
        self.clock: Clock = clock if clock is not None else VirtualClock()
        self.limits = limits or Limits()
        self.make = make
        self.restore = restore
        self.resolve = resolve
        self.world = World(virtual=isinstance(self.clock, VirtualClock))
        self.checks: dict[tuple[str, int, type], Checks] = {}  # of bindings: by role, contract and class of the adapter
        self.parameters: dict[tuple[str, ...], Mapping[str, Any]] = {}  # given for children, by ids from the root down
        self.roots: dict[str, Actor] = {}
        self.servers: dict[
            str, Server
        ] = {}  # charts that stand where adapters do, by path; whom they serve before them
        self.bindings: list[Binding] = []
        self.observers: list[Observer] = list(EVERYWHERE)
        self.failures: list[str] = []  # machines that broke, invariants and strict charts that were not kept
        self.wake: Callable[[], None] = lambda: None  # the host's: something new to do
        self.spawn_work: Callable[[Coroutine[Any, Any, None], Callable[[str], None]], None] = _no_loop
        self._deadlines = Deadlines()
        self._queues = Queues(self.limits, self.note)
        self._foreign: deque[Callable[[], None]] = deque()  # from other threads
        self._settled: deque[Callable[[], None]] = deque()  # for who waits until nothing waits
        self._handed = 0  # of these in a row: threads that never stop cannot hold up a timer
        self._sessions: dict[str, Actor] = {}
        self._subscriptions: dict[Chart, Subscriptions] = {}
        self.joint = Joint(self)
        self._numbers = 0
        self._fault: Exception | None = None  # of an observer, not raised yet
        self._closing = False
        self._woke_ns = -1  # what came until then came while the host slept: before the deadlines it missed
        self._late_told_ns: int | None = None
        self.starting = False
        self.type_error: ConfigurationError | None = (
            None  # what a machine ordered as it began, and settings do not allow
        )
        self.owner_waits = False  # of a machine on its own: it is inside a call that runs this system

    # ------------------------------------------------------------ building

    def add(
        self,
        chart: Chart,
        name: str = "",
        parameters: Mapping[str, Any] | None = None,
        adapters: Mapping[str, Adapter | ServedChart | Actor | Binding] | None = None,
    ) -> Actor:
        """A root machine, not begun yet. ``parameters`` by name; those of the charts below it by their path of ids
        (``slac.session.TT_match_sequence``). ``adapters`` by role: an adapter, a chart that serves the contract, or
        another root machine that does is bound here, a binding is shared.

        Raises ``ValueError`` (parameters, a name twice) and ``AdapterError`` (an adapter that lacks what its contract
        asks).
        """
        name = name or chart.name
        if name in self.roots:
            raise ValueError(f"there is already a machine {name!r} in this system")
        own, below = split_below(chart, parameters)
        actor = self.register(self.make(chart, own), name, None, None)
        self.give_below(actor, below)
        self.bind_all(actor, adapters or {})
        return actor

    def give_below(self, actor: Actor, below: Mapping[str, Mapping[str, Any]]) -> None:
        """Parameters of what a root machine will start, by path of ids: they go before what its parent hands down."""
        for path, values in below.items():
            self.parameters[(actor.path, *path.split("."))] = values

    def bind(
        self, role: str, actor: Actor, adapter: Adapter | ServedChart | Actor, own_role: str = "", kind: str = ""
    ) -> Binding:
        """Bind an adapter, a chart that serves, or another root machine that does, to a machine's role; the contract is
        the chart's. ``outlet2.pilot``
        is the role ``pilot`` of the second unit ``outlet``, and ``kind`` what that is, where units are of several.
        Raises ``AdapterError`` when the chart has no such role or
        the adapter does not fulfil the contract."""
        contract = actor.machine.chart.adapters.get(role)
        unit = _role_of_unit(actor.machine.chart, role) if contract is None else None
        if unit is not None:
            name, number, role = unit
            contract = actor.machine.chart.units[name].roles.get(kind, {}).get(role)
            own_role = own_role or f"{name}{number}.{role}"
        if contract is None:
            raise AdapterError(f"{actor.machine.chart.name} has no role {role!r}")
        if isinstance(adapter, ServedChart):
            binding = behind_role(self, actor, role if unit is None else own_role, contract, adapter)
        elif isinstance(adapter, Actor):
            binding = root_behind_role(actor, role if unit is None else own_role, contract, adapter)
        else:
            binding = Binding(self, own_role or role, contract, adapter)
        self.bindings.append(binding)
        if unit is not None:
            if actor.units is NOTHING:
                actor.units = {}
            actor.units.setdefault((name, number), {})[role] = binding
            binding.of_unit = True
            return binding
        actor.roles[role] = binding
        binding.attach(actor)
        return binding

    def bind_all(self, actor: Actor, adapters: Mapping[str, Adapter | ServedChart | Actor | Binding]) -> None:
        """:meth:`bind` for several roles; a binding of another machine is shared."""
        for role, adapter in adapters.items():
            if isinstance(adapter, Binding):
                actor.roles[role] = adapter
                adapter.attach(actor)
            else:
                self.bind(role, actor, adapter)

    def start(self) -> None:
        """Open the adapters, then begin the root machines, in the order they were added, those that serve others first.

        When an adapter cannot be opened, those already open are closed and its ``AdapterError`` is raised. Raises
        ``ConfigurationError`` when the settings do not allow an order that a machine gave as it began: shut the system
        down then.
        """
        self.starting = True
        self._open_adapters()
        for actor in sorted(self.roots.values(), key=lambda root: root.server is None):
            if actor.begun:
                self.restart_calls(actor)
            else:
                self.begin(actor)
        self.starting = False
        if self.type_error is not None:
            raise self.type_error

    def restart_calls(self, actor: Actor) -> None:
        """The long actions of a machine and its children that were resumed from a snapshot."""
        for one in actor.tree():
            calls, one.calls_to_restart = one.calls_to_restart, ()
            for call in calls:
                effects.start_call(self, one, call)

    def _open_adapters(self) -> None:
        for binding in self.bindings:
            if binding.is_open:
                continue
            try:
                binding.open()
            except AdapterError:
                for server in reversed(self.servers.values()):
                    self._stop_server(server)  # what its exit actions order is still open
                for other in reversed(self.bindings[: self.bindings.index(binding) + 1]):
                    other.close()
                raise

    def attach(
        self, machine: Stepper, adapters: Mapping[str, Adapter | ServedChart] | None = None, name: str = ""
    ) -> Actor:
        """Take in a machine somebody else steps (``engine.start``); see :meth:`perform`. Its adapters are opened."""
        actor = self.register(machine, name or machine.chart.name, None, None)
        actor.begun = True
        self.bind_all(actor, adapters or {})
        self._open_adapters()
        return actor

    def perform(self, machine: Stepper, step: Step, cause: str = "event", event: Event | None = None) -> None:
        """Carry out the effects of a step that the owner has computed, and run what becomes ready."""
        actor = self._sessions[machine.session_id]
        self._after_step(actor, cause, event, None, step)
        self.run_due()

    # ------------------------------------------------------------ running

    def post(self, actor: Actor, event: str, data: Mapping[str, Any] | None = None) -> None:
        """Put an event from outside (a user, a test) into a machine's queue.

        Raises :class:`engine.semantics.errors.PayloadError` when ``data`` is not what the event declares.
        """
        self.enqueue(actor, Event(event, check_payload(actor.machine.chart, event, data)))

    def run_due(self, budget: int = 0, late_ns: int = 0, time_ns: int = 0) -> bool:
        """Run what is due now: waiting events and expired deadlines. True when ``budget`` items did not suffice, when
        they took ``time_ns`` or longer, or when the next deadline is overdue by ``late_ns``: the host got no time in
        the middle of it. (Without a ``budget`` no time is looked at.)"""
        done = 0
        end_ns = self.clock.now_ns() + time_ns if time_ns else 0
        while self.turn():
            done += 1
            if budget:
                if done >= budget:
                    return True
                now_ns = self.clock.now_ns()
                if self._is_late(late_ns, now_ns) or (end_ns and now_ns >= end_ns):
                    return True
            elif done > self.limits.burst:
                self._livelock()
        return False

    def turn(self) -> bool:
        """Run one waiting event or one deadline that is due; False when there is none."""
        if self._fault is not None:
            self._raise_fault()
        if self._foreign and self._handed < self.limits.queue:
            self._handed += 1
            self._foreign.popleft()()
            return True
        at_ns, due_ns = self._queues.first_ns, self._deadlines.next_ns()
        if at_ns is not None and (
            due_ns is None
            or at_ns <= due_ns
            or at_ns <= self._woke_ns
            or due_ns > self.clock.now_ns()
            or (self._queues.is_urgent and at_ns <= due_ns + URGENT_AHEAD_NS)
        ):
            self._take()
            return True
        if due_ns is not None and due_ns <= self.clock.now_ns():
            self._deadlines.pop().run()
            return True
        self._handed = 0
        if self._foreign:
            return self.turn()
        if self.joint.touched:  # all has settled: what machines promise together is to hold now
            self.joint.check()
            if self._queues:
                return True
        self._tell_settled()
        return False

    def _tell_settled(self) -> None:
        while self._settled:
            self._settled.popleft()()

    def late_by_ns(self) -> int:
        """How long the next deadline is overdue; 0 when it is not."""
        due_ns = self._deadlines.next_ns()
        return 0 if due_ns is None else max(0, self.clock.now_ns() - due_ns)

    def _is_late(self, late_ns: int, now_ns: int) -> bool:
        """Whether the next deadline is overdue by so much, of which nobody has heard yet."""
        due_ns = self._deadlines.next_ns()
        return due_ns is not None and now_ns - due_ns >= late_ns > 0 and now_ns - self._woke_ns >= late_ns

    def was_late(self, late_ns: int) -> None:
        """The process was not scheduled in time: machines with a transition for ``error.host`` get it before anything
        else; people are told once in a while."""
        late_ns -= late_ns % 1_000_000
        now_ns = self.clock.now_ns()
        if self._late_told_ns is None or now_ns - self._late_told_ns >= LATE_AGAIN_NS:
            self._late_told_ns = now_ns
            text = f"the host was late by {late_ns // 1_000_000} ms: this computer has too much to do, or stood still"
            self.note("host", "host_late", text, {"late_ms": late_ns // 1_000_000})
        for first in self.tops():
            for actor in first.tree():
                if actor.is_running and self.subscriptions(actor.machine.chart)("error.host"):
                    self._queues.put_first(Queued(actor, Event("error.host", {"late": late_ns}, "platform"), 0))

    def caught_up(self) -> None:
        """The host has read what arrived while it slept; these events are taken before the deadlines it missed."""
        self._woke_ns = self.clock.now_ns()

    @property
    def next_deadline_ns(self) -> int | None:
        """When the next deadline is due; None when there is none."""
        return self._deadlines.next_ns()

    def advance_to(self, time_ns: int) -> None:
        """Virtual clock: run everything up to ``time_ns``, in order, and stay there.

        Raises :class:`engine.semantics.errors.ClockError` for a time that has passed or is not a whole number of
        nanoseconds.
        """
        now_ns = self.clock.now_ns()
        _whole(time_ns)
        if time_ns < now_ns:
            raise ClockError(f"the clock stands at {now_ns} ns and cannot go back to {time_ns} ns")
        self.run_until(lambda: False, time_ns)

    def advance(self, duration_ns: int) -> None:
        """Virtual clock: :meth:`advance_to` ``duration_ns`` from now; 0 runs what is due."""
        _whole(duration_ns)
        self.advance_to(self.clock.now_ns() + duration_ns)

    def run_until(self, condition: Callable[[], bool], limit_ns: int | None = None) -> bool:
        """Virtual clock: run until ``condition`` holds, checked after every event and deadline.

        False when nothing is left to do or ``limit_ns`` (a time) is reached before. Raises ``TypeError`` on a real
        clock, ``RunawayError`` when machines keep each other busy while no time passes.
        """
        clock = self.clock
        if not isinstance(clock, VirtualClock):
            raise TypeError("only a virtual clock can be moved; a real one is waited for by engine.run.host.Host")
        burst = 0
        while not condition():
            if not self.turn():
                due_ns = self._deadlines.next_ns()
                if due_ns is None or (limit_ns is not None and due_ns > limit_ns):
                    if limit_ns is not None:
                        clock.move_to(max(limit_ns, clock.now_ns()))
                    return False
                clock.move_to(due_ns)
                burst = 0
                self.turn()
            burst += 1
            if burst > self.limits.burst:
                self._livelock()
        return True

    @property
    def quiet(self) -> bool:
        """Whether no event waits."""
        return not self._queues and not self._foreign

    def tops(self) -> list[Actor]:
        """The machines that have no parent: the roots, then the charts that serve, whom they serve before them."""
        return [*self.roots.values(), *(server.actor for server in self.servers.values())]

    @property
    def finished(self) -> bool:
        """Whether every root machine has ended."""
        return not any(
            actor.state == "running" for actor in self.roots.values()
        )  # asked each turn: mostly the first is

    def end(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Virtual clock: ask the machines to end, give each the time its chart states, then :meth:`shutdown`.

        ``hurry`` is asked after every event: True skips the waiting, not the exit actions.
        """
        ending = Ending(self)
        try:
            self.run_until(lambda: hurry() or ending.over)
        finally:
            self.shutdown()

    def shutdown(self) -> None:
        """End every machine at once by its exit actions (see :meth:`stop`), roots in the order they were added, those
        that serve others after them; then close the adapters, last opened first.

        An unsafe order that still stands when all machines have ended is noted (``left_unsafe``) and fails the run; the
        adapter's ``close`` is the last resort then.
        """
        if self._closing:
            return
        self._closing = True
        with contextlib.ExitStack() as rest:  # goes on whatever is raised: an impatient user's third Ctrl-C, say
            rest.callback(self._tell_settled)
            for binding in self.bindings:
                rest.callback(self._close, binding)
            rest.callback(self._tell_what_stands)
            for server in reversed(self.servers.values()):
                rest.callback(self._stop_server, server)
            for actor in reversed(self.roots.values()):
                if actor.server is not None:
                    rest.callback(self._stop_server, actor.server)
            for actor in reversed(self.roots.values()):
                if actor.server is None:
                    rest.callback(self.stop, actor)
        self._raise_fault()

    def _close(self, binding: Binding) -> None:
        if binding.is_open:
            binding.close()

    def _stop_server(self, server: Server) -> None:
        """Whom it served has ended: the last orders are taken, then its exit actions run."""
        server.silent, actor = True, server.actor
        for event in self._queues.take_from(actor, None) if actor.is_running else ():
            if actor.is_running:
                self._step(actor, "event", event, None, actor.machine.process, event)
        self.stop(actor)

    def _tell_what_stands(self) -> None:
        for binding in self.bindings:
            for pair, order in binding.standing.items():
                text = f"{order} stands at the end, without {' or '.join(one.text for one in pair.until)}"
                self.note(binding.role, "left_unsafe", text)
                self.fail(text)

    def hand_over(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` in the system's thread; may be called from any thread."""
        self._foreign.append(callback)  # deque.append is atomic
        self.wake()

    def ask(self, do: Callable[[], Any], settled: bool = False) -> Future[Any]:
        """What ``do`` gives or raises, done in the system's thread between two steps; may be called from any thread. A
        future that is cancelled before is not done. ``settled``: it is told when no event waits any more, so whoever
        looks then finds what the events of ``do`` have changed."""
        from concurrent.futures import Future

        done: Future[Any] = Future()

        def act() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                result = do()
            except BaseException as error:
                done.set_exception(error)
            else:
                tell = partial(done.set_result, result)
                self._settled.append(tell) if settled else tell()

        self.hand_over(act)
        return done

    # ------------------------------------------------------------ used by bindings and effects

    def enqueue(self, actor: Actor, event: Event, sender: Actor | None = None, call_id: str = "") -> None:
        """Put an event into a machine's queue; see :class:`Limits` for a full one."""
        if actor.state != "running":
            self.note(actor.path, "dropped", f"{event.name}: the machine has ended ({actor.state})")
            return
        self._queues.put(Queued(actor, event, self.clock.now_ns(), sender, call_id))
        self.wake()

    def superseded(self, actor: Actor, queued: Queued) -> bool:
        """Whether the event is of a child or a long action that has been replaced meanwhile."""
        sender = queued.sender
        if sender is not None and sender.invoke is not None:
            return actor.children.get((sender.invoke.id, sender.key), sender) is not sender
        call = actor.calls.get(queued.event.invokeid) if queued.call_id else None
        return call is not None and call.call_id != queued.call_id

    def waiting(self, actor: Actor) -> list[tuple[int, Queued]]:
        """The waiting events of a machine, each with its place among all that wait in the system."""
        return self._queues.waiting(actor)

    def set_deadline(self, delay_ns: int, run: Callable[[], None]) -> Deadline:
        """Call ``run`` after ``delay_ns`` of the clock."""
        due_ns = self.clock.now_ns() + delay_ns if delay_ns > 0 else self.clock.now_ns()
        deadline = self._deadlines.add(due_ns, run)
        self.wake()
        return deadline

    def session(self, session_id: str) -> Actor | None:
        """The running machine with this SCXML session id."""
        return self._sessions.get(session_id)

    def note(
        self,
        path: str,
        kind: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        fields: Mapping[str, Type] | None = None,
    ) -> None:
        """Report something that is not a step to the observers. ``fields``: the types of ``data``, where there are
        any."""
        if kind == "machine_failed":
            self.fail(f"{path}: {text}")
        if self.observers:
            secret = frozenset(name for name, type_ in (fields or {}).items() if type_.secret)
            note = Note(self.clock.now_ns(), path, kind, text, dict(data or {}), secret)
            for observer in tuple(self.observers):
                try:
                    observer.note(note)
                except Exception as error:
                    self._lost(observer, error)

    def fail(self, text: str) -> None:
        """Record a failure of the run; the first thousand are kept."""
        if len(self.failures) < 1000:
            self.failures.append(text)

    def subscriptions(self, chart: Chart) -> Subscriptions:
        """The subscriptions of ``chart``."""
        found = self._subscriptions.get(chart)
        if found is None:
            found = self._subscriptions[chart] = Subscriptions(chart)
        return found

    def announce(self, actor: Actor, event: str, data: Any) -> None:
        """Report a root machine's ``out`` event to the observers."""
        definition = actor.machine.chart.events.get(event)
        fields = definition.payload if definition is not None else None
        self.note(actor.path, "out", event, data if isinstance(data, Mapping) else {"value": data}, fields)

    def register(
        self,
        machine: Stepper,
        path: str,
        parent: Actor | None,
        effect: StartChild | None,
        server: Server | None = None,
    ) -> Actor:
        """Take in a machine: a root, the child that ``effect`` of its parent starts, or the machine of a ``server``."""
        self._numbers += 1
        actor = Actor(self, machine, path, self._numbers, parent)
        if server is not None:
            actor.server = self.servers[path] = server
        elif parent is None:
            self.roots[path] = actor
        elif effect is not None:
            actor.invoke, actor.key, actor.depth = effect.invoke, effect.key, parent.depth + 1
            actor.source, actor.is_device = effect.source, parent.is_device
            if parent.children is NOTHING:
                parent.children = {}
            parent.children[(effect.id, effect.key)] = actor
        machine.surroundings = actor
        actor.urgency = self.subscriptions(machine.chart).urgency
        self._sessions[machine.session_id] = actor
        if machine.chart.joint_invariants:
            self.joint.register(actor)
        return actor

    def replace(self, actor: Actor, machine: Stepper) -> None:
        """Another machine in the place of one that has not begun: the one a snapshot was taken of."""
        self._sessions.pop(actor.machine.session_id, None)
        actor.machine = machine
        machine.surroundings = actor
        self._sessions[machine.session_id] = actor

    def begin(self, actor: Actor) -> None:
        """Run a machine's first macrostep."""
        actor.begun = True
        self._step(actor, "start", None, None, actor.machine.begin)

    def expire(self, actor: Actor, timer: str) -> None:
        """Run the macrostep of an expired ``after`` timer."""
        self._step(actor, "timer", None, timer, actor.machine.expire, timer)

    def stop(self, actor: Actor) -> None:
        """End a machine by its exit actions, then its children: no child outlives its parent, and a child receives what
        its parent's exit actions send. Other waiting events of the machine are dropped, each with a note."""
        if not actor.is_running:
            return
        if actor.parent is not None and actor.begun:
            self._hear_parent(actor, actor.parent)
        self._leave(actor, "stopped")

    def _hear_parent(self, actor: Actor, parent: Actor) -> None:
        """The last words of a parent that ends its child in the same step."""
        origin = f"#_scxml_{parent.machine.session_id}"
        for event in self._queues.take_from(actor, origin):
            if actor.is_running:
                self._step(actor, "event", event, None, actor.machine.process, event)

    def _leave(self, actor: Actor, state: str) -> None:
        if not actor.is_running:
            return
        actor.state = "stopping"  # takes no more events, but its exit actions may still call adapters and tell children
        if actor.begun:
            self._step(actor, "stop", None, None, actor.machine.finish)
        self.ended(actor, state)

    def stop_children(self, actor: Actor) -> None:
        """End a machine's children, the last started first."""
        for child in reversed(list(actor.children.values())):
            self.stop(child)

    def ended(self, actor: Actor, state: str) -> None:
        """Clean up after a machine has ended: children, calls, timers and roles; and tell its parent."""
        if actor.state not in ("running", "stopping"):
            return
        self.stop_children(actor)
        for call in actor.calls.values():
            call.binding.cancel_call(call.call_id)
        actor.calls.clear()
        actor.drop_deadlines()
        for binding in set(actor.roles.values()):
            binding.detach(actor)
        actor.state = state
        self.joint.leave(actor)
        self._sessions.pop(actor.machine.session_id, None)
        for queued in self._queues.close(actor):
            if state != "done":
                self.note(actor.path, "dropped", f"{queued.event.name}: the machine has ended ({state})")
        if actor.parent is not None and actor.invoke is not None:
            self._tell_parent(actor, actor.parent, actor.invoke.id, state)
        if actor.server is not None:
            actor.server.ended(state)
        self.wake()

    # ------------------------------------------------------------ private

    def _take(self) -> None:
        queued = self._queues.take()
        actor, event = queued.actor, queued.event
        sent = queued.sender is not None or queued.call_id
        if sent and self.superseded(actor, queued):  # its name would now be read as its successor's
            self.note(actor.path, "dropped", f"{event.name}: of one that was started anew since")
            return
        if actor.children and self.subscriptions(actor.machine.chart).forwards:
            for child in list(actor.children.values()):
                if getattr(child.invoke, "autoforward", False):
                    self.enqueue(child, event)
        try:
            step = actor.machine.process(event)
        except Exception as error:
            self._broke(actor, error)
            return
        self._after_step(actor, "event", event, None, step)

    def _step(
        self,
        actor: Actor,
        cause: str,
        event: Event | None,
        timer: str | None,
        compute: Callable[..., Step],
        *given: Any,
    ) -> None:
        try:
            step = compute(*given)
        except Exception as error:
            self._broke(actor, error)
            return
        self._after_step(actor, cause, event, timer, step)

    def _after_step(self, actor: Actor, cause: str, event: Event | None, timer: str | None, step: Step) -> None:
        if self.joint.any:
            self.joint.touched[actor] = None
        if not step.handled and event is not None:
            if actor.unhandled is NOTHING:
                actor.unhandled = {}
            actor.unhandled[event.name] = actor.unhandled.get(event.name, 0) + 1
            if actor.machine.chart.strict:
                self.fail(f"{actor.path}: no state handles {event.name!r} (the chart is strict)")
        if step.failures and "error.invariant" in step.raised:
            for failure in step.failures:
                self.fail(f"{actor.path}: {failure.message} ({failure.position})")
        if self.observers:
            record = StepRecord(self.clock.now_ns(), actor, cause, event, timer, step)
            for observer in self.observers.copy():
                try:
                    observer.step(record)
                except Exception as error:
                    self._lost(observer, error)
        if actor.server is not None:
            actor.server.stepped(step)
        if step.effects:
            effects.perform(self, actor, step)
        if actor.machine.done and actor.state == "running":
            self.ended(actor, "done")

    def _lost(self, observer: Observer, error: Exception) -> None:
        """An observer raised. That must not keep effects from being carried out: it is told nothing more, and its fault
        is raised when the present event is done."""
        self.observers.remove(observer)
        self._fault = self._fault or error

    def _raise_fault(self) -> None:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault

    def _broke(self, actor: Actor, error: Exception) -> None:
        """The core raised: an eventless loop, or our fault. Its exit actions run if they can; the rest lives on."""
        actor.failure = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        self.note(actor.path, "machine_failed", actor.failure, {"traceback": trace})
        if actor.state == "stopping":
            self.ended(actor, "failed")
        else:
            self._leave(actor, "failed")

    def _tell_parent(self, actor: Actor, parent: Actor, child_id: str, state: str) -> None:
        parent.children.pop((child_id, actor.key), None)
        key = {"key": actor.key} if actor.key is not None else {}
        if state == "done":
            data: Any = actor.output
            if isinstance(data, Mapping) or data is None:
                data = {**(data or {}), **key} or None
            event = Event(f"done.invoke.{child_id}", data, "platform", invokeid=child_id)
        elif state == "failed":
            event = Event(f"error.invoke.{child_id}", {"reason": actor.failure, **key}, "platform", invokeid=child_id)
        else:
            return
        if parent.is_running:
            self.enqueue(parent, event, sender=actor)

    def _livelock(self) -> None:
        raise RunawayError(
            f"{self.limits.burst} events at one instant ({self.clock.now_ns()} ns) and no end: "
            f"{', '.join(self._queues.busy()[:5]) or 'the machines'} keep sending events; give one of the sends a delay"
        )


def _role_of_unit(chart: Chart, role: str) -> tuple[str, int, str] | None:
    """``outlet2.pilot`` as (unit, number, role); None when it names no unit of the chart."""
    head, _, own = role.partition(".")
    name = head.rstrip("0123456789")
    return (name, int(head[len(name) :]), own) if name in chart.units and name != head else None


def _whole(time_ns: int) -> None:
    if type(time_ns) is not int:
        raise ClockError(f"time is told in whole nanoseconds, not by {time_ns!r}")


def _no_loop(work: Coroutine[Any, Any, None], report: Callable[[str], None]) -> None:
    work.close()
    report("this adapter needs the real clock; run without --fast")
