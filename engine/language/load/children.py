"""`invoke` and `spawn`: other charts, and adapters' long actions."""

from __future__ import annotations

from engine.language.expr import tree
from engine.language.expr.check import Scope
from engine.language.expr.lex import ExpressionError
from engine.language.expr.parse import parse
from engine.language.load import keys
from engine.language.load.actions import adapter_call, read_block
from engine.language.load.arguments import Fields, fit_fields, read_fields
from engine.language.load.build import Build, Child
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence
from engine.language.model import Action, Chart, Invoke, Spawn, State, StateKind, UnitDef
from engine.language.problems import did_you_mean
from engine.language.types import ANY, INT, KEY, Kind, Type

MAX_PLACES = 100  # states that invoke a child of one id

# ---------------------------------------------------------------- first pass: which children there are


def find_children(build: Build, spawns: bool) -> None:
    """Load the charts of all children and declare the events they send; before any expression is read."""
    for state, body in build.bodies:
        invoke = body.get("invoke")
        if invoke is not None:
            for node in build.reader.items(invoke):
                if isinstance(node, Mapping):
                    _find_invoke(build, state, node)
        if spawns:
            for key, _, value in body.items():
                if key != "states":
                    _find_spawns(build, value)


def _find_invoke(build: Build, state: State, node: Mapping) -> None:
    src = node.get("src") or node.get("chart")
    if node.get("src_expr") is not None:  # known only when it starts
        _declare(build, node, invoke_id(build, node), Child(None, {}, plain_events=True, states=[state]))
        return
    call = node.get("call")
    if call is not None:
        result = _call_result(build, call)
        id_ = invoke_id(build, node)
        if result is None:
            build.broken_children.add(id_)
        _declare(build, node, id_, Child(None, result or {}, states=[state]))
        return
    if src is None:
        return  # told of in the second pass
    chart = build.load_child(src)
    if chart is None:
        build.broken_children.add(invoke_id(build, node))
        return
    build.charts[id(node)] = chart
    id_ = invoke_id(build, node)
    plain = node.get("plain_events") is not None and build.reader.flag(node.get("plain_events"), "'plain_events'")
    _declare(
        build, node, id_, Child(chart, chart.output, plain_events=plain, states=[state], invoked={id(state): chart})
    )


def _find_spawns(build: Build, node: Node) -> None:
    todo = [node]
    while todo:
        at = todo.pop()
        if isinstance(at, Sequence):
            todo += reversed(at.items)
        elif isinstance(at, Mapping):
            for key, (_, value) in reversed(at.entries.items()):
                if key == "spawn" and isinstance(value, Mapping):
                    _find_spawn(build, value)
                else:
                    todo.append(value)


def _find_spawn(build: Build, node: Mapping) -> None:
    src = node.get("src")
    if src is None:
        return  # told of in the second pass
    chart = build.load_child(src)
    if chart is None:
        build.broken_children.add(build.reader.text(node.get("id"), "'id'"))
        return
    build.charts[id(node)] = chart
    id_ = build.reader.text(node.get("id"), "'id'") or chart.name
    key = None if node.get("key") is None else ANY if node.get("unit") is None else INT  # else known when it is read
    before = build.children.get(id_)
    if before is not None and before.spawned and chart in before.charts:
        return
    unit = node.get("unit")
    on = unit.text if isinstance(unit, Scalar) and node.get("kind") is not None else ""
    _declare(build, node, id_, Child(chart, chart.output, key, spawned=True, on=on))


def invoke_id(build: Build, node: Mapping) -> str:
    """The id of an invoke: as written, or the name of the chart or the action."""
    given = node.get("id")
    if given is not None:
        return build.reader.text(given, "'id'")
    chart = build.charts.get(id(node))
    if chart is not None:
        return chart.name
    call = node.get("call")
    return call.text.split("(")[0].rpartition(".")[2].strip() if isinstance(call, Scalar) else ""


