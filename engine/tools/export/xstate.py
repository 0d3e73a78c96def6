"""A chart as XState v5 machine configuration (stately.ai/docs), in JSON that ``createMachine`` takes as it is.

Guards and actions are named implementations with parameters. Their expressions are small JSON trees (``["+", ["data",
"x"], 1]``) that ``engine/tools/export/xstate_runtime.mjs`` evaluates, so the JSON holds no code. Delays, initial values
and invoked charts are in the root's ``meta.chargechart``.
"""

from __future__ import annotations

import json
from typing import Any

from engine.language.expr import tree
from engine.language.expr.tree import Expr, Literal
from engine.language.model import (
    Action,
    Assign,
    Block,
    CallAction,
    Cancel,
    Chart,
    Foreach,
    If,
    Invoke,
    Log,
    Raise,
    Send,
    Spawn,
    State,
    StateKind,
    Stop,
    Transition,
)
from engine.language.types import Kind
from engine.semantics.shared import name_matches
from engine.tools.export.losses import MAIN_LOST, SHUTDOWN_LOST, Construct, Exported, lose_period

Json = Any


def export_xstate(chart: Chart) -> Exported:
    """The configuration and what it could not carry."""
    exported = Exported()
    config = _Export(chart, exported).config()
    exported.text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    return exported


