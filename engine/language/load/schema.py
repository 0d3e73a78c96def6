"""The JSON Schema of the chart language, for completion and first checks in editors.

It knows shapes, keys and the words with a closed list; names, types and units across a chart are the loader's. The file
``engine/schema.json`` is this schema, written out.
"""

from __future__ import annotations

from typing import Any

from engine.language.load.chart import LANGUAGE
from engine.language.types import UNITS

Schema = dict[str, Any]

ID = "https://chargechart.invalid/schema/chart-1.json"
_NAME = "^[A-Za-z_][A-Za-z0-9_]*$"


def schema() -> Schema:
    """The schema, JSON Schema draft 2020-12. ``definitions`` are named as docs/chart-reference.md names things."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "State chart",
        **chart(),
        "$defs": {
            "text": _any_of("string", "number", "boolean", description="text"),
            "note": _any_of("string", "number", "boolean", "null", description="text, or nothing"),
            "expression": {
                "description": "an expression: n + 1 > limit, 400 V, event.run_id",
                "type": ["string", "number", "boolean", "null", "array"],
            },
            "name": {"type": "string", "pattern": _NAME},
            "type": _type(),
            "typeText": _type_text(),
            "fields": _map({"$ref": "#/$defs/type"}, _NAME),
            "values": _map(_EXPRESSION),
            "waive": _map(_NOTE, description="code of a finding: why it is fine here"),
            "target": {
                "description": "a state, or several in parallel regions",
                "anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}],
            },
            "transition": _transition(),
            "transitions": _one_or_many({"$ref": "#/$defs/transition"}),
            "action": _action(),
            "actions": _none_or_many({"$ref": "#/$defs/action"}),
            "blocks": {
                "anyOf": [
                    {"$ref": "#/$defs/actions"},
                    {"type": "array", "items": {"type": "array", "items": {"$ref": "#/$defs/action"}}},
                    {"type": "null"},
                ]
            },
            "invoke": _invoke(),
            "invariants": _none_or_many(_invariant()),
            "state": _state(),
            "active": _object(active(), description="an atomic, compound or parallel state"),
            "final": _object(final(), required=["type"]),
            "history": _object(history(), required=["type", "target"]),
        },
    }


_TEXT: Schema = {"$ref": "#/$defs/text"}
_NOTE: Schema = {"$ref": "#/$defs/note"}
_EXPRESSION: Schema = {"$ref": "#/$defs/expression"}


def _any_of(*types: str, **more: Any) -> Schema:
    return {**more, "type": list(types)}


def _object(properties: Schema, required: list[str] | None = None, **more: Any) -> Schema:
    found: Schema = {**more, "type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = required
    return found


def _map(value: Schema, names: str = "", **more: Any) -> Schema:
    found: Schema = {**more, "type": ["object", "null"], "additionalProperties": value}
    if names:
        found["propertyNames"] = {"pattern": names}
    return found


def _one_or_many(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _none_or_many(item: Schema) -> Schema:
    return {"anyOf": [*_one_or_many(item)["anyOf"], {"type": "null"}]}


def _described() -> Schema:
    return {
        "title": {**_NOTE, "description": "a few words, for diagrams"},
        "description": _NOTE,
        "source": {**_NOTE, "description": "standard and clause"},
        "waive": {"$ref": "#/$defs/waive"},
    }


def _pick(properties: Schema, *names: str) -> Schema:
    return {name: properties[name] for name in names}


# ---------------------------------------------------------------- types


def _type_text() -> Schema:
    units = "|".join(symbol.replace("/", "\\/") for symbol in UNITS)
    kinds = f"bool|string|bytes|duration|any|(int|float)(\\s+({units}))?|enum\\s*\\([^()]*\\)"
    return {
        "description": "bool, int, float kW, string, bytes, duration, any, enum(a, b), list of TYPE; `?`: may be None",
        "type": "string",
        "pattern": f"^\\s*(list\\s+of\\s+)*({kinds})\\s*\\??\\s*$",
        "examples": ["bool", "int", "float V", "float kW?", "string", "bytes", "duration", "enum(a, b)", "list of int"],
    }


def type_keys() -> Schema:
    """The keys of a type in its long form."""
    bound = {**_EXPRESSION, "description": "bound of a number, in its unit; of the length of a string, bytes or list"}
    return {
        "type": {"anyOf": [{"$ref": "#/$defs/typeText"}, {"enum": ["enum", "list"]}]},
        "unit": {"enum": list(UNITS)},
        "min": bound,
        "max": bound,
        "optional": {"type": "boolean", "description": "may be None"},
        "values": {"type": "array", "items": _TEXT, "minItems": 1, "description": "of an enum"},
        "of": {"$ref": "#/$defs/type", "description": "type of a list's elements"},
        "secret": {"type": "boolean", "description": "hidden in lines, views and traces (string, bytes, list, any)"},
    }


def _type() -> Schema:
    return {"anyOf": [{"$ref": "#/$defs/typeText"}, _object(type_keys(), required=["type"])]}


# ---------------------------------------------------------------- transitions and actions


def transition() -> Schema:
    return {
        "target": {"anyOf": [{"$ref": "#/$defs/target"}, {"type": "null"}]},
        "guard": {**_EXPRESSION, "description": "a bool; without it, always"},
        "actions": {"$ref": "#/$defs/actions"},
        "internal": {"type": "boolean", "description": "the source is not left when the target is inside it"},
        **_pick(_described(), "description", "source", "waive"),
    }


def _transition() -> Schema:
    return {"anyOf": [{"type": ["string", "boolean", "number", "null"]}, _object(transition())]}


def actions() -> dict[str, Schema]:
    """Each action of the language, by its key."""
    event = {"event": {**_TEXT, "description": "name of an event"}, "data": {"$ref": "#/$defs/values"}}
    nested = {"$ref": "#/$defs/actions"}
    child = {"id": _TEXT, "src": {**_TEXT, "description": "path of a chart, from this file"}, "key": _EXPRESSION}
    roles = _map(_TEXT, _NAME, description="child's role: own role")
    send = {
        **event,
        "to": {**_NOTE, "description": "parent, self or a child's id"},
        "delay": _EXPRESSION,
        "id": {**_NOTE, "description": "for cancel"},
        "key": {**_EXPRESSION, "description": "of a spawned child"},
        "event_expr": _EXPRESSION,
        "to_expr": _EXPRESSION,
        "content": _EXPRESSION,
        "id_location": _NOTE,
        "type": _EXPRESSION,
    }
    foreach = {"in": _EXPRESSION, "item": _TEXT, "index": _TEXT, "do": nested}
    return {
        "assign": _map(_EXPRESSION),
        "raise": {"anyOf": [_TEXT, _object(event, required=["event"])]},
        "send": {"anyOf": [_TEXT, _object(send)]},
        "cancel": {"anyOf": [_TEXT, _object({"id_expr": _EXPRESSION}, required=["id_expr"])]},
        "log": {**_NOTE, "description": "text with {expr}"},
        "if": _EXPRESSION,
        "foreach": _object(foreach, required=["in", "item"]),
        "spawn": _object({**child, "input": {"$ref": "#/$defs/values"}, "adapters": roles}, required=["src"]),
        "stop": {"anyOf": [_TEXT, _object(_pick(child, "id", "key"), required=["id"])]},
    }


def _action() -> Schema:
    """A call of an adapter, or a mapping with one action's key."""
    branches = {"then": {"$ref": "#/$defs/actions"}, "else": {"$ref": "#/$defs/actions"}}
    return {
        "anyOf": [
            {
                "type": "string",
                "description": "role.action(arg=expr, …)",
                "pattern": "^\\s*[A-Za-z_]\\w*\\s*\\.[\\s\\S]*\\)\\s*$",
            },
            {
                "type": "object",
                "properties": {**actions(), **branches},
                "additionalProperties": False,
                "oneOf": [{"required": [name]} for name in actions()],
                "dependentRequired": {"then": ["if"], "else": ["if"]},
            },
        ]
    }


