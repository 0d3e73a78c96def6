"""Arguments of states: ``args: {reason: string}`` in a state, ``failed(reason='no answer')`` where a target enters it.

An argument is a data item that only its state reads and only the targets that enter the state set: the loader declares
it (``<state id>.<argument>``) and appends the assignments to the actions of the transition, so that whatever knows data
and assignments knows arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from engine.language.expr import tree
from engine.language.expr.check import Scope
from engine.language.expr.lex import ExpressionError
from engine.language.expr.parse import Node as Syntax
from engine.language.expr.parse import parse
from engine.language.expr.unify import BROKEN
from engine.language.expr.walk import within
from engine.language.load.arguments import call_arguments
from engine.language.load.build import Build
from engine.language.load.reader import NAME
from engine.language.load.templates import Given, Use, given_for
from engine.language.load.types import read_type
from engine.language.load.yaml_source import Mapping, Node, Scalar
from engine.language.model import Assign, DataDef, State, StateKind, Transition

_HISTORY = (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)


# ---------------------------------------------------------------- declarations


def read_args(build: Build, state: State, body: Mapping) -> None:
    """``args: {name: type}`` of a state."""
    reader = build.reader
    around = {name for outer in state.ancestors() for name in outer.args}
    for name, key, value in reader.entries(body.get("args"), "'args'", "name: type"):
        type_ = read_type(reader, value, f"the argument {name!r}") if reader.name(key, "an argument") else None
        if type_ is None:
            continue
        if body.source is not None and body.source.use is not None and name in body.source.use.given:
            reader.problem(key, "duplicate-name", f"{name!r} is an argument of the template already", "another name")
            continue
        if name in around or name in build.parameters or name in build.chart.adapters or name in ("event", "In"):
            taken = "an argument of a state around this one" if name in around else "a parameter, a role or reserved"
            reader.problem(key, "duplicate-name", f"{name!r} is {taken}", "another name")
            continue
        state.args[name] = type_
        build.argument_keys[f"{state.id}.{name}"] = key


def declare_arguments(build: Build) -> None:
    """The data items that hold the arguments, behind the chart's own."""
    for state, _ in build.bodies:
        for name, type_ in state.args.items():
            item = f"{state.id}.{name}"
            key = build.argument_keys[item]
            if name in build.variables:
                build.reader.problem(key, "duplicate-name", f"{name!r} is data of the chart already", "another name")
            build.chart.data[item] = DataDef(
                item, type_, None, position=build.reader.position(key), argument_of=state.id
            )


# ---------------------------------------------------------------- targets


@dataclass(slots=True)
class Target:
    """A target as written: the path of its state, and the arguments of the states on it, from its end backwards."""

    node: Scalar
    path: str
    calls: list[Syntax | None] = field(default_factory=list)
    seen_from: State | None = None  # of one given to a template: the state that uses it


def split_target(build: Build, node: Scalar) -> Target | None:
    """``.outer(a=1).inner(b=2)``; None after a problem. The name of a template's argument is what is given for it."""
    text = node.text
    name = re.match(r"\w*", text)
    given = given_for(node, name[0], "state") if name is not None else None
    if given is not None and node.source is not None and node.source.use is not None:
        return _given_target(build, node, given, node.source.use, name[0] if name is not None else "")
    bracket = text.find("(")
    if bracket < 0 or build.untyped:
        return Target(node, text)
    first = text[:bracket].rstrip()
    if not all(NAME.fullmatch(part) for part in first.removeprefix(".").split(".")):
        build.reader.problem(node, "shape", "a target is the name of a state", "STATE or STATE(argument=…)")
        return None
    try:  # names of states may be words of expressions: a letter stands for the path
        syntax = parse(" " * (bracket - 1) + "x" + text[bracket:])
    except ExpressionError as error:
        for fault in error.faults:
            build.reader.fault(node, fault)
        return None
    names: list[str] = []
    calls: list[Syntax | None] = []
    at = syntax
    while True:
        call = at if at.kind == "call" else None
        if call is not None:
            call.start = 0  # what is missing is told of at the whole target
            at = at.children[0]
        calls.append(call)
        if at.kind != "attribute":
            break
        names.append(str(at.value))
        at = at.children[0]
    if at.kind != "name" or calls[-1] is None:
        build.reader.problem(node, "shape", "a target is the name of a state", "STATE or STATE(argument=…)")
        return None
    return Target(node, ".".join([first, *reversed(names)]), calls)


def _given_target(build: Build, node: Scalar, given: Given, use: Use, name: str) -> Target | None:
    if not isinstance(given.node, Scalar) or given.node.is_null:
        return None  # told of with the use
    target = split_target(build, given.node)
    if target is None:
        return None
    target.seen_from = target.seen_from or use.state
    if node.text == name:
        return target
    own = split_target(build, Scalar(node.start, node.end, "x" + node.text.removeprefix(name), source=node.source))
    if own is None or target.calls or own.path != "x":
        build.reader.problem(node, "shape", f"{name} is a state given to the template, not a path", "STATE(argument=…)")
        return None
    for call in own.calls:  # the name stands for a state, whatever its length
        if call is not None:
            _move(call, len(name) - 1)
            call.start = 0
    return Target(node, target.path, own.calls, target.seen_from)


def _move(syntax: Syntax, by: int) -> None:
    syntax.start, syntax.end = syntax.start + by, syntax.end + by
    for child in syntax.children:
        _move(child, by)