def _declare(build: Build, node: Mapping, id_: str, child: Child) -> None:
    reader = build.reader
    place = node.get("id") or node
    if not build.untyped and not (isinstance(place, Scalar) and not reader.name(place, "a child")):
        before = build.children.get(id_)
        if before is not None and id_ and not _share(build, place, id_, before, child):
            return
        if before is not None and before.spawned and child.chart is not None:
            _declare_another(build, id_, child, child.chart)
            return
        if not id_:
            reader.problem(place, "duplicate-name", "a child needs an id", "an id of its own")
            return
        if id_ in build.chart.adapters or id_ in ("parent", "self", "internal", "event", "done", "error"):
            what = "a role of an adapter" if id_ in build.chart.adapters else "reserved"
            reader.problem(place, "duplicate-name", f"the id {id_!r} is {what}", "another id")
    build.children.setdefault(id_, child)
    key = {} if child.key is None else {"key": child.key}
    build.events.add(f"done.invoke.{id_}", {**child.result, **key})
    build.declare_failure(id_, key)
    if child.chart is not None:
        for event in child.chart.events.values():
            if event.direction == "out":
                build.events.add(f"{id_}.{event.name}", {**(event.payload or {}), **key})


def _declare_another(build: Build, id_: str, child: Child, chart: Chart) -> None:
    """The events of a chart spawned under an id that others have: of one that they send, too, what all carry."""
    key = {} if child.key is None else {"key": child.key}
    known = set(build.events.names())
    for event in chart.events.values():
        if event.direction == "out":
            name, payload = f"{id_}.{event.name}", {**(event.payload or {}), **key}
            build.events.add_done(name, [build.events.fields([name]), payload] if name in known else [payload])


def _share(build: Build, place: Node, id_: str, one: Child, other: Child) -> bool:
    """Let two invokes share an id, in states that are never active together: of one chart or result, or of charts that
    use the same words; or two spawns, on units of one name and different kinds. Whether the second one brings events of
    its own; told of when they may not."""
    why = ""
    if one.spawned and other.spawned:
        if not one.on or one.on != other.on:
            why = "they are not on units of one name that are of several kinds"
        elif one.result != other.result:
            why = "they end with different outputs"
        elif other.chart is not None:
            why = next((text for chart in one.charts if (text := _other_words(chart, other.chart, loose=True))), "")
    elif one.spawned or other.spawned:
        why = "one of them is spawned"
    elif (one.chart is None) is not (other.chart is None) or one.plain_events is not other.plain_events:
        why = "they are of two kinds"
    elif len(one.states) >= MAX_PLACES:
        why = f"{MAX_PLACES} states invoke it"
    elif both := next(((a, b) for a in one.states for b in other.states if _together(a, b)), None):
        why = f"{both[0].id or 'the chart'!r} and {both[1].id or 'the chart'!r} may be active together"
    elif one.result != other.result:
        why = "they end with different outputs"
    elif other.chart is not None and other.chart not in one.charts:
        why = next((text for chart in one.charts if (text := _other_words(chart, other.chart))), "")
    if why:
        message = f"a second child with the id {id_!r}, and {why}"
        build.reader.problem(place, "duplicate-name", message, "an id of its own")
        return False
    one.states += other.states
    one.invoked |= other.invoked
    if other.chart is None or other.chart in one.charts:
        return False
    one.others.append(other.chart)
    return True


def _other_words(one: Chart, other: Chart, *, loose: bool = False) -> str:
    """What two charts that run in turn say in one word and do not mean alike; empty when there is nothing. ``loose``:
    what they tell may carry more with the one than with the other, and a parameter have more values."""
    for name, event in one.events.items():
        theirs = other.events.get(name)
        both = event.direction and theirs is not None and theirs.direction
        if loose and both and theirs is not None and theirs.direction == event.direction == "out":
            continue
        if both and theirs is not None and (theirs.direction, theirs.payload) != (event.direction, event.payload):
            return f"the event {name!r} is another in {other.name} than in {one.name}"
    for name, parameter in one.parameters.items():
        theirs_type = other.parameters[name].type if name in other.parameters else parameter.type
        if loose and theirs_type.kind is parameter.type.kind is Kind.ENUM:
            continue
        if theirs_type != parameter.type:
            return f"the type of the parameter {name!r} is another in {other.name} than in {one.name}"
    return ""


