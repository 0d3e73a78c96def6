"""The events a chart may receive and their payloads: its own, its adapters', its children's and the built-in ones."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.language.built_in import BUILT_IN
from engine.language.expr.unify import unified
from engine.language.expr.units import same, unit_of
from engine.language.load import keys
from engine.language.load.reader import Reader
from engine.language.load.types import read_type
from engine.language.load.yaml_source import Node
from engine.language.model import EventDef
from engine.language.types import Kind, Type

Payload = dict[str, Type]

_EVENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
MAX_COMMON = 500  # events whose common fields are looked for
RESERVED_ROOTS = ("done", "error")


def read_payload(reader: Reader, node: Node | None, what: str) -> Payload:
    """``{field: type}``, empty when absent."""
    payload: Payload = {}
    for key, key_node, value in reader.entries(node, f"what {what} carries", "field: type"):
        if reader.name(key_node, "a field"):
            type_ = read_type(reader, value, f"field {key!r} of {what}")
            if type_ is not None:
                payload[key] = type_
    return payload


def read_events(reader: Reader, node: Node | None) -> dict[str, EventDef]:
    """The ``events`` section."""
    events: dict[str, EventDef] = {}
    for name, key, value in reader.entries(node, "'events'", "NAME: {direction: in}"):
        if not _EVENT_NAME.fullmatch(name):
            reader.problem(key, "name", f"{name[:60]!r} cannot be the name of an event", "names unified by dots")
            continue
        if name.split(".")[0] in RESERVED_ROOTS:
            reader.problem(key, "name", f"{name!r}: events that begin with done. or error. are built in")
            continue
        body = reader.mapping(value, f"event {name!r}", "{payload: {field: type}, direction: in}")
        direction = ""
        if body is not None:
            reader.check_keys(body, keys.EVENT, f"event {name!r}")
            direction_node = body.get("direction")
            direction = reader.text(direction_node, "'direction'")
            if direction_node is not None and direction not in ("in", "out"):
                reader.problem(direction_node, "shape", f"unknown direction {direction!r}", "in or out")
        payload = read_payload(reader, body.get("payload") if body else None, f"event {name!r}")
        description = reader.text(body.get("description") if body else None, "'description'")
        waivers = reader.texts(body.get("waive"), "'waive'") if body else {}
        urgent = reader.flag(body.get("urgent"), "'urgent'") if body else False
        events[name] = EventDef(name, payload, direction, description, waivers, reader.position(key), urgent)
    return events


class EventTable:
    """The events a chart may receive, by name. ``open``: an imported chart, which may receive any name."""

    def __init__(self, open_: bool = False) -> None:
        self.open = open_
        self._events: dict[str, Payload] = {name: dict(carried) for name, carried in BUILT_IN.items()}
        self._below: dict[str, list[str]] | None = None  # prefix -> the events that begin with it and a dot

    def add(self, name: str, payload: Payload) -> None:
        """Add an event with its payload, or replace it."""
        self._events[name] = payload
        self._below = None

    def add_done(self, name: str, payloads: list[Payload]) -> None:
        """Add what is told in several ways, as the end of a compound state by its final states: the fields of all."""
        common = dict(payloads[0]) if payloads else {}
        for other in payloads[1:]:
            _keep_common(common, other)
        self.add(name, common)

    def names(self) -> list[str]:
        """All known names."""
        return list(self._events)

    def matching(self, descriptor: str) -> list[str]:
        """The known events that a descriptor (without its trailing ``.*``) matches: the name itself and names that
        begin with it and a dot; ``*`` matches all."""
        if descriptor == "*":
            return list(self._events)
        if self._below is None:
            self._below = {}
            for name in self._events:
                at = name.find(".")
                while at >= 0:
                    self._below.setdefault(name[:at], []).append(name)
                    at = name.find(".", at + 1)
        found = [descriptor] if descriptor in self._events else []
        if descriptor.startswith("done.state."):  # the end of this state, not of those inside it
            return found
        return found + self._below.get(descriptor, [])

    def fields(self, names: list[str]) -> Payload:
        """The fields that all these events have in the same kind and unit. Of very many events: none."""
        if not names or len(names) > MAX_COMMON:
            return {}
        common = dict(self._events[names[0]])
        for name in names[1:]:
            _keep_common(common, self._events[name])
        return common


def _keep_common(common: Payload, other: Payload) -> None:
    for field, type_ in list(common.items()):
        if field not in other or not _compatible(type_, other[field]):
            del common[field]
        elif type_ != other[field]:
            common[field] = unified(type_, other[field])
        if field in common and other[field].secret:
            common[field] = replace(common[field], secret=True)


def _compatible(a: Type, b: Type) -> bool:
    if {a.kind, b.kind} <= {Kind.STRING, Kind.ENUM}:
        return True
    return a.kind is b.kind and same(unit_of(a), unit_of(b)) and (a.kind is not Kind.LIST or a.item == b.item)