def invoke() -> Schema:
    return {
        "id": {**_TEXT, "description": "its events are named <id>.<event>"},
        "src": {**_TEXT, "description": "path of a chart, from this file"},
        "call": {**_TEXT, "description": "a long action of an adapter: role.action(arg=expr)"},
        "input": {"$ref": "#/$defs/values"},
        "adapters": _map(_TEXT, _NAME, description="child's role: own role"),
        "autoforward": {"type": "boolean"},
        "onDone": {"$ref": "#/$defs/transitions"},
        "onError": {"$ref": "#/$defs/transitions"},
        "description": _NOTE,
        "chart": {"$ref": "#", "description": "a whole chart in place"},
        "source": _EXPRESSION,
        "plain_events": {"type": "boolean"},
        "finalize": {"$ref": "#/$defs/actions"},
        "id_location": _NOTE,
    }


def _invoke() -> Schema:
    ways = [{"required": [key]} for key in ("src", "call", "chart", "source")]
    return _none_or_many({**_object(invoke()), "oneOf": ways})


def _invariant() -> Schema:
    return {
        "anyOf": [
            {"type": ["string", "boolean", "number"]},
            _object({"expr": _EXPRESSION, "message": _NOTE, "source": _NOTE}, required=["expr"]),
        ]
    }


