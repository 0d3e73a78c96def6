"""Finds the types that several schema sets share, so that they are generated once.

The five schema sets of ISO 15118-20 import the same files of common types and signatures. A type is shared when its
generated code, and that of every type it refers to, is the same in each set. Two kinds are never shared: a type used by
one global element only, since its class says which protocol's message it is; and open content, whose wildcards hold
everything the whole set declares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .emit_classes import class_lines, element_of, field_lines, ordered
from .emit_common import Names
from .emit_types import code_lines, constant_lines, constants_in, group_lines, words_of
from .model import ComplexType, QName

_ANONYMOUS = QName("", "")
"""Stands for every type without a name, under which it could be shared."""

Sections = tuple[tuple[str, ...], ...]
"""Lines of one type: its constants, class, reader and writer, groups, fields."""


@dataclass(frozen=True)
class SharedType:
    """One type as it is generated for every set."""

    name: QName
    sections: Sections


def shared_types(sets: Sequence[Names]) -> list[SharedType]:
    """The types that all of ``sets`` share, base types first; none of a single set. Raises SchemaError."""
    if len(sets) == 1:
        return []
    found: dict[QName, list[Sections]] = defaultdict(list)
    refers: dict[QName, set[QName]] = defaultdict(set)
    for names in sets:
        for kind in ordered(names.types):
            if kind.name is not None and not names.grammar(kind).is_open and not element_of(names, kind):
                found[kind.name].append(_sections(names, kind))
                refers[kind.name] |= _references(names, kind)
    shared = {name for name, made in found.items() if len(made) == len(sets) and len(set(made)) == 1}
    while lost := {name for name in shared if not refers[name] <= shared}:
        shared -= lost
    return [SharedType(name, made[0]) for name, made in found.items() if name in shared]


def _sections(names: Names, kind: ComplexType) -> Sections:
    sections = (
        [*class_lines(names, kind, shared=True), "", ""],
        code_lines(names, kind),
        group_lines(names, kind),
        field_lines(names, kind),
    )
    words = words_of(line for section in sections for line in section)
    constants = constant_lines(names, sorted(constants_in(names, words)))
    return tuple(map(tuple, (constants, *sections)))


def _references(names: Names, kind: ComplexType) -> set[QName]:
    """The types that the code of ``kind`` names."""
    types = [e.type for position in names.grammar(kind).positions for e in position.elements]
    return {t.name or _ANONYMOUS for t in (*types, kind.base) if isinstance(t, ComplexType)}