def _together(a: State, b: State) -> bool:
    above = [a, *a.ancestors()]
    common = next(state for state in [b, *b.ancestors()] if state in above)
    return common is a or common is b or common.kind is StateKind.PARALLEL


def _call_result(build: Build, node: Node) -> dict[str, Type] | None:
    """What a long action gives; its problems are told of in the second pass."""
    try:
        syntax = parse(node.text) if isinstance(node, Scalar) else None
    except ExpressionError:
        return None
    function = syntax.children[0] if syntax is not None and syntax.kind == "call" else None
    if function is None or function.kind != "attribute" or function.children[0].kind != "name":
        return None
    contract = build.chart.adapters.get(str(function.children[0].value))
    action = contract.actions.get(str(function.value)) if contract is not None else None
    return action.result if action is not None else None


# ---------------------------------------------------------------- second pass


def read_invokes(build: Build, state: State, node: Node) -> None:
    """The invokes of a state, checked."""
    for item in build.reader.items(node):
        body = build.reader.mapping(item, "'invoke'", "{src: FILE}")
        if body is not None:
            _read_invoke(build, state, body)


def _read_invoke(build: Build, state: State, body: Mapping) -> None:
    reader = build.reader
    reader.check_keys(body, keys.INVOKE, imported=build.untyped)
    scope = build.plain_scope()
    position = reader.position(body)
    id_ = invoke_id(build, body)
    call = body.get("call")
    ways = [key for key in keys.INVOKE.one_of if body.get(key) is not None]
    if len(ways) != 1:
        place = body.entries[ways[1]][0] if ways else body
        what = f"both {ways[0]!r} and {ways[1]!r}" if ways else "neither 'src' nor 'call'"
        reader.problem(
            place, "missing-key" if not ways else "shape", f"'invoke' with {what}", "src: FILE or call: role.action()"
        )
        return
    if isinstance(call, Scalar):
        try:
            found = adapter_call(build, call, parse(call.text), scope, long=True)
        except ExpressionError as error:
            for fault in error.faults:
                reader.fault(call, fault)
            return
        if found is not None:
            state.invokes.append(Invoke(id_, None, None, found[0], found[1], found[2], position=position))
        return
    finalize = body.get("finalize")
    block = read_block(build, finalize, build.scope({})) if finalize is not None else ()
    location = reader.text(body.get("id_location"), "'id_location'") or None
    forward = reader.flag(body.get("autoforward"), "'autoforward'")
    plain = reader.flag(body.get("plain_events"), "'plain_events'")
    source = body.get("src_expr")
    chart = build.charts.get(id(body))
    expr: tree.Expr | None = None
    roles: tuple[tuple[str, str], ...] = ()
    fields: Fields
    if source is not None:
        expr = build.expression(source, "'src_expr'", scope)
        fields = _open_fields(build, body.get("input"), scope)
    elif chart is not None:
        roles = _roles(build, body, chart)
        fields = _input(build, body, chart, scope)
    else:
        return
    relay = tuple(item.text for item in reader.items(body.get("relay")) if isinstance(item, Scalar))
    state.invokes.append(
        Invoke(id_, chart, expr, None, None, fields, roles, forward, block, plain, location, position, relay)
    )


def _open_fields(build: Build, node: Node | None, scope: Scope) -> Fields:
    return tuple((name, field.make(None)) for name, field in read_fields(build, node, scope).items())


def _input(build: Build, body: Mapping, chart: Chart, scope: Scope) -> Fields:
    node = body.get("input")
    if build.untyped and body.get("plain_events") is not None:
        return _open_fields(build, node, scope)
    fields = read_fields(build, node, scope)
    types = {name: parameter.type for name, parameter in chart.parameters.items()}
    given = frozenset(name for name, parameter in chart.parameters.items() if parameter.default is not None)
    return fit_fields(build, fields, types, node or body, f"the input of {chart.name}", given)


