"""Types as written in a chart: ``float V?``, ``enum(a, b)``, ``{type: int, min: 0}``."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.language.expr.check import expression
from engine.language.expr.lex import Fault
from engine.language.expr.tree import Literal
from engine.language.expr.unify import NUMBERS, numeric
from engine.language.expr.units import unit_of
from engine.language.load import keys
from engine.language.load.reader import NO_NAMES, SPOKEN_UNITS, Reader
from engine.language.load.yaml_source import Mapping, Node, Scalar
from engine.language.types import ANY, DURATION_UNITS, UNITS, Kind, Type
from engine.language.values import describe

_KINDS = {kind.value: kind for kind in Kind if kind is not Kind.NONE}
_ENUM = re.compile(r"enum\s*\(([^()]*)\)\s*(\??)")
_SIMPLE = re.compile(r"([A-Za-z]+)(?:\s+([A-Za-z%][A-Za-z/]*))?\s*(\??)")
_LENGTHS = frozenset({Kind.STRING, Kind.BYTES, Kind.LIST})
_HIDDEN = _LENGTHS | {Kind.ANY}  # kinds of value that can be secret: no number or word of a few says it instead
MAX_NESTING = 8  # list of list of …

_cache: dict[str, Type] = {}


def read_type(reader: Reader, node: Node | None, what: str, known: keys.Keys = keys.TYPE) -> Type | None:
    """The type ``node`` names, short or long; None after a problem. ``known``: the keys of the long form."""
    if isinstance(node, Mapping):
        reader.check_keys(node, known, f"the type of {what}")
        return read_long_type(reader, node, what)
    if not isinstance(node, Scalar):
        if node is not None:
            reader.problem(node, "shape", f"{what} needs a type", "a type such as `float V?`")
        return None
    if node.is_null:
        reader.problem(node, "missing-key", f"{what} needs a type", "type: …")
        return None
    found = _cache.get(node.text)
    if found is None:
        found = _short(reader, node, node.text, 0)
        if found is not None and len(_cache) < 1000:
            _cache[node.text] = found
    return found


def _short(reader: Reader, node: Scalar, text: str, start: int) -> Type | None:
    """The type in ``text[start:]``."""

    def fault(offset: int, length: int, code: str, message: str, expected: str = "", hint: str = "") -> None:
        reader.fault(node, Fault(offset, offset + length, code, message, expected, hint))

    rest = text[start:]
    depth = 0
    while depth <= MAX_NESTING and (lists := re.match(r"\s*list\s+of\s+", rest)) is not None:
        depth += 1
        rest = rest[lists.end() :]
    if depth > MAX_NESTING:
        fault(start, len(text), "limit", f"lists nested deeper than {MAX_NESTING}")
        return None
    offset = len(text) - len(rest.lstrip())
    rest = rest.strip()
    enum = _ENUM.fullmatch(rest)
    if enum is not None:
        values = tuple(value.strip() for value in enum[1].split(","))
        if not _enum_values(reader, node, values):
            return None
        type_ = Type(Kind.ENUM, optional=bool(enum[2]), values=values)
    else:
        simple = _SIMPLE.fullmatch(rest)
        if simple is None or simple[1] not in _KINDS or simple[1] in ("enum", "list"):
            from engine.language.problems import did_you_mean

            word = simple[1] if simple is not None else rest
            hint = did_you_mean(word, _KINDS)
            if "(" in rest and reader.cut_at_comma(node):
                hint = "inside { } a type that holds a comma stands in quotes"
            expected = "bool, int, float, string, bytes, duration, any, list of TYPE or enum(a, b), with a unit, with ?"
            fault(
                offset,
                len(rest),
                "unknown-type",
                f"unknown type {rest[:60]!r}",
                expected,
                hint,
            )
            return None
        type_ = Type(_KINDS[simple[1]], optional=bool(simple[3]))
        if simple[2]:
            if type_.kind not in (Kind.INT, Kind.FLOAT):
                fault(offset + simple.start(2), len(simple[2]), "unit", f"a {type_.kind.value} has no unit")
                return None
            where = offset + simple.start(2)
            if SPOKEN_UNITS.get(simple[2].lower(), simple[2]) in DURATION_UNITS:
                fault(where, len(simple[2]), "unit", f"{simple[2]!r} is a unit of time", "duration")
                return None
            if simple[2] not in UNITS:
                fault(where, len(simple[2]), "unknown-unit", f"unknown unit {simple[2]!r}", hint=simple[2])
                return None
            type_ = replace(type_, unit=UNITS[simple[2]])
    if type_.kind is Kind.ANY:
        type_ = ANY
    if depth:  # the trailing `?` belongs to the outermost list
        optional = type_.optional and type_.kind is not Kind.ANY
        inner = replace(type_, optional=False) if optional else type_
        for _ in range(depth):
            inner = Type(Kind.LIST, item=inner)
        type_ = replace(inner, optional=optional)
    return type_


def _enum_values(reader: Reader, node: Node, values: tuple[str, ...]) -> bool:
    if not all(values):
        reader.problem(node, "unknown-type", "an enum needs values", "enum(a, b)")
        return False
    seen: set[str] = set()
    for value in values:
        if value in seen:
            reader.problem(node, "duplicate-name", f"the value {value[:80]!r} stands twice in the enum")
            return False
        seen.add(value)
    return True


def read_long_type(reader: Reader, mapping: Mapping, what: str) -> Type | None:
    """The type that the keys ``type``, ``unit``, ``min`` … of a mapping describe; its other keys are the caller's."""
    node = mapping.get("type")
    if node is None:
        reader.missing(mapping, mapping, f"{what} needs a type", "type: …")
        return None
    if isinstance(node, Scalar) and node.text.strip() == "enum":
        values = reader.items(mapping.get("values"))
        texts = tuple(reader.text(value, "an enum value") for value in values)
        if not texts or not _enum_values(reader, mapping.get("values") or node, texts):
            if not texts:
                reader.problem(node, "missing-key", "an enum needs values", "values: [a, b]")
            return None
        type_: Type | None = Type(Kind.ENUM, values=texts)
    elif isinstance(node, Scalar) and node.text.strip() == "list":
        item = read_type(reader, mapping.get("of"), f"an element of {what}")
        if item is None:
            if mapping.get("of") is None:
                reader.problem(node, "missing-key", "a list needs the type of its elements", "of: TYPE")
            return None
        type_ = Type(Kind.LIST, item=item)
    else:
        type_ = read_type(reader, node, what)
    if type_ is None:
        return None
    return _extras(reader, mapping, type_, what)


