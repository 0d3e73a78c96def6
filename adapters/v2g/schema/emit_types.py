"""Writes the code of single types: constants, readers, writers and the tables of substitution groups."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .emit_common import Names, quoted
from .emit_reader import ReaderEmitter
from .emit_writer import WriterEmitter
from .model import ComplexType, SchemaError


def words_of(lines: Iterable[str]) -> set[str]:
    """Every name that occurs in ``lines``."""
    return {word for line in lines for word in re.findall(r"\w+", line)}


def constants_in(names: Names, words: set[str]) -> list[str]:
    """The simple types of whose constants one is in ``words``."""
    tables = {name: {f"_V{name[2:]}", f"_I{name[2:]}", literal} for name, literal in names.literals.items()}
    return [name for name in names.simple_source if not words.isdisjoint({name} | tables.get(name, set()))]


def constant_lines(names: Names, constants: Iterable[str]) -> list[str]:
    """The statements of ``constants``: the run-time objects of simple types, and what enumerations are looked up in."""
    lines: list[str] = []
    for constant in constants:
        source = names.simple_source[constant]
        if constant not in names.literals:
            lines.append(f"{constant} = {source}")
            continue
        literal, table = names.literals[constant], f"_V{constant[2:]}"
        values = source.removeprefix("Enumeration(")[:-1]
        lines.append(f"{literal} = Literal[{values}]")
        lines.append(f"{table}: tuple[{literal}, ...] = ({values},)")
        lines.append(f"{constant} = Enumeration(*{table})")
        lines.append(f"_I{constant[2:]} = {constant}.index")
    return lines


def code_lines(names: Names, kind: ComplexType) -> list[str]:
    """The reader and the writer; none for an open type, which has a table."""
    if names.grammar(kind).is_open:
        return []
    return [*ReaderEmitter(names, kind).emit(), "", "", *WriterEmitter(names, kind).emit(), "", ""]


def reader_writer(names: Names, kind: ComplexType) -> tuple[str, str]:
    """The reader and the writer of an element of this type, as expressions."""
    if names.grammar(kind).is_open:
        return f"_O_{kind.label}.read", f"_O_{kind.label}.write"
    return f"_r_{kind.label}", f"_w_{kind.label}"


def group_lines(names: Names, kind: ComplexType) -> list[str]:
    """The tables of the members of substitution groups. Raises ``SchemaError`` when two members have one type."""
    lines = []
    for position in names.grammar(kind).positions:
        if position.form != "group":
            continue
        members = [(e, e.type) for e in position.elements if isinstance(e.type, ComplexType)]
        if len({id(t) for _, t in members}) != len(position.elements):
            raise SchemaError(f"{kind.label}.{position.name}: members do not differ in type, which is not supported")
        lines.append(f"_R_{kind.label}_{position.name}: GroupReaders = (")
        lines += [f"    ({reader_writer(names, t)[0]}, {quoted(e.name.local)})," for e, t in members]
        lines.append(")")
        lines.append(f"_W_{kind.label}_{position.name}: GroupWriters = {{")
        for code, (element, t) in enumerate(members):
            lines.append(f"    {t.label}: ({code}, {reader_writer(names, t)[1]}, {quoted(element.name.local)}),")
        lines.append("}")
    return lines
