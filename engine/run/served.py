"""A chart behind a role: it serves the role's contract in the place of an adapter, as a machine of its own for that
role or as another root machine, which any number of roles may name.

Its machine has a queue like every other: an order waits there until the caller's step is done, so no machine is ever
stepped inside another's step. What it sends to its parent goes to the machines it serves. Its values are its data, as
old as their last assignment. It handles one call of a long action at a time; the next waits until that is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.adapter import Adapter, AdapterError, Port
from engine.language.model import Chart, Contract
from engine.run.binding import Binding
from engine.semantics.step import Event, Step

if TYPE_CHECKING:
    from engine.run.actor import Actor
    from engine.run.system import System


@dataclass(frozen=True, slots=True)
class ServedChart:
    """The entry of ``adapters`` for a chart with ``serves:``: its parameters and the adapters of its own roles.
    ``below``: parameters of its children, by the path of their ids. ``device``: it stands for a thing around the
    station; traces have its steps, views do not list them."""

    chart: Chart
    parameters: Mapping[str, Any] = field(default_factory=dict)
    adapters: Mapping[str, Adapter | ServedChart | Actor | Binding] = field(default_factory=dict)
    below: Mapping[tuple[str, ...], Mapping[str, Any]] = field(default_factory=dict)
    device: bool = False


@dataclass(slots=True)
class Call:
    """An unanswered call of a long action, to be answered at ``port``. ``told``: the ``sendid`` of its order."""

    port: Port | None
    call_id: str
    args: Mapping[str, Any]
    told: str = ""  # empty: it waits for its turn
    place: int = 0  # in the line of a snapshot it was resumed from


class Server:
    """One machine that serves: between it and the bindings of the roles it stands behind.

    ``owner``: the machine that it was made for; None for a root machine, which outlives those it serves.
    """

    def __init__(self, system: System, contract: Contract, owner: Actor | None = None, role: str = "") -> None:
        self.system = system
        self.owner = owner
        self.role = role
        self.actor: Actor  # by those who make it
        self.bindings: list[Binding] = []
        self._contract = contract
        self._line: dict[str, deque[Call]] = {name: deque() for name in contract.actions}  # unanswered, by action
        self._set_ns: dict[str, int] = {}
        self._resumed: dict[tuple[str, str, str], Call] = {}  # calls of a snapshot, until their callers name them again
        self.silent = False  # those it serves know of its end

    def bind(self, role: str) -> Binding:
        """One more role behind which it stands, under its name in the station."""
        binding = Binding(self.system, role, self._contract, _door(self))
        binding.machine = self.actor.path
        self.bindings.append(binding)
        return binding

    # ------------------------------------------------------------ from those it serves

    def open(self) -> None:
        """Begin its machine, before those it serves, or continue it from a snapshot. A root machine begins in its
        turn."""
        self.actor.machine.tracing = True  # type: ignore[attr-defined]  # tells what each step assigns
        if not self.actor.begun and not self._set_ns:
            self._set_ns = dict.fromkeys(self._contract.values, self.system.clock.now_ns())
        if self.owner is None:
            return
        if self.actor.begun:
            self.system.restart_calls(self.actor)
        else:
            self.system.begin(self.actor)

    def order(self, action: str, args: Mapping[str, Any]) -> None:
        """Queue an order. Raises ``AdapterError`` when the machine has ended."""
        self._need()
        self.system.enqueue(self.actor, Event(action, args or None))

    def call(self, action: str, port: Port, call_id: str, args: Mapping[str, Any]) -> None:
        """Start a long action now, or when the call before it has been answered. Raises ``AdapterError`` when the
        machine has ended."""
        self._need()
        line = self._line[action]
        known = self._resumed.pop(self._key(call_id), None)
        call = Call(port, call_id, args)
        if known is not None:
            call.told, call.place = known.told, known.place
        line.append(call)
        if known is not None:
            self._line[action] = line = deque(sorted(line, key=lambda call: call.place))
        if not any(action == waited for waited, _, _ in self._resumed):
            self._next(action)

    def cancel(self, call_id: str) -> None:
        """Cancel a call; the chart gets ``cancel.<action>`` when it has been told of the call."""
        for action, line in self._line.items():
            for call in line:
                if call.call_id == call_id:
                    line.remove(call)
                    if call.told:
                        name = f"cancel.{action}"
                        if self.actor.is_running and self.system.subscriptions(self.actor.machine.chart)(name):
                            self.system.enqueue(self.actor, Event(name))
                        self._next(action)
                    return

    def value(self, name: str) -> Any:
        """A value from the chart's data. Raises ``AdapterError`` when it has none or the machine has ended."""
        self._need()
        try:
            return self.actor.machine.data[name]
        except KeyError:
            raise AdapterError(f"{name!r} of {self.actor.path} has no value yet") from None

    def age_ns(self, name: str) -> int:
        """The time (ns) since a value was last assigned. Raises ``AdapterError`` when the machine has ended."""
        self._need()
        return self.system.clock.now_ns() - self._set_ns.get(name, 0)

    # ------------------------------------------------------------ from its machine

    def stepped(self, step: Step) -> None:
        """Note the assignments of a step of the machine, before its effects."""
        now_ns = self.system.clock.now_ns()
        for name in step.changes:
            if name in self._set_ns:
                self._set_ns[name] = now_ns

    def sent(self, event: str, data: Any) -> None:
        """Pass on what the machine sends to its parent: an event of the contract, or the answer to a call. People hear
        what a root machine sends."""
        action, _, how = event.partition(".")
        if how and action in self._line:
            self._answer(action, how, data or {})
            return
        if event in self._contract.events:
            for binding in self.bindings:
                binding.emit(event, data or {})
        if self.owner is None or event not in self._contract.events:
            self.system.announce(self.actor, event, data)

    def ended(self, state: str) -> None:
        """The machine has ended; its callers and calls are told, unless the run ends with it."""
        for binding in self.bindings:
            if binding.stale is not None:
                binding.stale.end()
        if self.silent:
            return
        waiting = [call for line in self._line.values() for call in line]
        for line in self._line.values():
            line.clear()
        for binding in self.bindings:
            binding.standing.clear()  # its exit actions have taken back what it had ordered, and answer for it
            binding.report(self._over())
        for call in waiting:
            if call.port is not None:
                call.port.failed(call.call_id, self._over())

    # ------------------------------------------------------------ snapshots

    def snapshot(self) -> dict[str, Any]:
        """The state that :mod:`engine.run.snapshot` keeps besides its machine's."""
        calls = [(*self._key(call.call_id), call.told) for line in self._line.values() for call in line]
        return {
            "state": self.actor.state,
            "failure": self.actor.failure,
            "ages": {name: self.system.clock.now_ns() - at_ns for name, at_ns in self._set_ns.items()},
            "unanswered": [
                {"action": action, "machine": machine, "invocation": invocation, "told": told}
                for action, machine, invocation, told in calls
            ],
        }

    def resume(self, saved: Mapping[str, Any]) -> None:
        """As it was, its machine restored already; its calls go on when those who made them name them again."""
        now_ns = self.system.clock.now_ns()
        self._set_ns = {name: now_ns - age for name, age in saved["ages"].items() if name in self._contract.values}
        for place, call in enumerate(saved["unanswered"]):
            key = (str(call["action"]), str(call["machine"]), str(call["invocation"]))
            self._resumed[key] = Call(None, "", {}, str(call["told"]), place)
        if saved["state"] != "running" and self.owner is not None:
            self.silent, self.actor.failure = True, str(saved["failure"])
            self.system.ended(self.actor, str(saved["state"]))

    # ------------------------------------------------------------ private

    def _key(self, call_id: str) -> tuple[str, str, str]:
        """Action, machine (below the one it was made for) and invocation of a call."""
        binding = next(one for one in self.bindings if one.knows(call_id))
        actor, invocation, action = binding.caller(call_id)
        return action, actor.path.removeprefix(self.owner.path if self.owner is not None else ""), invocation

    def _over(self) -> str:
        actor = self.actor
        how = {"failed": f"has failed: {actor.failure}", "stopped": "was stopped"}.get(actor.state, "has ended")
        what = f"the chart {actor.machine.chart.name}" if self.owner is not None else f"the machine {actor.path}"
        return f"{what} behind it {how}"

    def _need(self) -> None:
        if self.actor.state not in ("running", "stopping"):
            raise AdapterError(self._over())

    def _next(self, action: str) -> None:
        """Tell the chart of the first call in the line."""
        line = self._line[action]
        if line and not line[0].told and self.actor.is_running:
            call = line[0]
            call.told = call.call_id
            self.system.enqueue(self.actor, Event(action, call.args or None, sendid=call.told))

    def _answer(self, action: str, how: str, data: Mapping[str, Any]) -> None:
        line = self._line[action]
        waiting = (queued.event.sendid for _, queued in self.system.waiting(self.actor))
        if not line or line[0].told in waiting:  # the chart does not know the present one yet: it means one given up
            self.system.note(self.actor.path, "dropped", f"{action}.{how}, which nobody waits for")
            return
        call = line.popleft()
        assert call.port is not None
        if how == "done":
            call.port.done(call.call_id, **data)
        else:
            call.port.failed(call.call_id, str(data.get("reason", "")))
        self._next(action)


