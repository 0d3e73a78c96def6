"""Actions: what a chart does on entry, on exit and in transitions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from engine.language.expr import tree
from engine.language.expr.check import Scope
from engine.language.expr.lex import ExpressionError, Fault
from engine.language.expr.parse import Node as Syntax
from engine.language.expr.parse import parse
from engine.language.expr.unify import BROKEN
from engine.language.expr.walk import within
from engine.language.load import keys
from engine.language.load.arguments import call_arguments, fit_fields, read_fields
from engine.language.load.build import Build
from engine.language.load.log_text import split_log
from engine.language.load.templates import Given, given_for
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence
from engine.language.model import Action, Assign, Block, CallAction, Cancel, Foreach, If, Log, Raise, Stop
from engine.language.problems import did_you_mean
from engine.language.types import ANY, INT, KEY, STRING, Kind, Type

_ASSIGNMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*(.*)", re.DOTALL)


def read_blocks(build: Build, node: Node | None, scope: Scope) -> tuple[Block, ...]:
    """`entry` and `exit`: one block, or several when it is a list of lists."""
    if node is None or (isinstance(node, Scalar) and node.is_null):
        return ()
    if isinstance(node, Scalar) and (given := given_for(node, node.text, "actions")) is not None:
        return read_blocks(build, given.node, scope)
    if isinstance(node, Sequence) and node.items and all(isinstance(item, Sequence) for item in node.items):
        return tuple(read_block(build, item, scope) for item in node.items)
    block = read_block(build, node, scope)
    return (block,) if block else ()


def read_block(build: Build, node: Node, scope: Scope) -> Block:
    """One action or a list of them."""
    actions: list[Action] = []
    for item in build.reader.items(node):
        if isinstance(item, Scalar) and (given := given_for(item, item.text, "actions")) is not None:
            actions.extend(read_block(build, given.node, scope))
        elif isinstance(item, Scalar):
            actions.extend(_call(build, item, scope))
        elif isinstance(item, Mapping):
            actions.extend(_mapping(build, item, scope))
        else:
            build.reader.problem(item, "shape", "an action is a call or a mapping, not a list", "one list of actions")
    return tuple(actions)


def _mapping(build: Build, node: Mapping, scope: Scope) -> list[Action]:
    kinds = [key for key in node.entries if key in ACTIONS]
    if len(kinds) != 1:
        known = list(node.entries)
        if not kinds:
            place = node.entries[known[0]][0] if known else node
            hint = did_you_mean(known[0], ACTIONS) if known else ""
            build.reader.problem(
                place, "unknown-action", f"there is no action {known[0] if known else ''!r}", hint=hint
            )
        else:
            place = node.entries[kinds[1]][0]
            build.reader.problem(place, "shape", "several actions in one mapping", "a list: `- ` before each action")
        return []
    build.reader.check_keys(node, keys.of_action(kinds[0]), f"the action {kinds[0]!r}")
    return ACTIONS[kinds[0]](build, node, node.entries[kinds[0]][1], scope)


# ---------------------------------------------------------------- adapter actions


def _call(build: Build, node: Scalar, scope: Scope) -> Block:
    """``role.action(arg=expr)``, or ``template(arg=expr)``."""
    written = _ASSIGNMENT.match(node.text)
    if written is not None:
        expected = f"assign: {{{written[1]}: {written[2][:60]}}}"
        build.reader.fault(node, Fault(0, len(node.text), "unknown-action", "this is no action", expected))
        return ()
    try:
        syntax = parse(node.text)
    except ExpressionError as error:
        for fault in error.faults:
            build.reader.fault(node, fault)
        return ()
    name = called_template(syntax)
    if name is not None:
        return _template_call(build, node, syntax, name, scope)
    found = adapter_call(build, node, syntax, scope)
    if found is None:
        return ()
    role, action, args = found
    return (CallAction(role, action, args, build.reader.position(node)),)


def called_template(syntax: Syntax) -> str | None:
    """The name before the bracket of ``template(arg=expr)``; None of anything else."""
    function = syntax.children[0] if syntax.kind == "call" else None
    return cast(str, function.value) if function is not None and function.kind == "name" else None


def _template_call(build: Build, node: Scalar, syntax: Syntax, name: str, scope: Scope) -> Block:
    """The actions of a template, with what the call gives in place of its arguments."""
    known = {each for each, template in build.templates.known.items() if template.is_of_actions}
    if name not in known:
        if name not in build.templates.broken:
            message, hint = f"no template of actions is named {name[:80]!r}", did_you_mean(name, known)
            build.reader.fault(node, Fault(syntax.start, syntax.end, "unknown-action", message, hint=hint))
        return ()
    parameters = build.templates.known[name].parameters
    types = {argument: parameter.type for argument, parameter in parameters.items() if parameter.type is not None}
    defaults = {argument: parameter.default for argument, parameter in parameters.items() if parameter.default}
    values = call_arguments(build, node, syntax, scope, types, f"the template {name!r}", defaults)
    given: dict[str, Given] = {}
    for argument, type_ in types.items():
        default = defaults.get(argument)
        value: tree.Expr = values.get(argument) or tree.Literal(None, type_ if type_.optional else BROKEN)
        if argument not in values and default is not None:
            value = build.expression(default, f"the argument {argument!r}", scope, type_)
        if type_.optional and value.type is not BROKEN:  # what is given may be no more than is declared
            value = replace(value, type=replace(value.type, optional=True))
        given[argument] = Given(parameters[argument], node, value)
    body = build.templates.called(node, name, given)
    return () if body is None else read_block(build, body, scope)


def adapter_call(
    build: Build, node: Scalar, syntax: Syntax, scope: Scope, long: bool = False
) -> tuple[str, str, tuple[tuple[str, tree.Expr], ...]] | None:
    """Role, action and arguments of a call text, checked against the contract; None after a problem."""

    def fault(where: Syntax, code: str, message: str, expected: str = "", hint: str = "") -> None:
        build.reader.fault(node, Fault(where.start, where.end, code, message, expected, hint))

    function = syntax.children[0] if syntax.kind == "call" else None
    if function is None or function.kind != "attribute" or function.children[0].kind != "name":
        fault(syntax, "unknown-action", "this is no action", "role.action(arg=…) or one of " + ", ".join(ACTIONS))
        return None
    role, action = cast(str, function.children[0].value), cast(str, function.value)
    contract = build.chart.adapters.get(role)
    if contract is None:
        if role not in build.broken_roles:
            hint = did_you_mean(role, build.chart.adapters)
            fault(
                function.children[0], "unknown-role", f"the chart has no adapter {role!r}", "a role of 'adapters'", hint
            )
        return None
    definition = contract.actions.get(action)
    if definition is None:
        hint = did_you_mean(action, contract.actions)
        fault(function, "unknown-action", f"the contract {contract.name} has no action {action!r}", hint=hint)
        return None
    if long and definition.result is None:
        fault(function, "unknown-action", f"{role}.{action} is no long action: it gives no result", "a plain action")
        return None
    args = call_arguments(build, node, syntax, scope, definition.args, f"{role}.{action}")
    return role, action, tuple((name, args[name]) for name in definition.args if name in args)


# ---------------------------------------------------------------- the language's own actions


def _assign(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    if isinstance(value, Sequence):  # one after the other
        return [action for item in value.items for action in _assign_together(build, item, scope)]
    return list(_assign_together(build, value, scope))


def _assign_together(build: Build, value: Node, scope: Scope) -> list[Assign]:
    """A mapping under `assign`: no value reads what another one of it is given."""
    actions: list[Assign] = []
    nodes: list[Node] = []
    for name, key, item in build.reader.entries(value, "'assign'"):
        type_ = build.variables.get(name)
        if type_ is None:
            type_ = ANY
            if not build.untyped:
                what = "a parameter and fixed" if name in build.parameters else "no data of the chart"
                if name in scope.given:
                    what = "an argument: a target that enters the state gives it"
                hint = "" if name in scope.given else did_you_mean(name, build.variables)
                build.reader.problem(key, "unknown-name", f"{name[:80]!r} is {what}", "an item of 'data'", hint)
                build.expression(item, "a value", scope)
                continue
        expr = build.expression(item, f"the value of {name!r}", scope, type_)
        actions.append(Assign(name, expr, build.reader.position(key)))
        nodes.append(item)
    if build.untyped or build.older:
        return actions
    given = {action.name for action in actions}
    for action, item in zip(actions, nodes, strict=True):
        read = {part.name for part in within(action.value) if isinstance(part, tree.Variable)}
        if others := sorted((read & given) - {action.name}):
            message = (
                f"{action.name!r} reads {others[0]!r}, which the same `assign` gives a value: the old or the new one?"
            )
            expected = f"a list, one after the other: [{{{others[0]}: …}}, {{{action.name}: …}}]"
            build.reader.problem(item, "ambiguous", message, expected)
    return actions


def _raise(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    reader = build.reader
    event_node: Node | None = value
    data: Node | None = None
    if isinstance(value, Mapping):
        reader.check_keys(value, keys.RAISE)
        event_node, data = value.get("event"), value.get("data")
    name = event_name(build, event_node, value, "raise")
    if name is None:
        return []
    fields = read_fields(build, data, scope)
    payload = own_payload(build, event_node or value, name, "raised")
    if payload is None and not build.untyped:
        return []
    return [
        Raise(name, fit_fields(build, fields, payload, event_node or value, f"event {name!r}"), reader.position(value))
    ]


def event_name(build: Build, node: Node | None, whole: Node, what: str) -> str | None:
    """A literal event name; None after a problem."""
    if isinstance(node, Scalar) and not node.is_null:
        return build.templates.text_of(node, node.text, "event")
    build.reader.missing(whole, node or whole, f"'{what}' needs the name of an event", "event: NAME")
    return None


def own_payload(build: Build, node: Node, name: str, how: str) -> dict[str, Type] | None:
    """The payload of an event of the chart that it may raise or send to itself; None after a problem, or unknown."""
    definition = build.chart.events.get(name)
    if definition is None or definition.direction == "out":
        if build.untyped or not build.events_known:
            return None
        hint = did_you_mean(name, (e.name for e in build.chart.events.values() if e.direction != "out"))
        why = "goes out to the parent" if definition is not None else "is not an event of this chart"
        if definition is not None:
            hint = "`to: parent` sends it" if how != "raised" else "`send` with `to: parent` sends it"
        build.reader.problem(
            node, "unknown-event", f"{name[:80]!r} {why} and cannot be {how}", "a name of 'events'", hint
        )
        return None
    return definition.payload


def _cancel(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    position = build.reader.position(value)
    if isinstance(value, Mapping):
        build.reader.check_keys(value, keys.CANCEL, imported=build.untyped)
        id_ = value.get("id_expr")
        if id_ is None:
            build.reader.missing(value, value, "'cancel' needs an id", "cancel: ID")
            return []
        return [Cancel(build.expression(id_, "'id_expr'", scope), position)]
    text = build.reader.text(value, "'cancel'")
    if not text:
        build.reader.problem(value, "missing-key", "'cancel' needs an id", "the id of a send")
        return []
    if not build.untyped:
        build.cancels.append((text, value))
    return [Cancel(tree.Literal(text, STRING), position)]


def _log(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    if not isinstance(value, Scalar):
        build.reader.problem(value, "shape", "'log' is text", "text with {expr}")
        return []
    return [Log(split_log(build, value, scope), position=build.reader.position(value))]


def _if(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    then, other = node.get("then"), node.get("else")
    branches: list[tuple[tree.Expr | None, Block]] = []
    if then is None and other is None:
        build.reader.missing(node, node, "'if' without 'then'", "then: actions")
    condition = build.guard(value, "'if'", scope)
    branches.append((condition, read_block(build, then, scope) if then is not None else ()))
    if other is not None:
        branches.append((None, read_block(build, other, scope)))
    return [If(tuple(branches), build.reader.position(node))]


def _foreach(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    reader = build.reader
    expected = "{in: list, item: name, do: …}"
    body = reader.filled(value, "'foreach'", expected)
    if body is None:
        return []
    reader.check_keys(body, keys.FOREACH)
    array_node, item_node = body.get("in"), body.get("item")
    if array_node is None or not isinstance(item_node, Scalar):
        reader.missing(body, value, "'foreach' needs a list and a name for its items", expected)
        return []
    array = build.expression(array_node, "'in'", scope)
    type_ = array.type
    if type_.kind is Kind.LIST:
        item_type = type_.item or ANY
    elif type_.kind is Kind.ANY:
        item_type = ANY if type_ is not BROKEN else BROKEN
    elif type_.kind is Kind.BYTES:
        item_type = INT
    else:
        reader.problem(array_node, "type", f"'foreach' goes through a list, not {type_.kind.value}", "a list")
        item_type = BROKEN
    names = {item_node.text: item_type}
    index_node = body.get("index")
    if isinstance(index_node, Scalar):
        names[index_node.text] = INT
    for name_node in (item_node, index_node):
        if name_node is None:
            continue
        if not isinstance(name_node, Scalar):
            reader.problem(name_node, "shape", "'index' is the name of the place in the list", "index: name")
        elif not build.untyped:
            if name_node.text in build.variables or name_node.text in build.parameters:
                reader.problem(name_node, "duplicate-name", f"{name_node.text!r} names data or a parameter already")
            reader.name(name_node, "an item")
    inner = replace(scope, variables={**scope.variables, **names})
    do = body.get("do")
    block = read_block(build, do, inner) if do is not None else ()
    index = index_node.text if isinstance(index_node, Scalar) else None
    return [Foreach(array, item_node.text, index, block, reader.position(value))]


def _stop(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    reader = build.reader
    id_node: Node | None = value
    key_node: Node | None = None
    if isinstance(value, Mapping):
        reader.check_keys(value, keys.STOP)
        id_node, key_node = value.get("id"), value.get("key")
    text = reader.text(id_node, "'stop'")
    child = build.children.get(text)
    if child is None or not child.spawned:
        if build.broken_children & {text, ""}:
            return []
        known = [name for name, candidate in build.children.items() if candidate.spawned]
        hint = did_you_mean(text, known)
        reader.problem(id_node or value, "unknown-name", f"no `spawn` has the id {text!r}", "the id of a `spawn`", hint)
        return []
    key = None
    if key_node is not None:
        if child.key is None:
            reader.problem(key_node, "type", f"{text!r} is spawned without a key")
            return []
        key = build.expression(key_node, "'key'", scope, KEY)
    return [Stop(text, key, reader.position(value))]


def _send(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    from engine.language.load.sending import read_send

    return read_send(build, value, scope)


def _spawn(build: Build, node: Mapping, value: Node, scope: Scope) -> list[Action]:
    from engine.language.load.children import read_spawn

    use = node.source.use if node.source is not None else None
    if use is not None and use.template.is_of_actions:
        message = "a template of actions starts no children: they are found before it is written out"
        build.reader.problem(node, "shape", message, "'spawn' where the template is called")
        return []
    return read_spawn(build, value, scope)


ACTIONS: dict[str, Callable[[Build, Mapping, Node, Scope], list[Action]]] = {
    "assign": _assign,
    "raise": _raise,
    "send": _send,
    "cancel": _cancel,
    "log": _log,
    "if": _if,
    "foreach": _foreach,
    "spawn": _spawn,
    "stop": _stop,
}
