"""Charts as text: triggers, guards, actions and durations as diagrams and text formats show them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import get_args

from engine.language.expr.text import to_text
from engine.language.expr.tree import Expr, Literal, Parameter
from engine.language.model import (
    Action,
    ActionKind,
    Assign,
    Block,
    CallAction,
    Chart,
    Foreach,
    If,
    Invoke,
    Log,
    ParameterDef,
    Send,
    Shutdown,
    Spawn,
    State,
    Timer,
    Transition,
)
from engine.language.values import describe


def trigger_text(chart: Chart, transition: Transition) -> str:
    """What causes the transition: event names, ``after DELAY``, ``onDone``, or nothing when it is eventless."""
    if transition.timer is not None:
        timer = next(t for t in transition.source.timers if t.id == transition.timer)
        return f"{'every' if timer.periodic else 'after'} {delay_text(chart, timer)}"
    return ", ".join(_descriptor_text(transition.source, d) for d in transition.written)


def ignored_text(chart: Chart, state: State) -> str:
    """``ignores a, b``: the events that do nothing in the state, or nothing."""
    names = dict.fromkeys(trigger_text(chart, t) for t in state.transitions if t.ignores)
    return f"ignores {', '.join(names)}" if names else ""


def _descriptor_text(source: State, descriptor: str) -> str:
    if descriptor == f"done.state.{source.id}":
        return "onDone"
    for prefix, word in (("done.invoke.", "onDone"), ("error.invoke.", "onError")):
        if descriptor.startswith(prefix):
            return f"{word} {descriptor.removeprefix(prefix)}"
    return descriptor


def delay_text(chart: Chart, timer: Timer) -> str:
    """The delay as written; for a parameter with its default: ``TT_match_join (12 s)``."""
    if isinstance(timer.delay, Parameter):
        default = chart.parameters[timer.delay.name].default
        if default is not None:
            return f"{timer.text} ({to_text(default)})"
    return timer.text


def guard_text(transition: Transition) -> str:
    """The guard in brackets; ``[else]`` for what is left when the guards before it have failed; or nothing."""
    if transition.guard is not None:
        return f"[{to_text(transition.guard)}]"
    return "[else]" if is_else(transition) else ""


def is_else(transition: Transition) -> bool:
    """Whether it has no guard and stands behind guarded ones of the same cause."""

    def cause(one: Transition) -> tuple[str | None, frozenset[str]]:
        return one.timer, frozenset(one.descriptors)

    before = [t for t in transition.source.transitions if t.order < transition.order and cause(t) == cause(transition)]
    return transition.guard is None and any(t.guard is not None for t in before)


def is_junction(state: State) -> bool:
    """Whether the state is left at once, by one of several ways."""
    ways = [t for t in state.transitions if t.targets]
    return not state.children and len(ways) > 1 and not any(t.descriptors or t.timer for t in state.transitions)


def block_text(block: Iterable[Action], brief: bool = False) -> str:
    """Actions separated by semicolons; ``brief``: the names of what leaves the chart or is raised in it. Last come the
    arguments of targets, ``failed(reason='no answer')``, brief or not."""
    texts: list[str] = []
    given: dict[str, list[tuple[str, Expr]]] = {}
    for action in block:
        if isinstance(action, Assign) and action.argument_of:
            state, _, name = action.name.rpartition(".")
            given.setdefault(state.rpartition(".")[2], []).append((name, action.value))
        elif text := action_text(action, brief):
            texts.append(text)
    texts += [state + _fields(values) for state, values in given.items()]
    return "; ".join(dict.fromkeys(texts) if brief else texts)


def blocks_text(blocks: Iterable[Block], brief: bool = False) -> str:
    """:func:`block_text` of several blocks."""
    return block_text((a for block in blocks for a in block), brief)


def action_text(action: Action, brief: bool = False) -> str:
    """One action as a line of text, close to the YAML it came from."""
    match action:
        case Assign():
            return "" if brief else f"{action.name} := {to_text(action.value)}"
        case Send():
            return _send(action, brief)
        case Log():
            return "" if brief else "log " + "".join(_plain(p) for p in action.parts)
        case If():
            return _if(action, brief)
        case Foreach():
            body = block_text(action.body, brief)
            return body if brief else f"for {action.item} in {to_text(action.array)}: {body}"
        case CallAction():
            return f"{action.role}.{action.action}" + ("" if brief else _fields(action.args))
        case Spawn():
            key = f"[{to_text(action.key)}]" if action.key is not None and not brief else ""
            return f"spawn {action.id}{key} = {action.chart.name}" + ("" if brief else _fields(action.input))
        case _:
            return _in_general(action, brief)


def _in_general(action: ActionKind, brief: bool) -> str:
    """The word of an action, then its fields: texts and expressions, a key in ``[ ]``, named values in ``( )``."""
    text = action.word
    for field in dataclasses.fields(action):  # type: ignore[arg-type]
        value = getattr(action, field.name)
        if field.name == "key" and value is not None:
            text += f"[{to_text(value)}]"
        elif field.name in ("data", "args", "input"):
            text += "" if brief else _fields(value)
        elif isinstance(value, str) and value:
            text += f" {value}"
        elif isinstance(value, get_args(Expr)):
            text += f" {_plain(value)}"
    return text


def _send(action: Send, brief: bool) -> str:
    text = f"send {_plain(action.event)}" + ("" if brief else _fields(action.data))
    if action.content is not None and not brief:
        text += f"({to_text(action.content)})"
    if action.target is not None:
        text += f" to {_plain(action.target)}"
    if action.delay is not None:
        text += f" in {to_text(action.delay)}"
    return text


def _if(action: If, brief: bool) -> str:
    if brief:
        inner = dict.fromkeys(t for _, block in action.branches for t in [block_text(block, True)] if t)
        return "; ".join(inner)
    parts = []
    for number, (guard, block) in enumerate(action.branches):
        word = "else" if guard is None else f"{'elif' if number else 'if'} {to_text(guard)}"
        parts.append(f"{word}: {block_text(block)}")
    return " ".join(parts)


def invoke_text(invoke: Invoke, brief: bool = False) -> str:
    """``invoke ID: CHART`` or ``do role.action``."""
    if invoke.role is not None:
        return f"do {invoke.role}.{invoke.action}" + ("" if brief else _fields(invoke.input))
    name = invoke.chart.name if invoke.chart is not None else "…"
    text = f"invoke {name}" if invoke.id == name else f"invoke {invoke.id}: {name}"
    if brief:
        return text
    relay = f", relay {', '.join(invoke.relay)}" if invoke.relay else ""
    return text + (_fields(invoke.input) if invoke.input else "") + relay


def _fields(fields: Iterable[tuple[str, Expr]]) -> str:
    return "(" + ", ".join(f"{name}={to_text(value)}" for name, value in fields) + ")"


def _plain(expr: Expr) -> str:
    """A string constant without its quotes."""
    if isinstance(expr, Literal) and isinstance(expr.value, str):
        return expr.value
    return to_text(expr)


def args_text(state: State, brief: bool = False) -> str:
    """The declared arguments of a state: ``(reason: string)``; ``brief``: without types."""
    names = [name if brief else f"{name}: {describe(type_)}" for name, type_ in state.args.items()]
    return f"({', '.join(names)})" if names else ""


def output_texts(state: State) -> list[tuple[str, str]]:
    """The output of a final state: (field, expression)."""
    return [(name, to_text(value)) for name, value in state.output]


def parameter_text(parameter: ParameterDef) -> str:
    """``NAME = default``."""
    default = to_text(parameter.default) if parameter.default is not None else "(to be given)"
    return f"{parameter.name} = {default}"


def whole_text(chart: Chart, transition: Transition) -> str:
    """Everything about a transition in a line or two: for tooltips."""
    actions = block_text(transition.actions)
    parts = [trigger_text(chart, transition), guard_text(transition), actions and f"/ {actions}"]
    text = " ".join(p for p in parts if p)
    return "\n".join(t for t in (text, transition.description, transition.citation) if t)


def shutdown_text(shutdown: Shutdown) -> str:
    """``shutdown by leave, within 5 s, over in cold``."""
    over = ", ".join(state.id for state in shutdown.done) or "its end"
    return f"shutdown by {shutdown.event}, within {shutdown.text}, over in {over}"
