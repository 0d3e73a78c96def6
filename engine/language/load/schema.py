"""The JSON Schema of the chart language, for completion and first checks in editors.

It knows shapes, keys and the words with a closed list; names, types and units across a chart are the loader's. The keys
come from :mod:`engine.language.load.keys`; here is what the kinds of values mean. Imported documents (``events: any``)
have definitions of their own, named ``imported …``, where they may say more. The file ``engine/schema.json`` is this
schema, written out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from engine.language.load.keys import LANGUAGE, TABLE, Key, Keys
from engine.language.types import UNITS

Schema = dict[str, Any]

ID = f"https://chargechart.invalid/schema/chart-{LANGUAGE}.json"
_NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
_ANY_EVENTS: Schema = {"properties": {"events": {"const": "any"}}, "required": ["events"]}


def schema() -> Schema:
    """The schema, JSON Schema draft 2020-12. Its definitions are named as in the table of keys."""
    makers = {
        "": _Maker("", frozenset()),
        "imported": _Maker(
            "imported", _wider("imported", {kind for kind, keys in TABLE.items() if keys.own != keys.all})
        ),
        "template": _Maker("template", _wider("template", {"call"})),
    }
    defs = dict(VALUES)
    todo = [("chart", ""), ("chart", "imported"), ("any state", "template"), ("action", "template")]
    while todo:
        kind, variant = todo.pop()
        maker = makers[variant]
        if maker.name(kind) not in defs:
            defs[maker.name(kind)], used = maker.definition(kind)
            todo += [(one, variant) for one in used]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "State chart",
        "type": "object",
        "if": _ANY_EVENTS,
        "then": _ref(makers["imported"].name("chart")),
        "else": _ref(makers[""].name("chart")),
        "$defs": dict(sorted(defs.items())),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name.replace(' ', '%20')}"}


def _object(properties: Schema, required: list[str]) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": required} if required else found


def _map(value: Schema, named: bool = False) -> Schema:
    found: Schema = {"type": ["object", "null"], "additionalProperties": value}
    return {**found, "propertyNames": {"pattern": _NAME}} if named else found


def _none_or_many(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item}, {"type": "null"}]}


def _of_type(name: str) -> Schema:
    return {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}


# ---------------------------------------------------------------- kinds of values

_UNITS = "|".join(symbol.replace("/", "\\/") for symbol in UNITS)
_SIMPLE_TYPES = f"bool|string|bytes|duration|any|(int|float)(\\s+({_UNITS}))?|enum\\s*\\([^()]*\\)"

VALUES: dict[str, Schema] = {
    "text": {"description": "text", "type": ["string", "number", "boolean"]},
    "note": {"description": "text, or nothing", "type": ["string", "number", "boolean", "null"]},
    "nothing": {"type": "null"},
    "flag": {"type": "boolean"},
    "unit": {"enum": list(UNITS)},
    "name": {"type": "string", "pattern": _NAME},
    "chart name": {"type": "string", "pattern": "^[a-z_][a-z0-9_]*$"},
    "language": {"enum": [LANGUAGE, str(LANGUAGE)]},
    "expression": {
        "description": "an expression: n + 1 > limit, 400 V, event.run_id",
        "type": ["string", "number", "boolean", "null", "array"],
    },
    "condition": {"description": "an expression that is a bool", "type": ["string", "number", "boolean"]},
    "type text": {
        "description": "bool, int, float kW, string, bytes, duration, any, enum(a, b), list of TYPE; `?`: may be None",
        "type": "string",
        "pattern": f"^\\s*(list\\s+of\\s+)*({_SIMPLE_TYPES})\\s*\\??\\s*$",
        "examples": ["bool", "int", "float V", "float kW?", "string", "bytes", "duration", "enum(a, b)", "list of int"],
    },
    "values": _map(_ref("expression")),
    "waive": _map(_ref("note")),
    "texts": {"anyOf": [_ref("text"), {"type": "array", "items": _ref("text"), "minItems": 1}]},
    "target": {
        "description": "a state, or several in parallel regions",
        "anyOf": [_ref("text"), {"type": "array", "items": _ref("text"), "minItems": 1}],
    },
    "target or nothing": {"anyOf": [_ref("target"), {"type": "null"}]},
    "call": {
        "description": "role.action(arg=expr, …), template(arg=expr, …)",
        "type": "string",
        "pattern": "^\\s*[A-Za-z_]\\w*\\s*[.(][\\s\\S]*\\)\\s*$",
    },
    "template call": {
        "description": "role.action(arg=expr, …), template(arg=expr, …), or an argument that stands for actions",
        "type": "string",
        "pattern": "^\\s*[A-Za-z_]\\w*\\s*([.(][\\s\\S]*\\)\\s*)?$",
    },
    "any value": {},
    "use": {
        "description": "a template, with its arguments: {NAME: {argument: value}}",
        "anyOf": [
            {"type": "string", "pattern": _NAME},
            {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _map(_ref("any value"))},
        ],
    },
    "whole chart": {"$ref": "#"},
}
"""The plain kinds, the same in every chart."""


class _Maker:
    """Makes definitions for charts written by hand, or for a variant of them where the kinds ``wider`` have others:
    for imported ones, or for the states of templates."""

    def __init__(self, variant: str, wider: frozenset[str]) -> None:
        self.variant = variant
        self.imported = variant == "imported"
        self._wider = wider
        self._used: set[str] = set()

    def name(self, kind: str) -> str:
        return f"{self.variant} {kind}" if kind in self._wider else kind

    def definition(self, kind: str) -> tuple[Schema, frozenset[str]]:
        """The definition of a kind, and the kinds it refers to that have one of their own."""
        self._used.clear()
        made = _MADE[kind](self) if kind in _MADE else self._kind(kind)
        return made, frozenset(self._used)

    def value(self, kind: str) -> Schema:
        """The schema of a value, by how the table writes its kind."""
        if kind.startswith("["):
            return _none_or_many(self.value(kind[1:-1]))
        names, colon, inner = kind.partition(": ")
        if colon:
            return _map(self.value(inner), names == "NAME")
        words = kind.split(" | ")
        if len(words) > 1:
            return {"anyOf": [self.value(word) for word in words]}
        if kind.startswith("'"):
            return {"const": kind.strip("'")}
        if kind in TABLE or kind in _MADE or kind == "call":
            self._used.add(kind)
        elif kind not in VALUES:
            raise KeyError(f"the table of keys names a kind of value that is none: {kind!r}")
        return _ref(self.name(kind))

    def _kind(self, kind: str) -> Schema:
        keys = TABLE[kind]
        short = [self.value(one) for one in keys.short]
        if not keys.known(self.imported):
            return short[0]
        made = self._mapping(keys)
        if kind == "action":
            made |= _one_action(keys)
        if "states" in keys.keys:
            made |= _NO_FINAL_REGION
        if keys.one_of:
            made["oneOf"] = [{"required": [name]} for name in keys.one_of if name in keys.known(self.imported)]
        return {"anyOf": [*short, made]} if short else made

    def _mapping(self, keys: Keys) -> Schema:
        known = {name: key for name, key in keys.keys.items() if name in keys.known(self.imported)}
        properties = {name: self._property(key) for name, key in known.items()}
        return _object(properties, [name for name, key in known.items() if key.required])

    def _property(self, key: Key) -> Schema:
        about = re.sub(r",? *see \[below\]\([^)]*\)|; see below|`", "", key.about)
        return {**self.value(key.value), "description": about} if about else self.value(key.value)


def _one_action(keys: Keys) -> Schema:
    """A mapping holds one action, and what stands beside it."""
    beside = {name: [key.beside] for name, key in keys.keys.items() if key.beside}
    return {"oneOf": [{"required": [name]} for name in keys.keys if name not in beside], "dependentRequired": beside}


_NO_FINAL_REGION: Schema = {
    "if": _of_type("parallel"),
    "then": {"properties": {"states": {"additionalProperties": {"not": _of_type("final")}}}},
}


def _any_state(maker: _Maker) -> Schema:
    history = {"if": _of_type("history"), "then": maker.value("history state"), "else": maker.value("state")}
    final = {"if": _of_type("final"), "then": maker.value("final state"), "else": history}
    return {"if": {"type": "null"}, "else": final}


def _blocks(maker: _Maker) -> Schema:
    action = maker.value("action")
    return {"anyOf": [maker.value("actions"), {"type": "array", "items": {"type": "array", "items": action}}]}


_MADE: dict[str, Callable[[_Maker], Schema]] = {
    "any state": _any_state,
    "template state": lambda maker: _ref("template any state"),
    "template actions": lambda maker: _none_or_many(_ref("template action")),
    "actions": lambda maker: _none_or_many(maker.value("action")),
    "blocks": _blocks,
    "transitions": lambda maker: {
        "anyOf": [maker.value("transition"), {"type": "array", "items": maker.value("transition")}]
    },
    "events": lambda maker: {"const": "any"} if maker.imported else _map(maker.value("event")),
}
"""Kinds that are made of kinds of mappings."""


def _wider(variant: str, first: set[str]) -> frozenset[str]:
    """The kinds that are wider in a variant: the first ones, and what refers to them."""
    maker = _Maker(variant, frozenset())
    uses = {kind: maker.definition(kind)[1] for kind in [*TABLE, *_MADE]}
    found = first | ({"events"} if maker.imported else set())
    while more := {kind for kind, used in uses.items() if used & found} - found:
        found |= more
    return frozenset(found)