def behind_role(system: System, owner: Actor, role: str, contract: Contract, given: ServedChart) -> Binding:
    """A machine of its own behind a role of ``owner``, and its binding.

    Raises ``AdapterError`` for a chart that does not serve this contract, or that serves itself, however far around;
    ``ValueError`` for a parameter.
    """
    path = f"{owner.path}/{role}"
    refuse_other_contract(given.chart, role, contract)
    refuse_circle(given.chart, _above(owner))
    server = Server(system, contract, owner, role)
    for below, values in given.below.items():
        system.parameters[(path, *below)] = values
    server.actor = system.register(system.make(given.chart, given.parameters), path, None, None, server)
    server.actor.is_device = given.device or owner.is_device
    for inner, adapter in given.adapters.items():
        if isinstance(adapter, Binding):
            system.bind_all(server.actor, {inner: adapter})
        else:
            system.bind(inner, server.actor, adapter, f"{path}.{inner}")
    return server.bind(path)


def root_behind_role(client: Actor, role: str, contract: Contract, root: Actor) -> Binding:
    """A root machine behind a role of another machine. Raises ``AdapterError`` when it does not serve this contract, or
    is no root or the machine's own."""
    if root.parent is not None or root.path not in root.system.roots:
        raise AdapterError(f"{root.path} cannot stand behind role {role!r} of {client.path}: it is no root machine")
    if client.root is root:
        raise AdapterError(f"{root.path} cannot stand behind role {role!r} of its own")
    refuse_other_contract(root.machine.chart, role, contract)
    return serving(root).bind(f"{client.path}.{role}")