class _Export:
    def __init__(self, chart: Chart, exported: Exported) -> None:
        self.chart = chart
        self.exported = exported
        self.at = ""
        self.delays: dict[str, Json] = {}
        self.charts: dict[str, Json] = {}
        self.known = self._known_events()

    def _known_events(self) -> set[str]:
        names = set(self.chart.events)
        for role, contract in self.chart.adapters.items():
            names |= {f"{role}.{event}" for event in contract.events}
        for state in self.chart.root.walk():
            for invoke in state.invokes:
                if invoke.chart is not None:
                    names |= {f"{invoke.id}.{e}" for e, d in invoke.chart.events.items() if d.direction == "out"}
        return names

    def lose(self, construct: Construct, what: str, where: str | None = None) -> None:
        self.exported.lose(construct, self.at if where is None else where, what)

    # ------------------------------------------------------------ the whole

    def config(self) -> Json:
        """The configuration of this chart."""
        root = self._state(self.chart.root)
        items: dict[str, Json] = {}
        for parameter in self.chart.parameters.values():
            self.at = f"parameter {parameter.name}"
            items[parameter.name] = None if parameter.default is None else self.expr(parameter.default)
        for data in self.chart.data.values():
            self.at = f"data {data.name}"
            items[data.name] = None if data.initial is None else self.expr(data.initial)
        if items:
            self.lose(Construct.TYPES, "data are untyped; durations are whole nanoseconds, other units as declared", "")
        if self.chart.strict:
            self.lose(Construct.STRICT, "an unhandled event is silently dropped", "")
        if self.chart.shutdown is not None:
            self.exported.lose(Construct.SHUTDOWN, "", SHUTDOWN_LOST, self.chart.shutdown.position)
        if self.chart.main:
            self.exported.lose(Construct.MAIN, "", MAIN_LOST, self.chart.position)
        own = {
            "model": self.chart.text_hash,
            "parameters": list(self.chart.parameters),
            "initial": items,
            "delays": self.delays,
            "charts": self.charts,
        }
        return {"id": self.chart.name, "version": self.chart.version or None, **root, "meta": {"chargechart": own}}

    # ------------------------------------------------------------ states

    def _path(self, state: State) -> str:
        return f"{self.chart.name}.{state.id}" if state.id else self.chart.name

    def _state(self, state: State) -> Json:
        self.at = state.id
        result: dict[str, Json] = {}
        match state.kind:
            case StateKind.SHALLOW_HISTORY | StateKind.DEEP_HISTORY:
                deep = state.kind is StateKind.DEEP_HISTORY
                result |= {"type": "history", "history": "deep" if deep else "shallow"}
                if state.history_default is not None:
                    result["target"] = self._targets(state.history_default)[0]
                    if state.history_default.actions:
                        self.lose(Construct.ACTION, "actions of a history's default transition are left out")
                return result
            case StateKind.PARALLEL:
                result["type"] = "parallel"
            case StateKind.FINAL:
                result["type"] = "final"
                if state.output or state.output_content is not None:
                    result["output"] = {"$fields": {name: self.expr(value) for name, value in state.output}}
                    self.lose(Construct.OUTPUT, "the output is computed by xstate_runtime.mjs only")
        if state.title or state.description:
            result["description"] = " ".join(t for t in (state.title, state.description) if t)
        if state.initial is not None:
            result["initial"] = self._initial(state, state.initial)
        for key, blocks in (("entry", state.entry), ("exit", state.exit)):
            self.at = f"{state.id}/{key}"
            actions = [a for block in blocks for a in self._actions(block)]
            if actions:
                result[key] = actions
        for invoke in state.invokes:
            self._invoke(invoke, state, result)
        self._transitions(state, result)
        for invariant in (*state.invariants, *state.joint_invariants):
            self.exported.lose(Construct.INVARIANT, state.id, f"'{invariant.text}' is left out", invariant.position)
        children = {child.name: self._state(child) for child in state.children}
        if children:
            result["states"] = children
        return result

    def _initial(self, state: State, initial: Transition) -> Json:
        target = initial.targets[0]
        if target.parent is not state or len(initial.targets) > 1:
            self.lose(Construct.PARALLEL_TARGET, f"the initial target {target.id} is deeper than a child", state.id)
            while target.parent is not state and target.parent is not None:
                target = target.parent
        if initial.actions:
            self.lose(Construct.ACTION, "initial actions are left out", state.id)
        return target.name

    def _invoke(self, invoke: Invoke, state: State, result: dict[str, Json]) -> None:
        self.at = f"{state.id}/invoke {invoke.id}"
        if invoke.chart is None:
            what = f"{invoke.role}.{invoke.action}" if invoke.role else "a child named by an expression"
            self.lose(Construct.LONG_ACTION if invoke.role else Construct.CHILD, f"'{what}' is left out")
            return
        self.lose(Construct.CHILD, f"'{invoke.chart.name}' is in meta.chargechart.charts: provide it as an actor")
        if invoke.chart.adapters:
            self.lose(Construct.ROUTE, "the host must give adapter events to the child itself")
        if invoke.chart.name not in self.charts:
            self.charts[invoke.chart.name] = _Export(invoke.chart, self.exported).config()
        entry: dict[str, Json] = {"id": invoke.id, "src": invoke.chart.name}
        if invoke.input:
            entry["input"] = {"$fields": {name: self.expr(value) for name, value in invoke.input}}
        result.setdefault("invoke", []).append(entry)

    # ------------------------------------------------------------ transitions

    def _transitions(self, state: State, result: dict[str, Json]) -> None:
        seen: list[str] = []
        for transition in state.transitions:
            self.at = transition.id
            entry = self._transition(transition)
            if transition.timer is not None:
                timer = next(t for t in state.timers if t.id == transition.timer)
                if timer.id not in self.delays:
                    lose_period(self.exported, state, timer)
                self.delays[timer.id] = self.expr(timer.delay)
                result.setdefault("after", {}).setdefault(timer.id, []).append(entry)
            elif not transition.descriptors:
                result.setdefault("always", []).append(entry)
            for descriptor in transition.descriptors:
                for key in self._keys(state, descriptor):
                    entries = result.setdefault("on", {}).setdefault(key, [])
                    entries.append(entry)
                self._check_order(seen, descriptor)
                seen.append(descriptor)

    def _check_order(self, seen: list[str], descriptor: str) -> None:
        """XState tries the exact name before wildcards, whatever the order."""
        for earlier in dict.fromkeys(seen):
            if earlier != descriptor and (earlier == "*" or name_matches([earlier], descriptor)):
                self.lose(Construct.ORDER, f"'{descriptor}' is tried before '{earlier}', though it stands behind it")

    def _keys(self, state: State, descriptor: str) -> list[str]:
        """The keys of ``on`` for a descriptor: XState has exact names, ``name.*`` and ``*``."""
        if descriptor == "*":
            return ["*"]
        if descriptor.startswith("done.state."):
            done = descriptor.removeprefix("done.state.")
            return [f"xstate.done.state.{self.chart.name}.{done}" if done else f"xstate.done.state.{self.chart.name}"]
        if descriptor.startswith("done.invoke."):
            return [f"xstate.done.actor.{descriptor.removeprefix('done.invoke.')}"]
        if descriptor.startswith("error.invoke."):
            return [f"xstate.error.actor.{descriptor.removeprefix('error.invoke.')}"]
        if descriptor.startswith("error."):
            self.lose(Construct.ERROR_EVENT, f"XState sends no '{descriptor}': an error stops the actor")
        longer = any(e.startswith(f"{descriptor}.") for e in self.known)
        if descriptor in self.known or not longer:
            return [descriptor, f"{descriptor}.*"] if longer else [descriptor]
        return [f"{descriptor}.*"]

    def _transition(self, transition: Transition) -> Json:
        entry: dict[str, Json] = {}
        if transition.targets:
            targets = self._targets(transition)
            entry["target"] = targets[0] if len(targets) == 1 else targets
            source = transition.source
            inside = all(source in t.ancestors() for t in transition.targets)
            if source in transition.targets or (inside and not transition.internal):
                entry["reenter"] = True
            if source.parent is None and inside and not transition.internal:
                self.lose(Construct.INTERNAL, "the root is not left and entered again")
            self._check_domain(transition)
        if transition.guard is not None:
            entry["guard"] = {"type": "check", "params": {"expr": self.expr(transition.guard)}}
        actions = self._actions(transition.actions)
        if actions:
            entry["actions"] = actions
        if transition.description:
            entry["description"] = transition.description
        entry["meta"] = {"id": transition.id}
        return entry

    def _check_domain(self, transition: Transition) -> None:
        """The least common ancestor may be a parallel state in XState, in SCXML it may not."""
        source = transition.source
        for target in transition.targets:
            ours = set(target.ancestors())
            common = next((s for s in (source, *source.ancestors()) if s in ours or s is target), None)
            if common is not None and common.kind is StateKind.PARALLEL and common is not source:
                what = "crosses regions: XState leaves fewer states than SCXML"
                self.lose(Construct.PARALLEL_TARGET, what)
            if source.kind is StateKind.PARALLEL and source in ours and not transition.internal:
                self.lose(Construct.PARALLEL_TARGET, "leaves a parallel state for its own inside")

    def _targets(self, transition: Transition) -> list[str]:
        return [f"#{self._path(t)}" for t in transition.targets]

    # ------------------------------------------------------------ actions

    def _actions(self, block: Block) -> list[Json]:
        return [a for action in block for a in self._action(action)]

    def _action(self, action: Action) -> list[Json]:
        match action:
            case Assign():
                return [_named("assign", name=action.name, value=self.expr(action.value))]
            case Raise():
                return [_named("raise", event=action.event, data=self._fields(action.data))]
            case Send():
                return self._send(action)
            case Cancel():
                return [_named("cancel", id=self.expr(action.id))]
            case Log():
                return [_named("log", parts=[self.expr(p) for p in action.parts])]
            case CallAction():
                return [_named("order", role=action.role, action=action.action, arguments=self._fields(action.args))]
            case If():
                branches = [
                    {"guard": None if g is None else self.expr(g), "actions": self._actions(block)}
                    for g, block in action.branches
                ]
                return [_named("choose", branches=branches)]
            case Foreach():
                self.lose(Construct.ACTION, f"the loop over '{action.item}' is left out")
                return []
            case Spawn() | Stop():
                self.lose(Construct.SPAWN, f"'{action.word} {action.id}' is left out")
                return []
            case _:
                self.lose(Construct.ACTION, f"'{action.word}' is left out")
                return []

    def _send(self, action: Send) -> list[Json]:
        target = action.target.value if isinstance(action.target, Literal) else None
        if not isinstance(action.event, Literal) or (action.target is not None and target is None):
            self.lose(Construct.SEND, "a send to a place or of a name that an expression gives is left out")
            return []
        if action.key is not None:
            self.lose(Construct.SPAWN, "a send to a spawned child is left out")
            return []
        if action.content is not None:
            self.lose(Construct.SEND, "content that is one value is left out")
        delay = None if action.delay is None else self.expr(action.delay)
        return [
            _named(
                "send",
                event=action.event.value,
                data=self._fields(action.data),
                to=target or "self",
                delay=delay,
                id=action.id,
            )
        ]

    def _fields(self, fields: tuple[tuple[str, Expr], ...]) -> Json:
        return {name: self.expr(value) for name, value in fields}

    # ------------------------------------------------------------ expressions

    def expr(self, expr: Expr) -> Json:
        """An expression as JSON: constants, or ``[operator, operand …]``."""
        match expr:
            case Literal(value=bytes() as value):
                self.lose(Construct.BYTES, "bytes are hexadecimal text")
                return value.hex()
            case Literal(value=value):
                return value
            case tree.Variable(name=name) | tree.Parameter(name=name):
                return ["data", name]
            case tree.EventField(name=name):
                return ["event", name]
            case tree.Reading(role=role, name=name):
                return ["read", role, name]
            case tree.InState(state=state):
                self.lose(Construct.EXPRESSION, "In() sees the configuration before the event, not in the midst of it")
                return ["active", f"#{self.chart.name}.{state}"]
            case tree.Unary(op=op, operand=operand):
                return ["negative" if op == "-" else "not", self.expr(operand)]
            case tree.Binary(op=op, left=left, right=right, scale=scale, type=type_):
                result: Json = [op, self.expr(left), self.expr(right)]
                result = ["*", result, scale] if scale != 1.0 else result
                return ["round", result] if type_.kind is Kind.DURATION else result
            case tree.Compare(op=op, left=left, right=right):
                return [op, self.expr(left), self.expr(right)]
            case tree.BoolOp(op=op, operands=operands):
                return [op, *(self.expr(o) for o in operands)]
            case tree.Conditional(test=test, then=then, other=other):
                return ["if", self.expr(test), self.expr(then), self.expr(other)]
            case tree.ListOf(items=items):
                return ["list", *(self.expr(i) for i in items)]
            case tree.Index(base=base, index=key):
                return ["item", self.expr(base), self.expr(key)]
            case tree.Call(function="checked", args=(value_,)):
                return self.expr(value_)
            case tree.Call(function=name, args=args) if name in _FUNCTIONS:
                return [name, *(self.expr(a) for a in args)]
        self.lose(Construct.EXPRESSION, f"{type(expr).__name__.lower()} has no counterpart; null stands for it")
        return None


_FUNCTIONS = {
    "min",
    "max",
    "abs",
    "round",
    "floor",
    "ceil",
    "len",
    "clamp",
    "int",
    "float",
    "str",
    "bool",
    "startswith",
}


def _named(type_: str, **params: Json) -> Json:
    return {"type": type_, "params": {k: v for k, v in params.items() if v not in (None, {})}}
