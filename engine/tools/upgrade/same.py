"""Whether two charts mean the same: the same plan, whatever their texts look like."""

from __future__ import annotations

import dataclasses
from typing import Any

from engine.language.model import Chart, Clause, Contract, State, Transition
from engine.language.position import Position

_TEXT_ONLY = frozenset({"position", "text_hash", "order", "clauses", "serves_at", "roles", "file"})


def difference(one: Chart, other: Chart) -> str | None:
    """Where two charts differ in more than their text; None when they mean the same. What a state ignores may stand at
    the end of its transitions."""
    for field in dataclasses.fields(Chart):
        if field.name in ("root", "states", "transitions", "joint_invariants") or field.name in _TEXT_ONLY:
            continue
        if _plain(getattr(one, field.name)) != _plain(getattr(other, field.name)):
            return field.name
    if list(one.states) != list(other.states):
        return "states"
    for mine, theirs in zip(one.states.values(), other.states.values(), strict=True):
        if _state(mine) != _state(theirs):
            return f"state {mine.id or '(root)'}"
    return None


def _state(state: State) -> Any:
    active = [t for t in state.transitions if not t.ignores]
    ignored = sorted((t for t in state.transitions if t.ignores), key=lambda t: t.id)
    fields = {f.name: _plain(getattr(state, f.name)) for f in dataclasses.fields(State) if f.name != "transitions"}
    return {**fields, "transitions": [_whole(t) for t in (*active, *ignored)], "position": None, "order": None}


def _whole(value: Any) -> Any:
    """A dataclass without what is of its text only."""
    fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.name not in _TEXT_ONLY}
    return type(value).__name__, fields


def _plain(value: Any) -> Any:
    match value:
        case Position() | Clause():
            return None
        case State():
            return value.id
        case Chart() | Contract():
            return value.name
        case Transition():
            return _whole(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return _whole(value)
    return value
