"""``session:`` of a chart: the state in which the work begins, the event that ends it, and whether it went well."""

from __future__ import annotations

from engine.language.expr.check import Scope
from engine.language.expr.tree import Expr
from engine.language.load import keys
from engine.language.load.build import Build
from engine.language.load.yaml_source import Mapping, Node
from engine.language.model import SessionDef


def read_session(build: Build, node: Node | None) -> SessionDef | None:
    """``{during: STATE, result: EVENT, success: EXPR}``; None when absent or after a problem."""
    reader = build.reader
    body = reader.filled(node, "'session'", "{result: EVENT, success: event.result == 'done'}")
    if body is None:
        return None
    reader.check_keys(body, keys.SESSION)
    result = body.get("result")
    name = reader.text(result, "'result'")
    out = {event.name: event for event in build.chart.events.values() if event.direction == "out"}
    if name not in out:
        if build.events_known and not name:
            reader.missing(body, body, "'session' needs the event that tells its result", "result: EVENT")
        elif build.events_known:
            place = result or body
            reader.problem(place, "unknown-event", f"{name[:80]!r} is no event of direction out", known=out)
        return None
    event = out[name]
    success = _success(build, body, Scope(parameters=build.parameters, event=event.payload or {}))
    during = reader.text(body.get("during"), "'during'") or None
    if during is not None and during not in build.chart.states:
        place = body.get("during") or body
        reader.problem(place, "unknown-state", f"no state {during[:80]!r}", known=build.chart.states)
        during = None
    return SessionDef(name, success, during, reader.position(body))


def _success(build: Build, body: Mapping, scope: Scope) -> Expr | None:
    node = body.get("success")
    if node is None:
        build.reader.missing(body, body, "'session' needs what makes a result a good one", "success: EXPR")
        return None
    return build.guard(node, "'success'", scope)