def _roles(
    build: Build, body: Mapping, chart: Chart, unit: UnitDef | None = None, kind: str = ""
) -> tuple[tuple[str, str], ...]:
    """The child's roles that have another name here; each of the child's roles must be one of ours, or of ``unit``."""
    reader = build.reader
    own = build.chart.adapters
    mapped: dict[str, str] = {}
    for role, key, value in reader.entries(body.get("adapters"), "'adapters'"):
        name = reader.text(value, "a role")
        if role not in chart.adapters:
            reader.problem(key, "unknown-role", f"{chart.name} has no adapter {role!r}", known=chart.adapters)
            return ()  # one that is missing below is likely meant
        if name not in own:
            if name not in build.broken_roles:
                reader.problem(value, "unknown-role", f"the chart has no adapter {name!r}", known=own)
        else:
            mapped[role] = name
    for role, contract in chart.adapters.items():
        name = mapped.get(role, role)
        if unit is not None and role not in mapped:
            other = unit.roles.setdefault(kind, {}).setdefault(role, contract)
            if other is not contract:
                message = f"{role!r} of {chart.name} is a {contract.name}, in the unit {unit.name} a {other.name}"
                reader.problem(body, "type", message, f"a role with the contract {other.name}")
        elif name not in own:
            if name in build.broken_roles:
                continue
            hint = did_you_mean(role, own)
            message = f"{chart.name} needs an adapter {role!r} ({contract.name}) that this chart does not have"
            reader.problem(body, "unknown-role", message, f"{role}: {contract.name} in 'adapters'", hint)
        elif own[name].name != contract.name:
            message = f"{role!r} of {chart.name} is a {contract.name}, here {name!r} is a {own[name].name}"
            reader.problem(body, "type", message, f"a role with the contract {contract.name}")
        elif own[name] is not contract:
            theirs, ours = contract.position.file, own[name].position.file
            message = f"{role!r} of {chart.name} keeps to {theirs}, {name!r} here to {ours}"
            reader.problem(body, "type", message, "one contract file for both")
    return tuple((role, name) for role, name in mapped.items() if role != name or unit is not None)


def read_spawn(build: Build, value: Node, scope: Scope) -> list[Action]:
    """The action of a ``spawn``."""
    reader = build.reader
    body = reader.filled(value, "'spawn'", "{src: FILE, …}")
    if body is None:
        return []
    reader.check_keys(body, keys.SPAWN)
    if body.get("src") is None:
        reader.missing(body, body, "'spawn' without 'src'", "src: FILE")
        return []
    chart = build.charts.get(id(body))
    if chart is None:
        return []
    id_ = reader.text(body.get("id"), "'id'") or chart.name
    unit_node, key_node = body.get("unit"), body.get("key")
    name = reader.text(unit_node, "'unit'") or None
    unit = build.chart.units.get(name) if name is not None else None
    if unit_node is not None and unit is None:
        reader.problem(unit_node, "unknown-name", f"the chart has no unit {name!r}", known=build.chart.units)
        return []
    if unit is not None and key_node is None:
        reader.missing(body, body, f"a child on the unit {name} needs its number", "key: 1 to the unit's count")
        return []
    kind = reader.text(body.get("kind"), "'kind'")
    if bool(kind) is not (unit is not None and unit.kinds is not None):
        what = f"the unit {name} is of several kinds" if not kind else "'kind' without a unit that is of several kinds"
        reader.problem(body.get("kind") or body, "missing-key" if not kind else "shape", what, "kind: NAME")
        return []
    roles = _roles(build, body, chart, unit, kind)
    key = None if key_node is None else build.expression(key_node, "'key'", scope, KEY if unit is None else INT)
    given = _input(build, body, chart, scope)
    return [Spawn(id_, chart, key, given, reader.position(body), roles, name, kind)]