def _extras(reader: Reader, mapping: Mapping, type_: Type, what: str) -> Type | None:
    for key, kind in (("values", Kind.ENUM), ("of", Kind.LIST)):
        node = mapping.get(key)
        if node is not None and type_.kind is not kind:
            reader.problem(node, "type", f"{describe(type_)} has no {key!r}")
    unit = mapping.get("unit")
    if unit is not None:
        symbol = reader.text(unit, "a unit")
        if type_.kind not in (Kind.INT, Kind.FLOAT):
            reader.problem(unit, "unit", f"a {type_.kind.value} has no unit")
        elif symbol not in UNITS:
            reader.problem(unit, "unknown-unit", f"unknown unit {symbol!r}", known=UNITS)
        else:
            type_ = replace(type_, unit=UNITS[symbol])
    if reader.flag(mapping.get("optional"), f"'optional' of {what}"):
        type_ = replace(type_, optional=True)
    secret = mapping.get("secret")
    if reader.flag(secret, f"'secret' of {what}"):
        if type_.kind in _HIDDEN:
            type_ = replace(type_, secret=True, item=type_.item and replace(type_.item, secret=True))
        else:
            reader.problem(secret or mapping, "type", f"{describe(type_)} cannot be secret", "string, bytes or a list")
    low = _bound(reader, mapping.get("min"), type_, what)
    high = _bound(reader, mapping.get("max"), type_, what)
    if low is not None and high is not None and low > high:
        reader.problem(mapping.get("max") or mapping, "range", f"the maximum {high} is below the minimum {low}")
        return type_
    return replace(type_, minimum=low, maximum=high) if low is not None or high is not None else type_


def _bound(reader: Reader, node: Node | None, type_: Type, what: str) -> int | float | None:
    """A bound: a number in the declared unit, a length, or a duration."""
    if node is None:
        return None
    if type_.kind not in NUMBERS and type_.kind not in _LENGTHS:
        reader.problem(node, "type", f"{describe(type_)} has no bounds")
        return None
    wanted = Type(type_.kind, type_.unit)
    if type_.kind in _LENGTHS:
        wanted = Type(Kind.INT, minimum=0)

    def plain_or_unit(text: str) -> Literal:
        expr = expression(text, NO_NAMES)
        if expr.type.kind in (Kind.INT, Kind.FLOAT) and expr.type.unit is None and isinstance(expr, Literal):
            return Literal(expr.value, numeric(unit_of(wanted), expr.type.kind) if wanted.unit else expr.type)
        fitted = expression(text, NO_NAMES, wanted)
        assert isinstance(fitted, Literal)
        return fitted

    expr = reader.compile(node, f"a bound of {what}", plain_or_unit)
    value = expr.value if isinstance(expr, Literal) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    if type_.kind is Kind.DURATION and expr.type.kind is not Kind.DURATION and value != 0:
        reader.problem(node, "unit", "a bound of a duration is a duration", "250 ms")
        return None
    if wanted.kind is Kind.INT and not isinstance(value, int):
        reader.problem(node, "type", "the bound must be a whole number", "an int")
        return None
    return value
