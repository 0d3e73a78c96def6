"""Named values: the payload of an event, the input of a child, the output of a final state, the arguments of a call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import cast

from engine.language.expr import tree
from engine.language.expr.check import Checker, Scope
from engine.language.expr.lex import Fault
from engine.language.expr.parse import Node as Syntax
from engine.language.load.build import Build
from engine.language.load.yaml_source import Node, Scalar
from engine.language.problems import did_you_mean
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


def call_arguments(
    build: Build,
    node: Scalar,
    call: Syntax,
    scope: Scope,
    types: Mapping[str, Type],
    what: str,
    optional: Collection[str] = (),
) -> dict[str, tree.Expr]:
    """The named arguments of a call in the text of ``node``, each fitted to its type. Unknown, missing and doubled ones
    are problems; those whose type has a ``?`` and those in ``optional`` may be left out. ``what`` is called, for
    people."""

    def fault(start: int, end: int, code: str, message: str, expected: str = "", hint: str = "") -> None:
        build.reader.fault(node, Fault(start, end, code, message, expected, hint))

    checker = Checker(build.seen_from(node, scope))
    args: dict[str, tree.Expr] = {}
    names = cast("list[str]", call.value)
    for name, value in zip(names, call.children[1:], strict=True):
        start = max(node.text.rfind(name, 0, value.start), 0)
        if not name:
            expected = ", ".join(f"{arg}=…" for arg in types) or "no arguments"
            fault(value.start, value.end, "syntax", "an argument without its name", expected)
        elif name not in types:
            hint = did_you_mean(name, types)
            fault(start, value.end, "unknown-argument", f"{what} has no argument {name!r}", hint=hint)
        elif name in args:
            fault(start, value.end, "duplicate-name", f"the argument {name!r} stands twice")
        else:
            value = checker.worded(value, types[name])
            args[name] = checker.convert(checker.check(value), types[name], value)
    for found in checker.faults:
        build.reader.fault(node, found)
    missing = [
        name for name, type_ in types.items() if name not in args and not type_.optional and name not in optional
    ]
    if missing and all(name in types for name in names):
        fault(call.start, call.end, "missing-argument", f"{what} needs {', '.join(missing)}", f"{missing[0]}=…")
    return args