def give_values(build: Build) -> None:
    """Check what the uses of templates give for their arguments, from outside in."""
    for use in build.templates.uses:
        build.inside(use.state if use.state is not None else build.chart.root)
        for name, given in use.given.items():
            type_, node = given.parameter.type, given.node
            if type_ is not None and given.value is None:
                value = build.expression(node, f"the argument {name!r}", build.plain_scope(), type_)
                if type_.optional and value.type is not BROKEN:  # what is given may be no more than is declared
                    value = replace(value, type=replace(value.type, optional=True))
                given.value = value
            elif given.parameter.kind in ("event", "state") and (not isinstance(node, Scalar) or node.is_null):
                what = "an event" if given.parameter.kind == "event" else "a state"
                build.reader.problem(node, "shape", f"the argument {name!r} is the name of {what}", what)


def give_arguments(build: Build, transition: Transition, targets: list[tuple[Target, State]], scope: Scope) -> None:
    """Append the assignments of all arguments of the states that ``transition`` enters to its actions. Those that no
    target gives are problems, unless their type has a ``?``."""
    entered = list(_entered(transition))
    given: dict[str, tuple[Scalar, dict[str, tree.Expr]]] = {}
    for target, end in targets:
        state: State | None = end
        for call in target.calls:
            if state is None or state.parent is None:
                break
            if call is not None:
                given[state.id] = target.node, _called(build, target.node, call, state, state in entered, scope)
            state = state.parent
    assigns: list[Assign] = []
    for state in entered:
        if not state.args:
            continue
        place: Node | None = given[state.id][0] if state.id in given else targets[0][0].node if targets else None
        values = given[state.id][1] if state.id in given else {}
        missing = [name for name, type_ in state.args.items() if not type_.optional]
        if state.id not in given and missing:
            needed = ", ".join(f"{name}=…" for name in missing)
            message, expected = f"{state.id} needs {', '.join(missing)}", f"{state.name}({needed})"
            if place is not None:
                build.reader.problem(place, "missing-argument", message, expected)
            else:
                where = f"`initial: {expected}`"
                build.reader.problem_at(transition.position, "missing-argument", f"{message} when it is entered", where)
            continue
        at = build.reader.position(place) if place is not None else transition.position
        for name, type_ in state.args.items():
            value = values.get(name, tree.Literal(None, type_) if type_.optional else None)
            if value is not None:
                assigns.append(Assign(f"{state.id}.{name}", value, at, state.id))
    if assigns:
        transition.actions = (*transition.actions, *_in_order(build, transition, assigns))


def _called(build: Build, node: Scalar, call: Syntax, state: State, enters: bool, scope: Scope) -> dict[str, tree.Expr]:
    if not state.args and len(call.children) > 1 and state.kind in _HISTORY:
        message = f"{state.id} is a history: the states it restores have the arguments they had"
        build.reader.problem(node, "unknown-argument", message)
        return {}
    args = call_arguments(build, node, call, scope, state.args, state.id)
    if not enters and args:
        build.reader.problem(node, "unknown-argument", f"{state.id} is not entered here: it keeps its arguments")
    return args


def _in_order(build: Build, transition: Transition, assigns: list[Assign]) -> Iterator[Assign]:
    """Each before what it reads is overwritten, so that all read the values of before."""
    left = list(assigns)
    while left:
        for one in left:
            if not any(one.name in _reads(other.value) for other in left if other is not one):
                break
        else:
            message = "these arguments read each other's values of before: " + ", ".join(a.name for a in left)
            build.reader.problem_at(left[0].position, "cycle", message, "one of them kept in data")
            return
        left.remove(one)
        yield one


def _reads(expr: tree.Expr) -> set[str]:
    return {part.name for part in within(expr) if isinstance(part, tree.Variable)}


def _entered(transition: Transition) -> Iterable[State]:
    """The states that the transition enters, whichever are active; not those that an initial transition or a history
    adds to them (SCXML, Appendix A: computeEntrySet)."""
    if not transition.targets:
        return ()
    domain = _domain(transition)
    found: dict[State, None] = {}
    for target in transition.targets:
        path = [target]
        path += [state for state in target.ancestors() if domain is not state and domain in state.ancestors()]
        found.update(dict.fromkeys(reversed(path)))
    entered = [state for state in found if state.kind not in _HISTORY]
    restored = {state.parent for state in found if state.kind in _HISTORY}
    for state in list(entered):
        if state.kind is StateKind.PARALLEL and state not in restored:
            entered += _regions(state, found)
    return entered


def _regions(parallel: State, found: dict[State, None]) -> Iterator[State]:
    for region in parallel.children:
        if region not in found and region.kind not in _HISTORY:
            yield region
            if region.kind is StateKind.PARALLEL:
                yield from _regions(region, found)


def _domain(transition: Transition) -> State:
    """The innermost state that the transition does not leave (SCXML: getTransitionDomain)."""
    source = transition.source
    if transition is source.initial:
        return source
    if source.kind in _HISTORY and source.parent is not None:
        return source.parent
    inside = all(source in target.ancestors() for target in transition.targets)
    if inside and transition.internal and source.kind is StateKind.COMPOUND:
        return source
    at = source
    for at in source.ancestors():
        compound = at.kind is StateKind.COMPOUND or at.parent is None
        if compound and all(at in target.ancestors() for target in transition.targets):
            break
    return at
