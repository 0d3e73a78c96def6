"""Values of a chart as C: constants, what data begin with, and conditions for being a value of a type."""

from __future__ import annotations

from typing import Any

from engine.language.expr import tree
from engine.language.model import ParameterDef
from engine.language.types import Kind, Type
from engine.language.values import describe
from engine.semantics.errors import ParameterError
from engine.semantics.parameters import bind_parameters
from engine.tools.export.c.blocks import given_to
from engine.tools.export.c.design import Design
from engine.tools.export.c.expressions import Expression, number, real
from engine.tools.export.c.types import NotInC, most_items, most_octets, text_octets, whole_range
from engine.tools.export.losses import Construct


def defaults(design: Design) -> list[str]:
    """The defaults of the parameters, as initialisers; one that must be given is nothing."""
    chart = design.chart
    found: list[str] = []
    required = [p for p in chart.parameters.values() if p.default is None]
    base = {p.name: nothing(p.type) for p in required}
    try:
        values = bind_parameters(chart, base)
    except ParameterError as error:
        design.refuse(str(error), "", chart.position, Construct.TYPES)
        return found
    for parameter in chart.parameters.values():
        try:
            design.c_type(parameter.type)
            found.append(f"{constant(design, parameter.type, values[parameter.name])}{_told(parameter)}")
        except NotInC as why:
            design.refuse(str(why), parameter.name, parameter.position, Construct.TYPES)
    return found


def parameter_checks(design: Design) -> list[str]:
    """Conditions for the parameters that a host gives."""
    checks: list[str] = []
    for name, parameter in design.chart.parameters.items():
        try:
            checks += fits(design, parameter.type, f"parameters->{design.parameter_names.of(name)}")
        except NotInC as why:
            design.refuse(str(why), name, parameter.position, Construct.TYPES)
    return checks


def initial_values(design: Design) -> list[str]:
    """Statements that give the data their initial values."""
    lines: list[str] = []
    for item in design.chart.data.values():
        to = f"me->data.{design.data_names.of(item.name)}"
        expression = Expression(design)
        try:
            design.declared(item.type, "value")
            if item.initial is None:
                if item.argument_of:
                    continue  # every target that enters its state gives it
                raise NotInC("a data item without an initial value is not translated")
            if item.type.kind is Kind.LIST:
                if not isinstance(item.initial, tree.ListOf) or item.initial.items:
                    raise NotInC("a list that begins with elements is not translated")
                lines.append(f"{to}.count = 0U;")
                continue
            value = expression.stored(item.initial, item.type)
            if expression.fails:
                raise NotInC("an initial value that may not be had is not translated")
        except NotInC as why:
            design.refuse(str(why), item.name, item.position, Construct.TYPES)
            continue
        lines += [*expression.before, given_to(item.type, to).format(value)]
    return lines


def fits(design: Design, type_: Type, name: str) -> list[str]:
    """Conditions for a value of its C type to be one of the chart's. Raises ``NotInC``."""
    if type_.kind is Kind.FLOAT:
        design.uses_real = True
        low = "-INFINITY" if type_.minimum is None else real(float(type_.minimum))
        high = "INFINITY" if type_.maximum is None else real(float(type_.maximum))
        if (low, high) == ("-INFINITY", "INFINITY"):
            return [f"chart_is_number({name})"]
        return [f"chart_between({name}, {low}, {high})"]
    if type_.kind is Kind.STRING:
        return [f"chart_fits({name}, {int(type_.minimum or 0)}U, {text_octets(type_)}U)"]
    if type_.kind is Kind.BYTES:
        stored = f"chart_octets({name}.octet, {name}.length)" if name.startswith("parameters->") else name
        return [f"chart_has_length({stored}, {int(type_.minimum or 0)}U, {most_octets(type_)}U)"]
    if type_.kind is Kind.LIST:
        if type_.item is None or type_.item.kind not in (Kind.INT, Kind.DURATION, Kind.BOOL) or type_.item.minimum:
            raise NotInC(f"{describe(type_)}: such a list is not translated as a parameter")
        return [f"({name}.count <= {most_items(type_)}U)"]
    if type_.kind is Kind.ENUM:
        return ["(" + " || ".join(f"({name} == {design.word(value)})" for value in type_.values) + ")"]
    if type_.kind in (Kind.INT, Kind.DURATION):
        own, held = whole_range(type_), design.c_type(type_)
        signed = not held.startswith("u")
        bits = int("".join(c for c in held if c.isdigit()))
        least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        found = [f"({name} >= {number(own.low)})"] if own.low > least else []
        return found + ([f"({name} <= {number(own.high)})"] if own.high < most else [])
    return []


def nothing(type_: Type) -> Any:
    """A value of a type, where one must be given."""
    nothing: dict[Kind, Any] = {Kind.BOOL: False, Kind.STRING: "", Kind.BYTES: b"", Kind.LIST: []}
    if type_.kind is Kind.ENUM:
        return type_.values[0]
    return nothing.get(type_.kind, type_.minimum or 0)


def nothing_of(design: Design, type_: Type) -> str:
    """The same, as C. Raises ``NotInC``."""
    return "{NULL, 0U}" if type_.kind is Kind.BYTES else constant(design, type_, nothing(type_))


def constant(design: Design, type_: Type, value: Any) -> str:
    """A value as a constant of C. Raises ``NotInC``."""
    if type_.kind is Kind.BYTES:
        most_octets(type_)
        return f"{{{len(value)}U, {{{', '.join(f'{octet}U' for octet in value or bytes(1))}}}}}"
    if type_.kind is Kind.LIST and type_.item is not None:
        items = [constant(design, type_.item, item) for item in value] or ["0"]
        return f"{{{len(value)}U, {{{', '.join(items)}}}}}"
    literal = tree.Literal(value, type_)
    expression = Expression(design)
    if type_.kind is Kind.STRING and len(value.encode()) > text_octets(type_):
        raise NotInC(f"a text of {len(value.encode())} octets where {text_octets(type_)} are held: declare `max`")
    return expression.stored(literal, type_)


def _told(parameter: ParameterDef) -> str:
    return f" /* {parameter.name}{'' if parameter.default is not None else ': must be given'} */"
