"""The mappings of a text with their kinds, by the table of keys."""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.load.keys import TABLE
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence

_LISTS = {"actions": "action", "template actions": "action", "blocks": "action", "transitions": "transition"}


def mappings(node: Node | None, kind: str) -> Iterator[tuple[str, Mapping]]:
    """Every mapping at and below ``node``, outer before inner, each with its kind in :data:`TABLE`; ``kind`` as the
    table writes kinds of values."""
    if isinstance(node, Sequence) and not kind.startswith("["):
        kind = f"[{kind}]"
    if kind.startswith("["):
        for item in node.items if isinstance(node, Sequence) else [node]:
            yield from mappings(item, kind[1:-1])
        return
    if not isinstance(node, Mapping):
        return
    _, colon, inner = kind.partition(": ")
    if colon:
        for _, _, value in node.items():
            yield from mappings(value, inner)
    elif kind == "events":
        yield from mappings(node, "NAME: event")
    elif kind in ("any state", "template state"):
        yield from mappings(node, _kind_of_state(node))
    elif kind in _LISTS:
        yield from mappings(node, _LISTS[kind])
    elif kind == "whole chart":
        yield from mappings(node, "chart")
    elif " | " in kind:
        yield from mappings(node, next((word for word in kind.split(" | ") if word in TABLE), ""))
    elif kind in TABLE:
        yield kind, node
        for key, _, value in node.items():
            if key in TABLE[kind].keys:
                yield from mappings(value, TABLE[kind].keys[key].value)


def _kind_of_state(node: Mapping) -> str:
    written = node.get("type")
    text = written.text if isinstance(written, Scalar) else ""
    return {"final": "final state", "history": "history state"}.get(text, "state")
