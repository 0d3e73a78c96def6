"""An adapter bound to a role: checked against its contract when it is bound, guarded whenever it is used.

No exception of an adapter leaves this file: it becomes an ``error.adapter.<role>`` event that a chart decides about.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.adapter import Adapter, AdapterError, Cancellable, ConfigurationError
from engine.language.model import Contract, Pair
from engine.language.problems import suggestion
from engine.language.types import Type
from engine.language.values import Fields
from engine.run.faults import FaultRule, Faults
from engine.run.nothing import NOTHING
from engine.run.stale import StaleWatch
from engine.semantics.step import Event

if TYPE_CHECKING:
    from engine.run.actor import Actor
    from engine.run.system import System


# What an adapter raises is its fault, even a library's SystemExit; these are the user's and the interpreter's.
_PASSES = (KeyboardInterrupt, GeneratorExit)
NO_FIELDS: Mapping[str, Type] = {}


class Checks:
    """What orders, events and results are checked by, each made when it is first needed; one for all bindings of a
    system that say the same of them (a contract of a hundred messages would cost each of its adapters 200 kB).

    ``paired``: the pairs of unsafe orders that an action belongs to.
    """

    __slots__ = ("arguments", "contract", "paired", "payloads", "results")

    def __init__(self, contract: Contract) -> None:
        self.contract = contract  # kept: checks are known by its id
        self.arguments: dict[str, Fields] = {}  # by action
        self.payloads: dict[str, Fields] = {}  # by event
        self.results: dict[str, Fields] = {}  # by action
        self.paired: dict[str, list[Pair]] = {}
        for pair in contract.unsafe:
            for pattern in (pair.order, *pair.until):
                self.paired.setdefault(pattern.action, []).append(pair)


class Binding:
    """One adapter in one system. Machines attach with their own name for the role; a child uses its parent's binding.

    ``role`` is the name in the station file. Raises ``AdapterError`` when the adapter does not fulfil the contract.
    """

    __slots__ = (
        "_attached",
        "_begun_calls",
        "_calls",
        "_checks",
        "_hearers",
        "adapter",
        "contract",
        "faults",
        "is_open",
        "machine",
        "of_unit",
        "role",
        "stale",
        "standing",
        "system",
    )

    def __init__(self, system: System, role: str, contract: Contract, adapter: Adapter) -> None:
        missing = shortcomings(adapter, contract)
        if missing:
            raise AdapterError(
                f"{type(adapter).__module__}.{type(adapter).__qualname__} cannot be bound to role {role!r}: "
                f"contract {contract.name} asks for " + "; ".join(missing)
            )
        self.system = system
        self.role = role
        self.contract = contract
        self.adapter = adapter
        self.is_open = False
        self.machine = ""  # the path of the one that serves here, in the place of an adapter
        self.of_unit = False  # heard by a child that the machine of the unit starts
        self.faults: Faults | None = None  # what goes wrong on purpose
        checks = (role, id(contract), type(adapter))
        if checks not in system.checks:
            system.checks[checks] = Checks(contract)
        self._checks = system.checks[checks]
        self._attached: tuple[Actor, ...] = ()
        self._hearers: dict[str, list[tuple[Actor, str]]] = NOTHING  # of an event, with the name each knows it by
        self.standing: dict[Pair, str] = NOTHING  # unsafe orders that nobody has taken back, as they were given
        self._calls: dict[str, tuple[Actor, str, str]] = NOTHING  # call id -> machine, invocation id, action
        self._begun_calls = 0
        self.stale = StaleWatch(self) if contract.stale else None

    # ------------------------------------------------------------ machines

    def attach(self, actor: Actor) -> None:
        """Give the machine the adapter's events from now on, under its own names for the role (``Actor.roles``)."""
        if actor not in self._attached:
            self._attached = tuple(sorted((*self._attached, actor), key=lambda one: (one.depth, one.number)))
        self._hearers = NOTHING
        if self.stale is not None:
            self.stale.begin()

    def detach(self, actor: Actor) -> None:
        """Forget a machine that has ended."""
        self._attached = tuple(one for one in self._attached if one is not actor)
        self._hearers = NOTHING

    @property
    def attached(self) -> Sequence[tuple[Actor, str]]:
        """The machines that have the role, each with its own name for it, parents first."""
        return [(actor, role) for actor in self._attached for role, one in actor.roles.items() if one is self]

    # ------------------------------------------------------------ from the machines

    def open(self) -> None:
        """Open the adapter. Raises ``AdapterError``, naming the role, whatever the adapter raised."""
        try:
            self.adapter.open(_Port(self))
        except AdapterError as error:
            kind = ConfigurationError if isinstance(error, ConfigurationError) else AdapterError
            raise kind(f"role {self.role!r}: {error}") from error
        except _PASSES:
            raise
        except BaseException as error:
            raise AdapterError(f"role {self.role!r}: {self._name()} failed to open: {_told(error)}") from error
        self.is_open = True
        if self.stale is not None:
            self.stale.begin()

    def close(self) -> None:
        """Close the adapter; an exception is noted and goes no further."""
        self.is_open = False
        if self.stale is not None:
            self.stale.end()
        try:
            self.adapter.close()
        except _PASSES:
            raise
        except BaseException as error:
            self.system.note(self.role, "adapter_error", f"{self._name()} failed to close: {_told(error)}")

    def call(self, action: str, args: Mapping[str, Any]) -> None:
        """Carry out an order. A failure is an ``error.adapter.<role>`` event for every machine that has the role."""
        if self.faults is None:
            self._carry_out(action, args)
            return
        for delay_ns, struck in self.faults.strike(action, args, self.system.clock.now_ns()):
            self._in(delay_ns, lambda struck=struck: self._carry_out(action, struck))  # type: ignore[misc]

    def _in(self, delay_ns: int, run: Callable[[], None]) -> None:
        """Now, or when a fault has it; not any more when the adapter has been closed meanwhile."""
        if delay_ns:
            self.system.set_deadline(delay_ns, lambda: run() if self.is_open else None)
        else:
            run()

    def fault(self, name: str, rule: FaultRule) -> None:
        """Apply ``rule`` from now on to ``name``: an order, an event or a value of the contract."""
        if self.faults is None:
            self.faults = Faults(self._struck)
        self.faults.add(name, rule)
        if self.stale is not None:
            self.stale.begin()
        if name in self.contract.values and rule.action == "drop" and (rule.first, rule.last) == (1, None):
            self.system.set_deadline(rule.from_ns - self.system.clock.now_ns(), lambda: self._keep(name))

    def heal(self, name: str, text: str) -> int:
        """Take back the rules of this text on ``name``; how many there were."""
        return self.faults.remove(name, text) if self.faults is not None else 0

    def _keep(self, name: str) -> None:
        """Read a value as a rule begins to keep newer ones away: what it is now is what it stays."""
        with contextlib.suppress(AdapterError):  # whoever reads it is told
            self.read(name)

    def _struck(self, rule: FaultRule, name: str, number: int) -> None:
        self.system.note(self.role, "fault", rule.text, {"name": name, "number": number})

    def _carry_out(self, action: str, args: Mapping[str, Any]) -> None:
        try:
            checked = self._checked(action, args)
            if action in self._checks.paired:
                self._account(action, checked, begun=True)
            getattr(self.adapter, action)(**checked)
            if action in self._checks.paired:
                self._account(action, checked, begun=False)
        except _PASSES:
            raise
        except BaseException as error:
            if isinstance(error, ConfigurationError) and self.system.starting:
                self.system.type_error = self.system.type_error or ConfigurationError(f"role {self.role!r}: {error}")
            elif self.system.type_error is None:  # else the run ends before it begins, for the reason that it tells
                self.report(_told(error), action)

    def _account(self, action: str, args: Mapping[str, Any], begun: bool) -> None:
        """Which orders stand: an unsafe one from when it is tried, until the one that takes it back has not failed."""
        for pair in self._checks.paired[action]:
            if not pair.after(pair in self.standing, action, args):
                if not begun:
                    self.standing.pop(pair, None)
            elif pair not in self.standing:
                written = ", ".join(f"{name}={value!r}" for name, value in args.items())
                if self.standing is NOTHING:
                    self.standing = {}
                self.standing[pair] = f"{self.role}.{action}({written})"

    def new_call(self, actor: Actor, invocation: str, action: str) -> str:
        """The call id of a long action about to start."""
        self._begun_calls += 1
        call_id = f"{self.role}.{action}.{self._begun_calls}"
        if self._calls is NOTHING:
            self._calls = {}
        self._calls[call_id] = (actor, invocation, action)
        return call_id

    def knows(self, call_id: str) -> bool:
        """Whether a call is one of this binding's, not ended yet."""
        return call_id in self._calls

    def caller(self, call_id: str) -> tuple[Actor, str, str]:
        """Machine, invocation and action of a call that has not ended."""
        return self._calls[call_id]

    def start_call(self, call_id: str, args: Mapping[str, Any]) -> None:
        """Start a long action. A failure to start is ``error.invoke.<id>``."""
        action = self._calls[call_id][2]
        if self.faults is None:
            self._start(call_id, action, args)
            return
        for delay_ns, struck in list(self.faults.strike(action, args, self.system.clock.now_ns()))[:1]:
            self._in(delay_ns, lambda struck=struck: self._start(call_id, action, struck))  # type: ignore[misc]

    def _start(self, call_id: str, action: str, args: Mapping[str, Any]) -> None:
        if call_id not in self._calls:
            return  # given up before a fault let it begin
        try:
            checked = self._checked(action, args)
            getattr(self.adapter, action)(call_id=call_id, **checked)
        except _PASSES:
            raise
        except BaseException as error:
            self.finish_call(call_id, None, _told(error))

    def cancel_call(self, call_id: str) -> None:
        """Cancel a long action whose invoking state was left."""
        if self._calls.pop(call_id, None) is None:
            return
        try:
            self.adapter.cancel_call(call_id)
        except _PASSES:
            raise
        except BaseException as error:
            self.report(_told(error), "cancel_call")

    def read(self, name: str) -> Any:
        """A readable value as the adapter gives it, not checked yet. Raises ``AdapterError``."""
        if name not in self.contract.values:
            of, _, what = name.rpartition(".")
            if what == "age" and of in self.contract.values:
                return self.age_ns(of)
            raise AdapterError(
                f"contract {self.contract.name} has no value {name!r}{suggestion(name, self.contract.values)}"
            )
        try:
            value = getattr(self.adapter, name)
            return value if self.faults is None else self.faults.value(name, value, self.system.clock.now_ns())
        except _PASSES:
            raise
        except BaseException as error:
            raise AdapterError(f"{self.role}.{name} cannot be read: {_told(error)}") from error

    def age_ns(self, name: str) -> int:
        """``role.value.age``. Raises ``AdapterError``."""
        try:
            age_ns = self.adapter.age_ns(name)
            if type(age_ns) is not int:
                raise AdapterError(f"age_ns() gave {age_ns!r}, no whole number of nanoseconds")
            return age_ns if self.faults is None else self.faults.age_ns(name, age_ns, self.system.clock.now_ns())
        except _PASSES:
            raise
        except BaseException as error:
            raise AdapterError(f"{self.role}.{name}.age cannot be read: {_told(error)}") from error

    # ------------------------------------------------------------ from the adapter

    def emit(self, event: str, payload: Mapping[str, Any]) -> None:
        """Send an event of the contract to every machine that has the role, parents first."""
        definition = self.contract.events.get(event)
        if definition is None:
            self.report(
                f"{self._name()} sent event {event!r}, which contract {self.contract.name} does not have"
                + suggestion(event, self.contract.events)
            )
            return
        if definition.payload is None:
            self._broadcast(event, dict(payload))
            return
        try:
            checks = self._checks.payloads.get(event)
            if checks is None:
                checks = _made(self._checks.payloads, event, definition.payload, f"event {event!r} of {self._name()}")
            data = checks.check(payload)
        except ValueError as error:
            self.report(str(error))
            return
        if self.faults is None:
            self._broadcast(event, data)
            return
        for delay_ns, struck in self.faults.strike(event, data, self.system.clock.now_ns()):
            self._in(delay_ns, lambda struck=struck: self._broadcast(event, struck))  # type: ignore[misc]

    def finish_call(self, call_id: str, result: Mapping[str, Any] | None, reason: str = "") -> None:
        """Report the end of a long action: with ``result`` it went well, with None it failed. An action nobody waits
        for is noted."""
        waiting = self._calls.pop(call_id, None)
        if waiting is None:
            self.system.note(self.role, "dropped", f"{self._name()} ended call {call_id}, which nobody waits for")
            return
        actor, invocation, action = waiting
        definition = self.contract.actions[action]
        if result is not None:
            try:
                checks = self._checks.results.get(action)
                if checks is None:
                    what = f"result of {self.role}.{action}"
                    checks = _made(self._checks.results, action, definition.result or NO_FIELDS, what)
                data = checks.check(result)
            except ValueError as error:
                result, reason = None, str(error)
        if result is None:
            data = {"reason": reason}
        actor.call_ended(invocation, call_id)
        kind = "done" if result is not None else "error"
        event = Event(f"{kind}.invoke.{invocation}", data, "platform", invokeid=invocation)
        self.system.enqueue(actor, event, call_id=call_id)

    def report(self, message: str, action: str = "") -> None:
        """Report a fault of the adapter: ``error.adapter.<role>`` for every machine that has the role."""
        self.system.note(self.role, "adapter_error", message, {"action": action})
        self._tell("error.adapter.{}", {"action": action, "message": message}, "platform")

    # ------------------------------------------------------------ private

    def _broadcast(self, event: str, data: dict[str, Any], later: bool = False) -> None:
        if not self._attached and self.of_unit and not later:  # who hears it may be about to start
            self.system.set_deadline(0, lambda: self._broadcast(event, data, True))
            return
        if not self._attached and any(root.is_running for root in self.system.roots.values()):
            text = f"no live machine has the role for {self.role}.{event}"
            self.system.note(self.role, "undelivered", text, data, self.contract.events[event].payload)
        self._tell("{}." + event, data, "external")

    def _tell(self, pattern: str, data: dict[str, Any], kind: str) -> None:
        """To every machine that has a transition for it in some state; if none has, to the first, which records it.

        What an adapter says before its machine has begun is kept until it and its children have.
        """
        if pattern in self._hearers or all(actor.begun for actor in self._attached):
            self._queue(pattern, data, kind)
        else:
            self.system.set_deadline(0, lambda: self._queue(pattern, data, kind))

    def _queue(self, pattern: str, data: dict[str, Any], kind: str) -> None:
        hearers = self._hearers.get(pattern)
        if hearers is None:
            named = [(actor, pattern.format(role)) for actor, role in self.attached]
            hearers = [(a, n) for a, n in named if self.system.subscriptions(a.machine.chart)(n)] or named[:1]
            if self._hearers is NOTHING:
                self._hearers = {}
            self._hearers[pattern] = hearers
        for actor, name in hearers:
            self.system.enqueue(actor, Event(name, data, kind))

    def _checked(self, action: str, args: Mapping[str, Any]) -> dict[str, Any]:
        if not self.is_open:
            raise AdapterError(f"the adapter of role {self.role!r} is not open")
        definition = self.contract.actions.get(action)
        if definition is None:
            known = suggestion(action, self.contract.actions)
            raise AdapterError(f"contract {self.contract.name} has no action {action!r}{known}")
        checks = self._checks.arguments.get(action)
        if checks is None:
            checks = self._checks.arguments[action] = Fields(definition.args, f"{self.role}.{action}", by_chart=True)
        return checks.check(args)

    def _name(self) -> str:
        return f"adapter {self.role} ({type(self.adapter).__name__})"