def serving(root: Actor) -> Server:
    """What stands between a root machine that serves and those it serves."""
    if root.server is None:
        contract = root.machine.chart.serves
        assert contract is not None
        root.server = Server(root.system, contract)
        root.server.actor = root
    return root.server


def _above(owner: Actor) -> list[Chart]:
    """The chart of a machine, of the one that it serves, and so on up."""
    found = [owner.machine.chart]
    server = owner.root.server
    while server is not None and server.owner is not None:
        found.append(server.owner.machine.chart)
        server = server.owner.root.server
    return found


def refuse_other_contract(chart: Chart, role: str, contract: Contract) -> None:
    """Raises ``AdapterError`` for a chart that does not serve the contract of a role."""
    if chart.serves is None:
        raise AdapterError(
            f"{chart.name} ({chart.file}) cannot stand behind role {role!r}: it does not say 'serves: {contract.name}'"
        )
    if chart.serves.name != contract.name:
        raise AdapterError(
            f"{chart.name} ({chart.file}) serves {chart.serves.name}, role {role!r} needs {contract.name}"
        )
    if chart.serves != contract:
        theirs, ours = chart.serves.position.file, contract.position.file
        raise AdapterError(f"{chart.name} serves {theirs}, role {role!r} keeps to {ours}: one contract file for both")


def refuse_circle(chart: Chart, above: list[Chart]) -> None:
    """``above``: the chart it is to serve, and those that one serves. Raises ``AdapterError`` when it is among them."""
    if any(chart is other or chart.text_hash == other.text_hash for other in above):
        way = " ← ".join([*(other.name for other in reversed(above)), chart.name])
        raise AdapterError(f"{chart.name} would serve itself: {way}")


def _door(server: Server) -> Adapter:
    """An adapter of the contract behind which the chart stands. Its attributes are the contract's and no others."""
    contract = server._contract
    members: dict[str, Any] = {
        "__doc__": f"The chart {server.actor.machine.chart.name}.",
        "contract": contract.name,
        "open": _opener(server),
        "cancel_call": lambda self, call_id: server.cancel(call_id),
        "age_ns": lambda self, value: server.age_ns(value),
    }
    for action in contract.actions.values():
        members[action.name] = _method(server, action.name, action.result is not None)
    for name in contract.values:
        members[name] = _property(server, name)
    kind: type[Adapter] = type(server.actor.machine.chart.name, (Adapter,), members)
    return kind({}, server.system.world)


def _opener(server: Server) -> Callable[[Adapter, Port], None]:
    def open(self: Adapter, port: Port) -> None:
        self.port = port
        server.open()

    return open


def _method(server: Server, action: str, long: bool) -> Callable[..., None]:
    def call(self: Adapter, *, call_id: str, **arguments: Any) -> None:
        server.call(action, self.port, call_id, arguments)

    def order(self: Adapter, **arguments: Any) -> None:
        server.order(action, arguments)

    return call if long else order


def _property(server: Server, name: str) -> property:
    return property(lambda self: server.value(name))
