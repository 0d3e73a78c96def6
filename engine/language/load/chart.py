"""A whole chart: its sections in the order they depend on each other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.adapter import AdapterError
from engine.language.expr.check import Scope
from engine.language.expr.tree import BoolOp, Literal, OfChild, Unary
from engine.language.expr.unify import BROKEN
from engine.language.expr.walk import within
from engine.language.load import keys
from engine.language.load.actions import read_block, read_blocks
from engine.language.load.arguments import fit_fields, read_fields
from engine.language.load.build import Build
from engine.language.load.children import find_children, read_invokes
from engine.language.load.clauses import read_citation
from engine.language.load.contract import Contracts
from engine.language.load.events import EventTable, read_events, read_payload
from engine.language.load.reader import FALSE, NO_NAMES, TRUE, Reader
from engine.language.load.relatives import relatives
from engine.language.load.serves import check_served, declare_served
from engine.language.load.session import read_session
from engine.language.load.stages import read_stages
from engine.language.load.state_arguments import declare_arguments, give_values
from engine.language.load.states import build_states, resolve_targets
from engine.language.load.templates import Templates
from engine.language.load.transitions import (
    check_histories,
    is_history,
    number_transitions,
    read_history,
    read_initial,
    read_transitions,
)
from engine.language.load.types import read_long_type
from engine.language.load.yaml_source import Mapping, Node, Scalar
from engine.language.model import (
    Chart,
    Contract,
    DataDef,
    Invariant,
    ParameterDef,
    Shutdown,
    State,
    StateKind,
    UnitDef,
)  # fmt: skip
from engine.language.problems import ChartError
from engine.language.types import BOOL, INT, STRING, Kind, Type

RESERVED = frozenset(
    {"event", "and", "or", "not", "in", "is", "if", "else", "True", "False", "None", "true", "false", "null"}
)


def build_chart(
    reader: Reader, body: Mapping, contracts: Contracts, load_child: Callable[[Reader, Node], Chart | None]
) -> Chart:
    """The chart of a mapping. Problems are gathered in ``reader``; the chart is sound only when there are none."""
    chart = Chart("", State("", "", StateKind.ATOMIC, None), file=reader.source.file, position=reader.position(body))
    events_node = body.get("events")
    untyped = isinstance(events_node, Scalar) and events_node.text == "any"
    load = lambda node: load_child(reader, node)  # noqa: E731
    build = Build(reader, chart, untyped, EventTable(untyped), load, Templates(reader))
    reader.check_keys(body, keys.CHART, imported=untyped)
    _header(build, body)
    _parameters(build, body.get("parameters"))
    _adapters(build, body.get("adapters"), contracts)
    _units(build, body.get("units"))
    chart.untyped = untyped
    if not untyped:
        chart.events = read_events(reader, events_node)
        build.events_known = events_node is None or isinstance(events_node, Mapping)
    served = _served(build, body.get("serves"), contracts)
    if not untyped:
        _own_events(build)
    chart.output = read_payload(reader, body.get("output"), "'output'")
    _templates(build, body)
    chart.root = build_states(build, body)
    chart.templates = build.templates.definitions()
    if chart.root.kind is StateKind.ATOMIC:
        reader.missing(body, body, "a chart needs states", "states: …")
    find_children(build, "spawn" in reader.source.text)
    _data(build, body.get("data"))
    declare_arguments(build)
    give_values(build)
    _outputs(build)
    _bodies(build)
    chart.session = read_session(build, body.get("session"))
    chart.stages = read_stages(build, body.get("stages"))
    _shutdown(build, body.get("shutdown"))
    _main(build, body.get("main"))
    script = body.get("script")
    if script is not None:
        chart.script = read_block(build, script, build.plain_scope())
    build.templates.uncalled()
    for id_, node in build.cancels:
        if id_ not in build.send_ids:
            reader.problem(node, "unknown-name", f"no `send` has the id {id_[:80]!r}", known=build.send_ids)
    chart.transitions = number_transitions(chart.root)
    if served is not None:
        check_served(build, served)
    children = [chart.text_hash for child in build.children.values() for chart in child.charts]
    canonical = "\n".join([reader.source.text.replace("\r\n", "\n"), *sorted(set(children))])
    chart.text_hash = hashlib.sha256(canonical.encode()).hexdigest()
    return chart


def _header(build: Build, body: Mapping) -> None:
    reader, chart = build.reader, build.chart
    name = body.get("machine")
    if not isinstance(name, Scalar) or name.is_null:
        reader.missing(body, name or body, "a chart needs a name", "machine: name")
    elif name.plain and name.text in TRUE | FALSE:
        reader.problem(name, "name", f"{name.text!r} cannot be the name of a chart", "another name")
    elif reader.name(name, "a chart"):
        chart.name = name.text
        if not name.text.islower():
            reader.problem(name, "name", f"the name of a chart is in lower case, not {name.text!r}", name.text.lower())
    language = body.get("language")
    written = reader.text(language, "'language'")
    build.older = reader.older and written != str(keys.LANGUAGE)
    if language is not None and written != str(keys.LANGUAGE) and not (build.older and written in keys.OLDER):
        message = f"this chart is of language {written[:40]!r}, this engine reads {keys.LANGUAGE}"
        hint = f"engine upgrade {reader.source.file}" if written in keys.OLDER else ""
        reader.problem(language, "version", message, str(keys.LANGUAGE), hint)
    chart.title = reader.text(body.get("title"), "'title'")
    chart.description = reader.text(body.get("description"), "'description'")
    chart.citation = read_citation(reader, body, "the chart", chart.clauses)
    chart.version = reader.text(body.get("version"), "'version'")
    chart.station = reader.text(body.get("station"), "'station'") or None
    chart.strict = reader.flag(body.get("strict"), "'strict'")
    chart.waivers = reader.texts(body.get("waive"), "'waive'")


def _templates(build: Build, body: Mapping) -> None:
    data = body.get("data")
    names = {*build.parameters, *build.chart.adapters, *(data.entries if isinstance(data, Mapping) else ())}
    build.templates.read(body.get("templates"), frozenset(names))


def _free_name(build: Build, key: Scalar, what: str) -> bool:
    reader = build.reader
    name = key.text
    if not reader.name(key, what):
        return False
    taken = ""
    if name in RESERVED or (name.startswith("_") and not build.untyped):
        taken = "reserved"
    elif name in build.parameters:
        taken = "a parameter already"
    elif name in build.chart.adapters:
        taken = "a role of an adapter already"
    if taken:
        reader.problem(key, "duplicate-name", f"{name!r} is {taken} and cannot name {what}", "another name")
    return not taken


def _parameters(build: Build, node: Node | None) -> None:
    reader = build.reader
    deadlines: list[Node] = []
    for name, key, value in reader.entries(node, "'parameters'"):
        if not _free_name(build, key, "a parameter"):
            continue
        body = reader.mapping(value, f"parameter {name!r}", "{type: …, default: …}")
        if body is None:
            if isinstance(value, Scalar) and value.is_null:
                reader.problem(key, "missing-key", f"parameter {name!r} needs a type", "{type: …, default: …}")
            continue
        reader.check_keys(body, keys.PARAMETER, f"parameter {name!r}")
        type_ = read_long_type(reader, body, f"parameter {name!r}")
        if type_ is None:
            build.parameters[name] = BROKEN
            continue
        type_ = _not_negative(type_)
        default_node = body.get("default")
        default = None
        if default_node is not None:
            default = build.expression(default_node, f"the default of {name!r}", NO_NAMES, type_)
        build.parameters[name] = type_
        build.chart.parameters[name] = ParameterDef(
            name,
            type_,
            default,
            read_citation(reader, body, f"parameter {name}", build.chart.clauses),
            reader.text(body.get("description"), "'description'"),
            reader.texts(body.get("waive"), "'waive'"),
            reader.position(key),
            _before(build, body.get("before"), type_),
        )
        if (named := body.get("before")) is not None:
            deadlines.append(named)
    for node in deadlines:
        other = reader.text(node, "'before'")
        own = build.parameters.get(other)
        if "." not in other and (own is None or own.kind is not Kind.DURATION):
            known = [name for name, type_ in build.parameters.items() if type_.kind is Kind.DURATION]
            reader.problem(node, "unknown-name", f"{other[:80]!r} is no duration among the parameters", known=known)


def _not_negative(type_: Type) -> Type:
    """A time without a ``min`` of its own is at least 0: below it whatever it delays or watches over would be off."""
    if type_.kind is Kind.DURATION and type_.minimum is None and (type_.maximum is None or type_.maximum >= 0):
        return replace(type_, minimum=0)
    return type_


def _before(build: Build, node: Node | None, type_: Type) -> str:
    """The deadline that a parameter must come before; '' for none."""
    if node is not None and type_.kind is not Kind.DURATION:
        build.reader.problem(node, "type", f"only a duration is before another, this is {type_.kind.value}")
    return build.reader.text(node, "'before'")


def _adapters(build: Build, node: Node | None, contracts: Contracts) -> None:
    reader = build.reader
    for role, key, value in reader.entries(node, "'adapters'"):
        if not _free_name(build, key, "a role"):
            build.broken_roles.add(role)
            continue
        contract = _contract(build, value, f"the contract of {role!r}", contracts)
        if contract is None:
            build.broken_roles.add(role)
            continue
        build.chart.adapters[role] = contract
        build.chart.roles[role] = reader.position(key)
        build.readings[role] = contract.values
        for event in contract.events.values():
            build.events.add(f"{role}.{event.name}", dict(event.payload or {}))
        build.events.add(f"error.adapter.{role}", {"action": STRING, "message": STRING})


def _served(build: Build, node: Node | None, contracts: Contracts) -> Node | None:
    """``serves: CONTRACT``: its place, when there is such a contract."""
    contract = None if node is None else _contract(build, node, "'serves'", contracts)
    if node is None or contract is None:
        build.events_known = build.events_known and node is None  # what the contract would have declared is unknown
        return None
    declare_served(build, node, contract)
    return node


def _contract(build: Build, node: Node, what: str, contracts: Contracts) -> Contract | None:
    """The contract a node names; None after a problem."""
    reader = build.reader
    folder = Path(reader.source.file).parent
    name = reader.text(node, what)
    try:
        contract = contracts.get(name, folder)
    except ChartError as error:
        reader.problem(node, "contract", f"the contract {name!r} does not load")
        reader.problems.add_all(error.problems)
        return None
    except (AdapterError, OSError) as error:
        why = (
            f"the contract {name[:80]!r} cannot be read: {error.strerror or error}"
            if isinstance(error, OSError)
            else str(error)
        )
        reader.problem(node, "contract", why)
        return None
    if contract is None:
        reader.problem(node, "unknown-contract", f"there is no contract {name[:80]!r}", known=contracts.names(folder))
    return contract


def _units(build: Build, node: Node | None) -> None:
    """``units: {outlet: {count: outlets}}``: sets of roles that come several times."""
    reader = build.reader
    for name, key, value in reader.entries(node, "'units'"):
        if not _free_name(build, key, "a unit"):
            continue
        body = reader.filled(value, f"unit {name!r}", "{count: EXPR}")
        if body is None:
            continue
        reader.check_keys(body, keys.UNIT, f"unit {name!r}")
        count = body.get("count")
        if count is None:
            reader.missing(body, key, f"unit {name!r} needs how many there are", "count: EXPR")
            continue
        scope = Scope(parameters=build.parameters)
        number = build.expression(count, f"the count of {name!r}", scope, INT)
        of = body.get("kinds")
        kinds = (
            None if of is None else build.expression(of, f"the kinds of {name!r}", scope, Type(Kind.LIST, item=STRING))
        )
        description = reader.text(body.get("description"), "'description'")
        build.chart.units[name] = UnitDef(name, number, {}, kinds, description, reader.position(key))


def _own_events(build: Build) -> None:
    for event in build.chart.events.values():
        first = event.name.split(".")[0]
        if "." in event.name and first in build.chart.adapters:
            message = f"{event.name!r} looks like an event of the adapter {first!r}"
            build.reader.problem_at(event.position, "duplicate-name", message, "another name", len(event.name))
        if event.direction != "out":
            build.events.add(event.name, dict(event.payload or {}))


def _data(build: Build, node: Node | None) -> None:
    reader = build.reader
    names = Scope(parameters=build.parameters, readings=build.readings, untyped=build.untyped)
    later: list[tuple[str, Scalar, Mapping, Type]] = []
    for name, key, value in reader.entries(node, "'data'"):
        if not _free_name(build, key, "data"):
            continue
        body = reader.mapping(value, f"data {name!r}", "{type: …, initial: …}")
        if body is None:
            if isinstance(value, Scalar) and value.is_null:
                reader.problem(key, "missing-key", f"data {name!r} needs a type", "{type: …, initial: …}")
            continue
        reader.check_keys(body, keys.DATA, f"data {name!r}", build.untyped)
        type_ = read_long_type(reader, body, f"data {name!r}") or BROKEN
        build.variables[name] = type_
        later.append((name, key, body, type_))
    if build.untyped:
        names = build.plain_scope()
    for name, key, body, type_ in later:
        initial_node = body.get("initial")
        initial = None
        if type_ is BROKEN:
            pass  # whatever stands there may be meant for the right type
        elif initial_node is not None:
            initial = build.expression(initial_node, f"the initial value of {name!r}", names, type_)
        elif not build.untyped and not type_.optional:
            reader.missing(body, key, f"data {name!r} needs an initial value", "initial: …")
        elif not build.untyped:
            initial = Literal(None, type_)
        late = reader.text(body.get("late"), "'late'") or None
        if late is not None and late not in build.chart.states:
            reader.problem(body.get("late") or body, "unknown-state", f"no state {late!r}", known=build.chart.states)
        read_citation(reader, body, f"data {name}", build.chart.clauses)
        description = reader.text(body.get("description"), "'description'")
        build.chart.data[name] = DataDef(
            name, type_, initial, late, description, reader.texts(body.get("waive"), "'waive'"), reader.position(key)
        )


def _outputs(build: Build) -> None:
    """The outputs of final states, before the transitions that read them; and the `done.state` events."""
    for state, body in build.bodies:
        if state.kind is not StateKind.FINAL:
            continue
        build.inside(state)
        content = body.get("output_content")
        if content is not None:
            state.output_content = build.expression(content, "'output_content'", build.plain_scope())
        node = body.get("output")
        top = state.parent is not None and state.parent.parent is None
        declared = build.chart.output if top and not build.untyped else None
        if node is None and not declared:
            continue
        fields = read_fields(build, node, build.plain_scope())
        state.output = fit_fields(build, fields, declared, node or body, f"the output of {build.chart.name}")
    for state, _ in build.bodies:
        if state.parent is None:
            continue  # when the root is done the machine ends
        if state.kind is StateKind.COMPOUND:
            finals = [child for child in state.children if child.kind is StateKind.FINAL]
            payloads = [{name: expr.type for name, expr in final.output} for final in finals]
            build.events.add_done(f"done.state.{state.id}", payloads)
        elif state.kind is StateKind.PARALLEL:
            build.events.add(f"done.state.{state.id}", {})


def _shutdown(build: Build, node: Node | None) -> None:
    """``shutdown: {event: …, within: …, done: …}``: how the chart ends in order, as the main chart of a run."""
    reader, chart = build.reader, build.chart
    body = reader.filled(node, "'shutdown'", "{event: …, within: 10 s, done: STATE}")
    if body is None:
        return
    reader.check_keys(body, keys.SHUTDOWN)
    event_node, within_node, done_node = body.get("event"), body.get("within"), body.get("done")
    event = reader.text(event_node, "'event'")
    definition = chart.events.get(event)
    if event_node is None:
        reader.missing(body, body, "'shutdown' without an event", "event: …")
    elif build.events_known and (definition is None or definition.direction != "in"):
        known = [e.name for e in chart.events.values() if e.direction == "in"]
        reader.problem(
            event_node, "unknown-event", f"{event[:80]!r} is no event of direction in of this chart", known=known
        )
    elif definition is not None and definition.payload:
        reader.problem(
            event_node, "shape", f"{event!r} carries {', '.join(definition.payload)}: nobody here knows them"
        )
    states = list(chart.root.walk())
    if not reader.items(done_node) and not any(s.kind is StateKind.FINAL and s.parent is chart.root for s in states):
        reader.missing(body, body, "'shutdown' without the state in which it is over; the chart never ends", "done: …")
    if within_node is None:
        reader.missing(body, body, "'shutdown' without the longest time it may take", "within: 10 s")
        return
    within = build.delay(within_node, Scope(parameters=build.parameters))
    done: list[State] = []
    for one in reader.items(done_node):
        found, written = resolve_targets(build, chart.root, one, inside=True)
        done += found
        if any(target.calls for target, _ in written):
            reader.problem(one, "shape", "it is over in this state whatever its arguments", "the state alone")
    text = reader.expression_text(within_node, "'within'") or ""
    citation = read_citation(reader, body, "shutdown", chart.clauses)
    chart.shutdown = Shutdown(event, within, text, tuple(done), citation, reader.position(body))


def _main(build: Build, node: Node | None) -> None:
    """``main``: the states that a run which goes well passes."""
    found: dict[State, None] = {}
    for one in build.reader.items(node):
        for state in resolve_targets(build, build.chart.root, one, inside=True)[0]:
            if state in found:
                build.reader.problem(one, "shape", f"the main path passes {state.id!r} twice", "each state once")
            found[state] = None
    build.chart.main = tuple(found)


def _bodies(build: Build) -> None:
    for state, body in build.bodies:
        build.inside(state)
        if state.kind is StateKind.FINAL:
            pass
        elif is_history(state):
            read_history(build, state, body)
            continue
        else:
            read_initial(build, state, body)
            invoke = body.get("invoke")
            if invoke is not None:
                read_invokes(build, state, invoke)
            read_transitions(build, state, body)
        entry, exit_, invariant = body.get("entry"), body.get("exit"), body.get("invariant")
        if entry is not None:
            state.entry = read_blocks(build, entry, build.plain_scope())
        if exit_ is not None:
            state.exit = read_blocks(build, exit_, build.plain_scope())
        if invariant is not None:
            _invariants(build, state, invariant)
    build.inside(build.chart.root)
    check_histories(build)


def _invariants(build: Build, state: State, node: Node) -> None:
    reader = build.reader
    scope = build.scope(None, "an invariant holds between events")
    scope.relatives = relatives(build)
    place = f"of {state.id}" if state.id else "of the chart"
    own: list[Invariant] = []
    joint: list[Invariant] = []
    for item in reader.items(node):
        message = citation = ""
        condition: Node | None = item
        when: Node | None = None
        if isinstance(item, Mapping):
            reader.check_keys(item, keys.INVARIANT)
            message = reader.text(item.get("message"), "'message'")
            citation = read_citation(reader, item, f"invariant {place}", build.chart.clauses)
            condition, when = item.get("expr"), item.get("when")
        if condition is None:
            reader.missing(item, item, "'invariant' without 'expr'", "expr: …")
            continue
        text = reader.expression_text(condition, "'invariant'")
        if text is not None:
            guard = build.guard(condition, "'invariant'", scope)
            if when is not None:
                premise = build.guard(when, "'when'", scope)
                guard = BoolOp("or", (Unary("not", premise, BOOL), guard), BOOL)
                text = f"{text} when {reader.expression_text(when, 'when')}"
            reads_children = any(isinstance(part, OfChild) for part in within(guard))
            (joint if reads_children else own).append(
                Invariant(guard, text, message, citation, reader.position(condition))
            )
    state.invariants, state.joint_invariants = tuple(own), tuple(joint)
    build.chart.joint_invariants += [(state.id, invariant) for invariant in joint]