def _made(of: dict[str, Fields], name: str, fields: Mapping[str, Type], what: str) -> Fields:
    checks = of[name] = Fields(fields, what)
    return checks


class _Port:
    """The :class:`engine.adapter.Port` of one binding."""

    __slots__ = ("_binding", "_system", "now_ns")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._system = binding.system
        self.now_ns = binding.system.clock.now_ns  # asked more often than anything else

    @property
    def role(self) -> str:
        return self._binding.role

    def emit(self, event: str, /, **payload: Any) -> None:
        self._binding.emit(event, payload)

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Cancellable:
        return self._system.set_deadline(delay_ns, lambda: self._guarded(callback))

    def done(self, call_id: str, /, **result: Any) -> None:
        self._binding.finish_call(call_id, result)

    def failed(self, call_id: str, reason: str) -> None:
        self._binding.finish_call(call_id, None, reason)

    def error(self, message: str) -> None:
        self._binding.report(message)

    def tell(self, message: str, /, **data: Any) -> None:
        self._system.note(self._binding.role, "adapter_note", message, data)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._system.spawn_work(work, self._binding.report)

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        self._system.hand_over(lambda: self._guarded(callback))

    def _guarded(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except _PASSES:
            raise
        except BaseException as error:
            self._binding.report(_told(error))


def shortcomings(adapter: Adapter, contract: Contract) -> list[str]:
    """What the adapter lacks of the contract, one text each. It only looks: nothing is called or read."""
    missing: list[str] = []
    declared = getattr(adapter, "contract", None)
    if declared != contract.name:
        missing.append(f"an adapter that declares contract = {contract.name!r} (this one declares {declared!r})")
    for name, action in contract.actions.items():
        wanted = list(action.args) + (["call_id"] if action.result is not None else [])
        written = f"{name}({', '.join(wanted)})"
        if not callable(method := _static(adapter, name)):
            missing.append(f"the method {written}")
            continue
        problem = _signature_problem(method, wanted)
        if problem:
            missing.append(f"the method {written}, but it {problem}")
    for name in contract.values:
        if _static(adapter, name) is _NOTHING:
            missing.append(f"the attribute or property {name}")
    return missing


_NOTHING = object()


def _static(adapter: Adapter, name: str) -> Any:
    """The attribute without running properties or the like. What its class says is asked first: a look into the adapter
    itself costs it a dictionary (64 bytes, and each of its attributes is found a little later for ever)."""
    found = inspect.getattr_static(type(adapter), name, _NOTHING)
    if not isinstance(found, types.FunctionType | property):
        found = inspect.getattr_static(adapter, name, _NOTHING)
    return getattr(adapter, name) if isinstance(found, types.FunctionType) else found


def _signature_problem(method: Callable[..., Any], wanted: list[str]) -> str:
    function = getattr(method, "__func__", None)
    return _asked_differently(method, wanted) if function is None else _method_problem(function, tuple(wanted))


@functools.lru_cache(maxsize=4096)
def _method_problem(function: Callable[..., Any], wanted: tuple[str, ...]) -> str:
    """Of a class's method: the same for all its adapters, and a signature takes long to find out."""
    return _asked_differently(types.MethodType(function, object()), list(wanted))


def _asked_differently(method: Callable[..., Any], wanted: list[str]) -> str:
    if inspect.iscoroutinefunction(method):
        return "is a coroutine; make it a plain method that starts one with port.spawn"
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):  # implemented in C: found out when it is called
        return ""
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    by_name = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    absent = [name for name in wanted if name not in by_name and not takes_all]
    extra = [p.name for p in by_name.values() if p.name not in wanted and p.default is p.empty]
    extra += [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY and p.default is p.empty]
    texts = []
    if absent:
        texts.append(f"does not take {', '.join(absent)}")
    if extra:
        texts.append(f"asks for {', '.join(extra)}, which the contract does not give")
    return " and ".join(texts)


def _told(error: BaseException) -> str:
    text = str(error) or "no message"
    return text if isinstance(error, AdapterError) else f"{type(error).__name__}: {text}"
