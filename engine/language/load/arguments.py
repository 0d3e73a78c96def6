"""Named values: the payload of an event, the input of a child, the output of a final state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.language.expr import tree
from engine.language.expr.check import Scope
from engine.language.load.build import Build
from engine.language.load.yaml_source import Node, Scalar
from engine.language.types import Type

Fields = tuple[tuple[str, tree.Expr], ...]


@dataclass(slots=True)
class Field:
    """A field as read: its key, its value, and how to make the expression once its type is known."""

    key: Scalar
    node: Node
    make: Callable[[Type | None], tree.Expr]


def read_fields(build: Build, node: Node | None, scope: Scope) -> dict[str, Field]:
    """``{field: expr}``."""
    fields: dict[str, Field] = {}
    for name, key, value in build.reader.entries(node, "'data'"):
        fields[name] = Field(key, value, _maker(build, value, name, scope))
    return fields


def _maker(build: Build, value: Node, name: str, scope: Scope) -> Callable[[Type | None], tree.Expr]:
    return lambda type_: build.expression(value, f"the value of {name!r}", scope, type_)


def fit_fields(
    build: Build,
    fields: dict[str, Field],
    payload: Mapping[str, Type] | None,
    place: Node,
    what: str,
    optional: frozenset[str] = frozenset(),
) -> Fields:
    """The expressions in the order they are written, fitted to the declared types; unknown and missing ones are
    problems. ``payload`` None: anything goes. ``optional``: names that may be missing, whatever their type."""
    if payload is None:
        return tuple((name, field.make(None)) for name, field in fields.items())
    result: list[tuple[str, tree.Expr]] = []
    for name, field in fields.items():
        if name not in payload:
            build.reader.problem(field.key, "unknown-argument", f"{what} has no field {name[:80]!r}", known=payload)
            field.make(None)
        else:
            result.append((name, field.make(payload[name])))
    missing = [
        name for name, type_ in payload.items() if name not in fields and not type_.optional and name not in optional
    ]
    if missing and len(result) == len(fields):
        build.reader.problem(place, "missing-argument", f"{what} needs {', '.join(missing)}", f"{missing[0]}: …")
    return tuple(result)
