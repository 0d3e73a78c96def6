"""Executable content → Python source: blocks of actions as statements of a plan.

A plan has the locals ``m`` (machine), ``D`` (its data), ``P`` (parameters), ``d`` (payload of the event being
processed), ``w`` (the macrostep's :class:`~engine.semantics.compiled.runtime.Work`, or None in a direct plan), ``E``
(effects) and, traced, ``C`` (changes).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, assert_never

from engine.language.expr import tree
from engine.language.model import (
    Action,
    Assign,
    Block,
    CallAction,
    Cancel,
    Chart,
    Defer,
    Foreach,
    If,
    Invoke,
    Log,
    Raise,
    Send,
    Spawn,
    Stop,
    Timer,
)
from engine.language.position import Position
from engine.language.traverse import actions_of
from engine.language.types import Kind
from engine.language.values import EvaluationError
from engine.semantics.compiled.codegen_expressions import Expression, Scope, whole_range
from engine.semantics.compiled.codegen_source import Source
from engine.semantics.shared import INNER_ROUNDS_BOUND, send_target, with_optional
from engine.semantics.step import (
    Call,
    CancelSend,
    CancelTimer,
    Event,
    LogText,
    SendEvent,
    StartTimer,
    StopChild,
)

Fields = tuple[tuple[str, tree.Expr], ...]

Goes = Literal["queue", "internal", "machine", "session", "somewhere"]
"""Where a send goes, as known when its plan is written: the own queues, a child or the parent, a session that must be
seen to run; ``somewhere`` is decided when it runs."""


class NotStatic(Exception):
    """A plan that was tried with constant effects only has an effect that must be computed."""


class Blocks:
    """Writes blocks into one function.

    ``constants`` collects the constant effects while the plan is tried with no others; it is None when effects go to
    ``E``. ``direct``: the plan has no ``w`` until an error happens.
    """

    def __init__(
        self,
        source: Source,
        scope: Scope,
        chart: Chart,
        children: frozenset[str],
        traced: bool,
        direct: bool = False,
        constants: list[Any] | None = None,
    ) -> None:
        self.source = source
        self.scope = scope
        self.chart = chart
        self.children = children
        self.traced = traced
        self.direct = direct
        self.constants = constants
        self.faulty = False  # an error may happen somewhere in the plan
        self.assigns = False
        self._fails = False  # … in the block in work
        self._depth = 0  # of if and foreach
        self._rounds = ""  # the local that counts the rounds of inner foreach down

    def reset(self, conf: int | None, faulty: bool, assigns: bool) -> None:
        """Start over after :class:`NotStatic`: effects are collected when the plan runs."""
        self.scope.conf, self.scope.fields = conf, frozenset()
        self.faulty, self.assigns = faulty, assigns
        self.constants = None
        self._fails, self._depth, self._rounds = False, 0, ""

    # ------------------------------------------------------------ expressions

    def value(self, expr: tree.Expr) -> str:
        """Source of a value; remembers that the block may fail."""
        expression = Expression(self.source, self.scope)
        text = expression.of(expr)
        self._fails = self._fails or expression.fails
        return text

    def mapping(self, fields: Fields, given: Iterable[str] = ()) -> str:
        """Source of a payload; the names in ``given`` that ``fields`` lack are None."""
        names = dict(fields)
        parts = [f"{self.source.constant(name)}: None" for name in given if name not in names]
        parts += [f"{self.source.constant(name)}: {self.value(expr)}" for name, expr in fields]
        return "{" + ", ".join(parts) + "}"

    # ------------------------------------------------------------ blocks

    def block(self, block: Block) -> None:
        """Write one block; an error in it skips its rest and becomes an event. Raises :class:`NotStatic`."""
        if not block:
            return
        start = len(self.source.lines)
        effects = None if self.constants is None else len(self.constants)
        self._fails = False
        sends = any(isinstance(a, Send) and (a.id or a.id_location) for a in actions_of(block))
        if sends:
            self.source.add('sid = ""')
        for action in block:
            self.action(action)
        self.source.place = None
        if self._fails:
            if effects is not None and self.constants is not None and len(self.constants) > effects:
                raise NotStatic
            self.guarded(start, "sid" if sends else "")

    def guarded(self, start: int, sendid: str = "", *after: str, transition: str = "") -> None:
        """Put the lines from ``start`` on under a ``try`` that records the error; of a ``transition``'s guard, once."""
        self.faulty = True
        self.source.place = None
        work = self.source.work
        handler = f"w = fault({work}, x, LINES{', ' + sendid if sendid else ''})"
        if transition:
            handler = f"w = guard_fault({work}, x, LINES, {self.source.constant(transition)})"
        self.source.guard(start, [handler, *after])
        self._fails = False

    def attempt(self, name: str, text: str, position: Position) -> None:
        """``name = text``; None after an error."""
        start = len(self.source.lines)
        self.source.place = position
        self.source.add(f"{name} = {text}")
        self.source.place = None
        if self._fails:
            self.guarded(start, "", f"{name} = None")

    def initial(self, name: str, value: tree.Expr, position: Position) -> None:
        """An item's initial value. One that fails leaves a typed item as it is, without a value; in imported documents
        it is None."""
        place = self.source.data(self.scope.slots[name])
        if self.chart.untyped:
            self.attempt(place, self.value(value), position)
            self.changed(name, place)
            return
        start = len(self.source.lines)
        self._fails = False
        text = self.value(value)
        self.source.place = position
        self.source.add(f"{place} = {text}")
        self.changed(name, place)
        self.source.place = None
        if self._fails:
            self.guarded(start)

    def effect(self, constant: Any) -> None:
        """Write a constant effect. Raises :class:`NotStatic` where it may not happen."""
        if self.constants is None:
            self.source.add(f"{self.source.effects}.append({self.source.constant(constant)})")
        elif self._depth:
            raise NotStatic
        else:
            self.constants.append(constant)

    def computed(self, text: str) -> None:
        """Write an effect that is made when the plan runs. Raises :class:`NotStatic` while only constant ones are
        tried."""
        if self.constants is not None:
            raise NotStatic
        self.source.add(f"{self.source.effects}.append({text})")

    def put(self, event: Event) -> None:
        """A constant event to the internal queue."""
        self.source.add(f"w.put({self.source.constant(event)})")

    # ------------------------------------------------------------ actions

    def action(self, action: Action) -> None:
        """One action."""
        self.source.place = action.position
        match action:
            case Defer():
                self.source.add("w.defer(m)")
            case Assign(name=name, value=value):
                self.assign(name, value)
            case Raise(event=event, data=data):
                self._raise(event, data)
            case Send():
                self._send(action)
            case Cancel(id=tree.Literal(value=str(id_))):
                self.effect(CancelSend(id_))
            case Cancel(id=expr):
                self.computed(f"CancelSend(show({self.value(expr)}))")
            case Log(parts=parts, label=label):
                self._log(parts, label)
            case If():
                self._if(action)
            case Foreach():
                self._foreach(action)
            case CallAction(role=role, action=name, args=args):
                if literal(args):
                    self.effect(Call(role, name, values(args)))
                else:
                    names = (self.source.constant(role), self.source.constant(name))
                    self.computed(f"Call({names[0]}, {names[1]}, {self.mapping(args)})")
            case Spawn(id=id_, key=key, input=given):
                node, name = self.source.constant(action), self.source.constant(id_)
                chosen = "None" if key is None else self._keep(self.value(key))
                self.computed(f"StartChild({name}, {node}, {self.mapping(given)}, {chosen})")
            case Stop(id=id_, key=None):
                self.effect(StopChild(id_))
            case Stop(id=id_, key=key):
                assert key is not None
                self.computed(f"StopChild({self.source.constant(id_)}, {self.value(key)})")
            case _:
                assert_never(action)

    def assign(self, name: str, value: tree.Expr) -> None:
        """``name`` takes ``value``, checked against its type where the loader asked for it."""
        slot = self.scope.slots.get(name)
        if slot is None:
            self._fails = True
            self.source.add(f"undeclared({self.source.constant(name)})")
            return
        place = self.source.data(slot)
        if isinstance(value, tree.Call) and value.function == "checked":
            inner = value.args[0]
            bounds = whole_range(value.type)
            whole = inner.type.kind is value.type.kind and not inner.type.optional
            if bounds is not None and whole:
                self._fails = True
                text = self.value(inner)
                self.source.add(f"v = {text}")
                type_ = self.source.constant(value.type)
                self.source.add(f"{place} = v if {bounds[0]} <= v <= {bounds[1]} else bad(v, {type_})")
                self.changed(name, "v")
                return
        self.source.add(f"{place} = {self.value(value)}")
        self.changed(name, place)

    def changed(self, name: str, text: str) -> None:
        """Traced: the item has a new value."""
        self.assigns = True
        if self.traced:
            self.source.add(f"{self.source.changes}[{self.source.constant(name)}] = {text}")

    def _raise(self, event: str, data: Fields) -> None:
        optional = self._optional(event)
        if literal(data):
            payload = {**dict.fromkeys(optional), **values(data)} if optional is not None else values(data) or None
            self.put(Event(event, payload, "internal"))
            return
        name = self.source.constant(event)
        self.source.add(f'w.put(Event({name}, {self.mapping(data, optional or ())}, "internal"))')

    def _optional(self, event: str) -> list[str] | None:
        """The optional payload fields of an event, None when it declares no payload."""
        definition = self.chart.events.get(event)
        if definition is None or not definition.payload:
            return None
        return [name for name, type_ in definition.payload.items() if type_.optional]

    def _log(self, parts: tuple[tree.Expr, ...], label: str) -> None:
        if all(isinstance(part, tree.Literal) and isinstance(part.value, str) for part in parts):
            self.effect(LogText("".join(str(part.value) for part in parts if isinstance(part, tree.Literal)), label))
            return
        texts = ", ".join(f"show({self.value(part)})" for part in parts)
        self.computed(f'LogText("".join(({texts},)), {self.source.constant(label)})')

    def _if(self, action: If) -> None:
        opened = 0
        self._depth += 1
        for guard, body in action.branches:
            if guard is None:
                self._nested(body)
                break
            condition = self.condition(guard, action.position)
            with self.source.block(f"if {condition}:"):
                self._nested(body)
            self.source.place = action.position
            self.source.add("else:")
            self.source.deeper(1)
            opened += 1
        for _ in range(opened):
            self.source.place = None
            self.source.add("pass")
            self.source.deeper(-1)
        self._depth -= 1

    def _nested(self, body: Block) -> None:
        for inner in body:
            self.action(inner)

    def condition(self, guard: tree.Expr, position: Position, transition: str = "") -> str:
        """A guard, of an ``if`` or of a transition: one that fails is false, and a block goes on (SCXML 5.9.1)."""
        expression = Expression(self.source, self.scope)
        text = expression.condition(guard)
        if not expression.fails:
            return text
        name = self.source.local()
        outer, self._fails = self._fails, True
        start = len(self.source.lines)
        self.source.place = position
        self.source.add(f"{name} = {text}")
        self.guarded(start, "", f"{name} = False", transition=transition)
        self._fails = outer
        return name

    def _foreach(self, action: Foreach) -> None:
        array = self.value(action.array)
        if not (action.array.type.kind is Kind.LIST and not action.array.type.optional):
            self._fails = True
            array = f"items_of({array})"
        item, position = self.source.local(), self.source.local()
        is_inner = bool(self._rounds)
        if not is_inner and any(isinstance(inner, Foreach) for inner in actions_of(action.body)):
            self._rounds = self.source.local()
            self.source.add(f"{self._rounds} = {INNER_ROUNDS_BOUND}")
        outer = self.scope.loop
        self.scope.loop = dict(outer)
        header = f"for {item} in {array}:" if action.index is None else f"for {position}, {item} in enumerate({array}):"
        self._depth += 1
        with self.source.block(header):
            if is_inner:
                self._fails = True
                self.source.add(f"if not {self._rounds}: endless()")
                self.source.add(f"{self._rounds} -= 1")
            for name, local in ((action.item, item), (action.index, position)):
                if name is None:
                    continue
                if name in self.scope.slots:
                    self.source.add(f"{self.source.data(self.scope.slots[name])} = {local}")
                    self.changed(name, local)
                    self.scope.loop.pop(name, None)
                else:
                    self.scope.loop[name] = local
            self._nested(action.body)
        if not is_inner:
            self._rounds = ""
        self._depth -= 1
        self.scope.loop = outer

    # ------------------------------------------------------------ events to others

    def _send(self, action: Send) -> None:
        """As the reference: id, type, target, event, data, key, delay are evaluated in this order."""
        constant = self._constant_send(action)
        if constant is not None:
            self.effect(constant)
            return
        source = self.source
        sendid = self._send_id(action)
        if action.type is not None:
            self._fails = True
            source.add(f"check_send_type({self.value(action.type)})")
        target, goes = self._target(action.target)
        name = self._event_text(action.event)
        data = self._send_data(action, name, target, goes)
        key = "None" if action.key is None else self._keep(self.value(action.key))
        delay = "0" if action.delay is None else self._delay(action.delay)
        type_ = '"scxml"' if action.type is not None else '""'
        if goes in ("queue", "machine"):
            self.computed(f"SendEvent({name}, {data}, {target}, {key}, {delay}, {sendid}, {type_})")
        else:
            if self.constants is not None:
                raise NotStatic
            self._fails = self._fails or action.delay is not None
            place = source.constant(str(action.position))
            given = f"{name}, {data}, {target}, {key}, {delay}, {sendid}, {type_}"
            source.add(f"send_to(m, w, {source.effects}, {place}, {given})")
        if sendid == "sid":
            source.add('sid = ""')

    def _constant_send(self, action: Send) -> SendEvent | None:
        """The effect of a send in which nothing is computed."""
        event, delay = action.event, action.delay
        others = (action.key, action.id_location, action.type, action.content)
        if any(other is not None for other in others) or not literal(action.data):
            return None
        if not (isinstance(event, tree.Literal) and isinstance(event.value, str) and event.value):
            return None
        if delay is not None and not (
            isinstance(delay, tree.Literal) and type(delay.value) is int and delay.value >= 0
        ):
            return None
        delay_ns = 0 if delay is None else delay.value if isinstance(delay, tree.Literal) else None
        if type(delay_ns) is not int or delay_ns < 0:
            return None
        target = None
        if action.target is not None:
            if not isinstance(action.target, tree.Literal):
                return None
            try:
                target = send_target(action.target.value, self.children)
            except EvaluationError:
                return None
        if target == "internal" or (target or "").startswith("#_scxml_"):
            return None
        payload: Any = values(action.data) or None
        if target is None:
            payload = with_optional(self.chart.events.get(event.value), payload)
        return SendEvent(event.value, payload, target, None, delay_ns, action.id or "")

    def _target(self, target: tree.Expr | None) -> tuple[str, Goes]:
        """Source of the target and what is known of it now."""
        if target is None:
            return "None", "queue"
        if isinstance(target, tree.Literal):
            try:
                resolved = send_target(target.value, self.children)
            except EvaluationError:
                pass  # raises again when it runs
            else:
                if resolved is None:
                    return "None", "queue"
                if resolved == "internal":
                    return '"internal"', "internal"
                return self.source.constant(resolved), "session" if resolved.startswith("#_scxml_") else "machine"
        self._fails = True
        return self._keep(f"send_target({self.value(target)}, {self.source.constant(self.children)})"), "somewhere"

    def _send_id(self, action: Send) -> str:
        if action.id_location is not None:
            self.source.add("m._sent += 1")
            self.source.add('sid = f"send.{m._sent}"')
            self._locate(action.id_location, "sid")
            return "sid"
        if action.id:
            self.source.add(f"sid = {self.source.constant(action.id)}")
            return "sid"
        return '""'

    def _locate(self, name: str, text: str) -> None:
        """Put an id where ``id_location`` says."""
        slot = self.scope.slots.get(name)
        if slot is None:
            self._fails = True
            self.source.add(f"undeclared({self.source.constant(name)})")
        else:
            self.source.add(f"{self.source.data(slot)} = {text}")
            self.changed(name, text)

    def _event_text(self, event: tree.Expr) -> str:
        if isinstance(event, tree.Literal) and isinstance(event.value, str) and event.value:
            return self.source.constant(event.value)
        self._fails = True
        return self._keep(f"event_name({self.value(event)})")

    def _send_data(self, action: Send, name: str, target: str, goes: Goes) -> str:
        if action.content is not None:
            return self._keep(self.value(action.content))
        own = goes in ("queue", "internal")
        if own and isinstance(action.event, tree.Literal):
            optional = self._optional(str(action.event.value))
            if optional is not None:
                return self._keep(self.mapping(action.data, optional))
        data = self._keep(self.mapping(action.data) if action.data else "None")
        if goes in ("machine", "session"):
            return data
        completed = f"with_optional({self.source.constant(self.chart.events)}.get({name}), {data})"
        return self._keep(completed if own else f'{completed} if {target} in (None, "internal") else {data}')

    def _delay(self, delay: tree.Expr) -> str:
        if isinstance(delay, tree.Literal) and type(delay.value) is int and delay.value >= 0:
            return str(delay.value)
        self._fails = True
        return self._keep(f"delay_of({self.value(delay)})")

    def _keep(self, text: str) -> str:
        """Evaluate now, in a local."""
        name = self.source.local()
        self.source.add(f"{name} = {text}")
        return name

    # ------------------------------------------------------------ timers, invocations

    def start_timer(self, timer: Timer) -> None:
        """The effect that starts an ``after`` timer; a delay without a value is an error and starts none."""
        if isinstance(timer.delay, tree.Literal) and type(timer.delay.value) is int and timer.delay.value >= 0:
            self.effect(StartTimer(timer.id, timer.delay.value))
            return
        start = len(self.source.lines)
        self.source.place = timer.position
        cache = self.source.constant({})
        self.computed(f"timer_of({cache}, {self.source.constant(timer.id)}, {self.value(timer.delay)})")
        self.guarded(start)

    def cancel_timer(self, timer: Timer) -> None:
        """The effect that cancels it."""
        self.effect(CancelTimer(timer.id))

    def start_invocation(self, inv: Invoke) -> None:
        """Arguments that have no value cancel the invocation (SCXML 6.4)."""
        start = len(self.source.lines)
        self._fails = False
        self.source.place = inv.position
        given = self._keep(self.mapping(inv.input))
        origin = "None" if inv.source is None else self._keep(self.value(inv.source))
        name = self.source.constant(inv.id)
        if inv.id_location is not None:
            self._locate(inv.id_location, name)
        if inv.role is not None and inv.action is not None:
            role, action = self.source.constant(inv.role), self.source.constant(inv.action)
            self.computed(f"StartCall({name}, {role}, {action}, {given})")
        else:
            self.computed(f"StartChild({name}, {self.source.constant(inv)}, {given}, None, {origin})")
        if self._fails:
            self.guarded(start)
        self.source.place = None


# ---------------------------------------------------------------- properties of actions


def literal(fields: Fields) -> bool:
    """Whether all values are constants."""
    return all(isinstance(expr, tree.Literal) for _, expr in fields)


def values(fields: Fields) -> dict[str, Any]:
    """The constants of ``fields``."""
    return {name: expr.value for name, expr in fields if isinstance(expr, tree.Literal)}


def raises(block: Block) -> bool:
    """Whether the block may put events into the internal queue other than by failing."""
    for action in actions_of(block):
        if isinstance(action, Defer):
            return True
        sent = action.sent()
        if sent is not None and sent.target is not None:
            target = sent.target
            if not isinstance(target, tree.Literal) or target.value in ("internal", "#_internal"):
                return True
            if isinstance(target.value, str) and target.value.startswith("#_scxml_"):
                return True  # the session may not run
    return False
