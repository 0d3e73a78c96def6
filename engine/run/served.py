"""A chart behind a role: it serves the role's contract in the place of an adapter.

Its machine has a queue like every other: an order waits there until the caller's step is done, so no machine is ever
stepped inside another's step. What it sends to its parent goes to the machines it serves. Its values are its data, as
old as their last assignment. It handles one call of a long action at a time; the next waits until that is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.adapter import Adapter, AdapterError
from engine.language.model import Chart, Contract
from engine.run.binding import Binding
from engine.semantics.step import Event, Step

if TYPE_CHECKING:
    from engine.run.actor import Actor
    from engine.run.system import System


@dataclass(frozen=True, slots=True)
class ServedChart:
    """The entry of ``adapters`` for a chart with ``serves:``: its parameters and the adapters of its own roles.
    ``below``: parameters of its children, by the path of their ids."""

    chart: Chart
    parameters: Mapping[str, Any] = field(default_factory=dict)
    adapters: Mapping[str, Adapter | ServedChart | Binding] = field(default_factory=dict)
    below: Mapping[tuple[str, ...], Mapping[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """An unanswered call of a long action. ``told``: the ``sendid`` of its order."""

    call_id: str
    args: Mapping[str, Any]
    told: str = ""  # empty: it waits for its turn
    place: int = 0  # in the line of a snapshot it was resumed from


class Server:
    """One serving chart of one system: between the role's binding and the chart's machine.

    Raises ``AdapterError`` for a chart that does not serve this contract, or that serves itself, however far around;
    ``ValueError`` for a parameter.
    """

    def __init__(self, system: System, owner: Actor, role: str, contract: Contract, given: ServedChart) -> None:
        path = f"{owner.path}/{role}"
        chart = given.chart
        refuse_other_contract(chart, role, contract)
        refuse_circle(chart, _above(owner))
        self.system = system
        self.owner = owner
        self.role = role
        self._contract = contract
        self._line: dict[str, deque[Call]] = {name: deque() for name in contract.actions}  # unanswered, by action
        self._set_ns: dict[str, int] = {}
        self._resumed: dict[tuple[str, str, str], Call] = {}  # calls of a snapshot, until their callers name them again
        self.silent = False  # those it serves know of its end
        for below, values in given.below.items():
            system.parameters[(path, *below)] = values
        self.actor = system.register(system.make(chart, given.parameters), path, None, None, self)
        for inner, adapter in given.adapters.items():
            if isinstance(adapter, Binding):
                system.bind_all(self.actor, {inner: adapter})
            else:
                system.bind(inner, self.actor, adapter, f"{path}.{inner}")
        self.binding = Binding(system, path, contract, _door(self))

    # ------------------------------------------------------------ from those it serves

    def open(self) -> None:
        """Begin its machine, before those it serves, or continue it from a snapshot."""
        self.actor.machine.tracing = True  # type: ignore[attr-defined]  # tells what each step assigns
        if self.actor.begun:
            self.system.restart_calls(self.actor)
        else:
            self._set_ns = dict.fromkeys(self._contract.values, self.system.clock.now_ns())
            self.system.begin(self.actor)

    def order(self, action: str, args: Mapping[str, Any]) -> None:
        """Queue an order. Raises ``AdapterError`` when the machine has ended."""
        self._need()
        self.system.enqueue(self.actor, Event(action, args or None))

    def call(self, action: str, call_id: str, args: Mapping[str, Any]) -> None:
        """Start a long action now, or when the call before it has been answered. Raises ``AdapterError`` when the
        machine has ended."""
        self._need()
        line = self._line[action]
        known = self._resumed.pop(self._key(call_id), None)
        line.append(Call(call_id, args, known.told, known.place) if known is not None else Call(call_id, args))
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
        """Pass on what the machine sends to its parent: an event of the contract, or the answer to a call."""
        action, _, how = event.partition(".")
        if how and action in self._line:
            self._answer(action, how, data or {})
        elif event in self._contract.events:
            self.binding.emit(event, data or {})
        else:
            self.system.announce(self.actor, event, data)

    def ended(self, state: str) -> None:
        """The machine has ended; its callers and calls are told, unless the run ends with it."""
        if self.silent:
            return
        self.binding.standing.clear()  # its exit actions have taken back what it had ordered, and answer for it
        waiting = [call for line in self._line.values() for call in line]
        for line in self._line.values():
            line.clear()
        self.binding.report(self._over())
        for call in waiting:
            self.binding.finish_call(call.call_id, None, self._over())

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
            self._resumed[key] = Call("", {}, str(call["told"]), place)
        if saved["state"] != "running":
            self.silent, self.actor.failure = True, str(saved["failure"])
            self.system.ended(self.actor, str(saved["state"]))

    # ------------------------------------------------------------ private

    def _key(self, call_id: str) -> tuple[str, str, str]:
        """Action, machine (below the one it serves) and invocation of a call."""
        actor, invocation, action = self.binding.caller(call_id)
        return action, actor.path.removeprefix(self.owner.path), invocation

    def _over(self) -> str:
        actor = self.actor
        how = {"failed": f"has failed: {actor.failure}", "stopped": "was stopped"}.get(actor.state, "has ended")
        return f"the chart {actor.machine.chart.name} behind it {how}"

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
            self.system.note(self.binding.role, "dropped", f"{action}.{how}, which nobody waits for")
            return
        call = line.popleft()
        if how == "done":
            self.binding.finish_call(call.call_id, data)
        else:
            self.binding.finish_call(call.call_id, None, str(data.get("reason", "")))
        self._next(action)


def _above(owner: Actor) -> list[Chart]:
    """The chart of a machine, of the one that it serves, and so on up."""
    found = [owner.machine.chart]
    server = owner.root.server
    while server is not None:
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
        "open": lambda self, port: server.open(),
        "cancel_call": lambda self, call_id: server.cancel(call_id),
        "age_ns": lambda self, value: server.age_ns(value),
    }
    for action in contract.actions.values():
        members[action.name] = _method(server, action.name, action.result is not None)
    for name in contract.values:
        members[name] = _property(server, name)
    kind: type[Adapter] = type(server.actor.machine.chart.name, (Adapter,), members)
    return kind({}, server.system.world)


def _method(server: Server, action: str, long: bool) -> Callable[..., None]:
    def call(self: Adapter, *, call_id: str, **arguments: Any) -> None:
        server.call(action, call_id, arguments)

    def order(self: Adapter, **arguments: Any) -> None:
        server.order(action, arguments)

    return call if long else order


def _property(server: Server, name: str) -> property:
    return property(lambda self: server.value(name))