# ---------------------------------------------------------------- states and the chart


def active() -> Schema:
    """The keys of an atomic, compound or parallel state."""
    transitions = {"$ref": "#/$defs/transitions"}
    initial = _object(
        {
            "target": {"$ref": "#/$defs/target"},
            "actions": {"$ref": "#/$defs/actions"},
            "description": _NOTE,
            "source": _NOTE,
        },
        required=["target"],
    )
    return {
        "type": {"const": "parallel", "description": "all children are active at once"},
        "initial": {"anyOf": [{"$ref": "#/$defs/target"}, initial], "description": "default: the first child"},
        "states": _map({"$ref": "#/$defs/state"}, _NAME),
        "entry": {"$ref": "#/$defs/blocks"},
        "exit": {"$ref": "#/$defs/blocks"},
        "on": _map(transitions, description="event, prefix.* or *: transitions"),
        "always": transitions,
        "after": _map(transitions, description="duration: transitions"),
        "onDone": transitions,
        "invoke": {"$ref": "#/$defs/invoke"},
        "invariant": {"$ref": "#/$defs/invariants"},
        **_described(),
    }


def final() -> Schema:
    """The keys of a final state."""
    return {
        "type": {"const": "final"},
        **_pick(active(), "entry", "exit", "invariant"),
        "output": {"$ref": "#/$defs/values"},
        "output_content": _EXPRESSION,
        **_described(),
    }


def history() -> Schema:
    """The keys of a history state."""
    return {
        "type": {"const": "history"},
        "history": {"enum": ["shallow", "deep"]},
        "target": {"$ref": "#/$defs/target", "description": "the default"},
        "actions": {"$ref": "#/$defs/actions"},
        **_described(),
    }


def _state() -> Schema:
    def of_type(name: str) -> Schema:
        return {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}

    return {
        "if": {"type": "null"},
        "else": {
            "if": of_type("final"),
            "then": {"$ref": "#/$defs/final"},
            "else": {
                "if": of_type("history"),
                "then": {"$ref": "#/$defs/history"},
                "else": {"$ref": "#/$defs/active"},
            },
        },
    }


def parameter() -> Schema:
    return {
        **type_keys(),
        "default": {**_EXPRESSION, "description": "without it the parameter must be given"},
        **_pick(_described(), "source", "description", "waive"),
    }


def data() -> Schema:
    return {
        **type_keys(),
        "initial": {**_EXPRESSION, "description": "an expression over parameters"},
        "late": _NOTE,
        **_pick(_described(), "source", "description", "waive"),
    }


def event() -> Schema:
    return {
        "payload": {"$ref": "#/$defs/fields"},
        "direction": {"enum": ["in", "out"], "description": "in: others send it; out: it goes to the parent; else own"},
        **_pick(_described(), "description", "source", "waive"),
    }


def session() -> Schema:
    return {
        "result": {"type": "string", "description": "the event (direction: out) that ends one"},
        "success": {**_EXPRESSION, "description": "over its payload: whether it went well"},
        "during": {"type": "string", "description": "the state from whose entry on it lasts"},
        "description": _NOTE,
    }


def shutdown() -> Schema:
    """The keys of ``shutdown``."""
    return {
        "event": {**_TEXT, "description": "of direction in, without payload: ends the chart in order"},
        "within": {**_EXPRESSION, "description": "the longest time it may take"},
        "done": {
            "$ref": "#/$defs/target",
            "description": "over in this state, or one of these; without it when it ends",
        },
        "source": _NOTE,
    }


def chart() -> Schema:
    """The top level."""
    events = _map({"anyOf": [{"type": "null"}, _object(event())]})
    properties = {
        "machine": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "description": "name of the chart"},
        "language": {"const": LANGUAGE, "description": "version of the language"},
        "version": _NOTE,
        "station": {**_NOTE, "description": "default station file, from this file"},
        "session": _object(session(), required=["result", "success"], description="what the chart is asked to do"),
        "strict": {"type": "boolean", "description": "an event no state handles is an error"},
        "parameters": _map(_object(parameter(), required=["type"]), _NAME),
        "adapters": _map(_TEXT, _NAME, description="role: contract"),
        "data": _map(_object(data(), required=["type"]), _NAME),
        "events": {"anyOf": [{"const": "any"}, events]},
        "output": {"$ref": "#/$defs/fields"},
        "shutdown": _object(shutdown(), required=["event", "within"], description="how it ends in order"),
        "script": {"$ref": "#/$defs/actions"},
        **{name: value for name, value in active().items() if name != "onDone"},
    }
    return _object(properties, required=["machine", "states"])
