"""``send``: to the parent, to a child, to itself, at once or later."""

from __future__ import annotations

from engine.language.expr import tree
from engine.language.expr.check import Scope
from engine.language.load import keys
from engine.language.load.actions import event_name, own_payload
from engine.language.load.arguments import fit_fields, read_fields
from engine.language.load.build import Build
from engine.language.load.yaml_source import Mapping, Node, Scalar
from engine.language.model import Action, Send
from engine.language.problems import did_you_mean
from engine.language.types import KEY, STRING, Type


def read_send(build: Build, value: Node, scope: Scope) -> list[Action]:
    """The action of a ``send``; short form: the event, to itself."""
    reader = build.reader
    if isinstance(value, Scalar) and value.is_null:
        reader.missing(value, value, "'send' needs the name of an event", "event: NAME")
        return []
    body = value if isinstance(value, Mapping) else Mapping(value.start, value.end, {"event": (_key(value), value)})
    reader.check_keys(body, keys.SEND, imported=build.untyped)
    id_ = reader.text(body.get("id"), "'id'") or None
    delay_node = body.get("delay")
    delay = None if delay_node is None else build.delay(delay_node, scope)
    if id_ is not None:
        build.send_ids.add(id_)
    fields = read_fields(build, body.get("data"), scope)
    position = reader.position(value)
    if build.untyped:
        return [_imported(build, body, scope, id_, delay, position_of=value)]
    event_node = body.get("event")
    name = event_name(build, event_node, value, "send")
    to_node = body.get("to")
    to = reader.text(to_node, "'to'") or "self"
    if name is None or event_node is None:
        return []
    payload: dict[str, Type] | None
    if to == "self":
        payload = own_payload(build, event_node, name, "sent to itself")
    elif to == "parent":
        payload = _parent_payload(build, event_node, name)
    else:
        payload = _child_payload(build, to_node or value, to, event_node, name)
    if payload is None:
        return []
    data = fit_fields(build, fields, payload, event_node, f"event {name!r}")
    target = None if to == "self" else tree.Literal(to, STRING)
    key = _key_of(build, body.get("key"), to, scope)
    return [Send(tree.Literal(name, STRING), target, key, data, None, delay, id_, position=position)]


def _key(node: Node) -> Scalar:
    return Scalar(node.start, node.end, "event")


def _parent_payload(build: Build, node: Node, name: str) -> dict[str, Type] | None:
    definition = build.chart.events.get(name)
    if definition is not None and definition.direction == "out":
        return definition.payload
    if not build.events_known:
        return None  # those of a contract that is not there: told of already
    outgoing = [event.name for event in build.chart.events.values() if event.direction == "out"]
    why = "has no `direction: out`" if definition is not None else "is not an event of this chart"
    hint = did_you_mean(name, outgoing) if definition is None else ""
    build.reader.problem(node, "unknown-event", f"{name[:80]!r} {why}", "an event with `direction: out`", hint)
    return None


def _child_payload(build: Build, to_node: Node, to: str, node: Node, name: str) -> dict[str, Type] | None:
    child = build.children.get(to)
    if child is None or child.chart is None:
        if not build.broken_children & {to, ""}:
            known = ["parent", "self", *(key for key, value in build.children.items() if value.chart is not None)]
            hint = did_you_mean(to, known)
            build.reader.problem(
                to_node, "unknown-name", f"{to[:80]!r} is no child of this chart", "parent, self or a child", hint
            )
        return None
    charts = build.charts_of(child)
    for chart in charts:  # whichever of them runs
        definition = chart.events.get(name)
        if definition is None or definition.direction != "in":
            hint = did_you_mean(name, [event.name for event in chart.events.values() if event.direction == "in"])
            message = f"{chart.name} takes no event {name[:80]!r}"
            build.reader.problem(node, "unknown-event", message, f"an event of {chart.name} with `direction: in`", hint)
            return None
    return charts[0].events[name].payload


def _key_of(build: Build, node: Node | None, to: str, scope: Scope) -> tree.Expr | None:
    child = build.children.get(to)
    if node is None:
        return None
    if child is None or child.key is None:
        build.reader.problem(node, "type", f"{to!r} is not spawned with a key")
        return None
    return build.expression(node, "'key'", scope, KEY)


def _imported(
    build: Build, body: Mapping, scope: Scope, id_: str | None, delay: tree.Expr | None, position_of: Node
) -> Send:
    """The wider form of imported documents."""

    def optional(key: str) -> tree.Expr | None:
        node = body.get(key)
        return None if node is None else build.expression(node, f"'{key}'", scope)

    event = optional("event_expr")
    if event is None:
        event = tree.Literal(build.reader.text(body.get("event"), "'event'"), STRING)
    target = optional("to_expr")
    if target is None:
        to = build.reader.text(body.get("to"), "'to'")
        target = tree.Literal(to, STRING) if to and to != "self" else None
    fields = read_fields(build, body.get("data"), scope)
    data = tuple((name, field.make(None)) for name, field in fields.items())
    location = build.reader.text(body.get("id_location"), "'id_location'") or None
    return Send(
        event, target, optional("key"), data, optional("content"), delay, id_, location, optional("type"),
        build.reader.position(position_of),
    )  # fmt: skip
